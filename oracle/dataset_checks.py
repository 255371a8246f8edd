"""Checks: what a careful person wants to know of a dataset before a long run."""

import json
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from oracle.bounds import BOUNDS, bounds_named
from oracle.datasets import Dataset
from oracle.files import write_whole
from oracle.metrics.energy_ratios import is_silent
from oracle.mixing import LOUD, redundancies
from oracle.progress import Advance
from oracle.rest import complete, find_unexplained
from oracle.scores import METRICS
from oracle.stft import STFT
from oracle.tasks import TracksFailed, each_track
from oracle.threads import n_cores
from oracle.timings import measure_costs
from oracle.track import Rest, Track, check_rest

if TYPE_CHECKING:
    from pandas import DataFrame

# Samples from here on are clipped: the largest number of 16 bit.
FULL_SCALE = 1 - 2**-15


class TrackCheck(NamedTuple):
    """What was found in a track.

    Attributes
    ----------
    subset, track : str
        Which track.
    rate : int
        Its sampling rate in Hz.
    n_channels, n_samples : int
        The shape of its audio.
    sources : list of str
        Names of its sources.
    silent : list of str
        Those that are silent throughout.
    redundant : list of str
        Those that others hold already, and how.
    clipped : dict from str to int
        How many samples are at full scale, by source; also of a mixture that was delivered.
    mixture_is_sum : bool
        Whether no mixture was delivered.
    unexplained : float
        How loud what is in the mixture and in no source is, in dB of the mixture.
    mistake : str
        What the mixture is instead of the sum of its sources.
    refused : str
        Why a run would refuse the track.
    warnings : list of str
        What was said as it was read.
    """

    subset: str
    track: str
    rate: int
    n_channels: int
    n_samples: int
    sources: list[str]
    silent: list[str]
    redundant: list[str]
    clipped: dict[str, int]
    mixture_is_sum: bool
    unexplained: float
    mistake: str
    refused: str
    warnings: list[str]

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return self.n_samples / self.rate


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
        Why the others cannot, by ``subset/track``.
    left_out : tuple of str
        What lies in the folder of the dataset, may be audio, and is read with no track.
    seconds : dict from str to float
        How long `oracle.compute_bounds` is going to take for each method, from what some
        seconds of a track take.
    jobs : int
        On how many cores of this machine.
    """

    name: str
    tracks: tuple[TrackCheck, ...]
    failures: dict[str, str]
    left_out: tuple[str, ...]
    seconds: dict[str, float] = field(default_factory=dict)
    jobs: int = 1

    @cached_property
    def problems(self) -> list[tuple[str, str]]:
        """What is wrong: the track, or nothing, and what about it."""
        return [
            *((name, why) for name, why in self.failures.items()),
            *((track.track, what) for track in self.tracks for what in _problems(track)),
            *(("", f"not read: {each}") for each in self.left_out),
        ]

    @cached_property
    def remarks(self) -> list[tuple[str, str]]:
        """What is worth knowing: the track, and what about it."""
        common = self.common_sources
        rate, n_channels = (
            Counter(values).most_common(1)[0][0] if self.tracks else 0
            for values in ([t.rate for t in self.tracks], [t.n_channels for t in self.tracks])
        )
        remarks: list[tuple[str, str]] = []
        for track in self.tracks:
            about = [
                *(f"has no {name}" for name in common if name not in track.sources),
                *(f"has {name} as well" for name in track.sources if name not in common),
                *(f"{name} has {n} clipped samples" for name, n in track.clipped.items()),
                *track.warnings,
            ]
            if len(track.sources) - len(track.silent) == 1:
                about.append("has one source alone: any mask that keeps it is perfect")
            if track.rate != rate:
                about.append(f"has a rate of {track.rate} Hz")
            if track.n_channels != n_channels:
                channels = "1 channel" if track.n_channels == 1 else f"{track.n_channels} channels"
                about.append(f"has {channels}")
            remarks += [(track.track, what) for what in about]
        return remarks

    @property
    def common_sources(self) -> list[str]:
        """The sources that more than half of the tracks have."""
        in_order = sorted(self.tracks, key=lambda track: -len(track.sources))
        counts = Counter(name for track in in_order for name in track.sources)
        return [name for name, count in counts.items() if 2 * count > len(self.tracks)]

    @property
    def table(self) -> "DataFrame":
        """A row a track: what was found, lists joined by semicolons."""
        import pandas as pd

        rows = [
            {
                **{name: _joined(value) for name, value in track._asdict().items()},
                "problem": "; ".join(_problems(track)),
            }
            for track in self.tracks
        ]
        for name, why in self.failures.items():
            subset, _, track_name = name.partition("/")
            rows.append({"subset": subset, "track": track_name, "problem": why})
        return pd.DataFrame(rows, columns=[*TrackCheck._fields, "problem"])

    def write(self, out: str | Path) -> None:
        """Write what was found.

        Parameters
        ----------
        out : str or Path
            A file ``.csv``, the table of the tracks, or ``.json``, everything; or a folder for
            both, ``tracks.csv`` and ``check.json``.
        """
        path = Path(out)
        if path.suffix not in (".csv", ".json"):
            self.write(path / "tracks.csv")
            self.write(path / "check.json")
        elif path.suffix == ".csv":
            write_whole(path, self.table.to_csv(index=False, lineterminator="\n"))
        else:
            tracks = [
                {n: None if v == -math.inf else v for n, v in track._asdict().items()}
                for track in self.tracks
            ]
            everything = {
                "dataset": self.name,
                "problems": [{"track": track, "problem": what} for track, what in self.problems],
                "remarks": [{"track": track, "remark": what} for track, what in self.remarks],
                "left_out": self.left_out,
                "failures": self.failures,
                "seconds": self.seconds,
                "jobs": self.jobs,
                "tracks": tracks,
            }
            write_whole(path, json.dumps(everything, indent=2) + "\n")


def _problems(track: TrackCheck) -> list[str]:
    problems = [*(f"{name} is silent" for name in track.silent), *track.redundant]
    if track.refused:
        problems.append(track.refused)
    elif track.mistake:
        problems.append(f"the mixture is not the sum of its sources, but {track.mistake}")
    elif track.unexplained > LOUD:
        problems.append(f"the mixture has sound at {track.unexplained:.1f} dB that is in no source")
    return problems


def _joined(value: Any) -> Any:
    if isinstance(value, dict):
        value = [f"{name} {count}" for name, count in value.items()]
    return "; ".join(value) if isinstance(value, list) else value


def check(
    tracks: Track | Iterable[Track],
    *,
    methods: Iterable[str] = BOUNDS,
    stft: STFT | None = None,
    metrics: Sequence[str] = METRICS,
    rest: Rest | None = None,
    progress: bool = False,
    jobs: int | None = None,
    dask: str | None = None,
) -> Check:
    """Read a whole dataset, and find what would spoil its bounds.

    Parameters
    ----------
    tracks : Track or iterable of Track
        A dataset of `oracle.datasets` reads its tracks one at a time.
    methods, stft, metrics, rest
        Those of `oracle.compute_bounds`, to see how long it will take and what it will refuse.
    progress, jobs, dask
        As in `oracle.compute_bounds`.

    Returns
    -------
    found : Check
        What is wrong (`Check.problems`): tracks that cannot be read, silent sources, sources
        that others hold already, mixtures that are not the sum of their sources, audio that
        is not read. What is worth knowing (`Check.remarks`): clipped samples, sources that
        some tracks lack. And how long a run will take.

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
    chosen, wanted = bounds_named(methods, metrics)
    stft = STFT() if stft is None else stft
    check_rest(rest)
    found: dict[int, TrackCheck] = {}
    failures: dict[str, str] = {}
    each = each_track(tracks, partial(_examine, rest=rest), progress=progress, jobs=jobs, dask=dask)
    try:
        with closing(each):
            for task, result, messages in each:
                found[task.index] = result._replace(warnings=messages)
    except TracksFailed as error:
        failures = {f"{f.subset}/{f.track}": str(f.__cause__) for f in error.failures}
    in_order = tuple(found[index] for index in sorted(found))
    cores = n_cores() if jobs is None else jobs
    sample = None if dask is not None else _sample(tracks, found)
    seconds: dict[str, float] = {}
    if sample is not None:
        costs = measure_costs(sample, chosen, stft=stft, metrics=wanted, rest=rest)
        sizes = [each.n_samples * each.n_channels * len(each.sources) for each in in_order]
        seconds = {name: sum(map(cost.of, sizes)) / cores for name, cost in costs.items()}
    return Check(
        name=tracks.name if isinstance(tracks, (Dataset, Track)) else "tracks",
        tracks=in_order,
        failures=failures,
        left_out=tuple(map(str, tracks.left_out)) if isinstance(tracks, Dataset) else (),
        seconds=seconds,
        jobs=cores,
    )


