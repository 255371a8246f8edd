"""Classes of masks: complex, shared, of bands, binary; in chunks, on tracks, by name."""

import dataclasses
import math
import sys
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from fractions import Fraction
from threading import Barrier, Event
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import scipy.optimize
from hypothesis import given, settings
from hypothesis import strategies as st
from optimal_problems import (
    ROUNDING,
    SMALL,
    SMALL_STFTS,
    Problem,
    assert_certified,
    least_of,
    made_stft,
    noise,
    problem_of,
    problems,
    stfts,
)

import oracle.optimal.chunks
import oracle.optimal.found_masks
import oracle.optimal.synthesis
from oracle import STFT, Track, masks, metrics
from oracle.jobs.track_scores import score_track
from oracle.machine.threads import limited_threads
from oracle.methods import CEILINGS, METHODS
from oracle.optimal import CLASSES, OptimalMask, framewise_ceiling, make_bands, mel_edges
from oracle.optimal.arguments import mask_class
from oracle.optimal.certificates import least_error
from oracle.optimal.classes import MaskClass
from oracle.optimal.found_masks import Masks
from oracle.optimal.named import BAND_SPLIT_EDGES, BARK_EDGES
from oracle.optimal.of_track import TOLERANCE
from oracle.optimal.optimum import optimal_mask
from oracle.optimal.synthesis import Synthesis
from oracle.results.tables import tidy

Mask = npt.NDArray[Any]

# Rounding of a transform and its adjoint, relative to the norms of both sides.
ADJOINT = 1e-12
# How near the errors of the descent and of an exact solver come, relative, and both in dB.
EXACT, EXACT_DB = 1e-6, 1e-5
# The steps of a solver of dense matrices, and the gap at which it ends, relative.
DENSE_STEPS, DENSE_GAP = 100_000, 1e-8
# A sum over chunks, in dB.
SUMMATION = 1e-9

BLOCK_SAMPLES = oracle.optimal.synthesis.BLOCK_SAMPLES

pytestmark = pytest.mark.usefixtures("small_blocks")

KINDS = {
    "real": MaskClass(),
    "to 2": MaskClass(maximum=2.0),
    "complex": MaskClass(complex_valued=True),
    "complex to 2": MaskClass(complex_valued=True, maximum=2.0),
    "shared": MaskClass(shared=True),
    "bands": MaskClass(bands=(0, 1, 3, 6)),
    "one band": MaskClass(bands=(0,), maximum=0.5),
    "shared bands": MaskClass(bands=(0, 2, 8), shared=True),
}
each_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)


@st.composite
def classes(draw: st.DrawFn, n_freqs: int) -> MaskClass:
    """Any class of masks of so many frequencies."""
    maximum = draw(st.sampled_from([1.0, 1.0, 0.3, 2.0, 100.0]))
    if draw(st.booleans()):
        return MaskClass(maximum=maximum, complex_valued=True)
    return MaskClass(
        maximum=maximum, shared=draw(st.booleans()), bands=draw(st.none() | bands(n_freqs))
    )


@st.composite
def bands(draw: st.DrawFn, n_freqs: int) -> tuple[int, ...]:
    return (0, *sorted(draw(st.sets(st.integers(1, n_freqs - 1))))) if n_freqs > 1 else (0,)


@st.composite
def cases(draw: st.DrawFn, /, **options: Any) -> tuple[Problem, MaskClass]:
    problem = draw(problems(**options))
    kind = draw(classes(problem.stft.n_freqs))
    return problem._replace(shared=kind.shared), kind


def bands_of_bins(kind: MaskClass, n_freqs: int) -> npt.NDArray[np.int_]:
    """Which band each frequency is in."""
    starts = range(n_freqs) if kind.bands is None else kind.bands
    return np.asarray(np.searchsorted(np.array(starts), np.arange(n_freqs), side="right") - 1)


def free(problem: Problem, kind: MaskClass) -> tuple[int, int, int]:
    """The shape of the numbers that a mask is free to choose."""
    n_rows, n_freqs, n_frames = problem._replace(shared=kind.shared).shape
    return n_rows, 1 + int(bands_of_bins(kind, n_freqs)[-1]), n_frames


def spread(problem: Problem, kind: MaskClass, values: Mask) -> Mask:
    """Masks of the numbers they choose: one for all bins of a band."""
    return np.asarray(values[..., bands_of_bins(kind, problem.stft.n_freqs), :])


def matrix_of(problem: Problem, kind: MaskClass) -> Mask:
    """C, so that the real part of C x is what a mask of the numbers x makes of the mixture."""
    shape = free(problem, kind)
    units = np.eye(math.prod(shape)).reshape(-1, *shape)
    units = spread(problem, kind, units)
    real = problem.estimate(units).reshape(len(units), -1).T
    if not kind.complex_valued:
        return real
    return np.asarray(real - 1j * problem.estimate(1j * units).reshape(len(units), -1).T)


def limited(kind: MaskClass, mask: Mask) -> Mask:
    """The nearest mask, or numbers, with the values of a class."""
    if not kind.complex_valued:
        return np.asarray(np.clip(mask.real, 0, kind.maximum))
    return np.asarray(mask * (kind.maximum / np.maximum(np.abs(mask), kind.maximum)))


def averaged(kind: MaskClass, mask: Mask) -> Mask:
    """A mask of the class that is like any other."""
    if kind.shared:
        mask = mask.mean(axis=0, keepdims=True)
    if kind.bands is not None:
        sums = np.add.reduceat(mask, kind.bands, axis=-2)
        widths = np.diff([*kind.bands, mask.shape[-2]])
        mask = np.repeat(sums / widths[:, np.newaxis], widths, axis=-2)
    return limited(kind, mask)


