"""Figures of series over frequency: coherence, periodograms, cross-spectra."""

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from oracle.plots.panels import (
    COLOURS,
    COLUMN,
    add_legend,
    check_mapping,
    check_positive,
    entitle,
    find_figure,
    make_panels,
)
from oracle.residuals import FrequencySeries, cross_coherence

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Lowest frequency shown, in Hz; nothing below it is audible.
LOWEST = 20.0
# Neighbours to average in the curves of cross-spectra.
SMOOTHING = 10

# When the colours repeat, the lines are dashed.
LINES = ("-", "--")
OWN: Mapping[str, Any] = {"color": "black", "linestyle": ":"}
SMOOTHED = "smoothed power\n(0: lowest, 1: highest)"


def plot_coherence(
    coherences: Mapping[str, FrequencySeries], *, label: str = "coherence", axes: Any = None
) -> "Figure":
    """Plot coherence over frequency.

    Parameters
    ----------
    coherences : mapping from str to FrequencySeries
        Results of `oracle.residuals.coherence` for two signals, by panel title.
    label : str, optional
        Label of the vertical axis.
    axes : Axes or array of Axes, optional
        The axes to draw on, one per panel; by default those of a new figure.

    Returns
    -------
    figure : Figure

    Raises
    ------
    TypeError
        If an argument that must be a mapping is not.
    ValueError
        If a series holds more than one signal, or there are too few axes.
    ImportError
        If matplotlib is not installed.
    """
    check_mapping("coherences", coherences)
    return _plot_from_0_to_1(coherences, label, axes)


def plot_periodograms(
    periodograms: Mapping[str, FrequencySeries], *, span: float = 120.0, axes: Any = None
) -> "Figure":
    """Plot periodograms in dB; 0 dB is a mean square of 1, in the units of the signals.

    Parameters
    ----------
    periodograms : mapping from str to FrequencySeries
        Results of `oracle.residuals.periodogram` for one signal each, by panel title.
    span : float, optional
        The range of all panels: from the largest power down to `span` dB below it.
    axes : Axes or array of Axes, optional
        As in `plot_coherence`.

    Returns
    -------
    figure : Figure

    Raises
    ------
    TypeError
        If an argument that must be a mapping is not.
    ValueError
        If a series holds more than one signal, there are too few axes, or the span is not
        positive.
    ImportError
        If matplotlib is not installed.
    """
    check_mapping("periodograms", periodograms)
    check_positive("span", span)
    series = {name: _check_series(name, each) for name, each in periodograms.items()}
    panels = make_panels(periodograms, axes)
    top = 10 * np.log10(max(float(each.values.max()) for each in series.values()) or 1.0)
    for panel, (name, (frequencies, powers)) in zip(panels, series.items(), strict=True):
        with np.errstate(divide="ignore"):
            levels = np.maximum(10 * np.log10(powers), top - span)
        panel.plot(frequencies, levels, color=COLOURS[0], linewidth=0.2, rasterized=True)
        _show_frequencies(panel, name, frequencies, "power\n(dB re mean square 1)")
        panel.set_ylim(top - span, top)
    return find_figure(panels)


def plot_smoothed_periodograms(
    smoothed: Mapping[str, FrequencySeries], *, axes: Any = None
) -> "Figure":
    """Plot smoothed periodograms: levels in dB, normalised to [0, 1].

    Parameters
    ----------
    smoothed : mapping from str to FrequencySeries
        Results of `oracle.residuals.smooth` for one signal each, by panel title.
    axes : Axes or array of Axes, optional
        As in `plot_coherence`.

    Returns
    -------
    figure : Figure

    Raises
    ------
    TypeError
        If an argument that must be a mapping is not.
    ValueError
        If a series holds more than one signal, or there are too few axes.
    ImportError
        If matplotlib is not installed.
    """
    check_mapping("smoothed", smoothed)
    return _plot_from_0_to_1(smoothed, SMOOTHED, axes)


