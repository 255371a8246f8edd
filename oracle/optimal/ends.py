"""Ends: masks of the frames that reach over the ends of a window, fitted to what is inside.

The best masks of a whole track are the best of a window, too, but near its ends: those of the track
care for what is heard beyond them. Most frames of a window need no steps once its ends fit.
"""

from oracle.optimal.classes import Scaled
from oracle.optimal.descent import descend
from oracle.optimal.goals import Goal, compute_energy, gap
from oracle.optimal.problems import Problem
from oracle.stft.frames import place_in

# How far the ends reach into a window, in windows of the STFT.
REACH = 3

# How near the best each end comes, as a part of the tolerance of the whole window.
SHARE = 0.25


def fit_ends(problem: Problem, start: Scaled, goal: Goal) -> Scaled:
    """Improve the first and the last frames of a mask, beside what lies between.

    Where ends would be most of the frames nothing is done.

    Parameters
    ----------
    problem : Problem
        The source in the window.
    start : array of shape (n_channels or 1, n_frames, n_freqs or n_bands)
        |X| times the mask.
    goal : Goal
        How near the best the whole is to come, and the number of steps of each end.

    Returns
    -------
    fitted : array of the same shape
        |X| times the mask with other ends.
    """
    synthesis = problem.synthesis
    overlap = -(-synthesis.stft.n_fft // synthesis.stft.hop_length)
    n_frames, size = synthesis.n_frames, REACH * overlap
    # Beyond an overlap ends have no samples in common.
    if n_frames < 2 * size + overlap:
        return start
    residual = problem.source - synthesis.forward(start)
    whole = compute_energy(residual)
    if whole == 0:
        return start

    def distance(error: float, least: float) -> float:
        return gap(whole, max(whole - (error - least), 0.0))

    nearer = Goal(SHARE * goal.tolerance, goal.max_iterations, distance)
    fitted = start.copy()
    for frames in (slice(0, size), slice(n_frames - size, n_frames)):
        end = synthesis.of_frames(frames)
        left = residual[:, place_in(synthesis.piece, end.piece)]
        own = start[:, frames]
        found = descend(end, left + end.forward(own), own, nearer, masks=problem.masks, prove=False)
        fitted[:, frames] = found.scaled
    return fitted
