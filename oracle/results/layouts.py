"""Layouts: results as tables of text, with the notes that explain them."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from oracle.displays.pages import Grid
from oracle.metrics.metric import Metric
from oracle.metrics.named import read_metrics
from oracle.metrics.names import ALL_METRICS, METRICS, MUSEVAL, REGULARIZED
from oracle.metrics.published import NOTES
from oracle.metrics.scorer import WINDOW
from oracle.optimal.named import CLASSES, NamedClass
from oracle.results.failures import TrackError, summarize_failures
from oracle.results.tables import EXPLAIN_INFINITE, has_infinite

if TYPE_CHECKING:
    from pandas import DataFrame, Series

# The metrics shown, of those that are computed by default.
SHOWN = (*MUSEVAL, "uSDR")


class _Results(Protocol):
    """What is laid out: `oracle.Results`."""

    @property
    def table(self) -> "DataFrame": ...

    @property
    def tracks(self) -> "DataFrame": ...

    @property
    def failures(self) -> Sequence[TrackError]: ...

    @property
    def settings(self) -> Mapping[str, Any]: ...

    @property
    def notes(self) -> Sequence[str]: ...

    @property
    def out(self) -> Path | None: ...


def lay_out(results: _Results, metrics: Sequence[str] | None = None) -> Iterator[Grid | str]:
    """Lay out results as the command prints them: tables, and notes below them.

    Parameters
    ----------
    results : Results
    metrics : sequence of str, optional
        Metrics to show. The default is those that were computed; if these are the default ones,
        only some.
    """
    if not results.table.empty:
        if metrics is None:
            metrics = _shown_metrics(results.settings["metrics"])
        yield from _tables(results, metrics)
        yield _describe_origin(results)
        yield from _explain_numbers(results, metrics)
    yield from results.notes
    if results.failures and not results.table.empty:
        where = "" if results.out is None else f", see {results.out / 'failed.json'}"
        done = set(zip(results.tracks["subset"], results.tracks["name"], strict=True))
        whole = {(each.subset, each.track) for each in results.failures if each.method is None}
        earlier = ", but for what earlier runs scored" if done & whole else ""
        yield f"Not in these tables{earlier}: {summarize_failures(results.failures)}{where}"


def _shown_metrics(computed: Sequence[str]) -> Sequence[str]:
    return SHOWN if tuple(computed) == METRICS else computed


def _tables(results: _Results, metrics: Sequence[str]) -> Iterator[Grid]:
    table, n_tracks = results.table, _count_tracks(results)
    known = read_metrics(results.settings)
    several = [known[name] for name in metrics]
    match results.settings["task"]:
        case "sweep":
            yield from _tables_by_stft(table, several, n_tracks)
        case "score":
            shown = table[table["metric"].isin(metrics)]
            title = str(shown["method"].iloc[0])
            unit, *others = {metric.unit for metric in several}
            if not others:
                title += f", in {unit}" if unit else ""
                rows = {metric.name: metric.name for metric in several}
            else:
                rows = {metric.name: metric.label for metric in several}
            yield _table_by_target(title, "metric", shown, rows, n_tracks, several)
        case _:
            for metric in several:
                shown = table[table["metric"] == metric.name]
                if not shown.empty:  # a ceiling has SDR and uSDR alone
                    rows = {name: name for name in shown["method"].unique()}
                    yield _table_by_target(metric.title, "method", shown, rows, n_tracks, [metric])


def _count_tracks(results: _Results) -> int:
    return int(results.table["n_tracks"].max())


def _name_count(results: _Results) -> str:
    n_tracks = _count_tracks(results)
    return "1 track" if n_tracks == 1 else f"{n_tracks} tracks"


def _describe_origin(results: _Results) -> str:
    settings, tracks = results.settings, _name_count(results)
    subsets = results.tracks["subset"].value_counts(sort=False)
    if len(subsets) > 1:
        tracks += f" ({', '.join(f'{count} {name}' for name, count in subsets.items())})"
    match settings["task"]:
        case "sweep":
            made_by = f"STFT: {settings['stfts'][0]['window']} windows, lengths in samples."
        case "score":
            made_by = f"Estimates: {settings['estimates']}."
        case _:
            stft = settings["stft"]
            made_by = (
                f"STFT: {stft['window']} window of {stft['n_fft']} samples, "
                f"hop {stft['hop_length']}."
            )
    several = _count_tracks(results) > 1
    return f"{made_by} {tracks}" + (": median / mean over tracks." if several else ".")


def _explain_numbers(results: _Results, metrics: Sequence[str]) -> Iterator[str]:
    table, is_score = results.table, results.settings["task"] == "score"
    for names, what in (
        (MUSEVAL, "museval v4"),
        (REGULARIZED, "with regularized filters, not museval's"),
    ):
        framewise = [metric for metric in metrics if metric in names]
        if framewise:
            yield (
                f"{', '.join(framewise)}: {what}, median over windows of {WINDOW:g} s; "
                "NaN: windows in which a source or estimate is silent."
            )
    known = read_metrics(results.settings)
    yield from (_explain(known[name]) for name in metrics if name not in ALL_METRICS)
    shown = table[table["metric"].isin(metrics)]
    n_tracks = _count_tracks(results)
    if has_infinite(shown) or np.isinf(shown["median"]).any():
        brackets = ""
        if n_tracks > 1 and has_infinite(shown):
            brackets = " In brackets: the mean over the other tracks."
        yield f"{EXPLAIN_INFINITE}{brackets}"
    methods = set(table["method"])
    if "CIRM" in methods and not is_score:
        yield "CIRM is exact up to rounding: no bound."
    for masks in CLASSES.values():
        if masks.ceiling in methods:
            yield _explain_ceiling(masks, methods)
        if {masks.method, masks.ceiling} <= methods and "SDR" in metrics:
            yield (
                f"{masks.method} uses one mask for the whole track, {masks.ceiling} one for each "
                "window. So the ceiling also bounds the median SDR of any single mask, over the "
                "same windows."
            )
    n_summed = int((results.tracks["mixture"] != "as delivered").sum())
    if n_summed and not is_score:  # a system may have had another mixture
        where = "" if n_tracks == 1 else f", in {n_summed} of {_name_count(results)}"
        yield f"Mixture: the sum of the sources, as none was delivered{where}."


def _explain(metric: Metric) -> str:
    where = f", median over windows of {WINDOW:g} s" if metric.windows else ""
    better = "; lower is better" if metric.lower_is_better else ""
    return f"{metric.name}: {NOTES.get(metric.name, 'a metric of your own')}{where}{better}."


def _explain_ceiling(masks: NamedClass, methods: set[str]) -> str:
    """Say which masks the ceiling of a class bounds, and what may exceed it."""
    bracket = ""
    if masks.binary:
        bracket = (
            f" It is the ceiling of all masks in [0, 1]. The best binary mask lies between it and "
            f"{masks.method}, the best that was found."
        )
    by_name = "ENH-IRM, " if "ENH-IRM" in methods else ""
    others = (
        "PSM, CIRM, MWF and other classes of masks may exceed it. So may the accompaniments of "
        f"{by_name}IBM1, IBM2, IAM, TPSM and OBM: their masks add up to more than 1."
    )
    if masks.tied:
        others = f"Only MIX and {masks.method} are such masks. All others may exceed it."
    return (
        f"{masks.ceiling}: no mask ({masks.formula}) at this STFT exceeds it. For SDR this holds "
        f"in each window.{bracket} It is inf where a mask is perfect, or where nothing is proven. "
        f"{others}"
    )


def _tables_by_stft(sweep: "DataFrame", metrics: Sequence[Metric], n_tracks: int) -> Iterator[Grid]:
    """Lay out a table per metric and target: a row per STFT, a column per method."""
    for metric in metrics:
        of_metric = sweep[sweep["metric"] == metric.name]
        for target in of_metric["target"].unique():
            shown = of_metric[of_metric["target"] == target]
            count = shown["n_tracks"].max()
            tracks = "" if count == n_tracks else f" ({count} tracks)"
            methods = shown["method"].unique()
            rows = []
            for (overlap, n_fft), of_stft in shown.groupby(["overlap", "n_fft"], sort=False):
                cells = _cells(of_stft.set_index("method"), methods, n_tracks, [metric])
                rows.append([str(n_fft), f"{100 * overlap:g} %", *cells])
            yield Grid(
                title=f"{target}: {metric.title}{tracks}",
                header=["window", "overlap", *methods],
                rows=rows,
                n_names=2,
            )


def _table_by_target(
    title: str,
    key: str,
    bounds: "DataFrame",
    labels: Mapping[str, str],
    n_tracks: int,
    metrics: Sequence[Metric],
) -> Grid:
    """Lay out bounds: a row per method or metric, by their labels, a column per target."""
    framewise = [metric.name for metric in metrics if metric.windows]
    targets = bounds.groupby("target", sort=False)["n_tracks"].max()
    has_windows = bounds["metric"].isin(framewise).any()
    counted = {"windows": "n_windows", "NaN": "n_nan"} if has_windows else {}
    if has_infinite(bounds):
        counted["inf"] = "n_inf"
    rows = []
    for name, label in labels.items():
        of_row = bounds[bounds[key] == name]
        cells = _cells(of_row.set_index("target"), targets.index, n_tracks, metrics)
        is_framewise = of_row["metric"].isin(framewise).any()
        counts = [
            str(of_row[column].max()) if is_framewise or column == "n_inf" else ""
            for column in counted.values()
        ]
        rows.append([label, *cells, *counts])
    # Not every track has every target.
    headings = [
        str(target) if count == n_tracks else f"{target} ({count})"
        for target, count in targets.items()
    ]
    return Grid(title=title, header=[key, *headings, *counted], rows=rows)


def _cells(
    bounds: "DataFrame", names: Iterable[str], n_tracks: int, metrics: Iterable[Metric]
) -> list[str]:
    """Lay out bounds by name; a cell is empty where a method failed."""
    known = {metric.name: metric for metric in metrics}
    rows = {str(name): row for name, row in bounds.iterrows()}
    return [
        _cell(rows[name], n_tracks, known[rows[name]["metric"]]) if name in rows else ""
        for name in names
    ]


def _cell(bound: "Series", n_tracks: int, metric: Metric) -> str:
    if n_tracks == 1:
        return metric.format(bound["median"])
    cell = f"{metric.format(bound['median'])} / {metric.format(bound['mean'])}"
    finite = bound["mean_finite"]
    spoilt = bound["n_inf"] > 0 and not math.isnan(finite) and finite != bound["mean"]
    return f"{cell} ({metric.format(finite)})" if spoilt else cell
