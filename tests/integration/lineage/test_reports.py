"""The example's report from a real warehouse into a real bucket."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import pytest

from shared.config import PROJECT_ROOT
from shared.errors import RetryLater
from shared.reports import write_csv

if TYPE_CHECKING:
    from local_stack.databases import WarehouseAccess
    from tests.integration.cli.conftest import Retail
    from tests.integration.ingestion.conftest import Platform

DAY = "2024-01-17"
SQL = (PROJECT_ROOT / "airflow" / "dags" / "example_sales_report.sql").read_text(encoding="utf-8")


def test_the_example_report_holds_the_day_of_every_retailer(
    platform: Platform, retail: Retail, warehouse: WarehouseAccess
) -> None:
    assert retail(platform.environment, "run", DAY, "--only-this-date").returncode == 0
    for environ in ({"WAREHOUSE_READER_DSN": warehouse.reader_dsn}, platform.environment):
        written = write_csv(SQL, {"day": DAY}, "reports/test.csv", settings=platform.settings, environ=environ)
        assert written == {"bucket": platform.s3.bucket_processed, "key": "reports/test.csv", "rows": 3}
        stored = platform.s3.client.get_object(Bucket=platform.s3.bucket_processed, Key="reports/test.csv")
        rows = list(csv.DictReader(io.StringIO(stored["Body"].read().decode())))
        assert [row["retailer_id"] for row in rows] == ["retailer_1", "retailer_2", "retailer_3"]
        assert [(row["net_amount"],) for row in rows] == platform.query(
            "SELECT net_amount::text FROM mv_daily_sales_summary ORDER BY retailer_id"
        )


def test_a_report_cannot_write(platform: Platform) -> None:
    with pytest.raises(RetryLater, match="read-only transaction"):
        write_csv(
            "DELETE FROM fact_sales", {}, "reports/x.csv", settings=platform.settings, environ=platform.environment
        )
