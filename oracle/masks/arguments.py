"""Arguments: check those of masks, and bring their arrays into order."""

import math
from typing import Any

from oracle.machine.libraries import Array, find_library


def arrange(
    sources: Array, mixture: Array | None, axis: int, *, phase: bool
) -> tuple[Any, Array, Any]:
    """Check the arrays of a mask; return their library, and the sources along the first axis."""
    arrays = [sources] if mixture is None else [sources, mixture]
    try:
        xp = find_library(*arrays)
    except TypeError as error:
        kinds = [type(array).__name__ for array in arrays]
        raise TypeError(
            f"sources and mixture must be arrays of one library, got {' and '.join(kinds)}"
        ) from error
    if phase and not xp.isdtype(sources.dtype, "complex floating"):
        raise TypeError(f"sources must be complex STFTs for this mask, got {sources.dtype}")
    if not xp.isdtype(sources.dtype, ("real floating", "complex floating")):
        raise TypeError(f"sources must be STFTs or their magnitudes, got {sources.dtype}")
    if mixture is not None and mixture.dtype != sources.dtype:
        raise TypeError(
            f"mixture must have the dtype of sources, {sources.dtype}, got {mixture.dtype}"
        )
    shape = tuple(sources.shape)
    if not -len(shape) <= axis < len(shape):
        raise ValueError(f"axis must be one of sources, of shape {shape}, got {axis}")
    if len(shape) < 3 or shape[axis] == 0:
        raise ValueError(
            f"sources must have shape (n_sources, ..., n_freqs, n_frames), got {shape}"
        )
    of_one = _without(shape, axis)
    if mixture is not None and tuple(mixture.shape) != of_one:
        fitting = [
            other for other in range(len(shape)) if _without(shape, other) == tuple(mixture.shape)
        ]
        raise ValueError(
            f"mixture must have the shape of one source, {of_one}, got {tuple(mixture.shape)}"
            + (f" (axis={fitting[0]} would fit)" if fitting else "")
        )
    return xp, _move(xp, sources, axis, 0), mixture


def _without(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    axis %= len(shape)
    return shape[:axis] + shape[axis + 1 :]


def restore(xp: Any, mask: Array, axis: int) -> Array:
    """Move the sources back to their axis."""
    return _move(xp, mask, 0, axis)


def _move(xp: Any, array: Array, start: int, stop: int) -> Array:
    """Move an axis: `moveaxis`, which `torch.vmap` has not."""
    axes = list(range(len(array.shape)))
    axes.insert(stop % len(axes), axes.pop(start))
    return xp.permute_dims(array, tuple(axes)) if axes != sorted(axes) else array


def check_positive(argument: str, value: float) -> float:
    """Check a parameter, and make it a Python float: a numpy scalar would widen the arrays."""
    if not 0 < value < math.inf:
        raise ValueError(f"{argument} must be positive and finite, got {value}")
    return float(value)


def check_range(clip: tuple[float, float]) -> tuple[float, float]:
    """Check a range, and make its ends Python floats."""
    low, high = clip
    if not low <= high:
        raise ValueError(f"clip must be a range (low, high) with low <= high, got {clip}")
    return float(low), float(high)
