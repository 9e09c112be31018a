"""The row of a run: it goes when nothing is left to do, and stays when something may be."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any

import psycopg2
import pytest

from local_stack.databases import WarehouseAccess
from monitoring.lineage.datasets import named
from monitoring.lineage.flows import Flow
from monitoring.lineage.record import record_in_load
from monitoring.unfinished_runs import HOW_TO_FINISH, RunRecord, UnfinishedRun, try_lock
from shared.database import session, transaction
from shared.parallel import is_any_running, run_within
from tests.waiting import wait_until

NOW = datetime(2024, 1, 16, 3, 0, tzinfo=UTC)
DAY = date(2024, 1, 15)
LEFT = "SELECT run_id FROM ops.unfinished_runs"


def query(warehouse: WarehouseAccess, statement: str) -> list[tuple[Any, ...]]:
    with psycopg2.connect(warehouse.owner_dsn) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall()


def publish(warehouse: WarehouseAccess) -> None:
    query(
        warehouse,
        "INSERT INTO ops.data_versions (run_id, retailer_key, load_path, code_version, published_at)"
        " SELECT 'run-1', retailer_key, 'merge', 'test', now() FROM dim_retailer LIMIT 1 RETURNING 1",
    )


@contextmanager
def run(warehouse: WarehouseAccess) -> Iterator[RunRecord]:
    """A run of a command that has begun."""
    with RunRecord(warehouse.loader_dsn, clock=lambda: NOW) as record:
        record.begin(UnfinishedRun("run-1", "run", DAY, ("retailer_1",)))
        assert query(warehouse, LEFT) == [("run-1",)]
        yield record


@pytest.mark.parametrize("is_finished", [True, False])
def test_a_row_goes_when_the_run_is_finished_or_has_published_nothing(
    warehouse: WarehouseAccess, is_finished: bool
) -> None:
    with run(warehouse) as record:
        if is_finished:
            publish(warehouse)
        record.is_finished = is_finished
    assert (query(warehouse, LEFT), record.is_kept) == ([], False)


def test_an_error_after_a_publication_leaves_the_row_and_says_how_to_finish(warehouse: WarehouseAccess) -> None:
    with pytest.raises(OSError, match="full") as failed, run(warehouse) as record:
        publish(warehouse)
        raise OSError("The disk is full.")
    assert (query(warehouse, LEFT), record.is_kept) == ([("run-1",)], True)
    assert failed.value.__notes__ == [HOW_TO_FINISH]


def test_an_interrupt_leaves_the_row_only_while_a_thread_may_still_publish(warehouse: WarehouseAccess) -> None:
    released = threading.Event()

    def load(_: int) -> None:
        released.wait(60)
        publish(warehouse)

    with pytest.raises(KeyboardInterrupt) as interrupted, run(warehouse):
        run_within(0.0, load, [1], name="load")
        raise KeyboardInterrupt
    assert query(warehouse, LEFT) == [("run-1",)]
    assert interrupted.value.__notes__ == [HOW_TO_FINISH]
    released.set()
    wait_until(lambda: not is_any_running(), 30)
    assert query(warehouse, "SELECT run_id FROM ops.data_versions") == [("run-1",)]


def test_an_interrupt_before_a_publication_leaves_nothing(warehouse: WarehouseAccess) -> None:
    with pytest.raises(KeyboardInterrupt) as interrupted, run(warehouse):
        raise KeyboardInterrupt
    assert query(warehouse, LEFT) == []
    assert not hasattr(interrupted.value, "__notes__")


def test_a_connection_that_was_lost_unnoticed_does_not_leave_the_row_of_a_finished_run(
    warehouse: WarehouseAccess,
) -> None:
    with run(warehouse) as record:
        publish(warehouse)
        with psycopg2.connect(warehouse.loader_dsn) as connection, connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'retail-run-record' AND datname = current_database()"
            )
        record.is_finished = True
    assert (query(warehouse, LEFT), record.is_kept) == ([], False)


def test_a_run_has_its_lock_until_it_ends(warehouse: WarehouseAccess) -> None:
    def is_free() -> bool:
        with session(warehouse.loader_dsn, application_name="test") as other, transaction(other) as cursor:
            return try_lock(cursor, "run-1")

    with run(warehouse):
        assert not is_free()
    wait_until(is_free, 30)


def test_keeping_lineage_leaves_no_savepoint_in_the_transaction_of_a_load(warehouse: WarehouseAccess) -> None:
    flow = Flow(named("s3://raw", "raw/x"), named("s3://processed", "x"), DAY, DAY, "retailer_1", 1, 1)
    with session(warehouse.loader_dsn, application_name="test") as connection, connection.cursor() as cursor:
        record_in_load(cursor, "run-1", "transform", [flow], NOW)
        with pytest.raises(psycopg2.errors.InvalidSavepointSpecification):
            cursor.execute("RELEASE SAVEPOINT lineage")