def assert_of_class(kind: MaskClass, problem: Problem, mask: Mask) -> None:
    """It has the shape and the values of its class, as its numbers are."""
    assert mask.shape == problem._replace(shared=kind.shared).shape
    assert np.isfinite(mask).all()
    if kind.complex_valued:
        sizes = np.hypot(*(part.astype(np.longdouble) for part in (mask.real, mask.imag)))
        assert sizes.max() <= kind.maximum
    else:
        assert mask.dtype == problem.mixture.dtype
        assert 0 <= mask.min() <= mask.max() <= kind.maximum
    if kind.bands is not None:
        first = np.array(kind.bands)[bands_of_bins(kind, mask.shape[-2])]
        np.testing.assert_array_equal(mask, mask[:, first])


def solve(problem: Problem, kind: MaskClass, **options: Any) -> OptimalMask:
    return problem.solve(**(asdict(kind) | options))


def random_of(rng: np.random.Generator, shape: tuple[int, ...], kind: MaskClass) -> Mask:
    values: Mask = rng.standard_normal(shape)
    return values + 1j * rng.standard_normal(shape) if kind.complex_valued else values


# The map and its adjoint.


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(stft=stfts(), n_samples=st.integers(1, 200), n_channels=st.integers(1, 3), data=st.data())
def test_adjoint_has_the_inner_products_of_the_map_and_steps_are_safe(
    stft: STFT, n_samples: int, n_channels: int, data: st.DataObject
) -> None:
    kind = data.draw(classes(stft.n_freqs))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    start = data.draw(st.integers(0, n_samples - 1))
    stop = data.draw(st.integers(start + 1, n_samples))
    mixture = rng.standard_normal((n_channels, n_samples))
    for cut in (None, slice(start, stop)):
        synthesis = Synthesis(stft, mixture, kind, level=0, piece=cut)
        scaled = random_of(rng, synthesis.magnitude.shape, kind)
        residual = rng.standard_normal((n_channels, synthesis.piece.stop - synthesis.piece.start))
        forward, adjoint = synthesis.forward(scaled), synthesis.adjoint(residual)
        assert forward.shape == residual.shape
        assert adjoint.shape == scaled.shape
        assert adjoint.dtype == scaled.dtype
        size = float(np.linalg.norm(forward) * np.linalg.norm(residual))
        size += float(np.linalg.norm(adjoint) * np.linalg.norm(scaled))
        difference = np.vdot(forward, residual) - np.vdot(scaled, adjoint).real
        assert abs(difference) <= ADJOINT * size
        for _ in range(15):  # towards what grows most
            audio = synthesis.forward(scaled)
            size = float((synthesis.weights * np.abs(scaled) ** 2 / synthesis.step).sum())
            assert (audio**2).sum() <= size * (1 + 1e-8)
            scaled = synthesis.adjoint(audio) / synthesis.weights * synthesis.step


@settings(max_examples=100, deadline=None)
@given(case=cases(longest=300, most_channels=3), seed=st.integers(0, 2**32 - 1))
def test_map_of_a_mask_is_the_inverse_stft_of_the_masked_mixture(
    case: tuple[Problem, MaskClass], seed: int
) -> None:
    problem, kind = case
    mixture = problem.mixture.astype(np.float64)
    synthesis = Synthesis(problem.stft, mixture, kind, level=0)
    values = random_of(np.random.default_rng(seed), free(problem, kind), kind)
    mask = spread(problem, kind, values)
    of_frames = mask.swapaxes(-1, -2)[:, synthesis.frames]
    scaled = synthesis.times_mixture(of_frames)
    peak = np.abs(mixture).max()
    size = peak * np.abs(mask).max() * problem.stft.n_fft
    np.testing.assert_allclose(
        synthesis.forward(scaled), problem.estimate(mask), rtol=0, atol=ROUNDING * size
    )
    # z is X m, or |X| m with the norm of all bins that share m, and comes back as m.
    spectra = problem.stft.forward(mixture).swapaxes(-1, -2)[:, synthesis.frames]
    norms = np.abs(spectra) ** 2
    if kind.shared:
        norms = norms.sum(axis=0, keepdims=True)
    if kind.bands is not None:
        norms = np.add.reduceat(norms, kind.bands, axis=-1)
    np.testing.assert_allclose(synthesis.magnitude, norms**0.5, rtol=1e-9, atol=ROUNDING * peak)
    if kind.complex_valued:
        np.testing.assert_allclose(scaled, of_frames * spectra, rtol=1e-9, atol=ROUNDING * size)
    # Where a bin is all rounding error of its FFT, so is its mask.
    heard = np.repeat(
        synthesis.magnitude > 1e-6 * peak,
        np.diff([*(kind.bands or range(problem.stft.n_freqs)), problem.stft.n_freqs]),
        axis=-1,
    )
    back = synthesis.mask(scaled)
    assert back.shape == of_frames.shape
    np.testing.assert_allclose(back[heard], of_frames[heard], rtol=1e-6, atol=1e-9)


