"""The metrics that communities publish: equal to the code that its users run.

The figures of others were measured outside this repository, from the signals that `degrade` makes:
bleedless, fullness, L1-freq and Aura by utils/metrics.py of
ZFTurbo/Music-Source-Separation-Training at commit 2127d5e (with auraloss 0.4.0, torchaudio 2.11.1,
librosa 0.11.0), logWMSE by log-wmse-audio-quality 0.2.0.
"""

import importlib
import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import RATE, Run, make_track
from numpy.testing import assert_allclose

import oracle
from oracle import STFT, Track, TracksFailed
from oracle.cli.guide import read_topic
from oracle.datasets.audio_files import write_audio
from oracle.metrics import Metric, Needs, framewise_sdr, scale_invariant_ratios, usdr
from oracle.metrics.log_wmse import compute_log_wmse
from oracle.metrics.named import BUILT_IN, describe_metrics, find_metrics, read_metrics
from oracle.metrics.names import ALL_METRICS
from oracle.metrics.published import NOTES, PUBLISHED
from oracle.metrics.scorer import Scorer
from oracle.metrics.spectra import make_mel_filters
from oracle.tracks.track import Audio

# Theirs are computed in float32, as is the audio: levels of nearly empty bands have few digits.
FLOAT32 = 1e-4

# What users of the code get, for drums and vocals (stereo) and for the left of the bass.
OF_OTHERS = {
    "L1-freq": (20.3937230005754, 29.076715509327652, 21.581126393461382),
    "bleedless": (16.989723205566406, 6.628320217132568, 5.302807807922363),
    "fullness": (26.971935272216797, 46.078330993652344, 30.064254760742188),
    "AuraSTFT": (7.6883134841918945, 3.6237099170684814, 2.3142690658569336),
    "AuraSTFT-swapped": (7.943122863769531, 3.6338164806365967, 2.3540961742401123),
    "AuraMRSTFT": (8.154311180114746, 4.553766250610352, 1.8859801292419434),
    "AuraMRSTFT-swapped": (9.06820297241211, 4.565826416015625, 2.430877923965454),
    "logWMSE": (10.848549842834473, 13.563556671142578, 11.398052215576172),
}
SINGLE_EACH = sorted(set(PUBLISHED) - {"2f", "PESQ-NB", "PESQ-WB", "STOI", "ESTOI"})


def degrade(reference: Audio, mixture: Audio) -> Audio:
    """Add a quarter of the mixture, and dull it: too much here, too little there."""
    mixed = np.float32(0.75) * reference + np.float32(0.25) * mixture
    dull = mixed.copy()
    dull[:, 1:] = (mixed[:, 1:] + mixed[:, :-1]) / 2
    return dull


@pytest.fixture(scope="module")
def waltz() -> Track:
    return oracle.datasets.waltz().beginning(4)


def compute(name: str, track: Track, *targets: str, n_channels: int = 2) -> Any:
    references = np.stack([track.sources[target][:n_channels] for target in targets])
    estimates = np.stack([degrade(track.sources[t], track.mixture) for t in targets])
    mixture = track.mixture[:n_channels]
    return BUILT_IN[name].compute(references, estimates[:, :n_channels], mixture, track.rate)


@pytest.mark.parametrize("name", OF_OTHERS)
def test_equals_what_its_users_run(waltz: Track, name: str) -> None:
    stereo, mono = OF_OTHERS[name][:2], OF_OTHERS[name][2]
    assert_allclose(compute(name, waltz, "drums", "vocals"), stereo, rtol=FLOAT32)
    assert_allclose(compute(name, waltz, "bass", n_channels=1), [mono], rtol=FLOAT32)


@pytest.mark.peers
@pytest.mark.parametrize(("rate", "n_fft", "n_mels"), [(44100, 4096, 512), (44100, 1024, 128)])
def test_mel_filters_equal_those_of_librosa(rate: int, n_fft: int, n_mels: int) -> None:
    librosa = pytest.importorskip("librosa")
    theirs = librosa.filters.mel(sr=rate, n_fft=n_fft, n_mels=n_mels)
    assert_allclose(make_mel_filters(rate, n_fft, n_mels).toarray(), theirs, rtol=1e-5, atol=1e-9)


