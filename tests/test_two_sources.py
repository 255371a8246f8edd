"""Vocals and accompaniment as two sources: the bounds, and where it is said."""

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import RATE, Run, guesses, make_track, noise

import oracle
from oracle import STFT, Track, TracksFailed, compute_bounds, score, score_system, separate
from oracle.datasets import Dataset, Entry
from oracle.datasets.audio_files import write_audio
from oracle.tracks.rest import InputWarning, complete

SOURCES = ("drums", "bass", "vocals")
PAIR = ("vocals", "accompaniment")
NOTE = (
    "Two sources, vocals and accompaniment: drums, bass count as one. Bounds from more sources are "
    "not the same."
)
FAST: dict[str, Any] = {"metrics": ["uSDR"]}


@pytest.fixture
def song() -> Track:
    return make_track("song", *SOURCES)


def with_rest(level: float = 1.0, **options: Any) -> Track:
    """A track whose mixture holds a noise that is in no source."""
    sources = make_track("song", *SOURCES).sources
    mixture = sum(sources.values()) + np.float32(level) * noise(77)
    return Track("song", RATE, mixture, sources, **options)


def dataset_of(*tracks: Track) -> Dataset:
    entries = tuple(Entry(t.name, t.subset, lambda track=t: track) for t in tracks)  # type: ignore[misc]
    return Dataset("tests", entries)


def write_stems(root: Path, track: Track) -> Path:
    for source, audio in track.sources.items():
        write_audio(root / track.name / f"{source}.wav", audio, RATE)
    return root


def test_irm2_is_the_ratio_of_two_powers(song: Track) -> None:
    stft = STFT(n_fft=512)
    v = np.abs(stft.forward(song.sources["vocals"])) ** 2
    a = np.abs(stft.forward(song.sources["drums"] + song.sources["bass"])) ** 2
    mixture = stft.forward(song.mixture)
    estimates = separate(song.join_accompaniment(), "IRM2", stft=stft)
    assert list(estimates) == list(PAIR)
    for target, power in (("vocals", v), ("accompaniment", a)):
        by_hand = stft.inverse(power / (v + a) * mixture, n_samples=song.n_samples)
        np.testing.assert_allclose(estimates[target], by_hand, atol=1e-6)
    several = separate(song, "IRM2", stft=stft)
    for target in PAIR:  # and not what more sources give
        assert np.abs(several[target] - estimates[target]).max() > 0.01


def test_the_sources_are_vocals_and_the_sum_of_all_others(song: Track) -> None:
    pair = song.join_accompaniment()
    assert list(pair.sources) == list(PAIR)
    np.testing.assert_array_equal(pair.sources["vocals"], song.sources["vocals"])
    np.testing.assert_array_equal(pair.sources["accompaniment"], song.targets["accompaniment"])
    np.testing.assert_array_equal(pair.mixture, song.mixture)
    assert (pair.name, pair.subset, pair.rate) == (song.name, song.subset, song.rate)
    assert (pair.mixture_is_sum, pair.rest) == (True, None)
    assert with_rest(rest="refuse").join_accompaniment().rest == "refuse"
    for each in (pair, pair.beginning(1), pickle.loads(pickle.dumps(pair))):
        assert each.joined == ("drums", "bass")
    assert pair.join_accompaniment() is pair


@pytest.mark.parametrize("sources", [("vocals",), ("accompaniment",), PAIR])
def test_a_track_that_has_nothing_to_join_stays_as_it_is(sources: tuple[str, ...]) -> None:
    track = make_track("song", *sources)
    assert track.join_accompaniment() is track


def test_a_track_without_vocals_is_refused() -> None:
    track = make_track("song", "drums", "bass")
    message = "^track must have vocals for the targets vocals and accompaniment, got drums, bass$"
    with pytest.raises(ValueError, match=message):
        track.join_accompaniment()
    dataset = dataset_of(make_track("good", *SOURCES), track).select(targets=PAIR)
    with pytest.raises(TracksFailed, match="1 track failed: song: track must have voc") as caught:
        compute_bounds(dataset, methods=["MIX"], **FAST)
    assert caught.value.results is not None
    assert caught.value.results.tracks["name"].tolist() == ["good"]


