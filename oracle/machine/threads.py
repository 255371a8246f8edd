"""Threads: work on independent pieces of arrays in parallel.

numpy, scipy's FFT and BLAS release the GIL while they work.
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
    """Count the threads to use: one per core, fewer within `limited_threads`."""
    return min(n_cores(), _limit)


@contextmanager
def limited_threads(count: int) -> Iterator[None]:
    """Limit this process to `count` threads, and BLAS to one."""
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
    """Work on each piece, in `workers` threads (-1: `n_threads`).

    Yields the results in the order of the pieces; raises the first error. The first call changes
    how malloc treats freed memory, in the whole process.
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
    """Keep BLAS to one thread, in the whole process.

    Waiting BLAS threads spin, and take cores from other processes: two runs at once took twice as
    long. BLAS's sums depend on its number of threads. With several threads it crashes on equations
    of some 16 000 unknowns.

    The context may be nested, and entered by several threads at once: the last one to leave gives
    BLAS its threads back.
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
        # scipy has its own BLAS, which can be limited only once it is loaded.
        import scipy.linalg  # noqa: F401
        import threadpoolctl

        # From version 3.8 on, threadpoolctl lets one thread alone control BLAS while it lives.
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
    """Make glibc's malloc keep the memory of freed arrays of up to 31 MiB.

    malloc gives a freed block back to the system if it is larger than any freed before
    (mallopt(3), M_MMAP_THRESHOLD). The system then clears every page for the next array, which
    costs more than most of the work here. The block below is never touched, so it costs nothing.
    """
    np.empty(31 * 2**20, np.uint8)
