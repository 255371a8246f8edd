"""Descent: the best mask of a class, by accelerated projected gradients, until it is certified.

FISTA (Beck & Teboulle 2009) with the momentum k / (k + 5) of Chambolle & Dossal (2015), from rest
again when the error grows (O'Donoghue & Candès 2015). A step takes one inverse and one forward
transform. Steps may be nearly twice as long as is safe wherever they lead: they are shortened when
the error grows.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from oracle.machine.threads import one_blas_thread
from oracle.metrics.energy_ratios import decibels
from oracle.optimal.certificates import least_error
from oracle.optimal.classes import MaskClass, Scaled
from oracle.optimal.synthesis import Synthesis, inner
from oracle.tracks.track import Audio

MOMENTUM = 5

# How much longer than is safe steps are at first, and how much of it is left when the error grows.
LONG, SHORTER = 1.75, 0.8

# Steps from one look at the gap to the next, without a maximum: a look costs as much as some
# steps, and hundreds are needed.
LOOK_AT_CONE = 50

# An error that is this part of the source, 50 dB below it, is where the rounding of float32
# masks starts to hide the gap.
SINGLE = 1e-5

# An error of no more than this many times the precision of the audio is rounding.
PERFECT = 10

# If the least error is the energy of the source less this part, no mask is of any use.
USELESS = 1e-10


class Found(NamedTuple):
    """The best mask that was found for a source, and what it is worth.

    Attributes
    ----------
    scaled : array of shape (n_channels or 1, n_frames, n_freqs or n_bands)
        |X| times the mask, X times a complex one.
    energy, error, least_error : float
        Energies of the source, of the error of the estimate, and the least of any mask.
    iterations : int
        Steps taken.
    converged : bool
        Whether the tolerance was met.
    """

    scaled: Scaled
    energy: float
    error: float
    least_error: float
    iterations: int
    converged: bool

    @property
    def sdr(self) -> float:
        """The SDR in dB; NaN of a silent source."""
        return float(decibels(self.energy, self.error))

    @property
    def certified_sdr(self) -> float:
        """The SDR that no mask exceeds, in dB; +inf where nothing is proven."""
        return float(decibels(self.energy, self.least_error))


def gap(error: float, least: float) -> float:
    """Return how far an error is above the least, in dB."""
    # As `decibels`, which takes as long as all else that a short step does between its transforms.
    ratio = error / least if least > 0 else math.inf
    return 10 * math.log10(ratio) if ratio > 0 else -math.inf


@one_blas_thread()
def descend(
    synthesis: Synthesis,
    source: Audio,
    start: Scaled,
    *,
    masks: MaskClass,
    tolerance: float,
    max_iterations: int,
    distance: Callable[[float, float], float] = gap,
    long: float = LONG,
    prove: bool = True,
) -> Found:
    """Find the best mask for a source.

    Where float32 is not precise enough, the descent goes on in double precision.

    Parameters
    ----------
    synthesis : Synthesis
        The map from masks to samples.
    source : array of shape (n_channels, n_samples of the piece)
        What the samples should be.
    start : array of shape (n_channels or 1, n_frames, n_freqs or n_bands)
        |X| times the mask to start from; it is overwritten.
    masks : MaskClass
        The class of the masks here. Its maximum may be infinite if the piece is the whole signal.
    tolerance : float
        The gap in dB between the SDR and its certificate at which to stop.
    max_iterations : int
        The number of steps after which to stop in any case.
    distance : callable, optional
        ``(error, least_error) -> gap`` in dB.
    long : float, optional
        How much longer than is safe steps are at first, less than 2.
    prove : bool, optional
        Whether the least error is certified; if not, it is as the precision of the audio has it,
        and not to be relied on.
    """
    energy = compute_energy(source)
    if energy == 0:
        start[:] = 0
        return Found(start, 0.0, 0.0, 0.0, 0, True)

    def run(synthesis: Synthesis, start: Scaled, max_iterations: int) -> Found:
        descent = _Descent(synthesis, source, start, masks, long)
        single = synthesis.dtype == np.float32
        error, least, iterations, converged = math.inf, 0.0, 0, False
        while True:
            error_now, least_guessed = descent.look()
            if masks.maximum < math.inf:
                near = distance(error_now, least_guessed) <= tolerance
            else:
                near = iterations % LOOK_AT_CONE == 0
            perfect = is_perfect(error_now, energy, source.dtype)
            imprecise = single and not perfect and error_now < SINGLE * energy
            ended = imprecise or iterations == max_iterations
            if near or perfect or ended:
                error = compute_energy(descent.residual)
                if prove:
                    ahead = descent.residual_ahead
                    least_guessed = least_error(synthesis, source, ahead, masks=masks)
                least = max(least, least_guessed)
                converged = is_perfect(error, energy, source.dtype)
                converged |= distance(error, least) <= tolerance
                if converged or ended:
                    return Found(descent.mask, energy, error, least, iterations, converged)
            descent.step()
            iterations += 1

    found = run(synthesis, start, max_iterations)
    steps_left = max_iterations - found.iterations
    if found.converged or synthesis.dtype == np.float64 or steps_left == 0:
        return found
    precise_start = found.scaled.astype(np.result_type(found.scaled, np.float64))
    precise = run(synthesis.in_double(), precise_start, steps_left)
    return precise._replace(
        scaled=precise.scaled.astype(found.scaled.dtype),
        iterations=found.iterations + precise.iterations,
    )


def compute_energy(signal: Audio) -> float:
    """Add up squares, in double precision."""
    return float(np.einsum("cn,cn->", signal, signal, dtype=np.float64))


def is_perfect(error: float, energy: float, dtype: npt.DTypeLike) -> bool:
    """Tell whether an error is nothing but the rounding of audio of this energy."""
    return error <= energy * (PERFECT * float(np.finfo(np.dtype(dtype)).eps)) ** 2


def scale_free_gap(error: float, least: float, energy: float) -> float:
    """Return the same for SI-SDR, which is energy / error - 1 of masks of the best scale."""
    if least >= energy * (1 - USELESS):
        return 0.0
    return gap(error, least) + gap(energy - least, max(energy - error, 0.0))


class _Descent:
    """The mask of a step and the one before, and what they leave of the source."""

    def __init__(
        self,
        synthesis: Synthesis,
        source: Audio,
        start: Scaled,
        masks: MaskClass,
        long: float,
    ) -> None:
        self._synthesis, self._masks, self._long = synthesis, masks, long
        self._limit = masks.limit(synthesis.magnitude)
        # For the support, in which the frequencies of the real FFT have weights.
        self._weighted = self._limit * synthesis.weights.astype(self._limit.dtype)
        self._source = synthesis.padded(source)
        self.mask, self._mask_before = start, start.copy()
        self._residual = self._source - synthesis.padded(synthesis.forward(start))
        self._residual_before = self._residual
        self._error, self._steps_from_rest = math.inf, 0
        # Where the momentum leads, what is left there, and the step along B^T D r / w of that.
        self._momentum, self._ahead = 0.0, self._residual
        self._downhill = synthesis.empty()

    @property
    def residual(self) -> Audio:
        """What the mask leaves of the source."""
        return self._residual[:, self._synthesis.inside]

    @property
    def residual_ahead(self) -> Audio:
        """What is left where the momentum leads: near the best mask it proves the most."""
        return self._ahead[:, self._synthesis.inside]

    def look(self) -> tuple[float, float]:
        """Go on as before, by the momentum, and find what lies downhill from there.

        Returns the error of the mask and the least error, as the precision of the audio has them,
        so not to be relied on.
        """
        synthesis = self._synthesis
        error = inner(self._residual, self._residual)
        if error > self._error:
            self._steps_from_rest = 0
            self._long = max(SHORTER * self._long, 1.0)
        self._error = error
        self._momentum = self._steps_from_rest / (self._steps_from_rest + MOMENTUM)
        self._ahead = self._residual - self._residual_before
        self._ahead *= self._momentum
        self._ahead += self._residual
        # Times the length of the step: what is found is the step itself.
        length = self._long * synthesis.step
        divided = self._ahead * (length * synthesis.inverse_squares)
        support = 0.0
        for block in synthesis.blocks:
            downhill = self._downhill[:, block]
            synthesis.project(divided[:, synthesis.region(block)], block, out=downhill)
            if self._masks.maximum < math.inf:
                support += inner(self._masks.reach(downhill), self._weighted[:, block])
        support /= length
        size = inner(self._ahead, self._ahead)
        # Of a mask that may be very large, the support may be next to any rounding error.
        gain = max(inner(self._ahead, self._source) - max(support, 0.0), 0.0)
        return error, gain * gain / size if size else 0.0

    def step(self) -> None:
        """Go downhill, and back to the nearest mask of the class."""
        synthesis = self._synthesis
        sound = np.zeros_like(self._residual)
        for block in synthesis.blocks:
            now: Any = self.mask[:, block]
            place: Any = self._mask_before[:, block]
            np.subtract(now, place, out=place)
            place *= self._momentum
            place += now
            place += self._downhill[:, block]
            self._masks.bring_near(place, self._limit[:, block])
            synthesis.synthesize(place, block, into=sound[:, synthesis.region(block)])
        sound *= synthesis.inverse_squares
        self.mask, self._mask_before = self._mask_before, self.mask
        self._residual_before = self._residual
        self._residual = np.subtract(self._source, sound, out=sound)
        self._steps_from_rest += 1
