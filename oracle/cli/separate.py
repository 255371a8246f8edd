"""oracle separate: the estimates as audio files."""

from pathlib import Path
from typing import Annotated

import typer

from oracle.cli.app import command
from oracle.cli.options import (
    DatasetName,
    Debug,
    Methods,
    Overwrite,
    RestOption,
    Selection,
    StftOptions,
    WorkOptions,
    parse_methods,
    usage,
)
from oracle.cli.terminal import explain_resuming
from oracle.jobs.estimates import write_estimates


@command(
    "separate",
    "oracle separate --methods IRM2 --out estimates",
    "oracle separate stems/ --methods IBM,IRM1 --out estimates",
)
def separate_command(
    *,
    out: Annotated[
        Path,
        typer.Option(
            metavar="FOLDER",
            help="Write WAV files (32-bit float) to this folder: METHOD/SUBSET/TRACK, a file per "
            "target. Give the folder of an earlier run to resume it.",
        ),
    ],
    dataset: DatasetName = "waltz",
    selection: Selection,
    methods: Methods = None,
    transform: StftOptions,
    rest: RestOption = None,
    work: WorkOptions,
    overwrite: Overwrite = False,
    debug: Debug = False,
) -> None:
    """Separate a dataset with oracle methods and write the estimates as audio files."""
    with usage():
        chosen = parse_methods(methods)
    stft, tracks = transform.make(), selection.open(dataset)
    with explain_resuming(out):
        n_tracks = write_estimates(
            tracks,
            out,
            methods=chosen,
            stft=stft,
            rest=rest,
            progress=True,
            jobs=work.chosen_jobs,
            dask=work.dask,
            overwrite=overwrite,
        )
    print(f"{n_tracks} {'track' if n_tracks == 1 else 'tracks'} separated, in {out}")
