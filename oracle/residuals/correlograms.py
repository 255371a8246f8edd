"""Residuals over time: autocorrelation, partial autocorrelation, and a whiteness test."""

from typing import NamedTuple

import numpy as np

from oracle.metrics.energy_ratios import Float64s
from oracle.residuals.arrays import checked_signals, quotient
from oracle.tracks.track import Audio

# A confidence band of 95 % is this many standard deviations to each side.
DEVIATIONS_95 = 1.959963984540054


class Correlogram(NamedTuple):
    """Correlation at lags of 0, 1, ... samples, arrays of shape (..., n_lags + 1)."""

    values: Float64s  # in [-1, 1]
    band: Float64s  # half the width of the 95 % confidence band around 0


class Whiteness(NamedTuple):
    """The result of a whiteness test, arrays of shape (...)."""

    statistic: Float64s
    p_value: Float64s


def autocorrelation(signals: Audio, *, n_lags: int = 100) -> Correlogram:
    """Compute the autocorrelation of signals, with a confidence band around zero.

    The mean is removed. The estimate is biased: longer lags are not corrected for having fewer
    samples. The band is Bartlett's, which assumes the estimates at shorter lags to be true.

    Parameters
    ----------
    signals : array of shape (..., n_samples)
    n_lags : int, optional
        The longest lag in samples.

    Returns
    -------
    correlogram : Correlogram
        At lags of 0 to `n_lags`; NaN for a constant signal.

    Raises
    ------
    ValueError
        If the signals do not have more than `n_lags` samples, or `n_lags` is not positive.
    ImportError
        If statsmodels is not installed.

    References
    ----------
    .. [1] M. S. Bartlett, "On the theoretical specification and sampling properties of
           autocorrelated time series", JRSS Supplement 8(1), 1946.

    Examples
    --------
    >>> import numpy as np
    >>> correlogram = autocorrelation(np.tile([1.0, -1.0], 500), n_lags=2)
    >>> correlogram.values, correlogram.band.round(3)
    (array([ 1.   , -0.999,  0.998]), array([0.   , 0.062, 0.107]))
    """
    signals = _check_lags(signals, n_lags)
    n_samples = signals.shape[-1]
    covariances = _autocovariances(signals, n_lags)
    values = quotient(covariances, covariances[..., :1])
    # The variance at lag k depends on the correlations at smaller lags, on both sides.
    shorter = np.cumsum(values[..., 1:-1] ** 2, axis=-1)
    variances = np.concatenate([0 * values[..., :1], 1 + 0 * values[..., :1], 1 + 2 * shorter], -1)
    return Correlogram(values, DEVIATIONS_95 * np.sqrt(variances / n_samples))


def partial_autocorrelation(signals: Audio, *, n_lags: int = 100) -> Correlogram:
    """Compute the partial autocorrelation of signals, with a confidence band around zero.

    This is the correlation of two samples that the samples in between do not explain: it is
    zero beyond lag p for an autoregressive process of order p. It is computed from the
    autocovariances by the Levinson-Durbin recursion; the band is 1.96 / sqrt(n_samples)
    (Quenouille).

    Parameters
    ----------
    signals : array of shape (..., n_samples)
    n_lags : int, optional
        The longest lag in samples.

    Returns
    -------
    correlogram : Correlogram
        At lags of 0 to `n_lags`; NaN for a constant signal.

    Raises
    ------
    ValueError
        If the signals do not have more than `n_lags` samples, or `n_lags` is not positive.
    ImportError
        If statsmodels is not installed.

    References
    ----------
    .. [1] M. H. Quenouille, "Approximate tests of correlation in time-series", JRSS B 11(1),
           1949.

    Examples
    --------
    >>> import numpy as np
    >>> partial_autocorrelation(np.tile([1.0, -1.0], 500), n_lags=1).values
    array([ 1.   , -0.999])
    """
    signals = _check_lags(signals, n_lags)
    covariances = _autocovariances(signals, n_lags)
    from statsmodels.tsa.stattools import levinson_durbin

    values = np.full(covariances.shape, np.nan)
    for place in np.ndindex(signals.shape[:-1]):
        if covariances[place][0] > 0:
            values[place] = levinson_durbin(covariances[place], nlags=n_lags, isacov=True)[2]
    band = np.full(covariances.shape, DEVIATIONS_95 / np.sqrt(signals.shape[-1]))
    band[..., 0] = 0
    return Correlogram(values, band)


def whiteness(signals: Audio, *, n_lags: int = 100) -> Whiteness:
    """Test whether signals are white noise, by the Ljung-Box portmanteau test.

    Parameters
    ----------
    signals : array of shape (..., n_samples)
    n_lags : int, optional
        Number of lags to test together, from lag 1.

    Returns
    -------
    whiteness : Whiteness
        The statistic, about `n_lags` for white noise, and its p-value: the probability that
        white noise yields one at least as large. NaN for a constant signal.

    Raises
    ------
    ValueError
        If the signals do not have more than `n_lags` samples, or `n_lags` is not positive.
    ImportError
        If statsmodels is not installed.

    References
    ----------
    .. [1] G. M. Ljung and G. E. P. Box, "On a measure of lack of fit in time series models",
           Biometrika 65(2), 1978.

    Examples
    --------
    >>> import numpy as np
    >>> noise = np.random.default_rng(0).standard_normal((2, 4000))
    >>> whiteness(noise + [[0], [9]], n_lags=20).p_value.round(2)
    array([0.47, 0.51])
    """
    values = autocorrelation(signals, n_lags=n_lags).values
    from statsmodels.tsa.stattools import q_stat

    statistics, p_values = (np.full(values.shape[:-1], np.nan) for _ in range(2))
    for place in np.ndindex(values.shape[:-1]):
        if np.isfinite(values[place]).all():
            by_lag = q_stat(values[place][1:], np.shape(signals)[-1])
            statistics[place], p_values[place] = by_lag[0][-1], by_lag[1][-1]
    return Whiteness(statistics, p_values)


def _check_lags(signals: Audio, n_lags: int) -> Float64s:
    signals = checked_signals("signals", signals)
    if not 1 <= n_lags < signals.shape[-1]:
        raise ValueError(
            f"n_lags must lie between 1 and n_samples - 1 = {signals.shape[-1] - 1}, got {n_lags}"
        )
    return signals


def _autocovariances(signals: Float64s, n_lags: int) -> Float64s:
    try:
        from statsmodels.tsa.stattools import acovf
    except ImportError as error:
        raise ImportError(
            "statsmodels must be installed for correlograms: "
            "pip install 'oracle-masks[waltz]' (in a clone: pip install '.[waltz]')"
        ) from error
    covariances = np.empty((*signals.shape[:-1], n_lags + 1))
    for place in np.ndindex(signals.shape[:-1]):
        covariances[place] = acovf(signals[place], fft=True, nlag=n_lags)
        if np.ptp(signals[place]) == 0:  # rounding of the mean may leave a remainder
            covariances[place] = 0
    return covariances
