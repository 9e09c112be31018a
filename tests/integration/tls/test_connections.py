from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from local_stack.postgres import PostgresServer
from shared.config import PROJECT_ROOT, load_settings, owner_dsn
from shared.database import session
from shared.errors import FixConfiguration
from shared.migrations import migrate
from tests.integration.tls.conftest import Certificates

BUCKETS = {"S3_BUCKET_RAW": "raw", "S3_BUCKET_PROCESSED": "processed"}


def environment(server: PostgresServer, mode: str, ca: Path | None, host: str = "localhost") -> dict[str, str]:
    found = {
        **BUCKETS,
        "POSTGRES_HOST": host,
        "POSTGRES_PORT": str(server.port),
        "POSTGRES_DB": "postgres",
        "POSTGRES_USER": "postgres",
        "POSTGRES_PASSWORD": server.password,
        "POSTGRES_SSLMODE": mode,
    }
    return {**found, "POSTGRES_SSLROOTCERT": str(ca)} if ca else found


def tls_version(environ: Mapping[str, str]) -> object:
    dsn = load_settings(environ).warehouse_dsn.get_secret_value()
    with session(dsn, application_name="test") as connection, connection.cursor() as cursor:
        cursor.execute("SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
        return (cursor.fetchone() or (None,))[0]


def rejection(environ: Mapping[str, str]) -> str:
    with pytest.raises(FixConfiguration) as raised:
        tls_version(environ)
    message = str(raised.value)
    assert "\n" not in message
    assert environ["POSTGRES_PASSWORD"] not in message
    return message


def test_a_server_with_our_certificate_is_trusted(tls_server: PostgresServer, certificate_directory: Path) -> None:
    ca = certificate_directory / "ca.crt"

    assert str(tls_version(environment(tls_server, "verify-full", ca))).startswith("TLSv1.")
    assert str(tls_version(environment(tls_server, "verify-ca", ca, host="127.0.0.1"))).startswith("TLSv1.")
    assert str(tls_version(environment(tls_server, "require", None))).startswith("TLSv1.")
    assert tls_version(environment(tls_server, "disable", None)) is None


def test_another_ca_is_rejected(tls_server: PostgresServer, tmp_path: Path, make_certificates: Certificates) -> None:
    make_certificates(tmp_path)

    message = rejection(environment(tls_server, "verify-full", tmp_path / "ca.crt"))

    assert "is not signed by the CA that POSTGRES_SSLROOTCERT" in message


def test_a_certificate_for_another_host_is_rejected(tls_server: PostgresServer, certificate_directory: Path) -> None:
    message = rejection(environment(tls_server, "verify-full", certificate_directory / "ca.crt", host="127.0.0.1"))

    assert 'is for another host (server certificate for "localhost"' in message
    assert 'does not match host name "127.0.0.1"). Connect by a name that it contains' in message


def test_a_server_without_tls_is_rejected(postgres_server: PostgresServer, certificate_directory: Path) -> None:
    ca = certificate_directory / "ca.crt"

    assert "does not offer TLS, and sslmode requires it" in rejection(environment(postgres_server, "verify-full", ca))
    assert tls_version(environment(postgres_server, "prefer", ca)) is None


def test_a_wrong_password_is_still_called_that(tls_server: PostgresServer, certificate_directory: Path) -> None:
    environ = environment(tls_server, "verify-full", certificate_directory / "ca.crt")

    assert "rejected the password" in rejection({**environ, "POSTGRES_PASSWORD": "something else"})


def test_a_ca_that_is_nowhere_is_named(tls_server: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/nonexistent")

    message = rejection(environment(tls_server, "verify-full", None))

    assert "cannot be read" in message
    assert "Set POSTGRES_SSLROOTCERT" in message


def test_a_file_that_is_not_a_certificate_is_named(tls_server: PostgresServer, tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text("no certificate", encoding="utf-8")

    assert f'"{tmp_path / "ca.crt"}"' in rejection(environment(tls_server, "verify-full", tmp_path / "ca.crt"))


def test_an_unknown_mode_in_a_dsn_is_named(tls_server: PostgresServer) -> None:
    with pytest.raises(FixConfiguration, match=r'does not know.*"loose"'):
        tls_version({**BUCKETS, "WAREHOUSE_DSN": tls_server.superuser_dsn() + "?sslmode=loose"})


@pytest.fixture
def strict_server(tls_server: PostgresServer) -> PostgresServer:
    """The same server with the containers' rule: nobody comes in without TLS."""
    rules = (PROJECT_ROOT / "docker" / "postgres" / "pg_hba_tls.conf").read_text(encoding="utf-8")
    hba = tls_server.data_dir / "pg_hba.conf"
    hba.write_text(rules, encoding="utf-8")
    subprocess.run(
        [tls_server.binaries.program("pg_ctl"), "reload", "-D", str(tls_server.data_dir)],
        check=True,
        capture_output=True,
        cwd="/",
        **tls_server.account.subprocess_arguments(),
    )
    return tls_server


def test_a_client_without_tls_is_rejected_with_the_setting_it_needs(strict_server: PostgresServer) -> None:
    message = rejection(environment(strict_server, "disable", None))

    assert "accepts no connection without TLS. Set POSTGRES_SSLMODE=verify-full" in message
    assert str(tls_version(environment(strict_server, "prefer", None))).startswith("TLSv1.")


def test_the_owner_brings_the_schema_up_to_date_over_tls(
    strict_server: PostgresServer, certificate_directory: Path
) -> None:
    strict_server.create_role("retail_owner", "owner's & %")
    for role in ("retail_user", "retail_reader"):
        strict_server.create_role(role, "secret")
    strict_server.execute("CREATE DATABASE over_tls OWNER retail_owner")
    if int(strict_server.binaries.major) >= 15:
        strict_server.execute("ALTER SCHEMA public OWNER TO retail_owner", "over_tls")
    environ = environment(strict_server, "verify-full", certificate_directory / "ca.crt")
    environ |= {"POSTGRES_DB": "over_tls", "POSTGRES_OWNER_PASSWORD": "owner's & %"}

    assert migrate(owner_dsn(environ))
    done = subprocess.run(
        [sys.executable, "-m", "shared.migrations"],
        env={**environ, "PATH": "/usr/bin:/bin"},
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout) == (0, "Schema is up to date; applied: nothing.\n"), done.stderr
