"""The commands of the suites that run, and what the summary shows of each."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.ci.suites import Suite

CLOSING = re.compile(r"^(?:=+ )?(\d+ (?:passed|failed|error|skipped).* in [\d.]+s.*?)(?: =+)?$")
"""The last line of pytest."""
KEPT_BYTES = 4096
IGNORED = ("PYTEST_ADDOPTS", "MAKEFLAGS", "BENCH")
"""Variables of the shell that would leave something out of a suite, such as `MAKEFLAGS=-n`."""


@dataclass(frozen=True)
class Step:
    """One command: a suite, or the parts that share what the command starts."""

    suites: tuple[Suite, ...]

    @property
    def command(self) -> tuple[str, ...]:
        """The command with the parts that it is to run."""
        parts = " or ".join(suite.part for suite in self.suites if suite.part)
        return (*self.suites[0].command, f"PARTS={parts}") if parts else self.suites[0].command

    @property
    def title(self) -> str:
        """The names of the suites."""
        return ", ".join(suite.name for suite in self.suites)


def steps_of(suites: Iterable[Suite]) -> tuple[Step, ...]:
    """Join the parts of one command; each step has the place of its first suite."""
    steps: dict[tuple[str, ...], tuple[Suite, ...]] = {}
    for suite in suites:
        key = suite.command if suite.part else (*suite.command, suite.name)
        steps[key] = (*steps.get(key, ()), suite)
    return tuple(Step(joined) for joined in steps.values())


@dataclass(frozen=True)
class Result:
    """How a command ended."""

    ok: bool
    seconds: int
    closing: str = ""
    """What pytest said last; empty when the command does not run pytest."""


def run_step(command: Sequence[str], root: Path) -> Result:
    """Run a command, show its output as it comes, and return how it ended."""
    began = time.monotonic()
    tail = b""
    environment = {name: value for name, value in os.environ.items() if name not in IGNORED}
    with subprocess.Popen(  # noqa: S603
        command, cwd=root, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        if process.stdout is None:
            raise RuntimeError("a pipe was requested")
        try:
            while piece := process.stdout.read1():  # type: ignore[attr-defined]
                sys.stdout.buffer.write(piece)
                sys.stdout.buffer.flush()
                tail = (tail + piece)[-KEPT_BYTES:]
        except SystemExit:
            process.terminate()  # Ctrl-C reaches the command itself, a signal to this process does not
            raise
    return Result(process.returncode == 0, round(time.monotonic() - began), closing_line(tail.decode(errors="replace")))


def closing_line(output: str) -> str:
    """The last line that is pytest's summary."""
    found = [match[1] for line in output.splitlines() if (match := CLOSING.match(line.strip()))]
    return found[-1] if found else ""
