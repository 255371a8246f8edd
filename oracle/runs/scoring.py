"""Scoring: tracks -> scores -> results, and files."""

import warnings
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oracle.metrics import IllConditionedWarning
from oracle.metrics.named import AnyMetric
from oracle.metrics.scorer import WINDOW, Scorer
from oracle.results.results import Results
from oracle.results.spool import Spool
from oracle.results.tables import Row, Summaries
from oracle.runs.loop import Worked, run
from oracle.runs.options import RunOptions
from oracle.runs.queue import Turn
from oracle.runs.record import Record
from oracle.runs.run_folder import RunFolder
from oracle.runs.score_files import (
    BOUNDS,
    SCORES,
    read_earlier,
    write_scores,
    write_tables_at_the_end,
)
from oracle.runs.settings import describe_dataset
from oracle.runs.track_info import TrackInfo, table_infos
from oracle.tracks.track import Audio, Track

if TYPE_CHECKING:
    from pandas import DataFrame

# What run.json says about all scores.
AGGREGATION = {
    "aggregation": "median over windows, then median and mean over tracks",
    "window_seconds": WINDOW,
}

# The scores of a track, as rows of scores.csv.
Scored = Worked[Sequence[Row]]


def score_tracks(
    tracks: Track | Iterable[Track],
    score: Callable[..., Scored],
    options: RunOptions,
    *,
    settings: Mapping[str, Any],
    files: Iterable[str],
    also_of: Callable[[Turn], Iterable[Path]] = lambda turn: (),
    arrange: Callable[["DataFrame"], "DataFrame"] = lambda table: table,
) -> Results:
    """Score tracks, write the scores of each as it is done, and aggregate them.

    Parameters
    ----------
    tracks : Track or iterable of Track
        Workers load the tracks of a `Dataset` themselves.
    score : callable
        ``(track, advance=advance) -> scored``; if other processes call it, it must be picklable.
    options : RunOptions
        Where to work and to write.
    settings : mapping
        How the scores are made, for ``run.json``. A run resumes an earlier one with the same
        settings.
    files : iterable of str
        What is written to `out` besides what every run writes.
    also_of : callable, optional
        ``(turn) -> paths``: files that the scores of a track depend on besides its audio. If they
        have changed since an earlier run, the track is scored again.
    arrange : callable, optional
        ``(table) -> table``: rearranges the aggregate for the results.

    Raises
    ------
    ValueError
        If there are no tracks, or `out`, `jobs` or `dask` is invalid.
    TracksFailed
        At the end, if tracks failed, or methods on them. The other scores are in its `results`
        and on disk.

    Warns
    -----
    InputWarning
        At the end, about audio that was not read, and mixtures that hold more than their sources.
    """
    record, summaries, spool = Record(tracks), Summaries(), Spool()
    settings = {**settings, **describe_dataset(tracks), **AGGREGATION}
    out = None if options.out is None else Path(options.out)
    with ExitStack() as opened:
        folder: RunFolder | None = None
        if out is not None:
            names = [*files, SCORES, BOUNDS]
            folder = RunFolder(out, settings, record, files=names, overwrite=options.overwrite)
            opened.enter_context(folder)
            opened.enter_context(write_tables_at_the_end(folder, summaries))

        def take(turn: Turn, rows: Sequence[Row]) -> None:
            summaries.add(turn.index, rows)
            spool.add(turn.index, rows)

        def claim(turn: Turn) -> TrackInfo | None:
            info = None if folder is None else folder.claim(turn, also_of=also_of(turn))
            if folder is not None and info is not None:
                take(turn, read_earlier(folder, turn))
            return info

        def keep(turn: Turn, scored: Scored) -> None:
            if folder is not None:
                folder.done(turn, scored, write_scores(folder, turn, scored.result))
            take(turn, scored.result)

        run(record, score, keep, options, claim=claim, metrics=settings["metrics"])
    results = Results(
        table=arrange(summaries.table()),
        tracks=table_infos(record.infos),
        failures=tuple(record.failures),
        settings=settings,
        notes=tuple(record.notes),
        out=out,
        spool=spool,
    )
    record.conclude(results, stacklevel=3)
    return results


def make_scorer(
    track: Track,
    references: Mapping[str, Audio],
    metrics: Iterable[AnyMetric],
    estimated: Collection[str] | None = None,
) -> Scorer:
    """Prepare the references of a track; warn if ISR, SIR and SAR cannot be trusted."""
    scorer = Scorer(
        references, rate=track.rate, metrics=metrics, mixture=track.mixture, estimated=estimated
    )
    if scorer.trouble is not None:
        warnings.warn(f"{track.name}: {scorer.trouble}", IllConditionedWarning, stacklevel=2)
    return scorer
