"""Estimates: tracks x methods -> audio files."""

import warnings
from collections.abc import Iterable, Sequence, Sized
from contextlib import closing
from functools import partial
from pathlib import Path

from oracle.datasets import Dataset
from oracle.datasets.audio_files import write_audio
from oracle.machine.files import file_name
from oracle.methods import DEFAULT_METHODS, MethodName, find_methods, separate_each
from oracle.runs.notes import notes_of_input, notes_of_tracks
from oracle.runs.plans import Jobs
from oracle.runs.progress import Advance
from oracle.runs.queue import MethodError, Task, TrackError, TracksFailed, each_track, try_each
from oracle.runs.run_folder import RunFolder, TrackInfo
from oracle.runs.settings import dataset_settings
from oracle.stft import STFT
from oracle.tracks.rest import InputWarning, complete
from oracle.tracks.track import Rest, Track, check_rest


def write_estimates(
    tracks: Track | Iterable[Track],
    out: str | Path,
    *,
    methods: Iterable[MethodName | str] = DEFAULT_METHODS,
    stft: STFT | None = None,
    rest: Rest | None = None,
    progress: bool = False,
    jobs: Jobs = None,
    dask: str | None = None,
    overwrite: bool = False,
) -> int:
    """Separate tracks with oracle methods and write the estimates as audio files.

    Parameters
    ----------
    tracks : Track or iterable of Track
        A dataset of `oracle.datasets` reads its tracks one at a time.
    out : str or Path
        A folder for ``<method>/<subset>/<track>/<target>.wav`` (32-bit float) and
        ``run.json``: new or empty, or that of a run with the same settings, which goes on.
    methods : iterable of str, optional
        Names in `oracle.methods.METHODS`; by default all but the best masks of classes beside
        [0, 1].
    stft : STFT, optional
        The default is ``STFT()``.
    rest, progress, jobs, dask, overwrite
        As in `oracle.compute_bounds`.

    Returns
    -------
    n_tracks : int
        How many tracks are in the folder.

    Raises
    ------
    ValueError
        If there are no tracks, no such method, or as `oracle.compute_bounds` of `out` and
        `jobs`.
    OSError
        At once, if a disk is full: what is done stays.
    TracksFailed
        At the end, if tracks failed, or methods on them: the others are done.

    Warns
    -----
    oracle.tracks.rest.InputWarning
        At the end, of audio that is not read, and of mixtures that hold more than their sources.
    """
    if isinstance(tracks, Sized) and not len(tracks):
        raise ValueError("tracks must hold at least one track, got none")
    chosen = [method.name for method in find_methods(methods)]
    stft = STFT() if stft is None else stft
    settings = {
        "task": "separate",
        **dataset_settings(tracks),
        "methods": chosen,
        "stft": stft.settings,
        "rest": rest,
    }
    check_rest(rest)
    failures: list[TrackError] = []
    failed_methods: dict[int, list[TrackError]] = {}
    infos: dict[int, TrackInfo] = {}
    complete_run = False
    with RunFolder(Path(out), settings, files=chosen, overwrite=overwrite) as folder:
        folder.check_tracks(tracks)

        def skip(task: Task) -> bool:
            info = folder.claim(task)
            if info is not None:
                infos[task.index] = info
            return info is not None

        work = partial(_write, methods=chosen, stft=stft, rest=rest, out=folder.path)
        written = each_track(tracks, work, progress=progress, jobs=jobs, dask=dask, skip=skip)
        try:
            with closing(written):  # also when this is interrupted
                for task, (info, files, methods_failed), messages in written:
                    info = info._replace(warnings=messages)
                    folder.done(task, info, files, whole=not methods_failed)
                    infos[task.index] = info
                    failed_methods[task.index] = [
                        TrackError(task.name, task.subset, error) for error in methods_failed
                    ]
            complete_run = True
        except TracksFailed as error:
            failures, complete_run = error.failures, True
        finally:
            failures += [e for index in sorted(failed_methods) for e in failed_methods[index]]
            known = [infos[index] for index in sorted(infos)]
            of_input = notes_of_input(known, tracks.left_out if isinstance(tracks, Dataset) else ())
            notes = [*of_input, *notes_of_tracks(known)]
            folder.finish(failures, notes=notes, complete=complete_run)
    for note in of_input:
        warnings.warn(note, InputWarning, stacklevel=2)
    if failures:
        raise TracksFailed.of(failures)
    if not infos:  # of an iterator, whose length was not known
        raise ValueError("tracks must hold at least one track, got none")
    return len(infos)


def _write(
    track: Track,
    *,
    methods: Sequence[str],
    stft: STFT,
    rest: Rest | None,
    out: Path,
    advance: Advance,
) -> tuple[TrackInfo, list[Path], list[MethodError]]:
    completed = complete(track, rest)
    place = Path(file_name(track.subset), file_name(track.name))

    def write(names: Sequence[str]) -> dict[str, list[Path]]:
        written: dict[str, list[Path]] = {}
        for method, estimates in separate_each(completed.track, names, stft=stft):
            written[method] = []
            for target, audio in estimates.items():
                file = out / method / place / f"{file_name(target)}.wav"
                write_audio(file, audio, track.rate)
                written[method].append(file)
            advance(f"{track.name}: {method}", 1 / len(methods))
        return written

    files: list[Path] = []
    failures: list[MethodError] = []
    for method in methods:
        written, failed = try_each([method], write)
        files += written.get(method, [])
        failures += failed
    return TrackInfo.of(completed), files, failures
