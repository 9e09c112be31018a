"""Mapping the retailers' days in columns gives what normalising them row by row gives, with faulty rows among them."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from ingestion.connectors import registry
from ingestion.connectors.protocol import Runtime
from ingestion.mapping.workspace import workspace
from shared.config import load_settings
from tests.fakes.both_ways import InColumns, RowByRow, differences
from tests.fakes.vendors import running_vendor

if TYPE_CHECKING:
    from tests.conftest import Say

DAYS = (date(2024, 1, 15), date(2024, 3, 31))


@pytest.mark.parametrize("lines", [2_000, pytest.param(45_000, marks=pytest.mark.long)])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_faulty_days_are_mapped_as_they_were_normalised(number: int, lines: int, database: str, say: Say) -> None:
    made_up = {"RETAILER_LINES_PER_DAY": str(lines), "RETAILER_TODAY": "2024-05-01"}
    with running_vendor(number, database, made_up) as vendor, workspace() as connection:
        vendor.faults("bad_rows:0.03,duplicates:0.1")
        environment = {
            **vendor.environment,
            "WAREHOUSE_DSN": "postgresql:///",
            "S3_BUCKET_RAW": "raw",
            "S3_BUCKET_PROCESSED": "processed",
            "INGEST_REQUESTS_PER_SECOND": "10000",
        }
        service = registry.build(vendor.retailer_id, load_settings(environment), Runtime())
        compared = 0
        for day in DAYS:
            pages = {page.number: list(page.rows) for page in service.fetch_sales_data(day)}
            row_by_row, in_columns = RowByRow(number)(pages, day), InColumns(number, connection)(pages, day)
            assert differences(row_by_row, in_columns) == []
            assert row_by_row.rejected
            compared += row_by_row.records.total() + len(row_by_row.rejected)
        service.close()
    say(f"{vendor.retailer_id}: {compared:,} lines compared")
    assert compared > 1.5 * lines
