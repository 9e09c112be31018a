"""Reads landed partitions back, so that files can add records to them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import duckdb
import orjson

from ingestion.landing.rejected_rows import REJECTED_BEFORE
from ingestion.models.columnar import COLUMNS, completed
from shared.database import Cursor
from shared.errors import RetryLater
from shared.partition_versions import download_records, read_rejected
from shared.partitions import Manifest
from shared.s3_client import Bucket
from shared.scratch import scratch_directory


def append_landed(
    connection: duckdb.DuckDBPyConnection, cursor: Cursor, bucket: Bucket, landed: Mapping[date, Manifest]
) -> None:
    """Add the landed records of these dates to the connection's tables. A record of the files replaces the landed one.

    Rejected rows and flags are kept as well. Raises RetryLater if another landing is in progress.
    """
    connection.execute("CREATE OR REPLACE TEMP TABLE kept_records AS SELECT * FROM landed_records WHERE false")
    with scratch_directory() as directory:
        for day, manifest in landed.items():
            path = Path(directory) / f"{day}.json"
            if not download_records(bucket, manifest, path):
                raise _differs(manifest)
            _keep_records(connection, path)
            if manifest.rejected:
                _keep_rejected(connection, bucket, day, manifest)
    # A new table: in `landed_records`, columns with the same value in every record of a file are virtual.
    connection.execute(
        "CREATE OR REPLACE TABLE all_records AS SELECT * FROM landed_records UNION ALL SELECT * FROM kept_records"
    )
    connection.execute("DROP TABLE landed_records")
    connection.execute("ALTER TABLE all_records RENAME TO landed_records")
    _keep_flags(connection, cursor, next(iter(landed.values())).retailer_id, list(landed))


def _keep_records(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    quoted = str(path).replace("'", "''")
    connection.execute(
        f"INSERT INTO kept_records SELECT {completed()} FROM read_json('{quoted}', format = 'newline_delimited',"  # noqa: S608
        f" columns = {json.dumps(COLUMNS)}) AS old"
        " ANTI JOIN landed_records AS new USING (business_date, transaction_id, line_id)"
    )


def _keep_rejected(connection: duckdb.DuckDBPyConnection, bucket: Bucket, day: date, manifest: Manifest) -> None:
    """Keep the existing dead letters. An equal rejected row of the files counts as the same one."""
    kept = [orjson.loads(line) for line in (read_rejected(bucket, manifest) or b"").splitlines()]
    if len(kept) != manifest.rejected:
        raise _differs(manifest)
    # A dead letter has no amount; the manifest has the sum of all. It is assigned to the first ones, one per currency.
    money = [(amounts.rejected, currency) for currency, amounts in manifest.amounts.items() if amounts.rejected]
    money += [(None, None)] * (len(kept) - len(money))  # type: ignore[list-item]
    rows = [
        (REJECTED_BEFORE, number, day, row["reason_code"], row["reason"], None, row["position"], payload, *amount)
        for number, (row, amount) in enumerate(zip(kept, money, strict=False))
        for payload in [orjson.dumps(row["payload"]).decode()]
    ]
    connection.executemany(
        "DELETE FROM rejected_rows WHERE business_date = ? AND source_file <> ? AND code = ? AND payload = ?",
        [(day, REJECTED_BEFORE, row[3], row[7]) for row in rows],
    )
    connection.executemany(
        "INSERT INTO rejected_rows (source_file, source_line, business_date, code, reason, column_name, value, payload,"
        " net_amount, currency) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        rows,
    )


def _differs(manifest: Manifest) -> RetryLater:
    return RetryLater(
        f"The raw zone no longer has what the manifest of {manifest.retailer_id} {manifest.business_date} describes:"
        " another landing is in progress, or the objects were changed. Run again, or use --on-overlap replace."
    )


def _keep_flags(connection: duckdb.DuckDBPyConnection, cursor: Cursor, retailer_id: str, days: list[date]) -> None:
    cursor.execute(
        "SELECT business_date, transaction_id, line_id, rule_code FROM ops.flagged_sales"
        " WHERE retailer_id = %s AND business_date = ANY (%s)",
        (retailer_id, days),
    )
    if rows := cursor.fetchall():
        connection.execute("CREATE OR REPLACE TEMP TABLE old_flags AS SELECT * FROM flagged_rows WHERE false")
        connection.executemany("INSERT INTO old_flags VALUES (?, ?, ?, ?)", rows)
        connection.execute(
            "INSERT INTO flagged_rows SELECT * FROM old_flags"
            " SEMI JOIN kept_records USING (business_date, transaction_id, line_id)"
        )
