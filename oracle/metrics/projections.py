"""Projections: the filters that bring signals nearest to other signals."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from oracle.metrics.energy_ratios import LEAST_ENERGY, Float64s

# Equations with a larger condition number are singular in float64.
SINGULAR = 1e15


class Projection:
    """Least-squares projection onto channels delayed by 0, 1, ..., n_lags - 1 samples.

    The normal equations are scaled to a unit diagonal. This changes neither the solution nor
    its rounding, and makes their condition number independent of the levels of the channels.
    Silent channels (energy below 1e-270) get zero filters. If the equations are singular in
    float64, so do delayed channels that the others already span.

    Parameters
    ----------
    correlations : array of shape (n_channels, n_channels, n_lags), float64
        ``correlations[a, b, lag] = sum_t x[a, t] * x[b, t + lag]``.
    regularization : float, optional
        Added to the unit diagonal.

    Attributes
    ----------
    condition : float
        Estimated condition number (1-norm) of the scaled equations; at least `SINGULAR`
        if they are singular.
    """

    def __init__(self, correlations: Float64s, *, regularization: float = 0.0) -> None:
        # Imported here to keep `import oracle` fast.
        from scipy.linalg import lapack

        self._shape = correlations.shape[1:]
        energy = correlations[:, :, 0].diagonal()
        self._heard = energy >= LEAST_ENERGY
        self._scale = 1 / np.sqrt(energy[self._heard])
        scaled = correlations[np.ix_(self._heard, self._heard)]
        scaled *= np.multiply.outer(self._scale, self._scale)[:, :, None]
        matrix = _lay_out_equations(scaled, regularization)
        self._order = np.arange(len(matrix))
        self._rank = len(matrix)
        self.condition = 1.0
        if not self._rank:  # all channels are silent
            self._factor = matrix
            return
        norm = lapack.dlange("1", matrix)  # type: ignore[call-arg]
        self._factor, failed = lapack.dpotrf(matrix, lower=True, clean=False, overwrite_a=True)
        reciprocal = 0.0 if failed else lapack.dpocon(self._factor, norm, b"L")[0]
        self.condition = 1 / max(reciprocal, np.finfo(np.float64).eps)
        if self.condition >= SINGULAR:
            del matrix, self._factor  # memory may not hold two of these
            self._factor, pivots, self._rank, _ = lapack.dpstrf(
                _lay_out_equations(scaled, regularization), lower=True, overwrite_a=True
            )
            self._order = pivots - 1
            # Keep the row of the first that is dropped; then give each an equation of its
            # own, 1 x = 0.
            dropped = self._factor[self._rank :]
            self._dropped = dropped[:1].flatten()
            dropped[:] = 0
            np.fill_diagonal(dropped[:, self._rank :], 1)

    def solve_filters(self, correlations: Float64s) -> Float64s:
        """Solve for the filters that project some signals.

        Parameters
        ----------
        correlations : array of shape (n_channels, n_signals, n_lags), float64
            ``correlations[a, i, lag] = sum_t x[a, t] * signals[i, t + lag]``.

        Returns
        -------
        filters : array of the same shape
            ``sum_a convolve(filters[a, i], x[a])`` is nearest to signal i.
        """
        from scipy.linalg import lapack

        filters = np.zeros(correlations.shape)
        if not self._rank:
            return filters
        scale = self._scale[:, None, None]
        right = (correlations[self._heard] * scale).swapaxes(1, 2)
        right = right.reshape(len(self._order), -1)[self._order]
        right[self._rank :] = 0
        solution = np.empty_like(right)
        solution[self._order] = lapack.dpotrs(self._factor, right, lower=True)[0]
        n_lags = correlations.shape[-1]
        filters[self._heard] = solution.reshape(-1, n_lags, right.shape[1]).swapaxes(1, 2) * scale
        return filters

    def find_weakest(self) -> Float64s:
        """Find the shares of the channels in a filtered sum that nearly cancels; they sum to 1."""
        from scipy.linalg import lapack, solve_triangular

        if self._rank < len(self._order):
            # The first dropped delayed channel, minus its approximation by the others.
            known = solve_triangular(self._factor, self._dropped, lower=True, trans="T")
            vector = np.zeros(len(self._order))
            vector[self._order[: self._rank + 1]] = [*known[: self._rank], -1]
        else:
            vector = np.random.default_rng(0).standard_normal((len(self._order), 1))
            for _ in range(3):  # inverse iteration
                vector = lapack.dpotrs(self._factor, vector, lower=True)[0]
                vector /= np.linalg.norm(vector)
        shares = np.zeros(self._shape[0])
        shares[self._heard] = np.sum(vector.reshape(-1, self._shape[1]) ** 2, axis=1)
        return np.asarray(shares / shares.sum())


def _lay_out_equations(correlations: Float64s, regularization: float) -> Float64s:
    """Lay correlations out as a symmetric matrix of Toeplitz blocks, in Fortran order."""
    n_channels, _, n_lags = correlations.shape
    blocks = np.empty((n_channels, n_lags, n_channels, n_lags))
    for a in range(n_channels):
        for b in range(n_channels):
            diagonals = np.concatenate([correlations[a, b, ::-1], correlations[b, a, 1:]])
            blocks[a, :, b] = sliding_window_view(diagonals, n_lags)[::-1]
    matrix = blocks.reshape(n_channels * n_lags, n_channels * n_lags)
    matrix.flat[:: len(matrix) + 1] += regularization
    return matrix.T
