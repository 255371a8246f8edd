"""Results: aggregation, intervals, and the files of runs and of museval."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from oracle import STFT, Track, compute_bounds
from oracle.comparison.museval_files import find_museval_files, read_museval_files
from oracle.comparison.published_tables import load_sisec18
from oracle.comparison.result_folders import IncompleteRunWarning, Method, read_results
from oracle.metrics.names import MUSEVAL
from oracle.results.statistics import bootstrap_intervals, wilcoxon_p_value
from oracle.results.tables import (
    BOUND_COLUMNS,
    INTERVAL_COLUMNS,
    SCORE_COLUMNS,
    aggregate,
    csv_text,
    over_windows,
    read_scores,
    tidy,
)

nan, inf = float("nan"), float("inf")


def table_of(*rows: tuple[str, float]) -> pd.DataFrame:
    """Scores of one method, target and metric: track, value."""
    return tidy(
        (track, "test", "IRM2", "bass", "SDR", float(i), 1.0, v)
        for i, (track, v) in enumerate(rows)
    )


def write_museval(path: Path, scores: Mapping[str, Iterable[float]]) -> Path:
    """Write museval's file of a track: SDR by target, the other metrics NaN."""
    targets = [
        {
            "name": target,
            "frames": [
                {
                    "time": float(i),
                    "duration": 1.0,
                    "metrics": dict.fromkeys(MUSEVAL, nan) | {"SDR": value},
                }
                for i, value in enumerate(values)
            ],
        }
        for target, values in scores.items()
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"targets": targets}), encoding="utf-8")
    return path


# Aggregation


def test_windows_are_reduced_to_their_median_or_mean_without_nan() -> None:
    scores = table_of(("a", 1), ("a", 2), ("a", 9), ("a", nan), ("b", 4), ("b", 6))
    by_median, by_mean = (over_windows(scores, windows=w) for w in ("median", "mean"))
    assert by_median["score"].tolist() == [2, 5]
    assert by_mean["score"].tolist() == [4, 5]
    for table in (by_median, by_mean):
        assert table[["track", "n_windows", "n_nan"]].to_numpy().tolist() == [
            ["a", 4, 1],
            ["b", 2, 0],
        ]
    (row,) = aggregate(scores, windows="mean").to_dict("records")
    assert (row["median"], row["mean"]) == (4.5, 4.5)


def test_an_infinite_window_counts_as_such() -> None:
    scores = table_of(("a", inf), ("a", 1), ("a", 2))
    assert over_windows(scores)["score"].tolist() == [2]
    assert over_windows(scores, windows="mean")["score"].tolist() == [inf]


@pytest.mark.parametrize("infinite", [inf, -inf, 100.1, 135.0])
def test_infinite_scores_are_counted_and_left_out_of_a_mean(infinite: float) -> None:
    """Above 100 dB a score is infinite but for rounding."""
    rows = [("a", 1.0), ("a", 2.0), ("b", infinite), ("b", nan), ("c", 6.0), ("c", infinite)]
    (row,) = aggregate(table_of(*rows)).to_dict("records")
    assert (row["n_windows"], row["n_nan"], row["n_inf"]) == (6, 1, 2)
    means = {inf: 1.5, -inf: 1.5, 100.1: (1.5 + 53.05) / 2, 135.0: (1.5 + 70.5) / 2}
    assert row["mean_finite"] == pytest.approx(means[infinite])
    (row,) = aggregate(table_of(("a", infinite))).to_dict("records")
    assert np.isnan(row["mean_finite"])
    (row,) = aggregate(table_of(("a", 99.9), ("b", nan))).to_dict("records")
    assert (row["n_inf"], row["mean_finite"]) == (0, 99.9)


def test_an_aggregate_has_intervals_only_if_asked() -> None:
    scores = table_of(("a", 1), ("b", 2), ("c", 4))
    plain, full = aggregate(scores), aggregate(scores, confidence=0.9)
    assert tuple(plain.columns) == BOUND_COLUMNS
    assert tuple(full.columns) == BOUND_COLUMNS + INTERVAL_COLUMNS
    pd.testing.assert_frame_equal(full[list(BOUND_COLUMNS)], plain)
    (row,) = full.to_dict("records")
    assert row["median_low"] <= row["median"] <= row["median_high"]
    assert row["mean_low"] < row["mean"] < row["mean_high"]


def test_one_track_with_a_score_has_no_interval() -> None:
    (row,) = aggregate(table_of(("a", 1), ("b", nan)), confidence=0.95).to_dict("records")
    assert (row["median"], row["n_tracks"], row["n_nan"]) == (1, 2, 1)
    assert all(np.isnan(row[column]) for column in INTERVAL_COLUMNS)


