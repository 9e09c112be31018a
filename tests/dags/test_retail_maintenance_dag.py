from __future__ import annotations

import ast
from typing import Any

import pytest

from shared.config import PROJECT_ROOT

DAG_FILE = PROJECT_ROOT / "airflow" / "dags" / "retail_maintenance_dag.py"
TASKS = ["finish_runs", "remove_orphans", "create_partitions", "refresh_statistics", "find_gaps", "reconcile"]


@pytest.fixture
def maintenance(dag_bag: Any) -> Any:
    """The maintenance DAG."""
    assert dag_bag.import_errors == {}
    return dag_bag.dags["retail_maintenance"]


def test_it_runs_daily_after_the_pipeline_and_does_not_catch_up(maintenance: Any) -> None:
    assert type(maintenance.timetable).__name__ == "SinceTimetable"
    assert maintenance.timetable.summary == "30 4 * * *"
    assert maintenance.catchup is False
    assert maintenance.max_active_runs == 1


def test_no_task_waits_for_another_and_all_are_explained(maintenance: Any) -> None:
    assert [task.task_id for task in maintenance.tasks] == TASKS
    assert [
        task.task_id for task in maintenance.tasks if task.upstream_task_ids or task.task_id not in maintenance.doc_md
    ] == []


def test_a_task_that_fails_is_tried_again_and_reported(maintenance: Any) -> None:
    for task in maintenance.tasks:
        assert task.retries == 3
        assert task.execution_timeout
        assert task.on_failure_callback


def test_maintenance_is_imported_inside_the_tasks_only() -> None:
    tree = ast.parse(DAG_FILE.read_text(encoding="utf-8"))
    at_the_top = {
        (node.module or "").split(".")[0] for node in tree.body if isinstance(node, ast.ImportFrom) and node.level == 0
    }
    assert at_the_top <= {
        "__future__",
        "datetime",
        "airflow",
        "pipeline",
        "retail_airflow",
        "retail_schedule",
        "shared",
    }
