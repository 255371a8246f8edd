"""Masking: a mask applied to a mixture, told apart by a fingerprint, sent to other processes."""

import inspect
import pickle
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from types import CodeType
from typing import Any

import numpy as np

from oracle.stft import STFT
from oracle.stft.frames import Spectrum
from oracle.tracks.track import Track

# Takes the STFTs of the sources (n_sources, n_channels, n_freqs, n) and of the mixture
# (n_channels, n_freqs, n) in n frames, and which frames these are. Returns the STFTs of the
# estimates, of the sources or of all targets.
Separator = Callable[[Spectrum, Spectrum, slice], Spectrum]


@dataclass(frozen=True)
class Masking:
    """The preparation of a mask: its separator multiplies the mixture by it.

    Parameters
    ----------
    mask : callable
        ``(sources, mixture, **parameters) -> mask``.
    parameters : mapping
        Passed to the mask.
    """

    mask: Callable[..., Any]
    parameters: Mapping[str, Any]

    def __call__(self, track: Track, stft: STFT) -> Separator:
        """Prepare nothing: a mask looks at a few frames at a time."""
        return self._separate

    def _separate(self, sources: Spectrum, mixture: Spectrum, frames: slice) -> Spectrum:
        mask = np.asarray(self.mask(sources, mixture, **self.parameters))
        if mask.shape != sources.shape:
            raise ValueError(
                "a mask must be an array of the shape of the sources (n_sources, n_channels, "
                f"n_freqs, n_frames), {sources.shape}, got {mask.shape}"
            )
        return np.asarray(mask * mixture, dtype=sources.dtype)

    @property
    def fingerprint(self) -> str:
        """A short text that changes with the source of the mask and with its parameters.

        What the mask calls is not looked at.
        """
        digest = blake2b(digest_size=8)
        for text in (*_describe(self.mask), *_describe_values(self.parameters)):
            digest.update(text.encode() + b"\0")
        return digest.hexdigest()

    def __reduce__(self) -> tuple[Any, ...]:
        state = self.mask, self.parameters
        try:
            import cloudpickle
        except ImportError:  # then what can be imported can be sent
            return Masking, state
        return _unpack, (cloudpickle.dumps(state),)


def _unpack(packed: bytes) -> Masking:
    return Masking(*pickle.loads(packed))


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


def name_callable(mask: Callable[..., Any]) -> str:
    """Tell what a mask is called that comes without a name.

    Raises
    ------
    ValueError
        If it has none.
    """
    name = getattr(mask, "__name__", "")
    if not name or name == "<lambda>":
        raise ValueError(
            f"a mask must have a name, got {mask!r}: give it one with "
            "oracle.methods.Method.from_mask('NAME', mask)"
        )
    return str(name)
