"""Sweeps: the bounds of each STFT, in one table, and their files."""

import itertools
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import broken, dataset_with, renamed

from oracle import STFT, Track, TracksFailed, compute_bounds, compute_sweep
from oracle.jobs import sweeps
from oracle.jobs.sweeps import N_FFTS, OVERLAPS, SWEEP_COLUMNS, list_class_methods, make_transforms
from oracle.results.tables import BOUND_COLUMNS, aggregate, read_scores
from oracle.runs.progress import Progress

CHOSEN = ["IRM2", "CEILING", "MIX"]
N_FFTS_HERE, OVERLAPS_HERE = (256, 96), (0.75, 0.5)
# Overlaps are the outer loop.
STFTS = (
    STFT(n_fft=256, hop_length=64),
    STFT(n_fft=96, hop_length=24),
    STFT(n_fft=256, hop_length=128),
    STFT(n_fft=96, hop_length=48),
)
GRID: dict[str, Any] = {"n_ffts": N_FFTS_HERE, "overlaps": OVERLAPS_HERE}
# One STFT and a method that is quick.
LEAST: dict[str, Any] = {"methods": ["MIX"], "n_ffts": [96], "overlaps": [0.5]}


@pytest.fixture
def short(track: Track) -> Track:
    """A second of the track, which is one window."""
    sources = {name: audio[:, : track.rate] for name, audio in track.sources.items()}
    return Track.from_sources("short", track.rate, sources)


def assert_close(read: pd.DataFrame, table: pd.DataFrame) -> None:
    """Equal, but for the types of columns, which a file does not tell."""
    pd.testing.assert_frame_equal(read, table, check_dtype=False, rtol=1e-12)


def labelled(table: pd.DataFrame) -> list[str]:
    """What the methods of a sweep are called in its files."""
    columns = (table["method"], table["n_fft"], table["hop_length"])
    return [f"{method}-{n_fft}-{hop}" for method, n_fft, hop in zip(*columns, strict=True)]


def test_the_table_is_the_bounds_of_each_stft_one_after_the_other(short: Track) -> None:
    metrics = ["uSDR", "SDR", "SI-SDR"]
    table = compute_sweep(short, methods=CHOSEN, metrics=metrics, **GRID).table
    assert tuple(table.columns) == SWEEP_COLUMNS
    assert table.columns[:3].to_list() == ["n_fft", "hop_length", "overlap"]
    expected = [compute_bounds(short, methods=CHOSEN, metrics=metrics, stft=s).table for s in STFTS]
    bounds = pd.concat(expected, ignore_index=True)
    pd.testing.assert_frame_equal(table[list(BOUND_COLUMNS)], bounds, check_exact=True)
    # A ceiling has two metrics, the other methods have three, of four targets.
    n_rows = 4 * (2 * 3 + 2)
    assert len(table) == n_rows * len(STFTS)
    for column, values in (
        ("n_fft", [s.n_fft for s in STFTS]),
        ("hop_length", [s.hop_length for s in STFTS]),
        ("overlap", [0.75, 0.75, 0.5, 0.5]),
    ):
        assert table[column].to_list() == np.repeat(values, n_rows).tolist()
    assert table["n_fft"].dtype == table["hop_length"].dtype == np.int64
    assert table["overlap"].dtype == np.float64


