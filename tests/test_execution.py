"""Runs in this process, in others and on a cluster: the same results, whatever happens to them."""

import errno
import json
import os
import pickle
import re
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Done, dataset_with, each_track, outputs
from threadpoolctl import threadpool_info

import oracle
from oracle import TracksFailed, compute_bounds, datasets
from oracle.cli import main
from oracle.datasets.audio_files import write_audio
from oracle.jobs.track_scores import LooseCeilingWarning
from oracle.machine.threads import n_threads
from oracle.results.failures import TrackError
from oracle.runs import execution
from oracle.runs.progress import Advance
from oracle.runs.queue import Turn
from oracle.runs.track_info import TrackInfo
from oracle.tracks.track import Track

pytestmark = pytest.mark.slow

RATE = 8000
NAMES = ("one", "two", "three", "four")


def make_track(name: str, n_samples: int = 2 * RATE) -> Track:
    """Three noisy sources, each track its own."""
    rng = np.random.default_rng(list(name.encode()))
    sources = ("drums", "other", "vocals")
    noise = {source: rng.standard_normal((2, n_samples), np.float32) for source in sources}
    return Track.from_sources(name, RATE, noise)


def until(condition: Callable[[], bool], *, seconds: float = 30) -> None:
    """Wait for what is to come."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def stems(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of four tracks."""
    folder = tmp_path_factory.mktemp("stems")
    for name in NAMES:
        for source, audio in make_track(name).sources.items():
            write_audio(folder / name / f"{source}.wav", audio, RATE)
    return folder


@contextmanager
def dask_cluster(folder: Path, *, n_workers: int) -> Iterator[Path]:
    """Start a scheduler and its workers on this machine; yield the scheduler file."""
    file = folder / "scheduler.json"
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        # A job that kills its worker is not tried on others.
        "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0",
    }
    command = [sys.executable, "-m", "dask"]
    common = ["--no-dashboard", "--scheduler-file", str(file), "--host", "127.0.0.1"]
    with (folder / "log").open("w") as log, ExitStack() as ends:

        def start(*options: str) -> None:
            process = subprocess.Popen(
                [*command, *options, *common], env=environment, stdout=log, stderr=log
            )
            ends.callback(process.wait)
            ends.callback(process.terminate)

        start("scheduler", "--port", "0")
        for _ in range(n_workers):
            start("worker", "--nthreads", "1")
        until(file.exists)
        # Dask leaves short tasks where they wait, even if another worker joins and has none.
        if n_workers:
            from distributed import Client  # not in the processes that import this file

            with Client(scheduler_file=str(file), set_as_default=False) as client:
                client.wait_for_workers(n_workers, timeout=30)
        yield file


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The scheduler file of a Dask cluster of two workers."""
    with dask_cluster(tmp_path_factory.mktemp("cluster"), n_workers=2) as file:
        yield file


@pytest.fixture(params=["processes", "cluster"])
def two(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The options of a run in two other processes."""
    if request.param == "processes":
        return {"jobs": 2}
    return {"dask": str(request.getfixturevalue("cluster"))}


# What workers do: functions that can be imported.


def name_and_process(track: Track, *, advance: Advance) -> tuple[str, int]:
    advance(track.name, 1)
    return track.name, os.getpid()


def note(track: Track, *, advance: Advance, folder: Path) -> float:
    """Write when the work began and ended."""
    start = time.monotonic()
    time.sleep(0.3)
    (folder / track.name).write_text(f"{start} {time.monotonic()}")
    return start


def attempt(track: Track, *, advance: Advance, folder: Path, n_failures: int, how: str) -> str:
    """Fail, the first times that the track called "two" is tried."""
    if track.name == "two":
        tried = folder / "tried"
        count = len(tried.read_text()) if tried.exists() else 0
        tried.write_text("x" * (count + 1))
        if count < n_failures:
            if how == "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            raise ValueError("no good")
    return track.name


