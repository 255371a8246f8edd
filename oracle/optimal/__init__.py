"""The masks of the highest SDR through the actual inverse STFT, and the proof that they are."""

from oracle.optimal.ceilings import FramewiseCeiling, framewise_ceiling
from oracle.optimal.named import CLASSES, NamedClass, bands_of, mel_edges
from oracle.optimal.optimum import OptimalMask, optimal_mask

__all__ = [
    "CLASSES",
    "FramewiseCeiling",
    "NamedClass",
    "OptimalMask",
    "bands_of",
    "framewise_ceiling",
    "mel_edges",
    "optimal_mask",
]
