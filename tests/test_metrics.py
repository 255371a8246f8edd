import itertools
import math
from collections.abc import Callable
from functools import partial
from typing import Any

import hypothesis.strategies as st
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings

from oracle import datasets, metrics
from oracle.metrics.energy_ratios import compute_energies
from oracle.metrics.groups import find_groups
from oracle.metrics.names import GLOBAL, MUSEVAL
from oracle.metrics.scorer import Scorer
from oracle.metrics.windows import MAX_PIECE, Partition

Floats = npt.NDArray[np.float64]

# Of ratios computed twice in float64 in different orders.
ROUNDING_DB = 1e-9
# museval pads, filters and subtracts before it takes the same ratio.
MUSEVAL_DB = 1e-8


def orthogonal(n_sources: int, n_channels: int = 1) -> Floats:
    """Signals of energy n_channels each, no two overlapping."""
    return np.eye(n_sources)[:, None].repeat(n_channels, axis=1)


def test_sdr_is_20_db_for_a_tenth_of_the_amplitude_in_error() -> None:
    references = np.random.default_rng(0).standard_normal((3, 2, 30))
    estimates = references * np.array([1.1, 0.9, 1.01])[:, None, None]
    np.testing.assert_allclose(metrics.usdr(references, estimates), [20, 20, 40], atol=ROUNDING_DB)
    sdr = metrics.framewise_sdr(references, estimates, window=10, hop=10)
    expected = np.repeat([[20.0], [20.0], [40.0]], 3, axis=1)
    np.testing.assert_allclose(sdr, expected, atol=ROUNDING_DB)


def test_channels_are_scored_together() -> None:
    references = np.array([[[3.0, 0.0], [0.0, 4.0]]])
    estimates = references + np.array([[[0.0, 0.5], [0.0, 0.0]]])
    assert metrics.usdr(references, estimates)[0] == pytest.approx(20)


def test_perfect_is_infinite_and_a_silent_reference_is_nan() -> None:
    references = np.array([[[1.0, 2.0]], [[0.0, 0.0]]])
    assert metrics.usdr(references, references)[0] == np.inf
    assert np.isnan(metrics.usdr(references, references)[1])
    assert metrics.usdr(references[:1], 0 * references[:1])[0] == 0


@pytest.mark.parametrize("cut", [slice(None), slice(7, 30)])
def test_energies_of_several_estimates_are_those_of_each_alone(cut: slice) -> None:
    rng = np.random.default_rng(0)
    references = rng.standard_normal((3, 50, 2)).astype(np.float32).swapaxes(1, 2)
    several: list[npt.NDArray[Any]] = [
        references + rng.standard_normal((3, 2, 50)).astype(np.float32),
        rng.standard_normal((3, 2, 50)),  # in double precision
    ]
    several[1][1] = 0
    before = several[1].copy()
    found = compute_energies(references, several, cut)
    np.testing.assert_array_equal(several[1], before)
    truths = references[..., cut].astype(np.float64)
    for part, estimates in zip(found, several, strict=True):
        errors = estimates[..., cut] - truths
        np.testing.assert_allclose(part.signal, (truths**2).sum(axis=(1, 2)), rtol=1e-14)
        np.testing.assert_allclose(part.error, (errors**2).sum(axis=(1, 2)), rtol=1e-14)
    assert not found[0].silent.any()
    np.testing.assert_array_equal(found[1].silent[:, 1], [False, True, False])


def test_energies_are_summed_in_float64() -> None:
    references, errors = np.random.default_rng(0).standard_normal((2, 1, 1, 200_000), np.float32)
    estimates = references + np.float32(0.1) * errors
    wide = references.astype(np.float64), estimates.astype(np.float64)
    signal, error = (math.fsum(x.ravel() ** 2) for x in (wide[0], wide[0] - wide[1]))
    expected = 10 * math.log10(signal / error)
    assert metrics.usdr(references, estimates)[0] == pytest.approx(expected, abs=ROUNDING_DB)
    sdr = metrics.framewise_sdr(references, estimates, window=200_000, hop=1)
    assert sdr[0, 0] == pytest.approx(expected, abs=ROUNDING_DB)


