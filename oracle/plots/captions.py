"""Captions: what a figure shows, written above it and in an index of all figures."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from oracle.machine.files import file_name, write_whole
from oracle.plots.panels import plain, write_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE_SIZE, FONT_SIZE = 8.0, 6.5  # in points
LINE = 1.3  # from one line to the next, in font sizes
MARGIN = 3.0  # points at the left and at the right
WIDENED = 1.18  # how much coarse pixels may widen letters

PAGE = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
  body {{ max-width: 60rem; margin: 2rem auto; padding: 0 1rem; font-family: sans-serif }}
  figure {{ margin: 0 0 3rem }}
  img {{ width: 100%; max-width: 50rem }}
</style>
<h1>{title}</h1>
{figures}
</html>
"""
ENTRY = """<figure id="{name}">
<h2>{title}</h2>
<a href="{file}.pdf"><img src="{file}.png" alt="{title}"></a>
<figcaption>{caption}</figcaption>
</figure>"""


@dataclass(frozen=True)
class Captioned:
    """A figure with its title and caption; call it to draw the figure without them.

    Parameters
    ----------
    draw : callable
        ``() -> figure``.
    title : str
        What the figure shows, in a few words.
    caption : str
        What it shows and what to see, in full sentences.
    """

    draw: Callable[[], "Figure"]
    title: str
    caption: str

    def __call__(self) -> "Figure":
        """Draw the figure alone, as for a paper, which sets its own caption."""
        return self.draw()

    def drawn(self) -> "Figure":
        """Draw the figure, with its title and caption above the panels."""
        figure = self.draw()
        width, height = figure.get_size_inches()
        title = _wrap(self.title, 72 * width, size=TITLE_SIZE, weight="bold")
        caption = _wrap(self.caption, 72 * width, size=FONT_SIZE)
        # In points; there is a legend below, so both are above.
        above = (LINE * len(title) + 0.2) * TITLE_SIZE
        needed = above + (LINE * len(caption) + 1) * FONT_SIZE
        whole = height + needed / 72
        figure.set_figheight(whole)
        figure.set_layout_engine("constrained", rect=(0, 0, 1, height / whole))
        left, below = MARGIN / 72 / width, 1 - above / 72 / whole
        style: dict[str, Any] = {"va": "top", "linespacing": LINE}
        figure.text(left, 1, _join(title), fontsize=TITLE_SIZE, weight="bold", **style)
        figure.text(left, below, _join(caption), fontsize=FONT_SIZE, **style)
        return figure


def write_figures(
    figures: Mapping[str, Captioned],
    folder: Path,
    *,
    title: str,
    dpi: int,
    advance: Callable[[str, float], object] = lambda doing, part: None,
) -> None:
    """Write figures with their captions, as PNG and PDF, and ``index.html``, which shows them all.

    Equal figures give equal files: no date is written.

    Parameters
    ----------
    figures : mapping from str to Captioned
        Figures by the names of their files; characters that no file may have are escaped.
    folder : Path
        Made if it does not exist.
    title : str
        Of the index.
    dpi : int
        Dots per inch of the PNG.
    advance : callable, optional
        Called with what was just written and its share of the work.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, each in figures.items():
        write_figure(each.drawn(), folder, file_name(name), dpi=dpi)
        advance(f"{name}.png", 1 / len(figures))
    entries = [
        ENTRY.format(
            name=escape(name),
            file=quote(file_name(name)),
            title=escape(each.title),
            caption=escape(each.caption),
        )
        for name, each in figures.items()
    ]
    write_whole(
        folder / "index.html",
        PAGE.format(title=escape(title), figures="\n".join(entries)),
    )


def _wrap(text: str, width: float, **font: Any) -> list[str]:
    """Wrap a text to lines that fit the width of a figure, in points."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    properties = FontProperties(**font)

    def measure(line: str) -> float:
        wide: float = text_to_path.get_text_width_height_descent(line, properties, False)[0]
        return WIDENED * wide

    room = width - 2 * MARGIN
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".lstrip()
        if measure(longer) <= room:
            lines[-1] = longer
            continue
        if lines[-1]:
            lines.append("")
        for letter in word:  # a word may be longer than a line
            if lines[-1] and measure(lines[-1] + letter) > room:
                lines.append("")
            lines[-1] += letter
    return lines


def _join(lines: list[str]) -> str:
    return plain("\n".join(lines))
