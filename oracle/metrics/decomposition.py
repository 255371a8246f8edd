"""BSS Eval: an error split into spatial distortion, interference and artifacts.

The estimate e of a source s is projected, by least squares, onto the source delayed by
0, ..., L - 1 samples in all its channels (P_j e), and onto all sources so delayed (P e):

    e = s + e_spat + e_interf + e_artif,  where  e_spat = P_j e - s,
    e_interf = P e - P_j e,  e_artif = e - P e.

In version 4 the filters of the projections are fitted to the whole signals, and *applied*
to every window cut out of the references, as if there was silence around it; what the
filters ring on after the window counts. In version 3 they are fitted to each window, or
the window is the whole signal.

No signal is ever filtered here. The energy of a sum of filtered references is a quadratic
form of the filters, whose matrix is made of the references' correlations in the window at
lags shorter than a filter; these are computed once for all estimates. As s is its own
projection, it is the error e - s that is projected, not e: of a good estimate, no digits
are lost in differences of large energies.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
import scipy

from oracle.machine.memory import check_fits
from oracle.machine.threads import in_threads, n_threads, one_blas_thread
from oracle.metrics.correlations import BLOCK_SAMPLES, Correlator
from oracle.metrics.energy_ratios import (
    LEAST_ENERGY,
    Energies,
    Float64s,
    Signals,
    check_pair,
    decibels,
    energies,
    is_silent,
    silent_windows,
)
from oracle.metrics.projections import SINGULAR, Projection
from oracle.metrics.windows import Windows, check_length

# Taps of the distortion filters of every published BSS Eval.
FILTER_LENGTH = 512

# From this condition number on, ISR, SIR and SAR can be wrong in the third decimal.
ILL_CONDITIONED = 1e12

# Pieces that a thread takes on before what it has found is added up.
PIECES_A_THREAD = 4

# Stands for infinity where assignments are compared.
INFINITE_DB = 1e4

Permutation = npt.NDArray[np.intp]
Result = TypeVar("Result")


class BSSEval:
    """References that any number of estimates are evaluated against, filters fitted once.

    What depends on the references alone, their correlations and the factorizations of the
    normal equations, is computed when this is made. Estimates are examined piece by piece,
    in any order and in threads, and may be dropped then; their ratios follow from what is
    kept of all pieces.

    Parameters
    ----------
    references : array of shape (n_sources, n_channels, n_samples)
        The true sources; a list of arrays (n_channels, n_samples) will do. None may be
        silent.
    window, hop : int
        Length of the windows and samples from one to the next.
    filter_length : int, optional
        Taps of the distortion filters.
    regularization : float, optional
        See `bss_eval_v4_regularized`; 0 is museval's BSS Eval.
    names : sequence of str, optional
        What to call the sources in `trouble` and in errors.

    Attributes
    ----------
    pieces : list of slice
        The samples of each piece.
    lookahead : int
        How many samples after a piece its examination takes.

    Raises
    ------
    TypeError
        If the window, the hop or the filter length is not an integer.
    ValueError
        If the shape does not fit, a reference is silent or not finite, the window, the hop
        or the filter length is not positive, or the regularization is negative or not
        finite.
    MemoryError
        At once, if the normal equations, as many as channels of all sources times taps, or
        the correlations in the windows would not fit into memory.

    Examples
    --------
    >>> import numpy as np
    >>> references, noise = np.random.default_rng(0).standard_normal((2, 3, 2, 8000))
    >>> evaluation = BSSEval(references, window=4000, hop=4000, filter_length=16)
    >>> for level in (0.1, 0.01):
    ...     tally = evaluation.tally_of(references + level * noise)
    ...     sdr, isr, sir, sar = evaluation.images(tally)
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
        n_samples = check_pair(references, references)
        for argument, value in (("window", window), ("hop", hop), ("filter_length", filter_length)):
            check_length(argument, value)
        if not 0 <= regularization < np.inf:
            raise ValueError(
                f"regularization must be finite and not negative, got {regularization}"
            )
        self._references = references
        self._n_samples = n_samples
        self._n_channels = len(references[0])
        self._n_lags = int(filter_length)
        self._names = names or [f"source {index}" for index in range(len(references))]
        check_heard("references", references, self._names)
        self._cuts = Windows(n_samples, window=int(window), hop=int(hop))
        self.pieces = self._cuts.pieces
        self._check_memory()
        self.lookahead = self._n_lags - 1
        sums = self._correlate_all(references)
        if not np.isfinite(sums.whole).all():
            raise ValueError("references must be finite, got NaN or infinity")
        self._local = sums.windows.reshape(len(sums.windows), -1)
        self._joint = Projection(sums.whole, regularization=regularization)
        self._own = [
            Projection(sums.whole[channels, channels], regularization=regularization)
            for channels in map(self._channels, range(len(references)))
        ]

    @property
    @one_blas_thread()
    def trouble(self) -> str | None:
        """What is wrong with the references, if their delayed copies are nearly dependent."""
        bad = {
            name: own.condition
            for name, own in zip(self._names, self._own, strict=True)
            if own.condition > ILL_CONDITIONED
        }
        if not bad and self._joint.condition > ILL_CONDITIONED:
            shares = self._joint.weakest().reshape(len(self._own), -1).sum(axis=1)
            together = [
                name for name, share in zip(self._names, shares, strict=True) if share > 0.01
            ]
            bad = {" with ".join(together): self._joint.condition}
        if not bad:
            return None
        named = ", ".join(
            f"{name} (condition number {'above ' if bad[name] >= SINGULAR else ''}"
            f"{min(bad[name], SINGULAR):.0e})"
            for name in bad
        )
        return (
            f"delayed copies of {named} are nearly linearly dependent: low-passed audio decoded "
            "to float, the same signal twice, silent nearly throughout, or hardly longer than the "
            "filters. All but the SDR "
            "of v4 and of images is partly arbitrary then, museval's too. Use ISR-reg, SIR-reg, "
            "SAR-reg or bss_eval_v4_regularized"
        )

    @one_blas_thread()
    def examine(
        self,
        index: int,
        several: Sequence[Signals],
        *,
        targets: Sequence[int] | None = None,
    ) -> list["Examined"]:
        """Compute what the ratios need to know of a piece of estimates.

        Parameters
        ----------
        index : int
            Which of `pieces`.
        several : sequence of arrays of shape (n_sources, n_channels, n)
            Estimates by several methods: the samples of the piece, and of `lookahead`
            samples after it as far as there are any.
        targets : sequence of int, optional
            Which sources the ratios are wanted of; all by default.

        Returns
        -------
        examined : list of Examined
            Of each estimate, to be added to a `Tally`.

        Raises
        ------
        ValueError
            If a shape does not fit.
        """
        piece = self.pieces[index]
        beyond = min(piece.stop + self.lookahead, self._n_samples)
        truths = [reference[:, piece.start : beyond] for reference in self._references]
        targets = range(len(truths)) if targets is None else targets
        for estimates in several:
            check_pair(truths, estimates)
        known = energies(truths, several, slice(0, piece.stop - piece.start))
        wanted = _samples([truths[target] for target in targets])
        errors = []
        for estimates in several:
            error = _samples([estimates[target] for target in targets])
            error -= wanted
            errors.append([error])
        correlations = self._correlate(index, errors, offset=piece.start)
        return [Examined(*parts) for parts in zip(known, correlations, strict=True)]

    def tally(self) -> "Tally":
        """Start to add up what is examined of an estimate."""
        return Tally(self._cuts)

    @one_blas_thread()
    def images(
        self, tally: "Tally", *, targets: Sequence[int] | None = None
    ) -> tuple[Float64s, Float64s, Float64s, Float64s]:
        """Compute SDR, ISR, SIR and SAR, the images version.

        Parameters
        ----------
        tally : Tally
            What was examined of all pieces.
        targets : sequence of int, optional
            As in `examine`.

        Returns
        -------
        sdr, isr, sir, sar : arrays of shape (n_targets, n_windows), float64
            In dB; NaN where any reference or estimate is silent, or the energy of the reference
        below 1e-270.

        Raises
        ------
        ValueError
            If the estimates are not finite.
        """
        parts = self._parts(tally, targets)
        return (
            self._ratio(tally, parts, parts.source, parts.error),
            self._ratio(tally, parts, parts.source, parts.spatial),
            self._ratio(tally, parts, parts.own, parts.interference),
            self._ratio(tally, parts, parts.all, parts.artifacts),
        )

    @one_blas_thread()
    def sources(self, tally: "Tally") -> tuple[Float64s, Float64s, Float64s]:
        """Compute SDR, SIR and SAR, the sources version: filtering is no error.

        As `images`, but for the source P_j e stands in: SDR is its energy over that of
        what is left of e.
        """
        parts = self._parts(tally, None)
        return (
            self._ratio(tally, parts, parts.own, parts.own_residual),
            self._ratio(tally, parts, parts.own, parts.interference),
            self._ratio(tally, parts, parts.all, parts.artifacts),
        )

    def tally_of(self, estimates: Signals) -> "Tally":
        """Examine whole estimates, of the shape of the references."""
        check_pair(self._references, estimates)

        def examine(index: int) -> Examined:
            piece = self.pieces[index]
            cut = slice(piece.start, piece.stop + self.lookahead)
            return self.examine(index, [[estimate[:, cut] for estimate in estimates]])[0]

        tally = self.tally()
        for index, examined in self._each_piece(examine):
            tally.add(index, examined)
        return tally

    @one_blas_thread()
    def best_permutation(self, estimates: Signals) -> Permutation:
        """Find the order of the estimates with the highest mean SIR over sources and windows.

        Returns
        -------
        permutation : array of shape (n_sources,)
            Index of the estimate for each source.
        """
        from scipy.optimize import linear_sum_assignment

        check_pair(self._references, estimates)
        check_heard("estimates", estimates, self._names)
        whole = self._correlate_all(estimates).whole
        parts = [energies(self._references, [estimates], piece)[0] for piece in self.pieces]
        silent = silent_windows(self._cuts, np.stack([part.silent for part in parts]))
        signals = self._cuts.sums(np.stack([part.signal for part in parts]))
        silent |= (signals < LEAST_ENERGY).any(axis=1)
        projections = self._joint.filters(whole)
        sources = range(len(self._own))
        sir = np.empty((len(sources), len(sources), len(silent)))
        for source in sources:
            own = np.zeros_like(projections)
            rows = self._channels(source)
            own[rows] = self._own[source].filters(whole[rows])
            for estimate in sources:
                columns = self._channels(estimate)
                (filtered,), (interference,) = self._energies(
                    own[:, columns], projections[:, columns] - own[:, columns]
                )
                sir[source, estimate] = decibels(filtered, interference)
        heard = np.clip(np.nan_to_num(sir[..., ~silent]), -INFINITE_DB, INFINITE_DB)
        if not heard.size:
            return np.arange(len(sources))
        return np.asarray(linear_sum_assignment(heard.mean(axis=-1), maximize=True)[1])

    def _check_memory(self) -> None:
        """Check that the large arrays, at their most, fit into memory."""
        n_sources, n_windows = len(self._references), len(self._cuts.windows)
        n_channels = n_sources * self._n_channels
        n_equations = n_channels * self._n_lags
        # A number for every channel with every other; one for every sample of a piece.
        pairs = 8 * n_channels**2
        longest = max(piece.stop - piece.start for piece in self.pieces)
        signals = 8 * n_channels * (longest + self._n_lags)
        threads = min(n_threads(), len(self.pieces))
        n_bytes = (
            # factors of the joint equations, and of those of each source,
            8 * n_equations**2 * (1 + 1 / n_sources)
            # correlations of references and estimates, in all and in windows; once more, scaled;
            # of pieces, and beyond the window that ends with one,
            + pairs * self._n_lags * (2 * n_windows + 3 + 2 * min(self._at_once, len(self.pieces)))
            # autocorrelations of five filters, twice, and the products of one, in `_energies`,
            + pairs * self._n_lags * n_sources * (2 * 5 + 4)
            # in each thread: products of spectra, and their inverse; signals and spectra.
            + pairs * 2 * (BLOCK_SAMPLES + self._n_lags) * threads
            + signals * 10 * threads
        )
        check_fits(
            "references",
            f"{n_sources} sources x {self._n_channels} channels x {self._n_lags} taps = "
            f"{n_equations} equations, and {n_windows} windows",
            n_bytes,
            remedy="evaluate fewer sources or channels at a time, or with fewer taps or windows",
        )

    def _parts(self, tally: "Tally", targets: Sequence[int] | None) -> "_Parts":
        targets = range(len(self._own)) if targets is None else targets
        if not np.isfinite(tally.sums.whole).all():
            raise ValueError("estimates must be finite, got NaN or infinity")
        source, error = (self._cuts.sums(values)[:, targets].T for values in tally.energies())
        projections = self._joint.filters(tally.sums.whole)
        own = np.zeros_like(projections)
        identity = np.zeros_like(projections)
        for place, target in enumerate(targets):
            rows, columns = self._channels(target), self._channels(place)
            own[rows, columns] = self._own[target].filters(tally.sums.whole[rows, columns])
            identity[rows, columns, 0] = np.eye(self._n_channels)
        spatial, interference, own_filtered, filtered, projected = self._energies(
            own, projections - own, identity + own, identity + projections, projections
        )
        return _Parts(
            source,
            error,
            spatial,
            interference,
            artifacts=_positive(error - 2 * self._products(tally, projections) + projected),
            own=own_filtered,
            all=filtered,
            own_residual=_positive(error - 2 * self._products(tally, own) + spatial),
        )

    def _ratio(
        self, tally: "Tally", parts: "_Parts", numerator: Float64s, denominator: Float64s
    ) -> Float64s:
        silent = silent_windows(self._cuts, tally.silent()) | (parts.source < LEAST_ENERGY)
        return np.where(silent, np.nan, decibels(numerator, denominator))

    def _channels(self, source: int) -> slice:
        """Where the channels of a source are among those of all."""
        return slice(source * self._n_channels, (source + 1) * self._n_channels)

    def _correlate_all(self, later: Signals) -> "_Sums":
        sums = _Sums(self._cuts)
        for index, found in self._each_piece(lambda index: self._correlate(index, [later])):
            sums.add(index, found[0])
        return sums

    def _each_piece(self, work: Callable[[int], Result]) -> Iterator[tuple[int, Result]]:
        """Work on the pieces in threads, on a few at a time: what is found of each is large."""
        for start in range(0, len(self.pieces), self._at_once):
            indices = range(start, min(start + self._at_once, len(self.pieces)))
            yield from zip(indices, in_threads(work, indices), strict=True)

    @property
    def _at_once(self) -> int:
        return PIECES_A_THREAD * n_threads()

    def _correlate(
        self, index: int, several: Sequence[Signals], *, offset: int = 0
    ) -> list["_Correlations"]:
        """Correlate a piece of the references with what comes with it or after it.

        The signals in `several` start `offset` samples after the references do.
        """
        piece = self.pieces[index]
        beyond = min(piece.stop + self.lookahead, self._n_samples)

        def correlator(start: int) -> Correlator:
            return Correlator(_samples(self._references, start, piece.stop), self._n_lags)

        starts = [
            max(window.start, piece.stop - self.lookahead)
            for window in (self._cuts.windows[place] for place in self._cuts.around[index])
            if window.stop == piece.stop < beyond
        ]
        inside, tails = correlator(piece.start), [correlator(start) for start in starts]
        correlations = []
        for later in several:
            samples = _samples(later, piece.start - offset, beyond - offset)
            following = samples[:, piece.stop - piece.start :]
            overhangs = []
            for start, tail in zip(starts, tails, strict=True):
                gap = np.zeros((len(following), piece.stop - start))
                overhangs.append(tail.correlate(np.concatenate([gap, following], axis=1)))
            correlations.append(_Correlations(inside.correlate(samples), overhangs))
        return correlations

    def _energies(self, *several: Float64s) -> list[Float64s]:
        """Compute the energies in windows of the references, filtered and summed.

        Each of `several` filters has shape (n_references' channels, n_outputs, n_lags);
        the energies, those of as many outputs as there are channels together, have shape
        (n_outputs / n_channels, n_windows).
        """
        forms = []
        for filters in several:
            spectra = scipy.fft.rfft(filters, 2 * self._n_lags)
            spectra = spectra.reshape(len(filters), -1, self._n_channels, spectra.shape[-1])
            products = np.einsum("akif,bkif->kabf", spectra, spectra.conj())
            autocorrelations = scipy.fft.irfft(products, 2 * self._n_lags)[..., : self._n_lags]
            autocorrelations[..., 1:] *= 2  # the lags of either sign
            forms.append(autocorrelations.reshape(len(autocorrelations), -1))
        energy = _positive(np.concatenate(forms) @ self._local.T)
        return np.split(energy, len(several))

    def _products(self, tally: "Tally", filters: Float64s) -> Float64s:
        """Compute the inner products of errors and filtered references, by target and window."""
        products = np.einsum("wail,ail->iw", tally.sums.windows, filters)
        of_targets = products.reshape(-1, self._n_channels, products.shape[-1])
        return np.asarray(of_targets.sum(axis=1))


