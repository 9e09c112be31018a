"""What the connector requests from either API of Shopify."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from ingestion.connectors.http.client import JsonResponse

VERSION = "2026-07"
"""The version of both APIs that this connector was written for."""
PATH = f"/admin/api/{VERSION}"
Object = Mapping[str, Any]


@dataclass(frozen=True)
class Wanted:
    """Which orders are wanted. All conditions hold; with None there is none."""

    sold_from: datetime | None = None
    sold_before: datetime | None = None
    updated_from: datetime | None = None
    is_refunded: bool = False
    """Money went back."""
    with_lines: bool = True


@dataclass(frozen=True)
class OrderPage:
    """A page of orders, in the shape of the REST API."""

    orders: list[Any]
    response: JsonResponse
    requested: int


class OrderApi(Protocol):
    """An API of Shopify that lists orders."""

    def pages(self, wanted: Wanted) -> Iterator[OrderPage]:
        """The orders, page by page. There is at least one page."""

    def count(self, wanted: Wanted) -> int:
        """How many orders there are."""

    def complete(self, refund: Object) -> Object:
        """A refund of a listed order, with its lines."""
