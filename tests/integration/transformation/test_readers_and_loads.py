"""Readers and loads at the same time: who waits for whom, how long, and what the message says."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from local_stack.databases import WarehouseAccess
from local_stack.postgres import PostgresServer
from shared.database import lock_key
from shared.errors import RetryLater
from tests.fakes.raw_zone import DAY, record
from tests.integration.transformation.test_building_months import WAITING, in_background, sales
from tests.integration.transformation.test_load_paths import NEXT_DAY, Loader
from tests.waiting import wait_until
from transformation.load import attach_months, steps
from transformation.load.plan import LoadPath

FEBRUARY = date(2024, 2, 10)
DIMENSIONS = ("dim_customer", "dim_date", "dim_product", "dim_retailer", "dim_store")
READ_BY_ANALYSTS = ("fact_sales", *DIMENSIONS)
A_SECOND = "-c statement_timeout=1s"
ONE_AND_THE_OTHERS = ["fact_sales", *(pytest.param(name, marks=pytest.mark.long) for name in READ_BY_ANALYSTS[1:])]


@pytest.fixture
def loader(warehouse: WarehouseAccess, tmp_path: Path) -> Loader:
    return Loader(warehouse, tmp_path, LoadPath.BUILD)


@contextmanager
def idle_reader(loader: Loader, statement: str) -> Iterator[Any]:
    """A session of the reader role that ran `statement` and does not end its transaction."""
    connection = psycopg2.connect(loader.access.reader_dsn, application_name="dashboard")
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
        yield connection
    finally:
        connection.close()


def read_everything(loader: Loader) -> None:
    """Read each table in a session of its own; fails when one of them waits for a second."""
    for table in READ_BY_ANALYSTS:
        with psycopg2.connect(loader.access.reader_dsn, options=A_SECOND) as connection, connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM {table}")
        connection.close()


@pytest.mark.parametrize("table", ONE_AND_THE_OTHERS)
def test_while_a_replacement_waits_for_an_idle_reader_all_others_read_on(loader: Loader, table: str) -> None:
    loader.land(*sales(DAY, 5))
    loader.load()
    loader.land(*sales(DAY, 8))
    with idle_reader(loader, f"SELECT count(*) FROM {table}") as idle, in_background(loader.load) as outcome:
        wait_until(lambda: loader.rows(WAITING)[0][0], 30, every=0.01)
        for _ in range(3):
            read_everything(loader)
        assert outcome == [], "the load waits"
        idle.rollback()
    assert outcome[0].entries[0].in_warehouse.records == 8
    assert loader.rows("SELECT count(*) FROM fact_sales") == [(8,)]


@pytest.mark.parametrize("table", DIMENSIONS)
def test_a_new_month_neither_waits_for_a_reader_of_a_dimension_nor_blocks_another(loader: Loader, table: str) -> None:
    loader.land(*sales(DAY, 5))
    loader.load()
    loader.land(*sales(FEBRUARY, 5), day=FEBRUARY)
    read = []

    def before_the_commit(*_: Any) -> None:
        read_everything(loader)
        read.append(True)

    with idle_reader(loader, f"SELECT count(*) FROM {table}"):
        loader.load(FEBRUARY, in_transaction=before_the_commit)
    assert read == [True]
    assert loader.rows("SELECT count(*) FROM fact_sales") == [(10,)]


def test_a_new_month_waits_only_for_readers_of_sales_and_names_them(
    loader: Loader, monkeypatch: pytest.MonkeyPatch
) -> None:
    loader.land(*sales(DAY, 5))
    loader.load()
    loader.land(*sales(FEBRUARY, 3), day=FEBRUARY)
    monkeypatch.setattr(attach_months, "SWAP_TIMEOUT_SECONDS", 0.3)
    with idle_reader(loader, "SELECT count(*) FROM dim_store"), idle_reader(loader, "SELECT FROM fact_sales") as idle:
        who = rf"all the time, by retail_reader \(pid {idle.get_backend_pid()}, application dashboard\) on fact_sales\."
        with in_background(lambda: loader.load(FEBRUARY)) as outcome:
            wait_until(lambda: outcome or loader.rows(WAITING)[0][0], 30, every=0.01)
            read_everything(loader)
        with pytest.raises(RetryLater, match=who):
            raise outcome[0]
        idle.rollback()
        loader.load(FEBRUARY)
    assert loader.rows("SELECT count(*) FROM fact_sales") == [(8,)]


def test_a_load_that_attaches_no_month_does_not_wait_for_readers_of_sales(
    loader: Loader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A transaction with lines under two dates, so that its month is merged, next to a month that has not changed."""
    split = {DAY: [record("1")], NEXT_DAY: [record("2", day=NEXT_DAY)], FEBRUARY: sales(FEBRUARY, 3)}
    for day, lines in split.items():
        loader.land(*lines, day=day)
    loader.load(*split)
    loader.land(*split[NEXT_DAY], record("3", day=NEXT_DAY), day=NEXT_DAY)
    swapped: list[Any] = []
    monkeypatch.setattr(steps, "swap", lambda cursor, months: swapped.append(months))
    plan = loader.load(*split).plan
    assert (plan.merged, [month.first_day for month in plan.months]) == ((DAY, NEXT_DAY), [FEBRUARY.replace(day=1)])
    assert (swapped, loader.rows("SELECT count(*) FROM fact_sales")) == ([], [(6,)])


