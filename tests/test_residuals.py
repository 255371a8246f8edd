"""Residuals: closed forms, processes of known correlation, identities, other libraries, errors."""

import math
import re
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import hypothesis.strategies as st
import numpy as np
import numpy.typing as npt
import pytest
from conftest import frozen
from hypothesis import given, settings
from hypothesis.extra import numpy as hnp
from matplotlib import mlab
from scipy import signal, stats
from statsmodels.stats.diagnostic import acorr_ljungbox
from statsmodels.tsa import stattools

from oracle import residuals
from oracle.residuals import FrequencySeries
from oracle.residuals.correlograms import DEVIATIONS_95

Array = npt.NDArray[Any]

# Of a few operations in float64, relative to what goes into them.
ROUNDING = 1e-12

few = settings(max_examples=50, deadline=None)
seeds = st.integers(0, 2**32 - 1)
# Neither huge nor tiny: squares neither overflow nor vanish.
moderate = st.floats(-1e3, 1e3).map(lambda value: value if abs(value) > 1e-3 else 0.0)


def spectra(rng: np.random.Generator, *shape: int) -> Array:
    return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)


def bins(*values: complex) -> Array:
    """Spectra of one source with one frame, shape (1, n_freqs, 1)."""
    return np.array(values, complex)[None, :, None]


def process(rng: np.random.Generator, coefficients: list[float], *shape: int) -> Array:
    """Autoregressive: each sample is the past ones, weighted, and an innovation."""
    noise = rng.standard_normal((*shape[:-1], shape[-1] + 1000))
    filtered = signal.lfilter([1.0], [1.0, *(-c for c in coefficients)], noise)
    return np.asarray(filtered)[..., 1000:]


def series(values: Array) -> FrequencySeries:
    return FrequencySeries(np.arange(float(values.shape[-1])), values)


# --- Residuals and their norms ---


def test_a_waveform_residual_is_estimate_less_reference() -> None:
    actual = residuals.waveform_residuals(np.array([[1.0, -2.0]]), np.array([[3.0, 5.0]]))
    np.testing.assert_array_equal(actual, [[2.0, 7.0]])


def test_waveform_residuals_of_float32_are_taken_in_float64() -> None:
    references = np.array([1e8], np.float32)
    estimates = np.array([1.2345678], np.float32)
    actual = residuals.waveform_residuals(references, estimates)
    assert actual.dtype == np.float64
    assert actual[0] == float(estimates[0]) - 1e8


def test_a_magnitude_residual_is_negative_where_energy_is_missing() -> None:
    actual = residuals.magnitude_residuals(bins(3 + 4j, 1, 0), bins(2j, -1, 1j))
    np.testing.assert_array_equal(actual, [[[-3.0], [0.0], [1.0]]])
    assert actual.dtype == np.float64


def test_magnitude_residuals_of_complex64_are_taken_in_float64(rng: np.random.Generator) -> None:
    references, estimates = spectra(rng, 2, 2, 3, 4).astype(np.complex64)
    actual = residuals.magnitude_residuals(references, estimates)
    wide = references.astype(np.complex128), estimates.astype(np.complex128)
    np.testing.assert_array_equal(actual, np.abs(wide[1]) - np.abs(wide[0]))


@pytest.mark.parametrize("shape", [(1, 1), (2, 3, 5)])
@pytest.mark.parametrize("is_complex", [False, True])
def test_norms_are_means_over_all_but_the_first_dimension(
    rng: np.random.Generator, shape: tuple[int, ...], is_complex: bool
) -> None:
    values = spectra(rng, *shape) if is_complex else rng.standard_normal(shape)
    norms = residuals.norms(values)
    flat = values.reshape(len(values), -1)
    count = flat.shape[1]
    np.testing.assert_allclose(norms.l1, np.linalg.norm(flat, 1, axis=1) / count, rtol=ROUNDING)
    np.testing.assert_allclose(norms.l2, np.linalg.norm(flat, axis=1) ** 2 / count, rtol=ROUNDING)
    assert norms.l1.shape == norms.l2.shape == shape[:1]


def test_norms_of_known_numbers() -> None:
    norms = residuals.norms(np.array([[3 + 4j, 0], [-1, 1j]]))
    np.testing.assert_array_equal(norms.l1, [2.5, 1])
    np.testing.assert_array_equal(norms.l2, [12.5, 1])


@pytest.mark.parametrize("dtype", [np.float32, np.complex64])
def test_norms_of_single_precision_are_summed_in_double(
    rng: np.random.Generator, dtype: type[np.generic]
) -> None:
    values = rng.standard_normal((1, 100_000)).astype(dtype)
    norms = residuals.norms(values)
    wide = np.abs(values[0].astype(np.complex128))
    assert norms.l1.dtype == norms.l2.dtype == np.float64
    assert norms.l1[0] == pytest.approx(math.fsum(wide) / wide.size, rel=1e-13)
    assert norms.l2[0] == pytest.approx(math.fsum(wide**2) / wide.size, rel=1e-13)


def test_norms_of_integers_do_not_overflow() -> None:
    assert residuals.norms(np.array([[-128, 127]], np.int8)).l1[0] == 127.5
    assert residuals.norms(np.array([[2**31 - 1]], np.int32)).l2[0] == (2.0**31 - 1) ** 2


@few
@given(
    values=hnp.arrays(np.float64, (2, 5), elements=moderate),
    gain=st.floats(1e-3, 1e3),
)
def test_norms_grow_with_the_gain_and_with_its_square(values: Array, gain: float) -> None:
    norms, scaled = residuals.norms(values), residuals.norms(-gain * values)
    np.testing.assert_allclose(scaled.l1, gain * norms.l1, rtol=ROUNDING)
    np.testing.assert_allclose(scaled.l2, gain**2 * norms.l2, rtol=ROUNDING)
    assert np.all(norms.l1**2 <= norms.l2 * (1 + ROUNDING))


# --- Phase ---


