"""Dataset: tracks that are read one at a time, on demand."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import partial
from numbers import Integral
from pathlib import Path
from typing import NamedTuple, overload

from oracle.displays.pages import Grid, page_html
from oracle.machine.files import folded
from oracle.tracks.track import ACCOMPANIMENT, VOCALS, Track, check_seconds

SHOWN = 20  # tracks in a notebook


class Entry(NamedTuple):
    """A track of a dataset before it is read."""

    name: str
    subset: str
    load: Callable[[], Track]
    paths: tuple[Path, ...] = ()  # the files that it is read from, or their folders
    # If known; the rest of a mixture counts, as it may become a source (`oracle.tracks.rest`).
    most_sources: int | None = None

    def read(self) -> Track:
        """Read the track.

        Raises
        ------
        ValueError
            If its name or subset is not the announced one.
        """
        track = self.load()
        if (track.name, track.subset) != (self.name, self.subset):
            raise ValueError(
                f"load must return the track {self.subset}/{self.name}, "
                f"got {track.subset}/{track.name}"
            )
        return track


class LeftOut(NamedTuple):
    """A file or folder in a dataset that may hold audio and belongs to no track."""

    path: Path  # relative to the dataset's folder
    why: str  # what it is

    def __str__(self) -> str:
        # A file name may hold bytes that are not text.
        return f"{self.path} ({self.why})".encode(errors="backslashreplace").decode()


@dataclass(frozen=True)
class Dataset(Sequence[Track]):
    """A sequence of tracks; indexing reads one from disk and does not keep it.

    Parameters
    ----------
    name : str
        Name of the dataset.
    entries : tuple of Entry
        Its tracks: name, subset, a function without arguments that reads the track, the files
        that it reads (if they change, a run repeats the track), and the largest number of
        sources. The functions must be picklable to work in other processes.
    root : Path, optional
        The folder of the dataset.
    seconds : float, optional
        How much of each track to read, if not all; set by `select`.
    left_out : tuple of LeftOut, optional
        Files and folders that may hold audio and belong to no track.
    interchangeable : tuple of str, optional
        Sources that a system cannot tell apart by name, such as the speakers of a mixture: it
        returns them in any order. A track need not have them all.
    targets : tuple of str, optional
        The targets, if not all sources; set by `select`.

    Examples
    --------
    >>> import oracle
    >>> waltz = Entry("Daisy Bell", "test", oracle.datasets.waltz)
    >>> dataset = Dataset("one waltz", (waltz,))
    >>> len(dataset), dataset[0].name
    (1, 'Daisy Bell')
    >>> dataset.select(pattern="Daisy*", seconds=2)[0]
    <Track 'Daisy Bell': drums, bass, other, vocals; 2 channels, 2.00 s at 44100 Hz>
    """

    name: str
    entries: tuple[Entry, ...] = field(repr=False)
    root: Path | None = None
    seconds: float | None = None
    left_out: tuple[LeftOut, ...] = field(default=(), repr=False)
    interchangeable: tuple[str, ...] = field(default=(), repr=False)
    targets: tuple[str, ...] = ()

    @property
    def track_names(self) -> tuple[str, ...]:
        """Names of the tracks, known before they are read."""
        return tuple(entry.name for entry in self.entries)

    def select(
        self,
        *,
        subset: str | None = None,
        pattern: str | None = None,
        first: int | None = None,
        seconds: float | None = None,
        targets: Sequence[str] | None = None,
    ) -> "Dataset":
        """Select some of the tracks, or only the beginning of each.

        Parameters
        ----------
        subset : str, optional
            Only the tracks of this subset.
        pattern : str, optional
            Only the track of this name; if there is none, tracks whose names match the pattern,
            as in a shell: ``Music Delta*``, ``*rock*``. Case is ignored.
        first : int, optional
            Only this many tracks, the first that match.
        seconds : float, optional
            Only the first seconds of each track, to the nearest sample; shorter tracks are
            kept whole.
        targets : sequence of str, optional
            ``("vocals", "accompaniment")``, in any order: each track as these two sources (see
            `oracle.Track.join_accompaniment`). A track without vocals raises an error when it is
            read.

        Returns
        -------
        dataset : Dataset
            The selected tracks, in the same order.

        Raises
        ------
        TypeError
            If `first` is not a whole number, or `targets` is one string.
        ValueError
            If no track is left, `first` is not positive, `seconds` is not positive and finite, or
            `targets` are others.
        """
        if targets is not None:
            check_targets(targets)
            joined = (e._replace(load=partial(_load_joined, e.load)) for e in self.entries)
            both = replace(self, entries=tuple(joined), targets=(VOCALS, ACCOMPANIMENT))
            return both.select(subset=subset, pattern=pattern, first=first, seconds=seconds)
        entries = self.entries
        if subset is not None:
            entries = tuple(entry for entry in entries if entry.subset == subset)
            if not entries:
                there = ", ".join(dict.fromkeys(entry.subset for entry in self.entries))
                raise ValueError(
                    f"subset must be one that {self.name} has ({there or 'none'}), got {subset!r}"
                )
        if pattern is not None:
            within, wanted = entries, folded(pattern)
            # Exact names first: brackets in a name would act as a pattern.
            entries = tuple(entry for entry in within if folded(entry.name) == wanted) or tuple(
                entry for entry in within if fnmatchcase(folded(entry.name), wanted)
            )
            if not entries:
                some = ", ".join(repr(entry.name) for entry in within[:3])
                more = ", ..." if len(within) > 3 else ""
                raise ValueError(
                    f"pattern must match the name of a track ({some}{more}), got {pattern!r}"
                )
        if first is not None:
            if not isinstance(first, Integral):
                raise TypeError(f"first must be a whole number, got {first!r}")
            if first < 1:
                raise ValueError(f"first must be positive, got {first}")
            entries = entries[:first]
        if seconds is None:
            return replace(self, entries=entries)
        check_seconds(seconds)
        if self.seconds is not None:
            seconds = min(seconds, self.seconds)
        return replace(
            self,
            entries=tuple(
                e._replace(load=partial(_load_beginning, e.load, seconds)) for e in entries
            ),
            seconds=seconds,
        )

    def __len__(self) -> int:
        return len(self.entries)

    def _repr_html_(self) -> str:
        subsets = Counter(entry.subset for entry in self.entries)
        counts = ", ".join(f"{count} {name}" for name, count in subsets.items())
        where = "" if self.root is None else f", in {self.root}"
        part = "" if self.seconds is None else f", the first {self.seconds:g} s of each"
        part += f", as {' and '.join(self.targets)}" if self.targets else ""
        rows = [[str(n), entry.subset, entry.name] for n, entry in enumerate(self.entries)]
        more = len(rows) - SHOWN
        return page_html(
            [
                Grid(
                    title=f"{self.name}: {len(self)} tracks ({counts}){where}{part}",
                    header=["index", "subset", "track"],
                    rows=rows[:SHOWN],
                    n_names=3,
                ),
                *([f"{more} more: track_names lists all."] if more > 0 else []),
                *(f"Not read: {each}" for each in self.left_out),
            ]
        )

    @overload
    def __getitem__(self, index: int) -> Track: ...

    @overload
    def __getitem__(self, index: slice) -> "Dataset": ...

    def __getitem__(self, index: int | slice) -> "Track | Dataset":
        if isinstance(index, slice):
            return replace(self, entries=self.entries[index])
        return self.entries[index].read()

    def __iter__(self) -> Iterator[Track]:
        # The inherited one would take a loader's IndexError for the end.
        return (entry.read() for entry in self.entries)


def check_targets(targets: Sequence[str]) -> None:
    """Check that targets are vocals and accompaniment.

    Raises
    ------
    TypeError
        If they come as one string.
    ValueError
        If they are others.
    """
    if isinstance(targets, str):
        raise TypeError(f"targets must be several names, got the one string {targets!r}")
    if sorted(targets) != sorted((VOCALS, ACCOMPANIMENT)):
        raise ValueError(
            f"targets must be {VOCALS} and {ACCOMPANIMENT}, got {', '.join(targets) or 'none'}: "
            "no other sources are joined (without targets, all sources and the accompaniment are)"
        )


def _load_joined(load: Callable[[], Track]) -> Track:
    return load().join_accompaniment()


def _load_beginning(load: Callable[[], Track], seconds: float) -> Track:
    return load().beginning(seconds)
