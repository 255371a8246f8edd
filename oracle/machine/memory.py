"""Memory: how much there is, and what would not fit is refused before it is allocated.

What a system or a container lets a process use counts, whichever is less: it ends a process
that uses more, and often others with it.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

GIB = 2**30


def available_memory(root: Path = Path("/")) -> int:
    """Tell how many bytes this process may still use.

    Parameters
    ----------
    root : Path, optional
        Where the system describes itself, in ``proc`` and ``sys``.

    Returns
    -------
    n_bytes : int
        The least of what the machine has left, and what is left of the limits (cgroups) that this
        process is under, if it is. Files that the system keeps in memory count as left.
    """
    # Imported late: `import oracle` stays quick.
    import psutil

    return min([psutil.virtual_memory().available, *_left_in_cgroups(root)])


class _Files(NamedTuple):
    """What the files of a control group are called."""

    top: str  # the folder of the groups
    limit: str
    used: str
    cached: tuple[str, str]  # lines of memory.stat: files, which the system drops first


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
    """Tell what is left of the limits of the control groups of this process, in Linux."""
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
        # A group is under the limits of those that it is in. In a container the path may be that
        # outside, of which only the top is there.
        for group in (root / files.top / each for each in (place, *place.parents)):
            try:
                limit, used = (int((group / name).read_text()) for name in files[1:3])
                lines_of_stat = (group / "memory.stat").read_text().splitlines()
            except (OSError, ValueError):  # no such group; or no limit, "max"
                continue
            stat = dict(each.split() for each in lines_of_stat)
            yield max(limit - used + sum(int(stat.get(name, 0)) for name in files.cached), 0)


def gib(n_bytes: float) -> str:
    """Format a number of bytes."""
    return f"{n_bytes / GIB:.1f} GiB"


def check_fits(argument: str, figures: str, n_bytes: float, *, remedy: str) -> None:
    """Check that a computation fits into the memory that is free.

    Without it the system, not Python, ends the process, and often others with it.

    Parameters
    ----------
    argument : str
        What is too large.
    figures : str
        How large it is.
    n_bytes : float
        The memory that the computation takes.
    remedy : str
        What to do.

    Raises
    ------
    MemoryError
        If there is less memory than that.
    """
    available = available_memory()
    if n_bytes > available:
        raise MemoryError(
            f"{argument} must fit into memory, got {figures}, which take {gib(n_bytes)} "
            f"of {gib(available)} available: {remedy}"
        )