@pytest.mark.parametrize(
    ("n_samples", "window", "hop", "starts"),
    [
        (100, 25, 25, [0, 25, 50, 75]),
        (99, 25, 25, [0, 25, 50]),
        (100, 40, 20, [0, 20, 40, 60]),
        (100, 100, 7, [0]),
        (10, 100, 100, [0]),
        (1, 1, 1, [0]),
    ],
)
def test_windows_are_whole_but_for_a_signal_shorter_than_one(
    n_samples: int, window: int, hop: int, starts: list[int]
) -> None:
    assert metrics.window_starts(n_samples, window=window, hop=hop) == starts


def test_one_silent_signal_makes_its_whole_group_nan_in_that_window_only() -> None:
    rng = np.random.default_rng(1)
    references, estimates = rng.standard_normal((2, 3, 2, 40))
    references[1, :, 10:20] = 0
    estimates[2, :, 30:40] = 0
    sdr = metrics.framewise_sdr(references, estimates, window=10, hop=10)
    np.testing.assert_array_equal(np.isnan(sdr).all(axis=0), [False, True, False, True])
    assert np.isfinite(sdr[:, ::2]).all()


def test_channels_that_cancel_are_silent_as_museval_has_it() -> None:
    left = np.random.default_rng(2).standard_normal((1, 10))
    references = np.concatenate([left, -left])[None]
    assert np.isnan(metrics.framewise_sdr(references, 0.9 * references, window=5, hop=5)).all()
    assert metrics.usdr(references, 0.9 * references)[0] == pytest.approx(20)


