"""SCD 2 of customers: dim_customer is calculated from all observations, in whatever order they were loaded."""

from __future__ import annotations

from collections.abc import Mapping

from psycopg2 import sql

from shared.database import Cursor
from transformation.load.context import LoadState
from transformation.load.plan import date_key, last_of_month
from transformation.load.transaction import LoadTransaction
from transformation.statements import statement


def repoint_facts(cursor: Cursor, parameters: Mapping[str, object], facts: sql.Identifier) -> None:
    """Move the facts of versions whose interval changed, in fact_sales or in a month that is being built."""
    cursor.execute("SELECT count(*) FROM previous_versions")
    if _count(cursor):
        cursor.execute(sql.SQL(statement("repoint_facts")).format(facts=facts), parameters)


def delete_orphaned_versions(tx: LoadTransaction, state: LoadState) -> LoadState:
    """Delete the versions that are no longer observed, once no fact can refer to them but in months to be replaced.

    This comes before the checks, which look at complete histories, and before months are replaced: deleting a version
    looks for facts in every month, and readers would wait meanwhile.
    """
    if not tx.context.loaded_keys or tx.context.options.insert_only:
        return state
    for first_day in state.plan.replaced:
        keys = {"first_key": date_key(first_day), "last_key": date_key(last_of_month(first_day))}
        tx.cursor.execute(statement("delete_orphaned_references"), keys)
    tx.cursor.execute(statement("delete_orphaned_versions"))
    return state


def _count(cursor: Cursor) -> int:
    row = cursor.fetchone()
    return int(row[0]) if row else 0