def test_wrong_ways_to_aggregate_have_their_errors() -> None:
    scores = table_of(("a", 1), ("b", 2))
    with pytest.raises(ValueError, match="windows must be median or mean, got 'max'"):
        aggregate(scores, windows="max")  # type: ignore[arg-type]
    for confidence in (0, 1, 95):
        with pytest.raises(
            ValueError, match=f"confidence must be between 0 and 1, got {confidence}"
        ):
            aggregate(scores, confidence=confidence)


# Intervals and tests


def test_the_interval_of_equal_scores_is_that_score() -> None:
    np.testing.assert_allclose(bootstrap_intervals([np.full(7, 2.5)], 0.95), [[2.5] * 4])


def test_of_two_scores_the_interval_is_known() -> None:
    # Both draws are the one (1/4), the other (1/4), or one of each: the middle 40 % is between.
    values = np.array([1.0, 3.0])
    np.testing.assert_allclose(bootstrap_intervals([values], 0.4), [[2, 2, 2, 2]])
    np.testing.assert_allclose(bootstrap_intervals([values], 0.6), [[1, 3, 1, 3]])


@pytest.mark.parametrize("size", [9, 50])
def test_intervals_are_those_of_drawing_scores_themselves(
    rng: np.random.Generator, size: int
) -> None:
    values = rng.normal(5, 3, size)
    drawn = rng.choice(values, (10_000, size))
    ours = bootstrap_intervals([values], 0.9)[0].reshape(2, 2)
    for interval, statistics in zip(
        ours, (np.median(drawn, axis=1), drawn.mean(axis=1)), strict=True
    ):
        expected = np.quantile(statistics, [0.05, 0.95])
        # Ends of 2000 draws: within a few per cent of the interval's length.
        np.testing.assert_allclose(interval, expected, atol=0.12 * np.ptp(expected))


def test_intervals_hold_the_truth_about_as_often_as_they_say(rng: np.random.Generator) -> None:
    intervals = bootstrap_intervals(list(rng.normal(0, 1, (400, 60))), 0.9)
    for low, high in (intervals[:, :2].T, intervals[:, 2:].T):
        assert 0.84 < np.mean((low <= 0) & (high >= 0)) < 0.96


def test_intervals_are_the_same_every_time_and_whatever_else_is_in_the_table(
    rng: np.random.Generator,
) -> None:
    one, two, long = rng.normal(size=20), rng.normal(size=20), rng.normal(size=3001)
    together = bootstrap_intervals([one, long, two], 0.95)
    np.testing.assert_array_equal(together, bootstrap_intervals([one, long, two], 0.95))
    alone = bootstrap_intervals([two], 0.95)[0]
    np.testing.assert_allclose(together[2], alone, rtol=1e-12)
    shuffled = bootstrap_intervals([rng.permutation(two)], 0.95)[0]
    np.testing.assert_allclose(shuffled, alone, rtol=1e-12)
    assert np.all(np.diff(together[1].reshape(2, 2)) > 0)


def test_infinite_scores_have_an_interval_of_the_median_alone() -> None:
    (interval,) = bootstrap_intervals([np.array([1.0, 2, 3, 4, inf])], 0.5)
    assert np.isfinite(interval[:2]).all()
    assert np.isnan(interval[2:]).all()


def test_the_signed_rank_test_by_hand() -> None:
    # All five of one sign: 2 of 2^5 signs are as extreme.
    assert wilcoxon_p_value(np.array([1.0, 2, 3, 4, 5])) == pytest.approx(2 / 32)
    # Ranks of the negative sum to 1: signs with sums 0 and 1, on either side.
    assert wilcoxon_p_value(np.array([-1.0, 2, 3, 4, 5])) == pytest.approx(4 / 32)
    # Zeros are left out.
    assert wilcoxon_p_value(np.array([0.0, -1, 2, 3, 4, 5, 0])) == pytest.approx(4 / 32)


def test_the_signed_rank_test_is_scipys(rng: np.random.Generator) -> None:
    for size in (20, 200):
        values = rng.normal(0.3, 1, size)
        p_value = scipy.stats.wilcoxon(values).pvalue
        assert wilcoxon_p_value(values) == pytest.approx(p_value)
        assert 0 < p_value < 1


def test_a_zero_changes_nothing(rng: np.random.Generator) -> None:
    values = rng.normal(0.3, 1, 30)  # exact without zeros; scipy approximates with them
    assert wilcoxon_p_value(np.append(values, 0)) == wilcoxon_p_value(values)


