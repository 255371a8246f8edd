import itertools
import subprocess
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

import hypothesis.strategies as st
import numpy as np
import numpy.typing as npt
import pytest
import scipy.signal
from hypothesis import given, settings

from oracle import Track, datasets, metrics, separate
from oracle.metrics import bss_v3, bss_v4
from oracle.metrics.correlations import Correlator
from oracle.metrics.projections import Projection
from oracle.metrics.windows import Partition

pytestmark = pytest.mark.peers

Floats = npt.NDArray[np.float64]
Version = Literal["images", "sources"]

# Of well-conditioned equations, solved twice in float64.
PEER_DB = 1e-6
# Of the same energies, added up in another order.
ROUNDING_DB = 1e-9
# float32 in, float64 sums: what rounding the input does to ratios of up to 40 dB.
FLOAT32_DB = 1e-3
# Where nothing should be left of an energy but rounding.
NOTHING_DB = 120.0

FUNCTIONS: dict[str, Callable[..., Any]] = {
    "v4": partial(metrics.bss_eval_v4, window=500, hop=500, filter_length=4),
    "v4_regularized": partial(
        metrics.bss_eval_v4_regularized, window=500, hop=500, filter_length=4
    ),
    "images": metrics.bss_eval_images,
    "images_framewise": partial(metrics.bss_eval_images_framewise, window=500, hop=500),
    "sources": metrics.bss_eval_sources,
    "sources_framewise": partial(metrics.bss_eval_sources_framewise, window=500, hop=500),
}
every_function = pytest.mark.parametrize("name", FUNCTIONS)


def use_few_taps(monkeypatch: pytest.MonkeyPatch, n_lags: int = 4) -> None:
    """Have the functions of version 3 fit short filters: quick, and well-conditioned."""
    monkeypatch.setattr(bss_v3, "BSSEval", partial(metrics.BSSEval, filter_length=n_lags))


@pytest.fixture
def few_taps(monkeypatch: pytest.MonkeyPatch) -> None:
    use_few_taps(monkeypatch)


def signals(
    *shape: int, seed: int = 0, error: float = 0.3, leakage: float = 0.2
) -> tuple[Floats, Floats]:
    """References, and estimates with each kind of error in them."""
    rng = np.random.default_rng(seed)
    references = rng.standard_normal(shape)
    filtered = 0.1 * np.roll(references, 2, axis=-1)
    mixed = leakage * rng.standard_normal((shape[0], shape[0])) @ references.reshape(shape[0], -1)
    estimates = references + filtered + mixed.reshape(shape)
    return references, estimates + error * rng.standard_normal(shape)


def swapped(*arrays: Floats) -> list[Floats]:
    """Put samples where museval has them."""
    return [array.swapaxes(1, 2) for array in arrays]


