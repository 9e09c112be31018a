"""Roles, passwords and databases of the containers' PostgreSQL server, then the schema of the warehouse.

`python -m shared.provisioning` runs first at each start of the containers and can run any number of times. A password
that was changed in `.env` takes effect, rights that an interrupted start or somebody else left are taken away, and new
migrations are applied. It connects as superuser (POSTGRES_ADMIN_DSN)
over the server's socket, and sets that password too. On a managed server the administrator creates the three roles and
the database; `retail migrate` does the rest.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from psycopg2 import sql
from psycopg2.extensions import encrypt_password, make_dsn

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
_ATTRIBUTES = "LOGIN INHERIT CONNECTION LIMIT -1 VALID UNTIL 'infinity'"
_NO_RIGHTS = "NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"
_WRITERS_FUNCTIONS = r"""
    SELECT oid::regprocedure::text
    FROM pg_proc
    WHERE pronamespace = 'pg_catalog'::regnamespace
        AND proname ~ '^(pg_(try_)?advisory_(xact_)?lock.*|lo_(creat|create|from_bytea|put)|lowrite)$'
    ORDER BY 1
"""
"""The functions that take an advisory lock, or write a large object. PostgreSQL lets every role call them."""


def ensure_role(cursor: Cursor, name: str, password: str) -> None:
    """Create a role that can log in, or give an existing one this password and the attributes of a new one.

    Whatever it was before, the role does not expire, is not a superuser, and may neither create roles or databases nor
    replicate nor bypass row security. Only PostgreSQL's own superuser keeps these rights.
    """
    cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (name,))
    verb = sql.SQL("ALTER ROLE" if cursor.fetchone() else "CREATE ROLE")
    attributes = _ATTRIBUTES if name == SUPERUSER else f"{_ATTRIBUTES} {_NO_RIGHTS}"
    # The server gets a verifier: the password itself would appear wherever statements do, in its log for example.
    verifier = encrypt_password(password, name, cursor.connection, "scram-sha-256")
    cursor.execute(
        sql.SQL("{} {} {} PASSWORD {}").format(verb, sql.Identifier(name), sql.SQL(attributes), sql.Literal(verifier))
    )


def ensure_database(cursor: Cursor, name: str, owner: str, *, template: str = "template0") -> bool:
    """Create a database that only its owner may use; True when it was created.

    An existing one keeps its data and grants, except those of PUBLIC: an interrupted start may have left these. By
    default it is a copy of template0, in which nobody can create anything. The connection must be in autocommit mode.
    """
    cursor.execute("SELECT datallowconn FROM pg_database WHERE datname = %s", (name,))
    row = cursor.fetchone()
    identifier = sql.Identifier(name)
    if row is None:
        # Nobody can connect until PUBLIC has lost the rights that every new database gives it.
        statement = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {} ALLOW_CONNECTIONS false")
        cursor.execute(statement.format(identifier, sql.Identifier(owner), sql.Identifier(template)))
    cursor.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(identifier))
    if row is None or not row[0]:
        cursor.execute(sql.SQL("ALTER DATABASE {} WITH ALLOW_CONNECTIONS true").format(identifier))
    return row is None


def allow(cursor: Cursor, database: str, *, writers: Sequence[str], readers: Sequence[str] = ()) -> None:
    """Let roles connect to `database`. Temporary tables, which take its disk space, are for `writers` only."""
    for roles, rights in (
        (writers, "GRANT CONNECT, TEMPORARY ON DATABASE {} TO {}"),
        (readers, "GRANT CONNECT ON DATABASE {} TO {}"),
        (readers, "REVOKE TEMPORARY ON DATABASE {} FROM {}"),
    ):
        if roles:
            names = sql.SQL(", ").join(map(sql.Identifier, roles))
            cursor.execute(sql.SQL(rights).format(sql.Identifier(database), names))


def close_databases(admin_dsn: str) -> None:
    """Take the rights of PUBLIC on every database of the server, and on its schema public.

    PUBLIC may by default connect to `postgres` and `template1` and, up to PostgreSQL 14, create functions and tables
    there; what is in template1 is copied into later databases. Superusers and owners are not affected.
    """
    with _autocommit(admin_dsn) as cursor:
        cursor.execute("SELECT datname, datallowconn FROM pg_database ORDER BY datname")
        databases = cursor.fetchall()
        for name, _ in databases:
            cursor.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(name)))
    for name in (name for name, accepts_connections in databases if accepts_connections):
        with _autocommit(make_dsn(admin_dsn, dbname=name)) as cursor:
            cursor.execute("SELECT 1 FROM pg_namespace WHERE nspname = 'public'")
            if cursor.fetchone():
                cursor.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")


def prepare_schema(database_dsn: str, owner: str, *, writers: Sequence[str] = ()) -> None:
    """Give the schema public of a database to its owner; `database_dsn` is the superuser's.

    If `writers` names roles, only these can take advisory locks and create large objects there. Any other role that
    took the keys of the loader would make loads wait, and could fill the disk.
    """
    with _autocommit(database_dsn) as cursor:
        # Up to PostgreSQL 14 the schema belongs to the superuser, from 15 on to the owner of the database.
        cursor.execute(sql.SQL("ALTER SCHEMA public OWNER TO {}").format(sql.Identifier(owner)))
        cursor.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        if not writers:
            return
        cursor.execute(_WRITERS_FUNCTIONS)
        functions = sql.SQL(", ".join(function for (function,) in cursor.fetchall()))
        names = sql.SQL(", ").join(map(sql.Identifier, writers))
        cursor.execute(sql.SQL("GRANT EXECUTE ON FUNCTION {} TO {}").format(functions, names))
        cursor.execute(sql.SQL("REVOKE EXECUTE ON FUNCTION {} FROM PUBLIC").format(functions))


def provision(admin_dsn: str, passwords: Mapping[str, str], warehouse: str) -> None:
    """Create the roles with their passwords, and the databases of the warehouse and Airflow."""
    with _autocommit(admin_dsn) as cursor:
        for role, password in passwords.items():
            ensure_role(cursor, role, password)
        ensure_database(cursor, warehouse, OWNER)
        allow(cursor, warehouse, writers=(LOADER,), readers=(READER,))
        ensure_database(cursor, AIRFLOW, AIRFLOW)
    prepare_schema(make_dsn(admin_dsn, dbname=warehouse), OWNER, writers=(OWNER, LOADER))
    prepare_schema(make_dsn(admin_dsn, dbname=AIRFLOW), AIRFLOW)
    close_databases(admin_dsn)


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
