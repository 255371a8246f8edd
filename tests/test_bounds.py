import json
import os
import re
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

from oracle import STFT, Track, TracksFailed, compute_bounds, results
from oracle.datasets import Dataset
from oracle.execution import Advance, each_track
from oracle.results import BOUND_COLUMNS, SCORE_COLUMNS, aggregate, file_name, read_scores, tidy
from oracle.scores import GLOBAL, METRICS, Score

CHOSEN = ["MIX", "IRM2"]


def renamed(track: Track, name: str, subset: str = "test") -> Track:
    return Track.from_sources(name, track.rate, track.sources, subset=subset)


def broken() -> Track:
    raise ValueError("its file is broken")


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
    }
    (row,) = aggregate(table_of(("a", 0.0, inf), ("a", 1.0, 3.0), ("a", 2.0, inf))).to_dict(
        "records"
    )
    assert row["median"] == inf
    (row,) = aggregate(table_of(("a", 0.0, nan))).to_dict("records")
    assert np.isnan([row["median"], row["mean"]]).all()
    assert (row["n_windows"], row["n_nan"]) == (1, 1)


def test_tracks_of_one_name_in_two_subsets_are_two_tracks(track: Track) -> None:
    tracks = [renamed(track, "song", "train"), renamed(track, "song", "test")]
    assert set(compute_bounds(tracks, methods=["MIX"])["n_tracks"]) == {2}


def test_table_and_files_agree(track: Track, tmp_path: Path) -> None:
    tracks = [renamed(track, "first"), renamed(track, "second", "train")]
    out = tmp_path / "a" / "b"
    stft = STFT(n_fft=512, hop_length=128)
    table = compute_bounds(iter(tracks), methods=CHOSEN, stft=stft, out=out)

    assert list(table.columns) == list(BOUND_COLUMNS)
    targets = ["drums", "other", "vocals", "accompaniment"]
    assert len(table) == len(CHOSEN) * len(targets) * len(METRICS)
    whole = table["metric"].isin(GLOBAL)
    assert set(table["n_windows"][whole]) == {2}  # one a track
    assert set(table["n_windows"][~whole]) == {4}  # 2.5 s: two windows a track
    assert table.attrs == {
        "mixture_is_sum": ["first", "second"],
        "subsets": {"test": 1, "train": 1},
    }

    scores = read_scores(out / "scores.csv")
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
    assert run["failed"] == []
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
    assert '"SDR": NaN' in results.museval_json([score], "0")


def test_a_failed_track_is_named_with_its_cause_and_the_others_are_done(
    track: Track, tmp_path: Path
) -> None:
    names = ("bad", "good")
    dataset = Dataset("two", names, (broken, lambda: renamed(track, "good")))
    with pytest.raises(TracksFailed, match=r"^1 track failed") as caught:
        compute_bounds(dataset, methods=CHOSEN, out=tmp_path / "out")
    (failure,) = caught.value.exceptions
    assert str(failure) == "bad: its file is broken"
    assert isinstance(failure.__cause__, ValueError)
    assert caught.value.table is not None
    assert set(caught.value.table["n_tracks"]) == {1}
    run = json.loads((tmp_path / "out" / "run.json").read_text())
    assert run["dataset"] == "two"
    assert run["failed"] == ["bad: its file is broken"]
    assert "finished" in run
    assert [t["name"] for t in run["tracks"]] == ["good"]
    assert (tmp_path / "out" / "IRM2" / "test" / "good.json").exists()


