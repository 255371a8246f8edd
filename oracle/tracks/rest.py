"""Rest: what is in a mixture and in none of its sources, why, and what becomes of it.

Masks that compare sources with each other need all of them. Where a mixture holds more than
its sources, what is left of it counts as one more source. But a mixture that is its sources
at another gain, upside down, late, or with its channels swapped was made by mistake: what is
left of it is no source.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from oracle.tracks.lags import find_delay
from oracle.tracks.mixing import LOUD, Mixing
from oracle.tracks.track import ACCOMPANIMENT, VOCALS, Audio, Rest, Track, add_up, check_rest

REST = "rest"

# A mistake explains a mixture if it leaves less than this of it, in dB, and is that much
# better than none.
EXPLAINED, BETTER = -15.0, 10.0

# From here on, in dB of the mixture, what is left of it is louder than itself: the sources are
# not in it.
UNRELATED = 0.5

# Gains this near to each other are the same.
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
            f"got {', '.join(track.sources)}: rename that source, or leave out what else is there "
            "(--rest ignore, in Python rest='ignore')"
        )
    left = track.mixture - add_up(track.sources.values())
    whole = replace(track, sources={**track.sources, name: left}, rest="ignore")
    return Completed(whole, track, found)


def what_becomes(added: str | None) -> str:
    """Say what becomes of the rest of a mixture, by the source that was added."""
    if added is None:
        return "What they do not account for is ignored."
    is_that = {ACCOMPANIMENT: "is the accompaniment", VOCALS: "is the vocals"}
    what = is_that.get(added, f"counts as one more source, {added}")
    return f"What they do not account for {what}."


def _refusal(found: Unexplained) -> str:
    choices = (
        "or choose --rest source (the difference becomes a source) or --rest ignore, in Python "
        "rest='source' or 'ignore'"
    )
    what = f"one with sound at {found.level:.1f} dB that is in no source: add what is missing"
    if found.mistake:
        what = f"{found.mistake}: {found.remedy}"
    return f"mixture must be the sum of its sources, got {what}, {choices}"


def _mistake(track: Track, mixing: Mixing) -> tuple[str, str]:
    """Tell what a mixture is instead of the sum of its sources, and what to do."""
    if not track.mixture.any():
        return "silence", "export the mixture again"
    gain = mixing.gain
    ones = np.ones(len(mixing.energies))
    most = min(EXPLAINED, mixing.unexplained - BETTER)
    if mixing.unexplained_at(gain * ones) < most:
        what = "their sum upside down" if _is_near(gain, -1) else f"{gain:.3g} x their sum"
        decibels = "" if _is_near(gain, -1) else f" ({20 * np.log10(abs(gain)):+.1f} dB)"
        return what + decibels, f"multiply the mixture by {1 / gain:.4g}"
    if mixing.unexplained_at(mixing.gains) < most:
        return _at_gains(track, mixing)
    total = add_up(track.sources.values())
    if track.n_channels == 2:
        swapped = _gain_between(total[::-1], track.mixture, most)
        if swapped is not None:
            what = f"their sum with its channels swapped{_times(swapped)}"
            return what, f"swap the channels of the mixture{_and_multiply(swapped)}"
    delay = find_delay(total, track.mixture)
    length = track.n_samples - abs(delay)
    early, late = max(-delay, 0), max(delay, 0)
    moved = total[:, early : early + length]
    shifted = _gain_between(moved, track.mixture[:, late : late + length], most)
    if delay and shifted is not None:
        n_samples = "1 sample" if abs(delay) == 1 else f"{abs(delay)} samples"
        behind, ahead = ("mixture", "sources") if delay > 0 else ("sources", "mixture")
        return (
            f"their sum {n_samples} {'late' if delay > 0 else 'early'}{_times(shifted)}",
            f"cut the first {n_samples} of the {behind} and the last {n_samples} of the {ahead}"
            f"{_and_multiply(shifted)}",
        )
    if mixing.unexplained > UNRELATED:
        return "something else, in which they are not heard", "find the mixture of these sources"
    return "", ""


def _at_gains(track: Track, mixing: Mixing) -> tuple[str, str]:
    gains = [
        (name, float(gain))
        for name, gain, energy in zip(track.sources, mixing.gains, mixing.energies, strict=True)
        if energy > 0 and not _is_near(gain, 1)
    ]
    absent = [name for name, gain in gains if _is_near(gain, 0)]
    if len(absent) == len(gains):
        names = " and ".join(absent)
        return f"their sum without {names}", f"leave {names} out, or mix it in"
    others = ", ".join(f"{name} x {gain:.2f}" for name, gain in gains)
    return (
        f"them at other gains ({others})",
        "bring the sources to the level that they have in the mixture",
    )


def _is_near(gain: float, other: float) -> bool:
    return abs(gain - other) < NEAR


def _times(gain: float) -> str:
    return "" if _is_near(gain, 1) else f", x {gain:.3g}"


def _and_multiply(gain: float) -> str:
    return "" if _is_near(gain, 1) else f", and multiply the mixture by {1 / gain:.4g}"


def _gain_between(total: Audio, mixture: Audio, most: float) -> float | None:
    """Find the gain at which the sum of the sources is the mixture; None if it leaves more."""
    mixing = Mixing.of([total], mixture)
    gain = mixing.gain
    return gain if mixing.unexplained_at(np.array([gain])) < most else None
