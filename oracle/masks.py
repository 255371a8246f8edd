"""Closed-form ideal masks, one function each.

Every mask takes the STFTs of the true sources and of the mixture and returns one mask a
source, to be multiplied with the mixture's STFT. X is the mixture's STFT, S_j a source's;
masks are per bin, so leading axes (channels, batches) are independent.

Quotients are taken only where the denominator is positive and are zero elsewhere; nothing
is added to a denominator, and no magnitude is squared before it is divided by another, so
that masks do not depend on the level of the audio. One that is too large for its precision,
over a mixture that is next to silent, is the largest number there is: masks are finite.

The functions work on any array of the array API standard (numpy, torch, CuPy, JAX, ...),
return the same kind of array, and can be differentiated where they are continuous. In torch
gradients are finite too: what no number could hold, in bins that are next to silent, is 0.

The file is long because it is a list, and two thirds of it are docstrings.
"""

import math
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from array_api_compat import array_namespace, device

# An array of the array API standard, which defines no type for it: what goes in comes out.
Array = TypeVar("Array", bound=Any)

# How far gradients stay from the largest number: what is multiplied on their way is smaller.
HEADROOM = 2.0**10


def uniform_mask(sources: Array, mixture: Array) -> Array:
    """Give every source the same share of the mixture: 1 / n_sources.

    It knows nothing of the sources: the floor under every bound.

    Parameters
    ----------
    sources : array of shape (n_sources, ..., n_freqs, n_frames), complex
        STFTs of the true sources.
    mixture : array of shape (..., n_freqs, n_frames), complex
        STFT of the mixture.

    Returns
    -------
    mask : array, real, same shape as sources
        1 / n_sources everywhere.

    Raises
    ------
    TypeError
        If the arguments are not complex arrays of one dtype.
    ValueError
        If their shapes do not fit.
    """
    xp = _namespace(sources, mixture)
    return xp.full_like(xp.abs(sources), 1 / sources.shape[0])


def ideal_binary_mask(sources: Array, mixture: Array) -> Array:
    """Give each bin to its loudest source: 1 where j = argmax_k abs(S_k), else 0.

    The textbook mask: a partition of the bins, ties going to the first source.

    Parameters
    ----------
    sources, mixture
        As in `uniform_mask`.

    Returns
    -------
    mask : array, real, same shape as sources
        0 or 1; zero where every source is silent.

    Raises
    ------
    TypeError, ValueError
        As in `uniform_mask`.

    References
    ----------
    .. [1] D. Wang, "On ideal binary mask as the computational goal of auditory scene
           analysis", in Speech Separation by Humans and Machines, Springer, 2005.

    Examples
    --------
    >>> import numpy as np
    >>> sources = np.array([3j, 1.0])[:, None, None]
    >>> ideal_binary_mask(sources, sources.sum(axis=0)).ravel()
    array([1., 0.])
    """
    xp = _namespace(sources, mixture)
    magnitudes = xp.abs(sources)
    order = xp.arange(sources.shape[0], device=device(sources))
    order = xp.reshape(order, (-1,) + (1,) * (sources.ndim - 1))
    loudest = xp.argmax(magnitudes, axis=0, keepdims=True) == order
    return xp.astype(loudest & (magnitudes > 0), magnitudes.dtype)


def sisec_binary_mask(
    sources: Array, mixture: Array, *, power: float = 1, threshold: float = 0.5
) -> Array:
    """Keep the bins in which a source makes up enough of the mixture, as SiSEC 2018 did.

    1 where abs(S_j)^power >= threshold * abs(X)^power. Each source is held against the
    mixture, not against the other sources: several sources or none may keep a bin.

    Parameters
    ----------
    sources, mixture
        As in `uniform_mask`.
    power : float, optional
        Exponent of the magnitudes: 1 is IBM1, 2 is IBM2. Positive.
    threshold : float, optional
        The share from which a source keeps a bin. Positive.

    Returns
    -------
    mask : array, real, same shape as sources
        0 or 1; zero where the source is silent.

    Raises
    ------
    TypeError, ValueError
        As in `uniform_mask`; ValueError if a parameter is not positive and finite.

    References
    ----------
    .. [1] F.-R. Stöter, A. Liutkus and N. Ito, "The 2018 Signal Separation Evaluation
           Campaign", LVA/ICA 2018.

    Examples
    --------
    >>> import numpy as np
    >>> sources = np.array([0.6, 0.4])[:, None, None] + 0j
    >>> sisec_binary_mask(sources, sources.sum(axis=0), power=2).ravel()
    array([0., 0.])
    """
    xp = _namespace(sources, mixture)
    power, threshold = _positive("power", power), _positive("threshold", threshold)
    magnitudes = xp.abs(sources)
    enough = magnitudes >= threshold ** (1 / power) * xp.abs(mixture)
    return xp.astype(enough & (magnitudes > 0), magnitudes.dtype)


