"""The named methods (MIX, IBM1, IRM2, ...): a track in, estimates out."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import groupby
from typing import Any

import numpy as np

from oracle import masks, wiener
from oracle.stft import STFT, Spectrum
from oracle.track import Audio, Track, with_accompaniment

# The level, -15.6 dBFS RMS, at which the regularization of MWF is SiSEC 2018's: that of the track
# whose published scores it is held against.
SISEC18_RMS = 10 ** (-15.6 / 20)

# Frames masked at a time.
BATCH_FRAMES = 64

# From the STFTs of the sources (n_sources, n_channels, n_freqs, n_frames) and of the mixture
# (n_channels, n_freqs, n_frames) to those of the estimates, shaped like the sources, of a dtype.
Separator = Callable[[Spectrum, Spectrum, STFT, np.dtype[Any]], Spectrum]


@dataclass(frozen=True, kw_only=True)
class Method:
    """A named way to separate a mixture with the help of its true sources.

    Parameters
    ----------
    name : str
        As in `METHODS` and on the command line.
    formula : str
        The mask or filter in one line; X is the mixture's STFT, S_j a source's.
    summary : str
        What it is, in a sentence or two.
    reference : str
        Where it comes from.
    separator : callable
        ``(sources, mixture, stft, dtype) -> estimates``, all STFTs.
    double : bool, optional
        Whether it needs spectra in double precision, also of float32 audio.
    """

    name: str
    formula: str
    summary: str
    reference: str
    separator: Separator
    double: bool = False


def masking(mask: Callable[..., Any], **parameters: Any) -> Separator:
    """Make a separator of a mask: the mask times the mixture."""

    def separate_spectra(
        sources: Spectrum, mixture: Spectrum, stft: STFT, dtype: np.dtype[Any]
    ) -> Spectrum:
        estimates = np.empty_like(sources, dtype=dtype)
        # A few frames at a time: what masks compute on the way stays in the cache.
        for start in range(0, mixture.shape[-1], BATCH_FRAMES):
            batch = (..., slice(start, start + BATCH_FRAMES))
            masks_of_batch = mask(sources[batch], mixture[batch], **parameters)
            np.multiply(masks_of_batch, mixture[batch], out=estimates[batch])
        return estimates

    return separate_spectra


def _mwf(sources: Spectrum, mixture: Spectrum, stft: STFT, dtype: np.dtype[Any]) -> Spectrum:
    # SiSEC's epsilon, moved with the level of the mixture, or quiet music would be lost.
    energy = np.mean(mixture.real**2 + mixture.imag**2) / np.sum(stft.window_samples**2)
    epsilon = wiener.sisec18_regularization(len(mixture), _window_sum(stft))
    return wiener.multichannel_wiener_filter(
        sources, mixture, regularization=epsilon * energy / SISEC18_RMS**2, dtype=dtype
    )


def _mwf_sisec18(
    sources: Spectrum, mixture: Spectrum, stft: STFT, dtype: np.dtype[Any]
) -> Spectrum:
    window_sum = _window_sum(stft)
    return wiener.sisec18_wiener_filter(sources, mixture, window_sum=window_sum, dtype=dtype)


def _window_sum(stft: STFT) -> float:
    return float(stft.window_samples.sum())


SISEC18 = "Stöter, Liutkus & Ito 2018 (SiSEC 2018)"

_ALL = (
    Method(
        name="MIX",
        formula="X / n_sources",
        summary="The floor: every source gets the same share of the mixture.",
        reference=SISEC18,
        separator=masking(masks.uniform_mask),
    ),
    Method(
        name="IBM1",
        formula="|S_j| >= 0.5 |X|",
        summary="SiSEC 2018's binary mask: against the mixture, hence not a partition.",
        reference=SISEC18,
        separator=masking(masks.sisec_binary_mask, power=1),
    ),
    Method(
        name="IBM2",
        formula="|S_j|^2 >= 0.5 |X|^2",
        summary="The same on powers.",
        reference=SISEC18,
        separator=masking(masks.sisec_binary_mask, power=2),
    ),
    Method(
        name="IBM",
        formula="1 where j = argmax_k |S_k|, else 0",
        summary="The textbook binary mask: each bin goes to its loudest source.",
        reference="Wang 2005",
        separator=masking(masks.ideal_binary_mask),
    ),
    Method(
        name="IRM1",
        formula="|S_j| / sum_k |S_k|",
        summary="The ratio mask on magnitudes.",
        reference="Liutkus & Badeau 2015",
        separator=masking(masks.ideal_ratio_mask, power=1),
    ),
    Method(
        name="IRM2",
        formula="|S_j|^2 / sum_k |S_k|^2",
        summary="The ratio mask on powers, also called Wiener-like.",
        reference="Liutkus & Badeau 2015",
        separator=masking(masks.ideal_ratio_mask, power=2),
    ),
    Method(
        name="IAM",
        formula="|S_j| / max(|X|, |S_j|)",
        summary="The amplitude mask, clipped at 1; a track's masks may sum to more than 1.",
        reference="Wang, Narayanan & Wang 2014",
        separator=masking(masks.ideal_amplitude_mask),
    ),
    Method(
        name="PSM",
        formula="Re(S_j X*) / |X|^2",
        summary="The best real mask bin by bin, unbounded; also called optimal ratio mask.",
        reference="Erdogan et al. 2015; Liang et al. 2013",
        separator=masking(masks.phase_sensitive_mask),
    ),
    Method(
        name="TPSM",
        formula="PSM clipped to [0, 1]",
        summary="The truncated phase-sensitive mask: the best mask in [0, 1] bin by bin.",
        reference="Erdogan et al. 2015",
        separator=masking(masks.phase_sensitive_mask, clip=(0, 1)),
    ),
    Method(
        name="OBM",
        formula="Re(S_j X*) >= 0.5 |X|^2",
        summary="The best binary mask bin by bin.",
        reference="Vincent, Gribonval & Plumbley 2007",
        separator=masking(masks.optimal_binary_mask),
    ),
    Method(
        name="CIRM",
        formula="S_j / X",
        summary="The complex mask: exact up to rounding, hence no bound.",
        reference="Williamson, Wang & Wang 2016",
        separator=masking(masks.complex_ideal_ratio_mask),
    ),
    Method(
        name="MWF",
        formula="p_j R_j (sum_k p_k R_k)^-1 X, all channels jointly",
        summary="Multichannel Wiener filter: local Gaussian model, spatial covariances constant "
        "in time; regularized as in SiSEC 2018, relative to the level of the mixture.",
        reference=f"Duong, Vincent & Gribonval 2010; {SISEC18}",
        separator=_mwf,
        # Of a nearly mono source, float32 rounding would drown what differs between channels.
        double=True,
    ),
    Method(
        name="MWF-SISEC18",
        formula="MWF with the trace of R_j taken over the wrong axes",
        summary="Only to match the row that SiSEC 2018 published.",
        reference=SISEC18,
        separator=_mwf_sisec18,
        double=True,
    ),
)

METHODS: dict[str, Method] = {method.name: method for method in _ALL}


def separate(track: Track, method: str, *, stft: STFT | None = None) -> dict[str, Audio]:
    """Separate the mixture of a track with a named method.

    Parameters
    ----------
    track : Track
        The mixture and its true sources.
    method : str
        A name in `oracle.methods.METHODS`.
    stft : STFT, optional
        The default is ``STFT()``: periodic Hann, 2048 samples, hop 1024.

    Returns
    -------
    estimates : dict from str to array of shape (n_channels, n_samples)
        By source name, in the track's dtype; then ``accompaniment``, the sum of the
        estimates of all sources but the vocals, where the track has vocals.

    Raises
    ------
    ValueError
        If there is no such method.

    Examples
    --------
    >>> import oracle
    >>> estimates = oracle.separate(oracle.datasets.waltz(), "IRM2")
    >>> list(estimates)
    ['drums', 'bass', 'other', 'vocals', 'accompaniment']
    """
    ((_, estimates),) = separate_each(track, [method], stft=stft)
    return estimates


def separate_each(
    track: Track, methods: Iterable[str], *, stft: STFT | None = None
) -> Iterator[tuple[str, dict[str, Audio]]]:
    """Separate the mixture of a track with several methods, one after the other.

    The track is transformed once for all methods; the estimates of a method can be
    dropped before those of the next are made.

    Parameters
    ----------
    track, stft
        As in `separate`.
    methods : iterable of str
        Names in `oracle.methods.METHODS`.

    Yields
    ------
    name : str
        Name of the method.
    estimates : dict
        As `separate` returns them.

    Raises
    ------
    ValueError
        If there is no such method.
    """
    stft = STFT() if stft is None else stft
    for double, group in groupby(methods_named(methods), key=lambda method: method.double):
        dtype = np.dtype(np.float64) if double else track.mixture.dtype
        yield from _separate_each(track, group, stft, dtype)


def _separate_each(
    track: Track, methods: Iterable[Method], stft: STFT, dtype: np.dtype[Any]
) -> Iterator[tuple[str, dict[str, Audio]]]:
    """Separate with methods that share spectra of one precision, freed when it returns."""
    sources = stft.forward(np.stack(list(track.sources.values()), dtype=dtype))
    mixture = stft.forward(track.mixture.astype(dtype, copy=False))
    # Only the analysis may need more precision than the track has.
    precision = np.result_type(track.mixture.dtype, np.complex64)
    for method in methods:
        spectra = method.separator(sources, mixture, stft, precision)
        audio = stft.inverse(spectra, n_samples=track.n_samples)
        del spectra
        estimates = with_accompaniment(dict(zip(track.sources, audio, strict=True)))
        del audio
        yield method.name, estimates
        del estimates  # before the next are made


def methods_named(methods: Iterable[str]) -> list[Method]:
    """Look methods up by name.

    Raises
    ------
    TypeError
        If they come as one string.
    ValueError
        If none is named, there is no such method, or one is named twice.
    """
    if isinstance(methods, str):
        raise TypeError(f"methods must be several names, got the one string {methods!r}")
    found: list[Method] = []
    for name in methods:
        if name not in METHODS:
            near = get_close_matches(str(name).upper(), METHODS, n=1)
            hint = f" (did you mean {near[0]}?)" if near else ""
            raise ValueError(f"method must be one of {', '.join(METHODS)}, got {name!r}{hint}")
        if METHODS[name] in found:
            raise ValueError(f"methods must be named once each, got {name!r} twice")
        found.append(METHODS[name])
    if not found:
        raise ValueError("methods must name at least one method, got none")
    return found
