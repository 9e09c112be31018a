"""Shopify: orders and refunds of its Admin API, GraphQL or REST (docs/connectors/shopify.md)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from ingestion.connectors import protocol
from ingestion.connectors.authentication import authorization_of
from ingestion.connectors.order_rows import Row, order_mapping, read_order
from ingestion.connectors.paging import PageLimits
from ingestion.connectors.protocol import Changes, ListingChanged, RawPage, Runtime
from ingestion.connectors.shopify.graphql_api import GraphQlApi
from ingestion.connectors.shopify.listings import PATH, Object, OrderApi, OrderPage, Wanted
from ingestion.connectors.shopify.orders import is_of_money, row_of_order, row_of_refund, sold_at, time_of
from ingestion.connectors.shopify.rest_api import RestApi
from ingestion.mapping.json_rows import UNREADABLE
from ingestion.mapping.single_rows import SingleRows
from ingestion.models.retailer_data import SalesRecord
from shared.config import IngestSettings
from shared.logs import get_logger
from shared.sources.connection import Connection
from shared.sources.definition import SourceDefinition

_log = get_logger(__name__)


class Shopify:
    """The connector of a Shopify shop."""

    listing_path = f"{PATH}/orders"

    def __init__(
        self, source: SourceDefinition, connection: Connection, ingest: IngestSettings, runtime: Runtime
    ) -> None:
        self.retailer_id = source.id
        protocol.required_auth(source, connection, "header")
        key = authorization_of(source, connection, ingest, runtime, ExitStack())
        kind = {"Content-Type": "application/json"}
        self._client = protocol.http_client(source, connection, ingest, runtime, key, kind)
        self._api: OrderApi = (
            RestApi(source.id, self._client)
            if source.read.admin_api == "rest"
            else GraphQlApi(source.id, self._client, runtime.sleep)
        )
        self._zone = ZoneInfo(source.time_zone)
        self.mapping = order_mapping(source.id, source.time_zone)
        self._single_rows = SingleRows(self.mapping)
        self._limits = ingest.listing_minutes, runtime.monotonic

    def check(self, day: date) -> None:
        """See `Connector.check`."""
        next(self._api.pages(self._sold_on(day)))

    def fetch_sales_data(self, day: date) -> Iterator[RawPage[Row]]:
        """The orders placed on `day`, then the refunds of `day`. Raises ListingChanged when orders are missing."""
        wanted = self._sold_on(day)
        expected, received, number = self._api.count(wanted), 0, 0
        for number, page in enumerate(self._api.pages(wanted), 1):
            received += len(page.orders)
            yield _page(number, [_row(each) for each in page.orders], page)
        if received < expected:
            raise ListingChanged(
                f"{self.retailer_id}'s listing of {day} has {expected} orders, of which {received} came."
            )
        for refunds in self._refunds_of(day):
            if refunds.rows:
                number += 1
                yield RawPage(number, refunds.rows, refunds.as_of)

    def normalize_sales_record(self, raw: Row) -> SalesRecord:
        """An order with one line as a `SalesRecord`. Raises RejectRecord."""
        return self._single_rows.record(raw)

    def daily_report(self, day: date) -> None:
        """None: Shopify's reports are calculated from the same orders."""

    def list_changes(self, since: datetime) -> Changes:
        """Dates of orders that changed since then, and of their refunds."""
        limits = PageLimits(f"{self.retailer_id}: the list of changes", *self._limits)
        wanted = Wanted(updated_from=since.replace(microsecond=0), with_lines=False)
        pages = (
            RawPage(number, page.orders, protocol.source_time(page.response), page.requested)
            for number, page in enumerate(self._api.pages(wanted), 1)
        )
        return protocol.read_changes(self.retailer_id, pages, self._note, limits)

    def close(self) -> None:
        """See `Connector.close`."""
        self._client.close()
        self._single_rows.close()

    def _refunds_of(self, day: date) -> Iterator[RawPage[Row]]:
        """The refunds made on `day`, which only their orders list. All of these have changed since then."""
        start, end = self._start_of(day), self._start_of(day + timedelta(days=1))
        limits = PageLimits(f"{self.retailer_id}: the refunds of {day}", *self._limits)
        wanted = Wanted(updated_from=start, is_refunded=True, with_lines=False)
        for number, page in enumerate(self._api.pages(wanted), 1):
            limits.check(page.orders, page.requested)
            found = [row for order in page.orders for row in self._refund_rows(order, start, end)]
            yield _page(number, found, page)

    def _refund_rows(self, order: Any, start: datetime, end: datetime) -> list[Row | None]:
        if not isinstance(order, dict) or UNREADABLE in order:
            # The order is rejected under its own date. Here it would be under each date that is read after its change.
            _log.warning("the refunds of an order cannot be read", retailer_id=self.retailer_id, order=_name(order))
            return []

        def read(refund: Any) -> Row | None:
            if not (start <= time_of(refund["created_at"]) < end and is_of_money(refund)):
                return None
            return row_of_refund(self._api.complete(refund), order)

        return [read_order(each, read) for each in order.get("refunds") or ()]

    def _sold_on(self, day: date) -> Wanted:
        return Wanted(sold_from=self._start_of(day), sold_before=self._start_of(day + timedelta(days=1)))

    def _start_of(self, day: date) -> datetime:
        return datetime.combine(day, time(), self._zone).astimezone(UTC)

    def _note(self, dates: dict[date, datetime], order: Object) -> None:
        changed_at = protocol.change_time(lambda: time_of(order["updated_at"]))
        for text in (sold_at(order), *(each["created_at"] for each in order.get("refunds") or ())):
            protocol.keep_latest_change(dates, time_of(text).astimezone(self._zone).date(), changed_at)


def _name(order: Any) -> str:
    sent = order.get("sent", order) if isinstance(order, dict) else {}
    return str(sent.get("id")) if isinstance(sent, dict) else ""


def _row(order: Any) -> Row | None:
    """The row of an order; itself if its API already found that it cannot be read."""
    return order if isinstance(order, dict) and UNREADABLE in order else read_order(order, row_of_order)


def _page(number: int, rows: list[Row | None], page: OrderPage) -> RawPage[Row]:
    found = [row for row in rows if row is not None]
    return RawPage(number, found, protocol.source_time(page.response), max(page.requested, len(found)))
