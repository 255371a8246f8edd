"""oracle bounds: the upper bounds of a dataset."""

from oracle import compute_bounds
from oracle.cli.app import command
from oracle.cli.figures import draw_results
from oracle.cli.options import (
    BoundsOut,
    DatasetName,
    Debug,
    Methods,
    Metrics,
    Overwrite,
    RestOption,
    Selection,
    StftOptions,
    WorkOptions,
    parse_metrics,
    split_methods,
    usage,
)
from oracle.cli.terminal import show_results
from oracle.jobs.track_scores import BOUNDS, find_bounds


@command(
    "bounds",
    "oracle bounds",
    "oracle bounds stems/ --methods IBM1,IRM2 --out results",
    "oracle bounds musdb18 --root ~/musdb18 --subset test --out sisec",
    "oracle bounds stems/ --targets vocals,accompaniment  # as two sources",
    "oracle bounds librimix --root Libri2Mix/wav8k/min --first 100 --out mixes",
)
def bounds_command(
    *,
    dataset: DatasetName = "waltz",
    selection: Selection,
    methods: Methods = None,
    transform: StftOptions,
    metrics: Metrics = None,
    rest: RestOption = None,
    out: BoundsOut = None,
    work: WorkOptions,
    overwrite: Overwrite = False,
    debug: Debug = False,
) -> None:
    """Compute the bounds of a dataset: separate with oracle methods, score, print a table."""
    with usage():
        computed = parse_metrics(metrics)
        chosen, _ = find_bounds(BOUNDS if methods is None else split_methods(methods), computed)
    stft, tracks = transform.make(), selection.open(dataset)
    asked = None if metrics is None else [metric.name for metric in computed]
    show_results(
        lambda: compute_bounds(
            tracks,
            methods=chosen,
            stft=stft,
            metrics=computed,
            rest=rest,
            out=out,
            progress=True,
            jobs=work.chosen_jobs,
            dask=work.dask,
            overwrite=overwrite,
        ),
        out,
        asked,
        write_first=lambda results: draw_results(results, asked),
    )
