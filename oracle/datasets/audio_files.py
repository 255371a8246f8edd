"""Audio files: what is read and written, through soundfile."""

import os
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from oracle.files import PARTIAL
from oracle.track import Audio

# Audio that a folder of stems may hold but that soundfile does not read.
UNREADABLE = frozenset({".aac", ".alac", ".ape", ".m4a", ".mp4", ".mpc", ".webm", ".wma", ".wv"})


def readable_suffixes() -> frozenset[str]:
    """Return the suffixes, with their dots, of the formats that soundfile reads."""
    import soundfile

    # RAW has no header to read the rate and the channels from.
    formats = {name.lower() for name in soundfile.available_formats()} - {"raw"}
    return frozenset(f".{name}" for name in formats | {"aif", "aifc", "oga", "opus"})


def audio_in(folder: Path) -> list[Path]:
    """Find the audio files in a folder; also links to nothing, which fail when they are read."""
    suffixes = readable_suffixes() | UNREADABLE
    return sorted(
        path
        for path in folder.glob("*")
        if path.suffix.lower() in suffixes and not path.is_dir() and path.name[0] != "."
    )


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
        If the file cannot be read, or is shorter than its header announces (MP3 and a few
        rare formats do not).
    """
    import soundfile

    if not path.exists():  # libsndfile would only say "System error"
        raise ValueError(f"{path} must be a readable audio file (no such file)")
    try:
        with soundfile.SoundFile(path) as file:
            # An MP3 without a table of contents announces an estimate.
            announced = None if file.format == "MP3" else file.frames
            cut = _is_cut(file.extra_info)
            signal = file.read(dtype="float32", always_2d=True)
            rate = file.samplerate
    except (soundfile.LibsndfileError, OSError, RuntimeError, ValueError) as error:
        raise ValueError(f"{path} must be a readable audio file ({error})") from error
    if cut or announced not in (None, len(signal)):
        raise ValueError(
            f"{path} must be whole, got {len(signal)} samples, fewer than its header announces"
        )
    return rate, np.ascontiguousarray(signal.T)


def _is_cut(log: str) -> bool:
    """Tell from libsndfile's log whether the file ends before a chunk in it does.

    libsndfile reads what there is. Sizes of 2 GiB and more are those of a stream whose
    length was not known when its header was written.
    """
    sizes = re.findall(r": (\d+) \(should be (\d+)\)", log)
    return any(int(actual) < int(announced) < 2**31 - 2**16 for announced, actual in sizes)


def write_audio(path: Path, audio: Audio, rate: int) -> None:
    """Write an array of shape (n_channels, n_samples) as a float WAV file.

    The audio is written as it is: nothing is scaled, dithered or clipped. The file appears
    under its name when it is whole, and equal audio makes equal files: libsndfile would
    write the time of day into them.
    """
    from scipy.io import wavfile

    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + PARTIAL)
    try:
        wavfile.write(partial, rate, audio.T)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
