"""Scores of arrays in memory: those of files, and an error for whatever is no estimate."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import oracle
from oracle import Track
from oracle.metrics.names import ALL_METRICS
from oracle.metrics.scorer import Scorer

COLUMNS = ["target", "metric", "time", "duration", "score"]


def song(*names: str, n_channels: int = 2, rest: float = 0.0) -> Track:
    """Make a track of noises; of the mixture `rest` times another noise is in no source."""
    rng = np.random.default_rng(0)
    sources = {name: rng.standard_normal((n_channels, 5000), np.float32) for name in names}
    mixture = sum(sources.values()) + np.float32(rest) * rng.standard_normal(
        (n_channels, 5000), np.float32
    )
    return Track("song", 2000, np.asarray(mixture, np.float32), sources)


def noisy(track: Track) -> dict[str, Any]:
    noise = np.random.default_rng(1).standard_normal(track.mixture.shape, np.float32)
    return {name: source + np.float32(0.1) * noise for name, source in track.sources.items()}


def test_scores_are_those_of_a_scorer() -> None:
    track = song("vocals", "drums", "bass", n_channels=1)
    estimates = noisy(track)
    scores = oracle.score(track, estimates, metrics=ALL_METRICS).scores
    assert set(scores["method"]) == {"estimates"}
    scores = scores[COLUMNS]
    summed = estimates | {"accompaniment": estimates["drums"] + estimates["bass"]}
    scorer = Scorer(track.targets, rate=track.rate, metrics=ALL_METRICS)
    expected = pd.DataFrame(scorer.score(summed), columns=COLUMNS)
    pd.testing.assert_frame_equal(scores, expected.astype(scores.dtypes))
    assert set(scores["target"]) == {*summed}
    assert set(scores["metric"]) == {*ALL_METRICS}


def test_scores_of_separations_are_their_bounds() -> None:
    track = song("vocals", "drums")
    estimates = oracle.separate(track, "IRM2")
    results = oracle.score(track, estimates, name="IRM2", metrics=["SDR"])
    bounds = oracle.compute_bounds(track, methods=["IRM2"], metrics=["SDR"])
    pd.testing.assert_frame_equal(results.table, bounds.table)
    pd.testing.assert_frame_equal(results.scores, bounds.scores)
    pd.testing.assert_frame_equal(results.tracks, bounds.tracks)


def test_vocals_and_accompaniment_alone_are_scored() -> None:
    track = song("vocals", "drums", "bass")
    both = {name: track.targets[name] + 0.1 for name in ("vocals", "accompaniment")}
    both = {name: audio.astype(np.float32) for name, audio in both.items()}
    assert set(oracle.score(track, both, metrics=["SDR"]).table["target"]) == {*both}


@pytest.mark.parametrize("given", [False, True])
def test_the_rest_of_a_mixture_is_scored_if_it_is_estimated(given: bool) -> None:
    track = song("vocals", "drums", rest=1.0)
    estimates = noisy(track)
    if given:
        estimates["rest"] = track.mixture - sum(estimates.values())
    targets = set(oracle.score(track, estimates, metrics=["SDR"]).table["target"])
    assert targets == {*estimates} | ({"accompaniment"} if given else set())


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (
            {"drums": None, "vocals": None},
            ValueError,
            "estimates must hold at least one target of the track, vocals, drums, accompaniment, g",
        ),
        ({"voice": "vocals"}, ValueError, "estimates must be of targets of the track, vocals, dr"),
        ({"drums": [1.0]}, TypeError, "estimates['drums'] must be a numpy array, got list"),
        ({"drums": "int"}, TypeError, "estimates['drums'] must be float32 or float64, got int64"),
        ({"drums": "short"}, ValueError, "estimates['drums'] must have the shape of the mixture, "),
        ({"drums": "mono"}, ValueError, "estimates['drums'] must have the shape of the mixture, "),
        ({"drums": "nan"}, ValueError, "estimates['drums'] must be finite, got nan in channel 1"),
        ({"drums": "wide"}, ValueError, "estimates['drums'] must have its samples last, "),
    ],
)
def test_what_is_no_estimate_is_refused(
    change: dict[str, Any], error: type[Exception], message: str
) -> None:
    track = song("vocals", "drums")
    estimates = noisy(track)
    audio = estimates["drums"]
    nan = audio.copy()
    nan[1, 7] = np.nan
    kinds = {
        "vocals": estimates["vocals"],
        "int": audio.astype(int),
        "short": audio[:, 1:],
        "mono": audio[:1],
        "nan": nan,
        "wide": audio.T,
    }
    for name, kind in change.items():
        estimates[name] = kinds[kind] if isinstance(kind, str) else kind
    estimates = {name: each for name, each in estimates.items() if each is not None}
    with pytest.raises(error, match=f"^{re.escape(message)}"):
        oracle.score(track, estimates)


@pytest.mark.parametrize("out", [None, "scores"])
def test_tensors_are_refused_with_what_to_do(tmp_path: Path, out: str | None) -> None:
    torch = pytest.importorskip("torch")
    track = song("vocals", "drums")
    tensors = {n: torch.tensor(audio, requires_grad=True) for n, audio in noisy(track).items()}
    with pytest.raises(TypeError, match=r"must be a numpy array, got Tensor: .*\.detach\(\)\.cpu"):
        oracle.score(track, tensors, out=None if out is None else tmp_path / out)


def test_arguments_of_other_types_are_refused() -> None:
    track = song("vocals", "drums")
    number: Any = 8
    with pytest.raises(TypeError, match=r"^track must be an oracle\.Track, .*; got 8$"):
        oracle.score(number, noisy(track))
    nothing: Any = []
    with pytest.raises(TypeError, match="^estimates must be a mapping from target to array, got l"):
        oracle.score(track, nothing)
    with pytest.raises(ValueError, match="^metrics must be some of .*, got SNRI"):
        oracle.score(track, noisy(track), metrics=["SNRI"])


def test_lengths_are_fitted_if_asked_for() -> None:
    track = song("vocals", "drums")
    estimates = noisy(track)
    expected = oracle.score(track, estimates, metrics=["uSDR"]).table
    longer = {name: np.pad(audio, ((0, 0), (0, 7))) for name, audio in estimates.items()}
    fitted = oracle.score(track, longer, metrics=["uSDR"], fit_length=True).table
    pd.testing.assert_frame_equal(fitted, expected)
    shorter = {name: audio[:, :-7] for name, audio in estimates.items()}
    fitted = oracle.score(track, shorter, metrics=["uSDR"], fit_length=True).table
    padded = {name: np.pad(audio, ((0, 0), (0, 7))) for name, audio in shorter.items()}
    pd.testing.assert_frame_equal(fitted, oracle.score(track, padded, metrics=["uSDR"]).table)
    mono = {"drums": longer["drums"][:1]}
    with pytest.raises(ValueError, match=r"must have the shape of the mixture, .*got \(1, 5007\)"):
        oracle.score(track, mono, metrics=["uSDR"], fit_length=True)


def test_a_folder_of_scores_is_one_to_compare(tmp_path: Path) -> None:
    track = song("vocals", "drums")
    estimates = noisy(track)
    options: dict[str, Any] = {"metrics": ["SDR"], "out": tmp_path / "scores", "name": "mine"}
    results = oracle.score(track, estimates, **options)
    oracle.compute_bounds(track, methods=["IRM2"], metrics=["SDR"], out=tmp_path / "bounds")
    comparison = oracle.compare([tmp_path / "scores", tmp_path / "bounds"])
    assert comparison.systems == ("mine",)
    assert (tmp_path / "scores/mine/test/song.json").is_file()
    pd.testing.assert_frame_equal(oracle.score(track, estimates, **options).table, results.table)
    others = estimates | {"drums": estimates["drums"] * np.float32(0.5)}
    with pytest.raises(ValueError, match="arrays was .*drums.* and is now .*other audio"):
        oracle.score(track, others, **options)
    changed = oracle.score(track, others, **options, overwrite=True).table
    assert (changed["median"] != results.table["median"]).any()
    for name in ("run.json", " "):
        with pytest.raises(ValueError, match="name must not be empty or one of"):
            oracle.score(track, estimates, name=name)
