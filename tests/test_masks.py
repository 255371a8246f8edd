"""Masks: closed forms, 0/0, level, permutation, optimality, other array libraries, errors."""

import math
import re
from collections.abc import Callable
from functools import partial
from typing import Any

import array_api_strict
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oracle import STFT, masks

Array = npt.NDArray[Any]
Mask = Callable[..., Any]

# Rounding in a few operations on one bin, in units of the machine epsilon, relative to the
# greatest magnitude that is divided there (see `assert_same_mask`); measured below 5.
ROUNDING = 20

MASKS: dict[str, Mask] = {
    "MIX": masks.uniform_mask,
    "IBM": masks.ideal_binary_mask,
    "IBM1": masks.sisec_binary_mask,
    "IBM2": partial(masks.sisec_binary_mask, power=2),
    "IBM3": partial(masks.sisec_binary_mask, power=3, threshold=0.7),
    "IRM1": partial(masks.ideal_ratio_mask, power=1),
    "IRM2": masks.ideal_ratio_mask,
    "IRM3": partial(masks.ideal_ratio_mask, power=3),
    "ENH-IRM": masks.enhancement_ratio_mask,
    "IAM": masks.ideal_amplitude_mask,
    "IAM-2": partial(masks.ideal_amplitude_mask, clip=(0, 2)),
    "IAM-inf": partial(masks.ideal_amplitude_mask, clip=(0, math.inf)),
    "PSM": masks.phase_sensitive_mask,
    "TPSM": partial(masks.phase_sensitive_mask, clip=(0, 1)),
    "OBM": masks.optimal_binary_mask,
    "CIRM": masks.complex_ideal_ratio_mask,
}
BINARY = ("IBM", "IBM1", "IBM2", "IBM3", "OBM")
SMOOTH = ("IRM1", "IRM2", "IRM3", "ENH-IRM", "PSM", "CIRM")
SOFT = (*SMOOTH, "IAM", "IAM-2", "IAM-inf", "TPSM")

each_mask = pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
each_dtype = pytest.mark.parametrize("dtype", [np.complex64, np.complex128])


def bins(*values: complex) -> Array:
    """Sources of one bin each, shape (n_sources, 1, 1)."""
    return np.array(values, complex)[:, None, None]


def one_bin(value: complex) -> Array:
    return np.array([[value]], complex)


@pytest.fixture
def scene(rng: np.random.Generator) -> tuple[Array, Array]:
    """STFTs of three sources in stereo and of a mixture that is not quite their sum.

    The first source is silent at first, all are at last; the second is silent on the left.
    """
    audio = rng.standard_normal((3, 2, 2000))
    audio[0, :, :500] = 0
    audio[1, 0] = 0
    audio[..., -500:] = 0
    mixture = audio.sum(axis=0) * (1 + 0.01 * rng.standard_normal((2, 2000)))
    stft = STFT(n_fft=64, hop_length=32)
    return stft.forward(audio.astype(np.float32)), stft.forward(mixture.astype(np.float32))


def assert_same_mask(actual: Any, desired: Array, sources: Array, mixture: Array) -> None:
    """Compare masks up to rounding: one of abs(S) / abs(X) is only known to eps times that."""
    magnitude = np.abs(mixture)
    ratio = np.abs(sources) / np.where(magnitude > 0, magnitude, 1)
    eps = float(np.finfo(sources.dtype).eps)
    assert actual.dtype == desired.dtype
    assert actual.shape == desired.shape
    assert np.all(np.abs(actual - desired) <= ROUNDING * eps * np.maximum(ratio, 1))


# Closed forms.


