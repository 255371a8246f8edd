"""Closed-form ideal masks, one function each.

Every function takes the STFTs of the true sources and of the mixture, and returns one mask per
source, to multiply the mixture's STFT by. Masks that need no phase take magnitudes as well, and
those that need no mixture do without. X is the mixture's STFT, S_j that of a source. Masks
are computed bin by bin, so leading axes (channels, batches) are independent.

Quotients are taken only where the denominator is positive, and are zero elsewhere. Nothing is
added to a denominator, and no magnitude is squared before it is divided by another, so masks
do not depend on the level of the audio. Masks are finite: a value too large for its precision,
over a nearly silent mixture, becomes the largest finite number.

The functions work on any array of the array API standard (numpy, torch, CuPy, JAX, ...),
return the same kind of array, and are differentiable where they are continuous. In torch,
gradients are finite too: those that would overflow, in nearly silent bins, are 0.

The file is long because it is a list; two thirds of it is docstrings.
"""

import math
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from array_api_compat import array_namespace, device

# An array of the array API standard, which defines no type for it; outputs have the input's type.
Array = TypeVar("Array", bound=Any)

# Gradients stay this factor below the largest number, leaving room for later multiplications.
HEADROOM = 2.0**10


def uniform_mask(
    sources: Array,
    mixture: Array | None = None,
    *,
    axis: int = 0,
) -> Array:
    """Give every source the same share of the mixture: 1 / n_sources.

    It uses no knowledge of the sources, so it is the floor of every bound.

    Parameters
    ----------
    sources : array of shape (n_sources, ..., n_freqs, n_frames), complex or real
        STFTs of the true sources, or their magnitudes.
    mixture : array of shape (..., n_freqs, n_frames), optional
        STFT of the mixture, in the dtype of the sources. It is checked, and does nothing else.
    axis : int, optional
        Where the sources are: 1 for (batch, n_sources, n_freqs, n_frames).

    Returns
    -------
    mask : array, real, same shape as sources
        1 / n_sources everywhere.

    Raises
    ------
    TypeError
        If the arrays are no STFTs or magnitudes, or their dtypes differ.
    ValueError
        If their shapes do not match at `axis`.
    """
    xp, sources, mixture = _arrange(sources, mixture, axis, phase=False)
    return _restore(xp, xp.full_like(xp.abs(sources), 1 / sources.shape[0]), axis)


def ideal_binary_mask(
    sources: Array,
    mixture: Array | None = None,
    *,
    axis: int = 0,
) -> Array:
    """Give each bin to its loudest source: 1 where j = argmax_k abs(S_k), else 0.

    The textbook mask: a partition of the bins, in which ties go to the first source.

    Parameters
    ----------
    sources, mixture, axis
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
    xp, sources, mixture = _arrange(sources, mixture, axis, phase=False)
    magnitudes = xp.abs(sources)
    order = xp.arange(sources.shape[0], device=device(sources))
    order = xp.reshape(order, (-1,) + (1,) * (sources.ndim - 1))
    loudest = xp.argmax(magnitudes, axis=0, keepdims=True) == order
    return _restore(xp, xp.astype(loudest & (magnitudes > 0), magnitudes.dtype), axis)


def sisec_binary_mask(
    sources: Array,
    mixture: Array,
    *,
    power: float = 1,
    threshold: float = 0.5,
    axis: int = 0,
) -> Array:
    """Keep the bins in which a source makes up enough of the mixture, as in SiSEC 2018.

    1 where abs(S_j)^power >= threshold * abs(X)^power. Each source is compared with the
    mixture, not with the other sources, so several sources or none may keep a bin.

    Parameters
    ----------
    sources, axis
        As in `uniform_mask`.
    mixture : array of shape (..., n_freqs, n_frames), complex or real
        STFT of the mixture or its magnitudes, in the dtype of the sources.
    power : float, optional
        Exponent of the magnitudes: 1 is IBM1, 2 is IBM2. Positive.
    threshold : float, optional
        The smallest share at which a source keeps a bin. Positive.

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
    xp, sources, mixture = _arrange(sources, mixture, axis, phase=False)
    power, threshold = _positive("power", power), _positive("threshold", threshold)
    magnitudes = xp.abs(sources)
    enough = magnitudes >= threshold ** (1 / power) * xp.abs(mixture)
    return _restore(xp, xp.astype(enough & (magnitudes > 0), magnitudes.dtype), axis)


