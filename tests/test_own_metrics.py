"""Metrics of your own: wherever a metric is named, in files, comparisons and other processes."""

import json
import re
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import N_SAMPLES, RATE, Run, guesses, make_track

import oracle
from oracle import STFT, Track, TracksFailed
from oracle.comparison.tables import lay_out_tables
from oracle.datasets.audio_files import write_audio
from oracle.jobs.sweeps import name_figures
from oracle.metrics import Metric, scale_invariant_ratios, usdr
from oracle.metrics.named import BUILT_IN, find_metrics
from oracle.metrics.names import ALL_METRICS, FRAMEWISE
from oracle.metrics.scorer import Scorer
from oracle.report.degradations import score_degradations
from oracle.tracks.track import Audio

QUICK: dict[str, Any] = {"stft": STFT(n_fft=256), "methods": ["MIX", "IRM2"]}


def error_level(references: Audio, estimates: Audio, mixture: Audio, rate: int) -> Any:
    """Return the RMS of the error."""
    return np.sqrt(np.mean((estimates - references) ** 2, axis=(1, 2), dtype=np.float64))


def whole_sdr(references: Audio, estimates: Audio, mixture: Audio, rate: int) -> Any:
    return usdr(references, estimates)


def si_sir(references: Audio, estimates: Audio, mixture: Audio, rate: int) -> Any:
    return scale_invariant_ratios(references, estimates).si_sir


LEVEL = Metric("LEVEL", error_level, unit="FS", lower_is_better=True)
IN_WINDOWS = Metric("WINDOWED", whole_sdr, unit="dB", windows=True)


@pytest.fixture(scope="module")
def track() -> Track:
    return make_track("song", "bass", "drums", "vocals")


def test_a_metric_of_your_own_is_a_metric_everywhere(track: Track, tmp_path: Path) -> None:
    own_sir = Metric("own SI-SIR", si_sir)
    metrics: list[Any] = ["uSDR", whole_sdr, LEVEL, IN_WINDOWS, "SDR", own_sir, "SI-SIR"]
    results = oracle.compute_bounds(track, metrics=metrics, out=tmp_path, **QUICK)
    table = results.table.set_index(["metric", "method", "target"])["median"].sort_index()
    names = ["uSDR", "whole_sdr", "LEVEL", "WINDOWED", "SDR", "own SI-SIR", "SI-SIR"]
    assert results.table["metric"].unique().tolist() == names
    np.testing.assert_allclose(table["whole_sdr"], table["uSDR"], atol=1e-9)
    np.testing.assert_allclose(table["WINDOWED"], table["SDR"], atol=1e-9)
    # The same groups: sources together, then vocals and accompaniment.
    np.testing.assert_allclose(table["own SI-SIR"], table["SI-SIR"], atol=1e-9)
    estimates = oracle.separate(track, "IRM2", stft=QUICK["stft"])
    expected = np.sqrt(np.mean((estimates["drums"] - track.sources["drums"]) ** 2))
    assert table["LEVEL", "IRM2", "drums"] == pytest.approx(expected, rel=1e-6)
    of_irm = table["LEVEL", "IRM2"]
    scored = oracle.score(track, estimates, metrics=[LEVEL]).table.set_index("target")["median"]
    np.testing.assert_allclose(scored[of_irm.index], of_irm, rtol=1e-6)
    options: dict[str, Any] = {"n_ffts": [256], "overlaps": [0.5], "metrics": [LEVEL]}
    sweep = oracle.compute_sweep(track, methods=["IRM2"], **options).table
    swept = sweep.set_index("target")["median"]
    np.testing.assert_allclose(swept[of_irm.index], of_irm, rtol=1e-6)
    scores = pd.read_csv(tmp_path / "scores.csv")
    assert set(scores["metric"]) == set(names)
    has_time = scores.groupby("metric")["time"].apply(lambda times: times.notna().all())
    assert has_time[has_time].index.tolist() == ["SDR", "WINDOWED"]
    said = json.loads((tmp_path / "run.json").read_text())
    assert said["metrics"] == names
    assert said["own_metrics"]["LEVEL"] == {
        "unit": "FS",
        "windows": False,
        "lower_is_better": True,
        "fingerprint": LEVEL.settings["fingerprint"],
    }
    frames = json.loads((tmp_path / "IRM2/test/song.json").read_text())["targets"][0]["frames"]
    assert set(frames[0]["metrics"]) == {"SDR", "ISR", "SIR", "SAR"}


