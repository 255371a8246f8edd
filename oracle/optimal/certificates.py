"""Certificates: a lower bound, by duality, on the error of every mask of a class.

For any signal r, with q = B^T r, and for every mask, with z = |X| times the mask,

    <r, s> - <q, z>  =  <r, s - B z>  <=  ||r|| ||s - B z||.

It remains to bound <q, z> from above: by the support function of the class or, where z >= 0 is all
that is known, by 0 if q <= 0. At the residual r of the best mask both sides are equal. How r was
found, and in what precision, does not matter. Channels with separate masks are bounded separately,
and the bounds add up.

Everything is computed in double precision, for a source and a mixture scaled to levels near 1.
"""

import math
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from oracle.optimal.classes import MaskClass
from oracle.optimal.synthesis import SMALLEST, Synthesis
from oracle.stft.frames import Spectrum
from oracle.tracks.track import Audio

Float64s = npt.NDArray[np.float64]

# What a certificate allows for rounding errors in its terms, relative to their largest possible
# size: a thousand times the precision of float64.
ROUNDING = 2e-13

# The rounding error of a bin of an FFT, relative to the norm of its frame.
ROUNDING_OF_FFT = 1e-15

# More than a sum of squares or products can lose to underflow, for any signal.
UNDERFLOW = 1e-300


class Terms(NamedTuple):
    """The sums over frames and samples that a certificate needs, of r, s and the mixture x.

    Each is an array of shape (n_channels,).

    Attributes
    ----------
    support : array
        The largest possible <B^T r, z> for masks of at most 1.
    mixture, other : array
        Upper bounds on the energies of the STFTs of x and of r / D.
    rs, rr, ss : array
        Inner products of r and s.
    """

    support: Float64s
    mixture: Float64s
    other: Float64s
    rs: Float64s
    rr: Float64s
    ss: Float64s

    def __add__(self, more: Any) -> Self:  # a tuple's own would concatenate
        """Add the terms of other frames and samples."""
        return type(self)(*(one + other for one, other in zip(self, more, strict=True)))

    def least_error(self, masks: MaskClass) -> float:
        """Bound ||s - B z||^2 from below; 0 where nothing is proven."""
        terms = self
        if masks.shared:
            terms = type(self)(*(each.sum(keepdims=True) for each in self))
        maximum = masks.maximum
        rounding = ROUNDING * (
            _root(terms.rr) * _root(terms.ss) + maximum * _root(terms.mixture) * _root(terms.other)
        )
        return bound(terms.rs - maximum * terms.support - rounding, terms.rr)


def least_error(synthesis: Synthesis, source: Audio, residual: Audio, *, masks: MaskClass) -> float:
    """Bound ||s - B z||^2 from below for all masks of a class.

    Parameters
    ----------
    synthesis : Synthesis
        The map B; of a whole signal if masks have no maximum.
    source, residual : array of shape (n_channels, n_samples of the piece)
        The source s, and any r.
    masks : MaskClass
        The class.

    Returns
    -------
    energy : float
        0 where nothing is proven.
    """
    if masks.maximum == math.inf:
        return least_error_of_cone(synthesis, source, residual)
    return compute_terms(synthesis, source, residual).least_error(masks)


def compute_terms(
    synthesis: Synthesis, source: Audio, residual: Audio, *, own: slice | None = None
) -> Terms:
    """Compute the terms of a certificate for the frames and samples of a piece.

    `own` are the samples to count; all by default.
    """
    divided = _divided(synthesis, residual)

    support = np.zeros(1 if synthesis.masks.shared else len(source))
    for block in synthesis.blocks:
        other = synthesis.stft.frames.analyse(divided[:, synthesis.region(block)])
        support += _supports(synthesis, synthesis.spectra_in_double(block), other)
    own = slice(None) if own is None else own
    s, r = (signal[:, own].astype(np.float64, copy=False) for signal in (source, residual))
    # By Parseval's theorem. The frames of r / D hold at most the energy of r / D^(1/2).
    energies = inner(residual, residual) / synthesis.step
    return Terms(support, synthesis.energies, energies, inner(r, s), inner(r, r), inner(s, s))


