"""What is left out: audio in the folder of a dataset that belongs to none of its tracks."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from oracle.datasets.dataset import Dataset, Entry, LeftOut
from oracle.datasets.file_kinds import Kind, find_kind, is_hidden, is_litter
from oracle.datasets.trees import IS_AUDIO, is_shown

SHOWN = 3  # names in an error


def make_dataset(
    root: Path,
    name: str,
    layout: str,
    entries: Iterable[Entry],
    *,
    interchangeable: Iterable[str] = (),
) -> Dataset:
    """Make a dataset of the tracks that were found, and list what they leave out.

    Raises
    ------
    ValueError
        If there are no tracks: the folder does not have the layout.
    """
    found = tuple(entries)
    if not found:
        names = sorted(path.name for path in root.iterdir() if is_shown(path.name))
        more = [f"{len(names) - SHOWN} more"] if len(names) > SHOWN else []
        there = ", ".join([*names[:SHOWN], *more]) or "nothing"
        raise ValueError(f"root must hold {layout}, got {root} with {there} in it")
    return Dataset(
        name,
        found,
        root.resolve(),
        left_out=tuple(find_left_out(root, found)),
        interchangeable=tuple(interchangeable),
    )


def find_left_out(root: Path, entries: Iterable[Entry]) -> Iterator[LeftOut]:
    """Find the audio in the folder of a dataset that belongs to none of its tracks.

    Archives count, as they may hold audio. A folder in which nothing is read is named once.
    """
    top = os.path.abspath(root)
    read = {os.path.abspath(path) for entry in entries for path in entry.paths}
    above = {
        parent for folder in set(map(os.path.dirname, read)) for parent in _list_upwards(folder)
    }
    counts: Counter[tuple[str, str]] = Counter()
    for folder, name, what in _find_unread(top, read):
        beside = [parent for parent in _list_upwards(folder) if parent not in above]
        if beside:
            counts[beside[-1], what] += 1
        else:
            yield LeftOut(Path(os.path.relpath(os.path.join(folder, name), top)), what)
    for (place, what), count in counts.items():
        why = f"{count} {what}s" if count > 1 else f"1 {what}"
        yield LeftOut(Path(os.path.relpath(place, top)), why)


def _find_unread(top: str, read: set[str]) -> Iterator[tuple[str, str, str]]:
    """Find unread files that may be audio: folder, name, and what each is."""
    seen: set[str] = set()
    for folder, folders, files in os.walk(top, followlinks=True, onerror=_raise):
        real = os.path.realpath(folder)
        folders[:] = sorted(
            name
            for name in (folders if real not in seen else ())  # links may form a loop
            if not is_litter(name) and os.path.join(folder, name) not in read
        )
        hidden = any(map(is_hidden, Path(folder).relative_to(top).parts))
        for name in sorted(files if real not in seen else ()):
            path = os.path.join(folder, name)
            if path in read or is_litter(name):
                continue
            kind = find_kind(Path(path))
            if not os.path.exists(path):
                yield folder, name, "broken link"
            elif kind is Kind.ARCHIVE:
                yield folder, name, "archive"
            elif kind in IS_AUDIO:
                yield (
                    folder,
                    name,
                    "hidden audio file" if hidden or is_hidden(name) else "audio file",
                )
        seen.add(real)


@cache
def _list_upwards(folder: str) -> tuple[str, ...]:
    """List a folder and its parents, up to the root of the file system."""
    parent = os.path.dirname(folder)
    return (folder,) if parent == folder else (folder, *_list_upwards(parent))


def _raise(error: OSError) -> None:
    raise error
