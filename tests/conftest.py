"""What several test files share: the folder of real data, and signals to separate."""

import os
import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from oracle import Track
from oracle.cli import main
from oracle.datasets import Dataset, Entry

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
