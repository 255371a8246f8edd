"""Energies of filtered references in windows, without filtering."""

import numpy as np
import scipy

from oracle.metrics.energy_ratios import Float64s


class FilteredEnergies:
    """References in windows, of whose filtered sums any number of energies are asked for.

    The energy is a quadratic form of the filters; its matrix is made of correlations.

    Parameters
    ----------
    correlations : array of shape (n_windows, n_references, n_references, n_lags), float64
        Of the channels of all references in each window.
    n_channels : int
        Of a source.
    """

    def __init__(self, correlations: Float64s, n_channels: int) -> None:
        self._n_channels = n_channels
        self._n_lags = correlations.shape[-1]
        self._correlations = correlations.reshape(len(correlations), -1)

    def compute(self, *several: Float64s) -> list[Float64s]:
        """Compute the energies in windows of the references, filtered and summed.

        Each of `several` filters has shape (n_references, n_outputs, n_lags); the energies,
        those of as many outputs as a source has channels together, have shape
        (n_outputs / n_channels, n_windows).
        """
        forms = []
        for filters in several:
            spectra = scipy.fft.rfft(filters, 2 * self._n_lags)
            spectra = spectra.reshape(len(filters), -1, self._n_channels, spectra.shape[-1])
            products = np.einsum("akif,bkif->kabf", spectra, spectra.conj())
            autocorrelations = scipy.fft.irfft(products, 2 * self._n_lags)[..., : self._n_lags]
            autocorrelations[..., 1:] *= 2  # the lags of either sign
            forms.append(autocorrelations.reshape(len(autocorrelations), -1))
        energy = drop_negative(np.concatenate(forms) @ self._correlations.T)
        return np.split(energy, len(several))


def drop_negative(energy: Float64s) -> Float64s:
    """Take an energy that rounding has made negative for none."""
    return np.maximum(energy, 0)
