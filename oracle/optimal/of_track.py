"""The best masks of all targets of a track, and their ceilings, one target after the other."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from oracle.levels import level_of
from oracle.optimal.ceilings import FramewiseCeiling, ceilings_of
from oracle.optimal.optimum import MAX_ITERATIONS, TOLERANCE
from oracle.optimal.problems import Problem
from oracle.optimal.synthesis import Synthesis
from oracle.stft import STFT
from oracle.track import Audio, Track

# Steps in a window. More are needed only where next to nothing else is heard, so that the best
# mask is nearly perfect, and the tolerance a tiny part of what is left.
STEPS_IN_WINDOW = 500

# How much longer the ceilings of all windows take than the mask of the whole track.
WINDOWS_COST = 1.2


class Optimum(NamedTuple):
    """What the best mask in [0, 1] makes of a target, and what none exceeds.

    Attributes
    ----------
    estimate : array of shape (n_channels, n_samples)
        By one mask for the whole track.
    ceiling : float
        Of the SDR of the whole track, in dB.
    ceilings : FramewiseCeiling
        Of the SDR in each window: arrays of shape (n_windows,).
    """

    estimate: Audio
    ceiling: float
    ceilings: FramewiseCeiling


def optima_of(
    track: Track,
    *,
    stft: STFT,
    windows: Mapping[str, Sequence[slice]] | None = None,
    advance: Callable[[float], object] = lambda part: None,
) -> dict[str, Optimum]:
    """Find the best masks of the targets of a track, and certify them.

    Parameters
    ----------
    track : Track
        The mixture and its true sources.
    stft : STFT
        The transform.
    windows : mapping from str to sequence of slice, optional
        Where to certify SDR, by target; nowhere by default.
    advance : callable, optional
        Called with the part of the work that has just been done, from 0 to 1.

    Returns
    -------
    optima : dict from str to Optimum
        By target: the sources, and the accompaniment, which has a mask of its own.
    """
    synthesis = Synthesis(stft, track.mixture, level=level_of(track.mixture))
    targets = track.targets
    optima = {}
    for name, source in targets.items():
        cuts = windows[name] if windows else ()
        share_of_windows = WINDOWS_COST / (1 + WINDOWS_COST) if cuts else 0.0
        problem = Problem.of(synthesis, source, maximum=1)
        found = problem.solve(problem.start(), tolerance=TOLERANCE, max_iterations=MAX_ITERATIONS)
        advance((1 - share_of_windows) / len(targets))

        def done(part: float, share: float = share_of_windows) -> None:
            advance(part * share / len(targets))

        ceilings = ceilings_of(
            synthesis,
            source,
            cuts,
            max_iterations=STEPS_IN_WINDOW,
            advance=done,
        )
        optima[name] = Optimum(problem.estimate(found.audio), found.certified_sdr, ceilings)
    return optima
