from __future__ import annotations

import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from shared.config import PROJECT_ROOT
from tests.fakes.published_days import PublishedDays
from tests.integration.alerts.conftest import Alerts, Sink

if TYPE_CHECKING:
    from local_stack.databases import WarehouseAccess


@pytest.mark.long
def test_a_task_that_was_killed_is_reported_by_the_dag_processor(
    warehouse: WarehouseAccess, sink: Sink, alerts: Alerts, tmp_path: Path
) -> None:
    days = PublishedDays(warehouse.owner_dsn, run_id="manual__x")
    days.plan(date(2026, 11, 20), ["retailer_1", "retailer_2"])
    days.close()
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("killed_task.py")), str(PROJECT_ROOT / "airflow" / "dags")],
        env={
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": str(PROJECT_ROOT),
            "AIRFLOW_HOME": str(tmp_path),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT_ROOT / "airflow" / "plugins"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__API__BASE_URL": "http://airflow:8080",
            "WAREHOUSE_DSN": warehouse.loader_dsn,
            "ALERT_CHANNELS": f"json://{sink.host}/hook",
        },
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
    (row,) = alerts()
    assert row["fingerprint"] == "task_failed/retail_data_pipeline/ingest_retailers_to_s3/retailer_2/2026-11-20"
    (body,) = sink.bodies
    assert body["title"] == "[ERROR] ingest_retailers_to_s3 failed for retailer_2, 2026-11-20"
    assert "its process was killed" in body["message"]
    assert body["link"].startswith("http://airflow:8080/dags/retail_data_pipeline/runs/manual__x/tasks/")
