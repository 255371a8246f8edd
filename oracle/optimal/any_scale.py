"""The mask of the highest SI-SDR, for which scale does not matter, and its certificate.

At its best scale, the one at which its error is least, an estimate e satisfies <s, e> = |e|^2. Its
error is then E = |s|^2 - |e|^2: the energy of the source times the squared sine of the angle
between s and e. The class consists of the masks that lie in [0, R] *at their best scale*. Each of
them satisfies, for every t >= 1,

    |t s - e|^2  =  (2 t - 1) E + (t - 1)^2 |s|^2,

so a lower bound on the error of all masks in [0, R] for the stretched source t s also bounds E
from below. At t = 1 the left side is E itself, and the best mask for s is usually at its best
scale. Where R holds it down, its best scale exceeds 1 and it is not in the class. A larger t makes
it grow; once it is at its best scale, it is the best of the class, and the bound meets its error.
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

# The longest stretch of a source: by then nearly every value of its mask that can grow has grown.
# And the factor from one stretch to the next while none is known to be too long.
LARGEST_STRETCH, FARTHER = 1e3, 8.0

# How far below 1 a best scale may lie, and the number of halvings after which the search stops.
NEAR_ONE, HALVINGS = 1e-6, 60

# The factor by which every nonzero value of a mask has grown to the maximum.
FULLY_GROWN = 2.0**40


class Best(NamedTuple):
    """The best mask found, at its best scale, and the certificate of its class.

    Attributes
    ----------
    mask : array of shape (n_channels or 1, n_frames, n_freqs)
        The mask.
    estimate : array of shape (n_channels, n_samples), float64
        The estimate that the mask yields.
    achieved, certified : float
        Its SI-SDR, and the SI-SDR that no mask of the class exceeds, in dB.
    iterations : int
        Steps taken.
    converged : bool
        Whether the two are within the tolerance, or the estimate is perfect up to rounding.
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
    """Find the mask of the highest SI-SDR.

    SI-SDR ignores the sign: masks whose estimate comes close to -s count too.

    Parameters
    ----------
    synthesis : Synthesis
        The map from masks to samples, for a whole signal in double precision.
    source : array of shape (n_channels, n_samples)
        The true source.
    goal : Goal
        When to stop: the SI-SDR gap, and the maximum number of steps for each sign.
    masks : MaskClass
        The class of masks at their best scale; real, with a maximum that may be infinite.
    """
    problem = Problem.of(synthesis, source.astype(np.float64), masks)
    best = _search(problem, goal)
    # For -s, the certificate of the dual point -D x, the mixture itself, is usually enough.
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
    # The difference is NaN for a silent source or estimate, and for infinity minus infinity.
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
    """A mask of the class times |X|, at its best scale, with its estimate and its error.

    `least_error` bounds the error of every member; `iterations` counts the steps of the search.
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
                # The other half allows for an inexact stretch.
                tolerance=goal.tolerance if stretch == 1 else goal.tolerance / 2,
                max_iterations=goal.max_iterations - iterations,
                distance=partial(_distance, of_members, energy),
            ),
            stretch=stretch,
            # Longer steps may never finish where next to nothing is left of a source.
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
    """The search, by secants in log-log, for the stretch whose best mask is at its best scale."""

    def __init__(self) -> None:
        self.now = 1.0
        self._short, self._long = 1.0, math.inf
        self._before: tuple[float, float] | None = None

    def go_on(self, scale: float) -> bool:
        """Choose the next stretch from the best scale at this one; tell whether there is one."""
        if not scale > 0:
            return False
        here = math.log(self.now), math.log(scale)
        if scale > 1:
            self._short = self.now
        else:
            self._long = self.now
        if self._before is None:
            slope = -1.0  # as if no more of the mask reached the maximum
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
    """Compute the error of a mask at its best scale from its error for the stretched source."""
    return (error - (stretch - 1) ** 2 * energy) / (2 * stretch - 1)


def _distance(
    of_members: Callable[[float], float], energy: float, error: float, least: float
) -> float:
    """Compute the gap in SI-SDR."""
    if of_members(error) <= 0:  # the stretch is far too long
        return gap(error, least)
    return scale_free_gap(of_members(error), max(of_members(least), 0.0), energy)


def _member(problem: Problem, scaled: Scaled, audio: Audio, scale: float) -> _Member:
    """Bring a mask to its best scale, without letting it exceed the maximum."""
    if scale > 1 and problem.masks.maximum < math.inf:
        limit = problem.masks.maximum * problem.synthesis.magnitude
        if (scale * scaled > limit).any():
            scaled, audio, scale = _grown(problem, scaled, limit)
    scale = max(scale, 0.0)
    error = problem.source - scale * audio
    return _Member(scale * scaled, scale * audio, _inner(error, error))


def _grown(problem: Problem, scaled: Scaled, limit: Scaled) -> tuple[Scaled, Audio, float]:
    """Find a mask whose best scale is just below 1, on a path from a mask whose scale is above.

    On the path the nonzero bins grow first, then the zero bins; last, the bins that help the
    source are removed. If the maximum is too small for any mask on the path, return silence.
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
    """Compute <s, e> / <e, e>; 0 for a silent estimate."""
    power = _inner(audio, audio)
    return _inner(audio, problem.source) / power if power else 0.0


def _inner(signal: Audio, other: Audio) -> float:
    return float(np.einsum("cn,cn->", signal, other))
