"""Masks and metrics of your own on the command line: a function in a file, or in a module."""

import importlib
import sys
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

Named = TypeVar("Named")


def names_function(text: str) -> bool:
    """Tell whether this is the name of a function in a file or module, or of a file alone."""
    return ":" in text or text.endswith(".py")


def load_function(
    argument: str, text: str, kind: type[Named], make: Callable[[str, Callable[..., Any]], Named]
) -> Named:
    """Load a `Method` or `Metric`, or make one of a function.

    Parameters
    ----------
    argument : str
        What is named, for errors: "methods" or "metrics".
    text : str
        ``FILE.py:NAME`` or ``PACKAGE.MODULE:NAME``.
    kind : type
        What may be there in place of a function.
    make : callable
        ``(name, function) -> one of that kind``.

    Raises
    ------
    ValueError
        If there is no such file, module or function, or the file cannot be run.
    """
    where, _, name = text.rpartition(":")
    if not where or not name:
        file = text.strip(":") or "FILE.py"
        raise ValueError(
            f"{argument} must name a function in a file, {file}:FUNCTION, got {text!r}"
        )
    is_file = where.endswith(".py")
    module = _load_file(argument, Path(where)) if is_file else _load_module(argument, where)
    found = getattr(module, name, None)
    if not callable(found) and not isinstance(found, kind):
        there = [
            key
            for key, value in vars(module).items()
            if (callable(value) or isinstance(value, kind)) and key[0] != "_"
        ]
        raise ValueError(
            f"{argument} must name a function in {where}, got {name!r} (it has "
            f"{', '.join(there) or 'none'})"
        )
    return found if isinstance(found, kind) else make(name, found)


def _load_file(argument: str, file: Path) -> ModuleType:
    if not file.is_file():
        raise ValueError(f"{argument} must name a file that is there, got {str(file)!r}")
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
            f"{argument} must name a file that runs, got {str(file)!r} ({error})"
        ) from error
    return module


def _load_module(argument: str, name: str) -> ModuleType:
    sys.path.insert(0, "")  # as Python does for a script
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ValueError(
            f"{argument} must name a module that can be imported, or a file ending in .py, got "
            f"{name!r} ({error})"
        ) from error
