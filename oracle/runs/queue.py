"""The queue: workers take tracks in turn; a track that fails gets a second turn."""

import errno
import pickle
import warnings
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

from oracle.datasets import Dataset
from oracle.runs.execution import ClusterLostError, Workers
from oracle.runs.fingerprints import stamp_audio, stamp_files
from oracle.runs.progress import Advance, Progress
from oracle.tracks.track import Track

# How often to try a track that fails, or whose worker dies.
ATTEMPTS = 2


@dataclass(frozen=True)
class Turn:
    """A track's turn to be worked on."""

    index: int  # its index among the tracks
    name: str
    subset: str
    load: Callable[[], Track]
    stamp: Callable[[], str]  # makes the fingerprint of its audio
    attempt: int = 1


def list_turns(tracks: Track | Iterable[Track]) -> Iterator[Turn]:
    """Give each track its turn; workers load the tracks of a `Dataset` themselves.

    Raises
    ------
    TypeError
        If an item is not a `Track`.
    """
    if isinstance(tracks, Dataset):
        for index, entry in enumerate(tracks.entries):
            stamp = partial(stamp_files, entry.paths)
            yield Turn(index, entry.name, entry.subset, entry.read, stamp)
        return
    for index, track in enumerate([tracks] if isinstance(tracks, Track) else tracks):
        if not isinstance(track, Track):
            raise TypeError(f"tracks must be Tracks, got {track!r} among them")
        stamp = partial(stamp_audio, track)
        yield Turn(index, track.name, track.subset, partial(_itself, track), stamp)


def _itself(track: Track) -> Track:
    return track


class Outcome(NamedTuple):
    """The outcome of the work on a track.

    Attributes
    ----------
    result : object
        What the work returned.
    seconds : float
        How long the track lasts.
    warnings : list of Warning or str
        Warnings given during the work.
    """

    result: Any
    seconds: float
    warnings: list[Warning | str]


def work_through(
    turns: Iterator[Turn],
    work: Callable[[Turn], Callable[..., Any]],
    workers: Workers,
    shown: Progress,
) -> Generator[tuple[Turn, Outcome | BaseException], None, None]:
    """Have workers load each track and work on it; yield the outcome of each.

    At most one track per worker is in memory. A track that fails, or whose worker is killed, is
    tried once more after the others.

    Parameters
    ----------
    turns : iterator of Turn
        Asked for the next one when a worker is free.
    work : callable
        ``(turn) -> work``: what to do with a track, ``(track, advance=advance) -> result``. This
        calls ``advance`` with what it is doing and the part of the track that it has just done. If
        other processes do it, it must be picklable.
    workers : Workers
        Where to work.
    shown : Progress
        Shows how far the work on a track is, if this process does it.

    Raises
    ------
    OSError
        At once, if a disk is full or the cluster is lost.
    """
    running: dict[Future[Outcome], Turn] = {}
    failed: deque[Turn] = deque()
    large: deque[Turn] = deque()  # may have run out of memory: tried again alone

    def start(turn: Turn) -> None:
        advance = shown.part if workers.here else None
        running[workers.submit(partial(_work_on, turn.load, work(turn), advance))] = turn

    while True:
        while len(running) < workers.width:
            turn = next(turns, None) or (failed.popleft() if failed else None)
            if turn is None:
                break
            start(turn)
        if not running and large:
            start(large.popleft())
        if not running:
            return
        finished, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in finished:
            turn, error = running.pop(future), future.exception()
            if error is None:
                yield turn, future.result()
            elif _ends_the_run(error):
                raise error
            elif turn.attempt < ATTEMPTS:
                out_of_memory = isinstance(error, (BrokenExecutor, MemoryError))
                (large if out_of_memory else failed).append(replace(turn, attempt=turn.attempt + 1))
            else:
                yield turn, error


def _ends_the_run(error: BaseException) -> bool:
    """Tell whether the next track would meet the same error."""
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    return full or isinstance(error, ClusterLostError) or not isinstance(error, Exception)


def _work_on(
    load: Callable[[], Track], work: Callable[..., Any], advance: Advance | None
) -> Outcome:
    """Load a track and work on it."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        try:
            track = load()
            result = work(track, advance=advance or _nothing)
        except Exception as error:
            if advance is None and not _can_travel(error):
                raise RuntimeError(f"{type(error).__name__}: {error}") from error
            raise
    messages = [warning.message for warning in caught]
    if advance is None:
        messages = [m if _can_travel(m) else UserWarning(str(m)) for m in messages]
    return Outcome(result, track.n_samples / track.rate, messages)


def _can_travel(raised: object) -> bool:
    """Tell whether an exception or a warning survives pickling: not all do."""
    try:
        pickle.loads(pickle.dumps(raised))
    except Exception:
        return False
    return True


def _nothing(doing: str, part: float) -> None:
    """Ignore the progress of another process."""