class _Correlations(NamedTuple):
    """Correlations of a piece of the references with later signals.

    `overhangs` are those parts of them that lie beyond the windows that end with the piece.
    """

    open: Float64s
    overhangs: list[Float64s]


class Examined(NamedTuple):
    """What BSS Eval needs to know of a piece of estimates."""

    energies: Energies
    correlations: _Correlations


class _Sums:
    """Correlations added up: of the whole, and of windows as if there was silence around."""

    whole: Float64s
    windows: Float64s

    def __init__(self, cuts: Windows) -> None:
        self._cuts = cuts

    def add(self, index: int, correlations: _Correlations) -> None:
        if index == 0:
            shape = correlations.open.shape
            self.whole = np.zeros(shape)
            self.windows = np.zeros((len(self._cuts.windows), *shape))
        self.whole += correlations.open
        overhangs = iter(correlations.overhangs)
        for place in self._cuts.around[index]:
            self.windows[place] += correlations.open
            if self._cuts.members[place].stop == index + 1:
                self.windows[place] -= next(overhangs, 0)


class Tally:
    """What has been examined of estimates so far; pieces are added in their order."""

    def __init__(self, cuts: Windows) -> None:
        self.sums = _Sums(cuts)
        self._energies: list[Energies] = []

    def add(self, index: int, examined: Examined) -> None:
        """Add what was examined of the piece that comes next."""
        if index != len(self._energies):
            raise ValueError(f"index must be {len(self._energies)}, the next piece, got {index}")
        self._energies.append(examined.energies)
        self.sums.add(index, examined.correlations)

    def energies(self) -> tuple[Float64s, Float64s]:
        """Return the energies of signals and errors, by piece and source."""
        signal, error, _ = (np.stack(values) for values in zip(*self._energies, strict=True))
        return signal, error

    def silent(self) -> npt.NDArray[np.bool_]:
        """Tell which signals are silent, by piece and source."""
        return np.stack([energies.silent for energies in self._energies])


