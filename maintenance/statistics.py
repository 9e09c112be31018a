"""Refreshes planner statistics that are out of date."""

from __future__ import annotations

from maintenance.task import TaskContext, TaskResult, set_lock_timeout
from shared.database import transaction


def refresh_statistics(context: TaskContext) -> TaskResult:
    """Analyze the tables that have doubled since they were last analyzed; autovacuum handles smaller changes."""
    with context.warehouse() as connection:
        set_lock_timeout(connection, 10)
        with transaction(connection) as cursor:
            cursor.execute("SELECT ops.refresh_statistics()")
            row = cursor.fetchone()
    analyzed: list[str] = list(row[0]) if row else []
    return TaskResult(f"{len(analyzed)} tables analyzed", {"analyzed": analyzed})
