"""`ops.dropped_files` and `ops.drop_listings`: what became of every file that was dropped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psycopg2.extras import execute_values

from pipeline.drop_selection import WAITING, FileVersion, KnownFile
from shared.database import Connection, Cursor, read_sql, transaction

if TYPE_CHECKING:
    from ingestion.connectors.drops.place import ListedFile

_SQL = Path(__file__).parent / "sql"


@dataclass(frozen=True)
class Decision:
    """What became of a file."""

    status: str
    reason: str | None = None
    sha256: str | None = None
    load_id: int | None = None
    run_id: str | None = None


@dataclass(frozen=True)
class DroppedFile:
    """A row of the ledger, as a user sees it."""

    name: str
    place: str
    status: str
    reason: str | None
    size_bytes: int
    modified_at: datetime
    first_listed_at: datetime
    decided_at: datetime | None
    load_id: int | None
    moved_to: str | None
    is_listed: bool


@dataclass(frozen=True)
class SameContent:
    """An earlier decision about the same bytes."""

    status: str
    reason: str | None
    file_name: str
    decided_at: datetime
    load_id: int | None
    definition_digest: str | None


class DropLedger:
    """The rows of one source, over one session."""

    def __init__(self, connection: Connection, retailer_id: str, definition_digest: str) -> None:
        self._connection, self._retailer_id = connection, retailer_id
        self.definition_digest = definition_digest

    def known(self, listed: Sequence[ListedFile]) -> dict[FileVersion, KnownFile]:
        """What is known of the listed versions."""
        with transaction(self._connection) as cursor:
            cursor.execute(
                read_sql(_SQL / "known_drops.sql"),
                {"retailer_id": self._retailer_id, "places": [each.place for each in listed]},
            )
            return {(place, version): KnownFile(*values) for place, version, *values in cursor.fetchall()}

    def record_listing(self, listed: Sequence[ListedFile], location: str, now: datetime) -> None:
        """Write the versions that are new as waiting, and note which are still there."""
        values = {"retailer_id": self._retailer_id, "location": location, "now": now}
        with transaction(self._connection) as cursor:
            _fill_listing(cursor, listed)
            for statement in ("insert_drops", "mark_listed_drops", "delete_replaced_drops", "record_drop_listing"):
                cursor.execute(read_sql(_SQL / f"{statement}.sql"), values)

    def same_content(self, sha256: str) -> SameContent | None:
        """The latest decision about the same bytes, whatever the file was called, and whoever loaded it."""
        with transaction(self._connection) as cursor:
            values = {"retailer_id": self._retailer_id, "sha256": sha256}
            cursor.execute(read_sql(_SQL / "same_content.sql"), values)
            row = cursor.fetchone()
        return SameContent(*row) if row else None

    def decide(self, file: ListedFile, decision: Decision, now: datetime) -> None:
        """Write what became of a version. It can be written again."""
        values: dict[str, Any] = {
            **vars(decision),
            **_identity(self._retailer_id, file),
            "definition_digest": self.definition_digest,
            "decided_at": None if decision.status == WAITING else now,
        }
        with transaction(self._connection) as cursor:
            cursor.execute(read_sql(_SQL / "decide_drop.sql"), values)

    def moved(self, file: ListedFile, moved_to: str) -> None:
        """Note that the file is not where it was dropped any more."""
        with transaction(self._connection) as cursor:
            cursor.execute(
                read_sql(_SQL / "moved_drop.sql"), {**_identity(self._retailer_id, file), "moved_to": moved_to}
            )


def listed_at(cursor: Cursor, retailer_ids: Iterable[str]) -> dict[str, datetime]:
    """When each of the sources was listed last; sources that never were are missing."""
    cursor.execute(
        "SELECT retailer_id, listed_at FROM ops.drop_listings WHERE retailer_id = ANY (%s)", (list(retailer_ids),)
    )
    return dict(cursor.fetchall())


def dropped_files(cursor: Cursor, retailer_id: str, statuses: Sequence[str], limit: int) -> list[DroppedFile]:
    """The files of a source with one of these statuses, the latest first."""
    values = {"retailer_id": retailer_id, "statuses": list(statuses), "limit": limit}
    cursor.execute(read_sql(_SQL / "list_drops.sql"), values)
    return [DroppedFile(*row) for row in cursor.fetchall()]


def _identity(retailer_id: str, file: ListedFile) -> dict[str, Any]:
    return {"retailer_id": retailer_id, "place": file.place, "version": file.version}


def _fill_listing(cursor: Cursor, listed: Sequence[ListedFile]) -> None:
    cursor.execute(read_sql(_SQL / "create_listing.sql"))
    rows = [
        (each.place, each.version, each.name, each.size_bytes, each.modified_at)
        for each in {(one.place, one.version): one for one in listed}.values()
    ]
    execute_values(cursor, "INSERT INTO listing VALUES %s", rows, page_size=1000)
