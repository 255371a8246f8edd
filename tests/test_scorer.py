"""The scores of estimates in memory: which metrics, of which targets, in which windows."""

from collections.abc import Iterable

import numpy as np
import pytest
from conftest import N_SAMPLES, RATE, guesses, make_track, noise

from oracle import Track
from oracle.metrics.groups import find_groups
from oracle.metrics.named import find_metrics
from oracle.metrics.names import ALL_METRICS, METRICS, MUSEVAL
from oracle.metrics.scorer import Score, Scorer
from oracle.tracks.track import Audio


def values_of(scores: Iterable[Score]) -> dict[tuple[str, str, float | None], float]:
    return {(score.target, score.metric, score.time): score.score for score in scores}


def test_sdr_is_the_energy_of_the_source_over_that_of_the_error() -> None:
    track = make_track()
    estimates = guesses(track)
    values = values_of(Scorer(track.targets, rate=RATE, metrics=["SDR", "uSDR"]).score(estimates))
    for target, estimate in estimates.items():
        for metric, time, part in (
            ("SDR", 0.0, slice(RATE)),
            ("SDR", 1.0, slice(RATE, None)),
            ("uSDR", None, slice(None)),
        ):
            source = track.targets[target][:, part].astype(np.float64)
            error = source - estimate[:, part]
            expected = 10 * np.log10(np.sum(source**2) / np.sum(error**2))
            assert values.pop((target, metric, time)) == pytest.approx(expected, abs=1e-9)
    assert not values


def test_scores_come_by_target_then_metric_then_time() -> None:
    track = make_track("song", "b", "a")
    expected: dict[str, list[float | None]] = {"uSDR": [None], "SDR": [0.0, 1.0], "SI-SDR": [None]}
    scores = Scorer(track.targets, rate=RATE, metrics=list(expected)).score(
        dict(reversed(guesses(track).items()))
    )
    assert [score[:4] for score in scores] == [
        (target, metric, time, None if time is None else 1.0)
        for target in ("b", "a")
        for metric, times in expected.items()
        for time in times
    ]


@pytest.mark.parametrize(
    ("n_samples", "windows"),
    [(RATE - 1, [(0.0, (RATE - 1) / RATE)]), (RATE, [(0.0, 1.0)]), (2 * RATE - 1, [(0.0, 1.0)])],
)
def test_the_part_after_the_last_window_has_no_score(
    n_samples: int, windows: list[tuple[float, float]]
) -> None:
    sources = {"a": noise(n_samples=n_samples)}
    scores = Scorer(sources, rate=RATE, metrics=["SDR"]).score({"a": noise(1, n_samples=n_samples)})
    assert [(score.time, score.duration) for score in scores] == windows


def test_score_each_of_a_reader_is_score_of_every_method() -> None:
    track = make_track("song", "drums", "vocals", n_channels=1)
    methods = {"good": guesses(track), "bad": guesses(track, seed=5)}
    read: list[tuple[int, int]] = []
    parts: list[float] = []

    def reader(start: int, stop: int) -> dict[str, dict[str, Audio]]:
        read.append((start, stop))
        return {
            name: {target: audio[:, start:stop] for target, audio in estimates.items()}
            for name, estimates in methods.items()
        }

    scorer = Scorer(track.targets, rate=RATE)
    together = scorer.score_each(reader, advance=parts.append)
    assert list(together) == ["good", "bad"]
    for name, estimates in methods.items():
        assert together[name] == scorer.score(estimates)
    assert together["good"] != together["bad"]
    assert sum(parts) == pytest.approx(1)
    assert len(parts) == len(read) > 1
    assert all(0 <= start < stop <= N_SAMPLES for start, stop in read)
    assert max(stop - start for start, stop in read) < 2 * RATE


def test_museval_s_metrics_of_vocals_are_of_the_second_group_and_others_of_the_first() -> None:
    track = make_track("song", "bass", "vocals", "drums", n_channels=1)
    estimates = guesses(track)
    metrics = ("SIR", "SI-SIR")

    def score(*names: str) -> dict[tuple[str, str, float | None], float]:
        scorer = Scorer({n: track.targets[n] for n in names}, rate=RATE, metrics=metrics)
        return values_of(scorer.score({n: estimates[n] for n in names}))

    everything = score(*track.targets)
    sources, pair = score("bass", "drums", "vocals"), score("vocals", "accompaniment")
    for (target, metric, time), value in everything.items():
        first = target in ("bass", "drums") or (target == "vocals" and metric == "SI-SIR")
        expected = sources if first else pair
        assert value == pytest.approx(expected[target, metric, time], abs=1e-6)
    for metric, time in (("SIR", 0.0), ("SI-SIR", None)):
        key = ("vocals", metric, time)
        assert sources[key] != pytest.approx(pair[key], abs=1e-3)


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        (["a"], [["a"]]),
        (["vocals"], [["vocals"]]),
        (["drums", "bass"], [["drums", "bass"]]),
        (["bass", "accompaniment"], [["bass", "accompaniment"]]),
        (["accompaniment", "vocals"], [["vocals", "accompaniment"]]),
        (
            ["vocals", "drums", "accompaniment"],
            [["vocals", "drums"], ["vocals", "accompaniment"]],
        ),
    ],
)
def test_groups_are_all_sources_then_vocals_and_accompaniment(
    targets: list[str], expected: list[list[str]]
) -> None:
    assert find_groups(targets) == expected


