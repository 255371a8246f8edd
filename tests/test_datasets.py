"""Datasets: the waltz, folders of stems, MUSDB18; and what each refuses."""

import pickle
import shutil
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from conftest import dataset_with

import oracle
from oracle import Track, datasets
from oracle.datasets import Dataset, Entry
from oracle.tracks.track import Audio

RATE = 8000
# The bounds that real music has: SiSEC 2018's IRM2 rows lie well within.
IRM2_RANGE = (5.0, 16.0)
# Half a step of 16 bit: what rounding to a file and back may change.
HALF_STEP = 2.0**-16
# The only preview track at hand.
ROCK = "Music Delta - 80s Rock"
# One that musdb puts into the validation part.
VALID = "Actions - One Minute Smile"
QUARTET = ("drums", "bass", "other", "vocals")


def noise(seed: int = 0, *, n_channels: int = 2, n_samples: int = 2000) -> Audio:
    """Noise on the grid of 16 bit, which every lossless format holds exactly."""
    steps = np.random.default_rng(seed).integers(-8000, 8001, (n_channels, n_samples))
    return (steps / 2**15).astype(np.float32)


def write(path: Path, audio: Audio, rate: int = RATE, subtype: str | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, audio.T, rate, subtype=subtype)
    return path


def write_track(folder: Path, *files: str, **shape: int) -> dict[str, Audio]:
    """Write different noise to each file; return it by source."""
    audio = {file: noise(seed, **shape) for seed, file in enumerate(files)}
    for file, signal in audio.items():
        write(folder / file, signal)
    return {Path(file).stem: signal for file, signal in audio.items()}


def cut(path: Path, share: float = 0.5) -> Path:
    """Cut the end off a file."""
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


# The waltz


@pytest.fixture(scope="module")
def waltz() -> Track:
    return datasets.waltz()


def test_waltz_is_13_s_of_stereo_in_four_stems(waltz: Track) -> None:
    assert tuple(waltz.sources) == QUARTET
    assert (waltz.rate, waltz.n_channels, str(waltz.mixture.dtype)) == (44100, 2, "float32")
    assert 11 <= waltz.n_samples / waltz.rate <= 14


def test_waltz_mixture_is_the_sum_and_does_not_clip(waltz: Track) -> None:
    assert waltz.mixture_is_sum
    np.testing.assert_array_equal(waltz.mixture, sum(waltz.sources.values()))
    for audio in (waltz.mixture, *waltz.sources.values()):
        assert 0.1 < np.abs(audio).max() < 1


def test_waltz_has_no_silent_window(waltz: Track) -> None:
    """Hence no NaN in its table: the channel sum of every stem sounds in every second."""
    for audio in waltz.sources.values():
        for start in range(0, waltz.n_samples - waltz.rate, waltz.rate):
            assert np.any(audio[:, start : start + waltz.rate].sum(axis=0))


def test_waltz_stems_are_really_stereo(waltz: Track) -> None:
    assert any(not np.array_equal(*audio) for audio in waltz.sources.values())


@pytest.mark.slow
def test_waltz_bounds_are_where_those_of_music_are(waltz: Track) -> None:
    table = oracle.compute_bounds(waltz, methods=["IRM2"]).table
    sdr = table[table["metric"] == "SDR"]
    assert list(sdr["target"]) == [*QUARTET, "accompaniment"]
    assert sdr["median"].between(*IRM2_RANGE).all()
    assert (sdr["n_nan"] == 0).all()


def test_waltz_files_are_small_and_credited() -> None:
    folder = Path(datasets.__file__).parent / "daisy_bell"
    files = [path for path in folder.iterdir() if path.suffix == ".flac"]
    assert {path.stem for path in files} == set(QUARTET)
    assert sum(path.stat().st_size for path in files) < 5e6
    assert "CC0" in (folder / "CREDITS.md").read_text(encoding="utf-8")


# Dataset


@pytest.fixture
def loads() -> list[str]:
    """The names of the tracks that `three` has loaded."""
    return []


@pytest.fixture
def three(loads: list[str]) -> Dataset:
    def load(name: str) -> Track:
        loads.append(name)
        return Track.from_sources(name, RATE, {"a": noise()})

    return dataset_with(tuple("xyz"), tuple(partial(load, name) for name in "xyz"))


def test_dataset_error_of_a_loader_does_not_end_it_early(three: Dataset) -> None:
    def fail() -> Track:
        raise IndexError("inside")

    dataset = dataset_with(("bad", "x"), (fail, three.entries[0].load))
    with pytest.raises(IndexError, match="inside"):
        list(dataset)