def ideal_ratio_mask(sources: Array, mixture: Array, *, power: float = 2) -> Array:
    """Share each bin by magnitude: abs(S_j)^power / sum_k abs(S_k)^power.

    Power 2 is the Wiener-like mask, best for independent sources whose phases are
    unknown. The masks of a track sum to one.

    Parameters
    ----------
    sources, mixture
        As in `uniform_mask`.
    power : float, optional
        Exponent of the magnitudes: 1 is IRM1, 2 is IRM2. Positive.

    Returns
    -------
    mask : array, real, same shape as sources
        In [0, 1]; zero where every source is silent.

    Raises
    ------
    TypeError, ValueError
        As in `uniform_mask`; ValueError if the power is not positive and finite.

    References
    ----------
    .. [1] A. Liutkus and R. Badeau, "Generalized Wiener filtering with fractional power
           spectrograms", ICASSP 2015.

    Examples
    --------
    >>> import numpy as np
    >>> sources = np.array([3j, 1.0])[:, None, None]
    >>> ideal_ratio_mask(sources, sources.sum(axis=0)).ravel()
    array([0.9, 0.1])
    >>> ideal_ratio_mask(sources, sources.sum(axis=0), power=1).ravel()
    array([0.75, 0.25])
    """
    xp = _namespace(sources, mixture)
    power = _positive("power", power)
    sources, _ = _gentle(sources, mixture, lambda magnitudes, _: xp.max(magnitudes, axis=0))
    magnitudes = xp.abs(sources)
    if power != 1:
        # Relative to the loudest source: powers of quiet bins would leave the range of floats.
        magnitudes = _share(xp, magnitudes, xp.max(magnitudes, axis=0, keepdims=True))
    if power < 1:
        # The root of zero has no gradient.
        sounds = magnitudes > 0
        magnitudes = xp.where(sounds, magnitudes, xp.ones_like(magnitudes))
        magnitudes = xp.where(sounds, magnitudes**power, xp.zeros_like(magnitudes))
    elif power > 1:
        magnitudes = magnitudes**power
    return _share(xp, magnitudes, xp.sum(magnitudes, axis=0, keepdims=True))


def ideal_amplitude_mask(
    sources: Array, mixture: Array, *, clip: tuple[float, float] = (0.0, 1.0)
) -> Array:
    """Match the source's magnitude: abs(S_j) / abs(X), clipped.

    Clipped to [0, 1], the default, it is abs(S_j) / max(abs(X), abs(S_j)). The masks of a
    track sum to more than one where sources cancel or overlap.

    Parameters
    ----------
    sources, mixture
        As in `uniform_mask`.
    clip : (float, float), optional
        Range of the mask; (0, math.inf) does not clip.

    Returns
    -------
    mask : array, real, same shape as sources
        Clipped; 0 / 0 is 0 before, and a source over a silent mixture has the upper end of
        the range (0 if that is infinite).

    Raises
    ------
    TypeError, ValueError
        As in `uniform_mask`; ValueError if the range is not one or has no positive part.

    References
    ----------
    .. [1] Y. Wang, A. Narayanan and D. Wang, "On training targets for supervised speech
           separation", IEEE/ACM Trans. ASLP 22(12), 2014.

    Examples
    --------
    >>> import numpy as np
    >>> sources = np.array([3.0, -1.0])[:, None, None] + 0j
    >>> ideal_amplitude_mask(sources, sources.sum(axis=0)).ravel()
    array([1. , 0.5])
    """
    xp = _namespace(sources, mixture)
    low, high = _range(clip)
    if high <= 0:
        raise ValueError(f"clip must have a positive upper end, got {clip}")
    sources, mixture = _gentle(sources, mixture, lambda _, magnitude: magnitude)
    magnitudes, magnitude = xp.abs(sources), xp.abs(mixture)
    mask = _clip(xp, _quotient(xp, magnitudes, magnitude), low, high)
    if high == math.inf:
        return mask
    return xp.where((magnitude == 0) & (magnitudes > 0), xp.full_like(mask, high), mask)


