"""Tracks of musdb: told by what they have, so that musdb need not be imported, and decoded."""

from collections.abc import Mapping
from inspect import getattr_static
from typing import Any, Protocol, TypeGuard

import numpy as np
import numpy.typing as npt

Signal = npt.NDArray[np.floating[Any]]

LEEWAY = 0.1  # s that a decoder may omit


class MusdbTrack(Protocol):
    """What is used of a ``musdb.MultiTrack``."""

    name: str
    subset: str | None
    rate: int

    @property
    def sources(self) -> Mapping[str, Any] | None:
        """The sources by name, each with `audio` of the mixture's shape."""

    @property
    def audio(self) -> Signal:
        """The mixture, of shape (n_samples, n_channels)."""


def is_musdb_track(track: object) -> TypeGuard[MusdbTrack]:
    """Tell whether this is a track of musdb, without decoding its audio."""
    missing = object()
    names = ("name", "subset", "rate", "sources", "audio")
    return all(getattr_static(track, name, missing) is not missing for name in names)


def decode(track: MusdbTrack) -> tuple[int, Signal, dict[str, Signal]]:
    """Decode a track of musdb: its rate in Hz, its mixture and its sources.

    Signals have shape (n_channels, n_samples). They are float32 if that holds all of them
    exactly, as it does the 16 bit that musdb decodes to.

    Raises
    ------
    ValueError
        If it has no sources, or ends early.
    """
    found = track.sources
    if not found:
        raise ValueError(f"track must have sources, got none in musdb's {track.name!r}")
    # In the order of the streams of a stem file, whatever the order in musdb's settings.
    names = sorted(found, key=lambda name: getattr(found[name], "stem_id", None) or 0)
    signals = [np.asarray(each.audio).T for each in (track, *(found[name] for name in names))]
    # musdb resamples to `sample_rate`, and leaves `rate` as it is.
    rate = getattr(track, "sample_rate", None) or track.rate
    _check_whole(track, signals[0].shape[-1] / rate)
    if all(map(_fits_float32, signals)):
        signals = [np.ascontiguousarray(signal, np.float32) for signal in signals]
    mixture, *sources = signals
    return rate, mixture, dict(zip(names, sources, strict=True))


def reads_whole_files(track: MusdbTrack) -> bool:
    """Tell whether the files of a track are all that its audio depends on."""
    parts = ("chunk_start", "chunk_duration", "sample_rate")
    each = (track, *(track.sources or {}).values())
    return not any(getattr(track, part, None) for part in parts) and not any(
        _is_in_memory(one) or getattr(one, "path", None) is None for one in each
    )


def _is_in_memory(track: object) -> bool:
    """Tell whether somebody has set its audio, so that musdb does not read it from a file."""
    return getattr(track, "_audio", None) is not None


def _fits_float32(signal: Signal) -> bool:
    return signal.dtype in (np.float32, np.float64) and bool(
        (signal.astype(np.float32) == signal).all()
    )


def _check_whole(track: MusdbTrack, seconds: float) -> None:
    """Refuse audio that ends before the chunk that was asked for, or before the file."""
    duration = getattr(track, "duration", None)
    if duration is None or _is_in_memory(track):
        return
    expected = duration - (getattr(track, "chunk_start", 0) or 0)
    chunk = getattr(track, "chunk_duration", None)
    expected = expected if chunk is None else min(expected, chunk)
    if seconds < expected - LEEWAY:
        raise ValueError(
            f"track must be whole, but musdb's {track.name!r} ends after {seconds:.1f} of "
            f"{expected:.1f} s: copy its file again"
        )
