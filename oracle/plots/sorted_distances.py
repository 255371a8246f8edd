"""Sorted distances: how far methods are below the ceiling, track by track."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from oracle.metrics.metric import Metric
from oracle.plots.panels import entitle, find_figure
from oracle.plots.score_panels import ScorePanels, style_lines
from oracle.plots.score_tables import (
    check_methods,
    find_ceiling,
    find_distances,
    find_metric,
    list_methods,
    list_targets,
    select_scores,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame, Index, Series

FEW = 200  # so many points in a panel can be told apart


def plot_sorted_distances(
    scores: "DataFrame",
    *,
    metric: Metric | str = "SDR",
    methods: Sequence[str] | None = None,
    ceiling: str | None = None,
    axes: Any = None,
) -> "Figure":
    """Plot the distance to the ceiling of each track: a panel for each target, a line a method.

    In each panel, tracks are sorted by the distance of the first method; those in which it has no
    finite one come last, and other lines without one have a gap. If tracks times methods are more
    than 200, each line is sorted by itself: lines in one order would hide each other.

    Parameters
    ----------
    scores : DataFrame
        Scores of tracks, as `oracle.results.over_windows` returns them.
    metric : Metric or str, optional
        The metric to plot.
    methods : sequence of str, optional
        The methods to plot; by default all but the ceiling.
    ceiling : str, optional
        The ceiling; by default the first of the table.
    axes : Axes or array of Axes, optional
        As in `plot_boxes`.

    Returns
    -------
    figure : Figure

    Raises
    ------
    ValueError
        If the table lacks the metric, a ceiling of it or a method, or there are too few axes.
    ImportError
        If matplotlib is not installed.
    """
    known = find_metric(metric)
    shown = select_scores(scores, known)
    top = find_ceiling(shown, ceiling)
    if top is None:
        raise ValueError(
            f"ceiling must have scores of {known.name}, got {ceiling or 'no ceiling in the table'}"
        )
    chosen = [name for name in list_methods(shown, ()) if name != top]
    if methods is not None:
        check_methods(shown, known, methods=methods)
        chosen = list(methods)
    targets, styles = list_targets(shown), style_lines(chosen)
    panels = ScorePanels(targets, styles, columns=3).make(axes)
    distances = {name: find_distances(shown, name, top) for name in chosen}
    is_crowded = is_too_crowded(shown, chosen)
    for panel, target in zip(panels, targets, strict=True):
        of_target = {
            name: table[table["target"] == target].set_index(["subset", "track"])["distance"]
            for name, table in distances.items()
        }
        order = _sort_tracks(of_target)
        for name, style in styles.items():
            values = of_target[name].reindex(order).to_numpy(float)
            values = np.where(np.isfinite(values), values, np.nan)
            marker = "" if is_crowded else "o"
            if is_crowded:
                values = np.sort(values)  # NaN come last
            places = np.arange(1, len(values) + 1)
            panel.plot(places, values, label=name, marker=marker, markersize=2, **style)
        panel.axhline(0, color="black", linewidth=1.4, zorder=0)
        unit = f" in {known.unit}" if known.unit else ""
        entitle(
            panel,
            target,
            "tracks, sorted by line" if is_crowded else "tracks, sorted",
            f"{known.name} below {top}{unit}\nlower is closer",
        )
        panel.grid(alpha=0.3)
    return find_figure(panels)


def is_too_crowded(scores: "DataFrame", methods: Sequence[str]) -> bool:
    """Tell whether there are too many points for lines in one order of tracks."""
    return len(scores[["subset", "track"]].drop_duplicates()) * len(methods) > FEW


def _sort_tracks(distances: "Mapping[str, Series]") -> "Index":
    """Sort all tracks by the distance of the first method; those without one come last."""
    import pandas as pd

    table = pd.DataFrame(dict(enumerate(distances.values())))
    return table[0].replace([np.inf, -np.inf], np.nan).sort_values(kind="stable").index
