from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from ingestion.mapping.json_rows import JsonReader
from tests.fakes.mapped_rows import MappedRows
from tests.fakes.retailer_mappings import retailer_mapping
from tests.fakes.vendor_rows import line_2

ROWS = MappedRows(retailer_mapping(2))
code, rejected_amount = ROWS.code, ROWS.rejected_amount


def mapped(row: Any) -> Any:
    return ROWS.record(row)


def test_a_line_takes_the_fields_of_its_order() -> None:
    record = mapped(line_2())
    assert (record.transaction_id, record.line_id, record.line_type) == ("ORD-240115-000001", "1", "sale")
    assert record.sold_at == datetime(2024, 1, 15, 14, 43, 22, tzinfo=UTC)
    assert (record.store_id, record.store_country) == ("LDN1", "GB")
    assert (record.customer_segment, record.customer_since) == ("gold", datetime(2023, 9, 2, 14, 20, tzinfo=UTC))
    assert (str(record.unit_price), str(record.net_amount), record.currency) == ("12.5000", "25.0000", "GBP")


def test_a_refund_has_negative_net_measures() -> None:
    record = mapped(line_2({"kind": "refund"}))
    assert (record.line_type, record.quantity, record.net_quantity) == ("return", 2, -2)
    assert record.net_amount == Decimal("-25.00")


def test_an_adjustment_keeps_its_signs() -> None:
    record = mapped(line_2({"kind": "adjustment"}, quantity=-2, amount=-2500))
    assert (record.net_quantity, record.net_amount, record.unit_price) == (-2, Decimal("-25.00"), Decimal("12.50"))


def test_the_exponent_is_read_from_each_order() -> None:
    record = mapped(line_2({"currency": {"code": "GBP", "exponent": 3}}, unit_amount=1, amount=2))
    assert (str(record.unit_price), str(record.net_amount)) == ("0.0010", "0.0020")


def test_the_trading_day_is_the_day_in_london() -> None:
    in_summer = int(datetime(2024, 6, 30, 23, 30, tzinfo=UTC).timestamp())
    assert mapped(line_2({"placed_at": in_summer})).business_date == date(2024, 7, 1)
    in_winter = int(datetime(2024, 1, 15, 23, 30, tzinfo=UTC).timestamp())
    assert mapped(line_2({"placed_at": in_winter})).business_date == date(2024, 1, 15)


def test_an_order_without_a_buyer_belongs_to_the_guest() -> None:
    assert mapped(line_2({"buyer": None})).customer_id == "GUEST"


def test_the_lines_of_one_order_and_of_the_next_do_not_mix() -> None:
    first, second = line_2({"id": "A"}), line_2({"id": "B", "buyer": None})
    assert [mapped(raw).transaction_id for raw in (first, second, first)] == ["A", "B", "A"]
    assert [mapped(raw).customer_id for raw in (first, second)] == ["B000123", "GUEST"]


def test_equal_lines_without_an_id_share_one_and_other_times_give_another() -> None:
    first = mapped(line_2(id=None)).line_id
    assert first == mapped(line_2(id=None)).line_id
    assert first != mapped(line_2({"placed_at": 1705329862}, id=None)).line_id


@pytest.mark.parametrize(
    ("order", "line", "expected"),
    [
        ({"id": None}, {}, "MISSING_FIELD"),
        ({"placed_at": None}, {}, "MISSING_FIELD"),
        ({"placed_at": "2024-02-30"}, {}, "INVALID_DATE"),
        ({"placed_at": 10**18}, {}, "INVALID_DATE"),
        ({"placed_at": 1705329802.0}, {}, "INVALID_DATE"),
        ({"kind": "gift"}, {}, "UNKNOWN_TYPE"),
        ({"currency": {"code": "ZZZ", "exponent": 2}}, {}, "UNKNOWN_CURRENCY"),
        ({"currency": {"code": "GBP", "exponent": "two"}}, {}, "NOT_A_NUMBER"),
        ({"currency": {"code": "GBP", "exponent": 10**9}}, {}, "NOT_A_NUMBER"),
        ({"currency": "GBP"}, {}, "MALFORMED"),
        ({"shop": None}, {}, "MALFORMED"),
        ({"buyer": {"id": "B1"}}, {}, "MISSING_FIELD"),
        (
            {"buyer": {"id": "B1\x00", "name": "A", "tier": None, "city": None, "country": None, "since": None}},
            {},
            "CONTROL_CHARACTER",
        ),
        ({}, {"quantity": "two"}, "NOT_A_NUMBER"),
        ({}, {"quantity": 2.0}, "NOT_A_NUMBER"),
        ({}, {"unit_amount": -1250, "amount": -2500}, "NEGATIVE_PRICE"),
        ({}, {"quantity": -2, "amount": -2500}, "SIGN_MISMATCH"),
        ({"kind": "refund"}, {"quantity": -2, "amount": -2500}, "SIGN_MISMATCH"),
        ({}, {"amount": 2501}, "TOTAL_MISMATCH"),
        ({}, {"product": {"code": "x" * 65, "title": "Cup", "category": None}}, "TOO_LONG"),
        ({}, {"product": None}, "MALFORMED"),
    ],
)
def test_each_fault_has_its_stable_reason_code(
    order: dict[str, object], line: dict[str, object], expected: str
) -> None:
    assert code(line_2(order, **line)) == expected


def test_an_order_without_lines_is_rejected() -> None:
    assert code({**line_2(), "lines": None}) == "MALFORMED"


def test_the_payload_is_the_order_with_only_this_line() -> None:
    order = line_2()
    [line] = order["lines"]
    two_lines = {**order, "lines": [{"id": "0"}, line]}
    assert JsonReader(retailer_mapping(2)).payloads([two_lines]) == [{**order, "lines": [{"id": "0"}]}, order]


def test_the_amount_of_a_rejected_line_is_read_if_possible() -> None:
    assert rejected_amount(line_2({"kind": "refund"}, quantity="two")) == ("GBP", Decimal("-25.00"))
    assert rejected_amount(line_2(amount="much")) is None
