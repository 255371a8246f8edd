"""Scoring the separated audio of any system: `score_system` and `oracle score`."""

import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile
from conftest import (
    N_SAMPLES,
    RATE,
    Outcome,
    Run,
    contents,
    dataset_with,
    guesses,
    make_track,
    noise,
)

import oracle
from oracle import Track, TracksFailed, datasets, score_system
from oracle.datasets import Dataset, Entry
from oracle.jobs.estimate_files import ExtraEstimatesWarning
from oracle.metrics import IllConditionedWarning
from oracle.metrics.names import ALL_METRICS, GLOBAL, METRICS, MUSEVAL, REGULARIZED
from oracle.metrics.scorer import Scorer
from oracle.results.tables import Row, aggregate, read_scores, tidy
from oracle.runs.progress import Progress
from oracle.tracks.rest import InputWarning
from oracle.tracks.track import Audio

# These need no filters, and hardly any time.
FAST = ("SDR", "uSDR", "SI-SIR")
SOURCES = ("vocals", "drums", "bass")
ROCK = "Music Delta - 80s Rock"


@pytest.fixture(autouse=True)
def in_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run everything in the temporary folder."""
    monkeypatch.chdir(tmp_path)


def write(
    folder: Path, audio: Mapping[str, Audio], *, suffix: str = "wav", rate: int = RATE
) -> Path:
    """Write files of these names."""
    folder.mkdir(parents=True, exist_ok=True)
    subtype = "FLOAT" if suffix == "wav" else None
    for name, signal in audio.items():
        soundfile.write(folder / f"{name}.{suffix}", signal.T, rate, subtype)
    return folder


def table_of(
    scored: Iterable[tuple[Track, Mapping[str, Audio]]],
    *,
    method: str = "est",
    metrics: Sequence[str] = FAST,
) -> pd.DataFrame:
    """Score arrays: what the table of files with the same audio must be."""
    rows: list[Row] = []
    for track, estimates in scored:
        references = {name: track.targets[name] for name in estimates}
        scores = Scorer(references, rate=track.rate, metrics=metrics).score(estimates)
        rows += [(track.name, track.subset, method, *score) for score in scores]
    return aggregate(tidy(rows))


def assert_same(table: pd.DataFrame, other: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(table, other, check_exact=True)


def failure_of(track: Track, estimates: Path, **options: Any) -> str:
    """Score estimates that fail, and return why."""
    with pytest.raises(TracksFailed) as caught:
        score_system(track, estimates, metrics=FAST, **options)
    (failure,) = caught.value.exceptions
    name, _, reason = str(failure).partition(": ")
    assert name == track.name
    return reason


def decimals(out: str) -> list[str]:
    """The scores in a printed table."""
    return re.findall(r"-?\d+\.\d\d\b|\bnan\b", out)


@pytest.fixture
def stems(tmp_path: Path) -> Path:
    """A folder of two tracks."""
    for seed, name in enumerate(("one", "two")):
        write(tmp_path / "stems" / name, make_track(name, "drums", "vocals", seed=9 * seed).sources)
    return tmp_path / "stems"


@pytest.fixture
def est(tmp_path: Path, stems: Path) -> Path:
    """A folder of estimates of all targets of the two tracks."""
    for track in datasets.folder(stems):
        write(tmp_path / "est" / track.name, guesses(track))
    return tmp_path / "est"


# The bounds as a system


def score_what_was_separated(run: Run, *dataset: object, metrics: str | None = None) -> Outcome:
    """Run `bounds`, and `separate` and `score`: check that they say and write the same."""
    shown = () if metrics is None else ("--metrics", metrics)
    bounds = run("bounds", *dataset, "--methods", "IRM2", *shown, "--out", "bounds")
    assert (bounds.status, bounds.err) == (0, "")
    assert run("separate", *dataset, "--methods", "IRM2,MIX", "--out", "separated").status == 0
    name, *options = dataset
    score = run("score", name, "separated/IRM2", *options, *shown, "--out", "scored")
    assert (score.status, score.err) == (0, "")
    assert score.out.endswith("Written to scored\n")
    assert decimals(score.out) == decimals(bounds.out) != []

    ours, theirs = contents(Path("scored")), contents(Path("bounds"))
    assert "figures/index.html" in theirs  # of bounds alone
    theirs = {name: data for name, data in theirs.items() if not name.startswith("figures/")}
    assert any(path.startswith("IRM2/") for path in ours)
    for files in (ours, theirs):  # which say what the scores were made of
        for file in [name for name in files if re.fullmatch(r"run\.json|tracks/.*\.json", name)]:
            files[file] = b""
    assert ours == theirs
    return score


@pytest.fixture
def settings_of() -> Callable[[Path], dict[str, Any]]:
    """Read what ``run.json`` says beside the versions and the times."""

    def read(out: Path) -> dict[str, Any]:
        run_ = json.loads((out / "run.json").read_text(encoding="utf-8"))
        for key in ("versions", "started", "finished"):
            assert run_.pop(key)
        assert isinstance(run_, dict)
        return run_

    return read


def test_estimates_of_separate_have_the_scores_of_bounds(run: Run) -> None:
    write(Path("stem"), make_track("stem", "drums", "vocals", n_channels=1).sources)
    score_what_was_separated(run, "stem")
    scores = read_scores("scored/scores.csv")
    assert set(scores["metric"]) == set(METRICS)
    assert scores["score"].notna().all()


def test_estimates_of_the_waltz_have_the_scores_of_bounds(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = datasets.waltz()
    sources = {name: audio[:, 220500:330750] for name, audio in whole.sources.items()}
    short = Track.from_sources(whole.name, whole.rate, sources)
    monkeypatch.setattr(datasets, "waltz", lambda: short)
    outcome = score_what_was_separated(run, "waltz", metrics="SDR,SI-SDR,SI-SIR,SRR,uSDR")
    assert "separated/IRM2" in outcome.out
    assert json.loads(Path("scored/run.json").read_text(encoding="utf-8"))["dataset"] is None


@pytest.mark.slow
@pytest.mark.usefixtures("ffmpeg")
def test_estimates_of_musdb18_have_the_scores_of_bounds(run: Run, shared: Path) -> None:
    root = shared / "data" / "musdb18-7"
    dataset = ("musdb18", "--root", root, "--subset", "train")
    score_what_was_separated(run, *dataset, metrics="SDR")
    assert f"IRM2/train/{ROCK}.json" in contents(Path("scored"))


def test_estimates_of_a_folder_have_the_scores_of_bounds(run: Run) -> None:
    for seed, (name, part) in enumerate((("one", "train"), ("two", "test"))):
        track = make_track(name, "drums", "vocals", seed=9 * seed, n_channels=1)
        write(Path("stems") / part / name, track.sources)
    outcome = score_what_was_separated(run, "stems", metrics=",".join(("SDR", *REGULARIZED)))
    assert "2 tracks (1 train, 1 test)" in outcome.out
    scores = read_scores("scored/scores.csv")
    assert set(scores["metric"]) == {"SDR", *REGULARIZED}
    assert scores["score"].notna().all()
    assert {"IRM2/train/one.json", "IRM2/test/two.json"} <= contents(Path("scored")).keys()


def test_run_json_says_what_was_done(
    run: Run, stems: Path, est: Path, settings_of: Callable[[Path], dict[str, Any]]
) -> None:
    assert run("score", stems, est, "--metrics", "uSDR,SDR", "--out", "out").status == 0
    shape = {"subset": "test", "rate": RATE, "n_channels": 2, "n_samples": N_SAMPLES}
    assert settings_of(Path("out")) == {
        "task": "score",
        "dataset": "stems",
        "methods": ["est"],
        "metrics": ["uSDR", "SDR"],
        "estimates": str(est),
        "fit_length": False,
        "permute": False,
        "rest": None,
        "aggregation": "median over windows, then median and mean over tracks",
        "window_seconds": 1.0,
        "tracks": [
            {"name": name, **shape, "mixture": "sum of the sources", "warnings": []}
            | {"unexplained": None, "mistake": "", "rest": "", "silent": [], "redundant": []}
            | {"alone": False, "joined": [], "missing": [], "assigned": {}}
            for name in ("one", "two")
        ],
        "notes": [],
        "left_out": [],
        "root": str(stems.resolve()),
        "seconds": None,
        "files": ["bounds.csv", "est", "failed.json", "scores.csv", "tracks"],
    }


def test_command_writes_and_prints_what_python_returns(run: Run, stems: Path, est: Path) -> None:
    options = ("--metrics", ", ".join(FAST), "--out", "out")
    status, out, err = run("score", stems, est, *options)
    assert (status, err) == (0, "")
    results = score_system(datasets.folder(stems), est, metrics=FAST)
    table = results.table
    assert_same(table, table_of((track, guesses(track)) for track in datasets.folder(stems)))
    assert repr(results) in "\n".join(line.rstrip() for line in out.splitlines())
    written = pd.read_csv("out/bounds.csv")
    pd.testing.assert_frame_equal(written, table, check_dtype=False, rtol=1e-12)
    assert_same(aggregate(read_scores("out/scores.csv")), table)
    expected = {f"{value:.2f}" for value in [*table["median"], *table["mean"]]}
    assert set(decimals(out)) == expected
    assert "2 tracks: median / mean over tracks." in out
    for word in (*FAST, "drums", "vocals", "accompaniment", f"Estimates: {est}."):
        assert word in " ".join(out.split())


@pytest.mark.filterwarnings("ignore")  # museval's own
@pytest.mark.usefixtures("ffmpeg")
def test_museval_reads_the_scores_of_the_system(tmp_path: Path) -> None:
    import museval

    track = make_track("song", "drums", "vocals", n_channels=1)
    write(tmp_path / "est", guesses(track))
    table = score_system(track, tmp_path / "est", metrics=MUSEVAL, out=tmp_path / "out").table
    store = museval.MethodStore()
    store.add_eval_dir(tmp_path / "out" / "est")
    medians = store.agg_frames_tracks_scores()
    assert len(table) == 3 * len(MUSEVAL)
    for row in table.itertuples():
        theirs = medians["est", row.target, row.metric]
        assert theirs == pytest.approx(row.median, abs=1e-5)


# Names


@pytest.mark.parametrize("place", ["test/song", "song", "."])
def test_estimates_of_a_track_lie_in_these_folders(tmp_path: Path, place: str) -> None:
    track = make_track()
    write(tmp_path / "est" / place, guesses(track))
    table = score_system(track, tmp_path / "est", metrics=FAST).table
    assert_same(table, table_of([(track, guesses(track))]))


@pytest.mark.parametrize("place", ["test/song", "song", "."])
def test_estimates_of_a_folder_with_one_track_lie_in_these_folders(run: Run, place: str) -> None:
    track = make_track()
    write(Path("song"), track.sources)
    write(Path("est") / place, guesses(track))
    status, out, err = run("score", "song", "est", "--metrics", ",".join(FAST))
    assert (status, err) == (0, "")
    expected = table_of([(track, guesses(track))])["median"]
    assert sorted(decimals(out)) == sorted(f"{value:.2f}" for value in expected)


def test_the_folder_of_the_subset_comes_first(tmp_path: Path) -> None:
    tracks = [make_track(), make_track(seed=50, subset="train")]
    write(tmp_path / "est" / "song", guesses(tracks[0], seed=7))
    for track in tracks:
        write(tmp_path / "est" / track.subset / "song", guesses(track))
    table = score_system(tracks, tmp_path / "est", metrics=FAST).table
    assert_same(table, table_of((track, guesses(track)) for track in tracks))


def test_a_flat_folder_is_of_none_of_two_tracks_of_one_name(tmp_path: Path) -> None:
    track = make_track()
    dataset = Dataset(
        "two", tuple(Entry("song", subset, make_track) for subset in ("train", "test"))
    )
    write(tmp_path / "est" / "song", guesses(track))
    with pytest.raises(TracksFailed, match="2 tracks failed") as caught:
        score_system(dataset, tmp_path / "est", metrics=FAST)
    message = (
        "audio files of song (test/song/TARGET.wav, test/song_TARGET.wav or test/TARGET/song.wav, "
        "as other subsets have a track of that name), got"
    )
    assert message in str(caught.value.exceptions[1])


def test_the_folder_of_another_track_is_not_taken_for_ones_own(tmp_path: Path) -> None:
    dataset = dataset_with(("Song", "song"), (lambda: make_track("Song"), make_track))
    write(tmp_path / "est" / "Song", guesses(make_track("Song")))
    with pytest.raises(TracksFailed, match="1 track failed") as caught:
        score_system(dataset, tmp_path / "est", metrics=FAST)
    assert "estimates must hold audio files of song (song/TARGET.wav, " in str(
        caught.value.exceptions[0]
    )


def test_files_in_the_folder_itself_are_of_no_track_among_several(tmp_path: Path) -> None:
    tracks = [make_track("one"), make_track("two", seed=50)]
    dataset = dataset_with(("one", "two"), (lambda: tracks[0], lambda: tracks[1]))
    write(tmp_path / "est", guesses(tracks[0]))
    with pytest.raises(TracksFailed, match="2 tracks failed"):
        score_system(tracks, tmp_path / "est", metrics=FAST)
    expected = (
        r"no reference for accompaniment\.wav, bass\.wav, drums\.wav, vocals\.wav: estimates are "
        r"called TRACK/TARGET\.wav, TRACK_TARGET\.wav, 'TRACK - TARGET\.wav' or TARGET/TRACK\.wav"
    )
    extra = pytest.warns(ExtraEstimatesWarning, match=expected)
    with extra, pytest.raises(TracksFailed, match="2 tracks failed"):
        score_system(dataset, tmp_path / "est", metrics=FAST)


def test_a_folder_without_audio_does_not_hide_another(tmp_path: Path) -> None:
    track = make_track()
    (tmp_path / "est" / "test" / "song").mkdir(parents=True)
    write(tmp_path / "est" / "song", guesses(track))
    assert_same(
        score_system(track, tmp_path / "est", metrics=FAST).table,
        table_of([(track, guesses(track))]),
    )


def test_estimates_may_be_flac(tmp_path: Path) -> None:
    track = make_track()
    write(tmp_path / "est", guesses(track), suffix="flac")
    (tmp_path / "est" / "vocals.flac").unlink()
    write(tmp_path / "est", guesses(track, "vocals"))
    estimates = guesses(track) | guesses(track, "vocals")
    table = score_system(track, tmp_path / "est", metrics=FAST).table
    assert_same(table, table_of([(track, estimates)]))


def test_estimates_need_not_be_in_the_order_of_the_references(tmp_path: Path) -> None:
    track = make_track("song", "zither", "vocals", "accordion")
    write(tmp_path / "est", guesses(track))
    table = score_system(track, tmp_path / "est", metrics=FAST).table
    assert list(dict.fromkeys(table["target"])) == [
        "zither",
        "vocals",
        "accordion",
        "accompaniment",
    ]
    assert_same(table, table_of([(track, guesses(track))]))


def test_names_are_encoded_as_separate_encodes_them(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    track = make_track("AC/DC", "a/b", "vocals", "100%", subset="of: all")
    monkeypatch.setattr(datasets, "waltz", lambda: track)
    score_what_was_separated(run, "waltz", metrics="SDR,uSDR")
    assert "separated/IRM2/of%3A all/AC%2FDC/a%2Fb.wav" in contents(Path())
    scores = read_scores("scored/scores.csv")
    assert set(scores["track"]) == {"AC/DC"}
    assert set(scores["target"]) == {"a/b", "vocals", "100%", "accompaniment"}


@pytest.mark.parametrize("place", ["test/100%", "test/100%25", "100%", "100%25"])
def test_the_folder_of_a_track_may_have_its_name_as_it_is(tmp_path: Path, place: str) -> None:
    track = make_track("100%")
    write(tmp_path / "est" / place, guesses(track))
    table = score_system(track, tmp_path / "est", metrics=FAST).table
    assert_same(table, table_of([(track, guesses(track))]))


def test_capitals_and_a_mixture_do_no_harm(tmp_path: Path) -> None:
    track = make_track("song", "Guitar", "drums", "vocals")
    names = {
        "Guitar": "Guitar",
        "drums": "DRUMS",
        "vocals": "Vocals",
        "accompaniment": "accompanimenT",
    }
    files = {names[target]: audio for target, audio in guesses(track).items()}
    write(tmp_path / "est", files | {"Mixture": noise(3, n_samples=10)})
    table = score_system(track, tmp_path / "est", metrics=FAST).table
    assert_same(table, table_of([(track, guesses(track))]))


def test_two_files_for_one_target_are_an_error(tmp_path: Path) -> None:
    track = make_track()
    write(tmp_path / "est", guesses(track))
    write(tmp_path / "est", {"vocals": noise()}, suffix="flac")
    message = failure_of(track, tmp_path / "est")
    assert f"{tmp_path / 'est'} must hold one file per target" in message
    assert "got vocals.flac and vocals.wav" in message


def test_a_file_of_the_very_name_wins_over_one_in_other_capitals(tmp_path: Path) -> None:
    track = make_track()
    write(tmp_path / "est", guesses(track))
    write(tmp_path / "est", {"Vocals": noise()})
    with pytest.warns(ExtraEstimatesWarning, match=r"no reference for Vocals\.wav"):
        table = score_system(track, tmp_path / "est", metrics=FAST).table
    assert_same(table, table_of([(track, guesses(track))]))


def test_targets_in_other_capitals_have_each_their_file(tmp_path: Path) -> None:
    track = make_track("song", "Guitar", "guitar")
    write(tmp_path / "est", guesses(track))
    assert_same(
        score_system(track, tmp_path / "est", metrics=FAST).table,
        table_of([(track, guesses(track))]),
    )
    (tmp_path / "est" / "guitar.wav").rename(tmp_path / "est" / "GUITAR.wav")  # which one is it?
    with pytest.warns(ExtraEstimatesWarning, match=r"no reference for GUITAR\.wav"):
        notes = score_system(track, tmp_path / "est", metrics=FAST).notes
    assert notes == ("No estimate of guitar in song.",)


# Targets


@pytest.mark.parametrize("sources", [("bass", "drums", "vocals"), ("vocals", "accompaniment")])
def test_vocals_and_accompaniment_are_enough(tmp_path: Path, sources: tuple[str, ...]) -> None:
    track = make_track("song", *sources)
    estimates = guesses(track, "vocals", "accompaniment")
    write(tmp_path / "est", estimates)
    table = score_system(track, tmp_path / "est", metrics=FAST).table
    assert list(dict.fromkeys(table["target"])) == ["vocals", "accompaniment"]
    assert_same(table, table_of([(track, estimates)]))


@pytest.mark.slow
@pytest.mark.parametrize("given", [("vocals",), ("bass", "vocals"), ("accompaniment",)])
def test_some_targets_score_as_they_do_beside_all_others(
    tmp_path: Path, given: tuple[str, ...]
) -> None:
    track = make_track()
    estimates = guesses(track)
    write(tmp_path / "est", {target: estimates[target] for target in given})
    results = score_system(track, tmp_path / "est", metrics=ALL_METRICS)
    everything = table_of([(track, estimates)], metrics=ALL_METRICS)
    expected = everything[everything["target"].isin(given)].reset_index(drop=True)
    pd.testing.assert_frame_equal(results.table, expected)
    others = [target for target in track.targets if target not in given]
    assert f"No estimate of {', '.join(others)} in song." in results.notes


def test_vocals_are_interfered_by_the_accompaniment_if_that_is_all(tmp_path: Path) -> None:
    track = make_track("song", "drums", "bass", "vocals")
    pair = Track.from_sources(
        "song", RATE, {n: track.targets[n] for n in ("vocals", "accompaniment")}
    )
    write(tmp_path / "est", guesses(track, "vocals", "accompaniment"))
    assert_same(
        score_system(track, tmp_path / "est", metrics=FAST).table,
        score_system(pair, tmp_path / "est", metrics=FAST).table,
    )


def test_an_accompaniment_that_is_not_there_is_the_sum_of_the_others(tmp_path: Path) -> None:
    track = make_track()
    estimates = guesses(track, "bass", "drums", "vocals")
    write(tmp_path / "est", estimates)
    estimates["accompaniment"] = estimates["bass"] + estimates["drums"]
    table = score_system(track, tmp_path / "est", metrics=FAST).table
    assert_same(table, table_of([(track, estimates)]))


def test_an_accompaniment_that_is_there_is_no_sum(tmp_path: Path) -> None:
    track = make_track()
    estimates = guesses(track)
    assert np.any(estimates["accompaniment"] != estimates["bass"] + estimates["drums"])
    write(tmp_path / "est", estimates)
    table = score_system(track, tmp_path / "est", metrics=FAST).table
    assert_same(table, table_of([(track, estimates)]))


def test_sources_without_vocals_have_no_accompaniment(tmp_path: Path) -> None:
    track = make_track("song", "piano", "violin")
    write(tmp_path / "est", guesses(track))
    table = score_system(track, tmp_path / "est", metrics=FAST).table
    assert set(table["target"]) == {"piano", "violin"}


@pytest.mark.parametrize(
    ("there", "missing"),
    [
        (["bass", "vocals"], "drums, accompaniment"),
        (["bass", "vocals", "accompaniment"], "drums"),
        (["bass", "drums", "accompaniment"], "vocals"),
        (["bass", "drums"], "vocals"),  # the accompaniment is their sum
        (["vocals"], "bass, drums, accompaniment"),
        (["accompaniment"], "bass, drums, vocals"),
        (["vocals", "accompaniment"], "bass, drums"),
        (["bass", "drums", "vocals"], ""),
    ],
)
def test_missing_targets_are_named_and_the_others_scored(
    tmp_path: Path, there: list[str], missing: str
) -> None:
    track = make_track()
    estimates = guesses(track, *there)
    write(tmp_path / "est" / "song", estimates)
    results = score_system(track, tmp_path / "est", metrics=["uSDR"], out=tmp_path / "out")
    assert results.notes == ((f"No estimate of {missing} in song.",) if missing else ())
    if {"bass", "drums"} <= {*there} and "accompaniment" not in there:
        estimates["accompaniment"] = estimates["bass"] + estimates["drums"]
    scores = results.table.set_index("target")["median"]
    assert set(scores.index) == set(estimates) == {*track.targets} - {*missing.split(", ")}
    for target, audio in estimates.items():
        expected = oracle.metrics.usdr(track.targets[target][None], audio[None])
        assert scores[target] == expected
    (recorded,) = json.loads((tmp_path / "out" / "run.json").read_text("utf-8"))["tracks"]
    assert (
        ", ".join(recorded["missing"])
        == missing
        == ", ".join(results.tracks["missing"][0].split("; "))
    )


@pytest.mark.slow
@pytest.mark.parametrize("given", [SOURCES, SOURCES[:2]])
def test_a_rest_that_is_not_estimated_does_not_interfere(
    tmp_path: Path, given: tuple[str, ...]
) -> None:
    """Nor does the accompaniment that it is part of, unless there is an estimate of that."""
    sources = make_track("song", *SOURCES).sources
    track = Track("song", RATE, sum(sources.values()) + noise(55), sources)
    estimates = guesses(track, *given)
    write(tmp_path / "est", estimates)
    scorer = Scorer(sources, rate=RATE, metrics=ALL_METRICS, estimated=given)
    rows: list[Row] = [("song", "test", "est", *score) for score in scorer.score(estimates)]
    with pytest.warns(InputWarning, match="What they do not account for is ignored"):
        table = score_system(track, tmp_path / "est", metrics=ALL_METRICS).table
    assert_same(table, aggregate(tidy(rows)))


def test_estimates_of_no_target_are_an_error(tmp_path: Path) -> None:
    write(tmp_path / "est" / "song", dict.fromkeys(["mixture", "guitar"], noise()))
    assert failure_of(make_track(), tmp_path / "est") == (
        f"{tmp_path / 'est' / 'song'} must hold an estimate of a target of song (bass, drums, "
        "vocals, accompaniment), got guitar.wav, mixture.wav"
    )


def test_a_note_counts_the_tracks_without_the_same_estimates(tmp_path: Path) -> None:
    tracks = [make_track(name) for name in "abcde"]
    for track in tracks[:4]:
        write(tmp_path / "est" / track.name, guesses(track, "vocals"))
    write(tmp_path / "est" / "e", guesses(tracks[4], "bass", "drums"))
    notes = score_system(tracks, tmp_path / "est", metrics=["uSDR"]).notes
    assert notes == (
        "No estimate of bass, drums, accompaniment in 4 tracks: a, b, c and 1 more.",
        "No estimate of vocals in e.",
    )


def test_files_of_no_target_are_warned_about(tmp_path: Path) -> None:
    track = make_track()
    write(tmp_path / "est", guesses(track) | {"guitar": noise(), "piano": noise()})
    with pytest.warns(ExtraEstimatesWarning) as caught:
        table = score_system(track, tmp_path / "est", metrics=FAST).table
    (warning,) = caught
    assert str(warning.message) == (
        f"song: no reference for guitar.wav, piano.wav in {tmp_path / 'est'}; the targets are "
        "bass, drums, vocals, accompaniment"
    )
    assert_same(table, table_of([(track, guesses(track))]))


def test_folders_of_no_track_are_warned_about(tmp_path: Path) -> None:
    track = make_track()
    for place in ("test/song", "test/other", "train/more"):
        write(tmp_path / "est" / place, guesses(track))
    (tmp_path / "est" / "empty").mkdir()
    with pytest.warns(ExtraEstimatesWarning) as caught:
        table = score_system(track, tmp_path / "est", metrics=FAST).table
    (warning,) = caught
    assert str(warning.message) == "no reference for the estimates in test/other, train/more"
    assert warning.filename == __file__
    assert_same(table, table_of([(track, guesses(track))]))


def test_folders_with_encoded_names_are_of_their_tracks(tmp_path: Path) -> None:
    tracks = [make_track("AC/DC"), make_track("b:c", seed=9)]
    dataset = dataset_with(("AC/DC", "b:c"), (lambda: tracks[0], lambda: tracks[1]))
    write(tmp_path / "est" / "AC%2FDC", guesses(tracks[0]))
    write(tmp_path / "est" / "test" / "b%3Ac", guesses(tracks[1]))
    table = score_system(dataset, tmp_path / "est", metrics=FAST).table  # warnings are errors
    assert_same(table, table_of((track, guesses(track)) for track in tracks))


def test_command_prints_warnings_as_lines(run: Run, stems: Path, est: Path) -> None:
    write(est / "one", {"guitar": noise()})
    write(est / "three", {"vocals": noise()})
    status, out, err = run("score", stems, est, "--metrics", "SDR")
    assert status == 0
    assert err.splitlines() == [
        "oracle: warning: no reference for the estimates in three",
        f"oracle: warning: one: no reference for guitar.wav in {est / 'one'}; the targets are "
        "drums, vocals, accompaniment",
    ]
    for path in (est / "one" / "guitar.wav", est / "three" / "vocals.wav"):
        path.unlink()
    assert run("score", stems, est, "--metrics", "SDR") == (0, out, "")


def test_estimates_of_a_subset_that_is_not_asked_for_are_warned_about(run: Run) -> None:
    tracks = [
        make_track(name, "drums", "vocals", subset=subset)
        for name, subset in (("one", "train"), ("two", "test"))
    ]
    for track in tracks:
        write(Path("stems") / track.subset / track.name, track.sources)
        write(Path("est") / track.subset / track.name, guesses(track))
    options = ("--metrics", ",".join(FAST), "--out", "out", "--subset", "train")
    status, _, err = run("score", "stems", "est", *options)
    assert status == 0
    assert err == "oracle: warning: no reference for the estimates in test/two\n"
    table = table_of([(tracks[0], guesses(tracks[0]))])
    assert_same(aggregate(read_scores("out/scores.csv")), table)
    assert "est/train/one.json" in contents(Path("out"))


def test_a_track_without_estimates_fails_alone(run: Run, stems: Path, est: Path) -> None:
    write(stems / "three", make_track("three", "drums", "vocals").sources)
    status, out, err = run("score", stems, est, "--metrics", ",".join(FAST), "--out", "out")
    assert status == 3
    (line,) = err.splitlines()
    assert line == (
        "oracle: three: estimates must hold audio files of three (three/TARGET.wav, "
        "three_TARGET.wav or TARGET/three.wav, with or without test/ in front), "
        f"got {est} with one, two (if there is one more folder in between, such as htdemucs/ or "
        "IRM2/, name that one)"
    )
    (failure,) = json.loads(Path("out/failed.json").read_text(encoding="utf-8"))
    assert failure["error"] == line.removeprefix("oracle: ")
    assert "2 tracks" in out
    done = [track for track in datasets.folder(stems) if track.name != "three"]
    written = aggregate(read_scores("out/scores.csv"))
    assert_same(written, table_of((track, guesses(track)) for track in done))
    assert {path.name for path in Path("out/est/test").iterdir()} == {"one.json", "two.json"}


def test_all_tracks_without_estimates_print_no_table(run: Run, stems: Path) -> None:
    Path("none").mkdir()
    status, out, err = run("score", stems, "none")
    assert (status, out) == (3, "")
    assert [line.split(":")[1].strip() for line in err.splitlines()] == ["one", "two"]
    assert "with no audio files" in err


def test_tracks_may_have_estimates_of_different_targets(stems: Path, est: Path) -> None:
    (est / "two" / "drums.wav").unlink()
    (est / "two" / "vocals.wav").unlink()
    one, two = datasets.folder(stems)
    write(est / "two", guesses(two, "vocals", "accompaniment"))
    table = score_system([one, two], est, metrics=FAST).table
    counts = table[table["metric"] == "SDR"].set_index("target")["n_tracks"]
    assert dict(counts) == {"drums": 1, "vocals": 2, "accompaniment": 2}


# Lengths


@pytest.mark.parametrize(("longer", "words"), [(7, "7 more"), (-9, "9 fewer")])
def test_another_length_is_an_error_that_says_by_how_much(
    tmp_path: Path, longer: int, words: str
) -> None:
    track = make_track()
    n_samples = N_SAMPLES + longer
    write(tmp_path / "est", {name: noise(n_samples=n_samples) for name in track.targets})
    message = failure_of(track, tmp_path / "est")
    assert f"the {N_SAMPLES} samples of references, got {n_samples}" in message
    assert f"{tmp_path / 'est'}/bass.wav: {words}" in message
    assert "fit" in message


@pytest.mark.parametrize("longer", [777, -RATE, 0])
def test_fit_length_cuts_or_pads_at_the_end(tmp_path: Path, longer: int) -> None:
    track = make_track()
    right = guesses(track)
    if longer < 0:
        for audio in right.values():
            audio[:, longer:] = 0
    tail = noise(6, n_samples=max(longer, 0))
    files = {
        name: np.hstack([audio, tail])[:, : N_SAMPLES + longer] for name, audio in right.items()
    }
    write(tmp_path / "est", files)
    table = score_system(track, tmp_path / "est", metrics=FAST, fit_length=True).table
    assert_same(table, table_of([(track, right)]))
    assert set(table.query("metric == 'SDR'")["n_nan"]) == {1 if longer < 0 else 0}


def test_command_fits_lengths_if_told_to(
    run: Run, stems: Path, est: Path, settings_of: Callable[[Path], dict[str, Any]]
) -> None:
    right = run("score", stems, est, "--metrics", "SDR").out
    for track in datasets.folder(stems):
        write(est / track.name, {n: np.pad(a, ((0, 0), (0, 5))) for n, a in guesses(track).items()})
    status, out, err = run("score", stems, est, "--metrics", "SDR")
    assert (status, out) == (3, "")
    assert err.count("5 more") == 2
    assert "--fit-length" in err
    status, out, err = run("score", stems, est, "--metrics", "SDR", "--fit-length", "--out", "out")
    assert (status, err) == (0, "")
    assert decimals(out) == decimals(right)
    assert settings_of(Path("out"))["fit_length"] is True


def test_files_of_different_lengths_are_named(tmp_path: Path) -> None:
    track = make_track()
    write(tmp_path / "est", guesses(track) | {"drums": noise(n_samples=N_SAMPLES - 3)})
    message = failure_of(track, tmp_path / "est")
    assert str(N_SAMPLES - 3) in message
    assert str(tmp_path / "est" / "drums.wav") in message


# Files that do not fit


def test_another_rate_is_an_error(tmp_path: Path) -> None:
    track = make_track()
    write(tmp_path / "est", guesses(track), rate=16000)
    message = failure_of(track, tmp_path / "est", fit_length=True)
    assert f"rate of references, 8000 Hz, got 16000 Hz in {tmp_path / 'est'}" in message


@pytest.mark.parametrize("target", ["accompaniment", "vocals"])
@pytest.mark.parametrize("rate", [4000, 16000])
def test_one_file_of_another_rate_is_an_error(tmp_path: Path, target: str, rate: int) -> None:
    track = make_track()
    write(tmp_path / "est", guesses(track))
    write(tmp_path / "est", guesses(track, target), rate=rate)
    message = failure_of(track, tmp_path / "est")
    assert "rate" in message
    assert str(rate) in message
    assert str(tmp_path / "est") in message


@pytest.mark.parametrize("n_channels", [1, 3])
@pytest.mark.parametrize("fit_length", [False, True])
def test_another_number_of_channels_is_an_error(
    tmp_path: Path, n_channels: int, fit_length: bool
) -> None:
    track = make_track()
    write(tmp_path / "est", dict.fromkeys(track.targets, noise(n_channels=n_channels)))
    message = failure_of(track, tmp_path / "est", fit_length=fit_length)
    assert f"the 2 channels of references, got {n_channels} in {tmp_path / 'est'}" in message


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("sample", [100, N_SAMPLES - 1])
def test_nan_and_infinity_are_an_error(tmp_path: Path, value: float, sample: int) -> None:
    track = make_track()
    estimates = guesses(track)
    estimates["drums"][1, sample] = value
    write(tmp_path / "est", estimates)
    message = failure_of(track, tmp_path / "est")
    assert "must be finite, got NaN or infinity" in message
    assert str(tmp_path / "est" / "drums.wav") in message


@pytest.mark.parametrize("n_bytes", [N_SAMPLES, 20, 0])
def test_a_truncated_file_is_an_error(tmp_path: Path, n_bytes: int) -> None:
    track = make_track()
    file = write(tmp_path / "est", guesses(track)) / "drums.wav"
    file.write_bytes(file.read_bytes()[:n_bytes])
    assert failure_of(track, tmp_path / "est", fit_length=True).startswith(f"{file} must be")


def test_a_format_that_is_not_read_is_an_error_not_a_missing_file(tmp_path: Path) -> None:
    track = make_track()
    write(tmp_path / "est", guesses(track, "bass", "drums"))
    (tmp_path / "est" / "vocals.m4a").write_bytes(b"\0\0\0\x1cftypM4A ")
    message = failure_of(track, tmp_path / "est")
    assert f"{tmp_path / 'est' / 'vocals.m4a'} must be in a format that soundfile reads" in message


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["stems", "nowhere"], 1, "estimates must be a folder, got nowhere"),
        (["stems", "stems/one/vocals.wav"], 1, "estimates must be a folder, got stems/one/vocals"),
        (["nowhere", "est"], 1, "must be waltz, musdb18, .* or a folder, got 'nowhere'"),
        (
            ["stems", "est", "--out", "est"],
            1,
            "out must be a new or an empty folder, or that of a run, got est",
        ),
        (["stems", "est", "--metrics", "PESQ"], 2, "metrics must be some of SDR, .*got PESQ"),
        (["stems", "est", "--metrics", "SDR,SDR"], 2, "once each, got SDR, SDR"),
        (["stems", "est", "--metrics", ""], 2, "metrics must be some of .* got none"),
        (["stems"], 2, "Missing argument 'ESTIMATES'"),
        (["stems", "est", "--methods", "MIX"], 2, "No such option: --methods"),
        (["waltz", "est", "--root", "stems"], 2, "--root goes with a dataset by name, got waltz"),
        (["stems", "est", "--subset", "train"], 1, "subset must be one that stems has"),
    ],
)
def test_errors_of_the_command_are_one_line(
    run: Run, stems: Path, est: Path, arguments: list[str], status: int, message: str
) -> None:
    before = contents(stems.parent)
    outcome = run("score", *arguments, *([] if "--out" in arguments else ["--out", "out"]))
    assert (outcome.status, outcome.out) == (status, "")
    assert re.fullmatch(rf"oracle: [^\n]*{message}[^\n]*\n", outcome.err)
    assert contents(est.parent) == before
    assert not Path("out").exists()


def test_errors_of_the_arguments(tmp_path: Path) -> None:
    track = make_track()
    write(tmp_path / "est", guesses(track))
    with pytest.raises(FileNotFoundError, match="estimates must be a folder, got .*nowhere"):
        score_system(track, tmp_path / "nowhere")
    with pytest.raises(ValueError, match="metrics must be some of SDR, .*, got PESQ"):
        score_system(track, tmp_path / "est", metrics=["PESQ"])
    with pytest.raises(ValueError, match="out must be a new or an empty folder"):
        score_system(track, tmp_path / "est", metrics=FAST, out=tmp_path)
    with pytest.raises(ValueError, match="tracks must hold at least one track, got none"):
        score_system([], tmp_path / "est")


def test_estimates_may_be_named_by_a_string(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    track = make_track()
    monkeypatch.chdir(write(tmp_path / "est", guesses(track)))
    assert_same(score_system(track, ".", metrics=FAST).table, table_of([(track, guesses(track))]))


# Metrics and the name of the system


def test_the_default_is_every_metric_of_bounds(tmp_path: Path) -> None:
    track = make_track("song", "drums", "vocals", n_channels=1)
    write(tmp_path / "est", guesses(track))
    table = score_system(track, tmp_path / "est").table
    assert list(dict.fromkeys(table["metric"])) == list(METRICS)
    assert_same(table, table_of([(track, guesses(track))], metrics=METRICS))


def test_sdr_alone_is_all_that_the_files_hold(run: Run, stems: Path, est: Path) -> None:
    status, out, _ = run("score", stems, est, "--metrics", "SDR", "--out", "out")
    assert status == 0
    assert not re.search(r"\b(ISR|SIR|SAR|uSDR)\b", out)
    scores = read_scores("out/scores.csv")
    assert set(scores["metric"]) == {"SDR"}
    assert len(scores) == 2 * 3 * 2
    for track in ("one", "two"):
        text = Path(f"out/est/test/{track}.json").read_text(encoding="utf-8")
        targets = json.loads(text)["targets"]
        assert [target["name"] for target in targets] == ["drums", "vocals", "accompaniment"]
        for target in targets:
            ours = scores.query("track == @track and target == @target['name']")
            for frame, time, score in zip(
                target["frames"], ours["time"], ours["score"], strict=True
            ):
                values = frame["metrics"]
                assert (frame["time"], frame["duration"]) == (time, 1.0)
                assert values.pop("SDR") == round(score, 5)
                assert values.keys() == {"ISR", "SIR", "SAR"}
                assert np.isnan(list(values.values())).all()


def test_command_prints_the_metrics_that_are_asked_for(run: Run, stems: Path, est: Path) -> None:
    out = run("score", stems, est, "--metrics", "SI-SDR,uSDR").out
    assert out.index("SI-SDR") < out.index("uSDR")
    assert "museval" not in out
    expected = score_system(datasets.folder(stems), est, metrics=["SI-SDR", "uSDR"]).table
    assert set(decimals(out)) == {f"{v:.2f}" for v in [*expected["median"], *expected["mean"]]}


@pytest.mark.parametrize("name", [None, "My Net (v2)"])
def test_the_system_is_called_as_its_folder_or_as_you_like(
    run: Run, stems: Path, est: Path, name: str | None
) -> None:
    options = ["--metrics", "SDR", "--out", "out", *([] if name is None else ["--name", name])]
    status, out, _ = run("score", stems, "stems/../est/", *options)
    assert status == 0
    expected = name or "est"
    assert expected in out
    assert set(read_scores("out/scores.csv")["method"]) == {expected}
    assert set(pd.read_csv("out/bounds.csv")["method"]) == {expected}
    assert Path("out", expected, "test", "one.json").is_file()
    assert json.loads(Path("out/run.json").read_text(encoding="utf-8"))["methods"] == [expected]


def test_progress_is_told_by_track(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tracks = [make_track("one"), make_track("two", seed=9)]
    for track in tracks:
        write(tmp_path / "est" / track.name, guesses(track))
    done: list[tuple[str, float]] = []
    shown: list[bool] = []

    class Noted(Progress):
        def part(self, doing: str, part: float) -> None:
            done.append((doing, part))

    @contextmanager
    def show(wanted: bool, total: int | None) -> Iterator[Progress]:
        shown.append(wanted)
        yield Noted(total)

    monkeypatch.setattr("oracle.runs.loop.show_progress", show)
    score_system(tracks, tmp_path / "est", metrics=FAST, progress=True)
    assert shown == [True]
    assert {name for name, _ in done} == {"one", "two"}
    for track in tracks:
        assert sum(part for name, part in done if name == track.name) == pytest.approx(1)


# Silence


def test_silence_of_an_estimate_in_a_window_is_nan_for_its_group(tmp_path: Path) -> None:
    track = make_track()
    estimates = guesses(track)
    estimates["drums"][:, :RATE] = 0
    write(tmp_path / "est", estimates)
    table = score_system(track, tmp_path / "est", metrics=FAST, out=tmp_path / "out").table
    scores = read_scores(tmp_path / "out" / "scores.csv").query("metric == 'SDR'")
    nan = scores[scores["score"].isna()]
    assert list(zip(nan["target"], nan["time"], strict=True)) == [("bass", 0.0), ("drums", 0.0)]
    counts = table.query("metric == 'SDR'").set_index("target")
    assert dict(counts["n_nan"]) == {"bass": 1, "drums": 1, "vocals": 0, "accompaniment": 0}
    assert set(counts["n_windows"]) == {2}
    assert table["median"].notna().all()


def test_silence_is_counted_in_the_table(run: Run) -> None:
    track = make_track("song", "drums", "bass")
    estimates = guesses(track)
    estimates["drums"][:, :RATE] = 0
    write(Path("song"), track.sources)
    write(Path("est"), estimates)
    status, out, err = run("score", "song", "est", "--metrics", "SDR")
    assert (status, err) == (0, "")
    assert re.search(r"\b2 +1\b", out)


@pytest.mark.parametrize("silent", [("drums",), ("bass", "drums", "vocals", "accompaniment")])
def test_silent_estimates_are_nan_and_counted(tmp_path: Path, silent: tuple[str, ...]) -> None:
    track = make_track()
    estimates = guesses(track) | dict.fromkeys(silent, np.zeros_like(track.mixture))
    write(tmp_path / "est", estimates)
    results = score_system(track, tmp_path / "est", metrics=("SDR", "uSDR", "SD-SDR"))
    table = results.table
    sdr = table.query("metric == 'SDR'").set_index("target")
    together = {"bass", "drums"} if len(silent) == 1 else set(silent)
    assert set(sdr.index[sdr["median"].isna()]) == together
    assert set(sdr["n_nan"][list(together)]) == {2}
    (note,) = results.notes
    assert note.startswith("Silent throughout: the estimate of ")
    assert note.endswith(" SDR, ISR, SIR and SAR of all that is scored together with it are NaN.")
    assert ("the estimate of vocals in song" in note) == (len(silent) > 1)
    usdr = table.query("metric == 'uSDR'").set_index("target")["median"]
    assert usdr[list(silent)].to_numpy() == pytest.approx(0)


def test_silent_estimates_have_every_metric(tmp_path: Path) -> None:
    track = make_track("song", "drums", "vocals")
    write(tmp_path / "est", dict.fromkeys(track.targets, np.zeros_like(track.mixture)))
    table = score_system(track, tmp_path / "est").table
    assert len(table) == 3 * len(METRICS)
    framewise = table[table["metric"].isin(MUSEVAL)]
    assert framewise["median"].isna().all()
    assert set(framewise["n_nan"]) == {2}


@pytest.mark.parametrize("targets", [(), ("vocals", "accompaniment")])
def test_a_track_without_vocals_is_nan_where_they_count(
    tmp_path: Path, targets: tuple[str, ...]
) -> None:
    sources = make_track().sources
    track = Track.from_sources(
        "song", RATE, dict(sources) | {"vocals": np.zeros((2, N_SAMPLES), np.float32)}
    )
    write(tmp_path / "est", guesses(track, *targets))
    table = score_system(track, tmp_path / "est", metrics=ALL_METRICS, out=tmp_path / "out").table
    framewise = table[~table["metric"].isin(GLOBAL)]
    assert framewise["median"].isna().all()
    assert (framewise["n_nan"] == framewise["n_windows"]).all()
    usdr = table.query("metric == 'uSDR'").set_index("target")["median"]
    assert list(usdr.index[usdr.isna()]) == ["vocals"]
    json.loads((tmp_path / "out" / "est" / "test" / "song.json").read_text(encoding="utf-8"))


def test_silence_of_a_track_leaves_the_others_alone(tmp_path: Path) -> None:
    heard = make_track("heard")
    silent = Track.from_sources("silent", RATE, dict.fromkeys(heard.sources, 0 * heard.mixture))
    for track in (heard, silent):
        write(tmp_path / "est" / track.name, guesses(heard))
    table = score_system([silent, heard], tmp_path / "est", metrics=["SDR"]).table
    alone = score_system([heard], tmp_path / "est", metrics=["SDR"]).table
    np.testing.assert_array_equal(table["median"], alone["median"])
    assert set(table["n_tracks"]) == {2}
    assert set(table["n_nan"]) == {2}


def test_references_whose_copies_are_dependent_are_warned_about(tmp_path: Path) -> None:
    same = noise(n_channels=1)
    track = Track.from_sources("twins", RATE, {"a": same, "b": same})
    write(tmp_path / "est", {"a": noise(1, n_channels=1), "b": noise(2, n_channels=1)})
    with pytest.warns(IllConditionedWarning, match="^twins: delayed copies .* a with b"):
        score_system(track, tmp_path / "est", metrics=["SIR"])
    score_system(track, tmp_path / "est", metrics=FAST)  # warnings are errors


# Names and lengths that files may have


@pytest.fixture
def song(tmp_path: Path) -> Track:
    """A track, and estimates of its targets in ``est/song``."""
    track = make_track("song", "drums", "vocals")
    write(tmp_path / "est" / "song", guesses(track))
    return track


@pytest.mark.parametrize("name", ["", " ", "tracks", "Tracks", "scores.csv", "RUN.JSON"])
def test_a_system_cannot_be_called_as_the_files_of_a_run(
    song: Track, tmp_path: Path, name: str
) -> None:
    with pytest.raises(
        ValueError,
        match="name must not be empty or one of .lock, bounds.csv, failed.json, figures, ",
    ):
        score_system(song, tmp_path / "est", name=name, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["../../evil", "/tmp/x", "..", ".", "a/b", "x\0y"])
def test_the_files_of_a_system_stay_within_out(song: Track, tmp_path: Path, name: str) -> None:
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    out = tmp_path / "out" / "below"
    score_system(song, tmp_path / "est", name=name, metrics=["SDR"], out=out)
    written = {path for path in tmp_path.rglob("*") if path.is_file()} - before
    assert all(path.is_relative_to(out) for path in written)
    assert len(list(out.glob("*/test/song.json"))) == 2  # of the system, and of the track


def test_estimates_of_several_lengths_are_fitted_one_by_one(song: Track, tmp_path: Path) -> None:
    (drums,) = (tmp_path / "est" / "song").glob("drums.*")
    audio, rate = soundfile.read(drums, dtype="float32", always_2d=True)
    soundfile.write(drums, audio[:-3], rate, subtype="FLOAT")
    with pytest.raises(TracksFailed) as error:
        score_system(song, tmp_path / "est", metrics=["SDR"])
    (failure,) = error.value.exceptions
    message = f"got {song.n_samples - 3} in {drums}: 3 fewer (--fit-length, in Python fit_length"
    assert message in str(failure)
    table = score_system(song, tmp_path / "est", metrics=["SDR"], fit_length=True).table
    assert table["median"].notna().all()


def test_names_match_whatever_their_case_and_composition(tmp_path: Path) -> None:
    track = make_track("Café", "Drums", "bass")
    folder = tmp_path / "found" / unicodedata.normalize("NFD", "café")
    write(folder, {"drums": 0.9 * track.sources["Drums"], "BASS": 0.9 * track.sources["bass"]})
    table = score_system(track, tmp_path / "found", metrics=["uSDR"]).table
    np.testing.assert_allclose(table["median"], 20, atol=0.01)


def test_a_folder_of_the_very_name_comes_before_one_alike(tmp_path: Path) -> None:
    tracks = [make_track(name, "a", "b", seed=seed) for seed, name in enumerate(("Song", "song"))]
    for track in tracks:
        write(tmp_path / "est" / track.name, {n: 0.9 * a for n, a in track.sources.items()})
    table = score_system(tracks, tmp_path / "est", metrics=["uSDR"]).table
    np.testing.assert_allclose(table["mean"], 20, atol=0.01)
    (failure,) = failures(make_track("SONG", "a", "b"), tmp_path / "est")
    assert "must have one spelling of the name of a track, 'SONG', got Song, song" in failure


def test_an_empty_estimate_is_refused_also_with_fit_length(song: Track, tmp_path: Path) -> None:
    (drums,) = (tmp_path / "est" / "song").glob("drums.*")
    soundfile.write(drums, np.zeros((0, 2)), RATE)
    (failure,) = failures(song, tmp_path / "est", fit_length=True)
    assert f"{drums} must hold audio, got 0 samples" in failure


def test_without_musevals_metrics_there_is_no_file_for_museval(song: Track, tmp_path: Path) -> None:
    score_system(song, tmp_path / "est", metrics=["uSDR"], out=tmp_path / "out")
    (file,) = (tmp_path / "out").rglob("song.json")
    assert file.parts[-3:] == ("tracks", "test", "song.json")


def failures(track: Track, estimates: Path, **options: Any) -> list[str]:
    with pytest.raises(TracksFailed) as error:
        score_system(track, estimates, metrics=["uSDR"], **options)
    return [str(failure) for failure in error.value.exceptions]


def test_a_system_that_is_perfect_has_its_inf_explained(run: Run, tmp_path: Path) -> None:
    for place in ("ref", "est"):
        write(tmp_path / place, dict(make_track().sources))
    status, out, _ = run("score", tmp_path / "ref", tmp_path / "est", "--metrics", "SDR")
    assert status == 0
    assert "Scores above 100 dB are infinite but for rounding, and count as inf.\n" in out
