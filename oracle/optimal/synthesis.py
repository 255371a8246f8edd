"""Synthesis: from a real mask, through the inverse STFT, to samples; and the adjoint."""

import math
from collections.abc import Iterable
from copy import copy
from dataclasses import replace
from functools import cached_property
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from oracle.levels import level_of
from oracle.stft import STFT, Spectrum
from oracle.threads import in_threads
from oracle.track import Audio

# A mask times |X|, or what is compared with one: (n_channels or 1, n_frames, n_freqs).
Scaled = npt.NDArray[np.floating[Any]]

# Samples in the windows of a block of frames: few enough for its arrays to stay in the cache.
BLOCK_SAMPLES = 2**16

# The square of a smaller number has lost digits.
SMALLEST = 1e-130

# A part with a peak that is no more than this has a level and a precision of its own: its bins,
# and their products, might lose digits, or not be floats at all.
QUIET = 2.0**-60


class Synthesis:
    """The linear map B from a mask to some samples of the masked mixture, and its adjoint.

    With X the STFT of the mixture and z = |X| m, the estimate ``inverse(m X)`` is B z,
    linear in the real array z of all frames that reach into the samples. The inverse STFT
    takes the inverse FFT of each frame, windows it, adds the frames up and divides by D, the
    sum of the squared windows. Its adjoint divides by D, cuts out the frames, windows them
    and takes the adjoint of the inverse FFT; the estimate of a real mask is an inner product
    with the phase of X, hence

        B^T r = w Re( conj(X / |X|) forward(r / D) ),

    w = 1 / n_fft for the frequencies 0 and n_fft / 2 and 2 / n_fft for all others, which
    the real FFT holds once for two. r / D is 0 outside the samples, also at the edges of
    the signal: there nothing is special but D.

    Parameters
    ----------
    stft : STFT
        The transform.
    mixture : array of shape (n_channels, n_samples), float32 or float64
        The signal that is masked.
    level : int, optional
        What is masked here is 2^-level times the mixture, whose peak should be near 1.
    shared : bool, optional
        Whether all channels have one mask; |X| is then the norm over the channels.
    floor : float, optional
        Bins up to this part of the norm of their frame count as 0, and so do those that are
        less than the smallest number whose square is precise.
    dtype : dtype, optional
        The precision to work in, float32 or float64; that of the mixture by default.

    Attributes
    ----------
    frames : slice
        The frames of the mask.
    inside : slice
        The samples, among all those under the frames ("padded").
    blocks : list of slice
        The frames, a few at a time.
    phase : array of shape (n_channels, n_frames, n_freqs), complex64 or complex128
        X / |X|, 0 where X is.
    magnitude : array of shape (n_channels or 1, n_frames, n_freqs)
        |X|.
    squares : array of shape (n_padded,), float64
        D in the samples, 0 elsewhere.
    inverse_squares : array of shape (n_padded,)
        1 / D in the samples, 0 elsewhere.
    steps : array of shape (n_frames, 1)
        Steps along B^T r / w that are safe: ||B z||^2 <= sum w z^2 / step.
    """

    def __init__(
        self,
        stft: STFT,
        mixture: Audio,
        *,
        level: int = 0,
        shared: bool = False,
        floor: float = 0.0,
        dtype: npt.DTypeLike | None = None,
    ) -> None:
        self.stft, self.mixture, self.level = stft, mixture, level
        self.shared, self._floor = shared, floor
        self.dtype = np.dtype(mixture.dtype if dtype is None else dtype)
        self._place(slice(0, mixture.shape[-1]))
        self._analyse()

    def part(self, cut: slice) -> Self:
        """Restrict the map to some samples; the frames that do not reach there drop out.

        The work on a part is not spread over threads: many parts may be. One that is far
        quieter than the whole has a level of its own, in double precision.
        """
        part = copy(self)
        part.stft = self._single
        part._place(cut)
        around = part.stft.under(part.frames, self.mixture)
        if np.abs(np.ldexp(around, -self.level)).max() <= QUIET:
            part.level = level_of(around)
            part.dtype = np.dtype(np.float64)
            part._place(cut)
            part._analyse()
        else:
            part.phase = self.phase[:, part.frames]
            part.magnitude = self.magnitude[:, part.frames]
        part.steps = part._steps_of_part()
        return part

    def in_double(self) -> Self:
        """Return the same map in double precision."""
        double = copy(self)
        double.dtype = np.dtype(np.float64)
        double._place(self.cut)
        double.steps = self.steps.astype(np.float64)
        double._analyse()
        return double

    @cached_property
    def _single(self) -> STFT:
        return replace(self.stft, workers=1)

    def _place(self, cut: slice) -> None:
        """Find the frames that reach into the samples, and D there."""
        stft, n_samples = self.stft, self.mixture.shape[-1]
        self.cut = cut
        self.frames = stft.frames_over(cut.start, cut.stop, n_samples)
        n_frames = self.frames.stop - self.frames.start
        size = max(BLOCK_SAMPLES // stft.n_fft, 1)
        self.blocks = [
            slice(start, min(start + size, n_frames)) for start in range(0, n_frames, size)
        ]
        n_padded = stft.padded_length(n_frames)
        offset = self.frames.start * stft.hop_length - stft.n_fft // 2
        self.inside = slice(cut.start - offset, cut.stop - offset)
        self.squares = np.zeros(n_padded)
        self.squares[self.inside] = stft.sum_of_squares(n_samples, cut=cut)
        self.inverse_squares = np.zeros(n_padded, self.dtype)
        self.inverse_squares[self.inside] = 1 / self.squares[self.inside]
        self.steps = np.full((n_frames, 1), self.squares[self.inside].min(), self.dtype)

    def _steps_of_part(self) -> Audio:
        """Find longer steps for frames of which only a quiet end lies in the part.

        With steps a_t of the frames, and their windows v_t, it is enough by Cauchy and Schwarz
        that the sum of a_t v_t^2 is nowhere more than D^2.
        """
        n_fft, hop = self.stft.n_fft, self.stft.hop_length
        window = self.stft.window_samples**2
        squares = sliding_window_view(self.squares, n_fft)[::hop]
        shortest = self.squares[self.inside].min()
        # What the others leave to a frame, if their steps are the shortest.
        room = squares**2 - shortest * (squares - window)
        heard = (squares > 0) & (window > 0)
        steps = np.divide(room, window, out=np.full(room.shape, np.inf), where=heard).min(axis=1)
        steps = np.where(np.isfinite(steps), np.maximum(steps, shortest), shortest)
        while True:
            sums = np.zeros(len(self.squares))
            for frame, step in enumerate(steps):
                sums[frame * hop : frame * hop + n_fft] += step * window
            if (sums <= self.squares**2 * (1 + 1e-9))[self.inside].all():
                return np.asarray(steps[:, np.newaxis], self.dtype)
            # Several frames have taken the same room.
            steps = np.maximum(steps / 2, shortest)

    def _analyse(self) -> None:
        """Transform the mixture."""
        shape = (self.frames.stop - self.frames.start, self.stft.n_freqs)
        n_channels = len(self.mixture)
        self.phase = np.empty((n_channels, *shape), np.result_type(self.dtype, np.complex64))
        self.magnitude = np.empty((1 if self.shared else n_channels, *shape), self.dtype)
        for _ in in_threads(self._analyse_block, self.blocks, workers=self.stft.workers):
            pass

    def _analyse_block(self, block: slice) -> None:
        spectra = self.stft.analyse(self.under(block, self.dtype))
        magnitude = np.abs(spectra)
        if self._floor:
            norms = np.linalg.norm(magnitude, axis=-1, keepdims=True)
            magnitude[magnitude <= np.maximum(self._floor * norms, SMALLEST)] = 0
        if self.shared:
            # Not by squares, which may not be floats.
            magnitude = np.hypot.reduce(magnitude, axis=0, keepdims=True)
        self.magnitude[:, block] = magnitude
        # Part by part: numpy takes the reciprocal, which may not be a float, of what a complex
        # number is divided by.
        divisor = np.where(magnitude > 0, magnitude, np.inf)
        self.phase[:, block].real = spectra.real / divisor
        self.phase[:, block].imag = spectra.imag / divisor

    @cached_property
    def weights(self) -> npt.NDArray[np.float64]:
        """The weight w of each frequency, array of shape (n_freqs,)."""
        weights = np.full(self.stft.n_freqs, 2 / self.stft.n_fft)
        weights[0] /= 2
        if self.stft.n_fft % 2 == 0:
            weights[-1] /= 2
        return weights

    def under(self, block: slice, dtype: npt.DTypeLike) -> Audio:
        """Return the samples of the mixture, at its level here, under the frames of a block."""
        first = self.frames.start
        frames = slice(first + block.start, first + block.stop)
        samples = self.stft.under(frames, self.mixture, dtype=dtype)
        return np.ldexp(samples, -self.level, out=samples)

    def region(self, block: slice) -> slice:
        """Tell where the frames of a block lie, among all padded samples."""
        start = block.start * self.stft.hop_length
        return slice(start, start + self.stft.padded_length(block.stop - block.start))

    def own(self, block: slice) -> slice:
        """Tell which of the padded samples are counted with a block, each with one."""
        last = block.stop == self.blocks[-1].stop
        hop = self.stft.hop_length
        return slice(block.start * hop, len(self.squares) if last else block.stop * hop)

    def padded(self, signal: Audio) -> Audio:
        """Place a signal on the samples, with zeros elsewhere."""
        padded = np.zeros((len(signal), len(self.squares)), self.dtype)
        padded[:, self.inside] = signal
        return padded

    def padded_mixture(self) -> Audio:
        """Place the mixture, at its level here, on the samples of the whole signal."""
        padded = self.padded(self.mixture)
        return np.ldexp(padded, -self.level, out=padded)

    def project(self, padded: Audio, block: slice) -> Scaled:
        """Find how much of the mixture's phase is in a signal: B^T D r / w, of a block."""
        spectra = self.stft.analyse(padded)
        # Real and imaginary parts as real numbers: faster than numpy's complex product.
        parts = spectra.view(padded.dtype)
        parts *= self.phase[:, block].view(padded.dtype)
        result = parts[..., 0::2] + parts[..., 1::2]
        return result.sum(axis=0, keepdims=True) if self.shared else result

    def limit(self, scaled: Scaled, block: slice, *, maximum: float) -> Scaled:
        """Bring a mask of a block, times |X|, into its limits, in place."""
        np.maximum(scaled, 0, out=scaled)
        if maximum < math.inf:
            np.minimum(scaled, maximum * self.magnitude[:, block], out=scaled)
        return scaled

    def synthesize(self, scaled: Scaled, block: slice) -> Audio:
        """Compute D B z of the frames of a block, under these frames."""
        spectra: Spectrum = np.multiply(self.phase[:, block], scaled)
        return self.stft.synthesize(spectra)

    def add_up(self, pieces: Iterable[Audio], into: Audio) -> None:
        """Add up what was synthesized of each block."""
        into[:] = 0
        for block, piece in zip(self.blocks, pieces, strict=True):
            into[:, self.region(block)] += piece

    def forward(self, scaled: Scaled) -> Audio:
        """Compute B z, array of shape (n_channels, n_samples of the cut)."""
        total = np.empty((len(self.phase), len(self.squares)), self.dtype)

        def piece(block: slice) -> Audio:
            return self.synthesize(scaled[:, block], block)

        self.add_up(in_threads(piece, self.blocks, workers=self.stft.workers), total)
        return total[:, self.inside] * self.inverse_squares[self.inside]

    def adjoint(self, residual: Audio) -> Scaled:
        """Compute B^T r of a signal r on the samples of the cut."""
        padded = self.padded(residual) * self.inverse_squares
        weights = self.weights.astype(padded.dtype)
        result = np.empty_like(self.magnitude)

        def fill(block: slice) -> None:
            result[:, block] = weights * self.project(padded[:, self.region(block)], block)

        for _ in in_threads(fill, self.blocks, workers=self.stft.workers):
            pass
        return result
