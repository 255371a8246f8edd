"""oracle bounds: the upper bounds of a dataset."""

from oracle import STFT, compute_bounds
from oracle.cli.app import command
from oracle.cli.bound_tables import show_bounds, table_each
from oracle.cli.options import (
    Dask,
    DatasetName,
    Debug,
    Download,
    First,
    Hop,
    JobsOption,
    Methods,
    Metrics,
    NFft,
    Out,
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
    parse_metrics,
    split_names,
    usage,
)
from oracle.jobs.bounds import BOUNDS, find_bounds


@command(
    "bounds",
    "oracle bounds",
    "oracle bounds stems/ --methods IBM1,IRM2 --out results",
    "oracle bounds musdb18 --root ~/musdb18 --subset test --out sisec",
    "oracle bounds librimix --root Libri2Mix/wav8k/min --first 100 --out mixes",
)
def bounds_command(
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
    metrics: Metrics = None,
    rest: RestOption = None,
    out: Out = None,
    jobs: JobsOption = None,
    dask: Dask = None,
    overwrite: Overwrite = False,
    debug: Debug = False,
) -> None:
    """Compute the bounds of a dataset: separate with oracle methods, score, print a table."""
    with usage():
        computed, shown = parse_metrics(metrics)
        chosen, _ = find_bounds(BOUNDS if methods is None else split_names(methods), computed)
        stft = STFT(n_fft=n_fft, hop_length=hop, window=window)
    tracks = choose_dataset(dataset, root, subset, split, download, pattern, first, seconds)
    show_bounds(
        lambda: compute_bounds(
            tracks,
            methods=chosen,
            stft=stft,
            metrics=computed,
            rest=rest,
            out=out,
            progress=True,
            jobs=parse_jobs(jobs, dask),
            dask=dask,
            overwrite=overwrite,
        ),
        table_each,
        shown,
        f"STFT: {stft.window} window of {stft.n_fft} samples, hop {stft.hop_length}.",
        out,
    )
