"""Optimal masks of a track: separate and certify it, one piece at a time."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from oracle.optimal.ceilings import Ceiling, certify_window
from oracle.optimal.certificates import Terms
from oracle.optimal.chunks import MARGIN, Chunks
from oracle.optimal.classes import Mask
from oracle.optimal.found_masks import Masks
from oracle.optimal.goals import Goal
from oracle.optimal.named import NamedClass
from oracle.optimal.verdicts import Judge
from oracle.stft import STFT
from oracle.stft.frames import Spectrum
from oracle.tracks.track import Audio, Track

# The gap between bounds and their certificates, in dB.
TOLERANCE = 0.02

# Maximum number of steps for a chunk or window. More would be needed only where a source is almost
# alone: there the best mask is nearly perfect, and the tolerance a tiny part of its error.
STEPS = 1000

# For each chunk and each window.
GOAL = Goal(MARGIN * TOLERANCE, STEPS)


class OptimalMasks:
    """The best masks of a class for all targets of a track, solved on demand.

    Parameters
    ----------
    track : Track
        The mixture and its true sources.
    stft : STFT
        The transform.
    masks : NamedClass
        The class.
    targets : mapping, optional
        ``track.targets``, if already computed.

    Attributes
    ----------
    targets : dict from str to array of shape (n_channels, n_samples)
        The signals that the masks are to recover from the mixture.
    chunks : Chunks
        The track in chunks.
    certified : Masks
        The best masks of the convex class.
    rounded : Masks
        The same masks, rounded to 0 or 1.
    """

    def __init__(
        self,
        track: Track,
        stft: STFT,
        masks: NamedClass,
        *,
        targets: Mapping[str, Audio] | None = None,
    ) -> None:
        self.targets = track.targets if targets is None else targets
        self.chunks = Chunks(
            stft, track.mixture, list(self.targets.values()), masks.at(stft, track.rate)
        )
        frames, solve = self.chunks.frames, self.chunks.solve
        # Solve every other chunk with a halo, then those between, then the first ones again.
        first = Masks(frames, lambda index: solve(index, GOAL).masks, step=2)

        def find(index: int) -> Mask:
            if index % 2:
                return solve(index, GOAL, beside=first.of).masks
            return solve(index, GOAL, beside=self.certified.of, starts=first.of).masks

        self.certified = Masks(frames, find)
        self.rounded = Masks(
            frames,
            partial(self.chunks.round, masks=self.certified.of, max_iterations=STEPS),
        )
        self._masks = self.rounded if masks.binary else self.certified

    def separate(self, sources: Spectrum, mixture: Spectrum, frames: slice) -> Spectrum:
        """Mask the mixture (n_channels, n_freqs, n) in some frames, for all targets."""
        return np.asarray(self._masks.of(frames).swapaxes(-1, -2) * mixture)


class Certified(NamedTuple):
    """Scores that no mask of a class exceeds on a track.

    Attributes
    ----------
    whole : dict from str to float
        The SDR of the whole track in dB, by target.
    windows : dict from str to list of Ceiling
        The ceiling of each window, by target.
    """

    whole: dict[str, float]
    windows: dict[str, list[Ceiling]]


class Ceilings:
    """Certifies the ceilings of a track, piece by piece, in any order and in threads.

    Parameters
    ----------
    masks : OptimalMasks
        The best masks, from which certificates start.
    windows : mapping from str to sequence of slice
        Where to certify SDR, by target.
    """

    def __init__(self, masks: OptimalMasks, windows: Mapping[str, Sequence[slice]]) -> None:
        self._masks, self._windows = masks, windows
        self._judge = Judge(masks.chunks)
        self._places = list(masks.targets)
        self._terms: dict[int, list[Terms]] = {}
        self._in_windows: dict[tuple[str, int], Ceiling] = {}
        # The targets that are certified in each window, by its start.
        self._heard: dict[int, list[str]] = {}
        self._stops: dict[int, int] = {}
        for name, of_target in windows.items():
            for window in of_target:
                self._heard.setdefault(window.start, []).append(name)
                self._stops[window.start] = window.stop
        self._window_starts = sorted(self._heard)
        chunks = masks.chunks
        self._chunk_starts = [chunks.samples_of(i).start for i in range(len(chunks.frames))]

    def examine(self, piece: slice) -> None:
        """Certify the chunks and windows that start in a piece of the track."""
        chunks = self._masks.chunks
        for index in _within(self._chunk_starts, piece):
            _, self._terms[index] = self._judge.examine(index, self._masks.certified.of)
        for place in _within(self._window_starts, piece):
            start = self._window_starts[place]
            names, window = self._heard[start], slice(start, self._stops[start])
            frames = chunks.stft.frames.find(window.start, window.stop, chunks.n_samples)
            starts = self._masks.certified.of(frames)[[self._places.index(name) for name in names]]
            found = certify_window(
                window,
                chunks.stft,
                chunks.mixture,
                [self._masks.targets[name] for name in names],
                chunks.masks,
                GOAL,
                starts=starts,
            )
            for name, ceiling in zip(names, found, strict=True):
                self._in_windows[name, start] = ceiling

    def certified(self) -> Certified:
        """Combine the results of all pieces."""
        in_order = [self._terms[index] for index in sorted(self._terms)]
        whole = {
            name: self._judge.verdict(place, [terms[place] for terms in in_order]).certified
            for place, name in enumerate(self._places)
        }
        windows = {
            name: [self._in_windows[name, window.start] for window in of_target]
            for name, of_target in self._windows.items()
        }
        return Certified(whole, windows)


def _within(starts: Sequence[int], piece: slice) -> range:
    """Find the indices of the sorted starts that lie in a piece."""
    return range(bisect_left(starts, piece.start), bisect_left(starts, piece.stop))
