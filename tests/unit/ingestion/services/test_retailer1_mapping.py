from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from shared.errors import RejectRecord
from tests.fakes.mapped_rows import MappedRows
from tests.fakes.retailer_mappings import retailer_mapping
from tests.fakes.vendor_rows import guest_row_1, row_1

ROWS = MappedRows(retailer_mapping(1))
code, rejected_amount = ROWS.code, ROWS.rejected_amount


def mapped(row: Any) -> Any:
    return ROWS.record(row)


def test_every_field_of_a_sale_is_mapped() -> None:
    assert mapped(row_1()).model_dump(mode="json", exclude_none=True) == {
        "retailer_id": "retailer_1",
        "transaction_id": "S240115-000001",
        "line_id": "1",
        "line_type": "sale",
        "business_date": "2024-01-15",
        "sold_at": "2024-01-15T12:03:22Z",
        "changed_at": "2024-01-15T12:03:40Z",
        "store_id": "NY01",
        "store_name": "Fifth Avenue",
        "store_city": "New York",
        "store_country": "US",
        "product_id": "SKU-10042",
        "product_name": "Maple Desk Lamp",
        "product_category": "Home",
        "customer_id": "C000123",
        "customer_name": "Ana Reed",
        "customer_segment": "Loyalty",
        "customer_city": "Boston",
        "customer_country": "US",
        "customer_since": "2023-09-02T14:20:00Z",
        "quantity": "2.000",
        "unit_price": "12.5000",
        "total_amount": "25.0000",
        "net_quantity": "2.000",
        "net_amount": "25.0000",
        "currency": "USD",
        "item_type": "product",
        "discount_amount": "0.0000",
        "tax_included": False,
    }


def test_a_late_evening_sale_belongs_to_the_stores_day_not_to_the_utc_day() -> None:
    record = mapped(row_1(sold_at="2024-01-15T23:30:00-05:00"))
    assert record.business_date == date(2024, 1, 15)
    assert record.sold_at == datetime(2024, 1, 16, 4, 30, tzinfo=UTC)


def test_a_return_keeps_quantity_and_price_positive_and_the_net_measures_negative() -> None:
    record = mapped(row_1(txn_type="RETURN", qty=-2, line_total="-25.00"))
    assert (record.line_type, record.quantity, record.unit_price) == ("return", 2, Decimal("12.50"))
    assert (record.total_amount, record.net_quantity, record.net_amount) == (25, -2, Decimal("-25.00"))


def test_an_adjustment_with_a_negative_price_keeps_its_sign_in_the_amount() -> None:
    record = mapped(row_1(txn_type="ADJUST", qty=1, unit_price="-11062.06", line_total="-11062.06"))
    assert (record.unit_price, record.net_quantity, record.net_amount) == (Decimal("11062.06"), 1, Decimal("-11062.06"))


def test_stock_written_off_at_price_zero_has_an_amount_of_zero_without_a_sign() -> None:
    record = mapped(row_1(txn_type="ADJUST", qty=-5, unit_price="0.00", line_total="-0.00"))
    assert str(record.net_amount) == "0.0000"
    assert record.net_quantity == -5


def test_a_line_without_a_customer_belongs_to_the_guest() -> None:
    record = mapped(guest_row_1())
    assert (record.customer_id, record.customer_name, record.customer_since) == ("GUEST", None, None)


def test_three_decimals_survive() -> None:
    record = mapped(row_1(qty=3, unit_price="0.001", line_total="0.003"))
    assert (str(record.unit_price), str(record.net_amount)) == ("0.0010", "0.0030")


def test_descriptions_are_stripped_and_a_blank_one_is_none() -> None:
    assert mapped(row_1(product_name="  LUNCH BAG ")).product_name == "LUNCH BAG"
    assert mapped(row_1(product_name="   ")).product_name is None


