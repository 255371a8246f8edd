"""Scores of windows: those of one track, of all results that are compared."""

import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from oracle.comparison.labels import choose_labels, name_apart
from oracle.comparison.matching import match_tracks, select_scores
from oracle.comparison.result_folders import IncompleteRunWarning, read_results

if TYPE_CHECKING:
    from pandas import DataFrame


def read_windows(
    results: Iterable[str | Path],
    *,
    subset: str,
    track: str,
    metrics: Sequence[str],
    targets: Sequence[str] | None,
) -> "DataFrame":
    """Read every score of a track, with the labels that `oracle.compare` gives the methods.

    Parameters
    ----------
    results, metrics, targets
        As in `oracle.compare`, which has warned of what is incomplete.
    subset, track : str
        Names in the table of tracks of the comparison.

    Returns
    -------
    scores : DataFrame
        The columns of ``scores.csv``.
    """
    import pandas as pd

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", IncompleteRunWarning)
        read = name_apart([read_results(source) for source in results])
    matched = match_tracks(select_scores(read, metrics=metrics, targets=targets))
    tables = []
    for each, labels in zip(matched, choose_labels(read), strict=True):
        is_shown = (each.scores["subset"] == subset) & (each.scores["track"] == track)
        shown = each.scores[is_shown]
        names = ("track", "subset", "method", "target", "metric")
        shown = shown.astype(dict.fromkeys(names, "str"))
        tables.append(shown.assign(method=shown["method"].map(labels)))
    return pd.concat(tables, ignore_index=True)
