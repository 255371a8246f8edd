"""Each source in turn: the best mask for every source of a mixture, with one map."""

from collections.abc import Sequence

import numpy as np

from oracle.optimal.classes import Mask, MaskClass
from oracle.optimal.descent import Found
from oracle.optimal.ends import fit_ends
from oracle.optimal.goals import Goal, compute_energy
from oracle.optimal.problems import Problem
from oracle.optimal.synthesis import Synthesis
from oracle.tracks.track import Audio

# Two sources make up a mixture if the rest is below this fraction of the best mask's error.
NEGLIGIBLE = 0.01

# To test this, look at one in this many samples.
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

    Where two sources make up the mixture, the mask of one is 1 minus that of the other, so an
    accompaniment costs next to nothing once the vocals are solved.

    Parameters
    ----------
    synthesis : Synthesis
        The map from masks to these samples.
    mixture : array of shape (n_channels, n_samples)
        The whole mixture.
    sources : sequence of arrays of shape (n_channels, n_samples)
        The whole sources.
    masks : MaskClass
        The class.
    goal : Goal
        When to stop.
    starts : array of shape (n_sources, n_channels or 1, n_frames, n_freqs), optional
        Masks to start from; by default the best bin by bin. Without `others`, they are taken to
        be masks of a longer signal, and their ends are refitted.
    others : sequence of arrays of shape (n_channels, n_samples of the map), optional
        What other frames contribute to the samples, for each source.
    prove : bool, optional
        Whether to certify the result.

    Returns
    -------
    found : list of tuple of (Problem, Found)
        One per source.
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
    """Return 1 minus the mask of an earlier source that makes up the mixture with this one."""
    if masks.complex_valued or masks.maximum != 1:  # 1 - mask may leave the class
        return None
    # Some samples suffice: the mask is only a starting point.
    some = slice(piece.start, piece.stop, THINNED)
    with np.errstate(over="ignore", invalid="ignore"):
        missing = mixture[:, some].astype(np.float64) - sources[index][:, some]
        for other, (problem, best) in zip(sources, found, strict=False):
            left = THINNED * compute_energy(np.ldexp(missing - other[:, some], -problem.level))
            if best.error and left <= NEGLIGIBLE * best.error:
                mask: Mask = 1 - problem.mask(best.scaled)
                return mask
    return None
