"""Queries on the ledger and the operational tables for the commands that show them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from psycopg2.extras import RealDictCursor

from shared.config import load_settings
from shared.database import read_sql, session, transaction

Row = dict[str, Any]


def rows(name: str, **values: Any) -> list[Row]:
    """What `cli/sql/{name}.sql` finds, as dictionaries. Raises FixConfiguration or RetryLater."""
    dsn = load_settings().warehouse_dsn.get_secret_value()
    with session(dsn, application_name="retail-cli") as connection:
        connection.cursor_factory = RealDictCursor
        with transaction(connection) as cursor:
            cursor.execute(read_sql(Path(__file__).parent / "sql" / f"{name}.sql"), values)
            found: Any = cursor.fetchall()
            return [dict(row) for row in found]
