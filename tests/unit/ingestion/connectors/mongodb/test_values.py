"""BSON values as JSON values: exact, or rejected with the record that needs them."""

from __future__ import annotations

import random
import uuid
from datetime import UTC, datetime
from typing import Any

import bson
import pytest
from bson import Binary, Code, DatetimeMS, DBRef, Decimal128, Int64, MaxKey, ObjectId, Regex, Timestamp
from bson.errors import InvalidBSON

from ingestion.connectors.mongodb.values import Shape, as_text, documents, read_documents
from ingestion.mapping.json_objects import Unread
from ingestion.mapping.json_rows import UNREADABLE

UUID = uuid.UUID("fda17ca0-0000-4000-8000-000000000001")
OPTIONS = bson.CodecOptions[dict[str, Any]](uuid_representation=bson.binary.UuidRepresentation.STANDARD)


def read(value: Any) -> Any:
    [found] = read_documents(bson.encode({"of": [{"x": value}]}, codec_options=OPTIONS))
    return found["of"][0]["x"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Decimal128("12.50"), "12.50"),
        (Decimal128("-0.0001"), "-0.0001"),
        (Decimal128("1.5E+3"), "1500"),
        (Decimal128("1E+6000"), "1E+6000"),
        (Int64(2**60), 2**60),
        (7, 7),
        (2.0, 2),
        (2.5, 2.5),
        (float(2**60), float(2**60)),
        (True, True),
        (None, None),
        ("é", "é"),
        (datetime(2024, 1, 15, 11, 4, tzinfo=UTC), "2024-01-15T11:04:00Z"),
        (datetime(2024, 1, 15, 11, 4, 0, 120_000, tzinfo=UTC), "2024-01-15T11:04:00.120Z"),
        (Timestamp(1705316640, 1), "2024-01-15T11:04:00Z"),
        (ObjectId("65a5a5a5a5a5a5a5a5a5a5a5"), "65a5a5a5a5a5a5a5a5a5a5a5"),
        (UUID, str(UUID)),
        (b"\1\2", "0102"),
        (Binary(UUID.bytes, 3), UUID.hex),
        (DBRef("shops", "B1"), {"$ref": "shops", "$id": "B1"}),
    ],
)
def test_values_are_read_exactly(value: Any, expected: Any) -> None:
    found = read(value)
    assert (found, type(found)) == (expected, type(expected))


def test_a_decimal_is_the_text_that_the_driver_makes_of_it() -> None:
    chance = random.Random(5)
    texts = ["0", "-0", "0.00", "9" * 34, "-" + "9" * 34, "1E-40", "9.99E+30", "-1.5"]
    texts += [f"{chance.randrange(-(10**digits), 10**digits)}E-{chance.randrange(41)}" for digits in range(1, 34)]
    for text in texts:
        assert read(Decimal128(text)) == format(Decimal128(text).to_decimal(), "f")


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (float("nan"), "NOT_A_NUMBER"),
        (float("-inf"), "NOT_A_NUMBER"),
        (Decimal128("NaN"), "NOT_A_NUMBER"),
        (Decimal128("sNaN"), "NOT_A_NUMBER"),
        (Decimal128("Infinity"), "NOT_A_NUMBER"),
        (DatetimeMS(10**16), "INVALID_DATE"),
        (Regex("x"), "MALFORMED"),
        (Code("x"), "MALFORMED"),
        (Code("x", {"a": 1}), "MALFORMED"),
        (MaxKey(), "MALFORMED"),
    ],
)
def test_what_json_has_not_rejects_the_record_that_needs_it(value: Any, code: str) -> None:
    found = read(value)
    assert isinstance(found, Unread)
    assert found.code == code


def test_a_document_that_is_damaged_or_too_deep_does_not_spoil_the_others() -> None:
    inner = bson.encode({})
    for _ in range(3_000):
        inner = (len(inner) + 8).to_bytes(4, "little") + b"\x03a\0" + inner + b"\0"
    damaged = bson.encode({"a": "café"}).replace(b"\xc3\xa9", b"\xe9\x21")
    broken = bson.encode({"a": 1}).replace(b"\x10a", b"\x77a")
    found = read_documents(inner + damaged + broken + bson.encode({"a": 1}))
    assert [each.get(UNREADABLE, {}).get("reason") for each in found] == [
        "nested too deeply",
        None,
        "not valid BSON",
        None,
    ]
    assert isinstance(found[1]["a"], Unread)
    assert found[3] == {"a": 1}


@pytest.mark.parametrize("batch", [b"\0\0\0\0", b"\xff\0\0\0abc", b"\1"])
def test_what_is_not_a_sequence_of_documents_is_an_error(batch: bytes) -> None:
    with pytest.raises(InvalidBSON):
        list(documents(batch))


def test_what_a_document_has_not_is_null() -> None:
    shape = Shape({"": ["number", "shop", "lines"], "shop": ["code"], "lines": ["no", "item"], "lines.item": ["sku"]})
    assert shape.complete({}) == {"number": None, "shop": None, "lines": None}
    given = {"number": 1, "shop": {}, "lines": [{"no": 1}, {"item": {}}, "x"], "more": 2}
    assert shape.complete(given) == {
        "number": 1,
        "shop": {"code": None},
        "lines": [{"no": 1, "item": None}, {"no": None, "item": {"sku": None}}, "x"],
        "more": 2,
    }


@pytest.mark.parametrize(
    ("value", "text"), [(Decimal128("1E+2"), "100"), (0.1, "0.1"), (5, "5"), (None, None), (float("nan"), "nan")]
)
def test_a_value_of_a_small_result_is_a_text(value: Any, text: str | None) -> None:
    assert as_text(value) == text
