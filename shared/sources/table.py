"""`ops.sources`: what the warehouse knows of each source. Written by every run and by every load."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from shared.database import Cursor
from shared.partitions import SourceDescription
from shared.sources.registry import Sources

_COLUMNS = (
    "source_name", "country", "connector", "time_zone", "currencies", "is_scheduled", "start_date", "definition_digest"
)  # fmt: skip
_DESCRIBED = ("source_name", "country", "time_zone", "currencies", "definition_digest")
"""What a manifest says; the rest is only in the definition."""


def record_definitions(cursor: Cursor, sources: Sources, now: datetime) -> None:
    """Write every valid definition. A source whose definition is gone is no longer scheduled; its row stays.

    A broken definition leaves its row as it was, so the source is still expected.
    """
    for each in sources.definitions.values():
        description = sources.describe(each.id)
        values = {
            "source_name": each.name,
            "country": each.country,
            "connector": each.connector,
            "time_zone": each.time_zone,
            "currencies": None if each.currencies is None else list(each.currencies),
            "is_scheduled": each.enabled and each.schedule == "daily",
            "start_date": each.start_date,
            "definition_digest": description.definition_digest,
        }
        _write(cursor, each.id, _COLUMNS, values, now)
    cursor.execute(
        "UPDATE ops.sources SET is_scheduled = false, changed_at = %s WHERE is_scheduled AND retailer_id <> ALL (%s)",
        (now, list(sources.ids)),
    )


def record_description(cursor: Cursor, retailer_id: str, description: SourceDescription, now: datetime) -> None:
    """Write what a landed partition says of its source, for a source that this warehouse may not know yet."""
    values = {
        "source_name": description.name,
        "country": description.country,
        "connector": description.connector,
        "time_zone": description.time_zone,
        "currencies": None if description.currencies is None else list(description.currencies),
        "is_scheduled": False,
        "definition_digest": description.definition_digest,
    }
    _write(cursor, retailer_id, _DESCRIBED, values, now)


def _write(
    cursor: Cursor, retailer_id: str, updated: tuple[str, ...], values: Mapping[str, object], now: datetime
) -> None:
    names = ", ".join(values)
    assigned = ", ".join(f"{name} = excluded.{name}" for name in updated)
    changed = ", ".join(f"stored.{name}" for name in updated)
    given = ", ".join(f"excluded.{name}" for name in updated)
    cursor.execute(
        f"INSERT INTO ops.sources AS stored (retailer_id, {names}, first_seen_at, changed_at)"  # noqa: S608 - our names
        f" VALUES (%s, {', '.join(['%s'] * len(values))}, %s, %s) ON CONFLICT (retailer_id) DO UPDATE"
        f" SET {assigned}, changed_at = excluded.changed_at WHERE ({changed}) IS DISTINCT FROM ({given})",
        (retailer_id, *values.values(), now, now),
    )
