"""Degradations: exact levels, seeds, what the metrics make of them, errors."""

import math
import re
from collections.abc import Callable
from typing import Any

import hypothesis.strategies as st
import numpy as np
import numpy.typing as npt
import pytest
from conftest import frozen
from hypothesis import given, settings
from hypothesis.extra import numpy as hnp
from scipy import stats

from oracle import metrics
from oracle.metrics.names import METRICS
from oracle.metrics.scorer import Scorer
from oracle.report.degradations import (
    COLUMNS,
    LEVELS,
    add_interference,
    add_noise,
    clip,
    score_degradations,
)

Array = npt.NDArray[Any]

ROUNDING_DB = 1e-9
RATE = 1000
SHAPES = [(1, 50), (2, 50), (50,), (2, 3, 5), (1,)]

few = settings(max_examples=50, deadline=None)
levels = st.floats(-60, 20)


def decibels(numerator: Array, denominator: Array) -> float:
    ratio = math.fsum(np.ravel(numerator) ** 2) / math.fsum(np.ravel(denominator) ** 2)
    return 10 * math.log10(ratio)


def tones(n_sources: int = 3, n_samples: int = 3000) -> Array:
    """Tones that are orthogonal in every second, of amplitudes 1, 2, ..., in stereo."""
    times = np.arange(n_samples) / RATE
    return np.stack(
        [
            [k * np.cos(2 * np.pi * (100 * k) * times), k * np.sin(2 * np.pi * (100 * k) * times)]
            for k in range(1, n_sources + 1)
        ]
    )


@pytest.fixture
def references(rng: np.random.Generator) -> dict[str, Array]:
    """Two noisy sources of 4 s: the first is silent in its second second."""
    sources = {"b": rng.standard_normal((1, 4000)), "a": 3 * rng.standard_normal((1, 4000))}
    sources["b"][:, RATE : 2 * RATE] = 0
    return sources


# --- Noise ---


@pytest.mark.parametrize("shape", SHAPES)
def test_noise_and_interference_have_their_level_exactly(
    rng: np.random.Generator, shape: tuple[int, ...]
) -> None:
    signal, other = 100 * rng.standard_normal(shape), 1e-3 * rng.standard_normal(shape)
    for level in (-30, -10.5, 0, 6.0):
        for spoilt in (
            add_noise(signal, level=level, rng=0),
            add_interference(signal, other, level=level),
        ):
            assert spoilt.shape == shape
            assert decibels(spoilt - signal, signal) == pytest.approx(level, abs=ROUNDING_DB)


def test_noise_is_reproducible_and_differs_from_seed_to_seed(rng: np.random.Generator) -> None:
    signal = rng.standard_normal((2, 20))
    first = add_noise(signal, level=-20, rng=1)
    np.testing.assert_array_equal(first, add_noise(signal, level=-20, rng=1))
    np.testing.assert_array_equal(first, add_noise(signal, level=-20, rng=np.random.default_rng(1)))
    assert not np.isclose(first, add_noise(signal, level=-20, rng=2)).any()


def test_a_generator_draws_on(rng: np.random.Generator) -> None:
    signal = np.ones((1, 20))
    generator = np.random.default_rng(5)
    draws = [add_noise(signal, level=0, rng=generator) for _ in range(2)]
    assert not np.isclose(draws[0], draws[1]).any()
    np.testing.assert_array_equal(draws[0], add_noise(signal, level=0, rng=5))


def test_noise_is_gaussian_white_and_different_in_every_channel() -> None:
    signal = np.ones((2, 20_000))
    noise = add_noise(signal, level=0, rng=3) - signal
    for channel in noise:
        assert stats.kstest(channel, "norm").pvalue > 0.01
        assert abs(np.mean(channel[1:] * channel[:-1])) < 0.03
    assert abs(np.mean(noise[0] * noise[1])) < 0.03


def test_all_channels_have_the_same_noise_whatever_their_own_level() -> None:
    signal = np.stack([np.ones(20_000), np.zeros(20_000)])
    noise = add_noise(signal, level=-20, rng=3) - signal
    np.testing.assert_allclose(np.mean(noise**2, axis=1), 0.005, rtol=0.05)


# --- Interference ---


