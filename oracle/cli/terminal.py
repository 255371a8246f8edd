"""Tables in a terminal."""

from rich.console import Console
from rich.table import Table

MAX_WIDTH = 10_000  # of a table, in characters


def print_whole(console: Console, table: Table) -> None:
    """Print a table, and never cut a number: rather let a narrow terminal wrap the line."""
    width = console.width
    needed = console.measure(table, options=console.options.update(max_width=MAX_WIDTH))
    console.width = max(width, needed.maximum)
    console.print(table)
    console.width = width
