"""Ratios of arrays of any library, differentiable: losses, and metrics where the signals are.

Values without a direction have a gradient of 0, never NaN: a perfect estimate, +inf, and a silent
reference, NaN.
"""

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from oracle.machine.libraries import find_device, find_library

# The most sources of which all permutations are tried: 8! are 40 320.
MOST_SOURCES = 8

# Replaces infinity where permutations are compared.
INFINITE_DB = 1e4

# The error of a scaled copy is rounding: amplitudes below this, in machine epsilons of the copy.
ROUNDING = 8


def sdr(references: Any, estimates: Any, *, pit: bool = False) -> Any:
    """Compute the SDR along the last axis: 10 log10(|s|^2 / |s - estimate|^2), as SNR elsewhere.

    It is `usdr` of one channel, in the library, dtype and device of the signals, with gradients.
    Nothing is added to an energy, no mean is removed. Energies are summed in the dtype given.

    Parameters
    ----------
    references, estimates : arrays of shape (..., n_samples), float32 or float64
        True and estimated signals, of numpy, torch, JAX, or another library of the array API.
    pit : bool, optional
        Permutation invariant: with sources on axis -2, shape (..., n_sources, n_samples), the
        estimates are reordered for the highest mean over sources. All permutations are compared,
        of at most 8 sources; infinite values count as 10 000 dB, NaN as 0.

    Returns
    -------
    sdr : array of shape (...)
        In dB, in the order of the references; +inf for a perfect estimate, NaN for a silent
        reference, both with a gradient of 0.

    Raises
    ------
    TypeError
        If the signals are no arrays of one library, or not both float32 or float64.
    ValueError
        If shapes differ, there are no samples, or there are too many sources to permute.

    References
    ----------
    .. [1] D. Yu, M. Kolbæk, Z.-H. Tan and J. Jensen, "Permutation invariant training of deep
           models for speaker-independent multi-talker speech separation", ICASSP 2017.

    Examples
    --------
    >>> import numpy as np
    >>> references = np.eye(2)
    >>> sdr(references, 0.9 * references).round(6)
    array([20., 20.])
    >>> sdr(references, 0.9 * references[::-1], pit=True).round(6)
    array([20., 20.])
    """
    return _compute(_sdr, references, estimates, pit)


def si_sdr(references: Any, estimates: Any, *, pit: bool = False) -> Any:
    """Compute the scale-invariant SDR along the last axis: 10 log10(|a s|^2 / |a s - estimate|^2).

    a = <estimate, s> / |s|^2. It is that of `scale_invariant_ratios`, for one channel, in the
    library, dtype and device of the signals, with gradients.

    Parameters
    ----------
    references, estimates, pit
        As in `sdr`.

    Returns
    -------
    si_sdr : array of shape (...)
        As in `sdr`; +inf also if the error is rounding (in amplitude below 8 machine epsilons of
        a s: 120 dB in float32), NaN also for a silent estimate, -inf for one that is orthogonal to
        the reference.

    Raises
    ------
    TypeError, ValueError
        As in `sdr`.

    References
    ----------
    .. [1] J. Le Roux, S. Wisdom, H. Erdogan and J. R. Hershey, "SDR - half-baked or well
           done?", ICASSP 2019.

    Examples
    --------
    >>> import numpy as np
    >>> si_sdr(np.array([1.0, 0.0]), np.array([0.5, 0.05])).round(6)
    np.float64(20.0)
    """
    return _compute(_si_sdr, references, estimates, pit)


Ratio = Callable[[Any, Any, Any], Any]


def _sdr(xp: Any, references: Any, estimates: Any) -> Any:
    signal, error = _energy(xp, references), _energy(xp, references - estimates)
    return _decibels(xp, signal, error, silent=signal == 0)


def _si_sdr(xp: Any, references: Any, estimates: Any) -> Any:
    signal = _energy(xp, references)
    silent = (signal == 0) | (_energy(xp, estimates) == 0)
    product = xp.sum(references * estimates, axis=-1)
    gain = product / xp.where(signal == 0, xp.ones_like(signal), signal)
    scaled = gain[..., None] * references
    target, error = _energy(xp, scaled), _energy(xp, estimates - scaled)
    rounding = (ROUNDING * xp.finfo(error.dtype).eps) ** 2
    error = xp.where(error <= rounding * target, xp.zeros_like(error), error)
    return _decibels(xp, target, error, silent=silent)


