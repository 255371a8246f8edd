"""The best mask of a class for each source, and the score that no mask of the class exceeds."""

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from oracle.machine.threads import in_threads
from oracle.metrics.energy_ratios import Float64s
from oracle.optimal.any_scale import best_of_any_scale
from oracle.optimal.arguments import (
    LARGEST_MAXIMUM,
    MAX_ITERATIONS,
    TOLERANCE,
    check_limits,
    check_signals,
    check_stft,
    mask_class,
)
from oracle.optimal.chunks import Chunks
from oracle.optimal.classes import MaskClass
from oracle.optimal.goals import Goal
from oracle.optimal.rounds import Solution
from oracle.optimal.synthesis import Synthesis
from oracle.stft import STFT
from oracle.tracks.track import Audio

# The default `maximum` for SDR, and for SI-SDR (where it limits masks at their best scale).
MAXIMUM, MAXIMUM_OF_SI_SDR = 1.0, 100.0

# Bins below this fraction of the norm of their frame are rounding errors of its FFT. A mask of any
# scale could turn them into anything.
FLOOR = 1e-14

Mask = npt.NDArray[np.inexact[Any]]


class OptimalMask(NamedTuple):
    """The best masks found, with the certificates of their class.

    Attributes
    ----------
    mask : array of shape (n_sources, n_channels, n_freqs, n_frames)
        Masks to multiply the mixture's STFT by; n_channels is 1 if channels share a mask. Real,
        in the dtype of the audio, or complex. For SI-SDR, at their best scale.
    estimate : array of shape (n_sources, n_channels, n_samples)
        The inverse STFT of the masked mixture.
    achieved : array of shape (n_sources,), float64
        SDR (or SI-SDR) of the estimate in dB, before rounding to its dtype; NaN for a silent
        source (for SI-SDR, also for a silent estimate).
    certified : array of shape (n_sources,), float64
        SDR (or SI-SDR) in dB that no mask of the class exceeds; +inf where nothing is proven.
    iterations : array of shape (n_sources,), int
        Steps taken; for a long signal, in the chunk that took the most.
    converged : array of shape (n_sources,), bool
        Whether the two are within the tolerance, or the estimate is perfect up to rounding.
    """

    mask: Mask
    estimate: Audio
    achieved: Float64s
    certified: Float64s
    iterations: npt.NDArray[np.int64]
    converged: npt.NDArray[np.bool_]


