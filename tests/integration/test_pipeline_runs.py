"""The row that a stage leaves behind."""

from __future__ import annotations

from datetime import UTC, date, datetime

import psycopg2
import pytest

from local_stack.databases import WarehouseAccess
from monitoring.stage_runs import StageRun, record_stage
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
