"""The named methods (MIX, IBM1, IRM2, ...): a track in, estimates out."""

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from typing import Any, Literal

import numpy as np

from oracle import masks, wiener
from oracle.frames import Spectrum, split
from oracle.machine.threads import in_threads
from oracle.optimal.named import CLASSES, REAL, NamedClass
from oracle.optimal.of_track import OptimalMasks
from oracle.stft import STFT
from oracle.tracks.rest import InputWarning, complete, what_becomes
from oracle.tracks.track import Audio, Rest, Track, target_names, with_accompaniment

# Samples of a piece, which a thread separates at a time.
PIECE_SAMPLES = 2**18

# From the STFTs of the sources (n_sources, n_channels, n_freqs, n) and of the mixture
# (n_channels, n_freqs, n) in n frames, and which frames these are, to the STFTs of the estimates:
# of the sources, or of all targets.
Separator = Callable[[Spectrum, Spectrum, slice], Spectrum]


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
        What it is, in a few sentences.
    reference : str
        Where it comes from.
    prepare : callable, optional
        ``(track, stft) -> separator``; looks at the whole track if it must. The separator,
        ``(sources, mixture, frames) -> estimates``, works on the STFTs of a few frames.
    double : bool, optional
        Whether the separator needs spectra in double precision, also of float32 audio.
    masks : NamedClass, optional
        The class of masks whose best these are, or whose ceiling this is: they need no `prepare`.
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
        """Whether it is among the methods of a run that names none."""
        return self.masks is None or self.masks.name == REAL


def masking(mask: Callable[..., Any], **parameters: Any) -> Callable[[Track, STFT], Separator]:
    """Make the preparation of a mask: its separator multiplies the mixture by it."""

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
    # Only the analysis may need more precision than the track has.
    dtype = np.result_type(track.mixture.dtype, np.complex64)
    filtered = partial(model.filter, regularization=regularization, dtype=dtype)
    return lambda sources, mixture, frames: filtered(sources, mixture)


def _optimal(masks: NamedClass) -> Method:
    """Make the method of the best masks of a class."""
    kind = "binary mask that no change of a bin improves" if masks.binary else "best mask"
    return Method(
        name=masks.method,
        formula=f"argmin_m |s - inverse(m X)|^2, {masks.formula}",
        summary=f"The {kind}, one for the whole track: its SDR through the actual inverse STFT is "
        f"the highest{' that was found' if masks.binary else ''}. The accompaniment has a mask of "
        f"its own. For {masks.systems}.",
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
        summary="SiSEC 2018's binary mask: against the mixture, hence not a partition.",
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
        summary="The best real mask bin by bin, unbounded; also called optimal ratio mask.",
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
        summary="The complex mask: exact up to rounding, hence no bound.",
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
        # Of a nearly mono source, float32 rounding would drown what differs between channels.
        double=True,
    ),
    Method(
        name="MWF-SISEC18",
        formula="MWF with the trace of R_j taken over the wrong axes",
        summary="Only to match the row that SiSEC 2018 published: with its epsilon, which makes it "
        "depend on the level of the audio.",
        reference=SISEC18,
        prepare=_mwf_sisec18,
        double=True,
    ),
    *map(_optimal, CLASSES.values()),
)

# Of all that separate, for editors to complete.
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

# Of all rows of tables of bounds.
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
        summary="The certificate: of uSDR, for the whole track; of SDR, for each window on its "
        "own, so that its median is a ceiling of medians over the same windows. It does not bound "
        f"masks of other classes, nor sums of masks that are none.{bracket}",
        reference="oracle.optimal",
        masks=masks,
    )


# No separations, but rows of every table and file of bounds.
CEILINGS: dict[str, Method] = {ceiling.name: ceiling for ceiling in map(_ceiling, CLASSES.values())}

# That of masks in [0, 1].
CEILING = CEILINGS["CEILING"]


def separate(
    track: Track, method: MethodName | str, *, stft: STFT | None = None, rest: Rest | None = None
) -> dict[str, Audio]:
    """Separate the mixture of a track with a named method.

    Parameters
    ----------
    track : Track
        The mixture and its true sources.
    method : str
        A name in `oracle.methods.METHODS`.
    stft : STFT, optional
        The default is ``STFT()``: periodic Hann, 2048 samples, hop 1024.
    rest : {"source", "ignore", "refuse"}, optional
        What becomes of sound in the mixture that is in none of its sources, where it is
        louder than -25 dB: see `oracle.tracks.rest.complete`.

    Returns
    -------
    estimates : dict from str to array of shape (n_channels, n_samples)
        By source name, in the track's dtype; then ``accompaniment``, where the track has
        vocals: the sum of the estimates of all other sources, but OPT has a mask for it.

    Raises
    ------
    ValueError
        If there is no such method, or the mixture is refused.

    Warns
    -----
    oracle.tracks.rest.InputWarning
        If there is such sound, and it is one more source.

    Examples
    --------
    >>> import oracle
    >>> estimates = oracle.separate(oracle.datasets.waltz(), "IRM2")
    >>> list(estimates)
    ['drums', 'bass', 'other', 'vocals', 'accompaniment']
    """
    completed = complete(track, rest)
    if completed.added is not None:
        warnings.warn(
            f"The mixture of {track.name} holds more than its sources. "
            f"{what_becomes(completed.added)}",
            InputWarning,
            stacklevel=2,
        )
    ((_, estimates),) = separate_each(completed.track, [method], stft=stft)
    return estimates


