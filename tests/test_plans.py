"""Plans: how many tracks at a time, in how many threads, for how much memory."""

import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import oracle
from oracle import Track, datasets
from oracle.cli import main
from oracle.datasets import Dataset, Entry
from oracle.machine.memory import GIB
from oracle.metrics.names import METRICS
from oracle.runs.execution import open_workers
from oracle.runs.footprints import predict_footprint, predict_largest_footprint
from oracle.runs.plans import MemoryWarning, Plan, choose_plan, make_plan

RATE = 8000


def audio(n_channels: int, n_samples: int, name: str) -> Any:
    rng = np.random.default_rng([n_samples, *name.encode()])
    noise = rng.standard_normal((n_channels, n_samples))
    return (0.1 * noise).astype(np.float32)


def write(path: Path, n_channels: int = 1, n_samples: int = RATE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, audio(n_channels, n_samples, path.stem).T, RATE)
    return path


@pytest.fixture
def songs(tmp_path: Path) -> Dataset:
    """Four tracks: the third is the longest, and in stereo; the last cannot be read."""
    for place, (n_channels, n_samples) in enumerate([(1, 5000), (1, 7000), (2, 9000)]):
        for name in ("drums", "vocals"):
            write(tmp_path / f"songs/{place}/{name}.wav", n_channels, n_samples)
    (tmp_path / "songs/3").mkdir()
    (tmp_path / "songs/3/drums.wav").write_bytes(b"?")
    return datasets.folder(tmp_path / "songs")


