"""Multitrack recordings, with sources that are sums of many files: MoisesDB and Slakh2100."""

import json
import warnings
from collections import defaultdict
from functools import partial, reduce
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from oracle.datasets.audio_files import read_audio
from oracle.datasets.dataset import Dataset, Entry
from oracle.datasets.left_out import make_dataset
from oracle.datasets.track_files import put_usual_first, read_track
from oracle.datasets.trees import (
    find_audio,
    find_files,
    find_root,
    list_audio,
    list_audio_below,
    list_folders,
)
from oracle.tracks.track import Audio, Track

DESCRIPTION = "data.json"
METADATA = "metadata.yaml"
# Number of instrument classes: the families of General MIDI, and drums.
CLASSES = 17


def moisesdb(root: str | Path) -> Dataset:
    """Open MoisesDB, 240 songs in up to eleven stems of many files each.

    ``moisesdb_v0.1/TRACK/`` holds ``data.json``, which names the files of each stem, and
    ``STEM/ID.wav``. A stem (``vocals``, ``bass``, ``drums``, ``other_keys``, ...) is the sum
    of its files. MoisesDB has no mixtures; the mixture is the sum of the stems. As in MoisesDB's
    own loader, mono files go to all channels, and shorter stems are padded with zeros, with a
    warning. That loader cuts the files of a stem to the shortest; here they are padded too.

    Parameters
    ----------
    root : str or Path
        The folder that holds ``moisesdb_v0.1``, or ``moisesdb_v0.1`` itself.

    Returns
    -------
    dataset : Dataset
        The tracks by the names of their folders, all in the subset ``test``.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    ValueError
        If it has no such tracks.

    References
    ----------
    .. [1] I. Pereira, F. Araújo, F. Korzeniowski and R. Vogl, "MoisesDB: A dataset for source
           separation beyond 4-stems", ISMIR, 2023, arXiv:2307.15913.
    """
    root = find_root(root)
    entries = [
        Entry(place.name, "test", partial(_load_moisesdb, place), files, n_stems)
        for top in (root, *list_folders(root))
        # A folder without a description, among others with one, is a broken track.
        if any((place / DESCRIPTION).exists() for place in list_folders(top))
        for place in list_folders(top)
        for files, n_stems in (_list_moisesdb_files(place),)
    ]
    entries.sort(key=lambda entry: entry.name)
    return make_dataset(root, "MoisesDB", f"folders of tracks with {DESCRIPTION} in them", entries)


def _load_moisesdb(place: Path) -> Track:
    rates: dict[int, Path] = {}
    channels: dict[int, Path] = {}
    lengths: set[int] = set()

    def read(path: Path) -> Audio:
        rate, audio = read_audio(path)
        rates.setdefault(rate, path)
        if len(audio) > 1:
            channels.setdefault(len(audio), path)
        lengths.add(audio.shape[1])
        for what, values in (
            ("the same sampling rate in Hz", rates),
            ("the same number of channels or be mono", channels),
        ):
            if len(values) > 1:
                got = " and ".join(f"{value} in {file}" for value, file in values.items())
                raise ValueError(f"files of a track must have {what}, got {got}")
        return audio

    # File by file: a song may have dozens, and memory may hold only their sums.
    files = _find_files(place)
    stems = {name: reduce(_add, map(read, files[name])) for name in sorted(files)}
    if len(lengths) > 1:
        warnings.warn(
            f"{place.name}: files have {min(lengths)} to {max(lengths)} samples; "
            "the shorter ones are padded with zeros",
            stacklevel=2,
        )
    ((rate, _),) = rates.items()
    shape = (max(channels, default=1), max(lengths))
    sources = put_usual_first({name: _fit(audio, shape) for name, audio in stems.items()})
    try:
        return Track.from_sources(place.name, rate, sources)
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from error


def _list_moisesdb_files(place: Path) -> tuple[tuple[Path, ...], int]:
    """List the files of a track and count its stems; all of them if its description is broken."""
    description = place / DESCRIPTION
    try:
        stems = _find_files(place)
        return (description, *chain.from_iterable(stems.values())), len(stems)
    except ValueError:  # reading the track will raise it
        return (description, *list_audio_below(place)), len(list_folders(place))


