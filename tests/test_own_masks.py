"""Masks of your own: wherever a method is named, in other processes, and on the command line."""

import json
import linecache
import re
import textwrap
from functools import partial
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import Run

import oracle
from oracle import STFT, Track, TracksFailed
from oracle.datasets.audio_files import write_audio
from oracle.methods import METHODS, Method

RATE = 8000
SMALL = STFT(n_fft=256)
QUICK: dict[str, Any] = {"stft": SMALL, "metrics": ["uSDR"]}


def song(name: str = "song") -> Track:
    noise = np.random.default_rng(len(name)).standard_normal((2, 2, RATE)).astype(np.float32)
    return Track.from_sources(name, RATE, dict(zip(("drums", "vocals"), 0.1 * noise, strict=True)))


def soft(sources: Any, mixture: Any, *, power: float = 1) -> Any:
    powers = np.abs(sources) ** power
    return powers / np.maximum(powers.sum(axis=0), 1e-30)


class Scaled:
    """A mask that is no function."""

    __name__ = "SCALED"

    def __init__(self, scale: float) -> None:
        self.scale = scale

    def __call__(self, sources: Any, mixture: Any) -> Any:
        """Scale the mixture."""
        return self.scale * np.ones_like(sources)


def test_a_mask_of_your_own_is_a_method_everywhere(tmp_path: Path) -> None:
    track = song()
    (drums, *_) = oracle.separate(track, soft, stft=SMALL).values()
    (expected, *_) = oracle.separate(track, "IRM1", stft=SMALL).values()
    np.testing.assert_allclose(drums, expected, atol=1e-6)
    results = oracle.compute_bounds(track, methods=["IRM1", soft], **QUICK)
    assert results.table["method"].unique().tolist() == ["IRM1", "soft"]
    first, second = (
        results.table[results.table["method"] == name]["median"] for name in ("IRM1", "soft")
    )
    np.testing.assert_allclose(first, second, atol=1e-4)
    sweep = oracle.compute_sweep(
        track, methods=[soft], n_ffts=[256], overlaps=[0.5], metrics=["uSDR"]
    )
    np.testing.assert_array_equal(sweep.table["median"], second)
    assert oracle.write_estimates(track, tmp_path, methods=[soft, "MIX"], stft=SMALL) == 1
    assert (tmp_path / "soft/test/song/drums.wav").is_file()


def test_a_named_mask_has_parameters_and_a_safe_folder(tmp_path: Path) -> None:
    wiener = Method.from_mask("SOFT / 2", soft, formula="|S|^2 / sum", power=2)
    options: dict[str, Any] = {"methods": ["IRM2", wiener], "stft": SMALL}
    results = oracle.compute_bounds(song(), out=tmp_path, metrics=["SDR", "uSDR"], **options)
    of_track = results.table[results.table["metric"] == "uSDR"]
    by_method = of_track.pivot(index="target", columns="method", values="median")
    np.testing.assert_allclose(by_method["SOFT / 2"], by_method["IRM2"], atol=1e-4)
    scores = pd.read_csv(tmp_path / "scores.csv")
    assert set(scores["method"]) == {"IRM2", "SOFT / 2"}
    assert (tmp_path / "SOFT %2F 2/test/song.json").is_file()
    said = json.loads((tmp_path / "run.json").read_text())
    assert said["methods"] == ["IRM2", "SOFT / 2"]
    assert said["own_methods"] == {"SOFT / 2": wiener.fingerprint}


@pytest.mark.slow
def test_masks_work_in_other_processes() -> None:
    """Also those that cannot be imported there."""
    tracks = [song("one"), song("second")]
    factor = 0.5
    half = Method.from_mask("HALF", lambda sources, mixture: factor + 0 * np.abs(sources))
    methods: list[Any] = [soft, half, "IBM", "OPT"]
    here = oracle.compute_bounds(tracks, methods=methods, **QUICK)
    there = oracle.compute_bounds(tracks, methods=methods, jobs=2, **QUICK)
    pd.testing.assert_frame_equal(here.scores, there.scores)
    assert there.failures == ()


