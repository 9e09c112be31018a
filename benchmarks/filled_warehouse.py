"""Fills a warehouse with years of sales inside PostgreSQL: months are built as separate tables and attached.

The loader is not used, so that later measurements do not depend on it. What the loader stores besides facts (summaries,
dates of transactions, observations of customers) is there in the same proportions.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import psycopg2
from psycopg2 import sql

from benchmarks.vendor_pages import PRODUCTS
from shared.database import read_sql

MONTHS = 60
LAST_DAY = date(2024, 1, 14)
"""The day before the one that is loaded on top."""
BYTES_A_FACT = 430
"""Rows, indexes, summaries, operational tables, and their share of the write-ahead log; rounded up."""
_SPARE_BYTES = 4 * 2**30
_CUSTOMERS_PER_FACT = 1 / 250
_SQL = Path(__file__).parent / "sql"


class DiskTooSmall(Exception):
    """The disk is too small for the requested number of facts."""


@dataclass(frozen=True)
class _Month:
    first: date
    last: date

    @property
    def next(self) -> date:
        return (self.first + timedelta(days=31)).replace(day=1)

    @property
    def partition(self) -> sql.Composable:
        return sql.Identifier("ops", f"fact_sales_{self.first:%Y_%m}")


def check_room(facts: int) -> None:
    """Raise DiskTooSmall when the disk of temporary files is too small for a warehouse of so many facts."""
    wanted = facts * BYTES_A_FACT + _SPARE_BYTES
    free = shutil.disk_usage(tempfile.gettempdir()).free
    if free < wanted:
        raise DiskTooSmall(
            f"{facts:,} facts need about {wanted / 2**30:.0f} GiB of temporary disk space and {free / 2**30:.0f} are"
            " free. Make room, point TMPDIR to a larger disk, or request fewer with --facts."
        )


def fill(dsn: str, facts: int, progress: Callable[[str], None], months: int = MONTHS) -> int:
    """Fill an empty warehouse, as its superuser, with about `facts` facts up to LAST_DAY. Returns their number."""
    month_list = _months(months)
    days = sum((month.last - month.first).days + 1 for month in month_list)
    bound = {
        "lines": max(3, round(facts / (3 * days))),
        "products": PRODUCTS,
        "customers": max(1000, round(facts * _CUSTOMERS_PER_FACT / 3)),
    }
    _run(dsn, "drop_ops_keys", {})
    _run(dsn, "fill_dimensions", bound)
    done = 0
    with ThreadPoolExecutor(2, thread_name_prefix="fill") as pool:
        for month in pool.map(lambda each: _fill_month(dsn, each, bound), month_list):
            done += 1
            progress(f"filling: {month.first:%Y-%m}, {done} of {months} months")
    progress("filling: keys of the operational tables")
    _run(dsn, "create_ops_keys", {})
    _vacuum(
        dsn, "ops.transaction_dates", "ops.customer_observations", "fact_daily_sales", "dim_customer", "dim_product"
    )
    return bound["lines"] * 3 * days


def _months(count: int) -> list[_Month]:
    last = LAST_DAY.replace(day=1)
    firsts = [
        date(last.year + (last.month - 1 - back) // 12, (last.month - 1 - back) % 12 + 1, 1) for back in range(count)
    ]
    ends = [min(LAST_DAY, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)) for first in firsts]
    return [_Month(first, end) for first, end in zip(reversed(firsts), reversed(ends), strict=True)]


def _fill_month(dsn: str, month: _Month, bound: dict[str, int]) -> _Month:
    like = sql.SQL("CREATE TABLE {} (LIKE fact_sales INCLUDING DEFAULTS INCLUDING CONSTRAINTS)").format(month.partition)
    values: dict[str, object] = {
        **bound,
        "first_day": month.first,
        "last_day": month.last,
        "first_key": int(f"{month.first:%Y%m%d}"),
        "next_key": int(f"{month.next:%Y%m%d}"),
    }
    _execute(dsn, like, {})
    for name in ("fill_month", "fill_ops_tables", "finish_month"):
        _run(dsn, name, values, month.partition)
    _vacuum(dsn, f"ops.fact_sales_{month.first:%Y_%m}")
    return month


def _run(
    dsn: str, name: str, values: dict[str, object] | dict[str, int], partition: sql.Composable | None = None
) -> None:
    statement = sql.SQL(read_sql(_SQL / f"{name}.sql"))
    _execute(dsn, statement.format(partition=partition) if partition else statement, values)


def _execute(dsn: str, statement: sql.Composable, values: dict[str, object] | dict[str, int]) -> None:
    connection = psycopg2.connect(dsn, options="-c TimeZone=UTC -c maintenance_work_mem=256MB -c work_mem=64MB")
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(statement, values)
    finally:
        connection.close()


def _vacuum(dsn: str, *tables: str) -> None:
    """Vacuum as autovacuum would have done; otherwise it would run during a measurement."""
    connection = psycopg2.connect(dsn)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            for table in tables:
                cursor.execute(f"VACUUM (ANALYZE) {table}")  # our own names
    finally:
        connection.close()
