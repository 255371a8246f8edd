"""Figures of residuals: that what is drawn is the data, at its place, and what is refused."""

import builtins
import io
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache, partial
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
import pytest
from matplotlib.axes import Axes
from matplotlib.axes._secondary_axes import SecondaryAxis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection, PolyCollection, QuadMesh
from matplotlib.colors import to_hex, to_rgb, to_rgba
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.text import Text

from oracle.plots import (
    COLOURS,
    check_librosa,
    plot_coherence,
    plot_correlograms,
    plot_cross_spectra,
    plot_masks,
    plot_periodograms,
    plot_residual_over_phase,
    plot_smoothed_periodograms,
    plot_spectrograms,
    plot_waveforms,
)
from oracle.residuals import (
    Correlogram,
    FrequencySeries,
    autocorrelation,
    coherence,
    cross_spectra,
    periodogram,
    smooth,
)

pytestmark = [pytest.mark.slow, pytest.mark.figures]

RATE = 8000
HOP = 64
BINS = 129  # of windows of 256 samples
FRAMES = 20
SAMPLES = 12000
GRID: dict[str, Any] = {"rate": RATE, "hop_length": HOP}
NAMES = ("drums", "bass", "other", "vocals", "piano")

Array = npt.NDArray[Any]
Draw = Callable[..., Figure]


@cache
def noise(*shape: int, seed: int = 0) -> Array:
    values = np.random.default_rng(seed).standard_normal(shape)
    values.flags.writeable = False
    return values


def spectra_of(names: Iterable[str]) -> dict[str, Array]:
    return {name: noise(BINS, FRAMES, seed=seed) for seed, name in enumerate(names)}


def signals_of(names: Iterable[str]) -> dict[str, Array]:
    return {name: 0.1 * noise(SAMPLES, seed=seed) for seed, name in enumerate(names)}


def periodograms_of(names: Iterable[str]) -> dict[str, FrequencySeries]:
    # Of parts, which have fewer frequencies to draw.
    parts = {name: audio[:4000] for name, audio in signals_of(names).items()}
    return {name: periodogram(part, rate=RATE) for name, part in parts.items()}


def smoothed_of(names: Iterable[str]) -> dict[str, FrequencySeries]:
    return {name: smooth(x, n_bins=64) for name, x in periodograms_of(names).items()}


def spectrograms(names: Sequence[str], axes: Any = None, **options: Any) -> Figure:
    return plot_spectrograms(spectra_of(names), **GRID, axes=axes, **options)


def masks(names: Sequence[str], axes: Any = None, **options: Any) -> Figure:
    return plot_masks(spectra_of(names), **GRID, axes=axes, **options)


def phase(names: Sequence[str], axes: Any = None, **options: Any) -> Figure:
    spectra = spectra_of(names)
    return plot_residual_over_phase(spectra, spectra, **GRID, axes=axes, **options)


def waveforms(names: Sequence[str], axes: Any = None) -> Figure:
    return plot_waveforms(signals_of(names), rate=RATE, axes=axes)


def estimates(names: Sequence[str], axes: Any = None) -> Figure:
    halved = {name: audio / 2 for name, audio in signals_of(names).items()}
    return plot_waveforms(signals_of(names), halved, rate=RATE, axes=axes)


def coherences(names: Sequence[str], axes: Any = None) -> Figure:
    values = {
        name: coherence(audio, audio + noise(SAMPLES, seed=9), rate=RATE, n_fft=256)
        for name, audio in signals_of(names).items()
    }
    return plot_coherence(values, axes=axes)


def periodograms(names: Sequence[str], axes: Any = None) -> Figure:
    return plot_periodograms(periodograms_of(names), axes=axes)


def smoothed_periodograms(names: Sequence[str], axes: Any = None) -> Figure:
    return plot_smoothed_periodograms(smoothed_of(names), axes=axes)


def spectra_across(n_sources: int, n_fft: int = 256) -> FrequencySeries:
    return cross_spectra(related(n_sources), rate=RATE, n_fft=n_fft)


def related(n_sources: int) -> Array:
    """Signals of which each pair has another coherence."""
    mixing = np.eye(n_sources) + np.tri(n_sources, k=-1) / np.arange(2, n_sources + 2)
    return np.asarray(mixing @ noise(n_sources, SAMPLES))


def across(names: Sequence[str], axes: Any = None) -> Figure:
    return plot_cross_spectra(spectra_across(len(names)), names, axes=axes)


def across_and_smoothed(names: Sequence[str], axes: Any = None) -> Figure:
    spectra = spectra_across(len(names))
    return plot_cross_spectra(spectra, names, smoothed=smoothed_of(names), axes=axes)


def correlograms(names: Sequence[str], axes: Any = None) -> Figure:
    each = {name: autocorrelation(x, n_lags=10) for name, x in signals_of(names).items()}
    return plot_correlograms(each, axes=axes)


MINUS = "\N{MINUS SIGN}"
SMOOTHED = "smoothed power\n(0: lowest, 1: highest)"

# Each function, by what its axes are called.
LABELS: dict[Draw, tuple[str, str]] = {
    spectrograms: ("time (s)", "frequency (Hz)"),
    masks: ("time (s)", "frequency (Hz)"),
    phase: ("time (s)", "frequency (Hz)"),
    waveforms: ("time (s)", "amplitude"),
    estimates: ("time (s)", "amplitude"),
    coherences: ("frequency (Hz)", "coherence"),
    periodograms: ("frequency (Hz)", "power\n(dB re mean square 1)"),
    smoothed_periodograms: ("frequency (Hz)", SMOOTHED),
    across: ("frequency (Hz)", "coherence\nof residuals"),
    across_and_smoothed: ("frequency (Hz)", "coherence\nof residuals"),
    correlograms: ("lag (samples)", "autocorrelation"),
}
OVER_TIME_AND_FREQUENCY: tuple[Draw, ...] = (spectrograms, masks, phase)
# What the scales of colours and the legend of a new figure of two panels say.
SCALES: dict[Draw, list[str]] = {
    spectrograms: ["magnitude (dB re the loudest bin of all panels)"],
    masks: ["gain (dB re the mixture)"],
    phase: ["phase error (rad)", "residual (dB re the loudest bin of all panels)"],
}
LEGENDS: dict[Draw, list[str]] = {
    estimates: ["source", "estimate", "residual"],
    across: ["drums", "bass"],
    across_and_smoothed: ["drums", "bass", "own smoothed power"],
    correlograms: ["autocorrelation", "95 % confidence band"],
}

every_figure = pytest.mark.parametrize("draw", LABELS, ids=lambda draw: draw.__name__)
every_figure_over_time_and_frequency = pytest.mark.parametrize(
    "draw", OVER_TIME_AND_FREQUENCY, ids=lambda draw: draw.__name__
)


def panels_in(figure: Figure) -> list[Axes]:
    return [axes for axes in figure.axes if axes.get_label() != "<colorbar>"]


def scales_in(figure: Figure) -> list[Axes]:
    return [axes for axes in figure.axes if axes.get_label() == "<colorbar>"]


def meshes_in(panel: Axes) -> list[QuadMesh]:
    return [artist for artist in panel.collections if isinstance(artist, QuadMesh)]


def mesh_in(panel: Axes) -> QuadMesh:
    (mesh,) = meshes_in(panel)
    return mesh


def drawn_in(mesh: QuadMesh) -> Array:
    """What a mesh shows, NaN where it shows nothing."""
    values = mesh.get_array()
    assert values is not None
    return np.ma.filled(np.ma.asarray(values, np.float64), np.nan)


def fills_in(panel: Axes) -> list[PolyCollection]:
    return [artist for artist in panel.collections if isinstance(artist, PolyCollection)]


def shown_in(mesh: QuadMesh) -> Array:
    """What a mesh shows, NaN where it is transparent."""
    values = drawn_in(mesh)
    opaque = np.asarray(mesh.to_rgba(np.ma.masked_invalid(values)))[..., 3] > 0
    return np.where(opaque, values, np.nan)


def colour_of(colours: Any) -> tuple[str, float]:
    """The one colour of a collection, and its opacity."""
    ((red, green, blue, alpha),) = np.asarray(colours, np.float64).reshape(-1, 4)
    return to_hex((red, green, blue)).upper(), alpha


def outline_of(fill: PolyCollection) -> Array:
    (path,) = fill.get_paths()
    return np.asarray(path.vertices)


