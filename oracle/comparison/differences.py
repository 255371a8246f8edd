"""Differences between methods, track by track."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from oracle.results.statistics import Sample, bootstrap_intervals, wilcoxon_p_value
from oracle.results.tables import INTERVAL_COLUMNS

if TYPE_CHECKING:
    from pandas import DataFrame

# What is said of a pair of methods, target by target and metric by metric.
DIFFERENCE_COLUMNS = ("paired", "n_tracks", "median", "mean", *INTERVAL_COLUMNS)

# Above a ceiling by less is as high: files hold five decimals, estimates perhaps 16 bits.
TOLERANCE_DB = 1e-3


def differences_between(
    scores: "DataFrame",
    tracks: "DataFrame",
    pairs: Iterable[tuple[str, str]],
    *,
    published: Mapping[str, frozenset[str]],
    confidence: float,
) -> "DataFrame":
    """Compute how much higher one method is than another.

    Parameters
    ----------
    scores : DataFrame
        Of each method, target and metric the median and mean over tracks, n_tracks and
        n_windows.
    tracks : DataFrame
        The same scores by track, as `oracle.results.tables.over_windows` gives them; not of methods
        whose aggregate is all that is known.
    pairs : iterable of two str
        Methods: the one, and the other, which is subtracted.
    published : mapping from str to frozenset of str
        The tracks of methods whose aggregate is all that is known.
    confidence : float
        Of the intervals.

    Returns
    -------
    table : DataFrame
        A row a pair, target and metric that both have: method, other, target, metric;
        paired (whether both have tracks), n_tracks (with a score of both, and their
        difference: that of two infinite scores is none), median and mean of the differences
        over these tracks, median_low, median_high, mean_low, mean_high, and the p_value of
        `oracle.results.statistics.wilcoxon_p_value`. If not paired the differences of the medians
        and means, if both are of the same tracks; n_tracks is 0 then, and the others NaN.
        The median is NaN where there is nothing to subtract.
    """
    import pandas as pd

    keys = ["method", "target", "metric"]
    wide = tracks.pivot(index=["subset", "track"], columns=keys, values="score")
    of_tracks: dict[Any, Sample] = {key: wide[key].to_numpy() for key in wide.columns}
    figures = scores.set_index(keys)[["median", "mean", "n_tracks", "n_windows"]]
    overall: dict[Any, Sample] = dict(zip(figures.index, figures.to_numpy(), strict=True))
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
            paired = one in of_tracks and two in of_tracks
            sample = np.empty(0)
            with np.errstate(invalid="ignore"):  # inf - inf
                if paired:
                    sample = of_tracks[one] - of_tracks[two]
                    sample = sample[~np.isnan(sample)]
                    median, mean = (
                        (np.median(sample), np.mean(sample)) if len(sample) else (np.nan, np.nan)
                    )
                elif names[method] == names[other] and same_size(overall[one], overall[two]):
                    median, mean, *_ = overall[one] - overall[two]
                else:
                    median, mean = np.nan, np.nan
            samples.append(sample)
            rows.append((method, other, target, metric, paired, len(sample), median, mean))
    pair = ["method", "other", "target", "metric"]
    table = pd.DataFrame(rows, columns=[*pair, *DIFFERENCE_COLUMNS[:4]])
    table[list(INTERVAL_COLUMNS)] = bootstrap_intervals(samples, confidence)
    table["p_value"] = np.array([wilcoxon_p_value(sample) for sample in samples], dtype=np.float64)
    return table


def same_size(one: Sample, two: Sample) -> bool:
    """Tell whether aggregates, which end in n_tracks and n_windows, are of as many.

    There may be a window a track between them: AAC ends with a whole frame, WAV need not.
    """
    n_tracks, n_windows = abs(one - two)[-2:]
    return bool(n_tracks == 0 and n_windows <= one[-2])


def windows_above(system: "DataFrame", ceiling: "DataFrame") -> "DataFrame":
    """Count the windows in which a system lies above a ceiling, by more than 0.001 dB.

    Parameters
    ----------
    system, ceiling : DataFrame
        Scores of one method each, with the columns of ``scores.csv``. Windows are the same
        if they begin at the same time, to the millisecond, and are as long.

    Returns
    -------
    counts : DataFrame
        By target and metric: n_windows in which both have a score, n_above. Metrics of
        whole tracks have one window a track.
    """
    keys = ["subset", "track", "target", "metric", "time", "duration"]
    one, two = (
        table.dropna(subset="score")
        .astype(dict.fromkeys(keys[:4], "str"))
        .round({"time": 3, "duration": 3})[[*keys, "score"]]
        for table in (system, ceiling)
    )
    both = one.merge(two, on=keys, suffixes=("", "_ceiling"))
    both["above"] = both["score"] > both["score_ceiling"] + TOLERANCE_DB
    counts = both.groupby(["target", "metric"], sort=False)["above"].agg(["size", "sum"])
    return counts.rename(columns={"size": "n_windows", "sum": "n_above"})
