"""Captions: what a figure shows, written above it and in an index of all figures."""

import math
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from oracle.machine.files import write_whole
from oracle.plots.panels import plain

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE_SIZE, FONT_SIZE = 8.0, 6.5  # in points
CHARACTER = 0.56  # the width of a character, in parts of the font size

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
    """A figure with its title and caption.

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

    def drawn(self) -> "Figure":
        """Draw the figure, with its title and caption above the panels."""
        figure = self.draw()
        width, height = figure.get_size_inches()
        lines = textwrap.wrap(self.caption, math.floor(72 * width / (CHARACTER * FONT_SIZE)))
        # In points; there is a legend below, so both are above.
        needed = 1.5 * TITLE_SIZE + (1.3 * len(lines) + 1) * FONT_SIZE
        whole = height + needed / 72
        figure.set_figheight(whole)
        figure.set_layout_engine("constrained", rect=(0, 0, 1, height / whole))
        left = 3 / 72 / width
        style: dict[str, Any] = {"va": "top", "linespacing": 1.3}
        figure.text(left, 1, plain(self.title), fontsize=TITLE_SIZE, weight="bold", **style)
        below = 1 - 1.5 * TITLE_SIZE / 72 / whole
        figure.text(left, below, plain("\n".join(lines)), fontsize=FONT_SIZE, **style)
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
        Figures by the names of their files.
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
        figure = each.drawn()
        for suffix in ("png", "pdf"):
            figure.savefig(folder / f"{name}.{suffix}", dpi=dpi, metadata={"CreationDate": None})
        advance(f"{name}.png", 1 / len(figures))
    entries = [
        ENTRY.format(
            name=escape(name),
            file=escape(quote(name)),
            title=escape(each.title),
            caption=escape(each.caption),
        )
        for name, each in figures.items()
    ]
    write_whole(
        folder / "index.html",
        PAGE.format(title=escape(title), figures="\n".join(entries)),
    )
