"""Descent: the best mask, by accelerated projected gradients, until its certificate is near.

FISTA (Beck & Teboulle 2009) with the momentum k / (k + 6) of Chambolle & Dossal (2015), from
rest again when the error grows (O'Donoghue & Candès 2015). A step takes one inverse and one
forward transform, and its length is safe: nothing grows by more than the inverse STFT lets
it, where the sum of squared windows is least.
"""

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from oracle.metrics.energy_ratios import Float64s, decibels
from oracle.optimal.certificates import bound, inner, least_error, least_error_of_cone, together
from oracle.optimal.synthesis import Scaled, Synthesis
from oracle.threads import in_threads, one_blas_thread
from oracle.track import Audio

Result = TypeVar("Result")

MOMENTUM = 6

# Steps from one look at the gap to the next. Without a maximum a look costs as much as some
# steps, and hundreds are needed.
LOOK, LOOK_AT_CONE = 2, 50

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
    scaled : array of shape (n_channels or 1, n_frames, n_freqs)
        |X| times the mask.
    audio : array of shape (n_channels, n_samples of the cut)
        The estimate.
    energy, error, least_error : float
        Energies of the source, of the error of the estimate, and the least of any mask.
    iterations : int
        Steps taken.
    converged : bool
        Whether the tolerance was met.
    """

    scaled: Scaled
    audio: Audio
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
    return float(decibels(error, least))


@one_blas_thread()
def descend(
    synthesis: Synthesis,
    source: Audio,
    start: Scaled,
    *,
    maximum: float,
    tolerance: float,
    max_iterations: int,
    distance: Callable[[float, float], float] = gap,
) -> Found:
    """Find the best mask for a source.

    Where float32 is not precise enough, the descent goes on in double precision.

    Parameters
    ----------
    synthesis : Synthesis
        The map from masks to samples.
    source : array of shape (n_channels, n_samples of the cut)
        What the samples should be.
    start : array of shape (n_channels or 1, n_frames, n_freqs)
        |X| times the mask to start from; it is overwritten.
    maximum : float
        The largest value of the mask. It may be infinite if the cut is the whole signal.
    tolerance : float
        The gap in dB between the SDR and its certificate at which to stop.
    max_iterations : int
        The number of steps after which to stop in any case.
    distance : callable, optional
        ``(error, least_error) -> gap`` in dB.
    """
    energy = float(np.einsum("cn,cn->", source, source, dtype=np.float64))
    if energy == 0:
        start[:] = 0
        return Found(start, np.zeros_like(source), 0.0, 0.0, 0.0, 0, True)

    def run(synthesis: Synthesis, start: Scaled, max_iterations: int) -> Found:
        descent = _Descent(synthesis, source, start, maximum)
        single = synthesis.dtype == np.float32
        error, least, iterations = math.inf, 0.0, 0
        converged = imprecise = False
        error_before, steps_from_rest = math.inf, 0
        while not (converged or imprecise) and iterations < max_iterations:
            momentum = steps_from_rest / (steps_from_rest + MOMENTUM)
            iterations += 1
            if maximum < math.inf:
                look = iterations % LOOK == 0
                error_now, least_guessed = descent.step(momentum, look=look)
                near = look and distance(error_now, least_guessed) <= tolerance
            else:
                error_now, _ = descent.step(momentum, look=False)
                near = iterations % LOOK_AT_CONE == 0
            perfect = is_perfect(error_now, energy, source.dtype)
            imprecise = single and not perfect and error_now < SINGLE * energy
            if near or perfect or iterations == max_iterations:
                error, least = descent.error(), max(least, descent.certify())
                converged = is_perfect(error, energy, source.dtype)
                converged |= distance(error, least) <= tolerance
            steps_from_rest = 0 if error_now > error_before else steps_from_rest + 1
            error_before = error_now
        audio = descent.audio().astype(source.dtype, copy=False)
        return Found(descent.now, audio, energy, error, least, iterations, converged)

    found = run(synthesis, start, max_iterations)
    steps_left = max_iterations - found.iterations
    if found.converged or synthesis.dtype == np.float64 or steps_left == 0:
        return found
    precise = run(synthesis.in_double(), found.scaled.astype(np.float64), steps_left)
    return precise._replace(
        scaled=precise.scaled.astype(np.float32), iterations=found.iterations + precise.iterations
    )


def is_perfect(error: float, energy: float, dtype: npt.DTypeLike) -> bool:
    """Tell whether an error is nothing but the rounding of audio of this energy."""
    return error <= energy * (PERFECT * float(np.finfo(np.dtype(dtype)).eps)) ** 2


def scale_free_gap(error: float, least: float, energy: float) -> float:
    """Return the same for SI-SDR, which is energy / error - 1 of masks of the best scale."""
    if least >= energy * (1 - USELESS):
        return 0.0
    return gap(error, least) + gap(energy - least, max(energy - error, 0.0))


class _Sums(NamedTuple):
    """What a step adds up over blocks: before it, and where it is taken."""

    error: Float64s  # <s - B z, s - B z>
    rs: Float64s | float = 0.0  # <r, s>
    rr: Float64s | float = 0.0  # <r, r>
    gain: Float64s | float = 0.0  # sum |X| max(B^T r, 0)


class _Descent:
    """The mask of a step and the one before, and what they sound like.

    Sounds are kept as they are before the squared windows divide them.
    """

    def __init__(self, synthesis: Synthesis, source: Audio, start: Scaled, maximum: float) -> None:
        self._synthesis = synthesis
        self._maximum = maximum
        self._source = synthesis.padded(source)
        self.now, self._before = start, start.copy()
        self._sound = np.empty_like(self._source)
        synthesis.add_up(
            self._each(lambda block: synthesis.synthesize(start[:, block], block)), self._sound
        )
        self._sound_before = self._sound.copy()
        self._spare = np.empty_like(self._sound)
        self._momentum = 0.0

    def step(self, momentum: float, *, look: bool) -> tuple[float, float]:
        """Go on as before, by the momentum, and from there downhill.

        Returns the error before the step and, if told to look, the least error: as the
        precision of the audio has them, so not to be relied on.
        """
        synthesis, sound, sound_before = self._synthesis, self._sound, self._sound_before

        def work(block: slice) -> tuple[Audio, _Sums]:
            region, own = synthesis.region(block), synthesis.own(block)
            own = slice(0, own.stop - own.start)
            source, inverse = self._source[:, region], synthesis.inverse_squares[region]
            residual = source - sound[:, region] * inverse
            sums = _Sums(inner(residual[:, own], residual[:, own]))
            ahead = sound[:, region] - sound_before[:, region]
            ahead *= momentum * inverse
            residual -= ahead
            if look:
                sums = sums._replace(
                    rs=inner(residual[:, own], source[:, own]),
                    rr=inner(residual[:, own], residual[:, own]),
                )
            residual *= inverse
            downhill = synthesis.project(residual, block)
            if look:
                gain = np.maximum(downhill, 0)
                gain *= synthesis.magnitude[:, block]
                sums = sums._replace(gain=gain.sum(axis=1) @ synthesis.weights)
            now, place = self.now[:, block], self._before[:, block]
            np.subtract(now, place, out=place)
            place *= momentum
            place += now
            downhill *= synthesis.steps[block]
            place += downhill
            synthesis.limit(place, block, maximum=self._maximum)
            return synthesis.synthesize(place, block), sums

        of_blocks: list[_Sums] = []

        def pieces() -> Iterator[Audio]:
            for piece, sums in self._each(work):
                of_blocks.append(sums)
                yield piece

        synthesis.add_up(pieces(), self._spare)
        self.now, self._before = self._before, self.now
        self._sound, self._sound_before, self._spare = self._spare, sound, sound_before
        self._momentum = momentum
        totals = _Sums(*(sum(column) for column in zip(*of_blocks, strict=True)))
        error = float(np.sum(totals.error))
        if not look:
            return error, 0.0
        rs, rr = together(synthesis, [totals.rs, totals.rr])
        return error, bound(rs - self._maximum * totals.gain, rr)

    def error(self) -> float:
        """Compute the energy of the error of the mask."""

        def energy(block: slice) -> float:
            own = self._synthesis.own(block)
            audio = self._sound[:, own] * self._synthesis.inverse_squares[own]
            error = self._source[:, own].astype(np.float64) - audio
            return float(np.einsum("cn,cn->", error, error))

        return sum(self._each(energy))

    def certify(self) -> float:
        """Compute the least error, from where the last step was taken; once after a step."""
        # The sound of two steps ago is needed here for the last time.
        scaled, sound, momentum = self._spare, self._sound_before, self._momentum

        def fill(block: slice) -> None:
            own = self._synthesis.own(block)
            inverse = self._synthesis.inverse_squares[own]
            ahead = sound[:, own] + momentum * (sound[:, own] - scaled[:, own])
            scaled[:, own] = (self._source[:, own] - ahead * inverse) * inverse

        for _ in self._each(fill):
            pass
        if self._maximum == math.inf:
            return least_error_of_cone(self._synthesis, self._source, scaled)
        return least_error(self._synthesis, self._source, scaled, maximum=self._maximum)

    def audio(self) -> Audio:
        """Return the estimate."""
        inside = self._synthesis.inside
        return self._sound[:, inside] * self._synthesis.inverse_squares[inside]

    def _each(self, work: Callable[[slice], Result]) -> Iterator[Result]:
        return in_threads(work, self._synthesis.blocks, workers=self._synthesis.stft.workers)
