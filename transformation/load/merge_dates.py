"""The merge path: the rows of some dates are staged, compared and written inside the load's transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from string import Template

from shared.database import Cursor
from transformation.conform import ConformedBatch, date_list
from transformation.load.build_months import unresolved
from transformation.load.copying import copy_in
from transformation.statements import statement


@dataclass(frozen=True)
class MergeResult:
    """What happened to the rows of the dates that were merged."""

    outcomes: Sequence[tuple[int, str, str, int, Decimal, Decimal]] = ()
    """(date_key, outcome, currency, records, signed money, signed tax)."""
    written_dates: Sequence[int] = ()
    """Date keys of the load whose rows in fact_sales changed."""
    other_dates: Sequence[int] = ()
    """Date keys outside the load whose rows changed."""


def merge_result(
    counted: Iterable[tuple[int, str, str, int, Decimal, Decimal, bool]], other_dates: Sequence[int] = ()
) -> MergeResult:
    """From rows (date_key, outcome, currency, records, signed money, signed tax, whether fact_sales was written)."""
    rows = list(counted)
    return MergeResult([row[:6] for row in rows], sorted({row[0] for row in rows if row[6]}), other_dates)


def stage_rows(cursor: Cursor, batch: ConformedBatch, days: Sequence[date]) -> None:
    """Copy the conformed rows of these dates into the temporary table staged_sales."""
    cursor.execute(statement("create_staging"))
    query = Template(statement("export_staging")).substitute(days=date_list(days))
    copy_in(cursor, batch.cursor(), query, "staged_sales")
    cursor.execute("ANALYZE staged_sales (transaction_id, product_id, store_id, customer_id)")


def facts_hold_rows(cursor: Cursor, parameters: Mapping[str, object]) -> bool:
    """Whether fact_sales holds a row of the retailer and `date_keys`."""
    cursor.execute(
        "SELECT EXISTS (SELECT FROM fact_sales"
        " WHERE retailer_key = %(retailer_key)s AND date_key = ANY (%(date_keys)s))",
        parameters,
    )
    return bool((cursor.fetchone() or (True,))[0])


def check_resolved(batch: ConformedBatch, days: Sequence[date], resolved: int) -> None:
    """Raise StopRun unless every row of these dates found its dimension rows."""
    if resolved != batch.rows(days):
        raise unresolved(batch.retailer_id, batch.rows(days), resolved)


def forget_superseded(cursor: Cursor, parameters: Mapping[str, object]) -> None:
    """Remove the superseded lines of `date_keys`, whose transactions are under no other date any longer."""
    cursor.execute(
        "DELETE FROM superseded_sales WHERE retailer_key = %(retailer_key)s AND date_key = ANY (%(date_keys)s)",
        parameters,
    )


def write_facts(cursor: Cursor, parameters: Mapping[str, object], outcomes: Collection[str]) -> None:
    """Write the classified rows that differ; `outcomes` are those that occur."""
    if parameters["insert_only"]:
        cursor.execute(statement("merge_facts_insert_only"), parameters)
        return
    if {"withdrawn", "superseded"} & set(outcomes):
        cursor.execute(statement("withdraw_rows"), parameters)
    cursor.execute(statement("keep_superseded"), parameters)
    if {"inserted", "updated"} & set(outcomes):
        cursor.execute(statement("merge_facts"), parameters)


def summarise_dates(cursor: Cursor, parameters: Mapping[str, object], date_keys: Sequence[int]) -> None:
    """Write the two summaries of these dates again from fact_sales."""
    cursor.execute(statement("summarise_days"), {**parameters, "date_keys": list(date_keys)})
