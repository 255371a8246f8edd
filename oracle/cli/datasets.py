"""oracle datasets: every dataset explained."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from oracle.cli.app import command
from oracle.datasets.catalogue import FOLDER, NAMED


@command("datasets", "oracle datasets")
def datasets_command() -> None:
    """Explain every dataset: layout of its files, licence, citation."""
    console = Console(highlight=False)
    console.print(
        "'oracle bounds NAME --root ROOT' takes a dataset by its name; its files are under ROOT as "
        "shown.\nOnly the owners can license a dataset: read their terms before you use it.\n"
    )
    table = Table(box=None, padding=(0, 2, 1, 0), show_header=False)
    for listing in (*NAMED.values(), FOLDER):
        text = Text(listing.title, style="bold")
        for what, value in (
            ("Files", listing.layout),
            ("Subsets", listing.subsets),
            ("Mixtures (--mixture; by default the first)", listing.mixtures),
            ("Licence", listing.licence),
            ("From", listing.source),
        ):
            if value:
                text.append(f"\n{what}: {value}", style="not bold")
        text.append(f"\n{listing.citation}" if listing.citation else "", style="not bold dim")
        table.add_row(listing.name, text)
    console.print(table)
