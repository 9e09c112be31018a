"""Builds bad rows of retailer 1."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from retailers.faults.bad_rows import HUGE


def bad_row(day: date, number: int, kind: str) -> Mapping[str, object]:
    """A row of that date with one thing wrong; the same for the same number."""
    sold_at = f"{day}T12:{number // 60 % 60:02d}:{number % 60:02d}-05:00"
    row: dict[str, object] = {
        "sale_id": f"BAD{day:%y%m%d}-{number + 1:06d}", "line_no": 1, "txn_type": "SALE",
        "sold_at": sold_at, "last_modified": f"{day}T18:00:00Z",
        "store_code": "NY01", "store_name": "Fifth Avenue", "store_city": "New York", "store_state": "NY",
        "sku": "SKU-10001", "product_name": "Bad Row", "department": "Home",
        "customer_no": None, "customer_name": None, "customer_segment": None, "customer_city": None,
        "customer_state": None, "customer_country": None, "customer_updated_at": None,
        "qty": 2, "unit_price": "10.00", "line_total": "20.00", "currency": "USD",
        "deleted": False, "previous_date": None,
    }  # fmt: skip
    match kind:
        case "missing_field":
            del row[("sku", "sold_at", "unit_price", "store_code")[number // 8 % 4]]
        case "negative_price":
            row |= {"unit_price": "-10.00", "line_total": "-20.00"}
        case "wrong_total":
            row["line_total"] = "19.00"
        case "unknown_currency":
            row["currency"] = "ZZZ"
        case "impossible_date":
            row["sold_at"] = f"{day.year}-02-30T12:00:00-05:00"
        case "nul_character":
            row["sku"] = "SKU\x00"
        case "bad_quantity":
            row["qty"] = "many"
        case _:
            row["sku"] = "x" * HUGE
    return row