@pytest.mark.parametrize(
    ("reference", "estimate", "error"),
    [
        (1, 1j, 0.5),
        (1j, 1, -0.5),
        (1, -1, 1),
        (-1, 1, 1),
        (1j, -1j, 1),
        (-1j, 1j, 1),
        (complex(1, 0), complex(-1, -0.0), 1),
        (complex(-1, -0.0), complex(-1, 0.0), 0),
        (complex(-1, 0.0), complex(-1, -0.0), 0),
        (-1 + 1j, -1 - 1j, 0.5),
        (-1 - 1j, -1 + 1j, -0.5),
        (2 + 2j, 5 + 5j, 0),
    ],
)
def test_phase_error_is_the_phase_by_which_the_estimate_leads(
    reference: complex, estimate: complex, error: float
) -> None:
    actual = residuals.phase_error(bins(reference), bins(estimate))
    assert actual.item() == pytest.approx(error * np.pi, abs=1e-15)


@pytest.mark.parametrize("gain", [1e-3, 1.0, 7.5])
def test_phase_error_of_all_pairs_on_a_circle_is_wrapped(gain: float) -> None:
    steps = np.arange(-36, 37)
    circle = np.exp(1j * np.pi / 12 * steps)
    references, estimates = np.meshgrid(circle, gain * circle, indexing="ij")
    turns = (steps[None, :] - steps[:, None]) % 24
    expected = np.pi / 12 * np.where(turns > 12, turns - 24, turns)
    actual = residuals.phase_error(references, estimates)
    assert (np.abs(actual) <= np.pi + ROUNDING).all()
    half = turns == 12
    np.testing.assert_allclose(actual[~half], expected[~half], atol=ROUNDING)
    np.testing.assert_allclose(np.abs(actual[half]), np.pi, atol=ROUNDING)


def test_phase_error_on_the_axes_is_pi_and_never_minus_pi() -> None:
    references = bins(1, -1, 1j, -1j, complex(1, -0.0), complex(-1, -0.0), complex(-0.0, 1))
    assert (residuals.phase_error(references, -references) == np.pi).all()
    assert (residuals.phase_error(-references, references) == np.pi).all()


def test_phase_error_of_negated_spectra_is_pi_and_never_near_minus_pi(
    rng: np.random.Generator,
) -> None:
    references = spectra(rng, 50, 50)
    error = residuals.phase_error(references, -references)
    assert ((error > 0) & (error <= np.pi)).all()


def test_phase_error_is_nan_where_there_is_no_phase() -> None:
    actual = residuals.phase_error(bins(0, 1, 0, 1, complex(-0.0, -0.0)), bins(1, 0, 0, 1, 1))
    np.testing.assert_array_equal(np.isnan(actual[0, :, 0]), [True, True, True, False, True])


def test_with_phase_of_keeps_magnitudes_and_takes_the_mixtures_phase(
    rng: np.random.Generator,
) -> None:
    sources = spectra(rng, 3, 2, 5, 6)
    mixture: Array = 1e-3 * spectra(rng, 2, 5, 6)
    estimates = residuals.with_phase_of(mixture, sources)
    assert estimates.dtype == np.complex128
    np.testing.assert_allclose(np.abs(estimates), np.abs(sources), rtol=ROUNDING)
    expected = np.broadcast_to(np.angle(mixture), sources.shape)
    np.testing.assert_allclose(np.angle(estimates), expected, atol=ROUNDING)


def test_with_phase_of_takes_the_phase_of_a_zero_mixture_for_0() -> None:
    actual = residuals.with_phase_of(bins(0, -2, 3j)[0], bins(2j, 3j, 0))
    np.testing.assert_array_equal(actual, bins(2, -3, 0))


def test_with_phase_of_complex64_is_computed_in_double(rng: np.random.Generator) -> None:
    mixture: Array = spectra(rng, 5, 6).astype(np.complex64)
    sources = spectra(rng, 2, 5, 6).astype(np.complex64)
    actual = residuals.with_phase_of(mixture, sources)
    wide = mixture.astype(np.complex128)
    expected = np.abs(sources.astype(np.complex128)) * wide / np.abs(wide)
    np.testing.assert_allclose(actual, expected, rtol=ROUNDING)


@few
@given(seed=seeds, gain=st.floats(0, 0.99) | st.floats(1.01, 100))
def test_a_pure_gain_has_no_phase_error(seed: int, gain: float) -> None:
    references = spectra(np.random.default_rng(seed), 2, 3, 4)
    estimates: Array = gain * references
    share = residuals.phase_share(references, estimates)
    np.testing.assert_allclose(share, 0, atol=ROUNDING)
    assert (share >= 0).all()


@few
@given(seed=seeds, gain=st.sampled_from([0.1, 1.0, 100.0]))
def test_phase_share_is_what_the_law_of_cosines_says(seed: int, gain: float) -> None:
    references, estimates = spectra(np.random.default_rng(seed), 2, 3, 2, 4, 5)
    estimates = references + gain * estimates
    angle = residuals.phase_error(references, estimates)
    phase = 2 * np.abs(estimates) * np.abs(references) * (1 - np.cos(angle))
    magnitude = residuals.magnitude_residuals(references, estimates) ** 2
    error = np.abs(estimates - references) ** 2
    np.testing.assert_allclose(magnitude + phase, error, atol=ROUNDING * error.max())
    share = residuals.phase_share(references, estimates)
    expected = phase.sum(axis=(1, 2, 3)) / error.sum(axis=(1, 2, 3))
    np.testing.assert_allclose(share, expected, rtol=1e-9)
    assert ((share >= 0) & (share <= 1)).all()


def test_phase_share_without_error_is_nan() -> None:
    references = np.ones((2, 3, 4), complex)
    estimates = references.copy()
    estimates[1] = 1j
    np.testing.assert_array_equal(residuals.phase_share(references, estimates), [np.nan, 1])


# --- Contested bins ---


