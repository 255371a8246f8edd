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

The estimates of a bin do not depend on a common scale of its y_j, nor R_j on that of a frame:
powers of two bring both near 1, or the powers of very quiet or loud audio would leave the range
of floats.
"""

import functools
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from oracle.frames import BLOCK_FRAMES_OF_MANY, Spectrum, split
from oracle.machine.levels import LARGEST_EXPONENT, exponents
from oracle.machine.threads import one_blas_thread

# An eigenvalue or a pivot that is smaller, relative to the largest, is rounding: of float32 audio
# in a direction in which it has no energy (about 1e-14), or of the matrices themselves.
RANK_TOLERANCE = 1e-13

# What is smaller, relative to what is near 1, is 0: the reciprocal might not be a float.
SMALLEST = 1e-290

# Between these, powers and their quotients are far inside the range of floats.
QUIET, LOUD = 1e-30, 1e30

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
    model = SpatialModel.of(covariance_sums(sources))
    return model.filter(sources, mixture, regularization=regularization, dtype=dtype)


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
    model = SpatialModel.of_sisec18(covariance_sums(sources, floor=sisec18_floor(window_sum)))
    return model.filter(sources, mixture, regularization=regularization, dtype=dtype)


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


def sisec18_floor(window_sum: float) -> float:
    """Return what SiSEC 2018's code added to the powers that it divided by."""
    return float(np.finfo(np.float64).eps) * window_sum**2


def covariance_sums(sources: Spectrum, *, floor: float = 0.0) -> Complex:
    """Sum y y^H / (|y|^2 / I + floor) over frames: the spatial covariances, not yet scaled.

    Parameters
    ----------
    sources : array of shape (n_sources, n_channels, n_freqs, n_frames), complex
    floor : float, optional
        In units of power of the spectra.

    Returns
    -------
    sums : array of shape (n_sources, n_channels, n_channels, n_freqs), complex128
        Those of some frames and of others add up.
    """
    n_sources, n_channels, n_freqs, n_frames = sources.shape
    sums = np.zeros((n_sources, n_channels**2, n_freqs))
    for block in split(slice(0, n_frames), BLOCK_FRAMES_OF_MANY):
        for total, source in zip(sums, _planes(sources, block), strict=True):
            (products,), level = _products_near_one(source[None])
            gain = np.ldexp(1.0, -level)
            with np.errstate(over="ignore"):  # a floor far above the source
                power = products[:n_channels].mean(axis=0) + floor * gain * gain
            total += np.einsum("ktf,tf->kf", products, _quotient(1.0, power))
    # From the real numbers of a Hermitian matrix to the matrix.
    matrices = np.zeros((n_sources, n_channels, n_channels, n_freqs), np.complex128)
    for k, (a, b, part) in enumerate(_entries(n_channels)):
        matrices[:, a, b] += part * sums[:, k]
        matrices[:, b, a] = matrices[:, a, b].conj()
    return matrices


