"""Problems: a source, and the map from masks to samples, both brought near 1.

A mask of a mixture x for a source s is, times 2^(a - b), one of 2^-a x for 2^-b s: the ratio of
error and source is the same. So no level leaves the range of floats, only the largest value of a
mask moves.
"""

from collections.abc import Callable
from typing import NamedTuple, Self

import numpy as np

from oracle.levels import LARGEST_EXPONENT, level_of, scaled
from oracle.optimal.descent import Found, descend, gap
from oracle.optimal.synthesis import Scaled, Synthesis
from oracle.track import Audio

# A largest value of a mask that is this far from 1, either way, is beyond single precision: the
# squares of its errors, or of what it leaves of the mixture, are.
FAR = 2.0**30


class Problem(NamedTuple):
    """A source that a mask is to make of a mixture, both near 1.

    Attributes
    ----------
    synthesis : Synthesis
        The map from masks to samples.
    source : array of shape (n_channels, n_samples of the cut)
        What the samples should be.
    maximum : float
        The largest value of the mask here.
    level : int
        The true source is 2^level times the source here.
    """

    synthesis: Synthesis
    source: Audio
    maximum: float
    level: int

    @classmethod
    def of(cls, synthesis: Synthesis, source: Audio, *, maximum: float) -> Self:
        """Bring a source near 1, and the largest value of its mask with it."""
        above = level_of(source) - synthesis.level
        # Where this is not all of it nothing of the one is in the other, as far as floats tell.
        above = min(max(above, -LARGEST_EXPONENT), LARGEST_EXPONENT)
        level = synthesis.level + above
        maximum *= 2.0**-above
        if synthesis.dtype == np.float32 and not 1 / FAR <= maximum <= FAR:
            synthesis = synthesis.in_double()
        return cls(synthesis, scaled(source, -level), maximum, level)

    def start(self, padded: Audio | None = None) -> Scaled:
        """Compute |X| times the mask to start from: the best bin by bin, as TPSM.

        `padded` is the source under all frames, array of shape (n_channels, n_padded); only
        what is in the samples by default.
        """
        synthesis = self.synthesis
        padded = synthesis.padded(self.source) if padded is None else padded
        start = np.empty_like(synthesis.magnitude)
        for block in synthesis.blocks:
            projection = synthesis.project(padded[:, synthesis.region(block)], block)
            start[:, block] = synthesis.limit(projection, block, maximum=self.maximum)
        return start

    def solve(
        self,
        start: Scaled,
        *,
        tolerance: float,
        max_iterations: int,
        stretch: float = 1.0,
        distance: Callable[[float, float], float] = gap,
    ) -> Found:
        """Find the best mask for `stretch` times the source; see `descend`."""
        return descend(
            self.synthesis,
            stretch * self.source if stretch != 1 else self.source,
            start,
            maximum=self.maximum,
            tolerance=tolerance,
            max_iterations=max_iterations,
            distance=distance,
        )

    def mask(self, scaled_mask: Scaled) -> Scaled:
        """Return the mask of the true mixture for the true source."""
        magnitude = self.synthesis.magnitude
        mask = np.divide(scaled_mask, magnitude, out=np.zeros_like(magnitude), where=magnitude > 0)
        return mask * 2.0 ** (self.level - self.synthesis.level)

    def estimate(self, audio: Audio) -> Audio:
        """Return what an estimate is at the level of the true source."""
        return scaled(audio, self.level)
