"""oracle methods: every method explained."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from oracle.cli.app import app
from oracle.methods import CEILING, METHODS


@app.command(name="methods", epilog="Example: [b]oracle methods[/b]")
def methods_command() -> None:
    """Explain every method: its formula and where it comes from."""
    console = Console(highlight=False)
    console.print(
        "X is the mixture's STFT, S_j a source's, per channel; 0/0 is 0. "
        "A mask multiplies the mixture's STFT.\n"
    )
    table = Table(box=None, padding=(0, 2, 1, 0), show_header=False)
    for method in (*METHODS.values(), CEILING):
        text = Text.assemble(
            (method.formula, "bold"), f"\n{method.summary}\n", (method.reference, "dim")
        )
        table.add_row(method.name, text)
    console.print(table)
