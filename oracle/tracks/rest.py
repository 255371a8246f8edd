"""Rest: what a mixture holds beyond its sources, why, and what becomes of it.

Masks that compare sources need all of them. So the rest of a mixture counts as one more source.
But a mixture that is the sum of its sources at another gain, upside down, late, or with its
channels swapped was made by mistake: its rest is no source.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from oracle.tracks.lags import find_delay
from oracle.tracks.mixing import LOUD, Mixing
from oracle.tracks.track import ACCOMPANIMENT, VOCALS, Audio, Rest, Track, add_up, check_rest

REST = "rest"

# A mistake explains a mixture if it leaves less than EXPLAINED of it, in dB, and at least BETTER
# dB less than no mistake does.
EXPLAINED, BETTER = -15.0, 10.0

# A rest above this, in dB of the mixture, is louder than the mixture: the sources are not in it.
UNRELATED = 0.5

# Gains this close to each other count as the same.
NEAR = 0.05


class InputWarning(UserWarning):
    """Audio was not read, or a mixture is not the sum of its sources."""


class Unexplained(NamedTuple):
    """Loud sound that is in a mixture but in none of its sources.

    Attributes
    ----------
    level : float
        Its level in dB of the mixture.
    mistake : str
        What the mixture is instead of the sum of its sources; empty if it just holds more.
    remedy : str
        What to do about the mistake.
    """

    level: float
    mistake: str = ""
    remedy: str = ""


def find_unexplained(track: Track) -> Unexplained | None:
    """Find out whether a mixture is the sum of its sources; if not, why.

    Returns
    -------
    unexplained : Unexplained or None
        None if the rest is not louder than -25 dB of the mixture.
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
        With one more source where needed, else as given.
    given : Track
        As it was given.
    unexplained : Unexplained or None
        The rest of the mixture, if it is loud.
    """

    track: Track
    given: Track
    unexplained: Unexplained | None

    @property
    def added(self) -> str | None:
        """Name of the source that was added, or that the rest has joined; or None."""
        return None if self.track is self.given else list(self.track.sources)[-1]


def complete(track: Track, rest: Rest | None = None) -> Completed:
    """Complete a track whose mixture holds more than its sources.

    A rest that is not louder than -25 dB of the mixture is left alone.

    Parameters
    ----------
    track : Track
        The mixture and its true sources.
    rest : {"source", "ignore", "refuse"}, optional
        Make the rest one more source, ignore it, or raise an error. The default is the track's
        `rest`. If that is None, it is ``source``, but an error where the mixture was made by
        mistake: if it is silent, if the sources are not in it, or if it is their sum at other
        gains, upside down, delayed, or with its channels swapped.

    Returns
    -------
    completed : Completed
        Its track is the given one, or has one more source: the mixture minus the sum of the
        others. It is called ``rest``; beside vocals alone ``accompaniment``, and beside the
        accompaniment alone ``vocals``. Where sources were joined (`Track.join_accompaniment`) it
        joins them: the accompaniment is the mixture minus the vocals.

    Raises
    ------
    ValueError
        If the track is refused, `rest` is not one of its values, or a source is already called
        ``rest``.
    """
    check_rest(rest)
    choice = rest or track.rest
    found = find_unexplained(track)
    if found is None or choice == "ignore":
        return Completed(track, track, found)
    if choice == "refuse" or (choice is None and found.mistake):
        raise ValueError(_refusal(found))
    if track.joined:
        accompaniment = track.mixture - track.sources[VOCALS]
        sources = {VOCALS: track.sources[VOCALS], ACCOMPANIMENT: accompaniment}
        return Completed(replace(track, sources=sources, rest="ignore"), track, found)
    alone = next(iter(track.sources)) if len(track.sources) == 1 else ""
    name = {VOCALS: ACCOMPANIMENT, ACCOMPANIMENT: VOCALS}.get(alone, REST)
    if name in track.sources:
        raise ValueError(
            f"sources must not be called {REST} where the mixture holds more than its sources, "
            f"got {', '.join(track.sources)}: rename that source, or ignore the rest of the "
            "mixture (--rest ignore, in Python rest='ignore')"
        )
    left = track.mixture - add_up(track.sources.values())
    whole = replace(track, sources={**track.sources, name: left}, rest="ignore")
    return Completed(whole, track, found)


def what_becomes(added: str | None, *, joined: bool = False) -> str:
    """Say what becomes of the rest of a mixture, given the name of the source that was added.

    `joined` tells whether that source was there before.
    """
    if added is not None and joined:
        return f"What they do not account for is part of the {added}."
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
    """Find what a mixture is instead of the sum of its sources, and what to do."""
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
    """Find the gain from the sum of the sources to the mixture; None if more than `most` remains.

    `most` is in dB of the mixture.
    """
    mixing = Mixing.of([total], mixture)
    gain = mixing.gain
    return gain if mixing.unexplained_at(np.array([gain])) < most else None
