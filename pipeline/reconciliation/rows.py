"""Compares tables of rows in DuckDB: figures and digests by date and currency, and the rows that differ."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from ingestion.models.columnar import DEFAULTS
from pipeline.reconciliation.model import ByCurrency, Figures
from pipeline.reconciliation.warehouse import ROW_COLUMNS, date_key
from shared.counts import counted
from transformation.raw_partitions import quoted

_SHOWN = 5
"""Rows shown of a difference."""
_FIGURES = (
    "count(*), sum(net_quantity), sum(net_amount),"
    " sum(CASE WHEN line_type = 'return' OR net_amount < 0 THEN -discount_amount ELSE discount_amount END),"
    " coalesce(sum(net_tax_amount), 0), sum(total_amount)"
)
_SUMMARY_FIGURES = (
    "sum(line_count)::BIGINT, sum(net_quantity), sum(net_amount), sum(discount_amount), sum(tax_amount),"
    " 0::DECIMAL(38,4)"
)
KEYS = ("transaction_id", "line_id")
SUMMARY_KEYS = ("product_key", "store_key", "item_type")


def digest_of(columns: Sequence[str]) -> str:
    """SQL of a digest of rows that does not depend on their order.

    The outer hash keeps two rows that exchanged a value from adding up to the same.
    """
    return f"CAST(sum(CAST(hash(hash({', '.join(columns)})) AS HUGEINT)) AS VARCHAR)"


def row_figures(connection: duckdb.DuckDBPyConnection, table: str) -> dict[date, ByCurrency]:
    """The figures of a table of rows, whose columns are `ROW_COLUMNS`."""
    return _figures(connection, table, f"{_FIGURES}, {digest_of(list(ROW_COLUMNS))}")


def summary_figures(connection: duckdb.DuckDBPyConnection, table: str) -> dict[date, ByCurrency]:
    """The figures of daily sales, without a digest."""
    return _figures(connection, table, f"{_SUMMARY_FIGURES}, ''")


def _figures(connection: duckdb.DuckDBPyConnection, table: str, measures: str) -> dict[date, ByCurrency]:
    found: dict[date, dict[str, Figures]] = defaultdict(dict)
    rows = connection.execute(
        f"SELECT strptime(date_key::VARCHAR, '%Y%m%d')::DATE, currency, {measures} FROM {table} GROUP BY ALL"  # noqa: S608
    ).fetchall()
    for day, currency, *values in rows:
        found[day][currency] = Figures(*values)
    return dict(found)


@dataclass(frozen=True)
class Tables:
    """Two tables with the same columns."""

    expected: str
    found: str
    columns: Sequence[str]
    keys: Sequence[str] = KEYS

    def rows_that_differ(self, connection: duckdb.DuckDBPyConnection, day: date) -> tuple[str, ...]:
        """Some of the rows of a date that differ, in words, and how many more do."""
        names = ", ".join(self.columns)
        values = [name for name in self.columns if name not in self.keys]
        changes = ", ".join(
            f"CASE WHEN these.{name} IS DISTINCT FROM those.{name} THEN"
            f" '{name} ' || coalesce(those.{name}::VARCHAR, 'null') || ' instead of '"
            f" || coalesce(these.{name}::VARCHAR, 'null') END"
            for name in values
        )
        label = " || '/' || ".join(self.keys)
        rows = connection.execute(
            f"WITH these AS ({self._side(names, self.expected, self.found)}),"  # noqa: S608 - our own tables and columns
            f" those AS ({self._side(names, self.found, self.expected)})"
            f" SELECT {label}, these.{values[0]} IS NOT NULL, those.{values[0]} IS NOT NULL,"
            f" concat_ws(', ', {changes}), count(*) OVER ()"
            f" FROM these FULL JOIN those USING ({', '.join(self.keys)}) ORDER BY ALL LIMIT {_SHOWN}",
            {"day": date_key(day)},
        ).fetchall()
        shown = [_described(*row[:4]) for row in rows]
        if rows and rows[0][4] > _SHOWN:
            shown.append(f"and {counted(rows[0][4] - _SHOWN, 'more row')}")
        return tuple(shown)

    def _side(self, names: str, table: str, other: str) -> str:
        rows = [f"SELECT {names} FROM {each} WHERE date_key = $day" for each in (table, other)]  # noqa: S608
        return " EXCEPT ALL ".join(rows)

    def differing_dates(self, connection: duckdb.DuckDBPyConnection) -> set[date]:
        """The dates whose rows are not the same in both tables."""
        sides = [
            f"SELECT date_key, currency, count(*), {digest_of(self.columns)} FROM {table} GROUP BY ALL"  # noqa: S608
            for table in (self.expected, self.found)
        ]
        rows = connection.execute(
            f"SELECT DISTINCT strptime(date_key::VARCHAR, '%Y%m%d')::DATE FROM (({sides[0]} EXCEPT {sides[1]})"  # noqa: S608
            f" UNION ALL ({sides[1]} EXCEPT {sides[0]}))"
        ).fetchall()
        return {day for (day,) in rows}


def _described(key: str, is_expected: bool, is_found: bool, changes: str) -> str:
    if is_expected and is_found:
        return f"{key} has {changes}"
    return f"{key} is missing" if is_expected else f"{key} should not be there"


def insert_parquet(connection: duckdb.DuckDBPyConnection, files: Sequence[Path]) -> None:
    """Append processed objects, files named `DATE.parquet`, to `processed_wide`.

    Columns that an older one does not have get their defaults. Raises duckdb.Error if one cannot be read.
    """
    names = ", ".join(f"'{quoted(file)}'" for file in files)
    source = f"read_parquet([{names}], union_by_name = true, filename = true)"
    there = {name for name, *_ in connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}  # noqa: S608
    wanted = [name for name, *_ in connection.execute("DESCRIBE processed_wide").fetchall() if name != "date_key"]
    selected = ", ".join(f"{_filled(name, name in there)} AS {name}" for name in wanted)
    day = r"CAST(replace(regexp_extract(filename, '([0-9-]{10})\.parquet$', 1), '-', '') AS INTEGER)"
    connection.execute(f"INSERT INTO processed_wide BY NAME SELECT {day} AS date_key, {selected} FROM {source}")  # noqa: S608


def _filled(name: str, is_there: bool) -> str:
    default = DEFAULTS.get(name, "NULL")
    return f"coalesce({name}, {default})" if is_there else default
