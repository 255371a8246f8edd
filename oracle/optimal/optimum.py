"""The best mask for each source, and the score that no mask of its class exceeds."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from oracle.machine.threads import in_threads
from oracle.metrics.energy_ratios import Float64s
from oracle.optimal.any_scale import best_of_any_scale
from oracle.optimal.certificates import Terms
from oracle.optimal.chunks import MARGIN, Chunks, Goal
from oracle.optimal.classes import MaskClass
from oracle.optimal.synthesis import Synthesis
from oracle.optimal.verdicts import Judge, Verdict
from oracle.stft import STFT
from oracle.tracks.track import Audio

# How near a mask comes to its certificate, in dB, unless asked otherwise.
TOLERANCE = 0.01
MAX_ITERATIONS = 1000

# The largest value of a mask unless asked otherwise: of SI-SDR, at the best scale.
MAXIMUM, MAXIMUM_OF_SI_SDR = 1.0, 100.0
LARGEST_MAXIMUM = 1e6

# Bins below this part of the norm of their frame are rounding errors of its FFT; a mask whose
# scale does not matter could make anything of them.
FLOOR = 1e-14

# How often chunks are solved at the most for all of them together to be near, and how often they
# come twice as near as the time before.
ROUNDS, HALVINGS = 30, 3

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
    maximum = float(maximum)
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
        return _of_any_scale(sources, mixture, stft, masks, tolerance, max_iterations)
    chunks = Chunks(stft, mixture, list(sources), masks)
    return _of_chunks(chunks, stft, tolerance, max_iterations, binary)


def _of_chunks(
    chunks: Chunks, stft: STFT, tolerance: float, max_iterations: int, binary: bool
) -> OptimalMask:
    """Find the masks chunk by chunk, judge what they make of all, and go on if it is not near."""
    mixture, sources = chunks.mixture, chunks.sources
    # A last frame that lies in the padding alone does not matter; it gets zeros.
    shape = (
        len(sources),
        1 if chunks.masks.shared else len(mixture),
        stft.n_frames(mixture.shape[-1]),
        stft.n_freqs,
    )
    found = np.zeros(shape, chunks.masks.dtype_for(mixture.dtype))
    estimates = np.empty((len(sources), *mixture.shape), mixture.dtype)
    iterations = np.zeros((len(chunks.frames), len(sources)), np.int64)
    judge, indices = Judge(chunks), range(len(chunks.frames))

    def frames_of(masks: Mask) -> Callable[[slice], Mask]:
        return lambda frames: masks[:, :, frames]

    def verdicts_on(masks: Mask) -> list[Verdict]:
        terms: list[list[Terms]] = [[] for _ in sources]
        examine = partial(judge.examine, masks=frames_of(masks))
        for index, (audio, more) in enumerate(in_threads(examine, indices, workers=stft.workers)):
            estimates[:, :, chunks.samples_of(index)] = audio
            for of_source, one in zip(terms, more, strict=True):
                of_source.append(one)
        return [judge.verdict(*each) for each in enumerate(terms)]

    places = list(range(len(sources)))
    for round_ in range(ROUNDS):
        # Later rounds go on where the one before has ended, and come nearer.
        before = iterations.sum()
        left = max_iterations - int(iterations[:, places].max())
        goal = Goal(MARGIN * tolerance / 2 ** min(round_, HALVINGS), left)
        for first in (0, 1):
            solve = partial(
                chunks.solve,
                goal=goal,
                beside=frames_of(found) if first or round_ else None,
                places=places,
                starts=frames_of(found) if round_ else None,
            )
            some = indices[first::2]
            for index, solved in zip(
                some, in_threads(solve, some, workers=stft.workers), strict=True
            ):
                iterations[index, places] += solved.iterations
                found[places, :, chunks.frames[index]] = solved.masks
        verdicts = verdicts_on(found)
        places = [
            place
            for place, verdict in enumerate(verdicts)
            if not verdict.is_within(tolerance) and iterations[:, place].max() < max_iterations
        ]
        if not places or iterations.sum() == before:
            break
    if binary:
        rounded = np.zeros_like(found)
        flip = partial(chunks.round, masks=frames_of(found), max_iterations=max_iterations)
        for index, masks in enumerate(in_threads(flip, indices, workers=stft.workers)):
            rounded[:, :, chunks.frames[index]] = masks
        found = rounded
        verdicts = [
            verdict._replace(certified=real.certified)
            for verdict, real in zip(verdicts_on(found), verdicts, strict=True)
        ]
    return OptimalMask(
        found.swapaxes(-1, -2),
        estimates,
        np.array([verdict.achieved for verdict in verdicts]),
        np.array([verdict.certified for verdict in verdicts]),
        iterations.max(axis=0),
        np.array([verdict.is_within(tolerance) for verdict in verdicts]),
    )


def _of_any_scale(
    sources: Audio,
    mixture: Audio,
    stft: STFT,
    masks: MaskClass,
    tolerance: float,
    max_iterations: int,
) -> OptimalMask:
    """Find the masks of the best SI-SDR: of whole signals, for all of one have the same scale."""
    alone = replace(stft, workers=1)
    synthesis = Synthesis(alone, mixture, masks, floor=FLOOR, dtype=np.float64)
    n_frames = stft.n_frames(mixture.shape[-1])
    shape = (len(sources), len(synthesis.magnitude), n_frames, stft.n_freqs)
    found = np.zeros(shape, sources.dtype)
    estimates = np.empty_like(sources)
    verdicts = []
    search = partial(
        best_of_any_scale,
        synthesis,
        masks=masks,
        tolerance=tolerance,
        max_iterations=max_iterations,
    )
    for index, best in enumerate(in_threads(search, sources, workers=stft.workers)):
        found[index, :, synthesis.frames] = masks.rounded(best.mask, found.dtype)
        estimates[index] = best.estimate
        verdicts.append(best[2:])
    columns = [np.array(column) for column in zip(*verdicts, strict=True)]
    return OptimalMask(found.swapaxes(-1, -2), estimates, *columns)


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


def mask_class(
    stft: STFT,
    *,
    maximum: float,
    complex_valued: bool,
    shared: bool,
    bands: Sequence[int] | None,
) -> MaskClass:
    """Make the class of masks that options tell.

    Raises
    ------
    TypeError, ValueError
        As `optimal_mask`.
    """
    if complex_valued and (shared or bands is not None):
        kind = "shared masks" if shared else "bands"
        raise ValueError(f"complex masks must have a value for each bin, got {kind}")
    if bands is not None:
        starts = list(bands)
        if not all(isinstance(each, Integral) and not isinstance(each, bool) for each in starts):
            raise TypeError(f"bands must be integers, the first bin of each, got {bands!r}")
        ascending = sorted({*starts}) == starts
        if not (starts and ascending and starts[0] == 0 and starts[-1] < stft.n_freqs):
            raise ValueError(
                f"bands must start with bin 0 and ascend to less than {stft.n_freqs}, the number "
                f"of frequencies, got {starts}"
            )
        bands = tuple(int(each) for each in starts)
    return MaskClass(maximum=maximum, complex_valued=complex_valued, shared=shared, bands=bands)


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
        vacuous = (
            ": without a limit, complex masks make nearly any signal of a mixture, real ones do "
            "where frames overlap by half or more, and a ceiling of them says nothing"
        )
        raise ValueError(
            f"maximum must be at most {largest:g} for SDR, got {maximum}"
            f"{vacuous if maximum == math.inf else ''}"
        )
    if not isinstance(max_iterations, Integral) or isinstance(max_iterations, bool):
        raise TypeError(f"max_iterations must be an integer, got {max_iterations!r}")
    if max_iterations < 1:
        raise ValueError(f"max_iterations must be at least 1, got {max_iterations}")
