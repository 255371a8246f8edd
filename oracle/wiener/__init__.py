"""Multichannel Wiener filter: SiSEC 2018's model, for any channel count.

The STFT coefficients y_j of a source, a vector over the channels, are modelled as complex
Gaussian with covariance p_j(f, t) R_j(f): a power per bin times a spatial covariance per
frequency that is constant in time. Given the true sources,

    R_j = mean over t of y_j y_j^H / (|y_j|^2 / I),  scaled to trace I  (I channels)
    p_j = y_j^H R_j^-1 y_j / I                       (maximum likelihood)

and the estimates are y_j = p_j R_j C^-1 x, where C = sum_k p_k R_k and x is the mixture.
Where R_j is rank-deficient (a source panned hard, or identical in all channels), R_j^-1 is
the pseudo-inverse and the rank replaces I. A track with identical channels is therefore
separated like its mono version.

The estimates in a bin do not depend on a common scale of its y_j, nor does R_j depend on the
scale of a frame. So powers of two bring both near 1; otherwise the powers of very quiet or loud
audio would leave the range of floats.
"""

from oracle.wiener.filters import (
    SpatialModel,
    covariance_sums,
    multichannel_wiener_filter,
    sisec18_floor,
    sisec18_regularization,
    sisec18_wiener_filter,
)

__all__ = [
    "SpatialModel",
    "covariance_sums",
    "multichannel_wiener_filter",
    "sisec18_floor",
    "sisec18_regularization",
    "sisec18_wiener_filter",
]
