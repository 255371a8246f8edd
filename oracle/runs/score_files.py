"""Files of scores: those of each track as it is done, and tables of all tracks at the end."""

import math
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from oracle.machine.files import file_name, folded, open_whole_file, write_whole
from oracle.metrics.names import MUSEVAL
from oracle.metrics.scorer import Score
from oracle.results.tables import (
    BOUND_COLUMNS,
    SCORE_COLUMNS,
    Row,
    Summaries,
    csv_text,
    museval_json,
    read_scores,
)
from oracle.runs.earlier_run import FAILED, RUN, TRACKS
from oracle.runs.folder_lock import LOCK
from oracle.runs.queue import Turn
from oracle.runs.run_folder import RunFolder, is_disk_error

if TYPE_CHECKING:
    from pandas import DataFrame

SCORES, BOUNDS, SWEEP, FIGURES = "scores.csv", "bounds.csv", "sweep.csv", "figures"
# Names that no method may have.
RESERVED = frozenset({SCORES, BOUNDS, SWEEP, FIGURES, TRACKS, RUN, FAILED, LOCK})


def write_scores(folder: RunFolder, turn: Turn, rows: Sequence[Row]) -> list[Path]:
    """Write the scores of a track: a table of all, and a file per method in museval's format."""
    table = folder.file(TRACKS, turn, ".csv")
    write_whole(table, csv_text(SCORE_COLUMNS, rows))
    by_method: dict[str, list[Score]] = {}
    for row in rows:
        by_method.setdefault(row[2], []).append(Score(*row[3:]))
    written = [table]
    for method, scores in by_method.items():
        if any(score.metric in MUSEVAL for score in scores):
            file = folder.file(file_name(method), turn, ".json")
            write_whole(file, museval_json(scores, folder.version))
            written.append(file)
    return written


def read_earlier(folder: RunFolder, turn: Turn) -> list[Row]:
    """Read the scores of a track that an earlier run wrote."""
    scores = read_scores(folder.file(TRACKS, turn, ".csv"))
    rows = scores.itertuples(index=False, name=None)
    # Scores of whole tracks have no time.
    return [(*row[:5], *(None if math.isnan(t) else t for t in row[5:7]), row[7]) for row in rows]


@contextmanager
def write_tables_at_the_end(folder: RunFolder, summaries: Summaries) -> Iterator[None]:
    """Write all scores and their aggregate at the end, even of an interrupted run."""
    try:
        yield
    except BaseException as error:
        if not is_disk_error(error):
            _write_tables(folder, summaries.table())
        raise
    _write_tables(folder, summaries.table())


def _write_tables(folder: RunFolder, bounds: "DataFrame") -> None:
    with open_whole_file(folder.path / SCORES) as table:
        table.write(csv_text(SCORE_COLUMNS, []))
        for part in folder.files(TRACKS, ".csv"):  # one at a time: they may be many
            with part.open(encoding="utf-8", newline="") as rows:
                next(rows)
                shutil.copyfileobj(rows, table)
    aggregate = bounds.astype(object).itertuples(index=False)
    write_whole(folder.path / BOUNDS, csv_text(BOUND_COLUMNS, aggregate))


def check_method_name(name: str) -> None:
    """Check that a method can have a folder of its own in that of a run.

    Raises
    ------
    ValueError
        If its name is empty, too long, or that of one of the run's files.
    """
    if not name.strip() or folded(name) in RESERVED:
        raise ValueError(
            f"name must not be empty or one of {', '.join(sorted(RESERVED))}, got {name!r}: "
            "choose another name"
        )
    file_name(name)
