from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time

import pytest

from shared.config import PROJECT_ROOT
from shared.parallel import is_any_running, run_in_parallel, run_within
from tests.waiting import wait_until

INTERRUPTED = """
import signal, threading, time
from shared.parallel import run_in_parallel
def work(seconds):
    time.sleep(0.3)
    # The main thread waits, and nothing wakes it: so it is, too, when a signal arrives just before it waits.
    signal.pthread_kill(threading.get_ident(), signal.SIGINT)
    time.sleep(seconds)
run_in_parallel(work, [60], name="slow")
"""


def test_results_come_in_the_order_of_the_items_while_the_work_is_done_concurrently() -> None:
    together = threading.Barrier(3, timeout=5)

    def work(item: int) -> tuple[int, str]:
        together.wait()
        return item * 10, threading.current_thread().name

    assert run_in_parallel(work, [3, 1, 2], name="load") == ((30, "load_0"), (10, "load_1"), (20, "load_2"))
    assert run_in_parallel(work, [], name="load") == ()


def test_an_error_is_raised_when_all_have_ended() -> None:
    ended = []

    def work(item: int) -> None:
        if item == 1:
            raise ValueError("one")
        time.sleep(0.1)
        ended.append(item)

    with pytest.raises(ValueError, match="one"):
        run_in_parallel(work, [1, 2], name="load")
    assert ended == [2]


def test_an_interrupt_does_not_wait_for_the_threads() -> None:
    ended = subprocess.run([sys.executable, "-c", INTERRUPTED], cwd=PROJECT_ROOT, stderr=subprocess.DEVNULL, timeout=30)
    assert ended.returncode == -signal.SIGINT


def test_what_exceeds_the_time_limit_has_no_result_and_keeps_nobody_waiting() -> None:
    released = threading.Event()

    def work(item: str) -> str:
        if item == "slow":
            released.wait(30)
        return item

    assert run_within(0.2, work, ["fast", "slow", "also fast"], name="check") == ("fast", None, "also fast")
    assert is_any_running()
    released.set()
    wait_until(lambda: not is_any_running(), 30)


def test_an_error_within_the_time_limit_is_raised() -> None:
    def work(item: int) -> None:
        raise ValueError(str(item))

    with pytest.raises(ValueError, match="1"):
        run_within(5, work, [1, 2], name="check")
