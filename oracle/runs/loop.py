"""The loop of a run: claim each track, work on it, keep the result, and record it."""

import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import chain
from typing import Any, Generic, NamedTuple, TypeVar

from oracle.results.failures import MethodError
from oracle.runs.execution import open_workers
from oracle.runs.options import RunOptions
from oracle.runs.plans import Plan, count_tracks
from oracle.runs.progress import show_progress
from oracle.runs.queue import Turn, list_turns, work_through
from oracle.runs.record import Record
from oracle.runs.track_info import TrackInfo
from oracle.tracks.rest import Completed

Result = TypeVar("Result")


class Worked(NamedTuple, Generic[Result]):
    """What the work on a track produced.

    Attributes
    ----------
    info : TrackInfo
        What a reader must know about the track.
    result : object
        What was asked for: rows of scores, files.
    failures : sequence of MethodError
        Methods that failed; they are not in the result.
    """

    info: TrackInfo
    result: Result
    failures: Sequence[MethodError] = ()

    @classmethod
    def on(
        cls, completed: Completed, result: Result, failures: Sequence[MethodError] = ()
    ) -> "Worked[Result]":
        """Join a result with the description of its track."""
        return cls(TrackInfo.of(completed), result, failures)


def _claim_none(turn: Turn) -> TrackInfo | None:
    """Say that no earlier run has done a track."""


def run(
    record: Record,
    work: Callable[[Turn], Callable[..., Worked[Result]]],
    keep: Callable[[Turn, Worked[Result]], object],
    options: RunOptions,
    *,
    claim: Callable[[Turn], TrackInfo | None] = _claim_none,
    metrics: Sequence[str] = (),
    messages: Iterable[str] = (),
) -> None:
    """Work on each track of a record; continue if one fails.

    Parameters
    ----------
    record : Record
        Of the tracks to work on. It notes each track that is done now, was done before, or failed.
        Workers load the tracks of a `Dataset` themselves.
    work : callable
        ``(turn) -> work``: what to do with a track, as in `oracle.runs.queue.work_through`.
    keep : callable
        ``(turn, worked)``: called in this process as each track is done.
    options : RunOptions
        Where to work.
    claim : callable, optional
        ``(turn) -> info``: what an earlier run recorded of a track that it has done, or None.
        Called once per track, in order; the track fails if it raises a ValueError.
    metrics : sequence of str, optional
        The metrics to compute: some take much memory.
    messages : iterable of str, optional
        What to show first.

    Raises
    ------
    TypeError
        If an item is not a `Track`.
    ValueError
        If `jobs` or `dask` is invalid.
    OSError
        At once, if a disk is full.
    """
    with show_progress(options.progress, count_tracks(record.tracks)) as shown:
        for text in messages:
            shown.say(text)

        def fail(turn: Turn, error: BaseException) -> None:
            shown.fail(turn.name)
            record.fail(turn, error)

        def remaining() -> Iterator[Turn]:
            for turn in list_turns(record.tracks):
                try:
                    earlier = claim(turn)
                except ValueError as error:
                    fail(turn, error)
                    continue
                if earlier is None:
                    yield turn
                else:
                    shown.skip(turn.name)
                    record.add(turn, earlier)

        turns = remaining()
        first = next(turns, None)
        if first is None:
            return  # no workers are needed
        where = options.choose_workers(record.tracks, metrics)
        if isinstance(where, Plan) and where.text:
            shown.say(where.text)
        with (
            _rest_is_claimed(turns if shown.total is not None else iter(())),
            open_workers(where) as workers,
            closing(work_through(chain([first], turns), work, workers, shown)) as outcomes,
        ):
            for turn, outcome in outcomes:
                if isinstance(outcome, BaseException):
                    fail(turn, outcome)
                    continue
                for message in outcome.warnings:
                    warnings.warn(message, stacklevel=2)
                shown.done(turn.name, outcome.seconds)
                given = [*record.list_warnings(turn), *outcome.warnings]
                worked = _with_warnings(outcome.result, given)
                keep(turn, worked)
                record.add(turn, worked.info, worked.failures)


@contextmanager
def _rest_is_claimed(turns: Iterator[Turn]) -> Iterator[None]:
    """Claim all tracks even if a run is interrupted: tables keep what earlier runs have done."""
    try:
        yield
    except (KeyboardInterrupt, ConnectionError):
        deque(turns, maxlen=0)
        raise


def _with_warnings(worked: Worked[Any], messages: Iterable[Warning | str]) -> Worked[Any]:
    info = worked.info._replace(warnings=list(dict.fromkeys(map(str, messages))))
    return worked._replace(info=info)
