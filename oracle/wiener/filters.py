"""The filters: by the model, and as computed by the code of SiSEC 2018."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from oracle.machine.libraries import check_numpy
from oracle.stft.frames import BLOCK_FRAMES_OF_MANY, Spectrum, split
from oracle.wiener.hermitian import (
    Complex,
    bring_near_one,
    compute_products_near_one,
    compute_quadratic_form,
    divide,
    invert_over_rank,
    list_entries,
    solve,
    sum_products,
)


def multichannel_wiener_filter(
    sources: Spectrum,
    mixture: Spectrum,
    *,
    regularization: float = 0.0,
    dtype: npt.DTypeLike | None = None,
) -> Spectrum:
    """Filter the mixture with the multichannel Wiener filter of the true sources.

    The best linear filter across channels under a Gaussian model that knows the power of every
    source in every bin and its mean spatial covariance at every frequency.

    Parameters
    ----------
    sources : array of shape (n_sources, n_channels, n_freqs, n_frames), complex
        STFTs of the true sources.
    mixture : array of shape (n_channels, n_freqs, n_frames), complex
        STFT of the mixture.
    regularization : float, optional
        In units of power of the spectra. The estimates in each bin are scaled by
        det C / (det C + regularization^I); where C is singular, with rank r, the product of its
        r pivots replaces det C, and r replaces I. With 0, the default, the filter does not
        depend on level; see `sisec18_regularization`.
    dtype : dtype, optional
        Dtype of the estimates, complex64 or complex128; that of the sources by default.

    Returns
    -------
    estimates : array, complex, same shape as sources
        STFTs of the estimated sources; without regularization they sum to the mixture
        wherever C is invertible.

    Raises
    ------
    TypeError
        If the arguments are not complex arrays of the same dtype, or `dtype` is not complex.
    ValueError
        If their shapes do not match, or the regularization is negative or not finite.

    References
    ----------
    .. [1] N. Q. K. Duong, E. Vincent and R. Gribonval, "Under-determined reverberant audio
           source separation using a full-rank spatial covariance model", IEEE Trans. ASLP
           18(7), 2010.
    .. [2] F.-R. Stöter, A. Liutkus and N. Ito, "The 2018 Signal Separation Evaluation
           Campaign", LVA/ICA 2018.
    """
    _check(sources, mixture, dtype)
    if not 0 <= regularization < np.inf:
        raise ValueError(f"regularization must be finite and not negative, got {regularization}")
    model = SpatialModel.of(covariance_sums(sources))
    return model.filter(sources, mixture, regularization=regularization, dtype=dtype)


def sisec18_wiener_filter(
    sources: Spectrum, mixture: Spectrum, *, window_sum: float, dtype: npt.DTypeLike | None = None
) -> Spectrum:
    """Filter the mixture as the code of SiSEC 2018 did, which scaled R_j by the wrong trace.

    The trace was taken over the first frequencies instead of the channels: column b of every
    R_j(f) is scaled by I / (R_j(f_0)[0, b] + R_j(f_1)[1, b] + ...). The result is not a
    covariance. Use this only to reproduce the published row; otherwise use
    `multichannel_wiener_filter`.

    Parameters
    ----------
    sources, mixture
        As in `multichannel_wiener_filter`.
    window_sum : float
        Sum of the samples of the STFT's window. The code divided the spectra by it before it
        added the machine epsilon to their powers and determinants.
    dtype
        As in `multichannel_wiener_filter`.

    Returns
    -------
    estimates : array, complex, same shape as sources
        STFTs of the estimated sources.

    Raises
    ------
    TypeError, ValueError
        As in `multichannel_wiener_filter`; ValueError also if `window_sum` is not positive and
        finite.

    References
    ----------
    .. [1] F.-R. Stöter, A. Liutkus and N. Ito, "The 2018 Signal Separation Evaluation
           Campaign", LVA/ICA 2018; MWF.py of its oracle systems at revision 1590b09.
    """
    _check(sources, mixture, dtype)
    if not 0 < window_sum < np.inf:
        raise ValueError(f"window_sum must be positive and finite, got {window_sum}")
    regularization = sisec18_regularization(len(mixture), window_sum)
    model = SpatialModel.of_sisec18(covariance_sums(sources, floor=sisec18_floor(window_sum)))
    return model.filter(sources, mixture, regularization=regularization, dtype=dtype)


def sisec18_regularization(n_channels: int, window_sum: float) -> float:
    """Return the regularization equivalent to the code of SiSEC 2018.

    The code added the machine epsilon to det C, which has the unit of power^I, for spectra that
    `scipy.signal.stft` had divided by the sum of the window. Quiet bins lose energy, and
    quiet tracks most of theirs.

    Parameters
    ----------
    n_channels : int
        Number of channels of the mixture.
    window_sum : float
        Sum of the samples of the STFT's window.

    Returns
    -------
    regularization : float
        For `multichannel_wiener_filter` on spectra of `oracle.STFT`.
    """
    return float(np.finfo(np.float64).eps ** (1 / n_channels) * window_sum**2)


def sisec18_floor(window_sum: float) -> float:
    """Return what the code of SiSEC 2018 added to the powers in its denominators."""
    return float(np.finfo(np.float64).eps) * window_sum**2


def covariance_sums(sources: Spectrum, *, floor: float = 0.0) -> Complex:
    """Sum y y^H / (|y|^2 / I + floor) over frames: the unscaled spatial covariances.

    Parameters
    ----------
    sources : array of shape (n_sources, n_channels, n_freqs, n_frames), complex
    floor : float, optional
        In units of power of the spectra.

    Returns
    -------
    sums : array of shape (n_sources, n_channels, n_channels, n_freqs), complex128
        Sums over separate runs of frames can be added.
    """
    check_numpy("sources", sources)
    n_sources, n_channels, n_freqs, n_frames = sources.shape
    sums = np.zeros((n_sources, n_channels**2, n_freqs))
    for block in split(slice(0, n_frames), BLOCK_FRAMES_OF_MANY):
        for total, source in zip(sums, _planes(sources, block), strict=True):
            (products,), level = compute_products_near_one(source[None])
            gain = np.ldexp(1.0, -level)
            with np.errstate(over="ignore"):  # a floor far above the power of the source
                power = products[:n_channels].mean(axis=0) + floor * gain * gain
            total += np.einsum("ktf,tf->kf", products, divide(1.0, power))
    # From the real numbers of a Hermitian matrix to the matrix.
    matrices = np.zeros((n_sources, n_channels, n_channels, n_freqs), np.complex128)
    for k, (a, b, part) in enumerate(list_entries(n_channels)):
        matrices[:, a, b] += part * sums[:, k]
        matrices[:, b, a] = matrices[:, a, b].conj()
    return matrices


@dataclass(frozen=True)
class SpatialModel:
    """The spatial covariances R_j of the sources of a track, and their inverses, which give p_j.

    Attributes
    ----------
    spatial : array of shape (n_sources, n_channels, n_channels, n_freqs), complex128
        R_j, scaled.
    inverse : array of the same shape
        R_j^-1 divided by the rank of R_j.
    """

    spatial: Complex
    inverse: Complex

    @classmethod
    def of(cls, sums: Complex) -> "SpatialModel":
        """Scale `covariance_sums` to trace I."""
        n_channels = sums.shape[1]
        trace = np.einsum("jaaf->jf", sums).real[:, None, None]
        spatial = n_channels * divide(sums, trace)
        return cls(spatial, invert_over_rank(spatial))

    @classmethod
    def of_sisec18(cls, sums: Complex) -> "SpatialModel":
        """Scale `covariance_sums` as described in `sisec18_wiener_filter`."""
        n_channels, n_freqs = sums.shape[2:]
        steps = np.arange(min(n_channels, n_freqs))
        # For each source and column b, the sum of R_j(f_k)[k, b] over k. Neither a common scale of
        # the columns nor the scale of R_j at a frequency matters: p_j cancels both.
        trace, _ = bring_near_one(sums[:, steps, :, steps].sum(axis=0), axis=1)
        sums, _ = bring_near_one(sums, axis=(1, 2))
        scale = n_channels * divide(np.ones(n_channels), trace)
        # (R diag(scale))^-1 = diag(1 / scale) R^-1
        reciprocal = divide(np.ones(n_channels), scale)
        return cls(
            sums * scale[:, None, :, None],
            invert_over_rank(sums) * reciprocal[:, :, None, None],
        )

    def filter(
        self,
        sources: Spectrum,
        mixture: Spectrum,
        *,
        regularization: float = 0.0,
        dtype: npt.DTypeLike | None = None,
    ) -> Spectrum:
        """Filter any frames of the mixture; see `multichannel_wiener_filter`."""
        estimates = np.empty_like(sources, dtype=dtype)
        largest = np.finfo(estimates.dtype).max
        for block in split(slice(0, sources.shape[-1]), BLOCK_FRAMES_OF_MANY):
            products, level = compute_products_near_one(_planes(sources, block))
            powers = [
                compute_quadratic_form(inverse, product)
                for inverse, product in zip(self.inverse, products, strict=True)
            ]
            # Values per frequency broadcast against planes of shape (frames, freqs).
            spatials = self.spatial[..., None, :]
            total = sum_products(powers, spatials)
            whitened = _planes(mixture, block).astype(np.complex128, order="C")
            solve(total, whitened, regularization, 2 * level)
            for estimate, power, spatial in zip(
                _planes(estimates, block), powers, spatials, strict=True
            ):
                for channel, row in zip(estimate, spatial, strict=True):
                    filtered = sum_products(row, whitened)
                    filtered *= power
                    if estimates.dtype != filtered.dtype:
                        parts = filtered.view(np.float64)
                        np.clip(parts, -largest, largest, out=parts)
                    channel[:] = filtered
        return estimates


def _planes(spectra: Spectrum, block: slice) -> Spectrum:
    """View some frames in their memory layout: (..., frames, freqs)."""
    return spectra[..., block].swapaxes(-1, -2)


def _check(sources: Spectrum, mixture: Spectrum, dtype: npt.DTypeLike | None) -> None:
    for argument, array in (("sources", sources), ("mixture", mixture)):
        check_numpy(argument, array)
        if not isinstance(array, np.ndarray) or array.dtype not in (np.complex64, np.complex128):
            raise TypeError(
                f"{argument} must be a complex64 or complex128 array, "
                f"got {getattr(array, 'dtype', type(array).__name__)}"
            )
    if mixture.dtype != sources.dtype:
        raise TypeError(
            f"mixture must have the dtype of sources, {sources.dtype}, got {mixture.dtype}"
        )
    if dtype is not None and np.dtype(dtype) not in (np.complex64, np.complex128):
        raise TypeError(f"dtype must be complex64 or complex128, got {np.dtype(dtype)}")
    if sources.ndim != 4 or sources.size == 0:
        raise ValueError(
            "sources must have shape (n_sources, n_channels, n_freqs, n_frames), "
            f"got {sources.shape}"
        )
    if mixture.shape != sources.shape[1:]:
        raise ValueError(
            f"mixture must have the shape of one source, {sources.shape[1:]}, got {mixture.shape}"
        )
