"""The `oracle` command: what it prints, writes and returns, and how it fails."""

import dataclasses
import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

import numpy as np
import pandas as pd
import pytest
import soundfile
from conftest import (
    RATE,
    Outcome,
    Run,
    contents,
    dataset_with,
    in_process_of_its_own,
    make_track,
    noise,
)

import oracle
from oracle import STFT, Track, TracksFailed, datasets
from oracle.jobs.track_scores import BOUNDS, CERTIFIED
from oracle.methods import CEILING, CEILINGS, DEFAULT_METHODS, METHODS, Method, Separator
from oracle.metrics.names import GLOBAL, METRICS, MUSEVAL
from oracle.optimal import CLASSES, NamedClass
from oracle.results.results import Results
from oracle.results.tables import BOUND_COLUMNS, aggregate, read_scores

# museval's files hold 5 decimals.
MUSEVAL_STEP = 1e-5
COMMANDS = (
    *("bounds", "check", "sweep", "score", "separate", "compare", "waltz"),
    *("methods", "datasets", "guide"),
)
ROCK = "Music Delta - 80s Rock"
NASTY_NAMES = (
    "a/b",
    "../../up",
    "..",
    ".",
    "/etc/passwd",
    "C:\\x",
    ".hidden",
    " lead",
    "trail. ",
    "quo\"te'",
    "emoji 🎵",
    "100%2F",
    "-dash",
    "~",
    "$HOME *?",
    "é" * 100,
)
# Those that a folder can have.
FOLDER_NAMES = [name for name in NASTY_NAMES if name.strip(".") and not set("/\0") & set(name)]


