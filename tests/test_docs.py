"""The documents tell the truth: examples run, public names exist, imports stay light."""

import doctest
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import oracle
from oracle.jobs.track_scores import BOUNDS
from oracle.methods import METHODS
from oracle.optimal import CLASSES

ROOT = Path(__file__).parents[1]
README, GUIDE = ROOT / "README.md", ROOT / "oracle" / "guide"

# How many examples a document has, at least.
EXAMPLES = {"README": 5, "certified_bounds": 8, "museval": 5, "python": 5, "waltz": 5}

# What only torch needs is imported only where it is.
OF_TORCH = set() if find_spec("torch") else {"oracle.masks.gradients"}
MODULES = [
    importlib.import_module(info.name)
    for info in pkgutil.walk_packages(oracle.__path__, "oracle.")
    if info.name not in OF_TORCH
]


@pytest.mark.slow
@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_examples_in_docstrings(module: ModuleType) -> None:
    assert doctest.testmod(module).failed == 0


@pytest.mark.slow
@pytest.mark.parametrize("document", [README, *sorted(GUIDE.glob("*.md"))], ids=lambda p: p.stem)
def test_examples_in_documents(document: Path) -> None:
    options = doctest.NORMALIZE_WHITESPACE  # of tables: trailing blanks
    result = doctest.testfile(
        str(document), module_relative=False, encoding="utf-8", optionflags=options
    )
    assert result.attempted >= EXAMPLES.get(document.stem, 0)
    assert result.failed == 0


@pytest.mark.slow
def test_the_guides_training_target_and_loss() -> None:
    torch = pytest.importorskip("torch")
    text = (GUIDE / "python.md").read_text("utf-8")
    of_torch = text.partition("## A training target in torch")[2]
    target, loss = re.findall(r"```python\n(.*?)```", of_torch, flags=re.DOTALL)
    names: dict[str, Any] = {}
    exec(target, names)
    assert names["target"].shape == names["sources"].shape == (8, 4, 1025, 44)
    assert names["target"].dtype == torch.float32
    assert names["estimates"].shape == names["audio"].shape
    exec(loss, names)
    assert names["estimates"].grad.isfinite().all()
    # White noise at the level of the signal, whatever the order: about 0 dB.
    assert abs(names["loss"].item()) < 0.1


@pytest.mark.slow
def test_the_readmes_table_is_what_the_command_computes() -> None:
    table = oracle.compute_bounds(oracle.datasets.waltz()).table
    sdr = table[table["metric"] == "SDR"].set_index(["method", "target"])["median"]
    rows = [line.strip("| ").split(" | ") for line in README.read_text("utf-8").splitlines()]
    targets = next(row for row in rows if row[:2] == ["method", "drums"])[1:]
    shown = {
        (row[0], target): float(value)
        for row in rows
        if row[0] in BOUNDS and len(row) == 6
        for target, value in zip(targets, row[1:], strict=True)
    }
    assert shown.keys() == set(sdr.index)
    for bound, value in shown.items():
        # CIRM is exact: what is left is rounding, which differs between machines.
        assert sdr[bound] == pytest.approx(value, abs=3 if bound[0] == "CIRM" else 0.0051)


@pytest.mark.slow
def test_the_guides_table_of_irms_is_what_the_command_computes() -> None:
    text = (GUIDE / "methods.md").read_text("utf-8")
    section = text.partition("## Which IRM?\n")[2].partition("\n## ")[0]
    (command,) = re.findall(r"^    oracle bounds waltz (.*)$", section, re.MULTILINE)
    _, methods, _, metrics = command.split()
    table = oracle.compute_bounds(
        oracle.datasets.waltz(), methods=methods.split(","), metrics=[metrics]
    ).table.set_index(["method", "target"])["median"]
    rows = [
        line.strip("| ").split(" | ") for line in section.partition("SDR in dB")[2].splitlines()
    ]
    targets = next(row for row in rows if row[:2] == ["method", "drums"])[1:]
    shown = {row[0]: row[1:] for row in rows if row[0] in methods.split(",")}
    assert ",".join(shown) == methods
    assert len(targets) * len(shown) == len(table)
    for method, values in shown.items():
        for target, value in zip(targets, values, strict=True):
            assert table[method, target] == pytest.approx(float(value), abs=0.0051)


def test_the_readme_names_every_method() -> None:
    section = README.read_text("utf-8").partition("## Methods\n")[2].partition("\n#")[0]
    named = re.findall(r"[A-Z0-9-]+", " ".join(re.findall(r"^\| ([A-Z].*?) \|", section, re.M)))
    assert sorted(named) == sorted(BOUNDS)


def test_the_guide_has_a_row_for_every_method() -> None:
    text = (GUIDE / "methods.md").read_text("utf-8").partition("\n## ")[0]
    names = [*BOUNDS, *(name for name in METHODS if not name.startswith("OPT-"))]
    assert [name for name in names if f"| {name} |" not in text] == []


def test_the_guide_names_every_class_of_masks() -> None:
    text = (GUIDE / "certified_bounds.md").read_text("utf-8")
    section = text.partition("## Classes of masks\n")[2].partition("\n#")[0]
    rows = re.findall(r"^\| ([A-Z0-9, ]+) \|", section, flags=re.MULTILINE)
    assert ", ".join(rows) == ", ".join(CLASSES)


def test_the_readme_is_read_in_three_minutes() -> None:
    assert len(README.read_text("utf-8").split()) <= 900


@pytest.mark.parametrize("module", [oracle, *MODULES], ids=lambda module: module.__name__)
def test_public_functions_are_documented_and_not_named_like_a_module(module: ModuleType) -> None:
    # A file of the command line is called like its command, and nobody imports it.
    names = {m.__name__.rpartition(".")[2] for m in MODULES if "oracle.cli." not in m.__name__}
    for name, function in inspect.getmembers(module, inspect.isfunction):
        if not name.startswith("_") and function.__module__ == module.__name__:
            assert function.__doc__
            assert name not in names


def test_importing_oracle_imports_nothing_slow(tmp_path: Path) -> None:
    heavy = (
        *("librosa", "matplotlib", "musdb", "pandas", "rich", "scipy.fft", "scipy.signal"),
        *("soundfile", "statsmodels", "torch", "typer"),
    )
    code = f"import sys, oracle; print([m for m in {heavy} if m in sys.modules])"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.strip() == "[]"
