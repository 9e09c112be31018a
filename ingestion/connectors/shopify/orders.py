"""Orders and refunds of Shopify as rows, from objects of the REST Admin API.

Amounts are those that the customer was charged (`presentment_money`): what Shopify converts is rounded, and a refund is
converted at another rate than its order. Old orders have no such amounts; theirs are in the shop's currency.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from ingestion.connectors.order_rows import (
    Line,
    Row,
    Transaction,
    customer_row,
    exact,
    order_row,
    refund_difference,
    rounded,
    spread,
)

Object = Mapping[str, Any]
_SOLD = ("paid", "partially_paid", "partially_refunded", "refunded")
_PAID_BACK = ("success", "pending")
_CHARGES = {"original_total_duties": "Duties", "original_total_additional_fees": "Additional fees"}


def row_of_order(order: Object) -> Row | None:
    """The row of an order; None if nothing is left of it."""
    lines = _lines(order)
    total = money(order, "total_price")
    total = _before_removals(order, lines, total)
    if tip := _tip(order, lines, total):
        lines.append(Line("tip", "tip", "tip", "Tip", Decimal(1), tip))
    common = _transaction(order, id=str(order["id"]), sold_at=sold_at(order), total=total)
    return order_row(common, lines, order) if lines or total else None


def row_of_refund(refund: Object, order: Object) -> Row | None:
    """The row of a refund that paid money back; None if it has no lines and no money."""
    is_included = bool(order["taxes_included"])
    lines = [_returned(item, order) for item in refund["refund_line_items"]]
    shipping = refund.get("refund_shipping_lines") or ()
    lines += [_adjustment(each, "subtotal_amount", "tax_amount", "shipping", -1) for each in shipping]
    for each in refund.get("order_adjustments") or ():
        is_shipping = each.get("kind") == "shipping_refund"
        if not (is_shipping and shipping):
            lines.append(_adjustment(each, "amount", "tax_amount", "shipping" if is_shipping else "other", 1))
    total = -paid_back(refund)
    lines += refund_difference(total, lines, "Difference of a refund", tax_included=is_included)
    common = _transaction(
        order,
        # Orders and refunds are numbered independently.
        id=f"R{refund['id']}",
        sold_at=refund["created_at"],
        total=total,
        is_refund=True,
        original_id=str(order["id"]),
    )
    return order_row(common, lines, {"refund": refund, "order_id": order["id"]}) if lines else None


def paid_back(refund: Object) -> Decimal:
    """How much money went back."""
    return sum((money(each, "amount") for each in _repayments(refund)), Decimal(0))


def is_of_money(refund: Object) -> bool:
    """Whether a refund paid back. Otherwise lines were only removed, when the order was edited or not yet paid."""
    return bool(_repayments(refund))


def sold_at(order: Object) -> Any:
    """When an order was placed. An imported order was created later."""
    return order.get("processed_at") or order["created_at"]


def time_of(text: Any) -> datetime:
    """A time as Shopify writes it. Raises ValueError or TypeError."""
    return datetime.fromisoformat(text)


def money(given: Object, name: str) -> Decimal:
    """An amount in the currency that the customer was charged in."""
    bag = given.get(f"{name}_set")
    amount = given[name] if bag is None else bag["presentment_money"]["amount"]
    return exact(name, amount)


def _repayments(refund: Object) -> list[Object]:
    transactions = refund.get("transactions") or ()
    return [each for each in transactions if each["kind"] == "refund" and each["status"] in _PAID_BACK]


def _transaction(order: Object, **own: Any) -> Transaction:
    has_presentment = order.get("total_price_set") is not None
    location = order.get("location") or {}
    return Transaction(
        changed_at=order["updated_at"],
        currency=order.get("presentment_currency") if has_presentment else order["currency"],
        is_void=bool(order.get("test") or order.get("cancelled_at")) or order["financial_status"] not in _SOLD,
        tax_included=bool(order["taxes_included"]),
        store_id=str(location.get("id") or order.get("location_id") or order.get("source_name") or "online"),
        store_name=location.get("name"),
        customer=_customer(order),
        **own,
    )


def _customer(order: Object) -> Mapping[str, str | None] | None:
    customer, address = order.get("customer"), order.get("billing_address") or {}
    if not customer:
        return None
    return customer_row(customer["id"], address, customer, "country_code")


def _lines(order: Object) -> list[Line]:
    removed = _removed_quantities(order)
    items = [each for each in order["line_items"] if each["quantity"] > removed.get(each["id"], 0)]
    found = [_item(each, removed.get(each["id"], 0)) for each in items]
    found = _with_shares(order, items, found)
    shipping = (each for each in order.get("shipping_lines") or () if not each.get("is_removed"))
    found += [_shipping(each, number) for number, each in enumerate(shipping, 1)]
    for name, title in _CHARGES.items():
        if order.get(f"{name}_set") and (amount := money(order, name)):
            found.append(Line(name, "fee", "fee", title, Decimal(1), amount))
    return found


def _item(item: Object, removed: int) -> Line:
    quantity = Decimal(item["quantity"] - removed)
    share = quantity / item["quantity"]
    allocations = item.get("discount_allocations")
    discount = (
        _sum(allocations, "amount") if allocations is not None else exact("discount", item.get("total_discount", 0))
    )
    tax = _sum(item["tax_lines"], "price") if item.get("tax_lines") is not None else None
    return Line(
        id=str(item["id"]),
        item_type=_item_type(item),
        product_id=_product(item),
        name=item.get("name") or item.get("title"),
        quantity=quantity,
        total=money(item, "price") * quantity,
        discount=rounded(discount * share),
        tax=None if tax is None else rounded(tax * share),
        category=item.get("product_type") or None,
    )


def _item_type(item: Object) -> str:
    if item.get("gift_card"):
        return "gift_card"
    return "tip" if item.get("tip") else "product"


def _product(item: Object) -> str:
    return str(item.get("sku") or item.get("variant_id") or item.get("product_id") or "custom")


def _with_shares(order: Object, items: Sequence[Object], lines: Sequence[Line]) -> list[Line]:
    """The lines with their shares of a discount and a tax that the shop reports for the order only, as it once did."""
    values = [line.total - line.discount for line in lines]
    found = list(lines)
    if not any(item.get("discount_allocations") is not None for item in items):
        left = money(order, "total_discounts") - sum((line.discount for line in lines), Decimal(0))
        shares = spread(max(left, Decimal(0)), values)
        found = [line.with_amounts(line.discount + share, line.tax) for line, share in zip(found, shares, strict=True)]
        values = [line.total - line.discount for line in found]
    if all(line.tax is None for line in found) and order.get("total_tax") is not None:
        shares = spread(money(order, "total_tax"), values)
        found = [line.with_amounts(line.discount, share) for line, share in zip(found, shares, strict=True)]
    return found


def _shipping(line: Object, number: int) -> Line:
    return Line(
        id=f"shipping-{line.get('id') or number}",
        item_type="shipping",
        product_id=f"shipping:{line.get('code') or 'other'}"[:64],
        name=line.get("title") or "Shipping",
        quantity=Decimal(1),
        total=money(line, "price"),
        discount=_sum(line.get("discount_allocations") or (), "amount"),
        tax=_sum(line.get("tax_lines") or (), "price"),
    )


def _sum(given: Iterable[Object], name: str) -> Decimal:
    return sum((money(each, name) for each in given), Decimal(0))


def _removed_quantities(order: Object) -> dict[Any, int]:
    """Line → how many units were removed from the order without paying back money."""
    found: dict[Any, int] = {}
    for refund in order.get("refunds") or ():
        if not is_of_money(refund):
            for each in refund["refund_line_items"]:
                found[each["line_item_id"]] = found.get(each["line_item_id"], 0) + each["quantity"]
    return found


def _before_removals(order: Object, lines: Sequence[Line], total: Decimal) -> Decimal:
    """The total of what is left: whether that of Shopify includes removed lines depends on how they were removed."""
    is_included = bool(order["taxes_included"])
    removed = [
        _returned(each, order).charged(tax_included=is_included)
        for refund in order.get("refunds") or ()
        if not is_of_money(refund)
        for each in refund["refund_line_items"]
    ]
    ours = sum((line.charged(tax_included=is_included) for line in lines), Decimal(0))
    return min(total, total + sum(removed, Decimal(0)), key=lambda each: abs(each - ours))


def _tip(order: Object, lines: Sequence[Line], total: Decimal) -> Decimal:
    """The tip, unless it is a line already. Only some versions of the API have it in the customer's currency."""
    if not order.get("total_tip_received_set") and not exact("tip", order.get("total_tip_received") or 0):
        return Decimal(0)
    is_included = bool(order["taxes_included"])
    missing = total - sum((line.charged(tax_included=is_included) for line in lines), Decimal(0))
    is_converted = not order.get("total_tip_received_set") and order.get("presentment_currency") != order["currency"]
    tip = missing if is_converted and order.get("presentment_currency") else money(order, "total_tip_received")
    return max(Decimal(0), min(tip, missing))


