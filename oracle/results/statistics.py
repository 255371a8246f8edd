"""Statistics: how much medians, means and differences depend on the choice of tracks."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Sample = NDArray[np.float64]

RESAMPLES = 2000
SEED = 2018  # fixed: the same scores have the same intervals, whatever else is in the table
AT_ONCE = 2_000_000  # draws held in memory


def bootstrap_intervals(samples: Sequence[Sample], confidence: float) -> Sample:
    """Compute percentile bootstrap intervals of the median and the mean [1]_.

    Each sample is resampled 2000 times, with replacement. The interval holds the middle part,
    `confidence`, of the medians (means) of the resamples. Samples of equal size share their draws.

    Parameters
    ----------
    samples : sequence of arrays of shape (n_values,)
        Without NaN; may be infinite.
    confidence : float
        Between 0 and 1.

    Returns
    -------
    intervals : array of shape (n_samples, 4)
        For each sample, the ends of the interval of the median, then of the mean. NaN if it has
        fewer than two values; for the mean also if one is infinite.

    Raises
    ------
    ValueError
        If `confidence` is not between 0 and 1.

    References
    ----------
    .. [1] B. Efron, "Bootstrap methods: another look at the jackknife", Annals of Statistics
       7(1), 1979.
    """
    check_confidence(confidence)
    intervals = np.full((len(samples), 4), np.nan)
    sizes = np.array([len(sample) for sample in samples])
    for size in np.unique(sizes[sizes > 1]):
        (of_size,) = np.nonzero(sizes == size)
        intervals[of_size] = _intervals(
            np.stack([samples[int(place)] for place in of_size]), confidence
        )
    return intervals


def _intervals(samples: Sample, confidence: float) -> Sample:
    # Ranks are drawn rather than values, once for all samples: the median of what was drawn is
    # the value of the middle rank, the mean follows from how often each rank was drawn.
    size = samples.shape[1]
    by_rank = np.sort(samples, axis=1)
    middle = [(size - 1) // 2, size // 2]
    medians, means = [], []
    rng = np.random.default_rng(SEED)
    step = max(AT_ONCE // size, 1)
    with np.errstate(invalid="ignore"):  # inf - inf, 0 inf
        for start in range(0, RESAMPLES, step):
            n_draws = min(step, RESAMPLES - start)
            ranks = rng.integers(size, size=(n_draws, size))
            cells = ranks + size * np.arange(n_draws)[:, np.newaxis]
            counts = np.bincount(cells.ravel(), minlength=n_draws * size).reshape(n_draws, size)
            low, high = np.partition(ranks, middle, axis=1)[:, middle].T
            medians.append((by_rank[:, low] + by_rank[:, high]) / 2)
            means.append(by_rank @ counts.T.astype(np.float64) / size)
    tail = (1 - confidence) / 2
    # No interpolation: between infinite values it would give NaN.
    ends = [
        np.quantile(np.concatenate(values, axis=1), [tail, 1 - tail], axis=1, method="nearest")
        for values in (medians, means)
    ]
    return np.concatenate(ends).T


def check_confidence(confidence: float) -> None:
    """Check that `confidence` is between 0 and 1.

    Raises
    ------
    ValueError
        If it is not between 0 and 1.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be between 0 and 1, got {confidence}")


def wilcoxon_p_value(differences: Sample) -> float:
    """Test whether paired differences are symmetric about zero: Wilcoxon's signed-rank test [1]_.

    Two-sided, by `scipy.stats.wilcoxon`. Differences of zero are left out, as Wilcoxon did. The
    p-value is exact for up to 50 others of different magnitudes, or up to 13 with ties (from all
    permutations). Beyond these it is the normal approximation, without correction for continuity.

    Parameters
    ----------
    differences : array of shape (n_pairs,)
        Without NaN.

    Returns
    -------
    p_value : float
        NaN for fewer than two differences, or if all are zero.

    References
    ----------
    .. [1] F. Wilcoxon, "Individual comparisons by ranking methods", Biometrics Bulletin 1(6),
       1945.
    """
    from scipy.stats import wilcoxon

    moved = differences[differences != 0]
    if len(differences) < 2 or not len(moved):
        return np.nan
    return float(wilcoxon(moved).pvalue)
