"""Results: files on disk, the tidy table of scores, and its aggregate."""

import csv
import io
import json
import os
import platform
import re
import tempfile
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from oracle.scores import MUSEVAL, WINDOW, Score
from oracle.track import Track

if TYPE_CHECKING:
    from pandas import DataFrame

# Values of the columns of scores.csv.
Row = tuple[Any, ...]

SCORE_COLUMNS = ("track", "subset", "method", "target", "metric", "time", "duration", "score")
BOUND_COLUMNS = ("method", "target", "metric", "median", "mean", "n_tracks", "n_windows", "n_nan")

# What the folder of a run holds beside the folders of its methods.
TRACKS = "tracks"
RUN_FILES = frozenset({TRACKS, "scores.csv", "bounds.csv", "run.json"})

# The longest file name, suffix and all, that common file systems hold.
MAX_NAME_BYTES = 255
SUFFIX_BYTES = 32


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


def aggregate(scores: "DataFrame") -> "DataFrame":
    """Aggregate scores over windows and tracks.

    Over the windows of a track the median of those that are not NaN, as museval and SiSEC
    do; over the tracks the median of these, and their mean.

    Parameters
    ----------
    scores : DataFrame
        With the columns of ``scores.csv``: track, subset, method, target, metric, time,
        duration, score.

    Returns
    -------
    bounds : DataFrame
        One row per method, target and metric, in their order in `scores`, with columns
        method, target, metric, median, mean (in dB, NaN if every score is NaN), n_tracks,
        n_windows (how many scores; whole-track metrics have one a track) and n_nan (how
        many of them are NaN).
    """
    return over_tracks(over_windows(scores))


def over_windows(scores: "DataFrame") -> "DataFrame":
    """Aggregate scores over the windows of each track: the first half of `aggregate`.

    Returns a row per track, method, target and metric, with the columns score (the
    median), n_windows and n_nan.
    """
    keys = ["subset", "track", "method", "target", "metric"]
    scores_of = scores.groupby(keys, sort=False)["score"]
    table = scores_of.agg(["median", "size", "count"])
    table["count"] = table["size"] - table["count"]
    table.columns = ["score", "n_windows", "n_nan"]
    return table.reset_index()


def over_tracks(summaries: "DataFrame") -> "DataFrame":
    """Aggregate the results of `over_windows` over tracks: the second half of `aggregate`."""
    by_bound = summaries.groupby(["method", "target", "metric"], sort=False)
    table = by_bound["score"].agg(["median", "mean", "size"])
    table = table.rename(columns={"size": "n_tracks"})
    table = table.join(by_bound[["n_windows", "n_nan"]].sum())
    return table.reset_index()[list(BOUND_COLUMNS)]


def tidy(rows: Iterable[Row]) -> "DataFrame":
    """Make a table of scores of rows like those of ``scores.csv``."""
    # Imported late: `import oracle` stays quick.
    import pandas as pd

    table = pd.DataFrame(list(rows), columns=list(SCORE_COLUMNS))
    types: dict[str, Any] = dict.fromkeys(SCORE_COLUMNS[:5], "str")
    return table.astype(types | dict.fromkeys(SCORE_COLUMNS[5:], np.float64))


def read_scores(path: str | Path) -> "DataFrame":
    """Read a ``scores.csv``, exactly as it was written.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    scores : DataFrame
        Names are text, also a track called ``nan``; times and scores are float64.
    """
    with open(path, encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    if tuple(header) != SCORE_COLUMNS:
        raise ValueError(f"{path} must have columns {', '.join(SCORE_COLUMNS)}, got {header}")
    return tidy((*row[:5], *(float(value or "nan") for value in row[5:])) for row in rows)


def museval_json(scores: Iterable[Score], oracle_version: str) -> str:
    """Format the framewise scores of a track and method as museval does.

    Parameters
    ----------
    scores : iterable of Score
        Scores of every target; only museval's metrics are written. One that was not
        computed is NaN, and so is an infinite one, as museval has it.
    oracle_version : str
        Version of this package.

    Returns
    -------
    text : str
        JSON with NaN: museval's stores read it.
    """
    frames: dict[str, dict[float, dict[str, float]]] = {}
    for score in scores:
        if score.metric in MUSEVAL and score.time is not None:
            target = frames.setdefault(score.target, {})
            target.setdefault(score.time, {})[score.metric] = score.score
    targets = [
        {
            "name": name,
            "frames": [
                {
                    "time": time,
                    "duration": WINDOW,
                    "metrics": {m: _rounded(values.get(m)) for m in MUSEVAL},
                }
                for time, values in target.items()
            ],
        }
        for name, target in frames.items()
    ]
    return json.dumps({"targets": targets, "oracle_version": oracle_version}, indent=2)


def _rounded(value: float | None) -> float:
    return round(value, 5) if value is not None and np.isfinite(value) else np.nan


def file_name(name: str) -> str:
    """Turn any name into the name of a file.

    Characters that Linux, macOS or Windows do not allow are percent-encoded, and so is a
    dot at the start; all others, also emoji, stay. `urllib.parse.unquote` turns it back.

    Raises
    ------
    ValueError
        If the name is too long for a file.

    Examples
    --------
    >>> file_name("AC/DC - T.N.T."), file_name("../etc")
    ('AC%2FDC - T.N.T.', '%2E.%2Fetc')
    """
    encoded = re.sub(r'[\x00-\x1f\x7f<>:"/\\|?*%]|^\.', _percent, name)
    if len(encoded.encode()) > MAX_NAME_BYTES - SUFFIX_BYTES:
        raise ValueError(
            f"name must fit a file name, at most {MAX_NAME_BYTES - SUFFIX_BYTES} bytes, got "
            f"{len(encoded.encode())} in {name[:40]!r}..."
        )
    return encoded


def folded(name: str) -> str:
    """Reduce a name to what file systems may hold it for: case and composition may not count."""
    return unicodedata.normalize("NFC", name).casefold()


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


def _percent(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in match.group().encode())


def new_folder(path: Path) -> Path:
    """Make a folder for results, where there is none with anything in it.

    Raises
    ------
    ValueError
        If it is a file, is not empty, or cannot be written to.
    """
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        state = "it is not empty" if path.is_dir() else "it is a file"
        raise ValueError(f"out must be a new or an empty folder, got {path}: {state}")
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):  # better now than at the end of the run
            pass
    except OSError as error:
        raise ValueError(f"out must be a folder to write to, got {path} ({error})") from error
    return path


def csv_text(columns: Sequence[str], rows: Iterable[Row]) -> str:
    """Format rows as CSV: empty for None, ``nan`` and ``inf``, floats with all digits."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()


def write_whole(path: Path, text: str) -> None:
    """Write a file under another name, then rename it: a file that exists is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".part")
    try:
        partial.write_text(text, encoding="utf-8", newline="")
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _versions() -> dict[str, str]:
    packages = ("numpy", "scipy", "pandas", "soundfile")
    return {
        "oracle": version("oracle-masks"),
        "python": platform.python_version(),
        **{package: version(package) for package in packages},
    }
