"""A run of the pipeline starts the example report, which gets the business date from the views' event."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import date
from typing import Any
from urllib.parse import quote

import boto3
import pytest

from shared.airflow_rest.client import DAG_ID
from tests.end_to_end.running_platform import RunningPlatform
from tests.waiting import wait_until

DAY = date(2024, 3, 12)
EXAMPLE = "/api/v2/dags/example_sales_report"
XCOM_BYTES = 8_000
"""Results of a stage for one retailer and date are a tenth of it; a day's rows are twenty times as much."""


@pytest.fixture
def switched_on(platform: RunningPlatform) -> Iterator[None]:
    """The example is paused until somebody wants it."""
    assert platform.airflow.call("GET", EXAMPLE)["is_paused"]
    platform.airflow.call("PATCH", EXAMPLE, {"is_paused": False})
    yield
    platform.airflow.call("PATCH", EXAMPLE, {"is_paused": True})


def event(platform: RunningPlatform, name: str, run_id: str) -> dict[str, Any]:
    """What the asset's event of a run says."""
    path = f"/api/v2/assets/events?source_dag_id={DAG_ID}&source_run_id={quote(run_id)}&limit=100"
    found = platform.airflow.call("GET", path)["asset_events"]
    (extra,) = [each["extra"] for each in found if (each["name"], each["group"]) == (name, "warehouse")]
    return dict(extra)


def reports(platform: RunningPlatform) -> list[dict[str, Any]]:
    """The example's runs, the latest first."""
    found = platform.airflow.call("GET", f"{EXAMPLE}/dagRuns?order_by=-id&limit=100")["dag_runs"]
    return [dict(run) for run in found]


def test_a_refresh_of_the_views_starts_the_report_of_its_business_date(
    platform: RunningPlatform, switched_on: None
) -> None:
    before = {run["dag_run_id"] for run in reports(platform)}
    outcome = platform.run(DAY)
    assert outcome.state == "success", outcome.said

    loaded = event(platform, "fact_sales", outcome.run_id)
    assert loaded["business_date"] == DAY.isoformat()
    ledger = "SELECT sum(inserted)::int, sum(in_warehouse)::int FROM ops.load_ledger WHERE run_id = %s"
    assert platform.query(ledger, outcome.run_id) == [(loaded["inserted"], loaded["in_warehouse"])]
    assert loaded["in_warehouse"] > 0
    refreshed = event(platform, "materialized_views", outcome.run_id)
    assert set(refreshed["rows"]) == {name for name in refreshed["rows"] if name.startswith("mv_")}
    assert event(platform, "mv_daily_sales_summary", outcome.run_id)["business_date"] == DAY.isoformat()

    def report() -> Any:
        ended = [run for run in reports(platform) if run["state"] in ("success", "failed")]
        return next((run for run in ended if run["dag_run_id"] not in before), None)

    run = wait_until(report, 240)
    assert (run["state"], run["run_type"]) == ("success", "asset_triggered")
    get = platform.environment.__getitem__
    s3 = boto3.client(
        "s3",
        endpoint_url=get("S3_ENDPOINT_URL"),
        aws_access_key_id=get("AWS_ACCESS_KEY_ID"),
        aws_secret_access_key=get("AWS_SECRET_ACCESS_KEY"),
        region_name=get("AWS_DEFAULT_REGION"),
    )
    body = s3.get_object(Bucket=get("S3_BUCKET_PROCESSED"), Key=f"reports/sales_by_retailer/{DAY}.csv")["Body"].read()
    rows = list(csv.DictReader(io.StringIO(body.decode())))
    assert [(row["retailer_id"], row["business_date"]) for row in rows] == [
        (f"retailer_{number}", DAY.isoformat()) for number in (1, 2, 3)
    ]


def test_no_task_of_a_run_leaves_rows_in_xcom(platform: RunningPlatform) -> None:
    outcome = platform.run(DAY)
    path = f"/api/v2/dags/{DAG_ID}/dagRuns/{outcome.run_id}/taskInstances/~/xcomEntries?limit=200"
    entries = platform.airflow.call("GET", path)["xcom_entries"]
    sizes = {}
    for each in entries:
        one = (
            f"/api/v2/dags/{DAG_ID}/dagRuns/{outcome.run_id}/taskInstances/{each['task_id']}/xcomEntries/{each['key']}"
        )
        entry = platform.airflow.call("GET", f"{one}?map_index={each['map_index']}")
        sizes[each["task_id"], each["map_index"], each["key"]] = len(str(entry["value"]))
    assert len(sizes) >= 7
    assert {key: size for key, size in sizes.items() if size > XCOM_BYTES} == {}
