"""Orders and refunds of a Shopify shop, as its REST Admin API sends them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

Object = dict[str, Any]


def bag(amount: str, currency: str = "USD") -> Object:
    """An amount in the shop's currency and in the customer's, which are the same here."""
    money = {"amount": amount, "currency_code": currency}
    return {"shop_money": money, "presentment_money": money}


def order_of(id_: Any, processed_at: str, **changes: Any) -> Object:
    """A paid order of a guest: one line of 25.00 without tax. `changes` replaces keys of it."""
    total = changes.pop("total_price", "25.00")
    return {
        "id": id_,
        "name": f"#{id_}",
        "test": False,
        "cancelled_at": None,
        "created_at": processed_at,
        "processed_at": processed_at,
        "updated_at": processed_at,
        "currency": "USD",
        "presentment_currency": "USD",
        "taxes_included": False,
        "financial_status": "paid",
        "source_name": "web",
        "location_id": None,
        "total_price": total,
        "total_price_set": bag(total),
        "total_tip_received": "0.00",
        "total_discounts": "0.00",
        "total_tax": "0.00",
        "customer": None,
        "billing_address": None,
        "line_items": [item_of(1, 1, "25.00")],
        "shipping_lines": [],
        "refunds": [],
        **changes,
    }


def item_of(id_: int, quantity: int, price: str, *, discounts: Any = (), taxes: Any = (), **changes: Any) -> Object:
    """A line of a product; `discounts` and `taxes` are amounts."""
    return {
        "id": id_,
        "sku": "TEA",
        "title": "Green tea",
        "name": "Green tea - 100 g",
        "quantity": quantity,
        "price": price,
        "price_set": bag(price),
        "gift_card": False,
        "variant_id": 11,
        "product_id": 10,
        "total_discount": "0.00",
        "discount_allocations": [{"amount": each, "amount_set": bag(each)} for each in discounts],
        "tax_lines": [{"title": "Tax", "price": each, "price_set": bag(each)} for each in taxes],
        **changes,
    }


def shipping_of(id_: int, price: str, *, discounts: Any = (), taxes: Any = ()) -> Object:
    """A line of shipping."""
    return {
        "id": id_,
        "title": "Standard",
        "code": "standard",
        "price": price,
        "price_set": bag(price),
        "discount_allocations": [{"amount": each, "amount_set": bag(each)} for each in discounts],
        "tax_lines": [{"title": "Tax", "price": each, "price_set": bag(each)} for each in taxes],
    }


def refund_of(id_: int, created_at: str, paid: str | None, *lines: Object, **changes: Any) -> Object:
    """A refund of these lines, of which `paid` went back; None if nothing did."""
    transaction = {"id": id_ + 1, "kind": "refund", "status": "success", "amount": paid}
    return {
        "id": id_,
        "created_at": created_at,
        "refund_line_items": list(lines),
        "refund_shipping_lines": [],
        "order_adjustments": [],
        "transactions": [] if paid is None else [{**transaction, "amount_set": bag(paid)}],
        **changes,
    }


def returned(id_: int, item: Object, quantity: int, subtotal: str, tax: str = "0.00") -> Object:
    """A line of an order that goes back."""
    return {
        "id": id_,
        "quantity": quantity,
        "line_item_id": item["id"],
        "line_item": item,
        "subtotal": float(subtotal),
        "subtotal_set": bag(subtotal),
        "total_tax": float(tax),
        "total_tax_set": bag(tax),
    }


def adjustment_of(id_: int, amount: str, tax: str, kind: str) -> Object:
    """What a refund differs from the price of its lines."""
    return {
        "id": id_,
        "amount": amount,
        "amount_set": bag(amount),
        "tax_amount": tax,
        "tax_amount_set": bag(tax),
        "kind": kind,
        "reason": kind,
    }


def refunded_of(order: Object) -> Decimal:
    """What all refunds of an order paid back."""
    paid = [each["amount"] for refund in order["refunds"] for each in refund["transactions"]]
    return sum(map(Decimal, paid), Decimal(0))
