"""Ceilings of framewise SDR: the score that no mask exceeds, for each window of a signal."""

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
    """SDR that masks reach, and that none exceeds, per window: shapes (n_sources, n_windows).

    Attributes
    ----------
    achieved : array of float64
        SDR in dB of the mask found for this window alone.
    certified : array of float64
        SDR in dB that no mask of the class exceeds in this window; +inf where nothing is
        proven.
    converged : array of bool
        True if the two are within the tolerance, or there is no SDR. False where nothing is
        proven: there were too few steps, or a mask yields the source itself, up to rounding.
        The certificate holds either way.
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
    """Certify, for each window, an SDR (as in museval) that no mask exceeds.

    The best mask of a window ignores everything outside it, so no mask of the whole signal has
    a higher SDR there. The median of the ceilings is therefore a ceiling of the median SDR, as
    published, over the same windows. (A mask that leaves a window silent has no SDR there.)

    Parameters
    ----------
    sources, mixture, stft, maximum, complex_valued, shared, bands
        As in `optimal_mask`, for SDR.
    window, hop : int
        Length of a window, and samples from one window to the next, as in
        `oracle.metrics.framewise_sdr`: a signal shorter than a window is one window.
    tolerance : float, optional
        Stop when achieved and certified SDR of a window are this close, in dB.
    max_iterations : int, optional
        Maximum number of steps per window.

    Returns
    -------
    ceiling : FramewiseCeiling
        achieved, certified, converged: arrays of shape (n_sources, n_windows). The SDR of all
        sources is NaN in a window where any source is silent (the sum of its channels is zero
        at every sample), or where the mixture is zero in every frame that reaches the window.

    Raises
    ------
    TypeError, ValueError
        As in `optimal_mask`; also if `window` or `hop` is not a positive integer.

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
    """The SDR in dB that a mask reaches in a window, and the SDR that none exceeds."""

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
    """Certify the SDR of sources in a window; NaN if a source or the mixture is silent there.

    `starts` are masks of the frames that reach the window; by default the best bin by bin.
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
