"""`make health-check` against real containers: all up, then each part stopped in turn, then up again."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.containers.project import Project, service_of

Finding = dict[str, str]
ONCE = {"warehouse-init", "airflow-init", "s3-init"}
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


@contextmanager
def stopped(project: Project, service: str) -> Iterator[None]:
    project.compose("stop", service)
    try:
        yield
    finally:
        project.up()  # starts it, and s3-init with it: the stand-in of the store forgets its buckets


def is_well(report: HealthReport) -> bool:
    return report.status == 0


@pytest.fixture(autouse=True)
def _is_well_before_and_after(platform: Project) -> Iterator[None]:
    until(platform, is_well)
    yield
    until(platform, is_well)


def test_with_everything_up_each_service_has_its_line_and_the_status_is_0(platform: Project) -> None:
    report = check_health(platform)
    assert (report.status, report.platform) == (0, "containers")
    services = {each["item"]: each["reason"] for each in report.findings if each["area"] == "services"}
    assert {service_of(each) for each in platform.containers()} == set(services)
    assert {name for name, reason in services.items() if reason == "done"} == ONCE
    assert all(reason.startswith("healthy for ") for name, reason in services.items() if name not in ONCE)
    areas = {each["area"] for each in report.findings}
    assert areas >= {"services", "environment", "warehouse", "S3", "retailer APIs", "Airflow"}
    for part in ("API server", "metadata database", "scheduler", "DAG processor", "retail_data_pipeline"):
        assert report.line("Airflow", part)["health"] in ("ok", "attention")


def test_the_printed_report_names_the_platform_first_and_the_result_last(platform: Project) -> None:
    lines = run(platform).stdout.splitlines()
    assert lines[0] == f"Platform: containers of the project {platform.name}, with the settings of .env"
    assert lines[-1].startswith("Everything ")


def test_a_stopped_retailer_is_down_with_its_remedy_and_nothing_else(platform: Project) -> None:
    with stopped(platform, "retailer2-api"):
        report = check_health(platform)
        assert report.status == 1
        assert report.ill() == {("services", "retailer2-api"), ("retailer APIs", "retailer_2")}
        compose = " ".join(platform.engine.compose)
        assert f"{compose} up -d retailer2-api" in report.line("services", "retailer2-api")["remedy"]
        assert report.line("retailer APIs", "retailer_2")["reason"].endswith("no connection")
        assert f"{compose} up -d retailer2-api" in report.line("retailer APIs", "retailer_2")["remedy"]


def test_a_stopped_store_is_down_and_the_warehouse_is_not(platform: Project) -> None:
    with stopped(platform, "s3"):
        report = check_health(platform)
        assert report.status == 1
        assert report.ill() == {("services", "s3"), ("S3", "raw bucket"), ("S3", "processed bucket")}
        assert " up -d s3" in report.line("S3", "raw bucket")["remedy"]
        checked = subprocess.run(
            [sys.executable, "scripts/check_s3.py"],
            cwd=platform.directory,
            env=platform.shell(),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert checked.returncode == 1
        assert " up -d s3" in checked.stderr


def test_a_stopped_postgres_is_down_for_the_warehouse_and_for_airflow(platform: Project) -> None:
    with stopped(platform, "postgres"):
        report = until(platform, lambda report: ("Airflow", "metadata database") in report.ill())
        assert report.status == 1
        assert {("services", "postgres"), ("warehouse", "PostgreSQL")} <= report.ill()
        assert " up -d postgres" in report.line("warehouse", "PostgreSQL")["remedy"]
        assert " up -d postgres" in report.line("Airflow", "metadata database")["remedy"]
        # Their heartbeats are in that database, so their health is unknown.
        assert report.line("Airflow", "scheduler")["health"] == "unknown"
        assert not {area for area, _ in report.ill()} & {"S3", "retailer APIs", "environment"}


def test_an_engine_that_does_not_respond_is_reported_and_the_rest_is_still_checked(
    platform: Project, tmp_path: Path
) -> None:
    environment = {**platform.shell(), "DOCKER_HOST": f"unix://{tmp_path}/none.sock"}
    command = [sys.executable, "-m", "scripts.pipeline_health", "--json"]
    done = subprocess.run(
        command, cwd=platform.directory, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    report = HealthReport(done)
    assert (report.status, report.platform) == (2, "containers")
    assert report.ill() == {("services", "container engine")}
    assert "DOCKER_HOST" in report.line("services", "container engine")["remedy"]
