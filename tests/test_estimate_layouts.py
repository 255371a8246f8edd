"""Layouts of estimates: which file is read as which target of which track."""

import time
import unicodedata
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from conftest import RATE, dataset_with, make_track

import oracle
from oracle import Track, TracksFailed, score_system
from oracle.datasets import Dataset, Entry
from oracle.datasets.audio_files import write_audio
from oracle.jobs.estimate_files import EstimateFolder, ExtraEstimatesWarning
from oracle.machine.files import file_name
from oracle.runs.queue import list_turns

SOURCES = ("bass", "drums", "vocals")


def touch(root: Path, *files: str) -> Path:
    """Make empty files: names alone tell what they are."""
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).touch()
    return root


def dataset_of(*names: str | tuple[str, str], sources: Iterable[str] = SOURCES) -> Dataset:
    """A dataset of tracks with these names, in the subset test unless another is told."""
    pairs = [(each, "test") if isinstance(each, str) else each for each in names]
    tracks = [make_track(name, *sources, subset=subset, n_samples=8) for name, subset in pairs]
    entries = (Entry(t.name, t.subset, partial(Track.beginning, t, 1)) for t in tracks)
    return Dataset("tests", tuple(entries))


def find(root: Path, dataset: Dataset | Track, index: int = 0) -> dict[str, str]:
    """Find the files of a track: relative paths, by target."""
    track = dataset if isinstance(dataset, Track) else dataset[index]
    files = EstimateFolder.of(root, dataset).find(track)
    return {target: str(path.relative_to(root)) for target, path in files.items()}


# Each has the vocals and the accompaniment of the track Song.
LAYOUTS = {
    "folders": ("Song/vocals.wav", "Song/accompaniment.wav"),
    "demucs": ("Song/vocals.wav", "Song/no_vocals.wav"),
    "instrumental": ("Song/vocals.flac", "Song/Instrumental.flac"),
    "uvr": ("1_Song_(Vocals).wav", "1_Song_(Instrumental).wav"),
    "uvr without a number": ("Song_(Vocals).wav", "Song_(Instrumental).wav"),
    "uvr, a folder per track": ("Song/12_Song_(Vocals).wav", "Song/12_Song_(Instrumental).wav"),
    "audio-separator": ("Song_(Vocals)_m_1.wav", "Song_(Instrumental)_m_1.wav"),
    "hyphens": ("Song - vocals.wav", "Song - instrumental.wav"),
    "underscores": ("Song_vocals.wav", "Song_no_vocals.wav"),
    "underscores in a folder": ("Song/Song_vocals.wav", "Song/Song_accompaniment.wav"),
    "a folder per target": ("vocals/Song.wav", "instrumental/Song.wav"),
    "capitals": ("SONG_VOCALS.WAV", "SONG_ACCOMPANIMENT.WAV"),
}