def test_dataset_loads_a_track_when_it_is_indexed_and_each_time(
    three: Dataset, loads: list[str]
) -> None:
    assert (len(three), three.track_names, loads) == (3, ("x", "y", "z"), [])
    assert three[1].name == "y"
    assert three[-1].name == "z"
    assert three[1] is not three[1]
    assert loads == ["y", "z", "y", "y"]


@pytest.mark.parametrize(
    ("cut_out", "names"),
    [
        (slice(1, None), "yz"),
        (slice(None, None, -1), "zyx"),
        (slice(-1, None), "z"),
        (slice(9, None), ""),
    ],
)
def test_dataset_slice_is_a_dataset_that_has_loaded_nothing(
    three: Dataset, loads: list[str], cut_out: slice, names: str
) -> None:
    part = three[cut_out]
    assert isinstance(part, Dataset)
    assert (part.name, part.track_names, loads) == ("tests", tuple(names), [])
    assert "".join(track.name for track in part) == names


@pytest.mark.parametrize("index", [3, -4])
def test_dataset_index_out_of_range_raises(three: Dataset, index: int) -> None:
    with pytest.raises(IndexError):
        three[index]


# Selections of a dataset


def make(name: str, subset: str) -> Track:
    """Half a second and one sample of a track called so."""
    return Track.from_sources(name, RATE, {"a": noise(n_samples=RATE // 2 + 1)}, subset=subset)


@pytest.fixture
def songs() -> Dataset:
    names = ("Music Delta - Rock", "Music Delta - Punk", "Hollow - Ground")
    places = [(name, subset) for subset in ("train", "test") for name in names]
    entries = (Entry(name, subset, partial(make, name, subset)) for name, subset in places)
    return Dataset("songs", tuple(entries), Path("/songs"))


def chosen(dataset: Dataset) -> list[str]:
    """First letters of the subsets and of what follows the dash."""
    return [entry.subset[1] + entry.name.partition(" - ")[2][0] for entry in dataset.entries]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, "rR rP rG eR eP eG"),
        ({"subset": "test"}, "eR eP eG"),
        ({"pattern": "Music Delta*"}, "rR rP eR eP"),
        ({"pattern": "* - [GP]*"}, "rP rG eP eG"),
        ({"pattern": "Hollow - Ground"}, "rG eG"),
        ({"pattern": "*"}, "rR rP rG eR eP eG"),
        ({"first": 1}, "rR"),
        ({"first": 4}, "rR rP rG eR"),
        ({"first": 99}, "rR rP rG eR eP eG"),
        ({"subset": "test", "pattern": "*Delta*", "first": 1}, "eR"),
        ({"pattern": "Hollow*", "first": 2}, "rG eG"),
        ({"seconds": 0.25}, "rR rP rG eR eP eG"),
    ],
)
def test_selection_is_of_those_tracks_in_their_order(
    songs: Dataset, options: dict[str, Any], expected: str
) -> None:
    selection = songs.select(**options)
    assert chosen(selection) == expected.split()
    assert (selection.name, selection.root) == ("songs", Path("/songs"))
    assert [track.name for track in selection] == list(selection.track_names)
    assert len(songs) == 6


def test_selection_is_by_the_whole_name_in_any_case(songs: Dataset) -> None:
    assert songs.select(pattern="music DELTA*") == songs.select(pattern="Music Delta*")
    for pattern in ("Music Delta", "Delta*"):
        with pytest.raises(ValueError, match="pattern must match the name of a track"):
            songs.select(pattern=pattern)


