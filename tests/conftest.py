"""What several test files share: the folder of real data, and signals to separate."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pytest

import oracle.optimal.synthesis
from oracle import Track, datasets
from oracle.cli import main
from oracle.datasets import Dataset, Entry
from oracle.runs import loop
from oracle.runs.loop import Worked
from oracle.runs.options import RunOptions
from oracle.runs.progress import Advance
from oracle.runs.queue import Turn
from oracle.runs.record import Record
from oracle.runs.track_info import TrackInfo
from oracle.tracks.rest import Completed
from oracle.tracks.track import Audio

RATE = 8000
# Of 512 taps, which these signals are long enough for.
N_SAMPLES = 2 * RATE
SHARED = Path(os.environ.get("ORACLE_SHARED", Path(__file__).parents[2] / "shared"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data and golden numbers; tests that need it skip where it is not."""
    if not SHARED.is_dir():
        pytest.skip(f"no real data: {SHARED} is not there (set ORACLE_SHARED)")
    return SHARED


@pytest.fixture(scope="session")
def ffmpeg() -> str:
    """The path of ffmpeg; without it musdb and museval do not import, and their tests skip."""
    path = shutil.which("ffmpeg")
    if path is None:
        pytest.skip("no ffmpeg on the PATH, and musdb does not import without it")
    return path


@pytest.fixture(scope="session")
def rock(shared: Path, ffmpeg: str) -> Track:
    """The track of the preview of MUSDB18."""
    return datasets.musdb18(shared / "data" / "musdb18-7", subset="train")[0]


class Outcome(NamedTuple):
    """What a run of the command leaves; `err` is without the lines of progress."""

    status: int
    out: str
    err: str


Run = Callable[..., Outcome]


def outcome(status: int, out: str, err: str) -> Outcome:
    """Leave out the lines of progress."""
    shown = r"^(\[\d+(/\d+)?\] |\d+ tracks? at a time, in ).*\n"
    return Outcome(status, out, re.sub(shown, "", err, flags=re.MULTILINE))


@pytest.fixture(autouse=True)
def plain_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wide terminal without colours, whatever the machine that runs the tests."""
    for name in ("FORCE_COLOR", "PY_COLORS", "GITHUB_ACTIONS", "TTY_COMPATIBLE", "MUSDB_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command in this process: with one core there are no others."""
    monkeypatch.setattr("oracle.runs.plans.n_cores", lambda: 1)

    def run_main(*arguments: object) -> Outcome:
        with pytest.raises(SystemExit) as exited:
            main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return outcome(int(exited.value.code or 0), out, err)

    return run_main


def in_process_of_its_own(*arguments: object, **options: Any) -> Outcome:
    command = [sys.executable, "-c", "from oracle.cli import main; main()"]
    done = subprocess.run(
        [*command, *map(str, arguments)], capture_output=True, encoding="utf-8", **options
    )
    return outcome(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def as_waltz(monkeypatch: pytest.MonkeyPatch) -> Callable[[Track], None]:
    """Put a track of one's own in place of the waltz."""

    def replace(track: Track) -> None:
        monkeypatch.setattr(datasets, "waltz", lambda: track)

    return replace


@pytest.fixture(scope="module")
def small_blocks() -> Iterator[None]:
    """Blocks of a few frames: also small problems have several."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(oracle.optimal.synthesis, "BLOCK_SAMPLES", 100)
        yield


@pytest.fixture
def rng() -> np.random.Generator:
    """A generator with a fixed seed."""
    return np.random.default_rng(2026)


@pytest.fixture
def track(rng: np.random.Generator) -> Track:
    """Three noisy sources, one of them vocals, 2.5 s in stereo at 8 kHz."""
    names = ("drums", "other", "vocals")
    sources = {name: 0.1 * rng.standard_normal((2, 20000)).astype(np.float32) for name in names}
    return Track.from_sources("noise", 8000, sources)


def dataset_with(names: Sequence[str], loaders: Sequence[Callable[[], Track]]) -> Dataset:
    """A dataset of the tracks that functions give, in the subset test."""
    entries = (Entry(name, "test", load) for name, load in zip(names, loaders, strict=True))
    return Dataset("tests", tuple(entries))


def noise(seed: int = 0, *, n_channels: int = 2, n_samples: int = N_SAMPLES) -> Audio:
    """Noise on the grid of 16 bit, which files of 16 bit hold exactly."""
    steps = np.random.default_rng(seed).integers(-4000, 4001, (n_channels, n_samples))
    return (steps / 2**15).astype(np.float32)


def make_track(
    name: str = "song", *sources: str, seed: int = 0, subset: str = "test", **shape: int
) -> Track:
    """A track of noise, by default of bass, drums and vocals."""
    names = sources or ("bass", "drums", "vocals")
    signals = {source: noise(seed + place, **shape) for place, source in enumerate(names)}
    return Track.from_sources(name, RATE, signals, subset=subset)


def guesses(track: Track, *targets: str, seed: int = 100) -> dict[str, Audio]:
    """Estimates of targets, with errors as if each was found alone; on the grid of 16 bit."""
    signals = {name: track.targets[name] for name in targets or track.targets}
    error = noise(seed, n_channels=track.n_channels)
    return {
        name: audio + np.trunc(np.roll(error, place, axis=1) * 2**15 / 2**place) / 2**15
        for place, (name, audio) in enumerate(signals.items())
    }


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, but for the lock of a run."""
    files = (p for p in sorted(folder.rglob("*")) if p.is_file() and p.name != ".lock")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def outputs(folder: Path) -> dict[str, bytes]:
    """Every file of a run but its lock, run.json, which has times, and figures of commands."""
    return {
        name: data
        for name, data in contents(folder).items()
        if not re.search(r"(^|/)(run\.json$|figures/)", name)
    }


def frozen(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A copy that cannot be written to."""
    array = array.copy()
    array.flags.writeable = False
    return array


def renamed(track: Track, name: str, subset: str = "test") -> Track:
    """The same audio as another track."""
    return Track.from_sources(name, track.rate, track.sources, subset=subset)


def broken() -> Track:
    """Fail as the file of a track does."""
    raise ValueError("its file is broken")


class Done(NamedTuple):
    """What has become of a track that a run has worked on."""

    turn: Turn
    result: Any
    warnings: Sequence[str]


def each_track(
    tracks: Track | Iterable[Track],
    work: Callable[..., object],
    *,
    keep: Callable[[Done], object] = lambda done: None,
    claim: Callable[[Turn], TrackInfo | None] = lambda turn: None,
    **options: Any,
) -> list[Done]:
    """Run any work on tracks; what failed is raised at the end."""
    record, done = Record(tracks), list[Done]()

    def note(turn: Turn, worked: Worked[object]) -> None:
        done.append(Done(turn, worked.result, worked.info.warnings))
        keep(done[-1])

    worker = partial(_work_on, work)
    loop.run(record, lambda turn: worker, note, RunOptions(**options), claim=claim)
    record.conclude(stacklevel=1)
    return done


def _work_on(work: Callable[..., object], track: Track, *, advance: Advance) -> Worked[object]:
    return Worked.on(Completed(track, track, None), work(track, advance=advance))
