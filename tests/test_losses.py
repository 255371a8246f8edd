"""Differentiable ratios: closed forms, other packages, permutations, gradients, errors."""

import itertools
import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from oracle import metrics

Floats = npt.NDArray[np.float64]

# Of ratios in float64 computed in another order.
ROUNDING_DB = 1e-9

each_ratio = pytest.mark.parametrize("ratio", [metrics.sdr, metrics.si_sdr])


def scene() -> tuple[Floats, Floats]:
    """Four sources of three mixtures, and estimates in another order."""
    rng = np.random.default_rng(2026)
    references = rng.standard_normal((3, 4, 1000))
    noise = rng.standard_normal(references.shape)
    return references, 0.5 * references[:, [2, 0, 3, 1]] + 0.3 * noise + 0.1 * references


# The first mixture of `scene`, measured with torchmetrics 1.9.0 (SignalNoiseRatio,
# ScaleInvariantSignalDistortionRatio, PermutationInvariantTraining; zero_mean=False) and
# fast-bss-eval 0.1.4 (si_sdr).
GOLDEN = {
    "sdr": [-0.3909771888, -0.5710805992, -0.4961747282, -0.6352224901],
    "si_sdr": [-13.0677836934, -14.2659834779, -14.1558217945, -15.4329370849],
    "sdr, pit": [4.6914897677, 4.6182118106, 4.6629811472, 4.6432870339],
    "si_sdr, pit": [4.4990992237, 3.8634089475, 4.1399780169, 4.0143813133],
}


@pytest.mark.parametrize("name", GOLDEN)
@pytest.mark.parametrize("library", ["numpy", "array_api_strict", "torch"])
def test_ratios_are_those_that_other_packages_have(name: str, library: str) -> None:
    xp = pytest.importorskip(library)
    ratio, *pit = name.split(", ")
    references, estimates = map(xp.asarray, scene())
    found = getattr(metrics, ratio)(references, estimates, pit=bool(pit))
    assert isinstance(found, type(references))
    np.testing.assert_allclose(np.asarray(found)[0], GOLDEN[name], rtol=0, atol=ROUNDING_DB)


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
def test_ratios_equal_torchmetrics() -> None:
    audio = pytest.importorskip("torchmetrics.functional.audio")
    torch = pytest.importorskip("torch")
    references, estimates = map(torch.from_numpy, scene())
    for ours, theirs in (
        (metrics.sdr, audio.signal_noise_ratio),
        (metrics.si_sdr, audio.scale_invariant_signal_distortion_ratio),
    ):
        torch.testing.assert_close(ours(references, estimates), theirs(estimates, references))
        best, _ = audio.permutation_invariant_training(estimates, references, theirs)
        torch.testing.assert_close(ours(references, estimates, pit=True).mean(-1), best)


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
def test_si_sdr_equals_fast_bss_eval() -> None:
    peer = pytest.importorskip("fast_bss_eval")
    references, estimates = scene()
    theirs = peer.si_sdr(references, estimates)
    ours = metrics.si_sdr(references, estimates, pit=True)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=ROUNDING_DB)


def test_ratios_equal_those_of_whole_signals() -> None:
    references, estimates = (signals[0] for signals in scene())
    whole = metrics.scale_invariant_ratios(references, estimates)
    np.testing.assert_allclose(
        metrics.sdr(references, estimates), metrics.usdr(references, estimates), atol=ROUNDING_DB
    )
    np.testing.assert_allclose(
        metrics.si_sdr(references, estimates), whole.si_sdr, atol=ROUNDING_DB
    )


@each_ratio
def test_perfect_is_infinite_silent_is_nan_and_orthogonal_is_worst(ratio: Any) -> None:
    references = np.array([[1.0, 2.0], [0.0, 0.0], [1.0, 2.0], [2.0, -1.0]])
    estimates = np.array([[1.0, 2.0], [1.0, 0.0], [0.0, 0.0], [1.0, 2.0]])
    found = ratio(references, estimates)
    if ratio is metrics.sdr:
        np.testing.assert_allclose(found, [math.inf, math.nan, 0, 10 * math.log10(5 / 10)])
    else:
        np.testing.assert_allclose(found, [math.inf, math.nan, math.nan, -math.inf])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_si_sdr_of_a_scaled_copy_is_infinite(dtype: Any) -> None:
    rng = np.random.default_rng(0)
    references = rng.standard_normal((50, 44100)).astype(dtype)
    gains = rng.uniform(-3, 3, (50, 1)).astype(dtype)
    assert (metrics.si_sdr(references, gains * references) == math.inf).all()
    noisy = references + dtype(1e-5) * rng.standard_normal(references.shape).astype(dtype)
    np.testing.assert_allclose(metrics.si_sdr(references, noisy), 100, atol=0.5)


