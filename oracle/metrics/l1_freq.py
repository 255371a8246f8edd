"""L1-freq: how far the magnitudes of an STFT are from those of the source."""

import numpy as np

from oracle.metrics.energy_ratios import Float64s
from oracle.metrics.spectra import compute_powers
from oracle.tracks.track import Audio

N_FFT, HOP = 2048, 1024


def compute_l1_freq(
    references: Audio, estimates: Audio, mixture: Audio | None = None, rate: int = 0
) -> Float64s:
    """Compute L1-freq: 100 / (1 + 10 mean of abs(|estimate| - |reference|)).

    The STFT has a rectangular window of 2048 samples, a hop of 1024, and reflected edges.

    Parameters
    ----------
    references, estimates : array of shape (n_targets, n_channels, n_samples)
        With full scale 1: the metric depends on the level.
    mixture, rate : optional
        Are not used.

    Returns
    -------
    scores : array of shape (n_targets,), float64
        In (0, 100]; no unit.

    Raises
    ------
    ValueError
        If there are 1024 samples or fewer.

    References
    ----------
    .. [1] https://github.com/ZFTurbo/Music-Source-Separation-Training, utils/metrics.py.
    """
    return np.array([_compare(*pair) for pair in zip(references, estimates, strict=True)])


def _compare(reference: Audio, estimate: Audio) -> float:
    total, count = 0.0, 0
    window = np.ones(N_FFT)
    for powers in zip(
        *(
            compute_powers(audio, window=window, hop=HOP, edges="reflect")
            for audio in (reference, estimate)
        ),
        strict=True,
    ):
        truth, guess = map(np.sqrt, powers)
        total += np.abs(guess - truth).sum(dtype=np.float64)
        count += truth.size
    return 100 / (1 + 10 * total / count)
