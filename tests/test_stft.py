"""STFT: against scipy and librosa, exact inversion, the least-squares property, errors."""

import dataclasses
import itertools
import pickle
import re
from typing import Any

import librosa
import numpy as np
import numpy.typing as npt
import pytest
import scipy.signal
from hypothesis import given, reject, settings
from hypothesis import strategies as st

import oracle.stft.frames
from oracle import STFT
from oracle.stft.frames import Spectrum
from oracle.stft.transform import MIN_WEIGHT
from oracle.tracks.track import Audio

# Rounding of an FFT and an overlap-add of values around 1, in units of the machine epsilon:
# measured below 5 here, with room for other FFTs.
ROUNDING = 20
# STFT allows the sum of squared windows to fall to MIN_WEIGHT: rounding may grow by its root.
LEAST_OVERLAP = ROUNDING / MIN_WEIGHT**0.5
# A dense pseudo-inverse loses digits to the condition number of the matrix, at most 100.
DENSE = 1e-11

WINDOWS: tuple[str | tuple[Any, ...], ...] = (
    "hann",
    "hamming",
    "blackman",
    "boxcar",
    ("kaiser", 8.0),
)
# (n_fft, hop_length): n/2, n/4, n/8; odd; not a power of two; not dividing n_fft; over n/2.
SIZES = ((16, 8), (64, 16), (64, 8), (2, 1), (9, 4), (15, 5), (50, 25), (100, 30), (48, 31))
# Odd and even, whole hops or not, shorter than a window, one sample.
LENGTHS = (1, 2, 7, 333, 400)

each_window = pytest.mark.parametrize("window", WINDOWS, ids=str)
each_size = pytest.mark.parametrize(("n_fft", "hop_length"), SIZES)
each_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def assert_close(actual: Any, desired: Any, units: float = ROUNDING) -> None:
    """Compare in units of the precision of `actual`, relative to the greatest value."""
    scale = max(1.0, np.abs(desired).max(initial=0))
    atol = units * float(np.finfo(actual.dtype).eps) * scale
    np.testing.assert_allclose(actual, desired, rtol=0, atol=atol)


def random_spectrum(rng: np.random.Generator, *shape: int) -> npt.NDArray[np.complex128]:
    """A spectrum that is the STFT of no signal."""
    spectrum: npt.NDArray[np.complex128] = rng.standard_normal((*shape, 2)).view(complex)[..., 0]
    return spectrum


def signal_of(n_samples: int, *leading: int, seed: int = 0) -> npt.NDArray[np.float64]:
    return np.random.default_rng(seed).standard_normal((*leading, n_samples))


# Closed forms.


@pytest.mark.parametrize(
    ("n_fft", "hop_length", "n_samples", "n_frames"),
    [
        (8, 4, 1, 2),
        (8, 4, 4, 2),
        (8, 4, 5, 3),
        (8, 8, 8, 2),
        (8, 8, 9, 3),
        (9, 4, 1, 1),
        (9, 4, 2, 2),
        (9, 4, 5, 2),
        (9, 4, 6, 3),
        (2048, 1024, 44100, 45),
    ],
)
def test_frames_are_counted_in_whole_hops(
    n_fft: int, hop_length: int, n_samples: int, n_frames: int
) -> None:
    stft = STFT(n_fft=n_fft, hop_length=hop_length, window="boxcar")
    assert stft.n_frames(n_samples) == n_frames
    assert stft.forward(np.ones(n_samples)).shape == (stft.n_freqs, n_frames)
    assert stft.n_freqs == n_fft // 2 + 1


@each_size
def test_impulse_at_the_centre_of_a_frame_has_a_linear_phase(n_fft: int, hop_length: int) -> None:
    stft = STFT(n_fft=n_fft, hop_length=hop_length)
    frame, centre = 2, n_fft // 2
    impulse = np.zeros(5 * hop_length)
    impulse[frame * hop_length] = 1
    turns = np.arange(stft.n_freqs) * centre % n_fft / n_fft
    expected = stft.window_samples[centre] * np.exp(-2j * np.pi * turns)
    assert_close(stft.forward(impulse)[:, frame], expected)


def test_cosine_at_a_bin_has_half_the_sum_of_the_window() -> None:
    stft = STFT(n_fft=64, hop_length=16)
    cosine = np.tile(np.cos(2 * np.pi * 5 / 64 * np.arange(64)), 10)
    inner = np.abs(stft.forward(cosine))[:, 2:-2] / stft.window_samples.sum()
    assert_close(inner[5], np.full(inner.shape[1], 0.5))
    assert_close(inner[8:], np.zeros_like(inner[8:]))


def test_default_is_the_periodic_hann_window_of_2048_samples_and_half_overlap() -> None:
    assert STFT() == STFT(n_fft=2048, hop_length=1024, window="hann", workers=-1)
    expected = np.sin(np.pi * np.arange(2048) / 2048) ** 2
    np.testing.assert_allclose(STFT().window_samples, expected, atol=1e-15)


@pytest.mark.parametrize("n_fft", [2, 9, 512, 4096])
def test_default_hop_is_half_a_window(n_fft: int) -> None:
    window = "boxcar" if n_fft % 2 else "hann"  # an odd Hann window is not inverted at its half
    stft = STFT(n_fft=n_fft, window=window)
    assert stft.hop_length == n_fft // 2
    assert stft == STFT(n_fft=n_fft, hop_length=None, window=window)


def test_workers_are_no_part_of_what_an_stft_is() -> None:
    stft = STFT(n_fft=16, workers=1)
    assert stft == STFT(n_fft=16, workers=3)
    assert hash(stft) == hash(STFT(n_fft=16, workers=3))
    assert stft.settings == {"n_fft": 16, "hop_length": 8, "window": "hann"}
    assert dataclasses.replace(stft, n_fft=32).workers == 1
    assert repr(stft) == "STFT(n_fft=16, hop_length=8, window='hann')"