def test_selection_by_seconds_is_of_the_beginnings(songs: Dataset) -> None:
    short = songs.select(seconds=0.25)
    assert (songs.seconds, short.seconds) == (None, 0.25)
    np.testing.assert_array_equal(short[0].mixture, songs[0].mixture[:, : RATE // 4])
    assert short.select(first=1).seconds == 0.25
    assert short[2:].seconds == 0.25
    assert songs.select(seconds=99)[0].n_samples == RATE // 2 + 1


def test_a_selection_of_a_selection_is_the_shorter_one(songs: Dataset) -> None:
    for first, then in ((0.25, 0.125), (0.125, 0.25)):
        selection = songs.select(seconds=first).select(seconds=then)
        assert (selection.seconds, selection[0].n_samples) == (0.125, RATE // 8)


def test_selection_loads_nothing(three: Dataset, loads: list[str]) -> None:
    selection = three.select(subset="test", pattern="[yz]", first=1, seconds=0.1)
    assert (selection.track_names, loads) == (("y",), [])
    assert selection[0].n_samples == RATE // 10
    assert loads == ["y"]


def test_selection_survives_pickling(songs: Dataset) -> None:
    selection = songs.select(subset="test", first=2, seconds=0.25)
    copy = pickle.loads(pickle.dumps(selection))
    assert (chosen(copy), copy.seconds, copy.root) == (["eR", "eP"], 0.25, Path("/songs"))
    np.testing.assert_array_equal(copy[1].mixture, selection[1].mixture)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"subset": "valid"}, r"subset must be one that songs has \(train, test\), got 'valid'"),
        ({"subset": ""}, r"subset must be one that songs has \(train, test\), got ''"),
        (
            {"pattern": "Music"},
            r"pattern must match the name of a track \('Music Delta - Rock', "
            r"'Music Delta - Punk', 'Hollow - Ground', \.\.\.\), got 'Music'",
        ),
        (
            {"subset": "test", "pattern": "Music"},
            r"pattern must match the name of a track \('Music Delta - Rock', "
            r"'Music Delta - Punk', 'Hollow - Ground'\), got 'Music'",
        ),
        ({"first": 0}, "first must be positive, got 0"),
        ({"first": -1}, "first must be positive, got -1"),
        ({"seconds": 0}, "seconds must be positive and finite, got 0"),
        ({"seconds": -2.5}, "seconds must be positive and finite, got -2.5"),
        ({"seconds": np.nan}, "seconds must be positive and finite, got nan"),
        ({"seconds": np.inf}, "seconds must be positive and finite, got inf"),
    ],
)
def test_selection_of_nothing_is_refused(
    songs: Dataset, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        songs.select(**options)


@pytest.mark.parametrize("first", [1.5, 2.0, "2"])
def test_selection_of_a_part_of_a_track_is_refused(songs: Dataset, first: Any) -> None:
    with pytest.raises(TypeError, match=f"^first must be a whole number, got {first!r}$"):
        songs.select(first=first)


def test_selection_of_an_empty_dataset_has_no_subset() -> None:
    with pytest.raises(ValueError, match=r"subset must be one that none has \(none\), got 'test'"):
        Dataset("none", ()).select(subset="test")


def test_a_track_called_otherwise_than_announced_is_an_error() -> None:
    for announced in (("song", "train"), ("sang", "test")):
        name, subset = announced
        entry = Entry(name, subset, partial(make, "song", "test"))
        message = f"load must return the track {subset}/{name}, got test/song"
        with pytest.raises(ValueError, match=f"^{message}$"):
            Dataset("songs", (entry,))[0]


# Folders that hold tracks


def test_folder_reads_the_layout_of_musdb18_hq(tmp_path: Path) -> None:
    files = ["mixture.wav", *(f"{name}.wav" for name in QUARTET)]
    audio = write_track(tmp_path / "train" / "B", *files)
    for place in ("test/A", "valid/C", "train/A"):
        write_track(tmp_path / place, *files)
    dataset = datasets.folder(tmp_path)
    assert dataset.name == tmp_path.name
    assert [(track.subset, track.name) for track in dataset] == [
        ("train", "A"),
        ("train", "B"),
        ("valid", "C"),
        ("test", "A"),
    ]
    track = dataset[1]
    assert not track.mixture_is_sum
    np.testing.assert_array_equal(track.mixture, audio["mixture"])
    assert tuple(track.sources) == QUARTET
    for name in QUARTET:
        np.testing.assert_array_equal(track.sources[name], audio[name])


def test_folder_of_track_folders_is_the_subset_test_by_name(tmp_path: Path) -> None:
    for name in ("b", "a", "c d.e"):
        write_track(tmp_path / name, "x.wav")
    dataset = datasets.folder(str(tmp_path))
    assert dataset.track_names == ("a", "b", "c d.e")
    assert {track.subset for track in dataset} == {"test"}


def test_folder_may_be_a_track_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_track(tmp_path / "song", "x.wav", "y.wav")
    assert datasets.folder(tmp_path / "song").track_names == ("song",)
    monkeypatch.chdir(tmp_path / "song")
    (track,) = datasets.folder(".")
    assert (track.name, track.subset, tuple(track.sources)) == ("song", "test", ("x", "y"))


def test_folder_sums_the_sources_where_no_mixture_is_delivered(tmp_path: Path) -> None:
    audio = write_track(tmp_path / "t", "x.wav", "y.wav", "z.wav")
    (track,) = datasets.folder(tmp_path)
    assert track.mixture_is_sum
    np.testing.assert_array_equal(track.mixture, audio["x"] + audio["y"] + audio["z"])


def test_folder_orders_the_usual_sources_first_and_others_by_name(tmp_path: Path) -> None:
    names = ["zither", "vocals", "bass", "choir", "other", "drums"]
    write_track(tmp_path / "t", *(f"{name}.wav" for name in names))
    assert list(datasets.folder(tmp_path)[0].sources) == [*QUARTET, "choir", "zither"]


def test_folder_mixes_lossless_formats_exactly(tmp_path: Path) -> None:
    files = ("a.wav", "b.flac", "c.aiff", "d.WAV", "e.caf")
    audio = write_track(tmp_path / "t", *files)
    sources = datasets.folder(tmp_path)[0].sources
    assert list(sources) == list("abcde")
    for name, signal in sources.items():
        np.testing.assert_array_equal(signal, audio[name])
        assert signal.dtype == np.float32
        assert signal.flags.c_contiguous


@pytest.mark.parametrize("suffix", ["ogg", "mp3"])
def test_folder_reads_lossy_formats_whole(tmp_path: Path, suffix: str) -> None:
    files = (f"drums.{suffix}", f"vocals.{suffix}")
    write_track(tmp_path / "t", *files, n_samples=20000)
    track = datasets.folder(tmp_path)[0]
    assert tuple(track.sources) == ("drums", "vocals")
    assert track.mixture.shape == (2, 20000)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
def test_folder_reads_every_width_of_sample(tmp_path: Path, subtype: str) -> None:
    audio = np.round(noise() * 2**7) / 2**7
    write(tmp_path / "t" / "x.wav", audio, subtype=subtype)
    np.testing.assert_array_equal(datasets.folder(tmp_path)[0].sources["x"], audio)


def test_folder_does_not_clip_float_files(tmp_path: Path) -> None:
    write(tmp_path / "t" / "x.wav", 16 * noise(), subtype="FLOAT")
    np.testing.assert_array_equal(datasets.folder(tmp_path)[0].mixture, 16 * noise())


@pytest.mark.parametrize("n_channels", [1, 2, 3])
@pytest.mark.parametrize("rate", [1, 8000, 44100, 192000])
def test_folder_keeps_any_rate_and_number_of_channels(
    tmp_path: Path, n_channels: int, rate: int
) -> None:
    audio = noise(n_channels=n_channels)
    write(tmp_path / "t" / "x.wav", audio, rate)
    track = datasets.folder(tmp_path)[0]
    assert track.rate == rate
    np.testing.assert_array_equal(track.mixture, audio)


def test_folder_ignores_what_is_hidden_or_no_audio(tmp_path: Path) -> None:
    write_track(tmp_path / "song", "x.wav", ".y.wav", "._x.wav", "sub/z.wav")
    write_track(tmp_path / ".hidden", "x.wav")
    for name in ("notes.txt", "song/x.json", "song/cover.png", "song/README", "song/x.wav.part"):
        (tmp_path / name).write_text("text")
    (tmp_path / "song" / "folder.wav").mkdir()
    (track,) = datasets.folder(tmp_path)
    assert (track.name, tuple(track.sources)) == ("song", ("x",))


def test_folder_follows_links(tmp_path: Path) -> None:
    audio = write_track(tmp_path / "store", "1.wav", "2.wav")
    (tmp_path / "data" / "t").mkdir(parents=True)
    (tmp_path / "data" / "t" / "x.wav").symlink_to(tmp_path / "store" / "1.wav")
    (tmp_path / "data" / "linked").symlink_to(tmp_path / "store")
    dataset = datasets.folder(tmp_path / "data")
    assert dataset.track_names == ("linked", "t")
    np.testing.assert_array_equal(dataset[1].sources["x"], audio["1"])


def test_folder_reads_no_audio_before_a_track_is_asked_for(tmp_path: Path) -> None:
    write_track(tmp_path / "a", "x.wav")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "x.wav").write_text("no audio")
    dataset = datasets.folder(tmp_path)
    assert dataset[0].name == "a"
    with pytest.raises(ValueError, match=r"b/x\.wav must be a readable audio file"):
        dataset[1]


