"""Where the work runs: this process, local processes, or a Dask cluster.

Workers have the interface of `concurrent.futures`: a job is submitted, a future comes back.
Whatever they are, results are the same to the last bit: BLAS has one thread everywhere.
"""

import multiprocessing
import os
import signal
import threading
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

from oracle.machine.threads import limited_threads
from oracle.runs.plans import Plan

Result = TypeVar("Result")

PACKAGE = "oracle-masks"

# What rounds the last digits of all scores: their FFTs and sums differ between versions.
LIBRARIES = ("numpy", "scipy")

# How long to wait for a scheduler, and for its first worker, in seconds.
PATIENCE = 30


class ClusterLostError(ConnectionError):
    """The cluster is gone: no job can be done any more."""


class Workers(Protocol):
    """Work on jobs, several at a time."""

    here: bool  # in this process, where a job is done as it is submitted

    @property
    def width(self) -> int:
        """How many jobs they work on at a time."""

    def submit(self, job: Callable[[], Result]) -> Future[Result]:
        """Have a job done, if fewer than `width` are being worked on.

        The future has a `BrokenExecutor` for an exception if the worker was killed.
        """


@contextmanager
def workers_on(where: Plan | str) -> Iterator[Workers]:
    """Open workers, and close them, also when a run is interrupted.

    Parameters
    ----------
    where : Plan or str
        How the work is shared out on this machine. Or the address of a Dask scheduler
        (``tcp://host:port``), or its scheduler file; each of its workers does a task at a time, in
        the threads that it has.

    Raises
    ------
    ValueError
        If workers of the cluster have another version of this package.
    ImportError
        If Dask is not installed.
    FileNotFoundError
        If there is no such scheduler file.
    ConnectionError
        If there is no such scheduler, or it has no workers.
    """
    if isinstance(where, str):
        with _cluster(where) as workers:
            yield workers
    elif where.processes == 1:
        with limited_threads(where.threads):
            yield _ThisProcess()
    else:
        with _Processes(where.processes, threads=where.threads) as processes:
            yield processes


class _ThisProcess:
    here = True
    width = 1

    def submit(self, job: Callable[[], Result]) -> Future[Result]:
        future: Future[Result] = Future()
        try:
            future.set_result(job())
        except Exception as error:
            future.set_exception(error)
        return future


class _Process(NamedTuple):
    """A pool of one process, and the number that the process tells as it starts."""

    pool: ProcessPoolExecutor
    pid: Future[int]


class _Processes:
    """Local processes, each in a pool of its own: one that is killed takes no other with it."""

    here = False

    def __init__(self, width: int, *, threads: int) -> None:
        self.width = width
        self._threads = threads
        self._idle: list[_Process] = []
        self._busy: dict[Future[Any], _Process] = {}

    def __enter__(self) -> "_Processes":
        self._idle = [self._start() for _ in range(self.width)]
        try:
            for process in self._idle:
                process.pid.result()
        except BaseException as error:
            self.__exit__()
            if not isinstance(error, BrokenExecutor):
                raise
            raise RuntimeError(
                "jobs must be asked for by a script that other processes can import, under "
                "if __name__ == '__main__': its processes ended as they started"
            ) from error
        return self

    def __exit__(self, *raised: object) -> None:
        # Nothing is running any more, unless this is the end of an interrupted run.
        processes = [*self._idle, *self._busy.values()]
        told = wait([process.pid for process in processes], timeout=PATIENCE).done
        pids = {pid.result() for pid in told if not pid.exception()}
        for process in processes:
            process.pool.shutdown(wait=False, cancel_futures=True)
        for child in multiprocessing.active_children():
            if child.pid in pids:
                child.terminate()
                child.join(PATIENCE)  # what it writes is deleted next

    def submit(self, job: Callable[[], Result]) -> Future[Result]:
        for future in [future for future in self._busy if future.done()]:
            process = self._busy.pop(future)
            if isinstance(future.exception(), BrokenExecutor):
                process.pool.shutdown(wait=False)
                process = self._start()
            self._idle.append(process)
        process = self._idle.pop()
        try:
            future = process.pool.submit(job)
        except BrokenExecutor as error:  # killed since it did its last job
            future = Future()
            future.set_exception(error)
        self._busy[future] = process
        return future

    def _start(self) -> _Process:
        pool = ProcessPoolExecutor(
            1,
            # A fork would copy the locks of the threads that are there.
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_start_worker,
            initargs=(self._threads,),
        )
        return _Process(pool, pool.submit(os.getpid))