@pytest.mark.parametrize(
    ("targets", "error", "message"),
    [
        (
            ("drums", "bass"),
            ValueError,
            "must be vocals and accompaniment, got drums, bass: no oth",
        ),
        (("vocals",), ValueError, "must be vocals and accompaniment, got vocals: no other sources"),
        ((), ValueError, "must be vocals and accompaniment, got none: no other sources are joined"),
        ((*PAIR, "vocals"), ValueError, "got vocals, accompaniment, vocals: no other"),
        ("vocals,accompaniment", TypeError, "must be several names, got the one string 'vocals,a"),
    ],
)
def test_other_targets_are_refused(
    song: Track, targets: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=f"^targets {message}|{message}"):
        dataset_of(song).select(targets=targets)


def test_selections_join_in_any_order(song: Track) -> None:
    dataset = dataset_of(song, make_track("other", *SOURCES, seed=9))
    for selected in (
        dataset.select(targets=PAIR, first=1, seconds=1),
        dataset.select(first=1).select(targets=PAIR[::-1]).select(seconds=1),
        dataset.select(seconds=1)[:1].select(targets=PAIR),
    ):
        assert (len(selected), selected.targets, selected.seconds) == (1, PAIR, 1)
        (track,) = selected
        assert list(track.sources) == list(PAIR)
        assert track.n_samples == RATE
    assert ", as vocals and accompaniment" in dataset.select(targets=PAIR)._repr_html_()
    assert dataset.targets == ()


# The rest of a mixture


def test_a_loud_rest_joins_the_accompaniment() -> None:
    track = with_rest().join_accompaniment()
    completed = complete(track)
    assert list(completed.track.sources) == list(PAIR)
    np.testing.assert_array_equal(completed.track.sources["vocals"], track.sources["vocals"])
    left = track.mixture - track.sources["vocals"]
    np.testing.assert_array_equal(completed.track.sources["accompaniment"], left)
    assert completed.track.joined == ("drums", "bass")
    assert complete(completed.track).track is completed.track
    ignored = complete(track, "ignore").track
    sources = with_rest().sources
    np.testing.assert_array_equal(
        ignored.sources["accompaniment"], sources["drums"] + sources["bass"]
    )
    with pytest.raises(ValueError, match="mixture must be the sum of its sources"):
        complete(track, "refuse")
    quiet = with_rest(1e-3).join_accompaniment()
    assert complete(quiet).track is quiet


def test_a_note_says_where_the_rest_is() -> None:
    track = with_rest().join_accompaniment()
    with pytest.warns(InputWarning) as caught:
        results = compute_bounds(track, methods=["MIX"], **FAST)
    note = str(caught[0].message)
    assert note.endswith("What they do not account for is part of the accompaniment.")
    assert results.notes == (note, NOTE)
    with pytest.warns(InputWarning, match="is part of the accompaniment"):
        separate(track, "MIX")
    with pytest.warns(InputWarning, match="What they do not account for is ignored"):
        compute_bounds(track, methods=["MIX"], rest="ignore", **FAST)


# Runs


def test_tables_files_and_comparisons_say_it(run: Run, tmp_path: Path, song: Track) -> None:
    stems = write_stems(tmp_path / "stems", song)
    for name, options in (("two", ("--targets", "vocals, accompaniment")), ("all", ())):
        command = ("bounds", stems, "--methods", "IRM2", "--metrics", "uSDR", *options)
        status, out, err = run(*command, "--out", tmp_path / name)
        assert (status, err) == (0, "")
        is_two = name == "two"
        assert (NOTE in " ".join(out.split())) == is_two
        said = json.loads((tmp_path / name / "run.json").read_text("utf-8"))
        assert said.get("targets") == (list(PAIR) if is_two else None)
        assert set(said["tracks"][0]["joined"]) == ({"drums", "bass"} if is_two else set())
        assert (NOTE in said["notes"]) == is_two
    compared = oracle.compare([tmp_path / "two", tmp_path / "all"], metrics=["uSDR"])
    expected = "two: bounds from two sources, vocals and accompaniment; those from more sources are"
    assert [note for note in compared.notes if note.startswith(expected)]
    assert not [n for n in oracle.compare([tmp_path / "all"], metrics=["uSDR"]).notes if "two" in n]
    scores = compared.scores.query("target == 'vocals'")["median"]
    assert scores.nunique() == 2


def test_a_run_with_other_targets_is_not_mixed_in(run: Run, tmp_path: Path, song: Track) -> None:
    stems = write_stems(tmp_path / "stems", song)
    command = ("bounds", stems, "--methods", "MIX", "--metrics", "uSDR", "--out", tmp_path / "out")
    assert run(*command).status == 0
    status, _, err = run(*command, "--targets", "vocals,accompaniment")
    assert status == 1
    assert 'targets was null and is now ["vocals", "accompaniment"]' in err


