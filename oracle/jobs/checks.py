"""Checks: what to know about a dataset before a long run."""

import json
import re
import time
import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from oracle.datasets import Dataset
from oracle.datasets.trees import USUAL
from oracle.jobs.bounds import BOUNDS, find_bounds
from oracle.jobs.timings import Cost, measure_costs
from oracle.machine.files import write_whole
from oracle.machine.threads import n_cores
from oracle.methods import BoundName
from oracle.metrics.scorer import METRICS, MetricName
from oracle.runs.loop import Worked, run
from oracle.runs.notes import describe_input
from oracle.runs.options import RunOptions
from oracle.runs.plans import Jobs, make_plan
from oracle.runs.progress import Advance
from oracle.runs.queue import Turn
from oracle.runs.record import Record
from oracle.runs.track_info import TrackInfo
from oracle.stft import STFT
from oracle.tracks.mixing import redundancies
from oracle.tracks.rest import Completed, complete, find_unexplained
from oracle.tracks.track import Rest, Track, check_rest

if TYPE_CHECKING:
    from pandas import DataFrame

# Samples at or above this are clipped: the largest number of 16 bits.
FULL_SCALE = 1 - 2**-15


class TrackCheck(NamedTuple):
    """What was found in a track.

    Attributes
    ----------
    info : TrackInfo
        What runs record, too: name, subset, rate, shape, the level of what is in no source, and
        silent and redundant sources.
    sources : list of str
        Names of its sources.
    clipped : dict from str to int
        How many samples are at full scale or above, by source; and of the mixture, if one was
        delivered.
    problem : str
        Why a run would refuse it, or what it would do about the mixture.
    refused : bool
        Whether a run would refuse it.
    doubles : list of str
        Sources that are copies or sums of others, where the mixture holds them all.
    """

    info: TrackInfo
    sources: list[str]
    clipped: dict[str, int]
    problem: str
    refused: bool
    doubles: Sequence[str] = ()

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return self.info.n_samples / self.info.rate

    @property
    def n_samples(self) -> int:
        """How many samples there are in all channels of all its sources."""
        return self.info.n_samples * self.info.n_channels * len(self.sources)

    @property
    def problems(self) -> list[str]:
        """What is wrong with it."""
        silent = [
            f"{name} is silent, so SDR, ISR, SIR and SAR are NaN: remove it if the track has "
            f"no {name}"
            for name in self.info.silent
        ]
        return [*silent, *self.info.redundant, *([self.problem] if self.problem else [])]


@dataclass(frozen=True)
class Check:
    """What `oracle.check` found in a dataset.

    Parameters
    ----------
    name : str
        What the dataset is called.
    tracks : tuple of TrackCheck
        What was found in each track that can be read.
    failures : dict from str to str
        Why the others cannot be read, by ``subset/track``.
    left_out : tuple of str
        What is in the folder of the dataset and may be audio, but belongs to no track.
    seconds : dict from str to float
        How long `oracle.compute_bounds` will take for reading and for each method, in seconds,
        estimated from one track and some seconds of it.
    jobs : int
        How many cores of this machine that is for.
    """

    name: str
    tracks: tuple[TrackCheck, ...]
    failures: dict[str, str]
    left_out: tuple[str, ...]
    seconds: dict[str, float] = field(default_factory=dict)
    jobs: int = 1

    @cached_property
    def problems(self) -> list[tuple[str, str]]:
        """What is wrong: pairs of a track, empty for the whole dataset, and a problem."""
        return [
            *((name, why) for name, why in self.failures.items()),
            *((self._name(track), what) for track in self.tracks for what in track.problems),
            *(("", f"not read: {each}") for each in self.left_out),
        ]

    @cached_property
    def remarks(self) -> list[tuple[str, str]]:
        """What is worth knowing: pairs of a track and a remark."""
        common = self.common_sources
        usual = {
            what: Counter(getattr(track.info, what) for track in self.tracks).most_common(1)
            for what in ("rate", "n_channels")
        }
        remarks: list[tuple[str, str]] = []
        for track in self.tracks:
            info = track.info
            song = _shared_by(track.sources)
            about = [
                *([f"has {song!r} before the name of each source"] if song else []),
                *(f"has no {name}" for name in common if name not in track.sources),
                *(f"has {name} as well" for name in track.sources if name not in common),
                *(f"{name} has {n} samples at full scale" for name, n in track.clipped.items()),
                *(each.removeprefix(f"{info.name}: ") for each in info.warnings),
            ]
            about += [f"{what}, and so it is in the mixture" for what in track.doubles]
            if info.alone:
                about.append("has one source alone: any mask that keeps it is perfect")
            if info.rest and not track.problem:
                about.append(describe_input([info], ())[0])
            if info.rate != usual["rate"][0][0]:
                about.append(f"has a rate of {info.rate} Hz")
            if info.n_channels != usual["n_channels"][0][0]:
                channels = "1 channel" if info.n_channels == 1 else f"{info.n_channels} channels"
                about.append(f"has {channels}")
            remarks += [(self._name(track), what) for what in about]
        return remarks

    @property
    def common_sources(self) -> list[str]:
        """The sources that more than half of the tracks have."""
        in_order = sorted(self.tracks, key=lambda track: -len(track.sources))
        counts = Counter(name for track in in_order for name in track.sources)
        return [name for name, count in counts.items() if 2 * count > len(self.tracks)]

    @property
    def table(self) -> "DataFrame":
        """What was found, a row per track; lists are joined by semicolons."""
        import pandas as pd

        rows = [
            {
                **{name: _joined(value) for name, value in track.info._asdict().items()},
                "sources": _joined(track.sources),
                "clipped": _joined([f"{name} {n}" for name, n in track.clipped.items()]),
                "problems": _joined(track.problems),
            }
            for track in self.tracks
        ]
        for name, why in self.failures.items():
            subset, _, track_name = name.partition("/")
            rows.append({"subset": subset, "name": track_name, "problems": why})
        known = [name for name in TrackInfo._fields if name not in ("made_of", "files", "rest")]
        table = pd.DataFrame(rows, columns=[*known, "sources", "clipped", "problems"])
        return table.astype(dict.fromkeys(("rate", "n_channels", "n_samples"), "Int64"))

    def _name(self, track: TrackCheck) -> str:
        """Name a track as `failures` does."""
        return f"{track.info.subset}/{track.info.name}"

    def write(self, out: str | Path) -> None:
        """Write what was found.

        Parameters
        ----------
        out : str or Path
            A ``.csv`` file for the table of the tracks, a ``.json`` file for everything, or a
            folder for both: ``tracks.csv`` and ``check.json``.
        """
        path = Path(out)
        if path.suffix not in (".csv", ".json"):
            self.write(path / "tracks.csv")
            self.write(path / "check.json")
        elif path.suffix == ".csv":
            write_whole(path, self.table.to_csv(index=False, lineterminator="\n"))
        else:
            tracks = self.table.astype(object)
            tracks = tracks.where(tracks.notna(), None)
            everything = {
                "dataset": self.name,
                "problems": [{"track": track, "problem": what} for track, what in self.problems],
                "remarks": [{"track": track, "remark": what} for track, what in self.remarks],
                "left_out": self.left_out,
                "failures": self.failures,
                "seconds": self.seconds,
                "jobs": self.jobs,
                "tracks": tracks.to_dict("records"),
            }
            write_whole(path, json.dumps(everything, indent=2) + "\n")


