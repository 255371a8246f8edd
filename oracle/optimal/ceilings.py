"""Ceilings of framewise SDR: what no mask exceeds in each window of a signal."""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from oracle.levels import level_of, scaled
from oracle.metrics.energy_ratios import Float64s, is_silent
from oracle.metrics.windows import window_starts
from oracle.optimal.optimum import (
    MAX_ITERATIONS,
    TOLERANCE,
    check_limits,
    check_signals,
    check_stft,
)
from oracle.optimal.problems import Problem
from oracle.optimal.synthesis import Scaled, Synthesis
from oracle.stft import STFT
from oracle.threads import in_threads, one_blas_thread
from oracle.track import Audio

# What is just outside a window, and more than this louder, does not matter to its first mask.
LOUDEST = 2.0**40


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
    shared: bool = False,
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
    sources, mixture, stft, maximum, shared
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
    synthesis = Synthesis(stft, mixture, level=level_of(mixture), shared=shared)
    limits: dict[str, Any] = {
        "maximum": float(maximum),
        "tolerance": tolerance,
        "max_iterations": max_iterations,
    }
    of_sources = [ceilings_of(synthesis, source, windows, **limits) for source in sources]
    ceiling = FramewiseCeiling(*(np.stack(each) for each in zip(*of_sources, strict=True)))
    for index, cut in enumerate(windows):
        if any(is_silent(source[:, cut]) for source in sources):
            ceiling.achieved[:, index] = ceiling.certified[:, index] = np.nan
    return ceiling


@one_blas_thread()
def ceilings_of(
    synthesis: Synthesis,
    source: Audio,
    windows: Sequence[slice],
    *,
    maximum: float = 1.0,
    tolerance: float = TOLERANCE,
    max_iterations: int = MAX_ITERATIONS,
    advance: Callable[[float], object] = lambda part: None,
) -> FramewiseCeiling:
    """Certify the SDR of one source in windows; NaN where it, or the mixture, is silent.

    `advance` is called with the part that has just been done. The arrays have shape
    (n_windows,).
    """

    def certify(window: slice) -> tuple[float, float, bool]:
        part = synthesis.part(window)
        if not part.magnitude.any():
            return np.nan, np.nan, True
        problem = Problem.of(part, source[:, window], maximum=maximum)
        # What is just outside the window, and may be far louder, matters to the first mask.
        around = part.stft.under(part.frames, source, dtype=problem.synthesis.dtype)
        with np.errstate(over="ignore"):
            around = np.clip(scaled(around, -problem.level), -LOUDEST, LOUDEST)
        starts = [problem.start(around), problem.start()]
        found = problem.solve(
            min(starts, key=lambda start: _error(problem, start)),
            tolerance=tolerance,
            max_iterations=max_iterations,
        )
        certified = found.certified_sdr
        return found.sdr, certified, found.converged and certified != math.inf

    found = []
    for ceiling in in_threads(certify, windows, workers=synthesis.stft.workers):
        found.append(ceiling)
        advance(1 / len(windows))
    achieved, certified, converged = zip(*found, strict=True) if found else ((), (), ())
    return FramewiseCeiling(
        np.array(achieved, np.float64), np.array(certified, np.float64), np.array(converged, bool)
    )


def _error(problem: Problem, start: Scaled) -> float:
    return float(np.linalg.norm(problem.synthesis.forward(start) - problem.source))
