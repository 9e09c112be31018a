"""The business date of every kind of run, against Airflow's own timetable: time zones, DST, month ends."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cli.backfill_plan import date_range, last_due
from shared.business_dates import business_date

ZONES = (
    "UTC",
    "America/New_York",  # without 02:00 on a Sunday of March
    "Pacific/Auckland",  # no 02:00 in September, two of them in April
    "Europe/London",
    "Asia/Kathmandu",  # 5 h 45 min ahead
    "America/Sao_Paulo",  # had no midnight on some days
    "Australia/Lord_Howe",  # half an hour at 02:00
    "Pacific/Kiritimati",  # 14 h ahead
)
FIRST, LAST = date(2015, 1, 2), date(2034, 12, 30)
ONE_DAY = timedelta(days=1)
slowly = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@dataclass
class Run:
    """What a task knows about its run."""

    run_type: str
    run_after: datetime
    logical_date: datetime | None = None
    data_interval_start: datetime | None = None
    data_interval_end: datetime | None = None


def changes_of_clocks(zone: str) -> list[date]:
    """The days on which the clocks change, and the days next to them."""
    days = [FIRST + timedelta(days=number) for number in range((LAST - FIRST).days)]
    offsets = [datetime.combine(day, time_of_day(), ZoneInfo(zone)).utcoffset() for day in days]
    changed = [day for day, today, next_day in zip(days, offsets, offsets[1:], strict=False) if today != next_day]
    return [day + timedelta(days=number) for day in changed for number in (-1, 0, 1)]


CHANGES = {zone: changes_of_clocks(zone) for zone in ZONES}
MONTH_ENDS = [date(year, month, 1) - ONE_DAY for year in range(2015, 2034) for month in range(2, 13)]


@st.composite
def zones_and_days(draw: st.DrawFn) -> tuple[str, date]:
    """Any day, but those on which something may go wrong more often."""
    zone = draw(st.sampled_from(ZONES))
    special = sorted({*CHANGES[zone], *MONTH_ENDS})
    return zone, draw(st.one_of(st.sampled_from(special), st.dates(FIRST + 9 * ONE_DAY, LAST - 9 * ONE_DAY)))


@pytest.fixture(scope="module")
def timetables(airflow_home: Path) -> dict[str, Any]:
    """The pipeline's timetable in each zone, as the scheduler has it."""
    from retail_schedule import SinceTimetable

    return {zone: SinceTimetable("0 2 * * *", zone, datetime(2026, 1, 1, tzinfo=UTC)) for zone in ZONES}


def intervals(timetable: Any, since: datetime, until: datetime) -> list[Any]:
    """The data intervals of the runs that a backfill, or a schedule with catch-up, makes between two instants."""
    import pendulum
    from airflow.timetables.base import TimeRestriction

    restriction = TimeRestriction(pendulum.instance(since), pendulum.instance(until), catchup=True)
    found: list[Any] = []
    while info := timetable.next_dagrun_info(
        last_automated_data_interval=found[-1] if found else None, restriction=restriction
    ):
        found.append(info.data_interval)
    return found


def automatic(kind: str, interval: Any) -> Run:
    return Run(kind, interval.end, interval.start, interval.start, interval.end)


@slowly
@given(chosen=zones_and_days(), length=st.integers(1, 9))
def test_a_backfill_runs_exactly_the_requested_dates(
    timetables: dict[str, Any], chosen: tuple[str, date], length: int
) -> None:
    zone, first = chosen
    last = first + (length - 1) * ONE_DAY
    dates = date_range(first, last, ZoneInfo(zone), datetime(2035, 6, 1, tzinfo=UTC))

    runs = [automatic("backfill", each) for each in intervals(timetables[zone], dates.since, dates.until)]

    assert [business_date(run, None, zone) for run in runs] == dates.days
    assert [
        business_date(automatic("scheduled", each), None, zone)
        for each in intervals(timetables[zone], dates.since, dates.until)
    ] == dates.days


