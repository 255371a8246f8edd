"""Comparison: results side by side, paired, and far from the bounds."""

import csv
import io
import json
import re
import shutil
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from conftest import Run
from test_results import write_museval

import oracle
from oracle import (
    STFT,
    Comparison,
    Track,
    compare,
    compute_bounds,
    compute_sweep,
    score_system,
    separate,
)
from oracle.comparison.formats import format_latex, format_markdown
from oracle.comparison.published_tables import load_sisec18, load_sisec18_tracks
from oracle.datasets.audio_files import write_audio
from oracle.machine.files import file_name
from oracle.results.tables import (
    BOUND_COLUMNS,
    INTERVAL_COLUMNS,
    SCORE_COLUMNS,
    Row,
    aggregate,
    csv_text,
)

nan, inf = float("nan"), float("inf")


def scores_of(
    method: str,
    tracks: dict[str, list[float]],
    *,
    target: str = "vocals",
    subset: str = "test",
    metric: str = "SDR",
) -> list[Row]:
    """Scores of one target, from those of each track's windows."""
    return [
        (track, subset, method, target, metric, float(i), 1.0, value)
        for track, values in tracks.items()
        for i, value in enumerate(values)
    ]


def write_run(folder: Path, rows: Iterable[Row], *, stft: STFT | None = None) -> Path:
    folder.mkdir(parents=True)
    text = csv_text(SCORE_COLUMNS, rows)
    (folder / "scores.csv").write_text(text, encoding="utf-8", newline="")
    if stft is not None:
        run = {"stft": stft.settings, "finished": "now"}
        (folder / "run.json").write_text(json.dumps(run))
    return folder


@pytest.fixture
def system(tmp_path: Path) -> Path:
    """Medians 1, 2, 5 and 8."""
    tracks = {"a": [0, 1, 9.0], "b": [2.0, nan], "c": [4, 6.0], "d": [8.0]}
    return write_run(tmp_path / "mine", scores_of("net", tracks))


@pytest.fixture
def bounds(tmp_path: Path) -> Path:
    """Of IRM2 medians 2, 4, 8 and 12, and another track; of CEILING 10 wherever it is heard."""
    irm2 = {"a": [2, 2, 3.0], "b": [4.0, 5], "c": [8.0, 8.0], "d": [12.0], "e": [100.0]}
    irm2["b"][1] = nan
    ceiling = {"a": [8.0, 10, 8.9], "b": [10.0, 10], "c": [10, nan], "d": [7.9995], "e": [10.0]}
    rows = scores_of("IRM2", irm2) + scores_of("CEILING", ceiling) + scores_of("MIX", irm2)
    return write_run(tmp_path / "bounds", rows, stft=STFT(n_fft=4096, hop_length=1024))


def only(table: pd.DataFrame, **values: str) -> dict[str, Any]:
    """The one row with these values."""
    for column, value in values.items():
        table = table[table[column] == value]
    (row,) = table.to_dict("records")
    return {str(column): value for column, value in row.items()}


# Scores


def test_scores_are_the_aggregate_with_intervals(system: Path, bounds: Path) -> None:
    comparison = compare([system, bounds])
    assert tuple(comparison.scores.columns) == BOUND_COLUMNS + INTERVAL_COLUMNS
    assert comparison.scores["method"].tolist() == ["net", "IRM2", "CEILING", "MIX"]
    row = only(comparison.scores, method="net")
    assert (row["median"], row["mean"]) == (3.5, 4.0)
    assert (row["n_tracks"], row["n_windows"], row["n_nan"]) == (4, 8, 1)
    assert row["median_low"] < 3.5 < row["median_high"]
    assert (comparison.systems, comparison.against) == (("net",), "net")
    assert (comparison.windows, comparison.confidence) == ("median", 0.95)


def test_tracks_are_a_row_a_track(system: Path) -> None:
    tracks = compare([system]).tracks
    columns = ["subset", "track", "method", "target", "metric", "score", "n_windows", "n_nan"]
    columns.append("n_inf")
    assert list(tracks.columns) == columns
    assert tracks["track"].tolist() == ["a", "b", "c", "d"]
    assert tracks["score"].tolist() == [1, 2, 5, 8]
    assert tracks["n_nan"].tolist() == [0, 1, 0, 0]


def test_the_mean_over_windows(system: Path) -> None:
    comparison = compare([system], windows="mean")
    assert comparison.tracks["score"].tolist() == [10 / 3, 2, 5, 8]
    assert "Mean over the windows" in format_markdown(comparison)


def test_metrics_and_targets_are_chosen(tmp_path: Path) -> None:
    rows = [
        row
        for target in ("drums", "bass")
        for metric in ("SDR", "SIR")
        for row in scores_of("net", {"a": [1.0]}, target=target, metric=metric)
    ]
    folder = write_run(tmp_path / "run", rows)
    keys = [("drums", "SDR"), ("bass", "SDR")]
    chosen = [{}, {"metrics": ["SIR", "SDR"]}, {"targets": ["bass"]}]
    for options, expected in zip(
        chosen, (keys, [*keys, ("drums", "SIR"), ("bass", "SIR")], keys[1:]), strict=True
    ):
        scores = compare([folder], **options).scores  # type: ignore[arg-type]
        assert set(zip(scores["target"], scores["metric"], strict=True)) == set(expected)


# Differences


def test_differences_are_paired_by_track(system: Path, bounds: Path) -> None:
    row = only(compare([system, bounds]).paired, method="IRM2")
    # 1, 2, 3 and 4; track e has no score of the system.
    assert (row["against"], row["paired"], row["n_tracks"]) == ("net", True, 4)
    assert (row["median"], row["mean"]) == (2.5, 2.5)
    assert row["p_value"] == pytest.approx(2 / 16)
    assert 1 <= row["median_low"] < 2.5 < row["median_high"] <= 4
    assert 1 <= row["mean_low"] < 2.5 < row["mean_high"] <= 4


