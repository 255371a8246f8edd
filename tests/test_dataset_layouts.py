"""The datasets of the field: each from a small tree in its own layout."""

import json
import pickle
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import yaml

import oracle
from oracle import datasets
from oracle.datasets import Dataset
from oracle.datasets.catalogue import FOLDER, NAMED
from oracle.runs.footprints import predict_footprint, predict_largest_footprint
from oracle.tracks.track import Audio

RATE = 8000
QUARTET = ("drums", "bass", "other", "vocals")


def noise(seed: int, *, n_channels: int = 2, n_samples: int = RATE) -> Audio:
    """Noise on the grid of 16 bit, which every lossless format holds exactly."""
    steps = np.random.default_rng(seed).integers(-4000, 4001, (n_channels, n_samples))
    return (steps / 2**15).astype(np.float32)


def write(path: Path, audio: Audio, rate: int = RATE) -> Audio:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, audio.T, rate)
    return audio


def write_each(folder: Path, *names: str, seed: int = 0, **shape: int) -> dict[str, Audio]:
    """Write different noise to each file; return it by the name without the suffix."""
    return {
        Path(name).stem: write(folder / name, noise(seed + number, **shape))
        for number, name in enumerate(names)
    }


def litter(root: Path) -> None:
    """Leave what systems and people leave in every folder: hidden files, notes, pictures."""
    for folder in [root, *(path for path in root.rglob("*") if path.is_dir())]:
        for name in (".DS_Store", "._mixture.wav", ".trash/a.wav", "notes.txt", "cover.png"):
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text("no audio")


def places(dataset: Dataset) -> list[str]:
    return [f"{entry.subset}/{entry.name}" for entry in dataset.entries]


# A tree of every dataset, and what is in it


def make_musdb18hq(root: Path) -> None:
    for place in ("train/b", "train/a", "test/c - d.e"):
        write_each(root / place, "mixture.wav", *(f"{name}.wav" for name in QUARTET))


def make_dsd100(root: Path) -> None:
    for place in ("Dev/052 - b", "Dev/051 - a", "Test/001 - c"):
        write_each(root / "Mixtures" / place, "mixture.wav")
        write_each(root / "Sources" / place, *(f"{name}.wav" for name in QUARTET), seed=1)


# Files by stem: their seeds, and their shapes if these are not the usual ones.
Files = Mapping[str, list[tuple[int, dict[str, int]]]]
SONG: Files = {
    "vocals": [(1, {})],
    "other_keys": [(2, {}), (3, {}), (4, {})],
    "bass": [(5, {}), (6, {})],
}


def make_song(place: Path, files: Files = SONG, rates: tuple[int, ...] = (RATE,)) -> None:
    stems = []
    for stem, takes in files.items():
        tracks = []
        for seed, shape in takes:
            path = place / stem / f"id-{seed}.wav"
            write(path, noise(seed, **shape), rates[seed % len(rates)])
            tracks.append(
                {"id": path.stem, "trackType": stem, "extension": "wav", "has_bleed": False}
            )
        stems.append({"id": f"s-{stem}", "stemName": stem, "tracks": tracks})
    place.mkdir(parents=True, exist_ok=True)
    content = {"song": "A Song", "artist": "An Artist", "genre": "rock", "stems": stems}
    (place / "data.json").write_text(json.dumps(content))


def make_moisesdb(root: Path) -> None:
    for name in ("bb-22", "aa-11"):
        make_song(root / "moisesdb_v0.1" / name)


def make_slakh_track(place: Path, suffix: str = "flac") -> None:
    classes = {"S00": "Guitar", "S01": "Piano", "S02": "Guitar", "S03": "Drums", "S05": "Bass"}
    stems = {
        name: {"audio_rendered": True, "inst_class": instrument, "is_drum": False}
        for name, instrument in classes.items()
    }
    stems["S04"] = {"audio_rendered": False, "inst_class": "Sound Effects", "is_drum": False}
    write_each(place / "stems", *(f"{name}.{suffix}" for name in classes), n_channels=1)
    write_each(place, f"mix.{suffix}", seed=9, n_channels=1)
    for name in ("all_src.mid", "MIDI/S00.mid"):
        (place / name).parent.mkdir(exist_ok=True)
        (place / name).write_bytes(b"MThd")
    metadata = {"UUID": "1a81", "audio_dir": "stems", "overall_gain": 0.18, "stems": stems}
    (place / "metadata.yaml").write_text(yaml.safe_dump(metadata))