def bytes_kept(
    n_sources: int, n_targets: int, n_channels: int, *, filter_length: int = FILTER_LENGTH
) -> int:
    """Tell how many bytes a `Tally` takes for each window, nearly."""
    return 8 * n_sources * n_targets * n_channels**2 * filter_length


class _Parts(NamedTuple):
    """Energies of the parts of estimates, arrays of shape (n_targets, n_windows)."""

    source: Float64s  # s
    error: Float64s  # e - s
    spatial: Float64s  # e_spat
    interference: Float64s  # e_interf
    artifacts: Float64s  # e_artif
    own: Float64s  # s + e_spat
    all: Float64s  # s + e_spat + e_interf
    own_residual: Float64s  # e_interf + e_artif


def check_heard(argument: str, signals: Signals, names: Sequence[str]) -> None:
    """Check that no signal is silent, as museval has it."""
    for name, signal in zip(names, signals, strict=True):
        if is_silent(signal):
            raise ValueError(
                f"{argument} must not be silent, got {name} whose channels sum to zero at "
                "every sample: leave it out of references and estimates"
            )


def _samples(signals: Signals, start: int = 0, stop: int | None = None) -> Float64s:
    """Stack the channels of all signals, from sample `start` to `stop`."""
    cut = [signal[:, start:stop] for signal in signals]
    return np.concatenate(cut, dtype=np.float64, casting="unsafe")


def _positive(energy: Float64s) -> Float64s:
    """Take an energy that rounding has made negative for none."""
    return np.maximum(energy, 0)
