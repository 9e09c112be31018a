"""States of receipts: at any time each line has exactly one state."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retailers.retailer1.market import MARKET
from retailers.seeding.receipts import Entry, Receipt, line_entries, receipt_entries
from retailers.seeding.sales import SalesGenerator

DAY = date(2024, 1, 15)
MAKER = SalesGenerator(MARKET, 5, 3000)
RECEIPTS = [*MAKER.receipts(DAY), *(r for n in range(20) for r in MAKER.misdated(DAY + timedelta(days=n)))]
CORRECTED = [receipt for receipt in RECEIPTS if receipt.correction]
MIDDAY = 1_705_338_000


def held(entries: list[Entry], time: int) -> dict[int, tuple[object, ...]]:
    found: dict[int, tuple[object, ...]] = {}
    for entry in entries:
        if entry.since <= time and (entry.until is None or time < entry.until):
            for line in entry.lines:
                assert line.number not in found
                found[line.number] = (line, entry.customer, entry.sold_at, entry.business_date)
    return found


@given(st.sampled_from(RECEIPTS), st.integers(-2 * 86_400, 25 * 86_400))
def test_states_of_receipts_and_of_lines_have_the_same_lines_at_any_time(receipt: Receipt, offset: int) -> None:
    by_line, by_receipt = held(line_entries(receipt), MIDDAY + offset), held(receipt_entries(receipt), MIDDAY + offset)
    assert by_line == by_receipt


@given(st.sampled_from(CORRECTED))
def test_a_correction_shows_from_its_second_on(receipt: Receipt) -> None:
    correction = receipt.correction
    assert correction is not None
    entries = receipt_entries(receipt)
    before, after = held(entries, correction.at - 1), held(entries, correction.at)
    assert [line for line, *_ in before.values()] == list(receipt.lines)
    assert [line for line, *_ in after.values()] == list(correction.lines)
    assert before.keys() == after.keys()
    assert before != after


@given(st.sampled_from(CORRECTED))
def test_a_line_that_a_correction_leaves_alone_keeps_its_time_of_change(receipt: Receipt) -> None:
    correction = receipt.correction
    assert correction is not None
    for entry in line_entries(receipt):
        if entry.since == correction.at:
            touched = {line.number for line in entry.lines}
            assert correction.touched is None or touched == correction.touched


@pytest.mark.parametrize("receipt", [r for r in RECEIPTS if r.correction is None and r.booked_at > r.sold_at + 3600])
def test_a_late_receipt_is_unknown_until_it_arrives(receipt: Receipt) -> None:
    assert not held(line_entries(receipt), receipt.booked_at - 1)
    assert held(line_entries(receipt), receipt.booked_at)


def test_only_a_moved_receipt_names_a_previous_date() -> None:
    for receipt in CORRECTED:
        *_, last = receipt_entries(receipt)
        moved = receipt.correction is not None and receipt.correction.business_date != receipt.business_date
        assert (last.previous_date == receipt.business_date) is moved