def make_slakh2100(root: Path) -> None:
    for place in (
        *("train/Track00002", "train/Track00001", "validation/Track01501", "test/Track01876"),
        "omitted/Track00003",
    ):
        make_slakh_track(root / place)


def make_librimix(root: Path) -> None:
    for subset in ("train-100", "dev", "test"):
        for seed, place in enumerate(("mix_clean", "mix_both", "mix_single", "noise", "s1", "s2")):
            names = ("4077-13754-0001_5142-33396-0065.wav", "1089-134686-0000_121-127105-0031.wav")
            write_each(root / subset / place, *names, seed=2 * seed, n_channels=1)
    (root / "metadata").mkdir()
    (root / "metadata" / "mixture_dev_mix_clean.csv").write_text("mixture_ID,mixture_path\n")


def make_wsj0_2mix(root: Path) -> None:
    for subset in ("tr", "cv", "tt"):
        for seed, place in enumerate(("mix", "s1", "s2")):
            name = "011a0101_1.8917_011o030u_-1.8917.wav"
            write_each(root / subset / place, name, seed=seed, n_channels=1)


def make_fuss(root: Path) -> None:
    sources = ("background0_sound.wav", "foreground0_sound.wav", "foreground1_sound.wav")
    for n_sources, example in (
        (2, "train/example00001"),
        (1, "train/example00000"),
        (3, "validation/example00000"),
        (2, "eval/example00000"),
    ):
        write_each(root / f"{example}_sources", *sources[:n_sources], seed=1, n_channels=1)
        write(root / f"{example}.wav", noise(0, n_channels=1))
        (root / f"{example}.jams").write_text("{}")
        (root / f"{example}.txt").write_text("room impulse responses used")


MAKE: dict[str, Callable[[Path], None]] = {
    "musdb18-hq": make_musdb18hq,
    "dsd100": make_dsd100,
    "moisesdb": make_moisesdb,
    "slakh2100": make_slakh2100,
    "librimix": make_librimix,
    "wsj0-2mix": make_wsj0_2mix,
    "fuss": make_fuss,
}
TRACKS = {
    "musdb18-hq": ["train/a", "train/b", "test/c - d.e"],
    "dsd100": ["Dev/051 - a", "Dev/052 - b", "Test/001 - c"],
    "moisesdb": ["test/aa-11", "test/bb-22"],
    "slakh2100": [
        *("train/Track00001", "train/Track00002", "validation/Track01501", "test/Track01876"),
    ],
    "librimix": [
        f"{subset}/{name}"
        for subset in ("dev", "test", "train-100")
        for name in ("1089-134686-0000_121-127105-0031", "4077-13754-0001_5142-33396-0065")
    ],
    "wsj0-2mix": [f"{subset}/011a0101_1.8917_011o030u_-1.8917" for subset in ("cv", "tr", "tt")],
    "fuss": [
        *("train/example00000", "train/example00001"),
        *("validation/example00000", "eval/example00000"),
    ],
}
SOURCES = {
    "musdb18-hq": QUARTET,
    "dsd100": QUARTET,
    "moisesdb": ("bass", "vocals", "other_keys"),
    "slakh2100": ("Drums", "Bass", "Guitar", "Piano"),
    "librimix": ("s1", "s2"),
    "wsj0-2mix": ("s1", "s2"),
    "fuss": ("background0_sound", "foreground0_sound"),
}
TITLES = {
    "musdb18-hq": "MUSDB18-HQ",
    "dsd100": "DSD100",
    "moisesdb": "MoisesDB",
    "slakh2100": "Slakh2100",
    "librimix": "LibriMix",
    "wsj0-2mix": "WSJ0-mix",
    "fuss": "FUSS",
}
# Of the whole dataset: FUSS has more of them than its last track.
INTERCHANGEABLE = {
    "librimix": ("s1", "s2"),
    "wsj0-2mix": ("s1", "s2"),
    "fuss": ("background0_sound", "foreground0_sound", "foreground1_sound"),
}


@pytest.fixture(params=MAKE)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def root(name: str, tmp_path: Path) -> Path:
    root = tmp_path / "data"
    MAKE[name](root)
    litter(root)
    return root


def open_dataset(name: str, root: str | Path) -> Dataset:
    dataset = NAMED[name].open(root)
    assert isinstance(dataset, Dataset)
    return dataset


def test_every_dataset_but_the_compressed_one_has_a_tree_here() -> None:
    assert {*NAMED} - {*MAKE} == {"waltz", "musdb18"}


