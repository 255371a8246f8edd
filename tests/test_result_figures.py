"""Figures of bounds and comparisons: what is drawn, what captions say, and which are written."""

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import Run
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from test_comparison import scores_of, write_run

from oracle import Track
from oracle.datasets.audio_files import write_audio
from oracle.metrics import Metric
from oracle.plots import (
    plot_boxes,
    plot_scores_against_bound,
    plot_scores_over_time,
    plot_sorted_distances,
)
from oracle.plots.box_plots import find_quartiles
from oracle.plots.captions import Captioned
from oracle.plots.score_figures import Scores, list_score_figures
from oracle.plots.sorted_distances import FEW
from oracle.results.tables import over_windows, tidy

pytestmark = pytest.mark.figures

nan, inf = float("nan"), float("inf")
Table = pd.DataFrame

# A name that matplotlib and a page could take for more than text.
HOSTILE = "net$x$<b>_1&"

# A system below a ceiling; as numbers of dB of tracks a, b, c and d.
NET = {"a": [1.0], "b": [5.0], "c": [2.0], "d": [4.0]}
IRM2 = {"a": [2.0], "b": [7.0], "c": [3.0], "d": [4.5]}
CEILING = {"a": [9.0], "b": [8.0], "c": [3.5], "d": [6.0]}


def windows_of(
    methods: Mapping[str, Mapping[str, Sequence[float]]],
    *,
    targets: Sequence[str] = ("vocals",),
    metric: str = "SDR",
) -> Table:
    """Scores of windows, from those of each track by method."""
    rows = [
        row
        for target in targets
        for method, tracks in methods.items()
        for row in scores_of(
            method, {k: list(v) for k, v in tracks.items()}, target=target, metric=metric
        )
    ]
    return tidy(rows)


THREE = {"IRM2": IRM2, "net": NET, "CEILING": CEILING}


def figures_of(windows: Table, **options: Any) -> dict[str, Captioned]:
    """The figures of some scores; `options` are fields of `Scores`."""

    def read(subset: str, track: str) -> Table:
        return windows[(windows["subset"] == subset) & (windows["track"] == track)]

    fields: dict[str, Any] = {
        "tracks": over_windows(windows),
        "read_windows": read,
        "metrics": [Metric("SDR", unit="dB", windows=True)],
        "systems": ["net"],
        "ceiling": "CEILING",
        "bound": "IRM2",
    }
    return list_score_figures(Scores(**fields | options))


def levels_of(panel: Axes) -> dict[str, list[float]]:
    return {
        str(line.get_label()): np.asarray(line.get_ydata(), float).tolist()
        for line in panel.get_lines()
    }


def medians_of(panel: Axes) -> list[float]:
    """The heights of the lines in the boxes."""
    (lines,) = [c for c in panel.collections if isinstance(c, LineCollection) and is_thick(c)]
    return [float(segment[0][1]) for segment in lines.get_segments()]


def is_thick(lines: LineCollection) -> bool:
    return float(np.ravel(lines.get_linewidth())[0]) > 1


# Box plots


def test_boxes_span_the_quartiles_of_tracks() -> None:
    values = np.array([*np.random.default_rng(0).normal(5, 2, 98), 11, 20, -9])
    tracks = {f"{i}": [value] for i, value in enumerate(values)}
    table = over_windows(windows_of({"IRM2": IRM2, "net": tracks, "CEILING": CEILING}))
    panel = plot_boxes(table, systems=["net"]).axes[0]
    assert [label.get_text() for label in panel.get_xticklabels()] == ["net", "IRM2"]
    low, median, high = np.percentile(values, [25, 50, 75])
    box = panel.patches[0]
    assert isinstance(box, Rectangle)
    assert (box.get_y(), box.get_y() + box.get_height()) == pytest.approx((low, high))
    assert medians_of(panel) == pytest.approx([median, np.median([2, 7, 3, 4.5])])
    (dots,) = [line for line in panel.get_lines() if line.get_marker() == "."]
    reach = 1.5 * (high - low)
    beyond = values[(values < low - reach) | (values > high + reach)]
    assert {11, 20, -9} <= set(beyond) == set(np.asarray(dots.get_ydata(), float))
    (whiskers,) = [
        c for c in panel.collections if isinstance(c, LineCollection) and not is_thick(c)
    ]
    ends = [
        float(end) for segment in whiskers.get_segments()[:2] for end in np.ravel(segment[:, 1])
    ]
    within = np.setdiff1d(values, beyond)
    assert ends == pytest.approx([within.min(), low, high, within.max()])
    # Numbers above the panel are the medians.
    assert [text.get_text() for text in panel.texts] == [f"{median:.2f}", "3.75"]


