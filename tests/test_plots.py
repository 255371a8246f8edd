"""Figures of sweeps: what is drawn, how it is told apart, and where matplotlib is not."""

import builtins
import io
import itertools
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from oracle import Track, compute_sweep
from oracle.jobs.sweeps import SWEEP_COLUMNS
from oracle.methods import CEILINGS
from oracle.optimal import CLASSES
from oracle.plots import COLOURS, check_matplotlib, plot_sweep
from oracle.plots.sweeps import LINES

pytestmark = pytest.mark.figures

METHODS = ("IRM2", "CEILING", "MIX")
N_FFTS = (512, 2048, 1024)  # in no order
OVERLAPS = (0.5, 0.75)

# Targets of a track with none, one, two... sources beside the vocals.
TARGETS = ("vocals", "drums", "bass", "other", "piano", "guitar", "choir", "accompaniment")


def sweep_of(
    targets: Sequence[str] = ("drums", "vocals"),
    *,
    methods: Sequence[str] = METHODS,
    n_ffts: Sequence[int] = N_FFTS,
    overlaps: Sequence[float] = OVERLAPS,
    metrics: Sequence[str] = ("SDR",),
    value: Callable[[int], float] = float,
) -> pd.DataFrame:
    """A table as of a sweep, in which every row has values of its own."""
    places = itertools.product(overlaps, n_ffts, methods, targets, metrics)
    rows = [
        (
            n,
            round(n * (1 - overlap)),
            overlap,
            *names,
            value(i),
            value(i) + 100,
            2,
            4,
            0,
            0,
            value(i) + 100,
        )
        for i, (overlap, n, *names) in enumerate(places)
    ]
    return pd.DataFrame(rows, columns=list(SWEEP_COLUMNS))


def legend_of(figure: Figure) -> dict[str, Line2D]:
    (legend,) = figure.legends
    names = [text.get_text() for text in legend.get_texts()]
    return dict(zip(names, legend.get_lines(), strict=True))


def style_of(line: Line2D) -> tuple[Any, ...]:
    return to_rgb(line.get_color()), line.get_marker(), line.get_linewidth()


# What is drawn


def test_a_panel_has_the_medians_of_its_target_by_window_length() -> None:
    table = sweep_of()
    figure = plot_sweep(table)
    assert isinstance(figure, Figure)
    assert [panel.get_title() for panel in figure.axes] == ["drums", "vocals"]
    legend = legend_of(figure)
    for panel in figure.axes:
        drawn = {}
        for line in panel.get_lines():
            (method,) = [m for m in METHODS if style_of(line) == style_of(legend[m])]
            (overlap,) = [
                overlap
                for overlap in OVERLAPS
                if line.get_linestyle() == legend[f"{100 * overlap:g} % overlap"].get_linestyle()
            ]
            drawn[method, overlap] = np.asarray(line.get_xydata())
        assert len(drawn) == len(panel.get_lines()) == len(METHODS) * len(OVERLAPS)
        for (method, overlap), points in drawn.items():
            rows = table.query(
                "target == @target and method == @method and overlap == @overlap",
                local_dict={"target": panel.get_title(), "method": method, "overlap": overlap},
            )
            assert len(rows) == len(N_FFTS)
            np.testing.assert_array_equal(
                points, sorted(rows[["n_fft", "median"]].to_numpy().tolist())
            )


def test_the_metric_asked_for_is_drawn() -> None:
    table = sweep_of(["x"], methods=["MIX"], overlaps=[0.5], metrics=["SDR", "uSDR"])
    for metric in ("SDR", "uSDR"):
        (panel,) = plot_sweep(table, metric=metric).axes
        (line,) = panel.get_lines()
        expected = table[table["metric"] == metric].sort_values("n_fft")["median"]
        assert list(np.asarray(line.get_ydata())) == list(expected)
        assert panel.get_ylabel() == f"{metric} (dB)"
    assert plot_sweep(table).axes[0].get_ylabel() == "SDR (dB)"


