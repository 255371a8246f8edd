"""PESQ, STOI and ESTOI: what a listener hears and understands of mono speech."""

import warnings
from dataclasses import dataclass
from typing import Literal

import numpy as np

from oracle.metrics.energy_ratios import Float64s
from oracle.tracks.track import Audio

# What pystoi returns for fewer than 30 frames (0.4 s) that are not silent.
TOO_SHORT = 1e-5


@dataclass(frozen=True)
class PESQ:
    """PESQ, mapped to a mean opinion score (MOS-LQO): 1 to 4.5 (narrow), 4.64 (wide band).

    NaN for a silent or too short signal (0.25 s), or if no utterance is found.

    Parameters
    ----------
    band : {"nb", "wb"}
        Narrow band (P.862.1, 8 or 16 kHz) or wide band (P.862.2, 16 kHz).

    References
    ----------
    .. [1] ITU-T recommendations P.862 (2001), P.862.1 (2003) and P.862.2 (2007).
    """

    band: Literal["nb", "wb"]

    def __call__(self, references: Audio, estimates: Audio, mixture: Audio, rate: int) -> Float64s:
        """Compute PESQ of signals of shape (n_targets, 1, n_samples)."""
        from pesq import BufferTooShortError, NoUtterancesError, pesq

        scores = np.full(len(references), np.nan)
        for place, (reference, estimate) in enumerate(zip(references, estimates, strict=True)):
            if not (reference.any() and estimate.any()):
                continue
            try:
                scores[place] = pesq(rate, reference[0], estimate[0], self.band)
            except (NoUtterancesError, BufferTooShortError):
                continue
        return scores


@dataclass(frozen=True)
class STOI:
    """STOI or ESTOI: how well the envelopes in third-octave bands correlate; about 0 to 1.

    Resamples to 10 kHz, as it is defined. NaN for a silent reference, or if fewer than 30 frames
    (0.4 s) of the reference are less than 40 dB below its loudest.

    Parameters
    ----------
    extended : bool
        Whether to compute ESTOI, which holds for noise that comes and goes, too.

    References
    ----------
    .. [1] C. Taal, R. Hendriks, R. Heusdens and J. Jensen, "An algorithm for intelligibility
           prediction of time-frequency weighted noisy speech", IEEE Trans. ASLP 19(7), 2011.
    .. [2] J. Jensen and C. Taal, "An algorithm for predicting the intelligibility of speech masked
           by modulated noise maskers", IEEE/ACM Trans. ASLP 24(11), 2016.
    """

    extended: bool

    def __call__(self, references: Audio, estimates: Audio, mixture: Audio, rate: int) -> Float64s:
        """Compute it for signals of shape (n_targets, 1, n_samples)."""
        from pystoi import stoi

        scores = np.full(len(references), np.nan)
        for place, (reference, estimate) in enumerate(zip(references, estimates, strict=True)):
            if not reference.any():
                continue
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", RuntimeWarning)  # NaN says that it is too short
                score = stoi(reference[0], estimate[0], rate, extended=self.extended)
            scores[place] = np.nan if score == TOO_SHORT else score
        return scores
