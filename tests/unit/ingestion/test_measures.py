"""The amounts of a record add up, by the rules of docs/CONTRACT.md."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from tests.fakes.raw_zone import record

DIVIDED = {"quantity": Decimal(300), "net_quantity": Decimal(300), "unit_price": Decimal("0.3333")}
"""A price that was divided out of a total of 100."""


@pytest.mark.parametrize(
    "changes",
    [
        {"discount": "5", "tax": "1.60"},
        {"discount": "5", "tax": "1.60", "tax_included": True},
        {"qty": -2, "discount": "5", "tax": "1.60", "tax_included": True},
        {"discount": "25"},
        {"tax": "0"},
        {"item_type": "gift_card"},
        {**DIVIDED, "total_amount": Decimal(100), "net_amount": Decimal(100)},
        {"line_type": "adjustment", "net_quantity": Decimal(-2), "tax": "1"},
    ],
)
def test_amounts_that_add_up_are_accepted(changes: dict[str, Any]) -> None:
    assert record(**changes).discount_amount >= 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"total_amount": Decimal("25.01")}, "total 25.01 is not 2 x 12.50"),
        ({**DIVIDED, "total_amount": Decimal("100.01"), "net_amount": Decimal("100.01")}, "total 100.01 is not 300"),
        ({"discount": "5", "net_amount": Decimal(25)}, "net 25 is not the total less discount"),
        ({"tax": "2", "tax_included": True, "net_amount": Decimal(25)}, "net 25 is not the total less discount"),
        ({"discount": "26"}, "net -1.00 is not the total less discount and included tax, -1.00"),
        ({"discount_amount": Decimal(-1), "net_amount": Decimal(26)}, "greater than or equal to 0"),
        ({"tax_amount": Decimal(2)}, "the signed tax differs"),
        ({"net_tax_amount": Decimal(2)}, "the signed tax differs"),
        ({"tax": "2", "net_tax_amount": Decimal("2.01")}, "the signed tax differs"),
        ({"tax": "2", "net_tax_amount": Decimal(-2)}, "a sale with negative measures"),
        ({"qty": -1, "tax": "2", "net_tax_amount": Decimal(2)}, "a return with positive measures"),
        ({"line_type": "adjustment", "tax": "2", "net_tax_amount": Decimal(-2)}, "the tax has another sign"),
        ({"item_type": "voucher"}, "Input should be 'product', 'shipping'"),
    ],
)
def test_amounts_that_do_not_add_up_are_rejected(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        record(**changes)