def test_axes_name_their_units_and_every_window_length() -> None:
    figure = plot_sweep(sweep_of(n_ffts=(512, 4096, 1000)))
    for panel in figure.axes:
        assert panel.get_xlabel() == "window (samples)"
        assert panel.get_ylabel() == "SDR (dB)"
        assert panel.get_xscale() == "log"
        assert list(panel.get_xticks()) == [512, 1000, 4096]
        assert [label.get_text() for label in panel.get_xticklabels()] == ["512", "1000", "4096"]


def test_the_ceiling_is_black_and_the_others_have_each_a_colour_and_marker() -> None:
    methods = ("IBM", "IRM1", "IRM2", "TPSM", "OPT", "CEILING")
    figure = plot_sweep(sweep_of(methods=methods))
    legend = legend_of(figure)
    assert list(legend) == [*methods, "50 % overlap", "75 % overlap"]
    ceiling = legend["CEILING"]
    assert to_rgb(ceiling.get_color()) == (0, 0, 0)
    others = [legend[method] for method in methods[:-1]]
    assert len({to_rgb(line.get_color()) for line in others}) == len(others)
    assert len({line.get_marker() for line in others}) == len(others)
    assert all(to_rgb(line.get_color()) != (0, 0, 0) for line in others)
    assert all(line.get_linewidth() < ceiling.get_linewidth() for line in others)
    assert ceiling.get_marker() in ("None", None, "")
    assert [line.get_linestyle() for line in others] == ["-"] * len(others)


@pytest.mark.parametrize("methods", [("CEILING", "MIX"), ("MIX", "CEILING"), ("CEILING",)])
def test_the_ceiling_is_black_wherever_it_stands(methods: tuple[str, ...]) -> None:
    legend = legend_of(plot_sweep(sweep_of(methods=methods, overlaps=[0.5])))
    assert list(legend) == [*methods, "50 % overlap"]
    black = [name for name, line in legend.items() if to_rgb(line.get_color()) == (0, 0, 0)]
    assert black == ["CEILING"]


def test_ceilings_of_all_classes_are_black_and_can_be_told_apart() -> None:
    methods = [name for c in CLASSES.values() for name in (c.method, c.ceiling)]
    legend = legend_of(plot_sweep(sweep_of(methods=methods, overlaps=[0.5])))
    black = [name for name, line in legend.items() if to_rgb(line.get_color()) == (0, 0, 0)]
    assert black == list(CEILINGS)
    assert {legend[name].get_linewidth() for name in black} == {2}
    markers = [legend[name].get_marker() for name in black]
    assert markers[0] in ("None", None, "")  # as where it is the only one
    assert len(set(markers)) == len(markers)
    assert len({style_of(legend[name]) for name in methods}) == len(methods)


def test_a_ceiling_of_another_class_alone_is_drawn_as_any() -> None:
    for name in CEILINGS:
        table = sweep_of(["x"], methods=["IRM2", name], overlaps=[0.5], n_ffts=[512])
        line = legend_of(plot_sweep(table))[name]
        assert style_of(line) == ((0, 0, 0), "None", 2)


def test_a_method_has_one_style_in_every_panel_also_where_another_is_missing() -> None:
    table = sweep_of(["a", "b"], overlaps=[0.5])
    table = table[~((table["target"] == "b") & (table["method"] == "IRM2"))]
    figure = plot_sweep(table)
    legend = legend_of(figure)
    first, second = ([style_of(line) for line in panel.get_lines()] for panel in figure.axes)
    assert first == [style_of(line) for line in legend.values()][:-1]
    assert second == first[1:]


def test_overlaps_have_each_a_style_of_line_which_the_legend_explains() -> None:
    overlaps = (0.5, 0.75, 0.875)
    legend = legend_of(plot_sweep(sweep_of(methods=["MIX"], overlaps=overlaps)))
    assert list(legend) == ["MIX", "50 % overlap", "75 % overlap", "87.5 % overlap"]
    keys = list(legend.values())[1:]
    assert [key.get_linestyle() for key in keys] == list(LINES[:3])
    # No method's.
    assert {to_rgb(key.get_color()) for key in keys}.isdisjoint({to_rgb(c) for c in COLOURS})
    alone = legend_of(plot_sweep(sweep_of(methods=["MIX"], overlaps=[0.75])))
    assert list(alone) == ["MIX", "75 % overlap"]


