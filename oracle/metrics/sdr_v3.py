"""SDR-v3: the SDR of BSS Eval v3, of whole signals, as tables of WSJ0-2mix have it."""

from oracle.metrics.bss_v3 import bss_eval_sources_framewise
from oracle.metrics.energy_ratios import Float64s
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
        In dB; NaN for all sources if one or its estimate is silent.
    """
    whole = references.shape[-1]
    return bss_eval_sources_framewise(references, estimates, window=whole, hop=whole).sdr[:, 0]
