"""Pictures: spectrograms for a notebook or a web page."""

import base64
import io
from typing import Any

import numpy as np
import numpy.typing as npt

# Levels shown, in dB below the loudest; and the length of the window in samples.
SPAN = 80.0
N_FFT = 2048


def draw_spectrogram(audio: npt.NDArray[np.floating[Any]], rate: int) -> str:
    """Draw the spectrogram of the mean of a signal's channels, as HTML that holds the picture.

    Parameters
    ----------
    audio : array of shape (n_channels, n_samples), floating
    rate : int
        Sampling rate in Hz.

    Returns
    -------
    html : str
        An image; or a text, if matplotlib is not installed or the signal is too short.
    """
    try:
        from matplotlib.figure import Figure
        from matplotlib.mlab import specgram
    except ImportError:
        return "<p>Install matplotlib to see a spectrogram here: pip install matplotlib</p>"
    if audio.shape[1] <= N_FFT:
        return "<p>Too short for a spectrogram.</p>"
    magnitudes, _, _ = specgram(
        audio.mean(axis=0), N_FFT, rate, noverlap=N_FFT // 2, mode="magnitude"
    )
    floor = 10 ** (-SPAN / 20)
    magnitudes = np.asarray(magnitudes, np.float64)
    levels = 20 * np.log10(np.maximum(magnitudes / (magnitudes.max() or 1.0), floor))
    figure = Figure(figsize=(8, 2.5), layout="constrained")
    panel = figure.subplots()
    extent = (0.0, audio.shape[1] / rate, 0.0, rate / 2000)
    panel.imshow(
        levels, origin="lower", aspect="auto", extent=extent, vmin=-SPAN, vmax=0, cmap="magma"
    )
    panel.set_xlabel("time (s)")
    panel.set_ylabel("frequency (kHz)")
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=100)
    data = base64.b64encode(file.getvalue()).decode()
    return f'<img alt="spectrogram" src="data:image/png;base64,{data}">'
