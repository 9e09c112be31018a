"""Dead records in a real database."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from shared import dead_letters
from shared.database import Connection, session, transaction
from shared.dead_letters import DeadLetter, Origin

if TYPE_CHECKING:
    from local_stack.databases import WarehouseAccess

FIRST_RUN_AT = datetime(2024, 1, 16, 2, tzinfo=UTC)


@pytest.fixture
def connection(warehouse: WarehouseAccess) -> Iterator[Connection]:
    with session(warehouse.loader_dsn, application_name="test") as opened:
        yield opened


def rejected_record(payload: Any, code: str = "TOO_LONG") -> DeadLetter:
    return DeadLetter(code, "why", "page 1, row 1", payload)


def reject(connection: Connection, *records: DeadLetter, run: int = 0, day: int = 15) -> int:
    origin = Origin("retailer_1", date(2024, 1, day), "ingest", f"run-{run}", "key", FIRST_RUN_AT + timedelta(days=run))
    with transaction(connection) as cursor:
        dead_letters.record(cursor, [each.line() for each in records], origin)
        return dead_letters.resolve_others(
            cursor, origin.retailer_id, [origin.business_date], stage=origin.stage, seen_at=origin.seen_at
        )


def found(connection: Connection, columns: str) -> list[tuple[Any, ...]]:
    with transaction(connection) as cursor:
        cursor.execute(f"SELECT {columns} FROM ops.dead_letters ORDER BY dead_letter_id")
        return cursor.fetchall()


def test_a_record_rejected_again_is_the_same_row(connection: Connection) -> None:
    reject(connection, rejected_record({"a": 1}), rejected_record({"a": 1}), rejected_record({"a": 1}, "MALFORMED"))
    reject(connection, rejected_record({"a": 1}), rejected_record({"a": 1}, "MALFORMED"), run=1)

    assert found(connection, "reason_code, run_id, first_seen_at, last_seen_at") == [
        ("TOO_LONG", "run-1", FIRST_RUN_AT, FIRST_RUN_AT + timedelta(days=1)),
        ("MALFORMED", "run-1", FIRST_RUN_AT, FIRST_RUN_AT + timedelta(days=1)),
    ]


def test_a_record_that_is_no_longer_sent_is_resolved_and_reopened_if_it_returns(connection: Connection) -> None:
    reject(connection, rejected_record("a"), rejected_record("b"))
    assert reject(connection, rejected_record("b"), run=1) == 1
    assert found(connection, "status") == [("resolved",), ("open",)]
    reject(connection, rejected_record("a"), run=2)
    assert found(connection, "status") == [("open",), ("resolved",)]


def test_dead_letters_of_another_date_are_unchanged(connection: Connection) -> None:
    reject(connection, rejected_record("a"))
    reject(connection, rejected_record("b"), run=1, day=16)
    assert found(connection, "status") == [("open",), ("open",)]


def test_a_discarded_dead_letter_stays_discarded(connection: Connection) -> None:
    reject(connection, rejected_record("a"))
    with transaction(connection) as cursor:
        cursor.execute("UPDATE ops.dead_letters SET status = 'discarded'")
    reject(connection, rejected_record("a"), run=1)
    reject(connection, run=2)
    assert found(connection, "status") == [("discarded",)]


def test_nul_and_a_huge_payload_are_kept_safely(connection: Connection) -> None:
    reject(connection, rejected_record({"name": "a\x00b"}), rejected_record({"name": "ñ" * 5_000_000}))
    rows = found(connection, "payload, length(payload_digest)")
    assert rows[0] == ('{"name":"a\\u0000b"}', 64)
    assert len(rows[1][0].encode()) <= 64 * 1024
    assert rows[1][0].startswith('{"name":"ññ')


def test_more_dead_letters_than_fit_in_one_statement_are_all_stored(connection: Connection) -> None:
    reject(connection, *(rejected_record({"n": number}) for number in range(250)))
    assert len(found(connection, "1")) == 250
