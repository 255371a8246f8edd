"""The waltz report: its figures against an independent computation, its files, its command."""

import math
import re
import shutil
import sys
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

import matplotlib.figure
import numpy as np
import pandas as pd
import pytest
import soundfile
from conftest import Run
from matplotlib.axis import Axis
from matplotlib.figure import Figure

import oracle
from oracle import STFT, Track, WaltzReport, residuals
from oracle.metrics.energy_ratios import Float64s
from oracle.report.masked_track import REST
from oracle.report.published import (
    MISCOMPUTED,
    NORMS,
    PUBLISHED_NORMS,
    PUBLISHED_SCORES,
    SCORES,
    WALTZ,
    load_published_track,
    tabulate,
)
from oracle.report.tables import add_mean
from oracle.report.waltz_report import TABLES

pytestmark = pytest.mark.slow

ROCK = "Music Delta - 80s Rock"
RATE = 8000


@pytest.fixture(scope="module")
def waltz() -> WaltzReport:
    return WaltzReport(oracle.datasets.waltz())


@pytest.fixture(scope="module")
def real(rock: Track) -> WaltzReport:
    return WaltzReport(rock)


@pytest.fixture(scope="module")
def preview(shared: Path, ffmpeg: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A preview of MUSDB18 in which another track is called like the published one."""
    root = tmp_path_factory.mktemp("preview")
    for subset in ("train", "test"):
        (root / subset).mkdir()
    real = shared / "data" / "musdb18-7" / "train" / f"{ROCK}.stem.mp4"
    shutil.copy(real, root / "train" / f"{WALTZ}.stem.mp4")
    # Before it in the order of names.
    (root / "train" / "Actions - One Minute Smile.stem.mp4").touch()
    return root


def plain(table: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Make plain dicts of a table, by row, then column."""
    return {
        str(row): dict(zip(map(str, table.columns), map(float, values), strict=True))
        for row, values in zip(table.index, table.to_numpy(), strict=True)
    }


def make_track(
    *sources: str, seconds: float = 1.5, rest: float | None = None, seed: int = 0
) -> Track:
    """Noisy sources in stereo, and a mixture with noise of its own at this amplitude."""
    rng = np.random.default_rng(seed)
    names = sources or ("drums", "vocals")
    shape = (2, round(seconds * RATE))
    signals = {name: 0.1 * rng.standard_normal(shape) for name in names}
    if rest is None:
        return Track.from_sources("noise", RATE, signals)
    mixture = sum(signals.values()) + rest * rng.standard_normal(shape)
    return Track("noise", RATE, np.asarray(mixture), signals)


# The published figures


def test_published_sd_sdr_was_computed_without_the_factor_of_ten() -> None:
    table = tabulate(PUBLISHED_SCORES, SCORES)
    alpha = 1 / (1 + 10 ** (-table["SRR"] / 20))
    wrong = table["SNR"] + np.log10(alpha**2)
    right = table["SNR"] + 10 * np.log10(alpha**2)
    np.testing.assert_allclose(table["SD-SDR"], wrong, atol=2e-6)
    assert alpha["drums"] == pytest.approx(0.8448, abs=5e-5)
    assert right["drums"] == pytest.approx(5.505, abs=5e-4)


def test_published_mean_is_that_of_the_sources() -> None:
    mean = add_mean(tabulate(PUBLISHED_SCORES, SCORES)).loc["mean"]
    expected = (7.700721, 13.564776, 9.059855, 8.268413, 8.389187, 16.733315)
    np.testing.assert_allclose(mean, expected, atol=1e-6)


def test_published_si_sdr_is_made_of_si_sir_and_si_sar() -> None:
    table = tabulate(PUBLISHED_SCORES, SCORES)
    errors = 10 ** (-table["SI-SIR"] / 10) + 10 ** (-table["SI-SAR"] / 10)
    np.testing.assert_allclose(-10 * np.log10(errors), table["SI-SDR"], atol=1e-6)


# What is computed


def from_librosa(track: Track) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Compute the published tables anew: with librosa's STFT, and formulas written out."""
    import librosa

    mixture = librosa.to_mono(track.mixture.astype(np.float64))
    truths = {name: librosa.to_mono(a.astype(np.float64)) for name, a in track.sources.items()}
    stacked = np.stack(list(truths.values()))
    transform: dict[str, Any] = {"n_fft": 2048, "hop_length": 1024}
    mixed = librosa.stft(mixture, **transform)
    scores, norms = {}, {}
    for name, s in truths.items():
        spectrum = librosa.stft(s, **transform)
        masked = mixed * np.abs(spectrum) / np.maximum(np.abs(spectrum), np.abs(mixed))
        e = librosa.istft(masked, length=len(s), **transform)
        alpha = (s @ e) / (s @ s)
        rest = e - alpha * s
        projected = stacked.T @ np.linalg.lstsq(stacked.T, rest, rcond=None)[0]
        target, snr = alpha**2 * (s @ s), (s @ s) / ((e - s) @ (e - s))
        scores[name] = [
            *(10 * np.log10(target / (x @ x)) for x in (rest, projected, rest - projected)),
            10 * np.log10(snr) + np.log10(alpha**2),
            10 * np.log10(snr),
            -10 * np.log10((1 - 1 / alpha) ** 2),
        ]
        squares = (np.abs(masked) - np.abs(spectrum)) ** 2
        norms[name] = [np.mean(squares**2), np.mean(squares)]
    columns = [MISCOMPUTED if name == "SD-SDR" else name for name in SCORES]
    return (
        pd.DataFrame.from_dict(scores, orient="index", columns=columns),
        pd.DataFrame.from_dict(norms, orient="index", columns=list(NORMS)),
    )


def test_figures_are_those_of_librosa_on_real_music(rock: Track, real: WaltzReport) -> None:
    scores, norms = from_librosa(rock)
    assert real.sources == real.targets == ["drums", "bass", "other", "vocals"]
    pd.testing.assert_frame_equal(
        real.scores.loc[real.targets, scores.columns],
        scores,
        rtol=0,
        atol=1e-9,
        check_names=False,
    )
    pd.testing.assert_frame_equal(
        real.norms[list(NORMS)], norms, rtol=1e-9, atol=0, check_names=False
    )


def test_sd_sdr_is_that_of_le_roux(waltz: WaltzReport) -> None:
    scores = waltz.scores.drop("mean")
    in_decibels = np.log10(scores["alpha"] ** 2)
    np.testing.assert_allclose(scores["SD-SDR"], scores["SNR"] + 10 * in_decibels, atol=1e-9)
    np.testing.assert_allclose(scores[MISCOMPUTED], scores["SNR"] + in_decibels, atol=1e-9)
    np.testing.assert_allclose(1 / (1 + 10 ** (-scores["SRR"] / 20)), scores["alpha"], atol=1e-9)


def test_scores_end_with_their_mean(waltz: WaltzReport) -> None:
    assert list(waltz.scores.index) == ["drums", "bass", "other", "vocals", "mean"]
    np.testing.assert_allclose(waltz.scores.loc["mean"], waltz.scores.iloc[:-1].mean())
    assert list(waltz.scores.columns) == [*SCORES, MISCOMPUTED, "alpha"]
    assert waltz.scores.index.name == waltz.norms.index.name == "source"


def test_everything_is_in_mono_and_in_double_precision(waltz: WaltzReport) -> None:
    track = oracle.datasets.waltz()
    assert track.mixture.dtype == np.float32
    np.testing.assert_allclose(
        waltz.references[3], track.sources["vocals"].astype(np.float64).mean(axis=0), atol=0
    )
    np.testing.assert_array_equal(waltz.mixture, track.mixture.astype(np.float64).mean(axis=0))
    for array in (waltz.mixture, waltz.references, waltz.estimates, waltz.residuals):
        assert array.dtype == np.float64
    assert waltz.spectra.dtype == np.complex128
    np.testing.assert_array_equal(waltz.residuals, waltz.estimates - waltz.references)


def test_scores_are_those_of_the_method_iam(waltz: WaltzReport) -> None:
    mono = Track(
        "mono",
        waltz.rate,
        waltz.mixture[np.newaxis],
        dict(zip(waltz.targets, waltz.references[:, np.newaxis], strict=True)),
    )
    estimates = oracle.separate(mono, "IAM")
    estimated = np.stack([estimates[name] for name in waltz.targets])
    np.testing.assert_allclose(estimated[:, 0], waltz.estimates, atol=1e-12)
    snr = oracle.metrics.usdr(waltz.references[:, np.newaxis], estimated)
    np.testing.assert_allclose(waltz.scores["SNR"].iloc[:-1], snr, atol=1e-9)


def test_norms_are_means(waltz: WaltzReport) -> None:
    norms = plain(waltz.norms)["bass"]
    difference = waltz.estimated_spectra[1] - waltz.spectra[1]
    magnitudes = np.abs(waltz.estimated_spectra[1]) - np.abs(waltz.spectra[1])
    assert norms["L1 waveform"] == pytest.approx(np.abs(waltz.residuals[1]).mean())
    assert norms["L2 waveform"] == pytest.approx((waltz.residuals[1] ** 2).mean())
    assert norms["L1 STFT"] == pytest.approx(np.abs(difference).mean())
    assert norms["L2 STFT"] == pytest.approx((np.abs(difference) ** 2).mean())
    assert norms["L1 magnitude"] == pytest.approx(np.abs(magnitudes).mean())
    assert norms["L2 magnitude"] == norms["l1"] == pytest.approx((magnitudes**2).mean())
    assert norms["MSE"] == pytest.approx((magnitudes**4).mean())


def test_findings_are_what_the_functions_compute(waltz: WaltzReport) -> None:
    findings = plain(waltz.findings)["vocals"]
    contested = residuals.contested_share(waltz.spectra, waltz.stft.forward(waltz.residuals))
    assert findings["residual in contested bins (%)"] == 100 * contested.residual[3]
    assert findings["source in contested bins (%)"] == 100 * contested.source[3]
    assert findings["contested bins (%)"] == 100 * contested.bins[3]
    share = residuals.phase_share(waltz.spectra, waltz.estimated_spectra)[3]
    assert findings["error due to phase (%)"] == pytest.approx(100 * share)
    spectrum = waltz.stft.forward(waltz.mixture)
    best = residuals.with_phase_of(spectrum, waltz.spectra)[3]
    error = waltz.stft.inverse(best, n_samples=waltz.mixture.size) - waltz.references[3]
    snr = 10 * np.log10(np.sum(waltz.references[3] ** 2) / np.sum(error**2))
    assert findings["SNR of true magnitudes (dB)"] == pytest.approx(snr)
    correlation = residuals.autocorrelation(waltz.residuals[3], n_lags=1).values[1]
    assert findings["autocorrelation at lag 1"] == pytest.approx(correlation)
    test = residuals.whiteness(waltz.residuals[3], n_lags=100)
    assert findings["Ljung-Box Q, 100 lags"] == pytest.approx(float(test.statistic))
    assert findings["p-value of white noise"] == test.p_value


def weighted(coherence: Float64s, signal: Float64s, rate: int) -> float:
    from scipy.signal import welch

    _, power = welch(signal, rate, nperseg=2048, detrend=False)
    return float(np.average(coherence, weights=power))


def test_coherences_are_averaged_by_power(waltz: WaltzReport) -> None:
    findings = plain(waltz.findings)["other"]
    rate, place = waltz.rate, 2
    own = residuals.coherence(waltz.references[place], waltz.estimates[place], rate=rate).values
    assert findings["coherence with the source"] == pytest.approx(
        weighted(own, waltz.references[place], rate)
    )
    residual = waltz.residuals[place]
    others = [
        weighted(residuals.coherence(residual, other, rate=rate).values, residual, rate)
        for other in waltz.residuals[[0, 1, 3]]
    ]
    assert findings["coherence with other residuals"] == pytest.approx(np.mean(others))


def test_residuals_of_music_are_music_and_due_to_phase(waltz: WaltzReport) -> None:
    findings = waltz.findings
    assert (findings["residual in contested bins (%)"] > 80).all()
    assert (findings["source in contested bins (%)"] < 40).all()
    assert (findings["error due to phase (%)"] > 80).all()
    assert (findings["p-value of white noise"] == 0).all()


# Some of the sources


def test_vocals_alone_have_the_row_that_they_have_among_others(
    rock: Track, real: WaltzReport
) -> None:
    vocals = {"vocals": rock.sources["vocals"]}
    alone = WaltzReport(Track("vocals", rock.rate, rock.mixture, vocals))
    assert alone.targets == ["vocals"]
    assert alone.sources == ["vocals", REST]
    assert list(alone.scores.index) == ["vocals"]
    same = ["SI-SDR", "SD-SDR", MISCOMPUTED, "SNR", "SRR", "alpha"]
    pd.testing.assert_frame_equal(
        alone.scores[same], real.scores.loc[["vocals"], same], atol=1e-12, rtol=0
    )
    pd.testing.assert_frame_equal(alone.norms, real.norms.loc[["vocals"]], rtol=1e-12)
    # What interferes is known as a whole only: less of the error is in its span.
    sir = [plain(report.scores)["vocals"]["SI-SIR"] for report in (alone, real)]
    assert sir[0] > sir[1] + 1


@pytest.mark.parametrize(("rest", "counts"), [(0.0, False), (0.012, False), (0.02, True)])
def test_the_rest_counts_from_one_percent_of_the_energy(rest: float, counts: bool) -> None:
    report = WaltzReport(make_track(rest=rest))
    assert report.targets == ["drums", "vocals"]
    assert (REST in report.sources) == counts
    assert len(report.references) == len(report.masks) == len(report.sources)
    if counts:
        np.testing.assert_allclose(report.references.sum(axis=0), report.mixture, atol=1e-12)


def test_the_rest_has_no_row_and_no_panel() -> None:
    report = WaltzReport(make_track(rest=0.1))
    for table in (report.norms, report.findings):
        assert list(table.index) == ["drums", "vocals"]
    assert set(report.degradations["target"]) == {"drums", "vocals"}
    for name, draw in report.figures().items():
        titles = [panel.get_title() for panel in draw().axes if panel.get_title()]
        expected = ["drums", "vocals", *([REST] if name == "cross-spectra" else [])]
        assert titles == (["mixture"] if name == "mixture" else expected)


def test_a_source_that_is_all_of_the_mixture_is_an_error() -> None:
    message = (
        "track must have two sources, or a mixture with more in it than its one source, "
        "got 'noise' with vocals alone"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        WaltzReport(make_track("vocals"))


def test_a_source_beside_silence_alone_is_an_error() -> None:
    track = make_track("drums", "vocals")
    silent = dict(track.sources) | {"drums": np.zeros_like(track.mixture)}
    with pytest.raises(ValueError, match="got 'quiet' with vocals alone$"):
        WaltzReport(Track.from_sources("quiet", RATE, silent))


def test_a_track_of_silent_sources_is_an_error() -> None:
    noise = np.random.default_rng(0).standard_normal(8000)
    # Silent in mono: the right is the left with the opposite sign.
    sources = {"vocals": np.zeros((2, 8000)), "wide": np.stack([noise, -noise])}
    mixture = sources["wide"] + 1
    message = (
        "track must have a source that is not silent in mono, got 'quiet' with vocals, wide silent"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        WaltzReport(Track("quiet", RATE, mixture, sources))


def test_a_track_shorter_than_two_windows_is_an_error() -> None:
    shortest = WaltzReport(make_track(seconds=4096 / RATE))
    assert shortest.findings.notna().all(axis=None)
    message = "track must have at least two windows, 4096 samples, got 4095 in 'noise'"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        WaltzReport(make_track(seconds=4095 / RATE))


def test_a_silent_source_has_no_figures_and_takes_none_from_the_others() -> None:
    track = make_track("drums", "bass", "vocals")
    silent = dict(track.sources) | {"bass": np.zeros_like(track.mixture)}
    report = WaltzReport(Track.from_sources("quiet", RATE, silent))
    scores = report.scores.drop(columns="alpha")
    assert scores.loc[["bass", "mean"]].isna().all(axis=None)
    assert scores.loc[["drums", "vocals"]].notna().all(axis=None)
    findings = plain(report.findings)
    assert math.isnan(findings["bass"]["residual in contested bins (%)"])
    assert findings["drums"]["coherence with the source"] > 0.5
    both = {name: silent[name] for name in ("drums", "vocals")}
    without = plain(WaltzReport(Track.from_sources("both", RATE, both)).findings)
    key = "coherence with other residuals"
    assert findings["drums"][key] == pytest.approx(without["drums"][key])
    assert math.isnan(findings["bass"][key])
    assert set(report.degradations["target"]) == {"drums", "vocals"}
    for draw in report.figures().values():
        assert isinstance(draw(), matplotlib.figure.Figure)


def test_another_stft_is_taken() -> None:
    track = make_track()
    report = WaltzReport(track, stft=STFT(n_fft=4096, hop_length=1024))
    assert report.spectra.shape[-2] == 2049
    snr = [plain(each.scores)["vocals"]["SNR"] for each in (report, WaltzReport(track))]
    assert snr[0] != snr[1]


def test_phase_errors_of_bins_that_are_not_heard_are_left_out(waltz: WaltzReport) -> None:
    all_errors = residuals.phase_error(waltz.spectra, waltz.estimated_spectra)
    for spectrum, errors, every in zip(waltz.spectra, waltz.phase_errors, all_errors, strict=True):
        magnitudes = np.abs(spectrum)
        unheard = magnitudes < 10 ** (-60 / 20) * magnitudes.max()
        np.testing.assert_array_equal(np.isnan(errors), unheard)
        np.testing.assert_array_equal(errors[~unheard], every[~unheard])


def test_the_phase_errors_have_the_residual_of_the_stft_on_top(waltz: WaltzReport) -> None:
    residual = np.abs(waltz.estimated_spectra - waltz.spectra)
    panel = waltz.figures()["phase"]().axes[1]  # bass
    grey, colour = (np.asarray(mesh.get_array()) for mesh in panel.collections)
    expected = np.abs(np.nan_to_num(waltz.phase_errors[1]))
    np.testing.assert_allclose(grey.reshape(expected.shape), expected)
    with np.errstate(divide="ignore"):
        levels = 20 * np.log10(residual[1] / residual.max())
    heard = levels > -40
    np.testing.assert_allclose(colour.reshape(levels.shape)[heard], levels[heard])


def test_sources_estimates_and_residuals_are_shown_on_one_scale(waltz: WaltzReport) -> None:
    figures = waltz.figures()
    for name, spectra in (
        ("sources", waltz.spectra),
        ("estimates", waltz.estimated_spectra),
        ("residuals", waltz.estimated_spectra - waltz.spectra),
    ):
        panel = figures[name]().axes[1]  # bass
        drawn = np.asarray(panel.collections[0].get_array()).reshape(spectra[1].shape)
        with np.errstate(divide="ignore"):
            levels = 20 * np.log10(np.abs(spectra[1]) / np.abs(waltz.spectra).max())
        np.testing.assert_allclose(drawn, np.maximum(levels, -80), atol=1e-9)
    panel = figures["magnitude-residuals"]().axes[1]
    drawn = np.asarray(panel.collections[0].get_array()).reshape(waltz.masks[1].shape)
    errors = np.abs(np.abs(waltz.estimated_spectra) - np.abs(waltz.spectra))
    with np.errstate(divide="ignore"):
        levels = 20 * np.log10(errors[1] / errors.max())
    np.testing.assert_allclose(drawn, np.maximum(levels, -80), atol=1e-6)
    panel = figures["masks"]().axes[1]
    drawn = np.asarray(panel.collections[0].get_array()).reshape(waltz.masks[1].shape)
    with np.errstate(divide="ignore"):
        gains = 20 * np.log10(waltz.masks[1])
    np.testing.assert_allclose(drawn, np.maximum(gains, -40), atol=1e-9)


@pytest.mark.parametrize(
    ("seconds", "as_long"), [(6.4, False), (6.5, True), (6.80, True), (7.5, True), (7.6, False)]
)
def test_a_track_of_that_name_and_length_is_the_published_one(
    seconds: float, as_long: bool
) -> None:
    track = make_track(seconds=seconds)
    report = WaltzReport(track)
    assert report.duration == pytest.approx(seconds)
    assert report.is_as_long_as_published == as_long
    assert not report.is_as_published
    same = WaltzReport(Track.from_sources(WALTZ, RATE, dict(track.sources)))
    assert same.is_as_published == as_long


# Titles and captions

# The verbs of captions: a sentence without one is none.
VERBS = set(re.findall(r"\w+", "is are shows show holds accounts gives remains suggest compare"))
VERBS |= set(re.findall(r"\w+", "interfere pass amplifies stops matters share leave errs means"))


def vocals_alone() -> WaltzReport:
    """A report with one panel, on a source of a track with more in it."""
    return WaltzReport(make_track("vocals", rest=0.1))


def of_eight() -> WaltzReport:
    return WaltzReport(make_track(*(f"source {place}" for place in range(8))))


def labels_of(figure: Figure) -> set[str]:
    """The labels of the axes and of the scales of colours, of secondary axes also."""
    axes = [axis for axis in figure.findobj(Axis) if isinstance(axis, Axis)]
    return {axis.label.get_text() for axis in axes} - {""}


@pytest.mark.parametrize("make", [vocals_alone, of_eight], ids=lambda make: make.__name__)
def test_every_figure_has_a_title_and_a_caption_in_sentences(
    make: Callable[[], WaltzReport],
) -> None:
    figures = make().figures()
    assert len(figures) == 14
    assert len({each.title for each in figures.values()}) == len(figures)
    for each in figures.values():
        assert re.fullmatch(r"[A-Z][^.]*", each.title)
        sentences = re.split(r"(?<=\.) (?=[A-Z0-9])", each.caption)
        assert 3 <= len(sentences) <= 6
        for sentence in sentences:
            assert re.fullmatch(r"(?:[A-Z]|0 dB )[^.]+\.", sentence), sentence
            assert VERBS & set(re.findall(r"[a-z]+", sentence.lower())), sentence


def test_captions_name_the_transform_of_what_they_show() -> None:
    stft = STFT(n_fft=1024, hop_length=256, window=("kaiser", 8))
    figures = WaltzReport(make_track(), stft=stft).figures()
    over_time = ("mixture", "sources", "masks", "estimates", "residuals", "magnitude-residuals")
    for name in (*over_time, "phase"):
        assert "STFT (in mono; n_fft 1024, hop 256, kaiser window)" in figures[name].caption
    assert "averaged over 1024 neighbouring" in figures["smoothed-periodograms"].caption
    short = WaltzReport(make_track(seconds=0.1), stft=STFT(n_fft=256)).figures()
    assert "averaged over 401 neighbouring" in short["smoothed-periodograms"].caption


def test_the_caption_of_residuals_says_how_much_of_them_is_phase(waltz: WaltzReport) -> None:
    by_name = waltz.findings["error due to phase (%)"].round().astype(int).to_dict()
    least, most = min(by_name, key=by_name.__getitem__), max(by_name, key=by_name.__getitem__)
    sentence = (
        f"Phase accounts for {by_name[least]} % ({least}) to {by_name[most]} % ({most}) of its "
        "energy."
    )
    assert sentence == "Phase accounts for 83 % (vocals) to 95 % (other) of its energy."
    assert waltz.figures()["residuals"].caption.endswith(sentence)
    alone = vocals_alone()
    share = alone.findings["error due to phase (%)"]["vocals"]
    assert alone.figures()["residuals"].caption.endswith(
        f"Phase accounts for {share:.0f} % of its energy."
    )


def test_the_caption_of_magnitude_residuals_says_where_they_are_zero(waltz: WaltzReport) -> None:
    for report in (waltz, vocals_alone()):
        shown = slice(len(report.targets))
        errors = np.abs(np.abs(report.estimated_spectra[shown]) - np.abs(report.spectra[shown]))
        zero = errors <= 1e-12 * np.abs(report.spectra).max()
        below = 20 * np.log10(np.abs(report.spectra).max() / errors.max())
        caption = report.figures()["magnitude-residuals"].caption
        assert f"as loud as the source, in {100 * zero.mean():.0f} % of the bins." in caption
        assert caption.endswith(f", {below:.0f} dB below that of the sources.")


def test_captions_are_true_where_nothing_is_left_behind() -> None:
    # Each is silent where the other is not.
    early, late = np.zeros((2, 2, 8 * 2048))
    early[:, :4096] = np.random.default_rng(0).standard_normal((2, 4096))
    late[:, 4 * 4096 - 4096 :] = early[:, :4096]
    report = WaltzReport(Track.from_sources("apart", RATE, {"early": early, "late": late}))
    assert np.isnan(report.findings["error due to phase (%)"]).all()
    figures = report.figures()
    assert figures["residuals"].caption.endswith(" of phase. Here there are none.")
    assert figures["magnitude-residuals"].caption.endswith(
        " do not show. Here there are no others."
    )
    for each in figures.values():
        assert isinstance(each.drawn(), Figure)


def test_all_decibels_are_relative_to_something() -> None:
    named = set()
    for draw in vocals_alone().figures().values():
        for label in labels_of(draw()):
            assert ("dB" in label) == ("dB re " in label)
            named.add(label)
    assert {label for label in named if "dB" in label} == {
        "magnitude (dB re the loudest bin of the sources)",
        "gain (dB re the mixture)",
        "STFT residual (dB re the loudest bin of the sources)",
        "magnitude residual (dB re the loudest bin of all panels)",
        "STFT residual (dB re the loudest bin of all panels)",
        "power\n(dB re mean square 1)",
    }
    # Coherence of two kinds has two names.
    assert {label for label in named if "coherence" in label} == {
        "coherence of source\nand estimate",
        "coherence\nof residuals",
    }


# The files


def test_a_report_writes_tables_figures_and_audio(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_figure, resolutions = oracle.plots.write_figure, set()

    def write_small_figure(*where: Any, dpi: int) -> None:
        resolutions.add(dpi)
        write_figure(*where, dpi=30)

    monkeypatch.setattr("oracle.plots.captions.write_figure", write_small_figure)
    report = WaltzReport(make_track("drums", "a/b", rest=0.1))
    advances: list[tuple[str, float]] = []
    report.write(tmp_path / "out", advance=lambda *args: advances.append(args))
    files = {str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*.*")}
    figures = {f"figures/{name}.{kind}" for name in report.figures() for kind in ("png", "pdf")}
    figures.add("figures/index.html")
    signals = ("reference", "estimate", "residual")
    audio = {f"audio/{name}/{kind}.wav" for name in ("drums", "a%2Fb") for kind in signals}
    audio.add("audio/mixture.wav")
    assert files == {f"{name}.csv" for name in TABLES} | figures | audio
    assert resolutions == {300}
    assert math.isclose(sum(part for _, part in advances), 1)
    assert [doing for doing, _ in advances][:2] == ["scores.csv", "norms.csv"]
    index = (tmp_path / "out" / "figures" / "index.html").read_text(encoding="utf-8")
    assert "<h1>noise: figures of the waltz report</h1>" in index
    for figure in report.figures().values():
        assert f"<h2>{escape(figure.title)}</h2>" in index
        assert f"<figcaption>{escape(figure.caption)}</figcaption>" in index
    for name in ("scores", "norms", "findings"):
        read = pd.read_csv(tmp_path / "out" / f"{name}.csv", index_col="source")
        pd.testing.assert_frame_equal(read, getattr(report, name), rtol=1e-12)
    read = pd.read_csv(tmp_path / "out" / "degradations.csv")
    pd.testing.assert_frame_equal(read, report.degradations, rtol=1e-12)
    mixture, _ = soundfile.read(tmp_path / "out" / "audio" / "mixture.wav", dtype="float32")
    np.testing.assert_array_equal(mixture, report.mixture.astype(np.float32))
    for kind in signals:
        path = tmp_path / "out" / "audio" / "a%2Fb" / f"{kind}.wav"
        assert soundfile.info(path).subtype == "FLOAT"
        signal, rate = soundfile.read(path, dtype="float32")
        assert rate == RATE
        expected = getattr(report, f"{kind}s")[1].astype(np.float32)
        np.testing.assert_array_equal(signal, expected)


@pytest.mark.parametrize(
    ("module", "extra"), [("statsmodels.tsa.stattools", "waltz"), ("librosa.display", "plots")]
)
def test_nothing_is_written_where_a_library_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=re.escape(f"'oracle-masks[{extra}]'")):
        WaltzReport(make_track()).write(tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_report_writes_over_nothing(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").touch()
    message = f"out must be a new or an empty folder, got {tmp_path}: it is not empty"
    with pytest.raises(ValueError, match=re.escape(message)):
        WaltzReport(make_track()).write(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


# The published track


def test_the_published_track_is_found_by_its_name(preview: Path, rock: Track) -> None:
    track = load_published_track(preview)
    assert track.name == WALTZ
    np.testing.assert_array_equal(track.mixture, rock.mixture)


def test_a_folder_without_the_published_track_is_an_error(shared: Path, ffmpeg: str) -> None:
    message = f"root must hold {WALTZ!r}, got 1 other tracks, the first {ROCK!r}"
    with pytest.raises(ValueError, match=re.escape(message)):
        load_published_track(shared / "data" / "musdb18-7")


# The command


def rows_of(text: str, title: str) -> dict[str, list[str]]:
    """Find a printed table: its rows by their names."""
    (block,) = re.findall(rf"^{re.escape(title)} *\n\s*\n(.*?)\n\s*\n", text, re.M | re.S)
    rows: dict[str, list[str]] = {}
    source = ""
    for line in block.splitlines()[2:]:
        label, *cells = re.split(r"\s{2,}", line.strip())
        source = source if label in PARTS else label
        rows[source if source == label else f"{source}: {label}"] = cells
    return rows


PARTS = ("published", "difference")


def test_alone_it_reports_on_the_embedded_waltz_and_says_so(
    run: Run, waltz: WaltzReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    def report(track: Track) -> WaltzReport:
        for name, signal in waltz.named(waltz.references).items():
            np.testing.assert_array_equal(track.sources[name].mean(axis=0, dtype=float), signal)
        return waltz  # whose tables are known

    monkeypatch.setattr("oracle.cli.waltz.WaltzReport", report)
    done = run("waltz")
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith("Daisy Bell: drums, bass, other, vocals; 13.09 s, mixed to mono.\n")
    text = " ".join(done.out.split())
    assert f"These numbers are of another track; the published ones are of {WALTZ}" in text
    assert "published" not in rows_of(done.out, "Scores in dB")
    scores = rows_of(done.out, "Scores in dB")
    assert list(scores) == ["drums", "bass", "other", "vocals", "mean"]
    columns = [MISCOMPUTED if name == "SD-SDR" else name for name in SCORES]
    for name, cells in scores.items():
        expected = plain(waltz.scores)[name]
        assert cells == [f"{expected[column]:.3f}" for column in (*columns, "SD-SDR", "alpha")]
    assert set(rows_of(done.out, "Norms of the residuals")) == set(waltz.norms.columns)
    findings = rows_of(done.out, "What the residuals consist of")
    assert set(findings) == set(waltz.findings.columns)
    degradations = rows_of(done.out, "Three ways to spoil a source: scores in dB")
    assert len(degradations) == 9
    of_noise = waltz.degradations.query("degradation == 'noise' and level == -20")
    means = of_noise.groupby("metric", sort=False)["score"].mean()
    assert degradations["noise -20 dB"] == [f"{value:.2f}" for value in means]
    assert "Means over the 4 sources. Noise: white." in text
    assert "alpha = 0.8448 from SRR, so SD-SDR is 5.505, not 6.824" in text
    drums = plain(waltz.scores)["drums"]
    alpha, snr, sd_sdr, wrong = (drums[c] for c in ("alpha", "SNR", "SD-SDR", MISCOMPUTED))
    sentence = f"alpha = {alpha:.4f}, {snr:.3f} + 10 log10({alpha**2:.4f}) = {sd_sdr:.3f}"
    assert f"{sentence}, not {wrong:.3f}" in text


def test_the_published_track_stands_beside_the_published_figures(
    run: Run, preview: Path, real: WaltzReport
) -> None:
    done = run("waltz", "--root", preview)
    assert (done.status, done.err) == (0, "")
    columns = [MISCOMPUTED if name == "SD-SDR" else name for name in SCORES]
    theirs = add_mean(tabulate(PUBLISHED_SCORES, columns))
    scores = rows_of(done.out, "Scores in dB")
    assert len(scores) == 15
    for name, figures in plain(theirs).items():
        expected = plain(real.scores)[name]
        assert scores[name][:6] == [f"{expected[column]:.6f}" for column in columns]
        assert scores[f"{name}: published"] == [f"{figures[column]:.6f}" for column in columns]
        differences = [expected[column] - figures[column] for column in columns]
        assert scores[f"{name}: difference"] == [f"{value:.6f}" for value in differences]
    printed = rows_of(done.out, "Norms of the residuals")
    for place, norm in enumerate(NORMS):
        right = [PUBLISHED_NORMS[source][place] for source in real.targets]
        computed = [plain(real.norms)[source][norm] for source in real.targets]
        differences = [a - b for a, b in zip(computed, right, strict=True)]
        assert printed[norm] == [f"{value:.6g}" for value in computed]
        assert printed[f"{norm}: published"] == [f"{value:.6g}" for value in right]
        assert printed[f"{norm}: difference"] == [f"{value:.6g}" for value in differences]
    text = " ".join(done.out.split())
    assert "These numbers are of" not in text
    assert "The published figures are of the 7 s excerpt in MUSDB18's preview." in text


def write_stems(folder: Path, track: Track, *names: str) -> Path:
    folder.mkdir(parents=True)
    for name in names:
        audio = track.mixture if name == "mixture" else track.sources[name]
        soundfile.write(folder / f"{name}.wav", audio.T, track.rate, "FLOAT")
    return folder


def test_a_mixture_and_vocals_give_the_row_of_the_vocals(
    run: Run, rock: Track, real: WaltzReport, tmp_path: Path
) -> None:
    done = run("waltz", "--stems", write_stems(tmp_path / WALTZ, rock, "mixture", "vocals"))
    assert (done.status, done.err) == (0, "")
    scores = rows_of(done.out, "Scores in dB")
    expected = plain(real.scores)["vocals"]
    assert list(scores) == ["vocals", "vocals: published", "vocals: difference"]
    assert scores["vocals"][0] == f"{expected['SI-SDR']:.6f}"
    assert scores["vocals"][3:6] == [f"{expected[c]:.6f}" for c in (MISCOMPUTED, "SNR", "SRR")]
    # SI-SIR and SI-SAR are not comparable.
    compared = [expected[c] for c in ("SI-SDR", MISCOMPUTED, "SNR", "SRR")]
    figures = [PUBLISHED_SCORES["vocals"][place] for place in (0, 3, 4, 5)]
    differences = [f"{a - b:.6f}" for a, b in zip(compared, figures, strict=True)]
    assert scores["vocals: difference"] == differences
    assert "The rest counts as one more source" in done.out
    assert "Scores of the source. Noise: white." in done.out


def test_stems_of_another_length_are_another_track(run: Run, tmp_path: Path) -> None:
    track = make_track("left", "right")
    done = run("waltz", "--stems", write_stems(tmp_path / "song", track, "left", "right"))
    assert done.status == 0
    assert "These numbers are of another track;" in done.out
    assert list(rows_of(done.out, "Scores in dB")) == ["left", "right", "mean"]


def test_a_silent_stem_is_shown_as_nan(run: Run, tmp_path: Path) -> None:
    track = make_track("drums", "bass", "vocals")
    silent = dict(track.sources) | {"bass": np.zeros_like(track.mixture)}
    quiet = Track.from_sources("quiet", RATE, silent)
    done = run("waltz", "--stems", write_stems(tmp_path / "quiet", quiet, *silent))
    scores = rows_of(done.out, "Scores in dB")
    assert scores["bass"] == ["nan"] * 8
    assert "nan" not in scores["drums"]


def test_stems_of_its_length_are_another_track_by_their_name(
    run: Run, rock: Track, real: WaltzReport, tmp_path: Path
) -> None:
    done = run("waltz", "--stems", write_stems(tmp_path / "song", rock, "mixture", "vocals"))
    assert "These numbers are of another track (by its name); the published" in done.out
    vocals = plain(real.scores)["vocals"]
    (cells,) = rows_of(done.out, "Scores in dB").values()
    assert cells[0] == f"{vocals['SI-SDR']:.3f}"


def test_the_whole_song_is_another_excerpt(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    track = make_track("drums", "vocals")
    song = Track.from_sources(WALTZ, RATE, dict(track.sources))
    monkeypatch.setattr("oracle.cli.waltz.load_published_track", lambda root, download: song)
    done = run("waltz", "--root", tmp_path)
    assert "These numbers are of another excerpt; the published ones" in done.out


def test_download_fetches_the_preview(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def fetch(root: Path | None, *, download: bool) -> Track:
        asked.append((root, download))
        return make_track()

    monkeypatch.setattr("oracle.cli.waltz.load_published_track", fetch)
    assert run("waltz", "--download").status == 0
    assert asked == [(None, True)]


def test_out_takes_the_files_of_the_report(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures = WaltzReport.figures
    monkeypatch.setattr(WaltzReport, "figures", lambda self: {"masks": figures(self)["masks"]})
    stems = write_stems(tmp_path / "song", make_track(), "drums", "vocals")
    done = run("waltz", "--stems", stems, "--out", tmp_path / "report")
    assert done.status == 0
    assert done.out.splitlines()[-1] == f"Written to {tmp_path / 'report'}"
    assert (tmp_path / "report" / "figures" / "masks.png").stat().st_size > 10_000
    assert (tmp_path / "report" / "scores.csv").is_file()


def test_a_folder_of_several_tracks_is_an_error(run: Run, tmp_path: Path) -> None:
    for names, some in ((("one", "two"), "2: one, two"), (("a", "b"), "4: a, b, one, ...")):
        for name in names:
            write_stems(tmp_path / name, make_track(), "drums", "vocals")
        done = run("waltz", "--stems", tmp_path)
        message = f"stems must be the folder of one track, got {tmp_path} with {some}"
        assert (done.status, done.out, done.err.strip()) == (1, "", f"oracle: {message}")


@pytest.mark.parametrize("other", [("--download",), ("--root", "x")])
def test_stems_go_without_the_published_track(run: Run, tmp_path: Path, other: list[str]) -> None:
    done = run("waltz", "--stems", tmp_path, *other)
    assert done.status == 2
    assert "--stems cannot be combined with --root or --download" in done.err


def test_stems_that_are_not_read_are_named(run: Run, tmp_path: Path) -> None:
    write_stems(tmp_path / "one/song", make_track(), "drums", "vocals")
    write_stems(tmp_path / "one/song/takes", make_track(), "drums")
    done = run("waltz", "--stems", tmp_path / "one")
    assert done.status == 0
    assert done.err == "oracle: warning: Not read: song/takes (1 audio file).\n"


def test_an_out_that_is_not_empty_is_an_error(run: Run, tmp_path: Path) -> None:
    stems = write_stems(tmp_path / "song", make_track(), "drums", "vocals")
    done = run("waltz", "--stems", stems, "--out", tmp_path)
    assert (done.status, done.out) == (1, "")
    assert "out must be a new or an empty folder" in done.err
