"""Comparison: results side by side, and how far they are from the bounds."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from oracle.comparison.differences import DIFFERENCE_COLUMNS, differences_between, windows_above
from oracle.comparison.labels import choose_labels, named_apart
from oracle.comparison.left_out import explain_missing
from oracle.comparison.matching import matched, selected
from oracle.comparison.notes import (
    class_notes,
    missing_tracks,
    origin_notes,
    stft_notes,
    unequal_windows,
)
from oracle.comparison.published_tables import Published
from oracle.comparison.result_folders import Results, read_results
from oracle.optimal.named import REAL, NamedClass, find_classes
from oracle.results.statistics import check_confidence
from oracle.results.tables import (
    BOUND_COLUMNS,
    INTERVAL_COLUMNS,
    OverWindows,
    over_tracks,
    over_windows,
)

if TYPE_CHECKING:
    from pandas import DataFrame

# A mask in use, to which distances go beside those to the best of a class, and to its ceiling.
IN_USE = "IRM2"


@dataclass(frozen=True)
class Comparison:
    """What `compare` found. Scores, differences and ends of intervals are in dB.

    Parameters
    ----------
    scores : DataFrame
        A row a method, target and metric: median and mean over tracks, n_tracks, n_windows,
        n_nan, n_inf, mean_finite, and the ends of their confidence intervals median_low,
        median_high, mean_low and mean_high; see `oracle.results.aggregate`.
    paired : DataFrame
        A row a method but `against`, target and metric: how much higher the method is than
        `against`. Columns method, against, target, metric, paired, n_tracks; median and mean
        of the differences over the tracks with a score of both, with intervals; p_value of
        Wilcoxon's test (`oracle.results.statistics.wilcoxon_p_value`), not corrected for how many
        there are. Of a published table scores by track are not known: then `paired` is False,
        n_tracks 0, and the differences are those of the medians and means. What has nothing to
        subtract is left out: methods without a track with a score of both, and a published
        table and methods that are not of its tracks.
    distances : DataFrame
        A row a system, bound, target and metric: how much higher the bound is than the
        system. Columns method, bound, those of `paired` but against and p_value; n_windows
        and n_above, of a ceiling and a system with tracks alone: in how many windows (of
        uSDR: tracks) both have a score, and in how many of these the system lies above the
        ceiling, by more than 0.001 dB. Such a system applies no mask of the class at that STFT.
    tracks : DataFrame
        A row a track, method, target and metric: subset, track, method, target, metric,
        score (over the windows of the track), n_windows, n_nan, n_inf.
    systems : tuple of str
        The methods that are no bounds.
    against : str
        The method of reference in `paired`.
    mask_class : str
        The class of masks of the bounds in `distances`.
    windows : {"median", "mean"}
        What was taken over the windows of a track.
    confidence : float
        Of the intervals.
    notes : tuple of str
        What a reader must know of the results: the STFTs of bounds, tracks that not all
        have, what is published, what was left out and why.
    """

    scores: "DataFrame"
    paired: "DataFrame"
    distances: "DataFrame"
    tracks: "DataFrame"
    systems: tuple[str, ...]
    against: str
    mask_class: str
    windows: OverWindows
    confidence: float
    notes: tuple[str, ...]


def compare(
    results: Iterable[str | Path],
    *,
    metrics: Sequence[str] = ("SDR",),
    targets: Sequence[str] | None = None,
    against: str | None = None,
    mask_class: str = REAL,
    windows: OverWindows = "median",
    confidence: float = 0.95,
    progress: bool = False,
) -> Comparison:
    """Set results side by side: scores, paired differences, and distances to the bounds.

    Methods are called as in their results; where two results have one of the same name, or
    the caller names the results, ``RESULTS: METHOD``, and the only system of named results
    as these. Where bounds are of several STFTs each says its own: ``IRM2 (hann 4096/1024)``.
    What is called like a bound (a name in `oracle.methods.METHODS` or ``CEILINGS``), or so in a
    sweep, is one, all else a system.
    Tracks of two results are the same if their names are, and their subsets where both tell
    them. Their scores are compared as they are: over the windows in which each has one.

    Parameters
    ----------
    results : iterable of str or Path
        Folders of runs or of museval's files, or ``sisec18``; ``NAME=...`` names one. See
        `oracle.comparison.result_folders.read_results`.
    metrics, targets : sequence of str, optional
        Some of those in the results: SDR alone, and all targets by default.
    against : str, optional
        The method that others are compared with. By default the first system, or the first
        method if all are bounds.
    mask_class : str, optional
        The class of masks, a name in `oracle.optimal.CLASSES`, that the systems predict: distances
        go to IRM2, and to the best mask and the ceiling of this class. By default ``REAL``, masks
        in [0, 1].
    windows : {"median", "mean"}, optional
        What to take over the windows of a track.
    confidence : float, optional
        Of the bootstrap intervals, between 0 and 1.
    progress : bool, optional
        Whether to show a progress bar on standard error, if that is a terminal.

    Returns
    -------
    comparison : Comparison

    Raises
    ------
    TypeError
        If results, metrics or targets come as one string.
    ValueError
        If there are no results, the caller calls two the same, they have no such method,
        metric or target, there is no such class of masks, they have no bound of it (unless it
        is ``REAL``), `windows` or `confidence` is out of range, or `windows` is not median and a
        published table is.
    FileNotFoundError
        If there is no such folder.

    Warns
    -----
    IncompleteRunWarning
        If a run was interrupted, or tracks of it failed.

    Examples
    --------
    >>> comparison = compare(["sisec18"], targets=["vocals"], against="IRM2")
    >>> comparison.paired[["method", "against", "median", "paired"]].tail(2).round(2)
            method against  median  paired
    3  MWF-SISEC18    IRM2   -0.30   False
    4          MIX    IRM2   -8.31   False
    """
    import pandas as pd

    for argument, value in (("results", results), ("metrics", metrics), ("targets", targets)):
        if isinstance(value, (str, Path)):
            raise TypeError(f"{argument} must be several, got {value!r}")
    check_confidence(confidence)
    (masks,) = find_classes([mask_class])
    read = named_apart([read_results(source, progress=progress) for source in results])
    if not read:
        raise ValueError("results must name at least one, got none")
    labels = choose_labels(read)
    method_of = {
        label: each.method(called)
        for each, names in zip(read, labels, strict=True)
        for called, label in names.items()
    }
    systems = tuple(label for label, method in method_of.items() if not method.is_bound)
    against = _reference(against, [*systems, *method_of])
    names_found = {method.name for method in method_of.values()}
    _check_bounds_of(masks, names_found)
    found = [
        _relabelled(each, names)
        for each, names in zip(
            matched(selected(read, metrics=metrics, targets=targets)), labels, strict=True
        )
    ]
    summaries = [_summary(each.scores, windows) for each in found]
    scores = pd.concat(
        [
            over_tracks(summary, confidence=confidence)
            if each.published is None
            else _published(each.name, each.published, windows)
            for each, summary in zip(found, summaries, strict=True)
        ],
        ignore_index=True,
    )
    tracks = pd.concat(summaries, ignore_index=True)
    near = [
        label
        for label, method in method_of.items()
        if method.name in (IN_USE, masks.method, masks.ceiling)
    ]
    pairs = [(bound, system) for system in systems for bound in near]
    others = [(label, against) for label in method_of if label != against]
    published = {
        label: each.published.tracks
        for each in found
        if each.published is not None
        for label in each.called
    }
    left_out = []

    def differences(pairs: Iterable[tuple[str, str]]) -> "DataFrame":
        table = differences_between(
            scores, tracks, pairs, published=published, confidence=confidence
        )
        nothing = table["median"].isna()
        left_out.append(table[nothing])
        return table[~nothing].reset_index(drop=True)

    paired = differences(others)
    distances = differences(pairs)
    windows_of = {
        label: each.scores[each.scores["method"] == label]
        for each in found
        if each.published is None
        for label in each.called
        if label in systems or method_of[label].name == masks.ceiling
    }
    above = {
        (bound, system): windows_above(windows_of[system], windows_of[bound])
        for bound, system in pairs
        if bound in windows_of and system in windows_of
    }
    return Comparison(
        scores=scores,
        paired=paired.rename(columns={"other": "against"}),
        distances=_distances(distances, above),
        tracks=tracks,
        systems=systems,
        against=against,
        mask_class=masks.name,
        windows=windows,
        confidence=confidence,
        notes=(
            *stft_notes(read),
            *(class_notes(masks, names_found) if systems else ()),
            *origin_notes(read, labels),
            *missing_tracks(found, metrics),
            *unequal_windows([each.name for each in found], summaries),
            *explain_missing(pd.concat(left_out), found, scores, tracks),
        ),
    )


def _reference(against: str | None, labels: Sequence[str]) -> str:
    if against is not None and against not in labels:
        known = ", ".join(dict.fromkeys(labels))
        raise ValueError(f"against must be one of {known}, got {against!r}")
    return labels[0] if against is None else against


def _check_bounds_of(masks: NamedClass, names: Collection[str]) -> None:
    # Of masks in [0, 1], which nobody needs to ask for, bounds may be missing.
    if masks.name != REAL and not {masks.method, masks.ceiling} & set(names):
        raise ValueError(
            f"results must hold {masks.method} or {masks.ceiling} for distances to the bounds of "
            f"the class {masks.name}, got neither: 'oracle bounds DATASET --methods "
            f"IRM2,{masks.method},{masks.ceiling} --out FOLDER' computes them"
        )


def _relabelled(results: Results, labels: Mapping[str, str]) -> Results:
    return results.with_tables(lambda t: t.assign(method=t["method"].map(labels)))


def _summary(scores: "DataFrame", windows: OverWindows) -> "DataFrame":
    names = ("subset", "track", "method", "target", "metric")
    return over_windows(scores, windows=windows).astype(dict.fromkeys(names, "str"))


def _published(name: str, published: Published, windows: OverWindows) -> "DataFrame":
    """Give what is published the columns of an aggregate with intervals."""
    if windows != "median":
        raise ValueError(
            f"windows must be median beside {name}, which is published so, got {windows!r}"
        )
    # Files that hold no infinite scores have NaN for them.
    table = published.table.assign(n_inf=0, mean_finite=published.table["mean"])
    return table.reindex(columns=[*BOUND_COLUMNS, *INTERVAL_COLUMNS])


def _distances(table: "DataFrame", above: Mapping[tuple[str, str], "DataFrame"]) -> "DataFrame":
    """Turn differences of bounds from systems into distances, with what lies above ceilings."""
    import pandas as pd

    counts = pd.DataFrame(
        [
            (bound, system, *key, *row)
            for (bound, system), of_pair in above.items()
            for key, row in zip(of_pair.index, of_pair.to_numpy().tolist(), strict=True)
        ],
        columns=["bound", "method", "target", "metric", "n_windows", "n_above"],
    ).astype({"n_windows": "Int64", "n_above": "Int64"})
    table = table.rename(columns={"method": "bound", "other": "method"})
    keys = ["method", "bound", "target", "metric"]
    columns = [*keys, *DIFFERENCE_COLUMNS, "n_windows", "n_above"]
    return table.merge(counts, how="left", on=keys)[columns]
