"""Files: names that are valid on every system, new folders, and files never left half written."""

import os
import re
import tempfile
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

# The longest file name that common file systems allow, suffix included.
MAX_NAME_BYTES = 255
SUFFIX_BYTES = 32

# Suffix of a file that is still being written.
PARTIAL = ".part"


def file_name(name: str) -> str:
    """Turn any name into a valid file name.

    Characters that Linux, macOS or Windows forbid are percent-encoded, and so is a leading dot.
    All others stay, even emoji. `urllib.parse.unquote` undoes it.

    Raises
    ------
    ValueError
        If the encoded name is too long.

    Examples
    --------
    >>> file_name("AC/DC - T.N.T."), file_name("../etc")
    ('AC%2FDC - T.N.T.', '%2E.%2Fetc')
    """
    encoded = re.sub(r'[\x00-\x1f\x7f<>:"/\\|?*%]|^\.', _percent, name)
    n_bytes = len(encoded.encode(errors="surrogateescape"))  # may hold bytes that are not text
    if n_bytes > MAX_NAME_BYTES - SUFFIX_BYTES:
        raise ValueError(
            f"name must fit a file name, at most {MAX_NAME_BYTES - SUFFIX_BYTES} bytes, got "
            f"{n_bytes} in {name[:40]!r}..."
        )
    return encoded


def folded(name: str) -> str:
    """Reduce a name to its form on file systems that ignore case and Unicode composition."""
    return unicodedata.normalize("NFC", name).casefold()


def new_folder(path: Path) -> Path:
    """Make a folder for results, or take an empty one.

    Raises
    ------
    ValueError
        If it is a file, is not empty, or cannot be written to.
    """
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        state = "it is not empty" if path.is_dir() else "it is a file"
        raise ValueError(f"out must be a new or an empty folder, got {path}: {state}")
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):  # fail now, not at the end of the run
            pass
    except OSError as error:
        raise ValueError(f"out must be a folder to write to, got {path} ({error})") from error
    return path


def write_whole(path: Path, text: str) -> None:
    """Write a file that never exists half written."""
    with open_whole_file(path) as file:
        file.write(text)


@contextmanager
def open_whole_file(path: Path) -> Iterator[TextIO]:
    """Open a text file under a temporary name; rename it once it is written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + PARTIAL)
    try:
        with partial.open("w", encoding="utf-8", newline="") as file:
            yield file
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def _percent(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in match.group().encode())
