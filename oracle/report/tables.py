"""Tables of the waltz report: scores, norms and findings of a masked track, and degradations."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from oracle import residuals
from oracle.metrics import scale_invariant_ratios
from oracle.metrics.energy_ratios import Float64s
from oracle.report.degradations import score_degradations
from oracle.report.masked_track import REST, MaskedTrack
from oracle.report.published import MISCOMPUTED, SCORES
from oracle.tracks.track import Audio

if TYPE_CHECKING:
    from pandas import DataFrame

# Number of lags to test and show autocorrelation at.
N_LAGS = 100


def compute_scores(track: MaskedTrack) -> "DataFrame":
    """Compute the scores of `oracle.WaltzReport`."""
    ratios = _compute_ratios(track, track.estimates)
    alphas = np.einsum("jt,jt->j", track.references, track.estimates)
    with np.errstate(invalid="ignore"):  # silent sources
        alphas /= np.square(track.references).sum(axis=1)
        miscomputed = ratios["SNR"] + (ratios["SD-SDR"] - ratios["SNR"]) / 10
    table = _make_table(track, {**ratios, MISCOMPUTED: miscomputed, "alpha": alphas})
    return add_mean(table)


def compute_norms(track: MaskedTrack) -> "DataFrame":
    """Compute the norms of the residuals."""
    norms = {
        "waveform": residuals.norms(track.residuals),
        "STFT": residuals.norms(track.estimated_spectra - track.spectra),
        "magnitude": residuals.norms(track.magnitude_residuals),
    }
    squared = residuals.norms(track.magnitude_residuals**2)
    columns = {
        f"{norm} {what}": values
        for what, of in norms.items()
        for norm, values in zip(("L1", "L2"), of, strict=True)
    }
    return _make_table(track, {**columns, "MSE": squared.l2, "l1": squared.l1})


def compute_findings(track: MaskedTrack) -> "DataFrame":
    """Compute what the residuals consist of."""
    contested = residuals.contested_share(track.spectra, track.stft.forward(track.residuals))
    true_magnitudes = residuals.with_phase_of(track.mixture_spectrum, track.spectra)
    allowed = _compute_ratios(track, track.invert(true_magnitudes))["SNR"]
    whiteness = residuals.whiteness(track.residuals, n_lags=N_LAGS)
    autocorrelation = residuals.autocorrelation(track.residuals, n_lags=1).values[:, 1]
    return _make_table(
        track,
        {
            "residual in contested bins (%)": 100 * contested.residual,
            "source in contested bins (%)": 100 * contested.source,
            "contested bins (%)": 100 * contested.bins,
            "error due to phase (%)": 100 * track.phase_shares,
            "SNR of true magnitudes (dB)": allowed,
            "coherence with the source": _average_coherence_with_source(track),
            "coherence with other residuals": _average_coherence_with_others(track),
            "autocorrelation at lag 1": autocorrelation,
            f"Ljung-Box Q, {N_LAGS} lags": whiteness.statistic,
            "p-value of white noise": whiteness.p_value,
        },
    )


def compute_degradations(track: MaskedTrack) -> "DataFrame":
    """Score the sources that are not silent, spoilt in three ways."""
    heard = {
        name: audio[np.newaxis]
        for name, audio in zip(track.sources, track.references, strict=True)
        if audio.any()
    }
    scores = score_degradations(heard, rate=track.rate)
    return scores[scores["target"] != REST].reset_index(drop=True)


def add_mean(table: "DataFrame") -> "DataFrame":
    """Add a row with the means over sources, if there are several."""
    if len(table) < 2:
        return table
    longer = table.copy()
    longer.loc["mean"] = table.mean(skipna=False)
    return longer


def _average_coherence_with_source(track: MaskedTrack) -> list[float]:
    means = []
    for pair in zip(track.references, track.estimates, strict=True):
        spectra = residuals.cross_spectra(np.stack(pair), rate=track.rate)
        coherence = residuals.cross_coherence(spectra).values[0, 1]
        means.append(_average_weighted(coherence, spectra.values[0, 0].real))
    return means


def _average_coherence_with_others(track: MaskedTrack) -> list[float]:
    """Average the coherence with every other residual that is not silent."""
    heard = track.residuals.any(axis=1)
    coherences = residuals.cross_coherence(track.cross_spectra).values
    means = []
    for place in range(len(track.targets)):
        weights = track.cross_spectra.values[place, place].real
        others = np.delete(coherences[place], place, axis=0)[np.delete(heard, place)]
        weighed = [_average_weighted(coherence, weights) for coherence in others]
        means.append(float(np.mean(weighed)) if weighed else float("nan"))
    return means


def _compute_ratios(track: MaskedTrack, estimates: Audio) -> dict[str, Float64s]:
    one_channel = track.references[:, np.newaxis], estimates[:, np.newaxis]
    return dict(zip(SCORES, scale_invariant_ratios(*one_channel), strict=True))


def _make_table(track: MaskedTrack, columns: Mapping[str, npt.ArrayLike]) -> "DataFrame":
    import pandas as pd

    index = pd.Index(track.targets, name="source")
    rows = {name: np.asarray(of)[: len(index)] for name, of in columns.items()}
    return pd.DataFrame(rows, index=index)


def _average_weighted(values: Float64s, weights: Float64s) -> float:
    """Average the values with positive weight; NaN if there are none."""
    weighed = weights > 0
    if not weighed.any():
        return float("nan")
    return float(np.average(values[weighed], weights=weights[weighed]))
