"""Tracks that could spoil a table: of one source, and with a silent one. They are named."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from conftest import Run

from oracle.runs.notes import describe_tracks
from oracle.runs.track_info import TrackInfo

RATE = 8000


def noise(seed: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    steps = np.random.default_rng(seed).integers(-4000, 4001, 2 * RATE)
    return np.asarray(steps / 2**15)


def write_mixture(root: Path, name: str, n_sources: int, n_silent: int = 0) -> None:
    """Write a mixture of FUSS: its sources may be one."""
    (root / f"{name}_sources").mkdir(parents=True, exist_ok=True)
    sources = [noise(seed) for seed in range(n_sources)] + [np.zeros(2 * RATE)] * n_silent
    for place, audio in enumerate(sources):
        soundfile.write(root / f"{name}_sources/sound{place}.wav", audio, RATE)
    soundfile.write(root / f"{name}.wav", np.sum(sources, axis=0), RATE)


@pytest.fixture
def fuss(tmp_path: Path) -> Path:
    """Three mixtures, one of a single source."""
    for name, n_sources in (("one", 1), ("two", 2), ("three", 3)):
        write_mixture(tmp_path / "fuss/train", name, n_sources)
    return tmp_path / "fuss"


def test_a_mixture_of_one_source_is_named_and_counted(run: Run, fuss: Path, tmp_path: Path) -> None:
    methods = ("--methods", "IRM2,OPT,CEILING", "--metrics", "SDR,uSDR")
    status, out, err = run("bounds", "fuss", "--root", fuss, *methods, "--out", tmp_path / "out")
    assert (status, err) == (0, "")
    words = " ".join(out.split())
    assert "One source alone: one. Any mask that keeps it is perfect: scores there, if " in words
    assert "infinite but for rounding, and count as inf. In brackets: the mean over " in words
    bounds = pd.read_csv(tmp_path / "out/bounds.csv")
    bounds = bounds[(bounds["target"] == "sound0") & (bounds["metric"] == "SDR")]
    of_others = pd.read_csv(tmp_path / "out/scores.csv")
    of_others = of_others[of_others["track"] != "one"]
    for method in ("IRM2", "OPT", "CEILING"):
        (row,) = bounds[bounds["method"] == method].to_dict("records")
        assert row["n_inf"] == 2
        assert row["mean"] > 40
        keys = (of_others["method"] == method) & (of_others["target"] == "sound0")
        rows = of_others[keys & (of_others["metric"] == "SDR")]
        expected = rows.groupby("track")["score"].median().mean()
        assert row["mean_finite"] == pytest.approx(expected)
        assert f"({row['mean_finite']:.2f})" in out
    notes = json.loads((tmp_path / "out/run.json").read_text())["notes"]
    assert len(notes) == 1


def test_a_silent_stem_is_named(run: Run, tmp_path: Path) -> None:
    write_mixture(tmp_path / "fuss/train", "good", 2)
    write_mixture(tmp_path / "fuss/train", "bad", 2, n_silent=1)
    status, out, _ = run("bounds", "fuss", "--root", tmp_path / "fuss", "--methods", "MIX")
    assert status == 0
    words = " ".join(out.split())
    assert (
        "Silent throughout: sound2 in bad. SDR, ISR, SIR and SAR of all that is scored together "
        "with it are NaN."
    ) in words
    assert "One source alone" not in words


def test_a_stem_that_is_counted_twice_is_named(run: Run, tmp_path: Path) -> None:
    for subset in ("train", "test"):
        for name in ("mixture", "drums", "bass", "other", "vocals"):
            place = tmp_path / "hq" / subset / "song"
            place.mkdir(parents=True, exist_ok=True)
            seed = {"mixture": 9, "vocals": 1, "other": 1 if subset == "train" else 2}
            soundfile.write(place / f"{name}.wav", noise(seed.get(name, len(name))), RATE)
    out = run("bounds", "musdb18-hq", "--root", tmp_path / "hq", "--methods", "MIX").out
    assert "Counted twice: vocals is other in song." in " ".join(out.split())


def test_nothing_is_said_of_usual_tracks(run: Run, tmp_path: Path) -> None:
    write_mixture(tmp_path / "fuss/train", "good", 2)
    out = run("bounds", "fuss", "--root", tmp_path / "fuss", "--methods", "MIX,CIRM").out
    assert "Silent" not in out
    assert "inf" not in out.split()
    assert "One source" not in out


def test_a_source_that_is_not_all_of_the_mixture_is_not_alone(run: Run, tmp_path: Path) -> None:
    write_mixture(tmp_path / "fuss/train", "one", 1)
    mixture = noise(0) + 0.01 * noise(5)
    soundfile.write(tmp_path / "fuss/train/one.wav", mixture, RATE)
    out = run("bounds", "fuss", "--root", tmp_path / "fuss", "--methods", "MIX").out
    assert "One source alone" not in out


def test_many_names_are_counted() -> None:
    infos = [
        TrackInfo(f"t{i}", "test", RATE, 1, 9, "as delivered", silent=["bass"], alone=True)
        for i in range(5)
    ]
    silent, alone = describe_tracks(infos)
    assert "bass in t0, bass in t1, bass in t2 and 2 more." in silent
    assert "alone: t0, t1, t2 and 2 more." in alone
