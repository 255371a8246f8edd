"""oracle check: what is in a dataset, and what is wrong with it."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from oracle.cli.app import command
from oracle.cli.options import (
    DatasetName,
    Debug,
    Methods,
    Metrics,
    RestOption,
    Selection,
    StftOptions,
    WorkOptions,
    parse_metrics,
    split_methods,
    usage,
)
from oracle.jobs.check_findings import Check
from oracle.jobs.checks import check
from oracle.jobs.track_scores import BOUNDS, find_bounds
from oracle.runs.track_info import TrackInfo

SOMETHING_IS_WRONG = 3
SHOWN = 40  # rows of a table; --out has them all


@command(
    "check",
    "oracle check stems/",
    "oracle check musdb18 --root ~/musdb18 --out check.json",
    "oracle check stems/ --methods OPT,CEILING --metrics SDR  # how long will these take?",
)
def check_command(
    *,
    dataset: DatasetName = "waltz",
    selection: Selection,
    methods: Methods = None,
    transform: StftOptions,
    metrics: Metrics = None,
    rest: RestOption = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="Write a .csv file (a row per track) or a .json file (everything); a folder gets "
            "both.",
        ),
    ] = None,
    work: WorkOptions,
    debug: Debug = False,
) -> None:
    """Read a whole dataset, list its problems, and predict how long its bounds will take.

    Exit status 3 if something is wrong.
    """
    with usage():
        computed = parse_metrics(metrics)
        chosen, _ = find_bounds(BOUNDS if methods is None else split_methods(methods), computed)
    stft = transform.make()
    found = check(
        selection.open(dataset),
        methods=chosen,
        stft=stft,
        metrics=computed,
        rest=rest,
        progress=True,
        jobs=work.chosen_jobs,
        dask=work.dask,
    )
    if out is not None:
        found.write(out)
    _print(found)
    if out is not None:
        print(f"Written to {out}")
    if found.problems:
        raise typer.Exit(SOMETHING_IS_WRONG)


def _print(found: Check) -> None:
    console = Console(highlight=False, markup=False, emoji=False)
    console.print(f"{found.name}\n")
    facts = Table(box=None, padding=(0, 2, 0, 2), show_header=False)
    for name, fact in _facts(found):
        facts.add_row(name, fact)
    console.print(facts)
    several = len({each.info.subset for each in found.tracks}) > 1
    for title, rows in (("Problems", found.problems), ("Worth knowing", found.remarks)):
        # A single subset need not be a folder, so its name may mean nothing.
        shown = rows if several else [(name.partition("/")[2], what) for name, what in rows]
        _print_list(console, title, shown)
    if found.seconds:
        _print_times(console, found)
    count = len(found.problems)
    problems = "1 problem." if count == 1 else f"{count} problems."
    console.print(problems if count else "Nothing is wrong.")


def _facts(found: Check) -> Iterable[tuple[str, str]]:
    tracks = found.tracks
    names = [each.info.subset for each in tracks]
    names += [name.partition("/")[0] for name in found.failures]
    subsets = Counter(names)
    of_each = ", ".join(f"{count} {name}" for name, count in subsets.items())
    yield "tracks", f"{len(names)} ({of_each})" if len(subsets) > 1 else str(len(names))
    unusable = len(found.failures) + sum(each.refused for each in tracks)
    if unusable:
        yield "not usable", f"{unusable} of these"
    if not tracks:
        return
    lengths = [each.seconds for each in tracks]
    ends = dict.fromkeys([_time(min(lengths)), _time(max(lengths))])
    of_each = "" if len(tracks) == 1 else f"; {' to '.join(ends)} a track"
    yield "audio", f"{_time(sum(lengths))}{of_each}"
    yield "rate", _counted(f"{each.info.rate} Hz" for each in tracks)
    yield "channels", _counted(str(each.info.n_channels) for each in tracks)
    yield "sources", ", ".join(found.common_sources) or "none that most tracks have"
    yield "mixture", _counted(each.info.mixture for each in tracks)
    delivered = [each.info for each in tracks if not each.info.mixture_is_sum]
    if delivered:
        yield "in no source", _unexplained(delivered)


def _unexplained(infos: Sequence[TrackInfo]) -> str:
    levels = {info.name: info.unexplained for info in infos if info.unexplained is not None}
    if not levels:
        return "nothing"
    loudest = max(levels, key=lambda name: levels[name])
    level = f"{levels[loudest]} dB of the mixture"
    return level if len(infos) == 1 else f"at most {level} ({loudest})"


def _print_list(console: Console, title: str, rows: Sequence[tuple[str, str]]) -> None:
    if not rows:
        return
    table = Table(title=title, title_justify="left", box=box.SIMPLE, pad_edge=False)
    table.add_column("track")
    table.add_column("what")
    for row in rows[:SHOWN]:
        table.add_row(*row)
    console.print()
    console.print(table)
    if len(rows) > SHOWN:
        console.print(f"{len(rows) - SHOWN} more: --out writes all.")


def _print_times(console: Console, found: Check) -> None:
    table = Table(title="Time", title_justify="left", box=box.SIMPLE, pad_edge=False)
    table.add_column("method")
    table.add_column("time", justify="right")
    for method, seconds in found.seconds.items():
        table.add_row(method, _time(seconds))
    if len(found.seconds) > 1:
        table.add_section()
        table.add_row("together", _time(sum(found.seconds.values())))
    console.print()
    console.print(table)
    cores = "1 core" if found.jobs == 1 else f"{found.jobs} cores"
    console.print(
        f"About how long 'oracle bounds' will take with these options on {cores}, estimated from "
        "some seconds of a track."
    )


def _counted(values: Iterable[str]) -> str:
    """List the different values, with counts if there are several."""
    counts = Counter(values)
    if len(counts) == 1:
        return next(iter(counts))
    return ", ".join(f"{value} ({count})" for value, count in counts.items())


def _time(seconds: float) -> str:
    """Format a time: 4.2 s, 3:05 min, 2:10 h."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    return (
        f"{round(seconds) // 60}:{round(seconds) % 60:02} min"
        if seconds < 3600
        else (f"{minutes // 60}:{minutes % 60:02} h")
    )
