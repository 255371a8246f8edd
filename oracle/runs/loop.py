"""The loop of a run: each track is claimed, worked on, kept, and written down in the record."""

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from itertools import chain
from typing import Any, Generic, NamedTuple, TypeVar

from oracle.results.failures import MethodError
from oracle.runs.execution import workers_on
from oracle.runs.options import RunOptions
from oracle.runs.plans import Plan, count_tracks
from oracle.runs.progress import show_progress
from oracle.runs.queue import Task, list_tasks, work_through
from oracle.runs.record import Record
from oracle.runs.track_info import TrackInfo
from oracle.tracks.rest import Completed

Result = TypeVar("Result")


class Worked(NamedTuple, Generic[Result]):
    """What the work on a track found.

    Attributes
    ----------
    info : TrackInfo
        What a reader must know of the track.
    result : object
        What was asked for: rows of scores, files.
    failures : sequence of MethodError
        Methods that failed: nothing of them is in the result.
    """

    info: TrackInfo
    result: Result
    failures: Sequence[MethodError] = ()

    @classmethod
    def on(
        cls, completed: Completed, result: Result, failures: Sequence[MethodError] = ()
    ) -> "Worked[Result]":
        """Tell what was found on a track, and how that was completed."""
        return cls(TrackInfo.of(completed), result, failures)


def _claim_none(task: Task) -> TrackInfo | None:
    """Say that no earlier run has done a track."""


def run(
    record: Record,
    work: Callable[..., Worked[Result]],
    keep: Callable[[Task, Worked[Result]], object],
    options: RunOptions,
    *,
    claim: Callable[[Task], TrackInfo | None] = _claim_none,
    metrics: Sequence[str] = (),
) -> None:
    """Work on each track of a record; go on with the others if one fails.

    Parameters
    ----------
    record : Record
        Of the tracks to work on; those of a `Dataset` are loaded where they are worked on. It is
        told of each track that is done, was done, or failed.
    work : callable
        ``(track, advance=advance) -> worked``, as of `oracle.runs.queue.work_through`.
    keep : callable
        ``(task, worked)``: called in this process as each track is done.
    options : RunOptions
        Where to work.
    claim : callable, optional
        ``(task) -> info``: what an earlier run says of a track that it has done, or None. Called in
        their order, with each once; a ValueError is a failure of the track.
    metrics : sequence of str, optional
        What is computed of each track, as some metrics take much memory.

    Raises
    ------
    TypeError
        If something is no track.
    ValueError
        If `jobs` or `dask` is not what it must be.
    OSError
        At once, if a disk is full.
    """
    with show_progress(options.progress, count_tracks(record.tracks)) as shown:

        def fail(task: Task, error: BaseException) -> None:
            shown.fail(task.name)
            record.fail(task, error)

        def remaining() -> Iterator[Task]:
            for task in list_tasks(record.tracks):
                try:
                    earlier = claim(task)
                except ValueError as error:
                    fail(task, error)
                    continue
                if earlier is None:
                    yield task
                else:
                    shown.skip(task.name)
                    record.add(task, earlier)

        tasks = remaining()
        first = next(tasks, None)
        if first is None:
            return  # no workers are needed
        where = options.choose_workers(record.tracks, metrics)
        if isinstance(where, Plan) and where.text:
            shown.say(where.text)
        with (
            workers_on(where) as workers,
            closing(work_through(chain([first], tasks), work, workers, shown)) as outcomes,
        ):
            for task, outcome in outcomes:
                if isinstance(outcome, BaseException):
                    fail(task, outcome)
                    continue
                for message in outcome.warnings:
                    warnings.warn(message, stacklevel=2)
                shown.done(task.name, outcome.seconds)
                worked = _with_warnings(outcome.result, outcome.warnings)
                keep(task, worked)
                record.add(task, worked.info, worked.failures)


def _with_warnings(worked: Worked[Any], messages: Iterable[Warning | str]) -> Worked[Any]:
    info = worked.info._replace(warnings=[str(message) for message in messages])
    return worked._replace(info=info)
