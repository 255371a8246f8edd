"""Tables of a comparison: laid out once, as Markdown, as LaTeX, and as files."""

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from oracle.comparison.side_by_side import Comparison
from oracle.displays.pages import Grid
from oracle.machine.files import new_folder, write_whole
from oracle.optimal.named import CLASSES
from oracle.results.tables import PERFECT_DB, has_infinite

if TYPE_CHECKING:
    from pandas import DataFrame, Series

# A cell of numbers alone, which LaTeX sets as mathematics.
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


def lay_out(comparison: Comparison) -> Iterator[Grid | str]:
    """Lay out a comparison as the command prints it: tables, and notes below them."""
    yield from grids(comparison)
    yield from comparison.notes


def grids(comparison: Comparison) -> Iterator[Grid]:
    """Lay out the tables of a comparison: scores, paired differences and distances by metric.

    Differences of bounds are left out where a system is the reference: those are distances.
    """
    for metric in comparison.scores["metric"].unique():
        yield _scores(comparison, metric)
        paired = comparison.paired[comparison.paired["metric"] == metric]
        if comparison.against in comparison.systems:  # to the bounds there are distances
            paired = paired[paired["method"].isin(comparison.systems)]
        if not paired.empty:
            yield _paired(comparison, paired, metric)
        distances = comparison.distances[comparison.distances["metric"] == metric]
        if not distances.empty:
            yield _distances(comparison, distances, metric)


def _scores(comparison: Comparison, metric: str) -> Grid:
    table = comparison.scores[comparison.scores["metric"] == metric]
    targets = list(table["target"].unique())
    found = list(table["method"].unique())
    systems = [method for method in found if method in comparison.systems]
    methods = systems + [method for method in found if method not in systems]
    columns = {"tracks": "n_tracks", "windows": "n_windows", "NaN": "n_nan"}
    spoilt = has_infinite(table)
    columns |= {"inf": "n_inf"} if spoilt else {}
    rows = []
    for method in methods:
        of_method = table[table["method"] == method].set_index("target")
        cells = [_estimate(of_method.loc[t]) if t in of_method.index else "" for t in targets]
        counts = (_span(of_method[column]) for column in columns.values())
        rows.append([method, *cells, *counts])
    best = _best(table, systems, targets)
    ranges = any("-" in cell for row in rows for cell in row[-len(columns) :])
    return Grid(
        key=f"scores-{metric}",
        title=f"{metric} in dB",
        legend=f"{comparison.windows.capitalize()} over the windows of a track that are not NaN, "
        f"then median over tracks{_interval(comparison, table)}."
        + (f" inf: scores above {PERFECT_DB:g} dB, infinite but for rounding." if spoilt else "")
        + (" A range of counts: they differ by target." if ranges else ""),
        header=["method", *targets, *columns],
        rows=rows,
        bold=best,
        rule=len(systems) if 0 < len(systems) < len(methods) else None,
    )


def _best(table: "DataFrame", systems: list[str], targets: list[str]) -> set[tuple[int, int]]:
    """Find the best of several systems, target by target; bounds do not compete."""
    of_systems = table[table["method"].isin(systems)].dropna(subset="median")
    if len(systems) < 2:
        return set()
    best = of_systems.groupby("target")["median"].transform("max") == of_systems["median"]
    return {
        (systems.index(method), 1 + targets.index(target))
        for method, target in of_systems.loc[best, ["method", "target"]].itertuples(index=False)
    }


def _paired(comparison: Comparison, table: "DataFrame", metric: str) -> Grid:
    rows = [
        [row["method"], row["target"], *_difference(row), _p_value(row["p_value"])]
        for _, row in table.iterrows()
    ]
    n_tests = int(table["p_value"].notna().sum())
    corrected = f"; not corrected for the number of tests, {n_tests} here" if n_tests else ""
    return Grid(
        key=f"paired-{metric}",
        title=f"{metric}: difference from {comparison.against} in dB",
        legend=f"Of the differences track by track, over the tracks with a score of both: median"
        f"{_interval(comparison, table)}, and mean.{_unpaired(table)} p: Wilcoxon's signed-rank "
        f"test, two-sided, without zeros{corrected}.",
        header=["method", "target", "tracks", "median", "mean", "p"],
        rows=rows,
        n_names=2,
    )


def _distances(comparison: Comparison, table: "DataFrame", metric: str) -> Grid:
    rows = [
        [row["method"], row["bound"], row["target"], *_difference(row), _above(row)]
        for _, row in table.iterrows()
    ]
    return Grid(
        key=f"distances-{metric}",
        title=f"{metric}: distance to the bounds in dB",
        legend="How much higher the bound is, track by track: "
        f"median{_interval(comparison, table)} and mean.{_unpaired(table)} Above: how many windows "
        "of the system exceed the ceiling, or how many tracks if the metric is of whole tracks. "
        f"There it does what no mask ({CLASSES[comparison.mask_class].formula}) at that STFT does.",
        header=["system", "bound", "target", "tracks", "median", "mean", "above"],
        rows=rows,
        n_names=3,
    )


def _interval(comparison: Comparison, table: "DataFrame") -> str:
    if table["median_low"].isna().all():  # one track
        return ""
    return f" [{100 * comparison.confidence:g} % bootstrap interval over tracks]"