@pytest.mark.parametrize(
    ("name", "sources", "mixture", "expected"),
    [
        ("MIX", [1, 2, 0, 5], 3, [0.25, 0.25, 0.25, 0.25]),
        ("IBM", [3, 1, 2], 6, [1, 0, 0]),
        ("IBM", [1, 3j, -3], 1, [0, 1, 0]),  # a tie goes to the first
        ("IBM1", [0.5, 0.49, -0.5j], 1, [1, 0, 1]),
        ("IBM1", [3, 2], 0, [1, 1]),
        ("IBM1", [3, 0], 0, [1, 0]),
        ("IBM2", [0.71, 0.7, -0.71j], 1, [1, 0, 1]),
        ("IBM3", [0.88, 0.89], 1, [0, 1]),  # 0.7 ** (1 / 3) = 0.888
        ("IRM1", [3j, 1], 1, [0.75, 0.25]),
        ("IRM2", [3j, 1], 1, [0.9, 0.1]),
        ("IRM3", [2, -1], 7, [8 / 9, 1 / 9]),
        ("IRM2", [1, 0], 0, [1, 0]),
        ("ENH-IRM", [1, 0], 1, [1, 0]),  # sources that do not overlap
        ("ENH-IRM", [1, 1j], 1 + 1j, [math.sqrt(0.5), math.sqrt(0.5)]),
        ("ENH-IRM", [3, -1, 2j], 2, [3 / math.sqrt(10), 1 / math.sqrt(10), math.sqrt(1 / 3)]),
        ("ENH-IRM", [3, 0], 0, [math.sqrt(0.5), 0]),
        ("IAM", [3, -1, 0], 2, [1, 0.5, 0]),
        ("IAM-2", [5, 3, -1], 2, [2, 1.5, 0.5]),
        ("IAM-inf", [50, 3, -1], 2, [25, 1.5, 0.5]),
        # A source over a silent mixture has the upper end of the range, unless it is infinite.
        ("IAM", [3, 0], 0, [1, 0]),
        ("IAM-2", [3, 0], 0, [2, 0]),
        ("IAM-inf", [3, 0], 0, [0, 0]),
        ("PSM", [3, -1, 2j], 2, [1.5, -0.5, 0]),
        ("PSM", [1 + 1j, 1 - 1j], 2j, [0.5, -0.5]),
        ("TPSM", [3, -1, 1.5], 2, [1, 0, 0.75]),
        ("OBM", [1, 0.99, -3, 1 + 9j], 2, [1, 0, 0, 1]),
        ("CIRM", [1j, 1], 1 + 1j, [0.5 + 0.5j, 0.5 - 0.5j]),
        ("CIRM", [3, -1], 2, [1.5, -0.5]),
    ],
)
def test_mask_equals_what_is_worked_out_by_hand(
    name: str, sources: list[complex], mixture: complex, expected: list[complex]
) -> None:
    actual = MASKS[name](bins(*sources), one_bin(mixture))
    np.testing.assert_allclose(actual.ravel(), expected, rtol=1e-15, atol=1e-16)


@pytest.mark.parametrize(
    ("clip", "expected"),
    [((-1, 1), [1, -0.5]), ((0, math.inf), [1.5, 0]), ((0.25, 0.75), [0.75, 0.25])],
)
def test_phase_sensitive_mask_is_clipped_to_its_range(
    clip: tuple[float, float], expected: list[float]
) -> None:
    actual = masks.phase_sensitive_mask(bins(3, -1), one_bin(2), clip=clip)
    assert actual.ravel().tolist() == expected


def test_amplitude_mask_is_clipped_to_its_range() -> None:
    actual = masks.ideal_amplitude_mask(bins(1, 4, 9), one_bin(10), clip=(0.2, 0.5))
    np.testing.assert_allclose(actual.ravel(), [0.2, 0.4, 0.5], rtol=1e-15)


@pytest.mark.parametrize("name", [name for name in MASKS if name != "MIX"])
def test_zero_over_zero_is_zero(name: str) -> None:
    # Bins: all silent; the first source silent; as before, over a silent mixture.
    sources = np.array([[[0, 0, 0]], [[0, 1, 1]], [[0, 2, 2]]], np.complex64)
    mixture = np.array([[0, 3, 0]], np.complex64)
    mask = MASKS[name](sources, mixture)
    assert np.isfinite(mask).all()
    assert not mask[..., 0].any()
    assert not mask[0].any()
    if name in ("PSM", "TPSM", "OBM", "CIRM", "IAM-inf"):
        assert not mask[..., 2].any()


# Invariants.


@each_mask
@pytest.mark.parametrize("gain", [1e-8, -1e8, 1e-20])  # float32 has no 1e-20 squared
def test_mask_does_not_depend_on_level(mask: Mask, gain: float, scene: tuple[Array, Array]) -> None:
    sources, mixture = scene
    factor = np.complex64(gain)
    assert_same_mask(mask(factor * sources, factor * mixture), mask(*scene), *scene)


@pytest.mark.parametrize("power", [0.5, 1, 2, 3, 10])
def test_powers_of_quiet_bins_do_not_underflow(power: float, scene: tuple[Array, Array]) -> None:
    sources, mixture = scene
    quiet = (np.complex64(1e-20) * sources, np.complex64(1e-20) * mixture)
    for mask in (masks.ideal_ratio_mask, masks.sisec_binary_mask):
        assert_same_mask(mask(*quiet, power=power), mask(*scene, power=power), *scene)


@each_mask
def test_permuted_sources_have_permuted_masks(mask: Mask, scene: tuple[Array, Array]) -> None:
    sources, mixture = scene
    order = [2, 0, 1]
    assert_same_mask(mask(sources[order], mixture), mask(*scene)[order], sources[order], mixture)


@each_mask
def test_stereo_equals_each_channel_alone(mask: Mask, scene: tuple[Array, Array]) -> None:
    sources, mixture = scene
    stereo = mask(sources, mixture)
    for channel in (0, 1):
        alone = mask(sources[:, channel], mixture[channel])
        np.testing.assert_array_equal(stereo[:, channel], alone)


