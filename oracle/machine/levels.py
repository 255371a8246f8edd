"""Levels: powers of two that scale signals near 1, so that squares stay in the range of floats.

Multiplying by a power of two is exact.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

# 2^900 and 2^-900 are double-precision numbers that leave room for products.
LARGEST_EXPONENT = 900


def exponents(sizes: Any) -> npt.NDArray[np.int_]:
    """Return the e for which 2^-e times each size is in [1/2, 1), limited to -900 ... 900.

    Parameters
    ----------
    sizes : float or array of floats
        Not negative.

    Returns
    -------
    exponents : array of int, same shape
        0 for a size of 0.
    """
    found = np.frexp(sizes)[1]
    return np.asarray(np.clip(found, -LARGEST_EXPONENT, LARGEST_EXPONENT), np.int_)


def find_level(signal: npt.NDArray[np.floating[Any]]) -> int:
    """Return the e for which 2^-e times a signal's peak is in [1/2, 1); 0 for silence.

    Parameters
    ----------
    signal : array of floats
        Not empty.
    """
    return int(np.frexp(max(signal.max(), -signal.min()))[1])


def scaled(signal: npt.NDArray[Any], exponent: int) -> npt.NDArray[Any]:
    """Multiply a signal by 2^exponent; exact unless it leaves the range of its floats."""
    return np.ldexp(signal, exponent) if exponent else signal
