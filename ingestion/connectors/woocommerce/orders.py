"""Orders and refunds of WooCommerce's REST API v3 as rows.

Amounts of lines never contain tax, also where the shop's prices do, so `tax_included` is always false. The tax of a
line is the sum of `taxes`, because `total_tax` is rounded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from html import unescape
from typing import Any

from ingestion.connectors.order_rows import Line, Row, Transaction, customer_row, exact, order_row, refund_difference

_SOLD = ("processing", "completed", "refunded")
_NOT_SOLD = ("pending", "on-hold", "failed", "cancelled", "checkout-draft", "auto-draft", "trash")


def row_of_order(order: Mapping[str, Any]) -> Row | None:
    """The row of an order; None if it has no lines and no money, as an order that is still being entered."""
    # A plugin that gives a discount on the order enters it as a negative fee.
    lines = [replace(line, item_type="discount") if _is_negative_fee(line) else line for line in _lines(order)]
    transaction = _transaction(order, str(order["id"]), exact("total", order["total"]))
    return order_row(transaction, lines, order) if lines or transaction.total else None


def row_of_refund(refund: Mapping[str, Any], order: Mapping[str, Any]) -> Row | None:
    """The row of a refund of `order`; None if nothing was paid back."""
    paid_back = -exact("amount", refund["amount"])
    lines = _lines(refund)
    lines += refund_difference(paid_back, lines, "Refund without lines")
    common = _transaction(order, str(refund["id"]), paid_back, refund)
    return order_row(common, lines, {"refund": refund, "order": order}) if lines else None


def _is_negative_fee(line: Line) -> bool:
    return line.item_type == "fee" and line.total < 0


def utc(given: Mapping[str, Any], name: str) -> str | None:
    """A time `…_gmt`, which WooCommerce writes without a zone."""
    value = given.get(name)
    return f"{value}Z" if isinstance(value, str) and value and not value.endswith("Z") else value


def _transaction(
    order: Mapping[str, Any], id_: str, total: Decimal, refund: Mapping[str, Any] | None = None
) -> Transaction:
    status = order["status"]
    return Transaction(
        id=id_,
        sold_at=utc(order if refund is None else refund, "date_created_gmt"),
        # A change of the order can make its refunds void, so they change with it.
        changed_at=max(utc(order, "date_modified_gmt") or "", utc(refund or order, "date_created_gmt") or "") or None,
        currency=order["currency"],
        is_refund=refund is not None,
        # Plugins add statuses of their own. Such an order is sold once it is paid.
        is_void=status in _NOT_SOLD or (status not in _SOLD and not order.get("date_paid_gmt")),
        total=total,
        original_id=None if refund is None else str(order["id"]),
        store_id=order.get("created_via") or "online",
        customer=_customer(order),
    )


def _customer(order: Mapping[str, Any]) -> Mapping[str, str | None] | None:
    if not order.get("customer_id"):
        return None
    billing = order.get("billing") or {}
    return customer_row(order["customer_id"], billing, billing, "country")


def _lines(given: Mapping[str, Any]) -> list[Line]:
    found = [_product(item) for item in _items(given, "line_items")]
    found += [_charge(item, "shipping") for item in _items(given, "shipping_lines")]
    return found + [_charge(item, "fee") for item in _items(given, "fee_lines")]


def _items(given: Mapping[str, Any], name: str) -> Sequence[Mapping[str, Any]]:
    items = given.get(name) or ()
    if not isinstance(items, list | tuple):
        raise TypeError(f"{name} is not a list")
    return items


def _product(item: Mapping[str, Any]) -> Line:
    what = f"line {item['id']}"
    quantity = exact(f"{what}: quantity", item["quantity"])
    before = exact(f"{what}: subtotal", item["subtotal"])
    net = exact(f"{what}: total", item["total"])
    if (net - before) * (before or net) > 0:  # a plugin raised the price
        before = net
    return Line(
        id=str(item["id"]),
        # A part of the price of a product that was paid back, without the product.
        item_type="product" if quantity else "discount",
        product_id=item.get("sku") or str(item.get("variation_id") or item.get("product_id") or "unknown"),
        name=_text(item.get("name")),
        quantity=quantity or Decimal(1).copy_sign(before),
        total=before,
        discount=before - net,
        tax=_tax(what, item),
    )


def _charge(item: Mapping[str, Any], item_type: str) -> Line:
    what = f"line {item['id']}"
    total = exact(f"{what}: total", item["total"])
    title = _text(item.get("method_title" if item_type == "shipping" else "name"))
    method = item.get("method_id") or "other"
    return Line(
        id=str(item["id"]),
        item_type=item_type,
        product_id=f"shipping:{method}" if item_type == "shipping" else item_type,
        name=title or item_type.capitalize(),
        quantity=Decimal(1).copy_sign(total),
        total=total,
        tax=_tax(what, item),
    )


def _tax(what: str, item: Mapping[str, Any]) -> Decimal | None:
    taxes = item.get("taxes")
    if not taxes:
        return exact(f"{what}: total_tax", item["total_tax"]) if item.get("total_tax") else None
    return sum((exact(f"{what}: tax", each["total"] or "0") for each in taxes), Decimal(0))


def _text(given: Any) -> Any:
    """A name without HTML entities, as in `Ship Your Idea &ndash; Color: Black`."""
    return unescape(given) if isinstance(given, str) else given
