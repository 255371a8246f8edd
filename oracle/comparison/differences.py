"""Differences between methods, track by track."""

from collections.abc import Hashable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from oracle.results.statistics import Sample, bootstrap_intervals, wilcoxon_p_value
from oracle.results.tables import INTERVAL_COLUMNS

if TYPE_CHECKING:
    from pandas import DataFrame

# Columns for a pair of methods, by target and metric.
DIFFERENCE_COLUMNS = ("paired", "n_tracks", "median", "mean", *INTERVAL_COLUMNS)


def compute_differences(
    scores: "DataFrame",
    tracks: "DataFrame",
    pairs: Iterable[tuple[str, str]],
    *,
    published: Mapping[str, Hashable],
    confidence: float,
) -> "DataFrame":
    """Compute how much higher one method scores than another.

    Parameters
    ----------
    scores : DataFrame
        For each method, target and metric: median and mean over tracks, n_tracks and
        n_windows.
    tracks : DataFrame
        The same scores by track, as `oracle.results.tables.over_windows` returns them, without
        methods that are known only as aggregates.
    pairs : iterable of two str
        Two methods; the second is subtracted from the first.
    published : mapping from str to frozenset of str, or to str
        What the methods cover that are known only as aggregates: the names of their tracks, or
        words for those without names.
    confidence : float
        Level of the intervals.

    Returns
    -------
    table : DataFrame
        A row per pair, target and metric that both have, with columns method, other, target,
        metric; paired (whether both have scores by track); n_tracks (those with a difference:
        two infinite scores have none); median and mean of the differences over these tracks;
        median_low, median_high, mean_low, mean_high; and the p_value of
        `oracle.results.statistics.wilcoxon_p_value`. If not paired, median and mean are the
        differences of the medians and of the means, provided that both cover the same tracks;
        n_tracks is then 0, and intervals and p_value are NaN. The median is NaN if there is
        nothing to subtract.
    """
    import pandas as pd

    keys = ["method", "target", "metric"]
    wide = tracks.pivot(index=["subset", "track"], columns=keys, values="score")
    by_track: dict[Any, Sample] = {key: wide[key].to_numpy() for key in wide.columns}
    figures = scores.set_index(keys)[["median", "mean", "n_tracks", "n_windows"]]
    numbers = figures.to_numpy(np.float64, na_value=np.nan)  # published windows may be unknown
    overall: dict[Any, Sample] = dict(zip(figures.index, numbers, strict=True))
    names = dict(published)
    if published:
        names |= {str(m): frozenset(t) for m, t in tracks.groupby("method")["track"]}
    rows: list[tuple[Any, ...]] = []
    samples: list[Sample] = []
    for method, other in pairs:
        for _, target, metric in (key for key in overall if key[0] == method):
            one, two = (method, target, metric), (other, target, metric)
            if two not in overall:
                continue
            sample, median, mean = np.empty(0), np.nan, np.nan
            paired = one in by_track and two in by_track
            if paired:
                sample, median, mean = _subtract_tracks(by_track[one], by_track[two])
            elif names[method] == names[other] and have_same_size(overall[one], overall[two]):
                median, mean = _subtract_aggregates(overall[one], overall[two])
            samples.append(sample)
            rows.append((method, other, target, metric, paired, len(sample), median, mean))
    pair = ["method", "other", "target", "metric"]
    table = pd.DataFrame(rows, columns=[*pair, *DIFFERENCE_COLUMNS[:4]])
    table[list(INTERVAL_COLUMNS)] = bootstrap_intervals(samples, confidence)
    table["p_value"] = np.array([wilcoxon_p_value(sample) for sample in samples], dtype=np.float64)
    return table


def _subtract_tracks(one: Sample, two: Sample) -> tuple[Sample, float, float]:
    """Subtract track by track: the differences that are not NaN, their median and mean."""
    with np.errstate(invalid="ignore"):  # inf - inf
        sample = one - two
        sample = sample[~np.isnan(sample)]
        if not len(sample):
            return sample, np.nan, np.nan
        return sample, float(np.median(sample)), float(np.mean(sample))


def _subtract_aggregates(one: Sample, two: Sample) -> tuple[float, float]:
    """Subtract medians and means, the first two figures of an aggregate."""
    with np.errstate(invalid="ignore"):  # inf - inf
        median, mean, *_ = one - two
    return median, mean


def have_same_size(one: Sample, two: Sample) -> bool:
    """Tell whether aggregates, which end in n_tracks and n_windows, are of equal size.

    They may differ by one window per track: AAC ends with a whole frame, WAV need not. Unknown
    numbers of windows do not differ.
    """
    n_tracks, n_windows = abs(one - two)[-2:]
    return bool(n_tracks == 0 and not n_windows > one[-2])
