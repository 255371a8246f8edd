"""The folder of a run: one run at a time, which resumes an earlier one."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from oracle.machine.files import PARTIAL, file_name, folded, write_whole
from oracle.runs.additions import (
    FIXED,
    Growth,
    Part,
    find_missing_functions,
    list_cells,
    list_parts,
)
from oracle.runs.earlier_run import FAILED, RUN, TRACKS, delete_run, read_records, read_run
from oracle.runs.fingerprints import stamp_files
from oracle.runs.folder_lock import LOCK, lock_folder, not_writable
from oracle.runs.loop import Worked
from oracle.runs.plans import count_tracks
from oracle.runs.queue import Turn, list_turns
from oracle.runs.record import Record
from oracle.runs.settings import list_differences, versions
from oracle.runs.track_info import OF_FOLDER, TrackInfo

# What to do about a folder whose run cannot be resumed.
OTHERWISE = "or write to another folder; overwrite, or --overwrite, deletes that run"


class RunFolder:
    """The folder of a run; as a context, it keeps other runs out.

    ``run.json`` says how the results are made, ``tracks/<subset>/<track>.json`` that a track
    is done, ``failed.json`` which tracks failed. At the end, even of an interrupted run,
    ``run.json`` lists the tracks that are done, unless the disk is full.

    Parameters
    ----------
    path : Path
        A new or empty folder, or that of an earlier run with the same settings, but for those
        that may grow.
    settings : mapping
        How the results are made; ``task`` is the kind of run.
    record : Record
        Of the tracks of the run.
    files : iterable of str
        Names of what else the run may write to the folder.
    overwrite : bool, optional
        Whether to delete an earlier run, whatever its settings, and start again.
    growth : Growth, optional
        Which settings may grow; by default none.

    Raises
    ------
    ValueError
        If it is a file, holds anything but a run, holds a run with other settings or tracks,
        cannot be written to, is in use by another run, or if a function of one's own that is left
        to be used was not given.
    OSError
        At the end, if the work raised one, such as that of a full disk.
    """

    def __init__(
        self,
        path: Path,
        settings: Mapping[str, Any],
        record: Record,
        *,
        files: Iterable[str],
        overwrite: bool = False,
        growth: Growth = FIXED,
    ) -> None:
        self.path = path
        self.settings = dict(settings)  # once open, those of the folder
        self.messages: list[str] = []
        self.metrics_left: list[str] = []
        self._given = settings
        self._record = record
        self._overwrite = overwrite
        self._growth = growth
        self._files = {*files, TRACKS, FAILED}
        self._records: dict[str, TrackInfo] = {}  # of an earlier run, by `_folded_file`
        self._run: dict[str, Any] = {"versions": versions(), "started": _now()}
        self._claimed: dict[str, int] = {}  # indices of tracks, by `_folded_file`
        self._stamps: dict[int, str] = {}
        self._lock = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as opened:
            opened.enter_context(lock_folder(self.path))
            try:
                self._take_over()
            except OSError as error:
                raise not_writable(self.path, error) from error
            self._lock = opened.pop_all()
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        try:
            if not is_disk_error(error):
                self._finish(complete=error is None)
            self._delete_partial()  # of workers that were stopped
        finally:
            self._lock.close()
        if isinstance(error, OSError) and is_disk_error(error):
            raise OSError(
                error.errno,
                f"{error.strerror or error} (finished tracks are kept: run again to resume)",
                str(error.filename or self.path),
            ) from error

    @property
    def version(self) -> str:
        """Version of this package."""
        return str(self._run["versions"]["oracle"])

    def _take_over(self) -> None:
        """Take the folder over from an earlier run, or start a new one."""
        earlier = read_run(self.path)
        if earlier is not None and self._overwrite:
            delete_run(self.path, earlier)
        elif earlier is not None:
            self._go_on(earlier)
        elif {path.name for path in self.path.iterdir()} - {LOCK, RUN + PARTIAL}:
            raise ValueError(
                f"out must be a new or an empty folder, or that of a run, got {self.path}: "
                f"it is not empty, and has no {RUN} of a run"
            )
        self._predict()
        self._files |= {file_name(name) for name in self._growth.name_methods(self.settings)}
        self._run = {**self.settings, "files": sorted(self._files), **self._run}
        self._delete_partial()
        self._write_run()

    def _go_on(self, earlier: Mapping[str, Any]) -> None:
        """Add to what an earlier run has done."""
        self._records = read_records(self.path, earlier, self._growth)
        done = {cell for info in self._records.values() for cell in list_cells(info.scored)}
        joined = self._growth.join(earlier, self.settings, done)
        found = list(list_differences(joined.before, joined.after | self._run))
        if found:
            raise ValueError(
                "out must be a new or an empty folder, or that of a run with the same settings, "
                f"got {self.path}, whose run differs: {'; '.join(found)} "
                f"(repeat its settings, {OTHERWISE})"
            )
        self._check_tracks()
        self.settings, self.messages = joined.after, joined.describe(self.path)
        self._files |= {*earlier["files"]}
        self._run["started"] = earlier["started"]

    def _predict(self) -> None:
        """Predict which metrics are left, if no audio has changed; check functions of one's own."""
        self.metrics_left = list(self.settings.get("metrics", ()))
        if count_tracks(self._record.tracks) is None:
            return
        left = [
            metric
            for turn in list_turns(self._record.tracks)
            for part in self.list_left(self._records.get(_folded_file(turn)))
            for metric in part.metrics
        ]
        self.metrics_left = list(dict.fromkeys(left))

    def list_left(self, info: TrackInfo | None) -> list[Part]:
        """List what is left to do of a track, given what an earlier run recorded of it.

        Raises
        ------
        ValueError
            If that needs a function of one's own that was not given.
        """
        wanted = self._growth.list_wanted(self.settings)
        cells = wanted - (set() if info is None else list_cells(info.scored))
        methods, metrics = self._growth.name_methods(self.settings), self.settings.get("metrics")
        left = list_parts(methods, metrics or (), cells)
        missing = find_missing_functions(left, self.settings, self._given, self._growth)
        if missing:
            key, names = next(iter(missing.items()))
            raise ValueError(
                f"{key} must hold {', '.join(names)}, which {self.path} has, got "
                f"{', '.join(self._given[key])}: scores are missing that need your function, so "
                "pass it again"
            )
        return left

    def _delete_partial(self) -> None:
        """Delete what a killed run left half written."""
        for name in (*self._files, RUN):
            place = self.path / name
            for partial in (place.with_name(name + PARTIAL), *place.rglob(f"*{PARTIAL}")):
                if partial.is_file():
                    partial.unlink()

    def _check_tracks(self) -> None:
        """Check that the run includes all tracks that are done, unless they are an iterator."""
        if count_tracks(self._record.tracks) is None:
            return
        known = {_folded_file(turn) for turn in list_turns(self._record.tracks)}
        files = sorted((self.path / TRACKS).glob("*/*.json"))
        others = [file for file in files if folded("/".join(file.parts[-2:])) not in known]
        if others:
            first = "/".join(others[0].with_suffix("").parts[-2:])
            more = f" and {len(others) - 1} more" if len(others) > 1 else ""
            raise ValueError(
                "out must be a new or an empty folder, or that of a run of some of these tracks, "
                f"got {self.path}, which has {first}{more} as well (select them too, {OTHERWISE})"
            )

    def claim(self, turn: Turn, *, also_of: Iterable[Path] = ()) -> TrackInfo | None:
        """Reserve the files of a track; return what an earlier run recorded, if that holds.

        It does not if one of its files is missing or has another size, or if its audio or the
        files at the paths `also_of` have changed.

        Raises
        ------
        ValueError
            If its name is too long for a file, or if another track has the same name.
        """
        self.file(TRACKS, turn, ".json")
        # On some file systems, names that differ only in case are the same.
        if self._claimed.setdefault(_folded_file(turn), turn.index) != turn.index:
            raise ValueError(
                f"tracks must have different names in a subset, got two called {turn.name!r}"
            )
        self._stamps[turn.index] = f"{turn.stamp()} {stamp_files(also_of)}"
        info = self._records.get(_folded_file(turn))
        if info is None or info.made_of != self._stamps[turn.index]:
            return None
        try:
            whole = all((self.path / name).stat().st_size == size for name, size in info.files)
        except (FileNotFoundError, ValueError, TypeError):  # not there, or edited
            return None
        return info if whole else None

    def done(self, turn: Turn, worked: Worked[Any], files: Iterable[Path]) -> None:
        """Record what of a track is done, once these files of it are written.

        If a method failed on it, and no others are recorded, the next run does it again.
        """
        done = self.file(TRACKS, turn, ".json")
        if worked.failures and not worked.info.scored:
            done.unlink(missing_ok=True)
            return
        sizes = [(file.relative_to(self.path).as_posix(), file.stat().st_size) for file in files]
        info = worked.info._replace(made_of=self._stamps[turn.index], files=sizes)
        write_whole(done, json.dumps(info._asdict(), indent=2, ensure_ascii=False) + "\n")

    def _finish(self, *, complete: bool) -> None:
        """Write which tracks are done, which failed, the notes, and when the run ended."""
        failed = self.path / FAILED
        failures = self._record.failures
        if failures:
            records = [
                {
                    "track": failure.track,
                    "subset": failure.subset,
                    "method": failure.method,
                    "error": str(failure),
                    "traceback": failure.traceback,
                }
                for failure in failures
            ]
            # A name may hold bytes that are not text: ASCII escapes them.
            write_whole(failed, json.dumps(records, indent=2) + "\n")
        else:
            failed.unlink(missing_ok=True)
        tracks = [info._asdict() for info in self._record.infos]
        for track in tracks:  # only `claim` needs these
            for key in OF_FOLDER:
                del track[key]
        self._run |= {"notes": self._record.notes, "tracks": tracks} | (
            {"finished": _now()} if complete else {}
        )
        self._write_run()

    def file(self, folder: str, turn: Turn, suffix: str) -> Path:
        """Return the path of a track's file."""
        return self.path / folder / file_name(turn.subset) / (file_name(turn.name) + suffix)

    def files(self, folder: str, suffix: str) -> Iterator[Path]:
        """Yield the paths of the files of the tracks that are done, in order."""
        for info in self._record.infos:
            yield self.path / folder / file_name(info.subset) / (file_name(info.name) + suffix)

    def _write_run(self) -> None:
        write_whole(self.path / RUN, json.dumps(self._run, indent=2, ensure_ascii=False) + "\n")


def is_disk_error(error: BaseException | None) -> bool:
    """Tell whether an error means that nothing more can be written."""
    return isinstance(error, OSError) and not isinstance(error, ConnectionError)  # of a cluster


def _folded_file(turn: Turn) -> str:
    """Return the name of a track's file, folded as some file systems do."""
    try:
        return folded(f"{file_name(turn.subset)}/{file_name(turn.name)}.json")
    except ValueError:  # too long for a file: `claim` will refuse it
        return folded(f"{turn.subset}/{turn.name}.json")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
