"""A method that fails costs its own rows, on that track only."""

import dataclasses
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import Run

import oracle
from oracle import STFT, Track, TracksFailed, compute_bounds, write_estimates
from oracle.methods import METHODS, Separator
from oracle.results.failures import MethodError, TrackError, try_each

RATE = 8000
QUICK: dict[str, Any] = {"stft": STFT(n_fft=256), "metrics": ["SDR", "uSDR"]}


def make_track(name: str) -> Track:
    audio = 0.1 * np.random.default_rng(0).standard_normal((2, 1, 2 * RATE)).astype(np.float32)
    return Track.from_sources(name, RATE, {"a": audio[0], "b": audio[1]})


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Two methods that fail on the track called bad: one as it starts, one by what it makes."""
    failing: list[str] = ["bad"]

    def fail(track: Track, stft: STFT) -> Separator:
        if track.name in failing:
            raise FloatingPointError("divided by nothing")
        return lambda sources, mixture, frames: sources

    def spoil(track: Track, stft: STFT) -> Separator:
        value = np.nan if track.name in failing else 1
        return lambda sources, mixture, frames: sources * np.complex64(value)

    for name, prepare in (("IBM", fail), ("IRM1", spoil)):
        method = dataclasses.replace(METHODS[name], prepare=prepare)
        monkeypatch.setitem(METHODS, name, method)
    return failing


FAILURES = {
    "IBM": "bad: IBM: divided by nothing",
    "IRM1": "bad: IRM1: estimates must be finite, got NaN, infinity or more than 1e150",
}


def test_other_methods_and_tracks_are_scored(broken: list[str], tmp_path: Path) -> None:
    tracks = [make_track("good"), make_track("bad")]
    methods = ["MIX", "IBM", "IRM1", "OPT", "CEILING"]
    with pytest.raises(TracksFailed, match=r"^IBM, IRM1 failed on 1 track") as caught:
        compute_bounds(tracks, methods=methods, out=tmp_path / "out", **QUICK)
    assert [str(failure) for failure in caught.value.failures] == list(FAILURES.values())
    assert caught.value.results is not None
    table = caught.value.results.table
    counts = table[table["metric"] == "SDR"].groupby("method")["n_tracks"].max()
    assert dict(counts) == {"MIX": 2, "IBM": 1, "IRM1": 1, "OPT": 2, "CEILING": 2}
    scores = pd.read_csv(tmp_path / "out/scores.csv")
    assert set(scores[scores["track"] == "bad"]["method"]) == {"MIX", "OPT", "CEILING"}
    assert not scores["score"].isna().any()
    records = json.loads((tmp_path / "out/failed.json").read_text())
    assert [(r["track"], r["method"], r["error"]) for r in records] == [
        ("bad", method, message) for method, message in FAILURES.items()
    ]
    assert "FloatingPointError" in records[0]["traceback"]


def test_the_next_run_does_the_track_again(broken: list[str], tmp_path: Path) -> None:
    tracks = [make_track("good"), make_track("bad")]
    options: dict[str, Any] = {"methods": ["MIX", "IBM"], "out": tmp_path / "out", **QUICK}
    with pytest.raises(TracksFailed):
        compute_bounds(tracks, **options)
    with pytest.raises(TracksFailed):
        compute_bounds(tracks, **options)
    broken.clear()
    table = compute_bounds(tracks, **options).table
    assert set(table["n_tracks"]) == {2}
    assert not (tmp_path / "out/failed.json").exists()
    assert (tmp_path / "out/tracks/test/bad.json").exists()


def test_if_all_methods_fail_the_table_is_of_the_others(broken: list[str], tmp_path: Path) -> None:
    with pytest.raises(TracksFailed) as caught:
        compute_bounds([make_track("bad")], methods=["IBM"], out=tmp_path / "out", **QUICK)
    assert caught.value.results is not None
    assert caught.value.results.table.empty


def test_failures_can_be_sent() -> None:
    failure = MethodError.of("IBM", ValueError("no good"))
    copy = pickle.loads(pickle.dumps(TrackError("song", "test", failure)))
    assert (copy.method, str(copy)) == ("IBM", "song: IBM: no good")
    assert "ValueError: no good" in copy.traceback
    assert TrackError("song", "test", ValueError("x")).method is None


def test_sweeps_name_the_stft_too(broken: list[str]) -> None:
    with pytest.raises(TracksFailed) as caught:
        oracle.compute_sweep(
            make_track("bad"), methods=["MIX", "IBM"], n_ffts=[64, 128], overlaps=[0.5]
        )
    assert [failure.method for failure in caught.value.failures] == ["IBM-64-32", "IBM-128-64"]


def test_estimates_of_other_methods_are_written(broken: list[str], tmp_path: Path) -> None:
    with pytest.raises(TracksFailed) as caught:
        write_estimates(
            [make_track("good"), make_track("bad")],
            tmp_path / "out",
            methods=["MIX", "IBM", "IRM1"],
            stft=QUICK["stft"],
        )
    assert [str(failure) for failure in caught.value.failures] == [
        "bad: IBM: divided by nothing",
        "bad: IRM1: a.wav must be finite, got NaN or infinity",
    ]
    written = sorted(str(p.relative_to(tmp_path / "out")) for p in tmp_path.rglob("*/bad/*.wav"))
    assert written == ["MIX/test/bad/a.wav", "MIX/test/bad/b.wav"]


def test_the_command_names_them_and_ends_with_status_3(broken: list[str], run: Run) -> None:
    broken[:] = ["Daisy Bell"]
    status, out, err = run("bounds", "--methods", "MIX,IBM", "--metrics", "uSDR")
    assert status == 3
    assert err == "oracle: Daisy Bell: IBM: divided by nothing\n"
    assert "Not in these tables: IBM failed on 1 track" in out
    assert "MIX" in out


def test_what_is_no_fault_of_a_method_is_raised() -> None:
    def work(names: Any) -> dict[str, int]:
        raise error

    for error in (MemoryError("full"), OSError("disk")):
        with pytest.raises(type(error)):
            try_each(["a", "b"], work)


def test_methods_are_tried_one_by_one_only_if_together_they_fail() -> None:
    calls: list[tuple[str, ...]] = []

    def work(names: Any) -> dict[str, str]:
        calls.append(tuple(names))
        if "bad" in names:
            raise ValueError("no")
        return {name: name.upper() for name in names}

    assert try_each(["a", "b"], work) == ({"a": "A", "b": "B"}, [])
    assert calls == [("a", "b")]
    found, failures = try_each(["a", "bad", "b"], work)
    assert found == {"a": "A", "b": "B"}
    assert [failure.method for failure in failures] == ["bad"]
