"""Audio files: what is audio, and that all of it is read, or an error says why not."""

import os
import re
import struct
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from oracle.datasets.audio_files import read_audio, write_audio
from oracle.datasets.file_kinds import (
    HEADERLESS,
    SUFFIXES,
    UNREADABLE,
    Kind,
    find_kind,
    is_hidden,
    is_litter,
)
from oracle.datasets.headers import count_missing_bytes
from oracle.tracks.track import Audio

RATE = 8000
# Formats that libsndfile opens and that no suffix of `SUFFIXES` stands for: found by trying
# (HTK, MAT4, MAT5), by another suffix (MPC2K: .snd; WAVEX: .wav), not without a fork of its
# own (SD2), or not without being told the rate (RAW).
OTHERS = {"HTK", "MAT4", "MAT5", "MPC2K", "WAVEX", "SD2", "RAW"}
# Formats whose headers tell how much audio there is, or that fail where it ends too early.
TELLING = ("AIFF", "AU", "CAF", "FLAC", "NIST", "RF64", "SVX", "W64", "WAV", "WAVEX")


def noise(n_samples: int = 3000, n_channels: int = 2) -> Audio:
    rng = np.random.default_rng(3)
    return (rng.integers(-8000, 8001, (n_channels, n_samples)) / 2**15).astype(np.float32)


def write(path: Path, audio: Audio, **options: Any) -> Path:
    soundfile.write(path, audio.T, RATE, **options)
    return path


# What is audio


def test_every_format_that_soundfile_reads_is_known() -> None:
    assert {*SUFFIXES, *OTHERS} == set(soundfile.available_formats())


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *((f"x.{s}", Kind.AUDIO) for s in ("wav", "WAVE", "bwf", "snd", "mp2", "opus", "Flac")),
        *((f"x.{s}", Kind.UNREADABLE) for s in ("m4a", "mka", "ac3", "dts", "WMA", "raw", "gsm")),
        *((f"x.{s}", Kind.OTHER) for s in ("txt", "json", "png", "md5", "mid", "npy", "als", "ts")),
        *((f"x.{s}", Kind.ARCHIVE) for s in ("zip", "tar.gz", "7z")),
        ("x", Kind.OTHER),
        ("wav", Kind.OTHER),
    ],
)
def test_a_name_tells_what_a_file_is(tmp_path: Path, name: str, kind: Kind) -> None:
    (tmp_path / name).write_bytes(b"text")
    assert find_kind(tmp_path / name) is kind


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "aiff", "au", "caf", "w64", "rf64"])
@pytest.mark.parametrize("name", ["x", "x.bak", "x.wav.part", "x.wav.Xa3b2c", "x.wav "])
def test_audio_under_another_name_is_told_by_what_it_holds(
    tmp_path: Path, suffix: str, name: str
) -> None:
    write(tmp_path / f"x.{suffix}", noise()).rename(tmp_path / name)
    assert find_kind(tmp_path / name) is Kind.MISNAMED


@pytest.mark.parametrize(
    "start",
    [
        *(b"\0\0\0\x1cftypM4A ", b"\x1aE\xdf\xa3", b"\x0bw\xc2{", b"\x7f\xfe\x80\x01", b"wvpk"),
        *(b"TTA1", b"0&\xb2u\x8ef\xcf\x11", b"\xff\xf1P\x80", b"ID3\x04", b"#!AMR"),
        b"G" + bytes(187) + b"G",  # a transport stream
    ],
)
def test_audio_that_is_not_read_is_told_by_what_it_holds(tmp_path: Path, start: bytes) -> None:
    (tmp_path / "x").write_bytes(start + bytes(100))
    assert find_kind(tmp_path / "x") is Kind.MISNAMED


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"G", b"a", b"RIFF\0\0\0\0WEBPVP8 ", b"RIFF\0\0\0\0sfbk", b"FORM\0\0\0\0ILBM"),
        *(b"\0\0\0\x1cftypheic", b"\0\0\0\x1cftypcrx ", "Größe".encode("utf-16")),
    ],
)
def test_what_is_no_audio_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    assert find_kind(tmp_path / "x") is Kind.OTHER


def test_a_matlab_file_is_audio_if_soundfile_opens_it(tmp_path: Path) -> None:
    write(tmp_path / "x.mat", noise(), format="MAT5")
    (tmp_path / "y.mat").write_bytes(b"MATLAB 5.0 MAT-file" + bytes(200))
    assert find_kind(tmp_path / "x.mat") is Kind.AUDIO
    assert find_kind(tmp_path / "y.mat") is Kind.OTHER


