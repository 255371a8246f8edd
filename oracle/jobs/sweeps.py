"""Sweeps: bounds over window lengths and overlaps, to choose an STFT."""

import math
from collections.abc import Iterable, Sequence
from functools import partial
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oracle.datasets.opening import Tracks, open_tracks
from oracle.jobs.track_scores import find_bounds, score_part
from oracle.machine.files import file_name, write_whole
from oracle.methods import AnyMethod, BoundName, Method, describe_methods
from oracle.metrics.metric import Metric
from oracle.metrics.named import AnyMetric, describe_metrics
from oracle.metrics.names import MetricName
from oracle.optimal.named import REAL, find_classes
from oracle.results.failures import MethodError
from oracle.results.results import Results
from oracle.results.tables import BOUND_COLUMNS, Row, csv_text
from oracle.runs.additions import Growth, Part, Settings
from oracle.runs.options import RunOptions
from oracle.runs.plans import Jobs
from oracle.runs.progress import Advance
from oracle.runs.score_files import SWEEP
from oracle.runs.scoring import Scored, score_tracks
from oracle.stft import STFT
from oracle.tracks.rest import complete
from oracle.tracks.track import Rest, Track, check_rest

if TYPE_CHECKING:
    from pandas import DataFrame

HEURISTICS = ("IBM", "IRM1", "IRM2", "TPSM")
N_FFTS = (512, 1024, 2048, 4096, 8192, 16384)
OVERLAPS = (0.5, 0.75)

SWEEP_COLUMNS = ("n_fft", "hop_length", "overlap", *BOUND_COLUMNS)


def list_class_methods(names: Iterable[str]) -> tuple[str, ...]:
    """List the methods of a sweep over these classes of masks.

    Raises
    ------
    ValueError
        As `oracle.optimal.named.find_classes`.
    """
    bounds = ((masks.method, masks.ceiling) for masks in find_classes(names))
    return (*HEURISTICS, *(name for pair in bounds for name in pair))


METHODS = list_class_methods([REAL])


def compute_sweep(
    tracks: Tracks,
    *,
    methods: Iterable[BoundName | AnyMethod] = METHODS,
    n_ffts: Iterable[int] = N_FFTS,
    overlaps: Iterable[float] = OVERLAPS,
    window: str = "hann",
    metrics: Iterable[MetricName | AnyMetric] = ("SDR",),
    rest: Rest | None = None,
    out: str | Path | None = None,
    progress: bool = False,
    jobs: Jobs = None,
    dask: str | None = None,
    overwrite: bool = False,
) -> Results:
    """Compute bounds with many STFTs.

    Compare STFTs of equal overlap: more overlap gives a mask more freedom and nearly always a
    higher ceiling, but a system must then predict more numbers.

    Parameters
    ----------
    tracks : Track, musdb track, str, Path, or iterable of these
        As in `oracle.compute_bounds`; each track is read once.
    methods : iterable of str, optional
        As in `oracle.compute_bounds`.
    n_ffts : iterable of int, optional
        Lengths of the window in samples.
    overlaps : iterable of float, optional
        The part of a window that the next one overlaps, from 0 to less than 1.
    window : str, optional
        Any window of `scipy.signal.get_window`.
    metrics, rest
        As in `oracle.compute_bounds`.
    out : str or Path, optional
        A folder, as in `oracle.compute_bounds`, with methods called
        ``<method>-<n_fft>-<hop_length>``; and ``sweep.csv``, the table. STFTs of the same window
        are added too: all methods get all STFTs.
    progress, jobs, dask, overwrite
        As in `oracle.compute_bounds`.

    Returns
    -------
    results : oracle.results.Results
        As in `oracle.compute_bounds`, but `table` begins with the columns n_fft, hop_length and
        overlap. In `scores`, methods are called ``<method>-<n_fft>-<hop_length>``.

    Raises
    ------
    TypeError
        If a number is of the wrong type, or methods or metrics come as one string.
    ValueError
        If a method, metric or window is unknown, an STFT cannot be inverted, or one is named
        twice; and as in `oracle.compute_bounds`.
    TracksFailed
        At the end, if tracks failed. The other scores are in its `results` and on disk.

    Examples
    --------
    >>> import oracle
    >>> table = oracle.compute_sweep(
    ...     oracle.datasets.waltz(), methods=["IRM2"], n_ffts=[1024, 4096], overlaps=[0.5]
    ... ).table
    >>> table[table["target"] == "vocals"][["n_fft", "hop_length", "median"]].round(1)
       n_fft  hop_length  median
    3   1024         512    10.1
    8   4096        2048    12.1
    """
    tracks = open_tracks(tracks)
    chosen, wanted = find_bounds(methods, metrics)
    transforms = make_transforms(n_ffts, overlaps, window)

    def arrange(bounds: "DataFrame", settings: Settings) -> "DataFrame":
        table = bounds.copy()
        labels = _label(settings)
        stfts = [labels[label][0] for label in bounds["method"]]
        table["method"] = [labels[label][1] for label in bounds["method"]]
        table.insert(0, "n_fft", [stft["n_fft"] for stft in stfts])
        table.insert(1, "hop_length", [stft["hop_length"] for stft in stfts])
        table.insert(2, "overlap", [1 - stft["hop_length"] / stft["n_fft"] for stft in stfts])
        if out is not None:
            rows = table.astype(object).itertuples(index=False)
            write_whole(Path(out) / SWEEP, csv_text(SWEEP_COLUMNS, rows))
        return table

    settings = {
        "task": "sweep",
        **describe_methods(chosen),
        **describe_metrics(wanted),
        "stfts": [stft.settings for stft in transforms],
        "rest": rest,
    }
    check_rest(rest)
    return score_tracks(
        tracks,
        partial(_score_at_each, methods=chosen, window=window, metrics=wanted, rest=rest),
        RunOptions(out=out, overwrite=overwrite, progress=progress, jobs=jobs, dask=dask),
        settings=settings,
        growth=Growth(("methods", "metrics", "stfts"), _name_methods),
        files=[SWEEP, *name_figures(metric.name for metric in wanted)],
        arrange=arrange,
    )


