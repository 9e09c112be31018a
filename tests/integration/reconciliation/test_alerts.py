"""The maintenance task raises alerts for what differs, and resolves them once it is gone."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from cli.maintenance import app as maintenance_app
from cli.rebuild import rebuild_all
from maintenance.task import TaskContext
from pipeline.reconciliation.task import reconcile_recent, run
from shared.errors import StopRun
from shared.partitions import processed_key
from tests.integration.reconciliation.conftest import DAYS, FIRST, MAIN, NOW, OTHER, Stores

ALERTS = "SELECT retailer_id, business_date, status, severity, summary FROM ops.alerts ORDER BY alert_id"
FACTS = "UPDATE fact_sales SET product_key = 0 WHERE date_key = 20240115 AND retailer_key = 1 AND line_id = '2'"
SUMMARIES = "DELETE FROM fact_daily_sales WHERE date_key = 20240115 AND retailer_key = 1"


def context_of(stores: Stores) -> TaskContext:
    return TaskContext(stores.settings, "run-1", DAYS[-1], lambda: NOW)


def repair(stores: Stores, *days: date, retailer_id: str = MAIN) -> None:
    """`retail rebuild --repair`."""
    console = Console(stderr=True, quiet=True)
    loads = rebuild_all({retailer_id: list(days)}, stores.settings, "repair-1", console, repair=True)
    assert not any(load.error for load in loads)
    stores.changed |= {(stores.processed, processed_key(retailer_id, day)) for day in days}


def test_what_agrees_raises_no_alert(stores: Stores) -> None:
    done = reconcile_recent(context_of(stores))
    assert done.problem is None
    assert done.summary == "4 partitions of 2023-12-14 to 2024-01-17 compared, 70 lines, 0 differ"
    assert stores.execute(ALERTS) == []


@pytest.mark.parametrize(
    "planted", [FACTS, *(pytest.param(each, marks=pytest.mark.long) for each in (SUMMARIES, "parquet"))]
)
def test_a_difference_has_an_alert_until_the_date_is_repaired(stores: Stores, planted: str) -> None:
    """Neither the facts nor the raw data of the date have other sums, so that a usual load would not notice."""
    if planted == "parquet":
        stores.delete(stores.processed, processed_key(MAIN, FIRST))
    else:
        stores.execute(planted)

    found = reconcile_recent(context_of(stores))

    (difference,) = found.facts["differences"]
    assert (difference["retailer_id"], difference["business_date"]) == (MAIN, "2024-01-15")
    ((name, day, status, severity, summary),) = stores.execute(ALERTS)
    assert (name, day, status, severity) == (MAIN, FIRST, "open", "critical")
    assert summary.startswith("retailer_1 2024-01-15 does not reconcile: it arises in ")

    repair(stores, FIRST)
    done = reconcile_recent(context_of(stores))
    assert done.problem is None or "mv_" in done.problem
    assert ("resolved",) in {(each[2],) for each in stores.execute(ALERTS) if each[1] == FIRST}


def test_when_the_raw_zone_is_another_bucket_each_source_has_one_alert_until_it_is_corrected(stores: Stores) -> None:
    right, s3 = context_of(stores), stores.settings.s3
    swapped = s3.model_copy(update={"bucket_raw": s3.bucket_processed, "bucket_processed": s3.bucket_raw})
    wrong = replace(right, settings=stores.settings.model_copy(update={"s3": swapped}))

    for _ in range(2):
        assert len(reconcile_recent(wrong).facts["differences"]) == 4

    raised = stores.execute("SELECT retailer_id, business_date, occurrences, detail FROM ops.alerts ORDER BY alert_id")
    assert [each[:3] for each in raised] == [(MAIN, None, 2), (OTHER, FIRST, 2)]
    assert f"The bucket {s3.bucket_processed}" in raised[0][3]
    assert "Check S3_BUCKET_RAW and S3_ENDPOINT_URL: retail config check" in raised[0][3]

    done = reconcile_recent(right)
    assert (done.problem, done.facts["resolved"]) == (None, 2)
    assert {each[2] for each in stores.execute(ALERTS)} == {"resolved"}


def test_two_reconciliations_at_once_raise_one_alert(stores: Stores) -> None:
    stores.execute(SUMMARIES)
    threads = [threading.Thread(target=lambda: reconcile_recent(context_of(stores))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [each[:3] for each in stores.execute(ALERTS)] == [(MAIN, FIRST, "open")]


def test_in_airflow_a_difference_makes_the_task_red(stores: Stores) -> None:
    stores.execute(SUMMARIES)
    with pytest.raises(
        StopRun, match=r"1 partition does not reconcile\. retailer_1 2024-01-15 differs in summaries: fact_daily_sales"
    ):
        run(DAYS[-1], settings=stores.settings, run_id="run-1")


def environment(stores: Stores) -> dict[str, Any]:
    from tests.integration.reconciliation.conftest import _environment

    return {**_environment(stores.settings), "WAREHOUSE_DSN": stores.settings.warehouse_dsn.get_secret_value()}


def test_the_task_runs_from_the_command_line_and_prints_json(
    object_stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment(object_stores).items():
        monkeypatch.setenv(name, value)
    result = CliRunner().invoke(maintenance_app, ["reconcile", "--json", "--days", "2"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["ok"] is True


def test_dates_before_those_compared_keep_their_alerts(stores: Stores) -> None:
    stores.execute(SUMMARIES)
    assert reconcile_recent(context_of(stores)).problem
    later = replace(context_of(stores), yesterday=DAYS[-1] + timedelta(days=60))
    assert reconcile_recent(later).problem is None
    assert [each[2] for each in stores.execute(ALERTS)] == ["open"]