def test_a_track_that_cannot_be_written_fails_and_leaves_nothing(
    track: Track, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = os.replace

    def full(source: Path, target: Path) -> None:
        if Path(target).name == "two.json":
            raise OSError("no space left")
        replace(source, target)

    monkeypatch.setattr(os, "replace", full)
    tracks = [renamed(track, name) for name in ("one", "two", "three")]
    with pytest.raises(TracksFailed, match="1 track failed") as caught:
        compute_bounds(tracks, methods=["MIX"], out=tmp_path)
    assert str(caught.value.exceptions[0]) == "two: no space left"
    assert set(pd.read_csv(tmp_path / "bounds.csv")["n_tracks"]) == {2}
    assert set(read_scores(tmp_path / "scores.csv")["track"]) == {"one", "three"}
    assert not list(tmp_path.rglob("*.part"))


def test_numpy_integers_do_not_reach_the_files(track: Track, tmp_path: Path) -> None:
    made = Track.from_sources("song", np.int64(8000), track.sources)  # type: ignore[arg-type]
    stft = STFT(n_fft=np.int64(512), hop_length=np.int32(256))  # type: ignore[arg-type]
    compute_bounds(made, methods=["MIX"], stft=stft, out=tmp_path)
    assert json.loads((tmp_path / "run.json").read_text())["stft"]["n_fft"] == 512


def test_if_all_tracks_fail_the_table_is_empty(tmp_path: Path) -> None:
    dataset = Dataset("two", ("x", "y"), (broken, broken))
    with pytest.raises(TracksFailed, match=r"^2 tracks failed") as caught:
        compute_bounds(dataset, methods=CHOSEN, out=tmp_path)
    assert caught.value.table is not None
    assert caught.value.table.empty
    assert (tmp_path / "bounds.csv").read_text() == ",".join(BOUND_COLUMNS) + "\n"


def test_an_interrupted_run_keeps_the_tracks_that_are_done(track: Track, tmp_path: Path) -> None:
    def interrupt() -> Track:
        raise KeyboardInterrupt

    dataset = Dataset("two", ("done", "never"), (lambda: renamed(track, "done"), interrupt))
    with pytest.raises(KeyboardInterrupt):
        compute_bounds(dataset, methods=CHOSEN, out=tmp_path)
    assert set(read_scores(tmp_path / "scores.csv")["track"]) == {"done"}
    assert not list(tmp_path.rglob("*.part"))
    assert "finished" not in json.loads((tmp_path / "run.json").read_text())


def test_a_killed_run_has_whole_files_of_the_tracks_that_are_done(
    track: Track, tmp_path: Path
) -> None:
    seen = []

    def second() -> Track:  # what a kill would leave at this moment
        seen.extend(sorted(p.name for p in tmp_path.rglob("*") if p.is_file()))
        return renamed(track, "second")

    first = renamed(track, "first")
    compute_bounds(
        Dataset("two", ("first", "second"), (lambda: first, second)), methods=["MIX"], out=tmp_path
    )
    assert seen == ["first.csv", "first.json"]


def test_tracks_are_loaded_one_at_a_time_when_their_turn_comes(track: Track) -> None:
    events = []

    def load(name: str) -> Track:
        events.append(f"load {name}")
        return renamed(track, name)

    dataset = Dataset("two", ("a", "b"), (lambda: load("a"), lambda: load("b")))

    def work(track: Track, advance: Advance) -> str:
        events.append(f"do {track.name}")
        return track.name

    for done in each_track(dataset, work, progress=False):
        events += [f"done {done}"]
    assert events == ["load a", "do a", "done a", "load b", "do b", "done b"]


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
    compute_bounds(renamed(track, name, subset=name), methods=["MIX"], out=out)
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
    with pytest.raises(TypeError, match="tracks must be a Track or several, got 'w'"):
        compute_bounds("waltz", methods=["MIX"])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="out must be a folder to write to, got "):
        compute_bounds(track, methods=["MIX"], out=Path(__file__) / "below")
    with monkeypatch.context() as patch:
        patch.setattr("tempfile.TemporaryFile", read_only)
        with pytest.raises(ValueError, match="out must be a folder to write to, got .*read-only"):
            compute_bounds(track, methods=["MIX"], out=tmp_path / "locked")
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="out must be a new or an empty folder, got .*not empty"):
        compute_bounds(track, methods=["MIX"], out=tmp_path)
    with pytest.raises(ValueError, match="out must be a new or an empty folder, got .*is a file"):
        compute_bounds(track, methods=["MIX"], out=tmp_path / "file")
    with pytest.raises(TracksFailed) as caught:
        compute_bounds(renamed(track, 300 * "ä"), methods=["MIX"], out=tmp_path / "out")
    assert "name must fit a file name, at most" in str(caught.value.exceptions[0])
    (tmp_path / "other.csv").write_text("a,b\n")
    with pytest.raises(ValueError, match="other.csv must have columns track, subset"):
        read_scores(tmp_path / "other.csv")
