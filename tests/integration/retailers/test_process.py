"""A retailer as a process: how it starts, fails and stops."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import psycopg2
import pytest
import requests

from tests.integration.retailers.clients import CLIENTS
from tests.integration.retailers.conftest import SECRETS, Start, free_port

ROOT = Path(__file__).parents[3]


@pytest.fixture
def port() -> int:
    return free_port()


def environment(**changed: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LD_LIBRARY_PATH") if name in os.environ}
    return {**kept, **SECRETS, **changed}


def launch(number: int, **changed: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", f"retailers.retailer{number}.api.app"],
        cwd=ROOT,
        env=environment(**changed),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(number: int, **changed: str) -> tuple[int, str]:
    process = launch(number, **changed)
    _, errors = process.communicate(timeout=60)
    return process.returncode, errors


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_retailer_says_when_it_is_ready_and_stops_on_a_signal(number: int, database: str, port: int) -> None:
    process = launch(number, DATABASE_URL=database, PORT=str(port), RETAILER_LINES_PER_DAY="60")
    assert process.stdout is not None
    ready = json.loads(process.stdout.readline())
    assert ready | {"pid": 0} == {
        "event": "ready", "retailer": f"retailer_{number}", "url": f"http://127.0.0.1:{port}", "pid": 0,
    }  # fmt: skip
    assert requests.get(f"{ready['url']}/health", timeout=10).status_code == 200
    with psycopg2.connect(database) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*), min(day), max(day) FROM simulation.made_days")
        count, first, last = cursor.fetchone() or (0, None, None)
    assert count >= 62 and first == date(2024, 1, 1) and last >= date(2026, 1, 1)
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == 0
    assert time.monotonic() - began < 10
    assert process.stderr is not None and "Traceback" not in process.stderr.read()


def test_missing_settings_are_one_line_and_status_2() -> None:
    code, errors = ended(2, CLIENT_SECRET="")
    assert (code, errors) == (2, "retailer_2 cannot start: set DATABASE_URL, CLIENT_SECRET\n")


def test_an_unavailable_database_is_one_line_and_status_1(port: int) -> None:
    code, errors = ended(1, DATABASE_URL="postgresql://u:hidden@nowhere.invalid:1/x", PORT=str(port))
    assert code == 1
    assert errors.startswith("retailer_1 cannot start: ") and errors.count("\n") == 1
    assert "DATABASE_URL" in errors and "hidden" not in errors


def test_a_wrong_password_is_one_line_and_status_1(database: str, port: int) -> None:
    host = database.rpartition("@")[2]
    code, errors = ended(1, DATABASE_URL=f"postgresql://nobody:wrong@{host}", PORT=str(port))
    assert code == 1
    assert "nobody" in errors and "wrong" not in errors and errors.count("\n") == 1


def test_a_user_who_may_not_create_tables_is_one_line_and_status_1(database: str, port: int) -> None:
    with psycopg2.connect(database) as connection, connection.cursor() as cursor:
        cursor.execute("REVOKE CREATE ON SCHEMA public FROM public")
        cursor.execute("DROP ROLE IF EXISTS cashier")
        cursor.execute("CREATE ROLE cashier LOGIN PASSWORD 'till'")
    try:
        host = database.rpartition("@")[2]
        code, errors = ended(1, DATABASE_URL=f"postgresql://cashier:till@{host}", PORT=str(port))
    finally:
        with psycopg2.connect(database) as connection, connection.cursor() as cursor:
            cursor.execute("DROP ROLE cashier")
    assert code == 1
    assert "permission denied" in errors and "DATABASE_URL" in errors and errors.count("\n") == 1


def test_a_retailer_reconnects_to_its_database(start: Start) -> None:
    retailer = start(2)
    truth = retailer.client.sold_on(date(2024, 1, 15))
    connection = psycopg2.connect(retailer.dsn)
    with connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    connection.close()
    codes = [retailer.client.get("/orders", placed_on="2024-01-15").status_code for _ in range(12)]
    assert set(codes) <= {200, 503} and codes[-1] == 200
    assert retailer.client.sold_on(date(2024, 1, 15)) == truth


def test_tables_of_an_older_layout_are_created_again(start: Start) -> None:
    retailer = start(3)
    truth = retailer.client.sold_on(date(2024, 1, 15))
    with psycopg2.connect(retailer.dsn) as connection, connection.cursor() as cursor:
        cursor.execute("DROP TABLE asientos; CREATE TABLE asientos (viejo int)")
        cursor.execute("UPDATE simulation.made_from SET origin = 'layout 0, ' || origin")
    assert start(3, retailer.dsn).client.sold_on(date(2024, 1, 15)) == truth


def test_a_port_that_is_taken_is_one_line_and_status_1(database: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        code, errors = ended(3, DATABASE_URL=database, PORT=str(number), RETAILER_PRELOAD="none")
    assert code == 1
    assert f"127.0.0.1:{number}" in errors and "PORT" in errors and errors.count("\n") == 1


def test_an_invalid_csv_is_one_line_and_status_1(database: str, port: int, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a,b\n", encoding="utf-8")
    code, errors = ended(1, DATABASE_URL=database, PORT=str(port), RETAILER_REPLAY_CSV=str(tmp_path / "x.csv"))
    assert code == 1
    assert "x.csv does not begin with the header" in errors and errors.count("\n") == 1


def test_a_second_start_changes_nothing_and_another_seed_fills_again(start: Start) -> None:
    day = date(2024, 1, 15)
    first = start(1)
    sales = first.client.sold_on(day)
    assert start(1, first.dsn).client.sold_on(day) == sales
    reseeded = start(1, first.dsn, RETAILER_SEED="7")
    assert reseeded.client.sold_on(day) != sales
    assert first.dsn == reseeded.dsn
    with psycopg2.connect(first.dsn) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM simulation.made_days")
        assert cursor.fetchone() == (1,)


def test_the_schema_may_run_again_and_over_an_older_start(start: Start) -> None:
    for number in (1, 2, 3):
        retailer = start(number)
        schema = (ROOT / f"retailers/retailer{number}/database/init_schema.sql").read_text(encoding="utf-8")
        assert not [line for line in schema.splitlines() if line.startswith("\\")]
        before = retailer.client.sold_on(date(2024, 1, 15))
        with psycopg2.connect(retailer.dsn) as connection, connection.cursor() as cursor:
            cursor.execute(schema)
        assert CLIENTS[number](retailer.url).sold_on(date(2024, 1, 15)) == before
