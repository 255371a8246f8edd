"""Put long runs to the test: how they speed up, survive kills, and what memory they take.

Nothing but this package is needed: tracks are made of the embedded waltz. Prints Markdown.

    python scripts/long_runs.py              # all of it, some forty minutes on two cores
    python scripts/long_runs.py kills        # or some: jobs, kills, memory, comparison
"""

import argparse
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

import oracle
from oracle.metrics.names import MUSEVAL
from oracle.metrics.scorer import Score
from oracle.results.tables import museval_json

N_KILLS = 20
N_TURNS = 5
COMMAND = [sys.executable, "-c", "from oracle.cli import main; main()"]


def make_tracks(folder: Path, n_tracks: int, *, seconds: float) -> Path:
    """Write tracks: the sources of the waltz, repeated, each track from a place of its own."""
    waltz = oracle.datasets.waltz()
    n_samples = int(seconds * waltz.rate)
    for index in range(n_tracks):
        place = folder / f"track {index:04}"
        place.mkdir(parents=True)
        for name, audio in waltz.sources.items():
            moved = np.roll(audio, -index * 20011, axis=1)
            repeated = np.tile(moved, (1, -(-n_samples // audio.shape[1])))[:, :n_samples]
            soundfile.write(place / f"{name}.flac", repeated.T, waltz.rate)
    return folder


def bounds(tracks: Path, out: Path, *options: str) -> list[str]:
    """Return the command that computes bounds of tracks."""
    return [*COMMAND, "bounds", str(tracks), "--out", str(out), *options]


def quietly(command: list[str]) -> subprocess.Popen[bytes]:
    """Start a command in a group of processes of its own."""
    return subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a run but its lock and run.json, which has times."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in (".lock", "run.json")
    }


def compare_jobs(folder: Path) -> None:
    """Compare one job with two: eight tracks of one minute, side by side, several times.

    Beside them stands what the machine would give at best: the time of two runs of one job at
    once, of four of the tracks each, which know nothing of each other.
    """
    tracks = make_tracks(folder / "minutes", 8, seconds=60)
    halves = [folder / "first half", folder / "second half"]
    for place, track in enumerate(sorted(tracks.iterdir())):
        halves[place // 4].mkdir(exist_ok=True)
        (halves[place // 4] / track.name).symlink_to(track)
    options = ("--methods", "IBM1,IBM2,IRM1,IRM2,MWF", "--overwrite", "--jobs")

    def seconds(*commands: list[str]) -> float:
        start = time.monotonic()
        for process in [quietly(command) for command in commands]:
            assert process.wait() == 0
        return time.monotonic() - start

    print("| jobs 1 (s) | jobs 2 (s) | two runs at once (s) | ratio | at best |")
    print("|---|---|---|---|---|")
    ratios = []
    for _ in range(N_TURNS):
        one = seconds(bounds(tracks, folder / "one", *options, "1"))
        two = seconds(bounds(tracks, folder / "two", *options, "2"))
        best = seconds(
            *(bounds(half, folder / f"of {half.name}", *options, "1") for half in halves)
        )
        assert contents(folder / "one") == contents(folder / "two")
        ratios.append(one / two)
        print(
            f"| {one:.1f} | {two:.1f} | {best:.1f} | {one / two:.2f} | {one / best:.2f} |",
            flush=True,
        )
    print(f"\nMedian of the ratios: {statistics.median(ratios):.2f}", flush=True)


def workers_of(pid: int) -> list[int]:
    """Find the worker processes of a process, as Linux lists them."""
    workers = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
            command = (stat.parent / "cmdline").read_bytes()
        except OSError:  # gone meanwhile
            continue
        if int(fields[1]) == pid and b"spawn_main" in command:
            workers.append(int(stat.parent.name))
    return workers


def kill_main(process: subprocess.Popen[bytes]) -> int:
    """Kill the main process, as the system would: no handler runs."""
    os.kill(process.pid, signal.SIGKILL)
    return process.wait()


def kill_worker(process: subprocess.Popen[bytes]) -> int:
    """Kill one of its workers and let it go on."""
    workers = workers_of(process.pid)
    if workers:
        os.kill(random.choice(workers), signal.SIGKILL)
    return process.wait()


def survive_kills(folder: Path, n_kills: int = N_KILLS) -> None:
    """Kill runs at random moments, go on, and compare with an undisturbed run."""
    tracks = make_tracks(folder / "seconds", 12, seconds=3)
    options = ("--methods", "IRM2,OPT", "--jobs", "2")
    start = time.monotonic()
    assert quietly(bounds(tracks, folder / "undisturbed", *options)).wait() == 0
    length = time.monotonic() - start
    expected = contents(folder / "undisturbed")
    print(f"\nAn undisturbed run takes {length:.1f} s and writes {len(expected)} files.\n")
    print(
        "| killed | moments | tracks done at the kill | equal after going on |\n|---|---|---|---|"
    )
    kills: dict[str, Callable[[subprocess.Popen[bytes]], int]] = {
        "main process": kill_main,
        "worker": kill_worker,
    }
    for name, kill in kills.items():
        done, equal = [], 0
        for turn in range(n_kills):
            out = folder / f"{name} {turn}"
            process = quietly(bounds(tracks, out, *options))
            time.sleep(random.uniform(0, length))
            done.append(len(list(out.glob("tracks/*/*.json"))))
            kill(process)
            assert quietly(bounds(tracks, out, *options)).wait() == 0
            equal += contents(out) == expected
        print(f"| {name} | {n_kills} | {min(done)} to {max(done)} | {equal} |", flush=True)


def measure_memory(folder: Path) -> None:
    """Compare the peak memory of 20 tracks with that of 200."""
    tracks = make_tracks(folder / "short", 200, seconds=2)
    print("\n| tracks | peak memory (MB) |\n|---|---|")
    for count in (20, 200):
        code = (
            "import resource, oracle; "
            f"tracks = oracle.datasets.folder({str(tracks)!r}).select(first={count}); "
            f"oracle.compute_bounds(tracks, out={str(folder / str(count))!r}); "
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
        print(f"| {count} | {int(done.stdout) / 1000:.0f} |", flush=True)


def time_comparison(folder: Path) -> None:
    """Time the comparison of two results of 10 000 tracks: four targets, ten windows each."""
    rng = np.random.default_rng(0)
    for system in ("one", "two"):
        (folder / system / "test").mkdir(parents=True)
        for track in range(10_000):
            scores = [
                Score(target, metric, float(window), 1.0, score)
                for target, windows in zip(
                    ("drums", "bass", "other", "vocals"),
                    rng.normal(6, 3, (4, 10, len(MUSEVAL))).tolist(),
                    strict=True,
                )
                for window, row in enumerate(windows)
                for metric, score in zip(MUSEVAL, row, strict=True)
            ]
            file = folder / system / "test" / f"track {track}.v1.json"
            file.write_text(museval_json(scores, oracle.__version__))
    start = time.monotonic()
    results = (str(folder / "one"), str(folder / "two"))
    subprocess.run([*COMMAND, "compare", *results], check=True, stdout=subprocess.DEVNULL)
    print(
        f"\n`oracle compare` of twice 10 000 tracks: {time.monotonic() - start:.1f} s", flush=True
    )


def main() -> None:
    """Run what is asked for."""
    parts = {
        "jobs": compare_jobs,
        "kills": survive_kills,
        "memory": measure_memory,
        "comparison": time_comparison,
    }
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("part", nargs="*", help=f"some of {', '.join(parts)}; all by default")
    chosen = parser.parse_args().part or list(parts)
    for name in chosen:
        with tempfile.TemporaryDirectory() as folder:
            parts[name](Path(folder))


if __name__ == "__main__":
    main()
