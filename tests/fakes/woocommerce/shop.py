"""A WooCommerce shop: the two listings of its REST API v3, as its documentation and its controllers define them.

It is strict: a parameter that WooCommerce ignores or rejects is rejected here, too.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from tests.fakes.http_vendor import Reply, Request

KEY, SECRET = "ck_test", "cs_test"
_BASE = "/wp-json/wc/v3/"
_STATUSES = ("any", "trash", "pending", "processing", "on-hold", "completed", "cancelled", "refunded", "failed")
_DATES = ("after", "before", "modified_after", "modified_before")
_PARAMETERS = (*_DATES, "page", "per_page", "orderby", "order", "include", "dates_are_gmt", "dp", "_fields")
Object = dict[str, Any]


@dataclass
class WooCommerceShop:
    """Serves its `orders` and `refunds`. A refund names its order in `parent_id`."""

    orders: list[Object] = field(default_factory=list)
    refunds: list[Object] = field(default_factory=list)
    largest_page: int = 100
    """Smaller in tests that need several pages of few orders."""
    before_page: Callable[[str, int], None] = lambda path, number: None
    """Is called before each page: a test can change the shop while it is read."""

    def __call__(self, request: Request) -> Reply:
        """Respond to a request."""
        address = urlsplit(request.path)
        expected = base64.b64encode(f"{KEY}:{SECRET}".encode()).decode()
        if request.headers.get("Authorization") != f"Basic {expected}":
            return _error(401, "woocommerce_rest_cannot_view", "Sorry, you cannot list resources.")
        if request.method != "GET" or address.path not in (f"{_BASE}orders", f"{_BASE}refunds"):
            return _error(404, "rest_no_route", "No route was found matching the URL and request method.")
        given = dict(parse_qsl(address.query))
        is_orders = address.path.endswith("/orders")
        if wrong := _wrong(given, is_orders):
            return _error(400, "rest_invalid_param", f"Invalid parameter(s): {', '.join(wrong)}", params=wrong)
        self.before_page(address.path.rpartition("/")[2], int(given.get("page", "1")))
        found = [each for each in (self.orders if is_orders else self.refunds) if self._is_wanted(each, given)]
        found.sort(key=lambda each: each["id"], reverse=given.get("order", "desc") == "desc")
        return self._page(address.path, given, found)

    def _is_wanted(self, each: Object, given: Mapping[str, str]) -> bool:
        status = given.get("status", "any")
        if (each.get("status") == "trash") != (status == "trash") or status not in ("any", "trash", each.get("status")):
            return False
        if "include" in given and str(each["id"]) not in given["include"].split(","):
            return False
        suffix = "_gmt" if given.get("dates_are_gmt") == "true" else ""
        created, modified = each[f"date_created{suffix}"], each.get(f"date_modified{suffix}", "")
        return bool(
            given.get("after", "") < created < given.get("before", "~")
            and given.get("modified_after", "") <= modified
            and given.get("modified_after") != modified
            and modified < given.get("modified_before", "~")
        )

    def _page(self, path: str, given: Mapping[str, str], found: Sequence[Object]) -> Reply:
        size = min(int(given.get("per_page", "10")), self.largest_page)
        number, pages = int(given.get("page", "1")), math.ceil(len(found) / size)
        shown = [_fields(each, given.get("_fields")) for each in found[(number - 1) * size : number * size]]
        headers = {"X-WP-Total": str(len(found)), "X-WP-TotalPages": str(pages)}
        if number < pages:
            query = urlencode({**given, "page": number + 1})
            headers["Link"] = f'<https://shop.example.com{path}?{query}>; rel="next"'
        return Reply(body=json.dumps(shown).encode(), headers=headers, content_type="application/json; charset=UTF-8")


def _fields(each: Object, names: str | None) -> Object:
    return each if names is None else {name: each[name] for name in names.split(",") if name in each}


def _wrong(given: Mapping[str, str], is_orders: bool) -> dict[str, str]:
    """The parameters that are not valid, with what WooCommerce says of them."""
    wrong = {name: f"{name} is not a parameter." for name in given if name not in (*_PARAMETERS, "status")}
    if not is_orders and "status" in given:
        wrong["status"] = "status is not a parameter."
    if given.get("status", "any") not in _STATUSES:
        wrong["status"] = f"status[0] is not one of {', '.join(_STATUSES)}."
    for name in _DATES:
        if name in given and not _is_time(given[name]):
            wrong[name] = "Invalid date."
    for name, least, most in (("per_page", 1, 100), ("page", 1, math.inf), ("dp", 0, math.inf)):
        if name in given and not (given[name].isdigit() and least <= int(given[name]) <= most):
            wrong[name] = f"{name} must be between {least} (inclusive) and {most} (inclusive)"
    if given.get("orderby", "date") not in ("date", "id", "include", "title", "slug", "modified"):
        wrong["orderby"] = "orderby is not one of date, id, include, title, slug, and modified."
    if given.get("order", "desc") not in ("asc", "desc"):
        wrong["order"] = "order is not one of asc and desc."
    if "include" in given and not all(each.isdigit() for each in given["include"].split(",")):
        wrong["include"] = "include[0] is not of type integer."
    if given.get("dates_are_gmt", "false") not in ("true", "false"):
        wrong["dates_are_gmt"] = "dates_are_gmt is not of type boolean."
    return wrong


def _is_time(text: str) -> bool:
    return len(text) == 19 and text[10] == "T" and text.replace("-", "").replace(":", "").replace("T", "").isdigit()


def _error(status: int, code: str, message: str, **data: Any) -> Reply:
    body = {"code": code, "message": message, "data": {"status": status, **data}}
    return Reply(status, json.dumps(body).encode(), content_type="application/json; charset=UTF-8")


def without_totals(given: Reply) -> Reply:
    """The reply as a proxy passes it on that removes headers that it does not know."""
    return replace(given, headers={})
