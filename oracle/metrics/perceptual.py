"""The 2f-model: the score that listeners would give to the quality of an estimate."""

import numpy as np

from oracle.metrics.energy_ratios import Float64s
from oracle.tracks.track import Audio

# What the package says of a reference with a channel that stays below about -58 dB.
SILENT = "Could not find a bound"

# The rate of the model of hearing, in Hz.
RATE = 48000


def compute_2f(references: Audio, estimates: Audio, mixture: Audio, rate: int) -> Float64s:
    """Compute the 2f-model from two variables of PEAQ, basic version, by package seabass-2f.

        56.1345 / (1 + (-0.0282 AvgModDiff1 - 0.8628)^2) - 27.1451 ADB + 86.3515

    Audio at other rates than 48 kHz is resampled to it as that package's command does.

    Parameters
    ----------
    references, estimates : array of shape (n_targets, n_channels, n_samples)
        With full scale 1, which is taken to be played at 92 dB SPL.
    mixture
        Is not used.
    rate : int
        In Hz.

    Returns
    -------
    scores : array of shape (n_targets,), float64
        The mean score of a MUSHRA test, clipped to 0 to 100. NaN if a channel of the
        reference stays below about -58 dB: PEAQ then finds no beginning.

    References
    ----------
    .. [1] T. Kastner and J. Herre, "An efficient model for estimating subjective quality of
           separated audio source signals", WASPAA 2019.
    .. [2] M. Torcoli, T. Kastner and J. Herre, "Objective measures of perceptual audio quality
           reviewed", IEEE/ACM Trans. ASLP 29, 2021.
    """
    from seabass.core.models.mms import estimated_mean_mushra_score

    scores = np.full(len(references), np.nan)
    for place, pair in enumerate(zip(references, estimates, strict=True)):
        truth, guess = (_resample(audio.astype(np.float64), rate) for audio in pair)
        try:
            scores[place] = estimated_mean_mushra_score(guess, truth)
        except ValueError as error:
            if SILENT not in str(error):
                raise
    return scores


def _resample(audio: Audio, rate: int) -> Audio:
    import resampy

    if rate == RATE:
        return audio
    return np.asarray(resampy.resample(audio, rate, RATE, axis=-1, filter="kaiser_best"))