def test_the_ceiling_is_a_band_of_its_quartiles() -> None:
    panel = plot_boxes(over_windows(windows_of(THREE))).axes[0]
    (line,) = [line for line in panel.get_lines() if line.get_marker() != "."]
    assert np.unique(np.asarray(line.get_ydata())) == [7.0]
    band = panel.patches[-1]
    ends = np.percentile([9, 8, 3.5, 6], [25, 75])
    assert isinstance(band, Rectangle)
    assert [band.get_y(), band.get_y() + band.get_height()] == pytest.approx(ends)


def test_a_ceiling_alone_is_a_box() -> None:
    panel = plot_boxes(over_windows(windows_of({"CEILING": CEILING})), ceiling="").axes[0]
    assert medians_of(panel) == [7.0]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 2, 3], (1.5, 2, 2.5)),
        ([1, nan, 3], (1.5, 2, 2.5)),
        ([1, 2, inf], (1.5, 2, inf)),
        ([1, inf], (inf, inf, inf)),
        ([-inf, 1, inf], (-inf, 1, inf)),
        ([inf, inf], (inf, inf, inf)),
        ([nan], (nan, nan, nan)),
        ([], (nan, nan, nan)),
    ],
)
def test_infinite_scores_count_in_quartiles(values: list[float], expected: Sequence[float]) -> None:
    np.testing.assert_allclose(find_quartiles(np.array(values, float)), expected)


def test_what_is_infinite_is_at_the_edge_and_in_the_caption() -> None:
    net = {"a": [inf], "b": [250.0], "c": [1.0], "d": [nan]}  # above 100 dB is infinite
    nat = {"a": [1.0], "b": [2.0], "c": [nan], "d": [0.5]}
    windows = windows_of(THREE | {"net": net, "nat": nat})
    figures = figures_of(windows, systems=["net", "nat"])
    caption = figures["boxes-SDR"].caption
    assert "Infinite: 2 of 16 scores (net)." in caption
    assert "NaN, which are left out: 2 of 16 scores." in caption
    panel = figures["boxes-SDR"].draw().axes[0]
    _, high = panel.get_ylim()
    assert high < 20
    assert medians_of(panel)[0] == high
    assert panel.texts[0].get_text() == "inf"
    assert "Not drawn: 4 of 8 points" in figures["scatter-SDR"].caption
    assert "Not drawn: 4 of 8 distances" in figures["distances-SDR"].caption


def test_scores_that_are_all_finite_need_no_excuse() -> None:
    for figure in figures_of(windows_of(THREE)).values():
        assert "Infinite" not in figure.caption
        assert "Not drawn" not in figure.caption
        assert "NaN" not in figure.caption


def test_without_any_finite_score_boxes_are_drawn() -> None:
    figures = figures_of(windows_of({"net": {"a": [inf], "b": [nan]}, "IRM2": {"a": [nan]}}))
    assert list(figures) == ["boxes-SDR", "over-time-SDR"]
    for figure in figures.values():
        figure.drawn().draw_without_rendering()


# Scores over time


