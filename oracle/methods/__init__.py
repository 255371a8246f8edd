"""The named methods (MIX, IBM1, IRM2, ...): a track in, estimates out."""

from oracle.methods.masking import Separator
from oracle.methods.method import Method
from oracle.methods.named import (
    CEILING,
    CEILINGS,
    DEFAULT_METHODS,
    METHODS,
    AnyMethod,
    BoundName,
    MethodName,
    describe_methods,
    find_methods,
)
from oracle.methods.separation import Separation, separate, separate_each

__all__ = [
    "CEILING",
    "CEILINGS",
    "DEFAULT_METHODS",
    "METHODS",
    "AnyMethod",
    "BoundName",
    "Method",
    "MethodName",
    "Separation",
    "Separator",
    "describe_methods",
    "find_methods",
    "separate",
    "separate_each",
]
