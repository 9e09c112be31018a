"""Pages that would never end are noticed, and those of a real source are not."""

from __future__ import annotations

from itertools import cycle, islice
from typing import Any

import pytest

from ingestion.connectors.paging import PageLimits
from shared.errors import RetryLater, StopRun


def limits(reported_lines: int | None = None, seconds: list[float] | None = None) -> PageLimits:
    times = iter(seconds or [])
    return PageLimits("shop 2024-01-15: the listing", 60, lambda: next(times, 0.0), reported_lines)


def page(first: int, rows: int = 100) -> list[dict[str, Any]]:
    return [{"id": number} for number in range(first, first + rows)]


@pytest.mark.parametrize(
    "pages",
    [[[]], [page(0)], [page(0), page(100)], [page(0), [], page(100)]],
    ids=["empty pages", "one page", "two in a circle", "a circle with an empty page"],
)
def test_pages_that_bring_nothing_new_end_the_reading(pages: list[list[dict[str, Any]]]) -> None:
    reading = limits()
    with pytest.raises(StopRun, match="shop 2024-01-15: the listing: 20 pages in a row brought nothing new"):
        for rows in islice(cycle(pages), 100):
            reading.check(rows)


def test_pages_that_are_repeated_now_and_then_do_not() -> None:
    reading = limits(reported_lines=100_000)
    for first in range(0, 100_000, 100):
        for rows in (page(first), page(first), []):
            reading.check(rows)


def test_far_more_rows_than_reported_end_the_reading() -> None:
    reading = limits(reported_lines=3)
    with pytest.raises(StopRun, match="100,100 rows came, far more than the control report has"):
        for first in range(0, 1_000_000, 100):
            reading.check(page(first))


def test_a_page_of_far_more_rows_than_requested_ends_the_reading() -> None:
    reading = limits()
    reading.check(page(0, 100), requested=50)
    with pytest.raises(StopRun, match="a page has 101 rows, but at most 50 were requested"):
        reading.check(page(0, 101), requested=50)


def test_the_time_is_limited() -> None:
    reading = limits(seconds=[0.0, 3_600.0, 3_600.1])
    reading.check(page(0))
    with pytest.raises(RetryLater, match=r"took more than 60 minutes.*INGEST_LISTING_MINUTES"):
        reading.check(page(100))
