"""Verdicts: the SDR that masks achieve on a whole signal, and its certificate, over all chunks."""

from collections.abc import Callable, Sequence
from functools import reduce
from typing import NamedTuple

import numpy as np

from oracle.machine.levels import find_level, scaled
from oracle.metrics.energy_ratios import decibels
from oracle.optimal.certificates import Terms, compute_terms
from oracle.optimal.chunks import Chunks
from oracle.optimal.classes import Mask, MaskClass
from oracle.optimal.goals import is_perfect
from oracle.optimal.problems import near_one
from oracle.stft.frames import place_in
from oracle.tracks.track import Audio


class Verdict(NamedTuple):
    """The SDR that the mask of a source achieves, and the SDR that no mask exceeds.

    Attributes
    ----------
    achieved : float
        SDR of the estimate in dB; NaN for a silent source.
    certified : float
        SDR in dB that no mask of the class exceeds; +inf where nothing is proven.
    perfect : bool
        Whether the error is only rounding.
    """

    achieved: float
    certified: float
    perfect: bool

    def is_within(self, tolerance: float) -> bool:
        """Tell whether the two are within the tolerance, or cannot be closer."""
        # The difference is NaN for a silent source.
        return self.perfect or not self.certified - self.achieved > tolerance


class Judge:
    """Examines the estimates of masks chunk by chunk, in any order and in threads."""

    def __init__(self, chunks: Chunks) -> None:
        self._chunks = chunks
        self._level = find_level(chunks.mixture)
        self._near = [near_one(source, self._level, chunks.masks) for source in chunks.sources]

    def examine(
        self, index: int, masks: Callable[[slice], Mask]
    ) -> tuple[list[Audio], list[Terms]]:
        """Examine a chunk.

        Parameters
        ----------
        index : int
            Index of the chunk.
        masks : callable
            ``frames -> masks``, array of shape (n_sources, n_channels or 1, n_frames, n_freqs).

        Returns
        -------
        estimates : list of arrays of shape (n_channels, n)
            One per source, in the samples of the chunk, in double precision.
        terms : list of Terms
            One per source, for `verdict`, which adds up the terms of all chunks.
        """
        chunks = self._chunks
        synthesis = chunks.alone(index, level=self._level)
        piece = synthesis.piece
        counted = place_in(piece, chunks.samples_of(index))
        estimates, terms = [], []
        for estimate, source, (level, _) in zip(
            self._estimates(piece, masks), chunks.sources, self._near, strict=True
        ):
            true = scaled(source[:, piece].astype(np.float64), -level)
            residual = true - scaled(estimate, self._level - level)
            terms.append(compute_terms(synthesis, true, residual, own=counted))
            estimates.append(scaled(estimate[:, counted], self._level))
        return estimates, terms

    def _estimates(self, piece: slice, masks: Callable[[slice], Mask]) -> Audio:
        """Compute the inverse STFT of the masked mixture, at the level used here."""
        chunks, stft = self._chunks, self._chunks.stft
        frames = stft.frames.find(piece.start, piece.stop, chunks.n_samples)
        padded = chunks.synthesized(frames, masks(frames), self._level)
        audio = padded[..., place_in(stft.frames.samples_under(frames), piece)]
        audio /= stft.frames.sum_of_squares(chunks.n_samples, piece=piece)
        return audio

    def verdict(self, source: int, of_chunks: Sequence[Terms]) -> Verdict:
        """Compute the verdict on a source from its terms in all chunks, in order."""
        terms = reduce(Terms.__add__, of_chunks)
        energy, error = float(terms.ss.sum()), float(terms.rr.sum())
        if energy == 0:
            return Verdict(np.nan, np.nan, True)
        masks: MaskClass = self._near[source][1]
        return Verdict(
            achieved=float(decibels(energy, error)),
            certified=float(decibels(energy, terms.least_error(masks))),
            perfect=is_perfect(error, energy, self._chunks.mixture.dtype),
        )
