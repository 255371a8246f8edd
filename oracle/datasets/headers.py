"""Headers: how many bytes of audio a header announces that the file lacks.

libsndfile reads what is there and reports no error. Only the announced size of the audio itself
counts here: the sizes of the file, and of what follows the audio, are often wrong.

References: Microsoft, "Multimedia Programming Interface and Data Specifications 1.0", 1991
(RIFF); EBU Tech 3306 (RF64); Apple, "Audio Interchange File Format 1.3", 1989 (AIFF), and
"Core Audio Format Specification" (CAF); Sonic Foundry, "Wave64" (W64); Sun's audio(4) (AU).
"""

import math
import os
import struct
from pathlib import Path
from typing import BinaryIO

# What programs write as the size of a stream of unknown length: numbers near the largest, and
# 0x7f000000 (sox, for AIFF).
UNKNOWN = (
    range(0x7F000000, 0x7F000000 + 2**16),
    range(2**31 - 2**16, 2**31 + 2**16),
    range(2**32 - 2**16, 2**32),
    range(2**62, 2**64),
)

# The header of a SPHERE file (NIST), text in lines.
SPHERE_BYTES = 1024

# W64 names chunks by 16 bytes: the four letters of RIFF, then these.
GUID = bytes.fromhex("f3acd3118cd100c04f8edb8a")
RIFF_GUID = b"riff" + bytes.fromhex("2e91cf11a5d628db04c10000")


def count_missing_bytes(path: Path) -> int:
    """Count the bytes of audio that a header announces and the file lacks.

    0 if unknown: for streams, and for formats other than WAV, RF64, W64, AIFF, 8SVX, CAF, AU
    and SPHERE.
    """
    with path.open("rb") as file:
        n_bytes = os.fstat(file.fileno()).st_size
        found = _find_audio(file, n_bytes)
    if found is None or any(found[1] in sizes for sizes in UNKNOWN):
        return 0
    start, size = found
    return max(start + size - n_bytes, 0)


def _find_audio(file: BinaryIO, n_bytes: int) -> tuple[int, int] | None:
    """Find where the audio begins, and its announced size; None if unknown."""
    start = file.read(40)
    match start[:4]:
        case b"RIFF" | b"RIFX":
            order = "<" if start[:4] == b"RIFF" else ">"
            return _find_chunk(file, n_bytes, 12, f"{order}4sI", b"data", align=2)
        case b"RF64" | b"BW64" if start[12:16] == b"ds64" and len(start) >= 36:
            found = _find_chunk(file, n_bytes, 12, "<4sI", b"data", align=2)
            return None if found is None else (found[0], struct.unpack_from("<Q", start, 28)[0])
        case b"FORM":
            name = b"BODY" if start[8:12] in (b"8SVX", b"16SV") else b"SSND"
            return _find_chunk(file, n_bytes, 12, ">4sI", name, align=2)
        case b"caff":
            return _find_chunk(file, n_bytes, 8, ">4sQ", b"data")
        case b".snd" | b"dns." if len(start) >= 12:
            place, size = struct.unpack_from(">II" if start[:1] == b"." else "<II", start, 4)
            return place, size
        case b"NIST":
            file.seek(0)
            return _read_sphere(file.read(SPHERE_BYTES))
        case b"riff" if start[:16] == RIFF_GUID:
            # W64's sizes include the chunk headers.
            return _find_chunk(file, n_bytes, 40, "<16sQ", b"data" + GUID, align=8, counted=24)
    return None


def _read_sphere(header: bytes) -> tuple[int, int] | None:
    """Read the lines of a SPHERE header: `sample_count -i 61440`, ..."""
    lines = (line.split() for line in header.decode("ascii", "replace").splitlines())
    facts = {words[0]: words[2] for words in lines if len(words) == 3}
    if facts.get("sample_coding", "pcm") not in ("pcm", "ulaw", "mu-law", "alaw"):
        return None  # compressed
    try:
        names = ("sample_count", "channel_count", "sample_n_bytes")
        return SPHERE_BYTES, math.prod(int(facts[name]) for name in names)
    except (KeyError, ValueError):
        return None


def _find_chunk(
    file: BinaryIO,
    n_bytes: int,
    place: int,
    head: str,
    wanted: bytes,
    *,
    align: int = 1,
    counted: int = 0,
) -> tuple[int, int] | None:
    """Find a chunk by its name, from `place` on: where its content begins, and its size."""
    length = struct.calcsize(head)
    while place + length <= n_bytes:
        file.seek(place)
        name, size = struct.unpack(head, file.read(length))
        if size < counted:
            return None
        size -= counted
        if name == wanted:
            return place + length, size
        place += length + size + -(size + counted) % align
    return None
