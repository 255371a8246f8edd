"""Bleedless and fullness: what an estimate has too much of, and what it lacks."""

import numpy as np

from oracle.metrics.energy_ratios import Float64s
from oracle.metrics.spectra import Real, compute_powers, make_hann, make_mel_filters
from oracle.tracks.track import Audio

# The rate at which they are defined, in Hz.
RATE = 44100
N_FFT, HOP, N_MELS = 4096, 1024, 512

# Of the levels in dB: what counts as silence, and how far below the maximum they end.
LEAST, RANGE = 1e-10, 80


def compute_bleedless(
    references: Audio, estimates: Audio, mixture: Audio | None = None, rate: int = RATE
) -> Float64s:
    """Compute bleedless: 100 / (1 + mean of the differences that are positive).

    A difference is that of the levels in dB of estimate and reference, in a mel band and frame. The
    levels of each signal end 80 dB below its own maximum.

    Parameters
    ----------
    references, estimates : array of shape (n_targets, n_channels, n_samples)
    mixture, rate : optional
        Are not used: the bands are those of 44.1 kHz.

    Returns
    -------
    scores : array of shape (n_targets,), float64
        In (0, 100]; no unit. 100 if the estimate is nowhere louder.

    References
    ----------
    .. [1] https://github.com/ZFTurbo/Music-Source-Separation-Training, utils/metrics.py.
    """
    return np.array([_score(*pair, 1) for pair in zip(references, estimates, strict=True)])


def compute_fullness(
    references: Audio, estimates: Audio, mixture: Audio | None = None, rate: int = RATE
) -> Float64s:
    """Compute fullness: 100 / (1 - mean of the differences that are negative).

    Otherwise it is as `compute_bleedless`: 100 if the estimate is nowhere quieter.
    """
    return np.array([_score(*pair, -1) for pair in zip(references, estimates, strict=True)])


def _score(reference: Audio, estimate: Audio, sign: int) -> float:
    differences = sign * (_compute_levels(estimate) - _compute_levels(reference))
    found = differences[differences > 0]
    return 100 / (1 + (found.mean(dtype=np.float64) if found.size else 0.0))


def _compute_levels(audio: Audio) -> Real:
    """Compute levels in dB; returns an array of shape (n_mels, n_channels * n_frames)."""
    filters = make_mel_filters(RATE, N_FFT, N_MELS)
    pieces = [
        filters @ np.sqrt(powers.reshape(-1, powers.shape[-1]).T)
        for powers in compute_powers(audio, window=make_hann(N_FFT), hop=HOP, edges="constant")
    ]
    levels: Real = np.concatenate(pieces, axis=1)
    np.maximum(levels, LEAST, out=levels)
    np.log10(levels, out=levels)
    levels *= 20
    np.maximum(levels, levels.max() - RANGE, out=levels)
    return levels
