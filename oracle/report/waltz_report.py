"""The waltz report: what the mask s_i / max(s, s_i) makes of a track, and what it leaves behind.

The published report is on the 7 s excerpt of "Waltz For My Victims" in MUSDB18's preview, with all
stems mixed to mono. It has a table of scores, and norms of residuals. Here the same is computed
for any track.
"""

from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from oracle import plots
from oracle.displays.pages import Grid, page_html
from oracle.report.figures import list_figures
from oracle.report.files import write_files
from oracle.report.masked_track import MaskedTrack
from oracle.report.tables import (
    compute_degradations,
    compute_findings,
    compute_norms,
    compute_scores,
)
from oracle.report.waltz_tables import lay_out

if TYPE_CHECKING:
    from pandas import DataFrame

TABLES = ("scores", "norms", "findings", "degradations")


class WaltzReport(MaskedTrack):
    """The report on a track, mixed to mono, in double precision.

    Tables and figures are computed on demand.

    Parameters
    ----------
    track : Track, musdb track, str or Path
        Any track, as of `oracle.datasets.open_track`; some of its sources may be missing. The
        rest of its mixture counts as one more source that may interfere, if it has more than 1 %
        of the mixture's energy.
    stft : STFT, optional
        The default is the report's: periodic Hann, 2048 samples, hop 1024.

    Attributes
    ----------
    name : str
        Name of the track.
    rate : int
        Sampling rate in Hz.
    stft : STFT
        The transform.
    targets : list of str
        The sources of the track; each has a row in the tables and a panel in the figures.
    sources : list of str
        The same, then ``(rest)`` if it counts; the order of the arrays.
    mixture : array of shape (n_samples,), float64
    references, estimates, residuals : array of shape (n_sources, n_samples), float64
        The true sources, their estimates, and estimates minus references.
    spectra, masks, estimated_spectra : array of shape (n_sources, n_freqs, n_frames)
        STFTs of the references, the masks, and the masked STFTs of the mixture.

    Raises
    ------
    ValueError
        If the track is shorter than two windows of the STFT, every source is silent in mono, or
        the mixture holds nothing but one source.

    Examples
    --------
    >>> import oracle
    >>> report = WaltzReport(oracle.datasets.waltz())
    >>> report.scores["SI-SDR"].round(2).to_dict()
    {'drums': 6.7, 'bass': 7.65, 'other': 5.19, 'vocals': 11.41, 'mean': 7.74}
    """

    @cached_property
    def scores(self) -> "DataFrame":
        """Scores in dB and alpha (without unit): a row per source, and one with their means.

        Alpha is the gain at which the source is nearest to the estimate. ``SD-SDR`` is
        SNR + 10 log10(alpha^2), as Le Roux et al. 2019 define it; ``SD-SDR as published`` is
        SNR + log10(alpha^2), as the published report computed it.
        """
        return compute_scores(self)

    @cached_property
    def norms(self) -> "DataFrame":
        """Norms of the residuals, a row per source.

        Means of magnitudes (L1) and of squares (L2) of the residuals of the waveforms, of the
        STFTs, and of their magnitudes. ``MSE`` and ``l1``, as in the published report, are the
        L2 and L1 norms of the *squares* of the last.
        """
        return compute_norms(self)

    @cached_property
    def findings(self) -> "DataFrame":
        """What the residuals consist of, a row per source.

        The share of the residual's energy, of the source's energy, and of all bins, that lies in
        bins contested by other sources (see `oracle.residuals.contested_share`); the share of the
        error that is due to phase; the SNR of the true magnitudes with the mixture's phase;
        coherences averaged over frequency, weighted by the power of the source or of the
        residual; and a test of whiteness over 100 lags.
        """
        return compute_findings(self)

    @cached_property
    def degradations(self) -> "DataFrame":
        """Scores of sources spoilt by noise, interference and clipping.

        From `oracle.report.degradations.score_degradations`, for the sources that are not silent.
        """
        return compute_degradations(self)

    def page(self) -> Iterator[Grid | str]:
        """Lay out the tables of the report, as the command prints them."""
        tables = {name: getattr(self, name) for name in TABLES}
        return lay_out(self, **tables)

    def _repr_html_(self) -> str:
        return page_html(self.page())

    def figures(self) -> dict[str, plots.Captioned]:
        """List the figures of the report, by name: ``figures()["masks"]()`` draws the masks.

        Each has a `title` and a `caption`; its method `drawn` draws it with both.
        """
        return list_figures(self)

    def write(
        self, out: str | Path, *, advance: Callable[[str, float], object] = lambda doing, part: None
    ) -> None:
        """Write the tables, the figures and the audio of the report.

        Parameters
        ----------
        out : str or Path
            A new or empty folder, for ``scores.csv``, ``norms.csv``, ``findings.csv``,
            ``degradations.csv``, ``audio/mixture.wav`` and ``audio/SOURCE/`` with
            ``reference.wav``, ``estimate.wav`` and ``residual.wav`` (mono, 32-bit float), and
            ``figures/NAME.png`` and ``.pdf``, with ``figures/index.html``, which shows them all.
        advance : callable, optional
            Called with what was just done and its share of the work.

        Raises
        ------
        ValueError
            If the folder is not empty, or cannot be written to.
        ImportError
            If matplotlib, librosa or statsmodels is not installed.
        """
        # Compute everything before writing anything, so that no report is left half written.
        tables = {name: getattr(self, name) for name in TABLES}
        plots.check_librosa()
        write_files(Path(out), self, tables, self.figures(), advance=advance)
