"""Folders of tracks: any folder of folders of audio files."""

from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

from oracle.datasets.dataset import Dataset, Entry, LeftOut
from oracle.datasets.file_kinds import Kind, is_litter, kind_of
from oracle.datasets.stem_names import check_stem_names
from oracle.datasets.trees import MIXTURE, USUAL, audio_in, find_left_out, folders_in, read_track
from oracle.mixing import Sum, redundancies
from oracle.track import Track

# Folders called so are subsets, and come in this order before others.
SUBSETS = ("train", "training", "tr", "valid", "validation", "val", "dev", "cv", "test", "eval")
# Names that are recognised in capitals too.
KNOWN = frozenset({MIXTURE, *USUAL})
SHOWN = 4  # names in an error


def folder(root: str | Path, *, subset: str | None = None) -> Dataset:
    """Find the tracks in a folder.

    Each track is a folder of audio files, one a source, named after it: ``vocals.wav``,
    ``drums.flac``, anything that soundfile reads, as float32. ``mixture.*`` is the mixture;
    where it is absent the mixture is the sum of the sources. Tracks lie in the folder
    itself, or in folders in it, which are subsets then (``train``, ``test``, ...); or the
    folder is a track.

    Parameters
    ----------
    root : str or Path
        The folder.
    subset : str, optional
        Only the tracks in this folder of it. All by default.

    Returns
    -------
    dataset : Dataset
        Its tracks by subset and name; `left_out` tells what may be audio and is in none of
        them. Files are read when a track is asked for: errors in them come then, as
        ValueError naming the files.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    ValueError
        If it holds no track, tracks in more than one of these ways, a folder for each source
        instead of each track, or no such subset; and when a track is read, if one of its
        files is the mixture under another name, a copy of another, or a sum of others.
    """
    root = Path(root)
    if not root.is_dir():
        what = "it is a file" if root.exists() else "no such folder"
        raise FileNotFoundError(f"folder must be a folder of tracks, got {root}: {what}")
    if any(root.glob("*.stem.mp4")) or any(root.glob("*/*.stem.mp4")):
        raise ValueError(
            f"folder must hold folders of audio files, got {root} with .stem.mp4 files: "
            "use the dataset musdb18, its root the folder with train and test"
        )
    places = _places(root)
    if subset is not None:
        parts = {part for part, _ in places} - {""}
        if subset not in parts:
            raise ValueError(
                f"subset must be one that {root} has ({', '.join(sorted(parts)) or 'none'}), "
                f"got {subset!r}"
            )
        places = [(part, path) for part, path in places if part == subset]
    _check_no_sources(root, [path.name for _, path in places])
    tracks = [(part or "test", path, audio_in(path)) for part, path in places]
    entries = tuple(
        _entry(path, root.resolve().name if path == root else path.name, part, files)
        for part, path, files in tracks
        if files or not _holds_anything(path)  # what is empty has lost its files
    )
    unread = tuple(find_left_out(root, entries))
    named = {root / each.path for each in unread}
    without_audio = [
        LeftOut(path.relative_to(root), "no audio in it")
        for _, path, files in tracks
        if not files and _holds_anything(path) and path not in named
    ]
    return Dataset(root.resolve().name, entries, root.resolve(), left_out=(*unread, *without_audio))


def _entry(path: Path, name: str, subset: str, files: list[Path]) -> Entry:
    return Entry(name, subset, partial(_load, path, name, subset), tuple(files or [path]))


