"""Masks of any frames of a long signal, found chunk by chunk as threads ask for them."""

from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from threading import Lock

import numpy as np

from oracle.machine.threads import n_threads
from oracle.optimal.classes import Mask

# How many finished chunks to keep besides those that threads work on: their neighbours.
KEPT = 4


class Masks:
    """Masks of any frames, found chunk by chunk on demand, each once.

    Parameters
    ----------
    frames : sequence of slice
        The frames of each chunk.
    find : callable
        ``index -> masks`` of a chunk: array of shape (n_sources, n_channels or 1, n_frames,
        n_freqs).
    step : int, optional
        Only every `step`-th chunk is asked for.
    """

    def __init__(
        self, frames: Sequence[slice], find: Callable[[int], Mask], *, step: int = 1
    ) -> None:
        self._frames, self._find, self._step = frames, find, step
        self._starts = [own.start for own in frames]
        self._lock = Lock()
        self._found: OrderedDict[int, Future[Mask]] = OrderedDict()

    def of(self, frames: slice) -> Mask:
        """Return masks, array of shape (n_sources, n_channels or 1, n_frames, n_freqs).

        May be called from several threads, which share the work.
        """
        first = bisect_right(self._starts, frames.start) - 1
        needed = range(first, bisect_left(self._starts, frames.stop))
        parts = []
        for index, future in zip(needed, self._futures(needed), strict=True):
            own = self._frames[index]
            start, stop = max(frames.start - own.start, 0), frames.stop - own.start
            parts.append(future.result()[:, :, start:stop])
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=2)

    def _futures(self, needed: Sequence[int]) -> list[Future[Mask]]:
        """Find the needed chunks that no thread has taken, then later ones while waiting."""
        threads = n_threads()
        last = min(needed[-1] + self._step * (threads + 1), len(self._frames) - 1)
        ahead = range(needed[0], last + 1, self._step)
        futures: dict[int, Future[Mask]] = {}
        while True:
            with self._lock:
                for index in set(needed) & self._found.keys():
                    self._found.move_to_end(index)
                    futures[index] = self._found[index]
                todo = [
                    index for index in ahead if index not in self._found and index not in futures
                ]
                done = len(futures) == len(needed) and all(f.done() for f in futures.values())
                if done or not todo:
                    return [futures[index] for index in needed]
                mine = todo[0]
                future: Future[Mask] = Future()
                self._found[mine] = future
                # Keep chunks in progress, so that no thread finds them again.
                ready = [index for index, each in self._found.items() if each.done()]
                excess = len(self._found) - len(needed) - 2 * threads - KEPT
                for index in ready[: max(excess, 0)]:
                    del self._found[index]
            try:
                future.set_result(self._find(mine))
            except BaseException as error:
                # Threads that wait for it fail too; later ones try again.
                with self._lock:
                    if self._found.get(mine) is future:
                        del self._found[mine]
                future.set_exception(error)
                raise
