"""Retailer 3: requests signed by HMAC, pages by `Link` header, Spanish rows in EUR with comma decimals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

import requests

from ingestion.connectors import protocol
from ingestion.connectors.authentication import Signature
from ingestion.connectors.http.client import JsonResponse
from ingestion.connectors.http.headers import natural_number
from ingestion.connectors.paging import PageLimits
from ingestion.connectors.protocol import Changes, ListingChanged, RawPage, Runtime
from ingestion.connectors.values.numbers import comma_decimal
from ingestion.connectors.values.times import day_first, wall_clock
from ingestion.mapping.layouts import shipped_mapping
from ingestion.mapping.single_rows import SingleRows
from ingestion.models.retailer_data import SalesRecord
from shared.config import IngestSettings
from shared.errors import RejectRecord, StopRun
from shared.partitions import ControlReport
from shared.sources.definition import Connection, SourceDefinition

LISTING_PATH = "/api/ventas"
_MAPPING = Path(__file__).with_name("retailer3_mapping.yaml")
_LINES, _MOST_LINES = 500, 2500


class Retailer3Service:
    """The connector of retailer 3."""

    listing_path = LISTING_PATH

    def __init__(
        self, source: SourceDefinition, connection: Connection, ingest: IngestSettings, runtime: Runtime
    ) -> None:
        self.retailer_id = source.id
        auth = protocol.required_auth(source, connection, "hmac")
        self._zone = ZoneInfo(source.time_zone)
        self._client = protocol.http_client(source, connection, ingest, runtime, Signature(auth, runtime.clock))
        self.mapping = shipped_mapping(_MAPPING, source.id, source.time_zone)
        self._single_rows = SingleRows(self.mapping)
        self._limits = ingest.listing_minutes, runtime.monotonic

    def fetch_sales_data(self, day: date) -> Iterator[RawPage[dict[str, Any]]]:
        """Lines sold on `day`. Raises ListingChanged when the number of lines changes between pages."""
        first: int | None = None
        for total, page in self._pages({"fecha": f"{day:%d/%m/%Y}"}):
            first = total if first is None else first
            if total != first:
                raise ListingChanged(f"{self.retailer_id}'s listing of {day} went from {first} to {total} lines.")
            yield page

    def normalize_sales_record(self, raw: dict[str, Any]) -> SalesRecord:
        """One row as a `SalesRecord`. Raises RejectRecord."""
        return self._single_rows.record(raw)

    def check(self, day: date) -> None:
        """See `Connector.check`."""
        self.daily_report(day)

    def daily_report(self, day: date) -> ControlReport:
        """Lines and net totals by the retailer's control report."""
        response = self._client.get("/api/cierre", {"fecha": f"{day:%d/%m/%Y}"})
        lines = protocol.required_field(self.retailer_id, response, "lineas", int)
        totals = protocol.required_field(self.retailer_id, response, "neto", dict)
        if response.value.get("fecha") != f"{day:%d/%m/%Y}":
            raise StopRun(
                f"{self.retailer_id} sent the report of another date instead of {day}. See docs/RETAILERS.md."
            )
        return protocol.parse_report(
            self.retailer_id,
            day,
            lambda: ControlReport(
                lines=lines, net={currency: comma_decimal("neto", text) for currency, text in totals.items()}
            ),
        )

    def list_changes(self, since: datetime) -> Changes:
        """Dates of lines changed since then (to the minute), including the dates they had before."""
        limits = PageLimits(f"{self.retailer_id}: the list of changes", *self._limits)
        pages = (page for _, page in self._pages({"modificado_desde": self._wall_clock_before(since)}))
        return protocol.read_changes(self.retailer_id, pages, self._note, limits)

    def close(self) -> None:
        """See `Connector.close`."""
        self._client.close()
        self._single_rows.close()

    def _pages(self, what: Mapping[str, str]) -> Iterator[tuple[int, RawPage[dict[str, Any]]]]:
        lines = _LINES
        parameters = {**what, "pagina": "1", "tamano": str(lines)}
        response = self._client.get(LISTING_PATH, parameters)
        if self._total(response) > protocol.MANY_LINES:
            lines = _MOST_LINES
            parameters["tamano"] = str(lines)
            response = self._client.get(LISTING_PATH, parameters)
        number = 1
        while True:
            if not isinstance(response.value, list):
                raise StopRun(f"{self.retailer_id} sent no list of lines: its API is not what docs/RETAILERS.md says.")
            yield self._total(response), RawPage(number, response.value, self._as_of(response), lines)
            following = _next(response.headers.get("Link", ""))
            if following is None:
                return
            # Only the query is taken from the link: signed requests go to the configured host only.
            path, query = _path_and_query(following)
            if not path.endswith(LISTING_PATH) or query == parameters:
                raise StopRun(
                    f"{self.retailer_id} sent a link to the next page that leads elsewhere or back to an earlier page."
                )
            parameters = query
            response, number = self._client.get(LISTING_PATH, parameters), number + 1

    def _total(self, response: JsonResponse) -> int:
        total = natural_number(response.headers.get("X-Total-Count"))
        if total is None:
            raise StopRun(f"{self.retailer_id} sent no X-Total-Count: its API is not what docs/RETAILERS.md says.")
        return total

    def _as_of(self, response: JsonResponse) -> datetime:
        try:
            return wall_clock("X-Fecha-Corte", response.headers.get("X-Fecha-Corte"), self._zone).astimezone(UTC)
        except RejectRecord:
            return protocol.source_time(response)

    def _wall_clock_before(self, instant: datetime) -> str:
        # If the clocks show a time twice, the source takes the first one, so the result is never too late.
        return f"{instant.astimezone(self._zone):%d/%m/%Y %H:%M}"

    def _note(self, dates: dict[date, datetime], row: Mapping[str, Any]) -> None:
        changed_at = protocol.change_time(lambda: wall_clock("modificado", row["modificado"], self._zone))
        protocol.keep_latest_change(dates, wall_clock("fecha_hora", row["fecha_hora"], self._zone).date(), changed_at)
        if previous := row.get("fecha_anterior"):
            protocol.keep_latest_change(dates, day_first("fecha_anterior", previous), changed_at)


def _next(link: str) -> str | None:
    for item in requests.utils.parse_header_links(link):
        if item.get("rel") == "next":
            return str(item["url"])
    return None


def _path_and_query(link: str) -> tuple[str, dict[str, str]]:
    """The parts of a link; an empty path if it is not a URL."""
    try:
        parts = urlsplit(link)
        return parts.path, dict(parse_qsl(parts.query))
    except ValueError:
        return "", {}
