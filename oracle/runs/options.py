"""Options that every long run has: where it works, what it shows, and where it writes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from oracle.runs.plans import Jobs, Plan, make_plan
from oracle.tracks.track import Track


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """Where a run works, what it shows, and where it writes; see `oracle.compute_bounds`.

    Raises
    ------
    ValueError
        If `overwrite` comes without `out`, or `jobs` with `dask`.
    """

    out: str | Path | None = None
    overwrite: bool = False
    progress: bool = False
    jobs: Jobs = None
    dask: str | None = None

    def __post_init__(self) -> None:
        if self.overwrite and self.out is None:
            raise ValueError("overwrite must go with out, got no out")
        if self.jobs is not None and self.dask is not None:
            raise ValueError(f"jobs must not be given with dask, got {self.jobs}")

    def choose_workers(self, tracks: Track | Iterable[Track], metrics: Sequence[str]) -> Plan | str:
        """Plan the work on this machine, or return the address of the cluster."""
        return make_plan(tracks, self.jobs, metrics=metrics) if self.dask is None else self.dask
