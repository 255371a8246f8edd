"""Tracks from whatever holds them: every function takes them, and reads them in their turn."""

import gc
import pickle
import re
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
import soundfile
from conftest import make_track

import oracle
from oracle import Track, datasets
from oracle.datasets import Dataset, open_track, open_tracks
from oracle.tracks.rest import InputWarning

RATE = 8000
QUICK: dict[str, Any] = {"methods": ["IRM2"], "metrics": ["uSDR"]}
NAMES = ("bass", "vocals")
ACCEPTED = (
    "must be an oracle.Track, a musdb track, a path (of the folder of a track's stems, a folder of "
    "tracks or a .stem.mp4 file), or an iterable of these; got "
)


class Signal:
    """A source of musdb's: its audio, of shape (n_samples, n_channels), and where it is from."""

    def __init__(self, audio: Any, stem_id: int, path: str | None = None) -> None:
        self.content, self.stem_id, self.path = audio, stem_id, path
        self.n_reads = 0

    @property
    def audio(self) -> Any:
        """The audio, each time from its file."""
        self.n_reads += 1
        return self.content


class Musdb(Signal):
    """A track of musdb's, as far as anything of it is used; musdb itself is not needed."""

    chunk_start = 0
    chunk_duration: float | None = None
    sample_rate: int | None = None

    def __init__(self, track: Track, *, subset: str | None = "train", path: str = "none") -> None:
        super().__init__(track.mixture.T.astype(float), 0, path)
        self.name, self.subset, self.rate = track.name, subset, track.rate
        self.duration = track.n_samples / track.rate
        # musdb's order is that of its settings, not that of the streams.
        self.sources = {
            name: Signal(track.sources[name].T.astype(float), place + 1, path)
            for place, name in reversed(list(enumerate(track.sources)))
        }


class DB:
    """As ``musdb.DB``: no iterable, but with a length and indices."""

    def __init__(self, tracks: list[Musdb], root: str = ".") -> None:
        self.tracks, self.root = tracks, root

    def __len__(self) -> int:
        return len(self.tracks)

    def __getitem__(self, index: int) -> Musdb:
        return self.tracks[index]


def song(name: str = "song", seed: int = 0) -> Track:
    return make_track(name, *NAMES, seed=seed)


def write(folder: Path, track: Track) -> Path:
    folder.mkdir(parents=True)
    for name, audio in track.sources.items():
        soundfile.write(folder / f"{name}.wav", audio.T, track.rate)
    return folder


def assert_same(one: Track, other: Track) -> None:
    assert (one.name, one.subset, one.rate) == (other.name, other.subset, other.rate)
    assert list(one.sources) == list(other.sources)
    for audio, others in zip(
        (one.mixture, *one.sources.values()), (other.mixture, *other.sources.values()), strict=True
    ):
        assert audio.dtype == others.dtype
        np.testing.assert_array_equal(audio, others)


@pytest.fixture
def stems(tmp_path: Path) -> Path:
    return write(tmp_path / "song", song())


@pytest.fixture
def two(tmp_path: Path) -> Path:
    for seed, name in enumerate(("one", "two")):
        write(tmp_path / "tracks" / name, song(name, 10 * seed))
    return tmp_path / "tracks"


# What one track may come as


HOLDERS: dict[str, Callable[[Path], Any]] = {
    "track": lambda stems: song(),
    "musdb": lambda stems: Musdb(song(), subset="test"),
    "str": str,
    "path": Path,
    "dataset": datasets.folder,
}


@pytest.mark.parametrize("holder", HOLDERS)
def test_one_track_is_the_same_whatever_holds_it(stems: Path, holder: str) -> None:
    assert_same(open_track(HOLDERS[holder](stems)), song())


@pytest.mark.parametrize("holder", [holder for holder in HOLDERS if holder != "dataset"])
@pytest.mark.parametrize("several", ["alone", "list", "tuple", "generator", "deque", "values"])
def test_several_tracks_are_the_same_whatever_holds_them(
    stems: Path, holder: str, several: str
) -> None:
    held = HOLDERS[holder](stems)
    tracks = {
        "alone": held,
        "list": [held],
        "tuple": (held,),
        "generator": (each for each in [held]),
        "deque": deque([held]),
        "values": {"song": held}.values(),
    }[several]
    opened = open_tracks(tracks)
    (track,) = [opened] if isinstance(opened, Track) else opened
    assert_same(track, song())


