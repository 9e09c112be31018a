"""Operating the platform with `retail schedule`, `retail gaps` and `retail maintenance`, on a real Airflow."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import date, timedelta
from typing import Any

import pytest

from shared.airflow_rest.client import DAG_ID
from shared.config import PROJECT_ROOT
from tests.end_to_end.running_platform import RUNS, RunningPlatform

FIRST = date(2025, 3, 25)
"""Of this file's own dates; the range goes over the end of the month."""
LOADED = "SELECT DISTINCT business_date FROM ops.load_ledger WHERE business_date BETWEEN %s AND %s ORDER BY 1"


def day(number: int) -> str:
    return (FIRST + timedelta(days=number)).isoformat()


def retail(platform: RunningPlatform, *arguments: str, status: int = 0) -> str:
    """What the command prints, as one who has sourced `.local/env` sees it."""
    done = subprocess.run(
        [sys.executable, "-m", "cli", *arguments],
        cwd=PROJECT_ROOT,
        env={**os.environ, **platform.environment, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout if "--json" in arguments else done.stdout + done.stderr


def retail_json(platform: RunningPlatform, *arguments: str, status: int = 0) -> Any:
    return json.loads(retail(platform, *arguments, "--json", status=status))


def loaded(platform: RunningPlatform, first: int, last: int) -> list[str]:
    return [row[0].isoformat() for row in platform.query(LOADED, day(first), day(last))]


def test_a_date_is_triggered_and_watched_to_its_end(platform: RunningPlatform) -> None:
    done = retail_json(platform, "schedule", "trigger", day(0))
    assert (done["state"], done["business_date"]) == ("success", day(0))
    assert {"ingest_retailers_to_s3[retailer_2]", "refresh_materialized_views"} <= {
        each["name"] for each in done["tasks"]
    }
    assert loaded(platform, 0, 0) == [day(0)]


@pytest.mark.usefixtures("stopped_clocks")
def test_a_range_is_backfilled_both_ends_included_and_again_without_a_change(platform: RunningPlatform) -> None:
    assert retail_json(platform, "schedule", "backfill", day(5), day(8), "--dry-run")["to_run"] == [
        day(n) for n in (5, 6, 7, 8)
    ]
    done = retail_json(platform, "schedule", "backfill", day(5), day(8))
    assert [(each["business_date"], each["state"]) for each in done["runs"]] == [
        (day(n), "success") for n in (5, 6, 7, 8)
    ]
    assert loaded(platform, 4, 9) == [day(n) for n in (5, 6, 7, 8)]
    digest = platform.digest()

    assert retail_json(platform, "schedule", "backfill", day(7), day(8))["there"] == {
        day(7): "success",
        day(8): "success",
    }
    again = retail_json(platform, "schedule", "backfill", day(8), day(8), "--reprocess", "completed")

    assert [each["business_date"] for each in again["runs"]] == [day(8)]
    assert platform.digest() == digest
    latest = retail_json(platform, "schedule", "runs", "--limit", "1")
    assert [(each["business_date"], each["kind"]) for each in latest] == [(day(8), "backfill")]


def test_the_list_of_runs_says_why_a_run_failed(platform: RunningPlatform) -> None:
    platform.faults(2, "down")
    try:
        output = retail(platform, "schedule", "trigger", day(1), status=1)
    finally:
        platform.faults(2, None)
    assert "ingest_retailers_to_s3[retailer_2]: retailer_2 at" in output
    assert "503" in retail_json(platform, "schedule", "runs", "--limit", "1")[0]["reasons"][0]


def test_gaps_are_found_and_filled_through_airflow(platform: RunningPlatform) -> None:
    for number in (10, 13):
        conf = {"date": day(number), "only_this_date": True}
        body = {"logical_date": None, "conf": conf}
        platform.wait(platform.airflow.call("POST", RUNS, body)["dag_run_id"])
    span = ("--from", day(10), "--to", day(13))
    missing = retail_json(platform, "gaps", *span, status=1)["gaps"]
    assert missing == {f"retailer_{number}": [day(11), day(12)] for number in (1, 2, 3)}

    filled = retail_json(platform, "gaps", *span, "--fill")

    assert filled["runs"] == {day(11): "success", day(12): "success"}
    assert filled["gaps"] == {}
    assert loaded(platform, 9, 14) == [day(n) for n in (10, 11, 12, 13)]


def test_a_paused_dag_runs_nothing_and_is_switched_on_again(platform: RunningPlatform) -> None:
    retail(platform, "schedule", "pause")
    try:
        assert "is paused: its runs stay in the queue" in retail(platform, "schedule", "trigger", day(0), status=1)
        listed = {each["dag_id"]: each["paused"] for each in retail_json(platform, "schedule", "list")}
        assert listed[DAG_ID] is True
    finally:
        retail(platform, "schedule", "unpause")
    assert platform.airflow.call("GET", f"/api/v2/dags/{DAG_ID}")["is_paused"] is False


@pytest.mark.parametrize("task", ["orphans", "partitions", "statistics", "reconcile"])
def test_maintenance_tasks_run_from_the_shell(platform: RunningPlatform, task: str) -> None:
    assert retail_json(platform, "maintenance", task)["ok"] is True


def test_the_maintenance_dag_succeeds(platform: RunningPlatform) -> None:
    done = retail_json(platform, "schedule", "trigger", "--dag", "retail_maintenance")
    assert (done["state"], done["reasons"]) == ("success", [])
    states = {each["name"]: each["state"] for each in done["tasks"]}
    assert states == dict.fromkeys(
        ("finish_runs", "remove_orphans", "create_partitions", "refresh_statistics", "find_gaps", "reconcile"),
        "success",
    )
    assert platform.query("SELECT max(full_date) > now() + interval '1 year' FROM dim_date") == [(True,)]
