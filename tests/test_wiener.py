"""Wiener filter: against its formula written plainly, closed forms, invariants, errors."""

import re
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import oracle.wiener.filters
from oracle import STFT, masks
from oracle.stft.frames import BLOCK_FRAMES_OF_MANY
from oracle.wiener import (
    SpatialModel,
    multichannel_wiener_filter,
    sisec18_regularization,
    sisec18_wiener_filter,
)

Spectra = npt.NDArray[np.complexfloating[Any, Any]]

EPS = float(np.finfo(np.float64).eps)
# Rounding of double precision, times the condition numbers of small random covariances.
DOUBLE = 1e-10
# Results are rounded to the precision of the spectra once, at the end.
SINGLE = 1e-6
# Gains and sums in single precision round the inputs too, by 6e-8 each, and covariances
# double the relative error.
ROUNDED_INPUTS = 2e-6

each_channel_count = pytest.mark.parametrize("n_channels", [1, 2, 3])
each_source_count = pytest.mark.parametrize("n_sources", [1, 2, 3, 4])


def random_spectra(rng: np.random.Generator, *shape: int) -> npt.NDArray[np.complex128]:
    spectra: npt.NDArray[np.complex128] = rng.standard_normal((*shape, 2)).view(complex)[..., 0]
    return spectra


def random_sources(
    rng: np.random.Generator, n_sources: int, n_channels: int, n_freqs: int = 4, n_frames: int = 12
) -> npt.NDArray[np.complex128]:
    """Sources of full rank, each with its own mixing matrix at every frequency."""
    mixing = random_spectra(rng, n_sources, n_freqs, n_channels, n_channels)
    mixing += 2 * np.eye(n_channels)
    level = rng.uniform(0.1, 3, (n_sources, 1, n_freqs, n_frames))
    dry = level * random_spectra(rng, n_sources, n_channels, n_freqs, n_frames)
    return np.asarray(np.einsum("jfab,jbft->jaft", mixing, dry))


def assert_close(actual: Any, desired: Any, tolerance: float = DOUBLE) -> None:
    """Compare relative to the greatest value."""
    assert actual.shape == np.shape(desired)
    scale = np.abs(desired).max(initial=0)
    np.testing.assert_allclose(actual, desired, rtol=0, atol=tolerance * scale)


def naive_filter(
    sources: Spectra, mixture: Spectra, regularization: float = 0
) -> npt.NDArray[np.complex128]:
    """The module's docstring, word for word, bin by bin."""
    n_sources, n_channels, n_freqs, n_frames = sources.shape
    estimates = np.zeros(sources.shape, np.complex128)
    for f in range(n_freqs):
        covariances = []
        for source in sources:
            covariance = np.zeros((n_channels, n_channels), np.complex128)
            for t in range(n_frames):
                y = source[:, f, t].astype(np.complex128)
                energy = np.vdot(y, y).real / n_channels
                if energy > 0:
                    covariance += np.outer(y, y.conj()) / energy / n_frames
            trace = np.trace(covariance).real
            covariances.append(covariance * n_channels / trace if trace > 0 else covariance)
        ranks = [max(1, np.linalg.matrix_rank(matrix, hermitian=True)) for matrix in covariances]
        inverses = [np.linalg.pinv(matrix, rcond=1e-14, hermitian=True) for matrix in covariances]
        for t in range(n_frames):
            y = sources[:, :, f, t].astype(np.complex128)
            x = mixture[:, f, t].astype(np.complex128)
            powers = [np.vdot(y[j], inverses[j] @ y[j]).real / ranks[j] for j in range(n_sources)]
            total = sum(p * r for p, r in zip(powers, covariances, strict=True))
            determinant = np.linalg.det(total).real
            added = regularization**n_channels
            scale = determinant / (determinant + added) if added else 1
            for j in range(n_sources):
                inverse = np.linalg.pinv(total, rcond=1e-13, hermitian=True)
                estimates[j, :, f, t] = scale * powers[j] * covariances[j] @ inverse @ x
    return estimates


