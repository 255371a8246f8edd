"""Bounds: tracks x methods -> scores, a table of bounds, and files."""

from collections.abc import Iterable
from functools import partial
from pathlib import Path

from oracle.datasets.opening import Tracks, open_tracks
from oracle.jobs.track_scores import BOUNDS, find_bounds, score_part
from oracle.methods import AnyMethod, BoundName, describe_methods
from oracle.metrics.named import AnyMetric, describe_metrics
from oracle.metrics.names import METRICS, MetricName
from oracle.results.results import Results
from oracle.runs.additions import Growth
from oracle.runs.options import RunOptions
from oracle.runs.plans import Jobs
from oracle.runs.score_files import FIGURES, check_method_name
from oracle.runs.scoring import score_tracks
from oracle.stft import STFT
from oracle.stft.transform import choose_stft
from oracle.tracks.track import Rest, check_rest


def compute_bounds(
    tracks: Tracks,
    *,
    methods: Iterable[BoundName | AnyMethod] = BOUNDS,
    stft: STFT | None = None,
    metrics: Iterable[MetricName | AnyMetric] = METRICS,
    rest: Rest | None = None,
    out: str | Path | None = None,
    progress: bool = False,
    jobs: Jobs = None,
    dask: str | None = None,
    overwrite: bool = False,
) -> Results:
    """Separate tracks with oracle methods, score the estimates, and aggregate the scores.

    Parameters
    ----------
    tracks : Track, musdb track, str, Path, or iterable of these
        A path is that of a folder of stems, a folder of tracks, or a ``.stem.mp4`` file; see
        `oracle.datasets.open_tracks`. One track at a time is read of datasets, paths, a
        ``musdb.DB`` and generators.
    methods : iterable of str, optional
        Names in `oracle.methods.METHODS` and `oracle.methods.CEILINGS`. ``CEILING`` is the SDR that
        no mask in [0, 1] exceeds: a row for SDR and uSDR, without a separation. The default is all
        but ENH-IRM, MAG and those of other classes of masks.
    stft : STFT, optional
        The default is ``STFT()``: periodic Hann, 2048 samples, hop 1024.
    metrics : iterable of str, Metric or callable, optional
        Names that ``oracle guide metrics`` lists, and functions of your own, ``(references,
        estimates, mixture, rate) -> values``: see `oracle.metrics.Metric`. The default is SDR, ISR,
        SIR, SAR and the metrics of whole tracks; SDR alone takes a fraction of the time.
    rest : {"source", "ignore", "refuse"}, optional
        What becomes of sound that is in a mixture but in none of its sources, if it is louder than
        -25 dB of the mixture: see `oracle.tracks.rest.complete`.
    out : str or Path, optional
        A folder to write to: ``<method>/<subset>/<track>.json`` in museval's format,
        ``scores.csv``, ``bounds.csv``, ``run.json``, and ``tracks/<subset>/<track>.csv``
        with the scores of each track as soon as it is done. It must be new or empty, or that
        of a run with the same settings, which is resumed: what is done is skipped. Other methods
        and metrics are added to those that it has; the results are those of the whole folder.
    progress : bool, optional
        Whether to show progress on standard error: a bar in a terminal, elsewhere a line per
        track.
    jobs : int or "auto", optional
        How many cores to use: one process per core, each with one track in memory. If there are
        fewer tracks than cores, the processes get more threads. "auto" uses all cores, and as many
        processes as fit into memory. By default this process works on one track at a time, with a
        thread per core. A script that sets `jobs` needs ``if __name__ == "__main__":``.
    dask : str, optional
        Address of a Dask scheduler (``tcp://host:port``), or its scheduler file. Each of its
        workers works on one track at a time, and needs this package and the files under the same
        paths.
    overwrite : bool, optional
        Whether to delete what an earlier run wrote to `out`, and start again.

    Returns
    -------
    results : oracle.results.Results
        The bounds (`table`), every score (`scores`), the tracks, the settings and the notes.
        Printing it shows tables.

    Raises
    ------
    ValueError
        If there are no tracks, a method or metric is unknown, `out` holds anything but a run of
        such tracks with the same settings or is in use by another run, `jobs` is not positive, or
        scores are missing that need a function of yours that `out` has, but was not passed.
    ImportError, ConnectionError
        If Dask is not installed, or there is no such scheduler, or it has no workers.
    OSError
        At once, if nothing more can be written: tracks that are done are kept.
    TracksFailed
        At the end, if tracks failed, or methods on them. The other scores are in its `results`
        and on disk.

    Warns
    -----
    oracle.tracks.rest.InputWarning
        At the end, about audio that was not read, and mixtures that hold more than their sources.
    oracle.runs.plans.MemoryWarning
        If `jobs` is a number, and so many tracks may take more memory than there is.

    Examples
    --------
    >>> import oracle
    >>> results = oracle.compute_bounds(
    ...     oracle.datasets.waltz(), methods=["IRM2"], metrics=["uSDR"]
    ... )
    >>> results.table[["target", "median"]].head(2).round(1)
      target  median
    0  drums     8.6
    1   bass     9.2
    """
    tracks = open_tracks(tracks)
    chosen, wanted = find_bounds(methods, metrics)
    for method in chosen:
        check_method_name(method.name)
    stft = choose_stft(stft)

    settings = {
        "task": "bounds",
        **describe_methods(chosen),
        **describe_metrics(wanted),
        "stft": stft.settings,
        "rest": rest,
    }
    check_rest(rest)
    return score_tracks(
        tracks,
        partial(score_part, methods=chosen, stft=stft, metrics=wanted, rest=rest),
        RunOptions(out=out, overwrite=overwrite, progress=progress, jobs=jobs, dask=dask),
        settings=settings,
        growth=Growth(("methods", "metrics")),
        files=[FIGURES],
    )
