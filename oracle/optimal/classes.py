"""Classes of masks: which values are allowed, which bins share one, and how far they reach.

A descent needs the projection onto the allowed values; a certificate needs the support function of
the class: the largest <q, z> for a given q. With |X| the magnitude of the mixture, R the largest
mask value, and z = |X| m or (if m is complex) X m:

    0 <= m <= R              nearest: z clipped to [0, R |X|]        <q, z> <= R |X| max(q, 0)
    m complex, |m| <= R      nearest: z shortened to R |X|           <q, z> <= R |X| |q|
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

# |X| times a mask, X times a complex mask, or an array to be multiplied with it.
Scaled = npt.NDArray[np.inexact[Any]]
# A mask itself, real or complex: (n_channels or 1, n_frames, n_freqs).
Mask = npt.NDArray[np.inexact[Any]]
Reals = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True, kw_only=True)
class MaskClass:
    """A class of masks.

    Parameters
    ----------
    maximum : float, optional
        The largest value of a mask, or of the magnitude of a complex mask.
    complex_valued : bool, optional
        Whether masks are complex; if not, they are real and nonnegative.
    shared : bool, optional
        Whether all channels share one mask.
    bands : tuple of int, optional
        The first bin of each band, starting with 0; the bins of a band share one mask value.
    """

    maximum: float = 1.0
    complex_valued: bool = False
    shared: bool = False
    bands: tuple[int, ...] | None = None

    def dtype_for(self, audio: npt.DTypeLike) -> np.dtype[Any]:
        """Return the dtype of masks for audio of a given dtype."""
        return np.result_type(audio, np.complex64 if self.complex_valued else np.float32)

    def limit(self, magnitude: Reals) -> Reals:
        """Compute R |X|; 0 where the mixture is silent."""
        if self.maximum < math.inf:
            return np.asarray(self.maximum * magnitude)
        return np.where(magnitude > 0, np.asarray(math.inf, magnitude.dtype), 0)

    def bring_near(self, scaled: Scaled, limit: Reals) -> None:
        """Project a mask times |X| onto the class, in place.

        Parameters
        ----------
        scaled : array
            Complex if the masks are.
        limit : array, same shape
            R |X|; may be infinite if masks are real.
        """
        if self.complex_valued:
            longest = np.maximum(np.abs(scaled), limit)
            # 0 where the mixture is silent.
            scaled *= np.divide(limit, longest, out=np.zeros_like(longest), where=longest > 0)
        else:
            np.maximum(scaled, _zeros(scaled), out=scaled)
            np.minimum(scaled, limit, out=scaled)

    def reach(self, products: Scaled) -> Reals:
        """Compute the largest <q, z> per unit of the limit, bin by bin.

        Parameters
        ----------
        products : array
            q, complex if the masks are.
        """
        return np.asarray(
            np.abs(products) if self.complex_valued else np.maximum(products, _zeros(products))
        )

    def rounded(self, mask: Mask, dtype: npt.DTypeLike) -> Mask:
        """Convert a mask to a dtype, keeping it in the class despite rounding."""
        mask = mask.astype(dtype)
        largest = np.asarray(self.maximum, mask.real.dtype)
        if float(largest) > self.maximum:
            largest = np.nextafter(largest, 0, dtype=largest.dtype)
        if not self.complex_valued:
            np.minimum(mask, largest, out=mask)
            return mask
        # The magnitude, the quotient and the product are rounded too.
        sizes, eps = np.abs(mask), np.finfo(largest.dtype).eps
        long = sizes > largest * (1 - 2 * eps)
        mask[long] *= largest / sizes[long] * (1 - 4 * eps)
        return mask


def _zeros(scaled: Scaled) -> Scaled:
    """Make a row of zeros: numpy's maximum is twice as fast with it as with a scalar."""
    return np.zeros(scaled.shape[-1], scaled.dtype)
