"""oracle sweep: bounds over STFTs."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from oracle import plots
from oracle.cli.app import app
from oracle.cli.bound_tables import report, table_a_target
from oracle.cli.options import (
    Dask,
    DatasetName,
    Debug,
    Download,
    First,
    JobsOption,
    Overwrite,
    Pattern,
    RestOption,
    Root,
    Seconds,
    Split,
    Subset,
    Window,
    dataset_of,
    jobs_of,
    names_in,
    numbers_in,
    usage,
)
from oracle.jobs import sweeps
from oracle.jobs.bounds import bounds_named
from oracle.optimal.named import CLASSES, REAL

if TYPE_CHECKING:
    from pandas import DataFrame


@app.command(
    name="sweep",
    epilog="Examples: [b]oracle sweep --out sweep[/b] | "
    "[b]oracle sweep stems/ --n-ffts 1024,2048,4096 --overlaps 0.5,0.75,0.875[/b] | "
    "[b]oracle sweep stems/ --class COMPLEX --out complex[/b] | "
    "[b]oracle sweep musdb18 --root ~/musdb18 --subset test --methods IRM2,CEILING "
    "--out sweep[/b]",
)
def sweep_command(
    dataset: DatasetName = "waltz",
    root: Root = None,
    subset: Subset = None,
    split: Split = None,
    download: Download = False,
    pattern: Pattern = None,
    first: First = None,
    seconds: Seconds = None,
    methods: Annotated[
        str | None,
        typer.Option(
            metavar="NAME,...",
            help="Choose methods, comma-separated, by their names in 'oracle methods'.",
            show_default=",".join(sweeps.METHODS),
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
        str, typer.Option(metavar="SAMPLES,...", help="Lengths of the window in samples.")
    ] = ",".join(map(str, sweeps.N_FFTS)),
    overlaps: Annotated[
        str,
        typer.Option(metavar="PART,...", help="Parts of a window under the next, from 0 to 1."),
    ] = ",".join(map(str, sweeps.OVERLAPS)),
    window: Window = "hann",
    metrics: Annotated[
        str,
        typer.Option(metavar="NAME,...", help="Metrics, as in 'oracle bounds'."),
    ] = "SDR",
    rest: RestOption = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for sweep.csv, the figure (sweep-METRIC.png and .pdf), and the files that "
            "'oracle bounds' writes: a new one, or that of a run to resume.",
        ),
    ] = None,
    jobs: JobsOption = None,
    dask: Dask = None,
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
            names: Sequence[str] = names_in(methods)
        else:
            names = sweeps.methods_of_classes([REAL] if classes is None else names_in(classes))
        chosen, computed = bounds_named(names, names_in(metrics))
        lengths, parts = numbers_in("n_ffts", n_ffts, int), numbers_in("overlaps", overlaps, float)
        sweeps.transforms_of(lengths, parts, window)
    if out is not None:
        plots.check_matplotlib()
    tracks = dataset_of(dataset, root, subset, split, download, pattern, first, seconds)

    def compute() -> "DataFrame":
        return sweeps.compute_sweep(
            tracks,
            methods=chosen,
            n_ffts=lengths,
            overlaps=parts,
            window=window,
            metrics=computed,
            rest=rest,
            out=out,
            progress=True,
            jobs=jobs_of(jobs, dask),
            dask=dask,
            overwrite=overwrite,
        )

    def layout(table: "DataFrame", metrics: Sequence[str], n_tracks: int) -> Iterator[Table]:
        # First what stays: whoever reads the tables may stop reading.
        if out is not None:
            for metric in table["metric"].unique():
                figure = plots.plot_sweep(table, metric=metric)
                plots.write_figure(figure, out, f"sweep-{metric}", dpi=200)
        return table_a_target(table, metrics, n_tracks)

    report(compute, layout, computed, f"STFT: {window} windows, lengths in samples.", out)