@pytest.mark.parametrize("subset", ["", "test/", "Test/"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_estimates_are_found_in_every_layout(tmp_path: Path, layout: str, subset: str) -> None:
    vocals, accompaniment = (subset + file for file in LAYOUTS[layout])
    touch(tmp_path, vocals, accompaniment, "mixture.wav")
    dataset = dataset_of("Song", "Song 2", "Song - Live")
    assert find(tmp_path, dataset) == {"vocals": vocals, "accompaniment": accompaniment}
    folder = EstimateFolder.of(tmp_path, dataset)
    of_song, *others = [folder.list_files(turn) for turn in list_turns(dataset)]
    assert set(of_song) == {tmp_path / vocals, tmp_path / accompaniment}
    assert others == [[], []]
    folder.warn_of_extra()  # warnings are errors
    for index in (1, 2):
        with pytest.raises(FileNotFoundError, match="estimates must hold audio files of Song "):
            folder.find(dataset[index])


@pytest.mark.parametrize("layout", LAYOUTS)
def test_estimates_of_tracks_that_are_not_known_before_are_found(
    tmp_path: Path, layout: str
) -> None:
    vocals, accompaniment = LAYOUTS[layout]
    touch(tmp_path, vocals, accompaniment)
    folder = EstimateFolder.of(tmp_path, iter([]))
    files = folder.find(make_track("Song"))
    assert files == {"vocals": tmp_path / vocals, "accompaniment": tmp_path / accompaniment}


def test_speakers_are_found_in_folders_of_their_own(tmp_path: Path) -> None:
    touch(tmp_path, "dev/s1/a_b.wav", "dev/s2/a_b.wav", "s1/c.wav", "s2/c.wav")
    dataset = dataset_of(("a_b", "dev"), "c", sources=("s1", "s2"))
    assert find(tmp_path, dataset) == {"s1": "dev/s1/a_b.wav", "s2": "dev/s2/a_b.wav"}
    assert find(tmp_path, dataset, 1) == {"s1": "s1/c.wav", "s2": "s2/c.wav"}


@pytest.mark.parametrize("name", ["a_b - c", "AC/DC", "100%", "é_ß", "Song (Live)_(Remix)"])
@pytest.mark.parametrize("form", ["{}/{}", "{}_{}", "{} - {}", "{}_({})", "7_{}_({})"])
def test_any_name_is_found_as_it_is_as_written_here_and_decomposed(
    tmp_path: Path, name: str, form: str
) -> None:
    dataset = dataset_of(name, "a", "a_b", "Song", "Song (Live)", "AC")
    written = file_name(name)
    for number, spelled in enumerate((written, unicodedata.normalize("NFD", written))):
        root = touch(tmp_path / str(number), f"{form.format(spelled, 'vocals')}.wav")
        assert list(find(root, dataset)) == ["vocals"]
        for index in range(1, 6):
            with pytest.raises(FileNotFoundError, match="estimates must hold audio files of"):
                find(root, dataset, index)


# What belongs to what


def test_a_name_that_begins_or_ends_like_another_is_told_apart(tmp_path: Path) -> None:
    names = ("Song", "Song 2", "Song_2", "Song - bass", "Song - bass - Live", "bass", "1_Song")
    dataset = dataset_of(*names)
    for form in ("{}_{}", "{} - {}", "{}/{}", "{1}/{0}"):
        root = tmp_path / form.replace("/", ":")
        touch(root, *(f"{form.format(name, target)}.wav" for name in names for target in SOURCES))
        for index, name in enumerate(names):
            expected = {target: f"{form.format(name, target)}.wav" for target in SOURCES}
            assert find(root, dataset, index) == expected
        EstimateFolder.of(root, dataset).warn_of_extra()


def test_targets_that_contain_each_other_are_told_apart(tmp_path: Path) -> None:
    sources = ("vocals", "backing vocals", "backing_vocals", "no_vocals", "lead - vocals")
    dataset = dataset_of("Song", sources=sources)
    for form in ("{}_{}", "{} - {}", "{}/{}", "{1}/{0}", "{}_({})"):
        root = tmp_path / form.replace("/", ":")
        expected = {target: f"{form.format('Song', target)}.wav" for target in sources}
        touch(root, *expected.values())
        assert find(root, dataset) == expected


def test_a_source_called_as_the_accompaniment_is_itself(tmp_path: Path) -> None:
    touch(tmp_path, "Song/vocals.wav", "Song/instrumental.wav", "Song/no_vocals.wav")
    assert find(tmp_path, dataset_of("Song", sources=("vocals", "instrumental"))) == {
        "vocals": "Song/vocals.wav",
        "instrumental": "Song/instrumental.wav",
        "accompaniment": "Song/no_vocals.wav",
    }


def test_without_vocals_nothing_is_the_accompaniment(tmp_path: Path) -> None:
    touch(tmp_path, "Song/drums.wav", "Song/instrumental.wav")
    with pytest.warns(ExtraEstimatesWarning, match=r"instrumental\.wav in .*; the targets are ba"):
        assert list(find(tmp_path, dataset_of("Song", sources=("bass", "drums")))) == ["drums"]


@pytest.mark.parametrize(
    ("names", "sources", "file", "index", "message"),
    [
        (
            ("Song", "Song_lead"),
            ("vocals", "lead_vocals"),
            "Song_lead_vocals",
            0,
            "got a name that is of 'lead_vocals' of 'Song' and of 'vocals' of 'Song_lead': move ",
        ),
        (
            ("Song", "Song_lead"),
            ("vocals", "lead_vocals"),
            "Song_lead_vocals",
            1,
            "got a name that is of 'vocals' of 'Song_lead' and of 'lead_vocals' of 'Song': move ",
        ),
        # The longer name may have another target; this track does not know.
        (("Song", "Song_lead"), ("lead_vocals", "a"), "Song_lead_vocals", 0, "of 'Song_lead'"),
        (("Song", "1_Song"), SOURCES, "1_Song_(Vocals)", 0, "of 'Vocals' of '1_Song'"),
        (("Song", "1_Song"), SOURCES, "1_Song_(Vocals)", 1, "of 'Vocals' of 'Song'"),
        (("bass", "drums"), SOURCES, "bass/drums", 0, "of 'drums' of 'bass' and of 'bass' of 'dr"),
        (("SONG", "song"), SOURCES, "Song/drums", 1, "of 'drums' of 'song' and of 'drums' of 'SO"),
        (("no",), SOURCES, "no_vocals", 0, "of 'vocals' of 'no' and of 'no_vocals' of 'no'"),
    ],
)
def test_a_file_that_may_be_of_two_is_refused(
    tmp_path: Path,
    names: tuple[str, ...],
    sources: tuple[str, ...],
    file: str,
    index: int,
    message: str,
) -> None:
    touch(tmp_path, f"{file}.wav")
    with pytest.raises(ValueError, match=r"wav must be of one track and target, got") as caught:
        find(tmp_path, dataset_of(*names, sources=sources), index)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (("Song/vocals.wav", "Song/vocals.flac"), "Song must hold one file per target, got vocals"),
        (("Song/no_vocals.wav", "Song/instrumental.wav"), "Song must hold one file per target, g"),
        (("1_Song_(Vocals).wav", "2_Song_(Vocals).wav"), "must hold one file per target, got 1_S"),
        (("Song/vocals.wav", "vocals/Song.wav"), "got Song/vocals.wav and vocals/Song.wav: move"),
        (("Song_vocals.wav", "Song - vocals.wav"), "got Song - vocals.wav and Song_vocals.wav"),
        (
            ("Song/Vocals.wav", "Song/1_Song_(Vocals).wav"),
            "per target, got 1_Song_(Vocals).wav and",
        ),
    ],
)
def test_two_files_for_a_target_are_refused(
    tmp_path: Path, files: tuple[str, str], message: str
) -> None:
    touch(tmp_path, *files)
    with pytest.raises(
        ValueError, match="must hold one file per target, got .*: move one else"
    ) as caught:
        find(tmp_path, dataset_of("Song", "Song 2"))
    assert message in str(caught.value)


