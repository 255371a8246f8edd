"""Folders of tracks: MUSDB18-HQ's layout, and any folder of folders of audio files."""

from functools import partial
from pathlib import Path

from oracle.datasets.audio_files import UNREADABLE, read_stems, readable_suffixes
from oracle.datasets.dataset import Dataset
from oracle.track import Track

MIXTURE = "mixture"
SUBSETS = ("train", "valid", "test")
# The order in which tables show the usual stems; others follow by name.
USUAL = ("drums", "bass", "other", "vocals", "accompaniment")


def folder(root: str | Path) -> Dataset:
    """Find the tracks in a folder.

    Each track is a folder of audio files, one a source, named after it: ``vocals.wav``,
    ``drums.flac``, anything that soundfile reads. ``mixture.*`` is the mixture; where it is
    absent the mixture is the sum of the sources. Tracks lie in the folder itself, or in
    ``train``, ``valid`` and ``test`` folders in it (MUSDB18-HQ); or the folder is a track.

    Parameters
    ----------
    root : str or Path
        The folder.

    Returns
    -------
    dataset : Dataset
        Its tracks by subset and name. Files are read when a track is asked for: errors in
        them come then, as ValueError naming the files.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    ValueError
        If it holds no track.
    """
    root = Path(root)
    if not root.is_dir():
        raise FileNotFoundError(f"folder must be a folder of tracks, got {root}: no such folder")
    suffixes = readable_suffixes()
    if _stems(root, suffixes):
        name = root.resolve().name
        return Dataset(name, (name,), (partial(_load, root, "test"),))
    tracks: list[tuple[Path, str]] = []
    for subset in SUBSETS:
        tracks += [(path, subset) for path in _folders(root / subset)]
    if not tracks:
        tracks = [(path, "test") for path in _folders(root)]
    # A folder without audio among others with some is an error of that track, not skipped.
    if not any(_stems(path, suffixes) for path, _ in tracks):
        hint = ""
        if any(root.glob("*/*.stem.mp4")):
            hint = "; for MUSDB18's .stem.mp4 files use the dataset musdb18 with this root"
        raise ValueError(
            f"folder must hold tracks, each a folder of audio files, got {root}: "
            f"no audio file in it or in the folders in it{hint}"
        )
    names = tuple(path.name for path, _ in tracks)
    return Dataset(root.resolve().name, names, tuple(partial(_load, *track) for track in tracks))


def _load(path: Path, subset: str) -> Track:
    stems: dict[str, Path] = {}
    for file in _stems(path, readable_suffixes() | UNREADABLE):
        if file.suffix.lower() in UNREADABLE:
            raise ValueError(
                f"{file} must be in a format that soundfile reads (WAV, FLAC, ...): convert it"
            )
        if file.stem in stems:
            raise ValueError(
                f"{path} must hold one file a source, got {stems[file.stem].name} and {file.name}"
            )
        stems[file.stem] = file
    if not stems:
        raise ValueError(f"{path} must hold a track's audio files, got none")
    if stems.keys() == {MIXTURE}:
        raise ValueError(f"{path} must hold the sources beside the mixture, got a mixture alone")
    rate, audio = read_stems(stems)
    mixture = audio.pop(MIXTURE, None)
    sources = {name: audio[name] for name in sorted(audio, key=_order)}
    name = path.resolve().name
    try:
        if mixture is None:
            return Track.from_sources(name, rate, sources, subset)
        return Track(name, rate, mixture, sources, subset)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _order(name: str) -> tuple[int, str]:
    return (USUAL.index(name) if name in USUAL else len(USUAL), name)


def _folders(path: Path) -> list[Path]:
    return sorted(p for p in path.glob("*") if p.is_dir() and not p.name.startswith("."))


def _stems(path: Path, suffixes: frozenset[str]) -> list[Path]:
    return sorted(
        p
        for p in path.glob("*")
        if p.is_file() and p.suffix.lower() in suffixes and not p.name.startswith(".")
    )
