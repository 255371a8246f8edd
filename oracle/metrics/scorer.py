"""Scores: the metrics of the estimates of a track, target by target."""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np

from oracle.machine.threads import in_threads, one_blas_thread
from oracle.metrics.bss_eval import REGULARIZATION
from oracle.metrics.decomposition import BSSEval, Examined, bytes_kept
from oracle.metrics.energy_ratios import (
    Energies,
    Float64s,
    check_pair,
    energies,
    framewise_ratio,
    is_silent,
)
from oracle.metrics.names import FRAMEWISE, GLOBAL, METRICS, MUSEVAL, REGULARIZED, find_metrics
from oracle.metrics.scale_invariant import InnerProducts, compute_ratios, inner_products
from oracle.metrics.windows import Windows
from oracle.tracks.track import ACCOMPANIMENT, VOCALS, Audio

# Length of museval's windows, and the hop from one to the next, in seconds.
WINDOW = 1.0


# Bytes that are kept of methods that are scored in one pass over a track.
KEPT = 130e6


class Score(NamedTuple):
    """One value of one metric: of a window, or of the whole track (time and duration None).

    Times are in seconds, scores in dB.
    """

    target: str
    metric: str
    time: float | None
    duration: float | None
    score: float


# Estimates of several methods, from one sample to another: by method, then target, arrays of
# shape (n_channels, stop - start).
Reader = Callable[[int, int], Mapping[str, Mapping[str, Audio]]]


