"""A Stripe account: the lists of its API that the connector reads, as the API's reference defines them.

It is strict: an unknown parameter, an unknown version and an object that cannot be expanded are Stripe's own errors.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.fakes.http_vendor import Reply, Request

KEY = "rk_test_reads"
VERSION = "2025-03-31.basil"
_LISTS = {
    "charges": ("customer", "payment_intent", "transfer_group"),
    "refunds": ("charge", "payment_intent"),
    "balance_transactions": ("type", "currency", "payout", "source"),
    "events": ("type", "types", "delivery_success"),
}
_EXPANDABLE = ("balance_transaction", "payment_intent", "charge", "source", "customer")
_MOST_TYPES = 20
Object = dict[str, Any]


@dataclass
class StripeAccount:
    """Serves what is in it. Objects refer to each other by id, and are expanded where that is requested."""

    charges: list[Object] = field(default_factory=list)
    refunds: list[Object] = field(default_factory=list)
    balance_transactions: list[Object] = field(default_factory=list)
    events: list[Object] = field(default_factory=list)
    payment_intents: list[Object] = field(default_factory=list)
    largest_page: int = 100
    """Smaller in tests that need several pages of few objects."""
    permissions: Sequence[str] = tuple(_LISTS)
    """The lists that the restricted key may read."""
    before_page: Callable[[str], Reply | None] = lambda name: None
    """Is called before each page; a reply is sent in place of it."""

    def __call__(self, request: Request) -> Reply:
        """Respond to a request."""
        address = urlsplit(request.path)
        if request.headers.get("Authorization") != f"Bearer {KEY}":
            return _error(401, f"Invalid API Key provided: {KEY[:7]}*********")
        if (version := request.headers.get("Stripe-Version")) != VERSION:
            return _error(400, f"Invalid Stripe API version: {version}")
        name = address.path.removeprefix("/v1/")
        if request.method != "GET" or name not in _LISTS:
            return _error(404, f"Unrecognized request URL ({request.method}: {address.path}).")
        if name not in self.permissions:
            return _error(403, "The provided key 'rk_test_*********' does not have the required permissions.")
        if (reply := self.before_page(name)) is not None:
            return reply
        given = dict(parse_qsl(address.query))
        return _wrong(name, given) or self._page(name, address.path, given)

    def change_balance(self, source: Object, type_: str, created: int, amount: int, **changes: Any) -> str:
        """Add the balance transaction of a charge or refund, and return its id."""
        booked = {
            "id": f"txn_{len(self.balance_transactions) + 1}",
            "object": "balance_transaction",
            "amount": amount,
            "created": created,
            "currency": source["currency"],
            "exchange_rate": None,
            "fee": 0,
            "net": amount,
            "source": source["id"],
            "type": type_,
            **changes,
        }
        self.balance_transactions.append(booked)
        return str(booked["id"])

    def _page(self, name: str, path: str, given: Mapping[str, str]) -> Reply:
        found = [each for each in getattr(self, name) if _is_wanted(each, given)]
        found.sort(key=lambda each: (each["created"], each["id"]), reverse=True)
        if after := given.get("starting_after"):
            ids = [each["id"] for each in found]
            if after not in ids:
                return _error(400, f"No such {name[:-1]}: '{after}'", code="resource_missing", param="starting_after")
            found = found[ids.index(after) + 1 :]
        size = min(int(given.get("limit", "10")), self.largest_page)
        paths = [value.split(".")[1:] for key, value in given.items() if key.startswith("expand[")]
        data = [self._expanded(each, paths) for each in found[:size]]
        return _json(200, {"object": "list", "url": path, "has_more": len(found) > size, "data": data})

    def _expanded(self, given: Object, paths: Sequence[Sequence[str]]) -> Object:
        found = dict(given)
        for first in dict.fromkeys(path[0] for path in paths):
            deeper = [path[1:] for path in paths if path[0] == first and len(path) > 1]
            if isinstance(found.get(first), str):
                found[first] = self._expanded(self._by_id(found[first]), deeper)
        return found

    def _by_id(self, id_: str) -> Object:
        everything = (*self.charges, *self.refunds, *self.balance_transactions, *self.payment_intents)
        return next(each for each in everything if each["id"] == id_)


def _is_wanted(each: Object, given: Mapping[str, str]) -> bool:
    types = [value for key, value in given.items() if key.startswith("types[")]
    return (
        int(given.get("created[gte]", "0")) <= each["created"] < int(given.get("created[lt]", "99999999999"))
        and given.get("type", each.get("type")) == each.get("type")
        and (not types or each["type"] in types)
    )


def _wrong(name: str, given: Mapping[str, str]) -> Reply | None:
    allowed = ("limit", "starting_after", "ending_before", "created", "expand", *_LISTS[name])
    for key, value in given.items():
        plain = key.partition("[")[0]
        if plain not in allowed:
            return _error(400, f"Received unknown parameter: {plain}", code="parameter_unknown", param=plain)
        if plain == "created" and not (re.fullmatch(r"created\[(gte|gt|lte|lt)\]", key) and value.isdigit()):
            return _error(400, f"Invalid integer: {value}", code="parameter_invalid_integer", param=key)
        if plain == "expand" and (len(parts := value.split(".")) > 4 or not {*parts[1:]} <= {*_EXPANDABLE}):
            return _error(400, f"This property cannot be expanded ({value}).")
    if not (given.get("limit", "10").isdigit() and 1 <= int(given.get("limit", "10")) <= 100):
        return _error(400, "This value must be less than or equal to 100.", code="parameter_invalid_integer")
    if sum(key.startswith("types[") for key in given) > _MOST_TYPES:
        return _error(400, f"You cannot pass more than {_MOST_TYPES} event types.", param="types")
    return None


def rate_limited() -> Reply:
    """Stripe sends no Retry-After with it."""
    return _error(429, "Too many requests hit the API too quickly.", code="rate_limit")


def _error(status: int, message: str, **more: Any) -> Reply:
    return _json(status, {"error": {"type": "invalid_request_error", "message": message, **more}})


def _json(status: int, body: Any) -> Reply:
    return Reply(status, json.dumps(body).encode(), {"Request-Id": "req_1", "Stripe-Version": VERSION})
