"""Which way each month of a load takes."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from transformation.load.plan import BUILD_FROM_ROWS, LoadPath, make_plan

JANUARY = date(2024, 1, 1)
FEBRUARY = date(2024, 2, 1)
MANY = BUILD_FROM_ROWS


def days(first: date, count: int, rows: int) -> dict[date, int]:
    return {first + timedelta(days=ahead): rows // count for ahead in range(count)}


def test_a_day_is_merged_and_complete_months_are_built() -> None:
    plan = make_plan({**days(JANUARY, 1, 5_000), **days(FEBRUARY, 20, MANY)}, {}, LoadPath.AUTO)
    assert plan.merged == (JANUARY,)
    assert [(month.first_day, len(month.days), month.replaces) for month in plan.months] == [(FEBRUARY, 20, False)]


@pytest.mark.parametrize(("present", "built"), [(0, True), (2 * MANY, True), (10 * MANY, False)])
def test_a_month_that_is_there_is_built_again_only_if_much_of_it_is_loaded(present: int, built: bool) -> None:
    plan = make_plan(days(JANUARY, 10, MANY), {JANUARY: present}, LoadPath.AUTO)
    assert bool(plan.months) is built


def test_a_path_can_be_forced() -> None:
    few, many = days(JANUARY, 1, 1), days(JANUARY, 20, MANY)
    assert make_plan(few, {JANUARY: 10**6}, LoadPath.BUILD).merged == ()
    assert make_plan(many, {}, LoadPath.MERGE).months == ()


def test_dates_that_share_transactions_are_merged_and_the_rest_of_a_new_month_is_built() -> None:
    shared = [JANUARY, FEBRUARY]
    rows = {**days(JANUARY, 20, MANY), **days(FEBRUARY, 20, MANY)}
    plan = make_plan(rows, {FEBRUARY: 5}, LoadPath.AUTO, split_dates=shared)
    assert JANUARY in plan.merged
    assert [month.first_day for month in plan.months] == [JANUARY], "a month to be replaced is merged as a whole"
    assert set(plan.merged) == {JANUARY, *(day for day in rows if day.month == 2)}
    assert sorted(plan.loaded) == sorted(rows)


def test_unchanged_dates_are_in_neither_path() -> None:
    rows = days(JANUARY, 20, MANY)
    plan = make_plan({day: rows[day] for day in rows if day.day > 5}, {}, LoadPath.BUILD, unchanged=[JANUARY])
    assert (plan.unchanged, JANUARY in plan.loaded) == ((JANUARY,), False)
