"""A range of business dates as a backfill in Airflow: the runs it consists of, and which of them exist already."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from cli.airflow_session import Airflow
from shared.airflow_rest.client import AirflowError
from shared.airflow_rest.runs import Run, runs_between
from shared.counts import counted
from shared.errors import FixConfiguration, StopRun

RUNS_AT = time_of_day(2)
"""When the daily run starts, in BUSINESS_TIMEZONE; the previous day is complete then."""
CLOSING_SECONDS = 90.0
"""Airflow closes a backfill up to half a minute after its last run."""
MOST_DATES = 3660


@dataclass(frozen=True)
class Range:
    """Business dates, both ends included, and the instants between which their runs' logical dates are."""

    first: date
    last: date
    since: datetime
    until: datetime

    @property
    def days(self) -> list[date]:
        """All of them."""
        return [self.first + timedelta(days=number) for number in range((self.last - self.first).days + 1)]


@dataclass(frozen=True)
class Plan:
    """What a backfill of a range would run, and what exists already and stays unchanged."""

    dates: Range
    to_run: tuple[date, ...]
    there: tuple[Run, ...]
    """Runs of the range that stay unchanged; some may still be running."""

    @property
    def kept(self) -> dict[date, str]:
        """The state of each date that stays unchanged."""
        return {run.day: str(run.state) for run in self.there}


def date_range(first: date, last: date, zone: ZoneInfo, now: datetime) -> Range:
    """The range, in the instants that Airflow wants.

    A day's logical date is 02:00 local time, or 03:00 on days without 02:00. Midnight to the last second of a day
    contains exactly one of them, also when the clocks change. Raises FixConfiguration when the range ends before it
    begins, or ends with a day whose run is not due.
    """
    if first > last:
        raise FixConfiguration(f"FROM {first} is after TO {last}. Give the earlier date first.")
    if last > (due := last_due(zone, now)):
        raise FixConfiguration(
            f"{last} is not over before {last + timedelta(days=1)} {RUNS_AT:%H:%M} ({zone.key}). The last date that can"
            f" be backfilled is {due}; a later one runs automatically, or now with: retail schedule trigger {last}"
        )
    if (last - first).days >= MOST_DATES:
        raise FixConfiguration(f"{first} to {last} are more than {MOST_DATES} dates. Backfill ten years at a time.")
    since = datetime.combine(first, time_of_day(), zone)
    until = datetime.combine(last, time_of_day(23, 59, 59), zone)
    return Range(first, last, since.astimezone(UTC), until.astimezone(UTC))


def last_due(zone: ZoneInfo, now: datetime) -> date:
    """The last business date whose run is due."""
    local = now.astimezone(zone)
    return local.date() - timedelta(days=1 if local.time() >= RUNS_AT else 2)


def plan(airflow: Airflow, dag_id: str, dates: Range, reprocess: str) -> Plan:
    """What Airflow would do; nothing is started. Raises StopRun when that differs from the requested dates."""
    response = airflow.api.call("POST", "/api/v2/backfills/dry_run", _body(dag_id, dates, reprocess, 1))
    to_run = tuple(sorted(_day(each, airflow.zone) for each in response["backfills"]))
    there = tuple(run for run in _daily_runs(airflow, dag_id, dates.since, dates.until) if run.day not in to_run)
    if others := sorted({*to_run, *(run.day for run in there)} ^ set(dates.days)):
        raise StopRun(
            f"Airflow would run {counted(len(to_run), 'date')} between {dates.first} and {dates.last}, not those"
            f" requested: {_listed(others)}. Does it run daily, and is"
            f" BUSINESS_TIMEZONE ({airflow.timezone}) that of Airflow?"
        )
    return Plan(dates, to_run, there)


