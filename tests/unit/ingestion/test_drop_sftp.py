"""The client of SFTP with a password; with OpenSSH's server it is tested by tests/integration/drops."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ingestion.connectors.drops.sftp import SftpPlace
from shared.errors import FixConfiguration
from shared.sources.connection import Connection
from shared.sources.file_drops import Location
from tests.fakes.password_sftp import password_server


@pytest.fixture
def server() -> Iterator[tuple[int, str]]:
    with password_server() as found:
        yield found


def place(server: tuple[int, str], folder: Path, password: str = "correct horse") -> SftpPlace:
    port, host_key = server
    auth = {"kind": "password", "user": "till", "password": password}
    connection = Connection("", auth, auth_settings="TILL_PASSWORD", host_key=host_key)
    return SftpPlace("shop", Location("sftp", f"{folder}/", "*.csv", "127.0.0.1", port), connection)


def test_a_file_of_many_blocks_is_fetched_with_a_password(server: tuple[int, str], tmp_path: Path) -> None:
    (tmp_path / "drops").mkdir()
    content = bytes(range(256)) * 5_000
    (tmp_path / "drops" / "a.csv").write_bytes(content)
    over_sftp = place(server, tmp_path / "drops")
    (file,) = over_sftp.list()
    assert over_sftp.fetch(file, tmp_path).read_bytes() == content
    over_sftp.close()


def test_a_wrong_password_is_an_error_that_names_the_setting(server: tuple[int, str], tmp_path: Path) -> None:
    with pytest.raises(FixConfiguration, match=r"rejected the user or its credentials\. Set TILL_PASSWORD") as caught:
        place(server, tmp_path, "wrong horse").list()
    assert "wrong horse" not in str(caught.value)