def test_the_subset_in_front_decides_where_names_are_the_same(tmp_path: Path) -> None:
    dataset = dataset_of(("Song", "test"), ("Song", "train"))
    touch(tmp_path, "test/vocals/Song.wav", "train/Song_vocals.wav")
    assert find(tmp_path, dataset) == {"vocals": "test/vocals/Song.wav"}
    assert find(tmp_path, dataset, 1) == {"vocals": "train/Song_vocals.wav"}
    touch(tmp_path / "flat", "Song_vocals.wav")
    with pytest.raises(FileNotFoundError, match="as other subsets have a track of that name"):
        find(tmp_path / "flat", dataset)


# What belongs to nothing


def test_files_that_match_nothing_are_named_with_what_is_expected(tmp_path: Path) -> None:
    touch(tmp_path, "Song_vocals.wav", "Sonk_drums.wav", "x/y.wav", "deep/down/in/z.wav", "a.txt")
    with pytest.warns(ExtraEstimatesWarning) as caught:
        EstimateFolder.of(tmp_path, dataset_of("Song", "Other")).warn_of_extra()
    assert str(caught[0].message) == (
        "no reference for the estimates in deep/down/in, x and for Sonk_drums.wav: estimates are "
        "called TRACK/TARGET.wav, TRACK_TARGET.wav, 'TRACK - TARGET.wav' or TARGET/TRACK.wav, "
        "perhaps in the folder of a subset"
    )


@pytest.mark.parametrize("file", ["Song_guitar", "Song - guitar", "guitar/Song", "Song/guitar"])
def test_files_of_no_target_are_named_in_every_layout(tmp_path: Path, file: str) -> None:
    touch(tmp_path, f"{file}.wav")
    dataset = dataset_of("Song", "Song_2")
    name = Path(f"{file}.wav").name
    with pytest.raises(ValueError, match=rf"of Song \(bass, drums, vocals, acc.*, got {name}$"):
        find(tmp_path, dataset)
    touch(tmp_path, "Song/vocals.wav", "Song_2_vocals.wav")
    with pytest.warns(ExtraEstimatesWarning, match=rf"no reference for {name} in .*; the targets"):
        find(tmp_path, dataset)


