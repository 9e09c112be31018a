"""What a user decides about a held load: publish it although checks fail, or discard it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path

from shared.database import Cursor, lock_in_transaction, read_sql
from shared.errors import FixConfiguration, StopRun
from shared.partition_versions import Readable, find_manifest
from shared.publication_gate import LandedContent

_SQL = Path(__file__).parent / "sql"


class Decision(StrEnum):
    """What becomes of exactly the content that is held."""

    APPROVED = "approved"
    DISCARDED = "discarded"


@dataclass(frozen=True)
class HeldLoad:
    """A row of ops.held_loads that a decision is about."""

    held_load_id: int
    retailer_id: str
    business_date: date
    landed_digest: str
    status: str
    decided_by: str | None
    reason: str | None
    decided_at: datetime | None

    @property
    def place(self) -> str:
        """`held load 3 (retailer_1 2024-01-15)`."""
        return f"held load {self.held_load_id} ({self.retailer_id} {self.business_date})"


@dataclass(frozen=True)
class DecidedBy:
    """Who decides, why and when."""

    user: str
    reason: str
    now: datetime


def decide(cursor: Cursor, number: int, decision: Decision, by: DecidedBy, raw: Readable) -> HeldLoad:
    """Record a decision, once; the held load that it is about.

    Discarded content can be approved after all, which is recorded as a decision of its own. Raises FixConfiguration for
    a number that does not exist, and StopRun when it was decided already or other content was landed since.
    """
    held = _lock(cursor, number)
    _check_undecided(held, decision)
    _check_current(held, raw)
    bound = {"id": number, "status": decision.value, "by": by.user, "reason": by.reason, "now": by.now}
    if held.status == "waiting":
        cursor.execute(read_sql(_SQL / "decide.sql"), bound)
        return held
    cursor.execute(read_sql(_SQL / "approve_discarded.sql"), bound)
    row = cursor.fetchone()
    return _lock(cursor, int(row[0]) if row else number)


def _lock(cursor: Cursor, number: int) -> HeldLoad:
    cursor.execute(read_sql(_SQL / "lock_held_load.sql"), {"id": number})
    row = cursor.fetchone()
    if row is None:
        raise FixConfiguration(f"Held load {number} does not exist. List them: retail held list --status all")
    held = HeldLoad(*row)
    lock_in_transaction(cursor, "held load", held.retailer_id, held.business_date)
    return held


def _check_undecided(held: HeldLoad, decision: Decision) -> None:
    if held.status == "waiting" or (held.status == Decision.DISCARDED and decision is Decision.APPROVED):
        return
    if held.status == "superseded":
        raise StopRun(f"{held.place} waits no more: {held.reason} See: retail held list --retailer {held.retailer_id}")
    raise StopRun(
        f"{held.place} was {held.status} by {held.decided_by} at {held.decided_at:%Y-%m-%d %H:%M} UTC: {held.reason}."
        " A decision is made once, about this content only."
    )


def _check_current(held: HeldLoad, raw: Readable) -> None:
    manifest = find_manifest(raw, held.retailer_id, held.business_date)
    if manifest is None or LandedContent(manifest, "").landed_digest != held.landed_digest:
        raise StopRun(
            f"{held.place}: other data was landed since. Nothing was decided. Check what is landed now:"
            f" retail transform {held.business_date} --retailer {held.retailer_id}"
        )
