import dataclasses
import re
import warnings

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from oracle import STFT, Track, masks, methods, separate
from oracle.jobs.track_scores import BOUNDS, LooseCeilingWarning, score_track
from oracle.methods import (
    CEILINGS,
    DEFAULT_METHODS,
    METHODS,
    Method,
    Separation,
    find_methods,
    separate_each,
)
from oracle.methods.separation import PIECE_SAMPLES
from oracle.tracks.track import Audio

# Estimates are float32: relative to the loudest sample.
FLOAT32 = 1e-5
# MWF-SISEC18 adds SiSEC's epsilon, and so depends on the level of the audio.
LEVEL_FREE = [name for name in METHODS if name != "MWF-SISEC18"]
# Of these the masks of the sources sum to one.
PARTITIONS = ["MIX", "IBM", "IRM1", "IRM2", "PSM", "CIRM"]


def noise(n_sources: int, n_channels: int, n_samples: int, seed: int) -> Track:
    rng = np.random.default_rng(seed)
    sources: dict[str, Audio] = {
        f"source {j}": 0.1 * rng.standard_normal((n_channels, n_samples), np.float32)
        for j in range(n_sources)
    }
    return Track.from_sources("noise", 8000, sources)


def changed(track: Track, gain: float = 1, order: int = 1) -> Track:
    sources: dict[str, Audio] = {
        name: audio * np.float32(gain) for name, audio in list(track.sources.items())[::order]
    }
    return dataclasses.replace(track, mixture=track.mixture * np.float32(gain), sources=sources)


def assert_close(actual: Audio, expected: Audio) -> None:
    np.testing.assert_allclose(actual, expected, atol=FLOAT32 * np.abs(expected).max())


tracks = st.builds(
    noise,
    n_sources=st.integers(1, 4),
    n_channels=st.integers(1, 3),
    n_samples=st.integers(3, 5000),
    seed=st.integers(0, 99),
)


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_estimates_are_the_targets_in_name_shape_and_type(track: Track, method: str) -> None:
    copies = {name: audio.copy() for name, audio in track.sources.items()}
    estimates = separate(track, method)
    assert list(estimates) == list(track.targets)
    for name, target in track.targets.items():
        assert (estimates[name].shape, estimates[name].dtype) == (target.shape, target.dtype)
        assert np.isfinite(estimates[name]).all()
    if not method.startswith("OPT"):  # which has a mask for it
        accompaniment = estimates["drums"] + estimates["other"]
        np.testing.assert_array_equal(estimates["accompaniment"], accompaniment)
    for name, audio in track.sources.items():
        np.testing.assert_array_equal(audio, copies[name])


@pytest.mark.parametrize("method", ["IRM2", "MWF"])
def test_float64_is_kept(method: str) -> None:
    audio = np.random.default_rng(0).standard_normal((2, 3000))
    track = Track.from_sources("noise", 8000, {"a": audio, "b": audio[:, ::-1]})
    assert separate(track, method)["a"].dtype == np.float64


@settings(max_examples=10, deadline=None)
@given(track=tracks, method=st.sampled_from(PARTITIONS))
def test_estimates_of_a_partition_sum_to_the_mixture(track: Track, method: str) -> None:
    assert_close(sum(separate(track, method).values()), track.mixture)  # type: ignore[arg-type]


# Powers of two, which scale without rounding: a bin at a threshold stays on its side.
@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(track=tracks, method=st.sampled_from(LEVEL_FREE), power=st.sampled_from([-27, -1, 10]))
def test_a_gain_scales_the_estimates_and_nothing_else(
    track: Track, method: str, power: int
) -> None:
    gain = 2.0**power
    before, after = separate(track, method), separate(changed(track, gain=gain), method)
    for name, audio in before.items():
        assert_close(after[name] / np.float32(gain), audio)


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(track=tracks, method=st.sampled_from([m for m in METHODS if not m.startswith("OPT")]))
def test_the_order_of_the_sources_does_not_matter(track: Track, method: str) -> None:
    # In double precision, where magnitudes never tie: a tie goes to the first source. Not OPT: of
    # two sources the mask of the second starts from what that of the first leaves.
    sources = {name: audio.astype(np.float64) for name, audio in track.sources.items()}
    track = Track.from_sources(track.name, track.rate, sources)
    before, after = separate(track, method), separate(changed(track, order=-1), method)
    for name, audio in before.items():
        assert_close(after[name], audio)


@pytest.mark.parametrize("method", METHODS)
def test_a_silent_source_is_estimated_as_silent_but_by_mix(method: str) -> None:
    rng = np.random.default_rng(0)
    audio = rng.standard_normal((2, 2, 6000), np.float32)
    track = Track("one silent", 8000, audio[0], {"a": audio[0], "silent": 0 * audio[1]})
    silent = separate(track, method)["silent"]
    assert silent.any() == (method == "MIX")