def plot_cross_spectra(
    spectra: FrequencySeries,
    names: Sequence[str],
    *,
    smoothed: Mapping[str, FrequencySeries] | None = None,
    axes: Any = None,
) -> "Figure":
    """Plot the coherence of each residual with every other: one panel per source.

    The cross-spectra are normalised to coherence, 0 to 1, and averaged over 10 neighbours;
    the curves omit the lowest frequencies, which have too few.

    Parameters
    ----------
    spectra : FrequencySeries
        What `oracle.residuals.cross_spectra` returns.
    names : sequence of str
        Names of the sources, in order.
    smoothed : mapping from str to FrequencySeries, optional
        Periodograms of the residuals, normalised by `oracle.residuals.smooth`. They are drawn
        dotted, on an axis of their own at the right, to show where each residual has its power.
    axes : Axes or array of Axes, optional
        As in `plot_waveforms`.

    Returns
    -------
    figure : Figure

    Raises
    ------
    TypeError
        If an argument that must be a mapping is not.
    ValueError
        If names or shapes do not match, or there are too few axes.
    ImportError
        If matplotlib is not installed.
    """
    frequencies, values = spectra
    if values.shape != (len(names), len(names), len(frequencies)):
        raise ValueError(
            f"spectra must have shape (n_sources, n_sources, n_freqs) for {len(names)} names, "
            f"got {values.shape}"
        )
    if smoothed is not None:
        check_mapping("smoothed", smoothed)
        if smoothed.keys() != set(names):
            raise ValueError(
                f"smoothed must have the names of the sources, {', '.join(names)}, "
                f"got {', '.join(smoothed)}"
            )
    own = {name: _check_series(name, series) for name, series in (smoothed or {}).items()}
    panels = make_panels(names, axes)
    coherence = cross_coherence(spectra).values
    n_bins = min(SMOOTHING, len(frequencies))
    average = np.ones(n_bins) / n_bins
    centres = np.convolve(frequencies, average, "valid")
    styles = _choose_styles(names)
    for row, (panel, name) in enumerate(zip(panels, names, strict=True)):
        for column, other in enumerate(names):
            if column != row:
                curve = np.convolve(coherence[row, column], average, "valid")
                panel.plot(centres, curve, linewidth=0.8, **styles[other])
        _show_frequencies(panel, name, frequencies, "coherence\nof residuals")
        panel.set_ylim(0, 1.02)
        if own:
            panel.plot(*own[name], linewidth=0.8, **OWN)
            last = (row + 1) % COLUMN.columns == 0 or row + 1 == len(names)
            _add_axis_at_right(panel, SMOOTHED, labelled=last or axes is not None)
    if axes is None:
        add_legend(panels, styles | ({"own smoothed power": OWN} if own else {}))
    return find_figure(panels)


def _plot_from_0_to_1(several: Mapping[str, FrequencySeries], label: str, axes: Any) -> "Figure":
    series = {name: _check_series(name, each) for name, each in several.items()}
    panels = make_panels(series, axes)
    for panel, (name, (frequencies, values)) in zip(panels, series.items(), strict=True):
        panel.plot(frequencies, values, color=COLOURS[0], linewidth=0.5)
        _show_frequencies(panel, name, frequencies, label)
        panel.set_ylim(0, 1.02)
    return find_figure(panels)


def _show_frequencies(panel: "Axes", name: str, frequencies: npt.NDArray[Any], label: str) -> None:
    from matplotlib.ticker import EngFormatter

    panel.set_xscale("log")
    panel.xaxis.set_major_formatter(EngFormatter(sep=""))
    panel.set_xlim(LOWEST, frequencies[-1])
    entitle(panel, name, "frequency (Hz)", label)


def _add_axis_at_right(panel: "Axes", label: str, *, labelled: bool) -> None:
    """Add a second axis from 0 to 1, as the first, with a label of its own."""
    right = panel.secondary_yaxis("right")
    size = panel.yaxis.label.get_fontsize()
    right.tick_params(labelsize=size, labelright=labelled)
    right.set_ylabel(label if labelled else "", size=size)


def _choose_styles(names: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    """Choose a colour for each name; when they repeat, a style of line."""
    styles = zip(names, itertools.cycle(itertools.product(LINES, COLOURS)), strict=False)
    return {name: {"color": colour, "linestyle": line} for name, (line, colour) in styles}


def _check_series(name: str, series: FrequencySeries) -> FrequencySeries:
    if np.ndim(series.values) != 1:
        raise ValueError(f"{name} must have shape (n_freqs,), got {np.shape(series.values)}")
    return series