def test_levels_over_time_are_the_scores_and_gaps_are_gaps() -> None:
    table = windows_of({"net": {"a": [1, nan, 3, inf]}, "CEILING": {"a": [4, 5, 6, 7]}})
    table = table[~((table["method"] == "CEILING") & (table["time"] == 1))]  # a window is missing
    panel = plot_scores_over_time(table, systems=["net"]).axes[0]
    net, ceiling = panel.get_lines()
    assert (net.get_label(), ceiling.get_label()) == ("net", "CEILING")
    expected = [(0, 1), (1, 1), (1, 1), (1, nan), (2, nan), (2, nan)]
    expected += [(2, 3), (3, 3), (3, 3), (3, nan), (4, nan), (4, nan)]
    np.testing.assert_array_equal(np.asarray(net.get_xydata()), expected)
    expected = [(0, 4), (1, 4), (1, nan), (2, 6), (3, 6), (3, 6), (3, 7), (4, 7), (4, nan)]
    np.testing.assert_array_equal(np.asarray(ceiling.get_xydata()), expected)
    assert ceiling.get_color() == "black"
    caption = figures_of(table, bound=None)["over-time-SDR"].caption
    assert "leaves gaps: 1 NaN and 1 infinite of 7 scores" in caption


def test_of_several_tracks_the_one_furthest_below_the_ceiling_is_shown() -> None:
    figure = figures_of(windows_of(THREE))["over-time-SDR"]
    assert figure.title == "SDR over time: a"
    assert "the track of 4 in which net is furthest below CEILING (vocals: SDR 8.00 dB below)" in (
        figure.caption
    )
    assert levels_of(figure.draw().axes[0])["net"][:2] == [1, 1]


def test_without_a_ceiling_the_track_with_the_worst_score_is_shown() -> None:
    windows = windows_of({"net": NET, "IRM2": IRM2})
    figure = figures_of(windows, ceiling=None)["over-time-SDR"]
    assert "in which net has the worst SDR (vocals: 1.00 dB)" in figure.caption
    lower = Metric("SDR", lower_is_better=True)
    figure = figures_of(windows, ceiling=None, metrics=[lower])["over-time-SDR"]
    assert "in which net has the worst SDR (vocals: 5.00)" in figure.caption


def test_several_tracks_over_time_are_refused() -> None:
    with pytest.raises(ValueError, match="^scores must be those of one track, got 4: select one$"):
        plot_scores_over_time(windows_of(THREE))


def test_a_metric_of_whole_tracks_over_time_is_refused() -> None:
    table = windows_of({"net": {"a": [1.0]}}, metric="uSDR").assign(time=nan, duration=nan)
    message = "^metric must have scores of windows, got 'uSDR': of whole tracks$"
    with pytest.raises(ValueError, match=message):
        plot_scores_over_time(table, metric="uSDR")


# Scatters


def test_points_are_the_scores_of_both() -> None:
    table = over_windows(windows_of(THREE, targets=["vocals", "bass"]))
    table.loc[(table["track"] == "c") & (table["method"] == "net"), "score"] = nan
    figure = plot_scores_against_bound(table, systems=["net"], bound="IRM2")
    assert [panel.get_title() for panel in figure.axes] == ["vocals", "bass"]
    for panel in figure.axes:
        points = next(line for line in panel.get_lines() if line.get_label() == "net")
        assert np.asarray(points.get_xydata()).tolist() == [[2, 1], [7, 5], [4.5, 4]]


def test_the_axes_of_a_scatter_span_its_points() -> None:
    """A diagonal through 0 would stretch them to it."""
    table = over_windows(
        windows_of({"net": {"a": [40.0], "b": [50.0]}, "IRM2": {"a": [44.0], "b": [48.0]}})
    )
    panel = plot_scores_against_bound(table, systems=["net"], bound="IRM2").axes[0]
    for low, high in (panel.get_xlim(), panel.get_ylim()):
        assert 38 < low < high < 52


