"""Removes what killed runs left: months being built, rows that say `running`, incomplete uploads."""

from __future__ import annotations

from datetime import timedelta

from maintenance.task import TaskContext, TaskResult
from shared.database import transaction
from shared.s3_client import ObjectStore

DEAD_AFTER = timedelta(days=1)
"""No stage or upload takes this long: Airflow ends a task after two hours."""
_CLOSE = """
    UPDATE ops.pipeline_runs
    SET status = 'failed', finished_at = %(now)s, message = %(message)s
    WHERE status = 'running' AND started_at < %(before)s
    RETURNING pipeline_run_id
"""
_MESSAGE = "It was killed: it never ended, and more than a day has passed. Nothing unpublished is visible to readers."


def remove_orphans(context: TaskContext) -> TaskResult:
    """Drop unattached months, close runs that were killed, abort uploads that nobody continues.

    Leaves a running load alone: its months are locked, and its row and uploads are newer.
    """
    now = context.clock()
    with context.warehouse() as connection:
        with transaction(connection) as cursor:
            cursor.execute("SELECT ops.drop_orphan_builds()")
            row = cursor.fetchone()
            builds: list[str] = list(row[0]) if row else []
        with transaction(connection) as cursor:
            cursor.execute(_CLOSE, {"now": now, "before": now - DEAD_AFTER, "message": _MESSAGE})
            closed = cursor.rowcount
    store, s3 = ObjectStore(context.settings.s3), context.settings.s3
    uploads = [
        f"s3://{bucket}/{key}"
        for bucket in (s3.bucket_raw, s3.bucket_processed)
        for key in store.abort_uploads(bucket, untouched_since=now - DEAD_AFTER)
    ]
    summary = f"{len(builds)} unattached months dropped, {closed} dead runs closed, {len(uploads)} uploads aborted"
    return TaskResult(summary, {"builds": builds, "runs": closed, "uploads": uploads})