def name_figures(metrics: Iterable[str]) -> list[str]:
    """Name the files of the figures of a sweep."""
    return [
        f"sweep-{file_name(metric)}.{suffix}" for metric in metrics for suffix in ("png", "pdf")
    ]


def _label(settings: Settings) -> dict[str, tuple[dict[str, Any], str]]:
    """Tell which STFT and method each method of ``scores.csv`` is."""
    return {
        f"{method}-{stft['n_fft']}-{stft['hop_length']}": (stft, method)
        for stft in settings["stfts"]
        for method in settings["methods"]
    }


def _name_methods(settings: Settings) -> dict[str, str]:
    return {label: method for label, (_, method) in _label(settings).items()}


def _score_at_each(
    track: Track,
    *,
    part: Part,
    methods: Sequence[Method],
    window: str,
    metrics: Sequence[Metric],
    rest: Rest | None,
    advance: Advance,
) -> Scored:
    completed = complete(track, rest)
    by_stft: dict[STFT, list[str]] = {}
    for label in part.methods:
        method, n_fft, hop_length = label.rsplit("-", 2)
        stft = STFT(n_fft=int(n_fft), hop_length=int(hop_length), window=window)
        by_stft.setdefault(stft, []).append(method)
    rows: list[Row] = []
    failures: list[MethodError] = []
    for stft, names in by_stft.items():
        suffix, whole = f"{stft.n_fft}-{stft.hop_length}", len(names) / len(part.methods)

        def share(name: str, done: float, stft: STFT = stft, whole: float = whole) -> None:
            advance(f"{name}: {stft.n_fft}/{stft.hop_length}", done * whole)

        scored = score_part(
            completed.track,
            part=Part(names, part.metrics),
            methods=methods,
            metrics=metrics,
            stft=stft,
            rest="ignore",
            advance=share,
        )
        for name, subset, method, *others in scored.result:
            rows.append((name, subset, f"{method}-{suffix}", *others))
        failures += [failed.renamed(f"{failed.method}-{suffix}") for failed in scored.failures]
    return Scored.on(completed, rows, failures)


def make_transforms(n_ffts: Iterable[int], overlaps: Iterable[float], window: str) -> list[STFT]:
    """Make the STFTs of all window lengths at all overlaps.

    Raises
    ------
    TypeError, ValueError
        As `compute_sweep`.
    """
    lengths = list(n_ffts)
    for n_fft in lengths:
        if not isinstance(n_fft, Integral) or isinstance(n_fft, bool):
            raise TypeError(f"n_ffts must be integers, got {n_fft!r}")
    transforms: list[STFT] = []
    for overlap in overlaps:
        if not isinstance(overlap, Real) or isinstance(overlap, bool):
            raise TypeError(f"overlaps must be numbers, got {overlap!r}")
        if not 0 <= overlap < 1:
            raise ValueError(f"overlaps must be at least 0 and less than 1, got {overlap}")
        for n_fft in lengths:
            hop_length = round(n_fft * (1 - float(overlap)))
            if n_fft < 2:
                raise ValueError(f"n_ffts must be at least 2, got {n_fft}")
            if not math.isclose(hop_length, n_fft * (1 - float(overlap)), abs_tol=1e-6):
                raise ValueError(
                    f"overlaps must leave a whole number of samples, got {overlap} of {n_fft}"
                )
            stft = STFT(n_fft=n_fft, hop_length=hop_length, window=window)
            if stft in transforms:
                raise ValueError(
                    f"n_ffts and overlaps must be named once each, got {n_fft} at {overlap} twice"
                )
            transforms.append(stft)
    if not transforms:
        raise ValueError("n_ffts and overlaps must name at least one each, got none")
    return transforms