def test_a_pipe_and_a_link_to_nothing_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    assert find_kind(tmp_path / "pipe") is find_kind(tmp_path / "link") is Kind.OTHER


def test_litter_is_known_by_its_name() -> None:
    for name in (".DS_Store", "._vocals.wav", ".git", ".gitignore", "__MACOSX", "@eaDir"):
        assert is_litter(name)
    for name in (
        "...And Then",
        ".38 Special",
        ".gitarre",
        ".hidden",
        "vocals.wav",
        "MACOSX",
        "eaDir",
    ):
        assert not is_litter(name)


def test_names_with_one_dot_in_front_are_hidden() -> None:
    assert is_hidden(".x.wav")
    assert not is_hidden("...And Then")
    assert not is_hidden("x.wav")


# What is read


@pytest.mark.parametrize("file_format", sorted(set(SUFFIXES) | {"MAT4", "MAT5", "WAVEX"}))
def test_every_sample_of_every_format_is_read(tmp_path: Path, file_format: str) -> None:
    """Of every subtype that can be written, also of those that cannot be seeked in."""
    written = 0
    for subtype in soundfile.available_subtypes(file_format):
        for n_channels in (2, 1):
            audio = noise(n_channels=n_channels)
            path = tmp_path / f"{subtype}-{n_channels}"
            try:
                write(path, audio, format=file_format, subtype=subtype)
                soundfile.info(path)
                with soundfile.SoundFile(path) as file:
                    file.read(1000)
            except soundfile.LibsndfileError:
                continue  # which this version does not write, or read
            rate, read = read_audio(path)
            written += 1
            # Codecs in blocks fill up the last one.
            assert rate == (44100 if file_format == "XI" else RATE)  # which XI does not tell
            assert audio.shape[0] == read.shape[0]
            assert 0 <= read.shape[1] - audio.shape[1] < 2048
    assert written


def test_a_codec_that_is_not_seekable_is_read(tmp_path: Path) -> None:
    audio = noise(16000, 1)
    path = write(tmp_path / "x.wav", audio, subtype="GSM610")
    with soundfile.SoundFile(path) as file:
        assert not file.seekable()
    assert read_audio(path)[1].shape == (1, 16000)


@pytest.mark.parametrize("size", [8, -8, 12345, 0])
def test_a_wrong_size_of_the_file_is_none_of_the_audio(tmp_path: Path, size: int) -> None:
    path = write(tmp_path / "x.wav", noise())
    data = bytearray(path.read_bytes())
    data[4:8] = struct.pack("<I", max(len(data) - 8 + size, 0) if size else 0)
    path.write_bytes(data)
    np.testing.assert_array_equal(read_audio(path)[1], noise())


@pytest.mark.parametrize("n_bytes", [0, 3, 5, 99])
def test_what_is_cut_after_the_audio_does_not_matter(tmp_path: Path, n_bytes: int) -> None:
    path = write(tmp_path / "x.wav", noise())
    chunk = (b"LIST" + struct.pack("<I", 100) + b"INFO" + bytes(96))[: 8 + n_bytes]
    path.write_bytes(path.read_bytes() + chunk)
    np.testing.assert_array_equal(read_audio(path)[1], noise())


def test_a_missing_byte_of_padding_does_not_matter(tmp_path: Path) -> None:
    audio = np.round(noise(1001, 1) * 2**7) / 2**7
    path = write(tmp_path / "x.wav", audio, subtype="PCM_U8")
    data = path.read_bytes()
    assert len(data) == 44 + 1002
    path.write_bytes(data[:-1])
    np.testing.assert_array_equal(read_audio(path)[1], audio)


def test_odd_chunks_before_the_audio_are_passed_over(tmp_path: Path) -> None:
    path = write(tmp_path / "x.wav", noise())
    data = path.read_bytes()
    extra = b"bext" + struct.pack("<I", 5) + b"hello\0" + b"JUNK" + struct.pack("<I", 2) + b"ok"
    path.write_bytes(data[:12] + extra + data[12:])
    np.testing.assert_array_equal(read_audio(path)[1], noise())
    assert count_missing_bytes(path) == 0


