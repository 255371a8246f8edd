"""Checks of arrays that the functions of residuals share, and a quotient."""

from typing import Any

import numpy as np
import numpy.typing as npt

from oracle.machine.libraries import check_numpy
from oracle.metrics.energy_ratios import Float64s
from oracle.stft.frames import Spectrum
from oracle.tracks.track import Audio


def checked_signals(argument: str, signals: Audio) -> Float64s:
    """Check that signals have samples, and convert them to double precision."""
    check_numpy(argument, signals)
    double: Float64s = np.asarray(signals, np.float64)
    if double.ndim < 1 or double.size == 0:
        raise ValueError(
            f"{argument} must have shape (..., n_samples) and not be empty, got {double.shape}"
        )
    return double


def check_rate(rate: int) -> None:
    """Check that a sampling rate is positive."""
    if not rate > 0:
        raise ValueError(f"rate must be positive, got {rate}")


def checked_pair(
    references: Spectrum,
    estimates: Spectrum,
    n_dims: int,
    arguments: tuple[str, str] = ("references", "estimates"),
) -> tuple[Spectrum, Spectrum]:
    """Check that spectra have the same shape, and convert them to double precision."""
    check_alike(references, estimates, n_dims, arguments)
    return np.asarray(references, np.complex128), np.asarray(estimates, np.complex128)


def check_alike(
    references: npt.NDArray[Any],
    estimates: npt.NDArray[Any],
    n_dims: int,
    arguments: tuple[str, str] = ("references", "estimates"),
) -> None:
    """Check that arrays have the same shape, with at least `n_dims` dimensions."""
    for argument, array in zip(arguments, (references, estimates), strict=True):
        check_numpy(argument, array)
    shapes = np.shape(references), np.shape(estimates)
    if len(shapes[0]) < n_dims or 0 in shapes[0]:
        raise ValueError(
            f"{arguments[0]} must have at least {n_dims} dimensions and not be empty, "
            f"got shape {shapes[0]}"
        )
    if shapes[0] != shapes[1]:
        raise ValueError(
            f"{arguments[1]} must have the shape of {arguments[0]}, {shapes[0]}, got {shapes[1]}"
        )


def quotient(numerator: npt.NDArray[Any], denominator: npt.NDArray[Any]) -> Float64s:
    """Divide; 0 / 0 is NaN."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.divide(numerator, denominator))
