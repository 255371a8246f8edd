"""The main job: tracks x methods -> scores, a table of bounds, and files."""

import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from oracle.files import file_name
from oracle.methods import CEILING, METHODS, Separation, methods_named
from oracle.optimal import FramewiseCeiling
from oracle.optimal.of_track import optima_of
from oracle.progress import Advance
from oracle.rest import complete
from oracle.results import PERFECT_DB
from oracle.runs import Scored, run, scorer_of
from oracle.scores import METRICS, Score, Scorer, metrics_named
from oracle.stft import STFT
from oracle.tasks import MethodError, try_each
from oracle.track import Audio, Rest, Track, check_rest

if TYPE_CHECKING:
    from pandas import DataFrame

# They share the track's transforms; what is kept of each grows with the track.
METHODS_AT_ONCE = 5

# What a table of bounds has rows of.
BOUNDS = (*METHODS, CEILING.name)

# What the ceiling is one of.
CERTIFIED = ("SDR", "uSDR")

# About how many other methods those that need the optimal masks take as long as.
EFFORT = {"OPT": 6, CEILING.name: 6}


class LooseCeilingWarning(UserWarning):
    """Ceilings that hold, but may be above what the best mask reaches."""


def compute_bounds(
    tracks: Track | Iterable[Track],
    *,
    methods: Iterable[str] = BOUNDS,
    stft: STFT | None = None,
    metrics: Sequence[str] = METRICS,
    rest: Rest | None = None,
    out: str | Path | None = None,
    progress: bool = False,
    jobs: int | None = None,
    dask: str | None = None,
    overwrite: bool = False,
) -> "DataFrame":
    """Separate tracks with oracle methods, score the estimates, and aggregate the scores.

    Parameters
    ----------
    tracks : Track or iterable of Track
        A dataset of `oracle.datasets` reads its tracks one at a time.
    methods : iterable of str, optional
        Names in `oracle.methods.METHODS`, and ``CEILING``, the SDR that no mask in [0, 1]
        exceeds (a row, but no separation; of SDR and uSDR only). All by default.
    stft : STFT, optional
        The default is ``STFT()``: periodic Hann, 2048 samples, hop 1024.
    metrics : sequence of str, optional
        Some of `oracle.scores.ALL_METRICS`. By default SDR, ISR, SIR, SAR and the metrics of
        whole tracks; SDR alone takes a fraction of the time.
    rest : {"source", "ignore", "refuse"}, optional
        What becomes of sound in a mixture that is in none of its sources, where it is louder
        than -25 dB: see `oracle.rest.complete`.
    out : str or Path, optional
        A folder to write to: ``<method>/<subset>/<track>.json`` in museval's format,
        ``scores.csv``, ``bounds.csv``, ``run.json``, and ``tracks/<subset>/<track>.csv``
        with the scores of each track as soon as it is done. It must be new or empty, or that
        of a run with the same settings: then the tracks that are done are not done again.
    progress : bool, optional
        Whether to show progress on standard error: a bar in a terminal, elsewhere a line a
        track.
    jobs : int, optional
        How many cores to use: as many processes work on a track each (or, where there are fewer
        tracks, in more threads), and keep it in memory. By default this process works, on a
        track at a time, in a thread a core. A script that asks for several jobs needs
        ``if __name__ == "__main__":``.
    dask : str, optional
        Address of a Dask scheduler (``tcp://host:port``), or its scheduler file: its workers
        work on a track each. They need this package, and the files under the same paths.
    overwrite : bool, optional
        Whether to delete what an earlier run has written to `out`, and to start again.

    Returns
    -------
    table : DataFrame
        The bounds: columns method, target, metric, median, mean, n_tracks, n_windows,
        n_nan; see `oracle.results.aggregate`. ``table.attrs["mixture_is_sum"]`` lists the
        tracks whose mixture is the sum of their sources because none was delivered,
        ``table.attrs["subsets"]`` counts the tracks of each subset, and
        ``table.attrs["notes"]`` says what a reader must know of what went in.

    Raises
    ------
    ValueError
        If there are no tracks, no such method or metric, `out` holds anything but a run of
        such tracks with the same settings, another run is at work in it, or `jobs` is not
        positive.
    ImportError, ConnectionError
        If `dask` is not installed, or there is no such scheduler, or it has no workers.
    OSError
        At once, if nothing can be written any more: what is done stays.
    TracksFailed
        At the end, if tracks failed, or methods on them: the others are done, in its `table`
        and on disk.

    Warns
    -----
    oracle.rest.InputWarning
        At the end, of audio that is not read, and of mixtures that hold more than their sources.

    Examples
    --------
    >>> import oracle
    >>> table = oracle.compute_bounds(oracle.datasets.waltz(), methods=["IRM2"])
    >>> table[["target", "metric"]].head(2)
      target metric
    0  drums    SDR
    1  drums    ISR
    """
    chosen, wanted = bounds_named(methods, metrics)
    stft = STFT() if stft is None else stft

    settings = {
        "task": "bounds",
        "methods": chosen,
        "metrics": wanted,
        "stft": stft.settings,
        "rest": rest,
    }
    check_rest(rest)
    return run(
        tracks,
        partial(score_track, methods=chosen, stft=stft, metrics=wanted, rest=rest),
        settings=settings,
        files=map(file_name, chosen),
        out=out,
        progress=progress,
        jobs=jobs,
        dask=dask,
        overwrite=overwrite,
    )


