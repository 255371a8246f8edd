"""Scores: the metrics of a track's estimates, target by target."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np

from oracle.machine.threads import in_threads, one_blas_thread
from oracle.metrics.energy_ratios import Float64s, check_pair
from oracle.metrics.functions import WholeEstimates, compute_functions
from oracle.metrics.groups import Group, GroupPiece, GroupTally, find_groups
from oracle.metrics.named import AnyMetric, find_metrics
from oracle.metrics.names import METRICS
from oracle.metrics.windows import Partition
from oracle.tracks.track import Audio

# Length of museval's windows and hop between them, in seconds.
WINDOW = 1.0

# Bytes to keep of the methods that are scored in one pass over a track.
KEPT = 130e6


class Score(NamedTuple):
    """One value of a metric: of a window, or of the whole track (time and duration None).

    Times are in seconds, scores in the unit of the metric.
    """

    target: str
    metric: str
    time: float | None
    duration: float | None
    score: float


# Part of estimates: by method, then target, arrays of shape (n_channels, n).
PieceOfEach = Mapping[str, Mapping[str, Audio]]
# Reads samples `start` to `stop` of estimates.
Reader = Callable[[int, int], PieceOfEach]


class Scorer:
    """The references of a track, to score any number of estimates against.

    museval's metrics are computed in two groups, as museval does: all targets but the
    accompaniment, then vocals and accompaniment. The scores of the vocals come from the
    second group. If a signal of a group is silent in a window, the whole group is NaN there.
    In the scale-invariant metrics, all sources may interfere; with the accompaniment, only
    the vocals.

    Parameters
    ----------
    references : mapping from str to array of shape (n_channels, n_samples)
        The targets of the track, by name (see `Track.targets`).
    rate : int
        Sampling rate in Hz.
    metrics : iterable of str, Metric or callable, optional
        Names of metrics, `oracle.metrics.names.METRICS` by default, and functions of your own (see
        `Metric`). SDR alone needs no filters, and is many times faster than ISR, SIR and SAR.
    mixture : array of shape (n_channels, n_samples), optional
        The mixture; functions need it.
    estimated : collection of str, optional
        The targets that have estimates, if not all have. All references may interfere, and
        windows in which one of a group is silent are NaN, as they are with all estimates.

    Raises
    ------
    TypeError
        If `metrics` is one string.
    ValueError
        If a metric is unknown or not defined for such audio, the references or the mixture differ
        in shape, none is estimated, or there is no mixture for a function.
    """

    @one_blas_thread()
    def __init__(
        self,
        references: Mapping[str, Audio],
        *,
        rate: int,
        metrics: Iterable[AnyMetric] = METRICS,
        mixture: Audio | None = None,
        estimated: Collection[str] | None = None,
    ) -> None:
        self._metrics = find_metrics(metrics)
        self._functions = [metric for metric in self._metrics if metric.function is not None]
        known = references if estimated is None else estimated
        self._targets = [target for target in references if target in known]
        if not self._targets:
            raise ValueError(
                f"estimated must name some of references, {', '.join(references)}, got "
                f"{', '.join(known) or 'none'}"
            )
        self._rate = rate
        signals = list(references.values())
        self._n_samples = check_pair(signals, signals)
        self._shape = signals[0].shape
        for metric in self._functions:  # now, not once the whole track is read
            metric.needs.check_audio(metric.name, rate=rate, n_channels=self._shape[0])
        window = max(int(WINDOW * rate), 1)
        self._partition = Partition(self._n_samples, window=window, hop=window)
        groups = [names for names in find_groups(list(references)) if {*names} & {*self._targets}]
        built_in = [metric.name for metric in self._metrics]
        self._groups = [
            Group(names, references, self._targets, set().union(*groups[place:]), window, built_in)
            for place, names in enumerate(groups, start=1)
        ]
        self._references = references
        self._mixture = self._check_mixture(mixture)

    @property
    def trouble(self) -> str | None:
        """Why ISR, SIR and SAR cannot be trusted; None if they can, or are not computed."""
        troubles = (group.trouble for group in self._groups)
        return next((trouble for trouble in troubles if trouble is not None), None)

    @property
    def most_at_once(self) -> int:
        """How many methods to score in a pass: each keeps more the longer the track is."""
        a_window = sum(group.bytes_a_window for group in self._groups)
        a_method = a_window * len(self._partition.windows)
        if self._functions:
            a_method += sum(self._references[target].nbytes for target in self._targets)
        return max(int(KEPT // max(a_method, 1)), 1)

    @cached_property
    def heard(self) -> dict[str, list[slice]]:
        """The windows in which no reference of a target's group is silent, by target.

        In the other windows no estimate has an SDR.
        """
        heard: dict[str, list[slice]] = {}
        for group in self._groups:
            windows = [w for w in self._partition.windows if not group.is_silent(w)]
            heard |= dict.fromkeys(group.names, windows)
        return heard

    def list_ceilings(
        self, framewise: Mapping[str, Sequence[float]], whole: Mapping[str, float]
    ) -> list[Score]:
        """List ceilings as scores: SDR in every window, and uSDR.

        Parameters
        ----------
        framewise : mapping from str to sequence of float
            The ceiling of SDR in each window of `heard` in dB, by target.
        whole : mapping from str to float
            The ceiling of uSDR, by target.

        Returns
        -------
        scores : list of Score
            SDR and uSDR, if these are among the metrics; SDR is NaN outside `heard`.
        """
        certified = {}
        for target, ceilings in framewise.items():
            starts = (window.start for window in self.heard[target])
            values = dict(zip(starts, ceilings, strict=True))
            certified[target, "SDR"] = np.array(
                [values.get(window.start, np.nan) for window in self._partition.windows]
            )
        return self._list_scores(
            certified, {(name, "uSDR"): ceiling for name, ceiling in whole.items()}
        )

    def score(self, estimates: Mapping[str, Audio]) -> list[Score]:
        """Score estimates.

        Parameters
        ----------
        estimates : mapping from str to array of shape (n_channels, n_samples)
            By the names of the references: of every target, or of those said to be estimated.

        Returns
        -------
        scores : list of Score
            By target, then metric, then time.

        Raises
        ------
        ValueError
            If the names or shapes differ.
        """
        self._check(estimates)

        def read(start: int, stop: int) -> dict[str, dict[str, Audio]]:
            return {"": {name: audio[:, start:stop] for name, audio in estimates.items()}}

        return self.score_each(read)[""]

    @one_blas_thread()
    def score_each(
        self,
        read: Reader,
        *,
        beside: Callable[[slice], object] = lambda piece: None,
        advance: Callable[[float], object] = lambda share: None,
    ) -> dict[str, list[Score]]:
        """Score the estimates of several methods, reading about a second at a time.

        Parameters
        ----------
        read : callable
            ``(start, stop) -> estimates``, by method, then target; called in threads.
        beside : callable, optional
            ``(piece) -> anything``: called in threads, with each piece of the track in turn.
        advance : callable, optional
            Called with the share of the track that was just scored, from 0 to 1.

        Returns
        -------
        scores : dict from str to list of Score
            By method; as `score` returns them.
        """
        lookahead = max(group.lookahead for group in self._groups)

        reading = 0.5 if self._functions else 1.0  # its share of the work
        whole = WholeEstimates(self._n_samples)

        def examine(index: int) -> tuple[dict[str, list[GroupPiece]], PieceOfEach]:
            piece = self._partition.pieces[index]
            beside(piece)
            estimates = read(piece.start, min(piece.stop + lookahead, self._n_samples))
            by_group = [
                group.examine(index, piece, list(estimates.values())) for group in self._groups
            ]
            by_method = [list(of_groups) for of_groups in zip(*by_group, strict=True)]
            return dict(zip(estimates, by_method, strict=True)), estimates

        tallies: dict[str, list[GroupTally]] = {}
        indices = range(len(self._partition.pieces))
        for index, (by_method, estimates) in enumerate(in_threads(examine, indices)):
            if self._functions:
                whole.add(self._partition.pieces[index], estimates)
            for method, of_groups in by_method.items():
                if method not in tallies:
                    tallies[method] = [group.start_tally() for group in self._groups]
                for tally, examined in zip(tallies[method], of_groups, strict=True):
                    tally.add(index, examined)
            advance(reading / len(indices))
        scores = {}
        for method, of_method in tallies.items():
            scores[method] = self._compute_scores(method, of_method, whole)
            if self._functions:
                advance((1 - reading) / len(tallies))
        return scores

    def _compute_scores(
        self, method: str, tallies: Sequence[GroupTally], estimates: WholeEstimates
    ) -> list[Score]:
        framewise: dict[tuple[str, str], Float64s] = {}
        whole: dict[tuple[str, str], float] = {}
        for group, tally in zip(self._groups, tallies, strict=True):
            # museval's metrics come from the later group, the others from the earlier.
            framewise |= group.compute_framewise(self._partition, tally)
            whole = group.compute_whole(tally) | whole
            for metric, values in self._compute_functions(method, group, estimates).items():
                named = {(t, metric): v for t, v in zip(group.estimated, values, strict=True)}
                if values.ndim == 2:
                    framewise |= named
                else:
                    whole = named | whole
        return self._list_scores(framewise, whole)

    def _compute_functions(
        self, method: str, group: Group, estimates: WholeEstimates
    ) -> dict[str, Float64s]:
        if not self._functions:
            return {}
        return compute_functions(
            self._functions,
            np.stack([self._references[target] for target in group.estimated]),
            estimates.stack(method, group.estimated),
            self._mixture,
            rate=self._rate,
            windows=self._partition.windows,
        )

    def _list_scores(
        self,
        framewise: Mapping[tuple[str, str], Float64s],
        whole: Mapping[tuple[str, str], float],
    ) -> list[Score]:
        """List the scores of the metrics that were asked for, by target and metric."""
        scores = []
        for target in self._targets:
            for metric in (each.name for each in self._metrics):
                if (target, metric) in whole:
                    scores.append(Score(target, metric, None, None, whole[target, metric]))
                if (target, metric) not in framewise:
                    continue
                values = framewise[target, metric]
                for window, value in zip(self._partition.windows, values, strict=True):
                    time = window.start / self._rate
                    duration = (window.stop - window.start) / self._rate
                    scores.append(Score(target, metric, time, duration, float(value)))
        return scores

    def _check_mixture(self, mixture: Audio | None) -> Audio:
        if self._functions and (mixture is None or mixture.shape != self._shape):
            shape = "none" if mixture is None else mixture.shape
            raise ValueError(
                f"mixture must have the shape of references, {self._shape}, for the metric "
                f"{self._functions[0].name}, got {shape}"
            )
        return np.empty(0) if mixture is None else mixture

    def _check(self, estimates: Mapping[str, Audio]) -> None:
        if estimates.keys() != set(self._targets):
            raise ValueError(
                f"estimates must have the targets of references, {', '.join(self._targets)}, "
                f"got {', '.join(estimates)}"
            )
        for target, estimate in estimates.items():
            if estimate.shape != self._shape:
                raise ValueError(
                    f"estimates must have the shape of references, {self._shape}, got "
                    f"{estimate.shape} of {target}"
                )