@pytest.mark.parametrize("differences", [[], [1.0], [0.0, 0.0]])
def test_nothing_to_test_has_no_p_value(differences: list[float]) -> None:
    assert np.isnan(wilcoxon_p_value(np.array(differences)))


# scores.csv


def test_scores_are_read_exactly_as_written(tmp_path: Path) -> None:
    names = ("nan", "", "a,b", 'q"q', "line\nbreak", " sp ", "NA", "None", "ä", "007", "#c")
    values = (0.1 + 0.2, inf, -inf, nan, 1e-300, 1 / 3)
    rows = [
        (name, "test", "m", name, "SDR", None if i % 2 else 0.1 * i, None, values[i % 6])
        for i, name in enumerate(names)
    ]
    path = tmp_path / "scores.csv"
    path.write_text(csv_text(SCORE_COLUMNS, rows), encoding="utf-8", newline="")
    pd.testing.assert_frame_equal(read_scores(path), tidy(rows), check_exact=True)


@pytest.mark.parametrize(
    "row", ["a,test,m,t,SDR,1.0,1.0,x", "a,test,m,t,SDR,1.0", "a,test,m,t,SDR,1.0,1.0,1.0,2.0"]
)
def test_a_row_that_is_no_score_is_an_error_that_names_the_file(tmp_path: Path, row: str) -> None:
    path = tmp_path / "scores.csv"
    path.write_text(csv_text(SCORE_COLUMNS, []) + row + "\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"scores\.csv must hold one score per row, got "):
        read_scores(path)


def test_an_empty_file_holds_no_scores(tmp_path: Path) -> None:
    (tmp_path / "scores.csv").write_text("")
    with pytest.raises(ValueError, match=r"scores\.csv must have columns track, .*, got \[\]"):
        read_scores(tmp_path / "scores.csv")


# museval's files


@pytest.mark.parametrize(
    ("place", "method", "subset", "track"),
    [
        ("A. B. - C.D..json", "mine", "", "A. B. - C.D."),
        ("test/A.json", "mine", "test", "A"),
        ("UMX/A.json", "UMX", "", "A"),
        ("UMX/train/A.json", "UMX", "train", "A"),
        ("AC%2FDC.json", "mine", "", "AC/DC"),
        ("%2E%2E.json", "mine", "", "%2E%2E"),  # not as this package encodes it: '%2E.'
        ("%2E..json", "mine", "", ".."),
        ("100% Pure.json", "mine", "", "100% Pure"),
        ("100%25.json", "mine", "", "100%"),
        ("50%20off.json", "mine", "", "50%20off"),
        ("%FF.json", "mine", "", "%FF"),
    ],
)
def test_paths_tell_methods_subsets_and_tracks(
    tmp_path: Path, place: str, method: str, subset: str, track: str
) -> None:
    path = write_museval(tmp_path / "mine" / place, {"vocals": [1.0]})
    (tmp_path / "mine" / "notes.txt").write_text("")
    (tmp_path / "mine" / "._A.json").write_bytes(b"\0")
    assert find_museval_files(tmp_path / "mine") == [(path, method, subset, track)]


def test_scores_are_a_row_a_window_target_and_metric(tmp_path: Path) -> None:
    write_museval(tmp_path / "m" / "a.json", {"vocals": [1.5, nan], "bass": [2.0]})
    write_museval(tmp_path / "m" / "b.json", {"bass": [3.0, inf]})
    scores = read_museval_files(find_museval_files(tmp_path / "m"))
    assert tuple(scores.columns) == SCORE_COLUMNS
    assert len(scores) == 5 * len(MUSEVAL)
    sdr = scores[scores["metric"] == "SDR"].drop(columns=["metric", "subset", "method"])
    expected = pd.DataFrame(
        {
            "track": ["a", "a", "a", "b", "b"],
            "target": ["vocals", "vocals", "bass", "bass", "bass"],
            "time": [0.0, 1.0, 0.0, 0.0, 1.0],
            "duration": 1.0,
            "score": [1.5, nan, 2.0, 3.0, inf],
        }
    )
    pd.testing.assert_frame_equal(
        sdr.astype({"track": "str", "target": "str"}).reset_index(drop=True),
        expected.astype({"track": "str", "target": "str"}),
    )


def test_null_is_nan(tmp_path: Path) -> None:
    path = write_museval(tmp_path / "m" / "a.json", {"vocals": [nan, 2.0]})
    path.write_text(path.read_text().replace("NaN", "null"))
    scores = read_museval_files(find_museval_files(tmp_path / "m"))
    assert scores.loc[scores["metric"] == "SDR", "score"].tolist() == pytest.approx(
        [nan, 2.0], nan_ok=True
    )


FRAME = {"time": 0.0, "duration": 1.0, "metrics": {"SDR": 1.0}}


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("{", "Expecting property name"),
        ("[]", "list indices"),
        ("{}", "no 'targets'"),
        ({"targets": []}, "no targets"),
        ({"targets": [{"frames": [FRAME]}]}, "no 'name'"),
        ({"targets": [{"name": 1, "frames": [FRAME]}]}, "name 1"),
        ({"targets": [{"name": "bass", "frames": []}]}, "bass without windows"),
        ({"targets": 2 * [{"name": "bass", "frames": [FRAME]}]}, "a target twice: bass, bass"),
        ({"targets": [{"name": "bass", "frames": [{"time": 0.0}]}]}, "no 'metrics'"),
        (
            {"targets": [{"name": "bass", "frames": [FRAME, FRAME | {"metrics": {}}]}]},
            "bass: windows with different metrics",
        ),
        (
            {"targets": [{"name": "bass", "frames": [FRAME | {"metrics": {"SDR": "1.0"}}]}]},
            "must be real number, not str",
        ),
    ],
)
def test_a_file_that_is_not_musevals_is_an_error_that_names_it(
    tmp_path: Path, content: Any, what: str
) -> None:
    text = content if isinstance(content, str) else json.dumps(content)
    (tmp_path / "broken.json").write_text(text)
    with pytest.raises(
        ValueError, match=rf"results must be museval's JSON, got .*broken\.json: {what}"
    ):
        read_results(tmp_path)


