"""Masking: a mask applied to a mixture."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from oracle.machine.callables import compute_fingerprint, reduce_with_code
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
        given = sources.view(), mixture.view()
        for each in given:
            each.flags.writeable = False  # other methods get the same arrays
        try:
            mask = np.asarray(self.mask(*given, **self.parameters))
        except Exception as error:
            raise ValueError(f"the mask failed: {type(error).__name__}: {error}") from error
        if mask.shape != sources.shape:
            raise ValueError(
                "a mask must be an array of the shape of the sources (n_sources, n_channels, "
                f"n_freqs, n_frames), {sources.shape}, got {mask.shape}"
            )
        return np.asarray(mask * mixture, dtype=sources.dtype)

    @property
    def fingerprint(self) -> str:
        """A short text that changes with the source of the mask and with its parameters."""
        return compute_fingerprint(self.mask, self.parameters)

    def __reduce__(self) -> tuple[Any, ...]:
        return reduce_with_code(Masking, (self.mask, self.parameters))
