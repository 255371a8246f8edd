"""Footprints: how much memory a track takes, from the headers of its files.

A process that works on a track holds its audio, some more of that size, and the equations for
the filters of some metrics, which grow with the number of channels of all its sources.
"""

from collections.abc import Iterable, Sequence
from functools import partial

from oracle.datasets import Dataset, Entry
from oracle.datasets.lengths import read_length
from oracle.machine.threads import in_threads
from oracle.metrics.decomposition import FILTER_LENGTH
from oracle.metrics.names import MUSEVAL, REGULARIZED
from oracle.tracks.track import Track

# What a process takes at most: fitted to the peaks of fresh processes (getrusage's ru_maxrss)
# that compute all bounds, of 4 stereo sources of 10 to 240 s, and of 2, 8 and 12 of 10 s;
# tests/test_footprints.py compares.
# Of 60 s these took 0.78 GB, with SDR alone 0.34 GB; 8 threads took no more than 2.
BASE = 450e6  # bytes: Python and libraries, and what threads work on
AUDIO = 2.2  # times the audio of mixture and sources, in single precision
EQUATIONS = 2.2  # times the equations for the filters of ISR, SIR and SAR, and of those of -reg
READING = 1.2  # times the audio while it is read, where only its beginning is used

# The metrics that need filters: those of a kind need the same ones.
FILTERED = (MUSEVAL[1:], REGULARIZED)


def footprint_of_longest(
    tracks: Track | Iterable[Track], metrics: Sequence[str] = ()
) -> float | None:
    """Tell how much memory a process takes for the longest track.

    None where that is not known before the tracks are there. Files that cannot be read are left
    out: their track fails.
    """
    if isinstance(tracks, Dataset):
        if any(entry.most_sources is None for entry in tracks.entries):
            return None
        work = partial(_footprint_of_entry, seconds=tracks.seconds, metrics=metrics)
        return max(filter(None, in_threads(work, tracks.entries)), default=None)
    if isinstance(tracks, Track):
        tracks = [tracks]
    if not isinstance(tracks, (list, tuple)):
        return None
    known = [track for track in tracks if isinstance(track, Track)]  # the others will fail
    return max(
        (footprint(len(t.sources), t.n_channels, t.n_samples, metrics=metrics) for t in known),
        default=None,
    )


def _footprint_of_entry(
    entry: Entry, *, seconds: float | None, metrics: Sequence[str]
) -> float | None:
    lengths = [length for path in entry.paths if (length := read_length(path)) is not None]
    if not lengths or entry.most_sources is None:
        return None
    longest = max(length.n_samples for length in lengths)
    used = longest if seconds is None else min(longest, round(seconds * lengths[0].rate))
    n_channels = max(length.n_channels for length in lengths)
    return footprint(entry.most_sources, n_channels, used, n_read=longest, metrics=metrics)


def footprint(
    n_sources: int,
    n_channels: int,
    n_samples: int,
    *,
    n_read: int = 0,
    metrics: Sequence[str] = (),
) -> float:
    """Tell how much memory a process takes for a track, at most.

    Parameters
    ----------
    n_sources, n_channels, n_samples : int
        The shape of its sources.
    n_read : int, optional
        How many samples of each are read, if that is more.
    metrics : sequence of str, optional
        What is computed.
    """
    a_sample = 4 * n_channels * (n_sources + 1)
    n_equations = n_channels * n_sources * FILTER_LENGTH
    n_systems = sum(not set(filtered).isdisjoint(metrics) for filtered in FILTERED)
    equations = EQUATIONS * n_systems * 8 * n_equations**2
    return BASE + max(AUDIO * a_sample * n_samples + equations, READING * a_sample * n_read)
