"""Layouts: where in a folder its tracks lie, and which are its subsets."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from oracle.datasets.file_kinds import Kind, find_kind, is_litter
from oracle.datasets.trees import MIXTURE, USUAL, list_audio, list_folders

# Folders called so are subsets, and come in this order before others.
SUBSETS = ("train", "training", "tr", "valid", "validation", "val", "dev", "cv", "test", "eval")
# Names of sources that are recognised in capitals too.
KNOWN = frozenset({MIXTURE, *USUAL})
SHOWN = 4  # names in an error


class Place(NamedTuple):
    """A folder of the files of a track."""

    path: Path
    name: str  # of the track
    subset: str  # "" where there are none
    files: list[Path]  # of audio

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing in it at all: it has lost its files."""
        return all(is_litter(each.name) for each in self.path.iterdir())


def find_places(root: Path) -> list[Place]:
    """Find the folders of tracks in a folder.

    It is a track itself if it holds audio. Else each folder in it is one; or, if these hold
    none, each folder in these, which are subsets then.

    Raises
    ------
    ValueError
        If there is no audio, there are tracks in more than one of these ways, or a folder is
        one of a source and not of a track.
    """
    folders = list_folders(root)
    tracks = [path for path in folders if list_audio(path)]
    subsets = [path for path in folders if path not in tracks and _has_tracks(path)]
    own = list_audio(root)
    beside = [*tracks, *subsets]
    if own and (not beside or any(find_kind(path) is Kind.AUDIO for path in own)):
        _check_stands_alone(root, own, beside)
        return [Place(root, root.resolve().name, "", own)]
    _check_one_layout(root, tracks, subsets)
    if tracks:
        places = [Place(path, path.name, "", list_audio(path)) for path in folders]
    else:
        places = [
            Place(path, path.name, subset.name, list_audio(path))
            for subset in sorted(folders, key=_rank)
            for path in list_folders(subset)
        ]
    _check_no_sources(root, [place.name for place in places])
    return places


def _check_stands_alone(root: Path, own: list[Path], beside: list[Path]) -> None:
    """Refuse a track with folders of audio in it."""
    if beside:
        raise ValueError(
            f"folder must hold one kind of thing, got {root} with {_list_some(own)} beside "
            f"folders of audio ({_list_some(beside)}): if the files are a track, move "
            "the folders elsewhere; if the folders are tracks, move the files"
        )


def _check_one_layout(root: Path, tracks: list[Path], subsets: list[Path]) -> None:
    """Refuse a folder whose tracks lie in it and in its subsets, or that has none."""
    for path in tracks:
        if _is_subset_by_name(path):
            raise ValueError(
                "folder must hold the tracks of a subset in folders of their own, got audio files "
                f"in {path} ({_list_some(list_audio(path))}): move them into the folder of a track"
            )
    if tracks and subsets:
        raise ValueError(
            f"folder must hold one kind of thing, got {root} with tracks ({_list_some(tracks)}) "
            f"beside folders of tracks ({_list_some(subsets)}): put all tracks into folders, or "
            "none"
        )
    if not tracks and not subsets:
        raise ValueError(
            f"folder must hold tracks, each a folder of audio files, got {root}: "
            f"no audio file in it or in the folders in it{_find_deeper(root)}"
        )


def _has_tracks(path: Path) -> bool:
    return any(list_audio(place) for place in list_folders(path))


def _is_subset_by_name(path: Path) -> bool:
    name = path.name.lower()
    return name in ("train", "valid", "test") or (name in SUBSETS and _has_tracks(path))


def _rank(path: Path) -> tuple[int, str]:
    name = path.name.lower()
    return SUBSETS.index(name) if name in SUBSETS else len(SUBSETS), path.name


def _find_deeper(root: Path) -> str:
    """Tell where there is audio further down, if there is."""
    for path in sorted(root.glob("*/*/*/**/")):
        if list_audio(path):
            return f" (the first is in {path}: name the folder that holds the tracks)"
    return ""


def _check_no_sources(root: Path, names: list[str]) -> None:
    """Refuse a folder for each source, with a file a track in each."""
    if {"s1", "s2"} <= set(names):
        raise ValueError(
            f"folder must hold a folder for each track, got {root} with one for each source "
            "(s1, s2, ...): use the dataset librimix, its root this folder"
        )
    sources = [name for name in names if name.lower() in KNOWN]
    if len(sources) > 1:
        raise ValueError(
            f"folder must hold a folder for each track, got {root} with one for each source "
            f"({_list_some(sources)}): make one for each track, with files called like the sources"
        )


def _list_some(names: Iterable[str | Path]) -> str:
    several = [name if isinstance(name, str) else name.name for name in names]
    return ", ".join(several[:SHOWN]) + (", ..." if len(several) > SHOWN else "")
