"""Files of estimates: which there are of which track and target, in any layout."""

import os
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path, PurePath
from uuid import UUID, uuid4

from oracle.datasets import Dataset
from oracle.datasets.file_kinds import find_kind, is_litter
from oracle.datasets.trees import IS_AUDIO, MIXTURE, is_shown
from oracle.jobs.estimate_audio import list_estimated
from oracle.jobs.estimate_names import (
    LAYOUTS,
    Reading,
    TargetNames,
    list_forms,
    list_spellings,
    read_path,
)
from oracle.machine.files import folded
from oracle.runs.queue import Turn
from oracle.tracks.track import Track

SHOWN = 8  # names in a message
DEEPEST = 2  # folders, one in another, in which files may be estimates


class ExtraEstimatesWarning(UserWarning):
    """Files or folders of estimates belong to no reference."""


@dataclass(frozen=True)
class EstimateFolder:
    """A folder of the estimates of many tracks; each process lists its files once.

    Parameters
    ----------
    root : Path
        The folder.
    tracks : tuple of pairs of str, or None
        Name and subset of each track, if known before the tracks are read. If not, files that
        may be of several tracks go unnoticed.
    """

    root: Path
    tracks: tuple[tuple[str, str], ...] | None = field(compare=False)
    opened: UUID = field(default_factory=uuid4)  # a later run lists the files again

    @classmethod
    def of(cls, root: Path, tracks: Track | Iterable[Track]) -> "EstimateFolder":
        """Open the folder with the estimates of these tracks."""
        if isinstance(tracks, Dataset):
            return cls(root, tuple((entry.name, entry.subset) for entry in tracks.entries))
        several = [tracks] if isinstance(tracks, Track) else tracks
        # Other sequences read a track whenever one looks at it.
        if isinstance(several, (list, tuple)) and all(isinstance(t, Track) for t in several):
            return cls(root, tuple((track.name, track.subset) for track in several))
        return cls(root, None)

    def find(self, track: Track) -> dict[str, Path]:
        """Find the files of the estimates of a track, by target.

        Raises
        ------
        FileNotFoundError
            If there is no file of the track.
        ValueError
            If no file is of one of its targets, several are of the same, or a file may be of
            several tracks or targets.

        Warns
        -----
        ExtraEstimatesWarning
            If files of the track are of none of its targets.
        """
        index = _index(self)
        names = TargetNames(list_estimated(track))
        places = [
            [r for r in place if names.may_be(r.target) or not index.list_others(r, track.name)]
            for place in index.list_places(track)
        ]
        if not any(places):
            raise FileNotFoundError(self._describe_missing(track, index))
        # The first place with an estimate; without any, the first with a file.
        place = max(places, key=lambda p: (any(names.may_be(r.target) for r in p), bool(p)))
        named = [reading for reading in place if names.may_be(reading.target)]
        files: dict[str, PurePath] = {}
        for reading in _drop_alike(_keep_one_spelling(named, track), names):
            target = names.find(reading.target)
            if target is None:
                continue
            if (other := files.setdefault(target, reading.path)) != reading.path:
                both, where = self._name([other, reading.path])
                raise ValueError(
                    f"{where} must hold one file per target, got {' and '.join(both)}: move one "
                    "elsewhere"
                )
            self._check_one_owner(reading, track, names, index)
        if not files:
            found, where = self._name(list(dict.fromkeys(reading.path for reading in place)))
            raise ValueError(
                f"{where} must hold an estimate of a target of {track.name} "
                f"({_name_targets(track)}), got {_list_some(found)}"
            )
        extra = index.list_extra(place, track, without=set(files.values()))
        if extra:
            found, where = self._name(extra)
            warnings.warn(
                f"{track.name}: no reference for {_list_some(found)} in {where}; the targets are "
                f"{_name_targets(track)}",
                ExtraEstimatesWarning,
                stacklevel=2,
            )
        return {target: self.root / path for target, path in files.items()}

    def list_files(self, turn: Turn) -> list[Path]:
        """List the files that may be estimates of a track, whatever its targets are."""
        index = _index(self)
        readings = [reading for place in index.list_places(turn) for reading in place]
        # A longer name takes its files along: "Song_2_vocals" is of "Song_2", not of "Song".
        own = {
            reading.path
            for reading in readings
            if not any(_extends(o, reading) for _, o in index.list_others(reading, turn.name))
        }
        return [self.root / path for path in sorted(own)]

    def warn_of_extra(self) -> None:
        """Warn of files and folders that belong to none of the tracks."""
        index = _index(self)
        used = {PurePath(), *(path.parent for path in index.matched)}
        folders = dict.fromkeys(str(p.parent) for p in index.unmatched if p.parent not in used)
        files = [str(path) for path in index.unmatched if path.parent in used]
        parts = [
            *([f"the estimates in {_list_some(list(folders))}"] if folders else []),
            *([_list_some(files)] if files else []),
        ]
        if parts:
            expected = f": estimates are called {LAYOUTS}, perhaps in the folder of a subset"
            warnings.warn(
                f"no reference for {' and for '.join(parts)}{expected if files else ''}",
                ExtraEstimatesWarning,
                stacklevel=3,
            )

    def _check_one_owner(
        self, reading: Reading, track: Track, names: TargetNames, index: "_Index"
    ) -> None:
        """Refuse a file whose name may be that of another track's estimate, or of two targets."""
        of_others = [
            (other.target, name)
            for name, other in index.list_others(reading, track.name)
            if names.may_be(other.target) or _extends(other, reading)
        ]
        of_own = [
            (own.target, track.name)
            for own in index.list_own(reading.path, track.name)
            if names.find(own.target) not in (None, names.find(reading.target))
        ]
        for target, name in (of_others + of_own)[:1]:
            raise ValueError(
                f"{self.root / reading.path} must be of one track and target, got a name that is "
                f"of {reading.target!r} of {track.name!r} and of {target!r} of {name!r}: move "
                "the files of each track into a folder of its own"
            )

    def _name(self, paths: Sequence[PurePath]) -> tuple[list[str], Path]:
        """Name files, and the folder they are in."""
        parents = {path.parent for path in paths}
        if len(parents) == 1:
            return [path.name for path in paths], self.root / parents.pop()
        return [str(path) for path in paths], self.root

    def _describe_missing(self, track: Track, index: "_Index") -> str:
        name, subset = (list_spellings(each)[1] for each in (track.name, track.subset))
        if "" in index.name_places(track):
            forms = (
                f"{name}/TARGET.wav, {name}_TARGET.wav or TARGET/{name}.wav, with or without "
                f"{subset}/ in front"
            )
        else:
            forms = (
                f"{subset}/{name}/TARGET.wav, {subset}/{name}_TARGET.wav or "
                f"{subset}/TARGET/{name}.wav, as other subsets have a track of that name"
            )
        found = list(dict.fromkeys(path.parts[0] for path in index.paths))
        return (
            f"estimates must hold audio files of {track.name} ({forms}), got {self.root} with "
            f"{_list_some(found) or 'no audio files'} (if there is one more folder in between, "
            "such as htdemucs/ or IRM2/, name that one)"
        )


