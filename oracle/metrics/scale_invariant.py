"""The scale-invariant family of Le Roux et al.: SI-SDR and its relatives."""

from typing import NamedTuple

import numpy as np

from oracle.metrics.energy_ratios import (
    Float64s,
    Signals,
    check_pair,
    decibels,
    energies,
    float64_blocks,
)


class ScaleInvariantRatios(NamedTuple):
    """Six ratios in dB, each an array of shape (n_sources,), float64."""

    si_sdr: Float64s
    si_sir: Float64s
    si_sar: Float64s
    sd_sdr: Float64s
    snr: Float64s
    srr: Float64s


def scale_invariant_ratios(references: Signals, estimates: Signals) -> ScaleInvariantRatios:
    """Compute SI-SDR, SI-SIR, SI-SAR, SD-SDR, SNR and SRR of whole signals.

    With alpha = <e, s> / |s|^2, the gain at which the reference s is nearest to the
    estimate e, and the residual e - alpha s split into its projection on all references
    (interference) and the rest (artifacts):

        SI-SDR = 10 log10(|alpha s|^2 / |e - alpha s|^2)
        SI-SIR = 10 log10(|alpha s|^2 / |interference|^2)
        SI-SAR = 10 log10(|alpha s|^2 / |artifacts|^2)
        SNR    = 10 log10(|s|^2 / |e - s|^2), which is uSDR
        SD-SDR = SNR + 10 log10(alpha^2)
        SRR    = -10 log10((1 - 1 / alpha)^2)

    No mean is removed. The channels of a signal are taken together, as one long vector
    with one gain.

    Parameters
    ----------
    references : array of shape (n_sources, n_channels, n_samples)
        The true sources, *all* that may interfere; a list of arrays (n_channels,
        n_samples) will do.
    estimates : array of shape (n_sources, n_channels, n_samples)
        The estimated sources, in the same order.

    Returns
    -------
    ratios : ScaleInvariantRatios
        Of each source; NaN where the reference is silent, +inf where nothing of an error
        is left.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    References
    ----------
    .. [1] J. Le Roux, S. Wisdom, H. Erdogan and J. R. Hershey, "SDR - half-baked or well
           done?", ICASSP 2019.

    Examples
    --------
    >>> import numpy as np
    >>> references = np.eye(2)[:, None]
    >>> estimates = np.array([[[1.0, 0.1]], [[0.0, 0.5]]])
    >>> ratios = scale_invariant_ratios(references, estimates)
    >>> ratios.si_sdr, ratios.snr.round(3)
    (array([20., inf]), array([20.   ,  6.021]))
    """
    check_pair(references, estimates)
    n_sources = len(references)
    gram, cross = np.zeros((2, n_sources, n_sources))
    signal, dots, error, residual, interference, artifacts = np.zeros((6, n_sources))
    for truths, guesses in float64_blocks(references, estimates):
        gram += truths @ truths.T
        # Not the diagonal of the Gram, which is rounded otherwise: a perfect estimate has
        # alpha 1 exactly.
        signal += energies(truths)
        dots += np.einsum("ij,ij->i", truths, guesses)
        error += energies(guesses - truths)
    silent = signal == 0
    norms = np.where(silent, 1, np.sqrt(signal))
    alpha = dots / np.where(silent, 1, signal)

    # In a second pass, as the difference of two energies would lose a small residual.
    for truths, guesses in float64_blocks(references, estimates):
        cross += truths @ (guesses - alpha[:, None] * truths).T
    # Least squares, not a solve: silent or identical references make the Gram singular.
    normal = gram / np.outer(norms, norms)
    weights = np.linalg.lstsq(normal, cross / norms[:, None], rcond=None)[0].T / norms
    for truths, guesses in float64_blocks(references, estimates):
        rest = guesses - alpha[:, None] * truths
        projected = weights @ truths
        residual += energies(rest)
        interference += energies(projected)
        artifacts += energies(rest - projected)

    target = alpha**2 * signal
    snr = decibels(signal, error)
    ratios = (
        decibels(target, residual),
        decibels(target, interference),
        decibels(target, artifacts),
        snr + decibels(alpha**2, 1),
        snr,
        decibels(alpha**2, (alpha - 1) ** 2),
    )
    return ScaleInvariantRatios(*(np.where(silent, np.nan, ratio) for ratio in ratios))
