"""The main job: tracks x methods -> scores, a table of bounds, and files."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from oracle.execution import Advance
from oracle.methods import METHODS, Separation, methods_named
from oracle.results import Row
from oracle.runs import run, scorer_of
from oracle.scores import METRICS, metrics_named
from oracle.stft import STFT
from oracle.track import Track

if TYPE_CHECKING:
    from pandas import DataFrame

# They share the track's transforms; what is kept of each grows with the track.
METHODS_AT_ONCE = 5


def compute_bounds(
    tracks: Track | Iterable[Track],
    *,
    methods: Iterable[str] = tuple(METHODS),
    stft: STFT | None = None,
    metrics: Sequence[str] = METRICS,
    out: str | Path | None = None,
    progress: bool = False,
) -> "DataFrame":
    """Separate tracks with oracle methods, score the estimates, and aggregate the scores.

    Parameters
    ----------
    tracks : Track or iterable of Track
        A dataset of `oracle.datasets` reads its tracks one at a time.
    methods : iterable of str, optional
        Names in `oracle.methods.METHODS`. All by default.
    stft : STFT, optional
        The default is ``STFT()``: periodic Hann, 2048 samples, hop 1024.
    metrics : sequence of str, optional
        Some of `oracle.scores.ALL_METRICS`. By default SDR, ISR, SIR, SAR and the metrics of
        whole tracks; SDR alone takes a fraction of the time.
    out : str or Path, optional
        A folder to write to: ``<method>/<subset>/<track>.json`` in museval's format,
        ``scores.csv``, ``bounds.csv``, ``run.json``, and ``tracks/<subset>/<track>.csv``
        with the scores of each track as soon as it is done. It must be new or empty.
    progress : bool, optional
        Whether to show a progress bar on standard error, if that is a terminal.

    Returns
    -------
    table : DataFrame
        The bounds: columns method, target, metric, median, mean, n_tracks, n_windows,
        n_nan; see `oracle.results.aggregate`. ``table.attrs["mixture_is_sum"]`` lists the
        tracks whose mixture is the sum of their sources because none was delivered,
        ``table.attrs["subsets"]`` counts the tracks of each subset.

    Raises
    ------
    ValueError
        If there are no tracks, no such method or metric, or `out` is no new or empty
        folder.
    TracksFailed
        At the end, if tracks failed: the others are done, in its `table` and on disk.

    Examples
    --------
    >>> import oracle
    >>> table = oracle.compute_bounds(oracle.datasets.waltz(), methods=["IRM2"])
    >>> table[["target", "metric"]].head(2)
      target metric
    0  drums    SDR
    1  drums    ISR
    """
    chosen = [method.name for method in methods_named(methods)]
    wanted = metrics_named(metrics)
    stft = STFT() if stft is None else stft

    def score(track: Track, advance: Advance) -> list[Row]:
        return score_track(track, chosen, stft=stft, metrics=wanted, advance=advance)

    settings = {
        "methods": chosen,
        "metrics": wanted,
        "stft": {"n_fft": stft.n_fft, "hop_length": stft.hop_length, "window": stft.window},
    }
    return run(tracks, score, settings=settings, out=out, progress=progress)


def score_track(
    track: Track,
    methods: Iterable[str],
    *,
    stft: STFT | None = None,
    metrics: Sequence[str] = METRICS,
    advance: Advance = lambda name, part: None,
) -> list[Row]:
    """Separate a track with oracle methods and score the estimates.

    Parameters
    ----------
    track : Track
        The mixture and its true sources.
    methods, stft, metrics
        As in `compute_bounds`.
    advance : callable, optional
        Called with the name of the track and the part of the work that has just been
        done, from 0 to 1.

    Returns
    -------
    rows : list of tuples
        Values of the columns of ``scores.csv``: track, subset, method, then those of
        `oracle.scores.Score`.
    """
    chosen = [method.name for method in methods_named(methods)]
    scorer = scorer_of(track, track.targets, metrics)
    rows: list[Row] = []
    for start in range(0, len(chosen), METHODS_AT_ONCE):
        some = chosen[start : start + METHODS_AT_ONCE]

        def done(part: float, share: float = len(some) / len(chosen)) -> None:
            advance(track.name, part * share)

        scores = scorer.score_each(Separation(track, some, stft=stft).part, advance=done)
        for name in some:
            rows += [(track.name, track.subset, name, *score) for score in scores[name]]
    return rows
