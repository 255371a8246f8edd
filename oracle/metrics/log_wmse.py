"""logWMSE: the error that is heard, relative to the mixture; defined for silence too."""

from functools import cache
from typing import Any

import numpy as np

from oracle.metrics.energy_ratios import Float64s
from oracle.tracks.track import Audio

# The rate of the weighting filter, in Hz.
RATE = 44100
N_TAPS, N_FFT = 4000, 8192

# Errors at a sample are not heard below -68 dB of the mixture.
INAUDIBLE = 10 ** (-68 / 20)
LEAST = 1e-8


def compute_log_wmse(
    references: Audio, estimates: Audio, mixture: Audio, rate: int = RATE
) -> Float64s:
    """Compute logWMSE: -4 ln(mean of d^2 + 1e-8), mean over channels.

    d = F(estimate - reference) / rms(F(mixture)) in each channel, and 0 where it is below -68 dB; F
    weights frequencies as hearing does, with no phase.

    Parameters
    ----------
    references, estimates : array of shape (n_targets, n_channels, n_samples)
    mixture : array of shape (n_channels, n_samples)
    rate : int, optional
        44100 Hz: it is not defined for others.

    Returns
    -------
    scores : array of shape (n_targets,), float64
        At most 73.7, for errors that are not heard; no unit. A channel where the mixture is silent
        counts as perfect.

    References
    ----------
    .. [1] https://github.com/nomonosound/log-wmse-audio-quality, version 0.2.
    """
    scores = np.empty(references.shape[:2])
    for channel, mixed in enumerate(mixture):  # one at a time, to save memory
        level = np.sqrt(np.mean(_weight(mixed) ** 2)) or np.inf
        for target, reference in enumerate(references[:, channel]):
            estimate = estimates[target, channel]
            error = _weight(np.subtract(estimate, reference, dtype=np.float64)) / level
            error[np.abs(error) < INAUDIBLE] = 0
            scores[target, channel] = -4 * np.log(np.mean(error**2) + LEAST)
    return np.asarray(scores.mean(axis=1))


def _weight(signal: Audio) -> Float64s:
    """Weight a signal of shape (n_samples,)."""
    from scipy.signal import oaconvolve

    return np.asarray(oaconvolve(signal.astype(np.float64), _design_weighting(), mode="same"))


@cache
def _design_weighting() -> Float64s:
    """Design the taps of the filter: the magnitude of four filters in a row, with no phase.

    A high shelf (1.5 kHz, 5 dB), a high pass (120 Hz), a peak (500 Hz, 2.5 dB) and a low pass
    (10 kHz, first order, twice).
    """
    from scipy.signal import butter, freqz

    # Both ends of the spectrum are not at 0 and pi: the original samples it so.
    angles = np.pi * np.arange(N_FFT // 2 + 1) / (N_FFT // 2 + 1)
    low_pass = butter(1, 10000, fs=RATE)
    filters: list[tuple[Any, Any]] = [
        _design_shelf(1500, gain=5, q=2**-0.5),
        butter(2, 120, "high", fs=RATE),
        _design_peak(500, gain=2.5, q=1.5 * 2**-0.5),
        low_pass,
        low_pass,
    ]
    responses = [np.abs(freqz(b, a, worN=angles)[1]) for b, a in filters]
    taps = np.fft.fftshift(np.fft.irfft(np.prod(responses, axis=0), N_FFT))
    first = N_FFT // 2 + 1 - N_TAPS // 2
    return np.asarray(taps[first : first + N_TAPS])


def _design_shelf(frequency: float, *, gain: float, q: float) -> tuple[list[float], list[float]]:
    """Design a high shelf of a gain in dB (R. Bristow-Johnson's formula)."""
    amplitude, cosine, alpha = _prepare(frequency, gain, q)
    root = 2 * np.sqrt(amplitude) * alpha
    more, less = amplitude + 1, amplitude - 1
    numerator = [more + less * cosine + root, -2 * (less + more * cosine)]
    numerator = [amplitude * b for b in (*numerator, more + less * cosine - root)]
    denominator = [more - less * cosine + root, 2 * (less - more * cosine)]
    return numerator, [*denominator, more - less * cosine - root]


def _design_peak(frequency: float, *, gain: float, q: float) -> tuple[list[float], list[float]]:
    """Design a peak of a gain in dB (R. Bristow-Johnson's formula)."""
    amplitude, cosine, alpha = _prepare(frequency, gain, q)
    numerator = [1 + alpha * amplitude, -2 * cosine, 1 - alpha * amplitude]
    return numerator, [1 + alpha / amplitude, -2 * cosine, 1 - alpha / amplitude]


def _prepare(frequency: float, gain: float, q: float) -> tuple[float, float, float]:
    angle = 2 * np.pi * frequency / RATE
    return 10 ** (gain / 40), np.cos(angle), np.sin(angle) / (2 * q)
