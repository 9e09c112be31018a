"""Definitions of the connector `rest`, and connectors built from them, for tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ingestion.connectors import registry
from ingestion.connectors.protocol import Connector, Runtime
from shared.config import load_settings

SETTINGS = {"WAREHOUSE_DSN": "postgresql:///", "S3_BUCKET_RAW": "raw", "S3_BUCKET_PROCESSED": "processed"}
BASE = """\
id: shop
name: Shop
connector: rest
time_zone: Europe/Berlin
connection:
  url: {env: SHOP_URL}
  auth: {kind: header, name: X-Key, value: {secret: SHOP_KEY}}
api:
  path: /sales
  parameters: {day: "{day}"}
  rows: rows
  pagination: {kind: none}
mapping:
  columns:
    transaction_id: id
    line_id: id
    sold_at: at
    changed_at: at
    store_id: {value: web}
    product_id: sku
    quantity: {column: qty, type: number}
    unit_price: {column: price, type: number}
    currency: {value: EUR}
"""
AUTH = "{kind: header, name: X-Key, value: {secret: SHOP_KEY}}"
PAGINATION = "pagination: {kind: none}"


def row(name: str, **changes: Any) -> dict[str, Any]:
    """A line of 2 × 12.50 EUR."""
    return {"id": name, "at": "2024-01-15T09:00:00Z", "sku": "TEA", "qty": 2, "price": 12.5, **changes}


@contextmanager
def connector_of(directory: Path, text: str, url: str, **settings: str) -> Iterator[Connector[Any]]:
    """The connector of a definition. The variables of `BASE` have values."""
    (directory / "shop.yaml").write_text(text, encoding="utf-8")
    environment = {**SETTINGS, "SOURCES_DIRECTORY": str(directory), "SHOP_URL": url, "SHOP_KEY": "hunter2", **settings}
    connector = registry.build("shop", load_settings(environment), Runtime(sleep=lambda _: None))
    try:
        yield connector
    finally:
        connector.close()