def test_a_metric_gets_the_mixture_and_the_rate(track: Track) -> None:
    got: list[Any] = []

    def look(references: Audio, estimates: Audio, mixture: Audio, rate: int) -> Any:
        got.append((references.shape, estimates.shape, mixture, rate))
        return [1] * len(references)

    scorer = Scorer(track.targets, rate=RATE, metrics=[look], mixture=track.mixture)
    scorer.score(guesses(track))
    (sources, guessed, mixture, rate), (pair, *_) = got
    assert sources == guessed == (3, 2, N_SAMPLES)
    assert pair == (2, 2, N_SAMPLES)
    np.testing.assert_array_equal(mixture, track.mixture)
    assert rate == RATE
    got.clear()
    metric = Metric("look", look, windows=True)
    Scorer(track.targets, rate=RATE, metrics=[metric], mixture=track.mixture).score(guesses(track))
    assert [each[0] for each in got] == 2 * [(3, 2, RATE)] + 2 * [(2, 2, RATE)]
    np.testing.assert_array_equal(got[1][2], track.mixture[:, RATE:])


def test_tables_name_units_and_say_what_is_better(track: Track) -> None:
    shown = str(oracle.compute_bounds(track, metrics=["uSDR", LEVEL, IN_WINDOWS], **QUICK))
    assert "uSDR in dB" in shown
    assert "LEVEL in FS" in shown
    assert "LEVEL: a metric of your own; lower is better." in shown
    windowed = "WINDOWED: a metric of your own, median over windows of 1 s."
    assert windowed in " ".join(shown.split())
    estimates = oracle.separate(track, "IRM2", stft=QUICK["stft"])
    mixed = str(oracle.score(track, estimates, metrics=["uSDR", LEVEL, whole_sdr]))
    assert "uSDR (dB)" in mixed
    assert "LEVEL (FS)" in mixed
    assert "\n whole_sdr  " in mixed
    assert ", in dB" not in mixed
    assert ", in dB" in str(oracle.score(track, estimates, metrics=["uSDR", IN_WINDOWS]))


def test_values_without_decibels_have_three_digits(track: Track) -> None:
    small = Metric("SMALL", lambda r, e, m, rate: 0.0085123 * np.ones(len(r)), unit="FS")
    shown = str(oracle.score(track, dict(track.targets), metrics=[small]))
    assert "0.00851" in shown
    assert Metric("X", error_level, unit="dB").format(12.3456) == "12.35"
    values = (1.23e9, -1e-5, 57.0, 100.0, 0.0, np.nan, np.inf)
    expected = ["1.23e+09", "-1.00e-05", "57.0", "100", "0.00", "nan", "inf"]
    assert [small.format(value) for value in values] == expected


def test_values_above_100_are_infinite_only_if_they_are_energy_ratios(track: Track) -> None:
    percent = Metric("PERCENT", lambda r, e, m, rate: [150.0] * len(r), unit="%")
    perfect = dict(track.targets)
    table = oracle.score(track, perfect, metrics=["uSDR", percent]).table
    counts = table.groupby("metric")["n_inf"].unique()
    assert {name: list(count) for name, count in counts.items()} == {"PERCENT": [0], "uSDR": [1]}


