"""Speakers in any order: the assignment with the best mean SI-SDR, and where it is searched."""

import itertools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import RATE, Run, make_track, noise

import oracle
from oracle import Track, TracksFailed, score, score_system
from oracle.datasets import Dataset, Entry
from oracle.datasets.audio_files import write_audio
from oracle.metrics import scale_invariant_ratios
from oracle.metrics.permutations import assign_estimates, find_interchangeable
from oracle.tracks.track import Audio

METRICS = ["uSDR"]


def mix(
    seed: int, n: int, *, noise_level: float = 0.3
) -> tuple[dict[str, Audio], dict[str, Audio]]:
    """References, and noisy estimates of them in another order, of other gains and signs."""
    rng = np.random.default_rng(seed)
    references = rng.standard_normal((n, 2, 400))
    mixing = np.eye(n)[rng.permutation(n)] * rng.choice([-2.0, 0.1, 1.0], (n, 1))
    leaked = mixing + noise_level * rng.standard_normal((n, n))
    estimates = np.einsum("jk,kct->jct", leaked, references)
    names = [f"s{number}" for number in range(1, n + 1)]
    return dict(zip(names, references, strict=True)), dict(zip(names, estimates, strict=True))


def find_best(references: Mapping[str, Audio], estimates: Mapping[str, Audio]) -> dict[str, str]:
    """Try all orders."""
    orders = [
        dict(zip(references, order, strict=True)) for order in itertools.permutations(estimates)
    ]

    def rate(order: dict[str, str]) -> float:
        audio = [estimates[name] for name in order.values()]
        ratios = scale_invariant_ratios(list(references.values()), audio)
        return float(ratios.si_sdr.mean())

    return max(orders, key=rate)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("n", [2, 3, 4])
def test_the_order_is_that_with_the_best_mean_si_sdr(n: int, seed: int) -> None:
    references, estimates = mix(seed, n)
    assert assign_estimates(references, estimates) == find_best(references, estimates)


def test_all_channels_and_samples_count() -> None:
    rng = np.random.default_rng(0)
    one, two = rng.standard_normal((2, 2, 3 * 2**18))  # several pieces
    references = {"s1": one, "s2": two}
    estimates = {"s1": two.copy(), "s2": one.copy()}
    estimates["s1"][0, :1000] = one[0, :1000]
    assert assign_estimates(references, estimates) == {"s1": "s2", "s2": "s1"}


@pytest.mark.parametrize("level", [1e-30, 1e-3, 1e5])
def test_the_level_does_not_matter(level: float) -> None:
    references, estimates = mix(3, 3)
    expected = assign_estimates(references, estimates)
    quiet = {name: level * audio for name, audio in estimates.items()}
    assert assign_estimates(references, quiet) == expected


SILENCE = np.zeros((1, 40))
ONE, TWO, THREE, FOUR = np.eye(4).repeat(10, axis=1)[:, None]


@pytest.mark.parametrize(
    ("estimates", "order"),
    [
        ([TWO, ONE], [2, 1]),  # +inf
        ([ONE, TWO], [1, 2]),
        ([SILENCE, ONE], [2, 1]),  # NaN beside +inf
        ([TWO, SILENCE], [2, 1]),
        ([ONE, SILENCE], [1, 2]),
        ([SILENCE, SILENCE], [1, 2]),  # as named
        ([THREE, FOUR], [1, 2]),  # -inf: as named
        ([TWO + FOUR, FOUR], [2, 1]),  # 0 dB beside -inf
        ([ONE + THREE, ONE], [2, 1]),  # 0 dB and -inf, or +inf and -inf
    ],
)
def test_silent_perfect_and_unrelated_estimates_do_not_break_it(
    estimates: list[Audio], order: list[int]
) -> None:
    found = assign_estimates(
        {"s1": ONE, "s2": TWO}, dict(zip(("s1", "s2"), estimates, strict=True))
    )
    assert found == {f"s{place}": f"s{number}" for place, number in enumerate(order, start=1)}


def test_a_silent_reference_decides_nothing() -> None:
    references = {"s1": SILENCE, "s2": TWO, "s3": THREE}
    estimates = {"s1": ONE, "s2": THREE + 0.1 * ONE, "s3": TWO + 0.1 * ONE}
    assert assign_estimates(references, estimates) == {"s1": "s1", "s2": "s3", "s3": "s2"}


def test_fewer_estimates_than_references_each_have_one() -> None:
    references = {"s1": ONE, "s2": TWO, "s3": THREE}
    assert assign_estimates(references, {"s1": THREE, "s3": TWO}) == {"s2": "s3", "s3": "s1"}
    assert assign_estimates(references, {"s2": ONE + FOUR}) == {"s1": "s2"}
    silent = {"s1": SILENCE, "s2": TWO}  # an estimate is not of silence, if another is there
    assert assign_estimates(silent, {"s1": 0.1 * TWO + FOUR}) == {"s2": "s1"}


