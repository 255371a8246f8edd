"""SDR-v3: the SDR of BSS Eval v3, of whole signals, as tables of WSJ0-2mix have it."""

import numpy as np

from oracle.metrics.bss_v3 import bss_eval_sources
from oracle.metrics.energy_ratios import Float64s, is_silent
from oracle.tracks.track import Audio


def compute_sdr_v3(references: Audio, estimates: Audio) -> Float64s:
    """Compute the SDR of BSS Eval v3, sources version, for the order that is given.

    Follows ``mir_eval.separation.bss_eval_sources(..., compute_permutation=False)``.

    Parameters
    ----------
    references, estimates : array of shape (n_sources, n_channels, n_samples)

    Returns
    -------
    sdr : array of shape (n_sources,), float64
        In dB; NaN for all sources if one of them, or an estimate, is silent.
    """
    if any(is_silent(signal) for signal in (*references, *estimates)):
        return np.full(len(references), np.nan)
    return bss_eval_sources(references, estimates, compute_permutation=False).sdr