def wait_for_the_others(track: Track, *, advance: Advance, folder: Path) -> None:
    """Be done at once, but with the track called "four" when all others are."""
    if track.name == "four":
        until(lambda: len(list(folder.iterdir())) == len(NAMES) - 1, seconds=30)
    else:
        (folder / track.name).touch()


def end_soon(track: Track, *, advance: Advance) -> str:
    """Let the process end a moment after the track called "one" is done."""
    if track.name == "one":
        threading.Timer(0.1, os._exit, [1]).start()
    return track.name


def fill_the_disk(track: Track, *, advance: Advance) -> str:
    if track.name == "two":
        raise OSError(errno.ENOSPC, "No space left on device", "/some/where")
    return track.name


def warn(track: Track, *, advance: Advance) -> None:
    warnings.warn(f"{track.name} is odd", LooseCeilingWarning, stacklevel=1)


def limits(track: Track, *, advance: Advance) -> tuple[set[int], int]:
    blas = {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}
    return blas, n_threads()


def results(done: Iterable[Done]) -> list[Any]:
    """The results of all tracks, in their order."""
    return [each.result for each in sorted(done, key=lambda each: each.turn.index)]


# The same results


def test_bounds_are_the_same_to_the_last_byte(
    stems: Path, two: dict[str, Any], tmp_path: Path
) -> None:
    tracks = datasets.folder(stems)
    methods = ["IBM1", "IRM2", "MWF", "OPT", "CEILING"]
    here = compute_bounds(tracks, methods=methods, out=tmp_path / "here")
    there = compute_bounds(tracks, methods=methods, out=tmp_path / "there", **two)
    assert outputs(tmp_path / "here") == outputs(tmp_path / "there")
    assert there.table.equals(here.table)
    assert there.scores.equals(here.scores)
    assert there.tracks.equals(here.tracks)
    assert len(outputs(tmp_path / "here")) == len(methods) * 4 + 2 * 4 + 2


def test_sweeps_scores_and_estimates_are_the_same_too(
    stems: Path, two: dict[str, Any], tmp_path: Path
) -> None:
    tracks = datasets.folder(stems)
    for place, options in (("here", {}), ("there", two)):
        out = tmp_path / place
        oracle.write_estimates(tracks, out / "est", methods=["IRM2"], **options)
        # The same ones: when they were written is in the stamps of the tracks.
        est = tmp_path / "here" / "est" / "IRM2"
        oracle.score_system(tracks, est, out=out / "score", **options)
        grid: dict[str, Any] = {"methods": ["IRM2"], "n_ffts": [256, 512], "overlaps": [0.5]}
        oracle.compute_sweep(tracks, out=out / "sweep", **grid, **options)
    assert outputs(tmp_path / "here") == outputs(tmp_path / "there")
    assert len(list((tmp_path / "there").rglob("*.wav"))) == 16


