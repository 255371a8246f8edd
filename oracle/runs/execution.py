"""Where the work runs: this process, local processes, or a Dask cluster.

Workers follow `concurrent.futures`: submit a job, get a future. Results are the same to the last
bit wherever the work runs, because BLAS always has one thread.
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

# These decide the last digits of all scores: their FFTs and sums differ between versions.
LIBRARIES = ("numpy", "scipy")

# How long to wait for a scheduler, and for its first worker, in seconds.
PATIENCE = 30


class ClusterLostError(ConnectionError):
    """The cluster is gone: no more jobs can be done."""


class Workers(Protocol):
    """Do jobs, several at a time."""

    here: bool  # whether jobs are done in this process, while they are submitted

    @property
    def width(self) -> int:
        """How many jobs they do at a time."""

    def submit(self, job: Callable[[], Result]) -> Future[Result]:
        """Start a job; fewer than `width` must be under way.

        If the worker is killed, the exception of the future is a `BrokenExecutor`.
        """


@contextmanager
def open_workers(where: Plan | str) -> Iterator[Workers]:
    """Open workers, and close them at the end, even if the run is interrupted.

    Parameters
    ----------
    where : Plan or str
        A plan for this machine; or the address of a Dask scheduler (``tcp://host:port``), or its
        scheduler file. Each Dask worker does one job at a time, in all of its threads.

    Raises
    ------
    ValueError
        If workers of the cluster have another version of this package, or none.
    ImportError
        If Dask is not installed.
    FileNotFoundError
        If there is no such scheduler file.
    ConnectionError
        If there is no such scheduler, or it has no workers.
    """
    if isinstance(where, str):
        with _open_cluster(where) as workers:
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
    """Local processes, each in its own pool, so that killing one leaves the others alone."""

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
                "jobs must be set in a script that other processes can import, under "
                "if __name__ == '__main__', got processes that ended as they started"
            ) from error
        return self

    def __exit__(self, *raised: object) -> None:
        # Jobs are still running only if the run was interrupted.
        processes = [*self._idle, *self._busy.values()]
        told = wait([process.pid for process in processes], timeout=PATIENCE).done
        pids = {pid.result() for pid in told if not pid.exception()}
        for process in processes:
            process.pool.shutdown(wait=False, cancel_futures=True)
        for child in multiprocessing.active_children():
            if child.pid in pids:
                child.terminate()
                child.join(PATIENCE)  # its partial files are deleted next

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
        except BrokenExecutor as error:  # killed since its last job
            future = Future()
            future.set_exception(error)
        self._busy[future] = process
        return future

    def _start(self) -> _Process:
        pool = ProcessPoolExecutor(
            1,
            # A fork would copy locks that other threads hold.
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_start_worker,
            initargs=(self._threads,),
        )
        return _Process(pool, pool.submit(os.getpid))


_as_long_as_it_lives = ExitStack()


def _start_worker(threads: int) -> None:
    """Prepare a process that is one of several on a machine."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the main process ends the workers
    _as_long_as_it_lives.enter_context(limited_threads(threads))
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End this process once its parent has ended, for whatever reason."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@contextmanager
def _open_cluster(address: str) -> Iterator[Workers]:
    try:
        from distributed import Client
    except ImportError as error:
        raise ImportError(
            "dask must be installed to use a cluster: "
            "pip install 'oracle-masks[dask]' (in a clone: pip install '.[dask]')"
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
    """Check that workers have this version of the package; warn if scores may differ."""
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
                "last digits of scores may differ. Install the same version everywhere to get "
                "identical files.",
                UserWarning,
                stacklevel=2,
            )


class _Cluster:
    """The workers of a Dask cluster, which may join and leave."""

    here = False

    def __init__(self, client: Any) -> None:
        self._client = client
        # Each call is a task of its own, even if it repeats another.
        self._executor: Executor = client.get_executor(pure=False, retries=0)

    @property
    def width(self) -> int:
        return max(1, len(self._client.nthreads()))

    def submit(self, job: Callable[[], Result]) -> Future[Result]:
        future: Future[Result] = Future()
        self._executor.submit(_run_alone, job).add_done_callback(partial(_settle, future))
        return future


def _settle(future: Future[Result], of_cluster: Future[Result]) -> None:
    """Give a future the outcome of the cluster's future, with its errors translated."""
    if of_cluster.cancelled():
        future.set_exception(ClusterLostError("dask must run until the end, got no scheduler"))
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


def _run_alone(job: Callable[[], Result]) -> Result:
    """Do a job in all threads of a cluster's worker, one job at a time."""
    from distributed import get_worker

    with _one_at_a_time, limited_threads(get_worker().state.nthreads):
        return job()
