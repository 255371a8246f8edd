"""Footprints: how much memory a track takes, estimated from the headers of its files.

A process that works on a track holds its audio, working arrays of about that size, and the
equations for the filters of some metrics, which grow with the square of the number of channels
of all sources.
"""

from collections.abc import Iterable, Sequence
from functools import partial

from oracle.datasets import Dataset, Entry
from oracle.datasets.lengths import read_length
from oracle.machine.threads import in_threads
from oracle.metrics.decomposition import FILTER_LENGTH
from oracle.metrics.names import ALL_METRICS, MUSEVAL, REGULARIZED
from oracle.tracks.track import Track

# Upper limits, fitted to the peak memory (getrusage's ru_maxrss) of fresh processes that computed
# all bounds of 4 stereo sources of 10 to 240 s, and of 2, 8 and 12 of 10 s;
# tests/test_footprints.py compares.
# 60 s took 0.78 GB, with SDR alone 0.34 GB; 8 threads took no more than 2. A metric of one's own
# took 0.30 GB more, and 1.25 GB more for 240 s.
BASE = 450e6  # bytes: Python, its libraries, and working memory of threads
AUDIO = 2.2  # times the audio of mixture and sources, in single precision
EQUATIONS = 2.2  # times the filter equations of ISR, SIR and SAR, and again for -reg
WHOLE = 3.2  # times the audio, for metrics of your own: they need whole estimates
READING = 1.2  # times the whole audio while it is read, if only its beginning is used

# The metrics that need filters; those of a group share them.
FILTERED = (MUSEVAL[1:], REGULARIZED)


def predict_largest_footprint(
    tracks: Track | Iterable[Track], metrics: Sequence[str] = ()
) -> float | None:
    """Estimate how many bytes a process takes for the longest track, at most.

    None if that is unknown until the tracks are loaded. Files that cannot be read are left out:
    their track will fail.
    """
    if isinstance(tracks, Dataset):
        if any(entry.most_sources is None for entry in tracks.entries):
            return None
        work = partial(_predict_footprint_of_entry, seconds=tracks.seconds, metrics=metrics)
        return max(filter(None, in_threads(work, tracks.entries)), default=None)
    if isinstance(tracks, Track):
        tracks = [tracks]
    if not isinstance(tracks, (list, tuple)):
        return None
    known = [track for track in tracks if isinstance(track, Track)]  # the others will fail
    return max(
        (
            predict_footprint(len(t.sources), t.n_channels, t.n_samples, metrics=metrics)
            for t in known
        ),
        default=None,
    )


def _predict_footprint_of_entry(
    entry: Entry, *, seconds: float | None, metrics: Sequence[str]
) -> float | None:
    lengths = [length for path in entry.paths if (length := read_length(path)) is not None]
    if not lengths or entry.most_sources is None:
        return None
    longest = max(length.n_samples for length in lengths)
    used = longest if seconds is None else min(longest, round(seconds * lengths[0].rate))
    n_channels = max(length.n_channels for length in lengths)
    return predict_footprint(entry.most_sources, n_channels, used, n_read=longest, metrics=metrics)


def predict_footprint(
    n_sources: int,
    n_channels: int,
    n_samples: int,
    *,
    n_read: int = 0,
    metrics: Sequence[str] = (),
) -> float:
    """Estimate how many bytes a process takes for a track, at most.

    Parameters
    ----------
    n_sources, n_channels, n_samples : int
        The shape of its sources.
    n_read : int, optional
        How many samples of each are read, if more than `n_samples`.
    metrics : sequence of str, optional
        The metrics to compute.
    """
    a_sample = 4 * n_channels * (n_sources + 1)
    n_equations = n_channels * n_sources * FILTER_LENGTH
    n_systems = sum(not set(filtered).isdisjoint(metrics) for filtered in FILTERED)
    equations = EQUATIONS * n_systems * 8 * n_equations**2
    audio = AUDIO + (0 if set(metrics) <= set(ALL_METRICS) else WHOLE)
    return BASE + max(audio * a_sample * n_samples + equations, READING * a_sample * n_read)
