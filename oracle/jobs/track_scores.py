"""Scores of a track: separated with oracle methods, a few at a time, and scored."""

import math
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from oracle.methods import (
    CEILING,
    CEILINGS,
    DEFAULT_METHODS,
    METHODS,
    AnyMethod,
    Method,
    Separation,
    find_methods,
)
from oracle.metrics.energy_ratios import PERFECT_DB
from oracle.metrics.metric import Metric
from oracle.metrics.named import AnyMetric, find_metrics
from oracle.metrics.names import METRICS
from oracle.metrics.scorer import Score, Scorer
from oracle.optimal.ceilings import Ceiling
from oracle.optimal.of_track import Ceilings
from oracle.results.failures import MethodError, try_each
from oracle.runs.additions import Part
from oracle.runs.progress import Advance
from oracle.runs.scoring import Scored, make_scorer
from oracle.stft import STFT
from oracle.stft.transform import choose_stft
from oracle.tracks.rest import complete
from oracle.tracks.track import Audio, Rest, Track

# The rows of a table of bounds, by default.
BOUNDS = (*DEFAULT_METHODS, CEILING.name)

# The metrics that have a ceiling.
CERTIFIED = ("SDR", "uSDR")


class LooseCeilingWarning(UserWarning):
    """A ceiling holds, but may be above what the best mask reaches."""


def score_track(
    track: Track,
    methods: Iterable[AnyMethod],
    *,
    stft: STFT | None = None,
    metrics: Iterable[AnyMetric] = METRICS,
    rest: Rest | None = None,
    advance: Advance = lambda name, part: None,
) -> Scored:
    """Separate a track with oracle methods and score the estimates.

    Parameters
    ----------
    track : Track
        The mixture and its true sources.
    methods, stft, metrics, rest
        As in `compute_bounds`.
    advance : callable, optional
        Called with the name of the track and the part of the work that has just been
        done, from 0 to 1.

    Returns
    -------
    scored : Scored
        Its `result` holds rows of ``scores.csv``: track, subset, method, then the fields of
        `oracle.metrics.scorer.Score`. A method that fails has none.
    """
    chosen, wanted = find_bounds(methods, metrics)
    stft = choose_stft(stft)
    completed = complete(track, rest)
    track = completed.track
    if all(method.name in CEILINGS for method in chosen):
        wanted = [metric for metric in wanted if metric.name in CERTIFIED]
    targets = track.targets
    scorer = make_scorer(track, targets, wanted)
    scores: dict[str, list[Score]] = {}
    failures: list[MethodError] = []
    by_name = {method.name: method for method in chosen}
    for names in _group_methods(chosen, scorer.most_at_once):

        def share(part: float, whole: float = len(names) / len(chosen)) -> None:
            advance(track.name, part * whole)

        found, failed = try_each(
            names,
            partial(
                _score_together,
                methods=by_name,
                track=track,
                targets=targets,
                stft=stft,
                scorer=scorer,
                windows=scorer.heard if "SDR" in [metric.name for metric in wanted] else {},
                advance=share,
            ),
        )
        scores |= found
        failures += failed
    rows = [
        (track.name, track.subset, name, *score)
        for name in by_name
        if name in scores
        for score in scores[name]
    ]
    return Scored.on(completed, rows, failures)


def score_part(
    track: Track,
    *,
    part: Part,
    methods: Iterable[Method],
    metrics: Iterable[Metric],
    stft: STFT | None,
    rest: Rest | None,
    advance: Advance,
) -> Scored:
    """Compute some scores of a track; methods and metrics are those of one's own, and others."""
    given = {method.name: method for method in methods}, {each.name: each for each in metrics}
    names = part.methods
    if set(CERTIFIED).isdisjoint(part.metrics):
        names = [name for name in names if name not in CEILINGS]
    if not names:
        return Scored.on(complete(track, rest), [])
    return score_track(
        track,
        [given[0].get(name, name) for name in names],
        stft=stft,
        metrics=[given[1].get(name, name) for name in part.metrics],
        rest=rest,
        advance=advance,
    )


