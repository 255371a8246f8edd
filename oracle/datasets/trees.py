"""Trees of files: what the datasets on disk have in common, and what of them is not read."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np

from oracle.datasets.audio_files import read_together
from oracle.datasets.dataset import Dataset, Entry, LeftOut
from oracle.datasets.file_kinds import Kind, find_kind, is_hidden, is_litter
from oracle.tracks.track import Audio, Rest, Track, add_up

MIXTURE = "mixture"
# The order in which tables show the usual stems; others follow.
USUAL = ("drums", "bass", "other", "vocals", "accompaniment")
SHOWN = 3  # names, of as many as there are, in an error

IS_AUDIO = frozenset({Kind.AUDIO, Kind.UNREADABLE, Kind.MISNAMED})


def existing(root: str | Path) -> Path:
    """Find the folder of a dataset.

    Raises
    ------
    FileNotFoundError
        If there is none.
    """
    root = Path(root).expanduser()
    if not root.is_dir():
        what = "it is a file" if root.exists() else "no such folder"
        raise FileNotFoundError(f"root must be the folder of a dataset, got {root}: {what}")
    return root


def list_folders(path: Path) -> list[Path]:
    """Find the folders in a folder, by name, without litter and hidden ones."""
    return sorted(p for p in path.glob("*") if p.is_dir() and is_shown(p.name))


def list_audio(folder: Path) -> list[Path]:
    """Find the audio files in a folder, by name, without litter and hidden ones.

    Also audio that cannot be read, and links to nothing: reading them is an error.
    """
    return sorted(
        path
        for path in folder.glob("*")
        if is_shown(path.name) and not path.is_dir() and find_kind(path) in IS_AUDIO
    )


def audio_below(folder: Path) -> list[Path]:
    """Find the audio files in a folder and in the folders in it."""
    return [file for place in (folder, *list_folders(folder)) for file in list_audio(place)]


def is_shown(name: str) -> bool:
    """Tell whether a file or folder may be part of a dataset, by its name."""
    return not (is_litter(name) or is_hidden(name))


def make_dataset(root: Path, name: str, layout: str, entries: Iterable[Entry]) -> Dataset:
    """Make a dataset of the tracks that were found, and find out what they leave out.

    Raises
    ------
    ValueError
        If there are none: what `layout` describes is not what is there.
    """
    found = tuple(entries)
    if not found:
        names = sorted(path.name for path in root.iterdir() if is_shown(path.name))
        more = [f"{len(names) - SHOWN} more"] if len(names) > SHOWN else []
        there = ", ".join([*names[:SHOWN], *more]) or "nothing"
        raise ValueError(f"root must hold {layout}, got {root} with {there} in it")
    return Dataset(name, found, root.resolve(), left_out=tuple(find_left_out(root, found)))


def find_left_out(root: Path, entries: Iterable[Entry]) -> Iterator[LeftOut]:
    """Find the audio below the folder of a dataset that is read with none of its tracks.

    Archives count, as they may hold some. A folder in which nothing is read is named once.
    """
    top = os.path.abspath(root)
    read = {os.path.abspath(path) for entry in entries for path in entry.paths}
    above = {parent for folder in set(map(os.path.dirname, read)) for parent in _upwards(folder)}
    counts: Counter[tuple[str, str]] = Counter()
    for folder, name, what in _unread(top, read):
        beside = [parent for parent in _upwards(folder) if parent not in above]
        if beside:
            counts[beside[-1], what] += 1
        else:
            yield LeftOut(Path(os.path.relpath(os.path.join(folder, name), top)), what)
    for (place, what), count in counts.items():
        why = f"{count} {what}s" if count > 1 else f"1 {what}"
        yield LeftOut(Path(os.path.relpath(place, top)), why)


def _unread(top: str, read: set[str]) -> Iterator[tuple[str, str, str]]:
    """Find what may be audio and is not read: its folder, its name, and what it is."""
    seen: set[str] = set()
    for folder, folders, files in os.walk(top, followlinks=True, onerror=_raise):
        real = os.path.realpath(folder)
        folders[:] = sorted(
            name
            for name in (folders if real not in seen else ())  # links may go round
            if not is_litter(name) and os.path.join(folder, name) not in read
        )
        hidden = any(map(is_hidden, Path(folder).relative_to(top).parts))
        for name in sorted(files if real not in seen else ()):
            path = os.path.join(folder, name)
            if path in read or is_litter(name):
                continue
            kind = find_kind(Path(path))
            if not os.path.exists(path):
                yield folder, name, "broken link"
            elif kind is Kind.ARCHIVE:
                yield folder, name, "archive"
            elif kind in IS_AUDIO:
                yield (
                    folder,
                    name,
                    "hidden audio file" if hidden or is_hidden(name) else "audio file",
                )
        seen.add(real)


@cache
def _upwards(folder: str) -> tuple[str, ...]:
    """List a folder and all that it lies in, the root of the system last."""
    parent = os.path.dirname(folder)
    return (folder,) if parent == folder else (folder, *_upwards(parent))


def _raise(error: OSError) -> None:
    raise error


def find_files(names: Iterable[str], folder: Path) -> list[Path]:
    """Find the audio files of these names, in whatever format."""
    wanted = set(names)
    return [path for path in list_audio(folder) if path.stem in wanted]


def find_audio(name: str, folder: Path) -> Path:
    """Find the audio file of this name, in whatever format.

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


def read_track(
    place: Path,
    name: str,
    subset: str,
    mixture: Path | None,
    sources: Mapping[str, Sequence[Path]],
    *,
    rest: Rest | None = None,
) -> Track:
    """Read a track; a source is the sum of its files.

    Parameters
    ----------
    place : Path
        The file or folder that an error of the whole track names.
    name, subset : str
        What the track is called, and what it belongs to.
    mixture : Path or None
        Without one the mixture is the sum of the sources.
    sources : mapping from str to sequence of Path
        In their order, but for the usual ones, which come first.
    rest : {"source", "ignore", "refuse"}, optional
        As of `Track`.

    Raises
    ------
    ValueError
        If files cannot be read, or do not make a track.
    """
    paths = [path for files in sources.values() for path in files]
    rate, audio = read_together(paths if mixture is None else [mixture, *paths])
    stems = in_order({name: add_up(audio.pop(p) for p in files) for name, files in sources.items()})
    try:
        if mixture is None:
            return Track.from_sources(name, rate, stems, subset=subset)
        return Track(name, rate, audio[mixture], stems, subset=subset, rest=rest)
    except ValueError as error:
        made_of = [(stems[source], files) for source, files in sources.items()]
        if mixture is not None:
            made_of.append((audio[mixture], [mixture]))
        bad = [
            " or ".join(path.name for path in fs) for a, fs in made_of if not np.isfinite(a).all()
        ]
        remedy = f": export {' and '.join(bad)} again" if bad else ""
        raise ValueError(f"{place}: {error}{remedy}") from error


def in_order(sources: Mapping[str, Audio]) -> dict[str, Audio]:
    """Put the usual sources first, as tables show them; the others stay in their order."""

    def place(name: str) -> int:
        usual = str(name).lower()
        return USUAL.index(usual) if usual in USUAL else len(USUAL)

    return {name: sources[name] for name in sorted(sources, key=place)}
