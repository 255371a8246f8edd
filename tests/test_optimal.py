"""Optimal masks: the adjoint, exact solvers, enumeration, certificates under attack, errors."""

import dataclasses
import math
import re
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import scipy.optimize
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from optimal_problems import (
    ROUNDING,
    SMALL,
    SMALL_STFTS,
    WINDOWS,
    Float64s,
    Problem,
    assert_certified,
    least_of,
    made_stft,
    noise,
    problem_of,
    problems,
    stfts,
)

import oracle.optimal.certificates
import oracle.optimal.synthesis
from oracle import STFT, Track, masks, metrics, separate
from oracle.metrics.windows import window_starts
from oracle.optimal import OptimalMask, framewise_ceiling, optimal_mask
from oracle.optimal.binary import _norms, best_binary
from oracle.optimal.ceilings import certify_window
from oracle.optimal.certificates import least_error, least_error_of_cone
from oracle.optimal.classes import MaskClass
from oracle.optimal.descent import _Descent, descend
from oracle.optimal.goals import Goal
from oracle.optimal.problems import Problem as ProblemNearOne
from oracle.optimal.synthesis import Synthesis
from oracle.tracks.track import Audio

# Rounding of a transform and its adjoint, relative to the norms of both sides.
ADJOINT = 1e-12
# How near the errors of the descent and of an exact solver come, relative, and both in dB.
EXACT, EXACT_DB = 1e-6, 1e-5
# The same of the cone, where descent is slower.
CONE, CONE_DB = 1e-4, 1e-3
# The estimate that the STFT of the mask makes, relative to the mixture, in units of eps.
ESTIMATE = 100
# Known ceilings of the real track: other orders of summation, and a tolerance of 0.001 dB.
KNOWN_DB = 0.002

# (n_fft, hop_length): half, three quarters; odd hops; odd lengths; the shortest.
SIZES = ((16, 8), (16, 4), (16, 5), (15, 7), (15, 4), (9, 3), (4, 2), (2, 1), (3, 1))
# Shorter than a window, one sample, odd; the longest has more frames than a block.
LENGTHS = (1, 2, 7, 50, 333)

each_window = pytest.mark.parametrize("window", WINDOWS, ids=str)
each_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])
each_shared = pytest.mark.parametrize("shared", [False, True], ids=["each", "shared"])
each_metric = pytest.mark.parametrize("metric", ["SDR", "SI-SDR"])

BLOCK_SAMPLES = oracle.optimal.synthesis.BLOCK_SAMPLES

pytestmark = pytest.mark.usefixtures("small_blocks")


def synthesis_of(
    stft: STFT, mixture: Audio, *, shared: bool = False, level: int = 0, **options: Any
) -> Synthesis:
    return Synthesis(stft, mixture, MaskClass(shared=shared), level=level, **options)


def box(maximum: float) -> MaskClass:
    return MaskClass(maximum=maximum)


# The map and its adjoint.


def assert_adjoint(synthesis: Synthesis, n_samples: int, rng: np.random.Generator) -> None:
    scaled: Any = rng.standard_normal(synthesis.magnitude.shape)
    residual: Float64s = rng.standard_normal((len(synthesis.phase), n_samples))
    forward, adjoint = synthesis.forward(scaled), synthesis.adjoint(residual)
    assert forward.shape == residual.shape
    assert adjoint.shape == scaled.shape
    size = np.linalg.norm(forward) * np.linalg.norm(residual)
    size += np.linalg.norm(adjoint) * np.linalg.norm(scaled)
    assert abs(np.vdot(forward, residual) - np.vdot(scaled, adjoint)) <= ADJOINT * size


@each_shared
@each_window
def test_adjoint_has_the_inner_products_of_the_map(
    window: str | tuple[Any, ...], shared: bool, rng: np.random.Generator
) -> None:
    sizes = [*SIZES, (64, 64), (9, 9)] if window == "boxcar" else SIZES
    stfts = [made_stft(*size, window) for size in sizes]
    assert len([each for each in stfts if each]) >= 4
    for stft in filter(None, stfts):
        for n_samples in LENGTHS:
            for n_channels in (1, 3):
                mixture = rng.standard_normal((n_channels, n_samples))
                assert_adjoint(synthesis_of(stft, mixture, shared=shared), n_samples, rng)


@settings(max_examples=150, deadline=None)
@given(stft=stfts(), n_samples=st.integers(1, 400), shared=st.booleans(), data=st.data())
def test_adjoint_has_the_inner_products_of_the_map_of_any_part(
    stft: STFT, n_samples: int, shared: bool, data: st.DataObject
) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    start = data.draw(st.integers(0, n_samples - 1))
    stop = data.draw(st.integers(start + 1, n_samples))
    mixture = rng.standard_normal((2, n_samples))
    whole = synthesis_of(stft, mixture, shared=shared)
    part = synthesis_of(stft, mixture, shared=shared, piece=slice(start, stop))
    assert_adjoint(part, stop - start, rng)
    # It is a part of the whole map, and no other frame reaches into it.
    scaled: Any = rng.standard_normal(whole.magnitude.shape)
    np.testing.assert_allclose(
        part.forward(scaled[:, part.frames]),
        whole.forward(scaled)[:, start:stop],
        atol=ADJOINT * np.abs(scaled).max() * 100,
    )


@settings(max_examples=100, deadline=None)
@given(problem=problems(longest=300, most_channels=3), seed=st.integers(0, 2**32 - 1))
def test_map_of_a_scaled_mask_is_the_inverse_stft_of_the_masked_mixture(
    problem: Problem, seed: int
) -> None:
    mixture = problem.mixture.astype(np.float64)
    synthesis = synthesis_of(problem.stft, mixture, shared=problem.shared)
    mask = np.random.default_rng(seed).standard_normal(problem.shape)
    scaled = mask.swapaxes(-1, -2)[:, synthesis.frames] * synthesis.magnitude
    size = np.abs(mixture).max() * np.abs(mask).max() * problem.stft.n_fft
    np.testing.assert_allclose(
        synthesis.forward(scaled), problem.estimate(mask), rtol=0, atol=ROUNDING * size
    )


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(stft=stfts(), n_samples=st.integers(1, 100), data=st.data())
def test_nothing_grows_more_than_the_steps_allow(
    stft: STFT, n_samples: int, data: st.DataObject
) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    start = data.draw(st.integers(0, n_samples - 1))
    stop = data.draw(st.integers(start + 1, n_samples))
    mixture = rng.standard_normal((1, n_samples))
    for cut in (None, slice(start, stop)):
        synthesis = synthesis_of(stft, mixture, piece=cut)
        scaled: Any = rng.standard_normal(synthesis.magnitude.shape)
        for _ in range(20):  # towards what grows most
            audio = synthesis.forward(scaled)
            size = float((synthesis.weights * scaled**2 / synthesis.step).sum())
            assert (audio**2).sum() <= size * (1 + 1e-8)
            scaled = synthesis.adjoint(audio) / synthesis.weights * synthesis.step


def test_bins_up_to_the_floor_of_their_frame_count_as_zero() -> None:
    mixture = noise(2, 100)[0]
    mixture[:, 50:] *= 1e-3
    spectra = SMALL.forward(mixture).swapaxes(-1, -2)
    sizes = np.abs(spectra)
    norms = np.linalg.norm(sizes, axis=-1, keepdims=True)
    loud = sizes > 0.2 * norms
    assert 0.2 < loud.mean() < 0.8
    for shared in (False, True):
        synthesis = synthesis_of(SMALL, mixture, shared=shared, floor=0.2)
        magnitude = np.where(loud, sizes, 0)
        if shared:
            magnitude = np.linalg.norm(magnitude, axis=0, keepdims=True)
            silent = np.broadcast_to(magnitude, loud.shape) == 0
        else:
            silent = ~loud
        np.testing.assert_allclose(synthesis.magnitude, magnitude, atol=1e-12)
        assert not synthesis.phase[silent].any()
        assert synthesis.phase[~silent].all()
        everything = synthesis_of(SMALL, mixture, shared=shared, floor=1.0)
        assert not everything.magnitude[:, 1:-1].any()


@each_shared
def test_map_in_double_precision_is_that_of_the_same_samples(shared: bool) -> None:
    mixture = noise(2, 100)[0].astype(np.float32)
    single = synthesis_of(SMALL, mixture, shared=shared, piece=slice(20, 71))
    double = single.in_double()
    expected = synthesis_of(SMALL, mixture.astype(np.float64), shared=shared, piece=slice(20, 71))
    for attribute in ("magnitude", "phase", "squares", "inverse_squares"):
        actual = getattr(double, attribute)
        assert actual.dtype.itemsize in (8, 16)
        np.testing.assert_allclose(actual, getattr(expected, attribute), rtol=1e-12, atol=1e-12)
    assert double.step == expected.step
    assert single.magnitude.dtype == np.float32