@slowly
@given(chosen=zones_and_days())
def test_each_scheduled_run_is_for_the_previous_day_without_gaps_or_repetitions(
    timetables: dict[str, Any], chosen: tuple[str, date]
) -> None:
    zone, day = chosen
    since = datetime.combine(day - 3 * ONE_DAY, time_of_day(12), ZoneInfo(zone)).astimezone(UTC)

    scheduled = intervals(timetables[zone], since, since + timedelta(days=6))

    days = [business_date(automatic("scheduled", each), None, zone) for each in scheduled]
    assert days == [day + number * ONE_DAY for number in range(-2, 4)]
    for run_for, each in zip(days, scheduled, strict=True):
        began = each.end.astimezone(ZoneInfo(zone))
        assert began.date() == run_for + ONE_DAY, "it runs when the day is over"
        assert began.hour in (2, 3)


@slowly
@given(chosen=zones_and_days(), second=st.integers(0, 86_399), named=zones_and_days())
def test_a_manual_run_is_for_yesterday_or_the_day_before_its_logical_date_or_the_chosen_date(
    timetables: dict[str, Any], chosen: tuple[str, date], second: int, named: tuple[str, date]
) -> None:
    import pendulum

    zone, day = chosen
    midnight = datetime.combine(day, time_of_day(), ZoneInfo(zone)).astimezone(UTC)
    now = midnight + timedelta(seconds=second)
    yesterday = now.astimezone(ZoneInfo(zone)).date() - ONE_DAY
    interval = timetables[zone].infer_manual_data_interval(run_after=pendulum.instance(now))
    page = Run("manual", now, now, interval.start, interval.end)
    rest = Run("manual", now)
    logical = datetime.combine(named[1], time_of_day(), ZoneInfo(zone)).astimezone(UTC) + timedelta(hours=1)
    command_line = Run("manual", now, logical, interval.start, interval.end)

    assert business_date(page, None, zone) == business_date(rest, None, zone) == yesterday
    assert business_date(command_line, None, zone) == logical.astimezone(ZoneInfo(zone)).date() - ONE_DAY
    for run in (page, rest, command_line, automatic("scheduled", interval)):
        assert business_date(run, named[1].isoformat(), zone) == named[1]
    backfill = automatic("backfill", interval)
    assert business_date(backfill, named[1].isoformat(), zone) == business_date(backfill, None, zone)


@slowly
@given(chosen=zones_and_days(), second=st.integers(0, 86_399))
def test_the_last_date_that_can_be_backfilled_is_that_of_the_latest_scheduled_run(
    timetables: dict[str, Any], chosen: tuple[str, date], second: int
) -> None:
    zone, day = chosen
    now = datetime.combine(day, time_of_day(), ZoneInfo(zone)).astimezone(UTC) + timedelta(seconds=second)
    over = [each for each in intervals(timetables[zone], now - timedelta(days=4), now) if each.end <= now]

    assert last_due(ZoneInfo(zone), now) <= business_date(automatic("scheduled", over[-1]), None, zone)


def test_a_run_has_its_tasks_whatever_its_logical_date(dag_bag: Any) -> None:
    """As the scheduler knows them; it makes none that starts later than the run's logical date."""
    from airflow.serialization.serialized_objects import DagSerialization

    for dag in dag_bag.dags.values():
        known = DagSerialization.from_dict(DagSerialization.to_dict(dag))
        assert known.tasks
        assert {each.start_date for each in (known, *known.tasks)} == {None}, dag.dag_id


