"""The application that commands are registered with."""

from typing import Annotated

import typer

from oracle import __version__

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="How well can any time-frequency mask separate these sources?",
    epilog="Examples: [b]oracle bounds[/b] | [b]oracle bounds stems/ --out results[/b] | "
    "[b]oracle separate --methods IRM2 --out estimates[/b]. "
    "Exit status: 0 done, 1 error, 2 wrong usage, 3 tracks failed (of check: something is wrong), "
    "130 interrupted.",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"oracle {__version__}")
        raise typer.Exit


@app.callback()
def root_options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Ideal-mask source-separation bounds."""
