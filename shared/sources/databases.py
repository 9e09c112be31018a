"""The parts of a definition that only sources in databases have (docs/connectors/databases.md)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from shared.errors import FixConfiguration
from shared.regular_files import read_text
from shared.sources.durations import Minutes
from shared.sources.parts import Part
from shared.sources.programs import PROGRAMS, WITH_DATABASES
from shared.sources.yaml_file import YamlFile

SQL_DATABASES = ("postgresql", "mysql", "sqlite", "mssql")
"""The connectors that read a database with SQL."""
MONGODB = "mongodb"
"""The connector that reads documents of MongoDB."""
DATABASES = (*SQL_DATABASES, MONGODB)
"""The connectors that read a database in one snapshot."""
OF_ALL_DATABASES = ("date_column", "changed_by", "net_amount", "late_commit_margin")
"""The keys of `DatabaseRead` that sources in MongoDB have as well: there a column is a field of the documents."""
QUERY_PARAMETERS = ("day", "start", "end")
"""What a query may contain as `:day`: the business date, and the times at which it starts and ends."""
NOT_ENCRYPTED = "`tls` is only for databases on a server; that of an API follows from its address, https"
LATE_COMMIT_MINUTES = 15
LATE_COMMIT_KEYS = 1_000
MOST_QUERY_CHARACTERS = 64 * 1024
ColumnName = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]+$")]


class TlsPart(Part):
    """How the connection to a database is encrypted."""

    mode: Literal["verify-full", "verify-ca", "require", "disable"] = Field(
        description="verify-full: the certificate is checked with the host's name. require: it is not checked at all"
    )
    ca_file: str | None = Field(
        default=None, min_length=1, description="File with the certificates of the CA. Default: those of the system"
    )


class DatabaseRead(Part):
    """What is read from a database. The keys are null for other sources."""

    query: str | None = Field(
        default=None,
        min_length=1,
        max_length=MOST_QUERY_CHARACTERS,
        description="A SELECT with one row per line, or the name of a .sql file next to the definition",
    )
    table: ColumnName | None = Field(
        default=None, description="In place of a query: a table or view, with its schema if it needs one"
    )
    date_column: ColumnName | None = Field(
        default=None, description="Column of the date or time that decides the business date"
    )
    times_without_zone: Literal["local", "utc"] | None = Field(
        default=None, description="What times without a time zone mean: local is the source's time_zone (the default)"
    )
    changed_by: ColumnName | None = Field(
        default=None, description="Column with the time of a row's last change, for a list of changed dates"
    )
    net_amount: ColumnName | None = Field(
        default=None, description="Column with the signed net amount of a line, for a control report"
    )
    late_commit_margin: Minutes | None = Field(
        default=None, description="How long a transaction may stay open before it commits. Default: 15m"
    )
    incrementing_key: ColumnName | None = Field(
        default=None,
        description="In place of changed_by: column with an integer that is higher in every new row, such as an id",
    )
    late_commit_keys: int | None = Field(
        default=None,
        ge=0,
        le=1_000_000_000,
        description="How many keys may be given out before a transaction with a lower one commits. Default: 1000",
    )


def database_faults(connector: str, read: DatabaseRead) -> Iterator[tuple[str, str]]:
    """What is wrong with the keys of a connector's `read`: key, and reason."""
    for name in DatabaseRead.model_fields:
        allowed = (
            *(DATABASES if name in OF_ALL_DATABASES else SQL_DATABASES),
            *(PROGRAMS if name in WITH_DATABASES else ()),
        )
        if getattr(read, name) is not None and connector not in allowed:
            yield name, f"`{name}` is only for {', '.join(allowed)}"
    if connector not in DATABASES:
        return
    if connector in SQL_DATABASES and (read.query is None) == (read.table is None):
        yield "query", "give either `query` or `table`"
    if read.late_commit_margin is not None and read.changed_by is None:
        yield "late_commit_margin", "it has no effect without `changed_by`"
    if read.incrementing_key is not None and read.changed_by is not None:
        yield "incrementing_key", "give either `changed_by` or `incrementing_key`; `changed_by` also finds updates"
    if read.late_commit_keys is not None and read.incrementing_key is None:
        yield "late_commit_keys", "it has no effect without `incrementing_key`"


def encryption_faults(connector: str, connection: Any) -> Iterator[tuple[str, str]]:
    """What is wrong with `auth` and `tls` of a database's connection: key, and reason."""
    kind = None if connection.auth is None else connection.auth.kind
    if connector == "sqlite" and kind is not None:
        yield "auth", "an SQLite database is a file and has no users"
    elif kind not in (None, "password"):
        yield "auth", f"a database needs `kind: password`, not {kind}"
    if connection.tls is not None and connector == "sqlite":
        yield "tls", NOT_ENCRYPTED


def with_query_of_file(file: YamlFile) -> Any:
    """`read` of a definition, with the text of a .sql file in place of its name. Raises FixConfiguration."""
    read = file.given.get("read")
    name = read.get("query") if isinstance(read, dict) else None
    if not isinstance(name, str) or not re.fullmatch(r"[^\s'\"]+\.sql", name):
        return read
    place = f"{file.place(('read', 'query'))}: read.query"
    if "/" in name or "\\" in name:
        raise FixConfiguration(f"{place}: {name!r} is not the name of a file next to the definition.")
    path = file.path.with_name(name)
    try:
        text = read_text(path)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise FixConfiguration(f"{place}: {path} cannot be read: {reason}.") from error
    return {**read, "query": text}
