"""The BI example queries, as an analyst runs them, and the warehouse that the benchmark fills."""

from __future__ import annotations

from datetime import date, timedelta
from types import SimpleNamespace
from urllib.parse import urlsplit

import psycopg2
import pytest

import materialized_views.refresh_views
from benchmarks.filled_warehouse import LAST_DAY, DiskTooSmall, check_room, fill
from benchmarks.reading import query_files, question
from local_stack.databases import WarehouseAccess
from local_stack.postgres import PostgresServer
from tests.fakes.published_days import PublishedDays, warehouse_settings


def refresh(warehouse: WarehouseAccess) -> None:
    materialized_views.refresh_views.run(settings=warehouse_settings(warehouse.loader_dsn), run_id="run")


def test_every_query_states_its_question() -> None:
    assert len(query_files()) >= 8
    assert [path.name for path in query_files() if not question(path).rstrip(".").strip()] == []


def test_every_query_finds_rows_as_the_reader(warehouse: WarehouseAccess) -> None:
    published = PublishedDays(warehouse.owner_dsn)
    for ahead in (0, 10, 20, 30, 31, 32, 60):
        published.publish_all(date(2024, 1, 1) + timedelta(days=ahead))
    published.close()
    refresh(warehouse)
    empty = []
    with psycopg2.connect(warehouse.reader_dsn) as connection, connection.cursor() as cursor:
        for path in query_files():
            cursor.execute(path.read_text(encoding="utf-8"))
            if not cursor.fetchall():
                empty.append(path.name)
    assert empty == []


def test_the_filled_warehouse_is_one_that_the_loader_could_have_left(
    postgres_server: PostgresServer, warehouse: WarehouseAccess
) -> None:
    superuser = postgres_server.superuser_dsn(urlsplit(warehouse.owner_dsn).path.lstrip("/"))
    held = fill(superuser, 9_000, lambda text: None, months=3)
    refresh(warehouse)
    with psycopg2.connect(warehouse.reader_dsn) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*), sum(net_amount), max(date_key) FROM fact_sales")
        facts = cursor.fetchone()
        cursor.execute("SELECT sum(line_count), sum(net_amount), max(date_key) FROM fact_daily_sales")
        assert cursor.fetchone() == facts
        assert facts is not None
        assert (facts[0], facts[2]) == (held, int(f"{LAST_DAY:%Y%m%d}"))
        cursor.execute("SELECT count(*) FROM pg_inherits WHERE inhparent = 'fact_sales'::regclass")
        assert cursor.fetchone() == (3,)


def test_a_disk_that_is_too_small_is_an_error_before_anything_is_filled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=5 * 2**30))
    check_room(1_000_000)
    with pytest.raises(DiskTooSmall, match="point TMPDIR to a larger disk"):
        check_room(50_000_000)