def test_a_changed_mask_does_not_go_on_with_old_scores(tmp_path: Path) -> None:
    def run(power: float, **options: Any) -> None:
        methods = [Method.from_mask("SOFT", soft, power=power)]
        oracle.compute_bounds(song(), methods=methods, out=tmp_path / "out", **QUICK, **options)

    run(1)
    run(1)
    with pytest.raises(ValueError, match="own_methods was .*SOFT.* and is "):
        run(2)
    run(2, overwrite=True)


def fingerprint(mask: Any, **parameters: Any) -> str:
    return Method.from_mask("X", mask, **parameters).fingerprint


def test_fingerprints_tell_masks_apart() -> None:
    def closed(scale: float) -> Any:
        def mask(sources: Any, mixture: Any) -> Any:
            return scale * sources

        return mask

    code: dict[str, Any] = {}
    for name, body in (("first", "s"), ("again", "s"), ("other", "2 * s")):
        exec(f"def mask(s, x):\n    return {body}", code)
        code[name] = code.pop("mask")
    masks = [
        *(soft, partial(soft, power=2), partial(soft, power=3), Scaled(1), Scaled(2)),
        *(closed(1), closed(2), code["first"], code["other"], np.multiply),
    ]
    prints = [fingerprint(mask) for mask in masks] + [fingerprint(soft, power=2)]
    assert len(set(prints)) == len(prints)
    assert fingerprint(Scaled(1)) == fingerprint(Scaled(1))
    assert fingerprint(closed(1)) == fingerprint(closed(1))
    assert fingerprint(code["first"]) == fingerprint(code["again"])


def test_fingerprints_are_of_what_a_mask_holds_not_of_where_it_lies() -> None:
    def closed(held: Any) -> Any:
        def mask(sources: Any, mixture: Any) -> Any:
            return held

        return mask

    def helper(factor: float) -> Any:
        return lambda sources: factor * sources

    assert fingerprint(closed(helper(1))) == fingerprint(closed(helper(1)))
    assert fingerprint(closed(helper(1))) != fingerprint(closed(helper(2)))
    long = np.zeros(5000)  # of which repr leaves out the middle
    other = long.copy()
    other[2500] = 1
    assert fingerprint(closed(long)) == fingerprint(closed(long.copy()))
    assert fingerprint(closed(long)) != fingerprint(closed(other))
    assert fingerprint(soft, weights=long) != fingerprint(soft, weights=other)


FILE = """
import math
import threading
import numpy as np

POWER = {power}
WEIGHTS = np.zeros(5000)
WEIGHTS[2500] = {weight}

def helper(sources):
    return {helper} * np.abs(sources)

class Mask:
    def __init__(self, power):
        self.power, self.lock, self.nested = power, threading.Lock(), [WEIGHTS * power]

    def apply(self, sources, mixture):
        return helper(sources) ** self.power

def reads_a_global(sources, mixture):
    return np.abs(sources) ** POWER

def reads_an_array(sources, mixture):
    return np.abs(sources) * WEIGHTS.sum()

def calls(sources, mixture):
    return [helper(each) for each in sources]

def has_a_default(sources, mixture, power=POWER):
    return np.abs(sources) ** power

method = Mask(POWER).apply
"""
MASKS_OF_FILE = ("reads_a_global", "reads_an_array", "calls", "has_a_default", "method")


def fingerprints_of(file: Path, **values: Any) -> dict[str, str]:
    """Load the file as new, and make the fingerprints of its masks."""
    names: dict[str, Any] = {"power": 1, "weight": 0.0, "helper": 2.0} | values
    file.write_text(FILE.format(**names))
    linecache.clearcache()
    spec = spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return {name: fingerprint(getattr(module, name)) for name in MASKS_OF_FILE}


