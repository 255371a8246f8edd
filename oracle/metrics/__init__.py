"""Metrics: framewise and global energy ratios, and the scale-invariant family.

References come first, estimates second. Arrays have shape (n_sources, n_channels,
n_samples); ratios are in dB, computed from energies over all channels summed in float64.
A silent reference gives NaN, a perfect estimate +inf.
"""

from oracle.metrics.energy_ratios import framewise_sdr, usdr, window_starts
from oracle.metrics.scale_invariant import ScaleInvariantRatios, scale_invariant_ratios

__all__ = [
    "ScaleInvariantRatios",
    "framewise_sdr",
    "scale_invariant_ratios",
    "usdr",
    "window_starts",
]