def score_track(
    track: Track,
    methods: Iterable[str],
    *,
    stft: STFT | None = None,
    metrics: Sequence[str] = METRICS,
    rest: Rest | None = None,
    advance: Advance = lambda name, part: None,
) -> Scored:
    """Separate a track with oracle methods and score the estimates.

    Parameters
    ----------
    track : Track
        The mixture and its true sources.
    methods, stft, metrics, rest
        As in `compute_bounds`.
    advance : callable, optional
        Called with the name of the track and the part of the work that has just been
        done, from 0 to 1.

    Returns
    -------
    scored : Scored
        Its rows are values of the columns of ``scores.csv``: track, subset, method, then those
        of `oracle.scores.Score`. A method that fails has none.
    """
    chosen, metrics = bounds_named(methods, metrics)
    stft = STFT() if stft is None else stft
    completed = complete(track, rest)
    track = completed.track
    if chosen == [CEILING.name]:
        metrics = [metric for metric in metrics if metric in CERTIFIED]
    scorer = scorer_of(track, track.targets, metrics)
    total = sum(EFFORT.get(name, 1) for name in chosen)
    scores: dict[str, list[Score]] = {}
    failures: list[MethodError] = []

    def worth(effort: float) -> Callable[[float], object]:
        return lambda part: advance(track.name, part * effort / total)

    def score_plain(names: Sequence[str]) -> dict[str, list[Score]]:
        read = Separation(track, names, stft=stft).part
        return scorer.score_each(read, advance=worth(len(names)))

    def score_optimal(names: Sequence[str]) -> dict[str, list[Score]]:
        return _score_optima(track, names, stft, scorer, metrics, worth)

    plain = [name for name in chosen if name not in EFFORT]
    parts = [
        (plain[i : i + METHODS_AT_ONCE], score_plain) for i in range(0, len(plain), METHODS_AT_ONCE)
    ]
    optimal = [name for name in chosen if name in EFFORT]
    parts += [(optimal, score_optimal)] if optimal else []
    for names, score in parts:
        found, failed = try_each(names, score)
        scores |= found
        failures += failed
    rows = [
        (track.name, track.subset, name, *score)
        for name in chosen
        if name in scores
        for score in scores[name]
    ]
    return Scored(completed, rows, failures=failures)


def _score_optima(
    track: Track,
    names: Sequence[str],
    stft: STFT,
    scorer: Scorer,
    metrics: Sequence[str],
    worth: Callable[[float], Callable[[float], object]],
) -> dict[str, list[Score]]:
    """Score what the optimal masks make of a track, and list the ceilings."""
    certified = CEILING.name in names
    windows = scorer.heard if certified and "SDR" in metrics else {}
    separated = "OPT" in names
    effort = sum(EFFORT[name] for name in names)
    scores: dict[str, list[Score]] = {}
    optima = optima_of(track, stft=stft, windows=windows, advance=worth(effort - separated))

    def read(start: int, stop: int) -> dict[str, dict[str, Audio]]:
        return {"OPT": {name: best.estimate[:, start:stop] for name, best in optima.items()}}

    if separated:
        scores |= scorer.score_each(read, advance=worth(1))
    if certified:
        whole = {name: best.ceiling for name, best in optima.items()}
        framewise = {name: best.ceilings.certified for name, best in optima.items()}
        scores[CEILING.name] = scorer.ceilings(framewise if windows else {}, whole)
        trouble = _looseness({name: best.ceilings for name, best in optima.items()})
        if trouble:
            warnings.warn(f"{track.name}: {trouble}", LooseCeilingWarning, stacklevel=2)
    return scores


def _looseness(ceilings: Mapping[str, FramewiseCeiling]) -> str:
    """Say in how many windows ceilings are not near what a mask achieves, and how far.

    Where a mask is perfect, nothing but +inf is true.
    """
    loose, unproven = Counter[str](), Counter[str]()
    farthest = 0.0
    for target, (achieved, certified, converged) in ceilings.items():
        infinite = np.isinf(certified)
        unproven[target] = int((infinite & ~(achieved > PERFECT_DB)).sum())
        apart = ~converged & ~infinite
        loose[target] = int(apart.sum())
        farthest = max(farthest, (certified[apart] - achieved[apart]).max(initial=0.0))
    parts = []
    if loose.total():
        parts.append(
            f"the ceiling holds, but is up to {farthest:.2g} dB above the best mask found, in "
            f"{_windows(loose)}"
        )
    if unproven.total():
        parts.append(f"nothing is proven, so that the ceiling is +inf, in {_windows(unproven)}")
    return "; ".join(parts)


def _windows(counts: Counter[str]) -> str:
    """Tell how many windows there are of each target."""
    of_each = ", ".join(f"{target} ({count})" for target, count in counts.items() if count)
    return f"windows of {of_each}"


def bounds_named(methods: Iterable[str], metrics: Sequence[str]) -> tuple[list[str], list[str]]:
    """Check what a table of bounds is to have rows of, and its metrics.

    Raises
    ------
    TypeError
        If either comes as one string.
    ValueError
        If none is named, there is no such method or metric, one is named twice, or nothing
        but a ceiling of metrics that have none.
    """
    known = METHODS | {CEILING.name: CEILING}
    chosen = [method.name for method in methods_named(methods, known=known)]
    wanted = metrics_named(metrics)
    if chosen == [CEILING.name] and not set(CERTIFIED) & set(wanted):
        raise ValueError(
            f"metrics must hold {' or '.join(CERTIFIED)}, the only ones with a {CEILING.name}, "
            f"got {', '.join(wanted)}"
        )
    return chosen, wanted