@pytest.mark.parametrize(
    ("places", "message"),
    [
        (["a/b/c.json"], "results must be laid out as TRACK.json, .*, got .*c.json"),
        (["a/test/b/c.json"], "results must be laid out as TRACK.json, .*, got .*c.json"),
        (["100%.json", "100%25.json"], "results must hold a track once, got '100%' in .* and "),
        (["\u00e4.json", "a\u0308.json"], "results must hold a track once, got "),
        (["a.json", "test/b.json"], "results must have all tracks of a method in folders of sub"),
    ],
)
def test_folders_that_are_ambiguous_are_errors(
    tmp_path: Path, places: list[str], message: str
) -> None:
    for place in places:
        write_museval(tmp_path / place, {"vocals": [1.0]})
    with pytest.raises(ValueError, match=message):
        find_museval_files(tmp_path)


def test_folders_that_go_round_are_errors(tmp_path: Path) -> None:
    write_museval(tmp_path / "m" / "a.json", {"vocals": [1.0]})
    (tmp_path / "m" / "m").symlink_to(tmp_path)
    with pytest.raises(ValueError, match="results must be laid out as "):
        find_museval_files(tmp_path)


def test_musevals_own_reader_has_the_same_scores(tmp_path: Path, ffmpeg: str) -> None:
    museval = pytest.importorskip("museval")
    rng = np.random.default_rng(3)
    for name in ("A.B - C", "D"):
        scores = {target: rng.normal(5, 3, 4) for target in ("vocals", "bass")}
        scores["bass"][1] = nan
        write_museval(tmp_path / "mine" / "test" / f"{name}.json", scores)
    store = museval.MethodStore()
    store.add_eval_dir(str(tmp_path / "mine"))
    theirs = store.agg_frames_tracks_scores()
    ours = aggregate(read_results(tmp_path / "mine").scores)
    assert len(ours) == len(theirs) == 2 * len(MUSEVAL)
    for row in ours.to_dict("records"):
        expected = theirs[row["method"], row["target"], row["metric"]]
        assert row["median"] == pytest.approx(expected, nan_ok=True)


def test_real_files_of_museval_are_read(shared: Path) -> None:
    folder = shared / "reference" / "museval-80s-rock"
    results = read_results(folder)
    assert results.name == "museval-80s-rock"
    assert set(results.scores["track"]) == {path.stem for path in folder.glob("*.json")}
    sdr = results.scores.query("track == 'MWF' and target == 'drums' and metric == 'SDR'")
    assert sdr["score"].tolist()[:4] == [12.54996, 12.45399, 11.60008, 9.26458]
    assert sdr["time"].tolist() == [0, 1, 2, 3, 4, 5]


# Folders of runs, published tables, names


@pytest.fixture
def run_folder(track: Track, tmp_path: Path) -> Path:
    compute_bounds(track, methods=["MIX", "IRM2"], metrics=["SDR", "uSDR"], out=tmp_path / "bounds")
    return tmp_path / "bounds"