@few
@given(seed=st.integers(0, 2**32 - 1), level=levels, gain=st.floats(1e-3, 1e3))
def test_interference_is_the_other_signal_at_a_positive_gain(
    seed: int, level: float, gain: float
) -> None:
    signal, other = np.random.default_rng(seed).standard_normal((2, 2, 20))
    added = add_interference(signal, other, level=level) - signal
    expected = math.sqrt(np.sum(signal**2) / np.sum(other**2)) * 10 ** (level / 20)
    np.testing.assert_allclose(added / other, expected, rtol=1e-6)
    # The other's own level counts for nothing, the signal's for all.
    scaled = add_interference(signal, gain * other, level=level) - signal
    np.testing.assert_allclose(scaled, added, atol=1e-12)
    louder = add_interference(gain * signal, other, level=level)
    np.testing.assert_allclose(louder, gain * (signal + added), rtol=1e-9, atol=1e-9)


# --- Clipping ---


def test_clipping_limits_what_is_above_and_leaves_what_is_below() -> None:
    signal = np.array([[-10.0, 10.0, 5.0, -5.0, 1.0, -1.0, 0.9, -0.9, 0.0]])
    expected = [[-1.0, 1.0, 1.0, -1.0, 1.0, -1.0, 0.9, -0.9, 0.0]]
    np.testing.assert_allclose(clip(signal, level=-20), expected, rtol=1e-15)


@pytest.mark.parametrize("peak", [3.0, -3.0])
def test_the_peak_is_the_largest_magnitude_of_all_channels(peak: float) -> None:
    signal = np.array([[peak, 1.0], [2.0, -2.0]])
    limit = 3 * 10 ** (-6 / 20)
    expected = [[math.copysign(limit, peak), 1], [limit, -limit]]
    np.testing.assert_allclose(clip(signal, level=-6), expected, rtol=1e-12)


@few
@given(
    signal=hnp.arrays(np.float64, (2, 20), elements=st.floats(-1e3, 1e3)).filter(
        lambda signal: bool(np.abs(signal).max() > 1e-3)
    ),
    level=st.floats(-60, 0),
)
def test_what_is_clipped_is_below_the_limit_and_all_else_unchanged(
    signal: Array, level: float
) -> None:
    clipped = clip(signal, level=level)
    limit = np.abs(signal).max() * 10 ** (level / 20)
    assert np.abs(clipped).max() == pytest.approx(limit)
    below = np.abs(signal) < limit * (1 - 1e-12)
    np.testing.assert_array_equal(clipped[below], signal[below])
    np.testing.assert_array_equal(np.sign(clipped), np.sign(signal))
    np.testing.assert_array_equal(clip(-signal, level=level), -clipped)


@pytest.mark.parametrize("shape", SHAPES)
def test_clipping_at_0_db_changes_nothing(rng: np.random.Generator, shape: tuple[int, ...]) -> None:
    signal = rng.standard_normal(shape)
    np.testing.assert_array_equal(clip(signal, level=0), signal)


def test_clipping_makes_artifacts_and_no_interference_of_other_tones() -> None:
    references = tones(2)
    ratios = metrics.scale_invariant_ratios(
        references, np.stack([clip(one, level=-10) for one in references])
    )
    np.testing.assert_allclose(ratios.si_sar, ratios.si_sdr, atol=1e-6)
    assert (ratios.si_sir > 120).all()
    assert ((ratios.si_sdr > 5) & (ratios.si_sdr < 20)).all()


# --- All three ---

SPOIL: dict[str, Callable[[Array, float], Array]] = {
    "noise": lambda signal, level: add_noise(signal, level=level, rng=0),
    "interference": lambda signal, level: add_interference(signal, signal[::-1], level=level),
    "clipping": lambda signal, level: clip(signal, level=level),
}
each_way = pytest.mark.parametrize("spoil", SPOIL.values(), ids=SPOIL)


@each_way
def test_signals_are_left_alone_and_single_precision_is_taken_to_double(
    rng: np.random.Generator, spoil: Callable[[Array, float], Array]
) -> None:
    single = frozen(rng.standard_normal((2, 500)).astype(np.float32))
    spoilt = spoil(single, -10)
    assert spoilt.dtype == np.float64
    np.testing.assert_allclose(spoilt, spoil(single.astype(np.float64), -10), rtol=1e-12)
    assert not np.shares_memory(spoil(frozen(single.astype(np.float64)), 0.0), single)


@each_way
@pytest.mark.parametrize(("value", "energy"), [(0.0, "0.0"), (math.inf, "inf"), (math.nan, "nan")])
def test_no_level_is_relative_to_silence_or_to_what_is_not_finite(
    spoil: Callable[[Array, float], Array], value: float, energy: str
) -> None:
    message = f"signal must be finite and not silent, got an energy of {energy}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        spoil(np.full((2, 4), value), -10)


