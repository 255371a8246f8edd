"""Memory: how much is available; what would not fit is refused before it is allocated.

The limit is the machine's or the container's, whichever is lower. A process that exceeds it is
killed, often along with others.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

GIB = 2**30


def available_memory(root: Path = Path("/")) -> int:
    """Return how many bytes this process may still use.

    Parameters
    ----------
    root : Path, optional
        The folder that holds ``proc`` and ``sys``.

    Returns
    -------
    n_bytes : int
        What is left on the machine, or under the tightest of the limits (cgroups) that bind this
        process, whichever is less. The system's file cache counts as left.
    """
    # Imported late: `import oracle` stays quick.
    import psutil

    return min([psutil.virtual_memory().available, *_left_in_cgroups(root)])


class _Files(NamedTuple):
    """Names of the files of a control group."""

    top: str  # the folder of the groups
    limit: str
    used: str
    cached: tuple[str, str]  # lines of memory.stat: the file cache, dropped first


_VERSION_1 = _Files(
    "sys/fs/cgroup/memory",
    "memory.limit_in_bytes",
    "memory.usage_in_bytes",
    ("total_active_file", "total_inactive_file"),
)
_VERSION_2 = _Files(
    "sys/fs/cgroup", "memory.max", "memory.current", ("active_file", "inactive_file")
)


def _left_in_cgroups(root: Path) -> Iterator[int]:
    """Yield what is left under each limit of this process's control groups (Linux only)."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:  # another system
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        files = _VERSION_1 if controllers else _VERSION_2
        place = Path(path.strip("/"))
        # The limits of parent groups bind too. In a container the path may be the host's, of
        # which only the top exists here.
        for group in (root / files.top / each for each in (place, *place.parents)):
            try:
                limit, used = (int((group / name).read_text()) for name in files[1:3])
                lines_of_stat = (group / "memory.stat").read_text().splitlines()
            except (OSError, ValueError):  # no such group; or no limit, "max"
                continue
            stat = dict(each.split() for each in lines_of_stat)
            yield max(limit - used + sum(int(stat.get(name, 0)) for name in files.cached), 0)


def gib(n_bytes: float) -> str:
    """Format a number of bytes in GiB."""
    return f"{n_bytes / GIB:.1f} GiB"


def check_fits(argument: str, figures: str, n_bytes: float, *, remedy: str) -> None:
    """Check that a computation fits into the available memory.

    Without this check the system may kill the process, and often others with it.

    Parameters
    ----------
    argument : str
        The argument that may be too large.
    figures : str
        How large it is.
    n_bytes : float
        The memory that the computation needs.
    remedy : str
        What to do.

    Raises
    ------
    MemoryError
        If less than `n_bytes` is available.
    """
    available = available_memory()
    if n_bytes > available:
        raise MemoryError(
            f"{argument} must fit into memory, got {figures}, which take {gib(n_bytes)}, "
            f"but {gib(available)} is available: {remedy}"
        )
