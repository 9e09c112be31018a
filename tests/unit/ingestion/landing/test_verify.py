from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from ingestion.connectors.protocol import RawPage
from ingestion.landing import verify
from ingestion.landing.listing import reading_listing
from ingestion.landing.verify import Totals, find_mismatch, rejected_money, unexplained_money
from ingestion.mapping.workspace import workspace
from shared.partitions import ControlReport
from tests.fakes.retailer_mappings import retailer_mapping
from tests.fakes.vendor_rows import row_1

DAY = date(2024, 1, 15)
BAD = row_1(line_no=9, unit_price="-3.50", qty=2, line_total="-7.00")


def totals(*rows: Any) -> Totals:
    with (
        workspace(96, threads=1) as connection,
        reading_listing(retailer_mapping(1), DAY, 96, connection) as listing,
    ):
        listing.add(RawPage(1, rows[:1], datetime.now(UTC)))
        listing.add(RawPage(2, rows[1:], datetime.now(UTC)))
        counted, _ = listing.complete()
        return counted


def report(lines: int, **net: str) -> ControlReport:
    return ControlReport(lines=lines, net={currency: Decimal(amount) for currency, amount in net.items()})


def test_a_listing_that_agrees_with_the_control_report_is_accepted() -> None:
    assert find_mismatch(totals(row_1(), row_1(line_no=2)), report(2, USD="50.00")) is None


def test_the_rejected_share_of_the_money_counts_amounts_regardless_of_their_sign() -> None:
    counted = totals(row_1(), BAD)
    assert counted.rejected_gross_amounts == {"USD": Decimal("7.00")}
    assert rejected_money(counted, 0.25) == ""
    assert rejected_money(counted, 0.2) == "7.00 of 32.00 USD rejected, more than 20% of the money"
    assert rejected_money(totals(row_1(), row_1(line_no=2)), 0) == ""


def test_duplicates_count_once_against_the_report_and_each_time_in_the_manifest() -> None:
    counted = totals(row_1(), row_1(), row_1(line_no=2))
    assert find_mismatch(counted, report(2, USD="50.00")) is None
    assert (counted.landed, counted.contents.distinct) == (3, 2)
    assert counted.contents.amounts["USD"].landed == Decimal("75")


def test_the_later_of_two_versions_of_a_line_counts() -> None:
    old = row_1(qty=3, line_total="37.50", last_modified="2024-01-15T12:00:00Z")
    new = row_1(qty=1, line_total="12.50", last_modified="2024-01-17T12:00:00Z")
    assert find_mismatch(totals(old, new), report(1, USD="12.50")) is None
    assert find_mismatch(totals(new, old), report(1, USD="12.50")) is None


def test_a_missing_line_is_reported_with_both_figures() -> None:
    said = find_mismatch(totals(row_1()), report(2, USD="50.00"))
    assert said == "the listing has 1 distinct lines, the retailer's report 2"


def test_missing_money_is_reported_with_both_figures() -> None:
    said = find_mismatch(totals(row_1()), report(1, USD="25.01"))
    assert said == "the listing adds up to 25.00 USD, the retailer's report to 25.01 USD"


def test_currencies_are_not_mixed() -> None:
    rows = (row_1(), row_1(line_no=2, currency="CAD"))
    assert find_mismatch(totals(*rows), report(2, USD="25.00", CAD="25.00")) is None
    assert find_mismatch(totals(*rows), report(2, USD="50.00")) is not None


def test_a_currency_with_a_net_of_zero_may_be_missing_in_the_report() -> None:
    row = row_1(qty=0, line_total="0.00")
    assert find_mismatch(totals(row), report(1)) is None
    assert find_mismatch(totals(), report(0, USD="0.00")) is None


def test_with_rejected_records_lines_are_compared_and_money_is_not() -> None:
    counted = totals(row_1(), BAD, BAD)
    assert find_mismatch(counted, report(2, USD="1.00")) is None
    assert (counted.fetched, counted.landed, counted.rejected) == (3, 1, 2)
    assert counted.contents.amounts["USD"].rejected == Decimal("-14.00")


@pytest.mark.parametrize(("reported", "explained"), [("25.00", True), ("18.00", True), ("24.00", False)])
def test_the_report_may_or_may_not_include_the_money_of_rejected_records(reported: str, explained: bool) -> None:
    counted = totals(row_1(), BAD)
    assert (unexplained_money(counted, report(2, USD=reported)) is None) is explained


def test_sums_of_money_do_not_overflow() -> None:
    rows = [
        row_1(line_no=line, qty=10_000, unit_price="9999999999", line_total="99999999990000") for line in range(1, 101)
    ]
    counted = totals(*rows)
    assert counted.distinct_amounts == {"USD": Decimal("9999999999000000")}
    assert counted.contents.amounts["USD"].landed == Decimal("9999999999000000")


def test_negative_money_is_summed_exactly() -> None:
    rows = [row_1(line_no=n, txn_type="RETURN", qty=-1, unit_price="0.001", line_total="-0.001") for n in range(1, 8)]
    assert totals(*rows).distinct_amounts == {"USD": Decimal("-0.007")}


def test_figures_that_differ_only_after_the_second_decimal_are_shown_completely() -> None:
    said = find_mismatch(totals(row_1()), report(1, USD="25.00000001"))
    assert said == "the listing adds up to 25.0000 USD, the retailer's report to 25.00000001 USD"


def test_a_line_that_is_listed_in_two_currencies_is_one_line() -> None:
    for currencies in (("USD", "EUR"), ("EUR", "USD")):
        found = totals(*(row_1(currency=currency) for currency in currencies))
        assert (found.landed, found.distinct) == (2, 1)
        assert found.distinct_amounts == {"USD": Decimal(25)}


def test_lines_are_counted_the_same_in_several_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [row_1(line_no=number % 30) for number in range(50)]
    counted = totals(*rows)
    monkeypatch.setattr(verify, "_KEYS_AT_ONCE", 7)
    assert totals(*rows) == counted
    assert (counted.landed, counted.distinct) == (50, 30)
