"""Prepares `source_rows` as a layout says: rows that are not lines are left out, and order fields are carried down.

Only for layouts that have `skip_rows` or `carry_down`. Rows are numbered first, because after that their positions in
the table are no longer those in the files.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

import duckdb

from ingestion.connectors.files.tables import LoadedFile
from ingestion.mapping.layout_parts import SkipRows
from ingestion.mapping.layouts import SourceMapping
from ingestion.mapping.sql_text import literal, literals, trimmed
from ingestion.models.reject_reasons import RejectReason

LineNumbers = Callable[[LoadedFile, Sequence[int]], Sequence[int]]


@dataclass(frozen=True)
class PreparedRows:
    """The lines' files after rows were left out, and how many were."""

    lines: tuple[LoadedFile, ...]
    skipped: int


def prepare_rows(
    connection: duckdb.DuckDBPyConnection,
    layout: SourceMapping,
    lines: Sequence[LoadedFile],
    cells: Mapping[str, str],
    line_numbers_of: LineNumbers,
) -> PreparedRows:
    """Leave rows out and fill order fields. `skipped_rows` then has the rows with totals to compare with."""
    carried = {name for source in layout.columns.values() if source.carry_down for name in source.headers}
    connection.execute(
        "CREATE OR REPLACE TABLE skipped_rows(source_file INTEGER, source_line BIGINT, rule INTEGER, cells VARCHAR[])"
    )
    if not layout.skip_rows and not carried:
        return PreparedRows(tuple(lines), 0)
    _number(connection, lines, line_numbers_of)
    _skip(connection, layout, cells)
    kept = [_without_skipped(connection, layout, found) for found in lines]
    [(skipped,)] = connection.execute("SELECT count(*) FROM skipped_rows").fetchall()
    _rewrite(connection, layout, cells, carried)
    counts = dict(connection.execute("SELECT source_file, count(*) FROM source_rows GROUP BY 1").fetchall())
    rows = [int(counts.get(found.file.number, 0)) for found in kept]
    first_rows = accumulate(rows, initial=0)
    return PreparedRows(
        tuple(
            replace(found, rows=number, first_row=first)
            for found, number, first in zip(kept, rows, first_rows, strict=False)
        ),
        skipped,
    )


def _number(connection: duckdb.DuckDBPyConnection, lines: Sequence[LoadedFile], line_numbers_of: LineNumbers) -> None:
    """Give every row the number of its line."""
    for found in lines:
        unnumbered = f"source_file = {found.file.number} AND source_line IS NULL"
        first = found.dialect.skip_lines + 2
        if found.stats.lines == found.rows + first - 1:
            number = f"rowid - {found.first_row} + {first}"
            connection.execute(f"UPDATE source_rows SET source_line = {number} WHERE {unnumbered}")
            continue
        rows = [row for (row,) in connection.execute(f"SELECT rowid FROM source_rows WHERE {unnumbered}").fetchall()]
        numbers = line_numbers_of(found, [row - found.first_row for row in rows])
        connection.execute(
            "UPDATE source_rows SET source_line = lined.line"
            " FROM (SELECT unnest($rows) AS row, unnest($lines) AS line) AS lined WHERE source_rows.rowid = lined.row",
            {"rows": rows, "lines": list(numbers)},
        )


def _fits(rule: SkipRows, cells: Mapping[str, str]) -> str:
    """SQL: whether a row fits the conditions of a rule."""
    parts = []
    for name, wanted in rule.where.items():
        text = trimmed(cells[name])
        parts += [f"regexp_full_match({text}, {literal(wanted.matches)})"] if wanted.matches is not None else []
        parts += [f"{text} IN ({literals(wanted.one_of)})"] if wanted.one_of is not None else []
    return " AND ".join(parts)


def _skip(connection: duckdb.DuckDBPyConnection, layout: SourceMapping, cells: Mapping[str, str]) -> None:
    """List the rows that fit a rule in `skipped_rows`, with the cells of the rule's totals."""
    for number, rule in enumerate(layout.skip_rows):
        totals = ", ".join(cells[name] for name in rule.totals.values())
        connection.execute(
            f"INSERT INTO skipped_rows SELECT source_file, source_line, {number}, [{totals}]::VARCHAR[]"
            f" FROM source_rows AS s WHERE {_fits(rule, cells)} AND NOT EXISTS (SELECT 1 FROM skipped_rows AS known"
            " WHERE known.source_file = s.source_file AND known.source_line = s.source_line)"
        )


def _without_skipped(connection: duckdb.DuckDBPyConnection, layout: SourceMapping, found: LoadedFile) -> LoadedFile:
    """A file without those of its broken rows that fit a rule: a footer often has fewer fields than the header."""
    kept = []
    for row in found.broken:
        fields: dict[str, object] = json.loads(row.payload) if row.code is RejectReason.COLUMN_COUNT else {}
        number = _rule_of(connection, layout, fields) if fields else None
        if number is None:
            kept.append(row)
            continue
        totals = [str(fields.get(name, "")) for name in layout.skip_rows[number].totals.values()]
        connection.execute(
            "INSERT INTO skipped_rows VALUES (?, ?, ?, ?)", [found.file.number, row.source_line, number, totals]
        )
    return replace(found, broken=tuple(kept))


def _rule_of(connection: duckdb.DuckDBPyConnection, layout: SourceMapping, fields: Mapping[str, object]) -> int | None:
    for number, rule in enumerate(layout.skip_rows):
        cells = {name: literal(str(fields.get(name, ""))) for name in rule.where}
        if connection.execute(f"SELECT {_fits(rule, cells)}").fetchall() == [(True,)]:
            return number
    return None


def _rewrite(
    connection: duckdb.DuckDBPyConnection, layout: SourceMapping, cells: Mapping[str, str], carried: set[str]
) -> None:
    """Replace `source_rows` by the rows that are left, with the fields of an order in each of its rows."""
    columns = [name for (name, *_) in connection.execute("DESCRIBE source_rows").fetchall()]
    order = layout.columns["transaction_id"]
    own = {cells[name].removeprefix("s."): name for name in carried}
    keys = [cells[name] for name in order.headers]
    id_columns = {cells[name].removeprefix("s.") for name in order.headers} if order.carry_down else set()
    first = ", ".join(_carried(each, layout, "source_file") if each in id_columns else each for each in columns)
    partition = ", ".join(["source_file", *(key.removeprefix("s.") for key in keys)])
    listed = ", ".join(
        _carried(each, layout, partition) if each in own and each not in id_columns else each for each in columns
    )
    connection.execute(
        "CREATE OR REPLACE TABLE prepared_rows AS"
        f" WITH kept AS (SELECT s.*, s.rowid AS line_order FROM source_rows AS s ANTI JOIN skipped_rows"
        " USING (source_file, source_line)),"
        f" numbered AS (SELECT line_order, {first} FROM kept)"
        f" SELECT {listed} FROM numbered ORDER BY line_order"
    )
    connection.execute("DROP TABLE source_rows")
    connection.execute("ALTER TABLE prepared_rows RENAME TO source_rows")


def _carried(column: str, layout: SourceMapping, partition: str) -> str:
    """SQL of a column in which an empty cell has the text of the nearest row above that has one."""
    empty = ["", *layout.format.missing]
    present = f"CASE WHEN {trimmed(column)} NOT IN ({literals(empty)}) THEN {column} END"
    carried = f"last_value({present} IGNORE NULLS) OVER (PARTITION BY {partition} ORDER BY line_order)"
    return f"coalesce({carried}, {column}) AS {column}"