# Folders that hold none


def test_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"folder must be a folder .*gone: no such folder"):
        datasets.folder(tmp_path / "gone")


def test_a_file_is_not_taken_for_a_folder(tmp_path: Path) -> None:
    (tmp_path / "mixture.wav").touch()
    with pytest.raises(FileNotFoundError, match=r"folder must be .*mixture\.wav: it is a file"):
        datasets.folder(tmp_path / "mixture.wav")


def test_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="folder must be a folder of tracks"):
        datasets.folder(write(tmp_path / "x.wav", noise()))


@pytest.mark.parametrize("files", [(), ("notes.txt",), ("a/notes.txt", "b/c.md"), ("train/a/x",)])
def test_folder_without_audio_holds_no_tracks(tmp_path: Path, files: tuple[str, ...]) -> None:
    for file in files:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text("text")
    with pytest.raises(ValueError, match=r"folder must hold tracks, .* no audio file in it"):
        datasets.folder(tmp_path)


def test_folder_of_musdb18_stem_files_hints_at_musdb18(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "a.stem.mp4").touch()
    with pytest.raises(ValueError, match=r"\.stem\.mp4 files: use the dataset musdb18"):
        datasets.folder(tmp_path)


@pytest.mark.parametrize("place", ["b/x.wav", "x.wav", "test/b/x.wav"])
def test_folder_of_more_than_one_kind_is_refused(tmp_path: Path, place: str) -> None:
    write_track(tmp_path / "train" / "a", "x.wav")
    write_track(tmp_path / Path(place).parent, "x.wav")
    if place.startswith("test"):  # two subsets are one kind
        assert datasets.folder(tmp_path).track_names == ("a", "b")
    else:
        kinds = (
            r"tracks \(b\) beside folders of tracks \(train\): put all tracks into subsets, or none"
            if "/" in place
            else r"x.wav beside folders of audio \(train\): if the files are a track, move .*"
        )
        with pytest.raises(ValueError, match=f"not both, got .* with {kinds}$"):
            datasets.folder(tmp_path)


