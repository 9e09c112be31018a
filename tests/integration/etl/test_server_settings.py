"""What an administrator has set for the database or a role, or a user in the shell, changes no data and no digest."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import psycopg2
import pytest
from psycopg2 import sql

from local_stack.databases import WarehouseAccess
from shared.database import connect, session, transaction
from shared.errors import FixConfiguration, RetailError, RetryLater, StopRun
from tests.integration.etl.conftest import Platform, sales, write

_ODD_SETTINGS = {
    "client_encoding": "latin1",
    "datestyle": "'SQL, DMY'",
    "intervalstyle": "sql_standard",
    "timezone": "'Pacific/Kiritimati'",
    "bytea_output": "escape",
    "extra_float_digits": "-5",
    "standard_conforming_strings": "off",
    "default_transaction_isolation": "'repeatable read'",
    "search_path": "pg_catalog",
}


def _set(platform: Platform, **settings: str) -> None:
    """For the database, which its owner may do as an administrator does."""
    with session(platform.warehouse.owner_dsn, application_name="test") as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_database()")
            (name,) = cursor.fetchone() or ("",)
            for setting, value in settings.items():
                cursor.execute(f"ALTER DATABASE {name} SET {setting} = {value}")


def _digest(dsn: str, **settings: str) -> str:
    options = " ".join(f"-c {name}={value}" for name, value in settings.items())
    with psycopg2.connect(dsn, options=options) as reader, reader.cursor() as cursor:
        cursor.execute("SELECT ops.warehouse_digest()")
        (found,) = cursor.fetchone() or ("",)
        return str(found)


def test_settings_of_the_database_and_the_shell_change_no_row(
    platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _set(platform, **_ODD_SETTINGS)
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    platform.load(write(tmp_path / "sales.csv", sales(days=1)))
    with session(platform.warehouse.owner_dsn, application_name="test") as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) > 0 FROM dim_product WHERE product_name = 'CAF\u00c9 \u00a3 SET'")
        assert cursor.fetchone() == (True,)
        cursor.execute("SHOW transaction_isolation")
        assert cursor.fetchone() == ("read committed",)


def test_the_digest_does_not_depend_on_how_the_session_writes_dates(platform: Platform, tmp_path: Path) -> None:
    platform.load(write(tmp_path / "sales.csv", sales(days=1)))
    usual = _digest(platform.warehouse.reader_dsn)
    assert _digest(platform.warehouse.reader_dsn, datestyle="SQL,DMY") == usual


@pytest.mark.parametrize(
    ("setting", "value", "statement", "message"),
    [
        ("default_transaction_read_only", "on", "DELETE FROM ops.alerts", "The warehouse cannot be changed at present"),
        ("statement_timeout", "1ms", "SELECT pg_sleep(1)", "The warehouse ended a statement: canceling statement due"),
    ],
)
def test_what_the_server_does_not_allow_at_present_is_named(
    platform: Platform, setting: str, value: str, statement: str, message: str
) -> None:
    _set(platform, **{setting: f"'{value}'"})
    with (
        # Without the statements of a session, which may take longer than the time-out.
        closing(connect(platform.warehouse.loader_dsn, application_name="test")) as connection,
        pytest.raises(RetryLater, match=message),
        transaction(connection) as cursor,
    ):
        cursor.execute(statement)


@pytest.mark.parametrize(
    ("code", "says", "hint", "kind"),
    [
        ("53100", "could not extend file: No space left on device", "Check free disk space.", RetryLater),
        ("53200", "out of shared memory", "You might need to increase max_locks_per_transaction.", RetryLater),
        ("55P03", "canceling statement due to lock timeout", "End it.", RetryLater),
        ("42501", "permission denied", "Use\nthe owner.", FixConfiguration),
    ],
)
def test_the_hint_of_the_server_is_shown(
    warehouse: WarehouseAccess, code: str, says: str, hint: str, kind: type[RetailError]
) -> None:
    raised = sql.SQL("DO $$ BEGIN RAISE EXCEPTION {} USING ERRCODE = {}, HINT = {}; END $$").format(
        sql.Literal(says), sql.Literal(code), sql.Literal(hint)
    )
    with (
        session(warehouse.loader_dsn, application_name="test") as connection,
        pytest.raises(kind) as error,
        transaction(connection) as cursor,
    ):
        cursor.execute(raised)
    assert f"{says} ({' '.join(hint.split()).rstrip('.')})" in str(error.value)


def test_no_hint_is_shown_with_a_row_that_the_warehouse_rejects(warehouse: WarehouseAccess) -> None:
    with (
        session(warehouse.loader_dsn, application_name="test") as connection,
        pytest.raises(StopRun) as error,
        transaction(connection) as cursor,
    ):
        cursor.execute("DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '23514', HINT = 'Jane Doe'; END $$")
    assert "Jane" not in str(error.value)


def test_a_server_that_takes_no_more_connections_is_not_reported_as_down(platform: Platform) -> None:
    with session(platform.warehouse.owner_dsn, application_name="test") as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_database()")
            (name,) = cursor.fetchone() or ("",)
            cursor.execute(f"ALTER DATABASE {name} CONNECTION LIMIT 0")
        with pytest.raises(RetryLater, match="accepts no connection: too many connections for database"):
            connect(platform.warehouse.loader_dsn, application_name="test")
