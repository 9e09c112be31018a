"""Retailer 2: OAuth2 client credentials, cursor pagination, orders with lines in minor units of GBP."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from ingestion.connectors import protocol
from ingestion.connectors.authentication import client_credentials
from ingestion.connectors.http.client import JsonResponse, RequestRejected
from ingestion.connectors.paging import PageLimits
from ingestion.connectors.protocol import Changes, ListingChanged, RawPage, Runtime
from ingestion.connectors.values.numbers import minor_units
from ingestion.connectors.values.times import epoch_time
from ingestion.mapping.layouts import shipped_mapping
from ingestion.mapping.single_rows import SingleRows
from ingestion.models.retailer_data import SalesRecord
from shared.config import IngestSettings
from shared.errors import RejectRecord, StopRun
from shared.partitions import ControlReport
from shared.sources.definition import Connection, SourceDefinition

LISTING_PATH = "/orders"
_MAPPING = Path(__file__).with_name("retailer2_mapping.yaml")
_ORDERS, _MOST_ORDERS = 250, 1000
_MOST_PAGES = 100_000


class Retailer2Service:
    """The connector of retailer 2."""

    listing_path = LISTING_PATH

    def __init__(
        self, source: SourceDefinition, connection: Connection, ingest: IngestSettings, runtime: Runtime
    ) -> None:
        self.retailer_id = source.id
        protocol.required_auth(source, connection, "oauth2")
        self._zone = ZoneInfo(source.time_zone)
        self._opened = ExitStack()
        credentials = client_credentials(source, connection, ingest, runtime, self._opened)
        self._client = protocol.http_client(source, connection, ingest, runtime, credentials)
        self.mapping = shipped_mapping(_MAPPING, source.id, source.time_zone)
        self._single_rows = SingleRows(self.mapping)
        self._limits = ingest.listing_minutes, runtime.monotonic

    def fetch_sales_data(self, day: date) -> Iterator[RawPage[dict[str, Any]]]:
        """The orders placed on `day`, with their lines."""
        return self._pages({"placed_on": day.isoformat()})

    def normalize_sales_record(self, raw: dict[str, Any]) -> SalesRecord:
        """An order with one line as a `SalesRecord`. Raises RejectRecord."""
        return self._single_rows.record(raw)

    def check(self, day: date) -> None:
        """See `Connector.check`."""
        self.daily_report(day)

    def daily_report(self, day: date) -> ControlReport:
        """Lines (not orders) and net totals by the retailer's control report."""
        response = self._client.get("/reports/daily", {"day": day.isoformat()})
        lines = protocol.required_field(self.retailer_id, response, "lines", int)
        totals = protocol.required_field(self.retailer_id, response, "net", dict)
        if response.value.get("day") != day.isoformat():
            raise StopRun(
                f"{self.retailer_id} sent the report of another date instead of {day}. See docs/RETAILERS.md."
            )
        return protocol.parse_report(
            self.retailer_id,
            day,
            lambda: ControlReport(
                lines=lines,
                net={code: minor_units("net", item["amount"], item["exponent"]) for code, item in totals.items()},
            ),
        )

    def list_changes(self, since: datetime) -> Changes:
        """Dates of orders modified since then, including the dates they had before."""
        limits = PageLimits(f"{self.retailer_id}: the list of changes", *self._limits)
        pages = self._pages({"modified_since": str(int(since.timestamp()))})
        return protocol.read_changes(self.retailer_id, pages, self._note, limits)

    def close(self) -> None:
        """See `Connector.close`."""
        self._client.close()
        self._single_rows.close()
        self._opened.close()

    def _pages(self, what: Mapping[str, str]) -> Iterator[RawPage[dict[str, Any]]]:
        cursor, orders = "", 0
        for number in range(1, _MOST_PAGES):
            size = _MOST_ORDERS if orders > protocol.MANY_LINES / 4 else _ORDERS
            response = self._page({**what, "page_size": str(size)}, cursor)
            data = protocol.required_field(self.retailer_id, response, "data", list)
            orders += len(data)
            yield RawPage(number, data, self._as_of(response), size)
            following = response.value.get("next_cursor")
            if following is None:
                return
            if not isinstance(following, str) or following in ("", cursor):
                raise StopRun(f"{self.retailer_id} sent next_cursor {following!r:.40} after {cursor!r:.40}.")
            cursor = following
        raise StopRun(f"{self.retailer_id}'s listing did not end within {_MOST_PAGES} pages. See docs/RETAILERS.md.")

    def _page(self, parameters: Mapping[str, str], cursor: str) -> JsonResponse:
        if not cursor:
            return self._client.get(LISTING_PATH, parameters)
        try:
            return self._client.get(LISTING_PATH, {**parameters, "cursor": cursor})
        except RequestRejected as error:
            raise ListingChanged(f"{self.retailer_id} no longer knows its own cursor ({error.status}).") from error

    def _as_of(self, response: JsonResponse) -> datetime:
        try:
            return epoch_time("as_of", response.value.get("as_of"))
        except RejectRecord:
            return protocol.source_time(response)

    def _note(self, dates: dict[date, datetime], order: Mapping[str, Any]) -> None:
        changed_at = protocol.change_time(lambda: epoch_time("modified_at", order["modified_at"]))
        placed_at = epoch_time("placed_at", order["placed_at"])
        protocol.keep_latest_change(dates, placed_at.astimezone(self._zone).date(), changed_at)
        if previous := order.get("previous_placed_on"):
            protocol.keep_latest_change(dates, date.fromisoformat(str(previous)), changed_at)
