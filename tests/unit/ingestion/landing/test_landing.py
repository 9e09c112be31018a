"""The parts of landing files that need no server: lines, digests, control totals."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestion.landing import serialise as text
from ingestion.landing.control_totals import day_contents, day_digests
from ingestion.landing.serialise import day_texts
from ingestion.models.columnar import COLUMNS
from ingestion.models.retailer_data import ItemType, SalesRecord
from shared.errors import StopRun
from tests.fakes.raw_zone import DAY, record

Connection = duckdb.DuckDBPyConnection


@pytest.fixture
def connection() -> Iterator[Connection]:
    with duckdb.connect() as opened:
        opened.execute("SET TimeZone = 'UTC'")
        yield opened


def land(connection: Connection, records: Sequence[SalesRecord]) -> None:
    columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
    connection.execute(f"CREATE OR REPLACE TABLE landed_records ({columns})")
    connection.execute(
        "CREATE OR REPLACE TABLE rejected_rows (business_date DATE, code VARCHAR, payload VARCHAR,"
        " net_amount DECIMAL(18,4), currency VARCHAR)"
    )
    if records:
        places = ", ".join("?" * len(COLUMNS))
        rows = [list(item.model_dump().values()) for item in records]
        connection.executemany(f"INSERT INTO landed_records VALUES ({places})", rows)


def texts(connection: Connection, rows: dict[date, int]) -> dict[date, bytes]:
    with day_texts(connection.cursor(), rows) as days:
        return {
            day.business_date: day.body.read_bytes() if isinstance(day.body, Path) else bytes(day.body) for day in days
        }


def as_landed(item: SalesRecord) -> bytes:
    """The record's line with the contract's scales, as a DECIMAL column gives them."""
    scales = {name: Decimal(1).scaleb(-int(kind[-2])) for name, kind in COLUMNS.items() if kind.startswith("DECIMAL")}
    numbers = {name: value for name in scales if (value := getattr(item, name)) is not None}
    scaled = item.model_copy(update={name: value.quantize(scales[name]) + 0 for name, value in numbers.items()})
    return scaled.model_dump_json().encode() + b"\n"


_LABEL = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=20).map(str.strip).filter(bool)
_MAYBE = st.none() | _LABEL
_TIME = st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@st.composite
def records(draw: st.DrawFn) -> SalesRecord:
    tax = draw(st.none() | st.decimals(0, 9, places=2))
    return record(
        line=draw(_LABEL),
        transaction=draw(_LABEL),
        day=DAY + timedelta(days=draw(st.integers(0, 2))),
        qty=draw(st.decimals(-999, 999, places=3)),
        price=draw(st.decimals(0, 999, places=1)),
        sold_at=draw(_TIME),
        changed_at=draw(_TIME),
        customer_since=draw(st.none() | _TIME),
        tax=tax,
        tax_included=tax == 0 or (tax is None and draw(st.booleans())),
        item_type=draw(st.sampled_from(ItemType)),
        original_transaction_id=draw(_MAYBE),
        **{name: draw(_MAYBE) for name in ("store_name", "store_city", "product_name", "customer_name")},
    )


SOME = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@SOME
@given(st.lists(records(), min_size=1, max_size=12))
def test_lines_are_byte_for_byte_those_of_the_contract(connection: Connection, landed: list[SalesRecord]) -> None:
    assert_lines_are_those_of_the_contract(connection, landed)


@pytest.mark.long
@settings(SOME, max_examples=120)
@given(st.lists(records(), min_size=1, max_size=12))
def test_lines_of_many_days_are_those_of_the_contract(connection: Connection, landed: list[SalesRecord]) -> None:
    assert_lines_are_those_of_the_contract(connection, landed)


def assert_lines_are_those_of_the_contract(connection: Connection, landed: list[SalesRecord]) -> None:
    land(connection, landed)
    days = {item.business_date for item in landed}
    expected = {day: b"".join(as_landed(item) for item in landed if item.business_date == day) for day in days}
    counted = {day: sum(item.business_date == day for item in landed) for day in days}
    assert texts(connection, counted) == expected


def test_a_day_without_records_has_an_empty_text(connection: Connection) -> None:
    land(connection, [record()])
    found = texts(connection, {DAY: 1, DAY + timedelta(days=1): 0})
    assert found[DAY + timedelta(days=1)] == b""
    assert found[DAY] == as_landed(record())


def test_a_large_day_goes_through_a_file(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "LARGE_DAY_BYTES", 3_000)
    monkeypatch.setattr(text, "_BATCH_ROWS", 2_048)
    many = [record(line=str(number)) for number in range(40)]
    land(connection, many)
    with day_texts(connection.cursor(), {DAY: 40}) as days:
        (day,) = days
        assert isinstance(day.body, Path)
        assert day.body.read_bytes() == b"".join(map(as_landed, many))
        assert day.size_bytes == day.body.stat().st_size
        assert len(day.sha256()) == 64
    assert not day.body.exists()


def test_many_records_on_several_threads_stay_in_the_files_order(connection: Connection) -> None:
    land(connection, [record()])
    connection.execute("SET threads = 4")
    connection.execute(
        "CREATE OR REPLACE TABLE landed_records AS SELECT * REPLACE (i::VARCHAR AS line_id,"
        f" DATE '{DAY}' + (i % 3)::INTEGER AS business_date) FROM landed_records, range(200000) AS r(i)"
    )
    rows = {DAY + timedelta(days=ahead): len(range(ahead, 200_000, 3)) for ahead in range(3)}
    for ahead, (day, content) in enumerate(sorted(texts(connection, rows).items())):
        assert day == DAY + timedelta(days=ahead)
        lines = [line.partition(b'"line_id":"')[2].partition(b'"')[0] for line in content.splitlines()]
        assert lines == [b"%d" % number for number in range(ahead, 200_000, 3)]


def test_fewer_lines_than_counted_records_are_an_error(connection: Connection) -> None:
    land(connection, [record(), record(line="2")])
    with pytest.raises(StopRun, match="fewer lines were written than records were counted"):
        texts(connection, {DAY: 3})


def test_a_digest_depends_on_the_content_but_not_on_its_order(connection: Connection) -> None:
    landed = [record(line=str(number), day=DAY + timedelta(days=number % 2)) for number in range(20)]
    land(connection, landed)
    digests = day_digests(connection)
    random.Random(4).shuffle(landed)
    land(connection, landed)
    assert day_digests(connection) == digests
    land(connection, [*landed[1:], landed[0].model_copy(update={"product_name": "Lamp"})])
    changed = day_digests(connection)
    assert {day for day in digests if digests[day] != changed[day]} == {landed[0].business_date}


@pytest.mark.parametrize("change", ["a copy more", "a copy less", "a rejected row"])
def test_a_digest_depends_on_duplicates_and_rejected_rows(connection: Connection, change: str) -> None:
    landed = [record(), record(), record(line="2")]
    land(connection, landed)
    before = day_digests(connection)[DAY]
    land(connection, {"a copy more": [*landed, record()], "a copy less": landed[1:]}.get(change, landed))
    if change == "a rejected row":
        connection.execute("INSERT INTO rejected_rows VALUES (?, 'MALFORMED', '{}', NULL, NULL)", [DAY])
    assert day_digests(connection)[DAY] != before


def test_control_totals_count_duplicates_currencies_and_rejected_rows(connection: Connection) -> None:
    other = DAY + timedelta(days=1)
    land(connection, [record(), record(), record(line="2", qty=-1), record(line="3", currency="EUR")])
    connection.executemany(
        "INSERT INTO rejected_rows VALUES (?, 'MALFORMED', '{}', ?, ?)",
        [(DAY, Decimal("1.5"), "USD"), (DAY, None, "USD"), (other, None, None)],
    )
    contents = day_contents(connection)
    assert (contents[DAY].landed, contents[DAY].distinct, contents[DAY].rejected) == (4, 3, 2)
    amounts = {code: (each.landed, each.rejected) for code, each in contents[DAY].amounts.items()}
    assert amounts == {"EUR": (Decimal(25), 0), "USD": (Decimal("37.5"), Decimal("1.5"))}
    assert (contents[other].landed, contents[other].rejected, contents[other].amounts) == (0, 1, {})