def test_nan_says_that_a_target_has_no_value(track: Track) -> None:
    def only_first(r: Audio, e: Audio, m: Audio, rate: int) -> Any:
        return [1.0] + [np.nan] * (len(r) - 1)

    table = oracle.compute_bounds(track, metrics=[only_first], **QUICK).table
    counts = table[table["method"] == "MIX"].set_index("target")["n_nan"]
    assert counts.to_dict() == {"bass": 0, "drums": 1, "vocals": 1, "accompaniment": 1}


@pytest.mark.slow
def test_metrics_work_in_other_processes() -> None:
    """Also those that cannot be imported there."""
    tracks = [make_track("one"), make_track("two")]
    factor = 2.0
    scaled = Metric("SCALED", lambda r, e, m, rate: factor * error_level(r, e, m, rate))
    metrics: list[Any] = ["uSDR", LEVEL, scaled, partial_metric()]
    here = oracle.compute_bounds(tracks, metrics=metrics, **QUICK)
    there = oracle.compute_bounds(tracks, metrics=metrics, jobs=2, **QUICK)
    pd.testing.assert_frame_equal(here.scores, there.scores)


def partial_metric() -> Metric:
    def power(exponent: float, r: Audio, e: Audio, m: Audio, rate: int) -> Any:
        return error_level(r, e, m, rate) ** exponent

    return Metric("POWER", partial(power, 3.0))


def test_a_changed_metric_does_not_go_on_with_old_scores(track: Track, tmp_path: Path) -> None:
    def run(metric: Metric, **options: Any) -> None:
        oracle.compute_bounds(track, metrics=[metric], out=tmp_path / "out", **QUICK, **options)

    run(LEVEL)
    run(LEVEL)
    for changed in (
        Metric("LEVEL", whole_sdr, unit="FS", lower_is_better=True),
        Metric("LEVEL", error_level, unit="dB", lower_is_better=True),
    ):
        with pytest.raises(ValueError, match="own_metrics was .*LEVEL.* and is "):
            run(changed)
    run(Metric("LEVEL", whole_sdr), overwrite=True)


def test_comparisons_know_units_and_directions(track: Track, tmp_path: Path) -> None:
    metrics: list[Any] = ["uSDR", LEVEL]
    estimates = oracle.separate(track, "IRM1", stft=QUICK["stft"])
    for system, gain in (("near", 1.0), ("far", 0.5)):
        for target, audio in estimates.items():
            file = tmp_path / "est" / system / track.name / f"{target}.wav"
            write_audio(file, (gain * audio).astype("f4"), RATE)
        folder = tmp_path / "est" / system
        oracle.score_system(track, folder, metrics=metrics, out=tmp_path / system)
    oracle.compute_bounds(track, metrics=metrics, out=tmp_path / "bounds", **QUICK)
    folders = [tmp_path / name for name in ("near", "far", "bounds")]
    comparison = oracle.compare(folders, metrics=["LEVEL"])
    shown = str(comparison)
    assert "LEVEL in FS" in shown
    assert "LEVEL: difference from near in FS" in shown
    assert "LEVEL: distance to the bounds in FS" in shown
    assert "Lower is better." in shown
    (grid, *_) = lay_out_tables(comparison)
    assert {row for row, _ in grid.bold} == {0}  # near, though its values are lower
    (grid, *_) = lay_out_tables(oracle.compare(folders, metrics=["uSDR"]))
    assert {row for row, _ in grid.bold} == {0}


def test_comparisons_note_metrics_that_differ(track: Track, tmp_path: Path) -> None:
    for name, function in (("one", error_level), ("two", whole_sdr)):
        metric = Metric("M", function)
        oracle.compute_bounds(track, metrics=[metric], out=tmp_path / name, **QUICK)
    notes = oracle.compare([tmp_path / "one", tmp_path / "two"], metrics=["M"]).notes
    assert "M is not the same function in one and two: its scores may not be comparable" in notes
    path = tmp_path / "one/run.json"
    run = json.loads(path.read_text())
    path.write_text(json.dumps(run | {"own_metrics": {"M": {"unit": "dB"}}}))
    with pytest.raises(ValueError, match=r"run\.json must be that of a run, got .*windows"):
        oracle.compare([tmp_path / "one"], metrics=["M"])


