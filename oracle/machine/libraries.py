"""Libraries: which one an array belongs to, and whether a function takes it."""

import sys
from typing import Any, TypeVar

import numpy as np
from array_api_compat import array_namespace, device

# An array of the array API standard, which defines no type for it; outputs have the input's type.
Array = TypeVar("Array", bound=Any)


def is_torch(array: object) -> bool:
    """Tell whether an array is a torch tensor."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(array, torch.Tensor)


def find_library(*arrays: Any) -> Any:
    """Return the functions of the one library of some arrays; a TypeError if there are several."""
    if all(map(is_torch, arrays)):
        # `array_namespace` makes `torch.compile` warn.
        import array_api_compat.torch

        return array_api_compat.torch
    return array_namespace(*arrays)


def find_device(array: Any) -> Any:
    """Find the device of an array."""
    return array.device if is_torch(array) else device(array)  # `device` warns as well


def check_numpy(argument: str, array: object) -> None:
    """Check that what is given as numbers is no array of another library than numpy."""
    if is_torch(array) or (
        hasattr(array, "__array_namespace__") and not isinstance(array, (np.ndarray, np.generic))
    ):
        raise TypeError(
            f"{argument} must be a numpy array, got {type(array).__name__}: convert it to one "
            "(a torch tensor by .detach().cpu().numpy())"
        )
