"""Removes what killed runs left: months being built, rows that say `running`, uploads, copies, temporary folders."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from pathlib import Path

from maintenance.task import TaskContext, TaskResult
from shared.database import Connection, lock_in_transaction, read_sql, transaction
from shared.partition_versions import find_manifest, remove_unused
from shared.partitions import read_key
from shared.s3_admin import abort_uploads, store_time
from shared.s3_client import Bucket
from shared.scratch import remove_abandoned, remove_older

ABANDONED_AFTER = timedelta(days=1)
"""What a run left is removed after this time. No stage takes this long: Airflow ends a task after two hours."""
_CLOSE = Path(__file__).parent / "sql" / "close_abandoned_stages.sql"
_MESSAGE = "It was killed: it never ended, and more than a day has passed. Nothing unpublished is visible to readers."


def remove_orphans(context: TaskContext) -> TaskResult:
    """Drop unattached months, close runs that were killed, abort uploads that nobody continues.

    Remove unused copies in the raw zone, and temporary folders of this user's processes on this machine that are gone.
    Those of older versions, which had no locks, are removed if nothing was written to them for a day.
    Leaves a running load alone: its months and folders are locked, and its row, uploads and copies are newer. A copy
    that a manifest describes stays: the partition may be readable only from it, until its date is landed again.

    Rows must be old by the clock of the database, too, and uploads and copies by that of the store. If only our clock
    counted and it were ahead, a running load would seem to be abandoned.
    """
    now = context.clock()
    s3 = context.settings.s3
    with context.warehouse() as connection:
        with transaction(connection) as cursor:
            cursor.execute("SELECT ops.drop_orphan_builds()")
            row = cursor.fetchone()
            builds: list[str] = list(row[0]) if row else []
        with transaction(connection) as cursor:
            cursor.execute(read_sql(_CLOSE), {"now": now, "abandoned_after": ABANDONED_AFTER, "message": _MESSAGE})
            closed = cursor.rowcount
        before = min(now, store_time(s3, s3.bucket_raw)) - ABANDONED_AFTER
        copies = _remove_copies(connection, Bucket(s3, s3.bucket_raw), before)
    uploads = [
        f"s3://{bucket}/{key}"
        for bucket in (s3.bucket_raw, s3.bucket_processed)
        for key in abort_uploads(s3, bucket, untouched_since=before)
    ]
    folders = remove_abandoned() + remove_older(now - ABANDONED_AFTER)
    summary = (
        f"{len(builds)} unattached months dropped, {closed} dead runs closed, {len(uploads)} uploads aborted,"
        f" {len(copies)} copies and {len(folders)} temporary folders removed"
    )
    facts = {"builds": builds, "runs": closed, "uploads": uploads, "copies": copies, "folders": folders}
    return TaskResult(summary, facts)


def _remove_copies(connection: Connection, bucket: Bucket, before: datetime) -> list[str]:
    """Remove copies of replaced partitions that are older and that no manifest describes."""
    found = defaultdict(list)
    for key, info in bucket.list("raw_history/").items():
        if (parts := read_key(key)) and info.modified_at < before:
            found[parts.retailer_id, parts.business_date].append(key)
    removed = []
    for (retailer_id, day), copies in found.items():
        with transaction(connection) as cursor:
            lock_in_transaction(cursor, "raw", retailer_id, day)
            removed += remove_unused(bucket, find_manifest(bucket, retailer_id, day), copies)
    return [f"s3://{bucket.name}/{key}" for key in removed]
