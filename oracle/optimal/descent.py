"""Descent: find the best mask of a class by accelerated projected gradients, until certified.

FISTA (Beck & Teboulle 2009) with the momentum k / (k + 5) of Chambolle & Dossal (2015), restarted
when the error grows (O'Donoghue & Candès 2015). Each step takes one inverse and one forward
transform. Steps may be nearly twice the length that is always safe; they are shortened when the
error grows.
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

# Initial step length relative to the safe one, and the factor it shrinks by when the error grows.
LONG, SHORTER = 1.75, 0.8

# Steps between two checks of the gap if masks have no maximum: a check costs as much as several
# steps, and hundreds of steps are needed.
LOOK_AT_CONE = 50

# Below this error relative to the source (-50 dB), the rounding of float32 masks hides the gap.
SINGLE = 1e-5


class Found(NamedTuple):
    """The best mask found for a source, with its error and certificate.

    Attributes
    ----------
    scaled : array of shape (n_channels or 1, n_frames, n_freqs or n_bands)
        |X| times the mask; X times a complex mask.
    energy, error, least_error : float
        Energies of the source and of the error of the estimate; lower bound on the error of any
        mask.
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
        """The SDR in dB; NaN for a silent source."""
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

    Where float32 is not precise enough, the descent continues in double precision.

    Parameters
    ----------
    synthesis : Synthesis
        The map from masks to samples.
    source : array of shape (n_channels, n_samples of the piece)
        The target samples.
    start : array of shape (n_channels or 1, n_frames, n_freqs or n_bands)
        |X| times the mask to start from.
    goal : Goal
        When to stop.
    masks : MaskClass
        The class of masks. Its maximum may be infinite if the piece is the whole signal.
    long : float, optional
        Initial step length relative to the safe one, below 2.
    prove : bool, optional
        Whether to certify the least error. If not, it is computed in the precision of the audio
        and is no guarantee.
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
                # Near the best mask, the residual at the extrapolated point gives the best bound.
                ahead = view.ahead[:, synthesis.inside]
                least_guessed = least_error(synthesis, source, ahead, masks=masks)
            least = max(least, least_guessed)
            converged = is_perfect(error, energy, source.dtype) or goal.is_met(error, least)
            if converged or ended:
                return Found(descent.mask, energy, error, least, iterations, converged)
        descent.step(view)
        iterations += 1


class _View(NamedTuple):
    """The error at a mask, and the step to take from there.

    Errors are computed in the precision of the audio, so they are no guarantee.

    Attributes
    ----------
    error, least_error : float
        The error of the mask, and the estimated least error of any mask.
    momentum : float
        The fraction of the last step to repeat.
    ahead : array of shape (n_channels, n_padded)
        The residual at the point extrapolated by the momentum.
    downhill : array of shape (n_channels or 1, n_frames, n_freqs or n_bands)
        The gradient step from that point. The next look overwrites it.
    """

    error: float
    least_error: float
    momentum: float
    ahead: Audio
    downhill: Scaled


class _Descent:
    """The current and the previous mask, and their residuals.

    Call `look` and `step` in turn. It owns all its arrays; `start` is copied.
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
        # For the support function, which weights the frequencies of the real FFT.
        self._weighted = self._limit * synthesis.weights.astype(self._limit.dtype)
        self._source = synthesis.padded(source)
        # For the step along B^T D r / w, with r the residual ahead.
        self._downhill = synthesis.empty()
        self.mask = start.astype(self._downhill.dtype)
        self._mask_before = self.mask.copy()
        self._residual = self._source - synthesis.padded(synthesis.forward(self.mask))
        self._residual_before = self._residual
        self._error, self._steps_from_rest = math.inf, 0
        self._view: _View | None = None

    @property
    def residual(self) -> Audio:
        """The source minus the estimate of the mask."""
        return self._residual[:, self.synthesis.inside]

    def look(self) -> _View:
        """Extrapolate by the momentum, and find the gradient step from there."""
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
        # If masks may be very large, rounding errors can swamp the support.
        gain = max(inner(ahead, self._source) - max(support, 0.0), 0.0)
        least = gain * gain / size if size else 0.0
        self._view = _View(error, least, momentum, ahead, self._downhill)
        return self._view

    def _find_downhill(self, ahead: Audio) -> float:
        """Find the gradient step at the extrapolated point; return the support of its residual."""
        synthesis = self.synthesis
        # Scaled by the step length, so that the projection is the step itself.
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
        """Take the gradient step, and project onto the class.

        The new mask reuses the memory of the previous mask.
        """
        if view is not self._view:
            raise RuntimeError(
                "view must be that of the last look, and taken once: call look again"
            )
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
