"""Runs: tracks -> scores -> a table of the aggregate, and files."""

import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence, Sized
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oracle.metrics import IllConditionedWarning
from oracle.progress import Advance
from oracle.results import Row, Summaries
from oracle.run_folder import RunFolder, TrackInfo
from oracle.run_settings import dataset_settings
from oracle.score_files import BOUNDS, SCORES, read_earlier, write_scores, write_tables
from oracle.scores import WINDOW, Scorer
from oracle.tasks import Task, TrackError, TracksFailed, each_track
from oracle.track import Audio, Track

if TYPE_CHECKING:
    from pandas import DataFrame

# What run.json says of all scores.
AGGREGATION = {
    "aggregation": "median over windows, then median and mean over tracks",
    "window_seconds": WINDOW,
}


def run(
    tracks: Track | Iterable[Track],
    score: Callable[..., Sequence[Row]],
    *,
    settings: Mapping[str, Any],
    files: Iterable[str],
    out: str | Path | None,
    overwrite: bool,
    progress: bool,
    jobs: int | None,
    dask: str | None,
    also_of: Callable[[Task], Iterable[Path]] = lambda task: (),
) -> "DataFrame":
    """Score tracks, write what was found as they are done, and aggregate it.

    Parameters
    ----------
    tracks : Track or iterable of Track
        Those of a `Dataset` are loaded where they are scored.
    score : callable
        ``(track, advance=advance) -> rows``, values of the columns of ``scores.csv``; for other
        processes it can be pickled.
    settings : mapping
        How the scores are made, for ``run.json``: of two runs with the same settings the
        second goes on where the first ended.
    files : iterable of str
        What is written to `out` beside what every run writes.
    out, overwrite, progress, jobs, dask
        As in `oracle.compute_bounds`.
    also_of : callable, optional
        ``(task) -> paths``: what the scores of a track depend on beside its audio. If that
        has changed since an earlier run, it is scored again.

    Returns
    -------
    table : DataFrame
        As `oracle.compute_bounds` returns it.

    Raises
    ------
    ValueError
        If there are no tracks, or `out`, `jobs` or `dask` is not what it must be.
    TracksFailed
        At the end, if tracks failed: the others are done, in its `table` and on disk.
    """
    if overwrite and out is None:
        raise ValueError("overwrite must go with out, got no out")
    if isinstance(tracks, Sized) and not len(tracks):
        raise ValueError("tracks must hold at least one track, got none")
    summaries = Summaries()
    infos: dict[int, TrackInfo] = {}
    failures: Sequence[TrackError] = ()
    complete, can_write = False, True
    with ExitStack() as opened:
        folder = None
        if out is not None:
            folder = RunFolder(
                Path(out),
                {**settings, **dataset_settings(tracks), **AGGREGATION},
                files=[*files, SCORES, BOUNDS],
                overwrite=overwrite,
            )
            opened.enter_context(folder)
            folder.check_tracks(tracks)

        def take(index: int, info: TrackInfo, rows: Sequence[Row]) -> None:
            summaries.add(index, rows)
            infos[index] = info

        def skip(task: Task) -> bool:
            if folder is None:
                return False
            info = folder.claim(task, also_of=also_of(task))
            if info is None:
                return False
            take(task.index, info, read_earlier(folder, task))
            return True

        work = partial(_scored, score)
        scored = each_track(tracks, work, progress=progress, jobs=jobs, dask=dask, skip=skip)
        try:
            with closing(scored):  # also when this is interrupted
                for task, (info, rows), messages in scored:
                    if folder is not None:
                        written = write_scores(folder, task, rows)
                        folder.done(task, info._replace(warnings=messages), written)
                    take(task.index, info, rows)
            complete = True
        except TracksFailed as error:
            failures, complete = error.failures, True
        except OSError as error:
            can_write = isinstance(error, ConnectionError)  # of a cluster
            raise
        finally:  # also of an interrupted run
            table = summaries.table()
            order = sorted(infos)
            table.attrs |= {
                "mixture_is_sum": [infos[i].name for i in order if infos[i].mixture_is_sum],
                "subsets": dict(Counter(infos[i].subset for i in order)),
            }
            if folder is not None and can_write:
                write_tables(folder, table)
                folder.finish(failures, complete=complete)
    if failures:
        failed = TracksFailed.of(failures)
        failed.table = table
        raise failed
    if table.empty:  # of an iterator, whose length was not known
        raise ValueError("tracks must hold at least one track, got none")
    return table


def _scored(
    score: Callable[..., Sequence[Row]], track: Track, advance: Advance
) -> tuple[TrackInfo, Sequence[Row]]:
    return TrackInfo.of(track), score(track, advance=advance)


def scorer_of(track: Track, references: Mapping[str, Audio], metrics: Sequence[str]) -> Scorer:
    """Prepare references of a track; warn if ISR, SIR and SAR cannot be trusted."""
    scorer = Scorer(references, rate=track.rate, metrics=metrics)
    if scorer.trouble is not None:
        warnings.warn(f"{track.name}: {scorer.trouble}", IllConditionedWarning, stacklevel=2)
    return scorer