@pytest.mark.slow
@pytest.mark.parametrize("block_frames", [1, 2, 1000])
@each_shared
def test_result_does_not_depend_on_blocks(
    block_frames: int, shared: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = problem_of(2, 301, shared=shared)

    def results() -> tuple[Any, ...]:
        ceiling = framewise_ceiling(
            problem.sources, problem.mixture, stft=SMALL, shared=shared, window=70, hop=35
        )
        binary = problem.solve(binary=True)
        cone = problem.solve(metric="SI-SDR", maximum=math.inf, max_iterations=100)
        best = problem.solve()
        every = (best, binary, cone)
        return *(each for o in every for each in (o.mask, o.achieved, o.certified)), *ceiling

    expected = results()
    monkeypatch.setattr(oracle.optimal.synthesis, "BLOCK_SAMPLES", 16 * block_frames)
    for actual, desired in zip(results(), expected, strict=True):
        np.testing.assert_allclose(actual, desired, rtol=0, atol=1e-6)


@pytest.mark.slow
@each_metric
def test_result_does_not_depend_on_workers(metric: str) -> None:
    problem = problem_of(2, 1001, dtype=np.float32)
    alone = problem.solve(metric=metric, max_iterations=60)
    for workers in (2, -1):
        many = problem._replace(stft=dataclasses.replace(SMALL, workers=workers))
        for actual, desired in zip(
            many.solve(metric=metric, max_iterations=60), alone, strict=True
        ):
            np.testing.assert_array_equal(actual, desired)
        arguments: dict[str, Any] = {"window": 150, "hop": 50}
        np.testing.assert_array_equal(
            framewise_ceiling(problem.sources, problem.mixture, stft=many.stft, **arguments),
            framewise_ceiling(problem.sources, problem.mixture, stft=SMALL, **arguments),
        )


# Exact solvers.


def exact_error(problem: Problem, maximum: float) -> float:
    """The least error by the active sets of scipy, shown to be least by its own multipliers."""
    matrix, source = problem.matrix(), problem.sources.astype(np.float64).ravel()
    found = scipy.optimize.lsq_linear(
        matrix, source, (0, maximum), method="bvls", tol=1e-15, max_iter=10000
    )
    residual = source - matrix @ found.x
    ascent = matrix.T @ residual
    slack = np.where(ascent > 0, maximum - found.x, found.x) * np.abs(ascent)
    assert slack.sum() <= 1e-9 * problem.energy
    return float(residual @ residual)


@each_shared
@pytest.mark.parametrize("maximum", [1, 0.5, 3])
@pytest.mark.parametrize("stft", SMALL_STFTS, ids=str)
def test_least_error_in_a_box_is_that_of_an_exact_solver(
    stft: STFT, maximum: float, shared: bool
) -> None:
    for n_channels, n_samples in ((1, 27), (2, 20)):
        problem = problem_of(n_channels, n_samples, stft=stft, shared=shared, seed=n_samples)
        error = exact_error(problem, maximum)
        optimum = problem.solve(maximum=maximum, tolerance=1e-6, max_iterations=50000)
        assert optimum.converged.all()
        exact = 10 * math.log10(problem.energy / error)
        (achieved,), (certified,) = optimum.achieved, optimum.certified
        assert exact - EXACT_DB <= achieved <= exact + 1e-9
        assert exact - 1e-9 <= certified <= exact + EXACT_DB
        assert problem.error(optimum.mask[0]) == pytest.approx(error, rel=EXACT)
        assert least_of(problem, certified) == pytest.approx(error, rel=EXACT)


@each_shared
@pytest.mark.parametrize("stft", SMALL_STFTS[:4], ids=str)
@pytest.mark.parametrize("sign", [1, -1])
def test_best_si_sdr_is_that_of_an_exact_solver(stft: STFT, shared: bool, sign: int) -> None:
    problem = problem_of(2, 20, stft=stft, shared=shared)
    problem = problem._replace(sources=sign * problem.sources)
    source, matrix = problem.sources.ravel(), problem.matrix()
    error = min(float(scipy.optimize.nnls(matrix, side * source)[1]) ** 2 for side in (1, -1))
    exact = 10 * math.log10((problem.energy - error) / error)
    optimum = problem.solve(
        metric="SI-SDR", maximum=math.inf, tolerance=CONE_DB, max_iterations=20000
    )
    (achieved,), (certified,) = optimum.achieved, optimum.certified
    assert optimum.converged.all()
    assert exact - CONE_DB <= achieved <= exact + 1e-9
    assert exact - 1e-9 <= certified <= exact + CONE_DB
    found = metrics.scale_invariant_ratios(problem.sources, problem.estimate(optimum.mask[0])[None])
    assert found.si_sdr[0] == pytest.approx(achieved, abs=1e-9)


@pytest.mark.slow
@each_shared
@pytest.mark.parametrize("maximum", [0.5, 1, 2, 100])
@pytest.mark.parametrize("stft", SMALL_STFTS[:4], ids=str)
def test_best_si_sdr_below_a_maximum_is_that_of_an_exact_solver(
    stft: STFT, maximum: float, shared: bool
) -> None:
    problem = problem_of(2, 20, stft=stft, shared=shared, seed=20)
    opposite = problem._replace(sources=-problem.sources)

    def dual(logarithm: float, of: Problem) -> float:
        """Bound the error of masks that are at most the maximum at their best scale."""
        stretch = math.exp(logarithm)
        error = exact_error(of._replace(sources=stretch * of.sources), maximum)
        return -(error - (stretch - 1) ** 2 * problem.energy) / (2 * stretch - 1)

    # The least error of the class is the largest of these bounds, if there is one; where they
    # rise for ever, all masks that are any good are too large at their best scale.
    largest = [
        scipy.optimize.minimize_scalar(
            dual, bounds=(0, math.log(1e3)), args=(each,), method="bounded", options={"xatol": 1e-7}
        )
        for each in (problem, opposite)
    ]
    error = -max(found.fun for found in largest)
    proven = all(found.x < math.log(900) for found in largest)
    assert proven or maximum < 1
    exact = 10 * math.log10((problem.energy - error) / error)
    for each in (problem, opposite):
        optimum = each.solve(
            metric="SI-SDR", maximum=maximum, tolerance=CONE_DB, max_iterations=20000
        )
        (achieved,), (certified,) = optimum.achieved, optimum.certified
        assert exact - 1e-6 <= certified <= exact + (CONE_DB if proven else 0.02)
        assert exact - (CONE_DB if proven else 0.5) <= achieved <= exact + 1e-6
        assert optimum.converged.all() == proven
        assert_member(each, optimum, maximum)


def best_scale(source: Float64s, estimate: Float64s) -> float:
    """At which the error of an estimate, or of the opposite, is least."""
    return float((source * estimate).sum() / (estimate**2).sum())


def assert_member(problem: Problem, optimum: OptimalMask, maximum: float) -> None:
    """The mask is in its limits, at its best scale, and what is said of it is true of it."""
    mask, source = optimum.mask[0].astype(np.float64), problem.sources[0].astype(np.float64)
    assert 0 <= mask.min() <= mask.max() <= maximum
    estimate = problem.estimate(mask)
    eps = float(np.finfo(problem.mixture.dtype).eps)
    size = max(np.abs(problem.mixture).max() * mask.max(), np.abs(source).max())
    atol = ESTIMATE * eps * size + float(np.finfo(problem.mixture.dtype).smallest_subnormal)
    np.testing.assert_allclose(optimum.estimate[0], estimate, rtol=0, atol=atol)
    if not mask.any():
        assert np.isnan(optimum.achieved[0])
        return
    rounding = math.sqrt(estimate.size) * size / np.linalg.norm(estimate)
    assert abs(best_scale(source, estimate)) == pytest.approx(1, abs=ESTIMATE * eps * rounding)
    score = metrics.scale_invariant_ratios(source[None], estimate[None]).si_sdr[0]
    if score < 60:
        assert optimum.achieved[0] == pytest.approx(score, abs=1e-2 if eps > 1e-10 else 1e-6)


@pytest.mark.slow
@each_shared
@pytest.mark.parametrize("max_iterations", [1, 100, 400])
def test_si_sdr_is_certified_for_both_signs(shared: bool, max_iterations: int) -> None:
    """Of signals that have nothing to do with each other either sign may be the better."""
    signs = set()
    for seed in range(30):
        source, mixture = noise(1, 14, seed=seed)
        problem = Problem(SMALL_STFTS[0], source[None], mixture, shared)
        matrix, energy = problem.matrix(), problem.energy
        errors = [
            float(scipy.optimize.nnls(matrix, sign * source.ravel())[1]) ** 2 for sign in (1, -1)
        ]
        signs.add(errors[0] < errors[1])
        exact = 10 * math.log10((energy - min(errors)) / min(errors))
        optimum = problem.solve(metric="SI-SDR", maximum=math.inf, max_iterations=max_iterations)
        (achieved,), (certified,) = optimum.achieved, optimum.certified
        assert achieved <= exact + 1e-9
        assert certified >= exact - 1e-9
        assert optimum.converged[0] == (certified - achieved <= 0.01)
        limited = problem.solve(metric="SI-SDR", max_iterations=max_iterations)
        assert limited.achieved[0] <= min(limited.certified[0], exact + 1e-9)
        assert limited.converged[0] == (limited.certified[0] - limited.achieved[0] <= 0.01)
    assert signs == {True, False}


@pytest.mark.parametrize("max_iterations", [1, 60])
def test_rounding_of_a_single_sample_proves_nothing_of_si_sdr(max_iterations: int) -> None:
    """Any mask makes a multiple of the source of it, and what is left to prove is rounding."""
    stfts = (*SMALL_STFTS, STFT(n_fft=2, hop_length=2, window="hamming", workers=1))
    for seed, stft in enumerate(10 * stfts):
        source, mixture = noise(1, 1, seed=seed)
        optimum = optimal_mask(
            source[None],
            mixture,
            stft=stft,
            metric="SI-SDR",
            maximum=math.inf,
            max_iterations=max_iterations,
        )
        assert optimum.certified == np.inf


def formula(problem: Problem, residual: Float64s, maximum: float) -> float:
    """The certificate as it is written, channel by channel, with the map in full."""
    matrix, source = problem.matrix(), problem.sources.astype(np.float64)[0]
    n_channels = len(source)
    q = np.maximum(matrix.T @ residual.ravel(), 0)
    if problem.shared:
        gain = float(np.vdot(residual, source) - maximum * q.sum())
        return max(gain, 0) ** 2 / float(np.vdot(residual, residual))
    gains = (residual * source).sum(axis=1) - maximum * q.reshape(n_channels, -1).sum(axis=1)
    return float((np.maximum(gains, 0) ** 2 / (residual**2).sum(axis=1)).sum())


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(problem=problems(), maximum=st.sampled_from([0.3, 1.0, 4.0]), part=st.floats(0, 1))
def test_certificate_is_its_formula_but_for_rounding(
    problem: Problem, maximum: float, part: float
) -> None:
    synthesis = synthesis_of(problem.stft, problem.mixture, shared=problem.shared)
    source = problem.sources.astype(np.float64)[0]
    mask = part * np.random.default_rng(0).random(problem.shape)
    residual = source - problem.estimate(mask)
    assume((np.abs(residual).max(axis=1) > 1e-6 * np.abs(source).max()).all())
    exact = formula(problem, residual, maximum)
    found = least_error(
        synthesis,
        problem.sources[0],
        residual,
        masks=MaskClass(maximum=maximum, shared=problem.shared),
    )
    energy = problem.energy + float((problem.mixture.astype(np.float64) ** 2).sum())
    assert exact - 1e-10 * energy <= found <= exact + 1e-12 * energy


@each_shared
def test_certificate_of_the_cone_is_its_formula(shared: bool) -> None:
    """Less as much of D x as brings the last bin to 0, and none if all are below it."""
    problem = problem_of(2, 50, shared=shared)
    mixture, matrix = problem.mixture, problem.matrix()
    synthesis = synthesis_of(SMALL, mixture, shared=shared)
    squares = synthesis.squares[synthesis.inside]
    for start in (-mixture, *(noise(2, 50, seed=seed)[0] for seed in range(1, 6))):
        gains, sizes = (matrix.T @ (each * squares).ravel() for each in (start, mixture))
        heard = sizes > 1e-9 * sizes.max()
        needs = np.where(heard, gains, 0) / np.where(heard, sizes, 1)
        needs = np.maximum(needs.reshape(1 if shared else 2, -1).max(axis=1), 0)
        residual = (start - needs[:, None] * mixture) * squares
        # Of a source that is not too far from this there is something to prove.
        source = residual / np.abs(residual).max(axis=1, keepdims=True) + 0.1 * mixture
        inner, size = (residual * source).sum(axis=1), (residual**2).sum(axis=1)
        if shared:
            inner, size = inner.sum(keepdims=True), size.sum(keepdims=True)
        assert (inner > 0).all()
        exact = float((inner**2 / size).sum())
        found = least_error_of_cone(synthesis, source, start * squares)
        assert found == pytest.approx(exact, rel=1e-9)


def test_certificates_give_away_what_rounding_may_take() -> None:
    """Where the exact bound is the energy of the source, the certificate is a little less."""
    problem = problem_of(1, 50)
    source: Any = problem.sources[0]
    energy = problem.energy
    silent = synthesis_of(SMALL, np.zeros_like(source))
    found = least_error(silent, source, source, masks=box(1))
    assert energy * (1 - 1e-11) < found < energy
    # With a mixture that points away from it in every bin no mask is of use, however large.
    away = synthesis_of(SMALL, -source)
    source = source * silent.squares[silent.inside]
    energy = float((source**2).sum())
    found = least_error(away, source, source, masks=box(1e6))
    assert energy * (1 - 1e-4) < found < energy * (1 - 1e-8)


# Attacks on certificates.


def masks_of(problem: Problem, maximum: float, rng: np.random.Generator) -> list[Any]:
    """Masks of a class: random ones, and those of oracle.masks."""
    source, mixture = problem.sources[0].astype(np.float64), problem.mixture.astype(np.float64)
    spectra = problem.stft.forward(np.stack([source, mixture - source]))
    spectrum = problem.stft.forward(mixture)
    closed = [
        masks.ideal_binary_mask(spectra, spectrum),
        masks.sisec_binary_mask(spectra, spectrum),
        masks.ideal_ratio_mask(spectra, spectrum, power=1),
        masks.ideal_ratio_mask(spectra, spectrum, power=2),
        masks.ideal_amplitude_mask(spectra, spectrum, clip=(0, maximum)),
        masks.phase_sensitive_mask(spectra, spectrum, clip=(0, maximum)),
        masks.optimal_binary_mask(spectra, spectrum),
        masks.uniform_mask(spectra, spectrum),
    ]
    found = [np.minimum(mask[0], maximum) for mask in closed]
    if problem.shared:
        found = [mask.mean(axis=0, keepdims=True) for mask in found]
    random = [rng.random(problem.shape) * maximum, rng.integers(0, 2, problem.shape) * maximum]
    return [*found, *random, np.zeros(problem.shape), np.full(problem.shape, maximum)]


def adversaries(
    problem: Problem, mask: npt.NDArray[Any], maximum: float, rng: np.random.Generator
) -> list[npt.NDArray[Any]]:
    """Masks near one: downhill, with random bins at the limits, and by coordinate descent."""
    matrix, source = problem.matrix(), problem.sources.astype(np.float64).ravel()
    flat = mask.astype(np.float64).ravel()
    downhill = matrix.T @ (source - matrix @ flat)
    downhill /= max(np.abs(downhill).max(), 1e-300)
    found = [np.clip(flat + step * downhill, 0, maximum) for step in (1e-3, 1e-1, 1, 10)]
    for portion in (0.02, 0.5):
        flips = rng.random(flat.shape) < portion
        found.append(np.where(flips, rng.integers(0, 2, flat.shape) * maximum, flat))
    flat, residual = flat.copy(), source - matrix @ flat
    squares = (matrix**2).sum(axis=0)
    for index in 3 * [*np.flatnonzero(squares > 1e-12 * squares.max())]:
        column = matrix[:, index]
        value = np.clip(flat[index] + column @ residual / squares[index], 0, maximum)
        residual -= (value - flat[index]) * column
        flat[index] = value
    return [each.reshape(problem.shape) for each in (*found, flat)]


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(
    problem=problems(),
    maximum=st.sampled_from([1, 1, 0.3, 0.5, 3, 100.0]),
    max_iterations=st.sampled_from([1, 3, 50]),
    seed=st.integers(0, 2**32 - 1),
)
def test_no_mask_exceeds_the_certificate(
    problem: Problem, maximum: float, max_iterations: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    optimum = problem.solve(maximum=maximum, max_iterations=max_iterations)
    certified = float(optimum.certified[0])
    best = np.minimum(optimum.mask[0].astype(np.float64), maximum)
    assert optimum.iterations[0] <= max_iterations
    for mask in (best, *masks_of(problem, maximum, rng)):
        assert_certified(problem, mask, certified)
    for mask in adversaries(problem, best, maximum, rng):
        assert_certified(problem, mask, certified)


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(
    problem=problems(),
    maximum=st.sampled_from([0.5, 1.0, 3.0, None, math.inf]),
    max_iterations=st.sampled_from([1, 60, 300]),
    flipped=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_no_mask_exceeds_the_certificate_of_si_sdr(
    problem: Problem,
    maximum: float | None,
    max_iterations: int,
    flipped: bool,
    seed: int,
) -> None:
    """Up to the maximum at its best scale, with either sign."""
    rng = np.random.default_rng(seed)
    if flipped:
        problem = problem._replace(sources=-problem.sources)
    optimum = problem.solve(metric="SI-SDR", maximum=maximum, max_iterations=max_iterations)
    largest = 100.0 if maximum is None else maximum
    limit = min(largest, 1e6)
    candidates = [*masks_of(problem, limit, rng)]
    candidates += masks_of(problem._replace(sources=-problem.sources), limit, rng)
    candidates += [10 ** rng.uniform(-8, 8) * rng.random(problem.shape) ** p for p in (1, 4, 16)]
    candidates += adversaries(problem, optimum.mask[0], limit, rng)
    source, least = problem.sources.astype(np.float64), 10 ** (-optimum.certified[0] / 10)
    if np.isnan(least):
        assert not optimum.mask.any()
        return

    def ratio(mask: npt.NDArray[Any]) -> float:
        estimate = problem.estimate(mask)
        scale = abs((estimate * source).sum() / max((estimate**2).sum(), 1e-300))
        if scale * mask.max() > largest:
            return math.nan  # of another class
        return float(metrics.scale_invariant_ratios(source, estimate[None]).si_sdr[0])

    for mask in candidates:
        assert not 10 ** (-ratio(mask) / 10) < least * (1 - 1e-9) - ROUNDING
    # What was found counts in any case.
    assert not 10 ** (-optimum.achieved[0] / 10) < least * (1 - 1e-9) - ROUNDING


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(
    problem=problems(),
    maximum=st.sampled_from([0.5, 1.0, 3.0, 100.0]),
    max_iterations=st.sampled_from([1, 60, 300]),
    flipped=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_mask_of_si_sdr_is_of_the_class_that_is_certified_and_at_its_best_scale(
    problem: Problem, maximum: float, max_iterations: int, flipped: bool, seed: int
) -> None:
    if flipped:
        problem = problem._replace(sources=-problem.sources)
    optimum = problem.solve(metric="SI-SDR", maximum=maximum, max_iterations=max_iterations)
    assert_member(problem, optimum, maximum)
    assert optimum.iterations[0] <= max_iterations
    achieved, certified = optimum.achieved[0], optimum.certified[0]
    least = 10 ** (-certified / 10)
    assert not 10 ** (-achieved / 10) < least * (1 - 1e-9) - ROUNDING
    if achieved < 100:
        assert optimum.converged[0] == (certified - achieved <= 0.01)
    # Masks near it, and ones that are larger where they may be, at the best scale of each.
    rng = np.random.default_rng(seed)
    source, mask = problem.sources[0].astype(np.float64), optimum.mask[0].astype(np.float64)
    near = adversaries(problem, mask, maximum, rng)
    near += [np.minimum(mask * gain, maximum) for gain in (0.5, 1.01, 1.5, 10)]
    near += [mask * rng.uniform(0.5, 1.5, mask.shape) for _ in range(5)]
    for each in near:
        estimate = problem.estimate(each)
        if (estimate**2).any() and abs(best_scale(source, estimate)) * each.max() <= maximum:
            score = float(metrics.scale_invariant_ratios([source], [estimate]).si_sdr[0])
            assert not 10 ** (-score / 10) < least * (1 - 1e-9) - ROUNDING


@pytest.mark.slow
@settings(max_examples=80, deadline=None)
@given(
    problem=problems(),
    maximum=st.sampled_from([1.0, 0.5, 3.0]),
    scale=st.sampled_from([0.0, 1e-60, 1e-6, 1.0, 1e6, 1e60]),
    near=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_no_dual_point_proves_too_much(
    problem: Problem, maximum: float, scale: float, near: bool, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    synthesis = synthesis_of(problem.stft, problem.mixture, shared=problem.shared)
    source = problem.sources[0].astype(np.float64)
    best = problem.solve(maximum=maximum, tolerance=1e-5).mask[0]
    residual = rng.standard_normal(source.shape)
    if near:
        residual = source - problem.estimate(best) + 1e-3 * np.abs(source).max() * residual
    error = problem.error(best) + ROUNDING * problem.energy
    masks = MaskClass(maximum=maximum, shared=problem.shared)
    least = least_error(synthesis, source, scale * residual, masks=masks)
    assert 0 <= least <= error
    assert scale != 0 or least == 0
    double = synthesis_of(problem.stft, problem.mixture.astype(float), shared=problem.shared)
    matrix = problem.matrix()
    mask = scipy.optimize.nnls(matrix, source.ravel(), maxiter=10**5)[0]
    # Its own norm of the residual is wrong where columns are next to nothing.
    unlimited = float(((matrix @ mask - source.ravel()) ** 2).sum())
    least = least_error_of_cone(double, source, scale * residual)
    assert 0 <= least <= unlimited + ROUNDING * problem.energy


@pytest.mark.slow
@settings(max_examples=80, deadline=None)
@given(
    problem=problems(longest=90),
    window=st.integers(1, 120),
    hop=st.integers(1, 60),
    maximum=st.sampled_from([1, 1, 0.5, 2]),
    max_iterations=st.sampled_from([1, 3, 50]),
    seed=st.integers(0, 2**32 - 1),
)
def test_no_mask_exceeds_the_ceiling_of_any_window(
    problem: Problem, window: int, hop: int, maximum: float, max_iterations: int, seed: int
) -> None:
    hop = max(hop, window // 4)
    rng = np.random.default_rng(seed)
    cuts: dict[str, Any] = {"window": window, "hop": hop}
    found = framewise_ceiling(
        problem.sources,
        problem.mixture,
        stft=problem.stft,
        maximum=maximum,
        shared=problem.shared,
        max_iterations=max_iterations,
        **cuts,
    )
    (ceiling,) = found.certified
    reached = ~np.isnan(ceiling)
    least = 10 ** (-ceiling[reached] / 10)
    # The estimate that was found is one of float32.
    rounding = 1e-6 * (least + np.sqrt(least)) + 1e-10
    assert (10 ** (-found.achieved[0][reached] / 10) >= least - rounding).all()
    assert ceiling.shape == (len(window_starts(problem.mixture.shape[1], **cuts)),)
    best = problem.solve(maximum=maximum).mask[0]
    for mask in (best, *masks_of(problem, maximum, rng)):
        estimate = problem.estimate(mask)
        (sdr,) = metrics.framewise_sdr(problem.sources, estimate[None], **cuts)
        scored = ~np.isnan(sdr) & ~np.isnan(ceiling)
        assert (
            10 ** (-sdr[scored] / 10) >= 10 ** (-ceiling[scored] / 10) * (1 - 1e-9) - ROUNDING
        ).all()


@pytest.mark.slow
def test_ceilings_are_within_the_tolerance_of_what_masks_of_each_window_achieve() -> None:
    """A mask of samples is one of the whole signal that only these samples are scored of."""
    problem = problem_of(2, 203, seed=3)
    for shared in (False, True):
        for maximum in (1, 2):
            options: dict[str, Any] = {"maximum": maximum, "shared": shared, "stft": SMALL}
            found = framewise_ceiling(
                problem.sources, problem.mixture, window=50, hop=40, tolerance=1e-4, **options
            )
            assert found.converged.all()
            whole = problem._replace(shared=shared)
            matrix = whole.matrix().reshape(2, 203, -1)
            ends = zip(found.achieved[0], found.certified[0], range(0, 160, 40), strict=True)
            for achieved, certified, start in ends:
                cut = slice(start, start + 50)
                source = problem.sources[0, :, cut].ravel()
                error = scipy.optimize.lsq_linear(
                    matrix[:, cut].reshape(100, -1), source, (0, maximum), method="bvls"
                ).cost
                exact = 10 * math.log10(source @ source / (2 * error))
                assert exact - 2e-4 <= achieved <= exact + 1e-6
                assert exact - 1e-6 <= certified <= exact + 2e-4


# Binary masks.


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(
    stft=st.sampled_from([SMALL_STFTS[-1], STFT(n_fft=4, hop_length=2, workers=1)]),
    n_channels=st.integers(1, 2),
    shared=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_best_of_all_binary_masks_lies_between_achieved_and_certified(
    stft: STFT, n_channels: int, shared: bool, seed: int
) -> None:
    problem = problem_of(n_channels, 6 // n_channels, stft=stft, shared=shared, seed=seed)
    matrix, source = problem.matrix(), problem.sources.ravel()
    n_bins = matrix.shape[1]
    every = np.arange(2**n_bins)[:, None] >> np.arange(n_bins) & 1
    best = float(((source - every @ matrix.T) ** 2).sum(axis=1).min())
    optimum = problem.solve(binary=True)
    (achieved,), (certified,) = optimum.achieved, optimum.certified
    assert set(np.unique(optimum.mask)) <= {0, 1}
    assert achieved <= 10 * math.log10(problem.energy / best) + 1e-6 <= certified + 2e-6
    assert optimum.converged[0] == (certified - achieved <= 0.01)


def improvement(problem: Problem, mask: npt.NDArray[Any]) -> float:
    """By how much the best flip of a single bin lowers the error, relative to the source."""
    matrix, flat = problem.matrix(), mask.astype(np.float64).ravel()
    residual = problem.sources.astype(np.float64).ravel() - matrix @ flat
    trials = residual[:, None] - matrix * (1 - 2 * flat)
    return float((residual @ residual - (trials**2).sum(axis=0)).max() / problem.energy)


@each_shared
@each_dtype
@pytest.mark.parametrize("stft", [*SMALL_STFTS, SMALL], ids=str)
def test_no_flip_of_a_single_bin_improves_a_binary_mask(
    stft: STFT, dtype: Any, shared: bool
) -> None:
    for seed in range(3):
        problem = problem_of(2, 150, stft=stft, shared=shared, dtype=dtype, seed=seed)
        optimum = problem.solve(binary=True)
        assert set(np.unique(optimum.mask)) == {0, 1}
        assert optimum.mask.dtype == dtype
        assert improvement(problem, optimum.mask[0]) <= (1e-7 if dtype == np.float32 else 1e-9)


@pytest.mark.parametrize("n_fft", [8, 16])
def test_no_flip_improves_a_binary_mask_of_an_impulse(n_fft: int) -> None:
    """Its spectrum is flat: bins far apart rise by the same, and overlap."""
    stft = STFT(n_fft=n_fft, hop_length=n_fft // 2, window="hamming", workers=1)
    source, mixture = np.full((1, 1, 1), 0.41), np.ones((1, 1))
    worst = 0.0
    for n_samples in range(1, n_fft):
        pad = ((0, 0), (0, n_samples - 1))
        problem = Problem(stft, np.pad(source, ((0, 0), *pad)), np.pad(mixture, pad), False)
        worst = max(worst, improvement(problem, problem.solve(binary=True).mask[0]))
    assert worst <= 1e-9


def test_binary_masks_are_certified_by_masks_in_the_unit_interval() -> None:
    problem = problem_of(2, 200)
    real, binary = problem.solve(), problem.solve(binary=True)
    np.testing.assert_array_equal(binary.certified, real.certified)
    assert binary.achieved < real.achieved
    assert not binary.converged[0]
    # They improve on rounding, and on the best bin by bin.
    rounded = (real.mask[0] >= 0.5).astype(float)
    spectra = SMALL.forward(problem.sources)
    closed = masks.optimal_binary_mask(spectra, SMALL.forward(problem.mixture))[0]
    for mask in (rounded, closed):
        error = problem.error(mask)
        assert binary.achieved[0] > 10 * math.log10(problem.energy / error)
    assert problem.solve(binary=True, tolerance=50).converged[0]


@each_shared
@pytest.mark.parametrize("stft", [*SMALL_STFTS, SMALL], ids=str)
def test_norms_of_bins_are_those_of_the_columns_of_the_map(stft: STFT, shared: bool) -> None:
    for n_samples in (1, 5, 120, 400):
        mixture = noise(2, n_samples)[0]
        synthesis = synthesis_of(stft, mixture, shared=shared)
        norms = _norms(synthesis)
        n_frames = norms.shape[1]
        for frame in {0, 1, n_frames // 2, n_frames - 2, n_frames - 1} & set(range(n_frames)):
            for freq in {0, 1, stft.n_freqs // 2, stft.n_freqs - 2, stft.n_freqs - 1}:
                for channel in range(len(norms)):
                    unit = np.zeros_like(norms)
                    unit[channel, frame, freq] = 1
                    expected = (synthesis.forward(unit) ** 2).sum()
                    np.testing.assert_allclose(
                        norms[channel, frame, freq], expected, rtol=1e-9, atol=1e-15
                    )


def test_rounds_of_flips_stop_at_the_maximum() -> None:
    problem = problem_of(1, 200)
    synthesis = synthesis_of(SMALL, problem.mixture)
    start = ProblemNearOne(synthesis, problem.sources[0], box(1), 0).start()
    errors = []
    for rounds in (1, 2, 5, 100):
        scaled, error, taken = best_binary(
            synthesis, problem.sources[0], start, maximum=1, max_iterations=rounds
        )
        assert taken == rounds if rounds < 100 else taken < 100
        audio = synthesis.forward(scaled)
        assert error == pytest.approx(((problem.sources[0] - audio) ** 2).sum(), rel=1e-12)
        errors.append(error)
    assert errors == sorted(errors, reverse=True)


# Special cases.


@each_metric
@each_dtype
def test_silent_source_has_no_score_and_a_mask_of_zeros(metric: str, dtype: Any) -> None:
    sources = noise(2, 50).astype(dtype)
    mixture = sources.sum(axis=0)
    sources[0] = 0
    optimum = optimal_mask(sources, mixture, stft=SMALL, metric=metric)
    assert np.isnan([optimum.achieved[0], optimum.certified[0]]).all()
    assert not optimum.mask[0].any()
    assert not optimum.estimate[0].any()
    assert (optimum.converged[0], optimum.iterations[0]) == (True, 0)
    assert np.isfinite([optimum.achieved[1], optimum.certified[1]]).all()
    if metric == "SDR":
        binary = optimal_mask(sources, mixture, stft=SMALL, binary=True)
        assert np.isnan([binary.achieved[0], binary.certified[0]]).all()
        assert not binary.mask[0].any()
        assert binary.converged[0]


@each_dtype
@pytest.mark.parametrize("binary", [False, True])
def test_silent_mixture_has_zero_decibels(dtype: Any, binary: bool) -> None:
    sources = noise(2, 50).astype(dtype)
    optimum = optimal_mask(sources, np.zeros_like(sources[0]), stft=SMALL, binary=binary)
    np.testing.assert_allclose(optimum.achieved, 0, atol=1e-9)
    np.testing.assert_allclose(optimum.certified, 0, atol=1e-9)
    assert (optimum.certified >= 0).all()
    assert not optimum.mask.any()
    assert not optimum.estimate.any()
    assert optimum.converged.all()


def test_silent_mixture_has_no_si_sdr() -> None:
    sources = noise(2, 50)
    optimum = optimal_mask(sources, np.zeros_like(sources[0]), stft=SMALL, metric="SI-SDR")
    silent = metrics.scale_invariant_ratios(sources, optimum.estimate).si_sdr
    np.testing.assert_array_equal(optimum.achieved, silent)
    assert (optimum.certified < -100).all()
    assert not optimum.mask.any()
    assert optimum.converged.all()


@each_dtype
@each_shared
@pytest.mark.parametrize(("gain", "binary"), [(1, False), (0.5, False), (1, True)])
def test_source_that_is_a_part_of_the_mixture_is_found_perfectly(
    dtype: Any, shared: bool, gain: float, binary: bool
) -> None:
    mixture = noise(2, 200)[0].astype(dtype)
    optimum = optimal_mask(gain * mixture[None], mixture, stft=SMALL, shared=shared, binary=binary)
    assert optimum.achieved > (100 if dtype == np.float32 else 250)
    assert optimum.certified == np.inf
    assert optimum.converged
    assert optimum.iterations == 0
    np.testing.assert_allclose(optimum.mask, gain, atol=1e-4)


@pytest.mark.parametrize("gain", [0.5, 1, 2, -1])
def test_si_sdr_of_the_mixture_at_any_gain_is_perfect(gain: float) -> None:
    mixture = noise(2, 200)[0]
    optimum = optimal_mask(gain * mixture[None], mixture, stft=SMALL, metric="SI-SDR")
    assert optimum.achieved > 250
    assert optimum.certified == np.inf
    assert optimum.converged


@each_dtype
def test_nothing_of_a_mixture_that_points_away_is_of_use(dtype: Any) -> None:
    mixture = noise(2, 200)[0].astype(dtype)
    optimum = optimal_mask(-mixture[None], mixture, stft=SMALL, tolerance=1e-4)
    # Of nearly none: frames overlap, and a few bins help a little.
    assert 0 <= optimum.achieved <= optimum.certified <= optimum.achieved + 1e-4 < 0.01
    assert optimum.converged


def test_orthogonal_source_has_no_si_sdr_and_zero_decibels() -> None:
    """Even in time, about a sample, against odd: no mask with a real even window mixes them."""
    stft = STFT(n_fft=8, hop_length=8, window="boxcar", workers=1)
    mixture, source = np.zeros((2, 1, 20))
    mixture[:, 4:12] = noise(1, 8)[0]  # one frame
    source[:, 14:] = 1  # another
    optimum = optimal_mask(source[None], mixture, stft=stft)
    np.testing.assert_allclose([optimum.achieved, optimum.certified], 0, atol=1e-9)
    optimum = optimal_mask(source[None], mixture, stft=stft, metric="SI-SDR")
    assert optimum.certified < -100
    assert optimum.converged
    assert not optimum.achieved > optimum.certified


def test_twice_the_mixture_is_six_decibels_away_unless_the_mask_may_be_two() -> None:
    for dtype in (np.float32, np.float64):
        mixture = noise(2, 200)[0].astype(dtype)
        optimum = optimal_mask(2 * mixture[None], mixture, stft=SMALL)
        np.testing.assert_allclose(optimum.certified, 20 * math.log10(2), atol=0.01)
        np.testing.assert_allclose(optimum.achieved, 20 * math.log10(2), atol=0.01)
        assert optimum.achieved >= 20 * math.log10(2) - 1e-5  # of a mask of ones
        assert optimum.converged
        optimum = optimal_mask(2 * mixture[None], mixture, stft=SMALL, maximum=2)
        assert optimum.achieved > 100
        assert optimum.certified == np.inf


each_kind = pytest.mark.parametrize(
    "options", [{}, {"binary": True}, {"metric": "SI-SDR", "max_iterations": 60}], ids=str
)


@pytest.mark.slow
@each_kind
@each_dtype
@each_shared
def test_signals_have_the_same_masks_and_scores_at_any_level(
    options: dict[str, Any], shared: bool, dtype: Any
) -> None:
    """Powers of two: not a digit changes; 1e-6, 1e-30, 1e28 and, in double, 1e-270, about."""
    problem = problem_of(2, 300, dtype=dtype, shared=shared)
    expected = problem.solve(**options)
    cuts: dict[str, Any] = {"window": 90, "hop": 50, "stft": SMALL, "shared": shared}
    ceilings = framewise_ceiling(problem.sources, problem.mixture, **cuts)
    for power in (-20, -100, 93, *(dtype == np.float64) * (-900, 900)):
        gain = dtype(2.0**power)
        scaled = problem._replace(sources=gain * problem.sources, mixture=gain * problem.mixture)
        optimum = scaled.solve(**options)
        np.testing.assert_array_equal(optimum.estimate, gain * expected.estimate)
        for name in ("mask", "achieved", "certified", "iterations", "converged"):
            np.testing.assert_array_equal(getattr(optimum, name), getattr(expected, name))
        np.testing.assert_array_equal(
            framewise_ceiling(scaled.sources, scaled.mixture, **cuts), ceilings
        )


@each_dtype
@pytest.mark.parametrize("metric", ["SDR", "SI-SDR"])
@pytest.mark.parametrize("power", [-15, -7, 3, 13])
def test_level_of_the_source_alone_is_that_of_the_maximum(
    metric: str, power: int, dtype: Any
) -> None:
    problem = problem_of(2, 200, dtype=dtype)
    expected = problem.solve(metric=metric, maximum=3, max_iterations=60)
    gain = 2.0**power
    scaled = problem._replace(sources=dtype(gain) * problem.sources)
    optimum = scaled.solve(metric=metric, maximum=3 * gain, max_iterations=60)
    np.testing.assert_array_equal(optimum.mask, dtype(gain) * expected.mask)
    np.testing.assert_array_equal(optimum.estimate, dtype(gain) * expected.estimate)
    np.testing.assert_array_equal(optimum.achieved, expected.achieved)
    np.testing.assert_array_equal(optimum.certified, expected.certified)


@st.composite
def extremes(draw: st.DrawFn) -> Problem:
    """Signals at levels of their own, the whole or the end of which may be next to nothing."""
    problem = draw(problems(longest=90))
    dtype = problem.mixture.dtype
    decades = [-45, -30, -10, 0, 30, *(dtype == np.float64) * (-320, -300, -150)]
    n_samples = problem.mixture.shape[1]
    scaled = []
    for signal in (problem.sources, problem.mixture):
        peak = float(np.abs(signal).max()) or 1.0
        signal = signal.astype(np.float64) / peak
        decay = 10.0 ** -(np.arange(n_samples) * draw(st.sampled_from([0, 0, 0.3, 2, 7])))
        signal = 10.0 ** draw(st.sampled_from(decades)) * decay * signal
        silence = draw(st.integers(0, n_samples))
        scaled.append(np.where(np.arange(n_samples) < silence, signal, 0).astype(dtype))
    return problem._replace(sources=scaled[0], mixture=scaled[1])


def rounding_of(certified: Any) -> Any:
    """How far, in dB, the SDR of an estimate in float32 may be above the certificate."""
    return 1e-5 * 10 ** (np.minimum(certified, 500) / 20)


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(
    problem=extremes(),
    kind=st.sampled_from(["SDR", "SI-SDR", "binary"]),
    maximum=st.sampled_from([1e-3, 1, 3, 1e6]),
    window=st.integers(1, 50),
)
def test_everything_is_finite_or_unproven_at_any_level(
    problem: Problem, kind: str, maximum: float, window: int
) -> None:
    options: dict[str, Any] = {"maximum": maximum}
    if kind == "binary":
        options = {"binary": True}
    elif kind == "SI-SDR":
        options["metric"] = "SI-SDR"
    optimum = problem.solve(max_iterations=20, **options)
    assert np.isfinite(optimum.mask).all()
    assert np.isfinite(optimum.estimate).all()
    assert optimum.mask.max() <= options.get("maximum", 1)
    (achieved,), (certified,) = optimum.achieved, optimum.certified
    silent = not problem.sources.any() or (kind == "SI-SDR" and not optimum.mask.any())
    assert np.isnan([achieved, certified]).all() <= silent
    assert not achieved > certified + rounding_of(certified)
    ceiling = framewise_ceiling(
        problem.sources,
        problem.mixture,
        stft=problem.stft,
        shared=problem.shared,
        window=window,
        hop=max(window // 2, 1),
        max_iterations=6,
    )
    assert not (ceiling.achieved > ceiling.certified + rounding_of(ceiling.certified)).any()
    assert (np.isnan(ceiling.achieved) == np.isnan(ceiling.certified)).all()
    assert (ceiling.certified > -1e-9)[~np.isnan(ceiling.certified)].all()  # of a mask of zeros
    assert not (ceiling.converged & np.isinf(ceiling.certified)).any()


@pytest.mark.slow
def test_the_end_of_a_track_in_float32_has_the_ceilings_of_its_numbers_in_double() -> None:
    """They have but a few digits there, which count."""
    problem = problem_of(2, 300)
    decay = 2.0 ** -(np.arange(300) / 2 + 10)  # 160 powers of two: to nothing
    single = [(decay * each).astype(np.float32) for each in (problem.sources, problem.mixture)]
    assert np.abs(single[1][:, -20:]).max() < 2.0**-143
    double = [np.ldexp(each.astype(np.float64), 100) for each in single]
    cuts: dict[str, Any] = {"window": 20, "hop": 20, "stft": SMALL}
    found, expected = (framewise_ceiling(*each, **cuts) for each in (single, double))
    last = found.certified[0, -3:]
    assert np.isfinite(last).all()
    both = (found.converged & expected.converged)[0]
    assert both.sum() >= 3
    for one, other in ((found, expected), (expected, found)):
        np.testing.assert_allclose(one.certified[0, both], other.certified[0, both], atol=0.02)
        # Where few digits make many steps of it, each still holds for the masks of the other.
        assert (one.certified >= other.achieved - 0.02).all()


def test_bins_that_are_rounding_errors_are_left_out_of_the_cone() -> None:
    """A mask without a maximum could make anything of them."""
    stft = STFT(n_fft=16, hop_length=16, window="boxcar", workers=1)
    turns = np.arange(40) / 16
    mixture, tone = np.cos(2 * np.pi * 2 * turns)[None], np.cos(2 * np.pi * 5 * turns)[None]
    source = np.where((np.arange(40) >= 8) & (np.arange(40) < 24), tone, 0)  # one frame
    options: dict[str, Any] = {"stft": stft, "metric": "SI-SDR", "maximum": math.inf}
    optimum = optimal_mask(source[None], mixture, **options)
    assert optimum.certified < -100
    assert not optimum.mask[0, 0, [0, 1, *range(3, 9)], 1].any()
    optimum = optimal_mask(source[None], mixture + 1e-10 * tone, **options)
    assert optimum.achieved > 60
    assert optimum.mask[0, 0, 5, 1] > 0


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(
    stft=stfts(),
    n_samples=st.integers(1, 40),
    n_channels=st.integers(1, 3),
    dtype=st.sampled_from([np.float32, np.float64]),
    shared=st.booleans(),
    maximum=st.sampled_from([0.3, 0.7, 1, 3]),
    kind=st.sampled_from(["SDR", "SI-SDR", "binary"]),
    seed=st.integers(0, 2**32 - 1),
)
def test_optimum_has_the_shapes_dtypes_ranges_and_scores_that_it_says(
    stft: STFT,
    n_samples: int,
    n_channels: int,
    dtype: Any,
    shared: bool,
    maximum: float,
    kind: str,
    seed: int,
) -> None:
    sources = noise(n_channels, n_samples, seed=seed).astype(dtype)
    mixture = sources.sum(axis=0)
    sources = np.concatenate([sources, sources[:1] + 1])
    problem = Problem(stft, sources, mixture, shared)
    options: dict[str, Any] = {"maximum": maximum} if kind == "SDR" else {}
    if kind == "SI-SDR":
        options["metric"] = "SI-SDR"
    optimum = problem.solve(binary=kind == "binary", max_iterations=60, **options)
    assert optimum.mask.shape == (3, *problem.shape)
    assert optimum.estimate.shape == sources.shape
    assert optimum.mask.dtype == optimum.estimate.dtype == dtype
    assert optimum.achieved.dtype == optimum.certified.dtype == np.float64
    assert optimum.iterations.dtype.kind == "i"
    assert optimum.converged.dtype == bool
    assert all(len(column) == 3 and column.ndim == 1 for column in optimum[2:])
    assert optimum.mask.min() >= 0
    spectra = stft.forward(mixture)
    by_mask = stft.inverse(optimum.mask * spectra, n_samples=n_samples)
    scale = max(1, np.abs(optimum.mask).max()) * np.abs(spectra).max()
    if kind == "SI-SDR":
        scores = metrics.scale_invariant_ratios(sources, optimum.estimate).si_sdr
    else:
        assert optimum.mask.max() <= options.get("maximum", 1)
        scores = metrics.usdr(sources, optimum.estimate)
        assert (optimum.achieved <= optimum.certified + 1e-4)[optimum.certified < 60].all()
    atol = ESTIMATE * float(np.finfo(dtype).eps) * scale
    np.testing.assert_allclose(optimum.estimate, by_mask, rtol=0, atol=atol)
    low = scores < 60
    np.testing.assert_allclose(optimum.achieved[low], scores[low], rtol=0, atol=1e-2)
    # What is achieved is of the estimate before it is rounded to float32.
    low = scores < 50
    if kind != "SI-SDR" or dtype == np.float64:
        atol = 1e-9 if dtype == np.float64 else 1e-4
        np.testing.assert_allclose(optimum.achieved[low], scores[low], rtol=0, atol=atol)


@pytest.mark.parametrize("maximum", [0.3, 0.6, 1.1])
def test_masks_of_float32_do_not_exceed_a_maximum_between_two_numbers(maximum: float) -> None:
    """0.3 of float32 is more than 0.3."""
    assert float(np.float32(maximum)) > maximum
    largest = problem_of(1, 100, dtype=np.float32).solve(maximum=maximum).mask.max()
    assert maximum - 1e-6 < float(largest) <= maximum


def test_converged_says_whether_the_gap_is_within_the_tolerance() -> None:
    problem = problem_of(2, 200)
    for metric, few in (("SDR", 3), ("SI-SDR", 60)):
        for tolerance in (0.3, 0.01):
            optimum = problem.solve(metric=metric, tolerance=tolerance, max_iterations=2000)
            assert optimum.converged
            assert 0 <= optimum.certified - optimum.achieved <= tolerance
            cut_short = problem.solve(metric=metric, tolerance=1e-9, max_iterations=few)
            assert not cut_short.converged
            assert cut_short.iterations == few
            assert cut_short.certified >= optimum.achieved
            assert cut_short.certified - cut_short.achieved > tolerance / 10


@each_metric
def test_defaults_are_a_hundredth_of_a_decibel_and_enough_iterations(metric: str) -> None:
    problem = problem_of(2, 60)
    optimum = problem.solve(metric=metric)
    assert optimum.converged
    assert 1e-4 < optimum.certified - optimum.achieved <= 0.01
    assert optimum.iterations > 10
    assert problem.solve(metric=metric, max_iterations=1000).iterations == optimum.iterations


def test_a_source_that_is_hardly_there_converges_only_within_the_tolerance() -> None:
    """SI-SDR of about -40 dB, of which an error of nearly the whole source tells little."""
    source, mixture = np.zeros((2, 1, 120))
    mixture[:, 60:] = noise(1, 60)[0]
    source[:, 60:] = 0.01 * noise(1, 60)[1]
    source[:, :40] = noise(1, 40)[0]
    optimum = optimal_mask(source[None], mixture, stft=SMALL, metric="SI-SDR", tolerance=0.001)
    assert -45 < optimum.achieved < -35
    assert optimum.converged
    assert optimum.certified - optimum.achieved <= 0.001


def test_a_source_that_is_nearly_found_converges_only_within_the_tolerance() -> None:
    """Of float32 the certificate stays behind: its residual is rounded."""
    for dtype in (np.float32, np.float64):
        mixture, other = noise(1, 200).astype(dtype)
        source = mixture + dtype(3e-4) * other  # a mask of about ones, some at their limit
        optimum = optimal_mask(source[None], mixture, stft=SMALL)
        assert 70 < optimum.achieved <= optimum.certified < 80
        assert optimum.converged == (optimum.certified - optimum.achieved <= 0.01)
    assert optimum.converged


def test_more_iterations_bring_both_ends_nearer() -> None:
    problem = problem_of(2, 200)
    found = [problem.solve(tolerance=1e-9, max_iterations=n) for n in (1, 2, 5, 20, 100)]
    gaps = [float(each.certified[0] - each.achieved[0]) for each in found]
    assert gaps == sorted(gaps, reverse=True)
    assert gaps[-1] < 1e-3 < 1e-1 < gaps[0]
    assert gaps[0] < 5


def test_last_frame_in_the_padding_alone_has_a_mask_of_zeros() -> None:
    stft = STFT(n_fft=8, hop_length=8, window="boxcar", workers=1)
    sources = noise(2, 20)
    for kind in ({}, {"binary": True}, {"metric": "SI-SDR"}):
        optimum = optimal_mask(sources, sources.sum(axis=0), stft=stft, **kind)
        assert optimum.mask.shape == (2, 2, 5, stft.n_frames(20))
        assert not optimum.mask[..., -1].any()
        assert optimum.mask[..., -2].any()


def test_a_last_frame_beyond_the_samples_drops_out_of_the_map() -> None:
    stft = STFT(n_fft=8, hop_length=8, window="boxcar", workers=1)
    assert stft.n_frames(20) == 4
    assert synthesis_of(stft, noise(1, 20)[0]).frames == slice(0, 3)


@each_metric
def test_many_sources_are_each_alone_in_any_order(metric: str) -> None:
    sources = np.concatenate([noise(2, 90), noise(2, 90, seed=1)])
    mixture = sources.sum(axis=0)
    options: dict[str, Any] = {"stft": SMALL, "metric": metric, "max_iterations": 60}
    together = optimal_mask(sources, mixture, **options)
    for index, source in enumerate(sources):
        alone = optimal_mask(source[None], mixture, **options)
        for one, many in zip(alone, together, strict=True):
            np.testing.assert_array_equal(one[0], many[index])
    order = [3, 1, 0, 2]
    for one, many in zip(optimal_mask(sources[order], mixture, **options), together, strict=True):
        np.testing.assert_array_equal(one, many[order])
    cuts: dict[str, Any] = {"window": 30, "hop": 20, "stft": SMALL}
    ceilings = framewise_ceiling(sources, mixture, **cuts)
    ordered = framewise_ceiling(sources[order], mixture, **cuts)
    for one, many in zip(ordered, ceilings, strict=True):
        np.testing.assert_array_equal(one, many[order])


def test_masks_of_channels_are_scored_together() -> None:
    """Two channels of one problem have errors that add up; scaled alike, the same score."""
    problem = problem_of(2, 150)
    options: dict[str, Any] = {"tolerance": 1e-5, "max_iterations": 20000}
    joint = problem.solve(**options)
    each = [
        Problem(SMALL, problem.sources[:, c : c + 1], problem.mixture[c : c + 1], False)
        for c in (0, 1)
    ]
    least = sum(least_of(p, float(p.solve(**options).certified[0])) for p in each)
    assert joint.certified == pytest.approx(10 * math.log10(problem.energy / least), abs=1e-4)
    twin = each[0]._replace(
        sources=each[0].sources.repeat(2, axis=1), mixture=each[0].mixture.repeat(2, axis=0)
    )
    alone = each[0].solve(**options)
    for shared in (False, True):
        assert twin.solve(shared=shared, **options).achieved == pytest.approx(
            alone.achieved, abs=1e-4
        )


@each_metric
def test_read_only_inputs_are_left_unchanged(metric: str) -> None:
    sources = noise(2, 100)[:, :, ::2]
    mixture = sources.sum(axis=0)
    copies = sources.copy(), mixture.copy()
    sources.flags.writeable = mixture.flags.writeable = False
    optimum = optimal_mask(sources, mixture, stft=SMALL, metric=metric)
    framewise_ceiling(sources, mixture, stft=SMALL, window=20, hop=10)
    np.testing.assert_array_equal(sources, copies[0])
    np.testing.assert_array_equal(mixture, copies[1])
    optimum.mask[:] = optimum.estimate[:] = 7
    np.testing.assert_array_equal(sources, copies[0])
    np.testing.assert_array_equal(mixture, copies[1])


def test_default_is_the_default_stft() -> None:
    sources = noise(1, 5000)
    mixture = sources.sum(axis=0)
    optimum = optimal_mask(sources, mixture)
    expected = optimal_mask(sources, mixture, stft=STFT())
    assert optimum.mask.shape == (2, 1, 1025, STFT().n_frames(5000))
    np.testing.assert_array_equal(optimum.mask, expected.mask)
    np.testing.assert_array_equal(
        framewise_ceiling(sources, mixture, window=2500, hop=2500),
        framewise_ceiling(sources, mixture, window=2500, hop=2500, stft=STFT()),
    )


# Classes within classes.


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(problem=problems(most_channels=3), maximum=st.sampled_from([0.5, 1.0, 3.0]))
def test_larger_classes_have_no_lower_ceilings(problem: Problem, maximum: float) -> None:
    """Up to what is certified: a mask for each channel, a larger maximum, any scale."""
    each = problem.solve(shared=False, maximum=maximum, max_iterations=100)
    shared = problem.solve(shared=True, maximum=maximum, max_iterations=100)
    smaller = problem.solve(shared=False, maximum=0.7 * maximum, max_iterations=100)
    unlimited = problem.solve(metric="SI-SDR", shared=False, max_iterations=100)
    for optimum in (shared, smaller):
        assert_certified(problem, optimum.mask[0], float(each.certified[0]))
    source = problem.sources.astype(np.float64)
    estimate = problem.estimate(each.mask[0])[None]
    (si_sdr,) = metrics.scale_invariant_ratios(source, estimate).si_sdr
    scale = float(np.vdot(source, estimate)) / max(float(np.vdot(estimate, estimate)), 1e-300)
    assume(scale * each.mask.max() <= 100)  # the class that is certified
    assert not 10 ** (-si_sdr / 10) < 10 ** (-unlimited.certified[0] / 10) - ROUNDING


# Ceilings.


def test_windows_in_which_a_signal_is_silent_have_no_ceiling() -> None:
    sources = noise(2, 100)
    sources[0, :, :20] = 0
    sources[1, 0, 40:60] = -sources[1, 1, 40:60]  # the sum of the channels, as museval has it
    mixture = noise(2, 100, seed=5)[0]
    mixture[:, 60:] = 0  # frames bring it into the window after it, and not into the next
    found = framewise_ceiling(sources, mixture, window=20, hop=20, stft=SMALL)
    for each in found:
        assert each.shape == (2, 5)
    for ceiling in (found.achieved, found.certified):
        assert ceiling.dtype == np.float64
        np.testing.assert_array_equal(np.isnan(ceiling), np.array([[1, 0, 1, 0, 1]] * 2))
        assert (ceiling[:, [1, 3]] > 0).all()
    assert found.converged.dtype == bool


def test_a_signal_shorter_than_the_window_is_one_window() -> None:
    problem = problem_of(2, 61)
    found = framewise_ceiling(
        problem.sources, problem.mixture, window=500, hop=7, stft=SMALL, tolerance=1e-4
    )
    optimum = problem.solve(tolerance=1e-4)
    assert found.certified.shape == (1, 1)
    np.testing.assert_allclose(found.certified[0], optimum.certified, rtol=0, atol=2e-4)
    np.testing.assert_allclose(found.achieved[0], optimum.achieved, rtol=0, atol=2e-4)


def test_ceilings_of_windows_are_above_what_the_whole_mask_achieves_there() -> None:
    problem = problem_of(2, 400, dtype=np.float32)
    cuts: dict[str, Any] = {"window": 100, "hop": 50}
    ceiling = framewise_ceiling(
        problem.sources, problem.mixture, stft=SMALL, tolerance=0.001, **cuts
    ).certified
    sdr = metrics.framewise_sdr(problem.sources, problem.solve().estimate, **cuts)
    assert (sdr < ceiling).all()
    assert (ceiling - sdr).max() < 1


def test_ceilings_take_no_more_iterations_than_they_may() -> None:
    problem = problem_of(2, 400)
    found = [
        framewise_ceiling(
            problem.sources, problem.mixture, window=100, hop=100, stft=SMALL, max_iterations=n
        )
        for n in (1, 4, 1000)
    ]
    assert [bool(each.converged.all()) for each in found] == [False, False, True]
    first, second, last = (each.certified for each in found)
    assert (first > second + 0.01).all()
    assert (second > last + 0.01).all()
    assert (last - found[2].achieved <= 0.01).all()


def test_ceilings_of_a_window_are_those_of_its_frames_alone() -> None:
    problem = problem_of(2, 400)
    sources, mixture = list(problem.sources), problem.mixture
    goal = Goal(1e-3, 1000)
    for cut in (slice(0, 100), slice(90, 250), slice(300, 400), slice(0, 400)):
        (found,) = certify_window(cut, SMALL, mixture, sources, box(1), goal)
        ceiling = framewise_ceiling(
            problem.sources[:, :, : cut.stop],
            mixture[:, : cut.stop],
            window=cut.stop - cut.start,
            hop=max(cut.start, 1),
            stft=SMALL,
        )
        assert cut.start == 0 or ceiling.certified.shape[1] > 1
        # Masks of the shorter signal are fewer, where it ends.
        assert found.certified >= ceiling.achieved[0, -1 if cut.start else 0] - 0.5
        assert found.converged
        # Wherever it starts from.
        start = np.random.default_rng(0).random(problem.shape).swapaxes(-1, -2)
        frames = SMALL.frames.find(cut.start, cut.stop, 400)
        (other,) = certify_window(
            cut, SMALL, mixture, sources, box(1), goal, starts=start[None][:, :, frames]
        )
        assert other.certified == pytest.approx(found.certified, abs=2e-3)
    for silent in (
        certify_window(slice(0, 100), SMALL, mixture, [0 * sources[0]], box(1), goal),
        certify_window(slice(0, 100), SMALL, 0 * mixture, sources, box(1), goal),
        certify_window(slice(0, 100), SMALL, mixture, sources, box(1), goal, heard=False),
    ):
        assert len(silent) == 1
        assert np.isnan(silent[0][:2]).all()
        assert silent[0].converged


def test_a_loud_neighbour_of_a_quiet_window_does_not_matter() -> None:
    """What is just outside is in the frames of a window, and in its first mask."""
    sources = noise(1, 300)
    sources[:, :, :100] *= 100
    sources[:, :, 200:] *= 100
    found = framewise_ceiling(sources, sources.sum(axis=0), window=100, hop=100, stft=SMALL)
    assert found.converged[:, [0, 2]].all()
    assert (found.certified - found.achieved)[:, 1].max() < 0.3


def test_start_is_the_mask_that_is_best_bin_by_bin() -> None:
    for shared in (False, True):
        problem = problem_of(2, 301, shared=shared)
        synthesis = synthesis_of(SMALL, problem.mixture, shared=shared)
        spectra, spectrum = SMALL.forward(problem.sources), SMALL.forward(problem.mixture)
        for maximum in (0.5, 1.0, math.inf):
            masks = MaskClass(maximum=maximum, shared=shared)
            start = ProblemNearOne(synthesis, problem.sources[0], masks, 0).start()
            in_phase = (spectra[0] * spectrum.conj()).real
            squares = np.abs(spectrum) ** 2
            if shared:
                in_phase, squares = (
                    each.sum(axis=0, keepdims=True) for each in (in_phase, squares)
                )
            expected = np.clip(in_phase / squares, 0, maximum) * squares**0.5
            np.testing.assert_allclose(start, expected.swapaxes(-1, -2), atol=1e-9)
            part = synthesis_of(SMALL, problem.mixture, shared=shared, piece=slice(100, 150))
            around = SMALL.frames.under(part.frames, problem.sources[0])
            np.testing.assert_allclose(
                ProblemNearOne(part, around[:, part.inside], masks, 0).start(around),
                start[:, part.frames],
                atol=1e-9,
            )


# Descent.


def test_descent_finds_what_it_says() -> None:
    problem = problem_of(2, 200, dtype=np.float32)
    synthesis = synthesis_of(SMALL, problem.mixture)
    start = ProblemNearOne(synthesis, problem.sources[0], box(1), 0).start()
    before = start.copy()
    found = descend(synthesis, problem.sources[0], start, Goal(0.01, 100), masks=box(1))
    np.testing.assert_array_equal(start, before)
    assert found.energy == pytest.approx(problem.energy, rel=1e-12)
    audio = synthesis.forward(found.scaled)
    error = ((problem.sources[0].astype(float) - audio) ** 2).sum()
    assert found.error == pytest.approx(error, rel=1e-5)
    assert found.sdr == pytest.approx(10 * math.log10(problem.energy / error), abs=1e-4)
    assert least_of(problem, found.certified_sdr) == pytest.approx(found.least_error, rel=1e-9)


def test_descent_to_silence_ends_in_silence() -> None:
    synthesis = synthesis_of(SMALL, noise(2, 100)[0])
    found = descend(
        synthesis,
        np.zeros((2, 100)),
        synthesis.magnitude,
        Goal(0.01, 10),
        masks=box(1),
    )
    assert not found.scaled.any()
    assert (found.energy, found.error, found.least_error, found.converged) == (0, 0, 0, True)


def test_a_step_is_that_of_the_last_look_and_is_taken_once() -> None:
    problem = problem_of(2, 200)
    synthesis = synthesis_of(SMALL, problem.mixture)
    descent = _Descent(synthesis, problem.sources[0], synthesis.magnitude, box(1), 1.0)
    outdated, view = descent.look(), descent.look()
    with pytest.raises(RuntimeError, match="that of the last look"):
        descent.step(outdated)
    descent.step(view)
    with pytest.raises(RuntimeError, match="taken once"):
        descent.step(view)


# The real track.


@pytest.mark.slow
def test_masks_of_a_real_track_are_proven_best_to_a_thousandth_of_a_decibel(
    rock: Track, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oracle.optimal.synthesis, "BLOCK_SAMPLES", BLOCK_SAMPLES)
    known = {"drums": 12.709, "bass": 10.496, "other": 10.760, "vocals": 15.581}
    sources = np.stack([rock.sources[name] for name in known])
    optimum = optimal_mask(sources, rock.mixture, tolerance=0.001)
    assert optimum.converged.all()
    gap = optimum.certified - optimum.achieved
    assert (gap >= 0).all()
    assert (gap <= 0.001).all()
    assert (optimum.iterations <= 120).all()
    np.testing.assert_allclose(optimum.achieved, [*known.values()], rtol=0, atol=KNOWN_DB)
    np.testing.assert_allclose(
        metrics.usdr(sources, optimum.estimate), optimum.achieved, rtol=0, atol=1e-6
    )
    estimates = separate(rock, "IRM2")
    gain = optimum.achieved - metrics.usdr(sources, np.stack([estimates[name] for name in known]))
    assert ((gain > 1.5) & (gain < 1.8)).all()
    quick = optimal_mask(sources, rock.mixture, tolerance=0.05)
    assert quick.converged.all()
    assert (quick.iterations <= 20).all()


# Errors.

AUDIO = np.ones((2, 1, 8), np.float32)


@pytest.mark.parametrize(
    ("sources", "mixture", "error", "message"),
    [
        (
            [[[0.0]]],
            AUDIO[0],
            TypeError,
            "sources must be a numpy array of float32 or float64, got list",
        ),
        (
            AUDIO.astype(int),
            AUDIO[0],
            TypeError,
            "sources must be a numpy array of float32 or float64, got int64",
        ),
        (
            AUDIO,
            AUDIO[0].astype(np.float16),
            TypeError,
            "mixture must be a numpy array of float32 or float64, got float16",
        ),
        (
            AUDIO,
            None,
            TypeError,
            "mixture must be a numpy array of float32 or float64, got NoneType",
        ),
        (
            AUDIO[0],
            AUDIO[0],
            ValueError,
            "sources must have shape (n_sources, n_channels, n_samples) and not be empty, "
            "got (1, 8)",
        ),
        (
            AUDIO[:0],
            AUDIO[0],
            ValueError,
            "sources must have shape (n_sources, n_channels, n_samples) and not be empty, "
            "got (0, 1, 8)",
        ),
        (
            AUDIO,
            AUDIO,
            ValueError,
            "mixture must have shape (n_channels, n_samples) and not be empty, got (2, 1, 8)",
        ),
        (
            AUDIO,
            AUDIO[0, :, :0],
            ValueError,
            "mixture must have shape (n_channels, n_samples) and not be empty, got (1, 0)",
        ),
        (
            np.full_like(AUDIO, np.nan),
            AUDIO[0],
            ValueError,
            "sources must be finite, got NaN or infinity",
        ),
        (
            AUDIO,
            np.full_like(AUDIO[0], np.inf),
            ValueError,
            "mixture must be finite, got NaN or infinity",
        ),
        (
            AUDIO,
            AUDIO[0, :, :7],
            ValueError,
            "sources must have the channels and samples of mixture, (1, 7), got (2, 1, 8)",
        ),
        (
            AUDIO,
            AUDIO[:, 0],
            ValueError,
            "sources must have the channels and samples of mixture, (2, 8), got (2, 1, 8)",
        ),
        (
            AUDIO,
            AUDIO[0].astype(np.float64),
            TypeError,
            "sources must have the dtype of mixture, float64, got float32",
        ),
    ],
)
def test_signals_that_do_not_fit_are_refused(
    sources: Any, mixture: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        optimal_mask(sources, mixture, stft=SMALL)
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        framewise_ceiling(sources, mixture, stft=SMALL, window=4, hop=4)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"maximum": "1"}, TypeError, "maximum must be a number, got '1'"),
        ({"maximum": [1]}, TypeError, "maximum must be a number, got [1]"),
        ({"maximum": True}, TypeError, "maximum must be a number, got True"),
        ({"maximum": 1j}, TypeError, "maximum must be a number, got 1j"),
        ({"maximum": 0}, ValueError, "maximum must be positive, got 0"),
        ({"maximum": -1.5}, ValueError, "maximum must be positive, got -1.5"),
        (
            {"maximum": math.inf},
            ValueError,
            "maximum must be at most 1e+06 for SDR, got inf: without a limit, complex masks can "
            "turn a mixture into nearly any signal, and so can real masks where frames overlap by "
            "half or more; their ceiling says nothing",
        ),
        (
            {"complex_valued": True, "shared": True},
            ValueError,
            "complex masks must have one value per bin and channel, got shared masks",
        ),
        (
            {"complex_valued": True, "bands": [0]},
            ValueError,
            "complex masks must have one value per bin and channel, got bands",
        ),
        (
            {"bands": [0, 1.5]},
            TypeError,
            "bands must be integers, the first bin of each band, got [0, 1.5]",
        ),
        *(
            (
                {"bands": bands},
                ValueError,
                "bands must start with bin 0 and ascend, all below 9, the number of frequencies, "
                f"got {bands}",
            )
            for bands in ([], [1, 2], [0, 9], [0, 3, 2], [0, 2, 2])
        ),
        ({"maximum": math.nan}, ValueError, "maximum must be positive, got nan"),
        ({"tolerance": "0"}, TypeError, "tolerance must be a number, got '0'"),
        ({"tolerance": False}, TypeError, "tolerance must be a number, got False"),
        ({"tolerance": 0}, ValueError, "tolerance must be positive, got 0"),
        ({"tolerance": -1}, ValueError, "tolerance must be positive, got -1"),
        ({"tolerance": math.nan}, ValueError, "tolerance must be positive, got nan"),
        ({"maximum": 2e6}, ValueError, "maximum must be at most 1e+06 for SDR, got 2000000.0"),
        ({"max_iterations": 2.0}, TypeError, "max_iterations must be an integer, got 2.0"),
        ({"max_iterations": True}, TypeError, "max_iterations must be an integer, got True"),
        ({"max_iterations": None}, TypeError, "max_iterations must be an integer, got None"),
        ({"max_iterations": 0}, ValueError, "max_iterations must be at least 1, got 0"),
        ({"max_iterations": -3}, ValueError, "max_iterations must be at least 1, got -3"),
    ],
)
def test_limits_out_of_range_are_refused(
    options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        optimal_mask(AUDIO, AUDIO[0], stft=SMALL, **options)
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        framewise_ceiling(AUDIO, AUDIO[0], stft=SMALL, window=4, hop=4, **options)


def test_maximum_may_be_a_fraction() -> None:
    problem = problem_of(1, 40, dtype=np.float32)
    half = problem.solve(maximum=Fraction(1, 2))
    np.testing.assert_array_equal(half.mask, problem.solve(maximum=0.5).mask)


def test_limits_of_any_real_number_are_taken() -> None:
    problem = problem_of(1, 40, dtype=np.float32)
    for metric in ("SDR", "SI-SDR"):
        anything = problem.solve(metric=metric, tolerance=math.inf)
        assert anything.converged
        assert anything.iterations <= 2
    options: dict[str, Any] = {"maximum": np.float64(0.5), "max_iterations": np.int32(50)}
    optimum = problem.solve(tolerance=np.float32(0.01), **options)
    assert optimum.mask.dtype == np.float32
    assert optimum.mask.max() == 0.5
    np.testing.assert_allclose(problem.solve(maximum=0.5).certified, optimum.certified, atol=0.02)


def test_rounding_errors_of_the_stft_are_not_scored() -> None:
    """A mask would have to make one cosine of the rounding errors of another."""
    stft = STFT(n_fft=16, hop_length=16, window="boxcar")
    n = np.arange(40)
    mixture = np.cos(2 * np.pi * 2 * n / 16)[np.newaxis]
    source = np.where((n >= 8) & (n < 24), np.cos(2 * np.pi * 5 * n / 16), 0)
    for maximum in (100, math.inf):
        optimum = optimal_mask(
            source[np.newaxis, np.newaxis], mixture, stft=stft, metric="SI-SDR", maximum=maximum
        )
        assert not optimum.achieved > -100
        assert optimum.certified < -100
        assert optimum.converged


def test_an_stft_is_one() -> None:
    wrong: Any = 2048
    with pytest.raises(TypeError, match=r"^stft must be an oracle.STFT, got 2048$"):
        optimal_mask(AUDIO, AUDIO[0], stft=wrong)
    with pytest.raises(TypeError, match=r"^stft must be an oracle.STFT, got 2048$"):
        framewise_ceiling(AUDIO, AUDIO[0], stft=wrong, window=4, hop=4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"metric": "SDRI"}, "metric must be SDR (which is uSDR here) or SI-SDR, got 'SDRI'"),
        ({"metric": None}, "metric must be SDR (which is uSDR here) or SI-SDR, got None"),
        ({"metric": "SI-SDR", "maximum": math.nan}, "maximum must be positive, got nan"),
        (
            {"metric": "SI-SDR", "complex_valued": True},
            "masks must be real and have one value per bin for SI-SDR, got complex masks",
        ),
        (
            {"metric": "SI-SDR", "bands": [0]},
            "masks must be real and have one value per bin for SI-SDR, got bands",
        ),
        (
            {"metric": "SI-SDR", "binary": True},
            "binary masks must have metric SDR and maximum 1, got SI-SDR",
        ),
        (
            {"binary": True, "maximum": 0.5},
            "binary masks must have metric SDR and maximum 1, got 0.5",
        ),
        (
            {"binary": True, "complex_valued": True},
            "binary masks must be real and have one value per bin, got complex masks",
        ),
        (
            {"binary": True, "bands": [0]},
            "binary masks must be real and have one value per bin, got bands",
        ),
    ],
)
def test_options_that_do_not_go_together_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        optimal_mask(AUDIO, AUDIO[0], stft=SMALL, **options)


@pytest.mark.parametrize("argument", ["window", "hop"])
@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (4.0, TypeError, "must be an integer number of samples, got 4.0"),
        (True, TypeError, "must be an integer number of samples, got True"),
        (0, ValueError, "must be at least 1 sample, got 0"),
        (-4, ValueError, "must be at least 1 sample, got -4"),
    ],
)
def test_windows_that_are_no_lengths_are_refused(
    argument: str, value: Any, error: type[Exception], message: str
) -> None:
    cuts: dict[str, Any] = {"window": 4, "hop": 4, argument: value}
    with pytest.raises(error, match=f"^{argument} {re.escape(message)}$"):
        framewise_ceiling(AUDIO, AUDIO[0], stft=SMALL, **cuts)