class _Index:
    """The audio files of a folder, and the ways to read their paths as estimates of tracks."""

    def __init__(self, folder: EstimateFolder) -> None:
        self.paths = sorted(PurePath(path) for path in _list_audio(str(folder.root)))
        self._tracks = folder.tracks
        subsets: dict[str, set[str]] = {}
        for name, subset in folder.tracks or ():
            subsets.setdefault(name, set()).add(subset)
        self._places = {  # of each name: the folders of its subsets, or none
            name: {form for subset in several for form in list_forms(subset)}
            | ({""} if len(several) == 1 else set())
            for name, several in subsets.items()
        }
        self._names: dict[str, set[str]] = {}  # by their forms
        self._spelled: dict[str, set[str]] = {}  # by their spellings
        for name in subsets:
            for form in list_forms(name):
                self._names.setdefault(form, set()).add(name)
            for spelling in list_spellings(name):
                self._spelled.setdefault(spelling, set()).add(name)
        self._by_track: dict[tuple[str, str], list[Reading]] = {}
        self._by_path: dict[PurePath, list[Reading]] = {}
        self._loose: list[Reading] = []  # that name no track
        for path in self.paths:
            for reading in read_path(path):
                if not reading.track:
                    self._loose.append(reading)
                elif folder.tracks is None or self._find_owners(reading):
                    key = folded(reading.place), folded(reading.track)
                    self._by_track.setdefault(key, []).append(reading)
                    self._by_path.setdefault(path, []).append(reading)
        if len(folder.tracks or ()) != 1:
            self._loose = []

    @property
    def matched(self) -> set[PurePath]:
        """Files that may be estimates."""
        return {*self._by_path, *(reading.path for reading in self._loose)}

    @property
    def unmatched(self) -> list[PurePath]:
        """Files that are no estimates of any track, nor in a folder of its name further down."""
        matched = self.matched
        return [
            path
            for path in self.paths
            if path not in matched
            and folded(path.stem) != MIXTURE
            and folded(path.parent.name) not in self._names
        ]

    def name_places(self, track: Track | Turn) -> list[str]:
        """Name the folders that a track's files may be in: that of its subset, or none."""
        is_only_one = "" in self._places.get(track.name, {""})
        return [*list_forms(track.subset), *([""] if is_only_one else [])]

    def list_places(self, track: Track | Turn) -> Iterator[list[Reading]]:
        """List how the files of a track may be read, place by place."""
        for place in self.name_places(track):
            yield [
                reading
                for form in list_forms(track.name)
                for reading in self._by_track.get((place, form), ())
                if track.name in (self._spelled.get(reading.track) or {track.name})
            ]
        yield self._loose

    def list_own(self, path: PurePath, name: str) -> list[Reading]:
        """List how a path may be read as of the track of this name."""
        loose = [reading for reading in self._loose if reading.path == path]
        own = [r for r in self._by_path.get(path, ()) if folded(r.track) in list_forms(name)]
        return own + loose

    def list_others(self, reading: Reading, name: str) -> list[tuple[str, Reading]]:
        """List the other tracks that the file may be of, and how its path is then read."""
        return [
            (owner, other)
            for other in self._by_path.get(reading.path, ())
            for owner in sorted(self._find_owners(other) - {name})
        ]

    def list_extra(
        self, place: Sequence[Reading], track: Track, *, without: set[PurePath]
    ) -> list[PurePath]:
        """List the files at a place that are of the track, but not among its estimates."""
        mixtures = {reading.path for reading in place if folded(reading.target) == MIXTURE}
        extra = dict.fromkeys(r.path for r in place if r.path not in without | mixtures)
        if self._tracks is None:  # a longer name may be that of another track
            forms = list_forms(track.name)
            return [path for path in extra if folded(path.parent.name) in forms]
        return list(extra)

    def _find_owners(self, reading: Reading) -> set[str]:
        """Find the names of the tracks that a file may be of."""
        exact = self._spelled.get(reading.track)
        names = self._names.get(folded(reading.track), set()) if exact is None else exact
        return {name for name in names if folded(reading.place) in self._places[name]}


