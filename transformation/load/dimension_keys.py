"""The surrogate keys of a load's dimension rows, read back into DuckDB, where joining them is fast."""

from __future__ import annotations

from collections.abc import Mapping

import duckdb

from shared.database import Cursor
from transformation.conform import ConformedBatch
from transformation.load.copying import copy_out

_DIMENSION_KEYS: dict[str, tuple[str, dict[str, str]]] = {
    "product_keys": (
        "SELECT product_id, product_key FROM dim_product JOIN incoming_products USING (product_id)"
        " WHERE retailer_key = %(retailer_key)s",
        {"product_id": "VARCHAR", "product_key": "BIGINT"},
    ),
    "store_keys": (
        "SELECT store_id, store_key FROM dim_store JOIN incoming_stores USING (store_id)"
        " WHERE retailer_key = %(retailer_key)s",
        {"store_id": "VARCHAR", "store_key": "BIGINT"},
    ),
    "customer_keys": (
        "SELECT customer_id, customer_key, starts_at, valid_to FROM customer_keys",
        {"customer_id": "VARCHAR", "customer_key": "BIGINT", "starts_at": "TIMESTAMPTZ", "valid_to": "TIMESTAMPTZ"},
    ),
    "former_customers": (
        "SELECT customer_id, customer_key FROM previous_versions",
        {"customer_id": "VARCHAR", "customer_key": "BIGINT"},
    ),
}


def fetch_dimension_keys(cursor: Cursor, parameters: Mapping[str, object], batch: ConformedBatch) -> None:
    """Make the DuckDB tables product_keys, store_keys, customer_keys (per version) and former_customers.

    They hold the dimension rows of this transaction, which no other connection sees yet.
    """
    columnar: duckdb.DuckDBPyConnection = batch.cursor()
    for table, (query, columns) in _DIMENSION_KEYS.items():
        bound = cursor.mogrify(query, parameters).decode()
        copy_out(cursor, bound, columnar, f"TABLE {table}", columns, batch.directory / f"{table}.csv")