def test_equal_lines_without_a_number_share_an_id_and_different_ones_do_not() -> None:
    first = mapped(row_1(line_no=None)).line_id
    assert first == mapped(row_1(line_no=None)).line_id
    assert len(first) == 17
    assert first.startswith("h")
    for change in (
        {"qty": 3, "line_total": "37.50"},
        {"product_name": "Maple Desk Lamp "},
        {"sold_at": "2024-01-15T07:04:00-05:00"},
        {"customer_no": "C000124"},
        {"customer_country": "France"},
    ):
        assert mapped(row_1(line_no=None, **change)).line_id != first


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"sale_id": None}, "MISSING_FIELD"),
        ({"sale_id": ""}, "MISSING_FIELD"),
        ({"sku": None}, "MISSING_FIELD"),
        ({"currency": None}, "MISSING_FIELD"),
        ({"qty": None}, "MISSING_FIELD"),
        ({"sold_at": None}, "MISSING_FIELD"),
        ({"sale_id": 7}, "MALFORMED"),
        ({"sku": ["SKU"]}, "MALFORMED"),
        ({"line_no": True}, "MALFORMED"),
        ({"txn_type": "GIFT"}, "UNKNOWN_TYPE"),
        ({"qty": "two"}, "NOT_A_NUMBER"),
        ({"qty": 2.0}, "NOT_A_NUMBER"),
        ({"qty": True}, "NOT_A_NUMBER"),
        ({"unit_price": 12.5}, "NOT_A_NUMBER"),
        ({"unit_price": "12,50"}, "NOT_A_NUMBER"),
        ({"unit_price": "1e1"}, "NOT_A_NUMBER"),
        ({"unit_price": "NaN"}, "NOT_A_NUMBER"),
        ({"unit_price": "१२.५०"}, "NOT_A_NUMBER"),
        ({"unit_price": "12.50001", "line_total": "25.00002"}, "TOO_MANY_DIGITS"),
        ({"unit_price": "1" * 50}, "TOO_MANY_DIGITS"),
        ({"unit_price": "-12.50", "line_total": "-25.00"}, "NEGATIVE_PRICE"),
        ({"qty": -2, "line_total": "-25.00"}, "SIGN_MISMATCH"),
        ({"txn_type": "RETURN"}, "SIGN_MISMATCH"),
        ({"line_total": "25.01"}, "TOTAL_MISMATCH"),
        ({"currency": "ZZZ"}, "UNKNOWN_CURRENCY"),
        ({"sold_at": "2024-02-30T07:03:22-05:00"}, "INVALID_DATE"),
        ({"sold_at": "2024-01-15T07:03:22"}, "INVALID_DATE"),
        ({"sold_at": "2024-01-15"}, "INVALID_DATE"),
        ({"sold_at": 1705329802}, "INVALID_DATE"),
        ({"last_modified": "yesterday"}, "INVALID_DATE"),
        ({"sku": "x" * 65}, "TOO_LONG"),
        ({"sku": "L-1\x00"}, "CONTROL_CHARACTER"),
    ],
)
def test_each_fault_has_its_stable_reason_code(changes: dict[str, object], expected: str) -> None:
    assert code(row_1(**changes)) == expected


@pytest.mark.parametrize("field", ["sale_id", "line_no", "sku", "qty", "customer_no", "last_modified", "line_total"])
def test_an_absent_field_is_missing_even_if_it_may_be_null(field: str) -> None:
    row = row_1()
    del row[field]
    assert code(row) == "MISSING_FIELD"


@pytest.mark.parametrize("row", [None, 7, "row", [1], []])
def test_a_row_that_is_not_an_object_is_malformed(row: object) -> None:
    assert code(row) == "MALFORMED"


@pytest.mark.parametrize(
    ("changes", "field", "landed"),
    [
        ({"product_name": "x" * 256}, "product_name", "x" * 255),
        ({"product_name": "Lamp\x00"}, "product_name", "Lamp"),
        ({"store_name": " Fifth\tAvenue\r\n"}, "store_name", "Fifth Avenue"),
        ({"currency": "usd"}, "currency", "USD"),
    ],
)
def test_a_descriptive_text_never_rejects_a_sale(changes: dict[str, Any], field: str, landed: str) -> None:
    assert getattr(mapped(row_1(**changes)), field) == landed


def test_a_message_stays_short_whatever_the_value() -> None:
    with pytest.raises(RejectRecord) as rejected:
        mapped(row_1(sku="x" * 10_000_000))
    assert len(str(rejected.value)) < 200


def test_the_amount_of_a_rejected_row_is_read_if_possible() -> None:
    assert rejected_amount(row_1(qty="two")) == ("USD", Decimal("25.00"))
    assert rejected_amount(row_1(line_total="much")) is None
    assert rejected_amount([]) is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"unit_price": 12.5}, "unit_price is 12.5: a number, not a text"),
        ({"sku": 10042}, "sku is 10042: a number, not a text"),
        ({"qty": "2"}, "qty is '2': a text, not an integer"),
        ({"qty": 2.5}, "qty is 2.5: a number, not an integer"),
        ({"sku": True}, "sku is true: true or false, not a text"),
        ({"sku": ["A"]}, 'sku is ["A"]: an array, not a text'),
    ],
)
def test_a_value_of_another_type_is_shown_as_it_was_sent(changes: dict[str, object], message: str) -> None:
    with pytest.raises(RejectRecord, match=f": {re.escape(message)}$"):
        mapped(row_1(**changes))


@pytest.mark.parametrize("column", ["sku", "store_code", "customer_no"])
def test_the_id_of_the_unknown_member_is_rejected(column: str) -> None:
    assert code(row_1(**{column: "unknown"})) == "RESERVED_ID"
    assert code(row_1(**{column: " unknown "})) == "RESERVED_ID"
    assert mapped(row_1(**{column: "unknown2"}))
    assert mapped(row_1(sale_id="unknown", product_name="unknown"))
