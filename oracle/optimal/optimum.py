"""The best mask for each source, and the score that no mask of its class exceeds."""

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

# The largest value of a mask unless asked otherwise: of SI-SDR, at the best scale.
MAXIMUM, MAXIMUM_OF_SI_SDR = 1.0, 100.0

# Bins below this part of the norm of their frame are rounding errors of its FFT; a mask whose
# scale does not matter could make anything of them.
FLOOR = 1e-14

Mask = npt.NDArray[np.inexact[Any]]


class OptimalMask(NamedTuple):
    """The best masks that were found, and what is known of all masks.

    Attributes
    ----------
    mask : array of shape (n_sources, n_channels, n_freqs, n_frames)
        To be multiplied with the mixture's STFT; n_channels is 1 if they share it. Real, in the
        dtype of the audio, or complex. Of SI-SDR at its best scale.
    estimate : array of shape (n_sources, n_channels, n_samples)
        What the inverse STFT makes of that.
    achieved : array of shape (n_sources,), float64
        The SDR (or SI-SDR) of the estimate in dB, before it is rounded to its dtype; NaN for a
        silent source (and of SI-SDR for a silent estimate).
    certified : array of shape (n_sources,), float64
        No mask of the class has a higher SDR (or SI-SDR) than this; +inf where nothing
        is proven.
    iterations : array of shape (n_sources,), int
        Steps taken, of a long signal in the chunk that took the most.
    converged : array of shape (n_sources,), bool
        Whether the two are within the tolerance, or the estimate is perfect but for rounding.
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

    The estimate ``stft.inverse(mask * stft.forward(mixture))`` is linear in the mask, so to
    find the mask of the least error is a convex problem, least squares within limits, through
    the actual inverse STFT with all the overlap of its frames. Accelerated projected gradients
    solve it, a chunk of a long signal at a time; by duality what they leave of the source
    also gives an SDR that *no* mask of the class exceeds. It is computed in double precision.
    One that comes within `tolerance` of the SDR that is achieved certifies both.

    A bound is one of a class of masks at one STFT, and has to be stated with both. The more
    frames overlap, the more freedom a mask has, and nearly always the higher is the bound;
    with other windows the masks are others. `CLASSES` names classes, and the systems that
    they bound.

    Two classes are vacuous, and refused. A complex mask without a limit makes any signal of a
    mixture that is heard in every bin, at any overlap. A real one of either sign, without a
    limit, makes nearly any signal where frames overlap by half a window or more: there it has
    a real number, or several, for every sample. Their ceiling, infinity, says nothing of the
    sources.

    Parameters
    ----------
    sources : array of shape (n_sources, n_channels, n_samples), float32 or float64
        The true sources. Each is treated on its own; sums of sources may be among them.
    mixture : array of shape (n_channels, n_samples), same dtype
        The signal that is masked; it need not be the sum of the sources.
    stft : STFT, optional
        The default is ``STFT()``: periodic Hann, 2048 samples, hop 1024.
    metric : str, optional
        ``"SDR"``, of the whole signal, all channels (uSDR), or ``"SI-SDR"``, for which the
        scale of a mask does not matter, nor the sign of its estimate.
    maximum : float, optional
        The largest value of the masks. For SDR at most 1e6, by default 1. For SI-SDR the
        largest value at the best scale, the one at which the error of the estimate, or of its
        opposite, is least: 100 by default, which leaves out masks that amplify a bin by more
        than 40 dB. The mask that is returned is of this class, and at its best scale. If hardly
        any mask that is of use has its best scale below the maximum, it may be far from the
        certificate, or silent. Infinity stands for all masks that are not negative, whose
        certificate is rigorous too, but takes thousands of steps and may stay at infinity for
        the first hundreds. For SI-SDR masks are 0 in bins that are nothing but rounding errors
        of the FFT (below 1e-14 of their frame, or 1e-130 of the peak of the mixture), or they
        could make anything of them.
    binary : bool, optional
        For SDR: whether the masks are 0 or 1. The best that is found is one that no change
        of a single bin improves (but near where the chunks of a long signal meet); the
        certificate is that of all masks in [0, 1]. The best binary mask lies between the two,
        which are seldom near enough to be `converged`.
    complex_valued : bool, optional
        For SDR: whether masks are complex, of magnitudes up to the maximum.
    shared : bool, optional
        Whether all channels have the same mask.
    bands : sequence of int, optional
        For SDR: the first bin of each band, 0 for the first. A mask has one value for all bins
        of a band; see `make_bands`.
    tolerance : float, optional
        The gap between achieved and certified, in dB, at which to stop.
    max_iterations : int, optional
        The number of steps after which to stop in any case, of each chunk of a long signal. The
        certificate holds however many are taken.

    Returns
    -------
    optimum : OptimalMask
        mask, estimate (in the dtype of the audio), achieved, certified, iterations,
        converged. Beside them little memory is taken, but for SI-SDR.

    Raises
    ------
    TypeError
        If audio is not float32 or float64, of one dtype, or a number is of a wrong type.
    ValueError
        If shapes do not fit, audio is not finite, or an option is out of its range.

    References
    ----------
    .. [1] E. Vincent, R. Gribonval and M. D. Plumbley, "Oracle estimators for the
           benchmarking of source separation algorithms", Signal Processing 87(8), 2007:
           the best masks bin by bin, before the inverse STFT.
    .. [2] J. Le Roux and E. Vincent, "Consistent Wiener filtering for audio source
           separation", IEEE Signal Processing Letters 20(3), 2013: filters through the
           inverse STFT, by conjugate gradients, not limited.
    .. [3] A. Olivero, B. Torrésani and R. Kronland-Martinet, "A class of algorithms for
           time-frequency multiplier estimation", IEEE Trans. ASLP 21(8), 2013: masks from
           one signal to another by least squares with penalties.
    .. [4] Baelde, arXiv 2609.03481, 2026: ceilings of masks in closed form, bin by bin.

    Limits within the problem, the certificate, and bounds of each window
    (`framewise_ceiling`) are new here.

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

    Masks that have one value for each of 64 mel bands:

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
        raise ValueError(f"masks must be real and have a value a bin for SI-SDR, got {kind}")
    if binary and (scale_free or maximum != 1):
        raise ValueError(
            "binary masks must have the metric SDR and the maximum 1, got "
            f"{'SI-SDR' if scale_free else maximum}"
        )
    if binary and kind:
        raise ValueError(f"binary masks must be real and have a value a bin, got {kind}")
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
    """Find the masks of the best SDR, chunk by chunk."""
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
    """Find the masks of the best SI-SDR: of whole signals, for all of one have the same scale."""
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
