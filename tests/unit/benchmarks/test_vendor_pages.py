from __future__ import annotations

from datetime import date

import pytest

from benchmarks.vendor_pages import pages, read_pages


@pytest.mark.parametrize("number", [1, 2, 3])
def test_pages_that_are_made_up_become_one_line_of_the_raw_zone_each(number: int) -> None:
    day, written = date(2024, 1, 15), list[bytes]()
    totals = read_pages(number, pages(number, 100, day), day, written.append)
    assert totals.landed == totals.distinct == 100
    assert sum(text.count(b"\n") for text in written) == 100
