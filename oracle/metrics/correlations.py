"""Correlations at short lags, by FFTs of short blocks."""

import numpy as np
import scipy
from numpy.lib.stride_tricks import sliding_window_view

from oracle.metrics.energy_ratios import Float64s

# Samples in a block: long enough that the lags add little, short enough for the cache.
BLOCK_SAMPLES = 2048


class Correlator:
    """Signals transformed once, to correlate with any others that are as long or longer.

    Parameters
    ----------
    earlier : array of shape (n_earlier, n_samples)
    n_lags : int
        Correlations are computed at lags 0, ..., n_lags - 1.
    """

    def __init__(self, earlier: Float64s, n_lags: int) -> None:
        n_samples = earlier.shape[1]
        self._n_lags = n_lags
        self._n_blocks = -(-n_samples // BLOCK_SAMPLES)
        self._block = -(-n_samples // self._n_blocks)
        # No lag wraps around: the FFT holds a block and the lags after it.
        self._n_fft = scipy.fft.next_fast_len(self._block + n_lags - 1, real=True)
        padded = np.zeros((len(earlier), self._n_blocks * self._block))
        padded[:, :n_samples] = earlier
        blocks = padded.reshape(len(earlier), self._n_blocks, self._block)
        # (n_freqs, n_earlier, n_blocks), contiguous, as BLAS needs matrices
        spectra = scipy.fft.rfft(blocks, self._n_fft).transpose(2, 0, 1)
        self._spectra = np.conjugate(spectra, order="C")

    def correlate(self, later: Float64s) -> Float64s:
        """Correlate with later signals, taken as zero after their end.

        Parameters
        ----------
        later : array of shape (n_later, n_samples)
            At most n_lags - 1 samples longer than `earlier`.

        Returns
        -------
        correlations : array of shape (n_earlier, n_later, n_lags), float64
            ``correlations[a, b, lag] = sum_t earlier[a, t] * later[b, t + lag]``, over the
            samples t of `earlier`.
        """
        length = (self._n_blocks - 1) * self._block + self._n_fft
        padded = np.empty((len(later), length))
        padded[:, : later.shape[1]] = later
        padded[:, later.shape[1] :] = 0
        # Samples beyond a block and its lags only reach lags that are dropped below.
        blocks = sliding_window_view(padded, self._n_fft, axis=1)[:, :: self._block]
        spectra = np.ascontiguousarray(scipy.fft.rfft(blocks).transpose(2, 1, 0))
        products = np.matmul(self._spectra, spectra)
        _clear_registers()
        correlations = scipy.fft.irfft(products, self._n_fft, axis=0)[: self._n_lags]
        # A copy: a view would keep the other lags in memory.
        return np.ascontiguousarray(np.moveaxis(correlations, 0, -1))


def _clear_registers() -> None:
    """Restore the speed of the FFT after a product of complex matrices.

    OpenBLAS leaves the upper halves of the vector registers in use. On some processors the FFT,
    which needs only the lower halves, then takes three times as long. Any numpy loop clears them.
    """
    np.negative(np.ones(64))
