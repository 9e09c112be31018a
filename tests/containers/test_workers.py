"""Two Celery workers share the DAG's work, by docker/compose/celery.yml."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from shared.airflow_rest.client import DAG_ID
from tests.containers.project import Project, service_of

DAY = date(2024, 6, 4)
LOADED = "SELECT count(DISTINCT retailer_id) FROM ops.load_ledger WHERE business_date = %s"


@pytest.fixture(scope="module")
def two_workers(platform: Project) -> Project:
    """The same platform, its tasks in two workers instead of the scheduler. Whoever comes next chooses their files."""
    platform.configure({"COMPOSE_FILE": "docker-compose.yml:docker/compose/celery.yml"})
    platform.up("--remove-orphans", "--scale", "airflow-worker=2")
    return platform


def workers(project: Project) -> dict[str, str]:
    """Container id by hostname of each worker."""
    found = [each for each in project.containers() if service_of(each) == "airflow-worker"]
    return {each["Config"]["Hostname"]: each["Id"] for each in found}


def instances(project: Project, run_id: str) -> list[dict[str, Any]]:
    path = f"/api/v2/dags/{DAG_ID}/dagRuns/{run_id}/taskInstances"
    found: list[dict[str, Any]] = project.airflow.call("GET", path)["task_instances"]
    return found


def test_one_run_is_spread_over_both_workers(two_workers: Project) -> None:
    # Slow enough that one worker cannot have done all before the other one looks.
    for number in (1, 2, 3):
        two_workers.running.faults(number, "slow:1;seconds=1")
    try:
        run_id = two_workers.trigger(DAY)
        assert two_workers.running.wait(run_id, 240).state == "success"
    finally:
        for number in (1, 2, 3):
            two_workers.running.faults(number, None)
    mapped = {each["hostname"] for each in instances(two_workers, run_id) if each["map_index"] >= 0}
    everywhere = {each["hostname"] for each in instances(two_workers, run_id)}
    assert len(workers(two_workers)) == 2
    assert mapped == everywhere == workers(two_workers).keys()
    assert two_workers.warehouse(LOADED, DAY) == [(3,)]
