from __future__ import annotations

import ast
from typing import Any

import pytest

from shared.config import PROJECT_ROOT

DAG_FILE = PROJECT_ROOT / "airflow" / "dags" / "retail_source_updates_dag.py"


@pytest.fixture
def updates(dag_bag: Any) -> Any:
    """The DAG of sources with a schedule of their own."""
    assert dag_bag.import_errors == {}
    return dag_bag.dags["retail_source_updates"]


def test_it_runs_every_quarter_of_an_hour_one_run_at_a_time(updates: Any) -> None:
    assert type(updates.timetable).__name__ == "SinceTimetable"
    assert updates.timetable.summary == "*/15 * * * *"
    assert (updates.catchup, updates.max_active_runs) == (False, 1)


def test_there_is_one_task_per_source_that_is_due(updates: Any) -> None:
    assert [task.task_id for task in updates.tasks] == ["choose_due_sources", "load_source_files"]
    load = updates.get_task("load_source_files")
    assert load.upstream_task_ids == {"choose_due_sources"}
    assert load.is_mapped
    assert [task.task_id for task in updates.tasks if task.task_id not in updates.doc_md] == []


def test_every_task_is_limited_by_the_pool_and_reported_when_it_fails(updates: Any) -> None:
    for task in updates.tasks:
        assert task.pool == "retail_pipeline"
        assert task.execution_timeout
        assert task.on_failure_callback


def test_a_run_sends_no_message_of_its_own(updates: Any) -> None:
    """There are 96 a day; what is wrong has an alert of its task."""
    assert not updates.has_on_success_callback
    assert not updates.has_on_failure_callback


def test_the_pipeline_is_imported_inside_the_tasks_only() -> None:
    tree = ast.parse(DAG_FILE.read_text(encoding="utf-8"))
    at_the_top = {(node.module or "").split(".")[0] for node in tree.body if isinstance(node, ast.ImportFrom)}
    assert at_the_top <= {"__future__", "airflow", "datetime", "retail_airflow", "retail_schedule", "typing"}