@pytest.mark.parametrize("command", ["bounds", "sweep", "score", "separate"])
def test_commands_take_jobs_and_a_cluster(
    stems: Path, cluster: Path, tmp_path: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    est = tmp_path / "est"
    oracle.write_estimates(datasets.folder(stems), est, methods=["MIX"])
    options = {
        "bounds": [stems, "--methods", "MIX"],
        "sweep": [stems, "--methods", "MIX", "--n-ffts", "256"],
        "score": [stems, est / "MIX", "--metrics", "SDR"],
        "separate": [stems, "--methods", "MIX"],
    }[command]
    written = []
    for number, where in enumerate((["--jobs", 1], ["--jobs", 2], ["--dask", cluster])):
        out = tmp_path / str(number)
        with pytest.raises(SystemExit, match="0"):
            main([command, *map(str, [*options, *where, "--out", out])])
        written.append(outputs(out))
        text = capsys.readouterr()
        assert str(out) in text.out
        lines = text.err.splitlines()
        assert [line.partition("]")[0] for line in lines] == [f"[{n}/4" for n in range(1, 5)]
        pattern = r"\[./4\] (one|two|three|four): done, [\d.e+]+ x real time"
        assert all(re.fullmatch(pattern, line) for line in lines)
    assert written[0] == written[1] == written[2] != {}


# Where the work is done


def test_tracks_are_worked_on_in_two_other_processes(two: dict[str, Any], stems: Path) -> None:
    done = results(each_track(datasets.folder(stems), name_and_process, **two))
    names, processes = zip(*done, strict=True)
    assert sorted(names) == sorted(NAMES)
    assert len(set(processes)) == 2
    assert os.getpid() not in processes


def test_tracks_in_memory_can_be_worked_on_elsewhere(two: dict[str, Any]) -> None:
    tracks = [make_track(name) for name in NAMES]
    done = results(each_track(iter(tracks), name_and_process, **two))
    assert [name for name, _ in done] == list(NAMES)


@pytest.mark.parametrize("options", [{}, {"jobs": 1}, {"jobs": 5}], ids=str)
def test_a_single_track_is_worked_on_here(options: dict[str, Any]) -> None:
    ((_, process),) = results(each_track(make_track("one"), name_and_process, **options))
    assert process == os.getpid()


def test_no_more_tracks_than_jobs_are_worked_on(
    two: dict[str, Any], stems: Path, tmp_path: Path
) -> None:
    each_track(datasets.folder(stems), partial(note, folder=tmp_path), **two)
    times = [tuple(map(float, path.read_text().split())) for path in tmp_path.iterdir()]
    assert len(times) == 4
    at_a_time = [sum(start <= moment < stop for start, stop in times) for moment, _ in times]
    assert max(at_a_time) == 2


def test_no_worker_waits_for_another(two: dict[str, Any], stems: Path, tmp_path: Path) -> None:
    work = partial(wait_for_the_others, folder=tmp_path)
    done = each_track(datasets.folder(stems), work, **two)
    # At the first attempt: "four" has seen the others done.
    assert {each.turn.name: each.turn.attempt for each in done} == dict.fromkeys(NAMES, 1)


def test_tracks_are_read_as_workers_are_free(stems: Path, tmp_path: Path) -> None:
    read = []

    def tracks() -> Iterator[Track]:
        for name in NAMES:
            read.append(name)
            yield make_track(name)

    def check(done: Done) -> None:
        assert len(read) <= len(list(tmp_path.iterdir())) + 2, done

    each_track(tracks(), partial(note, folder=tmp_path), keep=check, jobs=2)
    assert read == list(NAMES)


@pytest.mark.parametrize(
    ("options", "n_tracks", "threads"),
    [({}, 1, None), ({"jobs": 1}, 4, 1), ({"jobs": 2}, 4, 1), ({"jobs": 4}, 2, 2)],
    ids=str,
)
def test_threads_are_limited_to_the_cores_that_were_asked_for(
    options: dict[str, Any], n_tracks: int, threads: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracks = [make_track(name) for name in NAMES[:n_tracks]]
    before = limits(tracks[0], advance=lambda doing, part: None)
    for done in each_track(tracks, limits, **options):
        expected = before[1] if threads is None else min(threads, before[1])
        assert done.result == ({1}, expected)
    assert limits(tracks[0], advance=lambda doing, part: None) == before


def test_a_worker_of_a_cluster_uses_its_own_threads(cluster: Path, stems: Path) -> None:
    done = each_track(datasets.folder(stems), limits, dask=str(cluster))
    assert results(done) == 4 * [({1}, 1)]


def test_warnings_of_workers_are_warnings_here(two: dict[str, Any], stems: Path) -> None:
    tracks = datasets.folder(stems).select(first=3)
    with pytest.warns(LooseCeilingWarning) as caught:
        done = each_track(tracks, warn, **two)
    assert sorted(str(w.message) for w in caught) == sorted(
        f"{n} is odd" for n in tracks.track_names
    )
    assert all(each.warnings == [f"{each.turn.name} is odd"] for each in done)


class OddError(Exception):
    """It cannot be made of what it says alone."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(f"{one} and {two}")


class OddWarning(UserWarning):
    """Nor can it."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(f"{one} and {two}")


def raise_odd(track: Track, *, advance: Advance) -> None:
    raise OddError("this", "that")


def warn_oddly(track: Track, *, advance: Advance) -> None:
    warnings.warn(OddWarning("this", "that"), stacklevel=1)


def test_what_cannot_be_sent_is_told(two: dict[str, Any], stems: Path) -> None:
    tracks = datasets.folder(stems).select(first=2)
    with pytest.raises(TracksFailed) as caught:
        each_track(tracks, raise_odd, **two)
    for failure, name in zip(caught.value.failures, tracks.track_names, strict=True):
        assert re.fullmatch(f"{name}: (OddError: )?this and that", str(failure))
        assert "in raise_odd" in failure.traceback
    with pytest.warns(UserWarning, match="this and that"):
        assert len(each_track(tracks, warn_oddly, **two)) == 2


def test_failures_can_be_sent() -> None:
    failure = TrackError("song", "test", ValueError("no good"))
    again = pickle.loads(pickle.dumps(TracksFailed.of([failure])))
    assert str(again) == "1 track failed: song: no good (1 sub-exception)"
    many = TracksFailed.of([TrackError(name, "test", ValueError("bad")) for name in "abcd"])
    assert many.message == "4 tracks failed: a: bad; b: bad; c: bad; ..."
    assert (again.failures[0].track, str(again.failures[0].__cause__)) == ("song", "no good")


def test_warnings_are_recorded_also_if_nobody_wants_to_see_them() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        (done,) = each_track(make_track("one"), warn)
    assert done.warnings == ["one is odd"]


# Failure


@pytest.mark.parametrize("how", ["killed", "error"])
def test_what_fails_once_is_done_when_it_is_tried_again(
    two: dict[str, Any], stems: Path, tmp_path: Path, how: str
) -> None:
    work = partial(attempt, folder=tmp_path, n_failures=1, how=how)
    done = each_track(datasets.folder(stems), work, **two)
    assert sorted(each.result for each in done) == sorted(NAMES)
    assert "two" in [each.result for each in done[-2:]]  # another may still be at work beside it
    assert (tmp_path / "tried").read_text() == "xx"


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("killed", "two: its worker was killed, perhaps because it ran out of memory"),
        ("error", "two: no good"),
    ],
)
def test_what_fails_twice_is_reported_and_the_others_are_done(
    two: dict[str, Any], stems: Path, tmp_path: Path, how: str, message: str
) -> None:
    work = partial(attempt, folder=tmp_path, n_failures=9, how=how)
    done: list[Done] = []
    with pytest.raises(TracksFailed, match=r"^1 track failed") as caught:
        each_track(datasets.folder(stems), work, keep=done.append, **two)
    (failure,) = caught.value.failures
    assert (str(failure), failure.track, failure.subset) == (message, "two", "test")
    assert sorted(each.result for each in done) == ["four", "one", "three"]
    assert (tmp_path / "tried").read_text() == "xx"
    if how == "error":  # the traceback is of where it was raised
        assert 'raise ValueError("no good")' in failure.traceback


