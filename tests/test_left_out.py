"""What lies in the folder of a dataset is read, is an error, or is named."""

import contextlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import Run

import oracle
from oracle import datasets
from oracle.datasets import Dataset
from oracle.jobs import system_scores
from oracle.tracks.track import Audio

RATE = 8000
QUICK = ("--methods", "MIX,IRM2", "--metrics", "uSDR")


def noise(seed: int, n_samples: int = RATE) -> Audio:
    steps = np.random.default_rng(seed).integers(-4000, 4001, (2, n_samples))
    return (steps / 2**15).astype(np.float32)


def write(path: Path, audio: Audio, **options: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, audio.T, RATE, **options)
    return path


def write_song(folder: Path, *names: str, first: int = 0) -> Path:
    """Write different noise to each file."""
    for seed, name in enumerate(names or ("drums.wav", "vocals.wav"), start=first):
        write(folder / name, noise(seed))
    return folder


def left_out(dataset: Dataset) -> dict[str, str]:
    return {each.path.as_posix(): each.why for each in dataset.left_out}


# Files of a track


@pytest.mark.parametrize(
    ("suffix", "options"),
    [
        ("bwf", {"format": "WAV"}),
        ("wave", {"format": "WAV"}),
        ("snd", {"format": "AU"}),
        ("aifc", {"format": "AIFF"}),
        ("sph", {"format": "NIST"}),
        ("oga", {"format": "OGG"}),
        ("mat", {"format": "MAT5"}),
        ("VOC", {"format": "VOC"}),
    ],
)
def test_every_suffix_that_soundfile_reads_is_read(
    tmp_path: Path, suffix: str, options: dict[str, str]
) -> None:
    write_song(tmp_path / "song", "drums.wav", "bass.wav")
    write(tmp_path / "song" / f"vocals.{suffix}", noise(7), **options)
    (track,) = datasets.folder(tmp_path)
    assert list(track.targets) == ["drums", "bass", "vocals", "accompaniment"]
    write(tmp_path / "fuss/train/a.wav", noise(0) + noise(7))
    write(tmp_path / "fuss/train/a_sources/one.wav", noise(0))
    write(tmp_path / f"fuss/train/a_sources/two.{suffix}", noise(7), **options)
    (mixture,) = datasets.fuss(tmp_path / "fuss")
    assert list(mixture.sources) == ["one", "two"]


@pytest.mark.parametrize("suffix", ["m4a", "mka", "ac3", "dts", "wma", "ape", "MP4"])
def test_audio_that_cannot_be_read_is_an_error_of_its_track(tmp_path: Path, suffix: str) -> None:
    write_song(tmp_path / "stems/song")
    (tmp_path / f"stems/song/bass.{suffix}").write_bytes(b"?")
    with pytest.raises(ValueError, match=rf"bass\.{suffix} must be in a format .* convert it"):
        datasets.folder(tmp_path / "stems")[0]
    write(tmp_path / "fuss/train/a.wav", noise(0))
    write(tmp_path / "fuss/train/a_sources/one.wav", noise(0))
    (tmp_path / f"fuss/train/a_sources/two.{suffix}").write_bytes(b"?")
    with pytest.raises(ValueError, match=rf"two\.{suffix} must be in a format .* convert it"):
        datasets.fuss(tmp_path / "fuss")[0]


@pytest.mark.parametrize("name", ["bass", "bass.bak", "bass.wav.part", ".bass.wav.Xa3b2c"])
def test_audio_under_another_name_is_an_error_or_named(tmp_path: Path, name: str) -> None:
    write_song(tmp_path / "song")
    write(tmp_path / "song" / "x.wav", noise(9)).rename(tmp_path / "song" / name)
    dataset = datasets.folder(tmp_path)
    if name.startswith("."):
        assert left_out(dataset) == {f"song/{name}": "hidden audio file"}
        return
    message = (
        rf"song/{name} must have the suffix of its format \(\.wav, \.flac, \.\.\.\) if it is a "
        "source, got audio under another name: rename it, or move it elsewhere$"
    )
    with pytest.raises(ValueError, match=message):
        dataset[0]


