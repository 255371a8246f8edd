import pkgutil
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from conftest import each_track
from threadpoolctl import threadpool_info, threadpool_limits

from oracle import Track, metrics, separate
from oracle.machine.threads import in_threads, limited_threads, n_cores, n_threads, one_blas_thread
from oracle.metrics.energy_ratios import Signals
from oracle.metrics.scorer import Scorer
from oracle.optimal import framewise_ceiling, optimal_mask
from oracle.results.results import TracksFailed
from oracle.tracks.track import Audio

# Where BLAS is called from.
FACTOR, FILTERS, WEAKEST = (
    f"oracle.metrics.projections.Projection.{name}"
    for name in ("__init__", "solve_filters", "find_weakest")
)
CORRELATE = "numpy.matmul"


def test_results_come_in_the_order_of_the_pieces() -> None:
    def work(piece: int) -> int:
        time.sleep(0.01 * (3 - piece))
        return 10 * piece

    assert list(in_threads(work, range(4), workers=4)) == [0, 10, 20, 30]


def test_as_many_threads_as_workers_are_asked_for() -> None:
    together = threading.Barrier(3)
    assert len(list(in_threads(lambda _: together.wait(timeout=10), range(3), workers=3))) == 3
    names = in_threads(lambda _: threading.current_thread().name, range(20), workers=1)
    assert len(set(names)) == 1
    assert n_cores() >= 1


def test_no_more_threads_than_the_limit_whatever_is_asked_for() -> None:
    with limited_threads(1):
        assert n_threads() == 1
        for workers in (-1, 3):
            names = in_threads(lambda _: threading.get_ident(), range(20), workers=workers)
            assert set(names) == {threading.get_ident()}


def test_an_error_ends_the_work() -> None:
    done: list[int] = []

    def work(piece: int) -> None:
        if piece == 1:
            raise ValueError("piece 1")
        done.append(piece)
        time.sleep(0.01)

    with pytest.raises(ValueError, match="piece 1"):
        list(in_threads(work, range(1000), workers=1))
    assert len(done) < 100


def blas_threads() -> set[int]:
    return {each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"}


def test_blas_is_kept_to_one_thread_and_has_its_threads_back() -> None:
    with one_blas_thread():  # from here on scipy's is there, too
        assert blas_threads() == {1}
    with threadpool_limits(3, user_api="blas"):
        with one_blas_thread():
            assert blas_threads() == {1}
        assert blas_threads() == {3}


def test_blas_has_one_thread_while_tracks_are_worked_on(track: Track) -> None:
    def work(track: Track, advance: object) -> set[int]:
        return blas_threads()

    def fail(track: Track, advance: object) -> None:
        raise ValueError("no")

    with threadpool_limits(3, user_api="blas"):
        done = each_track([track, track], work)
        assert [result for _, result, _ in done] == [{1}, {1}]
        assert blas_threads() == {3}
        with pytest.raises(TracksFailed):
            each_track(track, fail)
        assert blas_threads() == {3}


def test_blas_has_one_thread_while_estimates_are_scored(track: Track) -> None:
    seen: list[set[int]] = []

    def read(start: int, stop: int) -> dict[str, dict[str, Audio]]:
        seen.append(blas_threads())
        return {"": {name: audio[:, start:stop] for name, audio in track.targets.items()}}

    with threadpool_limits(3, user_api="blas"):
        Scorer(track.targets, rate=track.rate, metrics=["SDR"]).score_each(read)
        assert blas_threads() == {3}
    assert seen
    assert all(each == {1} for each in seen)


def test_blas_has_its_threads_back_when_the_last_thread_is_done() -> None:
    both, first_is_out = threading.Barrier(2), threading.Event()

    def work(last: bool) -> set[int]:
        with one_blas_thread():
            both.wait(timeout=10)
            if last:
                first_is_out.wait(timeout=10)
            seen = blas_threads()
        first_is_out.set()
        return seen

    with one_blas_thread(), one_blas_thread():  # from here on scipy's is there, too
        pass
    with threadpool_limits(3, user_api="blas"):
        assert list(in_threads(work, [False, True], workers=2)) == [{1}, {1}]
        assert blas_threads() == {3}
        with one_blas_thread():
            with one_blas_thread():
                pass
            assert blas_threads() == {1}
        assert blas_threads() == {3}


def evaluation(signals: Signals) -> metrics.BSSEval:
    return metrics.BSSEval(signals, window=2000, hop=2000, filter_length=4)


@pytest.mark.parametrize(
    ("function", "place"),
    [
        (lambda s: metrics.bss_eval_v4(s, s, window=2000, hop=2000), FILTERS),
        (lambda s: metrics.bss_eval_v4_regularized(s, s, window=2000, hop=2000), FILTERS),
        (lambda s: metrics.bss_eval_images(s, s), FILTERS),
        (lambda s: metrics.bss_eval_sources(s, s), FILTERS),
        (lambda s: metrics.bss_eval_images_framewise(s, s, window=2000, hop=2000), FILTERS),
        (lambda s: metrics.bss_eval_sources_framewise(s, s, window=2000, hop=2000), FILTERS),
        (evaluation, FACTOR),
        (lambda s: evaluation(s).compute_images(evaluation(s).examine_all(s)), FILTERS),
        (lambda s: evaluation(s).compute_images(evaluation(s).examine_all(s)), CORRELATE),
        (lambda s: evaluation(s).compute_sources(evaluation(s).examine_all(s)), FILTERS),
        (lambda s: evaluation(s).find_best_permutation(s), FILTERS),
        (lambda s: evaluation(s).examine(0, [s[..., :2003]]), CORRELATE),
        (lambda s: evaluation(s[[0, 0]]).trouble, WEAKEST),
        (lambda s: metrics.scale_invariant_ratios(s, s), "numpy.linalg.lstsq"),
        (lambda s: separate(Track("a", 8000, s[0], {"a": s[0]}), "MWF"), "numpy.linalg.eigh"),
        (lambda s: optimal_mask(s, s[0]), "oracle.optimal.descent.compute_energy"),
        (
            lambda s: optimal_mask(s, s[0], metric="SI-SDR"),
            "oracle.optimal.any_scale.least_error",
        ),
        (
            lambda s: framewise_ceiling(s, s[0], window=2000, hop=2000),
            "oracle.optimal.problems.find_level",
        ),
    ],
)
def test_blas_has_one_thread_wherever_it_is_called(
    function: Callable[[Signals], object], place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[set[int]] = []
    owner, _, name = place.rpartition(".")
    original = pkgutil.resolve_name(place)

    def spy(*arguments: Any, **options: Any) -> Any:
        seen.append(blas_threads())
        return original(*arguments, **options)

    monkeypatch.setattr(pkgutil.resolve_name(owner), name, spy)
    with one_blas_thread():
        pass
    with threadpool_limits(3, user_api="blas"):
        function(np.random.default_rng(0).standard_normal((2, 1, 4000)))
        assert blas_threads() == {3}
    assert seen
    assert all(each == {1} for each in seen)
