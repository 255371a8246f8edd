"""Chunks: the best masks of a long signal, some frames at a time, in little memory.

A sample depends on the masks of the few frames over it, and hardly at all on those a few hops
away. So a chunk of frames is solved together with a halo on either side, which is then discarded;
every other chunk is solved between two finished ones. The chunk boundaries are fixed, so the masks
depend neither on which frames are asked for, nor on the number of threads.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from oracle.machine.levels import scaled
from oracle.optimal.binary import best_binary
from oracle.optimal.classes import Mask, MaskClass
from oracle.optimal.each_source import solve_each
from oracle.optimal.goals import Goal
from oracle.optimal.problems import Problem
from oracle.optimal.synthesis import Synthesis, split_blocks
from oracle.stft import STFT
from oracle.stft.frames import place_in
from oracle.tracks.track import Audio

# Minimum length of a chunk, in frames and in STFT windows: three seconds at the default STFT.
CHUNK_FRAMES, CHUNK_WINDOWS = 128, 4

# The halo on either side, in STFT windows.
HALO = 2

# The tolerance of each chunk, as a fraction of the tolerance of all chunks together.
MARGIN = 0.9


class Solved(NamedTuple):
    """The best masks of a chunk.

    Attributes
    ----------
    masks : array of shape (n_sources, n_channels or 1, n_frames, n_freqs)
        Masks for the frames of the chunk, without the halo.
    iterations : array of shape (n_sources,), int
        Steps taken.
    """

    masks: Mask
    iterations: npt.NDArray[np.int64]


class Chunks:
    """A mixture and its sources, split into chunks.

    Parameters
    ----------
    stft : STFT
        The transform.
    mixture : array of shape (n_channels, n_samples), float32 or float64
        The signal that is masked.
    sources : sequence of arrays of shape (n_channels, n_samples)
        The signals that the masks are to recover.
    masks : MaskClass
        The class, with a finite maximum.

    Attributes
    ----------
    frames : list of slice
        The frames of each chunk; together, all frames that reach into the signal.
    """

    def __init__(
        self,
        stft: STFT,
        mixture: Audio,
        sources: Sequence[Audio],
        masks: MaskClass,
    ) -> None:
        # Threads work on separate chunks, not within one.
        self.stft = replace(stft, workers=1)
        self.mixture, self.sources, self.masks = mixture, sources, masks
        self.n_samples = mixture.shape[-1]
        n_frames = stft.frames.find(0, self.n_samples, self.n_samples).stop
        # Several windows long, however small the hop.
        size = max(CHUNK_FRAMES, CHUNK_WINDOWS * -(-stft.n_fft // stft.hop_length))
        n_chunks = max(n_frames // size, 1)
        edges = [index * size for index in range(n_chunks)] + [n_frames]
        self.frames = [slice(*edge) for edge in pairwise(edges)]

    def samples_of(self, index: int) -> slice:
        """Tell which samples belong to a chunk; each sample belongs to exactly one."""
        hop, half = self.stft.hop_length, self.stft.n_fft // 2
        # With tiny hops, whole chunks may lie before the first sample.
        start = max(self.frames[index].start * hop - half, 0)
        stop = min(max(self.frames[index].stop * hop - half, 0), self.n_samples)
        return slice(start, self.n_samples if index == len(self.frames) - 1 else stop)

    def solve(
        self,
        index: int,
        goal: Goal,
        *,
        beside: Callable[[slice], Mask] | None = None,
        places: Sequence[int] | None = None,
        starts: Callable[[slice], Mask] | None = None,
    ) -> Solved:
        """Find the best masks of a chunk.

        Parameters
        ----------
        index : int
            Which chunk.
        goal : Goal
            When to stop.
        beside : callable, optional
            ``frames -> masks``, array of shape (n_sources, n_channels or 1, n_frames, n_freqs):
            the masks of all sources in the frames beside the chunk, held fixed. By default, the
            frames of the halo are solved with the chunk and discarded.
        places : sequence of int, optional
            Indices of the sources to solve; all by default.
        starts : callable, optional
            Like `beside`, which it requires, for the frames of the chunk: the masks to start
            from; by default the best bin by bin.
        """
        places = range(len(self.sources)) if places is None else places
        sources = [self.sources[place] for place in places]
        own = None if starts is None else starts(self.frames[index])[list(places)]
        if beside is None:
            synthesis, inside = self._with_halo(index)
            others = None
        else:
            synthesis, inside = self.alone(index), slice(None)
            others = self._others(index, synthesis, beside)[list(places)]
        # The residuals of all chunks together certify the whole signal.
        found = solve_each(
            synthesis, self.mixture, sources, self.masks, goal, own, others, prove=False
        )
        dtype = self.masks.dtype_for(self.mixture.dtype)
        masks, iterations = [], []
        for problem, best in found:
            masks.append(self.masks.rounded(problem.mask(best.scaled)[:, inside], dtype))
            iterations.append(best.iterations)
        return Solved(np.stack(masks), np.array(iterations))

    def round(self, index: int, masks: Callable[[slice], Mask], *, max_iterations: int) -> Mask:
        """Round the best masks in [0, 1] of a chunk to 0 or 1, and improve them by flips.

        Parameters
        ----------
        index : int
            Which chunk.
        masks : callable
            ``frames -> masks``, array of shape (n_sources, n_channels or 1, n_frames, n_freqs).
        max_iterations : int
            Maximum number of rounds of flips.

        Returns
        -------
        masks : array of shape (n_sources, n_channels or 1, n_frames, n_freqs)
            Masks for the frames of the chunk. No flip of a single bin improves them, except
            possibly near where chunks meet.
        """
        synthesis, inside = self._with_halo(index)
        rounded = []
        for source, mask in zip(self.sources, masks(synthesis.frames), strict=True):
            problem = Problem.of(synthesis, source[:, synthesis.piece], self.masks)
            flipped, *_ = best_binary(
                problem.synthesis,
                problem.source,
                problem.start_from(mask),
                maximum=problem.masks.maximum,
                max_iterations=max_iterations,
            )
            rounded.append(problem.mask(flipped)[:, inside].round().astype(mask.dtype))
        return np.stack(rounded)

    def _with_halo(self, index: int) -> tuple[Synthesis, slice]:
        """Make the map of a chunk with its halo; also tell which frames are those of the chunk."""
        own, hop, margin = self.frames[index], self.stft.hop_length, HALO * self.stft.n_fft
        start = max(own.start * hop - margin, 0) if index > 0 else 0
        stop = min((own.stop - 1) * hop + margin, self.n_samples)
        if index == len(self.frames) - 1:
            stop = self.n_samples
        synthesis = Synthesis(self.stft, self.mixture, self.masks, piece=slice(start, stop))
        first = synthesis.frames.start
        return synthesis, slice(own.start - first, own.stop - first)

    def alone(self, index: int, *, level: int | None = None) -> Synthesis:
        """Make the map from the frames of a chunk to all samples under them."""
        own = self.frames[index]
        under = self.stft.frames.samples_under(own)
        piece = slice(max(under.start, 0), min(under.stop, self.n_samples))
        return Synthesis(self.stft, self.mixture, self.masks, piece=piece, frames=own, level=level)

    def _others(self, index: int, synthesis: Synthesis, beside: Callable[[slice], Mask]) -> Audio:
        """Compute what the frames beside a chunk add to the samples under it, for each source."""
        own, piece, level = self.frames[index], synthesis.piece, synthesis.level
        over = self.stft.frames.find(piece.start, piece.stop, self.n_samples)
        total = np.zeros((len(self.sources), len(self.mixture), piece.stop - piece.start))
        for frames in (slice(over.start, own.start), slice(own.stop, over.stop)):
            if frames.start >= frames.stop:
                continue
            audio = self.synthesized(frames, beside(frames), level)
            under = self.stft.frames.samples_under(frames)
            both = slice(max(under.start, piece.start), min(under.stop, piece.stop))
            total[..., place_in(piece, both)] += audio[..., place_in(under, both)]
        total /= self.stft.frames.sum_of_squares(self.n_samples, piece=piece)
        return scaled(total, level)

    def synthesized(self, frames: slice, masks: Mask, level: int) -> Audio:
        """Mask frames of 2^-level times the mixture, and overlap-add the windowed frames.

        Returns
        -------
        padded : array of shape (n_sources, n_channels, n_padded), float64
            Not divided by the squared windows.
        """
        stft, n_frames = self.stft, frames.stop - frames.start
        padded = np.zeros((len(masks), len(self.mixture), stft.frames.padded_length(n_frames)))
        for block in split_blocks(frames, stft.n_fft):
            mixture = stft.frames.under(block, self.mixture, dtype=np.float64)
            spectra = stft.frames.analyse(scaled(mixture, -level))
            place = place_in(frames, block)
            for mask, audio in zip(masks, padded, strict=True):
                masked = mask[:, place] * spectra
                stft.frames.synthesize(masked, into=audio[:, place.start * stft.hop_length :])
        return padded
