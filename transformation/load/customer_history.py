"""SCD 2 of customers: dim_customer follows from every statement the landed partitions make, in any order of arrival."""

from __future__ import annotations

from collections.abc import Mapping

from psycopg2 import sql

from shared.database import Cursor
from transformation.statements import statement


def sync_customer_history(cursor: Cursor, parameters: Mapping[str, object]) -> int:
    """Record what the loaded partitions state and bring the versions and their facts in line.

    Returns the number of customers whose history changed. Versions that nothing states any more stay until
    `delete_orphaned_versions`, because facts of the partitions being loaded may still point to them.
    """
    cursor.execute(statement("record_observations"), parameters)
    cursor.execute(statement("sync_customer_versions"), parameters)
    repoint_facts(cursor, parameters, sql.Identifier("fact_sales"))
    cursor.execute(statement("find_customer_versions"), parameters)
    cursor.execute("SELECT count(*) FROM changed_customers")
    return _count(cursor)


def repoint_facts(cursor: Cursor, parameters: Mapping[str, object], facts: sql.Identifier) -> None:
    """Let the facts of versions whose interval changed follow, in the star or in a month beside it."""
    cursor.execute("SELECT count(*) FROM previous_versions")
    if _count(cursor):
        cursor.execute(sql.SQL(statement("repoint_facts")).format(facts=facts), parameters)


def delete_orphaned_versions(cursor: Cursor) -> None:
    """Remove the versions that nothing states any more; call when no fact can point to them."""
    cursor.execute(statement("delete_orphaned_versions"))


def _count(cursor: Cursor) -> int:
    row = cursor.fetchone()
    return int(row[0]) if row else 0
