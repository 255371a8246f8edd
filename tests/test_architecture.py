"""The architecture is what the guide shows: imports go one way, and have no circles."""

import sys
from graphlib import TopologicalSorter
from pathlib import Path
from typing import get_args

import oracle
from oracle.methods import CEILINGS, METHODS, BoundName, MethodName
from oracle.metrics.named import BUILT_IN
from oracle.metrics.names import MetricName

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))
from draw_architecture import (
    GUIDE,
    PICTURE,
    bottom_up,
    entry_imports,
    module_imports,
    modules,
    page,
    picture,
)


def test_modules_have_no_circle_of_imports() -> None:
    imports = module_imports()
    assert len(list(TopologicalSorter(imports).static_order())) == len(modules())
    assert "oracle.stft" in imports["oracle.methods.separation"]
    assert "oracle.machine.threads" in imports["oracle.optimal.found_masks"]


def test_entries_have_no_circle_of_imports() -> None:
    order = bottom_up(entry_imports())
    assert {order[0], order[1]} <= {"displays", "machine", "masks"}
    assert order[-1] == "cli"
    assert len(order) <= 18


def test_the_guide_shows_the_architecture() -> None:
    # python scripts/draw_architecture.py
    assert GUIDE.read_text("utf-8") == page()
    drawn = picture()
    assert PICTURE.read_text("utf-8") == drawn
    for entry in entry_imports():
        assert f">{entry}</text>" in drawn


def test_the_front_shows_what_users_need_and_nothing_else() -> None:
    assert dir(oracle) == sorted(oracle.__all__)
    assert all(getattr(oracle, name).__doc__ for name in dir(oracle))
    assert len(dir(oracle)) <= 25


def test_editors_complete_the_names_that_there_are() -> None:
    assert get_args(MethodName) == tuple(METHODS)
    methods, ceilings = map(get_args, get_args(BoundName))
    assert (methods, ceilings) == (tuple(METHODS), tuple(CEILINGS))
    assert get_args(MetricName) == tuple(BUILT_IN)
