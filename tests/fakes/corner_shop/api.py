"""The API of the corner shop in miniature."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, ClassVar

from tests.fakes.connector_api import ConnectorApi
from tests.fakes.http_vendor import Reply

NOON = int(datetime(2024, 1, 15, 12, tzinfo=UTC).timestamp())


@dataclass
class CornerShopApi(ConnectorApi):
    """Numbered pages of orders with their lines. It has no control report, no list of changes and no total."""

    definition = Path(__file__).parent / "sources" / "corner_shop.yaml"
    url_variable = "CORNER_SHOP_URL"
    credentials: ClassVar = {"CORNER_SHOP_TOKEN": "token"}
    listing_path = "/orders"
    rows_key = "orders"
    currency = "CHF"
    most_rows = 200
    sends_time = False
    shows_growth = False

    def time(self, time: datetime) -> int:
        return int(time.timestamp())

    def row(self, name: str, previous_date: date | None) -> Any:
        article = {"code": "TEA", "name": "Green tea"}
        item = {"position": 1, "article": article, "pieces": 2, "price": 1250, "total": 2500}
        return {"number": name, "paid_at": NOON, "customer": None, "items": [item]}

    def page_number(self, parameters: dict[str, str]) -> int:
        return int(parameters["page"])

    def page(self, number: int, rows: list[Any], parameters: dict[str, str]) -> Reply:
        return self.send({"orders": rows, "more": self.following(number) is not None})
