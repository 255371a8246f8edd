"""The best mask for each source, and the score that no mask of its class exceeds."""

import math
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from oracle.levels import level_of
from oracle.metrics.energy_ratios import Float64s
from oracle.optimal.any_scale import best_of_any_scale
from oracle.optimal.binary import best_binary
from oracle.optimal.descent import Found, is_perfect
from oracle.optimal.problems import Problem
from oracle.optimal.synthesis import Synthesis
from oracle.stft import STFT
from oracle.track import Audio

# How near a mask comes to its certificate, in dB, unless asked otherwise.
TOLERANCE = 0.01
MAX_ITERATIONS = 1000

# The largest value of a mask unless asked otherwise: of SI-SDR, at the best scale.
MAXIMUM, MAXIMUM_OF_SI_SDR = 1.0, 100.0
LARGEST_MAXIMUM = 1e6

# Bins below this part of the norm of their frame are rounding errors of its FFT; a mask whose
# scale does not matter could make anything of them.
FLOOR = 1e-14

Mask = npt.NDArray[np.floating[Any]]


class OptimalMask(NamedTuple):
    """The best masks that were found, and what is known of all masks.

    Attributes
    ----------
    mask : array of shape (n_sources, n_channels, n_freqs, n_frames)
        To be multiplied with the mixture's STFT; n_channels is 1 if they share it. Of SI-SDR
        at its best scale.
    estimate : array of shape (n_sources, n_channels, n_samples)
        What the inverse STFT makes of that.
    achieved : array of shape (n_sources,), float64
        The SDR (or SI-SDR) of the estimate in dB, before it is rounded to its dtype; NaN for a
        silent source (and of SI-SDR for a silent estimate).
    certified : array of shape (n_sources,), float64
        No mask of the class has a higher SDR (or SI-SDR) than this; +inf where nothing
        is proven.
    iterations : array of shape (n_sources,), int
        Steps taken.
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
    shared: bool = False,
    tolerance: float = TOLERANCE,
    max_iterations: int = MAX_ITERATIONS,
) -> OptimalMask:
    """Find the best real mask for each source, and prove how good it is.

    The estimate ``stft.inverse(mask * stft.forward(mixture))`` is linear in the mask, so to
    find the mask of the least error is a convex problem, least squares in a box, through the
    actual inverse STFT with all the overlap of its frames. Accelerated projected gradients
    solve it; by duality each of their steps also gives an SDR that *no* mask of the class
    exceeds. It is computed in double precision. One that comes within `tolerance` of the SDR
    that is achieved certifies both.

    A bound is one of a class of masks at one STFT, and has to be stated with both. The more
    frames overlap, the more freedom a mask has, and nearly always the higher is the bound;
    with other windows the masks are others. Without limits, and of either sign, masks have
    no bound: at an overlap of half a window there is a real number in the mask for every
    sample of the audio, at more overlap there are several, so that for nearly every mixture
    such a mask makes nearly *any* signal of it, and its bound, infinity, says nothing of the
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
        of a single bin improves; the certificate is that of all masks in [0, 1]. The best
        binary mask lies between the two, which are seldom near enough to be `converged`.
    shared : bool, optional
        Whether all channels have the same mask.
    tolerance : float, optional
        The gap between achieved and certified, in dB, at which to stop.
    max_iterations : int, optional
        The number of steps after which to stop in any case. The certificate holds however
        many are taken.

    Returns
    -------
    optimum : OptimalMask
        mask, estimate (in the dtype of the audio), achieved, certified, iterations,
        converged.

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
    """
    check_signals(sources, mixture)
    if metric not in ("SDR", "SI-SDR"):
        raise ValueError(f"metric must be SDR (which is uSDR here) or SI-SDR, got {metric!r}")
    scale_free = metric == "SI-SDR"
    if maximum is None:
        maximum = MAXIMUM_OF_SI_SDR if scale_free else MAXIMUM
    largest = math.inf if scale_free else LARGEST_MAXIMUM
    check_limits(maximum, tolerance, max_iterations, largest=largest)
    maximum = float(maximum)
    if binary and (scale_free or maximum != 1):
        raise ValueError(
            "binary masks must have the metric SDR and the maximum 1, got "
            f"{'SI-SDR' if scale_free else maximum}"
        )
    stft = STFT() if stft is None else stft
    check_stft(stft)
    limits: dict[str, Any] = {"tolerance": tolerance, "max_iterations": max_iterations}
    dtype = np.float64 if scale_free else mixture.dtype
    floor = FLOOR if scale_free else 0.0
    synthesis = Synthesis(
        stft, mixture, level=level_of(mixture), shared=shared, floor=floor, dtype=dtype
    )
    # A last frame that lies in the padding alone does not matter; it gets zeros.
    n_frames = stft.n_frames(mixture.shape[-1])
    shape = (len(sources), len(synthesis.magnitude), n_frames, stft.n_freqs)
    masks = np.zeros(shape, sources.dtype)
    estimates = np.empty_like(sources)
    verdicts = []
    for source, mask, estimate in zip(sources, masks, estimates, strict=True):
        if scale_free:
            best = best_of_any_scale(synthesis, source, maximum=maximum, **limits)
            mask[:, synthesis.frames], estimate[:], *verdict = best
        else:
            problem = Problem.of(synthesis, source, maximum=maximum)
            found = problem.solve(problem.start(), **limits)
            if binary and found.energy > 0:
                found = _best_binary(problem, found, **limits)
            mask[:, synthesis.frames] = problem.mask(found.scaled)
            estimate[:] = problem.estimate(found.audio)
            verdict = [found.sdr, found.certified_sdr, found.iterations, found.converged]
        np.minimum(mask, _rounded_down(maximum, mask.dtype), out=mask)
        verdicts.append(verdict)
    columns = [np.array(column) for column in zip(*verdicts, strict=True)]
    return OptimalMask(masks.swapaxes(-1, -2), estimates, *columns)


def _best_binary(problem: Problem, found: Found, *, tolerance: float, max_iterations: int) -> Found:
    """Round the best mask in [0, 1], whose certificate stands, and improve it."""
    scaled, audio, error, rounds = best_binary(
        problem.synthesis,
        problem.source,
        found.scaled,
        maximum=problem.maximum,
        max_iterations=max_iterations - found.iterations,
    )
    rounded = found._replace(
        scaled=scaled, audio=audio, error=error, iterations=found.iterations + rounds
    )
    near = rounded.certified_sdr - rounded.sdr <= tolerance
    perfect = is_perfect(error, found.energy, problem.source.dtype)
    return rounded._replace(converged=near or perfect)


def _rounded_down(value: float, dtype: npt.DTypeLike) -> Any:
    """Return the largest number of a precision that is no larger."""
    rounded = np.asarray(value, dtype)
    return np.nextafter(rounded, -np.inf, dtype=dtype) if float(rounded) > value else rounded


def check_signals(sources: Audio, mixture: Audio) -> None:
    """Check that sources and mixture are audio of one shape and dtype.

    Raises
    ------
    TypeError, ValueError
        As `optimal_mask`.
    """
    for argument, audio, axes in (
        ("sources", sources, "(n_sources, n_channels, n_samples)"),
        ("mixture", mixture, "(n_channels, n_samples)"),
    ):
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
    """Check that an STFT is one.

    Raises
    ------
    TypeError
        As `optimal_mask`.
    """
    if not isinstance(stft, STFT):
        raise TypeError(f"stft must be an oracle.STFT, got {stft!r}")


def check_limits(
    maximum: float, tolerance: float, max_iterations: int, *, largest: float = LARGEST_MAXIMUM
) -> None:
    """Check the numbers that both functions take.

    Raises
    ------
    TypeError, ValueError
        As `optimal_mask`.
    """
    for argument, value in (("maximum", maximum), ("tolerance", tolerance)):
        if not isinstance(value, Real) or isinstance(value, bool):
            raise TypeError(f"{argument} must be a number, got {value!r}")
        if not value > 0:
            raise ValueError(f"{argument} must be positive, got {value}")
    if maximum > largest:
        raise ValueError(f"maximum must be at most {largest:g} for SDR, got {maximum}")
    if not isinstance(max_iterations, Integral) or isinstance(max_iterations, bool):
        raise TypeError(f"max_iterations must be an integer, got {max_iterations!r}")
    if max_iterations < 1:
        raise ValueError(f"max_iterations must be at least 1, got {max_iterations}")
