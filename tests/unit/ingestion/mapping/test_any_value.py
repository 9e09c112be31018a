"""Whatever is in a field of a retailer's row, its lines are landed or rejected, and the run goes on."""

from __future__ import annotations

from datetime import date

import pytest

from ingestion.mapping.json_rows import JsonReader
from ingestion.mapping.map_json import map_json
from ingestion.mapping.workspace import workspace
from tests.fakes.changed_rows import ROWS, VALUES, changed, places
from tests.fakes.retailer_mappings import retailer_mapping

DAY = date(2024, 1, 15)
PAGE = 500
EXPECTED = {
    1: {
        "landed": 8390, "CONTROL_CHARACTER": 72, "INVALID_DATE": 1615, "MALFORMED": 2746, "MISSING_FIELD": 259,
        "NEGATIVE_PRICE": 7, "NOT_A_NUMBER": 1566, "OUT_OF_RANGE": 17, "SIGN_MISMATCH": 5, "TOO_LONG": 96,
        "TOO_MANY_DIGITS": 174, "TOTAL_MISMATCH": 88, "UNKNOWN_CURRENCY": 438, "UNKNOWN_TYPE": 588,
    },
    2: {
        "landed": 7510, "CONTROL_CHARACTER": 87, "INVALID_DATE": 1547, "MALFORMED": 6002, "MISSING_FIELD": 369,
        "NEGATIVE_PRICE": 15, "NOT_A_NUMBER": 2136, "OUT_OF_RANGE": 68, "TOO_LONG": 116, "TOO_MANY_DIGITS": 133,
        "TOTAL_MISMATCH": 214, "UNKNOWN_CURRENCY": 438, "UNKNOWN_TYPE": 588, "WRONG_DATE": 48,
    },
    3: {
        "landed": 5339, "CONTROL_CHARACTER": 57, "INVALID_DATE": 1358, "MALFORMED": 3800, "MISSING_FIELD": 256,
        "NEGATIVE_PRICE": 2, "NOT_A_NUMBER": 1365, "TIME_DOES_NOT_EXIST": 14, "TOO_LONG": 76, "TOO_MANY_DIGITS": 90,
        "TOTAL_MISMATCH": 56, "UNKNOWN_CURRENCY": 365, "UNKNOWN_TYPE": 490, "WRONG_DATE": 10,
    },
}  # fmt: skip
"""Lines landed, and rejected by reason."""


@pytest.mark.parametrize("number", [1, *(pytest.param(each, marks=pytest.mark.long) for each in (2, 3))])
def test_every_value_in_every_field_is_landed_or_rejected(number: int) -> None:
    rows = [changed(row, place, value) for row in ROWS[number] for place in places(row) for value in VALUES]
    rows += [None, [], "x", 7, {}, *ROWS[number]]
    mapping = retailer_mapping(number)
    reader = JsonReader(mapping)
    pages = {start // PAGE + 1: reader.read(rows[start : start + PAGE]) for start in range(0, len(rows), PAGE)}
    with workspace(threads=1) as connection:
        found = map_json(connection, mapping, reader.columns, pages, DAY)
        reasons = connection.execute("SELECT code, count(*) FROM rejected_rows GROUP BY code").fetchall()
    assert found.landed + found.rejected == sum(page.lines for page in pages.values())
    assert {"landed": found.landed, **dict(sorted(reasons))} == EXPECTED[number]
