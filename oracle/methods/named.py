"""The named methods, and the ceilings of mask classes. The file is long because it is a list."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from difflib import get_close_matches
from functools import partial
from typing import Any, Literal

import numpy as np

from oracle import masks, wiener
from oracle.machine.callables import name_function
from oracle.methods.masking import Separator
from oracle.methods.method import Method
from oracle.optimal.named import CLASSES, REAL, NamedClass
from oracle.stft import STFT
from oracle.tracks.track import Track


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
        by_default=masks.name == REAL,
    )


SISEC18 = "Stöter, Liutkus & Ito 2018 (SiSEC 2018)"

_ALL = (
    Method.from_mask(
        "MIX",
        masks.uniform_mask,
        formula="X / n_sources",
        summary="The floor: every source gets the same share of the mixture.",
        reference=SISEC18,
    ),
    Method.from_mask(
        "IBM1",
        masks.sisec_binary_mask,
        formula="|S_j| >= 0.5 |X|",
        summary="SiSEC 2018's binary mask: compares with the mixture, hence not a partition.",
        reference=SISEC18,
        power=1,
    ),
    Method.from_mask(
        "IBM2",
        masks.sisec_binary_mask,
        formula="|S_j|^2 >= 0.5 |X|^2",
        summary="The same on powers.",
        reference=SISEC18,
        power=2,
    ),
    Method.from_mask(
        "IBM",
        masks.ideal_binary_mask,
        formula="1 where j = argmax_k |S_k|, else 0",
        summary="The textbook binary mask: each bin goes to its loudest source.",
        reference="Wang 2005",
    ),
    Method.from_mask(
        "IRM1",
        masks.ideal_ratio_mask,
        formula="|S_j| / sum_k |S_k|",
        summary="The ratio mask on magnitudes.",
        reference="Liutkus & Badeau 2015",
        power=1,
    ),
    Method.from_mask(
        "IRM2",
        masks.ideal_ratio_mask,
        formula="|S_j|^2 / sum_k |S_k|^2",
        summary="The ratio mask on powers, also called Wiener-like.",
        reference="Liutkus & Badeau 2015",
        power=2,
    ),
    Method.from_mask(
        "IAM",
        masks.ideal_amplitude_mask,
        formula="|S_j| / max(|X|, |S_j|)",
        summary="The amplitude mask, clipped at 1; a track's masks may sum to more than 1.",
        reference="Wang, Narayanan & Wang 2014",
    ),
    Method.from_mask(
        "PSM",
        masks.phase_sensitive_mask,
        formula="Re(S_j X*) / |X|^2",
        summary="The best real mask bin by bin, unbounded; also called the optimal ratio mask.",
        reference="Erdogan et al. 2015; Liang et al. 2013",
    ),
    Method.from_mask(
        "TPSM",
        masks.phase_sensitive_mask,
        formula="PSM clipped to [0, 1]",
        summary="The truncated phase-sensitive mask: the best mask in [0, 1] bin by bin.",
        reference="Erdogan et al. 2015",
        clip=(0, 1),
    ),
    Method.from_mask(
        "OBM",
        masks.optimal_binary_mask,
        formula="Re(S_j X*) >= 0.5 |X|^2",
        summary="The best binary mask bin by bin.",
        reference="Vincent, Gribonval & Plumbley 2007",
    ),
    Method.from_mask(
        "CIRM",
        masks.complex_ideal_ratio_mask,
        formula="S_j / X",
        summary="The complex mask: exact up to rounding, hence not a bound.",
        reference="Williamson, Wang & Wang 2016",
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
    # Close to others of the list, hence by name only.
    *(
        replace(method, by_default=False)
        for method in (
            Method.from_mask(
                "ENH-IRM",
                masks.enhancement_ratio_mask,
                formula="sqrt(|S_j|^2 / (|S_j|^2 + |X - S_j|^2))",
                summary="The IRM of speech enhancement: the source against all else, under a root; "
                "a track's masks may sum to more than 1.",
                reference="Wang, Narayanan & Wang 2014",
            ),
            Method.from_mask(
                "MAG",
                masks.ideal_amplitude_mask,
                formula="|S_j| / |X|",
                summary="The source's magnitude with the mixture's phase: what a network of "
                "magnitudes gives if it makes no error. Other magnitudes may have a higher SDR.",
                reference="Wang, Narayanan & Wang 2014 (FFT-MASK)",
                clip=(0, math.inf),
            ),
        )
    ),
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
    "ENH-IRM",
    "MAG",
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
        by_default=masks.name == REAL,
    )


# They separate nothing, but are rows of every table and file of bounds.
CEILINGS: dict[str, Method] = {ceiling.name: ceiling for ceiling in map(_ceiling, CLASSES.values())}

# The ceiling of masks in [0, 1].
CEILING = CEILINGS["CEILING"]


# What is taken wherever a method is named: its name, itself, or a mask of your own.
AnyMethod = str | Method | Callable[[Any, Any], Any]


def find_methods(
    methods: Iterable[AnyMethod], *, known: Mapping[str, Method] = METHODS
) -> list[Method]:
    """Look methods up by name; make methods of masks of your own.

    Parameters
    ----------
    methods : iterable of str, Method or callable
        Names, methods, and masks ``(sources, mixture) -> mask``. A mask is called as its function
        is; `Method.from_mask` names it otherwise.
    known : mapping from str to Method, optional
        The methods to choose from.

    Raises
    ------
    TypeError
        If they come as one string, or one is none of these.
    ValueError
        If none is named, there is no such method, two have one name, or a mask has none.
    """
    if isinstance(methods, str):
        raise TypeError(f"methods must be several names, got the one string {methods!r}")
    if isinstance(methods, Method) or callable(methods):
        raise TypeError(f"methods must be a list, got {methods!r} alone")
    found: list[Method] = []
    for each in methods:
        method = _find_method(each, known)
        if method.name in [other.name for other in found]:
            raise ValueError(f"methods must be named once each, got {method.name!r} twice")
        found.append(method)
    if not found:
        raise ValueError("methods must name at least one method, got none")
    return found


def _find_method(method: AnyMethod, known: Mapping[str, Method]) -> Method:
    if callable(method):
        method = Method.from_mask(
            name_function("a mask", method, "oracle.methods.Method.from_mask('NAME', mask)"), method
        )
    if isinstance(method, Method):
        listed = (METHODS | CEILINGS).get(method.name)
        if listed is None:
            return method
        if method != listed:
            raise ValueError(f"a method must not have the name of another, got {method.name!r}")
        name = method.name
    elif isinstance(method, str):
        name = method
    else:
        raise TypeError(f"a method must be a name, a Method or a mask, got {method!r}")
    if name not in known:
        near = get_close_matches(name.upper(), known, n=1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        if name in CEILINGS:
            hint = " (which is a row of bounds, but separates nothing)"
        raise ValueError(f"method must be one of {', '.join(known)}, got {name!r}{hint}")
    return known[name]


def describe_methods(methods: Iterable[Method]) -> dict[str, Any]:
    """Tell what ``run.json`` says of methods: their names, and fingerprints of your own."""
    several = list(methods)
    own = {
        method.name: method.fingerprint
        for method in several
        if method.name not in METHODS and method.name not in CEILINGS
    }
    names = [method.name for method in several]
    return {"methods": names, "own_methods": own} if own else {"methods": names}
