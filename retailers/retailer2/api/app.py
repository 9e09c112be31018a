"""Retailer 2's API: `python -m retailers.retailer2.api.app`. See docs/RETAILERS.md."""

from __future__ import annotations

import hmac
import sys
from collections.abc import Mapping

from flask import Flask, Response, request

from retailers.rejections import Rejected
from retailers.retailer2 import cursors
from retailers.retailer2.listing import Listing, Page
from retailers.retailer2.market import MARKET
from retailers.retailer2.sales_tables import OrderTables
from retailers.retailer2.tokens import Tokens, bearer
from retailers.serving import parameters
from retailers.serving.application import build_app, json_response
from retailers.serving.server import serve
from retailers.serving.settings import Settings
from retailers.serving.simulator import Simulator, start_simulator

PORT = 5002
SECRETS = ("CLIENT_ID", "CLIENT_SECRET")


class Retailer2:
    """The retailer's part of the application. See `retailers.serving.application.Vendor`."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._listing = Listing(simulator)
        secrets = simulator.settings.secrets
        self._client = (secrets["CLIENT_ID"].encode(), secrets["CLIENT_SECRET"].encode())
        self._tokens = Tokens(secrets["CLIENT_SECRET"], simulator.settings.token_seconds)

    def authenticate(self) -> None:
        """Check the access token."""
        self._tokens.check(bearer(request.headers.get("Authorization")))

    def error_body(self, rejected: Rejected) -> Mapping[str, object]:
        """`{"error", "error_description"}`, as OAuth 2 has it."""
        code = "invalid_request" if rejected.code == "invalid_parameter" else rejected.code
        return {"error": code, "error_description": rejected.message}

    def add_endpoints(self, app: Flask) -> None:
        """Token, orders and the daily report."""
        app.add_url_rule("/oauth/token", "token", self._token, methods=["POST"])
        app.add_url_rule("/orders", "orders", self._orders)
        app.add_url_rule("/reports/daily", "report", self._report)

    def _token(self) -> Response:
        if request.form.get("grant_type") != "client_credentials":
            raise Rejected(400, "unsupported_grant_type", "grant_type must be client_credentials, sent as a form")
        basic = request.authorization if request.authorization and request.authorization.type == "basic" else None
        given = (
            (basic.username if basic else request.form.get("client_id")) or "",
            (basic.password if basic else request.form.get("client_secret")) or "",
        )
        matches = [hmac.compare_digest(a.encode(), b) for a, b in zip(given, self._client, strict=True)]
        if not all(matches):
            raise Rejected(401, "invalid_client", "this client id or secret is wrong", {"WWW-Authenticate": "Basic"})
        response = json_response({
            "access_token": self._tokens.issue(), "token_type": "Bearer", "expires_in": self._tokens.lifetime,
        })  # fmt: skip
        response.headers["Cache-Control"] = "no-store"
        return response

    def _orders(self) -> Response:
        parameters.exactly_one("placed_on", "modified_since")
        day = parameters.day("placed_on")
        size = parameters.integer("page_size", 250, 1, 2000)
        if day is None:
            since = parameters.integer("modified_since", 0, 0, 10**11)
            position = cursors.decode(parameters.text("cursor"), f"modified_since {since}")
            return self._then_expire(position.page, self._simulator.respond(
                position.page, lambda: self._shown(self._listing.modified_since(since, position, size))
            ))  # fmt: skip
        position = cursors.decode(parameters.text("cursor"), f"placed_on {day}")

        def build() -> tuple[Response, bool]:
            page = self._listing.placed_on(day, position, size)
            return self._shown(page, repeat=True), page.following is None

        return self._then_expire(position.page, self._simulator.listing(day, position.page, build))

    def _shown(self, page: Page, *, repeat: bool = False) -> Response:
        following = None if page.following is None else cursors.encode(page.following)
        orders = self._simulator.board.repeated(page.orders) if repeat else page.orders
        return json_response({"data": orders, "next_cursor": following, "as_of": page.as_of})

    def _then_expire(self, page: int, response: Response) -> Response:
        """Expire the token that was just used, if that fault strikes."""
        board = self._simulator.board
        if board.strikes("expire_token", board.latest(request.path, page)):
            self._tokens.revoke(bearer(request.headers.get("Authorization")))
        return response

    def _report(self) -> Response:
        day = parameters.required_day("day")
        return self._simulator.respond(1, lambda: json_response(self._listing.report(day)))


def create_app(settings: Settings) -> Flask:
    """The application, with its database prepared."""
    simulator = start_simulator(MARKET, OrderTables(), settings, lambda now: int(now.timestamp()))
    return build_app(simulator, Retailer2(simulator))


if __name__ == "__main__":
    sys.exit(serve(MARKET, PORT, SECRETS, create_app))
