"""The named methods (MIX, IBM1, IRM2, ...): a track in, estimates out."""

from oracle.methods.named import (
    CEILING,
    CEILINGS,
    DEFAULT_METHODS,
    METHODS,
    BoundName,
    Method,
    MethodName,
    Separator,
    find_methods,
    masking,
)
from oracle.methods.separation import Separation, separate, separate_each

__all__ = [
    "CEILING",
    "CEILINGS",
    "DEFAULT_METHODS",
    "METHODS",
    "BoundName",
    "Method",
    "MethodName",
    "Separation",
    "Separator",
    "find_methods",
    "masking",
    "separate",
    "separate_each",
]
