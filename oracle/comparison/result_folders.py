"""Results to compare: folders of runs, folders of museval's files, published tables."""

import json
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oracle.comparison.museval_files import LAYOUTS, find_museval_files, read_museval_files
from oracle.comparison.published_tables import sisec18
from oracle.results import SCORE_COLUMNS, read_scores, tidy
from oracle.run_folder import FAILED

if TYPE_CHECKING:
    from pandas import DataFrame

# Published tables, and what to say of them.
PUBLISHED: dict[str, tuple[Callable[[], "DataFrame"], str]] = {
    "sisec18": (
        sisec18,
        "SiSEC 2018's figures of MUSDB18's 50 test tracks; to other tracks there is no comparison",
    )
}


class IncompleteRunWarning(UserWarning):
    """Warns of a run that was interrupted, or in which tracks failed."""


@dataclass(frozen=True)
class Results:
    """Scores of one or more methods.

    Parameters
    ----------
    name : str
        What they are called.
    scores : DataFrame
        The columns of ``scores.csv``; the subset is empty where it is not known. No rows, if
        they are published.
    published : DataFrame, optional
        The aggregate, with the columns of ``bounds.csv``, where nothing else is known.
    is_named : bool, optional
        Whether the caller has chosen the name.
    note : str, optional
        What to say of them: the STFT of bounds, say.
    """

    name: str
    scores: "DataFrame"
    published: "DataFrame | None" = None
    is_named: bool = False
    note: str | None = None


def read_results(source: str | Path, *, progress: bool = False) -> Results:
    """Read results.

    Parameters
    ----------
    source : str or Path
        One of

        - a folder that `oracle.compute_bounds` or `oracle.score_system` wrote;
        - a folder of museval's JSON files, of one method or several; see
          `oracle.comparison.museval_files.find_museval_files`;
        - ``sisec18``, the published table (a folder of that name is ``./sisec18``);
        - any of these as ``NAME=...``, to call it so.
    progress : bool, optional
        Whether to show a progress bar on standard error, if that is a terminal.

    Returns
    -------
    results : Results
        Of a run that was killed, what it had written of each track.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    ValueError
        If it holds no results, or files that are not what they should be, which are named.

    Warns
    -----
    IncompleteRunWarning
        If a run was interrupted, or tracks of it failed.
    """
    name, place = _split(source)
    if place in PUBLISHED:
        load, remark = PUBLISHED[str(place)]
        return Results(name or str(place), tidy([]), load(), is_named=bool(name), note=remark)
    path = Path(place)
    if not path.is_dir():
        what = "it is a file" if path.exists() else "no such folder"
        raise FileNotFoundError(
            f"results must be a folder or {' or '.join(PUBLISHED)}, got {place}: {what}"
        )
    own = name or path.resolve().name
    if _is_run(path):
        scores, note = _read_run(path)
        return Results(own, scores, is_named=bool(name), note=note)
    files = find_museval_files(path, any_subset=_is_run(path.resolve().parent))
    if not files:
        raise ValueError(
            f"results must be a folder with scores.csv, or with museval's {LAYOUTS}, "
            f"got {place} with neither"
        )
    return Results(own, read_museval_files(files, progress=progress), is_named=bool(name))


def _split(source: str | Path) -> tuple[str, str | Path]:
    """Split ``NAME=PLACE``, unless a folder is called so."""
    if not isinstance(source, str) or "=" not in source or Path(source).exists():
        return "", source
    name, _, place = source.partition("=")
    if not name.strip() or not place:
        raise ValueError(f"results must be a place or NAME=PLACE, got {source!r}")
    return name.strip(), place


def _is_run(path: Path) -> bool:
    return (path / "scores.csv").is_file() or any(path.glob("tracks/*/*.csv"))


def _read_run(path: Path) -> tuple["DataFrame", str | None]:
    import pandas as pd

    run = _read_settings(path / "run.json")
    if (path / "scores.csv").is_file():
        scores = read_scores(path / "scores.csv")
        if (path / FAILED).exists():
            failed = json.loads((path / FAILED).read_bytes())
            _warn(f"{path}: {len(failed)} of its tracks failed, the others are compared")
        if run and "finished" not in run:
            _warn(f"{path}: the run was interrupted, what was done is compared")
    else:
        scores = pd.concat(map(read_scores, sorted(path.glob("tracks/*/*.csv"))))
        _warn(f"{path} has no scores.csv: the run was killed, what was done is compared")
    if scores.empty:
        raise ValueError(f"results must hold scores, got {path} with none")
    scores = scores.astype(dict.fromkeys(SCORE_COLUMNS[:5], "category"))
    if "stft" not in run:
        return scores, None
    made_at = "{window} window of {n_fft} samples, hop {hop_length}".format(**run["stft"])
    return scores, f"bounds at this STFT: {made_at}"


def _read_settings(path: Path) -> dict[str, Any]:
    """Read what ``run.json`` says of the run; it may have been killed before that was written."""
    if not path.exists():
        return {}
    try:
        settings = json.loads(path.read_bytes())
        if not isinstance(settings, dict):
            raise TypeError(f"a {type(settings).__name__}")
    except (ValueError, TypeError) as error:
        raise ValueError(f"run.json must be that of a run, got {path}: {error}") from error
    return settings


def _warn(message: str) -> None:
    warnings.warn(message, IncompleteRunWarning, stacklevel=4)
