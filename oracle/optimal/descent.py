"""Descent: the best mask of a class, by accelerated projected gradients, until it is certified.

FISTA (Beck & Teboulle 2009) with the momentum k / (k + 5) of Chambolle & Dossal (2015), from rest
again when the error grows (O'Donoghue & Candès 2015). A step takes one inverse and one forward
transform. Steps may be nearly twice as long as is safe wherever they lead: they are shortened when
the error grows.
"""

import math
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from oracle.machine.threads import one_blas_thread
from oracle.metrics.energy_ratios import decibels
from oracle.optimal.certificates import least_error
from oracle.optimal.classes import MaskClass, Scaled
from oracle.optimal.goals import Goal, compute_energy, is_perfect
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


@one_blas_thread()
def descend(
    synthesis: Synthesis,
    source: Audio,
    start: Scaled,
    goal: Goal,
    *,
    masks: MaskClass,
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
        |X| times the mask to start from.
    goal : Goal
        When to stop.
    masks : MaskClass
        The class of the masks here. Its maximum may be infinite if the piece is the whole signal.
    long : float, optional
        How much longer than is safe steps are at first, less than 2.
    prove : bool, optional
        Whether the least error is certified; if not, it is as the precision of the audio has it,
        and not to be relied on.
    """
    if compute_energy(source) == 0:
        return Found(np.zeros_like(start), 0.0, 0.0, 0.0, 0, True)
    found = _go_downhill(_Descent(synthesis, source, start, masks, long), source, goal, prove)
    steps_left = goal.max_iterations - found.iterations
    if found.converged or synthesis.dtype == np.float64 or steps_left == 0:
        return found
    descent = _Descent(synthesis.in_double(), source, found.scaled, masks, long)
    precise = _go_downhill(descent, source, replace(goal, max_iterations=steps_left), prove)
    return precise._replace(
        scaled=precise.scaled.astype(found.scaled.dtype),
        iterations=found.iterations + precise.iterations,
    )


def _go_downhill(descent: "_Descent", source: Audio, goal: Goal, prove: bool) -> Found:
    """Take steps until the goal is met, or float32 is not precise enough."""
    synthesis, masks = descent.synthesis, descent.masks
    energy, single = compute_energy(source), synthesis.dtype == np.float32
    least, iterations = 0.0, 0
    while True:
        view = descent.look()
        least_guessed = view.least_error
        if masks.maximum < math.inf:
            near = goal.is_met(view.error, least_guessed)
        else:
            near = iterations % LOOK_AT_CONE == 0
        perfect = is_perfect(view.error, energy, source.dtype)
        imprecise = single and not perfect and view.error < SINGLE * energy
        ended = imprecise or iterations == goal.max_iterations
        if near or perfect or ended:
            error = compute_energy(descent.residual)
            if prove:
                # Where the momentum leads, near the best mask, what is left proves the most.
                ahead = view.ahead[:, synthesis.inside]
                least_guessed = least_error(synthesis, source, ahead, masks=masks)
            least = max(least, least_guessed)
            converged = is_perfect(error, energy, source.dtype) or goal.is_met(error, least)
            if converged or ended:
                return Found(descent.mask, energy, error, least, iterations, converged)
        descent.step(view)
        iterations += 1


class _View(NamedTuple):
    """What there is to see from a mask, and the step to take from there.

    Errors are as the precision of the audio has them, so not to be relied on.

    Attributes
    ----------
    error, least_error : float
        The error of the mask, and the least of any.
    momentum : float
        How much of the last step is taken again.
    ahead : array of shape (n_channels, n_padded)
        What is left of the source where the momentum leads.
    downhill : array of shape (n_channels or 1, n_frames, n_freqs or n_bands)
        The step from there. The next look overwrites it.
    """

    error: float
    least_error: float
    momentum: float
    ahead: Audio
    downhill: Scaled


class _Descent:
    """The mask of a step and the one before, and what they leave of the source.

    `look` and `step` take turns. All arrays are its own; `start` is copied.
    """

    def __init__(
        self,
        synthesis: Synthesis,
        source: Audio,
        start: Scaled,
        masks: MaskClass,
        long: float,
    ) -> None:
        self.synthesis, self.masks, self._long = synthesis, masks, long
        self._limit = masks.limit(synthesis.magnitude)
        # For the support, in which the frequencies of the real FFT have weights.
        self._weighted = self._limit * synthesis.weights.astype(self._limit.dtype)
        self._source = synthesis.padded(source)
        # For the step along B^T D r / w of what is left ahead.
        self._downhill = synthesis.empty()
        self.mask = start.astype(self._downhill.dtype)
        self._mask_before = self.mask.copy()
        self._residual = self._source - synthesis.padded(synthesis.forward(self.mask))
        self._residual_before = self._residual
        self._error, self._steps_from_rest = math.inf, 0
        self._view: _View | None = None

    @property
    def residual(self) -> Audio:
        """What the mask leaves of the source."""
        return self._residual[:, self.synthesis.inside]

    def look(self) -> _View:
        """Go on as before, by the momentum, and find what lies downhill from there."""
        error = inner(self._residual, self._residual)
        if error > self._error:
            self._steps_from_rest = 0
            self._long = max(SHORTER * self._long, 1.0)
        self._error = error
        momentum = self._steps_from_rest / (self._steps_from_rest + MOMENTUM)
        ahead = self._residual - self._residual_before
        ahead *= momentum
        ahead += self._residual
        support = self._find_downhill(ahead)
        size = inner(ahead, ahead)
        # Of a mask that may be very large, the support may be next to any rounding error.
        gain = max(inner(ahead, self._source) - max(support, 0.0), 0.0)
        least = gain * gain / size if size else 0.0
        self._view = _View(error, least, momentum, ahead, self._downhill)
        return self._view

    def _find_downhill(self, ahead: Audio) -> float:
        """Find the step from where the momentum leads, and the support of what is left there."""
        synthesis = self.synthesis
        # Times the length of the step: what is found is the step itself.
        length = self._long * synthesis.step
        divided = ahead * (length * synthesis.inverse_squares)
        support = 0.0
        for block in synthesis.blocks:
            downhill = self._downhill[:, block]
            synthesis.project(divided[:, synthesis.region(block)], block, out=downhill)
            if self.masks.maximum < math.inf:
                support += inner(self.masks.reach(downhill), self._weighted[:, block])
        return support / length

    def step(self, view: _View) -> None:
        """Go downhill, and back to the nearest mask of the class.

        The new mask takes the memory of the one before the last.
        """
        if view is not self._view:
            raise RuntimeError("a step must be that of the last look, and is taken once")
        self._view, synthesis = None, self.synthesis
        sound = np.zeros_like(self._residual)
        for block in synthesis.blocks:
            now: Any = self.mask[:, block]
            place: Any = self._mask_before[:, block]
            np.subtract(now, place, out=place)
            place *= view.momentum
            place += now
            place += view.downhill[:, block]
            self.masks.bring_near(place, self._limit[:, block])
            synthesis.synthesize(place, block, into=sound[:, synthesis.region(block)])
        sound *= synthesis.inverse_squares
        self.mask, self._mask_before = self._mask_before, self.mask
        self._residual_before = self._residual
        self._residual = np.subtract(self._source, sound, out=sound)
        self._steps_from_rest += 1
