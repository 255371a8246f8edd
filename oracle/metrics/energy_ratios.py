"""Ratios of the energy of a source to that of the error: framewise (museval) and global."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from oracle.track import Audio

Float64s = npt.NDArray[np.float64]

# An array of shape (n_sources, n_channels, n_samples), or as many of (n_channels, n_samples).
Signals = Audio | Sequence[Audio]

# Samples taken to float64 at a time: long signals are never held in double precision.
BLOCK_SAMPLES = 2**16


def framewise_sdr(references: Signals, estimates: Signals, *, window: int, hop: int) -> Float64s:
    """Compute museval's SDR in windows: 10 log10(|s|^2 / |s - estimate|^2), all channels.

    The SDR of BSS Eval v4 (images): its distortion filters cancel out of it, so none are
    computed. In a window in which any of the references or estimates is silent (the sum of
    its channels is zero at every sample), *all* are NaN: pass together what museval
    evaluates together. What is left after the last whole window is not scored; a signal
    shorter than a window is one window.

    Parameters
    ----------
    references : array of shape (n_sources, n_channels, n_samples)
        The true sources; a list of arrays (n_channels, n_samples) will do.
    estimates : array of shape (n_sources, n_channels, n_samples)
        The estimated sources, in the same order.
    window, hop : int
        Length of the windows and samples from one to the next; museval's default for both
        is one second.

    Returns
    -------
    sdr : array of shape (n_sources, n_windows), float64
        In dB; +inf for a perfect estimate, NaN as above.

    Raises
    ------
    ValueError
        If the shapes do not fit, or the window or hop is not positive.

    References
    ----------
    .. [1] F.-R. Stöter, A. Liutkus and N. Ito, "The 2018 Signal Separation Evaluation
           Campaign", LVA/ICA 2018; museval 0.4.1.

    Examples
    --------
    >>> import numpy as np
    >>> references = np.ones((1, 2, 8))
    >>> framewise_sdr(references, 0.9 * references, window=4, hop=4).round(6)
    array([[20., 20.]])
    """
    n_samples = check_pair(references, estimates)
    starts = window_starts(n_samples, window=window, hop=hop)
    sdr = np.empty((len(references), len(starts)))
    for column, start in enumerate(starts):
        cut = slice(start, start + window)
        truths, guesses = (
            np.stack([signal[:, cut] for signal in signals]) for signals in (references, estimates)
        )
        if _any_silent(truths) or _any_silent(guesses):
            sdr[:, column] = np.nan
        else:
            sdr[:, column] = usdr(truths, guesses)
    return sdr


def usdr(references: Signals, estimates: Signals) -> Float64s:
    """Compute the SDR of whole signals: 10 log10(|s|^2 / |s - estimate|^2), all channels.

    Called SDR in the MDX 2021 and SDX 2023 challenges, uSDR (utterance level) where it has
    to be told from museval's.

    Parameters
    ----------
    references : array of shape (n_sources, n_channels, n_samples)
        The true sources; a list of arrays (n_channels, n_samples) will do.
    estimates : array of shape (n_sources, n_channels, n_samples)
        The estimated sources, in the same order.

    Returns
    -------
    sdr : array of shape (n_sources,), float64
        In dB; NaN for a silent reference, else +inf for a perfect estimate.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    References
    ----------
    .. [1] Y. Mitsufuji et al., "Music Demixing Challenge 2021", Frontiers in Signal
           Processing 1, 2022.

    Examples
    --------
    >>> import numpy as np
    >>> references = np.ones((1, 2, 8))
    >>> usdr(references, 0.9 * references).round(6)
    array([20.])
    """
    check_pair(references, estimates)
    signal, error = np.zeros((2, len(references)))
    for truths, guesses in float64_blocks(references, estimates):
        signal += energies(truths)
        error += energies(guesses - truths)
    return np.where(signal == 0, np.nan, decibels(signal, error))


def window_starts(n_samples: int, *, window: int, hop: int) -> list[int]:
    """Return the first samples of the windows that museval cuts a signal into.

    Parameters
    ----------
    n_samples : int
        Length of the signal.
    window, hop : int
        Length of the windows and samples from one to the next.

    Returns
    -------
    starts : list of int
        Whole windows only; one window for a signal that is no longer than it.

    Raises
    ------
    ValueError
        If the window or hop is not positive.

    Examples
    --------
    >>> window_starts(10, window=4, hop=4), window_starts(3, window=4, hop=4)
    ([0, 4], [0])
    """
    for argument, value in (("window", window), ("hop", hop)):
        if value < 1:
            raise ValueError(f"{argument} must be at least 1 sample, got {value}")
    return list(range(0, max(n_samples - window, 0) + 1, hop))


def float64_blocks(*several: Signals) -> Iterator[list[Float64s]]:
    """Cut signals into blocks of samples, as float64 matrices of shape (n_sources, ...)."""
    for start in range(0, several[0][0].shape[-1], BLOCK_SAMPLES):
        cut = slice(start, start + BLOCK_SAMPLES)
        yield [
            np.stack([signal[:, cut].ravel() for signal in signals], dtype=np.float64)
            for signals in several
        ]


def energies(signals: Float64s) -> Float64s:
    """Sum the squares of each row of a matrix."""
    return np.asarray(np.einsum("ij,ij->i", signals, signals))


def decibels(numerator: Any, denominator: Any) -> Float64s:
    """Return 10 log10 of a ratio of energies: +inf over 0, NaN for 0 / 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(10 * np.log10(np.divide(numerator, denominator)))


def check_pair(references: Signals, estimates: Signals) -> int:
    """Check that references and estimates are signals of one shape; return their length."""
    shape = _shape(references)
    if len(shape) != 3 or 0 in shape:
        raise ValueError(
            "references must have shape (n_sources, n_channels, n_samples) and not be empty, "
            f"got {shape}"
        )
    if _shape(estimates) != shape:
        raise ValueError(
            f"estimates must have the shape of references, {shape}, got {_shape(estimates)}"
        )
    return shape[-1]


def _shape(signals: Signals) -> tuple[int, ...]:
    if isinstance(signals, np.ndarray):
        return signals.shape
    shapes = {signal.shape for signal in signals}
    if len(shapes) > 1:
        raise ValueError(f"signals must have one shape, got {sorted(shapes)}")
    return (len(signals), *(shapes.pop() if shapes else ()))


def _any_silent(signals: Audio) -> bool:
    return bool((signals.sum(axis=1, dtype=np.float64) == 0).all(axis=-1).any())
