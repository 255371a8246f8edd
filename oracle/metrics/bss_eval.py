"""BSS Eval, versions 3 and 4, as museval and mir_eval define them.

`oracle.metrics.decomposition` explains how they are computed.
"""

import warnings
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from oracle.metrics.decomposition import (
    FILTER_LENGTH,
    BSSEval,
    Permutation,
    check_heard,
)
from oracle.metrics.energy_ratios import Float64s, Signals, check_pair, is_silent
from oracle.metrics.windows import Windows

# Of `bss_eval_v4_regularized`: noise 60 dB below each channel, well above that of 16 bit.
REGULARIZATION = 1e-6


class IllConditionedWarning(UserWarning):
    """Warns of references whose delayed copies are nearly dependent."""


class ImagesRatios(NamedTuple):
    """Ratios in dB, each an array of shape (n_sources, n_windows), float64.

    Of `bss_eval_images`, which has one window, of shape (n_sources,). `permutation` holds
    the index of the estimate that was taken for each source, in each window where filters
    are fitted to windows.
    """

    sdr: Float64s
    isr: Float64s
    sir: Float64s
    sar: Float64s
    permutation: Permutation


class SourcesRatios(NamedTuple):
    """The same of the sources version, which has no ISR."""

    sdr: Float64s
    sir: Float64s
    sar: Float64s
    permutation: Permutation


def bss_eval_v4(
    references: Signals,
    estimates: Signals,
    *,
    window: int,
    hop: int,
    compute_permutation: bool = False,
    filter_length: int = FILTER_LENGTH,
) -> ImagesRatios:
    """Compute BSS Eval v4: SDR, ISR, SIR and SAR in windows, with filters of the whole track.

    As ``museval.metrics.bss_eval``. For the figures of SiSEC 2018 and of museval's other
    functions pass a window and a hop of one second: ``window=rate, hop=rate``. In a window
    in which any reference or estimate is silent (its channels sum to zero at every sample)
    everything is NaN.

    Parameters
    ----------
    references : array of shape (n_sources, n_channels, n_samples)
        The true sources; a list of arrays (n_channels, n_samples) will do, and so will
        mono sources of shape (n_sources, n_samples). museval's axes are (n_sources,
        n_samples, n_channels): ``np.swapaxes(references, 1, 2)``.
    estimates : array, same shape
        The estimated sources.
    window, hop : int
        Length of the windows and samples from one to the next. What is left after the last
        whole window is used to fit the filters, but not scored; a signal shorter than a
        window is one window.
    compute_permutation : bool, optional
        Whether to look for the order of the estimates with the highest mean SIR, over
        sources and windows that are not NaN.
    filter_length : int, optional
        Taps of the distortion filters.

    Returns
    -------
    ratios : ImagesRatios
        ``sdr, isr, sir, sar`` of shape (n_sources, n_windows) in dB, and ``permutation`` of
        shape (n_sources,). A ratio over nothing is +inf.

    Raises
    ------
    TypeError
        If the signals are not real numbers, or the window, the hop or the filter length is
        not an integer.
    ValueError
        If the shapes do not fit, a signal is not finite, or is silent throughout, or the
        window, the hop or the filter length is not positive.
    MemoryError
        At once, if the filters of so many channels and taps would not fit into memory.

    Warns
    -----
    IllConditionedWarning
        If delayed copies of the references are nearly dependent (condition number above
        1e12), as of low-passed sources: ISR, SIR and SAR are arbitrary to a degree then.
        museval solves the same equations and says nothing. Where they are singular in
        float64, what it computes is rounding; here delayed copies that others span are left
        out, so that identical sources, or opposite ones, have an answer.

    See Also
    --------
    bss_eval_v4_regularized : The variant for such references.

    References
    ----------
    .. [1] F.-R. Stöter, A. Liutkus and N. Ito, "The 2018 Signal Separation Evaluation
           Campaign", LVA/ICA 2018; museval 0.4.1.
    .. [2] E. Vincent, R. Gribonval and C. Févotte, "Performance measurement in blind audio
           source separation", IEEE Trans. ASLP 14(4), 2006.

    Examples
    --------
    >>> import numpy as np
    >>> references = np.random.default_rng(0).standard_normal((2, 1, 8000))
    >>> estimates = references + 0.1 * references[::-1]
    >>> ratios = bss_eval_v4(references, estimates, window=4000, hop=4000, filter_length=8)
    >>> ratios.sdr.round(1), ratios.sir.round(1)
    (array([[20.1, 20.1],
           [19.9, 19.9]]), array([[20.1, 20.1],
           [19.9, 19.9]]))
    """
    return _v4(references, estimates, window, hop, compute_permutation, filter_length, 0.0)


