"""What several test files share: the folder of real data, and signals to separate."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from oracle import Track

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