@pytest.mark.parametrize("method", METHODS)
def test_silence_everywhere_stays_silent(method: str) -> None:
    silence = np.zeros((2, 3000), np.float32)
    track = Track.from_sources("silence", 8000, {"a": silence, "b": silence})
    assert not separate(track, method)["a"].any()


# Not OPT, which stops when the channels together are near enough to the best.
@pytest.mark.parametrize("method", [m for m in METHODS if not m.startswith(("MWF", "OPT"))])
def test_masks_treat_each_channel_as_if_it_were_alone(track: Track, method: str) -> None:
    stereo = separate(track, method)
    for channel in range(2):
        cut = slice(channel, channel + 1)
        sources = {name: audio[cut] for name, audio in track.sources.items()}
        alone = dataclasses.replace(track, mixture=track.mixture[cut], sources=sources)
        mono = separate(alone, method)
        for name, audio in mono.items():
            assert_close(stereo[name][cut], audio)


def test_mwf_of_a_track_with_equal_channels_is_irm2() -> None:
    mono = noise(n_sources=3, n_channels=1, n_samples=5000, seed=0)
    sources = {name: audio.repeat(2, axis=0) for name, audio in mono.sources.items()}
    stereo = Track.from_sources("dual mono", 8000, sources)
    irm2, mwf = separate(stereo, "IRM2"), separate(stereo, "MWF")
    for name, audio in mwf.items():
        assert_close(audio, irm2[name])


def test_the_stft_is_the_one_given(track: Track) -> None:
    short = separate(track, "IRM2", stft=STFT(n_fft=256, hop_length=64))
    default = separate(track, "IRM2")
    explicit = separate(track, "IRM2", stft=STFT(n_fft=2048, hop_length=1024))
    np.testing.assert_array_equal(default["vocals"], explicit["vocals"])
    assert not np.allclose(default["vocals"], short["vocals"])


def test_several_methods_give_what_each_gives_alone(track: Track) -> None:
    chosen = ["IRM2", "MWF", "MIX"]  # of different precisions
    together = dict(separate_each(track, chosen))
    assert list(together) == chosen
    for method in chosen:
        np.testing.assert_array_equal(together[method]["vocals"], separate(track, method)["vocals"])


def test_a_method_is_one_function_and_one_line(
    track: Track, monkeypatch: pytest.MonkeyPatch
) -> None:
    half = Method.from_mask("HALF", lambda sources, mixture: np.full(sources.shape, 0.5))
    monkeypatch.setitem(METHODS, "HALF", half)
    assert_close(separate(track, "HALF")["vocals"], track.mixture / 2)


def test_the_registry_is_the_designs() -> None:
    assert ", ".join(METHODS) == (
        "MIX, IBM1, IBM2, IBM, IRM1, IRM2, IAM, PSM, TPSM, OBM, CIRM, MWF, MWF-SISEC18, OPT, "
        "OPT-RELU2, OPT-COMPLEX, OPT-SHARED, OPT-BINARY, OPT-MEL64, OPT-BARK, OPT-BANDSPLIT, "
        "ENH-IRM, MAG"
    )
    assert ", ".join(DEFAULT_METHODS) == ", ".join(METHODS).partition(", OPT-")[0]
    assert ", ".join(CEILINGS) == (
        "CEILING, CEILING-RELU2, CEILING-COMPLEX, CEILING-SHARED, CEILING-BINARY, CEILING-MEL64, "
        "CEILING-BARK, CEILING-BANDSPLIT"
    )
    for name, method in METHODS.items():
        assert name == method.name
        assert method.formula
        assert method.summary.endswith(".")
        assert re.search(r"\d{4}", method.reference)


def test_enh_irm_is_the_root_of_irm2_on_the_source_and_the_rest(track: Track) -> None:
    stft = STFT()
    mixture = stft.forward(track.mixture)
    for name, audio in separate(track, "ENH-IRM").items():
        source = stft.forward(track.targets[name])
        if name in track.sources:
            share = masks.ideal_ratio_mask(np.stack([source, mixture - source]))[0]
            expected = stft.inverse(np.sqrt(share) * mixture, n_samples=track.n_samples)
            assert_close(audio, expected)


def test_mag_has_the_sources_magnitude_and_the_mixtures_phase(track: Track) -> None:
    stft = STFT()
    mixture = stft.forward(track.mixture)
    estimates = separate(track, "MAG")
    for name, audio in track.sources.items():
        spectrum = np.abs(stft.forward(audio)) * np.exp(1j * np.angle(mixture))
        assert_close(estimates[name], stft.inverse(spectrum, n_samples=track.n_samples))