_as_long_as_it_lives = ExitStack()


def _start_worker(threads: int) -> None:
    """Prepare a process that is one of several on a machine."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process ends the others
    _as_long_as_it_lives.enter_context(limited_threads(threads))
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End this process when the one that started it has ended, however it has."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@contextmanager
def _cluster(address: str) -> Iterator[Workers]:
    try:
        from distributed import Client
    except ImportError as error:
        raise ImportError(
            "dask must be installed to use a cluster (pip install 'oracle-masks[dask]')"
        ) from error
    if "://" not in address and not Path(address).is_file():
        raise FileNotFoundError(
            "dask must be the address of a scheduler (tcp://host:port) or its scheduler file, "
            f"got {address}: no such file"
        )
    where = {"address" if "://" in address else "scheduler_file": address}
    try:
        client = Client(**where, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ConnectionError(
            f"dask must be the address of a scheduler (tcp://host:port) or its scheduler file, "
            f"got {address} ({error})"
        ) from error
    with client:
        try:
            client.wait_for_workers(1, timeout=PATIENCE)
        except TimeoutError as error:
            raise ConnectionError(
                f"dask must be a scheduler with workers, got {address} with none"
            ) from error
        _check_versions(client)
        yield _Cluster(client)


def _check_versions(client: Any) -> None:
    """Check that the workers compute what this process would."""
    here = version(PACKAGE)
    try:
        there = set(client.run(version, PACKAGE).values())
    except PackageNotFoundError:
        there = {"none"}
    if there != {here}:
        raise ValueError(
            f"dask must have workers with {PACKAGE} {here}, got {', '.join(sorted(there))}"
        )
    for library in LIBRARIES:
        here, there = version(library), set(client.run(version, library).values())
        if there != {here}:
            warnings.warn(
                f"Workers have {library} {', '.join(sorted(there))}, this process has {here}: the "
                "last digits of scores depend on it. Install one version everywhere for files "
                "that are equal to the byte.",
                UserWarning,
                stacklevel=2,
            )


class _Cluster:
    """The workers of a Dask cluster, also those that join or leave it."""

    here = False

    def __init__(self, client: Any) -> None:
        self._client = client
        # Each call is a task of its own, even of the same function on the same track.
        self._executor: Executor = client.get_executor(pure=False, retries=0)

    @property
    def width(self) -> int:
        return max(1, len(self._client.nthreads()))

    def submit(self, job: Callable[[], Result]) -> Future[Result]:
        future: Future[Result] = Future()
        self._executor.submit(_alone, job).add_done_callback(partial(_settle, future))
        return future


def _settle(future: Future[Result], of_cluster: Future[Result]) -> None:
    """Settle a future as that of a cluster is settled, its errors translated."""
    if of_cluster.cancelled():
        future.set_exception(ClusterLostError("dask must stay until the end, got no scheduler"))
        return
    from distributed import KilledWorker

    error = of_cluster.exception()
    if error is None:
        future.set_result(of_cluster.result())
    elif isinstance(error, KilledWorker):
        future.set_exception(BrokenExecutor(str(error)))
    else:
        future.set_exception(error)


_one_at_a_time = threading.Lock()


def _alone(job: Callable[[], Result]) -> Result:
    """Do a job in all threads of a worker of a cluster, after the one that it is doing."""
    from distributed import get_worker

    with _one_at_a_time, limited_threads(get_worker().state.nthreads):
        return job()