def least_error_of_cone(synthesis: Synthesis, source: Audio, residual: Audio) -> float:
    """Bound ||s - B z||^2 from below for all real, nonnegative masks.

    B^T r must not be positive anywhere. For the mixture x and the sum D of the squared windows,
    B^T D x = w |X| by definition, so subtracting enough of D x from r suffices.

    Parameters
    ----------
    synthesis : Synthesis
        The map B of a whole signal.
    source, residual
        As in `least_error`.

    Returns
    -------
    energy : float
        0 where nothing is proven.
    """
    divided = _divided(synthesis, residual)

    def need(block: slice) -> Float64s:
        mixture = synthesis.spectra_in_double(block)
        other = synthesis.stft.frames.analyse(divided[:, synthesis.region(block)])
        squares, others = (_products(synthesis, each, each) for each in (mixture, other))
        rounding = _root(squares) * _norm(others) + _root(others) * _norm(squares)
        products = _products(synthesis, mixture, other) + ROUNDING_OF_FFT * rounding
        heard = synthesis.magnitude[:, block] > 0
        # Where the square has lost digits, only D x itself will do.
        needed = np.where(heard, np.inf, 0.0)
        np.divide(products, squares, out=needed, where=heard & (squares > SMALLEST**2))
        return np.asarray(needed.max(axis=(1, 2)))

    needs = np.max([need(block) for block in synthesis.blocks], axis=0)
    needs = np.maximum(needs, 0)[:, np.newaxis]
    # Scaling r does not change the proof: divide by the need where it exceeds 1.
    r = residual / np.maximum(needs, 1)
    r -= np.minimum(needs, 1) * synthesis.mixture_times_squares()
    s = source.astype(np.float64, copy=False)
    rs, rr, ss = (inner(*pair) for pair in ((r, s), (r, r), (s, s)))
    if synthesis.masks.shared:
        rs, rr, ss = (each.sum(keepdims=True) for each in (rs, rr, ss))
    return bound(rs - ROUNDING * _root(rr) * _root(ss), rr)


def _divided(synthesis: Synthesis, residual: Audio) -> Float64s:
    """Compute r / D, with zeros around it."""
    divided = np.zeros((len(residual), len(synthesis.squares)))
    np.divide(residual, synthesis.squares[synthesis.inside], out=divided[:, synthesis.inside])
    return divided


def _supports(synthesis: Synthesis, mixture: Spectrum, other: Spectrum) -> Float64s:
    """Sum the support function of masks up to 1, channel by channel."""
    if synthesis.masks.complex_valued:
        sizes = np.abs(mixture)
        sizes *= np.abs(other)
        return np.asarray(sizes.sum(axis=1) @ synthesis.bands.frequency_weights)
    products = _products(synthesis, mixture, other)
    if synthesis.masks.bands is not None:
        products *= synthesis.bands.frequency_weights
        products = synthesis.bands.add_up(products)
        return np.asarray(np.maximum(products, 0).sum(axis=(1, 2)))
    np.maximum(products, 0, out=products)
    return np.asarray(products.sum(axis=1) @ synthesis.bands.frequency_weights)


def _products(synthesis: Synthesis, spectra: Spectrum, others: Spectrum) -> Float64s:
    """Multiply spectra bin by bin, as real vectors; sum over channels that share a mask."""
    products = spectra.real * others.real
    products += spectra.imag * others.imag
    return products.sum(axis=0, keepdims=True) if synthesis.masks.shared else products


def _root(squares: Float64s) -> Float64s:
    """Take the root of a sum of squares, plus what it may have lost to underflow."""
    return np.asarray(np.sqrt(squares + UNDERFLOW))


def _norm(squares: Float64s) -> Float64s:
    """Compute the norm of each frame."""
    return _root(squares.sum(axis=-1, keepdims=True))


def inner(signals: Audio, others: Audio) -> Float64s:
    """Compute the inner product of each channel, in double precision."""
    return np.asarray(np.einsum("cn,cn->c", signals, others, dtype=np.float64))


def bound(gain: Float64s, rr: Float64s) -> float:
    """Sum the bounds gain^2 / <r, r> over channels; 0 where the gain is negative."""
    return float(((np.maximum(gain, 0) / _root(rr)) ** 2).sum())
