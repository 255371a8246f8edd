"""Ends: fit the masks of the frames at the ends of a window to the samples inside it.

The best masks of a whole track are also the best of a window, except near its ends, where they
serve the samples outside too. Once the ends fit, most frames of a window need no steps.
"""

from oracle.optimal.classes import Scaled
from oracle.optimal.descent import descend
from oracle.optimal.goals import Goal, compute_energy, gap
from oracle.optimal.problems import Problem
from oracle.stft.frames import place_in

# Length of each end, in STFT windows.
REACH = 3

# The tolerance of each end, as a fraction of the tolerance of the whole window.
SHARE = 0.25


def fit_ends(problem: Problem, start: Scaled, goal: Goal) -> Scaled:
    """Improve the first and the last frames of a mask, keeping those in between.

    Return the mask unchanged where the ends would be most of its frames.

    Parameters
    ----------
    problem : Problem
        The source in the window.
    start : array of shape (n_channels or 1, n_frames, n_freqs or n_bands)
        |X| times the mask.
    goal : Goal
        The tolerance of the whole window, and the maximum number of steps for each end.

    Returns
    -------
    fitted : array of the same shape
        |X| times the mask with fitted ends.
    """
    synthesis = problem.synthesis
    overlap = -(-synthesis.stft.n_fft // synthesis.stft.hop_length)
    n_frames, size = synthesis.n_frames, REACH * overlap
    # An overlap or more apart, the ends share no samples.
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