def test_differences_are_those_of_the_tracks_whatever_their_order(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    names = [f"track {i}" for i in range(30)]
    one, two = rng.normal(5, 3, 30), rng.normal(6, 3, 30)
    mixed = rng.permutation(30)
    first = write_run(
        tmp_path / "1", scores_of("one", {n: [v] for n, v in zip(names, one, strict=True)})
    )
    second = write_run(tmp_path / "2", scores_of("two", {names[i]: [two[i]] for i in mixed}))
    row = only(compare([first, second]).paired, method="two")
    assert row["median"] == pytest.approx(np.median(two - one))
    assert row["mean"] == pytest.approx(np.mean(two - one))
    assert row["p_value"] == pytest.approx(scipy.stats.wilcoxon(two, one).pvalue)
    turned = only(compare([first, second], against="two").paired, method="one")
    assert turned["median"] == pytest.approx(-row["median"])
    assert turned["p_value"] == pytest.approx(row["p_value"])


def test_equal_methods_do_not_differ(tmp_path: Path) -> None:
    tracks = {"a": [1.0], "b": [2.0], "c": [inf], "d": [nan]}
    folders = [write_run(tmp_path / name, scores_of(name, tracks)) for name in ("x", "y")]
    row = only(compare(folders).paired, method="y")
    assert (row["median"], row["mean"], row["n_tracks"]) == (0, 0, 2)  # inf - inf is no difference
    assert (row["median_low"], row["mean_high"]) == (0, 0)
    assert np.isnan(row["p_value"])


# What is left out


def test_results_without_a_common_track_have_a_sentence(tmp_path: Path, bounds: Path) -> None:
    tracks = {"AL JAMES - SCHOOLBOY": [1.0], "Al Jones - Schoolbag": [2.0], "bks": [3.0]}
    mine = write_run(tmp_path / "mine", scores_of("net", tracks))
    rows = scores_of("IRM2", {"Al James - Schoolboy": [5.0], "Am Contra": [5.0]})
    rows += scores_of("OPT", {"Al James - Schoolboy": [5.0], "Am Contra": [5.0]})
    theirs = write_run(tmp_path / "theirs", rows)
    comparison = compare([mine, theirs])
    assert comparison.paired.empty
    assert comparison.distances.empty
    assert comparison.notes == (
        "theirs and mine have no track in common, so nothing is subtracted: "
        "'Al James - Schoolboy' in theirs, 'AL JAMES - SCHOOLBOY' in mine",
    )
    assert format_markdown(comparison).count("| --- |") == 1  # the scores
    # The bound is taken from the system and the system from the bound: the sentence stays one.
    assert compare([theirs, mine], against="IRM2").notes == (
        "mine and theirs have no track in common, so nothing is subtracted: "
        "'AL JAMES - SCHOOLBOY' in mine, 'Al James - Schoolboy' in theirs",
    )
    # What others have in common is compared, and they miss nothing of these.
    other = write_run(tmp_path / "other", scores_of("x", {"a": [1.0, 1.0, 1.0]}))
    comparison = compare([bounds, other, mine])
    assert set(comparison.distances["method"]) == {"x"}
    assert comparison.notes[1:] == (
        "other: no score for 4 of 5 tracks: b, c, d, ...",
        "mine and other have no track in common, so nothing is subtracted: "
        "'AL JAMES - SCHOOLBOY' in mine, 'a' in other",
        "bounds and mine have no track in common, so nothing is subtracted: "
        "'a' in bounds, 'Al Jones - Schoolbag' in mine",
    )


def test_tracks_of_other_subsets_are_shown_with_them(tmp_path: Path) -> None:
    one = write_run(tmp_path / "one", scores_of("x", {"a": [1.0]}, subset="train"))
    two = write_run(tmp_path / "two", scores_of("y", {"a": [1.0]}))
    assert compare([one, two]).notes == (
        "two and one have no track in common, so nothing is subtracted: "
        "'test/a' in two, 'train/a' in one",
    )


def test_methods_of_one_folder_without_a_common_track(tmp_path: Path) -> None:
    rows = scores_of("x", {"a": [1.0]}) + scores_of("y", {"b": [1.0]})
    rows += scores_of("z", {"a": [2.0], "b": [3.0]})
    comparison = compare([write_run(tmp_path / "run", rows)])
    assert comparison.paired["method"].tolist() == ["z"]
    assert comparison.notes == (
        "y and x have no track in common, so nothing is subtracted: 'b' in y, 'a' in x",
    )


def test_methods_without_scores_of_both_have_a_sentence(tmp_path: Path) -> None:
    """As where vocals are silent throughout."""
    rows = []
    for method, values in {"x": [1.0, nan], "y": [nan, 2.0], "z": [inf, 3.0]}.items():
        tracks = {track: [value] for track, value in zip("ab", values, strict=True)}
        rows += scores_of(method, tracks, target="bass")
        rows += scores_of(method, {"a": [nan], "b": [nan]}, target="vocals")
        rows += scores_of(method, tracks, target="drums")
        rows += scores_of(method, {"a": [inf], "b": [nan]}, target="other")
    comparison = compare([write_run(tmp_path / "run", rows)])
    # That z is infinitely better on one track is a difference.
    assert comparison.paired["method"].tolist() == ["z", "z"]
    assert comparison.paired["target"].tolist() == ["bass", "drums"]
    assert comparison.paired.index.tolist() == [0, 1]
    assert comparison.notes == (
        "y and x together: no track with a finite SDR of bass, drums, so nothing is subtracted",
        "x: no track with a finite SDR of vocals, other, so nothing is subtracted",
    )
    assert "| x | 1.00 | nan | 1.00 | **inf** | 2 | 2 | 1-2 |" in format_markdown(comparison)


def test_bounds_without_scores_share_a_sentence(tmp_path: Path) -> None:
    rows = [
        row
        for method, value in {"net": 1.0, "IRM2": nan, "OPT": nan, "CEILING": 3.0}.items()
        for row in scores_of(method, {"a": [value]})
    ]
    comparison = compare([write_run(tmp_path / "run", rows)])
    assert comparison.distances["bound"].tolist() == ["CEILING"]
    assert comparison.notes == (
        "IRM2, OPT: no track with a finite SDR of vocals, so nothing is subtracted",
    )


# Published tables


def of_published(tracks: Iterable[str], *, n_windows: int = 12435) -> list[Row]:
    """Scores of a system, 5 and 6 dB in turns, of so many windows in all."""
    names = list(tracks)
    each = n_windows // len(names)
    lengths = [each] * (len(names) - 1) + [n_windows - each * (len(names) - 1)]
    values = {n: [5.0 + i % 2] * k for i, (n, k) in enumerate(zip(names, lengths, strict=True))}
    return scores_of("net", values)


@pytest.mark.parametrize("n_windows", [12435, 12485])  # or one a track more
def test_what_is_published_is_not_paired(tmp_path: Path, n_windows: int) -> None:
    rows = of_published(load_sisec18_tracks(), n_windows=n_windows)
    comparison = compare([write_run(tmp_path / "run", rows), "sisec18"], targets=["vocals"])
    expected = load_sisec18().query("target == 'vocals' and metric == 'SDR'").set_index("method")
    ours = comparison.scores.set_index("method").loc[expected.index]
    known = list(BOUND_COLUMNS[1:8])
    pd.testing.assert_frame_equal(ours[known], expected[known])
    assert (ours["n_inf"] == 0).all()
    row = only(comparison.paired, method="IRM2")
    assert (row["paired"], row["n_tracks"]) == (False, 0)
    assert row["median"] == pytest.approx(9.430595 - 5.5)
    assert row["mean"] == pytest.approx(expected["mean"]["IRM2"] - 5.5)
    assert np.isnan(row["median_low"])
    assert np.isnan(row["p_value"])
    far = only(comparison.distances, bound="IRM2")
    assert (far["paired"], far["median"]) == (False, row["median"])
    assert comparison.notes == (
        "sisec18: bounds with a hann window of 2048 samples, hop 1024",
        "sisec18: SiSEC 2018's scores on MUSDB18's 50 test tracks; museval's scores: median over "
        "windows, then median and mean over tracks; its IRM2 is the 'IRM oracle' of Demucs' "
        "tables; from https://github.com/sigsep/sigsep-mus-2018",
    )
    text = format_markdown(comparison)
    assert "| net | IRM2 | vocals | unpaired |" in text
    assert "Unpaired: scores by track are unknown; differences of the medians and of the" in text


TESTED = sorted(load_sisec18_tracks())


@pytest.mark.parametrize(
    ("tracks", "n_windows", "reason"),
    [
        (["Daisy Bell"], 13, "run has none of the 50 tracks of sisec18, but Daisy Bell"),
        (
            [*TESTED[:-2], "Mine"],
            12435,
            "run lacks 2 of the 50 tracks of sisec18: We Fell From The Sky - Not You, Zeno - Signs",
        ),
        ([*TESTED, "Mine"], 12435, "run has 1 more: Mine"),
        (TESTED, 350, "run has 350 windows of vocals, sisec18 12435"),  # the preview
        (TESTED, 12486, "run has 12486 windows of vocals, sisec18 12435"),
    ],
)
def test_what_is_published_of_other_tracks_is_not_subtracted(
    tmp_path: Path, tracks: list[str], n_windows: int, reason: str
) -> None:
    run = write_run(tmp_path / "run", of_published(tracks, n_windows=n_windows))
    comparison = compare([run, "sisec18"], targets=["vocals"])
    assert comparison.paired.empty
    assert comparison.distances.empty
    assert set(comparison.scores["method"]) == {"net", *load_sisec18()["method"]}
    assert comparison.notes[2:] == (
        f"run and sisec18 cover different tracks, so nothing is subtracted: {reason}",
    )
    assert format_markdown(comparison).count("| --- |") == 1  # the scores
    # Its own methods are of the same tracks.
    turned = compare([run, "sisec18"], targets=["vocals"], against="IRM2")
    assert turned.paired["method"].tolist() == ["IBM1", "IBM2", "IRM1", "MWF-SISEC18", "MIX"]
    assert turned.notes == comparison.notes


def test_of_musevals_files_the_tracks_are_known_too(tmp_path: Path) -> None:
    for name in TESTED:
        n_windows = 12435 - 49 * 248 if name == TESTED[0] else 248
        write_museval(tmp_path / "net" / f"{name}.json", {"vocals": [5.0] * n_windows})
    comparison = compare([tmp_path / "net", "sisec18"], targets=["vocals"])
    assert only(comparison.distances, bound="IRM2")["median"] == pytest.approx(9.430595 - 5)
    (tmp_path / "net" / f"{TESTED[0]}.json").rename(tmp_path / "net" / "a.json")
    assert compare([tmp_path / "net", "sisec18"], targets=["vocals"]).distances.empty


def test_every_target_is_of_the_tracks_of_what_is_published(tmp_path: Path) -> None:
    # Of the last track, a window long, there is no bass.
    lengths = {name: [5.0] for name in TESTED} | {TESTED[0]: [5.0] * (12435 - 49)}
    vocals = scores_of("net", lengths)
    bass = scores_of("net", {name: lengths[name] for name in TESTED[:-1]}, target="bass")
    run = write_run(tmp_path / "run", vocals + bass)
    comparison = compare([run, "sisec18"], targets=["vocals", "bass"])
    assert set(comparison.distances["target"]) == {"vocals"}
    assert comparison.notes[-1].endswith("run has 12434 windows of bass, sisec18 12435")


def test_silence_is_no_matter_of_other_tracks(tmp_path: Path) -> None:
    rows = [(*row[:-1], nan) for row in of_published(TESTED)]
    comparison = compare([write_run(tmp_path / "run", rows), "sisec18"], targets=["vocals"])
    assert comparison.paired.empty
    assert comparison.notes[2:] == (
        "net: no track with a finite SDR of vocals, so nothing is subtracted",
    )


# Distances


def test_distances_are_how_much_higher_the_bounds_are(system: Path, bounds: Path) -> None:
    comparison = compare([bounds, system])
    assert comparison.distances["bound"].tolist() == ["IRM2", "CEILING"]
    row = only(comparison.distances, bound="IRM2")
    assert (row["method"], row["paired"], row["n_tracks"]) == ("net", True, 4)
    assert (row["median"], row["mean"]) == (2.5, 2.5)
    assert pd.isna(row["n_above"])
    row = only(comparison.distances, bound="CEILING")
    # Medians 8.9, 10, 10 and 7.9995, less 1, 2, 5 and 8.
    assert row["median"] == pytest.approx((7.9 + 5) / 2)
    assert row["mean"] == pytest.approx((7.9 + 8 + 5 - 0.0005) / 4)
    # Of a all three windows, of b and c one each, of d one, which is above by less than counts.
    assert (row["n_windows"], row["n_above"]) == (6, 1)
    assert comparison.notes == (
        "bounds: bounds with a hann window of 4096 samples, hop 1024",
        "mine: no score for 1 of 5 tracks: e",
    )


def test_windows_of_other_lengths_or_times_are_not_compared(tmp_path: Path) -> None:
    ceiling = [("a", "test", "CEILING", "vocals", "SDR", t, d, 1.0) for t, d in ((0, 1), (1, 1))]
    net = [("a", "test", "net", "vocals", "SDR", t, d, 9.0) for t, d in ((0, 2), (1.0001, 1))]
    folders = [write_run(tmp_path / "1", ceiling), write_run(tmp_path / "2", net)]
    (row,) = compare(folders).distances.to_dict("records")
    assert (row["n_windows"], row["n_above"]) == (1, 1)


def test_of_metrics_of_whole_tracks_tracks_are_counted(tmp_path: Path) -> None:
    rows = [
        (track, "test", method, "vocals", "uSDR", None, None, value)
        for method, values in {"net": (1.0, 5.0), "CEILING": (2.0, 3.0)}.items()
        for track, value in zip("ab", values, strict=True)
    ]
    folder = write_run(tmp_path / "run", rows)
    (row,) = compare([folder], metrics=["uSDR"]).distances.to_dict("records")
    assert (row["n_windows"], row["n_above"], row["median"]) == (2, 1, -0.5)


@pytest.fixture
def of_classes(tmp_path: Path) -> Path:
    """Bounds of three classes, of two tracks of two windows: IRM2 3 dB, the others n dB."""
    names = ("OPT", "CEILING", "OPT-COMPLEX", "CEILING-COMPLEX", "CEILING-SHARED")
    values = {"IRM2": 3.0} | {name: 4.0 + i for i, name in enumerate(names)}
    tracks = {name: {"a": [value] * 2, "b": [value] * 2} for name, value in values.items()}
    rows = [row for name in tracks for row in scores_of(name, tracks[name])]
    return write_run(tmp_path / "classes", rows)


@pytest.mark.parametrize(
    ("mask_class", "bounds", "formula", "n_above"),
    [
        ("REAL", {"OPT": 4, "CEILING": 5}, "0 <= m <= 1", 2),
        ("COMPLEX", {"OPT-COMPLEX": 6, "CEILING-COMPLEX": 7}, "m complex, |m| <= 1", 1),
        ("complex", {"OPT-COMPLEX": 6, "CEILING-COMPLEX": 7}, "m complex, |m| <= 1", 1),
        ("SHARED", {"CEILING-SHARED": 8}, "0 <= m <= 1, one for all channels", 0),
    ],
)
def test_distances_go_to_the_bounds_of_a_class(
    tmp_path: Path,
    of_classes: Path,
    mask_class: str,
    bounds: dict[str, float],
    formula: str,
    n_above: int,
) -> None:
    net = write_run(tmp_path / "net", scores_of("net", {"a": [1.0, 7.5], "b": [1.0, 6.0]}))
    comparison = compare([net, of_classes], mask_class=mask_class)
    # What is called like a bound of any class is one.
    assert comparison.systems == ("net",)
    assert comparison.mask_class == mask_class.upper()
    # Medians of the tracks 4.25 and 3.5.
    expected = {name: value - 3.875 for name, value in ({"IRM2": 3} | bounds).items()}
    distances = comparison.distances
    assert dict(zip(distances["bound"], distances["median"], strict=True)) == expected
    assert distances["n_above"].dropna().tolist() == [n_above]
    assert distances["n_windows"].dropna().tolist() == [4]
    for text in (
        format_markdown(comparison),
        format_latex(comparison).replace(r"\textless{}", "<"),
    ):
        shown = text.replace(r"\textbar{}", "|")
        assert f"No mask ({formula}) at that STFT can." in shown
    others = [name for name in ("REAL", "COMPLEX", "SHARED") if name != mask_class.upper()]
    assert comparison.notes == (
        f"Distances go to the bounds of the class {mask_class.upper()}; there are also bounds of "
        f"{', '.join(others)}, for systems that predict such masks (--class)",
    )


def test_distances_go_to_real_masks_unless_asked_otherwise(
    tmp_path: Path, system: Path, of_classes: Path
) -> None:
    comparison = compare([system, of_classes])
    assert comparison.mask_class == "REAL"
    assert comparison.distances["bound"].tolist() == ["IRM2", "OPT", "CEILING"]
    # Without a system there are no distances to speak of, without other classes nothing to say.
    assert compare([of_classes]).notes == ()
    real = write_run(tmp_path / "real", scores_of("CEILING", {"a": [1.0, 1.0, 1.0]}))
    assert not [note for note in compare([system, real]).notes if "class" in note]


def test_bounds_of_a_class_that_the_results_have_not_are_an_error(
    run: Run, system: Path, bounds: Path
) -> None:
    message = (
        "results must hold OPT-BARK or CEILING-BARK for distances to the bounds of the class "
        "BARK, got neither: 'oracle bounds DATASET --methods IRM2,OPT-BARK,CEILING-BARK --out "
        "FOLDER' computes them"
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        compare([system, bounds], mask_class="BARK")
    status, out, err = run("compare", system, bounds, "--class", "bark")
    assert (status, out, err) == (1, "", f"oracle: {message}\n")
    assert not compare([system]).distances.size  # of REAL nobody asked


def test_bounds_of_classes_say_their_stft(tmp_path: Path, bounds: Path) -> None:
    rows = scores_of("OPT-COMPLEX", {"a": [1.0]}) + scores_of("CEILING-COMPLEX", {"a": [1.0]})
    other = write_run(tmp_path / "other", rows, stft=STFT())
    named = compare([bounds, f"mine={other}"]).scores["method"].tolist()[3:]
    at = "(hann 2048/1024)"
    assert named == [f"mine: OPT-COMPLEX {at}", f"mine: CEILING-COMPLEX {at}"]
    # A single one of named results is no system either.
    one = write_run(tmp_path / "one", scores_of("OPT-COMPLEX", {"a": [1.0]}))
    comparison = compare([bounds, f"mine={one}"])
    assert comparison.scores["method"].tolist()[3:] == ["mine: OPT-COMPLEX"]
    assert comparison.systems == ()


def test_the_command_measures_distances_to_a_class(
    run: Run, system: Path, of_classes: Path
) -> None:
    options = ("--class", "complex", "--format", "markdown")
    outcome = run("compare", system, of_classes, *options)
    assert (outcome.status, outcome.err) == (0, "")
    assert outcome.out == format_markdown(compare([system, of_classes], mask_class="COMPLEX"))
    assert "| net | CEILING-COMPLEX | vocals |" in outcome.out


def test_without_a_system_there_are_no_distances(bounds: Path) -> None:
    comparison = compare([bounds])
    assert comparison.distances.empty
    assert comparison.systems == ()
    assert comparison.against == "IRM2"
    assert comparison.paired["method"].tolist() == ["CEILING", "MIX"]


def test_bounds_and_a_mask_scored_as_a_system(track: Track, tmp_path: Path) -> None:
    methods = ["IRM2", "OPT", "CEILING"]
    stft = STFT(n_fft=256, hop_length=128)
    compute_bounds(track, methods=methods, stft=stft, metrics=["SDR"], out=tmp_path / "bounds")
    for target, audio in separate(track, "IRM2", stft=stft).items():
        write_audio(tmp_path / "estimates" / f"{target}.wav", audio, track.rate)
    score_system(
        track, tmp_path / "estimates", name="net", metrics=["SDR"], out=tmp_path / "scores"
    )
    distances = compare([tmp_path / "bounds", tmp_path / "scores"]).distances
    for target in track.targets:
        irm2, opt, ceiling = (only(distances, bound=name, target=target) for name in methods)
        assert irm2["median"] == pytest.approx(0, abs=1e-3)
        assert opt["median"] > 0
        assert ceiling["median"] > 0
        assert (ceiling["n_windows"], ceiling["n_above"]) == (2, 0)


# Names


def test_methods_of_one_name_are_told_apart(tmp_path: Path) -> None:
    one = write_run(tmp_path / "one", scores_of("IRM2", {"a": [1.0]}) + scores_of("x", {"a": [1]}))
    two = write_run(tmp_path / "two", scores_of("IRM2", {"a": [2.0]}))
    three = write_run(tmp_path / "three", scores_of("y", {"a": [3.0]}))
    methods = compare([one, two, three]).scores["method"].tolist()
    assert methods == ["one: IRM2", "x", "two: IRM2", "y"]
    comparison = compare([f"A={one}", f"B={two}", f"C={three}"])
    assert comparison.scores["method"].tolist() == ["A: IRM2", "A: x", "B: IRM2", "C"]
    assert comparison.systems == ("A: x", "C")
    assert set(comparison.distances["bound"]) == {"A: IRM2", "B: IRM2"}
    with pytest.raises(
        ValueError, match="results must have different names, got two called 'A': choose another"
    ):
        compare([f"A={one}", two, f"A={three}"])


@pytest.mark.parametrize(
    ("folders", "expected"),
    [
        (["a/x", "b/x"], ["x: IRM2", "x (2): IRM2"]),
        (["a/x", "b/x", "c/x"], ["x: IRM2", "x (2): IRM2", "x (3): IRM2"]),
        # No number makes a name that there is, before or after.
        (["a/x", "b/x", "x (2)"], ["x: IRM2", "x (3): IRM2", "x (2): IRM2"]),
        (["x (2)", "a/x", "b/x"], ["x (2): IRM2", "x: IRM2", "x (3): IRM2"]),
        # The name that was chosen is kept, whatever the order.
        (["a/x", "x=y"], ["x (2): IRM2", "x: IRM2"]),
        (["x=a/x", "b/x"], ["x: IRM2", "x (2): IRM2"]),
        (["sisec18", "a/sisec18"], ["sisec18: IRM2", "sisec18 (2): IRM2"]),
        (["a/sisec18", "sisec18"], ["sisec18: IRM2", "sisec18 (2): IRM2"]),
        (["sisec18", "sisec18"], ["sisec18: IRM2", "sisec18 (2): IRM2"]),
    ],
)
def test_results_of_one_name_get_a_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folders: list[str], expected: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for place in folders:
        if place != "sisec18":
            write_run(Path(place.rpartition("=")[2]), scores_of("IRM2", {"a": [1.0]}))
    methods = compare(folders, targets=["vocals"]).scores["method"]
    assert [method for method in methods if "IRM2" in method] == expected


def test_labels_differ_whatever_methods_are_called(tmp_path: Path) -> None:
    rows = {
        "one": scores_of("IRM2", {"a": [1.0]}),
        "two": scores_of("IRM2", {"a": [2.0]}) + scores_of("one: IRM2", {"a": [3.0]}),
        "three": scores_of("model", {"a": [3.0]}),
        "four": scores_of("net", {"a": [3.0]}),
    }
    one, two, three, four = (str(write_run(tmp_path / name, rows[name])) for name in rows)
    methods = compare([one, two]).scores["method"].tolist()
    assert methods == ["one: IRM2", "two: IRM2", "one: IRM2 (2)"]
    # A system that the caller calls like another, or like a bound, is called so.
    assert compare([four, f"net={three}"]).scores["method"].tolist() == ["four: net", "net"]
    comparison = compare([one, f"IRM2={three}"])
    assert comparison.scores["method"].tolist() == ["one: IRM2", "IRM2"]
    assert comparison.systems == ("IRM2",)


# STFTs


def test_bounds_of_several_stfts_say_theirs(tmp_path: Path) -> None:
    rows = scores_of("IRM2", {"a": [1.0]}) + scores_of("CEILING", {"a": [3.0]})
    short = write_run(tmp_path / "short", rows, stft=STFT(n_fft=256, window="hamming"))
    long = write_run(tmp_path / "long", rows, stft=STFT(n_fft=512, hop_length=128))
    net = write_run(tmp_path / "mine", scores_of("net", {"a": [1.0]}))
    comparison = compare([short, long, net])
    bounds = [
        *("IRM2 (hamming 256/128)", "CEILING (hamming 256/128)"),
        *("IRM2 (hann 512/128)", "CEILING (hann 512/128)"),
    ]
    assert comparison.scores["method"].tolist() == [*bounds, "net"]
    assert comparison.systems == ("net",)
    assert comparison.distances["bound"].tolist() == bounds
    assert comparison.distances["n_windows"].isna().tolist() == [True, False] * 2
    assert comparison.paired["method"].tolist() == bounds
    assert set(comparison.tracks["method"]) == {*bounds, "net"}
    assert comparison.notes == (
        "short: bounds with a hamming window of 256 samples, hop 128",
        "long: bounds with a hann window of 512 samples, hop 128",
    )
    for text in (format_markdown(comparison), format_latex(comparison)):
        assert text.count("IRM2 (hann 512/128)") == 2
    turned = compare([short, long, net], against="IRM2 (hann 512/128)")
    assert turned.paired["method"].tolist() == [*bounds[:2], bounds[3], "net"]
    with pytest.raises(ValueError, match=r"one of net, IRM2 \(hamming 256/128\), .* got 'IRM2'"):
        compare([short, long, net], against="IRM2")


def test_of_one_stft_a_note_says_it(tmp_path: Path, bounds: Path) -> None:
    rows = scores_of("IRM2", {"a": [1.0, 1, 1]}) + scores_of("OPT", {"a": [1.0, 1, 1]})
    again = write_run(tmp_path / "again", rows, stft=STFT(n_fft=4096, hop_length=1024))
    comparison = compare([bounds, again])
    methods = ["bounds: IRM2", "CEILING", "MIX", "again: IRM2", "OPT"]
    assert comparison.scores["method"].tolist() == methods
    assert comparison.notes == (
        "bounds, again: bounds with a hann window of 4096 samples, hop 1024",
        "again: no score for 4 of 5 tracks: b, c, d, ...",
    )


def test_an_unknown_stft_is_said_beside_several(tmp_path: Path, bounds: Path) -> None:
    for method in ("IRM2", "net"):
        write_museval(tmp_path / "museval" / method / "a.json", {"vocals": [1.0]})
    other = write_run(tmp_path / "other", scores_of("OPT", {"a": [1.0]}), stft=STFT())
    methods = compare([bounds, tmp_path / "museval"]).scores["method"].tolist()
    assert methods[-2:] == ["museval: IRM2", "net"]
    methods = compare([bounds, tmp_path / "museval", other]).scores["method"].tolist()
    assert methods[-3:] == ["IRM2 (STFT unknown)", "net", "OPT (hann 2048/1024)"]


def test_what_is_published_has_an_stft_and_is_told_from_ones_own(bounds: Path) -> None:
    methods = compare([bounds, "sisec18"], targets=["vocals"]).scores["method"].tolist()
    assert methods[0] == "IRM2 (hann 4096/1024)"
    assert "sisec18: IRM2 (hann 2048/1024)" in methods
    assert "IBM1 (hann 2048/1024)" in methods


@pytest.mark.slow
def test_the_methods_of_a_sweep_are_bounds(track: Track, tmp_path: Path) -> None:
    options: dict[str, Any] = {"methods": ["IRM2", "CEILING"], "metrics": ["SDR"]}
    compute_sweep(track, n_ffts=[128, 256], overlaps=[0.5], out=tmp_path / "sweep", **options)
    table = compute_sweep(
        track, n_ffts=[256], overlaps=[0.5], out=tmp_path / "single", **options
    ).table
    net = write_run(tmp_path / "net", scores_of("net", {track.name: [1.0, 1.0]}))
    comparison = compare([tmp_path / "sweep", net], targets=["vocals"])
    bounds = [f"{m} (hann {at})" for at in ("128/64", "256/128") for m in ("IRM2", "CEILING")]
    assert comparison.scores["method"].tolist() == [*bounds, "net"]
    assert comparison.systems == ("net",)
    assert comparison.distances["bound"].tolist() == bounds
    assert comparison.distances["n_above"].isna().tolist() == [True, False] * 2
    assert comparison.notes == (
        "sweep: bounds with 2 STFTs, in brackets: window, its length and hop in samples",
    )
    # A folder of a method in it knows its own.
    files = compare([tmp_path / "sweep" / "IRM2-256-128", tmp_path / "sweep" / "CEILING-128-64"])
    assert files.scores["method"].unique().tolist() == [bounds[2], bounds[1]]
    # At a single STFT there is nothing to tell apart.
    comparison = compare([tmp_path / "single"])
    assert comparison.scores["method"].unique().tolist() == ["IRM2", "CEILING"]
    assert comparison.notes == ("single: bounds with a hann window of 256 samples, hop 128",)
    np.testing.assert_array_equal(comparison.scores["median"], table["median"])


def test_windows_with_parameters_are_said_with_them(tmp_path: Path, bounds: Path) -> None:
    stft = STFT(n_fft=256, window=("kaiser", 8.0))
    folder = write_run(tmp_path / "run", scores_of("OPT", {"a": [1.0]}), stft=stft)
    methods = compare([bounds, folder]).scores["method"].tolist()
    assert methods[-1] == "OPT (kaiser 8.0 256/128)"


@pytest.mark.parametrize(
    "wrong",
    [
        {"stft": {"n_fft": 2}},
        {"stft": {"n_fft": 1, "hop_length": 1, "window": "hann"}},
        {"stft": 3},
        {"stfts": [], "methods": []},
    ],
)
def test_a_run_with_an_stft_that_is_none_is_an_error(tmp_path: Path, wrong: dict[str, Any]) -> None:
    folder = write_run(tmp_path / "run", scores_of("OPT", {"a": [1.0]}))
    (folder / "run.json").write_text(json.dumps({"finished": "now"} | wrong))
    with pytest.raises(ValueError, match=r"run\.json must be that of a run, got .*run\.json: "):
        compare([folder])


# SiSEC 2018's MWF


def test_sisecs_mwf_is_pointed_out(shared: Path, track: Track, tmp_path: Path) -> None:
    said = (
        "MWF: if its files are from SiSEC 2018, it is the filter called MWF-SISEC18 here, not this "
        "package's MWF"
    )
    files = shared / "reference" / "museval-80s-rock"
    for method, name in {"MWF": "MWF-sisec18", "IRM2": "IRM2"}.items():
        place = tmp_path / "sisec" / method / "test" / "80s Rock.json"
        place.parent.mkdir(parents=True)
        place.write_bytes((files / f"{name}.json").read_bytes())
    assert compare([tmp_path / "sisec" / "MWF"]).notes == (said,)
    notes = compare([tmp_path / "sisec", "sisec18"]).notes
    assert notes[2] == f"{said}; on the same tracks its scores are those of MWF-SISEC18"
    assert not any(said in note for note in compare([tmp_path / "sisec" / "IRM2"]).notes)
    # This package's own is what it is called, also in museval's files, wherever they lie.
    compute_bounds(track, methods=["MWF"], metrics=["SDR"], out=tmp_path / "run")
    shutil.copytree(tmp_path / "run" / "MWF", tmp_path / "copy" / "MWF")
    for folder in ("run", "run/MWF", "copy", "copy/MWF"):
        assert not any(said in note for note in compare([tmp_path / folder, "sisec18"]).notes)


# Tracks that match


def test_encoded_and_decomposed_names_match(tmp_path: Path) -> None:
    names = ("AC/DC - T.N.T.", "100%", "Beyonc\u00e9")
    run = write_run(
        tmp_path / "run", scores_of("IRM2", {name: [i + 1.0] for i, name in enumerate(names)})
    )
    files = (file_name(names[0]), names[1], unicodedata.normalize("NFD", names[2]))
    for i, name in enumerate(files):
        write_museval(tmp_path / "net" / f"{name}.json", {"vocals": [float(i)]})
    comparison = compare([run, tmp_path / "net"])
    row = only(comparison.distances, bound="IRM2")
    assert (row["n_tracks"], row["median"], row["mean"]) == (3, 1, 1)
    assert comparison.notes == ()
    assert set(comparison.tracks["subset"]) == {"test"}  # as the run tells it


def test_subsets_tell_tracks_of_one_name_apart(tmp_path: Path) -> None:
    rows = scores_of("IRM2", {"a": [1.0], "b": [5.0]})
    rows += scores_of("IRM2", {"a": [9.0]}, subset="train")
    run = write_run(tmp_path / "run", rows)
    write_museval(tmp_path / "net" / "train" / "a.json", {"vocals": [2.0]})
    comparison = compare([run, tmp_path / "net"])
    row = only(comparison.distances, bound="IRM2")
    assert (row["n_tracks"], row["median"]) == (1, 7)
    assert comparison.notes == ("net: no score for 2 of 3 tracks: a, b",)
    write_museval(tmp_path / "flat" / "a.json", {"vocals": [2.0]})
    with pytest.raises(
        ValueError,
        match="results must give the subset of 'a', which others have in test and train, got flat",
    ):
        compare([run, tmp_path / "flat"])


def test_results_without_subsets_match_by_name(tmp_path: Path) -> None:
    for method, value in {"x": 1.0, "y": 3.0}.items():
        write_museval(tmp_path / method / "a.json", {"vocals": [value]})
    comparison = compare([tmp_path])  # a folder of methods
    assert only(comparison.paired, method="y")["median"] == 2
    assert set(comparison.tracks["subset"]) == {""}


def test_many_missing_tracks_are_counted_and_some_named(tmp_path: Path) -> None:
    tracks = {f"t{i}": [1.0] for i in range(6)}
    one = write_run(tmp_path / "one", scores_of("x", tracks))
    two = write_run(tmp_path / "two", scores_of("y", {"t0": [1.0]}))
    assert compare([one, two]).notes == ("two: no score for 5 of 6 tracks: t1, t2, t3, ...",)


def test_each_results_of_one_name_has_its_missing_tracks(tmp_path: Path) -> None:
    folders = [
        write_run(tmp_path / method / "scores", scores_of(method, {method: [1.0], "both": [1.0]}))
        for method in ("x", "y")
    ]
    assert compare(folders).notes == (
        "scores: no score for 1 of 3 tracks: y",
        "scores (2): no score for 1 of 3 tracks: x",
    )


def test_results_without_the_metric_have_no_row(tmp_path: Path) -> None:
    one = write_run(tmp_path / "one", scores_of("IRM2", {"a": [1.0]}, metric="SIR"))
    two = write_run(tmp_path / "two", scores_of("net", {"a": [2.0]}))
    comparison = compare([one, two])
    assert comparison.scores["method"].tolist() == ["net"]
    assert comparison.paired.empty
    assert comparison.distances.empty
    assert comparison.notes == ("one: no SDR of these targets",)
    assert "| net | 2.00 | 1 | 1 | 0 |" in format_markdown(comparison)
    assert compare([one, two], against="IRM2").paired.empty


# Errors


def test_wrong_arguments_have_their_errors(system: Path) -> None:
    with pytest.raises(ValueError, match="results must name at least one, got none"):
        compare([])
    with pytest.raises(TypeError, match="results must be several, got 'sisec18'"):
        compare("sisec18")
    with pytest.raises(TypeError, match="metrics must be several, got 'SDR'"):
        compare([system], metrics="SDR")
    with pytest.raises(TypeError, match="targets must be several, got 'vocals'"):
        compare([system], targets="vocals")
    with pytest.raises(ValueError, match="metrics must name at least one, got none"):
        compare([system], metrics=[])
    with pytest.raises(ValueError, match="metrics must be among .* the results, SDR, got 'SIR'"):
        compare([system], metrics=["SIR"])
    with pytest.raises(ValueError, match="targets must be among .* results, vocals, got 'drums'"):
        compare([system], targets=["drums"])
    with pytest.raises(ValueError, match="against must be one of net, got 'other'"):
        compare([system], against="other")
    with pytest.raises(ValueError, match="windows must be median or mean, got 'max'"):
        compare([system], windows="max")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"class must be one of REAL, .*, got 'x'$"):
        compare([system], mask_class="x")
    with pytest.raises(ValueError, match=r"got 'COMPLE' \(did you mean COMPLEX\?\)"):
        compare([system], mask_class="COMPLE")
    with pytest.raises(ValueError, match="confidence must be between 0 and 1, got 95"):
        compare([system], confidence=95)
    with pytest.raises(
        ValueError,
        match="median beside sisec18, whose scores are medians over windows, got 'mean'",
    ):
        compare([system, "sisec18"], windows="mean")


# Tables


@pytest.fixture
def comparison(tmp_path: Path, bounds: Path) -> Comparison:
    """Two systems, of which the second is better, and bounds."""
    tracks = {"a": [1.0], "b": [2.0], "c": [-4.0]}
    one = write_run(tmp_path / "one", scores_of("50%_|net", tracks))
    two = write_run(tmp_path / "two", scores_of("{x}\\&y", {"a": [2.0], "b": [3.0], "c": [inf]}))
    return compare([bounds, one, two])


def test_markdown_has_every_table(comparison: Comparison) -> None:
    text = format_markdown(comparison)
    blocks = [block for block in text.split("\n\n") if block.startswith("| ")]
    assert len(blocks) == 3
    for block in blocks:
        widths = {len(re.split(r"(?<!\\)\|", line)) for line in block.splitlines()}
        assert len(widths) == 1
    scores, paired, distances = (block.splitlines() for block in blocks)
    assert scores[0] == "| method | vocals | tracks | windows | NaN | inf |"
    assert scores[2].startswith("| 50%_\\|net | 1.00 [-4.00, 2.00] | 3 | 3 | 0 | 0 |")
    assert scores[3].startswith("| {x}\\\\&y | **3.00 [2.00, inf]** | 3 | 3 | 0 | 1 |")
    assert "Scores above 100 dB are infinite but for rounding, and count as inf." in text
    assert [line.split(" | ")[0] for line in scores[4:]] == ["| IRM2", "| CEILING", "| MIX"]
    assert len(paired) == 3  # of systems alone: there are distances to the bounds
    assert paired[2].startswith("| {x}\\\\&y | vocals | 3 | 1.00 [1.00, inf] | inf | 0.")
    assert [line.split(" | ")[1] for line in distances[2:]] == 2 * ["IRM2", "CEILING"]
    assert "| 0 of 5 |" not in text
    assert "95 % bootstrap interval" in text
    assert "not corrected for the number of tests, 1 here" in text
    assert text.endswith("hop 1024\n" + "".join(f"- {note}\n" for note in comparison.notes[1:]))


def test_latex_is_balanced_escaped_and_as_wide_as_it_says(comparison: Comparison) -> None:
    text = format_latex(comparison)
    bare = re.sub(r"\\[\\{}&%$#_]", "", text)
    assert bare.count("{") == bare.count("}")
    for name in ("table*", "tabular"):
        assert text.count(rf"\begin{{{name}}}") == text.count(rf"\end{{{name}}}") == 3
    for rule in ("toprule", "bottomrule"):
        assert text.count(f"\\{rule}") == 3
    for body in re.findall(r"\\begin{tabular}(.*?)\\end{tabular}", text, flags=re.DOTALL):
        columns, *lines = body.strip().splitlines()
        width = len(re.fullmatch(r"\{@\{\}([lr]+)@\{\}\}", columns)[1])  # type: ignore[index]
        rows = [line for line in lines if line.endswith(r" \\")]
        assert len(rows) == len([line for line in lines if "rule" not in line])
        assert {len(re.findall(r"(?<!\\)&", row)) for row in rows} == {width - 1}
    assert r"50\%\_\textbar{}net & $1.00\ [-4.00, 2.00]$ &" in text
    assert r"\{x\}\textbackslash{}\&y & $\mathbf{3.00}\ [2.00, \infty]$ &" in text
    assert text.count(r"\midrule") == 3 + 1  # and one between systems and bounds
    assert text.startswith("% \\usepackage{booktabs}\n% bounds: ")
    for line in text.splitlines():
        assert line.startswith("%") or not re.search(r"(?<!\\)[%#]", line)
    assert r"\label{tab:scores-sdr}" in text


def test_a_name_in_brackets_is_no_option_of_the_line_before(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", scores_of("[a] <b>", {"a": [1.0]}))
    text = format_latex(compare([folder]))
    assert r"    {}[a] \textless{}b\textgreater{} & $1.00$" in text
    assert not re.search(r"(\\|rule)\s*[\[*]", text)


def test_what_is_missing_is_a_dash_in_latex_and_an_empty_cell(tmp_path: Path) -> None:
    rows = scores_of("IRM2", {"a": [nan]}) + scores_of("net", {"a": [1.0]}, target="bass")
    text = format_latex(compare([write_run(tmp_path / "run", rows)]))
    assert "IRM2 & -- &  & $1$ & $1$ & $1$" in text


# The command


def test_the_command_prints_the_tables(run: Run, system: Path, bounds: Path) -> None:
    status, out, err = run("compare", bounds, system)
    assert (status, err) == (0, "")
    words = " ".join(out.split())
    assert words.startswith("SDR in dB method vocals tracks windows NaN ")
    assert "net 3.50 [1.00, 8.00] 4 8 1" in words
    assert "SDR: distance to the bounds in dB system bound target tracks median mean above" in words
    assert "net IRM2 vocals 4 2.50 [1.00, 4.00] 2.50" in words
    assert "1 of 6" in words
    assert "bounds: bounds with a hann window of 4096 samples, hop 1024" in words
    assert "mine: no score for 1 of 5 tracks: e" in words


def as_read(table: pd.DataFrame) -> pd.DataFrame:
    """What pandas reads of a table that it wrote: before its version 3 the last bit may differ."""
    return pd.read_csv(io.StringIO(table.to_csv(index=False)))


def test_the_command_prints_other_formats(run: Run, system: Path, bounds: Path) -> None:
    comparison = compare([bounds, system])
    assert run("compare", bounds, system, "--format", "markdown").out == format_markdown(comparison)
    assert run("compare", bounds, system, "--format", "latex").out == format_latex(comparison)
    text = run("compare", bounds, system, "--format", "csv").out
    header, *rows = csv.reader(io.StringIO(text))
    assert tuple(header) == BOUND_COLUMNS + INTERVAL_COLUMNS
    assert [row[0] for row in rows] == ["IRM2", "CEILING", "MIX", "net"]
    pd.testing.assert_frame_equal(
        pd.read_csv(io.StringIO(text)), as_read(comparison.scores), check_exact=True
    )


def test_the_command_takes_these_options(run: Run, system: Path, bounds: Path) -> None:
    options = ("--targets", "vocals", "--metrics", "SDR", "--windows", "mean", "--against", "IRM2")
    outcome = run("compare", f"mine={system}", bounds, *options, "--format", "markdown")
    expected = compare(
        [f"mine={system}", bounds], targets=["vocals"], windows="mean", against="IRM2"
    )
    assert outcome.out == format_markdown(expected)
    assert "difference from IRM2" in outcome.out


def test_the_command_writes_these_files(
    run: Run, system: Path, bounds: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    status, printed, err = run("compare", bounds, system, "--out", out)
    assert (status, err) == (0, "")
    assert printed.endswith(f"Written to {out}\n")
    comparison = compare([bounds, system])
    tables = ("compare", "paired", "distances", "tracks")
    names = {*(f"{table}.csv" for table in tables), "compare.md", "compare.tex", "figures"}
    assert {path.name for path in out.iterdir()} == names
    found = [comparison.scores, comparison.paired, comparison.distances, comparison.tracks]
    for name, table in zip(tables, found, strict=True):
        pd.testing.assert_frame_equal(
            pd.read_csv(out / f"{name}.csv"), as_read(table), check_exact=True
        )
    assert (out / "compare.md").read_text("utf-8") == format_markdown(comparison)
    assert (out / "compare.tex").read_text("utf-8") == format_latex(comparison)
    status, printed, err = run("compare", bounds, system, "--out", out)
    assert (status, printed) == (1, "")
    assert "out must be a new or an empty folder" in err


def test_the_commands_errors_are_a_line(run: Run, system: Path, tmp_path: Path) -> None:
    status, out, err = run("compare", tmp_path / "nowhere")
    assert (status, out) == (1, "")
    assert err.startswith("oracle: results must be a folder or one of sisec18, ")
    assert err.count("\n") == 1
    assert run("compare", system, "--metrics", ",").status == 1
    assert run("compare").status == 2
    assert run("compare", system, "--format", "html").status == 2


def test_the_help_teaches(run: Run) -> None:
    words = " ".join(run("compare", "--help").out.split())
    for example in ("oracle compare results my_scores", "sisec18 --format latex > table.tex"):
        assert example in words
    for option in (
        "--metrics",
        "--targets",
        "--against",
        "--class",
        "--windows",
        "--format",
        "--out",
    ):
        assert option in words
    assert "compare" in run("--help").out


@pytest.mark.slow
def test_the_guides_comparison(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    guide = Path(__file__).parents[1] / "oracle" / "guide" / "comparison.md"
    text = guide.read_text("utf-8")
    lines = [line.strip() for line in text.splitlines() if line.startswith("    ")]
    commands = [line.removeprefix("$ oracle ").split() for line in lines if line[:1] == "$"]
    monkeypatch.chdir(tmp_path)
    for command in commands[:3]:
        faster = () if command[0] == "separate" else ("--metrics", "SDR")
        assert run(*command, *faster).status == 0
    shown = [line for line in lines if line[:1] != "$" and line]
    printed = {" ".join(line.split()) for line in run(*commands[3]).out.splitlines()}
    assert len(shown) == 16
    assert [
        line for line in shown if line[0] != "─" and " ".join(line.split()) not in printed
    ] == []


def test_an_aggregate_of_museval_and_of_the_run_that_wrote_it_agree(
    track: Track, tmp_path: Path
) -> None:
    compute_bounds(track, methods=["IRM2"], metrics=["SDR"], out=tmp_path / "run")
    comparison = compare([tmp_path / "run", f"files={tmp_path / 'run' / 'IRM2'}"])
    run, files = (comparison.scores.query("method == @m") for m in ("run: IRM2", "files: IRM2"))
    np.testing.assert_allclose(run["median"], files["median"], rtol=0, atol=1e-5)
    assert comparison.paired["n_tracks"].tolist() == [1] * 4
    np.testing.assert_allclose(comparison.paired["median"], 0, atol=1e-5)
    aggregated = aggregate(oracle.results.read_scores(tmp_path / "run" / "scores.csv"))
    np.testing.assert_array_equal(aggregated["median"], run["median"])


def test_tracks_of_other_lengths_are_pointed_out(tmp_path: Path) -> None:
    """As of a run with --seconds, beside a system's scores of whole tracks."""
    whole = scores_of("net", {"a": [1.0, 2.0, 3.0], "b": [1.0, 2.0]})
    part = scores_of("IRM2", {"a": [1.0, 2.0], "b": [1.0, 2.0]})
    results = [write_run(tmp_path / "net", whole), write_run(tmp_path / "bounds", part)]
    assert compare(results).notes == (
        "a has 3 windows in net and 2 in bounds: the methods were not scored on the same audio",
    )
    assert compare([results[0], write_run(tmp_path / "same", whole)]).notes == ()
    shorter = write_run(tmp_path / "shorter", scores_of("IRM2", {"a": [1.0], "b": [1.0]}))
    assert compare([results[0], shorter]).notes == (
        "a has 3 windows in net and 1 in shorter, and likewise 1 more: the methods were not scored "
        "on the same audio",
    )


def test_methods_of_one_folder_of_other_lengths_are_pointed_out(tmp_path: Path) -> None:
    for method, n_windows in {"IRM2": 4, "x": 4, "y": 3}.items():
        for name in "ab":
            scores = {"vocals": [1.0] * n_windows, "bass": [1.0] * n_windows}
            write_museval(tmp_path / "all" / method / f"{name}.json", scores)
    note = "and likewise 1 more: the methods were not scored on the same audio"
    assert compare([tmp_path / "all"]).notes == (f"a has 4 windows in IRM2 and 3 in y, {note}",)
    net = write_run(tmp_path / "net", scores_of("net", {"a": [1.0] * 4, "b": [1.0] * 4}))
    assert len(compare([tmp_path / "all", net]).notes) == 1
