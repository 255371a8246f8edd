"""Stamps: short texts that tell what a track was made of, to see whether that has changed."""

from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path

import numpy as np

from oracle.datasets.file_kinds import is_litter
from oracle.track import Track


def stamp_of_files(paths: Iterable[Path]) -> str:
    """Stamp files, and all files in folders but litter, by names, sizes and times of change."""
    digest = blake2b(digest_size=16)
    for path in paths:
        files = [path]
        if path.is_dir():
            files = sorted(file for file in path.rglob("*") if not is_litter(file.name))
        for file in files:
            try:
                state = file.stat()
            except OSError:  # a link to nothing: reading it will tell
                digest.update(f"{file.name}: none\n".encode(errors="surrogateescape"))
                continue
            if not file.is_dir():
                known = f"{file.name}: {state.st_size} {state.st_mtime_ns}\n"
                digest.update(known.encode(errors="surrogateescape"))
    return digest.hexdigest()


def stamp_of_audio(track: Track) -> str:
    """Stamp a track in memory, by its samples."""
    digest = blake2b(digest_size=16)
    for name, audio in {"": track.mixture, **track.sources}.items():
        digest.update(f"{name}: {track.rate} {audio.dtype} {audio.shape}\n".encode())
        digest.update(np.ascontiguousarray(audio).data)
    return digest.hexdigest()
