"""Goals: when a mask is close enough to the best, and when its error is only rounding."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from oracle.tracks.track import Audio

# An error (relative, in amplitude) of at most this many times the audio's epsilon is rounding.
PERFECT = 10

# If the least error is within this fraction of the energy of the source, no mask is of any use.
USELESS = 1e-10


def gap(error: float, least: float) -> float:
    """Compute how far an error is above the least, in dB."""
    # Not by `decibels`, which would take as long as the rest of a short step between transforms.
    ratio = error / least if least > 0 else math.inf
    return 10 * math.log10(ratio) if ratio > 0 else -math.inf


def scale_free_gap(error: float, least: float, energy: float) -> float:
    """Compute the gap in SI-SDR, which is energy / error - 1 for masks at their best scale."""
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
        Maximum number of steps.
    distance : callable, optional
        ``(error, least_error) -> gap`` in dB.
    """

    tolerance: float
    max_iterations: int
    distance: Callable[[float, float], float] = gap

    def is_met(self, error: float, least: float) -> bool:
        """Tell whether an error is close enough to the least."""
        return self.distance(error, least) <= self.tolerance


def compute_energy(signal: Audio) -> float:
    """Sum the squares, in double precision."""
    return float(np.einsum("cn,cn->", signal, signal, dtype=np.float64))


def is_perfect(error: float, energy: float, dtype: npt.DTypeLike) -> bool:
    """Tell whether an error is only the rounding of audio of this energy."""
    return error <= energy * (PERFECT * float(np.finfo(np.dtype(dtype)).eps)) ** 2
