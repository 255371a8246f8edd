"""Published tables: aggregates of scores that others computed."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

from oracle.stft import STFT

if TYPE_CHECKING:
    from pandas import DataFrame


FILES = resources.files("oracle.comparison.published_tables")


@dataclass(frozen=True)
class Published:
    """A published table, with its tracks and its STFT.

    Parameters
    ----------
    table : DataFrame
        The aggregate, with the columns of ``bounds.csv``.
    tracks : frozenset of str
        The names of its tracks.
    stft : STFT
        The STFT of its bounds.
    remark : str
        A note on its origin.
    """

    table: "DataFrame"
    tracks: frozenset[str]
    stft: STFT
    remark: str


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
    import pandas as pd

    with FILES.joinpath("sisec18.csv").open(encoding="utf-8") as file:
        return pd.read_csv(file).replace({"method": {"MWF": "MWF-SISEC18"}})


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


def _load_published_sisec18() -> Published:
    remark = "SiSEC 2018's scores on MUSDB18's 50 test tracks"
    return Published(load_sisec18(), load_sisec18_tracks(), STFT(), remark)


PUBLISHED: dict[str, Callable[[], Published]] = {"sisec18": _load_published_sisec18}
