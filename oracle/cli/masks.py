"""Masks of your own on the command line: a function in a file, or in a module."""

import importlib
import sys
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any


def load_mask(text: str) -> Callable[..., Any]:
    """Load a mask: ``FILE.py:FUNCTION`` or ``PACKAGE.MODULE:FUNCTION``.

    Raises
    ------
    ValueError
        If there is no such file, module or function, or the file cannot be run.
    """
    where, _, name = text.rpartition(":")
    module = _load_file(Path(where)) if where.endswith(".py") else _load_module(where)
    mask = getattr(module, name, None)
    if not callable(mask):
        there = [key for key, value in vars(module).items() if callable(value) and key[0] != "_"]
        raise ValueError(
            f"methods must name a function in {where}, got {name!r} (it has "
            f"{', '.join(there) or 'none'})"
        )
    loaded: Callable[..., Any] = mask
    return loaded


def _load_file(file: Path) -> ModuleType:
    if not file.is_file():
        raise ValueError(f"methods must name a file that is there, got {str(file)!r}")
    # By its stem, as Python names a module; other processes get its functions with their code.
    spec = spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.path.insert(0, str(file.parent.resolve()))  # it may import its neighbours
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ValueError(
            f"methods must name a file that runs, got {str(file)!r} ({error})"
        ) from error
    return module


def _load_module(name: str) -> ModuleType:
    sys.path.insert(0, "")  # as Python does for a script
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ValueError(
            f"methods must name a module that can be imported, or a file ending in .py, got "
            f"{name!r} ({error})"
        ) from error
