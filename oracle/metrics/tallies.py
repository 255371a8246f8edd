"""Tallies: what BSS Eval knows of an estimate, added up piece by piece.

A `Tally` is of one estimate, and all that changes while estimates stream by. It is made empty,
takes every piece once, in their order, and then the ratios follow from it. It is never reset:
the next estimate has its own.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from oracle.metrics.energy_ratios import Energies, Float64s
from oracle.metrics.windows import Partition


class Correlations(NamedTuple):
    """Correlations of a piece of the references with later signals.

    `overhangs` are those parts of them that lie beyond the windows that end with the piece.
    """

    all: Float64s
    overhangs: list[Float64s]


class Examined(NamedTuple):
    """What BSS Eval needs to know of a piece of estimates."""

    energies: Energies
    correlations: Correlations


class CorrelationSums:
    """Correlations added up: of the whole, and of windows as if there was silence around.

    Attributes
    ----------
    whole : array of shape (n_earlier, n_later, n_lags), float64
    windows : array of shape (n_windows, n_earlier, n_later, n_lags), float64
        Both are there as soon as the first piece is.
    """

    whole: Float64s
    windows: Float64s

    def __init__(self, partition: Partition) -> None:
        self._partition = partition

    def add(self, index: int, correlations: Correlations) -> None:
        """Add those of the piece that comes next."""
        if index == 0:
            shape = correlations.all.shape
            self.whole = np.zeros(shape)
            self.windows = np.zeros((len(self._partition.windows), *shape))
        self.whole += correlations.all
        overhangs = iter(correlations.overhangs)
        for place in self._partition.around[index]:
            self.windows[place] += correlations.all
            if self._partition.members[place].stop == index + 1:
                self.windows[place] -= next(overhangs, 0)


class Tally:
    """What has been examined of an estimate so far.

    Attributes
    ----------
    sums : CorrelationSums
        Of the references with the errors.
    """

    def __init__(self, partition: Partition) -> None:
        self.sums = CorrelationSums(partition)
        self._energies: list[Energies] = []

    def add(self, index: int, examined: Examined) -> None:
        """Add what was examined of the piece that comes next.

        Raises
        ------
        ValueError
            If it is another piece.
        """
        if index != len(self._energies):
            raise ValueError(f"index must be {len(self._energies)}, the next piece, got {index}")
        self._energies.append(examined.energies)
        self.sums.add(index, examined.correlations)

    def stack_energies(self) -> tuple[Float64s, Float64s]:
        """Return the energies of signals and errors, by piece and source."""
        signal, error, _ = (np.stack(values) for values in zip(*self._energies, strict=True))
        return signal, error

    def stack_silence(self) -> npt.NDArray[np.bool_]:
        """Tell which signals are silent, by piece and source."""
        return np.stack([energies.silent for energies in self._energies])


def count_bytes(n_sources: int, n_targets: int, n_channels: int, *, filter_length: int) -> int:
    """Tell how many bytes a `Tally` takes for each window, nearly."""
    return 8 * n_sources * n_targets * n_channels**2 * filter_length
