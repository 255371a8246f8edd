"""Tables: files on disk, the tidy table of scores, and its aggregate."""

import csv
import io
import json
import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from oracle.metrics.energy_ratios import PERFECT_DB
from oracle.metrics.names import ENERGY_RATIOS, MUSEVAL
from oracle.metrics.scorer import WINDOW, Score
from oracle.results.statistics import bootstrap_intervals, check_confidence

if TYPE_CHECKING:
    from pandas import DataFrame, Series

# Values of the columns of scores.csv.
Row = tuple[Any, ...]

SCORE_COLUMNS = ("track", "subset", "method", "target", "metric", "time", "duration", "score")
BOUND_COLUMNS = (
    *("method", "target", "metric", "median", "mean"),
    *("n_tracks", "n_windows", "n_nan", "n_inf", "mean_finite"),
)
# Ends of confidence intervals, in the order of `oracle.results.statistics.bootstrap_intervals`.
INTERVAL_COLUMNS = ("median_low", "median_high", "mean_low", "mean_high")

# The columns that tell the rows of a table of bounds apart.
KEYS = ["method", "target", "metric"]

# Columns with counts of scores, per track and bound.
COUNTS = ["n_windows", "n_nan", "n_inf"]

EXPLAIN_INFINITE = (
    f"Scores above {PERFECT_DB:g} dB are infinite but for rounding, and count as inf."
)

Numbers = npt.NDArray[np.int64]

# How to reduce the windows of a track to one score.
OverWindows = Literal["median", "mean"]


def aggregate(
    scores: "DataFrame", *, windows: OverWindows = "median", confidence: float | None = None
) -> "DataFrame":
    """Aggregate scores over windows and tracks.

    First the median over the windows of each track that are not NaN, as museval and SiSEC do; then
    the median and the mean of these over the tracks.

    Parameters
    ----------
    scores : DataFrame
        With the columns of ``scores.csv``: track, subset, method, target, metric, time,
        duration, score.
    windows : {"median", "mean"}, optional
        What to take over the windows of a track. A mean with an infinite score is infinite.
        (museval's files store such a score as NaN.)
    confidence : float, optional
        Between 0 and 1: adds percentile bootstrap intervals over tracks.

    Returns
    -------
    bounds : DataFrame
        One row per method, target and metric, in their order in `scores`, with columns
        method, target, metric, median, mean (NaN if every score is NaN), n_tracks,
        n_windows (how many scores; whole-track metrics have one per track), n_nan and n_inf
        (how many of them are NaN, and infinite; a built-in metric above 100 dB counts as
        infinite), and
        mean_finite (the mean over the tracks that are not infinite).
        With `confidence` also median_low, median_high, mean_low and mean_high: the ends of
        confidence intervals of the median and the mean, if the tracks are a random sample; see
        `oracle.results.statistics.bootstrap_intervals`. NaN with fewer than two tracks that have
        a score.

    Raises
    ------
    ValueError
        If `windows` is neither, or `confidence` is not between 0 and 1.
    """
    return over_tracks(over_windows(scores, windows=windows), confidence=confidence)


def over_windows(scores: "DataFrame", *, windows: OverWindows = "median") -> "DataFrame":
    """Aggregate scores over the windows of each track: the first half of `aggregate`.

    Returns the per-track table: a row per track, method, target and metric, with the columns
    score (the median or mean), n_windows, n_nan and n_inf.
    """
    if windows not in get_args(OverWindows):
        raise ValueError(f"windows must be {' or '.join(get_args(OverWindows))}, got {windows!r}")
    keys = ["subset", "track", "method", "target", "metric"]
    infinite = scores.assign(infinite=_are_infinite(scores))
    by_track = infinite.groupby(keys, sort=False, observed=True)
    table = by_track["score"].agg([windows, "size", "count"])
    table["count"] = table["size"] - table["count"]
    table.columns = ["score", "n_windows", "n_nan"]
    table["n_inf"] = by_track["infinite"].sum()
    return table.reset_index()


def _are_infinite(table: "DataFrame") -> "Series":
    perfect = (table["score"] > PERFECT_DB) & table["metric"].isin(ENERGY_RATIOS)
    return (table["score"].abs() == np.inf) | perfect


def has_infinite(bounds: "DataFrame") -> bool:
    """Tell whether a bound has infinite scores, and finite ones that they could spoil."""
    others = bounds["n_windows"] - bounds["n_nan"] - bounds["n_inf"]
    return bool(((bounds["n_inf"] > 0) & (others > 0)).any())


def over_tracks(summaries: "DataFrame", *, confidence: float | None = None) -> "DataFrame":
    """Aggregate the results of `over_windows` over tracks: the second half of `aggregate`."""
    by_bound = summaries.groupby(KEYS, sort=False, observed=True)
    table = by_bound["score"].agg(["median", "mean", "size"])
    table = table.rename(columns={"size": "n_tracks"})
    table = table.join(by_bound[COUNTS].sum())
    finite = summaries[~_are_infinite(summaries)]
    table["mean_finite"] = finite.groupby(KEYS, sort=False, observed=True)["score"].mean()
    if confidence is None:
        return table.reset_index()[list(BOUND_COLUMNS)]
    check_confidence(confidence)
    samples = [scores.dropna().to_numpy() for _, scores in by_bound["score"]]
    table[list(INTERVAL_COLUMNS)] = bootstrap_intervals(samples, confidence)
    return table.reset_index()[[*BOUND_COLUMNS, *INTERVAL_COLUMNS]]


