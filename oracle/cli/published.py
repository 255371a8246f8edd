"""oracle compare --published: every published table explained."""

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from oracle.comparison.labels import name_window
from oracle.comparison.published_tables import PUBLISHED, Published


def show_published(wanted: bool) -> None:
    """List the published tables, and exit."""
    if not wanted:
        return
    table = Table(box=None, padding=(0, 2, 1, 0), show_header=False)
    for name, load in PUBLISHED.items():
        table.add_row(name, _explain(load()))
    Console(highlight=False).print(table)
    raise typer.Exit


def _explain(published: Published) -> Text:
    text = Text(f"{published.title} on {published.data}", style="bold")
    for what, value in (
        ("Dataset", published.dataset),
        *((f"{c.capitalize()}s", _list(published, c)) for c in ("method", "metric", "target")),
        ("STFT", _name_stft(published)),
        ("Statistic", published.statistic),
        ("Note", published.known_as),
        ("From", published.source),
    ):
        if value:
            text.append(f"\n{what}: {value}", style="not bold")
    return text


def _list(published: Published, column: str) -> str:
    return ", ".join(published.table[column].unique())


def _name_stft(published: Published) -> str:
    stft = published.stft
    if stft is None:
        return "not stated"
    return f"{name_window(stft)} window of {stft.n_fft} samples, hop {stft.hop_length}"
