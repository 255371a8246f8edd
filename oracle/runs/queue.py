"""The queue: tracks stream through workers; one that fails is tried again, and named."""

import errno
import pickle
import traceback
import warnings
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from oracle.datasets import Dataset
from oracle.runs.execution import ClusterLostError, Workers, workers_on
from oracle.runs.fingerprints import stamp_of_audio, stamp_of_files
from oracle.runs.plans import Jobs, Plan, count_tracks, make_plan
from oracle.runs.progress import Advance, Progress, show_progress
from oracle.tracks.track import Track

if TYPE_CHECKING:
    from pandas import DataFrame

Result = TypeVar("Result")

# How often a track is tried that fails, or whose worker dies.
ATTEMPTS = 2


class TrackError(RuntimeError):
    """A track of a run failed: the message names it, `__cause__` is why.

    Attributes
    ----------
    track, subset : str
        Which track.
    """

    def __init__(self, track: str, subset: str, cause: BaseException) -> None:
        reason = str(cause) or type(cause).__name__
        if isinstance(cause, BrokenExecutor):
            reason = "its worker was killed, perhaps for want of memory"
        # File names may hold bytes that are no text.
        super().__init__(f"{track}: {reason}".encode(errors="backslashreplace").decode())
        self.track = track
        self.subset = subset
        self.__cause__ = cause

    def __reduce__(self) -> tuple[Any, ...]:
        return TrackError, (self.track, self.subset, self.__cause__)

    @property
    def method(self) -> str | None:
        """The method that failed on the track, if others did not."""
        return self.__cause__.method if isinstance(self.__cause__, MethodError) else None

    @property
    def traceback(self) -> str:
        """The traceback of the cause, also of one in another process."""
        if isinstance(self.__cause__, MethodError):
            return self.__cause__.trace
        return "".join(traceback.format_exception(self.__cause__))


class MethodError(RuntimeError):
    """A method failed on a track on which others did not.

    Attributes
    ----------
    method : str
        Which method.
    trace : str
        The traceback of the cause, also of one in another process.
    """

    def __init__(self, method: str, reason: str, trace: str) -> None:
        super().__init__(f"{method}: {reason}")
        self.method, self._reason, self.trace = method, reason, trace

    @classmethod
    def of(cls, method: str, cause: Exception) -> "MethodError":
        """Describe the failure of a method."""
        trace = "".join(traceback.format_exception(cause))
        return cls(method, str(cause) or type(cause).__name__, trace)

    def renamed(self, method: str) -> "MethodError":
        """Describe the same failure of a method that is called otherwise."""
        return MethodError(method, self._reason, self.trace)

    def __reduce__(self) -> tuple[Any, ...]:
        return MethodError, (self.method, self._reason, self.trace)


def try_each(
    names: Sequence[str], work: Callable[[Sequence[str]], Mapping[str, Result]]
) -> tuple[dict[str, Result], list[MethodError]]:
    """Work on several methods at once; if that fails, on one after the other.

    Parameters
    ----------
    names : sequence of str
        Names of methods.
    work : callable
        ``names -> results``, by name.

    Returns
    -------
    results : dict
        Of the methods that did not fail.
    failures : list of MethodError
        The others. What is not the method's fault, a full disk or memory, is raised.
    """
    try:
        return dict(work(names)), []
    except (MemoryError, OSError):
        raise
    except Exception as error:
        if len(names) == 1:
            return {}, [MethodError.of(names[0], error)]
    results: dict[str, Result] = {}
    failures: list[MethodError] = []
    for name in names:
        found, failed = try_each([name], work)
        results |= found
        failures += failed
    return results, failures


class TracksFailed(ExceptionGroup[Exception]):
    """Some tracks of a run failed: one exception each, which names it and keeps its cause.

    Attributes
    ----------
    table : DataFrame or None
        The bounds of the other tracks, where `compute_bounds` raises this.
    """

    table: "DataFrame | None" = None

    @classmethod
    def of(cls, failures: Iterable[TrackError]) -> "TracksFailed":
        """Group failures, of tracks and of methods on tracks."""
        several = list(failures)
        whole = [failure for failure in several if failure.method is None]
        partly = [failure for failure in several if failure.method is not None]
        parts = [f"{_count_of_tracks(whole)} failed"] if whole else []
        if partly:
            methods = ", ".join(dict.fromkeys(str(failure.method) for failure in partly))
            parts.append(f"{methods} failed on {_count_of_tracks(partly)}")
        return cls("; ".join(parts), several)

    @property
    def failures(self) -> list[TrackError]:
        """The exceptions, by the places of their tracks."""
        return [error for error in self.exceptions if isinstance(error, TrackError)]


def _count_of_tracks(failures: Iterable[TrackError]) -> str:
    count = len({(failure.subset, failure.track) for failure in failures})
    return "1 track" if count == 1 else f"{count} tracks"


@dataclass(frozen=True)
class Task:
    """A track to work on."""

    index: int  # its place among the tracks
    name: str
    subset: str
    load: Callable[[], Track]
    stamp: Callable[[], str]  # of what is loaded
    attempt: int = 1


class Done(NamedTuple, Generic[Result]):
    """What has become of a task."""

    task: Task
    result: Result
    warnings: list[str]


