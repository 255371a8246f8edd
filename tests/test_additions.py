"""Methods and metrics are added to the folder of a run: only what is missing is computed."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import RATE, Run, broken, dataset_with, make_track, outputs

import oracle
from oracle import STFT, Track, TracksFailed, compute_bounds, compute_sweep, score_system
from oracle.datasets import Dataset
from oracle.datasets.audio_files import write_audio
from oracle.jobs import track_scores
from oracle.methods import METHODS, Method
from oracle.metrics import Metric
from oracle.results.tables import read_scores
from oracle.runs.additions import Part, list_cells, list_parts, sort_rows
from oracle.runs.options import RunOptions
from oracle.runs.progress import Progress
from oracle.tracks.track import Audio

NAMES = ("a", "b", "c")
SMALL = STFT(n_fft=256)
LENGTH = RATE * 3 // 2  # a window and a half

Step = tuple[list[Any], list[Any]]


def soft(sources: Any, mixture: Any, power: float = 1.0) -> Any:
    magnitudes = np.abs(sources) ** power
    return magnitudes / np.maximum(magnitudes.sum(axis=0), 1e-12)


def error_level(references: Audio, estimates: Audio, mixture: Audio, rate: int) -> Any:
    return np.sqrt(np.mean((estimates - references) ** 2, axis=(1, 2), dtype=np.float64))


def fail(references: Audio, estimates: Audio, mixture: Audio, rate: int) -> Any:
    raise ZeroDivisionError("no good")


LEVEL = Metric("LEVEL", error_level, unit="FS")
IN_WINDOWS = Metric("WINDOWED", error_level, windows=True)


def song(name: str, seed: int = 0) -> Track:
    seed += 10 * ord(name[0])
    return make_track(name, "bass", "vocals", seed=seed, n_samples=LENGTH, n_channels=1)


def of_tracks(names: Sequence[str] = NAMES, *, loads: list[str] | None = None) -> Dataset:
    """A dataset that keeps a list of the tracks that are read."""

    def load(name: str) -> Track:
        if loads is not None:
            loads.append(name)
        return song(name)

    return dataset_with(names, [partial(load, name) for name in names])


def said(folder: Path) -> Any:
    return json.loads((folder / "run.json").read_text(encoding="utf-8"))


def bounds(out: Path, methods: list[Any], metrics: list[Any], **options: Any) -> oracle.Results:
    tracks = options.pop("tracks", None) or of_tracks()
    return compute_bounds(tracks, methods=methods, metrics=metrics, stft=SMALL, out=out, **options)


# As if all had been done at once


@pytest.mark.parametrize(
    "steps",
    [
        [(["IRM2"], ["SDR"]), (["MIX"], ["SDR"])],
        [(["IRM2"], ["SDR"]), (["IRM2", "MIX"], ["SDR"])],
        [(["IRM2"], ["SDR"]), (["MIX", "IRM2"], ["SDR"])],
        [(["IRM2", "CEILING"], ["uSDR"]), (["MIX"], ["SIR", "SI-SDR"])],
        [(["MIX", "CEILING"], ["SI-SDR"]), (["OPT"], ["SDR", "uSDR"])],
        [(["OPT"], ["uSDR"]), (["CEILING"], ["SDR"]), (["IBM"], ["SNR"]), ([soft], ["uSDR"])],
        [([soft], [LEVEL]), (["MIX", soft], ["SDR", LEVEL, IN_WINDOWS])],
        [(["MIX"], [LEVEL, "uSDR"]), ([soft], [IN_WINDOWS, LEVEL])],
    ],
)
def test_files_are_those_of_one_run(tmp_path: Path, steps: list[Step]) -> None:
    for methods, metrics in steps:
        results = bounds(tmp_path / "out", methods, metrics, tracks=of_tracks(NAMES[:2]))
    every: Step = ([], [])
    for step in steps:
        for several, more in zip(every, step, strict=True):
            several += [each for each in more if each not in several]
    whole = bounds(tmp_path / "whole", *every, tracks=of_tracks(NAMES[:2]))
    assert outputs(tmp_path / "out") == outputs(tmp_path / "whole")
    assert results.table.equals(whole.table)
    assert results.scores.equals(whole.scores)
    assert results.tracks.equals(whole.tracks)
    assert results.settings == whole.settings
    assert list(results.settings) == list(whole.settings)
    times = ("started", "finished")
    one, other = (
        {k: v for k, v in said(tmp_path / n).items() if k not in times} for n in ("out", "whole")
    )
    assert one == other


def test_sweeps_grow_by_methods_metrics_and_stfts(tmp_path: Path) -> None:
    def sweep(
        folder: str, methods: list[Any], metrics: list[Any], n_ffts: list[int], **o: Any
    ) -> oracle.Results:
        return compute_sweep(
            of_tracks(NAMES[:2]),
            methods=methods,
            metrics=metrics,
            n_ffts=n_ffts,
            overlaps=[0.5],
            out=tmp_path / folder,
            **o,
        )

    sweep("out", ["MIX"], ["uSDR"], [256])
    sweep("out", [soft], ["uSDR"], [256])
    sweep("out", [soft], [LEVEL], [256])
    results = sweep("out", [soft], [LEVEL], [512])
    whole = sweep("whole", ["MIX", soft], ["uSDR", LEVEL], [256, 512])
    assert outputs(tmp_path / "out") == outputs(tmp_path / "whole")
    assert results.table.equals(whole.table)
    assert results.settings == whole.settings
    assert said(tmp_path / "out")["files"] == said(tmp_path / "whole")["files"]
    with pytest.raises(ValueError, match=r"stfts: .*hamming.* added, .*hann.* removed"):
        sweep("out", [soft], [LEVEL], [1024], window="hamming")


def written(folder: Path, gain: float = 0.9) -> Path:
    for name in NAMES:
        track = song(name)
        for target, audio in track.sources.items():
            write_audio(folder / name / f"{target}.wav", (gain * audio).astype("f4"), RATE)
    return folder


def test_metrics_of_systems_are_added(tmp_path: Path) -> None:
    estimates, tracks = written(tmp_path / "est"), of_tracks()
    score_system(tracks, estimates, metrics=["uSDR", LEVEL], out=tmp_path / "out")
    score_system(tracks, estimates, metrics=["SDR"], out=tmp_path / "out")
    results = score_system(tracks, estimates, metrics=["SI-SDR"], out=tmp_path / "out")
    metrics: list[Any] = ["uSDR", LEVEL, "SDR", "SI-SDR"]
    score_system(tracks, estimates, metrics=metrics, out=tmp_path / "whole")
    assert outputs(tmp_path / "out") == outputs(tmp_path / "whole")
    assert results.table["metric"].unique().tolist() == ["uSDR", "LEVEL", "SDR", "SI-SDR"]
    with pytest.raises(ValueError, match="methods: mine added, est removed"):
        score_system(tracks, estimates, metrics=["SDR"], name="mine", out=tmp_path / "out")
    with pytest.raises(ValueError, match="methods: other added, est removed; estimates was"):
        score_system(tracks, written(tmp_path / "other"), metrics=["SDR"], out=tmp_path / "out")


def test_metrics_of_arrays_are_added(tmp_path: Path) -> None:
    track = song("a")
    estimates = {name: 0.9 * audio for name, audio in track.targets.items()}
    oracle.score(track, estimates, metrics=["uSDR"], out=tmp_path / "out")
    results = oracle.score(track, estimates, metrics=[LEVEL, "SDR"], out=tmp_path / "out")
    oracle.score(track, estimates, metrics=["uSDR", LEVEL, "SDR"], out=tmp_path / "whole")
    assert outputs(tmp_path / "out") == outputs(tmp_path / "whole")
    assert results.table["metric"].unique().tolist() == ["uSDR", "LEVEL", "SDR"]
    louder = {name: 2 * audio for name, audio in estimates.items()}
    with pytest.raises(ValueError, match="arrays was .*other audio"):
        oracle.score(track, louder, metrics=["SI-SDR"], out=tmp_path / "out")


@pytest.mark.slow
def test_additions_work_in_other_processes(tmp_path: Path) -> None:
    factor = 0.5
    half = Method.from_mask("HALF", lambda sources, mixture: factor + 0 * np.abs(sources))
    tracks = [song(name) for name in NAMES]
    bounds(tmp_path / "out", ["IRM2", half], ["uSDR"], tracks=tracks, jobs=2)
    bounds(tmp_path / "out", ["MIX", half], [LEVEL], tracks=tracks, jobs=2)
    bounds(tmp_path / "whole", ["IRM2", half, "MIX"], ["uSDR", LEVEL], tracks=tracks)
    assert outputs(tmp_path / "out") == outputs(tmp_path / "whole")


# Only what is missing


@pytest.fixture
def scored(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[str], list[str]]]:
    """The track, methods and metrics of each call of the function that scores tracks."""
    calls: list[tuple[str, list[str], list[str]]] = []
    original = track_scores.score_track

    def score_track(track: Track, methods: Any, *, metrics: Any, **options: Any) -> Any:
        names = [each if isinstance(each, str) else each.name for each in methods]
        calls.append((track.name, names, [getattr(each, "name", each) for each in metrics]))
        return original(track, methods, metrics=metrics, **options)

    monkeypatch.setattr("oracle.jobs.track_scores.score_track", score_track)
    return calls


def test_only_what_is_missing_is_computed(tmp_path: Path, scored: list[Any]) -> None:
    one = of_tracks(("a",))
    bounds(tmp_path, ["IRM2", "CEILING"], ["SDR"], tracks=one)
    scored.clear()
    for methods, metrics, computed in (
        (["MIX"], ["SDR"], [("a", ["MIX"], ["SDR"])]),
        (["IRM2"], ["SI-SDR"], [("a", ["IRM2", "MIX"], ["SI-SDR"])]),  # no ceiling has one
        (["CEILING"], ["SDR"], []),
        (
            ["IBM"],
            ["uSDR"],
            [
                ("a", ["IRM2", "CEILING", "MIX"], ["uSDR"]),
                ("a", ["IBM"], ["SDR", "SI-SDR", "uSDR"]),
            ],
        ),
        (["MIX", "IBM"], ["uSDR", "SDR"], []),
    ):
        bounds(tmp_path, methods, metrics, tracks=one)
        assert scored == computed
        scored.clear()


def test_a_subset_shows_the_whole_folder(tmp_path: Path) -> None:
    whole = bounds(tmp_path, ["IRM2", "MIX"], ["SDR", "uSDR"])
    before, loads = outputs(tmp_path), list[str]()
    results = bounds(tmp_path, ["MIX"], ["uSDR"], tracks=of_tracks(loads=loads))
    assert loads == []
    assert outputs(tmp_path) == before
    assert results.table.equals(whole.table)
    assert results.settings == whole.settings


def test_new_tracks_get_all_that_the_folder_has(tmp_path: Path) -> None:
    bounds(tmp_path / "out", ["IRM2"], ["SDR"], tracks=of_tracks(("b",)))
    bounds(tmp_path / "out", ["MIX"], ["uSDR"])
    bounds(tmp_path / "whole", ["IRM2", "MIX"], ["SDR", "uSDR"])
    assert outputs(tmp_path / "out") == outputs(tmp_path / "whole")


def test_a_track_that_has_changed_is_done_again_in_full(tmp_path: Path, scored: list[Any]) -> None:
    tracks = [song("a"), song("b")]
    bounds(tmp_path / "out", ["IRM2"], ["uSDR"], tracks=tracks)
    tracks[1] = song("b", seed=5)
    scored.clear()
    bounds(tmp_path / "out", ["MIX"], ["uSDR"], tracks=tracks)
    assert scored == [("a", ["MIX"], ["uSDR"]), ("b", ["IRM2", "MIX"], ["uSDR"])]
    bounds(tmp_path / "whole", ["IRM2", "MIX"], ["uSDR"], tracks=tracks)
    assert outputs(tmp_path / "out") == outputs(tmp_path / "whole")


@pytest.mark.parametrize("again", [["MIX"], ["IRM2"], ["IRM2", "MIX"]])
def test_an_addition_that_was_interrupted_goes_on(tmp_path: Path, again: list[str]) -> None:
    def interrupt() -> Track:
        raise KeyboardInterrupt

    bounds(tmp_path / "out", ["IRM2"], ["uSDR"])
    loaders = [partial(song, name) for name in NAMES]
    stopped = dataset_with(NAMES, [loaders[0], interrupt, loaders[2]])
    with pytest.raises(KeyboardInterrupt):
        bounds(tmp_path / "out", ["MIX"], ["SDR"], tracks=stopped)
    kept = read_scores(tmp_path / "out" / "scores.csv")
    assert kept.groupby("track", sort=False)["method"].unique().map(list).to_dict() == {
        "a": ["IRM2", "MIX"],
        "b": ["IRM2"],
        "c": ["IRM2"],
    }
    assert [track["name"] for track in said(tmp_path / "out")["tracks"]] == [*NAMES]
    loads: list[str] = []
    bounds(tmp_path / "out", again, ["uSDR"], tracks=of_tracks(loads=loads))
    assert loads == ["b", "c"]
    bounds(tmp_path / "whole", ["IRM2", "MIX"], ["uSDR", "SDR"])
    assert outputs(tmp_path / "out") == outputs(tmp_path / "whole")


def test_tracks_that_come_one_by_one_get_additions_too(tmp_path: Path) -> None:
    tracks = [song(name) for name in NAMES]
    bounds(tmp_path / "out", ["IRM2"], ["uSDR"], tracks=iter(tracks))
    bounds(tmp_path / "out", ["MIX"], ["uSDR"], tracks=iter(tracks))
    bounds(tmp_path / "whole", ["IRM2", "MIX"], ["uSDR"], tracks=tracks)
    assert outputs(tmp_path / "out") == outputs(tmp_path / "whole")


def test_a_folder_from_before_there_were_additions_is_done(tmp_path: Path) -> None:
    bounds(tmp_path / "out", ["IRM2"], ["uSDR"])
    for file in (tmp_path / "out" / "tracks").rglob("*.json"):
        record = json.loads(file.read_text())
        del record["scored"]
        file.write_text(json.dumps(record))
    loads: list[str] = []
    bounds(tmp_path / "out", ["IRM2"], ["uSDR"], tracks=of_tracks(loads=loads))
    assert loads == []
    bounds(tmp_path / "out", ["MIX"], ["uSDR"])
    bounds(tmp_path / "whole", ["IRM2", "MIX"], ["uSDR"])
    assert outputs(tmp_path / "out") == outputs(tmp_path / "whole")


# Functions of your own


def test_a_function_is_needed_only_to_compute_with_it(tmp_path: Path) -> None:
    bounds(tmp_path, [soft, "IRM2"], ["uSDR", LEVEL])
    results = bounds(tmp_path, ["IRM2"], ["uSDR"])  # nothing to do
    assert set(results.table["method"]) == {"soft", "IRM2"}
    before, run = outputs(tmp_path), said(tmp_path)
    with pytest.raises(ValueError, match=r"methods must hold soft, .* got IRM2: .* pass it again"):
        bounds(tmp_path, ["IRM2"], ["SDR"])
    with pytest.raises(ValueError, match=r"metrics must hold LEVEL, .* got uSDR: .*pass it again"):
        bounds(tmp_path, ["MIX", soft], ["uSDR"])
    with pytest.raises(ValueError, match="methods must hold soft"):
        bounds(tmp_path, ["IRM2"], [LEVEL], tracks=of_tracks((*NAMES, "d")))
    assert (outputs(tmp_path), said(tmp_path)) == (before, run)
    bounds(tmp_path, [soft], ["SDR"])  # nothing is left of LEVEL
    bounds(tmp_path, ["MIX"], [LEVEL])  # nothing is left of soft


def test_sweeps_name_a_mask_that_is_needed(tmp_path: Path) -> None:
    options: dict[str, Any] = {"metrics": ["uSDR"], "overlaps": [0.5], "out": tmp_path}
    compute_sweep(song("a"), methods=[soft], n_ffts=[256], **options)
    compute_sweep(song("a"), methods=["MIX"], n_ffts=[256], **options)
    with pytest.raises(ValueError, match="methods must hold soft, which"):
        compute_sweep(song("a"), methods=["MIX"], n_ffts=[512], **options)


def test_a_track_that_has_changed_names_a_function_that_it_needs(tmp_path: Path) -> None:
    bounds(tmp_path, [soft], ["uSDR"], tracks=[song("a"), song("b")])
    with pytest.raises(TracksFailed, match="b: methods must hold soft") as caught:
        bounds(tmp_path, ["MIX"], ["uSDR"], tracks=[song("a"), song("b", seed=5)])
    assert caught.value.results is not None
    assert set(caught.value.results.table["method"]) == {"soft", "MIX"}


def test_a_changed_function_is_refused(tmp_path: Path) -> None:
    def mask(power: float) -> Method:
        return Method.from_mask("SOFT", soft, power=power)

    bounds(tmp_path, [mask(1), "MIX"], ["uSDR", LEVEL])
    with pytest.raises(ValueError, match=r"own_methods was .* \(SOFT: another function"):
        bounds(tmp_path, [mask(2)], ["uSDR"])
    with pytest.raises(ValueError, match=r"own_metrics was .* \(LEVEL: another function"):
        bounds(tmp_path, ["MIX"], [Metric("LEVEL", fail)])
    before = outputs(tmp_path)
    bounds(tmp_path, [mask(1), "MIX"], ["uSDR"])
    assert outputs(tmp_path) == before


# Failures


def test_an_addition_that_fails_costs_nothing_that_is_done(tmp_path: Path) -> None:
    """And can be mended, or left out."""
    done = bounds(tmp_path / "out", ["MIX", "IRM2"], ["uSDR"])
    before = outputs(tmp_path / "out")
    with pytest.raises(TracksFailed, match="MIX, IRM2 failed on 3 tracks") as caught:
        bounds(tmp_path / "out", ["MIX"], [Metric("LEVEL", fail)])
    assert caught.value.results is not None
    assert caught.value.results.table.equals(done.table)
    after = outputs(tmp_path / "out")
    assert {name: after[name] for name in before} == before
    loads: list[str] = []
    bounds(tmp_path / "out", ["MIX"], ["uSDR"], tracks=of_tracks(loads=loads))
    assert loads == []
    assert said(tmp_path / "out")["metrics"] == ["uSDR"]
    assert outputs(tmp_path / "out") == before
    bounds(tmp_path / "out", ["MIX"], [LEVEL])
    bounds(tmp_path / "whole", ["MIX", "IRM2"], ["uSDR", LEVEL])
    assert outputs(tmp_path / "out") == outputs(tmp_path / "whole")


def test_a_track_that_fails_keeps_the_scores_that_it_has(tmp_path: Path) -> None:
    bounds(tmp_path / "out", ["IRM2"], ["uSDR"])
    loaders: list[Callable[[], Track]] = [partial(song, "a"), broken, partial(song, "c")]
    with pytest.raises(TracksFailed, match="its file is broken") as caught:
        bounds(tmp_path / "out", ["MIX"], ["uSDR"], tracks=dataset_with(NAMES, loaders))
    assert caught.value.results is not None
    counts = caught.value.results.table.groupby("method")["n_tracks"].max()
    assert dict(counts) == {"IRM2": 3, "MIX": 2}
    note = "Not in these tables, but for what earlier runs scored: 1 track failed"
    assert note in repr(caught.value.results)
    rows = [row.split(",")[::2][:2] for row in (tmp_path / "out/scores.csv").read_text().split()]
    assert ["b", "IRM2"] in rows
    assert ["b", "MIX"] not in rows
    bounds(tmp_path / "out", ["MIX"], ["uSDR"])
    bounds(tmp_path / "whole", ["IRM2", "MIX"], ["uSDR"])
    assert outputs(tmp_path / "out") == outputs(tmp_path / "whole")


def test_only_a_method_that_failed_is_tried_again(
    tmp_path: Path, scored: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_good(track: Track, stft: STFT) -> Any:
        raise FloatingPointError("no good")

    with monkeypatch.context() as patch:
        patch.setitem(METHODS, "IBM", replace(METHODS["IBM"], prepare=no_good))
        with pytest.raises(TracksFailed, match="IBM failed on 3 tracks"):
            bounds(tmp_path / "out", ["MIX", "IBM", "IRM2"], ["uSDR"])
    scored.clear()
    bounds(tmp_path / "out", ["MIX", "IBM"], ["uSDR"])
    assert scored == [(name, ["IBM"], ["uSDR"]) for name in NAMES]
    assert not (tmp_path / "out" / "failed.json").exists()
    bounds(tmp_path / "whole", ["MIX", "IRM2", "IBM"], ["uSDR"])
    assert outputs(tmp_path / "out") == outputs(tmp_path / "whole")


def test_a_run_that_is_refused_leaves_the_folder_as_it_is(tmp_path: Path) -> None:
    bounds(tmp_path, ["MIX"], ["uSDR"])
    before = (tmp_path / "run.json").read_bytes()
    with pytest.raises(ValueError, match="of a run of some of these tracks, got"):
        bounds(tmp_path, ["IRM2"], ["uSDR"], tracks=of_tracks(NAMES[:2]))
    assert (tmp_path / "run.json").read_bytes() == before


# What is said


def test_lines_say_what_is_added(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bounds(tmp_path, ["IRM2"], ["uSDR"])
    bounds(tmp_path, ["MIX", "IBM"], ["SDR"], progress=True)
    lines = capsys.readouterr().err.splitlines()
    assert lines[:2] == [
        f"MIX, IBM are added to {tmp_path}, which has IRM2",
        f"SDR is added to {tmp_path}, which has uSDR",
    ]
    assert re.fullmatch(r"\[1/3\] a: done, .* x real time", lines[2])
    bounds(tmp_path, ["MIX"], ["SDR"], progress=True)
    assert capsys.readouterr().err.splitlines()[0] == "[1/3] a: done by an earlier run"


def test_lines_name_stfts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options: dict[str, Any] = {"methods": ["MIX"], "metrics": ["uSDR"], "out": tmp_path}
    compute_sweep(song("a"), n_ffts=[256], overlaps=[0.5], **options)
    compute_sweep(song("a"), n_ffts=[512], overlaps=[0.5], progress=True, **options)
    said_first = capsys.readouterr().err.splitlines()[0]
    assert said_first == f"512/256 is added to {tmp_path}, which has 256/128"


def test_parts_of_an_addition_add_up_to_a_track(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bounds(tmp_path, ["IRM2"], ["uSDR"], tracks=of_tracks(("a",)))
    parts: list[float] = []
    monkeypatch.setattr(Progress, "part", lambda self, doing, part: parts.append(part))
    bounds(tmp_path, ["MIX"], ["SI-SDR"], tracks=of_tracks(("a",)))
    assert sum(parts) == pytest.approx(1)
    assert len(parts) == 2 * 2  # pieces of the track


def test_memory_is_planned_for_what_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned: list[list[str]] = []
    choose = RunOptions.choose_workers

    def note(self: RunOptions, tracks: Any, metrics: Sequence[str]) -> Any:
        planned.append(list(metrics))
        return choose(self, tracks, metrics)

    monkeypatch.setattr(RunOptions, "choose_workers", note)
    one = of_tracks(("a",))
    bounds(tmp_path, ["IRM2"], ["SIR"], tracks=one)
    bounds(tmp_path, ["IRM2"], ["uSDR"], tracks=one)
    bounds(tmp_path, ["MIX"], ["uSDR"], tracks=one)
    assert planned == [["SIR"], ["uSDR"], ["SIR", "uSDR"]]


def test_the_command_adds_and_prints_the_whole_folder(run: Run, tmp_path: Path) -> None:
    for name in NAMES[:2]:
        for source, audio in song(name).sources.items():
            write_audio(tmp_path / "stems" / name / f"{source}.wav", audio, RATE)
    out = tmp_path / "results"
    options = (tmp_path / "stems", "--n-fft", 256, "--out", out)
    assert run("bounds", *options, "--methods", "IRM2", "--metrics", "uSDR").status == 0
    status, printed, err = run("bounds", *options, "--methods", "OPT", "--metrics", "SDR,uSDR")
    assert status == 0
    assert err == (
        f"OPT is added to {out}, which has IRM2\nSDR is added to {out}, which has uSDR\n"
    )
    assert re.findall(r"^ (IRM2|OPT) ", printed, re.MULTILINE) == 2 * ["IRM2", "OPT"]
    status, printed, err = run("bounds", *options, "--methods", "OPT", "--metrics", "uSDR")
    assert (status, err) == (0, "")
    assert re.findall(r"^ (IRM2|OPT) ", printed, re.MULTILINE) == ["IRM2", "OPT"]


# Parts


def test_parts_are_what_they_are_put_together_of() -> None:
    cells = {("A", "x"), ("A", "y"), ("B", "y"), ("C", "x"), ("C", "y")}
    parts = list_parts("CBAD", "yxz", cells)
    assert parts == [Part(["C", "A"], ("y", "x")), Part(["B"], ("y",))]
    assert list_cells(parts) == cells


def test_rows_are_sorted_by_method_target_and_metric_alone() -> None:
    def row(method: str, target: str, metric: str, time: float) -> tuple[Any, ...]:
        return ("t", "s", method, target, metric, time, 1.0, 0.0)

    later = [row("B", "v", "y", time) for time in (0, 2, 1)]
    first = [row("A", "v", "x", 0), row("A", "a", "x", 0), row("A", "a", "y", 0)]
    assert sort_rows([*later, first[2], *first[:2]], "AB", "xy") == [*first, *later]
