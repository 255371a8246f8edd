"""Runs: tracks -> scores -> a table of the aggregate, and files."""

import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence, Sized
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oracle.datasets import Dataset
from oracle.execution import Advance, TracksFailed, each_track
from oracle.metrics import IllConditionedWarning
from oracle.results import Row, over_tracks, over_windows, tidy
from oracle.run_folder import RunFolder
from oracle.scores import Scorer
from oracle.track import Audio, Track

if TYPE_CHECKING:
    from pandas import DataFrame


def run(
    tracks: Track | Iterable[Track],
    score: Callable[[Track, Advance], Sequence[Row]],
    *,
    settings: dict[str, Any],
    out: str | Path | None,
    progress: bool,
) -> "DataFrame":
    """Score tracks one by one, write what was found, and aggregate it.

    Parameters
    ----------
    tracks : Track or iterable of Track
        Those of a `Dataset` are loaded one at a time.
    score : callable
        ``(track, advance) -> rows``, values of the columns of ``scores.csv``.
    settings : dict
        What ``run.json`` says of how the scores were made.
    out : str or Path or None
        A new or empty folder for the files.
    progress : bool
        Whether to show a progress bar.

    Returns
    -------
    table : DataFrame
        As `oracle.compute_bounds` returns it.

    Raises
    ------
    ValueError
        If there are no tracks, or `out` is no new or empty folder.
    TracksFailed
        At the end, if tracks failed: the others are done, in its `table` and on disk.
    """
    import pandas as pd

    if isinstance(tracks, Sized) and not len(tracks):
        raise ValueError("tracks must hold at least one track, got none")
    dataset = tracks.name if isinstance(tracks, Dataset) else None
    folder = None if out is None else RunFolder(Path(out), {"dataset": dataset} | settings)

    def work(track: Track, advance: Advance) -> tuple["DataFrame", str, str | None]:
        if folder is not None:
            folder.check(track)
        rows = score(track, advance)
        if folder is not None:
            folder.add(track, rows)
        return over_windows(tidy(rows)), track.subset, track.name if track.mixture_is_sum else None

    summaries = [over_windows(tidy([]))]
    summed: list[str] = []
    subsets: Counter[str] = Counter()
    failed: TracksFailed | None = None
    complete = False
    try:
        for summary, subset, name_if_summed in each_track(tracks, work, progress=progress):
            summaries.append(summary)
            subsets[subset] += 1
            if name_if_summed is not None:
                summed.append(name_if_summed)
        complete = True
    except TracksFailed as error:
        failed, complete = error, True
    finally:  # also of an interrupted run
        table = over_tracks(pd.concat(summaries[1:] or summaries))
        table.attrs |= {"mixture_is_sum": summed, "subsets": dict(subsets)}
        if folder is not None:
            folder.finish(table, failed.exceptions if failed else [], complete=complete)
    if failed is not None:
        failed.table = table
        raise failed
    if table.empty:  # of an iterator, whose length was not known
        raise ValueError("tracks must hold at least one track, got none")
    return table


def scorer_of(track: Track, references: Mapping[str, Audio], metrics: Sequence[str]) -> Scorer:
    """Prepare references of a track; warn if ISR, SIR and SAR cannot be trusted."""
    scorer = Scorer(references, rate=track.rate, metrics=metrics)
    if scorer.trouble is not None:
        warnings.warn(f"{track.name}: {scorer.trouble}", IllConditionedWarning, stacklevel=2)
    return scorer
