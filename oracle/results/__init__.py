"""Results: the tidy table of scores, its aggregate, and confidence intervals."""

from oracle.results.statistics import bootstrap_intervals, wilcoxon_p_value
from oracle.results.tables import aggregate, over_tracks, over_windows, read_scores

__all__ = [
    "aggregate",
    "bootstrap_intervals",
    "over_tracks",
    "over_windows",
    "read_scores",
    "wilcoxon_p_value",
]
