"""Mixtures of speech, with noise and without: each the sum of the sources that it is read with."""

import re
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from conftest import Run, noise
from test_dataset_layouts import RATE, places, remove, write

import oracle
from oracle import datasets
from oracle.datasets import Dataset
from oracle.datasets.catalogue import NAMED
from oracle.datasets.speech_mixtures import LIBRIMIX, WHAM, WHAMR

# As the scripts of the datasets call them.
LIBRI = ("4077-13754-0001_5142-33396-0065.wav", "1089-134686-0000_121-127105-0031.wav")
WSJ = ("011a0101_1.8917_011o030u_-1.8917.wav", "01ao030d_2.4487_025c020n_-2.4487.wav")
# Samples in a mixture that is cut to the shorter speaker, and in one padded to the longer.
LENGTHS = {"min": RATE, "max": RATE + 800}


def make_speech(
    root: Path,
    files: tuple[str, ...],
    *,
    subsets: tuple[str, ...],
    endings: tuple[str, ...] = ("",),
    n_speakers: int = 2,
) -> None:
    """Make a dataset in both lengths: mixtures are added up as the scripts do, in 16 bit."""
    for mode, n_samples in LENGTHS.items():
        for number, subset in enumerate(subsets):
            for place, file in enumerate(files):
                place += 100 * number
                shape = {"n_channels": 1, "n_samples": n_samples}
                hum = noise(place + 50, **shape)
                for end in endings:
                    seed = place + (1000 if end == "_reverb" else 0)
                    speech = [noise(seed + 10 * n, **shape) for n in range(1, n_speakers + 1)]
                    speech[-1][:, RATE:] = 0  # padded
                    mixtures = {
                        "clean": sum(speech),
                        "single": speech[0] + hum,
                        "both": sum(speech) + hum,
                    }
                    folder = root / "wav8k" / mode / subset
                    write(folder / "noise" / file, hum)
                    for n, audio in enumerate(speech, start=1):
                        write(folder / f"s{n}{end}" / file, audio)
                    for kind, mixture in mixtures.items():
                        write(folder / f"mix_{kind}{end}" / file, np.asarray(mixture))
        (root / "wav8k" / mode / "metadata").mkdir()


