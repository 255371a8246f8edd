"""Results to compare: folders of runs, folders of museval's files, published tables."""

import json
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from oracle.comparison.museval_files import (
    LAYOUTS,
    MusevalFile,
    find_museval_files,
    read_museval_files,
    read_oracle_version,
)
from oracle.comparison.published_tables import PUBLISHED, Published
from oracle.methods import CEILINGS, METHODS
from oracle.metrics.metric import Metric
from oracle.metrics.named import BUILT_IN, read_metrics
from oracle.results.tables import SCORE_COLUMNS, read_scores, tidy
from oracle.runs.earlier_run import FAILED, RUN
from oracle.stft import STFT

if TYPE_CHECKING:
    from pandas import DataFrame


class IncompleteRunWarning(UserWarning):
    """Warns of a run that was interrupted, or in which tracks failed."""


class Method(NamedTuple):
    """A method: its own name, whatever its scores call it, and its STFT if known."""

    name: str
    stft: STFT | None = None
    is_published: bool = False

    @property
    def is_bound(self) -> bool:
        """Whether it is a published bound or a method of this package, and not a system."""
        return self.is_published or self.name in METHODS or self.name in CEILINGS


@dataclass(frozen=True)
class ReadResults:
    """Scores of one or more methods, as read.

    Parameters
    ----------
    name : str
        Name of the results.
    scores : DataFrame
        The columns of ``scores.csv``; the subset is empty if unknown. Published results have
        no rows.
    published : Published, optional
        The aggregate, if nothing else is known.
    is_named : bool, optional
        Whether the caller has chosen the name.
    methods : mapping from str to Method, optional
        The methods by their names in the scores, if a run tells them.
    metrics : mapping from str to Metric, optional
        The metrics by name: those built in, and those of one's own if a run tells them.
    own_metrics : mapping from str to str, optional
        Fingerprints of the latter.
    foreign : frozenset of str, optional
        Methods whose files this package did not write.
    dataset : str, optional
        The dataset, if a run names it.
    """

    name: str
    scores: "DataFrame"
    published: Published | None = None
    is_named: bool = False
    methods: Mapping[str, Method] = field(default_factory=dict)
    metrics: Mapping[str, Metric] = field(default_factory=lambda: BUILT_IN)
    own_metrics: Mapping[str, str] = field(default_factory=dict)
    foreign: frozenset[str] = frozenset()
    dataset: str | None = None

    @property
    def called(self) -> list[str]:
        """The names of the methods in the scores."""
        return self.list_values("method")

    def list_values(self, column: str) -> list[str]:
        """List the values in a column of the scores, or of the published table."""
        table = self.scores if self.published is None else self.published.table
        return list(map(str, table[column].unique()))

    def change_tables(self, change: Callable[["DataFrame"], "DataFrame"]) -> Self:
        """Change the scores and the published table."""
        published = self.published
        if published is not None:
            published = replace(published, table=change(published.table))
        return replace(self, scores=change(self.scores), published=published)

    def find_method(self, called: str) -> Method:
        """Find a method by its name in the scores."""
        return self.methods.get(called, Method(called))


def read_results(source: str | Path, *, progress: bool = False) -> ReadResults:
    """Read results from a folder, or take a published table.

    Parameters
    ----------
    source : str or Path
        One of

        - a folder that `oracle.compute_bounds`, `oracle.compute_sweep` or `oracle.score_system`
          wrote;
        - a folder of museval's JSON files, of one method or several; see
          `oracle.comparison.museval_files.find_museval_files`;
        - a published table, by its name in `oracle.comparison.published_tables.PUBLISHED`, such as
          ``sisec18`` (a folder of that name is ``./sisec18``);
        - any of these as ``NAME=...``, to give it a name.
    progress : bool, optional
        Whether to show a progress bar on standard error, if that is a terminal.

    Returns
    -------
    results : ReadResults
        From a killed run, only the tracks that it had written.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    ValueError
        If it holds no results, or a file is not valid; the message names the file.

    Warns
    -----
    IncompleteRunWarning
        If a run was interrupted, or some of its tracks failed.
    """
    if not isinstance(source, (str, PathLike)):
        raise TypeError(
            "results must be folders, or names of published tables, got "
            f"{type(source).__name__}: give the folder that it was written to (out)"
        )
    name, place = _split(source)
    if place in PUBLISHED:
        published = PUBLISHED[str(place)]()
        called = published.table["method"]
        at = {each: Method(each, published.stft, is_published=True) for each in called}
        own = name or str(place)
        return ReadResults(own, tidy([]), published, is_named=bool(name), methods=at)
    path = Path(place)
    if not path.is_dir():
        what = "it is a file" if path.exists() else "no such folder"
        raise FileNotFoundError(
            f"results must be a folder or one of {', '.join(PUBLISHED)}, got {place}: {what}"
        )
    own = name or path.resolve().name
    if _is_run(path):
        run = _read_settings(path)
        scores = _read_run(path, run)
        methods = _list_methods(run, scores["method"].cat.categories, path)
        metrics, prints = _list_metrics(run, path)
        return ReadResults(
            own,
            scores,
            is_named=bool(name),
            methods=methods,
            metrics=metrics,
            own_metrics=prints,
            dataset=run.get("dataset"),
        )
    parent = path.resolve().parent
    of_a_run = _is_run(parent)
    files = find_museval_files(path, any_subset=of_a_run)
    if not files:
        raise ValueError(
            f"results must be a folder with scores.csv, or with museval's {LAYOUTS}, "
            f"got {place} with neither"
        )
    scores = read_museval_files(files, progress=progress)
    run = _read_settings(parent) if of_a_run else {}
    return ReadResults(
        own,
        scores,
        is_named=bool(name),
        methods=_list_methods(run, scores["method"].cat.categories, parent),
        foreign=_find_foreign(files),
        dataset=run.get("dataset"),
    )


