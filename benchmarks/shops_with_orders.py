"""The simulated shop systems of the tests with many orders of a date. Each response is made once, and then repeated."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

from benchmarks.vendor_pages import PAGE_LINES, pages
from tests.fakes.http_vendor import Reply, Request
from tests.fakes.shopify.orders import item_of, order_of
from tests.fakes.shopify.shop import ShopifyShop
from tests.fakes.stripe.account import StripeAccount
from tests.fakes.stripe.payments import charge_of
from tests.fakes.woocommerce.orders import line_of
from tests.fakes.woocommerce.orders import order_of as woocommerce_order
from tests.fakes.woocommerce.shop import WooCommerceShop

Replies = Callable[[Request], Reply]
LINES_PER_ORDER = 3
_CENTS = 2_500


def repeated(shop: Replies) -> Replies:
    """A shop that makes each response once, so that measuring again does not wait for it."""
    made: dict[tuple[str, bytes], Reply] = {}

    def reply(request: Request) -> Reply:
        key = (request.path, request.body)
        if key not in made:
            made[key] = shop(request)
        return made[key]

    return reply


def shopify_shop(lines: int, day: date) -> Replies:
    """Orders of three lines. Its limit is so high that nobody waits."""
    items = [item_of(number, 1, "25.00", sku=f"TEA-{number}") for number in range(1, LINES_PER_ORDER + 1)]
    orders = [
        order_of(number, f"{_time(number, lines, day):%Y-%m-%dT%H:%M:%SZ}", line_items=items, total_price="75.00")
        for number in range(1, lines // LINES_PER_ORDER + 1)
    ]
    return repeated(ShopifyShop(orders, points=1e12))


def woocommerce_shop(lines: int, day: date) -> Replies:
    """Orders of three lines."""
    items = [line_of(number, 1, "25.0000", sku=f"TEA-{number}") for number in range(1, LINES_PER_ORDER + 1)]
    orders = [
        woocommerce_order(number, f"{_time(number, lines, day):%Y-%m-%dT%H:%M:%S}", line_items=items, total="75.0000")
        for number in range(1, lines // LINES_PER_ORDER + 1)
    ]
    return repeated(WooCommerceShop(orders))


class _Account(StripeAccount):
    """Finds objects by id, of which there are many."""

    def _by_id(self, id_: str) -> dict[str, Any]:
        if not hasattr(self, "_found"):
            self._found = {each["id"]: each for each in (*self.charges, *self.balance_transactions)}
        return self._found[id_]


def stripe_account(lines: int, day: date) -> Replies:
    """Charges, each with its balance transaction."""
    account = _Account()
    for number in range(1, lines + 1):
        charge = charge_of(f"ch_{number:08d}", int(_time(number, lines, day).timestamp()), _CENTS)
        charge["balance_transaction"] = account.post(charge, "charge", charge["created"], _CENTS)
        account.charges.append(charge)
    return repeated(account)


def rest_api(lines: int, day: date) -> Replies:
    """The API of retailer 1: pages by offset, and a control report."""
    bodies = pages(1, lines, day)
    rows = [json.loads(body)["rows"] for body in bodies]
    net = sum((Decimal(row["line_total"]) for page in rows for row in page), Decimal(0))
    report = {"date": day.isoformat(), "line_count": lines, "net_totals": {"USD": f"{net:.2f}"}}
    sent = [json.dumps({"rows": page, "total": lines, "as_of": f"{day}T23:59:00Z"}).encode() for page in rows]

    def reply(request: Request) -> Reply:
        address = urlsplit(request.path)
        if address.path.endswith("/reports/daily"):
            return Reply(body=json.dumps(report).encode())
        return Reply(body=sent[int(parse_qs(address.query)["offset"][0]) // PAGE_LINES])

    return reply


def _time(number: int, lines: int, day: date) -> datetime:
    """Times of a trading day, one after the other, the same date in every time zone that is used here."""
    opening = datetime(day.year, day.month, day.day, 8, tzinfo=UTC)
    return opening + timedelta(seconds=12 * 3600 * number // (lines + 1))
