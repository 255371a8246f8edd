"""Compression: masks without bounds as training targets with bounds."""

import math

import numpy as np

from oracle.machine.libraries import Array, find_library
from oracle.masks.arguments import check_positive
from oracle.masks.quotients import apply_to_parts


def compress(mask: Array, *, K: float = 10, C: float = 0.1) -> Array:  # noqa: N803
    """Squash a mask into (-K, K): K (1 - exp(-C m)) / (1 + exp(-C m)).

    The real and the imaginary part of a complex mask are squashed separately.

    Parameters
    ----------
    mask : array, real or complex
    K : float, optional
        Bound of the compressed mask. Positive; named as in the paper.
    C : float, optional
        Steepness: the slope at zero is K C / 2. Positive; named as in the paper.

    Returns
    -------
    compressed : array like mask
        Parts beyond about 18 / C (float32) or 38 / C (float64) come so close to K that
        `uncompress` cannot tell them apart.

    Raises
    ------
    ValueError
        If a parameter is not positive and finite.

    References
    ----------
    .. [1] D. S. Williamson, Y. Wang and D. Wang, "Complex ratio masking for monaural speech
           separation", IEEE/ACM Trans. ASLP 24(3), 2016, equation 8.

    Examples
    --------
    >>> import numpy as np
    >>> compress(np.array([0.0, 2.0 - 20.0j])).round(3)
    array([0.   +0.j   , 0.997-7.616j])
    """
    K, C = check_positive("K", K), check_positive("C", C)  # noqa: N806
    xp = find_library(mask)
    return apply_to_parts(xp, lambda parts: K * xp.tanh(C / 2 * parts), mask)


def uncompress(mask: Array, *, K: float = 10, C: float = 0.1) -> Array:  # noqa: N803
    """Undo `compress`: -log((K - m) / (K + m)) / C.

    Parameters
    ----------
    mask : array, real or complex
        A compressed mask, with parts in [-K, K].
    K, C : float, optional
        The values passed to `compress`.

    Returns
    -------
    uncompressed : array like mask
        Parts at K or -K are first moved just inside, so that they are finite. Those outside
        [-K, K] are NaN, but an error in numpy: other libraries may not know values yet.

    Raises
    ------
    ValueError
        If a parameter is not positive and finite, or a part of a numpy array is outside [-K, K].

    References
    ----------
    .. [1] D. S. Williamson, Y. Wang and D. Wang, "Complex ratio masking for monaural speech
           separation", IEEE/ACM Trans. ASLP 24(3), 2016, equation 9.

    Examples
    --------
    >>> import numpy as np
    >>> uncompress(compress(np.array([3.0, -4.0]))).round(6)
    array([ 3., -4.])
    """
    K, C = check_positive("K", K), check_positive("C", C)  # noqa: N806
    xp = find_library(mask)

    def undo(parts: Array) -> Array:
        if isinstance(parts, np.ndarray) and not (np.abs(parts) <= K).all():
            largest = float(np.abs(parts).max())
            raise ValueError(f"mask must lie in [-K, K] = [{-K}, {K}], got a part of {largest}")
        below_one = 1 - xp.finfo(parts.dtype).eps
        undone = 2 / C * xp.atanh(xp.clip(parts / K, -below_one, below_one))
        return xp.where(xp.abs(parts) <= K, undone, xp.full_like(undone, math.nan))

    return apply_to_parts(xp, undo, mask)