@pytest.mark.peers
def test_log_wmse_equals_its_package(waltz: Track) -> None:
    package = pytest.importorskip("log_wmse_audio_quality")
    reference, mixture = waltz.sources["vocals"], waltz.mixture
    guess = degrade(reference, mixture)
    silence = np.zeros_like(reference)
    near = (reference + np.float32(1e-3) * guess).astype(np.float32)
    for truth, estimate, tolerance in (
        (reference, guess, 1e-5),
        (silence, guess, 1e-5),
        (reference, near, 1e-3),  # near 73.7, the gate sees the rounding of their float32
    ):
        theirs = package.calculate_log_wmse(mixture, estimate, truth, waltz.rate)
        assert_allclose(
            compute_log_wmse(truth[None], estimate[None], mixture), theirs, atol=tolerance
        )


def test_log_wmse_is_defined_for_silence(waltz: Track) -> None:
    reference, mixture = waltz.sources["vocals"][None], waltz.mixture
    silence, perfect = 0 * reference, -4 * np.log(1e-8)
    assert_allclose(compute_log_wmse(silence, silence, mixture), perfect)
    assert_allclose(compute_log_wmse(reference, reference, mixture), perfect)
    assert_allclose(compute_log_wmse(reference, silence, 0 * mixture), perfect)
    louder = compute_log_wmse(silence, reference, mixture)
    quieter = compute_log_wmse(silence, 0.1 * reference, mixture)
    assert_allclose(quieter - louder, 8 * np.log(10), rtol=0.01)  # but for the gate
    # Below -68 dB of the mixture at every sample, nothing is heard.
    assert_allclose(compute_log_wmse(silence, 1e-6 * reference, mixture), perfect)


def test_log_wmse_is_the_mean_over_channels(waltz: Track) -> None:
    reference, mixture = waltz.sources["vocals"][None], waltz.mixture
    estimate = degrade(waltz.sources["vocals"], mixture)[None]
    estimate[:, 1] = 0.1 * reference[:, 1]
    together = compute_log_wmse(reference, estimate, mixture)
    alone = [
        compute_log_wmse(reference[:, [c]], estimate[:, [c]], mixture[[c]])[0] for c in range(2)
    ]
    assert abs(alone[0] - alone[1]) > 1
    assert_allclose(together, np.mean(alone))


def test_log_wmse_weighs_frequencies_as_hearing_does() -> None:
    time = np.arange(44100) / 44100
    reference = np.zeros((1, 1, 44100))

    def score(frequency: float) -> float:
        error = 0.1 * np.sin(2 * np.pi * frequency * time)[None, None]
        mixture = np.sin(2 * np.pi * 1000 * time)[None]
        return float(compute_log_wmse(reference, error, mixture)[0])

    assert score(30) > score(10000) > score(1000) > score(3000)


def test_perfect_estimates_have_the_best_value(waltz: Track) -> None:
    references = np.stack([waltz.sources[name] for name in ("drums", "vocals")])
    for name in SINGLE_EACH:
        metric = BUILT_IN[name]
        values = metric.compute(references, references, waltz.mixture, waltz.rate)
        if metric.unit == "dB":
            # BSS Eval fits filters, so a perfect estimate is perfect but for rounding.
            assert (values > (100 if name == "SDR-v3" else 1e9)).all(), name
        else:
            assert_allclose(values, -4 * np.log(1e-8) if name == "logWMSE" else 100, err_msg=name)


def test_bleedless_finds_what_is_too_much_and_fullness_what_lacks(waltz: Track) -> None:
    reference = waltz.sources["vocals"][None]
    mixture = waltz.mixture

    def score(name: str, gain: float) -> float:
        return float(BUILT_IN[name].compute(reference, gain * reference, mixture, 44100)[0])

    # Half of it lacks 6 dB in each band above the floor, which is relative to the maximum.
    assert score("bleedless", 0.5) == 100
    assert_allclose(score("fullness", 0.5), 100 / (1 + 20 * np.log10(2)), rtol=1e-5)
    assert score("fullness", 2) == 100
    assert_allclose(score("bleedless", 2), 100 / (1 + 20 * np.log10(2)), rtol=1e-5)


