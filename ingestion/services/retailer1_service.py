"""Retailer 1: API key, offset pagination, flat rows in USD."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from ingestion.connectors import protocol
from ingestion.connectors.http.client import HeaderKey, JsonResponse
from ingestion.connectors.paging import PageLimits
from ingestion.connectors.protocol import Changes, ListingChanged, RawPage, Runtime
from ingestion.connectors.values.numbers import point_decimal
from ingestion.connectors.values.times import iso_time
from ingestion.mapping.layouts import shipped_mapping
from ingestion.mapping.single_rows import SingleRows
from ingestion.models.retailer_data import SalesRecord
from shared.config import IngestSettings
from shared.errors import RejectRecord, StopRun
from shared.partitions import ControlReport
from shared.sources.definition import Connection, SourceDefinition

LISTING_PATH = "/v1/sales"
_MAPPING = Path(__file__).with_name("retailer1_mapping.yaml")
_ROWS, _MOST_ROWS = 1000, 2500


class Retailer1Service:
    """The connector of retailer 1."""

    listing_path = LISTING_PATH

    def __init__(
        self, source: SourceDefinition, connection: Connection, ingest: IngestSettings, runtime: Runtime
    ) -> None:
        self.retailer_id = source.id
        auth = protocol.required_auth(source, connection, "header")
        key = HeaderKey(auth["name"], auth["value"])
        self._client = protocol.http_client(source, connection, ingest, runtime, key)
        self.mapping = shipped_mapping(_MAPPING, source.id, source.time_zone)
        self._single_rows = SingleRows(self.mapping)
        self._limits = ingest.listing_minutes, runtime.monotonic

    def fetch_sales_data(self, day: date) -> Iterator[RawPage[dict[str, Any]]]:
        """Lines sold on `day`. Raises ListingChanged when the number of rows changes between pages."""
        first: int | None = None
        for total, page in self._pages({"date": day.isoformat()}):
            first = total if first is None else first
            if total != first:
                raise ListingChanged(f"{self.retailer_id}'s listing of {day} went from {first} to {total} rows.")
            yield page

    def normalize_sales_record(self, raw: dict[str, Any]) -> SalesRecord:
        """One row as a `SalesRecord`. Raises RejectRecord."""
        return self._single_rows.record(raw)

    def check(self, day: date) -> None:
        """See `Connector.check`."""
        self.daily_report(day)

    def daily_report(self, day: date) -> ControlReport:
        """Lines and net totals by the retailer's control report."""
        response = self._client.get("/v1/reports/daily", {"date": day.isoformat()})
        totals = protocol.required_field(self.retailer_id, response, "net_totals", dict)
        lines = protocol.required_field(self.retailer_id, response, "line_count", int)
        if response.value.get("date") != day.isoformat():
            raise StopRun(
                f"{self.retailer_id} sent the report of another date instead of {day}. See docs/RETAILERS.md."
            )
        return protocol.parse_report(
            self.retailer_id,
            day,
            lambda: ControlReport(
                lines=lines, net={currency: point_decimal("net_totals", text) for currency, text in totals.items()}
            ),
        )

    def list_changes(self, since: datetime) -> Changes:
        """Dates of lines changed since then, including the dates they had before."""
        limits = PageLimits(f"{self.retailer_id}: the list of changes", *self._limits)
        updated_since = since.astimezone(UTC).isoformat(timespec="seconds")
        pages = (page for _, page in self._pages({"updated_since": updated_since}))
        return protocol.read_changes(self.retailer_id, pages, _note, limits)

    def close(self) -> None:
        """See `Connector.close`."""
        self._client.close()
        self._single_rows.close()

    def _pages(self, what: Mapping[str, str]) -> Iterator[tuple[int, RawPage[dict[str, Any]]]]:
        offset, number, total = 0, 0, 1
        while offset < total:
            limit = _MOST_ROWS if total > protocol.MANY_LINES else _ROWS
            response = self._client.get(LISTING_PATH, {**what, "offset": str(offset), "limit": str(limit)})
            total = protocol.required_field(self.retailer_id, response, "total", int)
            rows = protocol.required_field(self.retailer_id, response, "rows", list)
            # By the requested size, not by the rows received: a delivery may repeat a row.
            offset, number = offset + limit, number + 1
            yield total, RawPage(number, rows, self._as_of(response), limit)

    def _as_of(self, response: JsonResponse) -> datetime:
        try:
            return iso_time("as_of", response.value.get("as_of")).astimezone(UTC)
        except RejectRecord:
            return protocol.source_time(response)


def _note(dates: dict[date, datetime], row: Mapping[str, object]) -> None:
    changed_at = protocol.change_time(lambda: iso_time("last_modified", row["last_modified"]))
    protocol.keep_latest_change(dates, iso_time("sold_at", row["sold_at"]).date(), changed_at)
    if previous := row.get("previous_date"):
        protocol.keep_latest_change(dates, date.fromisoformat(str(previous)), changed_at)