@pytest.mark.parametrize("file_format", TELLING)
@pytest.mark.parametrize("n_bytes", [1, 4, 500])
def test_audio_that_is_missing_is_an_error(tmp_path: Path, file_format: str, n_bytes: int) -> None:
    n_channels = 1 if file_format == "SVX" else 2
    path = write(tmp_path / "x", noise(n_channels=n_channels), format=file_format)
    data = path.read_bytes()
    path.write_bytes(data[:-n_bytes])
    with pytest.raises(ValueError, match=r"x must be (whole|a readable audio file)"):
        read_audio(path)


def test_an_error_tells_how_much_is_missing(tmp_path: Path) -> None:
    path = write(tmp_path / "x.wav", noise())
    path.write_bytes(path.read_bytes()[:-400])
    message = (
        r"x\.wav must be whole, got 2900 samples and 400 bytes fewer than its header announces: "
        "copy or export it again$"
    )
    with pytest.raises(ValueError, match=message):
        read_audio(path)


@pytest.mark.parametrize("n_bytes", range(60))
def test_a_header_that_is_cut_is_an_error_of_that_file(tmp_path: Path, n_bytes: int) -> None:
    for file_format in TELLING:
        path = write(tmp_path / file_format, noise(n_channels=1), format=file_format)
        path.write_bytes(path.read_bytes()[:n_bytes])
        with pytest.raises(ValueError, match=rf"{file_format} must (be |hold audio, got 0)"):
            read_audio(path)


def test_audio_without_a_header_is_refused_not_guessed(tmp_path: Path) -> None:
    """libsndfile takes such a file for 8-bit audio of 8 kHz, by its suffix."""
    (tmp_path / "x.au").write_bytes(bytes(range(256)) * 10)
    with pytest.raises(ValueError, match="it has no header: its rate and channels are not known"):
        read_audio(tmp_path / "x.au")


@pytest.mark.parametrize("suffix", sorted(UNREADABLE))
def test_what_soundfile_does_not_read_says_how_to_convert_it(tmp_path: Path, suffix: str) -> None:
    (tmp_path / f"x{suffix}").write_bytes(b"?")
    message = rf"x{suffix} must be in a format that soundfile reads .* convert it \(ffmpeg -i "
    with pytest.raises(ValueError, match=message):
        read_audio(tmp_path / f"x{suffix}")


@pytest.mark.parametrize("suffix", sorted(HEADERLESS))
def test_what_has_no_header_says_where_to_export_it(tmp_path: Path, suffix: str) -> None:
    (tmp_path / f"x{suffix}").write_bytes(b"?")
    message = rf"x{suffix} must be .*, got {suffix}, which has no header: export it as WAV"
    with pytest.raises(ValueError, match=message):
        read_audio(tmp_path / f"x{suffix}")


def test_names_are_quoted_for_the_shell(tmp_path: Path) -> None:
    (tmp_path / "one 'take'.m4a").write_bytes(b"?")
    with pytest.raises(ValueError, match=re.escape("""(ffmpeg -i 'one '"'"'take'"'"'.m4a' """)):
        read_audio(tmp_path / "one 'take'.m4a")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a", "Git LFS pointer"),
    ],
)
def test_what_is_often_taken_for_audio_is_told(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "x.wav").write_bytes(content)
    with pytest.raises(ValueError, match=rf"x\.wav must be a readable audio file \(.*{reason}"):
        read_audio(tmp_path / "x.wav")


def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.wav")
    with pytest.raises(
        ValueError, match=r"x\.wav must be a readable audio file \(it is not a file\)"
    ):
        read_audio(tmp_path / "x.wav")


def test_other_files_say_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "x.wav").write_bytes(b"RIFF\0\0\0\0WAVEfmt ")
    with pytest.raises(ValueError, match=r"x\.wav must be a readable .*: export it again, as WAV"):
        read_audio(tmp_path / "x.wav")


# Files of other programs


