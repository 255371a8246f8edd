"""Figures that commands write beside tables of scores."""

import sys
import warnings
from collections.abc import Collection, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from oracle import plots
from oracle.comparison.labels import read_label
from oracle.comparison.side_by_side import Comparison
from oracle.comparison.window_scores import read_windows
from oracle.methods import CEILINGS, METHODS
from oracle.metrics.metric import Metric
from oracle.metrics.named import read_metrics
from oracle.metrics.names import METRICS
from oracle.optimal.named import CLASSES
from oracle.plots.captions import write_figures
from oracle.plots.score_figures import KINDS, Scores, list_score_figures
from oracle.results.results import Results
from oracle.results.tables import over_windows
from oracle.runs.progress import show_progress
from oracle.runs.score_files import FIGURES

if TYPE_CHECKING:
    from pandas import DataFrame

# The metrics drawn of those computed by default, unless asked for: those that have a ceiling.
DRAWN = ("SDR", "uSDR")

# The files that an earlier run may have left; other files are the user's.
DRAWINGS = ("index.html", *(f"{kind}-*.{end}" for kind in KINDS for end in ("png", "pdf")))

# A common mask, which systems are drawn against.
IN_USE = "IRM2"


def draw_results(results: Results, metrics: Sequence[str] | None) -> None:
    """Write the figures of bounds to their folder, if they have one.

    Parameters
    ----------
    results : Results
    metrics : sequence of str or None
        Metrics that were asked for.
    """
    if results.out is None or results.table.empty or not _can_draw():
        return
    known, names = read_metrics(results.settings), _choose_metrics(results, metrics or ())
    tracks = _summarize(results, names)
    methods = list(tracks["method"].unique())
    scores = Scores(
        tracks=tracks,
        read_windows=partial(_find_track, results),
        metrics=[known[name] for name in names],
        systems=[name for name in methods if name not in METHODS and name not in CEILINGS],
        ceiling=next((name for name in methods if name in CEILINGS), None),
        bound=None,
    )
    _write(scores, results.out, f"Bounds: {results.settings.get('dataset') or 'figures'}")


def draw_comparison(
    comparison: Comparison,
    results: Sequence[str | Path],
    out: Path,
    *,
    metrics: Sequence[str],
    targets: Sequence[str] | None,
) -> None:
    """Write the figures of a comparison to its folder.

    Parameters
    ----------
    comparison : Comparison
    results, metrics, targets
        What was compared, as in `oracle.compare`.
    out : Path
        The folder.
    """
    if not _can_draw():
        return
    methods = list(map(str, comparison.scores["method"].unique()))
    drawn = set(comparison.tracks["method"])
    bounds = {name: read_label(name) for name in methods if name not in comparison.systems}
    found = [name for name in bounds if name in drawn]
    limit = CLASSES[comparison.mask_class].ceiling
    scores = Scores(
        tracks=comparison.tracks,
        read_windows=lambda subset, track: read_windows(
            results, subset=subset, track=track, metrics=metrics, targets=targets
        ),
        metrics=[comparison.metrics.get(name, Metric(name)) for name in metrics],
        systems=[name for name in comparison.systems if name in drawn],
        ceiling=next((name for name in found if bounds[name] == limit), None),
        bound=next((name for name in found if bounds[name] == IN_USE), next(iter(found), None)),
        missing=[name for name in methods if name not in drawn],
        windows=comparison.windows,
    )
    _write(scores, out, "Comparison")


def _can_draw() -> bool:
    """Tell whether figures can be drawn; if not, say how to get them."""
    try:
        plots.check_matplotlib()
    except ImportError as error:
        print(f"oracle: no figures: {error}", file=sys.stderr)
        return False
    return True


def _choose_metrics(results: Results, asked: Collection[str]) -> list[str]:
    """Choose the metrics to draw: all that the folder has, but of the default ones only some."""
    found = results.settings["metrics"]
    if not set(METRICS) <= set(found):
        return list(found)
    return [name for name in found if name in DRAWN or name in asked or name not in METRICS]


def _write(scores: Scores, out: Path, title: str) -> None:
    figures = list_score_figures(scores)
    for drawing in [path for name in DRAWINGS for path in (out / FIGURES).glob(name)]:
        drawing.unlink()  # of other metrics, or fewer tracks
    if figures:
        with show_progress(True, None) as shown, warnings.catch_warnings():
            # The font of the figures may lack a character of a name: a box takes its place.
            warnings.filterwarnings("ignore", "Glyph .* missing from font")
            write_figures(figures, out / FIGURES, title=title, dpi=150, advance=shown.part)


def _summarize(results: Results, metrics: Sequence[str]) -> "DataFrame":
    """Aggregate scores over the windows of each track, some tracks at a time."""
    import pandas as pd

    tables = [
        over_windows(table[table["metric"].isin(metrics)]) for table in results.spool.tables()
    ]
    return pd.concat(tables, ignore_index=True)


def _find_track(results: Results, subset: str, track: str) -> "DataFrame":
    """Find every score of a track."""
    import pandas as pd

    tables = [
        table[(table["subset"] == subset) & (table["track"] == track)]
        for table in results.spool.tables()
    ]
    return pd.concat(tables, ignore_index=True)
