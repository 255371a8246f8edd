"""Comparison: results side by side, and how far they are from the bounds."""

from collections.abc import Collection, Iterable, Mapping, Sequence
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
    note_stfts,
    note_unequal_windows,
)
from oracle.comparison.result_folders import Method, ReadResults, read_results
from oracle.comparison.summaries import aggregate_all, summarize
from oracle.comparison.tables import lay_out
from oracle.displays.pages import page_html, page_text
from oracle.optimal.named import REAL, NamedClass, find_classes
from oracle.results.statistics import check_confidence
from oracle.results.tables import OverWindows

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True, repr=False, eq=False)
class Comparison:
    """What `compare` found. Printed, and in a notebook, it shows its tables.

    Scores, differences and ends of intervals are in dB.

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
        published=_list_published_tracks(matched),
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
        systems=systems,
        against=against,
        mask_class=masks.name,
        windows=windows,
        confidence=confidence,
        notes=(
            *note_stfts(read),
            *(note_classes(masks, names) if systems else ()),
            *note_origins(read, labels),
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
    """List what the methods of all results are, by their labels."""
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
    # Of masks in [0, 1], which nobody needs to ask for, bounds may be missing.
    if masks.name != REAL and not {masks.method, masks.ceiling} & set(names):
        raise ValueError(
            f"results must hold {masks.method} or {masks.ceiling} for distances to the bounds of "
            f"the class {masks.name}, got neither: 'oracle bounds DATASET --methods "
            f"IRM2,{masks.method},{masks.ceiling} --out FOLDER' computes them"
        )


def _relabel(results: ReadResults, labels: Mapping[str, str]) -> ReadResults:
    """Call the methods of results by their labels."""
    return results.change_tables(lambda t: t.assign(method=t["method"].map(labels)))


def _list_published_tracks(results: Sequence[ReadResults]) -> dict[str, frozenset[str]]:
    """List the tracks of the methods whose aggregate is all that is known."""
    return {
        label: each.published.tracks
        for each in results
        if each.published is not None
        for label in each.called
    }


def _split_missing(differences: "DataFrame") -> tuple["DataFrame", "DataFrame"]:
    """Split differences into those that there are, and those with nothing to subtract."""
    missing = differences["median"].isna()
    return differences[~missing].reset_index(drop=True), differences[missing]