def test_what_is_no_audio_is_ignored(tmp_path: Path) -> None:
    write_song(tmp_path / "song")
    for name in ("notes.txt", "cover.jpg", "song.json", "tempo.mid", "README", "x.als", "a/b.pdf"):
        (tmp_path / "song" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "song" / name).write_text("no audio")
    dataset = datasets.folder(tmp_path)
    assert left_out(dataset) == {}
    assert list(dataset[0].sources) == ["drums", "vocals"]


def test_hidden_files_and_folders_are_named_if_they_hold_audio(tmp_path: Path) -> None:
    write_song(tmp_path / "song", "drums.wav", "vocals.wav", ".old.wav", "._drums.wav")
    write_song(tmp_path / ".backup" / "song")
    (tmp_path / ".notes").mkdir()
    dataset = datasets.folder(tmp_path)
    assert dataset.track_names == ("song",)
    assert left_out(dataset) == {
        "song/.old.wav": "hidden audio file",
        ".backup": "2 hidden audio files",
    }


@pytest.mark.parametrize(
    "litter", ["__MACOSX/song/._drums.wav", "@eaDir/song/drums.wav@SynoEAStream", ".git/x.wav"]
)
def test_litter_is_ignored_wherever_it_is(tmp_path: Path, litter: str) -> None:
    write_song(tmp_path / "song")
    for place in (tmp_path, tmp_path / "song"):
        write(place / "x.wav", noise(9)).rename(tmp_path / "moved")
        (place / litter).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "moved").rename(place / litter)
    dataset = datasets.folder(tmp_path)
    assert (dataset.track_names, left_out(dataset)) == (("song",), {})


def test_names_that_differ_in_capitals_are_two_sources(run: Run, tmp_path: Path) -> None:
    write_song(tmp_path / "song", "Guitar.wav", "guitar.wav")
    (track,) = datasets.folder(tmp_path / "song")
    assert list(track.sources) == ["Guitar", "guitar"]
    separated = run("separate", tmp_path / "song", "--methods", "IRM2", "--out", tmp_path / "e")
    assert separated.err == ""
    scored = run("score", tmp_path / "song", tmp_path / "e/IRM2", "--metrics", "uSDR")
    bounds = run("bounds", tmp_path / "song", "--methods", "IRM2", "--metrics", "uSDR")
    assert scored.status == bounds.status == 0
    (of_scores,) = [line.split()[1:] for line in scored.out.splitlines() if "uSDR  " in line]
    (of_bounds,) = [line.split()[1:] for line in bounds.out.splitlines() if "IRM2  " in line]
    assert of_scores == of_bounds


def test_an_exact_name_of_a_usual_source_wins(tmp_path: Path) -> None:
    write_song(tmp_path, "Vocals.wav", "vocals.wav", "DRUMS.wav")
    assert list(datasets.folder(tmp_path)[0].sources) == ["drums", "Vocals", "vocals"]


def test_two_mixtures_are_an_error(tmp_path: Path) -> None:
    write_song(tmp_path, "vocals.wav", "Mixture.wav", "mixture.wav")
    with pytest.raises(ValueError, match=r"one file per source, got Mixture\.wav and mixture\.wav"):
        datasets.folder(tmp_path)[0]


# Mixtures under other names, copies and sums


@pytest.mark.parametrize(
    ("mixture", "others"),
    [
        ("My Song - mixture", ("My Song - vocals", "My Song - drums")),
        ("My Song - Full Mix", ("My Song - vocals", "My Song - drums")),
        ("01_Song_Mix", ("02_Song_Vocals", "03_Song_Drums")),
        ("SongMixdown", ("SongVocals", "SongDrums")),
        ("mixture (Song)", ("vocals (Song)", "drums (Song)")),
        ("mix.v2", ("vocals.v2", "drums.v2")),
        ("Master", ("vocals", "mallets")),
        ("full_mix", ("vocals",)),
        ("MIXDOWN", ("vocals", "drums")),
    ],
)
def test_a_mixture_is_told_by_its_name(
    tmp_path: Path, mixture: str, others: tuple[str, ...]
) -> None:
    write_song(tmp_path, *(f"{name}.wav" for name in (mixture, *others)))
    message = (
        r"\.wav must be called mixture\.wav if it is the mixture: rename it, or move it elsewhere"
        r"($|; call stems after their sources \((drums|vocals), not )"
    )
    with pytest.raises(ValueError, match=message) as caught:
        datasets.folder(tmp_path)[0]
    assert ("; call" in str(caught.value)) == any(
        word in name.lower() for name in others for word in ("song", "v2")
    )
    assert f"{mixture}.wav must be" in str(caught.value)
    write(tmp_path / "mixture.wav", noise(50))
    with pytest.raises(ValueError, match=r"must not be among the sources if it is a mixture, got "):
        datasets.folder(tmp_path)[0]


