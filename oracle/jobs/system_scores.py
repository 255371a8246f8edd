"""Scores of systems: the separated audio of any system, scored like the bounds."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

from oracle.datasets import Dataset
from oracle.datasets.opening import Holder, Tracks, open_track, open_tracks
from oracle.jobs.estimate_files import (
    check_complete,
    find_estimates,
    find_folder,
    list_estimates,
    read_estimates,
    warn_of_extra_tracks,
)
from oracle.machine.files import file_name
from oracle.metrics.energy_ratios import is_silent
from oracle.metrics.metric import Metric
from oracle.metrics.named import AnyMetric, describe_metrics, find_metrics
from oracle.metrics.names import METRICS, MetricName
from oracle.results.results import Results
from oracle.results.spool import Spool
from oracle.results.tables import Row, aggregate, tidy
from oracle.runs.loop import Worked
from oracle.runs.notes import describe_input, describe_tracks
from oracle.runs.options import RunOptions
from oracle.runs.plans import Jobs
from oracle.runs.progress import Advance
from oracle.runs.score_files import check_method_name
from oracle.runs.scoring import AGGREGATION, Scored, make_scorer, score_tracks
from oracle.runs.track_info import table_infos
from oracle.tracks.rest import Completed, complete
from oracle.tracks.track import (
    ACCOMPANIMENT,
    Audio,
    Rest,
    Track,
    check_like,
    check_rest,
    target_names,
    with_accompaniment,
)


def score_system(
    tracks: Tracks,
    estimates: str | Path,
    *,
    name: str | None = None,
    metrics: Iterable[MetricName | AnyMetric] = METRICS,
    rest: Rest | None = None,
    fit_length: bool = False,
    out: str | Path | None = None,
    progress: bool = False,
    jobs: Jobs = None,
    dask: str | None = None,
    overwrite: bool = False,
) -> Results:
    """Score the separated audio of a system.

    Parameters
    ----------
    tracks : Track, musdb track, str, Path, or iterable of these
        The references, as in `oracle.compute_bounds`.
    estimates : str or Path
        A folder with ``SUBSET/TRACK/TARGET.wav`` or ``TRACK/TARGET.wav`` (or any format
        that soundfile reads); for a single track, also with ``TARGET.wav``. A track needs
        an estimate of every source, or of vocals and accompaniment. If that of the accompaniment
        is missing, it is the sum of the estimates of all sources but the vocals.
    name : str, optional
        What the system is called in the results; by default, the name of its folder.
    metrics : iterable of str, Metric or callable, optional
        As in `oracle.compute_bounds`.
    rest : {"source", "ignore", "refuse"}, optional
        As in `oracle.compute_bounds`. If the rest of a mixture becomes a source, it is a reference
        only if there is an estimate of it (``rest.wav``), but always part of the accompaniment.
    fit_length : bool, optional
        Whether to cut estimates that are longer than the references, and to pad shorter
        ones with zeros, as museval does; otherwise they are an error.
    out, progress, jobs, dask, overwrite
        As in `oracle.compute_bounds`; the system is the method.

    Returns
    -------
    results : oracle.results.Results
        As in `oracle.compute_bounds`.

    Raises
    ------
    FileNotFoundError
        If there is no folder of estimates.
    ValueError
        If there are no tracks, a metric is unknown, the name is empty, too long for a folder, or
        that of another file of the run, or `out` or `jobs` is invalid, as in
        `oracle.compute_bounds`.
    TracksFailed
        At the end, if tracks failed: estimates of targets are missing, or do not fit the
        references in rate, channels or length. The other scores are in its `results` and on disk.

    Warns
    -----
    ExtraEstimatesWarning
        If there are estimates of targets without a reference; if `tracks` is a `Track` or a
        `Dataset`, also of tracks without one. The warning names them.
    IllConditionedWarning
        As in `oracle.metrics.bss_eval_v4`.
    """
    tracks = open_tracks(tracks)
    root = Path(estimates)
    if not root.is_dir():
        raise FileNotFoundError(f"estimates must be a folder, got {root}")
    method = root.resolve().name if name is None else name
    check_method_name(method)
    wanted = find_metrics(metrics)
    names: Counter[str] = Counter()
    if isinstance(tracks, (Dataset, Track)):
        names.update(tracks.track_names if isinstance(tracks, Dataset) else [tracks.name])
        warn_of_extra_tracks(root, names)
    place = partial(find_folder, root, names=names, single=names.total() == 1)

    score = partial(
        _score_estimates,
        place=place,
        method=method,
        metrics=wanted,
        rest=rest,
        fit_length=fit_length,
    )
    check_rest(rest)
    settings = {
        "task": "score",
        "methods": [method],
        **describe_metrics(wanted),
        "estimates": str(root.resolve()),
        "fit_length": fit_length,
        "rest": rest,
    }
    return score_tracks(
        tracks,
        score,
        RunOptions(out=out, overwrite=overwrite, progress=progress, jobs=jobs, dask=dask),
        settings=settings,
        files=[file_name(method)],
        also_of=partial(list_estimates, place=place),
    )


def score(
    track: Holder,
    estimates: Mapping[str, Audio],
    *,
    name: str = "estimates",
    metrics: Iterable[MetricName | AnyMetric] = METRICS,
    rest: Rest | None = None,
) -> Results:
    """Score estimates of a track that are arrays in memory.

    Parameters
    ----------
    track : Track, musdb track, str or Path
        The references, as of `oracle.datasets.open_track`.
    estimates : mapping from str to array of shape (n_channels, n_samples), float32 or float64
        By target: of every source, or of vocals and accompaniment. If that of the accompaniment
        is missing, it is the sum of the estimates of all sources but the vocals.
    name : str, optional
        What the system is called in the results.
    metrics, rest
        As in `oracle.score_system`.

    Returns
    -------
    results : oracle.results.Results
        As in `oracle.compute_bounds`: `table` has the median over windows, `scores` every window.

    Raises
    ------
    TypeError
        If an argument has the wrong type.
    ValueError
        If an estimate is missing, belongs to no target of the track, has another shape than the
        mixture, or is not finite; if a metric is unknown; or if the track is refused, as in
        `oracle.compute_bounds`.

    Warns
    -----
    IllConditionedWarning
        As in `oracle.metrics.bss_eval_v4`.

    Examples
    --------
    >>> import oracle
    >>> track = oracle.datasets.waltz()
    >>> results = oracle.score(track, oracle.separate(track, "IRM2"), metrics=["uSDR"])
    >>> results.table.set_index("target")["median"].round(1).to_dict()
    {'drums': 8.6, 'bass': 9.2, 'other': 8.3, 'vocals': 11.5, 'accompaniment': 13.3}
    """
    track = open_track(track)
    if not isinstance(estimates, Mapping):
        raise TypeError(
            f"estimates must be a mapping from target to array, got {type(estimates).__name__}"
        )
    wanted = find_metrics(metrics)
    completed = complete(track, rest)
    targets = target_names(completed.track.sources)
    unknown = [str(name) for name in estimates if name not in targets]
    if unknown:
        raise ValueError(
            f"estimates must be of targets of the track, {', '.join(targets)}, "
            f"got {', '.join(unknown)}"
        )
    audio = {target: estimates[target] for target in targets if target in estimates}
    for target, estimate in audio.items():
        check_like(f"estimates[{target!r}]", estimate, completed.track.mixture)
    if check_complete(audio, completed, "estimates"):
        audio = with_accompaniment(audio)
    scored = _score_audio(track, completed, audio, set(estimates), method=name, metrics=wanted)
    spool = Spool()
    spool.add(0, scored.result)
    settings = {
        "task": "score",
        "methods": [name],
        **describe_metrics(wanted),
        "estimates": "arrays",
        "rest": rest,
        **AGGREGATION,
    }
    return Results(
        table=aggregate(tidy(scored.result)),
        tracks=table_infos([scored.info]),
        failures=(),
        settings=settings,
        notes=(*describe_input([scored.info], ()), *describe_tracks([scored.info])),
        spool=spool,
    )


def _score_estimates(
    track: Track,
    *,
    place: Callable[[Track], Path],
    method: str,
    metrics: Sequence[Metric],
    rest: Rest | None,
    fit_length: bool,
    advance: Advance,
) -> Scored:
    completed = complete(track, rest)
    folder = place(track)
    files = find_estimates(folder, completed.track)
    audio = read_estimates(folder, files, completed, fit_length=fit_length)
    return _score_audio(
        track, completed, audio, set(files), method=method, metrics=metrics, advance=advance
    )


def _score_audio(
    track: Track,
    completed: Completed,
    audio: Mapping[str, Audio],
    given: set[str],
    *,
    method: str,
    metrics: Sequence[Metric],
    advance: Advance = lambda name, part: None,
) -> Scored:
    """Score estimates; `given` names the targets that were given, not summed."""
    targets = completed.track.targets
    references = {target: targets[target] for target in audio}
    if completed.added is not None and not {completed.added, ACCOMPANIMENT} & given:
        completed = Completed(track, track, completed.unexplained)  # the added source is not scored
    scorer = make_scorer(track, references, metrics)
    scores = scorer.score_each(
        lambda start, stop: {method: {t: a[:, start:stop] for t, a in audio.items()}},
        advance=lambda part: advance(track.name, part),
    )
    rows: list[Row] = [(track.name, track.subset, method, *score) for score in scores[method]]
    silent = [f"the estimate of {target}" for target in audio if is_silent(audio[target])]
    scored: Scored = Worked.on(completed, rows)
    info = scored.info._replace(silent=[*scored.info.silent, *silent])
    return scored._replace(info=info)
