"""How much work a load is, in figures that do not depend on the machine: an extra pass over the data fails here.

The figures are in work.json; `+3 ~2 -1` is three rows inserted, two updated, one deleted. When a change is meant to
move them, look at the difference, then write them again:

    RETAIL_WRITE_WORK=1 python -m pytest tests/integration/regression
"""

from __future__ import annotations

import csv
import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

import transformation.main
from ingestion.landing.overlap_policy import Overlap
from local_stack.databases import WarehouseAccess
from local_stack.postgres import PostgresServer
from pipeline.file_load import run_file_load
from pipeline.file_load_request import FileLoadRequest
from pipeline.file_load_result import FileLoadResult
from shared.config import load_settings
from tests.conftest import S3Access
from tests.fakes.raw_zone import DAY, RawZone, record
from tests.integration.regression.work_counter import Work, count_work

Count = Callable[[Callable[[dict[str, str]], object]], Work]
EXPECTED = Path(__file__).with_name("work.json")
BYTES_TOLERANCE = 0.05
"""Texts of keys and versions differ by some bytes, and Parquet by its writer's version."""
LINES = 300
ROWS_A_MONTH = 9_000
COLUMNS = ("InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country")


@pytest.fixture
def counting(
    monkeypatch: pytest.MonkeyPatch, postgres_server: PostgresServer, warehouse: WarehouseAccess, s3: S3Access
) -> Count:
    """Runs something with the settings of a fresh warehouse and S3, and says what work it was."""
    superuser = postgres_server.superuser_dsn(urlsplit(warehouse.owner_dsn).path.lstrip("/"))

    def count(do: Callable[[dict[str, str]], object]) -> Work:
        environment = {**s3.environment, "WAREHOUSE_DSN": warehouse.loader_dsn}
        return count_work(
            monkeypatch, superuser, s3.endpoint, lambda endpoint: do({**environment, "S3_ENDPOINT_URL": endpoint})
        )

    return count


def compare(name: str, work: Work) -> None:
    """Hold work against work.json: bytes nearly, everything else exactly."""
    rows = {table: "+{} ~{} -{}".format(*counts) for table, counts in work.rows.items()}
    found: dict[str, Any] = {**asdict(work), "rows": rows}
    known = json.loads(EXPECTED.read_text(encoding="utf-8")) if EXPECTED.exists() else {}
    if os.environ.get("RETAIL_WRITE_WORK"):
        EXPECTED.write_text(json.dumps({**known, name: found}, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        return
    expected = known[name]
    for figure in ("copied_bytes", "put_bytes"):
        assert found[figure] == pytest.approx(expected[figure], rel=BYTES_TOLERANCE), f"{name}: {figure}"
        found[figure] = expected[figure]
    assert found == expected, name


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Two months of a shop's sales: large enough to be built as months, 5 dates each."""
    return write_sales(tmp_path / "sales.csv")


def write_sales(path: Path, quantity_of_first: int = 3) -> Path:
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(COLUMNS)
        for n in range(2 * ROWS_A_MONTH):
            month, within = divmod(n, ROWS_A_MONTH)
            day, invoice = 1 + within // (ROWS_A_MONTH // 5), 500_000 + n // 10
            quantity = quantity_of_first if n == 0 else 1 + n % 7
            sold_at = f"{month + 1}/{day}/2011 {9 + n % 8}:{invoice % 60:02d}"
            product, price = n % 10 + invoice % 200, f"{1 + n % 40}.25"
            customer = 12_000 + invoice % 900 if invoice % 4 else ""
            writer.writerow(
                [invoice, 20_000 + product, f"PRODUCT {product}", quantity, sold_at, price, customer, "France"]
            )
    return path


def land(s3: S3Access, *, changed: int = 0, day: date = DAY) -> None:
    """A day of one retailer: 300 lines of 100 receipts; of the first `changed` lines the source has a later version."""
    zone = RawZone()
    zone.land(
        [
            record(str(n % 3 + 1), f"T{n // 3}", day, product_id=f"P{n % 50}", customer_id=f"C{n % 90}",
                   qty=3 if n < changed else 2, **({"changed_at": "2024-01-16T12:00:00Z"} if n < changed else {}))
            for n in range(LINES)
        ],
        day=day,
    )  # fmt: skip
    for (_, key), body in zone.objects.items():
        s3.client.put_object(Bucket=s3.bucket_raw, Key=key, Body=body)


def load(environment: dict[str, str]) -> None:
    result = transformation.main.run(DAY, ["retailer_1"], settings=load_settings(environment), run_id="run")
    assert result.ok, result.as_dict()


def test_a_day_is_no_more_work_than_it_was(counting: Count, s3: S3Access) -> None:
    land(s3)
    first = counting(load)
    assert first.warehouse_rows()["ops.fact_sales"] == (LINES, 0, 0)
    compare("a new day", first)

    again = counting(load)
    assert again.warehouse_rows() == {}, "a replayed day writes no row of the warehouse"
    compare("the same day again", again)

    land(s3, changed=5)
    corrected = counting(load)
    assert corrected.warehouse_rows()["ops.fact_sales"] == (0, 5, 0), "five changed lines are five rows"
    compare("five lines changed", corrected)


def etl(file: Path, environment: dict[str, str], reports: Path) -> FileLoadResult:
    order = FileLoadRequest([str(file)], "online_retail", Overlap.STOP, report_directory=reports)
    return run_file_load(order, run_id=f"run-{time.monotonic_ns()}", settings=load_settings(environment))


@pytest.mark.long
def test_a_file_is_no_more_work_than_it_was(counting: Count, file: Path, tmp_path: Path) -> None:
    first = counting(lambda environment: etl(file, environment, tmp_path))
    assert first.warehouse_rows()["ops.fact_sales"] == (2 * ROWS_A_MONTH, 0, 0)
    compare("a new file", first)

    again = counting(lambda environment: etl(file, environment, tmp_path))
    assert (again.warehouse_rows(), again.copied_bytes, again.objects_put) == ({}, 0, 0)
    compare("the same file again", again)

    write_sales(file, quantity_of_first=4)
    corrected = counting(lambda environment: etl(file, environment, tmp_path))
    compare("a file with one row changed", corrected)
