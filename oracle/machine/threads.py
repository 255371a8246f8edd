"""Threads: work on independent pieces of arrays side by side.

numpy, scipy's FFT and BLAS let other threads run while they work.
"""

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import TypeVar

import numpy as np

Piece = TypeVar("Piece")
Result = TypeVar("Result")


def n_cores() -> int:
    """Count the cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def n_threads() -> int:
    """Count the threads that work side by side: one a core, fewer within `limited_threads`."""
    return min(n_cores(), _limit)


@contextmanager
def limited_threads(count: int) -> Iterator[None]:
    """Work in so many threads at the most, as one of several processes on a machine."""
    global _limit
    before, _limit = _limit, count
    try:
        with one_blas_thread():
            yield
    finally:
        _limit = before


_limit = sys.maxsize  # of threads in this process


def in_threads(
    work: Callable[[Piece], Result], pieces: Iterable[Piece], *, workers: int = -1
) -> Iterator[Result]:
    """Work on each piece, in as many threads as there are workers (-1: `n_threads`).

    Yields the results in the order of the pieces, as they are done; raises the first error.
    The first call changes, for the whole process, what malloc does with freed memory.
    """
    _keep_freed_memory()
    count = n_threads() if workers == -1 else min(workers, _limit)
    if count == 1:
        yield from map(work, pieces)
        return
    with ThreadPoolExecutor(count) as pool:
        yield from pool.map(work, pieces)


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Keep BLAS, of the whole process, to one thread.

    Threads of BLAS wait by spinning. Beside other processes that work they take the cores from
    each other; two runs at once took twice as long. Its sums depend on how many it has. And on
    equations of some 16 000 unknowns several crash.

    It may be entered again, and by several threads at once: the last one out gives BLAS its
    threads back.
    """
    global _blas
    with _turn:
        _blas = _blas or _Blas()
        _blas.users += 1
    try:
        yield
    finally:
        with _turn:
            _blas.users -= 1
            if not _blas.users:
                _blas.release()
                _blas = None


class _Blas:
    """BLAS while it has one thread."""

    def __init__(self) -> None:
        # scipy has a BLAS of its own, which is limited only once it is there.
        import scipy.linalg  # noqa: F401
        import threadpoolctl

        # From its version 3.8 on it obeys one thread alone, as long as that lives.
        openblas = threadpoolctl.OpenBLASController
        self._obey: Callable[..., object] = getattr(
            openblas, "clear_controlling_thread", lambda force: None
        )
        self._obey(force=True)
        self._limits = threadpoolctl.threadpool_limits(1, user_api="blas")
        self.users = 0

    def release(self) -> None:
        """Give BLAS its threads back."""
        self._obey(force=True)
        self._limits.restore_original_limits()


_turn = Lock()
_blas: _Blas | None = None


@cache
def _keep_freed_memory() -> None:
    """Have glibc's malloc keep the memory of arrays up to 31 MiB, once they are freed.

    It gives back each block that is larger than the largest freed so far (mallopt(3),
    M_MMAP_THRESHOLD), and the system then clears every page again for the next array, which
    costs more than most of the work here. This block is never touched, hence free.
    """
    np.empty(31 * 2**20, np.uint8)
