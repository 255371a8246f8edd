"""Energies of filtered references in windows, without filtering."""

import numpy as np
import scipy

from oracle.metrics.energy_ratios import Float64s


class FilteredEnergies:
    """References in windows, prepared to compute the energies of their filtered sums.

    The energy is a quadratic form in the filters; its matrix holds correlations.

    Parameters
    ----------
    correlations : array of shape (n_windows, n_references, n_references, n_lags), float64
        Correlations of the channels of all references in each window.
    n_channels : int
        Number of channels of a source.
    """

    def __init__(self, correlations: Float64s, n_channels: int) -> None:
        self._n_channels = n_channels
        self._n_lags = correlations.shape[-1]
        self._correlations = correlations.reshape(len(correlations), -1)

    def compute(self, *several: Float64s) -> list[Float64s]:
        """Compute the energies of the references in windows, filtered and summed.

        Each of `several` holds filters of shape (n_references, n_outputs, n_lags). Its energies
        have shape (n_outputs / n_channels, n_windows): every n_channels outputs are the channels
        of one signal.
        """
        forms = []
        for filters in several:
            spectra = scipy.fft.rfft(filters, 2 * self._n_lags)
            spectra = spectra.reshape(len(filters), -1, self._n_channels, spectra.shape[-1])
            products = np.einsum("akif,bkif->kabf", spectra, spectra.conj())
            autocorrelations = scipy.fft.irfft(products, 2 * self._n_lags)[..., : self._n_lags]
            autocorrelations[..., 1:] *= 2  # lags of both signs
            forms.append(autocorrelations.reshape(len(autocorrelations), -1))
        energy = drop_negative(np.concatenate(forms) @ self._correlations.T)
        return np.split(energy, len(several))


def drop_negative(energy: Float64s) -> Float64s:
    """Replace energies that rounding made negative with zero."""
    return np.maximum(energy, 0)
