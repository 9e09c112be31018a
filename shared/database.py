"""PostgreSQL: connections whose failures say what to do, transactions, advisory locks, SQL files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from zlib import crc32

import psycopg2
import psycopg2.extensions
from psycopg2 import errorcodes

from shared.errors import FixConfiguration, RetryLater, StopRun
from shared.schema_version import reject_newer_schema
from shared.urls import UNCLEAR

Connection = psycopg2.extensions.connection
Cursor = psycopg2.extensions.cursor

_CONNECT_TIMEOUT_SECONDS = 10
_SESSION_SETTINGS = {
    "TimeZone": "UTC",
    "DateStyle": "ISO,MDY",
    "IntervalStyle": "postgres",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "standard_conforming_strings": "on",
    "search_path": "public,ops",
    "default_transaction_isolation": r"read\ committed",
}
"""What the code relies on, whatever an administrator has set for the database or the role, or a user in the shell."""
_ABOUT_TLS = {
    "certificate verify failed": "The certificate of PostgreSQL at {where} is not signed by the CA that"
    " POSTGRES_SSLROOTCERT (or sslrootcert in the DSN) names, or has expired. Put the right CA's certificate there, or"
    " renew the server's (scripts/generate_certificates.sh).",
    "does not match host name": "The certificate of PostgreSQL at {where} is for another host ({detail}). Connect by a"
    " name that it contains, or make a certificate for this name: scripts/generate_certificates.sh.",
    "server does not support SSL": "PostgreSQL at {where} does not offer TLS, and sslmode requires it. Enable it"
    " there, or set POSTGRES_SSLMODE=prefer.",
    "root certificate file": "The CA's certificate for PostgreSQL at {where} cannot be read ({detail}). Set"
    " POSTGRES_SSLROOTCERT (or sslrootcert in the DSN) to its file.",
    "invalid sslmode value": "The DSN of {where} has an sslmode that PostgreSQL does not know ({detail}). Use one of"
    " disable, allow, prefer, require, verify-ca, verify-full.",
}
"""What libpq reports about TLS, and what to do about it. Waiting does not help in any of these cases."""
_TLS_DEMANDED = re.compile(r"no pg_hba.conf entry .*(no encryption|SSL off)")
_HOST = r"(?:\[[0-9A-Fa-f:.]+\]|[\w.~%-]*)(?::\d+)?"
_URI = re.compile(
    rf"postgres(?:ql)?://(?:(?P<user>[^:@/?#]*)(?::[^@/?#]*)?@)?(?P<server>{_HOST}(?:,{_HOST})*)"
    r"(?P<database>/[^@/?#]*)?(?:\?[^@#]*)?"
)
_SCHEMA_TOO_OLD = (
    psycopg2.errors.UndefinedTable,
    psycopg2.errors.UndefinedColumn,
    psycopg2.errors.UndefinedFunction,
    psycopg2.errors.InvalidSchemaName,
)

OBJECT_IN_THE_WAY = (
    psycopg2.errors.DependentObjectsStillExist,
    psycopg2.errors.DuplicateTable,
    psycopg2.errors.InvalidObjectDefinition,
)
"""A view on a month that is replaced, a detached month with its old name, a partition over several months."""


def describe_dsn(dsn: str) -> str:
    """`user@host:port/database`, for messages: never the password.

    Where that is not certain, because a character of the password is not escaped, it is `its address`.
    """
    found = _URI.fullmatch(dsn)
    if found:
        server = found["server"] or "localhost"
        port = "" if re.search(r":\d+$", server) else ":5432"
        return f"{found['user'] or ''}@{server}{port}{found['database'] or ''}"
    try:
        parts = {} if "://" in dsn else psycopg2.extensions.parse_dsn(dsn)
    except psycopg2.ProgrammingError:
        parts = {}
    if not parts:
        return UNCLEAR
    place = f"{parts.get('host', 'localhost')}:{parts.get('port', '5432')}/{parts.get('dbname', '')}"
    return f"{parts.get('user', '')}@{place}"


def connect(
    dsn: str,
    *,
    application_name: str,
    timeout_seconds: int = _CONNECT_TIMEOUT_SECONDS,
    settings: Mapping[str, str] | None = None,
) -> Connection:
    """Open a connection in UTC and UTF-8 with these session `settings`; wait at most `timeout_seconds` for the server.

    Raises RetryLater when no server responds, FixConfiguration when it rejects us.
    """
    try:
        return psycopg2.connect(
            dsn,
            application_name=application_name,
            connect_timeout=timeout_seconds,
            # Rows are copied as UTF-8 bytes. In another encoding every other character would be stored as two.
            client_encoding="UTF8",
            # A lost server or network is noticed within a minute; the server then releases our locks, too.
            keepalives_idle=30,
            keepalives_interval=10,
            keepalives_count=3,
            options=" ".join(f"-c {name}={value}" for name, value in {**_SESSION_SETTINGS, **(settings or {})}.items()),
        )
    except psycopg2.OperationalError as error:
        raise _explain(dsn, str(error)) from error
    except psycopg2.ProgrammingError:
        # libpq quotes a part of the DSN, which may be one of the password.
        raise FixConfiguration(
            "WAREHOUSE_DSN is not a libpq URI (postgresql://user:password@host:port/database). Write the characters"
            " @ : / ? # % of a password as %40 %3A %2F %3F %23 %25."
        ) from None


def _explain(dsn: str, message: str) -> FixConfiguration | RetryLater:
    where = describe_dsn(dsn)
    for words, advice in _ABOUT_TLS.items():
        for line in message.splitlines():
            if words in line:
                return FixConfiguration(advice.format(where=where, detail=line.rpartition("failed: ")[2].strip()))
    if "authentication failed" in message or "no password supplied" in message:
        return FixConfiguration(
            f"PostgreSQL rejected the password for {where}. Correct WAREHOUSE_DSN (or POSTGRES_PASSWORD) in .env."
        )
    if "role" in message and "does not exist" in message:
        return FixConfiguration(f"PostgreSQL knows no such role: {where}. Correct the user in WAREHOUSE_DSN.")
    if "database" in message and "does not exist" in message:
        return FixConfiguration(
            f"Database {where} does not exist. Create it (`make up`, or `docker-compose up -d`),"
            " or correct WAREHOUSE_DSN."
        )
    if _TLS_DEMANDED.search(message):
        return FixConfiguration(
            f"PostgreSQL at {where} accepts no connection without TLS. Set POSTGRES_SSLMODE=verify-full and"
            " POSTGRES_SSLROOTCERT (or sslmode and sslrootcert in the DSN)."
        )
    if rejection := re.search(r"FATAL:\s+(.+)", message):
        hint = re.search(r"HINT:\s+(.+?)\.?$", message, re.MULTILINE)
        reason = f"{rejection[1]} ({hint[1]})" if hint else rejection[1]
        return RetryLater(f"PostgreSQL at {where} accepts no connection: {reason}. Run again later.")
    return RetryLater(
        f"No PostgreSQL server responds at {where}. Start it (`make up`, or `docker-compose up -d`),"
        " or correct WAREHOUSE_DSN."
    )


@contextmanager
def session(dsn: str, *, application_name: str, settings: Mapping[str, str] | None = None) -> Iterator[Connection]:
    """A connection that is closed at the end; what was not committed is rolled back.

    Raises FixConfiguration when the schema is newer than this code, and what `connect` raises.
    """
    connection = connect(dsn, application_name=application_name, settings=settings)
    try:
        with transaction(connection) as cursor:
            reject_newer_schema(cursor)
        yield connection
    finally:
        connection.close()


@contextmanager
def transaction(connection: Connection) -> Iterator[Cursor]:
    """Commit at the end of the block, roll back on any error.

    A lost or deadlocked connection, a lock that others hold, a statement that the server ends, or a server that only
    reads, becomes RetryLater; a schema that is not there, or that has an object in the way, becomes FixConfiguration; a
    row that violates a constraint becomes StopRun, without the row.
    """
    commits = False
    try:
        with connection, connection.cursor() as cursor:
            yield cursor
            commits = True
    except psycopg2.errors.LockNotAvailable as error:
        raise RetryLater(
            f"The warehouse is locked: {described(error)}. Nothing was changed. End that session, or run again later."
        ) from error
    except psycopg2.errors.ReadOnlySqlTransaction as error:
        raise RetryLater(
            f"The warehouse cannot be changed at present ({described(error)}): it is a standby, or has"
            " default_transaction_read_only. Nothing was changed. Connect to the primary server, or turn that off."
        ) from error
    except (psycopg2.OperationalError, psycopg2.InterfaceError) as error:
        if not connection.closed:
            raise RetryLater(
                f"The warehouse ended a statement: {described(error)}. Nothing was changed. Remove the cause, or run"
                " again later."
            ) from error
        during = "It was lost during the commit, so the changes may have been made. Run again; nothing is done twice."
        state = during if commits else "Nothing was changed; run again."
        raise RetryLater(f"The connection to the warehouse was lost: {described(error)}. {state}") from error
    except _SCHEMA_TOO_OLD as error:
        raise FixConfiguration(
            f"The warehouse's schema is missing or older than this code ({_first_line(error)})."
            " Run: python -m shared.migrations"
        ) from error
    except OBJECT_IN_THE_WAY as error:
        raise object_in_the_way(error) from error
    except (psycopg2.IntegrityError, psycopg2.DataError) as error:
        # Only what was violated: the details, and the traceback with them, show the row, which may name a customer.
        raise StopRun(
            f"The warehouse rejected a row: {_violated(error)}. Nothing was changed; please report it."
        ) from None
    except psycopg2.errors.InsufficientPrivilege as error:
        raise FixConfiguration(
            f"The warehouse denies this user a right ({described(error)})."
            " Use retail_user, or run: python -m shared.migrations"
        ) from error


def object_in_the_way(error: psycopg2.Error) -> FixConfiguration:
    """For an error of `OBJECT_IN_THE_WAY`, which names the objects and no rows."""
    detail = (error.diag.message_detail or "").partition("\n")[0].rstrip(".")
    return FixConfiguration(
        f"An object that somebody has made in the warehouse is in the way: {_first_line(error)}"
        f"{f' ({detail})' if detail else ''}. Nothing was changed. Drop that object or move it to"
        " another schema, then run again."
    )


def _violated(error: psycopg2.Error) -> str:
    """The kind of error, and the table, column and constraint that it is about, as far as they are known."""
    kind = errorcodes.lookup(error.pgcode).lower().replace("_", " ") if error.pgcode else type(error).__name__
    place = [each for each in (error.diag.table_name, error.diag.column_name, error.diag.constraint_name) if each]
    return f"{kind} ({', '.join(place)})" if place else kind


def described(error: psycopg2.Error) -> str:
    """What the server says, on one line: its message, and its hint, which often is the remedy."""
    hint = " ".join((error.diag.message_hint or "").split()).rstrip(".")
    return f"{_first_line(error)} ({hint})" if hint else _first_line(error)


def _first_line(error: psycopg2.Error) -> str:
    text = str(error).strip() or errorcodes.lookup(error.pgcode or errorcodes.CONNECTION_FAILURE)
    return text.splitlines()[0]


def lock_key(*parts: object) -> int:
    """A stable 63-bit number for an advisory lock named by `parts`."""
    text = "/".join(str(part) for part in parts).encode()
    return (crc32(text) << 31) | (crc32(text[::-1]) >> 1)


def lock_in_transaction(cursor: Cursor, *parts: object) -> None:
    """Wait for, and hold until the transaction ends, the advisory lock of the warehouse named by `parts`.

    Raises LockNotAvailable, which names the holder, when the wait is longer than `ops.wait_for_lock` allows.
    """
    cursor.execute("SELECT ops.wait_for_lock(%s, %s)", (lock_name(*parts), lock_key(*parts)))


def lock_name(*parts: object) -> str:
    """How messages name the advisory lock of `parts`."""
    return " ".join(str(part) for part in parts)


@cache
def read_sql(path: Path) -> str:
    """The text of a .sql file, read once."""
    return path.read_text(encoding="utf-8")
