"""Sources in databases are read over TLS, and only from the server whose certificate is trusted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from shared.config import PROJECT_ROOT
from shared.errors import FixConfiguration
from tests.contract.test_databases import reading
from tests.fakes.connector_api import DAY
from tests.fakes.databases.till import MySqlTill, PostgresTill, Till

if TYPE_CHECKING:
    from tests.fakes.mariadb import MariaDbServer


@pytest.fixture(scope="session")
def tls_mariadb(certificate_directory: Path) -> Iterator[MariaDbServer]:
    """A MariaDB server that offers TLS; it takes connections without, too."""
    from tests.fakes.mariadb import throwaway_mariadb

    certificate, key = certificate_directory / "server.crt", certificate_directory / "server.key"
    with throwaway_mariadb(
        PROJECT_ROOT / ".local" / "mariadb", (f"--ssl-cert={certificate}", f"--ssl-key={key}")
    ) as it:
        yield it


@pytest.fixture(params=["postgresql", "mysql"])
def till(request: pytest.FixtureRequest) -> Iterator[Till]:
    """A till on a server with a certificate for `localhost`."""
    kind: type[Any] = PostgresTill if request.param == "postgresql" else MySqlTill
    before = kind.server
    kind.server = request.getfixturevalue("tls_server" if request.param == "postgresql" else "tls_mariadb")
    try:
        with kind().served() as (_, served):
            yield served
    finally:
        kind.server = before


def error_of(till: Till, directory: Path, tls: str, host: str) -> str | None:
    """Why a till cannot be read; None if it can."""
    changes = {"connection:\n": f"connection:\n  tls: {{{tls}}}\n"}
    address = {till.url_variable: till.url.replace("127.0.0.1", host)}
    with reading(till, directory, changes, address) as connector:
        try:
            connector.check(DAY)
        except FixConfiguration as error:
            return str(error)
    return None


def test_the_certificate_and_its_name_are_checked_as_the_definition_says(
    till: Till, certificate_directory: Path, tmp_path: Path
) -> None:
    ca = f"ca_file: {certificate_directory / 'ca.crt'}"
    assert error_of(till, tmp_path, f"mode: verify-full, {ca}", "localhost") is None
    assert error_of(till, tmp_path, f"mode: verify-ca, {ca}", "127.0.0.1") is None
    assert error_of(till, tmp_path, "mode: require", "127.0.0.1") is None
    for tls, host in ((f"mode: verify-full, {ca}", "127.0.0.1"), ("mode: verify-full", "localhost")):
        assert f"the encrypted connection to {host}:" in str(error_of(till, tmp_path, tls, host))


def test_a_file_that_has_no_certificates_is_an_error(till: Till, tmp_path: Path) -> None:
    (tmp_path / "text.pem").write_text("not a certificate", encoding="utf-8")
    message = str(
        error_of(till, tmp_path / "sources", f"mode: verify-ca, ca_file: {tmp_path / 'text.pem'}", "localhost")
    )
    assert "Correct connection.tls" in message