@each_mask
@each_dtype
def test_mask_keeps_precision_and_shape(mask: Mask, dtype: Any, scene: tuple[Array, Array]) -> None:
    sources, mixture = scene
    actual = mask(sources.astype(dtype), mixture.astype(dtype))
    real = np.float32 if dtype == np.complex64 else np.float64
    assert actual.dtype == (dtype if mask is MASKS["CIRM"] else real)
    assert actual.shape == sources.shape


@each_mask
def test_read_only_inputs_are_left_unchanged(mask: Mask, scene: tuple[Array, Array]) -> None:
    copies = [array.copy() for array in scene]
    for array in scene:
        array.flags.writeable = False
    mask(*scene)[:] = 7
    for array, copy in zip(scene, copies, strict=True):
        np.testing.assert_array_equal(array, copy)


@settings(max_examples=50, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 4), st.integers(1, 5), st.integers(1, 5)),
    leading=st.sampled_from([(), (2,), (1, 2)]),
    dtype=st.sampled_from([np.complex64, np.complex128]),
    decade=st.integers(-8, 8),
    seed=st.integers(0, 2**32 - 1),
)
def test_masks_are_finite_in_their_range_and_sum_to_one_where_they_should(
    shape: tuple[int, int, int], leading: tuple[int, ...], dtype: Any, decade: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    n_sources, n_freqs, n_frames = shape
    parts = rng.standard_normal((n_sources, *leading, n_freqs, n_frames, 2))
    parts *= 10.0**decade * rng.integers(0, 2, parts.shape)  # many zeros
    sources = parts.view(complex)[..., 0].astype(dtype)
    mixture = sources.sum(axis=0)
    made = {name: mask(sources, mixture) for name, mask in MASKS.items()}
    for name, mask in made.items():
        assert mask.shape == sources.shape
        assert np.isfinite(mask).all()
        if name in BINARY:
            assert np.isin(mask, [0, 1]).all()
        elif name not in ("PSM", "CIRM"):
            highest = {"IAM-2": 2, "IAM-inf": math.inf}.get(name, 1)
            assert mask.min() >= 0
            assert mask.max() <= highest
    sounding = (sources != 0).any(axis=0)
    np.testing.assert_array_equal(made["IBM"].sum(axis=0), sounding)
    for name in ("IRM1", "IRM2", "IRM3"):
        eps = float(np.finfo(dtype).eps)
        np.testing.assert_allclose(made[name].sum(axis=0), sounding, rtol=0, atol=4 * eps)


def compressed_complex_mask(sources: Any, mixture: Any) -> Any:
    return masks.compress(masks.complex_ideal_ratio_mask(sources, mixture))


DIFFERENTIABLE = {name: MASKS[name] for name in SOFT} | {"compressed": compressed_complex_mask}


# From nothing but the smallest numbers to far more than any audio.
decades = st.sampled_from([-45, -44, -41, -39, -38, -30, -20, -10, 0, 10, 20, 30])


@st.composite
def extremes(draw: st.DrawFn) -> tuple[Array, Array]:
    """Sources and a mixture, each at a level of its own, in bins that are silent or decay."""
    dtype = draw(st.sampled_from([np.complex64, np.complex128]))
    n_sources, n_frames = draw(st.integers(1, 3)), draw(st.integers(1, 5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    parts = rng.standard_normal((n_sources + 1, 3, n_frames, 2))
    parts *= rng.integers(0, 4, parts.shape) > 0
    levels = draw(st.lists(decades, min_size=n_sources + 1, max_size=n_sources + 1))
    decay = 10.0 ** -(draw(st.sampled_from([0, 5, 300])) * np.arange(n_frames))
    parts *= 10.0 ** np.array(levels)[:, None, None, None] * decay[:, None]
    spectra: Array = parts.view(complex)[..., 0].astype(dtype)
    mixture = spectra[:-1].sum(axis=0) if draw(st.booleans()) else spectra[-1]
    return spectra[:-1], mixture


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(scene=extremes())
def test_masks_and_what_they_make_are_finite_at_any_level(scene: tuple[Array, Array]) -> None:
    sources, mixture = scene
    for name, mask in MASKS.items():
        made = mask(sources, mixture)
        assert np.isfinite(made).all(), name
        assert np.isfinite(made * mixture).all(), name
        if name in ("IRM1", "IRM2", "IRM3"):
            eps = float(np.finfo(made.dtype).eps)
            sounding = (sources != 0).any(axis=0)
            np.testing.assert_allclose(made.sum(axis=0), sounding, rtol=0, atol=4 * eps)


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(scene=extremes())
def test_gradients_are_finite_at_any_level(scene: tuple[Array, Array]) -> None:
    torch = pytest.importorskip("torch")
    for name, mask in DIFFERENTIABLE.items():
        inputs = [torch.from_numpy(array).requires_grad_() for array in scene]
        made = mask(*inputs)
        assert np.isfinite(made.detach().numpy()).all(), name
        (made.real + made.imag if made.is_complex() else made).sum().backward()
        for array in inputs:
            if array.grad is not None:
                assert torch.isfinite(torch.view_as_real(array.grad)).all(), name


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
@pytest.mark.parametrize("name", ["IAM-inf", "PSM", "CIRM"])
def test_a_quotient_that_is_too_large_is_the_largest_number(name: str, dtype: Any) -> None:
    largest = np.finfo(dtype).max
    tiny = np.finfo(dtype).smallest_subnormal
    sources = np.array([1, -1, 1e-5], dtype)[:, None, None]
    mixture = np.full((1, 1), tiny * 2**10, dtype)
    low = 0 if name == "IAM-inf" else -largest
    assert MASKS[name](sources, mixture).ravel()[0] == largest
    assert MASKS[name](sources, mixture).real.ravel()[1] == (largest if low == 0 else low)
    assert 0 < MASKS[name](sources * 1e-10, mixture * 1e10).real.ravel()[2] < largest


def test_amplitude_mask_has_the_upper_end_of_its_range_over_silence_at_any_level() -> None:
    for dtype in (np.complex64, np.complex128):
        tiny = np.finfo(dtype).smallest_subnormal
        for level in (tiny, 1e-20, 1e30):
            sources = np.full((1, 1, 1), level, dtype)
            for high in (0.5, 1.0, 2.0, 1e20):
                mask = masks.ideal_amplitude_mask(sources, 0 * sources[0], clip=(0, high))
                assert mask.item() == np.asarray(high, mask.dtype)


# What the masks are for.


def test_amplitude_mask_is_the_share_of_the_greater_magnitude(scene: tuple[Array, Array]) -> None:
    sources, mixture = scene
    greater = np.maximum(np.abs(sources), np.abs(mixture))
    expected = np.divide(np.abs(sources), greater, out=np.zeros_like(greater), where=greater > 0)
    np.testing.assert_array_equal(masks.ideal_amplitude_mask(sources, mixture), expected)


def test_phase_sensitive_mask_is_the_least_squares_real_mask(rng: np.random.Generator) -> None:
    sources, mixture = random_bins(rng, 2, 3, 4), random_bins(rng, 3, 4)
    mask = masks.phase_sensitive_mask(sources, mixture)
    for j, f, t in np.ndindex(sources.shape):
        column = mixture[f, t : t + 1].view(float)[:, None]
        truth = sources[j, f, t : t + 1].view(float)
        expected = np.linalg.lstsq(column, truth, rcond=None)[0].item()
        assert mask[j, f, t] == pytest.approx(expected, rel=1e-12)


def test_complex_mask_times_the_mixture_is_the_source(rng: np.random.Generator) -> None:
    sources, mixture = random_bins(rng, 2, 3, 4), random_bins(rng, 3, 4)
    estimates = masks.complex_ideal_ratio_mask(sources, mixture) * mixture
    np.testing.assert_allclose(estimates, sources, rtol=1e-14)


@pytest.mark.parametrize(
    ("name", "candidates"), [("OBM", [0, 1]), ("TPSM", np.linspace(0, 1, 101))]
)
def test_no_other_mask_of_the_class_has_a_smaller_error_in_any_bin(
    name: str, candidates: Any, scene: tuple[Array, Array]
) -> None:
    sources, mixture = (array.astype(np.complex128) for array in scene)
    error = np.abs(MASKS[name](sources, mixture) * mixture - sources)
    for value in candidates:
        assert np.all(error <= np.abs(value * mixture - sources) + 1e-12)  # rounding


def random_bins(rng: np.random.Generator, *shape: int) -> Array:
    spectrum: Array = rng.standard_normal((*shape, 2)).view(complex)[..., 0]
    return spectrum


# Compression.


@pytest.mark.parametrize(("K", "C"), [(10, 0.1), (1, 1), (2.5, 0.3)])
def test_compress_equals_its_formula(K: float, C: float) -> None:  # noqa: N803
    mask = np.linspace(-30, 30, 61)
    decay = np.exp(-C * mask)
    expected = K * (1 - decay) / (1 + decay)
    np.testing.assert_allclose(masks.compress(mask, K=K, C=C), expected, rtol=1e-13, atol=1e-13 * K)
    if (K, C) == (10, 0.1):
        np.testing.assert_array_equal(masks.compress(mask), masks.compress(mask, K=K, C=C))


def test_compress_and_uncompress_take_each_part_of_a_complex_mask_alone() -> None:
    mask = np.array([3 - 4j, -1 + 2j])
    for function in (masks.compress, masks.uncompress):
        expected = function(mask.real) + 1j * function(mask.imag)
        np.testing.assert_array_equal(function(mask), expected)


@each_dtype
@pytest.mark.parametrize(("K", "C"), [(10, 0.1), (0.1, 3)])
def test_compress_stays_inside_its_bound(K: float, C: float, dtype: Any) -> None:  # noqa: N803
    mask = np.array([0, 1e-30, 1, -20, 1e3 - 1e30j, 1e30j], dtype)
    compressed = masks.compress(mask, K=K, C=C)
    assert compressed.dtype == dtype
    bound = mask.real.dtype.type(K)
    assert np.abs(compressed.real).max() == np.abs(compressed.imag).max() == bound
    moderate = np.abs(compressed[:4].real)
    assert np.all(moderate[:3] < bound)
    assert moderate[0] == 0


@each_dtype
@pytest.mark.parametrize("real", [True, False])
@pytest.mark.parametrize(("K", "C"), [(10, 0.1), (1, 1)])
def test_uncompress_undoes_compress(
    K: float,  # noqa: N803
    C: float,  # noqa: N803
    real: bool,
    dtype: Any,
    rng: np.random.Generator,
) -> None:
    mask = random_bins(rng, 3, 4, 5).astype(dtype) / C
    mask = np.ascontiguousarray(mask.real) if real else mask
    restored = masks.uncompress(masks.compress(mask, K=K, C=C), K=K, C=C)
    assert restored.dtype == mask.dtype
    # The slope of atanh multiplies the rounding by cosh(C m / 2)^2, below 10 here.
    np.testing.assert_allclose(
        restored, mask, rtol=0, atol=ROUNDING * float(np.finfo(dtype).eps) / C
    )


# Other array libraries.


@each_mask
@each_dtype
def test_array_api_strict_gives_the_masks_of_numpy(
    mask: Mask, dtype: Any, scene: tuple[Array, Array]
) -> None:
    sources, mixture = (array.astype(dtype) for array in scene)
    actual = mask(array_api_strict.asarray(sources), array_api_strict.asarray(mixture))
    assert type(actual) is type(array_api_strict.asarray(0))
    assert_same_mask(np.asarray(actual), mask(sources, mixture), sources, mixture)


@pytest.mark.slow
@each_mask
@each_dtype
def test_torch_gives_the_masks_of_numpy(mask: Mask, dtype: Any, scene: tuple[Array, Array]) -> None:
    torch = pytest.importorskip("torch")
    sources, mixture = (array.astype(dtype) for array in scene)
    actual = mask(torch.from_numpy(sources), torch.from_numpy(mixture))
    assert isinstance(actual, torch.Tensor)
    assert_same_mask(actual.numpy(), mask(sources, mixture), sources, mixture)


@pytest.mark.parametrize("name", ["array_api_strict", "torch"])
@each_dtype
def test_compression_gives_that_of_numpy(name: str, dtype: Any, rng: np.random.Generator) -> None:
    library = pytest.importorskip(name)
    mask = random_bins(rng, 2, 3, 4).astype(dtype)
    atol = ROUNDING * float(np.finfo(dtype).eps)
    for parts in (mask, mask.real.copy()):
        for function in (masks.compress, masks.uncompress):
            actual = function(library.asarray(parts))
            assert isinstance(actual, type(library.asarray(parts)))
            np.testing.assert_allclose(np.asarray(actual), function(parts), rtol=0, atol=atol)
            assert np.asarray(actual).dtype == parts.dtype


@pytest.mark.parametrize("mask", DIFFERENTIABLE.values(), ids=DIFFERENTIABLE)
@each_dtype
def test_gradients_are_finite_also_in_silent_bins(
    mask: Mask, dtype: Any, scene: tuple[Array, Array]
) -> None:
    torch = pytest.importorskip("torch")
    sources, mixture = (torch.from_numpy(array.astype(dtype)) for array in scene)
    mixture[0, :10] = 0  # sources over a silent mixture
    sources.requires_grad_()
    mixture.requires_grad_()
    weights = torch.linspace(-1, 1, sources.numel()).reshape(sources.shape)
    (weights * mask(sources, mixture)).real.sum().backward()
    assert torch.isfinite(torch.view_as_real(sources.grad)).all()
    assert sources.grad.abs().sum() > 0
    if mixture.grad is not None:  # some masks do not need the mixture
        assert torch.isfinite(torch.view_as_real(mixture.grad)).all()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:`torch.jit")  # torch's own
@pytest.mark.parametrize("name", [*SMOOTH, "compressed"])
def test_gradients_equal_finite_differences(name: str, rng: np.random.Generator) -> None:
    torch = pytest.importorskip("torch")
    sources, mixture = (torch.from_numpy(random_bins(rng, *s)) for s in ((3, 2, 2), (2, 2)))
    inputs = (sources.requires_grad_(), mixture.requires_grad_())
    assert torch.autograd.gradcheck(DIFFERENTIABLE[name], inputs, check_forward_ad=True)
    assert torch.autograd.gradgradcheck(DIFFERENTIABLE[name], inputs)


# Compilers: masks look at shapes and dtypes alone.

TRANSFORMED = MASKS | {
    "clipped": partial(masks.ideal_amplitude_mask, clip=(0.2, 0.5)),
    "root": partial(masks.ideal_ratio_mask, power=0.5),
    "axis": lambda sources, mixture: masks.phase_sensitive_mask(
        sources.swapaxes(0, 1), mixture, axis=1
    ).swapaxes(0, 1),
    "compressed": compressed_complex_mask,
    "uncompressed": lambda sources, mixture: masks.uncompress(
        masks.compress(masks.phase_sensitive_mask(sources, mixture, clip=(-2, 2)))
    ),
}
each_transformed = pytest.mark.parametrize("mask", TRANSFORMED.values(), ids=TRANSFORMED)


@each_transformed
@pytest.mark.parametrize("backend", ["aot_eager", pytest.param("inductor", marks=pytest.mark.slow)])
@pytest.mark.filterwarnings("ignore:Torchinductor does not support code generation for complex")
@pytest.mark.filterwarnings(
    "ignore:`torch.jit", "ignore:.*should not be instantiated"
)  # torch's own
def test_torch_compiles_masks_whole(mask: Mask, backend: str, scene: tuple[Array, Array]) -> None:
    torch = pytest.importorskip("torch")
    torch._dynamo.reset()
    compiled = torch.compile(mask, fullgraph=True, backend=backend)
    results = []
    for function in (compiled, mask):
        inputs = [torch.from_numpy(array).requires_grad_() for array in scene]
        made = function(*inputs)
        if made.requires_grad:
            (made.real + made.imag if made.is_complex() else made).square().sum().backward()
        results.append([made.detach(), *(each.grad for each in inputs)])
    for found, expected in zip(*results, strict=True):
        if expected is None:
            assert found is None
        else:
            torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


@each_transformed
def test_torch_maps_masks_over_a_batch(mask: Mask, scene: tuple[Array, Array]) -> None:
    torch = pytest.importorskip("torch")
    sources, mixture = map(torch.from_numpy, scene)
    batch = torch.stack([sources, 2 * sources]), torch.stack([mixture, mixture.flip(-1)])
    each = torch.stack([mask(*item) for item in zip(*batch, strict=True)])
    found = torch.vmap(mask)(*batch)
    torch.testing.assert_close(found.expand_as(each), each)
    shared = torch.vmap(mask, in_dims=(0, None))(batch[0], mixture)
    each = torch.stack([mask(item, mixture) for item in batch[0]])
    torch.testing.assert_close(shared.expand_as(each), each)


@pytest.mark.slow
@each_transformed
def test_jax_compiles_masks(mask: Mask, scene: tuple[Array, Array]) -> None:
    jax = pytest.importorskip("jax")
    sources, mixture = map(jax.numpy.asarray, scene)
    found = jax.jit(mask)(sources, mixture)
    assert_same_mask(np.asarray(found), mask(*scene), *scene)


# Errors.


@each_mask
@pytest.mark.parametrize(
    ("sources", "mixture", "error", "message"),
    [
        (
            np.zeros((2, 3, 4), np.complex64),
            np.zeros((3, 4), np.complex128),
            TypeError,
            "mixture must have the dtype of sources, complex64, got complex128",
        ),
        (
            np.zeros((2, 3), complex),
            np.zeros(3, complex),
            ValueError,
            "sources must have shape (n_sources, ..., n_freqs, n_frames), got (2, 3)",
        ),
        (
            np.zeros((0, 3, 4), complex),
            np.zeros((3, 4), complex),
            ValueError,
            "sources must have shape (n_sources, ..., n_freqs, n_frames), got (0, 3, 4)",
        ),
        (
            np.zeros((2, 3, 4), complex),
            np.zeros((1, 4), complex),
            ValueError,
            "mixture must have the shape of one source, (3, 4), got (1, 4)",
        ),
        (
            np.zeros((2, 2, 3, 4), complex),
            np.zeros((3, 4), complex),
            ValueError,
            "mixture must have the shape of one source, (2, 3, 4), got (3, 4)",
        ),
        (
            np.zeros((8, 2, 3, 4), complex),
            np.zeros((8, 3, 4), complex),
            ValueError,
            "mixture must have the shape of one source, (2, 3, 4), got (8, 3, 4) "
            "(axis=1 would fit)",
        ),
    ],
)
def test_arguments_that_do_not_fit_are_refused(
    mask: Mask, sources: Array, mixture: Array, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        mask(sources, mixture)


@pytest.mark.parametrize("value", [0, -1, math.inf, math.nan])
@pytest.mark.parametrize(
    ("function", "argument"),
    [
        (masks.sisec_binary_mask, "power"),
        (masks.sisec_binary_mask, "threshold"),
        (masks.ideal_ratio_mask, "power"),
        (masks.compress, "K"),
        (masks.compress, "C"),
        (masks.uncompress, "K"),
        (masks.uncompress, "C"),
    ],
)
def test_parameters_that_are_not_positive_and_finite_are_refused(
    function: Mask, argument: str, value: float
) -> None:
    takes_a_mask = function in (masks.compress, masks.uncompress)
    arguments = (one_bin(3),) if takes_a_mask else (bins(1, 2), one_bin(3))
    with pytest.raises(ValueError, match=f"^{argument} must be positive and finite, got {value}$"):
        function(*arguments, **{argument: value})


@pytest.mark.parametrize("mask", [masks.ideal_amplitude_mask, masks.phase_sensitive_mask])
@pytest.mark.parametrize("clip", [(1, 0), (math.nan, 1), (0, math.nan)])
def test_clip_that_is_no_range_is_refused(mask: Mask, clip: tuple[float, float]) -> None:
    message = f"clip must be a range (low, high) with low <= high, got {clip}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        mask(bins(1, 2), one_bin(3), clip=clip)


@pytest.mark.parametrize("clip", [(-1, 0), (-2, -1)])
def test_amplitude_mask_refuses_a_range_without_a_positive_part(clip: tuple[float, float]) -> None:
    message = f"clip must have a positive upper end, got {clip}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        masks.ideal_amplitude_mask(bins(1, 2), one_bin(3), clip=clip)


@pytest.mark.parametrize("part", [10.5, -11.0, 12.0j, math.inf, math.nan])
def test_uncompress_refuses_parts_beyond_its_bound(part: complex) -> None:
    """In numpy; where values may not be known yet, they are NaN."""
    mask = np.array([1 + 1j, part])
    with pytest.raises(ValueError, match=r"^mask must lie in \[-K, K\] = .*, got a part"):
        masks.uncompress(mask)
    torch = pytest.importorskip("torch")
    found = masks.uncompress(torch.tensor(mask)).numpy()
    outside = np.array([part.real, part.imag]) != 0
    np.testing.assert_array_equal(np.isnan(found.view(float)), [False, False, *outside])


def test_parameters_that_are_numpy_scalars_do_not_widen_the_mask() -> None:
    sources = np.ones((2, 3, 4), np.complex64)
    for mask in (
        masks.ideal_ratio_mask(sources, sources[0], power=np.float64(2)),
        masks.sisec_binary_mask(sources, sources[0], power=np.float64(2)),
        masks.ideal_amplitude_mask(sources, sources[0], clip=(np.float64(0), np.float64(2))),
        masks.phase_sensitive_mask(sources, sources[0], clip=(np.float64(0), np.float64(2))),
        masks.compress(sources.real, K=np.float64(10), C=np.float64(1)),
    ):
        assert mask.dtype == np.float32


@each_mask
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_masks_do_not_depend_on_the_order_in_memory(
    mask: Mask, transposed: bool, library: str, scene: tuple[Array, Array]
) -> None:
    """Spectra of `STFT.forward` are transposed; others may be reversed, strided or conjugated."""
    xp = pytest.importorskip(library)
    expected = mask(*scene)
    copies = [np.array(array, order="C") for array in scene]
    if transposed:
        copies = [np.ascontiguousarray(array.swapaxes(-1, -2)).swapaxes(-1, -2) for array in copies]
    arrays = [xp.asarray(array) for array in copies]
    assert_same_mask(np.asarray(mask(*arrays)), expected, *scene)
    strided = [array[..., ::2] for array in arrays]
    thinned = [array[..., ::2] for array in scene]
    assert_same_mask(np.asarray(mask(*strided)), expected[..., ::2], *thinned)
    if library == "torch":
        conjugated = [array.conj() for array in arrays]
        physical = [array.resolve_conj() for array in conjugated]
        np.testing.assert_array_equal(
            mask(*conjugated).resolve_conj(), mask(*physical).resolve_conj()
        )


@each_mask
def test_what_is_not_finite_stays_in_its_bin(mask: Mask, scene: tuple[Array, Array]) -> None:
    sources, mixture = (array.copy() for array in scene)
    expected = mask(sources, mixture)
    sources[0, 0, 1, 2] = mixture[0, 3, 4] = math.nan
    with np.errstate(invalid="ignore"):
        found = mask(sources, mixture)
    for bins in (expected, found):
        bins[:, 0, [1, 3], [2, 4]] = 0
    np.testing.assert_array_equal(found, expected)


def test_roots_of_silent_sources_have_gradients() -> None:
    torch = pytest.importorskip("torch")
    sources = torch.tensor([[[1 + 0j, 0]], [[1j, 1]]], requires_grad=True)
    mask = masks.ideal_ratio_mask(sources, sources.detach().sum(0), power=0.5)
    mask[0].sum().backward()
    assert torch.isfinite(torch.view_as_real(sources.grad)).all()


def test_arrays_of_two_libraries_are_refused() -> None:
    sources = np.ones((2, 3, 4), np.complex64)
    with pytest.raises(TypeError, match=r"must be arrays of one library, got Array and ndarray$"):
        masks.uniform_mask(array_api_strict.asarray(sources), sources[0])


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
def test_denormal_mixtures_do_not_overflow(dtype: type) -> None:
    tiny = np.finfo(dtype).smallest_subnormal * 2**10
    sources = np.array([3 + 4j, 2 - 4j], dtype)[:, None, None] * tiny
    mixture = sources.sum(axis=0)  # 5 times the unit
    for mask, expected in (
        (masks.phase_sensitive_mask, [3 / 5, 2 / 5]),
        (masks.optimal_binary_mask, [1, 0]),
        (masks.complex_ideal_ratio_mask, [(3 + 4j) / 5, (2 - 4j) / 5]),
        (masks.ideal_ratio_mask, [25 / 45, 20 / 45]),
    ):
        # A denormal has ten bits here.
        np.testing.assert_allclose(mask(sources, mixture).ravel(), expected, rtol=5e-3)


def test_uncompress_is_finite_where_compress_saturated() -> None:
    for mask in (np.array([1e3 + 1j, -1e3]), np.array([1 + 1e3j], np.complex64)):
        back = masks.uncompress(masks.compress(mask))
        assert np.isfinite(back).all()
        assert np.sign(back.real).tolist() == np.sign(mask.real).tolist()


def test_a_silent_source_of_a_mixture_has_a_gradient() -> None:
    torch = pytest.importorskip("torch")
    for name in ("PSM", "CIRM"):
        sources = torch.zeros((1, 1, 1), dtype=torch.complex128, requires_grad=True)
        MASKS[name](sources, torch.full((1, 1), 2 + 0j, dtype=torch.complex128)).real.backward()
        assert sources.grad.item() == 0.5


PHASE = ("ENH-IRM", "PSM", "TPSM", "OBM", "CIRM")
NO_MIXTURE = ("MIX", "IBM", "IRM1", "IRM2", "IRM3")


@pytest.mark.parametrize("name", MASKS)
def test_masks_that_need_no_phase_take_magnitudes(name: str, scene: tuple[Array, Array]) -> None:
    sources, mixture = map(np.abs, scene)
    if name in PHASE:
        with pytest.raises(TypeError, match=r"^sources must be complex STFTs for this mask, got f"):
            MASKS[name](sources, mixture)
    else:
        found = MASKS[name](sources, mixture)
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, MASKS[name](*scene))


@pytest.mark.parametrize("name", MASKS)
def test_masks_that_need_no_mixture_do_without(name: str, scene: tuple[Array, Array]) -> None:
    sources, mixture = scene
    if name in NO_MIXTURE:
        np.testing.assert_array_equal(MASKS[name](sources), MASKS[name](sources, mixture))
    else:
        with pytest.raises(TypeError, match="missing 1 required positional argument: 'mixture'"):
            MASKS[name](sources)


@each_mask
@pytest.mark.parametrize("axis", [1, 2, 3, -4, -1])
def test_sources_may_lie_along_any_axis(mask: Mask, axis: int, scene: tuple[Array, Array]) -> None:
    sources, mixture = scene
    found = mask(np.moveaxis(sources, 0, axis), mixture, axis=axis)
    np.testing.assert_array_equal(found, np.moveaxis(mask(sources, mixture), 0, axis))


def test_a_batch_as_large_as_the_sources_needs_its_axis(scene: tuple[Array, Array]) -> None:
    """Where both axes fit the mixture, the argument tells which one is meant."""
    sources, _ = scene
    batch = np.stack([sources, 2 * sources, 3 * sources])
    one_by_one = [masks.ideal_ratio_mask(item) for item in batch]
    np.testing.assert_array_equal(masks.ideal_ratio_mask(batch, axis=1), one_by_one)


@pytest.mark.parametrize("axis", [3, -4])
def test_an_axis_that_there_is_not_is_refused(axis: int) -> None:
    with pytest.raises(ValueError, match=rf"^axis must be one of sources, .*, got {axis}$"):
        masks.ideal_ratio_mask(bins(1, 2), axis=axis)


@each_mask
def test_whole_numbers_are_refused(mask: Mask) -> None:
    with pytest.raises(TypeError, match=r"^sources must be .*STFTs.*, got int64$"):
        mask(np.zeros((2, 3, 4), np.int64), np.zeros((3, 4), np.int64))


@pytest.mark.parametrize("name", [name for name in MASKS if name not in PHASE])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_enough_for_magnitudes(
    name: str, dtype: str, scene: tuple[Array, Array]
) -> None:
    torch = pytest.importorskip("torch")
    sources, mixture = (torch.from_numpy(np.abs(each)) for each in scene)
    half = getattr(torch, dtype)
    found = MASKS[name](sources.to(half), mixture.to(half))
    assert found.dtype == half
    assert torch.isfinite(found).all()
    if name not in BINARY:
        expected = MASKS[name](sources, mixture)
        ordinary = expected < 2  # over a silent mixture, the largest numbers differ
        np.testing.assert_allclose(found.float()[ordinary], expected[ordinary], atol=0.05)
    if dtype == "float16" and name in NO_MIXTURE:
        assert MASKS[name](sources.numpy().astype(np.float16)).dtype == np.float16