def separate_each(
    track: Track, methods: Iterable[str], *, stft: STFT | None = None
) -> Iterator[tuple[str, dict[str, Audio]]]:
    """Separate the mixture of a track with several methods, one after the other.

    The estimates of a method can be dropped before those of the next are made.

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
    pieces = split(slice(0, track.n_samples), PIECE_SAMPLES)
    for method in find_methods(methods):
        separation = Separation(track, [method.name], stft=stft)
        targets = separation.targets
        audio = np.empty((len(targets), *track.mixture.shape), track.mixture.dtype)

        def fill(piece: slice, separation: Separation = separation, audio: Audio = audio) -> None:
            (estimates,) = separation.separate_piece(piece.start, piece.stop).values()
            for place, estimate in zip(audio, estimates.values(), strict=True):
                place[:, piece] = estimate

        for _ in in_threads(fill, pieces, workers=separation.stft.workers):
            pass
        yield method.name, dict(zip(targets, audio, strict=True))
        del audio, fill


class Separation:
    """A track about to be separated with several methods: any piece of it, at any time.

    What methods must know of the whole track is computed when this is made.

    Parameters
    ----------
    track : Track
        The mixture and its true sources.
    methods : sequence of str
        Names in `oracle.methods.METHODS`; none if only `optimal` masks are wanted.
    stft : STFT, optional
        The default is ``STFT()``: periodic Hann, 2048 samples, hop 1024.
    targets : mapping, optional
        ``track.targets``, where they are there already.

    Attributes
    ----------
    targets : list of str
        Names of the estimates.
    stft : STFT
        The transform.

    Raises
    ------
    ValueError
        If there is no such method.
    """

    def __init__(
        self,
        track: Track,
        methods: Sequence[str],
        *,
        stft: STFT | None = None,
        targets: Mapping[str, Audio] | None = None,
    ) -> None:
        self.stft = STFT() if stft is None else stft
        self._targets = targets
        self._track = track
        self._signals = [*track.sources.values(), track.mixture]
        self._optimal: dict[str, OptimalMasks] = {}
        chosen = find_methods(methods) if methods else []
        self._separators = {method: _on_stack(self._separator(method)) for method in chosen}
        self.targets = target_names(track.sources)

    def _separator(self, method: Method) -> Separator:
        if method.masks is not None:
            return self.optimal(method.masks).separate
        assert method.prepare is not None
        return method.prepare(self._track, self.stft)

    def optimal(self, masks: NamedClass) -> OptimalMasks:
        """Return the best masks of a class: those that its method separates with."""
        if masks.name not in self._optimal:
            self._optimal[masks.name] = OptimalMasks(
                self._track, self.stft, masks, targets=self._targets
            )
        return self._optimal[masks.name]

    def separate_piece(self, start: int, stop: int) -> dict[str, dict[str, Audio]]:
        """Separate the samples from `start` to `stop`.

        Returns
        -------
        estimates : dict from str to dict from str to array of shape (n_channels, stop - start)
            By method, then target, as `separate` returns them.
        """
        estimates = {}
        for double in (False, True):
            chosen = {m: s for m, s in self._separators.items() if m.double == double}
            audio = self.stft.modify(
                list(chosen.values()),
                self._signals,
                piece=slice(start, stop),
                dtype=np.float64 if double else None,
            )
            for method, sources in zip(chosen, audio, strict=True):
                if len(sources) == len(self.targets):
                    estimates[method.name] = dict(zip(self.targets, sources, strict=True))
                else:
                    by_name = dict(zip(self._track.sources, sources, strict=True))
                    estimates[method.name] = with_accompaniment(by_name)
        return estimates


def _on_stack(separator: Separator) -> Callable[[Spectrum, slice], Spectrum]:
    """Have a separator take the spectra of sources and mixture as one array."""
    return lambda spectra, frames: separator(spectra[:-1], spectra[-1], frames)


def find_methods(methods: Iterable[str], *, known: Mapping[str, Method] = METHODS) -> list[Method]:
    """Look methods up by name.

    Parameters
    ----------
    methods : iterable of str
        The names.
    known : mapping from str to Method, optional
        Where to look.

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