# Peers.


@each_window
@each_size
def test_forward_and_inverse_equal_scipy(
    n_fft: int, hop_length: int, window: str | tuple[Any, ...], rng: np.random.Generator
) -> None:
    stft = STFT(n_fft=n_fft, hop_length=hop_length, window=window)
    options: Any = {"nperseg": n_fft, "noverlap": n_fft - hop_length, "window": window}
    scale = stft.window_samples.sum()
    for n_samples in LENGTHS:
        audio = signal_of(n_samples)
        # scipy shortens a window that is longer than the audio: zeros make it long enough.
        longer = np.pad(audio, (0, max(0, n_fft - n_samples)))
        expected = scipy.signal.stft(longer, boundary="zeros", padded=True, **options)[2] * scale
        actual = stft.forward(audio)
        if n_samples >= n_fft:
            assert actual.shape == expected.shape
        assert_close(actual, expected[:, : actual.shape[1]])

        spectrum = random_spectrum(rng, *expected.shape)
        expected_audio = scipy.signal.istft(spectrum / scale, boundary=True, **options)[1]
        n_longer = len(longer)
        assert_close(
            stft.inverse(spectrum, n_samples=n_longer), expected_audio[:n_longer], LEAST_OVERLAP
        )


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:n_fft=.* is too large for input signal")
@each_window
@each_size
def test_forward_and_inverse_equal_librosa(
    n_fft: int, hop_length: int, window: str | tuple[Any, ...], rng: np.random.Generator
) -> None:
    stft = STFT(n_fft=n_fft, hop_length=hop_length, window=window)
    options: Any = {"n_fft": n_fft, "hop_length": hop_length, "window": window, "center": True}
    for n_samples in LENGTHS:
        audio = signal_of(n_samples)
        expected = librosa.stft(audio, pad_mode="constant", **options)
        actual = stft.forward(audio)
        # librosa drops the samples after the last whole hop, hence a frame.
        assert 0 <= actual.shape[1] - expected.shape[1] <= 1
        assert_close(actual[:, : expected.shape[1]], expected)

        spectrum = random_spectrum(rng, *actual.shape)
        expected_audio = librosa.istft(spectrum, length=n_samples, **options)
        assert_close(stft.inverse(spectrum, n_samples=n_samples), expected_audio, LEAST_OVERLAP)


# Inversion.


@each_window
@each_size
@each_dtype
def test_inverse_restores_an_impulse_at_every_sample(
    n_fft: int, hop_length: int, window: str | tuple[Any, ...], dtype: type[np.floating[Any]]
) -> None:
    stft = STFT(n_fft=n_fft, hop_length=hop_length, window=window)
    for n_samples in (1, 2, hop_length + 1, 2 * n_fft + 1):
        impulses = np.eye(n_samples, dtype=dtype)
        restored = stft.inverse(stft.forward(impulses), n_samples=n_samples)
        assert restored.dtype == dtype
        assert_close(restored, impulses)


@st.composite
def stfts(draw: st.DrawFn) -> STFT:
    n_fft = draw(st.integers(2, 70))
    hop_length = draw(st.integers(1, n_fft))
    window = draw(st.sampled_from(WINDOWS))
    try:
        return STFT(n_fft=n_fft, hop_length=hop_length, window=window)
    except ValueError:
        reject()


@settings(max_examples=100, deadline=None)
@given(
    stft=stfts(),
    n_samples=st.integers(1, 300),
    leading=st.sampled_from([(), (1,), (0,), (2, 3)]),
    dtype=st.sampled_from([np.float32, np.float64]),
    seed=st.integers(0, 2**32 - 1),
)
def test_inverse_of_forward_is_the_identity(
    stft: STFT,
    n_samples: int,
    leading: tuple[int, ...],
    dtype: type[np.floating[Any]],
    seed: int,
) -> None:
    audio = signal_of(n_samples, *leading, seed=seed).astype(dtype)
    spectrum = stft.forward(audio)
    assert spectrum.shape == (*leading, stft.n_freqs, stft.n_frames(n_samples))
    assert spectrum.dtype == (np.complex64 if dtype == np.float32 else np.complex128)
    restored = stft.inverse(spectrum, n_samples=n_samples)
    assert restored.dtype == dtype
    assert restored.shape == audio.shape
    assert_close(restored, audio, LEAST_OVERLAP)


@each_window
@pytest.mark.parametrize(("n_fft", "hop_length"), [(8, 4), (8, 2), (9, 4), (10, 6), (7, 1)])
@pytest.mark.parametrize("n_samples", [1, 5, 23])
def test_inverse_is_the_least_squares_solution(
    n_fft: int,
    hop_length: int,
    window: str | tuple[Any, ...],
    n_samples: int,
    rng: np.random.Generator,
) -> None:
    stft = STFT(n_fft=n_fft, hop_length=hop_length, window=window)
    # Each frequency between 0 and the Nyquist frequency stands for two of the full FFT.
    twice = np.array([n_fft - k != k != 0 for k in range(stft.n_freqs)])
    weight = np.where(twice, 2**0.5, 1)[:, None]

    def flat(spectra: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return np.asarray((weight * spectra).reshape(len(spectra), -1).view(float))

    impulses = np.ascontiguousarray(stft.forward(np.eye(n_samples)))
    spectrum = random_spectrum(rng, 1, *impulses.shape[1:])
    expected = flat(spectrum) @ np.linalg.pinv(flat(impulses))
    actual = stft.inverse(spectrum, n_samples=n_samples)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=DENSE)


