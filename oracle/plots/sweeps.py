"""Figures of sweeps: a metric against window length."""

from typing import TYPE_CHECKING, Any

from oracle.methods import CEILINGS
from oracle.metrics.named import BUILT_IN, read_metrics
from oracle.plots.panels import COLOURS, Layout, add_legend, find_figure, make_panels, plain
from oracle.results.results import Results

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame

MARKERS = "osD^vPX"
LINES = ("-", "--", ":", "-.")

# For a page or a screen, with room for tick labels at each panel.
PANELS = Layout(columns=3, width=3.2, height=2.6, margin=1.0, shared=False, font_size=10)


def plot_sweep(
    sweep: "Results | DataFrame",
    *,
    metric: str = "SDR",
    axes: Any = None,
) -> "Figure":
    """Plot a sweep: a metric against window length, with one panel per target.

    Each method has its own colour and marker. Ceilings are black; all but the first have a
    marker. Each overlap has its own line style.

    Parameters
    ----------
    sweep : Results or DataFrame
        What `oracle.compute_sweep` returns, or its `table`.
    metric : str, optional
        The metric to plot: its median over tracks.
    axes : Axes or array of Axes, optional
        The axes to draw on, one per target; by default those of a new figure, which also has a
        legend.

    Returns
    -------
    figure : Figure
        ``figure.savefig("sweep.pdf")`` writes it.

    Raises
    ------
    ValueError
        If the table is not a sweep, lacks the metric, or there are too few axes.
    ImportError
        If matplotlib is not installed.
    """
    table = sweep.table if isinstance(sweep, Results) else sweep
    if not {"n_fft", "overlap", "metric"} <= set(table.columns):
        raise ValueError(
            f"sweep must come from compute_sweep, got columns {', '.join(table.columns)}"
        )
    shown = table[table["metric"] == metric]
    if shown.empty:
        known = ", ".join(table["metric"].unique()) or "none"
        raise ValueError(f"metric must be one of the table's, {known}, got {metric!r}")
    known_metrics = read_metrics(sweep.settings) if isinstance(sweep, Results) else BUILT_IN
    label = known_metrics[metric].label if metric in known_metrics else metric
    targets = list(shown["target"].unique())
    panels = make_panels(targets, axes, layout=PANELS)
    overlaps = list(shown["overlap"].unique())
    methods = list(shown["method"].unique())
    ceilings = [method for method in methods if method in CEILINGS]
    styles = {
        method: _ceiling_style(ceilings.index(method)) if method in ceilings else _style(place)
        for place, method in enumerate(methods)
    }
    lines = dict(zip(overlaps, LINES * len(overlaps), strict=False))
    for panel, target in zip(panels, targets, strict=False):
        curves = shown[shown["target"] == target].sort_values("n_fft")
        for (method, overlap), curve in curves.groupby(["method", "overlap"], sort=False):
            style = styles[method] | {"linestyle": lines[overlap]}
            curve_label = f"{method}, {100 * overlap:g} % overlap" if len(overlaps) > 1 else method
            panel.plot(curve["n_fft"], curve["median"], label=curve_label, **style)
        lengths = sorted(shown["n_fft"].unique())
        panel.set_xscale("log", base=2)
        panel.set_xticks(lengths, [str(length) for length in lengths])
        panel.set(title=plain(str(target)), xlabel="window (samples)", ylabel=label)
        panel.grid(alpha=0.3)
    if axes is None:
        keys = {f"{100 * overlap:g} % overlap": lines[overlap] for overlap in overlaps}
        in_gray = {label: {"color": "gray", "linestyle": line} for label, line in keys.items()}
        columns = min(len(targets), PANELS.columns) + 1
        add_legend(panels, styles | in_gray, columns=columns, layout=PANELS)
    return find_figure(panels)


def _ceiling_style(place: int) -> dict[str, Any]:
    marked = {"marker": MARKERS[place - 1], "markersize": 6} if place > 0 else {}
    return {"color": "black", "linewidth": 2, **marked}


def _style(place: int) -> dict[str, Any]:
    return {
        "color": COLOURS[place % len(COLOURS)],
        # When the colours repeat, shift the markers.
        "marker": MARKERS[(place + place // len(COLOURS)) % len(MARKERS)],
        "markersize": 4,
        "linewidth": 1.2,
    }
