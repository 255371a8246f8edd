import pickle

import numpy as np
import pytest

from oracle import Track
from oracle.tracks.track import Audio, with_accompaniment

ONES = np.ones((2, 10), np.float32)


def test_track_keeps_read_only_views_of_what_it_was_given() -> None:
    mixture, vocals = ONES.copy(), ONES.copy()
    track = Track("song", np.int64(44100), mixture, {"vocals": vocals})  # type: ignore[arg-type]
    assert np.shares_memory(track.mixture, mixture)
    assert np.shares_memory(track.sources["vocals"], vocals)
    assert (track.n_channels, track.n_samples) == (2, 10)
    with pytest.raises(ValueError, match="read-only"):
        track.mixture[0, 0] = 0
    with pytest.raises(TypeError, match="does not support item assignment"):
        track.sources["bass"] = vocals  # type: ignore[index]
    vocals[0, 0] = 2  # the caller's own array stays writable


@pytest.mark.parametrize("n_channels", [1, 2, 6])
@pytest.mark.parametrize("n_sources", [1, 5])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_mixture_is_the_sum_of_sources_where_none_is_given(
    n_channels: int, n_sources: int, dtype: type
) -> None:
    audio: Audio = np.full((n_channels, 8), 0.25, dtype)
    sources = {f"s{j}": audio * j for j in range(n_sources)}
    track = Track.from_sources("song", 8000, sources)
    assert track.mixture_is_sum
    assert track.mixture.dtype == dtype
    np.testing.assert_array_equal(track.mixture, audio * sum(range(n_sources)))
    assert not Track("song", 8000, audio, sources).mixture_is_sum


def test_targets_end_with_the_accompaniment_where_there_are_vocals() -> None:
    track = Track.from_sources("song", 8000, {"bass": ONES, "vocals": 2 * ONES, "drums": 4 * ONES})
    assert list(track.targets) == ["bass", "vocals", "drums", "accompaniment"]
    np.testing.assert_array_equal(track.targets["accompaniment"], 5 * ONES)


@pytest.mark.parametrize(
    "names", [["bass", "drums"], ["vocals"], ["vocals", "accompaniment"], ["accompaniment"]]
)
def test_no_accompaniment_is_made_up(names: list[str]) -> None:
    assert list(with_accompaniment(dict.fromkeys(names, ONES))) == names


def test_track_survives_pickling() -> None:
    track = Track.from_sources("song", 8000, {"bass": ONES}, subset="train")
    copy = pickle.loads(pickle.dumps(track))
    assert repr(copy) == repr(track)
    assert (copy.subset, copy.mixture_is_sum) == ("train", True)
    np.testing.assert_array_equal(copy.sources["bass"], ONES)


@pytest.mark.parametrize(
    ("seconds", "rate", "n_samples"),
    [(0.5, 8, 4), (0.49, 8, 4), (0.44, 8, 4), (0.43, 8, 3), (0.29, 100, 10), (0.07, 100, 7)],
)
def test_beginning_is_cut_at_the_nearest_sample(seconds: float, rate: int, n_samples: int) -> None:
    """0.29 * 100 is a little less than 29, 0.07 * 100 a little more than 7."""
    audio = np.arange(20, dtype=np.float32).reshape(2, 10)
    track = Track("song", rate, audio, {"a": audio, "b": -audio}, subset="train")
    part = track.beginning(seconds)
    assert (part.name, part.rate, part.subset, part.mixture_is_sum) == (
        "song",
        rate,
        "train",
        False,
    )
    np.testing.assert_array_equal(part.mixture, audio[:, :n_samples])
    np.testing.assert_array_equal(part.sources["b"], -audio[:, :n_samples])
    assert list(part.sources) == ["a", "b"]


def test_beginning_does_not_lose_a_sample_to_rounding() -> None:
    audio = np.ones((1, 40), np.float32)
    assert Track("song", 100, audio, {"a": audio}).beginning(0.29).n_samples == 29


def test_beginning_of_a_shorter_track_is_all_of_it() -> None:
    track = Track.from_sources("song", 8, {"a": ONES})
    assert track.beginning(100).n_samples == 10
    assert track.beginning(1.25).n_samples == 10
    assert track.beginning(0.5).mixture_is_sum


def test_beginning_does_not_keep_the_rest_in_memory() -> None:
    part = Track("song", 8, ONES, {"a": ONES}).beginning(0.5)
    for audio in (part.mixture, part.sources["a"]):
        assert not np.shares_memory(audio, ONES)
        assert audio.base is not None
        assert audio.base.shape == (2, 4)


