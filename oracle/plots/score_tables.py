"""Tables of scores, as figures need them: the scores of a metric, by method, target and track."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from oracle.methods import CEILINGS
from oracle.metrics.energy_ratios import PERFECT_DB
from oracle.metrics.metric import Metric
from oracle.metrics.named import BUILT_IN
from oracle.metrics.names import ENERGY_RATIOS

if TYPE_CHECKING:
    from pandas import DataFrame

# What tells the scores of a method and target apart, in tables of tracks and of windows.
PLACES = ("subset", "track", "time", "duration")


def find_metric(metric: Metric | str) -> Metric:
    """Find out what is known of a metric that may be given by name."""
    return metric if isinstance(metric, Metric) else BUILT_IN.get(metric, Metric(metric))


def label_scores(metric: Metric) -> str:
    """Label an axis of scores: the metric, its unit, and which scores are good."""
    return f"{metric.label}\n{tell_direction(metric)}"


def tell_direction(metric: Metric) -> str:
    """Tell which scores are good."""
    return "lower is better" if metric.lower_is_better else "higher is better"


def select_scores(scores: "DataFrame", metric: Metric) -> "DataFrame":
    """Select the scores of a metric; those that count as infinite in tables are infinite.

    Raises
    ------
    ValueError
        If it has none.
    """
    shown = scores[scores["metric"] == metric.name]
    if shown.empty:
        known = ", ".join(map(str, scores["metric"].unique())) or "none"
        raise ValueError(f"metric must be one of the table's, {known}, got {metric.name!r}")
    names = [name for name in ("subset", "track", "method", "target") if name in shown]
    shown = shown.astype(dict.fromkeys(names, "str"))
    if metric.name in ENERGY_RATIOS:
        shown["score"] = shown["score"].mask(shown["score"] > PERFECT_DB, np.inf)
    return shown


def list_methods(scores: "DataFrame", systems: Sequence[str]) -> list[str]:
    """List the methods: the systems first, in their order, then all others."""
    found = [str(method) for method in scores["method"].unique()]
    return [*(s for s in systems if s in found), *(m for m in found if m not in systems)]


def find_ceiling(scores: "DataFrame", ceiling: str | None) -> str | None:
    """Find the ceiling: the one named, or else the first; None if it has no score."""
    found = list_methods(scores, ())
    wanted = CEILINGS if ceiling is None else (ceiling,)
    return next((method for method in found if method in wanted), None)


def list_targets(scores: "DataFrame") -> list[str]:
    """List the targets, in their order."""
    return [str(target) for target in scores["target"].unique()]


def pair_scores(scores: "DataFrame", method: str, other: str) -> "DataFrame":
    """Pair the scores of two methods by target and track, or window.

    Returns
    -------
    pairs : DataFrame
        The columns target, score and other_score, and what tells tracks or windows apart.
    """
    keys = ["target", *(place for place in PLACES if place in scores)]
    # museval's files and ours may differ in the last digits of a time.
    rounded = scores.round({place: 3 for place in ("time", "duration") if place in scores})
    one, two = (
        rounded.loc[rounded["method"] == name, [*keys, "score"]] for name in (method, other)
    )
    return one.merge(two.rename(columns={"score": "other_score"}), on=keys)


def find_distances(scores: "DataFrame", method: str, ceiling: str) -> "DataFrame":
    """Find how far a method is below the ceiling, by target and track, or window.

    Returns
    -------
    distances : DataFrame
        As `pair_scores`, with the column distance. It is NaN where both are infinite.
    """
    pairs = pair_scores(scores, method, ceiling)
    with np.errstate(invalid="ignore"):
        return pairs.assign(distance=pairs["other_score"] - pairs["score"])


def are_drawn(*columns: Any) -> npt.NDArray[np.bool_]:
    """Tell which rows can be drawn: those in which each of these columns is finite."""
    values = np.stack([np.asarray(column, np.float64) for column in columns])
    return np.asarray(np.isfinite(values).all(axis=0))


def check_methods(scores: "DataFrame", metric: Metric, **named: Sequence[str]) -> None:
    """Check that methods have scores.

    Raises
    ------
    ValueError
        If one has none; the message names the argument that names it.
    """
    known = list_methods(scores, ())
    for argument, methods in named.items():
        for method in methods:
            if method not in known:
                raise ValueError(
                    f"{argument} must be among the methods with scores of {metric.name}, "
                    f"{', '.join(known)}, got {method!r}"
                )
