"""Writes the ledger of a load, that of other dates it changed, and the watermark, in the transaction of the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from psycopg2.extras import execute_values

from shared.database import Cursor
from shared.partitions import Manifest
from transformation.load.ledger import LedgerEntry
from transformation.statements import statement


def write_ledger(cursor: Cursor, parameters: Mapping[str, object], entries: Sequence[LedgerEntry]) -> None:
    """One row per partition in load_ledger, one per partition and currency in load_ledger_amounts."""
    execute_values(
        cursor,
        "INSERT INTO load_ledger (load_id, retailer_id, business_date, run_id, reported, fetched, landed, rejected,"
        " inserted, updated, unchanged, duplicate, superseded, withdrawn, in_warehouse, source_sha256, content_digest,"
        " recorded_at)"
        " VALUES %s",
        [_ledger_row(parameters, entry) for entry in entries],
    )
    execute_values(
        cursor,
        "INSERT INTO load_ledger_amounts (load_id, retailer_id, business_date, currency, measure, reported, landed,"
        " rejected, inserted, updated, unchanged, duplicate, withdrawn, in_warehouse) VALUES %s",
        [row for entry in entries for row in _amount_rows(parameters, entry)],
    )


def _ledger_row(parameters: Mapping[str, object], entry: LedgerEntry) -> tuple[object, ...]:
    manifest, report = entry.manifest, entry.manifest.control_report
    return (
        parameters["load_id"],
        manifest.retailer_id,
        manifest.business_date,
        parameters["run_id"],
        report.lines if report else None,
        manifest.fetched,
        entry.landed.records,
        manifest.rejected,
        entry.inserted.records,
        entry.updated.records,
        entry.unchanged.records,
        entry.duplicate.records,
        entry.superseded,
        entry.withdrawn.records,
        entry.in_warehouse.records,
        manifest.sha256,
        None if parameters["insert_only"] else entry.content,
        parameters["now"],
    )


def _amount_rows(parameters: Mapping[str, object], entry: LedgerEntry) -> list[tuple[object, ...]]:
    """A row per currency for net amounts, and one for tax where there is any."""
    manifest, report = entry.manifest, entry.manifest.control_report
    parts = (entry.inserted, entry.updated, entry.unchanged, entry.duplicate, entry.withdrawn, entry.in_warehouse)
    rows: list[tuple[object, ...]] = []
    for currency in entry.currencies:
        landed, money = entry.landed.amount(currency), [part.amount(currency) for part in parts]
        rejected = manifest.amounts[currency].rejected if currency in manifest.amounts else 0
        key = (parameters["load_id"], manifest.retailer_id, manifest.business_date, currency)
        reported = report.net.get(currency, 0) if report else None
        rows.append((*key, "net", reported, landed.net, rejected, *(each.net for each in money)))
        if landed.tax or any(each.tax for each in money):
            rows.append((*key, "tax", None, landed.tax, 0, *(each.tax for each in money)))
    return rows


def restate_ledger(cursor: Cursor, parameters: Mapping[str, object], date_keys: Sequence[int]) -> None:
    """Calculate the ledger of dates outside the load again that lost lines to it or got lines back."""
    days = [datetime.strptime(str(key), "%Y%m%d").date() for key in date_keys]  # noqa: DTZ007 - a date has no zone
    cursor.execute(
        statement("restate_ledger"),
        {**parameters, "other_dates": days, "other_date_keys": list(date_keys)},
    )


def move_watermark(
    cursor: Cursor, parameters: Mapping[str, object], manifest: Manifest, transaction_id: str | None
) -> None:
    """Advance pipeline_metadata to the latest partition of the load; it never moves back.

    `transaction_id` is None where the partition holds nothing.
    """
    cursor.execute(
        statement("move_watermark"),
        {
            **parameters,
            "business_date": manifest.business_date,
            "transaction_id": transaction_id,
            "changes_since": manifest.window.changes_since,
            "changes_until": manifest.window.changes_until,
            "from_position": manifest.window.changes_from_position,
            "to_position": manifest.window.changes_to_position,
        },
    )


def last_processed_transaction(cursor: Cursor, retailer_id: str) -> str | None:
    """What the watermark says now."""
    cursor.execute("SELECT last_processed_transaction_id FROM pipeline_metadata WHERE retailer_id = %s", (retailer_id,))
    row = cursor.fetchone()
    return row[0] if row else None
