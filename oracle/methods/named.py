"""The named methods, and the ceilings of mask classes. The file is long because it is a list."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from typing import Any, Literal

import numpy as np

from oracle import masks, wiener
from oracle.optimal.named import CLASSES, REAL, NamedClass
from oracle.stft import STFT
from oracle.stft.frames import Spectrum
from oracle.tracks.track import Track

# Takes the STFTs of the sources (n_sources, n_channels, n_freqs, n) and of the mixture
# (n_channels, n_freqs, n) in n frames, and which frames these are. Returns the STFTs of the
# estimates, of the sources or of all targets.
Separator = Callable[[Spectrum, Spectrum, slice], Spectrum]


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
    """

    name: str
    formula: str
    summary: str
    reference: str
    prepare: Callable[[Track, STFT], Separator] | None = None
    double: bool = False
    masks: NamedClass | None = None

    @property
    def by_default(self) -> bool:
        """Whether a run that names no methods includes this one."""
        return self.masks is None or self.masks.name == REAL


def masking(mask: Callable[..., Any], **parameters: Any) -> Callable[[Track, STFT], Separator]:
    """Make the `prepare` of a mask: its separator multiplies the mixture by the mask."""

    def prepare(track: Track, stft: STFT) -> Separator:
        return lambda sources, mixture, frames: mask(sources, mixture, **parameters) * mixture

    return prepare


def _mwf(track: Track, stft: STFT) -> Separator:
    return _wiener_filter(wiener.SpatialModel.of(_covariances(track, stft)), track)


def _mwf_sisec18(track: Track, stft: STFT) -> Separator:
    window_sum = float(stft.window_samples.sum())
    covariances = _covariances(track, stft, floor=wiener.sisec18_floor(window_sum))
    regularization = wiener.sisec18_regularization(track.n_channels, window_sum)
    return _wiener_filter(wiener.SpatialModel.of_sisec18(covariances), track, regularization)


def _covariances(track: Track, stft: STFT, *, floor: float = 0.0) -> Any:
    (sums,) = stft.sum_over_frames(
        lambda spectra: [wiener.covariance_sums(spectra, floor=floor)],
        list(track.sources.values()),
        dtype=np.float64,
    )
    return sums


def _wiener_filter(
    model: wiener.SpatialModel, track: Track, regularization: float = 0.0
) -> Separator:
    # Only the analysis needs more precision than that of the track.
    dtype = np.result_type(track.mixture.dtype, np.complex64)
    filtered = partial(model.filter, regularization=regularization, dtype=dtype)
    return lambda sources, mixture, frames: filtered(sources, mixture)


def _optimal(masks: NamedClass) -> Method:
    """Make the method that separates with the best masks of a class."""
    kind = "binary mask that no flip of a single bin improves" if masks.binary else "best mask"
    return Method(
        name=masks.method,
        formula=f"argmin_m |s - inverse(m X)|^2, {masks.formula}",
        summary=f"The {kind}, one for the whole track: it has the highest SDR "
        f"{'found ' if masks.binary else ''}through the actual inverse STFT. The accompaniment has "
        f"its own mask. For {masks.systems}.",
        reference="oracle.optimal; bin by bin: Vincent, Gribonval & Plumbley 2007",
        masks=masks,
    )


SISEC18 = "Stöter, Liutkus & Ito 2018 (SiSEC 2018)"