@pytest.mark.usefixtures("ffmpeg")
@settings(max_examples=25, deadline=None)
@given(
    n_sources=st.integers(1, 3),
    n_channels=st.integers(1, 3),
    n_samples=st.integers(600, 1500),
    window=st.integers(200, 1600),
    overlap=st.sampled_from([1, 2]),
    silent=st.booleans(),
    seed=st.integers(0, 99),
)
def test_framewise_sdr_equals_musevals(
    n_sources: int,
    n_channels: int,
    n_samples: int,
    window: int,
    overlap: int,
    silent: bool,
    seed: int,
) -> None:
    import museval

    rng = np.random.default_rng(seed)
    references, errors = rng.standard_normal((2, n_sources, n_channels, n_samples))
    estimates = references + 0.3 * errors
    if silent:
        estimates[0, :, : n_samples // 2] = 0
    hop = window // overlap
    # Short filters: SDR does not depend on them, museval's time does.
    theirs = museval.metrics.bss_eval(
        references.swapaxes(1, 2),
        estimates.swapaxes(1, 2),
        window=window,
        hop=hop,
        filters_len=4,
    )[0]
    ours = metrics.framewise_sdr(references, estimates, window=window, hop=hop)
    np.testing.assert_allclose(ours, theirs, atol=MUSEVAL_DB, rtol=0)


def test_scale_invariant_ratios_of_orthogonal_signals_are_known() -> None:
    # e = 0.5 s0 + 0.05 s1 + 0.02 n, with n orthogonal to both references.
    basis = orthogonal(3, n_channels=2)
    references = basis[:2]
    estimate = 0.5 * basis[0] + 0.05 * basis[1] + 0.02 * basis[2]
    ratios = metrics.scale_invariant_ratios(references, np.stack([estimate, references[1]]))

    def decibels(ratio: float) -> float:
        return float(10 * np.log10(ratio))

    expected = {
        "si_sdr": decibels(0.5**2 / (0.05**2 + 0.02**2)),
        "si_sir": decibels(0.5**2 / 0.05**2),
        "si_sar": decibels(0.5**2 / 0.02**2),
        "sd_sdr": decibels(1 / (0.5**2 + 0.05**2 + 0.02**2)) + decibels(0.5**2),
        "snr": decibels(1 / (0.5**2 + 0.05**2 + 0.02**2)),
        "srr": decibels(1 / (1 - 1 / 0.5) ** 2),
    }
    for name, value in expected.items():
        assert getattr(ratios, name)[0] == pytest.approx(value, abs=ROUNDING_DB), name
    assert all(getattr(ratios, name)[1] == np.inf for name in expected)


@pytest.mark.parametrize("n_channels", [1, 2])
def test_scale_invariant_ratios_equal_the_papers_formulas_written_out(n_channels: int) -> None:
    rng = np.random.default_rng(3)
    references = rng.standard_normal((3, n_channels, 500)) + 0.3 * rng.standard_normal(500)
    estimates = 0.8 * references + 0.2 * references[::-1] + 0.1 * rng.standard_normal(500)
    ours = np.array(metrics.scale_invariant_ratios(references, estimates))
    basis = references.reshape(3, -1)
    for j, estimate in enumerate(estimates.reshape(3, -1)):
        alpha = estimate @ basis[j] / (basis[j] @ basis[j])
        target, residual = alpha * basis[j], estimate - alpha * basis[j]
        interference = basis.T @ np.linalg.pinv(basis.T) @ residual
        snr = 10 * np.log10(np.sum(basis[j] ** 2) / np.sum((estimate - basis[j]) ** 2))
        theirs = [
            *(
                10 * np.log10(np.sum(target**2) / np.sum(error**2))
                for error in (residual, interference, residual - interference)
            ),
            snr + 10 * np.log10(alpha**2),
            snr,
            -10 * np.log10((1 - 1 / alpha) ** 2),
        ]
        np.testing.assert_allclose(ours[:, j], theirs, atol=ROUNDING_DB)


@settings(max_examples=25, deadline=None)
@given(gain=st.floats(1e-6, 1e6), seed=st.integers(0, 99))
def test_only_the_scale_invariant_ratios_ignore_a_gain(gain: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    references = rng.standard_normal((2, 2, 200))
    estimates = references + 0.5 * rng.standard_normal(references.shape)
    before = metrics.scale_invariant_ratios(references, estimates)
    after = metrics.scale_invariant_ratios(references, gain * estimates)
    both = metrics.scale_invariant_ratios(gain * references, gain * estimates)
    for name in ("si_sdr", "si_sir", "si_sar"):
        np.testing.assert_allclose(getattr(after, name), getattr(before, name), atol=1e-6)
    np.testing.assert_allclose(np.array(both), np.array(before), atol=1e-6)
    if not 0.5 < gain < 2:
        assert not np.allclose(after.snr, before.snr, atol=0.1)


def test_blocks_of_samples_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    references, estimates = np.random.default_rng(4).standard_normal((2, 3, 2, 1000))
    whole = (
        metrics.usdr(references, estimates),
        *metrics.scale_invariant_ratios(references, estimates),
    )
    monkeypatch.setattr("oracle.metrics.windows.MAX_PIECE", 7)
    blocks = (
        metrics.usdr(references, estimates),
        *metrics.scale_invariant_ratios(references, estimates),
    )
    np.testing.assert_allclose(blocks, whole, atol=ROUNDING_DB)


def test_silent_or_identical_references_do_not_break_the_projection() -> None:
    signal, noise = np.random.default_rng(5).standard_normal((2, 1, 100))
    references = np.stack([signal, signal, 0 * signal])
    ratios = metrics.scale_invariant_ratios(references, references + 0.1 * noise)
    # Nothing of the residual lies in the other copy.
    assert (ratios.si_sir[:2] == np.inf).all()
    others = [ratio[:2] for name, ratio in ratios._asdict().items() if name != "si_sir"]
    assert np.isfinite(others).all()
    assert np.isnan([ratio[2] for ratio in ratios]).all()


def test_float32_and_inputs_are_left_as_they_are() -> None:
    references, estimates = np.random.default_rng(6).standard_normal((2, 2, 1, 64), np.float32)
    copies = references.copy(), estimates.copy()
    sdr = metrics.framewise_sdr(references, estimates, window=8, hop=8)
    ratios = metrics.scale_invariant_ratios(references, estimates)
    assert {sdr.dtype, ratios.si_sdr.dtype, metrics.usdr(references, estimates).dtype} == {
        np.dtype(np.float64)
    }
    np.testing.assert_array_equal(references, copies[0])
    np.testing.assert_array_equal(estimates, copies[1])


def test_lists_of_signals_are_scored_as_arrays_are() -> None:
    references, estimates = np.random.default_rng(7).standard_normal((2, 3, 2, 50))
    for metric in (metrics.usdr, metrics.scale_invariant_ratios):
        ours = metric(list(references), list(estimates))
        np.testing.assert_array_equal(ours, metric(references, estimates))
    with pytest.raises(ValueError, match=r"must have one shape, got \[\(1, 8\), \(1, 9\)\]"):
        metrics.usdr([np.ones((1, 8)), np.ones((1, 9))], [np.ones((1, 8))] * 2)


def test_wrong_shapes_and_windows_have_their_errors() -> None:
    signals = np.ones((2, 1, 8))
    for metric in (metrics.usdr, metrics.scale_invariant_ratios):
        with pytest.raises(
            ValueError, match=r"references must have shape \(n_sources, .* got \(8,\)"
        ):
            metric(signals[0, 0], signals[0, 0])
        with pytest.raises(
            ValueError, match=r"estimates must have the shape of references, \(2, 1, 8\), got \(1"
        ):
            metric(signals, signals[:1])
    with pytest.raises(ValueError, match="window must be at least 1 sample, got 0"):
        metrics.framewise_sdr(signals, signals, window=0, hop=1)
    with pytest.raises(ValueError, match="hop must be at least 1 sample, got -1"):
        metrics.framewise_sdr(signals, signals, window=1, hop=-1)


def targets_of(*names: str, seed: int) -> dict[str, npt.NDArray[np.floating]]:
    rng = np.random.default_rng(seed)
    return {name: rng.standard_normal((2, 2500)) for name in names}


def test_scores_of_a_track_come_by_target_metric_and_window() -> None:
    names = ("bass", "vocals", "accompaniment")
    scores = Scorer(targets_of(*names, seed=0), rate=1000).score(targets_of(*names, seed=1))
    assert [score[:4] for score in scores] == [
        *itertools.chain.from_iterable(
            [(name, metric, time, 1.0) for metric in MUSEVAL for time in (0.0, 1.0)]
            + [(name, metric, None, None) for metric in GLOBAL]
            for name in names
        )
    ]


@pytest.mark.slow
def test_vocals_have_musevals_figures_from_their_group_with_the_accompaniment() -> None:
    names = ("bass", "drums", "vocals", "accompaniment")
    references, estimates = targets_of(*names, seed=0), targets_of(*names, seed=1)
    estimates["drums"][:, :1000] = 0
    scores = Scorer(references, rate=1000).score(estimates)
    first = {s.target: s.score for s in scores if s.metric == "SDR" and s.time == 0}
    assert {name for name, value in first.items() if np.isnan(value)} == {"bass", "drums"}


@pytest.mark.slow
def test_interference_is_sought_in_all_sources_and_for_the_accompaniment_in_the_vocals() -> None:
    names = ("bass", "drums", "vocals", "accompaniment")
    references, estimates = targets_of(*names, seed=0), targets_of(*names, seed=1)
    scores = Scorer(references, rate=1000).score(estimates)
    found = {s.target: s.score for s in scores if s.metric == "SI-SIR"}
    for group, target in ((names[:3], "vocals"), (names[2:], "accompaniment")):
        stacks = [np.stack([each[n] for n in group]) for each in (references, estimates)]
        ratios = metrics.scale_invariant_ratios(*stacks)
        expected = ratios.si_sir[group.index(target)]
        assert found[target] == pytest.approx(expected, abs=ROUNDING_DB)


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        (["a"], [["a"]]),
        (["a", "vocals"], [["a", "vocals"]]),
        (["vocals", "accompaniment"], [["vocals", "accompaniment"]]),
        (["accompaniment", "a"], [["accompaniment", "a"]]),
    ],
)
def test_groups_of_unusual_tracks(targets: list[str], expected: list[list[str]]) -> None:
    assert find_groups(targets) == expected