# Tracks that are refused


def test_track_folder_without_audio_among_good_ones_is_an_error(tmp_path: Path) -> None:
    write_track(tmp_path / "good", "x.wav")
    (tmp_path / "bare").mkdir()
    dataset = datasets.folder(tmp_path)
    assert dataset.track_names == ("bare", "good")
    with pytest.raises(ValueError, match=r"bare must hold a track's audio files, got none"):
        dataset[0]


@pytest.mark.parametrize("suffix", ["flac", "wav", "ogg"])
def test_truncated_stem_is_named(tmp_path: Path, suffix: str) -> None:
    write_track(tmp_path, f"drums.{suffix}", f"vocals.{suffix}", n_samples=40000)
    cut(tmp_path / f"drums.{suffix}")
    with pytest.raises(ValueError, match=rf"{tmp_path}/drums\.{suffix}"):
        datasets.folder(tmp_path)[0]


def test_truncated_flac_alone_is_refused(tmp_path: Path) -> None:
    write_track(tmp_path, "x.flac", n_samples=40000)
    cut(tmp_path / "x.flac")
    with pytest.raises(ValueError, match=r"x\.flac must be "):
        datasets.folder(tmp_path)[0]


def test_truncated_wav_alone_is_refused(tmp_path: Path) -> None:
    write_track(tmp_path, "x.wav", n_samples=40000)
    cut(tmp_path / "x.wav")
    with pytest.raises(ValueError, match=r"x\.wav must be whole"):
        datasets.folder(tmp_path)[0]


@pytest.mark.parametrize("file", ["x.aiff", "x.w64", "x.caf", "x.au", "x.flac"])
def test_truncated_file_of_any_format_is_refused(tmp_path: Path, file: str) -> None:
    write_track(tmp_path, file, n_samples=40000)
    cut(tmp_path / file)
    with pytest.raises(ValueError, match=rf"{file} must be (whole|a readable audio file)"):
        datasets.folder(tmp_path)[0]


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0x7FFFFFFF])
def test_wav_of_a_stream_is_whole(tmp_path: Path, size: int) -> None:
    """A program that writes to a pipe cannot come back to fill in the length."""
    audio = write_track(tmp_path, "x.wav")
    content = bytearray((tmp_path / "x.wav").read_bytes())
    place = content.index(b"data") + 4
    content[place : place + 4] = size.to_bytes(4, "little")
    (tmp_path / "x.wav").write_bytes(content)
    np.testing.assert_array_equal(datasets.folder(tmp_path)[0].sources["x"], audio["x"])


def test_whole_mp3_is_read(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "x.mp3", noise().T, 8000, format="MP3")
    assert datasets.folder(tmp_path)[0].n_samples > 0


def test_usual_names_are_known_in_any_case(tmp_path: Path) -> None:
    write_track(tmp_path, "Mixture.WAV", "Vocals.wav", "BASS.wav", "Guitar.wav")
    track = datasets.folder(tmp_path)[0]
    assert list(track.targets) == ["bass", "vocals", "Guitar", "accompaniment"]
    assert not track.mixture_is_sum


def test_mixture_under_another_name_is_refused_not_summed(tmp_path: Path) -> None:
    write_track(tmp_path, "Mix.wav", "vocals.wav")
    with pytest.raises(ValueError, match=r"Mix\.wav must be called mixture\.wav if it is the mix"):
        datasets.folder(tmp_path)[0]


