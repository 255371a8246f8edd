"""Names of estimates: how the path of a file may be read, and what targets may be called."""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePath
from typing import NamedTuple
from urllib.parse import unquote

from oracle.machine.files import file_name, folded
from oracle.tracks.track import ACCOMPANIMENT

# Where estimates may be, for messages; all may be in the folder of a subset.
LAYOUTS = "TRACK/TARGET.wav, TRACK_TARGET.wav, 'TRACK - TARGET.wav' or TARGET/TRACK.wav"

# Between the names of a track and a target in the name of a file.
JOINTS = ("_", " - ")

# "1_Song_(Vocals)": Ultimate Vocal Remover counts its tracks; audio-separator adds a model.
IN_BRACKETS = re.compile(r"(?P<track>.+)_\((?P<target>[^()]+)\)(?:_.*)?")
NUMBERED = re.compile(r"\d+_(?P<track>.+)")

# What systems call the accompaniment: Spleeter, Ultimate Vocal Remover, Demucs.
ACCOMPANIMENTS = (ACCOMPANIMENT, "instrumental", "no_vocals")


class Reading(NamedTuple):
    """One way to read the path of a file: which track it is of, and which target.

    Attributes
    ----------
    path : PurePath
        The file, relative to the folder of all estimates.
    place : str
        The folder that is in front, perhaps a subset; empty if there is none.
    track, target : str
        Names, as spelled. The track is empty if nothing but the target is named.
    """

    path: PurePath
    place: str
    track: str
    target: str


def read_path(path: PurePath) -> Iterator[Reading]:
    """List the ways to read the path of a file, relative to the folder of all estimates."""
    folders, stem = path.parts[:-1], path.stem
    if len(folders) > 2:
        return
    if not folders:
        yield Reading(path, "", "", stem)
    if len(folders) < 2:
        for track, target in _split(stem):
            yield Reading(path, "".join(folders), track, target)
    if folders:
        *before, last = folders
        place = "".join(before)
        yield Reading(path, place, last, stem)
        yield Reading(path, place, stem, last)
        for track, target in _split(stem):
            if folded(unquote(track)) == folded(unquote(last)):
                yield Reading(path, place, last, target)


def _split(stem: str) -> Iterator[tuple[str, str]]:
    """Split a name wherever that of a track may end and that of a target begin."""
    if match := IN_BRACKETS.fullmatch(stem):
        yield match["track"], match["target"]
        if numbered := NUMBERED.fullmatch(match["track"]):
            yield numbered["track"], match["target"]
    for joint in JOINTS:
        for found in re.finditer(re.escape(joint), stem):
            yield stem[: found.start()], stem[found.end() :]


class TargetNames:
    """What the targets of a track may be called in the names of files.

    Parameters
    ----------
    targets : sequence of str
        Their names.
    """

    def __init__(self, targets: Sequence[str]) -> None:
        self._exact = {each: target for target in targets for each in list_spellings(target)}
        if ACCOMPANIMENT in targets:
            others = {form for target in targets for form in list_forms(target)}
            self._exact |= {alias: ACCOMPANIMENT for alias in ACCOMPANIMENTS if alias not in others}
        self._alike: dict[str, set[str]] = {}
        for spelled, target in self._exact.items():
            self._alike.setdefault(folded(spelled), set()).add(target)

    def find(self, spelled: str) -> str | None:
        """Find the target of this name; one that differs in case only counts if it is alone."""
        alike = self._alike.get(folded(spelled), set())
        return self._exact.get(spelled) or (next(iter(alike)) if len(alike) == 1 else None)

    def is_exact(self, spelled: str) -> bool:
        """Tell whether this is the very name of a target."""
        return spelled in self._exact

    def may_be(self, spelled: str) -> bool:
        """Tell whether this is the name of a target, whatever its case."""
        return folded(spelled) in self._alike


def list_spellings(name: str) -> tuple[str, str]:
    """List what a file of this name may be called: as it is, or as this package writes it."""
    try:
        return name, file_name(name)
    except ValueError:  # too long for a file: the track fails when its turn comes
        return name, name


def list_forms(name: str) -> Iterable[str]:
    """List these spellings as file systems that ignore case and composition see them."""
    return dict.fromkeys(map(folded, list_spellings(name)))
