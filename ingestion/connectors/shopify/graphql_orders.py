"""Objects of Shopify's GraphQL API in the shape of its REST API, which `orders.py` reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from ingestion.connectors.order_rows import exact
from ingestion.models.reject_reasons import RejectReason
from shared.errors import RejectRecord

Object = Mapping[str, Any]


def order_of(node: Object, items: Sequence[Object], refunds: Mapping[str, Object]) -> dict[str, Any]:
    """An order with all of its `items`. `refunds`: those that were read completely, by id."""
    location, customer, address = node["retailLocation"], node["customer"], node["billingAddress"] or {}
    return {
        "id": number_of(node["id"]),
        "test": node["test"],
        "cancelled_at": node["cancelledAt"],
        "created_at": node["createdAt"],
        "processed_at": node["processedAt"],
        "updated_at": node["updatedAt"],
        "currency": node["currencyCode"],
        "presentment_currency": node["presentmentCurrencyCode"],
        "taxes_included": node["taxesIncluded"],
        "financial_status": (node["displayFinancialStatus"] or "").lower(),
        "source_name": node["sourceName"],
        "location": location and {"id": location["legacyResourceId"], "name": location["name"]},
        "customer": customer
        and {
            "id": customer["legacyResourceId"],
            "first_name": customer["firstName"],
            "last_name": customer["lastName"],
        },
        "billing_address": {"city": address.get("city"), "country_code": address.get("countryCodeV2")},
        "total_price_set": _bag(node["totalPriceSet"]),
        "total_tip_received_set": _bag(node["totalTipReceivedSet"]),
        "original_total_duties_set": _bag(node["originalTotalDutiesSet"]),
        "original_total_additional_fees_set": _bag(node["originalTotalAdditionalFeesSet"]),
        "line_items": [_item(each) for each in items],
        "shipping_lines": [_shipping(each) for each in _nodes(node, "shippingLines")]
        if "shippingLines" in node
        else [],
        "refunds": [
            refund_of(refunds[each["id"]]) if each["id"] in refunds else _listed(each) for each in node["refunds"]
        ],
    }


def refund_of(node: Object) -> dict[str, Any]:
    """A refund that was read completely."""
    return {
        "id": number_of(node["id"]),
        "created_at": node["createdAt"],
        "refund_line_items": [_returned(each) for each in _nodes(node, "refundLineItems")],
        "refund_shipping_lines": [
            {
                "id": number_of(each["id"]),
                "subtotal_amount_set": _bag(each["subtotalAmountSet"]),
                "tax_amount_set": _bag(each["taxAmountSet"]),
            }
            for each in _nodes(node, "refundShippingLines")
        ],
        "order_adjustments": [
            {
                "id": number_of(each["id"]),
                "kind": str(each["reason"]).lower(),
                "amount_set": _bag(each["amountSet"]),
                "tax_amount_set": _bag(each["taxAmountSet"]),
            }
            for each in _nodes(node, "orderAdjustments")
        ],
        "transactions": [
            {
                "kind": str(each["kind"]).lower(),
                "status": str(each["status"]).lower(),
                "amount_set": _bag(each["amountSet"]),
            }
            for each in _nodes(node, "transactions")
        ],
    }


def paid_nothing(refund: Object) -> bool:
    """Whether a listed refund may only have removed lines: it has to be read completely."""
    return exact("refund", refund["totalRefundedSet"]["presentmentMoney"]["amount"]) == Decimal(0)


def number_of(gid: str) -> int:
    """The number at the end of a global id: `gid://shopify/Order/1`."""
    return int(gid.rpartition("/")[2].partition("?")[0])


def _listed(refund: Object) -> dict[str, Any]:
    paid = {"kind": "refund", "status": "success", "amount_set": _bag(refund["totalRefundedSet"])}
    return {
        "id": number_of(refund["id"]),
        "created_at": refund["createdAt"],
        "refund_line_items": [],
        "transactions": [paid],
    }


def _item(node: Object) -> dict[str, Any]:
    variant, product = node["variant"] or {}, node["product"] or {}
    return {
        "id": number_of(node["id"]),
        "sku": node["sku"],
        "name": node["name"],
        "quantity": node["quantity"],
        "gift_card": node["isGiftCard"],
        "variant_id": variant.get("legacyResourceId"),
        "product_id": product.get("legacyResourceId"),
        "product_type": product.get("productType"),
        "price_set": _bag(node["originalUnitPriceSet"]),
        "discount_allocations": [
            {"amount_set": _bag(each["allocatedAmountSet"])} for each in node["discountAllocations"]
        ],
        "tax_lines": _taxes(node),
    }


def _shipping(node: Object) -> dict[str, Any]:
    return {
        "id": number_of(node["id"]),
        "title": node["title"],
        "code": node["code"],
        "price_set": _bag(node["originalPriceSet"]),
        "discount_allocations": [
            {"amount_set": _bag(each["allocatedAmountSet"])} for each in node["discountAllocations"]
        ],
        "tax_lines": _taxes(node),
    }


def _returned(node: Object) -> dict[str, Any]:
    item = _item(node["lineItem"])
    return {
        "id": number_of(node["id"]),
        "quantity": node["quantity"],
        "line_item_id": item["id"],
        "line_item": item,
        "subtotal_set": _bag(node["subtotalSet"]),
        "total_tax_set": _bag(node["totalTaxSet"]),
    }


def _taxes(node: Object) -> list[dict[str, Any]]:
    return [{"price_set": _bag(each["priceSet"])} for each in node["taxLines"]]


def _bag(node: Object | None) -> dict[str, Any] | None:
    return None if node is None else {"presentment_money": {"amount": node["presentmentMoney"]["amount"]}}


def _nodes(node: Object, name: str) -> Sequence[Object]:
    """All objects of a connection. Raises RejectRecord if it has more than the query requests."""
    connection = node[name]
    if connection.get("pageInfo", {}).get("hasNextPage"):
        raise RejectRecord(RejectReason.MALFORMED.value, f"it has more {name} than the connector reads")
    nodes: Sequence[Object] = connection["nodes"]
    return nodes