def test_folder_for_each_source_is_refused(tmp_path: Path) -> None:
    for name in ("mix", "s1", "s2"):
        write_track(tmp_path / name, "0.wav", "1.wav")
    with pytest.raises(
        ValueError,
        match=r"must hold a folder for each track.*\(s1, s2, .* use the dataset librimix",
    ):
        datasets.folder(tmp_path)


def test_track_called_like_a_subset_is_refused_not_passed_over(tmp_path: Path) -> None:
    for name in ("song", "test"):
        write_track(tmp_path / name, "x.wav")
    with pytest.raises(ValueError, match="tracks of a subset in folders of their own, .*/test"):
        datasets.folder(tmp_path)


def test_folder_has_the_subsets_that_it_has(tmp_path: Path) -> None:
    for name in ("train/a", "train/b", "test/c"):
        write_track(tmp_path / name, "x.wav")
    assert datasets.folder(tmp_path, subset="train").track_names == ("a", "b")
    assert datasets.folder(tmp_path, subset="test")[0].subset == "test"
    with pytest.raises(ValueError, match=r"has \(test, train\), got 'valid'"):
        datasets.folder(tmp_path, subset="valid")
    for path in (tmp_path / "train", tmp_path / "train" / "a"):
        with pytest.raises(ValueError, match=r"has \(none\), got 'test'"):
            datasets.folder(path, subset="test")


def test_folder_of_unreadable_formats_only_says_to_convert(tmp_path: Path) -> None:
    (tmp_path / "song").mkdir()
    (tmp_path / "song" / "x.m4a").touch()
    with pytest.raises(ValueError, match=r"x\.m4a must be in a format .* convert it"):
        datasets.folder(tmp_path)[0]


@pytest.mark.parametrize("content", [b"", b"text", b"RIFF\x00\x00\x00\x00WAVE"])
def test_file_that_is_no_audio_is_named(tmp_path: Path, content: bytes) -> None:
    write_track(tmp_path, "x.wav")
    (tmp_path / "y.wav").write_bytes(content)
    with pytest.raises(ValueError, match=rf"{tmp_path}/y\.wav must be a readable audio file"):
        datasets.folder(tmp_path)[0]


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("file", ["x.wav", "mixture.wav"])
def test_value_that_is_not_finite_is_located(tmp_path: Path, file: str, value: float) -> None:
    write_track(tmp_path, "x.wav", "mixture.wav")
    audio = noise()
    audio[1, 7] = value
    write(tmp_path / file, audio, subtype="FLOAT")
    what = r"sources\['x'\]" if file == "x.wav" else "mixture"
    where = rf"{tmp_path}: {what} must be finite, got {value} in channel 1 at sample 7"
    where += f": export {file} again$"
    with pytest.raises(ValueError, match=where):
        datasets.folder(tmp_path)[0]


@pytest.mark.parametrize(
    ("shape", "rate", "what", "values"),
    [
        ({"n_samples": 1999}, RATE, "number of samples", ("2000", "1999")),
        ({"n_channels": 1}, RATE, "number of channels", ("2", "1")),
        ({}, 44100, "sampling rate in Hz", ("8000", "44100")),
    ],
)
@pytest.mark.parametrize("odd", ["mixture.wav", "z.wav"])
def test_files_that_do_not_fit_are_named_with_their_values(
    tmp_path: Path,
    odd: str,
    shape: dict[str, int],
    rate: int,
    what: str,
    values: tuple[str, str],
) -> None:
    write_track(tmp_path, "x.wav", "y.wav", "mixture.wav")
    write(tmp_path / odd, noise(**shape), rate)
    with pytest.raises(
        ValueError, match=f"files of a track must have the same {what}, got"
    ) as error:
        datasets.folder(tmp_path)[0]
    message = str(error.value)
    assert f"{values[1]} in {tmp_path / odd}" in message
    assert f"{values[0]} in {tmp_path}" in message


def test_zero_length_audio_is_refused(tmp_path: Path) -> None:
    write_track(tmp_path, "x.wav", n_samples=0)
    with pytest.raises(ValueError, match=r"x\.wav must hold audio, got 0 samples: export it ag"):
        datasets.folder(tmp_path)[0]


def test_two_files_of_one_source_are_refused(tmp_path: Path) -> None:
    write_track(tmp_path, "drums.wav", "drums.flac")
    with pytest.raises(
        ValueError, match=r"one file per source, got drums\.flac and drums\.wav: move"
    ):
        datasets.folder(tmp_path)[0]


def test_mixture_alone_is_refused(tmp_path: Path) -> None:
    write_track(tmp_path, "mixture.wav")
    with pytest.raises(ValueError, match=r"must hold the sources beside the mixture"):
        datasets.folder(tmp_path)[0]