@pytest.mark.parametrize(
    ("since", "first"),
    [
        ("2026-01-01T00:00", "2026-11-19T02:00"),
        ("2026-11-19T01:00", "2026-11-19T02:00"),
        ("2026-11-19T12:00", "2026-11-20T02:00"),
        ("2026-11-20T11:00", "2026-11-21T02:00"),
        ("2026-12-01T00:00", "2026-12-01T02:00"),
    ],
)
def test_the_schedule_runs_the_latest_interval_and_none_before_its_beginning(
    airflow_home: Path, monkeypatch: pytest.MonkeyPatch, since: str, first: str
) -> None:
    """It is noon of the 20th; the latest interval is that from the 19th to the 20th, both at 02:00."""
    from airflow.serialization.decoders import decode_timetable
    from airflow.serialization.encoders import encode_timetable
    from airflow.timetables import interval
    from airflow.timetables.base import TimeRestriction

    from retail_schedule import SinceTimetable

    monkeypatch.setattr(interval, "utcnow", lambda: datetime(2026, 11, 20, 12, tzinfo=UTC))
    begins = datetime.fromisoformat(since).replace(tzinfo=UTC)
    timetable = decode_timetable(encode_timetable(SinceTimetable("0 2 * * *", "UTC", begins)))
    info = timetable.next_dagrun_info(
        last_automated_data_interval=None, restriction=TimeRestriction(None, None, catchup=False)
    )
    assert info and info.data_interval
    assert info.data_interval.start == datetime.fromisoformat(first).replace(tzinfo=UTC)


def test_a_backfill_reaches_back_before_the_beginning(airflow_home: Path) -> None:
    from airflow.timetables.base import TimeRestriction
    from pendulum import instance

    from retail_schedule import SinceTimetable

    timetable = SinceTimetable("0 2 * * *", "UTC", datetime(2026, 11, 20, tzinfo=UTC))
    early = instance(datetime(2024, 2, 28, tzinfo=UTC))
    info = timetable.next_dagrun_info(
        last_automated_data_interval=None, restriction=TimeRestriction(early, None, catchup=True)
    )
    assert info and info.data_interval
    assert info.data_interval.start == datetime(2024, 2, 28, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("chosen", "problem"),
    [
        ("2199-12-31", r"2199-12-31 is in the future \(UTC\)\. Give a past business date"),
        ("1899-12-31", "1899-12-31 is before 1900-01-01"),
    ],
)
def test_a_date_in_the_form_that_no_run_can_be_for_fails_without_a_retry(
    airflow_home: Path, monkeypatch: pytest.MonkeyPatch, chosen: str, problem: str
) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    from retail_airflow import tasks

    run = Run("manual", datetime(2026, 11, 20, 2, tzinfo=UTC))
    monkeypatch.setattr(tasks, "_context", lambda: {"dag_run": run, "params": {"date": chosen}})

    with pytest.raises(AirflowFailException, match=problem):
        tasks.chosen_date("UTC")


@pytest.mark.parametrize(
    ("kind", "chosen", "problem"),
    [
        ("backfill", "2026-11-18", "is for 2026-11-19, but the field Business date of its form was set to 2026-11-18"),
        ("backfill", "2026-11-19", None),
        ("backfill", None, None),
        ("manual", "2026-11-18", None),
    ],
)
def test_a_date_in_the_form_of_a_backfill_fails_its_runs_of_other_dates_without_a_retry(
    airflow_home: Path, monkeypatch: pytest.MonkeyPatch, kind: str, chosen: str | None, problem: str | None
) -> None:
    """A run that is cleared keeps its kind and its form, so it fails again."""
    from airflow.sdk.exceptions import AirflowFailException

    from retail_airflow import tasks

    began = datetime(2026, 11, 19, 2, tzinfo=UTC)
    run = Run(kind, began + ONE_DAY, began, began, began + ONE_DAY)
    monkeypatch.setattr(tasks, "_context", lambda: {"dag_run": run, "params": {"date": chosen}})

    if problem is None:
        assert tasks.chosen_date("UTC") == (chosen if kind == "manual" else "2026-11-19")
        return
    with pytest.raises(AirflowFailException, match=problem):
        tasks.chosen_date("UTC")
