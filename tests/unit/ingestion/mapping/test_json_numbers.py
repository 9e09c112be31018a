"""`type: number`: JSON numbers with decimals are read exactly, or their row is rejected."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import orjson
import pytest

from ingestion.mapping.layouts import SourceMapping
from tests.fakes.mapped_rows import MappedRows
from tests.fakes.rest_definitions import row

COLUMNS: dict[str, Any] = {
    "transaction_id": "id",
    "line_id": "id",
    "sold_at": "at",
    "store_id": {"value": "web"},
    "product_id": {"column": "sku", "type": "number"},
    "quantity": {"column": "qty", "type": "number"},
    "unit_price": {"column": "price", "type": "number"},
    "currency": {"value": "EUR"},
}


def rows(**layout: Any) -> MappedRows:
    given = {"name": "shop", "retailer_id": "shop", "rows": "json", "time_zone": "Europe/Berlin", "columns": COLUMNS}
    return MappedRows(SourceMapping.model_validate(given | layout))


@pytest.mark.parametrize("comma", [False, True])
@pytest.mark.parametrize(
    ("sent", "price"),
    [
        ("12.50", "12.5"),
        ("0.1", "0.1"),
        ("19.99", "19.99"),
        ("7", "7"),
        ("1e2", "100"),
        ("0.0001", "0.0001"),
        ("1234.567", "1234.567"),
    ],
)
def test_a_number_is_what_was_sent(sent: str, price: str, comma: bool) -> None:
    marks = {"format": {"decimal": ",", "thousands": "."}} if comma else {}
    record = rows(**marks).record(row("A", price=orjson.loads(sent), qty=1))
    assert record.unit_price == Decimal(price)


def test_texts_and_numbers_may_alternate() -> None:
    mapped = rows()
    assert mapped.record(row("A", price="12.50", sku=4711)).product_id == "4711"
    assert mapped.record(row("A", price=12.5, sku="4711")).unit_price == Decimal("12.5")


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (0.1 + 0.2, "TOO_MANY_DIGITS"),
        (1e300, "TOO_MANY_DIGITS"),
        (True, "NOT_A_NUMBER"),
        ([12.5], "MALFORMED"),
        (None, "MISSING_FIELD"),
        ("1e2", "NOT_A_NUMBER"),
    ],
)
def test_what_is_not_exact_or_not_a_number_is_rejected(value: object, code: str) -> None:
    assert rows().code(row("A", price=value)) == code


def test_without_the_type_a_number_is_rejected_where_a_text_is_expected() -> None:
    columns = {**COLUMNS, "unit_price": "price"}
    assert rows(columns=columns).code(row("A")) == "NOT_A_NUMBER"


def test_an_amount_in_minor_units_cannot_be_a_number_with_decimals() -> None:
    price = {"column": "price", "minor_units": 2, "type": "number"}
    with pytest.raises(ValueError, match="an amount in minor units is an integer"):
        rows(columns={**COLUMNS, "unit_price": price})
