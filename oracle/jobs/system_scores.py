"""Scores of systems: the separated audio of any system, scored like the bounds."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

from oracle.datasets import Dataset
from oracle.datasets.opening import Tracks, open_tracks
from oracle.jobs.estimate_audio import (
    list_missing,
    read_estimates,
    sum_accompaniment,
)
from oracle.jobs.estimate_files import EstimateFolder
from oracle.jobs.speaker_order import SpeakerOrder
from oracle.metrics.energy_ratios import is_silent
from oracle.metrics.metric import Metric
from oracle.metrics.named import AnyMetric, describe_metrics, find_metrics
from oracle.metrics.names import METRICS, MetricName
from oracle.results.results import Results
from oracle.results.tables import Row
from oracle.runs.additions import Growth, Part
from oracle.runs.loop import Worked
from oracle.runs.options import RunOptions
from oracle.runs.plans import Jobs
from oracle.runs.progress import Advance
from oracle.runs.score_files import check_method_name
from oracle.runs.scoring import Scored, make_scorer, score_tracks
from oracle.tracks.rest import Completed, complete
from oracle.tracks.track import (
    ACCOMPANIMENT,
    VOCALS,
    Audio,
    Rest,
    Track,
    check_rest,
)


def score_system(
    tracks: Tracks,
    estimates: str | Path,
    *,
    name: str | None = None,
    metrics: Iterable[MetricName | AnyMetric] = METRICS,
    rest: Rest | None = None,
    fit_length: bool = False,
    permute: bool | None = None,
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
        A folder with ``TRACK/TARGET.wav``, ``TRACK_TARGET.wav``, ``TRACK - TARGET.wav``,
        ``TRACK_(TARGET).wav`` or ``TARGET/TRACK.wav`` (or any format that soundfile reads), each
        perhaps in the folder of a subset; for a single track, also with ``TARGET.wav``. The
        accompaniment may also be called ``instrumental`` or ``no_vocals``. A track needs an
        estimate of one target; a note says which are missing. If that of the accompaniment is, it
        is the sum of the estimates of all sources but the vocals, if there are all.
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
    permute : bool, optional
        Whether the estimates of speakers may be in any order: those of interchangeable sources
        are assigned to the references so that their mean SI-SDR is highest. By default, if the
        dataset says that it has such sources (LibriMix, WSJ0-mix, WHAM!, FUSS).
    out, progress, jobs, dask, overwrite
        As in `oracle.compute_bounds`; the system is the method, so metrics alone can be added.

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
    TypeError
        If `permute` is neither bool nor None.
    TracksFailed
        At the end, if tracks failed: there are no estimates, several of a target, files that may
        be of several tracks, estimates that do not fit the references in rate, channels or
        length, or `permute` is True and no sources are interchangeable. The other scores are in
        its `results` and on disk.

    Warns
    -----
    ExtraEstimatesWarning
        If there are estimates of targets without a reference; if `tracks` is a `Track` or a
        `Dataset`, also of tracks without one. The warning names them, and what was expected.
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
    order = SpeakerOrder.of(tracks, permute)
    check_rest(rest)
    folder = EstimateFolder.of(root, tracks)
    if isinstance(tracks, (Dataset, Track)):
        folder.warn_of_extra()
    score = partial(
        _score_estimates,
        folder=folder,
        method=method,
        metrics=wanted,
        rest=rest,
        fit_length=fit_length,
        order=order,
    )
    settings = {
        "task": "score",
        "methods": [method],
        **describe_metrics(wanted),
        "estimates": str(root.resolve()),
        "fit_length": fit_length,
        "permute": order.is_searched,
        "rest": rest,
    }
    return score_tracks(
        tracks,
        score,
        RunOptions(out=out, overwrite=overwrite, progress=progress, jobs=jobs, dask=dask),
        settings=settings,
        growth=Growth(("metrics",)),
        also_of=folder.list_files,
    )


def _score_estimates(
    track: Track,
    *,
    part: Part,
    folder: EstimateFolder,
    method: str,
    metrics: Sequence[Metric],
    rest: Rest | None,
    fit_length: bool,
    order: SpeakerOrder,
    advance: Advance,
) -> Scored:
    completed = complete(track, rest)
    files = folder.find(completed.track)
    audio = read_estimates(files, completed.track, fit_length=fit_length)
    wanted = choose_metrics(part, metrics)
    return score_audio(
        track, completed, audio, method=method, metrics=wanted, order=order, advance=advance
    )


def choose_metrics(part: Part, given: Iterable[Metric]) -> list[Metric]:
    """Choose the metrics of a part: given ones, and others by their names."""
    by_name = {metric.name: metric for metric in given}
    return find_metrics([by_name.get(name, name) for name in part.metrics])


def score_audio(
    track: Track,
    completed: Completed,
    given: Mapping[str, Audio],
    *,
    method: str,
    metrics: Sequence[Metric],
    order: SpeakerOrder,
    advance: Advance = lambda name, part: None,
) -> Scored:
    """Score the estimates that were given, and the accompaniment that they sum up to."""
    targets = completed.track.targets
    audio, assigned = order.rename(sum_accompaniment(given, completed), completed.track)
    if not audio:
        raise ValueError(
            f"estimates must hold at least one target of the track, {', '.join(targets)}, got "
            f"{', '.join(given) or 'none'}"
        )
    missing = list_missing(audio, completed)
    # A source that completed the track is a reference only for an estimate of it, and so is the
    # accompaniment that it is part of.
    added = {completed.added} - completed.given.sources.keys() - {None}
    unheard = {*added, ACCOMPANIMENT} if added - audio.keys() else set()
    is_pair = audio.keys() == {VOCALS, ACCOMPANIMENT}  # a system of two sources
    references = {t: targets[t] for t in targets if t in audio or not (is_pair or t in unheard)}
    if unheard and not unheard & audio.keys():
        completed = Completed(track, track, completed.unexplained)
    scorer = make_scorer(track, references, metrics, list(audio))
    scores = scorer.score_each(
        lambda start, stop: {method: {t: a[:, start:stop] for t, a in audio.items()}},
        advance=lambda part: advance(track.name, part),
    )
    rows: list[Row] = [(track.name, track.subset, method, *score) for score in scores[method]]
    silent = [f"the estimate of {target}" for target in audio if is_silent(audio[target])]
    scored: Scored = Worked.on(completed, rows)
    info = scored.info._replace(
        silent=[*scored.info.silent, *silent], missing=missing, assigned=assigned
    )
    return scored._replace(info=info)
