"""Retailer 1's API: `python -m retailers.retailer1.api.app`. See docs/RETAILERS.md."""

from __future__ import annotations

import hmac
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime

from flask import Flask, Response, request

from retailers.rejections import Rejected, invalid
from retailers.retailer1.listing import Listing, Page
from retailers.retailer1.market import MARKET
from retailers.retailer1.sales_tables import PosSales
from retailers.serving import parameters
from retailers.serving.application import build_app, json_response
from retailers.serving.server import serve
from retailers.serving.settings import Settings
from retailers.serving.simulator import Simulator, start_simulator

PORT = 5001
SECRETS = ("API_KEY",)


class Retailer1:
    """The retailer's part of the application. See `retailers.serving.application.Vendor`."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._listing = Listing(simulator)
        self._key = simulator.settings.secrets["API_KEY"].encode()

    def authenticate(self) -> None:
        """Check the API key."""
        given = request.headers.get("X-API-Key")
        if given is None:
            raise Rejected(401, "missing_api_key", "send your key in the header X-API-Key")
        if not hmac.compare_digest(given.encode(), self._key):
            raise Rejected(401, "invalid_api_key", "this key is not known")

    def error_body(self, rejected: Rejected) -> Mapping[str, object]:
        """`{"error": {"code", "message"}}`."""
        return {"error": {"code": rejected.code, "message": rejected.message}}

    def add_endpoints(self, app: Flask) -> None:
        """Sales and the daily report."""
        app.add_url_rule("/v1/sales", "sales", self._sales)
        app.add_url_rule("/v1/reports/daily", "report", self._report)

    def _sales(self) -> Response:
        parameters.exactly_one("date", "updated_since")
        day = parameters.day("date")
        offset = parameters.integer("offset", 0, 0, 10**12)
        limit = parameters.integer("limit", 1000, 1, 5000)
        number = offset // limit + 1
        if day is None:
            since = _time_with_offset(parameters.text("updated_since") or "")
            return self._simulator.respond(
                number, lambda: _shown(self._listing.changed_since(since, offset, limit), offset, limit)
            )

        def build() -> tuple[Response, bool]:
            page = self._listing.sold_on(day, offset, limit)
            rows = self._simulator.board.repeated(page.rows)
            return _shown(page, offset, limit, rows), offset + limit >= page.total

        return self._simulator.listing(day, number, build)

    def _report(self) -> Response:
        day = parameters.required_day("date")
        return self._simulator.respond(1, lambda: json_response(self._listing.report(day)))


def _shown(page: Page, offset: int, limit: int, rows: Sequence[object] | None = None) -> Response:
    return json_response({
        "total": page.total, "offset": offset, "limit": limit, "as_of": page.as_of,
        "rows": page.rows if rows is None else rows,
    })  # fmt: skip


def _time_with_offset(text: str) -> datetime:
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        parsed = None
    if parsed is None or parsed.tzinfo is None:
        raise invalid(f"updated_since must be an ISO 8601 time with Z or an offset, not {text}")
    return parsed


def create_app(settings: Settings) -> Flask:
    """The application, with its database prepared."""
    simulator = start_simulator(MARKET, PosSales(), settings, lambda now: now)
    return build_app(simulator, Retailer1(simulator))


if __name__ == "__main__":
    sys.exit(serve(MARKET, PORT, SECRETS, create_app))
