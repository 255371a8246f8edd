"""The masks: a list, two thirds of it docstrings."""

import math

from oracle.machine.libraries import Array
from oracle.masks.arguments import arrange, check_positive, check_range, restore
from oracle.masks.quotients import (
    add_up,
    clip_to,
    conjugate_direction,
    detach,
    divide,
    divide_by_mixture,
    find_largest,
    find_magnitude,
    join_parts,
    magnify,
    pair,
    raise_to,
    replace_zeros,
)


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
    xp, sources, mixture = arrange(sources, mixture, axis, phase=False)
    is_complex = xp.isdtype(sources.dtype, "complex floating")
    real = xp.real(sources) if is_complex else sources
    return restore(xp, xp.full_like(real, 1 / sources.shape[0]), axis)


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
    xp, sources, mixture = arrange(sources, mixture, axis, phase=False)
    magnitudes = xp.abs(sources)
    most = xp.max(magnitudes, axis=0)
    free = most > 0
    masks = []
    for index in range(sources.shape[0]):  # many times faster than `argmax`
        loudest = free & (magnitudes[index, ...] == most)
        free = free & ~loudest
        masks.append(loudest)
    return restore(xp, xp.astype(xp.stack(masks), magnitudes.dtype), axis)


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
    xp, sources, mixture = arrange(sources, mixture, axis, phase=False)
    power, threshold = check_positive("power", power), check_positive("threshold", threshold)
    magnitudes = xp.abs(sources)
    enough = magnitudes >= threshold ** (1 / power) * xp.abs(mixture)
    return restore(xp, xp.astype(enough & (magnitudes > 0), magnitudes.dtype), axis)


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
    xp, sources, mixture = arrange(sources, mixture, axis, phase=False)
    power = check_positive("power", power)
    magnitudes = find_magnitude(xp, sources)
    if power != 1:
        # Relative to the loudest source, or powers of quiet bins would leave the range of floats.
        # Masks do not depend on this scale, so it has no gradient.
        loudest = replace_zeros(xp, detach(find_largest(xp, magnitudes)))
        magnitudes = divide(magnitudes, loudest, in_place=True)
    if power < 1:
        # A root has no gradient at zero.
        sounds = magnitudes > 0
        magnitudes = xp.where(sounds, magnitudes, xp.ones_like(magnitudes))
        magnitudes = xp.where(sounds, magnitudes**power, xp.zeros_like(magnitudes))
    elif power > 1:
        magnitudes = raise_to(magnitudes, power)
    total = replace_zeros(xp, add_up(xp, magnitudes))
    return restore(xp, divide(magnitudes, total, in_place=True), axis)


def enhancement_ratio_mask(
    sources: Array,
    mixture: Array,
    *,
    axis: int = 0,
) -> Array:
    """Weigh a source against all else: sqrt(abs(S_j)^2 / (abs(S_j)^2 + abs(X - S_j)^2)).

    What speech enhancement calls the ideal ratio mask, with X - S_j as the noise. Where X is the
    sum of the sources, their masks sum to one at least; of two sources, the squares sum to one.

    Parameters
    ----------
    sources, mixture : complex arrays
        STFTs, in shapes as in `uniform_mask`.
    axis : int, optional
        As in `uniform_mask`.

    Returns
    -------
    mask : array, real, same shape as sources
        In [0, 1]; zero where the source is silent, sqrt(1/2) where only the mixture is.

    Raises
    ------
    TypeError, ValueError
        As in `uniform_mask`.

    References
    ----------
    .. [1] Y. Wang, A. Narayanan and D. Wang, "On training targets for supervised speech
           separation", IEEE/ACM Trans. ASLP 22(12), 2014.

    Examples
    --------
    >>> import numpy as np
    >>> sources = np.array([3.0, 4j])[:, None, None]
    >>> enhancement_ratio_mask(sources, sources.sum(axis=0)).ravel()
    array([0.6, 0.8])
    """
    xp, sources, mixture = arrange(sources, mixture, axis, phase=True)
    magnitudes = find_magnitude(xp, sources)
    # The root of a sum of squares, safe at any level, is the magnitude of a complex number.
    both = join_parts(xp, pair(xp, magnitudes, find_magnitude(xp, mixture - sources)))
    total = replace_zeros(xp, find_magnitude(xp, both))
    return restore(xp, divide(magnitudes, total), axis)


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
    xp, sources, mixture = arrange(sources, mixture, axis, phase=False)
    low, high = check_range(clip)
    if high <= 0:
        raise ValueError(f"clip must have a positive upper end, got {clip}")
    magnitudes, over = find_magnitude(xp, sources), find_magnitude(xp, mixture)
    silent, limits = xp.astype(over == 0, over.dtype), xp.finfo(over.dtype)
    if high == math.inf:
        mask = divide(magnitudes, xp.where(over > 0, over, xp.full_like(over, math.inf)))
    else:
        # A source over silence is divided by so little, in two steps, that the clip is reached.
        mask = divide(magnitudes, over + silent * float(limits.smallest_normal))
        mask = magnify(mask, 1 + silent * float(limits.max))
    return restore(xp, clip_to(xp, mask, low, high), axis)


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
    xp, sources, mixture = arrange(sources, mixture, axis, phase=True)
    low, high = check_range(clip)
    mask = divide_by_mixture(xp, sources, mixture, in_phase=True)
    return restore(xp, clip_to(xp, mask, low, high), axis)


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
    xp, sources, mixture = arrange(sources, mixture, axis, phase=True)
    over = replace_zeros(xp, xp.abs(mixture))
    in_phase = xp.real(sources * conjugate_direction(xp, mixture, over))  # 0 where X is silent
    nearer = in_phase >= 0.5 * over
    return restore(xp, xp.astype(nearer, over.dtype), axis)


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
    xp, sources, mixture = arrange(sources, mixture, axis, phase=True)
    return restore(xp, divide_by_mixture(xp, sources, mixture), axis)
