"""Frames: cut a signal into windowed frames, transform them, and overlap-add them again.

Half of the first frame lies before the signal, as described in `oracle.stft.transform`. "Padded"
means all samples under some frames, in the signal or beyond its ends.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy
from numpy.lib.stride_tricks import as_strided, sliding_window_view

from oracle.tracks.track import Audio

Spectrum = npt.NDArray[np.complexfloating[Any, Any]]

# Frames per block, for one signal and for several at once: enough to make a call of the FFT
# worthwhile, few enough that frames and spectra stay in the cache between steps.
BLOCK_FRAMES, BLOCK_FRAMES_OF_MANY = 128, 24

# Frames that a thread works on at a time: several blocks.
CHUNK_FRAMES = 256


@dataclass(frozen=True, eq=False)
class Frames:
    """The frames of an STFT: where they lie, how to cut them out, and how to overlap-add them.

    Parameters
    ----------
    window_samples : array of shape (n_fft,), float64
        The window.
    hop_length : int
        Samples from one window to the next.
    """

    window_samples: npt.NDArray[np.float64]
    hop_length: int

    @property
    def n_fft(self) -> int:
        """Length of a window."""
        return len(self.window_samples)

    def count(self, n_samples: int) -> int:
        """Return the number of frames of a signal of `n_samples` samples."""
        padded = n_samples + 2 * (self.n_fft // 2)
        return -(-(padded - self.n_fft) // self.hop_length) + 1

    def find(self, start: int, stop: int, n_samples: int) -> slice:
        """Find the frames that reach into the samples from `start` to `stop` of a signal."""
        start, stop = start + self.n_fft // 2, stop + self.n_fft // 2
        first = max(0, (start - self.n_fft) // self.hop_length + 1)
        return slice(first, min(-(-stop // self.hop_length), self.count(n_samples)))

    def padded_length(self, n_frames: int) -> int:
        """Return the number of samples under `n_frames` frames."""
        return self.n_fft + (n_frames - 1) * self.hop_length

    def samples_under(self, frames: slice) -> slice:
        """Find the samples under some frames; those before the signal have negative indices."""
        start = frames.start * self.hop_length - self.n_fft // 2
        return slice(start, start + self.padded_length(frames.stop - frames.start))

    def under(self, frames: slice, signal: Audio, *, dtype: npt.DTypeLike | None = None) -> Audio:
        """Return the samples under some frames of a signal, with zeros beyond its ends.

        Parameters
        ----------
        frames : slice
            The n frames, from the first to one past the last.
        signal : array of shape (..., n_samples)
        dtype : dtype, optional
            Dtype of the result; that of the signal by default.

        Returns
        -------
        padded : array of shape (..., padded_length(n))
            A copy.
        """
        return self.view_under(frames, signal).astype(dtype or signal.dtype, order="C")

    def view_under(self, frames: slice, signal: Audio) -> Audio:
        """Do the same as `under`, but return a view if the frames lie wholly in the signal."""
        n_samples, under = signal.shape[-1], self.samples_under(frames)
        if under.start >= 0 and under.stop <= n_samples:
            return signal[..., under]
        padded = np.zeros((*signal.shape[:-1], under.stop - under.start), signal.dtype)
        # A frame may lie entirely in the padding after the signal.
        inside = slice(min(max(under.start, 0), n_samples), max(min(under.stop, n_samples), 0))
        padded[..., place_in(under, inside)] = signal[..., inside]
        return padded

    def _framed(self, padded: Audio) -> Audio:
        """View what `under` returns as frames, array of shape (..., n, n_fft)."""
        # Like `sliding_window_view`, in a third of the time.
        *others, last = padded.strides
        n_frames = 1 + (padded.shape[-1] - self.n_fft) // self.hop_length
        return as_strided(
            padded,
            (*padded.shape[:-1], n_frames, self.n_fft),
            (*others, self.hop_length * last, last),
            writeable=False,
        )

    def analyse(self, padded: Audio) -> Spectrum:
        """Transform the frames of what `under` returns: the second half of `STFT.forward`.

        Parameters
        ----------
        padded : array of shape (..., padded_length(n)), float32 or float64

        Returns
        -------
        spectra : array of shape (..., n, n_freqs), complex64 or complex128
        """
        # Copying and multiplying in place is faster than a product.
        windowed = self._framed(padded).astype(padded.dtype, order="C")
        windowed *= self.window_samples.astype(padded.dtype, copy=False)
        return scipy.fft.rfft(windowed)

    def transform_back(self, spectra: Spectrum, window: npt.NDArray[Any]) -> Audio:
        """Transform spectra of shape (..., n, n_freqs) back, and multiply by a window."""
        frames = scipy.fft.irfft(spectra, self.n_fft)
        frames *= window.astype(frames.dtype, copy=False)
        return np.asarray(frames)

    def overlap_add(self, padded: Audio, frames: Audio) -> None:
        """Add frames to a padded signal from its start, one hop's worth of each at a time."""
        hop, n_frames = self.hop_length, frames.shape[-2]
        for start in range(0, self.n_fft, hop):
            strip = frames[..., start : start + hop]
            # Strips of different frames do not overlap, so they are rows of one view.
            if strip.shape[-1] == hop:
                rows = padded[..., start : start + n_frames * hop]
                rows = rows.reshape(*padded.shape[:-1], n_frames, hop)
            else:
                rows = sliding_window_view(
                    padded[..., start:], strip.shape[-1], axis=-1, writeable=True
                )[..., ::hop, :][..., :n_frames, :]
            rows += strip

    def synthesize(self, spectra: Spectrum, *, into: Audio | None = None) -> Audio:
        """Overlap-add the windowed frames, without dividing by the sum of the squared windows.

        Parameters
        ----------
        spectra : array of shape (..., n, n_freqs), complex64 or complex128
        into : array of shape (..., at least padded_length(n)), optional
            Array to add them to, from its start; zeros by default.

        Returns
        -------
        padded : array of shape (..., padded_length(n)), float32 or float64
            `into`, if it was given.
        """
        frames = self.transform_back(spectra, self.window_samples)
        if into is None:
            length = self.padded_length(frames.shape[-2])
            into = np.zeros((*frames.shape[:-2], length), frames.dtype)
        self.overlap_add(into, frames)
        return into

    def analyse_together(
        self, signals: Sequence[Audio], frames: slice, dtype: npt.DTypeLike | None
    ) -> Iterator[tuple[slice, Spectrum]]:
        """Transform frames of signals, block by block; yield the frames of each block as well."""
        dtype = dtype or np.result_type(*signals)
        window = self.window_samples.astype(dtype)
        for block in split(frames, BLOCK_FRAMES_OF_MANY):
            shape = (len(signals), *signals[0].shape[:-1], block.stop - block.start, self.n_fft)
            windowed = np.empty(shape, dtype)
            for place, signal in zip(windowed, signals, strict=True):
                place[:] = self._framed(self.view_under(block, signal))
            windowed *= window
            yield block, scipy.fft.rfft(windowed).swapaxes(-1, -2)

    def sum_of_squares(
        self, n_samples: int, *, piece: slice | None = None
    ) -> npt.NDArray[np.float64]:
        """Sum the squared windows at each sample of a signal, or of a piece of it.

        Parameters
        ----------
        n_samples : int
            Length of the signal.
        piece : slice, optional
            The samples to compute; all by default.

        Returns
        -------
        weight : array of shape (n,), float64
            The divisor of the inverse.
        """
        start, stop, _ = (piece or slice(None)).indices(n_samples)
        frames = self.find(start, stop, n_samples)
        n_frames = frames.stop - frames.start
        padded = np.zeros(self.padded_length(n_frames))
        squares = np.broadcast_to(self.window_samples**2, (n_frames, self.n_fft))
        self.overlap_add(padded, squares)
        return padded[place_in(self.samples_under(frames), slice(start, stop))]

    @property
    def _periodic_squares(self) -> npt.NDArray[np.float64]:
        """The sum of the squared windows at each sample of a hop, far from the ends."""
        hop = self.hop_length
        squares = np.zeros(-(-self.n_fft // hop) * hop)
        squares[: self.n_fft] = self.window_samples**2
        return np.asarray(squares.reshape(-1, hop).sum(axis=0))

    @cached_property
    def dual_window(self) -> npt.NDArray[np.float64]:
        """The window over the sum of squares, so that the inverse need not divide each sample."""
        return self.window_samples / np.resize(self._periodic_squares, self.n_fft)

    def scale_ends(self, audio: Audio, start: int, n_samples: int) -> None:
        """Correct the ends of a signal, where fewer windows overlap than the dual window assumes.

        The audio, of shape (..., n), is the signal from sample `start`; it is changed in place.
        """
        half, hop = self.n_fft // 2, self.hop_length
        stop = start + audio.shape[-1]
        full = (-(-self.n_fft // hop) - 1) * hop - half
        for first, last in (
            (start, min(full, stop)),
            (max(self.count(n_samples) * hop - half, full, start), stop),
        ):
            if first < last:
                squares = self._periodic_squares[(np.arange(first, last) + half) % hop]
                squares /= self.sum_of_squares(n_samples, piece=slice(first, last))
                audio[..., first - start : last - start] *= squares.astype(audio.dtype)


def split(whole: slice, size: int) -> list[slice]:
    """Split frames or samples into runs of a given size; the last may be shorter."""
    starts = range(whole.start, whole.stop, size)
    return [slice(start, min(start + size, whole.stop)) for start in starts]


def place_in(whole: slice, piece: slice) -> slice:
    """Find where a piece lies in another one, counted from the start of the latter."""
    return slice(piece.start - whole.start, piece.stop - whole.start)
