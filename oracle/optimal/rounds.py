"""Rounds: solve the chunks of a signal again until all together are close to the best."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from oracle.machine.threads import in_threads
from oracle.optimal.certificates import Terms
from oracle.optimal.chunks import MARGIN, Chunks
from oracle.optimal.classes import Mask
from oracle.optimal.goals import Goal
from oracle.optimal.verdicts import Judge, Verdict

# Maximum number of rounds, and the number of times that the tolerance of chunks is halved.
ROUNDS, HALVINGS = 30, 3


class Solution:
    """The masks found so far, and their estimates.

    Parameters
    ----------
    chunks : Chunks
        The signal.
    workers : int
        Threads, as in `STFT`.

    Attributes
    ----------
    masks : array of shape (n_sources, n_channels or 1, n_frames, n_freqs)
        Zeros at first; a last frame that lies wholly in the padding stays zero.
    estimates : array of shape (n_sources, n_channels, n_samples)
        The estimates of these masks, set by `solve` and `round`.
    iterations : array of shape (n_chunks, n_sources), int
        Steps taken.
    """

    def __init__(self, chunks: Chunks, *, workers: int) -> None:
        stft, mixture = chunks.stft, chunks.mixture
        n_sources, n_rows = len(chunks.sources), 1 if chunks.masks.shared else len(mixture)
        shape = (n_sources, n_rows, stft.n_frames(mixture.shape[-1]), stft.n_freqs)
        self.masks: Mask = np.zeros(shape, chunks.masks.dtype_for(mixture.dtype))
        self.estimates = np.empty((n_sources, *mixture.shape), mixture.dtype)
        self.iterations = np.zeros((len(chunks.frames), n_sources), np.int64)
        self._chunks, self._workers, self._judge = chunks, workers, Judge(chunks)
        self._indices = range(len(chunks.frames))

    def solve(self, goal: Goal) -> list[Verdict]:
        """Find the best masks, and judge them; each round continues from the previous one."""
        places = list(range(len(self._chunks.sources)))
        for round_ in range(ROUNDS):
            before = self.iterations.sum()
            nearer = replace(
                goal,
                tolerance=MARGIN * goal.tolerance / 2 ** min(round_, HALVINGS),
                max_iterations=goal.max_iterations - int(self.iterations[:, places].max()),
            )
            self._solve_chunks(places, nearer, again=round_ > 0)
            verdicts = self._judge_all()
            places = [
                place
                for place, verdict in enumerate(verdicts)
                if not verdict.is_within(goal.tolerance)
                and self.iterations[:, place].max() < goal.max_iterations
            ]
            if not places or self.iterations.sum() == before:
                break
        return verdicts

    def _solve_chunks(self, places: Sequence[int], goal: Goal, *, again: bool) -> None:
        """Solve every other chunk, then those between, for some of the sources."""
        for first in (0, 1):
            solve = partial(
                self._chunks.solve,
                goal=goal,
                beside=self._masks_of if first or again else None,
                places=places,
                starts=self._masks_of if again else None,
            )
            some = self._indices[first::2]
            solved = in_threads(solve, some, workers=self._workers)
            for index, chunk in zip(some, solved, strict=True):
                self.iterations[index, places] += chunk.iterations
                self.masks[places, :, self._chunks.frames[index]] = chunk.masks

    def round(self, goal: Goal) -> list[Verdict]:
        """Round the masks to 0 or 1, and judge them."""
        rounded = np.zeros_like(self.masks)
        flip = partial(self._chunks.round, masks=self._masks_of, max_iterations=goal.max_iterations)
        found = in_threads(flip, self._indices, workers=self._workers)
        for index, masks in enumerate(found):
            rounded[:, :, self._chunks.frames[index]] = masks
        self.masks = rounded
        return self._judge_all()

    def _masks_of(self, frames: slice) -> Mask:
        return self.masks[:, :, frames]

    def _judge_all(self) -> list[Verdict]:
        """Compute the estimates, and return a verdict on each source."""
        terms: list[list[Terms]] = [[] for _ in self._chunks.sources]
        examine = partial(self._judge.examine, masks=self._masks_of)
        examined = in_threads(examine, self._indices, workers=self._workers)
        for index, (audio, more) in enumerate(examined):
            self.estimates[:, :, self._chunks.samples_of(index)] = audio
            for of_source, one in zip(terms, more, strict=True):
                of_source.append(one)
        return [self._judge.verdict(*each) for each in enumerate(terms)]
