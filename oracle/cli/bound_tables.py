"""Tables of bounds and scores in a terminal."""

import math
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table

from oracle import TracksFailed
from oracle.cli.terminal import print_whole, told_to_go_on
from oracle.metrics.names import FRAMEWISE, MUSEVAL, REGULARIZED
from oracle.metrics.scorer import WINDOW
from oracle.optimal.named import CLASSES, NamedClass
from oracle.results.tables import PERFECT_DB, has_infinite
from oracle.runs.run_folder import FAILED
from oracle.tracks.rest import InputWarning

if TYPE_CHECKING:
    from pandas import DataFrame, Series

# From bounds, metrics and the number of tracks to what is printed.
Layout = Callable[["DataFrame", Sequence[str], int], Iterator[Table]]


def show_bounds(
    compute: Callable[[], "DataFrame"],
    layout: Layout,
    metrics: Sequence[str],
    made_by: str,
    out: Path | None,
) -> None:
    """Compute a table and print it, also if tracks failed."""
    failed: TracksFailed | None = None
    table: DataFrame | None
    try:
        with told_to_go_on(out), warnings.catch_warnings():
            warnings.simplefilter("ignore", InputWarning)  # its notes are printed below
            table = compute()
    except TracksFailed as error:
        failed, table = error, error.table
    if table is not None and not table.empty:
        _print_bounds(table, layout, metrics, made_by)
        if failed is not None:
            where = "" if out is None else f", see {out / FAILED}"
            print(f"Not in these tables: {failed.message}{where}")
    elif table is not None:
        _print_notes(Console(highlight=False, markup=False, emoji=False), table)
    if out is not None:
        print(f"Written to {out}")
    if failed is not None:
        raise failed


def _print_bounds(table: "DataFrame", layout: Layout, metrics: Sequence[str], made_by: str) -> None:
    console = Console(highlight=False, markup=False, emoji=False)
    n_tracks = int(table["n_tracks"].max())
    for shown in layout(table, metrics, n_tracks):
        print_whole(console, shown)
    tracks = "1 track" if n_tracks == 1 else f"{n_tracks} tracks"
    subsets = table.attrs.get("subsets", {})
    if len(subsets) > 1:
        tracks += f" ({', '.join(f'{count} {name}' for name, count in subsets.items())})"
    console.print(f"{made_by} {tracks}" + (": median / mean over tracks." if n_tracks > 1 else "."))
    for names, what in (
        (MUSEVAL, "museval v4"),
        (REGULARIZED, "with regularized filters, not museval's"),
    ):
        framewise = [metric for metric in metrics if metric in names]
        if framewise:
            console.print(
                f"{', '.join(framewise)}: {what}, median over windows of {WINDOW:g} s; "
                "NaN: windows in which a source or estimate is silent."
            )
    methods = set(table["method"])
    shown_rows = table[table["metric"].isin(metrics)]
    if has_infinite(shown_rows) or np.isinf(shown_rows["median"]).any():
        brackets = ""
        if n_tracks > 1 and has_infinite(shown_rows):
            brackets = " In brackets: the mean over the tracks that are not."
        console.print(f"inf: scores above {PERFECT_DB:g} dB, infinite but for rounding.{brackets}")
    if "CIRM" in methods and layout is not one_table:
        console.print("CIRM is exact up to rounding: no bound.")
    for masks in CLASSES.values():
        if masks.ceiling in methods:
            console.print(_what_it_bounds(masks))
        if {masks.method, masks.ceiling} <= methods and "SDR" in metrics:
            console.print(
                f"{masks.method} uses one mask for the whole track, {masks.ceiling} one for each "
                "window. Over the same windows no single mask has a median SDR above the ceiling."
            )
    summed = table.attrs.get("mixture_is_sum", [])
    if summed and layout is not one_table:  # other systems have had a mixture of their own
        where = "" if n_tracks == 1 else f", in {len(summed)} of {tracks}"
        console.print(f"Mixture: the sum of the sources, as none was delivered{where}.")
    _print_notes(console, table)


