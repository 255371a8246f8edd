"""Panels: the axes of figures, one for each source or target."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# The colours of Okabe & Ito, which colour-blind readers can tell apart.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#F0E442")

LEAST_WIDTH = 3.5  # inches, of a figure: a column of a paper
SCALE_HEIGHT = 0.3  # inches, of a scale of colours beside what the margin has room for


@dataclass(frozen=True)
class Layout:
    """How the panels of a new figure are laid out; sizes in inches."""

    columns: int
    width: float  # of a panel
    height: float
    margin: float  # at the bottom, for the legend
    shared: bool  # whether the panels share their axes
    font_size: float  # in points


# A figure for one column of a paper.
COLUMN = Layout(columns=2, width=1.75, height=1.6, margin=0.3, shared=True, font_size=7)


def write_figure(figure: "Figure", folder: Path, name: str, *, dpi: int) -> None:
    """Write a figure as PNG and PDF, without the date, so that equal figures give equal files."""
    for suffix in ("png", "pdf"):
        figure.savefig(folder / f"{name}.{suffix}", dpi=dpi, metadata={"CreationDate": None})


def check_matplotlib() -> None:
    """Check that figures can be drawn, before computing what they show.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "matplotlib must be installed for figures: "
            "pip install 'oracle-masks[plots]' (in a clone: pip install '.[plots]')"
        ) from error


def check_librosa() -> None:
    """Check that spectrograms and waveforms can be drawn.

    Raises
    ------
    ImportError
        If matplotlib or librosa is not installed.
    """
    check_matplotlib()
    try:
        import librosa.display  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "librosa must be installed for spectrograms and waveforms: "
            "pip install 'oracle-masks[plots]' (in a clone: pip install '.[plots]')"
        ) from error


def make_panels(names: Collection[str], axes: Any, *, layout: Layout = COLUMN) -> "list[Axes]":
    """Return the given axes, or make a figure with a panel for each name.

    Raises
    ------
    ValueError
        If there are no names, or fewer axes than names.
    """
    if not names:
        raise ValueError("what is plotted must hold at least one source, got none")
    if axes is None:
        return _new_panels(len(names), layout)
    given = list(np.ravel(np.asarray(axes)))
    if len(given) < len(names):
        raise ValueError(f"axes must be one for each of {len(names)} targets, got {len(given)}")
    return given[: len(names)]


def entitle(panel: "Axes", title: str, xlabel: str, ylabel: str) -> None:
    """Set the title and axis labels of a panel; if panels share axes, label only outer ones."""
    panel.title.set_text(plain(title))  # keeps the font, which is that of the figure
    x = panel.xaxis.get_tick_params().get("labelbottom", True)
    y = panel.yaxis.get_tick_params().get("labelleft", True)
    panel.set(xlabel=plain(xlabel) if x else "", ylabel=plain(ylabel) if y else "")


def plain(text: str) -> str:
    """Escape dollar signs, which would start mathematics."""
    return text.replace("$", r"\$")


def check_mapping(argument: str, value: object) -> None:
    """Check that an argument maps panel titles to data.

    Raises
    ------
    TypeError
        If it is not a mapping.
    """
    if not isinstance(value, Mapping):
        raise TypeError(
            f"{argument} must map panel titles to what is drawn in them, got {type(value).__name__}"
        )


def check_positive(argument: str, value: float) -> None:
    """Check that a number is positive and finite.

    Raises
    ------
    ValueError
        If it is not.
    """
    if not 0 < value < np.inf:
        raise ValueError(f"{argument} must be positive and finite, got {value}")


def find_figure(panels: "Sequence[Axes]") -> "Figure":
    """Return the figure that contains the panels."""
    return cast("Figure", panels[0].figure)


def add_colours(panels: "Sequence[Axes]", mesh: Any, label: str) -> Any:
    """Add the colour scale that all panels share, below them: its label fits any figure there."""
    from matplotlib import rc_context

    figure = find_figure(panels)
    height = figure.get_figheight() + SCALE_HEIGHT
    figure.set_figheight(height)
    with rc_context({"font.size": COLUMN.font_size}):
        scale = figure.colorbar(
            mesh,
            ax=list(panels),
            label=plain(label),
            location="bottom",
            aspect=30,
            pad=0.1 / height,
        )
        # Ticks are created when drawn, with the font size in effect then.
        scale.ax.tick_params(labelsize=COLUMN.font_size)
    return scale


def add_legend(
    panels: "Sequence[Axes]",
    keys: Mapping[str, Mapping[str, Any]],
    *,
    columns: int = 3,
    layout: Layout = COLUMN,
) -> None:
    """Add a legend below all panels, from labels to line styles."""
    from matplotlib import rc_context
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], label=plain(label), **style) for label, style in keys.items()]
    with rc_context({"font.size": layout.font_size}):
        find_figure(panels).legend(handles=handles, loc="outside lower center", ncols=columns)


def _new_panels(count: int, layout: Layout) -> "list[Axes]":
    check_matplotlib()
    from matplotlib import rc_context

    from oracle.plots.figures import ShownFigure

    columns = min(count, layout.columns)
    rows = -(-count // columns)
    width = max(layout.width * columns, LEAST_WIDTH)
    with rc_context({"font.size": layout.font_size}):
        size = (width, layout.height * rows + layout.margin)
        figure = ShownFigure(figsize=size, layout="constrained")
        grid = figure.subplots(
            rows, columns, squeeze=False, sharex=layout.shared, sharey=layout.shared
        )
    panels: list[Axes] = grid.ravel().tolist()
    for unused in panels[count:]:
        unused.remove()
    for place, panel in enumerate(panels[:count]):
        panel.tick_params(labelsize=layout.font_size)
        if place + columns >= count:  # no panel below
            panel.tick_params(labelbottom=True)
    return panels[:count]
