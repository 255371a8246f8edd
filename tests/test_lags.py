"""Lags: delays of signals, and of a sum among its parts."""

import numpy as np
import pytest

from oracle.tracks.lags import find_delay, find_late_sum
from oracle.tracks.track import Audio

MOST = 10**-1.5


def noises(count: int, n_samples: int = 4000) -> list[Audio]:
    rng = np.random.default_rng(1)
    return list(rng.standard_normal((count, 2, n_samples)).astype(np.float32))


def late(audio: Audio, delay: int) -> Audio:
    moved = np.roll(audio, delay, axis=1)
    moved[:, : max(delay, 0)] = 0
    moved[:, audio.shape[1] + min(delay, 0) :] = 0
    return moved


@pytest.mark.parametrize("gain", [1.0, -0.5])
@pytest.mark.parametrize("delay", [0, 1, -1, 44, -1105, 1999])
def test_a_delay_is_found_at_any_gain(delay: int, gain: float) -> None:
    (audio,) = noises(1)
    assert find_delay(audio, np.float32(gain) * late(audio, delay)) == delay


@pytest.mark.parametrize("n_samples", [1, 2, 3])
def test_short_and_silent_signals_have_none(n_samples: int) -> None:
    audio = np.zeros((1, n_samples), np.float32)
    assert find_delay(audio, audio) == 0


def test_the_loudest_excerpt_is_looked_at() -> None:
    (audio,) = noises(1, 8000)
    audio[:, :6000] *= 1e-3
    second = late(audio, 5)
    second[:, :5000] = noises(1, 5000)[0][:, ::-1] * 1e-3
    assert find_delay(audio, second, n_samples=2000) == 5


@pytest.mark.parametrize("delay", [1, 44, -3, 1105])
@pytest.mark.parametrize("place", [0, 2])
def test_a_sum_that_comes_late_is_found(delay: int, place: int) -> None:
    sources = noises(3)
    total = sum(sources) + 0.1 * noises(4)[3]
    sources.insert(place, late(total.astype(np.float32), delay))
    assert find_late_sum(sources, np.sum(sources, axis=0), MOST) == (place, delay)


def test_a_sum_in_time_is_none_and_so_is_what_is_no_sum() -> None:
    sources = noises(3)
    assert find_late_sum(sources, np.sum(sources, axis=0), MOST) is None
    sources.append(np.sum(sources, axis=0))
    assert find_late_sum(sources, np.sum(sources, axis=0), MOST) is None


def test_a_doubled_voice_is_no_late_sum() -> None:
    voice, pad = noises(2)
    sources = [voice, np.float32(0.05) * pad, np.float32(0.7) * late(voice, 900)]
    assert find_late_sum(sources, np.sum(sources, axis=0), MOST) is None
    assert find_late_sum(sources[::2], sources[0] + sources[2], MOST) is None
