"""The books of a load: ledger rows, other dates it changed, the watermark. Same transaction as the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from psycopg2.extras import execute_values

from shared.database import Cursor
from shared.partitions import Manifest
from transformation.load.ledger import LedgerEntry
from transformation.statements import statement


def write_ledger(cursor: Cursor, parameters: Mapping[str, object], balances: Sequence[LedgerEntry]) -> None:
    """One row per partition in load_ledger, one per partition and currency in load_ledger_amounts."""
    execute_values(
        cursor,
        "INSERT INTO load_ledger (load_id, retailer_id, business_date, run_id, reported, fetched, landed, rejected,"
        " inserted, updated, unchanged, duplicate, superseded, withdrawn, in_warehouse, source_sha256, content_digest,"
        " recorded_at)"
        " VALUES %s",
        [_ledger_row(parameters, balance) for balance in balances],
    )
    execute_values(
        cursor,
        "INSERT INTO load_ledger_amounts (load_id, retailer_id, business_date, currency, reported, landed, rejected,"
        " inserted, updated, unchanged, duplicate, withdrawn, in_warehouse) VALUES %s",
        [row for balance in balances for row in _amount_rows(parameters, balance)],
    )


def _ledger_row(parameters: Mapping[str, object], balance: LedgerEntry) -> tuple[object, ...]:
    manifest, report = balance.manifest, balance.manifest.control_report
    return (
        parameters["load_id"],
        manifest.retailer_id,
        manifest.business_date,
        parameters["run_id"],
        report.lines if report else None,
        manifest.fetched,
        balance.landed.records,
        manifest.rejected,
        balance.inserted.records,
        balance.updated.records,
        balance.unchanged.records,
        balance.duplicate.records,
        balance.superseded,
        balance.withdrawn.records,
        balance.in_warehouse.records,
        manifest.sha256,
        None if parameters["insert_only"] else balance.content,
        parameters["now"],
    )


def _amount_rows(parameters: Mapping[str, object], balance: LedgerEntry) -> list[tuple[object, ...]]:
    manifest, report = balance.manifest, balance.manifest.control_report
    parts = (
        balance.inserted,
        balance.updated,
        balance.unchanged,
        balance.duplicate,
        balance.withdrawn,
        balance.in_warehouse,
    )
    return [
        (
            parameters["load_id"],
            manifest.retailer_id,
            manifest.business_date,
            currency,
            report.net.get(currency, 0) if report else None,
            balance.landed.amount(currency),
            manifest.amounts[currency].rejected if currency in manifest.amounts else 0,
            *(part.amount(currency) for part in parts),
        )
        for currency in balance.currencies
    ]


def restate_ledger(cursor: Cursor, parameters: Mapping[str, object], date_keys: Sequence[int]) -> None:
    """Draw up the balance of dates outside the load that lost lines to it or got lines back."""
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
        },
    )


def last_processed_transaction(cursor: Cursor, retailer_id: str) -> str | None:
    """What the watermark says now."""
    cursor.execute("SELECT last_processed_transaction_id FROM pipeline_metadata WHERE retailer_id = %s", (retailer_id,))
    row = cursor.fetchone()
    return row[0] if row else None
