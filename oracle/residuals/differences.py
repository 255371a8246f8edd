"""Residuals, their norms, and their share in contested bins."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from oracle.machine.libraries import check_numpy
from oracle.metrics.energy_ratios import Float64s
from oracle.residuals.arrays import check_alike, checked_pair, quotient
from oracle.stft.frames import Spectrum
from oracle.tracks.track import Audio

MAX_MARGIN = 600  # dB, well within the range of floats


class Norms(NamedTuple):
    """Means over all but the first dimension: arrays of shape (n_sources,)."""

    l1: Float64s  # mean of |r|
    l2: Float64s  # mean of |r|^2


class Contested(NamedTuple):
    """Shares, in [0, 1], that lie in contested bins: arrays of shape (n_sources,)."""

    residual: Float64s  # share of the residual's energy; NaN if it has none
    source: Float64s  # share of the source's energy; NaN if it is silent
    bins: Float64s  # share of the bins themselves


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

    They ignore phase: a mask that gets every magnitude right leaves none.

    Parameters
    ----------
    references, estimates : array of shape (..., n_freqs, n_frames), complex

    Returns
    -------
    residuals : array of the same shape, float64
        In the units of the spectra; negative where energy is missing.

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
    """Compute the L1 and L2 norms as means: of abs(r) and of abs(r)^2.

    For waveform residuals these are the norms in time: mean absolute and mean squared error.
    For magnitude residuals (or differences of spectra) they are the norms in frequency. The
    waltz report uses the squares of the magnitude residuals, so what it calls "MSE", their L2
    norm, is a mean of fourth powers.

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
        If the residuals are empty or have fewer than two dimensions.

    Examples
    --------
    >>> import numpy as np
    >>> norms(np.array([[1.0, -3.0]]))
    Norms(l1=array([2.]), l2=array([5.]))
    """
    check_numpy("residuals", residuals)
    residuals = np.asarray(residuals)
    if residuals.ndim < 2 or residuals.size == 0:
        raise ValueError(
            f"residuals must have shape (n_sources, ...) and not be empty, got {residuals.shape}"
        )
    magnitudes = np.abs(residuals.astype(np.result_type(residuals, np.float64)))
    magnitudes = magnitudes.reshape(len(residuals), -1)
    return Norms(np.asarray(magnitudes.mean(axis=1)), np.asarray((magnitudes**2).mean(axis=1)))


def contested_share(sources: Spectrum, residuals: Spectrum, *, margin: float = 10.0) -> Contested:
    """Compute how much of each residual lies in bins that other sources contest.

    A bin of a source is contested if the other sources together are louder there than the
    source, or at most `margin` dB weaker. If the residual's share is larger than the source's,
    errors concentrate where sources overlap.

    Parameters
    ----------
    sources : array of shape (n_sources, ..., n_freqs, n_frames), complex
        All true sources.
    residuals : array of the same shape, complex
        STFTs of their waveform residuals.
    margin : float, optional
        In dB. At the default of 10 dB, the IRM2 of the source is 0.91 at the margin.

    Returns
    -------
    shares : Contested
        Shares of the residual's energy, of the source's energy, and of the bins.

    Raises
    ------
    ValueError
        If the shapes differ, or the margin is not between -600 and 600 dB.

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
    # Not total - power: rounding would lose quiet sources beside a loud one.
    others = np.stack(
        [np.delete(powers, place, axis=0).sum(axis=0) for place in range(len(powers))]
    )
    contested = (others > 0) & (others >= powers * 10 ** (-margin / 10))
    each = tuple(range(1, powers.ndim))

    def share(energies: Float64s) -> Float64s:
        return quotient((energies * contested).sum(axis=each), energies.sum(axis=each))

    return Contested(share(np.square(np.abs(residuals))), share(powers), contested.mean(axis=each))
