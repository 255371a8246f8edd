"""The folder of a run: what is written as its tracks are done."""

import json
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oracle.files import file_name, folded, new_folder, write_whole
from oracle.results import BOUND_COLUMNS, SCORE_COLUMNS, Row, csv_text, museval_json
from oracle.scores import MUSEVAL, WINDOW, Score
from oracle.track import Track

if TYPE_CHECKING:
    from pandas import DataFrame

# What the folder of a run holds beside the folders of its methods.
TRACKS = "tracks"
RUN_FILES = frozenset({TRACKS, "scores.csv", "bounds.csv", "run.json"})


class RunFolder:
    """The files of a run, written as its tracks are done.

    Parameters
    ----------
    path : Path
        A new or empty folder.
    settings : dict
        What ``run.json`` says of how the scores were made.

    Raises
    ------
    ValueError
        If the folder is not empty, or is a file.
    """

    def __init__(self, path: Path, settings: dict[str, Any]) -> None:
        self._path = new_folder(path)
        self._parts: list[Path] = []
        self._run: dict[str, Any] = {
            **settings,
            "aggregation": "median over windows, then median and mean over tracks",
            "window_seconds": WINDOW,
            "versions": _versions(),
            "started": _now(),
            "tracks": [],
        }

    def check(self, track: Track) -> None:
        """Check that the track can have files of its own.

        Raises
        ------
        ValueError
            If its name is too long for a file, or another track has had it.
        """
        # File systems may hold two names for one, if they differ in case only.
        names = {folded(str(part)) for part in self._parts}
        if folded(str(self._file(TRACKS, track, ".csv"))) in names:
            raise ValueError(
                f"tracks must have different names in a subset, got two called {track.name!r}"
            )

    def add(self, track: Track, rows: Sequence[Row]) -> None:
        """Write the scores of a track."""
        by_method: dict[str, list[Score]] = {}
        for row in rows:
            by_method.setdefault(row[2], []).append(Score(*row[3:]))
        for method, scores in by_method.items():
            if not any(score.metric in MUSEVAL for score in scores):
                continue
            text = museval_json(scores, self._run["versions"]["oracle"])
            write_whole(self._file(file_name(method), track, ".json"), text)
        part = self._file(TRACKS, track, ".csv")
        write_whole(part, csv_text(SCORE_COLUMNS, rows))
        self._parts.append(part)
        self._run["tracks"].append(
            {
                "name": track.name,
                "subset": track.subset,
                "rate": track.rate,
                "n_channels": track.n_channels,
                "n_samples": track.n_samples,
                "mixture": "sum of the sources" if track.mixture_is_sum else "as delivered",
            }
        )

    def finish(self, bounds: "DataFrame", failures: Sequence[Exception], *, complete: bool) -> None:
        """Write the tables of all tracks, and what made them; when, if the run is complete."""
        write_whole(self._path / "scores.csv", self._all_scores())
        rows = bounds.astype(object).itertuples(index=False)
        write_whole(self._path / "bounds.csv", csv_text(BOUND_COLUMNS, rows))
        self._run["failed"] = [str(failure) for failure in failures]
        if complete:
            self._run["finished"] = _now()
        write_whole(
            self._path / "run.json", json.dumps(self._run, indent=2, ensure_ascii=False) + "\n"
        )

    def _file(self, folder: str, track: Track, suffix: str) -> Path:
        name = file_name(track.name) + suffix
        return self._path / folder / file_name(track.subset) / name

    def _all_scores(self) -> str:
        header = csv_text(SCORE_COLUMNS, [])
        parts = (part.read_text(encoding="utf-8") for part in self._parts)
        return header + "".join(part.removeprefix(header) for part in parts)


def check_method_name(name: str) -> None:
    """Check that a method can have a folder of its own in that of a run.

    Raises
    ------
    ValueError
        If its name is empty, too long, or that of one of the run's files.
    """
    if not name.strip() or folded(name) in RUN_FILES:
        raise ValueError(
            f"name must not be empty or one of {', '.join(sorted(RUN_FILES))}, got {name!r}: "
            "choose another with name, or --name"
        )
    file_name(name)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _versions() -> dict[str, str]:
    packages = ("numpy", "scipy", "pandas", "soundfile")
    return {
        "oracle": version("oracle-masks"),
        "python": platform.python_version(),
        **{package: version(package) for package in packages},
    }