def test_built_in_metrics_are_metrics() -> None:
    assert tuple(BUILT_IN)[: len(ALL_METRICS)] == ALL_METRICS
    for name in ALL_METRICS:
        metric = BUILT_IN[name]
        assert metric.function is None
        assert (metric.name, metric.unit, metric.windows) == (name, "dB", name in FRAMEWISE)
        assert find_metrics([metric]) == [metric]


@pytest.mark.parametrize(
    ("metrics", "kind", "message"),
    [
        ([lambda r, e, m, rate: r], ValueError, r"a metric must have a name, .*Metric\('NAME', f"),
        (LEVEL, TypeError, "metrics must be a list, got .*LEVEL.* alone"),
        (error_level, TypeError, "metrics must be a list, got .*error_level.* alone"),
        ([3], TypeError, "a metric must be a name, a Metric or a function, got 3"),
        ([Metric("SDR", error_level)], ValueError, "not have the name of another, got 'SDR'"),
        ([Metric("X")], ValueError, "a metric must have a function, got 'X' without"),
        ([Metric("SDR", unit="Hz")], ValueError, "a metric must have a function, got 'SDR' w"),
        ([LEVEL, LEVEL], ValueError, "once each, got LEVEL, LEVEL"),
        ([LEVEL, "PESQ"], ValueError, "or functions of yours, once each, got PESQ"),
    ],
)
def test_refuses_what_is_no_metric(
    track: Track, metrics: Any, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        oracle.compute_bounds(track, metrics=metrics)
    with pytest.raises(kind, match=message):
        oracle.score(track, dict(track.targets), metrics=metrics)


def test_a_metric_needs_a_name_and_a_function() -> None:
    with pytest.raises(ValueError, match="name must be what tables call the metric, got ' '"):
        Metric(" ", error_level)
    with pytest.raises(TypeError, match=r"function must be callable, \(references, .*got 3"):
        Metric("X", 3)  # type: ignore[arg-type]
    wrong: dict[str, Any]
    for wrong, message in (
        ({"windows": 0.5}, "windows must be a bool, got 0.5"),
        ({"lower_is_better": "no"}, "lower_is_better must be a bool, got 'no'"),
        ({"unit": 3}, "unit must be a str, got 3"),
    ):
        with pytest.raises(TypeError, match=message):
            Metric("X", error_level, **wrong)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda r, e, m, rate: 1.0, r"per target, shape \(3,\), got float64 of shape \(\)"),
        (lambda r, e, m, rate: np.ones((3, 2)), r"shape \(3,\), got float64 of shape \(3, 2\)"),
        (lambda r, e, m, rate: np.ones(3) + 0j, r"got complex128 of shape \(3,\)"),
        (lambda r, e, m, rate: ["a", "b", "c"], r"got <U1 of shape \(3,\)"),
        (lambda r, e, m, rate: 1 / 0, "the metric X failed: ZeroDivisionError: division"),
        (lambda r: 1, "the metric X failed: TypeError: .*takes 1 positional argument"),
    ],
)
def test_names_a_metric_that_fails(track: Track, function: Any, message: str) -> None:
    with pytest.raises(TracksFailed, match=message):
        oracle.compute_bounds(track, metrics=[Metric("X", function)], **QUICK)
    with pytest.raises(ValueError, match=message):
        oracle.score(track, dict(track.targets), metrics=[Metric("X", function)])


def test_a_metric_must_not_change_what_it_is_given(track: Track) -> None:
    def spoil(r: Audio, e: Audio, m: Audio, rate: int) -> Any:
        e *= 0

    with pytest.raises(ValueError, match="the metric spoil failed: ValueError: .* read-only"):
        oracle.score(track, dict(track.targets), metrics=[spoil, LEVEL])


