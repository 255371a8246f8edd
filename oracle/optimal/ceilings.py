"""Ceilings of framewise SDR: what no mask exceeds in each window of a signal."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from oracle.machine.threads import in_threads, one_blas_thread
from oracle.metrics.energy_ratios import Float64s, is_silent
from oracle.metrics.windows import window_starts
from oracle.optimal.arguments import (
    MAX_ITERATIONS,
    TOLERANCE,
    check_limits,
    check_signals,
    check_stft,
    mask_class,
)
from oracle.optimal.classes import Mask, MaskClass
from oracle.optimal.each_source import solve_each
from oracle.optimal.goals import Goal
from oracle.optimal.synthesis import Synthesis
from oracle.stft import STFT
from oracle.tracks.track import Audio


class FramewiseCeiling(NamedTuple):
    """SDR that masks reach in windows, and that none exceeds: shapes (n_sources, n_windows).

    Attributes
    ----------
    achieved : array of float64
        The SDR in dB of the mask that was found for this window alone.
    certified : array of float64
        No mask of the class has a higher SDR in this window, in dB; +inf where nothing is
        proven.
    converged : array of bool
        Whether the two are within the tolerance, or there is no SDR. Not where nothing is
        proven: the steps did not suffice, or a mask makes the source itself, but for rounding.
        The certificate holds in any case.
    """

    achieved: Float64s
    certified: Float64s
    converged: npt.NDArray[np.bool_]


def framewise_ceiling(
    sources: Audio,
    mixture: Audio,
    *,
    window: int,
    hop: int,
    stft: STFT | None = None,
    maximum: float = 1.0,
    complex_valued: bool = False,
    shared: bool = False,
    bands: Sequence[int] | None = None,
    tolerance: float = TOLERANCE,
    max_iterations: int = MAX_ITERATIONS,
) -> FramewiseCeiling:
    """Certify what museval's SDR of a mask can be at most, in each window.

    Each window has a best mask of its own, that need not care for what is around it: no mask
    of the whole signal has a higher SDR in any window. So the median of the ceilings is a
    ceiling of the median SDR, as it is published, over the same windows. (A mask that leaves
    a window silent has no SDR there.)

    Parameters
    ----------
    sources, mixture, stft, maximum, complex_valued, shared, bands
        As in `optimal_mask`, for SDR.
    window, hop : int
        Length of the windows and samples from one to the next, as in
        `oracle.metrics.framewise_sdr`: a signal that is shorter than a window is one.
    tolerance : float, optional
        The gap between what a mask achieves in a window and its ceiling, in dB, at which to
        stop.
    max_iterations : int, optional
        The number of steps in a window after which to stop in any case.

    Returns
    -------
    ceiling : FramewiseCeiling
        achieved, certified, converged: arrays of shape (n_sources, n_windows). There is no
        SDR, all sources are NaN, in a window in which any source is silent (the sum of its
        channels is zero at every sample), or the mixture is zero in every frame that
        reaches the window.

    Raises
    ------
    TypeError, ValueError
        As `optimal_mask`; and if the window or hop is not a positive integer.

    Examples
    --------
    >>> import numpy as np
    >>> import oracle
    >>> track = oracle.datasets.waltz()
    >>> vocals = track.sources["vocals"][np.newaxis]
    >>> second = track.rate
    >>> ceiling = oracle.optimal.framewise_ceiling(vocals, track.mixture, window=second, hop=second)
    >>> ceiling.certified.shape
    (1, 13)
    >>> estimate = oracle.separate(track, "IRM2")["vocals"][np.newaxis]
    >>> sdr = oracle.metrics.framewise_sdr(vocals, estimate, window=second, hop=second)
    >>> bool((sdr < ceiling.certified).all())
    True
    """
    check_signals(sources, mixture)
    check_limits(maximum, tolerance, max_iterations)
    stft = STFT() if stft is None else stft
    check_stft(stft)
    n_samples = mixture.shape[-1]
    starts = window_starts(n_samples, window=window, hop=hop)
    windows = [slice(start, min(start + window, n_samples)) for start in starts]
    masks = mask_class(
        stft, maximum=float(maximum), complex_valued=complex_valued, shared=shared, bands=bands
    )
    goal = Goal(tolerance, max_iterations)
    alone = replace(stft, workers=1)

    def certify(piece: slice) -> list[Ceiling]:
        heard = not any(is_silent(source[:, piece]) for source in sources)
        return certify_window(piece, alone, mixture, list(sources), masks, goal, heard=heard)

    with one_blas_thread():
        found = list(in_threads(certify, windows, workers=stft.workers))
    columns = zip(*(zip(*of_window, strict=True) for of_window in found), strict=True)
    achieved, certified, converged = (np.array(column).T for column in columns)
    return FramewiseCeiling(achieved, certified, converged)


class Ceiling(NamedTuple):
    """The SDR in a window, in dB, that a mask reaches, and that none exceeds."""

    achieved: float
    certified: float
    converged: bool


def certify_window(
    window: slice,
    stft: STFT,
    mixture: Audio,
    sources: Sequence[Audio],
    masks: MaskClass,
    goal: Goal,
    *,
    heard: bool = True,
    starts: Mask | None = None,
) -> list[Ceiling]:
    """Certify the SDR of sources in a window; NaN where one, or the mixture, is silent.

    `starts` are masks of the frames that reach there; the best bin by bin by default.
    """
    nothing = Ceiling(np.nan, np.nan, True)
    synthesis = Synthesis(stft, mixture, masks, piece=window)
    if not heard or not synthesis.magnitude.any():
        return [nothing] * len(sources)
    ceilings = []
    for _, found in solve_each(synthesis, mixture, sources, masks, goal, starts):
        certified = found.certified_sdr
        converged = found.converged and certified != math.inf
        ceilings.append(Ceiling(found.sdr, certified, converged) if found.energy else nothing)
    return ceilings