def test_tracks_are_listed_by_subset_and_name(name: str, root: Path) -> None:
    dataset = open_dataset(name, str(root))
    assert places(dataset) == TRACKS[name]
    assert (dataset.name, dataset.root, dataset.seconds) == (TITLES[name], root, None)


def test_root_is_resolved(name: str, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root.parent)
    assert open_dataset(name, "data").root == root
    monkeypatch.setenv("HOME", str(root.parent))
    assert open_dataset(name, "~/data").root == root


def test_it_is_known_how_much_audio_there_may_be(name: str, root: Path) -> None:
    dataset = open_dataset(name, root)
    for entry, track in zip(dataset.entries, dataset, strict=True):
        # The rest of a delivered mixture may become one more; of classes only stems are counted.
        n_sources = len(track.sources) + (not track.mixture_is_sum)
        assert entry.most_sources == (6 if name == "slakh2100" else n_sources)
    longest = max(
        predict_footprint(
            entry.most_sources or 0, track.n_channels, track.n_samples, metrics=["SIR"]
        )
        for entry, track in zip(dataset.entries, dataset, strict=True)
    )
    assert predict_largest_footprint(dataset, ["SIR"]) == longest


def test_every_track_reads_as_it_was_announced(name: str, root: Path) -> None:
    for track, place in zip(open_dataset(name, root), TRACKS[name], strict=True):
        assert f"{track.subset}/{track.name}" == place
        assert track.rate == RATE
        assert track.n_samples == RATE
        assert track.mixture_is_sum is (name == "moisesdb")


def test_sources_have_the_names_of_the_dataset_in_the_usual_order(name: str, root: Path) -> None:
    assert tuple(open_dataset(name, root)[-1].sources) == SOURCES[name]


def test_interchangeable_sources_are_told_and_selections_keep_them(name: str, root: Path) -> None:
    dataset = open_dataset(name, root)
    expected = INTERCHANGEABLE.get(name, ())
    assert dataset.interchangeable == expected
    assert dataset.select(first=1, seconds=0.5).interchangeable == expected
    assert dataset[1:].interchangeable == expected


def test_nothing_is_read_before_a_track_is_indexed(name: str, root: Path) -> None:
    for path in root.rglob("*"):
        if path.suffix in (".wav", ".flac", ".json", ".yaml"):
            path.write_bytes(b"no audio")
    dataset = open_dataset(name, root)
    assert places(dataset) == TRACKS[name]
    with pytest.raises(ValueError, match=f"{root}/.* must "):
        dataset[0]


def test_dataset_survives_pickling(name: str, root: Path) -> None:
    dataset = open_dataset(name, root).select(first=2, seconds=0.5)
    copy = pickle.loads(pickle.dumps(dataset))
    assert places(copy) == TRACKS[name][:2]
    np.testing.assert_array_equal(copy[1].mixture, dataset[1].mixture)


@pytest.mark.filterwarnings("ignore::oracle.tracks.rest.InputWarning")  # of mixtures of noise
def test_bounds_are_computed(name: str, root: Path, tmp_path: Path) -> None:
    dataset = open_dataset(name, root).select(first=2)
    out = tmp_path / "out"
    table = oracle.compute_bounds(
        dataset, methods=["MIX"], metrics=["uSDR"], rest="ignore", out=out
    ).table
    assert table["n_tracks"].max() == 2
    assert np.isfinite(table["median"]).all()
    subset = TRACKS[name][0].partition("/")[0]
    assert (out / "tracks" / subset).is_dir()