def start(
    airflow: Airflow,
    dag_id: str,
    dates: Range,
    reprocess: str,
    max_active_runs: int,
    *,
    sleep: Callable[[float], None] = time.sleep,
    monotonic: Callable[[], float] = time.monotonic,
) -> int:
    """Start the backfill and return its number.

    Airflow allows one at a time for a DAG. A backfill whose runs have all finished is only being closed, so it is
    waited for; for one that still runs, StopRun is raised.
    """
    deadline = monotonic() + CLOSING_SECONDS
    while True:
        try:
            body = _body(dag_id, dates, reprocess, max_active_runs)
            return int(airflow.api.call("POST", "/api/v2/backfills", body)["id"])
        except AirflowError as error:
            if error.status != 409:
                raise
            _reject_when_under_way(airflow, dag_id, too_late=monotonic() > deadline)
        sleep(2.0)


def _reject_when_under_way(airflow: Airflow, dag_id: str, *, too_late: bool) -> None:
    query = urlencode({"dag_id": dag_id, "order_by": "-id", "limit": 20})
    open_ones = [
        each for each in airflow.api.call("GET", f"/api/v2/backfills?{query}")["backfills"] if not each["completed_at"]
    ]
    for each in open_ones:
        since, until = datetime.fromisoformat(each["from_date"]), datetime.fromisoformat(each["to_date"])
        runs = _daily_runs(airflow, dag_id, since, until)
        going = [run for run in runs if not run.is_over]
        if going or too_late:
            days = f"{since.astimezone(airflow.zone):%Y-%m-%d} to {until.astimezone(airflow.zone):%Y-%m-%d}"
            held = ", and it is paused: unpause it there" if each["is_paused"] else ""
            raise StopRun(
                f"Backfill {each['id']} of {dag_id} ({days}) is still running: {len(going)} of {len(runs)} runs are not"
                f" done{held}. Airflow runs one at a time. Wait for it (retail schedule runs), or cancel it at"
                f" {airflow.api.page_url}/dags/{dag_id}/backfills"
            )


def runs_of(airflow: Airflow, dag_id: str, wanted: Plan) -> list[Run]:
    """The runs that the backfill created or restarted, in their present state."""
    found = _daily_runs(airflow, dag_id, wanted.dates.since, wanted.dates.until)
    return [run for run in found if run.day in wanted.to_run]


def _daily_runs(airflow: Airflow, dag_id: str, since: datetime, until: datetime) -> list[Run]:
    """The runs that are a day's scheduled run, however they were started; one for each day.

    A run that was triggered in the web interface has a logical date too: the time of the click.
    """
    found = []
    for run in runs_between(airflow.api, dag_id, since, until, airflow.timezone):
        day = run.logical_date.astimezone(airflow.zone).date() if run.logical_date else run.day
        on_time = {datetime.combine(day, RUNS_AT, airflow.zone).replace(fold=fold).astimezone(UTC) for fold in (0, 1)}
        if run.kind in ("scheduled", "backfill") or run.logical_date in on_time:
            found.append(replace(run, day=day))
    return found


def format_dates(days: Sequence[date]) -> str:
    """Dates as ranges: `2024-01-01 to 2024-01-03, 2024-01-07`."""
    parts: list[list[date]] = []
    for day in sorted(days):
        if parts and day - parts[-1][-1] == timedelta(days=1):
            parts[-1].append(day)
        else:
            parts.append([day])
    return ", ".join(str(part[0]) if len(part) == 1 else f"{part[0]} to {part[-1]}" for part in parts)


def _body(dag_id: str, dates: Range, reprocess: str, max_active_runs: int) -> dict[str, Any]:
    return {
        "dag_id": dag_id,
        "from_date": dates.since.isoformat(),
        "to_date": dates.until.isoformat(),
        "reprocess_behavior": reprocess,
        "max_active_runs": max_active_runs,
    }


def _day(planned: Mapping[str, Any], zone: ZoneInfo) -> date:
    """The business date of a planned run: the day on which its interval begins."""
    return datetime.fromisoformat(planned["logical_date"]).astimezone(zone).date()


def _listed(days: Sequence[date]) -> str:
    return ", ".join(map(str, days[:5])) + (" …" if len(days) > 5 else "")