_ALL = (
    Method(
        name="MIX",
        formula="X / n_sources",
        summary="The floor: every source gets the same share of the mixture.",
        reference=SISEC18,
        prepare=masking(masks.uniform_mask),
    ),
    Method(
        name="IBM1",
        formula="|S_j| >= 0.5 |X|",
        summary="SiSEC 2018's binary mask: compares with the mixture, hence not a partition.",
        reference=SISEC18,
        prepare=masking(masks.sisec_binary_mask, power=1),
    ),
    Method(
        name="IBM2",
        formula="|S_j|^2 >= 0.5 |X|^2",
        summary="The same on powers.",
        reference=SISEC18,
        prepare=masking(masks.sisec_binary_mask, power=2),
    ),
    Method(
        name="IBM",
        formula="1 where j = argmax_k |S_k|, else 0",
        summary="The textbook binary mask: each bin goes to its loudest source.",
        reference="Wang 2005",
        prepare=masking(masks.ideal_binary_mask),
    ),
    Method(
        name="IRM1",
        formula="|S_j| / sum_k |S_k|",
        summary="The ratio mask on magnitudes.",
        reference="Liutkus & Badeau 2015",
        prepare=masking(masks.ideal_ratio_mask, power=1),
    ),
    Method(
        name="IRM2",
        formula="|S_j|^2 / sum_k |S_k|^2",
        summary="The ratio mask on powers, also called Wiener-like.",
        reference="Liutkus & Badeau 2015",
        prepare=masking(masks.ideal_ratio_mask, power=2),
    ),
    Method(
        name="IAM",
        formula="|S_j| / max(|X|, |S_j|)",
        summary="The amplitude mask, clipped at 1; a track's masks may sum to more than 1.",
        reference="Wang, Narayanan & Wang 2014",
        prepare=masking(masks.ideal_amplitude_mask),
    ),
    Method(
        name="PSM",
        formula="Re(S_j X*) / |X|^2",
        summary="The best real mask bin by bin, unbounded; also called the optimal ratio mask.",
        reference="Erdogan et al. 2015; Liang et al. 2013",
        prepare=masking(masks.phase_sensitive_mask),
    ),
    Method(
        name="TPSM",
        formula="PSM clipped to [0, 1]",
        summary="The truncated phase-sensitive mask: the best mask in [0, 1] bin by bin.",
        reference="Erdogan et al. 2015",
        prepare=masking(masks.phase_sensitive_mask, clip=(0, 1)),
    ),
    Method(
        name="OBM",
        formula="Re(S_j X*) >= 0.5 |X|^2",
        summary="The best binary mask bin by bin.",
        reference="Vincent, Gribonval & Plumbley 2007",
        prepare=masking(masks.optimal_binary_mask),
    ),
    Method(
        name="CIRM",
        formula="S_j / X",
        summary="The complex mask: exact up to rounding, hence not a bound.",
        reference="Williamson, Wang & Wang 2016",
        prepare=masking(masks.complex_ideal_ratio_mask),
    ),
    Method(
        name="MWF",
        formula="p_j R_j (sum_k p_k R_k)^-1 X, all channels jointly",
        summary="Multichannel Wiener filter: local Gaussian model, spatial covariances constant "
        "in time, no regularization.",
        reference="Duong, Vincent & Gribonval 2010",
        prepare=_mwf,
        # For a nearly mono source, float32 rounding would swamp the differences between channels.
        double=True,
    ),
    Method(
        name="MWF-SISEC18",
        formula="MWF with the trace of R_j taken over the wrong axes",
        summary="Only to match the row that SiSEC 2018 published, including its epsilon, which "
        "makes the result depend on the level of the audio.",
        reference=SISEC18,
        prepare=_mwf_sisec18,
        double=True,
    ),
    *map(_optimal, CLASSES.values()),
)

# The names of `METHODS`, so that editors can complete them.
MethodName = Literal[
    "MIX",
    "IBM1",
    "IBM2",
    "IBM",
    "IRM1",
    "IRM2",
    "IAM",
    "PSM",
    "TPSM",
    "OBM",
    "CIRM",
    "MWF",
    "MWF-SISEC18",
    "OPT",
    "OPT-RELU2",
    "OPT-COMPLEX",
    "OPT-SHARED",
    "OPT-BINARY",
    "OPT-MEL64",
    "OPT-BARK",
    "OPT-BANDSPLIT",
]

# The names of all rows in tables of bounds.
BoundName = (
    MethodName
    | Literal[
        "CEILING",
        "CEILING-RELU2",
        "CEILING-COMPLEX",
        "CEILING-SHARED",
        "CEILING-BINARY",
        "CEILING-MEL64",
        "CEILING-BARK",
        "CEILING-BANDSPLIT",
    ]
)

METHODS: dict[str, Method] = {method.name: method for method in _ALL}

DEFAULT_METHODS = tuple(name for name, method in METHODS.items() if method.by_default)


def _ceiling(masks: NamedClass) -> Method:
    bracket = " The best binary mask lies between the two." if masks.binary else ""
    return Method(
        name=masks.ceiling,
        formula=f"no m has a higher SDR, {masks.formula}",
        summary="The certificate. For uSDR, it holds for the whole track; for SDR, for each window "
        "separately, so its median is a ceiling of medians over the same windows. It does not "
        f"bound masks of other classes, nor sums of masks that leave the class.{bracket}",
        reference="oracle.optimal",
        masks=masks,
    )


# They separate nothing, but are rows of every table and file of bounds.
CEILINGS: dict[str, Method] = {ceiling.name: ceiling for ceiling in map(_ceiling, CLASSES.values())}

# The ceiling of masks in [0, 1].
CEILING = CEILINGS["CEILING"]


def find_methods(methods: Iterable[str], *, known: Mapping[str, Method] = METHODS) -> list[Method]:
    """Look up methods by name.

    Parameters
    ----------
    methods : iterable of str
        The names.
    known : mapping from str to Method, optional
        The methods to choose from.

    Raises
    ------
    TypeError
        If `methods` is a single string.
    ValueError
        If `methods` is empty, or a name is unknown or given twice.
    """
    if isinstance(methods, str):
        raise TypeError(f"methods must be several names, got the one string {methods!r}")
    found: list[Method] = []
    for name in methods:
        if name not in known:
            near = get_close_matches(str(name).upper(), known, n=1)
            hint = f" (did you mean {near[0]}?)" if near else ""
            if name in CEILINGS:
                hint = " (which is a row of bounds, but separates nothing)"
            raise ValueError(f"method must be one of {', '.join(known)}, got {name!r}{hint}")
        if known[name] in found:
            raise ValueError(f"methods must be named once each, got {name!r} twice")
        found.append(known[name])
    if not found:
        raise ValueError("methods must name at least one method, got none")
    return found
