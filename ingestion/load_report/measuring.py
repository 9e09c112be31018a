"""Statistics of the tables of a file load, set-based: few passes over many rows, exact unless said otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from ingestion.load_report.model import FieldKind, FieldStatistics, FrequentValue

Connection = duckdb.DuckDBPyConnection
FREQUENT_VALUES = 5


@dataclass(frozen=True)
class Column:
    """A column of a table and what can be said about it."""

    name: str
    kind: FieldKind

    @property
    def sql(self) -> str:
        """The quoted identifier."""
        return '"' + self.name.replace('"', '""') + '"'


def columns(connection: Connection, table: str) -> list[Column]:
    """The columns of a table or view."""
    return [Column(name, _kind(kind)) for name, kind, *_ in connection.execute(f"DESCRIBE {table}").fetchall()]


def _kind(sql_type: str) -> FieldKind:
    if sql_type.startswith(("DECIMAL", "DOUBLE", "FLOAT", "HUGEINT", "BIGINT", "INTEGER", "SMALLINT", "UBIGINT")):
        return FieldKind.NUMBER
    return FieldKind.TIME if sql_type.startswith(("DATE", "TIME")) else FieldKind.TEXT


def measure(
    connection: Connection, table: str, wanted: Sequence[Column], *, in_depth: bool
) -> dict[str, FieldStatistics]:
    """Every wanted column of a table in one pass; `in_depth` adds medians and approximate distinct counts.

    What texts have beyond their being there is `describe_text`'s business.
    """
    names: list[tuple[str, str]] = []
    expressions = ["count(*)"]
    for column in wanted:
        for name, expression in _aggregates(column, in_depth=in_depth).items():
            names.append((column.name, name))
            expressions.append(expression)
    row = connection.execute(f"SELECT {', '.join(expressions)} FROM {table}").fetchone() or (0,)  # noqa: S608 - names of ours, quoted
    found: dict[str, dict[str, Any]] = {column.name: {} for column in wanted}
    for (field, name), value in zip(names, row[1:], strict=True):
        found[field][name] = value
    return {field: FieldStatistics(rows=row[0], **values, distinct_is_exact=False) for field, values in found.items()}


def _aggregates(column: Column, *, in_depth: bool) -> Mapping[str, str]:
    sql = column.sql
    wanted = {"filled": f"count({sql})"}
    if column.kind is FieldKind.TEXT:
        return wanted
    wanted |= {"minimum": f"min({sql})::VARCHAR", "maximum": f"max({sql})::VARCHAR"}
    if in_depth:
        wanted["distinct"] = f"approx_count_distinct({sql})"
    if column.kind is FieldKind.NUMBER:
        wanted |= {"mean": f"avg({sql}::DOUBLE)", "deviation": f"stddev_samp({sql}::DOUBLE)"}
        if in_depth:
            wanted["median"] = f"median({sql})::DOUBLE"
    return wanted


def describe_text(connection: Connection, source: str, column: Column) -> FieldStatistics:
    """Distinct values, lengths and most frequent values of a text; `source` has a column `n` of rows per row."""
    row = connection.execute(
        f"""
        WITH counted AS MATERIALIZED (SELECT {column.sql} AS value, sum(n)::BIGINT AS n FROM {source} GROUP BY 1),
        frequent AS (SELECT value, n FROM counted WHERE value IS NOT NULL ORDER BY n DESC, value LIMIT $frequent)
        SELECT
            coalesce(sum(n), 0)::BIGINT, coalesce(sum(n) FILTER (value IS NOT NULL), 0)::BIGINT, count(value),
            min(length(value)), max(length(value)),
            (SELECT coalesce(list([value, n::VARCHAR] ORDER BY n DESC, value), []) FROM frequent)
        FROM counted
        """,  # noqa: S608 - a name of ours, quoted
        {"frequent": FREQUENT_VALUES},
    ).fetchone()
    rows, filled, distinct, shortest, longest, frequent = row or (0, 0, 0, None, None, [])
    return FieldStatistics(
        rows=rows,
        filled=filled,
        distinct=distinct,
        shortest=shortest,
        longest=longest,
        frequent=tuple(FrequentValue(value, int(count)) for value, count in frequent),
    )
