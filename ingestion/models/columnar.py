"""The contract in columns: `SalesRecord`'s fields as DuckDB types, for whatever reads or writes many records at once.

Grain and natural key are those of `SalesRecord`.
"""

from __future__ import annotations

from ingestion.models.columns import CONTRACT, duckdb_type

COLUMNS: dict[str, str] = {column.name: duckdb_type(column.type) for column in CONTRACT}
"""Column of `landed_records` and of the raw zone's lines → DuckDB type, in the order of the contract."""
NULLABLE = frozenset(column.name for column in CONTRACT if column.is_nullable)
"""Columns that may be null."""
DEFAULTS: dict[str, str] = {
    column.name: f"'{column.default}'::{duckdb_type(column.type)}" for column in CONTRACT if column.default is not None
}
"""Column → SQL of its value in records that were landed before the column existed. It is never null."""


def completed() -> str:
    """All columns for SELECT, in which those that older records do not have are filled in."""
    filled = ", ".join(f"coalesce({name}, {default}) AS {name}" for name, default in DEFAULTS.items())
    return f"* REPLACE ({filled})"
