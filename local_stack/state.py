"""The record of running services, written after every start and stop, so that a killed command loses nothing."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import IO, Any

from local_stack.errors import StackError, check_writable
from local_stack.processes import ServiceProcess, began
from shared.directories import make_directory


@dataclass(frozen=True)
class StackState:
    """Ports by service, processes in the order they were started, and whether the start was finished."""

    ports: dict[str, int] = field(default_factory=dict)
    services: tuple[ServiceProcess, ...] = ()
    complete: bool = False
    started_by: str = ""
    postgres: dict[str, str] = field(default_factory=dict)

    def running(self) -> list[ServiceProcess]:
        """The recorded processes that are alive."""
        return [service for service in self.services if service.is_alive()]

    def with_service(self, started: ServiceProcess) -> StackState:
        """This state and one more process, in place of an earlier one of that name."""
        others = tuple(service for service in self.services if service.name != started.name)
        return replace(self, services=(*others, started))


def load(path: Path) -> StackState:
    """Read the record; an unreadable one counts as empty."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        return StackState(
            ports=record["ports"],
            services=tuple(ServiceProcess(**service) for service in record["services"]),
            complete=record["complete"],
            started_by=record["started_by"],
            postgres=record["postgres"],
        )
    except (OSError, ValueError, KeyError, TypeError):
        return StackState()


def save(path: Path, state: StackState) -> None:
    """Replace the record in one step."""
    unfinished = path.with_suffix(".new")
    unfinished.write_text(json.dumps(asdict(state), indent=2) + "\n", encoding="utf-8")
    unfinished.replace(path)


@contextlib.contextmanager
def only_one(lock_file: Path, *, what: str, interrupt_seconds: float = 0.0) -> Iterator[None]:
    """Keep two commands from working on the platform of one checkout at the same time.

    Raises StackError, before anything else, if the record of running services could not be written afterwards.
    With `interrupt_seconds` a command that is already running gets a signal to end and that much time.
    """
    make_directory(lock_file.parent)
    check_writable(lock_file.parent)
    with lock_file.open("a+") as lock:
        deadline = time.monotonic() + interrupt_seconds
        while not _try_lock(lock):
            holder = _holder(lock_file)
            if not interrupt_seconds or time.monotonic() > deadline:
                name = f"`make {holder['what']}` (process {holder['pid']})" if holder else "another command"
                raise StackError(f"{name} is using this checkout's platform. Wait for it, or run: make down")
            if holder and began(holder["pid"]) == holder["began"]:
                os.kill(holder["pid"], signal.SIGTERM)
            time.sleep(0.5)
        lock.seek(0)
        lock.truncate()
        lock.write(json.dumps({"what": what, "pid": os.getpid(), "began": began(os.getpid())}))
        lock.flush()
        yield
        lock.truncate(0)


def _try_lock(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(lock_file: Path) -> dict[str, Any]:
    try:
        record = json.loads(lock_file.read_text(encoding="utf-8"))
    except ValueError:
        return {}
    return dict(record)
