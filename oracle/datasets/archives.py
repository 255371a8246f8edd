"""Archives: downloaded, verified and unpacked, as a whole or not at all."""

import hashlib
import os
import sys
import tempfile
from pathlib import Path

TIMEOUT = 60  # s without a byte
BLOCK = 2**20  # bytes
AGENT = "oracle-masks"  # some servers refuse Python's own name


def fetch_zip(url: str, md5: str, folder: Path) -> None:
    """Download a zip file and unpack it into a folder.

    The files are moved into the folder once all are unpacked: a failed download leaves the
    folder as it was, or empty.

    Parameters
    ----------
    url : str
        Address of the file.
    md5 : str
        Published checksum of the file, in hexadecimal digits.
    folder : Path
        A new folder, or one without files of the same names.

    Raises
    ------
    ConnectionError
        If the file cannot be downloaded.
    ValueError
        If the checksum differs, or the folder already has a file of the same name.
    """
    from http.client import HTTPException
    from zipfile import ZipFile

    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".download-") as scratch:
        archive, unpacked = Path(scratch) / "archive.zip", Path(scratch) / "unpacked"
        otherwise = f"try again, or download it yourself and unpack it in {folder}"
        try:
            found = _download(url, archive)
        except (OSError, HTTPException) as error:
            raise ConnectionError(f"{url} must be downloaded, got {error}: {otherwise}") from error
        if found != md5:
            raise ValueError(f"{url} must have the MD5 checksum {md5}, got {found}: {otherwise}")
        with ZipFile(archive) as file:  # extracts nothing outside the folder
            file.extractall(unpacked)
        members = sorted(unpacked.iterdir())
        for path in members:
            if (folder / path.name).exists():
                raise ValueError(
                    f"{folder} must not hold {path.name} before {url} is unpacked: "
                    "move it elsewhere"
                )
        for path in members:
            os.replace(path, folder / path.name)


def _download(url: str, archive: Path) -> str:
    """Download a file and compute its checksum."""
    from urllib.request import Request, urlopen

    from rich.console import Console
    from rich.progress import wrap_file

    digest = hashlib.md5(usedforsecurity=False)
    with urlopen(Request(url, headers={"User-Agent": AGENT}), timeout=TIMEOUT) as response:
        shown = wrap_file(
            response,
            int(response.headers["Content-Length"] or 0),
            description="Downloading",
            console=Console(stderr=True),
            transient=True,
            disable=not sys.stderr.isatty(),
        )
        with shown as body, archive.open("wb") as file:
            while block := body.read(BLOCK):
                digest.update(block)
                file.write(block)
    return digest.hexdigest()
