"""The preview of MUSDB18: downloaded, verified, unpacked; whole or not at all."""

import hashlib
import http.server
import io
import re
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from oracle import datasets
from oracle.datasets import musdb_stems
from oracle.datasets.archives import fetch_zip

pytestmark = pytest.mark.peers

# One that musdb puts into the validation part.
VALID = "Actions - One Minute Smile"


@dataclass
class Served:
    """What is served in place of the preview, and to whom."""

    archive: bytes
    announced: int  # bytes
    agents: list[str] = field(default_factory=list)


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch, ffmpeg: str) -> Iterator[Served]:
    """A preview on this machine in place of the published one."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in ("train/a.stem.mp4", f"train/{VALID}.stem.mp4", "test/c.stem.mp4"):
            archive.writestr(name, name)
    preview = Served(file.getvalue(), len(file.getvalue()))

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            preview.agents.append(self.headers["User-Agent"])
            self.send_response(200 if preview.archive else 404)
            self.send_header("Content-Length", str(preview.announced))
            self.end_headers()
            self.wfile.write(preview.archive)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        address = f"http://127.0.0.1:{server.server_port}/preview.zip"
        monkeypatch.setattr(musdb_stems, "PREVIEW_URL", address)
        monkeypatch.setattr(musdb_stems, "PREVIEW_MD5", md5(preview.archive))
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield preview
        server.shutdown()
        thread.join()


def md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


WHOLE = sorted(["test", "test/c.stem.mp4", "train", "train/a.stem.mp4", f"train/{VALID}.stem.mp4"])


@pytest.mark.parametrize("root", [None, "new", "new/below", "empty"])
def test_download_unpacks_the_preview(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: str | None
) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("MUSDB_PATH", str(tmp_path / "not here"))
    place = tmp_path / "MUSDB18/MUSDB18-7" if root is None else tmp_path / root
    dataset = datasets.musdb18(None if root is None else place, download=True)
    assert dataset.track_names == (VALID, "a", "c")
    assert dataset.root == place
    assert below(place) == WHOLE
    assert (place / "test" / "c.stem.mp4").read_text() == "test/c.stem.mp4"
    assert served.agents == ["oracle-masks"]


def test_download_of_what_is_there_asks_for_nothing(served: Served, tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "mine.stem.mp4").touch()
    assert datasets.musdb18(tmp_path, download=True).track_names == ("mine",)
    assert served.agents == []


def test_download_beside_other_files_leaves_them(served: Served, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    assert len(datasets.musdb18(tmp_path, download=True)) == 3
    assert below(tmp_path) == sorted([*WHOLE, "notes.txt"])


def test_download_does_not_replace_what_is_there(served: Served, tmp_path: Path) -> None:
    (tmp_path / "test").mkdir()
    (tmp_path / "test" / "mine.txt").write_text("mine")
    with pytest.raises(
        ValueError, match=rf"{tmp_path} must not hold test before http.* is unpacked"
    ):
        datasets.musdb18(tmp_path, download=True)
    assert below(tmp_path) == ["test", "test/mine.txt"]


def test_download_with_another_checksum_is_not_unpacked(served: Served, tmp_path: Path) -> None:
    right = md5(served.archive)
    served.archive = served.archive[:-1] + b"?"
    wrong = md5(served.archive)
    message = (
        rf"preview\.zip must have the MD5 checksum {right}, got {wrong}: "
        rf"try again, or download it yourself and unpack it in {tmp_path}/new$"
    )
    with pytest.raises(ValueError, match=message):
        datasets.musdb18(tmp_path / "new", download=True)
    assert below(tmp_path) == ["new"]


def test_download_that_is_cut_off_is_not_unpacked(served: Served, tmp_path: Path) -> None:
    served.archive = served.archive[:100]
    with pytest.raises((ConnectionError, ValueError), match="try again, or download it yourself"):
        datasets.musdb18(tmp_path / "new", download=True)
    assert below(tmp_path) == ["new"]


def test_a_download_that_fails_says_what_to_do(served: Served, tmp_path: Path) -> None:
    served.archive, served.announced = b"", 0
    message = (
        r"^http://127\.0\.0\.1:\d+/preview\.zip must be downloaded, got HTTP Error 404: Not Found: "
        f"try again, or download it yourself and unpack it in {tmp_path}$"
    )
    with pytest.raises(ConnectionError, match=message):
        datasets.musdb18(tmp_path, download=True)
    assert below(tmp_path) == []


def test_a_download_from_nowhere_is_an_error_of_the_connection(tmp_path: Path) -> None:
    with pytest.raises(ConnectionError, match=r"gone\.zip must be downloaded, got .*No such file"):
        fetch_zip((tmp_path / "gone.zip").as_uri(), "", tmp_path / "new")


def test_the_preview_is_zenodos_with_the_checksum_that_it_publishes() -> None:
    assert musdb_stems.PREVIEW_URL.startswith("https://zenodo.org/records/3270814/files/")
    assert re.fullmatch("[0-9a-f]{32}", musdb_stems.PREVIEW_MD5)
