"""Bounds: tracks x methods -> scores, a table of bounds, and files."""

import math
import warnings
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

from oracle.machine.files import file_name
from oracle.methods import (
    CEILING,
    CEILINGS,
    DEFAULT_METHODS,
    METHODS,
    BoundName,
    Separation,
    find_methods,
)
from oracle.metrics.scorer import METRICS, MetricName, Score, find_metrics
from oracle.optimal.ceilings import Ceiling
from oracle.optimal.of_track import Ceilings
from oracle.results.failures import MethodError, try_each
from oracle.results.results import Results
from oracle.results.tables import PERFECT_DB
from oracle.runs.options import RunOptions
from oracle.runs.plans import Jobs
from oracle.runs.progress import Advance
from oracle.runs.scoring import Scored, make_scorer, score_tracks
from oracle.stft import STFT
from oracle.tracks.rest import complete
from oracle.tracks.track import Rest, Track, check_rest

# The rows of a table of bounds, by default.
BOUNDS = (*DEFAULT_METHODS, CEILING.name)

# The metrics that have a ceiling.
CERTIFIED = ("SDR", "uSDR")


class LooseCeilingWarning(UserWarning):
    """A ceiling holds, but may be above what the best mask reaches."""


def compute_bounds(
    tracks: Track | Iterable[Track],
    *,
    methods: Iterable[BoundName | str] = BOUNDS,
    stft: STFT | None = None,
    metrics: Sequence[MetricName | str] = METRICS,
    rest: Rest | None = None,
    out: str | Path | None = None,
    progress: bool = False,
    jobs: Jobs = None,
    dask: str | None = None,
    overwrite: bool = False,
) -> Results:
    """Separate tracks with oracle methods, score the estimates, and aggregate the scores.

    Parameters
    ----------
    tracks : Track or iterable of Track
        A dataset of `oracle.datasets` reads its tracks one at a time.
    methods : iterable of str, optional
        Names in `oracle.methods.METHODS` and `oracle.methods.CEILINGS`. ``CEILING`` is the SDR that
        no mask in [0, 1] exceeds: a row for SDR and uSDR, without a separation. The default is all
        but those of other classes of masks.
    stft : STFT, optional
        The default is ``STFT()``: periodic Hann, 2048 samples, hop 1024.
    metrics : sequence of str, optional
        Some of `oracle.metrics.scorer.ALL_METRICS`. The default is SDR, ISR, SIR, SAR and the
        metrics of whole tracks; SDR alone takes a fraction of the time.
    rest : {"source", "ignore", "refuse"}, optional
        What becomes of sound that is in a mixture but in none of its sources, if it is louder than
        -25 dB of the mixture: see `oracle.tracks.rest.complete`.
    out : str or Path, optional
        A folder to write to: ``<method>/<subset>/<track>.json`` in museval's format,
        ``scores.csv``, ``bounds.csv``, ``run.json``, and ``tracks/<subset>/<track>.csv``
        with the scores of each track as soon as it is done. It must be new or empty, or that
        of a run with the same settings, which is resumed: tracks that are done are skipped.
    progress : bool, optional
        Whether to show progress on standard error: a bar in a terminal, elsewhere a line per
        track.
    jobs : int or "auto", optional
        How many cores to use: one process per core, each with one track in memory. If there are
        fewer tracks than cores, the processes get more threads. "auto" uses all cores, and as many
        processes as fit into memory. By default this process works on one track at a time, with a
        thread per core. A script that sets `jobs` needs ``if __name__ == "__main__":``.
    dask : str, optional
        Address of a Dask scheduler (``tcp://host:port``), or its scheduler file. Each of its
        workers works on one track at a time, and needs this package and the files under the same
        paths.
    overwrite : bool, optional
        Whether to delete what an earlier run wrote to `out`, and start again.

    Returns
    -------
    results : oracle.results.Results
        The bounds (`table`), every score (`scores`), the tracks, the settings and the notes.
        Printing it shows tables.

    Raises
    ------
    ValueError
        If there are no tracks, a method or metric is unknown, `out` holds anything but a run of
        such tracks with the same settings or is in use by another run, or `jobs` is not positive.
    ImportError, ConnectionError
        If Dask is not installed, or there is no such scheduler, or it has no workers.
    OSError
        At once, if nothing more can be written: tracks that are done are kept.
    TracksFailed
        At the end, if tracks failed, or methods on them. The other scores are in its `results`
        and on disk.

    Warns
    -----
    oracle.tracks.rest.InputWarning
        At the end, about audio that was not read, and mixtures that hold more than their sources.
    oracle.runs.plans.MemoryWarning
        If `jobs` is a number, and so many tracks may take more memory than there is.

    Examples
    --------
    >>> import oracle
    >>> results = oracle.compute_bounds(
    ...     oracle.datasets.waltz(), methods=["IRM2"], metrics=["uSDR"]
    ... )
    >>> results.table[["target", "median"]].head(2).round(1)
      target  median
    0  drums     8.6
    1   bass     9.2
    """
    chosen, wanted = find_bounds(methods, metrics)
    stft = STFT() if stft is None else stft

    settings = {
        "task": "bounds",
        "methods": chosen,
        "metrics": wanted,
        "stft": stft.settings,
        "rest": rest,
    }
    check_rest(rest)
    return score_tracks(
        tracks,
        partial(score_track, methods=chosen, stft=stft, metrics=wanted, rest=rest),
        RunOptions(out=out, overwrite=overwrite, progress=progress, jobs=jobs, dask=dask),
        settings=settings,
        files=map(file_name, chosen),
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
        Its `result` holds rows of ``scores.csv``: track, subset, method, then the fields of
        `oracle.metrics.scorer.Score`. A method that fails has none.
    """
    chosen, metrics = find_bounds(methods, metrics)
    stft = STFT() if stft is None else stft
    completed = complete(track, rest)
    track = completed.track
    if all(name in CEILINGS for name in chosen):
        metrics = [metric for metric in metrics if metric in CERTIFIED]
    targets = track.targets
    scorer = make_scorer(track, targets, metrics)
    scores: dict[str, list[Score]] = {}
    failures: list[MethodError] = []

    def score(names: Sequence[str]) -> dict[str, list[Score]]:
        separating = [name for name in names if name in METHODS]
        separation = Separation(track, separating, stft=stft, targets=targets)
        windows = scorer.heard if "SDR" in metrics else {}
        ceilings = {
            name: Ceilings(separation.optimal(masks), windows)
            for name in names
            if name in CEILINGS and (masks := CEILINGS[name].masks) is not None
        }

        def certify(piece: slice) -> None:
            for each in ceilings.values():
                each.examine(piece)

        found = scorer.score_each(
            separation.part,
            beside=certify,
            advance=lambda part: advance(track.name, part * len(names) / len(chosen)),
        )
        for name, each in ceilings.items():
            certified = each.certified()
            framewise = {
                target: [ceiling.certified for ceiling in ceilings]
                for target, ceilings in certified.windows.items()
            }
            found[name] = scorer.ceilings(framewise, certified.whole)
            trouble = _describe_looseness(certified.windows)
            if trouble:
                warnings.warn(f"{track.name}: {name}: {trouble}", LooseCeilingWarning, stacklevel=2)
        return found

    for names in _group_methods(chosen, scorer.most_at_once):
        found, failed = try_each(names, score)
        scores |= found
        failures += failed
    rows = [
        (track.name, track.subset, name, *score)
        for name in chosen
        if name in scores
        for score in scores[name]
    ]
    return Scored.on(completed, rows, failures)


def _group_methods(chosen: Sequence[str], most: int) -> list[list[str]]:
    """Divide methods into groups that share a pass over a track.

    The best masks of a class and its ceiling stay together, so that the masks are found once.
    """
    units: dict[str, list[str]] = {}
    for name in chosen:
        masks = (CEILINGS[name] if name in CEILINGS else METHODS[name]).masks
        units.setdefault(name if masks is None else masks.ceiling, []).append(name)
    together: list[list[str]] = [[]]
    for unit in units.values():
        if together[-1] and len(together[-1]) + len(unit) > most:
            together.append([])
        together[-1] += unit
    return together


def _describe_looseness(windows: Mapping[str, Sequence[Ceiling]]) -> str:
    """Say in how many windows ceilings are loose, and by how much.

    Where a mask is perfect, +inf is the true ceiling.
    """
    loose, unproven = Counter[str](), Counter[str]()
    farthest = 0.0
    for target, ceilings in windows.items():
        for achieved, certified, converged in ceilings:
            if certified == math.inf:
                unproven[target] += not achieved > PERFECT_DB
            elif not converged:
                loose[target] += 1
                farthest = max(farthest, certified - achieved)
    parts = []
    if loose.total():
        parts.append(
            f"the ceiling holds, but is up to {farthest:.2g} dB above the best mask found, in "
            f"{_windows(loose)}"
        )
    if unproven.total():
        parts.append(f"nothing is proven, so the ceiling is +inf, in {_windows(unproven)}")
    return "; ".join(parts)


def _windows(counts: Counter[str]) -> str:
    """Say how many windows there are of each target."""
    of_each = ", ".join(f"{target} ({count})" for target, count in counts.items() if count)
    return f"windows of {of_each}"


def find_bounds(methods: Iterable[str], metrics: Sequence[str]) -> tuple[list[str], list[str]]:
    """Check the methods and metrics of a table of bounds.

    Raises
    ------
    TypeError
        If either comes as one string.
    ValueError
        If none is named, one is unknown or named twice, or if ceilings are the only methods and
        none of the metrics has one.
    """
    chosen = [method.name for method in find_methods(methods, known=METHODS | CEILINGS)]
    wanted = find_metrics(metrics)
    if all(name in CEILINGS for name in chosen) and not set(CERTIFIED) & set(wanted):
        raise ValueError(
            f"metrics must hold {' or '.join(CERTIFIED)}, the only ones with a {CEILING.name}, "
            f"got {', '.join(wanted)}"
        )
    return chosen, wanted
