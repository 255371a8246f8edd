"""Scores of systems: the separated audio of any system, scored like the bounds."""

import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from oracle.datasets import Dataset
from oracle.datasets.audio_files import read_audio
from oracle.datasets.trees import MIXTURE, list_audio
from oracle.machine.files import file_name, folded
from oracle.metrics.energy_ratios import is_silent
from oracle.metrics.scorer import METRICS, MetricName, find_metrics
from oracle.results.results import Results
from oracle.results.spool import Spool
from oracle.results.tables import Row, aggregate, tidy
from oracle.runs.loop import Worked
from oracle.runs.notes import describe_input, describe_tracks
from oracle.runs.options import RunOptions
from oracle.runs.plans import Jobs
from oracle.runs.progress import Advance
from oracle.runs.queue import Turn
from oracle.runs.score_files import check_method_name
from oracle.runs.scoring import AGGREGATION, Scored, make_scorer, score_tracks
from oracle.runs.track_info import table_infos
from oracle.tracks.rest import Completed, complete
from oracle.tracks.track import (
    ACCOMPANIMENT,
    VOCALS,
    Audio,
    Rest,
    Track,
    check_like,
    check_rest,
    target_names,
    with_accompaniment,
)


class ExtraEstimatesWarning(UserWarning):
    """Files or folders of estimates belong to no reference."""


def score_system(
    tracks: Track | Iterable[Track],
    estimates: str | Path,
    *,
    name: str | None = None,
    metrics: Sequence[MetricName | str] = METRICS,
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
    tracks : Track or iterable of Track
        The references. A dataset of `oracle.datasets` reads its tracks one at a time.
    estimates : str or Path
        A folder with ``SUBSET/TRACK/TARGET.wav`` or ``TRACK/TARGET.wav`` (or any format
        that soundfile reads); for a single track, also with ``TARGET.wav``. A track needs
        an estimate of every source, or of vocals and accompaniment. If that of the accompaniment
        is missing, it is the sum of the estimates of all sources but the vocals.
    name : str, optional
        What the system is called in the results; by default, the name of its folder.
    metrics : sequence of str, optional
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
    root = Path(estimates)
    if not root.is_dir():
        raise FileNotFoundError(f"estimates must be a folder, got {root}")
    method = root.resolve().name if name is None else name
    check_method_name(method)
    wanted = find_metrics(metrics)
    names: Counter[str] = Counter()
    if isinstance(tracks, (Dataset, Track)):
        names.update(tracks.track_names if isinstance(tracks, Dataset) else [tracks.name])
        _warn_of_extra_tracks(root, names)
    place = partial(_find_folder, root, names=names, single=names.total() == 1)

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
        "metrics": wanted,
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
        also_of=partial(_list_estimates, place=place),
    )