@pytest.mark.parametrize("audio", [SILENCE, FOUR, ONE + TWO + THREE])
def test_where_all_orders_are_as_good_names_count(audio: Audio) -> None:
    references = {"s1": ONE, "s2": TWO, "s3": THREE}
    for names in (["s3"], ["s1", "s3"], ["s3", "s2"]):
        found = assign_estimates(references, dict.fromkeys(names, audio))
        assert found == {name: name for name in sorted(names)}


@pytest.mark.parametrize(
    ("sources", "groups"),
    [
        (["s1", "s2", "noise"], [["s1", "s2"]]),
        (["S1", "s2"], [["S1", "s2"]]),
        (["spk_1", "spk_2", "spk_10"], [["spk_1", "spk_2", "spk_10"]]),
        (["speaker 1", "music", "speaker 2"], [["speaker 1", "speaker 2"]]),
        (["source1", "source2", "s1", "s2"], [["source1", "source2"], ["s1", "s2"]]),
        (["s1", "spk1", "noise1"], []),
        (["noise1", "noise2", "vocals1", "vocals2", "drums_1", "drums_2"], []),
        (["vocals", "drums", "bass", "other"], []),
        (["bass1", "sax1", "sax2", "s"], []),
    ],
)
def test_speakers_are_told_by_their_names(sources: list[str], groups: list[list[str]]) -> None:
    assert find_interchangeable(sources) == groups


def test_a_dataset_that_knows_is_asked_first() -> None:
    assert find_interchangeable(["a", "s1", "s2", "b"], ("b", "a")) == [["a", "b"]]
    assert find_interchangeable(["a", "s1", "s2"], ("a", "b")) == []


# Scores


def swapped(track: Track, gain: float = 0.9) -> dict[str, Audio]:
    """Estimates of the two speakers under each other's names; of the others under their own."""
    names = {**{name: name for name in track.sources}, "s1": "s2", "s2": "s1"}
    return {name: np.float32(gain) * track.sources[names[name]] for name in track.sources}


def write_all(root: Path, estimates: Mapping[str, Audio], name: str = "song") -> Path:
    for target, audio in estimates.items():
        write_audio(root / target / f"{name}.wav", audio, RATE)
    return root


def dataset_of(*tracks: Track, interchangeable: tuple[str, ...] = ()) -> Dataset:
    entries = tuple(Entry(t.name, t.subset, lambda track=t: track) for t in tracks)  # type: ignore[misc]
    return Dataset("tests", entries, interchangeable=interchangeable)


def test_permuted_estimates_are_scored_under_the_names_of_the_references(tmp_path: Path) -> None:
    track = make_track("song", "noise", "s1", "s2")
    estimates = swapped(track)
    estimates["s1"] = np.float32(0.99) * track.sources["s2"]
    out = tmp_path / "out"
    files = write_all(tmp_path / "est", estimates)
    results = score_system(track, files, metrics=METRICS, permute=True, out=out)
    scores = results.table.set_index("target")["median"]
    assert scores.round(3).to_dict() == {"noise": 20, "s1": 20, "s2": 40}
    assert results.notes == ("Estimates were permuted on 1 of 1 track: best mean SI-SDR.",)
    assert results.tracks["assigned"].tolist() == ["s1: s2; s2: s1"]
    run = json.loads((out / "run.json").read_text("utf-8"))
    assert run["permute"] is True
    assert run["notes"] == list(results.notes)
    assert run["tracks"][0]["assigned"] == {"s1": "s2", "s2": "s1"}
    arrays = score(track, estimates, name="est", metrics=METRICS, permute=True)
    assert arrays.scores.equals(results.scores)
    assert arrays.tracks.equals(results.tracks)
    assert (arrays.notes, arrays.settings["permute"]) == (results.notes, True)


def test_the_note_counts_the_tracks(tmp_path: Path) -> None:
    tracks = [make_track(name, "s1", "s2", seed=seed) for seed, name in enumerate("abc")]
    for track in tracks[:2]:
        write_all(tmp_path, swapped(track), track.name)
    write_all(tmp_path, tracks[2].sources, "c")
    results = score_system(tracks, tmp_path, metrics=METRICS, permute=True)
    assert results.notes == ("Estimates were permuted on 2 of 3 tracks: best mean SI-SDR.",)
    assert results.tracks["assigned"].tolist() == ["s1: s2; s2: s1"] * 2 + ["s1: s1; s2: s2"]


