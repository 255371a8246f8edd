"""oracle separate: the estimates as audio files."""

from pathlib import Path
from typing import Annotated

import typer

from oracle import STFT
from oracle.cli.app import command
from oracle.cli.options import (
    Dask,
    DatasetName,
    Debug,
    Download,
    First,
    Hop,
    JobsOption,
    Methods,
    NFft,
    Overwrite,
    Pattern,
    RestOption,
    Root,
    Seconds,
    Split,
    Subset,
    Window,
    choose_dataset,
    parse_jobs,
    parse_methods,
    usage,
)
from oracle.cli.terminal import told_to_go_on
from oracle.jobs.estimates import write_estimates


@command(
    "separate",
    "oracle separate --methods IRM2 --out estimates",
    "oracle separate stems/ --methods IBM,IRM1 --out estimates",
)
def separate_command(
    out: Annotated[
        Path,
        typer.Option(
            metavar="FOLDER",
            help="Write METHOD/SUBSET/TRACK/TARGET.wav (32-bit float) to this folder. Give the "
            "folder of an earlier run to go on with it.",
        ),
    ],
    dataset: DatasetName = "waltz",
    root: Root = None,
    subset: Subset = None,
    split: Split = None,
    download: Download = False,
    pattern: Pattern = None,
    first: First = None,
    seconds: Seconds = None,
    methods: Methods = None,
    n_fft: NFft = 2048,
    hop: Hop = None,
    window: Window = "hann",
    rest: RestOption = None,
    jobs: JobsOption = None,
    dask: Dask = None,
    overwrite: Overwrite = False,
    debug: Debug = False,
) -> None:
    """Separate a dataset with oracle methods and write the estimates as audio files."""
    with usage():
        chosen, stft = parse_methods(methods), STFT(n_fft=n_fft, hop_length=hop, window=window)
    tracks = choose_dataset(dataset, root, subset, split, download, pattern, first, seconds)
    with told_to_go_on(out):
        n_tracks = write_estimates(
            tracks,
            out,
            methods=chosen,
            stft=stft,
            rest=rest,
            progress=True,
            jobs=parse_jobs(jobs, dask),
            dask=dask,
            overwrite=overwrite,
        )
    print(f"{n_tracks} {'track' if n_tracks == 1 else 'tracks'} separated, in {out}")
