"""For which dates there may be a run: one rule, for commands and for Airflow."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from shared.business_dates import check_runnable
from shared.errors import FixConfiguration

NOW = datetime(2024, 1, 16, 3, tzinfo=UTC)


@pytest.mark.parametrize("day", [date(1900, 1, 1), date(2024, 1, 15)])
def test_a_date_that_has_begun_can_be_run(day: date) -> None:
    assert check_runnable(day, "America/New_York", NOW) == day


@pytest.mark.parametrize(
    ("day", "timezone", "problem"),
    [
        (date(2024, 1, 16), "America/New_York", r"2024-01-16 is in the future \(America/New_York\)\. Give a past"),
        (date(2024, 1, 17), "Pacific/Kiritimati", r"2024-01-17 is in the future \(Pacific/Kiritimati\)"),
        (date(2200, 1, 1), "UTC", "2200-01-01 is in the future"),
        (date(1899, 12, 31), "UTC", "1899-12-31 is before 1900-01-01, the first date that the warehouse can have"),
    ],
)
def test_a_date_that_has_not_begun_or_that_the_warehouse_cannot_have_is_rejected(
    day: date, timezone: str, problem: str
) -> None:
    with pytest.raises(FixConfiguration, match=problem):
        check_runnable(day, timezone, NOW)


def test_a_date_that_has_begun_further_east_can_be_run_there() -> None:
    assert check_runnable(date(2024, 1, 16), "Pacific/Kiritimati", NOW) == date(2024, 1, 16)
