"""Arrow columns as PostgreSQL's binary COPY format, byte by byte."""

from __future__ import annotations

import struct
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pyarrow
import pytest

from transformation.binary_copy import BinaryCopy, encode_rows

_UTC_MICROSECONDS = pyarrow.timestamp("us", "UTC")


def batch(**columns: pyarrow.Array) -> pyarrow.RecordBatch:
    return pyarrow.RecordBatch.from_pydict(columns)


def fields(row: bytes) -> list[bytes | None]:
    """A tuple taken apart again, as the server does."""
    (count,) = struct.unpack_from(">h", row)
    position, found = 2, []
    for _ in range(count):
        (length,) = struct.unpack_from(">i", row, position)
        position += 4
        found.append(None if length < 0 else row[position : position + length])
        position += max(length, 0)
    assert position == len(row)
    return found


def numeric(field: bytes | None) -> Decimal:
    """The value of PostgreSQL's binary numeric."""
    assert field is not None
    count, weight, sign, scale = struct.unpack_from(">hhHh", field)
    digits = struct.unpack_from(f">{count}h", field, 8)
    assert all(0 <= digit < 10_000 for digit in digits)
    value = sum(
        (Decimal(digit) * Decimal(10_000) ** (weight - place) for place, digit in enumerate(digits)), Decimal(0)
    )
    return (-value if sign == 0x4000 else value).quantize(Decimal(1).scaleb(-scale))


def test_integers_texts_and_times_are_written_as_the_server_reads_them() -> None:
    row = encode_rows(
        batch(
            key=pyarrow.array([20240115], pyarrow.int32()),
            small=pyarrow.array([-3], pyarrow.int16()),
            name=pyarrow.array(["Zoë"]),
            at=pyarrow.array([datetime(2000, 1, 1, 0, 0, 1, tzinfo=UTC)], _UTC_MICROSECONDS),
        )
    )
    assert fields(row) == [
        struct.pack(">i", 20240115),
        struct.pack(">h", -3),
        "Zoë".encode(),
        struct.pack(">q", 1_000_000),
    ]


@pytest.mark.parametrize("kind", [(12, 3), (14, 4), (18, 4), (20, 4), (28, 4), (5, 0)])
def test_decimals_keep_every_digit_and_their_sign(kind: tuple[int, int]) -> None:
    precision, scale = kind
    unit = Decimal(1).scaleb(-scale)
    greatest = Decimal(10**precision - 1).scaleb(-scale)
    values = [Decimal(0), unit, -unit, Decimal(7), Decimal(-9999), Decimal(10000), greatest, -greatest]
    with_room = pyarrow.array(values, pyarrow.decimal128(precision, scale))
    rows = [encode_rows(batch(amount=with_room.slice(number, 1))) for number in range(len(values))]
    assert [numeric(fields(row)[0]) for row in rows] == values
    together = encode_rows(batch(amount=with_room))
    size = len(together) // len(values)
    assert [numeric(fields(together[start : start + size])[0]) for start in range(0, len(together), size)] == values


def test_texts_of_every_length_stay_with_their_rows_and_null_is_not_empty() -> None:
    texts: list[Any] = ["", None, "a", "bb", None, "ccc" * 20, "a"] * 3
    names = pyarrow.array(texts)
    for part in (names, names.slice(2, 9)):
        encoded = encode_rows(batch(name=part, number=pyarrow.array(range(len(part)), pyarrow.int64())))
        position = 0
        for number, expected in enumerate(part.to_pylist()):
            length = 2 + 4 + len(expected or "") + 4 + 8
            name, key = fields(encoded[position : position + length])
            assert name == (None if expected is None else expected.encode())
            assert key == struct.pack(">q", number)
            position += length
        assert position == len(encoded)


@pytest.mark.parametrize("offset", [0, 3])
def test_nulls_of_every_type_have_no_bytes_and_the_values_next_to_them_stay(offset: int) -> None:
    amounts = [None, Decimal("-12345.6"), None, Decimal("0.0001"), None, Decimal(99)]
    times = [datetime(2000, 1, 1, 0, 0, 1, tzinfo=UTC), None, None, None, None, datetime(2000, 1, 1, tzinfo=UTC)]
    rows = batch(
        amount=pyarrow.array(amounts, pyarrow.decimal128(14, 4)),
        at=pyarrow.array(times, _UTC_MICROSECONDS),
        key=pyarrow.array([None, 1, None, 2, None, 3], pyarrow.int64()),
    ).slice(offset)
    encoded, found = encode_rows(rows), []
    while encoded:
        length = 2
        for _ in range(3):
            (size,) = struct.unpack_from(">i", encoded, length)
            length += 4 + max(size, 0)
        amount, at, key = fields(encoded[:length])
        found.append((None if amount is None else numeric(amount), at, key))
        encoded = encoded[length:]
    expected = zip(
        amounts,
        (None if at is None else struct.pack(">q", 1_000_000 * at.second) for at in times),
        (None if number % 2 == 0 else struct.pack(">q", (number + 1) // 2) for number in range(6)),
        strict=True,
    )
    assert found == list(expected)[offset:]


def test_a_copy_has_a_header_and_a_trailer_even_without_rows() -> None:
    copy = BinaryCopy([])
    content = b"".join(iter(copy.read, b""))
    assert content == b"PGCOPY\n\xff\r\n\0" + b"\0" * 8 + b"\xff\xff"
    assert copy.size_bytes == len(content)


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (pyarrow.array([1.5]), "no binary form for double"),
        (pyarrow.array([Decimal("0.00001")]), "no binary form for decimal"),
    ],
)
def test_a_type_that_fact_sales_does_not_have_is_an_error(column: pyarrow.Array, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        encode_rows(batch(column=column))
