"""The database of a till, on each kind of server: the three lines of `ConnectorApi` as rows of a table."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar
from unittest.mock import patch
from urllib.parse import quote, urlsplit
from uuid import uuid4

import psycopg2

from ingestion.connectors.sql import snapshot

SOURCES = Path(__file__).parent / "sources"
NOON = datetime(2024, 1, 15, 11, tzinfo=UTC)
CHANGED = datetime(2024, 1, 16, 8, tzinfo=UTC)
COLUMNS = (
    "receipt",
    "line_no",
    "kind",
    "sold_at",
    "updated_at",
    "store",
    "article",
    "article_name",
    "customer",
    "quantity",
    "price",
    "net_amount",
    "currency",
    "note",
)
TYPES = {
    "postgresql": (
        *("varchar(20)", "integer", "char(3)", "timestamptz", "timestamptz", "text", "text", "text", "text"),
        *("numeric(12,3)", "numeric(12,4)", "numeric(14,4)", "char(3)", "text"),
    ),
    "mysql": (
        *("varchar(20)", "integer", "char(3)", "datetime(6)", "timestamp(6) NULL", "varchar(50)", "varchar(64)"),
        *("varchar(255)", "varchar(64)", "decimal(12,3)", "decimal(12,4)", "decimal(14,4)", "char(3)", "varchar(50)"),
    ),
    "sqlite": (*("text", "integer", *["text"] * 7), *["numeric"] * 3, "text", "text"),
    "mssql": (
        *("varchar(20)", "integer", "char(3)", "datetime2(6)", "datetimeoffset(6)", "nvarchar(50)", "nvarchar(64)"),
        *("nvarchar(255)", "nvarchar(64)", "decimal(12,3)", "decimal(12,4)", "decimal(14,4)", "char(3)"),
        "nvarchar(50)",
    ),
}
"""The type of each column. The time of a sale has none of its own zone in MySQL and SQL Server: it is UTC."""
USER = "till_reader"


def row(name: str, **changed: Any) -> tuple[Any, ...]:
    """A line of receipt `name`: 25.00 at noon of 2024-01-15."""
    values = (name, 1, "S", NOON, CHANGED, "B1", "TEA", "Tea", None, 2, "12.50", "25.00", "EUR", "")
    usual = dict(zip(COLUMNS, values, strict=True))
    assert usual.keys() >= changed.keys()
    return tuple({**usual, **changed}.values())


@dataclass
class Till:
    """A till for the contract suite; see `ConnectorApi` for its fields."""

    lines: tuple[tuple[str, ...], ...] = (("A", "B"), ("C",))
    reject_credentials: int = 0

    connector: ClassVar[str]
    definition: ClassVar[Path]
    url_variable: ClassVar[str]
    credentials: ClassVar[dict[str, str]] = {}
    server: ClassVar[Any] = None
    """The server that a fixture has started."""
    server_fixture: ClassVar[str] = ""
    names: ClassVar[dict[str, str]] = {}
    reports_lines: ClassVar[bool] = True
    now: ClassVar[datetime | None] = None
    currency: ClassVar[str] = "EUR"
    report_path: ClassVar[str] = "a query"
    since_text: ClassVar[str] = ""
    most_rows: ClassVar[int] = 2
    sends_time: ClassVar[bool] = False
    late_by: ClassVar[timedelta] = timedelta(minutes=15)

    @contextmanager
    def served(self) -> Iterator[tuple[dict[str, str], Any]]:
        """A database with the rows: the variables of its source, and this till with its `url`."""
        with self._database() as self.url:
            columns = ", ".join(map(" ".join, zip(COLUMNS, TYPES[self.connector], strict=True)))
            self.execute(f"CREATE TABLE sale_lines ({columns})")
            self.insert(*(row(name) for page in self.lines for name in page))
            with patch.object(snapshot, "ROWS_AT_ONCE", self.most_rows):
                yield self.environment, self

    @property
    def environment(self) -> dict[str, str]:
        password = "wrong" if self.reject_credentials else self.password
        values = (USER, password)
        return {self.url_variable: self.url, **dict(zip(self.credentials, values, strict=False))}

    password: ClassVar[str] = uuid4().hex

    def connect(self) -> Any:
        """A connection that may write, with autocommit."""
        raise NotImplementedError

    def execute(self, statement: str, *values: Any) -> None:
        with closing(self.connect()) as connection:
            connection.cursor().execute(statement, values)

    def insert(self, *rows: Sequence[Any]) -> None:
        with closing(self.connect()) as connection:
            self.insert_with(connection, *rows)

    def insert_with(self, connection: Any, *rows: Sequence[Any]) -> None:
        marks = ", ".join([self.mark] * len(COLUMNS))
        for each in rows:
            values = [self.value(value) for value in each]
            connection.cursor().execute(f"INSERT INTO sale_lines ({', '.join(COLUMNS)}) VALUES ({marks})", values)

    mark: ClassVar[str] = "%s"

    def value(self, value: Any) -> Any:
        """A value as the driver wants it."""
        return value

    def kill_readers(self) -> None:
        """End the connections of the source at the server."""
        raise NotImplementedError

    def _database(self) -> Any:
        raise NotImplementedError


class PostgresTill(Till):
    connector = "postgresql"
    definition = SOURCES / "postgresql_till.yaml"
    url_variable = "POSTGRESQL_TILL_URL"
    credentials: ClassVar = {"POSTGRESQL_TILL_USER": "", "POSTGRESQL_TILL_PASSWORD": ""}
    server_fixture = "postgres_server"

    @contextmanager
    def _database(self) -> Iterator[str]:
        self.name = f"till_{uuid4().hex[:12]}"
        self.server.create_role(USER, self.password)
        self.dsn = self.server.create_database(self.name)
        self.execute(f"GRANT CONNECT ON DATABASE {self.name} TO {USER}")
        self.execute(f"ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO {USER}")
        try:
            yield f"postgresql://127.0.0.1:{self.server.port}/{self.name}"
        finally:
            self.server.drop_database(self.name)

    def connect(self) -> Any:
        connection = psycopg2.connect(self.dsn)
        connection.autocommit = True
        return connection

    def kill_readers(self) -> None:
        self.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", USER)


class MySqlTill(Till):
    connector = "mysql"
    definition = SOURCES / "mysql_till.yaml"
    url_variable = "MYSQL_TILL_URL"
    credentials: ClassVar = {"MYSQL_TILL_USER": "", "MYSQL_TILL_PASSWORD": ""}
    server_fixture = "mariadb_server"

    @contextmanager
    def _database(self) -> Iterator[str]:
        with self.server.database() as self.name:
            self.server.execute(f"CREATE USER IF NOT EXISTS {USER}@'127.0.0.1' IDENTIFIED BY '{self.password}'")
            self.server.execute(f"GRANT SELECT, EXECUTE ON {self.name}.* TO {USER}@'127.0.0.1'")
            yield f"mysql://127.0.0.1:{self.server.port}/{self.name}"

    def connect(self) -> Any:
        return self.server.connect(self.name, autocommit=True, init_command="SET time_zone = '+00:00'")

    def value(self, value: Any) -> Any:
        return value.replace(tzinfo=None) if isinstance(value, datetime) else value

    def kill_readers(self) -> None:
        for (number,) in self.server.execute(f"SELECT id FROM information_schema.processlist WHERE user = '{USER}'"):
            self.server.execute(f"KILL {number}")


class SqliteTill(Till):
    connector = "sqlite"
    definition = SOURCES / "sqlite_till.yaml"
    url_variable = "SQLITE_TILL_URL"
    mark = "?"

    @contextmanager
    def _database(self) -> Iterator[str]:
        with tempfile.TemporaryDirectory() as directory:
            self.path = Path(directory) / "pos & till.db"
            self.execute("PRAGMA journal_mode = WAL")
            yield f"sqlite://{quote(str(self.path))}"

    def connect(self) -> Any:
        return sqlite3.connect(self.path, isolation_level=None)

    def value(self, value: Any) -> Any:
        return value.strftime("%Y-%m-%d %H:%M:%S") if isinstance(value, datetime) else value


class MsSqlTill(Till):
    """On the server that MSSQL_TEST_URL names: `mssql://user:password@host/database`. It makes and drops a table."""

    connector = "mssql"
    definition = SOURCES / "mssql_till.yaml"
    url_variable = "MSSQL_TILL_URL"
    credentials: ClassVar = {"MSSQL_TILL_USER": "", "MSSQL_TILL_PASSWORD": ""}
    server_fixture = "mssql_url"

    @contextmanager
    def _database(self) -> Iterator[str]:
        parts = urlsplit(self.server)
        self.execute("DROP TABLE IF EXISTS sale_lines")
        self.execute(f"ALTER DATABASE [{parts.path[1:]}] SET ALLOW_SNAPSHOT_ISOLATION ON")
        yield f"mssql://{parts.hostname}:{parts.port or 1433}{parts.path}"
        self.execute("DROP TABLE sale_lines")

    @property
    def environment(self) -> dict[str, str]:
        parts = urlsplit(self.server)
        password = "wrong" if self.reject_credentials else parts.password or ""
        return {self.url_variable: self.url, "MSSQL_TILL_USER": parts.username or "", "MSSQL_TILL_PASSWORD": password}

    def connect(self) -> Any:
        import pymssql  # type: ignore[import-not-found]

        parts = urlsplit(self.server)
        return pymssql.connect(
            server=parts.hostname,
            port=str(parts.port or 1433),
            user=parts.username,
            password=parts.password,
            database=parts.path[1:],
            autocommit=True,
        )

    def value(self, value: Any) -> Any:
        return value.strftime("%Y-%m-%dT%H:%M:%S") if isinstance(value, datetime) else value

    def kill_readers(self) -> None:
        self.execute(
            "DECLARE @s varchar(20); SELECT TOP 1 @s = 'KILL ' + CAST(session_id AS varchar) FROM"
            " sys.dm_exec_sessions WHERE program_name = 'retail-ingest'; EXEC(@s)"
        )


DATABASES: tuple[type[Till], ...] = (PostgresTill, MySqlTill, SqliteTill, MsSqlTill)