@lru_cache(maxsize=1)
def _index(folder: EstimateFolder) -> _Index:
    return _Index(folder)


def _list_audio(root: str) -> Iterator[str]:
    """List the audio files below a folder, relative to it, without litter."""
    waiting = [("", 0)]
    while waiting:
        place, depth = waiting.pop()
        with os.scandir(os.path.join(root, place)) as entries:
            in_order = sorted(entries, key=lambda entry: entry.name)
        for entry in in_order:
            path = os.path.join(place, entry.name)
            if entry.is_dir():
                # Links to folders may form a loop.
                if not is_litter(entry.name) and (depth < DEEPEST or not entry.is_symlink()):
                    waiting.append((path, depth + 1))
            elif is_shown(entry.name) and find_kind(Path(entry.path)) in IS_AUDIO:
                yield path


def _extends(longer: Reading, shorter: Reading) -> bool:
    """Tell whether the name of a track is the beginning of another's, which a file has whole."""
    return folded(longer.track) != folded(shorter.track) and folded(longer.track).startswith(
        folded(shorter.track)
    )


def _keep_one_spelling(readings: Sequence[Reading], track: Track) -> Sequence[Reading]:
    """Keep the readings with the very name of a track, if any; refuse several others."""
    exact = [r for r in readings if not r.track or r.track in list_spellings(track.name)]
    spellings = list(dict.fromkeys(reading.track for reading in exact or readings))
    if not exact and len(spellings) > 1:
        raise ValueError(
            f"estimates must have one spelling of the name of a track, {track.name!r}, got "
            f"{_list_some(spellings)}: rename all to {track.name!r}"
        )
    return exact or readings


def _drop_alike(readings: Sequence[Reading], names: TargetNames) -> list[Reading]:
    """Drop files beside one of the very name of a target that differ from it in case only."""

    def fold(reading: Reading) -> str:
        return folded(str(reading.path.with_suffix("")))

    exact = {fold(reading) for reading in readings if names.is_exact(reading.target)}
    return [r for r in readings if names.is_exact(r.target) or fold(r) not in exact]


def _name_targets(track: Track) -> str:
    return ", ".join(list_estimated(track))


def _list_some(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
