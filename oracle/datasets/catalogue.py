"""Catalogue: the datasets by their names on the command line."""

from collections.abc import Callable
from typing import NamedTuple

from oracle.datasets.dataset import Dataset
from oracle.datasets.embedded import waltz
from oracle.datasets.folders import folder
from oracle.datasets.four_stems import dsd100, musdb18hq
from oracle.datasets.multitracks import moisesdb, slakh2100
from oracle.datasets.musdb_stems import musdb18
from oracle.datasets.sound_mixtures import fuss
from oracle.datasets.speech_mixtures import (
    LIBRIMIX,
    WHAM,
    WHAMR,
    librimix,
    wham,
    whamr,
    wsj0mix,
)
from oracle.tracks.track import Track


class Listing(NamedTuple):
    """What to know about a dataset before using it.

    Parameters
    ----------
    name : str
        Its name on the command line.
    title : str
        A description.
    layout : str
        The files that `open` expects below its root.
    subsets : str
        Names of its subsets.
    citation : str
        Authors, title, venue and year, identifier.
    licence : str
        Its terms of use.
    source : str
        Where to get it.
    mixtures : str
        Its mixtures, if there is a choice; the first is the default.
    open : callable
        ``open(root)`` returns a `Dataset`, ``open(root, mixture=NAME)`` one of other mixtures; for
        the waltz, ``open()`` returns the track.
    """

    name: str
    title: str
    layout: str
    subsets: str
    citation: str
    licence: str
    source: str
    mixtures: str
    open: Callable[..., Dataset | Track]