def test_windows_of_a_single_track_are_points() -> None:
    windows = windows_of({"net": {"a": [1, 2, 3]}, "IRM2": {"a": [4, 5, 6]}})
    figures = figures_of(windows)
    assert list(figures) == ["boxes-SDR", "over-time-SDR", "scatter-SDR"]
    assert "A point is a window" in figures["scatter-SDR"].caption
    assert "the 3 windows of the only track (a)" in figures["boxes-SDR"].caption
    points = figures["scatter-SDR"].draw().axes[0].get_lines()[0]
    assert np.asarray(points.get_xydata()).tolist() == [[4, 1], [5, 2], [6, 3]]


@pytest.mark.parametrize(
    ("plot", "message"),
    [
        (
            partial(plot_scores_against_bound, systems=["net", "nat"], bound="IRM2"),
            "systems must be among the methods with scores of SDR, IRM2, net, CEILING, got 'nat'",
        ),
        (
            partial(plot_scores_against_bound, systems=["net"], bound="OPT"),
            "bound must be among the methods with scores of SDR, IRM2, net, CEILING, got 'OPT'",
        ),
        (
            partial(plot_sorted_distances, methods=["nat"]),
            "methods must be among the methods with scores of SDR, IRM2, net, CEILING, got 'nat'",
        ),
        (
            partial(plot_sorted_distances, ceiling="OPT"),
            "ceiling must have scores of SDR, got OPT",
        ),
    ],
)
def test_unknown_methods_are_refused(plot: Callable[..., Figure], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        plot(over_windows(windows_of(THREE)))


# Distances


def test_tracks_are_sorted_by_the_distance_of_the_first_method() -> None:
    table = over_windows(windows_of(THREE))
    panel = plot_sorted_distances(table, methods=["net", "IRM2"]).axes[0]
    levels = levels_of(panel)
    # In the order c, d, b, a.
    assert levels["net"] == [1.5, 2, 3, 8]
    assert levels["IRM2"] == [0.5, 1.5, 1, 7]


def test_a_track_without_a_distance_comes_last() -> None:
    table = over_windows(windows_of(THREE))
    table.loc[(table["track"] == "c") & (table["method"] == "net"), "score"] = inf
    levels = levels_of(plot_sorted_distances(table, methods=["net", "IRM2"]).axes[0])
    np.testing.assert_array_equal(levels["net"], [2, 3, 8, nan])
    assert levels["IRM2"] == [1.5, 1, 7, 0.5]


def test_each_line_of_many_is_sorted_by_itself() -> None:
    numbers = np.random.default_rng(0)
    many = {
        method: {f"{i}": [value] for i, value in enumerate(numbers.normal(0, 1, FEW))}
        for method in ("net", "nat", "CEILING")
    }
    figures = figures_of(windows_of(many), systems=["net", "nat"])
    levels = levels_of(figures["distances-SDR"].draw().axes[0])
    for method in ("net", "nat"):
        distances = [many["CEILING"][t][0] - many[method][t][0] for t in many[method]]
        assert levels[method] == pytest.approx(sorted(distances))
    assert "Each line has its own order" in figures["distances-SDR"].caption


def test_distances_need_a_ceiling() -> None:
    windows = windows_of({"net": NET, "IRM2": IRM2})
    assert list(figures_of(windows)) == ["boxes-SDR", "over-time-SDR", "scatter-SDR"]
    message = "^ceiling must have scores of SDR, got no ceiling in the table$"
    with pytest.raises(ValueError, match=message):
        plot_sorted_distances(over_windows(windows))


def test_methods_that_share_no_track_are_not_drawn_together() -> None:
    others = {f"other {track}": scores for track, scores in NET.items()}
    figures = figures_of(windows_of(THREE | {"net": others}))
    assert list(figures) == ["boxes-SDR", "over-time-SDR"]


# All of them

PLOTS: dict[str, Callable[..., Figure]] = {
    "boxes": plot_boxes,
    "scatter": partial(plot_scores_against_bound, systems=["net"], bound="IRM2"),
    "distances": plot_sorted_distances,
    "over-time": lambda table, **options: plot_scores_over_time(
        table[table["track"] == "a"].assign(time=0.0, duration=1.0), **options
    ),
}


@pytest.mark.parametrize("name", PLOTS)
def test_axes_of_ones_own_are_drawn_on(name: str) -> None:
    table = over_windows(windows_of(THREE, targets=["vocals", "bass"]))
    before = table.copy()
    figure = Figure()
    axes = figure.subplots(1, 3)
    assert PLOTS[name](table, axes=axes[1:]) is figure
    assert [panel.get_title() for panel in axes] == ["", "vocals", "bass"]
    assert not figure.legends
    pd.testing.assert_frame_equal(table, before)
    with pytest.raises(ValueError, match="^axes must be one for each of 2 targets, got 1$"):
        PLOTS[name](table, axes=axes[0])


@pytest.mark.parametrize("name", PLOTS)
def test_a_metric_that_the_table_has_not_is_refused(name: str) -> None:
    table = over_windows(windows_of(THREE))
    with pytest.raises(ValueError, match="^metric must be one of the table's, SDR, got 'SIR'$"):
        PLOTS[name](table, metric="SIR")


@pytest.mark.parametrize(("lower", "direction"), [(True, "lower"), (False, "higher")])
def test_axes_say_which_scores_are_good(lower: bool, direction: str) -> None:
    loss = Metric("LOSS", unit="mm", windows=True, lower_is_better=lower)
    figures = figures_of(windows_of(THREE, metric="LOSS"), metrics=[loss], ceiling=None)
    for name in ("boxes", "over-time", "scatter"):
        figure = figures[f"{name}-LOSS"]
        label = figure.draw().axes[0].get_ylabel()
        assert "LOSS (mm)" in label
        assert label.endswith(f"{direction} is better")
        assert figure.caption.endswith(f"{direction.capitalize()} is better.")
    assert f"{'above' if lower else 'below'} it, the system is worse" in (
        figures["scatter-LOSS"].caption
    )


def test_a_single_score_has_no_figure() -> None:
    table = windows_of({m: {"a": [1.0]} for m in THREE}, metric="uSDR")
    table = table.assign(time=nan, duration=nan)
    assert figures_of(table, metrics=[Metric("uSDR", unit="dB")]) == {}


def test_no_scores_have_no_figures() -> None:
    assert figures_of(windows_of(THREE).iloc[:0]) == {}


def test_methods_that_cannot_be_drawn_are_named() -> None:
    figures = figures_of(windows_of(THREE), missing=["sisec18: IRM2", "sisec18: MIX"])
    for figure in figures.values():
        assert figure.caption.endswith("are not known: sisec18: IRM2, sisec18: MIX.")


def test_tracks_that_some_methods_lack_are_mentioned() -> None:
    fewer = windows_of(THREE | {"net": {"a": [1.0], "b": [2.0]}})
    assert "Not every method has all of them." in figures_of(fewer)["boxes-SDR"].caption
    assert "Not every" not in figures_of(windows_of(THREE))["boxes-SDR"].caption


def test_names_of_any_kind_are_drawn_as_they_are() -> None:
    names = {HOSTILE: NET, "IRM2": IRM2, "CEILING": CEILING}
    windows = windows_of(names, targets=["$t$", "<i>"])
    for figure in figures_of(windows, systems=[HOSTILE]).values():
        drawn = figure.drawn()
        texts = [panel.get_title().strip() for panel in drawn.axes]
        texts += [label.get_text() for panel in drawn.axes for label in panel.get_xticklabels()]
        texts += [text.get_text() for text in drawn.legends[0].get_texts()]
        assert r"\$t\$" in texts
        assert not any(re.search(r"(?<!\\)\$", text) for text in texts)
        drawn.draw_without_rendering()


@pytest.mark.slow
@pytest.mark.parametrize("n_tracks", [2, 300])
def test_many_long_names_fit_on_the_page(n_tracks: int) -> None:
    numbers = np.random.default_rng(0)
    systems = [f"{i}: a model with a name that is far too long for a legend" for i in range(15)]
    many = {
        method: {f"{i}": [value] for i, value in enumerate(numbers.normal(0, 1, n_tracks))}
        for method in (*systems, "IRM2", "CEILING")
    }
    for figure in figures_of(windows_of(many), systems=systems).values():
        drawn = figure.drawn()
        drawn.draw_without_rendering()
        boxes = [panel.get_tightbbox() for panel in drawn.axes]
        boxes.append(drawn.legends[0].get_window_extent())
        for box in boxes:
            assert box is not None
            assert (box.x0, box.y0) >= (-1, -1)
            assert box.x1 <= drawn.bbox.x1 + 1
            assert box.y1 <= drawn.bbox.y1 + 1
        panel, legend = boxes[0], boxes[-1]
        assert panel is not None
        assert legend is not None
        assert not panel.overlaps(legend)
        assert drawn.axes[0].get_window_extent().height > 70  # pixels of 1/100 inch


def test_methods_can_be_told_apart() -> None:
    methods = {f"method {i}": NET for i in range(15)}
    figure = plot_sorted_distances(over_windows(windows_of({**methods, "CEILING": CEILING})))
    styles = {
        (line.get_color(), line.get_linestyle())
        for line in figure.axes[0].get_lines()
        if str(line.get_label()).startswith("method")
    }
    assert len(styles) == 15


# Commands


@pytest.fixture
def stems(tmp_path: Path) -> Path:
    """A folder of one short track."""
    folder = tmp_path / "stems" / "one"
    folder.mkdir(parents=True)
    for seed, name in enumerate(("vocals", "bass")):
        audio = 0.1 * np.random.default_rng(seed).standard_normal((1, 16000))
        write_audio(folder / f"{name}.wav", audio.astype(np.float32), 8000)
    return tmp_path / "stems"


def options(out: Path) -> list[object]:
    return ["--methods", "IRM2,CEILING", "--metrics", "SDR,uSDR", "--out", out]


def test_bounds_are_drawn_and_overwritten(
    stems: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Only to be quick.
    monkeypatch.setattr(Figure, "savefig", lambda self, path, **how: Path(path).touch())
    out = tmp_path / "out"
    assert run("bounds", stems, *options(out)).status == 0
    files = {"boxes-SDR.png", "boxes-SDR.pdf", "over-time-SDR.png", "over-time-SDR.pdf"}
    assert {path.name for path in (out / "figures").iterdir()} == {*files, "index.html"}
    index = (out / "figures" / "index.html").read_text("utf-8")
    assert "the 2 windows of the only track (one)" in index
    # Resuming draws again, and overwriting deletes them all.
    (out / "figures" / "index.html").unlink()
    assert run("bounds", stems, *options(out)).status == 0
    assert (out / "figures" / "index.html").read_text("utf-8") == index
    (out / "figures" / "stale.png").touch()
    alone = ["--methods", "IRM2", "--metrics", "uSDR", "--out", out, "--overwrite"]
    assert run("bounds", stems, *alone).status == 0
    assert not (out / "figures").exists()  # a single score


def test_figures_are_those_of_the_whole_folder(
    stems: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Figure, "savefig", lambda self, path, **how: Path(path).touch())
    out = tmp_path / "out"

    def draw(*metrics: str) -> set[str]:
        options = ["--metrics", ",".join(metrics)] if metrics else []
        assert run("bounds", stems, "--methods", "IRM2,MIX", "--out", out, *options).status == 0
        return {path.stem for path in (out / "figures").glob("*.png")}

    sdr, sir, sar = ({f"boxes-{name}", f"over-time-{name}"} for name in ("SDR", "SIR", "SAR"))
    assert draw("SIR") == sir
    assert draw("SDR") == sdr | sir
    # Of all metrics, only some are drawn; none of ours is left from before.
    (out / "figures" / "mine.pdf").touch()
    assert draw() == sdr
    assert draw("SAR") == sdr | sar
    assert (out / "figures" / "mine.pdf").exists()


def test_metrics_of_any_name_are_drawn(tmp_path: Path, run: Run) -> None:
    rows = scores_of("net", {"a": [1.0], "b": [2.0]}, metric="a/b: 50 %")
    folder = write_run(tmp_path / "run", rows)
    out = tmp_path / "out"
    assert run("compare", folder, "--metrics", "a/b: 50 %", "--out", out).status == 0
    names = {path.name for path in (out / "figures").glob("*.png")}
    assert names == {f"{name}-a%2Fb%3A 50 %25.png" for name in ("boxes", "over-time")}


@pytest.mark.parametrize("command", ["bounds", "compare"])
def test_without_matplotlib_all_else_is_written(
    command: str, stems: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    out = tmp_path / "out"
    if command == "bounds":
        status, text, err = run("bounds", stems, *options(out))
    else:
        folder = write_run(tmp_path / "run", scores_of("net", {"a": [1.0], "b": [2.0]}))
        status, text, err = run("compare", folder, "--out", out)
    assert status == 0
    assert text
    assert err == (
        "oracle: no figures: matplotlib must be installed for figures: pip install "
        "'oracle-masks[plots]' (in a clone: pip install '.[plots]')\n"
    )
    assert (out / {"bounds": "bounds.csv", "compare": "compare.tex"}[command]).exists()
    assert not (out / "figures").exists()


def test_a_method_called_figures_is_refused(stems: Path, tmp_path: Path, run: Run) -> None:
    outcome = run("score", stems, stems, "--name", "Figures", "--out", tmp_path / "out")
    assert outcome.status == 1
    assert "got 'Figures': choose another name" in " ".join(outcome.err.split())


@pytest.mark.slow
def test_a_comparison_is_drawn(tmp_path: Path, run: Run) -> None:
    net = {track: list(scores) for track, scores in NET.items()}
    mine = write_run(tmp_path / "mine", scores_of(HOSTILE, net))
    bounds = write_run(tmp_path / "bounds", scores_of("IRM2", IRM2) + scores_of("CEILING", CEILING))
    out = tmp_path / "out"
    assert run("compare", f"b={bounds}", mine, "sisec18", "--out", out).status == 0
    names = ("boxes", "over-time", "scatter", "distances")
    files = {f"{name}-SDR.{suffix}" for name in names for suffix in ("png", "pdf")}
    assert {path.name for path in (out / "figures").iterdir()} == {*files, "index.html"}
    index = (out / "figures" / "index.html").read_text("utf-8")
    assert "SDR: systems against b: IRM2" in index
    assert "SDR: distance to b: CEILING" in index
    assert "b: CEILING is black" in index
    assert "net$x$&lt;b&gt;_1&amp; is furthest below b: CEILING" in index
    assert "not known: IBM1, IBM2, IRM1, sisec18: IRM2, MWF-SISEC18, MIX." in index
    assert HOSTILE not in index


def test_published_tables_alone_have_no_figures(tmp_path: Path, run: Run) -> None:
    out = tmp_path / "out"
    assert run("compare", "sisec18", "--out", out).status == 0
    assert not (out / "figures").exists()


def test_scores_of_a_run_are_those_of_its_file(track: Track, tmp_path: Path) -> None:
    from oracle import compute_bounds
    from oracle.cli.figures import _find_track, _summarize

    results = compute_bounds(track, methods=["IRM2"], metrics=["SDR", "uSDR"])
    expected = over_windows(results.scores)
    pd.testing.assert_frame_equal(_summarize(results, ["SDR", "uSDR"]), expected)
    found = _find_track(results, track.subset, track.name)
    pd.testing.assert_frame_equal(found, results.scores)
