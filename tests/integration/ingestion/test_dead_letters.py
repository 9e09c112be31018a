"""Dead letters in a real database."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from shared import dead_letters
from shared.database import Connection, session, transaction
from shared.dead_letters import DeadLetter, DeadLetterBuffer, Origin

if TYPE_CHECKING:
    from local_stack.databases import WarehouseAccess

NIGHT = datetime(2024, 1, 16, 2, tzinfo=UTC)


@pytest.fixture
def connection(warehouse: WarehouseAccess) -> Iterator[Connection]:
    with session(warehouse.loader_dsn, application_name="test") as opened:
        yield opened


def letter(payload: Any, code: str = "TOO_LONG") -> DeadLetter:
    return DeadLetter(code, "why", "page 1, row 1", payload)


def reject(connection: Connection, *letters: DeadLetter, night: int = 0, day: int = 15) -> int:
    origin = Origin("retailer_1", date(2024, 1, day), "ingest", f"run-{night}", "key", NIGHT + timedelta(days=night))
    with DeadLetterBuffer() as buffer, transaction(connection) as cursor:
        for each in letters:
            buffer.add(each)
        dead_letters.record(cursor, buffer.lines(), origin)
        return dead_letters.resolve_others(cursor, origin)


def found(connection: Connection, columns: str) -> list[tuple[Any, ...]]:
    with transaction(connection) as cursor:
        cursor.execute(f"SELECT {columns} FROM ops.dead_letters ORDER BY dead_letter_id")
        return cursor.fetchall()


def test_a_record_rejected_again_is_the_same_row(connection: Connection) -> None:
    reject(connection, letter({"a": 1}), letter({"a": 1}), letter({"a": 1}, "MALFORMED"))
    reject(connection, letter({"a": 1}), letter({"a": 1}, "MALFORMED"), night=1)

    assert found(connection, "reason_code, run_id, first_seen_at, last_seen_at") == [
        ("TOO_LONG", "run-1", NIGHT, NIGHT + timedelta(days=1)),
        ("MALFORMED", "run-1", NIGHT, NIGHT + timedelta(days=1)),
    ]


def test_one_that_is_no_longer_sent_is_resolved_and_open_again_when_it_comes_back(connection: Connection) -> None:
    reject(connection, letter("a"), letter("b"))
    assert reject(connection, letter("b"), night=1) == 1
    assert found(connection, "status") == [("resolved",), ("open",)]
    reject(connection, letter("a"), night=2)
    assert found(connection, "status") == [("open",), ("resolved",)]


def test_another_date_is_left_alone(connection: Connection) -> None:
    reject(connection, letter("a"))
    reject(connection, letter("b"), night=1, day=16)
    assert found(connection, "status") == [("open",), ("open",)]


def test_one_that_a_person_discarded_stays_so(connection: Connection) -> None:
    reject(connection, letter("a"))
    with transaction(connection) as cursor:
        cursor.execute("UPDATE ops.dead_letters SET status = 'discarded'")
    reject(connection, letter("a"), night=1)
    reject(connection, night=2)
    assert found(connection, "status") == [("discarded",)]


def test_nul_and_a_huge_payload_are_kept_safely(connection: Connection) -> None:
    reject(connection, letter({"name": "a\x00b"}), letter({"name": "ñ" * 5_000_000}))
    rows = found(connection, "payload, length(payload_digest)")
    assert rows[0] == ('{"name":"a\\u0000b"}', 64)
    assert len(rows[1][0].encode()) <= 64 * 1024
    assert rows[1][0].startswith('{"name":"ññ')


def test_more_letters_than_fit_in_one_statement(connection: Connection) -> None:
    reject(connection, *(letter({"n": number}) for number in range(250)))
    assert len(found(connection, "1")) == 250
