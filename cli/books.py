"""`retail digest` and the rest of what the warehouse's books tell."""

from __future__ import annotations

import typer

from shared.commands import exit_code
from shared.config import load_settings
from shared.database import session, transaction


def digest() -> None:
    """Print the digest of everything published: equal data, equal digest."""
    with exit_code():
        dsn = load_settings().warehouse_dsn.get_secret_value()
        with session(dsn, application_name="retail-books") as connection, transaction(connection) as cursor:
            cursor.execute("SELECT ops.warehouse_digest()")
            row = cursor.fetchone()
        typer.echo(row[0] if row else "")
