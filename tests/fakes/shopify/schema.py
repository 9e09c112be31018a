"""The part of Shopify's GraphQL schema that the tests' shop has, and its orders in this shape."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]
TYPES: dict[str, dict[str, str]] = {
    "QueryRoot": {
        "orders": "OrderConnection",
        "order": "Order",
        "refund": "Refund",
        "ordersCount": "Count",
    },
    "Count": {"count": "", "precision": ""},
    "PageInfo": {"hasNextPage": "", "endCursor": "", "hasPreviousPage": "", "startCursor": ""},
    "Order": {
        **dict.fromkeys(("id", "legacyResourceId", "name", "test", "cancelledAt", "createdAt", "processedAt"), ""),
        **dict.fromkeys(("updatedAt", "currencyCode", "presentmentCurrencyCode", "taxesIncluded", "sourceName"), ""),
        **dict.fromkeys(("totalPriceSet", "totalTipReceivedSet", "originalTotalDutiesSet"), "MoneyBag"),
        "originalTotalAdditionalFeesSet": "MoneyBag",
        "displayFinancialStatus": "",
        "retailLocation": "Location",
        "customer": "Customer",
        "billingAddress": "MailingAddress",
        "lineItems": "LineItemConnection",
        "shippingLines": "ShippingLineConnection",
        "refunds": "[Refund]",
    },
    "MoneyBag": {"presentmentMoney": "MoneyV2", "shopMoney": "MoneyV2"},
    "MoneyV2": {"amount": "", "currencyCode": ""},
    "Location": {"legacyResourceId": "", "name": ""},
    "Customer": {"legacyResourceId": "", "firstName": "", "lastName": ""},
    "MailingAddress": {"city": "", "countryCodeV2": ""},
    "LineItem": {
        **dict.fromkeys(("id", "sku", "name", "title", "quantity", "currentQuantity", "isGiftCard"), ""),
        "variant": "ProductVariant",
        "product": "Product",
        "originalUnitPriceSet": "MoneyBag",
        "discountAllocations": "[DiscountAllocation]",
        "taxLines": "[TaxLine]",
    },
    "ProductVariant": {"legacyResourceId": ""},
    "Product": {"legacyResourceId": "", "productType": ""},
    "DiscountAllocation": {"allocatedAmountSet": "MoneyBag"},
    "TaxLine": {"title": "", "priceSet": "MoneyBag"},
    "ShippingLine": {
        **dict.fromkeys(("id", "title", "code"), ""),
        "originalPriceSet": "MoneyBag",
        "discountAllocations": "[DiscountAllocation]",
        "taxLines": "[TaxLine]",
    },
    "Refund": {
        **dict.fromkeys(("id", "legacyResourceId", "createdAt", "updatedAt", "note"), ""),
        "totalRefundedSet": "MoneyBag",
        "refundLineItems": "RefundLineItemConnection",
        "refundShippingLines": "RefundShippingLineConnection",
        "orderAdjustments": "OrderAdjustmentConnection",
        "transactions": "OrderTransactionConnection",
    },
    "RefundLineItem": {
        **dict.fromkeys(("id", "quantity"), ""),
        **dict.fromkeys(("subtotalSet", "totalTaxSet", "priceSet"), "MoneyBag"),
        "lineItem": "LineItem",
    },
    "RefundShippingLine": {"id": "", "subtotalAmountSet": "MoneyBag", "taxAmountSet": "MoneyBag"},
    "OrderAdjustment": {"id": "", "reason": "", "amountSet": "MoneyBag", "taxAmountSet": "MoneyBag"},
    "OrderTransaction": {"id": "", "kind": "", "status": "", "amountSet": "MoneyBag"},
}
"""Type → field → its type: '' for a scalar, `[T]` for a list, `TConnection` for pages of T."""


def as_graphql(order: Object) -> Object:
    """An order of the REST API as the GraphQL API has it."""
    customer, address = order["customer"], order["billing_address"] or {}
    paid = [each["amount"] for refund in order["refunds"] for each in refund["transactions"]]
    return {
        "id": _gid("Order", order["id"]),
        "test": order["test"],
        "cancelledAt": order["cancelled_at"],
        "createdAt": order["created_at"],
        "processedAt": order["processed_at"],
        "updatedAt": order["updated_at"],
        "currencyCode": order["currency"],
        "presentmentCurrencyCode": order["presentment_currency"],
        "taxesIncluded": order["taxes_included"],
        "displayFinancialStatus": (order["financial_status"] or "").upper(),
        "sourceName": order["source_name"],
        "totalPriceSet": _bag(order["total_price_set"]),
        "totalTipReceivedSet": _bag(order.get("total_tip_received_set") or _plain_bag(order["total_tip_received"])),
        "originalTotalDutiesSet": _bag(order.get("original_total_duties_set")),
        "originalTotalAdditionalFeesSet": _bag(order.get("original_total_additional_fees_set")),
        "retailLocation": order["location_id"] and {"legacyResourceId": str(order["location_id"]), "name": "Store"},
        "customer": customer
        and {
            "legacyResourceId": str(customer["id"]),
            "firstName": customer["first_name"],
            "lastName": customer["last_name"],
        },
        "billingAddress": {"city": address.get("city"), "countryCodeV2": address.get("country_code")},
        "lineItems": [_item(each) for each in order["line_items"]],
        "shippingLines": [_shipping(each) for each in order["shipping_lines"]],
        "refunds": [_refund(each) for each in order["refunds"]],
        "paid": paid,
    }


def _refund(refund: Object) -> Object:
    paid = [each for each in refund["transactions"] if each["status"] == "success"]
    return {
        "id": _gid("Refund", refund["id"]),
        "createdAt": refund["created_at"],
        "totalRefundedSet": _bag(paid[0]["amount_set"]) if paid else _bag(_plain_bag("0.00")),
        "refundLineItems": [
            {
                "id": _gid("RefundLineItem", each["id"]),
                "quantity": each["quantity"],
                "subtotalSet": _bag(each["subtotal_set"]),
                "totalTaxSet": _bag(each["total_tax_set"]),
                "lineItem": _item(each["line_item"]),
            }
            for each in refund["refund_line_items"]
        ],
        "refundShippingLines": [
            {
                "id": _gid("RefundShippingLine", each["id"]),
                "subtotalAmountSet": _bag(each["subtotal_amount_set"]),
                "taxAmountSet": _bag(each["tax_amount_set"]),
            }
            for each in refund["refund_shipping_lines"]
        ],
        "orderAdjustments": [
            {
                "id": _gid("OrderAdjustment", each["id"]),
                "reason": each["kind"].upper(),
                "amountSet": _bag(each["amount_set"]),
                "taxAmountSet": _bag(each["tax_amount_set"]),
            }
            for each in refund["order_adjustments"]
        ],
        "transactions": [
            {
                "kind": each["kind"].upper(),
                "status": each["status"].upper(),
                "amountSet": _bag(each["amount_set"]),
            }
            for each in refund["transactions"]
        ],
    }


def _item(item: Object) -> Object:
    return {
        "id": _gid("LineItem", item["id"]),
        "sku": item["sku"],
        "name": item["name"],
        "quantity": item["quantity"],
        "isGiftCard": item["gift_card"],
        "variant": {"legacyResourceId": str(item["variant_id"])},
        "product": {"legacyResourceId": str(item["product_id"]), "productType": ""},
        "originalUnitPriceSet": _bag(item["price_set"]),
        "discountAllocations": _discounts(item),
        "taxLines": [{"priceSet": _bag(each["price_set"])} for each in item["tax_lines"]],
    }


def _shipping(line: Object) -> Object:
    return {
        "id": _gid("ShippingLine", line["id"]),
        "title": line["title"],
        "code": line["code"],
        "originalPriceSet": _bag(line["price_set"]),
        "discountAllocations": _discounts(line),
        "taxLines": [{"priceSet": _bag(each["price_set"])} for each in line["tax_lines"]],
    }


def _discounts(given: Object) -> list[Object]:
    return [{"allocatedAmountSet": _bag(each["amount_set"])} for each in given["discount_allocations"]]


def _plain_bag(amount: str) -> Object:
    money = {"amount": amount, "currency_code": "USD"}
    return {"shop_money": money, "presentment_money": money}


def _bag(given: Object | None) -> Object | None:
    if given is None:
        return None
    return {
        f"{side}Money": {
            "amount": given[f"{side}_money"]["amount"],
            "currencyCode": given[f"{side}_money"]["currency_code"],
        }
        for side in ("shop", "presentment")
    }


def _gid(kind: str, number: Any) -> str:
    return f"gid://shopify/{kind}/{number}"
