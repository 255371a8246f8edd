"""Ends of windows: their masks improve, and nothing else changes."""

import numpy as np

from oracle import STFT
from oracle.optimal.classes import MaskClass
from oracle.optimal.ends import REACH, fit_ends
from oracle.optimal.goals import Goal, compute_energy
from oracle.optimal.problems import Problem
from oracle.optimal.synthesis import Synthesis

SMALL = STFT(n_fft=16, hop_length=8, workers=1)


def problem_in(cut: slice) -> tuple[Problem, np.ndarray]:
    """Pose the problem of a window of noise; also the masks that suit a longer part of it."""
    sources = np.random.default_rng(0).standard_normal((2, 2, 600))
    masks, mixture = MaskClass(), sources.sum(axis=0)
    longer = slice(cut.start - 80, cut.stop + 80)
    whole = Problem.of(Synthesis(SMALL, mixture, masks, piece=longer), sources[0, :, longer], masks)
    window = Synthesis(SMALL, mixture, masks, piece=cut)
    first = window.frames.start - whole.synthesis.frames.start
    mask = whole.mask(whole.start())[:, first : first + window.n_frames]
    problem = Problem.of(window, sources[0, :, cut], masks)
    return problem, problem.start_from(mask)


def test_only_the_ends_change_and_for_the_better() -> None:
    problem, start = problem_in(slice(200, 400))
    before = start.copy()
    fitted = fit_ends(problem, start, Goal(0.01, 200))
    np.testing.assert_array_equal(start, before)
    size = REACH * 2
    np.testing.assert_array_equal(fitted[:, size:-size], start[:, size:-size])
    synthesis = problem.synthesis

    def error(scaled: np.ndarray) -> float:
        return compute_energy(problem.source - synthesis.forward(scaled))

    for end in (slice(0, size), slice(-size, None)):
        one = start.copy()
        one[:, end] = fitted[:, end]
        assert error(one) < 0.99 * error(start)
    assert (fitted >= 0).all()
    assert (fitted <= problem.masks.limit(synthesis.magnitude)).all()


def test_windows_that_are_little_but_ends_are_left_alone() -> None:
    problem, start = problem_in(slice(200, 260))
    fitted = fit_ends(problem, start.copy(), Goal(0.01, 200))
    np.testing.assert_array_equal(fitted, start)
