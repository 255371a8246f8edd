"""Scatters: the scores of systems against those of a bound, track by track."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from oracle.metrics.metric import Metric
from oracle.plots.panels import COLOURS, entitle, find_figure
from oracle.plots.score_panels import ScorePanels, Style, wrap_name
from oracle.plots.score_tables import (
    are_drawn,
    check_methods,
    find_metric,
    list_targets,
    pair_scores,
    select_scores,
    tell_direction,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame

MARKERS = "osD^vPX"
MANY = 500  # points in a panel, which are then small


def plot_scores_against_bound(
    scores: "DataFrame",
    *,
    metric: Metric | str = "SDR",
    systems: Sequence[str],
    bound: str,
    axes: Any = None,
) -> "Figure":
    """Plot the scores of systems against those of a bound: a point for each track, or window.

    Where both score the same there is a diagonal. A track needs a finite score of both.

    Parameters
    ----------
    scores : DataFrame
        Scores of tracks or windows, as in `plot_boxes`; points are matched by the columns subset,
        track, time and duration, as far as there are.
    metric : Metric or str, optional
        The metric to plot.
    systems : sequence of str
        The methods of the vertical axis; each has a colour.
    bound : str
        The method of the horizontal axis.
    axes : Axes or array of Axes, optional
        As in `plot_boxes`.

    Returns
    -------
    figure : Figure

    Raises
    ------
    ValueError
        If the table lacks the metric, a system or the bound, or there are too few axes.
    ImportError
        If matplotlib is not installed.
    """
    known = find_metric(metric)
    shown = select_scores(scores, known)
    check_methods(shown, known, systems=systems, bound=[bound])
    targets = list_targets(shown)
    pairs = {}
    for system in systems:
        both = pair_scores(shown, system, bound)
        pairs[system] = both[are_drawn(both["score"], both["other_score"])]
    bound_scores = np.concatenate([both["other_score"] for both in pairs.values()])
    # A diagonal through 0 would stretch the axes to it.
    middle = float(np.median(bound_scores)) if len(bound_scores) else 0.0
    styles: dict[str, Style] = {
        system: {
            "color": COLOURS[place % len(COLOURS)],
            "marker": MARKERS[place // len(COLOURS) % len(MARKERS)],
            "linestyle": "",
            "markersize": 3,
            "markeredgewidth": 0,
        }
        for place, system in enumerate(systems)
    }
    panels = ScorePanels(targets, styles, width=2.2, height=2.0).make(axes)
    n_points = sum(map(len, pairs.values())) / len(targets)
    crowd = {"markersize": 1.2, "alpha": 0.5} if n_points > MANY else {"alpha": 0.7}
    for panel, target in zip(panels, targets, strict=True):
        for system, style in styles.items():
            drawn = pairs[system][pairs[system]["target"] == target]
            panel.plot(drawn["other_score"], drawn["score"], label=system, **{**style, **crowd})
        panel.axline((middle, middle), slope=1, color="black", linewidth=0.7, zorder=0)
        ylabel = f"{'system' if len(systems) > 1 else wrap_name(systems[0], 24)}: {known.label}"
        entitle(
            panel,
            target,
            f"{wrap_name(bound)}: {known.label}",
            f"{ylabel}\n{tell_direction(known)}",
        )
        panel.grid(alpha=0.3)
    return find_figure(panels)