def test_every_track_knows_the_files_that_it_is_read_from(
    name: str, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: set[Path] = set()
    open_file = soundfile.SoundFile

    def note(file: Path, *arguments: Any, **options: Any) -> soundfile.SoundFile:
        read.add(file)
        return open_file(file, *arguments, **options)

    monkeypatch.setattr(soundfile, "SoundFile", note)
    for entry in open_dataset(name, root).entries:
        read.clear()
        entry.read()
        assert read
        for file in read:
            assert any(file.is_relative_to(path) for path in entry.paths), file


@pytest.mark.parametrize("name", [name for name in MAKE if name != "moisesdb"], indirect=True)
def test_subsets_that_are_missing_are_none(name: str, root: Path) -> None:
    subset = TRACKS[name][-1].partition("/")[0]
    for folder in [path for path in root.rglob(subset) if path.is_dir()]:
        remove(folder)
    rest = [place for place in TRACKS[name] if not place.startswith(f"{subset}/")]
    assert rest
    assert places(open_dataset(name, root)) == rest


def remove(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    if folder.is_dir():
        folder.rmdir()


def test_subset_is_selected(name: str, root: Path) -> None:
    subset = TRACKS[name][-1].partition("/")[0]
    expected = [place for place in TRACKS[name] if place.startswith(f"{subset}/")]
    assert places(open_dataset(name, root).select(subset=subset)) == expected


# What is no such dataset


LAYOUTS = {
    "musdb18-hq": "folders of tracks in train and test",
    "dsd100": "folders of tracks in Mixtures/Dev, Mixtures/Test, Sources/Dev and Sources/Test",
    "moisesdb": "folders of tracks with data.json in them",
    "slakh2100": "folders TrackNNNNN in train, validation and test",
    "librimix": "folders mix_clean (or mix), s1, s2, ... of files, or subsets of these folders",
    "wsj0-2mix": "folders mix_clean (or mix), s1, s2, ... of files, or subsets of these folders",
    "fuss": "mixtures NAME.wav and their sources in NAME_sources in train, validation and eval",
}


def test_another_folder_is_refused_with_what_is_expected_and_found(
    name: str, tmp_path: Path
) -> None:
    message = f"^root must hold {re.escape(LAYOUTS[name])}, got {tmp_path} with {{}} in it$"
    (tmp_path / ".hidden").mkdir()
    with pytest.raises(ValueError, match=message.format("nothing")):
        open_dataset(name, tmp_path)
    for file in ("a.txt", "b/x.wav", "c/train/x.wav"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    with pytest.raises(ValueError, match=message.format(r"a\.txt, b, c")):
        open_dataset(name, tmp_path)
    for folder in ("d", "e"):
        (tmp_path / folder).mkdir()
    with pytest.raises(ValueError, match=message.format(r"a\.txt, b, c, 2 more")):
        open_dataset(name, tmp_path)


def test_root_that_is_no_folder_is_named(name: str, tmp_path: Path) -> None:
    message = f"^root must be the folder of a dataset, got {tmp_path}"
    with pytest.raises(FileNotFoundError, match=f"{message}/gone: no such folder$"):
        open_dataset(name, tmp_path / "gone")
    (tmp_path / "file").touch()
    with pytest.raises(FileNotFoundError, match=f"{message}/file: it is a file$"):
        open_dataset(name, tmp_path / "file")


def a_source_of_the_first_track(name: str, root: Path) -> Path:
    place = {
        "musdb18-hq": "train/a/bass.wav",
        "dsd100": "Sources/Dev/051 - a/bass.wav",
        "moisesdb": "moisesdb_v0.1/aa-11/bass/id-5.wav",
        "slakh2100": "train/Track00001/stems/S02.flac",
        "librimix": f"{TRACKS['librimix'][0].replace('/', '/s1/')}.wav",
        "wsj0-2mix": f"{TRACKS['wsj0-2mix'][0].replace('/', '/s2/')}.wav",
        "fuss": "train/example00000_sources/background0_sound.wav",
    }
    path = root / place[name]
    assert path.exists()
    return path


@pytest.mark.parametrize("what", ["cut", "text", "gone"])
def test_a_broken_file_is_named_and_the_other_tracks_are_read(
    name: str, root: Path, what: str
) -> None:
    dataset = open_dataset(name, root)
    path = a_source_of_the_first_track(name, root)
    if what == "cut":
        path.write_bytes(path.read_bytes()[:4000])
    elif what == "text":
        path.write_text("no audio")
    else:
        path.unlink()
    with pytest.raises(ValueError, match=re.escape(str(path.parent if what == "gone" else path))):
        dataset[0]
    assert dataset[1].n_samples == RATE


@pytest.mark.parametrize("name", [name for name in MAKE if name != "moisesdb"], indirect=True)
def test_files_of_different_lengths_are_named_not_padded(name: str, root: Path) -> None:
    path = a_source_of_the_first_track(name, root)
    write(path, noise(0, n_channels=soundfile.info(path).channels, n_samples=RATE + 1))
    with pytest.raises(
        ValueError, match=f"have the same number of samples, .* 8001 in {re.escape(str(path))}"
    ):
        open_dataset(name, root)[0]


# MUSDB18-HQ and DSD100


@pytest.mark.parametrize("name", ["musdb18-hq", "dsd100"], indirect=False)
def test_mixture_of_songs_is_as_delivered(name: str, tmp_path: Path) -> None:
    MAKE[name](tmp_path)
    track = open_dataset(name, tmp_path)[0]
    np.testing.assert_array_equal(track.mixture, noise(0))
    for seed, source in enumerate(QUARTET, start=1):
        np.testing.assert_array_equal(track.sources[source], noise(seed))


@pytest.mark.parametrize("missing", ["mixture", *QUARTET])
def test_song_without_a_stem_is_an_error_that_names_it(tmp_path: Path, missing: str) -> None:
    make_musdb18hq(tmp_path / "hq")
    (tmp_path / "hq" / "train" / "a" / f"{missing}.wav").unlink()
    dataset = datasets.musdb18hq(tmp_path / "hq")
    message = f"^{tmp_path}/hq/train/a must hold one audio file called {missing}, got none$"
    with pytest.raises(ValueError, match=message):
        dataset[0]
    assert dataset[1].name == "b"


def test_song_with_a_stem_twice_is_an_error(tmp_path: Path) -> None:
    make_musdb18hq(tmp_path)
    write(tmp_path / "train" / "a" / "bass.flac", noise(0))
    message = r"train/a must hold one audio file called bass, got bass\.flac and bass\.wav$"
    with pytest.raises(ValueError, match=message):
        datasets.musdb18hq(tmp_path)[0]


def test_songs_may_be_flac_and_have_other_files_beside(tmp_path: Path) -> None:
    files = ("mixture.flac", *(f"{name}.flac" for name in QUARTET))
    audio = write_each(tmp_path / "test" / "a", *files, "accompaniment.wav", "linear_mixture.wav")
    (track,) = datasets.musdb18hq(tmp_path)
    assert tuple(track.sources) == QUARTET
    np.testing.assert_array_equal(track.mixture, audio["mixture"])


def test_musdb18_hq_is_what_a_folder_in_its_layout_is(tmp_path: Path) -> None:
    make_musdb18hq(tmp_path)
    for ours, folders in zip(datasets.musdb18hq(tmp_path), datasets.folder(tmp_path), strict=True):
        assert repr(ours) == repr(folders)
        np.testing.assert_array_equal(ours.mixture, folders.mixture)


@pytest.mark.parametrize(
    ("gone", "message"),
    [
        ("Mixtures", "Mixtures/Dev/051 - a must hold one audio file called mixture, got none"),
        ("Sources", "Sources/Dev/051 - a must hold one audio file called drums, got none"),
    ],
)
def test_dsd100_track_in_one_of_two_places_is_not_passed_over(
    tmp_path: Path, gone: str, message: str
) -> None:
    make_dsd100(tmp_path)
    remove(tmp_path / gone / "Dev" / "051 - a")
    dataset = datasets.dsd100(tmp_path)
    assert places(dataset) == TRACKS["dsd100"]
    with pytest.raises(ValueError, match=message):
        dataset[0]


# MoisesDB


def test_moisesdb_stem_is_the_sum_of_its_files_and_the_mixture_of_the_stems(tmp_path: Path) -> None:
    make_moisesdb(tmp_path)
    track = datasets.moisesdb(tmp_path)[0]
    np.testing.assert_array_equal(track.sources["vocals"], noise(1))
    np.testing.assert_array_equal(track.sources["bass"], noise(5) + noise(6))
    np.testing.assert_array_equal(track.sources["other_keys"], noise(2) + noise(3) + noise(4))
    np.testing.assert_array_equal(track.mixture, sum(track.sources.values()))


def test_moisesdb_root_may_be_the_folder_of_the_tracks(tmp_path: Path) -> None:
    make_moisesdb(tmp_path)
    assert places(datasets.moisesdb(tmp_path / "moisesdb_v0.1")) == TRACKS["moisesdb"]


def test_moisesdb_reads_the_files_that_are_listed(tmp_path: Path) -> None:
    make_song(tmp_path / "a")
    write_each(tmp_path / "a" / "bass", "more.wav")
    write_each(tmp_path / "a" / "drums", "more.wav")
    dataset = datasets.moisesdb(tmp_path)
    (track,) = dataset
    assert {str(each) for each in dataset.left_out} == {
        "a/bass/more.wav (audio file)",
        "a/drums (1 audio file)",
    }
    assert tuple(track.sources) == SOURCES["moisesdb"]
    np.testing.assert_array_equal(track.sources["bass"], noise(5) + noise(6))


def test_moisesdb_stem_may_be_listed_twice_or_without_files(tmp_path: Path) -> None:
    make_song(tmp_path / "a")
    description = tmp_path / "a" / "data.json"
    content = json.loads(description.read_text())
    (*_, bass) = content["stems"]
    content["stems"].append(bass | {"tracks": bass["tracks"][1:]})
    bass["tracks"] = bass["tracks"][:1]
    content["stems"].append({"stemName": "wind", "tracks": []})
    description.write_text(json.dumps(content))
    (track,) = datasets.moisesdb(tmp_path)
    assert tuple(track.sources) == SOURCES["moisesdb"]
    np.testing.assert_array_equal(track.sources["bass"], noise(5) + noise(6))


def test_moisesdb_pads_what_ends_early_and_says_so(tmp_path: Path) -> None:
    files = {
        "bass": [(1, {"n_samples": 700}), (2, {"n_samples": 900})],
        "drums": [(3, {"n_samples": 800}), (4, {"n_samples": 500})],
    }
    make_song(tmp_path / "a", files)
    warning = "^a: files have 500 to 900 samples; the shorter ones are padded with zeros$"
    with pytest.warns(UserWarning, match=warning):
        (track,) = datasets.moisesdb(tmp_path)
    assert track.mixture.shape == (2, 900)
    for source, seeds in (("bass", (1, 2)), ("drums", (3, 4))):
        expected = np.zeros((2, 900), np.float32)
        for seed in seeds:
            audio = noise(seed, **dict(files[source])[seed])
            expected[:, : audio.shape[1]] += audio
        np.testing.assert_array_equal(track.sources[source], expected)


@pytest.mark.parametrize("n_channels", [1, 2])
def test_moisesdb_mono_is_heard_on_all_channels(tmp_path: Path, n_channels: int) -> None:
    files = {
        "bass": [(1, {"n_channels": 1}), (2, {"n_channels": n_channels})],
        "drums": [(3, {"n_channels": 1})],
    }
    make_song(tmp_path / "a", files)
    (track,) = datasets.moisesdb(tmp_path)
    assert track.n_channels == n_channels
    mono = noise(1, n_channels=1)
    np.testing.assert_array_equal(track.sources["bass"], mono + noise(2, n_channels=n_channels))
    for channel in track.sources["drums"]:
        np.testing.assert_array_equal(channel, noise(3, n_channels=1)[0])


def test_moisesdb_files_that_do_not_fit_are_named_with_their_values(tmp_path: Path) -> None:
    make_song(tmp_path / "a", rates=(RATE, 44100))
    message = (
        "^files of a track must have the same sampling rate in Hz, "
        r"got 44100 in .*/a/bass/id-5\.wav and 8000 in .*/a/bass/id-6\.wav$"
    )
    with pytest.raises(ValueError, match=message):
        datasets.moisesdb(tmp_path)[0]
    remove(tmp_path / "a")
    make_song(tmp_path / "a", {"bass": [(1, {}), (2, {"n_channels": 3})]})
    message = (
        "^files of a track must have the same number of channels or be mono, "
        r"got 2 in .*/a/bass/id-1\.wav and 3 in .*/a/bass/id-2\.wav$"
    )
    with pytest.raises(ValueError, match=message):
        datasets.moisesdb(tmp_path)[0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("no json", "JSONDecodeError"),
        ("[]", "TypeError"),
        ("{}", r"KeyError\('stems'\)"),
        ('{"stems": [{"tracks": [{"id": "a", "extension": "wav"}]}]}', r"KeyError\('stemName'\)"),
        ('{"stems": [{"stemName": "bass", "tracks": [{"id": "a"}]}]}', r"KeyError\('extension'\)"),
    ],
)
def test_moisesdb_description_that_is_none_is_named(
    tmp_path: Path, content: str, message: str
) -> None:
    make_song(tmp_path / "a")
    (tmp_path / "a" / "data.json").write_text(content)
    where = f"^{tmp_path}/a/data.json must list stems and their files"
    with pytest.raises(ValueError, match=rf"{where} \({message}"):
        datasets.moisesdb(tmp_path)[0]


def test_moisesdb_track_without_files_is_an_error(tmp_path: Path) -> None:
    make_song(tmp_path / "a", {})
    with pytest.raises(ValueError, match=r"a/data\.json must list stems and their files, got none"):
        datasets.moisesdb(tmp_path)[0]


def test_moisesdb_track_without_description_among_others_is_not_passed_over(
    tmp_path: Path,
) -> None:
    make_moisesdb(tmp_path)
    (tmp_path / "moisesdb_v0.1" / "aa-11" / "data.json").unlink()
    dataset = datasets.moisesdb(tmp_path)
    assert places(dataset) == TRACKS["moisesdb"]
    with pytest.raises(ValueError, match=r"aa-11/data\.json must list stems .*No such file"):
        dataset[0]


def test_moisesdb_audio_that_is_no_track_is_named(tmp_path: Path) -> None:
    make_song(tmp_path / "a", {"bass": [(1, {"n_samples": 0})]})
    with pytest.raises(ValueError, match=r"a/bass/id-1\.wav must hold audio, got 0 samples"):
        datasets.moisesdb(tmp_path)[0]


# Slakh2100


@pytest.mark.parametrize("suffix", ["flac", "wav"])
def test_slakh2100_source_is_the_sum_of_the_stems_of_a_class(tmp_path: Path, suffix: str) -> None:
    make_slakh_track(tmp_path / "test" / "Track01876", suffix)
    (track,) = datasets.slakh2100(tmp_path)
    stems = [noise(seed, n_channels=1) for seed in range(5)]  # S00, S01, S02, S03, S05
    np.testing.assert_array_equal(track.sources["Guitar"], stems[0] + stems[2])
    np.testing.assert_array_equal(track.sources["Piano"], stems[1])
    np.testing.assert_array_equal(track.sources["Drums"], stems[3])
    np.testing.assert_array_equal(track.sources["Bass"], stems[4])
    np.testing.assert_array_equal(track.mixture, noise(9, n_channels=1))


def test_slakh2100_tracks_outside_subsets_are_the_subset_test(tmp_path: Path) -> None:
    for name in ("Track00002", "Track00001"):
        make_slakh_track(tmp_path / name, "wav")
    assert places(datasets.slakh2100(tmp_path)) == ["test/Track00001", "test/Track00002"]


@pytest.mark.parametrize(
    ("stem", "message"),
    [
        ({"inst_class": "Bass"}, r"got \{'inst_class': 'Bass'\}$"),
        ({"audio_rendered": True}, r"got \{'audio_rendered': True\}$"),
        (None, "got None$"),
    ],
)
def test_slakh2100_stem_without_a_class_is_an_error(
    tmp_path: Path, stem: object, message: str
) -> None:
    place = tmp_path / "test" / "Track01876"
    make_slakh_track(place)
    (place / "metadata.yaml").write_text(yaml.safe_dump({"stems": {"S00": stem}}))
    where = f"^{place}/metadata.yaml must give audio_rendered and inst_class of S00, "
    with pytest.raises(ValueError, match=where + message):
        datasets.slakh2100(tmp_path)[0]


@pytest.mark.parametrize(
    "content", ["", "a: [", "stems:", "- a", "stems: 3", "other: {}", None], ids=repr
)
def test_slakh2100_metadata_that_is_none_is_named(tmp_path: Path, content: str | None) -> None:
    place = tmp_path / "test" / "Track01876"
    make_slakh_track(place)
    if content is None:
        (place / "metadata.yaml").unlink()
    else:
        (place / "metadata.yaml").write_text(content)
    with pytest.raises(
        ValueError, match=rf"^{place}/metadata\.yaml must list the stems of a track"
    ):
        datasets.slakh2100(tmp_path)[0]


def test_slakh2100_track_of_which_nothing_is_rendered_is_an_error(tmp_path: Path) -> None:
    place = tmp_path / "test" / "Track01876"
    make_slakh_track(place)
    metadata = {"stems": {"S00": {"audio_rendered": False, "inst_class": "Bass"}}}
    (place / "metadata.yaml").write_text(yaml.safe_dump(metadata))
    with pytest.raises(ValueError, match=r"must list rendered stems, got none$"):
        datasets.slakh2100(tmp_path)[0]


def test_slakh2100_stem_that_is_missing_is_named(tmp_path: Path) -> None:
    place = tmp_path / "test" / "Track01876"
    make_slakh_track(place)
    (place / "stems" / "S02.flac").unlink()
    with pytest.raises(
        ValueError, match=f"^{place}/stems must hold one audio file called S02, got"
    ):
        datasets.slakh2100(tmp_path)[0]


def test_slakh2100_without_yaml_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_slakh_track(tmp_path / "test" / "Track01876")
    monkeypatch.setitem(sys.modules, "yaml", None)
    dataset = datasets.slakh2100(tmp_path)
    with pytest.raises(ImportError, match=r"PyYAML must be installed .*oracle-masks\[slakh\]"):
        dataset[0]


# LibriMix and WSJ0-2mix


def test_librimix_reads_the_clean_mixtures(tmp_path: Path) -> None:
    make_librimix(tmp_path)
    track = datasets.librimix(tmp_path).select(subset="dev")[1]
    np.testing.assert_array_equal(track.mixture, noise(0, n_channels=1))
    np.testing.assert_array_equal(track.sources["s1"], noise(8, n_channels=1))
    np.testing.assert_array_equal(track.sources["s2"], noise(10, n_channels=1))


def test_librimix_root_may_be_a_subset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_librimix(tmp_path)
    monkeypatch.chdir(tmp_path / "train-100")
    for root in (tmp_path / "train-100", "."):
        assert places(datasets.librimix(root)) == TRACKS["librimix"][-2:]


def test_librimix_of_many_speakers_has_them_in_order(tmp_path: Path) -> None:
    speakers = [f"s{number}" for number in range(1, 12)]
    for folder in ("mix_clean", *speakers, "s12.bak", "stems"):
        write_each(tmp_path / "test" / folder, "a.wav", n_channels=1)
    assert list(datasets.librimix(tmp_path)[0].sources) == speakers
    assert datasets.librimix(tmp_path).interchangeable == tuple(speakers)


@pytest.mark.parametrize("folder", ["mix_clean", "s1", "s2"])
def test_librimix_mixture_without_a_file_of_its_name_is_not_passed_over(
    tmp_path: Path, folder: str
) -> None:
    for place in ("mix_clean", "s1", "s2"):
        write_each(tmp_path / place, "a.wav", "b.wav", n_channels=1)
    (tmp_path / folder / "a.wav").unlink()
    dataset = datasets.librimix(tmp_path)
    assert dataset.track_names == ("a", "b")
    message = rf"{folder}/a\.wav must be a readable audio file \(no such file\)"
    with pytest.raises(ValueError, match=message):
        dataset[0]
    assert dataset[1].name == "b"


def test_librimix_without_clean_mixtures_says_what_is_there(tmp_path: Path) -> None:
    for folder in ("mix_both", "noise", "s1", "s2"):
        write_each(tmp_path / "dev" / folder, "a.wav", n_channels=1)
    message = (
        f"^{tmp_path}/dev must hold the mixtures of its speakers in mix_clean or mix, "
        "got mix_both, noise, s1, s2$"
    )
    with pytest.raises(ValueError, match=message):
        datasets.librimix(tmp_path)


def test_a_folder_of_speakers_is_pointed_to_librimix_which_reads_it(tmp_path: Path) -> None:
    make_librimix(tmp_path)
    for root in (tmp_path / "dev", tmp_path):
        with pytest.raises(
            ValueError, match=r"use the dataset librimix with this folder as its root$"
        ):
            datasets.folder(root)
        assert len(datasets.librimix(root)) >= 2


# FUSS


def test_fuss_mixture_is_as_delivered(tmp_path: Path) -> None:
    make_fuss(tmp_path)
    single, double = datasets.fuss(tmp_path).select(subset="train")
    assert list(single.sources) == ["background0_sound"]
    np.testing.assert_array_equal(double.mixture, noise(0, n_channels=1))
    np.testing.assert_array_equal(double.sources["background0_sound"], noise(1, n_channels=1))
    np.testing.assert_array_equal(double.sources["foreground0_sound"], noise(2, n_channels=1))


def test_fuss_mixture_without_sources_is_not_passed_over(tmp_path: Path) -> None:
    make_fuss(tmp_path)
    remove(tmp_path / "train" / "example00000_sources")
    message = r"train/example00000_sources must hold the sources of example00000\.wav, got none$"
    with pytest.raises(ValueError, match=message):
        datasets.fuss(tmp_path)[0]


def test_fuss_sources_without_their_mixture_are_not_passed_over(tmp_path: Path) -> None:
    make_fuss(tmp_path)
    (tmp_path / "train" / "example00000.wav").unlink()
    dataset = datasets.fuss(tmp_path)
    assert places(dataset) == TRACKS["fuss"]
    with pytest.raises(ValueError, match=r"example00000\.wav must be .* \(no such file\)"):
        dataset[0]


# The catalogue


@pytest.mark.parametrize("listing", [*NAMED.values(), FOLDER], ids=lambda listing: listing.name)
def test_every_listing_says_what_is_to_be_known(listing: Any) -> None:
    assert listing.title
    assert listing.subsets
    if listing.name not in ("waltz", "FOLDER"):
        assert listing.layout
        assert re.search(r", (19|20)\d\d, (doi:10\.\d+/\S+|arXiv:\d{4}\.\d{5})$", listing.citation)
        assert listing.licence
        assert listing.source.startswith("https://")