def test_more_methods_and_overlaps_than_styles_are_drawn() -> None:
    methods = [f"method {i}" for i in range(9)]
    overlaps = [1 - 2.0**-i for i in range(1, 7)]
    figure = plot_sweep(sweep_of(["x"], methods=methods, overlaps=overlaps))
    assert len(figure.axes[0].get_lines()) == 9 * 6
    assert list(legend_of(figure)) == [*methods, *(f"{100 * o:g} % overlap" for o in overlaps)]


def test_all_methods_can_be_told_apart() -> None:
    methods = [f"method {i}" for i in range(13)]
    legend = legend_of(plot_sweep(sweep_of(["x"], methods=methods, overlaps=[0.5])))
    assert len({style_of(legend[method]) for method in methods}) == 13


# Panels


@pytest.mark.slow
@pytest.mark.parametrize("n_targets", [1, 2, 4, 8])
def test_one_to_eight_targets_have_each_a_panel(n_targets: int) -> None:
    targets = TARGETS[:n_targets]
    figure = plot_sweep(sweep_of(targets, methods=["MIX", "CEILING"], n_ffts=(256, 512)))
    assert [panel.get_title() for panel in figure.axes] == list(targets)
    assert all(len(panel.get_lines()) == 4 for panel in figure.axes)
    # Rows of three.
    grid = figure.axes[0].get_subplotspec()
    assert grid is not None
    assert grid.get_gridspec().get_geometry() == (-(-n_targets // 3), min(n_targets, 3))
    width, height = figure.get_size_inches()
    assert width == pytest.approx(max(3.2 * min(n_targets, 3), 3.5))  # a column at the least
    assert height == pytest.approx(2.6 * -(-n_targets // 3) + 1)
    # Nothing is cut, and no two overlap.
    figure.draw_without_rendering()
    boxes = [panel.get_tightbbox() for panel in figure.axes]
    boxes.append(figure.legends[0].get_window_extent())
    for box in boxes:
        assert box is not None
        assert box.x0 >= 0
        assert box.y0 >= 0
        assert box.x1 <= figure.bbox.x1
        assert box.y1 <= figure.bbox.y1
    for one, other in itertools.combinations(boxes, 2):
        assert one is not None
        assert other is not None
        assert not one.overlaps(other)


def test_axes_of_ones_own_are_drawn_on() -> None:
    figure = Figure()
    axes = figure.subplots(1, 4)
    assert plot_sweep(sweep_of(), axes=axes[1:]) is figure
    assert [panel.get_title() for panel in axes] == ["", "drums", "vocals", ""]
    assert [len(panel.get_lines()) for panel in axes] == [0, 6, 6, 0]
    assert len(figure.axes) == 4
    # How to explain the lines is one's own, too.
    assert not figure.legends


@pytest.mark.parametrize("n_axes", [0, 1])
def test_too_few_axes_are_refused(n_axes: int) -> None:
    figure = Figure()
    axes: list[Axes] = [figure.add_subplot() for _ in range(n_axes)]
    message = f"^axes must be one for each of 2 targets, got {n_axes}$"
    with pytest.raises(ValueError, match=message):
        plot_sweep(sweep_of(), axes=axes)
    assert all(not panel.get_lines() for panel in axes)


def test_a_metric_that_the_table_has_not_is_refused() -> None:
    table = sweep_of(metrics=["SDR", "uSDR"])
    for metric in ("SAR", "sdr", ""):
        message = f"metric must be one of the table's, SDR, uSDR, got {metric!r}"
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            plot_sweep(table, metric=metric)


def test_a_table_of_bounds_is_refused() -> None:
    table = sweep_of().drop(columns=["n_fft", "overlap"])
    with pytest.raises(ValueError, match="^sweep must come from compute_sweep, got columns hop_"):
        plot_sweep(table)


def test_the_table_is_left_as_it_is() -> None:
    table = sweep_of()
    before = table.copy()
    plot_sweep(table)
    pd.testing.assert_frame_equal(table, before)


# Files


@pytest.mark.slow
@pytest.mark.parametrize(
    "value",
    [
        float,
        lambda i: (-1.0, float("nan"), float("inf"))[i % 3],
        lambda i: float("nan"),
    ],
    ids=["numbers", "some", "nan"],
)
def test_a_figure_is_saved_as_png_and_pdf(tmp_path: Path, value: Callable[[int], float]) -> None:
    figure = plot_sweep(sweep_of(value=value))
    for suffix, magic in (("png", b"\x89PNG"), ("pdf", b"%PDF")):
        path = tmp_path / f"sweep.{suffix}"
        figure.savefig(path, dpi=50)
        assert path.read_bytes().startswith(magic)
        assert path.stat().st_size > 4000


def test_a_sweep_of_one_window_length_is_saved(tmp_path: Path) -> None:
    figure = plot_sweep(sweep_of(n_ffts=[512]))
    figure.savefig(tmp_path / "sweep.png", dpi=50)
    assert [list(np.asarray(line.get_xdata())) for line in figure.axes[0].get_lines()] == 6 * [
        [512]
    ]


def test_targets_of_any_name_are_saved() -> None:
    names = ["guitar_left", "100%", "$HOME", "$a_$"]
    figure = plot_sweep(sweep_of(names, methods=["MIX"], n_ffts=[512]))
    assert [panel.get_title().replace("\\", "") for panel in figure.axes] == names
    figure.savefig(io.BytesIO(), format="pdf")


def test_a_sweep_is_drawn_as_it_is_computed(track: Track) -> None:
    short = {name: audio[:, :2000] for name, audio in track.sources.items()}
    tracks = Track.from_sources("short", track.rate, short)
    table = compute_sweep(
        tracks, methods=["MIX", "CEILING"], n_ffts=[64, 128], overlaps=[0.5]
    ).table
    figure = plot_sweep(table)
    assert [panel.get_title() for panel in figure.axes] == [*short, "accompaniment"]
    assert list(legend_of(figure)) == ["MIX", "CEILING", "50 % overlap"]
    mix, ceiling = figure.axes[0].get_lines()
    assert (np.asarray(mix.get_ydata()) < np.asarray(ceiling.get_ydata())).all()
    assert list(np.asarray(mix.get_xdata())) == [64, 128]


# matplotlib


@pytest.mark.slow
def test_no_state_of_pyplot_is_used_and_matplotlib_is_imported_when_needed(
    tmp_path: Path,
) -> None:
    code = """
import sys
import oracle
import oracle.cli
assert "matplotlib" not in sys.modules
import pandas as pd
row = (64, 32, 0.5, "MIX", "x", "SDR", 1.0, 1.0, 1, 1, 0, 0, 1.0)
columns = list(oracle.jobs.sweeps.SWEEP_COLUMNS)
figure = oracle.plots.plot_sweep(pd.DataFrame([row], columns=columns))
import io
figure.savefig(io.BytesIO(), format="png")
figure.savefig(io.BytesIO(), format="pdf")
assert "matplotlib" in sys.modules
assert "matplotlib.pyplot" not in sys.modules
"""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.fixture
def no_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if matplotlib were not installed."""
    really_import = builtins.__import__

    def without(name: str, *arguments: Any, **options: Any) -> Any:
        if name.split(".")[0] == "matplotlib":
            raise ModuleNotFoundError("No module named 'matplotlib'", name="matplotlib")
        return really_import(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)


@pytest.mark.usefixtures("no_matplotlib")
def test_without_matplotlib_the_error_says_how_to_install_it() -> None:
    message = (
        "matplotlib must be installed for figures: "
        "pip install 'oracle-masks[plots]' (in a clone: pip install '.[plots]')"
    )
    for draw in (check_matplotlib, lambda: plot_sweep(sweep_of())):
        with pytest.raises(ImportError, match=f"^{re.escape(message)}$") as caught:
            draw()
        assert isinstance(caught.value.__cause__, ModuleNotFoundError)


def test_with_matplotlib_the_check_passes() -> None:
    check_matplotlib()
