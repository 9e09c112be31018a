"""`retail reconcile --recount` reads the listing of a source again, and finds what changed there since."""

from __future__ import annotations

from datetime import date, timedelta

from pipeline.reconciliation.model import Hop, Report, State
from pipeline.reconciliation.reconcile import reconcile
from tests.fakes.vendors import Vendor
from tests.integration.ingestion.conftest import Platform
from transformation.main import run as transform

DAY = date(2024, 1, 15)
NAME = "retailer_1"


def reconciled(platform: Platform) -> Report:
    return reconcile(
        platform.settings, DAY, DAY, sources=[NAME], recount=True, with_views=False, sleep=platform.slept.append
    )


def test_a_source_that_has_not_changed_recounts_to_the_same_and_a_later_correction_is_found(
    platform: Platform, vendors: dict[str, Vendor]
) -> None:
    vendors[NAME].clock("2024-01-16T06:00:00Z")
    assert platform.ingest(str(DAY), NAME).ok
    assert transform(DAY, [NAME], settings=platform.settings, run_id="run-1").ok
    assert reconciled(platform).ok

    vendors[NAME].clock("2024-01-20T06:00:00Z")
    report = reconciled(platform)

    differences = report.dates[0].differences
    assert {each.hop for each in differences} == {Hop.SOURCE}
    assert differences[0].examples
    assert "retail run 2024-01-15 --retailer retailer_1 --only-this-date" in differences[0].what_to_do


def test_a_source_that_is_down_is_a_difference_that_says_so(platform: Platform, vendors: dict[str, Vendor]) -> None:
    vendors[NAME].clock("2024-01-16T06:00:00Z")
    assert platform.ingest(str(DAY), NAME).ok
    assert transform(DAY, [NAME], settings=platform.settings, run_id="run-1").ok
    vendors[NAME].faults("down")
    try:
        (difference,) = reconciled(platform).dates[0].differences
    finally:
        vendors[NAME].behave()
    assert difference.hop is Hop.SOURCE
    assert "could not be read again" in difference.reason


def test_ordinary_days_with_rejected_rows_duplicates_and_late_changes_reconcile(
    platform: Platform, vendors: dict[str, Vendor]
) -> None:
    names = sorted(vendors)
    for number, day in enumerate(date(2024, 1, each) for each in (14, 15, 16)):
        for vendor in vendors.values():
            vendor.clock(f"{day + timedelta(days=1)}T08:00:00Z")
            vendor.faults("bad_rows:0.02" if number == 1 else "")
        assert platform.ingest(str(day), since_watermark=True).ok
        assert transform(day, names, settings=platform.settings, run_id=f"run-{number}").ok

    report = reconcile(platform.settings, date(2024, 1, 1), date(2024, 1, 31), sources=names, with_views=False)

    assert report.ok, [str(one) for each in report.differing for one in each.differences]
    assert {each.state for each in report.dates} == {State.EQUAL}
    assert len(report.dates) >= 9
    [(rejected,)] = platform.query("SELECT sum(rejected) FROM ops.load_ledger")
    assert rejected > 0
