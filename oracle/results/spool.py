"""A spool: keeps the scores of a run, on disk if they are many, until they are needed."""

import pickle
import tempfile
import weakref
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from oracle.results.tables import Row, tidy

if TYPE_CHECKING:
    from pandas import DataFrame

# So much stays in memory: the scores of some hours of audio. More goes to a temporary file.
IN_MEMORY = 2**24  # bytes

TRACKS_AT_ONCE = 32


class Spool:
    """Keeps rows of scores in a temporary file, which is deleted with the spool."""

    def __init__(self) -> None:
        self._file: Any = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115
        weakref.finalize(self, self._file.close)
        self._places: dict[int, tuple[int, int]] = {}

    def add(self, index: int, rows: Sequence[Row]) -> None:
        """Keep the scores of the track with this index."""
        packed = zlib.compress(pickle.dumps(rows, protocol=5), 1)
        start = self._file.seek(0, 2)
        self._file.write(packed)
        self._places[index] = start, len(packed)

    def table(self) -> "DataFrame":
        """Make a table of all scores, in the order of their tracks."""
        return tidy(self._rows())

    def tables(self) -> Iterator["DataFrame"]:
        """Make tables of all scores, each of some tracks, for what needs no table of all."""
        indices = sorted(self._places)
        for start in range(0, len(indices), TRACKS_AT_ONCE):
            yield tidy(self._rows(indices[start : start + TRACKS_AT_ONCE]))

    def _rows(self, indices: Iterable[int] | None = None) -> Iterator[Row]:
        for index in sorted(self._places) if indices is None else indices:
            start, size = self._places[index]
            self._file.seek(start)
            yield from pickle.loads(zlib.decompress(self._file.read(size)))

    def __reduce__(self) -> tuple[Any, ...]:
        # Copies and pickles hold the scores themselves.
        return _fill, (list(self._rows()),)


def _fill(rows: list[Row]) -> Spool:
    spool = Spool()
    spool.add(0, rows)
    return spool