def _find_files(place: Path) -> dict[str, list[Path]]:
    """Read the names of the files of each stem of a MoisesDB track."""
    description = place / DESCRIPTION
    files: dict[str, list[Path]] = defaultdict(list)
    try:
        for stem in json.loads(description.read_text(encoding="utf-8"))["stems"]:
            for file in stem["tracks"]:
                name = f"{file['id']}.{file['extension']}"
                path = place / stem["stemName"] / name
                if path in files[stem["stemName"]]:
                    raise ValueError(f"{name} twice in {stem['stemName']}")
                files[stem["stemName"]].append(path)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{description} must list stems and their files ({error!r})") from error
    if not files:
        raise ValueError(f"{description} must list stems and their files, got none")
    return files


def _add(one: Audio, other: Audio) -> Audio:
    shape = (max(len(one), len(other)), max(one.shape[1], other.shape[1]))
    return _fit(one, shape) + _fit(other, shape)


def _fit(audio: Audio, shape: tuple[int, int]) -> Audio:
    """Copy mono audio to all channels, and pad with zeros at the end."""
    n_channels, n_samples = shape
    padded = np.pad(audio, ((0, 0), (0, n_samples - audio.shape[1])))
    return np.repeat(padded, n_channels // len(audio), axis=0)


def slakh2100(root: str | Path) -> Dataset:
    """Open Slakh2100, synthesized music, its stems summed to instrument classes.

    ``SUBSET/TrackNNNNN/`` holds ``mix.flac``, ``metadata.yaml`` and ``stems/SNN.flac``. A
    source is the sum of the stems of a class (``inst_class`` in ``metadata.yaml``): ``Bass``,
    ``Drums``, ``Guitar``, ``Piano``, ... The mixture is ``mix.flac``. WAV files are also
    accepted.

    Parameters
    ----------
    root : str or Path
        The folder with ``train``, ``validation`` and ``test``, or a folder of tracks, such as
        BabySlakh. ``omitted``, the tracks that Slakh2100-redux leaves out, is not read.

    Returns
    -------
    dataset : Dataset
        The tracks by subset and name; tracks outside these subsets count as ``test``.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    ImportError
        When a track is read, if PyYAML is not installed.
    ValueError
        If it has no such tracks.

    References
    ----------
    .. [1] E. Manilow, G. Wichern, P. Seetharaman and J. Le Roux, "Cutting Music Source
           Separation Some Slakh: A Dataset to Study the Impact of Training Data Quality and
           Quantity", WASPAA, 2019, arXiv:1909.08494.
    """
    root = find_root(root)
    tops = {root / subset: subset for subset in ("train", "validation", "test")} | {root: "test"}
    entries = (
        Entry(
            place.name,
            subset,
            partial(_load_slakh2100, place, subset),
            (place / METADATA, *find_files(["mix"], place), *stems),
            min(len(stems), CLASSES) + 1,
        )
        for top, subset in tops.items()
        for place in list_folders(top)
        if place.name.startswith("Track")
        for stems in (list_audio(place / "stems"),)
    )
    layout = "folders TrackNNNNN in train, validation and test"
    return make_dataset(root, "Slakh2100", layout, entries)


def _load_slakh2100(place: Path, subset: str) -> Track:
    metadata = place / METADATA
    sources: dict[str, list[Path]] = defaultdict(list)
    for name, stem in _list_stems(metadata).items():
        try:
            rendered, instrument = stem["audio_rendered"], stem["inst_class"]
        except (KeyError, TypeError) as error:
            raise ValueError(
                f"{metadata} must give audio_rendered and inst_class of {name}, got {stem!r}"
            ) from error
        if rendered:
            sources[instrument].append(find_audio(name, place / "stems"))
    if not sources:
        raise ValueError(f"{metadata} must list rendered stems, got none")
    by_name = {name: sources[name] for name in sorted(sources, key=str)}
    mixture = find_audio("mix", place)
    listed = {path for paths in by_name.values() for path in paths}
    others = [path.name for path in list_audio(place / "stems") if path not in listed]
    if others:
        raise ValueError(
            f"{metadata} must list all files in stems as rendered, got {', '.join(others)}, which "
            "it does not: move them elsewhere"
        )
    return read_track(place, place.name, subset, mixture, by_name)


def _list_stems(metadata: Path) -> dict[str, Any]:
    try:
        import yaml
    except ImportError as error:
        raise ImportError(
            "PyYAML must be installed to read Slakh2100: "
            "pip install 'oracle-masks[slakh]' (in a clone: pip install '.[slakh]')"
        ) from error
    try:
        return dict(yaml.safe_load(metadata.read_text(encoding="utf-8"))["stems"])
    except (OSError, yaml.YAMLError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{metadata} must list the stems of a track ({error})") from error
