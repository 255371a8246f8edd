"""Track: one mixture and its named sources, checked once, when it is made.

The file is long because every check of audio stands beside the class that relies on it.
"""

import math
import reprlib
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from html import escape
from numbers import Integral
from os import PathLike
from types import MappingProxyType
from typing import Any, Literal, Self, get_args

import numpy as np
import numpy.typing as npt

from oracle.displays.pictures import draw_spectrogram
from oracle.displays.players import EXCERPT, make_player
from oracle.machine.libraries import check_numpy
from oracle.tracks.mixing import Mixing
from oracle.tracks.musdb_tracks import MusdbTrack, decode, is_musdb_track

Audio = npt.NDArray[np.floating[Any]]

VOCALS = "vocals"
ACCOMPANIMENT = "accompaniment"

# What becomes of sound that is in the mixture but in no source; see `oracle.tracks.rest`.
Rest = Literal["source", "ignore", "refuse"]


@dataclass(frozen=True, eq=False, repr=False)
class Track:
    """One piece of music: its mixture and the true sources in it.

    Everything is checked when a track is made, so functions that take one need not check again.
    The arrays are kept as read-only views, not copied: do not change yours afterwards.
    `oracle.datasets.open_track` reads a track from its files.

    Parameters
    ----------
    name : str
        What the track is called: any printable text; file names are derived from it safely.
    rate : int
        Sampling rate in Hz.
    mixture : array of shape (n_channels, n_samples), float32 or float64
        The signal that is masked, as the dataset delivers it.
    sources : mapping from str to array of shape (n_channels, n_samples)
        The true sources by name, with the mixture's shape and dtype.
    subset : str, optional
        The part of the dataset that the track belongs to, and the folder that its
        results go to. museval's stores read the folder ``test`` only, hence the default.
    mixture_is_sum : bool, optional
        Whether the mixture is the sum of the sources because none was delivered
        (see `from_sources`).
    rest : {"source", "ignore", "refuse"}, optional
        What becomes of loud sound that is in the mixture but in no source, if a function is not
        told otherwise: see `oracle.tracks.rest.complete`.
    joined : tuple of str, optional
        The sources that the accompaniment, one source, was made of (see `join_accompaniment`).

    Raises
    ------
    TypeError
        If an argument has the wrong type, or audio is not float32 or float64.
    ValueError
        If there is no source, the accompaniment comes with the sources that it is the sum of,
        the rate is not positive, `rest` is not one of its values, a name is empty or holds
        control characters, or audio is empty, is not two-dimensional, has more channels than
        samples, is not finite, or has another shape than the mixture.

    Examples
    --------
    >>> import numpy as np
    >>> low = np.sin(0.1 * np.arange(44100.0))[None]
    >>> Track.from_sources("two sines", 44100, {"low": low, "high": low**3})
    <Track 'two sines': low, high; 1 channel, 1.00 s at 44100 Hz>
    """

    name: str
    rate: int
    mixture: Audio
    sources: Mapping[str, Audio]
    subset: str = field(default="test", kw_only=True)
    mixture_is_sum: bool = field(default=False, kw_only=True)
    rest: Rest | None = field(default=None, kw_only=True)
    joined: tuple[str, ...] = field(default=(), kw_only=True)

    def __post_init__(self) -> None:
        _check_name("name", self.name)
        _check_name("subset", self.subset)
        if not isinstance(self.rate, Integral) or isinstance(self.rate, bool):
            raise TypeError(f"rate must be an integer number of Hz, got {self.rate!r}")
        if self.rate <= 0:
            raise ValueError(f"rate must be positive, got {self.rate}")
        check_rest(self.rest)
        _check_sources(self.sources)
        _check_alike({"mixture": self.mixture} | _named(self.sources))
        sources = {name: _read_only(audio) for name, audio in self.sources.items()}
        # The only way in which a frozen dataclass can set its own fields.
        object.__setattr__(self, "rate", int(self.rate))
        object.__setattr__(self, "mixture", _read_only(self.mixture))
        object.__setattr__(self, "sources", MappingProxyType(sources))

    @classmethod
    def from_sources(
        cls, name: str, rate: int, sources: Mapping[str, Audio], *, subset: str = "test"
    ) -> Self:
        """Make a track whose mixture is the sum of its sources.

        Parameters and errors are those of `Track`.
        """
        _check_sources(sources)
        _check_alike(_named(sources))
        mixture = add_up(sources.values())
        return cls(name, rate, mixture, sources, subset=subset, mixture_is_sum=True)

    @classmethod
    def from_files(cls, path: str | PathLike[str]) -> "Track":
        """Read a track from the folder of its stems, or from a ``.stem.mp4`` file.

        Parameters
        ----------
        path : str or Path
            As of `oracle.datasets.open_track`, which also takes tracks.

        Raises
        ------
        TypeError
            If it is no path.
        FileNotFoundError, ValueError
            As `oracle.datasets.open_track`.
        """
        import oracle  # late: what opens files is made of tracks

        if not isinstance(path, (str, PathLike)):
            raise TypeError(
                "path must be that of the folder of a track's stems or of a .stem.mp4 file, got "
                f"{reprlib.repr(path)}"
            )

        return oracle.datasets.open_track(path)

    @classmethod
    def from_musdb(cls, track: MusdbTrack) -> Self:
        """Make a track of musdb's, such as ``musdb.DB(root)[0]``, as musdb decodes it.

        The rest of its mixture is ignored, as in published results (see `rest`).

        Parameters
        ----------
        track : musdb.MultiTrack
            With the chunk that its ``chunk_start`` and ``chunk_duration`` choose, at its
            ``sample_rate`` if that is set. Without a subset, it counts as ``test``.

        Raises
        ------
        TypeError
            If it is no track of musdb.
        ValueError
            If it has no sources or ends early, or as for `Track`.
        """
        if not is_musdb_track(track):
            raise TypeError(f"track must be a track of musdb, got {reprlib.repr(track)}")
        rate, mixture, sources = decode(track)
        subset = track.subset or "test"
        return cls(track.name, rate, mixture, sources, subset=subset, rest="ignore")

    @property
    def n_channels(self) -> int:
        """Number of channels."""
        return int(self.mixture.shape[0])

    @property
    def n_samples(self) -> int:
        """Number of samples in a channel."""
        return int(self.mixture.shape[1])

    @property
    def targets(self) -> dict[str, Audio]:
        """What is scored: the sources, and the accompaniment where there are vocals."""
        return with_accompaniment(self.sources)

    @cached_property
    def mixing(self) -> Mixing:
        """How the mixture relates to its sources: computed once, in one pass over the audio."""
        return Mixing.of(list(self.sources.values()), self.mixture)

    def join_accompaniment(self) -> "Track":
        """Return the track as two sources: vocals, and accompaniment, the sum of all others.

        Masks then compare vocals with accompaniment, not each source with each. A track of
        vocals alone, accompaniment alone, or both, is returned as it is.

        Raises
        ------
        ValueError
            If there are no vocals.

        Examples
        --------
        >>> import oracle
        >>> oracle.datasets.waltz().join_accompaniment()
        <Track 'Daisy Bell': vocals, accompaniment; 2 channels, 13.09 s at 44100 Hz>
        """
        if self.sources.keys() <= {VOCALS, ACCOMPANIMENT}:
            return self
        if VOCALS not in self.sources:
            raise ValueError(
                f"track must have {VOCALS} for the targets {VOCALS} and {ACCOMPANIMENT}, got "
                f"{', '.join(self.sources)}"
            )
        others = tuple(name for name in self.sources if name != VOCALS)
        accompaniment = add_up(self.sources[name] for name in others)
        sources = {VOCALS: self.sources[VOCALS], ACCOMPANIMENT: accompaniment}
        return replace(self, sources=sources, joined=others)

    def beginning(self, seconds: float) -> "Track":
        """Return the first seconds, to the nearest sample; all of a shorter track.

        Raises
        ------
        ValueError
            If `seconds` is not positive and finite, or holds fewer samples than channels.
        """
        check_seconds(seconds)
        n_samples = min(round(seconds * self.rate), self.n_samples)
        if n_samples < self.n_channels:
            raise ValueError(
                f"seconds must be at least {self.n_channels / self.rate:g} (one sample per "
                f"channel), got {seconds:g}"
            )
        # Copies: a view would keep the whole track in memory.
        return Track(
            self.name,
            self.rate,
            self.mixture[:, :n_samples].copy(),
            {name: audio[:, :n_samples].copy() for name, audio in self.sources.items()},
            subset=self.subset,
            mixture_is_sum=self.mixture_is_sum,
            rest=self.rest,
            joined=self.joined,
        )

    def __repr__(self) -> str:
        channels = "1 channel" if self.n_channels == 1 else f"{self.n_channels} channels"
        return (
            f"<Track {self.name!r}: {', '.join(self.sources)}; {channels}, "
            f"{self.n_samples / self.rate:.2f} s at {self.rate} Hz>"
        )

    def _repr_html_(self) -> str:
        signals = {"mixture": self.mixture, **self.sources}
        players = "".join(make_player(name, audio, self.rate) for name, audio in signals.items())
        part = f": the first {EXCERPT:g} s" if self.n_samples > EXCERPT * self.rate else ""
        return (
            f"<p>{escape(repr(self)[1:-1])}</p><table>{players}</table>"
            f"<p>Listen{part}. Mixture:</p>{draw_spectrogram(self.mixture, self.rate)}"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        # A mappingproxy cannot be pickled; workers get the sources as a plain dict.
        make = partial(
            Track,
            subset=self.subset,
            mixture_is_sum=self.mixture_is_sum,
            rest=self.rest,
            joined=self.joined,
        )
        return make, (self.name, self.rate, self.mixture, dict(self.sources))


def with_accompaniment(signals: Mapping[str, Audio]) -> dict[str, Audio]:
    """Add ``accompaniment``, the sum of all but the vocals, where there are vocals.

    Parameters
    ----------
    signals : mapping from str to array of shape (n_channels, n_samples)
        The sources of a track or their estimates, by name.

    Returns
    -------
    dict
        The same signals; and their accompaniment, last, unless there are no vocals,
        nothing but vocals, or an accompaniment already.
    """
    if ACCOMPANIMENT in signals or ACCOMPANIMENT not in target_names(signals):
        return dict(signals)
    others = [audio for name, audio in signals.items() if name != VOCALS]
    return dict(signals) | {ACCOMPANIMENT: add_up(others)}


def target_names(sources: Iterable[str]) -> list[str]:
    """Name the targets of these sources, as `with_accompaniment` does."""
    names = list(sources)
    summed = VOCALS in names and len(names) > 1 and ACCOMPANIMENT not in names
    return [*names, ACCOMPANIMENT] if summed else names


def add_up(signals: Iterable[Audio]) -> Audio:
    """Sum signals of one shape, in their own precision."""
    first, *rest = signals
    total = first.copy()
    for signal in rest:
        total += signal
    return total


def check_rest(rest: object) -> None:
    """Check that `rest` is None or one of its values."""
    if rest is not None and rest not in get_args(Rest):
        raise ValueError(f"rest must be one of {', '.join(get_args(Rest))}, got {rest!r}")


def check_seconds(seconds: float) -> None:
    """Check that `seconds` is positive and finite."""
    if not (seconds > 0 and math.isfinite(seconds)):
        raise ValueError(f"seconds must be positive and finite, got {seconds}")


def _named(sources: Mapping[str, Audio]) -> dict[str, Audio]:
    return {f"sources[{name!r}]": audio for name, audio in sources.items()}


def _check_name(argument: str, name: object) -> None:
    if not isinstance(name, str):
        raise TypeError(f"{argument} must be a str, got {name!r}")
    if not name.strip():
        raise ValueError(f"{argument} must not be empty, got {name!r}")
    # A surrogate stands for a byte of a file name that is not text.
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in name):
        raise ValueError(f"{argument} must not hold control characters, got {name!r}")


