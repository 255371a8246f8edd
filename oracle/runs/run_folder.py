"""The folder of a run: one run at a time, which resumes an earlier one."""

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from oracle.machine.files import PARTIAL, file_name, folded, write_whole
from oracle.runs.fingerprints import stamp_files
from oracle.runs.loop import Worked
from oracle.runs.plans import count_tracks
from oracle.runs.queue import Turn, list_turns
from oracle.runs.record import Record
from oracle.runs.settings import list_differences, versions
from oracle.runs.track_info import TrackInfo

# What the folder holds besides the folders of methods.
TRACKS, RUN, FAILED = "tracks", "run.json", "failed.json"

# The system frees it when the process that holds it ends, for whatever reason.
LOCK = ".lock"

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
        A new or empty folder, or that of an earlier run with the same settings.
    settings : mapping
        How the results are made; ``task`` is the kind of run.
    record : Record
        Of the tracks of the run.
    files : iterable of str
        Names of what else the run may write to the folder.
    overwrite : bool, optional
        Whether to delete an earlier run, whatever its settings, and start again.

    Raises
    ------
    ValueError
        If it is a file, holds anything but a run, holds a run with other settings or tracks,
        cannot be written to, or is in use by another run.
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
    ) -> None:
        self.path = path
        self._record = record
        self._overwrite = overwrite
        self._run: dict[str, Any] = {
            **settings,
            "files": sorted({*files, TRACKS, FAILED}),
            "versions": versions(),
            "started": _now(),
        }
        self._claimed: dict[str, int] = {}  # indices of tracks, by `_folded_file`
        self._stamps: dict[int, str] = {}
        self._lock = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as opened:
            opened.enter_context(_lock_folder(self.path))
            try:
                self._take_over()
            except OSError as error:
                raise _not_writable(self.path, error) from error
            self._check_tracks()
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
        earlier = self._earlier_run()
        if earlier is not None and self._overwrite:
            self._delete(earlier)
        elif earlier is not None:
            self._check_same(earlier)
            self._run["started"] = earlier["started"]
        elif {path.name for path in self.path.iterdir()} - {LOCK, RUN + PARTIAL}:
            raise ValueError(
                f"out must be a new or an empty folder, or that of a run, got {self.path}: "
                f"it is not empty, and has no {RUN} of a run"
            )
        self._delete_partial()
        self._write_run()

    def _earlier_run(self) -> dict[str, Any] | None:
        try:
            earlier = json.loads((self.path / RUN).read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return None
        match earlier:
            case {"task": _, "files": [*files], "versions": {"oracle": str()}, "started": str()}:
                return earlier if all(isinstance(name, str) for name in files) else None
        return None

    def _delete_partial(self) -> None:
        """Delete what a killed run left half written."""
        for name in (*self._run["files"], RUN):
            place = self.path / name
            for partial in (place.with_name(name + PARTIAL), *place.rglob(f"*{PARTIAL}")):
                if partial.is_file():
                    partial.unlink()

    def _delete(self, earlier: Mapping[str, Any]) -> None:
        """Delete what an earlier run wrote, and nothing else; run.json, which lists it, last."""
        names = [name for name in earlier["files"] if _is_inside(name)]
        for name in (*names, RUN):
            place = self.path / name
            if place.is_dir() and not place.is_symlink():
                shutil.rmtree(place)
            else:
                place.unlink(missing_ok=True)

    def _check_same(self, earlier: Mapping[str, Any]) -> None:
        found = list(list_differences(earlier, self._run))
        if found:
            raise ValueError(
                "out must be a new or an empty folder, or that of a run with the same settings, "
                f"got {self.path}, whose run differs: {'; '.join(found)} "
                f"(repeat its settings, {OTHERWISE})"
            )

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
        """Reserve the files of a track; return what an earlier run recorded, if it is done.

        It is not done if one of its files is missing or has another size, or if its audio or the
        files at the paths `also_of` have changed.

        Raises
        ------
        ValueError
            If its name is too long for a file, or if another track has the same name.
        """
        file = self.file(TRACKS, turn, ".json")
        # On some file systems, names that differ only in case are the same.
        if self._claimed.setdefault(_folded_file(turn), turn.index) != turn.index:
            raise ValueError(
                f"tracks must have different names in a subset, got two called {turn.name!r}"
            )
        self._stamps[turn.index] = f"{turn.stamp()} {stamp_files(also_of)}"
        try:
            info = TrackInfo(**json.loads(file.read_text(encoding="utf-8")))
            whole = all((self.path / name).stat().st_size == size for name, size in info.files)
        except (FileNotFoundError, ValueError, TypeError):  # not there, or edited
            return None
        return info if whole and info.made_of == self._stamps[turn.index] else None

    def done(self, turn: Turn, worked: Worked[Any], files: Iterable[Path]) -> None:
        """Mark a track as done, once these files of it are written.

        If a method failed on it, it is not marked: the next run does it again.
        """
        done = self.file(TRACKS, turn, ".json")
        if worked.failures:
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
            del track["made_of"], track["files"]
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


@contextmanager
def _lock_folder(path: Path) -> Iterator[None]:
    from filelock import FileLock, Timeout

    if path.exists() and not path.is_dir():
        raise ValueError(f"out must be a new or an empty folder, got {path}: it is a file")
    try:
        path.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path / LOCK, blocking=False)
        lock.acquire()
    except Timeout:
        raise ValueError(
            f"out must be a folder that no other run is using, got {path}: wait until that run is "
            "done, or write to another folder"
        ) from None
    except OSError as error:
        raise _not_writable(path, error) from error
    try:
        yield
    finally:
        lock.release()


def _not_writable(path: Path, error: OSError) -> ValueError:
    return ValueError(f"out must be a folder to write to, got {path} ({error})")


def _folded_file(turn: Turn) -> str:
    """Return the name of a track's file, folded as some file systems do."""
    try:
        return folded(f"{file_name(turn.subset)}/{file_name(turn.name)}.json")
    except ValueError:  # too long for a file: `claim` will refuse it
        return folded(f"{turn.subset}/{turn.name}.json")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _is_inside(name: str) -> bool:
    """Tell whether this is the name of something in a folder, and no path that leads elsewhere."""
    return name not in ("", ".", "..") and not set(name) & {"/", "\\", "\0", ":"}
