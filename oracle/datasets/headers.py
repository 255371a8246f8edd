"""Headers: how many bytes of audio a file lacks that its header announces.

libsndfile reads as many as there are and says nothing. Only the size of the audio itself
counts here: sizes of the file, or of what comes after the audio, are often wrong.

References: Microsoft, "Multimedia Programming Interface and Data Specifications 1.0", 1991
(RIFF); EBU Tech 3306 (RF64); Apple, "Audio Interchange File Format 1.3", 1989 (AIFF); Sonic
Foundry, "Wave64" (W64); Sun's audio(4) (AU).
"""

import os
import struct
from pathlib import Path
from typing import BinaryIO

# Sizes from here on are those of a stream whose length was not known when they were written.
UNKNOWN = 2**31 - 2**16

# W64's chunks are called by 16 bytes, of which these follow the four letters of RIFF's.
GUID = bytes.fromhex("f3acd3118cd100c04f8edb8a")
RIFF_GUID = b"riff" + bytes.fromhex("2e91cf11a5d628db04c10000")


def missing_bytes(path: Path) -> int:
    """Count the bytes of audio that a header announces and the file does not have.

    0 where nothing is known: of formats other than WAV, RF64, W64, AIFF, 8SVX and AU, and of
    streams.
    """
    with path.open("rb") as file:
        n_bytes = os.fstat(file.fileno()).st_size
        found = _audio(file, n_bytes)
    if found is None:
        return 0
    start, size = found
    return max(start + size - n_bytes, 0)


def _audio(file: BinaryIO, n_bytes: int) -> tuple[int, int] | None:
    """Find where the audio begins, and its announced size; None where this is not known."""
    start = file.read(40)
    match start[:4]:
        case b"RIFF":
            return _in_chunks(file, n_bytes, "<", b"data")
        case b"RIFX":
            return _in_chunks(file, n_bytes, ">", b"data")
        case b"RF64" | b"BW64":
            found = _in_chunks(file, n_bytes, "<", b"data", unknown=True)
            if found is None or len(start) < 36 or start[12:16] != b"ds64":
                return None
            return found[0], struct.unpack_from("<Q", start, 28)[0]
        case b"FORM":
            wanted = b"BODY" if start[8:12] in (b"8SVX", b"16SV") else b"SSND"
            return _in_chunks(file, n_bytes, ">", wanted)
        case b".snd" | b"dns.":
            place, size = struct.unpack_from(">II" if start[:1] == b"." else "<II", start, 4)
            return None if size >= UNKNOWN else (place, size)
        case _ if start[:16] == RIFF_GUID:
            return _in_wave64(file, n_bytes)
    return None


def _in_chunks(
    file: BinaryIO, n_bytes: int, order: str, wanted: bytes, *, unknown: bool = False
) -> tuple[int, int] | None:
    """Find a chunk by its name; one of unknown size only if that is asked for."""
    place = 12
    while place + 8 <= n_bytes:
        file.seek(place)
        name, size = struct.unpack(f"{order}4sI", file.read(8))
        if name == wanted:
            return (place + 8, size) if unknown or size < UNKNOWN else None
        place += 8 + size + size % 2
    return None


def _in_wave64(file: BinaryIO, n_bytes: int) -> tuple[int, int] | None:
    place = 40
    while place + 24 <= n_bytes:
        file.seek(place)
        name, size = struct.unpack("<16sQ", file.read(24))
        if name == b"data" + GUID:
            return place + 24, size - 24
        if size < 24:
            return None
        place += size + -size % 8
    return None
