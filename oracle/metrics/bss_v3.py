"""BSS Eval version 3, as museval and mir_eval define it: each window is a signal of its own.

The four functions evaluate images or sources, of whole signals or in windows.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from oracle.metrics.bss_eval import ImagesRatios, SourcesRatios, check_signals, warn_of_trouble
from oracle.metrics.decomposition import BSSEval, Permutation
from oracle.metrics.energy_ratios import Float64s, Signals, is_silent
from oracle.metrics.windows import window_starts


def bss_eval_images(
    references: Signals, estimates: Signals, *, compute_permutation: bool = True
) -> ImagesRatios:
    """Compute BSS Eval v3, images version, of whole signals.

    Follows ``museval.metrics.bss_eval_images`` and ``mir_eval.separation.bss_eval_images``.

    Parameters
    ----------
    references : array of shape (n_sources, n_channels, n_samples)
        The true sources as images, in all channels. A list of arrays of shape
        (n_channels, n_samples) is accepted, and so are mono sources of shape (n_sources,
        n_samples).
    estimates : array, same shape
        The estimated sources.
    compute_permutation : bool, optional
        Whether to reorder the estimates for the highest mean SIR.

    Returns
    -------
    ratios : ImagesRatios
        Arrays of shape (n_sources,): ``sdr, isr, sir, sar`` in dB, and ``permutation``.

    Raises
    ------
    TypeError
        If the signals are not real numbers.
    ValueError
        If shapes do not match, or a signal is silent or not finite.
    MemoryError
        As in `bss_eval_v4`.

    Warns
    -----
    IllConditionedWarning
        As in `bss_eval_v4`.

    References
    ----------
    .. [1] E. Vincent, S. Araki, F. Theis et al., "The signal separation evaluation campaign
           (2007-2010): achievements and remaining challenges", Signal Processing 92, 2012.
    """
    references, estimates = check_signals(references, estimates)
    ratios, permutations = _evaluate(references, estimates, "images", compute_permutation)
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
        Length of the windows and hop between them, in samples.
    compute_permutation : bool, optional
        Whether to reorder the estimates for the highest mean SIR, in each window separately.
    convention : {"museval", "mir_eval"}, optional
        If only one window fits, museval scores that window, mir_eval the whole signal.

    Returns
    -------
    ratios : ImagesRatios
        Arrays of shape (n_sources, n_windows). If any reference or estimate is silent in a
        window, all ratios there are NaN and the estimates keep their order.

    Raises
    ------
    TypeError, ValueError, MemoryError
        As in `bss_eval_v4`; also if `convention` is unknown.

    Warns
    -----
    IllConditionedWarning
        As in `bss_eval_v4`, once for all windows.
    """
    references, estimates = check_signals(references, estimates)
    windows = _list_windows(references, window, hop, convention)
    ratios, permutations = _evaluate(references, estimates, "images", compute_permutation, windows)
    sdr, isr, sir, sar = ratios
    return ImagesRatios(sdr, isr, sir, sar, permutations)


def bss_eval_sources(
    references: Signals, estimates: Signals, *, compute_permutation: bool = True
) -> SourcesRatios:
    """Compute BSS Eval v3, sources version, of whole signals: filtering is not an error.

    Follows ``museval.metrics.bss_eval_sources`` and ``mir_eval.separation.bss_eval_sources``.
    The projection P_j e takes the place of the source, so a filtered source is a perfect
    estimate. Compare these ratios only with ratios of the same version.

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
        As in `bss_eval_v4`.

    References
    ----------
    .. [1] E. Vincent, R. Gribonval and C. Févotte, "Performance measurement in blind audio
           source separation", IEEE Trans. ASLP 14(4), 2006.
    """
    references, estimates = check_signals(references, estimates)
    ratios, permutations = _evaluate(references, estimates, "sources", compute_permutation)
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
        As in `bss_eval_v4`, once for all windows.
    """
    references, estimates = check_signals(references, estimates)
    windows = _list_windows(references, window, hop, convention)
    ratios, permutations = _evaluate(references, estimates, "sources", compute_permutation, windows)
    sdr, sir, sar = ratios
    return SourcesRatios(sdr, sir, sar, permutations)


def _list_windows(
    references: list[Float64s], window: int, hop: int, convention: str
) -> list[slice]:
    if convention not in ("museval", "mir_eval"):
        raise ValueError(f"convention must be 'museval' or 'mir_eval', got {convention!r}")
    n_samples = references[0].shape[-1]
    starts = window_starts(n_samples, window=window, hop=hop)
    if convention == "mir_eval" and len(starts) == 1:
        return [slice(0, n_samples)]
    return [slice(start, min(start + window, n_samples)) for start in starts]


def _evaluate(
    references: list[Float64s],
    estimates: list[Float64s],
    version: Literal["images", "sources"],
    compute_permutation: bool,
    windows: Sequence[slice] | None = None,
) -> tuple[Float64s, Permutation]:
    """Evaluate each window as a signal of its own; by default, the whole signal.

    Returns arrays of shape (n_ratios, n_sources, n_windows) and (n_sources, n_windows).
    """
    n_samples = references[0].shape[-1]
    n_ratios = 4 if version == "images" else 3
    ratios, permutations, troubles = [], [], []
    for window in windows or [slice(0, n_samples)]:
        truths = [signal[:, window] for signal in references]
        guesses = [signal[:, window] for signal in estimates]
        order = np.arange(len(references))
        if any(is_silent(signal) for signal in (*truths, *guesses)):
            ratios.append(np.full((n_ratios, len(references)), np.nan))
        else:
            length = truths[0].shape[-1]
            evaluation = BSSEval(truths, window=length, hop=length)
            troubles.append(evaluation.trouble)
            if compute_permutation:
                order = evaluation.find_best_permutation(guesses)
            tally = evaluation.examine_all([guesses[index] for index in order])
            compute = (
                evaluation.compute_images if version == "images" else evaluation.compute_sources
            )
            ratios.append(np.concatenate(compute(tally), axis=1).T)
        permutations.append(order)
    warn_of_trouble(troubles)
    return np.stack(ratios, axis=-1), np.stack(permutations, axis=-1)
