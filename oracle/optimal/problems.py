"""Problems: a source, and the map from masks to samples, both brought near 1.

A mask of a mixture x for a source s is, times 2^(a - b), one of 2^-a x for 2^-b s: the ratio of
error and source is the same. So no level leaves the range of floats, only the largest value of a
mask moves.
"""

from dataclasses import replace
from typing import NamedTuple, Self

import numpy as np

from oracle.machine.levels import LARGEST_EXPONENT, find_level, scaled
from oracle.optimal.classes import Mask, MaskClass, Scaled
from oracle.optimal.descent import LONG, Found, descend
from oracle.optimal.goals import Goal
from oracle.optimal.synthesis import Synthesis
from oracle.tracks.track import Audio

# A largest value of a mask that is this far from 1, either way, is beyond single precision: the
# squares of its errors, or of what it leaves of the mixture, are.
FAR = 2.0**30

# What is just outside a piece, and more than this louder, does not matter to its first mask.
LOUDEST = 2.0**40


class Problem(NamedTuple):
    """A source that a mask is to make of a mixture, both near 1.

    Attributes
    ----------
    synthesis : Synthesis
        The map from masks to samples.
    source : array of shape (n_channels, n_samples of the piece)
        What the samples should be.
    masks : MaskClass
        The class of the masks here.
    level : int
        The true source is 2^level times the source here.
    """

    synthesis: Synthesis
    source: Audio
    masks: MaskClass
    level: int

    @classmethod
    def of(cls, synthesis: Synthesis, source: Audio, masks: MaskClass) -> Self:
        """Bring a source near 1, and the largest value of its mask with it."""
        level, masks = near_one(source, synthesis.level, masks)
        if synthesis.dtype == np.float32 and not 1 / FAR <= masks.maximum <= FAR:
            synthesis = synthesis.in_double()
        return cls(synthesis, scaled(source, -level), masks, level)

    def start(self, around: Audio | None = None) -> Scaled:
        """Compute |X| times the mask to start from: the best bin by bin, as TPSM.

        `around` is the true source under all frames, array of shape (n_channels, n_padded): what
        is in the samples by default.
        """
        synthesis = self.synthesis
        if around is None:
            padded = synthesis.padded(self.source)
        else:
            with np.errstate(over="ignore"):
                padded = scaled(around.astype(synthesis.dtype), -self.level)
                padded = np.clip(padded, -LOUDEST, LOUDEST)
        start = synthesis.empty()
        for block in synthesis.blocks:
            synthesis.project(padded[:, synthesis.region(block)], block, out=start[:, block])
        self.masks.bring_near(start, self.masks.limit(synthesis.magnitude))
        return start

    def start_from(self, mask: Mask) -> Scaled:
        """Compute |X| times a mask of the true mixture, brought near the class."""
        synthesis = self.synthesis
        start = synthesis.times_mixture(mask)
        start *= 2.0 ** (synthesis.level - self.level)
        self.masks.bring_near(start, self.masks.limit(synthesis.magnitude))
        return start

    def solve(
        self,
        start: Scaled,
        goal: Goal,
        *,
        stretch: float = 1.0,
        long: float = LONG,
        prove: bool = True,
    ) -> Found:
        """Find the best mask for `stretch` times the source; see `descend`."""
        return descend(
            self.synthesis,
            stretch * self.source if stretch != 1 else self.source,
            start,
            goal,
            masks=self.masks,
            long=long,
            prove=prove,
        )

    def mask(self, scaled_mask: Scaled) -> Mask:
        """Return the mask of the true mixture for the true source, for all frequencies."""
        return self.synthesis.mask(scaled_mask) * 2.0 ** (self.level - self.synthesis.level)

    def estimate(self, audio: Audio) -> Audio:
        """Return what an estimate is at the level of the true source."""
        return scaled(audio, self.level)


def near_one(source: Audio, level: int, masks: MaskClass) -> tuple[int, MaskClass]:
    """Find the level of a source, and the class of the masks that make it near 1.

    `level` is that at which the mixture is.
    """
    above = find_level(source) - level
    # Where this is not all of it nothing of the one is in the other, as far as floats tell.
    above = min(max(above, -LARGEST_EXPONENT), LARGEST_EXPONENT)
    return level + above, replace(masks, maximum=masks.maximum * 2.0**-above)