def test_silent_bins_have_masks_of_zeros() -> None:
    mixture = noise(2, 100)[0]
    mixture[:, :50] = 0
    for kind in KINDS.values():
        synthesis = Synthesis(SMALL, mixture, kind)
        silent = synthesis.magnitude == 0
        assert 0.2 < silent.mean() < 0.7
        scaled = np.ones(silent.shape, synthesis.empty().dtype)
        kind.bring_near(scaled, kind.limit(synthesis.magnitude))
        assert not scaled[silent].any()
        assert not synthesis.mask(scaled)[:, silent.all(axis=(0, 2))].any()


# Exact solvers.


def dense_least(
    matrix: Mask, source: npt.NDArray[Any], kind: MaskClass, *, gap: float = DENSE_GAP
) -> float:
    """The least error by a solver of dense matrices, shown to be least by duality."""
    if not kind.complex_valued:
        x = scipy.optimize.lsq_linear(
            matrix, source, (0, kind.maximum), method="bvls", tol=1e-15, max_iter=10000
        ).x
        error, least = dense_gap(matrix, source, kind, x)
        assert error - least <= gap * error
        return error
    # Accelerated projected gradients (Beck & Teboulle 2009), from rest again if the error grows.
    length = 1 / np.linalg.norm(np.hstack([matrix.real, matrix.imag]), 2) ** 2
    x = before = np.zeros(matrix.shape[1], matrix.dtype)
    last, steps = math.inf, 0
    for step in range(DENSE_STEPS):
        ahead = x + steps / (steps + 3) * (x - before)
        residual = source - (matrix @ ahead).real
        before, x = x, limited(kind, ahead + length * (matrix.conj().T @ residual))
        steps += 1
        if step % 20 == 0:
            error, least = dense_gap(matrix, source, kind, x)
            if error - least <= gap * error:
                return error
            steps = 0 if error > last else steps
            last = error
    raise AssertionError("the dense solver has not ended")


def dense_gap(
    matrix: Mask, source: npt.NDArray[Any], kind: MaskClass, x: Mask
) -> tuple[float, float]:
    """The error of numbers of a class, and the least one that their residual proves."""
    residual = source - (matrix @ x).real
    products = matrix.conj().T @ residual
    reach = np.abs(products) if kind.complex_valued else np.maximum(products, 0)
    error = float(residual @ residual)
    gain = max(float(residual @ source - kind.maximum * reach.sum()), 0)
    least = gain**2 / error
    return error, least


def hard_for(kind: MaskClass, *size: int, **options: Any) -> Problem:
    """A problem with a source so loud that complex masks, too, cannot make it."""
    problem = problem_of(*size, shared=kind.shared, **options)
    gain = 2 * kind.maximum if kind.complex_valued else 1
    return problem._replace(sources=gain * problem.sources)


@each_kind
@pytest.mark.parametrize("stft", SMALL_STFTS[:5], ids=str)
def test_least_error_is_that_of_an_exact_solver(stft: STFT, kind: MaskClass) -> None:
    if kind.bands is not None:
        kind = dataclasses.replace(kind, bands=tuple(b for b in kind.bands if b < stft.n_freqs))
    for n_channels, n_samples in ((1, 27), (2, 20)):
        problem = hard_for(kind, n_channels, n_samples, stft=stft, seed=n_samples)
        error = dense_least(matrix_of(problem, kind), problem.sources.ravel(), kind)
        optimum = solve(problem, kind, tolerance=1e-6, max_iterations=50000)
        assert optimum.converged.all()
        exact = 10 * math.log10(problem.energy / error)
        (achieved,), (certified,) = optimum.achieved, optimum.certified
        assert exact - EXACT_DB <= achieved <= exact + 1e-7
        assert exact - 1e-7 <= certified <= exact + EXACT_DB
        assert problem.error(optimum.mask[0]) == pytest.approx(error, rel=EXACT)
        assert least_of(problem, certified) == pytest.approx(error, rel=EXACT)
        assert_of_class(kind, problem, optimum.mask[0])


@pytest.mark.slow
@each_kind
def test_ceiling_of_a_window_is_that_of_an_exact_solver(kind: MaskClass) -> None:
    problem = hard_for(kind, 2, 120, seed=3)
    options = asdict(kind)
    found = framewise_ceiling(
        problem.sources, problem.mixture, window=30, hop=40, stft=SMALL, tolerance=1e-4, **options
    )
    assert found.converged.all()
    matrix = matrix_of(problem, kind).reshape(2, 120, -1)
    for achieved, certified, start in zip(
        found.achieved[0], found.certified[0], range(0, 90, 40), strict=True
    ):
        cut = slice(start, start + 30)
        source = problem.sources[0, :, cut].ravel()
        least = dense_least(matrix[:, cut].reshape(60, -1), source, kind, gap=1e-6)
        exact = 10 * math.log10(source @ source / least)
        assert exact - 2e-4 <= achieved <= exact + 1e-5
        assert exact - 1e-5 <= certified <= exact + 2e-4


# Attacks on certificates.


