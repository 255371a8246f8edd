"""Captions of figures: above the panels, in the index, and as they are whatever they say."""

import itertools
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from oracle.plots import Captioned, plot_correlograms, write_figures
from oracle.residuals import Correlogram

pytestmark = pytest.mark.figures

SENTENCES = "What it shows. " + "And what to see, in a sentence that is somewhat longer. " * 5
NAMES = ("masks", "a/b", "<script>alert(1)</script>", "\"quoted\" & 'so'", "100%", "..", "naïve ü")
WIDE = "WWWWWWWWW MMMMMMMMM " * 12
HOSTILE = "$x_1$ costs 5 $ & <b>10\\$</b> {name} \"quoted\" 'so' %s"


def draw() -> Figure:
    return plot_correlograms({"a": Correlogram(np.ones(9), np.ones(9))})


def captioned(title: str = "Title", caption: str = SENTENCES) -> Captioned:
    return Captioned(draw, title, caption)


def shown(text: Text) -> str:
    return text.get_text().replace(r"\$", "$")


class Index(HTMLParser):
    """The figures of an index, as a browser reads them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.figures: list[dict[str, str]] = []
        self.headings: list[str] = []
        self.open = ""
        self.tags: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Take the links of a figure."""
        self.open = tag
        self.tags.add(tag)
        given = {key: value or "" for key, value in attributes}
        if tag == "figure":
            self.figures.append({"id": given["id"]})
        if tag == "img":
            self.figures[-1] |= {"src": given["src"], "alt": given["alt"]}
        if tag == "a":
            self.figures[-1]["href"] = given["href"]

    def handle_endtag(self, tag: str) -> None:
        """End a text."""
        self.open = ""

    def handle_data(self, data: str) -> None:
        """Take the texts."""
        if self.open in ("h2", "figcaption"):
            self.figures[-1][self.open] = data
        if self.open in ("h1", "title"):
            self.headings.append(data)


# In the figure


@pytest.mark.parametrize("dpi", [100, 300])
@pytest.mark.parametrize(
    ("title", "caption"),
    [
        ("Title", SENTENCES),
        ("T", "One."),
        ("A title that is longer than a column of a paper is wide, in bold", WIDE),
        ("M" * 70, "i" * 300 + " " + "W" * 300),
        (HOSTILE, HOSTILE),
    ],
    ids=["sentences", "short", "wide", "one word", "hostile"],
)
def test_title_and_caption_lie_above_the_panels_and_nothing_is_cut_or_covered(
    title: str, caption: str, dpi: int
) -> None:
    figure = captioned(title, caption).drawn()
    figure.set_dpi(dpi)
    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    first, second = figure.texts
    for text, expected in ((first, title), (second, caption)):
        # Lines end at spaces, or within a word that is longer than a line.
        assert "".join(shown(text).split()) == "".join(expected.split())
    assert first.get_fontweight() == "bold"
    assert float(first.get_fontsize()) > float(second.get_fontsize())
    (panel,), (legend,) = figure.axes, figure.legends
    tight = panel.get_tightbbox()
    assert tight is not None
    boxes: list[Bbox] = [first.get_window_extent(), second.get_window_extent(), tight]
    boxes.append(legend.get_window_extent())
    for upper, lower in itertools.pairwise(boxes):
        assert upper.y0 >= lower.y1
    for box in boxes:
        assert box.x0 >= 0
        assert box.x1 <= figure.bbox.x1
        assert box.y0 >= 0
        assert box.y1 <= figure.bbox.y1 + 1


def test_a_title_and_a_caption_leave_the_panels_as_large_as_they_were() -> None:
    alone, whole = captioned()(), captioned().drawn()
    sizes = []
    for figure in (alone, whole):
        figure.draw_without_rendering()
        box = figure.axes[0].get_window_extent()
        sizes.append((box.width, box.height))
    assert sizes[0] == pytest.approx(sizes[1], abs=1)
    assert whole.get_figwidth() == alone.get_figwidth()


def test_a_call_draws_the_figure_alone() -> None:
    figure: Figure = captioned()()
    assert not figure.texts
    assert figure.get_size_inches().tolist() == draw().get_size_inches().tolist()


def test_a_figure_without_a_caption_is_drawn() -> None:
    assert [shown(text) for text in captioned("", "").drawn().texts] == ["", ""]


def test_words_of_a_caption_are_whole_where_they_fit() -> None:
    _, text = captioned().drawn().texts
    lines = shown(text).split("\n")
    assert " ".join(lines) == SENTENCES.strip()
    # No line could hold the first word of the next.
    widths = [len(f"{line} {after.split()[0]}") for line, after in itertools.pairwise(lines)]
    assert min(widths) > 0.8 * max(len(line) for line in lines)


# In the files


def test_an_index_shows_all_figures_whatever_their_names(tmp_path: Path) -> None:
    figures = {
        name: captioned(f"{place}: {name} {HOSTILE}", f"{HOSTILE} {name}.")
        for place, name in enumerate(NAMES)
    }
    advances: list[tuple[str, float]] = []
    write_figures(
        figures,
        tmp_path / "new" / "folder",
        title=HOSTILE,
        dpi=30,
        advance=lambda *args: advances.append(args),
    )
    folder = tmp_path / "new" / "folder"
    index = Index((folder / "index.html").read_text(encoding="utf-8"))
    assert index.headings == [HOSTILE, HOSTILE]
    assert index.tags.isdisjoint({"script", "b"})
    assert [figure["id"] for figure in index.figures] == list(NAMES)
    linked = {"index.html"}
    for figure, each in zip(index.figures, figures.values(), strict=True):
        assert figure["h2"] == figure["alt"] == each.title
        assert figure["figcaption"] == each.caption
        for link, magic in ((figure["src"], b"\x89PNG"), (figure["href"], b"%PDF")):
            assert "/" not in link
            linked.add(unquote(link))
            assert (folder / unquote(link)).read_bytes().startswith(magic)
    assert len(linked) == 1 + 2 * len(NAMES)
    assert {path.name for path in folder.iterdir()} == linked
    assert [doing for doing, _ in advances] == [f"{name}.png" for name in NAMES]
    assert sum(part for _, part in advances) == pytest.approx(1)


def test_equal_figures_give_equal_files(tmp_path: Path) -> None:
    figures = {"lags": captioned(HOSTILE, SENTENCES)}
    for folder in ("one", "other"):
        write_figures(figures, tmp_path / folder, title="Figures", dpi=50)
    names = {path.name for path in (tmp_path / "one").iterdir()}
    assert names == {"lags.png", "lags.pdf", "index.html"}
    for name in names:
        written = (tmp_path / "one" / name).read_bytes()
        assert written == (tmp_path / "other" / name).read_bytes()
        assert b"CreationDate" not in written
    # Another caption is in both files.
    write_figures({"lags": captioned(HOSTILE, "Another.")}, tmp_path / "one", title="F", dpi=50)
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() != (tmp_path / "other" / name).read_bytes()


def test_an_index_is_written_last(tmp_path: Path) -> None:
    def fail() -> Figure:
        raise ValueError("no")

    figures = {"one": captioned(), "other": Captioned(fail, "Title", "Caption.")}
    with pytest.raises(ValueError, match="^no$"):
        write_figures(figures, tmp_path, title="Figures", dpi=30)
    assert not (tmp_path / "index.html").exists()
