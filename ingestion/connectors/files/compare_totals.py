"""Compares the totals that files have themselves, in rows that are not lines, with the sums of their lines."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

import duckdb

from ingestion.connectors.files.tables import LoadedFile
from ingestion.mapping.classification import measured
from ingestion.mapping.expressions import is_number
from ingestion.mapping.layouts import SourceMapping
from ingestion.mapping.number_texts import plain_number, signed_number
from ingestion.mapping.sql_text import trimmed
from shared.counts import counted
from shared.errors import StopRun


class _Sums(NamedTuple):
    """Of the lines of a file, rejected ones included where their values can be read."""

    quantity: Decimal | None
    total_amount: Decimal | None
    net_amount: Decimal | None
    lines: int
    unread: int
    currencies: int


def compare_totals(
    connection: duckdb.DuckDBPyConnection, layout: SourceMapping, lines: Sequence[LoadedFile]
) -> list[str]:
    """What was compared. Raises StopRun if the total of a file differs from the sum of its lines."""
    if not any(rule.totals for rule in layout.skip_rows):
        return []
    sums = _sums(connection, layout)
    notes = []
    found = connection.execute(
        "SELECT source_file, source_line, rule, cells FROM skipped_rows ORDER BY source_file, source_line"
    ).fetchall()
    by_number = {each.file.number: each for each in lines}
    for number, line, rule, cells in found:
        file = by_number[number]
        of_file = sums.get(number, _Sums(Decimal(0), Decimal(0), Decimal(0), 0, 0, 0))
        for (field, column), text in zip(layout.skip_rows[rule].totals.items(), cells, strict=True):
            place = f"{file.file.name}, line {line}, column {column!r}"
            total = _number(connection, layout, text, is_money=field != "quantity")
            if total is None:
                raise StopRun(f"{place}: {text!r} is not a number, so it is not a total. Nothing was loaded.")
            notes.append(_compared(place, field, total, of_file, len(file.broken)))
    return notes


def _compared(place: str, field: str, total: Decimal, of_file: _Sums, broken: int) -> str:
    unread = of_file.unread + broken
    if unread:
        return f"{place}: the total was not compared, because {counted(unread, 'row')} cannot be read"
    if field != "quantity" and of_file.currencies > 1:
        return f"{place}: the total was not compared, because the lines have {of_file.currencies} currencies"
    added = getattr(of_file, field) or Decimal(0)
    if added != total:
        raise StopRun(
            f"{place}: the file's own total is {total:,f}, but its {counted(of_file.lines, 'line')} add up to"
            f" {added:,f}. Rows are missing or repeated, or the column has another total. Nothing was loaded."
        )
    return f"{place}: the total {total:,f} is the sum of the lines"


def _sums(connection: duckdb.DuckDBPyConnection, layout: SourceMapping) -> dict[int, _Sums]:
    found = connection.execute(
        f"WITH {measured(layout)} SELECT source_file, sum(signed_quantity), sum(signed_total), sum(signed_amount),"
        " count(*), count(*) FILTER (WHERE signed_quantity IS NULL OR signed_amount IS NULL), count(DISTINCT currency)"
        " FROM measured GROUP BY source_file"
    ).fetchall()
    return {number: _Sums(*sums) for number, *sums in found}


def _number(
    connection: duckdb.DuckDBPyConnection, layout: SourceMapping, text: str, *, is_money: bool
) -> Decimal | None:
    marks = layout.format
    [(found,)] = connection.execute(
        f"WITH given AS (SELECT $text AS given), texts AS (SELECT {trimmed('given')} AS text FROM given),"
        f" numbers AS (SELECT text, {signed_number(marks, 'text', is_money=is_money)} AS number FROM texts)"
        f" SELECT CASE WHEN {is_number(marks)} THEN TRY_CAST({plain_number(marks, 'number')} AS DECIMAL(38, 4)) END"
        " FROM numbers",
        {"text": text},
    ).fetchall()
    return found if found is None else Decimal(found)
