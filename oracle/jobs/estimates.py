"""Estimates: tracks x methods -> audio files."""

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

from oracle.datasets.audio_files import write_audio
from oracle.datasets.opening import Tracks, open_tracks
from oracle.machine.files import file_name
from oracle.methods import (
    DEFAULT_METHODS,
    AnyMethod,
    Method,
    MethodName,
    describe_methods,
    find_methods,
    separate_each,
)
from oracle.results.failures import MethodError, try_each
from oracle.runs.loop import Worked, run
from oracle.runs.options import RunOptions
from oracle.runs.plans import Jobs
from oracle.runs.progress import Advance
from oracle.runs.queue import Turn
from oracle.runs.record import Record
from oracle.runs.run_folder import RunFolder
from oracle.runs.score_files import check_method_name
from oracle.runs.settings import describe_dataset
from oracle.stft import STFT
from oracle.stft.transform import choose_stft
from oracle.tracks.rest import complete
from oracle.tracks.track import Rest, Track, check_rest


def write_estimates(
    tracks: Tracks,
    out: str | Path,
    *,
    methods: Iterable[MethodName | AnyMethod] = DEFAULT_METHODS,
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
    tracks : Track, musdb track, str, Path, or iterable of these
        As in `oracle.compute_bounds`.
    out : str or Path
        A folder for ``<method>/<subset>/<track>/<target>.wav`` (32-bit float) and
        ``run.json``: new or empty, or that of a run with the same settings, which is resumed.
    methods : iterable of str, optional
        Names in `oracle.methods.METHODS`; by default all but ENH-IRM, MAG and the best masks of
        classes other than [0, 1].
    stft : STFT, optional
        The default is ``STFT()``.
    rest, progress, jobs, dask, overwrite
        As in `oracle.compute_bounds`.

    Returns
    -------
    n_tracks : int
        How many tracks of the run are done.

    Raises
    ------
    ValueError
        If there are no tracks, a method is unknown, or `out` or `jobs` is invalid, as in
        `oracle.compute_bounds`.
    OSError
        At once, if a disk is full: tracks that are done are kept.
    TracksFailed
        At the end, if tracks failed, or methods on them: the others are done.

    Warns
    -----
    oracle.tracks.rest.InputWarning
        At the end, about audio that was not read, and mixtures that hold more than their sources.
    """
    tracks = open_tracks(tracks)
    chosen = find_methods(methods)
    for method in chosen:
        check_method_name(method.name)
    stft = choose_stft(stft)
    check_rest(rest)
    record = Record(tracks)
    settings = {
        "task": "separate",
        **describe_dataset(tracks),
        **describe_methods(chosen),
        "stft": stft.settings,
        "rest": rest,
    }
    files = [file_name(method.name) for method in chosen]
    with RunFolder(Path(out), settings, record, files=files, overwrite=overwrite) as folder:

        def keep(turn: Turn, written: Worked[list[Path]]) -> None:
            folder.done(turn, written, written.result)

        work = partial(_write, methods=chosen, stft=stft, rest=rest, out=folder.path)
        options = RunOptions(out=out, overwrite=overwrite, progress=progress, jobs=jobs, dask=dask)
        run(record, lambda turn: work, keep, options, claim=folder.claim)
    record.conclude(stacklevel=2)
    return len(record.infos)


def _write(
    track: Track,
    *,
    methods: Sequence[Method],
    stft: STFT,
    rest: Rest | None,
    out: Path,
    advance: Advance,
) -> Worked[list[Path]]:
    completed = complete(track, rest)
    place = Path(file_name(track.subset), file_name(track.name))

    by_name = {method.name: method for method in methods}

    def write(names: Sequence[str]) -> dict[str, list[Path]]:
        written: dict[str, list[Path]] = {}
        chosen = [by_name[name] for name in names]
        for method, estimates in separate_each(completed.track, chosen, stft=stft):
            written[method] = []
            for target, audio in estimates.items():
                file = out / file_name(method) / place / f"{file_name(target)}.wav"
                write_audio(file, audio, track.rate)
                written[method].append(file)
            advance(f"{track.name}: {method}", 1 / len(methods))
        return written

    files: list[Path] = []
    failures: list[MethodError] = []
    for name in by_name:
        written, failed = try_each([name], write)
        files += written.get(name, [])
        failures += failed
    return Worked.on(completed, files, failures)
