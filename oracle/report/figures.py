"""Figures of the waltz report, drawn from a masked track, with their titles and captions."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from oracle import plots, residuals
from oracle.plots import Captioned
from oracle.report.masked_track import MaskedTrack
from oracle.report.tables import N_LAGS
from oracle.residuals import Correlogram, FrequencySeries

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# What 0 dB is in all figures of spectra but one.
OF_SOURCES = "dB re the loudest bin of the sources"


def list_figures(track: MaskedTrack) -> dict[str, Captioned]:
    """List the figures by name."""
    return _list_spectrograms(track) | _list_signals(track) | _list_series(track)


def _list_spectrograms(track: MaskedTrack) -> dict[str, Captioned]:
    """List the figures over time and frequency."""
    loudest = float(np.abs(track.spectra).max())
    over_time: dict[str, Any] = {"rate": track.rate, "hop_length": track.stft.hop_length}
    stft = _describe_stft(track)

    def plot_spectrograms(spectra: npt.NDArray[Any], what: str) -> "Figure":
        label = f"{what} ({OF_SOURCES})"
        each = track.named(spectra)
        return plots.plot_spectrograms(each, reference=loudest, label=label, **over_time)

    return {
        "mixture": Captioned(
            lambda: plots.plot_spectrograms(
                {"mixture": track.mixture_spectrum},
                reference=loudest,
                label=f"magnitude ({OF_SOURCES})",
                **over_time,
            ),
            "Mixture",
            f"This is the magnitude of the mixture's {stft}. 0 dB is the loudest bin of the "
            "sources, as in the figures of the sources, the estimates and the STFT residuals. "
            "The brighter a bin, the more there is for masks to share out.",
        ),
        "sources": Captioned(
            lambda: plot_spectrograms(track.spectra, "magnitude"),
            "Sources",
            f"Each panel shows the magnitude of a true source's {stft}. 0 dB is the loudest bin "
            "of the sources. Where several sources are bright at once, they interfere.",
        ),
        "masks": Captioned(
            lambda: plots.plot_masks(track.named(track.masks), **over_time),
            "Masks",
            "Each panel shows the mask of a source, abs(source) / max(abs(mixture), "
            f"abs(source)), from the {stft}. White bins of the mixture pass unchanged; the "
            "darker the red, the more the mask attenuates them. No mask amplifies.",
        ),
        "estimates": Captioned(
            lambda: plot_spectrograms(track.estimated_spectra, "magnitude"),
            "Estimates",
            f"Each panel shows the magnitude of an estimate: the mixture's {stft}, times the "
            "mask of the source. 0 dB is the loudest bin of the sources. The mask gives an "
            "estimate the magnitude of its source wherever the mixture has that much, so this "
            "figure looks like that of the sources. The phase, which it does not show, remains "
            "that of the mixture.",
        ),
        "residuals": Captioned(
            lambda: plot_spectrograms(track.estimated_spectra - track.spectra, "STFT residual"),
            "STFT residuals",
            "Each panel shows the STFT residual of an estimate: the magnitude of the complex "
            f"difference, abs(estimate - source), in the {stft}. 0 dB is the loudest bin of the "
            "sources, as in their figure. It holds the errors of magnitude and of phase. "
            f"{_describe_phase_shares(track)}",
        ),
        "magnitude-residuals": Captioned(
            lambda: plots.plot_spectrograms(
                track.named(track.magnitude_residuals),
                label="magnitude residual (dB re the loudest bin of all panels)",
                **over_time,
            ),
            "Magnitude residuals",
            "Each panel shows the magnitude residual of an estimate: the difference of "
            f"magnitudes, abs(abs(estimate) - abs(source)), in the {stft}. Errors of phase do "
            f"not show. {_describe_magnitude_residuals(track)}",
        ),
        "phase": Captioned(
            lambda: plots.plot_residual_over_phase(
                track.named(track.estimated_spectra - track.spectra),
                track.named(track.phase_errors),
                label="STFT residual",
                **over_time,
            ),
            "STFT residuals over phase errors",
            f"Grey is the phase error: how far the phase of an estimate's {stft} is from the "
            "source's. It is white where the phase is right, and where the source is more than "
            "60 dB below its loudest bin. On top, in colour, is the STFT residual, abs(estimate "
            "- source), where it is at most 40 dB below the loudest bin of all panels. Colours "
            "amid dark grey suggest errors of phase.",
        ),
    }


def _list_signals(track: MaskedTrack) -> dict[str, Captioned]:
    """List the figures of signals and of correlation over lags."""
    return {
        "waveforms": Captioned(
            lambda: plots.plot_waveforms(
                track.named(track.references), track.named(track.estimates), rate=track.rate
            ),
            "Waveforms",
            "Each panel shows, from top to bottom, a source in mono, its estimate, and the "
            "waveform residual, estimate - source. All rows of all panels have one scale, in "
            "which full scale is 1. A residual that is small beside its source means a high SNR.",
        ),
        "autocorrelation": Captioned(
            lambda: _plot_correlograms(track, residuals.autocorrelation),
            "Autocorrelation of the waveform residuals",
            "Bars show the correlation of each waveform residual, estimate - source, with "
            f"itself 0 to {N_LAGS} samples later. White noise would leave the 95 % confidence "
            "band at about one lag in twenty, lag 0 apart. A residual that leaves it more often "
            "is not white noise.",
        ),
        "partial-autocorrelation": Captioned(
            lambda: _plot_correlograms(track, residuals.partial_autocorrelation),
            "Partial autocorrelation of the waveform residuals",
            "Bars show the correlation of each waveform residual, estimate - source, with "
            f"itself 0 to {N_LAGS} samples later, as far as the samples in between do not "
            "explain it. White noise would leave the 95 % confidence band at about one lag in "
            "twenty, lag 0 apart. The lags that stand out are those from which the next sample "
            "can be predicted.",
        ),
    }


def _list_series(track: MaskedTrack) -> dict[str, Captioned]:
    """List the figures over frequency."""
    return {
        "coherence": Captioned(
            lambda: plots.plot_coherence(
                _split_series(track.coherence, track.targets),
                label="coherence of source\nand estimate",
            ),
            "Coherence of sources and estimates",
            "Each panel shows the magnitude-squared coherence of a source with its own "
            "estimate, by Welch's method. It is 1 where the estimate is a filtered version of "
            "the source. It is near 0 where they are unrelated: where others drown the source, "
            "or where it has no power.",
        ),
        "periodograms": Captioned(
            lambda: plots.plot_periodograms(_split_series(track.periodograms, track.targets)),
            "Periodograms of the waveform residuals",
            "Each panel shows the power of a waveform residual, estimate - source, at each "
            "frequency, over the whole track. 0 dB is a mean square of 1, and full scale is 1. "
            "An estimate errs most at the frequencies of the highest peaks.",
        ),
        "smoothed-periodograms": Captioned(
            lambda: plots.plot_smoothed_periodograms(
                _split_series(track.smoothed_periodograms, track.targets)
            ),
            "Smoothed periodograms of the waveform residuals",
            "Each panel shows the power of a waveform residual, estimate - source, averaged "
            f"over {track.n_smoothed} neighbouring frequencies and converted to dB. In each "
            "panel, 0 is the lowest of these levels and 1 is the highest. Compare the shapes of "
            "panels, not their heights.",
        ),
        "cross-spectra": Captioned(
            lambda: plots.plot_cross_spectra(
                track.cross_spectra,
                track.sources,
                smoothed=_split_series(track.smoothed_periodograms, track.sources),
            ),
            "Cross-spectra of the waveform residuals",
            "Coloured lines, on the left axis, show the cross-spectrum of a panel's waveform "
            "residual, estimate - source, with that of each other source, normalised to "
            "magnitude-squared coherence. Where it is high, the two residuals share a signal. "
            "The dotted line, on the right axis, shows the smoothed power of the panel's own "
            "residual. Coherence matters most where that is high.",
        ),
    }


def _describe_stft(track: MaskedTrack) -> str:
    stft = track.stft
    window = stft.window if isinstance(stft.window, str) else stft.window[0]
    return f"STFT (in mono; n_fft {stft.n_fft}, hop {stft.hop_length}, {window} window)"


def _describe_phase_shares(track: MaskedTrack) -> str:
    shares = track.named(100 * track.phase_shares)
    heard = {name: float(share) for name, share in shares.items() if np.isfinite(share)}
    if not heard:
        return "Here there are none."
    least, most = min(heard, key=heard.__getitem__), max(heard, key=heard.__getitem__)
    if least == most:
        return f"Phase accounts for {heard[most]:.0f} % of its energy."
    extremes = f"{heard[least]:.0f} % ({least}) to {heard[most]:.0f} % ({most})"
    return f"Phase accounts for {extremes} of its energy."


def _describe_magnitude_residuals(track: MaskedTrack) -> str:
    n_targets = len(track.targets)
    mixture, sources = np.abs(track.mixture_spectrum), np.abs(track.spectra[:n_targets])
    loudest = np.abs(track.magnitude_residuals[:n_targets]).max()
    share = f"{100 * np.mean(sources <= mixture):.0f} % of the bins"
    if loudest == 0:
        return "Here there are no others."
    below = 20 * np.log10(np.abs(track.spectra).max() / loudest)
    return (
        f"It is zero, black, where the mixture is at least as loud as the source, in {share}. "
        "Elsewhere the mask stops at 1, and the estimate is too quiet. 0 dB is the loudest bin of "
        f"all panels, {below:.0f} dB below that of the sources."
    )


def _plot_correlograms(track: MaskedTrack, correlate: Callable[..., Correlogram]) -> "Figure":
    each = {
        name: correlate(signal, n_lags=N_LAGS)
        for name, signal in track.named(track.residuals).items()
    }
    return plots.plot_correlograms(each, label=correlate.__name__.replace("_", " "))


def _split_series(series: FrequencySeries, names: Sequence[str]) -> dict[str, FrequencySeries]:
    rows = zip(names, series.values, strict=False)
    return {name: FrequencySeries(series.frequencies, row) for name, row in rows}
