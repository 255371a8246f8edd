"""The waltz report: what the mask s_i / max(s, s_i) makes of a track, and what it leaves behind.

A report on the 7 s excerpt of "Waltz For My Victims" in MUSDB18's preview is published with a
table of scores and norms of residuals; all its stems are mixed to mono. Here are its figures,
and the same computed of any track.
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
    from matplotlib.figure import Figure
    from pandas import DataFrame

TABLES = ("scores", "norms", "findings", "degradations")


class WaltzReport(MaskedTrack):
    """The report on a track, mixed to mono, in double precision.

    Tables and figures are computed when they are asked for.

    Parameters
    ----------
    track : Track
        Any track; not all of its sources need to be there. What its mixture has beside them
        counts as one more source that may interfere, where it has more than 1 % of the
        mixture's energy.
    stft : STFT, optional
        The default is the report's: periodic Hann, 2048 samples, hop 1024.

    Attributes
    ----------
    name : str
        Of the track.
    rate : int
        In Hz.
    stft : STFT
        The transform.
    targets : list of str
        The sources of the track, of which the tables have a row and the figures a panel each.
    sources : list of str
        The same, and ``(rest)`` if it counts: the order of the arrays.
    mixture : array of shape (n_samples,), float64
    references, estimates, residuals : array of shape (n_sources, n_samples), float64
        Estimates and what they have that the references have not.
    spectra, masks, estimated_spectra : array of shape (n_sources, n_freqs, n_frames)
        STFTs of the references, the masks, and the masked STFTs of the mixture.

    Raises
    ------
    ValueError
        If the track is shorter than two windows of the STFT, every source is silent, or there
        is nothing in the mixture but its one source.

    Examples
    --------
    >>> import oracle
    >>> report = WaltzReport(oracle.datasets.waltz())
    >>> report.scores["SI-SDR"].round(2).to_dict()
    {'drums': 6.7, 'bass': 7.65, 'other': 5.19, 'vocals': 11.41, 'mean': 7.74}
    """

    @cached_property
    def scores(self) -> "DataFrame":
        """Scores in dB, a row a source and one of their means, and alpha (without a unit).

        Alpha is the gain at which the source is nearest to the estimate. ``SD-SDR`` is
        SNR + 10 log10(alpha^2), as Le Roux et al. 2019 define it; ``SD-SDR as published`` is
        SNR + log10(alpha^2), which the report computed.
        """
        return compute_scores(self)

    @cached_property
    def norms(self) -> "DataFrame":
        """Norms of the residuals, a row a source.

        Means of magnitudes (L1) and of squares (L2) of the waveform residuals, of the
        differences of the STFTs, and of those of their magnitudes; ``MSE`` and ``l1`` as the
        report has them, the L2 and L1 norms of the *squares* of the last.
        """
        return compute_norms(self)

    @cached_property
    def findings(self) -> "DataFrame":
        """What the residuals consist of, a row a source.

        How much of the residual's and of the source's energy lies in bins that other sources
        contest (see `oracle.residuals.contested_share`), and how many bins they contest; how
        much of the error is due to phase; the SNR of the true magnitudes with the mixture's
        phase; coherences in the mean over frequency, weighted by the power of the source, or
        of the residual; and a test of whiteness over 100 lags.
        """
        return compute_findings(self)

    @cached_property
    def degradations(self) -> "DataFrame":
        """Every metric of sources spoilt by noise, interference and clipping.

        As `oracle.report.degradations.score_degradations` returns it, of sources that are heard.
        """
        return compute_degradations(self)

    def page(self) -> Iterator[Grid | str]:
        """Lay out the tables of the report, as the command prints them."""
        tables = {name: getattr(self, name) for name in TABLES}
        return lay_out(self, **tables)

    def _repr_html_(self) -> str:
        return page_html(self.page())

    def figures(self) -> dict[str, Callable[[], "Figure"]]:
        """Name the figures of the report, with a function that draws each."""
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
            ``figures/NAME.png`` and ``.pdf``.
        advance : callable, optional
            Called with what is being done and the part of the work that has just been done.

        Raises
        ------
        ValueError
            If the folder is not empty, or cannot be written to.
        ImportError
            If matplotlib, librosa or statsmodels is not installed.
        """
        # Nothing is written before it is known that everything can be.
        tables = {name: getattr(self, name) for name in TABLES}
        plots.check_librosa()
        write_files(Path(out), self, tables, self.figures(), advance=advance)