def phase_sensitive_mask(
    sources: Array, mixture: Array, *, clip: tuple[float, float] = (-math.inf, math.inf)
) -> Array:
    """Take the real mask nearest to the source, bin by bin: Re(S_j X*) / abs(X)^2.

    Of all real masks it has the least squared error in each bin, before the inverse STFT.
    The optimal ratio mask of Liang et al. is the same.

    Parameters
    ----------
    sources, mixture
        As in `uniform_mask`.
    clip : (float, float), optional
        Range of the mask: (0, 1) is the truncated mask TPSM. Unbounded by default.

    Returns
    -------
    mask : array, real, same shape as sources
        Zero, then clipped, where the mixture is silent.

    Raises
    ------
    TypeError, ValueError
        As in `uniform_mask`; ValueError if the range is not one.

    References
    ----------
    .. [1] H. Erdogan, J. R. Hershey, S. Watanabe and J. Le Roux, "Phase-sensitive and
           recognition-boosted speech separation using deep recurrent neural networks",
           ICASSP 2015.
    .. [2] S. Liang, W. Liu, W. Jiang and W. Xue, "The optimal ratio time-frequency mask for
           speech separation in terms of the signal-to-noise ratio", JASA 134(5), 2013.

    Examples
    --------
    >>> import numpy as np
    >>> sources = np.array([3.0, -1.0])[:, None, None] + 0j
    >>> phase_sensitive_mask(sources, sources.sum(axis=0)).ravel()
    array([ 1.5, -0.5])
    >>> phase_sensitive_mask(sources, sources.sum(axis=0), clip=(0, 1)).ravel()
    array([1., 0.])
    """
    xp = _namespace(sources, mixture)
    low, high = _range(clip)
    sources, mixture = _gentle(sources, mixture, lambda _, magnitude: magnitude)
    in_phase, magnitude = _in_phase(xp, sources, mixture)
    return _clip(xp, _quotient(xp, in_phase, magnitude), low, high)


def optimal_binary_mask(sources: Array, mixture: Array) -> Array:
    """Keep the bins in which the mixture is nearer to the source than silence is.

    1 where Re(S_j X*) / abs(X)^2 >= 1/2. Of all binary masks it has the least squared
    error in each bin, before the inverse STFT.

    Parameters
    ----------
    sources, mixture
        As in `uniform_mask`.

    Returns
    -------
    mask : array, real, same shape as sources
        0 or 1; zero where the mixture is silent.

    Raises
    ------
    TypeError, ValueError
        As in `uniform_mask`.

    References
    ----------
    .. [1] E. Vincent, R. Gribonval and M. D. Plumbley, "Oracle estimators for the
           benchmarking of source separation algorithms", Signal Processing 87(8), 2007.

    Examples
    --------
    >>> import numpy as np
    >>> sources = np.array([3.0, -1.0])[:, None, None] + 0j
    >>> optimal_binary_mask(sources, sources.sum(axis=0)).ravel()
    array([1., 0.])
    """
    xp = _namespace(sources, mixture)
    in_phase, magnitude = _in_phase(xp, sources, mixture)
    nearer = (in_phase >= 0.5 * magnitude) & (magnitude > 0)
    return xp.astype(nearer, magnitude.dtype)


