"""Audio files: read with soundfile, written with SciPy."""

import os
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from oracle.datasets.file_kinds import HEADERLESS, UNREADABLE
from oracle.datasets.headers import count_missing_bytes
from oracle.datasets.streams import check_one_stream, has_contents, read_to_the_end
from oracle.machine.files import PARTIAL
from oracle.machine.threads import in_threads
from oracle.tracks.track import Audio

# From this number on, a header's frames mean that the length is unknown.
NO_LENGTH = 2**62

# The first bytes of a Git LFS pointer, which stands for a file not yet fetched.
POINTER = b"version https://git-lfs"


def read_together(paths: Iterable[Path]) -> tuple[int, dict[Path, Audio]]:
    """Read files that share rate, channel count and length.

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
    several = list(dict.fromkeys(paths))
    read = dict(zip(several, in_threads(read_audio, several), strict=True))
    first, *others = read
    first_rate, first_audio = read[first]
    for path in others:
        rate, audio = read[path]
        for what, value, expected, remedy in (
            ("sampling rate in Hz", rate, first_rate, "resample one (ffmpeg -ar)"),
            (
                "number of channels",
                audio.shape[0],
                first_audio.shape[0],
                "convert one (ffmpeg -ac)",
            ),
            (
                "number of samples",
                audio.shape[1],
                first_audio.shape[1],
                "export them with the same start and end",
            ),
        ):
            if value != expected:
                raise ValueError(
                    f"files of a track must have the same {what}, "
                    f"got {expected} in {first} and {value} in {path}: {remedy}"
                )
    return first_rate, {path: audio for path, (_, audio) in read.items()}


def read_audio(path: Path) -> tuple[int, Audio]:
    """Read a file: its rate in Hz, and an array of shape (n_channels, n_samples), float32.

    Raises
    ------
    ValueError
        If the file cannot be read, holds no samples, or is shorter than its header announces
        (WAV and its relatives, AIFF, AU, CAF, FLAC and SPHERE; MP3 and Ogg may end anywhere).
    """
    import soundfile

    if not path.exists():  # libsndfile would only say "System error"
        why = "a broken link: copy the file here" if path.is_symlink() else "no such file"
        raise ValueError(f"{path} must be a readable audio file ({why})")
    if not path.is_file():  # libsndfile would wait for a pipe to be written to
        raise ValueError(f"{path} must be a readable audio file (it is not a file)")
    convert = f"ffmpeg -i {shlex.quote(path.name)} {shlex.quote(f'{path.stem}.wav')}"
    suffix = path.suffix.lower()
    if suffix in HEADERLESS:
        raise ValueError(
            f"{path} must be in a format that soundfile reads (WAV, FLAC, ...), got {suffix}, "
            "which has no header: export it as WAV from a program that knows its rate and channels"
        )
    if suffix in UNREADABLE:
        raise ValueError(
            f"{path} must be in a format that soundfile reads (WAV, FLAC, ...), got {suffix}: "
            f"convert it ({convert})"
        )
    try:
        signal, rate = _read(path)
        n_missing = count_missing_bytes(path)
    except (soundfile.LibsndfileError, OSError, RuntimeError, ValueError) as error:
        raise ValueError(
            f"{path} must be a readable audio file ({_explain(path, error)}): export it again, as "
            "WAV or FLAC"
        ) from error
    if n_missing:
        raise ValueError(
            f"{path} must be whole, got {len(signal)} samples and {n_missing} bytes fewer than its "
            "header announces: copy or export it again"
        )
    if not len(signal):
        raise ValueError(f"{path} must hold audio, got 0 samples: export it again")
    return rate, np.ascontiguousarray(signal.T)


def _read(path: Path) -> tuple[Any, int]:
    """Read all samples of a file, whatever number its header announces."""
    import soundfile

    with soundfile.SoundFile(path) as file:
        if file.format == "RAW":  # libsndfile guessed from the suffix
            raise ValueError("it has no header: its rate and channels are not known")
        if file.format == "FLAC" and file.frames >= NO_LENGTH:
            raise ValueError("its header gives no length")
        is_mpeg = file.subtype.startswith("MPEG")
        if is_mpeg or file.format == "OGG":
            check_one_stream(path)
        if is_mpeg and not has_contents(path):
            return read_to_the_end(path, file.frames)
        signal = file.read(file.frames, dtype="float32", always_2d=True)
        if file.format == "FLAC" and len(signal) < file.frames:
            raise ValueError(f"it ends after {len(signal)} of {file.frames} samples")
        return signal, file.samplerate


def _explain(path: Path, error: Exception) -> str:
    """Tell why a file cannot be read; name the usual mistakes."""
    with path.open("rb") as file:
        start = file.read(len(POINTER))
    if not start:
        return "it is empty"
    if start == POINTER:
        return "it is a Git LFS pointer: 'git lfs pull' fetches the audio"
    return str(error)


def write_audio(path: Path, audio: Audio, rate: int) -> None:
    """Write an array of shape (n_channels, n_samples) as a float WAV file.

    The audio is not scaled, dithered or clipped. The file gets its name only when it is
    complete. Equal audio makes equal files; libsndfile would write the time of day into them.

    Raises
    ------
    ValueError
        If the audio is not finite.
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
