"""Timings: how long the bounds of a track take, estimated from some seconds of it."""

import time
import warnings
from collections.abc import Sequence
from typing import NamedTuple

from oracle.jobs.track_scores import score_track
from oracle.machine.threads import limited_threads
from oracle.methods import Method
from oracle.metrics.metric import Metric
from oracle.stft import STFT
from oracle.tracks.track import Track

# Lengths of the two excerpts that are separated and scored, in seconds.
SHORT, LONG = 2.0, 6.0


class Cost(NamedTuple):
    """How long a method takes: `fixed` seconds per track, and `per_sample` seconds per sample.

    Samples are those of all channels of all sources.
    """

    fixed: float
    per_sample: float

    def of(self, n_samples: int) -> float:
        """Estimate how many seconds a track of so many samples takes."""
        return self.fixed + self.per_sample * n_samples


def measure_costs(
    track: Track,
    methods: Sequence[Method],
    *,
    stft: STFT,
    metrics: Sequence[Metric],
    n_threads: int = 1,
) -> dict[str, Cost]:
    """Measure how long methods take, on some seconds from the middle of a track.

    Methods share transforms, so they take less time together than one after the other. The cost
    of a method is its share of the time that all take together.

    Parameters
    ----------
    track : Track
        A track like those to come, completed with the rest of its mixture.
    methods, stft, metrics
        As in `oracle.compute_bounds`.
    n_threads : int, optional
        How many threads work on a track.

    Returns
    -------
    costs : dict from str to Cost
        By method.
    """
    whole = track.n_samples / track.rate
    pieces = [_middle(track, min(seconds, whole)) for seconds in (SHORT, LONG)]
    sizes = [piece.mixture.size * len(piece.sources) for piece in pieces]

    def measure_seconds(piece: Track, some: Sequence[Method]) -> float:
        start = time.perf_counter()
        score_track(piece, some, stft=stft, metrics=metrics, rest="ignore")
        return time.perf_counter() - start

    with limited_threads(n_threads), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # about the pieces, not the track
        measure_seconds(pieces[0], methods)  # warms up: imports, plans of FFTs
        alone = {method.name: measure_seconds(pieces[1], [method]) for method in methods}
        short, long = (measure_seconds(piece, methods) for piece in pieces)
    if sizes[1] > sizes[0]:
        per_sample = max(long - short, 0.0) / (sizes[1] - sizes[0])
    else:
        per_sample = long / sizes[1]
    fixed = max(long - per_sample * sizes[1], 0.0)
    total = sum(alone.values())
    return {name: Cost(fixed * s / total, per_sample * s / total) for name, s in alone.items()}


def _middle(track: Track, seconds: float) -> Track:
    n_samples = max(round(seconds * track.rate), track.n_channels)
    start = (track.n_samples - n_samples) // 2
    cut = slice(start, start + n_samples)
    return Track(
        track.name,
        track.rate,
        track.mixture[:, cut].copy(),
        {name: audio[:, cut].copy() for name, audio in track.sources.items()},
        mixture_is_sum=track.mixture_is_sum,
    )
