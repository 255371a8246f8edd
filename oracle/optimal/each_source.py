"""Each source in turn: the best mask for every source of a mixture, by one map."""

from collections.abc import Sequence

import numpy as np

from oracle.optimal.classes import Mask, MaskClass
from oracle.optimal.descent import Found
from oracle.optimal.ends import fit_ends
from oracle.optimal.goals import Goal, compute_energy
from oracle.optimal.problems import Problem
from oracle.optimal.synthesis import Synthesis
from oracle.tracks.track import Audio

# Two sources make a mixture if what is missing is this part of the error of the best mask.
NEGLIGIBLE = 0.01

# Of so many samples one is looked at for that.
THINNED = 16


def solve_each(
    synthesis: Synthesis,
    mixture: Audio,
    sources: Sequence[Audio],
    masks: MaskClass,
    goal: Goal,
    starts: Mask | None = None,
    others: Audio | Sequence[Audio] | None = None,
    prove: bool = True,
) -> list[tuple[Problem, Found]]:
    """Find the best mask for each source in some samples.

    Where two sources make up the mixture, what the mask of the one leaves is the mask of the
    other: so an accompaniment costs nothing, once the vocals are there.

    Parameters
    ----------
    synthesis : Synthesis
        The map from masks to these samples.
    mixture : array of shape (n_channels, n_samples)
        The whole signal, and
    sources : sequence of arrays of shape (n_channels, n_samples)
        whole sources.
    masks : MaskClass
        The class.
    goal : Goal
        When to stop.
    starts : array of shape (n_sources, n_channels or 1, n_frames, n_freqs), optional
        Masks to start from, of a longer signal if there are no `others`; the best bin by bin by
        default.
    others : sequence of arrays of shape (n_channels, n_samples of the map), optional
        What other frames make of the samples, of each source.
    prove : bool, optional
        Whether what is found is certified.

    Returns
    -------
    found : list of tuple of (Problem, Found)
        By source.
    """
    found: list[tuple[Problem, Found]] = []
    for index, source in enumerate(sources):
        wanted = source[:, synthesis.piece]
        if others is not None:
            wanted = (wanted - others[index]).astype(source.dtype)
        problem = Problem.of(synthesis, wanted, masks)
        rest = _rest_of_mask(found, mixture, sources, index, synthesis.piece, masks)
        if rest is not None:
            start = problem.start_from(rest)
        elif starts is not None:
            start = problem.start_from(starts[index])
            if others is None:
                start = fit_ends(problem, start, goal)
        else:
            start = problem.start(synthesis.stft.frames.under(synthesis.frames, source))
        best = problem.solve(start, goal, prove=prove)
        found.append((problem, best))
    return found


def _rest_of_mask(
    found: Sequence[tuple[Problem, Found]],
    mixture: Audio,
    sources: Sequence[Audio],
    index: int,
    piece: slice,
    masks: MaskClass,
) -> Mask | None:
    """Return what the mask of a source leaves, with which this one makes up the mixture."""
    if masks.complex_valued or masks.maximum != 1:  # what is left may be of no such class
        return None
    # Some of the samples tell: it is only where to start from.
    some = slice(piece.start, piece.stop, THINNED)
    with np.errstate(over="ignore", invalid="ignore"):
        missing = mixture[:, some].astype(np.float64) - sources[index][:, some]
        for other, (problem, best) in zip(sources, found, strict=False):
            left = THINNED * compute_energy(np.ldexp(missing - other[:, some], -problem.level))
            if best.error and left <= NEGLIGIBLE * best.error:
                mask: Mask = 1 - problem.mask(best.scaled)
                return mask
    return None
