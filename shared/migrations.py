"""The warehouse schema: two init files on an empty database, then numbered forward-only migrations.

`python -m shared.migrations` does both and can be run any number of times, also by two at once. It needs the owner's
rights: WAREHOUSE_OWNER_DSN or POSTGRES_OWNER_PASSWORD, or WAREHOUSE_DSN where that user owns the database.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import psycopg2
from yoyo import get_backend, read_migrations

from shared.config import PROJECT_ROOT, owner_dsn, read_environment
from shared.database import (
    OBJECT_IN_THE_WAY,
    Connection,
    connect,
    describe_dsn,
    described,
    lock_key,
    object_in_the_way,
    read_sql,
)
from shared.errors import FixConfiguration, RetailError, RetryLater
from shared.schema_version import MIGRATIONS_DIRECTORY, reject_newer_schema

INIT_DIRECTORY = PROJECT_ROOT / "database" / "init"
TIMEOUT_SECONDS = 600.0
"""How long a migration tries to get its locks, and how long it waits for another process that migrates."""
_ATTEMPT_MILLISECONDS = 200
"""How long each lock may take in one attempt: readers queue behind a lock that a migration waits for."""
_FIRST_PAUSE_SECONDS = 0.25
_LONGEST_PAUSE_SECONDS = 5.0
_SESSIONS_WITH_LOCKS = """
    SELECT DISTINCT format(
        '%s (pid %s, application %s)', usename, activity.pid, coalesce(nullif(application_name, ''), 'unknown')
    )
    FROM pg_locks AS held
    JOIN pg_stat_activity AS activity USING (pid)
    LEFT JOIN pg_class AS relation ON relation.oid = held.relation
    WHERE held.granted
        AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND held.pid <> pg_backend_pid()
        AND activity.usename IS NOT NULL
        AND (held.locktype = 'advisory' OR relation.relnamespace IN (to_regnamespace('public'), to_regnamespace('ops')))
    ORDER BY 1
"""


def migrate(owner_dsn: str, *, migrations: Path = MIGRATIONS_DIRECTORY) -> list[str]:
    """Bring the database to the present schema; returns the names of the files applied, in order.

    Raises RetryLater, or FixConfiguration, also when the schema is newer than these migrations.
    """
    connection = connect(owner_dsn, application_name="retail-migrations")
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            # A session lock: init files and migrations are several transactions.
            cursor.execute("SET lock_timeout = %s", (f"{TIMEOUT_SECONDS:.0f}s",))
            cursor.execute("SELECT pg_advisory_lock(%s)", (lock_key("migrations"),))
            cursor.execute("RESET lock_timeout")
            reject_newer_schema(cursor, migrations)
            cursor.execute("SELECT to_regclass('public.fact_sales') IS NULL")
            empty = bool((cursor.fetchone() or (True,))[0])
        applied = _run_init_files(owner_dsn) if empty else []
        return applied + _run_migrations(owner_dsn, migrations)
    except psycopg2.errors.LockNotAvailable as error:
        raise RetryLater(
            f"{describe_dsn(owner_dsn)}: the schema was in use for {TIMEOUT_SECONDS:.0f} seconds, by"
            f" {_sessions_with_locks(connection)}. The migration that waited changed nothing. End that session, or run"
            " again later."
        ) from error
    except OBJECT_IN_THE_WAY as error:
        raise object_in_the_way(error) from error
    except psycopg2.errors.InsufficientPrivilege as error:
        raise FixConfiguration(
            f"{describe_dsn(owner_dsn)} may not create the schema ({described(error)})."
            " Set WAREHOUSE_OWNER_DSN to the owner of the database."
        ) from error
    finally:
        connection.close()


def _run_init_files(owner_dsn: str) -> list[str]:
    connection = connect(owner_dsn, application_name="retail-migrations")
    names = sorted(path.name for path in INIT_DIRECTORY.glob("*.sql"))
    try:
        with connection, connection.cursor() as cursor:
            for name in names:
                cursor.execute(read_sql(INIT_DIRECTORY / name))
    finally:
        connection.close()
    return names


def _run_migrations(owner_dsn: str, directory: Path) -> list[str]:
    separator = "&" if "?" in owner_dsn else "?"
    backend = get_backend(f"{owner_dsn}{separator}schema=ops")
    try:
        pending = backend.to_apply(read_migrations(str(directory)))
        backend.ensure_internal_schema_updated()
        for migration in pending:
            _apply(backend, migration)
        return [migration.id for migration in pending]
    finally:
        backend.connection.close()


def _apply(backend: Any, migration: Any) -> None:
    """Apply one migration; while its tables are in use, try again with growing pauses, in which others go first."""
    deadline, pause = time.monotonic() + TIMEOUT_SECONDS, _FIRST_PAUSE_SECONDS
    while True:
        try:
            # One transaction for the change and for the mark that it was made: a process that is killed leaves neither.
            # yoyo's own `apply_migrations` makes the change over a connection of its own, then the mark.
            with backend.transaction():
                backend.execute(f"SET LOCAL lock_timeout = '{_ATTEMPT_MILLISECONDS}ms'")
                migration.process_steps(backend, "apply")
                # yoyo looks for its own tables in the first schema of the path, which the migration may have changed.
                backend.execute("SET LOCAL search_path = ops")
                backend.mark_one(migration)
            return
        except psycopg2.errors.LockNotAvailable:
            if time.monotonic() > deadline:
                raise
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)


def _sessions_with_locks(connection: Connection) -> str:
    with connection.cursor() as cursor:
        cursor.execute(_SESSIONS_WITH_LOCKS)
        return ", ".join(name for (name,) in cursor.fetchall()) or "sessions that have ended since"


def main() -> int:
    """Entry point of `python -m shared.migrations`."""
    try:
        applied = migrate(owner_dsn(read_environment()))
    except RetailError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    sys.stdout.write(f"Schema is up to date; applied: {', '.join(applied) or 'nothing'}.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
