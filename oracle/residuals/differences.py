"""Residuals, their norms, and where they lie."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from oracle.metrics.energy_ratios import Float64s
from oracle.residuals.arrays import check_alike, checked_pair, quotient
from oracle.stft.frames import Spectrum
from oracle.tracks.track import Audio

MAX_MARGIN = 600  # dB, which floats can bear


class Norms(NamedTuple):
    """Means over all but the first dimension: arrays of shape (n_sources,)."""

    l1: Float64s  # of |r|
    l2: Float64s  # of |r|^2


class Contested(NamedTuple):
    """Shares in [0, 1] of what lies in contested bins: arrays of shape (n_sources,)."""

    residual: Float64s  # of the energy of the residual; NaN if it has none
    source: Float64s  # of the energy of the source; NaN if it is silent
    bins: Float64s  # of the bins themselves


def waveform_residuals(references: Audio, estimates: Audio) -> Float64s:
    """Compute the residuals of signals, estimate - reference.

    Parameters
    ----------
    references, estimates : array of shape (..., n_samples)

    Returns
    -------
    residuals : array of the same shape, float64
        In the units of the signals.

    Raises
    ------
    ValueError
        If the shapes differ.

    Examples
    --------
    >>> import numpy as np
    >>> waveform_residuals(np.ones(2), np.array([1.0, 3.0]))
    array([0., 2.])
    """
    check_alike(references, estimates, 1)
    return np.asarray(estimates, np.float64) - references


def magnitude_residuals(references: Spectrum, estimates: Spectrum) -> Float64s:
    """Compute the residuals of magnitudes, abs(estimate) - abs(reference).

    Blind to phase: a mask that takes every magnitude right has none.

    Parameters
    ----------
    references, estimates : array of shape (..., n_freqs, n_frames), complex

    Returns
    -------
    residuals : array of the same shape, float64
        In the units of the spectra: negative where energy is missing.

    Raises
    ------
    ValueError
        If the shapes differ.

    Examples
    --------
    >>> import numpy as np
    >>> magnitude_residuals(np.array([[1j]]), np.array([[-3.0]]))
    array([[2.]])
    """
    references, estimates = checked_pair(references, estimates, 2)
    return np.abs(estimates) - np.abs(references)


def norms(residuals: npt.NDArray[Any]) -> Norms:
    """Compute the L1 and L2 norms, as means: of abs(r), and of abs(r)^2.

    Of waveform residuals they are the norms in time, L1 and mean squared error; of
    magnitude residuals (or of a difference of spectra) those in frequency. The squares of
    the magnitude residuals give the norms of the waltz report, which calls the L2 norm "MSE":
    there it is the mean of the fourth power.

    Parameters
    ----------
    residuals : array of shape (n_sources, ...)
        Real or complex.

    Returns
    -------
    norms : Norms
        `l1` in the units of the residuals, `l2` in their square; float64.

    Raises
    ------
    ValueError
        If there is nothing to take the mean of.

    Examples
    --------
    >>> import numpy as np
    >>> norms(np.array([[1.0, -3.0]]))
    Norms(l1=array([2.]), l2=array([5.]))
    """
    residuals = np.asarray(residuals)
    if residuals.ndim < 2 or residuals.size == 0:
        raise ValueError(
            f"residuals must have shape (n_sources, ...) and not be empty, got {residuals.shape}"
        )
    magnitudes = np.abs(residuals.astype(np.result_type(residuals, np.float64)))
    magnitudes = magnitudes.reshape(len(residuals), -1)
    return Norms(np.asarray(magnitudes.mean(axis=1)), np.asarray((magnitudes**2).mean(axis=1)))


def contested_share(sources: Spectrum, residuals: Spectrum, *, margin: float = 10.0) -> Contested:
    """Tell how much of each residual lies in bins that other sources contest.

    A bin of a source is contested if the other sources together are louder in it than the
    source, or at most `margin` dB weaker. Where the residual's share is larger than the source's,
    errors gather where sources overlap.

    Parameters
    ----------
    sources : array of shape (n_sources, ..., n_freqs, n_frames), complex
        All true sources.
    residuals : array of the same shape, complex
        STFTs of their waveform residuals.
    margin : float, optional
        In dB. Where the others are 10 dB weaker, IRM2 is 0.91.

    Returns
    -------
    shares : Contested
        Of the residual's energy, of the source's energy, and of the bins.

    Raises
    ------
    ValueError
        If the shapes differ, or the margin exceeds 600 dB.

    Examples
    --------
    >>> import numpy as np
    >>> sources = np.array([[[3.0, 1.0]], [[0.0, 1.0]]])
    >>> contested_share(sources, np.array([[[1.0, 1.0]], [[0.0, 2.0]]])).residual
    array([0.5, 1. ])
    """
    sources, residuals = checked_pair(sources, residuals, 3, ("sources", "residuals"))
    if not abs(margin) <= MAX_MARGIN:
        raise ValueError(f"margin must lie between -{MAX_MARGIN} and {MAX_MARGIN} dB, got {margin}")
    powers = np.square(np.abs(sources))
    # Not total - power: rounding would lose what is quiet beside a loud source.
    others = np.stack(
        [np.delete(powers, place, axis=0).sum(axis=0) for place in range(len(powers))]
    )
    contested = (others > 0) & (others >= powers * 10 ** (-margin / 10))
    each = tuple(range(1, powers.ndim))

    def share(energies: Float64s) -> Float64s:
        return quotient((energies * contested).sum(axis=each), energies.sum(axis=each))

    return Contested(share(np.square(np.abs(residuals))), share(powers), contested.mean(axis=each))
