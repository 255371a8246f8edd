"""Estimates: tracks x methods -> audio files."""

from collections.abc import Iterable, Sequence, Sized
from contextlib import closing
from functools import partial
from pathlib import Path

from oracle.datasets.audio_files import write_audio
from oracle.files import file_name
from oracle.methods import METHODS, methods_named, separate_each
from oracle.progress import Advance
from oracle.run_folder import RunFolder, TrackInfo
from oracle.run_settings import dataset_settings
from oracle.stft import STFT
from oracle.tasks import Task, TrackError, TracksFailed, each_track
from oracle.track import Track


def write_estimates(
    tracks: Track | Iterable[Track],
    out: str | Path,
    *,
    methods: Iterable[str] = tuple(METHODS),
    stft: STFT | None = None,
    progress: bool = False,
    jobs: int | None = None,
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
        Names in `oracle.methods.METHODS`; all by default.
    stft : STFT, optional
        The default is ``STFT()``.
    progress, jobs, dask, overwrite
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
        At the end, if tracks failed: the others are done.
    """
    if isinstance(tracks, Sized) and not len(tracks):
        raise ValueError("tracks must hold at least one track, got none")
    chosen = [method.name for method in methods_named(methods)]
    stft = STFT() if stft is None else stft
    settings = {
        "task": "separate",
        **dataset_settings(tracks),
        "methods": chosen,
        "stft": stft.settings,
    }
    failures: Sequence[TrackError] = ()
    n_tracks, complete = 0, False
    with RunFolder(Path(out), settings, files=chosen, overwrite=overwrite) as folder:
        folder.check_tracks(tracks)

        def skip(task: Task) -> bool:
            nonlocal n_tracks
            done = folder.claim(task) is not None
            n_tracks += done
            return done

        work = partial(_write, methods=chosen, stft=stft, out=folder.path)
        written = each_track(tracks, work, progress=progress, jobs=jobs, dask=dask, skip=skip)
        try:
            with closing(written):  # also when this is interrupted
                for task, (info, files), messages in written:
                    folder.done(task, info._replace(warnings=messages), files)
                    n_tracks += 1
            complete = True
        except TracksFailed as error:
            failures, complete = error.failures, True
        finally:
            folder.finish(failures, complete=complete)
    if failures:
        raise TracksFailed.of(failures)
    if not n_tracks:  # of an iterator, whose length was not known
        raise ValueError("tracks must hold at least one track, got none")
    return n_tracks


def _write(
    track: Track, *, methods: Sequence[str], stft: STFT, out: Path, advance: Advance
) -> tuple[TrackInfo, list[Path]]:
    written = []
    place = Path(file_name(track.subset), file_name(track.name))
    for method, estimates in separate_each(track, methods, stft=stft):
        for target, audio in estimates.items():
            file = out / method / place / f"{file_name(target)}.wav"
            write_audio(file, audio, track.rate)
            written.append(file)
        advance(f"{track.name}: {method}", 1 / len(methods))
    return TrackInfo.of(track), written