def _energy(xp: Any, signals: Any) -> Any:
    return xp.sum(signals * signals, axis=-1)


def _decibels(xp: Any, signal: Any, error: Any, *, silent: Any) -> Any:
    """Compute 10 log10 of a ratio; what is infinite, and what is silent, has no gradient."""
    none, perfect, one = signal == 0, error == 0, xp.ones_like(signal)
    decibels = 10 * xp.log10(xp.where(none, one, signal) / xp.where(perfect, one, error))
    for where, value in ((none, -math.inf), (perfect, math.inf), (silent, math.nan)):
        decibels = xp.where(where, xp.full_like(decibels, value), decibels)
    return decibels


def _compute(ratio: Ratio, references: Any, estimates: Any, pit: bool) -> Any:
    xp = _check(references, estimates)
    if not pit:
        return ratio(xp, references, estimates)
    shape = tuple(references.shape)
    if len(shape) < 2 or not 1 <= shape[-2] <= MOST_SOURCES:
        raise ValueError(
            f"references must have shape (..., n_sources, n_samples), with at most {MOST_SOURCES} "
            f"sources to permute, got {shape}"
        )
    return _permute(xp, ratio, references, estimates)


def _permute(xp: Any, ratio: Ratio, references: Any, estimates: Any) -> Any:
    """Compute the ratios of the permutation with the highest mean."""
    n_sources = references.shape[-2]
    pairs = xp.stack(
        [
            ratio(xp, references, xp.broadcast_to(estimates[..., j : j + 1, :], references.shape))
            for j in range(n_sources)
        ],
        axis=-1,
    )
    leading = tuple(pairs.shape[:-2])
    orders = np.array(list(itertools.permutations(range(n_sources))))
    places = _like(xp, (np.arange(n_sources) * n_sources + orders).ravel(), pairs)
    flat = xp.reshape(pairs, (*leading, n_sources**2))
    permuted = xp.reshape(xp.take(flat, places, axis=-1), (*leading, len(orders), n_sources))
    known = xp.where(xp.isnan(permuted), xp.zeros_like(permuted), permuted)
    means = xp.mean(xp.clip(known, -INFINITE_DB, INFINITE_DB), axis=-1)
    numbers = _like(xp, np.arange(len(orders)), pairs)
    chosen = (xp.argmax(means, axis=-1, keepdims=True) == numbers)[..., None]
    return xp.sum(xp.where(chosen, permuted, xp.zeros_like(permuted)), axis=-2)


def _like(xp: Any, numbers: Any, array: Any) -> Any:
    """Convert numbers to an array of the library and on the device of another."""
    return xp.asarray(numbers, device=find_device(array))


def _check(references: Any, estimates: Any) -> Any:
    """Check that signals are arrays of one library, dtype and shape; return their library."""
    try:
        xp = find_library(references, estimates)
    except TypeError:
        kinds = [type(signals).__name__ for signals in (references, estimates)]
        raise TypeError(
            f"references and estimates must be arrays of one library, got {' and '.join(kinds)}"
        ) from None
    for argument, signals in (("references", references), ("estimates", estimates)):
        if signals.dtype not in (xp.float32, xp.float64):
            raise TypeError(f"{argument} must be float32 or float64, got {signals.dtype}")
    if references.dtype != estimates.dtype:
        raise TypeError(
            f"estimates must have the dtype of references, {references.dtype}, "
            f"got {estimates.dtype}"
        )
    shapes = tuple(references.shape), tuple(estimates.shape)
    if not shapes[0] or shapes[0][-1] == 0:
        raise ValueError(
            f"references must have shape (..., n_samples), and samples, got {shapes[0]}"
        )
    if shapes[0] != shapes[1]:
        raise ValueError(
            f"estimates must have the shape of references, {shapes[0]}, got {shapes[1]}"
        )
    return xp
