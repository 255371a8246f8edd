"""Mixtures of sounds of any kind, made by a script: FUSS."""

from functools import partial
from pathlib import Path

from oracle.datasets.dataset import Dataset, Entry
from oracle.datasets.left_out import make_dataset
from oracle.datasets.track_files import read_track
from oracle.datasets.trees import find_audio, find_root, list_audio, list_folders
from oracle.tracks.track import Track

SUBSETS = ("train", "validation", "eval")
# FUSS adds this to a mixture's name to name the folder of its sources.
SOURCES = "_sources"


def fuss(root: str | Path) -> Dataset:
    """Open FUSS, or a dataset in its layout: mixtures of one to four sounds of any kind.

    ``SUBSET/NAME.wav`` is a mixture; ``SUBSET/NAME_sources/`` holds its sources, in files
    named after them (``background0_sound.wav``, ``foreground0_sound.wav``, ...).

    Parameters
    ----------
    root : str or Path
        The folder with ``train``, ``validation`` and ``eval``, or some of them, such as
        ``ssdata`` or ``ssdata_reverb``.

    Returns
    -------
    dataset : Dataset
        The mixtures by subset and name. A track that lacks its mixture or its sources raises an
        error when it is read.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    ValueError
        If it has no mixtures in ``train``, ``validation`` or ``eval``.

    References
    ----------
    .. [1] S. Wisdom et al., "What's All the FUSS About Free Universal Sound Separation Data?",
           ICASSP, 2021, arXiv:2011.00803.
    """
    root = find_root(root)
    entries = [entry for subset in SUBSETS for entry in _list_sounds(root / subset)]
    layout = "mixtures NAME.wav and their sources in NAME_sources in train, validation and eval"
    # The task is to separate sounds of any kind: FUSS's own evaluation finds the best order of all
    # sources, the background among them (google-research/sound-separation,
    # models/dcase2020_fuss_baseline/evaluate_lib.py).
    sounds = sorted({path.stem for entry in entries for path in entry.paths[1:]})
    return make_dataset(root, "FUSS", layout, entries, interchangeable=sounds)


def _list_sounds(subset: Path) -> list[Entry]:
    mixtures = {file.stem: file for file in list_audio(subset)}
    for place in list_folders(subset):
        if place.name.endswith(SOURCES):
            name = place.name.removesuffix(SOURCES)
            mixtures.setdefault(name, subset / f"{name}.wav")
    return [
        Entry(
            name,
            subset.name,
            partial(_load_sounds, mixtures[name]),
            (mixtures[name], *sources),
            len(sources) + 1,
        )
        for name in sorted(mixtures)
        for sources in (list_audio(_find_sources(mixtures[name])),)
    ]


def _find_sources(mixture: Path) -> Path:
    return mixture.with_name(mixture.stem + SOURCES)


def _load_sounds(mixture: Path) -> Track:
    place = _find_sources(mixture)
    names = [file.stem for file in list_audio(place)]
    sources = {name: [find_audio(name, place)] for name in names}
    if not sources:
        raise ValueError(f"{place} must hold the sources of {mixture.name}, got none")
    return read_track(mixture, mixture.stem, mixture.parent.name, mixture, sources)
