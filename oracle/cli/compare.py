"""oracle compare: results side by side, and how far from the bound."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from oracle.cli.app import command
from oracle.cli.figures import draw_comparison
from oracle.cli.options import Debug, split_names, usage
from oracle.cli.published import show_published
from oracle.comparison.files import write_comparison
from oracle.comparison.formats import format_csv, format_latex, format_markdown
from oracle.comparison.side_by_side import compare
from oracle.comparison.tables import lay_out
from oracle.displays.pages import print_page
from oracle.machine.files import new_folder
from oracle.optimal.named import CLASSES, REAL, find_classes
from oracle.results.tables import OverWindows


@command(
    "compare",
    "oracle compare results my_scores  # how far is my system from the bound?",
    "oracle compare new=run1 old=run2 --against old --metrics SDR,SIR",
    "oracle compare museval/ sisec18 --format latex > table.tex",
    "oracle compare --published  # oracles that others published",
    "oracle compare results my_scores --targets vocals --out comparison",
    "oracle compare results my_scores --class COMPLEX  # its masks are complex",
)
def compare_command(
    results: Annotated[
        list[str],
        typer.Argument(
            metavar="RESULTS...",
            help="Folders that 'oracle bounds', 'oracle sweep' or 'oracle score' wrote with --out; "
            "folders of museval's JSON files, of one method or several; published tables "
            "(--published), such as [b]sisec18[/b], SiSEC 2018's oracles. NAME=FOLDER gives one a "
            "name.",
        ),
    ],
    metrics: Annotated[
        str, typer.Option(metavar="NAME,...", help="Metrics, comma-separated.")
    ] = "SDR",
    targets: Annotated[
        str | None,
        typer.Option(metavar="NAME,...", help="Targets, comma-separated.", show_default="all"),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            metavar="METHOD",
            help="Compare all others with this method, named as in the tables.",
            show_default="the first system",
        ),
    ] = None,
    mask_class: Annotated[
        str,
        typer.Option(
            "--class",
            metavar="NAME",
            help=f"Measure distances to OPT and CEILING of this class of masks: "
            f"{', '.join(CLASSES)}.",
        ),
    ] = REAL,
    windows: Annotated[
        OverWindows, typer.Option(help="How to aggregate the windows of a track.")
    ] = "median",
    shown_as: Annotated[
        Literal["terminal", "csv", "markdown", "latex"],
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="What to print: terminal, csv (the scores), markdown or latex (with booktabs).",
        ),
    ] = "terminal",
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Write compare.csv, paired.csv, distances.csv, tracks.csv, compare.md, "
            "compare.tex and figures (see figures/index.html) to this new folder.",
        ),
    ] = None,
    published: Annotated[
        bool,
        typer.Option(
            "--published",
            metavar="",
            callback=show_published,
            is_eager=True,
            help="List the published tables and exit.",
        ),
    ] = False,
    debug: Debug = False,
) -> None:
    """Compare results: scores with intervals, paired differences, and distances to the bounds.

    Distances go from each system to IRM2, and to OPT and CEILING of one class of masks.

    Every method that 'oracle methods' does not list is a system.
    """
    with usage():
        (masks,) = find_classes([mask_class])
    if out is not None:
        new_folder(out)
    names = split_names(metrics)
    some = None if targets is None else split_names(targets)
    comparison = compare(
        results,
        metrics=names,
        targets=some,
        against=against,
        mask_class=masks.name,
        windows=windows,
        progress=True,
    )
    # Write files first: a pager that reads the tables may close the pipe.
    if out is not None:
        write_comparison(comparison, out)
        draw_comparison(comparison, results, out, metrics=names, targets=some)
    if shown_as == "terminal":
        print_page(lay_out(comparison))
        if out is not None:
            print(f"Written to {out}")
    else:
        formats = {
            "csv": lambda c: format_csv(c.scores),
            "markdown": format_markdown,
            "latex": format_latex,
        }
        print(formats[shown_as](comparison), end="")
