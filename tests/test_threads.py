import threading
import time

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from oracle import Track
from oracle.scores import Scorer
from oracle.tasks import TracksFailed, each_track
from oracle.threads import in_threads, limited_threads, n_cores, n_threads, one_blas_thread
from oracle.track import Audio


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
        done = each_track([track, track], work, progress=False)
        assert [result for _, result, _ in done] == [{1}, {1}]
        assert blas_threads() == {3}
        with pytest.raises(TracksFailed):
            list(each_track(track, fail, progress=False))
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
