"""A method: a named way to separate a mixture with the help of its true sources."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

from oracle.methods.masking import Masking, Separator
from oracle.optimal.named import NamedClass
from oracle.stft import STFT
from oracle.tracks.track import Track


@dataclass(frozen=True, kw_only=True)
class Method:
    """A named way to separate a mixture, given its true sources.

    Parameters
    ----------
    name : str
        As in `METHODS` and on the command line.
    formula : str
        The mask or filter in one line; X is the mixture's STFT, S_j a source's.
    summary : str
        What it is, in a few sentences.
    reference : str
        Where it comes from.
    prepare : callable, optional
        ``(track, stft) -> separator``; looks at the whole track if it must. The separator,
        ``(sources, mixture, frames) -> estimates``, works on the STFTs of a few frames.
    double : bool, optional
        Whether the separator needs spectra in double precision, even for float32 audio.
    masks : NamedClass, optional
        The class, for optimal masks and for ceilings, which need no `prepare`.
    by_default : bool, optional
        Whether a run that names no methods includes this one.
    """

    name: str
    formula: str
    summary: str
    reference: str
    prepare: Callable[[Track, STFT], Separator] | None = None
    double: bool = False
    masks: NamedClass | None = None
    by_default: bool = True

    @classmethod
    def from_mask(
        cls,
        name: str,
        mask: Callable[..., Any],
        *,
        formula: str = "",
        summary: str = "",
        reference: str = "",
        **parameters: Any,
    ) -> Self:
        """Make a method of a mask.

        Parameters
        ----------
        name : str
            What tables and files call it.
        mask : callable
            ``(sources, mixture, **parameters) -> mask``: from complex numpy arrays of shape
            (n_sources, n_channels, n_freqs, n_frames) and (n_channels, n_freqs, n_frames), which
            are read-only, to an array of the shape of the sources, real or complex. It sees some
            24 frames at a time, so each value may depend on its own frame alone.
        formula, summary, reference : str, optional
            As of `Method`.
        **parameters
            Passed to the mask.

        Raises
        ------
        TypeError
            If the mask is not callable.
        ValueError
            If the name is empty.

        Examples
        --------
        >>> import numpy as np
        >>> import oracle
        >>> def soft_mask(sources, mixture, *, power):
        ...     magnitudes = np.abs(sources) ** power
        ...     return magnitudes / np.maximum(magnitudes.sum(axis=0), 1e-30)
        >>> soft = oracle.methods.Method.from_mask("SOFT", soft_mask, power=1.5)
        >>> track = oracle.datasets.waltz().beginning(2)
        >>> results = oracle.compute_bounds(track, methods=["IRM1", soft], metrics=["uSDR"])
        >>> results.table["method"].unique().tolist()
        ['IRM1', 'SOFT']
        """
        if not callable(mask):
            raise TypeError(f"mask must be callable, (sources, mixture) -> mask, got {mask!r}")
        if not isinstance(name, str) or not name.strip():
            raise ValueError(f"name must be what tables call the method, got {name!r}")
        return cls(
            name=name,
            formula=formula,
            summary=summary,
            reference=reference,
            prepare=Masking(mask, parameters),
        )

    @property
    def fingerprint(self) -> str:
        """A short text that changes if the mask or its parameters do; "" without a mask."""
        return self.prepare.fingerprint if isinstance(self.prepare, Masking) else ""
