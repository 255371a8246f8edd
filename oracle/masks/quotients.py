"""Quotients: the divisions that masks are made of, in any array library.

0 / 0 is 0: a denominator of zero is replaced by one, and its numerator is zero as well. Only
real numbers are divided: numpy would multiply a complex one by the reciprocal of its denominator,
which may overflow where the quotient does not.
"""

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial, reduce
from typing import Any

import numpy as np

from oracle.machine.libraries import is_torch


def find_magnitude(xp: Any, spectra: Any) -> Any:
    """Compute magnitudes; also of what is a magnitude already."""
    if is_torch(spectra) and spectra.is_complex():
        from oracle.masks import gradients

        return gradients.find_magnitude(spectra)
    return xp.abs(spectra)


def divide(numerator: Any, denominator: Any, *, in_place: bool = False) -> Any:
    """Divide new real numbers by positive ones, numpy in place; the result may be infinite.

    `in_place` tells that torch may do so as well, if nothing has a gradient: then the denominator
    comes from the numerator, so that `torch.vmap` maps both or neither.
    """
    if in_place and is_torch(numerator) and not numerator.requires_grad:
        return numerator.div_(denominator)
    if is_torch(numerator):
        from oracle.masks import gradients

        return gradients.divide(numerator, denominator)
    with ignoring_overflow(numerator):
        numerator /= denominator
    return numerator


def divide_by_mixture(xp: Any, sources: Any, mixture: Any, *, in_phase: bool = False) -> Any:
    """Divide complex sources by the mixture, or take the real part of that; it is finite."""
    compute = partial(compute_in_phase if in_phase else compute_quotient, xp)
    over = replace_zeros(xp, xp.abs(detach(mixture)))
    if is_torch(sources):
        from oracle.masks import gradients

        return gradients.divide_complex(compute, sources, mixture, over)
    return compute(sources, mixture, over)


def compute_quotient(xp: Any, sources: Any, mixture: Any, over: Any) -> Any:
    """Compute S / X as (S D) / abs(X), where D = X* / abs(X)."""
    parts = split_parts(xp, sources * conjugate_direction(xp, mixture, over))
    with ignoring_overflow(parts):
        parts /= pair(xp, over, over)
    return join_parts(xp, make_finite(xp, parts))


def compute_in_phase(xp: Any, sources: Any, mixture: Any, over: Any) -> Any:
    """Compute Re(S D) / abs(X), where D = X* / abs(X)."""
    in_phase = xp.real(sources * conjugate_direction(xp, mixture, over))
    with ignoring_overflow(in_phase):
        quotient = in_phase / over
    return make_finite(xp, quotient)


def conjugate_direction(xp: Any, mixture: Any, over: Any) -> Any:
    """Compute X* / abs(X), given abs(X) with zeros replaced."""
    return join_parts(xp, split_parts(xp, mixture) / pair(xp, over, -over))


def replace_zeros(xp: Any, denominator: Any) -> Any:
    """Replace zeros by ones, faster than `where` does."""
    if is_torch(denominator):
        return xp.nn.functional.threshold(denominator, 0.0, 1.0)
    return denominator + xp.astype(denominator == 0, denominator.dtype)


def make_finite(xp: Any, quotient: Any) -> Any:
    """Replace infinity by the largest finite number; in place, where a library can."""
    largest = float(xp.finfo(quotient.dtype).max)
    if isinstance(quotient, np.ndarray):
        return np.clip(quotient, -largest, largest, out=quotient)
    if is_torch(quotient):
        # As `clamp_`, which `torch.vmap` is slow at.
        return xp.nn.functional.hardtanh_(quotient, -largest, largest)
    return xp.clip(quotient, -largest, largest)


def clip_to(xp: Any, mask: Any, low: float, high: float) -> Any:
    """Clip a new mask to a range, and to the finite numbers."""
    if (low, high) == (-math.inf, math.inf):
        return mask
    largest = float(xp.finfo(mask.dtype).max)
    low, high = max(low, -largest), min(high, largest)
    if isinstance(mask, np.ndarray):
        return np.clip(mask, low, high, out=mask)
    return mask.clamp(low, high) if is_torch(mask) else xp.clip(mask, low, high)


def find_largest(xp: Any, magnitudes: Any) -> Any:
    """Find the largest source: one by one in torch, which is slow along an axis of an STFT."""
    return reduce(xp.maximum, magnitudes) if is_torch(magnitudes) else xp.max(magnitudes, axis=0)


def add_up(xp: Any, magnitudes: Any) -> Any:
    """Add the sources up."""
    return reduce(xp.add, magnitudes) if is_torch(magnitudes) else xp.sum(magnitudes, axis=0)


def raise_to(magnitudes: Any, power: float) -> Any:
    """Raise new magnitudes to a power; square them in place, unless torch needs them again."""
    if power != 2 or (is_torch(magnitudes) and magnitudes.requires_grad):
        return magnitudes**power
    magnitudes *= magnitudes
    return magnitudes


def magnify(mask: Any, factors: Any) -> Any:
    """Multiply a new mask by factors, numpy in place; the result may be infinite."""
    if is_torch(mask):
        return mask * factors
    with ignoring_overflow(mask):
        mask *= factors
    return mask


def detach(array: Any) -> Any:
    """Cut an array off from its gradient in torch."""
    return array.detach() if is_torch(array) else array


def apply_to_parts(xp: Any, function: Callable[[Any], Any], mask: Any) -> Any:
    """Apply a function of real numbers to the real and to the imaginary part."""
    if not xp.isdtype(mask.dtype, "complex floating"):
        return function(mask)
    return join_parts(xp, function(split_parts(xp, mask)))


def split_parts(xp: Any, spectrum: Any) -> Any:
    """Put real and imaginary parts on a last axis; a view, where a library has one."""
    if isinstance(spectrum, np.ndarray):
        return spectrum[..., None].view(spectrum.real.dtype)
    if is_torch(spectrum):
        return xp.view_as_real(spectrum.resolve_conj())
    return pair(xp, xp.real(spectrum), xp.imag(spectrum))


def pair(xp: Any, real: Any, imaginary: Any) -> Any:
    """Put two real arrays on a last axis."""
    if isinstance(real, np.ndarray):
        # In the order of the array in memory.
        both = np.empty_like(real, np.result_type(real, np.complex64))
        both.real, both.imag = real, imaginary
        return split_parts(xp, both)
    if is_torch(real):
        return xp.view_as_real(xp.complex(real, imaginary))  # many times faster than `stack`
    return xp.stack([real, imaginary], axis=-1)


def join_parts(xp: Any, parts: Any) -> Any:
    """Undo `split_parts`."""
    if is_torch(parts):
        return xp.view_as_complex(parts)
    dtype = xp.result_type(parts.dtype, xp.complex64)
    if isinstance(parts, np.ndarray):
        return parts.view(dtype)[..., 0]
    return xp.astype(parts[..., 0], dtype) + 1j * xp.astype(parts[..., 1], dtype)


def ignoring_overflow(array: Any) -> AbstractContextManager[object]:
    """Keep numpy from warning of quotients that overflow."""
    return np.errstate(over="ignore") if isinstance(array, np.ndarray) else nullcontext()
