"""Figures over time and frequency: spectrograms, masks, residuals over the phase error."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from oracle.plots.panels import (
    add_colours,
    check_librosa,
    check_mapping,
    check_positive,
    entitle,
    find_figure,
    make_panels,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Frequencies of the ticks in Hz, two octaves apart.
TICKS = (62.5, 250, 1000, 4000, 16000)

Spectra = Mapping[str, npt.NDArray[Any]]


def plot_spectrograms(
    spectra: Spectra,
    *,
    rate: int,
    hop_length: int,
    reference: float | None = None,
    span: float = 80.0,
    label: str | None = None,
    axes: Any = None,
) -> "Figure":
    """Plot magnitudes in dB over time and frequency: sources, estimates or residuals.

    Parameters
    ----------
    spectra : mapping from str to array of shape (n_freqs, n_frames), complex or real
        STFTs or their magnitudes, by panel title.
    rate : int
        Sampling rate in Hz.
    hop_length : int
        Hop of the STFT in samples.
    reference : float, optional
        The magnitude at 0 dB; by default the largest of all. Pass that of the sources to show
        estimates and residuals on the scale of the sources.
    span : float, optional
        The colours range from 0 to `-span` dB.
    label : str, optional
        Label of the colour scale; by default it says what 0 dB is.
    axes : Axes or array of Axes, optional
        The axes to draw on, one per panel; by default those of a new figure, which also has a
        colour scale.

    Returns
    -------
    figure : Figure

    Raises
    ------
    TypeError
        If an argument that must be a mapping is not.
    ValueError
        If an array has the wrong number of dimensions or is not finite, there are too few axes,
        or a number is not positive.
    ImportError
        If matplotlib or librosa is not installed.
    """
    check_librosa()
    magnitudes = _checked("spectra", spectra, rate, hop_length, span)
    panels = make_panels(spectra, axes)
    if label is None:
        zero = "the loudest bin of all panels" if reference is None else f"{reference:.3g}"
        label = f"magnitude (dB re {zero})"
    if reference is None:
        reference = max(float(values.max()) for values in magnitudes.values()) or 1.0
    check_positive("reference", reference)
    for panel, (name, values) in zip(panels, magnitudes.items(), strict=True):
        levels = _decibels(values / reference, -span)
        limits = {"vmin": -span, "vmax": 0, "cmap": "magma"}
        mesh = _draw(panel, name, levels, rate, hop_length, **limits)
    if axes is None:
        add_colours(panels, mesh, label)
    return find_figure(panels)


def plot_masks(
    masks: Spectra, *, rate: int, hop_length: int, span: float = 40.0, axes: Any = None
) -> "Figure":
    """Plot masks in dB over time and frequency.

    White is 0 dB, where the mixture passes unchanged; red attenuates, blue amplifies.

    Parameters
    ----------
    masks : mapping from str to array of shape (n_freqs, n_frames)
        Masks by panel title; negative and complex values are shown by their magnitude.
    rate : int
        Sampling rate in Hz.
    hop_length : int
        Hop of the STFT in samples.
    span : float, optional
        The colours range from `-span` to `span` dB. The colour scale of a new figure ends at
        0 dB if no mask exceeds 1.
    axes : Axes or array of Axes, optional
        As in `plot_spectrograms`.

    Returns
    -------
    figure : Figure

    Raises
    ------
    TypeError
        If an argument that must be a mapping is not.
    ValueError
        If an array has the wrong number of dimensions or is not finite, there are too few axes,
        or a number is not positive.
    ImportError
        If matplotlib or librosa is not installed.
    """
    check_librosa()
    gains = _checked("masks", masks, rate, hop_length, span)
    panels = make_panels(masks, axes)
    for panel, (name, gain) in zip(panels, gains.items(), strict=True):
        limits = {"vmin": -span, "vmax": span, "cmap": "RdBu"}
        mesh = _draw(panel, name, _decibels(gain, -span), rate, hop_length, **limits)
    if axes is None:
        scale = add_colours(panels, mesh, "gain (dB re the mixture)")
        if all(gain.max() <= 1 for gain in gains.values()):
            scale.ax.set_xlim(-span, 0)
    return find_figure(panels)


def plot_residual_over_phase(
    residuals: Spectra,
    phase_errors: Spectra,
    *,
    rate: int,
    hop_length: int,
    show_residual: bool = True,
    span: float = 40.0,
    label: str = "residual",
    axes: Any = None,
) -> "Figure":
    """Plot the loud part of residuals over the phase error that may explain it.

    In the background, in grey, is the magnitude of the phase error, white where the phase is
    right. On top, in colour, is the residual where it is at most `span` dB below the largest.

    Parameters
    ----------
    residuals : mapping from str to array of shape (n_freqs, n_frames), real or complex
        Residuals of spectra or of magnitudes, by panel title.
    phase_errors : mapping from str to array of shape (n_freqs, n_frames)
        Phase errors in radians, with the same names; NaN is white.
    rate : int
        Sampling rate in Hz.
    hop_length : int
        Hop of the STFT in samples.
    show_residual : bool, optional
        Whether the residual is visible, or the phase error alone; for an on/off switch.
    span : float, optional
        The colours of the residual range from its largest value down to `-span` dB.
    label : str, optional
        What the residual is called on its colour scale.
    axes : Axes or array of Axes, optional
        As in `plot_spectrograms`.

    Returns
    -------
    figure : Figure

    Raises
    ------
    TypeError
        If an argument that must be a mapping is not.
    ValueError
        If names or shapes differ, an array has the wrong number of dimensions, a residual is
        not finite, there are too few axes, or a number is not positive.
    ImportError
        If matplotlib or librosa is not installed.
    """
    check_librosa()
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap

    magnitudes = _checked("residuals", residuals, rate, hop_length, span)
    check_mapping("phase_errors", phase_errors)
    if residuals.keys() != phase_errors.keys():
        raise ValueError(
            f"phase_errors must have the names of residuals, {', '.join(residuals)}, "
            f"got {', '.join(phase_errors)}"
        )
    for name, values in magnitudes.items():
        if np.shape(phase_errors[name]) != values.shape:
            raise ValueError(
                f"phase_errors[{name!r}] must have the shape of the residual, {values.shape}, "
                f"got {np.shape(phase_errors[name])}"
            )
    panels = make_panels(residuals, axes)
    loudest = max(float(values.max()) for values in magnitudes.values()) or 1.0
    # Skip the palest colours, which would vanish on white.
    strong = colormaps["YlOrRd"](np.linspace(0.3, 1, 256))
    see_through = ListedColormap(strong).with_extremes(under=(0, 0, 0, 0))
    for panel, (name, values) in zip(panels, magnitudes.items(), strict=True):
        error = np.nan_to_num(np.abs(phase_errors[name]))
        # Up to twice the largest error: a light grey, so that colours stand out.
        limits: dict[str, Any] = {"vmin": 0, "vmax": 2 * np.pi, "cmap": "Greys"}
        grey = _draw(panel, name, error, rate, hop_length, **limits)
        levels = _decibels(values / loudest, -2 * span)
        limits = {"vmin": -span, "vmax": 0, "cmap": see_through}
        colour = _draw(panel, name, levels, rate, hop_length, **limits)
        colour.set_visible(show_residual)
    if axes is None:
        scale = add_colours(panels, grey, "phase error (rad)")
        scale.set_ticks([0, np.pi / 2, np.pi], labels=["0", "π/2", "π"])
        scale.ax.set_xlim(0, np.pi)
        add_colours(panels, colour, f"{label} (dB re the loudest bin of all panels)")
    return find_figure(panels)


def _draw(
    panel: "Axes",
    name: str,
    values: npt.NDArray[Any],
    rate: int,
    hop_length: int,
    **colours: Any,
) -> Any:
    from librosa.display import specshow
    from matplotlib.ticker import EngFormatter, MaxNLocator, ScalarFormatter

    mesh = specshow(
        values,
        sr=rate,
        hop_length=hop_length,
        n_fft=2 * (values.shape[0] - 1),
        x_axis="time",
        y_axis="log",
        ax=panel,
        rasterized=True,  # or a PDF would store every bin
        **colours,
    )
    panel.set_yticks([tick for tick in TICKS if tick < rate / 2], minor=False)
    panel.yaxis.set_major_formatter(EngFormatter(sep=""))
    panel.xaxis.set_major_locator(MaxNLocator(4))
    panel.xaxis.set_major_formatter(ScalarFormatter())
    entitle(panel, name, "time (s)", "frequency (Hz)")
    return mesh


def _decibels(magnitudes: npt.NDArray[Any], floor: float) -> npt.NDArray[Any]:
    with np.errstate(divide="ignore"):
        levels: npt.NDArray[Any] = np.maximum(20 * np.log10(magnitudes), floor)
    return levels


def _checked(
    argument: str, spectra: Spectra, rate: int, hop_length: int, span: float
) -> dict[str, npt.NDArray[Any]]:
    """Check the spectra and the settings; return magnitudes."""
    check_mapping(argument, spectra)
    check_positive("rate", rate)
    check_positive("hop_length", hop_length)
    check_positive("span", span)
    magnitudes = {name: np.abs(np.asarray(values)) for name, values in spectra.items()}
    for name, values in magnitudes.items():
        if values.ndim != 2 or min(values.shape) < 1 or len(values) < 2:
            raise ValueError(f"{name} must have shape (n_freqs, n_frames), got {values.shape}")
        if not np.isfinite(values).all():
            raise ValueError(f"{name} must be finite, got NaN or infinity")
    return magnitudes