@pytest.mark.parametrize("holder", HOLDERS)
def test_every_function_takes_them(stems: Path, tmp_path: Path, holder: str) -> None:
    def held() -> Any:
        return HOLDERS[holder](stems)

    expected = oracle.compute_bounds(song(), **QUICK).table
    estimates = oracle.separate(held(), "IRM2")
    np.testing.assert_array_equal(estimates["bass"], oracle.separate(song(), "IRM2")["bass"])
    found = oracle.score(held(), estimates, name="IRM2", metrics=["uSDR"]).table
    pd.testing.assert_frame_equal(found, expected)
    pd.testing.assert_frame_equal(oracle.compute_bounds(held(), **QUICK).table, expected)
    sweep = oracle.compute_sweep(held(), n_ffts=[2048], overlaps=[0.5], **QUICK).table
    assert sweep["median"].tolist() == expected["median"].tolist()
    assert oracle.write_estimates(held(), tmp_path / "out", methods=["IRM2"]) == 1
    system = oracle.score_system(held(), tmp_path / "out/IRM2", metrics=["uSDR"]).table
    pd.testing.assert_frame_equal(system, expected)
    assert [each.info.name for each in oracle.check(held(), **QUICK).tracks] == ["song"]
    assert oracle.WaltzReport(held()).targets == [*NAMES]


def test_lists_of_anything_are_scored_together(two: Path, stems: Path) -> None:
    expected = oracle.compute_bounds([song("one"), song("two", 10), song()], **QUICK).table
    tracks: Any
    for tracks in ([str(two), stems], [two / "one", two / "two", song()], [two, Musdb(song())]):
        found = oracle.compute_bounds(tracks, rest="source", **QUICK).table
        pd.testing.assert_frame_equal(found, expected)


# How they are read


def test_tracks_of_a_generator_are_read_when_it_is_their_turn() -> None:
    names = tuple(f"alive {place}" for place in range(5))  # of no other test

    def several() -> Iterator[Musdb]:
        for name in names:
            gc.collect()
            read = [each for each in gc.get_objects() if type(each) is Track]
            assert sum(track.name in names for track in read) <= 2  # as of a generator of Tracks
            del read
            yield Musdb(song(name))

    assert oracle.compute_bounds(several(), **QUICK).table["n_tracks"].max() == 5


def test_paths_and_musdb_tracks_are_read_when_it_is_their_turn(two: Path) -> None:
    tracks = [Musdb(song(name)) for name in ("a", "b")]
    for holder in (tracks, DB(tracks)):
        opened = open_tracks(holder)  # type: ignore[arg-type]
        assert isinstance(opened, Dataset)
        assert opened.track_names == ("a", "b")
        assert [track.n_reads for track in tracks] == [0, 0]
    for file in two.rglob("*.wav"):
        file.write_bytes(b"no audio")
    opened = open_tracks([two, two / "one"])
    assert isinstance(opened, Dataset)
    assert opened.track_names == ("one", "two", "one")


