from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local_stack import processes, state
from local_stack.errors import StackError
from local_stack.processes import ServiceProcess
from local_stack.state import StackState

SLEEP = [sys.executable, "-c", "import time; print('ready', flush=True); time.sleep(60)"]
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
)
# A leader that ends and leaves a child behind, in the same session.
PARENT = (
    "import subprocess, sys, time;"
    f"child = subprocess.Popen([sys.executable, '-c', {STUBBORN!r}]);"
    "print('ready', flush=True); time.sleep(60)"
)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[list[str]], ServiceProcess]]:
    started: list[ServiceProcess] = []

    def begin(command: list[str]) -> ServiceProcess:
        name = f"service{len(started)}"
        log = tmp_path / f"{name}.log"
        process = processes.start(name, command, log_file=log, checkout=tmp_path, environment=dict(os.environ))
        started.append(process)
        deadline = time.monotonic() + 10
        while "ready" not in log.read_text(encoding="utf-8") and time.monotonic() < deadline:
            time.sleep(0.02)
        return process

    yield begin
    processes.stop(started, 0.0)


def test_a_service_is_recognised_by_its_start_time_not_by_its_number(
    start: Callable[[list[str]], ServiceProcess],
) -> None:
    service = start(SLEEP)
    someone_else = ServiceProcess("reused", service.pid, "another boot/12345")

    assert service.is_alive()
    assert not someone_else.is_alive()


def test_a_process_with_a_reused_number_is_never_stopped(start: Callable[[list[str]], ServiceProcess]) -> None:
    service = start(SLEEP)

    processes.stop([ServiceProcess("reused", service.pid, "another boot/12345")], 0.5)

    assert service.is_alive()


def test_stopping_ends_the_service(start: Callable[[list[str]], ServiceProcess]) -> None:
    service = start(SLEEP)

    assert processes.stop([service], 10) == []
    assert not service.is_alive()


def test_a_service_that_does_not_listen_is_killed_after_its_grace(
    start: Callable[[list[str]], ServiceProcess],
) -> None:
    service = start([sys.executable, "-c", STUBBORN])

    assert processes.stop([service], 0.3) == ["service0"]
    assert not service.is_alive()


def test_children_are_stopped_even_when_the_service_itself_has_died(
    start: Callable[[list[str]], ServiceProcess],
) -> None:
    service = start([sys.executable, "-c", PARENT])
    deadline = time.monotonic() + 10
    while len(processes.family(service)) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    (child,) = [process for process in processes.family(service) if process.pid != service.pid]
    os.kill(service.pid, signal.SIGKILL)
    os.waitpid(service.pid, 0)

    processes.stop([service], 0.3)

    assert processes.began(child.pid) is None


def test_processes_without_a_record_are_found_by_their_mark_and_only_those_of_this_checkout(tmp_path: Path) -> None:
    marked = {**os.environ, processes.MARKER: str(tmp_path)}
    ours = subprocess.Popen(SLEEP, env=marked, stdout=subprocess.DEVNULL)
    others = subprocess.Popen(
        SLEEP, env={**os.environ, processes.MARKER: str(tmp_path / "other")}, stdout=subprocess.DEVNULL
    )
    try:
        time.sleep(0.3)
        assert processes.stop_strays(tmp_path, 5.0) == 1
        assert ours.wait(5) != 0
        assert others.poll() is None
    finally:
        for process in (ours, others):
            process.kill()
            process.wait()


def test_the_record_survives_and_an_unreadable_one_counts_as_empty(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    kept = StackState({"s3": 9000}, (ServiceProcess("s3", 1, "boot/1"),), True, "up", {"version": "14.23"})

    state.save(path, kept)
    assert state.load(path) == kept

    path.write_text('{"ports": ', encoding="utf-8")
    assert state.load(path) == StackState()


def test_a_second_command_names_the_command_that_is_running(tmp_path: Path) -> None:
    lock = tmp_path / "stack.lock"

    at_work = rf"`make demo` \(process {os.getpid()}\)"
    with state.only_one(lock, what="demo"), pytest.raises(StackError, match=at_work), state.only_one(lock, what="up"):
        pass


def test_a_lock_left_by_a_killed_command_is_free(tmp_path: Path) -> None:
    lock = tmp_path / "stack.lock"
    lock.write_text('{"what": "demo", "pid": 1, "began": "long ago"}', encoding="utf-8")

    with state.only_one(lock, what="up"):
        assert '"up"' in lock.read_text(encoding="utf-8")
