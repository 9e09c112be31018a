"""Replaces empty values where the layout says so: with the mean, median or mode of the other rows.

With `by` in the layout, only rows with the same value in that field count. Means and medians are rounded to the
decimals of their field. No other number is ever rounded, and every such row is flagged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import duckdb

from ingestion.mapping.field_values import FieldValues
from ingestion.mapping.layout_parts import FIELD_TYPES, WhenMissing
from ingestion.mapping.layouts import SourceMapping
from ingestion.mapping.sql_text import literal
from ingestion.models.reject_reasons import RejectReason


def impute(
    connection: duckdb.DuckDBPyConnection, layout: SourceMapping, values: Mapping[str, FieldValues]
) -> dict[str, FieldValues]:
    """The fields' values, with empty ones replaced by statistics. A value without a statistic stays missing."""
    found = dict(values)
    for field, source in layout.columns.items():
        way = source.when_missing
        if way is not None and way.use != "default" and values[field].missing_rows:
            found[field] = (
                _by_group(connection, found, field, way) if way.by else _overall(connection, found[field], way)
            )
    return found


def _statistic(way: WhenMissing, field: str, value: str) -> str:
    if way.use == "mode":
        # The smallest of equally frequent values, so that the result does not depend on the order of rows.
        return f"arg_max({value}, (frequency, value_rank))"
    measured = f"avg({value})" if way.use == "mean" else f"quantile_cont({value}, 0.5)"
    return f"round({measured}::DECIMAL(38,9), {_scale(field)})::{FIELD_TYPES[field]}"


def _scale(field: str) -> int:
    return int(FIELD_TYPES[field].removesuffix(")").split(",")[1])


def _statistics(way: WhenMissing, field: str, group: str, rows: str) -> str:
    """A query with one row per group: by_value, value. `rows` selects both for each row that has a value."""
    if way.use != "mode":
        return f"SELECT by_value, {_statistic(way, field, 'value')} AS value FROM ({rows}) GROUP BY {group}"
    return (
        f"SELECT by_value, {_statistic(way, field, 'value')} AS value FROM ("
        f" SELECT by_value, value, count(*) AS frequency, -dense_rank() OVER (ORDER BY value) AS value_rank"
        f" FROM ({rows}) GROUP BY by_value, value) GROUP BY {group}"
    )


def _rows(found: FieldValues, by: FieldValues | None) -> str:
    grouped = f"{by.value} AS by_value" if by else "NULL AS by_value"
    joins = "".join(each.join for each in (found, by) if each)
    return (
        f"SELECT {grouped}, {found.field}.value AS value FROM source_rows AS s{joins}"
        f" WHERE {found.field}.value IS NOT NULL AND {found.field}.code IS NULL"
    )


def _overall(connection: duckdb.DuckDBPyConnection, found: FieldValues, way: WhenMissing) -> FieldValues:
    found = found.as_joined()
    connection.execute(
        f"UPDATE {found.table} SET value = replacement.value, code = NULL, reason = NULL"
        f" FROM ({_statistics(way, found.field, 'by_value', _rows(found, None))}) AS replacement"
        " WHERE is_empty AND replacement.value IS NOT NULL"
    )
    return found.counted(connection)


def _by_group(
    connection: duckdb.DuckDBPyConnection, values: Mapping[str, FieldValues], field: str, way: WhenMissing
) -> FieldValues:
    found, by = values[field].as_joined(), values[way.by or ""]
    table = f"replacements_for_{field}"
    connection.execute(f"CREATE OR REPLACE TABLE {table} AS {_statistics(way, field, 'by_value', _rows(found, by))}")
    still_missing = f"{field}.code = {literal(RejectReason.MISSING_FIELD)} AND {table}.value IS NOT NULL"
    return replace(
        found,
        value=f"coalesce({found.value}, {table}.value)",
        late_join=f" LEFT JOIN {table} ON {table}.by_value = {by.value}",
        code=f"CASE WHEN {still_missing} THEN NULL ELSE {field}.code END",
    )
