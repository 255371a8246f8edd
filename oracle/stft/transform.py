"""STFT: forward and inverse transform in one frozen object, so that they always match.

Conventions: half a window of zeros precedes and follows the signal, which is then padded to
whole hops, so that every sample, including the first and the last, lies under full windows.
Frames are not scaled: a frame is the FFT of the windowed samples. The inverse is the
least-squares inverse of Griffin & Lim (1984): overlap-add of the windowed frames, divided by the
sum of the squared windows. The steps on runs of frames are in `oracle.stft.frames`.
The file is long because the docstrings of one class fill over a third of it.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, reduce
from numbers import Integral
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from oracle.machine.libraries import find_library
from oracle.machine.threads import in_threads
from oracle.stft import any_array
from oracle.stft.frames import BLOCK_FRAMES, CHUNK_FRAMES, Frames, Spectrum, place_in, split
from oracle.tracks.track import Audio

# The smallest sum of squared windows at a sample, relative to the maximum of a squared window.
# Dividing by it amplifies rounding errors 100 times there, which float32 audio tolerates.
MIN_WEIGHT = 1e-4


@dataclass(frozen=True, init=False)
class STFT:
    """Short-time Fourier transform and its inverse.

    Two STFTs are equal if they give the same spectra; `workers` is not compared.

    Parameters
    ----------
    n_fft : int, optional
        Length of a window and of its FFT, in samples.
    hop_length : int, optional
        Samples from one window to the next; by default half a window, ``n_fft // 2``.
    window : str or tuple, optional
        Any window of `scipy.signal.get_window`, in its periodic form.
    workers : int, optional
        Number of threads, as in `scipy.fft`: -1 is one per core. Results do not depend on it.

    Raises
    ------
    TypeError
        If a number is not an integer.
    ValueError
        If a number is out of range, the window is unknown, or the windows are so small over
        some samples that the transform cannot be inverted.

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
            # The only way for a frozen dataclass to set its own fields.
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
        # These signals lie under the fewest windows; longer ones only increase the sums.
        shortest = (1, self.hop_length + self.n_fft % 2)
        weight = min(self.frames.sum_of_squares(n_samples).min() for n_samples in shortest)
        weight /= (self.window_samples**2).max()
        if not weight >= MIN_WEIGHT:
            raise ValueError(
                "hop_length must let the windows overlap enough for an inverse, "
                f"got {self.hop_length} with a {self.window!r} window of {self.n_fft}: "
                f"the sum of the squared windows falls to {weight:.1e} of a window's maximum, "
                f"and must stay above {MIN_WEIGHT:.0e}; use a smaller hop_length or another window"
            )

    @cached_property
    def window_samples(self) -> npt.NDArray[np.float64]:
        """The window, array of shape (n_fft,)."""
        # Imported late: scipy.signal takes longer to import than everything else.
        from scipy.signal import get_window

        try:
            return np.asarray(get_window(self.window, self.n_fft), dtype=np.float64)
        except (ValueError, TypeError) as error:
            raise ValueError(
                f"window must be one that scipy.signal.get_window knows, got {self.window!r} "
                f"({error})"
            ) from None

    @cached_property
    def frames(self) -> Frames:
        """Where the windows lie, and the transform of runs of frames, forward and back."""
        return Frames(self.window_samples, self.hop_length)

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
        return self.frames.count(int(n_samples))

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that result files record."""
        return {"n_fft": self.n_fft, "hop_length": self.hop_length, "window": self.window}

    @overload
    def forward(self, audio: Audio) -> Spectrum: ...

    @overload
    def forward(self, audio: Any) -> Any: ...

    def forward(self, audio: Any) -> Any:
        """Transform audio.

        Parameters
        ----------
        audio : array of shape (..., n_samples), float32 or float64
            Of numpy, or of any library of the array API standard, as torch: it is then
            transformed on its device, with gradients.

        Returns
        -------
        spectrum : array of shape (..., n_freqs, n_frames), complex64 or complex128
            A view: in memory, the frequencies of a frame are contiguous. Of other libraries
            equal to numpy's up to rounding.

        Raises
        ------
        TypeError
            If the audio is not a float32 or float64 array.
        ValueError
            If there are no samples.
        """
        xp = _find_library("audio", audio, ("float32", "float64"))
        if audio.ndim == 0 or audio.shape[-1] == 0:
            raise ValueError(
                f"audio must have samples on its last axis, got shape {tuple(audio.shape)}"
            )
        if not isinstance(audio, np.ndarray):
            return any_array.transform_array(xp, self.frames, audio)
        n_samples = audio.shape[-1]
        n_frames = self.n_frames(n_samples)
        signals = audio.reshape(-1, n_samples)
        spectra = np.empty(
            (len(signals), n_frames, self.n_freqs), np.result_type(audio.dtype, np.complex64)
        )

        def transform(index: int, block: slice) -> None:
            padded = self.frames.view_under(block, signals[index])
            spectra[index, block] = self.frames.analyse(padded)

        self._for_each(transform, len(signals), slice(0, n_frames))
        return spectra.reshape(*audio.shape[:-1], n_frames, self.n_freqs).swapaxes(-1, -2)

    @overload
    def inverse(
        self, spectrum: Spectrum, *, n_samples: int | None = None, length: None = None
    ) -> Audio: ...

    @overload
    def inverse(
        self, spectrum: Any, *, n_samples: int | None = None, length: None = None
    ) -> Any: ...

    def inverse(self, spectrum: Any, *, n_samples: int | None = None, length: None = None) -> Any:
        """Transform a spectrum back to the audio whose spectrum is closest to it.

        Parameters
        ----------
        spectrum : array of shape (..., n_freqs, n_frames), complex64 or complex128
            Of numpy or of another library, as in `forward`.
        n_samples : int, optional
            Number of samples of the audio, which determines the number of frames. By default
            the most that have so many frames: ``n_fft % 2 + (n_frames - 1) * hop_length``. The
            audio that the spectrum is of may have been up to ``hop_length - 1`` samples
            shorter; what is returned beyond its end is zero up to rounding.
        length
            Not taken: what other packages call `length` is `n_samples` here.

        Returns
        -------
        audio : array of shape (..., n_samples), float32 or float64
            Like the spectrum.

        Raises
        ------
        TypeError
            If the spectrum is not a complex64 or complex128 array, or `n_samples` is not an
            integer.
        ValueError
            If the shape is not that of a spectrum of `n_samples` samples.
        """
        if length is not None:
            raise TypeError(f"length must not be given, got {length!r}: call it n_samples")
        xp = _find_library("spectrum", spectrum, ("complex64", "complex128"))
        shape = tuple(spectrum.shape)
        if n_samples is None:
            n_samples = self._most_samples(shape)
        n_frames = self.n_frames(n_samples)
        if shape[-2:] != (self.n_freqs, n_frames):
            raise ValueError(
                f"spectrum must have shape (..., {self.n_freqs}, {n_frames}) "
                f"for n_samples={n_samples}, got {shape}"
            )
        if not isinstance(spectrum, np.ndarray):
            return any_array.invert_array(xp, self.frames, spectrum, int(n_samples))
        dtype: type[np.floating[Any]] = np.float32 if spectrum.dtype == np.complex64 else np.float64
        window = self.frames.dual_window.astype(dtype)
        spectra = spectrum.swapaxes(-1, -2).reshape(-1, n_frames, self.n_freqs)
        half, hop = self.n_fft // 2, self.hop_length
        # The hops of the padded signal that contain part of the signal.
        hops = slice(half // hop, -(-(half + n_samples) // hop))
        padded = np.empty((len(spectra), hops.stop, hop), dtype)
        overlap = -(-self.n_fft // hop) - 1

        def transform(index: int, some: slice) -> None:
            # A hop lies under the frame that begins with it and `overlap` frames before that.
            start, stop = some.start - overlap, some.stop
            frames = self.frames.transform_back(spectra[index, max(start, 0) : stop], window)
            if start < 0 or stop > n_frames:
                frames = np.pad(frames, ((max(-start, 0), max(stop - n_frames, 0)), (0, 0)))
            sums = padded[index, some]
            sums[:] = frames[overlap:, :hop]
            for ago in range(1, overlap + 1):
                strip = frames[overlap - ago : -ago, ago * hop : (ago + 1) * hop]
                sums[:, : strip.shape[1]] += strip

        self._for_each(transform, len(spectra), hops)
        audio = padded.reshape(len(spectra), hops.stop * hop)[:, half : half + n_samples]
        self.frames.scale_ends(audio, 0, n_samples)
        return audio.reshape(*spectrum.shape[:-2], n_samples)

    def _most_samples(self, shape: tuple[int, ...]) -> int:
        """Count the samples of the longest audio whose spectrum has a shape."""
        n_samples = self.n_fft % 2 + (shape[-1] - 1) * self.hop_length if len(shape) > 1 else 0
        if n_samples < 1:
            raise ValueError(
                f"spectrum must have shape (..., {self.n_freqs}, n_frames), with frames that hold "
                f"a sample, got {shape}"
            )
        return n_samples

    def modify(
        self,
        changes: Sequence[Callable[[Spectrum, slice], Spectrum]],
        signals: Sequence[Audio],
        *,
        piece: slice | None = None,
        dtype: npt.DTypeLike | None = None,
    ) -> list[Audio]:
        """Transform signals, change their spectra in several ways, and transform back.

        Equivalent to ``inverse(change(forward(np.stack(signals))))`` for each change, but a few
        frames at a time, in the cache, and optionally for some samples only.

        Parameters
        ----------
        changes : sequence of callables
            Each takes the spectra of all signals in a few frames, shape (n_signals, n_channels,
            n_freqs, n), and which frames these are. It returns new spectra of these frames,
            shape (..., n_freqs, n), complex64 or complex128.
        signals : sequence of arrays of shape (n_channels, n_samples), float32 or float64
        piece : slice, optional
            The samples to compute; all by default.
        dtype : dtype, optional
            Precision of the spectra, float32 or float64; that of the signals by default.

        Returns
        -------
        audio : list of arrays of shape (..., n), float32 or float64
            The result of each change, in the samples of the piece.

        Raises
        ------
        ValueError
            If the signals do not all have the same shape (n_channels, n_samples), or the piece
            is empty or has a step.
        """
        if not changes:
            return []
        shapes = {signal.shape for signal in signals}
        if len(shapes) != 1 or len(signals[0].shape) != 2:
            raise ValueError(
                f"signals must all have shape (n_channels, n_samples), got {sorted(shapes)}"
            )
        n_samples = signals[0].shape[-1]
        start, stop, step = (piece or slice(None)).indices(n_samples)
        if step != 1 or start >= stop:
            raise ValueError(f"piece must contain samples and have no step, got {piece}")
        frames = self.frames.find(start, stop, n_samples)
        n_padded = self.frames.padded_length(frames.stop - frames.start)
        padded: list[Audio] = []
        for block, spectra in self.frames.analyse_together(signals, frames, dtype):
            first = block.start - frames.start
            for index, change in enumerate(changes):
                changed = change(spectra, block).swapaxes(-1, -2)
                if first == 0:
                    of_audio = np.float32 if changed.dtype == np.complex64 else np.float64
                    padded.append(np.zeros((*changed.shape[:-2], n_padded), of_audio))
                window = self.frames.dual_window.astype(padded[index].dtype)
                rest = padded[index][..., first * self.hop_length :]
                self.frames.overlap_add(rest, self.frames.transform_back(changed, window))
        inside = place_in(self.frames.samples_under(frames), slice(start, stop))
        audio = [array[..., inside] for array in padded]
        for array in audio:
            self.frames.scale_ends(array, start, n_samples)
        return audio

    def sum_over_frames(
        self,
        function: Callable[[Spectrum], Sequence[Any]],
        signals: Sequence[Audio],
        *,
        dtype: npt.DTypeLike | None = None,
    ) -> list[Any]:
        """Transform signals, and sum a function of their spectra over frames.

        Parameters
        ----------
        function : callable
            Takes the spectra of all signals in a few frames, shape (n_signals, n_channels,
            n_freqs, n), and returns a sequence of numbers or arrays. Called in several threads.
        signals, dtype
            As in `modify`.

        Returns
        -------
        sums : list
            Each number or array that the function returns, summed over all frames.
        """
        n_frames = self.n_frames(signals[0].shape[-1])

        def examine(chunk: slice) -> list[Any]:
            blocks = self.frames.analyse_together(signals, chunk, dtype)
            return reduce(_add, (list(function(spectra)) for _, spectra in blocks))

        chunks = split(slice(0, n_frames), CHUNK_FRAMES)
        return reduce(_add, in_threads(examine, chunks, workers=self.workers))

    def _for_each(
        self, transform: Callable[[int, slice], None], n_signals: int, whole: slice
    ) -> None:
        """Transform blocks of each signal in threads."""
        blocks = split(whole, BLOCK_FRAMES)
        places = itertools.product(range(n_signals), blocks)
        # A single block does not justify a thread.
        workers = self.workers if n_signals * len(blocks) > 1 else 1
        for _ in in_threads(lambda place: transform(*place), places, workers=workers):
            pass


def choose_stft(stft: STFT | None) -> STFT:
    """Return an STFT, or by default ``STFT()``.

    Raises
    ------
    TypeError
        If it is none.
    """
    if stft is not None and not isinstance(stft, STFT):
        raise TypeError(f"stft must be an oracle.STFT, such as STFT(n_fft=4096), got {stft!r}")
    return STFT() if stft is None else stft


def _find_library(argument: str, array: Any, dtypes: tuple[str, str]) -> Any:
    """Find the library of an array of one of two dtypes."""
    allowed = " or ".join(dtypes)
    try:
        xp = find_library(array)
    except TypeError:
        raise TypeError(
            f"{argument} must be an array of {allowed}, got {type(array).__name__}"
        ) from None
    if array.dtype not in [getattr(xp, dtype) for dtype in dtypes]:
        raise TypeError(f"{argument} must be an array of {allowed}, got {array.dtype}")
    return xp


def _add(sums: list[Any], others: list[Any]) -> list[Any]:
    return [each + other for each, other in zip(sums, others, strict=True)]
