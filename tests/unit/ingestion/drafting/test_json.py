"""Definitions of APIs are drafted from a response: where records and lines are, and the types of their values."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from ingestion.drafting.draft import Wanted
from ingestion.drafting.draft_json import draft_json
from ingestion.drafting.entries import Draft
from ingestion.drafting.fetch import fetch
from ingestion.drafting.read_json import is_json, read_records
from ingestion.drafting.render import render
from ingestion.mapping.json_rows import JsonReader
from ingestion.mapping.layouts import SourceMapping
from ingestion.mapping.map_json import map_json
from ingestion.mapping.workspace import workspace
from shared.errors import FixConfiguration
from tests.fakes.http_vendor import Reply, http_vendor

URL = "https://shop.example.com/v1/orders"
ORDERS = [
    {
        "order_number": f"A{number}",
        "created_at": f"2024-01-{10 + number}T10:00:00Z",
        "currency": "EUR",
        "customer": None if number == 2 else {"id": f"C{number}", "email": "ana@example.com"},
        "location": {"id": "S1", "city": "Bath"},
        "tags": ["a"],
        "line_items": [
            {"id": f"{number}-1", "sku": "CUP", "title": "Cup", "quantity": 2, "price": "3.00", "total": "6.00"},
            {"id": f"{number}-2", "sku": "JUG", "title": "Jug", "quantity": 3, "price": "2.50", "total": "7.50"},
        ],
    }
    for number in range(1, 5)
]
BODY: dict[str, Any] = {"meta": {"pages": [{"n": 1}]}, "data": {"orders": ORDERS}}


def drafted(body: Any, url: str = URL) -> Draft:
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    with workspace() as connection:
        return draft_json(connection, read_records(sent, "orders.json"), "orders.json", Wanted("shop", "UTC"), url)


def test_the_records_their_lines_and_their_types_are_found() -> None:
    found = drafted(BODY)
    assert {entry.key: entry.value for entry in found.columns} == {
        "transaction_id": "order_number",
        "store_id": "location.id",
        "store_city": "location.city",
        "product_id": "line_items.sku",
        "product_name": "line_items.title",
        "customer_id": "customer.id",
        "line_id": "line_items.id",
        "sold_at": "created_at",
        "quantity": {"column": "line_items.quantity", "type": "integer"},
        "unit_price": "line_items.price",
        "total_amount": "line_items.total",
        "currency": "currency",
    }
    assert found.rows == {"lines": "line_items", "may_be_null": ["customer"]}
    head = {entry.key: entry.value for entry in found.head}
    assert (head["connector"], head["enabled"]) == ("rest", False)
    assert head["connection"] == {"url": "https://shop.example.com"}
    assert (head["api"]["path"], head["api"]["rows"]) == ("/v1/orders", "data.orders")


def test_the_mapping_reads_the_records() -> None:
    found = drafted(BODY)
    own = {"name": "shop", "retailer_id": "shop", "time_zone": "UTC", "rows": "json"}
    mapping = SourceMapping.model_validate({**own, **found.mapping()})
    reader = JsonReader(mapping)
    with workspace() as connection:
        mapped = map_json(connection, mapping, reader.columns, {0: reader.read(ORDERS)})
        assert (mapped.landed, mapped.rejected) == (8, 0)
        rows = connection.execute("SELECT sum(net_amount), count(DISTINCT customer_id) FROM landed_records").fetchone()
    assert rows == (Decimal("54.0000"), 4)


def test_what_the_user_has_to_say_about_the_api_is_marked() -> None:
    text = render(drafted(BODY))
    assert "# CHECK: how does the API authenticate?" in text
    assert "# CHECK: which parameters choose a business date" in text
    assert "# CHECK: what is the address of the API?" in render(drafted(BODY, ""))


def test_money_as_a_json_number_with_decimals_is_marked() -> None:
    rows = [{"order": "A", "date": "2024-01-15", "sku": "S", "qty": 2, "price": 2.5, "currency": "EUR"}]
    price = next(entry for entry in drafted(rows).columns if entry.key == "unit_price")
    assert price.value == {"column": "price", "type": "number"}
    assert "it is sent as a JSON number with decimals" in " ".join(price.checks)


def test_a_record_on_each_line_is_read_as_well() -> None:
    lines = b"\n".join(json.dumps(order).encode() for order in ORDERS)
    assert {entry.key for entry in drafted(lines).columns} == {entry.key for entry in drafted(BODY).columns}


@pytest.mark.parametrize(
    ("body", "message"), [(b"{}", "has no array of records"), (b"[1, 2", "cannot be read as JSON")]
)
def test_a_body_without_records_is_an_error(body: bytes, message: str) -> None:
    with pytest.raises(FixConfiguration, match=message):
        drafted(body)


def test_a_csv_header_in_brackets_is_not_json() -> None:
    assert [is_json(body) for body in (b"[order],[date]", b'\xef\xbb\xbf [{"a": 1}]', b'{"a": 1}', b"a,b")] == [
        False,
        True,
        True,
        False,
    ]


def test_a_response_is_fetched_and_what_is_wrong_with_it_is_said() -> None:
    with http_vendor(lambda request: Reply(body=json.dumps(BODY).encode())) as vendor:
        assert json.loads(fetch(vendor.url)) == BODY
    with http_vendor(lambda request: Reply(status=401)) as vendor, pytest.raises(FixConfiguration, match="status 401"):
        fetch(vendor.url)
    with (
        http_vendor(lambda request: Reply(status=302, headers={"Location": "http://other.example"})) as vendor,
        pytest.raises(FixConfiguration, match="status 302"),
    ):
        fetch(vendor.url)
    with (
        http_vendor(lambda request: Reply(body=b"[" * 100, drip_seconds=0.05)) as vendor,
        pytest.raises(FixConfiguration),
    ):
        fetch(vendor.url, 0.3)
    with pytest.raises(FixConfiguration, match="has a user or a password in it"):
        fetch("https://ana:secret@shop.example.com/orders")
