"""What the warehouse holds of some dates of a source, copied into DuckDB from one snapshot; reads only."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingestion.models.columns import duckdb_type, render, staging_table
from shared.database import Connection, Cursor, lock_key, read_sql, transaction

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

_SQL = Path(__file__).parent / "sql"
_LOCKS = (
    "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND mode = 'ExclusiveLock'"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    " AND (classid::bigint << 32) | objid::bigint IN (ops.lock_key('ops.load', %s), %s))"
)
ROW_COLUMNS = {each.name: duckdb_type(each.type) for each in staging_table()}
"""Columns of the tables of rows, with the source's identifiers, and their DuckDB types."""
_SALES_TYPES = {
    "line_count": "BIGINT",
    **dict.fromkeys(("sold_quantity", "returned_quantity", "net_quantity"), "DECIMAL(38,3)"),
    **dict.fromkeys(("sales_amount", "returns_amount", "adjustment_amount", "net_amount"), "DECIMAL(38,4)"),
    "item_type": "VARCHAR",
    **dict.fromkeys(("discount_amount", "tax_amount"), "DECIMAL(38,4)"),
}
DAILY_SALES = {
    "date_key": "INTEGER",
    **dict.fromkeys(("product_key", "store_key", "currency"), "VARCHAR"),
    **_SALES_TYPES,
}
"""Columns of daily_sales; the keys are the source's identifiers."""
DAILY_TRANSACTIONS = {
    "date_key": "INTEGER", "store_key": "VARCHAR", "currency": "VARCHAR", "transaction_count": "BIGINT",
    "customer_count": "BIGINT",
}  # fmt: skip


@dataclass(frozen=True)
class LedgerAmounts:
    """What the ledger says of one currency."""

    reported: Decimal | None
    landed: Decimal
    rejected: Decimal
    in_warehouse: Decimal


@dataclass(frozen=True)
class Published:
    """The newest ledger row of a date."""

    load_id: int
    recorded_at: datetime
    sha256: str
    replaces_older_versions: bool
    """False after `--insert-only`, which keeps them, and for a date that an old version of the platform loaded."""
    reported: int | None
    fetched: int
    landed: int
    rejected: int
    superseded: int
    in_warehouse: int
    amounts: dict[tuple[str, str], LedgerAmounts] = field(default_factory=dict)
    """By currency and measure, `net` or `tax`."""

    def money(self, measure: str, currency: str) -> LedgerAmounts:
        """Of one currency; zeros if the ledger has none."""
        return self.amounts.get((currency, measure), LedgerAmounts(None, Decimal(0), Decimal(0), Decimal(0)))


def date_key(day: date) -> int:
    """20240115 for 2024-01-15."""
    return int(f"{day:%Y%m%d}")


@contextmanager
def snapshot(connection: Connection) -> Iterator[Cursor]:
    """A read-only transaction in which everything belongs to one publication. Keep it short: it delays loads."""
    with transaction(connection) as cursor:
        # One snapshot for all of it; the lock comes first, so that it knows the partitions that it reads.
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute("LOCK TABLE fact_sales IN ACCESS SHARE MODE")
        cursor.execute("SET LOCAL enable_nestloop = off")  # complete slices are compared; hashing always fits
        yield cursor


def read_ledger(cursor: Cursor, retailer_id: str, first: date, last: date) -> dict[date, Published]:
    """The newest ledger row of every date of a source between `first` and `last`."""
    bound = {"retailer_id": retailer_id, "first": first, "last": last}
    cursor.execute(read_sql(_SQL / "ledger.sql"), bound)
    found = {day: Published(*values) for day, *values in cursor.fetchall()}
    cursor.execute(read_sql(_SQL / "ledger_amounts.sql"), bound)
    for day, currency, measure, *values in cursor.fetchall():
        found[day].amounts[currency, measure] = LedgerAmounts(*values)
    return found


def copy_published(
    cursor: Cursor, retailer_id: str, first: date, last: date, columnar: duckdb.DuckDBPyConnection, directory: Path
) -> None:
    """Fill the DuckDB tables fact_rows, superseded_rows, daily_sales and daily_transactions with these dates."""
    from transformation.load.copying import copy_out

    cursor.execute("SELECT retailer_key FROM dim_retailer WHERE retailer_id = %s", (retailer_id,))
    row = cursor.fetchone()
    bound = {"retailer_key": row[0] if row else -1, "first_key": date_key(first), "last_key": date_key(last)}
    tables: Mapping[str, tuple[str, dict[str, str]]] = {
        "fact_rows": ("facts", ROW_COLUMNS),
        "superseded_rows": ("superseded", {**ROW_COLUMNS, "is_replaced": "BOOLEAN"}),
        "daily_sales": ("daily_sales", DAILY_SALES),
        "daily_transactions": ("daily_transactions", DAILY_TRANSACTIONS),
    }
    for table, (name, columns) in tables.items():
        query = cursor.mogrify(render(read_sql(_SQL / f"{name}.sql")), bound).decode()
        copy_out(cursor, query, columnar, f"TABLE {table}", columns, directory / f"{table}.csv")


def is_being_loaded(cursor: Cursor, retailer_id: str, day: date) -> bool:
    """Whether a load of the source, or a landing of the date, is at work now."""
    cursor.execute(_LOCKS, (retailer_id, lock_key("raw", retailer_id, day)))
    return bool((cursor.fetchone() or (False,))[0])


def read_dead_letters(cursor: Cursor, retailer_id: str, first: date, last: date) -> tuple[bool, set[tuple[Any, ...]]]:
    """Whether the warehouse has dead letters of the source at all, and (date, digest, code) of those of these dates."""
    cursor.execute("SELECT EXISTS (SELECT FROM ops.dead_letters WHERE retailer_id = %s)", (retailer_id,))
    any_at_all = bool((cursor.fetchone() or (False,))[0])
    cursor.execute(
        "SELECT business_date, payload_digest, reason_code FROM ops.dead_letters"
        " WHERE retailer_id = %s AND business_date BETWEEN %s AND %s AND stage = 'ingest'",
        (retailer_id, first, last),
    )
    return any_at_all, set(cursor.fetchall())
