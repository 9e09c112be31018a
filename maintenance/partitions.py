"""Creates months and days in advance, so that the first load of a month does not have to."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date, timedelta

import psycopg2.errors

from maintenance.task import TaskContext, TaskResult, set_lock_timeout
from shared.database import Connection, transaction
from shared.errors import RetryLater

MONTHS_AHEAD = 3
DAYS_AHEAD = 400
_ATTEMPTS = 10
_WAIT_SECONDS = 1.0
"""For the lock; a load that arrives meanwhile waits no longer than this."""
_PAUSE_SECONDS = 3.0


def create_partitions(context: TaskContext, *, sleep: Callable[[float], None] = time.sleep) -> TaskResult:
    """Create the partitions of this month and the next three, and the days of more than a year in dim_date.

    Attaching a month needs a lock that loads hold. It waits briefly, with pauses in which loads go first;
    raises RetryLater when the lock was never free.
    """
    today = context.clock().astimezone(context.settings.zone()).date()
    months = months_from(today, MONTHS_AHEAD)
    with context.warehouse() as connection:
        with transaction(connection) as cursor:
            cursor.execute("SELECT ops.ensure_dates(%s, %s)", (today, today + timedelta(days=DAYS_AHEAD)))
            cursor.execute("SELECT relname FROM pg_class WHERE relnamespace = 'ops'::regnamespace AND relispartition")
            there = {name for (name,) in cursor.fetchall()}
        set_lock_timeout(connection, _WAIT_SECONDS)
        made = [_ensure(connection, month, sleep) for month in months if f"fact_sales_{month:%Y_%m}" not in there]
    last = f"{months[-1]:%Y-%m}"
    return TaskResult(f"{len(made)} months created; partitions exist up to {last}", {"made": made, "until": last})


def months_from(day: date, ahead: int) -> list[date]:
    """The first days of the day's month and of the next `ahead`."""
    numbers = (day.year * 12 + day.month - 1 + offset for offset in range(ahead + 1))
    return [date(number // 12, number % 12 + 1, 1) for number in numbers]


def _ensure(connection: Connection, month: date, sleep: Callable[[float], None]) -> str:
    for attempt in range(_ATTEMPTS):
        if attempt:
            sleep(_PAUSE_SECONDS)
        try:
            with transaction(connection) as cursor:
                cursor.execute("SELECT ops.ensure_fact_partition(%s)", (month,))
                row = cursor.fetchone()
                return str(row[0]) if row else ""
        except RetryLater as error:
            if not isinstance(error.__cause__, psycopg2.errors.LockNotAvailable):
                raise
    raise RetryLater(
        f"The partition of {month:%Y-%m} was not created: loads held the lock all the time. Run this again."
    )
