"""`ops.sources`: what the warehouse knows of each source. Written by every run and by every load."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from shared.database import Cursor, read_sql
from shared.partitions import SourceDescription
from shared.sources.registry import Sources

_SQL = Path(__file__).parent / "sql"


def record_definitions(cursor: Cursor, sources: Sources, now: datetime) -> None:
    """Write every valid definition. A source whose definition is gone is no longer scheduled; its row stays.

    A broken definition leaves its row as it was, so the source is still expected.
    """
    for each in sources.definitions.values():
        scheduled = {"is_scheduled": each.enabled and each.schedule == "daily", "start_date": each.start_date}
        values = {**_described(each.id, sources.describe(each.id)), **scheduled, "described_at": now, "now": now}
        cursor.execute(read_sql(_SQL / "record_definition.sql"), values)
    cursor.execute(
        "UPDATE ops.sources SET is_scheduled = false, changed_at = %s WHERE is_scheduled AND retailer_id <> ALL (%s)",
        (now, list(sources.ids)),
    )


def record_description(
    cursor: Cursor, retailer_id: str, description: SourceDescription, written_at: datetime, now: datetime
) -> None:
    """Write what a partition landed at `written_at` says of its source, unless a newer description is known.

    `dim_retailer` follows.
    """
    values = {**_described(retailer_id, description), "described_at": written_at, "now": now}
    cursor.execute(read_sql(_SQL / "record_description.sql"), values)


def _described(retailer_id: str, description: SourceDescription) -> dict[str, object]:
    currencies = description.currencies
    return {
        "retailer_id": retailer_id,
        "source_name": description.name,
        "country": description.country,
        "connector": description.connector,
        "time_zone": description.time_zone,
        "currencies": None if currencies is None else list(currencies),
        "definition_digest": description.definition_digest,
    }
