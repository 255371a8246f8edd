"""Notes: what a reader of results must know about their input."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from oracle.datasets import LeftOut
from oracle.runs.track_info import IGNORED, TrackInfo
from oracle.tracks.rest import what_becomes

SHOWN = 3  # names in a note
SHOWN_LEFT_OUT = 8


def describe_input(infos: Iterable[TrackInfo], left_out: Sequence[LeftOut]) -> list[str]:
    """Say what was not read, and which mixtures are not the sum of their sources."""
    notes = []

    def outcome(info: TrackInfo) -> tuple[str, str, bool]:
        return info.rest, info.mistake, bool(info.joined)

    loud = sorted((info for info in infos if info.rest), key=outcome)
    for (rest, mistake, joined), group in groupby(loud, key=outcome):
        becomes = what_becomes(None if rest == IGNORED else rest, joined=joined)
        notes.append(f"{_note_of_rest(mistake, list(group))} {becomes}")
    if left_out:
        notes.append(f"Not read: {_some([str(each) for each in left_out], SHOWN_LEFT_OUT)}.")
    return notes


def _note_of_rest(mistake: str, infos: Sequence[TrackInfo]) -> str:
    if len(infos) == 1:
        (info,) = infos
        what = f"holds more than its sources, at {info.unexplained} dB of the mixture"
        if mistake:
            what = f"is not the sum of its sources, but {mistake}"
        return f"The mixture of {info.name} {what}."
    names = [info.name if mistake else f"{info.name} ({info.unexplained} dB)" for info in infos]
    what = "hold more than their sources, in dB of the mixture"
    if mistake:
        what = f"are not the sum of their sources, but {mistake}"
    return f"{len(infos)} mixtures {what}: {_some(names)}."


def describe_tracks(infos: Iterable[TrackInfo]) -> list[str]:
    """Name tracks with silent, repeated or single sources; say which estimates are missing.

    Say also on how many the estimates of speakers were in another order.
    """
    known = list(infos)
    twice = [f"{what} in {info.name}" for info in known for what in info.redundant]
    silent = [f"{name} in {info.name}" for info in known for name in info.silent]
    alone = [info.name for info in known if info.alone]
    notes = []
    if silent:
        notes.append(
            f"Silent throughout: {_some(silent)}. SDR, ISR, SIR and SAR of all that is scored "
            "together with it are NaN."
        )
    if twice:
        notes.append(f"Counted twice: {_some(twice)}.")
    if alone:
        notes.append(
            f"One source alone: {_some(alone)}. Any mask that keeps it is perfect: scores there, "
            "if not NaN, are infinite but for rounding."
        )
    return [*notes, *_describe_joined(known), *_describe_estimates(known)]


def _describe_joined(infos: Sequence[TrackInfo]) -> Iterator[str]:
    joined = list(dict.fromkeys(", ".join(info.joined) for info in infos if info.joined))
    if joined:
        others = joined[0] if len(joined) == 1 else "all other sources"
        yield (
            f"Two sources, vocals and accompaniment: {others} count as one. Bounds from more "
            "sources are not the same."
        )


def _describe_estimates(infos: Sequence[TrackInfo]) -> Iterator[str]:
    without: dict[str, list[str]] = {}
    for info in infos:
        if info.missing:
            without.setdefault(", ".join(info.missing), []).append(info.name)
    for missing, names in without.items():
        where = f"{len(names)} tracks: {_some(names)}" if len(names) > 1 else names[0]
        yield f"No estimate of {missing} in {where}."
    ordered = [info.assigned for info in infos if info.assigned]
    if ordered:
        n_permuted = sum(any(name != each for name, each in a.items()) for a in ordered)
        tracks = "1 track" if len(ordered) == 1 else f"{len(ordered)} tracks"
        yield f"Estimates were permuted on {n_permuted} of {tracks}: best mean SI-SDR."


def _some(names: Sequence[str], shown: int = SHOWN) -> str:
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more