def masks_of(problem: Problem, kind: MaskClass, rng: np.random.Generator) -> list[Mask]:
    """Masks of a class: those of oracle.masks brought near it, random and extreme ones."""
    source, mixture = problem.sources[0].astype(np.float64), problem.mixture.astype(np.float64)
    spectra = problem.stft.forward(np.stack([source, mixture - source]))
    spectrum = problem.stft.forward(mixture)
    clip = (0.0, kind.maximum)
    closed = [
        masks.ideal_binary_mask(spectra, spectrum),
        masks.ideal_ratio_mask(spectra, spectrum, power=1),
        masks.ideal_ratio_mask(spectra, spectrum, power=2),
        masks.ideal_amplitude_mask(spectra, spectrum, clip=clip),
        masks.phase_sensitive_mask(spectra, spectrum, clip=clip),
        masks.optimal_binary_mask(spectra, spectrum),
    ]
    found = [averaged(kind, mask[0]) for mask in closed]
    found += [kind.maximum * each for each in found]
    if kind.complex_valued:
        exact = masks.complex_ideal_ratio_mask(spectra, spectrum)[0]
        aligned = np.exp(1j * (np.angle(spectra[0]) - np.angle(spectrum)))
        exact[~np.isfinite(exact)] = 0
        found += [limited(kind, exact), kind.maximum * aligned]
    shape = free(problem, kind)
    sizes = [rng.random(shape), rng.integers(0, 2, shape), np.zeros(shape), np.ones(shape)]
    if kind.complex_valued:
        turns = np.exp(2j * np.pi * rng.random(shape))
        sizes += [sizes[0] * turns, turns]
    found += [spread(problem, kind, kind.maximum * each) for each in sizes]
    return [limited(kind, each) for each in found]


def adversaries(
    problem: Problem, kind: MaskClass, mask: Mask, rng: np.random.Generator
) -> list[Mask]:
    """Masks near one: downhill, by steps and bin by bin; random; with bins at their limits."""
    matrix, source = matrix_of(problem, kind), problem.sources.astype(np.float64).ravel()
    shape = free(problem, kind)
    starts = kind.bands or range(problem.stft.n_freqs)
    x = mask[:, list(starts)].astype(matrix.dtype).ravel()
    gradient = matrix.conj().T @ (source - (matrix @ x).real)
    downhill = gradient / max(np.abs(gradient).max(), 1e-300)
    found = [limited(kind, x + step * downhill) for step in (1e-3, 1e-1, 1, 10)]
    # To the ends that the support function says they should have.
    if kind.complex_valued:
        ends = kind.maximum * downhill / np.maximum(np.abs(downhill), 1e-300)
    else:
        ends = kind.maximum * (downhill > 0)
    found += [limited(kind, x + part * (ends - x)) for part in (0.01, 0.1, 1)]
    for portion in (0.02, 0.5):
        flips = rng.random(x.shape) < portion
        found.append(np.where(flips, rng.permutation(ends), x))
        found.append(limited(kind, x + portion * random_of(rng, x.shape, kind)))
    # Down for some time, with a step that is safe for each number on its own.
    x, residual = x.copy(), source - (matrix @ x).real
    squares = (np.abs(matrix) ** 2).sum(axis=0)
    for index in 2 * [*np.flatnonzero(squares > 1e-12 * squares.max())]:
        column = matrix[:, index]
        value = limited(kind, x[index] + column.conj() @ residual / squares[index])
        residual -= (column * (value - x[index])).real
        x[index] = value
    return [spread(problem, kind, each.reshape(shape)) for each in (*found, x)]


def assert_nothing_exceeds(
    problem: Problem, kind: MaskClass, best: Mask, certified: float, rng: np.random.Generator
) -> None:
    best = limited(kind, best.astype(np.result_type(best, np.float64)))
    for mask in (
        best,
        *masks_of(problem, kind, rng),
        *adversaries(problem, kind, best, rng),
    ):
        assert_certified(problem, mask, certified)


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(
    case=cases(),
    max_iterations=st.sampled_from([1, 3, 50]),
    seed=st.integers(0, 2**32 - 1),
)
def test_no_mask_of_the_class_exceeds_the_certificate(
    case: tuple[Problem, MaskClass], max_iterations: int, seed: int
) -> None:
    problem, kind = case
    rng = np.random.default_rng(seed)
    optimum = solve(problem, kind, max_iterations=max_iterations)
    assert optimum.iterations[0] <= max_iterations
    assert_of_class(kind, problem, optimum.mask[0])
    assert_nothing_exceeds(problem, kind, optimum.mask[0], float(optimum.certified[0]), rng)


