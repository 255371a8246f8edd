"""oracle score: the metrics of any system."""

from pathlib import Path
from typing import Annotated

import typer

from oracle.cli.app import command
from oracle.cli.options import (
    Debug,
    Metrics,
    Out,
    Overwrite,
    RestOption,
    Selection,
    WorkOptions,
    parse_metrics,
    usage,
)
from oracle.cli.terminal import show_results
from oracle.jobs.system_scores import score_system


@command(
    "score",
    "oracle score stems/ my_model/ --out results",
    "oracle score musdb18 my_model/ --root ~/musdb18 --subset test",
    "oracle separate --methods IRM2 --out est && oracle score waltz est/IRM2",
)
def score_command(
    *,
    references: Annotated[
        str,
        typer.Argument(
            metavar="REFERENCES",
            help="[b]waltz[/b], the name of a dataset (see --root), or a folder of tracks, "
            "as in 'oracle bounds'.",
        ),
    ],
    estimates: Annotated[
        Path,
        typer.Argument(
            metavar="ESTIMATES",
            help="Folder with TRACK/TARGET.wav, TRACK_TARGET.wav, 'TRACK - TARGET.wav', "
            "TRACK_(TARGET).wav or TARGET/TRACK.wav, perhaps in the folder of a subset (for a "
            "single track, also TARGET.wav): some targets, or all.",
        ),
    ],
    selection: Selection,
    metrics: Metrics = None,
    fit_length: Annotated[
        bool,
        typer.Option(
            "--fit-length",
            metavar="",
            help="Cut estimates that are longer than the references, pad shorter ones with "
            "zeros, as museval does.",
        ),
    ] = False,
    permute: Annotated[
        bool | None,
        typer.Option(
            "--permute/--no-permute",
            metavar="",
            help="Estimates of speakers (s1, s2, ...) may be in any order: find the one with the "
            "best mean SI-SDR.",
            show_default="permute for librimix, wsj0-2mix, wham, whamr and fuss",
        ),
    ] = None,
    name: Annotated[
        str | None,
        # Named, as typer 0.27 takes a metavar of the same letters for the name of the option.
        typer.Option(
            "--name", metavar="NAME", help="Name of the system.", show_default="its folder"
        ),
    ] = None,
    rest: RestOption = None,
    out: Out = None,
    work: WorkOptions,
    overwrite: Overwrite = False,
    debug: Debug = False,
) -> None:
    """Score the separated audio of any system: same metrics, tables and files as the bounds."""
    with usage():
        computed = parse_metrics(metrics)
    tracks = selection.open(references)
    show_results(
        lambda: score_system(
            tracks,
            estimates,
            name=name,
            metrics=computed,
            rest=rest,
            fit_length=fit_length,
            permute=permute,
            out=out,
            progress=True,
            jobs=work.chosen_jobs,
            dask=work.dask,
            overwrite=overwrite,
        ),
        out,
        None if metrics is None else [metric.name for metric in computed],
    )
