"""Windows: what framewise metrics score, and the pieces that windows are made of.

A metric has one value for each *window*. A *piece* is a stretch of samples that one thread works
on at a time.
"""

from collections.abc import Iterable
from itertools import pairwise
from numbers import Integral
from typing import Any

import numpy as np
import numpy.typing as npt

# Most samples in a piece: limits the memory that one takes, and gives all threads work.
MAX_PIECE = 2**16


def window_starts(n_samples: int, *, window: int, hop: int) -> list[int]:
    """Return the first sample of each window that museval cuts a signal into.

    Parameters
    ----------
    n_samples : int
        Length of the signal.
    window, hop : int
        Length of the windows and hop between them, in samples.

    Returns
    -------
    starts : list of int
        Whole windows only; a signal shorter than a window is one window.

    Raises
    ------
    TypeError
        If the window or hop is not an integer.
    ValueError
        If the window or hop is not positive.

    Examples
    --------
    >>> window_starts(10, window=4, hop=4), window_starts(3, window=4, hop=4)
    ([0, 4], [0])
    """
    check_length("window", window)
    check_length("hop", hop)
    return list(range(0, max(n_samples - window, 0) + 1, hop))


def check_length(argument: str, value: object) -> None:
    """Check a number of samples."""
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise TypeError(f"{argument} must be an integer number of samples, got {value!r}")
    if value < 1:
        raise ValueError(f"{argument} must be at least 1 sample, got {value}")


def cut_into_pieces(n_samples: int, edges: Iterable[int] = ()) -> list[slice]:
    """Cut a signal into pieces: at `edges`, and wherever a piece would exceed `MAX_PIECE`.

    Examples
    --------
    >>> cut_into_pieces(9, [4])
    [slice(0, 4, None), slice(4, 9, None)]
    """
    starts: list[int] = []
    for start, stop in pairwise(sorted({0, n_samples, *edges})):
        starts += range(start, stop, MAX_PIECE)
    return [slice(*edge) for edge in pairwise([*starts, n_samples])]


class Partition:
    """The windows of a signal, and the pieces that make up the windows and the signal.

    Sums over samples are computed once for each piece, even where windows overlap.

    Parameters
    ----------
    n_samples, window, hop
        As in `window_starts`.

    Attributes
    ----------
    windows, pieces : list of slice
        In samples. The pieces cover the whole signal in order, also where no window does;
        none is longer than `MAX_PIECE`.
    members : list of slice
        The pieces that each window is made of.
    around : list of lists of int
        The windows that each piece is in.
    """

    def __init__(self, n_samples: int, *, window: int, hop: int) -> None:
        starts = window_starts(n_samples, window=window, hop=hop)
        self.windows = [slice(start, min(start + window, n_samples)) for start in starts]
        self.pieces = cut_into_pieces(n_samples, {*starts, *(w.stop for w in self.windows)})
        begun = {piece.start: index for index, piece in enumerate(self.pieces)}
        ended = {piece.stop: index + 1 for index, piece in enumerate(self.pieces)}
        self.members = [slice(begun[w.start], ended[w.stop]) for w in self.windows]
        self.around: list[list[int]] = [[] for _ in self.pieces]
        for window_index, members in enumerate(self.members):
            for windows in self.around[members]:
                windows.append(window_index)

    def add_up(self, by_piece: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Sum values of the pieces over each window, along the first axis."""
        return np.stack([by_piece[members].sum(axis=0) for members in self.members])
