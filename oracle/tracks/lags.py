"""Lags: how many samples one signal comes after another.

A lag is where the correlation over all channels is largest, in the loudest excerpt.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy

Audio = npt.NDArray[np.floating[Any]]


def find_delay(first: Audio, second: Audio, *, n_samples: int = 2**20) -> int:
    """Find how many samples the second signal comes after the first.

    Parameters
    ----------
    first, second : array of shape (n_channels, n_samples)
        Signals that may be delayed copies of each other, at any gain.
    n_samples : int, optional
        Length of the excerpt; lags up to half of it are found.

    Returns
    -------
    delay : int
        Negative if the second comes first.
    """
    cut = _loudest(first, n_samples)
    signals = [signal[:, cut].astype(np.float64) for signal in (first, second)]
    return _delay(*signals, *map(_spectrum, signals))


def find_late_sum(
    sources: Sequence[Audio], total: Audio, most: float, *, n_samples: int = 2**17
) -> tuple[int, int] | None:
    """Find a source that is the sum of all others, but early or late.

    Parameters
    ----------
    sources : sequence of arrays of shape (n_channels, n_samples)
        With fewer than three, none is found.
    total : array of shape (n_channels, n_samples)
        Their sum.
    most : float
        The part of its energy that the others may leave unexplained.
    n_samples : int, optional
        Length of the excerpt.

    Returns
    -------
    found : (int, int) or None
        The index of the source, and how many samples it comes after the others. A delayed copy of
        one other source, such as a doubled voice, does not count.
    """
    if len(sources) < 3:
        return None
    cut = _loudest(total, n_samples)
    signals = [source[:, cut].astype(np.float64) for source in sources]
    spectra = [_spectrum(signal) for signal in signals]
    whole, whole_spectrum = np.sum(signals, axis=0), np.sum(spectra, axis=0)
    for place, (signal, spectrum) in enumerate(zip(signals, spectra, strict=True)):
        rest = whole - signal
        delay = _delay(rest, signal, whole_spectrum - spectrum, spectrum)
        if delay == 0 or _left(rest, signal, delay) > most:
            continue
        alone = [
            _left(other, signal, _delay(other, signal, of_other, spectrum))
            for index, (other, of_other) in enumerate(zip(signals, spectra, strict=True))
            if index != place
        ]
        if min(alone) > 2 * most:
            return place, delay
    return None


def _loudest(signal: Audio, n_samples: int) -> slice:
    """Find the loudest excerpt of a signal, at steps of half its length."""
    size = min(n_samples, signal.shape[-1])
    starts = range(0, signal.shape[-1] - size + 1, max(size // 2, 1))
    energies = [float(np.square(signal[:, s : s + size], dtype=np.float64).sum()) for s in starts]
    start = starts[int(np.argmax(energies))]
    return slice(start, start + size)


def _spectrum(signal: Audio) -> npt.NDArray[Any]:
    n_fft = scipy.fft.next_fast_len(2 * signal.shape[-1], real=True)
    return np.asarray(scipy.fft.rfft(signal, n_fft))


def _delay(first: Audio, second: Audio, spectrum: npt.NDArray[Any], other: npt.NDArray[Any]) -> int:
    """Find the delay at which two signals correlate best, from their spectra."""
    n_samples = first.shape[-1]
    n_fft = scipy.fft.next_fast_len(2 * n_samples, real=True)
    correlation = scipy.fft.irfft((spectrum.conj() * other).sum(axis=0), n_fft)
    lags = np.r_[0 : n_samples // 2 + 1, n_fft - n_samples // 2 : n_fft]
    best = int(lags[np.argmax(np.abs(correlation[lags]))])
    return best if best <= n_samples // 2 else best - n_fft


def _left(first: Audio, second: Audio, delay: int) -> float:
    """Return the part of the second signal's energy that the delayed first does not explain."""
    length = first.shape[-1] - abs(delay)
    early, late = max(-delay, 0), max(delay, 0)
    one, two = first[:, early : early + length], second[:, late : late + length]
    product = np.square(one).sum() * np.square(two).sum()
    return float(1 - np.sum(one * two) ** 2 / product) if product > 0 else 1.0
