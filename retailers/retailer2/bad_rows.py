"""Builds bad orders of retailer 2."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from retailers.faults.bad_rows import HUGE
from retailers.retailer2.market import MARKET
from retailers.seeding.rhythm import epoch_at


def bad_order(day: date, number: int, kind: str) -> Mapping[str, object]:
    """An order with one line and one fault; the same for the same number."""
    placed_at = epoch_at(MARKET, day, 12 * 3600 + number % 3600)
    product: dict[str, object] = {"code": "P10001", "title": "Bad Row", "category": "Gifts"}
    line: dict[str, object] = {
        "id": "1", "product": product, "quantity": 2, "unit_amount": 1000, "amount": 2000, "deleted": False,
    }  # fmt: skip
    order: dict[str, object] = {
        "id": f"ORD-BAD-{day:%y%m%d}-{number + 1:06d}", "kind": "order", "placed_at": placed_at,
        "modified_at": placed_at,
        "currency": {"code": "GBP", "exponent": 2}, "shop": {"id": "LDN1", "name": "Covent Garden", "city": "London"},
        "buyer": None, "lines": [line], "deleted": False, "previous_placed_on": None,
    }  # fmt: skip
    match kind:
        case "missing_field":
            where = (product, order, line, order)[number // 8 % 4]
            del where[("code", "placed_at", "unit_amount", "shop")[number // 8 % 4]]
        case "negative_price":
            line |= {"unit_amount": -1000, "amount": -2000}
        case "wrong_total":
            line["amount"] = 1900
        case "unknown_currency":
            order["currency"] = {"code": "ZZZ", "exponent": 2}
        case "impossible_date":
            order["placed_at"] = f"{day.year}-02-30"
        case "nul_character":
            product["code"] = "P\x00"
        case "bad_quantity":
            line["quantity"] = "many"
        case _:
            product["code"] = "x" * HUGE
    return order
