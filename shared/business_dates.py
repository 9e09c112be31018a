"""The business date of a run."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from shared.errors import FixConfiguration

FIRST_DATE, LAST_DATE = date(1900, 1, 1), date(2199, 12, 31)
"""Of business dates, and of times in UTC. Offsets from UTC are looked up in these years only, and the warehouse has its
own use for earlier and later times: 9999-12-31 is the end of a version that is current."""


def check_runnable(day: date, timezone: str, now: datetime) -> date:
    """The date, if a run can be for it. Raises FixConfiguration if it has not begun there, or is before 1900."""
    if day > now.astimezone(ZoneInfo(timezone)).date():
        raise FixConfiguration(f"{day} is in the future ({timezone}). Give a past business date.")
    if day < FIRST_DATE:
        raise FixConfiguration(f"{day} is before {FIRST_DATE}, the first date that the warehouse can have.")
    return day


class RunDates(Protocol):
    """What Airflow knows about the date of a run; any of it may be missing."""

    run_type: Any
    run_after: datetime
    logical_date: datetime | None
    data_interval_start: datetime | None
    data_interval_end: datetime | None


def business_date(run: RunDates, chosen: str | None, timezone: str) -> date:
    """The business date a run is for.

    The date chosen in the form; else, for scheduled and backfill runs, the day whose sales the interval holds; else
    the day before the run was requested. In a backfill, one chosen date would apply to all runs, so it never counts.
    """
    zone = ZoneInfo(timezone)
    if chosen and run_kind(run) != "backfill":
        return date.fromisoformat(chosen)
    start, end = run.data_interval_start, run.data_interval_end
    if run_kind(run) != "manual" and start and end and end > start:
        return start.astimezone(zone).date()
    return (run.logical_date or run.run_after).astimezone(zone).date() - timedelta(days=1)


def run_kind(run: RunDates) -> str:
    """`scheduled`, `manual` or `backfill`, whether Airflow gives it as text or as an enum."""
    return str(getattr(run.run_type, "value", run.run_type))
