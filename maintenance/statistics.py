"""Statistics for the planner, where they have fallen behind."""

from __future__ import annotations

from maintenance.upkeep import Done, Duty, wait_no_longer_than
from shared.database import transaction


def refresh_statistics(duty: Duty) -> Done:
    """Analyze the tables that have doubled since they last were; autovacuum sees to smaller changes."""
    with duty.warehouse() as connection:
        wait_no_longer_than(connection, 10)
        with transaction(connection) as cursor:
            cursor.execute("SELECT ops.refresh_statistics()")
            row = cursor.fetchone()
    analyzed: list[str] = list(row[0]) if row else []
    return Done(f"{len(analyzed)} tables analyzed", {"analyzed": analyzed})
