"""Months built as separate tables: what readers see meanwhile, what a crash leaves, which load waits for which."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from local_stack.databases import WarehouseAccess
from shared.config import load_settings
from shared.errors import RetryLater, StopRun
from tests.conftest import S3Access
from tests.copied_process import run_module
from tests.fakes.raw_zone import DAY, record
from tests.integration.transformation.test_load_paths import Loader
from tests.waiting import wait_until
from transformation.bulk import rebuild
from transformation.load import attach_months, build_months, plan
from transformation.load.plan import LoadPath

FEBRUARY = date(2024, 2, 10)
BUSY = (
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND starts_with(application_name, 'retail-')"
)
WAITING = "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND NOT granted"
ORPHANS = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relname ~ '_build_' ORDER BY relname"


@pytest.fixture
def loader(warehouse: WarehouseAccess, tmp_path: Path) -> Loader:
    return Loader(warehouse, tmp_path, LoadPath.BUILD)


def sales(day: date, count: int, retailer_id: str = "retailer_1", **changes: Any) -> list[Any]:
    return [
        record(str(n), f"{retailer_id}-{day}", day, retailer_id=retailer_id, product_id=f"P{n % 7}", **changes)
        for n in range(count)
    ]


@contextmanager
def in_background(work: Callable[[], Any]) -> Iterator[list[Any]]:
    """Runs `work` in a thread; its result or error is in the list once the block has ended."""
    outcome: list[Any] = []

    def run() -> None:
        try:
            outcome.append(work())
        except Exception as error:  # noqa: BLE001 - the test looks at it
            outcome.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield outcome
    finally:
        thread.join(60)


def shape(loader: Loader, partition: str) -> list[tuple[Any, ...]]:
    """Constraints, indexes and rights of a partition, and what they belong to in the parent."""
    table = f"ops.{partition}"
    return loader.rows(
        "SELECT conname, pg_get_constraintdef(oid), convalidated, conparentid <> 0 FROM pg_constraint"
        " WHERE conrelid = %s::regclass UNION ALL SELECT indexrelid::regclass::text, '', indisvalid,"
        " EXISTS (SELECT FROM pg_inherits WHERE inhrelid = indexrelid) FROM pg_index WHERE indrelid = %s::regclass"
        " UNION ALL SELECT 'rights', relacl::text, relispartition, true FROM pg_class WHERE oid = %s::regclass"
        " ORDER BY 1, 2",
        (table, table, table),
    )


def test_a_month_that_was_built_is_made_like_any_other(loader: Loader) -> None:
    loader.land(*sales(DAY, 3))
    loader.load(path=LoadPath.MERGE)
    loader.land(*sales(FEBRUARY, 3), day=FEBRUARY)
    loader.load(FEBRUARY)
    merged = [[str(value).replace("2024_01", "month") for value in row] for row in shape(loader, "fact_sales_2024_01")]
    built = [[str(value).replace("2024_02", "month") for value in row] for row in shape(loader, "fact_sales_2024_02")]
    assert [row[:1] + row[2:] for row in built if row[0] != "rights"] == [
        row[:1] + row[2:] for row in merged if row[0] != "rights"
    ]
    loader.land(*sales(FEBRUARY, 5), day=FEBRUARY)
    loader.load(FEBRUARY)
    assert [
        [str(value).replace("2024_02", "month") for value in row] for row in shape(loader, "fact_sales_2024_02")
    ] == built
    assert loader.rows("SELECT load_path FROM data_versions ORDER BY load_id") == [("merge",), ("build",), ("build",)]
    with pytest.raises(psycopg2.errors.ForeignKeyViolation):
        loader.rows("UPDATE fact_sales SET product_key = -1 RETURNING 1")
    with pytest.raises(psycopg2.errors.CheckViolation):
        loader.rows("UPDATE fact_sales SET quantity = -1 RETURNING 1")


def test_other_retailers_and_other_dates_of_a_month_stay_as_they_are(loader: Loader) -> None:
    other_day = DAY + timedelta(days=3)
    loader.land(*sales(DAY, 4))
    loader.land(*sales(other_day, 4), day=other_day)
    loader.load(DAY, other_day)
    loader.land(*sales(DAY, 4, "retailer_2"), retailer_id="retailer_2")
    loader.load(DAY, retailer_id="retailer_2")
    others = "SELECT * FROM fact_sales WHERE retailer_key = 2 OR date_key <> 20240115 ORDER BY 1, 2, 3, 4"
    before = loader.rows(others)
    loader.land(*sales(DAY, 3), *sales(DAY, 1, transaction_id="new"))
    loader.load(DAY)
    assert loader.rows(others) == before
    assert loader.rows("SELECT load_id, count(*) FROM fact_sales WHERE retailer_key = 1 GROUP BY 1 ORDER BY 1") == [
        (1, 7),
        (3, 1),
    ], "a row that did not change keeps the load that wrote it"


@pytest.mark.long
def test_sixty_months_are_published_at_once(loader: Loader) -> None:
    months = [date(2018 + n // 12, n % 12 + 1, 15) for n in range(60)]
    for day in months:
        loader.land(*sales(day, 2), day=day)
    seen = []
    result = loader.load(*months, in_transaction=lambda *_: seen.append(loader.rows("SELECT count(*) FROM fact_sales")))
    assert len(result.plan.months) == 60
    assert seen == [[(0,)]]
    assert loader.rows("SELECT count(*), count(DISTINCT tableoid) FROM fact_sales") == [(120, 60)]
    assert loader.rows("SELECT count(*) FROM fact_daily_sales") == [(120,)]


@pytest.mark.parametrize("path", [LoadPath.MERGE, LoadPath.BUILD])
def test_more_months_than_queries_can_lock_are_not_loaded(
    loader: Loader, path: LoadPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan, "MOST_MONTHS", 2)
    for day in (DAY, FEBRUARY, date(1994, 3, 1)):
        loader.land(*sales(day, 1), day=day)
    loader.load(DAY, FEBRUARY, path=path)
    with pytest.raises(StopRun, match=r"1 month that the warehouse does not have, from 1994-03 to 1994-03\. It has 2"):
        loader.load(DAY, date(1994, 3, 1), path=path)
    loader.land(*sales(DAY, 2))
    loader.load(DAY, path=path)
    assert loader.rows("SELECT count(*) FROM fact_sales") == [(3,)]


def test_a_long_query_delays_a_replacement_and_is_not_disturbed_and_others_read_on(loader: Loader) -> None:
    loader.land(*sales(DAY, 5))
    loader.load()
    loader.land(*sales(DAY, 8))
    with psycopg2.connect(loader.access.reader_dsn) as connection, connection.cursor() as reader:
        reader.execute("SELECT count(*) FROM fact_sales")
        with in_background(loader.load) as outcome:
            wait_until(lambda: loader.rows(WAITING)[0][0], 30, every=0.01)
            for _ in range(5):  # others are never locked out for longer than the attempt to get the lock
                began = time.monotonic()
                assert loader.rows("SELECT count(*) FROM fact_sales") == [(5,)]
                assert time.monotonic() - began < 2
            reader.execute("SELECT count(*) FROM fact_sales")
            assert reader.fetchone() == (5,)
            connection.rollback()
    assert outcome[0].entries[0].in_warehouse.records == 8
    assert loader.rows("SELECT count(*) FROM fact_sales") == [(8,)]


def test_a_reader_who_never_pauses_makes_the_load_give_up_with_nothing_changed(
    loader: Loader, monkeypatch: pytest.MonkeyPatch
) -> None:
    loader.land(*sales(DAY, 5))
    loader.load()
    before = loader.digest()
    loader.land(*sales(DAY, 8))
    monkeypatch.setattr(attach_months, "SWAP_TIMEOUT_SECONDS", 0.3)
    with psycopg2.connect(loader.access.reader_dsn) as connection, connection.cursor() as reader:
        reader.execute("SELECT count(*) FROM fact_sales")
        with pytest.raises(
            RetryLater, match=r"by retail_reader \(pid \d+, application .*\) on fact_sales.*End that session"
        ):
            loader.load()
    assert loader.digest() == before
    loader.load()
    assert loader.rows(ORPHANS) == []
    assert loader.rows("SELECT count(*) FROM fact_sales") == [(8,)]


@pytest.mark.parametrize("other_path", [LoadPath.MERGE, LoadPath.BUILD])
def test_another_retailers_load_waits_for_a_build_and_then_succeeds(
    loader: Loader, other_path: LoadPath, tmp_path: Path
) -> None:
    loader.land(*sales(DAY, 5))
    loader.land(*sales(DAY, 6, "retailer_2"), retailer_id="retailer_2")
    other = Loader(loader.access, tmp_path / "other", other_path)
    other.directory.mkdir()
    other.zone = loader.zone
    outcomes: list[Any] = []

    def while_building(*_: Any) -> None:
        background = in_background(lambda: other.load(retailer_id="retailer_2"))
        outcomes.append((background, background.__enter__()))
        queue = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        wait_until(lambda: loader.rows(queue)[0][0], 30, every=0.01)

    loader.load(in_transaction=while_building)
    background, outcome = outcomes[0]
    background.__exit__(None, None, None)
    assert outcome[0].entries[0].in_warehouse.records == 6
    assert loader.rows("SELECT retailer_key, count(*) FROM fact_sales GROUP BY 1 ORDER BY 1") == [(1, 5), (2, 6)]


def killed_at(instant: str) -> None:
    """Have this process killed, as hard as it goes, when the load comes to `instant`."""

    def die(*_: Any) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    from transformation.load import steps

    finish = attach_months.finish_month
    swap = attach_months.swap
    finished: list[Any] = []

    def after_the_second_month(cursor: Any, parameters: Any, month: Any) -> None:
        finish(cursor, parameters, month)
        finished.append(month)
        if len(finished) == 2:
            die()

    def swap_and_die(cursor: Any, months: Any) -> None:
        swap(cursor, months)
        die()

    instants: dict[str, Callable[[], None]] = {
        "before the copy": lambda: setattr(build_months, "copy_in", die),
        "after the copy": lambda: setattr(build_months.MonthBuilder, "_counted", die),
        "after a month's commit": lambda: setattr(steps, "finish_month", die),
        "after two months": lambda: setattr(steps, "finish_month", after_the_second_month),
        "before the swap": lambda: setattr(steps, "swap", die),
        "after the swap": lambda: setattr(steps, "swap", swap_and_die),
    }
    instants[instant]()


def load_for_killing(loader_dsn: str, directory: Path) -> None:
    """A load that replaces January and makes February and March."""
    loader = Loader(WarehouseAccess("", loader_dsn, ""), directory, LoadPath.BUILD)
    loader.load(*land_for_killing(loader))


def land_for_killing(loader: Loader) -> list[date]:
    days = [DAY, DAY + timedelta(days=1), FEBRUARY, date(2024, 3, 5)]
    for day in days:
        loader.land(*sales(day, 20, qty=3), day=day)
    return days


@pytest.mark.parametrize(
    "instant",
    [
        *(
            pytest.param(each, marks=pytest.mark.long)
            for each in ("before the copy", "after the copy", "after a month's commit", "before the swap")
        ),
        "after two months",
        "after the swap",
    ],
)
def test_killed_at_any_instant_of_a_build_nothing_is_seen_and_the_next_load_tidies_up(
    loader: Loader, instant: str, tmp_path: Path
) -> None:
    loader.land(*sales(DAY, 20))
    loader.load()
    before = loader.digest()
    scratch = tmp_path / "killed"
    scratch.mkdir()
    arguments = (instant, loader.access.loader_dsn, str(scratch))
    killed = run_module("tests.integration.transformation.test_building_months", *arguments, environment={})
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    wait_until(lambda: loader.rows(BUSY) == [(0,)], 30, every=0.01)
    assert loader.digest() == before
    left_behind = loader.rows(ORPHANS)
    assert bool(left_behind) is (instant not in ("before the copy", "after the copy"))
    days = land_for_killing(loader)
    loader.load(*days)
    assert loader.rows(ORPHANS) == []
    assert loader.rows("SELECT count(*), sum(quantity) FROM fact_sales") == [(80, 240)]
    assert loader.rows("SELECT count(*) FROM load_ledger") == [(5,)]


def test_a_month_that_is_being_built_is_not_an_orphan(loader: Loader) -> None:
    loader.land(*sales(DAY, 3))
    seen = []

    def try_to_drop(*_: Any) -> None:
        with psycopg2.connect(loader.access.loader_dsn) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT ops.drop_orphan_builds()")
            seen.append(cursor.fetchone())

    loader.load(in_transaction=try_to_drop)
    assert seen == [([],)]
    assert loader.rows("SELECT count(*) FROM fact_sales") == [(3,)]


def test_the_loader_can_build_months_and_nothing_else(loader: Loader) -> None:
    for statement in (
        "SELECT ops.attach_fact_build('dim_product')",
        "SELECT ops.index_fact_build('fact_sales_2024_01')",
        "SELECT ops.reference_fact_build('x; drop table dim_date')",
    ):
        with pytest.raises(psycopg2.errors.InvalidName):
            run_as(loader.access.loader_dsn, statement)
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        run_as(loader.access.reader_dsn, "SELECT ops.create_fact_build('2024-01-01', 1)")


def run_as(dsn: str, statement: str) -> None:
    with psycopg2.connect(dsn) as connection, connection.cursor() as cursor:
        cursor.execute(statement)


def test_unchanged_dates_are_in_the_ledger_but_not_loaded_again(loader: Loader) -> None:
    loader.path = LoadPath.AUTO
    loader.land(record("1"), record("1"), record("2", transaction="T2"))
    loader.load()
    written = "SELECT xmin::text, * FROM fact_daily_sales"
    before = loader.rows(written)
    result = loader.load()
    assert (result.plan.unchanged, result.plan.loaded) == ((DAY,), ())
    assert loader.rows(written) == before
    ledger = "SELECT landed, inserted, unchanged, duplicate, in_warehouse FROM load_ledger ORDER BY load_id"
    assert loader.rows(ledger) == [(3, 2, 0, 1, 2), (3, 0, 2, 1, 2)]
    assert loader.rows("SELECT last_processed_transaction_id FROM pipeline_metadata") == [("T2",)]


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM fact_sales WHERE line_id = '2'",
        "UPDATE fact_sales SET net_amount = 2, total_amount = 2, quantity = 1, net_quantity = 1, unit_price = 2",
    ],
)
def test_dates_that_no_longer_hold_what_the_ledger_says_are_loaded_again(loader: Loader, damage: str) -> None:
    loader.path = LoadPath.AUTO
    loader.land(record("1"), record("2", transaction="T2"))
    loader.load()
    complete = loader.digest()
    run_as(loader.access.owner_dsn, damage)
    result = loader.load()
    assert result.plan.unchanged == ()
    assert loader.digest() == complete


def test_after_an_insert_only_load_no_date_counts_as_unchanged(loader: Loader) -> None:
    loader.path = LoadPath.AUTO
    next_day = DAY + timedelta(days=1)
    loader.land(record("1"))
    loader.land(record("1", "T2", next_day), day=next_day)
    loader.load(DAY, next_day)
    loader.load(next_day, insert_only=True)
    assert loader.load(DAY, next_day).plan.unchanged == ()
    assert loader.load(DAY, next_day).plan.unchanged == (DAY, next_day)


def test_the_raw_zone_is_enough_to_rebuild_the_warehouse(
    loader: Loader, s3: S3Access, warehouse: WarehouseAccess
) -> None:
    days = [DAY, DAY + timedelta(days=1), FEBRUARY]
    for day in days:
        loader.land(*sales(day, 5), *sales(day, 2), day=day)
    for day in reversed(days):
        loader.load(day, path=LoadPath.MERGE)
    complete = loader.digest()
    for (_, key), body in loader.zone.objects.items():
        s3.client.put_object(Bucket=s3.bucket_raw, Key=key, Body=body)
    run_as(warehouse.owner_dsn, "TRUNCATE fact_sales, fact_daily_sales, fact_daily_transactions, customer_observations")
    settings = load_settings({**s3.environment, "WAREHOUSE_DSN": warehouse.loader_dsn})
    options: dict[str, Any] = {"settings": settings, "run_id": "rebuild", "clock": lambda: record().changed_at}
    load = rebuild("retailer_1", None, date(2024, 1, 31), path=LoadPath.BUILD, **options)
    assert [entry.business_date for entry in load.entries] == days[:2]
    assert rebuild("retailer_1", FEBRUARY, None, **options).error is None
    assert loader.digest() == complete
    with pytest.raises(StopRun, match="holds nothing of retailer_1 in that range"):
        rebuild("retailer_1", date(2025, 1, 1), None, **options)
    listed = s3.client.list_objects_v2(Bucket=s3.bucket_processed)["Contents"]
    assert len(listed) == len(days)


if __name__ == "__main__":  # in a process of its own, which is killed
    killed_at(sys.argv[1])
    load_for_killing(sys.argv[2], Path(sys.argv[3]))
