from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import psycopg2
import pytest
from psycopg2 import sql

from local_stack.databases import WarehouseAccess, create_private_database
from local_stack.errors import StackError
from local_stack.postgres import PostgresServer
from local_stack.postgres_binaries import find_postgres, inspect
from shared.config import PROJECT_ROOT


def connects(dsn: str) -> bool:
    try:
        psycopg2.connect(dsn).close()
    except psycopg2.OperationalError:
        return False
    return True


def test_a_password_is_needed(postgres_server: PostgresServer) -> None:
    right = postgres_server.superuser_dsn()

    assert connects(right)
    assert not connects(right.replace(postgres_server.password, "wrong"))


def test_a_retailer_reaches_its_own_database_only(
    postgres_server: PostgresServer, warehouse: WarehouseAccess, database: str
) -> None:
    own = create_private_database(postgres_server, "retailer_test", "secret")
    warehouse_name = warehouse.owner_dsn.rpartition("/")[2]

    assert connects(own)
    assert not connects(own.replace("/retailer_test", f"/{warehouse_name}"))
    assert not connects(warehouse.loader_dsn.replace(warehouse_name, "retailer_test"))
    assert not connects(own.replace("/retailer_test", "/" + database.rpartition("/")[2]))


def test_making_a_database_twice_changes_nothing(postgres_server: PostgresServer) -> None:
    first = create_private_database(postgres_server, "twice", "one")
    with psycopg2.connect(first) as connection, connection.cursor() as cursor:
        cursor.execute("create table kept ()")

    second = create_private_database(postgres_server, "twice", "two")

    assert not connects(first), "the new password holds"
    with psycopg2.connect(second) as connection, connection.cursor() as cursor:
        cursor.execute("select * from kept")


def test_a_copy_of_a_template_has_its_settings_and_grants(postgres_server: PostgresServer) -> None:
    postgres_server.create_role("guest", "secret")
    postgres_server.create_database("original")
    postgres_server.allow("original", writers=["guest"])
    postgres_server.execute("alter database original set search_path = public, ops")
    postgres_server.execute("alter database original set timezone = 'Europe/London'")

    copy = postgres_server.create_database("copy", template="original")

    assert connects(copy.replace("postgres:", "guest:").replace(postgres_server.password, "secret"))
    assert postgres_server.execute("show search_path", "copy") == [("public, ops",)]
    assert postgres_server.execute("show timezone", "copy") == [("Europe/London",)]


def test_the_server_listens_on_the_loopback_interface_only(postgres_server: PostgresServer) -> None:
    assert postgres_server.execute("show listen_addresses") == [("127.0.0.1",)]
    assert postgres_server.execute("show unix_socket_directories") == [("",)]


def test_characters_are_classified_and_sorted_by_code_point(postgres_server: PostgresServer) -> None:
    query = sql.SQL("select upper('é'), 'Z' < 'a'")

    assert postgres_server.execute(query) == [("É", True)]


def test_the_throwaway_server_ends_with_a_process_that_is_killed(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from local_stack.postgres import throwaway_server\n"
        f"with throwaway_server(Path({str(PROJECT_ROOT / '.local/postgres')!r})) as server:\n"
        "    print(server.superuser_dsn(), flush=True); sys.stdin.read()"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", program], cwd=PROJECT_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    dsn = child.stdout.readline().strip()
    assert connects(dsn)

    child.kill()
    child.wait()

    deadline = time.monotonic() + 10
    while connects(dsn) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not connects(dsn)


def test_an_unknown_source_is_rejected_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="Set it to npm, installed or pypi"):
        find_postgres(tmp_path, {"RETAIL_POSTGRES": "snap"})


def test_a_directory_without_postgres_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="holds no `postgres`"):
        find_postgres(tmp_path, {"RETAIL_POSTGRES_BIN": str(tmp_path)})


def test_a_postgres_that_is_too_old_is_rejected(tmp_path: Path) -> None:
    for name in ("postgres", "initdb"):
        (tmp_path / name).write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 13.9'\n", encoding="utf-8")
        (tmp_path / name).chmod(0o755)

    with pytest.raises(StackError, match=r"13\.9, older than 14"):
        inspect(tmp_path, "test")


def test_the_source_of_the_last_start_is_tried_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "source").write_text("installed", encoding="utf-8")
    bin_dir = tmp_path / "bin"
    bin_dir.mkdir()
    for name in ("postgres", "initdb"):
        (bin_dir / name).write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 15.1'\n", encoding="utf-8")
        (bin_dir / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{bin_dir}:/usr/bin:/bin")

    found = find_postgres(tmp_path, {})

    assert found.source.startswith("installed in ")
