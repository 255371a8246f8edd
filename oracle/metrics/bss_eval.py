"""BSS Eval: the results, warning and checks that versions 3 and 4 share.

`oracle.metrics.decomposition` explains how the ratios are computed.
"""

import warnings
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from oracle.machine.libraries import check_numpy
from oracle.metrics.decomposition import Permutation
from oracle.metrics.energy_ratios import Float64s, Signals, check_heard, check_pair


class IllConditionedWarning(UserWarning):
    """Warns of references whose delayed copies are nearly dependent."""


class ImagesRatios(NamedTuple):
    """Ratios in dB, each an array of shape (n_sources, n_windows), float64.

    From `bss_eval_images`, which scores whole signals, the shape is (n_sources,).
    `permutation` holds the index of the estimate assigned to each source, and has a column
    per window if filters are fitted to windows.
    """

    sdr: Float64s
    isr: Float64s
    sir: Float64s
    sar: Float64s
    permutation: Permutation


class SourcesRatios(NamedTuple):
    """The same for the sources version, which has no ISR."""

    sdr: Float64s
    sir: Float64s
    sar: Float64s
    permutation: Permutation


def warn_of_trouble(troubles: Sequence[str | None]) -> None:
    """Warn of the first problem with the references, at the line that called this package."""
    found = [trouble for trouble in troubles if trouble is not None]
    if found:
        warnings.warn(f"references: {found[0]}", IllConditionedWarning, stacklevel=4)


def check_signals(references: Signals, estimates: Signals) -> tuple[list[Float64s], list[Float64s]]:
    """Check references and estimates; mono ones, as mir_eval has them, get an axis of channels."""
    checked = []
    for argument, signals in (("references", references), ("estimates", estimates)):
        check_numpy(argument, signals)
        for signal in signals:
            check_numpy(argument, signal)
        shapes = {np.shape(signal) for signal in signals}
        if len(shapes) > 1:
            raise ValueError(f"{argument} must have one shape, got {sorted(shapes)}")
        array = np.asarray(signals)
        if array.dtype.kind not in "fiu":
            raise TypeError(f"{argument} must be real numbers, got {array.dtype}")
        if array.ndim == 2:
            array = array[:, None]
            more = "sources" if len(array) > array.shape[-1] else None
        else:
            more = "channels" if array.ndim == 3 and array.shape[1] > array.shape[2] else None
        if array.size and more is not None:
            raise ValueError(
                f"{argument} must have shape (n_sources, n_channels, n_samples), or (n_sources, "
                f"n_samples) if mono, got {np.shape(signals)}: more {more} than samples "
                "(from museval's axes, convert with np.swapaxes(signals, 1, 2))"
            )
        if not np.isfinite(array).all():
            raise ValueError(f"{argument} must be finite, got NaN or infinity")
        checked.append(array)
    check_pair(*checked)
    names = [f"source {index}" for index in range(len(checked[0]))]
    check_heard("references", checked[0], names)
    check_heard("estimates", checked[1], names)
    return list(checked[0]), list(checked[1])
