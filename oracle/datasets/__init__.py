"""Datasets: the embedded waltz, public datasets by name, and any folder of tracks."""

from oracle.datasets.dataset import Dataset, Entry, LeftOut
from oracle.datasets.embedded import waltz
from oracle.datasets.folders import folder
from oracle.datasets.four_stems import dsd100, musdb18hq
from oracle.datasets.multitracks import moisesdb, slakh2100
from oracle.datasets.musdb_stems import musdb18
from oracle.datasets.opening import open_track, open_tracks
from oracle.datasets.sound_mixtures import fuss
from oracle.datasets.speech_mixtures import librimix, wham, whamr, wsj0mix

__all__ = [
    "Dataset",
    "Entry",
    "LeftOut",
    "dsd100",
    "folder",
    "fuss",
    "librimix",
    "moisesdb",
    "musdb18",
    "musdb18hq",
    "open_track",
    "open_tracks",
    "slakh2100",
    "waltz",
    "wham",
    "whamr",
    "wsj0mix",
]
