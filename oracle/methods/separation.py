"""Separation: apply named methods to a mixture, as a whole or piece by piece."""

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np

from oracle.datasets.opening import Holder, open_track
from oracle.machine.threads import in_threads
from oracle.methods.masking import Separator
from oracle.methods.method import Method
from oracle.methods.named import AnyMethod, MethodName, find_methods
from oracle.optimal.named import NamedClass
from oracle.optimal.of_track import OptimalMasks
from oracle.stft import STFT
from oracle.stft.frames import Spectrum, split
from oracle.stft.transform import choose_stft
from oracle.tracks.rest import InputWarning, complete, what_becomes
from oracle.tracks.track import Audio, Rest, Track, target_names, with_accompaniment

# Samples that a thread separates at a time.
PIECE_SAMPLES = 2**18


def separate(
    track: Holder,
    method: MethodName | AnyMethod,
    *,
    stft: STFT | None = None,
    rest: Rest | None = None,
) -> dict[str, Audio]:
    """Separate the mixture of a track with a method.

    Parameters
    ----------
    track : Track, musdb track, str or Path
        A path is that of the folder of the track's stems, or a ``.stem.mp4`` file; see
        `oracle.datasets.open_track`.
    method : str, Method or callable
        A name in `oracle.methods.METHODS`, or a mask of your own, ``(sources, mixture) -> mask``;
        `oracle.methods.Method.from_mask` names one.
    stft : STFT, optional
        The default is ``STFT()``: periodic Hann, 2048 samples, hop 1024.
    rest : {"source", "ignore", "refuse"}, optional
        What to do with sound in the mixture that is in none of its sources, if it is louder
        than -25 dB: see `oracle.tracks.rest.complete`.

    Returns
    -------
    estimates : dict from str to array of shape (n_channels, n_samples)
        By source name, in the track's dtype; then ``accompaniment``, if the track has vocals:
        the sum of the estimates of all other sources. The OPT methods estimate it with a mask of
        its own.

    Raises
    ------
    TypeError
        If `track` or `method` is none of these.
    FileNotFoundError
        If there is no file or folder of that path.
    ValueError
        If there is no such method, a folder holds several tracks, or the mixture is refused.

    Warns
    -----
    oracle.tracks.rest.InputWarning
        If there is such sound, and it is added as a source.

    Examples
    --------
    >>> import oracle
    >>> estimates = oracle.separate(oracle.datasets.waltz(), "IRM2")
    >>> list(estimates)
    ['drums', 'bass', 'other', 'vocals', 'accompaniment']
    """
    if callable(method):
        method = Method.from_mask("mask", method)  # whatever it is called
    completed = complete(open_track(track), rest)
    if completed.added is not None:
        warnings.warn(
            f"The mixture of {completed.track.name} holds more than its sources. "
            f"{what_becomes(completed.added, joined=bool(completed.track.joined))}",
            InputWarning,
            stacklevel=2,
        )
    ((_, estimates),) = separate_each(completed.track, [method], stft=stft)
    return estimates


def separate_each(
    track: Track, methods: Iterable[AnyMethod], *, stft: STFT | None = None
) -> Iterator[tuple[str, dict[str, Audio]]]:
    """Separate the mixture of a track with several methods, one after another.

    The estimates of one method can be dropped before those of the next are computed.

    Parameters
    ----------
    track, stft
        As in `separate`.
    methods : iterable of str, Method or callable
        As of `oracle.methods.find_methods`.

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
        separation = Separation(track, [method], stft=stft)
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
    """The separation of a track with several methods, for any piece, in any order.

    The constructor computes whatever methods need to know of the whole track.

    Parameters
    ----------
    track : Track
        The mixture and its true sources.
    methods : sequence of str, Method or callable
        As of `oracle.methods.find_methods`; empty if only `optimal` masks are needed.
    stft : STFT, optional
        The default is ``STFT()``: periodic Hann, 2048 samples, hop 1024.
    targets : mapping, optional
        ``track.targets``, if already computed.

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
        methods: Sequence[AnyMethod],
        *,
        stft: STFT | None = None,
        targets: Mapping[str, Audio] | None = None,
    ) -> None:
        self.stft = choose_stft(stft)
        self._targets = targets
        self._track = track
        self._signals = [*track.sources.values(), track.mixture]
        self._optimal: dict[str, OptimalMasks] = {}
        chosen = find_methods(methods) if methods else []
        self._separators = [(each, _on_stack(self._separator(each))) for each in chosen]
        self.targets = target_names(track.sources)

    def _separator(self, method: Method) -> Separator:
        if method.masks is not None:
            return self.optimal(method.masks).separate
        assert method.prepare is not None
        return method.prepare(self._track, self.stft)

    def optimal(self, masks: NamedClass) -> OptimalMasks:
        """Return the best masks of a class, which its method separates with."""
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
            chosen = [(m, s) for m, s in self._separators if m.double == double]
            audio = self.stft.modify(
                [separator for _, separator in chosen],
                self._signals,
                piece=slice(start, stop),
                dtype=np.float64 if double else None,
            )
            for (method, _), sources in zip(chosen, audio, strict=True):
                if len(sources) == len(self.targets):
                    estimates[method.name] = dict(zip(self.targets, sources, strict=True))
                else:
                    by_name = dict(zip(self._track.sources, sources, strict=True))
                    estimates[method.name] = with_accompaniment(by_name)
        return estimates


def _on_stack(separator: Separator) -> Callable[[Spectrum, slice], Spectrum]:
    """Make a separator take the spectra of sources and mixture as one array."""
    return lambda spectra, frames: separator(spectra[:-1], spectra[-1], frames)
