"""`make health-check` against real containers: each part stopped in turn, then up again."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.containers.health import HealthReport, check_health, is_well, until
from tests.containers.project import Project


@contextmanager
def stopped(project: Project, service: str) -> Iterator[None]:
    project.compose("stop", service)
    try:
        yield
    finally:
        project.up()  # starts it, and s3-init with it: the stand-in of the store forgets its buckets


@pytest.fixture(autouse=True)
def _is_well_before_and_after(platform: Project) -> Iterator[None]:
    until(platform, is_well)
    yield
    until(platform, is_well)


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
        # Their heartbeats are in that database: nothing is claimed of them.
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
