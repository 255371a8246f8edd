"""Players: signals to listen to in a notebook or a web page."""

import base64
import io
from html import escape
from typing import Any

import numpy as np
import numpy.typing as npt

# How much of a signal a player holds, in seconds.
EXCERPT = 10.0

# What MP3 allows. Signals at other rates, or with more channels, are stored as WAV.
MP3_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
MP3_CHANNELS = 2


def make_player(name: str, audio: npt.NDArray[np.floating[Any]], rate: int) -> str:
    """Make a player for the beginning of a signal, as HTML that holds its audio.

    Parameters
    ----------
    name : str
        The text before the player.
    audio : array of shape (n_channels, n_samples), floating
        If its beginning exceeds 1, that is turned down, and the text says so.
    rate : int
        Sampling rate in Hz.

    Returns
    -------
    html : str
        A row of a table.
    """
    shown = audio[:, : round(EXCERPT * rate)]
    peak = float(np.abs(shown).max())
    remark = ""
    if peak > 1:
        shown = shown / peak
        remark = f" (turned down by {20 * np.log10(peak):.1f} dB)"
    kind, data = _encode(shown, rate)
    source = f"data:audio/{kind};base64,{base64.b64encode(data).decode()}"
    return (
        f"<tr><th>{escape(name)}{remark}</th>"
        f'<td><audio controls preload="metadata" src="{source}"></audio></td></tr>'
    )


def _encode(audio: npt.NDArray[np.floating[Any]], rate: int) -> tuple[str, bytes]:
    """Encode a signal as MP3 or WAV; return its type and its bytes."""
    # Imported late: `import oracle` stays quick.
    import soundfile

    kind = "mpeg" if rate in MP3_RATES and len(audio) <= MP3_CHANNELS else "wav"
    file = io.BytesIO()
    soundfile.write(file, audio.T, rate, format={"mpeg": "MP3", "wav": "WAV"}[kind])
    return kind, file.getvalue()