@pytest.mark.slow
def test_every_command_takes_the_targets(
    run: Run, tmp_path: Path, song: Track, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oracle.datasets, "waltz", lambda: song)
    stems = write_stems(tmp_path / "stems", song)
    chosen = ("--targets", "vocals,accompaniment")
    for name in ("waltz", stems):
        out = tmp_path / "out" / Path(name).name
        separated = run("separate", name, *chosen, "--methods", "IRM2", "--out", out / "estimates")
        assert separated.status == 0
        files = {path.name for path in (out / "estimates").rglob("*.wav")}
        assert files == {"vocals.wav", "accompaniment.wav"}
        fast = ("--metrics", "uSDR", *chosen, "--out")
        assert run("bounds", name, "--methods", "IRM2", *fast, out / "bounds").status == 0
        scored = run("score", name, out / "estimates" / "IRM2", *fast, out / "score")
        assert (scored.status, scored.err) == (0, "")
        small = ("--methods", "IRM2", "--n-ffts", "2048", "--overlaps", "0.5")
        assert run("sweep", name, *small, *fast, out / "sweep").status == 0
        tables = [
            (out / job / "bounds.csv").read_text().replace("IRM2-2048-1024", "IRM2")
            for job in ("bounds", "score", "sweep")
        ]
        assert tables[0] == tables[1] == tables[2]
        for job in ("bounds", "score", "sweep"):
            said = json.loads((out / job / "run.json").read_text("utf-8"))
            assert said["targets"] == list(PAIR)
        checked = run("check", name, *chosen, "--methods", "MIX", "--metrics", "uSDR")
        assert checked.status == 0
        assert "vocals, accompaniment" in checked.out
    for name in ("waltz", stems):
        status, _, err = run("bounds", name, "--targets", "vocals,drums")
        assert status == 2
        assert "targets must be vocals and accompaniment, got vocals, drums" in err


def test_estimates_of_joined_sources_are_summed(tmp_path: Path, song: Track) -> None:
    pair = song.join_accompaniment()
    estimates = guesses(song, *SOURCES)
    for target, audio in estimates.items():
        write_audio(tmp_path / "est" / f"{target}.wav", audio, RATE)
    summed = {
        "vocals": estimates["vocals"],
        "accompaniment": estimates["drums"] + estimates["bass"],
    }
    expected = score(pair, summed, name="est", **FAST)
    for results in (
        score(pair, estimates, name="est", **FAST),
        score_system(pair, tmp_path / "est", **FAST),
    ):
        assert results.scores.equals(expected.scores)
        assert results.notes == (NOTE,)
    own = estimates | {"accompaniment": noise(5)}  # what is given comes first
    given = {"vocals": estimates["vocals"], "accompaniment": noise(5)}
    assert score(pair, own, **FAST).scores.equals(score(pair, given, **FAST).scores)
    (tmp_path / "est" / "bass.wav").unlink()
    results = score_system(pair, tmp_path / "est", **FAST)
    assert results.table["target"].tolist() == ["vocals"]
    assert results.notes == (NOTE, "No estimate of accompaniment in song.")
    message = "at least one target of the track, vocals, accompaniment, got drums"
    with pytest.raises(ValueError, match=message):
        score(pair, {"drums": noise()}, **FAST)


def test_vocals_alone_are_scored_where_a_rest_has_joined() -> None:
    track = with_rest().join_accompaniment()
    results = score(track, {"vocals": track.mixture}, **FAST)
    assert results.table["target"].tolist() == ["vocals"]
    assert results.notes[-1] == "No estimate of accompaniment in song."
    both = score(track, {"vocals": noise(), "accompaniment": track.mixture}, **FAST)
    left = track.mixture - track.sources["vocals"]
    expected = oracle.metrics.usdr(left[None], track.mixture[None])
    assert both.table.set_index("target")["median"]["accompaniment"] == expected


def test_notes_of_tracks_with_other_sources_name_none() -> None:
    tracks = [make_track("a", *SOURCES), make_track("b", "organ", "vocals", seed=9)]
    (note,) = compute_bounds(
        [track.join_accompaniment() for track in tracks], methods=["MIX"], **FAST
    ).notes
    assert note.startswith("Two sources, vocals and accompaniment: all other sources count as one.")