def test_l1_freq_and_aura_of_a_gain() -> None:
    """In closed form, where every magnitude of the estimate is half of the truth's."""
    rng = np.random.default_rng(0)
    reference = rng.standard_normal((1, 2, 8192))
    arguments = (reference, 0.5 * reference, reference[0], 44100)
    frames = np.pad(reference, ((0, 0), (0, 0), (1024, 1024)), "reflect")
    frames = np.lib.stride_tricks.sliding_window_view(frames, 2048, axis=-1)[:, :, ::1024]
    mean = np.abs(np.fft.rfft(frames)).mean()
    assert_allclose(BUILT_IN["L1-freq"].compute(*arguments), 100 / (1 + 10 * mean / 2))
    loss = 0.5 + np.log(2)
    assert_allclose(BUILT_IN["AuraSTFT"].compute(*arguments), 100 / (1 + 10 * loss), rtol=1e-9)
    swapped = 1 + np.log(2)
    found = BUILT_IN["AuraSTFT-swapped"].compute(*arguments)
    assert_allclose(found, 100 / (1 + 10 * swapped), rtol=1e-9)


@pytest.mark.parametrize(
    ("name", "n_samples"), [("L1-freq", 1024), ("AuraSTFT", 512), ("AuraMRSTFT", 2048)]
)
def test_refuses_audio_that_is_too_short_to_be_reflected(name: str, n_samples: int) -> None:
    audio = np.random.default_rng(0).standard_normal((1, 1, n_samples + 1))
    assert BUILT_IN[name].compute(audio, audio, audio[0], 44100) == 100
    message = (
        f"{name} failed: ValueError: audio must have more than {n_samples} samples, got {n_samples}"
    )
    with pytest.raises(ValueError, match=message):
        BUILT_IN[name].compute(*(audio[..., 1:],) * 2, audio[0, :, 1:], 44100)


@pytest.mark.parametrize(
    ("name", "ratio"),
    [
        ("uSDRi", usdr),
        ("SNRi", usdr),
        ("SI-SDRi", lambda r, e: scale_invariant_ratios(r, e).si_sdr),
        ("SD-SDRi", lambda r, e: scale_invariant_ratios(r, e).sd_sdr),
        ("SDR-v3i", lambda r, e: BUILT_IN["SDR-v3"].compute(r, e, r[0], RATE)),
    ],
)
def test_improvements_are_relative_to_the_unprocessed_mixture(name: str, ratio: Any) -> None:
    track = make_track("song", "bass", "drums", "vocals")
    estimates = oracle.separate(track, "IRM2", stft=STFT(n_fft=256))
    metrics = [name, name[:-1]]
    of_estimates = oracle.score(track, estimates, metrics=metrics).scores
    table = of_estimates.pivot(index="target", columns="metric", values="score")
    names = ["bass", "drums", "vocals"]
    references = np.stack([track.sources[each] for each in names])
    of_mixture = ratio(references, np.broadcast_to(track.mixture, references.shape))
    improvements = table[name[:-1]][names] - of_mixture
    assert_allclose(table[name][names], improvements, atol=1e-6)
    # MIX is the mixture times a gain, which the scale-invariant ratios alone do not see.
    scaled = oracle.compute_bounds(track, methods=["MIX"], metrics=[name], stft=STFT(n_fft=256))
    of_mix = scaled.table.set_index("target")["median"][names]
    assert np.allclose(of_mix, 0, atol=1e-3) == (name in ("SI-SDRi", "SDR-v3i"))


