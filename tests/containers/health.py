"""`make health-check` for the containers of a project."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from tests.containers.project import Project

Finding = dict[str, str]
TIMEOUT_SECONDS = 240.0
"""Airflow's parts end without their database, and their engine waits longer before each new start."""


class HealthReport:
    """The report and the exit status of the health check."""

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


def check_health(project: Project) -> HealthReport:
    return HealthReport(run(project, "--json"))


def until(project: Project, fits: Callable[[HealthReport], bool]) -> HealthReport:
    """Check until the report fits: heartbeats and health checks take a while to notice."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not fits(report := check_health(project)):
        assert time.monotonic() < deadline, [each for each in report.findings if each["health"] != "ok"]
        time.sleep(2)
    return report


def is_well(report: HealthReport) -> bool:
    return report.status == 0
