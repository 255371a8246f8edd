import errno
import json
import os
import re
import warnings
from pathlib import Path
from typing import Any, cast

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from conftest import broken, dataset_with, each_track, renamed
from hypothesis import given, settings

import oracle
from oracle import STFT, Track, TracksFailed, compute_bounds, separate
from oracle.jobs.track_scores import BOUNDS, CERTIFIED, find_bounds, score_track
from oracle.machine.files import file_name
from oracle.methods import CEILING, DEFAULT_METHODS, METHODS, Separation, find_methods
from oracle.metrics.names import GLOBAL, METRICS, MUSEVAL
from oracle.metrics.scorer import Score, Scorer
from oracle.optimal import framewise_ceiling
from oracle.optimal.ceilings import Ceiling
from oracle.optimal.of_track import TOLERANCE, Ceilings, Certified
from oracle.results.tables import (
    BOUND_COLUMNS,
    SCORE_COLUMNS,
    aggregate,
    museval_json,
    read_scores,
    tidy,
)
from oracle.runs.progress import Advance
from oracle.tracks.track import Audio

CHOSEN = ["MIX", "IRM2"]
RATE = 8000
# With it, the best masks are quick to find.
SMALL = STFT(n_fft=256, hop_length=128)
# Masks from 0 to 1; and those of them that sum to at most 1 over the sources, so that their
# accompaniments are made by such a mask, too.
MASKS = ("MIX", "IBM1", "IBM2", "IBM", "IRM1", "IRM2", "ENH-IRM", "IAM", "TPSM", "OBM", "OPT")
SHARES = ("MIX", "IBM", "IRM1", "IRM2", "OPT")


def table_of(*rows: tuple[str, float | None, float]) -> pd.DataFrame:
    """Scores of one bound: track, time, value."""
    return tidy((track, "test", "IRM2", "bass", "SDR", time, 1.0, v) for track, time, v in rows)


def test_aggregate_is_the_median_over_windows_then_median_and_mean_over_tracks() -> None:
    nan, inf = float("nan"), float("inf")
    scores = table_of(
        *[("a", 0.0, 1.0), ("a", 1.0, 2.0), ("a", 2.0, 9.0), ("a", 3.0, nan)],  # median 2
        *[("b", 0.0, 4.0), ("b", 1.0, 6.0)],  # median 5
        *[("c", 0.0, 11.0)],
        *[("d", 0.0, nan)],
    )
    (row,) = aggregate(scores).to_dict("records")
    assert row == {
        "method": "IRM2",
        "target": "bass",
        "metric": "SDR",
        "median": 5.0,
        "mean": 6.0,
        "n_tracks": 4,
        "n_windows": 8,
        "n_nan": 2,
        "n_inf": 0,
        "mean_finite": 6.0,
    }
    (row,) = aggregate(table_of(("a", 0.0, inf), ("a", 1.0, 3.0), ("a", 2.0, inf))).to_dict(
        "records"
    )
    assert row["median"] == inf
    assert row["n_inf"] == 2
    assert np.isnan(row["mean_finite"])
    (row,) = aggregate(table_of(("a", 0.0, nan))).to_dict("records")
    assert np.isnan([row["median"], row["mean"]]).all()
    assert (row["n_windows"], row["n_nan"]) == (1, 1)


@pytest.mark.slow
def test_tracks_of_one_name_in_two_subsets_are_two_tracks(track: Track) -> None:
    tracks = [renamed(track, "song", "train"), renamed(track, "song", "test")]
    assert set(compute_bounds(tracks, methods=["MIX"]).table["n_tracks"]) == {2}


@pytest.mark.slow
def test_table_and_files_agree(track: Track, tmp_path: Path) -> None:
    tracks = [renamed(track, "first"), renamed(track, "second", "train")]
    out = tmp_path / "a" / "b"
    stft = STFT(n_fft=512, hop_length=128)
    results = compute_bounds(iter(tracks), methods=CHOSEN, stft=stft, out=out)
    table = results.table

    assert list(table.columns) == list(BOUND_COLUMNS)
    targets = ["drums", "other", "vocals", "accompaniment"]
    assert len(table) == len(CHOSEN) * len(targets) * len(METRICS)
    whole = table["metric"].isin(GLOBAL)
    assert set(table["n_windows"][whole]) == {2}  # one a track
    assert set(table["n_windows"][~whole]) == {4}  # 2.5 s: two windows a track
    assert dict(zip(results.tracks["name"], results.tracks["subset"], strict=True)) == {
        "first": "test",
        "second": "train",
    }
    assert set(results.tracks["mixture"]) == {"sum of the sources"}
    assert (results.failures, results.notes, results.out) == ((), (), out)

    scores = read_scores(out / "scores.csv")
    pd.testing.assert_frame_equal(results.scores, scores, check_exact=True)
    said = json.loads((out / "run.json").read_text())
    assert results.settings.items() <= said.items()
    assert list(scores.columns) == list(SCORE_COLUMNS)
    pd.testing.assert_frame_equal(aggregate(scores), table, check_exact=True)
    pd.testing.assert_frame_equal(pd.read_csv(out / "bounds.csv"), table, check_dtype=False)
    assert scores["time"].isna().equals(scores["metric"].isin(GLOBAL))

    parts = [out / "tracks" / name for name in ("test/first.csv", "train/second.csv")]
    texts = [part.read_text().splitlines() for part in parts]
    joined = [texts[0][0], *texts[0][1:], *texts[1][1:]]
    assert (out / "scores.csv").read_text().splitlines() == joined

    run = json.loads((out / "run.json").read_text())
    assert run["dataset"] is None
    assert run["methods"] == CHOSEN
    assert run["stft"] == {"n_fft": 512, "hop_length": 128, "window": "hann"}
    assert [(t["name"], t["mixture"]) for t in run["tracks"]] == [
        ("first", "sum of the sources"),
        ("second", "sum of the sources"),
    ]
    assert not (out / "failed.json").exists()
    assert run["versions"].keys() == {
        *("oracle", "python", "numpy", "scipy", "pandas", "soundfile")
    }
    assert run["started"] <= run["finished"]