class Scorer:
    """The references of a track, which any number of estimates are scored against.

    museval's metrics are computed in its two groups: all targets but the accompaniment,
    then vocals and accompaniment, from which the vocals' figures are taken; a window in
    which anything of a group is silent is NaN for the whole group. The scale-invariant
    metrics take all sources as possible interference, and vocals and accompaniment for
    the accompaniment.

    Parameters
    ----------
    references : mapping from str to array of shape (n_channels, n_samples)
        The targets of the track, by name (see `Track.targets`).
    rate : int
        Sampling rate in Hz.
    metrics : sequence of str, optional
        Some of `oracle.metrics.names.ALL_METRICS`: `METRICS` by default. SDR alone needs no
        filters, and is many times faster than ISR, SIR and SAR.

    Raises
    ------
    ValueError
        If there is no such metric, or the references have not one shape.
    """

    @one_blas_thread()
    def __init__(
        self, references: Mapping[str, Audio], *, rate: int, metrics: Sequence[str] = METRICS
    ) -> None:
        self._metrics = find_metrics(metrics)
        self._targets = list(references)
        self._rate = rate
        signals = list(references.values())
        self._n_samples = check_pair(signals, signals)
        self._shape = signals[0].shape
        window = max(int(WINDOW * rate), 1)
        self._cuts = Windows(self._n_samples, window=window, hop=window)
        together = groups(self._targets)
        self._groups = [
            _Group(names, references, set().union(*together[place:]), window, self._metrics)
            for place, names in enumerate(together, start=1)
        ]

    @property
    def trouble(self) -> str | None:
        """What is wrong with the references, if ISR, SIR and SAR cannot be trusted."""
        troubles = (group.trouble for group in self._groups)
        return next((trouble for trouble in troubles if trouble is not None), None)

    @property
    def most_at_once(self) -> int:
        """How many methods to score in a pass: what is kept of each grows with the track."""
        of_a_method = sum(group.kept for group in self._groups) * len(self._cuts.windows)
        return max(int(KEPT // max(of_a_method, 1)), 1)

    @cached_property
    def heard(self) -> dict[str, list[slice]]:
        """The windows in which no reference of a target's group is silent, by target.

        In the others there is no SDR of any estimate.
        """
        heard: dict[str, list[slice]] = {}
        for group in self._groups:
            windows = [cut for cut in self._cuts.windows if not group.is_silent(cut)]
            heard |= dict.fromkeys(group.names, windows)
        return heard

    def ceilings(
        self, framewise: Mapping[str, Sequence[float]], whole: Mapping[str, float]
    ) -> list[Score]:
        """List ceilings as scores: of SDR in every window, and of uSDR.

        Parameters
        ----------
        framewise : mapping from str to sequence of float
            The ceiling of SDR in each window of `heard` in dB, by target.
        whole : mapping from str to float
            The ceiling of uSDR, by target.

        Returns
        -------
        scores : list of Score
            Of SDR and uSDR, if these are among the metrics; SDR is NaN in other windows.
        """
        certified = {}
        for target, ceilings in framewise.items():
            starts = (cut.start for cut in self.heard[target])
            values = dict(zip(starts, ceilings, strict=True))
            certified[target, "SDR"] = np.array(
                [values.get(cut.start, np.nan) for cut in self._cuts.windows]
            )
        return self._list(certified, {(name, "uSDR"): ceiling for name, ceiling in whole.items()})

    def score(self, estimates: Mapping[str, Audio]) -> list[Score]:
        """Score estimates.

        Parameters
        ----------
        estimates : mapping from str to array of shape (n_channels, n_samples)
            An estimate of every target, by the names of the references.

        Returns
        -------
        scores : list of Score
            By target, then metric, then time.

        Raises
        ------
        ValueError
            If the names or shapes differ.
        """
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

        def read(start: int, stop: int) -> dict[str, dict[str, Audio]]:
            return {"": {name: audio[:, start:stop] for name, audio in estimates.items()}}

        return self.score_each(read)[""]

    @one_blas_thread()
    def score_each(
        self,
        read: Reader,
        *,
        beside: Callable[[slice], object] = lambda piece: None,
        advance: Callable[[float], object] = lambda part: None,
    ) -> dict[str, list[Score]]:
        """Score the estimates of several methods, which are read a second at a time.

        Parameters
        ----------
        read : callable
            ``(start, stop) -> estimates``, by method, then target; called in threads.
        beside : callable, optional
            ``(piece) -> anything``: called in threads, with each piece of the track in turn.
        advance : callable, optional
            Called with the part of the track that has just been done, from 0 to 1.

        Returns
        -------
        scores : dict from str to list of Score
            By method; as `score` returns them.
        """
        lookahead = max(group.lookahead for group in self._groups)

        def examine(index: int) -> dict[str, list["_Examined"]]:
            piece = self._cuts.pieces[index]
            beside(piece)
            estimates = read(piece.start, min(piece.stop + lookahead, self._n_samples))
            of_groups = [
                group.examine(index, piece, list(estimates.values())) for group in self._groups
            ]
            by_method = [list(of_method) for of_method in zip(*of_groups, strict=True)]
            return dict(zip(estimates, by_method, strict=True))

        tallies: dict[str, list[_Tally]] = {}
        indices = range(len(self._cuts.pieces))
        for index, by_method in enumerate(in_threads(examine, indices)):
            for method, of_groups in by_method.items():
                if method not in tallies:
                    tallies[method] = [group.tally() for group in self._groups]
                for tally, examined in zip(tallies[method], of_groups, strict=True):
                    tally.add(index, examined)
            advance(1 / len(indices))
        return {method: self._scores(of_groups) for method, of_groups in tallies.items()}

    def _scores(self, tallies: Sequence["_Tally"]) -> list[Score]:
        framewise: dict[tuple[str, str], Float64s] = {}
        whole: dict[tuple[str, str], float] = {}
        for group, tally in zip(self._groups, tallies, strict=True):
            # The later group stands for museval's metrics, the earlier for the others.
            framewise |= group.framewise(self._cuts, tally)
            whole = group.whole(tally) | whole
        return self._list(framewise, whole)

    def _list(
        self,
        framewise: Mapping[tuple[str, str], Float64s],
        whole: Mapping[tuple[str, str], float],
    ) -> list[Score]:
        """List what there is by target and metric, of the metrics that are asked for."""
        scores = []
        for target in self._targets:
            for metric in self._metrics:
                if (target, metric) in whole:
                    scores.append(Score(target, metric, None, None, whole[target, metric]))
                if (target, metric) not in framewise:
                    continue
                values = framewise[target, metric]
                for window, value in zip(self._cuts.windows, values, strict=True):
                    time = window.start / self._rate
                    duration = (window.stop - window.start) / self._rate
                    scores.append(Score(target, metric, time, duration, float(value)))
        return scores


class _Examined(NamedTuple):
    """What is kept of a piece of the estimates of a group, by each family of metrics."""

    energies: Energies
    products: InnerProducts | None
    evaluations: list[Examined]


class _Tally:
    """What is known so far of the estimates of a group."""

    def __init__(self, evaluations: Sequence[BSSEval]) -> None:
        self.energies: list[Energies] = []
        self.products: list[InnerProducts] = []
        self.evaluations = [evaluation.tally() for evaluation in evaluations]

    def add(self, index: int, examined: _Examined) -> None:
        self.energies.append(examined.energies)
        if examined.products is not None:
            self.products.append(examined.products)
        for tally, part in zip(self.evaluations, examined.evaluations, strict=True):
            tally.add(index, part)


class _Group:
    """Targets that are evaluated together.

    `later` names targets whose framewise metrics come from another group.
    """

    def __init__(
        self,
        names: Sequence[str],
        references: Mapping[str, Audio],
        later: Collection[str],
        window: int,
        metrics: Sequence[str],
    ) -> None:
        self.names = names
        self._references = [references[name] for name in names]
        self._targets = [place for place, name in enumerate(names) if name not in later]
        self._whole = bool(set(GLOBAL) & set(metrics))
        self._evaluations: dict[tuple[str, ...], BSSEval] = {}
        for wanted, regularization in ((MUSEVAL, 0.0), (REGULARIZED, REGULARIZATION)):
            # SDR needs no filters, and with a silent reference everything is NaN.
            asked = set(wanted) & set(metrics) - {"SDR"}
            if asked and not any(is_silent(reference) for reference in self._references):
                self._evaluations[wanted] = BSSEval(
                    self._references,
                    window=window,
                    hop=window,
                    regularization=regularization,
                    names=names,
                )
        self.lookahead = max((e.lookahead for e in self._evaluations.values()), default=0)
        # Bytes that are kept of the estimates of a method, of each window.
        self.kept = len(self._evaluations) * bytes_kept(
            len(names), len(self._targets), len(self._references[0])
        )

    @property
    def trouble(self) -> str | None:
        """What is wrong with the references, if museval's metrics are asked for."""
        return self._evaluations[MUSEVAL].trouble if MUSEVAL in self._evaluations else None

    def is_silent(self, cut: slice) -> bool:
        """Tell whether a reference is silent in a window."""
        return any(is_silent(reference[:, cut]) for reference in self._references)

    def tally(self) -> _Tally:
        """Start to add up what is examined of an estimate."""
        return _Tally(list(self._evaluations.values()))

    def examine(
        self, index: int, piece: slice, several: Sequence[Mapping[str, Audio]]
    ) -> list[_Examined]:
        """Examine a piece, and `lookahead` samples after it, of estimates by several methods."""
        guesses = [[estimates[name] for name in self.names] for estimates in several]
        inside = [[guess[:, : piece.stop - piece.start] for guess in each] for each in guesses]
        truths = [reference[:, piece] for reference in self._references]
        evaluated = [
            evaluation.examine(index, guesses, targets=self._targets)
            for evaluation in self._evaluations.values()
        ]
        # BSS Eval knows the energies already.
        known = (
            [examined.energies for examined in evaluated[0]]
            if evaluated
            else energies(truths, inside)
        )
        return [
            _Examined(
                known[place],
                inner_products(truths, each) if self._whole else None,
                [examined[place] for examined in evaluated],
            )
            for place, each in enumerate(inside)
        ]

    def framewise(self, cuts: Windows, tally: _Tally) -> dict[tuple[str, str], Float64s]:
        """Compute museval's metrics, by target and metric."""
        sdr = framewise_ratio(cuts, tally.energies)[self._targets]
        ratios = {metric: np.full_like(sdr, np.nan) for metric in FRAMEWISE} | {"SDR": sdr}
        for (metrics, evaluation), part in zip(
            self._evaluations.items(), tally.evaluations, strict=True
        ):
            sdr, *others = evaluation.images(part, targets=self._targets)
            ratios |= zip(metrics, [sdr, *others] if "SDR" in metrics else others, strict=True)
        names = [self.names[target] for target in self._targets]
        return {
            (name, metric): row
            for metric, ratio in ratios.items()
            for name, row in zip(names, ratio, strict=True)
        }

    def whole(self, tally: _Tally) -> dict[tuple[str, str], float]:
        """Compute the metrics of the whole track, by target and metric."""
        if not self._whole:
            return {}
        ratios = compute_ratios(tally.products)
        columns = zip(GLOBAL, [ratios.snr, *ratios], strict=True)  # uSDR is SNR
        return {
            (name, metric): float(value)
            for metric, column in columns
            for name, value in zip(self.names, column, strict=True)
        }


def groups(targets: Sequence[str]) -> list[list[str]]:
    """Return the groups in which museval evaluates targets.

    Parameters
    ----------
    targets : sequence of str
        Names of the targets of a track.

    Returns
    -------
    groups : list of lists of str
        With vocals and accompaniment, all targets but the accompaniment, then these two;
        otherwise all targets.

    Examples
    --------
    >>> groups(["drums", "bass", "vocals", "accompaniment"])
    [['drums', 'bass', 'vocals'], ['vocals', 'accompaniment']]
    >>> groups(["vocals", "accompaniment"])
    [['vocals', 'accompaniment']]
    """
    pair = [VOCALS, ACCOMPANIMENT]
    if not set(pair) <= set(targets):
        return [list(targets)]
    sources = [target for target in targets if target != ACCOMPANIMENT]
    return [pair] if sources == [VOCALS] else [sources, pair]
