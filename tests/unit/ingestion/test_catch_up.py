"""Which other dates a run reads: those missing from the warehouse, and those that changed at the source."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from ingestion.catch_up import (
    Gaps,
    Published,
    affected_dates,
    changes_since,
    find_gaps,
    includes_change,
    look_back,
    with_look_back,
    without_future_dates,
)
from ingestion.connectors.protocol import Changes
from shared.partitions import Manifest, RequestWindow

DAY = date(2024, 2, 10)
NOON = datetime(2024, 1, 20, 12, tzinfo=UTC)


def days(*numbers: int) -> tuple[date, ...]:
    return tuple(date(2024, 2, number) for number in numbers)


def january(number: int) -> date:
    return date(2024, 1, number)


def listing(*numbers: int) -> Changes:
    return Changes({january(each): NOON for each in numbers}, NOON)


@pytest.mark.parametrize(
    ("loaded", "missing"),
    [
        ((), ()),
        (days(9), ()),
        (days(7), days(8, 9)),
        (days(6, 8, 9), days(7)),
        (days(5, 8, 12), days(6, 7, 9)),
        ((date(2023, 1, 15), *days(8, 9)), ()),
        (days(10, 11), ()),
    ],
    ids=[
        "nothing was ever loaded",
        "yesterday is there",
        "two dates are missing",
        "one retailer failed in between",
        "later dates came first",
        "an old date loaded for itself opens no gap",
        "only this date and later ones are there",
    ],
)
def test_missing_dates_are_found_among_the_recent_ones(loaded: tuple[date, ...], missing: tuple[date, ...]) -> None:
    published = Published(last_processed_date=max(loaded, default=None))
    assert find_gaps(DAY, published, loaded, most=7).to_fill == missing


def test_after_a_long_outage_the_latest_dates_are_filled_and_the_others_reported() -> None:
    gaps = find_gaps(DAY, Published(last_processed_date=date(2024, 2, 1)), days(1), most=7)
    assert gaps.to_fill == days(3, 4, 5, 6, 7, 8, 9)
    assert gaps.left_out == days(2)


def test_a_date_in_the_future_hides_no_outage() -> None:
    loaded = [date(2024, 2, 1), date(2099, 1, 1)]
    now = datetime(2024, 2, 11, tzinfo=UTC)
    published = without_future_dates(Published(last_processed_date=date(2099, 1, 1)), loaded, now)
    assert find_gaps(DAY, published, loaded, most=7).left_out == days(2)
    assert without_future_dates(Published(DAY), loaded, now) == Published(DAY)


def test_changes_are_read_again_from_some_days_before_the_watermark() -> None:
    published = Published(january(9), NOON)
    assert changes_since(january(10), published, 3, NOON + timedelta(days=1)) == NOON - timedelta(days=3)


def test_changes_are_never_read_from_later_than_our_own_clock_allows() -> None:
    for mark in (NOON, NOON + timedelta(minutes=5), datetime(2099, 1, 1, tzinfo=UTC)):
        assert changes_since(january(10), Published(january(9), mark), 3, NOON) == NOON - timedelta(days=3, minutes=10)


def test_the_earliest_time_there_is_can_be_the_watermark() -> None:
    published = Published(january(9), datetime(1, 1, 1, tzinfo=UTC))
    assert changes_since(january(10), published, 3, NOON) == datetime(1969, 12, 29, tzinfo=UTC)


def test_without_a_watermark_changes_are_read_from_before_the_day_began_anywhere() -> None:
    assert changes_since(january(10), Published(), 3, NOON) == datetime(2024, 1, 6, 10, tzinfo=UTC)


def test_published_dates_that_changed_are_read_again() -> None:
    published = Published(january(9), NOON, first_date=january(5))
    assert list(affected_dates(january(10), published, listing(8, 6), Gaps())) == [january(6), january(8)]


def test_dates_before_the_first_after_the_day_or_read_anyway_are_left_out() -> None:
    published = Published(january(8), NOON, first_date=january(5))
    assert list(affected_dates(january(10), published, listing(4, 7, 9, 10, 11), Gaps((january(9),)))) == [january(7)]


def test_nothing_published_means_nothing_to_read_again() -> None:
    assert affected_dates(january(10), Published(), listing(8, 9), Gaps()) == {}


def test_a_later_run_of_an_old_day_also_reads_changed_dates_after_it() -> None:
    published = Published(january(15), NOON, first_date=january(5))
    assert list(affected_dates(january(10), published, listing(12, 16), Gaps())) == [january(12)]


def test_a_partition_contains_a_change_only_if_it_was_read_well_after_it() -> None:
    manifest = Manifest(
        retailer_id="retailer_1",
        business_date=january(10),
        run_id="r",
        object_key="k",
        sha256="0",
        size_bytes=0,
        fetched=0,
        landed=0,
        rejected=0,
        distinct=0,
        amounts={},
        window=RequestWindow(requested_from=NOON, requested_until=NOON),
        code_version="v",
        written_at=NOON,
    )
    assert includes_change(manifest, NOON - timedelta(minutes=11))
    assert not includes_change(manifest, NOON - timedelta(minutes=9))
    assert not includes_change(manifest, NOON + timedelta(days=1))


def test_the_look_back_is_read_as_well_where_a_list_of_changes_does_not_show_deletions() -> None:
    day, now = date(2024, 1, 15), datetime(2024, 1, 16, 6, tzinfo=UTC)
    listed = Changes({date(2024, 1, 2): now - timedelta(hours=5)}, now - timedelta(minutes=15))
    again = with_look_back(replace(listed, shows_deletions=False), day, 2, now)
    assert with_look_back(listed, day, 2, now) == listed
    assert again.dates == {**listed.dates, date(2024, 1, 13): now, date(2024, 1, 14): now}
    assert again.as_of == listed.as_of
    assert with_look_back(None, day, 2, now) == look_back(day, 2, now)
