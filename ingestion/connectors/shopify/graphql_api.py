"""Orders from Shopify's GraphQL Admin API, within its limit on the cost of queries.

A query costs what it could return at most, and must fit into what is left of the shop's points; what it did not use is
given back. Therefore the number of orders of a page follows from what Shopify says a page costs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from ingestion.connectors import protocol
from ingestion.connectors.http.client import HttpClient, JsonResponse
from ingestion.connectors.http.throttle import RateLimited
from ingestion.connectors.order_rows import read_order
from ingestion.connectors.shopify.graphql_orders import order_of, paid_nothing, refund_of
from ingestion.connectors.shopify.listings import PATH, Object, OrderPage, Wanted
from ingestion.connectors.shopify.queries import QUERIES
from ingestion.models.reject_reasons import RejectReason
from shared.errors import FixConfiguration, RejectRecord, StopRun, shortened

_ENDPOINT = f"{PATH}/graphql.json"
_MOST_ORDERS, _FIRST_PAGE = 100, 3
_LISTED_REFUNDS, _MOST_REFUNDS = 20, 250
"""As many as the queries request of an order. A list does not say whether it has more."""
_MOST_COST = 900
"""Shopify accepts no query above 1,000 points."""
_SHOWN_CHARACTERS = 200


class _TooExpensive(StopRun):
    """Shopify does not run a query of this size at all."""


class GraphQlApi:
    """See `OrderApi`."""

    def __init__(self, retailer_id: str, client: HttpClient, sleep: Callable[[float], None]) -> None:
        self._retailer_id, self._client, self._sleep = retailer_id, client, sleep
        self._available = self._restored = float("inf")
        self._cost: dict[str, float] = {}

    def pages(self, wanted: Wanted) -> Iterator[OrderPage]:
        """See `OrderApi`."""
        document = "orders" if wanted.with_lines else "headers"
        sort_key = "PROCESSED_AT" if wanted.sold_from else "UPDATED_AT"
        variables: dict[str, Any] = {"query": search_of(wanted), "sortKey": sort_key, "after": None}
        first = _FIRST_PAGE
        while True:
            try:
                response = self._query(document, {**variables, "first": first})
            except _TooExpensive:
                if first == 1:
                    raise
                first = max(1, first // 2)
                continue
            connection = self._object(response, "orders")
            yield OrderPage([self._order(node, wanted) for node in connection["nodes"]], response, first)
            if not connection["pageInfo"]["hasNextPage"]:
                return
            cursor = connection["pageInfo"]["endCursor"]
            if cursor is None or cursor == variables["after"]:
                raise StopRun(f"{self._retailer_id} sent the same cursor again as that of the next page.")
            variables["after"] = cursor
            first = max(1, min(_MOST_ORDERS, int(first * _MOST_COST / self._cost.get(document, _MOST_COST))))

    def count(self, wanted: Wanted) -> int:
        """See `OrderApi`."""
        response = self._query("count", {"query": search_of(wanted)})
        count = self._object(response, "ordersCount")["count"]
        if not isinstance(count, int):
            raise StopRun(f"{self._retailer_id} sent no number of orders.")
        return count

    def complete(self, refund: Object) -> Object:
        """See `OrderApi`."""
        return refund_of(self._refund(f"gid://shopify/Refund/{refund['id']}"))

    def _order(self, node: Any, wanted: Wanted) -> Any:
        """An order in the shape of the REST API; as it was sent if it cannot be read."""

        def read(sent: Any) -> Any:
            refunds = self._refunds(sent)
            if not wanted.with_lines:
                return order_of({**sent, "refunds": refunds}, [], {})
            items = self._further("items", sent, "lineItems")
            shipping = {"nodes": self._further("shipping", sent, "shippingLines")}
            unpaid = {each["id"]: self._refund(each["id"]) for each in refunds if paid_nothing(each)}
            return order_of({**sent, "refunds": refunds, "shippingLines": shipping}, items, unpaid)

        return read_order(node, read)

    def _refunds(self, node: Object) -> list[Object]:
        found: list[Object] = node["refunds"]
        if len(found) >= _LISTED_REFUNDS:
            found = self._object(self._query("refunds", {"id": node["id"]}), "order")["refunds"]
        if len(found) >= _MOST_REFUNDS:
            raise RejectRecord(RejectReason.MALFORMED.value, f"it has {_MOST_REFUNDS} refunds or more")
        return found

    def _further(self, document: str, node: Object, name: str) -> list[Object]:
        """All lines of an order, of which the listing has the first ones."""
        connection = node[name]
        found = list(connection["nodes"])
        while connection["pageInfo"]["hasNextPage"]:
            after = connection["pageInfo"]["endCursor"]
            response = self._query(document, {"id": node["id"], "after": after})
            connection = self._object(response, "order")[name]
            found += connection["nodes"]
            if connection["pageInfo"]["hasNextPage"] and connection["pageInfo"]["endCursor"] == after:
                raise StopRun(f"{self._retailer_id} sent the same lines of an order again as the next ones.")
        return found

    def _refund(self, id_: str) -> Object:
        found: dict[str, Any] = {}
        after = None
        while True:
            read = self._object(self._query("refund", {"id": id_, "after": after}), "refund")
            lines = [*found["refundLineItems"]["nodes"], *read["refundLineItems"]["nodes"]] if found else None
            info = read["refundLineItems"]["pageInfo"]
            found = {**read, "refundLineItems": {"nodes": lines or read["refundLineItems"]["nodes"]}}
            if not info["hasNextPage"]:
                return found
            if info["endCursor"] == after:
                raise StopRun(f"{self._retailer_id} sent the same lines of a refund again as the next ones.")
            after = info["endCursor"]

    def _query(self, document: str, variables: Mapping[str, Any]) -> JsonResponse:
        """Run a query once enough points are left for it. Raises what is wrong with the response."""
        missing = self._cost.get(document, 0) - self._available
        if missing > 0:
            self._sleep(missing / self._restored)
        body = {"query": QUERIES[document], "variables": variables}
        response = self._client.post_json(_ENDPOINT, body, self._check)
        cost = _cost_of(response)
        self._cost[document] = max(1.0, _number(cost, "requestedQueryCost", _MOST_COST))
        self._available = _number(_status_of(cost), "currentlyAvailable", float("inf"))
        self._restored = max(1.0, _number(_status_of(cost), "restoreRate", 1))
        return response

    def _check(self, response: JsonResponse) -> None:
        """Raise what an error in a response means: Shopify sends most with status 200."""
        errors = response.value.get("errors") if isinstance(response.value, dict) else None
        if not errors:
            return
        first = errors[0] if isinstance(errors, list) and isinstance(errors[0], dict) else {"message": errors}
        code = (first.get("extensions") or {}).get("code")
        message = shortened(str(first.get("message")), _SHOWN_CHARACTERS)
        if code == "THROTTLED":
            raise RateLimited(f"{self._retailer_id} limits its queries. Run again later.", retry_after=_wait(response))
        if code == "MAX_COST_EXCEEDED":
            raise _TooExpensive(f"{self._retailer_id} rejected a query because it costs too much: {message}.")
        if code == "ACCESS_DENIED":
            raise FixConfiguration(
                f"{self._retailer_id} does not give its app access: {message}. Add the access scopes that"
                " docs/connectors/shopify.md names."
            )
        raise StopRun(f"{self._retailer_id} rejected a query: {message}. See docs/connectors/shopify.md.")

    def _object(self, response: JsonResponse, name: str) -> Any:
        data = protocol.required_field(self._retailer_id, response, "data", dict)
        found = data.get(name)
        needed = {"orders": ("nodes", "pageInfo"), "ordersCount": ("count",)}.get(name, ())
        if not isinstance(found, dict) or any(key not in found for key in needed):
            raise StopRun(
                f"{self._retailer_id} sent a response without {name!r}: the API is not what its connector expects."
            )
        if name == "orders" and not (isinstance(found["nodes"], list) and isinstance(found["pageInfo"], dict)):
            raise StopRun(f"{self._retailer_id} sent orders that are not a list: the API is not what was expected.")
        return found


def search_of(wanted: Wanted) -> str:
    """The search for the wanted orders."""
    terms = []
    if wanted.sold_from:
        terms.append(f"processed_at:>='{_text(wanted.sold_from)}'")
    if wanted.sold_before:
        terms.append(f"processed_at:<'{_text(wanted.sold_before)}'")
    if wanted.updated_from:
        terms.append(f"updated_at:>='{_text(wanted.updated_from)}'")
    if wanted.is_refunded:
        terms.append("(financial_status:refunded OR financial_status:partially_refunded)")
    return " AND ".join(terms)


def _cost_of(response: JsonResponse) -> Mapping[str, Any]:
    extensions = response.value.get("extensions") if isinstance(response.value, dict) else None
    cost = extensions.get("cost") if isinstance(extensions, dict) else None
    return cost if isinstance(cost, dict) else {}


def _wait(response: JsonResponse) -> float:
    """How long until a rejected query fits."""
    cost = _cost_of(response)
    status = _status_of(cost)
    missing = _number(cost, "requestedQueryCost", 0) - _number(status, "currentlyAvailable", 0)
    return max(1.0, missing / max(1.0, _number(status, "restoreRate", 1)))


def _status_of(cost: Mapping[str, Any]) -> Mapping[str, Any]:
    status = cost.get("throttleStatus")
    return status if isinstance(status, dict) else {}


def _number(given: Mapping[str, Any], name: str, otherwise: float) -> float:
    value = given.get(name)
    return float(value) if isinstance(value, int | float) else otherwise


def _text(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
