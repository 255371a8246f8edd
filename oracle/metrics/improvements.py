"""Improvements: the ratio of an estimate, less that of the unprocessed mixture as the estimate."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from oracle.metrics.energy_ratios import PERFECT_DB, Float64s, framewise_sdr
from oracle.metrics.scale_invariant import scale_invariant_ratios
from oracle.tracks.track import Audio


@dataclass(frozen=True)
class Improvement:
    """A metric: how far a ratio is above that of the mixture, in dB.

    It is inf for a perfect estimate and -inf for a perfect mixture. NaN: the ratio is NaN, or both
    are perfect, as where a mixture has one source.

    Parameters
    ----------
    compute : callable
        ``(references, estimates) -> ratios`` in dB, an array of shape (n_targets,).
    """

    compute: Callable[[Audio, Audio], Float64s]

    def __call__(self, references: Audio, estimates: Audio, mixture: Audio, rate: int) -> Float64s:
        """Compute improvements.

        Parameters
        ----------
        references, estimates : array of shape (n_targets, n_channels, n_samples)
        mixture : array of shape (n_channels, n_samples)
        rate : int
            Is not used.

        Returns
        -------
        improvements : array of shape (n_targets,), float64
            In dB.
        """
        unprocessed = np.broadcast_to(mixture, references.shape)
        with np.errstate(invalid="ignore"):  # inf - inf
            return self._compute(references, estimates) - self._compute(references, unprocessed)

    def _compute(self, references: Audio, estimates: Audio) -> Float64s:
        ratios = self.compute(references, estimates)
        return np.where(ratios > PERFECT_DB, np.inf, ratios)  # the rest of it is rounding


def compute_sdr(references: Audio, estimates: Audio) -> Float64s:
    """Compute museval's SDR of signals that are one window."""
    whole = references.shape[-1]
    return framewise_sdr(references, estimates, window=whole, hop=whole)[:, 0]


def compute_si_sdr(references: Audio, estimates: Audio) -> Float64s:
    """Compute SI-SDR."""
    return scale_invariant_ratios(references, estimates).si_sdr


def compute_sd_sdr(references: Audio, estimates: Audio) -> Float64s:
    """Compute SD-SDR."""
    return scale_invariant_ratios(references, estimates).sd_sdr
