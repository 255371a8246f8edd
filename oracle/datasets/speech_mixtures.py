"""Mixtures of speech, made by scripts: WSJ0-mix, LibriMix, WHAM! and WHAMR!.

All have a folder of mixtures beside a folder of each source, with files of the same names. What is
in a mixture follows from the name of its folder.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

from oracle.datasets.dataset import Dataset, Entry
from oracle.datasets.left_out import make_dataset
from oracle.datasets.track_files import read_track
from oracle.datasets.trees import find_root, list_audio, list_folders
from oracle.tracks.track import Track

NOISE = "noise"
# The mixtures of each dataset, the default first. All speakers are in a clean mixture, s1 and the
# noise in a single one, all speakers and the noise in both:
# - LibriMix: JorisCos/LibriMix, scripts/create_librimix_from_metadata.py, process_utterance;
# - WHAM! and WHAMR!: create_wham_mixes in utils.py of wham_scripts and whamr_scripts, from
#   https://wham.whisper.ai. WHAMR! has the same noise in its reverberant and its anechoic mixtures.
LIBRIMIX = ("mix_clean", "mix_both", "mix_single")
WHAM = ("mix_both", "mix_single", "mix_clean")
WHAMR = (
    *("mix_both_reverb", "mix_single_reverb", "mix_clean_reverb"),
    *("mix_both_anechoic", "mix_single_anechoic", "mix_clean_anechoic"),
)
WSJ0MIX = ("mix",)


def librimix(root: str | Path, *, mixture: str | None = None) -> Dataset:
    """Open LibriMix: mixtures of two or more speakers, clean or with noise.

    ``SUBSET/mix_clean/``, ``SUBSET/mix_both/`` or ``SUBSET/mix_single/`` holds the mixtures;
    ``SUBSET/s1/``, ``SUBSET/s2/``, ... hold the speakers, ``SUBSET/noise/`` the noise, in files
    of the same names.

    Parameters
    ----------
    root : str or Path
        The folder of the subsets, such as ``Libri2Mix/wav8k/min``, or one of them.
    mixture : {"mix_clean", "mix_both", "mix_single"}, optional
        All speakers; all speakers and the noise; or the first speaker and the noise. The default
        is the clean mixture: ``mix_clean``, or ``mix`` as in WSJ0-mix.

    Returns
    -------
    dataset : Dataset
        The mixtures by subset (the name of its folder) and file name. The sources are ``s1``,
        ``s2``, ..., ``noise``, as far as they are in the mixture; the speakers are
        interchangeable. A track that lacks a file raises an error when it is read.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    ValueError
        If it has no such subset, `mixture` is none of these, or a subset lacks the folder of
        the mixtures or of the noise.

    References
    ----------
    .. [1] J. Cosentino, M. Pariente, S. Cornell, A. Deleforge and E. Vincent, "LibriMix: An
           Open-Source Dataset for Generalizable Speech Separation", 2020, arXiv:2005.11262.
    """
    return _open_speech(root, "LibriMix", LIBRIMIX, mixture, also=WSJ0MIX)


def wham(root: str | Path, *, mixture: str | None = None) -> Dataset:
    """Open WHAM!: the mixtures of WSJ0-2mix with noise of coffee shops, restaurants and bars.

    The layout is that of `librimix`.

    Parameters
    ----------
    root : str or Path
        The folder of the subsets ``tr``, ``cv`` and ``tt``, such as ``wav8k/min``, or one of them.
    mixture : {"mix_both", "mix_single", "mix_clean"}, optional
        Both speakers and the noise, the default, which is the task of separation; the first
        speaker and the noise; or both speakers.

    Returns
    -------
    dataset : Dataset
        As of `librimix`.

    Raises
    ------
    FileNotFoundError, ValueError
        As `librimix`.

    References
    ----------
    .. [1] G. Wichern, J. Antognini, M. Flynn, L. R. Zhu, E. McQuinn, D. Crow, E. Manilow and
           J. Le Roux, "WHAM!: Extending Speech Separation to Noisy Environments", Interspeech,
           2019, doi:10.21437/Interspeech.2019-2821.
    """
    return _open_speech(root, "WHAM!", WHAM, mixture)


def whamr(root: str | Path, *, mixture: str | None = None) -> Dataset:
    """Open WHAMR!: the mixtures of WHAM! in simulated rooms.

    The layout is that of `librimix`, but the folders of mixtures and speakers end in ``_reverb``
    or ``_anechoic``. The references are the signals that the mixture is the sum of: speakers with
    reverberation in a mixture with reverberation.

    Parameters
    ----------
    root : str or Path
        The folder of the subsets ``tr``, ``cv`` and ``tt``, such as ``wav8k/min``, or one of them.
    mixture : str, optional
        ``mix_both_reverb``, the default: both speakers and the noise; ``mix_single_reverb``: the
        first speaker and the noise; ``mix_clean_reverb``: both speakers; or the same with
        ``_anechoic``.

    Returns
    -------
    dataset : Dataset
        As of `librimix`.

    Raises
    ------
    FileNotFoundError, ValueError
        As `librimix`.

    References
    ----------
    .. [1] M. Maciejewski, G. Wichern, E. McQuinn and J. Le Roux, "WHAMR!: Noisy and Reverberant
           Single-Channel Speech Separation", ICASSP, 2020, arXiv:1910.10279.
    """
    return _open_speech(root, "WHAMR!", WHAMR, mixture)


def wsj0mix(root: str | Path) -> Dataset:
    """Open WSJ0-mix (WSJ0-2mix, WSJ0-3mix): mixtures of two or more speakers.

    ``SUBSET/mix/`` holds the mixtures; ``SUBSET/s1/``, ``SUBSET/s2/``, ... hold the speakers, in
    files of the same names.

    Parameters
    ----------
    root : str or Path
        The folder of the subsets ``tr``, ``cv`` and ``tt``, such as ``2speakers/wav8k/min``, or
        one of them.

    Returns
    -------
    dataset : Dataset
        As of `librimix`.

    Raises
    ------
    FileNotFoundError, ValueError
        As `librimix`.

    References
    ----------
    .. [1] J. R. Hershey, Z. Chen, J. Le Roux and S. Watanabe, "Deep clustering: Discriminative
           embeddings for segmentation and separation", ICASSP, 2016.
    """
    return _open_speech(root, "WSJ0-mix", WSJ0MIX, None)


def _open_speech(
    root: str | Path,
    title: str,
    mixtures: Sequence[str],
    mixture: str | None,
    *,
    also: Sequence[str] = (),
) -> Dataset:
    """Open a dataset with these mixtures; those of `also` will do for the first, the default."""
    root = find_root(root)
    if mixture is not None and mixture not in mixtures:
        raise ValueError(f"mixture must be one of {', '.join(mixtures)}, got {mixture!r}")
    wanted = (mixtures[0], *also) if mixture is None else (mixture,)
    firsts = {f"s1{_find_ending(each)}" for each in mixtures}
    subsets = {
        place: _find_mixtures(place, wanted, mixtures)
        for place in (root, *list_folders(root))
        if any((place / first).is_dir() for first in firsts)
    }
    sources = {subset: _find_sources(subset, chosen) for subset, chosen in subsets.items()}
    speakers = {name for found in sources.values() for name in found} - {NOISE}
    ending = _find_ending(wanted[0])
    return make_dataset(
        root,
        " and ".join(sorted({_name(title, chosen) for chosen in subsets.values()})),
        f"folders {_list_choice(wanted)}, s1{ending}, s2{ending}, ... of files, or subsets of "
        "these folders",
        [
            entry
            for subset, chosen in subsets.items()
            for entry in _list_entries(subset, subset / chosen, sources[subset])
        ],
        interchangeable=_sort_speakers(speakers) if len(speakers) > 1 else (),
        # Other mixtures and what is in them, which the choice leaves out.
        besides=[
            subset / name
            for subset in subsets
            for each in mixtures
            for name in (each, NOISE, *_find_speakers(subset, _find_ending(each)).values())
        ],
    )


def _name(title: str, mixture: str) -> str:
    """Name a dataset, and its mixtures if they are not the clean ones."""
    if mixture in WSJ0MIX:
        return "WSJ0-mix"
    return title if mixture == "mix_clean" else f"{title} ({mixture})"


def _list_choice(names: Sequence[str]) -> str:
    first, *others = names
    return f"{first} (or {', '.join(others)})" if others else first


def _find_mixtures(subset: Path, wanted: Sequence[str], known: Sequence[str]) -> str:
    """Find the name of the folder of the mixtures of a subset."""
    for name in wanted:
        if (subset / name).is_dir():
            return name
    there = [name for name in known if (subset / name).is_dir()]
    remedy = f": choose a mixture that is there ({', '.join(there)})" if there else ""
    raise ValueError(
        f"{subset} must hold the mixtures of its speakers in {' or '.join(wanted)}, "
        f"got {_list_names(subset)}{remedy}"
    )


def _find_sources(subset: Path, mixture: str) -> dict[str, Path]:
    """Find the folders of the sources that are in a mixture."""
    ending = _find_ending(mixture)
    speakers = _find_speakers(subset, ending)
    if "single" in mixture:
        speakers = {name: folder for name, folder in speakers.items() if name == "s1"}
    if not speakers:
        raise ValueError(
            f"{subset} must hold the speakers of {mixture} in s1{ending}, s2{ending}, ..., "
            f"got {_list_names(subset)}"
        )
    sources = {name: subset / folder for name, folder in speakers.items()}
    if "single" in mixture or "both" in mixture:
        if not (subset / NOISE).is_dir():
            raise ValueError(
                f"{subset} must hold the noise of {mixture} in {NOISE}, got {_list_names(subset)}"
            )
        sources[NOISE] = subset / NOISE
    return sources


def _find_speakers(subset: Path, ending: str) -> dict[str, str]:
    """Find the names of the folders of the speakers, by speaker and in their order."""
    there = {path.name for path in list_folders(subset)}
    names = {name.removesuffix(ending) for name in there if name.endswith(ending)}
    speakers = _sort_speakers(name for name in names if re.fullmatch(r"s\d+", name))
    return {name: name + ending for name in speakers}


def _sort_speakers(names: Iterable[str]) -> list[str]:
    return sorted(names, key=lambda name: int(name[1:]))


def _find_ending(mixture: str) -> str:
    """Find what WHAMR! adds to the names of the folders of speakers: their room."""
    return "".join(re.findall(r"_anechoic|_reverb", mixture))


def _list_names(subset: Path) -> str:
    return ", ".join(path.name for path in list_folders(subset))


def _list_entries(subset: Path, mixtures: Path, sources: Mapping[str, Path]) -> list[Entry]:
    name = subset.resolve().name
    places = (mixtures, *sources.values())
    files = sorted({file.name for place in places for file in list_audio(place)})
    return [
        Entry(
            Path(file).stem,
            name,
            partial(_load, mixtures / file, sources, name),
            tuple(place / file for place in places),
            len(sources) + 1,
        )
        for file in files
    ]


def _load(mixture: Path, sources: Mapping[str, Path], subset: str) -> Track:
    files = {name: [place / mixture.name] for name, place in sources.items()}
    return read_track(mixture, mixture.stem, subset, mixture, files)
