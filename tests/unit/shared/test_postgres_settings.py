from __future__ import annotations

from pathlib import Path

import pytest

from shared.config import load_settings, owner_dsn
from shared.errors import FixConfiguration

PARTS = {"POSTGRES_PASSWORD": "secret", "S3_BUCKET_RAW": "raw", "S3_BUCKET_PROCESSED": "processed"}


def loader_dsn(**parts: str) -> str:
    return load_settings({**PARTS, **parts}).warehouse_dsn.get_secret_value()


def test_tls_is_part_of_the_dsn_and_quoted(tmp_path: Path) -> None:
    certificate = tmp_path / "our ca&co.crt"
    certificate.write_text("", encoding="utf-8")

    dsn = loader_dsn(POSTGRES_SSLMODE="verify-full", POSTGRES_SSLROOTCERT=str(certificate))

    quoted = str(certificate).replace("/", "%2F").replace(" ", "%20").replace("&", "%26")
    assert dsn.endswith(f"@localhost:5432/retail_analytics?sslmode=verify-full&sslrootcert={quoted}")


@pytest.mark.parametrize(
    ("host", "written"), [("db", "db"), ("::1", "[::1]"), ("/var/run/postgresql", "%2Fvar%2Frun%2Fpostgresql")]
)
def test_a_host_is_a_name_an_address_or_the_directory_of_a_socket(host: str, written: str) -> None:
    assert loader_dsn(POSTGRES_HOST=host) == f"postgresql://retail_user:secret@{written}:5432/retail_analytics"


def test_an_unknown_mode_and_a_missing_certificate_are_reported_together() -> None:
    with pytest.raises(FixConfiguration) as raised:
        loader_dsn(POSTGRES_SSLMODE="strict", POSTGRES_SSLROOTCERT="/nowhere/ca.crt")

    message = str(raised.value)
    assert "POSTGRES_SSLMODE is 'strict', which is none of disable, allow, prefer, require, verify-ca" in message
    assert "POSTGRES_SSLROOTCERT names /nowhere/ca.crt, which cannot be read (No such file or directory)" in message


def test_the_owner_is_on_the_loader_s_server() -> None:
    owner = {"POSTGRES_OWNER_PASSWORD": "o/w"}

    assert owner_dsn({**owner, "POSTGRES_HOST": "db", "POSTGRES_SSLMODE": "require"}) == (
        "postgresql://retail_owner:o%2Fw@db:5432/retail_analytics?sslmode=require"
    )
    assert owner_dsn({**owner, "WAREHOUSE_DSN": "postgresql://u:p@[::1]:6000/w?sslmode=require"}) == (
        "postgresql://retail_owner:o%2Fw@[::1]:6000/w?sslmode=require"
    )


def test_the_owner_s_dsn_wins_and_the_loader_may_be_the_owner() -> None:
    dsn = "postgresql://owner:p@h/d"

    assert owner_dsn({"WAREHOUSE_OWNER_DSN": dsn, "POSTGRES_OWNER_PASSWORD": "x", "WAREHOUSE_DSN": "y"}) == dsn
    assert owner_dsn({"WAREHOUSE_DSN": dsn}) == dsn


@pytest.mark.parametrize("environ", [{}, PARTS], ids=["nothing", "only the loader's password"])
def test_an_owner_that_is_not_set_is_reported(environ: dict[str, str]) -> None:
    with pytest.raises(FixConfiguration, match="set WAREHOUSE_OWNER_DSN, its libpq URI, or POSTGRES_OWNER_PASSWORD"):
        owner_dsn(environ)


def test_a_wrong_mode_is_reported_for_the_owner_too() -> None:
    with pytest.raises(FixConfiguration, match="POSTGRES_SSLMODE is 'strict'"):
        owner_dsn({"POSTGRES_OWNER_PASSWORD": "x", "POSTGRES_SSLMODE": "strict"})