@pytest.mark.parametrize(
    ("change", "changed"),
    [
        ({}, set()),
        ({"power": 4}, {"reads_a_global", "has_a_default", "method"}),
        ({"weight": 1.0}, {"reads_an_array", "method"}),
        ({"helper": 3.0}, {"calls", "method"}),
    ],
)
def test_fingerprints_change_with_all_that_a_mask_reads_in_its_file(
    tmp_path: Path, change: dict[str, Any], changed: set[str]
) -> None:
    file = tmp_path / "my_masks.py"
    before, after = fingerprints_of(file), fingerprints_of(file, **change)
    assert {name for name in MASKS_OF_FILE if before[name] != after[name]} == changed


def test_fingerprints_change_with_the_weights_of_a_network() -> None:
    torch = pytest.importorskip("torch")
    network = torch.nn.Sequential(torch.nn.Linear(100, 100), torch.nn.ReLU())
    same = torch.nn.Sequential(torch.nn.Linear(100, 100), torch.nn.ReLU())
    same.load_state_dict(network.state_dict())

    def mask_of(network: Any) -> Any:
        return lambda sources, mixture: network(sources)

    assert fingerprint(mask_of(network)) == fingerprint(mask_of(same))
    with torch.no_grad():
        same[0].weight[50, 50] += 1
    assert fingerprint(mask_of(network)) != fingerprint(mask_of(same))


@pytest.mark.parametrize("name", ["tracks", "Scores.csv", "run.json"])
def test_a_mask_must_not_be_called_like_a_file_of_the_run(name: str, tmp_path: Path) -> None:
    methods = [Method.from_mask(name, soft)]
    with pytest.raises(ValueError, match=f"got '{re.escape(name)}': choose another name"):
        oracle.compute_bounds(song(), methods=methods, out=tmp_path, **QUICK)
    with pytest.raises(ValueError, match=f"got '{re.escape(name)}': choose another name"):
        oracle.write_estimates(song(), tmp_path, methods=methods)


def test_a_mask_must_not_change_what_the_next_one_gets() -> None:
    def spoil(sources: Any, mixture: Any) -> Any:
        sources /= 2

    def spoil_mixture(sources: Any, mixture: Any) -> Any:
        mixture *= 2

    for mask in (spoil, spoil_mixture):
        with pytest.raises(
            TracksFailed, match=r"the mask failed: ValueError: .*read-only"
        ) as caught:
            oracle.compute_bounds(song(), methods=[mask, "IRM2"], **QUICK)
        assert caught.value.results is not None
        alone = oracle.compute_bounds(song(), methods=["IRM2"], **QUICK)
        pd.testing.assert_frame_equal(caught.value.results.table, alone.table)


def test_an_error_in_a_mask_is_named() -> None:
    def boo(sources: Any, mixture: Any) -> Any:
        raise KeyError("boo")

    with pytest.raises(TracksFailed, match="song: boo: the mask failed: KeyError: 'boo'"):
        oracle.compute_bounds(song(), methods=[boo], **QUICK)


def test_a_mask_that_fails_costs_its_own_rows() -> None:
    def flat(sources: Any, mixture: Any) -> Any:
        return np.abs(mixture)

    with pytest.raises(TracksFailed) as caught:
        oracle.compute_bounds(song(), methods=["MIX", flat], **QUICK)
    (failure,) = caught.value.failures
    assert re.match(
        r"song: flat: a mask must be an array of the shape of the sources .*, "
        r"\(2, 2, 129, \d+\), got \(2, 129, \d+\)",
        str(failure),
    )
    assert caught.value.results is not None
    assert set(caught.value.results.table["method"]) == {"MIX"}


