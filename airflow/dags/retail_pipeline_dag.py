"""retail_data_pipeline: retailers to S3 to the star schema to checks to views, every day at 02:00."""

import os
from dataclasses import replace
from datetime import timedelta

from airflow.sdk import TriggerRule, dag, task

from pipeline.outcomes import StageSummary, loaded_retailers
from pipeline.stages import INGEST, QUALITY, REFRESH, TRANSFORM
from retail_airflow import assets, tasks
from retail_schedule import daily

ZONE = os.environ.get("BUSINESS_TIMEZONE", "UTC")


@dag(
    "retail_data_pipeline",
    schedule=daily("0 2 * * *"),
    catchup=False,
    is_paused_upon_creation=False,
    max_active_runs=4,  # dates of a backfill that run concurrently
    params={"date": tasks.date_param(ZONE)},
    default_args={
        "retries": int(os.environ.get("RETAIL_TASK_RETRIES", "3")),  # after 5, 10 and 20 minutes
        "retry_delay": timedelta(seconds=float(os.environ.get("RETAIL_RETRY_DELAY_SECONDS", "300"))),
        "retry_exponential_backoff": True,
        "max_retry_delay": timedelta(minutes=30),
        "execution_timeout": timedelta(hours=2),
        "weight_rule": "absolute",  # later stages go first, so that a started date is finished first
        **tasks.TASK_SETTINGS,
    },
    deadline=tasks.deadline(),
    **tasks.RUN_CALLBACKS,
    tags=["retail"],
    doc_md=tasks.documentation(__file__),
)
def retail_data_pipeline() -> None:
    """Each task runs its stage and passes on dates and counts, never rows; the order is that of pipeline.stages."""

    @task
    def choose_business_date() -> str:
        return tasks.chosen_date(ZONE)

    @task
    def choose_sources(day: str) -> list[str]:
        return tasks.choose_sources(day)

    @task(map_index_template="{{ task.op_kwargs['retailer'] }}", priority_weight=1)
    def ingest_retailers_to_s3(retailer: str, day: str) -> StageSummary:
        return tasks.run_stage(day, lambda call: INGEST.run(replace(call, retailers=[retailer])))

    @task(trigger_rule=TriggerRule.ALL_DONE_MIN_ONE_SUCCESS, priority_weight=2, outlets=assets.tables())
    def transform_s3_to_postgres(landed: list[StageSummary], day: str) -> StageSummary:
        result = tasks.run_stage(day, lambda call: TRANSFORM.run(replace(call, retailers=loaded_retailers(landed))))
        return assets.loaded(result, day)

    @task(priority_weight=3)
    def data_quality_check(loaded: StageSummary, day: str) -> StageSummary:
        return tasks.run_stage(day, lambda call: QUALITY.run(replace(call, retailers=tasks.published_or_skip(loaded))))

    @task(priority_weight=4, outlets=assets.views())
    def refresh_materialized_views(day: str) -> StageSummary:
        return assets.refreshed(tasks.run_stage(day, REFRESH.run), day)

    @task(trigger_rule=TriggerRule.ALL_DONE, priority_weight=5)
    def report_missing_retailers(sources: list[str] | None) -> None:
        tasks.fail_for_missing_retailers(sources)

    day: tasks.XCom = choose_business_date()
    sources: tasks.XCom = choose_sources(day)
    landed: tasks.XCom = ingest_retailers_to_s3.partial(day=day).expand(retailer=sources)
    loaded: tasks.XCom = transform_s3_to_postgres(landed, day)
    data_quality_check(loaded, day) >> refresh_materialized_views(day)
    [landed, loaded] >> report_missing_retailers(sources)


retail_data_pipeline()
