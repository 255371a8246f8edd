"""Progress: a bar in a terminal, a line per track elsewhere."""

import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

# Called with what is being done and the part of a track that has just been done, from 0 to 1.
Advance = Callable[[str, float], object]

# The rate shown is that of the last few tracks.
RECENT = 32


class Progress:
    """Counts tracks, and shows nothing.

    Parameters
    ----------
    total : int or None
        How many tracks there are, if known.
    """

    def __init__(self, total: int | None) -> None:
        self.total = total
        self.n_done = self.n_failed = self.n_skipped = 0
        self._seconds = 0.0  # of audio that are done
        self._recent = deque([(time.monotonic(), self._seconds)], maxlen=RECENT + 1)

    @property
    def count(self) -> str:
        """How many tracks are finished, and of how many, as text."""
        count = self.n_done + self.n_failed + self.n_skipped
        return str(count) if self.total is None else f"{count}/{self.total}"

    @property
    def rate(self) -> float:
        """Seconds of audio done per second, over the last few tracks."""
        (start, before), (stop, after) = self._recent[0], self._recent[-1]
        return (after - before) / max(stop - start, 1e-9)

    def part(self, doing: str, part: float) -> None:
        """Show what this process is doing, and that it has done a part of a track."""

    def skip(self, name: str) -> None:
        """Count a track that an earlier run has done."""
        self.n_skipped += 1
        self.show(name, "done by an earlier run")

    def done(self, name: str, seconds: float) -> None:
        """Count a track of so many seconds that is done."""
        self.n_done += 1
        self._seconds += seconds
        self._recent.append((time.monotonic(), self._seconds))
        self.show(name, f"done, {self.rate:.3g} x real time")

    def fail(self, name: str) -> None:
        """Count a track that failed."""
        self.n_failed += 1
        self.show(name, "failed")

    def show(self, name: str, state: str) -> None:
        """Show that a track is finished."""

    def say(self, text: str) -> None:
        """Show a message about the whole run."""


class _Lines(Progress):
    def show(self, name: str, state: str) -> None:
        print(f"[{self.count}] {name}: {state}", file=sys.stderr, flush=True)

    def say(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)


class _Bar(Progress):
    def __init__(self, total: int | None, bar: Any) -> None:
        super().__init__(total)
        self._bar = bar
        self._task = bar.add_task("", total=total, state=f"{self.count} tracks")

    def part(self, doing: str, part: float) -> None:
        self._update(doing, advance=part)

    def show(self, name: str, state: str) -> None:
        states = [f"{self.count} tracks"]
        states += [f"{self.n_failed} failed"] if self.n_failed else []
        states += [f"{self.rate:.3g} x real time"] if self.n_done else []
        done = self.n_done + self.n_failed + self.n_skipped
        self._update(name, completed=done, state=", ".join(states))

    def say(self, text: str) -> None:
        self._bar.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def _update(self, description: str, **fields: Any) -> None:
        from rich.markup import escape

        self._bar.update(self._task, description=escape(description), **fields)


@contextmanager
def show_progress(wanted: bool, total: int | None) -> Iterator[Progress]:
    """Show progress on standard error, if it is wanted."""
    if not wanted:
        yield Progress(total)
    elif not sys.stderr.isatty():
        yield _Lines(total)
    else:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[state]}"),
            TimeRemainingColumn(),
            TextColumn("left"),
        )
        with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
            yield _Bar(total, bar)
