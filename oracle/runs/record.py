"""The record of a run: which tracks are done, which failed, and what a reader must know."""

import warnings
from collections.abc import Iterable, Sequence, Sized

from oracle.datasets import Dataset
from oracle.results.failures import MethodError, TrackError
from oracle.results.results import Results, TracksFailed
from oracle.runs.notes import describe_input, describe_tracks
from oracle.runs.queue import Turn
from oracle.runs.track_info import TrackInfo
from oracle.tracks.rest import InputWarning
from oracle.tracks.track import Track

NO_TRACKS = "tracks must hold at least one track, got none"


class Record:
    """Collects what is known about the tracks of a run, in their order.

    Parameters
    ----------
    tracks : Track or iterable of Track
        The tracks that the run will work on.

    Raises
    ------
    ValueError
        If there are none.
    """

    def __init__(self, tracks: Track | Iterable[Track]) -> None:
        if isinstance(tracks, Sized) and not len(tracks):
            raise ValueError(NO_TRACKS)
        self.tracks = tracks
        self._left_out = tracks.left_out if isinstance(tracks, Dataset) else ()
        self._infos: dict[int, TrackInfo] = {}
        self._failed: dict[int, TrackError] = {}
        self._failed_methods: dict[int, list[TrackError]] = {}

    def add(self, turn: Turn, info: TrackInfo, failures: Sequence[MethodError] = ()) -> None:
        """Note that a track is done, and which methods failed on it."""
        self._infos[turn.index] = info
        self._failed_methods[turn.index] = [
            TrackError(turn.name, turn.subset, failure) for failure in failures
        ]

    def list_warnings(self, turn: Turn) -> Sequence[str]:
        """List the warnings of an earlier run about a track to which this one adds."""
        return self._infos[turn.index].warnings if turn.index in self._infos else ()

    def fail(self, turn: Turn, error: BaseException) -> None:
        """Note that a track failed."""
        self._failed[turn.index] = TrackError(turn.name, turn.subset, error)

    @property
    def infos(self) -> list[TrackInfo]:
        """What is known about the tracks that are done."""
        return [self._infos[index] for index in sorted(self._infos)]

    @property
    def failures(self) -> list[TrackError]:
        """Tracks that failed, then methods that failed on others."""
        tracks = [self._failed[index] for index in sorted(self._failed)]
        methods = [self._failed_methods[index] for index in sorted(self._failed_methods)]
        return [*tracks, *(failure for failures in methods for failure in failures)]

    @property
    def notes(self) -> list[str]:
        """What a reader of the results must know about their input."""
        return [*self._notes_of_input, *describe_tracks(self.infos)]

    @property
    def _notes_of_input(self) -> list[str]:
        return describe_input(self.infos, self._left_out)

    def conclude(self, results: Results | None = None, *, stacklevel: int) -> None:
        """Warn about the input, and raise the failures.

        Parameters
        ----------
        results : Results, optional
            What was found on the tracks that did not fail.
        stacklevel : int
            The stack level of the warnings: 1 is the caller.

        Raises
        ------
        TracksFailed
            If tracks failed, or methods on them.
        ValueError
            If there were no tracks.
        """
        for note in self._notes_of_input:
            warnings.warn(note, InputWarning, stacklevel=stacklevel + 1)
        if self.failures:
            raise TracksFailed.of(self.failures, results)
        if not self._infos:  # an iterator's length is known only now
            raise ValueError(NO_TRACKS)
