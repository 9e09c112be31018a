"""A platform that is up, as its users meet it: Airflow's API, the warehouse, the retailers' switch for faults."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg2
import requests

from shared.airflow_rest.client import DAG_ID, AirflowApi
from tests.end_to_end.checkout import Checkout
from tests.fakes.vendors import call_admin
from tests.waiting import wait_until

RUNS = f"/api/v2/dags/{DAG_ID}/dagRuns"
EVERYONE = {"retailer_1", "retailer_2", "retailer_3"}
"""The sources of the platform, unless a test adds one."""
UNFINISHED = ("queued", "running", None)
BALANCE = """
WITH facts AS (
    SELECT r.retailer_id, d.full_date AS business_date, count(*) AS rows
      FROM fact_sales JOIN dim_retailer AS r USING (retailer_key) JOIN dim_date AS d USING (date_key) GROUP BY 1, 2
)
SELECT DISTINCT ON (retailer_id) retailer_id, reported = facts.rows
  FROM ops.load_ledger LEFT JOIN facts USING (retailer_id, business_date)
 WHERE business_date = %s ORDER BY retailer_id, load_id DESC
"""
QUICK = {
    "RETAIL_TASK_RETRIES": "0",
    "INGEST_MAX_ATTEMPTS": "2",
    "INGEST_BACKOFF_SECONDS": "0.1",
    "RETAILER_PRELOAD": "none",
    "RETAILER_LINES_PER_DAY": "1600",  # three pages
}


@dataclass(frozen=True)
class Outcome:
    """How a run of the DAG ended."""

    run_id: str
    state: str
    tasks: dict[str, str]
    """State by task, mapped ones as `task[retailer]`."""
    said: str
    """The log of the task that failed last."""


class RunningPlatform:
    """What the tests do with a platform."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = environment
        get = environment.__getitem__
        self.airflow = AirflowApi(get("AIRFLOW_URL"), get("AIRFLOW_USERNAME"), get("AIRFLOW_PASSWORD"))
        self.airflow.wait_for_dag()

    def run(self, day: date) -> Outcome:
        """Run a business date and wait for its end."""
        return self.wait(self.trigger(day))

    def trigger(self, day: date) -> str:
        """Start a run of a business date; its id."""
        body = {"logical_date": None, "conf": {"date": day.isoformat()}}
        return str(self.airflow.call("POST", RUNS, body)["dag_run_id"])

    def pause(self, paused: bool) -> None:
        """Switch the schedule off or on."""
        self.airflow.call("PATCH", f"/api/v2/dags/{DAG_ID}", {"is_paused": paused})

    def chosen_date(self, run_id: str) -> date:
        """The business date that a run has decided on."""
        path = f"{RUNS}/{run_id}/taskInstances/choose_business_date/xcomEntries/return_value"
        return date.fromisoformat(str(self.airflow.call("GET", path)["value"]).strip('"'))

    def wait_for_backfill(self, identifier: int, seconds: float = 600) -> None:
        """Wait until a backfill is completed."""
        path = f"/api/v2/backfills/{identifier}"
        wait_until(lambda: self.airflow.call("GET", path)["completed_at"], seconds, every=0.5)

    def wait(self, run_id: str, seconds: float = 180) -> Outcome:
        """Wait until a run has ended."""
        path = f"{RUNS}/{run_id}"
        deadline = time.monotonic() + seconds
        while (state := self.airflow.call("GET", path)["state"]) in UNFINISHED:
            assert time.monotonic() < deadline, f"{run_id} is still {state} after {seconds} s"
            time.sleep(0.3)
        instances = self.airflow.call("GET", f"{path}/taskInstances")["task_instances"]
        failed = [each for each in instances if each["state"] == "failed"]
        tasks = {_label(each): str(each["state"]) for each in instances}
        return Outcome(run_id, state, tasks, self._last_words(path, failed))

    def _last_words(self, path: str, failed: Sequence[Mapping[str, Any]]) -> str:
        if not failed:
            return ""
        last = max(failed, key=lambda each: each["end_date"])
        where = f"{path}/taskInstances/{last['task_id']}/logs/{last['try_number']}?map_index={last['map_index']}"
        return json.dumps(self.airflow.call("GET", f"{where}&full_content=true")["content"])

    def query(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Rows from the warehouse, as an analyst reads it."""
        with psycopg2.connect(self.environment["WAREHOUSE_READER_DSN"]) as connection, connection.cursor() as cursor:
            cursor.execute(statement, parameters or None)
            return cursor.fetchall()

    def digest(self) -> str:
        """Digest of the warehouse."""
        return str(self.query("SELECT ops.warehouse_digest()")[0][0])

    def command(self, checkout: Checkout, module: str, *arguments: str) -> Any:
        """What a command prints with `--json`, as a user's shell runs it after `source .local/env`."""
        done = subprocess.run(
            [sys.executable, "-m", module, *arguments, "--json"],
            env={"PATH": os.defpath, **self.environment},
            cwd=checkout.root,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return json.loads(done.stdout)

    def page(self, path: str) -> str:
        """The text of a page of Airflow's web server, without its tags."""
        if not self.airflow.token:
            self.airflow.log_in()
        headers = {"Authorization": f"Bearer {self.airflow.token}"}
        response = requests.get(f"{self.airflow.url}{path}", headers=headers, timeout=60)
        response.raise_for_status()
        return " ".join(re.sub(r"<[^>]*>", " ", response.text).split())

    def faults(self, number: int, faults: str | None) -> None:
        """Switch a retailer's faults on; None switches all off."""
        if faults:
            self._admin(number, "POST", "/admin/faults", {"faults": faults})
        else:
            self._admin(number, "DELETE", "/admin/faults")

    @contextmanager
    def stopped_clocks(self) -> Iterator[None]:
        """Stop the retailers' clocks, so that no late sale and no correction of recent days arrives meanwhile.

        Runs of the same date then read the same sales.
        """
        try:
            self._set_clocks(datetime.now(UTC))
            yield
        finally:
            self._set_clocks(None)

    def balance(self, day: date) -> dict[str, bool]:
        """Whether the warehouse has as many lines of a date as the retailer's control report, by retailer."""
        return dict(self.query(BALANCE, day))

    def _set_clocks(self, at: datetime | None) -> None:
        for number in (1, 2, 3):
            now = at.isoformat(timespec="seconds") if at else None
            self._admin(number, "POST", "/admin/clock", {"now": now})

    def _admin(self, number: int, method: str, path: str, body: Mapping[str, object] | None = None) -> None:
        get = self.environment.__getitem__
        call_admin(get(f"RETAILER{number}_API_URL"), get("RETAILER_ADMIN_TOKEN"), method, path, body)


def _label(instance: Mapping[str, Any]) -> str:
    task = str(instance["task_id"])
    return f"{task}[{instance['rendered_map_index']}]" if instance["map_index"] >= 0 else task


def _written_environment(root: Path) -> dict[str, str]:
    """What `make up` wrote for the shell."""
    lines = (root / ".local" / "env").read_text(encoding="utf-8").splitlines()
    pairs = (line.removeprefix("export ").partition("=") for line in lines if line.startswith("export "))
    return {name: shlex.split(value)[0] for name, _, value in pairs}


def brought_up(checkout: Checkout, settings: Mapping[str, str]) -> RunningPlatform:
    """Bring a checkout's platform up to stay."""
    status, output = checkout.run("up", **settings)
    assert status == 0, output
    return RunningPlatform(_written_environment(checkout.root))


@contextmanager
def started(checkout: Checkout, settings: Mapping[str, str] = QUICK) -> Iterator[RunningPlatform]:
    """Bring a checkout's platform up, with little timeout_seconds and small days, and down again."""
    try:
        yield brought_up(checkout, settings)
    finally:
        checkout.run("down")
