"""Figures of signals over time."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from oracle.plots.panels import (
    COLOURS,
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
    from matplotlib.figure import Figure

WAVES: Mapping[str, Mapping[str, Any]] = {
    "source": {"color": "silver"},
    "estimate": {"color": COLOURS[0], "alpha": 0.5},
    "residual": {"color": COLOURS[4]},
}


def plot_waveforms(
    references: Mapping[str, Audio],
    estimates: Mapping[str, Audio] | None = None,
    *,
    rate: int,
    axes: Any = None,
) -> "Figure":
    """Plot the envelopes of signals over time, with their estimates and residuals on top.

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
    panels = make_panels(references, axes)
    for panel, (name, signals) in zip(panels, drawn.items(), strict=True):
        for label, audio in signals.items():
            style = WAVES[label] if estimates is not None else {"color": COLOURS[0]}
            # Thin, because outlines would widen the envelope.
            waveshow(audio, sr=rate, ax=panel, linewidth=0.3, rasterized=True, **style)
        panel.xaxis.set_major_locator(MaxNLocator(4))
        panel.xaxis.set_major_formatter(ScalarFormatter())
        entitle(panel, name, "time (s)", "amplitude")
        panel.set_xlim(0, max(signals["source"].size for signals in drawn.values()) / rate)
    if axes is None and estimates is not None:
        add_legend(panels, WAVES)
    return find_figure(panels)


def _check_signal(name: str, audio: Audio) -> npt.NDArray[Any]:
    signal = np.asarray(audio, np.float64)
    if signal.ndim != 1 or signal.size == 0:
        raise ValueError(f"{name} must have shape (n_samples,), got {signal.shape}")
    if not np.isfinite(signal).all():
        raise ValueError(f"{name} must be finite, got NaN or infinity")
    return signal
