"""Permutations: which estimate belongs to which reference, where names do not tell."""

import re
from collections.abc import Collection, Iterable, Mapping
from functools import partial

import numpy as np

from oracle.machine.threads import in_threads
from oracle.metrics.energy_ratios import LEAST_ENERGY, Float64s
from oracle.metrics.scale_invariant import ROUNDING
from oracle.metrics.windows import cut_into_pieces
from oracle.tracks.track import Audio

# Orders whose sums of SI-SDR differ by less, in dB, are equally good: rounding.
TIE = 1e-6

# Names of speakers: "s1", "spk_2", "speaker 3", "Source-4".
SPEAKER = re.compile(r"(?P<kind>s|spk|speaker|source)[ _-]?\d+", re.IGNORECASE)


def find_interchangeable(sources: Iterable[str], known: Collection[str] = ()) -> list[list[str]]:
    """Find the sources that a system may return in any order.

    Parameters
    ----------
    sources : iterable of str
        Names of the sources of a track.
    known : collection of str, optional
        Those that the dataset says are interchangeable. If it says nothing, they are speakers:
        names that differ only in their number, such as ``s1`` and ``s2``.

    Returns
    -------
    groups : list of lists of str
        Two or more names each.

    Examples
    --------
    >>> find_interchangeable(["s1", "s2", "noise"])
    [['s1', 's2']]
    >>> find_interchangeable(["vocals", "drums1", "drums2"])
    []
    """
    groups: dict[str, list[str]] = {}
    for source in sources:
        speaker = SPEAKER.fullmatch(source)
        if source in known:
            groups.setdefault("", []).append(source)
        elif speaker and not known:
            groups.setdefault(speaker["kind"].casefold(), []).append(source)
    return [group for group in groups.values() if len(group) > 1]


def assign_estimates(
    references: Mapping[str, Audio], estimates: Mapping[str, Audio]
) -> dict[str, str]:
    """Assign estimates to references, each to one, so that their mean SI-SDR is highest.

    SI-SDR of whole signals, all channels, is -10 log10(1 / c^2 - 1), where c is the correlation
    of reference and estimate. c^2 within 1e-12 of 0 or 1 is rounding: SI-SDR is taken as -120 or
    120 dB. With a silent signal it is -120 dB, whatever the other is.

    Parameters
    ----------
    references, estimates : mapping from str to array of shape (n_channels, n_samples)
        By name; at most as many estimates as references.

    Returns
    -------
    assigned : dict from str to str
        The name of the estimate of each reference that has one, in the order of the references.
        Of orders that are equally good, that of the names as they are if it is one of them.
    """
    from scipy.optimize import linear_sum_assignment

    ratios = _compute_ratios(list(references.values()), list(estimates.values()))
    names, called = list(references), list(estimates)
    as_named = [names.index(name) for name in called]
    rows, columns = linear_sum_assignment(ratios, maximize=True)
    kept = ratios[as_named, range(len(called))].sum()
    if ratios[rows, columns].sum() <= kept + TIE:
        rows, columns = np.array(as_named), np.arange(len(called))
    pairs = sorted(zip(rows.tolist(), columns.tolist(), strict=True))
    return {names[row]: called[column] for row, column in pairs}


def _compute_ratios(references: list[Audio], estimates: list[Audio]) -> Float64s:
    """Compute SI-SDR in dB, always finite, of each estimate (column) for each reference (row)."""
    pieces = cut_into_pieces(references[0].shape[-1])
    work = partial(_compute_products, references, estimates)
    truths, guesses, both = map(sum, zip(*in_threads(work, pieces), strict=True))
    heard = np.outer(truths >= LEAST_ENERGY, guesses >= LEAST_ENERGY)
    norms = np.where(heard, np.sqrt(np.outer(truths, guesses)), 1)
    square = np.where(heard, (both / norms) ** 2, 0).clip(ROUNDING, 1 - ROUNDING)
    return -10 * np.log10(1 / square - 1)


def _compute_products(
    references: list[Audio], estimates: list[Audio], piece: slice
) -> tuple[Float64s, Float64s, Float64s]:
    """Compute the energies of a piece of each reference and estimate, and their products."""
    truths, guesses = (
        np.stack([signal[:, piece].ravel() for signal in signals], dtype=np.float64)
        for signals in (references, estimates)
    )
    # Not matrix products: this runs in threads, and BLAS starts its own.
    return (
        np.einsum("jt,jt->j", truths, truths),
        np.einsum("kt,kt->k", guesses, guesses),
        np.einsum("jt,kt->jk", truths, guesses),
    )
