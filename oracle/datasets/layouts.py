"""Layouts: where the tracks of a folder lie, and which of its folders are subsets."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from oracle.datasets.file_kinds import Kind, find_kind, is_litter
from oracle.datasets.trees import MIXTURE, USUAL, list_audio, list_folders

# Folders with these names are subsets, and come before others in this order.
SUBSETS = ("train", "training", "tr", "valid", "validation", "val", "dev", "cv", "test", "eval")
# Names that are recognized in any case.
KNOWN = frozenset({MIXTURE, *USUAL})
SHOWN = 4  # names in an error


class Place(NamedTuple):
    """A folder with the files of a track."""

    path: Path
    name: str  # of the track
    subset: str  # "" if there are none
    files: list[Path]  # of audio

    @property
    def is_empty(self) -> bool:
        """Whether it is empty, litter aside: it has lost its files."""
        return all(is_litter(each.name) for each in self.path.iterdir())


def find_places(root: Path) -> list[Place]:
    """Find the folders of tracks in a folder.

    A folder that holds audio is itself a track. Otherwise the folders in it are tracks; if they
    hold no audio, they are subsets, and the folders in them are tracks.

    Raises
    ------
    ValueError
        If there is no audio, these layouts are mixed, or folders stand for sources instead of
        tracks.
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
    """Refuse a track that has folders of audio in it."""
    if beside:
        raise ValueError(
            f"folder must be a track or hold tracks, not both, got {root} with {_list_some(own)} "
            f"beside folders of audio ({_list_some(beside)}): if the files are a track, move "
            "the folders elsewhere; if the folders are tracks, move the files"
        )


def _check_one_layout(root: Path, tracks: list[Path], subsets: list[Path]) -> None:
    """Refuse a folder with tracks both in it and in subsets, or without tracks."""
    for path in tracks:
        if _is_subset_by_name(path):
            raise ValueError(
                "folder must hold the tracks of a subset in folders of their own, got audio files "
                f"in {path} ({_list_some(list_audio(path))}): move them into the folder of a track"
            )
    if tracks and subsets:
        raise ValueError(
            f"folder must hold tracks or subsets, not both, got {root} with tracks "
            f"({_list_some(tracks)}) beside folders of tracks ({_list_some(subsets)}): put all "
            "tracks into subsets, or none"
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
    """Say where audio lies further down, if anywhere."""
    for path in sorted(root.glob("*/*/*/**/")):
        if list_audio(path):
            return f" (the first is in {path}: name the folder that holds the tracks)"
    return ""


def _check_no_sources(root: Path, names: list[str]) -> None:
    """Refuse a folder for each source, with a file for each track in it."""
    for ending in ("", "_anechoic", "_reverb"):  # the last two are WHAMR!'s
        if {f"s1{ending}", f"s2{ending}"} <= set(names):
            known = "whamr" if ending else "librimix, wham or wsj0-2mix"
            raise ValueError(
                f"folder must hold a folder for each track, got {root} with one for each source "
                f"(s1{ending}, s2{ending}, ...): use the dataset {known} with this folder as its "
                "root"
            )
    sources = [name for name in names if name.lower() in KNOWN]
    if len(sources) > 1:
        raise ValueError(
            f"folder must hold a folder for each track, got {root} with one for each source "
            f"({_list_some(sources)}): make one for each track, with files named after the sources"
        )


def _list_some(names: Iterable[str | Path]) -> str:
    several = [name if isinstance(name, str) else name.name for name in names]
    return ", ".join(several[:SHOWN]) + (", ..." if len(several) > SHOWN else "")
