"""The masks of the highest SDR through the actual inverse STFT, and the proof that they are."""

from oracle.optimal.ceilings import FramewiseCeiling, framewise_ceiling
from oracle.optimal.optimum import OptimalMask, optimal_mask

__all__ = ["FramewiseCeiling", "OptimalMask", "framewise_ceiling", "optimal_mask"]
