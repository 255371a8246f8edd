"""Memory: what would not fit is refused, with the figures, before it is allocated."""

import re
import tracemalloc
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import psutil
import pytest

import oracle.machine.memory
import oracle.metrics.filter_memory
from oracle import metrics
from oracle.machine.memory import GIB, available_memory, check_fits
from oracle.metrics.correlations import Correlator
from oracle.metrics.scorer import Scorer

# What is not counted: short arrays, and objects of each piece.
SMALL = 1e6


def memory_of(monkeypatch: pytest.MonkeyPatch, available: float) -> None:
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=available))
    monkeypatch.setattr(oracle.machine.memory, "_left_in_cgroups", lambda root: [])


def noise(*shape: int) -> tuple[Any, Any]:
    references, errors = np.random.default_rng(0).standard_normal((2, *shape))
    return references, references + 0.1 * errors


def test_what_fits_just_so_is_let_through(monkeypatch: pytest.MonkeyPatch) -> None:
    memory_of(monkeypatch, 3 * GIB)
    check_fits("audio", "a lot", 3 * GIB, remedy="take less")
    message = (
        "audio must fit into memory, got a lot, which take 3.5 GiB, but 3.0 GiB is available: take"
    )
    with pytest.raises(MemoryError, match=re.escape(message)):
        check_fits("audio", "a lot", 3.5 * GIB, remedy="take less")


# Limits of control groups, as Linux describes them.

USED = ("active_file 10\ninactive_file 20\ntotal_active_file 30\ntotal_inactive_file 40\n", "5000")
VERSION_1 = ("memory.stat", "memory.usage_in_bytes", "memory.limit_in_bytes")
VERSION_2 = ("memory.stat", "memory.current", "memory.max")


@pytest.mark.parametrize(
    ("cgroup", "top", "names", "limits", "expected"),
    [
        ("0::/", "", VERSION_2, {"": "9000"}, 9000 - 5000 + 30),
        ("0::/", "", VERSION_2, {"": "4000"}, 0),
        ("0::/", "", VERSION_2, {"": "max"}, 10**6),
        ("0::/a/b", "", VERSION_2, {"": "9000", "a": "8000", "a/b": "max"}, 3030),
        ("0::/a/b", "", VERSION_2, {"a": "8000", "a/b": "7000"}, 2030),
        ("0::/a/b", "", VERSION_2, {"": "9000"}, 4030),  # a container that sees a part
        ("0::/a/b", "", VERSION_2, {"c": "6000"}, 10**6),  # of others
        ("5:cpu,memory:/a\n0::/", "memory", VERSION_1, {"a": "9000"}, 9000 - 5000 + 70),
        ("5:memory:/a\n0::/", "memory", VERSION_1, {"": "9000"}, 4070),
        ("5:memory:/a\n0::/", "memory", VERSION_1, {"a": str(2**63 - 4096)}, 10**6),
        ("5:cpu:/a\n0::/", "memory", VERSION_1, {"a": "9000"}, 10**6),
        ("0::/", "", VERSION_2, {}, 10**6),
        (None, "", VERSION_2, {"": "9000"}, 10**6),
    ],
)
def test_what_a_process_may_use_is_what_its_machine_and_its_groups_leave(
    cgroup: str | None,
    top: str,
    names: tuple[str, str, str],
    limits: dict[str, str],
    expected: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    machine = SimpleNamespace(available=10**6)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: machine)
    if cgroup is not None:
        (tmp_path / "proc/self").mkdir(parents=True)
        (tmp_path / "proc/self/cgroup").write_text(cgroup + "\n")
    for group, limit in limits.items():
        folder = tmp_path / "sys/fs/cgroup" / top / group
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in zip(names, (*USED, limit), strict=True):
            (folder / name).write_text(text)
    assert available_memory(tmp_path) == expected


def test_a_limit_of_the_group_of_a_process_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    memory_of(monkeypatch, 3 * GIB)
    monkeypatch.setattr(oracle.machine.memory, "_left_in_cgroups", lambda root: [2 * GIB])
    with pytest.raises(MemoryError, match=r"take 2\.5 GiB, but 2\.0 GiB is available"):
        check_fits("audio", "a lot", 2.5 * GIB, remedy="take less")


@pytest.mark.parametrize(
    "function",
    [
        partial(metrics.bss_eval_v4, window=400, hop=400),
        partial(metrics.bss_eval_v4_regularized, window=400, hop=400),
        metrics.bss_eval_images,
        metrics.bss_eval_sources,
        metrics.bss_eval_images_framewise,
        metrics.bss_eval_sources_framewise,
        lambda references, _: metrics.BSSEval(references, window=400, hop=400),
        lambda references, _: Scorer(dict(zip(map(str, range(200)), references)), rate=400),  # noqa: B905
    ],
)
def test_filters_of_too_many_sources_are_refused_before_anything_is_computed(
    function: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    def compute(*arguments: object) -> None:
        raise AssertionError("too late")

    monkeypatch.setattr(Correlator, "__init__", compute)
    memory_of(monkeypatch, 16 * GIB)
    message = (
        r"^references must fit into memory, got 200 sources x 1 channels x 512 taps = 102400 "
        r"equations, and 1 windows, which take \d+\.\d GiB, but 16.0 GiB is available: evaluate "
        "fewer sources or channels at a time, or with fewer taps or windows$"
    )
    with pytest.raises(MemoryError, match=message):
        function(*noise(200, 1, 400))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("shape", "taps", "window", "hop"),
    [
        ((4, 2, 20000), 128, 5000, 5000),
        ((2, 4, 9000), 256, 9000, 9000),  # equations
        ((4, 1, 9000), 64, 100, 10),  # windows
        ((30, 1, 3000), 16, 3000, 3000),  # sources
        ((2, 20, 5000), 4, 5000, 5000),  # channels
        ((2, 2, 100000), 64, 50000, 50000),  # samples
    ],
)
@pytest.mark.parametrize("singular", [False, True])
def test_no_more_is_allocated_than_is_counted(
    shape: tuple[int, ...],
    taps: int,
    window: int,
    hop: int,
    singular: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counted: list[float] = []

    def count(argument: str, figures: str, n_bytes: float, *, remedy: str) -> None:
        counted.append(n_bytes)

    monkeypatch.setattr(oracle.metrics.filter_memory, "check_fits", count)
    references, estimates = noise(*shape)
    if singular:
        references[1] = references[0]
    metrics.bss_eval_v4(*noise(1, 1, 100), window=100, hop=100)  # imports what it needs
    counted.clear()
    tracemalloc.start()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", metrics.IllConditionedWarning)
        metrics.bss_eval_v4(references, estimates, window=window, hop=hop, filter_length=taps)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak - SMALL < counted[0] < 4 * peak
