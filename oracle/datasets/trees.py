"""Trees of files: what the datasets on disk have in common."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from oracle.datasets.audio_files import audio_in, read_together
from oracle.datasets.dataset import Dataset, Entry
from oracle.track import Audio, Track, sum_of

MIXTURE = "mixture"
# The order in which tables show the usual stems; others follow.
USUAL = ("drums", "bass", "other", "vocals", "accompaniment")
SHOWN = 3  # names, of as many as there are, in an error


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


def folders_in(path: Path) -> list[Path]:
    """Find the folders in a folder, by name, without hidden ones."""
    return sorted(p for p in path.glob("*") if p.is_dir() and not p.name.startswith("."))


def dataset_in(root: Path, name: str, layout: str, entries: Iterable[Entry]) -> Dataset:
    """Make a dataset of the tracks that were found.

    Raises
    ------
    ValueError
        If there are none: what `layout` describes is not what is there.
    """
    found = tuple(entries)
    if not found:
        names = sorted(path.name for path in root.iterdir() if path.name[0] != ".")
        more = [f"{len(names) - SHOWN} more"] if len(names) > SHOWN else []
        there = ", ".join([*names[:SHOWN], *more]) or "nothing"
        raise ValueError(f"root must hold {layout}, got {root} with {there} in it")
    return Dataset(name, found, root.resolve())


def audio_named(name: str, folder: Path) -> Path:
    """Find the audio file of this name, in whatever format.

    Raises
    ------
    ValueError
        If there is none, or more than one.
    """
    found = [path for path in audio_in(folder) if path.stem == name]
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

    Raises
    ------
    ValueError
        If files cannot be read, or do not make a track.
    """
    paths = [path for files in sources.values() for path in files]
    rate, audio = read_together(paths if mixture is None else [mixture, *paths])
    stems = in_order({name: sum_of(audio.pop(p) for p in files) for name, files in sources.items()})
    try:
        if mixture is None:
            return Track.from_sources(name, rate, stems, subset=subset)
        return Track(name, rate, audio[mixture], stems, subset=subset)
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from error


def in_order(sources: Mapping[str, Audio]) -> dict[str, Audio]:
    """Put the usual sources first, as tables show them; the others stay in their order."""

    def place(name: str) -> int:
        usual = str(name).lower()
        return USUAL.index(usual) if usual in USUAL else len(USUAL)

    return {name: sources[name] for name in sorted(sources, key=place)}