def test_museval_files_hold_the_windows_rounded_and_nan_for_what_is_not_there(
    track: Track, tmp_path: Path
) -> None:
    # The only source is all of the mixture: perfect, so SDR is infinite but for rounding.
    sources = {"a": track.mixture}
    compute_bounds(Track("song", 8000, track.mixture, sources), methods=["MIX"], out=tmp_path)
    compute = read_scores(tmp_path / "scores.csv")
    text = (tmp_path / "MIX" / "test" / "song.json").read_text()
    (target,) = json.loads(text)["targets"]
    assert target["name"] == "a"
    assert [frame["time"] for frame in target["frames"]] == [0.0, 1.0]
    sdr = compute[compute["metric"] == "SDR"]["score"]
    for frame, score in zip(target["frames"], sdr, strict=True):
        assert frame["duration"] == 1.0
        assert frame["metrics"]["SDR"] == round(score, 5)
        # One source: nothing interferes.
        assert np.isnan(frame["metrics"]["SIR"])
        assert np.isfinite([frame["metrics"][name] for name in ("ISR", "SAR")]).all()


def test_museval_files_write_nan_for_infinite() -> None:
    score = Score("a", "SDR", 0.0, 1.0, float("inf"))
    assert '"SDR": NaN' in museval_json([score], "0")


def test_a_failed_track_is_named_with_its_cause_and_the_others_are_done(
    track: Track, tmp_path: Path
) -> None:
    names = ("bad", "good")
    dataset = dataset_with(names, (broken, lambda: renamed(track, "good")))
    with pytest.raises(TracksFailed, match=r"^1 track failed") as caught:
        compute_bounds(dataset, methods=CHOSEN, out=tmp_path / "out")
    (failure,) = caught.value.exceptions
    assert str(failure) == "bad: its file is broken"
    assert isinstance(failure.__cause__, ValueError)
    assert caught.value.results is not None
    assert set(caught.value.results.table["n_tracks"]) == {1}
    run = json.loads((tmp_path / "out" / "run.json").read_text())
    assert run["dataset"] == "tests"
    (record,) = json.loads((tmp_path / "out" / "failed.json").read_text())
    assert (record["track"], record["subset"]) == ("bad", "test")
    assert record["error"] == "bad: its file is broken"
    assert "in broken\n" in record["traceback"]
    assert "finished" in run
    assert [t["name"] for t in run["tracks"]] == ["good"]
    assert (tmp_path / "out" / "IRM2" / "test" / "good.json").exists()


