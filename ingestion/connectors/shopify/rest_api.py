"""Orders from Shopify's REST Admin API: pages by `Link`, whose address has no other parameters."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

import requests

from ingestion.connectors import protocol
from ingestion.connectors.http.client import HttpClient
from ingestion.connectors.shopify.listings import PATH, Object, OrderPage, Wanted
from shared.errors import StopRun

_MOST = 250
_REFUNDED = ("refunded", "partially_refunded")
_ORDERS, _COUNT = f"{PATH}/orders.json", f"{PATH}/orders/count.json"


class RestApi:
    """See `OrderApi`."""

    def __init__(self, retailer_id: str, client: HttpClient) -> None:
        self._retailer_id, self._client = retailer_id, client

    def pages(self, wanted: Wanted) -> Iterator[OrderPage]:
        """See `OrderApi`."""
        for parameters in _parameters(wanted):
            following: dict[str, str] | None = {**parameters, "limit": str(_MOST)}
            while following is not None:
                response = self._client.get(_ORDERS, following)
                orders = protocol.required_field(self._retailer_id, response, "orders", list)
                yield OrderPage(orders, response, _MOST)
                page_info = _next_page(response.headers.get("Link", ""))
                if page_info is not None and page_info == following.get("page_info"):
                    raise StopRun(f"{self._retailer_id} sent a link to the same page as the next one.")
                following = None if page_info is None else {"limit": str(_MOST), "page_info": page_info}

    def count(self, wanted: Wanted) -> int:
        """See `OrderApi`."""
        found = (self._client.get(_COUNT, parameters) for parameters in _parameters(wanted))
        return sum(protocol.required_field(self._retailer_id, response, "count", int) for response in found)

    def complete(self, refund: Object) -> Object:
        """See `OrderApi`: the orders that are listed have their refunds completely."""
        return refund


def _parameters(wanted: Wanted) -> list[dict[str, str]]:
    """The parameters of the listings that together are what is wanted: a listing can have only one financial status."""
    found = {"status": "any"}
    if wanted.sold_from:
        found["processed_at_min"] = wanted.sold_from.isoformat()
    if wanted.sold_before:  # the limit is inclusive, and times have no fractions of a second
        found["processed_at_max"] = (wanted.sold_before - timedelta(seconds=1)).isoformat()
    if wanted.updated_from:
        found["updated_at_min"] = wanted.updated_from.isoformat()
    return [{**found, "financial_status": each} for each in _REFUNDED] if wanted.is_refunded else [found]


def _next_page(link: str) -> str | None:
    """The cursor of the next page. Only it is taken from the link: requests go to the configured host only."""
    for item in requests.utils.parse_header_links(link):
        if item.get("rel") == "next":
            return dict(parse_qsl(urlsplit(str(item["url"])).query)).get("page_info")
    return None