def _places(root: Path) -> list[tuple[str, Path]]:
    """Find the folders of tracks, and the subset of each; "" where there are none."""
    folders = folders_in(root)
    if audio_in(root):
        within = [path.name for path in folders if audio_in(path) or _is_subset(path)]
        if within:
            raise ValueError(
                f"folder must hold one kind of thing, got {root} with a track's files and folders "
                f"of audio ({_some(within)})"
            )
        return [("", root)]
    tracks = [path for path in folders if audio_in(path)]
    subsets = [path for path in folders if path not in tracks and _is_subset(path)]
    loose = [path for path in tracks if _is_loose(path)]
    if loose:
        raise ValueError(
            "folder must hold the tracks of a subset in folders of their own, got audio files in "
            f"{loose[0]}"
        )
    if tracks and subsets:
        raise ValueError(
            f"folder must hold one kind of thing, got {root} with tracks "
            f"({_some(path.name for path in tracks)}) and subsets of tracks "
            f"({_some(path.name for path in subsets)})"
        )
    if not tracks and not subsets:
        raise ValueError(
            f"folder must hold tracks, each a folder of audio files, got {root}: "
            f"no audio file in it or in the folders in it{_deeper(root)}"
        )
    if tracks:
        return [("", path) for path in folders]
    return [(part.name, path) for part in sorted(subsets, key=_rank) for path in folders_in(part)]


def _is_subset(path: Path) -> bool:
    return any(audio_in(place) for place in folders_in(path))


def _is_loose(path: Path) -> bool:
    """Tell whether a folder of audio files is a subset, by its name."""
    name = path.name.lower()
    return name in ("train", "valid", "test") or (name in SUBSETS and _is_subset(path))


def _rank(path: Path) -> tuple[int, str]:
    name = path.name.lower()
    return SUBSETS.index(name) if name in SUBSETS else len(SUBSETS), path.name


def _holds_anything(path: Path) -> bool:
    return any(not is_litter(each.name) for each in path.iterdir())


def _deeper(root: Path) -> str:
    """Tell where there is audio further down, if there is."""
    for path in sorted(root.glob("*/*/*/**/")):
        if audio_in(path):
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
            f"({_some(sources)}): make one for each track, with files called like the sources"
        )


def _some(names: Iterable[str]) -> str:
    several = list(names)
    return ", ".join(several[:SHOWN]) + (", ..." if len(several) > SHOWN else "")


def _load(path: Path, track_name: str, subset: str) -> Track:
    stems = _stems_in(path)
    if not stems:
        raise ValueError(f"{path} must hold a track's audio files, got none")
    if stems.keys() == {MIXTURE}:
        raise ValueError(f"{path} must hold the sources beside the mixture, got a mixture alone")
    check_stem_names(path, stems)
    mixture = stems.pop(MIXTURE, None)
    sources = {name: [stems[name]] for name in sorted(stems)}
    track = read_track(path, track_name, subset, mixture, sources)
    _check_stems(path, track, stems)
    return track


def _stems_in(path: Path) -> dict[str, Path]:
    """Find the file of each source, and of the mixture."""
    files = audio_in(path)
    exact = {file.stem for file in files}
    stems: dict[str, Path] = {}
    for file in files:
        if kind_of(file) is Kind.MISNAMED:
            raise ValueError(
                f"{file} must have the suffix of its format (.wav, .flac, ...) if it is a source, "
                "got audio under another name: rename it, or move it elsewhere"
            )
        name = file.stem
        # In capitals too, unless there is a source that is called exactly so.
        if name.lower() in KNOWN and (name.lower() not in exact or name.lower() == MIXTURE):
            name = name.lower()
        if name in stems:
            raise ValueError(
                f"{path} must hold one file a source, got {stems[name].name} and {file.name}"
            )
        stems[name] = file
    return stems


def _check_stems(path: Path, track: Track, stems: Mapping[str, Path]) -> None:
    """Refuse what would be counted twice: copies of stems, and their sums."""
    files = [stems[name] for name in track.sources]
    names = [file.name for file in files]
    for found in redundancies(track.mixing):
        name = names[found.source]
        remedy = f"move {name} elsewhere"
        if isinstance(found, Sum):
            remedy = f"move {name}, or its parts, elsewhere"
            if track.mixture_is_sum and len(found.parts) == len(names) - 1:
                remedy = f"rename {name} to {MIXTURE}{files[found.source].suffix}"
        raise ValueError(f"{path} must hold each source once, but {found.text(names)}: {remedy}")