@pytest.mark.parametrize(
    ("methods", "error", "message"),
    [
        (soft, TypeError, "methods must be a list, got <function soft"),
        (METHODS["MIX"], TypeError, "methods must be a list, got Method"),
        ("IRM2", TypeError, "methods must be several names, got the one string"),
        ([5], TypeError, "a method must be a name, a Method or a mask, got 5"),
        ([lambda s, x: s], ValueError, "a mask must have a name, got <function .*from_mask"),
        ([partial(soft)], ValueError, "a mask must have a name, got functools.partial"),
        ([soft, soft], ValueError, "methods must be named once each, got 'soft' twice"),
        ([Method.from_mask("MIX", soft)], ValueError, "not have the name of another, got 'MIX'"),
        ([Method.from_mask("OPT", soft)], ValueError, "not have the name of another, got 'OPT'"),
    ],
)
def test_what_is_no_method_is_refused(methods: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        oracle.compute_bounds(song(), methods=methods, **QUICK)


def test_from_mask_checks_what_it_is_given() -> None:
    nothing: Any = None
    with pytest.raises(TypeError, match="mask must be callable, .*got None"):
        Method.from_mask("X", nothing)
    for name in ("", " ", nothing):
        with pytest.raises(ValueError, match="name must be what tables call the method, got"):
            Method.from_mask(name, soft)


# The command


MASKS = """
import numpy as np
from neighbour import SCALE

def half(sources, mixture):
    return np.full(sources.shape, SCALE)
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "my_masks.py").write_text(MASKS)
    (tmp_path / "neighbour.py").write_text("SCALE = 0.5")
    for name, audio in song().sources.items():
        write_audio(tmp_path / "stems" / f"{name}.wav", audio, RATE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("mask", ["my_masks.py:half", "my_masks:half"])
def test_the_command_takes_masks(run: Run, place: Path, mask: str) -> None:
    options = ("--methods", f"MIX,{mask}", "--metrics", "uSDR", "--n-fft", 256)
    status, out, err = run("bounds", "stems", *options, "--out", "out")
    assert (status, err) == (0, "")
    scores = pd.read_csv("out/scores.csv").pivot(index="target", columns="method", values="score")
    np.testing.assert_allclose(scores["half"][:2], scores["MIX"][:2], atol=1e-3)
    assert re.search(r"^ half ", out, re.MULTILINE)


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        ("none.py:half", "methods must name a file that is there, got 'none.py'"),
        ("my_masks.py:full", r"methods must name a function in my_masks.py, got 'full' \(it has h"),
        ("bad.py:half", r"methods must name a file that runs, got 'bad.py' \(invalid syntax"),
        ("no_such_module:half", "methods must name a module that can be imported, or a file endi"),
        ("my_masks.py", "methods must name a function in a file, my_masks.py:FUNCTION, got 'my_m"),
        (":half", "methods must name a function in a file, half:FUNCTION, got ':half'"),
    ],
)
def test_the_command_says_what_is_wrong_with_a_mask(
    run: Run, place: Path, mask: str, message: str
) -> None:
    (place / "bad.py").write_text("def half(:")
    status, _, err = run("bounds", "stems", "--methods", mask)
    assert status == 2
    assert re.search(message, err)


def test_the_command_calls_masks_what_the_user_does(run: Run, place: Path) -> None:
    masks = "thirds = lambda sources, mixture: sources / 3\ninstance = Scale(0.5)\n"
    (place / "more.py").write_text(
        "class Scale:\n    def __init__(self, scale):\n        self.scale = scale\n"
        "    def __call__(self, sources, mixture):\n        return self.scale * abs(sources)\n"
        + masks
    )
    options = ("--metrics", "uSDR", "--n-fft", 256, "--methods", "more.py:thirds,more.py:instance")
    status, out, err = run("bounds", "stems", *options)
    assert (status, err) == (0, "")
    assert re.findall(r"^ (thirds|instance) ", out, re.MULTILINE) == ["thirds", "instance"]


def test_the_example_of_the_list_of_methods_works(run: Run, place: Path) -> None:
    out = run("methods").out
    code = out.partition("In my_masks.py:\n")[2].partition("Set it beside")[0]
    (place / "my_masks.py").write_text(textwrap.dedent(code))
    (command,) = re.findall(r"^  oracle (bounds .*)$", out, re.MULTILINE)
    options = ("--metrics", "uSDR", "--seconds", 1, "--n-fft", 256)
    status, printed, err = run(*command.split(), *options)
    assert (status, err) == (0, "")
    rows = re.findall(r"^ (soft_mask|OPT|CEILING) ", printed, re.MULTILINE)
    assert rows == ["soft_mask", "OPT", "CEILING"]
