"""Rejects the rows that cannot land: `rejected_rows`, one row each, with its first error and where it is.

Columns: source_file, source_line, business_date, code, reason, column_name, value, payload, and net_amount and currency
if they can be read.

This module rejects rows of files. Their payload is the row as a JSON object, and a row without a readable date gets the
date of the nearest row before it in its file that has one, else of the nearest row after it. `map_json.py` rejects rows
of APIs: with the date of the listing, and without a payload, because the listing keeps its pages.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

import duckdb

from ingestion.mapping.classification import measured
from ingestion.mapping.field_values import FieldValues
from ingestion.mapping.first_errors import first_error
from ingestion.mapping.layouts import SourceMapping
from ingestion.mapping.records import all_joins
from ingestion.mapping.sql_text import literal
from ingestion.mapping.total_differences import explain_totals
from ingestion.models.reject_reasons import RejectReason
from shared.errors import StopRun

if TYPE_CHECKING:
    from ingestion.connectors.files.loading import LoadedSource
    from ingestion.connectors.files.sources import SourceFile
    from ingestion.connectors.files.tables import LoadedFile

REJECTED_COLUMNS = (
    "source_file INTEGER, source_line BIGINT, business_date DATE, code VARCHAR, reason VARCHAR, column_name VARCHAR,"
    " value VARCHAR, payload VARCHAR, net_amount DECIMAL(18,4), currency VARCHAR"
)
VALUE_SHOWN = 80
"""Characters of a rejected value that the position of a dead letter has."""
_SHOWN_CHARACTERS = 60
_EXAMPLES = 3


class RejectLimits(NamedTuple):
    """Shares, of 0 to 1, above which nothing is loaded."""

    rows: float
    money: float
    """Of the money of each currency."""


class RejectedRow(NamedTuple):
    """Where a row of `rejected_rows` is, and why it was rejected."""

    source_file: int
    source_line: int
    column: str | None
    value: str | None
    reason: str
    code: str

    def may_name_a_customer(self, mapping: SourceMapping) -> bool:
        """Whether its value must not be in a message that goes to alerts or to `ops.pipeline_runs`."""
        return self.column in mapping.personal_columns


def first_rejected(connection: duckdb.DuckDBPyConnection, most: int) -> list[RejectedRow]:
    """The first rejected rows, in the order of the files or pages."""
    found = connection.execute(
        "SELECT source_file, source_line, column_name, value, reason, code FROM rejected_rows"
        " ORDER BY source_file, source_line LIMIT ?",
        [most],
    ).fetchall()
    return [RejectedRow(*row) for row in found]


def fill_rejected_rows(
    connection: duckdb.DuckDBPyConnection,
    layout: SourceMapping,
    source: LoadedSource,
    values: Mapping[str, FieldValues],
    landed: int,
    line_numbers_of: Callable[[LoadedFile, Sequence[int]], Sequence[int]],
) -> int:
    """Fill `rejected_rows` with every row that is not in `landed_records`, and return their number.

    `line_numbers_of` finds the lines of rows, given by their position in the file (from 0, ascending).
    """
    connection.execute(f"CREATE OR REPLACE TABLE rejected_rows({REJECTED_COLUMNS})")
    if landed == source.rows:
        return 0
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE undated_rows({REJECTED_COLUMNS}, source_row BIGINT, position BIGINT)"
    )
    if landed < sum(found.rows for found in source.lines):
        _reject_values(connection, layout, source, values)
        _number_lines(connection, source.lines, line_numbers_of)
    _reject_broken(connection, source.lines)
    _date(connection)
    return source.rows - landed


def check_share(
    connection: duckdb.DuckDBPyConnection,
    layout: SourceMapping,
    source: LoadedSource,
    files: Sequence[SourceFile],
    limits: RejectLimits,
) -> None:
    """Raises StopRun if more rows or more money were rejected than allowed, with the first rows.

    The message goes to alerts and to `ops.pipeline_runs`, so it has no value of a customer's columns.
    """
    rows = source.rows
    counts = connection.execute("SELECT code, count(*) FROM rejected_rows GROUP BY code ORDER BY 2 DESC, 1").fetchall()
    rejected = sum(number for _, number in counts)
    if not rejected:
        return
    too_much = "" if rejected > rows * limits.rows else _rejected_money(connection, limits.money)
    if rejected <= rows * limits.rows and not too_much:
        return
    counted = ", ".join(f"{code} {number:,}" for code, number in counts)
    names = {file.number: file.name for file in files}
    first = []
    for row in first_rejected(connection, _EXAMPLES):
        where = f", column {row.column!r}" if row.column else ""
        if row.column and not row.may_name_a_customer(layout):
            where += f", value {_shown(row.value or '')}"
        first.append(f"{names[row.source_file]}, line {row.source_line}{where}: {row.reason} ({row.code})")
    what = too_much or (
        f"{rejected:,} of {rows:,} rows were rejected ({rejected / rows:.1%}; at most {limits.rows:.1%} is allowed)"
    )
    mismatches = dict(counts).get(RejectReason.TOTAL_MISMATCH)
    explained = explain_totals(connection, layout, source.cells) if mismatches else ""
    raise StopRun(f"{what}: {counted}. First: {'; '.join(first)}.{explained} Nothing was loaded.")


def _rejected_money(connection: duckdb.DuckDBPyConnection, most: float) -> str:
    """By how much the rejected share of the money of a currency is above the limit; '' if it is not.

    Regardless of its sign, and as far as it can be read.
    """
    found = connection.execute(
        "SELECT currency, sum(rejected) AS rejected_money, sum(landed) + sum(rejected) AS all_money FROM ("
        " SELECT currency, 0 AS landed, abs(net_amount) AS rejected FROM rejected_rows WHERE net_amount IS NOT NULL"
        " UNION ALL SELECT currency, abs(net_amount), 0 FROM landed_records) WHERE currency IS NOT NULL"
        " GROUP BY currency HAVING rejected_money > 0 ORDER BY rejected_money / all_money DESC, currency LIMIT 1"
    ).fetchall()
    for currency, rejected, all_money in found:
        if rejected > all_money * Decimal(str(most)):
            return (
                f"{rejected:,.2f} of {all_money:,.2f} {currency} were rejected ({rejected / all_money:.1%} of the"
                f" money, regardless of its sign; at most {most:.1%} is allowed)"
            )
    return ""


def _shown(value: str) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}… ({len(value):,} characters)"


def _reject_values(
    connection: duckdb.DuckDBPyConnection,
    layout: SourceMapping,
    source: LoadedSource,
    values: Mapping[str, FieldValues],
) -> None:
    """Insert each row of `source_rows` that cannot land with its first error."""
    same, error = _is_header(layout, source), first_error(layout, source, values)
    connection.execute(
        f"""INSERT INTO undated_rows
        WITH {measured(layout)},
        bad AS (SELECT * FROM measured WHERE has_bad_field OR line_fault IS NOT NULL)
        SELECT
            bad.source_file, bad.source_line, bad.business_date,
            CASE WHEN {same} THEN '{RejectReason.REPEATED_HEADER}' ELSE {error.code} END,
            CASE WHEN {same} THEN 'the header is repeated among the rows' ELSE {error.reason} END,
            CASE WHEN NOT ({same}) THEN {error.column} END,
            CASE WHEN NOT ({same}) THEN {error.value} END,
            {_payload(source)}::VARCHAR, {error.net_amount},
            bad.currency, bad.source_row, coalesce(bad.source_line, bad.source_row)
        FROM bad JOIN source_rows AS s ON s.rowid = bad.source_row{all_joins(source, values)}"""
    )


def _is_header(layout: SourceMapping, source: LoadedSource) -> str:
    wanted = next(iter(layout.wanted_headers.values()))
    return " AND ".join(f"trim({source.cells[name]}) = {literal(name)}" for name in wanted)


def _payload(source: LoadedSource) -> str:
    named: dict[str, str] = {}
    for name, cell in source.cells.items():
        named.setdefault(cell, name)
    return f"json_object({', '.join(f'{literal(name)}, {cell}' for cell, name in named.items())})"


def _number_lines(
    connection: duckdb.DuckDBPyConnection,
    loaded: Sequence[LoadedFile],
    line_numbers_of: Callable[[LoadedFile, Sequence[int]], Sequence[int]],
) -> None:
    for found in loaded:
        rows = connection.execute(
            "SELECT source_row FROM undated_rows WHERE source_file = ? AND source_line IS NULL ORDER BY source_row",
            [found.file.number],
        ).fetchall()
        if not rows:
            continue
        places = [row for (row,) in rows]
        lines = line_numbers_of(found, [row - found.first_row for row in places])
        connection.execute(
            "UPDATE undated_rows SET source_line = lined.line"
            " FROM (SELECT unnest($rows) AS row, unnest($lines) AS line) AS lined"
            " WHERE undated_rows.source_row = lined.row",
            {"rows": places, "lines": list(lines)},
        )


def _reject_broken(connection: duckdb.DuckDBPyConnection, loaded: Sequence[LoadedFile]) -> None:
    rows = [
        (found.file.number, row.source_line, row.code.value, row.reason, row.payload, row.source_line)
        for found in loaded
        for row in found.broken
    ]
    if rows:
        connection.executemany(
            "INSERT INTO undated_rows(source_file, source_line, code, reason, payload, position)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            rows,
        )


def _date(connection: duckdb.DuckDBPyConnection) -> None:
    """Move `undated_rows` to `rejected_rows`, each with a date. Raises StopRun if no row of any file has one."""
    listed = [part.split()[0] for part in REJECTED_COLUMNS.split(", ")]
    names = ", ".join(f"undated.{name}" for name in listed if name != "business_date")
    connection.execute(
        f"""INSERT INTO rejected_rows BY NAME
        WITH dated AS (
            SELECT source_file, coalesce(source_line, source_row) AS position, business_date
            FROM parsed_rows
            WHERE business_date IS NOT NULL
        )
        SELECT {names},
            coalesce(undated.business_date, earlier.business_date, later.business_date,
                (SELECT min(business_date) FROM dated)) AS business_date
        FROM undated_rows AS undated
        ASOF LEFT JOIN dated AS earlier
            ON earlier.source_file = undated.source_file AND earlier.position <= undated.position
        ASOF LEFT JOIN dated AS later
            ON later.source_file = undated.source_file AND later.position >= undated.position
        ORDER BY undated.source_file, undated.source_line"""
    )
    found = connection.execute(
        "SELECT value, reason FROM rejected_rows WHERE business_date IS NULL ORDER BY source_file, source_line LIMIT 1"
    ).fetchone()
    if found:
        raise StopRun(
            f"No row of the files has a date that can be read; the first: {_shown(found[0] or '')}, {found[1]}."
            " Nothing was loaded."
        )