def test_a_signal_shorter_than_a_window_is_one_window() -> None:
    signals = {"a": np.ones((1, 10))}
    first = Scorer(signals, rate=1000).score({"a": 0.9 * signals["a"]})[0]
    assert first[:4] == ("a", "SDR", 0.0, 0.01)
    assert first.score == pytest.approx(20)


def test_estimates_must_be_of_the_same_targets() -> None:
    with pytest.raises(ValueError, match="estimates must have the targets of references, a, got b"):
        Scorer(targets_of("a", seed=0), rate=8).score(targets_of("b", seed=0))


@pytest.mark.parametrize("shape", [(3, 3, 100), (3, 1, 44100), (2, 2, 977)])
def test_a_perfect_estimate_is_infinite_in_every_ratio(shape: tuple[int, int, int]) -> None:
    references = np.random.default_rng(0).standard_normal(shape, np.float32)
    for ratio in metrics.scale_invariant_ratios(references, references.copy()):
        assert (ratio == np.inf).all()


def test_a_long_signal_that_is_perfect_but_for_its_gain_has_no_errors() -> None:
    # Sums of many samples of music have rounding errors that show at some of these gains.
    targets = datasets.waltz().targets
    references = np.stack([targets[name].astype(float) for name in ("vocals", "accompaniment")])
    for level in (-20, -9, -8, 2, 6, 12):
        ratios = metrics.scale_invariant_ratios(references, references * 10 ** (level / 20))
        for ratio in (ratios.si_sdr, ratios.si_sir, ratios.si_sar):
            assert (ratio == np.inf).all()