def test_sdri_is_of_windows_as_museval_has_them() -> None:
    track = make_track("song", "bass", "drums", "vocals")
    estimates = oracle.separate(track, "IRM2", stft=STFT(n_fft=256))
    scores = oracle.score(track, estimates, metrics=["SDRi", "SDR"]).scores
    table = scores.pivot(index=["target", "time"], columns="metric", values="score")
    assert table.loc["drums"].index.tolist() == [0, 1]
    references = np.stack(list(track.sources.values()))
    mixtures = np.broadcast_to(track.mixture, references.shape)
    of_mixture = framewise_sdr(references, mixtures, window=RATE, hop=RATE)
    for target, ratios in zip(track.sources, of_mixture, strict=True):
        of_target = table.loc[target]
        assert_allclose(of_target["SDRi"], of_target["SDR"] - ratios, atol=1e-6)


def test_improvements_of_perfect_signals() -> None:
    rng = np.random.default_rng(0)
    reference = rng.standard_normal((1, 2, RATE))
    mixture = reference[0] + rng.standard_normal((2, RATE))
    nearly = reference + 1e-7 * rng.standard_normal(reference.shape)
    improvement = BUILT_IN["SI-SDRi"]
    assert improvement.compute(reference, nearly, mixture, RATE) == np.inf
    assert np.isnan(improvement.compute(reference, nearly, reference[0], RATE))
    assert improvement.compute(reference, mixture[None], reference[0], RATE) == -np.inf
    assert np.isnan(improvement.compute(0 * reference, nearly, mixture, RATE))


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore:mir_eval.separation:FutureWarning")
def test_sdr_v3_equals_mir_eval_for_the_given_order() -> None:
    separation = pytest.importorskip("mir_eval.separation")
    rng = np.random.default_rng(0)
    references = rng.standard_normal((2, 1, RATE))
    estimates = references[::-1] + 0.5 * rng.standard_normal(references.shape)  # changed places
    theirs = separation.bss_eval_sources(references[:, 0], estimates[:, 0], False)[0]
    found = BUILT_IN["SDR-v3"].compute(references, estimates, references.sum(axis=0), RATE)
    assert_allclose(found, theirs, atol=1e-6)
    assert (found < 0).all()
    silent = estimates * np.array([0, 1])[:, None, None]
    mixture = references.sum(axis=0)
    assert np.isnan(BUILT_IN["SDR-v3"].compute(references, silent, mixture, RATE)).all()
    mixed = np.broadcast_to(mixture, references.shape)[:, 0]
    of_mixture = separation.bss_eval_sources(references[:, 0], mixed, False)[0]
    improvement = BUILT_IN["SDR-v3i"].compute(references, estimates, mixture, RATE)
    assert_allclose(improvement, theirs - of_mixture, atol=1e-6)


def speak(rate: int) -> tuple[Audio, Audio]:
    """Make a voice-like reference and a noisy estimate: syllables of a harmonic sound."""
    time = np.arange(3 * rate) / rate
    voice = sum(np.sin(2 * np.pi * 140 * k * time) / k for k in range(1, 20))
    reference = voice * np.clip(np.sin(2 * np.pi * 2 * time), 0, None) * 0.1
    noise = np.random.default_rng(0).standard_normal(reference.shape)
    return reference[None, None], (reference + 0.01 * noise)[None, None]


@pytest.mark.peers
@pytest.mark.parametrize(
    ("name", "rate"), [("PESQ-NB", 8000), ("PESQ-NB", 16000), ("PESQ-WB", 16000)]
)
def test_pesq_is_that_of_its_package(name: str, rate: int) -> None:
    package = pytest.importorskip("pesq")
    reference, estimate = speak(rate)
    theirs = package.pesq(rate, reference[0, 0], estimate[0, 0], name[-2:].lower())
    found = BUILT_IN[name].compute(reference, estimate, estimate[0], rate)
    assert found == theirs
    assert 1 < theirs < 4.4
    for truth, guess in (
        (0 * reference, estimate),
        (reference, 0 * estimate),
        (reference[..., :1000], estimate[..., :1000]),
    ):
        assert np.isnan(BUILT_IN[name].compute(truth, guess, guess[0], rate)).all()


