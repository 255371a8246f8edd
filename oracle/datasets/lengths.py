"""Lengths: how much audio a file holds, according to its header."""

import os
import struct
from pathlib import Path
from typing import BinaryIO, NamedTuple

from oracle.datasets.audio_files import NO_LENGTH

# The boxes of an MP4 file that lead to the header with the length of its first stream.
MEDIA_HEADER = (b"moov", b"trak", b"mdia", b"mdhd")


class Length(NamedTuple):
    """How much audio a file holds."""

    rate: int
    n_channels: int
    n_samples: int


def read_length(path: Path) -> Length | None:
    """Tell how much audio a file holds; None if its header does not tell."""
    import soundfile

    if not path.is_file():  # libsndfile would wait for a pipe to be written to
        return None
    try:
        if path.suffix.lower() == ".mp4":
            with path.open("rb") as file:
                return _read_stems_length(file)
        with soundfile.SoundFile(path) as file:
            length = Length(file.samplerate, file.channels, file.frames)
        return length if 0 < length.n_samples < NO_LENGTH else None
    # TypeError: soundfile takes the file for one without a header.
    except (soundfile.LibsndfileError, OSError, RuntimeError, TypeError, ValueError, struct.error):
        return None  # not audio, or broken: reading it tells how


def _read_stems_length(file: BinaryIO) -> Length | None:
    """Read the length of the streams of a stem file, which are stereo (ISO/IEC 14496-12)."""
    start, stop = 0, os.fstat(file.fileno()).st_size
    for wanted in MEDIA_HEADER:
        while start + 8 <= stop:
            file.seek(start)
            size, name = struct.unpack(">I4s", file.read(8))
            head = 8
            if size == 1:  # too large for 32 bits
                size, head = struct.unpack(">Q", file.read(8))[0], 16
            size = size or stop - start  # 0: to the end
            if name == wanted:
                start, stop = start + head, start + size
                break
            start += max(size, head)
        else:
            return None
    file.seek(start)
    # Version, times of creation and change, samples per second, samples.
    layout = ">4x16xIQ" if file.read(1) == b"\1" else ">4x8xII"
    file.seek(start)
    rate, n_samples = struct.unpack(layout, file.read(struct.calcsize(layout)))
    return Length(rate, 2, n_samples) if rate and n_samples else None
