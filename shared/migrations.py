"""The warehouse schema: two init files on an empty database, then numbered forward-only migrations.

`python -m shared.migrations` does both and can be run any number of times, also by two at once. It needs the owner's
rights: WAREHOUSE_OWNER_DSN or POSTGRES_OWNER_PASSWORD, or WAREHOUSE_DSN where that user owns the database.
"""

from __future__ import annotations

import sys
from pathlib import Path

import psycopg2
from yoyo import get_backend, read_migrations

from shared.config import PROJECT_ROOT, owner_dsn, read_environment
from shared.database import connect, describe_dsn, lock_key, read_sql
from shared.errors import FixConfiguration, RetailError

INIT_DIRECTORY = PROJECT_ROOT / "database" / "init"
MIGRATIONS_DIRECTORY = PROJECT_ROOT / "database" / "migrations"


def migrate(owner_dsn: str, *, migrations: Path = MIGRATIONS_DIRECTORY) -> list[str]:
    """Bring the database to the present schema; returns the names of the files applied, in order."""
    connection = connect(owner_dsn, application_name="retail-migrations")
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            # A session lock: init files and migrations are several transactions.
            cursor.execute("SELECT pg_advisory_lock(%s)", (lock_key("migrations"),))
            cursor.execute("SELECT to_regclass('public.fact_sales') IS NULL")
            empty = bool((cursor.fetchone() or (True,))[0])
        applied = _run_init_files(owner_dsn) if empty else []
        return applied + _run_migrations(owner_dsn, migrations)
    except psycopg2.errors.InsufficientPrivilege as error:
        raise FixConfiguration(
            f"{describe_dsn(owner_dsn)} may not create the schema ({str(error).splitlines()[0]})."
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
            # One transaction for the change and for the mark that it was made: a process that is killed leaves neither.
            # yoyo's own `apply_migrations` makes the change over a connection of its own, then the mark.
            with backend.transaction():
                migration.process_steps(backend, "apply")
                backend.mark_one(migration)
        return [migration.id for migration in pending]
    finally:
        backend.connection.close()


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