def test_a_run_is_read_with_its_stft(run_folder: Path) -> None:
    results = read_results(run_folder)
    assert (results.name, results.is_named, results.published) == ("bounds", False, None)
    assert results.methods == {name: Method(name, STFT()) for name in ("MIX", "IRM2")}
    expected = read_scores(run_folder / "scores.csv")
    pd.testing.assert_frame_equal(results.scores.astype(expected.dtypes), expected)


def test_a_methods_folder_of_a_run_is_read_as_musevals(run_folder: Path) -> None:
    (run_folder / "IRM2" / "test").rename(run_folder / "IRM2" / "my subset")
    scores = read_results(run_folder / "IRM2").scores
    assert set(scores["method"]) == {"IRM2"}
    assert set(scores["subset"]) == {"my subset"}
    expected = read_scores(run_folder / "scores.csv").query("method == 'IRM2' and metric == 'SDR'")
    ours = scores[scores["metric"] == "SDR"]
    np.testing.assert_allclose(ours["score"], expected["score"], rtol=0, atol=1e-5)


def test_of_a_run_that_was_killed_its_tracks_are_read(run_folder: Path) -> None:
    expected = read_scores(run_folder / "scores.csv")
    for name in ("scores.csv", "bounds.csv", "run.json"):
        (run_folder / name).unlink()
    with pytest.warns(IncompleteRunWarning, match="bounds has no scores.csv: the run was killed"):
        results = read_results(run_folder)
    assert results.methods == {}
    pd.testing.assert_frame_equal(results.scores.astype(expected.dtypes), expected)


def test_of_runs_that_failed_or_were_interrupted_there_is_a_warning(run_folder: Path) -> None:
    run = json.loads((run_folder / "run.json").read_text())
    (run_folder / "failed.json").write_text('[{"track": "a"}, {"track": "b"}]')
    with pytest.warns(IncompleteRunWarning, match="bounds: 2 of its tracks failed"):
        read_results(run_folder)
    (run_folder / "failed.json").unlink()
    del run["finished"]
    (run_folder / "run.json").write_text(json.dumps(run))
    with pytest.warns(IncompleteRunWarning, match="bounds: the run was interrupted"):
        read_results(run_folder)


@pytest.mark.parametrize("content", ["{", "[]"])
def test_a_broken_run_json_is_an_error(run_folder: Path, content: str) -> None:
    (run_folder / "run.json").write_text(content)
    with pytest.raises(ValueError, match=r"run\.json must be that of a run, got .*run\.json: "):
        read_results(run_folder)


def test_a_run_without_scores_is_an_error(run_folder: Path) -> None:
    (run_folder / "scores.csv").write_text(csv_text(SCORE_COLUMNS, []))
    with pytest.raises(ValueError, match="results must hold scores, got .*bounds with none"):
        read_results(run_folder)


def test_results_can_be_named(run_folder: Path) -> None:
    results = read_results(f"my own={run_folder}")
    assert (results.name, results.is_named) == ("my own", True)
    odd = run_folder.rename(run_folder.with_name("a=b"))
    assert read_results(str(odd)).name == "a=b"
    assert read_results(f"c={odd}").name == "c"
    assert read_results("published=sisec18").name == "published"


def test_places_without_results_are_errors(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "empty").mkdir()
    with pytest.raises(
        FileNotFoundError, match="results must be a folder or one of sisec18, .*, got .*no such"
    ):
        read_results(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match="got .*file: it is a file"):
        read_results(tmp_path / "file")
    with pytest.raises(
        ValueError, match="results must be a folder with scores.csv, or .*with neither"
    ):
        read_results(tmp_path / "empty")
    for source in ("=folder", "name="):
        with pytest.raises(
            ValueError, match=f"results must be a place or NAME=PLACE, got '{source}'"
        ):
            read_results(source)


def test_sisec18_is_the_published_table(shared: Path) -> None:
    expected = pd.read_csv(shared / "reference" / "sisec18_oracle.csv")
    table = load_sisec18()
    assert tuple(table.columns) == BOUND_COLUMNS[:8]  # infinite scores are not known
    # SiSEC's MWF is called by its name here.
    expected["method"] = expected["method"].replace("MWF", "MWF-SISEC18")
    np.testing.assert_array_equal(table.to_numpy(), expected.to_numpy())


def test_sisec18_has_these_figures() -> None:
    table = load_sisec18()
    assert len(table) == 6 * 5 * len(MUSEVAL)
    (row,) = table.query(
        "method == 'MWF-SISEC18' and target == 'bass' and metric == 'SDR'"
    ).to_dict("records")
    assert (row["median"], row["mean"]) == (6.751385, 6.801423)
    assert (row["n_tracks"], row["n_windows"], row["n_nan"]) == (50, 12435, 3916)
