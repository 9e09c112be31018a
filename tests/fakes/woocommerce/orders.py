"""Orders and refunds of a WooCommerce shop, as its API sends them."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]


def order_of(id_: Any, created_at: str, **changes: Any) -> Object:
    """A paid order of a guest: one line of 25.00 without tax. `changes` replaces keys of it."""
    return {
        "id": id_,
        "status": "processing",
        "currency": "USD",
        "date_created": created_at,
        "date_created_gmt": created_at,
        "date_modified": created_at,
        "date_modified_gmt": created_at,
        "date_paid_gmt": created_at,
        "total": "25.0000",
        "prices_include_tax": False,
        "customer_id": 0,
        "created_via": "checkout",
        "billing": {"first_name": "", "last_name": "", "city": "", "country": ""},
        "line_items": [line_of(1, 1, "25.0000")],
        "shipping_lines": [],
        "fee_lines": [],
        "refunds": [],
        **changes,
    }


def refund_of(id_: Any, order_id: Any, created_at: str, amount: str, **changes: Any) -> Object:
    """A refund without lines."""
    return {
        "id": id_,
        "parent_id": order_id,
        "date_created": created_at,
        "date_created_gmt": created_at,
        "amount": amount,
        "line_items": [],
        "shipping_lines": [],
        "fee_lines": [],
        **changes,
    }


def line_of(id_: int, quantity: Any, subtotal: str, total: str | None = None, *taxes: str, **changes: Any) -> Object:
    """A line of a product; `total` is what was charged if a coupon reduced it."""
    return {
        "id": id_,
        "name": "Green tea",
        "product_id": 9,
        "variation_id": 0,
        "quantity": quantity,
        "subtotal": subtotal,
        "total": subtotal if total is None else total,
        "total_tax": "0.0000",
        "taxes": [{"id": number, "total": tax, "subtotal": tax} for number, tax in enumerate(taxes, 1)],
        "sku": "TEA",
        **changes,
    }


def charge_of(id_: int, total: str, *taxes: str, **changes: Any) -> Object:
    """A line of shipping or of a fee."""
    return {
        "id": id_,
        "total": total,
        "total_tax": "0.0000",
        "taxes": [{"id": number, "total": tax} for number, tax in enumerate(taxes, 1)],
        **changes,
    }
