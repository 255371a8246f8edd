"""The rest of a mixture: what is in it and in no source, why, and what becomes of it."""

import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import oracle
from oracle import (
    Track,
    TracksFailed,
    compute_bounds,
    compute_sweep,
    score_system,
    separate,
    write_estimates,
)
from oracle.datasets import Dataset, Entry, LeftOut
from oracle.datasets.audio_files import write_audio
from oracle.runs.notes import describe_input
from oracle.runs.track_info import TrackInfo
from oracle.tracks.rest import InputWarning, Unexplained, complete, find_unexplained
from oracle.tracks.track import Audio, Rest, add_up

RATE = 8000


def noises(*names: str, n_samples: int = 2 * RATE, n_channels: int = 2) -> dict[str, Audio]:
    rng = np.random.default_rng(7)
    shape = (len(names), n_channels, n_samples)
    return dict(zip(names, (0.1 * rng.standard_normal(shape)).astype(np.float32), strict=True))


def track_of(
    mixture: Audio, sources: dict[str, Audio], name: str = "song", rest: Rest | None = None
) -> Track:
    return Track(name, RATE, mixture, sources, rest=rest)


def with_more(*names: str, level: float = 1.0, rest: Rest | None = None) -> tuple[Track, Audio]:
    """A track whose mixture has one noise more; and this."""
    sources = noises(*names, "more")
    more = np.float32(level) * sources.pop("more")
    return track_of(sum(sources.values()) + more, sources, rest=rest), more


# What becomes of it


def test_what_is_left_counts_as_one_more_source() -> None:
    track, more = with_more("drums", "vocals")
    completed = complete(track)
    assert list(completed.track.sources) == ["drums", "vocals", "rest"]
    np.testing.assert_allclose(completed.track.sources["rest"], more, atol=1e-7)
    assert completed.given is track
    assert completed.added == "rest"
    assert completed.unexplained is not None
    assert completed.unexplained.level == pytest.approx(-4.8, abs=0.1)
    assert completed.unexplained.mistake == ""
    assert list(completed.track.targets) == ["drums", "vocals", "rest", "accompaniment"]
    accompaniment = track.mixture - track.sources["vocals"]
    np.testing.assert_allclose(completed.track.targets["accompaniment"], accompaniment, atol=1e-6)


@pytest.mark.parametrize(
    ("source", "name"), [("vocals", "accompaniment"), ("accompaniment", "vocals")]
)
def test_beside_one_of_the_two_it_is_the_other(source: str, name: str) -> None:
    track, more = with_more(source)
    completed = complete(track).track
    assert list(completed.targets) == [source, name]
    np.testing.assert_allclose(completed.sources[name], more, atol=1e-7)


def test_a_complete_track_is_complete() -> None:
    track, _ = with_more("a", "b")
    once = complete(track)
    again = complete(once.track)
    assert again.track is once.track
    assert (again.added, again.unexplained) == (None, None)


@pytest.mark.parametrize(("level", "added"), [(-24.0, "rest"), (-26.0, None)])
def test_it_counts_from_25_db_below_the_mixture(level: float, added: str | None) -> None:
    sources = noises("a", "b", "more")
    more = sources.pop("more")
    total = sum(sources.values())
    # Relative to the mixture, of which it is a part.
    share = 10 ** (level / 10)
    gain = np.sqrt(share / (1 - share) * np.square(total).sum() / np.square(more).sum())
    track = track_of(total + np.float32(gain) * more, sources)
    assert track.mixing.unexplained == pytest.approx(level, abs=0.1)
    assert complete(track).added == added


def test_a_track_may_say_what_becomes_of_it_and_a_caller_decides() -> None:
    for by_track in (None, "source", "ignore", "refuse"):
        track, _ = with_more("a", "b", rest=by_track)
        assert complete(track, "source").added == "rest"
        assert complete(track, "ignore").track is track
        with pytest.raises(ValueError, match="mixture must be the sum of its sources"):
            complete(track, "refuse")
    assert complete(with_more("a", rest="ignore")[0]).added is None
    assert complete(with_more("a", rest="source")[0]).added == "rest"
    with pytest.raises(ValueError, match="mixture must be the sum of its sources"):
        complete(with_more("a", rest="refuse")[0])