def ideal_ratio_mask(
    sources: Array,
    mixture: Array | None = None,
    *,
    power: float = 2,
    axis: int = 0,
) -> Array:
    """Share each bin by magnitude: abs(S_j)^power / sum_k abs(S_k)^power.

    Power 2 gives the Wiener-like mask, the best for independent sources with unknown phases.
    The masks of a track sum to one.

    Parameters
    ----------
    sources, mixture, axis
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
    xp, sources, mixture = _arrange(sources, mixture, axis, phase=False)
    power = _positive("power", power)
    sources, _ = _gentle(sources, mixture, lambda magnitudes, _: xp.max(magnitudes, axis=0))
    magnitudes = xp.abs(sources)
    if power != 1:
        # Relative to the loudest source, or powers of quiet bins would leave the range of floats.
        magnitudes = _share(xp, magnitudes, xp.max(magnitudes, axis=0, keepdims=True))
    if power < 1:
        # A root has no gradient at zero.
        sounds = magnitudes > 0
        magnitudes = xp.where(sounds, magnitudes, xp.ones_like(magnitudes))
        magnitudes = xp.where(sounds, magnitudes**power, xp.zeros_like(magnitudes))
    elif power > 1:
        magnitudes = magnitudes**power
    return _restore(xp, _share(xp, magnitudes, xp.sum(magnitudes, axis=0, keepdims=True)), axis)


def ideal_amplitude_mask(
    sources: Array,
    mixture: Array,
    *,
    clip: tuple[float, float] = (0.0, 1.0),
    axis: int = 0,
) -> Array:
    """Match the source's magnitude: abs(S_j) / abs(X), clipped.

    With the default range [0, 1], this is abs(S_j) / max(abs(X), abs(S_j)). The masks of a
    track sum to more than one where sources cancel or overlap.

    Parameters
    ----------
    sources, axis
        As in `uniform_mask`.
    mixture : array of shape (..., n_freqs, n_frames), complex or real
        STFT of the mixture or its magnitudes, in the dtype of the sources.
    clip : (float, float), optional
        Range to clip the mask to; (0, math.inf) does not clip.

    Returns
    -------
    mask : array, real, same shape as sources
        Clipped to the range; 0 / 0 counts as 0. Where the mixture is silent but the source is
        not, the mask is the upper end of the range (0 if that is infinite).

    Raises
    ------
    TypeError, ValueError
        As in `uniform_mask`; ValueError also if the range is reversed or has no positive part.

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
    xp, sources, mixture = _arrange(sources, mixture, axis, phase=False)
    low, high = _range(clip)
    if high <= 0:
        raise ValueError(f"clip must have a positive upper end, got {clip}")
    sources, mixture = _gentle(sources, mixture, lambda _, magnitude: magnitude)
    magnitudes, magnitude = xp.abs(sources), xp.abs(mixture)
    mask = _clip(xp, _quotient(xp, magnitudes, magnitude), low, high)
    if high == math.inf:
        return _restore(xp, mask, axis)
    return _restore(
        xp, xp.where((magnitude == 0) & (magnitudes > 0), xp.full_like(mask, high), mask), axis
    )


