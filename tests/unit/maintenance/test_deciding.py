"""What the maintenance tasks decide, without a database."""

from __future__ import annotations

from datetime import date

from maintenance.gaps import Gap, as_ranges, missing_dates
from maintenance.partitions import months_from

DAY = date(2024, 2, 9)


def test_months_ahead_go_over_the_end_of_the_year() -> None:
    assert months_from(date(2024, 11, 30), 3) == [
        date(2024, 11, 1),
        date(2024, 12, 1),
        date(2025, 1, 1),
        date(2025, 2, 1),
    ]


def test_both_ends_of_a_range_may_be_missing() -> None:
    loaded = {date(2024, 2, 28), date(2024, 3, 1)}
    assert missing_dates(loaded, date(2024, 2, 27), date(2024, 3, 2)) == [
        date(2024, 2, 27),
        date(2024, 2, 29),
        date(2024, 3, 2),
    ]


def test_gaps_that_follow_one_another_are_one_range_per_retailer() -> None:
    gaps = [Gap("b", date(2024, 3, 1)), Gap("a", date(2024, 2, 28)), Gap("a", date(2024, 2, 29)), Gap("a", DAY)]
    assert [f"{each.retailer_id} {each}" for each in as_ranges(gaps)] == [
        "a 2024-02-09",
        "a 2024-02-28 to 2024-02-29 (2 dates)",
        "b 2024-03-01",
    ]
