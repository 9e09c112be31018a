"""The dimensions' surrogate keys of a load, read back into DuckDB, where the join to them is columnar."""

from __future__ import annotations

from collections.abc import Mapping

import duckdb

from shared.database import Cursor
from transformation.conform import ConformedBatch
from transformation.processors.copying import copy_out

_MEMBERS: dict[str, tuple[str, dict[str, str]]] = {
    "known_products": (
        "SELECT product_id, product_key FROM dim_product JOIN told_products USING (product_id)"
        " WHERE retailer_key = %(retailer_key)s",
        {"product_id": "VARCHAR", "product_key": "BIGINT"},
    ),
    "known_stores": (
        "SELECT store_id, store_key FROM dim_store JOIN told_stores USING (store_id)"
        " WHERE retailer_key = %(retailer_key)s",
        {"store_id": "VARCHAR", "store_key": "BIGINT"},
    ),
    "known_customers": (
        "SELECT customer_id, customer_key, starts_at, valid_to FROM known_customers",
        {"customer_id": "VARCHAR", "customer_key": "BIGINT", "starts_at": "TIMESTAMPTZ", "valid_to": "TIMESTAMPTZ"},
    ),
    "former_customers": (
        "SELECT customer_id, customer_key FROM former_versions",
        {"customer_id": "VARCHAR", "customer_key": "BIGINT"},
    ),
}


def fetch_members(cursor: Cursor, parameters: Mapping[str, object], batch: ConformedBatch) -> None:
    """Make the DuckDB tables known_products, known_stores, known_customers (per version) and former_customers.

    They hold what this transaction has made of the dimensions, which no other connection sees yet.
    """
    columnar: duckdb.DuckDBPyConnection = batch.cursor()
    for table, (query, columns) in _MEMBERS.items():
        bound = cursor.mogrify(query, parameters).decode()
        copy_out(cursor, bound, columnar, f"TABLE {table}", columns, batch.directory / f"{table}.csv")
