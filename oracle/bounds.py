"""The main job: tracks x methods -> scores, a table of bounds, and files."""

from collections import Counter
from collections.abc import Iterable, Sized
from pathlib import Path
from typing import TYPE_CHECKING

from oracle.datasets import Dataset
from oracle.execution import Advance, TracksFailed, each_track
from oracle.methods import METHODS, methods_named, separate_each
from oracle.results import Row, RunFolder, over_tracks, over_windows, tidy
from oracle.scores import score_estimates
from oracle.stft import STFT
from oracle.track import Track

if TYPE_CHECKING:
    from pandas import DataFrame


def compute_bounds(
    tracks: Track | Iterable[Track],
    *,
    methods: Iterable[str] = tuple(METHODS),
    stft: STFT | None = None,
    out: str | Path | None = None,
    progress: bool = False,
) -> "DataFrame":
    """Separate tracks with oracle methods, score the estimates, and aggregate the scores.

    Parameters
    ----------
    tracks : Track or iterable of Track
        A dataset of `oracle.datasets` reads its tracks one at a time.
    methods : iterable of str, optional
        Names in `oracle.methods.METHODS`. All by default.
    stft : STFT, optional
        The default is ``STFT()``: periodic Hann, 2048 samples, hop 1024.
    out : str or Path, optional
        A folder to write to: ``<method>/<subset>/<track>.json`` in museval's format,
        ``scores.csv``, ``bounds.csv``, ``run.json``, and ``tracks/<subset>/<track>.csv``
        with the scores of each track as soon as it is done. It must be new or empty.
    progress : bool, optional
        Whether to show a progress bar on standard error, if that is a terminal.

    Returns
    -------
    table : DataFrame
        The bounds: columns method, target, metric, median, mean, n_tracks, n_windows,
        n_nan; see `oracle.results.aggregate`. ``table.attrs["mixture_is_sum"]`` lists the
        tracks whose mixture is the sum of their sources because none was delivered,
        ``table.attrs["subsets"]`` counts the tracks of each subset.

    Raises
    ------
    ValueError
        If there are no tracks, there is no such method, or `out` is no new or empty folder.
    TracksFailed
        At the end, if tracks failed: the others are done, in its `table` and on disk.

    Examples
    --------
    >>> import oracle
    >>> table = oracle.compute_bounds(oracle.datasets.waltz(), methods=["IRM2"])
    >>> table[["target", "metric"]].head(2)
      target metric
    0  drums    SDR
    1  drums   uSDR
    """
    import pandas as pd

    chosen = [method.name for method in methods_named(methods)]
    if isinstance(tracks, Sized) and not len(tracks):
        raise ValueError("tracks must hold at least one track, got none")
    stft = STFT() if stft is None else stft
    dataset = tracks.name if isinstance(tracks, Dataset) else None
    folder = None if out is None else RunFolder(Path(out), dataset, chosen, stft)

    def work(track: Track, advance: Advance) -> tuple["DataFrame", str, str | None]:
        if folder is not None:
            folder.check(track)
        rows = score_track(track, chosen, stft=stft, advance=advance)
        if folder is not None:
            folder.add(track, rows)
        return over_windows(tidy(rows)), track.subset, track.name if track.mixture_is_sum else None

    summaries = [over_windows(tidy([]))]
    summed: list[str] = []
    subsets: Counter[str] = Counter()
    failed: TracksFailed | None = None
    complete = False
    try:
        for summary, subset, name_if_summed in each_track(
            tracks, work, steps=len(chosen), progress=progress
        ):
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


def score_track(
    track: Track,
    methods: Iterable[str],
    *,
    stft: STFT | None = None,
    advance: Advance = lambda done: None,
) -> list[Row]:
    """Separate a track with oracle methods and score the estimates.

    Parameters
    ----------
    track : Track
        The mixture and its true sources.
    methods, stft
        As in `compute_bounds`.
    advance : callable, optional
        Called after each method with what has been done.

    Returns
    -------
    rows : list of tuples
        Values of the columns of ``scores.csv``: track, subset, method, then those of
        `oracle.scores.Score`.
    """
    targets = track.targets
    rows: list[Row] = []
    for method, estimates in separate_each(track, methods, stft=stft):
        scores = score_estimates(targets, estimates, rate=track.rate)
        rows += [(track.name, track.subset, method, *score) for score in scores]
        advance(f"{track.name}: {method}")
    return rows
