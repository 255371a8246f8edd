"""The command line on datasets by name, and on parts of them."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from conftest import Run

import oracle
from oracle import datasets
from oracle.datasets.catalogue import FOLDER, NAMED

GUIDE = Path(__file__).parents[1] / "oracle" / "guide" / "datasets.md"
RATE = 8000
SONGS = ("Music Delta - Rock", "Music Delta - Punk", "Hollow - Ground")
STEMS = ("mixture", "drums", "bass", "other", "vocals")
MIX = ("--methods", "MIX", "--metrics", "uSDR")


@pytest.fixture
def hq(tmp_path: Path, rng: np.random.Generator) -> Path:
    """MUSDB18-HQ with three songs of two seconds in either subset."""
    for subset in ("train", "test"):
        for song in SONGS:
            place = tmp_path / "hq" / subset / song
            place.mkdir(parents=True)
            audio = 0.1 * rng.standard_normal((5, 2 * RATE))
            audio[0] = 0.01 * audio[0] + audio[1:].sum(axis=0)
            for stem, signal in zip(STEMS, audio, strict=True):
                soundfile.write(place / f"{stem}.wav", signal, RATE)
    return tmp_path / "hq"


def list_tracks(out: Path) -> list[str]:
    """Which tracks a run has scored."""
    scores = pd.read_csv(out / "scores.csv")
    return sorted((scores["subset"] + "/" + scores["track"]).unique())


# Datasets explained


@pytest.mark.parametrize("columns", [80, 200])
def test_datasets_are_explained_within_the_terminal(
    run: Run, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    status, out, err = run("datasets")
    assert (status, err) == (0, "")
    assert max(map(len, out.splitlines())) <= columns
    assert "…" not in out
    words = " ".join(out.split())
    for listing in (*NAMED.values(), FOLDER):
        assert re.search(rf"^{listing.name} ", out, flags=re.MULTILINE)
        for text in listing[1:-1]:
            assert " ".join(text.split()) in words


def test_help_of_a_dataset_names_the_command_that_explains_them(run: Run) -> None:
    for command in ("bounds", "sweep", "separate", "score"):
        assert "oracle datasets" in run(command, "--help").out


def test_the_guide_names_every_dataset() -> None:
    rows = [line for line in GUIDE.read_text("utf-8").splitlines() if line.startswith("| `")]
    for name in NAMED.keys() - {"waltz"}:
        assert any(f"`{name}`" in row.split("|")[1] for row in rows)


# Datasets by name


def test_bounds_of_a_dataset_by_name(run: Run, hq: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    status, text, err = run("bounds", "musdb18-hq", "--root", hq, *MIX, "--out", out)
    assert (status, err) == (0, "")
    assert "6 tracks (3 train, 3 test)" in text
    table = oracle.compute_bounds(datasets.musdb18hq(hq), methods=["MIX"], metrics=["uSDR"]).table
    pd.testing.assert_frame_equal(pd.read_csv(out / "bounds.csv"), table, check_dtype=False)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--subset", "train"), "train/H train/P train/R"),
        (("--tracks", "Music Delta*"), "test/P test/R train/P train/R"),
        (("--first", "2"), "train/H train/P"),
        (("--subset", "test", "--tracks", "Music*", "--first", "1"), "test/P"),
    ],
)
@pytest.mark.parametrize("by_name", [True, False])
def test_options_select_tracks(
    run: Run, hq: Path, tmp_path: Path, options: tuple[str, ...], expected: str, by_name: bool
) -> None:
    dataset = ("musdb18-hq", "--root", hq) if by_name else (hq,)
    assert run("bounds", *dataset, *MIX, *options, "--out", tmp_path / "out").status == 0
    short = [re.sub(r"/(Music Delta - |)(.).*", r"/\2", t) for t in list_tracks(tmp_path / "out")]
    assert short == expected.split()


def test_seconds_are_of_the_beginning_of_every_track(run: Run, hq: Path, tmp_path: Path) -> None:
    options = ("--first", 2, "--seconds", 0.5, "--methods", "MIX", "--out", tmp_path / "est")
    assert run("separate", hq, *options).status == 0
    for track in datasets.folder(hq)[:2]:
        estimate, _ = soundfile.read(
            tmp_path / "est" / "MIX" / "train" / track.name / "bass.wav", dtype="float32"
        )
        np.testing.assert_allclose(estimate, track.mixture[0, : RATE // 2] / 4, atol=1e-6)


@pytest.mark.slow
def test_every_command_takes_a_part_of_a_dataset(run: Run, hq: Path, tmp_path: Path) -> None:
    selection = ("--subset", "test", "--tracks", "Hollow*", "--first", 1, "--seconds", 1.5)
    part = ("musdb18-hq", "--root", hq, *selection)
    expected = ["test/Hollow - Ground"]
    assert run("separate", *part, "--methods", "IRM2", "--out", tmp_path / "est").status == 0
    assert len(list((tmp_path / "est").rglob("*.wav"))) == 5
    system = ("score", part[0], tmp_path / "est" / "IRM2", *part[1:], "--metrics", "uSDR")
    assert run(*system, "--out", tmp_path / "scores").status == 0
    assert list_tracks(tmp_path / "scores") == expected
    sweep = ("--n-ffts", 256, "--overlaps", 0.5, "--methods", "MIX", "--out", tmp_path / "sweep")
    assert run("sweep", *part, *sweep).status == 0
    (scores,) = (tmp_path / "sweep").rglob("scores.csv")
    assert list_tracks(scores.parent) == expected


def test_estimates_of_another_length_than_the_part_are_an_error(
    run: Run, hq: Path, tmp_path: Path
) -> None:
    options = ("--subset", "test", "--first", 1)
    estimates = tmp_path / "est"
    assert run("separate", hq, *options, "--methods", "MIX", "--out", estimates).status == 0
    status, _, err = run("score", hq, estimates / "MIX", *options, "--seconds", 1)
    assert (status, "fit-length" in err) == (3, True)


def test_seconds_of_the_waltz(run: Run, tmp_path: Path) -> None:
    options = ("--methods", "MIX", "--out", tmp_path / "est")
    assert run("separate", "waltz", "--seconds", 1.5, *options).status == 0
    estimate, rate = soundfile.read(tmp_path / "est" / "MIX" / "test" / "Daisy Bell" / "bass.wav")
    assert len(estimate) == 1.5 * rate


# What is refused


@pytest.mark.parametrize("command", ["bounds", "sweep", "separate", "score"])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["waltz", "--first", "1"], "--subset, --tracks and --first go with datasets and folders"),
        (["waltz", "--tracks", "*"], "--subset, --tracks and --first go with .*, got waltz"),
        (["waltz", "--subset", "test"], "--subset, --tracks and --first go with .*, got waltz"),
        (["waltz", "--root", "."], "--root goes with a dataset by name, got waltz"),
        (["waltz", "--split", "train"], "--split and --download go with .* musdb18, got waltz"),
        (["waltz", "--seconds", "0"], "seconds must be positive and finite, got 0"),
        ([".", "--root", "."], r"--root goes with a dataset by name, got \."),
        ([".", "--download"], r"--split and --download go with the dataset musdb18, got \."),
        (["fuss", "--split", "valid", "--root", "."], "go with the dataset musdb18, got fuss"),
        (["fuss"], r"--root must be the folder of fuss \(see 'oracle datasets'\), .* \./fuss$"),
        ([".", "--first", "0"], "--first.*(range|greater than or equal to 1)"),
        ([".", "--first", "half"], "--first.*int"),
        ([".", "--seconds", "-1"], "seconds must be positive and finite, got -1"),
        ([".", "--seconds", "nan"], "seconds must be positive and finite, got nan"),
        ([".", "--seconds", "inf"], "seconds must be positive and finite, got inf"),
        ([".", "--seconds", "long"], "--seconds.*(float|number)"),
        (["musdb18", "--subset", "valid"], "musdb18 has its validation part as --split valid"),
        (["musdb18", "--subset", "test", "--split", "train"], "--split goes with --subset train"),
        (["musdb18", "--split", "test"], "--split.*'test' is not one of 'train', 'valid'"),
    ],
)
def test_options_that_do_not_fit_are_wrong_usage(
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    options: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    dataset, *rest = options
    more = {"score": ["est"], "separate": ["--out", "est"]}.get(command, [])
    status, out, err = run(command, dataset, *more, *rest)
    assert (status, out) == (2, "")
    assert re.search(message, err)
    assert len(err.splitlines()) == 1
    assert not Path("est").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--subset", "valid"], r"subset must be one that .* has \(train, test\), got 'valid'"),
        (["--tracks", "Delta*"], "pattern must match the name of a track .*, got 'Delta"),
        (["--subset", "test", "--tracks", "x"], r"\('Hollow - Ground', .*\), got 'x'"),
    ],
)
@pytest.mark.parametrize("by_name", [True, False])
def test_what_the_dataset_does_not_have_is_an_error(
    run: Run, hq: Path, by_name: bool, options: list[str], message: str
) -> None:
    dataset = ("musdb18-hq", "--root", hq) if by_name else (hq,)
    status, out, err = run("bounds", *dataset, *MIX, *options)
    assert (status, out) == (1, "")
    assert re.search(message, err)


def test_a_root_that_is_another_dataset_is_an_error(run: Run, hq: Path) -> None:
    status, _, err = run("bounds", "dsd100", "--root", hq, *MIX)
    assert status == 1
    assert re.search("root must hold folders of tracks in Mixtures/Dev, .*hq with test, train", err)


@pytest.mark.usefixtures("ffmpeg")
def test_musdb18_is_selected_from_like_others(run: Run, tmp_path: Path) -> None:
    for name in ("train/a", "train/b"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.stem.mp4").touch()
    dataset = ("bounds", "musdb18", "--root", tmp_path, *MIX)
    for options, status, message in (
        (("--subset", "dev"), 1, r"subset must be one that MUSDB18 has \(train\), got 'dev'"),
        (("--tracks", "c"), 1, r"pattern must match .* \('a', 'b'\), got 'c'"),
        (("--subset", "train", "--tracks", "b"), 3, r"b: .*b\.stem\.mp4 must be a whole stem file"),
        (("--split", "train", "--first", "1"), 3, r"a: .*a\.stem\.mp4 must be a whole stem file"),
    ):
        outcome = run(*dataset, *options)
        assert (outcome.status, len(outcome.err.splitlines())) == (status, 1)
        assert re.search(message, outcome.err)


@pytest.mark.slow
@pytest.mark.usefixtures("ffmpeg")
def test_a_stem_file_is_a_dataset_of_one_track(run: Run, shared: Path, tmp_path: Path) -> None:
    root = shared / "data" / "musdb18-7"
    (file,) = root.glob("train/*.stem.mp4")
    assert run("bounds", file, *MIX, "--out", tmp_path / "file").status == 0
    by_name = ("musdb18", "--root", root)
    assert run("bounds", *by_name, *MIX, "--out", tmp_path / "name").status == 0
    one, other = (pd.read_csv(tmp_path / out / "scores.csv") for out in ("file", "name"))
    pd.testing.assert_frame_equal(one, other)


@pytest.mark.usefixtures("ffmpeg")
def test_a_stem_file_that_is_none_fails_as_a_track(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.stem.mp4").touch()
    status, _, err = run("bounds", tmp_path / "a.stem.mp4", *MIX)
    assert (status, len(err.splitlines())) == (3, 1)
    assert re.search(r"a: .*a\.stem\.mp4 must be a whole stem file", err)
