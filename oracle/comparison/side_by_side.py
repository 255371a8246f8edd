"""Comparison: results side by side, and how far they are from the bounds."""

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from oracle.comparison.differences import compute_differences
from oracle.comparison.distances import count_above, make_distances, pair_with_bounds
from oracle.comparison.labels import choose_labels, name_apart
from oracle.comparison.left_out import explain_missing
from oracle.comparison.matching import match_tracks, select_scores
from oracle.comparison.notes import (
    note_classes,
    note_missing_tracks,
    note_origins,
    note_other_metrics,
    note_stfts,
    note_two_sources,
    note_unequal_windows,
)
from oracle.comparison.result_folders import Method, ReadResults, read_results
from oracle.comparison.summaries import aggregate_all, summarize
from oracle.comparison.tables import lay_out
from oracle.displays.pages import page_html, page_text
from oracle.metrics.metric import Metric
from oracle.optimal.named import REAL, NamedClass, find_classes
from oracle.results.statistics import check_confidence
from oracle.results.tables import OverWindows

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True, repr=False, eq=False)
class Comparison:
    """Results of `compare`, shown as tables when printed or in a notebook.

    Scores, differences and ends of intervals are in the unit of their metric.

    Parameters
    ----------
    scores : DataFrame
        A row per method, target and metric: median and mean over tracks, n_tracks, n_windows,
        n_nan, n_inf, mean_finite, and the ends of the confidence intervals median_low,
        median_high, mean_low and mean_high; see `oracle.results.aggregate`. n_windows and n_nan
        are NA where a published table does not tell them.
    paired : DataFrame
        A row per method other than `against`, target and metric: how much higher the method
        scores than `against`. Columns method, against, target, metric, paired, n_tracks; median
        and mean of the differences over the tracks where both have a score, with intervals;
        p_value of Wilcoxon's test (`oracle.results.statistics.wilcoxon_p_value`), not corrected
        for the number of tests. A published table has no scores by track: `paired` is then
        False, n_tracks is 0, and the differences are those of the medians and of the means. Rows
        with nothing to subtract are left out: methods that share no scored track, and published
        methods beside methods scored on other tracks.
    distances : DataFrame
        A row per system, bound, target and metric: how much higher the bound scores than the
        system. Columns method and bound; those of `paired` without `against`; and, for a
        ceiling and a system with scores by track, n_windows and n_above: the number of windows
        (for uSDR: tracks) where both have a score, and of those where the system exceeds the
        ceiling by more than 0.001 dB. No mask of the class at that STFT does that.
    tracks : DataFrame
        A row per track, method, target and metric: subset, track, method, target, metric,
        score (over the windows of the track), n_windows, n_nan, n_inf.
    metrics : mapping from str to Metric
        What is known of the metrics, by name.
    systems : tuple of str
        The methods that are not bounds.
    against : str
        The method of reference in `paired`.
    mask_class : str
        The class of masks of the bounds in `distances`.
    windows : {"median", "mean"}
        The statistic over the windows of a track.
    confidence : float
        Level of the intervals.
    notes : tuple of str
        What readers must know about the results: the STFTs of bounds, missing tracks, which
        results are published, what was left out and why.
    """

    scores: "DataFrame"
    paired: "DataFrame"
    distances: "DataFrame"
    tracks: "DataFrame"
    metrics: Mapping[str, Metric]
    systems: tuple[str, ...]
    against: str
    mask_class: str
    windows: OverWindows
    confidence: float
    notes: tuple[str, ...]

    def __repr__(self) -> str:
        return page_text(lay_out(self))

    def _repr_html_(self) -> str:
        return page_html(lay_out(self))


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

    Methods keep their names. They become ``RESULTS: METHOD`` if two results share a name, or
    if the caller names the results; the only method of named results, if a system, takes the
    name of the results. If the bounds use several STFTs, each names its own:
    ``IRM2 (hann 4096/1024)``.
    A method with the name of a bound (in `oracle.methods.METHODS` or ``CEILINGS``, also in a
    sweep) is a bound; every other is a system.
    Tracks match by name, and by subset if both results have subsets. Scores are compared as they
    are, each over the windows that have one.

    Parameters
    ----------
    results : iterable of str or Path
        Folders of runs or of museval's files, or published tables such as ``sisec18``; ``NAME=...``
        names one. See
        `oracle.comparison.result_folders.read_results`.
    metrics, targets : sequence of str, optional
        Some of those in the results: SDR alone, and all targets by default.
    against : str, optional
        The method to compare the others with. By default the first system, or the first
        method if all are bounds.
    mask_class : str, optional
        The class of masks that the systems predict, a name in `oracle.optimal.CLASSES`. Distances
        go to IRM2, and to the best mask and the ceiling of this class. By default ``REAL``, masks
        in [0, 1].
    windows : {"median", "mean"}, optional
        The statistic over the windows of a track.
    confidence : float, optional
        Level of the bootstrap intervals, between 0 and 1.
    progress : bool, optional
        Whether to show a progress bar on standard error, if that is a terminal.

    Returns
    -------
    comparison : Comparison

    Raises
    ------
    TypeError
        If `results`, `metrics` or `targets` is one string.
    ValueError
        If there are no results, the caller gives two the same name, they lack the method, a
        metric or a target, the class of masks is unknown, they have no bound of it (unless it is
        ``REAL``), `windows` or `confidence` is out of range, or `windows` is not the statistic of
        a published table.
    FileNotFoundError
        If there is no such folder.

    Warns
    -----
    IncompleteRunWarning
        If a run was interrupted, or some of its tracks failed.

    Examples
    --------
    >>> comparison = compare(["sisec18"], targets=["vocals"], against="IRM2")
    >>> comparison.paired[["method", "against", "median", "paired"]].tail(2).round(2)
            method against  median  paired
    3  MWF-SISEC18    IRM2   -0.30   False
    4          MIX    IRM2   -8.31   False
    """
    import pandas as pd

    _check_several(results=results, metrics=metrics, targets=targets)
    check_confidence(confidence)
    (masks,) = find_classes([mask_class])
    read = _read(results, progress=progress)
    labels = choose_labels(read)
    methods = _list_methods(read, labels)
    systems = tuple(label for label, method in methods.items() if not method.is_bound)
    against = _choose_reference(against, [*systems, *methods])
    names = {method.name for method in methods.values()}
    _check_has_bounds(masks, names)

    matched = match_tracks(select_scores(read, metrics=metrics, targets=targets))
    matched = [_relabel(each, called) for each, called in zip(matched, labels, strict=True)]
    summaries = [summarize(each, windows) for each in matched]
    scores = aggregate_all(matched, summaries, windows=windows, confidence=confidence)
    tracks = pd.concat(summaries, ignore_index=True)

    subtract = partial(
        compute_differences,
        scores,
        tracks,
        published=_list_coverage(matched),
        confidence=confidence,
    )
    others = [(label, against) for label in methods if label != against]
    pairs = pair_with_bounds(systems, methods, masks)
    paired, unpaired = _split_missing(subtract(others))
    distant, no_distance = _split_missing(subtract(pairs))
    ceilings = [pair for pair in pairs if methods[pair[0]].name == masks.ceiling]
    return Comparison(
        scores=scores,
        paired=paired.rename(columns={"other": "against"}),
        distances=make_distances(distant, count_above(ceilings, matched)),
        tracks=tracks,
        metrics={name: metric for each in reversed(read) for name, metric in each.metrics.items()},
        systems=systems,
        against=against,
        mask_class=masks.name,
        windows=windows,
        confidence=confidence,
        notes=(
            *note_stfts(read),
            *note_two_sources(read),
            *(note_classes(masks, names) if systems else ()),
            *note_origins(read, labels),
            *note_other_metrics(matched, metrics),
            *note_missing_tracks(matched, metrics),
            *note_unequal_windows([each.name for each in matched], summaries),
            *explain_missing(pd.concat([unpaired, no_distance]), matched, scores, tracks),
        ),
    )


def _check_several(**arguments: object) -> None:
    for argument, value in arguments.items():
        if isinstance(value, (str, Path)):
            raise TypeError(f"{argument} must be several, got {value!r}")


def _read(sources: Iterable[str | Path], *, progress: bool) -> list[ReadResults]:
    read = name_apart([read_results(source, progress=progress) for source in sources])
    if not read:
        raise ValueError("results must name at least one, got none")
    return read


def _list_methods(
    results: Sequence[ReadResults], labels: Sequence[Mapping[str, str]]
) -> dict[str, Method]:
    """List the methods of all results by their labels."""
    return {
        label: each.find_method(called)
        for each, names in zip(results, labels, strict=True)
        for called, label in names.items()
    }


def _choose_reference(against: str | None, labels: Sequence[str]) -> str:
    """Choose the method of reference: the first, unless another is asked for."""
    if against is not None and against not in labels:
        known = ", ".join(dict.fromkeys(labels))
        raise ValueError(f"against must be one of {known}, got {against!r}")
    return labels[0] if against is None else against


def _check_has_bounds(masks: NamedClass, names: Collection[str]) -> None:
    # Bounds of the default class, masks in [0, 1], may be missing.
    if masks.name != REAL and not {masks.method, masks.ceiling} & set(names):
        raise ValueError(
            f"results must hold {masks.method} or {masks.ceiling} for distances to the bounds of "
            f"the class {masks.name}, got neither: 'oracle bounds DATASET --methods "
            f"IRM2,{masks.method},{masks.ceiling} --out FOLDER' computes them"
        )


def _relabel(results: ReadResults, labels: Mapping[str, str]) -> ReadResults:
    """Rename the methods of results to their labels."""
    return results.change_tables(lambda t: t.assign(method=t["method"].map(labels)))


def _list_coverage(results: Sequence[ReadResults]) -> dict[str, Hashable]:
    """List what the methods cover that are known only as aggregates."""
    return {
        label: each.published.coverage
        for each in results
        if each.published is not None
        for label in each.called
    }


def _split_missing(differences: "DataFrame") -> tuple["DataFrame", "DataFrame"]:
    """Split differences into those that exist and those with nothing to subtract."""
    missing = differences["median"].isna()
    return differences[~missing].reset_index(drop=True), differences[missing]
