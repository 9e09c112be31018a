"""A warehouse filled by plain INSERTs: published days that every quality check finds right, and views find sales in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg2
from psycopg2.extras import Json, execute_values

from ingestion.models.columns import LISTS
from shared.config import Settings, load_settings

LOADED_AT = datetime(2024, 2, 1, tzinfo=UTC)
OPEN_END = datetime(9999, 12, 31, tzinfo=UTC)
RETAILERS = {"retailer_1": (1, "USD"), "retailer_2": (2, "GBP"), "retailer_3": (3, "EUR")}


@dataclass(frozen=True)
class Line:
    """A line of a receipt; the signs follow from the type."""

    transaction: str
    line: str = "1"
    product: str = "P1"
    customer: str = "C1"
    store: str = "S1"
    line_type: str = "sale"
    quantity: Decimal = Decimal(2)
    price: Decimal = Decimal("12.50")
    currency: str | None = None
    sold_at: datetime | None = None
    sign: int = 0
    item_type: str = "product"
    discount: Decimal = Decimal(0)
    tax: Decimal | None = None
    tax_included: bool = False

    @property
    def net(self) -> Decimal:
        """What was charged without discount and tax, never negative."""
        included = self.tax or Decimal(0) if self.tax_included else Decimal(0)
        return self.quantity * self.price - self.discount - included

    @property
    def direction(self) -> int:
        """+1 or -1."""
        return self.sign or (-1 if self.line_type == "return" else 1)


def usual_lines(day: date, receipts: int = 20) -> list[Line]:
    """Two lines a receipt, three products, three customers and a guest; the last receipt is a return."""
    lines = []
    for number in range(receipts):
        name = f"T{day:%m%d}-{number:04d}"
        customer = ("C1", "C2", "C3", "GUEST")[number % 4]
        kind = "return" if number == receipts - 1 else "sale"
        lines.append(Line(name, "1", "P1", customer, f"S{number % 2 + 1}", kind))
        lines.append(
            Line(name, "2", f"P{number % 3 + 1}", customer, f"S{number % 2 + 1}", kind, Decimal(1), Decimal("5.99"))
        )
    return lines


@dataclass
class PublishedDays:
    """A warehouse and how to publish days in it, as the loader would."""

    dsn: str
    """Of a user who may write everything."""
    run_id: str = "run-1"
    _keys: dict[tuple[str, str, str], int] = field(default_factory=dict)
    _connection: psycopg2.extensions.connection | None = None

    @property
    def connection(self) -> psycopg2.extensions.connection:
        """One connection for everything, opened when it is first needed; each statement commits."""
        if self._connection is None:
            self._connection = psycopg2.connect(self.dsn)
            self._connection.autocommit = True
        return self._connection

    def close(self) -> None:
        """Let go of the database."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def execute(self, statement: str, parameters: Any = None) -> list[tuple[Any, ...]]:
        """Run any statement and commit; its rows if it has any."""
        with self.connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

    def publish(
        self,
        day: date,
        retailer_id: str = "retailer_1",
        lines: Sequence[Line] | None = None,
        *,
        run_id: str | None = None,
        reported: bool = True,
        rejected: int = 0,
    ) -> int:
        """Facts, summaries, ledger, watermark of one partition; the load's number. No lines: a day without sales."""
        retailer_key, currency = RETAILERS[retailer_id]
        day_lines = [
            replace(line, currency=line.currency or currency) for line in (usual_lines(day) if lines is None else lines)
        ]
        self.execute("SELECT ops.ensure_fact_partition(%s)", (day,))
        ((load_id,),) = self.execute(
            "INSERT INTO ops.data_versions (run_id, retailer_key, load_path, code_version, published_at)"
            " VALUES (%s, %s, 'merge', 'test', %s) RETURNING load_id",
            (run_id or self.run_id, retailer_key, LOADED_AT),
        )
        self._insert_facts(day, retailer_id, day_lines, load_id)
        self.summarise(day, retailer_id)
        self._write_ledger(day, retailer_id, day_lines, load_id, run_id or self.run_id, reported, rejected)
        self.execute(
            "INSERT INTO ops.pipeline_metadata (retailer_id, last_processed_date, changes_read_until, updated_at)"
            " VALUES (%s, %s, %s, %s) ON CONFLICT (retailer_id) DO UPDATE SET"
            " last_processed_date = greatest(pipeline_metadata.last_processed_date, excluded.last_processed_date),"
            " changes_read_until = greatest(pipeline_metadata.changes_read_until, excluded.changes_read_until)",
            (retailer_id, day, datetime.combine(day + timedelta(days=1), datetime.min.time(), UTC), LOADED_AT),
        )
        return int(load_id)

    def plan(self, day: date, sources: Sequence[str], run_id: str | None = None) -> None:
        """The row of a run's first stage: the sources it is for."""
        self.execute(
            "INSERT INTO ops.pipeline_runs (run_id, stage, business_date, status, started_at, finished_at, details)"
            " VALUES (%s, 'plan', %s, 'succeeded', %s, %s, %s)",
            (run_id or self.run_id, day, LOADED_AT, LOADED_AT, Json({"sources": list(sources)})),
        )

    def publish_all(self, day: date, **options: Any) -> None:
        """`publish` for every retailer."""
        for retailer_id in RETAILERS:
            self.publish(day, retailer_id, **options)

    def summarise(self, day: date, retailer_id: str) -> None:
        """Write both summaries of a slice again from its facts."""
        bound = {"date_key": _date_key(day), "retailer_key": RETAILERS[retailer_id][0]}
        for table in ("fact_daily_sales", "fact_daily_transactions"):
            self.execute(
                f"DELETE FROM {table} WHERE date_key = %(date_key)s AND retailer_key = %(retailer_key)s", bound
            )
        self.execute(
            "INSERT INTO fact_daily_sales SELECT date_key, retailer_key, product_key, store_key, currency, count(*),"
            " sum(quantity * (line_type = 'sale' AND item_type = 'product')::int),"
            " sum(quantity * (line_type = 'return' AND item_type = 'product')::int),"
            " sum(net_quantity * (item_type = 'product')::int), sum(net_amount * (line_type = 'sale')::int),"
            " sum(-net_amount * (line_type = 'return')::int), sum(net_amount * (line_type = 'adjustment')::int),"
            " sum(net_amount), item_type,"
            " sum(discount_amount * CASE WHEN line_type = 'return' OR net_amount < 0 THEN -1 ELSE 1 END),"
            " coalesce(sum(net_tax_amount), 0)"
            " FROM fact_sales WHERE date_key = %(date_key)s AND retailer_key = %(retailer_key)s"
            " GROUP BY date_key, retailer_key, product_key, store_key, currency, item_type",
            bound,
        )
        self.execute(
            "INSERT INTO fact_daily_transactions SELECT date_key, fact.retailer_key, store_key, currency,"
            " count(DISTINCT transaction_id), count(DISTINCT nullif(customer_id, 'GUEST'))"
            " FROM fact_sales AS fact JOIN dim_customer USING (customer_key) WHERE line_type = 'sale'"
            " AND date_key = %(date_key)s AND fact.retailer_key = %(retailer_key)s"
            " GROUP BY date_key, fact.retailer_key, store_key, currency",
            bound,
        )

    def member(self, kind: str, retailer_id: str, name: str) -> int:
        """Surrogate key of a product, store or customer, made when it is not there yet."""
        known = self._keys.get((kind, retailer_id, name)) or self._find(kind, retailer_id, name)
        if known is None:
            since = datetime(2020, 1, 1, tzinfo=UTC)
            columns: dict[str, Any] = {"retailer_key": RETAILERS[retailer_id][0], f"{kind}_id": name}
            columns |= {
                "product": {"product_name": f"Product {name}", "category": "Home", "attributes_as_of": since},
                "store": {"store_name": f"Store {name}", "attributes_as_of": since},
                "customer": {"valid_from": since, "valid_to": OPEN_END, "is_current": True},
            }[kind]
            ((known,),) = self.execute(
                f"INSERT INTO dim_{kind} ({', '.join(columns)}) VALUES %s RETURNING {kind}_key",
                (tuple(columns.values()),),
            )
        self._keys[kind, retailer_id, name] = known
        return known

    def _find(self, kind: str, retailer_id: str, name: str) -> int | None:
        rows = self.execute(
            f"SELECT {kind}_key FROM dim_{kind} WHERE retailer_key = %s AND {kind}_id = %s ORDER BY 1 LIMIT 1",
            (RETAILERS[retailer_id][0], name),
        )
        return rows[0][0] if rows else None

    def _insert_facts(self, day: date, retailer_id: str, lines: Sequence[Line], load_id: int) -> None:
        retailer_key = RETAILERS[retailer_id][0]
        noon = datetime.combine(day, datetime.min.time(), UTC) + timedelta(hours=12)
        rows = [
            (
                _date_key(day),
                retailer_key,
                line.transaction,
                line.line,
                self.member("product", retailer_id, line.product),
                self.member("customer", retailer_id, line.customer),
                self.member("store", retailer_id, line.store),
                line.line_type,
                line.sold_at or noon,
                line.currency,
                line.quantity,
                line.price,
                line.quantity * line.price,
                line.direction * line.quantity,
                line.direction * line.net,
                line.sold_at or noon,
                load_id,
                line.item_type,
                line.discount,
                line.tax,
                None if line.tax is None else line.direction * line.tax,
                line.tax_included,
                None,
            )
            for line in lines
        ]
        transactions = sorted({(retailer_key, line.transaction, _date_key(day)) for line in lines})
        with self.connection.cursor() as cursor:
            execute_values(cursor, f"INSERT INTO fact_sales ({', '.join(LISTS['fact_columns'])}) VALUES %s", rows)
            execute_values(cursor, "INSERT INTO ops.transaction_dates VALUES %s", transactions)

    def _write_ledger(
        self,
        day: date,
        retailer_id: str,
        lines: Sequence[Line],
        load_id: int,
        run_id: str,
        reported: bool,
        rejected: int,
    ) -> None:
        count = len(lines)
        self.execute(
            "INSERT INTO ops.load_ledger (load_id, retailer_id, business_date, run_id, reported, fetched, landed,"
            " rejected, inserted, updated, unchanged, duplicate, superseded, withdrawn, in_warehouse, source_sha256,"
            " recorded_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, 0, 0, 0, 0, 0, %s, 'test', %s)",
            (
                load_id,
                retailer_id,
                day,
                run_id,
                count + rejected if reported else None,
                count + rejected,
                count,
                rejected,
                count,
                count,
                LOADED_AT,
            ),
        )
        for currency in sorted({str(line.currency) for line in lines}):
            of_currency = [line for line in lines if line.currency == currency]
            net = sum((line.direction * line.net for line in of_currency), Decimal(0))
            tax = sum((line.direction * (line.tax or 0) for line in of_currency), Decimal(0))
            for measure, money in (("net", net), ("tax", tax)) if tax else (("net", net),):
                self.execute(
                    "INSERT INTO ops.load_ledger_amounts (load_id, retailer_id, business_date, currency, measure,"
                    " reported, landed, rejected, inserted, updated, unchanged, duplicate, withdrawn, in_warehouse)"
                    " VALUES (%s, %s, %s, %s, %s, %s, %s, 0, %s, 0, 0, 0, 0, %s)",
                    (load_id, retailer_id, day, currency, measure, money if reported and measure == "net" else None)
                    + (money,) * 3,
                )


def warehouse_settings(dsn: str) -> Settings:
    """Settings of a stage that uses nothing but the warehouse."""
    return load_settings({"WAREHOUSE_DSN": dsn, "S3_BUCKET_RAW": "raw", "S3_BUCKET_PROCESSED": "processed"})


def _date_key(day: date) -> int:
    return int(f"{day:%Y%m%d}")