def _score_together(
    names: Sequence[str],
    *,
    methods: Mapping[str, Method],
    track: Track,
    targets: Mapping[str, Audio],
    stft: STFT,
    scorer: Scorer,
    windows: Mapping[str, Sequence[slice]],
    advance: Callable[[float], object],
) -> dict[str, list[Score]]:
    """Score methods in one pass over a track, and certify ceilings beside it."""
    separating = [methods[name] for name in names if name not in CEILINGS]
    separation = Separation(track, separating, stft=stft, targets=targets)
    ceilings = {
        name: Ceilings(separation.optimal(masks), windows)
        for name in names
        if name in CEILINGS and (masks := CEILINGS[name].masks) is not None
    }

    def certify(piece: slice) -> None:
        for each in ceilings.values():
            each.examine(piece)

    scores = scorer.score_each(separation.separate_piece, beside=certify, advance=advance)
    for name, each in ceilings.items():
        certified = each.certified()
        framewise = {
            target: [ceiling.certified for ceiling in of_target]
            for target, of_target in certified.windows.items()
        }
        scores[name] = scorer.list_ceilings(framewise, certified.whole)
        trouble = _describe_looseness(certified.windows)
        if trouble:
            warnings.warn(f"{track.name}: {name}: {trouble}", LooseCeilingWarning, stacklevel=2)
    return scores


def _group_methods(chosen: Sequence[Method], most: int) -> list[list[str]]:
    """Divide methods into groups that share a pass over a track.

    The best masks of a class and its ceiling stay together, so that the masks are found once.
    """
    units: dict[str, list[str]] = {}
    for method in chosen:
        unit = method.name if method.masks is None else method.masks.ceiling
        units.setdefault(unit, []).append(method.name)
    together: list[list[str]] = [[]]
    for names in units.values():
        if together[-1] and len(together[-1]) + len(names) > most:
            together.append([])
        together[-1] += names
    return together


def _describe_looseness(windows: Mapping[str, Sequence[Ceiling]]) -> str:
    """Say in how many windows ceilings are loose, and by how much.

    Where a mask is perfect, +inf is the true ceiling.
    """
    loose, unproven = Counter[str](), Counter[str]()
    farthest = 0.0
    for target, ceilings in windows.items():
        for achieved, certified, converged in ceilings:
            if certified == math.inf:
                unproven[target] += not achieved > PERFECT_DB
            elif not converged:
                loose[target] += 1
                farthest = max(farthest, certified - achieved)
    parts = []
    if loose.total():
        parts.append(
            f"the ceiling holds, but is up to {farthest:.2g} dB above the best mask found, in "
            f"{_windows(loose)}"
        )
    if unproven.total():
        parts.append(f"nothing is proven, so the ceiling is +inf, in {_windows(unproven)}")
    return "; ".join(parts)


def _windows(counts: Counter[str]) -> str:
    """Say how many windows there are of each target."""
    of_each = ", ".join(f"{target} ({count})" for target, count in counts.items() if count)
    return f"windows of {of_each}"


def find_bounds(
    methods: Iterable[AnyMethod], metrics: Iterable[AnyMetric]
) -> tuple[list[Method], list[Metric]]:
    """Check the methods and metrics of a table of bounds.

    Raises
    ------
    TypeError
        If either comes as one string.
    ValueError
        If none is named, one is unknown or named twice, or if ceilings are the only methods and
        none of the metrics has one.
    """
    chosen = find_methods(methods, known=METHODS | CEILINGS)
    wanted = find_metrics(metrics)
    names = [metric.name for metric in wanted]
    if all(method.name in CEILINGS for method in chosen) and not set(CERTIFIED) & set(names):
        raise ValueError(
            f"metrics must hold {' or '.join(CERTIFIED)}, the only ones with a {CEILING.name}, "
            f"got {', '.join(names)}"
        )
    return chosen, wanted