@pytest.mark.parametrize("gain", [1e-8, 1e-30, 1e30])
def test_the_level_of_another_reference_does_not_matter(gain: float) -> None:
    references = np.random.default_rng(0).standard_normal((2, 1, 500))
    estimates = references + 0.1 * references[::-1]
    before = metrics.scale_invariant_ratios(references, estimates)
    references[1] *= gain
    after = metrics.scale_invariant_ratios(references, estimates)
    assert after.si_sir[0] == pytest.approx(before.si_sir[0])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("argument", ["references", "estimates"])
def test_signals_that_are_not_finite_are_refused(value: float, argument: str) -> None:
    signals = np.random.default_rng(0).standard_normal((2, 2, 1, 50))
    signals[0 if argument == "references" else 1, 1, 0, 20] = value
    functions: list[Callable[..., object]] = [
        metrics.usdr,
        metrics.scale_invariant_ratios,
        partial(metrics.framewise_sdr, window=25, hop=25),
    ]
    for function in functions:
        with pytest.raises(ValueError, match=f"{argument} must be finite"):
            function(*signals)


def test_windows_must_be_whole_numbers_of_samples() -> None:
    signals = np.ones((1, 1, 9))
    with pytest.raises(TypeError, match="window must be an integer number of samples, got 3.0"):
        metrics.framewise_sdr(signals, signals, window=3.0, hop=3)  # type: ignore[arg-type]


def test_long_signals_are_cut_into_pieces_that_make_up_the_windows() -> None:
    cuts = Partition(10 * MAX_PIECE, window=4 * MAX_PIECE + 7, hop=3 * MAX_PIECE)
    lengths = [piece.stop - piece.start for piece in cuts.pieces]
    assert max(lengths) == MAX_PIECE
    assert sum(lengths) == 10 * MAX_PIECE
    for window, members in zip(cuts.windows, cuts.members, strict=True):
        pieces = cuts.pieces[members]
        assert (pieces[0].start, pieces[-1].stop) == (window.start, window.stop)


@pytest.mark.parametrize(
    ("level", "gain"), [(1e-3, 1), (1e-6, 1), (1e-7, 1), (1e3, 1), (1e-3, 1e-5), (1e3, 1e-5)]
)
def test_scale_invariant_ratios_keep_their_digits_of_good_and_of_quiet_estimates(
    level: float, gain: float
) -> None:
    references, noise = np.random.default_rng(8).standard_normal((2, 2, 1, 400))
    estimates = gain * (references + level * noise)
    ratios = metrics.scale_invariant_ratios(references, estimates)
    for source, (truth, part) in enumerate(zip(references[:, 0], noise[:, 0], strict=True)):
        residual = level * (part - truth * (part @ truth) / (truth @ truth))
        alpha = 1 + level * (part @ truth) / (truth @ truth)
        expected = 10 * np.log10(alpha**2 * (truth @ truth) / (residual @ residual))
        assert ratios.si_sdr[source] == pytest.approx(expected, abs=1e-4)


# Levels.

Metric = Callable[[Any, Any], Floats]


def framewise(references: Any, estimates: Any) -> Floats:
    return metrics.framewise_sdr(references, estimates, window=300, hop=300)


def images(references: Any, estimates: Any) -> Floats:
    ratios = metrics.bss_eval_v4(references, estimates, window=300, hop=300, filter_length=8)
    return np.array(ratios[:4])


def sources(references: Any, estimates: Any) -> Floats:
    evaluation = metrics.BSSEval(references, window=300, hop=300, filter_length=8)
    return np.array(evaluation.compute_sources(evaluation.examine_all(estimates)))


def scale_invariant(references: Any, estimates: Any) -> Floats:
    return np.array(metrics.scale_invariant_ratios(references, estimates))


each_metric = pytest.mark.parametrize(
    "metric", [framewise, metrics.usdr, scale_invariant, images, sources]
)


@each_metric
@pytest.mark.parametrize("gain", [1e-130, 1e-45, 1e-38, 1e-30, 1e30, 1e130])
def test_ratios_do_not_depend_on_the_level(metric: Metric, gain: float) -> None:
    references, noise = np.random.default_rng(9).standard_normal((2, 2, 2, 900))
    estimates = references + 0.3 * noise
    expected = metric(references, estimates)
    np.testing.assert_allclose(
        metric(gain * references, gain * estimates), expected, rtol=0, atol=1e-6
    )


