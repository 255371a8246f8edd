"""Progress: what is shown of a run, in a terminal and elsewhere."""

import io
import re
import sys
from pathlib import Path
from typing import Any, ClassVar

import pytest
from conftest import each_track

from oracle import Track, write_estimates
from oracle.runs import progress
from oracle.runs.progress import Advance, Progress, show_progress


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        """Tell the time, as `time.monotonic` does."""
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of the rates that are shown."""
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


class Terminal(io.StringIO):
    """What takes text for a terminal."""

    def isatty(self) -> bool:
        """It is one."""
        return True


def test_lines_elsewhere(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with show_progress(True, 4) as shown:
        shown.skip("before")
        shown.part("a: 512", 0.5)
        clock.now += 2
        shown.done("a", 30)
        shown.fail("b")
        clock.now += 8
        shown.done("c", 30)
    assert capsys.readouterr().err.splitlines() == [
        "[1/4] before: done by an earlier run",
        "[2/4] a: done, 15 x real time",
        "[3/4] b: failed",
        "[4/4] c: done, 6 x real time",
    ]


def test_lines_of_tracks_that_nobody_has_counted(capsys: pytest.CaptureFixture[str]) -> None:
    with show_progress(True, None) as shown:
        shown.fail("a")
    assert capsys.readouterr().err == "[1] a: failed\n"


def test_nothing_if_it_is_not_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    with show_progress(False, 2) as shown:
        shown.done("a", 30)
        shown.skip("b")
    assert (shown.n_done, shown.n_skipped, shown.n_failed) == (1, 1, 0)
    assert capsys.readouterr() == ("", "")


def test_the_rate_is_of_the_last_tracks(clock: Clock) -> None:
    shown = Progress(None)
    for _ in range(progress.RECENT):
        clock.now += 1
        shown.done("slow", 1)
    assert shown.rate == 1
    for _ in range(progress.RECENT - 1):
        clock.now += 1
        shown.done("fast", 50)
    assert shown.rate == pytest.approx(50 - 49 / progress.RECENT)  # one of them was slow
    clock.now += 1
    shown.done("fast", 50)
    assert shown.rate == 50


def test_a_bar_in_a_terminal(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", terminal)
    with show_progress(True, 5) as shown:
        shown.say("2 [b]tracks[/b] at a time")
        shown.skip("old")
        shown.part("a[b]: 512", 0.5)
        clock.now += 2
        shown.done("a[b]", 30)
        shown.fail("c")
    text = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", terminal.getvalue())
    assert "2 [b]tracks[/b] at a time\n" in text
    assert "c" in text
    assert "3/5 tracks, 1 failed, 15 x real time" in text
    assert re.search(r"(\d:\d\d:\d\d|-:--:--) left", text)
    assert not text.splitlines()[-1].strip()  # it goes when the run is over


def test_a_bar_is_as_long_as_what_is_behind_us(clock: Clock) -> None:
    """Also after tracks that failed or were skipped, and parts of a track that is tried again."""

    class Bar:
        updates: ClassVar[list[dict[str, Any]]] = []

        def add_task(self, description: str, **fields: Any) -> int:
            return 7

        def update(self, task: int, **fields: Any) -> None:
            assert task == 7
            self.updates.append(fields)

    shown = progress._Bar(4, Bar())
    shown.skip("a[b]")
    shown.part("c", 0.5)
    shown.fail("c")
    shown.done("d", 1)
    assert [each.get("completed") for each in Bar.updates] == [1, None, 2, 3]
    assert [each.get("advance") for each in Bar.updates] == [None, 0.5, None, None]
    assert Bar.updates[0]["description"] == r"a\[b]"  # no markup


def test_parts_of_a_track_are_shown_as_they_are_done_here(
    track: Track, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts: list[tuple[str, float]] = []
    monkeypatch.setattr(Progress, "part", lambda self, doing, part: parts.append((doing, part)))

    def work(track: Track, advance: Advance) -> None:
        advance("first half", 0.5)
        assert parts == [("first half", 0.5)]
        advance("second half", 0.5)

    each_track(track, work)
    assert parts == [("first half", 0.5), ("second half", 0.5)]


def test_parts_of_estimates_are_methods(
    track: Track, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts: list[tuple[str, float]] = []
    monkeypatch.setattr(Progress, "part", lambda self, doing, part: parts.append((doing, part)))
    write_estimates(track, tmp_path, methods=["MIX", "IBM"])
    assert parts == [("noise: MIX", 0.5), ("noise: IBM", 0.5)]
