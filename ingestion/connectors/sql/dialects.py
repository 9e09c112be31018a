"""The kinds of databases, by the name of their connector. A driver is imported when it is used."""

from __future__ import annotations

from importlib import import_module
from typing import cast

from ingestion.connectors.sql.dialect import Dialect

DIALECTS = {
    "postgresql": "postgresql:PostgreSql",
    "mysql": "mysql:MySql",
    "sqlite": "sqlite:Sqlite",
    "mssql": "mssql:MsSql",
}


def dialect_of(connector: str) -> Dialect:
    """The dialect of a connector of `DATABASES`."""
    module, _, name = DIALECTS[connector].partition(":")
    return cast("Dialect", getattr(import_module(f"{__package__}.{module}"), name)())
