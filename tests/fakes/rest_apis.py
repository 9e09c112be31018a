"""APIs that the connector `rest` reads: those of the three retailers, and one for each way that they do not have."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, ClassVar

from tests.fakes.connector_api import ConnectorApi
from tests.fakes.corner_shop.api import NOON
from tests.fakes.http_vendor import Reply
from tests.fakes.retailer_responses import Retailer1Api, Retailer2Api, Retailer3Api

DIRECTORY = Path(__file__).parent / "rest_sources"


@dataclass
class RestRetailer1Api(Retailer1Api):
    """A key in a header, and pages by offset."""

    definition = DIRECTORY / "rest_retailer_1.yaml"


@dataclass
class RestRetailer2Api(Retailer2Api):
    """OAuth2, and pages by cursor, of orders with their lines."""

    definition = DIRECTORY / "rest_retailer_2.yaml"


@dataclass
class RestRetailer3Api(Retailer3Api):
    """Signed requests, and links in a header."""

    definition = DIRECTORY / "rest_retailer_3.yaml"


@dataclass
class RestShopApi(ConnectorApi):
    """Numbered pages until an empty one. It has no control report, no list of changes and no total."""

    definition = DIRECTORY / "rest_shop.yaml"
    url_variable = "REST_SHOP_URL"
    credentials: ClassVar = {"REST_SHOP_TOKEN": "token"}
    listing_path = "/v2/sales"
    currency = "CHF"
    most_rows = 200
    sends_time = False
    shows_growth = False

    def time(self, time: datetime) -> int:
        return int(time.timestamp())

    def row(self, name: str, previous_date: date | None) -> Any:
        article = {"article": 4711, "name": "Green tea"}
        amounts = {"pieces": 2, "price": 12.5, "total": 25.0}
        return {"number": name, "position": 1, "paid_at": NOON, "customer": None, **article, **amounts}

    def rows_of(self, body: Any) -> Any:
        return body.get("data", {}).get("sales")

    def page_number(self, parameters: dict[str, str]) -> int:
        assert int(parameters["paid_until"]) - int(parameters["paid_from"]) in (82_800, 86_400, 90_000)
        return int(parameters["page"])

    def page(self, number: int, rows: list[Any], parameters: dict[str, str]) -> Reply:
        is_beyond = number > len(self.lines) and self.next_page is None
        return self.send({"data": {"sales": [] if is_beyond else rows}})