def _what_it_bounds(masks: NamedClass) -> str:
    """Say what the ceiling of a class is of, and what may exceed it."""
    bracket = ""
    if masks.binary:
        bracket = (
            f" It is the ceiling of all masks in [0, 1]. The best binary mask lies between "
            f"{masks.method}, the best that was found, and it."
        )
    others = (
        "PSM, CIRM, MWF and other classes of masks may exceed it. So may the accompaniments of "
        "IBM1, IBM2, IAM, TPSM and OBM: their masks add up to more than 1."
    )
    if masks.tied:
        others = f"Only MIX and {masks.method} are such masks. All others may exceed it."
    return (
        f"{masks.ceiling}: no mask ({masks.formula}) at this STFT exceeds it. For SDR this holds "
        f"in each window.{bracket} It is inf where a mask is perfect, or where nothing is proven. "
        f"{others}"
    )


def _print_notes(console: Console, table: "DataFrame") -> None:
    for note in table.attrs.get("notes", []):
        console.print(note)


def table_each(bounds: "DataFrame", metrics: Sequence[str], n_tracks: int) -> Iterator[Table]:
    """Lay out a table a metric, a row a method."""
    for metric in metrics:
        of_metric = bounds[bounds["metric"] == metric]
        if not of_metric.empty:  # a ceiling has SDR and uSDR alone
            methods = of_metric["method"].unique()
            yield _table(f"{metric} in dB", "method", of_metric, methods, n_tracks)


def table_a_target(sweep: "DataFrame", metrics: Sequence[str], n_tracks: int) -> Iterator[Table]:
    """Lay out a table a metric and target, a row an STFT, a column a method."""
    for metric in metrics:
        of_metric = sweep[sweep["metric"] == metric]
        for target in of_metric["target"].unique():
            shown = of_metric[of_metric["target"] == target]
            count = shown["n_tracks"].max()
            tracks = "" if count == n_tracks else f" ({count} tracks)"
            table = Table(
                title=f"{target}: {metric} in dB{tracks}",
                title_justify="left",
                box=box.SIMPLE,
                pad_edge=False,
            )
            for heading in ("window", "overlap", *shown["method"].unique()):
                table.add_column(heading, justify="right", no_wrap=True)
            for (overlap, n_fft), rows in shown.groupby(["overlap", "n_fft"], sort=False):
                cells = [_cell(row, n_tracks) for _, row in rows.iterrows()]
                table.add_row(str(n_fft), f"{100 * overlap:g} %", *cells)
            yield table


def one_table(bounds: "DataFrame", metrics: Sequence[str], n_tracks: int) -> Iterator[Table]:
    """Lay out one table of one method, a row a metric."""
    shown = bounds[bounds["metric"].isin(metrics)]
    yield _table(f"{shown['method'].iloc[0]}, in dB", "metric", shown, metrics, n_tracks)


def _table(title: str, key: str, bounds: "DataFrame", rows: Iterable[str], n_tracks: int) -> Table:
    """Lay out bounds, a column a target."""
    table = Table(title=title, title_justify="left", box=box.SIMPLE, pad_edge=False)
    table.add_column(key)
    targets = bounds.groupby("target", sort=False)["n_tracks"].max()
    for target, count in targets.items():
        # Not every track has every target.
        name = str(target) if count == n_tracks else f"{target} ({count})"
        table.add_column(name, justify="right", no_wrap=True)
    windows = bounds["metric"].isin(FRAMEWISE).any()
    if windows:
        table.add_column("windows", justify="right")
        table.add_column("NaN", justify="right")
    infinite = has_infinite(bounds)
    if infinite:
        table.add_column("inf", justify="right")
    for row in rows:
        of_row = bounds[bounds[key] == row]
        by_target = of_row.set_index("target")
        cells = [
            _cell(by_target.loc[target], n_tracks) if target in by_target.index else ""
            for target in targets.index
        ]
        if windows:
            framewise = of_row["metric"].isin(FRAMEWISE).any()
            counts = [of_row["n_windows"].max(), of_row["n_nan"].max()]
            cells += [str(count) if framewise else "" for count in counts]
        if infinite:
            cells.append(str(of_row["n_inf"].max()))
        table.add_row(row, *cells)
    return table


def _cell(bound: "Series", n_tracks: int) -> str:
    if n_tracks == 1:
        return _number(bound["median"])
    cell = f"{_number(bound['median'])} / {_number(bound['mean'])}"
    finite = bound["mean_finite"]
    spoilt = bound["n_inf"] > 0 and not math.isnan(finite) and finite != bound["mean"]
    return f"{cell} ({_number(finite)})" if spoilt else cell


def _number(value: float) -> str:
    return "nan" if math.isnan(value) else f"{value:.2f}"
