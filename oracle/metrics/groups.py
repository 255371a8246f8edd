"""Groups: targets that are evaluated together, by all families of metrics.

A `Group` holds references and never changes. Each estimate has its own `GroupTally`:
`Group.start_tally` makes it, it adds up what `Group.examine` finds in each piece, in order, and
all metrics are computed from it.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from oracle.metrics.bss_v4 import REGULARIZATION
from oracle.metrics.decomposition import FILTER_LENGTH, BSSEval
from oracle.metrics.energy_ratios import (
    Energies,
    Float64s,
    compute_energies,
    compute_framewise_sdr,
    is_silent,
)
from oracle.metrics.names import FRAMEWISE, GLOBAL, MUSEVAL, REGULARIZED
from oracle.metrics.scale_invariant import (
    InnerProducts,
    compute_inner_products,
    compute_ratios,
)
from oracle.metrics.tallies import Examined, Tally, count_bytes
from oracle.metrics.windows import Partition
from oracle.tracks.track import ACCOMPANIMENT, VOCALS, Audio


class GroupPiece(NamedTuple):
    """What each family of metrics keeps of a piece of a group's estimates."""

    energies: Energies
    products: InnerProducts | None
    evaluations: list[Examined]


class GroupTally:
    """What each family of metrics has kept of a group's estimates so far."""

    def __init__(self, evaluations: Sequence[Tally]) -> None:
        self.energies: list[Energies] = []
        self.products: list[InnerProducts] = []
        self.evaluations = evaluations

    def add(self, index: int, examined: GroupPiece) -> None:
        """Add what was found in the next piece."""
        self.energies.append(examined.energies)
        if examined.products is not None:
            self.products.append(examined.products)
        for tally, piece in zip(self.evaluations, examined.evaluations, strict=True):
            tally.add(index, piece)


