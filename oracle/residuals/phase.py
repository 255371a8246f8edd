"""Phase errors, and their share of the total error."""

import numpy as np

from oracle.machine.libraries import check_numpy
from oracle.metrics.energy_ratios import Float64s
from oracle.residuals.arrays import checked_pair, quotient
from oracle.stft.frames import Spectrum

# An angle this close to -pi or pi, in radians, counts as pi: differences of angles are no more
# accurate.
CUT = 4 * np.pi * np.finfo(np.float64).eps


def phase_error(references: Spectrum, estimates: Spectrum) -> Float64s:
    """Compute the phase of the estimate minus that of the reference, in (-pi, pi].

    Parameters
    ----------
    references, estimates : array of shape (..., n_freqs, n_frames), complex

    Returns
    -------
    error : array of the same shape, float64
        In radians; NaN where either is zero, hence without phase.

    Raises
    ------
    ValueError
        If the shapes differ.

    Examples
    --------
    >>> import numpy as np
    >>> phase_error(np.array([[1j, 1.0, -1.0]]), np.array([[-1j, 2j, 0.0]])) / np.pi
    array([[1. , 0.5, nan]])
    """
    references, estimates = checked_pair(references, estimates, 2)
    error = np.asarray(np.angle(estimates) - np.angle(references), np.float64)
    error -= 2 * np.pi * np.ceil((error - np.pi) / (2 * np.pi))
    # Rounding may land on either side of the cut, though both are the same angle.
    error[np.abs(error) > np.pi - CUT] = np.pi
    error[(references == 0) | (estimates == 0)] = np.nan
    return error


def with_phase_of(mixture: Spectrum, sources: Spectrum) -> Spectrum:
    """Combine the sources' magnitudes with the mixture's phase: abs(S_j) X / abs(X).

    This is the estimate of a mask that gets every magnitude right. The residual of its inverse
    STFT is due to phase alone.

    Parameters
    ----------
    mixture : array of shape (..., n_freqs, n_frames), complex
    sources : array of shape (n_sources, ..., n_freqs, n_frames), complex

    Returns
    -------
    estimates : array of the sources' shape, complex128
        Where the mixture is zero, its phase is taken as 0.

    Raises
    ------
    ValueError
        If the shapes do not match.

    Examples
    --------
    >>> import numpy as np
    >>> with_phase_of(np.array([[2j]]), np.array([[[-3.0]]]))
    array([[[0.+3.j]]])
    """
    check_numpy("mixture", mixture)
    check_numpy("sources", sources)
    mixture, sources = np.asarray(mixture), np.asarray(sources)
    if mixture.ndim < 2 or sources.shape[1:] != mixture.shape:
        raise ValueError(
            "sources must have shape (n_sources, ..., n_freqs, n_frames) and mixture the same "
            f"without n_sources, got {sources.shape} and {mixture.shape}"
        )
    magnitudes = np.abs(sources.astype(np.complex128))
    levels = np.abs(mixture.astype(np.complex128))
    directions = np.ones(mixture.shape, np.complex128)
    np.divide(mixture, levels, out=directions, where=levels > 0)
    return magnitudes * directions


def phase_share(references: Spectrum, estimates: Spectrum) -> Float64s:
    """Compute the share of the squared error that is due to phase, in [0, 1].

    In every bin, the squared error is exactly the sum of a part due to the magnitudes and a
    part due to the phase error p (law of cosines):

        |E - S|^2 = (|E| - |S|)^2 + 2 |E| |S| (1 - cos p)

    Parameters
    ----------
    references, estimates : array of shape (n_sources, ..., n_freqs, n_frames), complex

    Returns
    -------
    share : array of shape (n_sources,), float64
        The sum of the phase parts of all bins over the squared error; NaN if there is no error.

    Raises
    ------
    ValueError
        If the shapes differ.

    Examples
    --------
    >>> import numpy as np
    >>> phase_share(np.ones((2, 1, 1)), np.array([2.0, 1j])[:, None, None])
    array([0., 1.])
    """
    references, estimates = checked_pair(references, estimates, 3)
    each = tuple(range(1, references.ndim))
    error = np.square(np.abs(estimates - references)).sum(axis=each)
    magnitude = np.square(np.abs(estimates) - np.abs(references)).sum(axis=each)
    return quotient(np.maximum(error - magnitude, 0), error)
