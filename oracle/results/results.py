"""Results: what a run found, for Python, a terminal and a notebook."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oracle.displays.pages import page_html, page_text
from oracle.results.failures import TrackError, summarize_failures
from oracle.results.layouts import lay_out
from oracle.results.spool import Spool

if TYPE_CHECKING:
    from pandas import DataFrame


# Failures in the message of an error; it holds them all.
SHOWN = 3


@dataclass(frozen=True, repr=False, eq=False)
class Results:
    """What a run found; printing it, or a notebook, shows its tables.

    Attributes
    ----------
    table : DataFrame
        The aggregate, a row per method, target and metric, with columns method, target, metric,
        median, mean (in dB), n_tracks, n_windows, n_nan, n_inf and mean_finite; see
        `oracle.results.aggregate`. That of a sweep has n_fft, hop_length and overlap before them.
    scores : DataFrame
        Every score: columns track, subset, method, target, metric, time and duration (in seconds,
        of windows only) and score (in dB). Read on first use, from a temporary file if it is long.
    tracks : DataFrame
        The tracks that are done, a row each: name, subset, rate, n_channels, n_samples; mixture
        ("as delivered" or "sum of the sources"); unexplained (the level of what is in no source,
        in dB of the mixture), mistake (what the mixture is instead of the sum) and rest (what was
        done about it); silent and redundant sources; alone (whether one source is the whole
        mixture); joined (sources that count as one, the accompaniment); missing (targets without
        an estimate); assigned (which estimate is scored for each speaker, if their order was
        searched); warnings.
    failures : tuple of TrackError
        Tracks that failed, and methods that failed on others. Such results come with
        `oracle.TracksFailed`.
    settings : dict
        How the results were made, as ``run.json`` says it.
    notes : tuple of str
        What a reader must know about the input.
    out : Path or None
        Where the files are.
    """

    table: "DataFrame"
    tracks: "DataFrame"
    failures: tuple[TrackError, ...]
    settings: Mapping[str, Any]
    notes: tuple[str, ...]
    out: Path | None = None
    spool: Spool = field(default_factory=Spool)

    @cached_property
    def scores(self) -> "DataFrame":
        """Every score."""
        return self.spool.table()

    def __repr__(self) -> str:
        return page_text(lay_out(self))

    def _repr_html_(self) -> str:
        return page_html(lay_out(self))


class TracksFailed(ExceptionGroup[Exception]):
    """Some tracks of a run failed: each has an exception that names it and keeps its cause.

    Attributes
    ----------
    results : Results or None
        What the run found on the other tracks, if it scores them.
    """

    results: Results | None = None

    @classmethod
    def of(cls, failures: Iterable[TrackError], results: Results | None = None) -> "TracksFailed":
        """Group failures, of tracks and of methods on tracks."""
        several = list(failures)
        first = "; ".join(map(str, several[:SHOWN])) + ("; ..." if len(several) > SHOWN else "")
        failed = cls(f"{summarize_failures(several)}: {first}", several)
        failed.results = results
        return failed

    @property
    def failures(self) -> list[TrackError]:
        """The failures: of tracks, then of methods on others."""
        return [error for error in self.exceptions if isinstance(error, TrackError)]
