"""Streams: MPEG audio and Ogg, which libsndfile may read only in part, without an error.

Without a table of contents, libsndfile estimates the length of an MP3 from its first frames, and
stops reading there. Of several files joined into one it reads only the first.
"""

import os
import re
import threading
from pathlib import Path
from typing import Any

import numpy as np

# Samples to read at a time, those of an MPEG frame: an error loses no more than that.
BLOCK = 1152

# The start of an MP3's table of contents, in its first frame; Xing's includes its flags.
CONTENTS = re.compile(rb"(?:Xing|Info)\x00{3}[\x00-\x0f]|VBRI\x00\x01")
SEARCHED = 2**14  # bytes after the tags, where the first frame is

# The bit in the type of an Ogg page that marks the start of a stream.
FIRST = 2


def check_one_stream(path: Path) -> None:
    """Refuse a file that was joined from several.

    Raises
    ------
    ValueError
        If it holds several MP3s with tables of contents, or several Ogg streams in sequence.
    """
    data = path.read_bytes()
    if len(CONTENTS.findall(data)) > 1 or _is_chained_ogg(data):
        raise ValueError("it holds several streams one after the other; only the first can be read")


def _is_chained_ogg(data: bytes) -> bool:
    """Tell whether another stream begins after one has begun to play."""
    playing = False
    place = data.find(b"OggS") if data.startswith(b"OggS") else -1
    while 0 <= place < len(data) - 5:
        begins = bool(data[place + 5] & FIRST)
        if begins and playing:
            return True
        playing = playing or not begins
        place = data.find(b"OggS", place + 4)
    return False


def has_contents(path: Path) -> bool:
    """Tell whether an MP3 has a table of contents, which gives its length."""
    with path.open("rb") as file:
        place = 0
        while (head := file.read(10)).startswith(b"ID3") and len(head) == 10:
            size = 0
            for byte in head[6:]:
                size = (size << 7) | (byte & 0x7F)
            place += 10 + size
            file.seek(place)
        file.seek(place)
        return CONTENTS.search(file.read(SEARCHED)) is not None


def read_to_the_end(path: Path, announced: int) -> tuple[Any, int]:
    """Read a file through a pipe, so that libsndfile cannot stop at a guessed length.

    Parameters
    ----------
    path : Path
        A file that libsndfile can open.
    announced : int
        The number of frames that libsndfile guesses.

    Returns
    -------
    signal : array of shape (n_frames, n_channels), float32
    rate : int
        In Hz.

    Raises
    ------
    ValueError
        If an error stops reading before that number.
    """
    import soundfile

    end, start = os.pipe()

    def feed() -> None:
        try:
            with open(start, "wb") as pipe:
                pipe.write(path.read_bytes())
        except OSError:  # the reader has stopped
            pass

    threading.Thread(target=feed, daemon=True).start()
    blocks: list[Any] = []
    rate = 0
    with open(end, "rb") as pipe:
        try:
            with soundfile.SoundFile(pipe.fileno(), closefd=False) as file:
                rate = file.samplerate
                blocks.append(np.empty((0, file.channels), np.float32))
                while len(block := file.read(BLOCK, dtype="float32", always_2d=True)):
                    blocks.append(block)
        except soundfile.LibsndfileError as error:  # perhaps from what follows the audio
            n_frames = sum(map(len, blocks))
            if n_frames < announced:
                raise ValueError(
                    f"it cannot be decoded after {n_frames} of about {announced} samples: {error}"
                ) from error
    return np.concatenate(blocks), rate
