"""A connector of a user's own, as small as one can be: its API has neither a control report nor a list of changes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

from ingestion.connectors import protocol
from ingestion.connectors.http.client import HeaderKey
from ingestion.connectors.protocol import RawPage, Runtime
from ingestion.mapping.layouts import shipped_mapping
from ingestion.mapping.single_rows import SingleRows
from ingestion.models.retailer_data import SalesRecord
from shared.config import IngestSettings
from shared.sources.connection import Connection
from shared.sources.definition import SourceDefinition

_MAPPING = Path(__file__).with_name("mapping.yaml")
_ORDERS = 200


class CornerShop:
    """The connector of the corner shop: orders with their lines, in numbered pages."""

    listing_path = "/orders"

    def __init__(
        self, source: SourceDefinition, connection: Connection, ingest: IngestSettings, runtime: Runtime
    ) -> None:
        self.retailer_id = source.id
        auth = protocol.required_auth(source, connection, "header")
        key = HeaderKey(auth["name"], auth["value"])
        self._client = protocol.http_client(source, connection, ingest, runtime, key)
        self.mapping = shipped_mapping(_MAPPING, source.id, source.time_zone)
        self._single_rows = SingleRows(self.mapping)

    def check(self, day: date) -> None:
        """See `Connector.check`."""
        next(self.fetch_sales_data(day))

    def fetch_sales_data(self, day: date) -> Iterator[RawPage[dict[str, Any]]]:
        """The orders paid on `day`, with their lines."""
        number, more = 0, True
        while more:
            number += 1
            parameters = {"day": day.isoformat(), "page": str(number), "size": str(_ORDERS)}
            response = self._client.get(self.listing_path, parameters)
            orders = protocol.required_field(self.retailer_id, response, "orders", list)
            more = response.value.get("more") is True
            yield RawPage(number, orders, protocol.source_time(response), requested=_ORDERS)

    def normalize_sales_record(self, raw: dict[str, Any]) -> SalesRecord:
        """An order with one line as a `SalesRecord`. Raises RejectRecord."""
        return self._single_rows.record(raw)

    def daily_report(self, day: date) -> None:
        """None: the API has no control report."""

    def list_changes(self, since: datetime) -> None:
        """None: the API has no list of changes."""

    def close(self) -> None:
        """See `Connector.close`."""
        self._client.close()
        self._single_rows.close()