@pytest.mark.slow
def test_a_full_disk_ends_the_run_and_leaves_whole_files(
    track: Track, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = os.replace

    def full(source: Path, target: Path) -> None:
        if Path(target).name == "two.csv":
            raise OSError(errno.ENOSPC, "No space left on device", str(target))
        replace(source, target)

    tracks = [renamed(track, name) for name in ("one", "two", "three")]
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        with pytest.raises(
            OSError,
            match=r"No space left on device \(finished tracks are kept: run again to resume\)",
        ) as caught:
            compute_bounds(tracks, methods=["MIX"], out=tmp_path)
    assert caught.value.errno == errno.ENOSPC
    assert not list(tmp_path.rglob("*.part"))
    assert {path.stem for path in (tmp_path / "tracks").glob("*/*")} == {"one"}
    assert not (tmp_path / "scores.csv").exists()
    table = compute_bounds(tracks, methods=["MIX"], out=tmp_path).table
    assert set(table["n_tracks"]) == {3}


def test_numpy_integers_do_not_reach_the_files(track: Track, tmp_path: Path) -> None:
    made = Track.from_sources("song", np.int64(8000), track.sources)  # type: ignore[arg-type]
    stft = STFT(n_fft=np.int64(512), hop_length=np.int32(256))  # type: ignore[arg-type]
    compute_bounds(made, methods=["MIX"], stft=stft, out=tmp_path)
    assert json.loads((tmp_path / "run.json").read_text())["stft"]["n_fft"] == 512


def test_if_all_tracks_fail_the_table_is_empty(tmp_path: Path) -> None:
    dataset = dataset_with(("x", "y"), (broken, broken))
    with pytest.raises(TracksFailed, match=r"^2 tracks failed") as caught:
        compute_bounds(dataset, methods=CHOSEN, out=tmp_path)
    assert caught.value.results is not None
    assert caught.value.results.table.empty
    assert (tmp_path / "bounds.csv").read_text() == ",".join(BOUND_COLUMNS) + "\n"


def test_an_interrupted_run_keeps_the_tracks_that_are_done(track: Track, tmp_path: Path) -> None:
    def interrupt() -> Track:
        raise KeyboardInterrupt

    dataset = dataset_with(("done", "never"), (lambda: renamed(track, "done"), interrupt))
    with pytest.raises(KeyboardInterrupt):
        compute_bounds(dataset, methods=CHOSEN, out=tmp_path)
    assert set(read_scores(tmp_path / "scores.csv")["track"]) == {"done"}
    assert not list(tmp_path.rglob("*.part"))
    assert "finished" not in json.loads((tmp_path / "run.json").read_text())


@pytest.mark.slow
def test_a_killed_run_has_whole_files_of_the_tracks_that_are_done(
    track: Track, tmp_path: Path
) -> None:
    seen = []

    def second() -> Track:  # what a kill would leave at this moment
        seen.extend(sorted(p.name for p in tmp_path.rglob("*") if p.is_file()))
        return renamed(track, "second")

    first = renamed(track, "first")
    compute_bounds(
        dataset_with(("first", "second"), (lambda: first, second)), methods=["MIX"], out=tmp_path
    )
    assert seen == [".lock", "first.csv", "first.json", "first.json", "run.json"]


def test_tracks_are_loaded_one_at_a_time_when_their_turn_comes(track: Track) -> None:
    events = []

    def load(name: str) -> Track:
        events.append(f"load {name}")
        return renamed(track, name)

    dataset = dataset_with(("a", "b"), (lambda: load("a"), lambda: load("b")))

    def work(track: Track, advance: Advance) -> str:
        events.append(f"do {track.name}")
        return track.name

    each_track(dataset, work, keep=lambda done: events.append(f"done {done.result}"))
    assert events == ["load a", "do a", "done a", "load b", "do b", "done b"]


@pytest.mark.slow
def test_two_tracks_of_one_name_cannot_share_a_file(track: Track, tmp_path: Path) -> None:
    with pytest.raises(TracksFailed) as caught:
        compute_bounds([track, track], methods=["MIX"], out=tmp_path)
    assert "different names in a subset, got two called 'noise'" in str(caught.value.exceptions[0])
    with pytest.raises(TracksFailed, match="1 track failed"):  # one file on some systems
        compute_bounds([track, renamed(track, "NOISE")], methods=["MIX"], out=tmp_path / "case")
    assert set(read_scores(tmp_path / "scores.csv")["track"]) == {"noise"}


@pytest.mark.parametrize("name", ["../../evil", "a/b", "..", ".", '"', "ünï 🎻", "nan", "5"])
def test_any_name_stays_inside_out_and_comes_back_from_the_file(
    track: Track, tmp_path: Path, name: str
) -> None:
    out = tmp_path / "deep" / "out"
    compute_bounds(renamed(track, name, subset=name), methods=["MIX"], metrics=["SDR"], out=out)
    assert [path.name for path in tmp_path.iterdir()] == ["deep"]
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["out"]
    (written,) = (out / "MIX").rglob("*.json")
    assert written.relative_to(out / "MIX").parts[0] == file_name(name)
    scores = read_scores(out / "scores.csv")
    assert set(scores["track"]) == set(scores["subset"]) == {name}


@settings(max_examples=100, deadline=None)
@given(names=st.lists(st.text(min_size=1, max_size=40), min_size=2, max_size=2, unique=True))
def test_file_names_are_safe_and_different_for_different_names(names: list[str]) -> None:
    first, second = map(file_name, names)
    assert first != second
    assert not re.search(r'[\x00-\x1f<>:"/\\|?*]', first)
    assert not first.startswith(".")


def read_only(dir: Path) -> None:  # noqa: A002
    raise PermissionError(f"{dir} is read-only")


def test_wrong_arguments_have_their_errors(
    track: Track, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValueError, match="method must be one of MIX, .*, got 'nope'"):
        compute_bounds(track, methods=["nope"])
    with pytest.raises(ValueError, match="methods must name at least one method, got none"):
        compute_bounds(track, methods=[])
    nothing: list[Track] = []
    for none in (nothing, iter(nothing)):
        with pytest.raises(ValueError, match="tracks must hold at least one track, got none"):
            compute_bounds(none, methods=["MIX"])
    with pytest.raises(FileNotFoundError, match="tracks must be the path of .*, got 'waltz': no "):
        compute_bounds("waltz", methods=["MIX"])
    with pytest.raises(ValueError, match="out must be a folder to write to, got "):
        compute_bounds(track, methods=["MIX"], out=Path(__file__) / "below")
    with monkeypatch.context() as patch:
        patch.setattr("filelock.FileLock.acquire", read_only)
        with pytest.raises(ValueError, match="out must be a folder to write to, got .*read-only"):
            compute_bounds(track, methods=["MIX"], out=tmp_path / "locked")
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="out must be a new or an empty folder, or .*not empty"):
        compute_bounds(track, methods=["MIX"], out=tmp_path)
    with pytest.raises(ValueError, match="out must be a new or an empty folder, got .*is a file"):
        compute_bounds(track, methods=["MIX"], out=tmp_path / "file")
    with pytest.raises(TracksFailed) as caught:
        compute_bounds(renamed(track, 300 * "ä"), methods=["MIX"], out=tmp_path / "out")
    assert "name must fit a file name, at most" in str(caught.value.exceptions[0])
    (tmp_path / "other.csv").write_text("a,b\n")
    with pytest.raises(ValueError, match="other.csv must have columns track, subset"):
        read_scores(tmp_path / "other.csv")


