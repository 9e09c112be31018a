"""`make health-check` against real containers that are all up."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.containers.health import check_health, is_well, run, until
from tests.containers.project import Project, service_of

ONCE = {"warehouse-init", "airflow-init", "s3-init"}


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
