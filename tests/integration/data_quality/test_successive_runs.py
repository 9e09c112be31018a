"""The checks behind the real pipeline: what is ordinary for a retailer is never a critical failure."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import uuid4

import pytest

import data_quality.main
import ingestion.main
import transformation.main
from data_quality.quality_checks import Status
from ingestion.connectors.protocol import Runtime
from local_stack.databases import WarehouseAccess
from local_stack.postgres import PostgresServer
from shared.config import load_settings
from tests.conftest import S3Access
from tests.fakes.vendors import running_vendor

FIRST_DAY = date(2024, 1, 15)
RUNS = 3


@pytest.mark.long
def test_late_corrected_moved_repeated_and_bad_records_fail_no_critical_check(
    postgres_server: PostgresServer, warehouse: WarehouseAccess, s3: S3Access
) -> None:
    name = f"runs_{uuid4().hex[:8]}"
    with running_vendor(1, postgres_server.create_database(name), {"RETAILER_LINES_PER_DAY": "600"}) as vendor:
        settings = load_settings(
            {
                **s3.environment,
                **vendor.environment,
                "WAREHOUSE_DSN": warehouse.loader_dsn,
                "INGEST_REQUESTS_PER_SECOND": "10000",
            }
        )
        for number in range(RUNS):
            day, run_id = FIRST_DAY + timedelta(days=number), f"run-{number}"
            vendor.clock(f"{day + timedelta(days=1)}T09:00:00Z")
            if number == RUNS - 1:
                vendor.faults("bad_rows:0.02,duplicates:0.1")
            landed = ingestion.main.run(
                day,
                [vendor.retailer_id],
                settings=settings,
                run_id=run_id,
                since_watermark=True,
                runtime=Runtime(sleep=lambda _: None),
            )
            assert landed.ok, landed.as_dict()
            assert transformation.main.run(day, [vendor.retailer_id], settings=settings, run_id=run_id).ok
            result = data_quality.main.run(day, settings=settings, run_id=run_id, retailers=[vendor.retailer_id])
            assert [each.message for each in result.with_status(Status.FAIL)] == []
            assert number == 0 or len({each.finding.business_date for each in result.checks}) > 1
        warned = {each.check.name for each in result.with_status(Status.WARN)}
        assert {"few_rejects", "few_duplicates", "retailer_left_out"} <= warned
    postgres_server.drop_database(name)