@each_way
@pytest.mark.parametrize("level", [math.inf, -math.inf, math.nan, 601, -4000.0])
def test_levels_are_not_extreme(spoil: Callable[[Array, float], Array], level: float) -> None:
    message = f"level must lie between -600 and 600 dB, got {level}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        spoil(np.ones((2, 4)), level)


@pytest.mark.parametrize(("value", "energy"), [(0.0, "0.0"), (math.inf, "inf")])
def test_silence_does_not_interfere(value: float, energy: str) -> None:
    message = f"other must be finite and not silent, got an energy of {energy}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        add_interference(np.ones((1, 4)), np.full((1, 4), value), level=-10)


@pytest.mark.parametrize("shape", [(1, 5), (2, 4), (4,), (1, 1)])
def test_what_interferes_has_the_shape_of_the_signal(shape: tuple[int, ...]) -> None:
    message = f"other must have the shape of signal, (1, 4), got {shape}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        add_interference(np.ones((1, 4)), np.ones(shape), level=-10)


@pytest.mark.parametrize("level", [1e-6, 10])
def test_nothing_is_clipped_above_the_peak(level: float) -> None:
    message = f"level must be at most 0 dB, the signal's peak, got {level}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        clip(np.ones((1, 4)), level=level)


# --- Scores ---


def test_scores_have_a_row_for_every_degradation_level_target_and_metric(
    references: dict[str, Array],
) -> None:
    asked = ("SI-SDR", "uSDR")
    scores = score_degradations(references, rate=RATE, levels=(-10, -25, -5), metrics=asked)
    assert tuple(scores.columns) == COLUMNS
    assert COLUMNS == ("degradation", "level", "target", "metric", "score")
    expected = [
        (degradation, level, target, metric)
        for degradation in ("noise", "interference", "clipping")
        for level in (-10, -25, -5)
        for target in ("b", "a")
        for metric in asked
    ]
    assert list(scores[list(COLUMNS[:-1])].itertuples(index=False, name=None)) == expected
    assert list(scores.index) == list(range(len(expected)))
    assert np.isfinite(scores["score"]).all()


def test_scores_are_those_of_three_levels_and_the_usual_metrics_unless_told() -> None:
    references = dict(zip("xy", tones(2, n_samples=2000), strict=True))
    noisy = {
        name: one + 1e-3 * np.random.default_rng(7).standard_normal(one.shape)
        for name, one in references.items()
    }
    scores = score_degradations(noisy, rate=RATE)
    assert LEVELS == (-30.0, -20.0, -10.0)
    assert list(scores["level"].unique()) == list(LEVELS)
    assert list(scores["metric"].unique()) == list(METRICS)
    assert len(scores) == 3 * 3 * 2 * len(METRICS)
    assert scores["score"].notna().all()


@pytest.mark.parametrize("level", [-30.0, -12.5, 0.0])
def test_usdr_is_minus_the_level_of_noise_and_interference(
    references: dict[str, Array], level: float
) -> None:
    scores = score_degradations(references, rate=RATE, levels=[level], metrics=["uSDR"])
    for degradation in ("noise", "interference"):
        of = scores[scores["degradation"] == degradation]["score"]
        np.testing.assert_allclose(of, -level, atol=ROUNDING_DB)


def test_interference_is_the_sum_of_the_other_sources_and_gives_no_artifacts() -> None:
    sources = dict(zip("xyz", tones(3), strict=True))
    asked = ("SI-SDR", "SI-SIR", "SI-SAR")
    scores = score_degradations(sources, rate=RATE, levels=[-20], metrics=asked)
    of = scores[scores["degradation"] == "interference"].pivot_table(
        index="target", columns="metric", values="score"
    )
    np.testing.assert_allclose(of[["SI-SDR", "SI-SIR"]], 20, atol=1e-6)
    interference = scores[
        (scores["degradation"] == "interference") & (scores["metric"] == "SI-SAR")
    ]
    assert (interference["score"] > 120).all()


