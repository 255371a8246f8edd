"""A run: tracks -> scores -> a table of the aggregate, and files."""

import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence, Sized
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from oracle.datasets import Dataset
from oracle.metrics import IllConditionedWarning
from oracle.metrics.scorer import WINDOW, Scorer
from oracle.results.tables import Row, Summaries
from oracle.runs.notes import notes_of_input, notes_of_tracks
from oracle.runs.plans import Jobs
from oracle.runs.progress import Advance
from oracle.runs.queue import MethodError, Task, TrackError, TracksFailed, each_track
from oracle.runs.run_folder import RunFolder, TrackInfo
from oracle.runs.score_files import BOUNDS, SCORES, read_earlier, write_scores, write_tables
from oracle.runs.settings import dataset_settings
from oracle.tracks.rest import Completed, InputWarning
from oracle.tracks.track import Audio, Track

if TYPE_CHECKING:
    from pandas import DataFrame

# What run.json says of all scores.
AGGREGATION = {
    "aggregation": "median over windows, then median and mean over tracks",
    "window_seconds": WINDOW,
}


class Scored(NamedTuple):
    """The scores of a track.

    Attributes
    ----------
    completed : Completed
        What was scored.
    rows : sequence of Row
        Values of the columns of ``scores.csv``.
    silent : sequence of str
        What else is silent throughout, beside sources.
    failures : sequence of MethodError
        Methods that failed: they have no rows.
    """

    completed: Completed
    rows: Sequence[Row]
    silent: Sequence[str] = ()
    failures: Sequence[MethodError] = ()


def run(
    tracks: Track | Iterable[Track],
    score: Callable[..., Scored],
    *,
    settings: Mapping[str, Any],
    files: Iterable[str],
    out: str | Path | None,
    overwrite: bool,
    progress: bool,
    jobs: Jobs,
    dask: str | None,
    also_of: Callable[[Task], Iterable[Path]] = lambda task: (),
) -> "DataFrame":
    """Score tracks, write what was found as they are done, and aggregate it.

    Parameters
    ----------
    tracks : Track or iterable of Track
        Those of a `Dataset` are loaded where they are scored.
    score : callable
        ``(track, advance=advance) -> scored``; for other processes it can be pickled.
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
        At the end, if tracks failed, or methods on them: the others are done, in its `table`
        and on disk.

    Warns
    -----
    InputWarning
        At the end, of audio that is not read, and of mixtures that hold more than their sources.
    """
    if overwrite and out is None:
        raise ValueError("overwrite must go with out, got no out")
    if isinstance(tracks, Sized) and not len(tracks):
        raise ValueError("tracks must hold at least one track, got none")
    summaries = Summaries()
    infos: dict[int, TrackInfo] = {}
    failures: list[TrackError] = []
    failed_methods: dict[int, list[TrackError]] = {}
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
        scored = each_track(
            tracks,
            work,
            progress=progress,
            jobs=jobs,
            dask=dask,
            metrics=settings["metrics"],
            skip=skip,
        )
        try:
            with closing(scored):  # also when this is interrupted
                for task, (info, rows, methods), messages in scored:
                    info = info._replace(warnings=messages)
                    if folder is not None:
                        written = write_scores(folder, task, rows)
                        folder.done(task, info, written, whole=not methods)
                    take(task.index, info, rows)
                    failed_methods[task.index] = [
                        TrackError(task.name, task.subset, error) for error in methods
                    ]
            complete = True
        except TracksFailed as error:
            failures, complete = error.failures, True
        except OSError as error:
            can_write = isinstance(error, ConnectionError)  # of a cluster
            raise
        finally:  # also of an interrupted run
            failures += [e for index in sorted(failed_methods) for e in failed_methods[index]]
            table = summaries.table()
            known = [infos[index] for index in sorted(infos)]
            left_out = tracks.left_out if isinstance(tracks, Dataset) else ()
            of_input = notes_of_input(known, left_out)
            notes = [*of_input, *notes_of_tracks(known)]
            table.attrs |= {
                "mixture_is_sum": [info.name for info in known if info.mixture_is_sum],
                "subsets": dict(Counter(info.subset for info in known)),
                "notes": notes,
            }
            if folder is not None and can_write:
                write_tables(folder, table)
                folder.finish(failures, notes=notes, complete=complete)
    for note in of_input:
        warnings.warn(note, InputWarning, stacklevel=3)
    if failures:
        failed = TracksFailed.of(failures)
        failed.table = table
        raise failed
    if table.empty:  # of an iterator, whose length was not known
        raise ValueError("tracks must hold at least one track, got none")
    return table


def _scored(
    score: Callable[..., Scored], track: Track, advance: Advance
) -> tuple[TrackInfo, Sequence[Row], Sequence[MethodError]]:
    scored = score(track, advance=advance)
    info = TrackInfo.of(scored.completed)
    info = info._replace(silent=[*info.silent, *scored.silent])
    return info, scored.rows, scored.failures


def make_scorer(track: Track, references: Mapping[str, Audio], metrics: Sequence[str]) -> Scorer:
    """Prepare references of a track; warn if ISR, SIR and SAR cannot be trusted."""
    scorer = Scorer(references, rate=track.rate, metrics=metrics)
    if scorer.trouble is not None:
        warnings.warn(f"{track.name}: {scorer.trouble}", IllConditionedWarning, stacklevel=2)
    return scorer
