"""The build path: complete months of fact_sales built as separate tables, concurrently, each on its own connection.

A month is committed with its key, indexes and statistics, but not attached: no reader sees it before the load's own
transaction attaches it (`attach_months`). ops.drop_orphan_builds() removes what a crash leaves behind.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass
from decimal import Decimal
from string import Template

import duckdb
import pyarrow
from psycopg2 import sql

from ingestion.models.columns import LISTS, duckdb_type, fact_table
from shared.database import Cursor, session, transaction
from shared.errors import StopRun
from transformation.conform import ConformedBatch, date_list
from transformation.load.copying import copy_in, copy_out
from transformation.load.plan import MonthPlan, last_of_month
from transformation.statements import statement

WORKERS = 2
"""Months built at once."""

_PRESENT_COLUMNS = {
    column.name: duckdb_type(column.type) for column in fact_table() if column.name in LISTS["present_columns"]
}
"""What present_rows.sql reads, with DuckDB's types."""


@dataclass(frozen=True)
class MonthComparison:
    """A month of the load, resolved and compared with what fact_sales holds of its dates."""

    plan: MonthPlan
    outcomes: list[tuple[int, str, str, int, Decimal, Decimal]]
    """(date_key, outcome, currency, records, signed money, signed tax) of the load's dates."""
    in_warehouse: list[tuple[int, str, int, Decimal, Decimal]]
    """(date_key, currency, records, signed money, signed tax) of the same dates, as the table itself holds them."""


@dataclass(frozen=True)
class BuiltMonth(MonthComparison):
    """A month that differs: a table ready to be attached."""

    table: str
    """Its name in schema ops."""
    daily_sales: pyarrow.Table
    daily_transactions: pyarrow.Table

    @property
    def identifier(self) -> sql.Identifier:
        """The table, quoted."""
        return sql.Identifier("ops", self.table)


class MonthBuilder:
    """Builds the months of one load."""

    def __init__(self, batch: ConformedBatch, dsn: str, retailer_key: int, load_id: int) -> None:
        """The dimension keys must be in the batch's DuckDB (`dimension_keys.fetch_dimension_keys`)."""
        self._batch, self._dsn = batch, dsn
        self._bound = {"retailer_key": retailer_key, "load_id": load_id}

    def build_all(self, months: Sequence[MonthPlan]) -> Iterator[MonthComparison]:
        """Build months concurrently and yield each: committed and unattached, or only compared if nothing differs."""
        with ThreadPoolExecutor(WORKERS, thread_name_prefix="build") as pool:
            waiting = {pool.submit(self.build, month) for month in months}
            try:
                while waiting:
                    done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                    for future in done:
                        yield future.result()
            finally:
                for future in waiting:
                    future.cancel()

    def build(self, month: MonthPlan) -> MonthComparison:
        """Resolve, compare, fill, index and count one month."""
        columnar = self._batch.cursor()
        try:
            self._resolve(columnar, month)
            with session(self._dsn, application_name="retail-build") as connection, transaction(connection) as cursor:
                outcomes = self._compare(cursor, columnar, month) if month.replaces else _totals(columnar, "built_rows")
                if month.replaces and all(outcome == "unchanged" for _, outcome, *_ in outcomes):
                    return MonthComparison(month, outcomes, self._counted(cursor, month, sql.Identifier("fact_sales")))
                cursor.execute("SELECT ops.create_fact_build(%s, %s)", (month.first_day, self._bound["load_id"]))
                table = str((cursor.fetchone() or ("",))[0])
                self._fill(cursor, columnar, month, sql.Identifier("ops", table))
                cursor.execute("SELECT ops.index_fact_build(%s)", (table,))
                in_warehouse = self._counted(cursor, month, sql.Identifier("ops", table))
            return BuiltMonth(
                month,
                outcomes,
                in_warehouse,
                table,
                _rows(columnar, "summarise_build"),
                _rows(columnar, "summarise_build_transactions"),
            )
        finally:
            columnar.close()

    def _counted(
        self, cursor: Cursor, month: MonthPlan, table: sql.Identifier
    ) -> list[tuple[int, str, int, Decimal, Decimal]]:
        count = sql.SQL(statement("count_build")).format(build=table)
        cursor.execute(count, {**self._bound, "date_keys": _keys(month)})
        return cursor.fetchall()

    def _resolve(self, columnar: duckdb.DuckDBPyConnection, month: MonthPlan) -> None:
        last_day = last_of_month(month.first_day)
        in_month = {day for day in self._batch.conformed_days if month.first_day <= day <= last_day}
        is_built = "true"
        if merged := in_month - set(month.days):  # rare; a list of dates makes the query a third slower
            is_built = f"sale.business_date NOT IN ({date_list(merged)})"
        bound = {**self._bound, "first_day": month.first_day, "last_day": last_day, "is_built": is_built}
        columnar.execute(Template(statement("build_rows")).substitute(bound))
        staged, resolved = self._batch.rows(month.days), _count(columnar)
        if staged != resolved:
            raise unresolved(self._batch.retailer_id, staged, resolved)

    def _compare(
        self, cursor: Cursor, columnar: duckdb.DuckDBPyConnection, month: MonthPlan
    ) -> list[tuple[int, str, str, int, Decimal, Decimal]]:
        query = cursor.mogrify(statement("present_rows"), {**self._bound, "date_keys": _keys(month)}).decode()
        file = self._batch.directory / f"{month.partition}.csv"
        copy_out(cursor, query, columnar, "TEMP TABLE present_rows", _PRESENT_COLUMNS, file)
        columnar.execute(statement("compare_build"))
        return _totals(columnar, "compared_rows")

    def _fill(
        self, cursor: Cursor, columnar: duckdb.DuckDBPyConnection, month: MonthPlan, build: sql.Identifier
    ) -> None:
        if month.replaces:
            cursor.execute(
                sql.SQL(statement("copy_other_rows")).format(build=build),
                {
                    **self._bound,
                    "first_key": int(f"{month.first_day:%Y%m%d}"),
                    "last_key": int(f"{last_of_month(month.first_day):%Y%m%d}"),
                    "date_keys": _keys(month),
                },
            )
        copy_in(cursor, columnar, statement("export_build"), build)


def unresolved(retailer_id: str, staged: int, resolved: int) -> StopRun:
    """The error for rows without their dimension rows, which is a defect."""
    return StopRun(
        f"{retailer_id}: {staged} rows were staged, but {resolved} found their dimension rows. Nothing was"
        " published. This is a defect of the platform: please report it."
    )


def _rows(columnar: duckdb.DuckDBPyConnection, name: str) -> pyarrow.Table:
    return columnar.sql(statement(name)).to_arrow_table()


def _totals(columnar: duckdb.DuckDBPyConnection, table: str) -> list[tuple[int, str, str, int, Decimal, Decimal]]:
    return columnar.execute(
        "SELECT date_key, outcome, currency, count(*), sum(net_amount), coalesce(sum(net_tax_amount), 0)"  # noqa: S608
        f" FROM {table} GROUP BY date_key, outcome, currency"
    ).fetchall()


def _count(columnar: duckdb.DuckDBPyConnection) -> int:
    row = columnar.execute("SELECT count(*) FROM built_rows").fetchone()
    return int(row[0]) if row else 0


def _keys(month: MonthPlan) -> list[int]:
    return [int(f"{day:%Y%m%d}") for day in month.days]
