"""Kinds of files: audio, audio that soundfile cannot read, archives, and other files.

The suffix tells the kind. If it says nothing, the first bytes do, so that no audio goes unnoticed
because of its name.
"""

import re
from enum import Enum
from fnmatch import translate
from pathlib import Path

# What operating systems and programs leave in folders; none of it is a user's audio.
LITTER = (
    *("._*", ".DS_Store", ".AppleDouble", ".Spotlight-V100", ".fseventsd", ".TemporaryItems"),
    *("__MACOSX", "@eaDir", "#recycle", "#snapshot", "@Recycle", "@Recently-Snapshot"),
    *("$RECYCLE.BIN", "System Volume Information", "lost+found", "Thumbs.db", "desktop.ini"),
    *(".Trash", ".Trash-*", ".Trashes", ".trash", ".thumbnails", ".directory", ".nfs????*"),
    *(".git", ".gitignore", ".gitattributes", ".gitmodules", ".gitkeep", ".github", ".svn"),
    *(".hg", ".hgignore", ".dvc", ".dvcignore", ".idea", ".vscode", ".~lock.*#", "__pycache__"),
    *(".ipynb_checkpoints", ".cache", ".sync", ".stfolder", ".stversions", ".fuse_hidden*"),
    *(".dropbox", ".dropbox.attr", ".dropbox.cache", ".snapshot", ".snapshots"),
)
_LITTER = re.compile("|".join(map(translate, LITTER)))


def _list_suffixes(*names: str) -> frozenset[str]:
    return frozenset(f".{suffix}" for line in names for suffix in line.split())


# The formats that libsndfile recognizes by content, and their suffixes.
SUFFIXES = {
    "WAV": "wav wave bwf",
    "RF64": "rf64 bw64",
    "W64": "w64",
    "AIFF": "aif aiff aifc afc",
    "AU": "au snd",
    "CAF": "caf",
    "FLAC": "flac",
    "MP3": "mp3 mp2 mp1 mpga",
    "OGG": "ogg oga opus",
    "AVR": "avr",
    "IRCAM": "sf ircam",
    "NIST": "nist sph",
    "PAF": "paf fap",
    "PVF": "pvf",
    "SDS": "sds",
    "SVX": "8svx 16svx svx",
    "VOC": "voc",
    "WVE": "wve",
    "XI": "xi",
}

READABLE = _list_suffixes(*SUFFIXES.values())

# Suffixes that libsndfile's formats share with other files: it has to try.
AMBIGUOUS = _list_suffixes("htk iff mat")

# Audio, or containers of it, that libsndfile cannot open, or whose rate it guesses.
UNREADABLE = _list_suffixes(
    "3ga 3gp aa aac aax ac3 ac4 adts adx alac amr ape aptx asf ast au3 avi awb dff dsd dsf dts",
    "dtshd eac3 ec3 flv g722 g726 latm m2ts m4a m4b m4p m4r m4v mka mkv mlp mov mp4 mpc mpeg mpg",
    "mts nut oma ofr ofs ogv qcp ra rm shn sox spx tak thd truehd tta vob weba webm wma wmv wtv",
    "wv wv1 wv2 wvx",
)
# Audio without a header: its rate, channels and number format are unknown.
HEADERLESS = _list_suffixes(
    "alaw f32le gsm mulaw pcm raw s16 s16le s24 s24le s32 s32le sd2 ulaw vox"
)

ARCHIVES = _list_suffixes("7z bz2 cab dmg gz iso lz4 lzma rar tar tbz2 tgz txz xz zip zst")

# Text, pictures, numbers, scores and programs: not opened.
PLAIN = _list_suffixes(
    "bib bmp cfg conf csv db doc docx eps gif h5 hdf5 heic htm html ini ipynb jams jpeg jpg",
    "json jsonl lab log lrc m3u m3u8 md md5 mid midi npy npz parquet pdf pickle pkl png ps pt",
    "pth py rst rtf sfv sh sha1 sha256 sha512 srt svg tex textgrid tif tiff toml trn tsv txt",
    "url webp wrd xls xlsx xml yaml yml",
)

