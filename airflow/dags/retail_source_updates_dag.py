"""retail_source_updates: every 15 minutes the sources of files whose schedule is on_arrival or a cron expression."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

from airflow.sdk import dag, task

from retail_airflow import source_updates, tasks
from retail_schedule import daily


@dag(
    "retail_source_updates",
    schedule=daily("*/15 * * * *"),
    catchup=False,
    is_paused_upon_creation=False,
    max_active_runs=1,
    default_args={
        "retries": 1,  # the next run tries again anyway
        "retry_delay": timedelta(seconds=float(os.environ.get("RETAIL_RETRY_DELAY_SECONDS", "300"))),
        "execution_timeout": timedelta(hours=2),
        "weight_rule": "absolute",
        **tasks.TASK_SETTINGS,
    },
    tags=["retail"],
    doc_md=tasks.documentation(__file__),
)
def retail_source_updates() -> None:
    """One task per source, so that one that fails does not stop the others."""

    @task
    def choose_due_sources() -> list[str]:
        return source_updates.choose_due_sources()

    @task(map_index_template="{{ task.op_kwargs['retailer'] }}")
    def load_source_files(retailer: str) -> dict[str, Any]:
        return source_updates.load_source(retailer)

    sources: tasks.XCom = choose_due_sources()
    load_source_files.expand(retailer=sources)


retail_source_updates()
