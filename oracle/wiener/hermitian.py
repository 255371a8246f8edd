"""Hermitian matrices in every bin: products, quotients and solutions within the range of floats.

A Hermitian matrix of I channels is stored as I^2 real numbers, each a plane over all bins.
"""

import functools
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from oracle.machine.levels import LARGEST_EXPONENT, exponents
from oracle.machine.threads import one_blas_thread
from oracle.stft.frames import Spectrum

# A smaller eigenvalue or pivot, relative to the largest, is rounding: of float32 audio in a
# direction in which it has no energy (about 1e-14), or of the matrices themselves.
RANK_TOLERANCE = 1e-13

# Smaller numbers count as 0, for matrices near 1: their reciprocals might overflow.
SMALLEST = 1e-290

# Between these, powers and their quotients are far inside the range of floats.
QUIET, LOUD = 1e-30, 1e30

Complex = npt.NDArray[np.complex128]
Real = npt.NDArray[np.float64]


def list_entries(n_channels: int) -> list[tuple[int, int, complex]]:
    """List the real numbers that make up a Hermitian matrix: row, column, and factor 1 or i."""
    diagonal = [(a, a, 1) for a in range(n_channels)]
    pairs = itertools.combinations(range(n_channels), 2)
    return diagonal + [(a, b, part) for a, b in pairs for part in (1, 1j)]


def compute_products_near_one(sources: Spectrum) -> tuple[list[Real], npt.NDArray[np.int_]]:
    """Compute the products of each source, with each bin brought near 1; also return the levels."""
    with np.errstate(over="ignore", under="ignore"):
        products = [_compute_products(source, np.ones(())) for source in sources]
        power = sum(product[: sources.shape[1]].sum(axis=0) for product in products)
    # The powers nearly always show that no bin needs scaling.
    if np.min(power) > QUIET**2 and np.max(power) < LOUD**2:
        return products, np.zeros((), np.int_)
    level = _find_level(sources)
    gain = np.ldexp(1.0, -level)
    return [_compute_products(source, gain) for source in sources], level


def _find_level(spectra: Spectrum) -> npt.NDArray[np.int_]:
    """Find the level of each bin from its largest part over all axes but the last two.

    Return a single 0, which is faster, if no bin needs scaling, as is nearly always the case.
    """
    sizes = np.maximum(np.abs(spectra.real), np.abs(spectra.imag))
    sizes = sizes.max(axis=tuple(range(spectra.ndim - 2)))
    if ((sizes == 0) | ((sizes > QUIET) & (sizes < LOUD))).all():
        return np.zeros((), np.int_)
    return exponents(sizes)


def bring_near_one(
    numbers: npt.NDArray[Any], *, axis: int | tuple[int, ...] = ()
) -> tuple[npt.NDArray[Any], npt.NDArray[np.int_]]:
    """Divide numbers by powers of two that bring the largest along some axes near 1.

    Return the scaled numbers and the exponents.
    """
    sizes = np.maximum(np.abs(numbers.real), np.abs(numbers.imag))
    level = exponents(sizes.max(axis=axis, keepdims=True))
    return numbers * np.ldexp(1.0, -level), level


def _compute_products(source: Spectrum, gain: Real) -> Real:
    """Compute y y^H in all bins, with a gain on y, as the real numbers of `list_entries`."""
    n_channels = len(source)
    real, imaginary = source.real * gain, source.imag * gain
    products = np.empty((n_channels**2, *source.shape[1:]))
    for plane, (a, b, part) in zip(products, list_entries(n_channels), strict=True):
        if part == 1:
            np.multiply(real[a], real[b], out=plane)
            plane += imaginary[a] * imaginary[b]
        else:
            np.multiply(imaginary[a], real[b], out=plane)
            plane -= real[a] * imaginary[b]
    return products


def compute_quadratic_form(matrix: Complex, products: Real) -> Real:
    """Compute Re(y^H Q y) = Re trace(Q y y^H) from `_compute_products`, for one Q per frequency."""
    numbers = [
        matrix[a, b].real if a == b else ((matrix[a, b] + matrix[b, a].conj()) / part).real
        for a, b, part in list_entries(len(matrix))
    ]
    return np.asarray(np.einsum("kf,ktf->tf", np.stack(numbers), products))


def sum_products(
    factors: Sequence[Real] | Complex, others: Sequence[Real] | Complex
) -> npt.NDArray[Any]:
    """Sum the products of pairs of arrays, with broadcasting."""
    total = np.asarray(factors[0] * others[0])
    product = np.empty_like(total)
    for factor, other in zip(factors[1:], others[1:], strict=True):
        total += np.multiply(factor, other, out=product)
    return total


@one_blas_thread()
def invert_over_rank(covariance: Complex) -> Complex:
    """Compute the pseudo-inverse of Hermitian matrices, divided by their rank.

    The matrices are on axes 1 and 2, followed by the frequencies.
    """
    values, vectors = np.linalg.eigh(np.moveaxis(covariance, -1, 1))
    kept = values > RANK_TOLERANCE * np.maximum(values[..., -1:], 0)
    inverse_values = np.where(kept, 1, 0) / np.where(kept, values, 1)
    inverse_values /= np.maximum(kept.sum(axis=-1, keepdims=True), 1)
    inverse = (vectors * inverse_values[..., None, :]) @ vectors.conj().swapaxes(-1, -2)
    return np.moveaxis(inverse, 1, -1)


def solve(
    matrix: Complex, vector: Complex, regularization: float, level: npt.NDArray[np.int_]
) -> None:
    """Solve C u = x in every bin by elimination, and scale u by the regularization.

    `matrix`, C 2^-level, has shape (I, I, n_frames, n_freqs); it and `vector`, of shape
    (I, ...), are overwritten. C is positive semidefinite, so no pivoting is needed. A pivot
    that is zero up to rounding belongs to a direction in which no source has energy; u is set
    to zero there.
    """
    n_channels = len(vector)
    sizes = np.abs([matrix[k, k] for k in range(n_channels)])
    floors = np.maximum(RANK_TOLERANCE * sizes, SMALLEST)
    reciprocals, zeros = [], []
    for k in range(n_channels):
        pivot, size = matrix[k, k], np.abs(matrix[k, k])
        zero = size <= floors[k]
        # In real arithmetic: numpy's complex division is slow, and squares may overflow.
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
        vector *= divide(1.0, 1 + _multiply(factors, -level * rank))


def _multiply(factors: Sequence[Complex], exponent: npt.NDArray[np.int_]) -> Complex:
    """Multiply numbers and 2^exponent, even if intermediate products leave the range of floats.

    A result too large for a float becomes a large number.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        product = functools.reduce(np.multiply, factors)
    if not exponent.any() and np.isfinite(product).all():
        return np.asarray(product)
    numbers = np.ones_like(product)
    for factor in factors:
        near, theirs = bring_near_one(factor)
        numbers, ours = bring_near_one(numbers * near)
        exponent = exponent + theirs + ours
    within = np.clip(exponent, -LARGEST_EXPONENT, LARGEST_EXPONENT)
    return numbers * np.ldexp(1.0, within)


def divide(numerator: Any, denominator: Any) -> Any:
    """Divide where the denominator is not negligible; 0 elsewhere."""
    nonzero = np.abs(denominator) > SMALLEST
    return np.where(nonzero, numerator / np.where(nonzero, denominator, 1), 0)
