"""BSS Eval: an error split into spatial distortion, interference and artifacts.

This file is long because it holds one public class, half of it documentation.

The estimate e of a source s is projected, by least squares, onto the source delayed by
0, ..., L - 1 samples in all its channels (P_j e), and onto all sources so delayed (P e):

    e = s + e_spat + e_interf + e_artif,  where  e_spat = P_j e - s,
    e_interf = P e - P_j e,  e_artif = e - P e.

Version 4 fits the filters of the projections to the whole signals, and *applies* them to
each window of the references, cut out with silence around it; what rings on after the
window counts. Version 3 fits the filters to each window, or to the whole signal.

No signal is filtered here. The energy of a sum of filtered references is a quadratic form
in the filters. Its matrix holds the correlations of the references in the window, at lags
shorter than a filter; they are computed once for all estimates. Since s is its own
projection, only the error e - s is projected: this way, a good estimate loses no digits in
differences of large energies.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from oracle.machine.threads import one_blas_thread
from oracle.metrics.conditions import describe_trouble
from oracle.metrics.energy_ratios import (
    LEAST_ENERGY,
    Float64s,
    Signals,
    arrange,
    check_heard,
    check_pair,
    compute_energies,
    decibels,
    find_silent_windows,
)
from oracle.metrics.filter_memory import check_filters_fit
from oracle.metrics.filtered_energies import FilteredEnergies, drop_negative
from oracle.metrics.piece_correlations import PieceCorrelator, stack_channels
from oracle.metrics.projections import Projection
from oracle.metrics.tallies import Examined, Tally
from oracle.metrics.windows import Partition, check_length

# Taps of the distortion filters in every published BSS Eval.
FILTER_LENGTH = 512

# Replaces infinity where assignments are compared.
INFINITE_DB = 1e4

Permutation = npt.NDArray[np.intp]


class Components(NamedTuple):
    """Energies of the components of estimates, arrays of shape (n_targets, n_windows)."""

    source: Float64s  # s
    error: Float64s  # e - s
    spatial: Float64s  # e_spat
    interference: Float64s  # e_interf
    artifacts: Float64s  # e_artif
    own: Float64s  # s + e_spat
    all: Float64s  # s + e_spat + e_interf
    own_residual: Float64s  # e_interf + e_artif


class BSSEval:
    """References, prepared once to evaluate any number of estimates.

    The constructor computes what depends on the references alone: their correlations and the
    factorizations of the normal equations. Estimates are examined piece by piece, in any order
    and in threads, and need not be kept: the `Tally` of an estimate holds what its ratios need.

    Parameters
    ----------
    references : array of shape (n_sources, n_channels, n_samples)
        The true sources. A list of arrays of shape (n_channels, n_samples) is accepted, and so
        are mono sources of shape (n_sources, n_samples). None may be silent.
    window, hop : int
        Length of the windows and hop between them, in samples.
    filter_length : int, optional
        Taps of the distortion filters.
    regularization : float, optional
        See `bss_eval_v4_regularized`; 0 is museval's BSS Eval.
    names : sequence of str, optional
        Names of the sources in `trouble` and in errors.

    Attributes
    ----------
    pieces : list of slice
        The samples of each piece.
    lookahead : int
        Number of samples after a piece that its examination needs.

    Raises
    ------
    TypeError
        If the references are no numpy arrays, or the window, the hop or the filter length is not
        an integer.
    ValueError
        If the shape is wrong, a reference is silent or not finite, the window, the hop
        or the filter length is not positive, or the regularization is negative or not
        finite.
    MemoryError
        If memory cannot hold the normal equations (channels of all sources times taps) or
        the correlations in the windows; raised at once.

    Examples
    --------
    >>> import numpy as np
    >>> references, noise = np.random.default_rng(0).standard_normal((2, 3, 2, 8000))
    >>> evaluation = BSSEval(references, window=4000, hop=4000, filter_length=16)
    >>> for level in (0.1, 0.01):
    ...     tally = evaluation.examine_all(references + level * noise)
    ...     sdr, isr, sir, sar = evaluation.compute_images(tally)
    ...     print(sdr.round(0).max())
    20.0
    40.0
    """

    @one_blas_thread()
    def __init__(
        self,
        references: Signals,
        *,
        window: int,
        hop: int,
        filter_length: int = FILTER_LENGTH,
        regularization: float = 0.0,
        names: Sequence[str] | None = None,
    ) -> None:
        references = arrange("references", references)
        n_samples = check_pair(references, references)
        for argument, value in (("window", window), ("hop", hop), ("filter_length", filter_length)):
            check_length(argument, value)
        if not 0 <= regularization < np.inf:
            raise ValueError(
                f"regularization must be finite and not negative, got {regularization}"
            )
        self._references = references
        self._n_channels = len(references[0])
        self._names = names or [f"source {index}" for index in range(len(references))]
        check_heard("references", references, self._names)
        n_lags = int(filter_length)
        self._partition = Partition(n_samples, window=int(window), hop=int(hop))
        self.pieces = self._partition.pieces
        check_filters_fit(len(references), self._n_channels, n_lags, self._partition)
        self._correlator = PieceCorrelator(references, self._partition, n_lags)
        self.lookahead = self._correlator.lookahead
        sums = self._correlator.correlate_all(references)
        if not np.isfinite(sums.whole).all():
            raise ValueError("references must be finite, got NaN or infinity")
        self._energies = FilteredEnergies(sums.windows, self._n_channels)
        self._joint = Projection(sums.whole, regularization=regularization)
        self._own = [
            Projection(sums.whole[channels, channels], regularization=regularization)
            for channels in map(self._find_channels, range(len(references)))
        ]

    @property
    @one_blas_thread()
    def trouble(self) -> str | None:
        """Which references have nearly dependent delayed copies, in words; None if none have."""
        return describe_trouble(self._names, self._own, self._joint)

    @one_blas_thread()
    def examine(
        self,
        index: int,
        several: Sequence[Signals],
        *,
        targets: Sequence[int] | None = None,
    ) -> list[Examined]:
        """Compute what the ratios need from a piece of estimates.

        Parameters
        ----------
        index : int
            Index of the piece in `pieces`.
        several : sequence of arrays of shape (n_sources, n_channels, n)
            Estimates by several methods: the samples of the piece and the `lookahead`
            samples after it, fewer at the end of the signal.
        targets : sequence of int, optional
            Indices of the sources to compute ratios for; all by default.

        Returns
        -------
        examined : list of Examined
            One for each method, to add to its `Tally`.

        Raises
        ------
        ValueError
            If a shape does not match the references.
        """
        piece = self.pieces[index]
        beyond = self._correlator.find_end(index)
        truths = [reference[:, piece.start : beyond] for reference in self._references]
        targets = range(len(truths)) if targets is None else targets
        for estimates in several:
            check_pair(truths, estimates)
        energies = compute_energies(truths, several, slice(0, piece.stop - piece.start))
        wanted = stack_channels([truths[target] for target in targets])
        errors = []
        for estimates in several:
            error = stack_channels([estimates[target] for target in targets])
            error -= wanted
            errors.append([error])
        correlations = self._correlator.correlate(index, errors, offset=piece.start)
        return [Examined(*both) for both in zip(energies, correlations, strict=True)]

    def start_tally(self) -> Tally:
        """Start an empty tally for one estimate."""
        return Tally(self._partition)

    @one_blas_thread()
    def compute_images(
        self, tally: Tally, *, targets: Sequence[int] | None = None
    ) -> tuple[Float64s, Float64s, Float64s, Float64s]:
        """Compute SDR, ISR, SIR and SAR of the images version.

        Parameters
        ----------
        tally : Tally
            What was examined, all pieces added.
        targets : sequence of int, optional
            As in `examine`.

        Returns
        -------
        sdr, isr, sir, sar : arrays of shape (n_targets, n_windows), float64
            In dB; NaN where any reference or estimate is silent, or the energy of the reference
            is below 1e-270.

        Raises
        ------
        ValueError
            If the estimates are not finite.
        """
        found = self._compute_components(tally, targets)
        return (
            self._compute_ratio(tally, found, found.source, found.error),
            self._compute_ratio(tally, found, found.source, found.spatial),
            self._compute_ratio(tally, found, found.own, found.interference),
            self._compute_ratio(tally, found, found.all, found.artifacts),
        )

    @one_blas_thread()
    def compute_sources(self, tally: Tally) -> tuple[Float64s, Float64s, Float64s]:
        """Compute SDR, SIR and SAR of the sources version: filtering is not an error.

        As `compute_images`, with P_j e in place of the source: SDR is its energy over that of
        the rest of e.
        """
        found = self._compute_components(tally, None)
        return (
            self._compute_ratio(tally, found, found.own, found.own_residual),
            self._compute_ratio(tally, found, found.own, found.interference),
            self._compute_ratio(tally, found, found.all, found.artifacts),
        )

    def examine_all(self, estimates: Signals) -> Tally:
        """Examine whole estimates, which have the shape of the references."""
        estimates = arrange("estimates", estimates)
        check_pair(self._references, estimates)

        def examine(index: int) -> Examined:
            samples = slice(self.pieces[index].start, self._correlator.find_end(index))
            return self.examine(index, [[estimate[:, samples] for estimate in estimates]])[0]

        tally = self.start_tally()
        for index, examined in self._correlator.work_on_pieces(examine):
            tally.add(index, examined)
        return tally

    @one_blas_thread()
    def find_best_permutation(self, estimates: Signals) -> Permutation:
        """Find the order of the estimates with the highest mean SIR over sources and windows.

        Returns
        -------
        permutation : array of shape (n_sources,)
            Index of the estimate for each source.
        """
        from scipy.optimize import linear_sum_assignment

        estimates = arrange("estimates", estimates)
        check_pair(self._references, estimates)
        check_heard("estimates", estimates, self._names)
        whole = self._correlator.correlate_all(estimates).whole
        sir = self._compute_pairwise_sir(whole)[..., ~self._find_unheard(estimates)]
        heard = np.clip(np.nan_to_num(sir), -INFINITE_DB, INFINITE_DB)
        if not heard.size:
            return np.arange(len(self._own))
        return np.asarray(linear_sum_assignment(heard.mean(axis=-1), maximize=True)[1])

    def _find_unheard(self, estimates: Signals) -> npt.NDArray[np.bool_]:
        """Find the windows where a signal is silent, or a reference has almost no energy."""
        energies = [
            compute_energies(self._references, [estimates], piece)[0] for piece in self.pieces
        ]
        silent = find_silent_windows(self._partition, np.stack([each.silent for each in energies]))
        signals = self._partition.add_up(np.stack([each.signal for each in energies]))
        return silent | (signals < LEAST_ENERGY).any(axis=1)

    def _compute_pairwise_sir(self, correlations: Float64s) -> Float64s:
        """Compute the SIR of every estimate as an estimate of every source, in each window.

        `correlations` are those of all references with all estimates.
        """
        projections = self._joint.solve_filters(correlations)
        sources = range(len(self._own))
        sir = np.empty((len(sources), len(sources), len(self._partition.windows)))
        for source in sources:
            own = np.zeros_like(projections)
            rows = self._find_channels(source)
            own[rows] = self._own[source].solve_filters(correlations[rows])
            for estimate in sources:
                columns = self._find_channels(estimate)
                (filtered,), (interference,) = self._energies.compute(
                    own[:, columns], projections[:, columns] - own[:, columns]
                )
                sir[source, estimate] = decibels(filtered, interference)
        return sir

    def _compute_components(self, tally: Tally, targets: Sequence[int] | None) -> Components:
        targets = range(len(self._own)) if targets is None else targets
        whole = tally.sums.whole
        if not np.isfinite(whole).all():
            raise ValueError("estimates must be finite, got NaN or infinity")
        source, error = (
            self._partition.add_up(values)[:, targets].T for values in tally.stack_energies()
        )
        projections = self._joint.solve_filters(whole)
        own = np.zeros_like(projections)
        identity = np.zeros_like(projections)
        for place, target in enumerate(targets):
            rows, columns = self._find_channels(target), self._find_channels(place)
            own[rows, columns] = self._own[target].solve_filters(whole[rows, columns])
            identity[rows, columns, 0] = np.eye(self._n_channels)
        spatial, interference, own_filtered, filtered, projected = self._energies.compute(
            own, projections - own, identity + own, identity + projections, projections
        )
        with_error = self._multiply(tally, projections)
        own_with_error = self._multiply(tally, own)
        return Components(
            source,
            error,
            spatial,
            interference,
            artifacts=drop_negative(error - 2 * with_error + projected),
            own=own_filtered,
            all=filtered,
            own_residual=drop_negative(error - 2 * own_with_error + spatial),
        )

    def _compute_ratio(
        self, tally: Tally, found: Components, numerator: Float64s, denominator: Float64s
    ) -> Float64s:
        silent = find_silent_windows(self._partition, tally.stack_silence())
        return np.where(
            silent | (found.source < LEAST_ENERGY), np.nan, decibels(numerator, denominator)
        )

    def _multiply(self, tally: Tally, filters: Float64s) -> Float64s:
        """Compute the inner products of errors and filtered references, by target and window."""
        products = np.einsum("wail,ail->iw", tally.sums.windows, filters)
        of_targets = products.reshape(-1, self._n_channels, products.shape[-1])
        return np.asarray(of_targets.sum(axis=1))

    def _find_channels(self, source: int) -> slice:
        """Find the place of a source's channels among those of all sources."""
        return slice(source * self._n_channels, (source + 1) * self._n_channels)
