"""Multichannel Wiener filter: SiSEC 2018's model, for any channel count.

The STFT coefficients y_j of a source, a vector over the channels, are modelled as complex
Gaussian with covariance p_j(f, t) R_j(f): a power per bin and a spatial covariance per
frequency that does not change with time. Given the true sources,

    R_j = mean over t of y_j y_j^H / (|y_j|^2 / I),  scaled to trace I  (I channels)
    p_j = y_j^H R_j^-1 y_j / I                       (maximum likelihood)

and the estimates are y_j = p_j R_j C^-1 x, where C = sum_k p_k R_k and x is the mixture.
Where R_j has not full rank (a source panned hard, or the same in all channels), R_j^-1 is
the pseudo-inverse and the rank takes the place of I, so that a track whose channels are
all the same is separated as its mono version is.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from oracle.stft import Spectrum

# Frames filtered at a time: bounds the memory of the covariances and keeps them in the cache.
BATCH_FRAMES = 64

# An eigenvalue or a pivot that is smaller, relative to the largest, is rounding: of float32 audio
# in a direction in which it has no energy (about 1e-14), or of the matrices themselves.
RANK_TOLERANCE = 1e-13

Complex = npt.NDArray[np.complex128]
Real = npt.NDArray[np.float64]


def multichannel_wiener_filter(
    sources: Spectrum,
    mixture: Spectrum,
    *,
    regularization: float = 0.0,
    dtype: npt.DTypeLike | None = None,
) -> Spectrum:
    """Filter the mixture with the multichannel Wiener filter of the true sources.

    The best linear filter across the channels under a Gaussian model that knows every
    source's power in every bin and its mean spatial covariance at every frequency.

    Parameters
    ----------
    sources : array of shape (n_sources, n_channels, n_freqs, n_frames), complex
        STFTs of the true sources.
    mixture : array of shape (n_channels, n_freqs, n_frames), complex
        STFT of the mixture.
    regularization : float, optional
        Scales the estimates in each bin by det C / (det C + regularization^I), in units of
        power of the spectra; where C is singular, of rank r, the product of its r pivots
        and regularization^r stand in. 0, the default, makes the filter independent of the
        level; see `sisec18_regularization`.
    dtype : dtype, optional
        Of the estimates, complex64 or complex128; that of the sources by default.

    Returns
    -------
    estimates : array, complex, same shape as sources
        STFTs of the estimated sources; without regularization they sum to the mixture
        wherever C can be inverted.

    Raises
    ------
    TypeError
        If the arguments are not complex arrays of one dtype, or `dtype` is not complex.
    ValueError
        If their shapes do not fit, or the regularization is negative or not finite.

    References
    ----------
    .. [1] N. Q. K. Duong, E. Vincent and R. Gribonval, "Under-determined reverberant audio
           source separation using a full-rank spatial covariance model", IEEE Trans. ASLP
           18(7), 2010.
    .. [2] F.-R. Stöter, A. Liutkus and N. Ito, "The 2018 Signal Separation Evaluation
           Campaign", LVA/ICA 2018.
    """
    _check(sources, mixture, dtype)
    if not 0 <= regularization < np.inf:
        raise ValueError(f"regularization must be finite and not negative, got {regularization}")
    return _filter(sources, mixture, regularization, _scaled_to_trace, 0.0, dtype)


def sisec18_wiener_filter(
    sources: Spectrum, mixture: Spectrum, *, window_sum: float, dtype: npt.DTypeLike | None = None
) -> Spectrum:
    """Filter the mixture as SiSEC 2018's code did, which scaled R_j by a wrong trace.

    The trace was taken over the first frequencies instead of over the channels: column b
    of every R_j(f) is scaled by I / (R_j(f_0)[0, b] + R_j(f_1)[1, b] + ...). The result is
    no covariance. Only to reproduce the published row; use `multichannel_wiener_filter`.

    Parameters
    ----------
    sources, mixture
        As in `multichannel_wiener_filter`.
    window_sum : float
        Sum of the samples of the STFT's window: the code added the machine epsilon to
        powers and determinants of spectra that had been divided by it.
    dtype
        As in `multichannel_wiener_filter`.

    Returns
    -------
    estimates : array, complex, same shape as sources
        STFTs of the estimated sources.

    Raises
    ------
    TypeError, ValueError
        As in `multichannel_wiener_filter`.

    References
    ----------
    .. [1] F.-R. Stöter, A. Liutkus and N. Ito, "The 2018 Signal Separation Evaluation
           Campaign", LVA/ICA 2018; MWF.py of its oracle systems at revision 1590b09.
    """
    _check(sources, mixture, dtype)
    if not 0 < window_sum < np.inf:
        raise ValueError(f"window_sum must be positive and finite, got {window_sum}")
    regularization = sisec18_regularization(len(mixture), window_sum)
    floor = float(np.finfo(np.float64).eps) * window_sum**2
    return _filter(sources, mixture, regularization, _scaled_to_sisec18, floor, dtype)


def sisec18_regularization(n_channels: int, window_sum: float) -> float:
    """Return the regularization that SiSEC 2018's code amounts to.

    It added the machine epsilon to det C, which is a power to the I, on spectra that
    `scipy.signal.stft` had divided by the sum of the window: quiet bins lose energy, and
    quiet tracks most of theirs.

    Parameters
    ----------
    n_channels : int
        Number of channels of the mixture.
    window_sum : float
        Sum of the samples of the STFT's window.

    Returns
    -------
    regularization : float
        For `multichannel_wiener_filter` on spectra of `oracle.STFT`.
    """
    return float(np.finfo(np.float64).eps ** (1 / n_channels) * window_sum**2)


def _scaled_to_trace(covariance: Complex) -> tuple[Complex, Complex]:
    """Scale R of shape (n_freqs, I, I) to trace I; return it and its inverse over its rank."""
    n_channels = covariance.shape[-1]
    trace = np.trace(covariance, axis1=1, axis2=2).real[:, None, None]
    covariance = n_channels * _quotient(covariance, trace)
    return covariance, _inverse_over_rank(covariance)


def _scaled_to_sisec18(covariance: Complex) -> tuple[Complex, Complex]:
    n_channels = covariance.shape[-1]
    scale = n_channels * _quotient(np.ones(n_channels), np.trace(covariance))
    # (R diag(scale))^-1 = diag(1 / scale) R^-1
    inverse = _inverse_over_rank(covariance) * _quotient(np.ones(n_channels), scale)[:, None]
    return covariance * scale, inverse


def _inverse_over_rank(covariance: Complex) -> Complex:
    """Invert Hermitian matrices, as far as their rank goes, and divide by the rank."""
    values, vectors = np.linalg.eigh(covariance)
    kept = values > RANK_TOLERANCE * np.maximum(values[:, -1:], 0)
    inverse_values = np.where(kept, 1, 0) / np.where(kept, values, 1)
    inverse_values /= np.maximum(kept.sum(axis=-1, keepdims=True), 1)
    return np.asarray((vectors * inverse_values[:, None, :]) @ vectors.conj().swapaxes(1, 2))


def _filter(
    sources: Spectrum,
    mixture: Spectrum,
    regularization: float,
    scaled: Callable[[Complex], tuple[Complex, Complex]],
    floor: float,
    dtype: npt.DTypeLike | None,
) -> Spectrum:
    _, n_channels, n_freqs, n_frames = sources.shape
    # Frames first, as they lie in memory; frequencies last, so that matrices per frequency
    # broadcast against planes (frames, freqs).
    sources = sources.swapaxes(-1, -2)
    mixture = mixture.swapaxes(-1, -2)
    batches = [slice(t, t + BATCH_FRAMES) for t in range(0, n_frames, BATCH_FRAMES)]
    models = []
    for source in sources:
        covariance = np.zeros((n_channels, n_channels, n_freqs), np.complex128)
        for batch in batches:
            covariance += _spatial_covariance(source[:, batch], floor)
        spatial, inverse = scaled(covariance.transpose(2, 0, 1))
        models.append((spatial.transpose(1, 2, 0), inverse.transpose(1, 2, 0)))
    estimates = np.empty_like(sources, dtype=dtype)
    for batch in batches:
        powers = [
            _quadratic_form(inverse, source[:, batch])
            for source, (_, inverse) in zip(sources, models, strict=True)
        ]
        total = np.zeros((n_channels, n_channels, *powers[0].shape), np.complex128)
        for power, (spatial, _) in zip(powers, models, strict=True):
            total += power * spatial[:, :, None]
        whitened = _solve(total, mixture[:, batch].astype(np.complex128), regularization)
        for estimate, power, (spatial, _) in zip(estimates, powers, models, strict=True):
            for channel, row in zip(estimate[:, batch], spatial, strict=True):
                channel[:] = power * sum(r * w for r, w in zip(row, whitened, strict=True))
    return estimates.swapaxes(-1, -2)


def _spatial_covariance(source: Spectrum, floor: float) -> Complex:
    """Sum y y^H / (|y|^2 / I + floor) over the frames of (I, n_frames, n_freqs)."""
    source = source.astype(np.complex128)
    power = np.mean(source.real**2 + source.imag**2, axis=0) + floor
    direction = _quotient(source, np.sqrt(power))
    return np.asarray(np.einsum("atf,btf->abf", direction, direction.conj()))


def _quadratic_form(matrix: Complex, source: Spectrum) -> Real:
    """Compute Re(y^H Q y) in every bin, with Q per frequency."""
    source = source.astype(np.complex128)
    form = np.zeros(source.shape[1:])
    for left, row in zip(source.conj(), matrix, strict=True):
        form += (left * sum(q * right for q, right in zip(row, source, strict=True))).real
    return form


def _solve(matrix: Complex, vector: Complex, regularization: float) -> Complex:
    """Solve C u = x in every bin by elimination, and scale u by the regularization.

    `matrix` has shape (I, I, n_frames, n_freqs); it and `vector` (I, ...) are overwritten.
    C is positive semidefinite: no pivoting is needed, and a pivot that is zero up to
    rounding belongs to a direction in which no source has energy, whose u is set to zero.
    """
    n_channels = len(vector)
    floors = [RANK_TOLERANCE * np.abs(matrix[k, k]) for k in range(n_channels)]
    added = np.full(vector.shape[1:], 1 if regularization else 0, np.complex128)
    for k in range(n_channels):
        pivot = matrix[k, k]
        pivot[np.abs(pivot) <= floors[k]] = 0
        # regularization^r over the product of the r pivots, neither of which need fit a float
        with np.errstate(over="ignore", invalid="ignore"):
            added *= np.where(pivot == 0, 1, _quotient(regularization, pivot))
        for i in range(k + 1, n_channels):
            factor = _quotient(matrix[i, k], pivot)
            matrix[i, k + 1 :] -= factor * matrix[k, k + 1 :]
            vector[i] -= factor * vector[k]
    for k in reversed(range(n_channels)):
        for j in range(k + 1, n_channels):
            vector[k] -= matrix[k, j] * vector[j]
        vector[k] = _quotient(vector[k], matrix[k, k])
    finite = np.isfinite(added)
    vector *= finite / (1 + np.where(finite, added, 0))
    return vector


def _quotient(numerator: Any, denominator: Any) -> Any:
    """Divide where the denominator is not zero; 0 elsewhere."""
    nonzero = denominator != 0
    return np.where(nonzero, numerator / np.where(nonzero, denominator, 1), 0)


def _check(sources: Spectrum, mixture: Spectrum, dtype: npt.DTypeLike | None) -> None:
    for argument, array in (("sources", sources), ("mixture", mixture)):
        if not isinstance(array, np.ndarray) or array.dtype not in (np.complex64, np.complex128):
            raise TypeError(
                f"{argument} must be a complex64 or complex128 array, "
                f"got {getattr(array, 'dtype', type(array).__name__)}"
            )
    if mixture.dtype != sources.dtype:
        raise TypeError(
            f"mixture must have the dtype of sources, {sources.dtype}, got {mixture.dtype}"
        )
    if dtype is not None and np.dtype(dtype) not in (np.complex64, np.complex128):
        raise TypeError(f"dtype must be complex64 or complex128, got {np.dtype(dtype)}")
    if sources.ndim != 4 or sources.size == 0:
        raise ValueError(
            "sources must have shape (n_sources, n_channels, n_freqs, n_frames), "
            f"got {sources.shape}"
        )
    if mixture.shape != sources.shape[1:]:
        raise ValueError(
            f"mixture must have the shape of one source, {sources.shape[1:]}, got {mixture.shape}"
        )
