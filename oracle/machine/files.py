"""Files: names that every system can hold, folders, and files that are whole."""

import os
import re
import tempfile
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

# The longest file name, suffix and all, that common file systems hold.
MAX_NAME_BYTES = 255
SUFFIX_BYTES = 32

# What is added to the name of a file until it is whole.
PARTIAL = ".part"


def file_name(name: str) -> str:
    """Turn any name into the name of a file.

    Characters that Linux, macOS or Windows do not allow are percent-encoded, and so is a
    dot at the start; all others, also emoji, stay. `urllib.parse.unquote` turns it back.

    Raises
    ------
    ValueError
        If the name is too long for a file.

    Examples
    --------
    >>> file_name("AC/DC - T.N.T."), file_name("../etc")
    ('AC%2FDC - T.N.T.', '%2E.%2Fetc')
    """
    encoded = re.sub(r'[\x00-\x1f\x7f<>:"/\\|?*%]|^\.', _percent, name)
    n_bytes = len(encoded.encode(errors="surrogateescape"))  # of a file name that is no text
    if n_bytes > MAX_NAME_BYTES - SUFFIX_BYTES:
        raise ValueError(
            f"name must fit a file name, at most {MAX_NAME_BYTES - SUFFIX_BYTES} bytes, got "
            f"{n_bytes} in {name[:40]!r}..."
        )
    return encoded


def folded(name: str) -> str:
    """Reduce a name to what file systems may hold it for: case and composition may not count."""
    return unicodedata.normalize("NFC", name).casefold()


def new_folder(path: Path) -> Path:
    """Make a folder for results, where there is none with anything in it.

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
        with tempfile.TemporaryFile(dir=path):  # better now than at the end of the run
            pass
    except OSError as error:
        raise ValueError(f"out must be a folder to write to, got {path} ({error})") from error
    return path


def write_whole(path: Path, text: str) -> None:
    """Write a file that is whole once it exists."""
    with whole_file(path) as file:
        file.write(text)


@contextmanager
def whole_file(path: Path) -> Iterator[TextIO]:
    """Open a file to write text to under another name; rename it when it is whole."""
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
