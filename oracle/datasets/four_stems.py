"""Songs with one file each for the mixture and four stems: MUSDB18-HQ and DSD100."""

from functools import partial
from pathlib import Path

from oracle.datasets.dataset import Dataset, Entry
from oracle.datasets.left_out import make_dataset
from oracle.datasets.track_files import read_track
from oracle.datasets.trees import MIXTURE, find_audio, find_files, find_root, list_folders
from oracle.tracks.track import Track

STEMS = ("drums", "bass", "other", "vocals")


def musdb18hq(root: str | Path) -> Dataset:
    """Open MUSDB18-HQ, the uncompressed songs of MUSDB18.

    ``SUBSET/TRACK/`` holds ``mixture.wav``, ``drums.wav``, ``bass.wav``, ``other.wav`` and
    ``vocals.wav``; other files are not read. The rest of a mixture, which is in no source, is
    ignored, as in published results.

    Parameters
    ----------
    root : str or Path
        The folder with ``train`` or ``test``, or both.

    Returns
    -------
    dataset : Dataset
        The tracks by subset and name.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    ValueError
        If it has no tracks in ``train`` or ``test``.

    References
    ----------
    .. [1] Z. Rafii, A. Liutkus, F.-R. Stöter, S. I. Mimilakis and R. Bittner, "MUSDB18-HQ - an
           uncompressed version of MUSDB18", 2019, doi:10.5281/zenodo.3338373.
    """
    root = find_root(root)
    entries = (
        _make_entry(place, place, subset)
        for subset in ("train", "test")
        for place in list_folders(root / subset)
    )
    return make_dataset(root, "MUSDB18-HQ", "folders of tracks in train and test", entries)


def dsd100(root: str | Path) -> Dataset:
    """Open DSD100, the songs of the Signal Separation Evaluation Campaign of 2016.

    ``Mixtures/SUBSET/TRACK/`` holds ``mixture.wav``; ``Sources/SUBSET/TRACK/`` holds
    ``drums.wav``, ``bass.wav``, ``other.wav`` and ``vocals.wav``. The subsets are ``Dev`` and
    ``Test``; museval's stores only read results of a subset ``test``. The rest of a mixture,
    which is in no source, is ignored, as in published results.

    Parameters
    ----------
    root : str or Path
        The folder with ``Mixtures`` and ``Sources``.

    Returns
    -------
    dataset : Dataset
        The tracks by subset and name. A track that lacks its mixture or a source raises an
        error when it is read.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    ValueError
        If it has no tracks in ``Mixtures`` or ``Sources``.

    References
    ----------
    .. [1] A. Liutkus et al., "The 2016 Signal Separation Evaluation Campaign", LVA/ICA, 2017,
           doi:10.1007/978-3-319-53547-0_31.
    """
    root = find_root(root)
    mixtures, sources = root / "Mixtures", root / "Sources"
    entries = (
        _make_entry(mixtures / subset / name, sources / subset / name, subset)
        for subset in ("Dev", "Test")
        for name in sorted(
            {place.name for top in (mixtures, sources) for place in list_folders(top / subset)}
        )
    )
    layout = "folders of tracks in Mixtures/Dev, Mixtures/Test, Sources/Dev and Sources/Test"
    return make_dataset(root, "DSD100", layout, entries)


def _make_entry(mixture: Path, sources: Path, subset: str) -> Entry:
    files = [*find_files([MIXTURE], mixture), *find_files(STEMS, sources)]
    load = partial(_load, mixture, sources, subset)
    return Entry(sources.name, subset, load, tuple(files), len(STEMS) + 1)


def _load(mixture: Path, sources: Path, subset: str) -> Track:
    stems = {name: [find_audio(name, sources)] for name in STEMS}
    found = find_audio(MIXTURE, mixture)
    return read_track(sources, sources.name, subset, found, stems, rest="ignore")
