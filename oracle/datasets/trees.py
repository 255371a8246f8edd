"""Trees of files: what all datasets on disk share."""

from collections.abc import Iterable
from pathlib import Path

from oracle.datasets.file_kinds import Kind, find_kind, is_hidden, is_litter

MIXTURE = "mixture"
# The order in which tables show the usual stems; others follow.
USUAL = ("drums", "bass", "other", "vocals", "accompaniment")

IS_AUDIO = frozenset({Kind.AUDIO, Kind.UNREADABLE, Kind.MISNAMED})


def find_root(root: str | Path) -> Path:
    """Find the folder of a dataset.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    """
    root = Path(root).expanduser()
    if not root.is_dir():
        what = "it is a file" if root.exists() else "no such folder"
        raise FileNotFoundError(f"root must be the folder of a dataset, got {root}: {what}")
    return root


def list_folders(path: Path) -> list[Path]:
    """List the folders in a folder by name, without litter and hidden ones."""
    return sorted(p for p in path.glob("*") if p.is_dir() and is_shown(p.name))


def list_audio(folder: Path) -> list[Path]:
    """List the audio files in a folder by name, without litter and hidden ones.

    Unreadable audio and broken links are included: reading them raises an error.
    """
    return sorted(
        path
        for path in folder.glob("*")
        if is_shown(path.name) and not path.is_dir() and find_kind(path) in IS_AUDIO
    )


def list_audio_below(folder: Path) -> list[Path]:
    """List the audio files in a folder and in the folders in it."""
    return [file for place in (folder, *list_folders(folder)) for file in list_audio(place)]


def is_shown(name: str) -> bool:
    """Tell from its name whether a file or folder may be part of a dataset."""
    return not (is_litter(name) or is_hidden(name))


def find_files(names: Iterable[str], folder: Path) -> list[Path]:
    """Find the audio files with these names, in any format."""
    wanted = set(names)
    return [path for path in list_audio(folder) if path.stem in wanted]


def find_audio(name: str, folder: Path) -> Path:
    """Find the audio file with this name, in any format.

    Raises
    ------
    ValueError
        If there is none, or more than one.
    """
    found = find_files([name], folder)
    if len(found) != 1:
        got = " and ".join(path.name for path in found) or "none"
        raise ValueError(f"{folder} must hold one audio file called {name}, got {got}")
    return found[0]
