"""Power spectra and mel filters, as torch and librosa compute them."""

from collections.abc import Iterator
from functools import cache
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from oracle.tracks.track import Audio

# Frames at a time: they take a few megabytes.
N_FRAMES = 256

Real = npt.NDArray[Any]


def make_hann(length: int) -> Real:
    """Make a periodic Hann window."""
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)


def compute_powers(
    audio: Audio, *, window: Real, hop: int, edges: Literal["reflect", "constant"]
) -> Iterator[Real]:
    """Compute the squared magnitudes of the frames of ``torch.stft``, some frames at a time.

    Parameters
    ----------
    audio : array of shape (n_channels, n_samples)
    window : array of shape (n_fft,)
    hop : int
    edges : {"reflect", "constant"}
        What is half a window before and after the audio: its reflection, or zeros.

    Yields
    ------
    powers : array of shape (n_channels, n_frames, n_fft // 2 + 1)
        In the precision of the audio.

    Raises
    ------
    ValueError
        If the audio is too short to be reflected.
    """
    import scipy.fft

    half = len(window) // 2
    if edges == "reflect" and audio.shape[-1] <= half:
        raise ValueError(f"audio must have more than {half} samples, got {audio.shape[-1]}")
    padded = np.pad(audio, ((0, 0), (half, half)), mode=edges)
    frames = np.lib.stride_tricks.sliding_window_view(padded, len(window), axis=-1)[:, ::hop]
    for start in range(0, frames.shape[1], N_FRAMES):
        windowed = frames[:, start : start + N_FRAMES] * window.astype(audio.dtype)
        spectrum = scipy.fft.rfft(windowed, axis=-1)
        yield spectrum.real**2 + spectrum.imag**2


@cache
def make_mel_filters(rate: int, n_fft: int, n_mels: int) -> Any:
    """Make the filters of ``librosa.filters.mel``: triangles on Slaney's mel scale, of area 1.

    Returns
    -------
    filters : sparse array of shape (n_mels, n_fft // 2 + 1), float32
    """
    from scipy.sparse import csr_array

    # Linear below 1 kHz, a step of 200 / 3 Hz; logarithmic above, 27 steps to 6.4 kHz.
    last = 15 + 27 * np.log(rate / 2 / 1000) / np.log(6.4)
    mels = np.linspace(0, last, n_mels + 2)
    edges = np.where(mels < 15, mels * 200 / 3, 1000 * 6.4 ** ((mels - 15) / 27))
    low, center, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    frequencies = np.arange(n_fft // 2 + 1) * rate / n_fft
    rising, falling = (frequencies - low) / (center - low), (high - frequencies) / (high - center)
    triangles = np.maximum(0, np.minimum(rising, falling)) * 2 / (high - low)
    return csr_array(triangles.astype(np.float32))