def test_the_table_is_over_several_tracks(track: Track, short: Track) -> None:
    table = compute_sweep([track, short], methods=["IRM2"], n_ffts=[96, 128], overlaps=[0.5]).table
    for n_fft in (96, 128):
        stft = STFT(n_fft=n_fft, hop_length=n_fft // 2)
        bounds = compute_bounds([track, short], methods=["IRM2"], metrics=["SDR"], stft=stft).table
        part = table[table["n_fft"] == n_fft][list(BOUND_COLUMNS)].reset_index(drop=True)
        pd.testing.assert_frame_equal(part, bounds, check_exact=True)
    assert set(table["n_tracks"]) == {2}
    assert set(table["n_windows"]) == {3}
    assert (table["median"] == table["mean"]).all()  # of two


def test_sdr_alone_is_computed_unless_asked_otherwise(short: Track) -> None:
    assert set(compute_sweep(short, **LEAST).table["metric"]) == {"SDR"}
    assert set(compute_sweep(short, metrics=["uSDR"], **LEAST).table["metric"]) == {"uSDR"}


def test_stfts_and_methods_are_the_usual_unless_asked_otherwise(short: Track) -> None:
    table = compute_sweep(short, methods=["MIX"]).table
    stfts = list(dict.fromkeys(zip(table["n_fft"], table["hop_length"], strict=True)))
    expected = [(n, n // part) for part in (2, 4) for n in (512, 1024, 2048, 4096, 8192, 16384)]
    assert stfts == expected
    methods = compute_sweep(short, n_ffts=[96], overlaps=[0.5]).table["method"]
    assert list(methods.unique()) == ["IBM", "IRM1", "IRM2", "TPSM", "OPT", "CEILING"]


def test_classes_stand_in_place_of_real_masks() -> None:
    usual = ("IBM", "IRM1", "IRM2", "TPSM")
    assert list_class_methods(["REAL"]) == sweeps.METHODS == (*usual, "OPT", "CEILING")
    pairs = ("OPT-BARK", "CEILING-BARK", "OPT-COMPLEX", "CEILING-COMPLEX")
    assert list_class_methods(["bark", "Complex"]) == (*usual, *pairs)


def test_the_window_is_the_one_asked_for(short: Track) -> None:
    options: dict[str, Any] = {"methods": ["IRM2"], "metrics": ["uSDR"]}
    for window in ("hamming", ("kaiser", 8.0)):
        table = compute_sweep(short, n_ffts=[96], overlaps=[0.5], window=window, **options).table  # type: ignore[arg-type]
        stft = STFT(n_fft=96, hop_length=48, window=window)
        bounds = compute_bounds(short, stft=stft, **options).table
        assert list(table["median"]) == list(bounds["median"])


def test_windows_without_overlap_and_of_odd_lengths_are_swept(short: Track) -> None:
    options: dict[str, Any] = {"methods": ["IRM2"], "window": "boxcar"}
    table = compute_sweep(short, n_ffts=[99, 150], overlaps=[0, 2 / 3], **options).table
    rows = table.drop_duplicates(["n_fft", "hop_length"])
    assert rows["hop_length"].to_list() == [99, 150, 33, 50]
    np.testing.assert_allclose(rows["overlap"], [0, 0, 2 / 3, 2 / 3])
    assert len(set(rows["overlap"])) == 2  # of one overlap, so that it can be grouped by


def test_numbers_of_numpy_are_numbers(short: Track, tmp_path: Path) -> None:
    n_ffts: Any = np.array([96, 128])
    overlaps: Any = np.array([0.5, 0.75], np.float32)
    out = tmp_path / "out"
    table = compute_sweep(short, methods=["MIX"], n_ffts=n_ffts, overlaps=overlaps, out=out).table
    assert table["hop_length"].unique().tolist() == [48, 64, 24, 32]
    stfts = json.loads((out / "run.json").read_text())["stfts"]
    assert [stft["n_fft"] for stft in stfts] == [96, 128, 96, 128]


# Tracks


def test_a_track_a_list_an_iterator_and_a_dataset_give_one_table(short: Track) -> None:
    loaded: list[str] = []

    def load() -> Track:
        loaded.append(short.name)
        return short

    dataset = dataset_with(("short",), (load,))
    alone, *others = (
        compute_sweep(tracks, methods=["IRM2"], **GRID).table
        for tracks in (short, [short], iter([short]), dataset)
    )
    for other in others:
        pd.testing.assert_frame_equal(other, alone, check_exact=True)
    assert loaded == ["short"]  # once, whatever the number of STFTs


def test_the_results_say_which_mixtures_are_sums_and_in_which_subsets(short: Track) -> None:
    delivered = Track("delivered", short.rate, short.mixture, short.sources, subset="train")
    tracks = compute_sweep([short, delivered, renamed(short, "c")], **LEAST).tracks
    assert tracks[["name", "subset", "mixture"]].to_numpy().tolist() == [
        ["short", "test", "sum of the sources"],
        ["delivered", "train", "as delivered"],
        ["c", "test", "sum of the sources"],
    ]


def test_a_target_of_some_tracks_only_counts_these(short: Track) -> None:
    other = Track.from_sources("other", short.rate, {"drums": short.mixture, "bass": short.mixture})
    table = compute_sweep([short, other], **LEAST).table
    counts = dict(zip(table["target"], table["n_tracks"], strict=True))
    assert counts == {"drums": 2, "other": 1, "vocals": 1, "accompaniment": 1, "bass": 1}


# Files


def test_files_are_those_of_bounds_with_a_method_an_stft_and_the_sweep(
    short: Track, tmp_path: Path
) -> None:
    out = tmp_path / "deep" / "out"
    tracks = [renamed(short, "a"), renamed(short, "b", "train")]
    methods = ["CEILING", "MWF-SISEC18"]
    grid: dict[str, Any] = {"n_ffts": [96, 128], "overlaps": [0.5]}
    metrics = ["SDR", "uSDR"]
    table = compute_sweep(tracks, methods=methods, metrics=metrics, out=out, **grid).table
    labels = [f"{method}-{n}-{n // 2}" for n in (96, 128) for method in methods]
    places = ("test/a", "train/b")
    assert {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()} == {
        *("sweep.csv", "scores.csv", "bounds.csv", "run.json", ".lock"),
        *(f"tracks/{place}.csv" for place in places),
        *(f"{label}/{place}.json" for label in (*labels, "tracks") for place in places),
    }
    read = pd.read_csv(out / "sweep.csv")
    assert read.columns.to_list() == list(SWEEP_COLUMNS)
    assert_close(read, table)

    bounds = pd.read_csv(out / "bounds.csv")
    assert list(bounds["method"].unique()) == labels
    assert list(bounds["method"]) == labelled(table)
    values = list(BOUND_COLUMNS[1:])
    assert_close(bounds[values], table[values])
    scores = read_scores(out / "scores.csv")
    assert list(scores["method"].unique()) == labels
    again = aggregate(scores)
    pd.testing.assert_frame_equal(again[values], table[values], check_exact=True)


def test_run_json_says_which_stfts(short: Track, tmp_path: Path) -> None:
    compute_sweep(
        short, methods=["MIX", "IRM2"], metrics=["uSDR"], window="hamming", out=tmp_path, **GRID
    )
    run = json.loads((tmp_path / "run.json").read_text())
    assert run["methods"] == ["MIX", "IRM2"]
    assert run["metrics"] == ["uSDR"]
    assert run["stfts"] == [
        {"n_fft": stft.n_fft, "hop_length": stft.hop_length, "window": "hamming"} for stft in STFTS
    ]
    assert run["started"] <= run["finished"]


def test_nothing_is_written_without_out(
    short: Track, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    compute_sweep(short, **LEAST)
    assert not list(tmp_path.iterdir())


# Failing tracks


def test_a_failed_track_leaves_the_sweep_of_the_others(short: Track, tmp_path: Path) -> None:
    dataset = dataset_with(("bad", "short"), (broken, lambda: short))
    for out in (None, tmp_path / "out"):
        with pytest.raises(TracksFailed, match=r"^1 track failed") as caught:
            compute_sweep(dataset, methods=["IRM2"], out=out, **GRID)
        assert [str(failure) for failure in caught.value.exceptions] == ["bad: its file is broken"]
        expected = compute_sweep(short, methods=["IRM2"], **GRID).table
        assert caught.value.results is not None
        pd.testing.assert_frame_equal(caught.value.results.table, expected, check_exact=True)
        assert caught.value.results.tracks["name"].tolist() == ["short"]
        assert [str(failure) for failure in caught.value.results.failures] == [
            "bad: its file is broken"
        ]
    read = pd.read_csv(tmp_path / "out" / "sweep.csv")
    assert_close(read, expected)
    (failure,) = json.loads((tmp_path / "out" / "failed.json").read_text())
    assert failure["error"] == "bad: its file is broken"


def test_if_all_tracks_fail_the_table_is_empty(tmp_path: Path) -> None:
    dataset = dataset_with(("x", "y"), (broken, broken))
    with pytest.raises(TracksFailed, match=r"^2 tracks failed") as caught:
        compute_sweep(dataset, out=tmp_path, **LEAST)
    assert caught.value.results is not None
    assert caught.value.results.table.empty
    assert (tmp_path / "bounds.csv").is_file()


# Progress


def test_progress_names_the_stft_and_sums_to_one_a_track(
    short: Track, monkeypatch: pytest.MonkeyPatch
) -> None:
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
    tracks = [short, renamed(short, "again")]
    compute_sweep(tracks, methods=["MIX", "IRM2"], progress=True, **GRID)
    assert list(dict.fromkeys(name for name, _ in done)) == [
        f"{track.name}: {stft.n_fft}/{stft.hop_length}" for track in tracks for stft in STFTS
    ]
    for _, parts in itertools.groupby(done, key=lambda pair: pair[0]):
        assert sum(part for _, part in parts) == pytest.approx(1 / len(STFTS))
    compute_sweep([short], **LEAST)
    assert shown == [True, False]


# Errors


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"overlaps": [True]}, TypeError, "overlaps must be numbers, got True"),
        ({"overlaps": ["50"]}, TypeError, "overlaps must be numbers, got '50'"),
        ({"overlaps": [0.5, None]}, TypeError, "overlaps must be numbers, got None"),
        ({"overlaps": [1]}, ValueError, "overlaps must be at least 0 and less than 1, got 1"),
        ({"overlaps": [50]}, ValueError, "overlaps must be at least 0 and less than 1, got 50"),
        ({"overlaps": [-0.25]}, ValueError, "at least 0 and less than 1, got -0.25"),
        ({"overlaps": [np.nan]}, ValueError, "at least 0 and less than 1, got nan"),
        (
            {"n_ffts": [1000], "overlaps": [1 / 3]},
            ValueError,
            "overlaps must leave a whole number of samples, got 0.3333333333333333 of 1000",
        ),
        (
            {"n_ffts": [96, 97]},
            ValueError,
            "overlaps must leave a whole number of samples, got 0.5 of 97",
        ),
        (
            {"n_ffts": [96, 128, 96]},
            ValueError,
            "n_ffts and overlaps must be named once each, got 96 at 0.5 twice",
        ),
        (
            {"overlaps": [0.5, 0.75, 0.5]},
            ValueError,
            "n_ffts and overlaps must be named once each, got 96 at 0.5 twice",
        ),
        # Two numbers, but one STFT.
        ({"overlaps": [0.5, 0.5 + 1e-12]}, ValueError, "must be named once each, got 96 at 0.50"),
        (
            {"n_ffts": []},
            ValueError,
            "n_ffts and overlaps must name at least one each, got none",
        ),
        (
            {"overlaps": []},
            ValueError,
            "n_ffts and overlaps must name at least one each, got none",
        ),
        ({"n_ffts": [96.0]}, TypeError, "n_ffts must be integers, got 96.0"),
        ({"n_ffts": [0]}, ValueError, "n_ffts must be at least 2, got 0"),
        ({"n_ffts": [-96]}, ValueError, "n_ffts must be at least 2, got -96"),
        ({"overlaps": [0]}, ValueError, "hop_length must let the windows overlap enough"),
        ({"window": "bow"}, ValueError, "window must be one that scipy.signal.get_window knows"),
        ({"methods": "MIX"}, TypeError, "methods must be several names, got the one string 'MIX'"),
        ({"methods": []}, ValueError, "methods must name at least one method, got none"),
        ({"methods": ["MIX", "MIX"]}, ValueError, "methods must be named once each, got 'MIX'"),
        ({"methods": ["ceilling"]}, ValueError, "got 'ceilling' (did you mean CEILING?)"),
        ({"metrics": "SDR"}, TypeError, "metrics must be several names, got the one string 'SDR'"),
        ({"metrics": ["PESQ"]}, ValueError, "metrics must be some of SDR, "),
        ({"metrics": []}, ValueError, "once each, got none"),
    ],
)
def test_wrong_arguments_are_refused_before_anything_is_done(
    tmp_path: Path, change: dict[str, Any], error: type[Exception], message: str
) -> None:
    def load() -> Track:
        pytest.fail("loaded")

    out = tmp_path / "out"
    with pytest.raises(error, match=re.escape(message)):
        compute_sweep(dataset_with(("x",), (load,)), out=out, **(LEAST | change))
    assert not out.exists()


