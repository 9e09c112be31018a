"""SCD 2 of customers: dim_customer is calculated from all observations, in whatever order they were loaded."""

from __future__ import annotations

from collections.abc import Mapping

from psycopg2 import sql

from shared.database import Cursor
from transformation.statements import statement


def repoint_facts(cursor: Cursor, parameters: Mapping[str, object], facts: sql.Identifier) -> None:
    """Move the facts of versions whose interval changed, in fact_sales or in a month that is being built."""
    cursor.execute("SELECT count(*) FROM previous_versions")
    if _count(cursor):
        cursor.execute(sql.SQL(statement("repoint_facts")).format(facts=facts), parameters)


def delete_orphaned_versions(cursor: Cursor) -> None:
    """Delete the versions that are no longer observed; call when no fact can refer to them."""
    cursor.execute(statement("delete_orphaned_versions"))


def _count(cursor: Cursor) -> int:
    row = cursor.fetchone()
    return int(row[0]) if row else 0
