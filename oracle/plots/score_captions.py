"""Captions of the figures of scores: what is drawn, over what, and what is not drawn."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from oracle.metrics.metric import Metric
from oracle.plots.box_plots import REACH
from oracle.plots.score_tables import are_drawn, find_distances, pair_scores, tell_direction
from oracle.plots.shown_tracks import ShownTrack
from oracle.plots.sorted_distances import is_too_crowded

if TYPE_CHECKING:
    from pandas import DataFrame

EXCEED = "methods whose masks are not of its class may exceed it"


def caption_boxes(scores: "DataFrame", metric: Metric, over: str, ceiling: str | None) -> str:
    """Explain box plots.

    Parameters
    ----------
    scores : DataFrame
        What is drawn.
    metric : Metric
        The metric of the scores.
    over : str
        The tracks or windows that the scores are of.
    ceiling : str or None
        The ceiling, if it is drawn.
    """
    parts = [
        f"How the scores of {over} are distributed. A box spans the quartiles; the line in it is "
        "the median, and so is the number above the panel. Whiskers reach the furthest score "
        f"within {REACH:g} heights of the box; dots are scores beyond.",
    ]
    if ceiling is not None:
        parts.append(
            f"The green line is the median of {ceiling}, and the green band spans its quartiles; "
            f"{EXCEED}."
        )
    if scores.groupby(["method", "target"]).size().nunique() > 1:
        parts.append("Not every method has all of them.")
    infinite = np.isinf(scores["score"])
    if infinite.any():
        names = ", ".join(scores.loc[infinite, "method"].unique())
        parts.append(
            f"Infinite: {infinite.sum()} of {len(scores)} scores ({names}). They count in medians "
            "and quartiles but are not drawn; a box or line at infinity is at the edge of its "
            "panel."
        )
    n_nan = int(scores["score"].isna().sum())
    if n_nan:
        parts.append(f"NaN, which are left out: {n_nan} of {len(scores)} scores.")
    return _conclude(parts, metric)


def caption_over_time(
    scores: "DataFrame", metric: Metric, track: ShownTrack, ceiling: str | None
) -> str:
    """Explain scores over time; the arguments are those of `caption_boxes`."""
    why = f", {track.reason}" if track.reason else ""
    where = f" ({track.subset})" if track.subset else ""
    parts = [f"The score of each window of {track.name}{where}{why}."]
    if ceiling in set(scores["method"]):
        parts.append(f"{ceiling} is black; {EXCEED}.")
    n_nan, n_infinite = int(scores["score"].isna().sum()), int(np.isinf(scores["score"]).sum())
    if n_nan + n_infinite:
        parts.append(
            f"Not drawn, which leaves gaps: {n_nan} NaN and {n_infinite} infinite of "
            f"{len(scores)} scores."
        )
    return _conclude(parts, metric)


def caption_scatter(
    scores: "DataFrame", metric: Metric, over: str, kind: str, systems: Sequence[str], bound: str
) -> str:
    """Explain a scatter; `kind` is what a point is, a track or a window."""
    worse = "above" if metric.lower_is_better else "below"
    parts = [
        f"A point is a {kind}: its score by a system against its score by {bound}, for {over}. On "
        f"the line both are equal; {worse} it, the system is worse."
    ]
    pairs = [pair_scores(scores, system, bound) for system in systems]
    n_pairs = sum(map(len, pairs))
    n_drawn = sum(int(are_drawn(pair["score"], pair["other_score"]).sum()) for pair in pairs)
    if n_drawn < n_pairs:
        parts.append(
            f"Not drawn: {n_pairs - n_drawn} of {n_pairs} points, as a score is NaN or infinite."
        )
    return _conclude(parts, metric)


def caption_distances(
    scores: "DataFrame", metric: Metric, over: str, methods: Sequence[str], ceiling: str
) -> str:
    """Explain sorted distances of methods."""
    if is_too_crowded(scores, methods):
        order = "Each line has its own order, from its nearest track to its furthest"
    else:
        order = f"In each panel, tracks are sorted by the distance of {methods[0]}"
    parts = [
        f"How far each method is below {ceiling}, for {over}. {order}. Below 0, a method is above "
        f"the ceiling; {EXCEED}."
    ]
    distances = [find_distances(scores, method, ceiling)["distance"] for method in methods]
    n_all = sum(map(len, distances))
    n_drawn = sum(int(are_drawn(each).sum()) for each in distances)
    if n_drawn < n_all:
        parts.append(f"Not drawn: {n_all - n_drawn} of {n_all} distances, NaN or infinite.")
    return " ".join(parts)


def _conclude(parts: Sequence[str], metric: Metric) -> str:
    direction = tell_direction(metric)
    return " ".join([*parts, f"{direction[0].upper()}{direction[1:]}."])