def test_a_worker_that_ends_between_two_tracks_costs_none(stems: Path) -> None:
    done = each_track(datasets.folder(stems), end_soon, keep=lambda done: time.sleep(0.3), jobs=2)
    assert sorted(each.result for each in done) == sorted(NAMES)


def test_a_run_that_is_done_needs_no_workers(stems: Path, tmp_path: Path) -> None:
    tracks = datasets.folder(stems)
    options: dict[str, Any] = {"methods": ["MIX"], "metrics": ["uSDR"], "out": tmp_path}
    table = compute_bounds(tracks, **options).table
    again = compute_bounds(tracks, dask="tcp://127.0.0.1:1", **options).table  # where there is none
    assert again.equals(table)


def test_an_error_here_is_tried_again_too(tmp_path: Path) -> None:
    work = partial(attempt, folder=tmp_path, n_failures=1, how="error")
    tracks = [make_track(name) for name in NAMES]
    done = [each.result for each in each_track(tracks, work)]
    assert done == ["one", "three", "four", "two"]


def test_failures_are_told_in_the_order_of_the_tracks() -> None:
    def broken(name: str) -> Track:
        raise OSError(f"{name} is broken")

    dataset = dataset_with(NAMES, [partial(broken, name) for name in NAMES])
    with pytest.raises(TracksFailed, match="4 tracks failed") as caught:
        each_track(dataset, name_and_process)
    assert [str(failure) for failure in caught.value.failures] == [
        f"{name}: {name} is broken" for name in NAMES
    ]


