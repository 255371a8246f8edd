"""Problems: a source and the map from masks to samples, both scaled to levels near 1.

A mask of the mixture x for the source s, times 2^(a - b), is a mask of 2^-a x for 2^-b s, with the
same ratio of error to source. So audio of any level stays within the range of floats; only the
largest value of a mask changes.
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

# If the largest mask value is this far from 1, up or down, single precision cannot hold the squares
# of the errors, or of the rest of the mixture.
FAR = 2.0**30

# Audio just outside a piece is clipped to this level for the starting mask.
LOUDEST = 2.0**40


class Problem(NamedTuple):
    """A source to recover from a mixture by a mask, both at levels near 1.

    Attributes
    ----------
    synthesis : Synthesis
        The map from masks to samples.
    source : array of shape (n_channels, n_samples of the piece)
        The target samples.
    masks : MaskClass
        The class of masks, scaled to match.
    level : int
        The true source is 2^level times `source`.
    """

    synthesis: Synthesis
    source: Audio
    masks: MaskClass
    level: int

    @classmethod
    def of(cls, synthesis: Synthesis, source: Audio, masks: MaskClass) -> Self:
        """Scale a source to a level near 1, and the largest value of its mask to match."""
        level, masks = near_one(source, synthesis.level, masks)
        if synthesis.dtype == np.float32 and not 1 / FAR <= masks.maximum <= FAR:
            synthesis = synthesis.in_double()
        return cls(synthesis, scaled(source, -level), masks, level)

    def start(self, around: Audio | None = None) -> Scaled:
        """Compute |X| times the mask to start from: the best bin by bin, as in TPSM.

        `around` is the true source under all frames, array of shape (n_channels, n_padded); by
        default, the source in the samples and zeros elsewhere.
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
        """Compute |X| times a mask of the true mixture, projected onto the class."""
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
        """Scale an estimate to the level of the true source."""
        return scaled(audio, self.level)


def near_one(source: Audio, level: int, masks: MaskClass) -> tuple[int, MaskClass]:
    """Find the level of a source, and the class of masks for both signals at levels near 1.

    `level` is the level of the mixture.
    """
    above = find_level(source) - level
    # Where this clips, floats cannot represent one signal beside the other.
    above = min(max(above, -LARGEST_EXPONENT), LARGEST_EXPONENT)
    return level + above, replace(masks, maximum=masks.maximum * 2.0**-above)