def score(
    track: Track,
    estimates: Mapping[str, Audio],
    *,
    name: str = "estimates",
    metrics: Sequence[MetricName | str] = METRICS,
    rest: Rest | None = None,
) -> Results:
    """Score estimates of a track that are arrays in memory.

    Parameters
    ----------
    track : Track
        The references.
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
    if not isinstance(track, Track):
        raise TypeError(f"track must be an oracle.Track, got {type(track).__name__}")
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
    if _are_of_all(audio, completed, "estimates"):
        audio = with_accompaniment(audio)
    scored = _score_audio(track, completed, audio, set(estimates), method=name, metrics=wanted)
    spool = Spool()
    spool.add(0, scored.result)
    settings = {
        "task": "score",
        "methods": [name],
        "metrics": wanted,
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
    metrics: Sequence[str],
    rest: Rest | None,
    fit_length: bool,
    advance: Advance,
) -> Scored:
    completed = complete(track, rest)
    folder = place(track)
    files = _find_estimates(folder, completed.track)
    audio = _read_estimates(folder, files, completed, fit_length=fit_length)
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
    metrics: Sequence[str],
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


def _find_estimates(folder: Path, track: Track) -> dict[str, Path]:
    """Find the files of the estimates of a track, by target."""
    targets = target_names(track.sources)
    exact = {name: target for target in targets for name in (target, file_name(target))}
    paths = list_audio(folder)
    # A name that differs only in case counts, if one target alone matches and has no exact file.
    taken = {exact[path.stem] for path in paths if path.stem in exact}
    forms = Counter(form for target in targets for form in _forms(target))
    alike = {
        form: target
        for target in targets
        for form in _forms(target)
        if target not in taken and forms[form] == 1
    }
    files: dict[str, Path] = {}
    extra = []
    for path in paths:
        target = exact.get(path.stem) or alike.get(folded(path.stem))
        if target in files:
            raise ValueError(
                f"{folder} must hold one file per target, got {files[target].name} and "
                f"{path.name}: move one elsewhere"
            )
        if target is not None:
            files[target] = path
        elif folded(path.stem) != MIXTURE:
            extra.append(path.name)
    if extra:
        warnings.warn(
            f"{track.name}: no reference for {_listed(extra)} in {folder}",
            ExtraEstimatesWarning,
            stacklevel=2,
        )
    return files


def _read_estimates(
    folder: Path, files: Mapping[str, Path], completed: Completed, *, fit_length: bool
) -> dict[str, Audio]:
    """Read the estimates of a track: of all its targets, or of vocals and accompaniment.

    A system need not estimate the source that completed the track. Without that estimate the
    accompaniment is scored only if it has a file of its own.
    """
    is_whole = _are_of_all(files, completed, folder)
    track = completed.track
    audio = {
        target: _read_fitted(files[target], track, fit_length=fit_length)
        for target in target_names(track.sources)
        if target in files
    }
    return with_accompaniment(audio) if is_whole else audio


def _are_of_all(given: Mapping[str, object], completed: Completed, place: object) -> bool:
    """Tell whether there is an estimate of every source; refuse what cannot be scored."""
    added = completed.added
    missing = [source for source in completed.track.sources if source not in {*given, added}]
    if missing and given.keys() != {VOCALS, ACCOMPANIMENT}:
        kind = "an array" if isinstance(place, str) else "a file"
        raise ValueError(
            f"{place} must hold an estimate of every source, or of {VOCALS} and "
            f"{ACCOMPANIMENT} alone, got none of {', '.join(missing)}"
            + (f"; {VOCALS} goes with {kind} {ACCOMPANIMENT}" if set(given) == {VOCALS} else "")
        )
    return not missing and (added is None or added in given)


def _read_fitted(file: Path, track: Track, *, fit_length: bool) -> Audio:
    """Read an estimate and check it against the references; fit its length if asked to."""
    rate, estimate = read_audio(file)
    n_channels, n_samples = estimate.shape
    if rate != track.rate:
        raise ValueError(
            f"estimates must have the rate of references, {track.rate} Hz, got {rate} Hz in {file}"
            f": resample it (ffmpeg -ar {track.rate})"
        )
    if n_channels != track.n_channels:
        raise ValueError(
            f"estimates must have the {track.n_channels} channels of references, "
            f"got {n_channels} in {file}: convert it (ffmpeg -ac {track.n_channels})"
        )
    if not np.isfinite(estimate).all():
        raise ValueError(f"estimates must be finite, got NaN or infinity in {file}")
    longer = n_samples - track.n_samples
    if longer and not fit_length:
        raise ValueError(
            f"estimates must have the {track.n_samples} samples of references, got {n_samples} "
            f"in {file}: {abs(longer)} {'more' if longer > 0 else 'fewer'} "
            "(--fit-length, in Python fit_length=True, cuts or pads at the end)"
        )
    if longer < 0:
        return np.pad(estimate, ((0, 0), (0, -longer)))
    return estimate[:, : track.n_samples]


def _list_estimates(turn: Turn, *, place: Callable[[Turn], Path]) -> list[Path]:
    """List the files of the estimates of a track, if there are any."""
    try:
        return list_audio(place(turn))
    except (FileNotFoundError, ValueError):  # the track fails with it when its turn comes
        return []


def _find_folder(
    root: Path, track: Track | Turn, *, names: Mapping[str, int], single: bool
) -> Path:
    """Find the folder with the estimates of a track.

    `names` counts the known tracks of each name. A folder with exactly the name of another track
    belongs to that track. Where several tracks share a name, their folders must be in those of
    their subsets.
    """
    subset = [path for path in _folders(root) if folded(path.name) in _forms(track.subset)]
    of_others = {form for name in names if name != track.name for form in (name, _file_name(name))}
    is_only_one = names.get(track.name, 1) == 1
    for parent in (*subset, *([root] if is_only_one else [])):
        alike = [
            p for p in _folders(parent) if folded(p.name) in _forms(track.name) and list_audio(p)
        ]
        same = [p for p in alike if p.name in (track.name, _file_name(track.name))]
        alike = same or [p for p in alike if p.name not in of_others]
        if not same and len(alike) > 1:
            raise ValueError(
                f"{parent} must hold one folder for a track, got {_listed([p.name for p in alike])}"
            )
        if alike:
            return alike[0]
    if single and list_audio(root):
        return root
    wanted = _file_name(track.name)
    flat = f" or {wanted}" if is_only_one else ", as other subsets have a track of that name"
    found = [path.name for path in _folders(root)]
    raise FileNotFoundError(
        f"estimates must hold a folder of audio files {_file_name(track.subset)}/{wanted}{flat}, "
        f"got {root} with {_listed(found) or 'no folders'} "
        "(of the output of 'oracle separate', name the folder of a method)"
    )


def _warn_of_extra_tracks(root: Path, names: Iterable[str]) -> None:
    known = {form for name in names for form in _forms(name)}
    folders = [path for path in sorted(root.glob("**/")) if path != root and list_audio(path)]
    extra = [str(path.relative_to(root)) for path in folders if folded(path.name) not in known]
    if extra:
        warnings.warn(
            f"no reference for the estimates in {_listed(extra)}",
            ExtraEstimatesWarning,
            stacklevel=3,
        )


def _folders(path: Path) -> list[Path]:
    return sorted(place for place in path.iterdir() if place.is_dir())


def _forms(name: str) -> set[str]:
    """Return what a file of this name may be called: as it is, or as this package writes it."""
    return {folded(name), folded(_file_name(name))}


def _file_name(name: str) -> str:
    try:
        return file_name(name)
    except ValueError:  # too long for a file: the track fails when its turn comes
        return name


def _listed(names: Sequence[str], most: int = 8) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