@pytest.mark.peers
@pytest.mark.parametrize("extended", [False, True])
def test_stoi_is_that_of_its_package(extended: bool) -> None:
    package = pytest.importorskip("pystoi")
    reference, estimate = speak(16000)
    theirs = package.stoi(reference[0, 0], estimate[0, 0], 16000, extended=extended)
    metric = BUILT_IN["ESTOI" if extended else "STOI"]
    assert_allclose(metric.compute(reference, estimate, estimate[0], 16000), theirs, rtol=1e-9)
    assert -1 < theirs < 0.999
    for truth, guess in (
        (0 * reference, estimate),
        (reference[..., :4000], estimate[..., :4000]),
    ):
        assert np.isnan(metric.compute(truth, guess, guess[0], 16000)).all()


@pytest.mark.slow
@pytest.mark.peers
def test_2f_is_that_of_its_package(tmp_path: Path) -> None:
    """Also at rates that its command resamples from."""
    mms = pytest.importorskip("seabass.core.models.mms")
    track = oracle.datasets.waltz().beginning(1)
    reference = track.sources["vocals"]
    estimate = degrade(reference, track.mixture)
    arguments = (reference[None], estimate[None], track.mixture)
    at_48000 = mms.estimated_mean_mushra_score(estimate.astype("f8"), reference.astype("f8"))
    assert_allclose(BUILT_IN["2f"].compute(*arguments, 48000), at_48000, rtol=1e-6)
    for name, audio in (("truth", reference), ("guess", estimate)):
        write_audio(tmp_path / f"{name}.wav", audio, 44100)
    theirs = mms.estimated_mean_mushra_score_file(tmp_path / "guess.wav", tmp_path / "truth.wav")
    assert_allclose(BUILT_IN["2f"].compute(*arguments, 44100), theirs, rtol=1e-6)
    assert 0 < theirs < 100
    assert np.isnan(BUILT_IN["2f"].compute(0 * arguments[0], *arguments[1:], 48000)).all()


NOISE = np.random.default_rng(0).standard_normal((1, 2, RATE))


@pytest.mark.parametrize(
    ("name", "rate", "message"),
    [
        ("PESQ-NB", 44100, "rate must be 8000 or 16000 Hz for the metric PESQ-NB, got 44100: lea"),
        ("PESQ-WB", 8000, "rate must be 16000 Hz for the metric PESQ-WB, got 8000"),
        ("PESQ-WB", 16000, "audio must be mono for the metric PESQ-WB, got 2 channels"),
        ("STOI", 16000, "audio must be mono for the metric STOI, got 2 channels"),
        ("ESTOI", 16000, "audio must be mono for the metric ESTOI, got 2 channels"),
        ("logWMSE", 48000, "rate must be 44100 Hz for the metric logWMSE, got 48000"),
        ("bleedless", 48000, "rate must be 44100 Hz for the metric bleedless, got 48000"),
        ("fullness", 16000, "rate must be 44100 Hz for the metric fullness, got 16000"),
        ("AuraMRSTFT", 16000, "rate must be 44100 Hz for the metric AuraMRSTFT, got 16000"),
        ("AuraMRSTFT-swapped", 8000, "for the metric AuraMRSTFT-swapped, got 8000"),
    ],
)
def test_nothing_is_resampled_or_mixed_down_in_silence(
    monkeypatch: pytest.MonkeyPatch, name: str, rate: int, message: str
) -> None:
    monkeypatch.setattr(Needs, "check_package", lambda *arguments: None)
    with pytest.raises(ValueError, match=message):
        BUILT_IN[name].compute(NOISE, NOISE, NOISE[0], rate)
    # Before anything is read of a track.
    with pytest.raises(ValueError, match=message):
        Scorer({"a": NOISE[0]}, rate=rate, metrics=[name], mixture=NOISE[0])