@pytest.mark.parametrize("seconds", [0, -1, -0.5, np.nan, np.inf, -np.inf])
def test_beginning_of_no_length_is_refused(seconds: float) -> None:
    track = Track("song", 8, ONES, {"a": ONES})
    with pytest.raises(ValueError, match=f"^seconds must be positive and finite, got {seconds}$"):
        track.beginning(seconds)


def test_beginning_of_less_than_a_sample_a_channel_is_refused() -> None:
    track = Track("song", 8, ONES, {"a": ONES})
    assert track.beginning(0.25).n_samples == 2
    message = r"^seconds must be at least 0\.25 \(one sample per channel\), got 0\.125$"
    with pytest.raises(ValueError, match=message):
        track.beginning(0.125)


def test_repr_says_what_it_is() -> None:
    track = Track("song", 8000, ONES, {"a": ONES, "b": ONES})
    assert repr(track) == "<Track 'song': a, b; 2 channels, 0.00 s at 8000 Hz>"


def with_value(value: float) -> Audio:
    audio = ONES.copy()
    audio[1, 3] = value
    return audio


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"name": 3}, TypeError, "name must be a str, got 3"),
        ({"name": " "}, ValueError, "name must not be empty, got ' '"),
        ({"name": "a\nb"}, ValueError, r"name must not hold control characters, got 'a\\nb'"),
        (
            {"sources": {"caf\udce9": ONES}},
            ValueError,
            r"a name in sources must not hold control characters, got 'caf\\udce9'",
        ),
        ({"subset": ""}, ValueError, "subset must not be empty, got ''"),
        ({"rate": 44100.0}, TypeError, "rate must be an integer number of Hz, got 44100.0"),
        ({"rate": True}, TypeError, "rate must be an integer number of Hz, got True"),
        ({"rate": 0}, ValueError, "rate must be positive, got 0"),
        ({"sources": {}}, ValueError, "sources must hold at least one source, got none"),
        ({"sources": [ONES]}, TypeError, "sources must map names to arrays, got list"),
        ({"sources": {1: ONES}}, TypeError, "a name in sources must be a str, got 1"),
        ({"sources": {"": ONES}}, ValueError, "a name in sources must not be empty, got ''"),
        (
            {"sources": {"bass": ONES, "accompaniment": ONES}},
            ValueError,
            "sources must not hold 'accompaniment' beside .* got bass, accompaniment",
        ),
        ({"mixture": [1.0]}, TypeError, "mixture must be a numpy array, got list"),
        (
            {"mixture": ONES.astype(np.int16)},
            TypeError,
            "mixture must be float32 or float64, got int16",
        ),
        (
            {"mixture": ONES[0]},
            ValueError,
            r"mixture must have two dimensions, \(n_channels, n_samples\), got shape \(10,\)",
        ),
        ({"mixture": ONES[:, :0]}, ValueError, r"mixture must not be empty, got shape \(2, 0\)"),
        (
            {"mixture": ONES.T},
            ValueError,
            r"mixture must have its samples last, .* got shape \(10, 2\): more channels than",
        ),
        (
            {"mixture": with_value(np.nan)},
            ValueError,
            "mixture must be finite, got nan in channel 1 at sample 3",
        ),
        (
            {"sources": {"bass": with_value(-np.inf)}},
            ValueError,
            r"sources\['bass'\] must be finite, got -inf in channel 1 at sample 3",
        ),
        (
            {"sources": {"bass": ONES[:, :9]}},
            ValueError,
            r"sources\['bass'\] must have the shape of mixture, \(2, 10\), got \(2, 9\)",
        ),
        (
            {"sources": {"bass": ONES.astype(np.float64)}},
            TypeError,
            r"sources\['bass'\] must have the dtype of mixture, float32, got float64",
        ),
    ],
)
def test_every_way_to_be_wrong_has_its_error(
    changed: dict[str, object], error: type[Exception], message: str
) -> None:
    arguments: dict[str, object] = {"name": "song", "rate": 8000, "mixture": ONES}
    arguments |= {"sources": {"vocals": ONES}} | changed
    with pytest.raises(error, match=f"^{message}"):
        Track(**arguments)  # type: ignore[arg-type]


def test_sources_are_checked_before_they_are_summed() -> None:
    with pytest.raises(ValueError, match=r"sources\['b'\] must have the shape of sources\['a'\]"):
        Track.from_sources("song", 8000, {"a": ONES, "b": ONES[:, :9]})
    with pytest.raises(ValueError, match="at least one source"):
        Track.from_sources("song", 8000, {})