def test_accompaniment_beside_its_sources_is_refused(tmp_path: Path) -> None:
    write_track(tmp_path, "accompaniment.wav", "vocals.wav", "drums.wav")
    with pytest.raises(ValueError, match="must not hold 'accompaniment' beside the sources"):
        datasets.folder(tmp_path)[0]


@pytest.mark.parametrize("file", ["vocals.m4a", "vocals.MP4", "vocals.aac", "vocals.wma"])
def test_format_that_soundfile_cannot_read_is_not_passed_over(tmp_path: Path, file: str) -> None:
    write_track(tmp_path, "drums.wav")
    (tmp_path / file).touch()
    with pytest.raises(ValueError, match=rf"{file} must be in a format that soundfile reads"):
        datasets.folder(tmp_path)[0]


def test_dangling_link_is_not_passed_over(tmp_path: Path) -> None:
    write_track(tmp_path, "drums.wav", "vocals.wav")
    (tmp_path / "bass.wav").symlink_to("gone.wav")
    with pytest.raises(ValueError, match=r"bass\.wav"):
        datasets.folder(tmp_path)[0]


# MUSDB18


@pytest.fixture
def preview(shared: Path, ffmpeg: str) -> Path:
    return shared / "data" / "musdb18-7"


@pytest.fixture(scope="module")
def rock(shared: Path, ffmpeg: str) -> Track:
    return datasets.musdb18(shared / "data" / "musdb18-7")[0]


@pytest.fixture
def listed(tmp_path: Path, ffmpeg: str) -> Path:
    """A MUSDB18 of empty files: enough to be listed."""
    for name in ("train/b", f"train/{VALID}", "test/c", "train/a"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.stem.mp4").touch()
    (tmp_path / "train" / "notes.txt").touch()
    return tmp_path


@pytest.mark.slow
def test_musdb18_track_is_what_musdb_decodes(rock: Track, preview: Path) -> None:
    import musdb

    (theirs,) = musdb.DB(root=str(preview), subsets=["train"]).tracks
    assert (rock.name, rock.subset, rock.rate) == (theirs.name, "train", theirs.rate)
    np.testing.assert_array_equal(rock.mixture, theirs.audio.T)
    assert tuple(rock.sources) == QUARTET
    for name, audio in rock.sources.items():
        np.testing.assert_array_equal(audio, theirs.sources[name].audio.T)


def test_musdb18_track_is_stereo_of_16_bit(rock: Track) -> None:
    assert (rock.name, rock.rate, rock.n_channels, rock.n_samples) == (ROCK, 44100, 2, 300032)
    assert not rock.mixture_is_sum
    for audio in (rock.mixture, *rock.sources.values()):
        assert audio.dtype == np.float32
        np.testing.assert_array_equal(audio * 2**15, np.round(audio * 2**15))


def test_musdb18_mixture_is_as_delivered_not_the_sum(rock: Track) -> None:
    error = np.abs(rock.mixture - sum(rock.sources.values())).max()
    assert HALF_STEP < error < 0.1


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({}, [VALID, "a", "b", "c"]),
        ({"subset": "train"}, [VALID, "a", "b"]),
        ({"subset": "test"}, ["c"]),
        ({"split": "train"}, ["a", "b"]),
        ({"split": "valid"}, [VALID]),
        ({"subset": "train", "split": "valid"}, [VALID]),
    ],
)
def test_musdb18_lists_subsets_and_splits(
    listed: Path, options: dict[str, Any], names: list[str]
) -> None:
    dataset = datasets.musdb18(listed, **options)
    assert list(dataset.track_names) == names
    assert len(dataset) == len(names)


@pytest.mark.parametrize("options", [{}, {"subset": "train"}, {"split": "train"}])
def test_musdb18_preview_track_is_in_the_training_split(
    preview: Path, options: dict[str, Any]
) -> None:
    assert datasets.musdb18(preview, **options).track_names == (ROCK,)


@pytest.mark.parametrize("options", [{"subset": "test"}, {"split": "valid"}])
def test_musdb18_without_a_file_of_the_subset_says_so(
    preview: Path, options: dict[str, Any]
) -> None:
    ((option, value),) = options.items()
    with pytest.raises(ValueError, match=rf"root must hold \.stem\.mp4 files.*{option} {value}"):
        datasets.musdb18(preview, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"subset": "dev"}, "subset must be 'train' or 'test', got 'dev'"),
        ({"split": "test"}, "split must be 'train' or 'valid', got 'test'"),
        ({"subset": "test", "split": "train"}, "split must go with the subset 'train'"),
    ],
)
def test_musdb18_refuses_options_that_are_none(
    listed: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        datasets.musdb18(listed, **options)


@pytest.mark.usefixtures("ffmpeg")
def test_musdb18_root_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"root must be .*gone: no such folder"):
        datasets.musdb18(tmp_path / "gone")