def test_a_new_month_whose_rows_refer_to_nothing_is_not_attached(loader: Loader) -> None:
    with psycopg2.connect(loader.access.owner_dsn) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT ops.create_fact_build('2024-01-01', 1)")
        cursor.execute(
            "INSERT INTO ops.fact_sales_2024_01_build_1 (date_key, retailer_key, transaction_id, line_id, product_key,"
            " customer_key, store_key, line_type, sold_at, currency, quantity, unit_price, total_amount, net_quantity,"
            " net_amount, source_changed_at, load_id)"
            " VALUES (20240101, 1, 'T', '1', -1, 0, 0, 'sale', now(), 'USD', 1, 1, 1, 1, 1, now(), 1)"
        )
        with pytest.raises(psycopg2.errors.ForeignKeyViolation, match="fk_fact_sales_product"):
            cursor.execute("SELECT ops.attach_fact_build('fact_sales_2024_01_build_1')")


@pytest.mark.parametrize("table", ONE_AND_THE_OTHERS)
def test_a_load_that_gives_up_names_who_reads_what(loader: Loader, table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    loader.land(*sales(DAY, 5))
    loader.load()
    before = loader.digest()
    loader.land(*sales(DAY, 8))
    monkeypatch.setattr(attach_months, "SWAP_TIMEOUT_SECONDS", 0.3)
    with idle_reader(loader, f"SELECT count(*) FROM {table}") as idle:
        who = rf"retail_reader \(pid {idle.get_backend_pid()}, application dashboard\) on .*{table}"
        with pytest.raises(RetryLater, match=who):
            loader.load()
        read_everything(loader)
    assert loader.digest() == before


@pytest.mark.long
@pytest.mark.parametrize(
    ("purpose", "key"),
    [
        ("months of fact_sales", "hashtext('ops.fact_partitions')"),
        ("load of retailer_1", "ops.lock_key('ops.load', 'retailer_1')"),
    ],
)
def test_a_load_does_not_wait_long_for_a_lock_that_a_reader_took(
    loader: Loader, postgres_server: PostgresServer, purpose: str, key: str
) -> None:
    loader.land(*sales(DAY, 5))
    # As on a server that somebody else manages, where PUBLIC has this right.
    name = loader.access.reader_dsn.rpartition("/")[2]
    postgres_server.execute("GRANT EXECUTE ON FUNCTION pg_advisory_lock(bigint) TO PUBLIC", name)
    with idle_reader(loader, f"SELECT pg_advisory_lock({key})") as idle:
        who = rf'"{purpose}" is held by retail_reader \(pid {idle.get_backend_pid()}, application dashboard\)'
        with pytest.raises(RetryLater, match=who):
            loader.load()
    loader.load()
    assert loader.rows("SELECT count(*) FROM fact_sales") == [(5,)]


def test_a_reader_cannot_take_advisory_locks(loader: Loader) -> None:
    for function in ("pg_advisory_lock(1)", "pg_try_advisory_xact_lock_shared(1, 2)", "ops.wait_for_lock('x', 1)"):
        with (
            pytest.raises(psycopg2.errors.InsufficientPrivilege),
            idle_reader(loader, f"SELECT {function}"),
        ):
            pass


FOR_WRITERS = (
    *("CREATE TEMP TABLE t (a integer)", "SELECT 1 INTO TEMP t", "CREATE TEMP VIEW v AS SELECT 1"),
    *("SELECT lo_create(0)", "SELECT lo_creat(-1)", "SELECT lo_from_bytea(0, 'x')", "SELECT lo_put(1, 0, 'x')"),
    *("CREATE TABLE public.t (a integer)", "CREATE TABLE ops.t (a integer)", "CREATE SCHEMA s"),
    "SELECT ops.ensure_fact_partition('2024-01-01')",
)
OUTSIDE = ("infinity", "-infinity", "1899-12-31", "2200-01-01", "5874897-12-31", "0044-03-15 BC", None)


def test_a_reader_cannot_store_anything(warehouse: WarehouseAccess) -> None:
    for statement in FOR_WRITERS:
        with (
            psycopg2.connect(warehouse.reader_dsn) as connection,
            connection.cursor() as cursor,
            pytest.raises(psycopg2.errors.InsufficientPrivilege),
        ):
            cursor.execute(statement)


def test_days_and_months_outside_the_contract_are_rejected_at_once(warehouse: WarehouseAccess) -> None:
    calls = ("ensure_fact_partition(%(day)s)", "create_fact_build(%(day)s, 1)", "ensure_dates(%(day)s, '2024-01-01')")
    connection = psycopg2.connect(warehouse.loader_dsn, options="-c statement_timeout=5s")
    connection.autocommit = True
    with connection.cursor() as cursor:
        for day in OUTSIDE:
            for call in (*calls, "ensure_dates('2024-01-01', %(day)s)"):
                with pytest.raises(
                    psycopg2.errors.DatetimeFieldOverflow, match=r"not a date from 1900-01-01 to 2199|out of range"
                ):
                    cursor.execute(f"SELECT ops.{call}", {"day": day})
    connection.close()


def test_the_first_and_the_last_month_of_the_contract_have_partitions(warehouse: WarehouseAccess) -> None:
    with psycopg2.connect(warehouse.loader_dsn) as connection, connection.cursor() as cursor:
        for day, name in (("1900-01-01", "fact_sales_1900_01"), ("2199-12-31", "fact_sales_2199_12")):
            cursor.execute("SELECT ops.ensure_fact_partition(%s)", (day,))
            assert cursor.fetchone() == (name,)
        connection.rollback()


def test_a_load_waits_for_another_load_and_keeps_its_own_time_out(warehouse: WarehouseAccess) -> None:
    key = lock_key("raw", "retailer_1", DAY)
    take = "SELECT ops.wait_for_lock('raw retailer_1', %s)"
    got = threading.Event()

    def second() -> None:
        with psycopg2.connect(warehouse.loader_dsn) as connection, connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '20s'")
            cursor.execute(take, (key,))
            cursor.execute("SHOW lock_timeout")
            assert cursor.fetchone() == ("20s",)
            got.set()

    with psycopg2.connect(warehouse.loader_dsn) as first, first.cursor() as cursor:
        cursor.execute(take, (key,))
        with in_background(second):
            cursor.execute("SELECT pg_sleep(0.5)")
            assert not got.is_set()
            first.commit()
        assert got.is_set()
        with psycopg2.connect(warehouse.loader_dsn, application_name="third") as third, third.cursor() as other:
            cursor.execute(take, (key,))
            other.execute("SET lock_timeout = '50ms'")
            with pytest.raises(psycopg2.errors.LockNotAvailable, match='"raw retailer_1" is held by retail_user'):
                other.execute(take, (key,))


def test_versions_that_a_replacement_makes_obsolete_are_deleted_before_readers_are_blocked(
    loader: Loader, monkeypatch: pytest.MonkeyPatch
) -> None:
    loader.land(*sales(DAY, 5, customer_id="old"))
    loader.load()
    loader.land(*sales(DAY, 8, customer_id="new"))
    left = []
    swap = attach_months.swap

    def look_and_swap(cursor: Any, months: Any) -> None:
        cursor.execute("SELECT count(*) FROM dim_customer WHERE customer_id = 'old'")
        left.append(cursor.fetchone())
        swap(cursor, months)

    monkeypatch.setattr(steps, "swap", look_and_swap)
    loader.load()
    assert left == [(0,)]
    assert loader.rows(
        "SELECT customer_id, count(*) FROM fact_sales JOIN dim_customer USING (customer_key) GROUP BY 1"
    ) == [("new", 8)]
    assert loader.rows("SELECT count(*) FROM dim_customer WHERE customer_id = 'old'") == [(0,)]
