"""Summaries: the scores of results by track, and over tracks."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from oracle.comparison.published_tables import Published
from oracle.comparison.result_folders import ReadResults
from oracle.results.tables import (
    BOUND_COLUMNS,
    INTERVAL_COLUMNS,
    OverWindows,
    over_tracks,
    over_windows,
)

if TYPE_CHECKING:
    from pandas import DataFrame


def summarize(results: ReadResults, windows: OverWindows) -> "DataFrame":
    """Aggregate the scores of results over the windows of each track; none if published."""
    names = ("subset", "track", "method", "target", "metric")
    return over_windows(results.scores, windows=windows).astype(dict.fromkeys(names, "str"))


def aggregate_all(
    results: Sequence[ReadResults],
    summaries: Sequence["DataFrame"],
    *,
    windows: OverWindows,
    confidence: float,
) -> "DataFrame":
    """Aggregate results over tracks, or take published tables, one below the other.

    Parameters
    ----------
    results : sequence of ReadResults
    summaries : sequence of DataFrame
        From `summarize`, for each of the results.
    windows, confidence
        As in `oracle.compare`.

    Returns
    -------
    scores : DataFrame
        As in `oracle.Comparison`.

    Raises
    ------
    ValueError
        If `windows` is not the statistic of a published table.
    """
    import pandas as pd

    tables = [
        over_tracks(summary, confidence=confidence)
        if each.published is None
        else _complete_columns(each.name, each.published, windows)
        for each, summary in zip(results, summaries, strict=True)
    ]
    return pd.concat(tables, ignore_index=True)


def _complete_columns(name: str, published: Published, windows: OverWindows) -> "DataFrame":
    """Give a published table the columns of an aggregate with intervals."""
    if windows != (published.windows or windows):
        raise ValueError(
            f"windows must be {published.windows} beside {name}, whose scores are "
            f"{published.windows}s over windows, got {windows!r}"
        )
    # Published files have NaN in place of infinite scores.
    table = published.table.assign(n_inf=0, mean_finite=published.table["mean"])
    return table.reindex(columns=[*BOUND_COLUMNS, *INTERVAL_COLUMNS])
