from __future__ import annotations

import ast
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from pipeline import stages
from pipeline.stages import STAGES
from tests.dags.conftest import DAG_FILE

DAG_TREE = ast.parse(DAG_FILE.read_text(encoding="utf-8"))
TASK_IDS = [
    "choose_sources",
    "ingest_retailers_to_s3",
    "transform_s3_to_postgres",
    "data_quality_check",
    "refresh_materialized_views",
]


def test_every_dag_can_be_read(dag_bag: Any) -> None:
    assert dag_bag.import_errors == {}
    assert sorted(dag_bag.dags) == [
        "example_sales_report",
        "retail_data_pipeline",
        "retail_maintenance",
        "retail_source_updates",
    ]


def test_a_dag_file_has_at_most_80_lines() -> None:
    assert {
        path.name: lines
        for path in DAG_FILE.parent.glob("*.py")
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 80
    } == {}


def test_the_stages_follow_each_other_in_the_order_in_which_they_are_declared(dag: Any) -> None:
    assert [stage.task_id for stage in STAGES] == TASK_IDS
    for before, after in pairwise(STAGES):
        assert dag.get_task(after.task_id).upstream_task_ids & set(TASK_IDS) == {before.task_id}


def test_each_task_runs_the_stage_that_names_it() -> None:
    names = ("INGEST", "TRANSFORM", "QUALITY", "REFRESH")
    constants = {getattr(stages, name): name for name in names}
    tasks = {node.name: node for node in ast.walk(DAG_TREE) if isinstance(node, ast.FunctionDef)}
    for stage in STAGES[1:]:  # the tests of retail_airflow.tasks run the first
        used = {node.id for node in ast.walk(tasks[stage.task_id]) if isinstance(node, ast.Name)}
        assert used & set(constants.values()) == {constants[stage]}


def test_ingestion_is_mapped_over_the_chosen_sources_and_shows_their_names(dag: Any) -> None:
    ingest = dag.get_task("ingest_retailers_to_s3")

    assert ingest.is_mapped
    assert ingest.op_kwargs_expand_input.value["retailer"].operator.task_id == "choose_sources"
    assert "retailer" in ingest.partial_kwargs["map_index_template"]


def test_one_retailer_that_fails_does_not_stop_the_others(dag: Any) -> None:
    assert dag.get_task("transform_s3_to_postgres").trigger_rule == "all_done_min_one_success"


def test_the_last_task_always_runs_and_is_not_before_the_views(dag: Any) -> None:
    last = dag.get_task("report_missing_retailers")

    assert last.trigger_rule == "all_done"
    assert last.downstream_task_ids == set()
    assert last.upstream_task_ids == {"choose_sources", "ingest_retailers_to_s3", "transform_s3_to_postgres"}
    # A leaf of its own: were the views upstream of the task above, a run whose views failed would succeed.
    assert dag.get_task("refresh_materialized_views").downstream_task_ids == set()


def test_it_runs_daily_at_two_and_does_not_catch_up(dag: Any) -> None:
    assert type(dag.timetable).__name__ == "SinceTimetable"
    assert dag.timetable.summary == "0 2 * * *"
    assert dag.catchup is False
    assert dag.max_active_runs > 1


def test_a_date_can_be_picked_for_one_run(dag: Any) -> None:
    date = dag.params.get_param("date")

    assert date.schema["format"] == "date"
    assert date.value is None


@pytest.mark.parametrize("task_id", TASK_IDS)
def test_a_stage_is_tried_again_after_5_10_and_20_minutes_and_ends_within_2_hours(dag: Any, task_id: str) -> None:
    task = dag.get_task(task_id)

    assert task.retries == 3
    assert task.retry_delay == timedelta(minutes=5)
    assert task.retry_exponential_backoff
    assert task.max_retry_delay == timedelta(minutes=30)
    assert task.execution_timeout == timedelta(hours=2)
    assert task.pool == "retail_pipeline"


def test_later_stages_go_first(dag: Any) -> None:
    weights = [dag.get_task(task_id).priority_weight for task_id in TASK_IDS]

    assert weights == sorted(weights)
    assert len(set(weights[1:])) == len(weights[1:])


def test_an_alarm_is_raised_four_hours_after_a_run_was_queued(dag: Any) -> None:
    (deadline,) = dag.deadline

    # Seconds and no timedelta, or a run could not be cleared in Airflow 3.3.2.
    assert deadline.interval == timedelta(hours=4).total_seconds()
    assert type(deadline.reference).__name__ == "DagRunQueuedAtDeadline"
    assert type(deadline.callback).__name__ == "SyncCallback"


def test_failures_retries_and_successes_are_reported(dag: Any) -> None:
    assert dag.on_failure_callback and dag.on_success_callback
    for task in dag.tasks:
        assert task.on_failure_callback and task.on_retry_callback


def test_the_documentation_names_every_task(dag: Any) -> None:
    assert [task.task_id for task in dag.tasks if task.task_id not in dag.doc_md] == []


def test_stages_are_imported_inside_the_tasks_only() -> None:
    at_the_top = {
        (node.module or "").split(".")[0]
        for node in DAG_TREE.body
        if isinstance(node, ast.ImportFrom) and node.level == 0
    }

    assert at_the_top <= {
        "__future__",
        "dataclasses",
        "datetime",
        "airflow",
        "pipeline",
        "retail_airflow",
        "retail_schedule",
        "shared",
    }
