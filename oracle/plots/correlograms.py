"""Figures of correlation over lags."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from oracle.plots.panels import (
    COLOURS,
    add_legend,
    check_mapping,
    entitle,
    find_figure,
    make_panels,
)
from oracle.residuals import Correlogram

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_correlograms(
    correlograms: Mapping[str, Correlogram], *, label: str = "autocorrelation", axes: Any = None
) -> "Figure":
    """Plot correlation over lags, with the 95 % confidence band around zero.

    Parameters
    ----------
    correlograms : mapping from str to Correlogram
        Results of `oracle.residuals.autocorrelation` or `partial_autocorrelation` for one
        signal each, by panel title.
    label : str, optional
        Label of the vertical axis.
    axes : Axes or array of Axes, optional
        The axes to draw on, one per panel; by default those of a new figure, which also has a
        legend.

    Returns
    -------
    figure : Figure

    Raises
    ------
    TypeError
        If an argument that must be a mapping is not.
    ValueError
        If a correlogram holds more than one signal, or there are too few axes.
    ImportError
        If matplotlib is not installed.
    """
    check_mapping("correlograms", correlograms)
    for name, (values, _) in correlograms.items():
        if np.ndim(values) != 1:
            raise ValueError(f"{name} must have shape (n_lags + 1,), got {np.shape(values)}")
    panels = make_panels(correlograms, axes)
    for panel, (name, (values, band)) in zip(panels, correlograms.items(), strict=True):
        lags = np.arange(len(values))
        panel.vlines(lags, 0, values, color=COLOURS[0], linewidth=0.4)
        # On top, with an edge: for long signals the band is narrower than a line.
        panel.fill_between(lags, -band, band, color=COLOURS[1], linewidth=0.5, zorder=3)
        entitle(panel, name, "lag (samples)", label)
        panel.set_ylim(-1.05, 1.05)
    if axes is None:
        keys = (label, "95 % confidence band")
        styles = zip(keys, COLOURS, strict=False)
        add_legend(panels, {key: {"color": colour} for key, colour in styles})
    return find_figure(panels)