def write_track(folder: Path, *sources: str, first_seed: int = 0, **shape: int) -> Path:
    """Write a folder of stems."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed, source in enumerate(sources or ("drums", "vocals"), start=first_seed):
        soundfile.write(folder / f"{source}.wav", noise(seed, **shape).T, RATE)
    return folder


def write_mixture(folder: Path) -> None:
    """Write a mixture that is nearly the sum of the stems, as those of MUSDB18 are."""
    stems = [soundfile.read(path, dtype="float32")[0] for path in sorted(folder.glob("*.wav"))]
    hiss = np.random.default_rng(99).integers(-40, 41, stems[0].shape) / 2**15
    soundfile.write(folder / "mixture.wav", sum(stems) + hiss, RATE)


@pytest.fixture
def stems(tmp_path: Path) -> Path:
    """A folder of two tracks; of the second, the mixture is delivered."""
    root = tmp_path / "stems"
    write_track(root / "one", n_channels=1)
    write_mixture(write_track(root / "two", first_seed=5, n_samples=3 * RATE, n_channels=1))
    return root


@pytest.fixture
def some_bad(stems: Path) -> Path:
    """The same, and three tracks that cannot be read."""
    write_track(stems / "alone", "mixture")
    write_track(stems / "cut").joinpath("vocals.wav").write_bytes(b"RIFF")
    (stems / "empty").mkdir()
    return stems


def interrupt(monkeypatch: pytest.MonkeyPatch, *, call: int) -> None:
    """Interrupt this call of the method MIX, as Ctrl-C would."""
    calls: list[Track] = []

    def prepare(track: Track, stft: STFT) -> Separator:
        calls.append(track)
        if len(calls) == call:
            raise KeyboardInterrupt
        return lambda sources, mixture, frames: sources

    broken = dataclasses.replace(METHODS["MIX"], prepare=prepare)
    monkeypatch.setitem(METHODS, "MIX", broken)


def printed(out: str, metric: str) -> dict[str, list[str]]:
    """The rows of a printed table: cells by method."""
    _, _, text = out.partition(f"{metric} in dB")
    text, _, _ = text.partition(" in dB")
    rows = (re.split(r"\s{2,}", line.strip()) for line in text.splitlines())
    cells: dict[str, list[str]] = {}
    for row in rows:
        if row[0] in {*BOUNDS, *METHODS}:  # again below, where a table is folded
            cells.setdefault(row[0], []).extend(row[1:])
    return cells


def assert_fails(outcome: Outcome, status: int, message: str) -> None:
    """One line on stderr, which says this; nothing else."""
    assert outcome.status == status
    assert outcome.out == ""
    assert re.fullmatch(r"oracle: [^\n]+\n", outcome.err)
    assert re.search(message, outcome.err)


def assert_close(table: pd.DataFrame, other: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(table, other, check_dtype=False, rtol=1e-12)


# The table


@pytest.mark.slow
def test_bounds_alone_prints_the_table_of_the_waltz(run: Run) -> None:
    status, out, err = run("bounds", "--methods", "MIX,IRM2")
    assert (status, err) == (0, "")
    bounds = oracle.compute_bounds(datasets.waltz(), methods=["MIX", "IRM2"]).table
    targets = ["drums", "bass", "other", "vocals", "accompaniment"]
    for metric in ("SDR", "uSDR"):
        of_metric = bounds[bounds["metric"] == metric].set_index(["method", "target"])["median"]
        rows = printed(out, metric)
        assert list(rows) == ["MIX", "IRM2"]
        for method, cells in rows.items():
            expected = [f"{of_metric[method, target]:.2f}" for target in targets]
            assert cells == expected + (["13", "0"] if metric in MUSEVAL else [])
    words = " ".join(out.split())
    assert "method drums bass other vocals accompaniment windows NaN" in words
    assert "STFT: hann window of 2048 samples, hop 1024. 1 track." in words
    assert "SDR, ISR, SIR, SAR: museval v4, median over windows of 1 s; NaN: windows" in words
    assert "Mixture: the sum of the sources, as none was delivered." in words


@pytest.mark.slow
def test_bounds_of_several_tracks_prints_median_and_mean(run: Run, stems: Path) -> None:
    write_track(stems / "three", first_seed=9)
    # Louder drums: a mean that is not the median.
    soundfile.write(stems / "three" / "drums.wav", 4 * noise(9).T, RATE)
    status, out, err = run("bounds", stems, "--methods", "IRM1")
    assert (status, err) == (0, "")
    bounds = oracle.compute_bounds(datasets.folder(stems), methods=["IRM1"]).table
    sdr = bounds[bounds["metric"] == "SDR"]
    expected = [f"{row.median:.2f} / {row.mean:.2f}" for row in sdr.itertuples()]
    assert printed(out, "SDR") == {"IRM1": [*expected, "7", "0"]}
    assert all(left != right for left, right in (cell.split(" / ") for cell in expected[:2]))
    assert "3 tracks: median / mean over tracks." in out
    assert "as none was delivered, in 2 of 3 tracks." in out


def test_bounds_defaults_to_every_method(run: Run, as_waltz: Callable[[Track], None]) -> None:
    as_waltz(make_track("song", "drums", "vocals"))
    out = run("bounds").out
    assert list(printed(out, "SDR")) == list(printed(out, "uSDR")) == list(BOUNDS)
    assert list(printed(out, "ISR")) == list(DEFAULT_METHODS)


def test_bounds_computes_methods_by_name_only(run: Run, stems: Path) -> None:
    options = ("--n-fft", 256, "--metrics", "SDR")
    status, out, err = run("bounds", stems / "one", "--methods", "ENH-IRM,MAG", *options)
    assert (status, err) == (0, "")
    assert list(printed(out, "SDR")) == ["ENH-IRM", "MAG"]


def test_bounds_prints_the_metrics_asked_for_in_their_order(run: Run, stems: Path) -> None:
    metrics = list(reversed(METRICS))
    out = run("bounds", stems, "--methods", "MIX", "--metrics", ", ".join(metrics)).out
    assert re.findall(r"^ *(\S+) in dB", out, re.MULTILINE) == metrics
    out = run("bounds", stems, "--methods", "MIX", "--metrics", "SI-SDR").out
    assert re.findall(r"^ *(\S+) in dB", out, re.MULTILINE) == ["SI-SDR"]
    assert "NaN" not in out


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "stft"),
    [
        (["--n-fft", 512], STFT(n_fft=512, hop_length=256)),
        (["--n-fft", 4096], STFT(n_fft=4096)),
        (
            ["--n-fft", 400, "--hop", 100, "--window", "hamming"],
            STFT(n_fft=400, hop_length=100, window="hamming"),
        ),
        (["--hop", 512], STFT(hop_length=512)),
    ],
)
def test_bounds_takes_and_states_the_stft(
    run: Run, stems: Path, tmp_path: Path, options: list[object], stft: STFT
) -> None:
    out = tmp_path / "out"
    outcome = run("bounds", stems, "--methods", "IRM2", "--out", out, *options)
    assert f"STFT: {stft.window} window of {stft.n_fft} samples, hop {stft.hop_length}." in (
        " ".join(outcome.out.split())
    )
    expected = oracle.compute_bounds(datasets.folder(stems), methods=["IRM2"], stft=stft).table
    assert_close(pd.read_csv(out / "bounds.csv"), expected)
    settings = json.loads((out / "run.json").read_text(encoding="utf-8"))["stft"]
    assert settings == {name: getattr(stft, name) for name in settings}
    assert settings.keys() == {"n_fft", "hop_length", "window"}


def test_bounds_counts_windows_with_silence(run: Run, tmp_path: Path) -> None:
    write_track(tmp_path / "t", n_samples=4 * RATE)
    bass = noise(7, n_samples=4 * RATE)
    bass[:, : 3 * RATE] = 0
    soundfile.write(tmp_path / "t" / "bass.wav", bass.T, RATE)
    out = run("bounds", tmp_path, "--methods", "IRM2", "--metrics", "SDR").out
    assert printed(out, "SDR")["IRM2"][-2:] == ["4", "3"]


@pytest.mark.parametrize("columns", [40, 80])
def test_bounds_cuts_no_number_on_a_narrow_terminal(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    for seed, name in enumerate("ab"):
        write_track(tmp_path / name, "drums", "bass", "other", "vocals", first_seed=seed)
    arguments = ("bounds", tmp_path, "--methods", "CIRM,MWF-SISEC18", "--metrics", "SDR")
    wide = run(*arguments).out
    monkeypatch.setenv("COLUMNS", str(columns))
    narrow = run(*arguments).out
    assert printed(narrow, "SDR") == printed(wide, "SDR")
    assert "accompaniment" in narrow
    assert max(map(len, narrow.splitlines())) <= columns


@pytest.mark.slow
def test_bounds_says_how_many_tracks_of_each_subset_it_pools(run: Run, tmp_path: Path) -> None:
    for name in ("train/a", "train/b", "test/c"):
        write_track(tmp_path / name, "drums", "bass")
    everything = run("bounds", tmp_path, "--methods", "MIX,CIRM").out
    assert "3 tracks (2 train, 1 test): median / mean over tracks." in everything
    assert "CIRM is exact up to rounding: no bound." in everything
    some = run("bounds", tmp_path, "--methods", "MIX", "--subset", "train").out
    assert "2 tracks: median / mean" in some
    assert "CIRM" not in some


@pytest.mark.parametrize(
    "source",
    ["guitar[left]", "[/b]", "a:smile:b"],
)
def test_bounds_prints_the_name_of_a_source_as_it_is(
    run: Run, as_waltz: Callable[[Track], None], source: str
) -> None:
    as_waltz(make_track("t", source, "y"))
    outcome = run("bounds", "--methods", "MIX")
    assert outcome.status == 0
    assert source in outcome.out


# OPT and CEILING

ABOVE = "CEILING: no mask (0 <= m <= 1) at this STFT exceeds it. For SDR this holds in each window."
BETWEEN = "OPT uses one mask for the whole track, CEILING one for each window."


def test_bounds_prints_the_ceiling_among_the_methods_in_their_order(run: Run, stems: Path) -> None:
    methods = ["CEILING", "OPT", "IRM2"]
    options = ("--n-fft", 256, "--metrics", "SDR,uSDR,SI-SDR")
    status, out, err = run("bounds", stems, "--methods", ",".join(methods), *options)
    assert (status, err) == (0, "")
    bounds = oracle.compute_bounds(
        datasets.folder(stems),
        methods=methods,
        metrics=["SDR", "uSDR", "SI-SDR"],
        stft=STFT(n_fft=256, hop_length=128),
    ).table
    for metric in ("SDR", "uSDR", "SI-SDR"):
        rows = printed(out, metric)
        assert list(rows) == (methods if metric != "SI-SDR" else methods[1:])
        for method, cells in rows.items():
            of_row = bounds[(bounds["metric"] == metric) & (bounds["method"] == method)]
            expected = [f"{row.median:.2f} / {row.mean:.2f}" for row in of_row.itertuples()]
            assert cells == expected + (["5", "0"] if metric == "SDR" else [])


@pytest.mark.parametrize(
    ("methods", "metrics", "above", "between"),
    [
        ("OPT,CEILING", "SDR", True, True),
        ("CEILING,OPT", "SDR,uSDR", True, True),
        ("CEILING,OPT", "uSDR", True, False),
        ("CEILING,MIX", "SDR", True, False),
        ("CEILING", "uSDR", True, False),
        ("OPT", "SDR", False, False),
        ("MIX,CEILING", "SI-SDR", False, False),
        ("ENH-IRM,CEILING", "SDR", True, False),
    ],
)
def test_what_a_ceiling_is_of_is_said_where_there_is_one(
    run: Run, stems: Path, methods: str, metrics: str, above: bool, between: bool
) -> None:
    options = ("--n-fft", 256, "--methods", methods, "--metrics", metrics)
    status, out, err = run("bounds", stems / "one", *options)
    assert (status, err) == (0, "")
    words = " ".join(out.split())
    assert (ABOVE in words) == above
    assert (BETWEEN in words) == between
    if above:
        more = "ENH-IRM, IBM1" if "ENH-IRM" in methods else "IBM1"
        assert f"of {more}, IBM2, IAM, TPSM and OBM: their masks add up to more than 1." in words


def test_where_no_sdr_is_printed_nothing_is_said_of_its_median(run: Run, stems: Path) -> None:
    options = ("--n-fft", 256, "--methods", "OPT,CEILING", "--metrics", "ISR,uSDR")
    assert BETWEEN not in " ".join(run("bounds", stems / "one", *options).out.split())


@pytest.mark.parametrize("masks", CLASSES.values(), ids=CLASSES)
def test_each_class_says_what_its_ceiling_is_of(masks: NamedClass) -> None:
    names = [masks.method, masks.ceiling]
    table = pd.DataFrame(
        [(name, "vocals", "SDR", 1.0, 1.0, 1, 1, 0, 0, 1.0) for name in names],
        columns=list(BOUND_COLUMNS),
    )
    results = Results(
        table=table,
        tracks=pd.DataFrame({"subset": ["test"], "mixture": ["as delivered"]}),
        failures=(),
        settings={"task": "bounds", "metrics": ["SDR"], "stft": STFT().settings},
        notes=(),
    )
    out = " ".join(repr(results).split())
    first = f"{masks.ceiling}: no mask ({masks.formula}) at this STFT exceeds it. For SDR"
    assert out.count("at this STFT exceeds it") == out.count(first) == 1
    assert (
        f"{masks.method} uses one mask for the whole track, {masks.ceiling} one for each window"
    ) in out
    bracket = "The best binary mask lies between it and OPT-BINARY, the best that was found."
    assert (bracket in out) == (masks.name == "BINARY")
    # Masks in [0, 1] are of these classes.
    wide = masks.name in ("REAL", "RELU2", "COMPLEX", "BINARY")
    assert ("PSM, CIRM, MWF and other classes of masks may exceed it" in out) == wide
    assert (f"Only MIX and {masks.method} are such masks. All others may" in out) == (not wide)


def test_two_classes_in_a_table_say_each_its_own(run: Run, stems: Path) -> None:
    options = ("--n-fft", 256, "--methods", "CEILING,CEILING-COMPLEX", "--metrics", "uSDR")
    words = " ".join(run("bounds", stems / "one", *options).out.split())
    assert ABOVE in words
    assert "CEILING-COMPLEX: no mask (m complex, |m| <= 1) at this STFT exceeds it" in words
    assert "one mask for the whole track" not in words


def test_bounds_of_the_ceiling_alone_prints_no_empty_table(run: Run, stems: Path) -> None:
    status, out, err = run("bounds", stems / "one", "--methods", "CEILING", "--n-fft", 256)
    assert (status, err) == (0, "")
    assert re.findall(r"^ *(\S+) in\s+dB", out, re.MULTILINE) == ["SDR", "uSDR"]


# sweep


GRID = ("--n-ffts", "128,256", "--overlaps", "0.75,0.5")
# In the order in which they are printed.
GRID_STFTS = [(128, 0.75), (256, 0.75), (128, 0.5), (256, 0.5)]


class Swept(NamedTuple):
    """A printed table of a sweep: cells by STFT, in the columns of the heading."""

    heading: list[str]
    rows: dict[tuple[str, str], list[str]]


def swept(out: str) -> dict[tuple[str, str], Swept]:
    """The printed tables of a sweep, by target and metric."""
    tables: dict[tuple[str, str], Swept] = {}
    for line in out.splitlines():
        if title := re.fullmatch(r"(\S+): (\S+) in dB *", line):
            table = Swept([], {})
            tables[title[1], title[2]] = table
        words = re.split(r" {2,}", line.strip())
        if words[:2] == ["window", "overlap"]:
            table.heading.extend(words[2:])
        elif len(words) > 2 and words[0].isdigit():
            table.rows.setdefault((words[0], words[1]), []).extend(words[2:])
    return tables


@pytest.mark.slow
def test_sweep_prints_a_table_a_target_a_row_an_stft(run: Run, stems: Path) -> None:
    methods = ["CEILING", "IRM2"]
    options = ("--methods", ",".join(methods), "--metrics", "uSDR,SDR")
    status, out, err = run("sweep", stems, *options, *GRID)
    assert (status, err) == (0, "")
    table = oracle.compute_sweep(
        datasets.folder(stems),
        methods=methods,
        n_ffts=[128, 256],
        overlaps=[0.75, 0.5],
        metrics=["uSDR", "SDR"],
    ).table
    tables = swept(out)
    targets = ["drums", "vocals", "accompaniment"]
    assert list(tables) == [(target, metric) for metric in ("uSDR", "SDR") for target in targets]
    for (target, metric), shown in tables.items():
        assert shown.heading == methods
        assert list(shown.rows) == [(str(n), f"{100 * o:g} %") for n, o in GRID_STFTS]
        for (n_fft, overlap), cells in zip(GRID_STFTS, shown.rows.values(), strict=True):
            of_target = table[(table["target"] == target) & (table["metric"] == metric)]
            of_stft = (of_target["n_fft"] == n_fft) & (of_target["overlap"] == overlap)
            rows = of_target[of_stft].set_index("method")
            expected = [rows.loc[method, ["median", "mean"]] for method in methods]
            assert cells == [f"{median:.2f} / {mean:.2f}" for median, mean in expected]
    words = " ".join(out.split())
    assert "STFT: hann windows, lengths in samples. 2 tracks: median / mean over tracks." in words
    assert "SDR: museval v4, median over windows of 1 s; NaN:" in words
    assert ABOVE in words
    assert BETWEEN not in words
    assert "Written" not in out


def test_sweep_of_one_track_prints_medians_and_the_usual_overlaps(run: Run, stems: Path) -> None:
    options = ("--methods", "MIX,OPT,CEILING", "--n-ffts", "256", "--window", "hamming")
    status, out, err = run("sweep", stems / "one", *options)
    assert (status, err) == (0, "")
    table = oracle.compute_sweep(
        datasets.folder(stems)[:1],
        methods=["MIX", "OPT", "CEILING"],
        n_ffts=[256],
        overlaps=[0.5, 0.75],
        window="hamming",
    ).table
    for (target, _), shown in swept(out).items():
        medians = [f"{median:.2f}" for median in table[table["target"] == target]["median"]]
        assert shown.rows == {("256", "50 %"): medians[:3], ("256", "75 %"): medians[3:]}
    words = " ".join(out.split())
    assert "STFT: hamming windows, lengths in samples. 1 track." in words
    assert BETWEEN in words
    assert "CIRM is exact" not in words


def test_sweep_alone_is_of_the_waltz(run: Run, as_waltz: Callable[[Track], None]) -> None:
    as_waltz(make_track("song", "drums", "vocals", n_samples=RATE // 2, n_channels=1))
    status, out, err = run("sweep", "--methods", "MIX")
    assert (status, err) == (0, "")
    for shown in swept(out).values():
        lengths = [str(2**power) for power in range(9, 15)]
        assert list(shown.rows) == [(n, o) for o in ("50 %", "75 %") for n in lengths]
    assert {metric for _, metric in swept(out)} == {"SDR"}


def test_sweep_takes_any_part_and_spaces(run: Run, stems: Path) -> None:
    options = ("--methods", " MIX , CIRM", "--n-ffts", " 128, 256 ", "--overlaps", " 0.875 ")
    status, out, err = run("sweep", stems / "one", *options)
    assert (status, err) == (0, "")
    for shown in swept(out).values():
        assert shown.heading == ["MIX", "CIRM"]
        assert list(shown.rows) == [("128", "87.5 %"), ("256", "87.5 %")]


@pytest.mark.slow
def test_sweep_writes_its_table_and_a_figure_a_metric(
    run: Run, stems: Path, tmp_path: Path
) -> None:
    out = tmp_path / "deep" / "out"
    options = ("--methods", "MIX,IRM2", "--metrics", "SDR,uSDR")
    outcome = run("sweep", stems, *options, *GRID, "--out", out)
    assert (outcome.status, outcome.err) == (0, "")
    assert outcome.out.endswith(f"Written to {out}\n")
    assert swept(outcome.out) == swept(run("sweep", stems, *options, *GRID).out)
    written = contents(out)
    labels = [f"{m}-{n}-{round(n * (1 - o))}" for n, o in GRID_STFTS for m in ("MIX", "IRM2")]
    assert set(written) == {
        *("sweep.csv", "scores.csv", "bounds.csv", "run.json"),
        *(f"sweep-{metric}.{end}" for metric in ("SDR", "uSDR") for end in ("png", "pdf")),
        *(f"tracks/test/{track}.csv" for track in ("one", "two")),
        *(f"{place}/test/{t}.json" for place in (*labels, "tracks") for t in ("one", "two")),
    }
    for name, content in written.items():
        if name.startswith("sweep-"):
            assert content.startswith(b"\x89PNG" if name.endswith("png") else b"%PDF")
    # 3 panels of 3.2 inches, at 200 dots an inch.
    assert int.from_bytes(written["sweep-SDR.png"][16:20], "big") == 1920
    assert written["sweep-SDR.png"] != written["sweep-uSDR.png"]
    expected = oracle.compute_sweep(
        datasets.folder(stems),
        methods=["MIX", "IRM2"],
        n_ffts=[128, 256],
        overlaps=[0.75, 0.5],
        metrics=["SDR", "uSDR"],
    ).table
    assert_close(pd.read_csv(out / "sweep.csv"), expected)


@pytest.mark.slow
def test_sweep_of_bad_tracks_names_them_and_shows_the_others(
    run: Run, some_bad: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    options = ("--methods", "MIX", "--n-ffts", "128,256", "--out", out)
    status, text, err = run("sweep", some_bad, *options)
    assert status == 3
    assert [line.split(":")[1].strip() for line in err.splitlines()] == ["alone", "cut", "empty"]
    good = oracle.compute_sweep(
        datasets.folder(some_bad)[3:], methods=["MIX"], n_ffts=[128, 256]
    ).table
    assert_close(pd.read_csv(out / "sweep.csv"), good)
    assert (out / "sweep-SDR.pdf").is_file()
    assert list(swept(text)) == [(t, "SDR") for t in ("drums", "vocals", "accompaniment")]
    assert "2 tracks: median / mean" in text
    assert f"Written to {out}" in text


def test_sweep_of_bad_tracks_only_prints_no_table(run: Run, tmp_path: Path) -> None:
    write_track(tmp_path / "stems" / "a", "mixture")
    options = ("--methods", "MIX", "--n-ffts", "128")
    status, out, err = run("sweep", tmp_path / "stems", *options)
    assert (status, out) == (3, "")
    assert err.startswith("oracle: a: ")
    out_ = tmp_path / "out"
    assert run("sweep", tmp_path / "stems", *options, "--out", out_).status == 3
    assert not list(out_.glob("sweep-*"))


def test_sweep_says_before_any_work_that_matplotlib_is_missing(
    run: Run, stems: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    out = tmp_path / "out"
    options = ("--methods", "MIX", "--n-ffts", "128")
    assert_fails(run("sweep", stems, *options, "--out", out), 1, "matplotlib must be installed")
    assert not out.exists()
    # Only figures need it.
    assert run("sweep", stems, *options).status == 0


def test_sweep_prints_the_name_of_a_source_as_it_is(
    run: Run, as_waltz: Callable[[Track], None], tmp_path: Path
) -> None:
    as_waltz(make_track("t", "guitar[left]", "[/b]", "a:smile:b"))
    options = ("--methods", "MIX", "--n-ffts", "128", "--out", tmp_path / "out")
    status, out, err = run("sweep", *options)
    assert (status, err) == (0, "")
    assert [target for target, _ in swept(out)] == ["guitar[left]", "[/b]", "a:smile:b"]


@pytest.mark.parametrize("columns", [30, 60])
def test_sweep_cuts_no_number_on_a_narrow_terminal(
    run: Run, stems: Path, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    methods = ",".join(sorted({*DEFAULT_METHODS} - {"OPT", "MWF", "MWF-SISEC18"}))
    arguments = ("sweep", stems, "--methods", methods, "--n-ffts", "128")
    wide = run(*arguments).out
    monkeypatch.setenv("COLUMNS", str(columns))
    assert list(swept(run(*arguments).out).values()) == list(swept(wide).values())


@pytest.mark.parametrize("metrics", ["SI-SDR", "SDR,SI-SDR"])
def test_sweep_of_the_ceiling_alone_tells_or_prints_what_there_is(
    run: Run, stems: Path, tmp_path: Path, metrics: str
) -> None:
    options = ("--methods", "CEILING", "--metrics", metrics, "--n-ffts", "128")
    outcome = run("sweep", stems, *options, "--out", tmp_path / "out")
    if metrics == "SI-SDR":
        assert_fails(outcome, 2, "metrics must hold SDR or uSDR, the only ones with a CEILING")
    else:
        assert outcome.status == 0
        assert {metric for _, metric in swept(outcome.out)} == {"SDR"}


@pytest.mark.slow
def test_sweep_takes_classes_in_place_of_real_masks(run: Run, stems: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    options = ("--n-ffts", "128", "--overlaps", "0.5", "--seconds", "1")
    chosen = ("--class", "complex, Mel64", "--out", out)
    status, text, err = run("sweep", stems, "--tracks", "one", *options, *chosen)
    assert (status, err) == (0, "")
    classes = ["OPT-COMPLEX", "CEILING-COMPLEX", "OPT-MEL64", "CEILING-MEL64"]
    expected = ["IBM", "IRM1", "IRM2", "TPSM", *classes]
    assert json.loads((out / "run.json").read_text())["methods"] == expected
    assert list(pd.read_csv(out / "sweep.csv")["method"].unique()) == expected
    words = " ".join(text.split())
    for masks in ("m complex, |m| <= 1", CLASSES["MEL64"].formula):
        assert f"no mask ({masks}) at this STFT exceeds it" in words
    assert "0 <= m <= 1)" not in words


def test_sweep_of_real_masks_is_the_usual_one(
    run: Run, stems: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    swept_ = []

    def compute(*_: Any, methods: Sequence[Method], **__: Any) -> pd.DataFrame:
        swept_.append([method.name for method in methods])
        raise ValueError("enough")

    monkeypatch.setattr("oracle.cli.sweep.compute_sweep", compute)
    for options in ((), ("--class", "real"), ("--class", "BARK")):
        assert_fails(run("sweep", stems, *options), 1, "enough")
    usual = ["IBM", "IRM1", "IRM2", "TPSM", "OPT", "CEILING"]
    assert swept_ == [usual, usual, [*usual[:4], "OPT-BARK", "CEILING-BARK"]]


def test_sweep_draws_any_name(run: Run, as_waltz: Callable[[Track], None], tmp_path: Path) -> None:
    as_waltz(make_track("t", "$a_$", "x"))
    options = ("--methods", "MIX", "--n-ffts", "128", "--out", tmp_path / "out")
    assert run("sweep", *options).status == 0


def test_sweep_says_that_a_mixture_is_a_sum(run: Run, stems: Path) -> None:
    out = run("sweep", stems, "--methods", "MIX", "--n-ffts", "128").out
    assert "as none was delivered, in 1 of 2 tracks" in " ".join(out.split())


# The files


@pytest.fixture
def results(run: Run, stems: Path, tmp_path: Path) -> Path:
    out = tmp_path / "deep" / "results"
    outcome = run("bounds", stems, "--methods", "MIX,IRM2", "--out", out)
    assert (outcome.status, outcome.err) == (0, "")
    assert outcome.out.endswith(f"Written to {out}\n")
    return out


def test_bounds_writes_these_files(results: Path) -> None:
    tracks = ("one", "two")
    written = {name for name in contents(results) if not name.startswith("figures/")}
    assert (results / "figures" / "index.html").exists()
    assert written == {
        "scores.csv",
        "bounds.csv",
        "run.json",
        *(f"tracks/test/{track}.csv" for track in tracks),
        *(
            f"{folder}/test/{track}.json"
            for track in tracks
            for folder in ("MIX", "IRM2", "tracks")
        ),
    }


def test_scores_are_complete_and_aggregate_to_the_bounds(results: Path, stems: Path) -> None:
    scores = read_scores(results / "scores.csv")
    assert set(scores["metric"]) == set(METRICS)
    n_targets, n_global, n_framewise = 3, len(GLOBAL), len(MUSEVAL)
    per_target = sum(n_global + n_framewise * seconds for seconds in (2, 3))
    assert len(scores) == 2 * n_targets * per_target
    bounds = pd.read_csv(results / "bounds.csv")
    assert_close(aggregate(scores), bounds)
    assert_close(
        bounds, oracle.compute_bounds(datasets.folder(stems), methods=["MIX", "IRM2"]).table
    )


def test_scores_of_the_tracks_make_up_scores_csv(results: Path) -> None:
    tracks = [read_scores(path) for path in sorted((results / "tracks").rglob("*.csv"))]
    assert_close(pd.concat(tracks, ignore_index=True), read_scores(results / "scores.csv"))


@pytest.mark.slow
@pytest.mark.parametrize("method", ["MIX", "IRM2"])
@pytest.mark.parametrize("track", ["one", "two"])
def test_museval_json_holds_the_same_scores(results: Path, method: str, track: str) -> None:
    scores = read_scores(results / "scores.csv")
    ours = scores.query("method == @method and track == @track and metric == 'SDR'")
    text = (results / method / "test" / f"{track}.json").read_text(encoding="utf-8")
    targets = json.loads(text)["targets"]
    assert [target["name"] for target in targets] == ["drums", "vocals", "accompaniment"]
    for target in targets:
        expected = ours[ours["target"] == target["name"]]
        frames = target["frames"]
        assert [frame["time"] for frame in frames] == list(expected["time"])
        assert {frame["duration"] for frame in frames} == {1.0}
        sdr = [frame["metrics"]["SDR"] for frame in frames]
        np.testing.assert_allclose(sdr, expected["score"], rtol=0, atol=MUSEVAL_STEP)
        assert sdr == [round(value, 5) for value in sdr]


@pytest.mark.filterwarnings("ignore")  # museval's own
@pytest.mark.usefixtures("ffmpeg")
def test_museval_reads_the_same_medians(results: Path) -> None:
    import museval

    store = museval.MethodStore()
    for method in ("MIX", "IRM2"):
        store.add_eval_dir(results / method)
    medians = store.agg_frames_tracks_scores()
    bounds = pd.read_csv(results / "bounds.csv").query("metric == 'SDR'")
    assert len(bounds) == 6
    for row in bounds.itertuples():
        theirs = medians[row.method, row.target, "SDR"]
        assert theirs == pytest.approx(row.median, abs=MUSEVAL_STEP)


def test_run_json_says_what_was_done(results: Path) -> None:
    run_ = json.loads((results / "run.json").read_text(encoding="utf-8"))
    assert run_["methods"] == ["MIX", "IRM2"]
    assert run_["stft"] == {"n_fft": 2048, "hop_length": 1024, "window": "hann"}
    assert run_["versions"]["oracle"] == oracle.__version__
    assert run_["started"] <= run_["finished"]
    shape = {"subset": "test", "rate": RATE, "n_channels": 1}
    known = {"warnings": [], "mistake": "", "rest": "", "silent": [], "alone": False}
    known |= {"redundant": [], "joined": [], "missing": [], "assigned": {}}
    one, two = run_["tracks"]
    assert one == known | shape | {
        "name": "one",
        "n_samples": 2 * RATE,
        "mixture": "sum of the sources",
        "unexplained": None,
    }
    assert -44 < two.pop("unexplained") < -41
    assert two == known | shape | {
        "name": "two",
        "n_samples": 3 * RATE,
        "mixture": "as delivered",
    }
    assert run_["notes"] == []


@pytest.mark.slow
@pytest.mark.usefixtures("ffmpeg")
def test_bounds_of_musdb18(run: Run, shared: Path, tmp_path: Path) -> None:
    root = shared / "data" / "musdb18-7"
    options = ("--root", root, "--subset", "train", "--methods", "IRM2", "--metrics", "SDR")
    status, out, err = run("bounds", "musdb18", *options, "--out", tmp_path / "out")
    assert (status, err) == (0, "")
    assert "Mixture" not in out
    reference = shared / "reference" / "museval-80s-rock" / "IRM2.json"
    theirs = json.loads(reference.read_text(encoding="utf-8"))
    (path,) = (tmp_path / "out" / "IRM2").rglob("*.json")
    assert path == tmp_path / "out" / "IRM2" / "train" / f"{ROCK}.json"
    ours = json.loads(path.read_text(encoding="utf-8"))

    def sdr(scores: Mapping[str, Any]) -> dict[str, list[float]]:
        return {
            target["name"]: [frame["metrics"]["SDR"] for frame in target["frames"]]
            for target in scores["targets"]
        }

    assert sdr(ours).keys() == sdr(theirs).keys()
    for target, values in sdr(ours).items():
        np.testing.assert_allclose(values, sdr(theirs)[target], rtol=0, atol=1e-3)


# separate


def test_separate_writes_the_estimates(run: Run, stems: Path, tmp_path: Path) -> None:
    out = tmp_path / "estimates"
    options = ("--methods", "IBM1,IRM2", "--n-fft", 512)
    status, text, err = run("separate", stems, *options, "--out", out)
    assert (status, err) == (0, "")
    assert text == f"2 tracks separated, in {out}\n"
    written = set(contents(out)) - {"run.json", "tracks/test/one.json", "tracks/test/two.json"}
    for track in datasets.folder(stems):
        for method in ("IBM1", "IRM2"):
            stft = STFT(n_fft=512, hop_length=256)
            for target, audio in oracle.separate(track, method, stft=stft).items():
                name = f"{method}/test/{track.name}/{target}.wav"
                read, rate = soundfile.read(out / name, dtype="float32", always_2d=True)
                np.testing.assert_array_equal(read.T, audio)
                assert rate == RATE
                assert soundfile.info(out / name).subtype == "FLOAT"
                written.remove(name)
    assert not written


def test_separate_does_not_clip(
    run: Run, as_waltz: Callable[[Track], None], tmp_path: Path
) -> None:
    as_waltz(Track.from_sources("loud", RATE, {"x": 64 * noise()}))
    run("separate", "--methods", "IRM1", "--out", tmp_path / "out")
    read, _ = soundfile.read(tmp_path / "out" / "IRM1" / "test" / "loud" / "x.wav")
    assert np.abs(read).max() > 7


def test_separate_goes_on_after_a_bad_track(run: Run, some_bad: Path, tmp_path: Path) -> None:
    status, _, err = run("separate", some_bad, "--methods", "MIX", "--out", tmp_path / "out")
    assert status == 3
    assert [line.split(":")[1].strip() for line in err.splitlines()] == ["alone", "cut", "empty"]
    assert len(list((tmp_path / "out").rglob("*.wav"))) == 6
    failed = json.loads((tmp_path / "out" / "failed.json").read_text(encoding="utf-8"))
    assert [failure["track"] for failure in failed] == ["alone", "cut", "empty"]


# methods, version, help


def test_methods_names_and_explains_every_method(run: Run) -> None:
    status, out, err = run("methods")
    assert (status, err) == (0, "")
    words = " ".join(out.split())
    for name in (*METHODS, *CEILINGS):
        assert name in out.split()
    for masks in CLASSES.values():
        assert re.search(rf"^{masks.name} +{masks.method} +{masks.ceiling}\s", out, re.MULTILINE)
    for method in (*(METHODS[name] for name in DEFAULT_METHODS), CEILING):
        assert re.search(rf"^{method.name}\s", out, re.MULTILINE)
        assert method.formula
        assert " ".join(method.formula.split()) in words


def test_methods_by_name_only_are_explained_in_a_list_of_their_own(run: Run) -> None:
    before, _, after = run("methods").out.partition("By name only")
    for name in ("ENH-IRM", "MAG"):
        assert not re.search(rf"^{name}\s", before, re.MULTILINE)
        assert re.search(rf"^{name}\s", after, re.MULTILINE)
        assert " ".join(METHODS[name].formula.split()) in " ".join(after.split())
    assert not re.search(r"^(MIX|OPT-\w+)\s", after, re.MULTILINE)


def test_version_is_the_package_s(run: Run) -> None:
    assert run("--version") == (0, f"oracle {oracle.__version__}\n", "")


@pytest.mark.parametrize("option", ["--help", "-h"])
@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_examples_that_are_read_on_lines_of_their_own(
    run: Run, monkeypatch: pytest.MonkeyPatch, command: str, option: str
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    status, out, err = run(command, option)
    assert (status, err) == (0, "")
    assert "<bool>" not in out
    explained, _, shown = re.split(r"\n (Examples?:) *\n", out)
    examples = [line.strip() for line in shown.splitlines() if line.strip()]
    assert examples
    for example in examples:
        assert example.startswith("oracle ")
        assert f"oracle {command}" in example
        if "&&" in example:  # of several commands
            continue
        for name in re.findall(r"--[a-z-]+", example.partition("  # ")[0]):
            assert name in explained
        for methods in re.findall(r"--methods (\S+)", example):
            assert set(methods.split(",")) <= set(BOUNDS)
        for classes in re.findall(r"--class (\S+)", example):
            assert set(classes.split(",")) <= set(CLASSES)


def test_help_names_the_commands_and_the_exit_status(run: Run) -> None:
    status, out, err = run("--help")
    assert (status, err) == (0, "")
    assert "<bool>" not in out
    for word in (*COMMANDS, "Exit status: 0 done, 1 error, 2 wrong usage, 3 tracks failed"):
        assert word in " ".join(out.split())


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("bounds", ("n-fft", "hop", "metrics")),
        ("sweep", ("n-ffts", "overlaps", "metrics", "class")),
        ("separate", ("n-fft", "hop")),
    ],
)
def test_help_explains_every_option(run: Run, command: str, options: tuple[str, ...]) -> None:
    words = run(command, "--help").out
    shared = (
        *("root", "subset", "split", "download", "tracks", "first", "seconds"),
        *("methods", "window", "out", "debug"),
    )
    for option in (*shared, *options):
        assert f"--{option} " in words


def test_help_of_sweep_shows_what_it_does_unless_asked_otherwise(run: Run) -> None:
    words = " ".join(run("sweep", "--help").out.split())
    methods = "(IBM, IRM1, IRM2, TPSM, OPT, CEILING)"
    for default in (methods, "(REAL)", "512,1024,2048,4096,8192,16384", "0.5,0.75"):
        assert f"[default: {default}]" in words


@pytest.mark.parametrize("command", ["sweep", "compare"])
def test_help_lists_the_classes(run: Run, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    assert f"masks{', comma-separated' * (command == 'sweep')}: {', '.join(CLASSES)}." in " ".join(
        run(command, "--help").out.split()
    )


def test_help_of_methods_tells_which_are_left_out_by_default(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    for command in ("bounds", "check", "separate"):
        words = " ".join(run(command, "--help").out.split())
        assert "[default: (all but ENH-IRM, MAG, OPT-... and CEILING-...)]" in words


# Wrong usage


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nonsense"], "No such command 'nonsense'"),
        (["bounds", "--nonsense"], "No such option: --nonsense"),
        (["bounds", "waltz", "polka"], r"unexpected extra argument.*polka"),
        (["bounds", "--methods", "IRM2,irm3"], r"method must be one of MIX, .*got 'irm3'"),
        (["bounds", "--methods", "MIX,MIX"], "methods must be named once each, got 'MIX' twice"),
        (["bounds", "--metrics", "SDR,PESQ"], "metrics must be some of SDR, .*got PESQ"),
        (["bounds", "--hop", "0"], r"hop_length must lie between 1 and n_fft=2048, got 0"),
        (["bounds", "--hop", "4096"], "hop_length must lie between .* got 4096"),
        (["bounds", "--hop", "2048"], "hop_length must let the windows overlap enough"),
        (["bounds", "--hop", "half"], "--hop.*(integer|int)"),
        (["bounds", "--n-fft", "1"], "n_fft must be at least 2, got 1"),
        (["bounds", "--n-fft", "-2"], "n_fft must be at least 2, got -2"),
        (["bounds", "--window", "bow"], "window must be one that scipy.* knows, got 'bow'"),
        (["bounds", "--window", "kaiser"], "window must be one that scipy.* got 'kaiser'"),
        (["bounds", "--root", "x"], "--root goes with a dataset by name, got waltz"),
        (["bounds", "--subset", "test"], "--subset, .* go with datasets and folders, got waltz"),
        (["bounds", "musdb18", "--subset", "valid"], "musdb18 has its validation part as --split"),
        (["bounds", "waltz", "--download"], "go with the dataset musdb18"),
        (["bounds", ".", "--split", "valid"], "go with the dataset musdb18"),
        (["bounds", "musdb18", "--split", "test"], "--split.*'test' is not one of"),
        (["bounds", "--methods", "ceiling"], r"CEILING-.*, got 'ceiling' \(did you mean CEILING"),
        (
            ["separate", "--methods", "CEILING", "--out", "estimates"],
            r"method must be one of MIX, .*MWF-SISEC18, OPT, .*, got 'CEILING'",
        ),
        (["sweep", "--nonsense"], "No such option: --nonsense"),
        (["sweep", "waltz", "polka"], r"unexpected extra argument.*polka"),
        (["sweep", "--n-fft", "512"], "No such option: --n-fft"),
        (
            ["sweep", "--n-ffts", "512,x"],
            "n_ffts must be whole numbers, .*, got '512,x'",
        ),
        (
            ["sweep", "--n-ffts", "512.5"],
            "n_ffts must be whole numbers, .*, got '512.5'",
        ),
        (["sweep", "--n-ffts", ","], "n_ffts and overlaps must name at least one each, got none"),
        (["sweep", "--n-ffts", "512,512"], "must be named once each, got 512 at 0.5 twice"),
        (["sweep", "--n-ffts", "-512"], "n_ffts must be at least 2, got -512"),
        (["sweep", "--overlaps", ""], "n_ffts and overlaps must name at least one each, got none"),
        (
            ["bounds", "--methods", "CEILING", "--metrics", "SI-SDR,ISR"],
            "metrics must hold SDR or uSDR, the only ones with a CEILING, got SI-SDR, ISR",
        ),
        (["sweep", "--overlaps", "half"], "overlaps must be numbers, comma-separated, got 'half'"),
        (["sweep", "--overlaps", "0.5,1"], "overlaps must be at least 0 and less than 1, got 1.0"),
        (["sweep", "--overlaps", "-0.5"], "overlaps must be at least 0 and less than 1, got -0.5"),
        (["sweep", "--overlaps", "nan"], "overlaps must be at least 0 and less than 1, got nan"),
        (["sweep", "--overlaps", "inf"], "overlaps must be at least 0 and less than 1, got inf"),
        (["sweep", "--overlaps", "0.4"], "must leave a whole number of samples, got 0.4 of 512"),
        (["sweep", "--overlaps", "0"], "hop_length must let the windows overlap enough"),
        (["sweep", "--window", "bow"], "window must be one that scipy.* knows, got 'bow'"),
        (["sweep", "--methods", "IRM2,irm3"], r"method must be one of MIX, .*got 'irm3'"),
        (["sweep", "--methods", "MIX,MIX"], "methods must be named once each, got 'MIX' twice"),
        (["sweep", "--methods", ""], "methods must name at least one method, got none"),
        (["sweep", "--metrics", "PESQ"], "metrics must be some of SDR, .*got PESQ"),
        (["sweep", "--metrics", ""], "metrics must be some of SDR, .*got none"),
        (
            ["sweep", "--class", "complx"],
            r"class must be one of REAL, RELU2, .*, got 'complx' \(did you mean COMPLEX\?\)",
        ),
        (["sweep", "--class", "x"], "class must be one of REAL, .*BANDSPLIT, got 'x'$"),
        (["sweep", "--class", ""], "classes must name at least one class, got none"),
        (["sweep", "--class", "BARK,bark"], "classes must be named once each, got 'bark' twice"),
        (
            ["sweep", "--class", "BARK", "--methods", "MIX"],
            r"--class cannot be combined with --methods: name OPT-\.\.\. and CEILING-\.\.\. there",
        ),
        (["compare", ".", "--class", "bar"], r"class must be .* \(did you mean BARK\?\)"),
        (["sweep", "--root", "x"], "--root goes with a dataset by name, got waltz"),
        (["sweep", "musdb18", "--subset", "valid"], "musdb18 has its validation part as --split"),
        (["separate"], "Missing option '--out'"),
        (["separate", "--out"], "--out"),
        (["methods", "IRM2"], "unexpected extra argument"),
    ],
)
def test_wrong_usage_is_one_line_and_status_2(run: Run, arguments: list[str], message: str) -> None:
    assert_fails(run(*arguments), 2, message)


def test_no_command_is_wrong_usage_and_shows_the_help(run: Run) -> None:
    status, out, _ = run()
    assert status == 2
    assert "Usage: " in out


@pytest.mark.parametrize(
    "arguments",
    [
        ["bounds", "--methods", ","],
        ["separate", "--methods", "", "--out", "estimates"],
        ["bounds", "--metrics", "", "--methods", "MIX"],
        ["bounds", "--metrics", "SDR,SDR", "--methods", "MIX"],
        ["bounds", "musdb18", "--subset", "test", "--split", "valid"],
        ["bounds", ""],
    ],
)
def test_empty_and_repeated_names_are_wrong_usage(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.chdir(write_track(tmp_path / "song"))
    assert run(*arguments).status == 2


# Errors


@pytest.mark.usefixtures("ffmpeg")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["bounds", "nowhere"], "dataset must be waltz, .* folder, got 'nowhere', no such folder$"),
        (["bounds", "empty"], "folder must hold tracks, .* got empty: no audio file"),
        (["bounds", "file"], ".* got 'file', a file: name the folder that it lies in$"),
        (["bounds", "musdb18"], "--root, must be .*set MUSDB_PATH"),
        (["bounds", "musdb18", "--root", "nowhere"], "root must be .* got nowhere: no such"),
        (["bounds", "musdb18", "--root", "empty"], r"root must hold \.stem\.mp4 files"),
        (
            ["bounds", "--out", "full"],
            "out must be a new or an empty folder, or that of a run, got full: .*not empty",
        ),
        (["bounds", "--out", "file"], "out must be a new or an empty folder, got file: .*a file"),
        (["sweep", "nowhere"], "dataset must be waltz, musdb18, .* or a folder, got 'nowhere'"),
        (["sweep", "--out", "full"], "out must be a new or an empty folder, or that of a run"),
        (["sweep", "--out", "file"], "out must be a new or an empty folder, got file"),
        (
            ["separate", "--out", "full"],
            "out must be a new or an empty folder, or that of a run, got",
        ),
        (["separate", "--out", "file"], "out must be a new or an empty folder, got file"),
        (["bounds", "--out", "file/below"], "file/below"),
    ],
)
def test_error_is_one_line_and_status_1(
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("empty", "full"):
        Path(name).mkdir()
    for name in ("file", "full/file"):
        Path(name).write_text("mine")
    before = contents(tmp_path)
    assert_fails(run(*arguments), 1, message)
    assert contents(tmp_path) == before


@pytest.mark.slow
def test_debug_shows_the_traceback_of_an_error(tmp_path: Path) -> None:
    status, out, err = in_process_of_its_own("bounds", "nowhere", "--debug", cwd=tmp_path)
    assert (status, out) == (1, "")
    assert err.startswith("Traceback (most recent call last)")
    last = err.splitlines()[-1]
    assert last.startswith("oracle: dataset must be waltz, musdb18, ")
    assert last.endswith(" or a folder, got 'nowhere', no such folder")


def test_out_may_be_an_empty_folder(run: Run, stems: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    assert run("bounds", stems, "--methods", "MIX", "--out", tmp_path / "out").status == 0


def test_bounds_of_bad_tracks_names_them_and_prints_the_others(
    run: Run, some_bad: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    status, text, err = run("bounds", some_bad, "--methods", "MIX", "--out", out)
    assert status == 3
    alone, cut, empty = err.splitlines()
    assert re.match(r"oracle: alone: .*must hold the sources beside the mixture", alone)
    assert re.match(r"oracle: cut: .*vocals\.wav must be a readable audio file", cut)
    assert re.match(r"oracle: empty: .*must hold a track's audio files", empty)
    assert "2 tracks" in text
    failed = json.loads((out / "failed.json").read_text(encoding="utf-8"))
    assert [f"oracle: {failure['error']}" for failure in failed] == [alone, cut, empty]
    assert [failure["track"] for failure in failed] == ["alone", "cut", "empty"]
    assert all("Traceback" in failure["traceback"] for failure in failed)
    assert {path.name for path in (out / "MIX" / "test").iterdir()} == {"one.json", "two.json"}
    good = oracle.compute_bounds(datasets.folder(some_bad)[3:], methods=["MIX"]).table
    assert_close(pd.read_csv(out / "bounds.csv"), good)


def test_bounds_of_bad_tracks_only_prints_no_table(run: Run, tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_track(tmp_path / name, "mixture")
    status, out, err = run("bounds", tmp_path, "--methods", "MIX")
    assert (status, out) == (3, "")
    assert [line.split(":")[1] for line in err.splitlines()] == [" a", " b"]


@pytest.mark.slow
def test_debug_keeps_the_status_of_failed_tracks(some_bad: Path) -> None:
    outcome = in_process_of_its_own("bounds", some_bad, "--methods", "MIX", "--debug")
    assert "Traceback" in outcome.err
    assert outcome.status == 3


@pytest.mark.parametrize("command", ["bounds", "separate"])
def test_interrupt_leaves_whole_files_of_the_finished_tracks(
    run: Run, stems: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    interrupt(monkeypatch, call=2)
    out = tmp_path / "out"
    status, text, _ = run(command, stems, "--methods", "MIX", "--out", out)
    assert (status, text) == (130, "")
    names = contents(out)
    assert not [name for name in names if name.endswith(".part")]
    assert any("/one" in name for name in names)
    assert not any("/two" in name for name in names)
    if command == "bounds":
        json.loads(names["MIX/test/one.json"])
        assert set(read_scores(out / "scores.csv")["track"]) == {"one"}


def test_interrupt_says_so(run: Run, stems: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupt(monkeypatch, call=1)
    assert run("bounds", stems, "--methods", "MIX") == (130, "", "oracle: interrupted\n")


def test_nothing_is_written_outside_out(
    run: Run, stems: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    before = contents(tmp_path)
    run("bounds", stems, "--methods", "MIX")
    assert contents(tmp_path) == before
    for command in ("bounds", "separate"):
        run(command, stems, "--methods", "MIX", "--out", f"out/{command}")
    after = contents(tmp_path)
    assert {name: data for name, data in after.items() if not name.startswith("out/")} == before
    assert len(after) > len(before)


# Names


@pytest.mark.parametrize("name", NASTY_NAMES)
def test_track_name_becomes_one_file_within_out(tmp_path: Path, name: str) -> None:
    out = tmp_path / "below" / "out"
    track = make_track(name, "drums", "vocals", n_samples=RATE, n_channels=1)
    oracle.compute_bounds(track, methods=["MIX"], out=out)
    assert all(path.startswith("below/out/") for path in contents(tmp_path))
    (path,) = (out / "MIX" / "test").iterdir()
    assert unquote(path.name) == f"{name}.json"
    assert set(read_scores(out / "scores.csv")["track"]) == {name}
    (record,) = json.loads((out / "run.json").read_text(encoding="utf-8"))["tracks"]
    assert record["name"] == name


def test_name_that_is_no_unicode_fails_alone(tmp_path: Path) -> None:
    name = "caf\udce9"  # as Python has a file name that is no UTF-8
    loaders = (
        lambda: make_track(name, "drums", "vocals"),
        lambda: make_track("good", "drums", "vocals", n_samples=RATE),
    )
    tracks = dataset_with((name, "good"), loaders)
    with pytest.raises(TracksFailed) as error:
        oracle.compute_bounds(tracks, methods=["MIX"], out=tmp_path / "out")
    assert "name must not hold control characters" in str(error.value.exceptions[0])
    assert error.value.results is not None
    assert len(error.value.results.table)


@pytest.mark.parametrize("subset", ["../up", "/abs", ".", "a/b"])
def test_subset_becomes_one_folder_within_out(tmp_path: Path, subset: str) -> None:
    out = tmp_path / "below" / "out"
    oracle.compute_bounds(
        make_track("song", "drums", "vocals", subset=subset, n_samples=RATE, n_channels=1),
        methods=["MIX"],
        out=out,
    )
    assert all(path.startswith("below/out/") for path in contents(tmp_path))
    (path,) = (out / "MIX").iterdir()
    assert unquote(path.name) == subset


@pytest.mark.parametrize("name", NASTY_NAMES)
def test_source_name_becomes_one_file_within_out(
    run: Run, as_waltz: Callable[[Track], None], tmp_path: Path, name: str
) -> None:
    as_waltz(make_track("t", name, "plain", n_samples=RATE, n_channels=1))
    out = tmp_path / "below" / "out"
    assert run("separate", "--methods", "MIX", "--out", out / "sep").status == 0
    assert run("bounds", "--methods", "MIX", "--out", out / "bounds").status == 0
    assert all(path.startswith("below/out/") for path in contents(tmp_path))
    files = {unquote(path.name) for path in (out / "sep" / "MIX" / "test" / "t").iterdir()}
    assert files == {f"{name}.wav", "plain.wav"}
    assert set(read_scores(out / "bounds" / "scores.csv")["target"]) == {name, "plain"}


@pytest.mark.parametrize("name", NASTY_NAMES)
def test_separate_makes_folders_of_names_within_out(
    run: Run, as_waltz: Callable[[Track], None], tmp_path: Path, name: str
) -> None:
    as_waltz(make_track(name, "x", subset=name, n_samples=RATE))
    out = tmp_path / "below" / "out"
    assert run("separate", "--methods", "MIX", "--out", out).status == 0
    assert all(path.startswith("below/out/") for path in contents(tmp_path))
    (path,) = (path for path in contents(tmp_path) if path.endswith(".wav"))
    assert [unquote(part) for part in path.split("/")] == [
        "below",
        "out",
        "MIX",
        name,
        name,
        "x.wav",
    ]


@pytest.mark.slow
@pytest.mark.parametrize("name", FOLDER_NAMES)
def test_folder_name_is_the_name_of_the_track(run: Run, tmp_path: Path, name: str) -> None:
    root = tmp_path / "stems"
    write_track(root / name, n_samples=RATE)
    hidden = name.startswith(".")
    write_track(root / "good", n_samples=RATE)
    out = tmp_path / "below" / "out"
    outcome = run("bounds", root, "--methods", "MIX", "--out", out)
    assert (outcome.status, outcome.err) == (0, "")
    assert all(path.startswith(("below/out/", "stems/")) for path in contents(tmp_path))
    names = set(read_scores(out / "scores.csv")["track"])
    assert names == ({"good"} if hidden else {name, "good"})


@pytest.mark.parametrize("command", ["bounds", "separate"])
def test_name_too_long_for_a_file_fails_alone_and_at_once(
    run: Run, tmp_path: Path, command: str
) -> None:
    root = tmp_path / "stems"
    for name in ("good", "x" * 250):
        write_track(root / name, n_samples=RATE)
    out = tmp_path / "out"
    status, _, err = run(command, root, "--methods", "MIX", "--out", out)
    assert status == 3
    assert "name must fit a file name, at most 223 bytes, got 250" in err
    assert not any("xxx" in name for name in contents(out))


@pytest.mark.slow
def test_two_tracks_of_one_name_are_not_merged(tmp_path: Path) -> None:
    tracks = [
        make_track("a", "drums", "vocals", n_samples=RATE),
        make_track("a", "drums", "vocals", n_samples=2 * RATE),
        make_track("a", "drums", "vocals", n_samples=3 * RATE, subset="train"),
    ]
    with pytest.raises(TracksFailed) as error:
        oracle.compute_bounds(tracks, methods=["MIX"], out=tmp_path / "out")
    (failure,) = error.value.exceptions
    assert re.search("different names in a subset, got two called 'a'", str(failure))
    run_ = json.loads((tmp_path / "out" / "run.json").read_text(encoding="utf-8"))
    assert [track["n_samples"] for track in run_["tracks"]] == [RATE, 3 * RATE]


# Tracks at the edge


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sources", "shape", "targets"),
    [
        (("x",), {}, ["x"]),
        (("vocals",), {}, ["vocals"]),
        (("drums", "bass"), {}, ["drums", "bass"]),
        (("drums", "vocals"), {}, ["drums", "vocals", "accompaniment"]),
        (("vocals", "accompaniment"), {}, ["vocals", "accompaniment"]),
        (("drums", "vocals"), {"n_channels": 1}, ["drums", "vocals", "accompaniment"]),
        (("drums", "vocals"), {"n_channels": 3}, ["drums", "vocals", "accompaniment"]),
        (("drums", "vocals"), {"n_samples": 10}, ["drums", "vocals", "accompaniment"]),
        (
            ("drums", "vocals"),
            {"n_channels": 1, "n_samples": 1},
            ["drums", "vocals", "accompaniment"],
        ),
    ],
)
def test_track_at_the_edge_has_every_bound(
    run: Run,
    as_waltz: Callable[[Track], None],
    tmp_path: Path,
    sources: tuple[str, ...],
    shape: dict[str, Any],
    targets: list[str],
) -> None:
    as_waltz(make_track("t", *sources, **shape))
    status, out, err = run("bounds", "--out", tmp_path / "out")
    assert status == 0
    # A track of a few samples is too short for the filters of ISR, SIR and SAR.
    warned = "oracle: warning: t: delayed copies of "
    assert err.startswith(warned) if "n_samples" in shape else err == ""
    assert list(printed(out, "SDR")) == list(BOUNDS)
    bounds = pd.read_csv(tmp_path / "out" / "bounds.csv")
    assert list(dict.fromkeys(bounds["target"])) == targets
    assert len(bounds) == (len(DEFAULT_METHODS) * len(METRICS) + len(CERTIFIED)) * len(targets)
    assert bounds.query("metric == 'uSDR'")["median"].notna().all()


def test_silent_source_is_nan_and_counted(
    run: Run, as_waltz: Callable[[Track], None], tmp_path: Path
) -> None:
    sources = {"bass": np.zeros_like(noise()), "drums": noise(1), "vocals": noise(2)}
    as_waltz(Track.from_sources("t", RATE, sources))
    status, out, err = run("bounds", "--methods", "MIX,IRM2", "--out", tmp_path / "out")
    assert (status, err) == (0, "")
    for cells in printed(out, "SDR").values():
        assert cells[:2] == ["nan", "nan"]
        assert "nan" not in cells[2:4]
        assert cells[4:] == ["2", "2"]
    for cells in printed(out, "uSDR").values():
        assert [cell == "nan" for cell in cells] == [True, False, False, False]
    # IRM2 of a silent source is silence; of MIX, a share of the mixture.
    scores = read_scores(tmp_path / "out" / "scores.csv")
    assert scores.query("target == 'bass'")["score"].isna().all()


# From end to end


@pytest.mark.slow
def test_command_from_end_to_end(stems: Path, tmp_path: Path) -> None:
    arguments = ("bounds", "stems", "--methods", "MIX,IRM2", "--out", "out")
    status, out, err = in_process_of_its_own(*arguments, cwd=tmp_path)
    # Not a terminal: lines, which `outcome` leaves out, and no progress bar.
    assert (status, err) == (0, "")
    assert "\x1b" not in out
    assert list(printed(out, "SDR")) == ["MIX", "IRM2"]
    assert (tmp_path / "out" / "bounds.csv").is_file()
    before = contents(tmp_path / "out")
    # All is done already.
    assert in_process_of_its_own(*arguments, cwd=tmp_path) == (0, out, "")
    after = contents(tmp_path / "out")
    for files in (before, after):
        files["run.json"] = b""  # which has times
    assert after == before


@pytest.mark.parametrize("command", COMMANDS)
def test_help_cuts_no_word_in_a_terminal_of_80_columns(
    run: Run, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert "…" not in run(command, "--help").out
