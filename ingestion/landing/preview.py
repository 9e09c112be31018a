"""Shows what landing would make of the first lines of a date: the same mapping, and nothing is written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from ingestion.connectors.protocol import Connector
from ingestion.landing.rejected_rows import describe, place_on_page
from ingestion.mapping.json_rows import JsonReader
from ingestion.mapping.layouts import SourceMapping
from ingestion.mapping.map_json import map_json
from ingestion.mapping.rejections import RejectedRow, first_rejected
from ingestion.mapping.single_rows import landed_records
from ingestion.mapping.workspace import workspace
from ingestion.models.retailer_data import SalesRecord
from shared.errors import FixConfiguration, RejectRecord

_COMPARED = 3


@dataclass(frozen=True)
class RejectedLine:
    """A line that would not be landed."""

    position: str
    """Page, line, column and value."""
    transaction_id: Any
    """As the source sent it; None if it has none."""
    code: str
    reason: str
    payload: Any

    def as_dict(self) -> dict[str, Any]:
        """JSON-able form."""
        return dict(vars(self))


@dataclass(frozen=True)
class Preview:
    """The first lines of a date."""

    records: list[SalesRecord]
    rejected: list[RejectedLine]


def preview_date(connector: Connector[Any], day: date, limit: int) -> Preview:
    """What landing would make of the first `limit` lines of a date.

    Raises what the connector raises, and FixConfiguration if its `normalize_sales_record` makes other records than its
    mapping.
    """
    reader, lines = JsonReader(connector.mapping), dict[int, list[Any]]()
    left = limit
    for number, page in enumerate(connector.fetch_sales_data(day), start=1):
        lines[number] = reader.payloads(page.rows)[:left]
        left -= len(lines[number])
        if left == 0:
            break
    with workspace(threads=1) as connection:
        pages = {number: reader.read(given) for number, given in lines.items() if given}
        if not pages:
            return Preview([], [])
        map_json(connection, connector.mapping, reader.columns, pages, day)
        records = landed_records(connection)
        _compare(connector, day, [line for given in lines.values() for line in given][:_COMPARED], records)
        rejected = [_rejected(connector.mapping, lines, row) for row in first_rejected(connection, limit)]
        return Preview(records, rejected)


def _compare(connector: Connector[Any], day: date, lines: list[Any], records: list[SalesRecord]) -> None:
    for line in lines:
        try:
            record = connector.normalize_sales_record(line)
        except RejectRecord:
            continue
        if record.business_date == day and record not in records:
            raise FixConfiguration(
                f"{connector.retailer_id}: normalize_sales_record makes another record of the line"
                f" {record.transaction_id} {record.line_id} than the mapping. Landing uses the mapping only: leave"
                " normalize_sales_record to SingleRows (ingestion/mapping/single_rows.py)."
            )


def _rejected(mapping: SourceMapping, lines: dict[int, list[Any]], row: RejectedRow) -> RejectedLine:
    payload = lines[row.source_file][row.source_line - 1]
    place = place_on_page(mapping, row.source_file, row.source_line)
    position = describe(place, row.column, row.value, row.reason)
    return RejectedLine(position, _transaction_id(mapping, payload), row.code, row.reason, payload)


def _transaction_id(mapping: SourceMapping, payload: Any) -> Any:
    for key in (mapping.columns["transaction_id"].column or "").split("."):
        payload = payload[0] if isinstance(payload, list) and payload else payload
        payload = payload.get(key) if isinstance(payload, dict) else None
    return payload
