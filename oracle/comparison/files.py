"""Files of a comparison."""

from pathlib import Path

from oracle.comparison.formats import format_csv, format_latex, format_markdown
from oracle.comparison.side_by_side import Comparison
from oracle.machine.files import new_folder, write_whole


def write_comparison(comparison: Comparison, out: Path) -> None:
    """Write the tables of a comparison to a new or empty folder.

    ``compare.csv``, ``paired.csv``, ``distances.csv`` and ``tracks.csv`` hold the tables of
    `oracle.Comparison` with all digits; ``compare.md`` and ``compare.tex`` are for readers.

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
        write_whole(out / f"{name}.csv", format_csv(table))
    write_whole(out / "compare.md", format_markdown(comparison))
    write_whole(out / "compare.tex", format_latex(comparison))
