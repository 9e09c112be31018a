"""Every way to start a run on the real scheduler, and the business date that it loads."""

from __future__ import annotations

import subprocess
import sys
from datetime import date, datetime, timedelta
from typing import Any

from playwright.sync_api import Page

from local_stack import state
from local_stack.airflow_service import airflow_environment
from local_stack.credentials import load_or_create
from local_stack.layout import Layout
from shared.airflow_rest.client import DAG_ID
from tests.airflow.pipeline_page import PipelinePage
from tests.conftest import Say
from tests.end_to_end.checkout import Checkout
from tests.end_to_end.running_platform import RUNS, RunningPlatform
from tests.waiting import wait_until

DAY = date(2023, 1, 10)
"""Before all that other tests load; the simulated retailers opened on 1 January 2023."""
ONE_DAY = timedelta(days=1)


def airflow(checkout: Checkout, platform: RunningPlatform, *arguments: str) -> None:
    """Airflow's own command line, with the settings of the platform's processes."""
    layout = Layout(checkout.root)
    ports, credentials = state.load(layout.state_file).ports, load_or_create(layout.credentials_file)
    environment = airflow_environment(layout, ports, credentials, platform.environment)
    command = [sys.executable, "-m", "airflow", *arguments]
    subprocess.run(command, env=environment, cwd=checkout.root, check=True, capture_output=True, timeout=120)


def scheduled(platform: RunningPlatform) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = platform.airflow.call("GET", f"{RUNS}?run_type=scheduled")["dag_runs"]
    return found


def start_one_of_each_kind(platform: RunningPlatform, checkout: Checkout, page: Page) -> dict[str, str]:
    """Ids of the runs by what they are; only the scheduled one arises by itself."""
    ids = {}
    platform.pause(False)
    wait_until(lambda: len(scheduled(platform)) == 1, 120)
    ids["scheduled"] = scheduled(platform)[0]["dag_run_id"]
    body: dict[str, Any] = {"logical_date": None}
    ids["API"] = platform.airflow.call("POST", RUNS, body)["dag_run_id"]
    body = {"logical_date": f"{DAY}T00:00:00Z"}
    ids["API, logical date"] = platform.airflow.call("POST", RUNS, body)["dag_run_id"]
    ids["API, date"] = platform.trigger(DAY + 5 * ONE_DAY)
    ids["CLI"], ids["CLI, logical date"] = "cli", "cli_with_date"
    airflow(checkout, platform, "dags", "trigger", DAG_ID, "--run-id", "cli")
    logical = (DAY + 2 * ONE_DAY).isoformat()
    airflow(checkout, platform, "dags", "trigger", DAG_ID, "--run-id", "cli_with_date", "--logical-date", logical)
    pipeline = PipelinePage(page)
    pipeline.open()
    pipeline.trigger_form()
    ids["page"] = pipeline.trigger(None)
    days = (DAY + 4 * ONE_DAY).isoformat()
    body = {"dag_id": DAG_ID, "from_date": f"{days}T00:00:00Z", "to_date": f"{days}T23:59:59Z"}
    platform.wait_for_backfill(int(platform.airflow.call("POST", "/api/v2/backfills", body)["id"]))
    ids["backfill"] = f"backfill__{DAY + 5 * ONE_DAY}T02:00:00+00:00"  # named after its scheduled time on the next day
    return ids


def test_every_kind_of_run_loads_its_business_date(
    restarted: RunningPlatform, checkout: Checkout, page: Page, say: Say
) -> None:
    platform = restarted
    ids = start_one_of_each_kind(platform, checkout, page)

    outcomes = {kind: platform.wait(run_id, 300).state for kind, run_id in ids.items()}
    dates = {kind: platform.chosen_date(run_id) for kind, run_id in ids.items()}

    say("; ".join(f"{kind}: {day}" for kind, day in dates.items()))
    assert outcomes == dict.fromkeys(ids, "success")
    scheduled_at = datetime.fromisoformat(scheduled(platform)[0]["run_after"])
    triggered = {
        kind: platform.airflow.call("GET", f"{RUNS}/{ids[kind]}")["run_after"] for kind in ("API", "CLI", "page")
    }
    assert (scheduled_at.hour, scheduled_at.minute) == (2, 0)
    assert dates == {
        "scheduled": scheduled_at.date() - ONE_DAY,
        **{kind: datetime.fromisoformat(at).date() - ONE_DAY for kind, at in triggered.items()},
        "API, logical date": DAY - ONE_DAY,
        "API, date": DAY + 5 * ONE_DAY,
        "CLI, logical date": DAY + ONE_DAY,
        "backfill": DAY + 4 * ONE_DAY,
    }
    loaded = platform.query("SELECT DISTINCT business_date FROM ops.load_ledger")
    assert {(day,) for day in dates.values()} <= set(loaded)
