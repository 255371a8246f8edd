"""Bands: the frequencies that share a value of a mask, and how much each of them counts."""

from typing import Any

import numpy as np
import numpy.typing as npt


class Bands:
    """The bands of a mask; each frequency is its own if masks have a value a bin.

    Parameters
    ----------
    starts : tuple of int or None
        The first bin of each band; None if there are none.
    n_fft : int
        Length of a window of the STFT.

    Attributes
    ----------
    count : int
        How many bands there are.
    frequency_weights : array of shape (n_freqs,), float64
        1 / n_fft for the frequencies 0 and n_fft / 2, and 2 / n_fft for all others, which the real
        FFT holds once for two.
    weights : array of shape (count,), float64
        The largest weight in each band.
    shares : array of shape (n_freqs,), float64
        What the weight of each frequency is of that of its band.
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
        """Give each frequency, on the last axis, what its band has."""
        return of_bands if self._starts is None else np.repeat(of_bands, self._widths, axis=-1)

    def add_up(self, of_frequencies: Any) -> Any:
        """Add up what the frequencies of each band have."""
        if self._starts is None:
            return of_frequencies
        return np.add.reduceat(of_frequencies, self._starts, axis=-1)

    def combine_sizes(self, of_frequencies: Any) -> Any:
        """Compute the norm of what the frequencies of each band have, all not negative."""
        if self._starts is None:
            return of_frequencies
        # Not by squares, which may not be floats.
        return np.hypot.reduceat(of_frequencies, self._starts, axis=-1)