class Group:
    """The references of targets that are evaluated together.

    Parameters
    ----------
    names : sequence of str
        The targets.
    references : mapping from str to array of shape (n_channels, n_samples)
        References of these targets; others are ignored.
    estimated : collection of str
        Targets that have estimates.
    later : collection of str
        Targets whose framewise metrics come from another group.
    window : int
        Length of the windows and hop between them, in samples.
    metrics : sequence of str
        The metrics to compute.

    Attributes
    ----------
    estimated : list of str
        Those of its targets that have estimates.
    lookahead : int
        Number of samples after a piece that its examination needs.
    bytes_a_window : int
        Approximate number of bytes kept of an estimate for each window.
    """

    def __init__(
        self,
        names: Sequence[str],
        references: Mapping[str, Audio],
        estimated: Collection[str],
        later: Collection[str],
        window: int,
        metrics: Sequence[str],
    ) -> None:
        self.names = names
        self._references = [references[name] for name in names]
        self.estimated = [name for name in names if name in estimated]
        self._targets = [names.index(name) for name in self.estimated if name not in later]
        self._asks_for_whole = bool(set(GLOBAL) & set(metrics))
        # Keyed by the metrics that each computes.
        self._evaluations: dict[tuple[str, ...], BSSEval] = {}
        for wanted, regularization in ((MUSEVAL, 0.0), (REGULARIZED, REGULARIZATION)):
            # SDR needs no filters, and with a silent reference everything is NaN.
            asked = bool(self._targets) and set(wanted) & set(metrics) - {"SDR"}
            if asked and not any(is_silent(reference) for reference in self._references):
                self._evaluations[wanted] = BSSEval(
                    self._references,
                    window=window,
                    hop=window,
                    regularization=regularization,
                    names=names,
                )
        self.lookahead = max((e.lookahead for e in self._evaluations.values()), default=0)
        self.bytes_a_window = len(self._evaluations) * count_bytes(
            len(names), len(self._targets), len(self._references[0]), filter_length=FILTER_LENGTH
        )

    @property
    def trouble(self) -> str | None:
        """Why ISR, SIR and SAR cannot be trusted; None if they can, or are not computed."""
        return self._evaluations[MUSEVAL].trouble if MUSEVAL in self._evaluations else None

    def is_silent(self, window: slice) -> bool:
        """Tell whether a reference is silent in a window."""
        return any(is_silent(reference[:, window]) for reference in self._references)

    def start_tally(self) -> GroupTally:
        """Start an empty tally for one estimate."""
        return GroupTally([each.start_tally() for each in self._evaluations.values()])

    def examine(
        self, index: int, piece: slice, several: Sequence[Mapping[str, Audio]]
    ) -> list[GroupPiece]:
        """Examine a piece of estimates by several methods, and `lookahead` samples after it."""
        # Where there is no estimate, another stands in: no ratio of other targets depends on it.
        guesses = [
            [estimates.get(name, estimates[self.estimated[0]]) for name in self.names]
            for estimates in several
        ]
        inside = [[guess[:, : piece.stop - piece.start] for guess in each] for each in guesses]
        truths = [reference[:, piece] for reference in self._references]
        evaluated = [
            evaluation.examine(index, guesses, targets=self._targets)
            for evaluation in self._evaluations.values()
        ]
        # BSS Eval has computed the energies already.
        energies = (
            [examined.energies for examined in evaluated[0]]
            if evaluated
            else compute_energies(truths, inside)
        )
        return [
            GroupPiece(
                energies[place],
                compute_inner_products(truths, each) if self._asks_for_whole else None,
                [examined[place] for examined in evaluated],
            )
            for place, each in enumerate(inside)
        ]

    def compute_framewise(
        self, partition: Partition, tally: GroupTally
    ) -> dict[tuple[str, str], Float64s]:
        """Compute museval's metrics, by target and metric."""
        sdr = compute_framewise_sdr(partition, tally.energies)[self._targets]
        ratios = {metric: np.full_like(sdr, np.nan) for metric in FRAMEWISE} | {"SDR": sdr}
        for (metrics, evaluation), evaluated in zip(
            self._evaluations.items(), tally.evaluations, strict=True
        ):
            sdr, *others = evaluation.compute_images(evaluated, targets=self._targets)
            ratios |= zip(metrics, [sdr, *others] if "SDR" in metrics else others, strict=True)
        names = [self.names[target] for target in self._targets]
        return {
            (name, metric): row
            for metric, ratio in ratios.items()
            for name, row in zip(names, ratio, strict=True)
        }

    def compute_whole(self, tally: GroupTally) -> dict[tuple[str, str], float]:
        """Compute the metrics of the whole track, by target and metric."""
        if not self._asks_for_whole:
            return {}
        ratios = compute_ratios(tally.products)
        columns = zip(GLOBAL, [ratios.snr, *ratios], strict=True)  # uSDR is SNR
        return {
            (name, metric): float(value)
            for metric, column in columns
            for name, value in zip(self.names, column, strict=True)
        }


def find_groups(targets: Sequence[str]) -> list[list[str]]:
    """Find the groups in which museval evaluates targets.

    Parameters
    ----------
    targets : sequence of str
        Names of the targets of a track.

    Returns
    -------
    groups : list of lists of str
        If both vocals and accompaniment are targets: all targets but the accompaniment, then
        these two. Otherwise one group of all targets.

    Examples
    --------
    >>> find_groups(["drums", "bass", "vocals", "accompaniment"])
    [['drums', 'bass', 'vocals'], ['vocals', 'accompaniment']]
    >>> find_groups(["vocals", "accompaniment"])
    [['vocals', 'accompaniment']]
    """
    pair = [VOCALS, ACCOMPANIMENT]
    if not set(pair) <= set(targets):
        return [list(targets)]
    sources = [target for target in targets if target != ACCOMPANIMENT]
    return [pair] if sources == [VOCALS] else [sources, pair]
