"""The masks with the highest SDR through the actual inverse STFT, and certificates of it."""

from oracle.optimal.ceilings import FramewiseCeiling, framewise_ceiling
from oracle.optimal.named import CLASSES, NamedClass, make_bands, mel_edges
from oracle.optimal.optimum import OptimalMask, optimal_mask

__all__ = [
    "CLASSES",
    "FramewiseCeiling",
    "NamedClass",
    "OptimalMask",
    "framewise_ceiling",
    "make_bands",
    "mel_edges",
    "optimal_mask",
]
