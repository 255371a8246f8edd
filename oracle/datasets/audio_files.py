"""Audio files: what is read and written, through soundfile."""

import os
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from oracle.datasets.file_kinds import UNREADABLE
from oracle.datasets.headers import missing_bytes
from oracle.files import PARTIAL
from oracle.track import Audio

# Frames from here on stand for a length that a header does not tell.
NO_LENGTH = 2**62

# Frames that are read at a time where it is not known how many there are.
BLOCK = 2**16


def read_together(paths: Iterable[Path]) -> tuple[int, dict[Path, Audio]]:
    """Read files that belong together.

    Returns
    -------
    rate : int
        Their common sampling rate in Hz.
    audio : dict from Path to array of shape (n_channels, n_samples), float32

    Raises
    ------
    ValueError
        If a file cannot be read whole, or rates, channel counts or lengths differ.
    """
    read = {path: read_audio(path) for path in paths}
    first, *others = read
    first_rate, first_audio = read[first]
    for path in others:
        rate, audio = read[path]
        for what, value, expected in (
            ("sampling rate in Hz", rate, first_rate),
            ("number of channels", audio.shape[0], first_audio.shape[0]),
            ("number of samples", audio.shape[1], first_audio.shape[1]),
        ):
            if value != expected:
                raise ValueError(
                    f"files of a track must have one {what}, "
                    f"got {expected} in {first} and {value} in {path}"
                )
    return first_rate, {path: audio for path, (_, audio) in read.items()}


def read_audio(path: Path) -> tuple[int, Audio]:
    """Read a file: its rate in Hz, and an array of shape (n_channels, n_samples), float32.

    Raises
    ------
    ValueError
        If the file cannot be read, or is shorter than its header announces: WAV and its
        relatives, AIFF, AU, CAF and FLAC tell; MP3 and Ogg may end anywhere.
    """
    import soundfile

    if not path.exists():  # libsndfile would only say "System error"
        raise ValueError(f"{path} must be a readable audio file (no such file)")
    if path.suffix.lower() in UNREADABLE:
        raise ValueError(
            f"{path} must be in a format that soundfile reads (WAV, FLAC, ...): convert it "
            f"(ffmpeg -i '{path.name}' '{path.stem}.wav')"
        )
    try:
        signal, rate = _read(path)
        n_missing = missing_bytes(path)
    except (soundfile.LibsndfileError, OSError, RuntimeError, ValueError) as error:
        raise ValueError(
            f"{path} must be a readable audio file ({error}): export it again, as WAV or FLAC"
        ) from error
    if n_missing:
        raise ValueError(
            f"{path} must be whole, got {len(signal)} samples and {n_missing} bytes fewer than its "
            "header announces: copy or export it again"
        )
    return rate, np.ascontiguousarray(signal.T)


def _read(path: Path) -> tuple[Any, int]:
    """Read all samples that there are, whatever number the header announces."""
    import soundfile

    with soundfile.SoundFile(path) as file:
        if file.format == "RAW":  # taken for one by its suffix
            raise ValueError("it has no header: its rate and channels are not known")
        if file.format == "FLAC" and file.frames >= NO_LENGTH:
            raise ValueError("its header tells no length")
        if file.subtype.startswith("MPEG"):
            # Without a table of contents its length is an estimate, and reading ends there.
            try:
                return _read_from_pipe(path)
            except soundfile.LibsndfileError:  # it has one, and is no stream
                pass
        signal = file.read(file.frames, dtype="float32", always_2d=True)
        if file.seekable() and file.format == "FLAC" and len(signal) < file.frames:
            raise ValueError(f"it ends after {len(signal)} of {file.frames} samples")
        return signal, file.samplerate


def _read_from_pipe(path: Path) -> tuple[Any, int]:
    """Read a file as a stream, to its end."""
    import soundfile

    end, start = os.pipe()

    def feed() -> None:
        try:
            with open(start, "wb") as pipe:
                pipe.write(path.read_bytes())
        except OSError:  # nobody reads on
            pass

    threading.Thread(target=feed, daemon=True).start()
    with open(end, "rb") as pipe, soundfile.SoundFile(pipe.fileno(), closefd=False) as file:
        blocks = [np.empty((0, file.channels), np.float32)]
        while len(block := file.read(BLOCK, dtype="float32", always_2d=True)):
            blocks.append(block)
        return np.concatenate(blocks), file.samplerate


def write_audio(path: Path, audio: Audio, rate: int) -> None:
    """Write an array of shape (n_channels, n_samples) as a float WAV file.

    The audio is written as it is: nothing is scaled, dithered or clipped. The file appears
    under its name when it is whole, and equal audio makes equal files: libsndfile would
    write the time of day into them.

    Raises
    ------
    ValueError
        If it is not finite.
    """
    from scipy.io import wavfile

    if not np.isfinite(audio).all():
        raise ValueError(f"{path.name} must be finite, got NaN or infinity")
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + PARTIAL)
    try:
        wavfile.write(partial, rate, audio.T)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