def _unpaired(table: "DataFrame") -> str:
    if table["paired"].all():
        return ""
    return " Unpaired: scores by track are not known, differences of the medians and of the means."


def _difference(row: "Series") -> list[str]:
    tracks = str(row["n_tracks"]) if row["paired"] else "unpaired"
    return [tracks, _estimate(row), _number(row["mean"])]


def _estimate(row: "Series") -> str:
    ends = (row["median_low"], row["median_high"])
    interval = "" if any(map(math.isnan, ends)) else " [{}, {}]".format(*map(_number, ends))
    return _number(row["median"]) + interval


def _number(value: float) -> str:
    return f"{value:.2f}"


def _p_value(value: float) -> str:
    if math.isnan(value):
        return ""
    return "<0.0001" if value < 1e-4 else f"{value:.4f}"


def _above(row: "Series") -> str:
    import pandas as pd

    return "" if pd.isna(row["n_above"]) else f"{row['n_above']} of {row['n_windows']}"


def _span(counts: "Series") -> str:
    low, high = counts.min(), counts.max()
    return str(low) if low == high else f"{low}-{high}"


def markdown(comparison: Comparison) -> str:
    """Format a comparison as Markdown; of several systems the best figures are bold."""
    parts = []
    for grid in grids(comparison):
        lines = [
            grid.header,
            [*grid.n_names * ["---"], *(len(grid.header) - grid.n_names) * ["---:"]],
        ]
        for i, row in enumerate(grid.rows):
            cells = (cell.replace("\\", "\\\\").replace("|", "\\|") for cell in row)
            lines.append([f"**{c}**" if (i, j) in grid.bold else c for j, c in enumerate(cells)])
        table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        parts.append(f"**{grid.title}**\n\n{table}\n\n{grid.legend}{_bold_is(grid)}\n")
    if comparison.notes:
        parts.append("".join(f"- {note}\n" for note in comparison.notes))
    return "\n".join(parts)


def latex(comparison: Comparison) -> str:
    r"""Format a comparison as tables for a paper: LaTeX with ``\usepackage{booktabs}``.

    Of several systems the best figures are bold, and a rule stands between systems and bounds.
    """
    parts = [r"% \usepackage{booktabs}", *(f"% {' '.join(n.split())}" for n in comparison.notes)]
    for grid in grids(comparison):
        n_numbers = len(grid.header) - grid.n_names
        parts += [
            "",
            r"\begin{table*}",
            r"  \centering\small",
            rf"  \caption{{{_escaped(f'{grid.title}. {grid.legend}{_bold_is(grid)}')}}}",
            rf"  \label{{tab:{re.sub(r'[^a-z0-9-]', '', grid.key.lower())}}}",
            rf"  \begin{{tabular}}{{@{{}}{'l' * grid.n_names}{'r' * n_numbers}@{{}}}}",
            r"    \toprule",
            _line([_escaped(name) for name in grid.header]),
            r"    \midrule",
        ]
        for i, row in enumerate(grid.rows):
            if i == grid.rule:
                parts.append(r"    \midrule")
            parts.append(
                _line(
                    [
                        _escaped(cell) if j < grid.n_names else _set(cell, (i, j) in grid.bold)
                        for j, cell in enumerate(row)
                    ]
                )
            )
        parts += [r"    \bottomrule", r"  \end{tabular}", r"\end{table*}"]
    return "\n".join(parts) + "\n"


def _bold_is(grid: Grid) -> str:
    return " Bold: the best system." if grid.bold else ""


def _line(cells: list[str]) -> str:
    # What ends the line before would take a bracket or a star as its own.
    start = "{}" if cells[0].startswith(("[", "*")) else ""
    return rf"    {start}{' & '.join(cells)} \\"


def _set(cell: str, bold: bool) -> str:
    if cell == "nan":
        return "--"
    if not NUMBERS.fullmatch(cell):
        return _escaped(cell)
    figure, *interval = cell.replace("inf", r"\infty").split(" ", 1)
    figure = rf"\mathbf{{{figure}}}" if bold else figure
    return "$" + r"\ ".join([figure, *interval]) + "$"


def _escaped(text: str) -> str:
    return "".join(ESCAPES.get(character, character) for character in text)


def write_comparison(comparison: Comparison, out: Path) -> None:
    """Write the tables of a comparison to a new or empty folder.

    ``compare.csv``, ``paired.csv``, ``distances.csv`` and ``tracks.csv`` hold the tables of
    `oracle.Comparison` with all digits, ``compare.md`` and ``compare.tex`` what one reads.

    Raises
    ------
    ValueError
        If the folder is not empty, or is a file.
    """
    new_folder(out)
    tables = {
        "compare": comparison.scores,
        "paired": comparison.paired,
        "distances": comparison.distances,
        "tracks": comparison.tracks,
    }
    for name, table in tables.items():
        write_whole(out / f"{name}.csv", table_csv(table))
    write_whole(out / "compare.md", markdown(comparison))
    write_whole(out / "compare.tex", latex(comparison))


def table_csv(table: "DataFrame") -> str:
    """Format a table as CSV: floats with all digits, ``nan`` where there is no figure."""
    return table.to_csv(index=False, na_rep="nan", lineterminator="\n")