def test_failures_are_told_in_that_order_whenever_they_happen() -> None:
    def broken() -> Track:
        raise OSError("broken")  # tried again, hence the last to fail

    def claim(turn: Turn) -> TrackInfo | None:
        if turn.name == "two":
            raise ValueError("refused")
        return None

    dataset = dataset_with(("one", "two"), [broken, broken])
    with pytest.raises(TracksFailed) as caught:
        each_track(dataset, name_and_process, claim=claim)
    assert [str(failure) for failure in caught.value.failures] == ["one: broken", "two: refused"]


def test_a_failure_without_words_has_the_name_of_its_error() -> None:
    assert str(TrackError("one", "test", KeyError())) == "one: KeyError"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_no_space_of_any_kind_ends_the_run_at_once(number: int) -> None:
    tried = []

    def full(name: str) -> Track:
        tried.append(name)
        raise OSError(number, os.strerror(number))

    dataset = dataset_with(NAMES, [partial(full, name) for name in NAMES])
    with pytest.raises(OSError, match=os.strerror(number)):
        each_track(dataset, name_and_process)
    assert tried == ["one"]


@pytest.mark.parametrize("options", [{}, {"jobs": 2}], ids=str)
def test_a_full_disk_ends_the_run_at_once(options: dict[str, Any], stems: Path) -> None:
    with pytest.raises(OSError, match="No space left on device") as caught:
        each_track(datasets.folder(stems), fill_the_disk, **options)
    assert caught.value.filename == "/some/where"


# Processes that end


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def children_of(pid: int) -> list[int]:
    children = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:  # gone meanwhile
            continue
        if parent == pid:
            children.append(int(stat.parent.name))
    return children


# A mask that takes so long that the first track is done before the last.
NAP = """
import time
import numpy as np

def nap(sources, mixture):
    time.sleep(0.8)
    return np.full(sources.shape, 0.5)
"""


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds processes in /proc")
@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_workers_end_with_the_run(stems: Path, tmp_path: Path, sign: signal.Signals) -> None:
    """Also when its process is killed; a second run goes on where it ended."""
    command = [sys.executable, "-c", "from oracle.cli import main; main()", "bounds", str(stems)]
    (tmp_path / "naps.py").write_text(NAP)
    mask = f"{tmp_path / 'naps.py'}:nap"
    command += ["--jobs", "2", "--out", str(tmp_path / "out"), "--methods", mask]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
    )
    tracks = tmp_path / "out" / "tracks"
    try:
        until(lambda: any(tracks.glob("test/*.json")))
        children = children_of(process.pid)
        assert len(children) >= 2
        if sign == signal.SIGINT:  # as Ctrl-C does: to all that are in the foreground
            os.killpg(process.pid, sign)
        else:
            os.kill(process.pid, sign)
        _, err = process.communicate(timeout=30)
        until(lambda: not any(map(is_running, children)))
    finally:
        if process.poll() is None:
            process.kill()
    assert process.returncode == (130 if sign == signal.SIGINT else -sign)
    if sign == signal.SIGINT:
        assert err.decode().splitlines()[-1] == "oracle: interrupted"
    done = len(list(tracks.glob("test/*.json")))
    assert 1 <= done < 4
    again = subprocess.run(command, capture_output=True, text=True, check=True)
    assert again.stderr.count("done by an earlier run") == done

    def nap(sources: Any, mixture: Any) -> Any:
        return np.full(sources.shape, 0.5)

    compute_bounds(datasets.folder(stems), methods=[nap], out=tmp_path / "undisturbed")
    assert outputs(tmp_path / "out") == outputs(tmp_path / "undisturbed")


