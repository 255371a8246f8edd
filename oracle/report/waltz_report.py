"""The waltz report: what the mask s_i / max(s, s_i) makes of a track, and what it leaves behind.

A report on the 7 s excerpt of "Waltz For My Victims" in MUSDB18's preview is published with a
table of scores and norms of residuals; all its stems are mixed to mono. Here are its figures,
and the same computed of any track.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from oracle import datasets, plots, residuals
from oracle.datasets.audio_files import write_audio
from oracle.frames import Spectrum
from oracle.machine.files import file_name, new_folder, write_whole
from oracle.masks import ideal_amplitude_mask
from oracle.metrics import scale_invariant_ratios
from oracle.metrics.energy_ratios import Float64s
from oracle.report.degradations import degradation_scores
from oracle.residuals import Correlogram, FrequencySeries
from oracle.stft import STFT
from oracle.tracks.track import Audio, Track

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame

WALTZ = "Clara Berry And Wooldog - Waltz For My Victims"

# As published: scores in dB. SD-SDR was computed as SNR + log10(alpha^2).
SCORES = ("SI-SDR", "SI-SIR", "SI-SAR", "SD-SDR", "SNR", "SRR")
PUBLISHED_SCORES = {
    "drums": (6.059788, 12.621812, 7.142728, 6.823634, 6.970171, 14.714377),
    "bass": (6.810572, 12.789123, 8.074067, 7.477198, 7.624050, 14.694119),
    "other": (9.564220, 13.848223, 11.590896, 9.928236, 10.019616, 19.098387),
    "vocals": (8.368302, 14.999946, 9.431727, 8.844583, 8.942912, 18.426378),
}
MISCOMPUTED = "SD-SDR as published"

# As published: of the squared residuals of the magnitudes the mean square ("MSE") and the
# mean ("l1").
NORMS = ("MSE", "l1")
PUBLISHED_NORMS = {
    "drums": (0.5322632539636895, 0.0059182979713163905),
    "bass": (1.4550852278186694, 0.021212134586395287),
    "other": (21.749803841009515, 0.06929522844168201),
    "vocals": (5.187617823185366, 0.03445190099871528),
}

# The published excerpt lasts this long, in seconds; the song is longer.
EXCERPT = (6.5, 7.5)

# What a mixture has beside the sources counts as one more source, if it has more than this
# part of the mixture's energy. MUSDB18's mixtures, compressed apart from their stems, have less.
NEGLIGIBLE = 0.01
REST = "(rest)"

# Phase errors are not shown where a source is more than 60 dB below its loudest bin.
HEARD = 1e-3

N_LAGS = 100
SMOOTHING = 1024

TABLES = ("scores", "norms", "findings", "degradations")


class WaltzReport:
    """The report on a track, mixed to mono, in double precision.

    Tables and figures are computed when they are asked for.

    Parameters
    ----------
    track : Track
        Any track; not all of its sources need to be there. What its mixture has beside them
        counts as one more source that may interfere, where it has more than 1 % of the
        mixture's energy.
    stft : STFT, optional
        The default is the report's: periodic Hann, 2048 samples, hop 1024.

    Attributes
    ----------
    name : str
        Of the track.
    rate : int
        In Hz.
    stft : STFT
        The transform.
    targets : list of str
        The sources of the track, of which the tables have a row and the figures a panel each.
    sources : list of str
        The same, and ``(rest)`` if it counts: the order of the arrays.
    mixture : array of shape (n_samples,), float64
    references, estimates, residuals : array of shape (n_sources, n_samples), float64
        Estimates and what they have that the references have not.
    spectra, masks, estimated_spectra : array of shape (n_sources, n_freqs, n_frames)
        STFTs of the references, the masks, and the masked STFTs of the mixture.

    Raises
    ------
    ValueError
        If the track is shorter than two windows of the STFT, every source is silent, or there
        is nothing in the mixture but its one source.

    Examples
    --------
    >>> import oracle
    >>> report = WaltzReport(oracle.datasets.waltz())
    >>> report.scores["SI-SDR"].round(2).to_dict()
    {'drums': 6.7, 'bass': 7.65, 'other': 5.19, 'vocals': 11.41, 'mean': 7.74}
    """

    def __init__(self, track: Track, *, stft: STFT | None = None) -> None:
        self.name = track.name
        self.rate = track.rate
        self.stft = STFT() if stft is None else stft
        if track.n_samples < 2 * self.stft.n_fft:
            raise ValueError(
                f"track must have at least two windows, {2 * self.stft.n_fft} samples, "
                f"got {track.n_samples} in {track.name!r}"
            )
        self.targets = list(track.sources)
        self.sources = list(self.targets)
        self.mixture = _in_mono(track.mixture)
        self.references = np.stack([_in_mono(audio) for audio in track.sources.values()])
        if not self.references.any():
            raise ValueError(
                f"track must have a source that is not silent in mono, got {track.name!r} with "
                f"{', '.join(self.targets)} silent"
            )
        rest = self.mixture - self.references.sum(axis=0)
        if np.square(rest).sum() > NEGLIGIBLE * np.square(self.mixture).sum():
            self.sources.append(REST)
            self.references = np.concatenate([self.references, rest[np.newaxis]])
        heard = [n for n, audio in zip(self.sources, self.references, strict=True) if audio.any()]
        if len(heard) < 2:
            raise ValueError(
                "track must have two sources, or a mixture with more in it than its one source, "
                f"got {track.name!r} with {heard[0]} alone"
            )
        self._mixed = self.stft.forward(self.mixture)
        self.spectra = self.stft.forward(self.references)
        self.masks = ideal_amplitude_mask(self.spectra, self._mixed)
        self.estimated_spectra = self.masks * self._mixed
        self.estimates = self._audio(self.estimated_spectra)
        self.residuals = residuals.waveform_residuals(self.references, self.estimates)

    @property
    def duration(self) -> float:
        """Length of the track in seconds."""
        return self.mixture.size / self.rate

    @property
    def is_as_long_as_published(self) -> bool:
        """Whether the track is as long as the published excerpt."""
        shortest, longest = EXCERPT
        return shortest <= self.duration <= longest

    @property
    def is_as_published(self) -> bool:
        """Whether the track is the published excerpt, by its name and its length."""
        return self.name == WALTZ and self.is_as_long_as_published

    @cached_property
    def scores(self) -> "DataFrame":
        """Scores in dB, a row a source and one of their means, and alpha (without a unit).

        Alpha is the gain at which the source is nearest to the estimate. ``SD-SDR`` is
        SNR + 10 log10(alpha^2), as Le Roux et al. 2019 define it; ``SD-SDR as published`` is
        SNR + log10(alpha^2), which the report computed.
        """
        ratios = self._ratios(self.estimates)
        alphas = np.einsum("jt,jt->j", self.references, self.estimates)
        with np.errstate(invalid="ignore"):  # silent sources
            alphas /= np.square(self.references).sum(axis=1)
            miscomputed = ratios["SNR"] + (ratios["SD-SDR"] - ratios["SNR"]) / 10
        table = self._table({**ratios, MISCOMPUTED: miscomputed, "alpha": alphas})
        return with_mean(table)

    @cached_property
    def norms(self) -> "DataFrame":
        """Norms of the residuals, a row a source.

        Means of magnitudes (L1) and of squares (L2) of the waveform residuals, of the
        differences of the STFTs, and of those of their magnitudes; ``MSE`` and ``l1`` as the
        report has them, the L2 and L1 norms of the *squares* of the last.
        """
        norms = {
            "waveform": residuals.norms(self.residuals),
            "STFT": residuals.norms(self.estimated_spectra - self.spectra),
            "magnitude": residuals.norms(self._magnitude_residuals),
        }
        squared = residuals.norms(self._magnitude_residuals**2)
        columns = {
            f"{norm} {what}": values
            for what, of in norms.items()
            for norm, values in zip(("L1", "L2"), of, strict=True)
        }
        return self._table({**columns, "MSE": squared.l2, "l1": squared.l1})

    @cached_property
    def findings(self) -> "DataFrame":
        """What the residuals consist of, a row a source.

        How much of the residual's and of the source's energy lies in bins that other sources
        contest (see `oracle.residuals.contested_share`), and how many bins they contest; how
        much of the error is due to phase; the SNR of the true magnitudes with the mixture's
        phase; coherences in the mean over frequency, weighted by the power of the source, or
        of the residual; and a test of whiteness over 100 lags.
        """
        contested = residuals.contested_share(self.spectra, self.stft.forward(self.residuals))
        phase = residuals.phase_share(self.spectra, self.estimated_spectra)
        true_magnitudes = residuals.with_phase_of(self._mixed, self.spectra)
        allowed = self._ratios(self._audio(true_magnitudes))["SNR"]
        whiteness = residuals.whiteness(self.residuals, n_lags=N_LAGS)
        autocorrelation = residuals.autocorrelation(self.residuals, n_lags=1).values[:, 1]
        return self._table(
            {
                "residual in contested bins (%)": 100 * contested.residual,
                "source in contested bins (%)": 100 * contested.source,
                "contested bins (%)": 100 * contested.bins,
                "error due to phase (%)": 100 * phase,
                "SNR of true magnitudes (dB)": allowed,
                "coherence with the source": self._coherence_with_source(),
                "coherence with other residuals": self._coherence_with_others(),
                "autocorrelation at lag 1": autocorrelation,
                f"Ljung-Box Q, {N_LAGS} lags": whiteness.statistic,
                "p-value of white noise": whiteness.p_value,
            }
        )

    @cached_property
    def degradations(self) -> "DataFrame":
        """Every metric of sources spoilt by noise, interference and clipping.

        As `oracle.report.degradations.degradation_scores` returns it, of sources that are heard.
        """
        heard = {
            name: audio[np.newaxis]
            for name, audio in zip(self.sources, self.references, strict=True)
            if audio.any()
        }
        scores = degradation_scores(heard, rate=self.rate)
        return scores[scores["target"] != REST].reset_index(drop=True)

    @cached_property
    def phase_errors(self) -> Float64s:
        """Phase errors in radians, of shape (n_sources, n_freqs, n_frames).

        NaN where the source is more than 60 dB below its loudest bin, and not heard.
        """
        errors = residuals.phase_error(self.spectra, self.estimated_spectra)
        magnitudes = np.abs(self.spectra)
        errors[magnitudes < HEARD * magnitudes.max(axis=(1, 2), keepdims=True)] = np.nan
        return errors

    def named(self, values: npt.NDArray[Any]) -> dict[str, npt.NDArray[Any]]:
        """Give each source of the track its row of an array."""
        return dict(zip(self.targets, values, strict=False))

    def figures(self) -> dict[str, Callable[[], "Figure"]]:
        """Name the figures of the report, with a function that draws each."""
        loudest = float(np.abs(self.spectra).max()) or None
        over_time: dict[str, Any] = {"rate": self.rate, "hop_length": self.stft.hop_length}

        def spectrograms(spectra: npt.NDArray[Any]) -> "Figure":
            return plots.plot_spectrograms(self.named(spectra), reference=loudest, **over_time)

        return {
            "mixture": lambda: plots.plot_spectrograms(
                {"mixture": self._mixed}, reference=loudest, **over_time
            ),
            "sources": lambda: spectrograms(self.spectra),
            "masks": lambda: plots.plot_masks(self.named(self.masks), **over_time),
            "estimates": lambda: spectrograms(self.estimated_spectra),
            "residuals": lambda: spectrograms(self._magnitude_residuals),
            "waveforms": lambda: plots.plot_waveforms(
                self.named(self.references), self.named(self.estimates), rate=self.rate
            ),
            "coherence": lambda: plots.plot_coherence(_rows(self._coherence, self.targets)),
            "periodograms": lambda: plots.plot_periodograms(
                _rows(self._periodograms, self.targets)
            ),
            "smoothed-periodograms": lambda: plots.plot_smoothed_periodograms(
                _rows(self._smoothed, self.targets)
            ),
            "cross-spectra": lambda: plots.plot_cross_spectra(
                self._cross_spectra, self.sources, smoothed=_rows(self._smoothed, self.sources)
            ),
            "autocorrelation": lambda: self._correlogram(residuals.autocorrelation),
            "partial-autocorrelation": lambda: self._correlogram(residuals.partial_autocorrelation),
            "phase": lambda: plots.plot_residual_over_phase(
                self.named(self.estimated_spectra - self.spectra),
                self.named(self.phase_errors),
                **over_time,
            ),
        }

    def write(
        self, out: str | Path, *, advance: Callable[[str, float], object] = lambda doing, part: None
    ) -> None:
        """Write the tables, the figures and the audio of the report.

        Parameters
        ----------
        out : str or Path
            A new or empty folder, for ``scores.csv``, ``norms.csv``, ``findings.csv``,
            ``degradations.csv``, ``audio/mixture.wav`` and ``audio/SOURCE/`` with
            ``reference.wav``, ``estimate.wav`` and ``residual.wav`` (mono, 32-bit float), and
            ``figures/NAME.png`` and ``.pdf``.
        advance : callable, optional
            Called with what is being done and the part of the work that has just been done.

        Raises
        ------
        ValueError
            If the folder is not empty, or cannot be written to.
        ImportError
            If matplotlib, librosa or statsmodels is not installed.
        """
        # Nothing is written before it is known that everything can be.
        tables: dict[str, DataFrame] = {name: getattr(self, name) for name in TABLES}
        plots.check_librosa()
        folder = new_folder(Path(out))
        drawings = self.figures()
        steps = len(tables) + len(drawings)
        for name, table in tables.items():
            write_whole(folder / f"{name}.csv", table.to_csv(index=table.index.name is not None))
            advance(f"{name}.csv", 1 / steps)
        audio = {"mixture": self.mixture}
        for name, *signals in zip(
            self.targets, self.references, self.estimates, self.residuals, strict=False
        ):
            kinds = zip(("reference", "estimate", "residual"), signals, strict=True)
            audio |= {f"{file_name(name)}/{kind}": signal for kind, signal in kinds}
        for name, signal in audio.items():
            path = folder / "audio" / f"{name}.wav"
            write_audio(path, signal[np.newaxis].astype(np.float32), self.rate)
        (folder / "figures").mkdir()
        for name, draw in drawings.items():
            plots.write_figure(draw(), folder / "figures", name, dpi=300)
            advance(f"{name}.png", 1 / steps)

    @cached_property
    def _magnitude_residuals(self) -> Float64s:
        return residuals.magnitude_residuals(self.spectra, self.estimated_spectra)

    @cached_property
    def _coherence(self) -> FrequencySeries:
        return residuals.coherence(self.references, self.estimates, rate=self.rate)

    @cached_property
    def _cross_spectra(self) -> FrequencySeries:
        return residuals.cross_spectra(self.residuals, rate=self.rate)

    @cached_property
    def _periodograms(self) -> FrequencySeries:
        return residuals.periodogram(self.residuals, rate=self.rate)

    @cached_property
    def _smoothed(self) -> FrequencySeries:
        n_bins = min(SMOOTHING, self._periodograms.frequencies.size)
        return residuals.smooth(self._periodograms, n_bins=n_bins)

    def _correlogram(self, correlate: Callable[..., Correlogram]) -> "Figure":
        each = {
            name: correlate(signal, n_lags=N_LAGS)
            for name, signal in self.named(self.residuals).items()
        }
        return plots.plot_correlograms(each, label=correlate.__name__.replace("_", " "))

    def _coherence_with_source(self) -> list[float]:
        means = []
        for pair in zip(self.references, self.estimates, strict=True):
            spectra = residuals.cross_spectra(np.stack(pair), rate=self.rate)
            coherence = residuals.cross_coherence(spectra).values[0, 1]
            means.append(_weighted_mean(coherence, spectra.values[0, 0].real))
        return means

    def _coherence_with_others(self) -> list[float]:
        """Average the coherence with each other residual that is not silent, and over these."""
        heard = self.residuals.any(axis=1)
        coherences = residuals.cross_coherence(self._cross_spectra).values
        means = []
        for place in range(len(self.targets)):
            weights = self._cross_spectra.values[place, place].real
            others = np.delete(coherences[place], place, axis=0)[np.delete(heard, place)]
            weighed = [_weighted_mean(coherence, weights) for coherence in others]
            means.append(float(np.mean(weighed)) if weighed else float("nan"))
        return means

    def _ratios(self, estimates: Audio) -> dict[str, Float64s]:
        one_channel = self.references[:, np.newaxis], estimates[:, np.newaxis]
        return dict(zip(SCORES, scale_invariant_ratios(*one_channel), strict=True))

    def _audio(self, spectra: Spectrum) -> Float64s:
        return np.asarray(self.stft.inverse(spectra, n_samples=self.mixture.size), np.float64)

    def _table(self, columns: Mapping[str, npt.ArrayLike]) -> "DataFrame":
        import pandas as pd

        index = pd.Index(self.targets, name="source")
        rows = {name: np.asarray(of)[: len(index)] for name, of in columns.items()}
        return pd.DataFrame(rows, index=index)


def published_track(root: str | Path | None = None, *, download: bool = False) -> Track:
    """Load the track of the published report from MUSDB18's preview, decoded by musdb.

    Parameters
    ----------
    root, download
        As in `oracle.datasets.musdb18`. In the full MUSDB18 the track is the whole song,
        which has other figures.

    Returns
    -------
    track : Track
        In stereo.

    Raises
    ------
    ValueError
        If the track is not there.
    FileNotFoundError, ImportError
        As in `oracle.datasets.musdb18`.
    """
    preview = datasets.musdb18(root, download=download)
    if WALTZ not in preview.track_names:
        raise ValueError(
            f"root must hold {WALTZ!r}, got {len(preview)} other tracks, "
            f"{preview.track_names[0]!r} the first"
        )
    return preview[preview.track_names.index(WALTZ)]


def published(figures: Mapping[str, tuple[float, ...]], columns: Sequence[str]) -> "DataFrame":
    """Make a table of published figures, such as `PUBLISHED_SCORES`: a row a source."""
    import pandas as pd

    index = pd.Index(list(figures), name="source")
    return pd.DataFrame(list(figures.values()), index=index, columns=list(columns))


def with_mean(table: "DataFrame") -> "DataFrame":
    """Add a row of the means over sources, if there are several."""
    if len(table) < 2:
        return table
    longer = table.copy()
    longer.loc["mean"] = table.mean(skipna=False)
    return longer


def _rows(series: FrequencySeries, names: Sequence[str]) -> dict[str, FrequencySeries]:
    rows = zip(names, series.values, strict=False)
    return {name: FrequencySeries(series.frequencies, row) for name, row in rows}


def _in_mono(audio: Audio) -> Float64s:
    return np.asarray(audio.mean(axis=0, dtype=np.float64))


def _weighted_mean(values: Float64s, weights: Float64s) -> float:
    """Average what has weight; NaN if nothing has."""
    weighed = weights > 0
    if not weighed.any():
        return float("nan")
    return float(np.average(values[weighed], weights=weights[weighed]))
