"""oracle sweep: bounds over STFTs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from oracle import plots
from oracle.cli.app import command
from oracle.cli.options import (
    DatasetName,
    Debug,
    Overwrite,
    RestOption,
    Selection,
    Window,
    WorkOptions,
    parse_numbers,
    split_methods,
    split_metrics,
    split_names,
    usage,
)
from oracle.cli.terminal import show_results
from oracle.jobs.sweeps import (
    METHODS,
    N_FFTS,
    OVERLAPS,
    compute_sweep,
    list_class_methods,
    make_transforms,
)
from oracle.jobs.track_scores import find_bounds
from oracle.machine.files import file_name
from oracle.methods import AnyMethod
from oracle.optimal.named import CLASSES, REAL
from oracle.results.results import Results


@command(
    "sweep",
    "oracle sweep --out sweep",
    "oracle sweep stems/ --n-ffts 1024,2048,4096 --overlaps 0.5,0.75,0.875",
    "oracle sweep stems/ --class COMPLEX --out complex",
    "oracle sweep musdb18 --root ~/musdb18 --methods IRM2,CEILING --out sweep",
)
def sweep_command(
    *,
    dataset: DatasetName = "waltz",
    selection: Selection,
    methods: Annotated[
        str | None,
        typer.Option(
            metavar="NAME,...",
            help="Use these methods; 'oracle methods' lists them. FILE.py:FUNCTION and "
            "MODULE:FUNCTION are masks of yours.",
            show_default=", ".join(METHODS),
        ),
    ] = None,
    classes: Annotated[
        str | None,
        typer.Option(
            "--class",
            metavar="NAME,...",
            help="Sweep OPT and CEILING of these classes of masks, comma-separated: "
            f"{', '.join(CLASSES)}.",
            show_default=REAL,
        ),
    ] = None,
    n_ffts: Annotated[
        str, typer.Option(metavar="SAMPLES,...", help="Window lengths in samples.")
    ] = ",".join(map(str, N_FFTS)),
    overlaps: Annotated[
        str,
        typer.Option(
            metavar="PART,...",
            help="Parts of a window that the next overlaps, from 0 to less than 1.",
        ),
    ] = ",".join(map(str, OVERLAPS)),
    window: Window = "hann",
    metrics: Annotated[
        str,
        typer.Option(metavar="NAME,...", help="Metrics, as in 'oracle bounds'."),
    ] = "SDR",
    rest: RestOption = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Write sweep.csv, a figure (sweep-METRIC.png and .pdf), and the files of 'oracle "
            "bounds' to this folder. Give the folder of an earlier run to resume it, or to add "
            "methods, metrics and STFTs: only what is missing is computed.",
        ),
    ] = None,
    work: WorkOptions,
    overwrite: Overwrite = False,
    debug: Debug = False,
) -> None:
    """Compare STFTs: bounds over window lengths and overlaps, a table and a figure."""
    if methods is not None and classes is not None:
        raise typer.BadParameter(
            "--class cannot be combined with --methods: name OPT-... and CEILING-... there"
        )
    with usage():
        if methods is not None:
            names: Sequence[AnyMethod] = split_methods(methods)
        else:
            names = list_class_methods([REAL] if classes is None else split_names(classes))
        chosen, computed = find_bounds(names, split_metrics(metrics))
        lengths = parse_numbers("n_ffts", n_ffts, int)
        parts = parse_numbers("overlaps", overlaps, float)
        make_transforms(lengths, parts, window)
    if out is not None:
        plots.check_matplotlib()
    tracks = selection.open(dataset)

    def compute() -> Results:
        return compute_sweep(
            tracks,
            methods=chosen,
            n_ffts=lengths,
            overlaps=parts,
            window=window,
            metrics=computed,
            rest=rest,
            out=out,
            progress=True,
            jobs=work.chosen_jobs,
            dask=work.dask,
            overwrite=overwrite,
        )

    show_results(compute, out, [each.name for each in computed], write_first=_write_figures)


def _write_figures(results: Results) -> None:
    if results.out is not None and not results.table.empty:
        for metric in results.table["metric"].unique():
            figure = plots.plot_sweep(results, metric=metric)
            plots.write_figure(figure, results.out, f"sweep-{file_name(metric)}", dpi=200)