@pytest.mark.parametrize(
    ("name", "package", "extra"),
    [
        ("PESQ-NB", "pesq", "speech"),
        ("PESQ-WB", "pesq", "speech"),
        ("STOI", "pystoi", "speech"),
        ("ESTOI", "pystoi", "speech"),
        ("2f", "seabass", "perceptual"),
    ],
)
def test_names_the_extra_that_is_absent(
    monkeypatch: pytest.MonkeyPatch, run: Run, name: str, package: str, extra: str
) -> None:
    def find(module: str) -> object:
        return None if module == package else object()

    monkeypatch.setattr("oracle.metrics.needs.find_spec", find)
    message = rf"{package} must be installed for the metric {name}: pip install .*\[{extra}\]'"
    with pytest.raises(ImportError, match=message):
        oracle.compute_bounds(oracle.datasets.waltz(), metrics=["uSDR", name])
    status, _, err = run("bounds", "waltz", "--metrics", name)
    assert status == 1
    assert re.search(message, err)
    assert find_metrics(set(PUBLISHED) - {each for each in PUBLISHED if needs(each) == package})


def needs(name: str) -> str:
    return BUILT_IN[name].needs.package


def test_a_metric_of_your_own_says_what_it_needs() -> None:
    def level(r: Audio, e: Audio, m: Audio, rate: int) -> Any:
        return np.zeros(len(r))

    track = make_track()
    at_16k = Metric("AT-16K", level, needs=Needs(rates=(16000,)))
    with pytest.raises(TracksFailed, match="rate must be 16000 Hz for the metric AT-16K, got 8000"):
        oracle.compute_bounds(track, methods=["MIX"], metrics=[at_16k], stft=STFT(n_fft=256))
    absent = Metric("ABSENT", level, needs=Needs(package="no_such_module", extra="x"))
    with pytest.raises(ImportError, match="no_such_module must be installed for the metric ABSENT"):
        oracle.compute_bounds(track, metrics=[absent])


def test_metrics_keep_what_they_need_on_their_way_to_other_processes() -> None:
    for metric in PUBLISHED.values():
        assert pickle.loads(pickle.dumps(metric)) == metric
    mono = Metric("MONO", lambda r, e, m, rate: np.zeros(len(r)), needs=Needs(mono=True))
    pytest.importorskip("cloudpickle")
    assert pickle.loads(pickle.dumps(mono)).needs == mono.needs


def test_built_in_functions_are_not_metrics_of_your_own(waltz: Track, tmp_path: Path) -> None:
    metrics: list[Any] = ["uSDR", "SDRi", "SI-SDRi", "bleedless"]
    run: dict[str, Any] = {"methods": ["MIX", "IRM2"], "metrics": metrics, "out": tmp_path}
    results = oracle.compute_bounds(waltz.beginning(2), **run)
    assert describe_metrics(find_metrics(metrics)) == {"metrics": metrics}
    assert "own_metrics" not in results.settings
    assert read_metrics(results.settings)["SDRi"] is PUBLISHED["SDRi"]
    shown = " ".join(str(results).split())
    assert "SI-SDRi: SI-SDR, less that of the mixture." in shown
    assert "SDRi: museval's SDR, less that of the mixture, median over windows of 1 s." in shown
    assert "bleedless in" not in shown
    assert "of your own" not in shown
    again = oracle.compute_bounds(waltz.beginning(2), **run)  # resumes
    assert again.table.equals(results.table)
    compared = str(oracle.compare([tmp_path], metrics=["bleedless", "SDRi"]))
    assert "SDRi in dB" in compared
    with pytest.raises(ValueError, match="not have the name of another, got 'SI-SDRi'"):
        find_metrics([Metric("SI-SDRi", PUBLISHED["uSDRi"].function)])
    assert find_metrics(PUBLISHED["L1-freq"] for _ in "1") == [PUBLISHED["L1-freq"]]


@pytest.mark.slow
def test_built_in_functions_work_in_other_processes() -> None:
    tracks = [make_track("one"), make_track("two")]
    options: dict[str, Any] = {"methods": ["IRM2"], "stft": STFT(n_fft=256)}
    options["metrics"] = ["SI-SDRi", "SDRi", "L1-freq", "AuraSTFT-swapped"]
    here = oracle.compute_bounds(tracks, **options)
    there = oracle.compute_bounds(tracks, jobs=2, **options)
    assert here.scores.equals(there.scores)


