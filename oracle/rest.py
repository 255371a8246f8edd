"""Rest: what is in a mixture and in none of its sources, why, and what becomes of it.

Masks that compare sources with each other need all of them. Where a mixture holds more than
its sources, what is left of it counts as one more source. But a mixture that is its sources
at another gain, upside down, late, or with its channels swapped was made by mistake: what is
left of it is no source.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import scipy.fft

from oracle.mixing import LOUD, Mixing
from oracle.track import ACCOMPANIMENT, VOCALS, Audio, Rest, Track, check_rest, sum_of

REST = "rest"

# A delay is looked for in an excerpt of so many samples, and up to half of it.
EXCERPT_SAMPLES = 2**20

# A mistake explains a mixture if it leaves less than this of it, in dB, and is that much
# better than none.
EXPLAINED, BETTER = -15.0, 10.0

# Gains this near to 1 are not named.
NEAR = 0.05


class InputWarning(UserWarning):
    """Warns of audio that is not read, and of mixtures that are not the sum of their sources."""


class Unexplained(NamedTuple):
    """Loud sound that is in a mixture and in none of its sources.

    Attributes
    ----------
    level : float
        How loud it is, in dB of the mixture.
    mistake : str
        What the mixture is instead of the sum of its sources; empty if it just holds more.
    remedy : str
        What to do about the mistake.
    """

    level: float
    mistake: str = ""
    remedy: str = ""


def find_unexplained(track: Track) -> Unexplained | None:
    """Find out whether a mixture is the sum of its sources, and if not, why.

    Returns
    -------
    unexplained : Unexplained or None
        None if what is in the mixture and in no source is below -25 dB of the mixture.
    """
    mixing = track.mixing
    if not mixing.unexplained > LOUD:
        return None
    mistake, remedy = _mistake(track, mixing)
    return Unexplained(mixing.unexplained, mistake, remedy)


class Completed(NamedTuple):
    """A track, completed if its mixture holds more than its sources.

    Attributes
    ----------
    track : Track
        With one more source where that is needed, else as given.
    given : Track
        As it was given.
    unexplained : Unexplained or None
        What was found in the mixture and in no source, if it is loud.
    """

    track: Track
    given: Track
    unexplained: Unexplained | None

    @property
    def added(self) -> str | None:
        """Name of the source that was added."""
        return None if self.track is self.given else list(self.track.sources)[-1]


def complete(track: Track, rest: Rest | None = None) -> Completed:
    """Complete a track whose mixture holds more than its sources.

    Nothing is done where what is in the mixture and in no source is below -25 dB of the
    mixture.

    Parameters
    ----------
    track : Track
        The mixture and its true sources.
    rest : {"source", "ignore", "refuse"}, optional
        What becomes of it: one more source, called ``rest``; nothing; or an error. By default
        what the track says. If it says nothing: ``source``, but an error if the mixture is
        the sum of its sources at other gains, upside down, delayed, or with its channels
        swapped.

    Returns
    -------
    completed : Completed
        Its track is the same one, or has one more source, the mixture less the sum of the
        others. Beside vocals alone it is called ``accompaniment``, beside the accompaniment
        alone ``vocals``, for that is what it is.

    Raises
    ------
    ValueError
        If it is refused, `rest` is not one of its values, or a source is called ``rest``
        already.
    """
    check_rest(rest)
    choice = rest or track.rest
    found = find_unexplained(track)
    if found is None or choice == "ignore":
        return Completed(track, track, found)
    if choice == "refuse" or (choice is None and found.mistake):
        raise ValueError(_refusal(found))
    alone = next(iter(track.sources)) if len(track.sources) == 1 else ""
    name = {VOCALS: ACCOMPANIMENT, ACCOMPANIMENT: VOCALS}.get(alone, REST)
    if name in track.sources:
        raise ValueError(
            f"sources must not be called {REST} where the mixture holds more than its sources, "
            f"got {', '.join(track.sources)}"
        )
    left = track.mixture - sum_of(track.sources.values())
    whole = replace(track, sources={**track.sources, name: left}, rest="ignore")
    return Completed(whole, track, found)


def what_becomes(added: str | None) -> str:
    """Say what becomes of the rest of a mixture, by the source that was added."""
    if added is None:
        return "It is ignored."
    is_that = {ACCOMPANIMENT: "is the accompaniment", VOCALS: "is the vocals"}
    return f"It {is_that.get(added, f'counts as one more source, {added}')}."


def _refusal(found: Unexplained) -> str:
    choices = "rest 'source' (--rest source) makes it a source, 'ignore' leaves it out"
    if found.mistake:
        return (
            f"mixture must be the sum of its sources, got {found.mistake}: {found.remedy} "
            f"({choices})"
        )
    return (
        f"mixture must be the sum of its sources, got one with sound at {found.level:.1f} dB that "
        f"is in no source: add what is missing ({choices})"
    )


def _mistake(track: Track, mixing: Mixing) -> tuple[str, str]:
    """Tell what a mixture is instead of the sum of its sources, and what to do."""
    gain = mixing.gain
    ones = np.ones(len(mixing.energies))
    most = min(EXPLAINED, mixing.unexplained - BETTER)
    if mixing.unexplained_at(gain * ones) < most:
        return _at_gain(gain)
    if mixing.unexplained_at(mixing.gains) < most:
        gains = zip(track.sources, mixing.gains, mixing.energies, strict=True)
        others = [f"{name} x {g:.2f}" for name, g, e in gains if e > 0 and abs(g - 1) > NEAR]
        return (
            f"them at other gains ({', '.join(others)})",
            "bring the sources to the level that they have in the mixture",
        )
    total = sum_of(track.sources.values())
    if track.n_channels == 2:
        swapped = _gain_between(total[::-1], track.mixture, most)
        if swapped is not None:
            what = f"their sum with its channels swapped{_times(swapped)}"
            return what, "swap the channels of the mixture"
    delay = _delay(total, track.mixture)
    length = track.n_samples - abs(delay)
    early, late = max(-delay, 0), max(delay, 0)
    moved = total[:, early : early + length]
    shifted = _gain_between(moved, track.mixture[:, late : late + length], most)
    if delay and shifted is not None:
        when = "late" if delay > 0 else "early"
        n_samples = "1 sample" if abs(delay) == 1 else f"{abs(delay)} samples"
        return (
            f"their sum {n_samples} {when}{_times(shifted)}",
            f"shift the mixture by {-delay} samples",
        )
    return "", ""


def _at_gain(gain: float) -> tuple[str, str]:
    if abs(gain) < NEAR:
        return "silence", "export the mixture again"
    remedy = f"multiply the mixture by {1 / gain:.4g}"
    if abs(gain + 1) < NEAR:
        return "their sum upside down", f"invert the mixture ({remedy})"
    return f"{gain:.3g} x their sum ({20 * np.log10(abs(gain)):+.1f} dB)", remedy


def _times(gain: float) -> str:
    return "" if abs(gain - 1) < NEAR else f", x {gain:.3g}"


def _gain_between(total: Audio, mixture: Audio, most: float) -> float | None:
    """Find the gain at which the sum of the sources is the mixture; None if it leaves more."""
    mixing = Mixing.of([total], mixture)
    gain = mixing.gain
    return gain if mixing.unexplained_at(np.array([gain])) < most else None


def _delay(total: Audio, mixture: Audio) -> int:
    """Find by how many samples the mixture is later than the sum of its sources."""
    n_samples = mixture.shape[-1]
    size = min(n_samples, EXCERPT_SAMPLES)
    starts = range(0, n_samples - size + 1, max(size // 2, 1))
    energies = [np.square(total[:, s : s + size], dtype=np.float64).sum() for s in starts]
    cut = slice(starts[int(np.argmax(energies))], starts[int(np.argmax(energies))] + size)
    n_fft = scipy.fft.next_fast_len(2 * size, real=True)
    spectra = [
        scipy.fft.rfft(audio[:, cut].astype(np.float64), n_fft) for audio in (total, mixture)
    ]
    correlation = scipy.fft.irfft((spectra[0].conj() * spectra[1]).sum(axis=0), n_fft)
    lags = np.r_[0 : size // 2, n_fft - size // 2 : n_fft]
    best = int(lags[np.argmax(np.abs(correlation[lags]))])
    return best if best < size else best - n_fft
