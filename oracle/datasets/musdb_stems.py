"""MUSDB18 in its compressed form (.stem.mp4), decoded by musdb."""

import os
import shutil
import subprocess
from functools import cache, partial
from pathlib import Path
from typing import Any, Literal

from oracle.datasets.archives import fetch_zip
from oracle.datasets.dataset import Dataset, Entry
from oracle.datasets.left_out import find_left_out
from oracle.datasets.trees import is_shown
from oracle.tracks.track import Track

SUFFIX = ".stem.mp4"
# In the order of the streams of a file, after the mixture.
STEMS = ("drums", "bass", "other", "vocals")
PREVIEW_ROOT = Path("~/MUSDB18/MUSDB18-7")
PATIENCE = 60  # s for ffmpeg to print its version
# Zenodo record 3270814, which publishes the checksum.
PREVIEW_URL = "https://zenodo.org/records/3270814/files/MUSDB18-7-STEMS.zip?download=1"
PREVIEW_MD5 = "dc2bdfac5b46ce742bd60009866758a5"


def musdb18(
    root: str | Path | None = None,
    *,
    subset: Literal["train", "test"] | None = None,
    split: Literal["train", "valid"] | None = None,
    download: bool = False,
) -> Dataset:
    """Open MUSDB18, the 150 songs in stem format, or its preview of 7 s excerpts.

    musdb and ffmpeg decode the audio to 16 bit, as for published results. The rest of a
    mixture, which is in no source, is ignored, as in those.

    Parameters
    ----------
    root : str or Path, optional
        The folder with ``train`` and ``test``. By default the environment variable
        MUSDB_PATH; with `download`, ``~/MUSDB18/MUSDB18-7``.
    subset : {"train", "test"}, optional
        Only this subset; both by default.
    split : {"train", "valid"}, optional
        Only the training or the validation part of the subset ``train``, as musdb
        defines them.
    download : bool, optional
        Download the preview to `root` and verify its checksum, unless `root` already holds a
        folder ``train``.

    Returns
    -------
    dataset : Dataset
        The tracks, sorted by name within their subset.

    Raises
    ------
    ImportError
        If musdb is not installed.
    FileNotFoundError
        If ffmpeg is not installed, or there is no such folder.
    RuntimeError
        If ffmpeg does not run.
    ConnectionError
        If the preview cannot be downloaded.
    ValueError
        If no root is given, an option has an unknown value, a split goes with the subset
        ``test``, the folder holds no stem files, or the checksum of the download differs.

    References
    ----------
    .. [1] Z. Rafii, A. Liutkus, F.-R. Stöter, S. I. Mimilakis and R. Bittner, "The MUSDB18
           corpus for music separation", 2017, doi:10.5281/zenodo.1117372.
    """
    if subset not in (None, "train", "test"):
        raise ValueError(f"subset must be 'train' or 'test', got {subset!r}")
    if split not in (None, "train", "valid"):
        raise ValueError(f"split must be 'train' or 'valid', got {split!r}")
    if split is not None and subset == "test":
        raise ValueError(f"split must go with the subset 'train', got {split!r} with 'test'")
    musdb = _import_musdb()
    if root is None:
        root = PREVIEW_ROOT if download else os.environ.get("MUSDB_PATH") or None
    if root is None:
        raise ValueError(
            "root, or --root, must be the folder of MUSDB18 (or set MUSDB_PATH), got none"
        )
    root = Path(root).expanduser()
    if download and not (root / "train").exists():
        fetch_zip(PREVIEW_URL, PREVIEW_MD5, root)
    if not root.is_dir():
        raise FileNotFoundError(f"root must be the folder of MUSDB18, got {root}: no such folder")
    # Without subsets, musdb reads its settings but no track: a broken file cannot stop it.
    validation = frozenset(musdb.DB(root=str(root), subsets=[]).setup["validation_tracks"])
    entries = [
        Entry(_name_track(path), name, partial(_load, path, name), (path,), len(STEMS) + 1)
        for name in ("train", "test")
        for path in sorted((root / name).glob(f"*{SUFFIX}"))
        if is_shown(path.name)
    ]
    part = subset or (None if split is None else "train")
    chosen = [
        entry
        for entry in entries
        if part in (None, entry.subset)
        and (split is None or (entry.name in validation) == (split == "valid"))
    ]
    if not chosen:
        raise ValueError(
            f"root must hold {SUFFIX} files in its folders train and test, got {root} "
            f"(subset {subset or 'any'}, split {split or 'any'}); "
            "for MUSDB18-HQ's WAV files use the dataset musdb18-hq"
        )
    return Dataset(
        "MUSDB18", tuple(chosen), root.resolve(), left_out=tuple(find_left_out(root, entries))
    )


def stem_file(path: Path) -> Dataset:
    """Open one stem file as a dataset of one track, decoded as those of `musdb18`.

    Its subset is the folder that it lies in, if that is ``train`` or ``test``, or else ``test``.
    """
    _import_musdb()
    place = path.resolve()
    subset = place.parent.name if place.parent.name in ("train", "test") else "test"
    name = _name_track(place)
    entry = Entry(name, subset, partial(_load, place, subset), (place,), len(STEMS) + 1)
    return Dataset(name, (entry,), place.parent)


def _load(path: Path, subset: str) -> Track:
    musdb = _import_musdb()
    name = _name_track(path)
    try:
        track = musdb.MultiTrack(path=str(path), name=name, subset=subset, stem_id=0)
        track.sources = {
            stem: musdb.Source(track, name=stem, path=str(path), stem_id=stream)
            for stream, stem in enumerate(STEMS, start=1)
        }
        return Track.from_musdb(track)
    except MemoryError:
        raise
    except Exception as error:  # from ffmpeg, stempeg (which raises warnings), numpy or Track
        raise ValueError(f"{path} must be a whole stem file ({error})") from error


def _name_track(path: Path) -> str:
    return path.name.removesuffix(SUFFIX)


def _import_musdb() -> Any:
    """Import musdb, which needs ffmpeg."""
    places = {program: shutil.which(program) for program in ("ffmpeg", "ffprobe")}
    for program, place in places.items():
        if place is None:
            raise FileNotFoundError(
                f"ffmpeg must be installed to decode MUSDB18's stems, got no {program} on the PATH "
                "(apt-get install ffmpeg, brew install ffmpeg or conda install ffmpeg)"
            )
    for place in filter(None, places.values()):
        problem = _find_problem(place)
        if problem:
            raise RuntimeError(
                f"ffmpeg must run to decode MUSDB18's stems, got {place}, which does not: "
                f"{problem} (reinstall it, or put one that runs before it on the PATH)"
            )
    try:
        import musdb
    except ImportError as error:
        raise ImportError(
            "musdb must be installed to read MUSDB18's stems: "
            "pip install 'oracle-masks[musdb]' (in a clone: pip install '.[musdb]')"
        ) from error
    return musdb


@cache
def _find_problem(program: str) -> str:
    """Run a program once; tell why it does not run, or return an empty text."""
    try:
        done = subprocess.run(
            [program, "-version"], capture_output=True, text=True, timeout=PATIENCE, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if done.returncode == 0:
        return ""
    said = done.stderr.strip().splitlines()
    return said[-1] if said else f"exit status {done.returncode}"
