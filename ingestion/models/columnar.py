"""The contract in columns: `SalesRecord`'s fields as DuckDB types, for whatever reads or writes many records at once.

Grain and natural key are those of `SalesRecord`. A test holds names, order, precision and nullability equal to it.
"""

from __future__ import annotations

COLUMNS: dict[str, str] = {
    "retailer_id": "VARCHAR",
    "transaction_id": "VARCHAR",
    "line_id": "VARCHAR",
    "line_type": "VARCHAR",
    "business_date": "DATE",
    "sold_at": "TIMESTAMPTZ",
    "changed_at": "TIMESTAMPTZ",
    "store_id": "VARCHAR",
    "store_name": "VARCHAR",
    "store_city": "VARCHAR",
    "store_country": "VARCHAR",
    "product_id": "VARCHAR",
    "product_name": "VARCHAR",
    "product_category": "VARCHAR",
    "customer_id": "VARCHAR",
    "customer_name": "VARCHAR",
    "customer_segment": "VARCHAR",
    "customer_city": "VARCHAR",
    "customer_country": "VARCHAR",
    "customer_since": "TIMESTAMPTZ",
    "quantity": "DECIMAL(12,3)",
    "unit_price": "DECIMAL(14,4)",
    "total_amount": "DECIMAL(18,4)",
    "net_quantity": "DECIMAL(12,3)",
    "net_amount": "DECIMAL(18,4)",
    "currency": "VARCHAR",
}
"""Column of `landed_records` and of the raw zone's lines → DuckDB type, in the order of the contract."""
