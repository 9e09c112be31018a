"""WooCommerce: orders and refunds of its REST API v3 (docs/connectors/woocommerce.md)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

from ingestion.connectors import protocol
from ingestion.connectors.authentication import authorization_of
from ingestion.connectors.http.client import JsonResponse
from ingestion.connectors.http.headers import natural_number
from ingestion.connectors.order_rows import Row, order_mapping, read_order
from ingestion.connectors.paging import PageLimits
from ingestion.connectors.protocol import Changes, ListingChanged, RawPage, Runtime
from ingestion.connectors.woocommerce.orders import row_of_order, row_of_refund, utc
from ingestion.mapping.single_rows import SingleRows
from ingestion.models.retailer_data import SalesRecord
from ingestion.source_clock import ANY_TIME
from shared.config import IngestSettings
from shared.errors import StopRun, describe_error
from shared.logs import get_logger
from shared.sources.connection import Connection
from shared.sources.definition import SourceDefinition

_log = get_logger(__name__)
_ORDERS, _REFUNDS = "/wp-json/wc/v3/orders", "/wp-json/wc/v3/refunds"
_MOST = 100
"""Objects of a page; WooCommerce sends no more."""
_SECOND = timedelta(seconds=1)
_CHANGE_FIELDS = "id,date_created_gmt,date_modified_gmt,refunds"
Object = dict[str, Any]


class WooCommerce:
    """The connector of a WooCommerce shop."""

    listing_path = _ORDERS

    def __init__(
        self, source: SourceDefinition, connection: Connection, ingest: IngestSettings, runtime: Runtime
    ) -> None:
        self.retailer_id = source.id
        protocol.required_auth(source, connection, "basic")
        key = authorization_of(source, connection, ingest, runtime, ExitStack())
        self._client = protocol.http_client(source, connection, ingest, runtime, key)
        self._zone = ZoneInfo(source.time_zone)
        self.mapping = order_mapping(source.id, source.time_zone)
        self._single_rows = SingleRows(self.mapping)
        self._limits = ingest.listing_minutes, runtime.monotonic

    def check(self, day: date) -> None:
        """See `Connector.check`. Both listings are requested: a key or a role can lack the right to one."""
        for path in (_ORDERS, _REFUNDS):
            self._objects(self._client.get(path, {**self._created_on(day), "per_page": "1"}))

    def fetch_sales_data(self, day: date) -> Iterator[RawPage[Row]]:
        """The orders of `day`, then the refunds of `day`. Raises ListingChanged when a page was missed."""
        number = 0
        for number, response, orders in self._pages(_ORDERS, self._created_on(day), f"orders of {day}"):
            rows = [read_order(each, row_of_order) for each in orders]
            yield self._page(number, rows, response)
        before = number
        for number, response, refunds in self._pages(_REFUNDS, self._created_on(day), f"refunds of {day}"):
            if refunds:
                yield self._page(before + number, self._refund_rows(refunds), response)

    def normalize_sales_record(self, raw: Row) -> SalesRecord:
        """An order with one line as a `SalesRecord`. Raises RejectRecord."""
        return self._single_rows.record(raw)

    def daily_report(self, day: date) -> None:
        """None: WooCommerce's reports are calculated from the same orders."""

    def list_changes(self, since: datetime) -> Changes:
        """Dates of orders that changed since then, orders in the trash included, and of their refunds."""
        refunds: dict[int, datetime] = {}

        def note(dates: dict[date, datetime], order: Object) -> None:
            changed_at = protocol.change_time(lambda: self._time(order, "date_modified_gmt"))
            self._keep(dates, order, changed_at)
            refunds.update({int(refund["id"]): changed_at for refund in order.get("refunds") or ()})

        limits = PageLimits(f"{self.retailer_id}: the list of changes", *self._limits)
        listed = protocol.read_changes(self.retailer_id, self._changed_orders(since), note, limits)
        dates = dict(listed.dates)
        for ids in _in_parts(sorted(refunds)):
            for refund in self._by_id(_REFUNDS, ids, {"_fields": "id,date_created_gmt"}):
                try:
                    self._keep(dates, refund, refunds.get(int(refund["id"]), ANY_TIME))
                except (KeyError, TypeError, ValueError) as error:
                    _log.warning("a refund cannot be read", retailer_id=self.retailer_id, error=describe_error(error))
        return Changes(dates, listed.as_of)

    def close(self) -> None:
        """See `Connector.close`."""
        self._client.close()
        self._single_rows.close()

    def _changed_orders(self, since: datetime) -> Iterator[RawPage[Object]]:
        wanted = {"modified_after": _gmt(since - _SECOND), "dates_are_gmt": "true", "_fields": _CHANGE_FIELDS}
        before = 0
        for status in ("any", "trash"):  # `any` leaves the trash out
            number = 0
            for number, response, orders in self._pages(_ORDERS, {"status": status, **wanted}, "changed orders"):
                yield RawPage(before + number, orders, protocol.source_time(response), _MOST)
            before += number

    def _pages(
        self, path: str, wanted: Mapping[str, str], what: str
    ) -> Iterator[tuple[int, JsonResponse, list[Object]]]:
        """The pages of a listing. Raises ListingChanged if its length changes, or if fewer objects come than it has."""
        expected: int | None = None
        received = 0
        for number in count(1):
            parameters = {**wanted, "orderby": "id", "order": "asc", "per_page": str(_MOST), "page": str(number)}
            response = self._client.get(path, parameters)
            objects = self._objects(response)
            total, pages = self._number(response, "X-WP-Total"), self._number(response, "X-WP-TotalPages")
            expected = total if expected is None else expected
            received += len(objects)
            is_last = number >= pages
            if total != expected or (is_last and received < total):
                raise ListingChanged(
                    f"{self.retailer_id}'s listing of {what} had {expected} objects, then {total}; {received} came."
                )
            yield number, response, objects
            if is_last:
                return

    def _refund_rows(self, refunds: Sequence[Object]) -> list[Row | None]:
        """The rows of refunds. A refund does not say its currency, nor whether its order was cancelled: the order does.

        The refunds of orders in the trash are left out, as the orders are.
        """
        ids = sorted({each["parent_id"] for each in refunds if isinstance(each.get("parent_id"), int)})
        orders = {each.get("id"): each for each in self._by_id(_ORDERS, ids, {"dp": "4"})} if ids else {}
        if missing := [each for each in ids if each not in orders]:
            _log.warning("refunds of orders that are not listed", retailer_id=self.retailer_id, orders=missing[:10])
        return [
            read_order(refund, lambda each: row_of_refund(each, orders[each["parent_id"]]))
            for refund in refunds
            if refund.get("parent_id") not in missing
        ]

    def _by_id(self, path: str, ids: Sequence[int], wanted: Mapping[str, str]) -> list[Object]:
        listed = ",".join(map(str, ids))
        return self._objects(self._client.get(path, {"include": listed, "per_page": str(_MOST), **wanted}))

    def _page(self, number: int, rows: Sequence[Row | None], response: JsonResponse) -> RawPage[Row]:
        return RawPage(number, [row for row in rows if row is not None], protocol.source_time(response), _MOST)

    def _created_on(self, day: date) -> dict[str, str]:
        start, end = (
            datetime.combine(each, time(), self._zone).astimezone(UTC) for each in (day, day + timedelta(days=1))
        )
        # Both limits are exclusive, and times have no fractions of a second.
        return {"after": _gmt(start - _SECOND), "before": _gmt(end), "dates_are_gmt": "true", "dp": "4"}

    def _objects(self, response: JsonResponse) -> list[Object]:
        value = response.value
        if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
            raise StopRun(
                f"{self.retailer_id} sent no list of orders or refunds. Is the address that of a WooCommerce shop?"
                " See docs/connectors/woocommerce.md."
            )
        return value

    def _number(self, response: JsonResponse, name: str) -> int:
        found = natural_number(response.headers.get(name))
        if found is None:
            raise StopRun(
                f"{self.retailer_id} sent no {name}: a proxy or plugin removes it. See docs/connectors/woocommerce.md."
            )
        return found

    def _time(self, given: Object, name: str) -> datetime:
        return datetime.fromisoformat(utc(given, name) or "")

    def _keep(self, dates: dict[date, datetime], given: Object, changed_at: datetime) -> None:
        day = self._time(given, "date_created_gmt").astimezone(self._zone).date()
        protocol.keep_latest_change(dates, day, changed_at)


def _gmt(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _in_parts(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (ids[start : start + _MOST] for start in range(0, len(ids), _MOST))
