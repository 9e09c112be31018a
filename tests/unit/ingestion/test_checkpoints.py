"""Which dates are missing from the warehouse, whatever order they were loaded in."""

from __future__ import annotations

from datetime import date

import pytest

from ingestion.checkpoints import Published, find_gaps

DAY = date(2024, 2, 10)


def days(*numbers: int) -> tuple[date, ...]:
    return tuple(date(2024, 2, number) for number in numbers)


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
        "two nights are missing",
        "one retailer failed in between",
        "later dates came first",
        "an old date loaded for itself opens no gap",
        "only this date and later ones are there",
    ],
)
def test_missing_dates_are_found_among_the_recent_ones(loaded: tuple[date, ...], missing: tuple[date, ...]) -> None:
    published = Published(last_processed_date=max(loaded, default=None))
    assert find_gaps(DAY, published, loaded, most=7).to_fill == missing


def test_after_a_long_outage_the_latest_are_filled_and_the_rest_is_told() -> None:
    gaps = find_gaps(DAY, Published(last_processed_date=date(2024, 2, 1)), days(1), most=7)
    assert gaps.to_fill == days(3, 4, 5, 6, 7, 8, 9)
    assert gaps.left_out == days(2)