def naive_sisec18_filter(
    sources: Spectra, mixture: Spectra, window_sum: float
) -> npt.NDArray[np.complex128]:
    """SiSEC 2018's steps, on spectra that are divided by the sum of the window as scipy's are."""
    n_sources, n_channels, n_freqs, n_frames = sources.shape
    sources, mixture = sources / window_sum, mixture / window_sum
    estimates = np.zeros(sources.shape, np.complex128)
    covariances, inverses = [], []
    for source in sources:
        covariance = np.zeros((n_freqs, n_channels, n_channels), np.complex128)
        for f, t in np.ndindex(n_freqs, n_frames):
            y = source[:, f, t]
            outer = np.outer(y, y.conj())
            covariance[f] += outer / (np.mean(np.abs(y) ** 2) + EPS) / n_frames
        wrong_trace = [
            sum(covariance[a, a, b] for a in range(min(n_channels, n_freqs)))
            for b in range(n_channels)
        ]
        covariance = covariance * n_channels / np.array(wrong_trace)
        covariances.append(covariance)
        inverses.append(np.linalg.inv(covariance))
    for f, t in np.ndindex(n_freqs, n_frames):
        powers = []
        for j in range(n_sources):
            y = sources[j, :, f, t]
            powers.append(np.real(y.conj() @ inverses[j][f] @ y) / n_channels)
        total = sum(powers[j] * covariances[j][f] for j in range(n_sources))
        determinant = np.linalg.det(total)
        inverse = np.linalg.inv(total) * determinant / (determinant + EPS)
        for j in range(n_sources):
            estimates[j, :, f, t] = powers[j] * covariances[j][f] @ inverse @ mixture[:, f, t]
    return estimates * window_sum


# The formula.


@each_source_count
@each_channel_count
@pytest.mark.parametrize("regularization", [0, 2.5])
def test_filter_equals_its_formula(
    n_sources: int, n_channels: int, regularization: float, rng: np.random.Generator
) -> None:
    sources = random_sources(rng, n_sources, n_channels)
    mixture = random_spectra(rng, *sources.shape[1:])
    actual = multichannel_wiener_filter(sources, mixture, regularization=regularization)
    assert_close(actual, naive_filter(sources, mixture, regularization))


@pytest.mark.parametrize("n_frames", [1, 2, 3])
def test_filter_equals_its_formula_where_covariances_lack_rank(
    n_frames: int, rng: np.random.Generator
) -> None:
    # The first source has no full rank, the second only with three frames.
    sources = random_sources(rng, 2, 3, n_frames=n_frames)
    sources[0, 2] = 0
    mixture = sources.sum(axis=0)
    assert_close(multichannel_wiener_filter(sources, mixture), naive_filter(sources, mixture))


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
def test_filter_computes_in_double_precision_and_keeps_the_dtype(
    dtype: Any, rng: np.random.Generator
) -> None:
    sources = random_sources(rng, 3, 2).astype(dtype)
    mixture = sources.sum(axis=0)
    expected = naive_filter(sources, mixture)
    tolerance = SINGLE if dtype == np.complex64 else DOUBLE
    for actual in (
        multichannel_wiener_filter(sources, mixture),
        sisec18_wiener_filter(sources[:, :1], mixture[:1], window_sum=1),
    ):
        assert actual.dtype == dtype
    assert_close(multichannel_wiener_filter(sources, mixture), expected, tolerance)


@each_channel_count
def test_regularization_scales_by_the_determinant(
    n_channels: int, rng: np.random.Generator
) -> None:
    # One source of white directions: R is nearly 1, C nearly p, det C nearly p^I.
    sources = random_spectra(rng, 1, n_channels, 1, 20000)
    mixture = sources[0]
    regularized = multichannel_wiener_filter(sources, mixture, regularization=0.5)
    determinant = np.mean(np.abs(mixture) ** 2, axis=0) ** n_channels
    # 20000 directions know their covariance to 1 %, the determinant to twice that.
    assert_close(regularized[0], mixture * determinant / (determinant + 0.5**n_channels), 0.03)


