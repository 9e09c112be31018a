"""A Shopify shop: the listings of orders of its REST and its GraphQL Admin API, as their documentation defines them.

It is strict: unknown parameters, fields and versions are errors, the address of a next page has no other parameters,
and a query costs what it could return.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.fakes.http_vendor import Reply, Request
from tests.fakes.shopify.graphql_language import Field, parse
from tests.fakes.shopify.schema import TYPES, as_graphql

TOKEN = "shpat_reads"
VERSION = "2026-07"
_BASE = f"/admin/api/{VERSION}"
_TIMES = ("processed_at_min", "processed_at_max", "updated_at_min", "updated_at_max")
_FILTERS = ("status", "financial_status", *_TIMES)
_STATUSES = ("any", "authorized", "pending", "paid", "partially_paid", "refunded", "partially_refunded", "voided")
_MOST_COST = 1_000
_TERM = re.compile(r"(\w+):(>=|<=|>|<)?'?([^'\s)]+)'?")
Object = dict[str, Any]


@dataclass
class ShopifyShop:
    """Serves its `orders`, which have the shape of the REST API. Time passes for its limit only when a client waits."""

    orders: list[Object] = field(default_factory=list)
    largest_page: int = 250
    """Smaller in tests that need several pages of few orders."""
    points: float = 1_000
    """What is left for queries of the GraphQL API."""
    restored: float = 100
    """Points that come back in a second, but at most so many that there are 1,000."""
    denied: Sequence[str] = ()
    """Fields that the app has no access to."""
    before_page: Callable[[], Reply | None] = lambda: None
    """Is called before each page; a reply is sent in place of it."""

    def __call__(self, request: Request) -> Reply:
        """Respond to a request."""
        address = urlsplit(request.path)
        if request.headers.get("X-Shopify-Access-Token") != TOKEN:
            return _json(401, {"errors": "[API] Invalid API key or access token"})
        given = dict(parse_qsl(address.query))
        if (request.method, address.path) == ("POST", f"{_BASE}/graphql.json"):
            return self.before_page() or self._graphql(request)
        if (request.method, address.path) == ("GET", f"{_BASE}/orders/count.json"):
            return _wrong(given, ()) or _json(200, {"count": len(self._found(given))})
        if (request.method, address.path) == ("GET", f"{_BASE}/orders.json"):
            return self.before_page() or self._rest(address.path, given)
        return _json(404, {"errors": "Not Found"})

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.points = min(1_000, self.points + seconds * self.restored)

    def _rest(self, path: str, given: Mapping[str, str]) -> Reply:
        page_info = given.get("page_info")
        if page_info is not None and not {*given} <= {"page_info", "limit", "fields"}:
            return _json(400, {"errors": {"page_info": "status cannot be passed when page_info is present."}})
        if (wrong := _wrong(given, ("limit", "page_info"))) is not None:
            return wrong
        start, filters = 0, dict(given)
        if page_info is not None:
            start, filters = json.loads(base64.urlsafe_b64decode(page_info))
        found = self._found(filters)
        size = min(int(given.get("limit", "50")), self.largest_page)
        headers = {"X-Shopify-Shop-Api-Call-Limit": "1/40", "X-Shopify-API-Version": VERSION}
        if start + size < len(found):
            cursor = base64.urlsafe_b64encode(json.dumps([start + size, filters]).encode()).decode()
            headers["Link"] = f'<https://shop.myshopify.com{path}?limit={size}&page_info={cursor}>; rel="next"'
        return _json(200, {"orders": found[start : start + size]}, headers)

    def _found(self, given: Mapping[str, str]) -> list[Object]:
        found = [
            order
            for order in self.orders
            if (given.get("financial_status", "any") in ("any", order["financial_status"]))
            and all(
                _compared(order[f"{name}_at"], operator, given[f"{name}_at_{end}"])
                for name in ("processed", "updated")
                for end, operator in (("min", ">="), ("max", "<="))
                if f"{name}_at_{end}" in given
            )
            and (given.get("status") == "any" or not order["cancelled_at"])
        ]
        return sorted(found, key=lambda order: _time(order["created_at"]), reverse=True)

    def _graphql(self, request: Request) -> Reply:
        if request.headers.get("Content-Type") != "application/json":
            return _json(400, {"errors": {"query": "Required parameter missing or invalid"}})
        body = json.loads(request.body)
        try:
            _, fields = parse(body["query"], body.get("variables") or {})
            cost = sum(_cost(each, "QueryRoot") for each in fields)
        except (ValueError, KeyError) as error:
            return _errors(str(error), "undefinedField")
        if cost > _MOST_COST:
            message = f"Query cost is {cost}, which exceeds the single query max cost limit ({_MOST_COST})."
            return _errors(message, "MAX_COST_EXCEEDED")
        if cost > self.points:
            return _errors("Throttled", "THROTTLED", self._cost_of(cost, None))
        if denied := [name for name in self.denied if f" {name} " in body["query"]]:
            return _errors(f"Access denied for {denied[0]} field.", "ACCESS_DENIED", self._cost_of(cost, cost))
        data = {each.name: self._root(each) for each in fields}
        used = max(1, len(json.dumps(data)) // 400)
        self.points -= used
        return _json(200, {"data": data, "extensions": {"cost": self._cost_of(cost, used)}})

    def _cost_of(self, requested: int, used: int | None) -> Object:
        status = {"maximumAvailable": 1000.0, "currentlyAvailable": int(self.points), "restoreRate": self.restored}
        return {"requestedQueryCost": requested, "actualQueryCost": used, "throttleStatus": status}

    def _root(self, selected: Field) -> Any:
        if selected.name == "ordersCount":
            return {"count": len(self._searched(selected.arguments["query"]))}
        if selected.name == "orders":
            found = self._searched(selected.arguments["query"])
            key = {"PROCESSED_AT": "processed_at", "UPDATED_AT": "updated_at"}[selected.arguments["sortKey"]]
            found.sort(key=lambda order: (_time(order[key]), order["id"]))
            return _connection(selected, _Nodes(found), "Order", self.largest_page)
        orders = [as_graphql(order) for order in self.orders]
        everything = orders if selected.name == "order" else [each for order in orders for each in order["refunds"]]
        found = [each for each in everything if each["id"] == selected.arguments["id"]]
        return _selected(found[0], selected, selected.name.capitalize(), self.largest_page) if found else None

    def _searched(self, query: str) -> list[Object]:
        either, _, _ = query.partition("(")
        statuses = re.findall(r"financial_status:(\w+)", query)
        terms = _TERM.findall(either)
        assert {name for name, _, _ in terms} <= {"processed_at", "updated_at"}, query
        return [
            order
            for order in self.orders
            if all(_compared(order[name], operator, value) for name, operator, value in terms)
            and (not statuses or order["financial_status"] in statuses)
        ]


class _Nodes(Sequence[Object]):
    """Orders as the GraphQL API has them. Only those of the page that is sent are converted."""

    def __init__(self, orders: Sequence[Object]) -> None:
        self._orders = orders

    def __len__(self) -> int:
        return len(self._orders)

    def __getitem__(self, wanted: Any) -> Any:
        return [as_graphql(order) for order in self._orders[wanted]]


def _cost(selected: Field, parent: str) -> int:
    """What a field could cost: an object 1, a list 1 for each, a connection its objects and 2."""
    kind = TYPES[parent].get(selected.name)
    if kind is None:
        raise ValueError(f"Field '{selected.name}' doesn't exist on type '{parent}'")
    if not kind:
        return 0
    own = kind.strip("[]").removesuffix("Connection")
    if not selected.selected:
        raise ValueError(f"Field must have selections (field '{selected.name}' returns {kind})")
    if kind.endswith("Connection"):
        nodes, info = selected.child("nodes"), selected.child("pageInfo")
        if "first" not in selected.arguments:
            raise ValueError("you must provide one of first or last")
        each = 1 + sum(_cost(child, own) for child in nodes.selected) if nodes else 0
        return 2 + int(selected.arguments["first"]) * each + (1 if info else 0)
    inner = 1 + sum(_cost(child, own) for child in selected.selected)
    return inner * int(selected.arguments.get("first", 1)) if kind.startswith("[") else inner


def _connection(selected: Field, found: Sequence[Object], kind: str, largest_page: int) -> Object:
    after = selected.arguments.get("after")
    start = 0 if after is None else int(base64.b64decode(after))
    size = min(int(selected.arguments["first"]), largest_page)
    nodes, end = selected.child("nodes"), start + size
    shown = found[start:end]
    cursor = base64.b64encode(str(start + len(shown)).encode()).decode() if shown else None
    info = {"hasNextPage": end < len(found), "endCursor": cursor}
    return {
        "nodes": [_selected(each, nodes, kind, largest_page) for each in shown] if nodes else [],
        "pageInfo": info,
    }


def _selected(given: Any, selected: Field, kind: str, largest_page: int) -> Any:
    if given is None:
        return None
    found: Object = {}
    for each in selected.selected:
        own, value = TYPES[kind][each.name], given[each.name]
        if not own:
            found[each.name] = value
        elif own.endswith("Connection"):
            found[each.name] = _connection(each, value, own.removesuffix("Connection"), largest_page)
        elif own.startswith("["):
            first = each.arguments.get("first", len(value))
            found[each.name] = [_selected(one, each, own.strip("[]"), largest_page) for one in value[:first]]
        else:
            found[each.name] = _selected(value, each, own, largest_page)
    return found


def _wrong(given: Mapping[str, str], more: Sequence[str]) -> Reply | None:
    """Shopify ignores unknown parameters; here they are an error, because a filter would not be applied."""
    for name, value in given.items():
        if name not in (*_FILTERS, *more):
            return _json(400, {"errors": {name: "is not a parameter"}})
        if name.endswith(("_min", "_max")) and not _is_time(value):
            return _json(400, {"errors": {name: "is not a valid time"}})
    if given.get("financial_status", "any") not in _STATUSES:
        return _json(400, {"errors": {"financial_status": "is invalid"}})
    if not 1 <= int(given.get("limit", "50")) <= 250:
        return _json(400, {"errors": {"limit": "must be between 1 and 250"}})
    return None


def _compared(text: str, operator: str, limit: str) -> bool:
    ours, theirs = _time(text), _time(limit)
    return {">=": ours >= theirs, "<=": ours <= theirs, ">": ours > theirs, "<": ours < theirs}[operator]


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _is_time(text: str) -> bool:
    try:
        return _time(text).tzinfo is not None
    except ValueError:
        return False


def _errors(message: str, code: str, cost: Object | None = None) -> Reply:
    body: Object = {"errors": [{"message": message, "extensions": {"code": code}}]}
    return _json(200, body if cost is None else {**body, "extensions": {"cost": cost}})


def _json(status: int, body: Any, headers: dict[str, str] | None = None) -> Reply:
    return Reply(status, json.dumps(body).encode(), headers or {}, "application/json; charset=utf-8")
