"""oracle check: what is in a dataset, what is wrong with it, and how long its bounds take."""

import json
import re
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile
from conftest import Run

import oracle
from oracle import STFT, Track, datasets
from oracle.cli.check import _time
from oracle.jobs.timings import Cost, measure_costs
from oracle.jobs.track_scores import score_track
from oracle.machine.threads import limited_threads
from oracle.methods import find_methods
from oracle.runs.footprints import BASE
from oracle.runs.plans import Jobs, MemoryWarning
from oracle.tracks.track import Audio

RATE = 8000
QUICK: dict[str, Any] = {"methods": ["MIX"], "metrics": ["uSDR"]}
QUICKLY = ("--methods", "MIX", "--metrics", "uSDR")


def noise(seed: int, n_samples: int = 2 * RATE, n_channels: int = 2) -> Audio:
    steps = np.random.default_rng(seed).integers(-4000, 4001, (n_channels, n_samples))
    return (steps / 2**15).astype(np.float32)


def write(path: Path, audio: Audio, rate: int = RATE) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, audio.T, rate)


def write_song(folder: Path, *names: str, rate: int = RATE, **shape: int) -> Path:
    for seed, name in enumerate(names or ("drums", "vocals")):
        write(folder / f"{name}.wav", noise(seed, **shape), rate)
    return folder