def test_contested_shares_of_bins_made_by_hand() -> None:
    # Powers of the first 1, 4, 0, 0, 9 against 4, 1, 1, 0, 0; at 0 dB it is the louder that wins.
    sources = np.concatenate([bins(1, -2, 0, 0, 3j), bins(2j, 1, 1, 0, 0)])
    errors = np.concatenate([bins(1, 1j, -3, 2, 1), bins(0, 2, 1, 0, 2)])
    shares = residuals.contested_share(sources, errors, margin=0)
    np.testing.assert_allclose(shares.residual, [10 / 16, 8 / 9])
    np.testing.assert_allclose(shares.source, [1 / 14, 1 / 6])
    np.testing.assert_allclose(shares.bins, [2 / 5, 2 / 5])


@pytest.mark.parametrize(
    ("margin", "contested"),
    [(19.99, 0), (20, 1), (20.01, 1), (0, 0), (-20, 0)],
)
def test_others_weaker_by_just_the_margin_contest(margin: float, contested: float) -> None:
    sources = np.concatenate([bins(10), bins(1)])
    shares = residuals.contested_share(sources, sources, margin=margin)
    assert shares.bins[0] == shares.residual[0] == shares.source[0] == contested


@pytest.mark.parametrize(("amplitude", "contested"), [(3.17, 1), (3.15, 1), (3.17**2, 0)])
def test_the_margin_is_10_db_unless_told(amplitude: float, contested: float) -> None:
    sources = np.concatenate([bins(amplitude * 0.997), bins(1)])
    assert residuals.contested_share(sources, sources).bins[0] == contested
    sources[0] = math.sqrt(10) * 1.001
    assert residuals.contested_share(sources, sources).bins[0] == 0


def test_the_others_contest_together() -> None:
    sources = np.concatenate([bins(2), bins(1.5), bins(-1.5)])
    assert residuals.contested_share(sources, sources, margin=0).bins[0] == 1
    assert residuals.contested_share(sources[:2], sources[:2], margin=0).bins[0] == 0


def test_a_source_alone_is_contested_nowhere(rng: np.random.Generator) -> None:
    sources = spectra(rng, 1, 2, 5, 6)
    for share in residuals.contested_share(sources, sources, margin=300):
        np.testing.assert_array_equal(share, [0])


def test_quiet_others_are_neither_lost_beside_a_loud_source_nor_made_by_rounding() -> None:
    sources = np.concatenate([bins(1, 0.1), bins(1e-10, 0), bins(0, 0)])
    shares = residuals.contested_share(sources, sources, margin=250)
    np.testing.assert_array_equal(shares.bins, [0.5, 1, 1])


def test_silent_sources_and_residuals_have_no_share() -> None:
    sources = np.concatenate([bins(1, 0), bins(0, 0)])
    errors = np.concatenate([bins(0, 0), bins(1, 1)])
    shares = residuals.contested_share(sources, errors)
    np.testing.assert_array_equal(shares.residual, [np.nan, 0.5])
    np.testing.assert_array_equal(shares.source, [0, np.nan])
    np.testing.assert_array_equal(shares.bins, [0, 0.5])


@few
@given(seed=seeds, margin=st.floats(-20, 20))
def test_contested_shares_are_those_of_a_loop_over_bins(seed: int, margin: float) -> None:
    rng = np.random.default_rng(seed)
    sources, errors = spectra(rng, 2, 3, 2, 3, 4)
    shares = residuals.contested_share(sources, errors, margin=margin)
    for place, (source, error) in enumerate(zip(sources, errors, strict=True)):
        inside = np.zeros(source.shape, bool)
        for index in np.ndindex(source.shape):
            powers = np.abs(sources[(slice(None), *index)]) ** 2
            own = powers[place]
            inside[index] = 10 * np.log10(own / (powers.sum() - own)) <= margin
        for share, energy in ((shares.residual, np.abs(error) ** 2), (shares.bins, np.ones(24))):
            expected = energy.reshape(source.shape)[inside].sum() / energy.sum()
            assert share[place] == pytest.approx(expected)
        own = np.abs(source) ** 2
        assert shares.source[place] == pytest.approx(own[inside].sum() / own.sum())


# --- Periodograms ---


