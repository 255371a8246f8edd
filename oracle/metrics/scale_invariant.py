"""The scale-invariant family of Le Roux et al.: SI-SDR and its relatives."""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from oracle.machine.threads import in_threads, one_blas_thread
from oracle.metrics.energy_ratios import (
    LEAST_ENERGY,
    Float64s,
    Signals,
    arrange_pair,
    check_finite,
    check_pair,
    decibels,
)
from oracle.metrics.windows import cut_into_pieces

# An energy smaller than this, relative to what it was subtracted from, may be rounding.
ROUNDING = 1e-12


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

    The mean is not removed. All channels of a signal form one long vector with one gain.

    Parameters
    ----------
    references : array of shape (n_sources, n_channels, n_samples)
        The true sources, *all* that may interfere. A list of arrays of shape (n_channels,
        n_samples) is accepted, and so are mono sources of shape (n_sources, n_samples).
    estimates : array, same shape
        The estimated sources, in the same order.

    Returns
    -------
    ratios : ScaleInvariantRatios
        Ratios of each source. NaN if the reference is silent (energy below 1e-270); the first
        three also if the estimate is. +inf if the denominator is zero; in the first three also
        if it is below 1e-12 of the weaker of error and estimate, which is rounding.

    Raises
    ------
    TypeError
        If the signals are no numpy arrays.
    ValueError
        If shapes do not match, or a signal is not finite.

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
    references, estimates = arrange_pair(references, estimates)
    pieces = cut_into_pieces(check_pair(references, estimates))
    work = partial(compute_inner_products, references, estimates)
    return compute_ratios(list(in_threads(work, pieces)))


class InnerProducts(NamedTuple):
    """Inner products of a piece of references s_j, estimates e_k and errors e_k - s_k.

    Summed over samples and channels; of shape (n_sources, n_sources), by j and k, or
    (n_sources,), by k.
    """

    references: Float64s  # <s_j, s_k>
    with_estimates: Float64s  # <s_j, e_k>
    with_errors: Float64s  # <s_j, e_k - s_k>
    estimates: Float64s  # |e_k|^2
    errors: Float64s  # |e_k - s_k|^2


def compute_inner_products(
    references: Signals, estimates: Signals, piece: slice = slice(None)
) -> InnerProducts:
    """Compute the inner products of a piece, from which all ratios follow."""
    truths, guesses = (
        np.stack([signal[:, piece].ravel() for signal in signals], dtype=np.float64)
        for signals in (references, estimates)
    )
    with np.errstate(invalid="ignore"):  # values that are not finite raise later
        errors = guesses - truths
    # Not matrix products: this runs in threads, and BLAS starts its own.
    return InnerProducts(
        np.einsum("jt,kt->jk", truths, truths),
        np.einsum("jt,kt->jk", truths, guesses),
        np.einsum("jt,kt->jk", truths, errors),
        np.einsum("kt,kt->k", guesses, guesses),
        np.einsum("kt,kt->k", errors, errors),
    )


@one_blas_thread()
def compute_ratios(found: Sequence[InnerProducts]) -> ScaleInvariantRatios:
    """Compute the ratios of signals from the inner products of their pieces."""
    gram, with_estimates, with_errors, estimate, error = (
        np.sum(products, axis=0) for products in zip(*found, strict=True)
    )
    signal = gram.diagonal()
    check_finite(signal, error)
    silent = signal < LEAST_ENERGY
    norms = np.sqrt(np.where(silent, 1, signal))
    alpha = with_estimates.diagonal() / norms**2
    excess = with_errors.diagonal() / norms**2  # alpha - 1, exactly 0 for a perfect estimate
    # Estimate and error have the same residual. Taken from the weaker of the two, it loses the
    # fewest digits in the difference of energies.
    near = error < estimate
    energy = np.where(near, error, estimate)
    gain = np.where(near, excess, alpha)
    residual = energy - gain**2 * signal
    # Least squares, not a solve: silent or identical references make the Gram matrix singular.
    right = (np.where(near, with_errors, with_estimates) - gain * gram) / norms[:, None]
    weights = np.linalg.lstsq(gram / np.outer(norms, norms), right, rcond=None)[0]
    interference = np.einsum("jk,jk->k", weights, right)

    def drop_rounding(leftover: Float64s) -> Float64s:
        return np.where(leftover > ROUNDING * energy, leftover, 0)

    target = np.where(estimate < LEAST_ENERGY, np.nan, alpha**2 * signal)
    snr = decibels(np.where(silent, np.nan, signal), error)
    ratios = (
        decibels(target, drop_rounding(residual)),
        decibels(target, drop_rounding(interference)),
        decibels(target, drop_rounding(residual - interference)),
        snr + decibels(alpha**2, 1),
        snr,
        decibels(alpha**2, excess**2),
    )
    return ScaleInvariantRatios(*(np.where(silent, np.nan, ratio) for ratio in ratios))
