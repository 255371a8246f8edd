"""Formats: the tables of a comparison as Markdown, as LaTeX and as CSV."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from oracle.comparison.side_by_side import Comparison
from oracle.comparison.tables import lay_out_tables
from oracle.displays.pages import Grid

if TYPE_CHECKING:
    from pandas import DataFrame

# A cell that holds only numbers, which LaTeX sets in math mode.
NUMBERS = re.compile(r"<?[-\d.]+|-?inf|(-?[\d.]+|-?inf) \[(-?[\d.]+|-?inf), (-?[\d.]+|-?inf)\]")
ESCAPES = {
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "|": r"\textbar{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
}


def format_markdown(comparison: Comparison) -> str:
    """Format a comparison as Markdown; the best of several systems is bold."""
    parts = [_format_markdown_table(grid) for grid in lay_out_tables(comparison)]
    if comparison.notes:
        parts.append("".join(f"- {note}\n" for note in comparison.notes))
    return "\n".join(parts)


def _format_markdown_table(grid: Grid) -> str:
    lines = [grid.header, [*grid.n_names * ["---"], *(len(grid.header) - grid.n_names) * ["---:"]]]
    for i, row in enumerate(grid.rows):
        cells = (cell.replace("\\", "\\\\").replace("|", "\\|") for cell in row)
        lines.append([f"**{c}**" if (i, j) in grid.bold else c for j, c in enumerate(cells)])
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"**{grid.title}**\n\n{table}\n\n{grid.legend}{_explain_bold(grid)}\n"


def format_latex(comparison: Comparison) -> str:
    r"""Format a comparison as tables for a paper: LaTeX with ``\usepackage{booktabs}``.

    The best of several systems is bold, and a rule separates systems from bounds.
    """
    lines = [r"% \usepackage{booktabs}", *(f"% {' '.join(n.split())}" for n in comparison.notes)]
    for grid in lay_out_tables(comparison):
        lines += ["", *_format_latex_table(grid)]
    return "\n".join(lines) + "\n"


def _format_latex_table(grid: Grid) -> Iterator[str]:
    """Format a table, line by line."""
    n_numbers = len(grid.header) - grid.n_names
    yield r"\begin{table*}"
    yield r"  \centering\small"
    yield rf"  \caption{{{_escape(f'{grid.title}. {grid.legend}{_explain_bold(grid)}')}}}"
    yield rf"  \label{{tab:{re.sub(r'[^a-z0-9-]', '', grid.key.lower())}}}"
    yield rf"  \begin{{tabular}}{{@{{}}{'l' * grid.n_names}{'r' * n_numbers}@{{}}}}"
    yield r"    \toprule"
    yield _join_cells([_escape(name) for name in grid.header])
    yield r"    \midrule"
    for i, row in enumerate(grid.rows):
        if i == grid.rule:
            yield r"    \midrule"
        yield _join_cells(
            [
                _escape(cell) if j < grid.n_names else _set_number(cell, (i, j) in grid.bold)
                for j, cell in enumerate(row)
            ]
        )
    yield r"    \bottomrule"
    yield r"  \end{tabular}"
    yield r"\end{table*}"


def _explain_bold(grid: Grid) -> str:
    return " Bold: the best system." if grid.bold else ""


def _join_cells(cells: list[str]) -> str:
    # After a line break, LaTeX would read a bracket or a star as its argument.
    start = "{}" if cells[0].startswith(("[", "*")) else ""
    return rf"    {start}{' & '.join(cells)} \\"


def _set_number(cell: str, bold: bool) -> str:
    if cell == "nan":
        return "--"
    if not NUMBERS.fullmatch(cell):
        return _escape(cell)
    figure, *interval = cell.replace("inf", r"\infty").split(" ", 1)
    figure = rf"\mathbf{{{figure}}}" if bold else figure
    return "$" + r"\ ".join([figure, *interval]) + "$"


def _escape(text: str) -> str:
    return "".join(ESCAPES.get(character, character) for character in text)


def format_csv(table: "DataFrame") -> str:
    """Format a table as CSV: floats with all digits, ``nan`` for missing figures."""
    return table.to_csv(index=False, na_rep="nan", lineterminator="\n")