class Summaries:
    """The scores of tracks, each aggregated over its windows, in little memory."""

    def __init__(self) -> None:
        # Import it now: an interrupted first import would leave `table` with half of it.
        import pandas  # noqa: F401

        # By track: numbers of rows of the table, and what `over_windows` finds for them.
        self._of: dict[int, tuple[Numbers, npt.NDArray[np.float64]]] = {}
        self._rows: dict[tuple[str, ...], int] = {}
        self._none: Numbers = np.empty(0, np.int64)
        self._last = self._none

    def add(self, index: int, rows: Iterable[Row]) -> None:
        """Add the scores of the track with this index."""
        table = over_windows(tidy(rows))
        keys = table[KEYS].itertuples(index=False, name=None)
        numbers = np.array([self._rows.setdefault(key, len(self._rows)) for key in keys], np.int64)
        if not np.array_equal(numbers, self._last):  # mostly the same for all tracks: kept once
            self._last = numbers
        self._of[index] = self._last, table[["score", *COUNTS]].to_numpy(np.float64)

    def table(self) -> "DataFrame":
        """Aggregate over the tracks, as `aggregate` does."""
        import pandas as pd

        none: tuple[Numbers, npt.NDArray[np.float64]] = (
            np.empty(0, np.int64),
            np.empty((0, 1 + len(COUNTS))),
        )
        of_tracks = [self._of[index] for index in sorted(self._of)] or [none]
        numbers = np.concatenate([numbers for numbers, _ in of_tracks])
        values = np.concatenate([values for _, values in of_tracks])
        columns: dict[str, Any] = {}
        for place, column in enumerate(KEYS):
            names = [key[place] for key in self._rows]
            codes, kinds = pd.factorize(np.array(names, object))
            columns[column] = pd.Categorical.from_codes(codes[numbers], pd.Index(kinds))
        columns["score"] = values[:, 0]
        columns |= zip(COUNTS, values[:, 1:].T.astype(np.int64), strict=True)
        table = pd.DataFrame(columns)
        return over_tracks(table).astype(dict.fromkeys(KEYS, "str"))


def tidy(rows: Iterable[Row]) -> "DataFrame":
    """Make a table of scores from rows like those of ``scores.csv``."""
    # Imported late: `import oracle` stays quick.
    import pandas as pd

    table = pd.DataFrame(list(rows), columns=list(SCORE_COLUMNS))
    types: dict[str, Any] = dict.fromkeys(SCORE_COLUMNS[:5], "str")
    return table.astype(types | dict.fromkeys(SCORE_COLUMNS[5:], np.float64))


def _number(text: str) -> float:
    return float(text or "nan")


# Python parses numbers exactly; pandas may be off in the last digit.
NUMBERS: dict[str, Callable[[str], Any]] = {"time": _number, "duration": _number, "score": float}


def read_scores(path: str | Path) -> "DataFrame":
    """Read a ``scores.csv``, exactly as it was written.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    scores : DataFrame
        Names are text, even that of a track called ``nan``; times and scores are float64.

    Raises
    ------
    ValueError
        If the file has other columns, or text in place of numbers.
    """
    # Imported late: `import oracle` stays quick.
    import pandas as pd

    with open(path, encoding="utf-8", newline="") as file:
        header = next(csv.reader(file), [])
    if tuple(header) != SCORE_COLUMNS:
        raise ValueError(f"{path} must have columns {', '.join(SCORE_COLUMNS)}, got {header}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # of values left out
            table = pd.read_csv(
                path,
                dtype=dict.fromkeys(SCORE_COLUMNS[:5], "str"),
                converters=NUMBERS,
                keep_default_na=False,
                index_col=False,
                encoding="utf-8",
            )
    except (ValueError, pd.errors.ParserWarning) as error:
        raise ValueError(f"{path} must hold one score per row, got {error}") from error
    return table.astype(dict.fromkeys(SCORE_COLUMNS[5:], np.float64))


def museval_json(scores: Iterable[Score], oracle_version: str) -> str:
    """Format the framewise scores of a track and method as museval does.

    Parameters
    ----------
    scores : iterable of Score
        Scores of every target. Only museval's metrics are written; those not computed, and
        infinite ones, are NaN, as in museval's files.
    oracle_version : str
        Version of this package.

    Returns
    -------
    text : str
        JSON with NaN, which museval's stores read.
    """
    frames: dict[str, dict[float, dict[str, float]]] = {}
    for score in scores:
        if score.metric in MUSEVAL and score.time is not None:
            target = frames.setdefault(score.target, {})
            target.setdefault(score.time, {})[score.metric] = score.score
    targets = [
        {
            "name": name,
            "frames": [
                {
                    "time": time,
                    "duration": WINDOW,
                    "metrics": {m: _rounded(values.get(m)) for m in MUSEVAL},
                }
                for time, values in target.items()
            ],
        }
        for name, target in frames.items()
    ]
    return json.dumps({"targets": targets, "oracle_version": oracle_version}, indent=2)


def _rounded(value: float | None) -> float:
    return round(value, 5) if value is not None and np.isfinite(value) else np.nan


def csv_text(columns: Sequence[str], rows: Iterable[Row]) -> str:
    """Format rows as CSV: None is empty, floats have all digits or are ``nan`` or ``inf``."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()