@pytest.mark.parametrize(
    "names",
    [
        ("drums mix", "vocals mix"),
        ("remix", "vocals"),
        ("vocals master", "drums master", "bass master"),
        ("mallets", "marimba", "maracas"),
        ("Song", "Song 2"),
    ],
)
def test_other_names_are_sources(tmp_path: Path, names: tuple[str, ...]) -> None:
    write_song(tmp_path, *(f"{name}.wav" for name in names))
    assert set(datasets.folder(tmp_path)[0].sources) == set(names)


def test_a_mixture_is_told_by_what_it_holds(tmp_path: Path) -> None:
    write_song(tmp_path, "a.wav", "b.wav")
    write(tmp_path / "song.flac", 0.5 * (noise(0) + noise(1)))
    message = (
        r"must hold each source once, but song\.flac is the sum of a\.wav and b\.wav: rename "
        r"song\.flac to mixture\.flac$"
    )
    with pytest.raises(ValueError, match=message):
        datasets.folder(tmp_path)[0]


@pytest.mark.parametrize("delay", [1, 1105])
def test_a_mixture_that_comes_late_is_told_by_what_it_holds(tmp_path: Path, delay: int) -> None:
    """As one does that was an MP3."""
    write_song(tmp_path, "a.wav", "b.wav")
    total = noise(0) + noise(1)
    total[:, delay:] = total[:, :-delay].copy()
    write(tmp_path / "song.wav", 0.5 * total)
    message = rf"but song\.wav is the sum of the others, {delay} samples late: move it elsewhere$"
    with pytest.raises(ValueError, match=message):
        datasets.folder(tmp_path)[0]


@pytest.mark.parametrize("name", ["instrumental", "no_vocals", "backing"])
@pytest.mark.parametrize("with_mixture", [False, True])
def test_a_sum_of_other_stems_is_refused(tmp_path: Path, name: str, with_mixture: bool) -> None:
    write_song(tmp_path, "bass.wav", "drums.wav", "vocals.wav")
    write(tmp_path / f"{name}.wav", noise(0) + noise(1))
    if with_mixture:
        write(tmp_path / "mixture.wav", noise(0) + noise(1) + noise(2))
    message = (
        rf"each source once, but {name}\.wav is the sum of drums\.wav and bass\.wav: move "
        rf"{name}\.wav, or its parts, elsewhere$"
    )
    with pytest.raises(ValueError, match=message):
        datasets.folder(tmp_path)[0]


def test_a_copy_of_a_stem_is_refused(tmp_path: Path) -> None:
    write_song(tmp_path, "bass.wav", "vocals.wav")
    shutil.copy(tmp_path / "vocals.wav", tmp_path / "vocals (1).wav")
    message = r"but vocals \(1\)\.wav is vocals\.wav: move vocals \(1\)\.wav elsewhere$"
    with pytest.raises(ValueError, match=message):
        datasets.folder(tmp_path)[0]


def test_a_stem_that_is_the_mixture_is_refused(tmp_path: Path) -> None:
    write_song(tmp_path, "bass.wav", "vocals.wav")
    for name in ("mixture", "song"):
        write(tmp_path / f"{name}.wav", noise(0) + noise(1))
    with pytest.raises(ValueError, match=r"song\.wav is the sum of .*, or its parts, elsewhere$"):
        datasets.folder(tmp_path)[0]


def test_an_instrumental_beside_the_vocals_is_a_source(tmp_path: Path) -> None:
    write_song(tmp_path, "instrumental.wav", "vocals.wav")
    write(tmp_path / "mixture.wav", noise(0) + noise(1))
    assert list(datasets.folder(tmp_path)[0].sources) == ["vocals", "instrumental"]


# Folders of a dataset


