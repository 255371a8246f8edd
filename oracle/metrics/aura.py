"""AuraSTFT and AuraMRSTFT: spectral convergence and log magnitudes, as auraloss has them."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np

from oracle.metrics.energy_ratios import Float64s
from oracle.metrics.spectra import Real, compute_powers, make_hann, make_mel_filters
from oracle.tracks.track import Audio

# The rate of the bands and of the weighting of AuraMRSTFT, in Hz.
RATE = 44100
N_MELS, N_TAPS = 128, 101

# Powers below this are raised to it.
LEAST = 1e-8


@dataclass(frozen=True)
class Aura:
    """100 / (1 + 10 loss), with the mean of a loss over resolutions of the STFT.

    The loss is spectral convergence, ||S - E|| / ||S||, and the mean of abs(ln S - ln E), for the
    magnitudes S of the source and E of the estimate, all channels together. The windows are Hann's,
    with hops of a quarter and reflected edges.

    Parameters
    ----------
    n_ffts : tuple of int
        Length of the windows, in samples.
    weighted : bool
        Whether to weight by the A curve first, and to compare 128 mel bands.
    swapped : bool
        Whether truth and estimate change places, as in the community's code; then the convergence
        is relative to the estimate.

    References
    ----------
    .. [1] https://github.com/ZFTurbo/Music-Source-Separation-Training, utils/metrics.py.
    .. [2] C. Steinmetz and J. Reiss, "auraloss: Audio focused loss functions in PyTorch", DMRN+15,
           2020; auraloss 0.4.0.
    """

    n_ffts: tuple[int, ...]
    weighted: bool = False
    swapped: bool = False

    def __call__(
        self, references: Audio, estimates: Audio, mixture: Audio | None = None, rate: int = RATE
    ) -> Float64s:
        """Compute it for signals of shape (n_targets, n_channels, n_samples).

        Returns
        -------
        scores : array of shape (n_targets,), float64
            In (0, 100]; no unit.

        Raises
        ------
        ValueError
            If there are too few samples to reflect half a window.
        """
        scores = np.empty(len(references))
        for place, pair in enumerate(zip(references, estimates, strict=True)):
            truth, guess = map(_weight, pair) if self.weighted else pair
            if self.swapped:
                truth, guess = guess, truth
            losses = [self._compute_loss(truth, guess, n_fft) for n_fft in self.n_ffts]
            scores[place] = 100 / (1 + 10 * np.mean(losses))
        return scores

    def _compute_loss(self, truth: Audio, guess: Audio, n_fft: int) -> float:
        pieces = zip(
            *(self._compute_magnitudes(audio, n_fft) for audio in (truth, guess)), strict=True
        )
        energy = error = distance = 0.0
        count = 0
        for of_truth, of_guess in pieces:
            energy += np.sum(of_truth**2, dtype=np.float64)
            error += np.sum((of_truth - of_guess) ** 2, dtype=np.float64)
            distance += np.sum(np.abs(np.log(of_truth) - np.log(of_guess)), dtype=np.float64)
            count += of_truth.size
        return float(np.sqrt(error / energy) + distance / count)

    def _compute_magnitudes(self, audio: Audio, n_fft: int) -> Iterator[Real]:
        for powers in compute_powers(
            audio, window=make_hann(n_fft), hop=n_fft // 4, edges="reflect"
        ):
            magnitudes = np.sqrt(np.maximum(powers, LEAST))
            if self.weighted:
                filters = make_mel_filters(RATE, n_fft, N_MELS)
                yield filters @ magnitudes.reshape(-1, magnitudes.shape[-1]).T
            else:
                yield magnitudes


def _weight(audio: Audio) -> Audio:
    """Weight audio by the A curve."""
    from scipy.signal import oaconvolve

    taps = _design_a_weighting().astype(audio.dtype)[None]
    return np.asarray(oaconvolve(audio, taps, mode="same", axes=-1))


@cache
def _design_a_weighting() -> Float64s:
    """Design the taps nearest to the A curve (IEC 61672), by least squares."""
    from scipy.signal import bilinear, firls, freqz

    lowest, low, middle, highest = (
        2 * np.pi * np.array([20.598997, 107.65265, 737.86223, 12194.217])
    )
    gain = 10 ** (1.9997 / 20)  # so that it is 0 dB at 1 kHz
    poles = np.poly([-highest, -highest, -lowest, -lowest, -middle, -low])
    frequencies, response = freqz(
        *bilinear([gain * highest**2, 0, 0, 0, 0], poles, RATE), 512, fs=RATE
    )
    return np.asarray(firls(N_TAPS, frequencies, np.abs(response), fs=RATE))
