"""Ratios of the energy of a source to that of the error: framewise (museval) and global."""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from oracle.machine.libraries import check_numpy
from oracle.machine.threads import in_threads, one_blas_thread
from oracle.metrics.windows import Partition, cut_into_pieces
from oracle.tracks.track import Audio

Float64s = npt.NDArray[np.float64]

# An array of shape (n_sources, n_channels, n_samples), or a list of its rows.
Signals = Audio | Sequence[Audio]

# Signals with less energy (float64 audio below about 1e-135) have no ratios: squared errors
# 300 dB below them would leave the range of floats.
LEAST_ENERGY = 1e-270

# A ratio above this is infinite but for rounding: float32 audio allows some 130 dB.
PERFECT_DB = 100.0


@one_blas_thread()
def framewise_sdr(references: Signals, estimates: Signals, *, window: int, hop: int) -> Float64s:
    """Compute museval's SDR in windows: 10 log10(|s|^2 / |s - estimate|^2), all channels.

    This is the SDR of BSS Eval v4 (images). The distortion filters cancel out of it, so none
    are computed. If any reference or estimate is silent in a window (its channels sum to zero
    at every sample), *all* sources are NaN there: pass together what museval evaluates
    together. Samples after the last whole window are not scored. A signal shorter than a
    window is one window.

    Parameters
    ----------
    references : array of shape (n_sources, n_channels, n_samples)
        The true sources. A list of arrays of shape (n_channels, n_samples) is accepted, and so
        are mono sources of shape (n_sources, n_samples).
    estimates : array, same shape
        The estimated sources, in the same order.
    window, hop : int
        Length of the windows and hop between them, in samples; museval's default for both
        is one second.

    Returns
    -------
    sdr : array of shape (n_sources, n_windows), float64
        In dB; +inf for a perfect estimate; NaN as above, or if the energy of the reference is
        below 1e-270.

    Raises
    ------
    TypeError
        If the signals are no numpy arrays.
    ValueError
        If shapes do not match, a signal is not finite, or the window or hop is not
        positive.

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
    references, estimates = arrange_pair(references, estimates)
    partition = Partition(check_pair(references, estimates), window=window, hop=hop)
    found = in_threads(partial(compute_energies, references, [estimates]), partition.pieces)
    return compute_framewise_sdr(partition, [energies for (energies,) in found])


@one_blas_thread()
def usdr(references: Signals, estimates: Signals) -> Float64s:
    """Compute the SDR of whole signals: 10 log10(|s|^2 / |s - estimate|^2), all channels.

    Called SDR in the MDX 2021 and SDX 2023 challenges, and uSDR (utterance level) to tell it
    from museval's.

    Parameters
    ----------
    references : array of shape (n_sources, n_channels, n_samples)
        The true sources. A list of arrays of shape (n_channels, n_samples) is accepted, and so
        are mono sources of shape (n_sources, n_samples).
    estimates : array, same shape
        The estimated sources, in the same order.

    Returns
    -------
    sdr : array of shape (n_sources,), float64
        In dB; NaN for a silent reference (energy below 1e-270), else +inf for a perfect
        estimate.

    Raises
    ------
    ValueError
        If shapes do not match, or a signal is not finite.

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
    references, estimates = arrange_pair(references, estimates)
    pieces = cut_into_pieces(check_pair(references, estimates))
    found = in_threads(partial(compute_energies, references, [estimates]), pieces)
    signals, errors, _ = zip(*(energies for (energies,) in found), strict=True)
    signal, error = np.sum(signals, axis=0), np.sum(errors, axis=0)
    check_finite(signal, error)
    return np.where(signal < LEAST_ENERGY, np.nan, decibels(signal, error))


class Energies(NamedTuple):
    """Energies of a piece of some signals and of their errors, arrays of shape (n_sources,).

    `silent`, of shape (n_sources, 2), tells whether each reference and estimate is silent.
    """

    signal: Float64s
    error: Float64s
    silent: npt.NDArray[np.bool_]


def compute_energies(
    references: Signals, several: Sequence[Signals], piece: slice = slice(None)
) -> list[Energies]:
    """Compute energies of a piece for several estimates, all channels together, in float64.

    To be called with one BLAS thread: the rounding depends on their number.
    """
    signal = np.empty(len(references))
    error = np.empty((len(several), len(references)))
    silent = np.empty((*error.shape, 2), np.bool_)
    for place, reference in enumerate(references):
        truth = reference[:, piece].astype(np.float64, order="C")
        signal[place] = _compute_energy(truth)
        silent[:, place, 0] = is_silent(truth)
        for index, estimates in enumerate(several):
            estimate = estimates[place][:, piece]
            difference = estimate.astype(np.float64, order="C")
            with np.errstate(invalid="ignore"):  # values that are not finite raise later
                difference -= truth
            error[index, place] = _compute_energy(difference)
            silent[index, place, 1] = is_silent(estimate)
    return [Energies(signal, *rest) for rest in zip(error, silent, strict=True)]


