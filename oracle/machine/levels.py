"""Levels: powers of two that bring signals near 1, so that no square leaves the range of floats.

A product with a power of two is exact.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

# Powers of two up to this, either way, are numbers of double precision with room for products.
LARGEST_EXPONENT = 900


def exponents(sizes: Any) -> npt.NDArray[np.int_]:
    """Return the e at which 2^-e times a size is in [1/2, 1), or as near as floats can tell.

    Parameters
    ----------
    sizes : float or array of floats
        Not negative.

    Returns
    -------
    exponents : array of int, same shape
        From -900 to 900; 0 for 0.
    """
    found = np.frexp(sizes)[1]
    return np.asarray(np.clip(found, -LARGEST_EXPONENT, LARGEST_EXPONENT), np.int_)


def find_level(signal: npt.NDArray[np.floating[Any]]) -> int:
    """Return the e at which the peak of 2^-e times a signal is in [1/2, 1); 0 for silence.

    Parameters
    ----------
    signal : array of floats
        Not empty.
    """
    return int(np.frexp(max(signal.max(), -signal.min()))[1])


def scaled(signal: npt.NDArray[Any], exponent: int) -> npt.NDArray[Any]:
    """Return 2^exponent times a signal, exactly unless it leaves the range of its floats."""
    return np.ldexp(signal, exponent) if exponent else signal
