"""STFT: forward and inverse in one frozen object, so that they cannot disagree.

Conventions: the signal is preceded and followed by half a window of zeros, then padded
to whole hops, so that every sample, the first and the last too, lies under full windows.
Frames are not scaled: a frame is the FFT of the windowed samples. The inverse is the
least-squares one of Griffin & Lim (1984): overlap-add of the windowed frames over the sum
of the squared windows.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, reduce
from numbers import Integral
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy
from numpy.lib.stride_tricks import as_strided, sliding_window_view

from oracle.machine.threads import in_threads
from oracle.tracks.track import Audio

Spectrum = npt.NDArray[np.complexfloating[Any, Any]]

# Frames transformed in one batch: many enough for one call of the FFT to be worth it, few
# enough that the frames and their spectra stay in the cache between the steps.
BATCH_FRAMES = 128

# The same where several signals are transformed at once, and frames that a thread takes on.
MODIFY_FRAMES = 24
SEGMENT_FRAMES = 256

# The least sum of squared windows over a sample, relative to a window's maximum. Dividing by
# it lets rounding errors grow 100 times there, which float32 audio can still bear.
MIN_WEIGHT = 1e-4


@dataclass(frozen=True, init=False)
class STFT:
    """Short-time Fourier transform and its inverse.

    Two are equal if they give the same spectra: `workers` is no part of what an STFT is.

    Parameters
    ----------
    n_fft : int, optional
        Length of a window and of its FFT in samples.
    hop_length : int, optional
        Samples from one window to the next; by default half a window, ``n_fft // 2``.
    window : str or tuple, optional
        Any window of `scipy.signal.get_window`, in its periodic form.
    workers : int, optional
        Threads, as in `scipy.fft`: -1 is one a core. The result does not depend on it.

    Raises
    ------
    TypeError
        If a number is not an integer.
    ValueError
        If a number is out of its range, the window is unknown, or some samples would lie
        under windows so small that the transform cannot be inverted.

    References
    ----------
    .. [1] D. Griffin and J. Lim, "Signal estimation from modified short-time Fourier
           transform", IEEE Trans. ASSP 32(2), 1984.

    Examples
    --------
    >>> import numpy as np
    >>> STFT(n_fft=4096)
    STFT(n_fft=4096, hop_length=2048, window='hann')
    >>> stft = STFT(n_fft=512, hop_length=128)
    >>> audio = np.ones((2, 1000))
    >>> spectrum = stft.forward(audio)
    >>> spectrum.shape
    (2, 257, 9)
    >>> bool(np.allclose(stft.inverse(spectrum, n_samples=1000), audio))
    True
    """

    n_fft: int
    hop_length: int
    window: str | tuple[Any, ...]
    workers: int = field(compare=False, repr=False)

    def __init__(
        self,
        *,
        n_fft: int = 2048,
        hop_length: int | None = None,
        window: str | tuple[Any, ...] = "hann",
        workers: int = -1,
    ) -> None:
        numbers = {"n_fft": n_fft, "hop_length": hop_length, "workers": workers}
        if hop_length is None:
            del numbers["hop_length"]
        for argument, value in numbers.items():
            if not isinstance(value, Integral) or isinstance(value, bool):
                raise TypeError(f"{argument} must be an integer, got {value!r}")
            # The only way in which a frozen dataclass can set its own fields.
            object.__setattr__(self, argument, int(value))
        object.__setattr__(self, "window", window)
        if self.n_fft < 2:
            raise ValueError(f"n_fft must be at least 2, got {self.n_fft}")
        if hop_length is None:
            object.__setattr__(self, "hop_length", self.n_fft // 2)
        if not 1 <= self.hop_length <= self.n_fft:
            raise ValueError(
                f"hop_length must lie between 1 and n_fft={self.n_fft}, got {self.hop_length}: "
                "samples between two windows would be lost"
            )
        if self.workers != -1 and self.workers < 1:
            raise ValueError(f"workers must be positive, or -1 for all cores, got {self.workers}")
        # These signals lie under the fewest windows; longer ones only add to the sums.
        shortest = (1, self.hop_length + self.n_fft % 2)
        weight = min(self.sum_of_squares(n_samples).min() for n_samples in shortest)
        weight /= (self.window_samples**2).max()
        if not weight >= MIN_WEIGHT:
            raise ValueError(
                "hop_length must let the windows overlap enough for an inverse, "
                f"got {self.hop_length} with a {self.window!r} window of {self.n_fft}: "
                f"the sum of the squared windows falls to {weight:.1e} of a window's maximum, "
                f"and must stay above {MIN_WEIGHT:.0e}"
            )

    @cached_property
    def window_samples(self) -> npt.NDArray[np.float64]:
        """The window, array of shape (n_fft,)."""
        # Imported late: scipy.signal takes longer to import than all the rest.
        from scipy.signal import get_window

        try:
            return np.asarray(get_window(self.window, self.n_fft), dtype=np.float64)
        except (ValueError, TypeError) as error:
            raise ValueError(
                f"window must be one that scipy.signal.get_window knows, got {self.window!r} "
                f"({error})"
            ) from None

    @property
    def n_freqs(self) -> int:
        """Number of frequencies, n_fft // 2 + 1."""
        return self.n_fft // 2 + 1

    def n_frames(self, n_samples: int) -> int:
        """Return the number of frames of a signal of `n_samples` samples.

        Raises
        ------
        TypeError
            If `n_samples` is not an integer.
        ValueError
            If it is not positive.
        """
        if not isinstance(n_samples, Integral) or isinstance(n_samples, bool):
            raise TypeError(f"n_samples must be an integer, got {n_samples!r}")
        if n_samples < 1:
            raise ValueError(f"n_samples must be positive, got {n_samples}")
        padded = n_samples + 2 * (self.n_fft // 2)
        return -(-(padded - self.n_fft) // self.hop_length) + 1

    @property
    def settings(self) -> dict[str, Any]:
        """What files say of it."""
        return {"n_fft": self.n_fft, "hop_length": self.hop_length, "window": self.window}

    def forward(self, audio: Audio) -> Spectrum:
        """Transform audio.

        Parameters
        ----------
        audio : array of shape (..., n_samples), float32 or float64

        Returns
        -------
        spectrum : array of shape (..., n_freqs, n_frames), complex64 or complex128
            A view: in memory, the frequencies of a frame lie side by side.

        Raises
        ------
        TypeError
            If the audio is not a float32 or float64 array.
        ValueError
            If there are no samples.
        """
        if not isinstance(audio, np.ndarray) or audio.dtype not in (np.float32, np.float64):
            raise TypeError(
                "audio must be a numpy array of float32 or float64, "
                f"got {getattr(audio, 'dtype', type(audio).__name__)}"
            )
        if audio.ndim == 0 or audio.shape[-1] == 0:
            raise ValueError(f"audio must have samples on its last axis, got shape {audio.shape}")
        n_samples = audio.shape[-1]
        n_frames = self.n_frames(n_samples)
        signals = audio.reshape(-1, n_samples)
        spectra = np.empty(
            (len(signals), n_frames, self.n_freqs), np.result_type(audio.dtype, np.complex64)
        )

        def transform(index: int, frames: slice) -> None:
            spectra[index, frames] = self.analyse(self._under(frames, signals[index]))

        self._for_each(transform, len(signals), slice(0, n_frames))
        return spectra.reshape(*audio.shape[:-1], n_frames, self.n_freqs).swapaxes(-1, -2)

    def inverse(self, spectrum: Spectrum, *, n_samples: int) -> Audio:
        """Transform a spectrum back: the audio whose spectrum is nearest to it.

        Parameters
        ----------
        spectrum : array of shape (..., n_freqs, n_frames), complex64 or complex128
        n_samples : int
            Number of samples of the audio; it fixes the number of frames.

        Returns
        -------
        audio : array of shape (..., n_samples), float32 or float64

        Raises
        ------
        TypeError
            If the spectrum is not a complex64 or complex128 array, or `n_samples` not an
            integer.
        ValueError
            If the shape is not that of the spectrum of `n_samples` samples.
        """
        if not isinstance(spectrum, np.ndarray) or spectrum.dtype not in (
            np.complex64,
            np.complex128,
        ):
            raise TypeError(
                "spectrum must be a numpy array of complex64 or complex128, "
                f"got {getattr(spectrum, 'dtype', type(spectrum).__name__)}"
            )
        n_frames = self.n_frames(n_samples)
        if spectrum.shape[-2:] != (self.n_freqs, n_frames):
            raise ValueError(
                f"spectrum must have shape (..., {self.n_freqs}, {n_frames}) "
                f"for n_samples={n_samples}, got {spectrum.shape}"
            )
        dtype: type[np.floating[Any]] = np.float32 if spectrum.dtype == np.complex64 else np.float64
        window = self._dual_window.astype(dtype)
        spectra = spectrum.swapaxes(-1, -2).reshape(-1, n_frames, self.n_freqs)
        half, hop = self.n_fft // 2, self.hop_length
        # Those hops of the padded signal that hold any of the signal.
        hops = slice(half // hop, -(-(half + n_samples) // hop))
        padded = np.empty((len(spectra), hops.stop, hop), dtype)
        overlap = -(-self.n_fft // hop) - 1

        def transform(index: int, some: slice) -> None:
            # Over a hop lie the frame that begins with it, and as many as overlap it before.
            start, stop = some.start - overlap, some.stop
            frames = self._windowed(spectra[index, max(start, 0) : stop], window)
            if start < 0 or stop > n_frames:
                frames = np.pad(frames, ((max(-start, 0), max(stop - n_frames, 0)), (0, 0)))
            sums = padded[index, some]
            sums[:] = frames[overlap:, :hop]
            for ago in range(1, overlap + 1):
                part = frames[overlap - ago : -ago, ago * hop : (ago + 1) * hop]
                sums[:, : part.shape[1]] += part

        self._for_each(transform, len(spectra), hops)
        audio = padded.reshape(len(spectra), hops.stop * hop)[:, half : half + n_samples]
        self._scale_ends(audio, 0, n_samples)
        return audio.reshape(*spectrum.shape[:-2], n_samples)

    def modify(
        self,
        changes: Sequence[Callable[[Spectrum, slice], Spectrum]],
        signals: Sequence[Audio],
        *,
        cut: slice | None = None,
        dtype: npt.DTypeLike | None = None,
    ) -> list[Audio]:
        """Transform signals, change their spectra in several ways, and transform back.

        As ``inverse(change(forward(np.stack(signals))))`` for each change, but a few frames
        at a time, in the cache, and only of some samples.

        Parameters
        ----------
        changes : sequence of callables
            Each takes spectra of all signals in a few frames, shape (n_signals, n_channels,
            n_freqs, n), and which frames these are, to other spectra of these frames, shape
            (..., n_freqs, n), complex64 or complex128.
        signals : sequence of arrays of shape (n_channels, n_samples), float32 or float64
        cut : slice, optional
            The samples to compute; all by default.
        dtype : dtype, optional
            Precision of the spectra, float32 or float64; that of the signals by default.

        Returns
        -------
        audio : list of arrays of shape (..., n), float32 or float64
            What becomes of the signals by each change, in the samples of the cut.

        Raises
        ------
        ValueError
            If the signals have not one shape (n_channels, n_samples), or the cut is empty
            or has a step.
        """
        if not changes:
            return []
        shapes = {signal.shape for signal in signals}
        if len(shapes) != 1 or len(signals[0].shape) != 2:
            raise ValueError(
                f"signals must have one shape (n_channels, n_samples), got {sorted(shapes)}"
            )
        n_samples = signals[0].shape[-1]
        start, stop, step = (cut or slice(None)).indices(n_samples)
        if step != 1 or start >= stop:
            raise ValueError(f"cut must hold samples, and have no step, got {cut}")
        frames = self.find_frames(start, stop, n_samples)
        n_padded = self.padded_length(frames.stop - frames.start)
        padded: list[Audio] = []
        for first, spectra in self._analyse(signals, frames, dtype):
            for index, change in enumerate(changes):
                place = slice(frames.start + first, frames.start + first + spectra.shape[-1])
                changed = change(spectra, place).swapaxes(-1, -2)
                if first == 0:
                    of_audio = np.float32 if changed.dtype == np.complex64 else np.float64
                    padded.append(np.zeros((*changed.shape[:-2], n_padded), of_audio))
                window = self._dual_window.astype(padded[index].dtype)
                part = padded[index][..., first * self.hop_length :]
                self._overlap_add(part, self._windowed(changed, window))
        offset = start + self.n_fft // 2 - frames.start * self.hop_length
        audio = [array[..., offset : offset + stop - start] for array in padded]
        for array in audio:
            self._scale_ends(array, start, n_samples)
        return audio

    def sum_over_frames(
        self,
        function: Callable[[Spectrum], Sequence[Any]],
        signals: Sequence[Audio],
        *,
        dtype: npt.DTypeLike | None = None,
    ) -> list[Any]:
        """Transform signals and add up what a function finds in their spectra.

        Parameters
        ----------
        function : callable
            Takes spectra of all signals in a few frames, shape (n_signals, n_channels,
            n_freqs, n), to numbers or arrays; it is called in several threads.
        signals, dtype
            As in `modify`.

        Returns
        -------
        sums : list
            What the function returns, each added up over all frames.
        """
        n_frames = self.n_frames(signals[0].shape[-1])

        def segment(start: int) -> list[Any]:
            frames = slice(start, min(start + SEGMENT_FRAMES, n_frames))
            spectra_of = self._analyse(signals, frames, dtype)
            return reduce(_add, (list(function(spectra)) for _, spectra in spectra_of))

        starts = range(0, n_frames, SEGMENT_FRAMES)
        return reduce(_add, in_threads(segment, starts, workers=self.workers))

    def find_frames(self, start: int, stop: int, n_samples: int) -> slice:
        """Tell which frames reach into the samples from `start` to `stop` of a signal."""
        start, stop = start + self.n_fft // 2, stop + self.n_fft // 2
        first = max(0, (start - self.n_fft) // self.hop_length + 1)
        return slice(first, min(-(-stop // self.hop_length), self.n_frames(n_samples)))

    def _analyse(
        self, signals: Sequence[Audio], frames: slice, dtype: npt.DTypeLike | None
    ) -> Iterator[tuple[int, Spectrum]]:
        """Transform some frames of signals, a few at a time; also give which come first."""
        dtype = dtype or np.result_type(*signals)
        window = self.window_samples.astype(dtype)
        for first in range(frames.start, frames.stop, MODIFY_FRAMES):
            some = slice(first, min(first + MODIFY_FRAMES, frames.stop))
            shape = (len(signals), *signals[0].shape[:-1], some.stop - first, self.n_fft)
            windowed = np.empty(shape, dtype)
            for place, signal in zip(windowed, signals, strict=True):
                place[:] = self._framed(self._under(some, signal))
            windowed *= window
            yield first - frames.start, scipy.fft.rfft(windowed).swapaxes(-1, -2)

    def under(self, frames: slice, signal: Audio, *, dtype: npt.DTypeLike | None = None) -> Audio:
        """Return the samples under some frames of a signal, and zeros where it has none.

        Parameters
        ----------
        frames : slice
            From the first to behind the last.
        signal : array of shape (..., n_samples)
        dtype : dtype, optional
            Of the result; that of the signal by default.

        Returns
        -------
        padded : array of shape (..., padded_length(n)), n frames
            A copy.
        """
        return self._under(frames, signal).astype(dtype or signal.dtype, order="C")

    def _under(self, frames: slice, signal: Audio) -> Audio:
        """As `under`, but a view of the signal where it lies under all of the frames."""
        n_samples = signal.shape[-1]
        start = frames.start * self.hop_length - self.n_fft // 2
        stop = start + self.padded_length(frames.stop - frames.start)
        if start >= 0 and stop <= n_samples:
            return signal[..., start:stop]
        padded = np.zeros((*signal.shape[:-1], stop - start), signal.dtype)
        # A frame may lie wholly in the padding after the signal.
        inside = slice(min(max(start, 0), n_samples), max(min(stop, n_samples), 0))
        padded[..., inside.start - start : inside.stop - start] = signal[..., inside]
        return padded

    def analyse(self, padded: Audio) -> Spectrum:
        """Transform the frames of what `under` returns: half of `forward`.

        Parameters
        ----------
        padded : array of shape (..., padded_length(n)), float32 or float64

        Returns
        -------
        spectra : array of shape (..., n, n_freqs), complex64 or complex128
        """
        # A copy that is multiplied in place is faster than a product.
        windowed = self._framed(padded).astype(padded.dtype, order="C")
        windowed *= self.window_samples.astype(padded.dtype, copy=False)
        return scipy.fft.rfft(windowed)

    def _framed(self, padded: Audio) -> Audio:
        """View the frames of what `under` returns, array of shape (..., n, n_fft)."""
        # As `sliding_window_view`, in a third of the time.
        *others, last = padded.strides
        n_frames = 1 + (padded.shape[-1] - self.n_fft) // self.hop_length
        return as_strided(
            padded,
            (*padded.shape[:-1], n_frames, self.n_fft),
            (*others, self.hop_length * last, last),
            writeable=False,
        )

    def synthesize(self, spectra: Spectrum, *, into: Audio | None = None) -> Audio:
        """Add up the windowed frames: half of `inverse`, not divided by the squared windows.

        Parameters
        ----------
        spectra : array of shape (..., n, n_freqs), complex64 or complex128
        into : array of shape (..., at least padded_length(n)), optional
            What to add them to, from its start on; zeros by default.

        Returns
        -------
        padded : array of shape (..., padded_length(n)), float32 or float64
            Or `into`.
        """
        frames = self._windowed(spectra, self.window_samples)
        if into is None:
            length = self.padded_length(frames.shape[-2])
            into = np.zeros((*frames.shape[:-2], length), frames.dtype)
        self._overlap_add(into, frames)
        return into

    def padded_length(self, n_frames: int) -> int:
        """Return the number of samples under `n_frames` frames."""
        return self.n_fft + (n_frames - 1) * self.hop_length

    def _for_each(
        self, transform: Callable[[int, slice], None], n_signals: int, whole: slice
    ) -> None:
        """Transform batches of each signal in threads."""
        starts = range(whole.start, whole.stop, BATCH_FRAMES)
        batches = [slice(start, min(start + BATCH_FRAMES, whole.stop)) for start in starts]
        places = itertools.product(range(n_signals), batches)
        # A single batch is not worth a thread.
        workers = self.workers if n_signals * len(batches) > 1 else 1
        for _ in in_threads(lambda place: transform(*place), places, workers=workers):
            pass

    @property
    def _periodic_squares(self) -> npt.NDArray[np.float64]:
        """The sum of all squared windows over each sample of a hop, far from the ends."""
        hop = self.hop_length
        squares = np.zeros(-(-self.n_fft // hop) * hop)
        squares[: self.n_fft] = self.window_samples**2
        return np.asarray(squares.reshape(-1, hop).sum(axis=0))

    @cached_property
    def _dual_window(self) -> npt.NDArray[np.float64]:
        """The window over the sum of squares: saves the inverse to divide every sample."""
        return self.window_samples / np.resize(self._periodic_squares, self.n_fft)

    def _windowed(self, spectra: Spectrum, window: npt.NDArray[Any]) -> Audio:
        """Transform spectra of shape (..., n, n_freqs) back, and multiply by a window."""
        frames = scipy.fft.irfft(spectra, self.n_fft)
        frames *= window.astype(frames.dtype, copy=False)
        return np.asarray(frames)

    def _scale_ends(self, audio: Audio, start: int, n_samples: int) -> None:
        """Undo that the dual window takes all windows to lie over each sample of a signal.

        Fewer do at its ends. The audio, of shape (..., n), is the signal from `start` on.
        """
        half, hop = self.n_fft // 2, self.hop_length
        stop = start + audio.shape[-1]
        full = (-(-self.n_fft // hop) - 1) * hop - half
        for first, last in (
            (start, min(full, stop)),
            (max(self.n_frames(n_samples) * hop - half, full, start), stop),
        ):
            if first < last:
                squares = self._periodic_squares[(np.arange(first, last) + half) % hop]
                squares /= self.sum_of_squares(n_samples, cut=slice(first, last))
                audio[..., first - start : last - start] *= squares.astype(audio.dtype)

    def _overlap_add(self, padded: Audio, frames: Audio) -> None:
        """Add frames to a signal, the first at its start, one hop's worth of each at a time."""
        hop, n_frames = self.hop_length, frames.shape[-2]
        for start in range(0, self.n_fft, hop):
            part = frames[..., start : start + hop]
            # Parts of different frames do not overlap: they are rows of one view.
            if part.shape[-1] == hop:
                rows = padded[..., start : start + n_frames * hop]
                rows = rows.reshape(*padded.shape[:-1], n_frames, hop)
            else:
                rows = sliding_window_view(
                    padded[..., start:], part.shape[-1], axis=-1, writeable=True
                )[..., ::hop, :][..., :n_frames, :]
            rows += part

    def sum_of_squares(
        self, n_samples: int, *, cut: slice | None = None
    ) -> npt.NDArray[np.float64]:
        """Sum the squared windows over each sample of a signal, or of a part of it.

        Parameters
        ----------
        n_samples : int
            Length of the signal.
        cut : slice, optional
            The samples to compute; all by default.

        Returns
        -------
        weight : array of shape (n,), float64
            What the inverse divides by.
        """
        start, stop, _ = (cut or slice(None)).indices(n_samples)
        frames = self.find_frames(start, stop, n_samples)
        n_frames = frames.stop - frames.start
        padded = np.zeros(self.padded_length(n_frames))
        squares = np.broadcast_to(self.window_samples**2, (n_frames, self.n_fft))
        self._overlap_add(padded, squares)
        offset = start + self.n_fft // 2 - frames.start * self.hop_length
        return padded[offset : offset + stop - start]


def _add(sums: list[Any], others: list[Any]) -> list[Any]:
    return [each + other for each, other in zip(sums, others, strict=True)]