def _returned(item: Object, order: Object) -> Line:
    line, quantity = item["line_item"], Decimal(item["quantity"])
    share = quantity / line["quantity"]
    has_subtotal = item.get("subtotal_set") is not None or item.get("subtotal") is not None
    tax_lines = line.get("tax_lines") or ()
    subtotal = money(item, "subtotal") if has_subtotal else money(line, "price") * quantity
    tax = money(item, "total_tax") if has_subtotal else rounded(_sum(tax_lines, "price") * share)
    if not has_subtotal:
        subtotal -= rounded(exact("discount", line.get("total_discount") or 0) * share)
    return Line(
        id=str(item["id"]),
        item_type=_item_type(line),
        product_id=_product(line),
        name=line.get("name") or line.get("title"),
        quantity=-quantity,
        total=-subtotal,
        tax=-tax,
        category=line.get("product_type") or None,
    )


def _adjustment(given: Object, amount: str, tax: str, item_type: str, sign: int) -> Line:
    total = sign * money(given, amount)
    has_tax = given.get(tax) is not None or given.get(f"{tax}_set") is not None
    own_tax = sign * money(given, tax) if has_tax else Decimal(0)
    return Line(
        id=f"{item_type}-{given['id']}",
        item_type=item_type,
        product_id="shipping:refund" if item_type == "shipping" else "adjustment",
        name="Shipping" if item_type == "shipping" else "Difference of a refund",
        quantity=Decimal(1).copy_sign(total),
        total=total,
        tax=own_tax or None,
    )
