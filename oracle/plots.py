"""Figures from results, by matplotlib: ``pip install 'oracle-masks[plots]'``."""

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from oracle.methods import CEILING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from pandas import DataFrame

# Okabe & Ito's colours, which colour-blind readers can tell apart; black is the ceiling's.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#F0E442")
MARKERS = "osD^vPX"
LINES = ("-", "--", ":", "-.")

PANEL_SIZE = 3.2, 2.6  # inches
MAX_PANELS_IN_A_ROW = 3


def plot_sweep(
    table: "DataFrame",
    *,
    metric: str = "SDR",
    axes: Any = None,
) -> "Figure":
    """Plot a sweep: a metric against the window length, a panel a target.

    A colour is a method; the ceiling is black. A style of line is an overlap.

    Parameters
    ----------
    table : DataFrame
        What `oracle.compute_sweep` returns.
    metric : str, optional
        The metric, of which the median over tracks is plotted, in dB.
    axes : Axes or array of Axes, optional
        What to draw on, one for each target; those of a new figure by default, which also
        has a legend.

    Returns
    -------
    figure : Figure
        ``figure.savefig("sweep.pdf")`` writes it.

    Raises
    ------
    ValueError
        If the table is no sweep or does not have the metric, or there are too few axes.
    ImportError
        If matplotlib is not installed.
    """
    if not {"n_fft", "overlap", "metric"} <= set(table.columns):
        raise ValueError(
            f"table must be one of compute_sweep, got columns {', '.join(table.columns)}"
        )
    shown = table[table["metric"] == metric]
    if shown.empty:
        known = ", ".join(table["metric"].unique()) or "none"
        raise ValueError(f"metric must be one of the table's, {known}, got {metric!r}")
    targets = list(shown["target"].unique())
    panels = _new_panels(len(targets)) if axes is None else list(np.ravel(np.asarray(axes)))
    if len(panels) < len(targets):
        raise ValueError(f"axes must be one for each of {len(targets)} targets, got {len(panels)}")
    overlaps = list(shown["overlap"].unique())
    methods = list(shown["method"].unique())
    styles = {method: _style(place, method) for place, method in enumerate(methods)}
    lines = dict(zip(overlaps, LINES * len(overlaps), strict=False))
    for panel, target in zip(panels, targets, strict=False):
        curves = shown[shown["target"] == target].sort_values("n_fft")
        for (method, overlap), curve in curves.groupby(["method", "overlap"], sort=False):
            style = styles[method] | {"linestyle": lines[overlap]}
            label = f"{method}, {100 * overlap:g} % overlap" if len(overlaps) > 1 else method
            panel.plot(curve["n_fft"], curve["median"], label=label, **style)
        lengths = sorted(shown["n_fft"].unique())
        panel.set_xscale("log", base=2)
        panel.set_xticks(lengths, [str(length) for length in lengths])
        # A dollar would start mathematics.
        title = str(target).replace("$", r"\$")
        panel.set(title=title, xlabel="window (samples)", ylabel=f"{metric} (dB)")
        panel.grid(alpha=0.3)
    if axes is None:
        columns = min(len(targets), MAX_PANELS_IN_A_ROW)
        handles = [_key(method, **styles[method]) for method in methods]
        handles += [
            _key(f"{100 * overlap:g} % overlap", color="gray", linestyle=lines[overlap])
            for overlap in overlaps
        ]
        panels[0].figure.legend(handles=handles, loc="outside lower center", ncols=columns + 1)
    return cast("Figure", panels[0].figure)


def _style(place: int, method: str) -> dict[str, Any]:
    if method == CEILING.name:
        return {"color": "black", "linewidth": 2}
    return {
        "color": COLOURS[place % len(COLOURS)],
        # The second round of colours has other markers.
        "marker": MARKERS[(place + place // len(COLOURS)) % len(MARKERS)],
        "markersize": 4,
        "linewidth": 1.2,
    }


def _key(label: str, **style: Any) -> "Line2D":
    from matplotlib.lines import Line2D

    return Line2D([], [], label=label, **style)


def check_matplotlib() -> None:
    """Check that figures can be made, before the work that they are to show.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "matplotlib must be installed for figures: pip install 'oracle-masks[plots]'"
        ) from error


def _new_panels(count: int) -> "list[Axes]":
    check_matplotlib()
    from matplotlib.figure import Figure

    columns = min(count, MAX_PANELS_IN_A_ROW)
    rows = -(-count // columns)
    width, height = PANEL_SIZE
    figure = Figure(figsize=(width * columns, height * rows + 1), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False).ravel().tolist()
    for unused in grid[count:]:
        unused.remove()
    return list(grid[:count])
