"""Lengths: how much audio a file holds, from its header."""

import os
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from oracle import datasets
from oracle.datasets.lengths import Length, read_length

RATE = 8000


def mp4(*boxes: tuple[bytes, bytes], wide: bool = False) -> bytes:
    """Lay out boxes, as ISO/IEC 14496-12 has them."""
    return b"".join(
        struct.pack(">I4sQ", 1, name, 16 + len(body)) + body
        if wide
        else struct.pack(">I4s", 8 + len(body), name) + body
        for name, body in boxes
    )


def stems_of(header: bytes, *, wide: bool = False) -> bytes:
    media = mp4((b"hdlr", b"soun"), (b"mdhd", header), (b"minf", b"?" * 50))
    track = mp4((b"tkhd", b"?" * 20), (b"mdia", media), wide=wide)
    movie = mp4((b"mvhd", b"?" * 9), (b"trak", track), (b"trak", b"?" * 30))
    return mp4((b"ftyp", b"M4A "), (b"mdat", b"?" * 99), (b"moov", movie), wide=wide)


VERSION_0 = struct.pack(">IIIII", 0, 1, 2, 44100, 88200)
VERSION_1 = struct.pack(">IQQIQ", 1 << 24, 1, 2, 44100, 88200)


@pytest.mark.parametrize("header", [VERSION_0, VERSION_1])
@pytest.mark.parametrize("wide", [False, True])
def test_stem_files_tell_their_length(header: bytes, wide: bool, tmp_path: Path) -> None:
    (tmp_path / "song.stem.mp4").write_bytes(stems_of(header, wide=wide))
    assert read_length(tmp_path / "song.stem.mp4") == Length(44100, 2, 88200)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"?" * 100,
        mp4((b"moov", mp4((b"trak", b""))), (b"free", b"?" * 50)),
        stems_of(VERSION_0)[:-120],
    ],
)
def test_a_broken_stem_file_tells_nothing(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "song.stem.mp4").write_bytes(content)
    assert read_length(tmp_path / "song.stem.mp4") is None


@pytest.mark.slow
def test_a_stem_file_of_musdb18_is_about_as_long_as_it_says(shared: Path, ffmpeg: str) -> None:
    tracks = datasets.musdb18(shared / "data/musdb18-7")
    (path,) = tracks.entries[0].paths
    assert tracks.entries[0].most_sources == 5  # and the rest of the mixture
    length = read_length(path)
    assert length is not None
    assert length[:2] == (tracks[0].rate, tracks[0].n_channels)
    assert 0 <= length.n_samples - tracks[0].n_samples < 0.1 * length.rate


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3", "aiff"])
def test_audio_files_tell_their_length(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{suffix}"
    noise = 0.1 * np.random.default_rng(0).standard_normal((3 * RATE, 2))
    soundfile.write(path, noise, RATE)
    assert read_length(path) == (RATE, 2, 3 * RATE)


def test_what_is_no_audio_tells_no_length(tmp_path: Path) -> None:
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.wav")  # which would wait for somebody to write
    (tmp_path / "a.wav").write_bytes(b"")
    (tmp_path / "a.txt").write_text("a")
    (tmp_path / "a.raw").write_bytes(bytes(100))
    for path in (*tmp_path.iterdir(), tmp_path, tmp_path / "none"):
        assert read_length(path) is None
