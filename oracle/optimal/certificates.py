"""Certificates: the least error that any mask can have, by duality, in double precision.

For any signal r, with q = B^T r, and every mask of which z = |X| m,

    <r, s> - <q, z>  =  <r, s - B z>  <=  ||r|| ||s - B z||.

What is left is to bound <q, z> from above: by sum R |X| max(q, 0) where 0 <= z <= R |X|, and
by 0 where z >= 0 is all that is known, if q <= 0. At the residual r of the best mask both ends
meet. It does not matter how r was found, or in what precision. Channels with masks of their
own are bounded each on its own, and the bounds add up.

All of this is computed of a source and a mixture near 1, in double precision.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from oracle.optimal.synthesis import SMALLEST, Synthesis
from oracle.stft import Spectrum
from oracle.threads import in_threads
from oracle.track import Audio

Float64s = npt.NDArray[np.float64]

# What a certificate gives away to the rounding errors of its terms, relative to their
# largest possible sizes: a thousand times the precision of float64.
ROUNDING = 2e-13

# The rounding error of a bin of an FFT, relative to the norm of its frame.
ROUNDING_OF_FFT = 1e-15

# More than a sum of squares or products may lose, of any signal, because some are no floats.
UNDERFLOW = 1e-300


def least_error(synthesis: Synthesis, source: Audio, scaled: Audio, *, maximum: float) -> float:
    """Bound ||s - B z||^2 from below for all masks from 0 to `maximum`.

    Parameters
    ----------
    synthesis : Synthesis
        The map B.
    source : array of shape (n_channels, n_padded)
        The source s; 0 outside the samples.
    scaled : array of shape (n_channels, n_padded)
        Any r, divided by the sum of the squared windows.
    maximum : float
        The largest value R of a mask, finite.

    Returns
    -------
    energy : float
        0 where nothing is proven.
    """
    weights = synthesis.weights

    def examine(block: slice) -> list[Any]:
        mixture, other = _spectra(synthesis, scaled, block)
        gain = np.maximum(_products(synthesis, mixture, other), 0).sum(axis=1) @ weights
        sizes = [_squares(each).sum(axis=(0, 1)) @ weights for each in (mixture, other)]
        truth, residual = _own(synthesis, source, scaled, block)
        products = [inner(residual, truth), inner(residual, residual), inner(truth, truth)]
        return [gain, *sizes, *products]

    gain, size, size_of_other, *products = _sums(synthesis, examine)
    rs, rr, ss = together(synthesis, products)
    rounding = ROUNDING * (_root(rr) * _root(ss) + maximum * _root(size) * _root(size_of_other))
    return bound(rs - maximum * gain - rounding, rr)


def least_error_of_cone(synthesis: Synthesis, source: Audio, scaled: Audio) -> float:
    """Bound ||s - B z||^2 from below for all masks that are not negative.

    B^T r may not be positive anywhere. Where x is the mixture and D the sum of the squared
    windows, B^T D x is w |X|, by the definitions of both: so r less enough of D x will do.

    Parameters
    ----------
    synthesis : Synthesis
        The map B, of a whole signal.
    source, scaled
        As in `least_error`.

    Returns
    -------
    energy : float
        0 where nothing is proven.
    """
    workers = synthesis.stft.workers

    def need(block: slice) -> Float64s:
        mixture, other = _spectra(synthesis, scaled, block)
        squares, others = (_products(synthesis, each, each) for each in (mixture, other))
        rounding = _root(squares) * _norm(others) + _root(others) * _norm(squares)
        products = _products(synthesis, mixture, other) + ROUNDING_OF_FFT * rounding
        heard = synthesis.magnitude[:, block] > 0
        # A square that has lost digits needs D x alone.
        needed = np.where(heard, np.inf, 0.0)
        np.divide(products, squares, out=needed, where=heard & (squares > SMALLEST**2))
        return np.asarray(needed.max(axis=(1, 2)))

    needs = np.max(list(in_threads(need, synthesis.blocks, workers=workers)), axis=0)
    needs = np.maximum(needs, 0)[:, np.newaxis]
    # Divided by what is needed, if that is much, r proves the same.
    repaired = scaled / np.maximum(needs, 1) - np.minimum(needs, 1) * synthesis.padded_mixture()

    def examine(block: slice) -> list[Any]:
        truth, residual = _own(synthesis, source, repaired, block)
        return [inner(residual, truth), inner(residual, residual), inner(truth, truth)]

    rs, rr, ss = together(synthesis, _sums(synthesis, examine))
    return bound(rs - ROUNDING * _root(rr) * _root(ss), rr)


def _spectra(synthesis: Synthesis, scaled: Audio, block: slice) -> tuple[Spectrum, Spectrum]:
    mixture = synthesis.under(block, np.float64)
    other = scaled[:, synthesis.region(block)].astype(np.float64)
    return synthesis.stft.analyse(mixture), synthesis.stft.analyse(other)


def _products(synthesis: Synthesis, spectra: Spectrum, others: Spectrum) -> Float64s:
    """Multiply spectra bin by bin, as real vectors; of all channels if they share a mask."""
    products = spectra.real * others.real + spectra.imag * others.imag
    return products.sum(axis=0, keepdims=True) if synthesis.shared else products


def _root(squares: Float64s) -> Float64s:
    """Take the root of a sum of squares, with what it may have lost."""
    return np.asarray(np.sqrt(squares + UNDERFLOW))


def _norm(squares: Float64s) -> Float64s:
    """Compute the norm of each frame."""
    return _root(squares.sum(axis=-1, keepdims=True))


def _squares(spectra: Spectrum) -> Float64s:
    return np.asarray(spectra.real**2 + spectra.imag**2)


def _own(
    synthesis: Synthesis, source: Audio, scaled: Audio, block: slice
) -> tuple[Float64s, Float64s]:
    own = synthesis.own(block)
    return source[:, own].astype(np.float64), scaled[:, own] * synthesis.squares[own]


def inner(signals: Audio, others: Audio) -> Float64s:
    """Compute the inner products of the channels of signals, in their precision."""
    return np.asarray(np.einsum("cn,cn->c", signals, others), np.float64)


def _sums(synthesis: Synthesis, examine: Callable[[slice], list[Any]]) -> list[Any]:
    parts = in_threads(examine, synthesis.blocks, workers=synthesis.stft.workers)
    return [sum(column) for column in zip(*parts, strict=True)]


def together(synthesis: Synthesis, products: list[Any]) -> list[Any]:
    """Add up channels that share a mask."""
    return [each.sum(keepdims=True) for each in products] if synthesis.shared else products


def bound(gain: Float64s, rr: Float64s) -> float:
    """Add up the bounds gain^2 / <r, r> of the channels; 0 where the gain is negative."""
    return float(((np.maximum(gain, 0) / _root(rr)) ** 2).sum())