@pytest.fixture(autouse=True)
def known_base(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a track takes at least, whatever has been measured."""
    monkeypatch.setattr("oracle.runs.footprints.BASE", 350e6)


def machine(monkeypatch: pytest.MonkeyPatch, *, cores: int, memory: float) -> None:
    monkeypatch.setattr("oracle.runs.plans.n_cores", lambda: cores)
    monkeypatch.setattr("oracle.runs.plans.available_memory", lambda: memory)


# How many


@pytest.mark.parametrize(
    ("cores", "n_tracks", "needed", "available", "processes", "threads"),
    [
        (8, 100, 1, 100, 8, 1),  # a core each
        (8, 4, 1, 100, 4, 2),  # a track each
        (8, 3, 1, 100, 3, 3),  # no core is left without
        (8, 100, 20, 100, 4, 2),  # 80 % of the memory
        (8, 100, 21, 100, 3, 3),
        (8, 3, 20, 100, 3, 3),
        (8, 100, 90, 100, 1, 8),
        (8, 100, 900, 100, 1, 8),  # never fewer than one
        (1, 100, 1, 100, 1, 1),
        (8, None, 1, 100, 1, 8),  # not known
        (8, 100, None, 100, 1, 8),
    ],
)
def test_as_many_tracks_as_there_are_cores_tracks_and_memory(
    cores: int,
    n_tracks: int | None,
    needed: float | None,
    available: float,
    processes: int,
    threads: int,
) -> None:
    assert choose_plan(cores, n_tracks, needed, available)[:2] == (processes, threads)


@pytest.mark.parametrize(
    ("plan", "text"),
    [
        (
            (8, 4, 1.1, 24),
            "4 tracks at a time, in 2 threads each: up to 1.1 GiB per track, 24.0 GiB available",
        ),
        (
            (2, 4, 1, 24),
            "2 tracks at a time, in 1 thread each: up to 1.0 GiB per track, 24.0 GiB available",
        ),
        (
            (2, 4, 9, 8),
            "1 track at a time, in 2 threads: up to 9.0 GiB per track, 8.0 GiB available",
        ),
        (
            (1, 4, 1, 8),
            "1 track at a time, in 1 thread: up to 1.0 GiB per track, 8.0 GiB available",
        ),
        (
            (2, 4, None, 8),
            "1 track at a time, in 2 threads: the length of the tracks is unknown until they "
            "are read",
        ),
    ],
)
def test_what_is_chosen_is_said(plan: tuple[Any, ...], text: str) -> None:
    cores, n_tracks, needed, available = plan
    needed = None if needed is None else needed * GIB
    assert choose_plan(cores, n_tracks, needed, available * GIB).text == text


def test_the_longest_track_counts(songs: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    longest = predict_footprint(2, 2, 9000, n_read=9000, metrics=METRICS)
    assert predict_largest_footprint(songs, METRICS) == longest
    machine(monkeypatch, cores=4, memory=3 * longest / 0.8 + 1)
    assert make_plan(songs, "auto", metrics=METRICS)[:2] == (3, 2)
    machine(monkeypatch, cores=4, memory=3 * longest / 0.8 - 1)
    assert make_plan(songs, "auto", metrics=METRICS)[:2] == (2, 2)


def test_tracks_in_memory_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    tracks = [
        Track.from_sources("t", RATE, {name: audio(2, n, name) for name in "ab"})
        for n in (100, 9000)
    ]
    assert predict_largest_footprint(tracks) == predict_footprint(2, 2, 9000)
    machine(monkeypatch, cores=4, memory=GIB)
    assert make_plan(tracks, "auto")[:2] == (2, 2)
    assert make_plan(tracks[0], "auto") == Plan(1, 4)


def test_what_is_not_known_before_it_is_read_is_worked_on_here(
    songs: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine(monkeypatch, cores=4, memory=100 * GIB)
    one_by_one: Iterator[Track] = iter(())
    made = Dataset("made", (*songs.entries, Entry("t", "test", datasets.waltz)))
    broken = songs.select(pattern="3")
    for tracks in (one_by_one, made, Dataset("two", 2 * broken.entries)):
        plan = make_plan(tracks, "auto")
        assert plan[:2] == (1, 4)
        assert "unknown" in plan.text


@pytest.mark.parametrize(
    ("jobs", "n_tracks", "processes", "threads"),
    [(None, 4, 1, 3), (1, 4, 1, 1), (2, 4, 2, 1), (9, 4, 4, 2), (9, None, 9, 1)],
)
def test_what_was_asked_for_is_obeyed(
    jobs: int | None,
    n_tracks: int | None,
    processes: int,
    threads: int,
    songs: Dataset,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    machine(monkeypatch, cores=3, memory=100 * GIB)
    tracks = songs if n_tracks else iter(())
    assert make_plan(tracks, jobs) == Plan(processes, threads)


@pytest.mark.parametrize("jobs", ["", "2", "all"])
def test_jobs_is_a_number_or_auto(jobs: Any) -> None:
    message = f"jobs must be a number, 'auto' or None, got {jobs!r}"
    with pytest.raises(ValueError, match=message):
        oracle.compute_bounds(datasets.waltz(), methods=["MIX"], jobs=jobs)


@pytest.mark.parametrize(
    ("jobs", "memory", "message"),
    [
        (
            3,
            2.5,
            "3 tracks at a time may take 1.0 GiB, but 0.8 GiB is available: "
            "--jobs 2 will fit (in Python jobs=2)",
        ),
        (
            2,
            0.5,
            "2 tracks at a time may take 0.7 GiB, but 0.2 GiB is available: "
            "not even one will fit, take fewer seconds of each (--seconds)",
        ),
        (
            1,
            0.5,
            "1 track may take 0.3 GiB, but 0.2 GiB is available: "
            "not even one will fit, take fewer seconds of each (--seconds)",
        ),
    ],
)
def test_more_tracks_than_fit_are_warned_of(
    jobs: int, memory: float, message: str, songs: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    longest = predict_footprint(2, 2, 9000, n_read=9000)
    machine(monkeypatch, cores=1, memory=memory * longest)
    with pytest.warns(MemoryWarning, match=f"^{re.escape(message)}$"):
        assert make_plan(songs, jobs) == Plan(jobs, 1)
    machine(monkeypatch, cores=1, memory=jobs * longest + 1)
    assert make_plan(songs, jobs) == Plan(jobs, 1)


@pytest.mark.slow
def test_processes_and_threads_are_those_of_the_plan() -> None:
    with open_workers(Plan(2, 1)) as workers:
        assert (workers.here, workers.width) == (False, 2)
    with open_workers(Plan(1, 2)) as workers:
        assert (workers.here, workers.width) == (True, 1)


# What the command says


@pytest.mark.parametrize(
    ("options", "memory", "said"),
    [
        ([], 1e9, "2 tracks at a time, in 1 thread each: up to 0.3 GiB per track, 0.9 GiB"),
        ([], 0.5e9, "1 track at a time, in 2 threads: up to 0.3 GiB per track, 0.5 GiB available"),
        (["--jobs", "1"], 1e9, "[1/3] "),
        (["--first", "1"], 1e9, "[1/1] "),
        (
            ["--jobs", "2"],
            0.5e9,
            "oracle: warning: 2 tracks at a time may take 0.7 GiB, but 0.5 GiB",
        ),
    ],
)
@pytest.mark.parametrize("command", ["bounds", "sweep", "separate", "score", "check"])
def test_commands_say_how_many_tracks_they_work_on_at_a_time(
    command: str,
    options: list[str],
    memory: float,
    said: str,
    songs: Dataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    machine(monkeypatch, cores=2, memory=memory)
    # The processes are tested elsewhere.
    monkeypatch.setattr("oracle.runs.loop.open_workers", lambda plan: open_workers(Plan(1, 1)))
    good = tmp_path / "songs"
    (good / "3/drums.wav").unlink()
    (good / "3").rmdir()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        oracle.write_estimates(datasets.folder(good), tmp_path / "est", methods=["MIX"])
    arguments = {
        "bounds": [good, "--methods", "MIX", "--metrics", "SDR"],
        "sweep": [good, "--methods", "MIX", "--n-ffts", "256"],
        "separate": [good, "--methods", "MIX", "--out", tmp_path / "out"],
        "score": [good, tmp_path / "est/MIX", "--metrics", "SDR"],
        "check": [good, "--methods", "MIX", "--metrics", "SDR"],
    }[command]
    with pytest.raises(SystemExit, match="0"):
        main([command, *map(str, [*arguments, *options])])
    lines = capsys.readouterr().err.splitlines()
    lines = [line for line in lines if "no reference for" not in line]
    assert lines[0].startswith(said)
    assert sum("at a time" in line for line in lines) == ("at a time" in said)


@pytest.mark.parametrize("metrics", [["SDR"], ["SDR", "SAR-reg"]])
def test_a_plan_is_for_the_metrics_that_are_computed(
    metrics: list[str], songs: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = []

    def longest(tracks: Dataset, metrics: list[str]) -> float:
        planned.append(list(metrics))
        return 1e9

    machine(monkeypatch, cores=1, memory=GIB)
    monkeypatch.setattr("oracle.runs.plans.predict_largest_footprint", longest)
    options: dict[str, Any] = {"methods": ["MIX"], "metrics": metrics, "jobs": "auto"}
    oracle.compute_bounds(songs.select(first=2), **options)
    assert planned == [metrics]
    oracle.check(songs.select(first=2), **options)
    assert planned == 3 * [metrics]


def test_a_plan_for_no_tracks_is_a_plan() -> None:
    assert make_plan([], 3) == Plan(1, 3)
    assert make_plan([], "auto").processes == 1


def test_what_an_earlier_run_has_done_takes_no_plan(
    songs: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options: dict[str, Any] = {"methods": ["MIX"], "metrics": ["SDR"], "out": tmp_path / "out"}
    tracks = songs.select(first=3)
    oracle.compute_bounds(tracks, **options)
    oracle.compute_bounds(tracks, jobs="auto", progress=True, **options)
    assert "at a time" not in capsys.readouterr().err
