"""SCD 2 of customers: dim_customer is calculated from all observations, in whatever order they were loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from psycopg2 import sql

from shared.database import Cursor
from transformation.load.plan import date_key, last_of_month
from transformation.statements import statement


def repoint_facts(cursor: Cursor, parameters: Mapping[str, object], facts: sql.Identifier) -> None:
    """Move the facts of versions whose interval changed, in fact_sales or in a month that is being built."""
    cursor.execute("SELECT count(*) FROM previous_versions")
    if _count(cursor):
        cursor.execute(sql.SQL(statement("repoint_facts")).format(facts=facts), parameters)


def delete_orphaned_versions(cursor: Cursor, replaced_months: Sequence[date]) -> None:
    """Delete the versions that are no longer observed; call when no fact can refer to them.

    Facts of `replaced_months` (first days) may, since this transaction will replace them. Call before it does: deleting
    a version looks for facts in every month, and readers would wait meanwhile.
    """
    for first_day in replaced_months:
        keys = {"first_key": date_key(first_day), "last_key": date_key(last_of_month(first_day))}
        cursor.execute(statement("delete_orphaned_references"), keys)
    cursor.execute(statement("delete_orphaned_versions"))


def _count(cursor: Cursor) -> int:
    row = cursor.fetchone()
    return int(row[0]) if row else 0
