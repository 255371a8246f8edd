"""Fingerprints: short texts that change when the files or the samples of a track change."""

import os
from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path

import numpy as np

from oracle.datasets.file_kinds import is_litter
from oracle.tracks.track import Track

# Bytes read at each of several places in a file: enough to tell two stems of equal length apart.
LOOK_BYTES, LOOKS = 4096, 8


def stamp_files(paths: Iterable[Path]) -> str:
    """Fingerprint files, and the files in folders except litter.

    The fingerprint covers names, sizes, modification times, and the bytes at several places; of a
    file that is given, the name of its folder too, as it may tell a source (``s1/NAME.wav``).
    """
    digest = blake2b(digest_size=16)
    for path in paths:
        files, place = [path], f"{path.parent.name}/"
        if path.is_dir():
            place = ""
            files = sorted(file for file in path.rglob("*") if not is_litter(file.name))
        for file in files:
            try:
                state = file.stat()
                looks = b"" if file.is_dir() else _read_looks(file, state.st_size)
            except OSError:  # a broken link: reading it will report it
                digest.update(f"{place}{file.name}: none\n".encode(errors="surrogateescape"))
                continue
            if not file.is_dir():
                known = f"{place}{file.name}: {state.st_size} {state.st_mtime_ns}\n"
                digest.update(known.encode(errors="surrogateescape"))
                digest.update(looks)
    return digest.hexdigest()


def _read_looks(file: Path, size: int) -> bytes:
    """Read bytes at several places, from the first to the last."""
    if not file.is_file():  # a pipe would wait for a writer
        return b""
    with file.open("rb", buffering=0) as opened:
        if size <= LOOK_BYTES * LOOKS:
            return opened.read()
        step = (size - LOOK_BYTES) // (LOOKS - 1)
        places = [look * step for look in range(LOOKS - 1)] + [size - LOOK_BYTES]
        return b"".join(os.pread(opened.fileno(), LOOK_BYTES, place) for place in places)


def stamp_audio(track: Track) -> str:
    """Fingerprint a track in memory, by its samples."""
    digest = blake2b(digest_size=16)
    for name, audio in {"": track.mixture, **track.sources}.items():
        digest.update(f"{name}: {track.rate} {audio.dtype} {audio.shape}\n".encode())
        digest.update(np.ascontiguousarray(audio).data)
    return digest.hexdigest()
