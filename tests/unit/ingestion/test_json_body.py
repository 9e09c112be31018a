"""A value that cannot be read rejects its record, not the page that it is on."""

from __future__ import annotations

import json
import time
import tracemalloc
from datetime import UTC, date, datetime

import orjson
import pytest

from ingestion.connectors.http.json_body import (
    _CAREFUL_SHARE,
    TooLargeToReadCarefully,
    _carefully,
    memory_of,
    read_json,
)
from ingestion.connectors.protocol import RawPage
from ingestion.landing.listing import reading_listing
from ingestion.landing.rejected_rows import rejected_lines
from ingestion.mapping.json_objects import Unread
from ingestion.mapping.workspace import workspace
from tests.fakes.retailer_mappings import retailer_mapping
from tests.fakes.vendor_rows import row_1

DAY = date(2024, 1, 15)
MOST = 10_000_000
BAD = {
    "half a surrogate pair": (rb'"Lamp \ud83d"', "MALFORMED"),
    "not UTF-8": (b'"Lamp \xe9"', "MALFORMED"),
    "NaN": (b"NaN", "NOT_A_NUMBER"),
    "minus infinity": (b"-Infinity", "NOT_A_NUMBER"),
    "1e400": (b"1e400", "NOT_A_NUMBER"),
    "5,000 digits": (b"9" * 5_000, "TOO_MANY_DIGITS"),
    "deep": (b"[" * 5_000 + b"]" * 5_000, "MALFORMED"),
    "deep objects": (b'{"a":' * 5_000 + b'"]"' + b"}" * 5_000, "MALFORMED"),
}


def rejected(key: str, bad: bytes) -> list[dict[str, str]]:
    """What is rejected of three rows, of which the second has a value that cannot be read."""
    rows = [row_1(sale_id="A"), {**row_1(sale_id="B"), key: "@"}, row_1(sale_id="C")]
    page = read_json(json.dumps(rows).encode().replace(b'"@"', bad), MOST)
    with workspace(64, threads=1) as connection, reading_listing(retailer_mapping(1), DAY, 64, connection) as listing:
        listing.add(RawPage(1, page, datetime.now(UTC)))
        totals, _ = listing.complete()
        found = [orjson.loads(line) for line in rejected_lines(connection.cursor(), DAY, listing)]
        assert totals.landed + len(found) == 3
        return found


@pytest.mark.parametrize(("bad", "code"), BAD.values(), ids=BAD)
def test_the_record_is_rejected_and_the_others_land(bad: bytes, code: str) -> None:
    [found] = rejected("product_name", bad)
    assert found["reason_code"] == code
    assert found["position"].startswith("page 1, row 2, column product_name")


@pytest.mark.parametrize(("bad", "_"), BAD.values(), ids=BAD)
def test_a_value_that_no_field_needs_rejects_nothing(bad: bytes, _: str) -> None:
    assert rejected("remark", bad) == []


@pytest.mark.parametrize("body", [b"", b"[", b'[{"a": 1}', b"<html>", b"[1,]", b'["a\xff]', b"[" * 5_000, b"]"])
def test_what_is_not_json_is_an_error(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_json(body, MOST)


@pytest.mark.parametrize("other", [b"1", b"NaN"], ids=["read as it is", "read carefully"])
def test_of_a_name_that_an_object_has_twice_the_last_value_counts(other: bytes) -> None:
    [found, _] = read_json(b'[{"quantity": 1, "sale_id": "A", "quantity": 100}, ' + other + b"]", MOST)
    assert found == {"quantity": 100, "sale_id": "A"}


def test_a_mark_of_the_byte_order_is_ignored() -> None:
    assert read_json(b"\xef\xbb\xbf[1]", MOST) == read_json(bytearray(b"\xef\xbb\xbf[1]"), MOST) == [1]


def test_texts_without_an_end_are_not_looked_for_at_each_quote() -> None:
    body = b"[" * 5_000 + b'"' + rb"\"" * 500_000
    started = time.process_time()
    with pytest.raises(ValueError, match=r"."):
        read_json(body, 10 * MOST)
    assert time.process_time() - started < 20  # with a search at each of them, hours


SHAPES = {
    "empty objects": b"{}",
    "empty arrays": b"[]",
    "nested objects": b'{"a":' * 300 + b"0" + b"}" * 300,
    "objects of one key": b'{"a":"bc"}',
    "nested arrays": b"[" * 300 + b"]" * 300,
    "numbers": b"12345",
    "short texts": b'"abc"',
    "long texts": b'"' + b"x" * 5_000 + b'"',
    "wide texts": b'"' + b"x" * 5_000 + "😀".encode() + b'"',
    "escaped wide texts": b'"' + b"x" * 5_000 + rb"\ud83d\ude00" + b'"',
    "rows": json.dumps(row_1()).encode(),
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_the_memory_of_values_is_not_underestimated(shape: bytes) -> None:
    body = b"[" + b",".join([shape] * (200_000 // len(shape) + 1)) + b"]"
    tracemalloc.start()
    value = orjson.loads(body)
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert value
    assert taken <= memory_of(body, 1)
    assert taken <= len(body) * 40


def test_the_memory_of_usual_rows_is_estimated_within_a_factor_of_two() -> None:
    body = json.dumps([row_1(sale_id=f"S{number}") for number in range(500)]).encode()
    tracemalloc.start()
    value = orjson.loads(body)
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(value) == 500
    assert memory_of(body, 1) < 2 * taken


def test_nothing_is_counted_in_a_body_that_cannot_take_too_much() -> None:
    assert memory_of(b"[]" * 1_000, 80_000) == 0


def test_a_value_that_cannot_be_read_in_a_large_body_is_not_looked_for() -> None:
    body = b'["' + b"x" * 100_000 + b'", NaN]'
    assert read_json(body, 10_000_000)[0] == "x" * 100_000
    with pytest.raises(TooLargeToReadCarefully, match=r"at character 100005"):
        read_json(body, 150_000)


def test_a_value_that_cannot_be_read_rejects_its_row_also_on_a_page_of_five_megabytes() -> None:
    body = json.dumps([row_1(sale_id=f"S{number}") for number in range(8_500)]).encode()
    assert len(body) > 5_000_000
    rows = read_json(body[:-1] + b", NaN]", 64 * 2**20)
    assert (len(rows), type(rows[-1])) == (8_501, Unread)


@pytest.mark.long
def test_reading_value_by_value_takes_the_memory_that_is_planned_for_it() -> None:
    usual = b",".join([json.dumps(row_1()).encode()] * 2_000)
    for many in (b"NaN," * 50_000, rb'"\ud83d",' * 50_000, b'{"a":"bc"},' * 50_000, b"[[[]]]," * 50_000, usual + b","):
        body = b"[" + many + b"NaN]"
        tracemalloc.start()
        value = _carefully(body)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert value
        assert peak <= memory_of(body, 1) * _CAREFUL_SHARE
