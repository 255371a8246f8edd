"""Threads: work on independent pieces of arrays side by side.

numpy, scipy's FFT and BLAS let other threads run while they work.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

import numpy as np

Piece = TypeVar("Piece")
Result = TypeVar("Result")


def n_cores() -> int:
    """Count the cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def in_threads(
    work: Callable[[Piece], Result], pieces: Iterable[Piece], *, workers: int = -1
) -> Iterator[Result]:
    """Work on each piece, in as many threads as there are workers (-1: cores).

    Yields the results in the order of the pieces, as they are done; raises the first error.
    The first call changes, for the whole process, what malloc does with freed memory.
    """
    _keep_freed_memory()
    if workers == 1:
        yield from map(work, pieces)
        return
    with ThreadPoolExecutor(n_cores() if workers == -1 else workers) as pool:
        yield from pool.map(work, pieces)


@cache
def _keep_freed_memory() -> None:
    """Have glibc's malloc keep the memory of arrays up to 31 MiB, once they are freed.

    It gives back each block that is larger than the largest freed so far (mallopt(3),
    M_MMAP_THRESHOLD), and the system then clears every page again for the next array, which
    costs more than most of the work here. This block is never touched, hence free.
    """
    np.empty(31 * 2**20, np.uint8)
