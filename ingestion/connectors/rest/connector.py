"""Reads any JSON API over HTTP by what its definition says (docs/connectors/rest.md)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from ingestion.connectors import protocol
from ingestion.connectors.authentication import authorization_of
from ingestion.connectors.http.client import JsonResponse, RequestRejected
from ingestion.connectors.paging import PageLimits
from ingestion.connectors.protocol import Changes, ListingChanged, RawPage, Runtime
from ingestion.connectors.rest.changes import ChangeReader
from ingestion.connectors.rest.pagination import Query, pager_of
from ingestion.connectors.rest.report import read_report
from ingestion.connectors.rest.responses import Responses, found_at
from ingestion.connectors.values.times import read_time
from ingestion.mapping.layouts import mapping_of
from ingestion.mapping.single_rows import SingleRows
from ingestion.models.retailer_data import SalesRecord
from shared.config import IngestSettings
from shared.errors import FixConfiguration, RejectRecord
from shared.partitions import ControlReport
from shared.sources.api_definition import ApiDefinition, ChangedRows, Cursors, Links, Pagination, Parameters, Request
from shared.sources.definition import Connection, SourceDefinition
from shared.sources.request_templates import about_day, fill_template

_UNESCAPED = "/%:@!$&'()*+,;="


@dataclass(frozen=True)
class _Listing:
    """A request whose response has pages of rows."""

    path: str
    query: Query
    rows: str | None
    pagination: Pagination


class RestConnector:
    """The connector of an API that its definition describes."""

    listing_path = ""

    def __init__(
        self, source: SourceDefinition, connection: Connection, ingest: IngestSettings, runtime: Runtime
    ) -> None:
        self.retailer_id = source.id
        self._api = _api_of(source)
        self._zone = ZoneInfo(source.time_zone)
        self._opened, self._responses = ExitStack(), Responses(source)
        self.mapping = mapping_of(source)
        changes = self._api.changes
        self._change_reader = None if changes is None else ChangeReader(source, changes, self.mapping)
        authorization = authorization_of(source, connection, ingest, runtime, self._opened)
        self._client = protocol.http_client(source, connection, ingest, runtime, authorization, self._api.headers)
        self._added = (connection.auth["name"],) if connection.auth.get("kind") == "query" else ()
        self._single_rows = SingleRows(self.mapping)
        self._limits = ingest.listing_minutes, runtime.monotonic

    def check(self, day: date) -> None:
        """See `Connector.check`."""
        if self.daily_report(day) is None:
            next(self.fetch_sales_data(day))

    def fetch_sales_data(self, day: date) -> Iterator[RawPage[Any]]:
        """The rows of `day`. Raises ListingChanged when the total changes, or is more than what came."""
        api = self._api
        path, query = self._filled(api, about_day(day, self._zone))
        listing, first, received = _Listing(path, query, api.rows, api.pagination), None, 0
        for total, page in self._pages(listing):
            first = total if first is None else first
            if total != first:
                raise ListingChanged(f"{self.retailer_id}'s listing of {day} went from {first} to {total} rows.")
            received += len(page.rows)
            yield page
        # With a control report, the distinct lines are compared with it.
        if first is not None and received < first and api.report is None:
            raise ListingChanged(
                f"{self.retailer_id}'s listing of {day} has {first} rows, but only {received} came. If that persists,"
                " request smaller pages: the API may send fewer rows than are requested."
            )

    def normalize_sales_record(self, raw: Any) -> SalesRecord:
        """A row with one line as a `SalesRecord`. Raises RejectRecord."""
        return self._single_rows.record(raw)

    def daily_report(self, day: date) -> ControlReport | None:
        """Lines and net totals by the API's control report; None if it has none."""
        report = self._api.report
        if report is None:
            return None
        response = self._client.get(*self._filled(report, about_day(day, self._zone)))
        return read_report(self.retailer_id, report, response, day, self._zone, self._responses)

    def list_changes(self, since: datetime) -> Changes | None:
        """Dates of the rows that changed since then; None if the API has no list of changes."""
        changes, api = self._api.changes, self._api
        if changes is None or self._change_reader is None:
            return None
        limits = PageLimits(f"{self.retailer_id}: the list of changes", *self._limits)
        path, query = self._filled(changes, {"since": since.astimezone(UTC)})
        listing = _Listing(path, query, changes.rows or api.rows, changes.pagination or api.pagination)
        return self._change_reader.read((page for _, page in self._pages(listing)), limits)

    def close(self) -> None:
        """See `Connector.close`."""
        self._client.close()
        self._single_rows.close()
        self._opened.close()

    def _filled(self, request: Request | ChangedRows, values: Mapping[str, date]) -> tuple[str, Query]:
        """The path and the query of a request about a date or a time."""
        path = fill_template(request.path or self._api.path, values, self._zone)
        return quote(path, safe=_UNESCAPED), _query(request.parameters, values, self._zone)

    def _pages(self, listing: _Listing) -> Iterator[tuple[int | None, RawPage[Any]]]:
        """The pages, each with the total of all rows if the API has one."""
        pages, number = listing.pagination, 0
        pager = pager_of(pages, listing.query, listing.path, self._responses, self.retailer_id, self._added)
        query: Query | None = pager.first()
        while query is not None:
            number += 1
            response = self._page(listing, query, number)
            rows = self._responses.rows(response, listing.rows)
            total = None if pages.total is None else self._responses.count(response, pages.total)
            query = pager.after(response, rows, query)
            # An empty page that ends a listing is not a page of it, unless it is the only one.
            if rows or number == 1 or query is not None:
                yield total, RawPage(number, rows, self._as_of(response), pages.size)

    def _page(self, listing: _Listing, query: Query, number: int) -> JsonResponse:
        try:
            return self._client.get(listing.path, query)
        except RequestRejected as error:
            if number == 1 or not isinstance(listing.pagination, Cursors | Links):
                raise
            raise ListingChanged(
                f"{self.retailer_id} no longer knows the position that it sent itself ({error.status})."
            ) from error

    def _as_of(self, response: JsonResponse) -> datetime:
        place = self._api.as_of
        try:
            if place is not None:
                return read_time("as_of", found_at(response, place), place.format, self._zone).astimezone(UTC)
        except RejectRecord:
            pass
        return protocol.source_time(response)


def _api_of(source: SourceDefinition) -> ApiDefinition:
    if source.api is None:
        raise FixConfiguration(f"{source.file}: api: it is missing (docs/connectors/rest.md).")
    return source.api


def _query(parameters: Parameters, values: Mapping[str, date], zone: ZoneInfo) -> Query:
    return tuple((name, fill_template(text, values, zone)) for name, texts in parameters.items() for text in texts)