def test_metrics_named_keeps_their_order() -> None:
    names = ("uSDR", "SAR-reg", "SDR")
    assert [metric.name for metric in find_metrics(names)] == list(names)
    assert [metric.name for metric in find_metrics(ALL_METRICS)] == list(ALL_METRICS)
    assert find_metrics(find_metrics(names)) == find_metrics(names)


def test_metrics_named_refuses_what_is_no_metric() -> None:
    with pytest.raises(TypeError, match="metrics must be several names, got the one string 'SDR'"):
        find_metrics("SDR")
    for wrong, got in (
        ([], "none"),
        (["SDR", "sdr"], r"sdr \(did you mean SDR\?\)"),
        (["SDR", "PESQ"], r"PESQ \(did you mean PESQ-WB\?\)"),
        (["SISDRI"], r"SISDRI \(did you mean SI-SDRi\?\)"),
        (["SDR", "xyz"], "xyz"),
        (["SDR", "SAR", "SDR"], "SDR, SAR, SDR"),
    ):
        with pytest.raises(ValueError, match=f"metrics must be some of SDR, .*, got {got}$"):
            find_metrics(wrong)
        with pytest.raises(ValueError, match="metrics must be some of"):
            Scorer({"a": noise()}, rate=RATE, metrics=wrong)


@pytest.mark.parametrize(
    "estimated",
    [["vocals"], ["accompaniment"], ["drums"], ["drums", "vocals"], ["accompaniment", "vocals"]],
)
def test_estimates_of_some_targets_score_as_they_do_beside_the_others(estimated: list[str]) -> None:
    """All references may interfere, whichever have estimates."""
    track = make_track()
    estimates = guesses(track)
    everything = values_of(Scorer(track.targets, rate=RATE, metrics=METRICS).score(estimates))
    scorer = Scorer(track.targets, rate=RATE, metrics=METRICS, estimated=estimated)
    some = values_of(scorer.score({target: estimates[target] for target in estimated}))
    expected = {key: value for key, value in everything.items() if key[0] in estimated}
    if "vocals" not in estimated and "accompaniment" in estimated:
        assert ("accompaniment", "SIR", 0.0) in expected
    assert some.keys() == expected.keys()
    for key, value in some.items():
        assert value == pytest.approx(expected[key], abs=1e-9), key


@pytest.mark.slow
@pytest.mark.usefixtures("ffmpeg")
def test_vocals_alone_score_as_in_museval_but_for_what_interferes() -> None:
    """Given the vocals alone, museval knows of no interference: it counts as artifacts."""
    import museval

    track = make_track(n_channels=1)
    estimate = guesses(track)["vocals"]
    signals = (audio.T[None] for audio in (track.sources["vocals"], estimate))
    theirs = museval.metrics.bss_eval(*signals, window=RATE, hop=RATE)
    scorer = Scorer(track.targets, rate=RATE, metrics=MUSEVAL, estimated=["vocals"])
    values = values_of(scorer.score({"vocals": estimate}))
    sdr, isr, sir, sar = (
        [values["vocals", metric, time] for time in (0.0, 1.0)] for metric in MUSEVAL
    )
    np.testing.assert_allclose(sdr, theirs[0][0], atol=1e-6)
    np.testing.assert_allclose(isr, theirs[1][0], atol=1e-6)
    assert np.isinf(theirs[2]).all()
    assert np.isfinite(sir).all()
    assert (np.array(sar) > theirs[3][0]).all()


def test_windows_of_some_targets_are_nan_where_a_reference_or_their_estimates_are_silent() -> None:
    track = make_track()
    sources = {name: audio.copy() for name, audio in track.sources.items()}
    sources["bass"][:, :RATE] = 0
    sources["drums"][:, :RATE] = 0  # and so is the accompaniment
    silenced = Track.from_sources("silenced", RATE, sources)
    vocals = guesses(silenced)["vocals"]
    metrics = ["SDR", "SAR"]
    scorer = Scorer(silenced.targets, rate=RATE, metrics=metrics, estimated=["vocals"])
    values = values_of(scorer.score({"vocals": vocals}))
    assert [np.isnan(values["vocals", "SDR", time]) for time in (0.0, 1.0)] == [True, False]
    quiet = vocals.copy()
    quiet[:, RATE:] = 0
    values = values_of(scorer.score({"vocals": quiet}))
    assert all(np.isnan(value) for value in values.values())


def test_scorer_refuses_targets_that_are_not_there() -> None:
    for wrong, got in ((["c"], "c"), ([], "none")):
        with pytest.raises(ValueError, match=f"estimated must name some of .*a, b, got {got}$"):
            Scorer({"a": noise(), "b": noise(1)}, rate=RATE, estimated=wrong)


def test_scorer_refuses_estimates_that_do_not_fit() -> None:
    scorer = Scorer({"a": noise(), "b": noise(1)}, rate=RATE, metrics=["SDR"])
    for names in (["a"], ["a", "b", "c"], ["a", "B"]):
        message = f"must have the targets of references, a, b, got {', '.join(names)}$"
        with pytest.raises(ValueError, match=message):
            scorer.score(dict.fromkeys(names, noise()))
    for n_samples in (N_SAMPLES - 1, N_SAMPLES + 1):
        estimates = {"a": noise(), "b": noise(n_samples=n_samples)}
        with pytest.raises(
            ValueError, match=rf"the shape of references.* got \(2, {n_samples}\) of b"
        ):
            scorer.score(estimates)
