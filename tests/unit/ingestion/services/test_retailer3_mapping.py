from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from tests.fakes.mapped_rows import MappedRows
from tests.fakes.retailer_mappings import retailer_mapping
from tests.fakes.vendor_rows import row_3

ROWS = MappedRows(retailer_mapping(3))
code, rejected_amount = ROWS.code, ROWS.rejected_amount


def mapped(row: Any) -> Any:
    return ROWS.record(row)


def test_a_sale_is_read_from_spanish_fields() -> None:
    record = mapped(row_3())
    assert (record.transaction_id, record.line_id, record.line_type) == ("T240115-000001", "1", "sale")
    assert record.sold_at == datetime(2024, 1, 15, 8, 3, tzinfo=UTC)
    assert (record.store_name, record.product_category, record.store_country) == ("Gran Vía", "Hogar", "ES")
    assert record.customer_since == datetime(2023, 9, 2, 14, 20, tzinfo=UTC)
    assert (str(record.unit_price), str(record.net_amount), record.currency) == ("12.5000", "25.0000", "EUR")


def test_points_separate_thousands_and_commas_decimals() -> None:
    record = mapped(row_3(cantidad="1.200", precio="1.234,50", importe="1.481.400,00"))
    assert (record.quantity, record.unit_price) == (1200, Decimal("1234.50"))
    assert record.net_amount == Decimal("1481400.00")


@pytest.mark.parametrize("price", ["12.50", "1,234.50", "12,", ",50", "1.23,00", "12 50", "+12,50", ""])
def test_a_price_in_another_notation_is_rejected_rather_than_guessed(price: str) -> None:
    assert code(row_3(precio=price)) == "NOT_A_NUMBER"


def test_a_return_has_a_positive_quantity_and_a_negative_amount_at_the_source() -> None:
    record = mapped(row_3(tipo="D", importe="-25,00"))
    assert (record.line_type, record.quantity, record.net_quantity) == ("return", 2, -2)
    assert record.net_amount == Decimal("-25.00")


def test_an_adjustment_keeps_its_signs() -> None:
    record = mapped(row_3(tipo="A", cantidad="-3", precio="0,00", importe="0,00"))
    assert (record.line_type, record.net_quantity, str(record.net_amount)) == ("adjustment", -3, "0.0000")


def test_a_time_that_the_clocks_skipped_is_rejected() -> None:
    assert code(row_3(fecha_hora="31/03/2024 02:30")) == "TIME_DOES_NOT_EXIST"


def test_a_time_that_the_clocks_show_twice_is_the_first_of_the_two() -> None:
    record = mapped(row_3(fecha_hora="27/10/2024 02:30"))
    assert record.sold_at == datetime(2024, 10, 27, 0, 30, tzinfo=UTC)
    assert record.business_date == date(2024, 10, 27)


def test_the_trading_day_is_the_local_date() -> None:
    record = mapped(row_3(fecha_hora="16/07/2024 00:10"))
    assert (record.business_date, record.sold_at.date()) == (date(2024, 7, 16), date(2024, 7, 15))


def test_a_row_without_a_customer_belongs_to_the_guest() -> None:
    assert mapped(row_3(cliente=None)).customer_id == "GUEST"


def test_an_empty_name_is_none() -> None:
    assert mapped(row_3(articulo={"ref": "A", "nombre": "", "familia": None})).product_name is None


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"ticket": None}, "MISSING_FIELD"),
        ({"linea": "1"}, "MALFORMED"),
        ({"tipo": "X"}, "UNKNOWN_TYPE"),
        ({"fecha_hora": "30/02/2024 10:00"}, "INVALID_DATE"),
        ({"fecha_hora": "2024-01-15 10:00"}, "INVALID_DATE"),
        ({"fecha_hora": "15/01/2024 24:00"}, "INVALID_DATE"),
        ({"modificado": None}, "MISSING_FIELD"),
        ({"cantidad": 2}, "NOT_A_NUMBER"),
        ({"cantidad": "dos"}, "NOT_A_NUMBER"),
        ({"precio": "-12,50", "importe": "-25,00"}, "NEGATIVE_PRICE"),
        ({"importe": "24,00"}, "TOTAL_MISMATCH"),
        ({"tipo": "D", "importe": "25,00"}, "TOTAL_MISMATCH"),
        ({"moneda": "ZZZ"}, "UNKNOWN_CURRENCY"),
        ({"tienda": None}, "MALFORMED"),
        ({"tienda": {"codigo": "M"}}, "MISSING_FIELD"),
        ({"articulo": {"ref": "A\x00", "nombre": "x", "familia": None}}, "CONTROL_CHARACTER"),
    ],
)
def test_each_fault_has_its_stable_reason_code(changes: dict[str, object], expected: str) -> None:
    assert code(row_3(**changes)) == expected


def test_the_amount_of_a_rejected_row_is_read_if_possible() -> None:
    assert rejected_amount(row_3(cantidad="dos")) == ("EUR", Decimal("25.00"))
    assert rejected_amount(row_3(importe="mucho")) is None