def test_unknown_and_repeated_methods_have_their_errors(track: Track) -> None:
    with pytest.raises(ValueError, match=r"got 'irm2' \(did you mean IRM2\?\)$"):
        methods.separate(track, "irm2")
    with pytest.raises(ValueError, match="method must be one of MIX, .*, got 'nothing'$"):
        methods.separate(track, "nothing")
    with pytest.raises(ValueError, match="method must be one of MIX, .*, got 'IRM3'"):
        methods.separate(track, "IRM3")
    with pytest.raises(ValueError, match="methods must be named once each, got 'MIX' twice"):
        find_methods(["MIX", "MIX"])
    with pytest.raises(TypeError, match="methods must be several names, got the one string 'MIX'"):
        find_methods("MIX")


@pytest.mark.slow
@pytest.mark.parametrize("stft", [STFT(), STFT(n_fft=300, hop_length=70, window="hamming")])
def test_parts_of_a_separation_are_parts_of_the_estimates(track: Track, stft: STFT) -> None:
    separation = Separation(track, list(METHODS), stft=stft)
    whole = dict(separate_each(track, METHODS, stft=stft))
    for start, stop in ((0, 1), (0, 700), (5000, 13000), (track.n_samples - 9, track.n_samples)):
        part = separation.separate_piece(start, stop)
        assert part.keys() == whole.keys()
        for method, estimates in part.items():
            assert list(estimates) == separation.targets == list(whole[method])
            for target, audio in estimates.items():
                expected = whole[method][target][:, start:stop]
                np.testing.assert_allclose(audio, expected, atol=1e-6, err_msg=method)


def test_long_tracks_are_separated_whole(rng: np.random.Generator) -> None:
    n_samples = 2 * PIECE_SAMPLES + 77
    sources = {name: rng.standard_normal((1, n_samples)) for name in ("low", "high")}
    track = Track.from_sources("long", 8000, sources)
    stft = STFT()
    estimates = separate(track, "IRM1", stft=stft)
    spectra = stft.forward(np.stack(list(sources.values())))
    mixture = stft.forward(track.mixture)
    masked = masks.ideal_ratio_mask(spectra, mixture, power=1) * mixture
    expected = stft.inverse(masked, n_samples=n_samples)
    np.testing.assert_allclose(np.stack(list(estimates.values())), expected, atol=1e-12)


@st.composite
def extremes(draw: st.DrawFn) -> Track:
    """Whole tracks, or their ends, at 1e-45 to 1e30 of a normal level; in double, 1e-320 too."""
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    n_sources, n_channels = draw(st.integers(1, 3)), draw(st.integers(1, 2))
    n_samples = draw(st.integers(2, 900))
    decades = st.sampled_from([-45, -40, -38, -30, 0, 0, 30, *(dtype == np.float64) * (-320, -160)])
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    common, together = draw(decades), draw(st.booleans())
    audio = []
    for _ in range(n_sources + 1):
        level = common if together else draw(decades)
        decay = np.arange(n_samples) / n_samples * draw(st.sampled_from([0, 10, 45, 330]))
        signal = 10.0 ** (level - decay) * rng.standard_normal((n_channels, n_samples))
        audio.append(signal.astype(dtype))
    sources = {f"source {index}": signal for index, signal in enumerate(audio[1:])}
    if draw(st.booleans()):
        return Track.from_sources("extreme", 8000, sources)
    return Track("extreme", 8000, audio[0], sources)


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(track=extremes(), hop_length=st.sampled_from([32, 16]))
def test_every_method_makes_finite_estimates_at_any_level(track: Track, hop_length: int) -> None:
    stft = STFT(n_fft=64, hop_length=hop_length)
    for method, estimates in separate_each(track, METHODS, stft=stft):
        for estimate in estimates.values():
            assert np.isfinite(estimate).all(), method


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_method_has_its_scores_where_sound_decays_to_nothing(dtype: type) -> None:
    seconds = np.arange(3 * 8000) / 8000
    sources: dict[str, Audio] = {
        name: (0.3 * np.exp(-seconds / 0.02) * np.sin(2 * np.pi * frequency * seconds)).astype(
            dtype
        )[None]
        for name, frequency in (("vocals", 220), ("drums", 330))
    }
    track = Track.from_sources("decaying", 8000, sources)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LooseCeilingWarning)
        rows = score_track(track, BOUNDS, metrics=["SDR", "uSDR", "SI-SDR"]).result
    scores = {row[2:6]: row[-1] for row in rows}
    for method in DEFAULT_METHODS:
        for target in track.targets:
            sdr = [scores[method, target, "SDR", time] for time in (0.0, 1.0, 2.0)]
            assert np.isfinite([*sdr[:2], scores[method, target, "uSDR", None]]).all()
            # SiSEC's epsilon makes silence of it, which has no SDR.
            assert np.isfinite(sdr[2]) or method == "MWF-SISEC18"
    # The first second and the last are proven to a hundredth of a decibel, the loudest and the
    # quietest; between them the best mask is next to perfect.
    for target in track.targets:
        assert np.isfinite(scores["CEILING", target, "SDR", 0.0])
        assert scores["OPT", target, "uSDR", None] < scores["CEILING", target, "uSDR", None]