def optimal_mask(
    sources: Audio,
    mixture: Audio,
    *,
    stft: STFT | None = None,
    metric: str = "SDR",
    maximum: float | None = None,
    binary: bool = False,
    complex_valued: bool = False,
    shared: bool = False,
    bands: Sequence[int] | None = None,
    tolerance: float = TOLERANCE,
    max_iterations: int = MAX_ITERATIONS,
) -> OptimalMask:
    """Find the best mask of a class for each source, and prove how good it is.

    The estimate ``stft.inverse(mask * stft.forward(mixture))`` is linear in the mask. Finding
    the mask of least error is therefore a convex problem: constrained least squares through
    the actual inverse STFT, with its overlapping frames. Accelerated projected gradients solve
    it, chunk by chunk for long signals. By duality, the residual also yields an SDR that *no*
    mask of the class exceeds, computed in double precision. If it is within `tolerance` of the
    SDR achieved, it certifies both.

    A bound holds for one class of masks and one STFT; always state it with both. The more
    frames overlap, the more freedom a mask has, and nearly always the higher the bound. Another
    window means other masks. `CLASSES` lists named classes and the systems that they bound.

    Two classes are vacuous, and refused. Complex masks without a limit can turn a mixture that
    is nonzero in every bin into any signal, at any overlap. Real masks of either sign without a
    limit can produce nearly any signal where frames overlap by half a window or more: there
    they have at least one real number per sample. Their ceiling, infinity, says nothing about
    the sources.

    Parameters
    ----------
    sources : array of shape (n_sources, n_channels, n_samples), float32 or float64
        The true sources. Each is solved separately; they may include sums of sources.
    mixture : array of shape (n_channels, n_samples), same dtype
        The signal to mask; it need not be the sum of the sources.
    stft : STFT, optional
        The default is ``STFT()``: periodic Hann, 2048 samples, hop 1024.
    metric : str, optional
        ``"SDR"``, over the whole signal and all channels (uSDR), or ``"SI-SDR"``, which ignores
        the scale of a mask and the sign of its estimate.
    maximum : float, optional
        The largest mask value. For SDR: 1 by default, at most 1e6. For SI-SDR: the largest
        value at the best scale, where the error of the estimate, or of its negative, is least;
        the default of 100 excludes masks that amplify a bin by more than 40 dB. The mask
        returned is of this class and at its best scale. If hardly any useful mask stays below
        the maximum at its best scale, the result may be far from the certificate, or silent.
        Infinity allows all nonnegative masks; their certificate is rigorous too, but takes
        thousands of steps and may stay at infinity for the first hundreds. For SI-SDR, masks
        are 0 in bins that are only rounding errors of the FFT (below 1e-14 of their frame, or
        1e-130 of the peak of the mixture); otherwise they could turn these into anything.
    binary : bool, optional
        For SDR: whether masks are 0 or 1. No change of a single bin improves the mask found
        (except possibly near where the chunks of a long signal meet); the certificate is that
        of all masks in [0, 1]. The best binary mask lies between the two, which are seldom
        close enough to be `converged`.
    complex_valued : bool, optional
        For SDR: whether masks are complex, with magnitudes up to the maximum.
    shared : bool, optional
        Whether all channels share one mask.
    bands : sequence of int, optional
        For SDR: the first bin of each band, starting with 0. The bins of a band share one mask
        value; see `make_bands`.
    tolerance : float, optional
        Stop when achieved and certified are this close, in dB.
    max_iterations : int, optional
        Maximum number of steps, per chunk of a long signal. The certificate holds however many
        are taken.

    Returns
    -------
    optimum : OptimalMask
        mask, estimate (in the dtype of the audio), achieved, certified, iterations, converged.
        Except for SI-SDR, little memory is used beyond these arrays.

    Raises
    ------
    TypeError
        If the audio is not float32 or float64, the dtypes differ, or an argument has the wrong
        type.
    ValueError
        If shapes do not match, the audio is empty or not finite, an option is out of range, or
        options do not go together.

    References
    ----------
    .. [1] E. Vincent, R. Gribonval and M. D. Plumbley, "Oracle estimators for the
           benchmarking of source separation algorithms", Signal Processing 87(8), 2007:
           the best masks bin by bin, before the inverse STFT.
    .. [2] J. Le Roux and E. Vincent, "Consistent Wiener filtering for audio source
           separation", IEEE Signal Processing Letters 20(3), 2013: filters through the
           inverse STFT, by conjugate gradients, without limits.
    .. [3] A. Olivero, B. Torrésani and R. Kronland-Martinet, "A class of algorithms for
           time-frequency multiplier estimation", IEEE Trans. ASLP 21(8), 2013: masks from
           one signal to another by least squares with penalties.
    .. [4] Baelde, arXiv 2609.03481, 2026: ceilings of masks in closed form, bin by bin.

    New here: limits as constraints of the problem, the certificate, and bounds per window
    (`framewise_ceiling`).

    Examples
    --------
    >>> import numpy as np
    >>> import oracle
    >>> track = oracle.datasets.waltz()
    >>> vocals = track.sources["vocals"][np.newaxis]
    >>> optimum = oracle.optimal.optimal_mask(vocals, track.mixture)
    >>> optimum.mask.shape, optimum.mask.min() >= 0, optimum.mask.max() <= 1
    ((1, 2, 1025, 565), np.True_, np.True_)
    >>> bool(optimum.converged[0]), bool(optimum.certified[0] - optimum.achieved[0] <= 0.01)
    (True, True)

    Masks with one value for each of 64 mel bands:

    >>> from dataclasses import asdict
    >>> masks = oracle.optimal.CLASSES["MEL64"].at(oracle.STFT(), track.rate)
    >>> of_bands = oracle.optimal.optimal_mask(vocals, track.mixture, **asdict(masks))
    >>> bool(of_bands.certified[0] < optimum.achieved[0])
    True
    """
    check_signals(sources, mixture)
    if metric not in ("SDR", "SI-SDR"):
        raise ValueError(f"metric must be SDR (which is uSDR here) or SI-SDR, got {metric!r}")
    scale_free = metric == "SI-SDR"
    if maximum is None:
        maximum = MAXIMUM_OF_SI_SDR if scale_free else MAXIMUM
    largest = math.inf if scale_free else LARGEST_MAXIMUM
    check_limits(maximum, tolerance, max_iterations, largest=largest)
    goal, maximum = Goal(tolerance, max_iterations), float(maximum)
    kind = "complex masks" if complex_valued else None if bands is None else "bands"
    if scale_free and kind:
        raise ValueError(f"masks must be real and have one value per bin for SI-SDR, got {kind}")
    if binary and (scale_free or maximum != 1):
        raise ValueError(
            "binary masks must have metric SDR and maximum 1, got "
            f"{'SI-SDR' if scale_free else maximum}"
        )
    if binary and kind:
        raise ValueError(f"binary masks must be real and have one value per bin, got {kind}")
    stft = STFT() if stft is None else stft
    check_stft(stft)
    masks = mask_class(
        stft, maximum=maximum, complex_valued=complex_valued, shared=shared, bands=bands
    )
    if scale_free:
        return _of_any_scale(sources, mixture, stft, masks, goal)
    chunks = Chunks(stft, mixture, list(sources), masks)
    return _of_chunks(chunks, goal, workers=stft.workers, binary=binary)