def test_a_track_takes_its_choice_along() -> None:
    track, _ = with_more("a", rest="ignore")
    assert track.beginning(1).rest == "ignore"
    assert pickle.loads(pickle.dumps(track)).rest == "ignore"


def test_a_refusal_says_how_loud_it_is_and_what_to_do() -> None:
    track, _ = with_more("a", "b")
    message = (
        r"^mixture must be the sum of its sources, got one with sound at -4\.\d dB that is in no "
        r"source: add what is missing, or choose --rest source \(the difference becomes a source\) "
        r"or --rest ignore, in Python rest='source' or 'ignore'$"
    )
    with pytest.raises(ValueError, match=message):
        complete(track, "refuse")


def test_a_source_called_rest_is_in_the_way() -> None:
    track, _ = with_more("a", "rest")
    message = (
        r"^sources must not be called rest where .* got a, rest: rename that source, or ignore "
        r"the rest of the mixture \(--rest ignore, in Python rest='ignore'\)$"
    )
    with pytest.raises(ValueError, match=message):
        complete(track)
    assert complete(track, "ignore").added is None


@pytest.mark.parametrize("rest", ["sources", "", "Source"])
def test_other_choices_are_refused_wherever_there_is_one(tmp_path: Path, rest: Any) -> None:
    track, _ = with_more("a")
    message = f"^rest must be one of source, ignore, refuse, got {rest!r}$"
    with pytest.raises(ValueError, match=message):
        complete(track, rest)
    with pytest.raises(ValueError, match=message):
        Track("t", RATE, track.mixture, track.sources, rest=rest)
    with pytest.raises(ValueError, match=message):
        compute_bounds(track, methods=["MIX"], rest=rest)
    with pytest.raises(ValueError, match=message):
        oracle.compute_sweep(track, methods=["MIX"], rest=rest)
    with pytest.raises(ValueError, match=message):
        oracle.score_system(track, tmp_path, rest=rest)
    with pytest.raises(ValueError, match=message):
        write_estimates(track, tmp_path / "out", methods=["MIX"], rest=rest)
    with pytest.raises(ValueError, match=message):
        oracle.check(track, methods=["MIX"], rest=rest)
    with pytest.raises(ValueError, match=message):
        separate(track, "MIX", rest=rest)


@pytest.mark.filterwarnings("ignore::oracle.tracks.rest.InputWarning")
@pytest.mark.parametrize("upside_down", [False, True])
@pytest.mark.parametrize("rest", [None, "source", "ignore", "refuse"])
def test_everything_makes_the_same_of_a_choice(
    tmp_path: Path, upside_down: bool, rest: Rest | None
) -> None:
    track, _ = with_more("a", "b")
    if upside_down:
        track = track_of(-add_up(track.sources.values()), dict(track.sources))
    options: dict[str, Any] = {"methods": ["MIX"], "rest": rest}
    if rest == "refuse" or (upside_down and rest is None):
        with pytest.raises(TracksFailed, match="1 track failed"):
            compute_bounds(track, metrics=["uSDR"], **options)
        with pytest.raises(TracksFailed, match="1 track failed"):
            compute_sweep(track, n_ffts=[64], overlaps=[0.5], metrics=["uSDR"], **options)
        with pytest.raises(TracksFailed, match="1 track failed"):
            write_estimates(track, tmp_path / "out", **options)
        assert oracle.check(track, metrics=["uSDR"], **options).tracks[0].refused
        return
    expected = ["a", "b", "rest"] if rest != "ignore" else ["a", "b"]
    bounds = compute_bounds(track, metrics=["uSDR"], **options).table
    assert list(bounds["target"]) == expected
    swept = compute_sweep(track, n_ffts=[64], overlaps=[0.5], metrics=["uSDR"], **options).table
    assert list(swept["target"]) == expected
    assert list(separate(track, "MIX", rest=rest)) == expected
    write_estimates(track, tmp_path / "out", **options)
    written = tmp_path / "out/MIX/test/song"
    assert sorted(file.stem for file in written.iterdir()) == expected
    scored = score_system(track, written, metrics=["uSDR"], rest=rest).table
    assert list(scored["target"]) == expected
    np.testing.assert_allclose(scored["median"], bounds["median"], atol=1e-4)
    assert not oracle.check(track, metrics=["uSDR"], **options).tracks[0].refused