@pytest.mark.parametrize("n_samples", [800, 801])
def test_a_tone_of_the_grid_has_half_its_square_at_its_frequency_and_nothing_elsewhere(
    n_samples: int,
) -> None:
    rate, place, amplitude, phase = 4000, 37, 3.0, 1.0
    tone = amplitude * np.cos(2 * np.pi * place * np.arange(n_samples) / n_samples + phase)
    spectrum = residuals.periodogram(tone, rate=rate)
    expected = np.zeros(n_samples // 2 + 1)
    expected[place] = amplitude**2 / 2
    np.testing.assert_allclose(spectrum.values, expected, atol=ROUNDING)
    grid = rate / n_samples * np.arange(n_samples // 2 + 1)
    np.testing.assert_allclose(spectrum.frequencies, grid, rtol=ROUNDING)


def test_zero_and_the_nyquist_frequency_have_the_whole_square() -> None:
    times = np.arange(16)
    values = residuals.periodogram(3 + 2 * np.cos(np.pi * times), rate=2).values
    np.testing.assert_allclose(values, [9, *[0] * 7, 4], atol=ROUNDING)


@few
@given(
    signals=hnp.arrays(
        np.float64, st.tuples(st.integers(1, 2), st.integers(1, 33)), elements=moderate
    )
)
def test_the_powers_sum_to_the_mean_square(signals: Array) -> None:
    values = residuals.periodogram(signals, rate=7).values
    assert values.shape == (len(signals), signals.shape[1] // 2 + 1)
    np.testing.assert_allclose(values.sum(axis=-1), np.mean(signals**2, axis=-1), rtol=1e-9)


@few
@given(
    powers=hnp.arrays(np.float64, st.integers(2, 40), elements=st.floats(1e-6, 1e6)),
    share=st.floats(0, 1),
)
def test_smoothing_is_that_of_a_naive_loop(powers: Array, share: float) -> None:
    n_bins = 1 + int(share * (len(powers) - 1))
    smoothed = residuals.smooth(series(powers), n_bins=n_bins)
    places = range(len(powers) - n_bins + 1)
    levels = np.array([10 * math.log10(sum(powers[i : i + n_bins]) / n_bins) for i in places])
    if np.ptp(levels) > 1e-6:
        expected = (levels - levels.min()) / np.ptp(levels)
        np.testing.assert_allclose(smoothed.values, expected, atol=1e-6)
    else:
        assert smoothed.values.shape == levels.shape
    np.testing.assert_allclose(smoothed.frequencies, [i + (n_bins - 1) / 2 for i in places])


def test_smoothed_powers_span_0_to_1_in_decibels() -> None:
    smoothed = residuals.smooth(series(np.array([[1.0, 10.0, 1e4], [1e-4, 1e-2, 1e-12]])), n_bins=1)
    np.testing.assert_allclose(smoothed.values, [[0, 0.25, 1], [0.8, 1, 0]], atol=ROUNDING)
    np.testing.assert_array_equal(smoothed.frequencies, [0, 1, 2])


def test_smoothing_averages_1024_neighbours_unless_told(rng: np.random.Generator) -> None:
    powers = rng.exponential(size=1100)
    actual = residuals.smooth(series(powers))
    expected = residuals.smooth(series(powers), n_bins=1024)
    np.testing.assert_array_equal(actual.values, expected.values)
    assert actual.values.shape == actual.frequencies.shape == (77,)


@pytest.mark.parametrize("n_bins", [1, 100])
def test_smoothed_equal_powers_are_0(n_bins: int) -> None:
    smoothed = residuals.smooth(series(np.full(100, 0.1)), n_bins=n_bins)
    np.testing.assert_array_equal(smoothed.values, np.zeros(101 - n_bins))


def test_smoothed_silence_is_nan_beside_signals_that_sound() -> None:
    smoothed = residuals.smooth(series(np.array([[0.0, 0, 0, 0], [1, 1, 1, 100]])), n_bins=2)
    np.testing.assert_array_equal(np.isnan(smoothed.values[0]), [True] * 3)
    np.testing.assert_allclose(smoothed.values[1], [0, 0, 1], atol=ROUNDING)


def test_bins_without_power_are_as_low_as_the_lowest_with_some() -> None:
    smoothed = residuals.smooth(series(np.array([0.0, 1.0, 100.0, 10.0, 0.0])), n_bins=1)
    np.testing.assert_allclose(smoothed.values, [0, 0, 1, 0.5, 0], atol=ROUNDING)


def test_quiet_bins_beside_loud_ones_are_not_lost() -> None:
    powers = np.concatenate([np.full(8, 1e20), np.full(8, 1e-20), np.full(8, 1e-10)])
    smoothed = residuals.smooth(series(powers), n_bins=4).values
    assert smoothed[8] == 0
    np.testing.assert_allclose(smoothed[[0, -1]], [1, 0.25], rtol=ROUNDING)


# --- Coherence and cross-spectra ---


def welch(first: Array, second: Array, rate: int, n_fft: int) -> Array:
    """Average conj(X) Y over Hann windows that overlap by half, as a one-sided density."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)
    hop = n_fft // 2
    products = []
    for start in range(0, len(first) - n_fft + 1, hop):
        x, y = (np.fft.rfft(window * s[start : start + n_fft]) for s in (first, second))
        products.append(np.conj(x) * y)
    density = np.mean(products, axis=0) / (rate * np.sum(window**2))
    density[1:-1] *= 2
    return np.asarray(density)


@pytest.mark.parametrize("n_samples", [96, 97, 500])
def test_cross_spectra_are_those_of_a_naive_loop(rng: np.random.Generator, n_samples: int) -> None:
    noise = rng.standard_normal((3, n_samples)) + 1
    spectra = residuals.cross_spectra(noise, rate=100, n_fft=64)
    assert spectra.values.shape == (3, 3, 33)
    np.testing.assert_allclose(spectra.frequencies, 100 / 64 * np.arange(33))
    for i, j in np.ndindex(3, 3):
        expected = welch(noise[i], noise[j], 100, 64)
        np.testing.assert_allclose(spectra.values[i, j], expected, atol=ROUNDING)


def test_cross_spectra_are_hermitian_with_densities_on_the_diagonal(
    rng: np.random.Generator,
) -> None:
    noise = rng.standard_normal((3, 5000))
    values = residuals.cross_spectra(noise, rate=8000).values
    assert values.shape == (3, 3, 1025)
    np.testing.assert_allclose(values, values.swapaxes(0, 1).conj(), rtol=ROUNDING)
    for own, one in zip(np.einsum("iif->if", values), noise, strict=True):
        density = signal.welch(one, 8000, nperseg=2048, detrend=False)[1]
        np.testing.assert_allclose(own, density, rtol=ROUNDING)


def test_cross_spectra_tell_which_tone_leads() -> None:
    rate, n_fft, place, lead = 8000, 256, 20, 0.7
    times = np.arange(4096)
    tones = np.stack([np.cos(2 * np.pi * place / n_fft * times + p) for p in (0.2, 0.2 + lead)])
    values = residuals.cross_spectra(3 * tones, rate=rate, n_fft=n_fft).values
    assert np.angle(values[0, 1, place]) == pytest.approx(lead)
    # A Hann window has a gain of 1/2, and 3/8 in power.
    assert abs(values[0, 1, place]) == pytest.approx(3**2 / 2 * n_fft / rate * 0.25 / 0.375)


@few
@given(
    pair=hnp.arrays(np.float64, (2, 40), elements=moderate),
    n_fft=st.sampled_from([2, 3, 8, 16, 26]),
)
def test_coherence_lies_between_0_and_1(pair: Array, n_fft: int) -> None:
    values = residuals.coherence(*pair, rate=1, n_fft=n_fft).values
    assert values.shape == (n_fft // 2 + 1,)
    known = values[~np.isnan(values)]
    assert ((known >= 0) & (known <= 1 + ROUNDING)).all()


def test_coherence_with_a_filtered_copy_is_1_and_with_a_mixture_the_wiener_gain(
    rng: np.random.Generator,
) -> None:
    noise, other = rng.standard_normal((2, 400_000))
    filtered = signal.lfilter([1.0, -0.5, 0.25], [1.0], noise)
    assert residuals.coherence(noise, filtered, rate=8000, n_fft=512).values.min() > 0.99
    mixed = residuals.coherence(noise, noise + 2 * other, rate=8000, n_fft=512).values
    np.testing.assert_allclose(mixed, 1 / 5, atol=0.08)
    assert mixed.mean() == pytest.approx(1 / 5, abs=0.005)


def test_coherence_is_symmetric_and_scale_invariant(rng: np.random.Generator) -> None:
    first, second = rng.standard_normal((2, 1000)) + rng.standard_normal(1000)
    expected = residuals.coherence(first, second, rate=10, n_fft=64).values
    swapped = residuals.coherence(second, first, rate=10, n_fft=64).values
    scaled = residuals.coherence(1e3 * first, -1e-4 * second, rate=10, n_fft=64).values
    np.testing.assert_allclose(swapped, expected, rtol=ROUNDING)
    np.testing.assert_allclose(scaled, expected, rtol=1e-9)


def test_coherence_is_that_of_scipy_and_matplotlib(rng: np.random.Generator) -> None:
    first, second = rng.standard_normal((2, 9000))
    second = second + signal.lfilter([1.0], [1.0, -0.9], first)
    frequencies, values = residuals.coherence(first, second, rate=8000)
    expected = signal.coherence(first, second, 8000, nperseg=2048, detrend=False)
    np.testing.assert_allclose(frequencies, np.asarray(expected[0]))
    np.testing.assert_allclose(values, np.asarray(expected[1]), atol=ROUNDING)
    window = signal.get_window("hann", 2048)
    other = mlab.cohere(first, second, NFFT=2048, Fs=8000, noverlap=1024, window=window)
    np.testing.assert_allclose(values, np.asarray(other[0]), atol=ROUNDING)


def test_coherence_does_not_remove_means() -> None:
    first = np.ones(96) + np.tile([0.01, -0.01], 48)
    assert residuals.coherence(first, first + 1, rate=1, n_fft=64).values[0] == pytest.approx(1)


def test_coherence_with_silence_is_nan(rng: np.random.Generator) -> None:
    noise, silence = rng.standard_normal(200), np.zeros(200)
    for pair in ((noise, silence), (silence, noise), (silence, silence)):
        assert np.isnan(residuals.coherence(*pair, rate=8000, n_fft=64).values).all()


@pytest.mark.parametrize("n_fft", [2, 3, 4, 5, 64])
def test_two_windows_that_overlap_by_half_are_enough(rng: np.random.Generator, n_fft: int) -> None:
    least = n_fft + math.ceil(n_fft / 2)
    noise = rng.standard_normal((2, least))
    values = residuals.coherence(*noise, rate=1, n_fft=n_fft).values
    assert values.min() < 0.999
    assert residuals.cross_spectra(noise, rate=1, n_fft=n_fft).values.shape[-1] == n_fft // 2 + 1
    message = (
        "n_fft must be at least 2 and at most two thirds of the length of the signals, "
        f"got {n_fft} for {least - 1} samples"
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        residuals.coherence(*noise[:, 1:], rate=1, n_fft=n_fft)


# --- Correlograms and whiteness ---

N_SAMPLES = 100_000


def test_autocorrelation_is_its_definition(rng: np.random.Generator) -> None:
    noise = 7 + rng.standard_normal(50)
    values = residuals.autocorrelation(noise, n_lags=49).values
    deviations = noise - noise.mean()
    expected = np.correlate(deviations, deviations, "full")[49:] / np.sum(deviations**2)
    np.testing.assert_allclose(values, expected, atol=ROUNDING)
    np.testing.assert_allclose(values, stattools.acf(noise, nlags=49), atol=ROUNDING)
    assert values[0] == 1


def test_autocorrelation_has_100_lags_unless_told(rng: np.random.Generator) -> None:
    noise = rng.standard_normal((1, 101))
    for correlogram in (
        residuals.autocorrelation(noise),
        residuals.partial_autocorrelation(noise),
    ):
        assert correlogram.values.shape == correlogram.band.shape == (1, 101)
    expected = residuals.whiteness(noise, n_lags=100)
    assert residuals.whiteness(noise).statistic == expected.statistic


def test_an_ar_2_process_has_two_partial_correlations(rng: np.random.Generator) -> None:
    first, second = 0.6, -0.4
    samples = process(rng, [first, second], N_SAMPLES)
    values = residuals.autocorrelation(samples, n_lags=10).values
    expected = [1, first / (1 - second)]
    for _ in range(9):
        expected.append(first * expected[-1] + second * expected[-2])
    np.testing.assert_allclose(values, expected, atol=0.02)
    partial = residuals.partial_autocorrelation(samples, n_lags=10).values
    np.testing.assert_allclose(partial[1:3], [expected[1], second], atol=0.01)
    np.testing.assert_allclose(partial[3:], 0, atol=0.015)


@pytest.mark.parametrize("coefficients", [[], [0.9], [0.6, -0.4]])
def test_partial_autocorrelation_is_that_of_statsmodels(
    rng: np.random.Generator, coefficients: list[float]
) -> None:
    samples = 3 + process(rng, coefficients, 500)
    values = residuals.partial_autocorrelation(samples, n_lags=40).values
    expected = stattools.pacf(samples, nlags=40, method="ywm")
    np.testing.assert_allclose(values, expected, atol=1e-9)


@pytest.mark.parametrize("scale", [1e-9, 1e9])
@pytest.mark.parametrize(
    "of", [residuals.autocorrelation, residuals.partial_autocorrelation, residuals.whiteness]
)
def test_correlation_depends_on_neither_scale_nor_mean(
    rng: np.random.Generator, of: Callable[..., Any], scale: float
) -> None:
    samples = process(rng, [0.3], 1, 500)
    for actual, expected in zip(
        of(-scale * (samples + 3), n_lags=20), of(samples, n_lags=20), strict=True
    ):
        np.testing.assert_allclose(actual, expected, rtol=1e-6, atol=1e-9)


def test_the_band_is_a_confidence_band_of_95_percent() -> None:
    assert stats.norm.sf(DEVIATIONS_95) == pytest.approx(0.025, rel=1e-14)


def test_bartletts_band_takes_the_correlation_at_shorter_lags_for_true(
    rng: np.random.Generator,
) -> None:
    samples = process(rng, [0.7], 400)
    values, band = residuals.autocorrelation(samples, n_lags=30)
    assert band[0] == 0
    assert band[1] == pytest.approx(1.959964 / 20)
    for lag in range(2, 31):
        variance = (1 + 2 * sum(values[1:lag] ** 2)) / 400
        assert band[lag] == pytest.approx(1.959964 * math.sqrt(variance))


def test_the_band_of_partial_autocorrelation_is_that_of_quenouille(
    rng: np.random.Generator,
) -> None:
    band = residuals.partial_autocorrelation(rng.standard_normal((2, 400)), n_lags=3).band
    np.testing.assert_allclose(band, [[0, *[1.959964 / 20] * 3]] * 2, rtol=1e-6)


def test_the_bands_hold_95_percent_of_the_correlations_of_white_noise(
    rng: np.random.Generator,
) -> None:
    noise = rng.standard_normal((20, 5000))
    for of in (residuals.autocorrelation, residuals.partial_autocorrelation):
        values, band = of(noise)
        inside = (np.abs(values) < band)[:, 1:]
        assert inside.mean() == pytest.approx(0.95, abs=0.015)


def test_whiteness_is_ljung_and_boxs_test(rng: np.random.Generator) -> None:
    samples = process(rng, [0.05], 3, 700)
    statistic, p_value = residuals.whiteness(samples, n_lags=20)
    correlations = residuals.autocorrelation(samples, n_lags=20).values[:, 1:]
    expected = 700 * 702 * np.sum(correlations**2 / (700 - np.arange(1, 21)), axis=1)
    np.testing.assert_allclose(statistic, expected, rtol=1e-9)
    np.testing.assert_allclose(p_value, stats.chi2.sf(statistic, 20), rtol=1e-9)
    for place, one in enumerate(samples):
        table = acorr_ljungbox(one, lags=[20])
        assert statistic[place] == pytest.approx(table["lb_stat"].item())
        assert p_value[place] == pytest.approx(table["lb_pvalue"].item())


def test_one_signal_has_one_statistic(rng: np.random.Generator) -> None:
    noise = rng.standard_normal(200)
    for actual, expected in zip(
        residuals.whiteness(noise), residuals.whiteness(noise[None]), strict=True
    ):
        assert isinstance(actual, np.ndarray)
        assert actual.shape == ()
        assert actual == expected[0]


@pytest.mark.parametrize("value", [0.0, 0.1, -1e9])
def test_a_constant_signal_has_no_correlation_and_leaves_others_alone(
    rng: np.random.Generator, value: float
) -> None:
    noise = rng.standard_normal(103)
    signals = np.stack([noise, np.full(103, value)])
    for of in (
        residuals.autocorrelation,
        residuals.partial_autocorrelation,
        residuals.whiteness,
    ):
        both, alone = of(signals, n_lags=5), of(noise[None], n_lags=5)
        for actual, expected in zip(both, alone, strict=True):
            np.testing.assert_allclose(actual[0], expected[0], rtol=ROUNDING)
        assert np.isnan(both[0][1]).all()
    assert np.isnan(residuals.whiteness(signals, n_lags=5).p_value[1])
    assert np.isnan(residuals.autocorrelation(signals[1], n_lags=5).band).all()


def test_a_slope_is_no_constant() -> None:
    assert residuals.autocorrelation(1e6 + np.linspace(0, 1e-3, 200), n_lags=1).values[1] > 0.9


# --- All of them ---

OF_ONE: dict[str, Callable[[Array], Any]] = {
    "periodogram": partial(residuals.periodogram, rate=8000),
    "smooth": lambda signals: residuals.smooth(series(signals**2), n_bins=5),
    "autocorrelation": partial(residuals.autocorrelation, n_lags=20),
    "partial_autocorrelation": partial(residuals.partial_autocorrelation, n_lags=20),
    "whiteness": partial(residuals.whiteness, n_lags=20),
}
OF_TWO: dict[str, Callable[[Array, Array], Any]] = {
    "waveform_residuals": residuals.waveform_residuals,
    "magnitude_residuals": residuals.magnitude_residuals,
    "phase_error": residuals.phase_error,
    "phase_share": residuals.phase_share,
    "contested_share": residuals.contested_share,
    "coherence": partial(residuals.coherence, rate=8000, n_fft=32),
}


@pytest.mark.parametrize("of", OF_ONE.values(), ids=OF_ONE)
def test_dimensions_before_the_samples_are_kept_and_equal_a_loop(
    rng: np.random.Generator, of: Callable[[Array], Any]
) -> None:
    signals = rng.standard_normal((2, 3, 100)) * [[[1.0], [10.0], [0.1]]]
    result = of(signals)
    values = result[1] if isinstance(result, FrequencySeries) else result[0]
    assert values.shape[:2] == (2, 3)
    for index in np.ndindex(2, 3):
        alone = of(signals[index][None])
        for actual, expected in zip(result, alone, strict=True):
            if actual is result[0] and isinstance(result, FrequencySeries):
                np.testing.assert_array_equal(actual, expected)
            else:
                np.testing.assert_allclose(actual[index], expected[0], rtol=1e-9, atol=ROUNDING)


def test_coherence_keeps_dimensions_and_equals_a_loop(rng: np.random.Generator) -> None:
    first, second = rng.standard_normal((2, 2, 3, 100))
    values = residuals.coherence(first, second, rate=8000, n_fft=32).values
    assert values.shape == (2, 3, 17)
    for index in np.ndindex(2, 3):
        alone = residuals.coherence(first[index], second[index], rate=8000, n_fft=32).values
        np.testing.assert_allclose(values[index], alone, rtol=ROUNDING)


@pytest.mark.parametrize("of", [residuals.magnitude_residuals, residuals.phase_error])
def test_spectra_are_taken_bin_by_bin(
    rng: np.random.Generator, of: Callable[[Array, Array], Array]
) -> None:
    references, estimates = spectra(rng, 2, 2, 3, 4)
    values = of(references, estimates)
    assert values.shape == (2, 3, 4)
    for index in np.ndindex(2, 3, 4):
        alone = of(references[index].reshape(1, 1), estimates[index].reshape(1, 1))
        np.testing.assert_allclose(values[index], alone.item(), rtol=ROUNDING)


@pytest.mark.parametrize("name", [name for name in OF_ONE if name != "smooth"])
def test_single_precision_is_taken_to_double_and_left_alone(
    rng: np.random.Generator, name: str
) -> None:
    of = OF_ONE[name]
    single = frozen(rng.standard_normal((2, 100)).astype(np.float32))
    double = frozen(single.astype(np.float64))
    for actual, expected in zip(of(single), of(double), strict=True):
        assert np.asarray(actual).dtype == np.float64
        np.testing.assert_allclose(actual, expected, rtol=ROUNDING)


def test_smoothing_leaves_its_input_alone(rng: np.random.Generator) -> None:
    powers = frozen(rng.exponential(size=(2, 50)))
    assert residuals.smooth(series(powers), n_bins=3).values.dtype == np.float64


def test_smoothing_of_single_precision_is_done_in_double(rng: np.random.Generator) -> None:
    powers = rng.exponential(size=50).astype(np.float32)
    actual = residuals.smooth(series(powers), n_bins=3).values
    expected = residuals.smooth(series(powers.astype(np.float64)), n_bins=3).values
    np.testing.assert_array_equal(actual, expected)


@pytest.mark.parametrize("of", OF_TWO.values(), ids=OF_TWO)
def test_single_precision_of_pairs_is_taken_to_double_and_left_alone(
    rng: np.random.Generator, of: Callable[[Array, Array], Any]
) -> None:
    single = frozen(rng.standard_normal((2, 2, 3, 100)).astype(np.float32))
    double = frozen(single.astype(np.float64))
    actual, expected = of(*single), of(*double)
    if isinstance(actual, np.ndarray):
        actual, expected = (actual,), (expected,)
    for one, other in zip(actual, expected, strict=True):
        assert one.dtype == np.float64
        np.testing.assert_allclose(one, other, rtol=ROUNDING)


def test_cross_spectra_and_phases_leave_their_inputs_alone(rng: np.random.Generator) -> None:
    noise = frozen(rng.standard_normal((2, 100)).astype(np.float32))
    cross = residuals.cross_spectra(noise, rate=8000, n_fft=32).values
    double = residuals.cross_spectra(noise.astype(np.float64), rate=8000, n_fft=32).values
    assert cross.dtype == np.complex128
    np.testing.assert_array_equal(cross, double)
    sources = frozen(spectra(rng, 2, 3, 4))
    mixture = frozen(spectra(rng, 3, 4))
    assert np.isfinite(residuals.with_phase_of(mixture, sources)).all()
    assert np.isfinite(residuals.norms(sources).l1).all()
    zeros = frozen(np.zeros((2, 3, 4), complex))
    assert np.isnan(residuals.phase_error(zeros, sources)).all()


# --- Errors ---

BY_DIMENSIONS: dict[Callable[..., Any], tuple[int, str, str]] = {
    residuals.waveform_residuals: (1, "references", "estimates"),
    residuals.magnitude_residuals: (2, "references", "estimates"),
    residuals.phase_error: (2, "references", "estimates"),
    residuals.phase_share: (3, "references", "estimates"),
    residuals.contested_share: (3, "sources", "residuals"),
}


@pytest.mark.parametrize("of", BY_DIMENSIONS)
def test_pairs_have_enough_dimensions_and_one_shape(of: Callable[..., Any]) -> None:
    n_dims, first, second = BY_DIMENSIONS[of]
    least, fewer = (2,) * n_dims, (2,) * (n_dims - 1)
    of(np.ones(least), np.ones(least))
    for shape in (fewer, (0,) * n_dims, (*fewer, 0)):
        message = (
            f"{first} must have at least {n_dims} dimensions and not be empty, got shape {shape}"
        )
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            of(np.ones(shape), np.ones(shape))
    for other in ((*fewer, 1), (1, *least), (*fewer, 3)):
        message = f"{second} must have the shape of {first}, {least}, got {other}"
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            of(np.ones(least), np.ones(other))


@pytest.mark.parametrize("shape", [(), (3,), (0, 2), (2, 0), (2, 3, 0)])
def test_norms_need_something_to_take_the_mean_of(shape: tuple[int, ...]) -> None:
    message = f"residuals must have shape (n_sources, ...) and not be empty, got {shape}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        residuals.norms(np.ones(shape))


@pytest.mark.parametrize(
    ("mixture", "sources"),
    [((2, 3), (2, 3)), ((3,), (2, 3)), ((2, 3), (4, 3, 2)), ((1, 3), (4, 2, 3)), ((), ())],
)
def test_the_mixture_has_the_shape_of_a_source(
    mixture: tuple[int, ...], sources: tuple[int, ...]
) -> None:
    message = (
        "sources must have shape (n_sources, ..., n_freqs, n_frames) and mixture the same "
        f"without n_sources, got {sources} and {mixture}"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        residuals.with_phase_of(np.ones(mixture, complex), np.ones(sources, complex))


@pytest.mark.parametrize("margin", [math.inf, -math.inf, math.nan, 601, -4000.0])
def test_the_margin_is_not_extreme(margin: float) -> None:
    message = f"margin must lie between -600 and 600 dB, got {margin}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        residuals.contested_share(bins(1), bins(1), margin=margin)


@pytest.mark.parametrize("rate", [0, -1, math.nan])
@pytest.mark.parametrize(
    "of",
    [
        residuals.periodogram,
        lambda noise, rate: residuals.coherence(*noise, rate=rate, n_fft=4),
        partial(residuals.cross_spectra, n_fft=4),
    ],
)
def test_the_rate_is_positive(of: Callable[..., Any], rate: float) -> None:
    message = f"rate must be positive, got {rate}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        of(np.ones((2, 10)), rate=rate)


@pytest.mark.parametrize("n_bins", [0, -1, 6])
def test_no_more_neighbours_are_averaged_than_there_are(n_bins: int) -> None:
    residuals.smooth(series(np.ones(5)), n_bins=5)
    message = f"n_bins must lie between 1 and the number of frequencies, 5, got {n_bins}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        residuals.smooth(series(np.ones(5)), n_bins=n_bins)


@pytest.mark.parametrize("length", [99, 101])
def test_coherent_signals_are_equally_long(length: int) -> None:
    message = f"second must be as long as first, 100 samples, got {length}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        residuals.coherence(np.ones(100), np.ones(length), rate=1, n_fft=8)


@pytest.mark.parametrize("shape", [(100,), (2, 2, 100)])
def test_cross_spectra_are_of_signals_in_mono(shape: tuple[int, ...]) -> None:
    message = f"residuals must have shape (n_sources, n_samples), got {shape}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        residuals.cross_spectra(np.ones(shape), rate=1, n_fft=8)


@pytest.mark.parametrize("n_fft", [1, 0, -8, 67, 2048])
def test_windows_are_no_longer_than_two_thirds_of_the_signals(n_fft: int) -> None:
    message = (
        "n_fft must be at least 2 and at most two thirds of the length of the signals, "
        f"got {n_fft} for 100 samples"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        residuals.coherence(np.ones(100), np.ones(100), rate=1, n_fft=n_fft)
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        residuals.cross_spectra(np.ones((2, 100)), rate=1, n_fft=n_fft)
    defaults: list[Callable[[], Any]] = [
        lambda: residuals.coherence(np.ones(3071), np.ones(3071), rate=1),
        lambda: residuals.cross_spectra(np.ones((1, 3071)), rate=1),
    ]
    for of in defaults:
        with pytest.raises(ValueError, match="got 2048 for 3071 samples$"):
            of()


@pytest.mark.parametrize("shape", [(), (0,), (2, 0), (0, 5)])
@pytest.mark.parametrize(
    ("argument", "of"),
    [
        ("signals", partial(residuals.periodogram, rate=1)),
        ("signals", residuals.autocorrelation),
        ("signals", residuals.partial_autocorrelation),
        ("signals", residuals.whiteness),
        ("first", lambda empty: residuals.coherence(empty, np.ones(5), rate=1)),
        ("second", lambda empty: residuals.coherence(np.ones(5), empty, rate=1)),
        ("residuals", partial(residuals.cross_spectra, rate=1)),
    ],
)
def test_signals_are_not_empty(
    argument: str, of: Callable[[Array], Any], shape: tuple[int, ...]
) -> None:
    message = f"{argument} must have shape (..., n_samples) and not be empty, got {shape}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        of(np.ones(shape))


OF_LAGS = (residuals.autocorrelation, residuals.partial_autocorrelation, residuals.whiteness)


@pytest.mark.parametrize("of", OF_LAGS)
@pytest.mark.parametrize("n_lags", [0, -1, 10, 11])
def test_lags_are_shorter_than_the_signals(of: Callable[..., Any], n_lags: int) -> None:
    signals = np.random.default_rng(0).standard_normal((2, 10))
    assert np.isfinite(of(signals, n_lags=9)[0]).all()
    assert np.isfinite(of(signals, n_lags=1)[0]).all()
    message = f"n_lags must lie between 1 and n_samples - 1 = 9, got {n_lags}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        of(signals, n_lags=n_lags)


@pytest.mark.parametrize(
    "of",
    [
        residuals.autocorrelation,
        residuals.whiteness,
        residuals.partial_autocorrelation,
    ],
)
def test_without_statsmodels_it_is_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch, of: Callable[..., Any]
) -> None:
    monkeypatch.setitem(sys.modules, "statsmodels.tsa.stattools", None)
    message = (
        "statsmodels must be installed for correlograms: "
        "pip install 'oracle-masks[waltz]' (in a clone: pip install '.[waltz]')"
    )
    with pytest.raises(ImportError, match=f"^{re.escape(message)}$"):
        of(np.arange(10.0), n_lags=2)


def test_cross_coherence_is_the_coherence_of_each_pair(rng: np.random.Generator) -> None:
    first, second, third = rng.standard_normal((3, 4000))
    signals = np.stack([first, first + second, 0.1 * third, np.zeros(4000)])
    spectra = residuals.cross_spectra(signals, rate=8000, n_fft=256)
    actual = residuals.cross_coherence(spectra)
    expected = residuals.coherence(signals[:, np.newaxis], signals, rate=8000, n_fft=256)
    np.testing.assert_array_equal(actual.frequencies, expected.frequencies)
    np.testing.assert_allclose(actual.values, expected.values, atol=1e-12)
    assert np.isnan(actual.values[3]).all()
    assert (actual.values[:3, :3] <= 1).all()
