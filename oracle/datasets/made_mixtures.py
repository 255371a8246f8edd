"""Mixtures made by scripts: of speech (LibriMix, WSJ0-mix) and of any sounds (FUSS)."""

import re
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from oracle.datasets.dataset import Dataset, Entry
from oracle.datasets.left_out import make_dataset
from oracle.datasets.track_files import read_track
from oracle.datasets.trees import find_audio, find_root, list_audio, list_folders
from oracle.tracks.track import Track

# Folders of mixtures that are the sum of their speakers, and the datasets they belong to.
SPEECH = {"mix_clean": "LibriMix", "mix": "WSJ0-mix"}
SOUNDS = ("train", "validation", "eval")
# FUSS adds this to a mixture's name to name the folder of its sources.
SOURCES = "_sources"


def librimix(root: str | Path) -> Dataset:
    """Open LibriMix or WSJ0-mix: mixtures of two or more speakers.

    ``SUBSET/mix_clean/`` (LibriMix, WHAM!) or ``SUBSET/mix/`` (WSJ0-2mix) holds the
    mixtures; ``SUBSET/s1/``, ``SUBSET/s2/``, ... hold the speakers, in files of the same names.
    The noisy mixtures, ``mix_both`` and ``mix_single``, are not read.

    Parameters
    ----------
    root : str or Path
        The folder of the subsets, such as ``Libri2Mix/wav8k/min`` or
        ``2speakers/wav8k/min``, or one of them.

    Returns
    -------
    dataset : Dataset
        The mixtures by subset (the name of its folder) and file name. A track that lacks the
        mixture or a speaker raises an error when it is read.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    ValueError
        If it has no such subset, or a subset has no folder of mixtures.

    References
    ----------
    .. [1] J. Cosentino, M. Pariente, S. Cornell, A. Deleforge and E. Vincent, "LibriMix: An
           Open-Source Dataset for Generalizable Speech Separation", 2020, arXiv:2005.11262.
    .. [2] J. R. Hershey, Z. Chen, J. Le Roux and S. Watanabe, "Deep clustering: Discriminative
           embeddings for segmentation and separation", ICASSP, 2016.
    """
    root = find_root(root)
    subsets = [place for place in (root, *list_folders(root)) if (place / "s1").is_dir()]
    names = {SPEECH[_find_mixtures(subset).name] for subset in subsets}
    entries = (entry for subset in subsets for entry in _list_speech(subset))
    layout = "folders mix_clean (or mix), s1, s2, ... of files, or subsets of these folders"
    title = " and ".join(sorted(names))
    speakers = _sort_speakers({each.name for subset in subsets for each in _find_speakers(subset)})
    return make_dataset(root, title, layout, entries, interchangeable=speakers)


def _find_mixtures(subset: Path) -> Path:
    """Find the folder of the mixtures of a subset."""
    for name in SPEECH:
        if (subset / name).is_dir():
            return subset / name
    got = ", ".join(path.name for path in list_folders(subset))
    raise ValueError(
        f"{subset} must hold the mixtures of its speakers in mix_clean or mix, got {got}"
    )


def _find_speakers(subset: Path) -> list[Path]:
    names = (path.name for path in list_folders(subset) if re.fullmatch(r"s\d+", path.name))
    return [subset / name for name in _sort_speakers(names)]


def _sort_speakers(names: Iterable[str]) -> list[str]:
    return sorted(names, key=lambda name: int(name[1:]))


def _list_speech(subset: Path) -> list[Entry]:
    speakers = _find_speakers(subset)
    mixtures = _find_mixtures(subset)
    name = subset.resolve().name
    files = sorted({file.name for place in (mixtures, *speakers) for file in list_audio(place)})
    return [
        Entry(
            Path(file).stem,
            name,
            partial(_load_speech, mixtures / file, speakers, name),
            tuple(place / file for place in (mixtures, *speakers)),
            len(speakers) + 1,
        )
        for file in files
    ]


def _load_speech(mixture: Path, speakers: list[Path], subset: str) -> Track:
    sources = {place.name: [place / mixture.name] for place in speakers}
    return read_track(mixture, mixture.stem, subset, mixture, sources)


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
    entries = [entry for subset in SOUNDS for entry in _list_sounds(root / subset)]
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
