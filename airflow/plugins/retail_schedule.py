"""The schedule of the DAGs: a time of day in the business time zone, from a certain date on.

A `start_date` would not do: Airflow creates no tasks for a run whose logical date is before it, and marks such a run as
successful. A triggered run may be for any date.
"""

from __future__ import annotations

import os
from datetime import datetime
from typing import Any

from airflow.plugins_manager import AirflowPlugin
from airflow.timetables.base import DagRunInfo, DataInterval, TimeRestriction
from airflow.timetables.interval import CronDataIntervalTimetable
from pendulum import DateTime, instance


class SinceTimetable(CronDataIntervalTimetable):
    """A cron schedule that begins at a certain time; backfills may start before it."""

    def __init__(self, cron: str, timezone: str, since: datetime) -> None:
        super().__init__(cron, timezone)
        self._since: DateTime = instance(since)

    def next_dagrun_info(
        self, *, last_automated_data_interval: DataInterval | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        """As in Airflow, but no scheduled interval begins before that time."""
        if not restriction.catchup:  # a backfill needs all of its dates
            earliest = max(restriction.earliest or self._since, self._since)
            restriction = restriction._replace(earliest=earliest)
        return super().next_dagrun_info(
            last_automated_data_interval=last_automated_data_interval, restriction=restriction
        )

    def serialize(self) -> dict[str, Any]:
        """The form that the scheduler stores."""
        return {**super().serialize(), "since": self._since.isoformat()}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> SinceTimetable:
        """Restore it from the stored form."""
        return cls(data["expression"], data["timezone"], datetime.fromisoformat(data["since"]))


def daily(cron: str) -> SinceTimetable:
    """A daily schedule in BUSINESS_TIMEZONE, since RETAIL_PIPELINE_START."""
    since = os.environ.get("RETAIL_PIPELINE_START", "2026-01-01T00:00:00+00:00")
    return SinceTimetable(cron, os.environ.get("BUSINESS_TIMEZONE", "UTC"), datetime.fromisoformat(since))


class RetailSchedulePlugin(AirflowPlugin):
    """Makes the timetable known to the scheduler."""

    name = "retail_schedule"
    timetables = [SinceTimetable]  # noqa: RUF012
