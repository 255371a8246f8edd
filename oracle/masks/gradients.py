"""Gradients: those of quotients in torch, finite where those of torch overflow.

A slope that is steeper than the largest number over `HEADROOM` is 0. There are fewer steps than in
torch's own gradients, which makes up for what the forward pass does more than a formula.

Forward-mode derivatives are in classes of their own: `torch.compile` refuses a `jvp`.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch.autograd import Function
from torch.nn.functional import threshold

# Gradients stay this factor below the largest number, leaving room for later multiplications.
HEADROOM = 2.0**10


def find_magnitude(spectra: Any) -> Any:
    """Compute the magnitude of complex numbers."""
    function = _Magnitude if torch.compiler.is_compiling() else _MagnitudeForward
    return function.apply(spectra)  # type: ignore[no-untyped-call]


def divide(numerator: Any, denominator: Any) -> Any:
    """Divide real numbers where the denominator is positive."""
    function = _Quotient if torch.compiler.is_compiling() else _QuotientForward
    return function.apply(numerator, denominator)  # type: ignore[no-untyped-call]


def divide_complex(
    compute: Callable[[Any, Any, Any], Any], sources: Any, mixture: Any, over: Any
) -> Any:
    """Compute sources over the mixture, or the real part of that.

    `over` is the magnitude of the mixture without zeros and without a gradient.
    """
    function = _ComplexQuotient if torch.compiler.is_compiling() else _ComplexQuotientForward
    return function.apply(compute, sources, mixture, over)  # type: ignore[no-untyped-call]


class _Magnitude(Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(spectra: Any) -> Any:
        return spectra.abs()

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.save_for_backward(*inputs, output)
        ctx.save_for_forward(*inputs, output)

    @staticmethod
    def backward(ctx: Any, slope: Any) -> Any:
        spectra, magnitudes = ctx.saved_tensors
        return spectra * invert(magnitudes) * slope


class _Quotient(Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(numerator: Any, denominator: Any) -> Any:
        return numerator / denominator

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.save_for_backward(inputs[1], output)
        ctx.save_for_forward(inputs[1], output)

    @staticmethod
    def backward(ctx: Any, slope: Any) -> Any:
        denominator, quotient = ctx.saved_tensors
        inverse = invert(denominator)
        numerators, denominators = ctx.needs_input_grad
        return (
            slope * inverse if numerators else None,
            drop_steep(-(slope * quotient).sum_to_size(denominator.shape) * inverse)
            if denominators
            else None,
        )


class _ComplexQuotient(Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(compute: Any, sources: Any, mixture: Any, over: Any) -> Any:
        return compute(sources, mixture, over)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        _, *arrays = inputs
        ctx.save_for_backward(*arrays)
        ctx.save_for_forward(*arrays)
        ctx.complex = output.is_complex()

    @staticmethod
    def backward(ctx: Any, slope: Any) -> Any:
        sources, mixture, over = ctx.saved_tensors
        inverse = invert_conjugate(mixture, over)
        _, of_sources, of_mixture, _ = ctx.needs_input_grad
        return (
            None,
            slope * inverse if of_sources else None,
            drop_steep(-(slope * sources.conj()).sum_to_size(mixture.shape) * inverse * inverse)
            if of_mixture
            else None,
            None,
        )


class _MagnitudeForward(_Magnitude):
    @staticmethod
    def jvp(ctx: Any, change: Any) -> Any:
        spectra, magnitudes = ctx.saved_tensors
        return (spectra * invert(magnitudes) * change.conj()).real


class _QuotientForward(_Quotient):
    @staticmethod
    def jvp(ctx: Any, numerators: Any, denominators: Any) -> Any:
        denominator, quotient = ctx.saved_tensors
        change = 0 if numerators is None else numerators
        change = change if denominators is None else change - quotient * denominators
        return change * invert(denominator)


class _ComplexQuotientForward(_ComplexQuotient):
    @staticmethod
    def jvp(ctx: Any, _compute: Any, of_sources: Any, of_mixture: Any, _over: Any) -> Any:
        sources, mixture, over = ctx.saved_tensors
        inverse = invert_conjugate(mixture, over).conj()
        change = 0 if of_sources is None else of_sources
        change = change if of_mixture is None else change - sources * inverse * of_mixture
        return change * inverse if ctx.complex else (change * inverse).real


def invert(magnitudes: Any) -> Any:
    """Compute reciprocals; 0 where they are too steep."""
    least = HEADROOM / torch.finfo(magnitudes.dtype).max
    return threshold(magnitudes, least, torch.inf).reciprocal()


def invert_conjugate(mixture: Any, over: Any) -> Any:
    """Compute 1 / X* = X / abs(X)^2; 0 where it is too steep."""
    # A gradient of gradients is also one of the magnitude.
    inverse = invert(mixture.abs() if torch.is_grad_enabled() else over)
    return mixture * inverse * inverse


def drop_steep(slopes: Any) -> Any:
    """Replace what is too steep, or overflowed, by 0."""
    steepest = torch.finfo(slopes.dtype).max / HEADROOM
    return torch.where(slopes.abs() <= steepest, slopes, 0)
