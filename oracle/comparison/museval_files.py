"""museval's files: folders of JSON scores that museval, or another tool, wrote."""

import json
import math
import os
import sys
import unicodedata
from array import array
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote

import numpy as np

from oracle.datasets.layouts import SUBSETS
from oracle.machine.files import file_name
from oracle.results.tables import SCORE_COLUMNS

if TYPE_CHECKING:
    from pandas import DataFrame

LAYOUTS = "TRACK.json, SUBSET/TRACK.json, METHOD/TRACK.json or METHOD/SUBSET/TRACK.json"
DEEPEST = 3  # most folders and files in a path of these layouts

# A target's name, the times and durations of its windows, and its scores by metric.
Target = tuple[str, list[float], list[float], dict[str, list[float]]]


class MusevalFile(NamedTuple):
    """A file with one method's scores of one track; the subset is empty if no folder names it."""

    path: Path
    method: str
    subset: str
    track: str


def find_museval_files(folder: Path, *, any_subset: bool = False) -> list[MusevalFile]:
    """Find museval's files in a folder, and read method, subset and track from their paths.

    The folder belongs to one method, with ``TRACK.json`` or ``SUBSET/TRACK.json`` in it, or
    holds such folders of several methods. Subsets are the names in
    `oracle.datasets.layouts.SUBSETS`. Names that `oracle.machine.files.file_name` encoded are
    decoded; others are kept, with dots and per cent signs. Hidden files and other kinds of files
    are ignored.

    Parameters
    ----------
    folder : Path
        The folder.
    any_subset : bool, optional
        Whether every folder in it is a subset, whatever its name.

    Returns
    -------
    files : list of MusevalFile
        Sorted by path.

    Raises
    ------
    ValueError
        If a path has another layout, or a method has tracks both in and outside subsets, or
        has a track twice.
    """
    own = folder.resolve().name
    files: dict[tuple[str, str, str], MusevalFile] = {}
    in_subsets: dict[str, MusevalFile] = {}
    for path in _find_json(folder):
        *folders, name = map(_decode_name, path.relative_to(folder).with_suffix("").parts)
        match folders:
            case []:
                found = MusevalFile(path, own, "", name)
            case [subset] if any_subset or subset in SUBSETS:
                found = MusevalFile(path, own, subset, name)
            case [method]:
                found = MusevalFile(path, method, "", name)
            case [method, subset] if subset in SUBSETS:
                found = MusevalFile(path, method, subset, name)
            case _:
                raise ValueError(
                    f"results must be laid out as {LAYOUTS}, SUBSET one of "
                    f"{', '.join(SUBSETS)}, got {path}"
                )
        key = found.method, found.subset, unicodedata.normalize("NFC", name)
        if key in files:
            raise ValueError(
                f"results must hold a track once, got {name!r} in {files[key].path} and {path}"
            )
        other = in_subsets.setdefault(found.method, found)
        if bool(other.subset) != bool(found.subset):
            raise ValueError(
                f"results must have all tracks of a method in folders of subsets, or none, "
                f"got {other.path} and {path}"
            )
        files[key] = found
    return list(files.values())


def _find_json(folder: Path) -> Iterator[Path]:
    for base, folders, names in os.walk(folder, followlinks=True):
        # One level too deep, where a file is an error; no deeper, as links may form a loop.
        deep = len(Path(base).relative_to(folder).parts) >= DEEPEST
        folders[:] = [] if deep else sorted(name for name in folders if name[0] != ".")
        for name in sorted(names):
            if name.endswith(".json") and name[0] != ".":
                yield Path(base, name)


def _decode_name(name: str) -> str:
    """Decode a file's name if encoding the result gives the name again."""
    decoded = unquote(name)
    return decoded if "%" in name and decoded and file_name(decoded) == name else name


def read_museval_files(files: Sequence[MusevalFile], *, progress: bool = False) -> "DataFrame":
    """Read museval's files.

    Parameters
    ----------
    files : sequence of MusevalFile
        From `find_museval_files`.
    progress : bool, optional
        Whether to show a progress bar on standard error, if that is a terminal.

    Returns
    -------
    scores : DataFrame
        A row per score, with the columns of ``scores.csv`` and all metrics of the files. Names
        are categories; null becomes NaN.

    Raises
    ------
    ValueError
        If a file is not museval's; the message names it.
    """
    import pandas as pd

    # A series is all windows of a metric. Its names are kept once and repeated at the end.
    series: list[tuple[str, str, str, str, str]] = []
    sizes: list[int] = []
    times, durations, scores = array("d"), array("d"), array("d")
    for file in _show_progress(files) if progress else files:
        for target, starts, lengths, by_metric in _find_targets(file.path):
            for metric, values in by_metric.items():
                series.append((file.track, file.subset, file.method, target, metric))
                sizes.append(len(starts))
                times.extend(starts)
                durations.extend(lengths)
                scores.extend(values)
    columns: dict[str, Any] = {}
    for column, names in zip(SCORE_COLUMNS, zip(*series, strict=True), strict=False):
        codes = {str(name): code for code, name in enumerate(dict.fromkeys(names))}
        repeated = np.repeat([codes[name] for name in names], sizes)
        columns[column] = pd.Categorical.from_codes(repeated, pd.Index(list(codes)))
    numbers = (np.frombuffer(values) for values in (times, durations, scores))
    columns |= zip(SCORE_COLUMNS[5:], numbers, strict=True)
    return pd.DataFrame(columns)


def read_oracle_version(path: Path) -> str | None:
    """Read which version of this package wrote a museval file; None if another tool did."""
    version: str | None = json.loads(path.read_bytes()).get("oracle_version")
    return version


def _find_targets(path: Path) -> list[Target]:
    try:
        targets = [_parse_target(each) for each in json.loads(path.read_bytes())["targets"]]
        names = [target[0] for target in targets]
        if not targets:
            raise ValueError("no targets")
        if len(set(names)) < len(names):
            raise ValueError(f"a target twice: {', '.join(names)}")
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        what = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise ValueError(f"results must be museval's JSON, got {path}: {what}") from error
    return targets


def _parse_target(target: dict[str, Any]) -> Target:
    name, frames = target["name"], target["frames"]
    if not isinstance(name, str):
        raise TypeError(f"name {name!r}")
    if not frames:
        raise ValueError(f"{name} without windows")
    metrics = frames[0]["metrics"].keys()
    if any(frame["metrics"].keys() != metrics for frame in frames):
        raise ValueError(f"{name}: windows with different metrics")
    return (
        name,
        _parse_numbers(frame["time"] for frame in frames),
        _parse_numbers(frame["duration"] for frame in frames),
        {
            metric: _parse_numbers(frame["metrics"][metric] for frame in frames)
            for metric in metrics
        },
    )


def _parse_numbers(values: Iterable[Any]) -> list[float]:
    numbers = [math.nan if value is None else value for value in values]
    array("d", numbers)  # raises TypeError if one is not a number
    return numbers


def _show_progress(files: Sequence[MusevalFile]) -> Iterable[MusevalFile]:
    from rich.console import Console
    from rich.progress import track

    return track(
        files,
        "Reading",
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    )
