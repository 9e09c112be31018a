from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from local_stack.postgres import THROWAWAY_SETTINGS, PostgresServer, throwaway_server
from local_stack.unprivileged import postgres_account
from shared.config import PROJECT_ROOT

SCRIPT = PROJECT_ROOT / "scripts" / "generate_certificates.sh"
Certificates = Callable[..., subprocess.CompletedProcess[str]]


def certificates(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["sh", str(SCRIPT), "--directory", str(directory), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def make_certificates() -> Certificates:
    """`make_certificates(directory, *arguments)` runs the script."""
    return certificates


@pytest.fixture(scope="session")
def certificate_directory() -> Iterator[Path]:
    """Certificates for localhost only, whose key the server's account may read."""
    with TemporaryDirectory(prefix="retail-certificates-") as name:
        directory = Path(name)
        assert certificates(directory, "localhost").returncode == 0
        for path in (directory, directory / "server.key"):
            postgres_account().give(path)
        yield directory


@pytest.fixture(scope="session")
def tls_server(certificate_directory: Path) -> Iterator[PostgresServer]:
    """A PostgreSQL server that offers TLS; it takes connections without, too."""
    settings = {
        **THROWAWAY_SETTINGS,
        "ssl": "on",
        "ssl_cert_file": str(certificate_directory / "server.crt"),
        "ssl_key_file": str(certificate_directory / "server.key"),
    }
    with throwaway_server(PROJECT_ROOT / ".local" / "postgres", settings=settings) as server:
        yield server
