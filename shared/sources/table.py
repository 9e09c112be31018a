"""`ops.sources`: what the warehouse knows of each source. Written by every run, every check and every load."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from shared.database import Cursor, read_sql
from shared.partitions import SourceDescription
from shared.sources.registry import Sources

_SQL = Path(__file__).parent / "sql"
_DEFINED = (
    *("source_name", "country", "connector", "time_zone", "currencies", "is_scheduled", "start_date"),
    "definition_digest",
)


def record_definitions(cursor: Cursor, sources: Sources, now: datetime) -> None:
    """Write the valid definitions that differ from what is known.

    A source whose definition is gone is no longer scheduled; its row stays. A broken definition leaves its row as it
    was, so the source is still expected. Without any definition nothing changes: then the directory is not there.
    """
    if not sources.ids:
        return
    # Writing only what differs locks no other row: the load of a source holds its row until the commit.
    cursor.execute(f"SELECT retailer_id, {', '.join(_DEFINED)} FROM ops.sources")  # noqa: S608 - our own names
    known = {retailer_id: values for retailer_id, *values in cursor.fetchall()}
    for each in sources.definitions.values():
        scheduled = {"is_scheduled": each.is_scheduled, "start_date": each.start_date}
        values = {**_described(each.id, sources.describe(each.id)), **scheduled}
        if known.get(each.id) != [values[name] for name in _DEFINED]:
            written = {**values, "described_at": now, "now": now}
            cursor.execute(read_sql(_SQL / "record_definition.sql"), written)
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
