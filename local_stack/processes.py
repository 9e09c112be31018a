"""Processes that outlive the command that starts them, and are never mistaken for others.

Each service is the leader of a session of its own, so that everything it starts can be found and stopped with it. A
process id alone says nothing, it may have been given to another process meanwhile: it counts only together with the
time the process began.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from local_stack.unprivileged import Account

MARKER = "RETAIL_LOCAL_STACK"  # in the environment of every process; its value is the checkout


@dataclass(frozen=True)
class ServiceProcess:
    """A started service. `pid` and `began` identify the process; `stop_signal` makes it end."""

    name: str
    pid: int
    began: str
    stop_signal: int = int(signal.SIGTERM)

    def is_alive(self) -> bool:
        """Whether this very process still runs."""
        return began(self.pid) == self.began


def began(pid: int) -> str | None:
    """When the process with this id began, in a form that no other process shares; None when there is none."""
    try:
        if Path("/proc/self/stat").exists():
            fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
            return None if fields[0] in "ZX" else f"{boot}/{fields[19]}"
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else str(process.create_time())
    except (OSError, psutil.NoSuchProcess):
        return None


def start(
    name: str,
    command: Sequence[str],
    *,
    log_file: Path,
    checkout: Path,
    environment: Mapping[str, str],
    account: Account | None = None,
    cwd: Path | None = None,
    stop_signal: int = int(signal.SIGTERM),
) -> ServiceProcess:
    """Start a service in a session of its own; its output is appended to `log_file`."""
    with log_file.open("ab") as log:
        child = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=cwd or checkout,
            env={**environment, MARKER: str(checkout)},
            start_new_session=True,
            **(account.subprocess_arguments() if account else {}),
        )
    return ServiceProcess(name, child.pid, began(child.pid) or "ended at once", stop_signal)


def stop(services: Iterable[ServiceProcess], grace_seconds: float) -> list[str]:
    """Signal these services to end, all at once, and kill those left after the grace period; returns their names."""
    services = list(services)
    families = {service.name: family(service) for service in services}
    for service in services:
        if service.is_alive():
            _signal_leader_or_group(service)
        else:  # the leader is gone; what it left behind gets the plain request
            _signal(families[service.name], signal.SIGTERM)
    everyone = [process for processes in families.values() for process in processes]
    _wait(everyone, grace_seconds)
    killed = []
    for service in services:
        left = [process for process in {*families[service.name], *family(service)} if _runs(process)]
        if left:
            killed.append(service.name)
            _signal(left, signal.SIGKILL)
            _wait(left, 5.0)
    for service in services:
        _reap(service.pid)
    return killed


def _reap(pid: int) -> None:
    """Collect the exit status of a service that this very process started, so that no zombie of it is left."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def family(service: ServiceProcess) -> list[psutil.Process]:
    """The processes of a service that run: its leader, the leader's session and descendants."""
    found: dict[int, psutil.Process] = {}
    leader_alive = service.is_alive()
    if not leader_alive and began(service.pid) is not None:
        return []  # the id belongs to another process now, and so does a session of that number
    if leader_alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            leader = psutil.Process(service.pid)
            found.update({process.pid: process for process in [leader, *leader.children(recursive=True)]})
    for process in psutil.process_iter():
        with contextlib.suppress(OSError, psutil.Error):
            if os.getsid(process.pid) == service.pid and _runs(process):
                found[process.pid] = process
    return list(found.values())


def strays(checkout: Path) -> list[psutil.Process]:
    """Processes of this checkout's platform that no record names, by the mark in their environment."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(OSError, psutil.Error):
            if process.pid != os.getpid() and process.environ().get(MARKER) == str(checkout) and _runs(process):
                found.append(process)
    return found


def stop_strays(checkout: Path, grace_seconds: float) -> int:
    """End processes that lost their record, such as those of a start that was killed; how many there were."""
    found = [process for process in strays(checkout) if process.pid != os.getppid()]
    for request, timeout_seconds in ((signal.SIGINT, grace_seconds), (signal.SIGKILL, 5.0)):
        left = [process for process in found if _runs(process)]
        _signal(left, request)
        _wait(left, timeout_seconds)
    return len(found)


def _signal_leader_or_group(service: ServiceProcess) -> None:
    with contextlib.suppress(ProcessLookupError):
        if service.stop_signal == signal.SIGINT:
            os.kill(service.pid, signal.SIGINT)  # PostgreSQL's leader ends its own processes in the right order
        else:
            os.killpg(service.pid, service.stop_signal)


def _signal(processes: Iterable[psutil.Process], number: int) -> None:
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.send_signal(number)


def _wait(processes: Sequence[psutil.Process], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while any(_runs(process) for process in processes) and time.monotonic() < deadline:
        time.sleep(0.05)


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
