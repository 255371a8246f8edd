"""Published tables: complete, with their source, and compared only with what is scored alike."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import Run
from test_comparison import scores_of, write_run
from test_results import write_museval

from oracle import compare
from oracle.comparison.formats import format_csv, format_markdown
from oracle.comparison.published_tables import FILES, PUBLISHED, load_moisesdb, load_sisec16
from oracle.metrics.names import MUSEVAL
from oracle.results.tables import BOUND_COLUMNS

STEMS = (4, 5, 6)
UNNAMED = ["sisec16", "sisec16-dev", "moisesdb4", "moisesdb5", "moisesdb6"]


def write_run_of(folder: Path, dataset: str | None, n_tracks: int = 2, n_windows: int = 1) -> Path:
    """A system's scores of SDR on vocals, and the run's dataset."""
    scores = {f"track {i}": [5.0] * n_windows for i in range(n_tracks)}
    write_run(folder, scores_of("net", scores))
    (folder / "run.json").write_text(json.dumps({"dataset": dataset, "finished": "now"}))
    return folder


# What is shipped


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [("moisesdb.csv", "moisesdb_oracle.csv"), ("sisec16.csv", "sisec16_dsd100_ibm.csv")],
)
def test_the_files_are_those_of_the_source(shared: Path, ours: str, theirs: str) -> None:
    assert FILES.joinpath(ours).read_bytes() == (shared / "reference" / theirs).read_bytes()


@pytest.mark.parametrize("n_stems", STEMS)
def test_moisesdb_has_every_figure_of_the_source(shared: Path, n_stems: int) -> None:
    source = pd.read_csv(shared / "reference" / "moisesdb_oracle.csv")
    assert set(source["stems"]) == set(STEMS)
    expected = source[source["stems"] == n_stems]
    table = load_moisesdb(n_stems)
    assert tuple(table.columns) == BOUND_COLUMNS[:8]
    names = ["method", "target", "metric", "median", "mean"]
    figures = table.drop(columns="n_windows")
    np.testing.assert_array_equal(figures[names], expected[names])
    np.testing.assert_array_equal(
        figures[["n_tracks", "n_nan"]], expected[["tracks", "nan_tracks"]]
    )
    np.testing.assert_array_equal(table["n_windows"], table["n_tracks"])


@pytest.mark.parametrize("subset", ["Test", "Dev"])
def test_sisec16_has_every_figure_of_the_source(shared: Path, subset: str) -> None:
    source = pd.read_csv(shared / "reference" / "sisec16_dsd100_ibm.csv")
    assert set(source["subset"]) == {"Test", "Dev"}
    expected = source[source["subset"] == subset]
    table = load_sisec16(subset)
    assert tuple(table.columns) == BOUND_COLUMNS[:8]
    names = ["method", "target", "metric", "median", "mean"]
    np.testing.assert_array_equal(table[names], expected[names])
    np.testing.assert_array_equal(table["n_tracks"], expected["tracks"])
    assert table[["n_windows", "n_nan"]].isna().all(axis=None)
    assert (expected["nan_tracks"] == 0).all()


def test_the_tables_are_complete() -> None:
    for n_stems in STEMS:
        table = load_moisesdb(n_stems)
        assert len(table) == 4 * n_stems == len(table.groupby(["method", "target"]))
    for subset in ("Test", "Dev"):
        assert len(load_sisec16(subset)) == 5 * len(MUSEVAL)


def test_each_is_a_name_of_its_own() -> None:
    assert list(PUBLISHED) == ["sisec18", *UNNAMED]
    assert {len(PUBLISHED[name]().table) for name in ("moisesdb4", "moisesdb5")} == {16, 20}
    by_subset = [PUBLISHED[name]().table["n_tracks"].unique() for name in UNNAMED[:2]]
    assert [list(counts) for counts in by_subset] == [[47], [50]]


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_remark_tells_data_stft_statistic_and_address(name: str) -> None:
    published = PUBLISHED[name]()
    remark = published.remark
    assert published.dataset in published.data
    for part in (published.data, published.statistic, published.source):
        assert part in remark
    assert published.source.startswith("https://")
    assert ("at an STFT that is not stated" in remark) == (published.stft is None)
    assert ("'IRM oracle' of Demucs' tables" in remark) == (name == "sisec18")
    assert f"{name}: {remark}" in compare([name], windows=published.windows or "mean").notes


# Comparison


@pytest.mark.parametrize(
    ("name", "dataset", "data"),
    [
        ("sisec16", "MUSDB18", "47 tracks of DSD100's subset Test"),
        ("sisec16-dev", "MoisesDB", "50 tracks of DSD100's subset Dev"),
        ("moisesdb5", "DSD100", "104 tracks of MoisesDB"),
    ],
)
def test_a_table_of_another_dataset_is_not_subtracted(
    tmp_path: Path, name: str, dataset: str, data: str
) -> None:
    # As many tracks and windows as the table: their number does not make them the same.
    run = write_run_of(tmp_path / "run", dataset, int(data.split()[0]))
    comparison = compare([run, name], targets=["vocals"], windows="mean")
    assert comparison.paired.empty
    assert comparison.distances.empty
    assert comparison.notes[-1] == (
        f"run and {name} cover different tracks, so nothing is subtracted: run is of {dataset}, "
        f"{name} of {data}"
    )


@pytest.mark.parametrize("name", UNNAMED)
@pytest.mark.parametrize("is_known", [True, False])
def test_what_is_not_known_to_be_scored_alike_is_not_subtracted(
    tmp_path: Path, name: str, is_known: bool
) -> None:
    published = PUBLISHED[name]()
    n_tracks = int(published.table["n_tracks"].max())
    run = write_run_of(tmp_path / "run", published.dataset if is_known else None, n_tracks)
    comparison = compare([run, name], targets=["vocals"], windows="mean")
    assert comparison.systems == ("net",)
    assert comparison.paired.empty
    assert comparison.notes[-1] == (
        f"run and {name} are not known to be scored alike, on the same tracks, so nothing is "
        f"subtracted: {name} has {published.statistic}, and does not name its tracks"
    )


def test_musevals_files_in_a_run_are_of_its_dataset(tmp_path: Path) -> None:
    run = write_run_of(tmp_path / "run", "MUSDB18")
    write_museval(run / "net" / "test" / "track 0.json", {"vocals": [5.0]})
    notes = compare([run / "net", "moisesdb4"], targets=["vocals"]).notes
    assert notes[-1].endswith("net is of MUSDB18, moisesdb4 of 235 tracks of MoisesDB")


def test_methods_of_a_table_are_subtracted_from_each_other() -> None:
    paired = compare(["moisesdb4"], targets=["vocals"], against="IBM").paired
    assert paired["method"].tolist() == ["IRM", "MWF", "cIRM"]
    assert paired["median"].tolist() == pytest.approx([1.694299, 1.60107, 1.052794])
    twice = compare(["moisesdb4", "a=moisesdb4"], targets=["vocals"], against="a: IRM").paired
    assert twice.set_index("method")["median"]["moisesdb4: IRM"] == 0
    twice = compare(["sisec16", "a=sisec16"], targets=["vocals"], windows="mean").paired
    assert twice["median"].tolist() == [0]


def test_tables_of_other_tracks_are_not_subtracted_from_each_other() -> None:
    tables = ["sisec18", "moisesdb4", "moisesdb5"]
    comparison = compare(tables, targets=["vocals"], against="moisesdb4: IRM")
    assert comparison.paired["method"].tolist() == [
        f"moisesdb4: {name}" for name in ("IBM", "MWF", "cIRM")
    ]
    said = "cover different tracks, so nothing is subtracted"
    assert comparison.notes[-2:] == (
        f"moisesdb4 and sisec18 {said}: moisesdb4 is of 235 tracks of MoisesDB, sisec18 of "
        "MUSDB18's 50 test tracks",
        f"moisesdb4 and moisesdb5 {said}: moisesdb4 is of 235 tracks of MoisesDB, moisesdb5 of 104 "
        "tracks of MoisesDB",
    )


def test_published_methods_are_bounds(tmp_path: Path) -> None:
    """Also those that this package does not have, such as IRM."""
    comparison = compare([write_run_of(tmp_path / "run", None), "moisesdb6"], targets=["vocals"])
    assert (comparison.systems, comparison.against) == (("net",), "net")


def test_each_table_is_compared_at_its_own_statistic_over_windows() -> None:
    with pytest.raises(ValueError, match=r"mean beside sisec16, .* means over windows, .*'median'"):
        compare(["sisec16"])
    with pytest.raises(ValueError, match=r"median beside sisec18, .* medians over .*, got 'mean'"):
        compare(["sisec18"], windows="mean")
    for windows in ("median", "mean"):  # one score a track: the same
        assert len(compare(["moisesdb4"], targets=["bass"], windows=windows).scores) == 4
    with pytest.raises(ValueError, match="windows must be median or mean, got 'max'"):
        compare(["moisesdb4"], windows="max")  # type: ignore[arg-type]


def test_unknown_numbers_of_windows_are_not_shown(tmp_path: Path) -> None:
    run = write_run_of(tmp_path / "run", "DSD100", n_windows=3)
    comparison = compare([run, "sisec16"], targets=["vocals"], windows="mean")
    assert comparison.scores["n_windows"].tolist() == [6, pd.NA]
    text = format_markdown(comparison)
    assert "| net | 5.00 [5.00, 5.00] | 2 | 6 | 0 |" in text
    assert "| IBM | 9.76 | 47 |  |  |" in text
    assert "IBM,vocals,SDR,9.762484,9.627114,47,nan,nan," in format_csv(comparison.scores)
    assert "net,vocals,SDR,5.0,5.0,2,6,0," in format_csv(comparison.scores)


def test_a_table_without_the_metric_has_a_note(tmp_path: Path) -> None:
    row = ("a", "test", "net", "vocals", "uSDR", None, None, 5.0)
    run = write_run(tmp_path / "run", [row])
    notes = compare([run, "moisesdb4"], metrics=["uSDR"], targets=["vocals"]).notes
    assert "moisesdb4: no uSDR of these targets" in notes


# The command


def test_the_command_lists_the_tables_and_exits(run: Run) -> None:
    status, out, err = run("compare", "--published")
    assert (status, err) == (0, "")
    words = " ".join(out.split())
    for name, load in PUBLISHED.items():
        published = load()
        assert f"{name} {published.title} on {published.data}" in words
        for part in (
            f"Dataset: {published.dataset}",
            f"Methods: {', '.join(published.table['method'].unique())}",
            f"Statistic: {published.statistic}",
            f"From: {published.source}",
        ):
            assert part in words
    assert words.count("STFT: not stated") == len(UNNAMED)
    assert "STFT: hann window of 2048 samples, hop 1024" in words


def test_the_help_tells_of_the_list(run: Run) -> None:
    words = " ".join(run("compare", "--help").out.split())
    assert "List the published tables and exit." in words
