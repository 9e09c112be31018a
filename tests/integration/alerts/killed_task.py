"""Run by test_killed_task.py: the dag-processor calls the DAG's callback after a task's process was killed."""

from __future__ import annotations

import sys
import uuid
from datetime import UTC, datetime
from typing import Any

import structlog
from airflow.api_fastapi.execution_api.datamodels.taskinstance import TaskInstance
from airflow.callbacks.callback_requests import TaskCallbackRequest
from airflow.dag_processing import processor
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk.api.datamodels._generated import DagRun, TIRunContext

RUN: dict[str, Any] = {"dag_id": "retail_data_pipeline", "run_id": "manual__x"}
NOW = datetime.now(UTC)
DAG_RUN: Any = DagRun
CONTEXT: Any = TIRunContext

if __name__ == "__main__":
    run = DAG_RUN.model_construct(
        **RUN,
        **dict.fromkeys(("logical_date", "data_interval_start", "data_interval_end", "end_date", "partition_key")),
        run_after=NOW,
        start_date=NOW,
        run_type="manual",
        state="running",
        conf={"date": "2026-11-20"},
        consumed_asset_events=[],
    )
    task = TaskInstance.model_construct(
        **RUN, id=uuid.uuid4(), task_id="ingest_retailers_to_s3", try_number=1, map_index=1, dag_version_id=uuid.uuid4()
    )
    request = TaskCallbackRequest.model_construct(
        filepath="x",
        bundle_name="x",
        bundle_version=None,
        msg="killed",
        ti=task,
        context_from_server=CONTEXT.model_construct(dag_run=run, max_tries=0, task_reschedule_count=0),
    )
    processor._execute_task_callbacks(DagBag(sys.argv[1]), request, structlog.get_logger())
