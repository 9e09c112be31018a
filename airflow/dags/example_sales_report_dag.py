"""example_sales_report: an example of a report that runs whenever the views have been refreshed."""

from __future__ import annotations

import os

from airflow.sdk import Param, dag, get_current_context, task

from pipeline.outcomes import StageSummary
from retail_airflow import assets as warehouse
from retail_airflow import tasks

ZONE = os.environ.get("BUSINESS_TIMEZONE", "UTC")
VIEWS = warehouse.asset(warehouse.ALL_VIEWS)


@dag(
    "example_sales_report",
    schedule=[VIEWS],
    is_paused_upon_creation=True,  # an example: unpause or copy it
    params={"date": Param(None, type=["null", "string"], format="date", title="Business date")},
    default_args={"retries": 2, "pool": "retail_pipeline", "priority_weight": 1, "weight_rule": "absolute"},
    tags=["retail", "example"],
    doc_md=tasks.documentation(__file__),
)
def example_sales_report() -> None:
    """Which business dates the views were refreshed for, then a report of each."""

    @task
    def choose_business_dates() -> list[str]:
        context = get_current_context()
        events = context["triggering_asset_events"]
        # Several runs of the pipeline may end before this one starts; then their events arrive together.
        days = warehouse.business_dates(events[VIEWS]) if VIEWS in events else []
        return days or [tasks.chosen_date(ZONE)]  # triggered manually: the date of the form, else yesterday

    @task(map_index_template="{{ task.op_kwargs['day'] }}")
    def write_report(day: str) -> StageSummary:
        from pathlib import Path

        from shared.config import load_settings
        from shared.reports import write_csv

        sql = Path(__file__).with_name("example_sales_report.sql").read_text(encoding="utf-8")
        return write_csv(sql, {"day": day}, f"reports/sales_by_retailer/{day}.csv", settings=load_settings())

    write_report.expand(day=choose_business_dates())


example_sales_report()
