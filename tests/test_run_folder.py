"""The folder of a run: a second run goes on, refuses, or starts again; one at a time."""

import errno
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Run, dataset_with, outputs

import oracle
from oracle import STFT, Track, TracksFailed, compute_bounds, datasets
from oracle.datasets import Dataset
from oracle.datasets.audio_files import write_audio
from oracle.machine.files import write_whole
from oracle.methods import Method
from oracle.runs.fingerprints import stamp_audio, stamp_files
from oracle.runs.queue import work_through
from oracle.runs.record import Record
from oracle.runs.run_folder import RunFolder

RATE = 8000
NAMES = ("a.b", "c", "d")


def make_track(name: str, subset: str = "test") -> Track:
    rng = np.random.default_rng(list(name.encode()))
    noise = {source: rng.standard_normal((1, 2 * RATE), np.float32) for source in ("x", "y")}
    return Track.from_sources(name, RATE, noise, subset=subset)


def of_tracks(names: tuple[str, ...] = NAMES, *, loads: list[str] | None = None) -> Dataset:
    """A dataset that keeps a list of the tracks that are read."""

    def load(name: str) -> Track:
        if loads is not None:
            loads.append(name)
        return make_track(name)

    return dataset_with(names, [partial(load, name) for name in names])


def said(folder: Path) -> Any:
    return json.loads((folder / "run.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def done_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "out"
    compute_bounds(of_tracks(), methods=["MIX", "IRM2"], out=folder)
    return folder


@pytest.fixture
def out(tmp_path: Path, done_once: Path) -> Path:
    """The folder of a run of MIX and IRM2 that is done."""
    return Path(shutil.copytree(done_once, tmp_path / "out"))


# Going on


def test_what_is_done_is_not_done_again(out: Path) -> None:
    before, first = outputs(out), said(out)
    loads: list[str] = []
    results = compute_bounds(of_tracks(loads=loads), methods=["MIX", "IRM2"], out=out)
    assert loads == []
    assert outputs(out) == before
    again = said(out)
    assert again["started"] == first["started"]
    assert again["tracks"] == first["tracks"]
    expected = compute_bounds(of_tracks(), methods=["MIX", "IRM2"])
    assert results.table.equals(expected.table)
    assert results.scores.equals(expected.scores)
    assert results.tracks.equals(expected.tracks)
    assert results.tracks["name"].tolist() == list(NAMES)
    assert results.settings == expected.settings


@pytest.mark.parametrize(
    "lost",
    [
        ["tracks/test/c.json"],
        ["tracks/test/c.csv"],
        ["IRM2/test/c.json"],
        ["tracks/test/c.json", "tracks/test/c.csv", "IRM2/test/c.json", "MIX/test/c.json"],
        ["tracks/test/c.json", "scores.csv", "bounds.csv"],
    ],
    ids=str,
)
def test_a_track_that_is_not_whole_is_done_again(out: Path, lost: list[str]) -> None:
    before = outputs(out)
    for name in lost:
        (out / name).unlink()
    loads: list[str] = []
    compute_bounds(of_tracks(loads=loads), methods=["MIX", "IRM2"], out=out)
    assert loads == ["c"]
    assert outputs(out) == before


@pytest.mark.parametrize("file", ["tracks/test/c.json", "tracks/test/c.csv", "MIX/test/c.json"])
@pytest.mark.parametrize("left", [b"", b"[]", b'{"name": "c"}', b"track,subset,"])
def test_a_track_of_which_a_file_was_damaged_is_done_again(
    out: Path, file: str, left: bytes
) -> None:
    before = outputs(out)
    (out / file).write_bytes(left)
    loads: list[str] = []
    compute_bounds(of_tracks(loads=loads), methods=["MIX", "IRM2"], out=out)
    assert loads == ["c"]
    assert outputs(out) == before


def test_what_others_half_wrote_is_left_alone(out: Path) -> None:
    (out / "download.part").write_text("mine")
    compute_bounds(of_tracks(), methods=["MIX", "IRM2"], out=out)
    assert (out / "download.part").read_text() == "mine"


@pytest.mark.parametrize("change", [{"versions": None}, {"versions": {}}, {"files": [1]}], ids=str)
def test_a_run_json_that_was_edited_is_of_no_run(out: Path, change: dict[str, Any]) -> None:
    (out / "run.json").write_text(json.dumps(said(out) | change))
    for overwrite in (False, True):
        with pytest.raises(ValueError, match=r"has no run\.json of a run"):
            compute_bounds(of_tracks(), methods=["MIX", "IRM2"], out=out, overwrite=overwrite)


def test_estimates_that_are_lost_are_written_again(tmp_path: Path) -> None:
    names = ("song.part", "c")
    oracle.write_estimates(of_tracks(names), tmp_path, methods=["MIX"])
    before = outputs(tmp_path)
    (tmp_path / "MIX" / "test" / "c" / "x.wav").unlink()
    loads: list[str] = []
    oracle.write_estimates(of_tracks(names, loads=loads), tmp_path, methods=["MIX"])
    assert loads == ["c"]
    assert outputs(tmp_path) == before


def test_more_tracks_of_the_same_dataset_are_added(out: Path) -> None:
    loads: list[str] = []
    more = ("0", *NAMES, "e")
    compute_bounds(of_tracks(more, loads=loads), methods=["MIX", "IRM2"], out=out)
    assert loads == ["0", "e"]
    compute_bounds(of_tracks(more), methods=["MIX", "IRM2"], out=out.parent / "whole")
    assert outputs(out) == outputs(out.parent / "whole")
    assert [track["name"] for track in said(out)["tracks"]] == list(more)


def test_tracks_that_come_one_by_one_are_not_done_again(tmp_path: Path) -> None:
    tracks = [make_track(name) for name in NAMES]
    compute_bounds(iter(tracks[:2]), methods=["MIX"], out=tmp_path)
    first = (tmp_path / "tracks" / "test" / "c.csv").stat().st_mtime_ns
    table = compute_bounds(iter(tracks), methods=["MIX"], out=tmp_path).table
    assert set(table["n_tracks"]) == {3}
    assert (tmp_path / "tracks" / "test" / "c.csv").stat().st_mtime_ns == first


def test_what_a_killed_run_leaves_half_written_is_deleted(out: Path) -> None:
    before = outputs(out)
    for name in ("scores.csv.part", "tracks/test/c.csv.part", "MIX/test/x.json.part"):
        (out / name).write_text("half")
    compute_bounds(of_tracks(), methods=["MIX", "IRM2"], out=out)
    assert outputs(out) == before


def test_a_run_that_was_killed_before_it_said_what_it_does_is_no_run(tmp_path: Path) -> None:
    (tmp_path / ".lock").touch()
    (tmp_path / "run.json.part").write_text('{"half')
    compute_bounds(of_tracks(), methods=["MIX"], out=tmp_path)
    assert not (tmp_path / "run.json.part").exists()


def test_a_failed_track_is_tried_by_the_next_run(tmp_path: Path) -> None:
    broken = [True]

    def load() -> Track:
        if broken:
            raise ValueError("broken")
        return make_track("c")

    dataset = dataset_with(("a", "c"), [lambda: make_track("a"), load])
    with pytest.raises(TracksFailed, match="1 track failed"):
        compute_bounds(dataset, methods=["MIX"], out=tmp_path)
    (failure,) = json.loads((tmp_path / "failed.json").read_text())
    assert (failure["track"], failure["error"]) == ("c", "c: broken")
    assert [track["name"] for track in said(tmp_path)["tracks"]] == ["a"]
    broken.clear()
    compute_bounds(dataset, methods=["MIX"], out=tmp_path)
    assert not (tmp_path / "failed.json").exists()
    assert [track["name"] for track in said(tmp_path)["tracks"]] == ["a", "c"]


@pytest.mark.slow
def test_a_track_whose_audio_has_changed_is_done_again(tmp_path: Path) -> None:
    """Also if it is as long as before, on disk and in memory."""
    a, b, c = (make_track(name) for name in "abc")
    other = Track.from_sources("b", RATE, c.sources)
    compute_bounds([a, b], methods=["MIX"], out=tmp_path / "memory")
    before = outputs(tmp_path / "memory")
    compute_bounds([a, other], methods=["MIX"], out=tmp_path / "memory")
    after = outputs(tmp_path / "memory")
    assert {name for name in before if before[name] != after[name]} == {
        *("MIX/test/b.json", "tracks/test/b.json", "tracks/test/b.csv", "scores.csv", "bounds.csv")
    }
    compute_bounds([a, other], methods=["MIX"], out=tmp_path / "new")
    assert after == outputs(tmp_path / "new")

    for track in (a, b):
        for source, audio in track.sources.items():
            write_audio(tmp_path / "stems" / track.name / f"{source}.wav", audio, RATE)
    stems = datasets.folder(tmp_path / "stems")
    compute_bounds(stems, methods=["MIX"], out=tmp_path / "disk")
    changed = tmp_path / "stems" / "b" / "x.wav"
    write_audio(changed, c.sources["x"], RATE)
    os.utime(changed, ns=(0, 0))  # older than the results
    table = compute_bounds(stems, methods=["MIX"], out=tmp_path / "disk").table
    assert table.equals(compute_bounds(stems, methods=["MIX"]).table)
    assert "b" in (tmp_path / "disk" / "scores.csv").read_text()


def test_estimates_that_have_changed_are_scored_again(tmp_path: Path) -> None:
    tracks = [make_track(name) for name in "ab"]
    options: dict[str, Any] = {"metrics": ["uSDR"], "out": tmp_path / "out"}
    for track in tracks:
        for source, audio in track.sources.items():
            write_audio(tmp_path / "est" / track.name / f"{source}.wav", 0.9 * audio, RATE)
    assert (
        oracle.score_system(tracks, tmp_path / "est", **options).table["mean"].round(3).eq(20).all()
    )
    written = (tmp_path / "out" / "tracks" / "test" / "a.csv").stat().st_mtime_ns
    for source, audio in tracks[1].sources.items():
        write_audio(tmp_path / "est" / "b" / f"{source}.wav", 0.99 * audio, RATE)
    table = oracle.score_system(tracks, tmp_path / "est", **options).table
    assert table["mean"].round(3).eq(30).all()  # of 20 and 40
    assert (tmp_path / "out" / "tracks" / "test" / "a.csv").stat().st_mtime_ns == written


def test_warnings_are_kept_with_the_track(tmp_path: Path) -> None:
    time = np.arange(4 * RATE) / RATE
    low = {
        name: np.sin(frequency * time, dtype=np.float32)[np.newaxis].repeat(2, 0)
        for name, frequency in (("x", 700), ("y", 900))
    }
    track = Track.from_sources("two sines", RATE, low)
    with pytest.warns(oracle.metrics.IllConditionedWarning) as caught:
        compute_bounds(track, methods=["MIX"], out=tmp_path)
    (record,) = said(tmp_path)["tracks"]
    assert record["warnings"] == [str(warning.message) for warning in caught]
    compute_bounds(track, methods=["MIX"], out=tmp_path)
    assert said(tmp_path)["tracks"] == [record]


def test_estimates_are_gone_on_with_too(tmp_path: Path) -> None:
    options: dict[str, Any] = {"methods": ["MIX"], "stft": STFT(n_fft=256, hop_length=128)}
    assert oracle.write_estimates(of_tracks(NAMES[:2]), tmp_path, **options) == 2
    before = (tmp_path / "MIX" / "test" / "c" / "x.wav").stat().st_mtime_ns
    loads: list[str] = []
    assert oracle.write_estimates(of_tracks(loads=loads), tmp_path, **options) == 3
    assert loads == ["d"]
    assert (tmp_path / "MIX" / "test" / "c" / "x.wav").stat().st_mtime_ns == before
    for methods, difference in (
        (["IBM"], "IBM added, MIX removed"),
        (["MIX", "IBM"], "IBM added"),
    ):
        with pytest.raises(ValueError, match=f"methods: {difference} \\(repeat its"):
            oracle.write_estimates(of_tracks(), tmp_path, **options | {"methods": methods})
    nothing: list[Track] = []
    for none in (nothing, iter(nothing)):
        with pytest.raises(ValueError, match="tracks must hold at least one track, got none"):
            oracle.write_estimates(none, tmp_path / "none", methods=["MIX"])


# Other settings


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rest": "ignore"}, 'rest was null and is now "ignore"'),
        (
            {"stft": STFT(n_fft=512, hop_length=128)},
            '"hop_length": 1024, "window": "hann"} and is now {"n_fft": 512, "hop_length": 128,',
        ),
    ],
    ids=str,
)
def test_other_settings_are_refused_and_named(
    out: Path, change: dict[str, Any], message: str
) -> None:
    before = outputs(out)
    with pytest.raises(ValueError, match="out must be a new or an empty folder, or") as caught:
        compute_bounds(of_tracks(), **{"methods": ["MIX", "IRM2"], "out": out, **change})
    assert "or that of a run with the same settings, got" in str(caught.value)
    assert message in str(caught.value)
    assert str(caught.value).endswith(
        "or write to another folder; overwrite, or --overwrite, deletes that run)"
    )
    assert outputs(out) == before


