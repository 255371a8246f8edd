"""Figures of the waltz report, drawn from a masked track."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from oracle import plots, residuals
from oracle.report.masked_track import MaskedTrack
from oracle.report.tables import N_LAGS
from oracle.residuals import Correlogram, FrequencySeries

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def list_figures(track: MaskedTrack) -> dict[str, Callable[[], "Figure"]]:
    """List the figures: a function that draws each, by name."""
    loudest = float(np.abs(track.spectra).max()) or None
    over_time: dict[str, Any] = {"rate": track.rate, "hop_length": track.stft.hop_length}

    def plot_spectrograms(spectra: npt.NDArray[Any]) -> "Figure":
        return plots.plot_spectrograms(track.named(spectra), reference=loudest, **over_time)

    return {
        "mixture": lambda: plots.plot_spectrograms(
            {"mixture": track.mixture_spectrum}, reference=loudest, **over_time
        ),
        "sources": lambda: plot_spectrograms(track.spectra),
        "masks": lambda: plots.plot_masks(track.named(track.masks), **over_time),
        "estimates": lambda: plot_spectrograms(track.estimated_spectra),
        "residuals": lambda: plot_spectrograms(track.magnitude_residuals),
        "waveforms": lambda: plots.plot_waveforms(
            track.named(track.references), track.named(track.estimates), rate=track.rate
        ),
        "coherence": lambda: plots.plot_coherence(_split_series(track.coherence, track.targets)),
        "periodograms": lambda: plots.plot_periodograms(
            _split_series(track.periodograms, track.targets)
        ),
        "smoothed-periodograms": lambda: plots.plot_smoothed_periodograms(
            _split_series(track.smoothed_periodograms, track.targets)
        ),
        "cross-spectra": lambda: plots.plot_cross_spectra(
            track.cross_spectra,
            track.sources,
            smoothed=_split_series(track.smoothed_periodograms, track.sources),
        ),
        "autocorrelation": lambda: _plot_correlograms(track, residuals.autocorrelation),
        "partial-autocorrelation": lambda: _plot_correlograms(
            track, residuals.partial_autocorrelation
        ),
        "phase": lambda: plots.plot_residual_over_phase(
            track.named(track.estimated_spectra - track.spectra),
            track.named(track.phase_errors),
            **over_time,
        ),
    }


def _plot_correlograms(track: MaskedTrack, correlate: Callable[..., Correlogram]) -> "Figure":
    each = {
        name: correlate(signal, n_lags=N_LAGS)
        for name, signal in track.named(track.residuals).items()
    }
    return plots.plot_correlograms(each, label=correlate.__name__.replace("_", " "))


def _split_series(series: FrequencySeries, names: Sequence[str]) -> dict[str, FrequencySeries]:
    rows = zip(names, series.values, strict=False)
    return {name: FrequencySeries(series.frequencies, row) for name, row in rows}