# Mistakes


def mistaken(change: Callable[..., Audio]) -> Unexplained | None:
    """Find out what is wrong with a mixture that is made of the sum and the sources."""
    sources = noises("a", "b")
    return find_unexplained(track_of(change(sum(sources.values()), sources), sources))


def late(audio: Audio, n_samples: int) -> Audio:
    moved = np.zeros_like(audio)
    if n_samples > 0:
        moved[:, n_samples:] = audio[:, :-n_samples]
    else:
        moved[:, :n_samples] = audio[:, -n_samples:]
    return moved


@pytest.mark.parametrize(
    ("change", "mistake", "remedy"),
    [
        (lambda x, s: 0.5 * x, r"0\.5 x their sum \(-6\.0 dB\)", "multiply the mixture by 2"),
        (lambda x, s: 2 * x, r"2 x their sum \(\+6\.0 dB\)", r"multiply the mixture by 0\.5"),
        (lambda x, s: -x, "their sum upside down", "multiply the mixture by -1"),
        (lambda x, s: -0.5 * x, r"-0\.5 x their sum \(-6\.0 dB\)", "multiply the mixture by -2"),
        (lambda x, s: 0 * x, "silence", "export the mixture again"),
        (
            lambda x, s: late(x, 1),
            "their sum 1 sample late",
            "cut the first 1 sample of the mixture and the last 1 sample of the sources",
        ),
        (
            lambda x, s: late(x, 37),
            "their sum 37 samples late",
            "cut the first 37 samples of the mixture",
        ),
        (
            lambda x, s: late(x, -9),
            "their sum 9 samples early",
            "cut the first 9 samples of the sources and the last 9 samples of the mixture",
        ),
        (
            lambda x, s: -0.5 * late(x, 99),
            r"their sum 99 samples late, x -0\.5",
            "cut the first 99 .* of the mixture .*, and multiply the mixture by -2",
        ),
        (lambda x, s: x[::-1], "their sum with its channels swapped", "swap the channels"),
        (lambda x, s: 0.3 * x[::-1], r"their sum .* swapped, x 0\.3", "swap the channels"),
        (lambda x, s: x - s["b"], "their sum without b", "leave b out, or mix it in"),
        (
            lambda x, s: x[:, ::-1],
            "something else, in which they are not heard",
            "find the mixture of these sources",
        ),
        (
            lambda x, s: np.stack([x[0], -x[1]]),
            "something else, in which they are not heard",
            "find the mixture of these sources",
        ),
        (lambda x, s: 0.01 * x, r"0\.01 x their sum \(-40\.0 dB\)", "multiply the mixture by 100"),
        (lambda x, s: x - 2 * s["a"], r"them at other gains \(a x -1\.00\)", "bring the sources"),
    ],
)
def test_a_mistake_is_named_with_its_remedy(
    change: Callable[..., Audio], mistake: str, remedy: str
) -> None:
    found = mistaken(change)
    assert found is not None
    assert re.fullmatch(mistake, found.mistake)
    assert re.search(remedy, found.remedy)