@pytest.mark.parametrize(
    "names",
    [
        ("train", "validation", "test"),
        ("train", "val", "test"),
        ("Train", "Test"),
        ("dev", "eval"),
        ("fold 1", "fold 2"),
    ],
)
def test_folders_of_tracks_are_subsets_by_their_names(
    run: Run, tmp_path: Path, names: tuple[str, ...]
) -> None:
    for name, track in zip(names, "ABC", strict=False):
        write_song(tmp_path / name / track)
    dataset = datasets.folder(tmp_path)
    assert [(e.subset, e.name) for e in dataset.entries] == list(zip(names, "ABC", strict=False))
    assert left_out(dataset) == {}
    words = " ".join(run("bounds", tmp_path, *QUICK).out.split())
    assert f"{len(names)} tracks ({', '.join(f'1 {name}' for name in names)})" in words
    assert datasets.folder(tmp_path, subset=names[0]).track_names == ("A",)


def test_usual_subsets_come_in_their_order_and_before_others(tmp_path: Path) -> None:
    for name in ("extra", "test", "valid", "train"):
        write_song(tmp_path / name / "song")
    subsets = [entry.subset for entry in datasets.folder(tmp_path).entries]
    assert subsets == ["train", "valid", "test", "extra"]


def test_a_track_whose_name_begins_with_dots_is_one(tmp_path: Path, run: Run) -> None:
    for name in ("...And Then", "Other"):
        write_song(tmp_path / "stems" / name)
    assert datasets.folder(tmp_path / "stems").track_names == ("...And Then", "Other")
    status, out, err = run("bounds", tmp_path / "stems", *QUICK, "--out", tmp_path / "out")
    assert (status, err) == (0, "")
    assert "2 tracks" in out
    for name in ("...And Then", "Other"):
        write(tmp_path / "mixes/test/mix" / f"{name}.wav", noise(0) + noise(1))
        write(tmp_path / "mixes/test/s1" / f"{name}.wav", noise(0))
        write(tmp_path / "mixes/test/s2" / f"{name}.wav", noise(1))
    assert datasets.librimix(tmp_path / "mixes").track_names == ("...And Then", "Other")


def test_audio_in_folders_of_no_track_is_named(run: Run, tmp_path: Path) -> None:
    write_song(tmp_path / "stems/song")
    write_song(tmp_path / "stems/song/takes/first", first=5)
    write_song(tmp_path / "stems/old/2024/song", "a.wav", "b.flac", "c.m4a.wav", first=5)
    (tmp_path / "stems/extra.tar.gz").write_bytes(b"?")
    dataset = datasets.folder(tmp_path / "stems")
    assert dataset.track_names == ("song",)
    assert left_out(dataset) == {
        "song/takes": "2 audio files",
        "old": "3 audio files",
        "extra.tar.gz": "archive",
    }
    status, out, _ = run("bounds", tmp_path / "stems", *QUICK, "--out", tmp_path / "out")
    assert status == 0
    assert "Not read: extra.tar.gz (archive), old" in " ".join(out.split())
    settings = json.loads((tmp_path / "out/run.json").read_text())
    assert "song/takes (2 audio files)" in settings["left_out"]
    assert any(note.startswith("Not read: ") for note in settings["notes"])


def test_a_folder_without_audio_is_named_and_an_empty_one_an_error(tmp_path: Path) -> None:
    write_song(tmp_path / "song")
    (tmp_path / "artwork").mkdir()
    (tmp_path / "artwork/cover.png").write_bytes(b"?")
    (tmp_path / "lost").mkdir()
    (tmp_path / "lost/.DS_Store").touch()
    dataset = datasets.folder(tmp_path)
    assert dataset.track_names == ("lost", "song")
    assert left_out(dataset) == {"artwork": "no audio in it"}
    with pytest.raises(ValueError, match="lost must hold a track's audio files, got none"):
        dataset[0]


@pytest.mark.parametrize("empty", ["test", "test/B"])
def test_a_subset_that_has_lost_its_tracks_is_noticed(tmp_path: Path, empty: str) -> None:
    write_song(tmp_path / "train/A")
    (tmp_path / empty).mkdir(parents=True)
    dataset = datasets.folder(tmp_path)
    if empty == "test":
        assert left_out(dataset) == {"test": "no audio in it"}
        return
    assert dataset.track_names == ("A", "B")
    with pytest.raises(ValueError, match="test/B must hold a track's audio files, got none"):
        dataset[1]


