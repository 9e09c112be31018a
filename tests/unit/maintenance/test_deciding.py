"""What the maintenance tasks decide, without a database."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from maintenance.gaps import Gap, as_ranges, missing_dates
from maintenance.partitions import months_from
from maintenance.reconciliation import compare
from maintenance.reconciliation_alerts import MOST_ALERTS, summarised
from maintenance.reconciliation_inputs import LandedPartition, Totals, WarehouseTotals

DAY = date(2024, 2, 9)
NOW = datetime(2024, 2, 10, tzinfo=UTC)


def totals(records: int, **money: str) -> Totals:
    return Totals(records, {currency: Decimal(amount) for currency, amount in money.items()})


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


def test_a_currency_that_only_one_side_knows_is_a_difference() -> None:
    held = WarehouseTotals(
        totals(2, USD="5", EUR="1"), totals(2, USD="5"), totals(2, USD="5"), totals(2, USD="5", EUR="1"), "x"
    )
    landed = LandedPartition("x", totals(2, USD="5", EUR="1"), NOW)
    assert compare({("a", DAY): held}, {("a", DAY): landed}, settled_before=NOW) == {
        ("a", DAY): ["fact_sales holds 0.00 EUR, the ledger 1.00 (difference -1.0000)"]
    }


def test_a_partition_landed_recently_may_not_be_loaded_yet() -> None:
    new = LandedPartition("new", totals(1), NOW)
    at = ("a", DAY)
    assert compare({}, {at: new}, settled_before=NOW) == {}
    assert compare({}, {at: new}, settled_before=NOW + timedelta(seconds=1)) == {
        at: ["what was landed at 2024-02-10 00:00 UTC was never loaded"]
    }


def days(retailer_id: str, number: int) -> set[tuple[str, date]]:
    return {(retailer_id, DAY - timedelta(days=ahead)) for ahead in range(number)}


def test_a_source_has_one_alert_when_all_its_dates_differ_or_very_many() -> None:
    compared = days("all", 2) | days("one", 1) | days("some", 35) | days("many", 35) | days("none", 35)
    found = days("all", 2) | days("one", 1) | days("some", MOST_ALERTS) | days("many", MOST_ALERTS + 1)
    together = summarised(found, compared)
    assert {name: len(each) for name, each in together.items()} == {"all": 2, "many": MOST_ALERTS + 1}
    assert together["all"] == [DAY - timedelta(days=1), DAY]