def test_progress_counts_them(two: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tracks = [Musdb(song(name)) for name in ("a", "b")]
    counted = dict(zip("ab", tracks, strict=True)).values()
    for holder in (DB(tracks), two, [two / "one", two / "two"], counted):
        oracle.compute_bounds(holder, progress=True, **QUICK)  # type: ignore[arg-type]
        assert "2/2" in capsys.readouterr().err


def test_a_db_is_described_and_resumed_like_a_dataset(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("audio")
    tracks = [Musdb(song(name), path=str(file)) for name in ("a", "b")]
    out = tmp_path / "out"
    first = oracle.compute_bounds(DB(tracks, str(tmp_path)), out=out, **QUICK)  # type: ignore[arg-type]
    assert (first.settings["dataset"], first.settings["root"]) == ("musdb", str(tmp_path))
    assert [track.n_reads for track in tracks] == [1, 1]
    oracle.compute_bounds(DB(tracks, str(tmp_path)), out=out, **QUICK)  # type: ignore[arg-type]
    assert [track.n_reads for track in tracks] == [1, 1]
    file.write_text("other audio")
    oracle.compute_bounds(DB(tracks, str(tmp_path)), out=out, **QUICK)  # type: ignore[arg-type]
    assert [track.n_reads for track in tracks] == [2, 2]


@pytest.mark.parametrize(
    ("change", "value"),
    [("chunk_start", 1), ("chunk_duration", 1.0), ("sample_rate", RATE // 2), ("_audio", "set")],
)
def test_a_part_of_a_musdb_track_is_another_track_to_a_run(
    tmp_path: Path, change: str, value: Any
) -> None:
    file = tmp_path / "file"
    file.write_text("audio")
    one, other = (Musdb(song("a", seed), path=str(file)) for seed in (0, 10))
    results = []
    for track in (one, other):
        setattr(track, change, value)
        track.duration = 0  # no check of it
        results.append(oracle.compute_bounds([track], out=tmp_path / "out", **QUICK).table)
    assert results[0]["median"].tolist() != results[1]["median"].tolist()


def test_musdb_tracks_go_to_other_processes(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("audio")
    tracks = [Musdb(song(name), path=str(file)) for name in ("a", "b")]
    opened = open_tracks(DB(tracks))  # type: ignore[arg-type]
    assert isinstance(opened, Dataset)
    (copy, _) = pickle.loads(pickle.dumps(opened))
    assert_same(copy, opened[0])


def test_audio_that_is_not_read_is_told(stems: Path) -> None:
    (stems / "more.zip").write_bytes(b"PK\3\4")
    told = r"^Not read: .*song/more\.zip \(archive\)\.$"
    with pytest.warns(InputWarning, match=told):
        open_track(stems)
    with pytest.warns(InputWarning, match=told):
        list(cast("Iterator[Track]", open_tracks(iter([stems]))))
    opened = open_tracks([stems])
    assert isinstance(opened, Dataset)
    assert "archive" in str(opened.left_out)


# What is a track of musdb


def test_a_track_is_read_from_its_files(tmp_path: Path) -> None:
    expected = make_track("song", *NAMES)
    for name, audio in expected.sources.items():
        path = tmp_path / "song" / f"{name}.wav"
        path.parent.mkdir(exist_ok=True)
        soundfile.write(path, audio.T, RATE, subtype="FLOAT")
    for given in (tmp_path / "song", str(tmp_path / "song")):
        track = Track.from_files(given)
        assert (track.name, track.rate, list(track.sources)) == ("song", RATE, list(NAMES))
        np.testing.assert_array_equal(track.mixture, expected.mixture)
    with pytest.raises(FileNotFoundError, match="track must be the path of a folder or of a .stem"):
        Track.from_files(tmp_path / "none")
    for wrong in (None, ["song"], expected):
        with pytest.raises(TypeError, match="path must be that of the folder of a track"):
            Track.from_files(wrong)  # type: ignore[arg-type]


def test_an_empty_path_is_not_the_current_folder() -> None:
    with pytest.raises(ValueError, match="tracks must be the path of a folder .*got '': name a f"):
        oracle.compute_bounds("", **QUICK)
    with pytest.raises(ValueError, match="track must be the path of a folder .*got '': name a fo"):
        oracle.separate("", "IRM2")


def test_a_dataset_by_name_is_no_path() -> None:
    with pytest.raises(FileNotFoundError, match="waltz is a dataset by name: open it with its fu"):
        oracle.compute_bounds("waltz", **QUICK)


def test_musdb_tracks_are_what_they_hold_in_the_order_of_their_streams() -> None:
    track = Track.from_musdb(Musdb(song()))
    assert_same(track, Track("song", RATE, song().mixture, song().sources, subset="train"))
    assert (track.rest, track.mixture_is_sum) == ("ignore", False)
    assert Track.from_musdb(Musdb(song(), subset=None)).subset == "test"


def test_audio_that_float32_does_not_hold_stays_float64() -> None:
    given = Musdb(song())
    given.sources["bass"].content = given.sources["bass"].content + 1e-12
    track = Track.from_musdb(given)
    assert track.mixture.dtype == np.float64
    np.testing.assert_array_equal(track.sources["bass"], given.sources["bass"].content.T)


def test_a_rate_that_musdb_resamples_to_is_that_of_the_track() -> None:
    given = Musdb(song())
    given.sample_rate = 2 * RATE
    given.duration /= 2
    assert Track.from_musdb(given).rate == 2 * RATE


def test_musdb_tracks_that_are_none_are_refused() -> None:
    given = Musdb(song())
    given.sources = {}
    with pytest.raises(ValueError, match="^track must have sources, got none in musdb's 'song'$"):
        Track.from_musdb(given)
    given = Musdb(song())
    given.duration += 1
    with pytest.raises(
        ValueError, match=r"^track must be whole, but musdb's 'song' ends after 2.0 of 3.0 s: copy"
    ):
        Track.from_musdb(given)
    given.chunk_start, given.chunk_duration = 0, 2
    assert Track.from_musdb(given).n_samples == 2 * RATE
    number: Any = 8
    with pytest.raises(TypeError, match="^track must be a track of musdb, got 8$"):
        Track.from_musdb(number)


# What is neither


@pytest.mark.parametrize("given", [8, None, 0.5, {"vocals": "vocals.wav"}, [8], (song(), 8)])
def test_what_is_none_of_these_is_refused_with_what_is_accepted(given: Any) -> None:
    last = given[-1] if isinstance(given, (list, tuple)) else given
    expected = re.escape(ACCEPTED + repr(last))
    if given == (song(), 8) or isinstance(given, tuple):
        expected = r"track must be an oracle\.Track, a musdb track, or a path: .*; got 8"
    with pytest.raises(TypeError, match=expected):
        oracle.compute_bounds(given, **QUICK)


def test_only_a_db_of_musdb_is_asked_for_its_tracks() -> None:
    other: Any = SimpleNamespace(tracks=[song()])
    with pytest.raises(TypeError, match=re.escape("tracks " + ACCEPTED + "namespace(")):
        open_tracks(other)


def test_items_that_are_none_of_these_are_refused_when_it_is_their_turn() -> None:
    wrong: Any = iter([8])
    with pytest.raises(TypeError, match=re.escape("tracks " + ACCEPTED + "8")):
        oracle.compute_bounds(wrong, **QUICK)
    with pytest.raises(TypeError, match=re.escape("track must be an oracle.Track, a musdb track")):
        oracle.separate([song()], "IRM2")  # type: ignore[arg-type]


def test_paths_that_hold_no_tracks_are_refused(tmp_path: Path, stems: Path, two: Path) -> None:
    for function in (open_tracks, open_track):
        with pytest.raises(
            FileNotFoundError, match=r"must be the path of .* got 'gone': no such file or folder \("
        ):
            function("gone")
        with pytest.raises(
            ValueError, match=r"must be the path .*bass\.wav': name the folder that"
        ):
            function(stems / "bass.wav")
        (tmp_path / "empty").mkdir(exist_ok=True)
        with pytest.raises(ValueError, match="folder must hold tracks"):
            function(tmp_path / "empty")
    with pytest.raises(
        ValueError,
        match=r"track must be one track, got .*tracks with 2 \(one, two\): choose one \(",
    ):
        oracle.separate(two, "IRM2")


def test_the_home_folder_is_expanded(stems: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(stems.parent))
    assert_same(open_track("~/song"), song())


# With musdb itself


@pytest.fixture
def preview(shared: Path, ffmpeg: str) -> Path:
    return shared / "data" / "musdb18-7"


@pytest.mark.slow
def test_musdb_itself_gives_what_our_dataset_of_its_files_does(preview: Path, rock: Track) -> None:
    import musdb

    db = musdb.DB(root=str(preview), is_wav=False, subsets=["train"])
    (file,) = preview.glob("train/*.stem.mp4")
    (copy,) = pickle.loads(pickle.dumps(open_tracks(db)))
    for opened in (open_track(db[0]), open_track(file), copy):
        assert_same(opened, rock)
        assert opened.rest == "ignore"
    expected = oracle.compute_bounds(rock, **QUICK).table
    pd.testing.assert_frame_equal(oracle.compute_bounds(db, **QUICK).table, expected)
    db[0].chunk_start, db[0].chunk_duration = 1, 2
    assert open_track(db[0]).n_samples == 2 * 44100
    start = slice(44100, 3 * 44100)
    np.testing.assert_array_equal(open_track(db[0]).mixture, rock.mixture[:, start])
    db = musdb.DB(root=str(preview), is_wav=False, subsets=["train"], sample_rate=22050)
    track = open_track(db[0])
    assert (track.rate, track.n_samples) == (22050, rock.n_samples // 2)


def test_musdb_is_not_imported_for_its_tracks() -> None:
    code = (
        "import sys, oracle, numpy as np\n"
        "class T: pass\n"
        "t, v = T(), T()\n"
        "t.name, t.subset, t.rate, t.sources = 'a', None, 8000, {'v': v}\n"
        "t.audio = v.audio = np.ones((9000, 1))\n"
        "print(oracle.separate(t, 'MIX')['v'].shape, 'musdb' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "(1, 9000) False\n"
