"""Residuals over frequency: periodograms, coherence, cross-spectra."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from oracle.machine.libraries import check_numpy
from oracle.metrics.energy_ratios import Float64s
from oracle.residuals.arrays import check_rate, checked_signals, quotient
from oracle.tracks.track import Audio


class FrequencySeries(NamedTuple):
    """Values over frequency."""

    frequencies: Float64s  # (n_freqs,), in Hz
    values: npt.NDArray[Any]  # (..., n_freqs)


def periodogram(signals: Audio, *, rate: int) -> FrequencySeries:
    """Compute the periodogram of whole signals: the power at each frequency.

    It is one-sided, with a rectangular window over the whole signal and no mean removed; its
    values sum to the mean square of the signal. A tone of amplitude A at a frequency of the
    grid has power A^2 / 2 there; white noise of variance v has 2 v / n_samples on average. At
    0 and at half the rate, which are not doubled, these are A^2 and v / n_samples.

    Parameters
    ----------
    signals : array of shape (..., n_samples)
    rate : int
        Sampling rate in Hz.

    Returns
    -------
    spectrum : FrequencySeries
        `frequencies` from 0 to rate / 2 in Hz, and powers of shape (..., n_samples // 2 + 1)
        in the square of the units of the signals.

    Raises
    ------
    ValueError
        If the signals are empty or the rate is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> tone = 2 * np.cos(2 * np.pi * 100 / 800 * np.arange(800))
    >>> spectrum = periodogram(tone, rate=800)
    >>> float(spectrum.frequencies[spectrum.values.argmax()]), float(spectrum.values.max().round(6))
    (100.0, 2.0)
    """
    from scipy.signal import periodogram as of

    signals = checked_signals("signals", signals)
    check_rate(rate)
    return FrequencySeries(*of(signals, rate, detrend=False, scaling="spectrum"))


def smooth(spectrum: FrequencySeries, *, n_bins: int = 1024) -> FrequencySeries:
    """Smooth a periodogram by a moving average, and normalise it to [0, 1].

    As in the waltz report: average the power over `n_bins` neighbours, convert to dB, and map
    the lowest level to 0 and the highest to 1.

    Parameters
    ----------
    spectrum : FrequencySeries
        What `periodogram` returns.
    n_bins : int, optional
        Number of neighbours in each average.

    Returns
    -------
    smoothed : FrequencySeries
        `n_bins - 1` fewer values, each at the mean frequency of its neighbours. In [0, 1]; 0 if
        all are equal, NaN for a silent signal.

    Raises
    ------
    ValueError
        If `n_bins` is not positive or exceeds the number of frequencies.

    Examples
    --------
    >>> import numpy as np
    >>> spectrum = FrequencySeries(np.arange(4.0), np.array([1.0, 19.0, 1.0, 1999.0]))
    >>> smooth(spectrum, n_bins=2)
    FrequencySeries(frequencies=array([0.5, 1.5, 2.5]), values=array([0., 0., 1.]))
    """
    frequencies, powers = spectrum
    check_numpy("spectrum.values", powers)
    if not 1 <= n_bins <= len(frequencies):
        raise ValueError(
            f"n_bins must lie between 1 and the number of frequencies, {len(frequencies)}, "
            f"got {n_bins}"
        )
    with np.errstate(divide="ignore", invalid="ignore"):
        levels = 10 * np.log10(_moving_average(powers, n_bins))
        low = np.min(levels, axis=-1, keepdims=True, initial=np.inf, where=np.isfinite(levels))
        high = levels.max(axis=-1, keepdims=True)
        span = high - low
        # Show bins without power as low as the lowest bins that have some.
        heights = (np.maximum(levels, low) - low) / np.where(span > 0, span, 1)
    return FrequencySeries(_moving_average(frequencies, n_bins), heights)


def coherence(first: Audio, second: Audio, *, rate: int, n_fft: int = 2048) -> FrequencySeries:
    """Compute the magnitude-squared coherence of signals: how linearly related they are.

    abs(P_xy)^2 / (P_xx P_yy), by Welch's method: averaged over Hann windows that overlap by
    half. It is 1 where one signal is a filtered version of the other, and on average
    1 / n_windows or slightly more where they are unrelated.

    Parameters
    ----------
    first, second : array of shape (..., n_samples)
        Leading dimensions are broadcast.
    rate : int
        Sampling rate in Hz.
    n_fft : int, optional
        Length of a window in samples.

    Returns
    -------
    coherence : FrequencySeries
        `frequencies` in Hz, and values in [0, 1] of shape (..., n_fft // 2 + 1); NaN where
        a signal has no energy at all.

    Raises
    ------
    ValueError
        If a signal is empty, the lengths differ, the signals are shorter than two overlapping
        windows (one window is always coherent), or the rate is not positive.

    References
    ----------
    .. [1] P. D. Welch, "The use of fast Fourier transform for the estimation of power
           spectra", IEEE Trans. Audio and Electroacoustics 15(2), 1967.

    Examples
    --------
    >>> import numpy as np
    >>> noise = np.random.default_rng(0).standard_normal(8192)
    >>> bool(np.allclose(coherence(noise, -2 * noise, rate=8000).values, 1))
    True
    """
    first, second = checked_signals("first", first), checked_signals("second", second)
    if first.shape[-1] != second.shape[-1]:
        raise ValueError(
            f"second must be as long as first, {first.shape[-1]} samples, got {second.shape[-1]}"
        )
    frequencies, across = _welch(first, second, rate, n_fft)
    _, own = _welch(first, first, rate, n_fft)
    _, other = _welch(second, second, rate, n_fft)
    values = quotient(np.square(np.abs(across)), (own * other).real)
    return FrequencySeries(frequencies, np.minimum(values, 1))  # rounding may exceed 1


def cross_spectra(residuals: Audio, *, rate: int, n_fft: int = 2048) -> FrequencySeries:
    """Compute the cross-spectra of all pairs of residuals by Welch's method.

    Hann windows overlap by half. The cross-spectrum of i with j is the mean of conj(R_i) R_j;
    its phase is that by which j leads i. For i = j, it is the power spectral density of i.

    Parameters
    ----------
    residuals : array of shape (n_sources, n_samples)
    rate : int
        Sampling rate in Hz.
    n_fft : int, optional
        Length of a window in samples.

    Returns
    -------
    spectra : FrequencySeries
        `frequencies` in Hz, and complex densities of shape (n_sources, n_sources,
        n_fft // 2 + 1), in the square of the units of the residuals per Hz.

    Raises
    ------
    ValueError
        If the residuals have the wrong number of dimensions or are shorter than two overlapping
        windows, or the rate is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> noise = np.random.default_rng(0).standard_normal(8192)
    >>> spectra = cross_spectra(np.stack([noise, -noise]), rate=8000).values
    >>> spectra.shape, bool(np.allclose(spectra[0, 1], -spectra[0, 0]))
    ((2, 2, 1025), True)
    """
    residuals = checked_signals("residuals", residuals)
    if residuals.ndim != 2:
        raise ValueError(f"residuals must have shape (n_sources, n_samples), got {residuals.shape}")
    return _welch(residuals[:, np.newaxis], residuals, rate, n_fft)


def cross_coherence(spectra: FrequencySeries) -> FrequencySeries:
    """Normalise cross-spectra to magnitude-squared coherence.

    Parameters
    ----------
    spectra : FrequencySeries
        What `cross_spectra` returns.

    Returns
    -------
    coherence : FrequencySeries
        Values in [0, 1], of the same shape (n_sources, n_sources, n_freqs): the `coherence` of
        each pair. NaN where a residual has no energy at all.

    Examples
    --------
    >>> import numpy as np
    >>> noise = np.random.default_rng(0).standard_normal(8192)
    >>> values = cross_coherence(cross_spectra(np.stack([noise, -noise]), rate=8000)).values
    >>> bool(np.allclose(values, 1))
    True
    """
    check_numpy("spectra.values", spectra.values)
    powers = np.einsum("iif->if", spectra.values).real
    values = quotient(np.square(np.abs(spectra.values)), powers[:, np.newaxis] * powers)
    return FrequencySeries(spectra.frequencies, np.minimum(values, 1))


def _welch(first: Float64s, second: Float64s, rate: int, n_fft: int) -> FrequencySeries:
    from scipy.signal import csd

    check_rate(rate)
    if not 2 <= n_fft <= first.shape[-1] // 1.5:
        raise ValueError(
            "n_fft must be at least 2 and at most two thirds of the length of the signals, "
            f"got {n_fft} for {first.shape[-1]} samples"
        )
    return FrequencySeries(*csd(first, second, rate, nperseg=n_fft, detrend=False))


def _moving_average(values: Float64s, length: int) -> Float64s:
    # Neither running sums nor an FFT, which would lose quiet bins beside loud ones.
    double = np.asarray(values, np.float64)
    windows = np.lib.stride_tricks.sliding_window_view(double, length, axis=-1)
    return np.asarray(windows.mean(axis=-1))
