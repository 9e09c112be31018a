"""Which dates have an alert each, and which sources one for many."""

from __future__ import annotations

from datetime import date, timedelta

from pipeline.reconciliation.alerts import MOST_ALERTS, summarised

DAY = date(2024, 2, 9)


def days(retailer_id: str, number: int) -> set[tuple[str, date]]:
    return {(retailer_id, DAY - timedelta(days=ahead)) for ahead in range(number)}


def test_a_source_has_one_alert_when_all_its_dates_differ_or_very_many() -> None:
    compared = days("all", 2) | days("one", 1) | days("some", 35) | days("many", 35) | days("none", 35)
    found = days("all", 2) | days("one", 1) | days("some", MOST_ALERTS) | days("many", MOST_ALERTS + 1)
    together = summarised(found, compared)
    assert {name: len(each) for name, each in together.items()} == {"all": 2, "many": MOST_ALERTS + 1}
    assert together["all"] == [DAY - timedelta(days=1), DAY]
