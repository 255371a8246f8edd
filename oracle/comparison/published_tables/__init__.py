"""Published tables: the aggregate of scores that others have computed."""

from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pandas import DataFrame


def sisec18() -> "DataFrame":
    """Load SiSEC 2018's oracle scores of MUSDB18's 50 test tracks [1]_.

    Aggregated from the campaign's own per-track files [2]_ (commit 62fb479): median over the
    windows that are not NaN, then median and mean over tracks. SiSEC's MWF is called by its
    name in this package, MWF-SISEC18.

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
    >>> table = sisec18()
    >>> float(table.set_index(["method", "target", "metric"])["median"]["IRM2", "vocals", "SDR"])
    9.430595
    """
    import pandas as pd

    with (
        resources.files("oracle.comparison.published_tables")
        .joinpath("sisec18.csv")
        .open(encoding="utf-8") as file
    ):
        return pd.read_csv(file).replace({"method": {"MWF": "MWF-SISEC18"}})