# Invariants.


@each_dtype
def test_float32_makes_complex64_and_float64_complex128(dtype: type[np.floating[Any]]) -> None:
    stft = STFT(n_fft=64, hop_length=32)
    audio = signal_of(500)
    exact = stft.forward(audio)
    spectrum = stft.forward(audio.astype(dtype))
    assert spectrum.dtype == np.result_type(dtype, np.complex64)
    assert_close(spectrum, exact)
    assert stft.inverse(spectrum, n_samples=500).dtype == dtype


def test_leading_axes_are_transformed_each_alone(rng: np.random.Generator) -> None:
    stft = STFT(n_fft=32, hop_length=8)
    audio = signal_of(201, 2, 3)
    spectra = stft.forward(audio)
    random = random_spectrum(rng, *spectra.shape)
    inverses = stft.inverse(random, n_samples=201)
    for index in np.ndindex(2, 3):
        np.testing.assert_array_equal(spectra[index], stft.forward(audio[index]))
        np.testing.assert_array_equal(inverses[index], stft.inverse(random[index], n_samples=201))


@pytest.mark.parametrize("workers", [2, 5, -1])
@pytest.mark.parametrize("leading", [(), (3,)])
def test_result_does_not_depend_on_workers(workers: int, leading: tuple[int, ...]) -> None:
    audio = signal_of(8 * oracle.stft.frames.BLOCK_FRAMES + 3, *leading)
    alone = STFT(n_fft=16, hop_length=4, workers=1)
    many = dataclasses.replace(alone, workers=workers)
    spectrum = alone.forward(audio)
    np.testing.assert_array_equal(many.forward(audio), spectrum)
    n_samples = audio.shape[-1]
    np.testing.assert_array_equal(
        many.inverse(spectrum, n_samples=n_samples), alone.inverse(spectrum, n_samples=n_samples)
    )


@pytest.mark.parametrize(
    ("n_fft", "hop_length"), [(15, 4), (16, 8), (16, 2), (9, 3), (9, 6), (8, 8)]
)
@pytest.mark.parametrize("block_frames", [1, 2, 7])
@pytest.mark.parametrize("n_samples", [1, 150])
def test_result_does_not_depend_on_blocks(
    n_fft: int,
    hop_length: int,
    block_frames: int,
    n_samples: int,
    monkeypatch: pytest.MonkeyPatch,
    rng: np.random.Generator,
) -> None:
    stft = STFT(n_fft=n_fft, hop_length=hop_length, window="hamming")
    audio = signal_of(n_samples, 2)
    spectrum = stft.forward(audio)
    random = random_spectrum(rng, *spectrum.shape)
    inverse = stft.inverse(random, n_samples=n_samples)
    monkeypatch.setattr("oracle.stft.transform.BLOCK_FRAMES", block_frames)
    assert_close(stft.forward(audio), spectrum)
    assert_close(stft.inverse(random, n_samples=n_samples), inverse)


def test_forward_and_inverse_are_linear(rng: np.random.Generator) -> None:
    stft = STFT(n_fft=32, hop_length=20)
    x, y = signal_of(333, 2)
    assert_close(stft.forward(2 * x - 3 * y), 2 * stft.forward(x) - 3 * stft.forward(y))
    p, q = random_spectrum(rng, 2, stft.n_freqs, stft.n_frames(333))
    p_audio, q_audio, audio = stft.inverse(np.stack([p, q, 2 * p - 3 * q]), n_samples=333)
    assert_close(audio, 2 * p_audio - 3 * q_audio)


def test_strided_and_read_only_inputs_are_left_unchanged() -> None:
    stft = STFT(n_fft=32, hop_length=8)
    audio = signal_of(3, 200).T[::-1, ::2]
    before = audio.copy()
    audio.flags.writeable = False
    spectrum = stft.forward(audio)
    np.testing.assert_array_equal(spectrum, stft.forward(before))
    spectrum_before = spectrum.copy()
    spectrum.flags.writeable = False
    restored = stft.inverse(spectrum, n_samples=100)
    np.testing.assert_array_equal(audio, before)
    np.testing.assert_array_equal(spectrum, spectrum_before)
    restored[:] = 0
    np.testing.assert_array_equal(spectrum, spectrum_before)


# The object.


def test_stft_is_frozen() -> None:
    stft = STFT()
    with pytest.raises(dataclasses.FrozenInstanceError):
        stft.n_fft = 512  # type: ignore[misc]


def test_equal_parameters_make_equal_and_hashable_objects() -> None:
    stft = STFT(n_fft=512, hop_length=128, window=("kaiser", 8.0))
    same = STFT(n_fft=512, hop_length=128, window=("kaiser", 8.0))
    assert stft.window_samples.shape == (512,)  # computed in one of them only
    assert stft == same
    assert len({stft, same}) == 1
    assert pickle.loads(pickle.dumps(stft)) == stft
    for change in ({"n_fft": 511}, {"hop_length": 127}, {"window": "hann"}):
        assert dataclasses.replace(stft, **change) != stft


