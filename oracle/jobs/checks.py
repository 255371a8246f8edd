"""Checks: what to know about a dataset before a long run."""

import time
import warnings
from collections.abc import Iterable, Sequence
from functools import partial

import numpy as np

from oracle.datasets import Dataset
from oracle.datasets.opening import Tracks, open_tracks
from oracle.jobs.check_findings import Check, TrackCheck
from oracle.jobs.timings import Cost, measure_costs
from oracle.jobs.track_scores import BOUNDS, find_bounds
from oracle.machine.threads import n_cores
from oracle.methods import AnyMethod, BoundName
from oracle.metrics.named import AnyMetric
from oracle.metrics.names import METRICS, MetricName
from oracle.runs.loop import Worked, run
from oracle.runs.notes import describe_input
from oracle.runs.options import RunOptions
from oracle.runs.plans import Jobs, make_plan
from oracle.runs.progress import Advance
from oracle.runs.queue import Turn
from oracle.runs.record import Record
from oracle.runs.track_info import TrackInfo
from oracle.stft import STFT
from oracle.stft.transform import choose_stft
from oracle.tracks.mixing import redundancies
from oracle.tracks.rest import Completed, complete, find_unexplained
from oracle.tracks.track import Rest, Track, check_rest

# Samples at or above this are clipped: the largest number of 16 bits.
FULL_SCALE = 1 - 2**-15


def check(
    tracks: Tracks,
    *,
    methods: Iterable[BoundName | AnyMethod] = BOUNDS,
    stft: STFT | None = None,
    metrics: Iterable[MetricName | AnyMetric] = METRICS,
    rest: Rest | None = None,
    progress: bool = False,
    jobs: Jobs = None,
    dask: str | None = None,
) -> Check:
    """Read a whole dataset, and find what would spoil its bounds.

    Parameters
    ----------
    tracks : Track, musdb track, str, Path, or iterable of these
        As in `oracle.compute_bounds`.
    methods, stft, metrics, rest
        As in `oracle.compute_bounds`, to see how long it will take and what it will refuse.
    progress, jobs, dask
        As in `oracle.compute_bounds`.

    Returns
    -------
    found : Check
        What is wrong (`Check.problems`): tracks that cannot be read, silent sources, sources that
        are copies or sums of others, mixtures that are not the sum of their sources, audio that is
        not read. What is worth knowing (`Check.remarks`): clipped samples, sources that some
        tracks lack. And how long a run will take (`Check.seconds`).

    Raises
    ------
    TypeError, ValueError
        As `oracle.compute_bounds`.

    Examples
    --------
    >>> import oracle
    >>> found = check(oracle.datasets.waltz(), methods=["IRM2"], metrics=["SDR"])
    >>> found.problems, found.tracks[0].sources
    ([], ['drums', 'bass', 'other', 'vocals'])
    """
    opened = open_tracks(tracks)
    chosen, wanted = find_bounds(methods, metrics)
    names = [metric.name for metric in wanted]
    stft = choose_stft(stft)
    check_rest(rest)
    record = Record(opened)
    found: dict[int, TrackCheck] = {}

    def keep(turn: Turn, examined: Worked[TrackCheck]) -> None:
        found[turn.index] = examined.result._replace(info=examined.info)

    work = partial(_examine, rest=rest)
    plan = make_plan(opened, jobs, metrics=names)  # that of a run; reading uses it too
    options = RunOptions(progress=progress, jobs=jobs, dask=dask)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # they are among the remarks
        run(record, lambda turn: work, keep, options, metrics=names)
    failures = {f"{f.subset}/{f.track}": str(f.__cause__) for f in record.failures}
    in_order = tuple(found[index] for index in sorted(found))
    seconds: dict[str, float] = {}
    usable = {index: each for index, each in found.items() if not each.refused}
    workers = max(1, min(plan.processes, len(usable)))

    def is_good(index: int) -> tuple[bool, int]:
        return not usable[index].info.silent, usable[index].n_samples

    # Time is measured on a track without silent sources, if any, and the longest of these.
    index = max(usable, key=is_good, default=None)
    if dask is None and index is not None and isinstance(opened, (Track, Sequence)):
        start = time.perf_counter()
        sample = opened if isinstance(opened, Track) else opened[index]
        sample = complete(sample, rest).track
        reading = Cost(0, (time.perf_counter() - start) / usable[index].n_samples)
        costs = {"reading": reading} | measure_costs(
            sample, chosen, stft=stft, metrics=wanted, n_threads=plan.threads
        )
        for name, cost in costs.items():
            seconds[name] = sum(cost.of(each.n_samples) for each in usable.values()) / workers
    return Check(
        name=opened.name if isinstance(opened, (Dataset, Track)) else "tracks",
        tracks=in_order,
        failures=failures,
        left_out=tuple(map(str, opened.left_out)) if isinstance(opened, Dataset) else (),
        seconds=seconds,
        jobs=jobs if isinstance(jobs, int) else n_cores(),
    )


def _examine(track: Track, *, rest: Rest | None, advance: Advance) -> Worked[TrackCheck]:
    problem, refused = "", False
    try:
        completed = complete(track, rest)
    except ValueError as error:
        completed = Completed(track, track, find_unexplained(track))
        problem, refused = str(error), True
    info = TrackInfo.of(completed)
    if info.rest and rest is None and track.rest is None and not refused:
        problem = (
            f"{describe_input([info], ())[0]} Choose --rest source if that is right or --rest "
            "ignore to leave it out (in Python rest='source', 'ignore'), or add what is missing"
        )
    delivered = {} if track.mixture_is_sum else {"mixture": track.mixture}
    signals = delivered | dict(track.sources)
    clipped = {name: int((np.abs(audio) >= FULL_SCALE).sum()) for name, audio in signals.items()}
    doubles = [] if info.redundant else redundancies(track.mixing, mixture_is_sum=True)
    advance(track.name, 1)
    found = TrackCheck(
        info=info,
        sources=list(track.sources),
        clipped={name: count for name, count in clipped.items() if count},
        problem=problem,
        refused=refused,
        doubles=[each.text(list(track.sources)) for each in doubles],
    )
    return Worked(info, found)
