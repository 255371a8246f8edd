"""Folders of tracks: any folder of folders of audio files."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from oracle.datasets.dataset import Dataset, Entry, LeftOut
from oracle.datasets.file_kinds import Kind, find_kind
from oracle.datasets.layouts import KNOWN, Place, find_places
from oracle.datasets.left_out import find_left_out
from oracle.datasets.stem_names import check_stem_names
from oracle.datasets.track_files import read_track
from oracle.datasets.trees import MIXTURE, list_audio, list_folders
from oracle.tracks.lags import find_late_sum
from oracle.tracks.mixing import SUM, Copy, Sum, redundancies
from oracle.tracks.track import Track


def folder(root: str | Path, *, subset: str | None = None) -> Dataset:
    """Find the tracks in a folder.

    Each track is a folder with one audio file per source, named after it: ``vocals.wav``,
    ``drums.flac``, or any format that soundfile reads, as float32. ``mixture.*`` is the
    mixture; without it, the mixture is the sum of the sources. Tracks lie in the folder
    itself, or in folders in it, which are then subsets (``train``, ``test``, ...); or the
    folder is itself a track.

    Parameters
    ----------
    root : str or Path
        The folder.
    subset : str, optional
        Only the tracks of this subset; all by default.

    Returns
    -------
    dataset : Dataset
        The tracks by subset and name; `left_out` lists what may be audio and is in none of
        them. Files are read only when a track is indexed; a bad file raises ValueError then,
        and the message names it.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    ValueError
        If it holds no track, mixes these layouts, has a folder for each source instead of each
        track, or lacks the subset. When a track is read: if one of its files is the mixture
        under another name, a copy of another file, or a sum of others.
    """
    root = Path(root)
    _check_holds_folders(root)
    places = find_places(root)
    entries = [_make_entry(place) for place in places if place.files or place.is_empty]
    left_out = list(find_left_out(root, entries))
    left_out += _find_bare_folders(root, places, {root / each.path for each in left_out})
    if subset is not None:
        _check_subset(root, subset, places)
        entries = [entry for entry in entries if entry.subset == subset]
    return Dataset(root.resolve().name, tuple(entries), root.resolve(), left_out=tuple(left_out))


def _check_holds_folders(root: Path) -> None:
    if not root.is_dir():
        what = "it is a file" if root.exists() else "no such folder"
        raise FileNotFoundError(f"folder must be a folder of tracks, got {root}: {what}")
    if any(root.glob("*.stem.mp4")) or any(root.glob("*/*.stem.mp4")):
        raise ValueError(
            f"folder must hold folders of audio files, got {root} with .stem.mp4 files: "
            "use the dataset musdb18, its root being the folder with train and test"
        )


def _make_entry(place: Place) -> Entry:
    subset = place.subset or "test"
    return Entry(
        place.name,
        subset,
        partial(_load, place.path, place.name, subset),
        tuple(place.files or [place.path]),
        len(place.files),  # a mixture counts, as its rest may become a source
    )


def _find_bare_folders(root: Path, places: Sequence[Place], named: set[Path]) -> Iterator[LeftOut]:
    """Find the folders of tracks or subsets without audio, except those in `named`."""
    named = named | {place.path.parent for place in places}
    known = {place.path for place in places}
    bare = [place.path for place in places if not place.files and not place.is_empty]
    bare += [path for path in list_folders(root) if path not in known]
    for path in bare:
        if path not in named:
            yield LeftOut(path.relative_to(root), "no audio in it")


def _check_subset(root: Path, subset: str, places: Sequence[Place]) -> None:
    subsets = {place.subset for place in places} - {""}
    if subset not in subsets:
        raise ValueError(
            f"subset must be one that {root} has ({', '.join(sorted(subsets)) or 'none'}), "
            f"got {subset!r}"
        )


def _load(path: Path, track_name: str, subset: str) -> Track:
    stems = _find_stems(path)
    if not stems:
        raise ValueError(
            f"{path} must hold a track's audio files, got none: copy them there, or "
            "move the folder elsewhere"
        )
    if stems.keys() == {MIXTURE}:
        raise ValueError(
            f"{path} must hold the sources beside the mixture, got a mixture alone: copy them there"
        )
    check_stem_names(path, stems)
    mixture = stems.pop(MIXTURE, None)
    sources = {name: [stems[name]] for name in sorted(stems)}
    track = read_track(path, track_name, subset, mixture, sources)
    _check_stems(path, track, stems)
    return track


def _find_stems(path: Path) -> dict[str, Path]:
    """Find the file of each source and of the mixture."""
    files = list_audio(path)
    exact = {file.stem for file in files}
    stems: dict[str, Path] = {}
    for file in files:
        if find_kind(file) is Kind.MISNAMED:
            raise ValueError(
                f"{file} must have the suffix of its format (.wav, .flac, ...) if it is a source, "
                "got audio under another name: rename it, or move it elsewhere"
            )
        name = file.stem
        # Known names count in any case, unless another file has exactly the lower-case name.
        if name.lower() in KNOWN and (name.lower() not in exact or name.lower() == MIXTURE):
            name = name.lower()
        if name in stems:
            raise ValueError(
                f"{path} must hold one file per source, got {stems[name].name} and {file.name}: "
                "move one elsewhere"
            )
        stems[name] = file
    return stems


def _check_stems(path: Path, track: Track, stems: Mapping[str, Path]) -> None:
    """Refuse what would count twice: copies and sums of stems."""
    files = [stems[name] for name in track.sources]
    names = [file.name for file in files]
    for found in redundancies(track.mixing, mixture_is_sum=track.mixture_is_sum):
        remedy = _suggest_remedy(found, files, mixture_is_sum=track.mixture_is_sum)
        raise ValueError(f"{path} must hold each source once, but {found.text(names)}: {remedy}")
    if track.mixture_is_sum:
        late = find_late_sum(list(track.sources.values()), track.mixture, 10 ** (SUM / 10))
        if late is not None:
            place, delay = late
            raise ValueError(
                f"{path} must hold each source once, but {names[place]} is the sum of the others, "
                f"{abs(delay)} samples {'late' if delay > 0 else 'early'}: move it elsewhere"
            )


def _suggest_remedy(found: Copy | Sum, files: Sequence[Path], *, mixture_is_sum: bool) -> str:
    """Say what to do about a file that repeats the content of others."""
    file = files[found.source]
    if isinstance(found, Sum):
        if mixture_is_sum and len(found.parts) == len(files) - 1:
            return f"rename {file.name} to {MIXTURE}{file.suffix}"
        return f"move {file.name}, or its parts, elsewhere"
    if found.other == len(files):
        return "replace the one that is wrong"
    return f"move {file.name} elsewhere"