# Errors.


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        *itertools.product(["n_fft", "hop_length", "workers"], [8.0, "8", True]),
        ("n_fft", None),  # of the hop it means half a window
        ("workers", None),
    ],
)
def test_numbers_that_are_no_integers_are_refused(argument: str, value: Any) -> None:
    message = f"{argument} must be an integer, got {value!r}"
    with pytest.raises(TypeError, match=f"^{re.escape(message)}$"):
        STFT(**{argument: value})


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_fft": 1}, "n_fft must be at least 2, got 1"),
        ({"n_fft": 0}, "n_fft must be at least 2, got 0"),
        ({"n_fft": -8}, "n_fft must be at least 2, got -8"),
        ({"hop_length": 0}, "hop_length must lie between 1 and n_fft=2048, got 0"),
        ({"hop_length": -1}, "hop_length must lie between 1 and n_fft=2048, got -1"),
        ({"n_fft": 8, "hop_length": 9}, "hop_length must lie between 1 and n_fft=8, got 9: samp"),
        ({"workers": 0}, "workers must be positive, or -1 for all cores, got 0"),
        ({"workers": -2}, "workers must be positive, or -1 for all cores, got -2"),
        (
            {"window": "triangel"},
            "window must be one that scipy.signal.get_window knows, got 'triangel' (",
        ),
        ({"window": ("kaiser",)}, "scipy.signal.get_window knows, got ('kaiser',) ("),
        ({"window": None}, "window must be one that scipy.signal.get_window knows, got None ("),
        (
            {"n_fft": 64, "hop_length": 64},
            "hop_length must let the windows overlap enough for an inverse, got 64 with a 'hann' "
            "window of 64: the sum of the squared windows falls to 0.0e+00 of a window's maximum, "
            "and must stay above 1e-04; use a smaller hop_length or another window",
        ),
        ({"n_fft": 64, "hop_length": 62}, "overlap enough for an inverse, got 62 with a 'hann'"),
    ],
)
def test_parameters_out_of_range_are_refused(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        STFT(**parameters)


def test_boxcar_is_inverted_without_any_overlap() -> None:
    stft = STFT(n_fft=8, hop_length=8, window="boxcar")
    audio = signal_of(21)
    assert_close(stft.inverse(stft.forward(audio), n_samples=21), audio)


@pytest.mark.parametrize(
    ("audio", "got"),
    [
        (np.zeros(9, np.int16), "int16"),
        (np.zeros(9, np.float16), "float16"),
        (np.zeros(9, np.complex64), "complex64"),
        ([0.0] * 9, "list"),
    ],
)
def test_forward_refuses_what_is_not_float32_or_float64(audio: Any, got: str) -> None:
    with pytest.raises(
        TypeError, match=f"^audio must be an array of float32 or float64, got {got}$"
    ):
        STFT().forward(audio)


@pytest.mark.parametrize("shape", [(), (0,), (2, 0)])
def test_forward_refuses_audio_without_samples(shape: tuple[int, ...]) -> None:
    message = f"audio must have samples on its last axis, got shape {shape}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        STFT().forward(np.zeros(shape))


@pytest.mark.parametrize(
    ("spectrum", "got"), [(np.zeros((5, 3)), "float64"), ([[0j] * 3] * 5, "list")]
)
def test_inverse_refuses_what_is_not_complex(spectrum: Any, got: str) -> None:
    message = f"^spectrum must be an array of complex64 or complex128, got {got}$"
    with pytest.raises(TypeError, match=message):
        STFT(n_fft=8, hop_length=4).inverse(spectrum, n_samples=8)


@pytest.mark.parametrize(
    ("shape", "n_samples"),
    [((5, 3), 9), ((5, 3), 4), ((4, 3), 8), ((3, 5), 8), ((3,), 8), ((), 8)],
)
def test_inverse_refuses_a_shape_that_does_not_fit_the_samples(
    shape: tuple[int, ...], n_samples: int
) -> None:
    stft = STFT(n_fft=8, hop_length=4)
    message = (
        f"spectrum must have shape (..., 5, {stft.n_frames(n_samples)}) "
        f"for n_samples={n_samples}, got {shape}"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        stft.inverse(np.zeros(shape, complex), n_samples=n_samples)


@pytest.mark.parametrize(
    ("n_samples", "error", "message"),
    [
        (8.0, TypeError, "n_samples must be an integer, got 8.0"),
        ("8", TypeError, "n_samples must be an integer, got '8'"),
        (True, TypeError, "n_samples must be an integer, got True"),
        (0, ValueError, "n_samples must be positive, got 0"),
        (-40, ValueError, "n_samples must be positive, got -40"),
    ],
)
def test_number_of_samples_must_be_a_positive_integer(
    n_samples: Any, error: type[Exception], message: str
) -> None:
    stft = STFT(n_fft=8, hop_length=4)
    for count in (stft.n_frames, lambda n: stft.inverse(np.zeros((5, 3), complex), n_samples=n)):
        with pytest.raises(error, match=f"^{re.escape(message)}$"):
            count(n_samples)


def test_window_that_is_small_in_its_middle_is_refused_also_for_one_sample() -> None:
    with pytest.raises(ValueError, match="hop_length must let the windows overlap enough"):
        STFT(n_fft=17, hop_length=2, window=("general_cosine", [1, -1]))


# A few frames at a time


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(
    n_fft=st.integers(2, 40),
    overlap=st.floats(1, 8),
    n_samples=st.integers(1, 3000),
    edges=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    double=st.booleans(),
    seed=st.integers(0, 99),
)
def test_modify_equals_inverse_of_the_changed_spectra(
    n_fft: int,
    overlap: float,
    n_samples: int,
    edges: tuple[float, float],
    double: bool,
    seed: int,
) -> None:
    try:
        stft = STFT(n_fft=n_fft, hop_length=max(1, int(n_fft / overlap)), window="hamming")
    except ValueError:
        reject()
    start, stop = sorted(round(edge * n_samples) for edge in edges)
    stop = max(stop, min(start + 1, n_samples))
    start = min(start, stop - 1)
    dtype = np.dtype(np.float64 if double else np.float32)
    signals: Audio = np.random.default_rng(seed).standard_normal((3, 2, n_samples)).astype(dtype)

    def product(spectra: Spectrum, frames: slice) -> Spectrum:
        return (
            spectra[:2]
            * np.abs(spectra[2:])
            * np.arange(frames.start, frames.stop, dtype=spectra.real.dtype)
        )

    def total(spectra: Spectrum, frames: slice) -> Spectrum:
        return np.asarray(spectra.sum(axis=0))

    parts = stft.modify([product, total], list(signals), piece=slice(start, stop))
    spectra = stft.forward(signals)
    for part, change in zip(parts, (product, total), strict=True):
        all_frames = slice(0, stft.n_frames(n_samples))
        whole = stft.inverse(change(spectra, all_frames), n_samples=n_samples)
        assert part.dtype == dtype
        tolerance = (1e-10 if double else 1e-3) * np.abs(whole).max()
        np.testing.assert_allclose(part, whole[..., start:stop], atol=tolerance)


def test_modify_analyses_in_the_precision_asked_for(rng: np.random.Generator) -> None:
    signals = list(rng.standard_normal((2, 1, 5000)).astype(np.float32))
    seen: list[Spectrum] = []

    def narrow(spectra: Spectrum, frames: slice) -> Spectrum:
        seen.append(spectra)
        return spectra.astype(np.complex64)

    (audio,) = STFT(n_fft=256, hop_length=64).modify([narrow], signals, dtype=np.float64)
    assert {spectra.dtype for spectra in seen} == {np.dtype(np.complex128)}
    assert audio.dtype == np.float32
    np.testing.assert_allclose(audio, signals, atol=1e-5)
    assert STFT().modify([], signals) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"signals": [np.ones(9)]}, "signals must all have shape (n_channels, n_samples), got"),
        ({"signals": [np.ones((1, 9)), np.ones((2, 9))]}, "got [(1, 9), (2, 9)]"),
        (
            {"piece": slice(0, 8, 2)},
            "piece must contain samples and have no step, got slice(0, 8, 2)",
        ),
        ({"piece": slice(5, 5)}, "piece must contain samples"),
    ],
)
def test_modify_refuses_what_it_cannot_cut(change: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {"signals": [np.ones((1, 9))]} | change
    with pytest.raises(ValueError, match=re.escape(message)):
        STFT(n_fft=4, hop_length=2).modify([lambda spectra, frames: spectra], **arguments)


def test_sums_over_frames_where_a_segment_starts_in_the_padding() -> None:
    stft = STFT(n_fft=64, hop_length=48)
    n_samples = 255 * 48 + 1
    assert stft.n_frames(n_samples) == oracle.stft.frames.CHUNK_FRAMES + 1
    signals = np.ones((1, 2, n_samples))
    (total,) = stft.sum_over_frames(lambda spectra: [spectra.sum(axis=-1)], list(signals))
    np.testing.assert_allclose(total, stft.forward(signals).sum(axis=-1), atol=1e-9)


@pytest.mark.parametrize("n_samples", [1, 100, 40_000])
def test_sums_over_frames_have_each_frame_once(rng: np.random.Generator, n_samples: int) -> None:
    stft = STFT(n_fft=64, hop_length=16)
    signals: Audio = rng.standard_normal((2, 3, n_samples)).astype(np.float32)

    def count_and_sum(spectra: Spectrum) -> tuple[int, Spectrum]:
        return spectra.shape[-1], np.asarray(spectra.sum(axis=-1))

    count, total = stft.sum_over_frames(count_and_sum, list(signals), dtype=np.float64)
    expected = stft.forward(signals.astype(np.float64))
    assert count == expected.shape[-1]
    np.testing.assert_allclose(total, expected.sum(axis=-1), atol=1e-10)


# The steps of which both are made


def whole_spectrum_weights(stft: STFT) -> npt.NDArray[np.float64]:
    """How often each frequency is in the full FFT: once, or twice."""
    return np.array([1.0 if k in (0, stft.n_fft / 2) else 2.0 for k in range(stft.n_freqs)])


def spans(stft: STFT, n_samples: int) -> list[tuple[int, int]]:
    """Where each frame of a signal begins and ends, in its samples."""
    starts = [f * stft.hop_length - stft.n_fft // 2 for f in range(stft.n_frames(n_samples))]
    return [(start, start + stft.n_fft) for start in starts]


@st.composite
def cuts(draw: st.DrawFn) -> tuple[int, int, int]:
    n_samples = draw(st.integers(1, 300))
    start = draw(st.integers(0, n_samples - 1))
    return start, draw(st.integers(start + 1, n_samples)), n_samples


@settings(max_examples=200, deadline=None)
@given(stft=stfts(), cut=cuts())
def test_frames_over_a_part_are_those_that_share_a_sample_with_it(
    stft: STFT, cut: tuple[int, int, int]
) -> None:
    start, stop, n_samples = cut
    places = spans(stft, n_samples)
    expected = [f for f, (first, end) in enumerate(places) if first < stop and start < end]
    frames = stft.frames.find(start, stop, n_samples)
    assert frames.step is None
    assert list(range(frames.start, frames.stop)) == expected


@pytest.mark.parametrize(
    ("start", "stop", "frames"),
    [
        (0, 100, (0, 26)),  # all that reach in
        (0, 1, (0, 2)),  # frame 0 begins 4 samples before the signal
        (4, 5, (1, 3)),  # where frame 0 has ended
        (3, 5, (0, 3)),
        (99, 100, (24, 26)),
    ],
)
def test_frames_over_a_part_in_numbers(start: int, stop: int, frames: tuple[int, int]) -> None:
    stft = STFT(n_fft=8, hop_length=4)
    assert stft.frames.find(start, stop, 100) == slice(*frames)


def test_frames_over_a_signal_leave_out_one_that_lies_in_the_padding_alone() -> None:
    stft = STFT(n_fft=9, hop_length=4, window="boxcar")
    # Frame 1 begins at sample 0 of two, frame 2 would at sample 4.
    assert stft.n_frames(2) == 2
    assert stft.frames.find(0, 2, 2) == slice(0, 2)
    odd = STFT(n_fft=8, hop_length=3, window="boxcar")
    assert odd.n_frames(1) == 2
    assert odd.frames.find(0, 1, 1) == slice(0, 2)
    narrow = STFT(n_fft=8, hop_length=4)
    assert narrow.n_frames(4) == 2  # its frame 2 would begin behind the last sample
    assert narrow.frames.find(0, 4, 4) == slice(0, 2)


@pytest.mark.parametrize(("n_fft", "hop_length"), [(8, 4), (8, 8), (9, 4), (100, 30)])
@pytest.mark.parametrize("n_frames", [1, 2, 17])
def test_padded_length_is_the_end_of_the_last_frame(
    n_fft: int, hop_length: int, n_frames: int
) -> None:
    stft = STFT(n_fft=n_fft, hop_length=hop_length, window="boxcar")
    expected = max(frame * hop_length + n_fft for frame in range(n_frames))
    assert stft.frames.padded_length(n_frames) == expected


@settings(max_examples=200, deadline=None)
@given(stft=stfts(), n_samples=st.integers(1, 300), edges=st.tuples(*[st.floats(0, 1)] * 2))
def test_under_some_frames_lies_the_signal_between_zeros(
    stft: STFT, n_samples: int, edges: tuple[float, float]
) -> None:
    signal = signal_of(n_samples, 2)
    n_frames = stft.n_frames(n_samples)
    first, last = sorted(min(int(edge * n_frames), n_frames - 1) for edge in edges)
    margin = stft.n_fft + stft.frames.padded_length(n_frames)
    everywhere = np.pad(signal, ((0, 0), (margin, margin)))
    start = spans(stft, n_samples)[first][0] + margin
    length = stft.frames.padded_length(last + 1 - first)
    padded = stft.frames.under(slice(first, last + 1), signal)
    np.testing.assert_array_equal(padded, everywhere[:, start : start + length])


def test_under_gives_a_copy_in_the_dtype_asked_for() -> None:
    stft = STFT(n_fft=8, hop_length=4)
    signal = signal_of(20, 3, 2).astype(np.float32)
    before = signal.copy()
    padded = stft.frames.under(slice(0, 5), signal)
    assert padded.dtype == np.float32
    assert padded.shape == (3, 2, 24) == (3, 2, stft.frames.padded_length(5))
    double = stft.frames.under(slice(0, 5), signal, dtype=np.float64)
    assert double.dtype == np.float64
    np.testing.assert_array_equal(double, padded)
    padded[:] = 9
    np.testing.assert_array_equal(signal, before)
    signal.flags.writeable = False
    stft.frames.under(slice(1, 2), signal)[:] = 9  # also of what is all inside


def test_under_a_frame_behind_the_signal_are_zeros() -> None:
    stft = STFT(n_fft=8, hop_length=4)
    np.testing.assert_array_equal(stft.frames.under(slice(3, 4), np.ones(4)), np.zeros(8))
    np.testing.assert_array_equal(
        stft.frames.under(slice(1, 2), np.ones(4)), [1, 1, 1, 1, 0, 0, 0, 0]
    )
    np.testing.assert_array_equal(
        stft.frames.under(slice(0, 1), np.ones(4)), [0, 0, 0, 0, 1, 1, 1, 1]
    )


@settings(max_examples=100, deadline=None)
@given(
    stft=stfts(),
    n_samples=st.integers(1, 300),
    leading=st.sampled_from([(), (1,), (2, 3)]),
    dtype=st.sampled_from([np.float32, np.float64]),
)
def test_forward_is_to_analyse_what_lies_under_all_frames(
    stft: STFT, n_samples: int, leading: tuple[int, ...], dtype: type[np.floating[Any]]
) -> None:
    audio = signal_of(n_samples, *leading).astype(dtype)
    n_frames = stft.n_frames(n_samples)
    spectra = stft.frames.analyse(stft.frames.under(slice(0, n_frames), audio))
    assert spectra.shape == (*leading, n_frames, stft.n_freqs)
    assert spectra.dtype == np.result_type(dtype, np.complex64)
    assert_close(spectra.swapaxes(-1, -2), stft.forward(audio))
    # Some of the frames are the same as in the whole.
    some = slice(n_frames // 3, n_frames // 3 + 1)
    assert_close(stft.frames.analyse(stft.frames.under(some, audio)), spectra[..., some, :])


def test_analysis_of_one_frame_is_the_fft_of_its_windowed_samples(
    rng: np.random.Generator,
) -> None:
    stft = STFT(n_fft=15, hop_length=5)
    samples = rng.standard_normal(15)
    (frame,) = stft.frames.analyse(samples)
    turns = np.exp(-2j * np.pi * np.outer(np.arange(8), np.arange(15)) / 15)
    assert_close(frame, turns @ (samples * stft.window_samples))


@pytest.mark.parametrize("hop_length", [4, 8])  # also where frames are a view without overlap
def test_analysis_leaves_its_input_unchanged(hop_length: int) -> None:
    stft = STFT(n_fft=8, hop_length=hop_length, window="hamming")
    padded = signal_of(2400)
    before = padded.copy()
    for analysis in (stft.frames.analyse, stft.forward):
        analysis(padded)
        np.testing.assert_array_equal(padded, before)


@settings(max_examples=100, deadline=None)
@given(
    stft=stfts(),
    n_samples=st.integers(1, 300),
    leading=st.sampled_from([(), (1,), (2, 3)]),
    dtype=st.sampled_from([np.complex64, np.complex128]),
)
def test_inverse_is_to_synthesize_and_divide_by_the_sum_of_squares(
    stft: STFT,
    n_samples: int,
    leading: tuple[int, ...],
    dtype: type[np.complexfloating[Any, Any]],
) -> None:
    n_frames = stft.n_frames(n_samples)
    spectra = random_spectrum(np.random.default_rng(0), *leading, n_frames, stft.n_freqs)
    spectra = spectra.astype(dtype)
    padded = stft.frames.synthesize(spectra)
    assert padded.shape == (*leading, stft.frames.padded_length(n_frames))
    assert padded.dtype == (np.float32 if dtype == np.complex64 else np.float64)
    inside = padded[..., stft.n_fft // 2 : stft.n_fft // 2 + n_samples]
    weight = stft.frames.sum_of_squares(n_samples)
    expected = stft.inverse(spectra.swapaxes(-1, -2), n_samples=n_samples)
    assert_close((inside / weight).astype(expected.dtype), expected, LEAST_OVERLAP)


def test_constant_frames_synthesize_to_the_sum_of_their_windows() -> None:
    stft = STFT(n_fft=8, hop_length=2)
    constant = np.zeros((5, stft.n_freqs), complex)
    constant[:, 0] = 8  # the sum of eight ones
    expected = np.zeros(16)
    for frame in range(5):
        expected[2 * frame : 2 * frame + 8] += stft.window_samples
    assert_close(stft.frames.synthesize(constant), expected)
    assert_close(stft.frames.synthesize(constant[:1]), stft.window_samples)


@each_size
def test_synthesize_is_the_adjoint_of_analyse(
    n_fft: int, hop_length: int, rng: np.random.Generator
) -> None:
    stft = STFT(n_fft=n_fft, hop_length=hop_length)
    padded = rng.standard_normal(stft.frames.padded_length(6))
    spectra = random_spectrum(rng, 6, stft.n_freqs)
    products = (stft.frames.analyse(padded) * spectra.conj()).real * whole_spectrum_weights(stft)
    expected = np.dot(padded, stft.frames.synthesize(spectra))
    assert products.sum() / n_fft == pytest.approx(expected, abs=1e-10)


def test_synthesize_adds_to_what_it_is_given(rng: np.random.Generator) -> None:
    stft = STFT(n_fft=9, hop_length=4)
    spectra = random_spectrum(rng, 2, 3, stft.n_freqs)
    alone = stft.frames.synthesize(spectra)
    before = rng.standard_normal((2, 20))
    into = before.copy()
    assert stft.frames.synthesize(spectra, into=into) is into
    np.testing.assert_array_equal(into[:, 17:], before[:, 17:])
    assert_close(into[:, :17], before[:, :17] + alone)
    # A part of a longer array, as `modify` does.
    longer = np.zeros((2, 30))
    stft.frames.synthesize(spectra, into=longer[:, 8:])
    np.testing.assert_array_equal(longer[:, 8:25], alone)
    assert not longer[:, :8].any()
    assert not longer[:, 25:].any()


def test_synthesize_leaves_the_spectra_unchanged(rng: np.random.Generator) -> None:
    spectra = random_spectrum(rng, 3, 5)
    before = spectra.copy()
    spectra.flags.writeable = False
    STFT(n_fft=8, hop_length=4).frames.synthesize(spectra)
    np.testing.assert_array_equal(spectra, before)


def test_sum_of_squares_has_closed_forms() -> None:
    # The squares of three or more shifted Hann windows: sin^4 is 3/8 on average.
    for n_fft, hop_length in ((64, 16), (64, 8), (2048, 512)):
        stft = STFT(n_fft=n_fft, hop_length=hop_length)
        expected = 3 / 8 * n_fft / hop_length
        # Half a window from the ends, as before them and behind them no frame begins.
        inner = stft.frames.sum_of_squares(4 * n_fft)[n_fft // 2 : -n_fft // 2]
        np.testing.assert_allclose(inner, expected, rtol=1e-12)
    # Two: sin^4 + cos^4, which begins in the middle of a window.
    angle = np.pi * (np.arange(1000) + 32) / 64
    expected_of_two = np.sin(angle) ** 4 + np.cos(angle) ** 4
    np.testing.assert_allclose(
        STFT(n_fft=64, hop_length=32).frames.sum_of_squares(1000), expected_of_two
    )
    boxes = STFT(n_fft=8, hop_length=8, window="boxcar")
    np.testing.assert_array_equal(boxes.frames.sum_of_squares(21), np.ones(21))


@settings(max_examples=200, deadline=None)
@given(stft=stfts(), cut=cuts())
def test_sum_of_squares_of_a_part_is_that_part_of_the_whole(
    stft: STFT, cut: tuple[int, int, int]
) -> None:
    start, stop, n_samples = cut
    expected = np.zeros(n_samples)
    for first, end in spans(stft, n_samples):
        for place in range(max(first, 0), min(end, n_samples)):
            expected[place] += stft.window_samples[place - first] ** 2
    whole = stft.frames.sum_of_squares(n_samples)
    assert whole.dtype == np.float64
    np.testing.assert_allclose(whole, expected, rtol=1e-12)
    part = stft.frames.sum_of_squares(n_samples, piece=slice(start, stop))
    np.testing.assert_allclose(part, expected[start:stop], rtol=1e-12)


# Arrays of other libraries.


@pytest.mark.parametrize("library", ["array_api_strict", "torch"])
@each_size
@each_dtype
def test_other_libraries_have_the_spectra_and_audio_of_numpy(
    library: str,
    n_fft: int,
    hop_length: int,
    dtype: type[np.floating[Any]],
    rng: np.random.Generator,
) -> None:
    xp = pytest.importorskip(library)
    stft = STFT(n_fft=n_fft, hop_length=hop_length)
    for n_samples in LENGTHS:
        audio = signal_of(n_samples, 2, 3).astype(dtype)
        expected = stft.forward(audio)
        found = stft.forward(xp.asarray(audio))
        assert isinstance(found, type(xp.asarray(audio)))
        assert np.asarray(found).dtype == expected.dtype
        assert_close(np.asarray(found), expected)
        random = random_spectrum(rng, *expected.shape).astype(expected.dtype)
        restored = stft.inverse(random, n_samples=n_samples)
        found = stft.inverse(xp.asarray(random), n_samples=n_samples)
        assert np.asarray(found).dtype == dtype
        assert_close(np.asarray(found), restored, LEAST_OVERLAP)
        alone = stft.forward(xp.asarray(audio[0, 0]))
        assert alone.shape == (stft.n_freqs, stft.n_frames(n_samples))


@pytest.mark.slow
@pytest.mark.parametrize(("n_fft", "hop_length"), [(16, 8), (16, 5), (9, 4)])
def test_torch_differentiates_the_stft_and_its_inverse(n_fft: int, hop_length: int) -> None:
    torch = pytest.importorskip("torch")
    stft = STFT(n_fft=n_fft, hop_length=hop_length)
    audio = torch.from_numpy(signal_of(30, 2)).requires_grad_()
    assert torch.autograd.gradcheck(stft.forward, (audio,))
    spectrum = stft.forward(audio).detach().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: stft.inverse(x, n_samples=30), (spectrum,))


@pytest.mark.filterwarnings("ignore:Torchinductor does not support code generation for complex")
@pytest.mark.filterwarnings("ignore:`torch.jit")  # torch's own
@pytest.mark.parametrize("backend", ["aot_eager", pytest.param("inductor", marks=pytest.mark.slow)])
def test_torch_compiles_and_maps_the_stft_and_its_inverse(backend: str) -> None:
    torch = pytest.importorskip("torch")
    stft = STFT(n_fft=16, hop_length=5)
    audio = torch.from_numpy(signal_of(50, 3)).requires_grad_()

    def there_and_back(audio: Any) -> Any:
        return stft.inverse(2 * stft.forward(audio), n_samples=50)

    there_and_back(audio)
    for made in (
        torch.compile(there_and_back, fullgraph=True, backend=backend)(audio),
        torch.vmap(there_and_back)(audio),
    ):
        torch.testing.assert_close(made, 2 * audio)
    made.sum().backward()
    torch.testing.assert_close(audio.grad, torch.full_like(audio, 2))


@pytest.mark.slow
def test_jax_compiles_the_stft_and_its_inverse() -> None:
    jax = pytest.importorskip("jax")
    stft = STFT(n_fft=16, hop_length=5)
    audio = signal_of(50, 3).astype(np.float32)
    found = jax.jit(stft.forward)(audio)
    assert_close(np.asarray(found), stft.forward(audio))
    back = jax.jit(lambda spectrum: stft.inverse(spectrum, n_samples=50))(found)
    assert_close(np.asarray(back), audio, LEAST_OVERLAP)


# Without a number of samples.


@each_size
@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_inverse_returns_what_the_frames_hold(n_fft: int, hop_length: int, library: str) -> None:
    xp = pytest.importorskip(library)
    stft = STFT(n_fft=n_fft, hop_length=hop_length)
    for n_samples in range(1, 4 * hop_length):
        audio = signal_of(n_samples)
        restored = np.asarray(stft.inverse(stft.forward(xp.asarray(audio))))
        assert n_samples <= len(restored) < n_samples + hop_length
        assert_close(restored[:n_samples], audio, LEAST_OVERLAP)
        assert_close(restored[n_samples:], np.zeros(len(restored) - n_samples), LEAST_OVERLAP)
        n_frames = stft.n_frames(n_samples)
        assert stft.n_frames(len(restored)) == n_frames
        assert stft.n_frames(len(restored) + 1) == n_frames + 1
        if stft.n_frames(n_samples + 1) > n_frames:
            assert len(restored) == n_samples


@pytest.mark.parametrize("shape", [(), (9,), (9, 0), (9, 1)])
def test_spectra_that_hold_no_sample_are_refused(shape: tuple[int, ...]) -> None:
    message = "spectrum must have shape (..., 9, n_frames), with frames that hold a sample, got "
    with pytest.raises(ValueError, match=f"^{re.escape(message + str(shape))}$"):
        STFT(n_fft=16).inverse(np.zeros(shape, complex))


def test_the_number_of_samples_is_not_called_length() -> None:
    stft = STFT(n_fft=16)
    with pytest.raises(TypeError, match=r"^length must not be given, got 40: call it n_samples$"):
        stft.inverse(stft.forward(np.ones(40)), length=40)  # type: ignore[call-overload]


@pytest.mark.parametrize("library", ["array_api_strict", "torch"])
def test_tensors_of_other_dtypes_are_refused(library: str) -> None:
    xp = pytest.importorskip(library)
    stft = STFT(n_fft=16)
    with pytest.raises(TypeError, match=r"^audio must be an array of float32 or f.*, got .*int"):
        stft.forward(xp.asarray([1, 2, 3]))
    with pytest.raises(TypeError, match=r"^spectrum must be an array of complex64 or .*, got .*f"):
        stft.inverse(xp.ones((9, 3)), n_samples=9)
