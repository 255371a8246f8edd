"""What several commands say in a terminal."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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


@contextmanager
def told_to_go_on(out: Path | None) -> Iterator[None]:
    """Say of a run that is interrupted what it leaves, and what to do."""
    try:
        yield
    except KeyboardInterrupt:
        if out is not None:
            print(f"oracle: what is done is in {out}; the same command goes on", file=sys.stderr)
        raise