def complex_ideal_ratio_mask(sources: Array, mixture: Array) -> Array:
    """Turn the mixture into the source exactly: S_j / X, complex.

    Exact where the mixture is not silent, hence no bound; a training target, compressed
    with `compress`.

    Parameters
    ----------
    sources, mixture
        As in `uniform_mask`.

    Returns
    -------
    mask : array, complex, same shape as sources
        Unbounded; zero where the mixture is silent.

    Raises
    ------
    TypeError, ValueError
        As in `uniform_mask`.

    References
    ----------
    .. [1] D. S. Williamson, Y. Wang and D. Wang, "Complex ratio masking for monaural speech
           separation", IEEE/ACM Trans. ASLP 24(3), 2016.

    Examples
    --------
    >>> import numpy as np
    >>> sources = np.array([1j, 1.0])[:, None, None]
    >>> complex_ideal_ratio_mask(sources, sources.sum(axis=0)).ravel()
    array([0.5+0.5j, 0.5-0.5j])
    """
    xp = _namespace(sources, mixture)
    sources, mixture = _gentle(sources, mixture, lambda _, magnitude: magnitude)
    magnitude = xp.abs(mixture)
    rotated = sources * xp.conj(_on_parts(xp, mixture, lambda x: _quotient(xp, x, magnitude)))
    return _on_parts(
        xp, rotated, lambda part: _clip(xp, _quotient(xp, part, magnitude), -math.inf, math.inf)
    )


def compress(mask: Array, *, K: float = 10, C: float = 0.1) -> Array:  # noqa: N803
    """Squash a mask into (-K, K): K (1 - exp(-C m)) / (1 + exp(-C m)).

    Applied to the real and the imaginary part of a complex mask.

    Parameters
    ----------
    mask : array, real or complex
    K : float, optional
        Bound of the compressed mask. Positive; named as in the paper.
    C : float, optional
        Steepness: the slope at zero is K C / 2. Positive; named as in the paper.

    Returns
    -------
    compressed : array like mask
        Parts beyond about 18 / C (float32) or 38 / C (float64) come so near K that
        `uncompress` cannot tell them apart.

    Raises
    ------
    ValueError
        If a parameter is not positive and finite.

    References
    ----------
    .. [1] D. S. Williamson, Y. Wang and D. Wang, "Complex ratio masking for monaural speech
           separation", IEEE/ACM Trans. ASLP 24(3), 2016, equation 8.

    Examples
    --------
    >>> import numpy as np
    >>> compress(np.array([0.0, 2.0 - 20.0j])).round(3)
    array([0.   +0.j   , 0.997-7.616j])
    """
    K, C = _positive("K", K), _positive("C", C)  # noqa: N806
    xp = array_namespace(mask)
    return _on_parts(xp, mask, lambda part: K * xp.tanh(C / 2 * part))


def uncompress(mask: Array, *, K: float = 10, C: float = 0.1) -> Array:  # noqa: N803
    """Undo `compress`: -log((K - m) / (K + m)) / C.

    Parameters
    ----------
    mask : array, real or complex
        A compressed mask, its parts in [-K, K].
    K, C : float, optional
        As they were in `compress`.

    Returns
    -------
    uncompressed : array like mask
        Finite: a part that is K or -K counts as the nearest number to it that is not.

    Raises
    ------
    ValueError
        If a parameter is not positive and finite, or a part lies outside [-K, K].

    References
    ----------
    .. [1] D. S. Williamson, Y. Wang and D. Wang, "Complex ratio masking for monaural speech
           separation", IEEE/ACM Trans. ASLP 24(3), 2016, equation 9.

    Examples
    --------
    >>> import numpy as np
    >>> uncompress(compress(np.array([3.0, -4.0]))).round(6)
    array([ 3., -4.])
    """
    K, C = _positive("K", K), _positive("C", C)  # noqa: N806
    xp = array_namespace(mask)

    def undo(part: Array) -> Array:
        if not bool(xp.all(xp.abs(part) <= K)):
            largest = float(xp.max(xp.abs(part)))
            raise ValueError(f"mask must lie in [-K, K] = [{-K}, {K}], got a part of {largest}")
        below_one = 1 - xp.finfo(part.dtype).eps
        return 2 / C * xp.atanh(xp.clip(part / K, -below_one, below_one))

    return _on_parts(xp, mask, undo)


def _on_parts(xp: Any, mask: Any, function: Any) -> Any:
    if not xp.isdtype(mask.dtype, "complex floating"):
        return function(mask)
    real, imaginary = function(xp.real(mask)), function(xp.imag(mask))
    return xp.astype(real, mask.dtype) + 1j * xp.astype(imaginary, mask.dtype)


