"""The two APIs of Shopify in miniature, for `tests/contract`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

from tests.fakes.connector_api import ConnectorApi
from tests.fakes.http_vendor import Reply, Request, reply
from tests.fakes.shopify.graphql_language import parse
from tests.fakes.shopify.orders import order_of
from tests.fakes.shopify.schema import as_graphql
from tests.fakes.shopify.shop import VERSION

_BASE = f"/admin/api/{VERSION}"
_SOURCES = Path(__file__).parent / "sources"
_NUMBERS = {"A": 1, "B": 2, "C": 3, "D": 4}


@dataclass
class ShopifyApi(ConnectorApi):
    """Pages by cursor of its GraphQL API, of orders without refunds."""

    definition = _SOURCES / "berlin_shop.yaml"
    url_variable = "BERLIN_SHOP_URL"
    credentials: ClassVar = {"BERLIN_SHOP_TOKEN": "token"}
    listing_path = f"{_BASE}/graphql.json"
    names: ClassVar = {"A": "1", "B": "2", "C": "3"}
    currency = "USD"
    since_text = f"{_BASE}/graphql.json"
    sends_time = False

    def time(self, time: datetime) -> str:
        return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def row(self, name: str, previous_date: date | None) -> Any:
        return order_of(_NUMBERS[name], "2024-01-15T12:00:00+01:00")

    def __call__(self, request: Request) -> Reply:
        body = json.loads(request.body)
        variables = body["variables"]
        name, _ = parse(body["query"], variables)
        is_of_changes = "processed_at" not in variables["query"]
        if name == "Count":
            lines = sum(map(len, self.lines)) + (1 if self.grows else 0)
            return Reply(401) if self.reject_credentials else reply({"data": {"ordersCount": {"count": lines}}})
        if is_of_changes and "financial_status" in variables["query"]:
            connection = {"nodes": [], "pageInfo": {"hasNextPage": False, "endCursor": None}}
            return reply({"data": {"orders": connection}})
        number = int(variables["after"] or 1)
        if self.reject_credentials and number >= self.reject_from_page:
            self.reject_credentials -= 1
            return Reply(401)
        orders = [_moved(each, is_of_changes) for each in self._rows(self.lines[min(number, len(self.lines)) - 1])]
        following = self.following(number)
        nodes = [_with_connections(as_graphql(each)) for each in orders]
        info = {"hasNextPage": following is not None, "endCursor": str(following)}
        return self.send({"data": {"orders": {"nodes": nodes, "pageInfo": info}}})

    def rows_of(self, body: Any) -> Any:
        return body["data"]["orders"]["nodes"]


@dataclass
class ShopifyRestApi(ConnectorApi):
    """Pages of its REST API by `Link`, of orders without refunds."""

    definition = _SOURCES / "rest_shop.yaml"
    url_variable = "REST_SHOP_URL"
    credentials: ClassVar = {"REST_SHOP_TOKEN": "token"}
    listing_path = f"{_BASE}/orders.json"
    names: ClassVar = {"A": "1", "B": "2", "C": "3"}
    rows_key = "orders"
    currency = "USD"
    most_rows = 250
    since_text = "page_info=2-changes"
    sends_time = False

    def time(self, time: datetime) -> str:
        return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def row(self, name: str, previous_date: date | None) -> Any:
        return order_of(_NUMBERS[name], "2024-01-15T12:00:00+01:00")

    def page_number(self, parameters: dict[str, str]) -> int:
        return int(parameters.get("page_info", "1").partition("-")[0])

    def page(self, number: int, rows: list[Any], parameters: dict[str, str]) -> Reply:
        if "financial_status" in parameters:
            return reply({"orders": []})
        is_of_changes = "updated_at_min" in parameters or parameters.get("page_info", "").endswith("changes")
        kind = "changes" if is_of_changes else "orders"
        following = self.following(number)
        link = f'<https://shop.myshopify.com{self.listing_path}?limit=250&page_info={following}-{kind}>; rel="next"'
        headers = {} if following is None else {"Link": link}
        return self.send({"orders": [_moved(each, is_of_changes) for each in rows]}, headers)

    def __call__(self, request: Request) -> Reply:
        if urlsplit(request.path).path == f"{_BASE}/orders/count.json":
            assert "processed_at_min" in dict(parse_qsl(urlsplit(request.path).query))
            lines = sum(map(len, self.lines)) + (1 if self.grows else 0)
            return Reply(401) if self.reject_credentials else reply({"count": lines})
        return super().__call__(request)


def _moved(order: Any, is_of_changes: bool) -> Any:
    """The order; in the list of changes, which has orders of all dates, C is one of the day before."""
    if is_of_changes and order.get("id") == _NUMBERS["C"]:
        order["processed_at"] = "2024-01-14T12:00:00+01:00"
    return order


def _with_connections(node: Any) -> Any:
    """An order whose connections are as they are sent."""
    info = {"hasNextPage": False, "endCursor": None}
    connections = ("lineItems", "shippingLines")
    return {**node, **{name: {"nodes": node[name], "pageInfo": info} for name in connections}}
