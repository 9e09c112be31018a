"""What the scheduler has imported before it forks a task."""

from __future__ import annotations

from typing import Any

import pytest

from tests.dags.alone import IN_A_COPY, run_alone

Started = dict[str, dict[str, Any]]
STARTED = (
    IN_A_COPY
    + """
import json, os, sys
import airflow.sdk
from airflow.jobs.job import Job
from airflow.listeners.listener import get_listener_manager

def started(component):
    sys.argv[1] = component
    get_listener_manager()
    first = set(sys.modules)
    Job()
    at_start = set(sys.modules) - first
    warm = set(sys.modules)
    import data_quality.main, ingestion.main, materialized_views.refresh_views, retail_airflow.alerts
    import transformation.main
    in_a_task = set(sys.modules) - warm
    files = {name: getattr(sys.modules[name], "__file__", None) or "" for name in in_a_task}
    return {"at_start": sorted(at_start), "in_a_task": files}

print(json.dumps({component: in_a_copy(started, component) for component in sys.argv[1].split()}))
"""
)


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Started:
    """What each component imports at its start, and what a task then still has to."""
    return run_alone(STARTED, "scheduler dag-processor triggerer", tmp_path_factory.mktemp("home"))


def test_a_task_finds_the_libraries_of_the_stages_imported(started: Started) -> None:
    found = started["scheduler"]
    installed = {name.partition(".")[0] for name, file in found["in_a_task"].items() if "site-packages" in file}
    warm = {name.partition(".")[0] for name in found["at_start"]}
    assert {"boto3", "duckdb", "numpy", "pyarrow"} <= warm
    assert installed <= warm, "a library of which nothing was imported at the start"


def test_the_stages_themselves_are_read_by_each_task(started: Started) -> None:
    found = started["scheduler"]
    assert not [
        name for name in found["at_start"] if name.partition(".")[0] in ("ingestion", "transformation", "shared")
    ]
    assert "ingestion.main" in found["in_a_task"]


@pytest.mark.parametrize("component", ["dag-processor", "triggerer"])
def test_other_components_import_nothing_for_it(started: Started, component: str) -> None:
    tops = {name.partition(".")[0] for name in started[component]["at_start"]}
    assert not tops & {"boto3", "duckdb", "numpy", "pyarrow"}
