"""Figures of scores: those that there are of a run or a comparison, with their captions."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from oracle.metrics.metric import Metric
from oracle.plots.box_plots import plot_boxes
from oracle.plots.captions import Captioned
from oracle.plots.scatters import plot_scores_against_bound
from oracle.plots.score_captions import (
    caption_boxes,
    caption_distances,
    caption_over_time,
    caption_scatter,
)
from oracle.plots.score_tables import are_drawn, list_methods, pair_scores, select_scores
from oracle.plots.scores_over_time import plot_scores_over_time
from oracle.plots.shown_tracks import ShownTrack, choose_track
from oracle.plots.sorted_distances import plot_sorted_distances
from oracle.results.tables import OverWindows

if TYPE_CHECKING:
    from pandas import DataFrame

# What figures there are of a metric: the beginnings of their names.
KINDS = ("boxes", "over-time", "scatter", "distances")


@dataclass(frozen=True, kw_only=True)
class Scores:
    """The scores that figures are drawn from.

    Parameters
    ----------
    tracks : DataFrame
        Scores of tracks, as `oracle.results.over_windows` returns them.
    read_windows : callable
        ``(subset, track) -> scores``: every score of a track, with the columns of ``scores.csv``.
    metrics : sequence of Metric
        The metrics to show.
    systems : sequence of str
        The methods that are not bounds.
    ceiling, bound : str or None
        The ceiling, and the bound to draw systems against; None if there is none.
    missing : sequence of str, optional
        Methods without scores by track, which cannot be drawn.
    windows : {"median", "mean"}, optional
        The statistic over the windows of a track.
    """

    tracks: "DataFrame"
    read_windows: Callable[[str, str], "DataFrame"]
    metrics: Sequence[Metric]
    systems: Sequence[str]
    ceiling: str | None
    bound: str | None
    missing: Sequence[str] = ()
    windows: OverWindows = "median"


class _Points(NamedTuple):
    """What box plots and scatters show: scores of tracks, or of the windows of the only one."""

    table: "DataFrame"
    kind: str
    n_points: int
    over: str


def list_score_figures(scores: Scores) -> dict[str, Captioned]:
    """List the figures of all metrics, by name.

    A metric has no figure if there is a single score for each method and target.
    """
    if scores.tracks.empty:
        return {}
    track = choose_track(
        scores.tracks, scores.metrics, systems=scores.systems, ceiling=scores.ceiling
    )
    of_track = scores.read_windows(track.subset, track.name)
    figures: dict[str, Captioned] = {}
    for metric in scores.metrics:
        if (scores.tracks["metric"] == metric.name).any():
            for name, figure in _list_of_metric(scores, metric, track, of_track):
                figures[f"{name}-{metric.name}"] = figure
    if not scores.missing:
        return figures
    unknown = f"Not drawn, as their scores by track are not known: {', '.join(scores.missing)}."
    return {
        name: replace(figure, caption=f"{figure.caption} {unknown}")
        for name, figure in figures.items()
    }


def _list_of_metric(
    scores: Scores, metric: Metric, track: ShownTrack, of_track: "DataFrame"
) -> Iterator[tuple[str, Captioned]]:
    tracks, windows = select_scores(scores.tracks, metric), _select_windows(of_track, metric)
    points = _choose_points(tracks, track, windows, scores.windows)
    methods = list_methods(tracks, scores.systems)
    systems, bound = [name for name in methods if name in scores.systems], scores.bound
    # A ceiling alone is drawn as a method.
    ceiling = scores.ceiling if scores.ceiling in methods and len(methods) > 1 else None
    below = systems or [name for name in methods if name != ceiling]
    table, over = points.table, points.over
    if points.n_points > 1:
        yield (
            "boxes",
            Captioned(
                lambda: plot_boxes(table, metric=metric, systems=systems, ceiling=ceiling or ""),
                f"{metric.name}: how the scores of each method are distributed",
                caption_boxes(table, metric, over, ceiling),
            ),
        )
    if windows is not None:
        yield (
            "over-time",
            Captioned(
                lambda: plot_scores_over_time(
                    windows, metric=metric, systems=systems, ceiling=ceiling or ""
                ),
                f"{metric.name} over time: {track.name}",
                caption_over_time(windows, metric, track, ceiling),
            ),
        )
    if bound is not None and _share_scores(table, systems, bound):
        yield (
            "scatter",
            Captioned(
                lambda: plot_scores_against_bound(
                    table, metric=metric, systems=systems, bound=bound
                ),
                f"{metric.name}: systems against {bound}",
                caption_scatter(table, metric, over, points.kind, systems, bound),
            ),
        )
    if ceiling is not None and points.kind == "track" and _share_scores(tracks, below, ceiling):
        yield (
            "distances",
            Captioned(
                lambda: plot_sorted_distances(
                    tracks, metric=metric, methods=below, ceiling=ceiling
                ),
                f"{metric.name}: distance to {ceiling}, by track",
                caption_distances(tracks, metric, over, below, ceiling),
            ),
        )


def _share_scores(points: "DataFrame", systems: Sequence[str], bound: str) -> bool:
    """Tell whether some system and the bound have several points in common."""
    pairs = (pair_scores(points, system, bound) for system in systems)
    drawn = (pair[are_drawn(pair["score"], pair["other_score"])] for pair in pairs)
    return any(pair.groupby("target").size().max() > 1 for pair in drawn)


def _select_windows(of_track: "DataFrame", metric: Metric) -> "DataFrame | None":
    """Select the scores of windows; None if the metric has only scores of the whole track."""
    if not (of_track["metric"] == metric.name).any():
        return None
    windows = select_scores(of_track, metric)
    return None if windows["time"].isna().any() else windows


def _choose_points(
    tracks: "DataFrame", track: ShownTrack, windows: "DataFrame | None", statistic: OverWindows
) -> _Points:
    known = tracks[["subset", "track"]].drop_duplicates()
    if len(known) == 1 and windows is not None:
        count = windows["time"].nunique()
        over = f"the {count} windows of the only track ({track.name})"
        return _Points(windows, "window", count, over)
    each = "" if windows is None else f" (each the {statistic} over the windows of the track)"
    return _Points(tracks, "track", len(known), f"{len(known)} tracks{each}")
