"""Correlations of pieces of references with other signals, at the same time and later."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import numpy as np

from oracle.machine.threads import in_threads, n_threads
from oracle.metrics.correlations import Correlator
from oracle.metrics.energy_ratios import Float64s, Signals
from oracle.metrics.tallies import Correlations, CorrelationSums
from oracle.metrics.windows import Partition

# Pieces for each thread to work on before the results are added up.
PIECES_A_THREAD = 4

Result = TypeVar("Result")


class PieceCorrelator:
    """References in pieces, to correlate with any other signals. It never changes.

    Parameters
    ----------
    references : array of shape (n_sources, n_channels, n_samples), or a list of its rows
    partition : Partition
        Their windows and pieces.
    n_lags : int
        Correlations are computed at lags 0, ..., n_lags - 1.

    Attributes
    ----------
    lookahead : int
        Number of samples after a piece that its correlations need.
    """

    def __init__(self, references: Signals, partition: Partition, n_lags: int) -> None:
        self._references = references
        self._partition = partition
        self._n_lags = n_lags
        self.lookahead = n_lags - 1

    def find_end(self, index: int) -> int:
        """Find the end of the samples that the correlations of a piece need."""
        n_samples = self._partition.pieces[-1].stop
        return int(min(self._partition.pieces[index].stop + self.lookahead, n_samples))

    def correlate(
        self, index: int, several: Sequence[Signals], *, offset: int = 0
    ) -> list[Correlations]:
        """Correlate a piece of the references with other signals, from its start to `find_end`.

        The signals in `several` start at sample `offset` of the references.
        """
        piece = self._partition.pieces[index]
        beyond = self.find_end(index)
        starts = self._find_overhang_starts(index)
        inside = self._make_correlator(piece.start, piece.stop)
        tails = [self._make_correlator(start, piece.stop) for start in starts]
        correlations = []
        for later in several:
            samples = stack_channels(later, piece.start - offset, beyond - offset)
            following = samples[:, piece.stop - piece.start :]
            overhangs = []
            for start, tail in zip(starts, tails, strict=True):
                gap = np.zeros((len(following), piece.stop - start))
                overhangs.append(tail.correlate(np.concatenate([gap, following], axis=1)))
            correlations.append(Correlations(inside.correlate(samples), overhangs))
        return correlations

    def correlate_all(self, later: Signals) -> CorrelationSums:
        """Correlate whole signals with the references."""
        sums = CorrelationSums(self._partition)
        for index, found in self.work_on_pieces(lambda index: self.correlate(index, [later])):
            sums.add(index, found[0])
        return sums

    def work_on_pieces(self, work: Callable[[int], Result]) -> Iterator[tuple[int, Result]]:
        """Work on the pieces in threads, a few at a time: their results are large."""
        n_pieces, step = len(self._partition.pieces), count_at_once()
        for start in range(0, n_pieces, step):
            indices = range(start, min(start + step, n_pieces))
            yield from zip(indices, in_threads(work, indices), strict=True)

    def _find_overhang_starts(self, index: int) -> list[int]:
        """Find where lags begin to leave each window that ends with a piece.

        A window that ends with the signal has none: nothing follows.
        """
        piece = self._partition.pieces[index]
        windows = [self._partition.windows[place] for place in self._partition.around[index]]
        return [
            max(window.start, piece.stop - self.lookahead)
            for window in windows
            if window.stop == piece.stop < self.find_end(index)
        ]

    def _make_correlator(self, start: int, stop: int) -> Correlator:
        return Correlator(stack_channels(self._references, start, stop), self._n_lags)


def count_at_once() -> int:
    """Tell how many pieces to work on before their results are added up."""
    return PIECES_A_THREAD * n_threads()


def stack_channels(signals: Signals, start: int = 0, stop: int | None = None) -> Float64s:
    """Stack the channels of all signals, from sample `start` to `stop`, in float64."""
    some = [signal[:, start:stop] for signal in signals]
    return np.concatenate(some, dtype=np.float64, casting="unsafe")