def bss_eval_v4_regularized(
    references: Signals,
    estimates: Signals,
    *,
    window: int,
    hop: int,
    compute_permutation: bool = False,
    filter_length: int = FILTER_LENGTH,
    regularization: float = REGULARIZATION,
) -> ImagesRatios:
    """Compute BSS Eval v4 with regularized filters, which tolerate ill-conditioned references.

    The filters of the projections are fitted, to the error e - s, as if white noise had been
    added to every channel of the references, `regularization` times as strong; a source
    stays its own projection. The long filters that
    cancel low-passed references in the frequencies where they have no energy, and ring at
    the edges of the windows, are not fitted then: they make ISR, SIR and SAR of
    `bss_eval_v4` differ by up to 25 dB between stems decoded to 16 bit and to float. Here
    they differ by 0.002 dB on the same track, and the strength matters little: between 1e-6
    and 1e-4 they change by at most 0.4 dB in any window. The figures are *not* museval's: on
    that track, ISR, SIR and SAR are higher by 0.0, 0.7 and 0.2 dB in the median window, and
    by up to 5 dB. SDR is the same.

    Parameters
    ----------
    references, estimates, window, hop, compute_permutation, filter_length
        As in `bss_eval_v4`.
    regularization : float, optional
        Energy of the noise relative to that of each channel.

    Returns
    -------
    ratios : ImagesRatios
        As in `bss_eval_v4`.

    Raises
    ------
    TypeError, ValueError, MemoryError
        As in `bss_eval_v4`, and if the regularization is negative or not finite.
    """
    return _v4(
        references, estimates, window, hop, compute_permutation, filter_length, regularization
    )


def bss_eval_images(
    references: Signals, estimates: Signals, *, compute_permutation: bool = True
) -> ImagesRatios:
    """Compute BSS Eval v3, images version, of whole signals.

    As ``museval.metrics.bss_eval_images`` and ``mir_eval.separation.bss_eval_images``.

    Parameters
    ----------
    references : array of shape (n_sources, n_channels, n_samples)
        The true sources, images in all channels; a list of arrays (n_channels, n_samples)
        will do, and so will mono sources of shape (n_sources, n_samples).
    estimates : array, same shape
        The estimated sources.
    compute_permutation : bool, optional
        Whether to look for the order of the estimates with the highest mean SIR.

    Returns
    -------
    ratios : ImagesRatios
        Arrays of shape (n_sources,): ``sdr, isr, sir, sar`` in dB, and ``permutation``.

    Raises
    ------
    TypeError
        If the signals are not real numbers.
    ValueError
        If the shapes do not fit, or a signal is silent or not finite.
    MemoryError
        As in `bss_eval_v4`.

    Warns
    -----
    IllConditionedWarning
        As `bss_eval_v4`.

    References
    ----------
    .. [1] E. Vincent, S. Araki, F. Theis et al., "The signal separation evaluation campaign
           (2007-2010): achievements and remaining challenges", Signal Processing 92, 2012.
    """
    references, estimates = _checked(references, estimates)
    ratios, permutations = _v3(references, estimates, "images", compute_permutation)
    sdr, isr, sir, sar = ratios[..., 0]
    return ImagesRatios(sdr, isr, sir, sar, permutations[..., 0])


