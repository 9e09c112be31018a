"""The statements of the transformation: the files of `transformation/sql` with the contract's columns filled in."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from ingestion.models.columns import render
from shared.database import read_sql

SQL_DIRECTORY = Path(__file__).parent / "sql"


@cache
def statement(name: str) -> str:
    """The text of `transformation/sql/<name>.sql`, with the placeholders of `ingestion.models.columns` filled in."""
    return render(read_sql(SQL_DIRECTORY / f"{name}.sql"))