@dataclass(frozen=True)
class SpatialModel:
    """The spatial covariances R_j of the sources of a track, and what p_j follows from.

    Attributes
    ----------
    spatial : array of shape (n_sources, n_channels, n_channels, n_freqs), complex128
        R_j, scaled.
    inverse : array of the same shape
        R_j^-1 over the rank of R_j.
    """

    spatial: Complex
    inverse: Complex

    @classmethod
    def of(cls, sums: Complex) -> "SpatialModel":
        """Scale `covariance_sums` to trace I."""
        n_channels = sums.shape[1]
        trace = np.einsum("jaaf->jf", sums).real[:, None, None]
        spatial = n_channels * _quotient(sums, trace)
        return cls(spatial, _inverse_over_rank(spatial))

    @classmethod
    def of_sisec18(cls, sums: Complex) -> "SpatialModel":
        """Scale `covariance_sums` as `sisec18_wiener_filter` explains."""
        n_channels, n_freqs = sums.shape[2:]
        steps = np.arange(min(n_channels, n_freqs))
        # For each source and column b, the sum of R_j(f_k)[k, b] over k. A common scale of the
        # columns does not matter, nor one of R_j at a frequency: p_j undoes both.
        trace, _ = _near_one(sums[:, steps, :, steps].sum(axis=0), axis=1)
        sums, _ = _near_one(sums, axis=(1, 2))
        scale = n_channels * _quotient(np.ones(n_channels), trace)
        # (R diag(scale))^-1 = diag(1 / scale) R^-1
        reciprocal = _quotient(np.ones(n_channels), scale)
        return cls(
            sums * scale[:, None, :, None],
            _inverse_over_rank(sums) * reciprocal[:, :, None, None],
        )

    def filter(
        self,
        sources: Spectrum,
        mixture: Spectrum,
        *,
        regularization: float = 0.0,
        dtype: npt.DTypeLike | None = None,
    ) -> Spectrum:
        """Filter any frames of the mixture; see `multichannel_wiener_filter`."""
        estimates = np.empty_like(sources, dtype=dtype)
        largest = np.finfo(estimates.dtype).max
        for block in split(slice(0, sources.shape[-1]), BLOCK_FRAMES_OF_MANY):
            products, level = _products_near_one(_planes(sources, block))
            powers = [
                _quadratic_form(inverse, product)
                for inverse, product in zip(self.inverse, products, strict=True)
            ]
            # As numbers per frequency broadcast against planes (frames, freqs).
            spatials = self.spatial[..., None, :]
            total = _sum_of_products(powers, spatials)
            whitened = _planes(mixture, block).astype(np.complex128, order="C")
            _solve(total, whitened, regularization, 2 * level)
            for estimate, power, spatial in zip(
                _planes(estimates, block), powers, spatials, strict=True
            ):
                for channel, row in zip(estimate, spatial, strict=True):
                    filtered = _sum_of_products(row, whitened)
                    filtered *= power
                    if estimates.dtype != filtered.dtype:
                        parts = filtered.view(np.float64)
                        np.clip(parts, -largest, largest, out=parts)
                    channel[:] = filtered
        return estimates


def _planes(spectra: Spectrum, block: slice) -> Spectrum:
    """Take some frames, as they lie in memory: (..., frames, freqs)."""
    return spectra[..., block].swapaxes(-1, -2)


def _entries(n_channels: int) -> list[tuple[int, int, complex]]:
    """Tell which real numbers make a Hermitian matrix: row, column and 1 or i of each."""
    diagonal = [(a, a, 1) for a in range(n_channels)]
    pairs = itertools.combinations(range(n_channels), 2)
    return diagonal + [(a, b, part) for a, b in pairs for part in (1, 1j)]


def _products_near_one(sources: Spectrum) -> tuple[list[Real], npt.NDArray[np.int_]]:
    """Compute `_products` of each source at the level of each bin, and tell this level."""
    with np.errstate(over="ignore", under="ignore"):
        products = [_products(source, np.ones(())) for source in sources]
        power = sum(product[: sources.shape[1]].sum(axis=0) for product in products)
    # Nearly always, no bin needs a level, as its power tells.
    if np.min(power) > QUIET**2 and np.max(power) < LOUD**2:
        return products, np.zeros((), np.int_)
    level = _level(sources)
    gain = np.ldexp(1.0, -level)
    return [_products(source, gain) for source in sources], level


def _level(spectra: Spectrum) -> npt.NDArray[np.int_]:
    """Find the level of each bin, by its largest part over all axes but the last two.

    Nearly always, none needs one: a single 0 is faster.
    """
    sizes = np.maximum(np.abs(spectra.real), np.abs(spectra.imag))
    sizes = sizes.max(axis=tuple(range(spectra.ndim - 2)))
    if ((sizes == 0) | ((sizes > QUIET) & (sizes < LOUD))).all():
        return np.zeros((), np.int_)
    return exponents(sizes)


def _near_one(
    numbers: npt.NDArray[Any], *, axis: int | tuple[int, ...] = ()
) -> tuple[npt.NDArray[Any], npt.NDArray[np.int_]]:
    """Split numbers into powers of two, by the largest along some axes, and what is near 1."""
    sizes = np.maximum(np.abs(numbers.real), np.abs(numbers.imag))
    level = exponents(sizes.max(axis=axis, keepdims=True))
    return numbers * np.ldexp(1.0, -level), level


def _products(source: Spectrum, gain: Real) -> Real:
    """Compute the matrices y y^H in all bins, at a gain, as the real numbers of `_entries`."""
    n_channels = len(source)
    real, imaginary = source.real * gain, source.imag * gain
    products = np.empty((n_channels**2, *source.shape[1:]))
    for plane, (a, b, part) in zip(products, _entries(n_channels), strict=True):
        if part == 1:
            np.multiply(real[a], real[b], out=plane)
            plane += imaginary[a] * imaginary[b]
        else:
            np.multiply(imaginary[a], real[b], out=plane)
            plane -= real[a] * imaginary[b]
    return products


