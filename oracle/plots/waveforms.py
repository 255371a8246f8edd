"""Figures of signals over time."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from oracle.plots.panels import (
    COLOURS,
    COLUMN,
    add_legend,
    check_librosa,
    check_mapping,
    check_positive,
    entitle,
    find_figure,
    make_panels,
)
from oracle.tracks.track import Audio

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# The rows of a panel, from the top: nothing covers anything.
WAVES: Mapping[str, Mapping[str, Any]] = {
    "source": {"color": "gray"},
    "estimate": {"color": COLOURS[0]},
    "residual": {"color": COLOURS[4]},
}
ROW = 2.1  # from one row to the next, in peaks
PANELS = replace(COLUMN, height=2.4)  # has room for three rows


def plot_waveforms(
    references: Mapping[str, Audio],
    estimates: Mapping[str, Audio] | None = None,
    *,
    rate: int,
    axes: Any = None,
) -> "Figure":
    """Plot the envelopes of signals over time, with their estimates and residuals below them.

    With estimates, a panel has three rows on one scale: source, estimate, and estimate - source.

    Parameters
    ----------
    references : mapping from str to array of shape (n_samples,)
        Sources, or residuals, by panel title.
    estimates : mapping from str to array of shape (n_samples,), optional
        Estimates with the same names.
    rate : int
        Sampling rate in Hz.
    axes : Axes or array of Axes, optional
        The axes to draw on, one per panel; by default those of a new figure, which also has a
        legend if there are estimates.

    Returns
    -------
    figure : Figure

    Raises
    ------
    TypeError
        If an argument that must be a mapping is not.
    ValueError
        If names or lengths differ, a signal is empty, is not finite or has the wrong number of
        dimensions, there are too few axes, or the rate is not positive.
    ImportError
        If matplotlib or librosa is not installed.
    """
    check_librosa()
    from librosa.display import waveshow
    from matplotlib.ticker import MaxNLocator, ScalarFormatter
    from matplotlib.transforms import Affine2D

    check_mapping("references", references)
    if estimates is not None:
        check_mapping("estimates", estimates)
        if estimates.keys() != references.keys():
            raise ValueError(
                f"estimates must have the names of references, {', '.join(references)}, "
                f"got {', '.join(estimates)}"
            )
    check_positive("rate", rate)
    drawn = {name: {"source": _check_signal(name, audio)} for name, audio in references.items()}
    for name, estimate in (estimates or {}).items():
        source, guess = drawn[name]["source"], _check_signal(name, estimate)
        if guess.shape != source.shape:
            raise ValueError(
                f"estimates[{name!r}] must be as long as the source, {source.size} samples, "
                f"got {guess.size}"
            )
        drawn[name] |= {"estimate": guess, "residual": guess - source}
    panels = make_panels(references, axes, layout=COLUMN if estimates is None else PANELS)
    peak = max(np.abs(audio).max() for signals in drawn.values() for audio in signals.values())
    for panel, (name, signals) in zip(panels, drawn.items(), strict=True):
        for row, (label, audio) in enumerate(signals.items()):
            style: dict[str, Any] = {"color": COLOURS[0]} if estimates is None else {**WAVES[label]}
            if row > 0:
                style["transform"] = Affine2D().translate(0, -ROW * row * peak) + panel.transData
            # Thin, because outlines would widen the envelope.
            waveshow(audio, sr=rate, ax=panel, linewidth=0.3, rasterized=True, **style)
        panel.xaxis.set_major_locator(MaxNLocator(4))
        panel.xaxis.set_major_formatter(ScalarFormatter())
        entitle(panel, name, "time (s)", "amplitude")
        if estimates is not None:
            _mark_rows(panel, float(peak) or 1.0)
        panel.set_xlim(0, max(signals["source"].size for signals in drawn.values()) / rate)
    if axes is None and estimates is not None:
        add_legend(panels, WAVES)
    return find_figure(panels)


def _mark_rows(panel: "Axes", peak: float) -> None:
    """Mark zero, and a round amplitude to both sides of it, in each row."""
    from matplotlib.ticker import Formatter

    power = 10.0 ** np.floor(np.log10(0.8 * peak))
    amplitude = max(step * power for step in (1, 2, 5) if step * power <= 0.8 * peak)
    marks = (-amplitude, 0, amplitude)
    rows = [-ROW * row * peak for row in range(len(WAVES))]
    panel.set_yticks(
        [row + mark for row in rows for mark in marks],
        [Formatter.fix_minus(f"{mark:g}") for mark in marks] * len(rows),
    )
    panel.set_ylim(rows[-1] - ROW / 2 * peak, ROW / 2 * peak)


def _check_signal(name: str, audio: Audio) -> npt.NDArray[Any]:
    signal = np.asarray(audio, np.float64)
    if signal.ndim != 1 or signal.size == 0:
        raise ValueError(f"{name} must have shape (n_samples,), got {signal.shape}")
    if not np.isfinite(signal).all():
        raise ValueError(f"{name} must be finite, got NaN or infinity")
    return signal
