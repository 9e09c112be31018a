"""Measures what work costs: seconds, processor seconds and peak memory, of our process and of each server."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

_HIGH_WATER_EVERY = 0.02
_SHARES_EVERY = 0.5
"""Reading the shared memory of PostgreSQL's processes takes milliseconds, so it is read rarely."""


@dataclass
class Cost:
    """The cost of one piece of work. Memory is in bytes; a peak that was not watched is 0."""

    seconds: float = 0.0
    processor_seconds: float = 0.0
    """Processor seconds of our process and its children."""
    peak_bytes: int = 0
    """Peak resident memory of our process, plus that of its children."""
    server_processor_seconds: dict[str, float] = field(default_factory=dict)
    server_peak_bytes: dict[str, int] = field(default_factory=dict)
    """Proportional set size (PSS) of each server's processes: shared memory counts once."""
    output: str = ""
    """The command's output."""


class CommandFailed(Exception):
    """A measured command failed; the message is its last lines of output."""


@contextmanager
def watched(servers: Mapping[str, int], *, watch_memory: bool = False) -> Iterator[Cost]:
    """Measure the block, which runs in this process. `servers` are the main processes of servers by name."""
    cost = Cost()
    before, own = _server_seconds(servers), _own_seconds()
    with _Sampler(None, servers if watch_memory else {}) as sampler:
        started = time.perf_counter()
        try:
            yield cost
        finally:
            cost.seconds = time.perf_counter() - started
    cost.processor_seconds = _own_seconds() - own
    _add_servers(cost, before, servers, sampler)


def run_command(
    command: Sequence[str], environment: Mapping[str, str], servers: Mapping[str, int], *, watch_memory: bool = False
) -> Cost:
    """Run a command and measure it, start-up included. Raises CommandFailed."""
    cost = Cost()
    before = _server_seconds(servers)
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        started = time.perf_counter()
        process = subprocess.Popen(command, env=dict(environment), stdout=output, stderr=errors)  # noqa: S603 - our own commands
        try:
            with _Sampler(process.pid, servers if watch_memory else {}) as sampler:
                _, status, usage = os.wait4(process.pid, 0)
                cost.seconds = time.perf_counter() - started
            process.returncode = os.waitstatus_to_exitcode(status)
        finally:
            if process.returncode is None:
                process.kill()
                process.wait()
        output.seek(0)
        errors.seek(0)
        cost.output = output.read().decode(errors="replace")
        if process.returncode:
            words = errors.read().decode(errors="replace") or cost.output
            raise CommandFailed("\n".join(words.strip().splitlines()[-15:]))
    cost.processor_seconds = usage.ru_utime + usage.ru_stime
    cost.peak_bytes = sampler.peak_bytes
    _add_servers(cost, before, servers, sampler)
    return cost


class _Sampler:
    """Samples processes from a thread while a block runs."""

    def __init__(self, pid: int | None, servers: Mapping[str, int]) -> None:
        self._pid, self._servers = pid, servers
        self._over = threading.Event()
        self._high_water: dict[int, int] = {}
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.server_peaks: dict[str, int] = dict.fromkeys(servers, 0)

    @property
    def peak_bytes(self) -> int:
        """Sum of the peaks: exact for one process, an upper bound for several."""
        return sum(self._high_water.values())

    def __enter__(self) -> _Sampler:
        if self._pid is not None or self._servers:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()

    def _watch(self) -> None:
        shares_at = time.monotonic()
        while not self._over.wait(_HIGH_WATER_EVERY):
            if self._pid is not None:
                for pid in _family(self._pid):
                    self._high_water[pid] = max(self._high_water.get(pid, 0), _high_water(pid))
            if self._servers and time.monotonic() >= shares_at:
                shares_at = time.monotonic() + _SHARES_EVERY
                for name, first in self._servers.items():
                    share = sum(_share(pid) for pid in _family(first))
                    self.server_peaks[name] = max(self.server_peaks[name], share)


def _family(pid: int) -> list[int]:
    """The process and its descendants, from the kernel's list of children, without scanning all processes."""
    family = [pid]
    for each in family:
        try:
            for children in Path(f"/proc/{each}/task").glob("*/children"):
                family += [int(child) for child in children.read_text().split()]
        except OSError:
            continue
    return family


def _high_water(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def _share(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def _own_seconds() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _server_seconds(servers: Mapping[str, int]) -> dict[str, float]:
    """Processor time of each server so far; that of ended children counts for their parent."""
    return {name: sum(_seconds_of(pid) for pid in _family(pid)) for name, pid in servers.items()}


def _seconds_of(pid: int) -> float:
    try:
        times = psutil.Process(pid).cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system + times.children_user + times.children_system)


def _add_servers(cost: Cost, before: Mapping[str, float], servers: Mapping[str, int], sampler: _Sampler) -> None:
    after = _server_seconds(servers)
    cost.server_processor_seconds = {name: after[name] - before[name] for name in servers}
    cost.server_peak_bytes = {name: peak for name, peak in sampler.server_peaks.items() if peak}