def test_a_script_without_a_guard_is_told_what_to_do(stems: Path, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        f"import oracle\noracle.compute_bounds(oracle.datasets.folder({str(stems)!r}), jobs=2)\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True)
    assert done.returncode == 1
    assert "RuntimeError: jobs must be set in a script that other processes can import" in (
        done.stderr
    )


# Wrong arguments


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"jobs": 0}, "jobs must be positive, got 0"),
        ({"jobs": -1}, "jobs must be positive, got -1"),
        ({"jobs": 2, "dask": "tcp://127.0.0.1:1"}, "jobs must not be given with dask, got 2"),
    ],
)
def test_wrong_jobs(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compute_bounds(make_track("one"), methods=["MIX"], **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--jobs", "0"], "--jobs must be positive, got 0"),
        (["--jobs", "2", "--dask", "x"], "--jobs cannot be combined with --dask"),
    ],
)
def test_wrong_jobs_are_wrong_usage(
    options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["bounds", *options])
    assert message in capsys.readouterr().err


def test_no_scheduler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution, "PATIENCE", 0.2)
    with pytest.raises(FileNotFoundError, match="got nowhere.json: no such file"):
        compute_bounds(make_track("one"), methods=["MIX"], dask="nowhere.json")
    for address in ("tcp://127.0.0.1:1", "file://x"):
        with pytest.raises(
            ConnectionError, match=r"dask must be the address of a scheduler \(tcp://host:port\) or"
        ):
            compute_bounds(make_track("one"), methods=["MIX"], dask=address)


def test_a_scheduler_without_workers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with dask_cluster(tmp_path, n_workers=0) as file:
        monkeypatch.setattr(execution, "PATIENCE", 2)
        address = json.loads(file.read_text())["address"]
        message = f"dask must be a scheduler with workers, got {address} with none"
        with pytest.raises(ConnectionError, match=message):
            compute_bounds(make_track("one"), methods=["MIX"], dask=address)


@pytest.mark.parametrize(
    ("there", "got"), [({"a": "0.0", "b": oracle.__version__}, "0.0, "), (None, "none")]
)
def test_workers_of_another_version(there: dict[str, str] | None, got: str) -> None:
    class Client:
        def run(self, function: object, package: str) -> dict[str, str]:
            if there is None:
                raise PackageNotFoundError(package)
            return there

    message = f"dask must have workers with oracle-masks {oracle.__version__}, got {got}"
    with pytest.raises(ValueError, match=re.escape(message)):
        execution._check_versions(Client())


def test_workers_with_another_scipy_are_told_of() -> None:
    class Client:
        def run(self, function: Callable[[str], str], package: str) -> dict[str, str]:
            return {"a": function(package), "b": "0.9" if package == "scipy" else function(package)}

    here = version("scipy")
    message = (
        f"Workers have scipy 0.9, {here}, this process has {here}: the last digits of scores "
        "may differ. Install the same version everywhere to get identical files."
    )
    with pytest.warns(UserWarning, match=f"^{re.escape(message)}$") as caught:
        execution._check_versions(Client())
    assert len(caught) == 1


def test_without_dask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ImportError, match=r"dask must be installed .*oracle-masks\[dask\]"):
        compute_bounds(make_track("one"), methods=["MIX"], dask="tcp://127.0.0.1:1")
