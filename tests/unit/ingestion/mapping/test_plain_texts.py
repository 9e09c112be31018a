"""Fields whose texts need no reading get the values, and the JSON, that reading them by query gives."""

from __future__ import annotations

from datetime import date
from typing import Any

import duckdb
import pyarrow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.landing.serialise import record_texts
from ingestion.mapping import map_json as mapping_pages
from ingestion.mapping.json_rows import JsonReader
from ingestion.mapping.layout_parts import Dates
from ingestion.mapping.layouts import SourceMapping
from ingestion.mapping.map_json import MappedPages, map_json
from ingestion.mapping.plain_texts import PlainField, are_plain_texts, is_plain_text, plain_fields
from ingestion.mapping.rejections import REJECTED_COLUMNS
from ingestion.mapping.workspace import workspace
from ingestion.models.retailer_data import SalesRecord
from tests.fakes.changed_rows import ROWS, changed, places
from tests.fakes.retailer_mappings import retailer_mapping
from tests.fakes.vendor_rows import line_2, row_1

DAY = date(2024, 1, 15)
VALUES: list[Any] = [
    None, "", " ", "x", "x" * 64, "x" * 65, "é" * 255, "é" * 256, "  Padded  ", "\u3000x", "ñandú £5",
    'a "quoted" \\ name', "a\u2028b", "\U0001f6d2", "a\x00b", "a\nb", "\x1fx", 0, 3, 4, 5, -1, 2.0,
    10**8, 10**9, 2**63,
    "2", "12.50", "-12.50", "12,50", "1.250,00", "1e3", "-0", "007", "9999999999.9999", "99999999999", "12.50001",
    "USD",
]  # fmt: skip
READERS = {number: (mapping := retailer_mapping(number), JsonReader(mapping)) for number in ROWS}


def mapped(connection: duckdb.DuckDBPyConnection, number: int, rows: list[Any]) -> tuple[list[bytes], list[Any]]:
    """The lines of the raw zone and the rejected rows."""
    mapping, reader = READERS[number]
    connection.execute(f"CREATE OR REPLACE TABLE rejected_rows({REJECTED_COLUMNS})")
    found = MappedPages(connection, mapping, reader.columns, {1: reader.read(rows)}, DAY)
    texts = record_texts(connection, found.records(), found.bare, "source_row", found.order)
    lines = b"".join(bytes(text) for text, _ in texts).splitlines(keepends=True)
    if len(lines) < found.rows:
        found.reject()
    rejected = connection.execute(
        "SELECT source_line, code, column_name, value, net_amount, currency FROM rejected_rows ORDER BY ALL"
    ).fetchall()
    return lines, rejected


def plain(number: int, rows: list[Any]) -> dict[str, PlainField]:
    mapping, reader = READERS[number]
    read = reader.read(rows)
    columns = {name: pyarrow.chunked_array([each]) for name, each in zip(reader.columns, read.columns, strict=True)}
    return plain_fields(mapping, columns, dict.fromkeys(columns, ""))


@pytest.mark.parametrize("number", [2, *(pytest.param(each, marks=pytest.mark.long) for each in (1, 3))])
def test_plain_fields_have_the_values_that_reading_them_gives(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    found = sorted({place for row in ROWS[number] for place in places(row)}, key=str)
    rows = [changed(row, place, value) for place in found for value in VALUES for row in ROWS[number][:3]]
    batches = (ROWS[number], ROWS[number] + rows)
    usual, unusual = (plain(number, batch) for batch in batches)
    assert (len(usual) >= 20, any(each.others for each in usual.values())) == (True, False)
    assert sum(bool(each.others) for each in unusual.values()) >= 15
    with workspace(threads=1) as connection:
        without_reading = [mapped(connection, number, batch) for batch in batches]
        monkeypatch.setattr(mapping_pages, "plain_fields", lambda *_: {})
        assert [mapped(connection, number, batch) for batch in batches] == without_reading
    (few, _), (lines, _) = without_reading
    assert (len(few), len(lines) > 300) == (len(ROWS[number]), True)
    for line in lines:
        assert line == SalesRecord.model_validate_json(line).model_dump_json().encode() + b"\n"


@pytest.mark.parametrize(
    ("changes", "row"),
    [
        ({"checks": [{"field": "quantity", "required": True, "at_most": "1"}]}, row_1()),
        ({"checks": [{"field": "store_id", "required": True, "matches": "LA.*"}]}, row_1()),
        ({"dates": {"first": "1970-01-01", "last": "2099-12-31"}}, row_1(last_modified="0199-06-01T00:00:00Z")),
    ],
)
def test_what_a_mapping_rejects_is_rejected_although_its_text_is_plain(changes: dict[str, Any], row: Any) -> None:
    mapping, reader = READERS[1]
    stricter = SourceMapping.model_validate({**mapping.model_dump(by_alias=True, exclude_defaults=True), **changes})
    with workspace(threads=1) as connection:
        assert map_json(connection, stricter, reader.columns, {1: reader.read([row])}, DAY).landed == 0


def test_seconds_before_the_first_date_are_rejected_in_years_of_three_digits() -> None:
    mapping, reader = READERS[2]
    stricter = mapping.model_copy(update={"dates": Dates()})
    with workspace(threads=1) as connection:
        for second in (-55874275200, -55684972800):
            page = reader.read([line_2({"modified_at": second})])
            assert map_json(connection, stricter, reader.columns, {1: page}, DAY).landed == 0


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(["transaction_id", "store_id", "product_id", "product_name", "customer_id", "customer_city"]),
    st.lists(
        st.text('aZ9é日😀 \t\n\x00\x1f\x7f\x85\xa0\u2028\u200b\u3000"\\\\', max_size=5)
        | st.sampled_from(["unknown", "GUEST", "a" * 64, "a" * 65, "é" * 255, "é" * 256, "", " a", "a "]),
        max_size=4,
    ),
)
def test_texts_that_are_plain_together_are_plain_one_by_one(field: str, texts: list[str]) -> None:
    if are_plain_texts(field, texts):
        assert all(map(is_plain_text(field), texts))


def test_usual_texts_are_plain_together() -> None:
    assert are_plain_texts("product_name", ["Tea pot", 'a "quoted" \\ name', "ñandú £5"])
    assert not are_plain_texts("customer_id", ["C1", "unknown"])