def write_mixture(folder: Path, audio: Audio) -> None:
    write(folder / "mixture.wav", audio)


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A dataset with one of every fault."""
    root = tmp_path / "broken"
    write_song(root / "good")
    write_mixture(root / "good", noise(0) + noise(1))
    write_song(root / "silent", "drums", "vocals")
    write(root / "silent/vocals.wav", np.zeros((2, RATE * 2), np.float32))
    write_mixture(write_song(root / "half"), 0.5 * (noise(0) + noise(1)))
    write_mixture(write_song(root / "more"), noise(0) + noise(1) + noise(9))
    write_song(root / "copy")
    write(root / "copy/bass.wav", noise(0))
    write_song(root / "cut").joinpath("drums.wav").write_bytes(b"RIFF")
    loud = noise(0).copy()
    loud[:, 100:110] = 1
    write(write_song(root / "clipped") / "drums.wav", loud)
    write_song(root / "guitar", "drums", "vocals", "guitar")
    write_song(root / "alone", "vocals")
    write_song(root / "slow", rate=4000, n_channels=1)
    write(root / "good/takes/one.wav", noise(5))
    return root


PROBLEMS = {
    ("test/cut", r".*drums\.wav must be a readable audio file"),
    ("test/copy", r".*bass\.wav is drums\.wav|.*drums\.wav is bass\.wav"),
    ("test/silent", "vocals is silent, so .* are NaN: remove it if the track has no vocals"),
    ("test/half", r"mixture must be the sum of its sources, got 0\.5 x their sum"),
    ("test/more", r"The mixture of more holds more .* Choose --rest source if that is right or "),
    ("", r"not read: good/takes \(1 audio file\)"),
}
REMARKS = {
    ("test/clipped", "drums has 20 samples at full scale"),
    ("test/guitar", "has guitar as well"),
    ("test/alone", "has no drums"),
    ("test/alone", "has one source alone: any mask that keeps it is perfect"),
    ("test/silent", "has one source alone: any mask that keeps it is perfect"),
    ("test/slow", "has a rate of 4000 Hz"),
    ("test/slow", "has 1 channel"),
}


def test_every_fault_is_found(broken: Path) -> None:
    found = oracle.check(datasets.folder(broken), **QUICK)
    assert len(found.problems) == len(PROBLEMS)
    for name, pattern in PROBLEMS:
        assert any(n == name and re.match(pattern, what) for n, what in found.problems), pattern
    assert set(found.remarks) == REMARKS
    assert (found.name, found.common_sources) == ("broken", ["drums", "vocals"])
    lengths = {each.info.name: each.info.n_samples for each in found.tracks}
    assert lengths["good"] == 2 * RATE


def test_what_a_run_would_do_counts(broken: Path) -> None:
    found = oracle.check(datasets.folder(broken), rest="ignore", **QUICK)
    assert not {"test/half", "test/more"} & {name for name, _ in found.problems}
    assert (
        "test/half",
        "The mixture of half is not the sum of its sources, but 0.5 x their sum (-6.0 dB). What "
        "they do not account for is ignored.",
    ) in found.remarks
    found = oracle.check(datasets.folder(broken), rest="refuse", **QUICK)
    refused = {n for n, what in found.problems if what.startswith("mixture must be the sum")}
    assert refused == {"test/half", "test/more"}


def test_a_good_dataset_has_nothing_wrong(run: Run, tmp_path: Path) -> None:
    for name in ("train/a", "train/b", "test/c"):
        write_song(tmp_path / "stems" / name)
    status, out, err = run("check", tmp_path / "stems", *QUICKLY)
    assert (status, err) == (0, "")
    words = " ".join(out.split())
    assert "tracks 3 (2 train, 1 test)" in words
    assert "audio 6.0 s; 2.0 s a track" in words
    assert "rate 8000 Hz channels 2 sources drums, vocals mixture sum of the sources" in words
    assert words.endswith("Nothing is wrong.")


def test_the_command_names_all_and_ends_with_status_3(
    run: Run, broken: Path, tmp_path: Path
) -> None:
    status, out, err = run("check", broken, *QUICKLY, "--out", tmp_path / "out")
    assert (status, err) == (3, "")
    words = " ".join(out.split())
    assert " silent vocals is silent" in words
    assert " clipped drums has 20 samples at full scale" in words
    assert "not read: good/takes (1 audio file)" in words
    assert "tracks 10 not usable 3 of these" in words
    assert "rate 8000 Hz (7), 4000 Hz (1)" in words
    assert "6 problems." in words
    table = pd.read_csv(tmp_path / "out/tracks.csv").set_index("name")
    assert len(table) == 10
    assert table["problems"]["silent"].startswith("vocals is silent, so")
    assert table["clipped"]["clipped"] == "drums 20"
    assert "must be a readable audio file" in table["problems"]["cut"]
    text = (tmp_path / "out/check.json").read_text()
    everything = json.loads(text, parse_constant=lambda name: pytest.fail(name))
    assert len(everything["problems"]) == len(PROBLEMS)
    assert {each["name"] for each in everything["tracks"]} == set(table.index)
    assert everything["left_out"] == ["good/takes (1 audio file)"]


@pytest.mark.parametrize("suffix", ["csv", "json"])
def test_a_file_alone_may_be_written(run: Run, tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"check.{suffix}"
    assert run("check", *QUICKLY, "--out", out).status == 0
    assert [path.name for path in tmp_path.iterdir()] == [out.name]
    assert "Daisy Bell" in out.read_text()


@pytest.mark.slow
def test_the_real_track_is_as_it_should_be(run: Run, shared: Path, ffmpeg: str) -> None:
    status, out, err = run("check", "musdb18", "--root", shared / "data/musdb18-7", *QUICKLY)
    assert (status, err) == (0, "")
    assert "in no source -31.6 dB of the mixture" in " ".join(out.split())


def test_a_dataset_of_which_nothing_can_be_read_is_all_wrong(run: Run, tmp_path: Path) -> None:
    write_song(tmp_path / "stems/song").joinpath("drums.wav").write_bytes(b"RIFF")
    status, out, _ = run("check", tmp_path / "stems", *QUICKLY)
    assert status == 3
    assert "drums.wav must be a readable audio file" in " ".join(out.split())
    assert "Time" not in out


def test_a_dataset_that_bounds_refuses_is_named_and_not_timed(run: Run, tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_mixture(write_song(tmp_path / "stems" / name), 0.5 * (noise(0) + noise(1)))
    status, out, err = run("check", tmp_path / "stems", *QUICKLY)
    assert (status, err) == (3, "")
    assert "tracks 2 not usable 2 of these" in " ".join(out.split())
    assert out.count("got 0.5 x their sum") == 2
    assert "Time" not in out
    status, out, _ = run("check", tmp_path / "stems", *QUICKLY, "--rest", "ignore")
    assert status == 0
    assert "not usable" not in out
    assert "Time" in out


def test_what_else_is_in_a_mixture_takes_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    timed: list[Track] = []

    def measure(track: Track, *arguments: Any, **options: Any) -> dict[str, Cost]:
        timed.append(track)
        return {}

    monkeypatch.setattr("oracle.jobs.checks.measure_costs", measure)
    track = Track("t", RATE, noise(0) + noise(1), {"drums": noise(0)})
    oracle.check(track, **QUICK)
    assert list(timed[0].sources) == ["drums", "rest"]


def test_more_in_a_mixture_is_refused_only_if_that_is_asked_for(run: Run, tmp_path: Path) -> None:
    write_mixture(write_song(tmp_path / "stems/song"), noise(0) + noise(1) + noise(9))
    for rest, status, unusable in (((), 3, False), (("source",), 0, False), (("refuse",), 3, True)):
        options = ("--rest", *rest) if rest else ()
        outcome = run("check", tmp_path / "stems", *QUICKLY, *options)
        assert outcome.status == status
        assert ("not usable" in outcome.out) == unusable
        assert ("Time" in outcome.out) != unusable


@pytest.mark.slow
@pytest.mark.filterwarnings("error")
def test_what_timing_warns_of_is_not_said(run: Run, tmp_path: Path) -> None:
    decay = 10.0 ** -(np.arange(RATE) / RATE * 60)
    for seed, name in enumerate(("drums", "vocals")):
        audio = (decay * noise(seed, RATE)).astype(np.float32)
        path = tmp_path / f"stems/song/{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, audio.T, RATE, subtype="FLOAT")
    status, _, err = run("check", tmp_path / "stems", "--methods", "MIX", "--metrics", "SDR,ISR")
    assert (status, err) == (0, "")


def test_a_song_in_the_names_of_sources_is_said(run: Run, tmp_path: Path) -> None:
    write_song(tmp_path / "stems/one", "My Song - drums", "My Song - vocals")
    write_song(tmp_path / "stems/two", "part_1", "part_2")
    status, out, _ = run("check", tmp_path / "stems", *QUICKLY)
    assert status == 0
    assert "one has 'My Song - ' before the name of each source" in " ".join(out.split())
    assert "'part_'" not in out


def test_long_lists_are_cut_in_the_terminal_alone(run: Run, tmp_path: Path) -> None:
    for index in range(45):
        song = write_song(tmp_path / f"stems/{index:02}", n_samples=100)
        write(song / "drums.wav", np.zeros((2, 100), np.float32))
    status, out, _ = run("check", tmp_path / "stems", *QUICKLY, "--out", tmp_path / "c.json")
    assert status == 3
    assert "5 more: --out writes all." in out
    assert len(json.loads((tmp_path / "c.json").read_text())["problems"]) == 45


@pytest.mark.parametrize(
    ("options", "status", "message"),
    [
        (["nowhere"], 1, "must be waltz, musdb18, .* or a folder, got 'nowhere'"),
        (["--methods", "IRM3"], 2, "method must be one of"),
        (["--jobs", "0"], 2, "--jobs must be positive, got 0"),
        (["--rest", "maybe"], 2, "'maybe' is not one of"),
    ],
)
def test_wrong_usage_is_an_error(run: Run, options: list[str], status: int, message: str) -> None:
    outcome = run("check", *options)
    assert outcome.status == status
    assert re.search(message, outcome.err)


# Time


def music(seconds: float) -> Track:
    n_samples = int(seconds * RATE)
    rng = np.random.default_rng(0)
    audio = (0.1 * rng.standard_normal((3, 2, n_samples))).astype(np.float32)
    return Track.from_sources("t", RATE, dict(zip("abc", audio, strict=True)))


def test_a_cost_is_some_seconds_a_track_and_some_a_sample() -> None:
    assert Cost(fixed=2.0, per_sample=0.5).of(10) == 7.0


def test_costs_are_of_every_method_and_grow_with_the_track() -> None:
    options: dict[str, Any] = {"stft": STFT(n_fft=512), "metrics": ["SDR"]}
    costs = measure_costs(music(8), find_methods(["MIX", "OPT"]), **options)
    assert list(costs) == ["MIX", "OPT"]
    assert costs["OPT"].of(10**6) > costs["MIX"].of(10**6) > 0
    assert min(min(cost) for cost in costs.values()) >= 0
    short = measure_costs(music(0.5), find_methods(["MIX"]), **options)
    assert short["MIX"].per_sample > 0


@pytest.mark.slow
def test_a_prediction_is_about_right() -> None:
    """Within a factor of four, on a machine where others work too."""
    track = music(40)
    options: dict[str, Any] = {"stft": STFT(n_fft=512), "metrics": ["SDR", "uSDR"]}
    methods = find_methods(["IBM", "IRM2", "OPT"])
    costs = measure_costs(track, methods, **options)
    predicted = sum(cost.of(track.mixture.size * 3) for cost in costs.values())
    with limited_threads(1):
        start = time.perf_counter()
        score_track(track, methods, **options)
        taken = time.perf_counter() - start
    assert taken / 4 < predicted < 4 * taken


def test_seconds_are_shared_by_the_cores() -> None:
    found = oracle.check(music(2), jobs=1, **QUICK)
    assert (found.jobs, list(found.seconds)) == (1, ["reading", "MIX"])
    assert found.seconds["MIX"] > 0


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (59.9, "59.9 s"), (60, "1:00 min"), (754.6, "12:35 min"), (7800, "2:10 h")],
)
def test_times_are_readable(seconds: float, text: str) -> None:
    assert _time(seconds) == text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("jobs", "n_songs"),
    [(None, 1), (None, 4), (3, 0), (3, 1), (3, 2), (2, 4), ("auto", 0), ("auto", 4)],
)
def test_a_prediction_shares_cores_as_a_run_does(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    jobs: Jobs,
    n_songs: int,
) -> None:
    timed = []

    def measure(track: Track, *arguments: Any, n_threads: int, **options: Any) -> dict[str, Cost]:
        timed.append((track.name, n_threads))
        return {"MIX": Cost(12.0, 0.0)}

    monkeypatch.setattr("oracle.jobs.checks.measure_costs", measure)
    monkeypatch.setattr("oracle.runs.plans.n_cores", lambda: 3)
    for place in range(n_songs):
        write_song(tmp_path / f"{place}", n_samples=100 + place)
    write(tmp_path / f"{n_songs}/drums.wav", noise(1, 1000))  # longest, but half of it is silent
    write(tmp_path / f"{n_songs}/vocals.wav", 0 * noise(1, 1000))
    found = oracle.check(datasets.folder(tmp_path), jobs=jobs, **QUICK)
    cores = jobs if isinstance(jobs, int) else 3
    workers = 1 if jobs is None else min(cores, n_songs + 1)
    assert timed == [(f"{max(n_songs - 1, 0)}", cores // workers)]
    assert found.seconds["MIX"] == pytest.approx(12 * (n_songs + 1) / workers)


@pytest.mark.slow
def test_a_prediction_is_of_as_many_tracks_at_a_time_as_fit_into_memory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    timed = []

    def measure(track: Track, *arguments: Any, n_threads: int, **options: Any) -> dict[str, Cost]:
        timed.append(n_threads)
        return {"MIX": Cost(12.0, 0.0)}

    monkeypatch.setattr("oracle.jobs.checks.measure_costs", measure)
    monkeypatch.setattr("oracle.runs.plans.n_cores", lambda: 8)
    # Of which four fifths are for two.
    monkeypatch.setattr("oracle.runs.plans.available_memory", lambda: 2.9 * BASE)
    for place in range(4):
        write_song(tmp_path / f"{place}")
    found = oracle.check(datasets.folder(tmp_path), jobs="auto", progress=True, **QUICK)
    assert (timed, found.seconds["MIX"]) == ([4], 12 * 4 / 2)
    assert capsys.readouterr().err.startswith("2 tracks at a time, in 4 threads each: ")
    with pytest.warns(MemoryWarning, match="3 tracks at a time may take"):
        oracle.check(datasets.folder(tmp_path), jobs=3, **QUICK)
    assert timed == [4, 1]


def test_a_stem_that_is_there_twice_is_worth_knowing(tmp_path: Path) -> None:
    write_song(tmp_path / "song")
    write(tmp_path / "song/bass.wav", noise(0))
    write_mixture(tmp_path / "song", 2 * noise(0) + noise(1))
    found = oracle.check(datasets.folder(tmp_path), **QUICK)
    assert not found.problems
    assert ("test/song", "bass is drums, and so it is in the mixture") in found.remarks