def _quotient(xp: Any, numerator: Any, denominator: Any) -> Any:
    """Divide real arrays where the denominator is positive; 0 elsewhere.

    Of a complex numerator the parts are divided one by one: numpy takes the reciprocal of
    a real denominator, which overflows where the quotient does not. The denominator is
    replaced before the division too, not to send NaN into gradients.
    """
    positive = denominator > 0
    with np.errstate(over="ignore"):  # infinity, which is clipped
        quotient = numerator / xp.where(positive, denominator, xp.ones_like(denominator))
    return xp.where(positive, quotient, xp.zeros_like(quotient))


def _clip(xp: Any, mask: Any, low: float, high: float) -> Any:
    """Clip a mask to a range, and to the numbers of its precision."""
    largest = float(xp.finfo(mask.dtype).max)
    return xp.clip(mask, max(low, -largest), min(high, largest))


def _share(xp: Any, part: Any, whole: Any) -> Any:
    """Divide what is never negative by what it is a part of: zero is a part of nothing."""
    return part / xp.where(whole > 0, whole, xp.ones_like(whole))


def _in_phase(xp: Any, sources: Array, mixture: Array) -> tuple[Array, Array]:
    """Split Re(S_j X*) / abs(X) from abs(X): neither is a square."""
    magnitude = xp.abs(mixture)
    direction = _on_parts(xp, mixture, lambda part: _quotient(xp, part, magnitude))
    return xp.real(sources * xp.conj(direction)), magnitude


def _gentle(
    sources: Array, mixture: Array, divisor: Callable[[Array, Array], Array]
) -> tuple[Array, Array]:
    """Make constants, as gradients see it, of the bins whose gradients no number could hold.

    A mask divides by `divisor(abs(sources), abs(mixture))`, so that its slopes are about as
    steep as the reciprocal of that, of a source, or of the source over the divisor squared.
    Only torch has such gradients; all else is left as it is.
    """
    if not (getattr(sources, "requires_grad", False) or getattr(mixture, "requires_grad", False)):
        return sources, mixture
    xp = array_namespace(sources)
    magnitudes = xp.abs(sources.detach())
    over = divisor(magnitudes, xp.abs(mixture.detach()))
    steepest = float(xp.finfo(magnitudes.dtype).max) / HEADROOM
    gentle = xp.maximum(magnitudes, over) / over / over <= steepest
    gentle &= (magnitudes == 0) | (magnitudes * steepest >= 1)
    return (
        xp.where(gentle, sources, sources.detach()),
        xp.where(gentle, mixture, mixture.detach()),
    )


def _namespace(sources: Array, mixture: Array) -> Any:
    """Check the arguments that every mask has, and find the library that they come from."""
    try:
        xp = array_namespace(sources, mixture)
    except TypeError as error:
        raise TypeError(
            "sources and mixture must be arrays of one library, "
            f"got {type(sources).__name__} and {type(mixture).__name__}"
        ) from error
    if not xp.isdtype(sources.dtype, "complex floating"):
        raise TypeError(f"sources must be complex STFTs, got {sources.dtype}")
    if mixture.dtype != sources.dtype:
        raise TypeError(
            f"mixture must have the dtype of sources, {sources.dtype}, got {mixture.dtype}"
        )
    if sources.ndim < 3 or sources.shape[0] == 0:
        raise ValueError(
            "sources must have shape (n_sources, ..., n_freqs, n_frames), "
            f"got {tuple(sources.shape)}"
        )
    if mixture.shape != sources.shape[1:]:
        raise ValueError(
            "mixture must have the shape of one source, "
            f"{tuple(sources.shape[1:])}, got {tuple(mixture.shape)}"
        )
    return xp


def _positive(argument: str, value: float) -> float:
    """Check a parameter; a numpy scalar would widen what it is multiplied with."""
    if not 0 < value < math.inf:
        raise ValueError(f"{argument} must be positive and finite, got {value}")
    return float(value)


def _range(clip: tuple[float, float]) -> tuple[float, float]:
    low, high = clip
    if not low <= high:
        raise ValueError(f"clip must be a range (low, high) with low <= high, got {clip}")
    return float(low), float(high)