@pytest.mark.slow
@settings(max_examples=80, deadline=None)
@given(
    case=cases(),
    scale=st.sampled_from([0.0, 1e-60, 1.0, 1e60]),
    near=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_no_dual_point_proves_too_much_nor_less_than_its_formula(
    case: tuple[Problem, MaskClass], scale: float, near: bool, seed: int
) -> None:
    problem, kind = case
    rng = np.random.default_rng(seed)
    synthesis = Synthesis(problem.stft, problem.mixture, kind, level=0)
    source = problem.sources[0].astype(np.float64)
    best = solve(problem, kind, tolerance=1e-5).mask[0]
    residual = rng.standard_normal(source.shape) * np.abs(source).max()
    if near:
        residual = source - problem.estimate(best) + 1e-3 * residual
    least = least_error(synthesis, source, scale * residual, masks=kind)
    assert 0 <= least <= problem.error(best) + ROUNDING * problem.energy
    if scale != 1:
        assert scale != 0 or least == 0
        return
    products = matrix_of(problem, kind).conj().T @ np.eye(source.size)
    of_channels = products.reshape(-1, *source.shape) * residual
    if not kind.shared:
        # Each number is of one channel alone, and each channel is bounded on its own.
        reach = np.abs if kind.complex_valued else lambda q: np.maximum(q, 0)
        supports = reach(of_channels.sum(axis=-1)).sum(axis=0)
        gains, sizes = (residual * source).sum(axis=1), (residual**2).sum(axis=1)
    else:
        supports = np.maximum(of_channels.sum(axis=(1, 2)), 0).sum()
        gains, sizes = np.vdot(residual, source), np.vdot(residual, residual)
    gain = np.maximum(gains - kind.maximum * supports, 0)
    exact = float(np.sum(gain**2 / np.maximum(sizes, 1e-300)))
    energy = problem.energy + kind.maximum**2 * float((problem.mixture.astype(float) ** 2).sum())
    assert exact - 1e-9 * energy <= least <= exact + 1e-12 * energy


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(
    case=cases(longest=90),
    window=st.integers(1, 120),
    hop=st.integers(1, 60),
    max_iterations=st.sampled_from([1, 3, 50]),
    seed=st.integers(0, 2**32 - 1),
)
def test_no_mask_of_the_class_exceeds_the_ceiling_of_any_window(
    case: tuple[Problem, MaskClass], window: int, hop: int, max_iterations: int, seed: int
) -> None:
    problem, kind = case
    rng = np.random.default_rng(seed)
    cuts: dict[str, Any] = {"window": window, "hop": max(hop, window // 4)}
    options: dict[str, Any] = asdict(kind) | {"stft": problem.stft}
    found = framewise_ceiling(
        problem.sources, problem.mixture, max_iterations=max_iterations, **cuts, **options
    )
    (ceiling,) = found.certified
    reached = ~np.isnan(ceiling)
    least = 10 ** (-ceiling[reached] / 10)
    # The estimate that was found is one of float32.
    rounding = 1e-6 * (least + np.sqrt(least)) + 1e-10
    assert (10 ** (-found.achieved[0][reached] / 10) >= least - rounding).all()
    best = limited(kind, solve(problem, kind, max_iterations=100).mask[0].astype(complex))
    for mask in (best, *masks_of(problem, kind, rng)):
        estimate = problem.estimate(mask)
        (sdr,) = metrics.framewise_sdr(problem.sources, estimate[None], **cuts)
        scored = ~np.isnan(sdr) & reached
        errors = 10 ** (-sdr[scored] / 10)
        assert (errors >= 10 ** (-ceiling[scored] / 10) * (1 - 1e-9) - ROUNDING).all()


# Classes within classes.


@st.composite
def nested(draw: st.DrawFn) -> tuple[Problem, dict[str, Any], MaskClass]:
    """A problem, the options of a class, and a larger class."""
    problem = draw(problems(longest=40))
    n_freqs = problem.stft.n_freqs
    fine = draw(bands(n_freqs))
    coarse = (0, *(each for each in fine[1:] if draw(st.booleans())))
    shared = draw(st.booleans())
    real = MaskClass()
    smaller, larger = draw(
        st.sampled_from(
            [
                (asdict(MaskClass(bands=fine, shared=shared)), MaskClass(shared=shared)),
                (asdict(MaskClass(bands=fine, shared=True)), MaskClass(bands=fine)),
                (asdict(MaskClass(bands=coarse, shared=shared)), MaskClass(bands=fine)),
                (asdict(MaskClass(shared=True)), real),
                (asdict(real), MaskClass(maximum=2.0)),
                (asdict(real), MaskClass(complex_valued=True)),
                (asdict(MaskClass(maximum=2.0)), MaskClass(complex_valued=True, maximum=2.0)),
                ({"binary": True}, real),
                ({"binary": True, "shared": True}, MaskClass(shared=True)),
            ]
        )
    )
    return problem, {"shared": False} | smaller, larger


@pytest.mark.slow
@settings(max_examples=80, deadline=None)
@given(case=nested(), max_iterations=st.sampled_from([2, 100]), window=st.integers(5, 40))
def test_larger_classes_have_no_lower_ceilings(
    case: tuple[Problem, dict[str, Any], MaskClass], max_iterations: int, window: int
) -> None:
    problem, smaller, larger = case
    best = problem.solve(max_iterations=100, **smaller)
    ceiling = solve(problem, larger, max_iterations=max_iterations)
    assert_certified(problem, best.mask[0], float(ceiling.certified[0]))
    least, reached = (10 ** (-float(each[0]) / 10) for each in (ceiling.certified, best.achieved))
    assert reached >= least * (1 - 1e-9) - ROUNDING
    options: dict[str, Any] = {"stft": problem.stft, "window": window, "hop": window}
    if "binary" not in smaller:
        below = framewise_ceiling(
            problem.sources, problem.mixture, max_iterations=50, **smaller, **options
        ).achieved
        above = framewise_ceiling(
            problem.sources,
            problem.mixture,
            max_iterations=max_iterations,
            **asdict(larger),
            **options,
        ).certified
        scored = ~np.isnan(above)
        errors = 10 ** (-above[scored] / 10)
        rounding = 1e-6 * (errors + np.sqrt(errors)) + 1e-10
        assert (10 ** (-below[scored] / 10) >= errors - rounding).all()


# Many chunks.

OPTIONS: dict[str, dict[str, Any]] = {name: asdict(kind) for name, kind in KINDS.items()}
OPTIONS |= {"binary": {"binary": True}, "shared binary": {"binary": True, "shared": True}}
each_options = pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of a few frames."""
    monkeypatch.setattr(oracle.optimal.chunks, "CHUNK_FRAMES", 6)


@each_kind
def test_many_chunks_come_as_near_as_one(
    kind: MaskClass, monkeypatch: pytest.MonkeyPatch, small_chunks: None
) -> None:
    problem = hard_for(kind, 2, 300)
    tolerance = 1e-4
    many = solve(problem, kind, tolerance=tolerance)
    assert many.converged.all()
    assert 0 <= many.certified - many.achieved <= tolerance
    error = problem.error(many.mask[0])
    assert many.achieved == pytest.approx(10 * math.log10(problem.energy / error), abs=1e-9)
    np.testing.assert_allclose(many.estimate[0], problem.estimate(many.mask[0]), atol=1e-9)
    assert_of_class(kind, problem, many.mask[0])
    assert_nothing_exceeds(
        problem, kind, many.mask[0], float(many.certified[0]), np.random.default_rng(0)
    )
    monkeypatch.setattr(oracle.optimal.chunks, "CHUNK_FRAMES", 10**6)
    one = solve(problem, kind, tolerance=tolerance)
    for ends in ((many.achieved, one.certified), (one.achieved, many.certified)):
        assert 0 <= ends[1] - ends[0] + SUMMATION <= 2 * tolerance


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(
    case=cases(longest=90),
    chunk_frames=st.integers(1, 6),
    max_iterations=st.sampled_from([1, 3, 50]),
    seed=st.integers(0, 2**32 - 1),
)
def test_no_mask_of_the_class_exceeds_the_certificate_of_many_chunks(
    case: tuple[Problem, MaskClass], chunk_frames: int, max_iterations: int, seed: int
) -> None:
    problem, kind = case
    rng = np.random.default_rng(seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(oracle.optimal.chunks, "CHUNK_FRAMES", chunk_frames)
        optimum = solve(problem, kind, max_iterations=max_iterations)
    assert optimum.iterations[0] <= max_iterations
    assert_of_class(kind, problem, optimum.mask[0])
    assert_nothing_exceeds(problem, kind, optimum.mask[0], float(optimum.certified[0]), rng)
    # It is no looser than the terms of one chunk make it, but for rounding.
    error = problem.error(optimum.mask[0])
    if error > 1e-6 * problem.energy:
        reached = 10 * math.log10(problem.energy / error)
        assert optimum.achieved[0] == pytest.approx(reached, abs=1e-6)


@pytest.mark.parametrize("hop_length", [1, 2])
def test_chunks_of_tiny_hops_are_not_before_the_first_sample(
    hop_length: int, small_chunks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    stft = made_stft(32, hop_length, "hann")
    assert stft is not None
    problem = problem_of(1, 40, stft=stft)
    many = problem.solve()
    assert many.converged.all()
    assert problem.error(many.mask[0]) == pytest.approx(
        least_of(problem, float(many.achieved[0])), rel=1e-9
    )
    monkeypatch.setattr(oracle.optimal.chunks, "CHUNK_FRAMES", 10**6)
    np.testing.assert_allclose(many.achieved, problem.solve().achieved, atol=0.01)


@pytest.mark.slow
@each_options
def test_masks_are_the_same_to_the_last_bit_in_any_number_of_threads(
    options: dict[str, Any], small_chunks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oracle.machine.threads.n_cores", lambda: 5)
    sources = noise(2, 400).astype(np.float32)
    mixture = sources.sum(axis=0)
    expected = optimal_mask(sources, mixture, stft=SMALL, max_iterations=50, **options)
    for workers in (2, -1):
        stft = dataclasses.replace(SMALL, workers=workers)
        found = optimal_mask(sources, mixture, stft=stft, max_iterations=50, **options)
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("shared", [False, True], ids=["each", "shared"])
def test_binary_masks_of_many_chunks_are_certified_by_real_ones(
    shared: bool, small_chunks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = problem_of(2, 400, shared=shared)
    real, binary = problem.solve(), problem.solve(binary=True)
    assert set(np.unique(binary.mask)) == {0, 1}
    np.testing.assert_array_equal(binary.certified, real.certified)
    assert real.achieved[0] - 1.5 < binary.achieved[0] < real.achieved[0]
    assert problem.error(binary.mask[0]) == pytest.approx(
        least_of(problem, float(binary.achieved[0])), rel=1e-9
    )
    # Flips improve on rounding, also near where chunks meet.
    rounded = (real.mask[0] >= 0.5).astype(float)
    assert problem.error(binary.mask[0]) < problem.error(rounded)
    monkeypatch.setattr(oracle.optimal.chunks, "CHUNK_FRAMES", 10**6)
    one = problem.solve(binary=True)
    assert binary.achieved == pytest.approx(one.achieved, abs=0.1)


# Masks that are found as they are asked for.

FRAMES = [slice(10 * index, 10 * index + 10) for index in range(39)] + [slice(390, 397)]


def numbered(index: int) -> Mask:
    """Masks that tell which frame they are of."""
    own = FRAMES[index]
    return np.arange(own.start, own.stop, dtype=float)[np.newaxis, np.newaxis, :, np.newaxis]


def frames_of(found: Mask) -> list[float]:
    return [float(each) for each in found[0, 0, :, 0]]


@settings(max_examples=60, deadline=None)
@given(
    cuts=st.lists(st.tuples(st.integers(0, 396), st.integers(1, 60)), min_size=1, max_size=30),
    threads=st.integers(1, 6),
)
def test_masks_are_those_of_the_frames_in_any_order_and_few_are_kept(
    cuts: list[tuple[int, int]], threads: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("oracle.machine.threads.n_cores", lambda: threads)
        masks = Masks(FRAMES, numbered)
        most = 0
        for start, length in cuts:
            frames = slice(start, min(start + length, 397))
            assert frames_of(masks.of(frames)) == list(range(frames.start, frames.stop))
            most = max(most, (frames.stop - 1) // 10 - start // 10 + 1)
            assert len(masks._found) <= most + 2 * threads + oracle.optimal.found_masks.KEPT
        with ThreadPoolExecutor(threads) as pool:
            found = pool.map(lambda cut: masks.of(slice(cut[0], min(sum(cut), 397))), cuts)
            for (start, length), each in zip(cuts, found, strict=True):
                assert frames_of(each) == list(range(start, min(start + length, 397)))


def test_each_chunk_is_found_once_though_many_threads_ask_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    threads = 8
    monkeypatch.setattr("oracle.machine.threads.n_cores", lambda: threads)
    counts: Counter[int] = Counter()
    together = Barrier(threads)

    def find(index: int) -> Mask:
        counts[index] += 1
        if index < threads:
            together.wait(timeout=60)  # as many are at work, each at another
        return numbered(index)

    masks = Masks(FRAMES, find)
    with ThreadPoolExecutor(threads) as pool:
        for found in pool.map(lambda _: masks.of(slice(5, 15)), range(threads)):
            assert frames_of(found) == list(range(5, 15))
    assert set(counts) >= {*range(threads)}
    assert set(counts.values()) == {1}


def test_a_chunk_that_takes_long_is_not_found_again_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("oracle.machine.threads.n_cores", lambda: 1)
    counts: Counter[int] = Counter()
    started, go_on = Event(), Event()

    def find(index: int) -> Mask:
        counts[index] += 1
        if index == 0:
            started.set()
            assert go_on.wait(timeout=60)
        return numbered(index)

    masks = Masks(FRAMES, find)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(masks.of, slice(0, 5))
        assert started.wait(timeout=60)
        for start in range(10, 390, 10):
            masks.of(slice(start, start + 10))
        again = pool.submit(masks.of, slice(5, 10))
        go_on.set()
        assert frames_of(first.result()) == [0, 1, 2, 3, 4]
        assert frames_of(again.result()) == [5, 6, 7, 8, 9]
    assert counts[0] == 1


def test_an_error_is_raised_to_all_who_wait_and_not_to_those_who_come_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    threads = 4
    monkeypatch.setattr("oracle.machine.threads.n_cores", lambda: threads)
    broken = True
    counts: Counter[int] = Counter()
    together, waited = Barrier(threads), Event()

    def find(index: int) -> Mask:
        if not broken:
            return numbered(index)
        counts[index] += 1
        if index < threads and counts[index] == 1:
            together.wait(timeout=60)
        if index == 1:
            assert waited.wait(timeout=60)
            raise MemoryError("no room")
        if index == threads:  # someone has nothing else to do
            waited.set()
        return numbered(index)

    masks = Masks(FRAMES, find)
    with ThreadPoolExecutor(threads) as pool:
        failed = [pool.submit(masks.of, slice(10, 50)) for _ in range(threads - 1)]
        failed.append(pool.submit(masks.of, slice(0, 20)))
        for each in failed:
            with pytest.raises(MemoryError, match="no room"):
                each.result()
    # What others have found meanwhile stays, and the rest is found again.
    broken = False
    assert frames_of(masks.of(slice(0, 50))) == list(range(50))


# Named classes.


@pytest.mark.parametrize("rate", [8000, 16000, 44100])
@pytest.mark.parametrize("n_fft", [64, 255, 1024, 2048, 4096])
def test_each_frequency_is_in_the_band_in_which_its_centre_is(n_fft: int, rate: int) -> None:
    stft = STFT(n_fft=n_fft, hop_length=n_fft // 2, window="hamming")
    for edges in (BARK_EDGES, BAND_SPLIT_EDGES, (1, 50, 51, 3000, 50000), (), (rate / 2,)):
        found = make_bands(edges, stft, rate)
        centres = [Fraction(rate * each, n_fft) for each in range(stft.n_freqs)]
        numbers = [sum(edge <= centre for edge in edges) for centre in centres]
        # Those without a bin are left out.
        first = [0] + [b for b in range(1, stft.n_freqs) if numbers[b] != numbers[b - 1]]
        assert found == tuple(first)
        assert all(type(each) is int for each in found)


@pytest.mark.parametrize("rate", [8000, 44100])
@pytest.mark.parametrize("n_bands", [1, 2, 64])
def test_mel_bands_are_equally_wide_on_the_mel_scale(n_bands: int, rate: int) -> None:
    edges = mel_edges(n_bands, rate)
    assert len(edges) == n_bands - 1
    mel = 2595 * np.log10(1 + np.array([0, *edges, rate / 2]) / 700)
    np.testing.assert_allclose(np.diff(mel), mel[-1] / n_bands, rtol=1e-9)
    assert (np.diff(edges) > 0).all()


def test_a_kilohertz_is_a_thousand_mel() -> None:
    top = 700 * (10 ** (2000 / 2595) - 1)  # of two bands of a thousand each
    (edge,) = mel_edges(2, round(2 * top))
    assert edge == pytest.approx(1000, abs=0.2)


@pytest.mark.parametrize("name", CLASSES)
def test_named_classes_are_classes_at_any_stft_and_rate(name: str) -> None:
    named = CLASSES[name]
    assert named.name == name
    assert {named.method} <= {*METHODS}
    assert {named.ceiling} <= {*CEILINGS}
    for n_fft in (64, 255, 1024, 4096):
        for rate in (8000, 16000, 44100):
            stft = STFT(n_fft=n_fft, hop_length=n_fft // 4, window="hamming")
            kind = named.at(stft, rate)
            assert mask_class(stft, **asdict(kind)) == kind
            if kind.bands is not None:
                assert 1 < len(kind.bands) <= stft.n_freqs


def test_named_bands_are_as_many_as_they_say() -> None:
    def count(name: str, n_fft: int, rate: int) -> int:
        found = CLASSES[name].at(STFT(n_fft=n_fft, hop_length=n_fft // 2), rate).bands
        assert found is not None
        return len(found)

    assert count("BANDSPLIT", 2048, 44100) == 41
    assert count("BARK", 2048, 44100) == 25
    assert count("MEL64", 2048, 44100) == 64
    # The lowest of a short window have no bin of their own.
    assert count("MEL64", 512, 44100) < 64
    assert count("BANDSPLIT", 64, 8000) < 26


# Tracks.

RATE = 8000
NAMED = {masks.method: masks for masks in CLASSES.values()}
CLOSED = ("MIX", "IBM1", "IRM2", "TPSM")


def chord() -> Track:
    """Sources that differ in time and frequency, 1.5 s."""
    rng = np.random.default_rng(11)
    time = np.arange(3 * RATE // 2) / RATE
    sources = {}
    for place, name in enumerate(("drums", "bass", "vocals"), start=1):
        tones = np.sin(2 * np.pi * 300 * place * time + rng.random((2, 1)))
        audio = (1 + np.sin(9 * place * time)) * (tones + rng.standard_normal((2, time.size)))
        sources[name] = (0.1 * audio).astype(np.float32)
    return Track.from_sources("chord", RATE, sources)


def rows_of(threads: int = sys.maxsize) -> Sequence[tuple[Any, ...]]:
    """Rows of all classes, of a track in several chunks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(oracle.optimal.synthesis, "BLOCK_SAMPLES", BLOCK_SAMPLES)
        patch.setattr(oracle.optimal.chunks, "CHUNK_FRAMES", 20)
        patch.setattr("oracle.machine.threads.n_cores", lambda: 5)
        names = [*CLOSED, *NAMED, *CEILINGS]
        stft = STFT(n_fft=256, hop_length=128)
        with limited_threads(threads):
            return score_track(chord(), names, stft=stft, metrics=["SDR", "uSDR"]).result


@pytest.fixture(scope="module")
def scored() -> pd.DataFrame:
    return tidy(rows_of())


def values(scores: pd.DataFrame, method: str, metric: str) -> pd.Series:
    """Scores by target and window."""
    chosen = scores[(scores["method"] == method) & (scores["metric"] == metric)]
    found = chosen.set_index(["target", "time"])["score"]
    assert found.notna().all()
    return found


@pytest.mark.slow
@pytest.mark.parametrize("method", NAMED)
def test_no_mask_of_a_track_exceeds_the_ceiling_of_its_class(
    scored: pd.DataFrame, method: str
) -> None:
    named = NAMED[method]
    within: dict[str, list[str]] = {
        "": [*CLOSED, *(m for m in NAMED if m not in ("OPT-RELU2", "OPT-COMPLEX"))],
        "RELU2": [*CLOSED, *(m for m in NAMED if m != "OPT-COMPLEX")],
        "COMPLEX": [*CLOSED, *(m for m in NAMED if m != "OPT-RELU2")],
        "BINARY": ["IBM1"],
    }
    for metric, n_values in (("uSDR", 4), ("SDR", 4)):
        ceiling = values(scored, named.ceiling, metric)
        assert len(ceiling) == n_values
        for other in {method, "MIX", *within.get(named.name, [])}:
            reached = values(scored, other, metric)
            if other in ("IBM1", "TPSM"):  # whose accompaniment is a sum of masks
                reached = reached[reached.index.get_level_values("target") != "accompaniment"]
            assert (reached <= ceiling[reached.index]).all()


@pytest.mark.parametrize(
    "name",
    [name for name, named in CLASSES.items() if not named.binary],
)
def test_the_ceiling_of_a_whole_track_is_reached(scored: pd.DataFrame, name: str) -> None:
    named = CLASSES[name]
    gap = values(scored, named.ceiling, "uSDR") - values(scored, named.method, "uSDR")
    # Of masks of more freedom chunks fit less well.
    assert (gap <= (0.05 if name in ("RELU2", "COMPLEX") else TOLERANCE)).all()


@pytest.mark.slow
def test_scores_of_a_track_are_the_same_to_the_last_bit_in_any_number_of_threads(
    scored: pd.DataFrame,
) -> None:
    pd.testing.assert_frame_equal(tidy(rows_of(threads=1)), scored, check_exact=True)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, each in CLASSES.items() if not each.binary])
def test_masks_of_a_real_track_are_proven_best_of_their_class(
    rock: Track, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oracle.optimal.synthesis, "BLOCK_SAMPLES", BLOCK_SAMPLES)
    cut = slice(rock.rate, 4 * rock.rate)
    sources = np.stack([source[:, cut] for source in rock.sources.values()])
    options = asdict(CLASSES[name].at(STFT(), rock.rate))
    mixture = np.ascontiguousarray(rock.mixture[:, cut])
    optimum = optimal_mask(sources, mixture, tolerance=0.05, **options)
    assert optimum.converged.all()
    gap = optimum.certified - optimum.achieved
    assert ((gap >= 0) & (gap <= 0.05)).all()
    np.testing.assert_allclose(
        metrics.usdr(sources, optimum.estimate), optimum.achieved, rtol=0, atol=1e-4
    )