def test_a_mistake_is_refused_unless_the_caller_chooses() -> None:
    sources = noises("a", "b")
    track = track_of(0.5 * (sources["a"] + sources["b"]), sources)
    message = (
        r"^mixture must be the sum of its sources, got 0\.5 x their sum \(-6\.0 dB\): multiply "
        r"the mixture by 2, or choose --rest source \(the difference becomes a source\) or --rest "
        r"ignore, in Python rest='source' or 'ignore'$"
    )
    with pytest.raises(ValueError, match=message):
        complete(track)
    with pytest.raises(ValueError, match=message):
        separate(track, "MIX")
    assert complete(track, "ignore").added is None
    assert complete(track, "source").added == "rest"


@pytest.mark.parametrize("level", [-20.0, -17.0])
def test_a_mistake_is_found_under_noise(level: float) -> None:
    """As that of an MP3 decoder, which comes late."""
    sources = noises("a", "b", "noise")
    noise = sources.pop("noise")
    total = sources["a"] + sources["b"]
    hiss = np.float32(np.sqrt(2) * 10 ** (level / 20)) * noise
    found = find_unexplained(track_of(late(total, 1105) + hiss, sources))
    assert found is not None
    assert found.mistake == "their sum 1105 samples late"


def test_what_only_lowers_the_rest_a_little_is_no_mistake() -> None:
    sources = noises("a", "b", "more")
    more = sources.pop("more")
    found = find_unexplained(
        track_of(0.9 * (sources["a"] + sources["b"]) + np.float32(0.2) * more, sources)
    )
    assert found is not None
    assert found.mistake == ""


def test_mono_and_short_tracks_are_examined() -> None:
    sources = noises("a", n_samples=5, n_channels=1)
    found = find_unexplained(track_of(-sources["a"], sources))
    assert found is not None
    assert found.mistake == "their sum upside down"


def test_silent_sources_explain_nothing() -> None:
    sources = noises("a")
    track = track_of(sources["a"], {"x": np.zeros_like(sources["a"])})
    assert find_unexplained(track) == Unexplained(0.0)


# Wherever tracks are worked on


@pytest.mark.filterwarnings("ignore::oracle.tracks.rest.InputWarning")
def test_bounds_are_those_of_a_track_with_all_its_sources() -> None:
    track, more = with_more("drums", "vocals")
    whole = track_of(track.mixture, {**track.sources, "rest": more})
    options: dict[str, Any] = {"methods": ["MIX", "IRM2", "IBM"], "metrics": ["SDR", "uSDR"]}
    table = compute_bounds(track, **options).table
    expected = compute_bounds(whole, **options).table
    assert list(table["target"]) == list(expected["target"])
    np.testing.assert_allclose(table["median"], expected["median"], atol=1e-3)
    ignored = compute_bounds(track, rest="ignore", **options).table
    assert "rest" not in set(ignored["target"])
    assert ignored["median"].max() < table["median"].max()


def test_separate_says_that_there_is_one_source_more() -> None:
    track, _ = with_more("drums", "vocals")
    message = (
        "^The mixture of song holds more than its sources. What they do not account for counts as "
        "one more source, rest.$"
    )
    with pytest.warns(InputWarning, match=message):
        estimates = separate(track, "IRM2")
    assert list(estimates) == ["drums", "vocals", "rest", "accompaniment"]
    assert list(separate(track, "IRM2", rest="ignore")) == ["drums", "vocals", "accompaniment"]


def test_what_is_separated_can_be_scored(tmp_path: Path) -> None:
    track, _ = with_more("drums", "vocals")
    with pytest.warns(InputWarning):
        write_estimates(track, tmp_path / "est", methods=["IRM2"])
    with pytest.warns(InputWarning):
        table = oracle.score_system(track, tmp_path / "est" / "IRM2", metrics=["uSDR"]).table
    with pytest.warns(InputWarning):
        bounds = compute_bounds(track, methods=["IRM2"], metrics=["uSDR"]).table
    np.testing.assert_allclose(table["median"], bounds["median"], rtol=1e-6)
    assert list(table["target"]) == ["drums", "vocals", "rest", "accompaniment"]