def phase_sensitive_mask(
    sources: Array,
    mixture: Array,
    *,
    clip: tuple[float, float] = (-math.inf, math.inf),
    axis: int = 0,
) -> Array:
    """Come as close to the source as a real mask can, bin by bin: Re(S_j X*) / abs(X)^2.

    Of all real masks, it has the least squared error in each bin, before the inverse STFT.
    It is the same as the optimal ratio mask of Liang et al.

    Parameters
    ----------
    sources, mixture : complex arrays
        STFTs, in shapes as in `uniform_mask`.
    axis : int, optional
        As in `uniform_mask`.
    clip : (float, float), optional
        Range to clip the mask to; (0, 1) gives the truncated mask TPSM. Unbounded by default.

    Returns
    -------
    mask : array, real, same shape as sources
        Clipped to the range; 0 before clipping where the mixture is silent.

    Raises
    ------
    TypeError, ValueError
        As in `uniform_mask`; ValueError also if the range is reversed.

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
    xp, sources, mixture = _arrange(sources, mixture, axis, phase=True)
    low, high = _range(clip)
    sources, mixture = _gentle(sources, mixture, lambda _, magnitude: magnitude)
    in_phase, magnitude = _in_phase(xp, sources, mixture)
    return _restore(xp, _clip(xp, _quotient(xp, in_phase, magnitude), low, high), axis)


def optimal_binary_mask(
    sources: Array,
    mixture: Array,
    *,
    axis: int = 0,
) -> Array:
    """Keep the bins in which the mixture is closer to the source than silence is.

    1 where Re(S_j X*) / abs(X)^2 >= 1/2. Of all binary masks, it has the least squared
    error in each bin, before the inverse STFT.

    Parameters
    ----------
    sources, mixture : complex arrays
        STFTs, in shapes as in `uniform_mask`.
    axis : int, optional
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
    xp, sources, mixture = _arrange(sources, mixture, axis, phase=True)
    in_phase, magnitude = _in_phase(xp, sources, mixture)
    nearer = (in_phase >= 0.5 * magnitude) & (magnitude > 0)
    return _restore(xp, xp.astype(nearer, magnitude.dtype), axis)


