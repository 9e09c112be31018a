"""Discounts, tax and item types of files, by their layout."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tests.fakes.csv_sources import reading, shop_layout

CHARGES = {
    "item_type": "Kind",
    "total_amount": "Total",
    "discount_amount": "Discount",
    "tax_amount": "Tax",
    "tax_included": {"value": "true"},
    "transaction_discount_amount": "Rebate",
    "transaction_total_amount": "Paid",
}
COLUMNS = ("Receipt", "Line", "Product", "Name", "Qty", "Price", "When", "Customer", "Kind", "Total", "Discount", "Tax",
           "Rebate", "Paid")  # fmt: skip
GOOD = {
    "Receipt": "R1", "Line": 1, "Product": "P1", "Name": "Cup", "Qty": 2, "Price": "6.00", "When": "15/01/2024 10:30",
    "Customer": "C1", "Kind": "product", "Total": "12.00", "Discount": "0.00", "Tax": "2.00", "Rebate": "0.00",
    "Paid": "12.00",
}  # fmt: skip


def write(path: Path, *rows: Mapping[str, object]) -> Path:
    lines = [",".join(str({**GOOD, **row}[name]) for name in COLUMNS) for row in rows]
    path.write_text("\n".join([",".join(COLUMNS), *lines]) + "\n", encoding="utf-8")
    return path


def mapped(tmp_path: Path, *rows: Mapping[str, object], **layout: Any) -> tuple[list[Any], list[str]]:
    """The amounts of the landed rows, and the codes of the rejected ones."""
    columns = {**CHARGES, **layout.pop("columns", {})}
    with reading(write(tmp_path / "sales.csv", *rows), layout=shop_layout(columns=columns, **layout)) as outcome:
        landed = outcome.landed("item_type", "discount_amount", "net_amount", "net_tax_amount")
        return landed, [code for _, code, *_ in outcome.rejected()]


def test_a_discount_and_an_included_tax_are_taken_from_the_net_amount(tmp_path: Path) -> None:
    landed, rejected = mapped(tmp_path, {"Discount": "1.50", "Paid": "10.50", "Tax": "1.75"})
    assert landed == [("product", Decimal("1.5"), Decimal("8.75"), Decimal("1.75"))]
    assert rejected == []


def test_a_row_without_charges_is_a_product_without_a_discount_and_without_tax(tmp_path: Path) -> None:
    landed, _ = mapped(tmp_path, {"Kind": "", "Discount": "", "Tax": "", "Rebate": ""})
    assert landed == [("product", 0, 12, None)]


@pytest.mark.parametrize("minus", ["", "-"])
def test_returns_may_be_written_with_and_without_minus_signs(tmp_path: Path, minus: str) -> None:
    row = {"Qty": -2, "Total": "-12.00", "Discount": f"{minus}2.00", "Tax": f"{minus}1.00", "Paid": "-10.00"}
    landed, rejected = mapped(tmp_path, row)
    assert landed == [("product", 2, -9, -1)]
    assert rejected == []


def test_the_discount_of_a_receipt_is_spread_over_its_products_by_their_value(tmp_path: Path) -> None:
    of_receipt = {"Rebate": "10.00", "Paid": "39.00", "Tax": "0.00"}
    landed, rejected = mapped(
        tmp_path,
        {**of_receipt, "Line": 1},
        {**of_receipt, "Line": 2, "Qty": 1, "Price": "24.00", "Total": "24.00", "Discount": "2.00"},
        {**of_receipt, "Line": 3, "Qty": 1, "Price": "15.00", "Total": "15.00", "Kind": "shipping"},
    )
    # 12.00 and 22.00 are left: 3.529… and 6.470…; the larger remainder is rounded up
    assert landed == [
        ("product", Decimal("3.53"), Decimal("8.47"), 0),
        ("product", Decimal("8.47"), Decimal("15.53"), 0),
        ("shipping", 0, 15, 0),
    ]
    assert rejected == []


def test_a_discount_that_no_line_can_have_rejects_the_line(tmp_path: Path) -> None:
    free = {"Price": "0.00", "Total": "0.00", "Tax": "0.00", "Rebate": "1.00", "Paid": ""}
    assert mapped(tmp_path, free, {"Receipt": "R2"})[1] == ["NET_AMOUNT_MISMATCH"]


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ({"Discount": "13.00"}, "NET_AMOUNT_MISMATCH"),
        ({"Discount": "-1.00"}, "SIGN_MISMATCH"),
        ({"Tax": "-1.00"}, "SIGN_MISMATCH"),
        ({"Tax": "12.01"}, "NET_AMOUNT_MISMATCH"),
        ({"Paid": "12.02"}, "TRANSACTION_TOTAL_MISMATCH"),
        ({"Kind": "voucher"}, "NOT_ALLOWED"),
        ({"Discount": "much"}, "NOT_A_NUMBER"),
        ({"Total": "12.01", "Paid": "12.01"}, "TOTAL_MISMATCH"),
    ],
)
def test_amounts_that_do_not_add_up_reject_the_row(tmp_path: Path, row: dict[str, object], code: str) -> None:
    landed, rejected = mapped(tmp_path, row, {"Receipt": "R2"})
    assert (len(landed), rejected) == (1, [code])


def test_a_source_can_allow_more_difference_between_lines_and_total(tmp_path: Path) -> None:
    assert mapped(tmp_path, {"Paid": "12.02"}, total_tolerance="0.02")[1] == []


def test_codes_that_are_not_products_can_say_what_they_charge_for(tmp_path: Path) -> None:
    postage = {"codes": ["POST"], "category": "Postage", "item_type": "shipping"}
    landed, _ = mapped(tmp_path, {"Product": "POST", "Kind": ""}, {"Receipt": "R2"}, non_products=[postage])
    assert [kind for kind, *_ in landed] == ["shipping", "product"]


def test_a_check_cannot_be_about_an_amount_of_the_transaction() -> None:
    with pytest.raises(ValidationError, match="Input should be 'transaction_id'"):
        shop_layout(columns=CHARGES, checks=[{"field": "transaction_total_amount", "at_most": 9}])