def test_a_system_need_not_know_of_the_rest(tmp_path: Path) -> None:
    track, _ = with_more("drums", "vocals")
    for name, audio in track.sources.items():
        write_audio(tmp_path / "est" / f"{name}.wav", audio, RATE)
    with pytest.warns(InputWarning, match="What they do not account for is ignored"):
        table = oracle.score_system(track, tmp_path / "est", metrics=["uSDR"]).table
    assert list(table["target"]) == ["drums", "vocals"]  # no accompaniment is all but the vocals
    write_audio(tmp_path / "est" / "accompaniment.wav", track.mixture, RATE)
    with pytest.warns(InputWarning, match="account for counts as one more source, rest"):
        table = oracle.score_system(track, tmp_path / "est", metrics=["uSDR"]).table
    accompaniment = track.mixture - track.sources["vocals"]
    expected = oracle.metrics.usdr(accompaniment[None], track.mixture[None])
    assert table.set_index("target")["median"]["accompaniment"] == pytest.approx(expected[0])


def test_a_refused_track_fails_by_name_and_the_others_are_done() -> None:
    good, _ = with_more("a", level=0)
    bad = track_of(-good.mixture, dict(good.sources), name="wrong way round")
    with pytest.raises(TracksFailed) as caught:
        compute_bounds([good, bad], methods=["MIX"], metrics=["uSDR"])
    (failure,) = caught.value.failures
    assert str(failure).startswith("wrong way round: mixture must be the sum of its sources")
    assert caught.value.results is not None
    assert set(caught.value.results.table["n_tracks"]) == {1}


# Notes


def info(name: str, **facts: Any) -> TrackInfo:
    return TrackInfo(name, "test", RATE, 2, 100, "as delivered", **facts)


@pytest.mark.parametrize(
    ("infos", "note"),
    [
        (
            [info("a", unexplained=-3.2, rest="rest")],
            "The mixture of a holds more than its sources, at -3.2 dB of the mixture. What they do "
            "not account for counts as one more source, rest.",
        ),
        (
            [info("a", unexplained=-3.2, rest="accompaniment")],
            "The mixture of a holds more than its sources, at -3.2 dB of the mixture. What they do "
            "not account for is the accompaniment.",
        ),
        (
            [info(name, unexplained=-20.0, rest="ignored") for name in "abcde"],
            "5 mixtures hold more than their sources, in dB of the mixture: a (-20.0 dB), b (-20.0 "
            "dB), c (-20.0 dB) and 2 more. What they do not account for is ignored.",
        ),
        (
            [info("a", unexplained=6.0, mistake="their sum upside down", rest="ignored")],
            "The mixture of a is not the sum of its sources, but their sum upside down. What they "
            "do not account for is ignored.",
        ),
        (
            [info(n, unexplained=6.0, mistake="silence", rest="ignored") for n in "ab"],
            "2 mixtures are not the sum of their sources, but silence: a, b. What they do not "
            "account for is ignored.",
        ),
    ],
)
def test_notes_name_the_tracks_and_what_becomes_of_the_rest(
    infos: list[TrackInfo], note: str
) -> None:
    assert describe_input([info("good", unexplained=-31.6), *infos], ()) == [note]


def test_a_note_names_what_is_not_read() -> None:
    left_out = [LeftOut(Path(f"x{i}.wav"), "audio") for i in range(10)]
    (note,) = describe_input([], left_out)
    assert note.startswith("Not read: x0.wav (audio), x1.wav (audio), ")
    assert note.endswith("x7.wav (audio) and 2 more.")


def test_notes_are_in_the_results_and_said() -> None:
    track, _ = with_more("a", "b")
    left_out = (LeftOut(Path("c.bak"), "audio file"),)
    dataset = Dataset("d", (Entry("song", "test", lambda: track),), left_out=left_out)
    with pytest.warns(InputWarning) as caught:
        results = compute_bounds(dataset, methods=["MIX"], metrics=["uSDR"])
    assert [str(warning.message) for warning in caught] == list(results.notes)
    assert results.notes[1] == "Not read: c.bak (audio file)."