def complex_ideal_ratio_mask(
    sources: Array,
    mixture: Array,
    *,
    axis: int = 0,
) -> Array:
    """Turn the mixture into the source exactly: S_j / X, complex.

    Exact where the mixture is not silent, hence not a bound. Compressed with `compress`, it is
    a training target.

    Parameters
    ----------
    sources, mixture : complex arrays
        STFTs, in shapes as in `uniform_mask`.
    axis : int, optional
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
    xp, sources, mixture = _arrange(sources, mixture, axis, phase=True)
    sources, mixture = _gentle(sources, mixture, lambda _, magnitude: magnitude)
    magnitude = xp.abs(mixture)
    rotated = sources * xp.conj(_on_parts(xp, mixture, lambda x: _quotient(xp, x, magnitude)))
    mask = _on_parts(
        xp, rotated, lambda part: _clip(xp, _quotient(xp, part, magnitude), -math.inf, math.inf)
    )
    return _restore(xp, mask, axis)


def compress(mask: Array, *, K: float = 10, C: float = 0.1) -> Array:  # noqa: N803
    """Squash a mask into (-K, K): K (1 - exp(-C m)) / (1 + exp(-C m)).

    The real and the imaginary part of a complex mask are squashed separately.

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
        Parts beyond about 18 / C (float32) or 38 / C (float64) come so close to K that
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
        A compressed mask, with parts in [-K, K].
    K, C : float, optional
        The values passed to `compress`.

    Returns
    -------
    uncompressed : array like mask
        Finite: parts at K or -K are first moved just inside.

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

    Callers divide complex numbers part by part: numpy would multiply by the reciprocal of the
    real denominator, which may overflow where the quotient does not. Denominators of zero are
    replaced before the division, to keep NaN out of gradients.
    """
    positive = denominator > 0
    with np.errstate(over="ignore"):  # infinity is clipped later
        quotient = numerator / xp.where(positive, denominator, xp.ones_like(denominator))
    return xp.where(positive, quotient, xp.zeros_like(quotient))


def _clip(xp: Any, mask: Any, low: float, high: float) -> Any:
    """Clip a mask to a range, and to the finite numbers of its dtype."""
    largest = float(xp.finfo(mask.dtype).max)
    return xp.clip(mask, max(low, -largest), min(high, largest))


def _share(xp: Any, part: Any, whole: Any) -> Any:
    """Divide nonnegative parts by their whole; 0 where the whole is zero."""
    return part / xp.where(whole > 0, whole, xp.ones_like(whole))


def _in_phase(xp: Any, sources: Array, mixture: Array) -> tuple[Array, Array]:
    """Compute Re(S_j X*) / abs(X) and abs(X) separately, to avoid squares."""
    magnitude = xp.abs(mixture)
    direction = _on_parts(xp, mixture, lambda part: _quotient(xp, part, magnitude))
    return xp.real(sources * xp.conj(direction)), magnitude


def _gentle(sources: Array, mixture: Any, divisor: Callable[[Any, Any], Any]) -> tuple[Array, Any]:
    """Detach the bins whose gradients would overflow.

    A mask divides by `divisor(abs(sources), abs(mixture))`, so its slopes are about as steep as
    the reciprocal of the divisor, the reciprocal of a source, or the source over the divisor
    squared. This affects only torch tensors that require gradients.
    """
    if not (getattr(sources, "requires_grad", False) or getattr(mixture, "requires_grad", False)):
        return sources, mixture
    xp = array_namespace(sources)
    magnitudes = xp.abs(sources.detach())
    over = divisor(magnitudes, None if mixture is None else xp.abs(mixture.detach()))
    steepest = float(xp.finfo(magnitudes.dtype).max) / HEADROOM
    gentle = xp.maximum(magnitudes, over) / over / over <= steepest
    gentle &= (magnitudes == 0) | (magnitudes * steepest >= 1)
    return (
        xp.where(gentle, sources, sources.detach()),
        None if mixture is None else xp.where(gentle, mixture, mixture.detach()),
    )


def _arrange(
    sources: Array, mixture: Array | None, axis: int, *, phase: bool
) -> tuple[Any, Array, Any]:
    """Check the arrays of a mask; return their library, and the sources along the first axis."""
    try:
        xp = array_namespace(sources) if mixture is None else array_namespace(sources, mixture)
    except TypeError as error:
        kinds = [type(array).__name__ for array in (sources, mixture) if array is not None]
        raise TypeError(
            f"sources and mixture must be arrays of one library, got {' and '.join(kinds)}"
        ) from error
    if phase and not xp.isdtype(sources.dtype, "complex floating"):
        raise TypeError(f"sources must be complex STFTs for this mask, got {sources.dtype}")
    if not xp.isdtype(sources.dtype, ("real floating", "complex floating")):
        raise TypeError(f"sources must be STFTs or their magnitudes, got {sources.dtype}")
    if mixture is not None and mixture.dtype != sources.dtype:
        raise TypeError(
            f"mixture must have the dtype of sources, {sources.dtype}, got {mixture.dtype}"
        )
    shape = tuple(sources.shape)
    if not -len(shape) <= axis < len(shape):
        raise ValueError(f"axis must be one of sources, of shape {shape}, got {axis}")
    if len(shape) < 3 or shape[axis] == 0:
        raise ValueError(
            f"sources must have shape (n_sources, ..., n_freqs, n_frames), got {shape}"
        )
    of_one = _without(shape, axis)
    if mixture is not None and tuple(mixture.shape) != of_one:
        fitting = [
            other for other in range(len(shape)) if _without(shape, other) == tuple(mixture.shape)
        ]
        raise ValueError(
            f"mixture must have the shape of one source, {of_one}, got {tuple(mixture.shape)}"
            + (f" (axis={fitting[0]} would fit)" if fitting else "")
        )
    return xp, sources if axis == 0 else xp.moveaxis(sources, axis, 0), mixture


def _without(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    axis %= len(shape)
    return shape[:axis] + shape[axis + 1 :]


def _restore(xp: Any, mask: Array, axis: int) -> Array:
    """Move the sources back to their axis."""
    return mask if axis == 0 else xp.moveaxis(mask, 0, axis)


def _positive(argument: str, value: float) -> float:
    """Check a parameter, and make it a Python float: a numpy scalar would widen the arrays."""
    if not 0 < value < math.inf:
        raise ValueError(f"{argument} must be positive and finite, got {value}")
    return float(value)


def _range(clip: tuple[float, float]) -> tuple[float, float]:
    low, high = clip
    if not low <= high:
        raise ValueError(f"clip must be a range (low, high) with low <= high, got {clip}")
    return float(low), float(high)
