"""Closed-form ideal masks, one function each.

Every function takes the STFTs of the true sources and of the mixture, and returns one mask per
source, to multiply the mixture's STFT by. Masks that need no phase take magnitudes as well, and
those that need no mixture do without. X is the mixture's STFT, S_j that of a source. Masks
are computed bin by bin, so leading axes (channels, batches) are independent.

0 / 0 is 0. Nothing is added to a denominator, and no magnitude is squared before it is divided
by another, so masks do not depend on the level of the audio. Masks are finite: a value too large
for its precision, over a nearly silent mixture, becomes the largest finite number. Only NaN and
infinity in a bin make NaN there.

The functions work on any array of the array API standard (numpy, torch, CuPy, JAX, ...),
return the same kind of array, and are differentiable where they are continuous. They look at
shapes and dtypes, never at values, so that `torch.compile`, `torch.vmap` and `jax.jit` take them.
In torch, gradients are finite too: those that would overflow, in nearly silent bins, are 0.
"""

from oracle.masks.closed_forms import (
    complex_ideal_ratio_mask,
    enhancement_ratio_mask,
    ideal_amplitude_mask,
    ideal_binary_mask,
    ideal_ratio_mask,
    optimal_binary_mask,
    phase_sensitive_mask,
    sisec_binary_mask,
    uniform_mask,
)
from oracle.masks.compression import compress, uncompress

__all__ = [
    "complex_ideal_ratio_mask",
    "compress",
    "enhancement_ratio_mask",
    "ideal_amplitude_mask",
    "ideal_binary_mask",
    "ideal_ratio_mask",
    "optimal_binary_mask",
    "phase_sensitive_mask",
    "sisec_binary_mask",
    "uncompress",
    "uniform_mask",
]
