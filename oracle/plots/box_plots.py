"""Box plots: how the scores of each method are distributed, below the ceiling."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from oracle.metrics.metric import Metric
from oracle.plots.panels import COLOURS, entitle, find_figure, plain
from oracle.plots.score_panels import CHARACTER, FONT_SIZE, LINE, ScorePanels, Style, wrap_name
from oracle.plots.score_tables import (
    find_ceiling,
    find_metric,
    label_scores,
    list_methods,
    list_targets,
    select_scores,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from pandas import DataFrame

SYSTEM, BOUND, CEILING = COLOURS[5], "#C8C8C8", COLOURS[2]
THICK = 5.0  # in points, of the boxes in the legend

LONGEST = 26  # characters of a line of a method's name
SLOT = 0.28  # inches for a box: as wide as a median with two decimals
REACH = 1.5  # of whiskers, in heights of the box (Tukey 1977)

Values = npt.NDArray[np.float64]


def plot_boxes(
    scores: "DataFrame",
    *,
    metric: Metric | str = "SDR",
    systems: Sequence[str] = (),
    ceiling: str | None = None,
    axes: Any = None,
) -> "Figure":
    """Plot how scores are distributed: a panel for each target, a box for each method.

    A box spans the quartiles, its line is the median, and so is the number above it. Whiskers
    reach the furthest score within 1.5 heights of the box; scores beyond are dots. The ceiling is
    a line, its median, in a band, its quartiles. Infinite scores count in medians and quartiles;
    what lies at infinity is drawn at the edge of the panel.

    Parameters
    ----------
    scores : DataFrame
        Scores of tracks, as `oracle.results.over_windows` returns them, or of windows, with the
        columns of ``scores.csv``: method, target, metric and score are read.
    metric : Metric or str, optional
        The metric to plot.
    systems : sequence of str, optional
        Methods to draw first, in blue. All others are grey.
    ceiling : str, optional
        The method to draw as a band; by default the first ceiling of the table, if it has one.
        "" draws none.
    axes : Axes or array of Axes, optional
        The axes to draw on, one per target; by default those of a new figure, which also has a
        legend.

    Returns
    -------
    figure : Figure

    Raises
    ------
    ValueError
        If the table lacks the metric, or there are too few axes.
    ImportError
        If matplotlib is not installed.
    """
    known = find_metric(metric)
    shown = select_scores(scores, known)
    band = find_ceiling(shown, ceiling)
    methods = [name for name in list_methods(shown, systems) if name != band] or [str(band)]
    targets, labels = list_targets(shown), [wrap_name(name, LONGEST) for name in methods]
    panels = ScorePanels(
        targets,
        _list_keys([name in systems for name in methods], band),
        width=max(4.5, 0.55 + len(methods) * _slot(labels)),
        height=1.5,
        columns=1,
        below=CHARACTER * max(len(line) for label in labels for line in label.split("\n")),
    ).make(axes)
    low, high = _find_limits(shown["score"].to_numpy(float))
    colours = [SYSTEM if name in systems else BOUND for name in methods]
    for panel, target in zip(panels, targets, strict=True):
        of_target = shown[shown["target"] == target]
        values = [_scores_of(of_target, name) for name in methods]
        boxes = np.array([find_quartiles(each) for each in values])
        _draw_boxes(panel, np.clip(boxes, low, high), values, colours)
        if band is not None:
            bottom, middle, top = np.clip(find_quartiles(_scores_of(of_target, band)), low, high)
            panel.axhspan(bottom, top, color=CEILING, alpha=0.3, linewidth=0, zorder=0)
            panel.axhline(middle, color=CEILING, linewidth=1.2, zorder=1)
        for place, median in enumerate(boxes[:, 1]):
            panel.annotate(
                known.format(median),
                (place, 1.02),
                xycoords=("data", "axes fraction"),
                ha="center",
                fontsize=FONT_SIZE - 1.5,
                annotation_clip=False,
            ).set_in_layout(False)
        panel.title.set_text("")
        entitle(panel, wrap_name(target), "", label_scores(known))
        # The title is above the numbers.
        panel.set_title(panel.get_title(), fontsize=panel.title.get_fontsize(), pad=10)
        panel.set_xticks(range(len(methods)), [plain(label) for label in labels], rotation=90)
        panel.set(xlim=(-0.6, len(methods) - 0.4), ylim=(low, high))
        panel.grid(axis="y", alpha=0.3)
        panel.tick_params(axis="x", length=0)
    return find_figure(panels)


def find_quartiles(values: Values) -> Values:
    """Find the quartiles and the median between them; infinite values count, NaN do not.

    Returns
    -------
    quartiles : array of shape (3,), float64
        NaN if there are no values.
    """
    known = values[~np.isnan(values)]
    if not len(known):
        return np.full(3, np.nan)
    # Between a finite and an infinite value lies infinity, not NaN.
    quartiles = np.percentile(np.clip(known, -1e300, 1e300), [25, 50, 75])
    return np.where(np.abs(quartiles) > 1e290, np.copysign(np.inf, quartiles), quartiles)


def _list_keys(are_systems: Sequence[bool], ceiling: str | None) -> dict[str, Style]:
    keys: dict[str, Style] = {}
    if any(are_systems):
        keys["system"] = {"color": SYSTEM, "linewidth": THICK}
    if not all(are_systems):
        keys["bound"] = {"color": BOUND, "linewidth": THICK}
    if ceiling is not None:
        keys[f"{ceiling}: median"] = {"color": CEILING, "linewidth": 1.2}
        keys[f"{ceiling}: quartiles"] = {"color": CEILING, "alpha": 0.3, "linewidth": THICK}
    return keys


def _slot(labels: Sequence[str]) -> float:
    return max(SLOT, LINE * (1 + max(label.count("\n") for label in labels)))


def _scores_of(table: "DataFrame", method: str) -> Values:
    return table.loc[table["method"] == method, "score"].to_numpy(np.float64)


def _find_limits(values: Values) -> tuple[float, float]:
    finite = values[np.isfinite(values)]
    if not len(finite):
        return 0.0, 1.0
    low, high = float(finite.min()), float(finite.max())
    margin = 0.05 * (high - low) or 1.0
    return low - margin, high + margin


def _draw_boxes(
    panel: "Axes", boxes: Values, values: Sequence[Values], colours: Sequence[str]
) -> None:
    """Draw boxes, whiskers and the scores beyond, of all methods at once."""
    places = np.arange(len(boxes))
    bottoms, medians, tops = boxes.T
    heights = tops - bottoms
    style: dict[str, Any] = {"edgecolor": "black", "linewidth": 0.5, "zorder": 2}
    panel.bar(places, heights, 0.64, bottom=bottoms, color=list(colours), **style)
    panel.hlines(medians, places - 0.32, places + 0.32, color="black", linewidth=1.6, zorder=3)
    whiskers, dots = [], []
    for place, (each, bottom, top) in enumerate(zip(values, bottoms, tops, strict=True)):
        finite = each[np.isfinite(each)]
        reach = REACH * (top - bottom)
        is_within = (finite >= bottom - reach) & (finite <= top + reach)
        if is_within.any():
            low, high = finite[is_within].min(), finite[is_within].max()
            whiskers += [(place, min(low, bottom), bottom), (place, top, max(high, top))]
        dots += [(place, score) for score in finite[~is_within]]
    if whiskers:
        panel.vlines(*np.transpose(whiskers), color="black", linewidth=0.6, zorder=2)
    if dots:
        panel.plot(*np.transpose(dots), "k.", markersize=1.5, zorder=2)