def bss_eval_images_framewise(
    references: Signals,
    estimates: Signals,
    *,
    window: int = 30 * 44100,
    hop: int = 15 * 44100,
    compute_permutation: bool = False,
    convention: Literal["museval", "mir_eval"] = "museval",
) -> ImagesRatios:
    """Compute BSS Eval v3, images version, with filters fitted to each window.

    Parameters
    ----------
    references, estimates
        As in `bss_eval_images`.
    window, hop : int, optional
        Length of the windows and samples from one to the next.
    compute_permutation : bool, optional
        Whether to look for the best order of the estimates, in each window on its own.
    convention : {"museval", "mir_eval"}, optional
        Where just one window fits, museval scores it, mir_eval the whole signal.

    Returns
    -------
    ratios : ImagesRatios
        Arrays of shape (n_sources, n_windows). In a window in which any reference or
        estimate is silent, ratios are NaN and the permutation is as given.

    Raises
    ------
    TypeError, ValueError, MemoryError
        As in `bss_eval_v4`, and if there is no such convention.

    Warns
    -----
    IllConditionedWarning
        As `bss_eval_v4`, once.
    """
    references, estimates = _checked(references, estimates)
    cuts = _v3_windows(references, window, hop, convention)
    ratios, permutations = _v3(references, estimates, "images", compute_permutation, cuts)
    sdr, isr, sir, sar = ratios
    return ImagesRatios(sdr, isr, sir, sar, permutations)


def bss_eval_sources(
    references: Signals, estimates: Signals, *, compute_permutation: bool = True
) -> SourcesRatios:
    """Compute BSS Eval v3, sources version, of whole signals: filtering is no error.

    As ``museval.metrics.bss_eval_sources`` and ``mir_eval.separation.bss_eval_sources``.
    For the source, its projection P_j e stands in: an estimate that is a filtered source
    is perfect. Compare such figures with such figures only.

    Parameters
    ----------
    references, estimates, compute_permutation
        As in `bss_eval_images`; usually mono, of shape (n_sources, n_samples).

    Returns
    -------
    ratios : SourcesRatios
        Arrays of shape (n_sources,): ``sdr, sir, sar`` in dB, and ``permutation``.

    Raises
    ------
    TypeError, ValueError, MemoryError
        As in `bss_eval_images`.

    Warns
    -----
    IllConditionedWarning
        As `bss_eval_v4`.

    References
    ----------
    .. [1] E. Vincent, R. Gribonval and C. Févotte, "Performance measurement in blind audio
           source separation", IEEE Trans. ASLP 14(4), 2006.
    """
    references, estimates = _checked(references, estimates)
    ratios, permutations = _v3(references, estimates, "sources", compute_permutation)
    sdr, sir, sar = ratios[..., 0]
    return SourcesRatios(sdr, sir, sar, permutations[..., 0])


def bss_eval_sources_framewise(
    references: Signals,
    estimates: Signals,
    *,
    window: int = 30 * 44100,
    hop: int = 15 * 44100,
    compute_permutation: bool = False,
    convention: Literal["museval", "mir_eval"] = "museval",
) -> SourcesRatios:
    """Compute BSS Eval v3, sources version, with filters fitted to each window.

    Parameters
    ----------
    references, estimates, window, hop, compute_permutation, convention
        As in `bss_eval_images_framewise`.

    Returns
    -------
    ratios : SourcesRatios
        Arrays of shape (n_sources, n_windows), as in `bss_eval_images_framewise`.

    Raises
    ------
    TypeError, ValueError
        As in `bss_eval_images_framewise`.

    Warns
    -----
    IllConditionedWarning
        As `bss_eval_v4`, once.
    """
    references, estimates = _checked(references, estimates)
    cuts = _v3_windows(references, window, hop, convention)
    ratios, permutations = _v3(references, estimates, "sources", compute_permutation, cuts)
    sdr, sir, sar = ratios
    return SourcesRatios(sdr, sir, sar, permutations)


