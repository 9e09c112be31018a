"""Statistics of the fields of a file load, all exact: from each distinct value and how many rows have it.

Reading the files has counted every distinct text already (`values_of_<field>`), so that what the files said costs no
pass over the rows; what landed costs one grouping per field.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

from data_quality.file_report.model import FieldKind, FieldReport, FieldStatistics, FrequentValue
from ingestion.models.columnar import COLUMNS

Connection = duckdb.DuckDBPyConnection
FREQUENT_VALUES = 5
VALUES_OF = "values_of_"
"""Tables of `ingestion.mapping.field_values`: a field's distinct text, its typed value, and its number of rows."""
ONLY_LANDED = ("line_type", "net_amount")
"""Fields that only cleaning adds and that the report shows."""
KEYS = ("line_id",)
"""These are nearly unique; the counts of the report show how unique."""
GROUPED = {
    "product_id": "report_products",
    "product_name": "report_products",
    "customer_id": "report_customers",
    "customer_country": "report_customers",
    "line_type": "report_days",
    "currency": "report_days",
}
"""Fields whose landed values the report has grouped already, and where: column `n` is the number of rows."""


@dataclass(frozen=True)
class _Profile:
    """Which statement describes a kind of field; its columns are fields of `FieldStatistics`."""

    statement: str
    columns: tuple[str, ...]


_COUNTS = ("rows", "filled", "distinct")
_PROFILES = {
    FieldKind.TEXT: _Profile("profile_texts", (*_COUNTS, "shortest", "longest", "frequent")),
    FieldKind.NUMBER: _Profile("profile_numbers", (*_COUNTS, "minimum", "maximum", "mean", "median", "deviation")),
    FieldKind.TIME: _Profile("profile_times", (*_COUNTS, "minimum", "maximum")),
}


@cache
def statement(name: str) -> str:
    """The text of `sql/{name}.sql`."""
    return (Path(__file__).parent / "sql" / f"{name}.sql").read_text(encoding="utf-8")


def fields_of(connection: Connection) -> tuple[FieldReport, ...]:
    """Every field that the files have, and those that cleaning adds, in the order of the contract."""
    tables = connection.execute("SELECT table_name FROM duckdb_tables() WHERE NOT temporary").fetchall()
    in_files = {name.removeprefix(VALUES_OF) for (name,) in tables if name.startswith(VALUES_OF)}
    return tuple(
        FieldReport(
            name,
            _kind(sql_type),
            before=_before(connection, name, _kind(sql_type)) if name in in_files else None,
            after=_after(connection, name, _kind(sql_type)) if name not in KEYS else None,
        )
        for name, sql_type in COLUMNS.items()
        if name in in_files or name in ONLY_LANDED
    )


def _kind(sql_type: str) -> FieldKind:
    if sql_type.startswith("DECIMAL"):
        return FieldKind.NUMBER
    return FieldKind.TIME if sql_type.startswith(("DATE", "TIME")) else FieldKind.TEXT


def _before(connection: Connection, name: str, kind: FieldKind) -> FieldStatistics:
    """The field in the files: a default for an empty value does not count."""
    counted = f"SELECT if(is_empty, NULL, value) AS value, sum(rows) AS n FROM {VALUES_OF}{name} GROUP BY 1"  # noqa: S608
    return _describe(connection, counted, kind)


def _after(connection: Connection, name: str, kind: FieldKind) -> FieldStatistics:
    """The field as it landed, including exact duplicates."""
    source, rows = (GROUPED[name], "sum(n)") if name in GROUPED else ("landed_records", "count(*)")
    return _describe(connection, f"SELECT {name} AS value, {rows} AS n FROM {source} GROUP BY 1", kind)  # noqa: S608


def _describe(connection: Connection, counted: str, kind: FieldKind) -> FieldStatistics:
    profile = _PROFILES[kind]
    text = statement(profile.statement)
    # The description's own CTEs follow the counted values.
    following = text.replace("WITH ", ", ", 1) if "WITH " in text else text
    row = connection.execute(
        f"WITH counted AS MATERIALIZED ({counted}) {following}",
        {"frequent": FREQUENT_VALUES} if kind is FieldKind.TEXT else None,
    ).fetchone()
    found: dict[str, Any] = dict(zip(profile.columns, row or (), strict=True))
    if "frequent" in found:
        found["frequent"] = tuple(FrequentValue(value, int(rows)) for value, rows in found["frequent"])
    return FieldStatistics(**found)
