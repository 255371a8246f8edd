"""Binary masks: round the best mask in [0, 1], then flip single bins while the error falls.

They have no certificate of their own: finding the best binary mask is a hard combinatorial
problem. The certificate of masks in [0, 1] holds for them too.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from oracle.optimal.classes import Scaled
from oracle.optimal.synthesis import Synthesis
from oracle.tracks.track import Audio

# Bins this far apart in frequency hardly overlap, so they are flipped together.
SPACING = 4

# The fraction of the error that a flip must remove, or rounding could keep flips going forever.
WORTHWHILE = 1e-9


def best_binary(
    synthesis: Synthesis,
    source: Audio,
    scaled: Scaled,
    *,
    maximum: float,
    max_iterations: int,
) -> tuple[Scaled, float, int]:
    """Find a binary mask that no flip of a single bin improves.

    Parameters
    ----------
    synthesis : Synthesis
        The map from masks to samples.
    source : array of shape (n_channels, n_samples of the piece)
        The target samples.
    scaled : array of shape (n_channels or 1, n_frames, n_freqs)
        |X| times the mask to start from.
    maximum : float
        The value of the mask where it is not 0.
    max_iterations : int
        Maximum number of rounds of flips.

    Returns
    -------
    scaled : array of shape (n_channels or 1, n_frames, n_freqs)
        |X| times the binary mask.
    error : float
        The energy of the error of its estimate.
    iterations : int
        Rounds taken.
    """
    magnitude = maximum * synthesis.magnitude
    mask = (scaled >= 0.5 * magnitude) & (magnitude > 0)
    norms = _norms(synthesis)
    residual = source - synthesis.forward(np.where(mask, magnitude, 0))
    error = _energy(residual)
    classes = _classes(synthesis)
    idle = iterations = 0
    while idle < len(classes) and iterations < max_iterations:
        some = classes[iterations % len(classes)]
        iterations += 1
        change = np.where(mask[some], -magnitude[some], magnitude[some])
        with np.errstate(over="ignore"):  # a bin far louder than the source
            rise = change * (change * norms[some] - 2 * synthesis.adjoint(residual)[some])
        helpful = np.flatnonzero(rise < -WORTHWHILE * error)
        helpful = helpful[np.argsort(rise.ravel()[helpful])]
        idle += 1
        while helpful.size:
            flip = np.zeros(rise.shape, bool)
            flip.ravel()[helpful] = True
            flipped = np.zeros_like(magnitude)
            flipped[some] = np.where(flip, change, 0)
            trial = residual - synthesis.forward(flipped)
            error_of_trial = _energy(trial)
            if error_of_trial < error:
                mask[some] ^= flip
                residual, error, idle = trial, error_of_trial, 0
                break
            # They overlapped too much: keep the half that helps most.
            helpful = helpful[: helpful.size // 2]
    binary = np.where(mask, magnitude, 0)
    error = _energy(source.astype(np.float64) - synthesis.forward(binary))
    return binary, error, iterations


def _energy(signal: Audio) -> float:
    return float(np.einsum("cn,cn->", signal, signal, dtype=np.float64))


def _classes(synthesis: Synthesis) -> list[tuple[slice, slice, slice]]:
    """Divide the bins into classes in which no two bins are close together."""
    apart = -(-synthesis.stft.n_fft // synthesis.stft.hop_length)
    return [
        (slice(None), slice(frame, None, apart), slice(freq, None, SPACING))
        for frame in range(apart)
        for freq in range(SPACING)
    ]


def _norms(synthesis: Synthesis) -> Scaled:
    """Compute ||B e||^2 of the unit vector e of each bin.

    B e is a windowed cosine divided by D. Its square is half a constant and half a cosine at
    twice the frequency, so one FFT per frame, of the squared window over D^2, gives all norms.
    """
    stft = synthesis.stft
    squares = synthesis.inverse_squares.astype(np.float64) ** 2
    frames = sliding_window_view(squares, stft.n_fft)[:: stft.hop_length]
    twice = 2 * np.arange(stft.n_freqs) % stft.n_fft
    norms = np.empty_like(synthesis.magnitude)
    for block in synthesis.blocks:
        spectra = np.fft.fft(frames[block] * stft.window_samples**2)
        phase = synthesis.phase[:, block].astype(np.complex128)
        constant = (phase.real**2 + phase.imag**2) * spectra[:, :1].real
        cosine = (phase**2 * spectra[:, twice].conj()).real
        both = (constant + cosine) / 2 * synthesis.weights**2
        norms[:, block] = both.sum(axis=0, keepdims=True) if synthesis.masks.shared else both
    return norms
