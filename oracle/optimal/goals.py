"""Goals: how near the best is near enough, and when an error is nothing but rounding."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from oracle.tracks.track import Audio

# An error of no more than this many times the precision of the audio is rounding.
PERFECT = 10

# If the least error is the energy of the source less this part, no mask is of any use.
USELESS = 1e-10


def gap(error: float, least: float) -> float:
    """Return how far an error is above the least, in dB."""
    # As `decibels`, which takes as long as all else that a short step does between its transforms.
    ratio = error / least if least > 0 else math.inf
    return 10 * math.log10(ratio) if ratio > 0 else -math.inf


def scale_free_gap(error: float, least: float, energy: float) -> float:
    """Return the gap of SI-SDR, which is energy / error - 1 of masks of the best scale."""
    if least >= energy * (1 - USELESS):
        return 0.0
    return gap(error, least) + gap(energy - least, max(energy - error, 0.0))


@dataclass(frozen=True)
class Goal:
    """When to stop.

    Parameters
    ----------
    tolerance : float
        The gap in dB between the SDR and its certificate.
    max_iterations : int
        The number of steps after which to stop in any case.
    distance : callable, optional
        ``(error, least_error) -> gap`` in dB.
    """

    tolerance: float
    max_iterations: int
    distance: Callable[[float, float], float] = gap

    def is_met(self, error: float, least: float) -> bool:
        """Tell whether an error is near enough to the least."""
        return self.distance(error, least) <= self.tolerance


def compute_energy(signal: Audio) -> float:
    """Add up squares, in double precision."""
    return float(np.einsum("cn,cn->", signal, signal, dtype=np.float64))


def is_perfect(error: float, energy: float, dtype: npt.DTypeLike) -> bool:
    """Tell whether an error is nothing but the rounding of audio of this energy."""
    return error <= energy * (PERFECT * float(np.finfo(np.dtype(dtype)).eps)) ** 2