def test_the_working_folder_may_be_the_dataset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_song(tmp_path / "song")
    write_song(tmp_path / "song/takes", "x.wav")
    monkeypatch.chdir(tmp_path)
    for root in (".", "./", "../" + tmp_path.name, str(tmp_path) + "/"):
        assert left_out(datasets.folder(root)) == {"song/takes": "1 audio file"}
    make_fuss(tmp_path / "fuss")
    monkeypatch.chdir(tmp_path / "fuss")
    assert left_out(datasets.fuss(".")) == {}


def test_a_subset_alone_leaves_nothing_out_that_was_not_asked_for(tmp_path: Path) -> None:
    for name in ("train/A", "test/B"):
        write_song(tmp_path / name)
    assert datasets.folder(tmp_path, subset="train").left_out == ()


def test_names_that_are_no_text_are_written(run: Run, tmp_path: Path) -> None:
    write_song(tmp_path / "stems/song")
    place = os.fsencode(tmp_path / "stems") + b"/b\xff.m4a"
    with open(place, "wb"):
        pass
    status, out, _ = run("bounds", tmp_path / "stems", *QUICK, "--out", tmp_path / "out")
    assert status == 0
    assert r"Not read: b\udcff.m4a (audio file)." in out
    assert r"b\udcff.m4a" in json.loads((tmp_path / "out/run.json").read_text())["left_out"][0]


def test_a_stray_file_beside_tracks_is_named(tmp_path: Path) -> None:
    write_song(tmp_path / "A")
    (tmp_path / "cover.m4a").write_bytes(b"?")
    assert left_out(datasets.folder(tmp_path)) == {"cover.m4a": "audio file"}
    write(tmp_path / "bounce.wav", noise(5))
    message = r"with bounce\.wav, cover\.m4a beside folders of audio \(A\): if the files"
    with pytest.raises(ValueError, match=message):
        datasets.folder(tmp_path)


def test_links_to_nothing_are_named_or_an_error(tmp_path: Path) -> None:
    write_song(tmp_path / "song")
    (tmp_path / "moved song").symlink_to(tmp_path / "nowhere")
    assert left_out(datasets.folder(tmp_path)) == {"moved song": "broken link"}
    (tmp_path / "song/bass.wav").symlink_to(tmp_path / "nowhere.wav")
    with pytest.raises(
        ValueError, match=r"bass\.wav must be a readable audio file \(a broken link"
    ):
        datasets.folder(tmp_path)[0]


def test_links_that_go_round_end(tmp_path: Path) -> None:
    write_song(tmp_path / "song")
    (tmp_path / "song/again").symlink_to(tmp_path)
    dataset = datasets.folder(tmp_path)
    assert (dataset.track_names, left_out(dataset)) == (("song",), {})


def test_where_audio_lies_deeper_the_error_says_where(tmp_path: Path) -> None:
    write_song(tmp_path / "a/b/c/song")
    message = rf"no audio file in it .* \(the first is in {tmp_path}/a/b/c/song: name the folder"
    with pytest.raises(ValueError, match=message):
        datasets.folder(tmp_path)


def test_a_folder_for_each_source_is_refused_by_the_names_of_sources(tmp_path: Path) -> None:
    for name in ("Vocals", "drums", "mixture"):
        write_song(tmp_path / name, "song 1.wav", "song 2.wav")
    message = (
        r"must hold a folder for each track, got .* with one for each source \(Vocals, drums, "
        r"mixture\): make one for each track, with files named after the sources$"
    )
    with pytest.raises(ValueError, match=message):
        datasets.folder(tmp_path)


# Datasets by name


def make_hq(root: Path) -> None:
    for place in ("train/a", "test/b"):
        write_song(root / place, *(f"{n}.wav" for n in ("mixture", *datasets.four_stems.STEMS)))


def make_dsd100(root: Path) -> None:
    for place in ("Dev/a", "Test/b"):
        write_song(root / "Mixtures" / place, "mixture.wav")
        write_song(root / "Sources" / place, *(f"{n}.wav" for n in datasets.four_stems.STEMS))


def make_speech(root: Path) -> None:
    for name in ("mix_clean", "mix_both", "s1", "s2", "noise"):
        write_song(root / "test" / name, "a.wav", "b.wav")


