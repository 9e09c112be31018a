"""retail_maintenance: daily maintenance at 04:30, after the pipeline; the reconciliation on Mondays."""

from __future__ import annotations

import os
from datetime import date, timedelta

from airflow.sdk import dag, get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException

from pipeline.outcomes import StageSummary
from retail_airflow import tasks
from retail_schedule import daily

ZONE = os.environ.get("BUSINESS_TIMEZONE", "UTC")


@dag(
    "retail_maintenance",
    schedule=daily("30 4 * * *"),
    catchup=False,
    is_paused_upon_creation=False,
    max_active_runs=1,
    max_active_tasks=1,  # it is not urgent and leaves the resources to the loads
    default_args={
        "retries": int(os.environ.get("RETAIL_TASK_RETRIES", "3")),
        "retry_delay": timedelta(seconds=float(os.environ.get("RETAIL_RETRY_DELAY_SECONDS", "300"))),
        "execution_timeout": timedelta(hours=1),
        "pool": "retail_pipeline",
        "weight_rule": "absolute",
        **tasks.TASK_CALLBACKS,
    },
    tags=["retail"],
    doc_md=tasks.documentation(__file__),
)
def retail_maintenance() -> None:
    """Independent tasks: when one fails, the others still run."""

    def run_task(name: str) -> StageSummary:
        from maintenance.main import run

        return tasks.run_stage(
            tasks.chosen_date(ZONE), lambda call: run(name, call.day, settings=call.settings, run_id=call.run_id)
        )

    @task
    def finish_runs() -> StageSummary:
        return tasks.finish_runs()

    @task
    def remove_orphans() -> StageSummary:
        return run_task("orphans")

    @task
    def create_partitions() -> StageSummary:
        return run_task("partitions")

    @task
    def refresh_statistics() -> StageSummary:
        return run_task("statistics")

    @task
    def find_gaps() -> StageSummary:
        return run_task("gaps")

    @task
    def reconcile() -> StageSummary:
        sunday = date.fromisoformat(tasks.chosen_date(ZONE)).isoweekday() == 7
        if get_current_context()["dag_run"].run_type == "scheduled" and not sunday:
            raise AirflowSkipException("The reconciliation runs on Mondays. To run it now, trigger this DAG.")
        from pipeline.reconciliation.task import run

        day = tasks.chosen_date(ZONE)
        return tasks.run_stage(day, lambda call: run(call.day, settings=call.settings, run_id=call.run_id))

    for maintenance_task in (finish_runs, remove_orphans, create_partitions, refresh_statistics, find_gaps, reconcile):
        maintenance_task()


retail_maintenance()