def _shared_by(names: Sequence[str]) -> str:
    """Find what precedes the usual source in all names, such as the name of a song."""
    prefixes = {name[: len(name) - len(re.split(r"[ _.-]", name)[-1])] for name in names}
    shared = prefixes.pop()
    usual = any(name.removeprefix(shared).lower() in USUAL for name in names)
    return shared if usual and not prefixes else ""


def _joined(value: Any) -> Any:
    return "; ".join(value) if isinstance(value, (list, tuple)) else value


def check(
    tracks: Track | Iterable[Track],
    *,
    methods: Iterable[BoundName | str] = BOUNDS,
    stft: STFT | None = None,
    metrics: Sequence[MetricName | str] = METRICS,
    rest: Rest | None = None,
    progress: bool = False,
    jobs: Jobs = None,
    dask: str | None = None,
) -> Check:
    """Read a whole dataset, and find what would spoil its bounds.

    Parameters
    ----------
    tracks : Track or iterable of Track
        A dataset of `oracle.datasets` reads its tracks one at a time.
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
    chosen, wanted = find_bounds(methods, metrics)
    stft = STFT() if stft is None else stft
    check_rest(rest)
    record = Record(tracks)
    found: dict[int, TrackCheck] = {}

    def keep(turn: Turn, examined: Worked[TrackCheck]) -> None:
        found[turn.index] = examined.result._replace(info=examined.info)

    plan = make_plan(tracks, jobs, metrics=wanted)  # that of a run; reading uses it too
    options = RunOptions(progress=progress, jobs=jobs, dask=dask)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # they are among the remarks
        run(record, partial(_examine, rest=rest), keep, options, metrics=wanted)
    failures = {f"{f.subset}/{f.track}": str(f.__cause__) for f in record.failures}
    in_order = tuple(found[index] for index in sorted(found))
    seconds: dict[str, float] = {}
    usable = {index: each for index, each in found.items() if not each.refused}
    workers = max(1, min(plan.processes, len(usable)))

    def is_good(index: int) -> tuple[bool, int]:
        return not usable[index].info.silent, usable[index].n_samples

    # Time is measured on a track without silent sources, if any, and the longest of these.
    index = max(usable, key=is_good, default=None)
    if dask is None and index is not None and isinstance(tracks, (Track, Sequence)):
        start = time.perf_counter()
        sample = tracks if isinstance(tracks, Track) else tracks[index]
        sample = complete(sample, rest).track
        reading = Cost(0, (time.perf_counter() - start) / usable[index].n_samples)
        costs = {"reading": reading} | measure_costs(
            sample, chosen, stft=stft, metrics=wanted, n_threads=plan.threads
        )
        for name, cost in costs.items():
            seconds[name] = sum(cost.of(each.n_samples) for each in usable.values()) / workers
    return Check(
        name=tracks.name if isinstance(tracks, (Dataset, Track)) else "tracks",
        tracks=in_order,
        failures=failures,
        left_out=tuple(map(str, tracks.left_out)) if isinstance(tracks, Dataset) else (),
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
