"""Functions of your own: told apart by a fingerprint, sent to other processes, named."""

import inspect
import pickle
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from hashlib import blake2b
from types import CodeType
from typing import Any

import numpy as np

from oracle.machine.libraries import is_torch

# Where a value lies in memory.
ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


def compute_fingerprint(function: Callable[..., Any], parameters: Mapping[str, Any]) -> str:
    """Make a short text that changes with what a function does, as far as its own module tells.

    That is its source and parameters; the values that it reads: defaults, closures, attributes and
    globals; and the functions and classes of its module that it uses. Those of other modules count
    by their names.
    """
    digest = blake2b(digest_size=8)
    inner: Any = function
    while isinstance(inner, partial):
        inner = inner.func
    describe = _Description(getattr(inner, "__module__", None))
    for text in (*describe.tell(function), *describe.tell(dict(parameters))):
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


class _Description:
    """Tells what values are, as text that is the same in every process: not where they lie.

    Parameters
    ----------
    home : str or None
        The module whose functions and classes are looked into.
    """

    def __init__(self, home: str | None) -> None:
        self._home = home
        self._seen: list[object] = []  # kept, or another value might get the same id

    def tell(self, value: object) -> Iterator[str]:
        """Tell what a value is and holds."""
        if isinstance(value, (str, bytes, int, float, complex, type(None))):
            yield repr(value)
            return
        if any(value is other for other in self._seen):
            yield "told before"
            return
        self._seen.append(value)
        if isinstance(value, np.ndarray):
            yield f"{value.dtype} {value.shape} {value.tobytes().hex()}"
        elif is_torch(value):
            yield from self.tell(value.detach().cpu().numpy())  # type: ignore[attr-defined]
        elif isinstance(value, Mapping):
            for name in sorted(value, key=repr):
                yield repr(name)
                yield from self.tell(value[name])
        elif isinstance(value, (list, tuple)):
            yield f"{type(value).__name__} {len(value)}"
            for each in value:
                yield from self.tell(each)
        elif isinstance(value, partial):
            yield "partial"
            yield from self.tell((value.func, value.args, value.keywords))
        elif inspect.ismethod(value):
            yield from self.tell((value.__func__, value.__self__))
        elif inspect.isroutine(value):
            yield from self._tell_function(value)
        elif inspect.isclass(value) or inspect.ismodule(value):
            yield getattr(value, "__qualname__", value.__name__)
            if getattr(value, "__module__", None) == self._home:
                yield from map(str, _find_source(value))
        else:
            yield from self._tell_object(value)

    def _tell_function(self, function: Any) -> Iterator[str]:
        yield getattr(function, "__qualname__", repr(function))
        code = getattr(function, "__code__", None)
        if code is None or getattr(function, "__module__", None) != self._home:
            yield str(getattr(function, "__module__", ""))
            return
        yield from _find_source(function) or self._tell_code(code)
        yield from self.tell((function.__defaults__, function.__kwdefaults__))
        for cell in function.__closure__ or ():
            try:
                yield from self.tell(cell.cell_contents)
            except ValueError:  # it is empty yet
                yield "empty"
        read = {name for each in _list_codes(code) for name in each.co_names}
        for name in sorted(read & function.__globals__.keys()):
            yield name
            yield from self.tell(function.__globals__[name])

    def _tell_code(self, code: CodeType) -> Iterator[str]:
        for each in _list_codes(code):
            yield each.co_code.hex()
            yield repr(each.co_names)
            yield from self.tell(tuple(c for c in each.co_consts if not isinstance(c, CodeType)))

    def _tell_object(self, value: Any) -> Iterator[str]:
        kind = type(value)
        yield kind.__qualname__
        if callable(getattr(value, "state_dict", None)):  # torch's
            yield from self.tell(dict(value.state_dict()))
        if kind.__module__ == self._home:
            yield from self.tell(kind)
            call = kind.__dict__.get("__call__")
            yield from self.tell((call, getattr(value, "__dict__", {})))
        else:
            yield ADDRESS.sub("", repr(value))


def _find_source(value: Any) -> list[str]:
    """Find the source of a function or class; none where there is no file or Python guesses it."""
    code = getattr(value, "__code__", None)
    if code is not None and code.co_filename == "<string>":
        return []
    try:
        return [inspect.getsource(value)]
    except (OSError, TypeError):
        return []


def _list_codes(code: CodeType) -> Iterator[CodeType]:
    """List the code of a function, and of the functions in it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _list_codes(constant)