def convert(ffmpeg: str, source: Path, target: Path, *options: str) -> Path:
    command = [ffmpeg, "-v", "error", "-i", str(source), *options, str(target)]
    subprocess.run(command, check=True)
    return target


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("x.mp3", ["-q:a", "2", "-write_xing", "0"]),
        ("x.mp3", ["-b:a", "128k", "-write_xing", "0"]),
        ("x.mp3", ["-q:a", "2"]),
        ("x.mp3", ["-b:a", "128k"]),
        ("x.wav", ["-c:a", "libmp3lame"]),
        ("x.mp2", []),
    ],
)
def test_mpeg_audio_is_read_to_its_end(
    ffmpeg: str, tmp_path: Path, name: str, options: list[str]
) -> None:
    """Without a table of contents its length is an estimate, of the bits in the first frames."""
    audio = noise(88200)
    audio[:, 30000:60000] *= 1e-3
    soundfile.write(tmp_path / "source.wav", audio.T, 44100)
    path = convert(ffmpeg, tmp_path / "source.wav", tmp_path / name, *options)
    read = read_audio(path)[1]
    assert 88200 <= read.shape[1] < 88200 + 3 * 1152
    loud = np.square(read).mean(axis=0) > 1e-4
    assert abs(int(np.flatnonzero(loud)[-1]) - 88200) < 3 * 1152


@pytest.mark.parametrize("contents", ["0", "1"])
@pytest.mark.parametrize(
    ("front", "back"),
    [
        (b"", bytes(5000)),
        (b"", b"TAG" + bytes(125)),
        (b"ID3\x04\0\0\0\x01\x20\0" + bytes((0x20 << 7) + (1 << 14)), b""),
        (2 * (b"ID3\x04\0\0\0\0\0\x10" + bytes(16)), b""),
    ],
)
def test_tags_and_litter_around_mpeg_audio_do_not_cut_it(
    ffmpeg: str, tmp_path: Path, contents: str, front: bytes, back: bytes
) -> None:
    audio = noise(88200)
    audio[:, 30000:60000] *= 1e-3
    soundfile.write(tmp_path / "source.wav", audio.T, 44100)
    options = ["-q:a", "2", "-write_xing", contents, "-id3v2_version", "0"]
    path = convert(ffmpeg, tmp_path / "source.wav", tmp_path / "x.mp3", *options)
    path.write_bytes(front + path.read_bytes() + back)
    assert 88200 <= read_audio(path)[1].shape[1] < 88200 + 3 * 1152


def test_mpeg_audio_that_cannot_be_decoded_to_its_end_is_an_error(
    ffmpeg: str, tmp_path: Path
) -> None:
    soundfile.write(tmp_path / "source.wav", noise(88200).T, 44100)
    options = ["-b:a", "128k", "-write_xing", "0", "-id3v2_version", "0"]
    path = convert(ffmpeg, tmp_path / "source.wav", tmp_path / "x.mp3", *options)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 3] + bytes(8000) + data[len(data) // 3 :])
    with pytest.raises(ValueError, match=r"it cannot be decoded after \d+ of about \d+ samples"):
        read_audio(path)


@pytest.mark.parametrize("suffix", ["mp3", "ogg", "opus"])
def test_streams_that_were_joined_are_refused(ffmpeg: str, tmp_path: Path, suffix: str) -> None:
    soundfile.write(tmp_path / "source.wav", noise(48000).T, 48000)
    path = convert(ffmpeg, tmp_path / "source.wav", tmp_path / f"x.{suffix}")
    assert read_audio(path)[1].shape[1] >= 48000
    path.write_bytes(2 * path.read_bytes())
    with pytest.raises(ValueError, match="it holds several streams one after the other"):
        read_audio(path)


def test_files_of_a_pipe_are_whole(ffmpeg: str, tmp_path: Path) -> None:
    source = write(tmp_path / "source.wav", noise())
    for file_format in ("wav", "au"):
        command = [ffmpeg, "-v", "error", "-i", str(source), "-f", file_format, "-"]
        done = subprocess.run(command, check=True, capture_output=True)
        (tmp_path / f"x.{file_format}").write_bytes(done.stdout)
        np.testing.assert_array_equal(read_audio(tmp_path / f"x.{file_format}")[1], noise())
    command = [ffmpeg, "-v", "error", "-i", str(source), "-f", "flac", "-"]
    done = subprocess.run(command, check=True, capture_output=True)
    (tmp_path / "x.flac").write_bytes(done.stdout)
    with pytest.raises(ValueError, match=r"its header gives no length\): export it again"):
        read_audio(tmp_path / "x.flac")


# What is written


def test_what_is_not_finite_is_not_written(tmp_path: Path) -> None:
    audio = noise()
    audio[0, 3] = np.nan
    with pytest.raises(ValueError, match=r"^x\.wav must be finite, got NaN or infinity$"):
        write_audio(tmp_path / "x.wav", audio, RATE)
    assert not list(tmp_path.iterdir())
