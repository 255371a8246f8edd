"""Classes of masks: what values they take, which bins share one, and what bounds them.

All that a descent and a certificate need to know of the values is how to come back to the nearest
that is allowed, and how large <q, z> can be for a given q: the support function of the class. With
|X| the magnitude of the mixture, R the largest mask, and z = |X| m or (if m is complex) X m:

    0 <= m <= R              nearest: z clipped to [0, R |X|]        <q, z> <= R |X| max(q, 0)
    m complex, |m| <= R      nearest: z shortened to R |X|           <q, z> <= R |X| |q|
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

# |X| times a mask, X times a complex one, or what is multiplied with it.
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
        The largest value of a mask, or of the magnitude of a complex one.
    complex_valued : bool, optional
        Whether masks are complex; if not, they are real and not negative.
    shared : bool, optional
        Whether all channels have one mask.
    bands : tuple of int, optional
        The first bin of each band, 0 for the first: a mask has one value for all bins of a band.
    """

    maximum: float = 1.0
    complex_valued: bool = False
    shared: bool = False
    bands: tuple[int, ...] | None = None

    def dtype_for(self, audio: npt.DTypeLike) -> np.dtype[Any]:
        """Return the dtype of masks of audio of a dtype."""
        return np.result_type(audio, np.complex64 if self.complex_valued else np.float32)

    def limit(self, magnitude: Reals) -> Reals:
        """Compute R |X|, 0 where nothing is heard."""
        if self.maximum < math.inf:
            return np.asarray(self.maximum * magnitude)
        return np.where(magnitude > 0, np.asarray(math.inf, magnitude.dtype), 0)

    def bring_near(self, scaled: Scaled, limit: Reals) -> None:
        """Bring a mask times |X| to the nearest of the class, in place.

        Parameters
        ----------
        scaled : array
            Complex if the masks are.
        limit : array, same shape
            R |X|; it may be infinite if masks are real.
        """
        if self.complex_valued:
            longest = np.maximum(np.abs(scaled), limit)
            # 0 where nothing is heard.
            scaled *= np.divide(limit, longest, out=np.zeros_like(longest), where=longest > 0)
        else:
            np.maximum(scaled, _zeros(scaled), out=scaled)
            np.minimum(scaled, limit, out=scaled)

    def reach(self, products: Scaled) -> Reals:
        """Compute how large <q, z> can be for each unit of the limit, bin by bin.

        Parameters
        ----------
        products : array
            q, complex if the masks are.
        """
        return np.asarray(
            np.abs(products) if self.complex_valued else np.maximum(products, _zeros(products))
        )

    def rounded(self, mask: Mask, dtype: npt.DTypeLike) -> Mask:
        """Bring a mask to a precision, so that rounding leaves it in the class."""
        mask = mask.astype(dtype)
        largest = np.asarray(self.maximum, mask.real.dtype)
        if float(largest) > self.maximum:
            largest = np.nextafter(largest, 0, dtype=largest.dtype)
        if not self.complex_valued:
            np.minimum(mask, largest, out=mask)
            return mask
        # A size is rounded too, and so are a quotient and a product.
        sizes, eps = np.abs(mask), np.finfo(largest.dtype).eps
        long = sizes > largest * (1 - 2 * eps)
        mask[long] *= largest / sizes[long] * (1 - 4 * eps)
        return mask


def _zeros(scaled: Scaled) -> Scaled:
    """Make a row of zeros: numpy's maximum with it takes half the time of that with a number."""
    return np.zeros(scaled.shape[-1], scaled.dtype)
