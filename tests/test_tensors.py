"""Arrays of other libraries where numpy's are needed: each function names the argument."""

from collections.abc import Callable
from typing import Any

import array_api_strict
import numpy as np
import pytest

import oracle
from oracle import STFT, Track, metrics, optimal, residuals, wiener
from oracle.residuals import FrequencySeries

RNG = np.random.default_rng(0)
AUDIO = RNG.standard_normal((2, 2, 600))
SPECTRA = STFT(n_fft=64).forward(AUDIO)
MASKING = STFT(n_fft=64)
LENGTHS: dict[str, Any] = {"window": 300, "hop": 300}
EVALUATION = metrics.BSSEval(AUDIO, **LENGTHS, filter_length=2)
TRACK = Track.from_sources("song", 100, {"a": AUDIO[0], "b": AUDIO[1]})

# Each takes two arrays, of which the first stands for the references; the names of the arguments
# that tensors in their places are told by.
PAIRS: dict[str, tuple[Callable[[Any, Any], object], Any, tuple[str | None, str | None]]] = {
    "usdr": (metrics.usdr, AUDIO, ("references", "estimates")),
    "framewise_sdr": (
        lambda x, y: metrics.framewise_sdr(x, y, **LENGTHS),
        AUDIO,
        ("references", "estimates"),
    ),
    "scale_invariant_ratios": (
        metrics.scale_invariant_ratios,
        AUDIO,
        ("references", "estimates"),
    ),
    "bss_eval_v4": (
        lambda x, y: metrics.bss_eval_v4(x, y, **LENGTHS, filter_length=2),
        AUDIO,
        ("references", "estimates"),
    ),
    "bss_eval_v4_regularized": (
        lambda x, y: metrics.bss_eval_v4_regularized(x, y, **LENGTHS, filter_length=2),
        AUDIO,
        ("references", "estimates"),
    ),
    "bss_eval_images": (metrics.bss_eval_images, AUDIO, ("references", "estimates")),
    "bss_eval_sources": (metrics.bss_eval_sources, AUDIO, ("references", "estimates")),
    "bss_eval_images_framewise": (
        lambda x, y: metrics.bss_eval_images_framewise(x, y, **LENGTHS),
        AUDIO,
        ("references", "estimates"),
    ),
    "bss_eval_sources_framewise": (
        lambda x, y: metrics.bss_eval_sources_framewise(x, y, **LENGTHS),
        AUDIO,
        ("references", "estimates"),
    ),
    "BSSEval": (
        lambda x, y: metrics.BSSEval(x, **LENGTHS, filter_length=2).examine_all(y),
        AUDIO,
        ("references", "estimates"),
    ),
    "find_best_permutation": (
        lambda x, y: EVALUATION.find_best_permutation(y),
        AUDIO,
        (None, "estimates"),
    ),
    "waveform_residuals": (residuals.waveform_residuals, AUDIO, ("references", "estimates")),
    "magnitude_residuals": (residuals.magnitude_residuals, SPECTRA, ("references", "estimates")),
    "phase_error": (residuals.phase_error, SPECTRA, ("references", "estimates")),
    "phase_share": (residuals.phase_share, SPECTRA, ("references", "estimates")),
    "contested_share": (residuals.contested_share, SPECTRA, ("sources", "residuals")),
    "with_phase_of": (
        lambda x, y: residuals.with_phase_of(x[0, ...], y),
        SPECTRA,
        ("mixture", "sources"),
    ),
    "coherence": (
        lambda x, y: residuals.coherence(x, y, rate=100, n_fft=64),
        AUDIO,
        ("first", "second"),
    ),
    "norms": (lambda x, y: residuals.norms(x), AUDIO, ("residuals", None)),
    "autocorrelation": (
        lambda x, y: residuals.autocorrelation(x, n_lags=5),
        AUDIO,
        ("signals", None),
    ),
    "periodogram": (lambda x, y: residuals.periodogram(x, rate=100), AUDIO, ("signals", None)),
    "whiteness": (lambda x, y: residuals.whiteness(x), AUDIO, ("signals", None)),
    "cross_spectra": (
        lambda x, y: residuals.cross_spectra(x[:, 0, :], rate=100, n_fft=64),
        AUDIO,
        ("residuals", None),
    ),
    "cross_coherence": (
        lambda x, y: residuals.cross_coherence(FrequencySeries(np.ones(2), x)),
        SPECTRA[:, :, 0, :2],
        ("spectra.values", None),
    ),
    "smooth": (
        lambda x, y: residuals.smooth(FrequencySeries(np.ones(600), x[0, 0, :]), n_bins=2),
        AUDIO,
        ("spectrum.values", None),
    ),
    "multichannel_wiener_filter": (
        lambda x, y: wiener.multichannel_wiener_filter(x, y[0, ...]),
        SPECTRA,
        ("sources", "mixture"),
    ),
    "sisec18_wiener_filter": (
        lambda x, y: wiener.sisec18_wiener_filter(x, y[0, ...], window_sum=1.0),
        SPECTRA,
        ("sources", "mixture"),
    ),
    "covariance_sums": (lambda x, y: wiener.covariance_sums(x), SPECTRA, ("sources", None)),
    "optimal_mask": (
        lambda x, y: optimal.optimal_mask(x, y[0, ...], stft=MASKING),
        AUDIO,
        ("sources", "mixture"),
    ),
    "framewise_ceiling": (
        lambda x, y: optimal.framewise_ceiling(x, y[0, ...], stft=MASKING, **LENGTHS),
        AUDIO,
        ("sources", "mixture"),
    ),
    "Track": (
        lambda x, y: Track("song", 100, x[0, ...], {"a": y[0, ...]}),
        AUDIO,
        ("mixture", r"sources\['a'\]"),
    ),
    "score": (
        lambda x, y: oracle.score(TRACK, {"a": y[0, ...], "b": AUDIO[1]}),
        AUDIO,
        (None, r"estimates\['a'\]"),
    ),
}
PLACES = [
    pytest.param(function, arrays, place, argument, id=f"{name}-{argument}")
    for name, (function, arrays, arguments) in PAIRS.items()
    for place, argument in enumerate(arguments)
    if argument is not None
]


