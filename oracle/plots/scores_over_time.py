"""Scores over time: those of one track's windows, below the ceiling."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from oracle.metrics.metric import Metric
from oracle.plots.panels import entitle, find_figure
from oracle.plots.score_panels import ScorePanels, style_lines
from oracle.plots.score_tables import (
    find_ceiling,
    find_metric,
    label_scores,
    list_methods,
    list_targets,
    select_scores,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame


def plot_scores_over_time(
    scores: "DataFrame",
    *,
    metric: Metric | str = "SDR",
    systems: Sequence[str] = (),
    ceiling: str | None = None,
    axes: Any = None,
) -> "Figure":
    """Plot the scores of the windows of one track: a panel for each target, a line a method.

    Each window is a level as long as the window. Windows without a finite score are gaps.

    Parameters
    ----------
    scores : DataFrame
        Scores of one track, with the columns of ``scores.csv``.
    metric : Metric or str, optional
        The metric to plot; it must have scores of windows.
    systems : sequence of str, optional
        Methods that come first in the legend.
    ceiling : str, optional
        The method to draw black; by default the first ceiling of the table, if it has one. ""
        draws none.
    axes : Axes or array of Axes, optional
        As in `plot_boxes`.

    Returns
    -------
    figure : Figure

    Raises
    ------
    ValueError
        If the table lacks the metric, has several tracks or no windows, or there are too few
        axes.
    ImportError
        If matplotlib is not installed.
    """
    known = find_metric(metric)
    shown = select_scores(scores, known)
    n_tracks = len(shown[["subset", "track"]].drop_duplicates())
    if n_tracks > 1:
        raise ValueError(f"scores must be those of one track, got {n_tracks}: select one")
    if shown["time"].isna().any():
        raise ValueError(f"metric must have scores of windows, got {known.name!r}: of whole tracks")
    top = find_ceiling(shown, ceiling)
    styles = style_lines(list_methods(shown, systems), top)
    targets = list_targets(shown)
    panels = ScorePanels(targets, styles, columns=2, width=3.4).make(axes)
    for panel, target in zip(panels, targets, strict=True):
        of_target = shown[shown["target"] == target]
        for method, style in styles.items():
            times, levels = _draw_levels(of_target[of_target["method"] == method])
            panel.plot(times, levels, label=method, **style)
        entitle(panel, target, "time (s)", label_scores(known))
        panel.grid(alpha=0.3)
    return find_figure(panels)


def _draw_levels(windows: "DataFrame") -> tuple[Any, Any]:
    """Make a line of the scores of windows, broken where there are none."""
    windows = windows.sort_values("time")
    starts = windows["time"].to_numpy(float)
    levels = windows["score"].where(np.isfinite(windows["score"])).to_numpy(float)
    ends = starts + windows["duration"].to_numpy(float)
    following = np.append(starts[1:], np.inf)
    ends = np.minimum(ends, following)  # windows may overlap
    breaks = np.where(following > ends + 1e-3, np.nan, levels)
    times = np.stack([starts, ends, ends], axis=-1)
    return times.ravel(), np.stack([levels, levels, breaks], axis=-1).ravel()
