"""Functions of your own: told apart by a fingerprint, sent to other processes, named."""

import inspect
import pickle
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from hashlib import blake2b
from types import CodeType
from typing import Any

import numpy as np


def compute_fingerprint(function: Callable[..., Any], parameters: Mapping[str, Any]) -> str:
    """Make a short text that changes with the source of a function and with its parameters.

    What the function calls is not looked at.
    """
    digest = blake2b(digest_size=8)
    for text in (*_describe(function), *_describe_values(parameters)):
        digest.update(text.encode() + b"\0")
    return digest.hexdigest()


def reduce_with_code(kind: Callable[..., Any], state: tuple[Any, ...]) -> tuple[Any, ...]:
    """Tell pickle how to make ``kind(*state)``, with the code of the functions in it.

    Without cloudpickle, a function is sent by its name: the other process must import it.
    """
    try:
        import cloudpickle
    except ImportError:
        return kind, state
    return _unpack, (kind, cloudpickle.dumps(state))


def _unpack(kind: Callable[..., Any], packed: bytes) -> Any:
    return kind(*pickle.loads(packed))


def name_function(what: str, function: Callable[..., Any], instead: str) -> str:
    """Tell what a function is called.

    Parameters
    ----------
    what : str
        What it is, for the error.
    function : callable
    instead : str
        How to give it a name, for the error.

    Raises
    ------
    ValueError
        If it has no name.
    """
    name = getattr(function, "__name__", "")
    if not name or name == "<lambda>":
        raise ValueError(f"{what} must have a name, got {function!r}: give it one with {instead}")
    return str(name)


def _describe(function: Any) -> Iterator[str]:
    """Tell what a callable does, as text that is the same in every process."""
    if isinstance(function, partial):
        yield "partial"
        yield from _describe(function.func)
        yield from _describe_values(dict(enumerate(function.args)))
        yield from _describe_values(function.keywords)
    elif inspect.isroutine(function):
        code = getattr(function, "__code__", None)
        try:
            if code is None or code.co_filename == "<string>":  # where Python may find another text
                raise OSError
            yield inspect.getsource(function)
        except (OSError, TypeError):  # it has no file
            yield from _describe_code(code, function)
        cells = getattr(function, "__closure__", None) or ()
        held = [cell.cell_contents for cell in cells]
        # A function that calls itself holds itself.
        yield from _describe_values(dict(enumerate(v for v in held if v is not function)))
    elif inspect.isfunction(type(function).__call__):
        yield from _describe(type(function).__call__)
        yield from _describe_values(getattr(function, "__dict__", {}))
    else:  # written in C
        yield repr(function)


def _describe_values(values: Mapping[Any, object]) -> Iterator[str]:
    """Tell what values a callable holds: what they are, not where they lie in memory."""
    for name in sorted(values):
        value = values[name]
        yield repr(name)
        if isinstance(value, np.ndarray):
            yield f"{value.dtype} {value.shape} {value.tobytes().hex()}"
        elif callable(value):
            yield from _describe(value)
        else:
            yield repr(value)


def _describe_code(code: CodeType | None, function: object) -> Iterator[str]:
    if code is None:  # written in C
        yield repr(function)
        return
    yield code.co_code.hex()
    yield repr(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _describe_code(constant, function)
        else:
            yield repr(constant)