def list_tasks(tracks: Track | Iterable[Track]) -> Iterator[Task]:
    """Give each track a task; those of a `Dataset` are loaded where they are worked on.

    Raises
    ------
    TypeError
        If something is no track.
    """
    if isinstance(tracks, Dataset):
        for index, entry in enumerate(tracks.entries):
            stamp = partial(stamp_of_files, entry.paths)
            yield Task(index, entry.name, entry.subset, entry.read, stamp)
        return
    for index, track in enumerate([tracks] if isinstance(tracks, Track) else tracks):
        if not isinstance(track, Track):
            raise TypeError(f"tracks must be a Track or several, got {track!r}")
        stamp = partial(stamp_of_audio, track)
        yield Task(index, track.name, track.subset, partial(_itself, track), stamp)


def _itself(track: Track) -> Track:
    return track


def each_track(
    tracks: Track | Iterable[Track],
    work: Callable[..., Result],
    *,
    progress: bool,
    jobs: Jobs = None,
    dask: str | None = None,
    metrics: Sequence[str] = (),
    skip: Callable[[Task], bool] = lambda task: False,
) -> Generator[Done[Result], None, None]:
    """Load each track and work on it; go on with the others if one fails.

    At most as many tracks as are worked on at a time are in memory. One that fails, or
    whose worker is killed, is tried once more when the others are done.

    Parameters
    ----------
    tracks : Track or iterable of Track
        Those of a `Dataset` are loaded where they are worked on.
    work : callable
        ``(track, advance=advance) -> result``; it calls ``advance`` with what it is doing and the
        part of the track that it has just done. For other processes it can be pickled.
    progress : bool
        Whether to show progress on standard error.
    jobs, dask
        Where to work, see `oracle.compute_bounds`.
    metrics : sequence of str, optional
        What is computed of each track, as some metrics take much memory.
    skip : callable, optional
        ``(task) -> bool``: whether there is nothing to do for a track. Called in their order,
        with each once; a ValueError is a failure of the track.

    Yields
    ------
    done : Done
        What `work` returned for a track, as they are done.

    Raises
    ------
    TypeError
        If something is no track.
    ValueError
        If `jobs` or `dask` is not what it must be.
    OSError
        At once, if a disk is full.
    TracksFailed
        At the end, if tracks failed.
    """
    failures: dict[int, TrackError] = {}
    total = count_tracks(tracks)
    with show_progress(progress, total) as shown:

        def fail(task: Task, error: BaseException) -> None:
            shown.fail(task.name)
            failures[task.index] = TrackError(task.name, task.subset, error)

        def remaining() -> Iterator[Task]:
            for task in list_tasks(tracks):
                try:
                    skipped = skip(task)
                except ValueError as error:
                    fail(task, error)
                    continue
                if skipped:
                    shown.skip(task.name)
                else:
                    yield task

        tasks = remaining()
        first = next(tasks, None)
        if first is not None:  # else no workers are needed
            where = _where(tracks, jobs, dask, metrics)
            if isinstance(where, Plan) and where.text:
                shown.say(where.text)
            with workers_on(where) as workers:
                for task, outcome in _run(workers, chain([first], tasks), work, shown):
                    if isinstance(outcome, BaseException):
                        fail(task, outcome)
                        continue
                    for message in outcome.warnings:
                        warnings.warn(message, stacklevel=2)
                    shown.done(task.name, outcome.seconds)
                    yield Done(task, outcome.result, [str(w) for w in outcome.warnings])
    if failures:
        raise TracksFailed.of(failures[index] for index in sorted(failures))


def _where(
    tracks: Track | Iterable[Track], jobs: Jobs, dask: str | None, metrics: Sequence[str]
) -> Plan | str:
    """Tell where to work: here, by a plan, or on a cluster."""
    if dask is None:
        return make_plan(tracks, jobs, metrics=metrics)
    if jobs is not None:
        raise ValueError(f"jobs must not be given with dask, got {jobs}")
    return dask


class _Outcome(NamedTuple):
    result: Any
    seconds: float  # that the track lasts
    warnings: list[Warning | str]


def _run(
    workers: Workers,
    tasks: Iterator[Task],
    work: Callable[..., Any],
    shown: Progress,
) -> Iterator[tuple[Task, _Outcome | BaseException]]:
    """Run tasks, as many at a time as there are workers; yield what becomes of each."""
    running: dict[Future[_Outcome], Task] = {}
    failed: deque[Task] = deque()
    large: deque[Task] = deque()  # which may have been too much: tried again alone

    def start(task: Task) -> None:
        advance = shown.part if workers.here else None
        running[workers.submit(partial(_work_on, task.load, work, advance))] = task

    while True:
        while len(running) < workers.width:
            task = next(tasks, None) or (failed.popleft() if failed else None)
            if task is None:
                break
            start(task)
        if not running and large:
            start(large.popleft())
        if not running:
            return
        finished, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in finished:
            task, error = running.pop(future), future.exception()
            if error is None:
                yield task, future.result()
            elif _ends_the_run(error):
                raise error
            elif task.attempt < ATTEMPTS:
                out_of_memory = isinstance(error, (BrokenExecutor, MemoryError))
                (large if out_of_memory else failed).append(replace(task, attempt=task.attempt + 1))
            else:
                yield task, error


def _ends_the_run(error: BaseException) -> bool:
    """Tell what the next track would meet as well."""
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    return full or isinstance(error, ClusterLostError) or not isinstance(error, Exception)


def _work_on(
    load: Callable[[], Track], work: Callable[..., Any], advance: Advance | None
) -> _Outcome:
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
    return _Outcome(result, track.n_samples / track.rate, messages)


def _can_travel(raised: object) -> bool:
    """Tell whether another process can read an exception or a warning: not all can be."""
    try:
        pickle.loads(pickle.dumps(raised))
    except Exception:
        return False
    return True


def _nothing(doing: str, part: float) -> None:
    """Take no notice of a part that is done elsewhere."""
