import threading
import time

import pytest

from oracle.threads import in_threads, n_cores


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
