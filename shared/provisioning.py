"""Roles, passwords and databases of the containers' PostgreSQL server, then the schema of the warehouse.

`python -m shared.provisioning` runs first at each start of the containers and can run any number of times. A password
that was changed in `.env` takes effect, and new migrations are applied. It connects as superuser (POSTGRES_ADMIN_DSN)
over the server's socket, and sets that password too. On a managed server the administrator creates the three roles and
the database; `retail migrate` does the rest.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from psycopg2 import sql
from psycopg2.extensions import make_dsn

from shared.config import owner_dsn, read_environment
from shared.database import Cursor, session
from shared.errors import FixConfiguration, RetailError
from shared.migrations import migrate

SUPERUSER = "postgres"
OWNER, LOADER, READER = "retail_owner", "retail_user", "retail_reader"
AIRFLOW = "airflow"
PASSWORDS = {
    SUPERUSER: "POSTGRES_SUPERUSER_PASSWORD",
    OWNER: "POSTGRES_OWNER_PASSWORD",
    LOADER: "POSTGRES_PASSWORD",
    READER: "POSTGRES_READER_PASSWORD",
    AIRFLOW: "AIRFLOW_DB_PASSWORD",
}
"""The setting that holds each role's password."""


def ensure_role(cursor: Cursor, name: str, password: str) -> None:
    """Create a role that can log in, or set the password of an existing one."""
    cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (name,))
    verb = sql.SQL("ALTER ROLE" if cursor.fetchone() else "CREATE ROLE")
    cursor.execute(sql.SQL("{} {} LOGIN PASSWORD {}").format(verb, sql.Identifier(name), sql.Literal(password)))


def ensure_database(cursor: Cursor, name: str, owner: str, *, template: str | None = None) -> bool:
    """Create a database that only its owner may use; False, and no change, when it exists.

    The connection must be in autocommit mode.
    """
    cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
    if cursor.fetchone():
        return False
    statement = sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(name), sql.Identifier(owner))
    if template:
        statement += sql.SQL(" TEMPLATE {}").format(sql.Identifier(template))
    cursor.execute(statement)
    cursor.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(name)))
    return True


def allow(cursor: Cursor, database: str, roles: Sequence[str]) -> None:
    """Let `roles` connect to `database`."""
    names = sql.SQL(", ").join(map(sql.Identifier, roles))
    cursor.execute(sql.SQL("GRANT CONNECT, TEMPORARY ON DATABASE {} TO {}").format(sql.Identifier(database), names))


def provision(admin_dsn: str, passwords: Mapping[str, str], warehouse: str) -> None:
    """Create the roles with their passwords, and the databases of the warehouse and Airflow."""
    with _autocommit(admin_dsn) as cursor:
        for role, password in passwords.items():
            ensure_role(cursor, role, password)
        ensure_database(cursor, warehouse, OWNER)
        allow(cursor, warehouse, (LOADER, READER))
        ensure_database(cursor, AIRFLOW, AIRFLOW)
    for database, owner in ((warehouse, OWNER), (AIRFLOW, AIRFLOW)):
        # Up to PostgreSQL 14 the schema belongs to the superuser, from 15 on to the owner of the database.
        with _autocommit(make_dsn(admin_dsn, dbname=database)) as cursor:
            cursor.execute(sql.SQL("ALTER SCHEMA public OWNER TO {}").format(sql.Identifier(owner)))


@contextmanager
def _autocommit(dsn: str) -> Iterator[Cursor]:
    with session(dsn, application_name="retail-provisioning") as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            yield cursor


def main() -> int:
    """Entry point of `python -m shared.provisioning`."""
    try:
        environ = read_environment()
        if missing := [name for name in ("POSTGRES_ADMIN_DSN", *PASSWORDS.values()) if name not in environ]:
            raise FixConfiguration(f"Set {', '.join(missing)} (python3 scripts/generate_env.py writes them to .env).")
        passwords = {role: environ[name] for role, name in PASSWORDS.items()}
        provision(environ["POSTGRES_ADMIN_DSN"], passwords, environ.get("POSTGRES_DB", "retail_analytics"))
        applied = migrate(owner_dsn(environ))
    except RetailError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    sys.stdout.write(f"Roles and databases are up to date; schema files applied: {', '.join(applied) or 'nothing'}.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
