"""A warehouse, a raw zone and small files for `retail etl`."""

from __future__ import annotations

import csv
import os
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from local_stack.databases import WarehouseAccess
from pipeline.file_load import run_file_load
from pipeline.file_load_request import FileLoadRequest
from pipeline.file_load_result import FileLoadResult
from shared.config import Settings, load_settings
from tests import shipped_sources
from tests.conftest import S3Access
from tests.copied_process import CopiedProcess, run_module

HEADER = ("InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country")
RETAILER = "online_retail"
FIRST = date(2011, 1, 4)


@dataclass(frozen=True)
class Row:
    """A line of an invoice, as the file has it."""

    invoice: str
    stock: str
    name: str
    quantity: str
    day: date
    price: str
    customer: str
    country: str = "United Kingdom"

    def texts(self) -> tuple[str, ...]:
        time = f"{self.day.month}/{self.day.day}/{self.day.year} {8 + int(self.invoice[-2:]) % 10}:26"
        return (self.invoice, self.stock, self.name, self.quantity, time, self.price, self.customer, self.country)

    @property
    def money(self) -> Decimal:
        return Decimal(self.quantity) * Decimal(self.price)


def sales(days: int = 6, per_day: int = 12, *, first: date = FIRST, start: int = 100_000) -> list[Row]:
    """Plausible rows: names that need escaping, guests, returns, an exact copy a day. Always the same."""
    names = ("LANTERN", 'BOX, "LARGE"', "CAF\u00c9 \u00a3 SET", " back\\slash ", "")
    rows = []
    for ahead in range(days):
        day = first + timedelta(days=ahead)
        for number in range(per_day):
            place = ahead * per_day + number
            back = number % 7 == 6
            rows.append(
                Row(
                    invoice=f"{'C' if back else ''}{start + place // 3}",
                    stock=f"{20_000 + place % 17}{'AB'[place % 2]}",
                    name=names[place % len(names)],
                    quantity=f"{'-' if back else ''}{1 + place % 5}",
                    day=day,
                    price=f"{place % 9}.{place % 100:02d}",
                    customer="" if number % 4 == 0 else f"{12_000 + place % 11}",
                )
            )
        rows.append(rows[-1])
    return rows


def write(path: Path, rows: Iterable[Row | Sequence[str]]) -> Path:
    """A CSV file of these rows."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        writer.writerows(row.texts() if isinstance(row, Row) else row for row in rows)
    return path


@dataclass
class Platform:
    """Where a test's loads go."""

    warehouse: WarehouseAccess
    s3: S3Access
    runs: int = 0
    extra: dict[str, str] = field(default_factory=dict)
    """Further settings."""

    @property
    def environment(self) -> dict[str, str]:
        own = {**shipped_sources.ENVIRONMENT, "WAREHOUSE_DSN": self.warehouse.loader_dsn}
        return {**self.s3.environment, **own, **self.extra}

    @property
    def complete_environment(self) -> dict[str, str]:
        """What a program needs beyond it."""
        return {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], **self.environment}

    @property
    def settings(self) -> Settings:
        return load_settings(self.environment)

    def load(self, *sources: Path, **order: Any) -> FileLoadResult:
        """`retail etl` in this process. Tiny files miss thresholds of quality, which bind only if a test says so."""
        self.runs += 1
        order.setdefault("allow_low_quality", True)
        request = FileLoadRequest(
            sources=[str(source) for source in sources], layout=order.pop("layout", RETAILER), **order
        )
        return run_file_load(replace(request), run_id=f"etl-{self.runs}", settings=self.settings)

    def start(self, *arguments: str, **environment: str) -> CopiedProcess:
        """`retail etl` as a process of its own."""
        return CopiedProcess("cli", ("etl", *arguments), self.complete_environment | environment)

    def command(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """The same, waited for."""
        return self.start(*arguments, **environment).wait()

    def retail(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Another command, waited for."""
        return run_module("cli", *arguments, environment=self.complete_environment)

    def query(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg2.connect(self.warehouse.owner_dsn) as connection, connection.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    def digest(self) -> str:
        return str(self.query("SELECT ops.warehouse_digest()")[0][0])

    def facts(self) -> tuple[int, Decimal]:
        """Rows and net money."""
        return self.query("SELECT count(*), coalesce(sum(net_amount), 0) FROM fact_sales")[0]

    def empty_the_warehouse(self) -> None:
        """As if the warehouse had just been set up."""
        self.query(
            "TRUNCATE fact_sales, fact_daily_sales, fact_daily_transactions, ops.transaction_dates,"
            " ops.customer_observations, ops.superseded_sales, ops.load_ledger, ops.load_ledger_amounts,"
            " ops.source_partitions, ops.source_files, ops.flagged_sales, ops.data_versions CASCADE;"
            "DELETE FROM dim_customer WHERE customer_key <> 0; DELETE FROM dim_product WHERE product_key <> 0;"
            "DELETE FROM dim_store WHERE store_key <> 0"
        )

    def versions(self) -> list[tuple[Any, ...]]:
        """Every fact with the transaction that wrote it."""
        return self.query("SELECT date_key, transaction_id, line_id, xmin::text FROM fact_sales ORDER BY 1, 2, 3")

    def objects(self, prefix: str = "") -> dict[str, tuple[str, datetime]]:
        """Objects of the raw bucket: entity tag and time."""
        pages = self.s3.client.get_paginator("list_objects_v2").paginate(Bucket=self.s3.bucket_raw, Prefix=prefix)
        return {
            item["Key"]: (item["ETag"], item["LastModified"]) for page in pages for item in page.get("Contents", ())
        }

    def read_object(self, key: str) -> bytes:
        return self.s3.client.get_object(Bucket=self.s3.bucket_raw, Key=key)["Body"].read()


@pytest.fixture
def platform(warehouse: WarehouseAccess, s3: S3Access) -> Platform:
    return Platform(warehouse, s3)
