"""The merge path: some dates of a load staged, classified and written row by row inside the load's transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from string import Template

from shared.database import Cursor
from transformation.conform import ConformedBatch, date_list
from transformation.load.build_months import unresolved
from transformation.load.copying import copy_in
from transformation.load.split_transactions import resolve_split_transactions
from transformation.statements import statement


@dataclass(frozen=True)
class MergeResult:
    """What became of the rows of the dates that were merged."""

    outcomes: list[tuple[int, str, str, int, Decimal]]
    """(date_key, outcome, currency, records, signed money)."""
    written_dates: list[int]
    """Date keys of the load whose rows in the star changed."""
    other_dates: list[int]
    """Date keys outside the load whose rows changed."""


def merge_dates(
    cursor: Cursor,
    parameters: Mapping[str, object],
    batch: ConformedBatch,
    days: Sequence[date],
    split_dates: list[int],
) -> MergeResult:
    """Bring the star's rows of these dates in line; `parameters["date_keys"]` are theirs.

    Raises StopRun when a row finds no member of a dimension.
    """

    _stage(cursor, batch, days)
    if not split_dates and not _star_holds_rows(cursor, parameters):
        return _insert_new(cursor, parameters, batch, days)
    _execute(cursor, parameters, "resolve_keys")
    cursor.execute("SELECT count(*) FROM keyed_sales")
    _check_resolved(batch, days, int((cursor.fetchone() or (0,))[0]))
    other_dates = resolve_split_transactions(cursor, parameters, split_dates)
    _execute(cursor, parameters, "classify_rows")
    _execute(cursor, parameters, "count_outcomes")
    counted = cursor.fetchall()
    _write(cursor, parameters, {row[1] for row in counted})
    return MergeResult([row[:5] for row in counted], sorted({row[0] for row in counted if row[5]}), other_dates)


def summarise_dates(cursor: Cursor, parameters: Mapping[str, object], date_keys: Sequence[int]) -> None:
    """Rewrite the two summaries of these dates from the star."""
    cursor.execute(statement("summarise_days"), {**parameters, "date_keys": list(date_keys)})


def _stage(cursor: Cursor, batch: ConformedBatch, days: Sequence[date]) -> None:
    cursor.execute(statement("create_staging"))
    query = Template(statement("export_staging")).substitute(days=date_list(days))
    copy_in(cursor, batch.cursor(), query, "staged_sales")
    cursor.execute("ANALYZE staged_sales (transaction_id, product_id, store_id, customer_id)")


def _execute(cursor: Cursor, parameters: Mapping[str, object], name: str) -> None:
    cursor.execute(statement(name), parameters)


def _star_holds_rows(cursor: Cursor, parameters: Mapping[str, object]) -> bool:
    cursor.execute(
        "SELECT EXISTS (SELECT FROM fact_sales"
        " WHERE retailer_key = %(retailer_key)s AND date_key = ANY (%(date_keys)s))",
        parameters,
    )
    return bool((cursor.fetchone() or (True,))[0])


def _insert_new(
    cursor: Cursor, parameters: Mapping[str, object], batch: ConformedBatch, days: Sequence[date]
) -> MergeResult:
    """What most nights are: dates of which the star holds nothing. Nothing has to be compared."""
    forget_superseded(cursor, parameters)
    _execute(cursor, parameters, "insert_new_dates")
    _check_resolved(batch, days, cursor.rowcount)
    _execute(cursor, parameters, "count_staged")
    counted = cursor.fetchall()
    return MergeResult(counted, sorted({row[0] for row in counted}), [])


def _check_resolved(batch: ConformedBatch, days: Sequence[date], resolved: int) -> None:
    if resolved != batch.rows(days):
        raise unresolved(batch.retailer_id, batch.rows(days), resolved)


def forget_superseded(cursor: Cursor, parameters: Mapping[str, object]) -> None:
    """Remove the lines of these dates that had lost to others: no transaction of theirs stands elsewhere now."""
    cursor.execute(
        "DELETE FROM superseded_sales WHERE retailer_key = %(retailer_key)s AND date_key = ANY (%(date_keys)s)",
        parameters,
    )


def _write(cursor: Cursor, parameters: Mapping[str, object], outcomes: Collection[str]) -> None:
    if parameters["insert_only"]:
        _execute(cursor, parameters, "merge_facts_insert_only")
        return
    if {"withdrawn", "superseded"} & set(outcomes):
        _execute(cursor, parameters, "withdraw_rows")
    _execute(cursor, parameters, "keep_superseded")
    if {"inserted", "updated"} & set(outcomes):
        _execute(cursor, parameters, "merge_facts")