@each_ratio
def test_gradients_are_finite_whatever_the_signals(ratio: Any) -> None:
    torch = pytest.importorskip("torch")
    ordinary = torch.tensor([1.0, 2.0, -1.0])
    references = torch.stack([ordinary, 0 * ordinary, ordinary, ordinary, ordinary])
    others = torch.tensor([[3.0, 1, 1], [0.0, 0, 0], [2.0, -1, 0]])
    estimates = torch.stack([ordinary, ordinary, *others]).requires_grad_()
    for pit in (False, True):
        (grad,) = torch.autograd.grad(ratio(references, estimates, pit=pit).sum(), estimates)
        assert torch.isfinite(grad).all()
        assert grad[2].abs().sum() > 0
    (grad,) = torch.autograd.grad(ratio(references, estimates).sum(), estimates)
    assert not grad[:2].any()


@each_ratio
@pytest.mark.parametrize("pit", [False, True])
def test_gradients_equal_finite_differences(ratio: Any, pit: bool) -> None:
    torch = pytest.importorskip("torch")
    inputs = [torch.from_numpy(each[:2, :, :6].copy()).requires_grad_() for each in scene()]
    assert torch.autograd.gradcheck(lambda *pair: ratio(*pair, pit=pit), inputs)


@each_ratio
@pytest.mark.filterwarnings("ignore:.*should not be instantiated", "ignore:`torch.jit")
def test_torch_compiles_and_maps_losses(ratio: Any) -> None:
    torch = pytest.importorskip("torch")
    inputs = [torch.from_numpy(each) for each in scene()]
    expected = ratio(*inputs, pit=True)
    compiled = torch.compile(ratio, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(*inputs, pit=True), expected)
    mapped = torch.vmap(lambda *pair: ratio(*pair, pit=True))
    torch.testing.assert_close(mapped(*inputs), expected)


# Permutations.


@each_ratio
@pytest.mark.parametrize("n_sources", [1, 2, 3])
def test_the_best_of_all_permutations_is_found(ratio: Any, n_sources: int) -> None:
    rng = np.random.default_rng(3)
    references, estimates = rng.standard_normal((2, 5, n_sources, 20))
    found = ratio(references, estimates, pit=True)
    for item, pair in zip(found, zip(references, estimates, strict=True), strict=True):
        each = [
            ratio(pair[0], pair[1][list(order)])
            for order in itertools.permutations(range(n_sources))
        ]
        best = max(each, key=np.mean)
        np.testing.assert_allclose(item, best, atol=ROUNDING_DB)


def test_infinite_and_missing_ratios_do_not_hide_the_best_permutation() -> None:
    rng = np.random.default_rng(4)
    references = rng.standard_normal((3, 50))
    references[1] = 0
    estimates = np.stack(
        [references[2] + 0.1 * rng.standard_normal(50), references[0], rng.random(50)]
    )
    found = metrics.sdr(references, estimates, pit=True)
    assert found[0] == math.inf
    assert math.isnan(found[1])
    assert found[2] == metrics.sdr(references[2], estimates[0])


# Errors.


@each_ratio
@pytest.mark.parametrize(
    ("references", "estimates", "error", "message"),
    [
        ([1.0], np.ones(1), TypeError, "references and estimates must be arrays of one library, g"),
        (
            np.ones(2, int),
            np.ones(2),
            TypeError,
            "references must be float32 or float64, got i",
        ),
        (np.ones(2), np.ones(2, complex), TypeError, "estimates must be float32 or float64, got c"),
        (
            np.ones(2),
            np.ones(2, np.float32),
            TypeError,
            "estimates must have the dtype of references, float64, got float32",
        ),
        (
            np.ones(()),
            np.ones(()),
            ValueError,
            "references must have shape (..., n_samples), ",
        ),
        (
            np.ones((2, 0)),
            np.ones((2, 0)),
            ValueError,
            "references must have shape (..., n_samples), and samples, got (2, 0)",
        ),
        (
            np.ones((2, 3)),
            np.ones((1, 3)),
            ValueError,
            "estimates must have the shape of references, (2, 3), got (1, 3)",
        ),
    ],
)
def test_signals_that_do_not_fit_are_refused(
    ratio: Callable[..., Any],
    references: Any,
    estimates: Any,
    error: type[Exception],
    message: str,
) -> None:
    with pytest.raises(error, match=f"^{re.escape(message)}"):
        ratio(references, estimates)


@pytest.mark.parametrize("shape", [(5,), (0, 5), (9, 5)])
def test_what_cannot_be_permuted_is_refused(shape: tuple[int, ...]) -> None:
    message = (
        "references must have shape (..., n_sources, n_samples), with at most 8 sources to "
        f"permute, got {shape}"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        metrics.sdr(np.ones(shape), np.ones(shape), pit=True)