def quietly(function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(*arguments, **named)


def compare(ours: Sequence[Any], theirs: Sequence[Any], atol: float = PEER_DB) -> None:
    assert len(ours) == len(theirs)
    for name, mine, other in zip(range(len(ours)), ours, theirs, strict=True):
        np.testing.assert_allclose(
            mine, np.reshape(other, np.shape(mine)), rtol=0, atol=atol, err_msg=f"ratio {name}"
        )


def delayed(channels: Floats, n_lags: int) -> Floats:
    """Lay out channels delayed by 0, ..., n_lags - 1 samples, one to a row."""
    n_channels, n_samples = channels.shape
    copies = np.zeros((n_channels, n_lags, n_samples + n_lags - 1))
    for lag in range(n_lags):
        copies[:, lag, lag : lag + n_samples] = channels
    return copies.reshape(n_channels * n_lags, -1)


def fitted(channels: Floats, target: Floats, n_lags: int, strength: float = 0.0) -> Floats:
    """Fit delayed copies to a target by an SVD; noise makes rows of its own."""
    basis = delayed(channels, n_lags)
    padded = np.pad(target, ((0, 0), (0, n_lags - 1)))
    noise = np.sqrt(strength * (channels**2).sum(axis=1)).repeat(n_lags)
    rows = np.concatenate([basis, np.diag(noise)], axis=1)
    wanted = np.pad(padded, ((0, 0), (0, len(noise))))
    return np.asarray(np.linalg.lstsq(rows.T, wanted.T, rcond=1e-7)[0])


def by_hand(
    references: Floats,
    estimates: Floats,
    n_lags: int,
    *,
    cut: slice = slice(None),
    version: Version = "images",
    strength: float = 0.0,
) -> Floats:
    """Write BSS Eval out: filters of whole signals, applied to a part of the references."""
    everything = np.concatenate(list(references))
    ratios = []
    with np.errstate(divide="ignore"):
        for truth, estimate in zip(references, estimates, strict=True):
            own = fitted(truth, estimate - truth, n_lags, strength)
            joint = fitted(everything, estimate - truth, n_lags, strength)
            padding = ((0, 0), (0, n_lags - 1))
            source = np.pad(truth[:, cut], padding)
            error = np.pad((estimate - truth)[:, cut], padding)
            spatial = (delayed(truth[:, cut], n_lags).T @ own).T
            projected = (delayed(everything[:, cut], n_lags).T @ joint).T
            interference, artifacts = projected - spatial, error - projected
            if version == "images":
                pairs = [
                    (source, error),
                    (source, spatial),
                    (source + spatial, interference),
                    (source + projected, artifacts),
                ]
            else:
                pairs = [
                    (source + spatial, error - spatial),
                    (source + spatial, interference),
                    (source + projected, artifacts),
                ]
            ratios.append([10 * np.log10(np.sum(a**2) / np.sum(b**2)) for a, b in pairs])
    return np.transpose(ratios)


def cuts(window: int, hop: int, filter_length: int) -> Any:
    """Keyword arguments of version 4."""
    return {"window": window, "hop": hop, "filter_length": filter_length}


def low_passed(signal: Floats, cutoff: float) -> Floats:
    """Leave nothing above a fraction of the Nyquist frequency but rounding, and fade in and out."""
    taps = scipy.signal.firwin(201, cutoff, window=("kaiser", 16.0))
    quiet = signal.copy()
    quiet[..., :100] = quiet[..., -100:] = 0
    return np.apply_along_axis(lambda x: np.convolve(x, taps, mode="same"), -1, quiet)


# museval and mir_eval


@pytest.mark.slow
@pytest.mark.usefixtures("ffmpeg")
@settings(max_examples=60, deadline=None)
@given(
    n_sources=st.integers(1, 4),
    n_channels=st.integers(1, 3),
    n_samples=st.integers(1000, 3000),
    window=st.integers(5, 3500),
    hop=st.integers(150, 3500),
    n_lags=st.integers(1, 24),
    compute_permutation=st.booleans(),
    seed=st.integers(0, 99),
)
def test_v4_equals_musevals(
    n_sources: int,
    n_channels: int,
    n_samples: int,
    window: int,
    hop: int,
    n_lags: int,
    compute_permutation: bool,
    seed: int,
) -> None:
    import museval

    references, estimates = signals(n_sources, n_channels, n_samples, seed=seed)
    estimates = estimates[np.random.default_rng(seed).permutation(n_sources)]
    theirs = museval.metrics.bss_eval(
        *swapped(references, estimates),
        window=window,
        hop=hop,
        filters_len=n_lags,
        compute_permutation=compute_permutation,
    )
    ours = metrics.bss_eval_v4(
        references,
        estimates,
        window=window,
        hop=hop,
        filter_length=n_lags,
        compute_permutation=compute_permutation,
    )
    n_windows = len(metrics.window_starts(n_samples, window=window, hop=hop))
    assert ours.sdr.shape == (n_sources, n_windows)
    compare(ours, theirs)


@pytest.mark.slow
@pytest.mark.usefixtures("ffmpeg")
@pytest.mark.parametrize(
    ("shape", "window", "hop", "permute"),
    [
        ((2, 1, 9000), 2000, 1500, True),
        ((2, 2, 7000), 1000, 2000, False),
        ((1, 3, 9000), 3000, 100, False),
        ((3, 1, 9000), 100, 300, True),
        ((2, 1, 4000), 5000, 5000, False),
    ],
)
def test_v4_has_musevals_512_taps(
    shape: tuple[int, int, int], window: int, hop: int, permute: bool
) -> None:
    import museval

    references, estimates = signals(*shape)
    estimates = estimates[::-1]
    lengths: Any = {"window": window, "hop": hop, "compute_permutation": permute}
    theirs = museval.metrics.bss_eval(*swapped(references, estimates), **lengths)
    ours = metrics.bss_eval_v4(
        references, estimates, window=window, hop=hop, compute_permutation=permute
    )
    compare(ours, theirs)


@pytest.mark.usefixtures("ffmpeg")
@pytest.mark.parametrize("permute", [False, True])
def test_v4_of_five_permuted_sources_equals_musevals(permute: bool) -> None:
    import museval

    references, estimates = signals(5, 1, 2000)
    estimates = estimates[[3, 0, 4, 1, 2]]
    theirs = museval.metrics.bss_eval(
        *swapped(references, estimates),
        window=700,
        hop=600,
        filters_len=8,
        compute_permutation=permute,
    )
    ours = metrics.bss_eval_v4(
        references, estimates, window=700, hop=600, filter_length=8, compute_permutation=permute
    )
    compare(ours, theirs)
    expected = [1, 3, 4, 0, 2] if permute else range(5)
    np.testing.assert_array_equal(ours.permutation, expected)


@pytest.mark.slow
@pytest.mark.usefixtures("ffmpeg")
@pytest.mark.parametrize("who", ["references", "estimates"])
@pytest.mark.parametrize("cancel", [False, True])
def test_silent_windows_are_musevals(who: str, cancel: bool) -> None:
    import museval

    references, estimates = signals(3, 2, 3000)
    signal = {"references": references, "estimates": estimates}[who][1, :, 900:2010]
    signal[:] = [[1.0], [-1.0]] * signal[:1] if cancel else 0
    for window, hop in ((500, 500), (400, 100), (1100, 30)):
        theirs = museval.metrics.bss_eval(
            *swapped(references, estimates), window=window, hop=hop, filters_len=6
        )
        ours = metrics.bss_eval_v4(references, estimates, window=window, hop=hop, filter_length=6)
        silent = np.isnan(ours.sdr)
        assert silent.any()
        assert not silent.all()
        compare(ours, theirs)


@pytest.mark.slow
@pytest.mark.usefixtures("ffmpeg")
@settings(max_examples=40, deadline=None)
@given(
    n_sources=st.integers(1, 5),
    n_channels=st.integers(1, 2),
    n_samples=st.integers(1000, 2500),
    window=st.integers(400, 3000),
    hop=st.integers(200, 3000),
    compute_permutation=st.booleans(),
    silent=st.booleans(),
    version=st.sampled_from(["images", "sources"]),
    seed=st.integers(0, 99),
)
def test_framewise_v3_equals_musevals_with_few_taps(
    n_sources: int,
    n_channels: int,
    n_samples: int,
    window: int,
    hop: int,
    compute_permutation: bool,
    silent: bool,
    version: Version,
    seed: int,
) -> None:
    import museval

    references, estimates = signals(n_sources, n_channels, n_samples, seed=seed)
    estimates = estimates[np.random.default_rng(seed).permutation(n_sources)]
    if silent:
        estimates[0, :, :500] = 0
    theirs = museval.metrics.bss_eval(
        *swapped(references, estimates),
        window=window,
        hop=hop,
        compute_permutation=compute_permutation,
        filters_len=12,
        framewise_filters=True,
        bsseval_sources_version=version == "sources",
    )
    ours = metrics.bss_eval_images_framewise
    if version == "sources":
        ours = metrics.bss_eval_sources_framewise  # type: ignore[assignment]
        theirs = (theirs[0], *theirs[2:])
    with pytest.MonkeyPatch.context() as monkeypatch:
        use_few_taps(monkeypatch, 12)
        found = ours(
            references,
            estimates,
            window=window,
            hop=hop,
            compute_permutation=compute_permutation,
        )
    n_windows = len(metrics.window_starts(n_samples, window=window, hop=hop))
    assert found.permutation.shape == (n_sources, n_windows)
    # museval's permutation has one column where none is sought.
    if not compute_permutation:
        theirs = (*theirs[:-1], theirs[-1].repeat(n_windows // theirs[-1].shape[1], axis=1))
    compare(found, theirs)


@pytest.mark.slow
@pytest.mark.usefixtures("ffmpeg")
@pytest.mark.parametrize(
    ("shape", "permute"),
    [((2, 1, 7000), True), ((3, 1, 9000), False), ((2, 2, 8000), False), ((1, 3, 6000), True)],
)
def test_v3_of_whole_signals_equals_musevals(shape: tuple[int, int, int], permute: bool) -> None:
    import museval

    references, estimates = signals(*shape)
    estimates = estimates[::-1]
    theirs = museval.metrics.bss_eval_images(
        *swapped(references, estimates), compute_permutation=permute
    )
    ours = metrics.bss_eval_images(references, estimates, compute_permutation=permute)
    assert ours.sdr.shape == ours.permutation.shape == shape[:1]
    compare(ours, theirs)
    if shape[1] == 1:
        found = metrics.bss_eval_sources(references, estimates, compute_permutation=permute)
        assert found.sar.shape == found.permutation.shape == shape[:1]
        compare(
            found,
            museval.metrics.bss_eval_sources(
                *swapped(references, estimates), compute_permutation=permute
            ),
        )


@pytest.mark.slow
@pytest.mark.usefixtures("ffmpeg")
@pytest.mark.parametrize("version", ["images", "sources"])
def test_framewise_v3_equals_musevals(version: str) -> None:
    import museval

    references, estimates = signals(2, 1, 14500)
    estimates[:, :, 6000:] = estimates[::-1, :, 6000:]
    estimates[1, :, :5500] = 0
    lengths: Any = {"window": 5000, "hop": 3000, "compute_permutation": True}
    function = f"bss_eval_{version}_framewise"
    theirs = getattr(museval.metrics, function)(*swapped(references, estimates), **lengths)
    ours = getattr(metrics, function)(references, estimates, **lengths)
    np.testing.assert_array_equal(np.isnan(ours.sdr[0]), [True, False, False, False])
    np.testing.assert_array_equal(ours.permutation[:, [0, 3]], [[0, 1], [1, 0]])
    compare(ours, theirs)


def mir_evals(name: str) -> Callable[..., Any]:
    """A function of mir_eval, which is deprecated in version 0.8."""
    return partial(quietly, getattr(pytest.importorskip("mir_eval").separation, name))


@pytest.mark.slow
@pytest.mark.parametrize(("n_sources", "permute"), [(2, True), (3, False)])
def test_v3_of_whole_mono_signals_equals_mir_evals(n_sources: int, permute: bool) -> None:
    references, estimates = (each[:, 0] for each in signals(n_sources, 1, 9000))
    estimates = estimates[::-1]
    theirs = mir_evals("bss_eval_sources")(references, estimates, permute)
    ours = metrics.bss_eval_sources(references, estimates, compute_permutation=permute)
    compare(ours, theirs)
    if n_sources == 3:
        return
    their_images = mir_evals("bss_eval_images")(references, estimates, permute)
    compare(
        metrics.bss_eval_images(references, estimates, compute_permutation=permute), their_images
    )


@pytest.mark.slow
def test_v3_of_whole_stereo_signals_equals_mir_evals() -> None:
    references, estimates = signals(2, 2, 12000)
    theirs = mir_evals("bss_eval_images")(*swapped(references, estimates), False)
    compare(metrics.bss_eval_images(references, estimates, compute_permutation=False), theirs)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("version", "convention"), [("images", "museval"), ("sources", "mir_eval")]
)
def test_framewise_v3_equals_mir_evals(version: str, convention: str) -> None:
    references, estimates = (each[:, 0] for each in signals(2, 1, 9500))
    estimates[1, :5500] = 0
    estimates = estimates[::-1]
    function = f"bss_eval_{version}_framewise"
    lengths: Any = {"window": 5000, "hop": 2000, "compute_permutation": True}
    theirs = mir_evals(function)(references, estimates, **lengths)
    ours = getattr(metrics, function)(references, estimates, **lengths, convention=convention)
    assert np.isnan(theirs[0][:, 0]).all()
    assert all(np.isnan(ratio[:, 0]).all() for ratio in ours[:-1])
    np.testing.assert_array_equal(ours.permutation, [[0, 1, 1], [1, 0, 0]])
    # mir_eval leaves ISR uninitialized in silent windows.
    compare([ratio[:, 1:] for ratio in ours], [ratio[:, 1:] for ratio in theirs])


@pytest.mark.slow
@pytest.mark.usefixtures("ffmpeg")
@pytest.mark.parametrize(
    ("version", "window", "hop"), [("images", 6000, 5000), ("sources", 9000, 100)]
)
def test_conventions_differ_where_one_window_fits(version: str, window: int, hop: int) -> None:
    import museval

    references, estimates = (each[:, 0] for each in signals(2, 1, 7000))
    function = f"bss_eval_{version}_framewise"
    lengths: Any = {"window": window, "hop": hop}
    found = {
        convention: getattr(metrics, function)(
            references, estimates, **lengths, convention=convention
        )
        for convention in ("museval", "mir_eval")
    }
    whole = getattr(metrics, f"bss_eval_{version}")(
        references, estimates, compute_permutation=False
    )
    compare(found["mir_eval"], whole, atol=0)
    compare(found["mir_eval"], mir_evals(function)(references, estimates, **lengths))
    theirs = getattr(museval.metrics, function)(
        references[..., None], estimates[..., None], **lengths
    )
    compare(found["museval"], theirs)
    assert np.array_equal(found["museval"].sdr, found["mir_eval"].sdr) == (window > 7000)


def test_windows_of_v3_are_30_s_every_15_s_at_44100_hz() -> None:
    for function in (metrics.bss_eval_images_framewise, metrics.bss_eval_sources_framewise):
        defaults = function.__kwdefaults__
        assert defaults is not None
        assert (defaults["window"], defaults["hop"]) == (1323000, 661500)
        assert defaults["compute_permutation"] is False
        assert defaults["convention"] == "museval"


# Written out, with explicit delayed copies


@pytest.mark.parametrize("shape", [(1, 1, 300), (2, 1, 300), (3, 2, 400), (2, 3, 400)])
@pytest.mark.parametrize("n_lags", [1, 2, 7])
def test_v4_equals_the_decomposition_written_out(shape: tuple[int, int, int], n_lags: int) -> None:
    references, estimates = signals(*shape)
    found = metrics.bss_eval_v4(references, estimates, window=90, hop=70, filter_length=n_lags)
    for place, start in enumerate(range(0, shape[2] - 89, 70)):
        expected = by_hand(references, estimates, n_lags, cut=slice(start, start + 90))
        if shape[0] == 1:
            assert (found.sir[:, place] == np.inf).all()
            expected[2] = np.inf
        compare([ratio[:, place] for ratio in found[:4]], list(expected))


def test_sources_ratios_in_windows_equal_the_decomposition_written_out() -> None:
    references, estimates = signals(2, 2, 400)
    evaluation = metrics.BSSEval(references, **cuts(90, 70, 5))
    found = evaluation.compute_sources(evaluation.examine_all(estimates))
    for place, start in enumerate(range(0, 311, 70)):
        cut = slice(start, start + 90)
        expected = by_hand(references, estimates, 5, cut=cut, version="sources")
        compare([ratio[:, place] for ratio in found], list(expected))


@pytest.mark.parametrize(("window", "hop"), [(20, 7), (3, 40), (31, 3)])
def test_short_windows_and_pieces_equal_the_decomposition_written_out(
    window: int, hop: int
) -> None:
    references, estimates = signals(2, 1, 200)
    found = metrics.bss_eval_v4(references, estimates, **cuts(window, hop, 30))
    starts = list(enumerate(range(0, 201 - window, hop)))
    for place, start in starts[:: max(1, len(starts) // 6)]:
        expected = by_hand(references, estimates, 30, cut=slice(start, start + window))
        compare([ratio[:, place] for ratio in found[:4]], list(expected))


@pytest.mark.parametrize("strength", [1e-6, 0.01, 1.0])
def test_v4_regularized_equals_the_decomposition_with_noise_written_out(strength: float) -> None:
    references, estimates = signals(2, 2, 400)
    references[0] *= 100
    found = metrics.bss_eval_v4_regularized(
        references, estimates, window=150, hop=200, filter_length=5, regularization=strength
    )
    for place, cut in enumerate([slice(0, 150), slice(200, 350)]):
        expected = by_hand(references, estimates, 5, cut=cut, strength=strength)
        compare([ratio[:, place] for ratio in found[:4]], list(expected))


@pytest.mark.usefixtures("few_taps")
@pytest.mark.parametrize("version", ["images", "sources"])
def test_framewise_v3_fits_the_filters_to_each_window(version: Version) -> None:
    references, estimates = signals(2, 2, 700)
    found = getattr(metrics, f"bss_eval_{version}_framewise")(
        references, estimates, window=200, hop=250
    )
    for place, start in enumerate((0, 250, 500)):
        cut = slice(start, start + 200)
        expected = by_hand(references[..., cut], estimates[..., cut], 4, version=version)
        compare([ratio[:, place] for ratio in found[:-1]], list(expected))


@pytest.mark.usefixtures("few_taps")
@pytest.mark.parametrize("version", ["images", "sources"])
@pytest.mark.parametrize("who", [0, 1])
def test_windows_in_which_any_signal_is_silent_are_nan_and_leave_the_order_as_given(
    version: Version, who: int
) -> None:
    pair = signals(2, 2, 900)
    pair[who][1, :, 300:600] = [[1], [-1]]
    evaluate = partial(getattr(metrics, f"bss_eval_{version}_framewise"), window=300, hop=300)
    found = evaluate(pair[0], pair[1][::-1], compute_permutation=True)
    for ratio in found[:-1]:
        np.testing.assert_array_equal(np.isnan(ratio), [[False, True, False]] * 2)
    np.testing.assert_array_equal(found.permutation, [[1, 0, 1], [0, 1, 0]])
    # The two conventions are one where more than one window fits.
    for convention in ("museval", "mir_eval"):
        compare(evaluate(*pair, convention=convention), evaluate(*pair), atol=0)


# Closed forms


def impulses(*places: int, n_samples: int = 4000) -> Floats:
    """Sources of one sample each: their delayed copies do not overlap if they are far apart."""
    sources = np.zeros((len(places), 1, n_samples))
    sources[np.arange(len(places)), 0, places] = 1
    return sources


def decibels(ratio: float) -> float:
    return float(10 * np.log10(ratio))


def test_ratios_of_orthogonal_parts_are_known() -> None:
    # e = s0 + 0.03 (s0 delayed by 2) + 0.1 s1 + 0.01 n, with n orthogonal to all copies.
    basis = impulses(0, 1000, 2000)
    references = basis[:2]
    estimates = references.copy()
    estimates[0] += 0.03 * np.roll(basis[0], 2) + 0.1 * basis[1] + 0.01 * basis[2]
    filtered = 1 + 0.03**2
    images = {
        "sdr": decibels(1 / (0.03**2 + 0.1**2 + 0.01**2)),
        "isr": decibels(1 / 0.03**2),
        "sir": decibels(filtered / 0.1**2),
        "sar": decibels((filtered + 0.1**2) / 0.01**2),
    }
    sources = images | {"sdr": decibels(filtered / (0.1**2 + 0.01**2))}
    v4 = metrics.bss_eval_v4(references, estimates, window=4000, hop=1, filter_length=3)
    whole = metrics.bss_eval_images(references, estimates)
    for name, value in images.items():
        assert getattr(v4, name)[0, 0] == pytest.approx(value, abs=PEER_DB), name
        assert getattr(whole, name)[0] == pytest.approx(value, abs=PEER_DB), name
        assert getattr(v4, name)[1, 0] == np.inf
    found = metrics.bss_eval_sources(references, estimates)
    for name in ("sdr", "sir", "sar"):
        assert getattr(found, name)[0] == pytest.approx(sources[name], abs=PEER_DB), name


def test_a_copy_delayed_by_more_than_the_filter_is_an_artifact() -> None:
    references = impulses(0, 1000)
    estimates = references + 0.1 * np.roll(references, 3, axis=-1)
    inside, outside = (
        metrics.bss_eval_v4(references, estimates, window=4000, hop=1, filter_length=n_lags)
        for n_lags in (4, 3)
    )
    assert inside.isr[0, 0] == pytest.approx(20)
    assert inside.sar[0, 0] > NOTHING_DB
    assert outside.isr[0, 0] > NOTHING_DB
    assert outside.sar[0, 0] == pytest.approx(20)


def test_what_the_filters_ring_on_after_the_window_counts() -> None:
    # The source's last sample in the first window comes once more, in the second one.
    references = impulses(99, 30, n_samples=200) + impulses(150, 130, n_samples=200)
    estimates = references + 0.1 * np.roll(references, 1, axis=-1)
    found = metrics.bss_eval_v4(references, estimates, window=100, hop=100, filter_length=2)
    assert found.sdr[0, 0] == np.inf
    assert found.isr[0, 0] == pytest.approx(20)
    assert found.sar[0, 0] == pytest.approx(decibels(1.01 / 0.01))
    assert found.sar[1, 0] > NOTHING_DB
    np.testing.assert_allclose(found.sdr[1], 20)


@pytest.mark.usefixtures("few_taps")
def test_a_scaled_copy_of_another_source_is_interference_alone() -> None:
    references = impulses(100, 600, 1100)
    estimates = references + 0.1 * references[[1, 2, 0]]
    images = metrics.bss_eval_images(references, estimates)
    sources = metrics.bss_eval_sources(references, estimates)
    for ratio in (images.sdr, images.sir, sources.sdr, sources.sir):
        np.testing.assert_allclose(ratio, 20)
    for ratio in (images.isr, images.sar, sources.sar):
        assert (ratio > NOTHING_DB).all()


def test_another_source_is_no_artifact_but_noise_is() -> None:
    references, _ = signals(2, 1, 6000)
    noise = np.random.default_rng(1).standard_normal((1, 6000))
    leaking = metrics.bss_eval_images(references, references + 0.1 * references[::-1])
    noisy = metrics.bss_eval_images(references, references + 0.1 * noise)
    assert (leaking.sar > NOTHING_DB).all()
    np.testing.assert_allclose(noisy.sdr, 20, atol=0.2)
    # 1024 of 6511 dimensions of the noise are taken for filtered sources.
    np.testing.assert_allclose(noisy.sar, 20 + decibels(1 / (1 - 1024 / 6511)), atol=0.5)


@pytest.mark.parametrize("n_channels", [1, 2])
def test_a_filter_is_spatial_distortion_and_for_the_sources_version_no_error(
    n_channels: int,
) -> None:
    references, _ = signals(2, n_channels, 6000 * n_channels)
    references[..., -10:] = 0
    taps = np.array([0.9, 0, 0.3, 0, 0, -0.2])
    estimates = np.apply_along_axis(lambda x: np.convolve(x, taps)[: x.size], -1, references)
    estimates += 0.2 * references[:, ::-1] if n_channels == 2 else 0
    sources = metrics.bss_eval_sources(references, estimates, compute_permutation=False)
    images = metrics.bss_eval_images(references, estimates, compute_permutation=False)
    for ratio in (*sources[:3], images.sir, images.sar):
        assert (ratio > NOTHING_DB).all()
    by_energy = 10 * np.log10(
        np.sum(references**2, axis=(1, 2)) / np.sum((estimates - references) ** 2, axis=(1, 2))
    )
    compare([images.sdr, images.isr], [by_energy, by_energy])


@pytest.mark.usefixtures("few_taps")
@every_function
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_perfect_estimate_is_infinite_in_every_ratio(name: str, dtype: type) -> None:
    wide, _ = signals(3, 2, 2000)
    references: npt.NDArray[Any] = wide.astype(dtype)
    for ratio in FUNCTIONS[name](references, references.copy())[:-1]:
        assert (ratio == np.inf).all()


# Invariances


def test_sdr_is_framewise_sdr_at_any_filter_length_and_strength() -> None:
    references, estimates = signals(3, 2, 1000)
    references[1, :, :300] = 0
    expected = metrics.framewise_sdr(references, estimates, window=250, hop=150)
    for n_lags in (1, 6, 40):
        for strength in (0, 0.1):
            found = metrics.bss_eval_v4_regularized(
                references,
                estimates,
                window=250,
                hop=150,
                filter_length=n_lags,
                regularization=strength,
            )
            np.testing.assert_allclose(found.sdr, expected, rtol=0, atol=ROUNDING_DB)


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(gain=st.floats(1e-6, 1e6), strength=st.sampled_from([0, 1e-6]), seed=st.integers(0, 99))
def test_a_gain_on_everything_changes_nothing(gain: float, strength: float, seed: int) -> None:
    references, estimates = signals(2, 2, 600, seed=seed)
    evaluate = partial(
        metrics.bss_eval_v4_regularized,
        window=200,
        hop=200,
        filter_length=6,
        regularization=strength,
    )
    compare(evaluate(gain * references, gain * estimates), evaluate(references, estimates))


@pytest.mark.usefixtures("few_taps")
@every_function
@pytest.mark.parametrize("gain", [1e-30, 1e-6, 1e6, 1e30])
def test_a_gain_on_one_source_and_its_estimate_changes_nothing(name: str, gain: float) -> None:
    references, estimates = signals(2, 2, 1000, leakage=0)
    before = FUNCTIONS[name](references, estimates)
    references[1] *= gain
    estimates[1] *= gain
    compare(FUNCTIONS[name](references, estimates), before)


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(
    order=st.permutations(range(3)),
    channels=st.permutations(range(3)),
    strength=st.sampled_from([0, 1e-6]),
)
def test_the_order_of_sources_and_channels_does_not_matter(
    order: list[int], channels: list[int], strength: float
) -> None:
    references, estimates = signals(3, 3, 600)
    evaluate = partial(
        metrics.bss_eval_v4_regularized,
        window=200,
        hop=150,
        filter_length=6,
        regularization=strength,
    )
    before = evaluate(references, estimates)
    after = evaluate(references[order][:, channels], estimates[order][:, channels])
    compare(after[:4], [ratio[order] for ratio in before[:4]])


@pytest.mark.usefixtures("few_taps")
@every_function
def test_float32_is_float64_rounded(name: str) -> None:
    references, estimates = signals(2, 2, 1500)
    wide = FUNCTIONS[name](references, estimates)
    narrow = FUNCTIONS[name](references.astype(np.float32), estimates.astype(np.float32))
    assert {ratio.dtype for ratio in narrow[:-1]} == {np.dtype(np.float64)}
    compare(narrow, wide, atol=FLOAT32_DB)
    mixed = FUNCTIONS[name](references, estimates.astype(np.float32))
    compare(mixed, wide, atol=FLOAT32_DB)


@pytest.mark.usefixtures("few_taps")
@every_function
def test_a_good_float32_estimate_is_not_drowned_in_rounding(name: str) -> None:
    references = signals(2, 1, 1500)[0].astype(np.float32)
    estimates = references * np.float32(1.0001)
    error = estimates.astype(np.float64) - references
    found = FUNCTIONS[name](references, estimates)
    if "sources" not in name:
        cut = references[0, 0, :500] if found.sdr.ndim == 2 else references[0, 0]
        other = error[0, 0, : cut.size]
        expected = decibels(np.sum(cut.astype(np.float64) ** 2) / np.sum(other**2))
        assert found.sdr.flat[0] == pytest.approx(expected, abs=ROUNDING_DB)
        assert found.isr.flat[0] == pytest.approx(80, abs=0.01)
    assert found.sir.min() > NOTHING_DB
    assert found.sar.min() > NOTHING_DB


@pytest.mark.usefixtures("few_taps")
@every_function
def test_integers_lists_and_mono_without_channels_are_taken(name: str) -> None:
    shorts = [np.rint(1000 * each).astype(np.int16) for each in signals(2, 1, 1500)]
    references, estimates = shorts
    expected = FUNCTIONS[name](references.astype(np.float64), estimates.astype(np.float64))
    for forms in (
        (references, estimates),
        (list(references), list(estimates)),
        (references[:, 0], estimates[:, 0]),
        (list(references[:, 0]), list(estimates[:, 0])),
        (references.tolist(), estimates.tolist()),
        (references[:, 0], estimates),
    ):
        compare(FUNCTIONS[name](*forms), expected, atol=0)


@pytest.mark.usefixtures("few_taps")
@every_function
def test_errors_of_loud_integers_do_not_overflow(name: str) -> None:
    references = np.random.default_rng(0).integers(-32767, 32767, (2, 1, 1500), np.int16)
    estimates = -references
    wide = references.astype(np.float64)
    lengths = {"compute_permutation": False}
    found = FUNCTIONS[name](references, estimates, **lengths)
    compare(found[:1], FUNCTIONS[name](wide, -wide, **lengths)[:1])
    # -s is a filtered s; noise of 1e-6 in the equations leaves an amplitude of 1e-6.
    assert found.sir.min() > 100
    assert found.sar.min() > 100


@pytest.mark.usefixtures("few_taps")
@every_function
def test_inputs_are_left_as_they_are(name: str) -> None:
    references, estimates = signals(3, 2, 1500)
    copies = references.copy(), estimates.copy()
    for array in (references, estimates):
        array.flags.writeable = False
    FUNCTIONS[name](references, estimates, compute_permutation=True)
    np.testing.assert_array_equal(references, copies[0])
    np.testing.assert_array_equal(estimates, copies[1])


# Permutations


@pytest.mark.usefixtures("few_taps")
@every_function
@pytest.mark.parametrize("order", [(1, 2, 0), (0, 2, 1)])
@pytest.mark.parametrize("perfect", [False, True])
def test_shuffled_estimates_are_put_in_order(
    name: str, order: tuple[int, ...], perfect: bool
) -> None:
    references, estimates = signals(3, 2, 1500)
    estimates = references.copy() if perfect else estimates
    expected = FUNCTIONS[name](references, estimates, compute_permutation=False)
    found = FUNCTIONS[name](references, estimates[list(order)], compute_permutation=True)
    np.testing.assert_array_equal(
        found.permutation.T, np.broadcast_to(np.argsort(order), found.permutation.T.shape)
    )
    compare(found[:-1], expected[:-1])


@pytest.mark.usefixtures("few_taps")
@every_function
def test_only_whole_signals_are_put_in_order_by_default(name: str) -> None:
    references, estimates = signals(2, 1, 1500)
    found = FUNCTIONS[name](references, estimates[::-1])
    assert found.permutation.flat[0] == (name in ("images", "sources"))


def test_the_mean_sir_is_of_all_windows_that_are_heard() -> None:
    # In two of the windows the estimates are swapped, in three they are not; one is silent.
    references, estimates = signals(2, 1, 6000, leakage=0.01)
    estimates[:, :, :2000] = estimates[::-1, :, :2000]
    estimates[1, :, 2000:3000] = 0
    lengths = cuts(1000, 1000, 4)
    found = metrics.bss_eval_v4(references, estimates, **lengths, compute_permutation=True)
    np.testing.assert_array_equal(found.permutation, [0, 1])
    found = metrics.bss_eval_v4(references, estimates[::-1], **lengths, compute_permutation=True)
    np.testing.assert_array_equal(found.permutation, [1, 0])
    np.testing.assert_array_equal(np.isnan(found.sir[0]), [False, False, True, False, False, False])


@pytest.mark.slow
def test_the_best_order_has_the_highest_mean_sir_of_all_orders() -> None:
    differ = 0
    for seed in range(10):
        rng = np.random.default_rng(seed)
        levels = 10 ** rng.uniform(-2, 1, (3, 1, 4)).repeat(200, axis=-1)
        references = levels * rng.standard_normal((3, 1, 800))
        estimates = np.einsum("ij,jkl->ikl", rng.standard_normal((3, 3)), references)
        estimates += 0.1 * rng.standard_normal(estimates.shape)
        evaluate: Callable[..., Any] = partial(metrics.bss_eval_v4, references, **cuts(200, 200, 3))
        orders = [list(order) for order in itertools.permutations(range(3))]
        sir = np.array([evaluate(estimates[order]).sir.mean(axis=0) for order in orders])
        best = orders[sir.mean(axis=1).argmax()]
        differ += best != orders[sir[:, 0].argmax()]
        found = evaluate(estimates, compute_permutation=True)
        np.testing.assert_array_equal(found.permutation, best)
        compare(found[:4], evaluate(estimates[best])[:4])
    assert differ


def test_a_single_source_has_no_interference_in_any_window() -> None:
    references, estimates = signals(1, 2, 1000)
    lengths = cuts(200, 200, 4)
    found = metrics.bss_eval_v4(references, estimates, **lengths, compute_permutation=True)
    np.testing.assert_array_equal(found.permutation, [0])
    assert (found.sir > NOTHING_DB).all()
    assert np.isfinite([found.sdr, found.isr, found.sar]).all()


def test_estimates_stay_in_order_if_no_window_is_heard() -> None:
    references, estimates = signals(2, 1, 250)
    estimates[0, :, :100] = 0
    estimates[1, :, 100:200] = 0
    found = metrics.bss_eval_v4(
        references,
        estimates[::-1],
        window=100,
        hop=100,
        filter_length=4,
        compute_permutation=True,
    )
    np.testing.assert_array_equal(found.permutation, [0, 1])
    assert all(np.isnan(ratio).all() for ratio in found[:4])


# Ill-conditioned references


def test_low_passed_sources_are_warned_of_by_name_and_condition_number() -> None:
    references, estimates = signals(3, 1, 6000)
    references[1] = low_passed(references[1], 0.3)
    evaluate = partial(
        metrics.bss_eval_v4, references, estimates, window=2000, hop=2000, filter_length=64
    )
    pattern = (
        r"^references: delayed copies of source 1 \(condition number above 1e\+15\) are nearly "
        r"linearly dependent\. .*: use ISR-reg, SIR-reg, SAR-reg or bss_eval_v4_regularized$"
    )
    with pytest.warns(metrics.IllConditionedWarning, match=pattern) as caught:
        found = evaluate()
    assert [warning.filename for warning in caught] == [__file__]
    for ratio in found[:4]:
        assert np.isfinite(ratio).all()
    references[0] = low_passed(references[0], 0.3)
    with pytest.warns(metrics.IllConditionedWarning, match=r"of source 0 \(.*, source 1 \(c"):
        evaluate()


@pytest.mark.usefixtures("few_taps")
@every_function
def test_every_function_but_the_regularized_warns_once_where_it_is_called(name: str) -> None:
    references, estimates = signals(2, 1, 1500)
    references[1] = references[0]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        FUNCTIONS[name](references, estimates)
    expected = [] if name == "v4_regularized" else [(metrics.IllConditionedWarning, __file__)]
    assert [(warning.category, warning.filename) for warning in caught] == expected
    assert all("of source 0 with source 1 (" in str(warning.message) for warning in caught)


def test_a_strength_of_zero_warns_as_v4_does() -> None:
    references, estimates = signals(1, 1, 500)
    lengths = cuts(500, 500, 4)
    references = np.concatenate([references, references])
    estimates = np.concatenate([estimates, estimates])
    with pytest.warns(metrics.IllConditionedWarning):
        found = metrics.bss_eval_v4_regularized(references, estimates, **lengths, regularization=0)
    compare(found, quietly(metrics.bss_eval_v4, references, estimates, **lengths), atol=0)


def same(first: Floats) -> Floats:
    return first


def opposite(first: Floats) -> Floats:
    return -first


def quieter(first: Floats) -> Floats:
    return 1e-7 * first


def filtered(first: Floats) -> Floats:
    taps = np.array([0.5, -0.3, 0.2])
    return np.apply_along_axis(lambda x: np.convolve(x, taps)[: x.size], -1, first)


@pytest.mark.parametrize("make", [same, opposite, quieter, filtered])
@pytest.mark.parametrize("n_channels", [1, 2])
@pytest.mark.parametrize("n_lags", [1, 8])
@pytest.mark.parametrize("third", [False, True])
def test_dependent_sources_are_projected_as_by_an_svd(
    make: Callable[[Floats], Floats], n_channels: int, n_lags: int, third: bool
) -> None:
    references, estimates = signals(3, n_channels, 500)
    references[..., -10:] = 0
    references[1] = make(references[0])
    if not third:
        references, estimates = references[:2], estimates[:2]
    evaluate = partial(metrics.bss_eval_v4, window=500, hop=500, filter_length=n_lags)
    if make is filtered and n_lags == 1:
        found = evaluate(references, estimates)
    else:
        with pytest.warns(metrics.IllConditionedWarning, match="of source 0 with source 1 "):
            found = evaluate(references, estimates)
    expected = by_hand(references, estimates, n_lags)
    for mine, other in zip(found[:4], expected, strict=True):
        assert not np.isnan(mine).any()
        # What is nothing but rounding may be any large number.
        both = np.minimum([mine[:, 0], other], NOTHING_DB)
        np.testing.assert_allclose(both[0], both[1], rtol=0, atol=1e-4)


@pytest.mark.usefixtures("few_taps")
@pytest.mark.parametrize("version", ["images", "sources"])
@pytest.mark.parametrize("make", [same, opposite])
def test_a_copy_of_a_source_changes_neither_sdr_nor_sar(
    version: str, make: Callable[[Floats], Floats]
) -> None:
    references, estimates = signals(3, 2, 600)
    references[1] = make(references[0])
    evaluate = partial(getattr(metrics, f"bss_eval_{version}"), compute_permutation=False)
    with pytest.warns(metrics.IllConditionedWarning):
        with_copy = evaluate(references, estimates)
    without = evaluate(references[::2], estimates[::2])
    np.testing.assert_allclose(with_copy.sar[::2], without.sar, rtol=0, atol=PEER_DB)
    if version == "images":
        np.testing.assert_allclose(with_copy.sdr[::2], without.sdr, rtol=0, atol=PEER_DB)
    with pytest.warns(metrics.IllConditionedWarning):
        alone = evaluate(references[:2], estimates[:2])
    assert (alone.sir > NOTHING_DB).all()


@pytest.mark.parametrize("sides", [(0, 1), (0, 0), (1, None)])
def test_hard_panned_sources_are_projected_without_their_silent_channel(
    sides: tuple[int, int | None],
) -> None:
    references, estimates = signals(2, 2, 500)
    for reference, side in zip(references, sides, strict=True):
        if side is not None:
            reference[side] = 0
    found = metrics.bss_eval_v4(references, estimates, window=200, hop=300, filter_length=6)
    for place, cut in enumerate((slice(0, 200), slice(300, 500))):
        expected = by_hand(references, estimates, 6, cut=cut)
        compare([ratio[:, place] for ratio in found[:4]], list(expected))
    regularized = metrics.bss_eval_v4_regularized(
        references, estimates, window=200, hop=300, filter_length=6
    )
    compare(regularized, found, atol=0.01)


def test_mono_in_two_channels_is_warned_of_and_scored() -> None:
    mono, estimates = signals(2, 1, 500)
    with pytest.warns(metrics.IllConditionedWarning, match=r"of source 0 \(.*source 1 \("):
        found = metrics.bss_eval_v4(
            mono.repeat(2, axis=1), estimates.repeat(2, axis=1), window=500, hop=1, filter_length=6
        )
    compare(found[:4], list(by_hand(mono, estimates, 6)), atol=1e-4)


def test_regularized_ratios_of_white_noise_are_close_to_plain_ones() -> None:
    references, estimates = signals(3, 2, 4000)
    lengths = cuts(1000, 1000, 32)
    compare(
        metrics.bss_eval_v4_regularized(references, estimates, **lengths),
        metrics.bss_eval_v4(references, estimates, **lengths),
        atol=0.01,
    )


def test_only_regularized_ratios_of_low_passed_sources_outlive_16_bit() -> None:
    references = np.stack([low_passed(0.1 * signal, 0.5) for signal in signals(2, 1, 8000)[0]])
    noise = 0.01 * np.random.default_rng(1).standard_normal(references.shape)
    estimates = references + 0.1 * references[::-1] + low_passed(noise, 0.4)
    rounded = [np.rint(each * 2**15) / 2**15 for each in (references, estimates)]
    lengths = cuts(1000, 1000, 128)
    before = np.array(metrics.bss_eval_v4_regularized(references, estimates, **lengths)[:4])
    after = np.array(metrics.bss_eval_v4_regularized(rounded[0], rounded[1], **lengths)[:4])
    np.testing.assert_allclose(after, before, rtol=0, atol=0.1)
    with pytest.warns(metrics.IllConditionedWarning, match="source 0 .*source 1"):
        before = np.array(metrics.bss_eval_v4(references, estimates, **lengths)[:4])
    after = np.array(metrics.bss_eval_v4(rounded[0], rounded[1], **lengths)[:4])
    assert np.abs(after - before)[1:].max() > 1


@pytest.mark.slow
def test_only_regularized_ratios_of_real_stems_outlive_the_decoder(
    shared: Path, ffmpeg: str
) -> None:
    rock = datasets.musdb18(shared / "data" / "musdb18-7", subset="train")[0]
    path = shared / "data" / "musdb18-7" / "train" / "Music Delta - 80s Rock.stem.mp4"
    streams = []
    for stream in range(5):
        command = [ffmpeg, "-v", "error", "-i", str(path), "-map", f"0:a:{stream}"]
        raw = subprocess.run(
            [*command, "-f", "f32le", "-"], check=True, stdout=subprocess.PIPE
        ).stdout
        streams.append(np.frombuffer(raw, np.float32).reshape(-1, 2).T[:, : rock.n_samples])
    names = ["drums", "bass", "other", "vocals"]
    stems = dict(zip(names, streams[1:], strict=True))
    decoded = Track(rock.name, rock.rate, streams[0], stems)
    plain: list[Floats] = []
    regularized: list[Floats] = []
    troubles = []
    for track in (rock, decoded):
        references = [track.sources[name] for name in names]
        estimates = separate(track, "IRM2")
        for found, strength in ((plain, 0.0), (regularized, bss_v4.REGULARIZATION)):
            evaluation = metrics.BSSEval(
                references,
                window=rock.rate,
                hop=rock.rate,
                regularization=strength,
                names=names,
            )
            troubles.append(evaluation.trouble)
            tally = evaluation.examine_all([estimates[name] for name in names])
            found.append(np.array(evaluation.compute_images(tally)))
    assert plain[0].shape == (4, 4, 6)
    np.testing.assert_allclose(regularized[0], regularized[1], rtol=0, atol=0.1)
    assert np.abs(plain[0] - plain[1])[1:].max() > 10
    np.testing.assert_allclose(plain[0][0], regularized[0][0], rtol=0, atol=ROUNDING_DB)
    assert troubles[:2] == [None, None]
    assert "bass (condition number " in (troubles[2] or "")
    assert troubles[3] is None


# The engine: correlations, projections, windows


@pytest.mark.parametrize("block", [1, 7, 64, 2048])
@pytest.mark.parametrize("n_samples", [1, 6, 7, 8, 13, 14, 15, 63, 64, 65, 129])
@pytest.mark.parametrize("n_lags", [1, 2, 9])
def test_correlations_are_direct_sums_whatever_the_blocks(
    monkeypatch: pytest.MonkeyPatch, block: int, n_samples: int, n_lags: int
) -> None:
    monkeypatch.setattr("oracle.metrics.correlations.BLOCK_SAMPLES", block)
    rng = np.random.default_rng(n_samples)
    earlier = rng.standard_normal((2, n_samples))
    for beyond in {0, n_lags // 2, n_lags - 1}:
        later = rng.standard_normal((3, n_samples + beyond))
        padded = np.pad(later, ((0, 0), (0, n_lags)))
        expected = np.stack(
            [earlier @ padded[:, lag : lag + n_samples].T for lag in range(n_lags)], axis=-1
        )
        found = Correlator(earlier, n_lags).correlate(later)
        assert found.shape == (2, 3, n_lags)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


def test_blocks_of_samples_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    references, estimates = signals(2, 2, 700)
    evaluate = partial(
        metrics.bss_eval_v4, references, estimates, window=130, hop=60, filter_length=9
    )
    whole = evaluate()
    monkeypatch.setattr("oracle.metrics.correlations.BLOCK_SAMPLES", 16)
    compare(evaluate(), whole, atol=ROUNDING_DB)


def correlations(channels: Floats, others: Floats, n_lags: int) -> Floats:
    copies = delayed(channels, n_lags).reshape(len(channels), n_lags, -1)
    padded = np.pad(others, ((0, 0), (0, n_lags - 1)))
    return np.asarray(np.einsum("alt,bt->abl", copies, padded))


@pytest.mark.parametrize("n_channels", [1, 2, 5])
@pytest.mark.parametrize("n_lags", [1, 2, 10])
@pytest.mark.parametrize("gain", [1e-30, 1.0, 1e30])
def test_filters_are_those_of_least_squares(n_channels: int, n_lags: int, gain: float) -> None:
    rng = np.random.default_rng(0)
    channels = rng.standard_normal((n_channels, 200))
    targets = rng.standard_normal((3, 200)) + channels[:1]
    expected = fitted(channels, targets, n_lags).reshape(n_channels, n_lags, 3).swapaxes(1, 2)
    gains = np.ones((n_channels, 1))
    gains[-1] = gain
    projection = Projection(correlations(gains * channels, gains * channels, n_lags))
    assert projection.condition < 100
    found = projection.solve_filters(correlations(gains * channels, targets, n_lags))
    assert found.shape == (n_channels, 3, n_lags)
    np.testing.assert_allclose(found * gains[:, None], expected, rtol=1e-9, atol=1e-10)


def test_regularized_filters_are_those_of_channels_with_noise() -> None:
    rng = np.random.default_rng(0)
    channels = rng.standard_normal((2, 200)) * [[1], [50]]
    targets = rng.standard_normal((3, 200)) + channels[:1]
    expected = fitted(channels, targets, 4, strength=0.3).reshape(2, 4, 3).swapaxes(1, 2)
    projection = Projection(correlations(channels, channels, 4), regularization=0.3)
    found = projection.solve_filters(correlations(channels, targets, 4))
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-10)


def test_correlations_are_left_as_they_are() -> None:
    channels = np.random.default_rng(0).standard_normal((2, 50))
    own = correlations(channels, channels, 3)
    copy = own.copy()
    projection = Projection(own, regularization=0.5)
    projection.solve_filters(own)
    np.testing.assert_array_equal(own, copy)
    assert Projection(own, regularization=0.5).condition == projection.condition


def test_channels_of_zeros_get_filters_of_zeros() -> None:
    rng = np.random.default_rng(0)
    channels = rng.standard_normal((3, 100))
    channels[1] = 0
    targets = rng.standard_normal((2, 100))
    projection = Projection(correlations(channels, channels, 4))
    found = projection.solve_filters(correlations(channels, targets, 4))
    expected = fitted(channels[::2], targets, 4).reshape(2, 4, 2).swapaxes(1, 2)
    np.testing.assert_array_equal(found[1], 0)
    np.testing.assert_allclose(found[::2], expected, rtol=0, atol=1e-10)
    assert projection.condition < 100


@pytest.mark.parametrize("n_lags", [1, 2, 6])
def test_the_condition_number_is_that_of_the_scaled_equations(n_lags: int) -> None:
    rng = np.random.default_rng(0)
    channels = low_passed(rng.standard_normal((2, 300)), 0.5) * [[1], [1e-4]]
    copies = delayed(channels / np.linalg.norm(channels, axis=1, keepdims=True), n_lags)
    expected = np.linalg.cond(copies @ copies.T, 1)
    found = Projection(correlations(channels, channels, n_lags)).condition
    # LAPACK's estimate is a lower bound, within a factor of three in practice.
    assert expected / 3 < found < 1.001 * expected


@pytest.mark.parametrize(("difference", "singular"), [(1e-9, True), (0, True), (1e-3, False)])
def test_the_weakest_channels_are_those_that_cancel(difference: float, singular: bool) -> None:
    rng = np.random.default_rng(0)
    channels = rng.standard_normal((5, 400))
    channels[3] = 0
    channels[4] = 7 * channels[1] + difference * channels[4]
    projection = Projection(correlations(channels, channels, 4))
    assert (projection.condition >= 1e15) == singular
    shares = projection.find_weakest()
    assert shares.shape == (5,)
    np.testing.assert_allclose(shares, [0, 0.5, 0, 0, 0.5], rtol=0, atol=0.01)
    assert shares.sum() == pytest.approx(1)


@settings(max_examples=60, deadline=None)
@given(n_samples=st.integers(1, 60), window=st.integers(1, 70), hop=st.integers(1, 70))
def test_windows_are_made_of_pieces_that_make_up_the_whole(
    n_samples: int, window: int, hop: int
) -> None:
    cuts = Partition(n_samples, window=window, hop=hop)
    samples = np.arange(n_samples)
    assert [cut.start for cut in cuts.windows] == metrics.window_starts(
        n_samples, window=window, hop=hop
    )
    assert {cut.stop - cut.start for cut in cuts.windows} == {min(window, n_samples)}
    np.testing.assert_array_equal(
        np.concatenate([samples[piece] for piece in cuts.pieces]), samples
    )
    assert all(piece.start < piece.stop for piece in cuts.pieces)
    for place, (cut, members) in enumerate(zip(cuts.windows, cuts.members, strict=True)):
        inside = np.concatenate([samples[piece] for piece in cuts.pieces[members]])
        np.testing.assert_array_equal(inside, samples[cut])
        around = [index for index, places in enumerate(cuts.around) if place in places]
        assert around == list(range(members.start, members.stop))
    values = np.random.default_rng(0).standard_normal((n_samples, 2))
    of_pieces = np.stack([values[piece].sum(axis=0) for piece in cuts.pieces])
    expected = [values[cut].sum(axis=0) for cut in cuts.windows]
    np.testing.assert_allclose(cuts.add_up(of_pieces), expected, atol=1e-12)


@pytest.mark.slow
@pytest.mark.usefixtures("ffmpeg")
@pytest.mark.parametrize(
    ("window", "hop"), [(7, 3), (5, 5), (10, 25), (63, 8), (64, 64), (65, 1), (1, 40)]
)
def test_windows_shorter_than_the_filters_equal_musevals(window: int, hop: int) -> None:
    import museval

    references, estimates = signals(2, 2, 600)
    references, estimates = references[..., :400], estimates[..., :400]
    theirs = museval.metrics.bss_eval(
        *swapped(references, estimates), window=window, hop=hop, filters_len=64
    )
    ours = metrics.bss_eval_v4(references, estimates, window=window, hop=hop, filter_length=64)
    compare(ours, theirs)


def test_a_signal_may_be_shorter_than_the_filters() -> None:
    references, estimates = signals(1, 1, 30)
    found = metrics.bss_eval_v4(references, estimates, window=10, hop=10, filter_length=50)
    for place in range(3):
        cut = slice(10 * place, 10 * place + 10)
        expected = by_hand(references, estimates, 50, cut=cut)
        compare([found.sdr[:, place], found.isr[:, place]], list(expected[:2]), atol=1e-4)


# The class


def test_pieces_examined_in_any_order_are_whole_estimates() -> None:
    references, estimates = signals(3, 2, 1000)
    others = signals(3, 2, 1000, seed=5)[1].astype(np.float32)
    evaluation = metrics.BSSEval(references, window=300, hop=170, filter_length=12)
    assert evaluation.lookahead == 11
    assert len(evaluation.pieces) > 5
    assert (evaluation.pieces[0].start, evaluation.pieces[-1].stop) == (0, 1000)
    examined = {}
    for index in reversed(range(len(evaluation.pieces))):
        piece = evaluation.pieces[index]
        cut = slice(piece.start, piece.stop + evaluation.lookahead)
        several: list[Any] = [estimates[..., cut], list(others[..., cut])]
        examined[index] = evaluation.examine(index, several)
    stacks: list[Any] = [estimates, others]
    for place, whole in enumerate(stacks):
        tally = evaluation.start_tally()
        for index in range(len(evaluation.pieces)):
            tally.add(index, examined[index][place])
        expected = evaluation.examine_all(whole)
        compare(
            evaluation.compute_images(tally), evaluation.compute_images(expected), atol=ROUNDING_DB
        )
        compare(
            evaluation.compute_sources(tally),
            evaluation.compute_sources(expected),
            atol=ROUNDING_DB,
        )
        direct = metrics.bss_eval_v4(references, whole, window=300, hop=170, filter_length=12)
        compare(evaluation.compute_images(expected), direct[:4], atol=ROUNDING_DB)


@pytest.mark.parametrize("targets", [[1], [0, 2], [2, 0]])
def test_ratios_of_some_targets_are_their_rows_of_all(targets: list[int]) -> None:
    references, estimates = signals(3, 2, 800)
    estimates[1, :, :200] = 0
    evaluation = metrics.BSSEval(references, window=200, hop=300, filter_length=5)
    tally = evaluation.start_tally()
    for index, piece in enumerate(evaluation.pieces):
        cut = slice(piece.start, piece.stop + evaluation.lookahead)
        tally.add(index, evaluation.examine(index, [estimates[..., cut]], targets=targets)[0])
    everything = evaluation.compute_images(evaluation.examine_all(estimates))
    assert np.isnan(everything[0][:, 0]).all()
    compare(
        evaluation.compute_images(tally, targets=targets),
        [ratio[targets] for ratio in everything],
        atol=ROUNDING_DB,
    )


def test_trouble_has_the_names_of_the_sources() -> None:
    references, _ = signals(3, 1, 1000)
    make = partial(metrics.BSSEval, window=500, hop=500, filter_length=32, names=["x", "y", "z"])
    assert make(references).trouble is None
    references[2] = low_passed(references[2], 0.2)
    trouble = make(references).trouble
    assert trouble is not None
    assert trouble.startswith("delayed copies of z (condition number ")
    assert make(references, regularization=1e-6).trouble is None
    references[2] = references[0]
    trouble = make(references).trouble
    assert trouble is not None
    assert " of x with z (condition number " in trouble
    references[1] = 0
    with pytest.raises(ValueError, match="references must not be silent, got y whose"):
        make(references)


def test_trouble_begins_at_a_condition_number_of_1e12() -> None:
    references, _ = signals(2, 1, 1000)
    noise = np.random.default_rng(1).standard_normal(1000)
    for difference, bad in ((3e-6, False), (1e-6, True)):
        references[1] = references[0] + difference * noise
        evaluation = metrics.BSSEval(references, window=1000, hop=1, filter_length=1)
        assert (evaluation.trouble is not None) == bad


# Errors


def message(text: str) -> Any:
    return pytest.raises(ValueError, match=text)


@every_function
def test_wrong_shapes_have_their_errors(name: str) -> None:
    references, estimates = signals(2, 2, 1000)
    evaluate = FUNCTIONS[name]
    with message(r"references must have shape \(n_sources, n_channels, n_samples\), .* got \(1000"):
        evaluate(references[0, 0], estimates[0, 0])
    with message(r"references must have shape .* got \(1, 2, 2, 1000\)"):
        evaluate(references[None], estimates[None])
    with message(r"references must have shape .* and not be empty, got \(0, 2, 1000\)"):
        evaluate(references[:0], estimates[:0])
    with message(
        r"estimates must have the shape of references, \(2, 2, 1000\), got \(1, 2, 1000\)"
    ):
        evaluate(references, estimates[:1])
    with message(r"estimates must have the shape of references, \(2, 2, 1000\), got \(2, 2, 999\)"):
        evaluate(references, estimates[..., :-1])
    with message(
        r"references must have shape \(n_sources, n_channels, n_samples\), or \(n_sources, "
        r"n_samples\) if mono, got \(2, 1000, 2\): more channels than samples"
    ):
        evaluate(*swapped(references, estimates))
    with message(r"estimates must have shape .* got \(2, 1000, 2\): more channels than samples"):
        evaluate(references, estimates.swapaxes(1, 2))


def test_as_many_channels_as_samples_are_no_error() -> None:
    references, estimates = signals(1, 3, 3)
    found = metrics.bss_eval_v4(references, estimates, **cuts(3, 3, 1))
    assert np.isfinite([found.sdr, found.isr, found.sar]).all()


@every_function
@pytest.mark.parametrize("dtype", [complex, bool, object, str])
@pytest.mark.parametrize("which", [0, 1])
def test_what_is_no_real_number_has_its_error(name: str, dtype: type, which: int) -> None:
    pair: list[npt.NDArray[Any]] = list(signals(2, 2, 1000))
    pair[which] = pair[which].astype(dtype)
    argument = ("references", "estimates")[which]
    with pytest.raises(
        TypeError, match=f"{argument} must be real numbers, got {pair[which].dtype}"
    ):
        FUNCTIONS[name](*pair)


@every_function
@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("cancel", [False, True])
def test_a_silent_signal_has_its_error(name: str, which: int, cancel: bool) -> None:
    pair = signals(2, 2, 1000)
    pair[which][1] = [[1.0], [-1.0]] * pair[which][1, :1] if cancel else 0
    argument = ("references", "estimates")[which]
    with message(
        f"^{argument} must not be silent, got source 1 whose channels sum to zero at every "
        "sample: leave it out of references and estimates$"
    ):
        FUNCTIONS[name](*pair)


@pytest.mark.usefixtures("few_taps")
@every_function
@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("permute", [False, True])
def test_what_is_not_finite_has_its_error(
    name: str, which: int, value: float, permute: bool
) -> None:
    for place in (0, 999):
        pair = signals(2, 1, 1000)
        pair[which][1, 0, place] = value
        argument = ("references", "estimates")[which]
        with message(f"^{argument} must be finite, got NaN or infinity$"):
            # numpy warns of infinity first.
            quietly(FUNCTIONS[name], *pair, compute_permutation=permute)


@pytest.mark.parametrize("name", ["v4", "v4_regularized", "images_framewise", "sources_framewise"])
@pytest.mark.parametrize("argument", ["window", "hop", "filter_length"])
def test_wrong_lengths_have_their_errors(name: str, argument: str) -> None:
    if argument == "filter_length" and "framewise" in name:
        return
    pair = signals(2, 1, 1000)
    for value in (100.0, "100", None, True):
        with pytest.raises(
            TypeError, match=f"^{argument} must be an integer number of samples, got {value!r}$"
        ):
            FUNCTIONS[name](*pair, **{argument: value})
    for length in (0, -1):
        with message(f"^{argument} must be at least 1 sample, got {length}$"):
            FUNCTIONS[name](*pair, **{argument: length})


def test_numpys_integers_are_lengths() -> None:
    pair = signals(2, 1, 1000)
    lengths = cuts(300, 200, 4)
    theirs: Any = {name: np.int64(value) for name, value in lengths.items()}
    found = metrics.bss_eval_v4(*pair, **theirs)
    compare(found, metrics.bss_eval_v4(*pair, **lengths), atol=0)


@pytest.mark.parametrize("value", [-1e-9, np.nan, np.inf])
def test_a_wrong_strength_has_its_error(value: float) -> None:
    with message(f"^regularization must be finite and not negative, got {value}$"):
        FUNCTIONS["v4_regularized"](*signals(2, 1, 1000), regularization=value)


@pytest.mark.parametrize("name", ["images_framewise", "sources_framewise"])
def test_an_unknown_convention_has_its_error(name: str) -> None:
    with message("^convention must be 'museval' or 'mir_eval', got 'matlab'$"):
        FUNCTIONS[name](*signals(2, 1, 1000), convention="matlab")


def test_the_class_has_its_errors() -> None:
    references, estimates = signals(2, 2, 1000)
    make = partial(metrics.BSSEval, window=100, hop=100, filter_length=4)
    with message(r"references must have shape \(n_sources, .* got \(1000,\)"):
        make(references[0, 0])
    with message(r"signals must have one shape, got \[\(2, 999\), \(2, 1000\)\]"):
        make([references[0], references[1][:, 1:]])
    evaluation = make(references)
    for wrong in (estimates[..., :100], estimates[:1, :, :103], estimates[..., :104]):
        with message(r"estimates must have the shape of references, \(2, 2, 103\), got"):
            evaluation.examine(0, [wrong])
    for whole in (evaluation.examine_all, evaluation.find_best_permutation):
        with message(r"estimates must have the shape of references, \(2, 2, 1000\), got \(2, 2, 9"):
            whole(estimates[..., 1:])
    estimates[0] = 0
    with message("estimates must not be silent, got source 0 whose"):
        evaluation.find_best_permutation(estimates)
    estimates[0] = np.nan
    tally = evaluation.examine_all(estimates)
    for ratios in (evaluation.compute_images, evaluation.compute_sources):
        with message("estimates must be finite, got NaN or infinity"):
            ratios(tally)


def test_what_is_returned_is_documented() -> None:
    assert metrics.ImagesRatios._fields == ("sdr", "isr", "sir", "sar", "permutation")
    assert metrics.SourcesRatios._fields == ("sdr", "sir", "sar", "permutation")
    assert issubclass(metrics.IllConditionedWarning, UserWarning)
    combinations = itertools.product(("images", "sources"), ("", "_framewise"))
    assert all(hasattr(metrics, f"bss_eval_{a}{b}") for a, b in combinations)


def test_projection_onto_nothing_is_nothing() -> None:
    projection = Projection(np.zeros((2, 2, 4)))
    assert projection.condition == 1
    np.testing.assert_array_equal(projection.solve_filters(np.ones((2, 3, 4))), np.zeros((2, 3, 4)))


def test_mono_signals_with_their_samples_first_are_refused() -> None:
    with pytest.raises(ValueError, match=r"got \(80, 2\): more sources than samples"):
        metrics.bss_eval_sources(np.ones((80, 2)), np.ones((80, 2)))


def test_a_regularization_that_is_too_weak_warns() -> None:
    signal, noise = np.random.default_rng(0).standard_normal((2, 1, 500))
    references = np.stack([signal, signal])
    with pytest.warns(metrics.IllConditionedWarning):
        metrics.bss_eval_v4_regularized(
            references, references + noise, window=500, hop=500, regularization=1e-16
        )
