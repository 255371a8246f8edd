"""Plans: how many tracks to work on at a time, so that they fit into memory.

Each process works on one track and keeps it in memory. The number of processes follows from the
cores, the memory and the longest track.
"""

import warnings
from collections.abc import Iterable, Sequence, Sized
from typing import Literal, NamedTuple

from oracle.machine.memory import available_memory, gib
from oracle.machine.threads import n_cores
from oracle.runs.footprints import predict_largest_footprint
from oracle.tracks.track import Track

# A number of cores; "auto", as many as cores and memory allow; or None, this process alone.
Jobs = int | Literal["auto"] | None

# The part of the available memory to plan with; other programs need some, too.
PART = 0.8


class MemoryWarning(UserWarning):
    """So many tracks at a time may not fit into memory."""


class Plan(NamedTuple):
    """How many processes work on one track each, and in how many threads.

    `text` explains the plan if it was chosen automatically, and is empty if not.
    """

    processes: int
    threads: int
    text: str = ""


def make_plan(tracks: Track | Iterable[Track], jobs: Jobs, *, metrics: Sequence[str] = ()) -> Plan:
    """Plan the work on tracks on this machine.

    Parameters
    ----------
    tracks : Track or iterable of Track
        An iterator is not consumed.
    jobs : int, "auto" or None
        As in `oracle.compute_bounds`.
    metrics : sequence of str, optional
        As in `oracle.compute_bounds`.

    Raises
    ------
    ValueError
        If `jobs` is none of these, or not positive.

    Warns
    -----
    MemoryWarning
        If `jobs` is a number, and so many tracks may not fit into memory.
    """
    if isinstance(jobs, str) and jobs != "auto":
        raise ValueError(f"jobs must be a number, 'auto' or None, got {jobs!r}")
    if isinstance(jobs, int) and jobs < 1:
        raise ValueError(f"jobs must be positive, got {jobs}")
    n_tracks = count_tracks(tracks)
    if jobs is None or (jobs == "auto" and n_tracks == 1):
        return Plan(1, n_cores())
    needed = predict_largest_footprint(tracks, metrics)
    available = available_memory()
    if jobs == "auto":
        return choose_plan(n_cores(), n_tracks, needed, available)
    plan = share_out(jobs, jobs if n_tracks is None else n_tracks)
    if needed is not None and plan.processes * needed > available:
        warnings.warn(
            _describe_excess(plan.processes, needed, available), MemoryWarning, stacklevel=2
        )
    return plan


def count_tracks(tracks: Track | Iterable[Track]) -> int | None:
    """Count tracks; None if their number is unknown until they are loaded."""
    if isinstance(tracks, Track):
        return 1
    return len(tracks) if isinstance(tracks, Sized) else None


def share_out(cores: int, n_tracks: int) -> Plan:
    """Give each core a track; share spare cores out as threads."""
    processes = max(1, min(cores, n_tracks))
    return Plan(processes, cores // processes)


def choose_plan(cores: int, n_tracks: int | None, needed: float | None, available: float) -> Plan:
    """Choose how many tracks to work on at a time.

    One process per core is fastest: six tracks of 30 s took two processes 33 s, and one process of
    two threads 41 s (all metrics, all methods but OPT and CEILING, the best of three runs on two
    cores). With IRM2 and SDR, where starting the processes takes most of the time, they took 6.0
    and 5.1 s. With few tracks, or little memory, threads use the other cores.

    Parameters
    ----------
    cores : int
        How many cores there are.
    n_tracks : int or None
        How many tracks there are, if known.
    needed : float or None
        How many bytes the longest track takes, if known.
    available : float
        How many bytes are available.
    """
    if n_tracks is None or needed is None:
        processes, why = 1, "the length of the tracks is unknown until they are read"
    else:
        processes = max(1, min(cores, n_tracks, _count_fitting(needed, available)))
        why = f"up to {gib(needed)} per track, {gib(available)} available"
    threads = -(-cores // processes)  # rounded up: better a thread too many than an idle core
    tracks = "1 track" if processes == 1 else f"{processes} tracks"
    each = " each" if processes > 1 else ""
    shared = f"1 thread{each}" if threads == 1 else f"{threads} threads{each}"
    return Plan(processes, threads, f"{tracks} at a time, in {shared}: {why}")


def _count_fitting(needed: float, available: float) -> int:
    """Count the tracks that fit into memory."""
    return int(PART * available / needed)


def _describe_excess(processes: int, needed: float, available: float) -> str:
    tracks = "1 track" if processes == 1 else f"{processes} tracks at a time"
    fitting = _count_fitting(needed, available)
    remedy = (
        f"--jobs {fitting} will fit (in Python jobs={fitting})"
        if fitting
        else "not even one will fit, take fewer seconds of each (--seconds)"
    )
    needed *= processes
    return f"{tracks} may take {gib(needed)}, but {gib(available)} is available: {remedy}"