def test_a_folder_with_files_is_refused_before_anything_is_done(tmp_path: Path) -> None:
    def load() -> Track:
        pytest.fail("loaded")

    (tmp_path / "sweep.csv").write_text("mine")
    with pytest.raises(ValueError, match="out must be a new or an empty folder, or .*not empty"):
        compute_sweep(dataset_with(("x",), (load,)), out=tmp_path, **LEAST)
    assert (tmp_path / "sweep.csv").read_text() == "mine"


def test_no_tracks_are_refused(short: Track) -> None:
    nothing: list[Track] = []
    for none in (nothing, iter(nothing)):
        with pytest.raises(ValueError, match="tracks must hold at least one track, got none"):
            compute_sweep(none, **LEAST)
    with pytest.raises(FileNotFoundError, match="tracks must be the path of .*, got 'waltz': no "):
        compute_sweep("waltz", **LEAST)


def test_a_ceiling_alone_needs_a_metric_that_it_is_of(short: Track) -> None:
    with pytest.raises(ValueError, match="metrics must hold SDR or uSDR, the only ones"):
        compute_sweep(short, methods=["CEILING"], metrics=["SI-SDR"], n_ffts=[96], overlaps=[0.5])


# The STFTs


def test_transforms_are_of_all_lengths_at_all_overlaps() -> None:
    assert make_transforms(N_FFTS_HERE, OVERLAPS_HERE, "hann") == list(STFTS)
    (kaiser,) = make_transforms([64], [0.875], "blackman")
    assert kaiser == STFT(n_fft=64, hop_length=8, window="blackman")
    usual = make_transforms(N_FFTS, OVERLAPS, "hann")
    assert len(usual) == len(set(usual)) == 12


def test_an_overlap_may_be_rounded_by_the_machine() -> None:
    for overlap in (1 / 3, 0.7, 0.9, 1 - 1e-3):
        (stft,) = make_transforms([30000], [overlap], "boxcar")
        assert stft.hop_length == round(30000 * (1 - overlap))
    # More than rounding: half a thousandth of a sample.
    with pytest.raises(ValueError, match="whole number of samples"):
        make_transforms([1000], [0.5000005], "hann")


def test_the_columns_of_a_sweep_are_those_of_bounds_after_the_stft() -> None:
    assert ("n_fft", "hop_length", "overlap", *BOUND_COLUMNS) == SWEEP_COLUMNS
    assert sweeps.METHODS[-1] == "CEILING"