def _quadratic_form(matrix: Complex, products: Real) -> Real:
    """Compute Re(y^H Q y) = Re trace(Q y y^H) from `_products`, with Q per frequency."""
    numbers = [
        matrix[a, b].real if a == b else ((matrix[a, b] + matrix[b, a].conj()) / part).real
        for a, b, part in _entries(len(matrix))
    ]
    return np.asarray(np.einsum("kf,ktf->tf", np.stack(numbers), products))


def _sum_of_products(
    factors: Sequence[Real] | Complex, others: Sequence[Real] | Complex
) -> npt.NDArray[Any]:
    """Sum the products of arrays, which are broadcast, pair by pair."""
    total = np.asarray(factors[0] * others[0])
    product = np.empty_like(total)
    for factor, other in zip(factors[1:], others[1:], strict=True):
        total += np.multiply(factor, other, out=product)
    return total


@one_blas_thread()
def _inverse_over_rank(covariance: Complex) -> Complex:
    """Invert Hermitian matrices, as far as their rank goes, and divide by the rank.

    The matrices lie on axes 1 and 2, before the frequencies.
    """
    values, vectors = np.linalg.eigh(np.moveaxis(covariance, -1, 1))
    kept = values > RANK_TOLERANCE * np.maximum(values[..., -1:], 0)
    inverse_values = np.where(kept, 1, 0) / np.where(kept, values, 1)
    inverse_values /= np.maximum(kept.sum(axis=-1, keepdims=True), 1)
    inverse = (vectors * inverse_values[..., None, :]) @ vectors.conj().swapaxes(-1, -2)
    return np.moveaxis(inverse, 1, -1)


def _solve(
    matrix: Complex, vector: Complex, regularization: float, level: npt.NDArray[np.int_]
) -> None:
    """Solve C u = x in every bin by elimination, and scale u by the regularization.

    `matrix` has shape (I, I, n_frames, n_freqs), and is C 2^-level; it and `vector` (I, ...)
    are overwritten. C is positive semidefinite: no pivoting is needed, and a pivot that is
    zero up to rounding belongs to a direction in which no source has energy, whose u is set
    to zero.
    """
    n_channels = len(vector)
    sizes = np.abs([matrix[k, k] for k in range(n_channels)])
    floors = np.maximum(RANK_TOLERANCE * sizes, SMALLEST)
    reciprocals, zeros = [], []
    for k in range(n_channels):
        pivot, size = matrix[k, k], np.abs(matrix[k, k])
        zero = size <= floors[k]
        # As real numbers: numpy's complex division is slow, and squares may leave the range.
        inverse = 1 / np.where(zero, np.inf, size)
        reciprocals.append(pivot.conj() * inverse * inverse)
        zeros.append(zero)
        for i in range(k + 1, n_channels):
            factor = matrix[i, k] * reciprocals[k]
            matrix[i, k + 1 :] -= factor * matrix[k, k + 1 :]
            vector[i] -= factor * vector[k]
    for k in reversed(range(n_channels)):
        for j in range(k + 1, n_channels):
            vector[k] -= matrix[k, j] * vector[j]
        vector[k] *= reciprocals[k]
    if regularization:
        # regularization^r over the product of r pivots
        factors = [
            np.where(zero, 1, factor)
            for zero, reciprocal in zip(zeros, reciprocals, strict=True)
            for factor in (reciprocal, regularization)
        ]
        rank = n_channels - sum(zeros)
        vector *= _quotient(1.0, 1 + _product(factors, -level * rank))


def _product(factors: Sequence[Complex], exponent: npt.NDArray[np.int_]) -> Complex:
    """Multiply numbers, and 2^exponent, that need not fit a float on the way.

    What is too large in the end is large.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        product = functools.reduce(np.multiply, factors)
    if not exponent.any() and np.isfinite(product).all():
        return np.asarray(product)
    numbers = np.ones_like(product)
    for factor in factors:
        near_one, theirs = _near_one(factor)
        numbers, ours = _near_one(numbers * near_one)
        exponent = exponent + theirs + ours
    within = np.clip(exponent, -LARGEST_EXPONENT, LARGEST_EXPONENT)
    return numbers * np.ldexp(1.0, within)


def _quotient(numerator: Any, denominator: Any) -> Any:
    """Divide where the denominator is not zero; 0 elsewhere."""
    nonzero = np.abs(denominator) > SMALLEST
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
