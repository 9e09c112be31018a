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
