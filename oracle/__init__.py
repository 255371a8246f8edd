"""Ideal masks for source separation: upper bounds, exact and fast."""

import lazy_loader

__version__ = "0.1.0"

# What there is lies in __init__.pyi, and is imported when it is first asked for.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