@pytest.fixture(scope="module")
def make_tree(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Make the tree of a dataset, once: it has hundreds of files."""

    @cache
    def make(name: str) -> Path:
        place = tmp_path_factory.mktemp(name)
        if name == "librimix":
            make_speech(place, LIBRI, subsets=("dev", "test", "train-100"), n_speakers=3)
        elif name == "wham":
            make_speech(place, WSJ, subsets=("cv", "tr", "tt"))
        else:
            make_speech(place, WSJ, subsets=("cv", "tr", "tt"), endings=("_anechoic", "_reverb"))
        return place / "wav8k"

    return make


@pytest.fixture
def root(name: str, make_tree: Callable[[str], Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(make_tree(name), tmp_path / "wav8k"))


MIXTURES = [
    *(("librimix", mixture) for mixture in LIBRIMIX),
    *(("wham", mixture) for mixture in WHAM),
    *(("whamr", mixture) for mixture in WHAMR),
]


def expected_sources(name: str, mixture: str) -> list[str]:
    speakers = ["s1", "s2", "s3"] if name == "librimix" else ["s1", "s2"]
    kind = mixture.split("_")[1]
    return {"clean": speakers, "single": ["s1", "noise"], "both": [*speakers, "noise"]}[kind]


@pytest.mark.parametrize("mode", LENGTHS)
@pytest.mark.parametrize(("name", "mixture"), MIXTURES)
def test_a_mixture_is_the_sum_of_its_sources(
    root: Path, name: str, mixture: str, mode: str
) -> None:
    dataset = getattr(datasets, name)(root / mode, mixture=mixture)
    assert isinstance(dataset, Dataset)
    assert len(dataset) == 6
    assert {entry.subset for entry in dataset.entries} == {
        path.name for path in (root / mode).iterdir() if path.name != "metadata"
    }
    sources = expected_sources(name, mixture)
    speakers = tuple(sources[:-1] if "noise" in sources else sources)
    assert dataset.interchangeable == (speakers if len(speakers) > 1 else ())
    for track in dataset:
        assert list(track.sources) == sources
        assert track.n_samples == LENGTHS[mode]
        assert np.abs(track.mixture - sum(track.sources.values())).max() < 2**-15
    found = oracle.check(dataset.select(first=2), methods=["MIX"], metrics=["uSDR"])
    assert found.problems == []
    assert [remark for _, remark in found.remarks if "alone" in remark] == []


@pytest.mark.parametrize("name", ["whamr"])
def test_references_of_a_mixture_in_a_room_are_in_that_room(root: Path, name: str) -> None:
    dry, wet = (
        datasets.whamr(root / "min", mixture=f"mix_both_{room}")[0]
        for room in ("anechoic", "reverb")
    )
    assert not np.array_equal(dry.sources["s1"], wet.sources["s1"])
    np.testing.assert_array_equal(dry.sources["noise"], wet.sources["noise"])


@pytest.mark.parametrize(
    ("name", "default"),
    [("librimix", "mix_clean"), ("wham", "mix_both"), ("whamr", "mix_both_reverb")],
)
def test_the_default_is_the_first_that_is_listed(root: Path, name: str, default: str) -> None:
    one, other = NAMED[name].open(root / "min"), NAMED[name].open(root / "min", mixture=default)
    assert isinstance(one, Dataset)
    assert isinstance(other, Dataset)
    assert one.name == other.name
    assert list(one[0].sources) == expected_sources(name, default)
    assert NAMED[name].mixtures.startswith(f"{default},")


@pytest.mark.parametrize("name", ["librimix"])
def test_mixtures_of_a_dataset_are_different_datasets_to_a_run(
    root: Path, name: str, tmp_path: Path
) -> None:
    options = {"methods": ["MIX"], "metrics": ["uSDR"], "out": tmp_path / "out"}
    dataset = datasets.librimix(root / "min").select(first=1)
    oracle.compute_bounds(dataset, **options)  # type: ignore[arg-type]
    noisy = datasets.librimix(root / "min", mixture="mix_both").select(first=1)
    with pytest.raises(ValueError, match=r'dataset was "LibriMix" and is now "LibriMix \(mix_both'):
        oracle.compute_bounds(noisy, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["wham", "whamr", "librimix"])
def test_a_root_may_be_one_subset(root: Path, name: str) -> None:
    subset = next(path for path in sorted((root / "max").iterdir()) if path.name != "metadata")
    dataset = NAMED[name].open(subset)
    assert isinstance(dataset, Dataset)
    assert len(dataset) == 2
    assert all(place.startswith(f"{subset.name}/") for place in places(dataset))
    assert dataset.left_out == ()


@pytest.mark.parametrize("name", ["wham"])
@pytest.mark.parametrize("folder", ["mix_both", "s1", "s2", "noise"])
def test_a_file_that_is_missing_is_named(root: Path, name: str, folder: str) -> None:
    (root / "min" / "cv" / folder / WSJ[0]).unlink()
    dataset = datasets.wham(root / "min")
    assert len(dataset) == 6
    message = rf"cv/{folder}/{re.escape(WSJ[0])} must be a readable audio file \(no such file\)"
    with pytest.raises(ValueError, match=message):
        dataset[0]
    assert dataset[1].name == WSJ[1].removesuffix(".wav")


@pytest.mark.parametrize("name", ["wham"])
def test_audio_beside_the_layout_is_told_but_not_what_was_not_chosen(root: Path, name: str) -> None:
    for mixture in WHAM:
        assert datasets.wham(root / "min", mixture=mixture).left_out == ()
    write(root / "min" / "tr" / "mix_new" / WSJ[0], noise(n_channels=1))
    (told,) = datasets.wham(root / "min").left_out
    assert str(told) == "tr/mix_new (1 audio file)"


@pytest.mark.parametrize("name", ["whamr"])
def test_a_mixture_that_is_not_there_is_refused_with_those_that_are(root: Path, name: str) -> None:
    with pytest.raises(
        ValueError, match=f"^mixture must be one of {', '.join(WHAMR)}, got 'mix_both'$"
    ):
        datasets.whamr(root / "min", mixture="mix_both")
    for subset in ("cv", "tr", "tt"):
        remove(root / "min" / subset / "mix_both_reverb")
    there = ", ".join(mixture for mixture in WHAMR if mixture != "mix_both_reverb")
    with pytest.raises(
        ValueError,
        match=rf"^{root}/min/cv must hold the mixtures of its speakers in mix_both_reverb, got "
        rf"mix_both_anechoic, .*, s2_reverb: choose a mixture that is there \({there}\)$",
    ):
        datasets.whamr(root / "min")


@pytest.mark.parametrize("name", ["whamr"])
def test_sources_whose_folder_is_missing_are_named(root: Path, name: str) -> None:
    subset = root / "min" / "tr"
    remove(subset / "noise")
    with pytest.raises(
        ValueError,
        match=rf"^{subset} must hold the noise of mix_both_reverb in noise, got mix_both",
    ):
        datasets.whamr(subset)
    assert len(datasets.whamr(subset, mixture="mix_clean_reverb")) == 2
    for speaker in ("s1_reverb", "s2_reverb"):
        remove(subset / speaker)
    with pytest.raises(
        ValueError,
        match=rf"^{subset} must hold the speakers of mix_clean_reverb in s1_reverb, s2_reverb, "
        r"\.\.\., got mix_both_anechoic, .*, s2_anechoic$",
    ):
        datasets.whamr(subset, mixture="mix_clean_reverb")


@pytest.mark.parametrize("name", ["whamr"])
def test_a_folder_of_rooms_is_pointed_to_whamr(root: Path, name: str) -> None:
    for place in (root / "min", root / "min" / "tr"):
        with pytest.raises(
            ValueError, match=r"\(s1_anechoic, s2_anechoic, .*use the dataset whamr "
        ):
            datasets.folder(place)


def test_wsj0mix_has_one_mixture(tmp_path: Path) -> None:
    for subset in ("tr", "cv", "tt"):
        s1, s2 = (noise(seed, n_channels=1) for seed in (1, 2))
        for folder, audio in (("mix", s1 + s2), ("s1", s1), ("s2", s2)):
            write(tmp_path / subset / folder / WSJ[0], audio)
    dataset = datasets.wsj0mix(tmp_path)
    assert places(dataset) == [f"{subset}/{WSJ[0][:-4]}" for subset in ("cv", "tr", "tt")]
    assert (dataset.name, dataset.interchangeable) == ("WSJ0-mix", ("s1", "s2"))
    assert oracle.check(dataset, methods=["MIX"], metrics=["uSDR"]).problems == []
    # As before there was a function of its own.
    before = datasets.librimix(tmp_path)
    assert (before.name, places(before)) == (dataset.name, places(dataset))
    assert list(before[0].sources) == list(dataset[0].sources) == ["s1", "s2"]


# The command


@pytest.mark.parametrize("name", ["wham"])
def test_the_command_chooses_a_mixture(run: Run, root: Path, name: str, tmp_path: Path) -> None:
    mix = ("--methods", "MIX", "--metrics", "uSDR", "--first", "1")
    for mixture, targets in ((None, "s1 s2 noise"), ("mix_single", "s1 noise")):
        chosen = () if mixture is None else ("--mixture", mixture)
        status, out, err = run("bounds", "wham", "--root", root / "min", *mix, *chosen)
        assert (status, err) == (0, "")
        assert re.search(r"\s+".join(targets.split()), out)


@pytest.mark.parametrize(
    ("dataset", "status", "message"),
    [
        (("fuss", "--root", "."), 2, "--mixture goes with .* librimix, wham, whamr, got fuss"),
        (("wsj0-2mix", "--root", "."), 2, "--mixture goes with .* whamr, got wsj0-2mix"),
        (("waltz",), 2, "--mixture goes with .* whamr, got waltz"),
        ((".",), 2, r"--mixture goes with .* whamr, got \."),
        (("wham", "--root", "."), 1, "mixture must be one of mix_both, .*, got 'mix'"),
    ],
)
def test_the_command_refuses_mixtures_that_are_not_there(
    run: Run, dataset: tuple[str, ...], status: int, message: str
) -> None:
    found = run("bounds", *dataset, "--mixture", "mix")
    assert (found.status, len(found.err.splitlines())) == (status, 1)
    assert re.search(message, found.err)