def test_scores_are_those_of_the_scorer_and_medians_over_windows_that_are_not_nan(
    references: dict[str, Array],
) -> None:
    asked = ("SDR", "uSDR", "SI-SAR")
    chosen = (-20.0, -6.0)
    scores = score_degradations(references, rate=RATE, levels=chosen, metrics=asked, rng=11)
    scorer = Scorer(references, rate=RATE, metrics=asked)
    generator = np.random.default_rng(11)
    other = {"a": references["b"], "b": references["a"]}
    expected = {}
    spoilt: dict[tuple[str, float], dict[str, Array]] = {}
    for level in chosen:
        spoilt["noise", level] = {
            name: add_noise(one, level=level, rng=generator) for name, one in references.items()
        }
        spoilt["interference", level] = {
            name: add_interference(one, other[name], level=level)
            for name, one in references.items()
        }
        spoilt["clipping", level] = {
            name: clip(one, level=level) for name, one in references.items()
        }
    for (degradation, level), estimates in spoilt.items():
        values: dict[tuple[str, str], list[float]] = {}
        for score in scorer.score(estimates):
            values.setdefault((score.target, score.metric), []).append(score.score)
        for (target, metric), found in values.items():
            # Four windows, of which the silent one is NaN: the median is one of three.
            assert len(found) == (4 if metric == "SDR" else 1)
            assert np.isnan(found).sum() == (metric == "SDR")
            expected[degradation, level, target, metric] = np.nanmedian(found)
    actual = scores.set_index(list(COLUMNS[:-1]))["score"]
    assert len(actual) == len(expected)
    for key, median in expected.items():
        assert actual[key] == pytest.approx(median, abs=ROUNDING_DB)


def test_scores_that_are_nan_in_every_window_are_nan() -> None:
    sources = {"x": np.ones((1, 2000)), "y": np.ones((1, 2000))}
    sources["x"][:, :1000] = 0
    sources["y"][:, 1000:] = 0
    scores = score_degradations(sources, rate=RATE, levels=[-10], metrics=["SDR"])
    assert len(scores) == 6
    assert scores["score"].isna().all()


def test_scores_are_reproducible_and_their_seed_is_0_unless_told(
    references: dict[str, Array],
) -> None:
    def scored(**options: Any) -> Any:
        return score_degradations(references, rate=RATE, metrics=["SI-SDR"], **options)

    expected = scored()
    assert scored(rng=0).equals(expected)
    assert scored(rng=np.random.default_rng(0)).equals(expected)
    differs = scored(rng=1)["score"] != expected["score"]
    assert set(expected[differs]["degradation"]) == {"noise"}
    assert differs.sum() == 6


def test_every_source_and_level_has_noise_of_its_own() -> None:
    one = np.random.default_rng(0).standard_normal((1, 500))
    sources = {"x": one, "y": one.copy(), "z": one[:, ::-1].copy()}
    scores = score_degradations(sources, rate=RATE, levels=[-10, -10 + 1e-9], metrics=["SI-SDR"])
    noise = scores[scores["degradation"] == "noise"]
    apart = np.diff(np.sort(noise["score"]))
    assert len(noise) == 6
    assert apart.min() > 1e-6


def test_references_are_left_alone(references: dict[str, Array]) -> None:
    still = {name: frozen(one.astype(np.float32)) for name, one in references.items()}
    scores = score_degradations(still, rate=RATE, metrics=["uSDR"])
    noise = scores[scores["degradation"] == "noise"]
    np.testing.assert_allclose(noise["score"], -noise["level"], atol=ROUNDING_DB)


@pytest.mark.parametrize(("names", "got"), [([], "none"), (["x"], "x")])
def test_one_source_has_nothing_to_interfere(names: list[str], got: str) -> None:
    message = f"references must be two or more, got {got}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        score_degradations({name: np.ones((1, 2000)) for name in names}, rate=RATE)


def test_no_source_is_silent() -> None:
    sources = {"x": np.ones((1, 2000)), "y": np.zeros((1, 2000))}
    message = "references['y'] must be finite and not silent, got an energy of 0.0"
    for metric in ("uSDR", "SDR"):
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            score_degradations(sources, rate=RATE, metrics=[metric])


def test_the_others_do_not_cancel() -> None:
    one = np.ones((1, 2000))
    message = "other must be finite and not silent, got an energy of 0.0"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        score_degradations({"x": one, "y": one, "z": -one}, rate=RATE, metrics=["uSDR"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"levels": [3.0]}, "level must be at most 0 dB, the signal's peak, got 3.0"),
        ({"levels": [math.nan]}, "level must lie between -600 and 600 dB, got nan"),
        ({"levels": [-10, -20, -10.0]}, "levels must differ, got -10, -20, -10"),
        ({"metrics": ["PESQ"]}, "metrics must be some of "),
        ({"metrics": []}, "metrics must be some of "),
    ],
)
def test_levels_and_metrics_are_checked(
    references: dict[str, Array], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        score_degradations(references, rate=RATE, **({"metrics": ["uSDR"]} | options))


def test_references_have_one_shape() -> None:
    sources = {"x": np.ones((1, 2000)), "y": np.ones((1, 1999))}
    with pytest.raises(ValueError, match="signals must have one shape"):
        score_degradations(sources, rate=RATE, metrics=["uSDR"])
