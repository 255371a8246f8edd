"""Mixing: how a mixture relates to its sources, from their inner products.

A mixture should be the sum of its sources. Where it is not, its gain, its polarity and what else
it holds show what went wrong when the files were made. The same numbers reveal sources that are
copies or sums of others.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from oracle.machine.threads import in_threads, one_blas_thread

Audio = npt.NDArray[np.floating[Any]]
Float64s = npt.NDArray[np.float64]

# Samples of a channel in a block: their products stay in the cache.
BLOCK_SAMPLES = 2**14

# Samples that a thread takes at a time.
SEGMENT_SAMPLES = 2**18

# Energies in this range are accurate enough in float32.
RANGE = (1e-20, 1e30)

# What is in the mixture but in no source counts as loud above this, in dB of the mixture. In
# MUSDB18's compressed stems it is around -30 dB.
LOUD = -25.0

# A source is a copy of another, or a sum of others, if these leave less of its energy, in dB.
COPY = -40.0

# A mastered mixture leaves more, up to SUM. It is still a sum if each of its parts alone leaves
# more than ONE_ALONE; a voice at two microphones does not.
SUM, ONE_ALONE = -15.0, -10.0

# Parts of a sum that are quieter than this, in dB of the sum, are chance.
PART = -30.0

# A gain this close to 1 is not mentioned.
NEAR = 0.01

# Sources quieter than this, in dB of the loudest, are not compared: empty stems often hold the
# same noise or hum.
FAINT = -50.0


@dataclass(frozen=True)
class Mixing:
    """Inner products of the sources and the mixture of a track, over samples and channels.

    Parameters
    ----------
    products : array of shape (n_sources + 1, n_sources + 1), float64
        Of each signal with each: the sources, then the mixture.
    residual : float
        The energy of the mixture minus the sum of the sources.
    """

    products: Float64s
    residual: float

    @classmethod
    @one_blas_thread()
    def of(cls, sources: Sequence[Audio], mixture: Audio) -> "Mixing":
        """Compute the inner products, in one pass over the audio.

        They are computed block by block in the precision of the audio, which gives levels to
        0.001 dB; in double precision where that has too little range.
        """
        signals = [*sources, mixture]
        mixing = cls(*_sums(signals, mixture.dtype))
        if RANGE[0] < float(mixing.products.diagonal().max()) < RANGE[1]:
            return mixing
        return cls(*_sums(signals, np.dtype(np.float64)))

    @property
    def energies(self) -> Float64s:
        """The energies of the sources, array of shape (n_sources,)."""
        return self.products.diagonal()[:-1]

    @property
    def unexplained(self) -> float:
        """Level of what is in the mixture but in no source, in dB of the mixture.

        -inf if there is nothing, +inf if the mixture is silent and the sources are not.
        """
        return _decibels(self.residual, float(self.products[-1, -1]))

    @property
    def gain(self) -> float:
        """The gain that brings the sum of the sources closest to the mixture."""
        energy = float(self.products[:-1, :-1].sum())
        return float(self.products[-1, :-1].sum()) / energy if energy > 0 else math.nan

    def unexplained_at(self, gains: Float64s) -> float:
        """Compute `unexplained` with the sources at these gains, array of shape (n_sources,)."""
        weights = np.append(-gains, 1.0)
        residual = max(float(weights @ self.products @ weights), 0.0)
        return _decibels(residual, float(self.products[-1, -1]))

    @property
    def gains(self) -> Float64s:
        """The gains, one per source, that bring the sources closest to the mixture."""
        return _nearest(self.products[:-1, :-1], self.products[:-1, -1])


def _sums(signals: Sequence[Audio], dtype: np.dtype[Any]) -> tuple[Float64s, float]:
    """Compute the products of all signals, and the energy of the last minus the others."""
    n_channels, n_samples = signals[0].shape

    def examine(start: int) -> tuple[Float64s, float]:
        stop = min(start + SEGMENT_SAMPLES, n_samples)
        products, residual = np.zeros((len(signals), len(signals))), 0.0
        block = np.empty((len(signals), min(BLOCK_SAMPLES, n_samples)), dtype)
        for channel, first in product(range(n_channels), range(start, stop, BLOCK_SAMPLES)):
            part = block[:, : min(first + BLOCK_SAMPLES, stop) - first]
            for row, signal in zip(part, signals, strict=True):
                row[:] = signal[channel, first : first + row.size]
            left = part[-1] - part[:-1].sum(axis=0)
            with np.errstate(over="ignore", invalid="ignore"):  # double precision has the range
                for row, signal in enumerate(part):  # twice as fast as all at once
                    products[row, row:] += part[row:] @ signal
                residual += float(left @ left)
        return products, residual

    parts = in_threads(examine, range(0, n_samples, SEGMENT_SAMPLES))
    products, residuals = zip(*parts, strict=True)
    total = np.sum(products, axis=0)
    return total + np.triu(total, 1).T, math.fsum(residuals)


class Copy(NamedTuple):
    """A source that is another source, or the mixture, times a gain."""

    source: int
    other: int
    gain: float

    def text(self, names: Sequence[str]) -> str:
        """Describe it by the names of the sources."""
        other = names[self.other] if self.other < len(names) else "the mixture"
        times = "" if abs(self.gain - 1) < NEAR else f" x {self.gain:.3g}"
        return f"{names[self.source]} is {other}{times}"


class Sum(NamedTuple):
    """A source that is the sum of others, each with a gain of its own."""

    source: int
    parts: tuple[int, ...]

    def text(self, names: Sequence[str]) -> str:
        """Describe it by the names of the sources."""
        return f"{names[self.source]} is the sum of {' and '.join(names[p] for p in self.parts)}"


def redundancies(mixing: Mixing, *, mixture_is_sum: bool) -> list[Copy | Sum]:
    """Find redundant sources: copies of others, and sums of several.

    Parameters
    ----------
    mixing : Mixing
        Of a track.
    mixture_is_sum : bool
        Whether the mixture is the sum of the sources because none was delivered. If one was
        delivered and holds all sources, none is redundant.

    Returns
    -------
    found : list of Copy or Sum
        Sources by their index; the mixture comes after the last.
    """
    if not mixture_is_sum and mixing.unexplained < LOUD:
        return []
    energies = mixing.energies
    faint = energies.max(initial=0) * 10 ** (FAINT / 10)
    heard: list[int] = np.flatnonzero(energies > faint).tolist()
    n_sources = len(energies)
    found: list[Copy | Sum] = []
    for place, one in enumerate(heard):
        for other in heard[place + 1 :]:
            if _left(mixing.products, one, [other]) < COPY:
                gain = mixing.products[one, other] / energies[one]
                found.append(Copy(other, one, float(gain)))
    copies = {each.source for each in found if isinstance(each, Copy)}
    distinct = [source for source in heard if source not in copies]
    for one in distinct:
        others = [other for other in distinct if other != one]
        if len(others) < 2 or _left(mixing.products, one, others) > SUM:
            continue
        gains = _nearest(mixing.products[np.ix_(others, others)], mixing.products[others, one])
        shares = gains * np.abs(gains) * energies[others] / energies[one]
        parts = [o for o, share in zip(others, shares, strict=True) if share > 10 ** (PART / 10)]
        if len(parts) < 2:
            continue
        left = _left(mixing.products, one, parts)
        nearest = min(_left(mixing.products, one, [part]) for part in parts)
        if left < COPY or (left < SUM and nearest > ONE_ALONE):
            found.append(Sum(one, tuple(parts)))
    for one in () if mixture_is_sum else distinct:
        # A mixture also equals its source where all other sources are nearly silent.
        more = energies[[other for other in distinct if other != one]].sum()
        weights = np.zeros(n_sources)
        weights[one] = 1
        left = mixing.unexplained_at(weights)
        if left < LOUD and more > 10 * mixing.products[-1, -1] * 10 ** (left / 10):
            found.append(Copy(one, n_sources, 1.0))
    return found


def _left(products: Float64s, one: int, others: Sequence[int]) -> float:
    """Return what others leave unexplained of a signal, in dB of its energy."""
    energy = float(products[one, one])
    explained = _nearest(products[np.ix_(others, others)], products[others, one])
    return _decibels(max(energy - float(explained @ products[others, one]), 0.0), energy)


def _nearest(products: Float64s, right: Float64s) -> Float64s:
    """Find the gains that bring signals closest to another; 0 for silent ones."""
    norms = np.sqrt(products.diagonal())
    norms = np.where(norms > 0, norms, 1)
    scaled = products / np.outer(norms, norms)
    return np.asarray(np.linalg.lstsq(scaled, right / norms, rcond=None)[0] / norms)


def _decibels(energy: float, reference: float) -> float:
    if energy == 0:
        return -math.inf
    return 10 * math.log10(energy / reference) if reference > 0 else math.inf
