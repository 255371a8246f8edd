"""Tables of a comparison, laid out once for every format."""

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Literal, Protocol

from oracle.displays.pages import Grid
from oracle.metrics.metric import Metric
from oracle.optimal.named import CLASSES
from oracle.results.tables import EXPLAIN_INFINITE, OverWindows, has_infinite

if TYPE_CHECKING:
    from pandas import DataFrame, Series


class _Comparison(Protocol):
    """What is laid out, `oracle.Comparison`."""

    @property
    def scores(self) -> "DataFrame": ...

    @property
    def paired(self) -> "DataFrame": ...

    @property
    def distances(self) -> "DataFrame": ...

    @property
    def metrics(self) -> Mapping[str, Metric]: ...

    @property
    def systems(self) -> tuple[str, ...]: ...

    @property
    def against(self) -> str: ...

    @property
    def mask_class(self) -> str: ...

    @property
    def windows(self) -> OverWindows: ...

    @property
    def confidence(self) -> float: ...

    @property
    def notes(self) -> tuple[str, ...]: ...


def lay_out(comparison: _Comparison) -> Iterator[Grid | str]:
    """Lay out a comparison as the command prints it: tables, and notes below them."""
    yield from lay_out_tables(comparison)
    yield from comparison.notes


def lay_out_tables(comparison: _Comparison) -> Iterator[Grid]:
    """Lay out the tables of a comparison: scores, paired differences and distances by metric.

    If a system is the reference, differences of bounds are left out: distances show them.
    """
    for name in comparison.scores["metric"].unique():
        metric = comparison.metrics.get(name, Metric(name))
        yield _lay_out_scores(comparison, metric)
        paired = comparison.paired[comparison.paired["metric"] == name]
        if comparison.against in comparison.systems:  # distances show the bounds
            paired = paired[paired["method"].isin(comparison.systems)]
        if not paired.empty:
            yield _lay_out_paired(comparison, paired, metric)
        distances = comparison.distances[comparison.distances["metric"] == name]
        if not distances.empty:
            yield _lay_out_distances(comparison, distances, metric)


def _lay_out_scores(comparison: _Comparison, metric: Metric) -> Grid:
    table = comparison.scores[comparison.scores["metric"] == metric.name]
    targets = list(table["target"].unique())
    found = list(table["method"].unique())
    systems = [method for method in found if method in comparison.systems]
    methods = systems + [method for method in found if method not in systems]
    columns = {"tracks": "n_tracks", "windows": "n_windows", "NaN": "n_nan"}
    spoilt = has_infinite(table)
    columns |= {"inf": "n_inf"} if spoilt else {}
    rows = []
    for method in methods:
        of_method = table[table["method"] == method].set_index("target")
        cells = [
            _format_estimate(of_method.loc[t], metric) if t in of_method.index else ""
            for t in targets
        ]
        counts = (_format_counts(of_method[column]) for column in columns.values())
        rows.append([method, *cells, *counts])
    best = _find_best(table, systems, targets, "min" if metric.lower_is_better else "max")
    ranges = any("-" in cell for row in rows for cell in row[-len(columns) :])
    return Grid(
        key=f"scores-{metric.name}",
        title=metric.title,
        legend=f"{comparison.windows.capitalize()} over the windows of a track that are not NaN, "
        f"then median over tracks{_name_interval(comparison, table)}."
        + (" Lower is better." if metric.lower_is_better else "")
        + (f" {EXPLAIN_INFINITE}" if spoilt else "")
        + (" A range of counts means that they differ by target." if ranges else ""),
        header=["method", *targets, *columns],
        rows=rows,
        bold=best,
        rule=len(systems) if 0 < len(systems) < len(methods) else None,
    )


def _find_best(
    table: "DataFrame", systems: list[str], targets: list[str], best_is: Literal["min", "max"]
) -> set[tuple[int, int]]:
    """Find the best of several systems, target by target; bounds do not compete."""
    of_systems = table[table["method"].isin(systems)].dropna(subset="median")
    if len(systems) < 2:
        return set()
    best = of_systems.groupby("target")["median"].transform(best_is) == of_systems["median"]
    return {
        (systems.index(method), 1 + targets.index(target))
        for method, target in of_systems.loc[best, ["method", "target"]].itertuples(index=False)
    }


def _lay_out_paired(comparison: _Comparison, table: "DataFrame", metric: Metric) -> Grid:
    rows = [
        [
            row["method"],
            row["target"],
            *_format_difference(row, metric),
            _format_p_value(row["p_value"]),
        ]
        for _, row in table.iterrows()
    ]
    n_tests = int(table["p_value"].notna().sum())
    corrected = f"; not corrected for the number of tests, {n_tests} here" if n_tests else ""
    return Grid(
        key=f"paired-{metric.name}",
        title=f"{metric.name}: difference from {comparison.against}{_name_unit(metric)}",
        legend="Differences track by track, over the tracks where both have a score: median"
        f"{_name_interval(comparison, table)} and mean.{_explain_unpaired(table)} "
        f"p: Wilcoxon's signed-rank test, two-sided, without zeros{corrected}.",
        header=["method", "target", "tracks", "median", "mean", "p"],
        rows=rows,
        n_names=2,
    )


def _lay_out_distances(comparison: _Comparison, table: "DataFrame", metric: Metric) -> Grid:
    rows = [
        [
            row["method"],
            row["bound"],
            row["target"],
            *_format_difference(row, metric),
            _format_above(row),
        ]
        for _, row in table.iterrows()
    ]
    return Grid(
        key=f"distances-{metric.name}",
        title=f"{metric.name}: distance to the bounds{_name_unit(metric)}",
        legend="How much higher the bound is, track by track: "
        f"median{_name_interval(comparison, table)} and mean.{_explain_unpaired(table)} "
        "Above: the number of windows, or of tracks for metrics of whole tracks, in which the "
        f"system exceeds the ceiling. No mask ({CLASSES[comparison.mask_class].formula}) at that "
        "STFT can.",
        header=["system", "bound", "target", "tracks", "median", "mean", "above"],
        rows=rows,
        n_names=3,
    )


def _name_unit(metric: Metric) -> str:
    return f" in {metric.unit}" if metric.unit else ""


def _name_interval(comparison: _Comparison, table: "DataFrame") -> str:
    if table["median_low"].isna().all():  # one track
        return ""
    return f" [{100 * comparison.confidence:g} % bootstrap interval over tracks]"


def _explain_unpaired(table: "DataFrame") -> str:
    if table["paired"].all():
        return ""
    return " Unpaired: scores by track are unknown; differences of the medians and of the means."


def _format_difference(row: "Series", metric: Metric) -> list[str]:
    tracks = str(row["n_tracks"]) if row["paired"] else "unpaired"
    return [tracks, _format_estimate(row, metric), metric.format(row["mean"])]


def _format_estimate(row: "Series", metric: Metric) -> str:
    ends = (row["median_low"], row["median_high"])
    interval = "" if any(map(math.isnan, ends)) else " [{}, {}]".format(*map(metric.format, ends))
    return metric.format(row["median"]) + interval


def _format_p_value(value: float) -> str:
    if math.isnan(value):
        return ""
    return "<0.0001" if value < 1e-4 else f"{value:.4f}"


def _format_above(row: "Series") -> str:
    import pandas as pd

    return "" if pd.isna(row["n_above"]) else f"{row['n_above']} of {row['n_windows']}"


def _format_counts(counts: "Series") -> str:
    if counts.isna().all():  # not told by a published table
        return ""
    low, high = counts.min(), counts.max()
    return str(low) if low == high else f"{low}-{high}"