def _compute_energy(signal: Float64s) -> float:
    flat = signal.reshape(-1)
    return float(np.dot(flat, flat))


def compute_framewise_sdr(partition: Partition, found: Sequence[Energies]) -> Float64s:
    """Compute the SDR in windows from the energies of the pieces."""
    signal, error, silent = (np.stack(values) for values in zip(*found, strict=True))
    check_finite(signal, error)
    in_windows = partition.add_up(signal)
    ratio = decibels(in_windows, partition.add_up(error))
    ratio[find_silent_windows(partition, silent)] = np.nan
    ratio[in_windows < LEAST_ENERGY] = np.nan
    return ratio.T


def check_finite(signal: Float64s, error: Float64s) -> None:
    """Check that references and estimates are finite, from their energies."""
    for argument, energy in (("references", signal), ("estimates", error)):
        if not np.isfinite(energy).all():
            raise ValueError(f"{argument} must be finite, got NaN, infinity or more than 1e150")


def find_silent_windows(
    partition: Partition, silent: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """Find the windows where a signal is silent, from the pieces where it is."""
    heard = partition.add_up(~silent).reshape(len(partition.windows), -1)
    return np.asarray((heard == 0).any(axis=1))


def decibels(numerator: Any, denominator: Any) -> Float64s:
    """Return 10 log10 of a ratio of energies: +inf for x / 0, NaN for 0 / 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(10 * np.log10(np.divide(numerator, denominator)))


def arrange_pair(references: Signals, estimates: Signals) -> tuple[Signals, Signals]:
    """Check that signals are numpy arrays, and give mono ones an axis of channels."""
    return arrange("references", references), arrange("estimates", estimates)


def arrange(argument: str, signals: Signals) -> Signals:
    """Check that signals are numpy arrays, and give mono ones an axis of channels."""
    check_numpy(argument, signals)
    for signal in signals:
        check_numpy(argument, signal)
        if not isinstance(signal, (np.ndarray, np.generic)):
            raise TypeError(f"{argument} must be numpy arrays, got {type(signal).__name__}")
    if any(signal.ndim != 1 for signal in signals) or 0 in _find_shape(signals):
        return signals
    if len(signals) > len(signals[0]):
        raise ValueError(
            f"{argument} must have shape (n_sources, n_channels, n_samples), or (n_sources, "
            f"n_samples) if mono, got {_find_shape(signals)}: more sources than samples"
        )
    return [signal[None] for signal in signals]


def check_pair(references: Signals, estimates: Signals) -> int:
    """Check that references and estimates have one shape; return their length in samples."""
    shape = _find_shape(references)
    if len(shape) != 3 or 0 in shape:
        raise ValueError(
            "references must have shape (n_sources, n_channels, n_samples), or (n_sources, "
            f"n_samples) if mono, and not be empty, got {shape}"
        )
    if _find_shape(estimates) != shape:
        raise ValueError(
            f"estimates must have the shape of references, {shape}, got {_find_shape(estimates)}"
        )
    return shape[-1]


def _find_shape(signals: Signals) -> tuple[int, ...]:
    if isinstance(signals, np.ndarray):
        return signals.shape
    shapes = {signal.shape for signal in signals}
    if len(shapes) > 1:
        raise ValueError(f"signals must have one shape, got {sorted(shapes)}")
    return (len(signals), *(shapes.pop() if shapes else ()))


def is_silent(signal: Audio) -> bool:
    """Tell whether a signal is silent to museval: its channels sum to zero at every sample."""
    # Most signals are not, and their first samples show it.
    return not any(some.sum(axis=0, dtype=np.float64).any() for some in (signal[:, :256], signal))


def check_heard(argument: str, signals: Signals, names: Sequence[str]) -> None:
    """Check that no signal is silent to museval."""
    for name, signal in zip(names, signals, strict=True):
        if is_silent(signal):
            raise ValueError(
                f"{argument} must not be silent, got {name} whose channels sum to zero at "
                "every sample: leave it out of references and estimates"
            )