def _of_chunks(chunks: Chunks, goal: Goal, *, workers: int, binary: bool) -> OptimalMask:
    """Find the masks with the highest SDR, chunk by chunk."""
    solution = Solution(chunks, workers=workers)
    verdicts = solution.solve(goal)
    if binary:
        verdicts = [
            verdict._replace(certified=real.certified)
            for verdict, real in zip(solution.round(goal), verdicts, strict=True)
        ]
    return OptimalMask(
        solution.masks.swapaxes(-1, -2),
        solution.estimates,
        np.array([verdict.achieved for verdict in verdicts]),
        np.array([verdict.certified for verdict in verdicts]),
        solution.iterations.max(axis=0),
        np.array([verdict.is_within(goal.tolerance) for verdict in verdicts]),
    )


def _of_any_scale(
    sources: Audio,
    mixture: Audio,
    stft: STFT,
    masks: MaskClass,
    goal: Goal,
) -> OptimalMask:
    """Find the masks with the highest SI-SDR, for whole signals: each mask has a single scale."""
    alone = replace(stft, workers=1)
    synthesis = Synthesis(alone, mixture, masks, floor=FLOOR, dtype=np.float64)
    n_frames = stft.n_frames(mixture.shape[-1])
    shape = (len(sources), len(synthesis.magnitude), n_frames, stft.n_freqs)
    found = np.zeros(shape, sources.dtype)
    estimates = np.empty_like(sources)
    verdicts = []
    search = partial(best_of_any_scale, synthesis, goal=goal, masks=masks)
    for index, best in enumerate(in_threads(search, sources, workers=stft.workers)):
        found[index, :, synthesis.frames] = masks.rounded(best.mask, found.dtype)
        estimates[index] = best.estimate
        verdicts.append(best[2:])
    columns = [np.array(column) for column in zip(*verdicts, strict=True)]
    return OptimalMask(found.swapaxes(-1, -2), estimates, *columns)