def _v4(
    references: Signals,
    estimates: Signals,
    window: int,
    hop: int,
    compute_permutation: bool,
    filter_length: int,
    regularization: float,
) -> ImagesRatios:
    references, estimates = _checked(references, estimates)
    evaluation = BSSEval(
        references,
        window=window,
        hop=hop,
        filter_length=filter_length,
        regularization=regularization,
    )
    _warn([evaluation.trouble])
    order = np.arange(len(references))
    if compute_permutation:
        order = evaluation.best_permutation(estimates)
    tally = evaluation.tally_of([estimates[index] for index in order])
    return ImagesRatios(*evaluation.images(tally), order)


def _v3_windows(references: list[Float64s], window: int, hop: int, convention: str) -> list[slice]:
    if convention not in ("museval", "mir_eval"):
        raise ValueError(f"convention must be 'museval' or 'mir_eval', got {convention!r}")
    n_samples = references[0].shape[-1]
    cuts = Windows(n_samples, window=window, hop=hop).windows
    return [slice(0, n_samples)] if convention == "mir_eval" and len(cuts) == 1 else cuts


def _v3(
    references: list[Float64s],
    estimates: list[Float64s],
    version: Literal["images", "sources"],
    compute_permutation: bool,
    cuts: Sequence[slice] | None = None,
) -> tuple[Float64s, Permutation]:
    """Evaluate each window as a signal of its own, the whole signal by default.

    Returns arrays of shape (n_ratios, n_sources, n_windows) and (n_sources, n_windows).
    """
    n_samples = references[0].shape[-1]
    n_ratios = 4 if version == "images" else 3
    ratios, permutations, troubles = [], [], []
    for cut in cuts or [slice(0, n_samples)]:
        truths = [signal[:, cut] for signal in references]
        guesses = [signal[:, cut] for signal in estimates]
        order = np.arange(len(references))
        if any(is_silent(signal) for signal in (*truths, *guesses)):
            ratios.append(np.full((n_ratios, len(references)), np.nan))
        else:
            length = truths[0].shape[-1]
            evaluation = BSSEval(truths, window=length, hop=length)
            troubles.append(evaluation.trouble)
            if compute_permutation:
                order = evaluation.best_permutation(guesses)
            tally = evaluation.tally_of([guesses[index] for index in order])
            ratio = evaluation.images if version == "images" else evaluation.sources
            ratios.append(np.concatenate(ratio(tally), axis=1).T)
        permutations.append(order)
    _warn(troubles)
    return np.stack(ratios, axis=-1), np.stack(permutations, axis=-1)


def _warn(troubles: Sequence[str | None]) -> None:
    found = [trouble for trouble in troubles if trouble is not None]
    if found:
        warnings.warn(f"references: {found[0]}", IllConditionedWarning, stacklevel=4)


def _checked(references: Signals, estimates: Signals) -> tuple[list[Float64s], list[Float64s]]:
    """Take what users of museval and mir_eval have, in this package's axes."""
    checked = []
    for argument, signals in (("references", references), ("estimates", estimates)):
        shapes = {np.shape(signal) for signal in signals}
        if len(shapes) > 1:
            raise ValueError(f"{argument} must have one shape, got {sorted(shapes)}")
        array = np.asarray(signals)
        if array.dtype.kind not in "fiu":
            raise TypeError(f"{argument} must be real numbers, got {array.dtype}")
        if array.ndim == 2:
            array = array[:, None]
            more = "sources" if len(array) > array.shape[-1] else None
        else:
            more = "channels" if array.ndim == 3 and array.shape[1] > array.shape[2] else None
        if array.size and more is not None:
            raise ValueError(
                f"{argument} must have shape (n_sources, n_channels, n_samples), or (n_sources, "
                f"n_samples) if mono, got {np.shape(signals)}: more {more} than samples "
                "(museval has the samples in the middle: np.swapaxes(signals, 1, 2))"
            )
        if not np.isfinite(array).all():
            raise ValueError(f"{argument} must be finite, got NaN or infinity")
        checked.append(array)
    check_pair(*checked)
    names = [f"source {index}" for index in range(len(checked[0]))]
    check_heard("references", checked[0], names)
    check_heard("estimates", checked[1], names)
    return list(checked[0]), list(checked[1])
