"""Footprints: how much memory a track takes, before it is read."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from oracle import datasets
from oracle.datasets import Dataset
from oracle.jobs.track_scores import BOUNDS
from oracle.metrics.names import ALL_METRICS, METRICS
from oracle.runs.footprints import (
    AUDIO,
    BASE,
    READING,
    WHOLE,
    predict_footprint,
    predict_largest_footprint,
)

pytestmark = pytest.mark.slow

RATE = 8000


@pytest.fixture
def songs(tmp_path: Path) -> Dataset:
    """Three tracks: the longest is in stereo; of the last nothing can be read."""
    for place, (n_channels, n_samples) in enumerate([(1, 7000), (2, 9000)]):
        (tmp_path / f"{place}").mkdir()
        for name in ("drums", "vocals"):
            noise = np.random.default_rng(0).standard_normal((n_samples, n_channels))
            soundfile.write(tmp_path / f"{place}/{name}.wav", 0.1 * noise, RATE)
    (tmp_path / "2").mkdir()
    (tmp_path / "2/drums.wav").write_bytes(b"?")
    return datasets.folder(tmp_path)


def test_a_footprint_grows_with_audio_and_filters() -> None:
    signal = 4 * 2 * 1000.0
    assert predict_footprint(3, 2, 1000) == pytest.approx(BASE + AUDIO * 4 * signal)
    assert predict_footprint(3, 2, 1000, metrics=["SDR", "uSDR"]) == predict_footprint(3, 2, 1000)
    several = predict_footprint(3, 2, 1000, metrics=METRICS)
    assert several > predict_footprint(3, 2, 1000)
    assert predict_footprint(3, 2, 1000, metrics=["SIR"]) == several
    assert predict_footprint(3, 2, 1000, metrics=["SIR-reg"]) == several
    assert predict_footprint(3, 2, 1000, metrics=ALL_METRICS) > several
    own = predict_footprint(3, 2, 1000, metrics=["SDR", "my_metric"])
    assert own == pytest.approx(BASE + (AUDIO + WHOLE) * 4 * signal)
    # What is read and not used.
    assert predict_footprint(3, 2, 10, n_read=10**6) == pytest.approx(
        BASE + READING * 4 * 1000 * signal
    )
    assert predict_footprint(3, 2, 1000, n_read=1000) == predict_footprint(3, 2, 1000)


def test_a_beginning_is_read_with_the_rest(songs: Dataset) -> None:
    assert predict_largest_footprint(songs.select(seconds=0.5)) == predict_footprint(
        2, 2, 4000, n_read=9000
    )
    assert predict_largest_footprint(songs.select(seconds=5)) == predict_footprint(
        2, 2, 9000, n_read=9000
    )


def test_the_longest_file_of_a_track_counts(tmp_path: Path) -> None:
    """Some may be shorter, or mono."""
    for name, shape in (("a", (7000, 2)), ("b", (9000, 1)), ("c", (8000, 2))):
        soundfile.write(tmp_path / f"{name}.wav", np.zeros(shape), RATE)
    assert predict_largest_footprint(datasets.folder(tmp_path)) == predict_footprint(
        3, 2, 9000, n_read=9000
    )


# Prints the peak of its own memory; getrusage's is that of the process that started it, too.
SCORE = """
import re, oracle
track = oracle.datasets.waltz().beginning({seconds})
oracle.compute_bounds(track, methods={methods}, metrics={metrics})
print(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1])
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no Linux, which tells the peak")
@pytest.mark.parametrize(
    ("seconds", "metrics"), [(2, ["SDR"]), (13, ["SDR"]), (5, METRICS), (5, ALL_METRICS)]
)
def test_a_footprint_is_what_a_process_takes_or_up_to_twice_as_much(
    seconds: int, metrics: list[str]
) -> None:
    code = SCORE.format(seconds=seconds, methods=BOUNDS, metrics=tuple(metrics))
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, check=True
    )
    peak = 1024 * int(done.stdout)
    assert peak <= predict_footprint(4, 2, seconds * 44100, metrics=metrics) <= 2 * peak
