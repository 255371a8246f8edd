"""oracle guide: the long texts, one topic at a time."""

import re
from difflib import get_close_matches
from importlib.resources import files
from typing import Annotated, ClassVar

import typer
from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import Markdown, TableElement
from rich.table import Table
from rich.text import Text

from oracle.cli.app import command

# As the README lists them.
TOPICS = (
    "datasets",
    "runs",
    "python",
    "methods",
    "metrics",
    "certified_bounds",
    "comparison",
    "museval",
    "conventions",
    "waltz",
    "speed",
    "glossary",
    "architecture",
    "changes",
    "develop",
)


class _WholeTable(TableElement):
    """A table that folds long words, which rich would cut."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for table in super().__rich_console__(console, options):
            if isinstance(table, Table):
                for column in table.columns:
                    column.overflow = "fold"
            yield table


class _Page(Markdown):
    elements: ClassVar = {**Markdown.elements, "table_open": _WholeTable}


@command("guide", "oracle guide", "oracle guide certified_bounds")
def guide_command(
    topic: Annotated[
        str | None,
        typer.Argument(metavar="TOPIC", help="What to read about.", show_default="lists topics"),
    ] = None,
) -> None:
    """Read the guide: datasets, long runs, bounds, conventions, and more."""
    console = Console(highlight=False)
    if topic is None:
        _list_topics(console)
    elif topic in TOPICS:
        console.print(_Page(_for_a_terminal(read_topic(topic)), hyperlinks=False))
    else:
        near = get_close_matches(topic, TOPICS, n=1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        raise typer.BadParameter(f"topic must be one of {', '.join(TOPICS)}, got {topic!r}{hint}")


def read_topic(topic: str) -> str:
    """Return the text of a topic, in Markdown."""
    return (files("oracle") / "guide" / f"{topic}.md").read_text("utf-8")


def read_summary(topic: str) -> str:
    """Return the line under the title of a topic."""
    return read_topic(topic).split("\n\n")[1].replace("\n", " ")


def _list_topics(console: Console) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for topic in TOPICS:
        table.add_row(Text(topic, "bold"), Text(read_summary(topic)))
    console.print(table)
    console.print("\n'oracle guide TOPIC' shows one.")


def _for_a_terminal(text: str) -> str:
    """Replace links by the names of topics, and leave out pictures: a terminal shows neither."""
    linked = r"\[([^\]]+)\]\((?!https?:)([^)#]*)(?:#[^)]*)?\)"
    parts = re.split(r"(^```.*?^```$)", text, flags=re.MULTILINE | re.DOTALL)
    for place in range(0, len(parts), 2):  # what is between them is code
        without_pictures = re.sub(r"^!\[.*\n\n?", "", parts[place], flags=re.MULTILINE)
        parts[place] = re.sub(
            linked, lambda link: _without_link(link[1], link[2]), without_pictures
        )
    return "".join(parts)


def _without_link(words: str, path: str) -> str:
    topic = path.removesuffix(".md")
    return f"{words} (`oracle guide {topic}`)" if topic in TOPICS else words