# Signatures of audio files: offset and bytes.
SIGNATURES = (
    *((0, start) for start in (b"RF64", b"BW64", b"riff\x2e\x91\xcf\x11", b".snd", b"dns.")),
    *((0, start) for start in (b"caff", b"fLaC", b"OggS", b"ID3", b"NIST_1A\n", b"2BIT")),
    *((0, start) for start in (b"\xff\xfa", b"\xff\xfb", b"\xff\xfc", b"\xff\xfd", b"\xff\xe3")),
    *((0, start) for start in (b"\xff\xf1", b"\xff\xf2", b"\xff\xf3", b"\xff\xf9")),
    *((0, start) for start in (b"Creative Voice File", b"PVF1\n", b"\x64\xa3", b"\0\0\xa3\x64")),
    *((0, start) for start in (b" paf", b"fap ", b"ALawSoundFile", b"Extended Instrument: ")),
    *((4, start) for start in (b"ftyp", b"moov", b"wide")),
    *((8, start) for start in (b"WAVE", b"AVI ", b"AIFF", b"AIFC", b"8SVX", b"16SV")),
    *((0, start) for start in (b"\x1aE\xdf\xa3", b"0&\xb2u\x8ef\xcf\x11", b"\x0b\x77")),
    *((0, start) for start in (b"wvpk", b"MAC ", b"MPCK", b"MP+", b"TTA1", b"tBaK", b"DSD ")),
    *((0, start) for start in (b"FRM8", b"#!AMR", b"ajkg", b"OFR ", b"\x7f\xfe\x80\x01", b".RMF")),
)
SIGNATURE_BYTES = 192

# Each packet of an MPEG transport stream begins with this byte.
SYNC, PACKET = b"G", 188

# Pictures in containers that may also hold audio, by the word after `ftyp`.
PICTURES = (b"avif", b"avis", b"crx ", b"heic", b"heix", b"hevc", b"mif1", b"msf1")


class Kind(Enum):
    """What a file is."""

    AUDIO = "audio"
    UNREADABLE = "audio that soundfile cannot read"
    MISNAMED = "audio by its content, not by its name"
    ARCHIVE = "an archive"
    OTHER = "not audio"


def find_kind(path: Path) -> Kind:
    """Tell the kind of a file from its suffix or, if that says nothing, its first bytes."""
    suffix = path.suffix.lower()
    if suffix in READABLE:
        return Kind.AUDIO
    if suffix in UNREADABLE | HEADERLESS:
        return Kind.UNREADABLE
    if suffix in ARCHIVES:
        return Kind.ARCHIVE
    if suffix in PLAIN:
        return Kind.OTHER
    if suffix in AMBIGUOUS:
        return Kind.AUDIO if _opens(path) else Kind.OTHER
    return Kind.MISNAMED if _begins_like_audio(path) else Kind.OTHER


def _opens(path: Path) -> bool:
    import soundfile

    try:
        soundfile.info(path)
    except (soundfile.LibsndfileError, OSError, RuntimeError):
        return False
    return True


def _begins_like_audio(path: Path) -> bool:
    if not path.is_file():  # reading a pipe would wait for a writer
        return False
    try:
        with path.open("rb") as file:
            start = file.read(SIGNATURE_BYTES)
    except OSError:  # no permission to read it
        return False
    if any(start[8:].startswith(word) for word in PICTURES):
        return False
    if start[:1] == start[PACKET : PACKET + 1] == SYNC:
        return True
    return any(start[place:].startswith(word) for place, word in SIGNATURES)


def is_litter(name: str) -> bool:
    """Tell whether a file or folder is known litter: `.DS_Store`, `__MACOSX`, `.git`, ..."""
    return _LITTER.fullmatch(name) is not None


def is_hidden(name: str) -> bool:
    """Tell whether a name is hidden: it begins with exactly one dot, as in `.name`."""
    return name.startswith(".") and not name.startswith("..")
