"""Failures of tracks, and of methods on tracks; they can be pickled."""

import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import BrokenExecutor
from typing import Any, TypeVar

Result = TypeVar("Result")


class TrackError(RuntimeError):
    """A track of a run failed: the message names it, `__cause__` says why.

    Attributes
    ----------
    track, subset : str
        Which track.
    """

    def __init__(self, track: str, subset: str, cause: BaseException) -> None:
        reason = str(cause) or type(cause).__name__
        if isinstance(cause, BrokenExecutor):
            reason = "its worker was killed, perhaps because it ran out of memory"
        # File names may hold bytes that are not text.
        super().__init__(f"{track}: {reason}".encode(errors="backslashreplace").decode())
        self.track = track
        self.subset = subset
        self.__cause__ = cause

    def __reduce__(self) -> tuple[Any, ...]:
        return TrackError, (self.track, self.subset, self.__cause__)

    @property
    def method(self) -> str | None:
        """The method that failed on the track; None if the whole track failed."""
        return self.__cause__.method if isinstance(self.__cause__, MethodError) else None

    @property
    def traceback(self) -> str:
        """The traceback of the cause, even from another process."""
        if isinstance(self.__cause__, MethodError):
            return self.__cause__.trace
        return "".join(traceback.format_exception(self.__cause__))


class MethodError(RuntimeError):
    """A single method failed on a track.

    Attributes
    ----------
    method : str
        Which method.
    trace : str
        The traceback of the cause, even from another process.
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
        """Return the same failure under another name of the method."""
        return MethodError(method, self._reason, self.trace)

    def __reduce__(self) -> tuple[Any, ...]:
        return MethodError, (self.method, self._reason, self.trace)


def try_each(
    names: Sequence[str], work: Callable[[Sequence[str]], Mapping[str, Result]]
) -> tuple[dict[str, Result], list[MethodError]]:
    """Run several methods at once; if that fails, one after the other.

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
        The others. An error of the disk or memory is not the method's fault, and is raised.
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


def summarize_failures(failures: Sequence[TrackError]) -> str:
    """Say how many tracks failed, and which methods on how many others."""
    whole = [failure for failure in failures if failure.method is None]
    partly = [failure for failure in failures if failure.method is not None]
    parts = [f"{_count_tracks(whole)} failed"] if whole else []
    if partly:
        methods = ", ".join(dict.fromkeys(str(failure.method) for failure in partly))
        parts.append(f"{methods} failed on {_count_tracks(partly)}")
    return "; ".join(parts)


def _count_tracks(failures: Iterable[TrackError]) -> str:
    count = len({(failure.subset, failure.track) for failure in failures})
    return "1 track" if count == 1 else f"{count} tracks"