@pytest.mark.parametrize("kind", ["torch", "torch, with a gradient", "array_api_strict"])
@pytest.mark.parametrize(("function", "arrays", "place", "argument"), PLACES)
def test_arrays_of_other_libraries_are_refused(
    function: Callable[[Any, Any], object], arrays: Any, place: int, argument: str, kind: str
) -> None:
    if kind == "array_api_strict":
        other: Any = array_api_strict.asarray(arrays)
    else:
        other = pytest.importorskip("torch").from_numpy(np.array(arrays))
        other.requires_grad_(kind != "torch")
    pair = [arrays, arrays]
    pair[place] = other
    name = type(other).__name__
    with pytest.raises(TypeError, match=f"^{argument} must be a numpy array, got {name}"):
        function(*pair)


@pytest.mark.parametrize("of", [list, tuple])
def test_lists_of_tensors_are_refused(of: Callable[[Any], Any]) -> None:
    torch = pytest.importorskip("torch")
    tensors = of(torch.from_numpy(AUDIO))
    for function in (metrics.usdr, metrics.scale_invariant_ratios, metrics.bss_eval_images):
        with pytest.raises(TypeError, match="^references must be a numpy array, got Tensor"):
            function(tensors, tensors)


def test_what_is_no_array_is_refused() -> None:
    rows: Any = AUDIO.tolist()
    with pytest.raises(TypeError, match=r"^references must be numpy arrays, got list$"):
        metrics.usdr(rows, AUDIO)
    track: Any = AUDIO
    with pytest.raises(TypeError, match=r"^track must be an oracle\.Track, .*; got array"):
        oracle.separate(track, "IRM2")