def test_functions_need_the_mixture(track: Track) -> None:
    for mixture, got in ((None, "none"), (track.mixture[:1], r"\(1, ")):
        message = f"mixture must have the shape of references, .*, for the metric LEVEL, got {got}"
        with pytest.raises(ValueError, match=message):
            Scorer(track.targets, rate=RATE, metrics=["SDR", LEVEL], mixture=mixture)
    references = dict(list(track.sources.items())[:2])
    table = score_degradations(references, rate=RATE, levels=[0.0], metrics=[LEVEL])
    assert table["score"].notna().all()


METRICS = """
import numpy as np
from oracle.metrics import Metric

def peak(references, estimates, mixture, rate):
    return np.abs(estimates - references).max(axis=(1, 2))

PEAK = Metric("PEAK", peak, unit="FS", lower_is_better=True)
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "my_metrics.py").write_text(METRICS)
    for name, audio in make_track().sources.items():
        write_audio(tmp_path / "stems" / f"{name}.wav", audio, RATE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_command_takes_metrics(run: Run, place: Path) -> None:
    metrics = "uSDR,my_metrics.py:peak,my_metrics.py:PEAK"
    options = ("--methods", "MIX", "--n-fft", 256, "--metrics", metrics)
    status, out, err = run("bounds", "stems", *options, "--out", "out")
    assert (status, err) == (0, "")
    for title in ("uSDR in dB", "peak", "PEAK in FS"):
        assert re.search(rf"^ *{title} *$", out, re.MULTILINE)
    scores = pd.read_csv("out/scores.csv").pivot(index="target", columns="metric", values="score")
    np.testing.assert_array_equal(scores["peak"], scores["PEAK"])
    for target in ("bass", "drums", "vocals"):
        write_audio(place / "est" / f"{target}.wav", make_track().targets["bass"], RATE)
    status, out, err = run("score", "stems", "est", "--metrics", "my_metrics.py:PEAK")
    assert (status, err) == (0, "")
    assert "est, in FS" in out
    assert re.search(r"^ PEAK +\d\S* +0\.00 ", out, re.MULTILINE)


def test_the_figure_of_a_sweep_names_the_unit(run: Run, place: Path) -> None:
    metric = Metric("A/B", error_level, unit="FS")
    options: dict[str, Any] = {"methods": ["MIX"], "n_ffts": [256], "overlaps": [0.5]}
    results = oracle.compute_sweep(make_track(), metrics=[metric], **options)
    figure = oracle.plots.plot_sweep(results, metric="A/B")
    assert {axes.get_ylabel() for axes in figure.axes if axes.lines} == {"A/B (FS)"}
    assert name_figures(["A/B"]) == ["sweep-A%2FB.png", "sweep-A%2FB.pdf"]
    sizes = ("--n-ffts", 256, "--overlaps", 0.5, "--methods", "MIX")
    status, _, err = run("sweep", "stems", *sizes, "--metrics", "my_metrics.py:PEAK", "--out", "s")
    assert (status, err) == (0, "")
    assert (place / "s/sweep-PEAK.png").is_file()


@pytest.mark.parametrize(
    ("metric", "message"),
    [
        ("none.py:peak", "metrics must name a file that is there, got 'none.py'"),
        ("my_metrics.py:loud", "metrics must name a function in my_metrics.py, got 'loud' (it has"),
        ("bad.py:peak", "metrics must name a file that runs, got 'bad.py' (invalid syntax"),
        ("no_such_module:peak", "metrics must name a module that can be imported, or a file endi"),
    ],
)
def test_the_command_says_what_is_wrong_with_a_metric(
    run: Run, place: Path, metric: str, message: str
) -> None:
    (place / "bad.py").write_text("def peak(:")
    status, _, err = run("bounds", "stems", "--metrics", metric)
    assert status == 2
    assert message in err
