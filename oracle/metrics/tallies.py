"""Tallies: what BSS Eval knows of an estimate, added up piece by piece.

Each estimate has its own `Tally`, which is never reset. It starts empty, takes every piece once,
in order, and then holds all that the ratios need.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from oracle.metrics.energy_ratios import Energies, Float64s
from oracle.metrics.windows import Partition


class Correlations(NamedTuple):
    """Correlations of a piece of the references with later signals.

    `overhangs` are the parts that lie beyond each window that ends with the piece.
    """

    all: Float64s
    overhangs: list[Float64s]


class Examined(NamedTuple):
    """What BSS Eval needs from a piece of estimates."""

    energies: Energies
    correlations: Correlations


class CorrelationSums:
    """Correlations added up: of the whole signals, and of windows with silence around them.

    Attributes
    ----------
    whole : array of shape (n_earlier, n_later, n_lags), float64
    windows : array of shape (n_windows, n_earlier, n_later, n_lags), float64
        Both exist once the first piece is added.
    """

    whole: Float64s
    windows: Float64s

    def __init__(self, partition: Partition) -> None:
        self._partition = partition

    def add(self, index: int, correlations: Correlations) -> None:
        """Add the correlations of the next piece."""
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
        Correlations of the references with the errors.
    """

    def __init__(self, partition: Partition) -> None:
        self.sums = CorrelationSums(partition)
        self._energies: list[Energies] = []

    def add(self, index: int, examined: Examined) -> None:
        """Add what was examined of the next piece.

        Raises
        ------
        ValueError
            If it is not the next piece.
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
    """Tell about how many bytes a `Tally` takes for each window."""
    return 8 * n_sources * n_targets * n_channels**2 * filter_length
