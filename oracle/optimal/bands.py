"""Bands: which frequencies share a mask value, and how much each frequency counts."""

from typing import Any

import numpy as np
import numpy.typing as npt


class Bands:
    """The bands of a mask; without bands, each frequency is a band of its own.

    Parameters
    ----------
    starts : tuple of int or None
        The first bin of each band; None if there are none.
    n_fft : int
        Length of a window of the STFT.

    Attributes
    ----------
    count : int
        Number of bands.
    frequency_weights : array of shape (n_freqs,), float64
        1 / n_fft for frequencies 0 and n_fft / 2, and 2 / n_fft for all others, which stand for
        a conjugate pair in the real FFT.
    weights : array of shape (count,), float64
        The largest weight in each band.
    shares : array of shape (n_freqs,), float64
        The weight of each frequency relative to that of its band.
    """

    def __init__(self, starts: tuple[int, ...] | None, n_fft: int) -> None:
        self._starts = starts
        self.frequency_weights: npt.NDArray[np.float64] = np.full(n_fft // 2 + 1, 2 / n_fft)
        self.frequency_weights[0] /= 2
        if n_fft % 2 == 0:
            self.frequency_weights[-1] /= 2
        self.weights = self.frequency_weights
        if starts is not None:
            self._widths = np.diff([*starts, n_fft // 2 + 1])
            self.weights = np.maximum.reduceat(self.frequency_weights, starts)
        self.count = len(self.weights)
        self.shares = self.frequency_weights / self.spread(self.weights)

    def spread(self, of_bands: Any) -> Any:
        """Repeat the value of each band, on the last axis, for all its frequencies."""
        return of_bands if self._starts is None else np.repeat(of_bands, self._widths, axis=-1)

    def add_up(self, of_frequencies: Any) -> Any:
        """Sum the values of the frequencies in each band."""
        if self._starts is None:
            return of_frequencies
        return np.add.reduceat(of_frequencies, self._starts, axis=-1)

    def combine_sizes(self, of_frequencies: Any) -> Any:
        """Compute the norm of the nonnegative values of the frequencies in each band."""
        if self._starts is None:
            return of_frequencies
        # By hypot, because squares may overflow or underflow.
        return np.hypot.reduceat(of_frequencies, self._starts, axis=-1)