@pytest.mark.parametrize("suffix", ["m4a", "mp4", "aac", "wma"])
def test_a_format_that_cannot_be_read_says_how_to_convert(tmp_path: Path, suffix: str) -> None:
    touch(tmp_path, f"vocals/Song.{suffix}")
    with pytest.raises(
        TracksFailed, match=rf"got \.{suffix}: convert it \(ffmpeg -i Song\.{suffix} "
    ):
        score_system(dataset_of("Song"), tmp_path, metrics=["uSDR"])


# Runs


def test_links_that_form_a_loop_end(tmp_path: Path) -> None:
    touch(tmp_path, "Song/vocals.wav")
    (tmp_path / "Song" / "loop").symlink_to(tmp_path)
    (tmp_path / "link").symlink_to(tmp_path / "Song")
    assert list(find(tmp_path, dataset_of("Song"))) == ["vocals"]
    assert list(find(tmp_path, dataset_of("link"))) == ["vocals"]


def write(root: Path, track: Track, form: str, gain: float) -> None:
    for target, audio in track.sources.items():
        write_audio(root / f"{form.format(track.name, target)}.wav", gain * audio, RATE)


@pytest.mark.parametrize("form", ["{}/{}", "{}_{}", "{1}/{0}", "test/{1}/{0}"])
def test_only_tracks_whose_estimates_have_changed_are_scored_again(
    tmp_path: Path, form: str
) -> None:
    tracks = [make_track(name) for name in ("Song", "Song_2")]
    dataset = dataset_with(("Song", "Song_2"), [lambda: tracks[0], lambda: tracks[1]])
    options: dict[str, Any] = {"metrics": ["uSDR"], "out": tmp_path / "out"}
    for track in tracks:
        write(tmp_path / "est", track, form, 0.9)
    assert score_system(dataset, tmp_path / "est", **options).table["mean"].round(3).eq(20).all()
    done = tmp_path / "out" / "tracks" / "test" / "Song.csv"
    before = done.stat().st_mtime_ns
    write(tmp_path / "est", tracks[1], form, 0.99)
    table = score_system(dataset, tmp_path / "est", **options).table
    assert table["mean"].round(3).eq(30).all()  # of 20 and 40
    assert done.stat().st_mtime_ns == before


def test_estimates_that_have_become_those_of_another_target_are_scored_again(
    tmp_path: Path,
) -> None:
    track = make_track("Song", "s1", "s2")
    options: dict[str, Any] = {"metrics": ["uSDR"], "out": tmp_path / "out"}
    write_audio(tmp_path / "est" / "s1" / "Song.wav", 0.9 * track.sources["s1"], RATE)
    assert set(score_system(track, tmp_path / "est", **options).table["target"]) == {"s1"}
    (tmp_path / "est" / "s1").rename(tmp_path / "est" / "s2")
    assert set(score_system(track, tmp_path / "est", **options).table["target"]) == {"s2"}


def test_a_sequence_that_reads_its_tracks_is_not_read_to_learn_their_names(tmp_path: Path) -> None:
    class Reading(Sequence[Track]):
        def __len__(self) -> int:
            return 1

        def __getitem__(self, index: Any) -> Any:
            raise AssertionError("a track is read")

    assert EstimateFolder.of(tmp_path, Reading()).tracks is None


@pytest.mark.slow
def test_other_processes_find_the_same_files(tmp_path: Path) -> None:
    names = ("Song", "Song_2", "Song - Live")
    for seed, name in enumerate(names):
        track = make_track(name, seed=9 * seed)
        write(tmp_path / "stems", track, "{}/{}", 1.0)
        write(tmp_path / "est", track, "{}_({})", 0.9)
    dataset = oracle.datasets.folder(tmp_path / "stems")
    here, there = (
        score_system(dataset, tmp_path / "est", metrics=["uSDR"], jobs=jobs).scores
        for jobs in (None, 2)
    )
    assert here.equals(there)
    assert len(here) == 3 * 4


def test_thousands_of_tracks_are_found_quickly(tmp_path: Path) -> None:
    names = [f"{number:04}-a_b" for number in range(1000)]
    for target in ("s1", "s2"):
        (tmp_path / target).mkdir()
        for name in names:
            (tmp_path / target / f"{name}.wav").touch()
    dataset = dataset_of(*names[:1], sources=("s1", "s2"))
    entries = tuple(Entry(name, "test", dataset.entries[0].load) for name in names)
    folder = EstimateFolder.of(tmp_path, Dataset("many", entries))
    start = time.perf_counter()
    for turn in list_turns(Dataset("many", entries)):
        assert len(folder.list_files(turn)) == 2
    assert time.perf_counter() - start < 5  # listing the folder for each would take 10 and more