def _split(source: str | Path) -> tuple[str, str | Path]:
    """Split ``NAME=PLACE``, unless a folder has that whole name."""
    if not isinstance(source, str) or "=" not in source or Path(source).exists():
        return "", source
    name, _, place = source.partition("=")
    if not name.strip() or not place:
        raise ValueError(f"results must be a place or NAME=PLACE, got {source!r}")
    return name.strip(), place


def _is_run(path: Path) -> bool:
    return (path / "scores.csv").is_file() or any(path.glob("tracks/*/*.csv"))


def _read_run(path: Path, run: Mapping[str, Any]) -> "DataFrame":
    import pandas as pd

    if (path / "scores.csv").is_file():
        scores = read_scores(path / "scores.csv")
        if (path / FAILED).exists():
            failed = json.loads((path / FAILED).read_bytes())
            _warn(f"{path}: {len(failed)} of its tracks failed; the others are compared")
        if run and "finished" not in run:
            _warn(f"{path}: the run was interrupted; the tracks it finished are compared")
    else:
        scores = pd.concat(map(read_scores, sorted(path.glob("tracks/*/*.csv"))))
        _warn(f"{path} has no scores.csv: the run was killed; the tracks it finished are compared")
    if scores.empty:
        raise ValueError(f"results must hold scores, got {path} with none")
    return scores.astype(dict.fromkeys(SCORE_COLUMNS[:5], "category"))


def _read_settings(folder: Path) -> dict[str, Any]:
    """Read ``run.json``; empty if the run was killed before it was written."""
    path = folder / RUN
    if not path.exists():
        return {}
    try:
        settings = json.loads(path.read_bytes())
        if not isinstance(settings, dict):
            raise TypeError(f"a {type(settings).__name__}")
    except (ValueError, TypeError) as error:
        raise ValueError(f"{RUN} must be that of a run, got {path}: {error}") from error
    return settings


def _list_methods(run: Mapping[str, Any], called: Iterable[str], folder: Path) -> dict[str, Method]:
    """List the methods of a run by their names; a sweep calls each METHOD-N_FFT-HOP."""
    try:
        if "stfts" in run:
            at_each = {
                f"{name}-{stft.n_fft}-{stft.hop_length}": Method(name, stft)
                for stft in map(_make_stft, run["stfts"])
                for name in run["methods"]
            }
            return {name: at_each[name] for name in called}
        if "stft" in run:
            stft = _make_stft(run["stft"])
            return {name: Method(name, stft) for name in called}
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{RUN} must be that of a run, got {folder / RUN}: {error}") from error
    return {}


def _list_metrics(run: Mapping[str, Any], folder: Path) -> tuple[dict[str, Metric], dict[str, str]]:
    """List the metrics of a run by name, and the fingerprints of those of one's own."""
    try:
        own = run.get("own_metrics", {})
        return read_metrics(run), {name: str(said["fingerprint"]) for name, said in own.items()}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"{RUN} must be that of a run, got {folder / RUN}: {error}") from error


def _make_stft(settings: Mapping[str, Any]) -> STFT:
    window = settings["window"]
    if isinstance(window, list):  # JSON has no tuples
        window = tuple(window)
    return STFT(n_fft=settings["n_fft"], hop_length=settings["hop_length"], window=window)


def _find_foreign(files: Iterable[MusevalFile]) -> frozenset[str]:
    first = {file.method: file for file in reversed(list(files))}
    return frozenset(
        method for method, file in first.items() if read_oracle_version(file.path) is None
    )


def _warn(message: str) -> None:
    warnings.warn(message, IncompleteRunWarning, stacklevel=4)