def _check_sources(sources: object) -> None:
    if not isinstance(sources, Mapping):
        raise TypeError(f"sources must map names to arrays, got {type(sources).__name__}")
    if not sources:
        raise ValueError("sources must hold at least one source, got none")
    for name in sources:
        _check_name("a name in sources", name)
    if ACCOMPANIMENT in sources and not sources.keys() <= {VOCALS, ACCOMPANIMENT}:
        raise ValueError(
            f"sources must not hold {ACCOMPANIMENT!r} beside the sources that it is the sum of, "
            f"got {', '.join(sources)}: leave out {ACCOMPANIMENT!r}"
        )


def check_like(argument: str, array: object, other: Audio) -> None:
    """Check that an array is audio with the shape of the mixture.

    Raises
    ------
    TypeError, ValueError
        If it is not.
    """
    shape = getattr(array, "shape", None)
    _check_audio(argument, array)
    if shape != other.shape:
        raise ValueError(
            f"{argument} must have the shape of the mixture, {other.shape}, got {shape}"
        )


def _check_alike(audio: Mapping[str, Audio]) -> None:
    first = next(iter(audio))
    for argument, array in audio.items():
        _check_audio(argument, array)
        if array.shape != audio[first].shape:
            raise ValueError(
                f"{argument} must have the shape of {first}, {audio[first].shape}, "
                f"got {array.shape}"
            )
        if array.dtype != audio[first].dtype:
            raise TypeError(
                f"{argument} must have the dtype of {first}, {audio[first].dtype}, "
                f"got {array.dtype}"
            )


def _check_audio(argument: str, array: object) -> None:
    check_numpy(argument, array)
    if not isinstance(array, np.ndarray):
        raise TypeError(f"{argument} must be a numpy array, got {type(array).__name__}")
    if array.dtype not in (np.float32, np.float64):
        raise TypeError(f"{argument} must be float32 or float64, got {array.dtype}")
    if array.ndim != 2:
        raise ValueError(
            f"{argument} must have two dimensions, (n_channels, n_samples), got shape {array.shape}"
        )
    if array.size == 0:
        raise ValueError(f"{argument} must not be empty, got shape {array.shape}")
    if array.shape[0] > array.shape[1]:
        raise ValueError(
            f"{argument} must have its samples last, (n_channels, n_samples), "
            f"got shape {array.shape}: more channels than samples"
        )
    finite = np.isfinite(array)
    if not finite.all():
        channel, sample = np.argwhere(~finite)[0]
        raise ValueError(
            f"{argument} must be finite, got {array[channel, sample]} "
            f"in channel {channel} at sample {sample}"
        )


def _read_only(array: Audio) -> Audio:
    view = array.view()
    view.flags.writeable = False
    return view