@pytest.mark.usefixtures("ffmpeg")
def test_musdb18_root_without_stem_files_hints_at_folders(tmp_path: Path) -> None:
    write_track(tmp_path / "train" / "a", "mixture.wav", "drums.wav")
    with pytest.raises(ValueError, match=r"root must hold \.stem\.mp4 files .*MUSDB18-HQ's WAV"):
        datasets.musdb18(tmp_path)


def test_musdb18_root_is_musdb_path_by_default(
    listed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUSDB_PATH", str(listed))
    assert len(datasets.musdb18()) == 4
    monkeypatch.delenv("MUSDB_PATH")
    with pytest.raises(ValueError, match=r"--root, must be .* \(or set MUSDB_PATH\), got none"):
        datasets.musdb18()


def test_musdb18_expands_the_home_folder(listed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(listed.parent))
    assert len(datasets.musdb18(f"~/{listed.name}")) == 4


@pytest.mark.parametrize("present", ["", "ffmpeg", "ffprobe"])
def test_musdb18_without_ffmpeg_says_how_to_get_it(
    listed: Path, monkeypatch: pytest.MonkeyPatch, present: str
) -> None:
    programs = listed / "bin"
    programs.mkdir()
    if present:
        (programs / present).touch(mode=0o755)
    monkeypatch.setenv("PATH", str(programs))
    with pytest.raises(FileNotFoundError, match=r"ffmpeg must be installed.*apt-get install"):
        datasets.musdb18(listed)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", r".*Exec format error.*"),
        ("#!/bin/sh\necho 'libx264.so: no such file' >&2; exit 127", "libx264.so: no such file"),
        ("#!/bin/sh\nexit 3", "exit status 3"),
        ("#!/no/interpreter", r".*No such file.*"),
    ],
)
@pytest.mark.parametrize("program", ["ffmpeg", "ffprobe"])
def test_musdb18_with_an_ffmpeg_that_does_not_run_says_so_at_once(
    listed: Path, monkeypatch: pytest.MonkeyPatch, program: str, content: str, problem: str
) -> None:
    programs = listed / "bin"
    programs.mkdir()
    for name in ("ffmpeg", "ffprobe"):
        (programs / name).write_text(content if name == program else "#!/bin/sh\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(programs))
    message = (
        f"^ffmpeg must run to decode MUSDB18's stems, got {programs / program}, which does not: "
        rf"{problem} \(reinstall it, or put one that runs before it on the PATH\)$"
    )
    with pytest.raises(RuntimeError, match=message):
        datasets.musdb18(listed)


def test_musdb18_names_what_it_does_not_read(listed: Path) -> None:
    (listed / "valid").mkdir()
    for name in ("x.wav", "valid/y.stem.mp4", "train/z.m4a", "test/._w.stem.mp4"):
        (listed / name).write_bytes(b"?")
    for name in ("...And Then", ".38 Special"):
        (listed / f"train/{name}.stem.mp4").write_bytes(b"?")
    dataset = datasets.musdb18(listed, subset="test")
    assert {str(each) for each in dataset.left_out} == {
        "x.wav (audio file)",
        "valid (1 audio file)",
        "train/z.m4a (audio file)",
        "train/.38 Special.stem.mp4 (hidden audio file)",
    }
    assert "...And Then" in datasets.musdb18(listed).track_names


def test_musdb18_without_musdb_says_how_to_get_it(
    listed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "musdb", None)
    with pytest.raises(ImportError, match=r"musdb must be installed.*oracle-masks\[musdb\]"):
        datasets.musdb18(listed)


@pytest.mark.slow
@pytest.mark.parametrize("content", ["", "text", "half of it"])
def test_musdb18_corrupt_file_fails_alone(tmp_path: Path, preview: Path, content: str) -> None:
    train = tmp_path / "train"
    shutil.copytree(preview / "train", train)
    bad = train / "A.stem.mp4"
    if content == "half of it":
        cut(Path(shutil.copy(train / f"{ROCK}.stem.mp4", bad)))
    else:
        bad.write_text(content)
    dataset = datasets.musdb18(tmp_path)
    assert dataset.track_names == ("A", ROCK)
    with pytest.raises(ValueError, match=r"A\.stem\.mp4 must be a whole stem file"):
        dataset[0]
    assert dataset[1].n_samples == 300032
