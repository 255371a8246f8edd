"""An earlier run: what it left in a folder."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from oracle.machine.files import folded
from oracle.runs.additions import Growth, Part, list_cells
from oracle.runs.track_info import TrackInfo

# What the folder of a run holds besides the folders of methods.
TRACKS, RUN, FAILED = "tracks", "run.json", "failed.json"


def read_run(folder: Path) -> dict[str, Any] | None:
    """Read the ``run.json`` of a folder; None if it is of no run."""
    try:
        earlier = json.loads((folder / RUN).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    match earlier:
        case {"task": _, "files": [*files], "versions": {"oracle": str()}, "started": str()}:
            return earlier if all(isinstance(name, str) for name in files) else None
    return None


def read_records(folder: Path, earlier: Mapping[str, Any], growth: Growth) -> dict[str, TrackInfo]:
    """Read what is recorded of tracks, by the names of their files, folded."""
    records = {}
    for file in sorted((folder / TRACKS).glob("*/*.json")):
        try:
            info = TrackInfo(**json.loads(file.read_text(encoding="utf-8")))
            list_cells(info.scored)
        except (ValueError, TypeError):  # edited
            continue
        if not info.scored:  # written before methods could be added: all is done
            whole = Part(list(growth.name_methods(earlier)), earlier.get("metrics", []))
            info = info._replace(scored=[whole])
        records[folded("/".join(file.parts[-2:]))] = info
    return records


def delete_run(folder: Path, earlier: Mapping[str, Any]) -> None:
    """Delete what a run wrote, and nothing else; run.json, which lists it, last."""
    names = [name for name in earlier["files"] if _is_inside(name)]
    for name in (*names, RUN):
        place = folder / name
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place)
        else:
            place.unlink(missing_ok=True)


def _is_inside(name: str) -> bool:
    """Tell whether this is the name of something in a folder, and no path that leads elsewhere."""
    return name not in ("", ".", "..") and not set(name) & {"/", "\\", "\0", ":"}