def legend_of(figure: Figure) -> dict[str, tuple[str, Any]]:
    """The colour and style of line of each entry."""
    (legend,) = figure.legends
    names = [text.get_text() for text in legend.get_texts()]
    styles = [
        (to_hex(line.get_color()).upper(), line.get_linestyle()) for line in legend.get_lines()
    ]
    return dict(zip(names, styles, strict=True))


def subplot() -> Axes:
    return Figure().add_subplot()


def luminance(colours: Array) -> Array:
    return np.asarray(colours)[..., :3] @ (0.2126, 0.7152, 0.0722)


def saved(figure: Figure, kind: str) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format=kind, dpi=50)
    return file.getvalue()


def coverage_of(colour: str, figure: Figure) -> Array:
    """How much of each pixel is of a colour, 0 to 1, on white."""
    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    ink = 1 - np.asarray(canvas.buffer_rgba())[..., :3] / 255
    direction = 1 - np.array(to_rgb(colour))
    coverage = ink @ direction / (direction @ direction)
    of_another = np.abs(ink - coverage[..., np.newaxis] * direction).max(axis=-1) > 0.05
    return np.where(of_another, 0, coverage)


def ticks_along(axis: Any) -> list[str]:
    """The labels of the ticks within the limits, of a figure that has been laid out."""
    low, high = axis.get_view_interval()
    ticks = [tick for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
    return [tick.label1.get_text() for tick in ticks if tick.label1.get_visible()]


def texts_in(figure: Figure) -> list[Text]:
    figure.draw_without_rendering()
    texts = [text for text in figure.findobj(Text) if isinstance(text, Text)]
    return [text for text in texts if text.get_visible() and text.get_text().strip()]


# Panels of all figures


@every_figure
def test_panels_have_their_places_titles_and_labels(draw: Draw) -> None:
    figure = draw(NAMES)
    panels = panels_in(figure)
    assert [panel.get_title() for panel in panels] == list(NAMES)
    assert all(panel.has_data() for panel in panels)
    first = panels[0]
    for place, panel in enumerate(panels):
        spec = panel.get_subplotspec()
        assert spec is not None
        assert spec.get_gridspec().get_geometry() == (3, 2)
        assert (spec.rowspan.start, spec.colspan.start) == divmod(place, 2)
        assert first.get_shared_x_axes().joined(first, panel)
        assert first.get_shared_y_axes().joined(first, panel)
    # At the left, and where there is none below, they name their axes.
    xlabel, ylabel = LABELS[draw]
    assert [panel.get_xlabel() for panel in panels] == ["", "", "", xlabel, xlabel]
    assert [panel.get_ylabel() for panel in panels] == [ylabel, "", ylabel, "", ylabel]
    shown = [panel.xaxis.get_tick_params()["labelbottom"] for panel in panels]
    assert shown == [False, False, False, True, True]
    shown = [panel.yaxis.get_tick_params()["labelleft"] for panel in panels]
    assert shown == [True, False, True, False, True]
    assert len(figure.axes) == len(panels) + len(SCALES.get(draw, []))
    named = [scale.get_xlabel() for scale in scales_in(figure)]
    assert named == SCALES.get(draw, [])


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_there_are_two_panels_in_a_row_of_the_width_of_a_column(count: int) -> None:
    figure = waveforms(NAMES[:count])
    rows = -(-count // 2)
    panels = panels_in(figure)
    assert [panel.get_title() for panel in panels] == list(NAMES[:count])
    spec = panels[-1].get_subplotspec()
    assert spec is not None
    assert spec.get_gridspec().get_geometry() == (rows, min(count, 2))
    lowest = min(count, 2)
    assert [p.get_xlabel() for p in panels] == [""] * (count - lowest) + ["time (s)"] * lowest
    # As wide as a column of a paper, and one panel as wide as two, for its legend.
    assert figure.get_figwidth() == 3.5
    assert figure.get_figheight() == pytest.approx(1.6 * rows + 0.3)


@pytest.mark.parametrize("draw", LEGENDS, ids=lambda draw: draw.__name__)
def test_a_legend_explains_what_is_drawn(draw: Draw) -> None:
    assert list(legend_of(draw(NAMES[:2]))) == LEGENDS[draw]


@pytest.mark.parametrize(
    ("draw", "count"),
    # One panel alone may be too narrow for what lies beside or below it.
    [*((draw, 3) for draw in LABELS), *((draw, 1) for draw in LABELS if draw in SCALES | LEGENDS)],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_everything_has_its_place_and_size_whatever_those_of_other_figures(
    draw: Draw, count: int
) -> None:
    with mpl.rc_context({"font.size": 20}):
        figure = draw(NAMES[:count])
        texts = texts_in(figure)
    panels = panels_in(figure)
    assert figure.legends if draw in LEGENDS else not figure.legends
    # No text is smaller than 6 points, and no title as large as 10.
    titles = [panel.title for panel in panels]
    assert all(title in texts for title in titles)
    assert len(texts) > 3 + 2 * count
    assert {text.get_fontsize() for text in texts if text not in titles} == {7}
    assert [title.get_fontsize() for title in titles] == pytest.approx([8.4] * count)
    # Nothing is cut off, and no two overlap.
    boxes = [axes.get_tightbbox() for axes in figure.axes]
    boxes += [legend.get_window_extent() for legend in figure.legends]
    for box in boxes:
        assert box is not None
        assert min(box.x0, box.y0) >= -0.5
        assert box.x1 <= figure.bbox.x1 + 0.5
        assert box.y1 <= figure.bbox.y1 + 0.5
    for one, other in itertools.combinations(boxes, 2):
        assert one is not None
        assert other is not None
        assert not one.overlaps(other)
    # A scale of colours is as long as all panels, and below them.
    places = [panel.get_position() for panel in panels]
    for place in (scale.get_position() for scale in scales_in(figure)):
        assert place.x0 == pytest.approx(min(p.x0 for p in places))
        assert place.x1 == pytest.approx(max(p.x1 for p in places))
    if count == 3:  # the second lies above a gap
        first, above_the_gap, last = (ticks_along(panel.xaxis) for panel in panels)
        assert above_the_gap == last != first == []


@every_figure
def test_a_figure_is_saved_as_png_and_pdf_whatever_its_names(draw: Draw) -> None:
    names = ["$HOME", "$a_$", "100%_"]
    figure = draw(names)
    for panel, name in zip(panels_in(figure), names, strict=True):
        assert panel.get_title() == name.replace("$", r"\$")
    for kind, magic in (("png", b"\x89PNG"), ("pdf", b"%PDF")):
        written = saved(figure, kind)
        assert written.startswith(magic)
        assert len(written) > 4000


def test_a_name_in_a_legend_is_plain_text() -> None:
    texts = across(["$a_$", "$x$"]).legends[0].get_texts()
    assert [text.get_text() for text in texts] == [r"\$a_\$", r"\$x\$"]
    series = {"a": autocorrelation(noise(800), n_lags=5)}
    figure = plot_correlograms(series, label="of $5")
    assert figure.legends[0].get_texts()[0].get_text() == r"of \$5"


def test_settings_of_matplotlib_are_left_as_they_are() -> None:
    import matplotlib.pyplot as plt

    before = dict(mpl.rcParams)
    for draw in LABELS:
        draw(NAMES[:2])
    assert dict(mpl.rcParams) == before
    # Nor are the figures of pyplot's.
    assert plt.get_fignums() == []


@pytest.mark.parametrize("draw", SCALES, ids=lambda draw: draw.__name__)
@pytest.mark.parametrize("count", range(1, 9))
def test_scales_of_colours_are_legible_below_any_number_of_panels(draw: Draw, count: int) -> None:
    figure = draw([f"source {place}" for place in range(count)])
    figure.draw_without_rendering()
    around = [panel.get_tightbbox() for panel in panels_in(figure)]
    lowest = min(box.y0 for box in around if box is not None)
    for scale in reversed(scales_in(figure)):  # the last is the highest
        bar, label = scale.get_window_extent(), scale.xaxis.label.get_window_extent()
        # In inches, of which a column of a paper has 3.5.
        assert bar.width / figure.dpi > 2.5
        assert 0.06 < bar.height / figure.dpi < 0.15
        assert bar.y1 < lowest
        ticks = [tick.label1.get_window_extent() for tick in scale.xaxis.get_major_ticks()]
        within = [tick for tick in ticks if bar.x0 - 1 <= (tick.x0 + tick.x1) / 2 <= bar.x1 + 1]
        assert len(within) >= 3
        for one, other in itertools.pairwise(within):
            assert one.x1 < other.x0
        assert label.x0 >= 0
        assert label.x1 <= figure.bbox.x1
        assert label.y1 <= min(tick.y0 for tick in within)
        lowest = label.y0
    assert lowest >= 0
    assert min(panel.get_window_extent().height for panel in panels_in(figure)) > 0.8 * figure.dpi


# Axes of one's own


@every_figure
def test_given_axes_are_drawn_on_and_nothing_is_added(draw: Draw) -> None:
    figure = Figure()
    axes = figure.subplots(1, 4)
    assert draw(NAMES[:3], list(axes)) is figure
    assert [panel.get_title() for panel in axes] == [*NAMES[:3], ""]
    assert [panel.has_data() for panel in axes] == [True, True, True, False]
    assert figure.axes == list(axes)
    assert not figure.findobj(Legend)
    # They share none, so that each says what it shows.
    for panel in axes[:3]:
        assert (panel.get_xlabel(), panel.get_ylabel()) == LABELS[draw]


@pytest.mark.parametrize("shape", [(), (2, 1), (2, 2)])
def test_axes_are_given_alone_or_in_an_array(shape: tuple[int, ...]) -> None:
    figure = Figure()
    axes = figure.subplots(*shape)
    waveforms(["bass"], axes)
    drawn = [panel.get_title() for panel in figure.axes]
    assert drawn == ["bass", *[""] * (len(figure.axes) - 1)]


@pytest.mark.parametrize("draw", [spectrograms, waveforms, coherences])
def test_given_axes_name_themselves_where_their_ticks_have_labels(draw: Draw) -> None:
    figure = Figure()
    first = figure.add_subplot(2, 2, 1)
    # Shared, but with labels of their own; and not shared, but without.
    second = figure.add_subplot(2, 2, 2, sharex=first, sharey=first)
    third = figure.add_subplot(2, 2, 3)
    third.tick_params(labelbottom=False)
    fourth = figure.add_subplot(2, 2, 4)
    fourth.tick_params(labelleft=False)
    draw(NAMES[:4], figure.axes)
    xlabel, ylabel = LABELS[draw]
    assert [panel.get_xlabel() for panel in (first, second)] == [xlabel, xlabel]
    assert [panel.get_ylabel() for panel in (first, second)] == [ylabel, ylabel]
    assert (third.get_xlabel(), third.get_ylabel()) == ("", ylabel)
    assert (fourth.get_xlabel(), fourth.get_ylabel()) == (xlabel, "")


def test_titles_of_given_axes_keep_their_font() -> None:
    axes = Figure().add_subplot()
    axes.set_title("", fontsize=17, color="red")
    with mpl.rc_context({"font.size": 5}):
        waveforms(["a"], axes)
    assert (axes.title.get_fontsize(), axes.title.get_color()) == (17, "red")


# Over time and frequency


@every_figure_over_time_and_frequency
def test_bins_lie_at_their_frequencies_and_times(draw: Draw) -> None:
    frequencies = np.arange(BINS) * RATE / (2 * (BINS - 1))
    times = np.arange(FRAMES) * HOP / RATE
    for panel in panels_in(draw(NAMES[:3])):
        assert meshes_in(panel)
        for mesh in meshes_in(panel):
            corners = np.asarray(mesh.get_coordinates())
            assert corners.shape == (BINS + 1, FRAMES + 1, 2)
            middles = (corners[1:, 1:] + corners[:-1, :-1]) / 2
            for place in range(FRAMES):
                np.testing.assert_allclose(middles[:, place, 1], frequencies)
            for place in range(BINS):
                np.testing.assert_allclose(middles[place, :, 0], times, atol=1e-12)
            assert mesh.get_rasterized()  # or a PDF would hold every bin
        assert panel.get_ylim()[1] == pytest.approx(frequencies[-1], rel=0.01)
        assert panel.get_xlim() == pytest.approx((-HOP / RATE / 2, times[-1] + HOP / RATE / 2))


def test_frequency_is_logarithmic_with_ticks_two_octaves_apart() -> None:
    figure = spectrograms(NAMES[:2])
    figure.draw_without_rendering()
    first, second = panels_in(figure)
    assert first.get_yscale() == second.get_yscale() == "symlog"
    places = first.transData.transform([(0, f) for f in (250, 1000, 4000)])[:, 1]
    assert places[1] - places[0] == pytest.approx(places[2] - places[1])
    assert list(first.get_yticks()) == [62.5, 250, 1000]
    assert [tick.get_text() for tick in first.get_yticklabels()] == ["62.5", "250", "1k"]


def test_ticks_lie_below_half_the_rate() -> None:
    for rate, count in ((44100, 5), (32002, 5), (32000, 4), (500, 1)):
        (panel,) = panels_in(plot_spectrograms(spectra_of("a"), rate=rate, hop_length=HOP))
        assert list(panel.get_yticks()) == [62.5, 250, 1000, 4000, 16000][:count]


def test_times_are_few_and_plain_numbers_of_seconds() -> None:
    for seconds in (0.15, 13, 150):
        hop = round(seconds * RATE / FRAMES)
        for figure in (
            plot_spectrograms(spectra_of("a"), rate=RATE, hop_length=hop),
            plot_waveforms({"a": noise(13000)}, rate=round(13000 / seconds)),
        ):
            figure.draw_without_rendering()
            (panel,) = panels_in(figure)
            low, high = panel.get_xlim()
            ticks = [tick for tick in panel.get_xticks() if low <= tick <= high]
            assert 2 <= len(ticks) <= 5
            assert seconds != 13 or ticks == [0, 4, 8, 12]
            labels = [float(label) for label in ticks_along(panel.xaxis)]
            assert labels == pytest.approx(ticks)


def test_the_smallest_spectra_are_drawn() -> None:
    one = {"a": np.ones((2, 1))}
    for figure in (
        plot_spectrograms(one, **GRID),
        plot_masks(one, **GRID),
        plot_residual_over_phase(one, one, **GRID),
    ):
        assert all(drawn_in(mesh).shape == (2, 1) for mesh in meshes_in(panels_in(figure)[0]))
        saved(figure, "png")


# Spectrograms


def test_a_spectrogram_shows_levels_below_the_loudest_of_all_panels() -> None:
    spectra = {
        "a": np.array([[1.0, -10.0], [0.0, 1e-3], [1e-2, 1e-9]]),
        "b": np.array([[100j, 1.0], [10 + 0j, 1e-2], [1e-6j, 3 + 4j]]),
    }
    figure = plot_spectrograms(spectra, **GRID)
    first, second = (mesh_in(panel) for panel in panels_in(figure))
    np.testing.assert_allclose(drawn_in(first), [[-40, -20], [-80, -80], [-80, -80]])
    level = 20 * np.log10(5 / 100)
    np.testing.assert_allclose(drawn_in(second), [[0, -40], [-20, -80], [-80, level]], atol=1e-12)
    assert first.get_clim() == second.get_clim() == (-80, 0)


def test_a_spectrogram_shows_levels_below_the_reference_down_to_the_span() -> None:
    spectra = {"a": np.array([[1.0, 0.5], [1e-2, 1e-4]]), "b": np.full((2, 2), 4.0)}
    figure = plot_spectrograms(spectra, **GRID, reference=2, span=60)
    first, second = (mesh_in(panel) for panel in panels_in(figure))
    expected = 20 * np.log10([[0.5, 0.25], [0.005, 0.001]])
    np.testing.assert_allclose(drawn_in(first), expected)
    # What is louder has the colour of the reference.
    np.testing.assert_array_equal(
        second.to_rgba(drawn_in(second)), second.to_rgba(np.zeros((2, 2)))
    )
    assert first.get_clim() == second.get_clim() == (-60, 0)
    (scale,) = scales_in(figure)
    assert scale.get_xlim() == (-60, 0)
    assert scale.get_xlabel() == "magnitude (dB re 2)"


def test_colours_of_a_spectrogram_grow_lighter_with_the_level() -> None:
    mesh = mesh_in(panels_in(spectrograms(["a"]))[0])
    assert mesh.get_cmap().name == "magma"
    assert (np.diff(luminance(np.asarray(mesh.to_rgba(np.linspace(-80, 0, 20))))) > 0).all()


def test_a_scale_says_what_0_db_is_or_what_it_is_told() -> None:
    spectra = {"a": np.ones((2, 2))}
    labels = [
        scales_in(plot_spectrograms(spectra, **GRID, **options))[0].get_xlabel()
        for options in ({}, {"reference": 96.33}, {"label": "$5", "reference": 1})
    ]
    assert labels == [
        "magnitude (dB re the loudest bin of all panels)",
        "magnitude (dB re 96.3)",
        r"\$5",
    ]
    residual, error = {"a": np.ones((2, 2))}, {"a": np.zeros((2, 2))}
    figure = plot_residual_over_phase(residual, error, **GRID, label="STFT residual")
    expected = "STFT residual (dB re the loudest bin of all panels)"
    assert [scale.get_xlabel() for scale in scales_in(figure)] == ["phase error (rad)", expected]


# Masks


def test_a_mask_shows_its_gain() -> None:
    gains = {
        "a": np.array([[1.0, 0.1], [0.0, 1e-2], [1e-3, 0.5]]),
        "b": np.array([[-1.0, 2.0], [0.1j, 1000.0], [1, 1]]),
    }
    figure = plot_masks(gains, **GRID)
    first, second = (mesh_in(panel) for panel in panels_in(figure))
    half = 20 * np.log10(2)
    np.testing.assert_allclose(drawn_in(first), [[0, -20], [-40, -40], [-40, -half]], atol=1e-12)
    np.testing.assert_allclose(drawn_in(second), [[0, half], [-20, 60], [0, 0]], atol=1e-12)
    assert first.get_clim() == second.get_clim() == (-40, 40)


def test_of_masks_0_db_is_white_weaker_red_and_stronger_blue() -> None:
    mesh = mesh_in(panels_in(masks(["a"], span=30))[0])
    assert mesh.get_clim() == (-30, 30)
    weak, unity, strong = np.asarray(mesh.to_rgba(np.array([-30.0, 0.0, 30.0])))
    assert min(unity[:3]) > 0.95
    assert weak[0] > weak[2]
    assert strong[0] < strong[2]
    lights = luminance(np.asarray(mesh.to_rgba(np.linspace(-30, 30, 21))))
    assert (np.diff(lights[:11]) > 0).all()
    assert (np.diff(lights[10:]) < 0).all()


def test_the_scale_of_masks_ends_at_0_db_if_none_exceeds_it() -> None:
    for loudest, top in ((1.0, 0), (-1.0, 0), (1.01, 25), (-2.0, 25), (2j, 25)):
        gains = {"a": np.full((3, 2), loudest), "b": np.full((3, 2), 0.1)}
        for each in (gains, dict(reversed(gains.items()))):
            (scale,) = scales_in(plot_masks(each, **GRID, span=25))
            assert scale.get_xlim() == (-25, top)


# Residuals over phase errors


def test_behind_lies_the_magnitude_of_the_phase_error_and_nan_is_none() -> None:
    errors = {"a": np.array([[0.5, -3.0], [np.nan, np.pi]]), "b": np.array([[0, 1], [2, -2.0]])}
    residual = {name: np.ones((2, 2)) for name in errors}
    figure = plot_residual_over_phase(residual, errors, **GRID)
    behind = [meshes_in(panel)[0] for panel in panels_in(figure)]
    np.testing.assert_array_equal(drawn_in(behind[0]), [[0.5, 3], [0, np.pi]])
    np.testing.assert_array_equal(drawn_in(behind[1]), [[0, 1], [2, 2]])
    for mesh in behind:
        assert mesh.get_clim() == (0, 2 * np.pi)
        colours = np.asarray(mesh.to_rgba(np.linspace(0, np.pi, 20)))
        assert tuple(colours[0]) == to_rgba("white")
        # Grey, darker with the error, and light enough for colours to stand out from.
        np.testing.assert_allclose(colours[:, 0], colours[:, 1], atol=0.01)
        np.testing.assert_allclose(colours[:, 0], colours[:, 2], atol=0.01)
        assert (np.diff(luminance(colours)) < 0).all()
        assert luminance(colours[-1]) > 0.5


def test_on_top_lies_the_residual_where_it_is_loud() -> None:
    residuals = {
        "a": np.array([[1.0, -0.1], [0.0, 0.009], [0.01, 0.02]]),
        "b": np.array([[-0.1, 0.5j], [1e-9, 0.001], [0.1, 0.1]]),
    }
    errors = {name: np.ones((3, 2)) for name in residuals}
    figure = plot_residual_over_phase(residuals, errors, **GRID)
    nan, half, fiftieth = np.nan, 20 * np.log10(0.5), 20 * np.log10(0.02)
    expected: Any = [[[0, -20], [nan, nan], [-40, fiftieth]], [[-20, half], [nan, nan], [-20, -20]]]
    for panel, levels in zip(panels_in(figure), expected, strict=True):
        behind, on_top = meshes_in(panel)
        assert behind.get_zorder() <= on_top.get_zorder()
        np.testing.assert_allclose(shown_in(on_top), levels)
        # Nothing is left out: what is too weak is seen through.
        assert (drawn_in(on_top)[np.isnan(levels)] < -40).all()
        assert on_top.get_clim() == (-40, 0)
        assert on_top.get_visible()
        colours = np.asarray(on_top.to_rgba(np.linspace(-40, 0, 20)))
        assert (np.diff(luminance(colours)) < 0).all()
        assert colours[-1, 0] > 2 * colours[-1, 1]


def test_of_the_residual_the_colours_are_strong_and_below_the_span_there_are_none() -> None:
    span = 15
    figure = phase(["a"], span=span)
    behind, on_top = meshes_in(panels_in(figure)[0])
    assert on_top.get_clim() == scales_in(figure)[1].get_xlim() == (-span, 0)
    levels = np.array([-2 * span, -span - 0.01, -span, -span / 2, 0])
    colours = np.asarray(on_top.to_rgba(levels))
    np.testing.assert_array_equal(colours[:2], 0)
    # Without the palest third of the colours, which would be lost on white.
    expected = mpl.colormaps["YlOrRd"](np.array([0.3, 0.65, 1]))
    np.testing.assert_allclose(colours[2:], expected, atol=0.02)
    assert luminance(colours[2]) < 0.85
    # It is not a colour of matplotlib's that was changed.
    assert mpl.colormaps["YlOrRd"].get_under()[3] == 1
    assert np.asarray(behind.to_rgba(np.array([-1.0])))[0, 3] == 1


def test_the_residual_may_be_hidden_from_the_phase_error() -> None:
    figure = phase(NAMES[:3], show_residual=False)
    for panel in panels_in(figure):
        assert [mesh.get_visible() for mesh in meshes_in(panel)] == [True, False]
    assert len(scales_in(figure)) == 2


def test_the_scale_of_phase_errors_ends_at_pi() -> None:
    figure = phase(NAMES[:2])
    figure.draw_without_rendering()
    error, residual = scales_in(figure)
    assert error.get_xlim() == (0, np.pi)
    assert list(error.get_xticks()) == [0, np.pi / 2, np.pi]
    assert [tick.get_text() for tick in error.get_xticklabels()] == ["0", "π/2", "π"]
    assert residual.get_xlim() == (-40, 0)
    lowest = min(panel.get_position().y0 for panel in panels_in(figure))
    assert error.get_position().y1 < residual.get_position().y0 < lowest


def test_phase_errors_are_found_by_name_in_any_order() -> None:
    residuals = spectra_of(NAMES[:3])
    errors = {name: np.full((BINS, FRAMES), place) for place, name in enumerate(NAMES[2::-1])}
    figure = plot_residual_over_phase(residuals, errors, **GRID)
    shown = [drawn_in(meshes_in(panel)[0])[0, 0] for panel in panels_in(figure)]
    assert shown == [2, 1, 0]


def test_what_is_drawn_is_left_as_it_is() -> None:
    spectra = {"a": np.array([[1.0, -1e-9], [0, 2]]), "b": np.array([[1j, 0], [0, 0]])}
    errors = {"a": np.array([[np.nan, 1], [-1, 0]]), "b": np.zeros((2, 2))}
    before = {name: x.copy() for name, x in spectra.items()}
    errors_before = {name: x.copy() for name, x in errors.items()}
    plot_spectrograms(spectra, **GRID)
    plot_masks(spectra, **GRID)
    plot_residual_over_phase(spectra, errors, **GRID)
    for name in spectra:
        np.testing.assert_array_equal(spectra[name], before[name])
        np.testing.assert_array_equal(errors[name], errors_before[name])


# Waveforms


def test_a_waveform_is_an_envelope_that_reaches_the_peaks() -> None:
    audio = 0.01 * noise(40000)
    audio[12000], audio[30001] = 0.5, -0.8  # at 1.5 s and 3.75 s
    figure = plot_waveforms({"a": audio, "b": -audio / 2}, rate=RATE)
    for panel, factor in zip(panels_in(figure), (1, 0.5), strict=True):
        (fill,) = fills_in(panel)
        outline = outline_of(fill)
        assert outline[:, 1].max() == pytest.approx(0.8 * factor)
        assert outline[:, 1].min() == pytest.approx(-0.8 * factor)
        assert outline[outline[:, 1].argmax(), 0] == pytest.approx(3.75, abs=0.001)
        early = outline[outline[:, 0] < 3]
        assert early[:, 1].max() == pytest.approx(0.5 * factor)
        assert early[early[:, 1].argmax(), 0] == pytest.approx(1.5, abs=0.001)
        assert fill.get_visible()
        assert fill.get_rasterized()
        # Thin, as the line adds to what it surrounds.
        assert list(np.ravel(fill.get_linewidth())) == [0.3]
        assert colour_of(fill.get_facecolor()) == (COLOURS[0], 1)
        assert panel.get_xlim() == (0, 5)
        low, high = panel.get_ylim()
        assert low < -0.8
        assert high > 0.8


def drawn_rows(panel: Axes) -> list[tuple[float, float]]:
    """The lowest and the highest value of each envelope, in the coordinates of the panel."""
    inverse = panel.transData.inverted()
    rows = [
        inverse.transform(fill.get_transform().transform(outline_of(fill)))[:, 1]
        for fill in fills_in(panel)
    ]
    return [(row.min(), row.max()) for row in rows]


@pytest.mark.parametrize("gain", [0.0, 0.75, -3.0])
def test_source_estimate_and_residual_lie_below_each_other(gain: float) -> None:
    sources = signals_of(NAMES[:2])
    sources["bass"] = 0.1 * sources["bass"]
    figure = plot_waveforms(sources, {n: gain * x for n, x in sources.items()}, rate=RATE)
    figure.draw_without_rendering()
    peak = np.abs(sources["drums"]).max() * max(1, abs(gain), abs(gain - 1))
    for panel in panels_in(figure):
        rows = drawn_rows(panel)
        for (low, _), (_, high) in itertools.pairwise(rows):
            assert low > high  # nothing covers anything
        low, high = panel.get_ylim()
        assert low < rows[-1][0]
        assert rows[0][1] < high
        # Each row has its zero in its middle, and the same scale.
        ticks, labels = panel.get_yticks(), ticks_along(panel.yaxis)
        zeros = ticks[1::3]
        np.testing.assert_allclose(zeros, [np.mean(row) for row in rows], atol=1e-9)
        np.testing.assert_allclose(np.diff(zeros), -2.1 * peak)
        if panel is panels_in(figure)[0]:
            marks = [float(label.replace(MINUS, "-")) for label in labels]
            np.testing.assert_allclose(ticks - np.repeat(zeros, 3), marks, atol=1e-9)
            assert 0.3 * peak < marks[-1] <= 0.8 * peak
            assert labels == [f"{MINUS}{marks[-1]:g}", "0", f"{marks[-1]:g}"] * 3


def test_a_source_its_estimate_and_its_residual_have_each_a_colour() -> None:
    sources = signals_of(NAMES[:2])
    spoilt = {name: 0.75 * sources[name] for name in reversed(sources)}
    figure = plot_waveforms(sources, spoilt, rate=RATE)
    for panel, audio in zip(panels_in(figure), sources.values(), strict=True):
        fills = fills_in(panel)
        peaks = [outline_of(fill)[:, 1].max() for fill in fills]
        assert peaks == pytest.approx(np.abs(audio).max() * np.array([1, 0.75, 0.25]))
        colours = [colour_of(fill.get_facecolor()) for fill in fills]
        assert colours == [("#808080", 1), (COLOURS[0], 1), (COLOURS[4], 1)]
        assert len({fill.get_zorder() for fill in fills}) == 1
        assert all(fill.get_visible() and fill.get_rasterized() for fill in fills)
        assert panel.get_xlim() == (0, SAMPLES / RATE)
    legend = legend_of(figure)
    assert [colour for colour, _ in legend.values()] == ["#808080", COLOURS[0], COLOURS[4]]


@pytest.mark.parametrize("n_samples", [2, 11025, 11026])
def test_a_short_waveform_is_visible(n_samples: int) -> None:
    audio = noise(n_samples)
    figure = plot_waveforms({"a": audio}, rate=RATE)
    (panel,) = panels_in(figure)
    (fill,) = fills_in(panel)
    (line,) = panel.get_lines()
    assert (fill.get_visible(), line.get_visible()) in {(True, False), (False, True)}
    assert line.get_color() == COLOURS[0]
    assert (line.get_linewidth(), line.get_rasterized()) == (0.3, True)
    if line.get_visible():
        x, y = np.asarray(line.get_xdata()), np.asarray(line.get_ydata())
        np.testing.assert_allclose(x, np.arange(len(x)) / RATE)
        np.testing.assert_array_equal(y[:n_samples], audio[: len(y)])
        assert len(y) >= n_samples - 1
    assert panel.get_xlim() == (0, n_samples / RATE)
    coverage = coverage_of(COLOURS[0], figure)
    assert (coverage > 0.15).sum() > 50
    assert coverage.sum() > 20


@pytest.mark.parametrize("lengths", [(11500, 12000), (12000, 100, 3)])
def test_signals_of_several_lengths_are_shown_to_their_ends(lengths: tuple[int, ...]) -> None:
    signals = dict(zip(NAMES, (noise(length) for length in lengths), strict=False))
    halved = {name: audio / 2 for name, audio in signals.items()}
    for figure in (
        plot_waveforms(signals, rate=RATE),
        plot_waveforms(signals, halved, rate=RATE),
        plot_waveforms(signals, rate=RATE, axes=Figure().subplots(1, len(lengths))),
    ):
        assert [panel.get_xlim() for panel in panels_in(figure)] == [(0, 12000 / RATE)] * len(
            lengths
        )
        for panel, audio in zip(panels_in(figure), signals.values(), strict=True):
            fill, line = fills_in(panel)[0], panel.get_lines()[0]
            assert fill.get_visible() != line.get_visible()
            if fill.get_visible():
                outline = outline_of(fill)
                assert outline[:, 1].max() == pytest.approx(np.abs(audio).max())
            else:
                outline = np.asarray(line.get_xydata())
                np.testing.assert_array_equal(outline[:, 1], audio)
            assert outline[:, 0].max() == pytest.approx(len(audio) / RATE, abs=2e-3)


def test_signals_may_be_of_integers_and_of_single_precision() -> None:
    audio: Array = np.zeros(SAMPLES, np.int16)
    audio[8000] = 30000
    estimate = np.full(SAMPLES, -30000, np.float32)
    figure = plot_waveforms({"a": audio}, {"a": estimate}, rate=RATE)
    peaks = [outline_of(fill)[:, 1].max() for fill in fills_in(panels_in(figure)[0])]
    assert peaks == [30000, 30000, 60000]


# Over frequency


@pytest.mark.parametrize("draw", [coherences, periodograms, smoothed_periodograms, across])
def test_frequency_ranges_from_20_hz_to_the_last_of_the_series_in_octaves(draw: Draw) -> None:
    # A smoothed periodogram ends at the middle of its last band.
    last = smoothed_of("a")["a"].frequencies[-1] if draw is smoothed_periodograms else RATE / 2
    assert RATE / 2 - 64 < last <= RATE / 2
    for panel in panels_in(draw(NAMES[:3])):
        assert panel.get_xscale() == "log"
        assert panel.get_xlim() == (20, last)


def test_ticks_over_frequency_are_plain_numbers() -> None:
    figure = plot_coherence({"a": FrequencySeries(np.linspace(0, 22050, 65), np.full(65, 0.5))})
    figure.draw_without_rendering()
    assert ticks_along(panels_in(figure)[0].xaxis) == ["100", "1k", "10k"]


def test_coherence_is_drawn_over_frequency() -> None:
    series = {
        "a": FrequencySeries(np.array([0.0, 100, 4000]), np.array([0.5, 0, 1])),
        "b": FrequencySeries(np.array([0.0, 200, 4000]), np.array([0.25, np.nan, 1])),
    }
    figure = plot_coherence(series)
    for panel, (frequencies, values) in zip(panels_in(figure), series.values(), strict=True):
        (line,) = panel.get_lines()
        np.testing.assert_array_equal(np.asarray(line.get_xdata()), frequencies)
        np.testing.assert_array_equal(np.asarray(line.get_ydata()), values)
        assert line.get_color() == COLOURS[0]
        assert panel.get_ylim() == (0, 1.02)


def test_coherence_is_called_what_it_is_told() -> None:
    figure = plot_coherence({"a": ONE_SERIES}, label="coherence of $x")
    assert panels_in(figure)[0].get_ylabel() == r"coherence of \$x"


def test_periodograms_are_drawn_in_db_below_the_largest_power() -> None:
    frequencies = np.array([0.0, 1000, 4000])
    series = {
        "a": FrequencySeries(frequencies, np.array([1, 0.1, 0])),
        "b": FrequencySeries(frequencies, np.array([100, 1e-9, 1e-11])),
    }
    for figure, floor in (
        (plot_periodograms(series), -100.0),
        (plot_periodograms(series, span=60), -40.0),
    ):
        levels = np.array([[0, -10, floor], [20, max(-90, floor), max(-110, floor)]])
        for panel, expected in zip(panels_in(figure), levels, strict=True):
            (line,) = panel.get_lines()
            np.testing.assert_array_equal(np.asarray(line.get_xdata()), frequencies)
            np.testing.assert_allclose(np.asarray(line.get_ydata()), expected)
            assert line.get_color() == COLOURS[0]
            assert panel.get_ylim() == (floor, 20)
            assert line.get_rasterized()


def test_periodograms_of_silence_and_sound_share_the_scale_of_the_sound() -> None:
    frequencies = np.array([0.0, 1000, 4000])
    series = {
        "silent": FrequencySeries(frequencies, np.zeros(3)),
        "loud": FrequencySeries(frequencies, np.array([0, 0.01, 1e-5])),
    }
    silent, loud = panels_in(plot_periodograms(series, span=30))
    assert silent.get_ylim() == loud.get_ylim() == (-50, -20)
    np.testing.assert_allclose(np.asarray(silent.get_lines()[0].get_ydata()), [-50] * 3)
    np.testing.assert_allclose(np.asarray(loud.get_lines()[0].get_ydata()), [-50, -20, -50])


def test_smoothed_periodograms_are_drawn_as_they_are_from_0_to_1() -> None:
    names = NAMES[:3]
    smoothed = smoothed_of(names)
    figure = plot_smoothed_periodograms(smoothed)
    for panel, name in zip(panels_in(figure), names, strict=True):
        (line,) = panel.get_lines()
        np.testing.assert_array_equal(np.asarray(line.get_xdata()), smoothed[name].frequencies)
        np.testing.assert_array_equal(np.asarray(line.get_ydata()), smoothed[name].values)
        assert np.max(np.asarray(line.get_ydata())) == 1
        assert line.get_transform() == panel.transData
        assert (line.get_color(), line.get_linestyle()) == (COLOURS[0], "-")
        assert panel.get_yscale() == "linear"
        assert panel.get_ylim() == (0, 1.02)


# Cross-spectra


def test_cross_spectra_are_drawn_as_averaged_coherence_in_the_colour_of_the_other() -> None:
    names = NAMES[:4]
    signals = related(4)
    figure = plot_cross_spectra(spectra_across(4), names)
    neighbours = np.lib.stride_tricks.sliding_window_view
    seen = set()
    for row, panel in enumerate(panels_in(figure)):
        others = [place for place in range(4) if place != row]
        lines = panel.get_lines()
        assert [line.get_color() for line in lines] == [COLOURS[place] for place in others]
        assert {line.get_linestyle() for line in lines} == {"-"}
        for line, place in zip(lines, others, strict=True):
            frequencies, values = coherence(signals[row], signals[place], rate=RATE, n_fft=256)
            x, y = np.asarray(line.get_xdata()), np.asarray(line.get_ydata())
            np.testing.assert_allclose(x, neighbours(frequencies, 10).mean(axis=1))
            np.testing.assert_allclose(y, neighbours(values, 10).mean(axis=1))
            seen.add(round(float(y.mean()), 6))
        assert panel.get_ylim() == (0, 1.02)
    assert len(seen) == 6  # pairs
    expected = {name: (COLOURS[i], "-") for i, name in enumerate(names)}
    assert legend_of(figure) == expected
    assert list(legend_of(figure)) == list(names)


@pytest.mark.parametrize("n_freqs", [1, 9, 10, 11])
def test_few_cross_spectra_are_averaged_over_what_there_is(n_freqs: int) -> None:
    frequencies = np.linspace(0, 4000, n_freqs) if n_freqs > 1 else np.array([100.0])
    values = np.ones((2, 2, n_freqs), complex)
    coherences = np.random.default_rng(0).uniform(size=n_freqs)
    values[0, 1] = values[1, 0] = 1j * np.sqrt(coherences)
    figure = plot_cross_spectra(FrequencySeries(frequencies, values), ["a", "b"])
    for panel in panels_in(figure):
        (line,) = panel.get_lines()
        slices = [slice(place, place + 10) for place in range(max(1, n_freqs - 9))]
        expected = [frequencies[each].mean() for each in slices]
        np.testing.assert_allclose(np.asarray(line.get_xdata()), expected)
        expected = [coherences[each].mean() for each in slices]
        np.testing.assert_allclose(np.asarray(line.get_ydata()), expected)


def test_the_power_of_a_residual_itself_is_dotted() -> None:
    names = NAMES[:2]
    smoothed = dict(reversed(smoothed_of(names).items()))
    figure = plot_cross_spectra(spectra_across(2), names, smoothed=smoothed)
    for panel, name in zip(panels_in(figure), names, strict=True):
        other, own = panel.get_lines()
        assert other.get_linestyle() == "-"
        assert (to_rgb(own.get_color()), own.get_linestyle()) == ((0, 0, 0), ":")
        np.testing.assert_array_equal(np.asarray(own.get_xdata()), smoothed[name].frequencies)
        np.testing.assert_array_equal(np.asarray(own.get_ydata()), smoothed[name].values)
        assert own.get_transform() == panel.transData
    assert legend_of(figure)["own smoothed power"] == ("#000000", ":")


def right_axes_of(figure: Figure) -> list[SecondaryAxis]:
    axes = [axis for panel in panels_in(figure) for axis in panel.child_axes]
    return [axis for axis in axes if isinstance(axis, SecondaryAxis)]


@pytest.mark.parametrize(("count", "labelled"), [(1, "1"), (2, "01"), (3, "011"), (4, "0101")])
def test_coherence_and_smoothed_power_have_each_an_axis(count: int, labelled: str) -> None:
    figure = across_and_smoothed(NAMES[:count])
    figure.draw_without_rendering()
    right = right_axes_of(figure)
    # At the right, and where there is none beside: as labels at the left are not repeated.
    assert [axis.get_ylabel() == SMOOTHED for axis in right] == [x == "1" for x in labelled]
    for axis, panel, own in zip(right, panels_in(figure), labelled, strict=True):
        assert axis.get_ylim() == panel.get_ylim() == (0, 1.02)
        shown = {tick.label2.get_visible() for tick in axis.yaxis.get_major_ticks()}
        assert shown == {own == "1"}
        assert "power" not in panel.get_ylabel()
    assert not right_axes_of(across(NAMES[:count]))


def test_given_axes_have_each_an_axis_of_smoothed_power_at_the_right() -> None:
    figure = Figure()
    across_and_smoothed(NAMES[:3], figure.subplots(1, 3))
    assert [axis.get_ylabel() for axis in right_axes_of(figure)] == [SMOOTHED] * 3


def test_more_sources_than_colours_are_drawn() -> None:
    names = [f"source {place}" for place in range(9)]
    figure = plot_cross_spectra(spectra_across(9), names)
    # Where colours repeat, lines are dashed.
    styles = [*((colour, "-") for colour in COLOURS), *((colour, "--") for colour in COLOURS[:2])]
    for row, panel in enumerate(panels_in(figure)):
        expected = [style for place, style in enumerate(styles) if place != row]
        assert [(line.get_color(), line.get_linestyle()) for line in panel.get_lines()] == expected
    assert list(legend_of(figure).values()) == styles


def test_one_source_alone_has_no_other() -> None:
    (panel,) = panels_in(plot_cross_spectra(spectra_across(1), ["a"]))
    assert not panel.get_lines()


# Correlograms


def test_a_correlogram_has_a_bar_at_each_lag_and_the_band() -> None:
    series = {
        "a": Correlogram(np.array([1, -0.5, 0.25, 0]), np.array([0, 0.1, 0.2, 0.3])),
        "b": Correlogram(np.array([1, 0.9, -1, 0.1]), np.array([0, 0.5, 0.5, 0.5])),
    }
    figure = plot_correlograms(series)
    for panel, (values, band) in zip(panels_in(figure), series.values(), strict=True):
        (bars,) = [artist for artist in panel.collections if isinstance(artist, LineCollection)]
        expected = [[(lag, 0), (lag, value)] for lag, value in enumerate(values)]
        np.testing.assert_array_equal(np.asarray(bars.get_segments()), expected)
        assert colour_of(bars.get_color()) == (COLOURS[0], 1)
        (fill,) = fills_in(panel)
        outline = {(float(x), float(y)) for x, y in outline_of(fill)}
        assert outline == {(x, s * float(y)) for x, y in enumerate(band) for s in (1, -1)}
        assert colour_of(fill.get_facecolor()) == (COLOURS[1], 1)
        assert colour_of(fill.get_edgecolor()) == (COLOURS[1], 1)
        assert list(np.ravel(fill.get_linewidth())) == [0.5]
        # The band lies over the bars.
        assert fill.get_zorder() > bars.get_zorder()
        assert not panel.get_lines()
        assert panel.get_ylim() == (-1.05, 1.05)


def test_the_axis_and_the_legend_of_correlograms_have_the_name_they_are_given() -> None:
    label = "partial autocorrelation"
    series = {name: autocorrelation(x, n_lags=5) for name, x in signals_of(NAMES[:2]).items()}
    figure = plot_correlograms(series, label=label)
    assert panels_in(figure)[0].get_ylabel() == label
    expected = [(label, (COLOURS[0], "-")), ("95 % confidence band", (COLOURS[1], "-"))]
    assert list(legend_of(figure).items()) == expected


# Silence


def test_silence_is_drawn_at_the_lowest_level() -> None:
    silent = {name: np.zeros((BINS, FRAMES)) for name in NAMES[:2]}
    figure = plot_spectrograms(silent, **GRID)
    for panel in panels_in(figure):
        assert (drawn_in(mesh_in(panel)) == -80).all()
        assert mesh_in(panel).get_clim() == (-80, 0)
    saved(figure, "png")
    figure = plot_masks(silent, **GRID)
    assert all((drawn_in(mesh_in(panel)) == -40).all() for panel in panels_in(figure))
    saved(figure, "png")


@pytest.mark.parametrize("loud", [0, 1])
def test_a_residual_of_which_nothing_is_loud_shows_the_phase_error_alone(loud: float) -> None:
    residuals = {"silent": np.zeros((BINS, FRAMES)), "other": np.full((BINS, FRAMES), loud)}
    errors = {name: np.full((BINS, FRAMES), np.nan) for name in residuals}
    figure = plot_residual_over_phase(residuals, errors, **GRID)
    silent, _ = panels_in(figure)
    behind, on_top = meshes_in(silent)
    assert (drawn_in(behind) == 0).all()
    assert np.isnan(shown_in(on_top)).all()
    assert on_top.get_clim() == (-40, 0)
    saved(figure, "png")


def test_waveforms_of_silence_are_drawn() -> None:
    silent = {"a": np.zeros(SAMPLES)}
    figure = plot_waveforms(silent, silent, rate=RATE)
    assert all((outline_of(fill)[:, 1] == 0).all() for fill in fills_in(panels_in(figure)[0]))
    saved(figure, "png")


def test_series_of_silence_are_drawn() -> None:
    silent = np.zeros((2, SAMPLES))
    powers = periodogram(silent[0], rate=RATE)
    smoothed = smooth(powers, n_bins=64)
    figure = plot_periodograms({"a": powers})
    (panel,) = panels_in(figure)
    assert panel.get_ylim() == (-120, 0)
    assert (np.asarray(panel.get_lines()[0].get_ydata()) == -120).all()
    saved(figure, "png")
    saved(plot_smoothed_periodograms({"a": smoothed}), "png")
    saved(plot_coherence({"a": coherence(silent[0], silent[1], rate=RATE, n_fft=256)}), "png")
    spectra = cross_spectra(silent, rate=RATE, n_fft=256)
    names = ("a", "b")
    figure = plot_cross_spectra(spectra, names, smoothed=dict.fromkeys(names, smoothed))
    saved(figure, "png")
    saved(plot_correlograms({"a": autocorrelation(silent[0], n_lags=5)}), "png")


# What cannot be drawn

RIGHT = {"a": np.ones((5, 4)), "b": np.ones((5, 4))}
SOUND = {"a": np.ones(800), "b": np.ones(800)}
SERIES = {name: FrequencySeries(np.arange(1.0, 401), np.ones(400)) for name in "ab"}
SEVERAL = SERIES | {"b": FrequencySeries(np.arange(1.0, 401), np.ones((2, 400)))}
ACROSS = FrequencySeries(np.arange(1.0, 401), np.ones((2, 2, 400)))
LAGS = {"a": Correlogram(np.ones(5), np.ones(5))}
ARRAY: Any = np.ones((8, 4))
ONE_SERIES: Any = SERIES["a"]
# Other names than a and b: one fewer, another, one more.
OTHER_NAMES = (["a"], ["a", "c"], ["a", "b", "c"])


def with_b(right: dict[str, Array], b: Any) -> dict[str, Array]:
    return right | {"b": np.asarray(b)}


def spoilt(shape: tuple[int, ...], value: complex) -> Array:
    array = np.ones(shape, type(value))
    array[-1] = value
    return array


def refusals() -> Iterator[tuple[str, Draw]]:
    """What errors say, and what they are raised by, given axes."""
    yield from refusals_over_time_and_frequency()
    yield from refusals_of_signals()
    yield from refusals_of_series()


def refusals_over_time_and_frequency() -> Iterator[tuple[str, Draw]]:
    def over_phase(residuals: Any, errors: Any) -> Draw:
        return lambda on: plot_residual_over_phase(residuals, errors, **GRID, axes=on)

    message = "b must have shape (n_freqs, n_frames), got "
    # The last but two has a single frequency, which has no place on a logarithmic axis.
    for shape in ((4,), (2, 3, 4), (0, 4), (4, 0), (1, 4), (1, 0), ()):
        bad = with_b(RIGHT, np.zeros(shape))
        yield message + str(shape), lambda on, bad=bad: plot_spectrograms(bad, **GRID, axes=on)
        phase_error = "phase_errors['b'] must have the shape of the residual, (5, 4), got "
        yield phase_error + str(shape), over_phase(RIGHT, bad)
    flat = with_b(RIGHT, np.ones((1, 4)))
    yield message + "(1, 4)", lambda on: plot_masks(flat, **GRID, axes=on)
    yield message + "(1, 4)", over_phase(flat, RIGHT)
    message = "b must be finite, got NaN or infinity"
    for value in (np.nan, -np.inf, complex(0, np.nan), complex(np.inf, 1)):
        bad = with_b(RIGHT, spoilt((5, 4), value))
        yield message, lambda on, bad=bad: plot_spectrograms(bad, **GRID, axes=on)
    nan = with_b(RIGHT, spoilt((5, 4), np.nan))
    yield message, lambda on: plot_spectrograms(nan, **GRID, reference=1, axes=on)
    yield message, lambda on: plot_masks(nan, **GRID, axes=on)
    yield message, over_phase(nan, RIGHT)
    for names in OTHER_NAMES:
        other = {name: np.ones((5, 4)) for name in names}
        message = f"phase_errors must have the names of residuals, a, b, got {', '.join(names)}"
        yield message, over_phase(RIGHT, other)
    positive = "must be positive and finite, got"
    for value in (0, -1, np.inf, np.nan):
        for argument in ("rate", "hop_length", "span", "reference"):
            options = GRID | {argument: value}
            yield (
                f"{argument} {positive} {value}",
                lambda on, options=options: plot_spectrograms(RIGHT, **options, axes=on),
            )
    for argument in ("rate", "hop_length", "span"):
        options = GRID | {argument: 0}
        yield (
            f"{argument} {positive} 0",
            lambda on, options=options: plot_masks(RIGHT, **options, axes=on),
        )
        yield (
            f"{argument} {positive} 0",
            lambda on, options=options: plot_residual_over_phase(RIGHT, RIGHT, **options, axes=on),
        )


def refusals_of_signals() -> Iterator[tuple[str, Draw]]:
    def waves(references: Any, estimates: Any = None, rate: Any = RATE) -> Draw:
        return lambda on: plot_waveforms(references, estimates, rate=rate, axes=on)

    for shape in ((2, 800), (800, 1), (), (0,), (0, 2)):
        message = f"b must have shape (n_samples,), got {shape}"
        yield message, waves(with_b(SOUND, np.zeros(shape)))
        yield message, waves(SOUND, with_b(SOUND, np.zeros(shape)))
    for value in (np.nan, np.inf, -np.inf):
        bad = with_b(SOUND, spoilt((800,), value))
        yield "b must be finite, got NaN or infinity", waves(bad)
        yield "b must be finite, got NaN or infinity", waves(SOUND, bad)
    for length in (799, 801, 1):
        message = f"estimates['b'] must be as long as the source, 800 samples, got {length}"
        yield message, waves(SOUND, with_b(SOUND, np.ones(length)))
    for names in OTHER_NAMES:
        message = f"estimates must have the names of references, a, b, got {', '.join(names)}"
        yield message, waves(SOUND, {name: np.ones(800) for name in names})
    for rate in (0, np.nan):
        yield f"rate must be positive and finite, got {rate}", waves(SOUND, rate=rate)


def refusals_of_series() -> Iterator[tuple[str, Draw]]:
    message = "b must have shape (n_freqs,), got (2, 400)"
    yield message, lambda on: plot_coherence(SEVERAL, axes=on)
    yield message, lambda on: plot_periodograms(SEVERAL, axes=on)
    yield message, lambda on: plot_smoothed_periodograms(SEVERAL, axes=on)
    yield message, lambda on: plot_cross_spectra(ACROSS, ["a", "b"], smoothed=SEVERAL, axes=on)
    message = "span must be positive and finite, got 0"
    yield message, lambda on: plot_periodograms(SERIES, span=0, axes=on)
    for names in OTHER_NAMES:
        message = f"smoothed must have the names of the sources, a, b, got {', '.join(names)}"
        other = dict.fromkeys(names, SERIES["a"])
        yield (
            message,
            lambda on, other=other: plot_cross_spectra(ACROSS, "ab", smoothed=other, axes=on),
        )
    message = "spectra must have shape (n_sources, n_sources, n_freqs) for 2 names, got "
    for shape in ((3, 2, 400), (2, 3, 400), (3, 3, 400), (2, 2, 399), (400,)):
        bad = FrequencySeries(np.arange(400.0), np.ones(shape))
        yield message + str(shape), lambda on, bad=bad: plot_cross_spectra(bad, "ab", axes=on)
    several = LAGS | {"b": Correlogram(np.ones((2, 5)), np.ones(5))}
    message = "b must have shape (n_lags + 1,), got (2, 5)"
    yield message, lambda on: plot_correlograms(several, axes=on)


@pytest.mark.parametrize(("message", "function"), list(refusals()))
def test_what_cannot_be_drawn_is_refused_and_given_axes_are_left_as_they_are(
    message: str, function: Draw
) -> None:
    figure = Figure()
    panels = figure.subplots(1, 2)
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        function(panels)
    for panel in panels:
        assert not panel.has_data()
        assert not panel.collections
        assert not panel.get_lines()
        assert (panel.get_title(), panel.get_xlabel(), panel.get_ylabel()) == ("", "", "")
        assert (panel.get_xlim(), panel.get_ylim()) == ((0, 1), (0, 1))
        assert panel.get_xscale() == panel.get_yscale() == "linear"
    assert figure.axes == list(panels)


@every_figure
def test_too_few_axes_are_refused(draw: Draw) -> None:
    for count in (0, 1):
        figure = Figure()
        axes = [figure.add_subplot() for _ in range(count)]
        message = f"^axes must be one for each of 2 targets, got {count}$"
        with pytest.raises(ValueError, match=message):
            draw(NAMES[:2], axes)
        assert not any(panel.has_data() for panel in axes)


def test_no_names_are_refused() -> None:
    nothing = FrequencySeries(np.arange(129.0), np.zeros((0, 0, 129)))
    functions = [draw for draw in LABELS if draw not in (across, across_and_smoothed)]
    functions.append(lambda names, axes: plot_cross_spectra(nothing, names, axes=axes))
    for draw, axes in itertools.product(functions, (None, subplot())):
        with pytest.raises(ValueError, match="^what is plotted must hold at least one source, got"):
            draw([], axes)


# Each argument that is a mapping, with a function that takes an array in its place.
NO_MAPPINGS: dict[str, Callable[[], Figure]] = {
    "spectra": lambda: plot_spectrograms(ARRAY, **GRID),
    "masks": lambda: plot_masks(ARRAY, **GRID),
    "residuals": lambda: plot_residual_over_phase(ARRAY, {"a": ARRAY}, **GRID),
    "phase_errors": lambda: plot_residual_over_phase({"a": ARRAY}, ARRAY, **GRID),
    "references": lambda: plot_waveforms(ARRAY, rate=RATE),
    "estimates": lambda: plot_waveforms({"a": ARRAY[0]}, ARRAY, rate=RATE),
    "coherences": lambda: plot_coherence(ARRAY),
    "periodograms": lambda: plot_periodograms(ARRAY),
    "smoothed": lambda: plot_smoothed_periodograms(ARRAY),
    "correlograms": lambda: plot_correlograms(ARRAY),
}


def test_an_array_is_not_taken_for_a_mapping() -> None:
    for argument, draw in NO_MAPPINGS.items():
        message = f"{argument} must map panel titles to what is drawn in them, got ndarray"
        with pytest.raises(TypeError, match=f"^{re.escape(message)}$"):
            draw()
    with pytest.raises(TypeError, match="^smoothed must map panel titles .* got FrequencySeries$"):
        plot_cross_spectra(ACROSS, ["a", "b"], smoothed=ONE_SERIES)


# Colours


def test_colours_are_those_that_colour_blind_readers_tell_apart() -> None:
    okabe_ito = {
        "orange": (230, 159, 0),
        "sky blue": (86, 180, 233),
        "bluish green": (0, 158, 115),
        "yellow": (240, 228, 66),
        "blue": (0, 114, 178),
        "vermilion": (213, 94, 0),
        "reddish purple": (204, 121, 167),
    }
    assert len(COLOURS) == len(set(COLOURS)) == 7
    mine = {tuple(round(255 * part) for part in to_rgb(colour)) for colour in COLOURS}
    assert mine == set(okabe_ito.values())
    # The last one is hard to see on white.
    assert to_hex(COLOURS[-1]) == to_hex(tuple(np.array(okabe_ito["yellow"]) / 255))


# matplotlib and librosa

NEEDS_LIBROSA: tuple[Draw, ...] = (spectrograms, masks, phase, waveforms, estimates)


def without(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    """As if a package were not installed."""
    really_import = builtins.__import__

    def importing(name: str, *arguments: Any, **options: Any) -> Any:
        if name.split(".")[0] == package:
            raise ModuleNotFoundError(f"No module named {package!r}", name=package)
        return really_import(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", importing)


@pytest.mark.parametrize(
    ("package", "what", "figures"),
    [
        ("matplotlib", "figures", tuple(LABELS)),
        ("librosa", "spectrograms and waveforms", NEEDS_LIBROSA),
    ],
)
def test_the_error_says_how_to_install_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, package: str, what: str, figures: tuple[Draw, ...]
) -> None:
    without(monkeypatch, package)
    message = f"{package} must be installed for {what}: pip install 'oracle-masks[plots]'"
    message += " (in a clone: pip install '.[plots]')"
    functions: list[Callable[[], object]] = [check_librosa]
    functions += [partial(draw, ["a"]) for draw in figures]
    for function in functions:
        with pytest.raises(ImportError, match=f"^{re.escape(message)}$") as caught:
            function()
        assert isinstance(caught.value.__cause__, ModuleNotFoundError)


def test_series_are_drawn_without_librosa(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "librosa")
    for draw in LABELS:
        if draw not in NEEDS_LIBROSA:
            assert len(panels_in(draw(NAMES[:2]))) == 2


def test_with_librosa_the_check_passes() -> None:
    check_librosa()
