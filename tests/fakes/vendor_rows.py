"""One well-formed line of each retailer, as docs/RETAILERS.md shows it; tests change what they are about."""

from __future__ import annotations

import copy
from typing import Any

_ROW_1: dict[str, Any] = {
    "sale_id": "S240115-000001",
    "line_no": 1,
    "txn_type": "SALE",
    "sold_at": "2024-01-15T07:03:22-05:00",
    "last_modified": "2024-01-15T12:03:40Z",
    "store_code": "NY01",
    "store_name": "Fifth Avenue",
    "store_city": "New York",
    "store_state": "NY",
    "sku": "SKU-10042",
    "product_name": "Maple Desk Lamp",
    "department": "Home",
    "customer_no": "C000123",
    "customer_name": "Ana Reed",
    "customer_segment": "Loyalty",
    "customer_city": "Boston",
    "customer_state": "MA",
    "customer_country": "US",
    "customer_updated_at": "2023-09-02T14:20:00Z",
    "qty": 2,
    "unit_price": "12.50",
    "line_total": "25.00",
    "currency": "USD",
    "deleted": False,
    "previous_date": None,
}
_GUEST_1 = {name: None for name in _ROW_1 if name.startswith("customer_")}
_ORDER_2: dict[str, Any] = {
    "id": "ORD-240115-000001",
    "kind": "order",
    "placed_at": 1705329802,
    "modified_at": 1705329802,
    "currency": {"code": "GBP", "exponent": 2},
    "shop": {"id": "LDN1", "name": "Covent Garden", "city": "London"},
    "buyer": {
        "id": "B000123",
        "name": "Ana Reed",
        "tier": "gold",
        "city": "Leeds",
        "country": "GB",
        "since": 1693664400,
    },
    "lines": [],
    "deleted": False,
    "previous_placed_on": None,
}
_LINE_2: dict[str, Any] = {
    "id": "1",
    "product": {"code": "P10042", "title": "Maple Desk Lamp", "category": "Home"},
    "quantity": 2,
    "unit_amount": 1250,
    "amount": 2500,
    "deleted": False,
}
_ROW_3: dict[str, Any] = {
    "ticket": "T240115-000001",
    "linea": 1,
    "tipo": "V",
    "fecha_hora": "15/01/2024 09:03",
    "modificado": "15/01/2024 09:03",
    "tienda": {"codigo": "MAD1", "nombre": "Gran Vía", "ciudad": "Madrid"},
    "articulo": {"ref": "A-10042", "nombre": "Lámpara de arce", "familia": "Hogar"},
    "cliente": {
        "codigo": "K000123",
        "nombre": "Ana Ruiz",
        "segmento": "fidelizado",
        "ciudad": "Sevilla",
        "pais": "ES",
        "desde": "02/09/2023 16:20",
    },
    "cantidad": "2",
    "precio": "12,50",
    "importe": "25,00",
    "moneda": "EUR",
    "anulado": False,
    "fecha_anterior": None,
}


def row_1(**changes: object) -> Any:
    """A row of retailer 1."""
    return {**_ROW_1, **changes}


def guest_row_1(**changes: object) -> Any:
    """A row of retailer 1 without a customer."""
    return {**_ROW_1, **_GUEST_1, **changes}


def line_2(order: dict[str, object] | None = None, **changes: object) -> Any:
    """An order of retailer 2 with one line; `order` changes the order, `changes` the line."""
    sent = copy.deepcopy({**_ORDER_2, **(order or {})})
    sent["lines"] = [copy.deepcopy({**_LINE_2, **changes})]
    return sent


def row_3(**changes: object) -> Any:
    """A row of retailer 3."""
    return copy.deepcopy({**_ROW_3, **changes})
