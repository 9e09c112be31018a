"""The API of WooCommerce in miniature, for `tests/contract`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any, ClassVar

from tests.fakes.connector_api import ConnectorApi
from tests.fakes.http_vendor import Reply
from tests.fakes.woocommerce.orders import order_of

_ROWS = 100
_ENDLESS = 10**12


@dataclass
class WooCommerceApi(ConnectorApi):
    """Numbered pages of orders; the number of orders and pages is in headers. Nothing was refunded."""

    definition = Path(__file__).parent / "sources" / "woo_shop.yaml"
    url_variable = "WOO_SHOP_URL"
    credentials: ClassVar = {"WOO_SHOP_KEY": "key", "WOO_SHOP_SECRET": "secret"}
    listing_path = "/wp-json/wc/v3/orders"
    currency = "USD"
    most_rows = _ROWS
    since_parameter = "modified_after"
    since_text = "modified_after=2024-01-12T10%3A29%3A59"
    sends_time = False

    def time(self, time: datetime) -> str:
        return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")

    def row(self, name: str, previous_date: date | None) -> Any:
        return order_of(name, "2024-01-15T17:00:00", previous_date=previous_date)

    def page_number(self, parameters: dict[str, str]) -> int:
        return int(parameters["page"]) if "page" in parameters else 1

    def page(self, number: int, rows: list[Any], parameters: dict[str, str]) -> Reply:
        if parameters.get("status") == "trash":
            return Reply(body=b"[]", headers={"X-WP-Total": "0", "X-WP-TotalPages": "0"})
        for row in rows:
            if (day := row.pop("previous_date")) and self.since_parameter in parameters:
                # The list of changes has orders of all dates; this one has the date of the order's creation.
                row["date_created_gmt"] = self.time(datetime.combine(day, time(17), UTC))
        total = sum(map(len, self.lines)) + (number if self.grows else 0)
        pages = _ENDLESS if self.next_page is not None else len(self.lines)
        headers = {"X-WP-Total": str(_ENDLESS if self.next_page else total), "X-WP-TotalPages": str(pages)}
        return self.send(rows, headers)

    def other(self, path: str) -> Reply:
        assert path == "/wp-json/wc/v3/refunds"
        return Reply(body=json.dumps([]).encode(), headers={"X-WP-Total": "0", "X-WP-TotalPages": "0"})