@pytest.mark.parametrize(
    ("interchangeable", "permute", "is_permuted"),
    [
        (("s1", "s2", "s3"), None, True),
        (("s1", "s2"), False, False),
        ((), None, False),
        ((), True, True),
    ],
)
def test_the_dataset_says_whether_names_count_unless_the_caller_does(
    tmp_path: Path, interchangeable: tuple[str, ...], permute: bool | None, is_permuted: bool
) -> None:
    track = make_track("song", "s1", "s2")
    dataset = dataset_of(track, interchangeable=interchangeable)
    write_all(tmp_path, swapped(track))
    results = score_system(dataset, tmp_path, metrics=METRICS, permute=permute)
    assert bool(results.table["median"].round(3).eq(20).all()) == is_permuted
    assert results.settings["permute"] == is_permuted
    assert bool(results.notes) == is_permuted


def test_a_track_of_one_speaker_is_scored_by_default(tmp_path: Path) -> None:
    track = make_track("song", "s1", "noise")
    dataset = dataset_of(track, interchangeable=("s1", "s2"))
    write_all(tmp_path, track.sources)
    assert score_system(dataset, tmp_path, metrics=METRICS).notes == ()


def test_an_order_of_sources_that_are_no_speakers_is_refused(tmp_path: Path) -> None:
    track = make_track("song", "vocals", "drums")
    write_all(tmp_path, track.sources)
    message = (
        r"permute must not be True \(--permute\) for a track without interchangeable sources, got "
        r"vocals, drums: only speakers are"
    )
    with pytest.raises(TracksFailed, match=message):
        score_system(track, tmp_path, metrics=METRICS, permute=True)
    with pytest.raises(ValueError, match=message):
        score(track, track.sources, metrics=METRICS, permute=True)
    no_bool: Any = "yes"
    with pytest.raises(TypeError, match=r"^permute must be True, False or None, got 'yes'$"):
        score(track, track.sources, permute=no_bool)


def test_one_estimate_of_two_speakers_is_scored_for_the_one_it_is(tmp_path: Path) -> None:
    track = make_track("song", "s1", "s2")
    files = write_all(tmp_path, {"s1": np.float32(0.9) * track.sources["s2"]})
    results = score_system(track, files, metrics=METRICS, permute=True)
    assert results.table.set_index("target")["median"].round(3).to_dict() == {"s2": 20}
    assert results.notes == (
        "No estimate of s1 in song.",
        "Estimates were permuted on 1 of 1 track: best mean SI-SDR.",
    )


def test_fewer_estimates_than_speakers_keep_their_names_by_default(tmp_path: Path) -> None:
    track = make_track("song", "s1", "s2")
    dataset = dataset_of(track, interchangeable=("s1", "s2"))
    files = write_all(tmp_path, {"s1": np.float32(0.9) * track.sources["s2"]})
    results = score_system(dataset, files, metrics=METRICS)
    assert set(results.table["target"]) == {"s1"}
    assert results.notes == ("No estimate of s2 in song.",)


def test_the_rest_of_a_mixture_keeps_its_place() -> None:
    sources = {"s1": noise(1), "s2": noise(2)}
    track = Track("song", RATE, sources["s1"] + sources["s2"] + noise(3), sources)
    estimates = swapped(track) | {"rest": noise(3)}
    results = score(track, estimates, metrics=METRICS, permute=True)
    scores = results.table.set_index("target")["median"]
    assert scores[["s1", "s2"]].round(3).tolist() == [20, 20]
    assert scores["rest"] > 60


def test_a_run_in_another_order_is_not_mixed_in(run: Run, tmp_path: Path) -> None:
    track = make_track("song", "s1", "s2")
    for source, audio in track.sources.items():
        write_audio(tmp_path / "ref" / "song" / f"{source}.wav", audio, RATE)
    write_all(tmp_path / "est", swapped(track))
    command = ("score", tmp_path / "ref", tmp_path / "est", "--metrics", "uSDR")
    out = ("--out", tmp_path / "out")
    status, text, _ = run(*command, "--permute", *out)
    assert status == 0
    assert "Estimates were permuted on 1 of 1 track: best mean SI-SDR." in text
    for change in ((), ("--no-permute",)):
        status, _, err = run(*command, *change, *out)
        assert status == 1
        assert "permute was true and is now false" in err
    assert run(*command, "--permute", *out).out == text


def test_librimix_is_permuted_by_default(tmp_path: Path) -> None:
    track = make_track("song", "s1", "s2")
    for name, audio in {"mix_clean": track.mixture, **track.sources}.items():
        write_audio(tmp_path / "mini" / "dev" / name / "song.wav", audio, RATE)
    write_all(tmp_path / "est" / "dev", swapped(track))
    dataset = oracle.datasets.librimix(tmp_path / "mini")
    table = score_system(dataset, tmp_path / "est", metrics=METRICS).table
    assert table["median"].round(3).eq(20).all()