def test_another_dataset_root_length_or_version_is_refused(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("stems", "other/stems", "third"):
        for source, audio in make_track("song").sources.items():
            write_audio(tmp_path / folder / "song" / f"{source}.wav", audio, RATE)
    options = ("--methods", "MIX", "--out", "out")
    assert run("bounds", "stems", *options).status == 0
    done = run("bounds", "other/stems", *options)
    assert done.status == 1
    assert f'root was "{tmp_path}/stems" and is now "{tmp_path}/other/stems"' in done.err
    assert 'dataset was "stems" and is now "third"' in run("bounds", "third", *options).err
    with pytest.raises(ValueError, match=r"seconds was null and is now 1.5"):
        compute_bounds(datasets.folder("stems").select(seconds=1.5), methods=["MIX"], out="out")
    oracle.write_estimates(datasets.folder("stems"), "est", methods=["MIX"])
    with pytest.raises(ValueError, match='task was "bounds" and is now "score" \\(repeat'):
        oracle.score_system(datasets.folder("stems"), "est/MIX/../../est", out="out")
    said_ = said(Path("out"))
    said_["versions"]["oracle"] = "0.0.1"
    (tmp_path / "out" / "run.json").write_text(json.dumps(said_))
    message = f'oracle was "0.0.1" and is now "{oracle.__version__}"'
    assert message in run("bounds", "stems", *options).err


def test_tracks_that_are_not_of_this_run_are_refused(out: Path) -> None:
    message = "or that of a run of some of these tracks, got .*, which has test/a.b and 1 more as"
    with pytest.raises(ValueError, match=message):
        compute_bounds(of_tracks(("c",)), methods=["MIX", "IRM2"], out=out)
    with pytest.raises(ValueError, match=r"which has test/d as well \(select them too"):
        compute_bounds(of_tracks(("a.b", "c")), methods=["MIX", "IRM2"], out=out)


def test_a_folder_that_is_of_no_run_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    message = r"or that of a run, got .*: it is not empty, and has no run\.json of a run"
    for foreign in (None, "", "[]", '{"files": ["notes.txt"]}'):
        if foreign is not None:
            (tmp_path / "run.json").write_text(foreign)
        for overwrite in (False, True):
            with pytest.raises(ValueError, match=message):
                compute_bounds(of_tracks(), methods=["MIX"], out=tmp_path, overwrite=overwrite)
        assert outputs(tmp_path) == {"notes.txt": b"mine"}


# Starting again


def test_overwrite_deletes_what_a_run_wrote_and_nothing_else(out: Path) -> None:
    (out / "notes.txt").write_text("mine")
    (out / "failed.json").write_text("[]")
    loads: list[str] = []
    tracks = of_tracks(("c",), loads=loads)
    compute_bounds(tracks, methods=["IBM"], out=out, overwrite=True)
    assert loads == ["c"]
    compute_bounds(of_tracks(("c",)), methods=["IBM"], out=out.parent / "new")
    assert outputs(out) == outputs(out.parent / "new") | {"notes.txt": b"mine"}


def test_overwrite_deletes_folders_with_escaped_names(tmp_path: Path) -> None:
    out = tmp_path / "new"

    def mask(sources: Any, mixture: Any) -> Any:
        return 0.5 * np.ones_like(sources)

    compute_bounds(of_tracks(), methods=[Method.from_mask("a/b", mask)], out=out)
    assert (out / "a%2Fb").is_dir()
    compute_bounds(of_tracks(), methods=["MIX"], out=out, overwrite=True)
    assert not (out / "a%2Fb").exists()
    assert (out / "MIX").is_dir()


@pytest.mark.slow
def test_overwrite_of_a_sweep_deletes_its_figures_too(run: Run, tmp_path: Path) -> None:
    for source, audio in make_track("song").sources.items():
        write_audio(tmp_path / "stems" / "song" / f"{source}.wav", audio, RATE)
    options = ("--methods", "MIX", "--n-ffts", "256", "--overlaps", "0.5", "--out", tmp_path / "o")
    assert run("sweep", tmp_path / "stems", *options, "--metrics", "SDR,uSDR").status == 0
    assert (tmp_path / "o" / "sweep-uSDR.pdf").exists()
    done = run("sweep", tmp_path / "stems", *options, "--metrics", "SDR", "--overwrite")
    assert (done.status, done.err) == (0, "")
    names = {path.name for path in (tmp_path / "o").iterdir()}
    assert names == {
        *(".lock", "run.json", "tracks", "MIX-256-128", "scores.csv", "bounds.csv", "sweep.csv"),
        *("sweep-SDR.png", "sweep-SDR.pdf"),
    }


def test_overwrite_of_a_new_folder_is_just_a_run(tmp_path: Path) -> None:
    compute_bounds(of_tracks(), methods=["MIX"], out=tmp_path / "out", overwrite=True)
    assert said(tmp_path / "out")["methods"] == ["MIX"]


def test_overwrite_goes_with_out() -> None:
    with pytest.raises(ValueError, match="overwrite must go with out, got no out"):
        compute_bounds(of_tracks(), methods=["MIX"], overwrite=True)


# Two at once


HOLD = """
import sys, time
from pathlib import Path
from oracle.runs.record import Record
from oracle.runs.run_folder import RunFolder
with RunFolder(Path(sys.argv[1]), {"task": "bounds"}, Record(iter(())), files=[]):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.mark.slow
def test_a_second_run_in_the_folder_of_one_at_work_is_refused(tmp_path: Path) -> None:
    """And a run that is killed leaves no lock."""
    out = tmp_path / "out"
    command = [sys.executable, "-c", HOLD, str(out)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        for overwrite in (False, True):
            message = f"out must be a folder that no other run is using, got {out}: wait"
            with pytest.raises(ValueError, match=re.escape(message)):
                compute_bounds(of_tracks(), methods=["MIX"], out=out, overwrite=overwrite)
        os.kill(holder.pid, signal.SIGKILL)
    compute_bounds(of_tracks(), methods=["MIX"], out=out, overwrite=True)


def test_a_run_is_refused_within_a_run_of_the_same_folder(tmp_path: Path) -> None:
    def load() -> Track:
        with pytest.raises(ValueError, match="no other run is using"):
            compute_bounds(make_track("y"), methods=["MIX"], out=tmp_path)
        return make_track("x")

    compute_bounds(dataset_with(("x",), [load]), methods=["MIX"], out=tmp_path)
    compute_bounds(dataset_with(("x",), [load]), methods=["MIX"], out=tmp_path)


# Whole files


def test_a_file_that_cannot_be_written_leaves_what_was_there(tmp_path: Path) -> None:
    file = tmp_path / "file.txt"
    file.write_text("before")
    with pytest.raises(UnicodeEncodeError):
        write_whole(file, "half \udce9")
    assert file.read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["file.txt"]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full to write to")
@pytest.mark.parametrize("file", ["tracks/test/c.csv", "MIX/test/c.json", "tracks/test/c.json"])
def test_a_disk_that_is_full_in_truth(tmp_path: Path, file: str, run: Run) -> None:
    for name in NAMES:
        for source, audio in make_track(name).sources.items():
            write_audio(tmp_path / "stems" / name / f"{source}.wav", audio, RATE)
    out = tmp_path / "out"
    full = out / f"{file}.part"
    # RunFolder deletes what ends in .part: the run itself has to meet it.
    compute_bounds(datasets.folder(tmp_path / "stems").select(first=1), methods=["MIX"], out=out)
    unlink = Path.unlink
    full.symlink_to("/dev/full")

    def keep(path: Path, **options: Any) -> None:
        if path != full:
            unlink(path, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "unlink", keep)
        done = run("bounds", tmp_path / "stems", "--methods", "MIX", "--out", out)
    assert done.status == 1
    assert "No space left on device (finished tracks are kept: run again to resume)" in done.err
    full.unlink()
    assert not list(out.rglob("*.part"))
    done = run("bounds", tmp_path / "stems", "--methods", "MIX", "--out", out)
    assert (done.status, done.err) == (0, "")
    compute_bounds(datasets.folder(tmp_path / "stems"), methods=["MIX"], out=tmp_path / "whole")
    assert outputs(out) == outputs(tmp_path / "whole")


def test_an_error_of_the_system_says_that_what_is_done_stays(tmp_path: Path) -> None:
    full = OSError(errno.ENOSPC, "No space left on device")
    message = (
        f"No space left on device (finished tracks are kept: run again to resume): '{tmp_path}'"
    )
    with (
        pytest.raises(OSError, match=re.escape(message)) as caught,
        RunFolder(tmp_path, {"task": "test"}, Record(of_tracks()), files=[]),
    ):
        raise full
    assert caught.value.errno == errno.ENOSPC
    assert caught.value.__cause__ is full
    for other in (ConnectionError("no scheduler"), ValueError("no good")):
        with (
            pytest.raises(type(other), match=f"^{other}$"),
            RunFolder(tmp_path, {"task": "test"}, Record(of_tracks()), files=[]),
        ):
            raise other


def test_estimates_end_at_once_on_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = os.replace

    def full(source: Path, target: Path) -> None:
        if Path(target).parent.name == "c":
            raise OSError(errno.ENOSPC, "No space left on device", str(target))
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        with pytest.raises(OSError, match="No space left on device .*finished tracks are kept"):
            oracle.write_estimates(of_tracks(), tmp_path, methods=["MIX"])
    assert {path.parent.name for path in tmp_path.rglob("*.wav")} == {"a.b"}
    assert not list(tmp_path.rglob("*.part"))
    assert oracle.write_estimates(of_tracks(), tmp_path, methods=["MIX"]) == 3


# What no run may lose


def test_overwrite_deletes_nothing_outside_the_folder(out: Path) -> None:
    others = [out.parent / "other" / "notes.txt", out.parent / "other.txt"]
    for other in others:
        write_whole(other, "mine")
    said_ = said(out)
    said_["files"] += ["../other", "../other.txt", "..", str(out.parent / "other")]
    (out / "run.json").write_text(json.dumps(said_))
    compute_bounds(of_tracks(), methods=["MIX"], out=out, overwrite=True)
    assert [other.read_text() for other in others] == ["mine", "mine"]
    assert not (out / "IRM2").exists()


def test_a_run_that_is_half_deleted_can_still_be_overwritten(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(path: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("shutil.rmtree", interrupt)
        with pytest.raises(KeyboardInterrupt):
            compute_bounds(of_tracks(), methods=["MIX"], out=out, overwrite=True)
    compute_bounds(of_tracks(), methods=["MIX"], out=out, overwrite=True)
    assert said(out)["methods"] == ["MIX"]


def test_the_folder_is_free_once_the_run_is_over(tmp_path: Path) -> None:
    first = RunFolder(
        tmp_path, {"task": "test"}, Record(of_tracks()), files=[]
    )  # kept, as a traceback does: it is not collected
    with first:
        pass
    with pytest.raises(ValueError, match="no good"), first:
        raise ValueError("no good")
    with RunFolder(tmp_path, {"task": "test"}, Record(of_tracks()), files=[]):
        pass


def test_tracks_of_one_name_in_two_subsets_are_two(tmp_path: Path) -> None:
    tracks = [make_track("a", subset) for subset in ("train", "test")]
    table = compute_bounds(tracks, methods=["MIX"], out=tmp_path).table
    assert set(table["n_tracks"]) == {2}
    assert (tmp_path / "tracks" / "train" / "a.csv").exists()
    assert (tmp_path / "tracks" / "test" / "a.csv").exists()


@pytest.mark.slow
def test_a_name_may_come_back_in_another_composition(tmp_path: Path) -> None:
    """Some file systems list "é" as an e and its accent."""
    composed, apart = "caf\u00e9", "cafe\u0301"
    compute_bounds(make_track(composed), methods=["MIX"], out=tmp_path)
    for suffix in (".json", ".csv"):
        file = tmp_path / "tracks" / "test" / (composed + suffix)
        file.rename(file.with_name(apart + suffix))
    compute_bounds(make_track(composed), methods=["MIX"], out=tmp_path)  # not refused
    assert [track["name"] for track in said(tmp_path)["tracks"]] == [composed]


@pytest.mark.parametrize(
    "change",
    [
        {"mixture": np.ones((2, 9), np.float32)},
        {"sources": {"x": np.zeros((2, 9), np.float32), "y": np.ones((2, 9), np.float32)}},
        {"sources": {"x": np.ones((2, 9), np.float32), "z": np.zeros((2, 9), np.float32)}},
        {"rate": RATE + 1},
    ],
    ids=["mixture", "sources", "names", "rate"],
)
def test_a_stamp_of_audio_is_of_all_that_a_track_is(change: dict[str, Any]) -> None:
    ones, zeros = np.ones((2, 9), np.float32), np.zeros((2, 9), np.float32)
    track: dict[str, Any] = {"rate": RATE, "mixture": zeros, "sources": {"x": ones, "y": zeros}}
    stamps = [stamp_audio(Track("t", **each)) for each in (track, dict(track), track | change)]
    assert stamps[0] == stamps[1] != stamps[2]


def test_a_stamp_of_audio_is_of_its_shape_and_type() -> None:
    stamps = {
        stamp_audio(Track("t", RATE, audio, {"x": audio}))
        for audio in (
            *(np.zeros((1, 8), np.float32), np.zeros((2, 4), np.float32)),
            *(np.zeros((1, 4), np.float64), np.zeros((2, 2), np.float64)),
        )
    }
    assert len(stamps) == 4


def test_a_stamp_of_files_is_of_names_sizes_times_content_and_all_folders(tmp_path: Path) -> None:
    def stamp() -> str:
        for path in (deep.parent, tmp_path / "track", tmp_path / "track" / "x.wav"):
            os.utime(path, ns=(0, 0))  # of folders it does not matter
        return stamp_files([tmp_path / "track"])

    deep = tmp_path / "track" / "stems" / "x.wav"
    write_whole(tmp_path / "track" / "x.wav", "same")
    write_whole(deep, "1")
    stamps = []
    for text, time in (("1", 1), ("2", 1), ("2", 2), ("22", 2)):
        deep.write_text(text)
        os.utime(deep, ns=(time, time))
        stamps.append(stamp())
    assert len(set(stamps)) == 4
    before = stamp()
    (deep.parent / "link.wav").symlink_to(tmp_path / "nothing")
    linked = stamp()
    assert linked != before
    (deep.parent / "link.wav").unlink()
    os.utime(deep.parent)
    assert stamp_files([tmp_path / "track"]) == before  # times of folders are not of it
    deep.rename(deep.with_name("y.wav"))
    assert stamp() != before


def test_stems_that_have_changed_names_have_another_stamp(tmp_path: Path) -> None:
    """Unpacked files may have one size and one time of change; of long ones some parts are read."""
    files = [tmp_path / name for name in ("bass.wav", "drums.wav")]
    for seed, file in enumerate(files):
        file.write_bytes(np.random.default_rng(seed).bytes(10**6))
        os.utime(file, ns=(0, 0))
    before = stamp_files(files)
    files[0].rename(tmp_path / "x")
    files[1].rename(files[0])
    (tmp_path / "x").rename(files[1])
    assert stamp_files(files) != before
    content = bytearray(files[0].read_bytes())
    last = stamp_files(files)
    content[-1] ^= 1
    files[0].write_bytes(content)
    os.utime(files[0], ns=(0, 0))
    assert stamp_files(files) != last


def test_litter_in_a_folder_is_not_of_its_stamp(tmp_path: Path) -> None:
    (tmp_path / "x.wav").touch()
    before = stamp_files([tmp_path])
    (tmp_path / ".DS_Store").touch()
    assert stamp_files([tmp_path]) == before


def test_a_track_that_is_done_late_keeps_its_place(tmp_path: Path) -> None:
    tried: list[str] = []

    def load(name: str) -> Track:
        tried.append(name)
        if tried == ["b"]:
            raise ValueError("not yet")
        return make_track(name)

    compute_bounds(
        dataset_with(("b", "a"), [partial(load, "b"), partial(load, "a")]),
        methods=["MIX"],
        metrics=["uSDR"],
        out=tmp_path,
    )
    assert tried == ["b", "a", "b"]
    assert [track["name"] for track in said(tmp_path)["tracks"]] == ["b", "a"]
    rows = (tmp_path / "scores.csv").read_text().splitlines()[1:]
    assert [row[0] for row in rows] == ["b", "b", "a", "a"]


@pytest.mark.parametrize("command", [compute_bounds, oracle.write_estimates])
def test_workers_are_closed_when_a_run_ends_early(
    command: Callable[..., object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[bool] = []

    def work(*arguments: Any, **options: Any) -> Iterator[object]:
        try:
            yield from work_through(*arguments, **options)
        finally:
            closed.append(True)

    def fail(*arguments: object, **options: object) -> None:
        raise ValueError("no good")

    monkeypatch.setattr("oracle.runs.loop.work_through", work)
    monkeypatch.setattr(RunFolder, "done", fail)
    with pytest.raises(ValueError, match="no good") as caught:
        command(of_tracks(), methods=["MIX"], out=tmp_path)
    assert closed == [True], caught  # which keeps the generator from being collected


# Estimates


def test_interrupted_estimates_say_which_tracks_are_done(tmp_path: Path) -> None:
    def interrupt() -> Track:
        raise KeyboardInterrupt

    dataset = dataset_with(("a", "never"), [lambda: make_track("a"), interrupt])
    with pytest.raises(KeyboardInterrupt):
        oracle.write_estimates(dataset, tmp_path, methods=["MIX"])
    record = said(tmp_path)
    assert [track["name"] for track in record["tracks"]] == ["a"]
    assert "finished" not in record


def test_estimates_of_which_some_failed_are_finished_all_the_same(tmp_path: Path) -> None:
    def broken() -> Track:
        raise ValueError("broken")

    dataset = dataset_with(("a", "b"), [lambda: make_track("a"), broken])
    with pytest.raises(TracksFailed, match="1 track failed"):
        oracle.write_estimates(dataset, tmp_path, methods=["MIX"])
    record = said(tmp_path)
    assert [track["name"] for track in record["tracks"]] == ["a"]
    assert "finished" in record
    (failure,) = json.loads((tmp_path / "failed.json").read_text())
    assert failure["error"] == "b: broken"


def test_estimates_of_other_tracks_or_another_dataset_are_refused(tmp_path: Path) -> None:
    oracle.write_estimates(of_tracks(), tmp_path, methods=["MIX"])
    with pytest.raises(ValueError, match="of some of these tracks, got .*, which has test/c"):
        oracle.write_estimates(of_tracks(("a.b", "d")), tmp_path, methods=["MIX"])
    other = Dataset("other", of_tracks().entries)
    with pytest.raises(ValueError, match='dataset was "tests" and is now "other"'):
        oracle.write_estimates(other, tmp_path, methods=["MIX"])


def test_estimates_are_refused_in_the_folder_of_scores(out: Path) -> None:
    """Also for a setting that only the earlier run had."""
    with pytest.raises(ValueError, match='task was "bounds" and is now "separate"'):
        oracle.write_estimates(of_tracks(), out, methods=["MIX", "IRM2"])


def test_warnings_are_kept_with_estimates(tmp_path: Path) -> None:
    def load() -> Track:
        warnings.warn("it is odd", UserWarning, stacklevel=1)
        return make_track("a")

    with pytest.warns(UserWarning, match="it is odd"):
        oracle.write_estimates(dataset_with(("a",), [load]), tmp_path, methods=["MIX"])
    (record,) = said(tmp_path)["tracks"]
    assert record["warnings"] == ["it is odd"]
