"""The warehouse over TLS by one setting: docker/compose/tls.yml."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from tests.containers.conftest import MakeProject
from tests.containers.project import Project

TLS_VERSION = """
from shared.config import load_settings
from shared.database import session
with session(load_settings().warehouse_dsn.get_secret_value(), application_name="test") as connection:
    with connection.cursor() as cursor:
        cursor.execute("SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
        print(*cursor.fetchone())
"""


@pytest.fixture(scope="module")
def secured(make_project: MakeProject) -> Iterator[Project]:
    """The warehouse with its roles and schema, over TLS."""
    files = "docker-compose.yml:docker/compose/tls.yml"
    with make_project(COMPOSE_FILE=files, POSTGRES_TLS_NAMES="db.example.org") as project:
        project.compose("build", "warehouse-init", "airflow-init", timeout=1200)
        project.up("postgres", "warehouse-init")
        ended_well(project, "warehouse-init")
        yield project


def ended_well(project: Project, service: str) -> None:
    assert project.docker("wait", project.container(service)).strip() == "0"


@pytest.fixture(scope="module")
def ca(secured: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The CA's certificate, taken out as docs/SECURITY.md says."""
    path = tmp_path_factory.mktemp("ca") / "ca.crt"
    shown = secured.compose("run", "--rm", "-T", "--entrypoint", "cat", "certificates", "/var/run/postgresql/ca.crt")
    path.write_text(shown.stdout, encoding="utf-8")
    return path


def from_outside(project: Project, **options: Any) -> str:
    """The TLS version of a reader's connection from the host."""
    dsn = project.dsn("retail_reader", "POSTGRES_READER_PASSWORD").replace("@127.0.0.1:", "@localhost:")
    connection = psycopg2.connect(dsn, **options)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
            return str((cursor.fetchone() or ("",))[0])
    finally:
        connection.close()


def one_off(project: Project, service: str, *command: str, check: bool = True) -> str:
    done = project.compose("run", "--rm", "--no-deps", "-T", service, *command, check=check)
    return done.stdout if check else done.stdout + done.stderr


def test_nobody_comes_in_without_tls(secured: Project, ca: Path) -> None:
    with pytest.raises(psycopg2.OperationalError, match=r"no pg_hba.conf entry .* no encryption"):
        from_outside(secured, sslmode="disable")
    assert from_outside(secured, sslmode="verify-full", sslrootcert=str(ca)).startswith("TLSv1.")


def test_a_password_is_needed_over_tls_too(secured: Project) -> None:
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        from_outside(secured, sslmode="require", password="wrong")


def test_the_stages_check_the_certificate(secured: Project) -> None:
    assert one_off(secured, "transformation", "python", "-c", TLS_VERSION).startswith("TLSv1.")
    other_name = one_off(
        secured, "transformation", "sh", "-c", 'POSTGRES_HOST=$(getent hosts postgres | cut -d" " -f1) exec "$@"', "sh",
        *("python", "-m", "transformation.main", "2024-01-15"), check=False,
    )  # fmt: skip
    assert "is for another host" in other_name
    without = one_off(
        secured, "transformation", "env", "POSTGRES_SSLMODE=disable", "python", "-m", "transformation.main", check=False
    )
    assert "accepts no connection without TLS. Set POSTGRES_SSLMODE=verify-full" in without


def test_airflow_reaches_its_own_database_over_tls(secured: Project) -> None:
    assert "Connection successful" in one_off(secured, "airflow-init", "airflow", "db", "check")
    rejected = one_off(secured, "airflow-init", "bash", "-c", "PGSSLMODE=disable airflow db check", check=False)
    assert "no encryption" in rejected


def test_a_key_is_seen_by_nobody_who_does_not_need_it(secured: Project) -> None:
    assert one_off(secured, "transformation", "ls", "/run/postgres-ca").split() == ["ca.crt"]
    look = "ls /run/postgres-tls; find / -name ca.key 2>/dev/null"
    server = secured.docker("exec", secured.container("postgres"), "sh", "-c", look, check=False)
    assert server.split() == ["ca.crt", "server.crt", "server.key"]


def test_the_next_start_keeps_the_certificate(secured: Project, ca: Path) -> None:
    secured.compose("up", "-d", "certificates")
    ended_well(secured, "certificates")

    said = secured.compose("logs", "--no-color", "certificates").stdout
    assert "certificate kept: for postgres localhost 127.0.0.1 db.example.org" in said
    assert from_outside(secured, sslmode="verify-full", sslrootcert=str(ca)).startswith("TLSv1.")


def test_a_renewed_certificate_is_read_without_a_restart(secured: Project, ca: Path) -> None:
    secured.compose("run", "--rm", "-T", "--entrypoint", "rm", "certificates", "/var/lib/postgresql/data/server.crt")
    secured.compose("up", "-d", "--force-recreate", "--no-deps", "certificates")
    ended_well(secured, "certificates")

    secured.compose("kill", "-s", "SIGHUP", "postgres")

    assert from_outside(secured, sslmode="verify-full", sslrootcert=str(ca)).startswith("TLSv1.")
    assert "there was none" in secured.compose("logs", "--no-color", "certificates").stdout