# OPT and CEILING


def music(*names: str, n_channels: int = 2, n_samples: int = 5 * RATE // 2) -> Track:
    """Sources that differ in time and frequency, so that masks differ, in 2.5 s."""
    rng = np.random.default_rng(7)
    time = np.arange(n_samples) / RATE
    sources = {}
    for place, name in enumerate(names or ("drums", "bass", "vocals"), start=1):
        loudness = 1 + np.sin(2 * np.pi * place * time)
        tones = np.sin(2 * np.pi * 300 * place * time + rng.random((n_channels, 1)))
        audio = 0.1 * loudness * (tones + rng.standard_normal((n_channels, n_samples)))
        sources[name] = audio.astype(np.float32)
    return Track.from_sources("music", RATE, sources)


def scores_of(track: Track, *methods: str, **options: Any) -> pd.DataFrame:
    """Scores, by default SDR and uSDR, as in scores.csv."""
    arguments: dict[str, Any] = {"stft": SMALL, "metrics": CERTIFIED} | options
    return tidy(score_track(track, methods, **arguments).result)


def values(scores: pd.DataFrame, method: str, target: str, metric: str) -> list[float]:
    of_method = scores[(scores["method"] == method) & (scores["target"] == target)]
    return list(of_method[of_method["metric"] == metric]["score"])


@pytest.fixture(scope="module")
def scored() -> pd.DataFrame:
    return scores_of(music(), *BOUNDS, "ENH-IRM")


@pytest.mark.parametrize("method", MASKS)
def test_no_mask_from_0_to_1_has_an_sdr_above_the_ceiling(
    scored: pd.DataFrame, method: str
) -> None:
    targets = ["drums", "bass", "vocals"] + ["accompaniment"] * (method in SHARES)
    for target in targets:
        for metric, n_values in (("SDR", 2), ("uSDR", 1)):
            ceilings = values(scored, CEILING.name, target, metric)
            reached = values(scored, method, target, metric)
            assert len(ceilings) == len(reached) == n_values
            assert np.isfinite(ceilings).all()
            assert (np.array(reached) <= np.array(ceilings)).all()


def test_the_ceiling_of_the_whole_track_is_reached(scored: pd.DataFrame) -> None:
    for target in ("drums", "bass", "vocals", "accompaniment"):
        (best,) = values(scored, "OPT", target, "uSDR")
        (ceiling,) = values(scored, CEILING.name, target, "uSDR")
        assert 0 <= ceiling - best < TOLERANCE
        # Masks that are no such masks exceed it.
        (exact,) = values(scored, "CIRM", target, "uSDR")
        assert exact > ceiling + 10
        for method in set(MASKS) - {"OPT"}:
            if method in SHARES or target != "accompaniment":
                (other,) = values(scored, method, target, "uSDR")
                assert other < best


def test_the_ceiling_of_a_window_is_that_of_a_mask_of_its_own(scored: pd.DataFrame) -> None:
    track = music()
    for name, source in track.targets.items():
        (expected,) = framewise_ceiling(
            source[np.newaxis], track.mixture, window=RATE, hop=RATE, stft=SMALL
        ).certified
        ceilings = values(scored, CEILING.name, name, "SDR")
        # Each is at most the tolerance above what a mask reaches.
        np.testing.assert_allclose(ceilings, expected, atol=TOLERANCE)
        best = values(scored, "OPT", name, "SDR")
        assert (np.subtract(ceilings, best) < 1).all()


def test_a_ceiling_is_one_of_sdr_and_usdr_only() -> None:
    track = music(n_channels=1, n_samples=RATE)
    for metrics_ in (METRICS, ("SNR", "uSDR"), ("SDR",), ("uSDR",), ("SI-SDR", "SDR")):
        scores = scores_of(track, "MIX", CEILING.name, metrics=metrics_)
        expected = [metric for metric in metrics_ if metric in CERTIFIED]
        ceilings = scores[scores["method"] == CEILING.name]
        for target in ("drums", "bass", "vocals", "accompaniment"):
            of_target = ceilings[ceilings["target"] == target]
            assert list(of_target["metric"].unique()) == expected
            of_mix = scores[(scores["method"] == "MIX") & (scores["target"] == target)]
            of_mix = of_mix[of_mix["metric"].isin(CERTIFIED)]
            same = ["metric", "time", "duration"]
            pd.testing.assert_frame_equal(
                of_target[same].reset_index(drop=True), of_mix[same].reset_index(drop=True)
            )


def test_methods_are_in_the_order_asked_for() -> None:
    for methods in (("CEILING", "OPT", "IRM2"), ("OPT", "IRM2", "CEILING", "MIX")):
        table = compute_bounds(music(), methods=methods, stft=SMALL, metrics=["SDR"]).table
        assert tuple(table["method"].unique()) == methods
        assert len(table) == 4 * len(methods)


def test_more_methods_than_are_computed_at_once_are_each_the_same(scored: pd.DataFrame) -> None:
    assert list(scored["method"].unique()) == [*BOUNDS, "ENH-IRM"]
    for method in ("IRM2", "OPT", "CEILING", "MWF"):
        alone = scores_of(music(), method)
        together = scored[scored["method"] == method].reset_index(drop=True)
        pd.testing.assert_frame_equal(alone, together, rtol=1e-6)


def test_what_is_separated_by_opt_is_what_its_scores_are_of() -> None:
    track = music()
    estimates = separate(track, "OPT", stft=SMALL)
    assert list(estimates) == list(track.targets)
    metrics = ("SDR", *GLOBAL)
    scorer = Scorer(track.targets, rate=RATE, metrics=metrics)
    expected = [(track.name, track.subset, "OPT", *score) for score in scorer.score(estimates)]
    for methods in (["OPT"], ["CEILING", "OPT"]):
        found = scores_of(track, *methods, metrics=metrics).query("method == 'OPT'")
        pd.testing.assert_frame_equal(
            found.reset_index(drop=True), tidy(expected), check_exact=True
        )


def test_any_part_of_opt_is_that_of_the_whole() -> None:
    track = music()
    whole = separate(track, "OPT", stft=SMALL)
    separation = Separation(track, ["IRM2", "OPT"], stft=SMALL)
    for start, stop in ((0, track.n_samples), (5000, 5001), (123, 9000)):
        estimates = separation.separate_piece(start, stop)
        assert set(estimates) == {"IRM2", "OPT"}
        assert list(estimates["OPT"]) == list(whole)
        for target, audio in estimates["OPT"].items():
            np.testing.assert_array_equal(audio, whole[target][:, start:stop])


def test_the_accompaniment_of_opt_is_not_the_sum_but_better() -> None:
    track = music()
    estimates = separate(track, "OPT", stft=SMALL)
    summed = estimates["drums"] + estimates["bass"]
    assert np.abs(estimates["accompaniment"] - summed).max() > 0.01
    reference = track.targets["accompaniment"]

    def error(estimate: Audio) -> float:
        return float(np.sum((reference - estimate) ** 2, dtype=np.float64))

    assert error(estimates["accompaniment"]) < error(summed)
    # It and the vocals share the mixture, as the best masks of two that sum to it do.
    rest = track.mixture - estimates["accompaniment"]
    np.testing.assert_allclose(rest, estimates["vocals"], atol=0.02)


@pytest.mark.filterwarnings("ignore::oracle.jobs.track_scores.LooseCeilingWarning")
def test_a_ceiling_needs_neither_vocals_nor_two_channels() -> None:
    for track, targets in (
        (music("drums", "bass"), ["drums", "bass"]),
        (music("vocals"), ["vocals"]),
        (music(n_channels=1), ["drums", "bass", "vocals", "accompaniment"]),
        (music("vocals", "accompaniment", n_channels=1), ["vocals", "accompaniment"]),
    ):
        scores = scores_of(track, "IRM2", "OPT", "CEILING")
        assert list(scores["target"].unique()) == targets
        for target in targets:
            for metric, n_values in (("SDR", 2), ("uSDR", 1)):
                ratio, best, ceiling = (
                    np.array(values(scores, method, target, metric))
                    for method in ("IRM2", "OPT", "CEILING")
                )
                assert len(ceiling) == n_values
                assert (best <= ceiling).all()
                # A single source is the mixture: perfect, but for rounding.
                assert (ratio < best).all() or targets == ["vocals"]


@pytest.mark.parametrize("n_samples", [1, 100, RATE - 1])
def test_a_track_shorter_than_a_window_has_one_ceiling(n_samples: int) -> None:
    scores = scores_of(music(n_channels=1, n_samples=n_samples), "OPT", "CEILING")
    ceilings = scores[(scores["method"] == "CEILING") & (scores["metric"] == "SDR")]
    assert list(ceilings["target"]) == ["drums", "bass", "vocals", "accompaniment"]
    assert set(ceilings["time"]) == {0.0}
    assert set(ceilings["duration"]) == {n_samples / RATE}
    for target in ceilings["target"]:
        # The window is the track.
        (framewise,) = values(scores, "CEILING", target, "SDR")
        (whole,) = values(scores, "CEILING", target, "uSDR")
        assert framewise == pytest.approx(whole, abs=0.01)
        (best,) = values(scores, "OPT", target, "SDR")
        # Nothing of a sample that the mixture has with the other sign.
        assert best <= framewise or (n_samples == 1 and np.isnan(best))


def silenced(n_seconds: int, **silent: int) -> Track:
    """Noise with silent seconds: (source, second)."""
    rng = np.random.default_rng(3)
    sources = {}
    for name in ("drums", "bass", "vocals"):
        audio = (0.1 * rng.standard_normal((2, n_seconds * RATE))).astype(np.float32)
        if name in silent:
            second = silent[name]
            audio[:, second * RATE : (second + 1) * RATE] = 0
        sources[name] = audio
    return Track.from_sources("silenced", RATE, sources)


def test_a_ceiling_is_nan_where_a_reference_of_its_group_is_silent() -> None:
    track = silenced(4, drums=1, vocals=2)
    scores = scores_of(track, "MIX", "IRM2", "CEILING", metrics=["SDR"])
    # The drums are not of the group of vocals and accompaniment, but the vocals of both.
    expected = {
        "drums": [False, True, True, False],
        "bass": [False, True, True, False],
        "vocals": [False, False, True, False],
        "accompaniment": [False, False, True, False],
    }
    for target, nan in expected.items():
        for method in ("MIX", "IRM2", "CEILING"):
            assert list(np.isnan(values(scores, method, target, "SDR"))) == nan
    table = aggregate(scores).set_index(["method", "target"])
    assert list(table["n_nan"]["CEILING"]) == [2, 2, 1, 1]
    assert (table["median"]["CEILING"] > table["median"]["IRM2"]).all()


def test_a_ceiling_is_nan_where_the_mixture_is_silent() -> None:
    track = silenced(3)
    mixture = track.mixture.copy()
    # So far that no frame of the window reaches what is heard.
    mixture[:, RATE - 512 : 2 * RATE + 512] = 0
    delivered = Track("t", RATE, mixture, track.sources)
    scores = scores_of(delivered, "CEILING", metrics=["SDR"])
    for target in delivered.targets:
        assert list(np.isnan(values(scores, "CEILING", target, "SDR"))) == [False, True, False]


@pytest.mark.filterwarnings("ignore::oracle.jobs.track_scores.LooseCeilingWarning")
def test_a_ceiling_is_not_nan_where_a_mask_has_an_sdr() -> None:
    track = silenced(3)
    mixture = track.mixture.copy()
    mixture[:, RATE : 2 * RATE] = 0
    track = Track("t", RATE, mixture, track.sources, rest="ignore")
    scores = scores_of(track, "IRM2", "CEILING")
    assert np.isfinite(values(scores, "IRM2", "bass", "SDR")).all()
    assert np.isfinite(values(scores, "CEILING", "bass", "SDR")).all()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::oracle.jobs.track_scores.LooseCeilingWarning")
def test_no_median_of_a_mask_is_above_that_of_the_ceiling_where_channels_cancel() -> None:
    track = music("a", "b")
    steps = {name: np.round(audio * 2**12) / 2**12 for name, audio in track.sources.items()}
    low, high = (
        np.round(100 * np.sin(2 * np.pi * f * np.arange(RATE) / RATE)) / 2**12 for f in (500, 2000)
    )
    steps["a"][:, :RATE] = [low, -high]
    steps["b"][:, :RATE] = [high, -low]
    sources = {name: audio.astype(np.float32) for name, audio in steps.items()}
    track = Track.from_sources("t", RATE, sources)
    assert not track.mixture[:, :RATE].sum(axis=0).any()
    scores = scores_of(track, "IRM2", "CEILING", metrics=["SDR"])
    bounds = aggregate(scores).set_index(["method", "target"])["median"]
    assert (bounds["IRM2"] < bounds["CEILING"]).all()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::oracle.jobs.track_scores.LooseCeilingWarning")
def test_a_ceiling_is_one_of_medians_over_the_same_windows() -> None:
    rng = np.random.default_rng(0)
    quiet, loud = 0.1 * rng.standard_normal((2, 2, 4 * RATE))
    loud[:, : 2 * RATE] *= 0.3
    # Of a second in which it is the louder one nowhere, IBM makes silence, hence NaN.
    quiet[:, 3 * RATE - 300 :] *= 1e-4
    sources = {"quiet": quiet.astype(np.float32), "loud": loud.astype(np.float32)}
    scores = scores_of(Track.from_sources("t", RATE, sources), "IBM", "CEILING", metrics=["SDR"])
    assert list(np.isnan(values(scores, "IBM", "quiet", "SDR"))) == [False, False, False, True]
    # So its median may be above that of all windows, but not of those that it has.
    ibm, ceiling = (np.array(values(scores, m, "quiet", "SDR")) for m in ("IBM", "CEILING"))
    assert np.nanmedian(ibm) > np.median(ceiling)
    assert (ibm[:3] < ceiling[:3]).all()


NAN, INF = np.nan, np.inf


@pytest.mark.parametrize(
    ("achieved", "certified", "converged", "message"),
    [
        ([1, 2, NAN], [1, 2, NAN], [True, True, True], None),
        (
            [1, 2, 3],
            [1, 2.5, 3.25],
            [True, False, False],
            "music: CEILING: the ceiling holds, but is up to 0.5 dB above the best mask found, in "
            "windows of bass (2)",
        ),
        (
            [1, 50, INF],
            [INF, INF, INF],
            [False, False, False],
            "music: CEILING: nothing is proven, so the ceiling is +inf, in windows of drums "
            "(1), bass (1)",
        ),
        ([1, 140, INF], [1, INF, INF], [True, False, False], None),  # nothing else is true
        (
            [NAN, 2, 40],
            [NAN, 2.5, INF],
            [True, False, False],
            "music: CEILING: the ceiling holds, but is up to 0.5 dB above the best mask found, in "
            "windows of bass (1); nothing is proven, so the ceiling is +inf, in windows of "
            "bass (1)",
        ),
    ],
)
def test_a_warning_tells_how_far_ceilings_are_and_where_nothing_is_proven(
    achieved: list[float],
    certified: list[float],
    converged: list[bool],
    message: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    track = music("drums", "bass")

    found = [Ceiling(*each) for each in zip(achieved, certified, converged, strict=True)]
    windows = {"drums": found[:1], "bass": found[1:]}
    monkeypatch.setattr(Ceilings, "certified", lambda self: Certified({}, windows))
    monkeypatch.setattr(Scorer, "list_ceilings", lambda self, framewise, whole: [])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        score_track(track, ["CEILING"], metrics=["SDR"])
    assert [str(each.message) for each in caught] == [message] * (message is not None)


def test_a_source_that_is_the_mixture_has_no_ceiling() -> None:
    rows = score_track(music("vocals"), ["CEILING"], metrics=["SDR"]).result
    assert [row[-1] for row in rows] == [INF, INF]


def test_what_is_silent_everywhere_has_no_ceiling() -> None:
    sources = dict(music().sources)
    sources["bass"] = np.zeros_like(sources["bass"])
    scores = scores_of(Track.from_sources("t", RATE, sources), "OPT", "CEILING")
    silent = scores[scores["target"] == "bass"]
    assert silent["score"].isna().all()
    whole = scores[(scores["metric"] == "uSDR") & (scores["target"] != "bass")]
    assert np.isfinite(whole["score"]).all()
    # Where only its group lacks a reference.
    assert np.isnan(values(scores, "CEILING", "drums", "SDR")).all()
    assert np.isfinite(values(scores, "CEILING", "vocals", "SDR")).all()


@pytest.mark.filterwarnings("ignore")  # museval's own
@pytest.mark.usefixtures("ffmpeg")
def test_museval_reads_the_files_of_the_ceiling(tmp_path: Path) -> None:
    import museval

    track = silenced(3, drums=1)
    chosen = ["OPT", "CEILING"]
    table = compute_bounds(track, methods=chosen, metrics=CERTIFIED, stft=SMALL, out=tmp_path).table
    path = tmp_path / "CEILING" / "test" / "silenced.json"
    targets = json.loads(path.read_text())["targets"]
    assert [target["name"] for target in targets] == ["drums", "bass", "vocals", "accompaniment"]
    scores = read_scores(tmp_path / "scores.csv").query("method == 'CEILING' and metric == 'SDR'")
    for target in targets:
        expected = list(scores[scores["target"] == target["name"]]["score"])
        frames = [frame["metrics"] for frame in target["frames"]]
        assert [frame["time"] for frame in target["frames"]] == [0.0, 1.0, 2.0]
        np.testing.assert_array_equal([f["SDR"] for f in frames], np.round(expected, 5))
        assert all(set(frame) == set(MUSEVAL) for frame in frames)
        assert np.isnan([[frame[m] for m in ("ISR", "SIR", "SAR")] for frame in frames]).all()

    medians = table[table["metric"] == "SDR"].set_index(["method", "target"])["median"]
    methods = museval.MethodStore()
    for method in ("OPT", "CEILING"):
        methods.add_eval_dir(tmp_path / method)
    of_methods = methods.agg_frames_tracks_scores()
    one = museval.TrackStore(track_name="silenced")
    one.scores = json.loads(path.read_text())
    store = museval.EvalStore()
    store.add_track(one.df)
    of_track = store.agg_frames_tracks_scores()
    for target in track.targets:
        expected_median = medians["CEILING", target]
        assert of_methods["CEILING", target, "SDR"] == pytest.approx(expected_median, abs=1e-5)
        assert of_track[target, "SDR"] == pytest.approx(expected_median, abs=1e-5)
    assert re.search(r"drums +==> +SDR: +\d+\.\d{3} +SIR: +nan", repr(one))


def test_a_ceiling_of_usdr_alone_has_no_file_of_museval(tmp_path: Path) -> None:
    compute_bounds(music(), methods=["CEILING"], metrics=["uSDR"], stft=SMALL, out=tmp_path)
    assert not (tmp_path / "CEILING").exists()
    assert set(read_scores(tmp_path / "scores.csv")["metric"]) == {"uSDR"}


def test_a_ceiling_alone_is_computed_unless_no_metric_is_of_it() -> None:
    track = music(n_channels=1, n_samples=RATE)
    table = compute_bounds(track, methods=["CEILING"], stft=SMALL).table
    assert list(table["metric"]) == ["SDR", "uSDR"] * 4
    message = "metrics must hold SDR or uSDR, the only ones with a CEILING, got SI-SDR, ISR"
    with pytest.raises(ValueError, match=f"^{message}$"):
        compute_bounds(track, methods=["CEILING"], metrics=["SI-SDR", "ISR"])
    # Beside others it is left out.
    beside = compute_bounds(track, methods=["CEILING", "MIX"], metrics=["SI-SDR"], stft=SMALL).table
    assert set(beside["method"]) == {"MIX"}


def test_a_ceiling_is_no_method_of_separation() -> None:
    assert "CEILING" not in METHODS
    assert (*DEFAULT_METHODS, "CEILING") == BOUNDS
    chosen, metrics = find_bounds(["CEILING", "MIX"], ["SDR"])
    assert [method.name for method in chosen] == ["CEILING", "MIX"]
    assert [metric.name for metric in metrics] == ["SDR"]
    with pytest.raises(ValueError, match=r"one of MIX, .*OPT, .*got 'CEILING' \(which is a row"):
        separate(music(), "CEILING")
    with pytest.raises(ValueError, match="got 'CEILING'"):
        find_methods(["MIX", "CEILING"])
    with pytest.raises(ValueError, match=r"CEILING-.*, got 'ceiling' \(did you mean CEILING\?"):
        find_bounds(["ceiling"], METRICS)
    with pytest.raises(ValueError, match="methods must be named once each, got 'CEILING' twice"):
        find_bounds(["CEILING", "CEILING"], METRICS)
    with pytest.raises(ValueError, match="methods must name at least one method, got none"):
        find_bounds([], METRICS)
    with pytest.raises(TypeError, match="several names, got the one string 'CEILING'"):
        find_bounds("CEILING", METRICS)


def test_opt_has_the_dtype_of_the_track_and_double_its_ceiling() -> None:
    single = music()
    sources = {name: audio.astype(np.float64) for name, audio in single.sources.items()}
    double = Track.from_sources("double", RATE, sources)
    assert {audio.dtype for audio in separate(single, "OPT", stft=SMALL).values()} == {
        np.dtype(np.float32)
    }
    assert {audio.dtype for audio in separate(double, "OPT", stft=SMALL).values()} == {
        np.dtype(np.float64)
    }
    few, many = (scores_of(track, "CEILING")["score"] for track in (single, double))
    np.testing.assert_allclose(few, many, atol=1e-2)


one_pass = pytest.mark.parametrize("metrics_", [("SDR",), ("uSDR",), ("SDR", "uSDR", "SI-SDR")])


@one_pass
@pytest.mark.parametrize(
    "methods",
    [
        ("MIX",),
        ("OPT",),
        ("MIX", "OPT"),
        ("OPT", "CEILING"),
        ("CEILING", "IRM2", "OPT"),
        tuple(name for name in BOUNDS if name not in ("OPT", "CEILING")),
        BOUNDS,
        ("CEILING",),
        ("MIX", "CEILING"),
    ],
    ids=",".join,
)
def test_progress_sums_to_one(methods: tuple[str, ...], metrics_: tuple[str, ...]) -> None:
    parts: list[float] = []

    def advance(name: str, part: float) -> None:
        assert name == "music"
        assert part > 0
        parts.append(part)

    score_track(music(n_samples=RATE), methods, stft=SMALL, metrics=metrics_, advance=advance)
    assert sum(parts) == pytest.approx(1)


def test_progress_is_told_with_every_second_of_a_track() -> None:
    parts: list[float] = []
    track = music(n_samples=4 * RATE)
    for methods in (["OPT", "CEILING"], ["MIX", "OPT"], ["CEILING"]):
        parts.clear()
        score_track(
            track,
            methods,
            stft=SMALL,
            metrics=["SDR"],
            advance=lambda name, part: parts.append(part),
        )
        assert len(parts) >= 4
        assert max(parts) <= 1 / 4 + 1e-9
        assert sum(parts) == pytest.approx(1)


def test_what_is_no_stft_is_refused(tmp_path: Path) -> None:
    track, wrong = music(), cast(Any, 4096)
    for run in (
        lambda: separate(track, "IRM2", stft=wrong),
        lambda: compute_bounds(track, stft=wrong),
        lambda: oracle.write_estimates(track, tmp_path, stft=wrong),
        lambda: oracle.check(track, stft=wrong),
        lambda: oracle.WaltzReport(track, stft=wrong),
    ):
        with pytest.raises(TypeError, match=r"stft must be an oracle\.STFT, such as .*, got 4096"):
            run()


def test_a_mask_that_separates_needs_no_name() -> None:
    estimates = separate(music(), lambda sources, mixture: 0.5 * np.ones_like(sources))
    for name, estimate in estimates.items():
        if name != "accompaniment":
            np.testing.assert_allclose(estimate, music().mixture / 2, atol=1e-5)
