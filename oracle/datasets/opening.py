"""Opening: tracks from whatever holds them: tracks of oracle and of musdb, and paths."""

import reprlib
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

from oracle.datasets.catalogue import NAMED
from oracle.datasets.dataset import Dataset, Entry, LeftOut
from oracle.datasets.folders import folder
from oracle.datasets.musdb_stems import SUFFIX, stem_file
from oracle.tracks.musdb_tracks import MusdbTrack, is_musdb_track, reads_whole_files
from oracle.tracks.rest import InputWarning
from oracle.tracks.track import Track

# What holds one track or several, and what functions of tracks take.
Holder = Track | MusdbTrack | str | PathLike[str]
Tracks = Holder | Iterable[Holder]

ONE = f"an oracle.Track, a musdb track, or a path: the folder of a track's stems or a {SUFFIX} file"
SEVERAL = (
    "an oracle.Track, a musdb track, a path (of the folder of a track's stems, a folder of tracks "
    f"or a {SUFFIX} file), or an iterable of these"
)


def open_tracks(tracks: Tracks) -> Track | Iterable[Track]:
    """Open tracks, which functions of tracks then read one at a time.

    Parameters
    ----------
    tracks : Track, musdb track, str, Path, or iterable of these
        A path is that of a folder of stems, a folder of tracks, or a ``.stem.mp4`` file. A
        ``musdb.DB`` is an iterable of musdb tracks.

    Returns
    -------
    tracks : Track, Dataset or iterable of Track
        Tracks of oracle and datasets as they are; a `Dataset` of paths and of musdb's tracks; other
        iterables opened item by item, when it is their turn.

    Raises
    ------
    TypeError
        If it is none of these, or an item of a list is not.
    FileNotFoundError
        If there is no file or folder of that path.
    ValueError
        As `oracle.datasets.folder`; or if the path is that of another file.
    """
    if isinstance(tracks, Dataset):
        return tracks
    known, root = (getattr(tracks, name, None) for name in ("tracks", "root"))
    if isinstance(known, list) and isinstance(root, (str, PathLike)):
        return _open_list("musdb", known, Path(root).resolve())  # a musdb.DB, which is no Iterable
    if isinstance(tracks, (list, tuple)):
        return _open_list("tracks", tracks)
    if isinstance(tracks, str) or is_musdb_track(tracks) or not isinstance(tracks, Iterable):
        return _open("tracks", SEVERAL, tracks)
    if isinstance(tracks, Mapping):
        raise _refuse("tracks", SEVERAL, tracks)
    if isinstance(tracks, Sequence):
        return _OpenedSequence(tracks)
    return _OpenedCollection(tracks) if isinstance(tracks, Sized) else _read_each(tracks)


def open_track(track: Holder | Dataset) -> Track:
    """Open one track, and read it.

    Parameters
    ----------
    track : Track, musdb track, str, Path or Dataset
        A path is that of the folder of a track's stems, a folder of one track, or a ``.stem.mp4``
        file.

    Raises
    ------
    TypeError, FileNotFoundError
        As `open_tracks`.
    ValueError
        As `open_tracks`; or if there is more than one track.

    Warns
    -----
    oracle.tracks.rest.InputWarning
        If a folder holds audio that belongs to no track.
    """
    found = track if isinstance(track, Dataset) else _open("track", ONE, track)
    if isinstance(found, Track):
        return found
    if len(found) != 1:
        some = ", ".join(found.track_names[:3]) + (", ..." if len(found) > 3 else "")
        where = found.root or found.name
        raise ValueError(
            f"track must be one track, got {where} with {len(found)} ({some}): choose one "
            "(oracle.datasets.folder(PATH)[0], or its own path), or use a function of many tracks, "
            "such as oracle.compute_bounds"
        )
    _warn_of_left_out(found)
    return found[0]


def _open(argument: str, accepted: str, holder: object) -> Track | Dataset:
    """Open what holds tracks, but is no iterable of such."""
    if isinstance(holder, Track):
        return holder
    if is_musdb_track(holder):
        return Track.from_musdb(holder)
    if isinstance(holder, (str, PathLike)):
        return _open_path(argument, holder)
    raise _refuse(argument, accepted, holder)


def _refuse(argument: str, accepted: str, given: object) -> TypeError:
    return TypeError(f"{argument} must be {accepted}; got {reprlib.repr(given)}")


def _open_path(argument: str, path: str | PathLike[str]) -> Dataset:
    wanted = f"{argument} must be the path of a folder or of a {SUFFIX} file, got {str(path)!r}"
    if not str(path):  # else it would be the current folder
        raise ValueError(f"{wanted}: name a folder, such as '.'")
    place = Path(path).expanduser()
    if place.is_dir():
        return folder(place)
    if not place.exists():
        hint = "oracle.datasets opens datasets by name"
        if str(path) in NAMED:
            hint = f"{path} is a dataset by name: open it with its function in oracle.datasets"
        raise FileNotFoundError(f"{wanted}: no such file or folder ({hint})")
    if not place.name.endswith(SUFFIX):
        raise ValueError(f"{wanted}: name the folder that holds the stems of the track")
    return stem_file(place)


def _open_list(name: str, items: Sequence[Any], root: Path | None = None) -> Iterable[Track]:
    """Make one dataset of items that are read from whole files, which tell when they change."""
    if all(isinstance(item, Track) for item in items):
        return items
    entries: list[Entry] = []
    left_out: list[LeftOut] = []
    for item in items:
        if isinstance(item, (str, PathLike)):
            found = _open_path("tracks", item)
            entries += found.entries
            left_out += _list_left_out(found)
        elif is_musdb_track(item) and reads_whole_files(item):
            entries.append(_make_entry(item))
        elif isinstance(item, Track) or is_musdb_track(item):
            return _OpenedSequence(items)
        else:
            raise _refuse("tracks", SEVERAL, item)
    return Dataset(name, tuple(entries), root, left_out=tuple(left_out))


def _make_entry(track: MusdbTrack) -> Entry:
    """Make an entry of a musdb track, which is decoded when it is read."""
    sources = track.sources or {}
    paths = dict.fromkeys(Path(each.path) for each in (track, *sources.values()))
    load = partial(Track.from_musdb, track)
    return Entry(track.name, track.subset or "test", load, tuple(paths), len(sources) + 1)


def _list_left_out(dataset: Dataset) -> list[LeftOut]:
    """List what a dataset left out, with paths that do not depend on its folder."""
    root = dataset.root or Path()
    return [LeftOut(root / each.path, each.why) for each in dataset.left_out]


def _warn_of_left_out(dataset: Dataset) -> None:
    if dataset.left_out:
        names = ", ".join(map(str, _list_left_out(dataset)))
        warnings.warn(f"Not read: {names}.", InputWarning, stacklevel=3)


def _read_each(items: Iterable[object]) -> Iterator[Track]:
    """Open items one after the other, when it is their turn."""
    for item in items:
        found = _open("tracks", SEVERAL, item)
        if isinstance(found, Track):
            yield found
        else:
            _warn_of_left_out(found)
            yield from found


class _OpenedCollection(Iterable[Track]):
    """Items of a known number, each with one track, which is read when it is its turn."""

    def __init__(self, items: Any) -> None:
        self._items = items

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[Track]:
        return (open_track(item) for item in self._items)


class _OpenedSequence(_OpenedCollection, Sequence[Track]):
    """The same in an order."""

    def __getitem__(self, index: Any) -> Any:
        return open_track(self._items[index])
