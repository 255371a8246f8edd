"""Libraries: which one an array belongs to."""

import sys
from typing import Any, TypeVar

from array_api_compat import array_namespace

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
