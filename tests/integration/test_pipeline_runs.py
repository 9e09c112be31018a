"""The row that a stage leaves behind."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta

import psycopg2
import pytest

from local_stack.databases import WarehouseAccess
from monitoring.stage_runs import StageRun, record_stage
from pipeline import wait_for_stage
from shared.errors import StopRun


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (StopRun("too many rejected records"), "too many rejected records"),
        (ValueError("no such thing"), "ValueError: no such thing"),
        (KeyboardInterrupt(), "interrupted"),
    ],
)
def test_a_stage_that_ends_early_is_failed_and_not_running(
    warehouse: WarehouseAccess, error: BaseException, message: str
) -> None:
    stage = StageRun("run-1", "ingest", date(2024, 1, 15))
    with (
        pytest.raises(type(error)),
        record_stage(warehouse.loader_dsn, stage, clock=lambda: datetime(2024, 1, 16, tzinfo=UTC)),
    ):
        raise error
    with psycopg2.connect(warehouse.reader_dsn) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT status, message, finished_at IS NOT NULL FROM ops.pipeline_runs")
        assert cursor.fetchall() == [("failed", message, True)]


def test_a_failure_from_before_a_wait_does_not_end_it_although_its_clock_is_ahead(
    warehouse: WarehouseAccess, monkeypatch: pytest.MonkeyPatch
) -> None:
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    in_two_days = datetime.now(UTC) + timedelta(days=2)
    stage = StageRun("run-1", "ingest", yesterday)
    with pytest.raises(StopRun), record_stage(warehouse.loader_dsn, stage, clock=lambda: in_two_days):
        raise StopRun("too many rejected records")
    monkeypatch.setenv("WAREHOUSE_DSN", warehouse.loader_dsn)
    monkeypatch.setenv("BUSINESS_TIMEZONE", "UTC")
    started: list[list[str]] = []
    monkeypatch.setattr(os, "execvp", lambda _, command: started.append(command))

    def run_again(_: float) -> None:
        assert started == []
        with record_stage(warehouse.loader_dsn, StageRun("run-2", "ingest", yesterday), clock=lambda: in_two_days):
            pass

    monkeypatch.setattr(wait_for_stage.wait_for_stage, "__kwdefaults__", {
        "clock": lambda: 0.0, "sleep": run_again, "timeout_seconds": 1.0,
    })  # fmt: skip
    wait_for_stage.main(["ingest", "true"])

    assert started == [["true"]]
