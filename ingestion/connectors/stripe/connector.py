"""Stripe: charges and refunds, compared with its balance transactions (docs/connectors/stripe.md)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

from ingestion.connectors import protocol
from ingestion.connectors.authentication import authorization_of
from ingestion.connectors.http.client import JsonResponse
from ingestion.connectors.order_rows import Row, order_mapping, read_order
from ingestion.connectors.paging import PageLimits
from ingestion.connectors.protocol import Changes, RawPage, Runtime
from ingestion.connectors.stripe.balance import LATEST, TYPES, money_of
from ingestion.connectors.stripe.payments import created_at, row_of_charge, row_of_refund
from ingestion.mapping.single_rows import SingleRows
from ingestion.models.retailer_data import SalesRecord
from shared.config import IngestSettings
from shared.errors import StopRun
from shared.partitions import ControlReport
from shared.sources.connection import Connection
from shared.sources.definition import SourceDefinition

VERSION = "2025-03-31.basil"
"""The version of the API that this connector was written for. Without it, Stripe uses the version of the account."""
_CHARGES, _REFUNDS, _EVENTS, _BALANCE = "/v1/charges", "/v1/refunds", "/v1/events", "/v1/balance_transactions"
_MOST = 100
"""Objects of a page; Stripe sends no more."""
_EVENTS_KEPT = timedelta(days=29)
"""Stripe keeps events for 30 days."""
_CHANGES = (
    *(f"charge.{each}" for each in ("succeeded", "pending", "captured", "failed", "expired", "updated")),
    *(f"refund.{each}" for each in ("created", "updated", "failed")),
    "charge.refund.updated",
)
Object = dict[str, Any]


class Stripe:
    """The connector of a Stripe account."""

    listing_path = _CHARGES

    def __init__(
        self, source: SourceDefinition, connection: Connection, ingest: IngestSettings, runtime: Runtime
    ) -> None:
        self.retailer_id = source.id
        protocol.required_auth(source, connection, "bearer")
        key = authorization_of(source, connection, ingest, runtime, ExitStack())
        version = {"Stripe-Version": VERSION}
        self._client = protocol.http_client(source, connection, ingest, runtime, key, version)
        self._zone = ZoneInfo(source.time_zone)
        self._clock = runtime.clock
        self.mapping = order_mapping(source.id, source.time_zone)
        self._single_rows = SingleRows(self.mapping)
        self._limits = ingest.listing_minutes, runtime.monotonic

    def check(self, day: date) -> None:
        """See `Connector.check`. A restricted key has a permission for each kind of object."""
        wanted = _between(self._start_of(day), self._start_of(day + timedelta(days=1)))
        for path, more in ((_CHARGES, {}), (_REFUNDS, {}), (_EVENTS, {}), (_BALANCE, {"type": TYPES[0]})):
            self._objects(self._client.get(path, {**wanted, **more, "limit": "1", **_EXPANDED.get(path, {})}))

    def fetch_sales_data(self, day: date) -> Iterator[RawPage[Row]]:
        """The charges of `day`, then its refunds."""
        wanted = _between(self._start_of(day), self._start_of(day + timedelta(days=1)))
        number = 0
        for number, response, charges in self._pages(_CHARGES, wanted):
            yield _page(number, [read_order(each, row_of_charge) for each in charges], response)
        before = number
        for number, response, refunds in self._pages(_REFUNDS, wanted):
            if refunds:
                yield _page(before + number, [read_order(each, row_of_refund) for each in refunds], response)

    def normalize_sales_record(self, raw: Row) -> SalesRecord:
        """A charge or refund as a `SalesRecord`. Raises RejectRecord."""
        return self._single_rows.record(raw)

    def daily_report(self, day: date) -> ControlReport:
        """The money of the balance transactions of `day`'s charges and refunds. They do not say how many lines."""
        start, end = self._start_of(day), self._start_of(day + timedelta(days=1))
        until = max(end, min(start + LATEST, self._clock()))
        limits = PageLimits(f"{self.retailer_id}: the balance transactions of {day}", *self._limits)

        def read() -> ControlReport:
            net: dict[str, Any] = {}
            for type_ in TYPES:
                for _, _, booked in self._pages(_BALANCE, {**_between(start, until), "type": type_}):
                    limits.check(booked, _MOST)
                    self._check_dates(booked, start, until)
                    for each in booked:
                        if start <= created_at(each["source"]) < end:
                            currency, amount = money_of(each)
                            net[currency] = net.get(currency, 0) + amount
            return ControlReport(lines=None, net=net)

        return protocol.parse_report(self.retailer_id, day, read)

    def list_changes(self, since: datetime) -> Changes | None:
        """Dates of the charges and refunds that Stripe's events name. None if they are older than Stripe keeps."""
        if since < self._clock() - _EVENTS_KEPT:
            return None
        types = {f"types[{number}]": name for number, name in enumerate(_CHANGES)}
        wanted = {**types, "created[gte]": str(int(since.timestamp()))}
        pages = (
            RawPage(number, events, protocol.source_time(response), _MOST)
            for number, response, events in self._pages(_EVENTS, wanted)
        )
        limits = PageLimits(f"{self.retailer_id}: the list of changes", *self._limits)
        return protocol.read_changes(self.retailer_id, pages, self._note, limits)

    def close(self) -> None:
        """See `Connector.close`."""
        self._client.close()
        self._single_rows.close()

    def _note(self, dates: dict[date, datetime], event: Object) -> None:
        changed_at = protocol.change_time(lambda: created_at(event))
        day = created_at(event["data"]["object"]).astimezone(self._zone).date()
        protocol.keep_latest_change(dates, day, changed_at)

    def _pages(self, path: str, wanted: Mapping[str, str]) -> Iterator[tuple[int, JsonResponse, list[Object]]]:
        parameters = {**wanted, "limit": str(_MOST), **_EXPANDED.get(path, {})}
        for number in count(1):
            response = self._client.get(path, parameters)
            objects = self._objects(response)
            yield number, response, objects
            if not self._has_more(response):
                return
            if not objects:
                raise StopRun(f"{self.retailer_id} sent no next page, although it says that there is one.")
            parameters["starting_after"] = str(objects[-1].get("id"))

    def _objects(self, response: JsonResponse) -> list[Object]:
        found = protocol.required_field(self.retailer_id, response, "data", list)
        if not all(isinstance(each, dict) for each in found):
            raise StopRun(f"{self.retailer_id} sent a list of other things than objects. Is its address Stripe's API?")
        return list(found)

    def _has_more(self, response: JsonResponse) -> bool:
        has_more = response.value.get("has_more")
        if not isinstance(has_more, bool):
            raise StopRun(f"{self.retailer_id} sent a list without `has_more`. Is its address Stripe's API?")
        return has_more

    def _check_dates(self, booked: list[Object], start: datetime, until: datetime) -> None:
        for each in booked:
            if not start <= created_at(each) < until:
                raise StopRun(f"{self.retailer_id} sent balance transactions of another date than it was requested.")

    def _start_of(self, day: date) -> datetime:
        return datetime.combine(day, time(), self._zone).astimezone(UTC)


_EXPANDED = {
    _CHARGES: {"expand[0]": "data.balance_transaction", "expand[1]": "data.payment_intent"},
    _REFUNDS: {"expand[0]": "data.charge", "expand[1]": "data.balance_transaction"},
    _BALANCE: {"expand[0]": "data.source", "expand[1]": "data.source.balance_transaction"},
}
"""What Stripe sends as an object instead of its id."""


def _page(number: int, rows: list[Row | None], response: JsonResponse) -> RawPage[Row]:
    return RawPage(number, [row for row in rows if row is not None], protocol.source_time(response), _MOST)


def _between(start: datetime, end: datetime) -> dict[str, str]:
    return {"created[gte]": str(int(start.timestamp())), "created[lt]": str(int(end.timestamp()))}
