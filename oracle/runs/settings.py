"""Settings of a run: how its results are made, and how two runs differ."""

import json
import platform
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import version
from typing import Any

from oracle.datasets import Dataset
from oracle.tracks.track import ACCOMPANIMENT, VOCALS, Track

# Entries of run.json that may differ from one run to the next.
OF_ONE_RUN = frozenset({"files", "versions", "started", "finished", "tracks", "notes", "left_out"})

# Entries of run.json with a fingerprint by name: functions, and arrays.
FINGERPRINTED = frozenset({"own_methods", "own_metrics", "arrays"})


def describe_dataset(tracks: Track | Iterable[Track]) -> dict[str, Any]:
    """Describe a dataset for ``run.json``; other tracks have no name."""
    is_pair = bool(tracks.targets if isinstance(tracks, Dataset) else _is_joined(tracks))
    targets = {"targets": [VOCALS, ACCOMPANIMENT]} if is_pair else {}
    if not isinstance(tracks, Dataset):
        return {"dataset": None, **targets}
    root = None if tracks.root is None else str(tracks.root)
    return {
        "dataset": tracks.name,
        "root": root,
        "seconds": tracks.seconds,
        "left_out": [str(each) for each in tracks.left_out],
        **targets,
    }


def _is_joined(tracks: object) -> bool:
    return isinstance(tracks, Track) and bool(tracks.joined)


def list_differences(earlier: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Say in which settings two runs differ, given what their ``run.json`` holds."""
    # Through JSON, as in the file: tuples become lists.
    before, after = _settings(earlier), _settings(json.loads(json.dumps(now)))
    if before["task"] != after["task"]:  # everything else differs too
        before, after = {"task": before["task"]}, {"task": after["task"]}
    for key in {**before, **after}:
        if before.get(key) != after.get(key):
            yield _difference(key, before.get(key), after.get(key))


def _settings(run: Mapping[str, Any]) -> dict[str, Any]:
    """Select what must agree between two runs."""
    settings = {key: value for key, value in run.items() if key not in OF_ONE_RUN}
    return settings | {"oracle": run["versions"]["oracle"]}


def _difference(key: str, before: object, now: object) -> str:
    """Say how a setting differs; for lists, name what was added and removed."""
    if isinstance(before, list) and isinstance(now, list):
        gone = [str(name) for name in before if name not in now]
        new = [str(name) for name in now if name not in before]
        changes = [f"{', '.join(n)} {how}" for n, how in ((new, "added"), (gone, "removed")) if n]
        return f"{key}: {', '.join(changes) or 'in another order'}"
    if key in FINGERPRINTED and isinstance(before, dict) and isinstance(now, dict):
        names = [name for name in {**before, **now} if before.get(name) != now.get(name)]
        before, now = ({n: each.get(n) for n in names} for each in (before, now))
        why = f" ({', '.join(names)}: another function, other values that it reads, or other audio)"
        return f"{key} was {json.dumps(before)} and is now {json.dumps(now)}{why}"
    return f"{key} was {json.dumps(before)} and is now {json.dumps(now)}"


def versions() -> dict[str, str]:
    """Return the versions of this package and of those that results depend on."""
    packages = ("numpy", "scipy", "pandas", "soundfile")
    return {
        "oracle": version("oracle-masks"),
        "python": platform.python_version(),
        **{package: version(package) for package in packages},
    }
