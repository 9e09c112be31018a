"""A zone's intervals agree with `zoneinfo`, minute by minute around every change of the clocks."""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ingestion.mapping.zones import local_intervals

ZONES = ["Europe/London", "America/Sao_Paulo", "Australia/Lord_Howe", "Asia/Kolkata", "Antarctica/Troll", "UTC"]


@pytest.mark.parametrize("name", ZONES)
def test_local_times_around_each_change_are_the_first_of_two(name: str) -> None:
    zone = ZoneInfo(name)
    intervals = local_intervals(zone, 2015, 2024)
    starts = [entry.local_from for entry in intervals]
    for entry in intervals[1:]:
        for minutes in range(-240, 241, 10):
            local = entry.local_from + timedelta(minutes=minutes)
            offset = intervals[bisect_right(starts, local) - 1].offset_seconds
            aware = local.replace(tzinfo=zone)
            exists = aware.astimezone(UTC).astimezone(zone).replace(tzinfo=None) == local
            assert (offset is not None) == exists
            if offset is not None:
                assert local - timedelta(seconds=offset) == aware.astimezone(UTC).replace(tzinfo=None)


@pytest.mark.parametrize("name", ZONES)
def test_utc_times_around_each_change_give_the_local_times_of_the_zone(name: str) -> None:
    zone = ZoneInfo(name)
    intervals = [entry for entry in local_intervals(zone, 2015, 2024) if entry.offset_seconds is not None]
    starts = [entry.utc_from for entry in intervals]
    for entry in intervals[1:]:
        for minutes in range(-240, 241, 10):
            utc_at = entry.utc_from + timedelta(minutes=minutes)
            offset = intervals[bisect_right(starts, utc_at) - 1].offset_seconds
            local = utc_at.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None)
            assert offset == (local - utc_at).total_seconds()


def test_a_zone_that_never_changes_is_one_interval() -> None:
    assert [entry.offset_seconds for entry in local_intervals(ZoneInfo("Asia/Kolkata"), 2015, 2024)] == [19_800]
    assert local_intervals(ZoneInfo("UTC"), 1900, 2200)[0].local_from == datetime(1, 1, 1)  # noqa: DTZ001
