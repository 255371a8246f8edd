"""Scoring: tracks -> scores -> results, and files."""

import warnings
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oracle.metrics import IllConditionedWarning
from oracle.metrics.named import AnyMetric
from oracle.metrics.scorer import WINDOW, Scorer
from oracle.results.results import Results
from oracle.results.spool import Spool
from oracle.results.tables import Row, Summaries
from oracle.runs.additions import (
    Growth,
    Part,
    Settings,
    list_cells,
    list_parts,
    sort_rows,
)
from oracle.runs.loop import Worked, run
from oracle.runs.options import RunOptions
from oracle.runs.progress import Advance
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
    growth: Growth,
    files: Iterable[str] = (),
    also_of: Callable[[Turn], Iterable[Path]] = lambda turn: (),
    arrange: Callable[["DataFrame", Settings], "DataFrame"] = lambda table, settings: table,
) -> Results:
    """Score tracks, write the scores of each as it is done, and aggregate them.

    Parameters
    ----------
    tracks : Track or iterable of Track
        Workers load the tracks of a `Dataset` themselves.
    score : callable
        ``(track, part=part, advance=advance) -> scored``: computes some scores of a track; if
        other processes call it, it must be picklable.
    options : RunOptions
        Where to work and to write.
    settings : mapping
        How the scores are made, for ``run.json``. A run resumes an earlier one with the same
        settings, but for those that may grow.
    growth : Growth
        Which settings may grow, and which scores they ask for.
    files : iterable of str, optional
        What is written to `out` besides the files of methods and what every run writes.
    also_of : callable, optional
        ``(turn) -> paths``: files that the scores of a track depend on besides its audio. If they
        have changed since an earlier run, the track is scored again.
    arrange : callable, optional
        ``(table, settings) -> table``: rearranges the aggregate for the results.

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
            folder = RunFolder(
                *(out, settings, record),
                files=[*files, SCORES, BOUNDS],
                overwrite=options.overwrite,
                growth=growth,
            )
            opened.enter_context(folder)
            opened.enter_context(write_tables_at_the_end(folder, summaries))
            settings = folder.settings
        methods, metrics = list(growth.name_methods(settings)), settings["metrics"]
        earlier: dict[int, TrackInfo] = {}
        left: dict[int, list[Part]] = {}

        def take(turn: Turn, rows: Sequence[Row]) -> None:
            summaries.add(turn.index, rows)
            spool.add(turn.index, rows)

        def claim(turn: Turn) -> TrackInfo | None:
            info = None if folder is None else folder.claim(turn, also_of=also_of(turn))
            if folder is None:
                left[turn.index] = [Part(methods, metrics)]
                return None
            left[turn.index] = folder.list_left(info)
            if info is None:
                return None
            # Also if more is to be done: what there is stays, should that fail.
            take(turn, read_earlier(folder, turn))
            if not left[turn.index]:
                return info
            record.add(turn, info)
            earlier[turn.index] = info
            return None

        def keep(turn: Turn, scored: Scored) -> None:
            if folder is not None:
                parts, rows = left[turn.index], scored.result
                failed = [failure.method for failure in scored.failures]
                done = {cell for cell in list_cells(parts) if cell[0] not in failed}
                if turn.index in earlier:
                    done |= list_cells(earlier[turn.index].scored)
                    rows = sort_rows([*read_earlier(folder, turn), *rows], methods, metrics)
                info = scored.info._replace(scored=list_parts(methods, metrics, done))
                scored = scored._replace(info=info, result=rows)
                folder.done(turn, scored, write_scores(folder, turn, rows))
            take(turn, scored.result)

        run(
            record,
            lambda turn: partial(_score_parts, score=score, parts=left[turn.index]),
            *(keep, options),
            claim=claim,
            metrics=metrics if folder is None else folder.metrics_left,
            messages=() if folder is None else folder.messages,
        )
    results = Results(
        table=arrange(summaries.table(), settings),
        tracks=table_infos(record.infos),
        failures=tuple(record.failures),
        settings=settings,
        notes=tuple(record.notes),
        out=out,
        spool=spool,
    )
    record.conclude(results, stacklevel=3)
    return results


def _score_parts(
    track: Track, *, score: Callable[..., Scored], parts: Sequence[Part], advance: Advance
) -> Scored:
    """Score a track, one part of the scores after the other."""
    sizes = [len(part.methods) * len(part.metrics) for part in parts]
    scored: list[Scored] = []
    for part, size in zip(parts, sizes, strict=True):

        def share(doing: str, done: float, whole: float = size / sum(sizes)) -> None:
            advance(doing, done * whole)

        scored.append(score(track, part=part, advance=share))
    # Each sorts its own rows; together they are in order if there is one.
    rows = [row for each in scored for row in each.result]
    failures = [failure for each in scored for failure in each.failures]
    return scored[0]._replace(result=rows, failures=failures)


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
