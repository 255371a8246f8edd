"""The lock of a run's folder: it keeps other runs out."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# The system frees it when the process that holds it ends, for whatever reason.
LOCK = ".lock"


@contextmanager
def lock_folder(path: Path) -> Iterator[None]:
    """Make a folder if it is not there, and lock it.

    Raises
    ------
    ValueError
        If it is a file, cannot be written to, or is in use by another run.
    """
    from filelock import FileLock, Timeout

    if path.exists() and not path.is_dir():
        raise ValueError(f"out must be a new or an empty folder, got {path}: it is a file")
    try:
        path.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path / LOCK, blocking=False)
        lock.acquire()
    except Timeout:
        raise ValueError(
            f"out must be a folder that no other run is using, got {path}: wait until that run is "
            "done, or write to another folder"
        ) from None
    except OSError as error:
        raise not_writable(path, error) from error
    try:
        yield
    finally:
        lock.release()


def not_writable(path: Path, error: OSError) -> ValueError:
    """Make the error of a folder that cannot be written to."""
    return ValueError(f"out must be a folder to write to, got {path} ({error})")
