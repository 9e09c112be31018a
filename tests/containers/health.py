"""Asking `make health-check` about a project."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from tests.containers.project import Project

Finding = dict[str, str]
PATIENCE_SECONDS = 240.0
"""Airflow's parts end without their database, and their engine waits longer before each new start."""


class Answer:
    """What the health check said and ended with."""

    def __init__(self, done: subprocess.CompletedProcess[str]) -> None:
        assert "Traceback" not in done.stderr, done.stderr
        report: dict[str, Any] = json.loads(done.stdout)
        self.status = done.returncode
        self.platform = report["platform"]
        self.findings: list[Finding] = report["findings"]
        assert report["exit_status"] == self.status

    def line(self, area: str, item: str) -> Finding:
        return next(each for each in self.findings if (each["area"], each["item"]) == (area, item))

    def ill(self) -> set[tuple[str, str]]:
        """The lines that are down or unknown."""
        return {(each["area"], each["item"]) for each in self.findings if each["health"] in ("down", "unknown")}


def run(project: Project, *arguments: str) -> subprocess.CompletedProcess[str]:
    # What check_pipeline_health.sh starts; the clone has no .venv of its own.
    return subprocess.run(
        [sys.executable, "-m", "scripts.pipeline_health", *arguments],
        cwd=project.directory,
        env=project.shell(),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def ask(project: Project) -> Answer:
    return Answer(run(project, "--json"))


def until(project: Project, fits: Callable[[Answer], bool]) -> Answer:
    """Ask until the answer fits: heartbeats and health checks need a moment to notice."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not fits(answer := ask(project)):
        assert time.monotonic() < deadline, [each for each in answer.findings if each["health"] != "ok"]
        time.sleep(2)
    return answer


def is_well(answer: Answer) -> bool:
    return answer.status == 0
