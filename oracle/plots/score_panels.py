"""Panels of scores: one for each target, and a legend with room for the names of methods."""

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from oracle.plots.panels import COLOURS, LEAST_WIDTH, Layout, add_legend, make_panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Style = Mapping[str, Any]

FONT_SIZE = 7.0  # in points
CHARACTER = 0.56 * FONT_SIZE / 72  # the width of a character, in inches
LINE = 1.35 * FONT_SIZE / 72  # the height of a line, in inches
BETWEEN = 0.5 * FONT_SIZE / 72  # the space between two rows of a legend, in inches

LONGEST = 40  # characters of a line of a name
BESIDE = 10  # as many characters wide are the line beside a name in a legend, and the spaces
DASHES = ("-", "--", ":", "-.")


@dataclass(frozen=True)
class ScorePanels:
    """The panels of a figure of scores.

    Parameters
    ----------
    targets : sequence of str
        One panel for each.
    keys : mapping from str to mapping
        The legend: line styles by label.
    width, height : float
        Of a panel, in inches.
    columns : int
        The most panels in a row.
    below : float, optional
        The height of what the lowest panels have below them, in inches.
    """

    targets: Sequence[str]
    keys: Mapping[str, Style]
    width: float = 2.6
    height: float = 1.7
    columns: int = 3
    below: float = 0.0

    def make(self, axes: Any) -> "list[Axes]":
        """Take the given axes, or make a figure with a legend."""
        labels = {wrap_name(label): style for label, style in self.keys.items()}
        n_rows = -(-max(len(self.targets), 1) // self.columns)
        n_columns = -(-max(len(self.targets), 1) // n_rows)  # rows as equal as can be
        whole = max(n_columns * self.width, LEAST_WIDTH)
        longest = max((len(line) for label in labels for line in label.split("\n")), default=1)
        fitting = math.floor(whole / (CHARACTER * (longest + BESIDE)))
        columns = min(max(fitting, 1), max(len(labels), 1))
        rows = -(-len(labels) // columns)  # legends are filled column by column
        heights = [label.count("\n") + 1 for label in labels]
        lines = sum(max(heights[row::rows]) for row in range(rows))
        layout = Layout(
            columns=n_columns,
            width=self.width,
            height=self.height,
            margin=self.below + 0.25 + lines * LINE + rows * BETWEEN,
            shared=True,
            font_size=FONT_SIZE,
        )
        panels = make_panels(self.targets, axes, layout=layout)
        if axes is None and labels:
            add_legend(panels, labels, columns=columns, layout=layout)
        return panels


def style_lines(methods: Sequence[str], ceiling: str | None = None) -> dict[str, Style]:
    """Choose a colour and a dash for each method; the ceiling is black."""
    others = [method for method in methods if method != ceiling]
    styles: dict[str, Style] = {
        method: {
            "color": COLOURS[place % len(COLOURS)],
            "linestyle": DASHES[place // len(COLOURS) % len(DASHES)],
            "linewidth": 0.9,
        }
        for place, method in enumerate(others)
    }
    if ceiling is not None:
        styles[ceiling] = {"color": "black", "linewidth": 1.4}
    return styles


def wrap_name(name: str, longest: int = LONGEST) -> str:
    """Wrap a name; nothing of it is left out."""
    return "\n".join(textwrap.wrap(name, longest)) or name
