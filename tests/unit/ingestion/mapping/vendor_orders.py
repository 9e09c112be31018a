"""Orders and refunds as three vendors document them, and mappings for them, with only the keys that count here."""

from __future__ import annotations

from typing import Any

from ingestion.mapping.layouts import SourceMapping

_SHOP = {"name": "shop", "retailer_id": "shop", "rows": "json", "time_zone": "America/New_York"}

WOOCOMMERCE = SourceMapping.model_validate(
    {
        **_SHOP,
        "lines": [
            "line_items",
            {
                "path": "shipping_lines",
                "item_type": "shipping",
                "columns": {
                    "product_id": {"column": "shipping_lines.method_id"},
                    "product_name": {"column": "shipping_lines.method_title"},
                    "quantity": {"value": "1"},
                    "unit_price": {"column": "shipping_lines.total"},
                    "total_amount": {"column": "shipping_lines.total"},
                },
            },
        ],
        "columns": {
            "transaction_id": {"column": "id", "type": "integer"},
            "line_id": {"column": "line_items.id", "type": "integer"},
            "line_type": "status",
            "sold_at": {"column": "date_created_gmt", "format": "%Y-%m-%dT%H:%M:%S"},
            "store_id": {"value": "online"},
            "product_id": {"column": "line_items.product_id", "type": "text"},
            "product_name": "line_items.name",
            "quantity": {"column": "line_items.quantity", "type": "integer"},
            "unit_price": "line_items.unit_price",
            "total_amount": "line_items.subtotal",
            "net_amount": "line_items.total",
            "tax_amount": "line_items.total_tax",
            "transaction_total_amount": "total",
            "currency": "currency",
        },
        "line_type": [
            {"is": "void", "where": {"line_type": {"one_of": ["pending", "cancelled", "failed"]}}},
            {"is": "sale", "where": {"line_type": {"one_of": ["processing", "completed"]}}},
            {"is": "adjustment", "where": {"line_type": {"one_of": ["refund"]}, "product_id": {"one_of": ["refund"]}}},
            {"is": "return", "where": {"line_type": {"one_of": ["refund"]}}},
        ],
    }
)
SHOPIFY = SourceMapping.model_validate(
    {
        **_SHOP,
        "lines": ["line_items"],
        "columns": {
            "transaction_id": {"column": "id", "type": "integer"},
            "original_transaction_id": {"column": "order_id", "type": "integer"},
            "line_id": {"column": "line_items.id", "type": "integer"},
            "line_type": "line_items.kind",
            "item_type": "line_items.item_type",
            "sold_at": {"column": "created_at", "format": "rfc3339"},
            "store_id": {"value": "online"},
            "product_id": "line_items.sku",
            "quantity": {"column": "line_items.quantity", "type": "integer"},
            "unit_price": "line_items.price",
            "tax_amount": "line_items.tax",
            "tax_included": {"column": "taxes_included", "type": "boolean"},
            "transaction_discount_amount": "total_discounts",
            "transaction_tax_amount": "total_tax",
            "transaction_total_amount": "total_price",
            "currency": "currency",
        },
        "line_type": [
            {"is": "return", "where": {"line_type": {"one_of": ["return"]}}, "negate": True},
            {"is": "adjustment", "where": {"line_type": {"one_of": ["adjustment"]}}},
            {"is": "sale"},
        ],
    }
)
STRIPE = SourceMapping.model_validate(
    {
        **_SHOP,
        "columns": {
            "transaction_id": "id",
            "original_transaction_id": "charge",
            "line_id": {"value": "1"},
            "line_type": "state",
            "sold_at": {"column": "created", "type": "integer", "format": "epoch"},
            "store_id": {"value": "online"},
            "product_id": {"value": "charge"},
            "quantity": {"value": "1"},
            "unit_price": {"column": "amount", "minor_units": 2},
            "currency": "currency",
        },
        "line_type": [
            {"is": "void", "where": {"line_type": {"one_of": ["uncaptured"]}}},
            {"is": "sale", "where": {"line_type": {"one_of": ["captured"]}}},
            {"is": "return", "where": {"line_type": {"one_of": ["refund"]}}, "negate": True},
        ],
    }
)


def woo_line(line_id: int, product: str, quantity: int, price: str, subtotal: str, **changes: Any) -> dict[str, Any]:
    """A line of WooCommerce, with the unit price that its connector divides out of the subtotal."""
    given = {
        "id": line_id, "product_id": product, "name": "A product", "quantity": quantity, "unit_price": price,
        "subtotal": subtotal, "total": subtotal, "total_tax": "0.00",
    }  # fmt: skip
    return given | changes


def woo_order(order_id: int, status: str, total: str, lines: list[Any], shipping: list[Any]) -> dict[str, Any]:
    """An order of WooCommerce."""
    return {
        "id": order_id, "status": status, "currency": "USD", "date_created_gmt": "2017-03-22T19:28:02", "total": total,
        "line_items": lines, "shipping_lines": shipping,
    }  # fmt: skip


FLAT_RATE = {"id": 317, "method_id": "flat_rate", "method_title": "Flat Rate", "total": "10.00", "total_tax": "0.00"}
WOO_727 = woo_order(
    727,
    "processing",
    "29.35",
    [
        woo_line(315, "93", 2, "3.00", "6.00", total_tax="0.45"),
        woo_line(316, "22", 1, "12.00", "12.00", total_tax="0.90"),
    ],
    [FLAT_RATE],
)
IPODS = ("IPOD2008GREEN", "IPOD2008RED", "IPOD2008BLACK")


def shopify_order(discounts: str, tax: str, total: str, **changes: Any) -> dict[str, Any]:
    """Order 450789469 with its three lines."""
    lines = [
        {
            "id": number, "kind": "sale", "item_type": "product", "sku": sku, "quantity": 1, "price": "199.00",
            "tax": "0.00",
        }
        for number, sku in enumerate(IPODS, 1)
    ]  # fmt: skip
    given = {
        "id": 450789469, "order_id": None, "created_at": "2008-01-10T11:00:00-05:00", "currency": "USD",
        "taxes_included": False, "total_discounts": discounts, "total_tax": tax, "total_price": total,
        "line_items": lines,
    }  # fmt: skip
    return given | changes