def test_values_above_100_db_of_sdr_v3_are_infinite() -> None:
    track = make_track("song", "bass", "drums", "vocals")
    quieter = {target: 0.3 * audio for target, audio in track.targets.items()}  # not inf: rounding
    table = oracle.score(track, quieter, metrics=["SDR-v3", "SDR-v3i", "L1-freq"]).table
    assert table.groupby("metric")["n_inf"].unique().map(list).to_dict() == {
        "SDR-v3": [1],
        "SDR-v3i": [1],
        "L1-freq": [0],
    }


def test_functions_get_the_targets_that_are_estimated() -> None:
    """So that SDR-v3 of some sources is not that of all, as the guide says."""
    track = make_track("song", "bass", "drums", "vocals")
    estimates = oracle.separate(track, "IRM2", stft=STFT(n_fft=256))
    alone = Scorer(
        track.sources, rate=RATE, metrics=["SDR-v3"], mixture=track.mixture, estimated=["drums"]
    ).score({"drums": estimates["drums"]})
    drums = [audio["drums"][None] for audio in (track.sources, estimates)]
    expected = oracle.metrics.bss_eval_sources(*drums, compute_permutation=False).sdr
    assert_allclose([score.score for score in alone], expected)


def test_quiet_signals_have_the_usdr_of_loud_ones(waltz: Track) -> None:
    """The code of MDX and SDX adds 1e-7 or 1e-8 to both energies; the guide says what that does."""
    reference = waltz.sources["vocals"].astype(np.float64)
    error = degrade(waltz.sources["vocals"], waltz.mixture) - reference

    def deviate(gain: float, added: float) -> float:
        signal, noise = (np.sum((gain * audio) ** 2) for audio in (reference, error))
        theirs = 10 * np.log10((signal + added) / (noise + added))
        quiet = (gain * reference)[None]
        return abs(float(theirs - usdr(quiet, quiet + gain * error)[0]))

    assert deviate(1, 1e-7) < 1e-8
    assert deviate(1e-3, 1e-7) < 0.002
    assert deviate(1e-5, 1e-7) > 1
    assert deviate(1e-5, 1e-8) > 0.1


def test_the_guide_has_a_row_for_every_metric() -> None:
    table = read_topic("metrics")
    rows = re.findall(r"^\| ([^|]+) \|.*\|$", table, re.MULTILINE)
    named = {name for row in rows for name in row.replace("**", "").split(", ")}
    assert set(BUILT_IN) <= named


@pytest.mark.slow
def test_the_tables_of_the_guide_are_what_the_command_prints() -> None:
    tables = re.findall(r"^\| method \|.*(?:\n\|.*)+", read_topic("metrics"), re.MULTILINE)
    printed: dict[tuple[str, str], float] = {}
    for table in tables:
        (_, *names), _, *rows = (
            [cell.strip() for cell in line.strip("|").split("|")] for line in table.split("\n")
        )
        for method, *cells in rows:
            printed |= {(method, n): float(c) for n, c in zip(names, cells, strict=True)}
    metrics = sorted({name for _, name in printed} - {"2f"})
    assert len(metrics) == 24
    waltz = oracle.datasets.waltz()
    found = oracle.compute_bounds(waltz, methods=["IBM", "IRM1"], metrics=metrics).table
    of_sources = found[found["target"] != "accompaniment"]
    means = of_sources.pivot_table(index="method", columns="metric", values="median")
    for method in means.index:
        for metric in means.columns:
            there = printed[method, metric]
            assert_allclose(there, means[metric][method], atol=0.06, err_msg=f"{method} {metric}")


def test_every_published_metric_has_a_note() -> None:
    assert set(NOTES) == set(PUBLISHED) == set(BUILT_IN) - set(ALL_METRICS)
    assert not any(note.endswith(".") for note in NOTES.values())


def test_packages_are_imported_when_they_are_needed() -> None:
    for name in ("pesq", "pystoi", "seabass"):
        assert name not in vars(importlib.import_module("oracle.metrics.published"))