@each_channel_count
@pytest.mark.parametrize("window_sum", [1.0, 1e4, 3e7])
def test_sisec18_filter_equals_a_transcription_of_its_steps(
    n_channels: int, window_sum: float, rng: np.random.Generator
) -> None:
    sources = random_sources(rng, 3, n_channels)
    mixture = random_spectra(rng, *sources.shape[1:])
    actual = sisec18_wiener_filter(sources, mixture, window_sum=window_sum)
    assert_close(actual, naive_sisec18_filter(sources, mixture, window_sum))


def test_sisec18_trace_runs_over_no_more_frequencies_than_there_are(
    rng: np.random.Generator,
) -> None:
    sources = random_sources(rng, 2, 3, n_freqs=2)
    mixture = sources.sum(axis=0)
    actual = sisec18_wiener_filter(sources, mixture, window_sum=1)
    assert_close(actual, naive_sisec18_filter(sources, mixture, 1))


def test_sisec18_regularization_is_the_machine_epsilon_in_units_of_the_spectra() -> None:
    assert sisec18_regularization(1, 1024) == 2.0**-52 * 2.0**20
    assert sisec18_regularization(2, 1024) == 2.0**-26 * 2.0**20
    assert sisec18_regularization(2, 1) == 2.0**-26


# Closed forms.


@each_source_count
def test_one_channel_equals_the_ratio_mask_on_powers(
    n_sources: int, rng: np.random.Generator
) -> None:
    sources = random_spectra(rng, n_sources, 1, 5, 20)
    sources[0, :, :, 3] = 0
    mixture = random_spectra(rng, 1, 5, 20)
    expected = masks.ideal_ratio_mask(sources, mixture, power=2) * mixture
    assert_close(multichannel_wiener_filter(sources, mixture), expected)


@pytest.mark.parametrize("n_channels", [2, 3])
def test_channels_that_are_all_the_same_equal_mono(
    n_channels: int, rng: np.random.Generator
) -> None:
    sources = random_spectra(rng, 3, 1, 5, 20)
    mono = multichannel_wiener_filter(sources, sources.sum(axis=0))
    repeated = np.repeat(sources, n_channels, axis=1)
    actual = multichannel_wiener_filter(repeated, repeated.sum(axis=0))
    assert_close(actual, np.repeat(mono, n_channels, axis=1))


def test_sources_from_one_direction_equal_mono(rng: np.random.Generator) -> None:
    direction = np.array([1, 0.3 - 0.4j, -0.7])[:, None, None]
    dry = random_spectra(rng, 3, 1, 5, 20)
    mono = multichannel_wiener_filter(dry, dry.sum(axis=0))
    sources = direction * dry
    mixture = sources.sum(axis=0)
    assert_close(multichannel_wiener_filter(sources, mixture), direction * mono)
    # What comes from elsewhere belongs to no source: it must not blow up.
    other = mixture + random_spectra(rng, *mixture.shape)
    estimates = multichannel_wiener_filter(sources, other)
    assert_close(estimates, direction * estimates[:, :1])
    assert np.abs(estimates).max() <= 3 * np.abs(other).max()


def test_sources_panned_to_one_channel_each_are_recovered(rng: np.random.Generator) -> None:
    sources = random_spectra(rng, 3, 3, 5, 20) * np.eye(3)[:, :, None, None]
    sources[0, :, :, 4] = 0
    assert_close(multichannel_wiener_filter(sources, sources.sum(axis=0)), sources)


@pytest.mark.parametrize("level", [1, 1e-4])
def test_two_sources_from_different_directions_are_recovered_in_stereo(
    level: float, rng: np.random.Generator
) -> None:
    directions = np.array([[1, 0.5j], [-0.3 * level, level]])[:, :, None, None]
    sources = directions * random_spectra(rng, 2, 1, 5, 20)
    # The loud source's rounding errors are as large as the quiet one's power times eps / level^2.
    for actual, source in zip(
        multichannel_wiener_filter(sources, sources.sum(axis=0)), sources, strict=True
    ):
        assert_close(actual, source, max(DOUBLE, 100 * EPS / level**2))


