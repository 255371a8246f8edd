"""Files of estimates: where those of a track are, and what they hold."""

import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from oracle.datasets.audio_files import read_audio
from oracle.datasets.trees import MIXTURE, list_audio
from oracle.machine.files import file_name, folded
from oracle.runs.queue import Turn
from oracle.tracks.rest import Completed
from oracle.tracks.track import (
    ACCOMPANIMENT,
    VOCALS,
    Audio,
    Track,
    target_names,
    with_accompaniment,
)


class ExtraEstimatesWarning(UserWarning):
    """Files or folders of estimates belong to no reference."""


def find_estimates(folder: Path, track: Track) -> dict[str, Path]:
    """Find the files of the estimates of a track, by target."""
    targets = target_names(track.sources)
    exact = {name: target for target in targets for name in (target, file_name(target))}
    paths = list_audio(folder)
    # A name that differs only in case counts, if one target alone matches and has no exact file.
    taken = {exact[path.stem] for path in paths if path.stem in exact}
    forms = Counter(form for target in targets for form in _forms(target))
    alike = {
        form: target
        for target in targets
        for form in _forms(target)
        if target not in taken and forms[form] == 1
    }
    files: dict[str, Path] = {}
    extra = []
    for path in paths:
        target = exact.get(path.stem) or alike.get(folded(path.stem))
        if target in files:
            raise ValueError(
                f"{folder} must hold one file per target, got {files[target].name} and "
                f"{path.name}: move one elsewhere"
            )
        if target is not None:
            files[target] = path
        elif folded(path.stem) != MIXTURE:
            extra.append(path.name)
    if extra:
        warnings.warn(
            f"{track.name}: no reference for {_listed(extra)} in {folder}",
            ExtraEstimatesWarning,
            stacklevel=2,
        )
    return files


def read_estimates(
    folder: Path, files: Mapping[str, Path], completed: Completed, *, fit_length: bool
) -> dict[str, Audio]:
    """Read the estimates of a track: of all its targets, or of vocals and accompaniment.

    A system need not estimate the source that completed the track. Without that estimate the
    accompaniment is scored only if it has a file of its own.
    """
    is_whole = check_complete(files, completed, folder)
    track = completed.track
    audio = {
        target: _read_fitted(files[target], track, fit_length=fit_length)
        for target in target_names(track.sources)
        if target in files
    }
    return with_accompaniment(audio) if is_whole else audio


def check_complete(given: Mapping[str, object], completed: Completed, place: object) -> bool:
    """Tell whether there is an estimate of every source; refuse what cannot be scored."""
    added = completed.added
    missing = [source for source in completed.track.sources if source not in {*given, added}]
    if missing and given.keys() != {VOCALS, ACCOMPANIMENT}:
        kind = "an array" if isinstance(place, str) else "a file"
        raise ValueError(
            f"{place} must hold an estimate of every source, or of {VOCALS} and "
            f"{ACCOMPANIMENT} alone, got none of {', '.join(missing)}"
            + (f"; {VOCALS} goes with {kind} {ACCOMPANIMENT}" if set(given) == {VOCALS} else "")
        )
    return not missing and (added is None or added in given)


def _read_fitted(file: Path, track: Track, *, fit_length: bool) -> Audio:
    """Read an estimate and check it against the references; fit its length if asked to."""
    rate, estimate = read_audio(file)
    n_channels, n_samples = estimate.shape
    if rate != track.rate:
        raise ValueError(
            f"estimates must have the rate of references, {track.rate} Hz, got {rate} Hz in {file}"
            f": resample it (ffmpeg -ar {track.rate})"
        )
    if n_channels != track.n_channels:
        raise ValueError(
            f"estimates must have the {track.n_channels} channels of references, "
            f"got {n_channels} in {file}: convert it (ffmpeg -ac {track.n_channels})"
        )
    if not np.isfinite(estimate).all():
        raise ValueError(f"estimates must be finite, got NaN or infinity in {file}")
    longer = n_samples - track.n_samples
    if longer and not fit_length:
        raise ValueError(
            f"estimates must have the {track.n_samples} samples of references, got {n_samples} "
            f"in {file}: {abs(longer)} {'more' if longer > 0 else 'fewer'} "
            "(--fit-length, in Python fit_length=True, cuts or pads at the end)"
        )
    if longer < 0:
        return np.pad(estimate, ((0, 0), (0, -longer)))
    return estimate[:, : track.n_samples]


def list_estimates(turn: Turn, *, place: Callable[[Turn], Path]) -> list[Path]:
    """List the files of the estimates of a track, if there are any."""
    try:
        return list_audio(place(turn))
    except (FileNotFoundError, ValueError):  # the track fails with it when its turn comes
        return []


def find_folder(root: Path, track: Track | Turn, *, names: Mapping[str, int], single: bool) -> Path:
    """Find the folder with the estimates of a track.

    `names` counts the known tracks of each name. A folder with exactly the name of another track
    belongs to that track. Where several tracks share a name, their folders must be in those of
    their subsets.
    """
    subset = [path for path in _folders(root) if folded(path.name) in _forms(track.subset)]
    of_others = {form for name in names if name != track.name for form in (name, _file_name(name))}
    is_only_one = names.get(track.name, 1) == 1
    for parent in (*subset, *([root] if is_only_one else [])):
        alike = [
            p for p in _folders(parent) if folded(p.name) in _forms(track.name) and list_audio(p)
        ]
        same = [p for p in alike if p.name in (track.name, _file_name(track.name))]
        alike = same or [p for p in alike if p.name not in of_others]
        if not same and len(alike) > 1:
            raise ValueError(
                f"{parent} must hold one folder for a track, got {_listed([p.name for p in alike])}"
            )
        if alike:
            return alike[0]
    if single and list_audio(root):
        return root
    wanted = _file_name(track.name)
    flat = f" or {wanted}" if is_only_one else ", as other subsets have a track of that name"
    found = [path.name for path in _folders(root)]
    raise FileNotFoundError(
        f"estimates must hold a folder of audio files {_file_name(track.subset)}/{wanted}{flat}, "
        f"got {root} with {_listed(found) or 'no folders'} "
        "(of the output of 'oracle separate', name the folder of a method)"
    )


def warn_of_extra_tracks(root: Path, names: Iterable[str]) -> None:
    """Warn of folders of estimates that belong to none of these tracks."""
    known = {form for name in names for form in _forms(name)}
    folders = [path for path in sorted(root.glob("**/")) if path != root and list_audio(path)]
    extra = [str(path.relative_to(root)) for path in folders if folded(path.name) not in known]
    if extra:
        warnings.warn(
            f"no reference for the estimates in {_listed(extra)}",
            ExtraEstimatesWarning,
            stacklevel=3,
        )


def _folders(path: Path) -> list[Path]:
    return sorted(place for place in path.iterdir() if place.is_dir())


def _forms(name: str) -> set[str]:
    """Return what a file of this name may be called: as it is, or as this package writes it."""
    return {folded(name), folded(_file_name(name))}


def _file_name(name: str) -> str:
    try:
        return file_name(name)
    except ValueError:  # too long for a file: the track fails when its turn comes
        return name


def _listed(names: Sequence[str], most: int = 8) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
