"""Metrics: framewise and global energy ratios, the scale-invariant family, BSS Eval.

References come first, estimates second. `sdr` and `si_sdr` take arrays of any library, of shape
(..., n_samples), and are differentiable. The others take numpy arrays of shape (n_sources,
n_channels, n_samples), or (n_sources, n_samples) if mono. Ratios are in dB, computed from energies
over all channels summed in float64. A perfect estimate gives +inf. A silent reference gives NaN;
the bss_eval functions refuse it, as museval does.
"""

from oracle.metrics.bss_eval import IllConditionedWarning, ImagesRatios, SourcesRatios
from oracle.metrics.bss_v3 import (
    bss_eval_images,
    bss_eval_images_framewise,
    bss_eval_sources,
    bss_eval_sources_framewise,
)
from oracle.metrics.bss_v4 import bss_eval_v4, bss_eval_v4_regularized
from oracle.metrics.decomposition import BSSEval
from oracle.metrics.energy_ratios import framewise_sdr, usdr
from oracle.metrics.losses import sdr, si_sdr
from oracle.metrics.metric import Metric
from oracle.metrics.needs import Needs
from oracle.metrics.scale_invariant import ScaleInvariantRatios, scale_invariant_ratios
from oracle.metrics.windows import window_starts

__all__ = [
    "BSSEval",
    "IllConditionedWarning",
    "ImagesRatios",
    "Metric",
    "Needs",
    "ScaleInvariantRatios",
    "SourcesRatios",
    "bss_eval_images",
    "bss_eval_images_framewise",
    "bss_eval_sources",
    "bss_eval_sources_framewise",
    "bss_eval_v4",
    "bss_eval_v4_regularized",
    "framewise_sdr",
    "scale_invariant_ratios",
    "sdr",
    "si_sdr",
    "usdr",
    "window_starts",
]