@each_metric
@pytest.mark.parametrize("gain", [1e-140, 1e-160, 1e-170, 1e-300, 5e-324])
def test_what_is_too_quiet_for_its_energy_to_be_a_float_has_no_ratios(
    metric: Metric, gain: float
) -> None:
    """None would be better than a perfect one, whose error is too quiet."""
    references, noise = np.random.default_rng(9).standard_normal((2, 2, 2, 900))
    estimates = references + 1e-9 * noise
    assert np.isnan(metric(gain * references, gain * estimates)).all()
    ratios = metrics.scale_invariant_ratios(references, gain * estimates)
    assert np.isnan([ratios.si_sdr, ratios.si_sir, ratios.si_sar]).all()
    np.testing.assert_allclose(ratios.snr, 0, atol=1e-9)


def test_only_the_windows_that_are_too_quiet_have_no_ratios() -> None:
    references, noise = np.random.default_rng(9).standard_normal((2, 2, 2, 900))
    estimates = references + 0.1 * noise
    expected = framewise(references, estimates)
    for quiet in (1e-125, 1e-170):
        # The first source decays, the second does not.
        gains = np.array([[1, 1e-40, quiet], [1, 1, 1]]).repeat(300, axis=1)[:, None]
        quieter = gains * references, gains * estimates
        sdr, isr, sir, sar, _ = metrics.bss_eval_v4(*quieter, window=300, hop=300, filter_length=8)
        np.testing.assert_allclose(sdr, framewise(*quieter))
        silent = np.zeros((2, 3), bool)
        silent[0, 2] = quiet < 1e-135
        for ratio in (sdr, isr, sir, sar):
            np.testing.assert_array_equal(np.isnan(ratio), silent)
            assert np.isfinite(ratio[~silent]).all()
        np.testing.assert_allclose(sdr[~silent], expected[~silent], atol=1e-6)


def test_windows_that_are_too_quiet_do_not_choose_the_order() -> None:
    references, noise = np.random.default_rng(5).standard_normal((2, 2, 1, 1200))
    gains = np.array([1, 1e-161, 1e-161, 1e-161]).repeat(300)
    estimates = gains * (references + 3 * noise + references[::-1])
    evaluation = metrics.BSSEval(gains * references, window=300, hop=300, filter_length=2)
    expected = metrics.BSSEval(references[..., :300], window=300, hop=300, filter_length=2)
    for order in ([0, 1], [1, 0]):
        found = evaluation.find_best_permutation(estimates[order])
        np.testing.assert_array_equal(
            found, expected.find_best_permutation(estimates[order, :, :300])
        )


# Mono.

MONO: dict[str, Callable[..., Any]] = {
    "usdr": metrics.usdr,
    "framewise": framewise,
    "scale_invariant": scale_invariant,
    "images": images,
    "sources": sources,
    "v3 images": lambda *pair: np.array(metrics.bss_eval_images(*pair)),
    "v3 sources": lambda *pair: np.array(metrics.bss_eval_sources(*pair)),
    "regularized": lambda *pair: np.array(
        metrics.bss_eval_v4_regularized(*pair, window=300, hop=300, filter_length=8)[:4]
    ),
    "permutation": lambda references, estimates: metrics.BSSEval(
        references, window=300, hop=300, filter_length=8
    ).find_best_permutation(estimates),
}


@pytest.mark.filterwarnings("ignore::oracle.metrics.IllConditionedWarning")
@pytest.mark.parametrize("metric", MONO.values(), ids=MONO)
def test_mono_signals_need_no_axis_of_channels(metric: Callable[..., Any]) -> None:
    references, noise = np.random.default_rng(9).standard_normal((2, 3, 900))
    estimates = references[::-1] + 0.3 * noise
    expected = metric(references[:, None], estimates[:, None])
    np.testing.assert_array_equal(metric(references, estimates), expected)
    np.testing.assert_array_equal(metric(list(references), list(estimates)), expected)
    np.testing.assert_array_equal(metric(references, estimates[:, None]), expected)


@pytest.mark.parametrize("metric", MONO.values(), ids=MONO)
def test_mono_signals_have_their_samples_last(metric: Callable[..., Any]) -> None:
    signals = np.random.default_rng(9).standard_normal((900, 3))
    with pytest.raises(ValueError, match=r"^references must have shape .*: more sources than samp"):
        metric(signals, signals)