def _examine(track: Track, *, rest: Rest | None, advance: Advance) -> TrackCheck:
    found = find_unexplained(track)
    refused = ""
    try:
        complete(track, rest)
    except ValueError as error:
        refused = str(error)
    delivered = {} if track.mixture_is_sum else {"mixture": track.mixture}
    signals = delivered | dict(track.sources)
    clipped = {name: int((np.abs(audio) >= FULL_SCALE).sum()) for name, audio in signals.items()}
    names = list(track.sources)
    advance(track.name, 1)
    return TrackCheck(
        subset=track.subset,
        track=track.name,
        rate=track.rate,
        n_channels=track.n_channels,
        n_samples=track.n_samples,
        sources=names,
        silent=[name for name, audio in track.sources.items() if is_silent(audio)],
        redundant=[each.text(names) for each in redundancies(track.mixing)],
        clipped={name: count for name, count in clipped.items() if count},
        mixture_is_sum=track.mixture_is_sum,
        unexplained=track.mixing.unexplained,
        mistake=found.mistake if found else "",
        refused=refused,
        warnings=[],
    )


def _sample(tracks: Track | Iterable[Track], found: dict[int, TrackCheck]) -> Track | None:
    """Find a track to measure time with: the longest that a run would not refuse."""
    good = {index: each for index, each in found.items() if not each.refused}
    if not good or not isinstance(tracks, (Track, Sequence)):
        return None
    longest = max(good, key=lambda index: good[index].n_samples)
    return tracks if isinstance(tracks, Track) else tracks[longest]
