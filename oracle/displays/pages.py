"""Pages: tables and paragraphs, for a terminal and a notebook."""

import io
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

# The width of a table where there is no terminal, in characters.
UNLIMITED = 10_000


@dataclass(frozen=True)
class Grid:
    """A table of text.

    Parameters
    ----------
    title : str
        Shown above the table.
    header : list of str
        Headings of the columns. The first `n_names` columns are names, the others numbers.
    rows : list of list of str
    n_names : int
        How many columns are names. A table that is too wide is folded, and repeats them.
    key : str
        What a comparison's table holds: scores, paired or distances, and the metric.
    legend : str
        What the numbers mean; shown below the table.
    bold : set of (int, int)
        Rows and columns of the best numbers.
    rule : int, optional
        The row below a rule: the first bound after systems.
    """

    title: str
    header: list[str]
    rows: list[list[str]]
    n_names: int = 1
    key: str = ""
    legend: str = ""
    bold: set[tuple[int, int]] = field(default_factory=set)
    rule: int | None = None


# Tables and paragraphs, shown one below the other.
Page = Iterable[Grid | str]


def measure_terminal() -> int:
    """Return the width of the terminal in characters; without one, `UNLIMITED`."""
    return shutil.get_terminal_size((UNLIMITED, 24)).columns


def print_page(page: Page) -> None:
    """Print tables and paragraphs on standard output."""
    _print(page, _console())


def page_text(page: Page) -> str:
    """Lay out tables and paragraphs as text, to fit the terminal."""
    text = io.StringIO()
    _print(page, _console(file=text, color_system=None))
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines())


def _console(**options: Any) -> "Console":
    # Imported late: `import oracle` stays quick.
    from rich.console import Console

    # Names are shown literally, even if they look like markup.
    return Console(width=measure_terminal(), highlight=False, markup=False, emoji=False, **options)


def _print(page: Page, console: "Console") -> None:
    below_text = False
    for item in page:
        if isinstance(item, str):
            console.print(item)
            below_text = True
            continue
        if below_text:
            console.print()
        below_text = False
        console.print(item.title, style="italic")
        for part in fold(item, console.width):
            _print_whole(console, _table(part))
        if item.legend:
            console.print(item.legend + "\n")


def _print_whole(console: "Console", table: "Table") -> None:
    """Print a table without cutting numbers: a narrow terminal wraps the line instead."""
    width = console.width
    needed = console.measure(table, options=console.options.update(max_width=UNLIMITED))
    console.width = max(width, needed.maximum)
    console.print(table)
    console.width = width


def fold(grid: Grid, width: int) -> Iterator[Grid]:
    """Divide a grid that is too wide into several, each with the columns of names."""
    from rich.cells import cell_len

    columns = zip(grid.header, *grid.rows, strict=True)
    widths = [max(map(cell_len, column)) + GAP for column in columns]
    names = range(grid.n_names)
    groups: list[list[int]] = [[]]
    room = width + 1 - sum(widths[place] for place in names)
    for place in range(grid.n_names, len(widths)):
        if groups[-1] and sum(widths[each] for each in groups[-1]) + widths[place] > room:
            groups.append([])
        groups[-1].append(place)
    for group in groups:
        shown = [*names, *group]
        yield replace(
            grid,
            header=[grid.header[place] for place in shown],
            rows=[[row[place] for place in shown] for row in grid.rows],
        )


# The characters that a column takes besides its text.
GAP = 3


def _table(grid: Grid) -> "Table":
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE, pad_edge=False)
    for place, name in enumerate(grid.header):
        is_number = all(row[place][:1].isdigit() for row in grid.rows)
        is_name = place < grid.n_names and not is_number
        table.add_column(name, justify="left" if is_name else "right", no_wrap=True)
    for place, row in enumerate(grid.rows):
        table.add_row(*row, end_section=place + 1 == grid.rule)
    return table


def page_html(page: Page) -> str:
    """Lay out tables and paragraphs for a notebook."""
    parts = []
    for item in page:
        if isinstance(item, str):
            parts.append(f"<p>{escape(item)}</p>")
            continue
        parts.append(f"<p><b>{escape(item.title)}</b></p><table>")
        parts.append(f"<thead>{_row('th', item.header, item.n_names)}</thead><tbody>")
        parts += [_row("td", row, item.n_names) for row in item.rows]
        parts.append("</tbody></table>")
        if item.legend:
            parts.append(f"<p>{escape(item.legend)}</p>")
    return "".join(parts)


def _row(tag: str, cells: Sequence[str], n_names: int) -> str:
    shown = []
    for place, cell in enumerate(cells):
        side = "left" if place < n_names else "right"
        shown.append(f'<{tag} style="text-align: {side}">{escape(cell)}</{tag}>')
    return f"<tr>{''.join(shown)}</tr>"
