"""Datasets: the embedded waltz, MUSDB18, folders of stems."""

from oracle.datasets.dataset import Dataset, Entry
from oracle.datasets.embedded import waltz
from oracle.datasets.folders import folder
from oracle.datasets.musdb_stems import musdb18

__all__ = ["Dataset", "Entry", "folder", "musdb18", "waltz"]
