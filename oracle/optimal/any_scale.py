"""Masks whose scale does not matter: the highest SI-SDR, and the proof.

At its best scale, the one at which its error is least, an estimate e has <s, e> = |e|^2, and so
the error E = |s|^2 - |e|^2, which is the energy of the source times the squared sine of their
angle. The class are masks from 0 to a maximum R *at their best scale*. For every t >= 1 they have

    |t s - e|^2  =  (2 t - 1) E + (t - 1)^2 |s|^2,

so that what no mask from 0 to R comes below, for t s, bounds E from below too. At t = 1 that is
the error itself, and mostly the best mask for s is at its best scale. But where R keeps it small,
its best scale is larger, and it is no member. With a larger t it grows: where it is at its best
scale, it is the best of all members, and the bound meets its error.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from oracle.machine.threads import one_blas_thread
from oracle.metrics.energy_ratios import decibels
from oracle.metrics.scale_invariant import scale_invariant_ratios
from oracle.optimal.certificates import ROUNDING, least_error
from oracle.optimal.classes import MaskClass, Scaled
from oracle.optimal.goals import Goal, gap, is_perfect, scale_free_gap
from oracle.optimal.problems import Problem
from oracle.optimal.synthesis import Synthesis
from oracle.tracks.track import Audio

# How far a source is stretched at the most: there next to all that can grow of its mask has
# grown. And how much farther at a time, while no stretch is known to be too long.
LARGEST_STRETCH, FARTHER = 1e3, 8.0

# How near below 1 a best scale is near enough, and the halvings after which it is in any case.
NEAR_ONE, HALVINGS = 1e-6, 60

# Where all of a mask that is not 0 has grown to the maximum.
FULLY_GROWN = 2.0**40


class Best(NamedTuple):
    """The best mask that was found, at its best scale, and what is known of all.

    Attributes
    ----------
    mask : array of shape (n_channels or 1, n_frames, n_freqs)
        The mask.
    estimate : array of shape (n_channels, n_samples), float64
        What it makes of the mixture.
    achieved, certified : float
        Its SI-SDR, and the one that no mask of the class exceeds, in dB.
    iterations : int
        Steps taken.
    converged : bool
        Whether the two are within the tolerance, or the estimate is perfect but for rounding.
    """

    mask: Scaled
    estimate: Audio
    achieved: float
    certified: float
    iterations: int
    converged: bool


@one_blas_thread()
def best_of_any_scale(
    synthesis: Synthesis,
    source: Audio,
    goal: Goal,
    *,
    masks: MaskClass,
) -> Best:
    """Find the mask of the best SI-SDR.

    SI-SDR is blind to the sign: masks whose estimate comes near to -s count too.

    Parameters
    ----------
    synthesis : Synthesis
        The map from masks to samples, of a whole signal in double precision.
    source : array of shape (n_channels, n_samples)
        The true source.
    goal : Goal
        When to stop: the gap of SI-SDR, and the number of steps for each sign.
    masks : MaskClass
        The class of the mask at its best scale, real; its maximum may be infinite.
    """
    problem = Problem.of(synthesis, source.astype(np.float64), masks)
    best = _search(problem, goal)
    # Of -s, what the mixture itself proves as a dual point, D x, is mostly enough.
    opposite = problem._replace(source=-problem.source)
    least_of_opposite = least_error(
        opposite.synthesis,
        opposite.source,
        -opposite.synthesis.mixture_times_squares(),
        masks=opposite.masks,
    )
    if least_of_opposite < best.error:
        other = _search(opposite, goal)
        least_of_opposite = max(least_of_opposite, other.least_error)
        best, least = min(best, other, key=lambda found: found.error), best.least_error
    else:
        least = best.least_error
    least = min(least, least_of_opposite)
    energy = _inner(problem.source, problem.source)
    achieved = float(scale_invariant_ratios([problem.source], [best.audio]).si_sdr[0])
    certified = float(decibels(max(energy - least, 0.0), least))
    # Not a number: a silent source or estimate, or infinity less infinity.
    converged = not certified - achieved > goal.tolerance
    converged |= is_perfect(best.error, energy, source.dtype)
    converged |= scale_free_gap(best.error, least, energy) <= goal.tolerance
    return Best(
        problem.mask(best.scaled),
        problem.estimate(best.audio),
        achieved,
        certified,
        best.iterations,
        converged,
    )


class _Member(NamedTuple):
    """A mask of the class times |X|, at its best scale, its estimate and its error.

    `least_error` is of any member, `iterations` those of the search.
    """

    scaled: Scaled
    audio: Audio
    error: float
    least_error: float = 0.0
    iterations: int = 0


def _search(problem: Problem, goal: Goal) -> _Member:
    """Stretch the source until its best mask is at its best scale."""
    energy = _inner(problem.source, problem.source)
    best = _Member(
        np.zeros_like(problem.synthesis.magnitude), np.zeros_like(problem.source), energy
    )
    start, least, iterations = problem.start(), 0.0, 0
    stretches = _Stretches()
    while True:
        stretch = stretches.now
        of_members = partial(_error_of_member, stretch, energy)
        found = problem.solve(
            start,
            Goal(
                # Half of it is left to what the stretch may be wrong by.
                tolerance=goal.tolerance if stretch == 1 else goal.tolerance / 2,
                max_iterations=goal.max_iterations - iterations,
                distance=partial(_distance, of_members, energy),
            ),
            stretch=stretch,
            # Where next to nothing is left of a source, longer steps may not end.
            long=1.0,
        )
        iterations += found.iterations
        least = max(least, of_members(found.least_error) - ROUNDING * (stretch - 1) * energy)
        audio = problem.synthesis.forward(found.scaled)
        scale = _best_scale(problem, audio)
        member = _member(problem, found.scaled, audio, scale)
        best = min(best, member, key=lambda each: each.error)
        start = found.scaled
        if (
            problem.masks.maximum == math.inf
            or scale_free_gap(best.error, least, energy) <= goal.tolerance
            or is_perfect(best.error, energy, problem.source.dtype)
            or iterations == goal.max_iterations
            or not stretches.go_on(scale)
        ):
            return best._replace(least_error=least, iterations=iterations)


class _Stretches:
    """The search for the stretch at which the best mask is at its best scale: secants of logs."""

    def __init__(self) -> None:
        self.now = 1.0
        self._short, self._long = 1.0, math.inf
        self._before: tuple[float, float] | None = None

    def go_on(self, scale: float) -> bool:
        """Take the best scale of the best mask at this stretch; tell whether there is another."""
        if not scale > 0:
            return False
        here = math.log(self.now), math.log(scale)
        if scale > 1:
            self._short = self.now
        else:
            self._long = self.now
        if self._before is None:
            slope = -1.0  # as if nothing more of the mask came to the maximum
        elif here[1] == self._before[1]:
            slope = -math.inf
        else:
            slope = (here[0] - self._before[0]) / (here[1] - self._before[1])
        farthest = min(FARTHER * self._short, LARGEST_STRETCH)
        following = math.exp(min(here[0] - slope * here[1], math.log(farthest)))
        if self._long < math.inf and not self._short < following < self._long:
            following = math.sqrt(self._short * self._long)
        self.now, self._before = following, here
        return self._short < following < self._long


def _error_of_member(stretch: float, energy: float, error: float) -> float:
    """Tell the error of a mask at its best scale from that for the stretched source."""
    return (error - (stretch - 1) ** 2 * energy) / (2 * stretch - 1)


def _distance(
    of_members: Callable[[float], float], energy: float, error: float, least: float
) -> float:
    """Tell the gap of SI-SDR."""
    if of_members(error) <= 0:  # a stretch that is too long by far
        return gap(error, least)
    return scale_free_gap(of_members(error), max(of_members(least), 0.0), energy)


def _member(problem: Problem, scaled: Scaled, audio: Audio, scale: float) -> _Member:
    """Bring a mask to its best scale: make it larger, but for what is at the maximum."""
    if scale > 1 and problem.masks.maximum < math.inf:
        limit = problem.masks.maximum * problem.synthesis.magnitude
        if (scale * scaled > limit).any():
            scaled, audio, scale = _grown(problem, scaled, limit)
    scale = max(scale, 0.0)
    error = problem.source - scale * audio
    return _Member(scale * scaled, scale * audio, _inner(error, error))


def _grown(problem: Problem, scaled: Scaled, limit: Scaled) -> tuple[Scaled, Audio, float]:
    """Find a mask whose best scale is just below 1, on a way from one of which it is above.

    First all of the mask grows, then what is 0; last what helps the source is taken away. Where
    a maximum is so small that nothing on the way will do, silence will.
    """
    synthesis = problem.synthesis
    support = np.where(scaled > 0, limit, 0)
    harmful = np.where(synthesis.adjoint(problem.source) < 0, limit, 0)

    def growing(part: float) -> Scaled:
        return np.asarray(np.minimum(FULLY_GROWN**part * scaled, limit))

    def between(before: Scaled, after: Scaled) -> Callable[[float], Scaled]:
        return lambda part: before + part * (after - before)

    ways = [growing, between(support, limit), between(limit, harmful)]

    def at(mask: Scaled) -> tuple[Scaled, Audio, float]:
        audio = synthesis.forward(mask)
        return mask, audio, _best_scale(problem, audio)

    for way in ways:
        found = at(way(1.0))
        if found[2] > 1:
            continue
        low, high = 0.0, 1.0
        for _ in range(HALVINGS):
            if found[2] >= 1 - NEAR_ONE:
                break
            middle = (low + high) / 2
            trial = at(way(middle))
            if trial[2] > 1:
                low = middle
            else:
                high, found = middle, trial
        return found
    return at(np.zeros_like(scaled))


def _best_scale(problem: Problem, audio: Audio) -> float:
    """Compute <s, e> / <e, e>; 0 of silence."""
    power = _inner(audio, audio)
    return _inner(audio, problem.source) / power if power else 0.0


def _inner(signal: Audio, other: Audio) -> float:
    return float(np.einsum("cn,cn->", signal, other))
