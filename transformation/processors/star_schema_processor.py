"""The merge path: conformed partitions of one retailer into the star, audited, in one transaction.

The steps, each a SQL file: stage, dimensions, customer history, keys, contested lines, classify, write, withdraw,
summarise, audit, books. A retailer's loads follow one another by a lock; retailers run side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from shared.database import Connection, Cursor, read_sql, transaction
from shared.errors import RetryLater, StopRun
from shared.version import CODE_VERSION
from transformation.conform import ConformedPartition
from transformation.ledger import PartitionBalance, Tally, audit, draw_up_balance, tally_by_outcome
from transformation.processors.books import move_watermark, reaccount, write_ledger
from transformation.processors.contested_lines import settle_contested_lines
from transformation.processors.customer_history import drop_dead_versions, sync_customer_history

_SQL = Path(__file__).parent.parent / "sql"


class OutdatedRead(RetryLater):
    """The partitions were replaced after they were read: loading them would put old data over newer."""


@dataclass(frozen=True)
class Publication:
    """A committed load."""

    load_id: int
    balances: tuple[PartitionBalance, ...]
    customers_changed: int
    other_dates_changed: tuple[int, ...]


def date_key(day: date) -> int:
    """20240115 for 2024-01-15, as in dim_date."""
    return int(f"{day:%Y%m%d}")


def publish(
    connection: Connection,
    partitions: Sequence[ConformedPartition],
    *,
    run_id: str,
    now: datetime,
    insert_only: bool = False,
    is_current: Callable[[], bool] = lambda: True,
    before_commit: Callable[[], None] = lambda: None,
) -> Publication:
    """Merge partitions of one retailer into the star; all of it becomes visible at once, or nothing.

    `is_current` is asked once the retailer is locked: whether the partitions read are still the landed ones.
    `before_commit` runs after the audit, while the retailer is still locked. Raises OutdatedRead, and StopRun when the
    books do not balance.
    """
    retailer_id = partitions[0].manifest.retailer_id
    days = sorted({partition.manifest.business_date for partition in partitions})
    with transaction(connection) as cursor:
        for day in days:  # committed by itself: attaching a month holds off every other load
            cursor.execute("SELECT ops.ensure_fact_partition(%s)", (day,))
    with transaction(connection) as cursor:
        cursor.execute("SELECT ops.enter_load(%s)", (retailer_id,))
        if not is_current():
            raise OutdatedRead(f"{retailer_id} was landed anew while this load waited for another. Run again.")
        load = _Load(cursor, retailer_id, [date_key(day) for day in days], run_id, now, insert_only)
        publication = load.run(partitions)
        before_commit()
    return publication


class _Load:
    """One load inside its transaction."""

    def __init__(
        self, cursor: Cursor, retailer_id: str, date_keys: list[int], run_id: str, now: datetime, insert_only: bool
    ) -> None:
        self._cursor = cursor
        self._insert_only = insert_only
        self._parameters: dict[str, object] = {
            "retailer_id": retailer_id,
            "retailer_key": self._retailer_key(retailer_id),
            "date_keys": date_keys,
            # An insert-only load takes nothing away: it forgets nothing of what older loads stated either.
            "replaced_date_keys": [0] if insert_only else date_keys,
            "run_id": run_id,
            "now": now,
            "insert_only": insert_only,
        }

    def run(self, partitions: Sequence[ConformedPartition]) -> Publication:
        load_id = self._open_version()
        self._stage(partitions)
        self._execute("upsert_stores")
        self._execute("upsert_products")
        customers = sync_customer_history(self._cursor, self._parameters)
        self._execute("resolve_keys")
        self._check_resolved(sum(partition.rows for partition in partitions))
        other_dates = settle_contested_lines(self._cursor, self._parameters)
        self._execute("classify_rows")
        self._execute("count_outcomes")
        counted = self._cursor.fetchall()
        outcomes = tally_by_outcome(row[:5] for row in counted)
        self._write({outcome for _, outcome in outcomes})
        if not self._insert_only:
            drop_dead_versions(self._cursor)
        if written := sorted({row[0] for row in counted if row[5]}):
            self._summarise(written)
        balances = self._balance(partitions, outcomes)
        write_ledger(self._cursor, self._parameters, balances)
        if other_dates:
            self._summarise(other_dates)
            reaccount(self._cursor, self._parameters, other_dates)
        move_watermark(self._cursor, self._parameters, partitions)
        return Publication(load_id, tuple(balances), customers, tuple(other_dates))

    def _execute(self, name: str) -> None:
        self._cursor.execute(read_sql(_SQL / f"{name}.sql"), self._parameters)

    def _retailer_key(self, retailer_id: str) -> int:
        find = "SELECT retailer_key FROM dim_retailer WHERE retailer_id = %s"
        self._cursor.execute(find, (retailer_id,))
        row = self._cursor.fetchone()
        if row is None:
            self._cursor.execute(
                "INSERT INTO dim_retailer (retailer_id, retailer_name) VALUES (%s, %s) RETURNING retailer_key",
                (retailer_id, retailer_id),
            )
            row = self._cursor.fetchone()
        return int(row[0]) if row else 0

    def _open_version(self) -> int:
        self._cursor.execute(
            "INSERT INTO data_versions (run_id, retailer_key, load_path, code_version, published_at)"
            " VALUES (%(run_id)s, %(retailer_key)s, 'merge', %(code_version)s, %(now)s) RETURNING load_id",
            {**self._parameters, "code_version": CODE_VERSION},
        )
        row = self._cursor.fetchone()
        self._parameters["load_id"] = row[0] if row else None
        return int(row[0]) if row else 0

    def _stage(self, partitions: Sequence[ConformedPartition]) -> None:
        self._execute("create_staging")
        for partition in partitions:
            with partition.copy_file.open("rb") as rows:
                self._cursor.copy_expert("COPY staged_sales FROM STDIN (FORMAT csv, NULL '\\N')", rows)
        self._cursor.execute("ANALYZE staged_sales (transaction_id, product_id, store_id, customer_id)")

    def _check_resolved(self, staged: int) -> None:
        self._cursor.execute("SELECT count(*) FROM resolved_sales")
        row = self._cursor.fetchone()
        if row is None or row[0] != staged:
            raise StopRun(
                f"{self._parameters['retailer_id']}: {staged} rows were staged, but {row[0] if row else 0} found their"
                " dimension members. Nothing was published. This is a defect of the platform: please report it."
            )

    def _write(self, outcomes: Collection[str]) -> None:
        if self._insert_only:
            self._execute("merge_facts_insert_only")
            return
        if {"withdrawn", "superseded"} & set(outcomes):
            self._execute("withdraw_rows")
        self._execute("keep_superseded")
        if {"inserted", "updated"} & set(outcomes):
            self._execute("merge_facts")

    def _balance(
        self, partitions: Sequence[ConformedPartition], outcomes: dict[tuple[int, str], Tally]
    ) -> list[PartitionBalance]:
        star = self._counted("count_star", "in_star")
        summaries = self._counted("count_summaries", "summary")
        balances = [draw_up_balance(partition, outcomes, star) for partition in partitions]
        for balance in balances:
            summary = summaries.get((date_key(balance.business_date), "summary"), Tally())
            audit(balance, summary, insert_only=self._insert_only)
        return balances

    def _counted(self, name: str, outcome: str) -> dict[tuple[int, str], Tally]:
        self._execute(name)
        return tally_by_outcome((key, outcome, *rest) for key, *rest in self._cursor.fetchall())

    def _summarise(self, date_keys: list[int]) -> None:
        self._cursor.execute(read_sql(_SQL / "summarise_days.sql"), {**self._parameters, "date_keys": date_keys})