_NAMED = (
    Listing(
        "waltz",
        'The chorus of "Daisy Bell" in drums, bass, other and vocals, 13 s; part of oracle',
        "",
        "none; filed under test",
        "",
        "CC0; the song (Harry Dacre, 1892) is in the public domain",
        "",
        "",
        waltz,
    ),
    Listing(
        "musdb18",
        "MUSDB18: 150 songs in drums, bass, other and vocals, AAC (or its preview of 7 s excerpts)",
        "SUBSET/TRACK.stem.mp4",
        "train, test; train has the splits train and valid",
        'Z. Rafii, A. Liutkus, F.-R. Stöter, S. I. Mimilakis and R. Bittner, "The MUSDB18 corpus '
        'for music separation", 2017, doi:10.5281/zenodo.1117372',
        "for educational use only; commercial use needs the permission of the "
        "copyright holders; of the 150 songs, 100 are from DSD100, 46 from MedleyDB (CC BY-NC-SA "
        "4.0), 2 by The Easton Ellises (CC BY-NC-SA 3.0), 2 from Native Instruments",
        "https://doi.org/10.5281/zenodo.1117372; the preview: --download",
        "",
        musdb18,
    ),
    Listing(
        "musdb18-hq",
        "MUSDB18-HQ: the same songs, uncompressed",
        "SUBSET/TRACK/mixture.wav, drums.wav, bass.wav, other.wav, vocals.wav",
        "train, test",
        'Z. Rafii, A. Liutkus, F.-R. Stöter, S. I. Mimilakis and R. Bittner, "MUSDB18-HQ - an '
        'uncompressed version of MUSDB18", 2019, doi:10.5281/zenodo.3338373',
        "as for MUSDB18",
        "https://doi.org/10.5281/zenodo.3338373",
        "",
        musdb18hq,
    ),
    Listing(
        "dsd100",
        "DSD100: 100 songs in drums, bass, other and vocals, those of SiSEC 2016",
        "Mixtures/SUBSET/TRACK/mixture.wav; Sources/SUBSET/TRACK/drums.wav, bass.wav, other.wav, "
        "vocals.wav",
        "Dev, Test",
        "A. Liutkus, F.-R. Stöter, Z. Rafii, D. Kitamura, B. Rivet, N. Ito, N. Ono and "
        'J. Fontecave, "The 2016 Signal Separation Evaluation Campaign", LVA/ICA, 2017, '
        "doi:10.1007/978-3-319-53547-0_31",
        "refers to that of the 'Mixing Secrets' Free Multitrack Download Library",
        "https://sigsep.github.io/datasets/dsd100.html",
        "",
        dsd100,
    ),
    Listing(
        "moisesdb",
        "MoisesDB: 240 songs in up to 11 stems; the mixture is their sum",
        "moisesdb_v0.1/TRACK/data.json, STEM/ID.wav",
        "none; filed under test",
        'I. Pereira, F. Araújo, F. Korzeniowski and R. Vogl, "MoisesDB: A dataset for source '
        'separation beyond 4-stems", ISMIR, 2023, arXiv:2307.15913',
        "CC BY-NC-SA 4.0",
        "https://music.ai/research/",
        "",
        moisesdb,
    ),
    Listing(
        "slakh2100",
        "Slakh2100: 2100 pieces of synthesized music, sources by instrument class; "
        "pip install 'oracle-masks[slakh]' (in a clone: pip install '.[slakh]')",
        "SUBSET/TrackNNNNN/mix.flac, metadata.yaml, stems/SNN.flac",
        "train, validation, test; omitted is not read",
        'E. Manilow, G. Wichern, P. Seetharaman and J. Le Roux, "Cutting Music Source Separation '
        'Some Slakh: A Dataset to Study the Impact of Training Data Quality and Quantity", WASPAA, '
        "2019, arXiv:1909.08494",
        "CC BY 4.0",
        "https://doi.org/10.5281/zenodo.4599666",
        "",
        slakh2100,
    ),
    Listing(
        "librimix",
        "LibriMix: two or more speakers, clean or with the noise of WHAM!",
        "SUBSET/mix_clean/NAME.wav (or mix_both, mix_single), s1/NAME.wav, s2/NAME.wav, ..., "
        "noise/NAME.wav",
        "train-360, train-100, dev, test; any folders",
        'J. Cosentino, M. Pariente, S. Cornell, A. Deleforge and E. Vincent, "LibriMix: An '
        'Open-Source Dataset for Generalizable Speech Separation", 2020, arXiv:2005.11262',
        "that of LibriSpeech, its source: CC BY 4.0; of WHAM!'s noise: CC BY-NC 4.0",
        "https://github.com/JorisCos/LibriMix",
        ", ".join(LIBRIMIX),
        librimix,
    ),
    Listing(
        "wham",
        "WHAM!: the mixtures of WSJ0-2mix, with noise of coffee shops, restaurants and bars",
        "SUBSET/mix_both/NAME.wav (or mix_single, mix_clean), s1/NAME.wav, s2/NAME.wav, "
        "noise/NAME.wav",
        "tr, cv, tt; any folders",
        "G. Wichern, J. Antognini, M. Flynn, L. R. Zhu, E. McQuinn, D. Crow, E. Manilow and "
        'J. Le Roux, "WHAM!: Extending Speech Separation to Noisy Environments", Interspeech, '
        "2019, doi:10.21437/Interspeech.2019-2821",
        "that of WSJ0, its source: from the Linguistic Data Consortium, not free; of the noise: "
        "CC BY-NC 4.0",
        "https://wham.whisper.ai",
        ", ".join(WHAM),
        wham,
    ),
    Listing(
        "whamr",
        "WHAMR!: the mixtures of WHAM!, in simulated rooms",
        "SUBSET/mix_both_reverb/NAME.wav (or mix_single_..., mix_clean_..., ..._anechoic), "
        "s1_reverb/NAME.wav, s2_reverb/NAME.wav, noise/NAME.wav",
        "tr, cv, tt; any folders",
        'M. Maciejewski, G. Wichern, E. McQuinn and J. Le Roux, "WHAMR!: Noisy and Reverberant '
        'Single-Channel Speech Separation", ICASSP, 2020, arXiv:1910.10279',
        "as for WHAM!",
        "https://wham.whisper.ai",
        ", ".join(WHAMR),
        whamr,
    ),
    Listing(
        "wsj0-2mix",
        "WSJ0-2mix and variants with more speakers: Wall Street Journal texts, read aloud",
        "SUBSET/mix/NAME.wav, s1/NAME.wav, s2/NAME.wav, ...",
        "tr, cv, tt; any folders",
        'J. R. Hershey, Z. Chen, J. Le Roux and S. Watanabe, "Deep clustering: Discriminative '
        'embeddings for segmentation and separation", ICASSP, 2016, arXiv:1508.04306',
        "that of WSJ0, its source: from the Linguistic Data Consortium, not free",
        "https://www.merl.com/demos/deep-clustering/, https://github.com/mpariente/pywsj0-mix",
        "",
        wsj0mix,
    ),
    Listing(
        "fuss",
        "FUSS: mixtures of one to four sounds of any kind",
        "SUBSET/NAME.wav, NAME_sources/SOURCE.wav",
        "train, validation, eval",
        "S. Wisdom, H. Erdogan, D. P. W. Ellis, R. Serizel, N. Turpault, E. Fonseca, J. Salamon, "
        "P. Seetharaman and J. R. Hershey, \"What's All the FUSS About Free Universal Sound "
        'Separation Data?", ICASSP, 2021, arXiv:2011.00803',
        "CC BY 4.0, the sounds CC0",
        "https://doi.org/10.5281/zenodo.3694383",
        "",
        fuss,
    ),
)
NAMED = {listing.name: listing for listing in _NAMED}

FOLDER = Listing(
    "FOLDER",
    "Any folder of tracks: give its path instead of a name",
    "TRACK/SOURCE.wav, ... and mixture.wav if there is one; or SUBSET/TRACK/...; or a track",
    "the folders of tracks in it, by name; other tracks are filed under test",
    "",
    "",
    "",
    "",
    folder,
)
