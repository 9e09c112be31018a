"""The retailers' rows with any value in any field."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from tests.fakes.vendor_rows import guest_row_1, line_2, row_1, row_3

ROWS: dict[int, list[Any]] = {
    1: [
        row_1(),
        guest_row_1(),
        row_1(txn_type="RETURN", qty=-2, line_total="-25.00"),
        row_1(txn_type="ADJUST", qty=1, unit_price="-5.00", line_total="-5.00"),
        row_1(line_no=None),
        row_1(sold_at="2024-01-15T07:03:22.250-05:00"),
    ],
    2: [
        line_2(),
        line_2({"buyer": None}),
        line_2({"kind": "refund"}),
        line_2({"kind": "adjustment"}, unit_amount=-1250, amount=-2500),
        line_2({"currency": {"code": "GBP", "exponent": 0}}),
        line_2(id=None),
    ],
    3: [
        row_3(),
        row_3(cliente=None),
        row_3(tipo="D", importe="-25,00"),
        row_3(tipo="A", precio="-12,50", importe="-25,00"),
        row_3(linea=None),
    ],
}
ABSENT = object()
VALUES: list[Any] = [
    ABSENT, None, "", " ", "x", "x" * 64, "x" * 65, "é" * 255, "é" * 256, "x" * 5000, "  Padded  ", "\u3000x\u3000",
    0, 2, 3, 6, 7, -1, 2.0, 1.5, True, False, [], ["a"], {}, {"a": 1}, "a\x00b", "\x7f", "a\nb", "\n", "\x85x",
    10**9, 10**10, -(10**10), 10**12, 10**15, 2**63, 2**64 - 1,
    "2", "12.50", "-12.50", "12,50", "1.250,00", "1,250.00", " 12.50", "1e3", "NaN", "inf", "-0.00", "1" * 50,
    "99999999999999.00", "12.50001", "1.", "٣", "0.001",
    "2024-01-15T12:00:00Z", "2024-01-15T12:00:00", "2024-01-15 12:00:00-05:00", "2024-02-30T12:00:00Z",
    "2024-01-15T23:30:00-05:00", "2024-01-15T24:00:00Z", "2024-01-15T12:00:60Z", "2024-01-15T12:00Z",
    "2024-01-15T12:00:00.123456+14:00", "2024-01-15T12:00:00.1234567Z", "2024-01-15t12:00:00z",
    "2024-01-15T12:00:00+25:00",
    "0001-01-01T00:00:00Z", "9999-12-31T23:00:00Z", "1850-05-05T01:02:03-04:56",
    "15/01/2024 09:03", "1/1/2024 9:03", "31/02/2024 10:00", "31/03/2024 02:30", "27/10/2024 02:30",
    "15/01/2024 24:00", "15/01/2024", "15/01/2024 09:03:00", " 15/01/2024 09:03", "01/15/2024 09:03",
    "01/01/1900 10:00",
    "SALE", "sale", "SALE ", "RETURN", "ADJUST", "order", "refund", "adjustment", "V", "D", "A", "v",
    "USD", "usd", " USD", "ZZZ", "GBP", "EUR", "XXX",
    1705329802, 1705276800, 1705276799, -62135596801, 253402300799, 253402300800, 99999999999,
]  # fmt: skip


def places(value: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value within a row."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield (*before, key)
        yield from places(each, (*before, key))


def changed(row: Any, place: tuple[Any, ...], value: Any) -> Any:
    """A copy of the row with another value at this place, if the place is there; without it for ABSENT."""
    found = copy.deepcopy(row)
    inner = found
    for key in place[:-1]:
        if not isinstance(inner, dict | list) or (isinstance(inner, dict) and key not in inner):
            return found
        inner = inner[key] if isinstance(inner, dict) or (isinstance(key, int) and key < len(inner)) else None
    if isinstance(inner, dict) or (isinstance(inner, list) and place[-1] == 0 and inner):
        if value is ABSENT:
            inner.pop(place[-1])
        else:
            inner[place[-1]] = value
    return found