def make_fuss(root: Path) -> None:
    for subset in ("train", "eval"):
        write_song(root / subset, "a.wav")
        write_song(root / subset / "a_sources", "one.wav", "two.wav")


@pytest.mark.parametrize(
    ("name", "make", "more", "expected"),
    [
        ("musdb18hq", make_hq, "train/a/guitar.wav", {"train/a/guitar.wav": "audio file"}),
        ("musdb18hq", make_hq, "valid/c/drums.wav", {"valid": "1 audio file"}),
        ("musdb18hq", make_hq, "train/a/solo.m4a", {"train/a/solo.m4a": "audio file"}),
        ("dsd100", make_dsd100, "Sources/Dev/a/solo.wav", {"Sources/Dev/a/solo.wav": "audio file"}),
        ("dsd100", make_dsd100, "Mixtures/x.wav", {"Mixtures/x.wav": "audio file"}),
        ("librimix", make_speech, "", {}),
        ("librimix", make_speech, "dev/mix/a.wav", {"dev": "1 audio file"}),
        ("librimix", make_speech, "test/mix_noisy/a.wav", {"test/mix_noisy": "1 audio file"}),
        ("fuss", make_fuss, "test/a.wav", {"test": "1 audio file"}),
        ("fuss", make_fuss, "eval/a_sources/b/x.wav", {"eval/a_sources/b": "1 audio file"}),
        ("fuss", make_fuss, "train.tar.gz", {"train.tar.gz": "archive"}),
    ],
)
def test_what_a_dataset_by_name_does_not_read_is_named(
    tmp_path: Path,
    name: str,
    make: Callable[[Path], None],
    more: str,
    expected: dict[str, str],
) -> None:
    make(tmp_path)
    if more:
        (tmp_path / more).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / more).write_bytes(b"?")
    assert left_out(getattr(datasets, name)(tmp_path)) == expected


def test_a_part_of_a_dataset_leaves_nothing_out_that_was_not_asked_for(tmp_path: Path) -> None:
    make_hq(tmp_path)
    dataset = datasets.musdb18hq(tmp_path).select(subset="test")
    assert (dataset.track_names, dataset.left_out) == (("b",), ())


# Selection


@pytest.mark.parametrize("pattern", ["Song [Live]", "song [live]"])
def test_a_pattern_that_is_a_name_selects_that_track(tmp_path: Path, pattern: str) -> None:
    for name in ("Song [Live]", "Song L", "Song", "Song *"):
        write_song(tmp_path / name)
    dataset = datasets.folder(tmp_path)
    assert dataset.select(pattern=pattern).track_names == ("Song [Live]",)
    assert dataset.select(pattern="Song *").track_names == ("Song *",)
    assert dataset.select(pattern="Song?[l]").track_names == ("Song L",)


# Fingerprints


@pytest.mark.parametrize(
    ("change", "again"),
    [
        ("stems/a/.DS_Store", False),
        ("stems/a/notes.txt", False),
        ("stems/a/sub/old.wav", False),
        ("stems/a/drums.wav", True),
        ("stems/a/bass.wav", True),
        ("est/a/.DS_Store", False),
        ("est/a/readme.md", False),
        ("est/a/drums.wav", True),
    ],
)
@pytest.mark.filterwarnings("ignore::oracle.tracks.rest.InputWarning")
def test_only_what_is_read_makes_a_track_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str, again: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    write_song(Path("stems/a"))
    write_song(Path("est/a"), first=5)
    scored: list[str] = []
    real = system_scores._score_estimates

    def score(track: oracle.Track, **options: object) -> object:
        scored.append(track.name)
        return real(track, **options)  # type: ignore[arg-type]

    monkeypatch.setattr("oracle.jobs.system_scores._score_estimates", score)

    def run_again() -> bool:
        scored.clear()
        with contextlib.suppress(oracle.TracksFailed):  # for want of an estimate of what is new
            oracle.score_system(datasets.folder("stems"), "est", metrics=["uSDR"], out="out")
        return bool(scored)

    assert run_again()
    assert not run_again()
    path = Path(change)
    path.parent.mkdir(exist_ok=True)
    if path.suffix == ".wav":
        write(path, noise(77))
        os.utime(path, (0, 0))
    else:
        path.write_text("changed")
    assert run_again() == again
