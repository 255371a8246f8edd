"""Published tables: aggregates of scores that others computed."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import partial
from importlib import resources
from typing import TYPE_CHECKING

from oracle.results.tables import BOUND_COLUMNS, OverWindows
from oracle.stft import STFT

if TYPE_CHECKING:
    from pandas import DataFrame


FILES = resources.files("oracle.comparison.published_tables")

# What the source files call the columns of an aggregate.
COLUMNS = {"tracks": "n_tracks", "nan_tracks": "n_nan"}


@dataclass(frozen=True)
class Published:
    """A published table, and what is known of it.

    Parameters
    ----------
    table : DataFrame
        The aggregate, with the columns of ``bounds.csv``.
    title : str
        What it holds.
    data : str
        Its tracks, in words.
    dataset : str
        The dataset that they are from, named as in ``run.json``.
    statistic : str
        What its scores are, in words.
    source : str
        The address that it is from.
    windows : {"median", "mean"}, optional
        The statistic over the windows of a track; None if a track has one score.
    tracks : frozenset of str, optional
        The names of its tracks, if they are known. Other results are compared only with a table
        that has them.
    stft : STFT, optional
        The STFT of its bounds, if that is known.
    known_as : str, optional
        What others call its methods.
    """

    table: "DataFrame"
    title: str
    data: str
    dataset: str
    statistic: str
    source: str
    windows: OverWindows | None = None
    tracks: frozenset[str] = frozenset()
    stft: STFT | None = None
    known_as: str = ""

    @property
    def remark(self) -> str:
        """A note on its origin."""
        unknown = "" if self.stft else ", at an STFT that is not stated"
        known_as = f"; {self.known_as}" if self.known_as else ""
        return (
            f"{self.title} on {self.data}{unknown}; {self.statistic}{known_as}; from {self.source}"
        )

    @property
    def coverage(self) -> Hashable:
        """What it covers: the names of its tracks, or words for those without names."""
        return self.tracks or self.data


def load_sisec18() -> "DataFrame":
    """Load SiSEC 2018's oracle scores on MUSDB18's 50 test tracks [1]_.

    Aggregated from the campaign's own per-track files [2]_ (commit 62fb479): median over the
    windows that are not NaN, then median and mean over tracks. SiSEC's MWF has the name that
    this package gives it, MWF-SISEC18.

    Returns
    -------
    table : DataFrame
        IBM1, IBM2, IRM1, IRM2, MIX and MWF-SISEC18: SDR, ISR, SIR and SAR of five targets, with the
        columns of `oracle.results.aggregate`: method, target, metric, median, mean (in dB),
        n_tracks, n_windows, n_nan.

    References
    ----------
    .. [1] F.-R. Stöter, A. Liutkus, N. Ito, "The 2018 Signal Separation Evaluation
       Campaign", LVA/ICA 2018.
    .. [2] https://github.com/sigsep/sigsep-mus-2018

    Examples
    --------
    >>> table = load_sisec18()
    >>> float(table.set_index(["method", "target", "metric"])["median"]["IRM2", "vocals", "SDR"])
    9.430595
    """
    return _read("sisec18.csv").replace({"method": {"MWF": "MWF-SISEC18"}})


def load_sisec18_tracks() -> frozenset[str]:
    """Load the names of the tracks of `load_sisec18`, as spelled in the campaign's files.

    Examples
    --------
    >>> tracks = load_sisec18_tracks()
    >>> len(tracks), min(tracks)
    (50, 'AM Contra - Heart Peripheral')
    """
    text = FILES.joinpath("sisec18_tracks.txt").read_text(encoding="utf-8")
    return frozenset(text.splitlines())


def load_sisec16(subset: str) -> "DataFrame":
    """Load SiSEC 2016's ideal binary mask on DSD100 [1]_.

    Aggregated from the per-track scores on the campaign's website [2]_: BSS Eval v3 in windows of
    30 s, 15 s apart; mean over the windows of a track, then median and mean over tracks. Its column
    ``is_dev`` is inverted; here the subsets are right.

    Parameters
    ----------
    subset : {"Test", "Dev"}
        Three of the 50 tracks of Test are missing there.

    Returns
    -------
    table : DataFrame
        IBM: SDR, ISR, SIR and SAR of five targets, with the columns of `load_sisec18`. How many
        windows there are, and how many of them are NaN, is not known: n_windows and n_nan are NA.

    References
    ----------
    .. [1] A. Liutkus et al., "The 2016 Signal Separation Evaluation Campaign", LVA/ICA, 2017,
       doi:10.1007/978-3-319-53547-0_31.
    .. [2] https://github.com/faroit/sisec-mus-website, ``data/sisec_mus_2017_full.csv``.

    Examples
    --------
    >>> table = load_sisec16("Test")
    >>> float(table.set_index(["method", "target", "metric"])["median"]["IBM", "vocals", "SDR"])
    9.762484
    """
    import pandas as pd

    table = _read("sisec16.csv").query("subset == @subset").drop(columns=["subset", "nan_tracks"])
    unknown = pd.array([pd.NA] * len(table), dtype="Int64")
    table = table.reset_index(drop=True).rename(columns=COLUMNS)
    return table.assign(n_windows=unknown, n_nan=unknown)


def load_moisesdb(n_stems: int) -> "DataFrame":
    """Load the oracle scores of MoisesDB's authors [1]_.

    Aggregated from their per-track files [2]_: median and mean over tracks of the one SDR of each
    track. Neither says how that SDR is computed, nor at which STFT.

    Parameters
    ----------
    n_stems : {4, 5, 6}
        The number of stems that a mixture is made of.

    Returns
    -------
    table : DataFrame
        IBM, IRM, MWF and cIRM, as they are called there: SDR of each stem, with the columns of
        `load_sisec18`; a track counts as one window.

    References
    ----------
    .. [1] I. Pereira, F. Araújo, F. Korzeniowski and R. Vogl, "MoisesDB: A dataset for source
       separation beyond 4-stems", ISMIR, 2023, arXiv:2307.15913.
    .. [2] https://github.com/moises-ai/moises-db, ``benchmark/oracle4.csv``, ...

    Examples
    --------
    >>> table = load_moisesdb(6)
    >>> float(table.set_index(["method", "target"])["median"]["IRM", "guitar"])
    5.362412
    """
    table = _read("moisesdb.csv").query("stems == @n_stems").drop(columns="stems")
    table = table.reset_index(drop=True).rename(columns=COLUMNS)
    return table.assign(n_windows=table["n_tracks"])[list(BOUND_COLUMNS[:8])]


def _read(name: str) -> "DataFrame":
    import pandas as pd

    with FILES.joinpath(name).open(encoding="utf-8") as file:
        return pd.read_csv(file)


def _publish_sisec18() -> Published:
    return Published(
        load_sisec18(),
        title="SiSEC 2018's scores",
        data="MUSDB18's 50 test tracks",
        dataset="MUSDB18",
        statistic="museval's scores: median over windows, then median and mean over tracks",
        source="https://github.com/sigsep/sigsep-mus-2018",
        windows="median",
        tracks=load_sisec18_tracks(),
        stft=STFT(),
        known_as="its IRM2 is the 'IRM oracle' of Demucs' tables",
    )


def _publish_sisec16(subset: str) -> Published:
    table = load_sisec16(subset)
    return Published(
        table,
        title="SiSEC 2016's IBM",
        data=f"{table['n_tracks'].max()} tracks of DSD100's subset {subset}",
        dataset="DSD100",
        statistic="scores of BSS Eval v3 in windows of 30 s: mean over windows, then median and "
        "mean over tracks",
        source="https://github.com/faroit/sisec-mus-website",
        windows="mean",
    )


def _publish_moisesdb(n_stems: int) -> Published:
    table = load_moisesdb(n_stems)
    return Published(
        table,
        title=f"Oracles of {n_stems} stems",
        data=f"{table['n_tracks'].max()} tracks of MoisesDB",
        dataset="MoisesDB",
        statistic="one SDR a track, by a formula that is not stated: median and mean over tracks",
        source="https://github.com/moises-ai/moises-db",
    )


PUBLISHED: dict[str, Callable[[], Published]] = {
    "sisec18": _publish_sisec18,
    "sisec16": partial(_publish_sisec16, "Test"),
    "sisec16-dev": partial(_publish_sisec16, "Dev"),
    **{f"moisesdb{n_stems}": partial(_publish_moisesdb, n_stems) for n_stems in (4, 5, 6)},
}
