"""Folders of tracks: any folder of folders of audio files."""

from functools import partial
from pathlib import Path

from oracle.datasets.audio_files import UNREADABLE, audio_in
from oracle.datasets.dataset import Dataset, Entry
from oracle.datasets.trees import MIXTURE, USUAL, folders_in, read_track
from oracle.track import Track

SUBSETS = ("train", "valid", "test")
BY_SUBSET = f"tracks in {SUBSETS[0]}, {SUBSETS[1]} and {SUBSETS[2]}"
# Names that are recognised in capitals too.
KNOWN = frozenset({MIXTURE, *USUAL})


def folder(root: str | Path, *, subset: str | None = None) -> Dataset:
    """Find the tracks in a folder.

    Each track is a folder of audio files, one a source, named after it: ``vocals.wav``,
    ``drums.flac``, anything that soundfile reads, as float32. ``mixture.*`` is the mixture;
    where it is absent the mixture is the sum of the sources. Tracks lie in the folder
    itself, or in folders ``train``, ``valid`` and ``test`` in it (MUSDB18-HQ); or the
    folder is a track.

    Parameters
    ----------
    root : str or Path
        The folder.
    subset : {"train", "valid", "test"}, optional
        Only the tracks in this folder of it. All by default.

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
        If it holds no track, tracks in more than one of these ways, or no such subset.
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
    for name in SUBSETS:
        if audio_in(root / name):
            raise ValueError(
                f"folder must hold the tracks of a subset in folders of their own, "
                f"got audio files in {root / name}"
            )
    within = [path for path in folders_in(root) if path.name not in SUBSETS]
    split = [(path, path.name, part) for part in SUBSETS for path in folders_in(root / part)]
    # A folder without audio among others with some is an error of that track, not skipped.
    kinds = {
        "a track's files": [(root, root.resolve().name, "test")],
        "tracks": [(path, path.name, "test") for path in within],
        BY_SUBSET: split,
    }
    found = {
        kind: tracks for kind, tracks in kinds.items() if any(audio_in(path) for path, *_ in tracks)
    }
    if not found:
        raise ValueError(
            f"folder must hold tracks, each a folder of audio files, got {root}: "
            "no audio file in it or in the folders in it"
        )
    if len(found) > 1:
        raise ValueError(
            f"folder must hold one kind of thing, got {root} with {' and '.join(found)}"
        )
    ((kind, tracks),) = found.items()
    if subset is not None:
        parts = {part for *_, part in tracks} if kind == BY_SUBSET else set()
        if subset not in parts:
            raise ValueError(
                f"subset must be one that {root} has ({', '.join(sorted(parts)) or 'none'}), "
                f"got {subset!r}"
            )
        tracks = [track for track in tracks if track[-1] == subset]
    if {"s1", "s2"} <= {name for _, name, _ in tracks}:
        raise ValueError(
            f"folder must hold a folder for each track, got {root} with one for each source "
            "(s1, s2, ...): use the dataset librimix, its root this folder"
        )
    return Dataset(
        root.resolve().name,
        tuple(
            Entry(name, part, partial(_load, path, name, part), (path,))
            for path, name, part in tracks
        ),
        root.resolve(),
    )


def _load(path: Path, track_name: str, subset: str) -> Track:
    stems: dict[str, Path] = {}
    for file in audio_in(path):
        if file.suffix.lower() in UNREADABLE:
            raise ValueError(
                f"{file} must be in a format that soundfile reads (WAV, FLAC, ...): convert it"
            )
        name = file.stem.lower() if file.stem.lower() in KNOWN else file.stem
        if name.lower() == "mix":
            raise ValueError(f"{file} must be called {MIXTURE}{file.suffix} if it is the mixture")
        if name in stems:
            raise ValueError(
                f"{path} must hold one file a source, got {stems[name].name} and {file.name}"
            )
        stems[name] = file
    if not stems:
        raise ValueError(f"{path} must hold a track's audio files, got none")
    if stems.keys() == {MIXTURE}:
        raise ValueError(f"{path} must hold the sources beside the mixture, got a mixture alone")
    mixture = stems.pop(MIXTURE, None)
    sources = {name: [stems[name]] for name in sorted(stems)}
    return read_track(path, track_name, subset, mixture, sources)
