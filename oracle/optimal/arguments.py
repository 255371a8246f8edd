"""Checks of the arguments that optimal masks and ceilings share."""

import math
from collections.abc import Sequence
from numbers import Integral, Real

import numpy as np

from oracle.machine.libraries import check_numpy
from oracle.optimal.classes import MaskClass
from oracle.stft import STFT
from oracle.tracks.track import Audio

# Defaults: the gap between a mask and its certificate, in dB, and the maximum number of steps.
TOLERANCE = 0.01
MAX_ITERATIONS = 1000

# The largest `maximum` allowed for SDR.
LARGEST_MAXIMUM = 1e6


def check_signals(sources: Audio, mixture: Audio) -> None:
    """Check that sources and mixture are audio of one shape and dtype.

    Raises
    ------
    TypeError, ValueError
        As in `optimal_mask`.
    """
    for argument, audio, axes in (
        ("sources", sources, "(n_sources, n_channels, n_samples)"),
        ("mixture", mixture, "(n_channels, n_samples)"),
    ):
        check_numpy(argument, audio)
        if not isinstance(audio, np.ndarray) or audio.dtype not in (np.float32, np.float64):
            kind = getattr(audio, "dtype", type(audio).__name__)
            raise TypeError(f"{argument} must be a numpy array of float32 or float64, got {kind}")
        if audio.ndim != axes.count(",") + 1 or audio.size == 0:
            raise ValueError(
                f"{argument} must have shape {axes} and not be empty, got {audio.shape}"
            )
        if not np.isfinite(audio).all():
            raise ValueError(f"{argument} must be finite, got NaN or infinity")
    if sources.shape[1:] != mixture.shape:
        raise ValueError(
            f"sources must have the channels and samples of mixture, {mixture.shape}, "
            f"got {sources.shape}"
        )
    if sources.dtype != mixture.dtype:
        raise TypeError(
            f"sources must have the dtype of mixture, {mixture.dtype}, got {sources.dtype}"
        )


def check_stft(stft: object) -> None:
    """Check that `stft` is an STFT.

    Raises
    ------
    TypeError
        As in `optimal_mask`.
    """
    if not isinstance(stft, STFT):
        raise TypeError(f"stft must be an oracle.STFT, got {stft!r}")


def mask_class(
    stft: STFT,
    *,
    maximum: float,
    complex_valued: bool,
    shared: bool,
    bands: Sequence[int] | None,
) -> MaskClass:
    """Make the class of masks that the options describe.

    Raises
    ------
    TypeError, ValueError
        As in `optimal_mask`.
    """
    if complex_valued and (shared or bands is not None):
        kind = "shared masks" if shared else "bands"
        raise ValueError(f"complex masks must have one value per bin and channel, got {kind}")
    if bands is not None:
        starts = list(bands)
        if not all(isinstance(each, Integral) and not isinstance(each, bool) for each in starts):
            raise TypeError(f"bands must be integers, the first bin of each band, got {bands!r}")
        ascending = sorted({*starts}) == starts
        if not (starts and ascending and starts[0] == 0 and starts[-1] < stft.n_freqs):
            raise ValueError(
                f"bands must start with bin 0 and ascend, all below {stft.n_freqs}, the number of "
                f"frequencies, got {starts}"
            )
        bands = tuple(int(each) for each in starts)
    return MaskClass(maximum=maximum, complex_valued=complex_valued, shared=shared, bands=bands)


def check_limits(
    maximum: float, tolerance: float, max_iterations: int, *, largest: float = LARGEST_MAXIMUM
) -> None:
    """Check the numbers that `optimal_mask` and `framewise_ceiling` share.

    Raises
    ------
    TypeError, ValueError
        As in `optimal_mask`.
    """
    for argument, value in (("maximum", maximum), ("tolerance", tolerance)):
        if not isinstance(value, Real) or isinstance(value, bool):
            raise TypeError(f"{argument} must be a number, got {value!r}")
        if not value > 0:
            raise ValueError(f"{argument} must be positive, got {value}")
    if maximum > largest:
        vacuous = (
            ": without a limit, complex masks can turn a mixture into nearly any signal, and so "
            "can real masks where frames overlap by half or more; their ceiling says nothing"
        )
        raise ValueError(
            f"maximum must be at most {largest:g} for SDR, got {maximum}"
            f"{vacuous if maximum == math.inf else ''}"
        )
    if not isinstance(max_iterations, Integral) or isinstance(max_iterations, bool):
        raise TypeError(f"max_iterations must be an integer, got {max_iterations!r}")
    if max_iterations < 1:
        raise ValueError(f"max_iterations must be at least 1, got {max_iterations}")
