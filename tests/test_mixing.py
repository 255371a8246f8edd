"""Mixing: levels, gains, copies and sums of orthogonal signals, in closed form."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import oracle.tracks.mixing
from oracle.tracks.mixing import LOUD, Copy, Mixing, Sum, redundancies
from oracle.tracks.track import Audio

# Of float32 energies over a block: see `Mixing.of`.
CLOSE = 1e-3  # dB


def waves(*frequencies: int, dtype: str = "float32", n_samples: int = 4000) -> list[Audio]:
    """Orthogonal signals of energy n_samples: sines in one channel, cosines in the other."""
    phases = [2 * np.pi * f * np.arange(n_samples) / n_samples for f in frequencies]
    return [np.stack([np.sin(phase), np.cos(phase)]).astype(dtype) for phase in phases]


def test_products_are_those_of_the_signals() -> None:
    one, other = waves(3, 5)
    mixing = Mixing.of([one, 2 * other], one + other)
    n = one.shape[1]
    np.testing.assert_allclose(
        mixing.products, [[n, 0, n], [0, 4 * n, 2 * n], [n, 2 * n, 2 * n]], atol=1e-2
    )
    np.testing.assert_allclose(mixing.energies, [n, 4 * n], rtol=1e-5)
    assert mixing.residual == pytest.approx(n, rel=1e-5)


@pytest.mark.parametrize("level", [-60.0, -25.0, -3.0, 0.0, 20.0])
def test_unexplained_is_the_level_of_what_no_source_has(level: float) -> None:
    one, other, more = waves(3, 5, 7)
    # Relative to the mixture, of which it is a part.
    share = 10 ** (level / 10)
    mixture = one + other + np.float32(np.sqrt(2 * share)) * more
    expected = 10 * np.log10(2 * share / (2 + 2 * share))
    assert Mixing.of([one, other], mixture).unexplained == pytest.approx(expected, abs=CLOSE)


def test_the_sum_of_its_sources_leaves_nothing() -> None:
    sources = waves(3, 5, 7)
    mixture = sources[0] + sources[1] + sources[2]
    assert Mixing.of(sources, mixture).unexplained == -np.inf
    assert Mixing.of([np.zeros((1, 8))], np.zeros((1, 8))).unexplained == -np.inf
    assert Mixing.of([np.ones((1, 8))], np.zeros((1, 8))).unexplained == np.inf


@pytest.mark.parametrize("gain", [0.5, -1.0, -2.0, 3.0])
def test_gain_is_that_of_all_sources(gain: float) -> None:
    sources = waves(3, 5)
    mixing = Mixing.of(sources, np.float32(gain) * (sources[0] + sources[1]))
    assert mixing.gain == pytest.approx(gain, rel=1e-5)
    assert mixing.unexplained_at(np.full(2, gain)) < -60
    np.testing.assert_allclose(mixing.gains, [gain, gain], rtol=1e-5)


def test_gains_are_those_of_each_source_and_of_nothing_for_silence() -> None:
    one, other = waves(3, 5)
    mixing = Mixing.of([one, np.zeros_like(one), other], 0.5 * one - 2 * other)
    np.testing.assert_allclose(mixing.gains, [0.5, 0, -2], atol=1e-5)
    assert mixing.unexplained_at(mixing.gains) < -60
    assert np.isnan(Mixing.of([np.zeros_like(one)], one).gain)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("scale", [1e-40, 1e-30, 1e-12, 1.0, 1e12, 1e30])
def test_levels_do_not_depend_on_the_level(dtype: str, scale: float) -> None:
    one, other, more = waves(3, 5, 7, dtype="float64")
    signals = [(scale * each).astype(dtype) for each in (one, other, one + other + 0.1 * more)]
    mixing = Mixing.of(signals[:2], signals[2])
    # Numbers of 1e-40 have five digits left in float32.
    assert mixing.unexplained == pytest.approx(-23.03, abs=0.02)
    np.testing.assert_allclose(mixing.gains, 1, atol=1e-3)


@settings(max_examples=30, deadline=None)
@given(block=st.integers(1, 900), segment=st.integers(1, 900), n_samples=st.integers(8, 1000))
def test_blocks_and_segments_do_not_matter(block: int, segment: int, n_samples: int) -> None:
    audio = np.random.default_rng(0).standard_normal((3, 2, n_samples))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(oracle.tracks.mixing, "BLOCK_SAMPLES", block)
        patch.setattr(oracle.tracks.mixing, "SEGMENT_SAMPLES", segment)
        mixing = Mixing.of([audio[0], audio[1]], audio[2])
    np.testing.assert_allclose(mixing.products, np.einsum("ict,jct->ij", audio, audio), atol=1e-9)
    assert mixing.residual == pytest.approx(np.sum((audio[2] - audio[0] - audio[1]) ** 2))


# Copies and sums


def found_in(*sources: Audio, mixture: Audio | None = None) -> list[Copy | Sum]:
    whole = np.sum(sources, axis=0) if mixture is None else mixture
    return redundancies(Mixing.of(sources, whole), mixture_is_sum=mixture is None)


def test_sources_of_their_own_are_not_redundant(rng: np.random.Generator) -> None:
    assert found_in(*waves(3, 5, 7)) == []
    assert found_in(*rng.standard_normal((6, 2, 4000))) == []
    assert found_in(waves(3)[0]) == []


@pytest.mark.parametrize("gain", [1.0, 0.5, -1.0])
def test_a_copy_is_found_at_any_gain(gain: float) -> None:
    one, other = waves(3, 5)
    (copy,) = found_in(one, other, np.float32(gain) * one, mixture=one + other)
    assert isinstance(copy, Copy)
    assert (copy.source, copy.other) == (2, 0)
    assert copy.gain == pytest.approx(gain)
    times = {1.0: "", 0.5: " x 0.5", -1.0: " x -1"}[gain]
    assert copy.text(["a", "b", "c"]) == f"c is a{times}"


@pytest.mark.parametrize(("level", "expected"), [(-45.0, True), (-35.0, False)])
def test_a_copy_may_differ_by_40_db(level: float, expected: bool) -> None:
    one, other, noise = waves(3, 5, 7)
    copy = one + np.float32(10 ** (level / 20)) * noise
    assert bool(found_in(one, other, copy)) == expected


@pytest.mark.parametrize("gains", [(1, 1, 1), (0.5, 0.5, 0.5), (0.3, 1, 2)])
def test_a_sum_of_all_others_is_found(gains: tuple[float, ...]) -> None:
    one, other, third = waves(3, 5, 7)
    total = np.tensordot(np.array(gains, "float32"), np.stack([one, other, third]), 1)
    assert found_in(one, total, other, third) == [Sum(1, (0, 2, 3))]
    assert Sum(1, (0, 2, 3)).text(["a", "mix", "b", "c"]) == "mix is the sum of a and b and c"


def test_a_sum_of_some_is_found_with_its_parts() -> None:
    one, other, third = waves(3, 5, 7)
    assert found_in(one, other, third, one + third) == [Sum(3, (0, 2))]


@pytest.mark.parametrize(("level", "expected"), [(-18.0, True), (-12.0, False)])
def test_a_sum_may_be_mastered(level: float, expected: bool) -> None:
    one, other, distortion = waves(3, 5, 7)
    total = one + other + np.float32(np.sqrt(2) * 10 ** (level / 20)) * distortion
    assert bool(found_in(one, other, total)) == expected


def test_a_voice_before_two_microphones_is_no_sum() -> None:
    """One part alone comes nearly as near: it is a near copy, which there may be."""
    voice, drums, room = waves(3, 5, 7)
    far = np.float32(0.8) * voice + np.float32(0.1) * drums + np.float32(0.13) * room
    assert found_in(voice, drums, far) == []
    assert found_in(voice, drums, far, mixture=voice + drums + far) == []


def test_nothing_is_redundant_if_all_sources_are_in_a_mixture() -> None:
    left, right = waves(3, 5)
    both = left + right
    mixture = left + right + both
    assert found_in(left, right, both, mixture=mixture) == []
    assert found_in(left, right, both) == [Sum(2, (0, 1))]


def test_a_difference_makes_a_sum_of_what_it_is_taken_from() -> None:
    """As an instrumental does of the full mix, beside the vocals."""
    one, other = waves(3, 5)
    assert found_in(one, other, one - other) == [Sum(0, (1, 2))]


def test_the_same_faint_noise_in_stems_of_nothing_is_no_copy() -> None:
    one, hiss = waves(3, 5)
    faint = np.float32(10 ** (-65 / 20)) * hiss
    assert found_in(one, faint, faint) == []
    assert len(found_in(one, 100 * faint, 100 * faint)) == 1


def test_silent_sources_are_no_copies_of_each_other() -> None:
    (one,) = waves(3)
    nothing = np.zeros_like(one)
    assert found_in(one, nothing, nothing) == []
    assert found_in(nothing, nothing) == []


def test_a_source_that_is_the_mixture_is_found_beside_others() -> None:
    one, other = waves(3, 5)
    found = found_in(one, other, one + other, mixture=one + other)
    assert Copy(2, 3, 1.0) in found
    assert Copy(2, 3, 1.0).text(["a", "b", "full"]) == "full is the mixture"


def test_a_source_that_is_nearly_all_of_the_mixture_is_none() -> None:
    one, other = waves(3, 5)
    faint = np.float32(10 ** (-30 / 20)) * other
    assert LOUD > -30
    assert found_in(one, faint, mixture=one + faint) == []
    assert found_in(one, mixture=one) == []
