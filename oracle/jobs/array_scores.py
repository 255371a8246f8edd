"""Scores of arrays: estimates of one track in memory, scored like those of a system."""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from hashlib import blake2b
from pathlib import Path

import numpy as np

from oracle.datasets.opening import Holder, open_track
from oracle.jobs.estimate_audio import fit, list_estimated
from oracle.jobs.speaker_order import SpeakerOrder
from oracle.jobs.system_scores import choose_metrics, score_audio
from oracle.machine.libraries import check_numpy
from oracle.metrics.metric import Metric
from oracle.metrics.named import AnyMetric, describe_metrics, find_metrics
from oracle.metrics.names import METRICS, MetricName
from oracle.results.results import Results, TracksFailed
from oracle.runs.additions import Growth, Part
from oracle.runs.options import RunOptions
from oracle.runs.progress import Advance
from oracle.runs.score_files import check_method_name
from oracle.runs.scoring import Scored, score_tracks
from oracle.tracks.rest import InputWarning, complete
from oracle.tracks.track import Audio, Rest, Track, check_rest


def score(
    track: Holder,
    estimates: Mapping[str, Audio],
    *,
    name: str = "estimates",
    metrics: Iterable[MetricName | AnyMetric] = METRICS,
    rest: Rest | None = None,
    fit_length: bool = False,
    permute: bool | None = None,
    out: str | Path | None = None,
    overwrite: bool = False,
) -> Results:
    """Score estimates of a track that are arrays in memory.

    Parameters
    ----------
    track : Track, musdb track, str or Path
        The references, as of `oracle.datasets.open_track`.
    estimates : mapping from str to array of shape (n_channels, n_samples), float32 or float64
        By target, of one or more; a note says which are missing. If that of the accompaniment is,
        it is the sum of the estimates of all sources but the vocals, if there are all.
    name : str, optional
        What the system is called in the results.
    metrics, rest, fit_length
        As in `oracle.score_system`.
    permute : bool, optional
        As in `oracle.score_system`, but by default the names of the estimates count.
    out, overwrite
        As in `oracle.score_system`, metrics that are added included: `oracle.compare` reads the
        folder.

    Returns
    -------
    results : oracle.results.Results
        As in `oracle.compute_bounds`: `table` has the median over windows, `scores` every window.

    Raises
    ------
    TypeError
        If an argument has the wrong type.
    ValueError
        If there is no estimate; if one belongs to no target of the track, has another shape than
        the mixture, or is not finite; if `permute` is True and no sources are interchangeable; if
        a metric is unknown; or if the track or `out` is refused, as in `oracle.compute_bounds`.

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
    for target, audio in estimates.items():
        check_numpy(f"estimates[{target!r}]", audio)
    wanted = find_metrics(metrics)
    check_method_name(name)
    order = SpeakerOrder.of(track, permute)
    check_rest(rest)
    work = partial(
        _score_arrays,
        estimates=estimates,
        method=name,
        metrics=wanted,
        rest=rest,
        fit_length=fit_length,
        order=order,
    )
    settings = {
        "task": "score",
        "methods": [name],
        **describe_metrics(wanted),
        "estimates": "arrays",
        "fit_length": fit_length,
        "permute": order.is_searched,
        "rest": rest,
    }
    if out is not None:
        # A run does not go on with others.
        settings["arrays"] = {str(t): _make_fingerprint(audio) for t, audio in estimates.items()}
    options = RunOptions(out=out, overwrite=overwrite)
    growth = Growth(("metrics",))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", InputWarning)  # the notes say it
            return score_tracks(track, work, options, settings=settings, growth=growth)
    except TracksFailed as failed:
        (failure,) = failed.failures
        assert failure.__cause__ is not None
        raise failure.__cause__ from None


def _score_arrays(
    track: Track,
    *,
    part: Part,
    estimates: Mapping[str, Audio],
    method: str,
    metrics: Sequence[Metric],
    rest: Rest | None,
    fit_length: bool,
    order: SpeakerOrder,
    advance: Advance,
) -> Scored:
    completed = complete(track, rest)
    targets = list_estimated(completed.track)
    unknown = [str(name) for name in estimates if name not in targets]
    if unknown:
        raise ValueError(
            f"estimates must be of targets of the track, {', '.join(targets)}, "
            f"got {', '.join(unknown)}"
        )
    audio = {}
    for target in targets:
        if target in estimates:
            argument, mixture = f"estimates[{target!r}]", completed.track.mixture
            audio[target] = fit(argument, estimates[target], mixture, fit_length=fit_length)
    wanted = choose_metrics(part, metrics)
    return score_audio(
        track, completed, audio, method=method, metrics=wanted, order=order, advance=advance
    )


def _make_fingerprint(audio: Audio) -> str:
    """Make a short text that changes with what an array holds."""
    audio = np.ascontiguousarray(audio)
    digest = blake2b(f"{audio.dtype} {audio.shape}".encode(), digest_size=8)
    digest.update(audio.tobytes())
    return digest.hexdigest()
