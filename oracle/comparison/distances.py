"""Distances: how far systems score below bounds, and where they exceed ceilings."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from oracle.comparison.differences import DIFFERENCE_COLUMNS
from oracle.comparison.result_folders import Method, ReadResults
from oracle.optimal.named import NamedClass

if TYPE_CHECKING:
    from pandas import DataFrame

# A common mask: distances go to it, to the best mask of a class, and to the class's ceiling.
IN_USE = "IRM2"

# A smaller excess over a ceiling is rounding: files hold five decimals, estimates maybe 16 bits.
TOLERANCE_DB = 1e-3

Pair = tuple[str, str]  # a bound and a system, by their labels


def pair_with_bounds(
    systems: Sequence[str], methods: Mapping[str, Method], masks: NamedClass
) -> list[Pair]:
    """Pair each system with the bounds to measure its distance to.

    Parameters
    ----------
    systems : sequence of str
        Labels of the systems.
    methods : mapping from str to Method
        All methods, by label.
    masks : NamedClass
        The class of masks that the systems predict.
    """
    wanted = (IN_USE, masks.method, masks.ceiling)
    bounds = [label for label, method in methods.items() if method.name in wanted]
    return [(bound, system) for system in systems for bound in bounds]


def count_above(pairs: Iterable[Pair], results: Sequence[ReadResults]) -> "DataFrame":
    """Count the windows in which systems exceed ceilings, for results with scores by track.

    Parameters
    ----------
    pairs : iterable of (str, str)
        Each a ceiling and a system.
    results : sequence of ReadResults
        All results, with methods named by their labels.

    Returns
    -------
    counts : DataFrame
        Columns bound, method (the system), target, metric, and n_windows and n_above as in
        `count_windows_above`.
    """
    import pandas as pd

    pairs = list(pairs)
    asked = {label for pair in pairs for label in pair}
    scores = {
        label: each.scores[each.scores["method"] == label]
        for each in results
        if each.published is None
        for label in each.called
        if label in asked
    }
    rows = []
    for bound, system in pairs:
        if bound in scores and system in scores:
            counts = count_windows_above(scores[system], scores[bound])
            for key, row in zip(counts.index, counts.to_numpy().tolist(), strict=True):
                rows.append((bound, system, *key, *row))
    columns = ["bound", "method", "target", "metric", "n_windows", "n_above"]
    table = pd.DataFrame(rows, columns=columns)
    return table.astype({"n_windows": "Int64", "n_above": "Int64"})


def count_windows_above(system: "DataFrame", ceiling: "DataFrame") -> "DataFrame":
    """Count the windows in which a system exceeds a ceiling by more than 0.001 dB.

    Parameters
    ----------
    system, ceiling : DataFrame
        Scores of one method each, with the columns of ``scores.csv``. Windows match if time
        and duration agree to the millisecond.

    Returns
    -------
    counts : DataFrame
        By target and metric: n_windows, in which both have a score, and n_above. Metrics of
        whole tracks have one window per track.
    """
    keys = ["subset", "track", "target", "metric", "time", "duration"]
    one, two = (
        table.dropna(subset="score")
        .astype(dict.fromkeys(keys[:4], "str"))
        .round({"time": 3, "duration": 3})[[*keys, "score"]]
        for table in (system, ceiling)
    )
    both = one.merge(two, on=keys, suffixes=("", "_ceiling"))
    both["above"] = both["score"] > both["score_ceiling"] + TOLERANCE_DB
    counts = both.groupby(["target", "metric"], sort=False)["above"].agg(["size", "sum"])
    return counts.rename(columns={"size": "n_windows", "sum": "n_above"})


def make_distances(differences: "DataFrame", counts: "DataFrame") -> "DataFrame":
    """Turn differences between bounds and systems into distances, with counts above ceilings.

    Parameters
    ----------
    differences : DataFrame
        From `oracle.comparison.differences.compute_differences`: method is the bound, other the
        system.
    counts : DataFrame
        From `count_above`.

    Returns
    -------
    distances : DataFrame
        As in `oracle.Comparison`.
    """
    table = differences.rename(columns={"method": "bound", "other": "method"})
    keys = ["method", "bound", "target", "metric"]
    columns = [*keys, *DIFFERENCE_COLUMNS, "n_windows", "n_above"]
    return table.merge(counts, how="left", on=keys)[columns]
