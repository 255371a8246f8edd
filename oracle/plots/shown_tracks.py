"""Shown tracks: which of several tracks has its windows shown, and why."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from oracle.metrics.metric import Metric
from oracle.plots.score_tables import are_drawn, find_distances, list_methods, select_scores

if TYPE_CHECKING:
    from pandas import DataFrame, Series


class ShownTrack(NamedTuple):
    """The track whose windows are shown, and why; the reason is empty if there is no other."""

    subset: str
    name: str
    reason: str


def choose_track(
    tracks: "DataFrame",
    metrics: Sequence[Metric],
    *,
    systems: Sequence[str] = (),
    ceiling: str | None = None,
) -> ShownTrack:
    """Choose the track furthest below the ceiling, or the worst if there is no ceiling.

    The distance is that of the first system, or else of the first method, in the first of the
    metrics that the ceiling has; of any target.

    Parameters
    ----------
    tracks : DataFrame
        Scores of tracks, as `oracle.results.over_windows` returns them.
    metrics : sequence of Metric
        In order of preference.
    systems : sequence of str, optional
        The methods that are not bounds.
    ceiling : str, optional
        The ceiling.
    """
    known = tracks[["subset", "track"]].drop_duplicates()
    subset, name = map(str, known.iloc[0])
    if len(known) == 1:
        return ShownTrack(subset, name, "")
    several = [metric for metric in metrics if (tracks["metric"] == metric.name).any()]
    scores = {metric: select_scores(tracks, metric) for metric in several}
    for find in (_find_furthest, _find_worst):
        for metric, table in scores.items():
            methods = [name for name in list_methods(table, systems) if name != ceiling]
            found = find(table, metric, methods[0], ceiling) if methods else None
            if found is not None:
                row, reason = found
                return ShownTrack(
                    row["subset"], row["track"], f"the track of {len(known)} in which {reason}"
                )
    return ShownTrack(subset, name, f"the first of {len(known)} tracks")


def _find_furthest(
    scores: "DataFrame", metric: Metric, method: str, ceiling: str | None
) -> "tuple[Series, str] | None":
    """Find where a method is furthest below the ceiling."""
    if ceiling is None:
        return None
    distances = find_distances(scores, method, ceiling)
    distances = distances[are_drawn(distances["distance"])]
    if distances.empty:
        return None
    row = distances.iloc[int(distances["distance"].to_numpy().argmax())]
    value = _write(metric, row["distance"])
    return row, (
        f"{method} is furthest below {ceiling} ({row['target']}: {metric.name} {value} below)"
    )


def _find_worst(
    scores: "DataFrame", metric: Metric, method: str, ceiling: str | None
) -> "tuple[Series, str] | None":
    """Find where a method has the worst score."""
    finite = scores[(scores["method"] == method) & are_drawn(scores["score"])]
    if finite.empty:
        return None
    values = finite["score"].to_numpy()
    row = finite.iloc[int(values.argmax() if metric.lower_is_better else values.argmin())]
    value = _write(metric, row["score"])
    return row, f"{method} has the worst {metric.name} ({row['target']}: {value})"


def _write(metric: Metric, value: float) -> str:
    return f"{metric.format(value)} {metric.unit}".rstrip()
