"""A listing becomes the lines of the raw zone in its order, whatever is in its pages and however many are rejected."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest

from ingestion.connectors.protocol import RawPage
from ingestion.landing import listing as listings
from ingestion.landing.listing import Listing, reading_listing
from ingestion.landing.rejected_rows import rejected_lines
from ingestion.mapping.workspace import workspace
from tests.fakes.retailer_mappings import retailer_mapping
from tests.fakes.vendor_rows import line_2, row_1

DAY = date(2024, 1, 15)
LEAST_MEMORY_MB = 64


@pytest.fixture
def listing() -> Iterator[Listing]:
    with opened(1) as listing:
        yield listing


@contextmanager
def opened(retailer: int, memory_mb: int = LEAST_MEMORY_MB) -> Iterator[Listing]:
    with (
        workspace(memory_mb, threads=1) as connection,
        reading_listing(retailer_mapping(retailer), DAY, memory_mb, connection) as listing,
    ):
        yield listing


def add(listing: Listing, *pages: list[Any], number: int | None = None) -> None:
    for position, rows in enumerate(pages, 1):
        listing.add(RawPage(number or position, rows, datetime.now(UTC)))


def landed(listing: Listing) -> list[dict[str, Any]]:
    _, text = listing.complete()
    assert isinstance(text.body, Path)
    found = text.body.read_bytes()
    assert len(found) == text.size_bytes
    return [orjson.loads(line) for line in found.splitlines()]


def dead_letters(listing: Listing) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in rejected_lines(listing.connection.cursor(), DAY, listing)]


def test_lines_are_in_the_order_of_the_listing_also_where_a_text_has_to_be_read() -> None:
    chance = random.Random(14)  # of these prices two have hashes that made DuckDB's join change the order of rows
    prices = [f"{chance.randrange(1, 10**7) / 100:.2f}" for _ in range(20_000)]
    prices[7_000] = "123.00000"  # right, but not as it is usually written
    rows = [
        row_1(sale_id=f"S{number}", qty=1, unit_price=price, line_total=price) for number, price in enumerate(prices)
    ]
    with opened(1, 512) as listing:
        add(listing, *(rows[start : start + 1_000] for start in range(0, len(rows), 1_000)))
        assert [line["transaction_id"] for line in landed(listing)] == [row["sale_id"] for row in rows]


def test_of_versions_of_one_time_the_one_with_the_most_money_counts(listing: Listing) -> None:
    rows = [row_1(qty=quantity, line_total=f"{quantity * 12.5:.2f}") for quantity in (1, 3, 2)]
    add(listing, rows[:2], rows[2:])
    totals, _ = listing.complete()

    assert (totals.landed, totals.distinct, totals.distinct_amounts) == (3, 1, {"USD": Decimal("37.5")})


def test_pages_with_one_number_are_all_landed(listing: Listing) -> None:
    add(listing, [row_1(sale_id="A")], number=1)
    add(listing, [row_1(sale_id="B"), row_1(currency="ZZZ")], number=1)

    assert [line["transaction_id"] for line in landed(listing)] == ["A", "B"]
    assert [each["position"] for each in dead_letters(listing)] == ['page 1, row 2, column currency: "ZZZ"']


@pytest.mark.long
def test_many_rejected_rows_need_no_memory_for_what_was_sent(listing: Listing) -> None:
    """Together they are as large as all of the memory that the listing may use."""
    sent = [row_1(sale_id=f"S{number}", currency="ZZZ", remark="x" * 4_000) for number in range(15_000)]
    add(listing, *(sent[start : start + 500] for start in range(0, len(sent), 500)))
    totals, text = listing.complete()

    assert (totals.landed, totals.rejected, totals.distinct, text.size_bytes) == (0, 15_000, 15_000, 0)
    assert [each["payload"] for each in dead_letters(listing)] == sent


@pytest.mark.long
def test_many_rejected_rows_with_long_values_fit_into_the_least_memory(listing: Listing) -> None:
    for start in range(0, 100_000, 1_000):
        numbers = range(start, start + 1_000)
        add(listing, [row_1(sale_id=f"S{number}", sku=f"{number:05}" * 60) for number in numbers])
    totals, _ = listing.complete()

    assert (totals.landed, totals.rejected, totals.distinct) == (0, 100_000, 100_000)
    lines = rejected_lines(listing.connection.cursor(), DAY, listing)
    assert orjson.loads(next(lines))["position"] == f'page 1, row 1, column sku: "{"0" * 80}…"'
    assert sum(1 for _ in lines) == 99_999


@pytest.mark.long
def test_long_texts_fit_into_the_least_memory(listing: Listing) -> None:
    names = ("store_name", "store_city", "product_name", "department", "customer_name", "customer_city")
    rows = [
        row_1(
            sale_id=f"S{number}",
            **{name: f"{number} {name} {'x' * 220}{' ' if number % 1_000 == 0 else ''}" for name in names},
        )
        for number in range(20_000)
    ]
    add(listing, *(rows[start : start + 1_000] for start in range(0, len(rows), 1_000)))
    assert listing.complete()[0].landed == 20_000


def test_equal_rows_that_are_rejected_count_once(listing: Listing) -> None:
    add(listing, [row_1(qty="two"), row_1(qty="two")], [row_1(qty="two"), row_1(qty="three")])
    totals, _ = listing.complete()
    assert (totals.rejected, totals.distinct) == (4, 2)


def test_a_value_that_is_nested_deeply_does_not_stop_the_listing(listing: Listing) -> None:
    deep = orjson.loads(b"[" * 300 + b"]" * 300)
    add(listing, [row_1(remark=deep), row_1(remark=deep, currency="ZZZ")])

    assert len(landed(listing)) == 1
    assert [each["payload"]["remark"] for each in dead_letters(listing)] == [deep]


def test_what_is_nested_as_deeply_as_can_be_read_is_left_out_below_a_depth(listing: Listing) -> None:
    deepest = orjson.loads(b"[" * 1_020 + b"]" * 1_020)
    add(listing, [row_1(remark=deepest), row_1(remark=deepest, currency="ZZZ")])

    assert len(landed(listing)) == 1
    [line] = rejected_lines(listing.connection.cursor(), DAY, listing)
    assert b'[[[["nested too deeply"]]]]' in line


def test_a_rejected_line_is_kept_with_its_order_and_without_the_other_lines() -> None:
    [line] = line_2()["lines"]
    wrong = {**line, "id": "2", "quantity": "two"}
    with opened(2) as listing:
        add(listing, [{**line_2(), "lines": [line, wrong]}])
        assert len(landed(listing)) == 1
        assert [each["payload"] for each in dead_letters(listing)] == [{**line_2(), "lines": [wrong]}]
        assert dead_letters(listing)[0]["position"].startswith("page 1, line 2, column lines.quantity")


@pytest.mark.parametrize("lines", [[], None, "two", {"id": "1"}], ids=str)
def test_an_order_without_lines_is_rejected_as_it_was_sent(lines: Any) -> None:
    order = {**line_2(), "lines": lines}
    with opened(2) as listing:
        add(listing, [line_2(), order])
        assert len(landed(listing)) == 1
        [rejected] = dead_letters(listing)
    assert rejected["payload"] == order
    assert rejected["reason"] == "the order has no array 'lines' with a line"


def test_rejected_rows_are_kept_as_sent_where_other_pages_took_the_place_of_earlier_ones(
    listing: Listing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listings, "_LINES_AT_ONCE", 3)
    pages = [[row_1(sale_id=f"S{page}", line_no=line) for line in range(3)] for page in range(8)]
    bad = [(2, 1), (5, 0), (5, 2), (6, 1)]
    for page, line in bad:
        pages[page][line]["unit_price"] = f"bad {page} {line}"
    add(listing, *pages)
    assert len(landed(listing)) == 8 * 3 - len(bad)
    assert [each["payload"] for each in dead_letters(listing)] == [pages[page][line] for page, line in bad]
