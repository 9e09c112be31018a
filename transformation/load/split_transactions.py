"""Lines that stand under several business dates: one of them is in the star, the others wait."""

from __future__ import annotations

from collections.abc import Mapping

from shared.database import Cursor
from transformation.statements import statement


def find_split_dates(cursor: Cursor, parameters: Mapping[str, object]) -> list[int]:
    """Record which transactions the loaded dates hold; date keys, in the load or not, that share one with another."""
    cursor.execute(statement("find_split_transactions"), parameters)
    cursor.execute("SELECT date_key FROM split_dates ORDER BY date_key")
    return [row[0] for row in cursor.fetchall()]


def resolve_split_transactions(cursor: Cursor, parameters: Mapping[str, object], split_dates: list[int]) -> list[int]:
    """Let the version changed last at the source win, whatever partition it is in.

    Returns the date keys outside the load whose rows changed: they lost a line to this load, or got one back.
    """
    cursor.execute(statement("resolve_split_transactions"), {**parameters, "split_dates": split_dates or [0]})
    cursor.execute("SELECT date_key FROM replaced_lines UNION SELECT date_key FROM restored ORDER BY date_key")
    return [found[0] for found in cursor.fetchall()]
