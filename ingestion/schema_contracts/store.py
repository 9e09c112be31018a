"""`ops.source_schemas`: the schema that each source is compared with, the one that waits, and all before."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from ingestion.schema_contracts.guard import SchemaDifference, SchemaGuard
from ingestion.schema_contracts.model import Schema, merged
from shared.database import Cursor, lock_in_transaction, read_sql, session, transaction
from shared.errors import FixConfiguration
from shared.sources.contracts import Contract

_SQL = Path(__file__).parent / "sql"
_NAME = "retail-ingest"


@dataclass(frozen=True)
class Since:
    """Since when a difference is known."""

    business_date: date
    first_seen_at: datetime | None


@dataclass(frozen=True)
class _Stored:
    """What the table has of a source."""

    current: Schema | None
    pending: list[dict[str, Any]] | None
    """The changes of the schema that waits."""
    since: Since | None = None


def read_guard(dsn: str, retailer_id: str, contract: Contract) -> SchemaGuard:
    """The guard of a source for a run. The warehouse is read when it is needed."""

    def read() -> Schema | None:
        with session(dsn, application_name=_NAME) as connection, transaction(connection) as cursor:
            return _read(cursor, retailer_id).current

    return SchemaGuard(retailer_id, contract, read)


def save(dsn: str, guard: SchemaGuard, run_id: str, now: datetime) -> Since | None:
    """Write what a run has found: a new current schema, or one that waits to be accepted.

    Returns since when the difference of the run is known, if there is one.
    """
    if guard.latest is None:
        return None
    since = Since(guard.difference.business_date, now) if guard.difference else None
    with session(dsn, application_name=_NAME) as connection, transaction(connection) as cursor:
        lock_in_transaction(cursor, "schema", guard.retailer_id)
        stored = _read(cursor, guard.retailer_id)
        difference = guard.difference
        if guard.contract == "evolve" or difference is None:
            # An earlier date that is read again does not show that the source sends the former schema again.
            cursor.execute(
                "DELETE FROM ops.source_schemas WHERE retailer_id = %s AND status = 'pending' AND business_date <= %s",
                (guard.retailer_id, guard.latest),
            )
        if guard.is_extended and guard.known is not None and guard.known != stored.current:
            _write_current(cursor, guard, guard.known, stored, run_id, now)
        if difference is not None and guard.contract != "evolve" and stored.current is not None:
            since = _write_pending(cursor, guard.retailer_id, difference, stored, run_id, now)
    return since


def _write_current(
    cursor: Cursor, guard: SchemaGuard, schema: Schema, stored: _Stored, run_id: str, now: datetime
) -> None:
    difference = guard.difference if guard.contract == "evolve" else None
    if stored.current is not None and difference is None:
        cursor.execute(
            "UPDATE ops.source_schemas SET fields = %s::jsonb, records = %s, last_seen_at = %s"
            " WHERE retailer_id = %s AND status = 'current'",
            (json.dumps(schema.as_json()), schema.records, now, guard.retailer_id),
        )
        return
    cursor.execute(
        "UPDATE ops.source_schemas SET status = 'replaced' WHERE retailer_id = %s AND status = 'current'",
        (guard.retailer_id,),
    )
    by = "the first records" if stored.current is None else "contract evolve"
    _insert(cursor, guard.retailer_id, "current", schema, difference, run_id, now, by)


def _write_pending(
    cursor: Cursor, retailer_id: str, difference: SchemaDifference, stored: _Stored, run_id: str, now: datetime
) -> Since:
    """Write the schema as it would be if the difference were accepted. One that is known keeps the time it was seen."""
    found = [(each.kind, each.path, each.before, each.after) for each in difference.changes]
    if stored.pending is not None and stored.since is not None:
        if found == [(each["kind"], each["path"], each["before"], each["after"]) for each in stored.pending]:
            cursor.execute(
                "UPDATE ops.source_schemas SET last_seen_at = %s, changed_records = %s"
                " WHERE retailer_id = %s AND status = 'pending'",
                (now, difference.touched, retailer_id),
            )
            return stored.since
        cursor.execute("DELETE FROM ops.source_schemas WHERE retailer_id = %s AND status = 'pending'", (retailer_id,))
    assert stored.current is not None  # noqa: S101 - the caller has checked it
    gone = frozenset(
        each.before if each.kind == "renamed" else each.path
        for each in difference.changes
        if each.kind in ("dropped", "renamed")
    )
    schema = merged(stored.current, difference.seen, gone)
    _insert(cursor, retailer_id, "pending", schema, difference, run_id, now, None)
    return Since(difference.business_date, now)


def _insert(
    cursor: Cursor,
    retailer_id: str,
    status: str,
    schema: Schema,
    difference: SchemaDifference | None,
    run_id: str,
    now: datetime,
    accepted_by: str | None,
) -> None:
    values = {
        "retailer_id": retailer_id,
        "status": status,
        "fields": json.dumps(schema.as_json()),
        "records": schema.records,
        "changes": json.dumps([each.as_json() for each in difference.changes] if difference else []),
        "changed_records": difference.touched if difference else 0,
        "business_date": difference.business_date if difference else None,
        "run_id": run_id,
        "now": now,
        "accepted_by": accepted_by,
    }
    cursor.execute(read_sql(_SQL / "insert_schema.sql"), values)


def accept(cursor: Cursor, retailer_id: str, by: str, now: datetime) -> list[dict[str, Any]]:
    """Make the schema that waits the current one. Returns its changes. Raises FixConfiguration when none waits."""
    lock_in_transaction(cursor, "schema", retailer_id)
    waiting = _read(cursor, retailer_id).pending
    if waiting is None:
        raise FixConfiguration(
            f"No change of {retailer_id} waits to be accepted. To see its schema: retail sources schema {retailer_id}"
        )
    cursor.execute(
        "UPDATE ops.source_schemas SET status = 'replaced' WHERE retailer_id = %s AND status = 'current'",
        (retailer_id,),
    )
    cursor.execute(
        "UPDATE ops.source_schemas SET status = 'current', accepted_at = %s, accepted_by = %s"
        " WHERE retailer_id = %s AND status = 'pending'",
        (now, by, retailer_id),
    )
    return waiting


def list_versions(cursor: Cursor, retailer_id: str) -> list[dict[str, Any]]:
    """All versions of a source's schema, the latest first."""
    cursor.execute(read_sql(_SQL / "list_schemas.sql"), {"retailer_id": retailer_id})
    names = [column.name for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _read(cursor: Cursor, retailer_id: str) -> _Stored:
    cursor.execute(read_sql(_SQL / "read_schema.sql"), {"retailer_id": retailer_id})
    current: Schema | None = None
    pending: list[dict[str, Any]] | None = None
    since: Since | None = None
    for _, status, fields, records, changes, business_date, first_seen_at in cursor.fetchall():
        if status == "current":
            current = Schema.from_json(fields, records)
        else:
            pending, since = changes, Since(business_date, first_seen_at)
    return _Stored(current, pending, since)
