"""Where the work runs: this process, a track at a time."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from oracle.datasets import Dataset
from oracle.threads import one_blas_thread
from oracle.track import Track

if TYPE_CHECKING:
    from pandas import DataFrame

Result = TypeVar("Result")

# Called with what is being done and the part of a track that has just been done, from 0 to 1.
Advance = Callable[[str, float], object]


class TracksFailed(ExceptionGroup[Exception]):
    """Some tracks of a run failed: one exception each, which names it and keeps its cause.

    Attributes
    ----------
    table : DataFrame or None
        The bounds of the other tracks, where `compute_bounds` raises this.
    """

    table: "DataFrame | None" = None


def each_track(
    tracks: Track | Iterable[Track],
    work: Callable[[Track, Advance], Result],
    *,
    progress: bool,
) -> Iterator[Result]:
    """Load each track and work on it; go on with the others if one fails.

    BLAS has one thread meanwhile.

    Parameters
    ----------
    tracks : Track or iterable of Track
        Those of a `Dataset` are loaded one at a time.
    work : callable
        ``(track, advance) -> result``; it calls ``advance`` with what it is doing and the
        part of the track that it has just done.
    progress : bool
        Whether to show a progress bar on standard error, if that is a terminal.

    Yields
    ------
    result : object
        What `work` returned for a track.

    Raises
    ------
    TypeError
        If something is no track.
    TracksFailed
        At the end, if tracks failed.
    """
    failures: list[Exception] = []
    with one_blas_thread(), progress_bar(progress, tracks) as advance:
        for name, load in _by_name(tracks):
            try:
                result = work(load(), advance)
            except Exception as error:
                message = f"{name}: {str(error) or type(error).__name__}"
                # File names may hold bytes that are no text.
                printable = message.encode(errors="backslashreplace").decode()
                failures.append(RuntimeError(printable))
                failures[-1].__cause__ = error
            else:
                yield result
    if failures:
        count = "1 track" if len(failures) == 1 else f"{len(failures)} tracks"
        raise TracksFailed(f"{count} failed", failures)


def _by_name(tracks: Track | Iterable[Track]) -> Iterator[tuple[str, Callable[[], Track]]]:
    """Give each track as its name and a function that loads it, which may fail."""
    if isinstance(tracks, Dataset):
        yield from ((entry.name, entry.read) for entry in tracks.entries)
    else:
        for track in [tracks] if isinstance(tracks, Track) else tracks:
            if not isinstance(track, Track):
                raise TypeError(f"tracks must be a Track or several, got {track!r}")
            yield track.name, partial(_itself, track)


def _itself(track: Track) -> Track:
    return track


@contextmanager
def progress_bar(show: bool, tracks: Track | Iterable[Track]) -> Iterator[Advance]:
    """Show a progress bar of the work on tracks on standard error, if that is a terminal."""
    if not (show and sys.stderr.isatty()):
        yield lambda doing, part: None
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import Progress

    n_tracks = 1 if isinstance(tracks, Track) else None
    if isinstance(tracks, Sized):
        n_tracks = len(tracks)
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=n_tracks)
        yield lambda doing, part: bar.update(task, advance=part, description=escape(doing))