def test_a_single_source_gets_the_mixture(rng: np.random.Generator) -> None:
    sources = random_sources(rng, 1, 2)
    mixture = random_spectra(rng, *sources.shape[1:])
    assert_close(multichannel_wiener_filter(sources, mixture)[0], mixture)


# Invariants.


@settings(max_examples=50, deadline=None)
@given(
    n_sources=st.integers(1, 4),
    n_channels=st.integers(1, 4),
    n_frames=st.integers(8, 80),
    dtype=st.sampled_from([np.complex64, np.complex128]),
    seed=st.integers(0, 2**32 - 1),
)
def test_estimates_sum_to_any_mixture(
    n_sources: int, n_channels: int, n_frames: int, dtype: Any, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    sources = random_sources(rng, n_sources, n_channels, 2, n_frames).astype(dtype)
    mixture = random_spectra(rng, *sources.shape[1:]).astype(dtype)
    estimates = multichannel_wiener_filter(sources, mixture)
    assert estimates.dtype == dtype
    largest = max(1.0, np.abs(estimates).max())
    tolerance = ROUNDED_INPUTS if dtype == np.complex64 else DOUBLE
    error = np.abs(estimates.sum(axis=0) - mixture).max()
    assert error <= tolerance * largest


@each_channel_count
@pytest.mark.parametrize("gain", [1e-8, 1e8])
def test_filter_does_not_depend_on_level(
    n_channels: int, gain: float, rng: np.random.Generator
) -> None:
    stft = STFT(n_fft=64, hop_length=32)
    audio = rng.standard_normal((3, n_channels, 2000)).astype(np.float32)
    audio[0, :, :500] = 0
    sources = stft.forward(audio)
    mixture = sources.sum(axis=0)
    factor = np.complex64(gain)
    actual = multichannel_wiener_filter(factor * sources, factor * mixture)
    expected = multichannel_wiener_filter(sources, mixture)
    assert_close(actual / factor, expected, ROUNDED_INPUTS)


def test_permuted_sources_have_permuted_estimates(rng: np.random.Generator) -> None:
    sources = random_sources(rng, 3, 2)
    mixture = random_spectra(rng, *sources.shape[1:])
    order = [2, 0, 1]
    for added in (0.0, 1.0):
        expected = multichannel_wiener_filter(sources, mixture, regularization=added)[order]
        permuted = multichannel_wiener_filter(sources[order], mixture, regularization=added)
        assert_close(permuted, expected)
    expected = sisec18_wiener_filter(sources, mixture, window_sum=1e4)[order]
    assert_close(sisec18_wiener_filter(sources[order], mixture, window_sum=1e4), expected)


@pytest.mark.parametrize("n_channels", [2, 3])
def test_rotated_channels_have_rotated_estimates(n_channels: int, rng: np.random.Generator) -> None:
    sources = random_sources(rng, 3, n_channels)
    mixture = random_spectra(rng, *sources.shape[1:])
    rotation = np.linalg.qr(random_spectra(rng, n_channels, n_channels))[0]
    expected = np.einsum("ab,jbft->jaft", rotation, multichannel_wiener_filter(sources, mixture))
    actual = multichannel_wiener_filter(
        np.einsum("ab,jbft->jaft", rotation, sources), np.einsum("ab,bft->aft", rotation, mixture)
    )
    assert_close(actual, expected)


@each_channel_count
def test_silent_source_has_a_silent_estimate(n_channels: int, rng: np.random.Generator) -> None:
    sources = random_sources(rng, 3, n_channels)
    sources[1] = 0
    mixture = random_spectra(rng, *sources.shape[1:])
    for estimates in (
        multichannel_wiener_filter(sources, mixture),
        sisec18_wiener_filter(sources, mixture, window_sum=1e4),
    ):
        assert not estimates[1].any()
        assert estimates[[0, 2]].any()
    others = multichannel_wiener_filter(sources[[0, 2]], mixture)
    assert_close(multichannel_wiener_filter(sources, mixture)[[0, 2]], others)


@each_channel_count
def test_silence_gives_zeros(n_channels: int, rng: np.random.Generator) -> None:
    silence = np.zeros((2, n_channels, 4, 12), np.complex64)
    for mixture in (silence[0], random_spectra(rng, n_channels, 4, 12).astype(np.complex64)):
        for estimates in (
            multichannel_wiener_filter(silence, mixture),
            multichannel_wiener_filter(silence, mixture, regularization=1),
            sisec18_wiener_filter(silence, mixture, window_sum=1e4),
        ):
            np.testing.assert_array_equal(estimates, silence)


def test_silent_frames_give_zeros_and_leave_the_others_as_they_are(
    rng: np.random.Generator,
) -> None:
    sources = random_sources(rng, 3, 2)
    mixture = sources.sum(axis=0)
    expected = multichannel_wiener_filter(sources, mixture)
    gap = ((0, 0), (0, 0), (0, 0), (3, 5))
    actual = multichannel_wiener_filter(np.pad(sources, gap), np.pad(mixture, gap[1:]))
    assert_close(actual, np.pad(expected, gap))


@pytest.mark.parametrize("block_frames", [1, 7, 1000])
def test_result_does_not_depend_on_blocks(
    block_frames: int, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> None:
    sources = random_sources(rng, 3, 2, n_frames=2 * BLOCK_FRAMES_OF_MANY + 5)
    mixture = random_spectra(rng, *sources.shape[1:])
    expected = multichannel_wiener_filter(sources, mixture)
    expected_sisec18 = sisec18_wiener_filter(sources, mixture, window_sum=1e4)
    monkeypatch.setattr(oracle.wiener.filters, "BLOCK_FRAMES_OF_MANY", block_frames)
    assert_close(multichannel_wiener_filter(sources, mixture), expected)
    assert_close(sisec18_wiener_filter(sources, mixture, window_sum=1e4), expected_sisec18)


def test_read_only_inputs_are_left_unchanged(rng: np.random.Generator) -> None:
    sources = random_sources(rng, 2, 2)
    mixture = sources.sum(axis=0)
    copies = sources.copy(), mixture.copy()
    sources.flags.writeable = mixture.flags.writeable = False
    multichannel_wiener_filter(sources, mixture, regularization=1)[:] = 7
    sisec18_wiener_filter(sources, mixture, window_sum=1)[:] = 7
    np.testing.assert_array_equal(sources, copies[0])
    np.testing.assert_array_equal(mixture, copies[1])


# Errors.

SOURCES = np.zeros((2, 2, 3, 4), np.complex64)


@pytest.mark.parametrize(
    ("sources", "mixture", "error", "message"),
    [
        (
            SOURCES.real,
            SOURCES[0],
            TypeError,
            "sources must be a complex64 or complex128 array, got float32",
        ),
        ([0j], SOURCES[0], TypeError, "sources must be a complex64 or complex128 array, got list"),
        (
            SOURCES,
            SOURCES[0].real,
            TypeError,
            "mixture must be a complex64 or complex128 array, got float32",
        ),
        (
            SOURCES,
            SOURCES[0].astype(complex),
            TypeError,
            "mixture must have the dtype of sources, complex64, got complex128",
        ),
        (
            SOURCES[0],
            SOURCES[0, 0],
            ValueError,
            "sources must have shape (n_sources, n_channels, n_freqs, n_frames), got (2, 3, 4)",
        ),
        (
            SOURCES[:0],
            SOURCES[0],
            ValueError,
            "sources must have shape (n_sources, n_channels, n_freqs, n_frames), got (0, 2, 3, 4)",
        ),
        (
            SOURCES,
            SOURCES[0, :1],
            ValueError,
            "mixture must have the shape of one source, (2, 3, 4), got (1, 3, 4)",
        ),
    ],
)
def test_arguments_that_do_not_fit_are_refused(
    sources: Any, mixture: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        multichannel_wiener_filter(sources, mixture)
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        sisec18_wiener_filter(sources, mixture, window_sum=1)


@pytest.mark.parametrize("value", [-1, -1e-30, np.inf, np.nan])
def test_regularization_that_is_negative_or_not_finite_is_refused(value: float) -> None:
    message = f"^regularization must be finite and not negative, got {value}$"
    with pytest.raises(ValueError, match=message):
        multichannel_wiener_filter(SOURCES, SOURCES[0], regularization=value)


@pytest.mark.parametrize("window_sum", [0, -1, np.nan, np.inf])
def test_window_sum_must_be_positive_and_finite(window_sum: float) -> None:
    with pytest.raises(ValueError, match="^window_sum must be positive and finite, got "):
        sisec18_wiener_filter(SOURCES, SOURCES[0], window_sum=window_sum)


def test_regularization_of_a_singular_covariance_leaves_what_is_not_small() -> None:
    """Equal channels: of rank 1, so one pivot against the regularization."""
    mono = np.array([[[[3.0]]], [[[1.0]]]]) + 0j
    stereo = mono.repeat(2, axis=1)
    estimates = multichannel_wiener_filter(stereo, stereo.sum(axis=0), regularization=5.0)
    # p_j R_j is |s_j|^2 in every entry, so the pivot is 9 + 1.
    expected = np.array([0.9, 0.1])[:, None] * 4 * (10 / (10 + 5))
    np.testing.assert_allclose(estimates[:, :, 0, 0], expected.repeat(2, axis=1))


def test_estimates_come_in_the_precision_asked_for() -> None:
    sources = SOURCES.astype(np.complex128)
    estimates = multichannel_wiener_filter(sources, sources[0], dtype=np.complex64)
    expected = multichannel_wiener_filter(sources, sources[0])
    assert estimates.dtype == np.complex64
    assert expected.dtype == np.complex128
    np.testing.assert_array_equal(estimates, expected.astype(np.complex64))


def test_many_channels_at_any_level_do_not_overflow(rng: np.random.Generator) -> None:
    for gain in (1e-8, 1e8):
        sources = gain * random_sources(rng, 2, 64)
        for estimates in (
            multichannel_wiener_filter(sources, sources.sum(axis=0), regularization=1e-3),
            sisec18_wiener_filter(sources, sources.sum(axis=0), window_sum=1024.0),
        ):
            assert np.isfinite(estimates).all()


@pytest.mark.parametrize("dtype", [np.float32, "float64", int, np.clongdouble])
def test_estimates_in_another_than_a_complex_dtype_are_refused(dtype: Any) -> None:
    """A real dtype would lose the imaginary parts."""
    message = f"^dtype must be complex64 or complex128, got {np.dtype(dtype)}$"
    with pytest.raises(TypeError, match=message):
        multichannel_wiener_filter(SOURCES, SOURCES[0], dtype=dtype)
    with pytest.raises(TypeError, match=message):
        sisec18_wiener_filter(SOURCES, SOURCES[0], window_sum=1.0, dtype=dtype)


# Levels.


@st.composite
def extremes(draw: st.DrawFn) -> tuple[Spectra, Spectra]:
    """Sources and a mixture, each source and channel at a level of its own, that may decay."""
    dtype = draw(st.sampled_from([np.complex64, np.complex128]))
    decades = st.sampled_from(
        [-45, -40, -30, 0, 30, *(dtype == np.complex128) * (-320, -300, -160)]
    )
    n_sources, n_channels = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    spectra = random_spectra(rng, n_sources + 1, n_channels, 3, 5)
    levels = draw(
        st.lists(
            st.one_of(st.just(-400), decades, decades),  # or silence
            min_size=(n_sources + 1) * n_channels,
            max_size=(n_sources + 1) * n_channels,
        )
    )
    decay = 10.0 ** -(draw(st.sampled_from([0, 8, 80])) * np.arange(5))
    spectra *= 10.0 ** np.reshape(levels, (n_sources + 1, n_channels, 1, 1)) * decay
    spectra = spectra.astype(dtype)
    mixture = spectra[:-1].sum(axis=0) if draw(st.booleans()) else spectra[-1]
    return spectra[:-1], mixture


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(scene=extremes(), regularization=st.sampled_from([0, 1e-30, 0.1]), single=st.booleans())
def test_estimates_are_finite_at_any_level(
    scene: tuple[Spectra, Spectra], regularization: float, single: bool
) -> None:
    dtype = np.complex64 if single else np.complex128
    for estimates in (
        multichannel_wiener_filter(*scene, regularization=regularization, dtype=dtype),
        sisec18_wiener_filter(*scene, window_sum=1024, dtype=dtype),
    ):
        assert np.isfinite(estimates).all()


@each_channel_count
def test_a_product_that_is_no_float_is_large(n_channels: int, rng: np.random.Generator) -> None:
    sources = random_sources(rng, 2, n_channels)
    estimates = multichannel_wiener_filter(sources, sources.sum(axis=0), regularization=1e200)
    assert (np.abs(estimates) < 1e-190).all()


# Powers of two, and so not a digit changes: down to where the squares of most are no floats.
@each_channel_count
@pytest.mark.parametrize("power", [-500, -100, 100, 500])
def test_level_does_not_matter_but_relative_to_what_is_added(
    n_channels: int, power: int, rng: np.random.Generator
) -> None:
    sources = random_sources(rng, 3, n_channels)
    mixture = random_spectra(rng, *sources.shape[1:])
    gain = 2.0**power
    scaled = gain * sources, gain * mixture
    for added in (0.0, 0.1):
        actual = multichannel_wiener_filter(*scaled, regularization=added * gain * gain)
        expected = multichannel_wiener_filter(sources, mixture, regularization=added)
        np.testing.assert_array_equal(actual, gain * expected)
    actual = sisec18_wiener_filter(*scaled, window_sum=1024 * gain)
    expected = sisec18_wiener_filter(sources, mixture, window_sum=1024)
    np.testing.assert_array_equal(actual, gain * expected)


@each_channel_count
@pytest.mark.parametrize("decade", [-200, -60, -30, -4, 0, 4, 100])
def test_what_is_added_is_added_exactly_at_any_level(n_channels: int, decade: int) -> None:
    """A source for each channel: C is diagonal, and every determinant a product of powers."""
    sources = np.eye(n_channels)[:, :, None, None] * (10.0**decade + 0j)
    determinant, added = (Fraction(size) ** n_channels for size in (10.0**decade, 1e-6))
    share = float(determinant**2 / (determinant**2 + added))
    estimates = multichannel_wiener_filter(sources, sources.sum(axis=0), regularization=1e-6)
    np.testing.assert_allclose(estimates, share * sources, rtol=1e-12, atol=1e-300)


def test_a_channel_that_is_next_to_nothing_beside_another_has_its_own_estimates() -> None:
    for quiet in (1e-20, 1e-100):
        sources = np.array([[3, 3 * quiet], [1, -quiet]])[:, :, None, None] + 0j
        estimates = multichannel_wiener_filter(sources, sources.sum(axis=0))
        np.testing.assert_allclose(estimates, sources, rtol=1e-12)


def test_sisec18_filter_tells_levels_that_are_far_below_its_epsilon(
    rng: np.random.Generator,
) -> None:
    sources = random_sources(rng, 2, 2, n_freqs=5)
    mixture = sources.sum(axis=0)

    def filtered(quiet: slice, power: int) -> Spectra:
        scaled = sources.copy()
        scaled[:, :, quiet] *= 2.0**power
        return sisec18_wiener_filter(scaled, mixture, window_sum=1)

    # The trace is over the first two frequencies; a common scale of it does not matter.
    first = slice(0, 2)
    expected = filtered(first, -100)[:, :, 2:]
    assert np.abs(expected).max() > 0.1
    assert_close(filtered(first, -520)[:, :, 2:], expected)
    # The reciprocal of such a covariance is no float.
    sources = np.array([1, 2.0**-538])[None, None, :, None] + 0j
    estimates = sisec18_wiener_filter(sources, sources[0], window_sum=1)
    np.testing.assert_allclose(estimates.ravel(), [1, 0], atol=1e-9)


def test_a_determinant_that_the_regularization_cancels_filters_nothing() -> None:
    """No covariance has a negative one, but SiSEC 2018's may."""
    one: Any = np.ones((1, 1, 1, 1), complex)
    model = SpatialModel(one, -one)
    assert model.filter(one, one[0], regularization=1.0).item() == 0
    assert model.filter(one, one[0]).item() == 1
