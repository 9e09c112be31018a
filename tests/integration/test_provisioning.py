"""Roles and databases of a server of one's own, made and made again."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg2
import pytest
from psycopg2.extensions import make_dsn

from local_stack.postgres import PostgresServer, throwaway_server
from shared import provisioning
from shared.config import PROJECT_ROOT
from shared.provisioning import PASSWORDS, provision
from tests.waiting import wait_until

ROLES = tuple(PASSWORDS)


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with throwaway_server(PROJECT_ROOT / ".local" / "postgres") as fresh:
        provision(fresh.superuser_dsn(), passwords("first", fresh), "retail_analytics")
        yield fresh


def passwords(word: str, server: PostgresServer) -> dict[str, str]:
    """A password per role; the superuser keeps the one that the fixture knows."""
    return {role: server.password if role == "postgres" else f"{word}-{role}" for role in ROLES}


def enters(server: PostgresServer, role: str, password: str, database: str) -> bool:
    try:
        psycopg2.connect(make_dsn(server.superuser_dsn(database), user=role, password=password)).close()
    except psycopg2.OperationalError as error:
        assert "authentication failed" in str(error) or "permission denied" in str(error)
        return False
    return True


@pytest.mark.parametrize("role", ["retail_owner", "retail_user", "retail_reader"])
def test_the_warehouse_is_open_to_its_three_roles_and_airflows_database_is_not(
    server: PostgresServer, role: str
) -> None:
    assert enters(server, role, f"first-{role}", "retail_analytics")
    assert not enters(server, role, f"first-{role}", "airflow")


def test_airflow_enters_its_own_database_only(server: PostgresServer) -> None:
    assert enters(server, "airflow", "first-airflow", "airflow")
    assert not enters(server, "airflow", "first-airflow", "retail_analytics")


def test_a_changed_password_holds_after_the_next_start_and_the_old_one_no_longer(server: PostgresServer) -> None:
    provision(server.superuser_dsn(), passwords("second", server), "retail_analytics")
    try:
        assert enters(server, "retail_user", "second-retail_user", "retail_analytics")
        assert not enters(server, "retail_user", "first-retail_user", "retail_analytics")
    finally:
        provision(server.superuser_dsn(), passwords("first", server), "retail_analytics")


def rights_of_public(server: PostgresServer) -> list[tuple[object, ...]]:
    """What PUBLIC may do on each database and on its schema public, except using and reading it."""
    found = server.execute(
        "SELECT datname, privilege_type FROM pg_database, aclexplode(coalesce(datacl, acldefault('d', datdba)))"
        " WHERE grantee = 0 ORDER BY 1, 2"
    )
    for (name,) in server.execute("SELECT datname FROM pg_database WHERE datallowconn"):
        found += server.execute(
            "SELECT current_database(), privilege_type FROM pg_namespace, aclexplode(coalesce(nspacl,"
            " acldefault('n', nspowner))) WHERE nspname = 'public' AND grantee = 0 AND privilege_type = 'CREATE'",
            str(name),
        )
    return found


def provision_again(server: PostgresServer) -> None:
    provision(server.superuser_dsn(), passwords("first", server), "retail_analytics")


def test_public_has_no_right_on_any_database_of_the_server(server: PostgresServer) -> None:
    assert rights_of_public(server) == []
    for database in ("postgres", "template1"):
        assert not enters(server, "retail_reader", "first-retail_reader", database)
    server.execute("CREATE DATABASE made_by_somebody")
    assert rights_of_public(server) != []
    provision_again(server)
    assert rights_of_public(server) == []


@pytest.mark.parametrize("options", ["", "ALLOW_CONNECTIONS false"])
def test_a_database_of_an_interrupted_start_is_completed(server: PostgresServer, options: str) -> None:
    server.drop_database("airflow")
    server.execute(f"CREATE DATABASE airflow OWNER airflow {options}")
    provision_again(server)
    assert rights_of_public(server) == []
    assert enters(server, "airflow", "first-airflow", "airflow")
    assert not enters(server, "retail_reader", "first-retail_reader", "airflow")


def test_the_next_start_takes_the_readers_right_to_temporary_tables_and_keeps_the_loaders(
    server: PostgresServer,
) -> None:
    server.execute("GRANT TEMPORARY ON DATABASE retail_analytics TO retail_reader")
    provision_again(server)
    may = "SELECT has_database_privilege(%s, 'retail_analytics', 'TEMPORARY')"
    for role, expected in (("retail_user", True), ("retail_reader", False)):
        assert server.execute(may.replace("%s", f"'{role}'")) == [(expected,)]


def test_what_is_in_template1_is_not_in_a_database_of_the_platform(server: PostgresServer) -> None:
    server.execute("CREATE FUNCTION public.planted() RETURNS integer LANGUAGE sql AS 'SELECT 1'", "template1")
    server.drop_database("airflow")
    try:
        provision_again(server)
        assert server.execute("SELECT to_regproc('public.planted')", "airflow") == [(None,)]
    finally:
        server.execute("DROP FUNCTION public.planted", "template1")


@pytest.mark.parametrize("role", ["retail_owner", "retail_user", "retail_reader", "airflow"])
def test_a_role_gets_the_attributes_of_a_new_one(server: PostgresServer, role: str) -> None:
    attributes = (
        "SELECT rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls, rolcanlogin, rolinherit,"
        f" rolconnlimit, coalesce(rolvaliduntil, 'infinity') = 'infinity' FROM pg_roles WHERE rolname = '{role}'"
    )
    server.execute(
        f"ALTER ROLE {role} SUPERUSER CREATEROLE CREATEDB REPLICATION BYPASSRLS NOLOGIN NOINHERIT CONNECTION LIMIT 0"
        " VALID UNTIL '2020-01-01'"
    )
    provision_again(server)
    assert server.execute(attributes) == [(False, False, False, False, False, True, True, -1, True)]


def test_the_server_never_gets_a_password_in_clear(server: PostgresServer) -> None:
    server.execute("ALTER SYSTEM SET log_statement = 'all'")
    server.execute("SELECT pg_reload_conf()")
    try:
        wait_until(lambda: server.execute("SHOW log_statement") == [("all",)], 10, every=0.05)
        provision_again(server)
    finally:
        server.execute("ALTER SYSTEM RESET log_statement")
        server.execute("SELECT pg_reload_conf()")
    log = server.log_file.read_text(encoding="utf-8")
    assert log.count("PASSWORD 'SCRAM-SHA-256$") >= len(ROLES)
    assert "first-" not in log
    assert server.password not in log
    assert enters(server, "retail_user", "first-retail_user", "retail_analytics")


def test_it_makes_the_schema_too_and_a_second_start_finds_nothing_to_do(
    server: PostgresServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = {setting: passwords("first", server)[role] for role, setting in PASSWORDS.items()}
    settings |= {"POSTGRES_ADMIN_DSN": server.superuser_dsn(), "POSTGRES_HOST": "127.0.0.1"}
    settings |= {"POSTGRES_PORT": str(server.port), "POSTGRES_DB": "retail_analytics"}
    monkeypatch.setattr(provisioning, "read_environment", lambda: settings)
    assert provisioning.main() == 0
    assert "01_create_schema.sql" in capsys.readouterr().out
    assert provisioning.main() == 0
    assert "schema files applied: nothing" in capsys.readouterr().out


def test_what_is_not_set_is_named_together(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(provisioning, "read_environment", lambda: {"POSTGRES_PASSWORD": "x"})
    assert provisioning.main() == 2
    said = capsys.readouterr().err
    assert "POSTGRES_ADMIN_DSN" in said
    assert "AIRFLOW_DB_PASSWORD" in said
