"""Dead letters: rejected records with their payload, reason and origin, in `ops.dead_letters`.

A record that is rejected again updates its row. One that is no longer rejected becomes `resolved`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice, repeat
from typing import Any

import orjson
from psycopg2.extras import execute_values

from shared.database import Cursor

PAYLOAD_BYTES = 64 * 1024
"""How much of a payload the database stores; the partition's rejected object has all of it."""
_BATCH = 100
_DEEPEST = 500
_UPSERT = """
INSERT INTO ops.dead_letters (retailer_id, business_date, stage, reason_code, reason, payload, payload_digest,
                              position, object_key, run_id, first_seen_at, last_seen_at)
VALUES %s
ON CONFLICT (retailer_id, business_date, stage, payload_digest, reason_code) DO UPDATE SET
    reason = excluded.reason,
    position = excluded.position,
    object_key = excluded.object_key,
    run_id = excluded.run_id,
    last_seen_at = excluded.last_seen_at,
    status = CASE dead_letters.status WHEN 'resolved' THEN 'open' ELSE dead_letters.status END
"""
_RESOLVE = """
UPDATE ops.dead_letters SET status = 'resolved'
WHERE retailer_id = %s AND business_date = ANY (%s) AND stage = %s AND status = 'open' AND last_seen_at <> %s
"""


def as_json(value: Any, *, sort_keys: bool = False) -> bytes:
    """A source's value as JSON, also where it is nested deeper than orjson writes or is not of JSON's types.

    What is nested deeper than 500 levels is left out.
    """
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS if sort_keys else None)
    except TypeError:
        shallow = _without_depths(value, _DEEPEST)
        text = json.dumps(shallow, sort_keys=sort_keys, separators=(",", ":"), ensure_ascii=False, default=str)
        return text.encode("utf-8", "replace")


def _without_depths(value: Any, levels: int) -> Any:
    if not isinstance(value, dict | list | tuple):
        return value
    if not levels:
        return "nested too deeply"
    # A comprehension would need a second stack frame for each level.
    within = map(_without_depths, value.values() if isinstance(value, dict) else value, repeat(levels - 1))
    return dict(zip(map(str, value), within, strict=True)) if isinstance(value, dict) else list(within)


@dataclass(frozen=True)
class DeadLetter:
    """One rejected record."""

    reason_code: str
    reason: str
    position: str
    """Its place at the source, with the column and the value if one is to blame: `page 3, row 17, column sku`."""
    payload: Any
    """JSON-able, as the source sent it."""

    def line(self) -> bytes:
        """A line of the rejected object: the same bytes for the same rejection, NUL escaped."""
        rejected = {
            "reason_code": self.reason_code,
            "reason": self.reason,
            "position": self.position,
            "payload": self.payload,
        }
        return as_json(rejected, sort_keys=True) + b"\n"


@dataclass(frozen=True)
class Origin:
    """Which partition and run the dead letters come from."""

    retailer_id: str
    business_date: date
    stage: str
    """`ingest` or `transform`."""
    run_id: str
    object_key: str | None
    """The object in the raw bucket that has the complete records; None when none was written."""
    seen_at: datetime


def record(cursor: Cursor, lines: Iterable[bytes], origin: Origin) -> None:
    """Write the dead letters in `lines` (see `DeadLetter.line`). The caller commits."""
    remaining = iter(lines)
    while batch := [_row(line, origin) for line in islice(remaining, _BATCH)]:
        # Equal records with the same reason share a row, and one statement may write a row only once.
        distinct = {(row[6], row[3]): row for row in batch}
        execute_values(cursor, _UPSERT, list(distinct.values()), page_size=_BATCH)


def resolve_others(cursor: Cursor, retailer_id: str, days: Sequence[date], *, stage: str, seen_at: datetime) -> int:
    """Close the open dead letters of these dates that were not seen at `seen_at`; returns how many."""
    cursor.execute(_RESOLVE, (retailer_id, list(days), stage, seen_at))
    return cursor.rowcount


def _row(line: bytes, origin: Origin) -> tuple[Any, ...]:
    rejected = orjson.loads(line)
    payload = as_json(rejected["payload"], sort_keys=True)
    return (
        origin.retailer_id,
        origin.business_date,
        origin.stage,
        rejected["reason_code"],
        rejected["reason"].replace("\x00", "\\u0000"),
        payload[:PAYLOAD_BYTES].decode("utf-8", "ignore"),
        hashlib.sha256(payload).hexdigest(),
        rejected["position"],
        origin.object_key,
        origin.run_id,
        origin.seen_at,
        origin.seen_at,
    )
