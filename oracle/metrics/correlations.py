"""Correlations at short lags, by FFTs of short blocks."""

import numpy as np
import scipy
from numpy.lib.stride_tricks import sliding_window_view

from oracle.metrics.energy_ratios import Float64s

# Samples in a block: long enough for the lags to add little to it, short enough for the cache.
BLOCK_SAMPLES = 2048


class Correlator:
    """Signals, transformed once, to be correlated with any others that are as long or longer.

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
        # (n_freqs, n_earlier, n_blocks), contiguous, as BLAS has matrices
        spectra = scipy.fft.rfft(blocks, self._n_fft).transpose(2, 0, 1)
        self._spectra = np.conjugate(spectra, order="C")

    def correlate(self, later: Float64s) -> Float64s:
        """Correlate with signals; samples after their end are zero.

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
        # What an FFT holds beyond the lags does no harm.
        blocks = sliding_window_view(padded, self._n_fft, axis=1)[:, :: self._block]
        spectra = np.ascontiguousarray(scipy.fft.rfft(blocks).transpose(2, 1, 0))
        products = np.matmul(self._spectra, spectra)
        _clear_registers()
        correlations = scipy.fft.irfft(products, self._n_fft, axis=0)[: self._n_lags]
        # A copy: a view would keep the other lags in memory.
        return np.ascontiguousarray(np.moveaxis(correlations, 0, -1))


def _clear_registers() -> None:
    """Have the FFT run at its full speed after a product of complex matrices.

    OpenBLAS returns from that with the upper halves of the vector registers in use, and on some
    processors the FFT, which needs the lower halves alone, then takes three times as long. Any
    loop of numpy's clears them.
    """
    np.negative(np.ones(64))
